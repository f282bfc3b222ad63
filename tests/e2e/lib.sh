# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2119,SC2120 # used by the tests
# What the end-to-end tests share.  tests/run starts each in private mount and pid
# namespaces, as root; this file gives it a copy of /etc to spoil, the programs
# installed beneath $PRE and first in PATH, and TAP.
#
#   . "$(dirname "$0")/lib.sh"
#   plan 3                          # how many checks follow
#   add_user alice                  # real useradd, home $T/home/alice
#   ok "what is true" command...    # passes if the command succeeds
#   is "what it is" "$got" "$want"
#   like "what it says" "$got" 'glob*'
#   run command...                  # sets $out (both streams) and $status
#   as alice command...             # as that user, almost empty environment
#   delegate_cgroup alice           # where she starts containers (cgroup.sh)
#   start become alice command...   # that in the background; its pid: $started_pid
#   new_target alice                # a process of hers in a new user namespace: $target
#   expect "name" STATUS 'out glob' 'err glob' command...   # all it says, one check
#   tables "alice:100000:65536"     # a host with this in both tables; "": with none
#   change_tables "bob:100000:65536" # another program makes both this
#   tables_are "name" "alice:..."   # passes if both are
#   skip N "why"                    # N checks that cannot run here
#   skip N "$(lack lxd)"            # for want of a package
#
# With NAMES set, libnss_subid names subordinate ids from the start (make check-more).
# Users cannot enter the clone: what they run or read of it is to be copied into $T.
set -u
# Threat: what follows mounts over /etc, which must not be the machine's.
if [ "${HOST_MOUNTS:-none}" = none ] || [ "$HOST_MOUNTS" = "$(readlink /proc/self/ns/mnt)" ]; then
	echo "$0: is run by tests/run, in namespaces of its own" >&2
	exit 1
