#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid --directory audit: each thing that can be wrong in the directory is made so, found,
# and mended by the commands that it prints; lists of hosts beside it; and 2,000 owners.
. "$(dirname "$0")/lib.sh"
. tests/e2e/ldap.sh
plan 43

ldap_begin ""
ldap_pool 1000000000 1000009999 10 # 1,000 blocks
for i in 1 2 3; do ldap_user "u$i" $((7000 + i)); done
lines=("users ou=people,dc=example,dc=org" "pool main 1000000000-1000009999 block 10")
site_conf "${lines[@]}"
subid --directory -q grant u1 u2 u3
start() { subid --directory list -u "$1" | awk '{ print $3 }'; }
change() { # dn-part, changes: "attribute: value" lines that replace
	local line
	{
		echo "dn: $1,$ldap_base"
		echo "changetype: modify"
		while read -r line; do printf 'replace: %s\n%s\n-\n' "${line%%:*}" "$line"; done <<<"$2"
	} | ldap_change
}
add_owner() { # name start: without a claim
	ldap_add <<-END
		dn: cn=$1,ou=owners,$ldap_base
		objectClass: subordinateIdEntry
		subidState: granted
		subidTicket: t
		subUidNumber: $2
		subUidCount: 10
		subGidNumber: $2
		subGidCount: 10
	END
}
add_claim() { # block state [owner ticket]
	ldap_add <<-END
		dn: subidBlock=$1,ou=blocks,$ldap_base
		objectClass: subidClaim
		subidState: $2${3:+
		subidOwner: $3
		subidTicket: $4}
	END
}
finds() { # name, level, rule, owner, reason glob
	local row
	row=$(subid --directory audit --fail-on never | awk -v rule="$3" '$2 == rule' | head -n 1)
	like "$1" "$row" "$2 $3 * $4 * *$5*"
}

expect "a directory that is right" 0 '' '' subid --directory audit
expect "in JSON" 0 '{"findings": ?\]}' '' subid --directory --json audit

add_owner lost 1000005000
finds "an owner without a claim" error no-claim lost 'nobody'
expect "is an error: status 1" 1 '*no-claim*' '' subid --directory audit
expect "unless nothing is" 0 '*no-claim*' '' subid --directory audit --fail-on critical
add_owner other 1000005005
finds "two owners with the same ids" critical overlap-owners other 'lost'
ldap_change <<-END
	dn: cn=other,ou=owners,$ldap_base
	changetype: delete
END
add_claim 1000006000 granted gone dead
finds "a claim of nobody" warning orphan-claim gone 'a'
change "subidBlock=$(start u2),ou=blocks" "subidState: released"
finds "released, and still granted" error half-revoked u2 'released'
change "cn=u3,ou=owners" "subidState: pending"
finds "a grant that was left" info pending u3 'left'
expect "the plan has a command for each" 1 "subid --directory revoke u2
subid --directory hold 1000005000:10
subid --directory unhold 1000006000:10
subid --directory grant u3" '' subid --directory audit --fix-plan
change "cn=u3,ou=owners" "subidState: granted"
subid --directory audit --fix-plan | sh >/dev/null
expect "carried out, nothing of it is left" 1 'critical claim-of-another lost lost 1000005000 10*' '' subid --directory audit
ldap_change <<-END
	dn: cn=lost,ou=owners,$ldap_base
	changetype: delete
END
expect "and by hand the last" 0 '' '' subid --directory audit

change "subidBlock=$(start u1),ou=blocks" "subidState: free"
finds "a free claim of a block that somebody has" critical claim-free u1 'free'
change "subidBlock=$(start u1),ou=blocks" $'subidState: granted\nsubidOwner: eve'
finds "a block that is claimed for another one" critical claim-of-another u1 'eve'
change "subidBlock=$(start u1),ou=blocks" $'subidOwner: u1'
add_claim 1000006003 reserved
finds "a claim where no block begins" error odd-claim - 'no'
add_owner outside 5000
finds "a range in no pool" error outside-pools outside 'pool'
change "cn=outside,ou=owners" $'subUidNumber: 4294967290'
finds "an entry that is damaged" error damaged - 'ranges'
change "cn=outside,ou=owners" $'subUidNumber: 6000'
finds "uids and gids that differ" error unequal outside 'differ'
ldap_user mallory "$(($(start u1) + 5))"
finds "an account's own uid in a granted block" critical account-inside mallory 'u1'
change "cn=main,ou=pools" "subidBlockSize: 20"
finds "a pool that is not as subid.conf has it" error pool-differs - 'numbers'
change "cn=main,ou=pools" "subidBlockSize: 10"
site_conf "users ou=people,dc=example,dc=org" "pool main 1000000000-1000000029 block 10"
finds "a pool that is full" error pool-filling - '0'
site_conf "${lines[@]}"

