#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# 64 processes grant, revoke, lease and log in at once, beside useradd, newusers, usermod
# and userdel, and some of ours are killed at any moment: no id has two owners, also at
# no moment in between, no line is lost or doubled, and no lock is left that keeps
# anybody waiting.  With FULL=1 each makes a thousand changes (make crowd).
# alone
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pam.sh"
plan 24

crowd=64 killed_ones=16 logins=16 changes=${FULL:+1000} changes=${changes:-20}
for ((i = 1; i <= crowd; i++)); do
	echo "c$i:x:$((10000 + i)):$((10000 + i))::/nonexistent:/bin/false" >>/etc/passwd
	echo "c$i:x:$((10000 + i)):" >>/etc/group
done
mount -t tmpfs -o mode=755 state /var/lib
module timeout=60
kept=$'# a comment\nbroken:line\nother:100000:65536'
tables "$kept"

# A change, and how long it took, in microseconds.
timed() { # command...
	local from=${EPOCHREALTIME/./} took
	"$@" || return 1
	took=$((${EPOCHREALTIME/./} - from)) done=$((done + 1))
	[ $took -le "$longest" ] || longest=$took
}

# One of the crowd: gives and takes its own ranges, and ends with one.
member() { # name
	local done=0 longest=0
	while [ $done -lt "$changes" ]; do
		timed subid -q grant "$1" &&
			timed subid -q grant --another --count 1000 "$1" &&
			timed subid -q grant --count 100 "$1/c1" &&
			timed subid -q revoke --reuse "$1/c1" &&
			timed subid -q revoke --reuse "$1" || return 1
	done
	timed subid -q grant "$1"
	echo "$done $longest" >"$T/did.$1"
}

# One that gets its range by logging in.
visitor() { # name
	local done=0 longest=0
	while [ $done -lt "$changes" ]; do
		timed pamtester only "$1" open_session >/dev/null &&
			timed subid -q revoke --reuse "$1" || return 1
	done
	timed pamtester only "$1" open_session >/dev/null
	echo "$done $longest" >"$T/did.$1"
}

# A member whose subid is killed now and again, at any moment of its work.
victim() { # name
	local pid done=0 killed=0
	while [ $done -lt "$changes" ]; do
		subid -q grant --another --count 500 "$1" 2>/dev/null &
		pid=$!
		read -rt "0.0$((RANDOM % 10))" <> <(:)
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
		[ $? != 137 ] || { killed=$((killed + 1)) && echo "$pid" >>"$T/pids.$1"; }
		subid -q grant --count 10 "$1/k" 2>/dev/null &
		pid=$!
		read -rt "0.0$((RANDOM % 10))" <> <(:)
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
		subid -q revoke --reuse "$1/k" 2>/dev/null
		subid -q revoke --reuse "$1" 2>/dev/null
		done=$((done + 2))
	done
	subid -q revoke --reuse "$1" 2>/dev/null
	subid -q grant "$1" && echo "$done $killed" >"$T/killed.$1"
}

# One of shadow's tools.  It waits for .pwd.lock, but gives up at once when it finds the
# pid of somebody in a table's lock who was killed and is not yet waited for: it says
# "try again later", so it does.
shadow() { # command...
	until "$@" 2>"$T/err"; do
		grep -o 'already used by PID [0-9]*' "$T/err" >>"$T/tried" || { cat "$T/err" >&2 && return 1; }
	done
}

# The longest that usermod took, in microseconds: its own work, and its wait for us.
longest_usermod=0
waited() { # command...
	local from=${EPOCHREALTIME/./} took
	shadow "$@" || return 1
	took=$((${EPOCHREALTIME/./} - from))
	[ $took -le "$longest_usermod" ] || longest_usermod=$took
}

neighbour() {
	local turn=0 at
	until [ $turn -ge 5 ] && { [ -z "${FULL-}" ] || [ -e "$T/over" ]; }; do
		at=$((500000000 + turn * 10))
		shadow useradd -M -N "n$turn" && echo "w$turn:secret:$((20000 + turn)):$((20000 + turn))::$T/home:/bin/false" >"$T/new" &&
			shadow newusers "$T/new" &&
			waited usermod --add-subuids $at-$((at + 9)) --add-subgids $at-$((at + 9)) "n$turn" || return 1
		[ $turn -lt 3 ] || shadow userdel "n$turn" || return 1
		[ $turn = 0 ] || shadow userdel "w$turn" || return 1
		turn=$((turn + 1))
	done
	echo $turn >"$T/turns"
	echo "$longest_usermod" >"$T/usermod"
}

