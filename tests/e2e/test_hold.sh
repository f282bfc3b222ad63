#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid hold and unhold, as they are typed, right and wrong.
. "$(dirname "$0")/lib.sh"
plan 64

add_user alice -u 5001
add_user bob -u 5002

tables $'# keep\nalice:100000:65536'
expect "ids are kept out of all hands" 0 \
	$'!reserved uid 165536 231071 65536 reserved\n!reserved gid 165536 231071 65536 reserved' '' subid hold 165536:65536
tables_are "in a line of their own" $'# keep\nalice:100000:65536\n!reserved:165536:65536'
expect "grant keeps off them" 0 $'bob uid 231072 *\n*' '' subid grant bob
useradd -M -u 5003 carol
is "and useradd" "$(grep ^carol /etc/subuid)" carol:296608:65536
userdel carol
expect "held already" 0 '' 'subid: 165536:65536: already held*' subid hold 165536:65536
expect "the rest of a range" 0 $'!reserved uid 300000 300009 10 reserved\n*' '' subid hold 300000-300009
expect "adjoining" 0 '*' '' subid hold 300010:10
is "one line for both" "$(grep reserved:3 /etc/subuid)" '!reserved:300000:20'
expect "overlapping what is held: the rest is added" 0 $'!reserved uid 300020 300029 10 reserved\n*' '' subid hold 300010:20
is "still one line" "$(grep reserved:3 /etc/subuid)" '!reserved:300000:30'
expect "-u" 0 '!reserved uid 400000 400000 1 reserved' '' subid hold -u 400000:1
not_ok "not the gid" grep -q 400000 /etc/subgid
expect "-g" 0 '!reserved gid 400000 400000 1 reserved' '' subid hold --gid 400000:1
expect "a large range, up to the last id" 0 '*' '' subid hold 2147483648-4294967294

tables $'# keep\nalice:100000:65536\nodd:0200000:9'
kept=$(</etc/subuid)
expect "ids that somebody has: with file and line" 1 '' \
	$'subid: 165535:2: uid 165535-165535: taken by /etc/subuid:2: alice:100000:65536\nsubid: 165535:2: gid 165535-165535: taken by /etc/subgid:2: alice:100000:65536' \
	subid hold 165535:2
expect "ids that a reader sees in an odd line" 1 '' 'subid: *taken by /etc/subuid:3: odd:0200000:9*' subid hold 65536:1
expect "an account's uid" 1 '' $'subid: 5000:10: uid 5001: is account alice\'s own\n*' subid hold 5000:10
start become alice unshare --map-users=100000,0,10 --map-groups=100000,0,10 sleep 600
wait_for runs "$started_pid" sleep
tables ""
expect "ids that a live namespace maps" 1 '' \
	"subid: 100005:10: uid 100005-100009: mapped by a live user namespace (process $started_pid, sleep): *" subid hold 100005:10
end "$started_pid"
tables "$kept"
for wrong in 1 x 1: :1 1:0 2-1 1-x 4294967295:1 0:4294967296 01:5 1:+5 ''; do
	expect "no range: '$wrong'" 2 '' $'subid: invalid range \''"$wrong"$'\'; *START:COUNT or FIRST-LAST*\nsubid: try *' subid hold "$wrong"
done
expect "no range at all" 2 '' $'subid: hold: expected one RANGE\n*' subid hold
expect "two" 2 '' $'subid: unhold: expected one RANGE\n*' subid unhold 1:1 2:1
expect "not root" 3 '' 'subid: only root can change ranges: /etc/.pwd.lock: Permission denied: run this as root' as bob subid hold 300000:1
tables_are "nothing was changed" "$kept"

# --- unhold ----------------------------------------------------------------------

held=$'alice:100000:100\n!released:200000:100\n!reserved:300000:100'
tables "$held"
expect "released ids come back" 0 $'- uid 200000 200099 100 free\n- gid 200000 200099 100 free' '' subid unhold 200000:100
expect "reserved ones, too" 0 $'- uid 300000 300099 100 free\n*' '' subid unhold 300000:100
tables_are "other lines stay" alice:100000:100
tables "$held"
expect "a part of them" 0 $'- uid 200040 200049 10 free\n*' '' subid unhold 200040-200049
is "leaves the rest held" "$(grep released /etc/subuid | tr '\n' ' ')" '!released:200000:40 !released:200050:50 '
expect "of a range, what is held" 0 $'- uid 300050 300099 50 free\n*' '' subid unhold 300050:1000
tables "$held"
expect "both at once" 0 '*200000 *300000 *' '' subid unhold 200000:100100
expect "none of these is held" 1 '' 'subid: 100000:100: none of these ids is held' subid unhold 100000:100
tables_are "an owner's ids are not touched" alice:100000:100
tables "$held"
expect "-u" 0 '- uid 200000 200099 100 free' '' subid unhold -u 200000:100
is "leaves the gids held" "$(grep -c released /etc/subgid)" 1

# --- options of every command ------------------------------------------------------

tables "$held"
for command in "hold 500000:5" "unhold 200000:100"; do
	# shellcheck disable=SC2086 # words
	{
		expect "-n $command shows" 0 '* uid *' '' subid ${command/ / -n }
		tables_are "and changes nothing" "$held"
		expect "--json $command" 0 '*' '' subid --json ${command/ / -n }
		ok "is JSON" jq -e '.ranges | length == 2' <<<"$out"
		expect "-q $command" 0 '' '' subid -q $command
	}
	expect "--help" 0 'usage: subid *' '' subid "${command%% *}" --help
	ok "fits a screen" test "$(wc -l <<<"$out")" -le 24 -a "$(wc -L <<<"$out")" -le 80
	[ "$command" = "unhold 200000:100" ] || tables "$held"
done
tables_are "-q does it" $'alice:100000:100\n!reserved:300000:100'
expect "standard output full" 3 '' 'subid: standard output: No space*the change is made*' \
	sh -c 'exec subid hold 600000:5 >/dev/full'
mkdir -p "$T/image/etc"
: >"$T/image/etc/passwd"
: >"$T/image/etc/group"
expect "--root" 0 '!reserved uid 100000 *' '' subid --root "$T/image" hold 100000:10
is "works there" "$(cat "$T"/image/etc/sub[ug]id)" $'!reserved:100000:10\n!reserved:100000:10'

expect "an ordinary user without leases holds nothing" 1 '' 'subid: 100000:10: none of these ids is held' as bob subid unhold 100000:10
