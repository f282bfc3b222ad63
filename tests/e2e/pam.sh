# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034,SC2119,SC2120 # of lib.sh, and used by the tests
# What the tests of pam_subid.so share, after lib.sh: a /run, /dev/log and /etc/pam.d of
# their own, and the module in the stacks of all services as Debian puts it there.
#
#   module OPTION...     # the options of the module, in the service "only" alone
#   session alice        # opens a session of that service; sets $out, $status, $ms
#   logged 'glob'        # a line of the log, from here on, is like that
#   forget_log

MODULE=$PRE/lib/security/pam_subid.so
# A sanitizer must come first in a program, and the services are not ours to build:
# test_pam_host.sh does that with a host of its own.
case $BUILD in *asan*)
	env -u MAKEFLAGS -u MFLAGS -u CFLAGS -u LDFLAGS -u HARDEN make -s -j2 BUILD="$T/plain" "$T/plain/pam_subid.so" >/dev/null 2>&1
	cp "$T/plain/pam_subid.so" "$MODULE"
	;;
esac

# What is in /run and /dev belongs to the machine.
private_run() {
	local run=$T/run-private
	mkdir -p "$T/dev" "$run"
	mount -t tmpfs -o mode=755,dev,exec dev "$T/dev"
	cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/ptmx /dev/fd /dev/stdin \
		/dev/stdout /dev/stderr "$T/dev"
	mkdir "$T/dev/pts" "$T/dev/shm"
	mount --rbind /dev/pts "$T/dev/pts"
	mount -t tmpfs -o mode=1777 shm "$T/dev/shm"
	mount --rbind "$T/dev" /dev
	mount -t tmpfs -o mode=755 run /run
	mkdir -p /run/user /run/lock /run/sshd
}

# Each message becomes a line of $T/log.
start_log() {
	: >"$T/log"
	start python3 -c '
import socket, sys
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
with open(sys.argv[1], "ab", buffering=0) as out:
    while True:
        out.write(log.recv(65536).rstrip(b"\0\n") + b"\n")
' "$T/log"
	wait_for test -S /dev/log
	chmod 666 /dev/log
}

forget_log() { : >"$T/log"; }

logged() { # glob
	local line
	while IFS= read -r line; do
		# shellcheck disable=SC2254 # a glob is meant
		case $line in *$1*) return 0 ;; esac
	done <"$T/log"
	return 1
}

has_logged() { wait_for logged "$1" || { cat "$T/log"; return 1; }; }

module() { # option...
	printf 'auth required pam_permit.so\naccount required pam_permit.so\nsession %s %s %s\n' \
		"${control:-required}" "$MODULE" "$*" >/etc/pam.d/only
}

now_ms() { echo $(($(date +%s%N) / 1000000)); }

session() { # user
	local from
	from=$(now_ms)
	run pamtester only "$1" open_session
	ms=$(($(now_ms) - from))
}

private_run
start_log
module
