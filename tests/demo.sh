#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The main job on real input, as a person would type it: two users, two ranges, an
# unprivileged container that only our helpers can have mapped.  `sudo make demo`
# calls it, after a build.
#
# All happens in a private mount namespace: /etc is a copy, /home and /usr/local
# are empty, the programs are installed into the latter, and newuidmap and
# newgidmap of the system cannot be executed.  Every step is checked; the first
# that is not as it should be ends the demo with status 1 and its name.
set -u

if [ "${1-}" != --inside ]; then
	[ "$(id -u)" = 0 ] || {
		echo "demo: root is needed, to make users and to install setuid programs: sudo make demo" >&2
		exit 1
	}
	exec unshare --mount --propagation private bash "$0" --inside
fi

cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
. tests/cgroup.sh
T=$(mktemp -d /tmp/subid-demo.XXXXXX) || exit 1
init=    # of the container
started= # in the background
what="the set-up"
counts= # of refusals: kept if they were there before
[ ! -e /run/subid-refusals ] || counts=1

fail() {
	echo "demo: FAILED: $what${1:+: $1}" >&2
	exit 1
}

# Ends what runs in the container and what was started in our mount namespace,
# which is nobody else's; then nothing is left that uses the tmpfs.
finish() {
	local ns dir pid
	ns=$(readlink /proc/self/ns/mnt)
	for pid in $init $started; do
		kill -KILL "$pid" 2>/dev/null
	done
	for dir in /proc/[0-9]*; do
		pid=${dir#/proc/}
		[ "$(readlink "$dir/ns/mnt" 2>/dev/null)" = "$ns" ] || continue
		[ "$pid" = $$ ] || [ "$pid" = "$BASHPID" ] || kill -KILL "$pid" 2>/dev/null
	done
	wait
	remove_cgroup
	[ -n "$counts" ] || rm -f /run/subid-refusals
	cd /
	umount -l "$T" 2>/dev/null
	rmdir "$T"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

# Waits up to ten seconds for a condition.
wait_for() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		read -rt 0.05 <> <(:) || true
	done
	return 1
}

check() { # what is true, command...
	what=$1
	shift
	"$@" || fail
}

# One step: prints the command and what it says, in that order.
show() { # prompt command...
	printf '%s %s\n' "$1" "${*:2}"
	what="$1 ${*:2}"
}

run() { # command...; sets $status and $out
	"$@" >"$T/out" 2>&1 </dev/null
	status=$?
	out=$(cat "$T/out")
	cat "$T/out"
}

root() {
	show '#' "$@"
	run "$@"
}

# Goes on as a user, in an almost empty environment, as login(1) gives.
become() { # user command...
	local name=$1
	shift
	cd "/home/$name" || exit 1
	enter_cgroup "$name" || exit 1
	exec setpriv --reuid "$name" --regid "$name" --init-groups \
		env -i HOME="/home/$name" USER="$name" LOGNAME="$name" PATH="$PATH" "$@"
}

as() { (become "$@"); }

user() { # user command...
	show "$1\$" "${@:2}"
	run as "$@"
}

done_well() { [ "$status" = 0 ] || fail "status $status"; }
refused() { # status, what it must say
	[ "$status" = "$1" ] || fail "status $status, not $1"
	case $out in *"$2"*) ;; *) fail "it does not say '$2'" ;; esac
}

say() { printf '\n== %s\n' "$*"; }

# The programs, installed into an empty /usr/local.
set_up_programs() {
	mkdir -p "$T/tree"
	"${MAKE:-make}" -s BUILD="$BUILD" PREFIX=/usr/local DESTDIR="$T/tree" HELPER_PRIVILEGE=setuid \
		install >"$T/out" 2>&1 || fail "make install: $(cat "$T/out")"
	mount --bind "$T/tree/usr/local" /usr/local || fail
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	hash -r
	local helper
	for helper in newuidmap newgidmap; do
		[ ! -e /usr/bin/$helper ] || mount --bind /dev/null /usr/bin/$helper || fail
		[ "$(command -v $helper)" = /usr/local/bin/$helper ] || fail "$helper is not ours"
	done
}

