#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# newuidmap and newgidmap as their callers' adversary: the rules at the head of
# tools/newidmap/newidmap.c, with the helpers setuid root and with file capabilities.
#
# In a pid namespace of its own, where a pid can be made to come again.
[ $$ = 1 ] || exec unshare --pid --fork --kill-child --mount-proc bash "$0"
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/attack.sh"
plan $((2 * 49 + 7))

privilege() {
	sed -n -E 's/^(Uid|Gid|Cap(Inh|Prm|Eff|Amb)):\t(.*)/\3/p' "/proc/$helper/status" | tr '\t' ' ' | paste -sd, |
		sed 's/0000000000000000/-/g; s/00000000\([0-9a-f]\{8\}\)/\1/g'
}

# Rule 1.
capabilities() {
	local all_uid=80000080 all_gid=80000040 ids="2001 2001 2001 2001,2001 2001 2001 2001"
	[ "$mode" = setuid ] || all_uid=00000080 all_gid=00000040
	new_target alice
	# shellcheck disable=SC2086 # words are meant
	stop_at_capset 1 alice "$PRE/bin/newuidmap" "$target" $good
	is "$mode: the first thing is to give up privilege: uid" "$(privilege)" "$ids,-,$all_uid,-,-"
	is "$mode: and no map is written then" "$(map_of uid "$target")" ""
	go_on
	is "$mode: then it is written" "$(state_of uid)" "0 [$good] allow"
	# shellcheck disable=SC2086
	stop_at_capset 1 alice "$PRE/bin/newgidmap" "$target" $good
	is "$mode: the first thing is to give up privilege: gid" "$(privilege)" "$ids,-,$all_gid,-,-"
	go_on
	end "$target"
	new_target alice
	# shellcheck disable=SC2086
	stop_at_capset 2 alice "$PRE/bin/newuidmap" "$target" $good
	is "$mode: only what the map needs is kept" "$(privilege)" "$ids,-,00000080,-,-"
	go_on
	end "$target"
	new_target alice
	# shellcheck disable=SC2086
	stop_at_capset 3 alice "$PRE/bin/newuidmap" "$target" $good
	is "$mode: one capability writes: uid" "$(privilege)" "$ids,-,00000080,00000080,-"
	go_on
	# shellcheck disable=SC2086
	stop_at_capset 3 alice "$PRE/bin/newgidmap" "$target" $good
	is "$mode: one capability writes: gid" "$(privilege)" "$ids,-,00000040,00000040,-"
	go_on
	end "$target"
	new_target root
	stop_at_capset 3 root "$PRE/bin/newuidmap" "$target" 0 0 1
	is "$mode: id 0 takes a second one" "$(privilege)" "0 0 0 0,0 0 0 0,-,80000080,80000080,-"
	go_on
	end "$target"
	new_target alice
	# shellcheck disable=SC2086
	run strace -qq -o "$T/trace" -u alice "$PRE/bin/newuidmap" "$target" $good
	counts='openat(AT_FDCWD, "/run/subid-refusals", O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC, 0600) = 3'
	[ "$mode" = setuid ] || counts=
	is "$mode: before that, the loader alone opens files, but for the counts of refusals" \
		"$(sed '/^capset/q' "$T/trace" | grep -E '^[a-z0-9]*(open|stat|access|link)[a-z0-9]*\(' |
			grep -vE 'AT_EMPTY_PATH|^fstat\([0-9]|"(/etc/ld\.so\.|/etc/suid-debug|/lib/|/usr/lib/)')" "$counts"
	is "$mode: and between the target and its map nothing asks by pid again" \
		"$(grep -c "\"/proc/$target" "$T/trace") $(grep -cE '^(setns|chdir|execve|fork|clone)' "$T/trace")" "1 1"
	end "$target"
	new_target alice
	# shellcheck disable=SC2086
	run strace -qq -o "$T/trace" -u alice "$PRE/bin/newuidmap" "$target" $evil
	is "$mode: a refusal is one write, which LXC can quote" "$(grep -c '^write(2,' "$T/trace")" 1
	not_ok "$mode: and raises nothing" grep -E 'capset.*effective=1' "$T/trace"
	end "$target"
}

