#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Ids that containers have had go to nobody: whoever's name the lease has, with lines
# gone before it, and killed on the way.
. "$(dirname "$0")/lib.sh"
plan 25

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

# --- --own: the line that was made for the container goes, too ------------------------

nobody_gets_them() {
	local ids
	for ids in 100000:1 100000:1000 100999:1; do
		subid grant -n --range $ids bob && return 1
		subid grant -n --range $ids carol/d && return 1
	done
	return 0
}
cp "$T/passwd" "$T/group" /etc
start_anew ''
ok "a lease with a line of its own" subid -q grant --own --count 1000 carol/c
usermod -V 100000-100999 carol
expect "the uids' line is gone before" 0 $'carol/c uid 100000 100999 1000 released\ncarol/c gid *released' '' \
	subid revoke --own carol/c
is "the uids rest in the store, the gids in the table" \
	"$(</etc/subuid)|$(</etc/subgid)|$(<$store/subuid)|$(<$store/subgid)" \
	'|!released:100000:1000|!released:100000:1000|'
ok "and nobody gets them" nobody_gets_them
expect "until they are given back" 0 $'*uid 100000 100999 *free*' '' subid unhold 100000:1000
expect "to the next" 0 'bob uid 100000 *' '' subid grant --count 1000 bob

start_anew carol:100000:500
printf 'carol/c:100000:1000\n' | tee $store/subuid >$store/subgid
expect "half of the line is gone" 0 '*' '' subid revoke --own carol/c
tables_are "the half that was there rests in the tables" '!released:100000:500'
is "the other in the store" "$(<$store/subuid)" '!released:100500:500'
start_anew carol:100000:1000
printf 'carol/c:100000:1000\n' | tee $store/subuid >$store/subgid
expect "--reuse: nothing rests" 0 '*' '' subid revoke --own --reuse carol/c
is "anywhere" "$(cat /etc/sub[ug]id $store/sub[ug]id)" ''
start_anew $'carol:100000:1000\nbob:100000:1000'
printf 'carol/c:100000:1000\n' | tee $store/subuid >$store/subgid
expect "a line that somebody else has, too" 0 '*' '' subid revoke --own carol/c
is "rests in the store" "$(</etc/subuid)|$(<$store/subuid)" 'bob:100000:1000|!released:100000:1000'

# Killed at each file that it replaces: the ids are nobody's, and the same again ends it.
killed_at() { # which: the number of the renameat() that it dies at
	start_anew carol:100000:1000
	printf 'carol/c:100000:1000\n' | tee $store/subuid >$store/subgid
	strace -qq -o /dev/null -e trace=renameat -e "inject=renameat:signal=KILL:when=$1" \
		subid revoke --own carol/c
	[ $? = 137 ]
}
kills=0 got='' left=''
while killed_at $((kills + 1)) >"$T/out" 2>&1; do
	kills=$((kills + 1))
	nobody_gets_them >"$T/got" 2>&1 || got+=" $kills: $(<"$T/got")"
	subid revoke --own carol/c >"$T/out" 2>&1
	nobody_gets_them >"$T/got" 2>&1 || got+=" $kills, again: $(<"$T/got")"
	cat /etc/sub[ug]id $store/sub[ug]id | grep -q carol && left+=" $kills"
done
ok "killed at each of the files" [ "$kills" -ge 4 ]
is "nobody gets the ids" "$got" ''
is "and the same command goes on to the end" "$left" ''
