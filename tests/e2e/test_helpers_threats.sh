#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# More of what the callers of newuidmap and newgidmap may try: descriptors, limits,
# signals, and a /proc that is not what it seems.  SECURITY.md has the list.
[ $$ = 1 ] || exec unshare --pid --fork --kill-child --mount-proc bash "$0"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/attack.sh"
plan $((2 * 46 + 1))
install -d -m 1777 "$T/tmp"

# Calls newuidmap as alice with descriptor 9 made by a line of Python, which has
# $target as pid, and os.
with_descriptor() { # line-that-sets-fd map
	run as alice python3 -c "import os, select, signal, socket, sys
pid = int(sys.argv[2])
$1
if fd != 9:
    os.dup2(fd, 9)
os.set_inheritable(9, True)
os.execv(sys.argv[1], ['newuidmap', 'fd:9'] + sys.argv[3].split())" "$PRE/bin/newuidmap" "$target" "${2-$good}"
}

descriptors() {
	local n line accepted='' wrong=''
	new_target alice
	while read -r line; do
		with_descriptor "$line"
		case $status$out in 1"newuidmap: "*) ;; *) wrong+="$line: $status $out; " ;; esac
	done <<-'END'
		fd = os.pipe()[0]
		fd = os.pipe()[1]
		fd = socket.socket(socket.AF_UNIX).detach()
		fd = os.eventfd(0)
		fd = os.memfd_create("uid_map")
		epoll = select.epoll(); fd = epoll.fileno()
		fd = os.pidfd_open(pid)
		fd = os.open("/dev/null", os.O_RDWR)
		fd = os.open("/dev/zero", os.O_RDWR)
		fd = os.open("/", os.O_PATH)
		fd = os.open("/etc", os.O_PATH)
		fd = os.open("/etc/subuid", os.O_RDONLY)
		fd = os.open("/proc", os.O_PATH)
		fd = os.open("/proc/sys", os.O_PATH)
		fd = os.open("/proc/sys/user", os.O_RDONLY)
		fd = os.open("/proc/1", os.O_PATH)
		fd = os.open(f"/proc/{pid}", os.O_PATH | os.O_NOFOLLOW); os.kill(pid, 0); fd = os.open("ns", os.O_PATH, dir_fd=fd)
		fd = os.open(f"/proc/{pid}/fd", os.O_RDONLY)
		fd = os.open(f"/proc/{pid}/net", os.O_RDONLY)
		fd = os.open(f"/proc/{pid}/attr", os.O_RDONLY)
		fd = os.open(f"/proc/{pid}/map_files", os.O_PATH)
		fd = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
		fd = os.open(f"/proc/{pid}/ns/user", os.O_PATH | os.O_NOFOLLOW)
		fd = os.open(f"/proc/{pid}/uid_map", os.O_RDWR)
		fd = os.open(f"/proc/{pid}/root", os.O_PATH)
		fd = os.open(f"/proc/{pid}/cwd", os.O_PATH)
		fd = os.open(f"/proc/{pid}/exe", os.O_PATH)
		os.mkdir("/tmp/gone-" + str(pid)); fd = os.open("/tmp/gone-" + str(pid), os.O_RDONLY); os.rmdir("/tmp/gone-" + str(pid))
	END
	is "$mode: fd:N of each wrong kind" "${wrong}[$(map_of uid "$target")]" "[]"
	for n in 3 4 5 6 7 8 9 10; do
		run as alice "$PRE/bin/newuidmap" "fd:$n" 0 2001 1
		[ "$status" = 1 ] || accepted+="$n "
	done
	is "$mode: fd:N of the helper's own" "${accepted}[$(map_of uid "$target")]" "[]"
	end "$target"

	new_target bob
	with_descriptor 'fd = os.open(f"/proc/{pid}", os.O_PATH)'
	like "$mode: fd:N of another user's process" "$status [$(map_of uid "$target")] $out" "1 \[\] *different user: uid:2001 *"
	end "$target"
	new_target alice
	with_descriptor 'fd = os.open(f"/proc/{pid}", os.O_RDONLY); os.kill(pid, 9)
try:
	while "Z" not in open(f"/proc/{pid}/status").read().split("State:")[1][:4]: pass