# Rule 2.
recycled_pid() {
	local old
	new_target alice
	old=$target
	# shellcheck disable=SC2086
	stop_at_capset 3 alice "$PRE/bin/newuidmap" "$old" $good
	end "$old"
	go_on
	is "$mode: a process that ends before its map is written" "$status $(cat "$T/said")" \
		"1 newuidmap: write to uid_map failed: the process has ended"
	new_target alice
	old=$target
	# shellcheck disable=SC2086
	stop_at_capset 3 alice "$PRE/bin/newuidmap" "$old" $good
	end "$old"
	echo $((old - 1)) >/proc/sys/kernel/ns_last_pid
	new_target alice
	is "$mode: the pid comes again" "$target" "$old"
	go_on
	is "$mode: but not its map" "$(state_of uid) $(cat "$T/said")" \
		"1 [] allow newuidmap: write to uid_map failed: the process has ended"
	end "$target"
	new_target alice
	old=$target
	# shellcheck disable=SC2086
	stop_at_capset 3 alice "$PRE/bin/newgidmap" "$old" $mine
	end "$old"
	echo $((old - 1)) >/proc/sys/kernel/ns_last_pid
	new_target alice
	go_on
	is "$mode: nor its gid_map" "$target $(state_of gid)" "$old 1 [] allow"
	end "$target"
}

# Rule 3 and the kernel's part of it.
targets() {
	start become alice python3 -c 'import ctypes, time
libc = ctypes.CDLL(None)
libc.unshare(0x10000000)
libc.prctl(4, 0, 0, 0, 0)
libc.prctl(15, b"hidden")
time.sleep(1000)'
	target=$started_pid
	wait_for runs "$target" hidden
	# shellcheck disable=SC2086
	run as alice "$PRE/bin/newuidmap" "$target" $good
	like "$mode: a process that is not dumpable" "$(state_of uid) $out" "1 \[\] allow newuidmap: *not dumpable*"
	end "$target"

	start become alice unshare --map-current-user unshare --user sleep infinity
	target=$started_pid
	wait_for runs "$target" sleep
	# shellcheck disable=SC2086
	run as alice "$PRE/bin/newuidmap" "$target" $good
	like "$mode: a namespace within a namespace" "$(state_of uid) $out" \
		"1 \[\] deny newuidmap: *not in a user namespace that you made from this one"
	end "$target"

	# alice's process, brought by root into bob's namespace
	new_target bob
	local bobs=$target
	echo "0 2001 1" >"/proc/$bobs/uid_map"
	start python3 -c 'import ctypes, os, sys, time
libc = ctypes.CDLL(None)
os.setgroups([])
os.setresgid(2001, 2001, 2001)
libc.setns(os.open(sys.argv[1], os.O_RDONLY), 0x10000000)
os.setresuid(0, 0, 0)
libc.prctl(15, b"guest")
time.sleep(1000)' "/proc/$bobs/ns/user"
	target=$started_pid
	wait_for runs "$target" guest
	run as alice "$PRE/bin/newgidmap" "$target" 0 100000 10
	like "$mode: alice's process in bob's namespace" "$(stat -c %u:%g "/proc/$target") $(state_of gid) $out" \
		"2001:2001 1 \[\] allow newgidmap: write to gid_map failed: *"
	# shellcheck disable=SC2086
	run as alice "$PRE/bin/newgidmap" "$target" $mine
	like "$mode: and the own gid" "$(state_of gid) $out" "1 \[\] allow newgidmap: write to gid_map failed: *"
	end "$target"
	end "$bobs"

	# shellcheck disable=SC2086
	run as alice sh -c "$PRE/bin/newuidmap \$\$ $good; exit"
	like "$mode: a process in the first namespace" "$out" "*uid_map failed: it is written already*"

	# as root of a namespace of her own, by root's line of the table
	# shellcheck disable=SC2016 # for the inner shell
	run as alice unshare --map-root-user bash -c '
		unshare --user sleep infinity & pid=$!
		until [ "$(cat /proc/$pid/comm)" = sleep ]; do :; done
		"$1" $pid 0 300000 1; echo "$? [$(cat /proc/$pid/uid_map)]"; kill $pid' bash "$PRE/bin/newuidmap"
	like "$mode: as root of her own namespace" "$out" "newuidmap: *
1 \[\]"
}

