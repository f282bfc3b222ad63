#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Real programs that make user namespaces, with our helpers first in PATH, setuid
# root and with file capabilities.  What counts is the map that the kernel shows
# and who owns files on the host, not exit codes: some of them fall back to a
# single id without a word.  Debian's helpers are out of the way, and each
# client quotes ours when a map is refused, so it is ours that are at work.
#
# In a pid namespace of its own, with which ends what the clients leave running.
[ $$ = 1 ] || exec unshare --pid --fork --kill-child --mount-proc bash "$0"
. "$(dirname "$0")/lib.sh"
plan $((2 * 42 + 1))

add_user u1 -u 2001 -s /bin/bash
delegate_cgroup u1
home=$T/home/u1
# the containers' root walks through it
chmod 755 "$T"
install -d -m 1777 "$T/tmp"

not_ours=$T/not-ours
install -m 666 /dev/null "$not_ours"
printf '#!/bin/sh\necho called >>%s\nexit 1\n' "$not_ours" >"$T/stand-in"
chmod 755 "$T/stand-in"
for helper in newuidmap newgidmap; do
	[ ! -e /usr/bin/$helper ] || mount --bind "$T/stand-in" /usr/bin/$helper
done

# A root file system that is a shell and little more.
root_fs() { # directory
	local name
	mkdir -p "$1/bin" "$1/tmp" "$1/proc" "$1/dev" "$1/sys"
	cp "$(command -v busybox)" "$1/bin/busybox"
	for name in sh cat id touch; do ln -sf busybox "$1/bin/$name"; done
}

tables() { # line...
	printf '%s\n' "$@" >/etc/subuid
	cp /etc/subuid /etc/subgid
}
good() { tables u1:100000:65536 root:300000:65536; }
# Clients read a line that we refuse: 100000 to those who read octal, 303240 to others.
bad() { tables u1:0303240:65536 root:0303240:65536; }

# A map that a client printed, among other things, as map_of prints it.
printed_map() {
	awk 'NF == 3 && !/[^0-9 ]/ { printf "%s%s %s %s", sep, $1, $2, $3; sep = ", " }' <<<"$1"
}
owner() { stat -c %u:%g "$1"; }

is_map() { # name wanted: what run has got
	is "$mode: $1" "$(printed_map "$out")" "$2"
}

refused() { # name: what run has got quotes us
	like "$mode: $1: our refusal is seen" "$out" '*newuidmap: uid range \[*) not allowed*subid grant*'
}

util_linux() {
	good
	run as u1 unshare --map-auto --map-root-user cat /proc/self/uid_map /proc/self/gid_map
	# all but one of the ids, or, from util-linux 2.42 on, all
	case $out in *' 65536'*) auto=65536 ;; *) auto=65535 ;; esac
	is_map "unshare --map-auto" "0 2001 1, 1 100000 $auto, 0 2001 1, 1 100000 $auto"
	run as u1 unshare --map-users 100000,0,1000 --map-groups 100000,0,1000 --setuid 7 --setgid 8 \
		sh -c "cat /proc/self/uid_map; touch $T/tmp/unshare"
	is_map "unshare --map-users" "0 100000 1000"
	is "$mode: unshare: the host sees subordinate ids" "$(owner "$T/tmp/unshare")" 100007:100008
	rm -f "$T/tmp/unshare"
	run as u1 unshare --map-users 5,0,1 --map-groups 100000,0,1 cat /proc/self/uid_map
	refused unshare
	is_map "unshare: nothing is mapped" ""
}

lxc_config() { # file start
	mkdir -p "${1%/*}"
	printf '%s\n' "lxc.idmap = u 0 $2 65536" "lxc.idmap = g 0 $2 65536" 'lxc.net.0.type = empty' >"$1"
}

