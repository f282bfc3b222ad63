#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Ids that containers have had go to nobody: whoever's name the lease has, with lines
# gone before it, and killed on the way.
. "$(dirname "$0")/lib.sh"
plan 9

private_store
store=/var/lib/subid
printf 'SUB_UID_COUNT 0\nSUB_GID_COUNT 0\n' >/etc/login.defs # for useradd
add_user bob -u 5002
add_user carol -u 5003

start_anew() { # lines of the tables
	tables "$1"
	rm -f $store/sub*
}
lose() { # name: the account goes, by hand
	sed -i "/^$1:/d" /etc/passwd /etc/group
}

# --- leases under a name that nobody knows any more -----------------------------------

printf 'SUB_UID_STORE_BY_UID yes\nSUB_GID_STORE_BY_UID yes\n' >/etc/login.defs
start_anew 5003:100000:65536
ok "a line by uid, a lease by name" subid -q grant --count 1000 carol/c
cp /etc/passwd /etc/group "$T"
lose carol
expect "keeps its ids from being taken when the account is gone" 1 '' \
	$'subid: carol/c: uid 100000-100999 are leased to this container\n*carol/c: gid *nothing was changed*' \
	subid revoke --reuse 5003
tables_are "the line stays" 5003:100000:65536
expect "the rest may go" 0 '5003 uid 101000 *' '' subid revoke -r 101000:10 5003
expect "and all when it is taken back" 0 '*' '' subid revoke carol/c
ok "really" subid -q revoke 5003
cp "$T/passwd" "$T/group" /etc

: >/etc/login.defs
echo 'bobby:x:5002:5002::/nonexistent:/bin/sh' >>/etc/passwd
start_anew bobby:100000:1000
ok "a line by another name of the same uid" subid -q grant --count 10 bob/c
lose bob
expect "keeps them, too" 1 '' 'subid: bob/c: uid 100000-100009 are leased*' subid revoke bobby
tables_are "and the line" bobby:100000:1000
