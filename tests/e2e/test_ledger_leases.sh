#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The ledger of leases: whose containers, and stores, had ids; given back to them; and what
# an editor, or a backup that is restored, makes of the store.
. "$(dirname "$0")/lib.sh"
plan 90

ledger=/var/lib/subid/ledger store=/var/lib/subid
private_store
add_user alice -u 5001
add_user bob -u 5002
add_user carol -u 5003

# A host of its own: lines, and nothing leased.
host() {
	rm -rf $store/sub?id $store/sub?id- $store/shares
	tables "${1-alice:100000:100}"
}

leases() { # what an editor makes of the store
	printf '%s' "${1:+$1$'\n'}" | tee $store/subuid >$store/subgid
}

gives() { # name first id, container, options
	local name=$1 first=$2
	shift 2
	expect "$name" 0 "* uid $first *"$'\n'"* gid $first *" '' subid grant -c 10 "$@"
}

keep() { # name: the files as they are
	mkdir -p "$T/$1"
	rm -f "$T/$1/"*
	cp -a /etc/subuid /etc/subgid "$T/$1/"
	for file in subuid subgid ledger; do cp -a $store/$file "$T/$1/store=$file" 2>/dev/null; done
}

back() { # name what...: some of them are set back
	local name=$1 what
	shift
	for what in "$@"; do
		case $what in
		tables) cp -a "$T/$name/subuid" "$T/$name/subgid" /etc/ ;;
		ledger) cp -a "$T/$name/store=ledger" $ledger ;;
		leases)
			rm -f $store/subuid $store/subgid
			cp -a "$T/$name/store=subuid" $store/subuid 2>/dev/null
			cp -a "$T/$name/store=subgid" $store/subgid 2>/dev/null
			;;
		esac
	done
}

# --- whose they were --------------------------------------------------------------------

host
gives "a lease" 100000 alice/web
gives "another" 100010 alice/db
is "both are in the ledger" "$(awk '$1 == "R" { print $3, $4, $5, $6, $7, $11 }' $ledger)" \
	$'b 100000 10 h o- alice/web\nb 100010 10 h o- alice/db'
is "the way back is said" "$(subid revoke alice/web 2>&1 | grep undo:)" "subid: alice/web: undo: 'subid grant --restore alice/web'"
expect "the container's are listed beside its owner's" 0 $'alice/web uid 100000 100009 10 released 20*Z subid\nalice/web gid 100000 *' '' \
	subid list --released
expect "by the owner's name" 0 $'alice/web uid *\nalice/web gid *' '' subid list --released alice
expect "by its own, of one kind" 0 'alice/web gid 100000 *' '' subid list --released -g alice/web
expect "of another nothing is known" 1 '' 'subid: alice/db: no ids are known *' subid list --released alice/db
expect "--json" 0 '*{"owner":"alice/web","kind":"uid","start":100000,"end":100009,"count":10,"state":"released","since":"20*Z","by":"subid"}*' '' \
	subid --json list --released
subid --json list --released >"$T/released.json"
ok "as the schema says" python3 -c '
import json, jsonschema, sys
schema, said = (json.load(open(name)) for name in sys.argv[1:])
jsonschema.Draft7Validator(schema).validate(said)
assert len(said["released"]) == 2' "$PRE/share/subid/released.schema.json" "$T/released.json"
expect "users may look, too" 0 $'alice/web uid *' '' as carol "$PRE/bin/subid" list --released
gives "what rests is not given" 100020 alice/new
expect "unhold says whose they were" 0 $'alice/web uid 100000 100004 5 free\nalice/web gid *' '' subid unhold -n 100000:5

# --- the same ids again -------------------------------------------------------------------

expect "--restore: the very ids" 0 $'alice/web uid 100000 100009 10 new\nalice/web gid 100000 *' '' subid grant --restore alice/web
is "out of the hold" "$(grep -c '!' $store/subuid)" 0
expect "there is no more to restore" 1 '' "subid: alice/web: no ids are known that it had and has no more *" subid grant --restore alice/web
subid -q revoke alice/web
expect "dry" 0 'alice/web uid 100000 *' '' subid grant -n --restore alice/web
is "nothing is changed" "$(grep -c web $store/subuid)" 0
expect "of one kind" 0 'alice/web uid 100000 100009 10 new' '' subid grant --restore -u alice/web
expect "a part" 0 'alice/web gid 100004 100006 3 new' '' subid grant --restore -g -r 100004:3 alice/web
expect "and the rest" 0 $'alice/web gid 100000 100003 4 new\nalice/web gid 100007 *' '' subid grant --restore alice/web
subid -q revoke --reuse alice/web
gives "what was given back is anybody's" 100000 alice/next
expect "and not to be restored then" 1 '' "subid: alice/web: no ids are known *" subid grant --restore alice/web
subid -q revoke alice/next alice/db
expect "two at once" 0 '*alice/next uid 100000 *alice/db uid 100010 *' '' subid grant --restore alice/next alice/db
subid -q revoke alice/next
change_tables alice:100010:90
expect "who does not hold them any more" 1 '' "subid: alice/next: uid 100000-100009: alice does not hold all of it*" \
	subid grant --restore alice/next