# The helper waits in a write to a pipe that alice keeps full.
while_it_waits() {
	mkfifo -m 666 "$T/pipe"
	exec 8<>"$T/pipe"
	head -c 65536 /dev/zero >&8
	new_target alice
	local map=$target
	# shellcheck disable=SC2086
	start become alice "$PRE/bin/newuidmap" "$map" $evil 2>&8
	helper=$started_pid
	wait_for grep -q '^1 0x2 ' "/proc/$helper/syscall"
	is "$mode: it waits without privilege in effect" "$(privilege | cut -d, -f 5)" "-"
	run as alice strace -o /dev/null -p "$helper"
	like "$mode: it cannot be traced" "$status $out" "1 *Operation not permitted*"
	run as alice python3 -c 'import ctypes, os, sys
pid = int(sys.argv[1])
for name in "mem", "environ", "maps", "auxv", "fd/4", "fd/5", "cwd":
    try:
        os.close(os.open(f"/proc/{pid}/{name}", os.O_RDONLY))
        print("open", name)
    except OSError:
        pass
libc = ctypes.CDLL(None, use_errno=True)
pidfd = os.pidfd_open(pid)
for fd in range(10):
    if libc.syscall(438, pidfd, fd, 0) >= 0:
        print("got descriptor", fd)
buffer = ctypes.create_string_buffer(8)
class iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
local = iovec(ctypes.cast(buffer, ctypes.c_void_p), 8)
if libc.process_vm_readv(pid, ctypes.byref(local), 1, ctypes.byref(iovec(0x400000, 8)), 1, 0) >= 0 \
        or ctypes.get_errno() != 1:
    print("read memory")
print("done")' "$helper"
	is "$mode: nor looked into" "$out" "done"
	head -c 65536 <&8 >/dev/null
	wait "$helper"
	status=$?
	is "$mode: and ends as it should" "$status [$(map_of uid "$map")]" "1 []"
	exec 8>&-
	rm "$T/pipe"
	end "$map"
}

