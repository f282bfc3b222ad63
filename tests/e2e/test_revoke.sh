#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid revoke, as it is typed, right and wrong.
. "$(dirname "$0")/lib.sh"
plan 82

add_user alice -u 5001
add_user bob -u 5002

# --- what is taken -------------------------------------------------------------

tables $'# keep\nalice:100000:65536\nbroken\nbob:165536:65536'
expect "all of an owner's ranges" 0 $'alice uid 100000 165535 65536 released\nalice gid 100000 165535 65536 released' '' \
	subid revoke alice
tables_are "the ids are held, other lines kept" $'# keep\nbroken\nbob:165536:65536\n!released:100000:65536'
expect "nothing is left to take" 1 '' 'subid: alice: has no ranges' subid revoke alice
expect "the next grant keeps off them" 0 $'alice uid 231072 *\n*' '' subid grant alice
useradd -M -u 5003 carol
is "and so does useradd" "$(grep -c '^carol:296608:65536$' /etc/subuid)" 1
expect "unhold gives them back" 0 '*100000 165535 65536 free*' '' subid unhold 100000:65536
expect "and they are given again" 0 $'bob uid 100000 *\n*' '' subid grant --another bob
userdel carol

tables $'alice:100000:65536\nbob:165536:65536'
expect "--reuse: held for nobody" 0 $'alice uid 100000 165535 65536 free\n*' '' subid revoke --reuse alice
tables_are "no line is left" bob:165536:65536

tables $'alice:100000:65536\nroot:100000:65536\nalice:300000:10'
expect "ids that another line has too are shared" 0 \
	$'alice uid 100000 165535 65536 shared\nalice uid 300000 300009 10 released\n*' '' subid revoke alice
tables_are "and not held" $'root:100000:65536\n!released:300000:10'

tables $'alice:100000:10\n5001:200000:10\nalice:300000:10\nalice2:400000:10\nali:500000:10'
expect "by name: the lines with the uid too" 0 \
	$'*uid 100000 *uid 300000 *uid 200000 *gid 100000 *' '' subid revoke --reuse alice
tables_are "and nobody else's" $'alice2:400000:10\nali:500000:10'
tables $'alice:100000:10\n5001:200000:10'
expect "by uid: the lines with the name too" 0 '*' '' subid revoke --reuse 5001
tables_are "all of them" ""

for part in "100000:10 alice:100010:90 start" "100090-100099 alice:100000:90 end" \
	"100040:20 alice:100000:40|alice:100060:40 middle" "100000:100 - whole" "99990:20 alice:100010:90 overlap"; do
	read -r range left where <<<"$part"
	tables $'alice:100000:100\nbob:99000:10'
	expect "--range: the $where of a line" 0 '*' '' subid revoke --reuse --range "$range" alice
	left=${left/|/$'\n'}
	[ "$left" != - ] || left=
	is "leaves the rest" "$(grep alice /etc/subuid)|$(grep alice /etc/subgid)" "$left|$left"
done
tables $'alice:100000:100\nalice:100100:100\nalice:100500:100'
expect "--range over several lines" 0 \
	$'alice uid 100050 100099 50 *\nalice uid 100100 100199 100 *\nalice uid 100500 100549 50 *\nalice gid *' '' \
	subid revoke -r 100050:500 alice
tables_are "the ids are held, those that touch in one line" \
	$'alice:100000:50\nalice:100550:50\n!released:100050:150\n!released:100500:50'
expect "--range, none of it the owner's" 1 '' 'subid: alice: has none of these ids' subid revoke --range 100050:100 alice

tables alice:100000:10
expect "-u" 0 'alice uid 100000 100009 10 released' '' subid revoke -u alice
is "leaves subgid" "$(</etc/subgid)" alice:100000:10
expect "-u again" 1 '' 'subid: alice: has no ranges*' subid revoke -u alice
expect "-g" 0 'alice gid 100000 100009 10 released' '' subid revoke --gid alice
tables_are "the same in the end" '!released:100000:10'

