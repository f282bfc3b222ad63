#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2086 # words of other programs; numbers
# The servers of another release, slapd 2.6 and ns-slapd (389 Directory Server), both of
# Debian 13: many clients at once (directory_crowd.sh), each state of a range, who may
# write, and more owners than a page has.
# long
. "$(dirname "$0")/lib.sh"
. tests/e2e/ldap.sh
. tests/e2e/directory_crowd.sh
plan $(((CROWD_CHECKS + 17) * 2 + 2))

# DEBIAN13: one that has been made with these packages
{ [ -d "${DEBIAN13-}" ] && cp -a "$DEBIAN13" "$T/root"; } ||
	tests/root.sh make trixie "$T/root" slapd,ldap-utils,389-ds-base >"$T/log" 2>&1 || {
	sed 's/^/# /' "$T/log"
	skip "$planned" "no Debian 13 can be made here: is there a network?"
	exit
}
ldap_root=$T/root
clients=8 each=8 same=8 kills=24 counted=16
[ -z "${FULL-}" ] || clients=16 each=200 same=200 kills=500 counted=100

both() { # owner first last count state: two rows
	printf '%s uid %s %s %s %s\n%s gid %s %s %s %s' "$1" "$2" "$3" "$4" "$5" "$1" "$2" "$3" "$4" "$5"
}

steps() { # name
	ldap_pool 1500000000 1500655359 65536 steps
	for i in 1 2 3; do ldap_user "u$i" $((7000 + i)); done
	ldap_user inside 1500131080
	site_conf "users ou=people,dc=example,dc=org" "pool steps 1500000000-1500655359"
	expect "$1: granted" 0 "$(both u1 1500000000 1500065535 65536 new)" '' subid --directory grant u1
	expect "$1: it has it" 0 "$(both u1 1500000000 1500065535 65536 kept)" '' subid --directory grant u1
	is "$1: SSSD finds the account's DN" "$(ldap '(cn=u1)' subidRangeOwner)" "subidRangeOwner: uid=u1,ou=people,dc=example,dc=org"
	expect "$1: two blocks in one piece" 0 "u2 uid 1500*100000 new*" '' subid --directory grant u2 --count 100000
	expect "$1: just this range" 0 "$(both u3 1500589824 1500589833 10 new)" '' subid --directory grant u3 --range 1500589824:10
	expect "$1: which is claimed then" 1 '' '*a block of these ids is claimed*' subid --directory grant --force-unknown x --range 1500589830:1
	expect "$1: revoked" 0 "$(both u1 1500000000 1500065535 65536 released)" '' subid --directory revoke u1
	expect "$1: it rests" 0 "$(both '!released' 1500000000 1500065535 65536 released)" '' subid --directory list '!released'
	expect "$1: and is freed" 0 "$(both - 1500000000 1500065535 65536 free)" '' subid --directory unhold 1500000000:65536
	expect "$1: a free block is given again" 0 "$(both u1 1500000000 1500065535 65536 new)" '' subid --directory grant u1
	expect "$1: held" 0 "$(both '!reserved' 1500524288 1500589823 65536 reserved)" '' subid --directory hold 1500524288:1
	is "$1: the audit has nothing against that" "$(subid --directory audit | grep -v pool-filling | grep ' 1500[0-9]* ')" ""
	cp /etc/subid.conf "$T/conf"
	printf read >"$T/read"
	chmod 600 "$T/read"
	# shellcheck disable=SC2154 # ldap.sh's
	sed -i "s|^directory .*|directory $ldap_tcp|; s|^bind .*|bind simple cn=reader,dc=example,dc=org password $T/read|" /etc/subid.conf
	expect "$1: a credential that may read lists" 0 "u1 *granted*" '' subid --directory list u1
	expect "$1: and takes nothing" 3 '' '*nsufficient*' subid --directory revoke u1
	expect "$1: nor gives" 3 '' '*nsufficient*' subid --directory grant --force-unknown eve
	{
		for ((i = 0; i < 2500; i++)); do
			printf 'dn: cn=m%d,ou=owners,%s\nobjectClass: subordinateIdEntry\ncn: m%d\nsubidState: granted\nsubidTicket: t\nsubUidNumber: %d\nsubUidCount: 16\nsubGidNumber: %d\nsubGidCount: 16\n\n' \
				$i "$ldap_base" $i $((1600000000 + i * 16)) $((1600000000 + i * 16))
			printf 'dn: subidBlock=%d,ou=blocks,%s\nobjectClass: subidClaim\nsubidState: granted\nsubidOwner: m%d\nsubidTicket: t\n\n' \
				$((1600000000 + i * 16)) "$ldap_base" $i
		done
	} | ldap_add
	ldap_pool 1600000000 1600159999 16 many
	printf '%s\n' "pool many 1600000000-1600159999 block 16" >>/etc/subid.conf
	is "$1: the reader lists 2,500 owners, page by page" "$(subid --directory list -u | grep -c '^m[0-9]')" 2500
	is "$1: and audits them" "$(subid --directory audit --fail-on never | grep -c ' m[0-9]')" 0
	cp "$T/conf" /etc/subid.conf
}

ldap_begin ""
echo "# slapd $(tests/root.sh enter "$ldap_root" dpkg-query -W -f '${Version}' slapd):"
crowd $clients $each $same $kills $counted
steps slapd
ldap_stop

userdel_all() { for ((i = 0; i < 12; i++)); do userdel "r$i" 2>/dev/null; done; }
userdel_all
ldap389_begin
echo "# 389 Directory Server $(tests/root.sh enter "$ldap_root" dpkg-query -W -f '${Version}' 389-ds-base):"
crowd $clients $each $same $kills $counted
steps ns-slapd
is "ns-slapd: what was asked has indexes" "$(ldap389_unindexed)" ""
ldap '(description=x)' cn >/dev/null
like "(one without is seen)" "$(ldap389_unindexed)" '*filter="(description=x)"*'
