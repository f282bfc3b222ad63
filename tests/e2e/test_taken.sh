#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a grant must not meet though it is not in the tables: accounts that no source
# lists, ids that do not exist here, what containers have written down while somebody
# makes it hard to read; and a lease whose line is gone.
. "$(dirname "$0")/lib.sh"
plan 61

add_user alice -u 7100
add_user bob -u 7200

ok "(a directory that lists nobody)" gcc -shared -fPIC -o "$T/libnss_quiet.so.2" tests/e2e/nss_quiet.c
sed -i '/^passwd:/s/.*/passwd: files quiet/' /etc/nsswitch.conf
printf '%s\n' 'CORP\jdoe:138000:138000' 'CORP\asmith:138001:138001' >/etc/quiet
subid() { LD_LIBRARY_PATH=$T command subid "$@"; }

tables ""
start setpriv --reuid 138001 --regid 138003 --clear-groups sleep 1000
for ((i = 0; i < 100; i++)); do
	[ "$(stat -c %u "/proc/$started_pid")" != 138001 ] || break
	sleep 0.1
done
expect "nobody gets the id of who runs something" 0 "alice uid 138004 203539 65536 new
alice gid 138004 203539 65536 new" "" subid grant alice
kill -KILL "$started_pid"
wait "$started_pid" 2>/dev/null

tables 'CORP\jdoe:500000000:65536'
expect "nor of the owner of a line" 0 "alice uid 138001 203536 65536 new
alice gid 138001 203536 65536 new" "subid: warning: CORP*jdoe (uid 138000): accounts that the name service does not list*SUB_UID_MIN*" subid grant alice
unlisted() { subid --json audit --fail-on never --rule window-unlisted | jq -r '.findings[] | "\(.level) \(.range.start) \(.reason)"'; }
tables 'CORP\jdoe:500000000:65536'
like "the audit warns of the window, too" "$(unlisted)" 'warning 138000 account CORP*jdoe (uid 138000) is in the window, and the name service does not list it*'
tables $'CORP\\jdoe:500000000:65536\nCORP\\asmith:500065536:65536\n138000:500131072:10'
like "once, of all" "$(unlisted)" 'warning 138000 account CORP*jdoe (uid 138000) and 1 more account are in the window*'
tables ""
is "who runs nothing and has no line is not known" "$(unlisted)" ""
start setpriv --reuid 138001 --regid 138003 --clear-groups sleep 1000
wait_for sh -c "[ \$(stat -c %u /proc/$started_pid) = 138001 ]"
like "who runs something is" "$(unlisted)" 'warning 138001 account CORP*asmith (uid 138001) is in the window*'
echo 'reserve 138000-139000 "the domain"' >/etc/subid.conf
is "not once the site has reserved the ids" "$(unlisted)" ""
rm /etc/subid.conf
end "$started_pid"
sed -i '/^passwd:/s/.*/passwd: files/' /etc/nsswitch.conf
is "nor where the files have all accounts" "$(unlisted)" ""
sed -i '/^passwd:/s/.*/passwd: files quiet/' /etc/nsswitch.conf
tables 'CORP\jdoe:500000000:65536'
expect "nor holds it" 1 "" '*uid 138000: is account CORP\\jdoe'"'s own*" subid hold 138000:1

tables ""
expect "nor its own" 0 'CORP?x5cjdoe uid 138001 203536 65536 new
CORP?x5cjdoe gid 138001 203536 65536 new
CORP?x5casmith uid 203537 269072 65536 new
CORP?x5casmith gid 203537 269072 65536 new' "*(uid 138000)*" subid grant 'CORP\jdoe' 'CORP\asmith'
is "it is warned of once" "$(grep -c warning <<<"$err")" 1
is "lines name accounts as they are called" "$(cut -d: -f1 /etc/subuid | tr '\n' ' ')" 'CORP\jdoe CORP\asmith '
tables ""
expect "not by range, either" 1 "" '*uid 138000: is account CORP\\jdoe'"'s own*" subid grant 'CORP\jdoe' --range 137000:2000
tables 'CORP\jdoe:138001:65536'

# whatever is typed is the same account
for name in 'corp\jdoe' 'CORP\JDOE'; do
	is "getsubids $name" "$(LD_LIBRARY_PATH=$T getsubids "$name" 2>&1)" "0: $name 138001 65536"
done
for name in 'corp\jdoe' 'CORP\JDOE' 138000; do
	expect "$name has enough" 0 "*uid 138001 203536 65536 kept*" "*" subid grant "$name"
	like "$name is listed" "$(subid list "$name" 2>&1)" 'CORP?x5cjdoe uid 138001 *'
done
is "no line is added" "$(wc -l </etc/subuid)" 1
tables 'corp\JDOE:700000:65536'
like "a line of another spelling is nobody's" "$(subid list 'CORP\jdoe' 2>&1)" 'subid: CORP?jdoe: has no ranges'
is "for getsubids, too" "$(LD_LIBRARY_PATH=$T getsubids 'CORP\jdoe' 2>&1 | grep -c 700000)" 0

