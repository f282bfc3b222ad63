#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a change, and a refusal, leaves in the journal or in syslog; test_trace_audit.sh
# has the kernel's audit.
shopt -s extglob
. "$(dirname "$0")/lib.sh"
plan 102

add_user alice -u 5001
add_user bob -u 5002

# A /dev of our own: the machine's /dev/log is not for us.
private_dev() {
	local node
	mkdir -p "$T/dev/pts"
	for node in null zero full random urandom tty; do
		: >"$T/dev/$node"
		mount --bind "/dev/$node" "$T/dev/$node"
	done
	ln -s /proc/self/fd "$T/dev/fd"
	mount --rbind "$T/dev" /dev
}

journal=/run/systemd/journal/socket
mkdir -p "${journal%/*}"
private_dev

listen() { # socket [--deaf]: $listener writes to $T/lines
	rm -f "$1"
	: >"$T/seen"
	start python3 tests/e2e/journal.py ${2:+"$2"} "$1" "$T/lines" <"$T/never"
	listener=$started_pid
	wait_for test -S "$1"
}
mkfifo "$T/never"
exec 9<>"$T/never"

# All that came since the last time, one line each: the values of the given fields.
logged() { # socket field...
	local to=$1 mark seen program fields
	shift
	seen=$(wc -l <"$T/seen")
	mark=$RANDOM$RANDOM.$seen
	python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"MARK=" + sys.argv[2].encode() + b"\n", sys.argv[1])' "$to" "$mark"
	wait_for grep -q "\"MARK\": \"$mark\"" "$T/lines"
	fields=$(printf '.%s, ' "$@")
	program="select(.MARK == null) | [${fields%, }] | map(. // \"-\" | tostring) | join(\" \")"
	tail -n "+$((seen + 1))" "$T/lines" | jq -r "$program"
	cp "$T/lines" "$T/seen"
}

relisten() { # socket [--deaf]
	end "$listener"
	listen "$@"
}

what=(SUBID_ACTION SUBID_OWNER SUBID_UID SUBID_KIND SUBID_START SUBID_COUNT SUBID_RESULT SUBID_REASON)

# --- the journal -------------------------------------------------------------------

listen $journal
tables ""
expect "a range" 0 '*' '' subid grant alice
is "leaves one line of both kinds" "$(logged $journal "${what[@]}")" \
	"add alice 5001 uid+gid 100000 65536 success -"
expect "one that is there" 0 '* kept' '' subid grant alice
expect "a dry run" 0 '*' '' subid grant --another -n alice
mkdir -p "$T/image/etc"
cp /etc/passwd /etc/group "$T/image/etc"
expect "an image" 0 '*' '' subid --root "$T/image" grant alice
is "leave none" "$(logged $journal "${what[@]}")" ""
expect "a part taken back" 0 '*' '' subid revoke -u alice --range 100000:10
is "is two: taken, and held" "$(logged $journal "${what[@]}")" \
	"remove alice 5001 uid 100000 10 success -
hold !released - uid 100000 10 success -"
expect "with --reuse" 0 '*' '' subid --root / revoke -u alice --range 100010:10 --reuse
is "only taken; / is no image" "$(logged $journal "${what[@]}")" "remove alice 5001 uid 100010 10 success -"
expect "hold" 0 '*' '' subid hold -g 700000:5
expect "unhold" 0 '*' '' subid unhold 100000-700000
is "one of each kind" "$(logged $journal "${what[@]}")" \
	"hold !reserved - gid 700000 5 success -
unhold !released - uid 100000 10 success -
unhold !reserved - gid 700000 1 success -"
private_store
chmod 755 "$T"
expect "a lease" 0 '*' '' subid grant -u -c 5 alice/web
is "names owner and container" "$(logged $journal "${what[@]}")" "add alice/web 5001 uid 100020 5 success -"
expect "taken back" 0 '*' '' subid revoke -u alice/web
is "is two as well" "$(logged $journal "${what[@]}")" \
	"remove alice/web 5001 uid 100020 5 success -