like "and nothing is changed" "$(<$store/subuid)" $'*!released:100000:10*'
expect "a container of nobody" 1 '' "subid: /web: *OWNER/NAME*" subid grant --restore /web
expect "--restore and --own" 2 '' '*' subid grant --own --restore alice/next
as alice "$PRE/bin/subid" -q grant -c 1 alice/own
as alice "$PRE/bin/subid" -q revoke alice/own
expect "a user's are in no ledger" 1 '' "subid: alice/own: the ledger knows root's leases alone: *" as alice "$PRE/bin/subid" grant --restore alice/own
rm -rf ~alice/.local/state/subid
host 5001:100000:100
gives "by the uid" 100000 5001/web
subid -q revoke alice/web
expect "is the name's, too" 0 $'alice/web uid 100000 100009 10 new\n*' '' subid grant --restore alice/web

# --- what an editor takes away ----------------------------------------------------------

host
gives "a lease" 100000 alice/web
leases ''
gives "whose line is gone is not given to another" 100010 alice/db
expect "the ledger says how it went" 0 $'alice/web uid 100000 100009 10 left 20*Z tables\n*' '' subid list --released
expect "asked for, it is said whose they were" 1 '' \
	"subid: alice/x: uid 100000-100009: alice/web had them until 20*Z, and its files may have them still: 'subid grant --restore alice/web' gives them back to alice/web, --reuse-left *" \
	subid grant -r 100000:10 alice/x
expect "the container itself may have them" 0 $'alice/web uid 100000 *' '' subid grant -n -r 100000:10 alice/web
gives "but does not get them unasked" 100020 alice/web -n
expect "no room for another" 1 '' "*alice/web had them until*subid: alice/x: no room for 81 uids: * are free in one piece*" subid grant -c 81 alice/x
expect "for itself there is" 0 $'alice/db uid 100000 *' '' eval 'subid grant -n --reuse-left -c 10 --another alice/db'
gives "--reuse-left" 100000 alice/x --reuse-left
expect "then they are its" 1 '' 'subid: alice/web: no ids are known *' subid grant --restore alice/web
host alice:100000:10
gives "all that the owner has" 100000 alice/web
leases ''
expect "is nobody else's" 1 '' '*alice/web had them until*' subid grant -c 10 alice/db
gives "but the container's" 100000 alice/web
leases ''
expect "unhold of these, where a line rests" 0 '*' '' sh -c 'subid -q revoke alice; subid unhold 100000:10'
tables_are "gives all back" ''
change_tables bob:100000:10
gives "to the next owner's containers as well" 100000 bob/web

host
subid -q grant -c 10 alice/web
sed -i d $store/subgid
expect "half of a lease is lost: the same numbers" 0 'alice/web gid 100000 100009 10 new' '' subid grant -c 10 alice/web

# --- rename --------------------------------------------------------------------------------

host
subid -q grant -c 10 alice/web alice/old
subid -q revoke alice/old
subid -q rename alice carol
is "what containers have is the new one's" "$(cut -d: -f1 $store/subuid | tr '\n' ' ')" '!released carol/web '
expect "and what they had" 0 $'carol/old uid 100010 100019 10 released 20*Z rename\n*' '' subid list --released
expect "to restore" 0 $'carol/old uid 100010 *' '' subid grant --restore carol/old
expect "the old one has none" 1 '' '*no ids are known*' subid list --released alice
subid -q revoke carol/web carol/old
subid -q rename carol bob
expect "though no lease is left" 0 $'bob/web uid 100000 * rename\nbob/old uid 100010 * rename\n*' '' subid list --released bob

# --- stores of shared files -------------------------------------------------------------