# The state of the process that calls.
environment() {
	local n wrong
	cat >"$T/evil.c" <<-END
		#include <fcntl.h>
		#include <unistd.h>
		__attribute__((constructor)) static void start(void) { (void)creat("$T/tmp/loaded", 0666); }
		unsigned int la_version(unsigned int v) { start(); return v; }
		unsigned int getuid(void) { return 0; }
	END
	install -d -m 1777 "$T/tmp"
	gcc -shared -fPIC -o "$T/evil.so" "$T/evil.c"
	unmoved "LD_PRELOAD and LD_AUDIT" "LD_PRELOAD=$T/evil.so LD_AUDIT=$T/evil.so LD_LIBRARY_PATH=$T %s"
	ok "$mode: nothing of the caller's is loaded" test ! -e "$T/tmp/loaded"
	as alice env LD_PRELOAD="$T/evil.so" true
	ok "$mode: (which would be, elsewhere)" test -e "$T/tmp/loaded"
	rm -f "$T/tmp/loaded"
	unmoved "a hostile locale and the like" "LC_ALL=../../../tmp LANGUAGE=%%n LOCPATH=$T GCONV_PATH=$T NLSPATH=$T/%%N \
TZ=/dev/zero TMPDIR=/ IFS=0 POSIXLY_CORRECT=1 GLIBC_TUNABLES=glibc.malloc.perturb=255 MALLOC_PERTURB_=1 %s"
	unmoved "a working directory that is gone, and umask 777" "mkdir $T/tmp/gone; cd $T/tmp/gone; rmdir $T/tmp/gone; umask 777; %s"
	unmoved "a working directory with tables in it" "mkdir -p $T/tmp/x/etc; cd $T/tmp/x; \
echo alice:200000:65536 | tee etc/subuid >subuid; %s"
	unmoved "all signals ignored" "trap '' HUP INT QUIT USR1 USR2 PIPE ALRM TERM CHLD XFSZ; %s"
	case $BUILD in
	*coverage*) skip 1 "the instrumented helper writes files of its own" ;;
	*) unmoved "no file may grow" "ulimit -f 0; %s" ;;
	esac
	wrong=
	for n in "0<&-" "1>&-" "2>&-" "0<&- 1>&-" "1>&- 2>&-" "0<&- 2>&-" "0<&- 1>&- 2>&-"; do
		hostile "$good" "exec %s $n"
		[ "$state" = "0 [$good] allow" ] || wrong+="$n: $state; "
		hostile "$evil" "exec %s $n"
		[ "$state" = "1 [] allow" ] || wrong+="$n: $state; "
	done
	is "$mode: descriptors 0 to 2 closed" "$wrong" ""
	wrong=
	for n in 0 1 2 3 4 5 6 7 8; do all_or_nothing "$n descriptors" "prlimit --nofile=$n %s"; done
	for n in 1 2 2100 2200 2300 2400 2500 2600 2700 3000 4000; do
		all_or_nothing "$n kB of memory" "prlimit --as=${n}000 %s"
	done
	for n in 1 8 16 24 32 64 128; do all_or_nothing "$n kB of stack" "prlimit --stack=$((n * 1024)) %s"; done
	for n in 0 1; do
		all_or_nothing "$n processes" "prlimit --nproc=$n %s"
		all_or_nothing "$n pending signals" "prlimit --sigpending=$n %s"
		all_or_nothing "$n kB of data" "prlimit --data=${n}000 %s"
	done
	is "$mode: tiny limits: all or nothing" "$wrong" ""
}

argv() {
	new_target alice
	run as alice python3 -c 'import ctypes, sys
argv = (ctypes.c_char_p * 1)(None)
ctypes.CDLL(None).execve(sys.argv[1].encode(), argv, argv)' "$PRE/bin/newuidmap"
	like "$mode: no argv[0]" "$status $out" "1 usage: newuidmap *"
	# shellcheck disable=SC2046
	run as alice "$PRE/bin/newuidmap" "$target" $(yes 1 | head -n 150000)
	like "$mode: 150000 arguments" "$status $out" "1 newuidmap: 50000 map lines, but*"
	run as alice "$PRE/bin/newuidmap" "$target" "$(yes 1 | head -n 100000 | tr -d '\n')" 1 1
	is "$mode: a long number" "$status $out" \
		"1 newuidmap: '$(yes 1 | head -n 40 | tr -d '\n')': not a decimal number from 0 to 4294967295"
	run as alice "$PRE/bin/newuidmap" '%n%s%n' 1 1 1
	like "$mode: a format" "$status $out" "1 newuidmap: '%n%s%n': not a process id"
	is "$mode: none of these has written a map" "$(map_of uid "$target")" ""
	end "$target"
}