hold !released - uid 100020 5 success -"
expect "a user's own lease" 0 '*' '' as alice subid grant -u -c 5 alice/own
is "changes nobody's rights, and leaves none" "$(logged $journal "${what[@]}")" ""
rm -f /var/lib/subid/sub*
rm -r "$T/home/alice/.local"
expect "ids that somebody has" 1 '' '*' subid grant -u bob --range 100020:5
expect "held for nobody" 1 '' '*' subid hold -g 100000:1
is "are lines of failure" "$(logged $journal "${what[@]}")" \
	"add bob 5002 uid 100020 5 failed taken
hold !reserved - gid 100000 1 failed taken"
mkdir /etc/subgid+
expect "a table that cannot be written" 3 '' '*' subid grant bob
rmdir /etc/subgid+
is "the same" "$(logged $journal "${what[@]}")" \
	"add bob 5002 uid+gid 165536 65536 failed EISDIR"
expect "a part of what has both" 0 '*' '' subid grant bob --range 300000:20
expect "and back" 0 '*' '' subid revoke bob --range 300000:20
is "is a line each: given, taken, held" "$(logged $journal "${what[@]}")" \
	"add bob 5002 uid+gid 300000 20 success -
remove bob 5002 uid+gid 300000 20 success -
hold !released - uid+gid 300000 20 success -"
expect "given once more" 0 '*' '' subid grant --restore bob
expect "of one kind less" 0 '*' '' subid revoke -u bob --range 300000:5
expect "the rest" 0 '*' '' subid revoke bob
is "is a line of each kind, where they differ" "$(logged $journal "${what[@]}")" \
	"unhold !released - uid+gid 300000 20 success -
add bob 5002 uid+gid 300000 20 success -
remove bob 5002 uid 300000 5 success -
hold !released - uid 300000 5 success -
remove bob 5002 uid 300005 15 success -
hold !released - uid 300005 15 success -
remove bob 5002 gid 300000 20 success -
hold !released - gid 300000 20 success -"
tables alice:100020:65516
expect "two owners, one of them unknown" 1 '' '*' subid grant -c 7 bob nosuch
is "is a failure of that one" "$(logged $journal "${what[@]}")" \
	"add nosuch - uid+gid - 7 failed unknown"
expect "more than there is" 1 '' '*' subid grant -u -c 4000000000 bob
echo 'never user root' >/etc/subid.conf
expect "what policy never gives" 1 '' '*' subid grant -g root
rm /etc/subid.conf
is "are failures without a place" "$(logged $journal "${what[@]}")" \
	"add bob 5002 uid - 4000000000 failed full
add root 0 gid - - failed forbidden"
expect "a dry run" 1 '' '*' subid grant -n -u -c 4000000000 bob
expect "an ordinary user's attempt" 3 '' '*' as alice subid grant alice
is "leave none" "$(logged $journal "${what[@]}")" ""
mv /etc/login.defs /etc/login.defs.away
mkdir /etc/login.defs
expect "when nothing can be begun" 3 '' '*' subid grant -u --group root alice bob
rmdir /etc/login.defs
mv /etc/login.defs.away /etc/login.defs
is "each that was asked for has failed" "$(logged $journal "${what[@]}")" \
	"add alice - uid - - failed EINVAL
add bob - uid - - failed EINVAL
add root - uid - - failed EINVAL"
private_store
expect "a lease for which there is no room" 1 '' '*' subid grant -u -c 4000000000 alice/big
expect "or outside of the range" 1 '' '*' subid grant -u --range 5:6 alice/out
is "are failures as well" "$(logged $journal "${what[@]}")" \
	"add alice/big 5001 uid - 4000000000 failed full
add alice/out 5001 uid 5 6 failed denied"
rm -f /var/lib/subid/sub*
expect "an owner by uid" 0 '*' '' subid grant -u 5002
is "is named" "$(logged $journal uid MESSAGE PRIORITY SYSLOG_FACILITY SYSLOG_IDENTIFIER MESSAGE_ID SUBID_AUDIT)" \
	"0 range for \"bob\" (uid 5002): uid 165536-231071 5 10 subid 5a1d4b0e8c4f4c0b9d3c7e2f6a9b1857 -"
