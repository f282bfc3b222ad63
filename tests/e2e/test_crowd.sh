#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# 64 processes grant and revoke at once, beside useradd, usermod and userdel, and
# some of ours are killed at any moment: no id has two owners, no line is lost or
# doubled, and no lock is left that keeps anybody waiting.
. "$(dirname "$0")/lib.sh"
plan 14

crowd=64 rounds=10 killed_ones=16
for ((i = 1; i <= crowd; i++)); do
	echo "c$i:x:$((10000 + i)):$((10000 + i))::/nonexistent:/bin/false" >>/etc/passwd
	echo "c$i:x:$((10000 + i)):" >>/etc/group
done
kept=$'# a comment\nbroken:line\nother:100000:65536'
tables "$kept"

# One of the crowd: gives and takes its own ranges, and ends with one.
member() { # name
	local turn
	for ((turn = 0; turn < rounds; turn++)); do
		subid -q grant "$1" || return 1
		subid -q grant --another --count 1000 "$1" || return 1
		subid -q revoke --reuse "$1" || return 1
	done
	subid -q grant "$1"
}

# A member whose subid is killed now and again, at any moment of its work.
victim() { # name
	local turn pid
	for ((turn = 0; turn < rounds; turn++)); do
		subid -q grant --another --count 500 "$1" 2>/dev/null &
		pid=$!
		read -rt "0.0$((RANDOM % 10))" <> <(:)
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
		[ $? != 137 ] || echo killed >>"$T/kills"
		subid -q revoke --reuse "$1" 2>/dev/null
	done
	subid -q revoke --reuse "$1" 2>/dev/null
	subid -q grant "$1"
}

# shadow's tools; they, too, wait no longer than 15 s for a lock
neighbour() {
	local turn
	for ((turn = 0; turn < 5; turn++)); do
		useradd -M -N "n$turn" || return 1
		usermod --add-subuids $((500000000 + turn * 10))-$((500000000 + turn * 10 + 9)) \
			--add-subgids $((500000000 + turn * 10))-$((500000000 + turn * 10 + 9)) "n$turn" || return 1
	done
	userdel n0 && userdel n1
}

began=$SECONDS
pids=()
for ((i = 1; i <= crowd; i++)); do
	if [ "$i" -le "$killed_ones" ]; then victim "c$i"; else member "c$i"; fi 2>"$T/said.$i" &
	pids+=($!)
done
neighbour 2>"$T/said.neighbour" &
neighbour_pid=$!
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=$((failed + 1)); done
is "every one of the crowd came to its end" "$failed$(cat "$T"/said.[0-9]* | head -n 5)" 0
ok "so did useradd, usermod and userdel" wait "$neighbour_pid"
is "without a complaint" "$(<"$T/said.neighbour")" ""
ok "within a minute" test $((SECONDS - began)) -lt 60
echo "# $((SECONDS - began)) s, $(wc -l <"$T/kills") killed"

# The ids of a table that more than one line has.
overlaps() {
	awk -F: 'NF == 3 && $2 > 0 { print $2, $2 + $3, $1 }' "$1" | sort -n |
		awk '$1 < end { print $3, "and", who, "share", $1 } $2 > end { end = $2; who = $3 }'
}
is "no uid has two owners" "$(overlaps /etc/subuid)" ""
is "no gid has two owners" "$(overlaps /etc/subgid)" ""
is "each has its one range" \
	"$(grep -c '^c[0-9]*:[0-9]*:65536$' /etc/subuid) $(cut -d: -f1 /etc/subuid | grep -c '^c[0-9]')" "$crowd $crowd"
is "the same numbers in both tables" "$(grep '^c[0-9]' /etc/subuid | sort)" "$(grep '^c[0-9]' /etc/subgid | sort)"
# useradd moves them
for table in subuid subgid; do
	is "other lines of $table are there, once" "$(grep -vE '^[cn][0-9]' /etc/$table | sort)" "$(sort <<<"$kept")"
done
is "shadow's users have theirs, those that are left" \
	"$(grep '^n' /etc/subuid | cut -d: -f1 | sort | tr '\n' ' ')" "n2 n2 n3 n3 n4 n4 "
ok "some were killed at work" test "$(wc -l <"$T/kills")" -gt 10
start_at=${EPOCHREALTIME/./}
expect "no lock keeps the next one waiting" 0 '*' '' subid grant --another c1
ok "it took less than a second" test $((${EPOCHREALTIME/./} - start_at)) -lt 1000000
