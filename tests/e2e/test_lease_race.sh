#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A lease is made while the range that it comes out of is taken away: whoever is the
# second to write sees the first.
. "$(dirname "$0")/lib.sh"
plan 38

private_store
store=/var/lib/subid
chmod 755 "$T"
add_user alice -u 5001
add_user bob -u 5002
hers=$T/home/alice/.local/state/subid
install -d -m 777 "$T/traces"


# Runs subid in the background until it is about to put a new subuid in place, its
# tables read, and stops it there; go_on has what becomes of it in $status, $out and $err.
stop() { # user subid's arguments...
	local user=$1 trace
	shift
	trace=$(mktemp "$T/traces/XXXXXX")
	chmod 666 "$trace"
	start become "$user" strace -qq -o "$trace" -e trace=linkat -P subuid= -e inject=linkat:signal=STOP:when=1 subid "$@" \
		>"$T/out" 2>"$T/err"
	tracer=$started_pid
	wait_for grep -q 'stopped by SIGSTOP' "$trace" || echo "# subid $* was not stopped: $(<"$T/err")"
}
go_on() {
	pkill -CONT -P "$tracer"
	wait "$tracer"
	status=$?
	out=$(<"$T/out")
	err=$(<"$T/err")
}
# Alice's containers have one lease, of ids that nobody takes away.
afresh() { # tables
	tables "$1"
	rm -rf "$hers" "${store:?}"/*
	as alice subid -q grant -r 100000:10 alice/old && subid -q grant -r 100010:10 alice/roots
}
hers_are() { is "$1" "$(<"$hers/subuid")|$(<"$hers/subgid")" "$2|$2"; }

# --- a user's lease, and then the line goes -------------------------------------------

afresh alice:100000:1000
stop alice grant -r 100500:10 alice/new
ok "her range is taken while she leases" subid revoke --reuse -r 100500:100 alice
ok "and given to bob" subid grant -q -r 100500:100 bob
go_on
is "her lease is refused" "$status $out" '1 '
like "she is told" "$err" 'subid: alice/new: uid 100500-100509: alice does not hold all of it'
hers_are "it is taken back" old:100000:10

afresh alice:100000:30
stop alice grant -c 10 alice/new
ok "it rests" subid revoke -r 100020:10 alice
go_on
like "there is no other room: she is told" "$status $err" '1 *alice/new: no room for 10 uids: of the 20 that alice holds*'
hers_are "it is taken back" old:100000:10

afresh alice:100000:1000
stop alice grant -c 10 alice/new
ok "one kind is taken" subid revoke -g -r 100025:1 alice
go_on
is "there is other room: she gets that" "$status $out" \
	$'0 alice/new uid 100026 100035 10 new\nalice/new gid 100026 100035 10 new'
hers_are "and that alone" $'old:100000:10\nnew:100026:10'

afresh alice:100000:1000
stop alice grant -c 10 alice/new
mv /etc/subgid /etc/subgid.away
ln -s subgid.away /etc/subgid
go_on
like "what the tables say cannot be seen any more" "$status $out$err" \
	"3 subid: /etc/subgid: *symbolic link*subid: $hers: whether others have got the same ids*taken back*"
hers_are "it is taken back" old:100000:10
mv /etc/subgid.away /etc/subgid

# --- a user's lease between the looks of a revoke --------------------------------------

afresh alice:100000:1000
stop root revoke -r 100500:100 alice
ok "she leases what is about to be taken" as alice subid -q grant -r 100500:10 alice/new
go_on
is "it is taken all the same" "$status $out" \
	$'0 alice uid 100500 100599 100 released\nalice gid 100500 100599 100 released'
like "and her lease is named" "$err" \
	$'subid: alice/new: uid 100500-100509 are leased*\nsubid: alice/new: gid*\nsubid: warning: alice: these were given meanwhile*'
tables_are "the ids rest" $'alice:100000:500\nalice:100600:400\n!released:100500:100'

afresh alice:100000:1000
stop root revoke --reuse -r 100500:100 alice
as alice subid -q grant -r 100500:10 alice/new
go_on
is "with --reuse, too: they are not freed" "$status $out" '1 '
like "she is named" "$err" '*alice: these were given meanwhile*; the range is taken back, but the ids are held: *unhold*'
tables_are "the ids rest" $'alice:100000:500\nalice:100600:400\n!released:100500:100'

afresh alice:100000:1000
stop root revoke --reuse -r 100500:100 alice
rm -r "$hers"
ln -s /nowhere "$hers"
go_on
like "what she gives meanwhile is out of sight: they are not freed" "$status $out$err" \
	"3 *alice: whether leases were given meanwhile cannot be seen: the range is taken back, but the ids are held: *unhold*"
tables_are "the ids rest" $'alice:100000:500\nalice:100600:400\n!released:100500:100'

afresh alice:100000:1000
stop root revoke --reuse --force -r 100500:100 alice
as alice subid -q grant -r 100500:10 alice/new
go_on
is "--force does not ask" "$status $err" "0 subid: alice: undo: 'subid grant --restore alice'"
tables_are "the ids are free" $'alice:100000:500\nalice:100600:400'

# --- a lease with a line of its own ----------------------------------------------------

afresh alice:100000:1000
line=$(subid grant -n --own -c 10 alice/own | awk '$2 == "uid" { print $3; exit }')
stop root grant --own -c 10 alice/own
echo "mine:$line:10" >>"$hers/subuid"
go_on
like "her lease of the new line's ids is in the way: root is told" "$status $out$err" \
	'3 *others lease the same ids*no lease is made: try again*its part of the change is made all the same*'
tables_are "(there is one new line, not twenty)" "alice:100000:1000"$'\n'"alice:$line:10"
is "and no lease" "$(<"$store/subuid")" 'alice/roots:100010:10'
is "nor is hers gone" "$(tail -n 1 "$hers/subuid")" "mine:$line:10"

# --- usermod and userdel, which know of no lease ---------------------------------------

outside() { subid --json audit --fail-on never | jq -r '.findings[] | select(.rule == "lease-outside") | "\(.kind) \(.owner) \(.range.start)"'; }

afresh $'alice:100000:1000\nbob:200000:1000'
stop root grant -r 100500:10 alice/new
ok "usermod takes the range while root leases" usermod -V 100500-100599 -W 100500-100599 alice
go_on
like "the lease is refused" "$status $out$err" '1 subid: alice/new: uid 100500-100509: alice does not hold all of it'
stop root grant -c 10 bob/new
ok "userdel takes it" userdel bob
go_on
like "the lease is refused" "$status $out$err" '1 subid: bob: no such account, and no ranges of that name'
is "none is left" "$(cat $store/subuid $store/subgid)" $'alice/roots:100010:10\nalice/roots:100010:10'
is "the audit has nothing to tell" "$(outside)" ''
ok "usermod takes it behind the lease" usermod -V 100015-100999 -W 100015-100999 alice
is "the audit tells" "$(outside)" $'uid alice 100015\ngid alice 100015'
ok "userdel, too" userdel alice
is "the audit tells" "$(outside)" $'uid alice 100010\ngid alice 100010'
