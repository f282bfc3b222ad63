#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2086 # names have no blanks; the other shell expands
# subid share with the real thing: two unprivileged LXC containers of two users and two
# rootless podmans of two more, each with ids of its own, read and write one store at
# once, on ext4, XFS, btrfs and tmpfs; and after a boot it is all there again.
#
# In a pid namespace of its own, with which ends what the clients leave running.
[ $$ = 1 ] || exec unshare --pid --fork --kill-child --mount-proc bash "$0"
. "$(dirname "$0")/lib.sh"
kinds=(ext4 xfs btrfs tmpfs)
plan $((3 + 7 + 4 * 13 + 6 + 4 * 2 + 2))

chmod 755 "$T"
for name in alice bob carol dave; do
	add_user $name -s /bin/bash
	delegate_cgroup $name
	subid -q grant $name
done
subid -q grant root --count 1000000
first=$(awk -F: '$1 == "root" { print $2 }' /etc/subuid)

# --- the stores -----------------------------------------------------------------------

# The filesystems, each in a file, and a tmpfs; in another order after the boot, so that
# their devices have other numbers.
attach_disks() { # file system...
	local kind
	for kind; do
		mkdir -p "$T/disks/$kind"
		mount -t "$kind" -o loop "$T/$kind.img" "$T/disks/$kind" || return 1
	done
}
make_disks() {
	local kind
	for kind in ext4 xfs btrfs; do
		truncate -s 400M "$T/$kind.img"
		"mkfs.$kind" "$T/$kind.img" >"$T/mkfs.log" 2>&1 || return 1
	done
	mkdir -p "$T/disks/tmpfs"
	mount -t tmpfs store "$T/disks/tmpfs" && attach_disks ext4 xfs btrfs
}
ok "the filesystems" make_disks
make_stores() {
	local kind name
	for kind in "${kinds[@]}"; do
		subid -q share create root/$kind "$T/disks/$kind/share/store" || return 1
		for name in alice bob; do subid -q share mount root/$kind $name || return 1; done
		for name in carol dave; do subid -q share mount root/$kind $name --for podman || return 1; done
	done
}
ok "a store on each, mounted for four users" make_stores
is "each mount has a row" "$(subid share list | awk '$5 == "mounted"' | wc -l)" 16

# --- the containers -------------------------------------------------------------------

mkdir -p "$T/rootfs"/{bin,proc,dev,sys,tmp,srv}
cp "$(command -v busybox)" "$T/rootfs/bin/busybox"
for name in sh cat ls id touch chown chmod cp stat sleep; do ln -sf busybox "$T/rootfs/bin/$name"; done
# busybox gives up a setuid bit by itself; this one runs on the host alone
cp /usr/bin/id "$T/rootfs/bin/host-id"
tar -C "$T/rootfs" -cf "$T/rootfs.tar" .

start_lxc() { # user: a container with the lines of `subid config`
	local name=$1
	{
		as $name subid config lxc $name
		echo lxc.net.0.type = empty
	} >"$T/$name.conf"
	as $name lxc-create -n c1 -f "$T/$name.conf" -t busybox && as $name lxc-start -n c1
}
# Runs a script once in a container, with "for kind" around it; starting podman takes long.
inside() { # user script: in its LXC container, or in a new one of its podman
	local each="for kind in ${kinds[*]}; do cd /srv/\$kind && { $2 ; }; done"
	case $1 in
	alice | bob) as "$1" lxc-attach -n c1 -- /bin/sh -c "$each" </dev/null ;;
	*)
		local options
		read -ra options < <(as "$1" subid config podman "$1" | grep -v '^#')
		as "$1" podman --runtime runc run --rm --network=none "${options[@]}" tiny /bin/sh -c "$each" 2>/dev/null
		;;
	esac
}
for name in alice bob; do ok "LXC of $name starts with them" start_lxc $name; done
for name in carol dave; do ok "an image for $name" as $name podman import "$T/rootfs.tar" tiny; done
like "podman is told of the mounts alone" "$(as carol subid config podman carol | grep -v '^#')" \
	"-v /run/subid/share/carol/@podman/root/btrfs:/srv/btrfs -v *"

ok "LXC: root and others write" inside alice 'echo begin >a && chown 33:44 a && chmod 666 a && mkdir d && chmod 777 d'
# all at once: each adds its lines to one file of each store
writers=()
for name in alice bob carol dave; do
	inside $name "i=0; while [ \$i -lt 20 ]; do echo $name >>a; i=\$((i + 1)); done;
		touch d/$name; chown 5:6 d/$name; stat -c '%u:%g %a' . a d >>d/$name" >"$T/$name.out" 2>&1 &
	writers+=($!)
done
wait "${writers[@]}"
ok "podman: root makes a setuid file" inside dave 'cp /bin/host-id d/id && chmod 6755 d/id'
inside bob 'cat a | sort | uniq -c | while read n name; do echo -n "$kind $n $name,"; done; echo' >"$T/lines"
inside alice 'stat -c "$kind %u:%g %a %n" d/id d/bob d/carol' >"$T/seen"

