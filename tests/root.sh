#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A small Debian of another release, to build and test in: as root,
#
#   tests/root.sh make SUITE DIR [PACKAGE,...]   makes it (a minute; needs the network)
#   tests/root.sh enter DIR COMMAND...           runs a command in it
#   tests/root.sh boot DIR COMMAND...            boots it, with its systemd as process 1,
#                                                runs a command when it is up, and ends it
#
# With ARCHITECTURES ("amd64,arm64") it can have packages of others, too; with MIRROR
# ("deb http://deb.debian.org/debian trixie main") they come from there alone.
#
# The command has a mount and a pid namespace of its own, and DIR as its root by
# pivot_root(2), since a process in a chroot can make no user namespaces.  Nothing of
# it outlives it.
set -eu

die() { echo "root.sh: $*" >&2; exit 1; }

make_root() { # SUITE DIR [PACKAGES]
	# the index of the unstable release may be past its date
	mmdebstrap --quiet --variant=minbase ${ARCHITECTURES:+--architectures="$ARCHITECTURES"} --aptopt='Acquire::Check-Valid-Until "false"' \
		--include="mount${3:+,$3}" "$1" "$2" ${MIRROR:+"$MIRROR"}
	cp /etc/resolv.conf /etc/hosts "$2/etc/"
}

enter_root() { # DIR COMMAND...
	local dir
	dir=$(readlink -f "$1")
	shift
	# shellcheck disable=SC2016 # for the inner shell
	exec unshare --mount --propagation private --pid --fork --kill-child ${cgroup:+--cgroup} \
		env CGROUP="$cgroup" bash -euc '
			mount --bind "$0" "$0"
			cd "$0"
			mount -t proc proc proc
			if [ -z "$CGROUP" ]; then
				mount --rbind /sys sys
			else
				mount -t sysfs -o ro sys sys
				mount -t cgroup2 cgroup2 sys/fs/cgroup
			fi
			mount -t tmpfs -o mode=755 dev dev
			for node in null zero full random urandom tty fuse loop-control; do
				[ ! -e "/dev/$node" ] || { : >"dev/$node" && mount --bind "/dev/$node" "dev/$node"; }
			done
			# for disks of the tests; losetup makes the nodes only where the kernel shows them
			for i in $(seq 0 63); do mknod -m 660 "dev/loop$i" b 7 "$i"; done
			mkdir dev/pts dev/shm
			mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts dev/pts
			ln -s pts/ptmx dev/ptmx
			ln -s /proc/self/fd dev/fd
			mount -t tmpfs -o mode=1777 shm dev/shm
			mount -t tmpfs -o mode=755 run run
			mkdir -p .host
			pivot_root . .host
			umount -l /.host
			cd /
			exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
				TERM=dumb DEBIAN_FRONTEND=noninteractive ${CI:+CI="$CI"} "$@"' "$dir" "$@"
}

# systemd wants a part of the cgroups for itself, to which it is the top.
leave_cgroup() {
	local i
	for ((i = 0; i < 50; i++)); do
		find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
		[ -d "$cgroup" ] || return 0
		sleep 0.1
	done
}
boot_root() { # DIR COMMAND...
	local dir=$1 unit=$1/etc/systemd/system/root-sh.service
	shift
	cgroup=$(mktemp -d "$(findmnt -nt cgroup2 -o TARGET | head -n 1)/root-sh.XXXXXX") || die "no cgroup v2 to boot in"
	chmod 755 "$cgroup"
	trap leave_cgroup EXIT
	rm -f "$dir/root-sh.status"
	printf '%q ' "$@" >"$dir/root-sh.command"
	cat >"$unit" <<-'END'
		[Unit]
		After=multi-user.target
		[Service]
		Type=oneshot
		ExecStart=/bin/bash -c '. /root-sh.command >/root-sh.out 2>&1; echo $? >/root-sh.status'
		ExecStopPost=/bin/systemctl exit --force
	END
	printf '[Unit]\nRequires=multi-user.target root-sh.service\nAllowIsolate=yes\n' >"$dir/etc/systemd/system/root-sh.target"
	(
		echo "$BASHPID" >"$cgroup/cgroup.procs"
		enter_root "$dir" env container=lxc /usr/lib/systemd/systemd --system --unit=root-sh.target
	) >"$dir/root-sh.console" 2>&1 || :
	cat "$dir/root-sh.out"
	return "$(cat "$dir/root-sh.status" 2>/dev/null || echo 125)"
}

[ $# -ge 3 ] || die "usage: make SUITE DIR [PACKAGE,...] | enter DIR COMMAND... | boot DIR COMMAND..."
cgroup=
case $1 in
make) shift && make_root "$@" ;;
enter) shift && enter_root "$@" ;;
boot) shift && boot_root "$@" ;;
*) die "unknown: $1" ;;
esac
