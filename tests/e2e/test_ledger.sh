#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The ledger: what userdel, usermod, useradd and editors have freed rests, whatever is
# lost, damaged or set back.
. "$(dirname "$0")/lib.sh"
plan 107

ledger=/var/lib/subid/ledger
small=$'SUB_UID_MIN 100000\nSUB_UID_MAX 100039\nSUB_UID_COUNT 10\nSUB_GID_MIN 100000\nSUB_GID_MAX 100039\nSUB_GID_COUNT 10'
defs=$(</etc/login.defs)
add_user alice -u 5001
add_user bob -u 5002
add_user carol -u 5003
add_user dora -u 5004

# A host of its own with these lines, and room for four owners.
host() {
	printf '%s\n%s\n' "$(grep -v '^SUB_' <<<"$defs")" "$small" >/etc/login.defs
	rm -f /etc/subid.conf
	tables "${1-}"
}

gives() { # name first id, owner, options
	local name=$1 first=$2
	shift 2
	expect "$name" 0 "* uid $first *"$'\n'"* gid $first *" '' subid grant "$@"
}

# --- what others free rests -----------------------------------------------------------

host
gives "a first range" 100000 alice
is "the ledger is root's, and no secret" "$(stat -c '%U %a' $ledger /var/lib/subid)" $'root 644\nroot 755'
gives "a second" 100010 bob
printf 'alice:100000:10\n' | tee /etc/subuid >/etc/subgid
gives "what an editor freed is not given" 100020 carol
is "the ledger says whose it was" "$(grep -c ' b 100010 10 l of [0-9]* [0-9]* 5002 bob ' $ledger)" 1
gives "but to whom it was" 100010 -r 100010:10 bob
expect "to nobody else, though asked for" 0 '*' '' subid revoke -n bob
printf 'alice:100000:10\ncarol:100020:10\n' | tee /etc/subuid >/etc/subgid
expect "by a range that is asked for" 1 '' "subid: dora: uid 100010-100019: bob had them until 20*Z, and may have files with them still: *"$'\n'"subid: dora: gid *" \
	subid grant -r 100010:10 dora
gives "unless it is said so" 100010 -r 100010:10 --reuse-left dora

host
gives "before userdel" 100000 bob
grep -v '^SUB_' /etc/login.defs >"$T/defs"
ok "userdel frees a range" userdel bob
is "which is gone from the tables" "$(grep -c bob /etc/subuid)" 0
gives "and is not given" 100010 alice
useradd -u 5002 -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 bob
gives "nor to who is called so now, of itself" 100020 bob

host 'eve:100000:10'
subid grant alice >/dev/null
usermod -V 100010-100019 -W 100010-100019 alice
gives "what usermod freed is not given" 100020 carol
usermod -v 100030-100039 -w 100030-100039 dora
usermod -V 100030-100039 -W 100030-100039 dora
expect "what came and went since the last look is known from the backup" 1 '' \
	"subid: bob: no gap in * of uids that nobody has had: *"$'\n'"subid: bob: no gap in * of gids *" subid grant bob
gives "the oldest first" 100010 --reuse-left bob
gives "then the next" 100030 --another --reuse-left bob
expect "then there are none" 1 '' '*' subid grant --another --reuse-left bob

# --- the policy -----------------------------------------------------------------------

host 'eve:100000:30'
subid grant alice >/dev/null
change_tables 'eve:100000:30'
expect "left ids alone: no" 1 '' '*nobody has had*' subid grant bob
echo 'allow left-ids:bob "small window"' >/etc/subid.conf
expect "the policy allows them, but nobody has looked for what is hidden" 1 '' \
	"*are not given before hidden user namespaces were sought*" subid grant bob
expect "another owner is not meant" 1 '' '*nobody has had*' subid grant carol
ok "that is looked for" subid grant -n --reuse-left carol
expect "dry, it is not written" 1 '' '*' subid grant bob
gives "the owner that is meant" 100030 --reuse-left bob

# --- what is given back ---------------------------------------------------------------

host
subid grant alice >/dev/null
ok "revoked ids are held" subid -q revoke alice
gives "and not given" 100010 bob
ok "given back" subid -q unhold 100000:10
gives "they are as never given" 100000 carol
host
subid grant alice >/dev/null
subid -q revoke alice
change_tables ''
gives "an editor who takes the hold away gives nothing back" 100010 bob
ok "--reuse does" subid -q revoke --reuse bob
gives "at once" 100010 bob

# --- lost, damaged, hostile -----------------------------------------------------------

host
subid grant alice >/dev/null
usermod -V 100000-100009 -W 100000-100009 alice
rm $ledger
gives "lost: the last change's are known from the backup" 100010 bob
rm -f /etc/sub?id-
change_tables ''
printf 'x' | dd of=$ledger bs=1 seek=3 conv=notrunc 2>/dev/null
expect "damaged: said, and what is left of it counts" 0 "* uid 100020 *" \
	"subid: warning: $ledger: damaged: *" subid grant carol
