#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What subid shift and subid share leave in the journal: who, what and the result; also
# of what was refused, has failed, or was killed.
. "$(dirname "$0")/lib.sh"
plan 25

add_user alice -u 5001
tables $'alice:100000:65536\nroot:900000:300000'
chmod 755 "$T"
journal=/run/systemd/journal/socket
mkdir -p "${journal%/*}"
start python3 tests/e2e/journal.py $journal "$T/lines"
wait_for test -S $journal
shown=0
# The lines of files since the last time; a mark of our own says that all have come.
logged() { # field...
	local mark=$RANDOM$RANDOM fields
	python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"MARK=" + sys.argv[2].encode() + b"\n", sys.argv[1])' $journal "$mark"
	wait_for grep -q "\"MARK\": \"$mark\"" "$T/lines"
	fields=$(printf '.%s, ' "${@:-MESSAGE}")
	tail -n "+$((shown + 1))" "$T/lines" | grep -E 'shift-|share-' | jq -r "[${fields%, }] | map(. // \"-\" | tostring) | join(\" \")"
}
logged_now() { # in this shell: what was shown is not shown again
	logged "$@" >"$T/now"
	shown=$(wc -l <"$T/lines")
}

# --- shift ------------------------------------------------------------------------------

tree=$T/tree
make_tree() {
	rm -rf "$tree"
	mkdir "$tree"
	touch "$tree/a" "$tree/b"
	chown -R 100000:100000 "$tree"
	chmod 4755 "$tree/a"
}
shift=(subid shift "$tree" --from 100000:65536 --to 300000:65536)
make_tree
expect "a dry run" 0 '*' '' "${shift[@]}" -n
expect "--verify" 1 '*' '*' subid shift "$tree" --from 100000:65536 --verify
logged_now
is "leave nothing" "$(<"$T/now")" ""
expect "a shift" 0 '*3 shifted*' '' "${shift[@]}"
logged_now uid MESSAGE SUBID_ACTION SUBID_PATH SUBID_FROM SUBID_TO SUBID_COUNT SUBID_RESULT
is "leaves when it begins, and when it has ended" "$(<"$T/now")" \
	"0 files are being shifted in \"$tree\": ids 100000:65536 to 300000:65536 shift-begin $tree 100000:65536 300000:65536 - success
0 files shifted in \"$tree\": ids 100000:65536 to 300000:65536: 3 changed shift-end $tree 100000:65536 300000:65536 3 success"
expect "once more: nothing to do" 0 '*' '' "${shift[@]}"
logged_now
is "leaves nothing" "$(<"$T/now")" ""
make_tree
chown 7 "$tree/b"
expect "one that is refused" 1 '' '*' "${shift[@]}"
logged_now SUBID_ACTION SUBID_RESULT SUBID_REASON
is "leaves that" "$(<"$T/now")" "shift-end failed denied"
chown 100000 "$tree/b"
start setpriv --reuid 100005 --regid 0 --clear-groups sleep infinity
wait_for runs "$started_pid" sleep
expect "ids in use" 1 '' '*' "${shift[@]}"
end "$started_pid"
logged_now SUBID_ACTION SUBID_RESULT SUBID_REASON
is "leave that, too" "$(<"$T/now")" "shift-end failed denied"
run strace -qq -o "$T/trace" -e inject=chmod:signal=KILL:when=1 "${shift[@]}"
logged_now SUBID_ACTION SUBID_RESULT
is "killed in the middle: that it has begun" "$status $(<"$T/now")" "137 shift-begin success"
run strace -qq -o "$T/trace" -e inject=chmod:error=EIO:when=1 "${shift[@]}"
logged_now SUBID_ACTION SUBID_RESULT SUBID_REASON
is "failed in the middle: both" "$status $(<"$T/now")" "3 shift-begin success -
shift-end failed EIO"
# nobody listens
mv $journal $journal.away
expect "without a log, it is done all the same" 0 '*' '' "${shift[@]}"
mv $journal.away $journal

# --- share ------------------------------------------------------------------------------

mkdir -m 700 "$T/srv"
expect "a store" 0 '*' '' subid share create root/s "$T/srv/s"
logged_now uid MESSAGE SUBID_ACTION SUBID_OWNER SUBID_PATH SUBID_RESULT
is "leaves a line beside its lease's" "$(<"$T/now")" "0 store created: \"root/s\" in \"$T/srv/s\" share-create root/s $T/srv/s success"
point=/run/subid/share/alice/@all/root/s
expect "mounted" 0 '*' '*' subid share mount root/s alice
logged_now MESSAGE SUBID_ACTION SUBID_FOR SUBID_RESULT
is "says for whom, and where" "$(<"$T/now")" "store mounted: \"root/s\" for \"alice\" in \"$point\" share-mount alice success"
umount $point
run strace -f -qq -o "$T/trace" -e inject=mount_setattr:error=EINVAL subid share mount --all
logged_now SUBID_ACTION SUBID_OWNER SUBID_FOR SUBID_RESULT
is "at boot, what cannot be mounted" "$(<"$T/now")" "share-mount root/s alice failed"
run subid share mount --all
run subid share mount --all
logged_now SUBID_ACTION SUBID_RESULT
is "and once what can" "$(<"$T/now")" "share-mount success"
expect "unmounted" 0 '' '*' subid share umount root/s alice
expect "destroyed" 0 '*' '*' subid share destroy root/s
logged_now SUBID_ACTION SUBID_OWNER SUBID_RESULT
is "both" "$(<"$T/now")" "share-umount root/s success
share-destroy root/s success"
mkdir -p "$T/srv/t"
touch "$T/srv/t/file"
expect "a tree is taken over" 0 '*' '' subid share create root/t "$T/srv/t"
logged_now SUBID_ACTION SUBID_OWNER SUBID_RESULT
is "that its files are shifted is said first" "$(<"$T/now")" "shift-begin root/t success
share-create root/t success"