: >"$T/tried"
ok "(who looks how long the locks are had)" "${MAKE:-make}" -s BUILD="$BUILD" bench-programs
mkfifo "$T/end"
"$BUILD/bench/held" /etc <"$T/end" >"$T/held" &
held_pid=$!
exec 8>"$T/end"
wait_for grep -q ready "$T/held"
mapfile -t lines <<<"$kept"
/usr/bin/python3 -B tests/faults/watch.py "$T/over" "${lines[@]}" >"$T/watched" 2>&1 &
watch_pid=$!
neighbour 2>"$T/said.neighbour" &
neighbour_pid=$!
began=$SECONDS pids=()
for ((i = 1; i <= crowd; i++)); do
	if [ "$i" -le "$killed_ones" ]; then
		victim "c$i"
	elif [ "$i" -le $((killed_ones + logins)) ]; then
		visitor "c$i"
	else
		member "c$i"
	fi 2>"$T/said.$i" &
	pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=$((failed + 1)); done
: >"$T/over"
is "every one of the crowd came to its end" "$failed$(cat "$T"/said.[0-9]* | head -n 5)" 0
wait "$neighbour_pid"
result $? "so did useradd, newusers, usermod and userdel"
is "without a complaint" "$(<"$T/said.neighbour")" ""
wait "$watch_pid"
result $? "the tables were right at every moment"
while IFS= read -r line; do echo "# $line"; done <"$T/watched"
made=$(cat "$T"/did.* "$T"/killed.* | awk '{ n += $1 } END { print n }')
killed=$(awk '{ n += $2 } END { print n }' "$T"/killed.*)
echo "# $crowd processes, $made changes, $killed killed at work, $(<"$T/turns") rounds of useradd and the like ($(wc -l <"$T/tried") tried again), in $((SECONDS - began)) s"
echo "# the longest of those that were not killed took $(cat "$T"/did.* | awk '$2 > m { m = $2 } END { printf "%.1f", m / 1e6 }') s"
echo "# the longest usermod, with its wait for the locks, took $(awk '{ printf "%.2f", $1 / 1e6 }' "$T/usermod") s"
exec 8>&-
wait "$held_pid"
result $? "all of that was looked at"
{ read -r _ && read -r ours longest sum && read -r theirs their_longest their_sum; } <"$T/held"
echo "# ours had the locks $ours times, for $((sum / ours)) microseconds, $longest at most; shadow's $theirs times, for $((their_sum / theirs)), $their_longest at most"
ok "on average for no longer than shadow's tools have them" test $((sum / ours)) -le $((their_sum / theirs))
is "shadow's tools met no lock but of those that were killed" \
	"$(sed 's/.* //' "$T/tried" | grep -vxFf <(cat "$T"/pids.*))" ""
ok "as many changes as were wanted" test "$made" -ge $((crowd * changes))
ok "some were killed at work" test "$killed" -gt 10

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
	is "other lines of $table are there, once" "$(grep -vE '^[cnw][0-9]' /etc/$table | sort)" "$(sort <<<"$kept")"
done
is "shadow's users have theirs, those that are left" \
	"$(grep '^[nw]' /etc/subuid | cut -d: -f1 | sort | tr '\n' ' ')" "n0 n0 n1 n1 n2 n2 w0 "
is "all leases were given back" "$(cat /var/lib/subid/sub[ug]id)" ""
ok "whose ids rest now can be said" subid -q list --released
is "the ledger says what tables and leases do" "$(/usr/bin/python3 -B tests/faults/ledger.py | head -n 5)" ""
expect "no lock keeps the next one waiting" 0 '*' '' subid grant --another c1
expect "nor the next lease" 0 '*' '' subid grant --count 10 c1/next
is "and no file is left of the dead" "$(find /etc /var/lib/subid -maxdepth 1 -name '*.lock' ! -name .pwd.lock ! -name ledger.lock)" ""
ok "nor do useradd and userdel wait" eval 'useradd -M -N last && userdel last'
