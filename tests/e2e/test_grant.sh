#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid grant, as it is typed, right and wrong.
. "$(dirname "$0")/lib.sh"
plan 230

add_user alice -u 5001
add_user bob -u 5002
add_user carol -u 5003
useradd -r -M sysacct || exit 1
cp /etc/login.defs "$T/login.defs"

# Empty tables, or these lines in both; the policy of the machine.
fresh() {
	cp "$T/login.defs" /etc/login.defs
	tables "${1-}"
}

# --- what is given -------------------------------------------------------------

fresh
expect "a range, the same numbers for both" 0 \
	$'alice uid 100000 165535 65536 new\nalice gid 100000 165535 65536 new' '' subid grant alice
tables_are "one line in each table" alice:100000:65536
expect "who has enough keeps it" 0 \
	$'alice uid 100000 165535 65536 kept\nalice gid 100000 165535 65536 kept' '' subid grant alice
tables_are "and has no second line" alice:100000:65536
expect "--another gives one more, behind it" 0 \
	$'alice uid 165536 231071 65536 new\nalice gid 165536 231071 65536 new' '' \
	subid grant --another alice
expect "the next owner's is behind both" 0 $'bob uid 231072 *\nbob gid 231072 *' '' subid grant bob
expect "an owner named by its uid" 0 '* kept' '' subid grant 5002

fresh
expect "-u gives uids alone" 0 'alice uid 100000 165535 65536 new' '' subid grant -u alice
is "and leaves subgid alone" "$(</etc/subgid)" ""
expect "who has one kind gets the same numbers of the other" 0 \
	'alice gid 100000 165535 65536 new' '' subid grant alice
fresh
expect "-g gives gids alone" 0 'alice gid 100000 165535 65536 new' '' subid grant --gid alice
is "and leaves subuid alone" "$(</etc/subuid)" ""
fresh
echo other:100000:10 >/etc/subgid
expect "the first gap free in both" 0 $'alice uid 100010 *\nalice gid 100010 *' '' subid grant alice

fresh
expect "--count" 0 $'alice uid 100000 100009 10 new\n*' '' subid grant --count 10 alice
expect "-c, more than the owner has: one that is large enough" 0 \
	$'alice uid 100010 100029 20 new\n*' '' subid grant -c20 alice
expect "-u and -g together are both" 0 $'bob uid *\nbob gid *' '' subid grant -ug bob

fresh
expect "--range START:COUNT" 0 $'alice uid 300000 300099 100 new\nalice gid 300000 *' '' \
	subid grant --range 300000:100 alice
expect "--range FIRST-LAST" 0 $'alice uid 300100 300199 100 new\nalice gid *' '' \
	subid grant -r 300100-300199 alice
expect "a range that the owner has: kept" 0 $'alice uid * kept\nalice gid * kept' '' \
	subid grant --range 300050:100 alice
expect "a range outside the window is the administrator's to give" 0 '*' '' \
	subid grant --range 1900000000:65536 bob
echo 'accept overlap-reserved' >/etc/subid.conf
expect "up to the last id" 0 '*' '' subid grant --range 4294967294:1 carol
rm /etc/subid.conf

fresh
expect "the pseudo-owners have no account" 0 $'containers uid *\ncontainers gid *\ndockremap uid *' '' \
	subid grant containers dockremap
expect "--force-unknown" 0 $'kubelet uid *\nkubelet gid *' '' subid grant --force-unknown kubelet
expect "and uids without account" 0 $'4242 uid *\n*' '' subid grant --force-unknown 4242
is "as they were named" "$(cut -d: -f1 /etc/subuid | tr '\n' ' ')" "containers dockremap kubelet 4242 "
# kubelet refuses a range that begins elsewhere, or has another length
fresh
expect "kubelet's begins at a multiple of 65536" 0 $'kubelet uid 131072 7340031 7208960 new\nkubelet gid 131072 7340031 7208960 new' '' \
	subid grant --force-unknown kubelet --count 7208960
expect "another owner's need not" 0 $'alice uid 7340032 *\nalice gid 7340032 *' '' subid grant alice
fresh alice:131000:200
echo 'SUB_UID_MIN 200000' >>/etc/login.defs
expect "nor where uids and gids differ" 0 $'kubelet uid 262144 *\nkubelet gid 262144 *' '' subid grant --force-unknown kubelet
fresh
printf 'SUB_%s_MAX 196606\n' UID GID >>/etc/login.defs
expect "nor is there room elsewhere" 1 '' 'subid: kubelet: no gap of 65536 uids in SUB_UID_MIN 100000 to SUB_UID_MAX 196606 begins at a multiple of 65536*' subid grant --force-unknown kubelet
expect "where another owner has it" 0 $'alice uid 100000 *\nalice gid 100000 *' '' subid grant alice
fresh
expect "a length that kubelet refuses is said" 0 '*131072 231071 100000 new*' \
	'subid: warning: kubelet: 131072:100000: kubelet takes only a range whose start and length are multiples of 65536*' \
	subid grant --force-unknown kubelet --count 100000
