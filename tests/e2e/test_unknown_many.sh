#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Many owners that are not in the local files: after the first of them the modules of
# nsswitch.conf are asked directly, and answer as glibc would.
. "$(dirname "$0")/lib.sh"
plan 15

ok "(a service that lists nobody)" gcc -shared -fPIC -o "$T/libnss_quiet.so.2" tests/e2e/nss_quiet.c
export LD_LIBRARY_PATH=$T
services() { # passwd group
	printf 'passwd: %s\ngroup: %s\n' "$1" "$2" >/etc/nsswitch.conf
}
rm -f /etc/subid.conf
for i in {1..60}; do printf 'far%d:7%03d:70\n' "$i" "$i"; done >/etc/quiet # far1: 7001
tables "far60:300000:65536"
asked=() # each once; more than are asked in the usual way
for i in {1..40}; do asked+=("nobody-$i" "far$i"); done
# Of those named: who is an account, by what it said of each.
explained() { # owner...
	local owner
	subid policy explain "${asked[@]}" "$@" >"$T/said" 2>&1
	for owner in "$@"; do
		grep "^$owner: " "$T/said" | head -n 1
	done | sed 's/.*no such account.*/-/; s/:.*//'
}

services "files quiet" files
is "accounts of a service are found, by name and by number" "$(explained far50 no51 7052 8000)" $'far50\n-\n7052\n-'
is "in any spelling" "$(subid id {5000..5040} 300005 | tail -n 1 | awk '{ print $3 }')" far60
opened() { # command...: how often passwd is
	strace -f -qq -e trace=openat -o "$T/strace" "$@" >/dev/null 2>&1
	grep -c '"/etc/passwd"\|"passwd"' "$T/strace"
}
few=$(opened subid policy explain no{1..30})
many=$(opened subid policy explain no{1..300})
echo "# passwd is opened $few times for 30 unknown names, $many times for 300"
ok "passwd is not read for each" test "$many" -le $((few + 5)) -a "$many" -lt 60

# as glibc: what is not plain is left to it
services "files [NOTFOUND=return] quiet" files
is "an action between services counts" "$(explained far50 no51)" $'-\n-'
services "files quiet [NOTFOUND=return] systemd" files
is "and one behind them" "$(explained far50 no51)" $'far50\n-'
services "quiet files" files
is "a service before the files" "$(explained far50 root no51)" $'far50\nroot\n-'
services "files missing quiet" files
is "a service that is not installed is passed over" "$(explained far50 no51)" $'far50\n-'
services "files quiet" files
cp /etc/passwd "$T/passwd"
echo 'loose:x: 5999:5999::/:/bin/sh' >>/etc/passwd
is "a line that only glibc reads" "$(explained loose no51)" $'loose\n-'
cp "$T/passwd" /etc/passwd
touch /etc/quiet.down
tables "$(for i in {1..50}; do echo "gone$i:$((300000 + i * 65536)):65536"; done)"
subid audit --no-live >"$T/said" 2>&1
is "while the service is down, nobody is called unknown" "$? $(grep -c 'without an account' "$T/said")" "3 0"
rm /etc/quiet.down

# The same of an audit: far60 is an account, the others are not.
tables "$(for i in {1..50}; do echo "gone$i:$((300000 + i * 65536)):65536"; done)
far60:300000:65536"
ok "orphaned owners are found" test "$(subid audit --no-live --rule unknown-owner 2>&1 | grep -c 'gone')" -ge 50
not_ok "and who is an account of the service is none" grep -q far60 <(subid audit --no-live --rule unknown-owner 2>&1)

# Groups.
printf 'give group nogroup%d\n' {1..300} >/etc/subid.conf
for line in "files systemd" "files [SUCCESS=merge] systemd"; do
	services files "$line"
	strace -f -qq -e trace=openat -o "$T/strace" subid policy check >/dev/null 2>&1
	ok "group is not read for each ($line)" test "$(grep -c '"/etc/group"\|"group"' "$T/strace")" -lt 60
done
services "files quiet" "files [NOTFOUND=return] systemd"
strace -f -qq -e trace=openat -o "$T/strace" subid policy check >/dev/null 2>&1
ok "with an action, glibc does it" test "$(grep -c '"/etc/group"\|"group"' "$T/strace")" -ge 300
