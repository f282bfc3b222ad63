#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Many clients at a real slapd at once, also killed at work, also with a counter set back:
# no id is given twice, and what is left can be reclaimed.  A sample; with FULL set (make
# directory) as much as the table in CONTRIBUTING.md says.
# alone
. "$(dirname "$0")/lib.sh"
. tests/e2e/ldap.sh
plan 16

clients=16 each=10 same=15 kills=60
[ -z "${FULL-}" ] || clients=16 each=200 same=200 kills=2000
[ -n "${FULL-}" ] || jobs_note="a sample"

ldap_begin ""
blocks=$((clients * each + same + kills * 2 + 500))
first=1000000000 last=$((1000000000 + blocks * 16 - 1))
ldap_pool $first $last 16
site_conf "pool main $first-$last block 16"

# Overlaps of granted ranges, and of granted blocks: none must be twice.
twice() {
	subid --directory list -u | awk '$6 == "granted" { print $3 }' | sort | uniq -d
}
granted() { subid --directory list -u | awk '$6 == "granted"' | wc -l; }
now() { echo "${EPOCHREALTIME/[.,]/}"; }

# --- each its own owners ---------------------------------------------------------------

client() { # number
	local i
	for ((i = 0; i < each; i++)); do
		subid --directory -q grant --force-unknown "c$1-$i" || echo "c$1-$i"
	done
}
export -f client
export each
began=$(now)
seq $clients | xargs -P $clients -I{} bash -c 'client {}' >"$T/failed" 2>&1
took=$((($(now) - began) / 1000))
is "clients, each with its owners: all are granted" "$(<"$T/failed")" ""
is "as many as asked" "$(granted)" $((clients * each))
is "and nothing is given twice" "$(twice)" ""
echo "# $clients clients x $each owners: $((clients * each)) grants, 0 overlaps, $((clients * each * 1000 / took))/s${jobs_note+ ($jobs_note)}"

# --- all the same owners -----------------------------------------------------------------

# shellcheck disable=SC2016 # for the other shell
seq $clients | xargs -P $clients -I{} bash -c \
	'for ((i = 0; i < '$same'; i++)); do subid --directory grant --force-unknown s$i; done' >"$T/out" 2>"$T/failed"
is "the same owners at once: nobody fails" "$(<"$T/failed")" ""
is "each has one range, whoever asked" "$(awk '{ print $1, $3 }' "$T/out" | sort -u | wc -l)" "$same"
is "one of the clients was told that it is new" "$(awk '$2 == "uid" && $6 == "new"' "$T/out" | wc -l)" "$same"
is "and nothing is given twice" "$(twice)" ""
echo "# the same $same owners from $clients clients: $same granted, $(awk '$2 == "uid" && $6 == "kept"' "$T/out" | wc -l) times \"has it\""

# --- killed at work ------------------------------------------------------------------------

before=$(granted)
# shellcheck disable=SC2016 # for the other shell
seq $kills | xargs -P $clients -I{} bash -c '
	subid --directory -q grant --force-unknown k{} & pid=$!
	read -rt 0.0$((RANDOM % 9))$((RANDOM % 10)) <> <(:)
	kill -KILL $pid; wait $pid' >/dev/null 2>&1
pending=$(ldap '(subidState=pending)' cn | wc -l)
is "after kill -9, nothing is given twice" "$(twice)" ""
seq $kills | xargs -P $clients -I{} subid --directory -q grant --force-unknown k{} >"$T/failed" 2>&1
is "the next ones finish it" "$(<"$T/failed")" ""
is "all are granted" "$(granted)" $((before + kills))
is "and nothing is given twice then" "$(twice)" ""
# what is claimed and nobody's: more blocks than owners
ldap '(&(objectClass=subidClaim)(subidState=granted))' subidBlock | awk '{ print $2 }' | sort >"$T/claims"
subid --directory list -u | awk '$6 == "granted" { print $3 }' | sort >"$T/owned"
comm -23 "$T/claims" "$T/owned" >"$T/orphans"
is "each owner has its claim" "$(comm -13 "$T/claims" "$T/owned")" ""
while read -r start; do subid --directory -q unhold "$start:16" || echo "$start"; done <"$T/orphans" >"$T/failed" 2>&1
is "orphan claims are reclaimed" "$(<"$T/failed")" ""
echo "# $kills clients killed: $pending owners were pending, $(wc -l <"$T/orphans") orphan claims, all reclaimed; 0 overlaps"

# --- the counter set back under grants -----------------------------------------------------

before=$(granted)
# shellcheck disable=SC2016
seq $((clients * 2)) | xargs -P $clients -I{} bash -c \
	'[ $(({} % 8)) != 0 ] || ldapmodify -x -H '"$ldap_tcp"' -D cn=admin,dc=example,dc=org -w admin <<<"dn: cn=main,ou=pools,'$ldap_base'
changetype: modify
replace: subidNext
subidNext: '$first'" >/dev/null
	subid --directory -q grant --force-unknown b{}' >"$T/failed" 2>&1
is "the counter set back under grants: all are granted" "$(<"$T/failed"):$(granted)" ":$((before + clients * 2))"
is "and nothing is given twice" "$(twice)" ""

# --- full ------------------------------------------------------------------------------------

ldap_pool 2000000000 2000000047 16 small
site_conf "pool small 2000000000-2000000047 block 16"
seq 16 | xargs -P 16 -I{} subid --directory grant --force-unknown f{} 2>"$T/refused" >"$T/out"
is "room for three, and sixteen ask" "$(awk '$2 == "uid"' "$T/out" | wc -l):$(grep -c full "$T/refused")" "3:13"
