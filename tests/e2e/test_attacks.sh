#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What test_bombs.sh tries with small numbers, with those that a user can reach (ENTRIES,
# SHARERS, MOUNTS, CHROOTS, NAMESPACES: others): what others do takes as much as on a
# quiet machine, and is right; and what was not looked at is said.  Instructions are
# counted, of which a slow machine takes no more.
# alone
# long
. "$(dirname "$0")/lib.sh"
plan 27

entries=${ENTRIES:-19900} sharers=${SHARERS:-300} mounts=${MOUNTS:-30000} chroots=${CHROOTS:-20} namespaces=${NAMESPACES:-8000}
add_user alice -u 5001
add_user bob -u 5002
add_user mallory -u 5003
add_user newbie -u 5004
kept=$'alice:100000:65536\nmallory:200000:65536'
tables "$kept"
mkdir -p "$T/bin"
cp "$BUILD"/attack/* "$T/bin"
chmod 755 "$T"
version=$(subid --version)
version=${version##* }

# A namespace of alice's that only a descriptor keeps, with ids of no line.
start unshare --user --net sleep infinity
wait_for runs "$started_pid" sleep
echo 0 900000 10 | tee "/proc/$started_pid/uid_map" >"/proc/$started_pid/gid_map"
exec 9<"/proc/$started_pid/ns/net"
start become alice sleep infinity
exec 9<&-
wait_for runs "$started_pid" sleep
end "${started[0]}"

# other processes of an ordinary machine
# shellcheck disable=SC2016 # for the other shell
start bash -c 'for i in {1..200}; do sleep infinity & done; echo >"$0"; wait' "$T/started"
wait_for test -e "$T/started"
# the first one looks for what is hidden, and the ledger has it
ok "(a first grant, taken back)" eval 'subid -q grant bob && subid -q revoke --reuse bob'

# Thousands of instructions, of all its processes.
count() { # command...
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$T/count" "$@" >"$T/said" 2>&1 ||
		sed 's/^/# /' "$T/said" >&2
	sed -n 's/.*refs: *//p' "$T/count" | tr -d , | awk '{ all += $1 } END { printf "%d", all / 1000 }'
}
# As the module runs it, on a host that is then as it was.
login() {
	change_tables "$kept"
	rm -rf /run/subid*
	subid -q list --released
	count "$BUILD/subid" grant --login=newbie "version=$version"
	grep -q '^newbie:' /etc/subuid || echo 0
}
costs() {
	local what
	login
	echo
	change_tables "$kept"
	subid -q list --released
	for what in "grant -n --another alice" "list alice" "grant -n --count 1000 alice/c1"; do
		# shellcheck disable=SC2086 # words
		count "$BUILD/subid" -q $what
		echo
	done
}
mapfile -t quiet < <(costs)
echo "# thousands of instructions of a login, a grant, a list, a lease: ${quiet[*]}"
ok "(a quiet machine's)" test "${#quiet[@]}" = 4 -a "${quiet[0]}" -gt 100 -a "${quiet[1]}" -gt 100

names_mallory() { jq -r '.summary.missing | join("; ")' "$T/audit" | grep -c 'of mallory (uid 5003)'; }
others() { # name
	local now i more=
	mapfile -t now < <(costs)
	for i in "${!quiet[@]}"; do
		if [ $((2 * ${now[i]:-0})) -gt $((3 * quiet[i])) ] || [ "${now[i]:-0}" -le 100 ]; then more=1; fi
	done
	echo "# $1: ${now[*]}"
	is "$1: what others do takes at most 1.5 times as much" "$more" ""
	ok "$1: a grant" subid -q grant bob
	ok "$1: useradd, and userdel" eval 'useradd -M u1 && userdel u1'
	ok "$1: what mallory hides does not keep bob's ids" timeout -k 1 60 "$PRE/bin/subid" -q revoke --reuse bob
	timeout -k 1 60 "$PRE/bin/subid" --json audit --partial --fail-on never >"$T/audit" 2>"$T/err"
	is "$1: an audit ends" "$?" 0 || sed 's/^/# /' "$T/err"
	is "$1: and finds what alice hides" "$(jq '[.findings[] | select(.rule == "live-unauthorised")] | length > 0' "$T/audit")" true
	echo "# $1: $(jq -c .summary.looked_at.namespaces "$T/audit") namespaces; $(jq -r '.summary.missing | join("; ")' "$T/audit" | cut -c 1-300)"
}
bomb() { # name command...
	local i ready=$T/$1/ready
	install -d -o mallory "$T/$1"
	start become mallory "${@:2}"
	bomb=$started_pid
	for ((i = 0; i < 600; i++)); do
		if [ -e "$ready" ] || ! kill -0 "$bomb" 2>/dev/null; then break; fi
		read -rt 0.5 <> <(:)
	done
	ok "$1: there" test -e "$ready"
}

bomb tables "$T/bin/bomb" tables "$T/tables/ready" "$entries" "$sharers"
others tables
end "$bomb"
bomb namespaces "$T/bin/bomb" namespaces "$T/namespaces/ready" "$namespaces"
others namespaces
is "namespaces: what was not looked at is said, with the user" "$(names_mallory)" 1
end "$bomb"
bomb mounts unshare --user --map-root-user --mount "$T/bin/bomb" mounts "$T/mounts/ready" "$mounts" "$chroots"
others mounts
is "mounts: what was not looked at is said, with the user" "$(names_mallory)" 1
end "$bomb"
tables_are "the tables are right" "$kept"
none() { ! pgrep -u mallory >/dev/null; }
ok "nothing is left" wait_for none