lxc() {
	good
	run as u1 lxc-usernsexec -- cat /proc/self/uid_map /proc/self/gid_map
	is_map "lxc-usernsexec" "0 100000 65536, 0 100000 65536"
	run as u1 lxc-usernsexec -m u:0:5:10 -m g:0:100000:10 -- cat /proc/self/uid_map
	refused lxc-usernsexec
	lxc_config "$home/.config/lxc/default.conf" 100000
	chown -R u1: "$home/.config"
	ok "$mode: lxc-create" as u1 lxc-create -n c1 -t busybox
	ok "$mode: lxc-start" as u1 lxc-start -n c1
	local init rootfs=$home/.local/share/lxc/c1/rootfs
	init=$(as u1 lxc-info -n c1 -p -H)
	is "$mode: LXC: the map of its init" "$(map_of uid "${init:-0}"), $(map_of gid "${init:-0}")" \
		"0 100000 65536, 0 100000 65536"
	is "$mode: LXC: its root is 100000 to the host" "$(stat -c %u:%g "/proc/${init:-0}")" 100000:100000
	run as u1 lxc-attach -n c1 -- sh -c 'cat /proc/self/uid_map; id -u; echo >/root/made; chown 33:44 /root/made'
	is_map "lxc-attach" "0 100000 65536"
	is "$mode: LXC: a file made inside" "$(owner "$rootfs/root/made")" 100033:100044
	ok "$mode: lxc-stop" as u1 lxc-stop -k -n c1
	is "$mode: lxc-info knows" "$(as u1 lxc-info -n c1 -s -H)" STOPPED
	ok "$mode: lxc-destroy" as u1 lxc-destroy -n c1
	ok "$mode: LXC: the files are gone" test ! -e "$rootfs"
	lxc_config "$home/.config/lxc/default.conf" 5
	run as u1 lxc-create -n c2 -t busybox
	refused lxc-create
}

# LXC run by root writes the map itself, unchecked, when it finds no helper: the
# calls are written down on the way to ours.  As root, LXC 7 starts nothing where it
# finds cgroups of version 1.
lxc_as_root() {
	local helper calls=$T/calls init lxcpath=$T/lxc
	mkdir -p "$T/calls-first"
	: >"$calls"
	for helper in newuidmap newgidmap; do
		printf '#!/bin/sh\necho "%s $*" >>%s\nexec %s "$@"\n' $helper "$calls" "$PRE/bin/$helper" \
			>"$T/calls-first/$helper"
		# LXC wants to see the bit; the kernel does not heed it on a script
		chmod 4755 "$T/calls-first/$helper"
	done
	good
	mkdir -p "$lxcpath"
	lxc_config "$T/root.conf" 300000
	(
		PATH=$T/calls-first:$PATH
		lxc-create -P "$lxcpath" -n r1 -f "$T/root.conf" -t busybox && : >"$calls" &&
			lxc-start -P "$lxcpath" -n r1
	) >"$T/lxc.out" 2>&1
	init=$(lxc-info -P "$lxcpath" -n r1 -p -H)
	is "$mode: LXC as root: our helpers are called" "$(sed 's/map [0-9]* /map /' "$calls")" \
		"newuidmap 0 300000 65536
newgidmap 0 300000 65536"
	is "$mode: LXC as root: the map" "$(map_of uid "${init:-0}"), $(map_of gid "${init:-0}")" \
		"0 300000 65536, 0 300000 65536"
	lxc-attach -P "$lxcpath" -n r1 -- sh -c 'echo >/root/made; chown 33:44 /root/made'
	is "$mode: LXC as root: a file made inside" "$(owner "$lxcpath/r1/rootfs/root/made")" 300033:300044
	lxc-stop -P "$lxcpath" -k -n r1
	tables u1:300000:65536 root:300000:10
	run lxc-start -P "$lxcpath" -n r1 -F
	refused "LXC as root"
	lxc-destroy -P "$lxcpath" -n r1
	ok "$mode: LXC as root: the files are gone" test ! -e "$lxcpath/r1"
}