tables $'alice:100000:10\nroot:100000:10'
expect "ids that somebody else has as well" 0 '*' '' subid revoke alice
tables_are "are not held: they are in use" root:100000:10
tables $'gone:100000:10'
expect "an owner whose account is gone" 0 $'gone uid 100000 *\n*' '' subid revoke gone
tables $'alice:0100000:10\nalice:100000:x\n#alice:1:1'
expect "lines that are no entries are nobody's" 1 '' 'subid: alice: has no ranges*' subid revoke alice
tables_are "and stay" $'alice:0100000:10\nalice:100000:x\n#alice:1:1'

# --- what is refused -----------------------------------------------------------

tables $'alice:100000:10\n!released:200000:10\n!reserved:300000:10'
kept=$(</etc/subuid)
expect "nobody has such a name" 1 '' 'subid: alize: *' subid revoke alize
like "and the message says so" "$err" '*no such account, and no ranges of that name'
expect "nobody's name, and a range" 1 '' 'subid: alize: no such account, and none of these ids*' subid revoke -r 1:5 alize
expect "a holder is no owner: the message names the command" 1 '' "subid: !released: *unhold*" subid revoke '!released'
expect "no owner" 2 '' $'subid: revoke: missing OWNER or OWNER/NAME\n*--help*' subid revoke
expect "a range of two owners" 2 '' $'subid: --range allows only one OWNER\n*' subid revoke --range 1:1 alice bob
expect "no range" 2 '' "subid: invalid range '1'*" subid revoke --range 1 alice
expect "no such option" 2 '' "subid: unrecognized option*" subid revoke --another alice
expect "an empty name" 1 '' 'subid: *' subid revoke ''
expect "not root" 3 '' 'subid: only root can change ranges: /etc/.pwd.lock: Permission denied: run this as root' as bob subid revoke alice
tables_are "nothing was changed" "$kept"

expect "-n shows" 0 $'alice uid 100000 100009 10 released\n*' '' subid revoke -n alice
tables_are "and changes nothing" "$kept"
expect "-q" 0 '' '' subid revoke -q alice
tables alice:100000:10
expect "--json" 0 '*' '' subid revoke --json alice
is "is JSON" "$(jq -c '.ranges[0]' <<<"$out")" \
	'{"owner":"alice","kind":"uid","start":100000,"end":100009,"count":10,"state":"released"}'
tables alice:100000:10
expect "standard output full" 3 '' 'subid: standard output: No space*the change is made*' \
	sh -c 'exec subid revoke alice >/dev/full'
tables_are "but done" '!released:100000:10'
expect "--help" 0 'usage: subid revoke *' '' subid revoke --help
ok "fits a screen" test "$(wc -l <<<"$out")" -le 24 -a "$(wc -L <<<"$out")" -le 80

# --- what runs -----------------------------------------------------------------

tables alice:100000:65536
# as --map-auto does before util-linux 2.42: all but the last one
start become alice unshare --map-users 100000,1,65535 --map-groups 100000,1,65535 --map-root-user sleep 600
container=$started_pid
ok "a container of alice's runs" wait_for runs "$container" sleep
namespace=$(readlink "/proc/$container/ns/user" | tr -dc 0-9)
expect "refused while a namespace maps the ids, which is named" 1 '' \
	"subid: alice: in use: user namespace $namespace (process $container, sleep) maps uid 100000-165534"$'\n'"subid: *--force" \
	subid revoke alice
expect "for gids as well" 1 '' \
	"subid: alice: in use: user namespace $namespace (process $container, sleep) maps gid 100000-165534"$'\nsubid: *' \
	subid revoke -g alice
expect "-n says no, too" 1 '' 'subid: alice: in use: *' subid revoke -n alice
expect "a part that is used" 1 '' 'subid: alice: in use: *' subid revoke --range 165534:1 alice
tables_are "nothing was taken" alice:100000:65536
expect "a part that is not used" 0 'alice uid 165535 165535 1 released*' '' subid revoke --range 165535:1 alice
expect "--force" 0 'alice uid 100000 165534 65535 released*' '*maps uid 100000-165534*warning: alice: --force: done all the same*' subid revoke --force alice
tables_are "takes and holds" '!released:100000:65536'
end "$container"