gives "and mended" 100030 dora
chmod 664 $ledger
expect "another could write it: revoke refuses" 3 '' "subid: $ledger: others than root can write it or its directory: without it *" subid revoke carol
expect "so does unhold" 3 '' "subid: $ledger: *" subid unhold 100000:10
expect "list does not need it" 0 '*' '' subid list carol
chmod 644 $ledger
mv $ledger "$T/elsewhere"
ln -s "$T/elsewhere" $ledger
expect "a link is not followed" 3 '' "subid: $ledger: it is a symbolic link*" subid revoke carol
rm $ledger

host 'alice:100000:10'
mount -t tmpfs -o ro,mode=755 none /var/lib/subid
gives "read-only: a grant goes on" 100010 bob
expect "revoke does not" 3 '' "subid: $ledger: Read-only file system: *" subid revoke bob
umount /var/lib/subid
expect "once it is there, it does" 0 '*' '' subid revoke bob

# --- set back -------------------------------------------------------------------------

host
subid grant alice >/dev/null
cp -a /etc/subuid /etc/subgid "$T/"
cp -a $ledger "$T/ledger"
sleep 1.1
subid grant bob >/dev/null
cp -a "$T/subuid" "$T/subgid" /etc/
expect "tables set back: said" 0 "* uid 100020 *" "subid: warning: /etc: subuid and subgid are as they were once before: *" subid grant carol
gives "nothing of either side is given" 100030 dora
host
subid grant alice >/dev/null
cp -a $ledger "$T/ledger"
subid grant bob >/dev/null
cp -a "$T/ledger" $ledger
usermod -V 100010-100019 -W 100010-100019 bob
gives "ledger set back, lines gone: the backup counts" 100020 carol

host
subid grant alice >/dev/null
cp -a $ledger "$T/ledger"
subid grant bob >/dev/null
cp -a "$T/ledger" $ledger
expect "ledger set back alone: said" 0 "* uid 100020 *" "subid: warning: $ledger: older than the tables: *" subid grant carol
expect "once" 0 '*' '' subid grant dora
host
subid grant alice >/dev/null
rm $ledger
expect "lost: said, by who only looks, too" 0 '' "subid: warning: $ledger: lost: *" subid list --released
expect "once" 0 '* uid 100010 *' '' subid grant bob
host
subid grant alice >/dev/null
cp -a /etc/subuid "$T/"
subid grant bob >/dev/null
cp -a "$T/subuid" /etc/
expect "one table set back, within a second: said" 0 "* uid 100020 *" "subid: warning: /etc: subuid and subgid are as they were once before: *" subid grant carol
host
subid grant alice >/dev/null
change_tables ''
change_tables 'alice:100000:10'
subid grant bob >/dev/null
change_tables 'alice:100000:10'
expect "what an editor undoes is not called set back" 0 '* uid 100020 *' '' subid grant carol

# --- cut off, changed, hostile ----------------------------------------------------------

ok "cut off and changed at each ninth byte" python3 "$TESTS/e2e/ledger_damage.py" "$T/damage" 9

# A store in which something is wrong: a grant goes on, and gives nothing that the backup
# names; what takes back or gives back refuses, changes nothing, and says why.
hostile() { # name reason
	usermod -V 100010-100019 -W 100010-100019 bob
	gives "$1: a grant goes on" 100020 carol
	before=$(cat /etc/subuid /etc/subgid)
	expect "$1: revoke refuses" 3 '' "subid: $ledger: $2: without it *" subid revoke carol
	expect "$1: so does revoke --reuse" 3 '' "subid: $ledger: $2: *" subid revoke --reuse carol
	expect "$1: nothing was changed" 0 "$before" '' cat /etc/subuid /etc/subgid
}
fresh() {
	host
	subid -q grant alice bob
}
fresh
rm $ledger
mkfifo $ledger
hostile "a fifo" '*'
rm $ledger
fresh
chown alice $ledger
hostile "another's" 'others than root can write it or its directory'
rm $ledger
fresh
chmod 777 /var/lib/subid
hostile "in a directory that all can write" 'others than root can write it or its directory'
chmod 755 /var/lib/subid
fresh
truncate -s 5G $ledger
hostile "too large" '*'
rm $ledger
fresh
rm -f $ledger /var/lib/subid/ledger.lock
mkfifo /var/lib/subid/ledger.lock
hostile "a lock that is a fifo" '*'
rm /var/lib/subid/ledger.lock

# --- images ---------------------------------------------------------------------------