expect "and so is a start, each time" 0 '*500000 565535 65536 new*' 'subid: warning: kubelet: 500000:65536: kubelet takes only*' \
	subid grant --force-unknown kubelet --range 500000:65536
fresh kubelet:500000:65536
expect "of what it has, too" 0 '*500000 565535 65536 kept*' 'subid: warning: kubelet: 500000:65536: kubelet takes only*' \
	subid grant --force-unknown kubelet

fresh
expect "--align" 0 $'alice uid 131072 196607 65536 new\nalice gid 131072 196607 65536 new\nbob uid 196608 *\nbob gid 196608 *' '' \
	subid grant --align 64K alice bob
expect "the gap before is others'" 0 $'4242 uid 100000 131071 31072 *\n4242 gid 100000 *' '' \
	subid grant --force-unknown 4242 --count 31072
expect "of any number" 0 $'bob uid 263000 263000 1 new\nbob gid 263000 263000 1 new' '' subid grant --align 1000 --count 1 --another bob
expect "what is held counts, wherever it begins" 0 $'bob uid 196608 *kept*' '' subid grant --align 1M bob
expect "no multiple beyond the last id" 1 '' 'subid: alice: no gap of 5 uids in * begins at a multiple of 4294967295*' \
	subid grant --align 4294967295 --count 5 --another alice
for no in "--range 300000:5" "--restore"; do
	# shellcheck disable=SC2086 # words
	expect "--align and ${no%% *}" 2 '' "subid: ${no%% *} and --align exclude each other*" subid grant --align 64K $no alice
done
expect "--align 0" 2 '' "subid: --align '0': not a number from 1*" subid grant --align 0 alice
fresh alice:100000:200000
cp -a /var/lib/subid "$T/store"
expect "a container's lease" 0 $'alice/web uid 131072 *\nalice/web gid 131072 *' '' subid grant --align 64K alice/web
expect "has no room elsewhere" 1 '' 'subid: alice/big: * begins at a multiple of 1048576*' subid grant --align 1M alice/big
expect "nor with a line of its own" 0 $'alice/own uid 1048576 *\nalice/own gid 1048576 *' '' subid grant --own --align 1M alice/own
rm -r /var/lib/subid
mv "$T/store" /var/lib/subid
fresh
printf 'SUB_%s_DETERMINISTIC yes\n' UID GID >>/etc/login.defs
expect "a computed place is not moved" 1 '' 'subid: alice: no gap of 65536 uids in its place begins at a multiple of 65536*' subid grant --align 64K alice
fresh

# --- many at once --------------------------------------------------------------

fresh
expect "several owners" 0 \
	$'alice uid 100000 *\nalice gid 100000 *\nbob uid 165536 *\nbob gid 165536 *' '' \
	subid grant alice bob
fresh
expect "all or nothing" 1 '' $'subid: nobody-such: no such account*\nsubid: nothing was changed for any of the 3 owners' \
	subid grant alice nobody-such bob
tables_are "nothing" ""
expect "named twice, given once" 0 $'alice uid * new\nalice gid * new\nalice uid * kept\nalice gid * kept' '' \
	subid grant alice alice
fresh
printf '# people\nalice\n\nbob' >"$T/owners"
expect "--from FILE, comments and blank lines passed over" 0 $'alice uid *\nalice gid *\nbob uid *\nbob gid *' '' \
	subid grant --from "$T/owners"
fresh
expect "--from -" 0 $'alice uid *\n*\nbob uid *' '' subid grant --from - <"$T/owners"
fresh
printf 'alice\r\nbob\r\n' >"$T/crlf"
expect "--from a file with CR LF" 0 $'alice uid *\n*\nbob uid *' '' subid grant --from "$T/crlf"
tables_are "gives to those accounts" $'alice:100000:65536\nbob:165536:65536'
fresh
printf 'alice\nbab\n' >"$T/owners"
expect "an unknown owner in a file: nothing for anybody" 1 '' "subid: bab: no such account*nothing*" \
	subid grant --from "$T/owners"