# hosts beside it
printf '{"ranges": [{"owner":"u1","kind":"uid","start":%s,"end":0,"count":10,"state":"granted"}, {"owner":"ann","kind":"uid","start":500000,"end":0,"count":100,"state":"granted"}]}' \
	"$(start u1)" >"$T/h1.json"
printf '{"ranges": [{"owner":"u2","kind":"uid","start":%s,"end":0,"count":10,"state":"granted"}, {"owner":"bob","kind":"uid","start":500050,"end":0,"count":100,"state":"granted"}]}' \
	"$(start u1)" >"$T/h2.json"
run subid --directory audit --hosts "$T/h1.json" "$T/h2.json"
like "a host that differs from the directory" "$out" "*error host-differs $T/h2.json u2 *"
like "the same ids, other owners, on two hosts" "$out" "*critical hosts-overlap $T/h2.json bob 500050 50 *ann*h1.json*"
is "the host that is right is in neither" "$(grep -c "differs $T/h1.json" <<<"$out")" 0
# the same in other forms: one report of the directory and all hosts
printf '{"ranges": [{"owner":"x<b>&","kind":"uid","start":500060,"end":0,"count":10,"state":"granted"}]}' >"$T/h3.json"
hosts=("$T/h1.json" "$T/h2.json" "$T/h3.json")
page=$(subid --directory audit --format html --hosts "${hosts[@]}")
is "a page: it fails as the text does" $? 1
like "with the worst first" "$page" '<!DOCTYPE html>*<header class="critical">*ou=subids,dc=example,dc=org*account-inside*hosts-overlap*host-differs*</html>'
like "names are text, not markup" "$page" '*x&lt;b&gt;&amp;*'
is "in no place as they are" "$(grep -c '<b>&' <<<"$page")" 0
is "nothing from elsewhere, no script" "$(grep -cE 'https?://|<script|src=' <<<"$page")" 0
like "the pools and the hosts are there" "$page" "*<h4>main 1000000000 to 1000009999*blocks of 10 ids in use*$T/h1.json</dt><dd>*"
subid --directory audit --format prometheus --hosts "${hosts[@]}" >"$T/metrics"
is "metrics: each kind of line is described once" "$(grep '^# TYPE' "$T/metrics" | awk '{ print $3 }' | sort | uniq -d)" ""
is "the rules of the page are all in it" "$(sed -n 's/^\.It Li \([a-z, -]*\) Pq.*/\1/p' man/subid-ldap.8 | tr -d ' ' | tr ',' '\n' | sort | paste -sd ' ')" \
	"$(sed -n 's/^subid_directory_findings{rule="\([a-z-]*\)"} .*/\1/p' "$T/metrics" | sort | paste -sd ' ')"
is "with as many findings as the text has" "$(awk '/^subid_directory_findings[{]/ { n += $2 } END { print n }' "$T/metrics")" \
	"$(subid --directory audit --hosts "${hosts[@]}" | wc -l)"
like "how full a pool is" "$(<"$T/metrics")" '*subid_directory_pool_blocks{pool="main"} 1000
*subid_directory_pool_blocks_taken{pool="main"} [1-9]*subid_directory_hosts 3
*'
expect "into a file" 1 '' '' subid --directory audit -o "$T/report" --format json
is "whole" "$(jq -r '.findings | length' "$T/report")" "$(subid --directory audit | wc -l)"
expect "not in the place of a directory" 3 '' "*$T: not a regular file*" subid --directory audit -o "$T"
expect "forms exclude each other" 2 '' '*do not agree*' subid --directory --json audit --format html
expect "an unknown form" 2 '' "*unknown form 'pdf'*" subid --directory audit --format pdf
echo '[]' >"$T/h3.json"
expect "a file that is no list" 3 '' "*h3.json: is not what 'subid --json list' prints" subid --directory audit --hosts "$T/h3.json"
expect "no file" 2 '' '*--hosts: missing FILE*' subid --directory audit --hosts

# many
{
	for ((i = 0; i < 2000; i++)); do
		printf 'dn: cn=m%d,ou=owners,%s\nobjectClass: subordinateIdEntry\ncn: m%d\nsubidState: granted\nsubidTicket: t\nsubUidNumber: %d\nsubUidCount: 10\nsubGidNumber: %d\nsubGidCount: 10\n\n' \
			$i "$ldap_base" $i $((2000000000 + i * 10)) $((2000000000 + i * 10))
		printf 'dn: subidBlock=%d,ou=blocks,%s\nobjectClass: subidClaim\nsubidState: granted\nsubidOwner: m%d\nsubidTicket: t\n\n' \
			$((2000000000 + i * 10)) "$ldap_base" $i
	done
} >"$T/many"
ldap_add <"$T/many"
ldap_pool 2000000000 2000099999 10 second
site_conf "${lines[@]}" "pool second 2000000000-2000099999 block 10"
is "2,000 owners are listed, page by page" "$(subid --directory list -u | grep -c ' m\|^m')" 2000
is "and audited: no more is wrong than before" "$(subid --directory audit --fail-on never | grep -c ' m[0-9]')" 0