except (FileNotFoundError, ProcessLookupError): pass'
	like "$mode: fd:N of a process that has ended" "$status $out" "1 newuidmap: *"
	end "$target"
	new_target alice
	with_descriptor 'fd = os.open(f"/proc/{pid}", os.O_PATH)'
	is "$mode: (one of the right kind does)" "$(state_of uid) $out" "0 [$good] allow "
	end "$target"
	new_target alice
	with_descriptor 'fd = os.open(f"/proc/{pid}", os.O_PATH)
for n in range(10, 10000):
    try:
        os.set_inheritable(os.dup2(fd, n), True)
    except OSError:
        break'
	is "$mode: with hundreds of descriptors open" "$(state_of uid) $out" "0 [$good] allow "
	end "$target"
}

limits() {
	local n wrong=
	for n in 0 1 2; do
		all_or_nothing "cpu $n" "prlimit --cpu=$n:$n %s"
		all_or_nothing "rttime $n" "prlimit --rttime=$n:$n %s"
		all_or_nothing "memlock $n" "prlimit --memlock=$n %s"
		all_or_nothing "file size $n" "prlimit --fsize=$n %s"
		all_or_nothing "locks $n" "prlimit --locks=$n %s"
	done
	all_or_nothing "all at once" "prlimit --cpu=1 --fsize=0 --core=0 --memlock=0 --nofile=8 --stack=131072 --as=8000000 %s"
	is "$mode: more tiny limits: all or nothing" "$wrong" ""
	unmoved "an unlimited stack and no random addresses" "setarch -R prlimit --stack=unlimited %s"
	unmoved "an environment of a megabyte" \
		"for n in {1..10}; do export v\$n=\$(head -c 100000 /dev/zero | tr '\\\\0' x); done; %s"
	unmoved "an umask of 0" "umask 0; %s"
	[ "$mode" = caps ] || is "$mode: the counts of refusals are root's whatever the umask" \
		"$(rm -f /run/subid-refusals; hostile "$evil" "umask 0; %s"; stat -c '%a %u' /run/subid-refusals)" "600 0"
	unmoved "the least priority" "nice -n 19 ionice -c 3 chrt --idle 0 %s"
	unmoved "to be killed first" "echo 1000 >/proc/self/oom_score_adj; %s"
}

# Timers outlive execve(2), like what is blocked, ignored and pending.
signals() {
	local n after wrong=
	cat >"$T/tmp/storm.py" <<-'END'
		import os, signal, sys
		signal.signal(signal.SIGALRM, signal.SIG_IGN)
		signal.setitimer(signal.ITIMER_REAL, 0.00005, 0.00005)
		if sys.argv[1] == "block":
		    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
		    for n in range(1, 32):
		        if n not in (signal.SIGKILL, signal.SIGSTOP):
		            os.kill(os.getpid(), n)
		os.execv(sys.argv[2], sys.argv[2:])
	END
	unmoved "a timer that fires all the time, ignored" "python3 $T/tmp/storm.py ignore %s"
	unmoved "every signal blocked and pending" "python3 $T/tmp/storm.py block %s"
	unmoved "stopped and continued all the time" \
		"%s & while kill -STOP \$! && kill -CONT \$!; do :; done 2>/dev/null; wait \$!"
	for n in HUP INT QUIT ALRM TERM USR1 XCPU KILL; do
		for after in 0.0001 0.0005 0.001 0.002; do
			hostile "$good" "set -m; %s & p=\$!; read -rt $after <> <(:); kill -$n \$p; wait \$p"
			case $state in *" [] allow" | *" [$good] allow") ;; *) wrong+="$n: $state; " ;; esac
			hostile "$evil" "set -m; %s & p=\$!; read -rt $after <> <(:); kill -$n \$p; wait \$p"
			case $state in [1-9]*" [] allow") ;; *) wrong+="$n: $state; " ;; esac
		done
	done
	is "$mode: ended by its caller: all or nothing" "$wrong" ""
}