name='x" (uid 0) SUBID_UID=0'
expect "a name that wants to be more" 0 '*' '' subid grant -u --force-unknown "$name"
is "stays a name" "$(logged $journal SUBID_OWNER SUBID_UID MESSAGE)" \
	"$name - range for \"x? (uid 0) SUBID_UID=0\": uid 231072-296607"
tables ""
seq -f 'c%g' 2000 >"$T/names"
expect "two thousand owners" 0 '' '' subid -q grant --force-unknown --from "$T/names"
is "are two thousand lines" "$(logged $journal SUBID_OWNER SUBID_KIND | sort -u | wc -l)" 2000

# --- no audit, no log ----------------------------------------------------------------

powerless=(setpriv --bounding-set -audit_write --inh-caps -audit_write)
tables ""
expect "without CAP_AUDIT_WRITE" 0 '*new*' '' "${powerless[@]}" "$PRE/bin/subid" grant alice
is "the line says so" "$(logged $journal SUBID_ACTION SUBID_KIND SUBID_AUDIT)" 'add uid+gid EPERM'
echo '!reserved:900000:5' >>/etc/subuid
expect "in a user namespace of root's" 0 '* free' '' unshare --user --map-root-user "$PRE/bin/subid" unhold 900000:5
is "too" "$(logged $journal SUBID_ACTION SUBID_KIND SUBID_AUDIT)" "unhold uid ECONNREFUSED"

relisten $journal --deaf
expect "a log that does not read" 0 '' '' timeout 10 subid -q grant --another --force-unknown --from "$T/names"
expect "nor later" 0 '*new*' '' timeout 10 subid grant --another alice
expect "is noted once if the audit is not there either" 0 '*new*' \
	"subid: warning: the change is made, but it left a trace neither in the kernel's audit (Operation not permitted) nor in the system's log (Resource temporarily unavailable)" \
	timeout 10 "${powerless[@]}" "$PRE/bin/subid" grant --another alice
end "$listener"
expect "no log" 0 '*new*' '' subid grant --another alice
expect "no audit either" 0 '*new*' \
	"subid: warning: *audit (Operation not permitted)*log (No such file or directory)" \
	"${powerless[@]}" "$PRE/bin/subid" grant --another alice
expect "-q" 0 '' '' "${powerless[@]}" "$PRE/bin/subid" -q grant --another alice
is "all are in the table" "$(grep -c '^alice:' /etc/subuid)" 6

# --- syslog --------------------------------------------------------------------------

listen /dev/log
tables ""
expect "a range" 0 '*' '' subid grant alice
expect "taken back, with no audit" 0 '*' '' "${powerless[@]}" "$PRE/bin/subid" revoke -u alice --reuse
is "lines of syslog" "$(logged /dev/log text | sed 's/\[[0-9]*\]/[PID]/')" \
	"<85>subid[PID]: range for \"alice\" (uid 5001): uid+gid 100000-165535
<85>subid[PID]: range taken from \"alice\" (uid 5001): uid 100000-165535 (no audit record: EPERM)
<85>subid[PID]: range held as \"!released\": uid 100000-165535 (no audit record: EPERM)
<85>subid[PID]: range no longer held as \"!released\": uid 100000-165535 (no audit record: EPERM)"
end "$listener"
rm -f /dev/log

# --- the helpers ---------------------------------------------------------------------

listen $journal
tables alice:100000:65536
who=(uid SYSLOG_IDENTIFIER SUBID_ACTION SUBID_OWNER SUBID_UID SUBID_KIND SUBID_START SUBID_COUNT SUBID_REASON SUBID_TARGET SUBID_UNLOGGED)
new_target alice
expect "ids that are not the caller's" 1 '' 'newuidmap: uid range * not allowed*' \
	as alice newuidmap "$target" 0 100000 10 10 200000 5
