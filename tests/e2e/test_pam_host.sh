#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# pam_subid.so as a guest: hostile names, threads, limits, and a host that must be as it
# was; then under AddressSanitizer without privilege, and under ThreadSanitizer.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pam.sh"
plan 51

rm -rf /etc/subid.conf /etc/subid.conf.d
sed -i '/^\(UID_M\|SUB_\)/d' /etc/login.defs
for user in alice bob; do add_user "$user"; done
tables ""
sed -i '/^passwd:/s/.*/passwd: files/; /^group:/s/.*/group: files/' /etc/nsswitch.conf
host() { "$T/host" /etc/pam.d only "$@"; }
ok "a host with threads" gcc -O1 -g -D_GNU_SOURCE -o "$T/host" tests/pam/host.c -lpam -lpthread

# --- names -----------------------------------------------------------------------------

# Accounts that some source of names might really have.
uid=30000
for name in 4242 '!released' '!x' 'a b' $'j\xf6rg'; do
	echo "$name:x:$((++uid)):100::/:/bin/sh" >>/etc/passwd
done
refused() { # name what-it-is
	tables ""
	forget_log
	run host 1 "$1"
	like "no range for a name $2" "$out" "*: User not known to the underlying authentication module"
	tables_are "and no line of it ($2)" ""
	ok "but a line of the log ($2)" has_logged "pam_subid(only:session): *: no range is granted: *"
}
refused 'alice:x' "with a colon"
refused $'alice\nroot:0:65536' "with a newline"
refused ' alice' "with a blank in front"
refused '' "that is empty"
refused '!released' "that holds ids"
refused 1001 "that is the uid of another"
refused @1M "of a million bytes"
is "the log has no more lines than messages" "$(grep -cvE 'pam_subid\(only:session\)|the host is here' "$T/log")" 0
run host 1 $'\e[2Jevil'
is "what a terminal acts on is no name" "$status:$(grep -c $'\e' "$T/log")" "0:0"
run host 1 '!x'
is "who else begins with '!' may have one" "$(</etc/subuid)" '!x:100000:65536'
tables ""
run host 1 4242
is "a number gets a line by its uid" "$status:$(</etc/subuid)" "0:30001:100000:65536"
run host 1 4242
is "which is enough" "$status:$(</etc/subuid)" "0:30001:100000:65536"
tables ""
run host 1 'a b' $'j\xf6rg'
is "blanks inside, and bytes that are not UTF-8, are names" "$(cut -d : -f 1 /etc/subuid | LC_ALL=C sort)" $'a b\nj\xf6rg'

# --- a host that must be as it was -------------------------------------------------------

for i in {1..32}; do echo "guest$i:x:$((20000 + i)):100::/:/bin/sh"; done >>/etc/passwd
guests=(guest{1..32})
tables ""
run host 1 "${guests[@]}"
is "32 threads at once: the host is as it was" "$status:$(grep -c ': Success' <<<"$out"):$(grep changed <<<"$out")" "0:32:"
is "each has its range" "$(grep -cE '^guest[0-9]+:[0-9]+:65536$' /etc/subuid)" 32
is "and no two share an id" "$(sort -t: -k2n /etc/subuid | awk -F: '$2 < last { print } { last = $2 + $3 }')" ""
run host 20 "${guests[@]}"
is "second logins: nothing is left behind" "$status" 0
for i in {1..5000}; do echo "filler$i:$((600200000 + i)):1"; done | tee /etc/subuid >/etc/subgid
before=$(cksum </etc/subuid)
forget_log
FSIZE=1000 run host 1 alice
if ((0x$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status) & 1 << 24)); then # CAP_SYS_RESOURCE
	is "a limit on the size of files is the host's alone" "$status:$(tail -n 1 /etc/subuid)" "0:alice:100000:65536"
	not_ok "and is nothing to be said" logged 'File size'
else
	is "a limit on the size of files that root cannot lift does not end the host" "$status:$(cksum </etc/subuid)" "0:$before"
	ok "and is logged" has_logged "alice: no range this time: the limit on the size of files (RLIMIT_FSIZE) cannot be lifted"
fi
tables ""
strace -f -qq -o "$T/strace" -e trace=openat "$T/host" /etc/pam.d only 1 alice >&- 2>&- <&-
is "a host that has closed its descriptors is as it was" "$?:$(wc -l </etc/subuid)" "0:1"
is "and no file is open in their places" "$(grep -E 'O_(WRONLY|RDWR).* = [0-2]$' "$T/strace")" ""
ok "though one was to be had" grep -q '/dev/null.* = [0-2]$' "$T/strace"
tables ""
forget_log
echo 'session required pam_permit.so' >>/etc/pam.d/only
run setpriv --reuid alice --regid 100 --clear-groups "$T/host" /etc/pam.d only 1 alice
is "a service that is not root: ignored" "$out" "alice: Success"
not_ok "in silence" logged 'pam_subid'
tables_are "changes nothing" ""
module