# A user stops his helper wherever he likes.
stopped() {
	local first map
	new_target alice
	map=$target
	if [ "$mode" = setuid ]; then
		# shellcheck disable=SC2086
		stop_at fallocate 1 alice "$PRE/bin/newuidmap" "$map" $evil
	else
		# shellcheck disable=SC2086
		stop_at socket 1 alice "$PRE/bin/newuidmap" "$map" $evil
	fi
	first=$tracer
	new_target bob
	run as bob timeout 10 "$PRE/bin/newuidmap" "$target" 0 100000 1
	like "$mode: one that is stopped while it counts keeps nobody waiting" "$status $out" "1 newuidmap: uid range * not allowed*"
	end "$target"
	tracer=$first
	go_on
	is "$mode: and is no less strict then" "$status [$(map_of uid "$map")]" "1 []"
	end "$map"

	# what becomes of the target between check and write
	start become alice python3 -c 'import ctypes, signal, time
libc = ctypes.CDLL(None)
def hide(*_):
    libc.prctl(4, 0, 0, 0, 0)
    libc.prctl(15, b"hidden")
signal.signal(signal.SIGUSR1, hide)
libc.unshare(0x10000000)
libc.prctl(15, b"ready")
while True:
    time.sleep(1000)'
	target=$started_pid
	wait_for runs "$target" ready
	# shellcheck disable=SC2086
	stop_at_capset 3 alice "$PRE/bin/newuidmap" "$target" $good
	kill -USR1 "$target"
	wait_for runs "$target" hidden
	go_on
	like "$mode: a target that hides between check and write" "$(state_of uid) $(cat "$T/said")" \
		"1 \[\] allow newuidmap: *not dumpable*"
	end "$target"
	new_target alice
	# shellcheck disable=SC2086
	stop_at_capset 3 alice "$PRE/bin/newuidmap" "$target" $good
	as alice sh -c "echo '0 2001 1' >/proc/$target/uid_map"
	go_on
	like "$mode: a map that the target gets meanwhile stays" "$(state_of uid) $(cat "$T/said")" \
		"1 \[$mine\] allow newuidmap: write to uid_map failed: it is written already*"
	end "$target"
	new_target alice
	# shellcheck disable=SC2086
	stop_at_capset 3 alice "$PRE/bin/newuidmap" "$target" $good
	echo bob:100000:65536 >/etc/subuid
	go_on
	is "$mode: the table is read once" "$(state_of uid)" "0 [$good] allow"
	printf '%s\n' alice:100000:65536 bob:200000:65536 root:300000:65536 >/etc/subuid
	end "$target"
}

# What the helper could let out.
leaks() {
	local map
	new_target alice
	map=$target
	# shellcheck disable=SC2086
	stop_at_capset 3 alice prlimit --core=unlimited sh -c "cd $T/tmp; exec $PRE/bin/newuidmap $map $good"
	is "$mode: its memory is root's: no core" "$(stat -c '%u %g' "/proc/$helper/mem")" "0 0"
	run as alice sh -c "cat /proc/$helper/environ /proc/$helper/maps /proc/$helper/stack"
	like "$mode: nor anything of it" "$status $out" "1 *environ: Permission denied*maps: Permission denied*"
	run as alice sh -c "cat /proc/$helper/fd/3; echo x >/proc/$helper/fd/3; ls /proc/$helper/fd"
	is "$mode: nor its descriptors" "$(grep -vc denied <<<"$out")" 0
	kill -SEGV "$helper"
	go_on
	is "$mode: a crash leaves no file" "$(find "$T/tmp" -name '*core*')" ""
	end "$map"

	chmod 600 /etc/login.defs
	echo 'subid: zzsecret' >>/etc/nsswitch.conf
	chmod 600 /etc/nsswitch.conf
	hostile "$good" "%s"
	like "$mode: a file that the caller may not read is not told" "$state ${out//zzsecret/LEAK}" \
		"1 \[\] allow newuidmap: *: Permission denied"
	not_ok "$mode: in no way" grep -q zzsecret <<<"$out"
	sed -i '/zzsecret/d' /etc/nsswitch.conf
	chmod 644 /etc/nsswitch.conf /etc/login.defs
	chmod 600 /etc/passwd
	hostile "$good" "%s"
	like "$mode: nor the accounts, without which nothing is given" "$state $out" \
		"1 \[\] allow newuidmap: Cannot determine your user name: *"
	chmod 644 /etc/passwd
}