# no answer is not "no such account"
tables 'CORP\jdoe:500000000:65536'
: >/etc/quiet.down
expect "an owner that cannot be looked up: nothing is given" 3 "" 'subid: CORP\\jdoe: cannot be looked up: *nothing is given*' subid grant bob
tables_are "and nothing is changed" 'CORP\jdoe:500000000:65536'
rm /etc/quiet.down
tables 'nobody4:500000000:65536'
echo 'nobody4:x:4294967295:4294967295::/:/bin/sh' >>/etc/passwd
expect "an account whose uid means none is none" 1 "" "subid: nobody4: no such account*" subid grant nobody4
unset -f subid
sed -i '/^passwd:/s/.*/passwd: files/' /etc/nsswitch.conf

# --- a container in a container ---
tables ""
start unshare -U sleep 1000
inside=$started_pid
for ((i = 0; i < 100; i++)); do
	[ "$(readlink "/proc/$inside/ns/user")" = "$(readlink /proc/self/ns/user)" ] || break
	sleep 0.1
done
for kind in uid gid; do
	# in one write
	printf '0 0 60000\n%s 200000 70000\n' "$([ $kind = uid ] && echo 200000 || echo 300000)" >"$T/map"
	cat "$T/map" >"/proc/$inside/${kind}_map"
done
within() { nsenter -t "$inside" -U -S 0 -G 0 unshare -pmf --mount-proc "$@"; }
expect "only ids that exist there are given, each kind's own" 0 "alice uid 200000 265535 65536 new
alice gid 300000 365535 65536 new" "*" within subid grant alice
expect "others are refused" 1 "" "*uid 400000-400009: not in the user namespace that this runs in (/proc/self/uid_map)*" within subid grant bob --range 400000:10
expect "and not held" 1 "" "*not in the user namespace*" within subid hold 150000:10
expect "a full one says how much there is" 1 "" "*no gap of 65536 uids*at most 4464 in one piece*" within subid grant bob
kill -KILL "$inside"
wait "$inside" 2>/dev/null

# --- what cannot be read ---
tables ""
mkdir -p /var/lib/lxc/stopped
mount -t tmpfs lxc /var/lib/lxc
mkdir /var/lib/lxc/stopped
printf 'lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\n' >/var/lib/lxc/stopped/config
cat >"$T/rename.py" <<'PY'
import os, sys
os.makedirs(sys.argv[1] + "/a"); os.makedirs(sys.argv[1] + "/b"); open(sys.argv[1] + "/a/x", "w")
while True:
    os.rename(sys.argv[1] + "/a/x", sys.argv[1] + "/b/x")
    os.rename(sys.argv[1] + "/b/x", sys.argv[1] + "/a/x")
PY
cp "$T/rename.py" "$T/home/alice/rename.py"
for i in 1 2 3; do
	start as alice python3 "$T/home/alice/rename.py" "$T/home/alice/r$i"
done
met=0 refused=0
for ((i = 0; i < 60; i++)); do
	case $(subid grant --dry-run bob 2>&1) in
	*"uid 100000 "* | *warning*) met=$((met + 1)) ;;
	*"uid 165536 "*) ;;
	*) refused=$((refused + 1)) ;;
	esac
done
is "somebody renames all the time: nobody gets a stopped container's ids" "$met" 0
ok "and few are refused ($refused of 60)" test "$refused" -le 6
for pid in "${started[@]: -3}"; do kill -KILL "$pid" && wait "$pid"; done 2>/dev/null
rm /var/lib/lxc/stopped/config
mkdir /var/lib/lxc/stopped/config
expect "what cannot be looked at: nothing is given" 3 "" "subid: /var/lib/lxc/stopped: *nothing is given until it can be read" subid grant bob
umount /var/lib/lxc

# --- a line that is malformed ---
printf 'alice:300000:65536 \n' >/etc/subuid
printf 'alice:300000:65536\n' >/etc/subgid
expect "a malformed line of hers: it is said, and how to mend it" 0 "*new*" \
	"subid: warning: /etc/subuid:1: this line of alice is malformed, and gives nothing: write it anew as alice:300000:65536 *" subid grant alice
printf 'alicia:300000:65536 \n#alice\n' >/etc/subuid
printf 'alice:300000:65536\n' >/etc/subgid
expect "another's is not hers" 0 "*new*" "" subid grant alice

# Some editors begin a file with such bytes, and files are joined.
printf '\xef\xbb\xbfalice:300000:65536\nbob:400000:65536\n' >/etc/subuid
printf 'bob:400000:65536\n\xef\xbb\xbfalice:300000:65536\n' >/etc/subgid
rm -f /etc/subuid- /etc/subgid- /var/lib/subid/ledger
expect "a byte order mark before her line: it is said, with the line and the bytes" 0 "*new*" \
	"subid: warning: /etc/subuid:1: this line of alice begins with the bytes *xef*xbb*xbf, a byte order mark,*