host
if subid -q share create alice/media "$T/srv/files/media" -c 10 2>"$T/why"; then
	is "the ledger names a store" "$(awk '$1 == "R" && $6 == "h" { print $11 }' $ledger)" alice/media
	subid -q share destroy alice/media
	expect "which is gone" 0 $'alice/media uid 100000 100009 10 released 20*Z subid\n*' '' subid list --released
	expect "its ids, looked for by the name" 0 $'alice/media gid *' '' subid list --released -g alice/media
else
	skip 3 "$(<"$T/why")"
fi

# --- set back: alone, in pairs, up to three states ------------------------------------------

# Three states: web has a lease; db has one, too; web's is released.
states() {
	host ''
	subid -q grant -r 100000:100 alice
	subid -q grant -c 10 alice/first
	keep 3
	subid -q grant -c 10 alice/web
	keep 2
	subid -q grant -c 10 alice/db
	keep 1
	subid -q revoke alice/web
}
newer="subid: warning: $ledger: older than the leases: *"
once="subid: warning: $store: the leases are as they were once before: *"
for n in 1 2 3; do
	states
	back $n leases
	expect "leases $n back: said, and nothing of either side is given" 0 "alice/x uid 100030 *" "$once" subid grant -c 10 alice/x
	expect "once" 0 '*' '' subid grant -c 10 alice/y
	states
	back $n ledger
	expect "the ledger $n back: said, likewise" 0 "alice/x uid 100030 *" "$newer" subid grant -c 10 alice/x
	states
	subid -q grant -r 500000:10 bob
	back $n leases tables
	expect "leases and tables $n back" 0 "alice/x uid 100030 *" "$once" subid grant -c 10 alice/x
	expect "tables, too" 0 'carol uid *' "subid: warning: /etc: subuid and subgid are as they were once before: *" subid grant carol
	states
	subid -q grant -r 500000:10 bob
	back $n ledger tables
	expect "ledger and tables $n back" 0 "alice/x uid 100030 *" "$newer" subid grant -c 10 alice/x
	states
	subid -q grant -r 500000:10 bob
	back $n ledger leases
	expect "both of /var $n back: the tables tell" 0 'carol uid *' "subid: warning: $ledger: older than the tables: *" subid grant carol
done
states
rm $ledger
expect "lost: said once, by who only looks, too" 0 '*' "subid: warning: $ledger: lost: it is made anew from the tables, and what others had before is not known any more" \
	subid list --released
states
rm $ledger
expect "and by a lease; what rests, rests" 0 '* uid 100030 *' "subid: warning: $ledger: lost: it is made anew from the leases*" subid grant -c 10 alice/x
states
printf 'x' | dd of=$ledger bs=1 seek=3 conv=notrunc 2>/dev/null
expect "damaged: said" 0 "alice/x uid 100030 *" "subid: warning: $ledger: damaged: *" subid grant -c 10 alice/x
expect "and mended" 0 '*' '' subid list --released
chmod 664 $ledger
gives "another could write it: a lease goes on" 100040 alice/y
expect "taking back does not" 3 '' "subid: $ledger: others than root can write it or its directory: without it *" subid revoke alice/y
expect "nor does restoring" 3 '' "subid: alice/web: *" subid grant --restore alice/web
chmod 644 $ledger

# --- ledgers of before, and of images ---------------------------------------------------------

host
subid -q grant -r 500000:10 bob
not_ok "a ledger without leases is as it was in the version before" grep -q '^[A-Z]' $ledger
leases $'alice/web:100000:10\n!released:100010:10'
gives "leases that are older than the ledger's first look at them" 100020 alice/db
expect "are in it" 0 $'alice/web uid 100000 100009 10 released *\n*' '' sh -c 'subid -q revoke alice/web; subid list --released alice'
expect "what rested then is nobody's by name" 0 $'- uid 100010 100019 10 released - -\n- gid*' '' sh -c "subid list --released | grep '^-'"
mkdir -p "$T/image/etc"
echo 'alice:x:1000:1000::/:/bin/sh' >"$T/image/etc/passwd"
echo alice:100000:100 | tee "$T/image/etc/subuid" >"$T/image/etc/subgid"
subid -q --root "$T/image" grant -c 10 alice/web
subid -q --root "$T/image" revoke alice/web
expect "--root" 0 $'alice/web uid 100000 *' '' subid --root "$T/image" list --released
expect "has its own" 0 $'alice/web uid 100000 *' '' subid --root "$T/image" grant --restore alice/web
