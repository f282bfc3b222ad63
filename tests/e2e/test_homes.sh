#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Root looks into homes of users: a home can be a file system of the user's own that
# never answers, so that whoever looks cannot even be killed.  No command hangs.
. "$(dirname "$0")/lib.sh"
plan 35
add_user alice -u 2001
add_user bob -u 2002
home=$T/home/alice own=$home/.local/state/subid
late="$own: does not answer within 3 s"
both=$'uid 100000 100999 1000 granted\nalice gid 100000 100999 1000 granted'
tables $'alice:100000:1000\nbob:200000:1000'
echo x >"$T/file"

# From then on $home is silent.
silence() {
	start python3 "$TESTS/e2e/silent_fuse.py" "$home" "$T/file" "$T/is-silent"
	fuse=$started_pid
	wait_for test -e "$T/is-silent"
	rm "$T/is-silent"
}

# It ends, and with it all who wait.
speak() {
	end "$fuse"
	umount -l "$home/sub/file" "$home"
} 2>/dev/null

has_ended() { # pid
	! grep -q 'State:.[^Z]' "/proc/$1/status"
}

# As expect, but nothing that hangs keeps the test: neither the command, nor who reads
# what it prints, nor the next one, of the locks.
answers() { # name STATUS 'out glob' 'err glob' command...
	local pid
	# shellcheck disable=SC2016 # for the other shell
	start bash -c '{ "$@"; echo "$?" >&3; } 3>"$0.status" 2>"$0.err" | cat >"$0.out"' "$T/said" "${@:5}"
	pid=$started_pid
	if ! wait_for has_ended "$pid"; then
		end "$fuse" # so that it can be waited for
		wait "$pid"
		echo hangs >"$T/said.status"
	fi
	wait "$pid"
	# shellcheck disable=SC2016 # for the other shell
	expect "$1" 0 "$2|$3|$4" '' bash -c 'echo "$(<"$0.status")|$(<"$0.out")|$(<"$0.err")"' "$T/said"
}

ok "leases of hers" as alice subid -q grant -c 10 alice/mine
ok "and of his" as bob subid -q grant -c 10 bob/his
ok "and of root's" subid -q grant -r 100500:10 alice/roots

silence
answers "list: what root has, and the next" 3 $'alice '"$both"$'\nalice/roots uid 100500 *\nbob *\nbob/his uid 200000 *' \
	"subid: $late: leases cannot be read" subid list alice bob
answers "list of a container" 3 '' "subid: $late: leases cannot be read" subid list alice/mine
answers "list of one of root's" 3 'alice/roots uid 100500 *' "subid: $late: leases cannot be read" subid list alice/roots
answers "id: what the table says" 3 'uid 100003 alice - - - granted' \
	"subid: warning: $late: leases cannot be read" subid id 100003
answers "id --inside" 3 '' "subid: warning: $late: leases cannot be read"$'\nsubid: alice/mine: *' \
	subid id --inside 3 alice/mine
answers "completion of owners" 0 '*alice*' '' subid complete -- revoke al
answers "of her containers: none is made up" 0 '*' '' subid complete -- revoke alice/
not_ok "... nor named" grep -q mine "$T/said.out"
answers "status" 3 '' "subid: $late: leases cannot be read" subid status alice
answers "status of the host" '[0-3]' '*' '*' subid status
answers "doctor" '[0-3]' '*' '*' subid doctor alice
answers "config" 3 '' "subid: $late: leases cannot be read" subid config lxc alice/mine
answers "grant of a lease gives nothing" 3 '' \
	"subid: $home: does not answer within 3 s: the ids of stopped containers *" subid grant -c 10 alice/new
is "(nothing)" "$(cat /var/lib/subid/subuid)" 'alice/roots:100500:10'
answers "nor with lines of its own" 3 '' "subid: $home: does not answer *" subid grant -c 10 --own alice/new
tables_are "(nothing)" $'alice:100000:1000\nbob:200000:1000'
answers "all of several or none" 3 '' "subid: $home: does not answer *" subid grant -c 10 bob/first alice/new
answers "others get theirs meanwhile: who hangs has no lock" 0 $'bob/first uid 200010 *' '' subid grant -c 10 bob/first
answers "a lease is taken back" 0 'alice/roots uid 100500 *' 'subid: alice/roots: undo: *' subid revoke alice/roots
answers "its ids are given back" 0 'alice/roots uid 100500 *' '' subid unhold 100500:10
answers "a range is taken" 0 'alice uid 100900 *' "subid: warning: $late: leases that are there do not count
subid: alice: undo: *" \
	subid revoke -r 100900:100 alice
answers "and given" 0 'alice uid *' '' subid grant -c 10 --another alice
answers "hold looks into no home" 0 '* 300000 *' '' subid hold 300000:10
answers "nor does unhold" 0 '* 300000 *' '' subid unhold 300000:10
answers "nor policy" 0 'alice: *' '' subid policy explain alice
speak

# What runs.
start become alice unshare --user --map-users 100000,0,10 --map-groups 100000,0,10 --setuid 0 --setgid 0 sleep infinity
container=$started_pid
wait_for runs "$container" sleep
answers "ps knows her container" 0 '*alice*mine*' '' subid ps
silence
answers "ps shows what runs all the same" 3 '*alice*sleep*' "subid: warning: $late: leases cannot be read" subid ps
answers "audit goes on" '[01]' '*' '*' subid audit
speak
end "$container"

# A file system whose owner has left.
python3 "$TESTS/e2e/hang.py" "$home" "$T/hangs" &
hanging=$!
wait_for test -e "$T/hangs"
end "$hanging"
answers "a home that is no longer served is not one without leases" 3 '' \
	"*subid: $home/.local/share/*: Transport endpoint is not connected*: which ids a stopped container*" subid grant -c 10 alice/new
umount -l "$home"

# The name service does not say where the home is.
cat >"$T/fail.c" <<'END'
#include <errno.h>
#include <pwd.h>
int getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size, struct passwd **found)
{
	*found = 0;
	return EIO;
}
END
ok "(a name service that fails)" gcc -shared -fPIC -o "$T/fail.so" "$T/fail.c"
answers "a home that nobody names is not one without leases: grant" 3 '' 'subid: alice: where the home is *: Input/output error' \
	env LD_PRELOAD="$T/fail.so" subid grant -c 10 alice/new
answers "list" 3 'alice uid *' 'subid: the home of uid 2001: Input/output error: leases cannot be read' \
	env LD_PRELOAD="$T/fail.so" subid list alice