tables_are "nothing" ""
expect "--from a file that is not there" 3 '' "subid: $T/none: No such file*" subid grant --from "$T/none"
expect "--from a directory" 3 '' "subid: $T: Is a directory" subid grant --from "$T"
expect "--from an empty file: nobody is named, nothing is done" 0 '' '' subid grant --from /dev/null
groupadd people
gpasswd -M alice,carol people >/dev/null
expect "--group" 0 $'alice uid *\nalice gid *\ncarol uid *\ncarol gid *' '' subid grant --group people
fresh
expect "--group, those whose primary group it is" 0 $'bob uid *\nbob gid *' '' subid grant --group bob
expect "no such group" 1 '' 'subid: nogroup-such: no such group' subid grant --group nogroup-such
fresh
expect "--all" 0 '*alice uid*bob uid*carol gid*' '' subid grant --all
is "is the people, and no system account" "$(cut -d: -f1 /etc/subuid | sort)" \
	"$(awk -F: '$3 >= 1000 && $3 <= 60000 { print $1 }' /etc/passwd | sort)"
not_ok "not that one" grep -q sysacct /etc/subuid
expect "but a system account may be named" 0 $'sysacct uid *\nsysacct gid *' '' subid grant sysacct
expect "--all again: everybody keeps" 0 '*kept*' '' subid grant --all
not_ok "nothing new" grep -q new <<<"$out"
echo 'alix:x:5001:5001::/nonexistent:/bin/sh' >>/etc/passwd
gpasswd -M alix,carol,alice people >/dev/null
fresh
expect "--all, where an account has two names: once, under the first" 0 '*alice uid*' '' subid grant --all
not_ok "not under the other" grep -q alix <<<"$out"
expect "--another for all: one for each uid" 0 '*alice uid*' '' subid grant --all --another
is "is one more" "$(grep -cE '^ali(ce|x):' /etc/subuid)" 2
expect "--group: under the name that it lists first" 0 \
	$'alix uid * kept\nalix uid * kept\nalix gid * kept\nalix gid * kept\ncarol *' '' subid grant --group people
sed -i '/^alix:/d' /etc/passwd

# --- what is refused -----------------------------------------------------------

before=$'# keep\nother:100000:65536\nbroken'
fresh "$before"
expect "an account that does not exist" 1 '' 'subid: alize: no such account (--force-unknown*' subid grant alize
expect "an empty name" 1 '' 'subid: *no owner can be called so*' subid grant ''
expect "a name with a colon" 1 '' 'subid: a:b: no owner can be called so*' subid grant --force-unknown a:b
expect "a holder's name" 1 '' 'subid: !released: holds ids for nobody*' subid grant --force-unknown '!released'
expect "a name with a newline" 1 '' 'subid: *no owner can be called so*' subid grant --force-unknown $'a\nb:0:9'
expect "an escape sequence is not sent to the terminal" 1 '' 'subid: *no owner can be called so*' \
	subid grant --force-unknown $'\e[2Jx'
not_ok "not a byte of it" grep -q $'\e' <<<"$err"
expect "ids that a line has, with its place" 1 '' \
	$'subid: alice: uid 165535-165535: taken by /etc/subuid:2: other:100000:65536\nsubid: alice: gid 165535-165535: taken by /etc/subgid:2: other:100000:65536' \
	subid grant --range 165535:10 alice
expect "an account's own uid and a group's gid" 1 '' \
	$'subid: bob: uid 5001: is account alice\'s own\nsubid: bob: gid 5001: is group alice\'s own' \
	subid grant --range 5001:1 bob
expect "root's ids" 1 '' 'subid: alice: uid 0*' subid grant --range 0:65536 alice
expect "the ids of systemd's dynamic users" 1 '' $'subid: alice: uid 61184-61184: set aside for systemd\'s dynamic users, and never given: choose others\n*' \
	subid grant --range 61184:1 alice
expect "4294967295 is no id" 2 '' "subid: invalid range '4294967295:1'; *" subid grant --range 4294967295:1 alice
tables_are "nothing was changed" "$before"
expect "no gap of that size" 1 '' $'subid: alice: no gap of 600000000 uids in SUB_UID_MIN 100000 to SUB_UID_MAX 600100000: 599934465 of 600000001 are free, at most 599934465 in one piece: widen*\nsubid: alice: no gap*gids*' \
	subid grant --count 600000000 alice

fresh
echo other:300000000:1 >/etc/subgid
expect "no gap for one kind: only that is complained of" 1 '' \
	'subid: alice: no gap of 400000000 gids in * 600000000 of 600000001 are free, at most 300100000 in one piece: *' \
	subid grant --count 400000000 alice
not_ok "uids have room" grep -q uids <<<"$err"
fresh
for wrong in --range=1 --range=x:1 --range=1:0 --range=5-4 --range=-1:5 --range=1:5x --range=0x10:5 \
	--range=010:5 --range=4294967295-4294967296 --count=0 --count=-1 --count=x --count=4294967296 --count=; do
	expect "wrong: $wrong" 2 '' $'subid: *\nsubid: try \'subid grant --help\'' subid grant "$wrong" alice
