#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid grant --login sets back what it has from its host, before it takes a lock: it is
# looked at while it waits for one.
. "$(dirname "$0")/lib.sh"
plan 37

rm -rf /etc/subid.conf /etc/subid.conf.d
sed -i '/^\(UID_M\|SUB_\)/d' /etc/login.defs
for user in alice bob; do add_user "$user"; done
version=$(sed -n 's/^VERSION = //p' Makefile)
tables ""
login() { subid grant "--login=$1" "version=$version" "${@:2}"; }
status() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$started_pid/status"; }

# --- all that a host can have ------------------------------------------------------------

hold_lock
holder=$started_pid
cat >"$T/odd.py" <<'END'
import os, resource, signal, sys, ctypes
libc = ctypes.CDLL(None, use_errno=True)
for s in range(1, 32):
    if s not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(s, signal.SIG_IGN)
ignore = (ctypes.c_ulong * 4)(1)  # the kernel's struct sigaction with SIG_IGN
for s in range(32, 65):
    libc.syscall(13, s, ignore, None, 8)  # rt_sigaction, on x86-64
signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
os.umask(0o777)
os.chdir("/tmp")
os.setgroups([1, 2, 3])
os.nice(15)
os.sched_setaffinity(0, {0})
os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
libc.syscall(251, 1, 0, 3 << 13)  # ioprio_set: idle, on x86-64
libc.personality(0x0040000)  # ADDR_NO_RANDOMIZE
open("/proc/self/oom_score_adj", "w").write("900")
for limit in (resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_DATA, resource.RLIMIT_AS):
    resource.setrlimit(limit, (1 << 30, resource.RLIM_INFINITY))
resource.setrlimit(resource.RLIMIT_NOFILE, (20, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
resource.setrlimit(resource.RLIMIT_CORE, (4096, resource.getrlimit(resource.RLIMIT_CORE)[1]))
os.open("/etc/passwd", os.O_RDONLY)
os.setresgid(100, 100, 100)
open("/proc/self/loginuid", "w").write(sys.argv[1])
os.execv(sys.argv[2], sys.argv[2:])
END
start python3 "$T/odd.py" "$(id -u bob)" "$PRE/bin/subid" grant --login=alice "version=$version" timeout=60 >"$T/answer"
helper=$started_pid
wait_for is_at_lock "$helper" /etc
limit() { awk -v name="$1" 'substr($0, 1, length(name)) == name { print $(NF - 2) }' "/proc/$helper/limits"; }
is "signals are as usual, but for two" "$(status SigIgn) $(status SigBlk) $(status SigCgt)" "0000000001001000 0000000000000000 0000000000000000"
is "the umask" "$(status Umask)" 0022
is "the working directory" "$(readlink "/proc/$helper/cwd")" /
is "the groups" "$(status Groups)|$(status Gid | tr '\t' ' ')" "|0 0 0 0"
is "the session is its own" "$(ps -o sid= -p "$helper" | tr -d ' ')" "$helper"
is "the nice value" "$(ps -o ni= -p "$helper" | tr -d ' ')" 0
is "the scheduler" "$(ps -o cls= -p "$helper" | tr -d ' ')" TS
is "the processors" "$(status Cpus_allowed_list)" "$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/$$/status)"
like "the I/O class" "$(ionice -p "$helper")" "none: prio *"
is "the personality" "$(</proc/"$helper"/personality)" 00000000
is "the score for the kernel when memory is short" "$(</proc/"$helper"/oom_score_adj)" 0
for name in "Max cpu time" "Max file size" "Max data size" "Max address space"; do
	is "the limit: $name" "$(limit "$name")" unlimited
done
is "the limit: Max open files" "$(limit "Max open files")" 1024
is "the limit: Max core file size" "$(limit "Max core file size")" 0
is "it is called by its name" "$(<"/proc/$helper/comm")" subid
is "whom the audit knows the session by stays" "$(<"/proc/$helper/loginuid")" "$(id -u bob)"
end "$holder"
wait_for grep -q answer "$T/answer"
like "and the range is given" "$(tail -n 1 "$T/answer")|$(</etc/subuid)" "answer success|alice:100000:65536"

tables ""
strace -o "$T/strace" -e trace=keyctl,openat subid grant --login=alice "version=$version" >"$T/answer"
if [ -e /proc/keys ]; then
	is "a keyring of its own, before the first lock" "$(awk '/keyctl\(KEYCTL_JOIN_SESSION_KEYRING, NULL\) *= [0-9]/ { keyring = NR } /pwd.lock/ && !lock { lock = NR } END { print (keyring > 0 && keyring < lock) }' "$T/strace")" 1
else
	skip 1 "kernel: has no keyrings"
fi

# --- what cannot be set back ---------------------------------------------------------------

stuck() { # name 'what it says' command...
	local name=$1 says=$2
	shift 2
	tables ""
	rm -f /etc/.pwd.lock
	out=$("$@" "$PRE/bin/subid" grant --login=alice "version=$version" 2>&1)
	like "$name: it is said" "$out" "subid $version
log 3 no range this time: $says
warn You have no subordinate ids, which containers need: the service of this login is restricted, which is in the log of this host. Ask the administrator of this host.
answer error"
	is "$name: nothing is given, and no lock taken" "$(</etc/subuid)$(test ! -e /etc/.pwd.lock || echo lock)" ""
}
# with it root can raise what is hard
unprivileged=(setpriv --bounding-set -sys_resource --inh-caps -sys_resource)
stuck "a limit on files" "the limit on the size of files (RLIMIT_FSIZE) cannot be lifted" "${unprivileged[@]}" prlimit --fsize=100000:100000
stuck "a limit on processor time" "the limit on processor time (RLIMIT_CPU) *" "${unprivileged[@]}" prlimit --cpu=100:100
stuck "no_new_privs" "no_new_privs is set" setpriv --no-new-privs
for cap in chown dac_override fowner; do
	stuck "without CAP_${cap^^}" "it lacks CAP_${cap^^}" setpriv --bounding-set "-$cap" --inh-caps "-$cap"
done
cat >"$T/seccomp.py" <<'END'
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
class Filter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]
class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]
allow = (Filter * 1)(Filter(0x06, 0, 0, 0x7fff0000))
program = Program(1, allow)
if libc.prctl(22, 2, ctypes.byref(program), 0, 0) != 0:
    sys.exit("seccomp: " + os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])
END
if grep -q '^Seccomp_filters' /proc/self/status; then
	stuck "a seccomp filter" "a seccomp filter restricts it" python3 "$T/seccomp.py"
	# one that init has, too, is the container's
	tables ""
	out=$(unshare --pid --fork --kill-child --mount --mount-proc python3 "$T/seccomp.py" bash -c '"$@"; true' - "$PRE/bin/subid" grant --login=alice "version=$version" 2>&1)
	like "the filter of a whole container is none of a service" "$out" "*answer success"
else
	skip 3 "kernel: does not count filters"
fi
tables ""
rm -f /etc/.pwd.lock
out=$(setpriv --no-new-privs subid grant --login=root "version=$version")
is "where nothing is to be given it does not matter" "$out" "subid $version
answer success"
