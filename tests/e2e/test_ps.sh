#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid ps: a container's processes as the host and as the container see them; and
# containers that do not want root to get through with it.
. "$(dirname "$0")/lib.sh"
plan 55

add_user alice -u 2001 -s /bin/bash
delegate_cgroup alice
add_user bob -u 2002
home=$T/home/alice
# the containers' root walks through it
chmod 755 "$T"
# root's helper lets root map what is bob's
tables $'alice:100000:131072\nbob:300000:65536\nroot:300000:65536'

expect "nothing in a user namespace: nothing" 0 '' '' subid ps
expect "--json of nothing" 0 '{"processes": \[]}' '' subid ps --json
expect "of an owner who has none" 1 '' 'subid: alice: no process in a user namespace' subid ps alice
expect "--root" 2 '' $'subid: ps: --root: an image has no running processes\n*' subid ps --root "$T"

# Two containers of LXC's, of one user, with maps of their own.
lxc_container() { # name first-id
	printf '%s\n' "lxc.idmap = u 0 $2 65536" "lxc.idmap = g 0 $2 65536" 'lxc.net.0.type = empty' >"$T/$1.conf"
	as alice lxc-create -n "$1" -f "$T/$1.conf" -t busybox && as alice lxc-start -n "$1"
}
ok "a container" lxc_container c1 100000
ok "another" lxc_container c2 165536
# both inits have done with mounting, and each waits beside three others
settled() { [ "$(subid ps | awk '{ print $11 }' | sort | uniq -c | awk '{ print $1 $2 }' | paste -sd ' ')" = "2getty 4init 2syslogd" ]; }
ok "which run four processes each" wait_for settled
init=$(as alice lxc-info -n c1 -p -H)
host_side() { # what ps on the host says of the container with this init
	local uid gid pid comm
	ps -eo uid,gid,pid,comm --no-headers | while read -r uid gid pid comm; do
		[ ! "/proc/$pid/ns/user" -ef "/proc/$1/ns/user" ] || echo "$uid $gid $pid $comm"
	done | sort -k 3n
}
expect "all of them" 0 '*' '' subid ps
ps=$out
is "the host's view is what ps says" \
	"$(subid ps --json alice/c1 | jq -r '.processes[] | "\(.host_uid) \(.host_gid) \(.pid) \(.command)"' | sort -k 3n)" \
	"$(host_side "$init")"
inside=$(as alice lxc-attach -n c1 -- ps -o user,pid,comm | awk 'NR > 1 && $3 != "ps" { print $1, $2, $3 }' | sort -k 2n)
is "the container's view is what its ps says" \
	"$(awk '$9 == "c1" { print $3, $7, $11 }' <<<"$ps" | sort -k 2n)" "$inside"
like "init of one" "$ps" "*- 100000 root 0 0 $init 1 alice c1 - init*"
like "init of the other" "$ps" "*- 165536 root 0 0 * 1 alice c2 - init*"
is "eleven words in each line" "$(awk 'NF != 11' <<<"$ps")" ""
is "in the order of a tree: init first" "$(awk '$9 == "c1" { print $7; exit }' <<<"$ps")" 1
is "OWNER/NAME: of one container" "$(subid ps alice/c2 | cut -d ' ' -f 9 | sort -u)" c2
is "OWNER: of both" "$(subid ps alice | cut -d ' ' -f 9 | sort -u | paste -sd ' ')" "c1 c2"
expect "OWNER by uid" 0 "$ps" '' subid ps 2001
expect "not of bob" 1 '' 'subid: bob: no process in a user namespace' subid ps bob
expect "no such container" 1 '' 'subid: alice/c3: no process in a user namespace' subid ps alice/c3
expect "one has, one has not: listed, status 1" 1 "$ps" 'subid: bob: no process *' subid ps alice bob
expect "-q: the answer is the status" 1 '' '*' subid -q ps bob
is "JSON has both sides" "$(subid ps --json alice/c1 | jq -c '.processes[0] | [.host_user, .host_uid, .host_gid, .user, .uid, .gid, .pid_inside, .owner, .creator, .container, .runtime, .command]')" \
	'[null,100000,100000,"root",0,0,1,"alice",2001,"c1","lxc","init"]'
NO_COLOR=1 script -qec "stty cols 200; LC_ALL=C subid ps alice/c1" /dev/null >"$T/terminal" </dev/null
like "headings and a tree on a terminal" "$(tr -d '\r' <"$T/terminal")" \
	$'HOST-USER HOST-UID USER UID GID *PID PID-INSIDE OWNER CONTAINER LEASE COMMAND\n*100000 root*c1 *init\n*c1 *|-syslogd\n*c1 *`-*'
expect "standard output full" 3 '' '*No space left on device' sh -c 'exec subid ps >/dev/full'

