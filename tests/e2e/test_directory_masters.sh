#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # words of other shells
# Two servers that both take changes and copy them to each other, with a pool for each:
# hosts that name them in different orders give no id twice and no owner two ranges, also
# while one of them is down.  A sample; with FULL set (make directory) more.
# alone
. "$(dirname "$0")/lib.sh"
. tests/e2e/ldap.sh
plan 17

each=6 same=12
[ -z "${FULL-}" ] || each=50 same=100
clients=16
[ -n "${FULL-}" ] || echo "# a sample:"

ports=("$(free_port)" "$(free_port)")
master() { # 0|1: starts it
	ldap_global="moduleload syncprov
		serverID $(($1 + 1))"
	ldap_more="index entryCSN,entryUUID eq
		syncrepl rid=001 provider=ldap://127.0.0.1:${ports[1 - $1]} type=refreshAndPersist retry=\"1 +\" searchbase=dc=example,dc=org bindmethod=simple binddn=cn=admin,dc=example,dc=org credentials=admin
		multiprovider on
		overlay syncprov"
	ldap_port_wanted=${ports[$1]}
	ldap_begin "$1"
	uris[$1]=$ldap_uri pids[$1]=$ldap_pid
}
uris=() pids=()
ldap_empty=1 master 1
ldap_empty='' master 0
ldap_pool 1000000000 1000159999 16 a
ldap_pool 2000000000 2000159999 16 b
all() { # 0|1: what it has of ours
	ldapsearch -x -LLL -o ldif-wrap=no -E pr=1000/noprompt -H "ldap://127.0.0.1:${ports[$1]}" -D "$ldap_admin" -w "$ldap_password" \
		-b "$ldap_base" '(objectClass=*)' subidState subidTicket subidOwner subUidNumber subidNext | grep -v '^#\|^$' | sort
}
agree() { [ "$(all 0)" = "$(all 1)" ]; }
wait_for agree || echo "# the second has not got what the first has"

conf() { # file, then the order of addresses
	printf '%s\n' "directory $2 $3" "base $ldap_base" "bind external" "timeout 2" \
		"pool a 1000000000-1000159999 block 16 master ${uris[0]}" \
		"pool b 2000000000-2000159999 block 16 master ${uris[1]}" >"$1"
}
conf "$T/conf0" "${uris[0]}" "${uris[1]}"
conf "$T/conf1" "${uris[1]}" "${uris[0]}"
cp "$T/conf0" /etc/subid.conf

# Each client is a host that has the one order or the other.
crowd() { # command: with its number as $1
	export T
	seq $clients | xargs -P $clients -I{} unshare -m --propagation private bash -c \
		'mount --bind "$T/conf$(({} % 2))" /etc/subid.conf || exit; set -- {}; '"$1"
}
granted() { subid --directory list -u | awk '$6 == "granted"'; }
twice() { granted | awk '{ print $3 }' | sort | uniq -d; }

export each same
began=${EPOCHREALTIME/[.,]/}
# shellcheck disable=SC2016 # for the other shell
crowd 'for ((i = 0; i < each; i++)); do subid --directory -q grant --force-unknown "c$1-$i" || echo "c$1-$i"; done' >"$T/failed" 2>&1
took=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
is "each its own owners: all are granted" "$(<"$T/failed")" ""
ok "the two come to the same" wait_for agree
is "as many as asked" "$(granted | wc -l)" $((clients * each))
is "and nothing is given twice" "$(twice)" ""
is "both pools gave some" "$(granted | awk '{ print int($3 / 1000000000) }' | sort -u | paste -sd ' ')" "1 2"
echo "# 2 masters with a pool each, $clients clients x $each owners: $((clients * each)) grants, 0 overlaps, $((clients * each * 1000 / took))/s"

# shellcheck disable=SC2016
crowd 'for ((i = 0; i < same; i++)); do subid --directory grant --force-unknown "s$i"; done' >"$T/out" 2>"$T/failed"
is "the same owners at once: nobody fails" "$(<"$T/failed")" ""
is "each was told one range, whoever asked" "$(awk '$2 == "uid" { print $1, $3 }' "$T/out" | sort -u | wc -l)" "$same"
ok "the two come to the same" wait_for agree
is "and nothing is given twice" "$(twice)" ""
is "each has its claim, and no block has two" "$(subid --directory audit)" ""
echo "# 2 masters, the same $same owners from $clients clients: $same granted, nobody was told two blocks"

# One is down: its owners get nothing, the others all the same.
kill -KILL "${pids[1]}"
wait "${pids[1]}" 2>/dev/null
for ((i = 0; i < 16; i++)); do
	subid --directory -q grant --force-unknown "d$i" 2>>"$T/err"
	echo $?
done >"$T/statuses"
is "one is down: some owners are granted, the others are not" "$(sort -u "$T/statuses" | paste -sd ' ')" "0 3"
is "which is said" "$(grep -c "Can't contact LDAP server" "$T/err")" "$(grep -c 3 "$T/statuses")"
is "the one that runs lists" "$(granted | grep -c '^d')" "$(grep -c 0 "$T/statuses")"
cp "$T/conf1" /etc/subid.conf
is "also for a host that asks the other one first" "$(granted | grep -c '^d')" "$(grep -c 0 "$T/statuses")"
ldap_empty=1 master 1
for ((i = 0; i < 16; i++)); do subid --directory -q grant --force-unknown "d$i" 2>&1; done >"$T/failed"
is "once it runs again all are granted" "$(<"$T/failed")" ""
ok "the two come to the same" wait_for agree
is "and nothing is given twice" "$(twice)$(subid --directory audit)" ""
