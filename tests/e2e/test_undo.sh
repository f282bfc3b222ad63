#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a change says at its end, and how it is undone by that; whose held ids were, since
# when, and how they come back; several owners at once; files looked for before ids are
# freed; what --force has overridden; where a lease is.
. "$(dirname "$0")/lib.sh"
plan 78
chmod 755 "$T"
for name in alice bob carol; do add_user $name; done
time='20[0-9][0-9]-*T*Z'
# All that is said, also at the end: expect leaves that out where nothing is wanted.
says() { # name status err command...
	local name=$1 wanted=$2 glob=$3
	shift 3
	"$@" >"$T/out" 2>"$T/stderr"
	# shellcheck disable=SC2254 # a glob is meant
	case "$? $(<"$T/stderr")" in "$wanted "$glob) true ;; *) false ;; esac
	result $? "$name" || { cat "$T/out" "$T/stderr" && echo "wanted $wanted $glob"; } | sed 's/^/#   /'
}

# --- a dry run says that it was one ------------------------------------------------------

tables alice:100000:65536
dry="subid: dry run: nothing was changed"
says "grant" 0 "$dry" subid grant -n bob
says "revoke" 0 "$dry" subid revoke -n alice
says "hold" 0 "$dry" subid hold -n 700000:10
says "rename" 0 "$dry" subid rename -n alice bob
says "with JSON, beside it" 0 "$dry" subid --json revoke -n alice
ok "which is whole" jq -e . "$T/out"
says "not with -q" 0 "" subid -q revoke -n alice
tables_are "and it is so" alice:100000:65536

# --- revoke says how it is undone ------------------------------------------------------------

says "of one owner" 0 "subid: alice: undo: 'subid grant --restore alice'" subid revoke alice
is "typed as it stands, it does" "$(eval "$(sed -n "s/.*'\(.*\)'/\1/p" "$T/stderr") -q" 2>&1)" ""
tables_are "the very ids" alice:100000:65536
says "-q says nothing" 0 "" subid -q revoke alice
mkdir -p "$T/image/etc"
cp /etc/passwd "$T/image/etc"
printf 'alice:100000:65536\n' | tee "$T/image/etc/subuid" >"$T/image/etc/subgid"
says "of an image" 0 "subid: alice: undo: 'subid --root $T/image grant --restore alice'" subid --root "$T/image" revoke alice
is "typed, too" "$(eval "$(sed -n "s/.*'\(.*\)'/\1/p" "$T/stderr") -q" 2>&1)" ""
is "and its ids are there" "$(<"$T/image/etc/subuid")" alice:100000:65536
subid -q grant --restore alice
says "of a part" 0 "subid: alice: undo: 'subid grant --restore alice'" subid revoke alice --range 100010:10
subid -q grant --restore alice
says "with --reuse" 0 "subid: alice: undo: *" subid revoke --reuse alice
subid -q grant --restore alice
subid -q grant alice/web --count 10 -u
lease=$(awk -F: '{ print $2 }' /var/lib/subid/subuid)
says "of a lease" 0 "subid: alice/web: undo: 'subid grant --restore alice/web'" subid revoke alice/web
ok "that is right, too" subid -q grant --restore alice/web
is "the lease is there again" "$(</var/lib/subid/subuid)" "alice/web:$lease:10"
as alice subid -q grant alice/own --count 10 -u
own=$(as alice subid --json list alice/own | jq '.ranges[0].start')
says "of a user's own, which no ledger has" 0 "subid: alice/own: undo: 'subid unhold -u $own:10' and 'subid grant -u --range $own:10 alice/own'" as alice subid revoke alice/own
ok "likewise" as alice bash -ec "subid -q unhold -u $own:10; subid -q grant -u --range $own:10 alice/own"
as alice subid -q revoke --reuse alice/own
as alice subid -q grant alice/own --count 10
own=$(as alice subid --json list alice/own | jq '.ranges[0].start')
says "uid and gid at once" 0 "subid: alice/own: undo: 'subid unhold $own:10' and 'subid grant --range $own:10 alice/own'" as alice subid revoke alice/own
ok "that is right for both" as alice bash -ec "subid -q unhold $own:10; subid -q grant --range $own:10 alice/own"
is "both are there again" "$(as alice subid --json list alice/own | jq -c '[.ranges[] | [.kind, .start, .count]]')" \
	"[[\"uid\",$own,10],[\"gid\",$own,10]]"