done
expect "no owner" 2 '' 'subid: grant: missing OWNER, --all, --group or --from*--help*' subid grant
expect "no such option" 2 '' $'subid: unrecognized option*\n*--help*' subid grant --what alice
expect "an argument missing" 2 '' $'subid: option*requires an argument\n*--help*' subid grant alice --count
expect "no such command" 2 '' $'subid: unknown command \'grand\': did you mean grant?\nsubid: try \'subid --help\'' subid grand alice
expect "no command: these are all" 2 '*  grant  *  audit  *' $'subid: missing COMMAND\n*' subid
expect "--range for two" 2 '' $'subid: --range allows only one OWNER\n*' subid grant --range 1:5 alice bob
expect "--range and --count" 2 '' $'subid: --range and --count exclude each other*' subid grant --range 1:5 --count 5 alice
tables_are "nothing was changed" ""

# --- policy --------------------------------------------------------------------

policy() {
	fresh "${2-}"
	printf '%b\n' "$1" >>/etc/login.defs
}
policy 'SUB_UID_COUNT 0'
expect "COUNT 0 of one kind: the other alone" 0 'alice gid 100000 165535 65536 new' '' subid grant alice
policy 'SUB_UID_COUNT 0\nSUB_GID_COUNT 0'
expect "COUNT 0 of both" 1 '' 'subid: alice: /etc/login.defs gives none: *COUNT*' subid grant alice
expect "unless --count says how many" 0 $'alice uid 100000 100004 5 new\nalice gid *' '' subid grant --count 5 alice
policy 'SUB_UID_STORE_BY_UID yes\nSUB_GID_STORE_BY_UID yes'
expect "STORE_BY_UID" 0 $'alice uid 100000 *\nalice gid 100000 *' '' subid grant alice
tables_are "the line has the uid" 5001:100000:65536
expect "and counts as the owner's" 0 '* kept' '' subid grant alice
policy 'SUB_UID_DETERMINISTIC yes\nSUB_GID_DETERMINISTIC yes\nSUB_UID_COUNT 100\nSUB_GID_COUNT 100'
expect "DETERMINISTIC: MIN + (uid - UID_MIN) * COUNT" 0 $'alice uid 500100 500199 100 new\nalice gid 500100 *' '' \
	subid grant alice
expect "not for a system account" 1 '' 'subid: sysacct: uid * is below UID_MIN 1000*--range*' subid grant sysacct
expect "not without account" 1 '' 'subid: kubelet:*--range*' subid grant --force-unknown kubelet
expect "not in another size" 1 '' 'subid: bob: *fixes the count*100*--range*' subid grant --count 5 bob
expect "another has no place" 1 '' 'subid: alice: uid 500100*taken by /etc/subuid:1*' subid grant --another alice
policy 'SUB_UID_DETERMINISTIC yes\nSUB_GID_DETERMINISTIC yes\nSUB_UID_COUNT 100\nSUB_GID_COUNT 100' other:500150:1
expect "DETERMINISTIC: an occupied place is an error" 1 '' \
	'subid: alice: uid 500150-500150: taken by /etc/subuid:1: other:500150:1*' subid grant alice
tables_are "and no overlap" other:500150:1
policy 'SUB_UID_DETERMINISTIC yes\nSUB_GID_DETERMINISTIC yes\nSUB_UID_COUNT 1000000\nSUB_GID_COUNT 1000000'
expect "DETERMINISTIC: past the window" 1 '' $'subid: alice: SUB_UID_DETERMINISTIC puts the place of uid 5001 behind SUB_UID_MAX 600100000: *--range\nsubid: alice: SUB_GID_*' subid grant alice
policy 'SUB_UID_MIN 200000\nSUB_UID_MAX 199999'
expect "MIN > MAX" 3 '' 'subid: /etc/login.defs: SUB_UID_M*nothing is given until it is put right' subid grant alice
policy 'SUB_GID_COUNT sixty'
line=$(wc -l </etc/login.defs)
expect "not a number, with the line" 3 '' "subid: /etc/login.defs:$line: SUB_GID_COUNT *" subid grant alice
policy 'SUB_UID_MAX 4294967295'
expect "MAX beyond the last id is the last one, as to useradd" 0 $'alice uid 100000 165535 65536 new\n*' '' subid grant alice
fresh
rm /etc/login.defs
expect "no login.defs: the defaults" 0 $'alice uid 100000 165535 65536 new\n*' '' subid grant alice
mkdir /etc/login.defs
expect "login.defs cannot be read: nothing is given" 3 '' 'subid: /etc/login.defs: *' subid grant --another alice
rmdir /etc/login.defs

# --- everybody's reading of the lines ------------------------------------------

fresh 'other:0100000:9'
expect "ids that shadow reads in octal are taken" 1 '' 'subid: alice: uid 32768-*: taken by /etc/subuid:1: other:0100000:9*' \
	subid grant --range 32768:1 alice