# A copy of /etc without the two users, tables, locks, and other sources of ranges;
# homes of their own, and no cache that would answer from the old files.
set_up_accounts() {
	mkdir "$T/etc" "$T/home"
	cp -a /etc/. "$T/etc" || fail
	mount --bind "$T/etc" /etc || fail
	mount --bind "$T/home" /home || fail
	rm -f /etc/subuid* /etc/subgid* /etc/.pwd.lock /etc/*.lock
	sed -i -E '/^(alice|bob):/d' /etc/passwd /etc/shadow /etc/group /etc/gshadow || fail
	[ ! -e /etc/nsswitch.conf ] || sed -i '/^subid:/d' /etc/nsswitch.conf
	[ ! -d /run/nscd ] || mount -t tmpfs none /run/nscd
}

has_line() { # of $out
	grep -qxF -- "$1" <<<"$out"
}

# What subid list says of a user: sets $start and $count, the same for both kinds.
range_of() { # user
	local uid gid
	uid=$(subid list -u "$1") gid=$(subid list -g "$1")
	what="$1 has one range, with the same numbers for uid and gid"
	[ -n "$uid" ] || fail "none"
	[ "${uid#"$1 uid "}" = "${gid#"$1 gid "}" ] || fail "$uid, $gid"
	# shellcheck disable=SC2086 # columns
	set -- $uid
	start=$3 count=$5
}

# The map of a process as the kernel has it, on one line.
map_of() { # uid|gid pid
	tr -s ' \n' ' ' <"/proc/$2/$1_map"
}

ids_of() { # pid
	ps -o uid= -o gid= -p "$1" | tr -s ' ' | sed 's/^ //'
}

set_up() {
	mount -t tmpfs -o mode=755,suid,exec,dev subid-demo "$T" || fail
	set_up_programs
	set_up_accounts
}

give_ranges() {
	say "Two users, and a range for each"
	root useradd -m alice
	done_well
	root useradd -m bob
	done_well
	delegate_cgroup alice
	# useradd has given nothing: there was no table
	: >/etc/subuid
	: >/etc/subgid
	root subid grant alice
	done_well
	root subid grant bob
	done_well
	range_of bob
	bob_start=$start bob_count=$count
	range_of alice
	check "the ranges do not overlap" \
		test $((bob_start + bob_count <= start || start + count <= bob_start)) = 1
	root head /etc/subuid /etc/subgid
	done_well
	echo "(the helpers are ours; the system's cannot run here, /dev/null lies over them)"
	user alice which newuidmap newgidmap
	done_well
	check "the helpers are ours" test "$out" = "/usr/local/bin/newuidmap
/usr/local/bin/newgidmap"
	user alice newuidmap --version
	done_well
}

# Sets $inside, the command that goes into the container.
start_container() {
	local config=/home/alice/.config/lxc/default.conf
	as alice mkdir -p "${config%/*}"
	printf '%s\n' "lxc.idmap = u 0 $start $count" "lxc.idmap = g 0 $start $count" \
		"lxc.net.0.type = empty" "lxc.apparmor.profile = unconfined" >"$config"
	root chmod o+x /home/alice
	user alice cat .config/lxc/default.conf
	user alice lxc-create -n c1 -t busybox
	done_well
	user alice lxc-start -n c1
	[ "$status" = 0 ] || return 1
	user alice lxc-info -n c1 -p -H
	done_well
	init=$out
	inside=(lxc-attach -n c1 --)
}

# The same from util-linux's parts, where LXC is not to be had.
start_namespace() {
	local command=(unshare "--map-users=$start,0,$count" "--map-groups=$start,0,$count"
		--setuid 0 --setgid 0 --pid --fork --mount-proc --kill-child sleep infinity)
	show 'alice$' "${command[@]}" '&'
	become alice "${command[@]}" >/dev/null 2>&1 </dev/null &
	started=$!
	wait_for pgrep -x sleep -P "$started" || fail "the process did not start"
	init=$(pgrep -x sleep -P "$started")
	inside=(nsenter --target "$init" --user --pid --mount --setuid 0 --setgid 0)
}

run_container() {
	say "alice starts an unprivileged container"
	runtime=lxc
	if ! command -v lxc-start >/dev/null; then
		echo "(LXC is not installed: util-linux's unshare instead)"
		runtime=unshare
	elif ! start_container; then
		echo "(LXC cannot start a container on this machine: util-linux's unshare instead)"
		runtime=unshare
	fi
	[ "$runtime" = lxc ] || start_namespace
	check "the container's uid_map is alice's range" test "$(map_of uid "$init")" = " 0 $start $count "
	check "the container's gid_map is alice's range" test "$(map_of gid "$init")" = " 0 $start $count "
}

look_at_it() {
	say "Its processes, from inside and from the host"
	user alice "${inside[@]}" cat /proc/self/uid_map
	check "the map seen inside is alice's range" test "$(tr -s ' ' <<<"$out")" = " 0 $start $count"
	user alice "${inside[@]}" ps -o user,group,pid,comm
	done_well
	check "inside, process 1 is root's" grep -qE '^root +root +1 ' <<<"$out"
	root ps -o user,uid,gid,pid,comm --pid "$init" --ppid "$init"
	done_well
	check "the host sees it as a subordinate id" test "$(ids_of "$init")" = "$start $start"
}

# Nobody but a privileged helper can have written that map, and the system's own
# cannot run: here is the proof.
prove_helpers() {
	say "Without our helpers, nothing of this works"
	user alice env PATH=/usr/bin:/bin unshare "--map-users=$start,0,$count" true
	[ "$status" != 0 ] || fail "a map was written without our newuidmap"
}

try_others_ids() {
	say "bob tries to map alice's ids"
	user bob unshare "--map-users=$start,0,$count" "--map-groups=$start,0,$count" true
	[ "$status" != 0 ] || fail "bob got alice's ids"
	refused "$status" "newuidmap: uid range [0-$count) -> [$start-$((start + count))) not allowed"
	refused "$status" "holds $bob_start-$((bob_start + bob_count - 1))"
}

stop_container() {
	if [ "$runtime" = lxc ]; then
		user alice lxc-stop -n c1 --kill
		done_well
	else
		root kill -KILL "$init"
		wait "$started" 2>/dev/null
		started=
	fi
	what="the container ends"
	wait_for test ! -e "/proc/$init" || fail
	init=
}

take_it_back() {
	say "The range is taken back, but not while it is in use"
	root subid list
	done_well
	check "subid list has alice's range" has_line "alice uid $start $((start + count - 1)) $count granted"
	root subid revoke alice
	refused 1 "in use"
	check "alice has her range still" has_line "subid: alice: nothing was changed: stop these first, or use --force"
	range_of alice
	stop_container
	root subid revoke alice
	done_well
	if [ "$runtime" = lxc ]; then
		root ls -ldn /home/alice/.local/share/lxc/c1/rootfs/bin
		done_well
		echo "(the files are still there: so the ids are held, and nobody gets them)"
	fi
	root subid list
	done_well
	check "the ids are held" has_line "!released uid $start $((start + count - 1)) $count released"
	check "alice has nothing" test "$(grep -c '^alice ' <<<"$out")" = 0
	root subid grant --dry-run alice
	done_well
	check "a new range is another one" test "$(awk -v s="$start" -v n="$count" \
		'$4 >= s && $3 < s + n' <<<"$out")" = ""
}

check_traces() {
	check "no lock is left" test -z "$(find /etc -maxdepth 1 -name 'sub[ug]id.lock')"
	check "no draft is left" test -z "$(find /etc -maxdepth 1 -name 'sub[ug]id[+=]')"
}

set_up
give_ranges
run_container
look_at_it
prove_helpers
try_others_ids
take_it_back
check_traces
printf '\ndemo: all as it should be\n'