as alice subid -q revoke --reuse alice/own
subid -q revoke alice/web --reuse
terminal=$(script -qec "subid revoke alice" /dev/null)
like "on a terminal, what to do next" "$terminal" "*next: files may still have these ids: 'subid unhold --search / 100000:65536' *"
is "of one range, that one" "$(grep -c likewise <<<"$terminal")" 0
subid -q grant --restore alice
subid -q grant --another -c 10 alice
terminal=$(script -qec "subid revoke alice" /dev/null)
like "of several, of each" "$terminal" "*next: files may still have these ids: *; likewise for each range*"
subid -q grant --restore alice
install -d -o alice "$T/home/alice"/.local{,/share{,/containers{,/storage}}}
terminal=$(script -qec "subid grant --another alice" /dev/null)
like "after a grant, to who has podman" "$terminal" "*next: podman keeps the ranges that it began with: alice runs 'podman system migrate'*"
terminal=$(script -qec "subid grant bob" /dev/null)
is "to who has none, nothing" "$(grep -c next: <<<"$terminal")" 0

# --- whose held ids were -------------------------------------------------------------------

tables $'alice:100000:65536\nbob:300000:65536'
subid -q revoke alice
expect "ids that were taken back" 1 '' \
	"subid: bob: uid 100000-100009: taken by /etc/subuid:2: !released:100000:65536: alice had them until $time: 'subid grant --restore alice' gives them back to alice, 'subid unhold 100000:10' frees them*" \
	subid grant --another bob --range 100000:10
subid -q hold 700000:10
expect "ids that are reserved" 1 '' "subid: bob: uid 700000-700009: taken by /etc/subuid:3: !reserved:700000:10: reserved, by 'subid hold': 'subid unhold 700000:10' frees them*" \
	subid grant --another bob --range 700000:10
change_tables bob:300000:65536
subid -q list >/dev/null
subid -q grant carol --range 900000:10 # a look
expect "ids that others have freed" 1 '' "subid: carol: uid 100000-100009: * had them*, and may have files with them still: *--reuse-left*" \
	subid grant --another carol --range 100000:10

# what another line has, too, does not rest: a restore would give other ids
shared="subid: alice: undo: not of ids that another line has, too"
printf 'alice:500000:65536\nbob:500000:65536\n' >/etc/subuid
printf 'alice:500000:65536\nbob:700000:65536\n' >/etc/subgid
says "of ids that another line has: none" 0 "$shared" subid revoke -u alice
printf 'alice:500000:65536\nbob:500000:65536\n' >/etc/subuid
says "... of the other kind" 0 "$shared"$'\nsubid: alice: undo: \'subid grant --restore alice\'' subid revoke alice

tables alice:100000:65536
subid -q revoke alice
like "who gets others is told of those that it had" "$(script -qec "subid grant alice" /dev/null </dev/null | tr -d '\r')" \
	"*subid: alice: had uids 100000-165535 before: 'subid grant --restore alice' gives them back*"
like "not who has enough" "$(script -qec "subid grant alice" /dev/null </dev/null | grep -c before:)" 0
like "not one who gets these" "$(subid -q revoke alice; script -qec "subid grant --restore alice" /dev/null </dev/null | grep -c before:)" 0

# --- several owners ---------------------------------------------------------------------------

three=$'alice:100000:65536\nbob:200000:65536\ncarol:300000:65536'
tables "$three"
says "three at once" 0 $'subid: alice: undo: *\nsubid: bob: undo: *\nsubid: carol: undo: *' subid revoke alice bob carol
is "each has a row of each kind" "$(wc -l <"$T/out")" 6
is "nobody has a line" "$(grep -vc '^!' /etc/subuid)" 0
tables "$three"
expect "one has nothing: nobody loses any" 1 '' $'subid: daemon: has no ranges\nsubid: nothing was changed for any of the 2 owners' subid revoke alice daemon
tables_are "nobody has" "$three"
printf '# leavers\nalice\n\ndaemon\nbob\n' >"$T/list"
expect "a file: who has nothing is passed over" 0 $'alice uid *bob gid *' 'subid: daemon: has no ranges*' subid revoke --from "$T/list"
is "the others have lost theirs" "$(grep -v '^!' /etc/subuid)" carol:300000:65536
expect "again: there is nothing" 1 '' "*subid: $T/list: nobody there has anything to take back*" subid revoke --from "$T/list"
tables "$three"
groupadd contractors
usermod -aG contractors alice
usermod -aG contractors bob
echo 'never group contractors' >/etc/subid.conf
expect "a group, though it is given nothing any more" 0 $'alice uid *bob gid *' '' subid revoke --group contractors
is "its members have lost theirs" "$(grep -v '^!' /etc/subuid)" carol:300000:65536
rm /etc/subid.conf
groupadd many
for i in 1 2 3 4 5 6; do add_user g$i -G many; done
tables "$(for i in 1 2 3 4 5 6; do echo "g$i:$((i * 1000000)):10"; done)"
says "of a large one: in one command" 0 "subid: undo: 'subid grant --restore --group many'" subid revoke --group many
ok "... which undoes it" subid -q grant --restore --group many
expect "no such group" 1 '' 'subid: nosuch: no such group' subid revoke --group nosuch
expect "nobody" 2 '' '*missing OWNER*' subid revoke
expect "owners and containers" 2 '' '*cannot be mixed*' subid revoke alice bob/web
expect "one range of two" 2 '' '*--range allows only one OWNER*' subid revoke --range 1:1 alice bob
tables "$three"
start become bob unshare --map-auto --map-root-user sleep infinity
holder=$started_pid
wait_for grep -q 200000 "/proc/$holder/uid_map"
expect "one is in use: nobody loses any" 1 '' \
	$'subid: bob: in use: user namespace *(process '"$holder"$', sleep) maps uid 200000-*\nsubid: nothing was changed for any of the 3 owners' subid revoke alice bob carol