# The same program by other ways.
other_ways() {
	unmoved "another name in argv[0]" "exec -a newgidmap %s"
	ln "$PRE/bin/newuidmap" "$PRE/bin/hard"
	ln -s newuidmap "$PRE/bin/newgidmap.link"
	new_target alice
	# shellcheck disable=SC2086
	run as alice "$PRE/bin/newgidmap.link" "$target" $good
	is "$mode: a symbolic link, renamed, still writes the uid_map" "$(state_of uid)$(map_of gid "$target")" "0 [$good] allow"
	end "$target"
	new_target alice
	# shellcheck disable=SC2086
	run as alice "$PRE/bin/hard" "$target" $evil
	like "$mode: a hard link is as strict" "$(state_of uid) $out" "1 \[\] allow newuidmap: uid range * not allowed*"
	rm "$PRE/bin/hard" "$PRE/bin/newgidmap.link"
	hostile "$good" "setpriv --no-new-privs %s"
	like "$mode: no_new_privs" "$state $out" "1 \[\] allow newuidmap: *no_new_privs is set*"
	hostile "$good" "cp $PRE/bin/newuidmap $T/tmp/copy; set -- %s; shift; $T/tmp/copy \"\$@\""
	like "$mode: a copy has no privilege" "$state $out" "1 \[\] allow newuidmap: *has lost its setuid bit or file capability*"
	rm -f "$T/tmp/copy"
	hostile "$good" "strace -qq -o /dev/null %s"
	like "$mode: nor one that its caller traces" "$state $out" "1 \[\] allow newuidmap: *this program is traced*"
	mkdir -p "$T/nosuid"
	mount --bind "$PRE/bin" "$T/nosuid"
	mount -o remount,bind,nosuid "$T/nosuid"
	new_target alice
	# shellcheck disable=SC2086
	run as alice "$T/nosuid/newuidmap" "$target" $good
	like "$mode: nor one on a nosuid mount" "$(state_of uid) $out" "1 \[\] allow newuidmap: *on a nosuid file system"
	# shellcheck disable=SC2086
	run as alice "$T/nosuid/newuidmap" "$target" $mine
	is "$mode: but the own uid needs none" "$(state_of uid)" "0 [$mine] allow"
	end "$target"
	umount "$T/nosuid"
}

# Every system call behind the loader's fails, or kills, in turn; the map is the
# right one or none, and a map of the own gid alone comes with setgroups denied.
sweep() { # name helper map how wanted-when-done
	local name=$1 kind=gid n total first call state tried=0
	[ "$2" = newgidmap ] || kind=uid
	wrong=
	new_target alice
	# shellcheck disable=SC2086
	strace -qq -o "$T/calls" -u alice "$PRE/bin/$2" "$target" $3 2>/dev/null
	end "$target"
	new_target alice
	while read -r call total; do
		first=$(sed '/^getuid/q' "$T/calls" | grep -c "^$call(")
		for ((n = first + 1; n <= total; n++)); do
			tried=$((tried + 1))
			# shellcheck disable=SC2086
			run strace -qq -o /dev/null -u alice -e "inject=$call:$4:when=$n" "$PRE/bin/$2" "$target" $3
			state=$(state_of "$kind")
			case $state in
			"$5") ;;
			[1-9]*" [] allow") continue ;;
			# the map is written, or setgroups denied, and something has failed behind that
			[1-9]*"${5#0}" | [1-9]*" [] ${5##* }") ;;
			*) wrong+="$call $n: $state; " ;;
			esac
			end "$target"
			new_target alice
		done
	done < <(sed 's/(.*//' "$T/calls" | grep -vE '^(execve|exit_group)$' | sort | uniq -c | awk '{ print $2, $1 }')
	end "$target"
	[ "$tried" -gt 30 ] || wrong+="only $tried calls"
	is "$name" "$wrong" ""
}

for mode in setuid caps; do
	install_programs HELPER_PRIVILEGE=$mode
	capabilities
	recycled_pid
	targets
	while_it_waits
	environment
	argv
	other_ways
done

sweep "each call fails with ENOENT: the own gid" newgidmap "$mine" error=ENOENT "0 [$mine] deny"
sweep "each call fails with EPERM: the own gid" newgidmap "$mine" error=EPERM "0 [$mine] deny"
sweep "each call kills: the own gid" newgidmap "$mine" signal=KILL "0 [$mine] deny"
sweep "each call fails with ENOENT: a map that is allowed" newuidmap "$good" error=ENOENT "0 [$good] allow"
sweep "each call fails with ENOENT: one that is not" newuidmap "$evil" error=ENOENT "1 [] allow"
sweep "each call kills: a map that is allowed" newuidmap "$good" signal=KILL "0 [$good] allow"
sweep "each call is interrupted: a map that is allowed" newuidmap "$good" error=EINTR "0 [$good] allow"