fi
TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOP=${TESTS%/*}
cd "$TOP" || exit 1
# the invoker's make variables say how the programs were built
BUILD=${BUILD:-build}
checks=0 failures=0 planned=
T=$(mktemp -d /tmp/subid-test.XXXXXX)
mount -t tmpfs -o mode=755,suid,exec,dev subid-test "$T"
started=()
. tests/cgroup.sh

# Ends what the test started, by pid, also when it failed.
finish() {
	local pid
	for pid in ${started[@]+"${started[@]}"}; do
		kill -KILL "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	cd /
	remove_cgroup
	umount -l "$T" 2>/dev/null
	rmdir "$T" 2>/dev/null
	[ -z "$planned" ] || echo "1..$planned"
	[ "$checks" = "$planned" ] || echo "# $checks checks were made"
	[ "$failures" = 0 ] && [ "$checks" = "$planned" ]
}
trap 'finish; exit $?' EXIT
trap 'exit 1' INT TERM HUP

plan() { planned=$1; }

result() { # status name
	checks=$((checks + 1))
	if [ "$1" = 0 ]; then
		echo "ok $checks - $2"
	else
		echo "not ok $checks - $2"
		failures=$((failures + 1))
	fi
	return "$1"
}

ok() {
	local name=$1 said status
	shift
	said=$("$@" 2>&1)
	status=$?
	result "$status" "$name" || printf '%s\n' "$said" | sed 's/^/#   /'
}

not_ok() { # passes if the command fails
	local name=$1 said status=0
	shift
	said=$("$@" 2>&1) && status=1
	result "$status" "$name" || printf '%s\n' "$said" | sed 's/^/#   /'
}

is() {
	[ "$2" = "$3" ]
	result $? "$1" || printf 'got:\n%s\nwanted:\n%s\n' "$2" "$3" | sed 's/^/#   /'
}

like() {
	# shellcheck disable=SC2254 # a glob is meant
	case $2 in $3) true ;; *) false ;; esac
	result $? "$1" || printf 'got:\n%s\nwanted something like:\n%s\n' "$2" "$3" | sed 's/^/#   /'
}

# The status, standard output and standard error, as globs, both without their
# last newline; each line of subid's must say who speaks.
expect() { # name status out err command...
	local name=$1 wanted=$2 out_glob=$3 err_glob=$4 right=1 line
	shift 4
	out=$("$@" 2>"$T/stderr")
	status=$?
	err=$(<"$T/stderr")
	# what each change says at its end: test_undo.sh looks at it
	[ -n "$err_glob" ] || [ "$wanted" != 0 ] ||
		err=$(grep -vE '^subid: (dry run: nothing was changed$|(.*: )?undo: |warning: .*: libsubid.so.6, )' "$T/stderr")
	[ "$status" = "$wanted" ] || right=0
	# shellcheck disable=SC2254 # a glob is meant
	case $out in $out_glob) ;; *) right=0 ;; esac
	# shellcheck disable=SC2254
	case $err in $err_glob) ;; *) right=0 ;; esac
	while [ "$1" = subid ] && IFS= read -r line; do
		case $line in "subid: "* | "") ;; *) right=0 ;; esac
	done <<<"$err"
	[ "$right" = 1 ]
	result $? "$name" || printf '%s\n' "$* ended with $status; out:" "$out" "err:" "$err" \
		"wanted $wanted, out like:" "$out_glob" "err like:" "$err_glob" | sed 's/^/#   /'
}

# Both tables become these lines, and nobody knows of others that there were, nor that we
# have written the leases: a host of its own.  change_tables: what another program makes of them.
tables() {
	rm -f /var/lib/subid/ledger /etc/subuid- /etc/subgid-
	touch -c /var/lib/subid/subuid /var/lib/subid/subgid 2>/dev/null
	change_tables "${1-}"
}

change_tables() {
	printf '%s' "${1:+$1$'\n'}" | tee /etc/subuid >/etc/subgid
}

tables_are() { # name lines
	is "$1" "$(</etc/subuid)|$(</etc/subgid)" "$2|$2"
}

skip() {
	local i
	for ((i = 0; i < $1; i++)); do
		checks=$((checks + 1))
		echo "ok $checks - left out # SKIP $2"
	done
}

# Why a program is not there: the release may have no such package.
lack() { # package
	if apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'; then
		echo "$1 is not installed"
	else
		echo "release: no package $1"
	fi
}

run() {
	out=$("$@" 2>&1)
	# shellcheck disable=SC2034 # for the test
	status=$?
}

# Runs in the background and is ended with the test; its pid is $started_pid.
start() {
	"$@" &
	started_pid=$!
	started+=("$started_pid")
}

# Waits up to ten seconds for a condition.
wait_for() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		read -rt 0.05 <> <(:) || true
	done
	return 1
}

# As another tool has it, until it is ended.
hold_lock() {
	start python3 -c '
import fcntl, sys, time
file = open("/etc/.pwd.lock", "w")
fcntl.lockf(file, fcntl.LOCK_EX)
open(sys.argv[1], "w").close()
time.sleep(1000)' "$T/held"
	wait_for test -e "$T/held"
	rm "$T/held"
}

# A process is at the lock of a directory, or has ended.
is_at_lock() { # pid directory
	local fd
	[ -d "/proc/$1/fd" ] || return 0
	for fd in /proc/"$1"/fd/*; do [ "$(readlink "$fd")" != "$2/.pwd.lock" ] || return 0; done
	return 1
}

# The clone may be in a directory that only root can enter.  Here it always is, so that
# each test shows that this does not matter.
hide_clone() {
	# with these, each process writes into $BUILD what it has covered
	case $BUILD in *coverage*) return ;; esac
	mkdir -m 700 "$T/.clone"
	mkdir "$T/.clone/subid"
	mount --rbind "$TOP" "$T/.clone/subid"
	mount -t tmpfs -o mode=700 subid-test "$TOP"
	BUILD=${BUILD#"$TOP/"}
	TOP=$T/.clone/subid TESTS=$T/.clone/subid/tests
	cd "$TOP" || exit 1
}

# A copy of /etc over the real one, with empty tables and locks of nobody, and an
# empty /run.
private_etc() {
	local dir
	mkdir -p "$T/etc" "$T/home" "$T/run"
	cp -a /etc/. "$T/etc"
	mount --bind "$T/etc" /etc
	rm -f /etc/subuid* /etc/subgid* /etc/.pwd.lock /etc/*.lock
	: >/etc/subuid
	: >/etc/subgid
	# the log and the counts of refusals are none of the machine's
	mount -t tmpfs -o mode=755 run /run
	mkdir /run/user /run/lock
	# podman's locks are named by the uid alone, and another test may run
	mount -t tmpfs -o mode=1777 shm /dev/shm
	# nor is what its containers have
	for dir in lxc lxd incus containers machines; do
		[ ! -d /var/lib/$dir ] || mount -t tmpfs -o mode=755 subid-test /var/lib/$dir
	done
	private_store
}

# A store of leases, empty.  Its directory, where there is none yet, is made on the
# machine itself, as what the store is mounted on; nothing is written into it there.
private_store() {
	mkdir -p /var/lib/subid
	mountpoint -q /var/lib/subid || mount -t tmpfs -o mode=755 subid-test /var/lib/subid
}

# Installs into $PRE and puts it first in PATH: install_programs [VARIABLE=value...]
# $T/pre is the same, but below /tmp, where pam_subid.so would run no program from.
install_programs() {
	PRE=/mnt
	mkdir -p "$T/pre"
	mountpoint -q "$PRE" || mount --bind "$T/pre" "$PRE"
	# another test may do so at the same time, and some files are made for each PREFIX
	flock "$BUILD/install.lock" "${MAKE:-make}" -s BUILD="$BUILD" PREFIX="$PRE" DESTDIR= "$@" install >"$T/install.log" 2>&1 || {
		sed 's/^/# /' "$T/install.log"
		echo "Bail out! cannot install"
		exit 1
	}
	case $BUILD in *coverage*) chmod -R a+rwX "$BUILD" ;; esac
	PATH=$PRE/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	export PATH
	hash -r
}

# Names for subordinate ids from now on, in every program: libnss_subid, last.
names_on() {
	# a sanitizer must come first in a program, and those that ask are not ours to build
	case $BUILD in *asan* | *tsan*)
		env -u MAKEFLAGS -u MFLAGS -u CFLAGS -u LDFLAGS -u HARDEN make -s -j2 BUILD="$T/plain" "$T/plain/libnss_subid.so.2" >/dev/null 2>&1
		cp "$T/plain/libnss_subid.so.2" "$PRE/lib"
		;;
	esac
	mkdir -p /etc/ld.so.conf.d /var/cache/ldconfig
	echo "$PRE/lib" >/etc/ld.so.conf.d/000-subid-test.conf
	# what it keeps is the machine's
	mount -t tmpfs subid-test /var/cache/ldconfig
	ldconfig -X
	umount /var/cache/ldconfig
	sed -i -E 's/^(passwd|group):/# &/' /etc/nsswitch.conf
	printf '%s: files subid\n' passwd group >>/etc/nsswitch.conf
}

add_user() { # name [useradd options]
	local name=$1
	shift
	useradd -M -d "$T/home/$name" "$@" "$name" || exit 1
	install -d -m 755 -o "$name" -g "$(id -g "$name")" "$T/home/$name"
	install -d -m 700 -o "$name" -g "$(id -g "$name")" "/run/user/$(id -u "$name")"
}

# Goes on as that user; numbers, since a login name may look like one.
become() {
	local name=$1 uid
	shift
	uid=$(id -u "$name")
	cd "$T/home/$name" 2>/dev/null || cd / || exit 1
	enter_cgroup "$name" || exit 1
	exec setpriv --reuid "$uid" --regid "$(id -g "$name")" --init-groups \
		env -i HOME="$T/home/$name" USER="$name" LOGNAME="$name" PATH="$PATH" \
		XDG_RUNTIME_DIR="/run/user/$uid" "$@"
}

as() { (become "$@"); }

# Ends a process that start began, and waits for it.
end() { # pid
	kill -KILL "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

runs() { # pid name: that program runs in the process
	[ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ]
}

# A process of a user in a new user namespace without maps: its pid is $target.
new_target() { # user
	start become "$1" unshare --user sleep infinity
	target=$started_pid
	wait_for runs "$target" sleep || echo "# no process for $1 in a new namespace"
}

# How many ids unshare --map-auto maps of 65536: up to util-linux 2.41 all but one.
auto_count() { # pid
	sed -nE 's/^ *1 +[0-9]+ +(6553[56])$/\1/p' "/proc/$1/uid_map"
}

# crun and podman's default want one kind of cgroups, not two at once.
cgroup2_begin() {
	mkdir -p /sys/fs/cgroup
	cgroup2_mounted=
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || cgroup2_mounted=1
	[ -z "$cgroup2_mounted" ] || mount -t cgroup2 none /sys/fs/cgroup
}
cgroup2_end() { [ -z "$cgroup2_mounted" ] || umount /sys/fs/cgroup; }

# A process's map on one line: "0 100000 10, 10 2001 1".
map_of() { # uid|gid pid
	local inside outside count sep=
	while read -r inside outside count; do
		printf '%s%s %s %s' "$sep" "$inside" "$outside" "$count"
		sep=', '
	done <"/proc/$2/$1_map"
}

hide_clone
private_etc
install_programs
[ -z "${NAMES-}" ] || names_on
