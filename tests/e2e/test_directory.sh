#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid --directory: grants, holds and lists in a real slapd, what is refused, and what
# becomes of a directory that is down, slow, or lies.
. "$(dirname "$0")/lib.sh"
. tests/e2e/ldap.sh
plan 79

ldap_begin ""
ldap_pool 1000000000 1000655359 # ten blocks
for i in 1 2 3 4 5 6 7 8 9; do ldap_user "u$i" $((7000 + i)); done
site() { site_conf "users ou=people,dc=example,dc=org" "pool main 1000000000-1000655359" "$@"; }
site
both() { # owner first last count state: two rows
	printf '%s uid %s %s %s %s\n%s gid %s %s %s %s' "$1" "$2" "$3" "$4" "$5" "$1" "$2" "$3" "$4" "$5"
}
D() { subid --directory "$@"; }

# --- grant --------------------------------------------------------------------------

expect "grant: an account of the directory" 0 "$(both u1 1000000000 1000065535 65536 new)" '' subid --directory grant u1
expect "again: it has it" 0 "$(both u1 1000000000 1000065535 65536 kept)" '' subid --directory grant u1
expect "by uid" 0 "$(both 7002 1000065536 1000131071 65536 new)" '' subid --directory grant 7002
expect "the JSON of a host" 0 "$(printf '{"ranges": [\n  {"owner":"u2","kind":"uid","start":1000065536,"end":1000131071,"count":65536,"state":"kept"},*')" '' \
	subid --directory --json grant u2
expect "another spelling is the same account" 0 "$(both U1 1000000000 1000065535 65536 kept)" '' subid --directory grant U1
expect "nobody" 1 '' '*nosuch: no such account*' subid --directory grant nosuch
expect "one of two: the other one is granted" 1 "$(both u3 1000131072 1000196607 65536 new)" '*nosuch: no such account*' \
	subid --directory grant nosuch u3
expect "quiet" 0 '' '' subid --directory -q grant u3
expect "more than it has" 1 '' '*u3: has 65536 ids from 1000131072, and the directory has one range*' subid --directory grant u3 --count 65537
expect "less is enough" 0 "*kept*" '' subid --directory grant u3 --count 1
expect "two blocks in one piece" 0 "$(both u4 1000196608 1000296607 100000 new)" '' subid --directory grant u4 --count 100000
is "have two claims" "$(ldap '(subidOwner=u4)' subidBlock | paste -sd ' ')" "subidBlock: 1000196608 subidBlock: 1000262144"
expect "a dry run" 0 "$(both u5 1000327680 1000393215 65536 new)" '' subid --directory grant -n u5
is "which writes nothing" "$(ldap '(cn=u5)' cn)" ""
expect "just this range" 0 "$(both u5 1000589824 1000589833 10 new)" '' subid --directory grant u5 --range 1000589824:10
expect "which is claimed then" 1 '' '*u6: 1000589900-1000589900: a block of these ids is claimed*' subid --directory grant u6 --range 1000589900:1
is "and leaves no trace of who was refused" "$(ldap '(cn=u6)' subidState)" ""
expect "outside of the pools" 1 '' '*not in one pool of subid.conf' subid --directory grant u6 --range 5000:10
printf 'u6\n# nobody\n' >"$T/names"
expect "owners from a file" 0 "$(both u6 1000327680 1000393215 65536 new)" '' subid --directory grant --from "$T/names"
for option in -u -g --another --own; do
	expect "no $option in a directory" 2 '' '*' subid --directory grant $option u7
done
expect "nor containers" 1 '' '*lease is its host*' subid --directory grant u1/web
is "SSSD finds the account's DN" "$(ldap '(cn=u1)' subidRangeOwner)" "subidRangeOwner: uid=u1,ou=people,dc=example,dc=org"
ldap_user own 1000400000
expect "a block with an account's uid is passed over" 0 "$(both u7 1000458752 1000524287 65536 new)" '' subid --directory grant u7
is "and held" "$(ldap '(subidBlock=1000393216)' subidState)" "subidState: reserved"
site "never user u8"
expect "whom the policy forbids" 1 '' '*u8: refused by /etc/subid.conf:*' subid --directory grant u8
site "reserve 1000524288:1"
expect "the policy's reserved ids, and then it is full" 1 '' '*u8: the pools at ldapi:* are full*' subid --directory grant u8
site
is "who was refused has no state" "$(ldap '(cn=u8)' subidState)" ""

# --- list, revoke, hold, unhold -------------------------------------------------------

expect "list one" 0 "$(both u1 1000000000 1000065535 65536 granted)" '' subid --directory list u1
expect "gids alone" 0 "u1 gid 1000000000 1000065535 65536 granted" '' subid --directory list -g u1
expect "nobody's" 1 '' '*u8: has no ranges' subid --directory list u8
is "list all: six owners, and what is held" "$(D list | awk '{ print $1, $6 }' | sort | uniq -c | awk '{ print $1, $2, $3 }')" \
	"4 !reserved reserved