podman_() {
	local vol=$home/vol
	good
	run as u1 podman unshare cat /proc/self/uid_map /proc/self/gid_map
	is_map "podman unshare" "0 2001 1, 1 100000 65536, 0 2001 1, 1 100000 65536"
	root_fs "$T/rootfs"
	tar -C "$T/rootfs" -cf "$T/rootfs.tar" .
	ok "$mode: podman import" as u1 podman import "$T/rootfs.tar" tiny
	install -d -m 777 "$vol"
	run as u1 podman --runtime runc run --rm --network=none -v "$vol:/vol" --user 5:6 tiny \
		/bin/sh -c 'cat /proc/self/uid_map; touch /vol/made'
	is_map "podman run" "0 2001 1, 1 100000 65536"
	is "$mode: podman: a file made inside" "$(owner "$vol/made")" 100004:100005
	rm -rf "$vol"
	as u1 podman system migrate >/dev/null 2>&1
	bad
	run as u1 podman unshare cat /proc/self/uid_map
	refused podman
	like "$mode: podman calls the helper beneath our prefix" "$out" "*$PRE/bin/newuidmap*"
	good
	as u1 podman system reset -f >/dev/null 2>&1
	as u1 podman system migrate >/dev/null 2>&1
}

buildah_() {
	good
	run as u1 buildah unshare cat /proc/self/uid_map /proc/self/gid_map
	is_map "buildah unshare" "0 2001 1, 1 100000 65536, 0 2001 1, 1 100000 65536"
	run as u1 buildah unshare sh -c "touch $home/made && chown 5:6 $home/made"
	is "$mode: buildah: a file made inside" "$(owner "$home/made")" 100004:100005
	rm -f "$home/made"
	bad
	run as u1 buildah unshare cat /proc/self/uid_map
	refused buildah
}

# An OCI runtime by itself, with a bundle of our own.
oci() { # runtime
	local runtime=$1 bundle=$home/bundle
	rm -rf "$bundle"
	root_fs "$bundle/rootfs"
	install -d -m 777 "$bundle/shared"
	chown -R u1: "$bundle"
	as u1 sh -c "cd $bundle && runc spec --rootless"
	bundle_of() { # first uid of the second line
		jq --arg shared "$bundle/shared" --argjson from "$1" '
			.process.terminal = false | .process.user = {uid: 5, gid: 6}
			| .process.args = ["/bin/sh", "-c", "cat /proc/self/uid_map; touch /shared/made"]
			| .linux.uidMappings = [{containerID: 0, hostID: 2001, size: 1}, {containerID: 1, hostID: $from, size: 1000}]
			| .linux.gidMappings = [{containerID: 0, hostID: 2001, size: 1}, {containerID: 1, hostID: 100000, size: 1000}]
			| .mounts += [{destination: "/shared", type: "bind", source: $shared, options: ["bind", "rw"]}]
		' "$bundle/config.json" >"$T/config.json"
		install -o u1 -m 644 "$T/config.json" "$bundle/config.json"
	}
	good
	bundle_of 100000
	run as u1 "$runtime" --root "/run/user/2001/$runtime" run -b "$bundle" "$runtime-1"
	is_map "$runtime" "0 2001 1, 1 100000 1000"
	is "$mode: $runtime: a file made inside" "$(owner "$bundle/shared/made")" 100004:100005
	bundle_of 99999
	run as u1 "$runtime" --debug --root "/run/user/2001/$runtime" run -b "$bundle" "$runtime-2"
	refused "$runtime"
}

mmdebstrap_() {
	local made=$T/tmp/mmdebstrap
	good
	# ended by the first hook: what it needs from the network comes later
	in_hook() {
		run as u1 mmdebstrap --mode=auto --variant=custom --setup-hook="$1; exit 1" \
			bookworm /dev/null "deb [trusted=yes] file:$T/nothing bookworm main"
	}
	in_hook "cat /proc/self/uid_map /proc/self/gid_map >&2; touch $made"
	is_map "mmdebstrap" "0 100000 65536, 0 100000 65536"
	like "$mode: mmdebstrap: its probe finds our helper good" "$out" "*chosen mode: unshare*"
	is "$mode: mmdebstrap: a file made inside" "$(owner "$made")" 100000:100000
	rm -f "$made"
	bad
	in_hook true
	like "$mode: mmdebstrap: our refusal is seen" "$out" "*newuidmap: '0303240': not a decimal number *"
}

for mode in setuid caps; do
	install_programs HELPER_PRIVILEGE=$mode
	util_linux
	lxc
	cgroup2_begin
	lxc_as_root
	cgroup2_end
	podman_
	buildah_
	oci runc
	cgroup2_begin
	oci crun
	cgroup2_end
	mmdebstrap_
done
is "nobody has called other helpers" "$(cat "$not_ours")" ""