mkdir -p "$T/image/etc"
printf 'alice:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n' >"$T/image/etc/passwd"
ok "--root" subid -q --root "$T/image" grant alice
ok "has its own" test -s "$T/image$ledger"
: >"$T/image/etc/subuid"
: >"$T/image/etc/subgid"
run subid --root "$T/image" grant bob
is "in which ids rest" "$out" $'bob uid 165536 231071 65536 new\nbob gid 165536 231071 65536 new'
ok "the machine's knows nothing of it" sh -c "! grep -q ' 65536 ' $ledger"

# --- whose they were ------------------------------------------------------------------

host
subid -q grant alice bob
subid -q revoke alice
subid -q revoke bob
tables_are "what two owners had is one line" '!released:100000:20'
run subid list --released
like "but shown as what each had" "$out" $'alice uid 100000 100009 10 released 20??-??-??T??:??:??Z subid
bob uid 100010 100019 10 released 20*Z subid
alice gid 100000 *
bob gid 100010 *'
expect "one owner's" 0 $'bob uid 100010 *\nbob gid *' '' subid list --released bob
expect "of one kind" 0 'bob gid *' '' subid list --released -g bob
expect "of whom nothing is known" 1 '' 'subid: nobody: no ids are known that it had and nobody has now' subid list --released nobody
expect "--json" 0 '*{"owner":"alice","kind":"uid","start":100000,"end":100009,"count":10,"state":"released","since":"20*Z","by":"subid"}*' '' subid --json list --released
valid() { # what it is of
	subid --json list --released >"$T/released.json"
	ok "as the schema says, $1" python3 -c '
import json, jsonschema, sys
schema, said = (json.load(open(name)) for name in sys.argv[1:])
jsonschema.Draft7Validator.check_schema(schema)
jsonschema.Draft7Validator(schema).validate(said)
assert len(said["released"]) > 0' "$PRE/share/subid/released.schema.json" "$T/released.json"
}
valid "released ones"
expect "users may look, too" 0 $'alice uid *' '' as carol "$PRE/bin/subid" list --released
expect "unhold says whose they were" 0 $'alice uid 100000 100009 10 free\nbob uid 100010 100014 5 free\nalice gid *\nbob gid *' '' \
	subid unhold -n 100000:15
change_tables 'carol:100020:10'
valid "left ones"
expect "an editor took the holds away" 0 $'alice uid 100000 100009 10 left 20*Z subid\n*' '' subid list --released

change_tables $'carol:100020:10\n!released:100035:3'
valid "those of whom nothing is known"
change_tables 'carol:100020:10'

# --- the same ids again ---------------------------------------------------------------

expect "--restore: the very ids" 0 $'alice uid 100000 100009 10 new\nalice gid 100000 100009 10 new' '' subid grant --restore alice
expect "there is no more to restore" 1 '' 'subid: alice: no ids are known that it had and nobody has now *' subid grant --restore alice
gives "somebody else's by now" 100010 -r 100010:10 --reuse-left dora
expect "these are not restored" 1 '' "subid: bob: no ids are known *" subid grant --restore bob
subid -q revoke dora
expect "but to the last one, out of the hold" 0 $'dora uid 100010 100019 10 new\n*' '' subid grant --restore dora
tables_are "which ends there" $'carol:100020:10\nalice:100000:10\ndora:100010:10'
subid -q revoke alice
useradd -M -u 100005 -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 eve
expect "part of it is somebody's: nothing is restored" 1 '' "subid: alice: uid 100005: is account eve's own*" subid grant --restore alice
like "and nothing changed" "$(cat /etc/subuid)" $'*!released:100000:10'
userdel eve
expect "--restore and --another" 2 '' '*' subid grant --restore --another alice

# --- rename ---------------------------------------------------------------------------

host $'alice:100000:10\ncarol:100020:10'
subid -q grant alice/web --count 5
useradd -M -u 5010 -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 old
echo 5010:100030:5 | tee -a /etc/subuid >>/etc/subgid
expect "no account" 1 '' 'subid: nosuch: no such account*' subid rename alice nosuch
expect "nothing to hand over" 1 '' 'subid: eve: has no ranges' subid rename eve dora
expect "who has ranges" 1 '' 'subid: carol: has uids already*' subid rename alice carol
expect "-n" 0 $'dora uid 100000 100009 10 granted\ndora gid 100000 100009 10 granted' '' subid rename -n alice dora
tables_are "changes nothing" $'alice:100000:10\ncarol:100020:10\n5010:100030:5'
expect "the same ids for another" 0 $'dora uid 100000 *\ndora gid 100000 *' '' subid rename alice dora
tables_are "in both tables" $'carol:100020:10\n5010:100030:5\ndora:100000:10'
is "and the leases" "$(cat /var/lib/subid/subuid)" dora/web:100000:5
usermod -l renamed old
expect "after usermod -l, a uid counts for both names" 0 '*' '' subid list renamed
subid -q revoke --reuse --force dora/web
subid -q revoke dora
expect "what the old one had is the new one's to restore" 0 'dora uid 100000 *' '' subid grant --restore -u dora