is "the line: who, which, for whom" "$(logged $journal "${who[@]}")" \
	"5001 newuidmap map alice 5001 uid 200000 5 denied $target -"
expect "by descriptor, for gids" 1 '' 'newgidmap: gid range * not allowed*' \
	as alice bash -c "exec newgidmap fd:7 0 200000 1 7</proc/$target"
is "the same" "$(logged $journal "${who[@]}")" "5001 newgidmap map alice 5001 gid 200000 1 denied $target -"
like "its text" "$(jq -r .MESSAGE "$T/lines" | grep -v null | tail -n 1)" \
	"map for \"alice\" (uid 5001): gid 200000-200000 in process $target: failed: denied"
expect "somebody else's process" 1 '' 'newuidmap: Target process is owned by a different user*' as bob newuidmap "$target" 0 100000 10
is "a line, too" "$(logged $journal "${who[@]}")" "5002 newuidmap map bob 5002 uid 100000 10 EPERM $target -"
expect "what is no map" 1 '' '*' as alice newuidmap "$target" 0 x 10
expect "the copy of a user" 1 '' '* not allowed*' as alice sh -c "cp $PRE/bin/newuidmap ~ && ~/newuidmap $target 0 1 10"
expect "one without its privilege" 1 '' '* not allowed*' as alice setpriv --no-new-privs "$PRE/bin/newuidmap" "$target" 0 1 10
is "leave none" "$(logged $journal "${who[@]}")" ""

later() { # the time for new lines has come for a user
	python3 -c 'import os, struct, sys
fd = os.open("/run/subid-refusals", os.O_RDWR)
os.pwrite(fd, struct.pack("I", 0), int(sys.argv[1]) * 8)' "$1"
}
many() { # n: so many refusals
	for ((i = 0; i < $1; i++)); do newuidmap "$target" 0 200000 1; done 2>&1 | grep -c 'not allowed'
}
later 5001
SECONDS=0
is "thirty more are refused" "$(as alice bash -c "target=$target; $(declare -f many); many 30")" 30
may=$((11 + SECONDS / 6))
logged $journal SUBID_OWNER SUBID_UNLOGGED >"$T/of_many"
lines=$(grep -c ^alice "$T/of_many")
ok "but ten leave lines (and one each six seconds)" test "$lines" -ge 10 -a "$lines" -le "$may"
expect "another user" 1 '' '*' as bob newuidmap "$target" 0 1 10
is "has his own" "$(logged $journal SUBID_OWNER)" bob
is "the counts are root's" "$(stat -c '%a %U %F' /run/subid-refusals)" "600 root regular file"
not_ok "and not for users" as alice cat /run/subid-refusals
later 5001
run as alice newuidmap "$target" 0 200000 1
logged $journal SUBID_OWNER SUBID_UNLOGGED >>"$T/of_many"
is "later, one says how many there were" "$(awk '{ n += $2 } END { print NR, n }' "$T/of_many")" \
	"$((lines + 1)) $((30 - lines))"
later 5001
SECONDS=0
run as alice prlimit --fsize=$((5001 * 8 + 2)) "$PRE/bin/newuidmap" "$target" 0 200000 1
is "a limit that ends within the count" "$status $(logged $journal SUBID_OWNER)" "1 alice"
for i in {1..40}; do
	as alice prlimit --fsize=$((5001 * 8 + i % 8)) "$PRE/bin/newuidmap" "$target" 0 200000 1
done >/dev/null 2>&1
may=$((11 + SECONDS / 6))
ok "gives no more lines either" test "$(logged $journal SUBID_OWNER | wc -l)" -le "$may"
rm -f /run/subid-refusals
run as alice bash -c "ulimit -f 0; newuidmap $target 0 200000 1"
like "what cannot be counted is refused alike" "$status $out" "1 newuidmap: uid range * not allowed*"
is "without a line" "$(logged $journal SUBID_OWNER)" ""
head -c 100000 /dev/urandom >/run/subid-refusals
run as bob newuidmap "$target" 0 100000 10
is "nonsense in the counts silences nobody" "$(logged $journal SUBID_OWNER)" bob
rm -f /run/subid-refusals
ln -s /etc/planted /run/subid-refusals
run as alice newuidmap "$target" 0 200000 1
is "a link is not followed" "$status $(ls /etc/planted 2>&1)" \
	"1 ls: cannot access '/etc/planted': No such file or directory"