expect "and those that others read in decimal" 1 '' 'subid: alice: uid 100008-*: taken by /etc/subuid:1:*' \
	subid grant --range 100008:1 alice
fresh '#other:100000:65536'
expect "a comment that shadow reads as an entry" 0 $'alice uid 165536 *\n*' '' subid grant alice
fresh 'other:0:-1'
expect "a line that authorises every id leaves none" 1 '' $'subid: alice: uid 100000-600100000: taken by /etc/subuid:1: other:0:-1\nsubid: alice: no gap*' \
	subid grant alice
fresh '!released:100000:65536'$'\n''!reserved:165536:65536'
expect "held ids are not given" 0 $'alice uid 231072 *\nalice gid 231072 *' '' subid grant alice
useradd -M -u 5009 dave
is "nor by useradd" "$(grep ^dave /etc/subuid)" dave:296608:65536
userdel dave

# --- what runs -----------------------------------------------------------------

fresh alice:100000:65536
start become alice unshare --map-auto --map-root-user sleep 600
# the gid map comes last
mapped() { grep -q 100000 "/proc/$started_pid/gid_map"; }
ok "a container of alice's runs" wait_for mapped
# --map-auto leaves the last one out, or not
next=$(awk '$2 >= 100000 { print $2 + $3 }' "/proc/$started_pid/uid_map")
fresh
expect "ids of a live namespace are not given" 0 "bob uid $next *"$'\n'"bob gid $next *" '' subid grant bob
expect "nor when asked for, and who has them is named" 1 '' \
	"subid: carol: uid 100000-100000: mapped by a live user namespace (process $started_pid, sleep): stop it first"$'\n*' \
	subid grant --range 99990:11 carol
kill "$started_pid"
wait "$started_pid" 2>/dev/null
expect "free when it ended" 0 '*' '' subid grant --range 99990:11 carol

# --- options of every command --------------------------------------------------

fresh
expect "-q prints nothing" 0 '' '' subid -q grant alice
tables_are "but does it" alice:100000:65536
expect "--quiet behind the command" 0 '' '' subid grant --quiet --another alice
expect "-q keeps errors" 1 '' 'subid: nosuch: *' subid -q grant nosuch
fresh
expect "-n shows" 0 $'alice uid 100000 165535 65536 new\n*' '' subid grant -n alice
tables_are "and changes nothing" ""
expect "--dry-run says no, too" 1 '' 'subid: nosuch: no such account*' subid grant --dry-run nosuch
is "no lock and no draft are left" "$(find /etc -maxdepth 1 -name 'sub[ug]id[!-]*')" ""
expect "--json" 0 '*' '' subid --json grant alice
is "is JSON" "$(jq -c '.ranges[]' <<<"$out")" \
	'{"owner":"alice","kind":"uid","start":100000,"end":165535,"count":65536,"state":"new"}
{"owner":"alice","kind":"gid","start":100000,"end":165535,"count":65536,"state":"new"}'
expect "--json with an odd name" 0 '*' '' subid grant --json --force-unknown $'d\\o"m\xc3\xa9 x\xff'
ok "is JSON" jq -e '.ranges | length == 2' <<<"$out"
expect "--json, quiet" 0 '' '' subid --json -q grant bob
expect "an odd name in the columns stays one word" 0 'a\\x20b uid *' '' subid grant -u --force-unknown 'a b'
expect "-- ends the options" 1 '' 'subid: -n: no such account*' subid grant -- -n
expect "--help" 0 'usage: subid grant *START:COUNT or FIRST-LAST*' '' subid grant --help
ok "fits a screen" test "$(wc -l <<<"$out")" -le 24 -a "$(wc -L <<<"$out")" -le 80
expect "--version" 0 "subid *.*.*" '' subid grant --version

fresh
NO_COLOR=1 script -qec "stty cols 100; subid grant alice bob" /dev/null >"$T/terminal" </dev/null
like "a table on a terminal" "$(tr -d '\r' <"$T/terminal")" \
	$'OWNER KIND     START    END  COUNT STATE\nalice uid+gid 100000 165535 65,536 new*'

fresh
expect "standard output full: 3" 3 '' 'subid: standard output: No space left on device*' \
	sh -c 'exec subid grant alice >/dev/full'
tables_are "the ids are given all the same, and listed" alice:100000:65536
like "the message says so" "$err" '*subid list*'
expect "nothing to give, standard output full: no change is spoken of" 3 '' 'subid: standard output: No space left on device' \
	sh -c 'exec subid grant alice >/dev/full'
expect "standard output closed: 3" 3 '' 'subid: standard output: *' sh -c 'exec subid grant alice >&-'
tables_are "nothing of it is in a table" alice:100000:65536

# --- --root --------------------------------------------------------------------

