# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # as in lib.sh; words of xargs
# Many clients at one directory at once: own owners, the same owners, killed at work, with
# the counter set back, a directory that was restored from a backup, a pool that is full.
# Is sourced after ldap.sh, and run once a directory is there.
#
#   crowd CLIENTS EACH SAME KILLS RESTORED   CROWD_CHECKS checks

CROWD_CHECKS=26
export crowd_first=1000000000

# Starts of granted ranges that are there twice: there must be none.
crowd_twice() { subid --directory list -u | awk '$6 == "granted" { print $3 }' | sort | uniq -d; }
crowd_granted() { subid --directory list -u | awk '$6 == "granted"' | wc -l; }
crowd_now() { echo "${EPOCHREALTIME/[.,]/}"; }

# Runs a command for each number, so many at once; {} is the number.
crowd_run() { # numbers command
	seq "$1" | xargs -P "$crowd_clients" -I{} bash -c "$2"
}

crowd_own() { # each
	local began took
	export each=$1
	began=$(crowd_now)
	# shellcheck disable=SC2016 # for the other shell
	crowd_run "$crowd_clients" 'for ((i = 0; i < each; i++)); do
		subid --directory -q grant --force-unknown "c{}-$i" || echo "c{}-$i"
	done' >"$T/failed" 2>&1
	took=$((($(crowd_now) - began) / 1000))
	# of one grant among the others
	export crowd_ms=$((took / each + 1))
	is "clients, each with its owners: all are granted" "$(<"$T/failed")" ""
	is "as many as asked" "$(crowd_granted)" $((crowd_clients * each))
	is "and nothing is given twice" "$(crowd_twice)" ""
	echo "# $crowd_clients clients x $each owners: $((crowd_clients * each)) grants, 0 overlaps, $((crowd_clients * each * 1000 / took))/s"
}

crowd_same() { # owners
	export same=$1
	# shellcheck disable=SC2016
	crowd_run "$crowd_clients" 'for ((i = 0; i < same; i++)); do subid --directory grant --force-unknown s$i; done' \
		>"$T/out" 2>"$T/failed"
	is "the same owners at once: nobody fails" "$(<"$T/failed")" ""
	is "each has one range, whoever asked" "$(awk '{ print $1, $3 }' "$T/out" | sort -u | wc -l)" "$same"
	is "one of the clients was told that it is new" "$(awk '$2 == "uid" && $6 == "new"' "$T/out" | wc -l)" "$same"
	is "and nothing is given twice" "$(crowd_twice)" ""
	echo "# the same $same owners from $crowd_clients clients: $same granted, $(awk '$2 == "uid" && $6 == "kept"' "$T/out" | wc -l) times \"has it\""
}

# Each at some moment of the time that a grant takes here.
crowd_killed() { # clients to kill
	local before pending start
	before=$(crowd_granted)
	# shellcheck disable=SC2016
	crowd_run "$1" '
		subid --directory -q grant --force-unknown k{} & pid=$!
		ms=$((RANDOM % crowd_ms))
		read -rt $((ms / 1000)).$(printf %03d $((ms % 1000))) <> <(:)
		kill -KILL $pid; wait $pid' >/dev/null 2>&1
	pending=$(ldap '(subidState=pending)' cn | wc -l)
	is "after kill -9, nothing is given twice" "$(crowd_twice)" ""
	crowd_run "$1" 'subid --directory -q grant --force-unknown k{}' >"$T/failed" 2>&1
	is "the next ones finish it" "$(<"$T/failed")" ""
	is "all are granted" "$(crowd_granted)" $((before + $1))
	is "and nothing is given twice then" "$(crowd_twice)" ""
	# what is claimed and nobody's: more blocks than owners
	ldap '(&(objectClass=subidClaim)(subidState=granted))' subidBlock | awk '{ print $2 }' | sort >"$T/claims"
	subid --directory list -u | awk '$6 == "granted" { print $3 }' | sort >"$T/owned"
	comm -23 "$T/claims" "$T/owned" >"$T/orphans"
	is "each owner has its claim" "$(comm -13 "$T/claims" "$T/owned")" ""
	is "the audit finds the orphan claims, with what reclaims them" \
		"$(subid --directory audit --fail-on never --fix-plan | grep -c ' unhold ')" "$(wc -l <"$T/orphans")"
	subid --directory audit --fail-on never --fix-plan | sh >/dev/null 2>"$T/failed"
	is "they are reclaimed" "$(<"$T/failed")$(subid --directory audit --fail-on never | grep -v pool-filling)" ""
	echo "# $1 clients killed: $pending owners were pending, $(wc -l <"$T/orphans") orphan claims, all reclaimed; 0 overlaps"
}