# Ids of a tree, beside those of the store: none.
strangers() { # directory
	local uid count
	read -r uid count < <(subid share list | awk -v dir="$1" '$6 == dir { print $7, $9 }')
	find "$1" -exec stat -c '%u %g %n' {} + |
		awk -v from="$uid" -v to=$((uid + count)) '$1 < from || $1 >= to || $2 < from || $2 >= to'
}
# Somebody for whom the raw store is in reach after all.
from_raw() { # store program...
	local store=$1
	shift
	unshare --mount sh -c 'mount --bind "$0" /mnt && cd /mnt && exec setpriv --reuid '"$(id -u dave)"' --regid '"$(id -g dave)"' --clear-groups "$@"' "$store" "$@"
}

for kind in "${kinds[@]}"; do
	store=$T/disks/$kind/share/store
	uid=$(stat -c %u "$store") gid=$(stat -c %g "$store")
	is "$kind: each of the four has written, and all read it" "$(grep "^$kind " "$T/lines")" \
		"$kind 20 alice,$kind 1 begin,$kind 20 bob,$kind 20 carol,$kind 20 dave,"
	for name in bob carol; do
		is "$kind: $name sees sensible owners" "$(cat "$store/d/$name")" $'0:0 755\n33:44 666\n0:0 777'
	done
	is "$kind: and what others have made" "$(grep "^$kind " "$T/seen")" \
		"$kind 0:0 6755 d/id"$'\n'"$kind 5:6 644 d/bob"$'\n'"$kind 5:6 644 d/carol"
	is "$kind: on the disk all is the store's" "$(strangers "$store")" ""
	is "$kind: in its order" "$(stat -c %u:%g "$store/a")" "$((uid + 33)):$((gid + 44))"
	is "$kind: the store's ids are root's range" "$((uid >= first && uid < first + 1000000))" 1
	not_ok "$kind: no user reaches the raw store" as alice ls "$store"
	not_ok "$kind: nor who escapes from a container" setpriv --reuid 100000 --regid 100000 --clear-groups ls "$store"
	not_ok "$kind: nor the other's mount" as alice ls "/run/subid/share/bob/@all/root/$kind"
	not_ok "$kind: nor does who escapes" setpriv --reuid 100000 --regid 100000 --clear-groups ls "/run/subid/share/bob/@all/root/$kind"
	is "$kind: a setuid file gains nothing on the host" "$(as dave "/run/subid/share/dave/@podman/root/$kind/d/id" -u)" "$(id -u dave)"
	is "$kind: from the raw store it would be nobody's" "$(from_raw "$store" ./d/id -u)" "$uid"
done

# --- a boot ---------------------------------------------------------------------------

for name in alice bob; do as $name lxc-stop -k -n c1; done
for name in carol dave; do as $name podman system migrate >/dev/null 2>&1; done
power_off() {
	local point
	grep -oE ' /run/subid/share/[^ ]+' /proc/self/mountinfo | while read -r point; do umount "$point"; done
	for point in ext4 xfs btrfs; do umount -d "$T/disks/$point" || return 1; done
	rm -rf /run/subid
}
ok "off: nothing is mounted, and /run is empty" power_off
expect "before the disks are there, each store is missed, and what is there is mounted" 3 \
	'root/tmpfs alice lxc rw mounted *root/tmpfs dave podman rw mounted *' \
	'*root/ext4: *root/xfs: *' subid share mount --all
ok "on: the disks, with other devices" attach_disks btrfs xfs ext4
expect "the unit's command brings back the rest" 0 'root/btrfs alice *root/xfs dave *' '' subid share mount --all
is "all is mounted" "$(subid share list | awk '$5 == "mounted"' | wc -l)" 16
expect "once more changes nothing" 0 '' '' subid share mount --all
as bob lxc-start -n c1
inside bob 'echo "$kind $(sort -u a | tr "\n" " ")"' >"$T/lxc"
inside carol 'echo again >>a && stat -c "$kind %u:%g" a' >"$T/podman"
for kind in "${kinds[@]}"; do
	is "$kind: LXC reads it after the boot" "$(grep "^$kind " "$T/lxc")" "$kind alice begin bob carol dave "
	is "$kind: and podman writes" "$(grep "^$kind " "$T/podman")" "$kind 33:44"
done
for name in alice bob carol dave; do subid -q share umount root/ext4 $name; done
expect "a store is kept for as long as a container has it" 1 '' \
	'*root/ext4: is still mounted in /srv/ext4 of process *stop its container*nothing was changed*' subid share destroy root/ext4
as bob lxc-stop -k -n c1
expect "and then it can be destroyed" 0 'root/ext4 uid *released*' '*keep their ids*' subid share destroy root/ext4
for kind in ext4 xfs btrfs; do umount -l "$T/disks/$kind"; done