rm -f /run/subid-refusals
echo 'o"SUBID_UID=0:x:5005:5005::/:/bin/sh' >>/etc/passwd
start setpriv --reuid 5005 --regid 5005 --clear-groups unshare --user sleep infinity
odd=$started_pid
wait_for runs "$odd" sleep
run setpriv --reuid 5005 --regid 5005 --clear-groups newuidmap "$odd" 0 200000 1
logged $journal MESSAGE >/dev/null
run setpriv --reuid 5005 --regid 5005 --clear-groups newuidmap "$odd" 0 200000 1
is "a login name that wants to be more" "$(logged $journal SUBID_OWNER SUBID_UID MESSAGE)" \
	"o\"SUBID_UID=0 5005 map for \"o?SUBID_UID=0\" (uid 5005): uid 200000-200000 in process $odd: failed: denied"
relisten $journal --deaf
python3 -c 'import socket, sys
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.setblocking(False)
log.connect(sys.argv[1])
try:
    while True:
        log.send(b"full")
except BlockingIOError:
    pass' $journal
rm -f /run/subid-refusals
run as alice timeout 20 newuidmap "$target" 0 200000 1
like "a log that does not read makes nobody wait" "$status $out" "1 newuidmap: *"
end "$listener"
rm -f $journal
run as alice newuidmap "$target" 0 200000 1
like "nor one that is not there" "$status $out" "1 newuidmap: uid range * not allowed*"

install_programs HELPER_PRIVILEGE=caps
listen $journal
run as alice newuidmap "$target" 0 200000 1
is "with a file capability: a line, too" "$(logged $journal "${who[@]}")" \
	"5001 newuidmap map alice 5001 uid 200000 1 denied $target -"

# --- killed between the new tables and the trace --------------------------------
tables ""
strace -qq -o "$T/calls" -e trace=fsync,fdatasync,renameat,renameat2,linkat subid grant bob >/dev/null
last=$(grep -c '^fsync' "$T/calls")
ok "(there is a sync after the tables are replaced)" awk '/"subgid\+", .*"subgid"\)/ { seen = 1 } /^fsync/ && seen { after = 1 } END { exit !after }' "$T/calls"
logged $journal MESSAGE >/dev/null
tables ""
strace -qq -o /dev/null -e trace=fsync -e "inject=fsync:signal=KILL:when=$last" subid grant bob >/dev/null 2>&1
tables_are "it is killed: the change is made" "bob:100000:65536"
is "and has left no trace" "$(logged $journal "${what[@]}")" ""
expect "the next that takes the locks" 0 '*' '' subid grant alice
is "leaves it" "$(logged $journal "${what[@]}")" \
	"add bob 5002 uid+gid 100000 65536 success -
add alice 5001 uid+gid 165536 65536 success -"
expect "and once" 0 '*' '' subid revoke alice
is "no more of bob" "$(logged $journal SUBID_OWNER | grep -c bob) $(find /run/subid/untold -type f | wc -l)" "0 0"
tables ""
strace -qq -o /dev/null -e trace=renameat -e inject=renameat:signal=KILL:when=2 subid grant bob >/dev/null 2>&1
ok "killed before: what was about to be done is noted" test -n "$(cat /run/subid/untold/tables.*)"
# a host that was set back behind the note has the same files
expect "and not done" 0 '*' '?(subid: warning: /etc: subuid and subgid are as they were once before: *)' subid grant alice
is "so nothing is left of it" "$(logged $journal SUBID_OWNER | grep -c bob)" 0