tables_are "all have theirs" "$three"
expect "the others can" 0 '*released*' '' subid revoke alice carol

# --- --force names what it overrides -----------------------------------------------------------

expect "who is in use" 0 'bob uid 200000 *' \
	"*subid: bob: in use: user namespace *(process $holder, sleep) maps uid 200000-*warning: bob: --force: done all the same*" subid revoke --force bob
end "$holder"
tables "alice:100000:65536"
subid -q grant alice/c1 --count 20
first=$(awk -F: '{ print $2 }' /var/lib/subid/subuid)
start setpriv --reuid "$((first + 1))" --regid 0 --clear-groups sleep infinity
wait_for runs "$started_pid" sleep
expect "a lease in use" 1 '' "*process $started_pid (sleep) runs with uid*" subid revoke alice/c1
expect "by force" 0 'alice/c1 uid *' "*process $started_pid (sleep) runs with uid *warning: alice/c1: --force: done all the same*" subid revoke --force alice/c1
end "$started_pid"
subid -q unhold "$first:20"
as alice subid -q grant -u -c 10 alice/mine
expect "her own leases" 0 'alice uid *' '*alice/mine: uid *leased to this container*warning: alice: these leases are worth nothing any more (--force)*' \
	subid revoke --force alice

# --- where a lease is ---------------------------------------------------------------------------

tables "alice:100000:65536"
private_store
expect "root asks for a user's own" 1 '' "subid: alice/mine: the lease is the user's own, in $T/home/alice/.local/state/subid: run 'subid revoke alice/mine' as alice" \
	subid revoke alice/mine
ok "which does it" as alice subid -q revoke alice/mine
subid -q grant -u -c 10 alice/roots
expect "a user asks for one of root's" 1 '' "subid: alice/roots: root has given this lease, in /var/lib/subid: ask an administrator for 'subid revoke alice/roots'" \
	as alice subid revoke alice/roots
expect "none is anywhere" 1 '' "subid: alice/none: has no lease in /var/lib/subid" subid revoke alice/none

# --- files are looked for ----------------------------------------------------------------------

tables "alice:100000:65536"
subid -q revoke alice/roots --reuse
subid -q revoke alice
mkdir -p "$T/srv/deep/er" "$T/clean"
touch "$T/srv/deep/er/file"
chown 100007 "$T/srv/deep/er/file"
expect "a file has one of the ids" 1 '' $'subid: '"$T/srv/deep/er/file"$': owner 100007\nsubid: 1 owners, groups and the like are among these ids: nothing was changed: *subid shift*' \
	subid unhold --search "$T/srv" 100000:65536
is "they rest" "$(grep -c '^!released' /etc/subuid)" 1
expect "gids alone: it has none" 0 'alice gid 100000 *free' 'subid: searched 4 entries: none has these ids' subid unhold -g --search "$T/srv" 100000:10
setfacl -m g:100020:r "$T/srv/deep"
expect "an access list" 1 '' "subid: $T/srv/deep: gid in the ACL 100020*" subid unhold 100010:1000 --search "$T/clean" "$T/srv"
chown 0 "$T/srv/deep/er/file"
setfacl -b "$T/srv/deep"
expect "no file" 0 'alice uid 100000 *free*' 'subid: searched 5 entries: none has these ids' subid unhold --search "$T/srv" "$T/clean" 100000:65536
expect "a directory that is not there" 3 '' "subid: --search $T/none: No such file or directory" subid unhold --search "$T/none" 100000:65536
expect "a user" 1 '' 'subid: --search: only root can look everywhere' as alice subid unhold --search / 100000:65536

# --- grant --keep-going, counts --------------------------------------------------------------------

tables ""
expect "all, or none" 1 '' $'subid: nosuch: no such account*\nsubid: nothing was changed for any of the 3 owners' subid grant -c 64K alice nosuch bob
tables_are "none" ""
expect "--keep-going" 1 $'alice uid 100000 *bob gid *' $'subid: nosuch: no such account*\nsubid: refused to 1 of 3 owners, see above' \
	subid grant --keep-going -c 64K alice nosuch bob
tables_are "the others have theirs" $'alice:100000:65536\nbob:165536:65536'
expect "1M" 0 'carol uid 231072 1279647 1048576 new*' '' subid grant -c 1M carol
expect "a range with one" 0 '!reserved uid 5000000 5065535 65536 *' '' subid hold 5000000:64K