set_counter() {
	ldapmodify -x -H "$ldap_tcp" -D "$ldap_admin" -w "$ldap_password" <<<"dn: cn=main,ou=pools,$ldap_base
changetype: modify
replace: subidNext
subidNext: $crowd_first" >/dev/null
}

crowd_counter() { # grants
	local before
	before=$(crowd_granted)
	export -f set_counter
	export ldap_tcp ldap_admin ldap_password ldap_base
	crowd_run "$1" '[ $(({} % 8)) != 0 ] || set_counter
		subid --directory -q grant --force-unknown b{}' >"$T/failed" 2>&1
	is "the counter set back under grants: all are granted" "$(<"$T/failed"):$(crowd_granted)" ":$((before + $1))"
	is "and nothing is given twice" "$(crowd_twice)" ""
	echo "# the counter set back $(($1 / 8)) times under $1 grants: 0 overlaps"
}

# A host has what was granted before and after the backup.
crowd_restored() { # grants after it
	local i before
	for ((i = 0; i < 12; i++)); do
		add_user "r$i" && sed -i "/^r$i:/d" /etc/subuid /etc/subgid
	done
	crowd_run 6 'subid --directory -q grant --force-unknown r$(({} - 1))'
	ldap_backup
	crowd_run 6 'subid --directory -q grant --force-unknown r$(({} + 5))'
	crowd_run "$1" 'subid --directory -q grant --force-unknown later{}'
	subid sync -q r{0..11}
	before=$(sort /etc/subuid)
	is "a host has what was given before and after a backup" "$(grep -c "^r[0-9]*:1[0-9]*:16$" /etc/subuid)" 12
	subid --directory list -u >"$T/known"
	ldap_restore
	expect "restored: the host releases nothing that the directory forgot" 1 '' \
		'*r*: uid *: the directory has no claim of these ids*restored from an old backup: not released*' subid sync r{0..11}
	is "and keeps its lines" "$(sort /etc/subuid)" "$before"
	subid --json list >"$T/host.json"
	subid --directory audit --hosts "$T/host.json" >"$T/out"
	is "the audit tells whom the directory forgot" "$(awk '$2 == "host-forgotten" { print $4 }' "$T/out" | sort -u | paste -sd ' ')" "r10 r11 r6 r7 r8 r9"
	subid --directory audit --fix-plan --hosts "$T/host.json" | sed 's/grant r/grant --force-unknown r/' | sh >/dev/null 2>"$T/failed"
	is "and what gives them the same ids again" "$(<"$T/failed")" ""
	expect "which the host has" 0 '' '' subid sync r{0..11}
	is "as before" "$(sort /etc/subuid)" "$before"
	crowd_run "$1" 'subid --directory -q grant --force-unknown again{}' >"$T/failed" 2>&1
	is "further grants walk past that: nothing is given twice" "$(<"$T/failed")$(crowd_twice)" ""
	is "the restored owners have what they had" "$(subid --directory list -u | grep '^r[0-9]' | sort)" "$(grep '^r[0-9]' "$T/known" | sort)"
	echo "# restored from a backup: 6 owners of $((6 + $1)) since were known to a host, and have their ids again; 0 overlaps"
}

crowd_full() {
	ldap_pool 2000000000 2000000047 16 small
	site_conf "pool small 2000000000-2000000047 block 16"
	crowd_clients=16 crowd_run 16 'subid --directory grant --force-unknown f{}' 2>"$T/refused" >"$T/out"
	is "room for three, and sixteen ask" "$(awk '$2 == "uid"' "$T/out" | wc -l):$(grep -c full "$T/refused")" "3:13"
	echo "# room for 3, 16 clients: 3 granted, 13 refused"
}

crowd() { # clients each same kills counted
	local blocks=$(($1 * $2 + $3 + $4 * 2 + 500 + $5 * 3)) last
	export crowd_clients=$1
	last=$((crowd_first + blocks * 16 - 1))
	ldap_pool $crowd_first $last 16
	site_conf "pool main $crowd_first-$last block 16"
	: >/etc/subuid
	: >/etc/subgid
	crowd_own "$2"
	crowd_same "$3"
	crowd_killed "$4"
	crowd_counter "$5"
	crowd_restored "$5"
	crowd_full
}