fresh
mkdir -p "$T/image/etc"
printf 'zoe:x:1234:1234::/:/bin/sh\n' >"$T/image/etc/passwd"
printf 'zoe:x:1234:\n' >"$T/image/etc/group"
printf 'SUB_UID_MIN 500000\nSUB_GID_MIN 500000\n' >"$T/image/etc/login.defs"
ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=%file -o "$T/trace" subid --root "$T/image" grant zoe >"$T/out"
is "--root: the image's accounts and policy" "$(<"$T/out")" $'zoe uid 500000 565535 65536 new\nzoe gid 500000 565535 65536 new'
is "in the image's tables" "$(cat "$T"/image/etc/sub[ug]id)" $'zoe:500000:65536\nzoe:500000:65536'
tables_are "not in the machine's" ""
is "nothing of the machine's is looked at" \
	"$(grep -E '"/etc/(passwd|group|sub|login|nsswitch|shadow|\.pwd)|"/proc"|"/proc/[0-9]' "$T/trace")" ""
is "no litter" "$(cd "$T/image" && find . | sort | tr '\n' ' ')" \
	". ./etc ./etc/.pwd.lock ./etc/group ./etc/login.defs ./etc/passwd ./etc/subgid ./etc/subuid ./var ./var/lib ./var/lib/subid ./var/lib/subid/ledger ./var/lib/subid/ledger.lock "
expect "the machine's accounts are unknown there" 1 '' 'subid: alice: no such account*' subid --root "$T/image" grant alice
expect "a root that is not there" 3 '' "subid: $T/nil/etc: No such file*" subid --root "$T/nil" grant zoe
expect "a root without accounts: nobody is known" 1 '' "subid: zoe: no such account*" \
	sh -c "mkdir -p $T/bare/etc && exec subid --root $T/bare grant zoe"

# --- what containers have ------------------------------------------------------

# What becomes of lines and leases while a grant waits for its turn counts.
while_it_waits() { # command...: for alice, while carol's line goes, and her lease rests
	fresh carol:100000:65536
	hold_lock
	start "$@" >"$T/out" 2>&1
	wait_for is_at_lock "$started_pid" /etc || echo "# not at the lock"
	tables ""
	printf '!released:%s:1000\n' 100000 165536 | tee /var/lib/subid/subuid >/var/lib/subid/subgid
	end "${started[-2]}"
	wait "$started_pid"
	status=$?
	# it may have waited for long
	sed -i '/^subid: warning: waiting for process /d' "$T/out"
	rm /var/lib/subid/sub*
}
while_it_waits subid grant alice
# carol's container may have begun after it was looked at what runs: none of her ids
is "a lease that comes to rest while a grant waits for the lock" "$status $(<"$T/out")" \
	$'0 alice uid 166536 232071 65536 new\nalice gid 166536 232071 65536 new'
fresh
mkdir -p "$T/leased/etc" "$T/leased/var/lib/subid"
echo zoe:x:1234:1234::/:/bin/sh >"$T/leased/etc/passwd"
echo yves/web:100000:100 | tee "$T/leased/var/lib/subid/subuid" >"$T/leased/var/lib/subid/subgid"
expect "--root: the image's leases" 0 'zoe uid 100100 *' '' subid --root "$T/leased" grant -n zoe
rm "$T/leased/var/lib/subid/subgid"
mkdir "$T/leased/var/lib/subid/subgid"
expect "that cannot be read: named, and nothing is given" 3 '' "subid: $T/leased/var/lib/subid/subgid: it is not a regular file*" \
	subid --root "$T/leased" grant zoe
ln -s x /var/lib/subid/subuid
expect "nor of the machine's" 3 '' 'subid: /var/lib/subid/subuid: it is a symbolic link*' subid grant alice
expect "an ordinary user only looks" 0 'alice uid 100000 *' '' as alice subid grant -n alice
rm /var/lib/subid/subuid

# --- who may -------------------------------------------------------------------

fresh bob:100000:65536
expect "not root: what to do" 3 '' 'subid: only root can change ranges: /etc/.pwd.lock: Permission denied: run this as root' as alice subid grant alice
tables_are "nothing changed" bob:100000:65536
expect "not root, dry run: may look" 0 $'alice uid 165536 *\n*' '' as alice subid grant -n alice

# --- size ----------------------------------------------------------------------

seq -f '%.0f' 0 64999 | awk '{ print "u" $1 ":" 100000 + $1 * 10 ":10" }' >"$T/large"
cp "$T/large" /etc/subuid
cp "$T/large" /etc/subgid
expect "65,000 lines" 0 $'alice uid 750000 815535 65536 new\nalice gid 750000 *' '' timeout 20 subid grant alice
echo alice:750000:65536 >>"$T/large"
ok "the others are untouched" cmp "$T/large" /etc/subuid
expect "1,000 owners in one go" 0 '*' '' timeout 20 subid grant --force-unknown --count 10 --from <(seq -f 'new%.0f' 1000)
is "each got some" "$(grep -c ^new /etc/subgid)" 1000
is "no id twice" "$(cut -d: -f2 /etc/subuid | sort | uniq -d)" ""