# Isolated: a process of one has no hold of the other on the host.
other=$(as alice lxc-info -n c2 -p -H)
as alice lxc-attach -n c1 -- sh -c 'echo mine >/root/mine; chmod 600 /root/mine'
not_ok "root of one cannot signal the other's init" setpriv --reuid 100000 --regid 100000 --clear-groups \
	bash -c "kill -0 $other"
not_ok "nor read the other's files" setpriv --reuid 165536 --regid 165536 --clear-groups \
	cat "$home/.local/share/lxc/c1/rootfs/root/mine"
ok "which its own root reads" setpriv --reuid 100000 --regid 100000 --clear-groups \
	cat "$home/.local/share/lxc/c1/rootfs/root/mine"

# Without root: alice sees what is hers, everybody sees the maps.
like "alice sees her own, names too" "$(as alice subid ps alice)" "*- 100000 root 0 0 $init 1 alice c1 - init*"
run as bob subid ps
like "bob sees numbers" "$out" "*- 100000 - 0 0 $init 1 alice * - init*"
as alice lxc-stop -k -n c2

# A container by hand, so that its files can be anything: its process is a sleep with
# this name inside, and runs as this user.
n=0
hand_made() { # prepare-command... : run with the root directory in $root; $contained is the process
	n=$((n + 1))
	root=$T/root$n
	mkdir -p "$root"/{bin,etc,proc,user}
	cp "$(command -v busybox)" "$root/bin/busybox"
	ln -sf busybox "$root/bin/sleep"
	ln -sf busybox "$root/bin/sh"
	"$@"
	start unshare --user --map-users 300000,0,65536 --map-groups 300000,0,65536 --setuid 33 --setgid 34 --mount \
		--pid --fork --root "$root" sh -c 'exec sleep 1000' 2>>"$T/unshare.log"
	contained=$(contained_of "$started_pid")
}
contained_of() {
	local i child
	for i in {1..200}; do
		child=$(cat "/proc/$1/task/$1/children" 2>/dev/null)
		[ -n "$child" ] && runs "${child% }" sleep && echo "${child% }" && return
		read -rt 0.05 <> <(:)
	done
}
seen() { # what root sees of it, within ten seconds
	out=$(timeout 10 "$PRE/bin/subid" ps --json bob 2>"$T/stderr" | jq -r ".processes[] | select(.pid == $contained) | \"\(.user) \(.uid) \(.gid) \(.owner)\"")
	[ ! -s "$T/stderr" ] || sed 's/^/# /' "$T/stderr"
	echo "$out"
}
gone() { kill -KILL "$contained"; }

passwd() { printf '%s\n' "$@" >"$root/etc/passwd"; }
hand_made passwd 'root:x:0:0::/:' 'web:x:33:33::/:'
is "a name of the container's own" "$(seen)" "web 33 34 bob"
# whoever has become a user must not be traceable by that user for a moment
strace -qqfe trace=setresuid,prctl -o "$T/became" "$PRE/bin/subid" ps bob >/dev/null 2>&1
like "who reads it is not traceable by the container" "$(grep -E 'setresuid|DUMPABLE' "$T/became" | sed 's/^[0-9]* *//' | paste -sd ' ')" \
	'setresuid(300033, 300033, 0) *= 0 prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE) *= 0 setresuid(300033, 300033, 300033) *= 0 prctl(PR_GET_DUMPABLE) *= 0*'