2 u1 granted
2 u2 granted
2 u3 granted
2 u4 granted
2 u5 granted
2 u6 granted
2 u7 granted"
expect "revoke, dry" 0 "$(both u1 1000000000 1000065535 65536 released)" '' subid --directory revoke -n u1
expect "revoke" 0 "$(both u1 1000000000 1000065535 65536 released)" '' subid --directory revoke u1
expect "nothing more to revoke" 1 '' '*u1: has no ranges' subid --directory revoke u1
expect "it rests" 0 "$(both '!released' 1000000000 1000065535 65536 released)" '' subid --directory list '!released'
expect "and is given to nobody" 1 '' '*full*' subid --directory grant u8
expect "a part of a block is not freed" 1 '' '*frees whole blocks: 1000000000-1000065535' subid --directory unhold 1000000000:10
expect "unhold" 0 "$(both - 1000000000 1000065535 65536 free)" '' subid --directory unhold 1000000000:65536
expect "nothing is held there" 1 '' '*none of these ids is held' subid --directory unhold 1000000000:65536
expect "a free block is given again" 0 "$(both u8 1000000000 1000065535 65536 new)" '' subid --directory grant u8
expect "part of it alone is not taken" 1 '' '*takes back whole' subid --directory revoke u8 --range 1000000000:5
expect "--reuse needs a word more" 2 '' '*--reuse needs --force*' subid --directory revoke u8 --reuse
expect "--reuse" 0 "$(both u8 1000000000 1000065535 65536 free)" '' subid --directory revoke u8 --reuse --force
expect "hold ids of a granted block" 1 '' '*block 1000065536 is claimed for u2' subid --directory hold 1000000000-1000070000
is "and nothing is held by halves" "$(ldap '(subidBlock=1000000000)' subidState)" "subidState: free"
expect "hold" 0 "$(both '!reserved' 1000000000 1000065535 65536 reserved)" '' subid --directory hold 1000000000:1
expect "hold again" 0 '' '*already held' subid --directory hold 1000000000:1
expect "a range that is none" 2 '' '*invalid range*' subid --directory hold x

# --- what is left by those who die ------------------------------------------------------

D unhold 1000000000:65536 >"$T/out"
ldap_change <<-END
	dn: cn=u8,ou=owners,$ldap_base
	changetype: modify
	add: subidState
	subidState: pending
	-
	add: subidTicket
	subidTicket: dead
END
expect "a pending owner is finished by the next one" 0 "$(both u8 1000000000 1000065535 65536 new)" '' subid --directory grant u8
D revoke u8 >"$T/out"
ldap_change <<-END
	dn: subidBlock=1000000000,ou=blocks,$ldap_base
	changetype: modify
	replace: subidState
	subidState: granted
END
expect "a claim of nobody is freed by unhold" 0 "$(both - 1000000000 1000065535 65536 free)" '' subid --directory unhold 1000000000:65536
ldap_change <<-END
	dn: cn=main,ou=pools,$ldap_base
	changetype: modify
	replace: subidNext
	subidNext: 1000000000
END
expect "a counter that was set back: what is claimed is passed over" 0 "$(both u8 1000000000 1000065535 65536 new)" '' subid --directory grant u8
ldap_user u10 7010
expect "and at its end nobody gets what another one has" 1 '' '*full*' subid --directory grant u10 --count 65537
is "no id is twice in the list" "$(D list -u | awk '{ print $3 }' | sort | uniq -d)" ""

# --- who may, and how it is asked --------------------------------------------------------

printf write >"$T/secret"
chmod 600 "$T/secret"
conf() { printf '%s\n' "directory $1" "base $ldap_base" "pool main 1000000000-1000655359" "timeout 1" "${@:2}" >/etc/subid.conf; }
conf "$ldap_tcp" "bind simple cn=writer,dc=example,dc=org password $T/secret"
expect "a password, on this host" 0 "*granted*" '' subid --directory list u2
chmod 640 "$T/secret"
expect "which others may read" 3 '' "*$T/secret: must be a file of mode 600*" subid --directory list u2
chmod 600 "$T/secret"
printf wrong >"$T/secret"
expect "a wrong one" 3 '' "*bind by $T/secret: Invalid credentials*" subid --directory list u2
: >"$T/secret"
expect "an empty one is no password" 3 '' "*is empty*" subid --directory list u2
printf read >"$T/secret"
conf "$ldap_tcp" "bind simple cn=reader,dc=example,dc=org password $T/secret"
expect "a host that may read lists" 0 "*u2*granted*" '' subid --directory list u2
expect "and changes nothing" 3 '' '*Insufficient access*' subid --directory revoke u2
expect "nor grants" 3 '' '*Insufficient access*' subid --directory grant --force-unknown eve
conf ldap://directory.example.org
expect "in the clear to another host" 3 '' '*subid.conf:1: ldap://directory.example.org is not encrypted: write ldaps://' subid --directory list
conf "$ldap_tcp" "bind simple cn=reader,dc=example,dc=org password $T/secret"
add_user alice
expect "a user reads no secret" 3 '' "*$T/secret: cannot be read*" as alice subid --directory list
: >/etc/subid.conf
expect "no directory" 3 '' '*names no directory*' subid --directory list
expect "nor beside --root" 2 '' '*exclude each other*' subid --root "$T" --directory list

# --- a directory that lies ----------------------------------------------------------------

bad() { # how [what]
	ldap_port=$(free_port)
	start python3 tests/e2e/bad_directory.py "$ldap_port" "$@"
	wait_for bash -c "exec 3<>/dev/tcp/127.0.0.1/$ldap_port"
	conf "ldap://127.0.0.1:$ldap_port"
}
for how in hang garbage huge drip close; do
	bad $how
	expect "a directory that does this: $how" 3 '' '*' timeout 10 subid --directory list
	end "$started_pid"
done
for what in huge-number wrap name long twice dn; do
	bad forge $what
	run timeout 10 subid --directory list
	is "a forged $what is left out" "$status:$(grep -c left <<<"$out"):$(grep -c $'\x1b' <<<"$out")" "3:3:0"
	end "$started_pid"
done
conf ldap://127.0.0.1:1
expect "a directory that is down" 3 '' "*Can't contact LDAP server*" subid --directory list