tables $'bob:165536:65536\nalice:100000:65536'
run subid grant -u --force-unknown --range 100000:131072 carl
like "a refusal names the ids of the line that it names" "$out" '*uid 165536-231071: taken by /etc/subuid:1: bob:165536:65536*'
run sh -c 'subid grant nosuch 0<&- 1>&- 2>&-; wc -c </etc/.pwd.lock'
is "descriptors 0 to 2 closed: no message goes into a file" "$out" 0

mkdir -p "$T/fixed/etc"
printf 'alice:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n' >"$T/fixed/etc/passwd"
echo 'SUB_UID_DETERMINISTIC yes' >"$T/fixed/etc/login.defs"
run subid --root "$T/fixed" grant bob
is "one kind's place is computed: the other gets the same numbers" "$out" $'bob uid 165536 231071 65536 new\nbob gid 165536 231071 65536 new'
printf 'SUB_UID_COUNT 0\nSUB_GID_COUNT 0\n' >"$T/fixed/etc/login.defs"
run subid --root "$T/fixed" grant bob
is "COUNT 0: who has ids keeps them" "$status:$out" $'0:bob uid 165536 231071 65536 kept\nbob gid 165536 231071 65536 kept'

: >"$T/fixed/etc/login.defs"
: >"$T/fixed/etc/subuid"
echo alice:200000:65536 >"$T/fixed/etc/subgid"
rm -r "$T/fixed/var"
run subid --root "$T/fixed" grant -u alice
is "-u: the numbers of the gids that are there" "$out" 'alice uid 200000 265535 65536 new'
rm -r "$T/fixed/var"
: >"$T/fixed/etc/subgid"
echo alice:100000:65536 >"$T/fixed/etc/subuid"
run subid --root "$T/fixed" grant -g bob
is "-g: not the numbers of another's uids" "$out" 'bob gid 165536 231071 65536 new'

rm -r "$T/fixed/var"
echo 'SUB_GID_COUNT 131072' >"$T/fixed/etc/login.defs"
echo alice:100000:65536 >"$T/fixed/etc/subuid"
: >"$T/fixed/etc/subgid"
subid -q --root "$T/fixed" grant alice
run subid --root "$T/fixed" grant alice
is "unequal counts: the first grant gives them whole" "$out" $'alice uid 100000 165535 65536 kept\nalice gid 100000 231071 131072 kept'

expect "a holder is no owner" 1 '' "subid: !released: holds ids for nobody: 'subid hold' does that" subid grant '!released'
groupadd -g 7999 nobodys
expect "a group that nobody is in" 0 '' 'subid: nobodys: group without members, nothing to do' subid grant --group nobodys

# --- what is away is not empty ---------------------------------------------------

fresh
for name in passwd group; do
	mv "/etc/$name" "$T/kept"
	expect "no $name: its ids are not free" 3 '' "subid: /etc/$name: No such file or directory" subid grant --range 5100:10 --force-unknown containers
	expect "nor to hold" 3 '' "subid: /etc/$name: No such file or directory" subid hold 5100:10
	ln -s /nowhere/file "/etc/$name"
	expect "a link that leads nowhere" 3 '' "subid: /etc/$name: it is a symbolic link that leads nowhere*" subid grant containers
	rm "/etc/$name"
	mkdir "/etc/$name"
	expect "a directory, by its own name" 3 '' "subid: /etc/$name: it is not a regular file" subid grant containers
	rmdir "/etc/$name"
	mv "$T/kept" "/etc/$name"
done
ln -s /nowhere/file /etc/subid.conf
expect "a policy that leads nowhere" 3 '' 'subid: /etc/subid.conf: it is a symbolic link that leads nowhere*: nothing is given until it can be read' subid grant alice
rm /etc/subid.conf
ln -sf /nowhere/file /etc/login.defs
expect "and login.defs" 3 '' 'subid: /etc/login.defs: it is a symbolic link that leads nowhere*' subid grant alice
rm /etc/login.defs
tables_are "nothing was given" ''
expect "no login.defs at all is none" 0 'alice uid 100000 165535 65536 new*' '' subid grant alice
fresh

# --- owners that some reader would take for another ------------------------------