tables bob:200000:65536
start setpriv --reuid 200123 --regid 200124 --clear-groups sleep 600
ok "a process with one of bob's ids runs" wait_for runs "$started_pid" sleep
expect "refused, without a namespace" 1 '' \
	"subid: bob: in use: process $started_pid (sleep) runs with uid 200123"$'\nsubid: *' subid revoke bob
expect "and by its gid" 1 '' "subid: bob: in use: process $started_pid (sleep) runs with gid 200124"$'\n*' subid revoke -g bob
end "$started_pid"
start setpriv --regid 5002 --groups 200125 sleep 600
ok "one with a supplementary group of bob's" wait_for runs "$started_pid" sleep
expect "refused" 1 '' "subid: bob: in use: process $started_pid (sleep) runs with gid 200125"$'\n*' subid revoke bob
end "$started_pid"
expect "taken when it ended" 0 '*' '' subid revoke bob

crowd=()
tables bob:200000:65536
for ((i = 0; i < 15; i++)); do
	start setpriv --reuid $((200000 + i)) sleep 600
	crowd+=("$started_pid")
done
for pid in "${crowd[@]}"; do wait_for runs "$pid" sleep; done
expect "many of them: ten are named" 1 '' 'subid: bob: in use: process *subid: bob: and 5 more*' subid revoke bob
for pid in "${crowd[@]}"; do end "$pid"; done

mkdir -p "$T/image/etc"
printf 'bob:x:5002:5002::/:/bin/sh\n' >"$T/image/etc/passwd"
: >"$T/image/etc/group"
for table in subuid subgid; do echo bob:100000:65536 >"$T/image/etc/$table"; done
tables bob:100000:65536
start become bob unshare --map-auto --map-root-user sleep 600
wait_for runs "$started_pid" sleep
expect "--root: what runs here has no say there" 0 '*' '' subid --root "$T/image" revoke bob
is "taken there" "$(cat "$T"/image/etc/sub[ug]id)" $'!released:100000:65536\n!released:100000:65536'
tables_are "not here" bob:100000:65536
end "$started_pid"

seq -f '%.0f' 0 64999 | awk '{ print "u" $1 ":" 100000 + $1 * 10 ":10" }' | tee /etc/subuid >/etc/subgid
expect "65,000 lines" 0 $'u64999 uid 749990 749999 10 free\n*' '' timeout 20 subid revoke --reuse u64999
is "one less" "$(wc -l </etc/subuid)" 64999

tables bob:3000009990:5
start setpriv --groups "$(seq -s, 3000000000 3000009999)" sleep 600
wait_for runs "$started_pid" sleep
run subid revoke bob
is "a process with 10,000 groups" "$status:$out" "1:subid: bob: in use: process $started_pid (sleep) runs with gid 3000009990
subid: bob: nothing was changed: stop these first, or use --force"
end "$started_pid"

# A process that has ended keeps its ids until its parent has taken notice.
tables alice:100000:65536
start python3 -c 'import os, sys, time
pid = os.fork()
if pid == 0:
	os.execvp("unshare", ["unshare", "--user", "sleep", "600"])
with open(sys.argv[1] + "+", "w") as f:
	f.write(str(pid))
os.rename(sys.argv[1] + "+", sys.argv[1])
time.sleep(600)' "$T/zombie"
parent=$started_pid
wait_for test -s "$T/zombie"
zombie=$(<"$T/zombie")
wait_for runs "$zombie" sleep
echo 0 100000 10 | tee "/proc/$zombie/uid_map" >"/proc/$zombie/gid_map"
kill -KILL "$zombie"
wait_for grep -q '^State:[[:space:]]Z' "/proc/$zombie/status"
expect "one that its parent has not waited for" 1 '' \
	"*process $zombie has ended, but its parent, process $parent, has not waited for it: end that*" subid revoke alice
end "$parent"
wait_for test ! -e "/proc/$zombie"
expect "when that is gone" 0 'alice *' '' subid revoke alice