subid: warning: /etc/subgid:2: this line of alice begins*" subid grant -n alice
like "and the bytes as sed takes them" "$err" '*with the bytes \\xef\\xbb\\xbf, *'
sed -n "s/.*take them away with //p" <<<"$err" >"$T/mend"
ok "the commands run" sh -e "$T/mend"
is "and mend both lines" "$(head -1 /etc/subuid)|$(sed -n 2p /etc/subgid)" "alice:300000:65536|alice:300000:65536"
expect "and then she has her range" 0 "alice uid 300000 365535 65536 kept
alice gid 300000 365535 65536 kept" "" subid grant alice
printf '\xef\xbb\xbfalicia:300000:65536\nbob\xef\xbb\xbfalice:400000:65536\n' | tee /etc/subuid >/etc/subgid
expect "another's mark is not hers" 0 "*new*" "" subid grant alice

# --- a window that is full: who has it ---
tables $'bob:100000:65536\nroot:1000000:1000000000\n!reserved:300000:100000\nalice:500000:10'
expect "a full window: the widest lines are named, none to be revoked" 1 "" \
	"subid: carla: no gap of 500000000 uids in *; the widest lines in it: /etc/subuid:2 (root, 599100001 ids: a runtime's pool, to be kept), /etc/subuid:3 (!reserved, 100000 ids: held), /etc/subuid:1 (bob, 65536 ids)
subid: carla: no gap of * gids *; the widest lines in it: /etc/subgid:2 (root, *" subid grant carla --count 500000000 --force-unknown
not_ok "and nobody is sent to the audit for it" grep -q "subid audit" <<<"$err"
printf 'no\xc2\x9b2J:100000:600000001\n' >/etc/subuid
expect "a name in it cannot act on the terminal" 1 "" "*(no??2J, 600000001 ids: a runtime's pool*" subid grant alice

# --- a lease whose line has moved away ---
tables "alice:100000:65536"
expect "a lease" 0 "alice/web uid 100000 100999 1000 new*" "" subid grant alice/web -c 1000
tables $'alice:300000:65536\nbob:100000:65536'
expect "her line has moved: it is not kept" 1 "" "*alice/web: has a lease of uid 100000-100999, which alice does not hold any more*subid revoke alice/web*" subid grant alice/web -c 1000
expect "it can be taken back" 0 "*" "*" subid revoke alice/web
expect "and another one be granted" 0 "alice/web uid 300000 300999 1000 new*" "" subid grant alice/web -c 1000

# --- who has enough waits for nobody ---
tables "alice:100000:65536"
echo $$ >/etc/subuid.lock
expect "she has enough: no lock is waited for" 0 "alice uid 100000 165535 65536 kept
alice gid 100000 165535 65536 kept" "" timeout 5 subid grant alice
expect "nor by range" 0 "alice uid 100000 165535 65536 kept*" "" timeout 5 subid grant alice --range 100010:10
not_ok "who has not enough waits" timeout 2 subid grant alice bob
rm /etc/subuid.lock
tables $'alice:100000:65536\nbob:100000:65536'
echo 'bob:200000:65536' >/etc/subgid
expect "of one kind alone is not enough" 0 "alice gid * new
bob uid 100000 165535 65536 kept
bob gid 200000 265535 65536 kept" "" subid grant alice bob

# --- under the locks no process is looked at: others would wait for as many as there are ---
cat >"$T/held.awk" <<'AWK'
/linkat\(.*"subgid.lock"/ && / = 0$/ { held = 1; taken = "locked" }
/unlinkat\(.*"subgid.lock"/ { held = 0 }
/(openat|readlinkat)\([0-9]+, "[0-9]+\// { looked = "looked"; under += held }
END { print taken, looked, under + 0 }
AWK
no_look_under_locks() { # name command...
	local name=$1
	shift
	strace -f -qq -o "$T/calls" -e trace=openat,readlinkat,linkat,unlinkat "$@" >"$T/said" 2>&1
	is "$name: no process is looked at under the locks" "$(awk -f "$T/held.awk" "$T/calls")" "locked looked 0"
}
tables $'alice:100000:65536\n!released:700000:10'
rm -rf /var/lib/subid
no_look_under_locks grant subid grant bob
no_look_under_locks hold subid hold 710000:10
no_look_under_locks revoke subid revoke bob
no_look_under_locks "revoke --reuse" subid revoke alice --reuse
no_look_under_locks unhold subid unhold 700000:10
no_look_under_locks "a grant that is refused" subid grant alice --range 710000:10
tables_are "all was done" $'!reserved:710000:10\n!released:165536:65536'