# Calls newuidmap as alice where /proc is another; the commands run as root before.
elsewhere() { # setup helper-argument...
	local setup=$1
	shift
	run unshare --mount --propagation private bash -c "$setup
		shift
		exec setpriv --reuid 2001 --regid 2001 --clear-groups \"\$@\"" bash x "$PRE/bin/newuidmap" "$@"
}

procfs() {
	local outer
	new_target alice
	install -d -o alice "$T/fake/$target" "$T/proc"
	: >"$T/fake/$target/uid_map"
	chown -R alice: "$T/fake"
	# shellcheck disable=SC2086
	elsewhere "mount --bind $T/fake /proc" "$target" $good
	is "$mode: a /proc that is none" "$status $out [$(map_of uid "$target")$(cat "$T/fake/$target/uid_map")]" \
		"1 newuidmap: $target: not a directory /proc/PID []"
	# shellcheck disable=SC2086
	elsewhere "umount -l /proc" "$target" $good
	like "$mode: no /proc" "$status $out [$(map_of uid "$target")]" "1 newuidmap: Could not open proc directory for target * \[\]"
	# shellcheck disable=SC2086
	elsewhere "exec 9</proc/$target; mount --bind $T/fake /proc" fd:9 $good
	like "$mode: fd:N, and a /proc that is none" "$status $out [$(map_of uid "$target")]" "1 newuidmap: fd:9: not a directory /proc/PID \[\]"
	# shellcheck disable=SC2086
	elsewhere "mount -t proc x $T/proc; exec 9<$T/proc/$target; umount -l $T/proc" fd:9 $good
	like "$mode: fd:N of another instance of /proc" "$status $out [$(map_of uid "$target")]" \
		"1 newuidmap: fd:9: not a directory /proc/PID \[\]"
	# shellcheck disable=SC2086
	elsewhere "mount --bind /proc/$target $T/proc; exec 9<$T/proc" fd:9 $good
	is "$mode: fd:N of a mount of the very directory" "$(state_of uid) $out" "0 [$good] allow "
	end "$target"

	# another's process in the place of one's own, by root's hand: what counts is whose it is
	new_target bob
	outer=$target
	new_target alice
	# shellcheck disable=SC2086
	elsewhere "mount --bind /proc/$outer /proc/$target" "$target" $good
	like "$mode: another's process mounted over one's own" \
		"$status $out [$(map_of uid "$target")$(map_of uid "$outer")]" "1 *different user: * st_uid:2002* \[\]"
	end "$outer"
	end "$target"

	new_target alice
	# shellcheck disable=SC2086
	elsewhere "mount -t proc -o hidepid=invisible x /proc" "$target" $good
	is "$mode: hidepid: the own process" "$(state_of uid) $out" "0 [$good] allow "
	end "$target"
	new_target bob
	# shellcheck disable=SC2086
	elsewhere "mount -t proc -o hidepid=invisible x /proc" "$target" $good
	like "$mode: hidepid: another's is not there" "$status $out" "1 newuidmap: Could not * directory for target *: No such file or directory"
	end "$target"
	new_target alice
	# shellcheck disable=SC2086
	elsewhere "mount -t proc -o hidepid=ptraceable,subset=pid x /proc" "$target" $good
	like "$mode: hidepid=ptraceable and subset=pid: all or nothing" "$(state_of uid)" "[01] \[*\] allow"
	end "$target"
}