fresh
echo '5002foo:x:5012:5012::/:/bin/sh' >>/etc/passwd
expect "a name that begins with another's uid" 0 '5002foo uid 100000 165535 65536 new*' '' subid grant 5002foo
tables_are "is written as its own" 5012:100000:65536
run subid audit --no-live
not_ok "and the audit agrees" grep -q owner-starts-with-digit <<<"$out"
expect "once more: it has enough" 0 '5002foo uid 100000 165535 65536 kept*' '' subid grant 5002foo
expect "without a uid there is nothing to write" 1 '' 'subid: 5002bar: has no account, and begins with a digit: *' subid grant --force-unknown 5002bar
long=$(printf 'a%.0s' {1..1001})
expect "longer than shadow reads" 1 '' 'subid: aaaaaaaa*...: the name is too long: *' subid grant --force-unknown "$long"
expect "just as long" 0 '*' '' subid grant --force-unknown "${long#a}"
sed -i '/^5002foo:/d' /etc/passwd
fresh

# --- ids that others use by custom, and a window without ids ---------------------

expect "systemd-nspawn's are refused, too, and the window's are not" 1 '' $'subid: alice: uid 600100001-600100004: set aside for systemd-nspawn\'s containers: choose others, or, if nothing here uses them so, widen the window in /etc/login.defs, or allow conventional-ids in /etc/subid.conf\nsubid: alice: gid *' subid grant --range 600099995:10 alice
image=$T/image
mkdir -p "$image/etc"
printf 'alice:x:5001:5001::/:/bin/sh\n' >"$image/etc/passwd"
expect "system accounts' that have no account yet" 1 '' $'subid: alice: uid 990-999: set aside for system accounts, *\nsubid: alice: gid *' subid --root "$image" grant --range 990:11 alice
expect "in an image as well" 1 '' $'subid: alice: uid 700000000-700000009: set aside for *\nsubid: alice: gid *' subid --root "$image" grant --range 700000000:10 alice
printf 'SUB_UID_MAX 700000009\nSUB_GID_MAX 700000009\n' >"$image/etc/login.defs"
expect "unless the window has them" 0 'alice uid 700000000 *' '' subid --root "$image" grant --range 700000000:10 alice
expect "of which the audit says nothing" 0 '' '' subid --root "$image" -q audit --no-live --fail-on error
rm -r "$image/etc/login.defs" "$image/etc/sub"* "${image:?}/var"
echo 'give user alice count 10 window 700000000:10' >"$image/etc/subid.conf"
expect "a window of subid.conf is the site's word" 0 'alice uid 700000000 *' '' subid --root "$image" grant alice
expect "to the audit, too" 0 '' '' subid --root "$image" -q audit --no-live --fail-on warning
rm "$image/etc/subid.conf"
expect "no window, no word" 1 '*ERROR overlap-reserved: *' '' subid --root "$image" audit --no-live
rm -r "$image"
expect "FreeIPA's ids are refused, as the audit would" 1 '' $'subid: alice: uid 2147483648-2147483657: set aside for FreeIPA\'s subordinate ids: *\nsubid: alice: gid 2147483648-*' subid grant --range 2147483648:10 alice
echo 'accept overlap-reserved:alice "no FreeIPA here"' >/etc/subid.conf
expect "unless the site accepts it" 0 'alice uid 2147483648 2147483657 10 new*' '' subid grant --range 2147483648:10 alice
expect "which policy check warns of" 0 '*' "*/etc/subid.conf:1: warning: 'accept overlap-reserved' also lets grants give ids*write 'allow conventional-ids'*" \
	subid policy check
echo 'allow conventional-ids:alice "no FreeIPA here"' >/etc/subid.conf
tables ""
expect "or allows it, by its own word" 0 'alice uid 2147483648 2147483657 10 new*' '' subid grant --range 2147483648:10 alice
expect "and policy check has nothing to say" 0 '*' '' subid policy check
not_ok "nor has the audit" sh -c 'subid audit --no-live | grep overlap-reserved'
rm /etc/subid.conf
fresh
printf 'SUB_%s_COUNT 0\nSUB_%s_MIN 7\nSUB_%s_MAX 6\n' UID UID UID GID GID GID >/etc/login.defs
expect "MIN above MAX, where nothing is given of itself" 1 '' $'subid: alice: no id lies in SUB_UID_MIN 7 to SUB_UID_MAX 6: *login.defs\nsubid: alice: no id lies in SUB_GID_MIN 7*' subid grant --count 3 alice
fresh
# a work of accounts times members took a minute
mkdir -p "$T/crowd/etc"
echo 'SUB_UID_COUNT 100' | sed 'p;s/UID/GID/' >"$T/crowd/etc/login.defs"
seq -f '%.0f' 0 149999 | awk '{ print "u" $1 ":x:" 1000 + $1 ":1000::/:/bin/sh" }' >"$T/crowd/etc/passwd"
echo "all:x:5:$(seq -s , -f 'u%.0f' 0 149999)" >"$T/crowd/etc/group"
ok "a group of 150,000 in a moment" timeout 20 subid --root "$T/crowd" -q grant --group all
is "each has a range" "$(wc -l <"$T/crowd/etc/subuid")" 150000
