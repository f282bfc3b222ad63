#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# JSON is complete or absent, whatever fails: never half a document beside an error.
. "$(dirname "$0")/lib.sh"
plan 40

add_user alice
add_user bob
tables $'alice:100000:65536\nbob:165536:65536'

is_whole() { # nothing, or one document
	[ ! -s "$1" ] || jq -es 'length == 1' "$1"
}
# The status, and whether there is a document; what is there is whole.
fails() { # name status document|nothing command...
	local name=$1 wanted="$2 $3" got
	subid --json "${@:4}" >"$T/out" 2>"$T/err"
	got="$? $([ -s "$T/out" ] && echo document || echo nothing)"
	is_whole "$T/out" >/dev/null 2>&1 || got="$got, cut off"
	[ -s "$T/err" ] || got="$got, no message"
	is "$name" "$got" "$wanted"
}

# --- one of three is wrong
fails "list: one of three owners is unknown" 1 document list alice nosuch bob
is "the others are in it" "$(jq '.ranges | length' "$T/out")" 4
fails "list: a column that is none" 2 nothing list -o owner,colour
fails "list: nor to sort by" 2 nothing list --sort colour alice
fails "list --released: a column that is none" 2 nothing list --released -o colour
fails "grant: one of three owners is unknown" 1 nothing grant -c 10 --another alice nosuch bob
fails "grant: --keep-going" 1 document grant -c 10 --another --keep-going alice nosuch bob
fails "revoke: one of three owners has nothing" 1 nothing revoke alice nosuch bob
fails "id: one of three has no owner" 1 document id 100000 5000000 165536
is "the others are in it" "$(jq '.ids | length' "$T/out")" 2
fails "id: one of three is no id" 2 nothing id 100000 x 165536
fails "ps: one of two has no process" 1 document ps alice
fails "config: unknown owner" 1 nothing config lxc nosuch
fails "status: unknown owner" 1 nothing status nosuch
fails "doctor: no owner's name" 1 nothing doctor a:b
fails "policy explain: a name that no owner has" 1 document policy explain a:b
fails "audit: unknown rule" 2 nothing audit --rule nosuch
mv /etc/subgid /etc/subgid.away
mkdir /etc/subgid
for command in list "list alice" "id 100000" "config lxc alice" "status alice" "grant bob"; do
	# shellcheck disable=SC2086 # words
	fails "$command: a table that cannot be read" 3 nothing $command
done
rmdir /etc/subgid
mv /etc/subgid.away /etc/subgid
ln -s nowhere /var/lib/subid/subgid
fails "list: leases that cannot be read" 3 nothing list
rm /var/lib/subid/subgid

# --- standard output is full
for command in list "list --released" "grant -n --another alice" "revoke -n bob" "id 100000" "config lxc alice" \
	"status alice" status "doctor alice" ps audit "policy explain alice" "policy check"; do
	# shellcheck disable=SC2086 # words
	subid --json $command >/dev/full 2>"$T/err"
	like "$command: standard output is full" "$? $(<"$T/err")" "3 *subid: standard output: No space left on device*"
done

# --- memory ends anywhere
awk 'BEGIN { for (i = 2000000; i < 2030000; i++) print "x" i ":" i ":1" }' >>/etc/subuid
subid --json list >"$T/all"
ok "(much is listed)" test "$(wc -c <"$T/all")" -gt 2000000
cut=0 absent=0 whole=0
for ((kilobytes = 6000; kilobytes < 30000; kilobytes += 1000)); do
	prlimit --as=$((kilobytes * 1024)) "$PRE/bin/subid" --json list >"$T/out" 2>/dev/null
	if [ ! -s "$T/out" ]; then
		absent=$((absent + 1))
	elif cmp -s "$T/out" "$T/all"; then
		whole=$((whole + 1))
	else
		cut=$((cut + 1))
	fi
done
ok "(it is sometimes absent, sometimes whole: $absent, $whole)" test "$absent" -gt 3 -a "$whole" -gt 3
is "never cut off" "$cut" 0