namespaces() {
	local outer
	# a new pid and a new user namespace at once
	start become alice unshare --user --pid --fork --kill-child sleep infinity
	outer=$started_pid
	wait_for pgrep -P "$outer" -x sleep
	target=$(pgrep -P "$outer" -x sleep)
	# shellcheck disable=SC2086
	run as alice "$PRE/bin/newuidmap" "$target" $good
	is "$mode: a target in another pid namespace" "$(state_of uid) $out" "0 [$good] allow "
	end "$outer"
	start become alice unshare --user --mount --pid --fork --kill-child sh -c "mkdir -p $T/tmp/p; exec sleep infinity"
	outer=$started_pid
	wait_for pgrep -P "$outer" -x sleep
	target=$(pgrep -P "$outer" -x sleep)
	# shellcheck disable=SC2086
	run as alice "$PRE/bin/newuidmap" "$target" $good
	is "$mode: a target in another mount namespace" "$(state_of uid) $out" "0 [$good] allow "
	end "$outer"

	# alice in a pid namespace whose /proc is the one outside: her 2 is not that 2
	# shellcheck disable=SC2016 # for the inner shell
	run unshare --pid --fork --kill-child setpriv --reuid 2001 --regid 2001 --clear-groups bash -c '
		unshare --user sleep infinity & pid=$!
		"$1" $pid 0 100000 10; echo "$pid $?"; kill $pid' bash "$PRE/bin/newuidmap"
	like "$mode: a pid of one namespace, a /proc of another" "$out" "newuidmap: *
[0-9] 1"
	# and with its own: all is well
	# shellcheck disable=SC2016 # for the inner shell
	run unshare --pid --fork --kill-child --mount-proc setpriv --reuid 2001 --regid 2001 --clear-groups bash -c '
		unshare --user sleep infinity & pid=$!
		until [ "$(cat /proc/$pid/comm)" = sleep ]; do :; done
		"$1" $pid 0 100000 10; echo "$? $(cat /proc/$pid/uid_map)"; kill $pid' bash "$PRE/bin/newuidmap"
	like "$mode: both of the same" "$out" "0 *0     100000         10"

	# root of a container of hers, who has the line of root in the table
	# shellcheck disable=SC2016
	run as alice unshare --map-users=100000,0,65536 --map-groups=100000,0,65536 --setuid 0 --setgid 0 bash -c '
		unshare --user sleep infinity & pid=$!
		until [ "$(cat /proc/$pid/comm)" = sleep ]; do :; done
		"$1" $pid 0 300000 1; echo "$? [$(cat /proc/$pid/uid_map)]"
		"$1" $pid 0 200000 1; echo "$? [$(cat /proc/$pid/uid_map)]"; kill $pid' bash "$PRE/bin/newuidmap"
	like "$mode: root of a container has no line of the host" "$out" "newuidmap: *
1 \[\]
newuidmap: *
1 \[\]"
}

# Ways to run it that are not its own.
started_oddly() {
	hostile "$good" "\$(readelf -l $PRE/bin/newuidmap | sed -n 's/.*interpreter: \\\\(.*\\\\)\\\\]/\\\\1/p') %s"
	like "$mode: run by the loader it has no privilege" "$state $out" "1 \[\] allow newuidmap: *this program has lost its setuid bit*"
	mkdir -p "$T/noexec"
	mount --bind "$PRE/bin" "$T/noexec"
	mount -o remount,bind,noexec "$T/noexec"
	new_target alice
	# shellcheck disable=SC2086
	run as alice "$T/noexec/newuidmap" "$target" $good
	like "$mode: nor on a noexec mount" "$([ "$status" = 0 ] || echo no) [$(map_of uid "$target")]" "no \[\]"
	end "$target"
	umount "$T/noexec"
	new_target alice
	printf '#!%s/bin/newuidmap %s 0 200000 1\n' "$PRE" "$target" >"$T/tmp/script"
	chmod 755 "$T/tmp/script"
	run as alice "$T/tmp/script"
	like "$mode: as the interpreter of a script" "$(state_of uid) $out" "1 \[\] allow usage: newuidmap*"
	end "$target"
	ln -s "$PRE/bin/newuidmap" "$T/tmp/newgidmap"
	new_target alice
	# shellcheck disable=SC2086
	run as alice "$T/tmp/newgidmap" "$target" $evil
	like "$mode: by a link of the caller's own" "$(state_of uid) $out" "1 \[\] allow newuidmap: uid range * not allowed*"
	end "$target"
	rm -f "$T/tmp/script" "$T/tmp/newgidmap"
}

for mode in setuid caps; do
	install_programs HELPER_PRIVILEGE=$mode
	descriptors
	limits
	signals
	stopped
	leaks
	procfs
	namespaces
	started_oddly
done