# --- sanitizers -----------------------------------------------------------------------------

# The module runs nothing that others than root can write: the program is put beside ours.
build() { # name flags target...
	local name=$1 flags=$2
	shift 2
	# shellcheck disable=SC2086 # flags
	env -u MAKEFLAGS -u MFLAGS make -s -j2 BUILD="$T/$name" HARDEN= SYSCONFDIR="$T/etc-small" BINDIR="$PRE/asan" \
		CFLAGS="-O1 -g $flags" LDFLAGS= "${@/#/$T/$name/}" >"$T/$name.log" 2>&1 &&
		gcc -O1 -g -D_GNU_SOURCE $flags -o "$T/$name/host" tests/pam/host.c -lpam -lpthread
}
small_etc() { # name: accounts and tables, with the module of that build
	rm -rf "$T/etc-small"
	mkdir -p "$T/etc-small/services"
	grep -E '^(root|alice|guest)' /etc/passwd >"$T/etc-small/passwd"
	cp /etc/group /etc/login.defs "$T/etc-small"
	printf 'give everyone\nnever user root "no"\nreserve 100000-100009\n' >"$T/etc-small/subid.conf"
	printf 'session required %s debug timeout=30\n' "$T/$1/pam_subid.so" >"$T/etc-small/services/only"
}
chmod 755 "$T"

ok "a build with AddressSanitizer" build asan "-fsanitize=address,undefined -fno-sanitize-recover=all" pam_subid.so subid
mkdir "$PRE/asan"
cp "$T/asan/subid" "$PRE/asan"
small_etc asan
asan=$(gcc -print-file-name=libasan.so)
lib=/usr/lib/$(gcc -print-multiarch)
wrapped() {
	env -i PATH="$PATH" TMPDIR="$T" UBSAN_OPTIONS=halt_on_error=1 \
		ASAN_OPTIONS=detect_leaks=1 LD_PRELOAD="$asan $lib/libpam_wrapper.so $lib/libnss_wrapper.so" \
		PAM_WRAPPER=1 PAM_WRAPPER_SERVICE_DIR="$T/etc-small/services" \
		NSS_WRAPPER_PASSWD="$T/etc-small/passwd" NSS_WRAPPER_GROUP="$T/etc-small/group" "$@"
}
run wrapped pamtester only alice open_session close_session
like "under pam_wrapper: a range" "$status:$out" "0:*successfully opened*"
is "in a table of one's own" "$(<"$T/etc-small/subuid")" "alice:100010:65536"
run wrapped pamtester only alice open_session
is "a second login" "$status:$(wc -l <"$T/etc-small/subuid")" "0:1"
run wrapped pamtester only root open_session
is "never" "$status:$(wc -l <"$T/etc-small/subuid")" "0:1"
for name in a:b $'a\nb' '!released' 4242 nosuch; do
	wrapped pamtester only "$name" open_session
done >"$T/names" 2>&1
is "hostile names: AddressSanitizer finds nothing" "$(grep -cE 'Sanitizer|runtime error|ended' "$T/names")" 0
is "and they get nothing" "$(<"$T/etc-small/subuid")" "alice:100010:65536"
echo 'give everybody' >>"$T/etc-small/subid.conf"
sed -i '/alice/d' "$T"/etc-small/sub?id
run wrapped pamtester only alice open_session
is "a wrong policy" "$status:$(grep -cE 'Sanitizer|runtime error' <<<"$out")" "1:0"

ok "a build with ThreadSanitizer" build tsan -fsanitize=thread pam_subid.so
small_etc tsan
# libpam's own records go through libaudit, whose buffers are one for all threads; and
# the loader's locks are not seen
printf '%s\n' race:libaudit.so race:_dl_close_worker race:_dl_map_object >"$T/suppressions"
run env TSAN_OPTIONS="exitcode=66 suppressions=$T/suppressions" "$T/tsan/host" "$T/etc-small/services" only 3 "${guests[@]}" alice alice
is "first and second logins in threads: ThreadSanitizer finds nothing" "$status:$(grep -c 'WARNING: ThreadSanitizer' <<<"$out")" "0:0"
grep -A 30 'WARNING: ThreadSanitizer' <<<"$out" | sed 's/^/# /'
is "each has one range" "$(sort -u "$T/etc-small/subuid" | wc -l)" 33
