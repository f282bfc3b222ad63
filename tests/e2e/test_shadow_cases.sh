#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The situations in which shadow tests its own giving and taking of ranges, put
# to subid.  Each check ends with the name of shadow's test, beneath its folder
# tests/subids where no other is said; what should come out is our own rule:
# where shadow allows an overlap, the answer here is no.
. "$(dirname "$0")/lib.sh"
plan 121

add_user foo -u 5001
cp /etc/login.defs "$T/login.defs"

# A policy of 10,000 ids for each, with these lines behind it.
policy() {
	{
		cat "$T/login.defs"
		printf 'SUB_%s_COUNT 10000\n' UID GID
		[ $# = 0 ] || printf 'SUB_%s\n' "$@"
	} >/etc/login.defs
}

gives() { # name lines start count
	tables "$2"
	expect "$1" 0 $'foo uid '"$3 $(($3 + $4 - 1)) $4"$' new\nfoo gid '"$3 $(($3 + $4 - 1)) $4 new" '' subid grant foo
	tables_are "and keeps every line: ${1##*: }" "${2:+$2$'\n'}foo:$3:$4"
}

refuses() { # name lines err command...
	local name=$1 lines=$2 err_glob=$3
	shift 3
	tables "$lines"
	expect "$name" 1 '' "$err_glob" subid "$@"
	tables_are "and changes nothing: ${name##*: }" "$lines"
}

# --- giving: where there is room ---------------------------------------------------

policy
gives "an empty table: 02_useradd_with_subids" "" 100000 10000
gives "a gap at the start: 05_useradd_fill_gap_start" root:110000:10000 100000 10000
gives "in the middle: 06_useradd_fill_gap_middle" $'root:100000:100000\nroot:210000:10000' 200000 10000
gives "at the end: 07_useradd_fill_gap_end" root:100000:599990001 600090001 10000
gives "before a line behind the window: 63_useradd_fill_gap4" \
	$'root:100000:599990001\n# This is after max\nroot:600100001:10000' 600090001 10000
gives "the same, one further: 64_useradd_fill_gap5" $'root:100000:599990001\nroot:600100002:10000' 600090001 10000
gives "behind a line below the window: 65_useradd_fill_gap6" root:90000:5000 100000 10000
gives "unsorted lines, equal and nested ones: 66_subordinate_range_cmp" \
	$'#1\nroot:90000:5000\nsfoo:300000:10000\nroot:300000:10000\nroot:200000:15000\nroot:200000:10000\nroot:100000:5000\n#3' \
	105000 10000
gives "a line without start: 67_invalid_subuid_file1" $'root::5000\nroot:200000:10000' 100000 10000
gives "without count, whose start may be meant: 68_invalid_subuid_file2" $'root:100000:\nroot:200000:10000' 100000 10000
gives "without owner, whose ids are kept off: 69_invalid_subuid_file3" $':100000:10000\nroot:200000:10000' 110000 10000

refuses "no room at the start: 08_useradd_no_more_subuids_start" root:109999:600100000 'subid: foo: no gap of 10000 uids*' grant foo
refuses "no room at the end: 10_useradd_no_more_subuids_end" root:100000:599990002 'subid: foo: no gap of 10000 uids*' grant foo
tables ""
echo root:109999:600100000 >/etc/subgid
expect "for gids: 09_useradd_no_more_subgids_start" 1 '' 'subid: foo: no gap of 10000 gids*' subid grant -g foo
expect "but for uids: 09_useradd_no_more_subgids_start" 0 'foo uid 100000 109999 10000 new' '' subid grant -u foo
tables ""
rm /etc/subuid /etc/subgid
expect "no tables: 01_useradd_no_subids, where shadow gives nothing" 0 'foo uid 100000 *' '' subid grant foo
tables_are "they are made" foo:100000:10000
rm /etc/subuid
expect "no subuid: 04_useradd_no_subuid" 0 'foo uid 100000 109999 10000 new' '' subid grant foo
rm /etc/subgid
expect "no subgid: 03_useradd_no_subgid" 0 'foo gid 100000 109999 10000 new' '' subid grant foo
useradd -r -M system
expect "a system account, when it is named: 71_useradd_subids_for_system" 0 'system uid 110000 *' '' subid grant system

# --- giving: a configuration that cannot be meant ------------------------------------

tables ""
for kind in UID GID; do
	[ $kind = UID ] && tests=(12_useradd_invalid_subuid_configuration1 13_useradd_invalid_subuid_configuration2 14_useradd_invalid_subuid_configuration3) ||
		tests=(15_useradd_invalid_subgid_configuration1 16_useradd_invalid_subgid_configuration2 17_useradd_invalid_subgid_configuration3)
	policy "${kind}_MIN 600100000" "${kind}_MAX 100000"
	expect "MIN > MAX: ${tests[0]}" 3 '' "subid: /etc/login.defs: SUB_${kind}_M* nothing is given*" subid grant foo
	policy "${kind}_COUNT 600100000"
	expect "more than the window: ${tests[1]}" 1 '' "subid: foo: no gap of 600100000 ${kind,,}s*" subid grant foo
	policy "${kind}_MIN 100000" "${kind}_MAX 100000" "${kind}_COUNT 2"
	expect "two in a window of one: ${tests[2]}" 1 '' "subid: foo: no gap of 2 ${kind,,}s*" subid grant foo
done
tables_are "nothing was given" ""
policy {UID,GID}_MIN\ 100000 {UID,GID}_MAX\ 100000 {UID,GID}_COUNT\ 1
gives "MIN = MAX: 18_useradd_min=max" "" 100000 1
policy

# --- giving what is asked for ----------------------------------------------------------

tables ""
expect "-u: 21_usermod_create_subuid_range" 0 'foo uid 100000 100010 11 new' '' subid grant -u --range 100000-100010 foo
expect "-g: 22_usermod_create_subgid_range" 0 'foo gid 100000 100010 11 new' '' subid grant -g --range 100000-100010 foo
expect "both: 23_usermod_create_subids_ranges" 0 'foo uid 200000 *foo gid 200000 *' '' subid grant --range 200000-200010 foo
expect "one that adjoins: 25_usermod_add_range" 0 'foo uid 200011 *' '' subid grant --range 200011-200020 foo
tables_are "each has its line" $'foo:100000:11\nfoo:200000:11\nfoo:200011:10'
refuses "one that overlaps the owner's own: 24_usermod_create_subids_overlapping_ranges" foo:101000:501 \
	'subid: foo: uid 101000-101000: taken by /etc/subuid:1: foo:101000:501*' grant --range 100000-101000 foo
refuses "one that reaches into a line: 26_usermod_add_overlapping_ranges" $'foo:100000:10000\nfoo:200000:10000' \
	'subid: foo: uid 109999-*' grant --range 109999-120500 foo
expect "one within a line: the owner has it: 26_usermod_add_overlapping_ranges" 0 '* kept' '' subid grant --range 200000-200500 foo
for wrong in 100000-1000 a100000-110000 '' -100000-110000 9223372036854775808-110000 110000-9223372036854775808 100000--110000; do
	for command in grant revoke; do
		expect "$command --range '$wrong': 37 to 40, 47 to 52_usermod_-v_invalid_range" 2 '' "subid: invalid range '$wrong'*" \
			subid $command --range="$wrong" foo
	done
done

# --- taking -------------------------------------------------------------------------------

two=$'foo:100000:10000\nfoo:200000:10000'
takes() { # name before range after
	tables "$2"
	expect "$1" 0 '*' '' subid revoke --reuse --range "$3" foo
	tables_are "leaves what it should: ${1##*: }" "$4"
}
takes "a whole line: 27_usermod_remove_range_all" "$two" 100000-109999 foo:200000:10000
takes "the start: 28_usermod_remove_range_partial_begin" "$two" 200000-205000 $'foo:100000:10000\nfoo:205001:4999'
takes "the middle: 29_usermod_remove_range_partial_middle" "$two" 102000-106999 $'foo:100000:2000\nfoo:200000:10000\nfoo:107000:3000'
takes "the end: 30_usermod_remove_range_partial_end" "$two" 105000-109999 $'foo:100000:5000\nfoo:200000:10000'
takes "over the start: 32_usermod_remove_overlapping_range_begin" "$two" 10000-100000 $'foo:100001:9999\nfoo:200000:10000'
takes "over the start of the second: 32_usermod_remove_overlapping_range_begin" "$two" 110000-209998 $'foo:100000:10000\nfoo:209999:1'
takes "over the end: 33_usermod_remove_overlapping_range_end" "$two" 209999-210001 $'foo:100000:10000\nfoo:200000:9999'
takes "over both: 34_usermod_remove_overlapping_range_all" "$two" 99997-210002 ""
takes "from one line into the next: 34_usermod_remove_overlapping_range_all" "$two" 109999-210000 foo:100000:9999
refuses "what lies outside: 31_usermod_remove_outside_range" "$two" 'subid: foo: has none of these ids' revoke --range 1000-99999 foo
refuses "what lies between: 31_usermod_remove_outside_range" "$two" 'subid: foo: has none of these ids' revoke --range 110000-199999 foo
takes "the user's alone: 35_usermod_remove_only_user_ranges" "$two"$'\nroot:100000:10000\nfoo:100000:10000' 100000-109999 \
	$'foo:200000:10000\nroot:100000:10000'
takes "both of two equal lines: 36_usermod_remove_with_comment" $'foo:100000:10000\n# This is a duplicate entry\nfoo:100000:10000' \
	100000-109999 '# This is a duplicate entry'
tables "$two"
expect "all at once: 57_userdel_multiple_ranges" 0 '*' '' subid revoke --reuse foo
tables_are "nothing is left: 57_userdel_multiple_ranges" ""
tables foo:100000:10000
rm /etc/subgid
expect "where there is no subgid: 44_usermod_-W_no_subgid, 56_userdel_no_subgid" 0 'foo uid 100000 109999 10000 free' '' \
	subid revoke --reuse foo

# --- the library's ------------------------------------------------------------------------

tables foo:300000:10000
expect "who has enough keeps it: tests/libsubid/03_add_remove" 0 'foo uid 300000 309999 10000 kept*' '' subid grant --count 500 foo
expect "another when asked for: tests/libsubid/03_add_remove" 0 'foo uid 100000 100499 500 new*' '' \
	subid grant --another --count 500 foo
expect "and back: tests/libsubid/03_add_remove" 0 '*' '' subid revoke --reuse --range 100000:500 foo
tables_are "as before: tests/libsubid/03_add_remove" foo:300000:10000
tables $'foo:300000:10000\nfoo:400000:10000\nfoo2:500000:10000\nroot:501000:100'
is "what a user has: tests/libsubid/01_list_ranges" "$(subid list -u foo)" \
	$'foo uid 300000 309999 10000 granted\nfoo uid 400000 409999 10000 granted'

# --- locked tables: 19_useradd_locked_subuid, 20, 41 and 42 -------------------------------

# Each case has a tree of its own, so that all wait at once.
for case in subuid subgid pwd nopid stale ends; do
	mkdir -p "$T/$case/etc"
	cp /etc/passwd /etc/group "$T/$case/etc"
	echo root:100000:10000 >"$T/$case/etc/subuid"
	cp "$T/$case/etc/subuid" "$T/$case/etc/subgid"
done
start sleep infinity
holder=$started_pid
printf '%d\0' "$holder" >"$T/subuid/etc/subuid.lock"
printf '%d\0' "$holder" >"$T/subgid/etc/subgid.lock"
printf '%d\0' "$holder" >"$T/ends/etc/subgid.lock"
: >"$T/nopid/etc/subuid.lock"
start python3 -c "import fcntl, time
f = open('$T/pwd/etc/.pwd.lock', 'w')
fcntl.lockf(f, fcntl.LOCK_EX)
open('$T/pwd/locked', 'w')
time.sleep(1000)"
record_holder=$started_pid
wait_for test -e "$T/pwd/locked"
sh -c 'exit' &
dead=$!
wait "$dead"
printf '%d\0' "$dead" >"$T/stale/etc/subuid.lock"
expect "a lock whose holder is dead keeps nobody waiting" 0 'foo uid *' '' timeout 5 subid --root "$T/stale" grant foo
ok "and is gone" test ! -e "$T/stale/etc/subuid.lock"

began=$SECONDS
locked=() waiting=()
declare -A commands=([subuid]="grant foo" [subgid]="revoke root" [pwd]="hold 500000:1" [nopid]="grant foo")
for case in "${!commands[@]}"; do
	# shellcheck disable=SC2086 # words
	subid --root "$T/$case" ${commands[$case]} >"$T/$case/out" 2>"$T/$case/err" &
	waiting+=($!)
	locked+=("$case")
done
subid --root "$T/ends" grant foo >"$T/ends/out" 2>"$T/ends/err" &
patient=$!
opened() { [ -n "$(find "/proc/$patient/fd" -lname '*/.pwd.lock')" ]; }
wait_for opened
rm "$T/ends/etc/subgid.lock"
wait "$patient"
is "a lock that goes away in time: waited for, then done" "$?$(<"$T/ends/err")" 0
ok "long before patience ends" test $((SECONDS - began)) -lt 10
ok "nor is a lock without a pid waited for" wait_for test -s "$T/nopid/err" -a "$((SECONDS - began))" -lt 10
ok "list asks for no lock" subid --root "$T/subuid" list
ok "nor does a dry run" timeout 5 subid --root "$T/subuid" grant -n foo
for i in "${!waiting[@]}"; do
	wait "${waiting[$i]}"
	is "locked (${locked[$i]}): 3, and nothing on standard output" "$?$(<"$T/${locked[$i]}/out")" 3
	is "the tables are as they were" "$(cat "$T/${locked[$i]}"/etc/sub[ug]id)" $'root:100000:10000\nroot:100000:10000'
done
ok "after shadow's 15 seconds, not much more" test $((SECONDS - began)) -ge 14 -a $((SECONDS - began)) -lt 25
said_waiting() { printf 'subid: warning: waiting for process %s: %s/etc/%s\n' "$@"; }
is "the message names the lock, pid and program" "$(<"$T/subuid/err")" \
	"$(said_waiting "$holder (sleep)" "$T/subuid" subuid.lock)
subid: $T/subuid/etc/subuid.lock: locked by process $holder (sleep) for more than 15 s: try again when it is done"
is "the other table's as well" "$(<"$T/subgid/err")" \
	"$(said_waiting "$holder (sleep)" "$T/subgid" subgid.lock)
subid: $T/subgid/etc/subgid.lock: locked by process $holder (sleep) for more than 15 s: try again when it is done"
is "lckpwdf's holder, too" "$(<"$T/pwd/err")" \
	"$(said_waiting "$record_holder (python3)" "$T/pwd" .pwd.lock)
subid: $T/pwd/etc/.pwd.lock: locked by process $record_holder (python3) for more than 15 s: try again when it is done"
is "a lock without pid: what to look for" "$(<"$T/nopid/err")" \
	"subid: $T/nopid/etc/subuid.lock: locked, but no pid is in it: see whether useradd, usermod or the like runs, and remove it if not"
ok "no lock of somebody else was taken away" test -e "$T/subuid/etc/subuid.lock" -a -e "$T/subgid/etc/subgid.lock"