gone
hand_made true
is "no passwd" "$(seen)" "null 33 34 bob"
gone
hand_made passwd 'nobody:x:1:1::/:'
is "no such name in it" "$(seen)" "null 33 34 bob"
gone
fifo() { mkfifo "$root/etc/passwd"; }
hand_made fifo
is "a fifo is not waited for" "$(seen)" "null 33 34 bob"
gone
link() { ln -s "$1" "$root/etc/passwd"; }
echo 'secret:x:33:1::/:' >"$T/secret"
hand_made link "../../../../../../../../../../../../..$T/secret"
is "a link leads nowhere but below" "$(seen)" "null 33 34 bob"
gone
hand_made link "$T/secret"
is "an absolute one, too" "$(seen)" "null 33 34 bob"
gone
proc_link() {
	mount -t proc proc "$root/proc"
	ln -s /proc/1/root/etc/passwd "$root/etc/passwd"
}
hand_made proc_link
is "nor one through /proc" "$(seen)" "null 33 34 bob"
gone
huge() {
	echo 'web:x:33:33::/:' >"$root/etc/passwd"
	truncate -s 1G "$root/etc/passwd"
}
hand_made huge
is "1 GB is not read" "$(seen)" "null 33 34 bob"
gone
hand_made mkdir "$T/root$((n + 1))/etc/passwd"
is "a directory" "$(seen)" "null 33 34 bob"
gone
# what only root can read, mounted where the container's passwd is
shadow() {
	echo 'hash:x:33:0:99999:7:::' >"$T/shadow"
	chmod 600 "$T/shadow"
	: >"$root/etc/passwd"
	mount --bind "$T/shadow" "$root/etc/passwd"
}
hand_made shadow
is "a file that the container cannot read is not read for it" "$(seen)" "null 33 34 bob"
chmod 644 "$T/shadow"
is "but one that it can" "$(seen)" "hash 33 34 bob"
gone
escapes() { printf 'x\e[2J\xff y:x:33:33::/:\n' >"$root/etc/passwd"; }
hand_made escapes
run subid ps bob
like "a name with an escape sequence is escaped" "$out" '*- 300033 x\\x1b\[2J\\xff\\x20y 33 34 *'
not_ok "and is not sent to the terminal" grep -q $'\e' <<<"$out"
NO_COLOR=1 script -qec "stty cols 200; subid ps bob" /dev/null >"$T/terminal" </dev/null
not_ok "nor in the table" grep -q $'\e\\[2J' "$T/terminal"
gone
hand_made passwd '1000:x:33:33::/:'
is "a name that is a number is none" "$(seen)" "null 33 34 bob"
gone
zeros() { head -c 1000000 /dev/zero >"$root/etc/passwd"; }
hand_made zeros
is "zeros" "$(seen)" "null 33 34 bob"
gone
many() { seq -f 'u%.0f:x:%.0f:1::/:' 0 60000 2>/dev/null | head -c 1048000 >"$root/etc/passwd"; }
hand_made many
like "as many names as may be" "$(seen)" "* 33 34 bob"
gone
# a file system that never answers, as a user can make one
hang() {
	start python3 tests/e2e/hang.py "$root/user" "$T/hangs"
	hanging=$started_pid
	wait_for test -e "$T/hangs"
	ln -s /user/passwd "$root/etc/passwd"
}
hand_made hang
is "a file system that never answers" "$(seen)" "null 33 34 bob"
end "$hanging"
gone

# Names of processes, which they choose themselves.
hand_made true
cp /bin/sleep "$T/"$'e\e[2J\nx y' && start "$T/"$'e\e[2J\nx y' 1000
command=$started_pid
start unshare --user --map-users 300000,0,65536 --map-groups 300000,0,65536 --setuid 1 --setgid 1 "$T/"$'e\e[2J\nx y' 1000
wait_for grep -q $'^e' "/proc/$started_pid/comm"
run subid ps bob
like "a command with a newline stays one word" "$out" "*- 300001 *e\\\\x1b\[2J\\\\x0ax\\\\x20y*"
is "eleven words in each line" "$(awk 'NF != 11' <<<"$out")" ""
end "$command"
end "$started_pid"
gone

# A namespace in a container's: still the host's ids, and those of the inner one.
hand_made passwd 'root:x:0:0::/:' 'web:x:33:33::/:'
in_it() { nsenter -t "$contained" --user --setuid 0 --setgid 0 "$@"; }
start in_it unshare --user sleep 1000
nested=$(contained_of "$started_pid")
in_it sh -c "echo 5 0 1 >/proc/$nested/uid_map; echo 6 0 1 >/proc/$nested/gid_map"
is "nested: translated at once" "$(subid ps --json bob | jq -c ".processes[] | select(.pid == $nested) | [.host_uid, .uid, .gid, .owner]")" \
	'[300000,5,6,"bob"]'
kill -KILL "$nested"
gone

# Processes that come and go, and thousands of them.
churn() {
	# shellcheck disable=SC2016 # for the other shell
	exec unshare --user --map-users 300000,0,65536 --map-groups 300000,0,65536 --setuid 0 --setgid 0 \
		sh -c 'while :; do for i in 1 2 3 4 5 6 7 8; do /bin/true & done; wait; done'
}
start churn
churned=$started_pid
fails() {
	local i
	for i in {1..30}; do
		timeout 10 "$PRE/bin/subid" ps >/dev/null 2>>"$T/churn" || return 0
	done
	return 1
}
not_ok "processes that vanish meanwhile are no error" fails
is "and nobody complains" "$(cat "$T/churn")" ""
kill -KILL "$churned"
wait "$churned" 2>/dev/null
many_sleeps() {
	# shellcheck disable=SC2016 # for the other shell
	exec unshare --user --map-users 300000,0,65536 --map-groups 300000,0,65536 --setuid 0 --setgid 0 --pid --fork --kill-child \
		sh -c 'i=0; while [ $i -lt 2000 ]; do sleep 1000 & i=$((i + 1)); done; wait'
}
many_ready() { [ "$(subid ps bob | wc -l)" -ge 2001 ]; }
start many_sleeps
ok "two thousand of them" wait_for many_ready
ok "are listed in two seconds" timeout 2 "$PRE/bin/subid" ps bob
