#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Real LXD beside our leases: two containers with the ids of theirs, seen, named, and
# avoided.
. "$(dirname "$0")/lib.sh"
plan 22
if ! command -v lxd >/dev/null; then
	skip 22 "$(lack lxd)"
	exit
fi

chmod 755 "$T"
mount -t tmpfs -o mode=755 var-lib /var/lib # with root's store of leases
tables 'root:655360:655360'
export LXD_DIR=$T/lxd
mkdir "$LXD_DIR"
# without a network it asks nobody for anything
start unshare --net lxd --group root >"$T/lxd.log" 2>&1
ok "LXD runs" lxd waitready --timeout 30

root=$T/image/rootfs
mkdir -p "$root"/{bin,sbin,tmp,proc,dev,sys,root,etc}
cp "$(command -v busybox)" "$root/bin/busybox"
for name in sh cat id sleep; do ln -sf busybox "$root/bin/$name"; done
ln -sf ../bin/busybox "$root/sbin/init"
echo 'root:x:0:0::/root:/bin/sh' >"$root/etc/passwd"
printf '%s\n' "architecture: $(uname -m)" 'creation_date: 1700000000' 'properties: {description: tiny, os: tiny}' \
	>"$T/image/metadata.yaml"
tar -C "$T/image" -cf "$T/image.tar" metadata.yaml rootfs
ok "a pool" lxc storage create default dir
ok "a disk" lxc profile device add default root disk path=/ pool=default
ok "an image" lxc image import "$T/image.tar" --alias tiny

expect "a lease" 0 'root/c1 uid 655360 720895 65536 *root/c1 gid 655360 720895 65536 *' '' subid grant root/c1 --count 65536
expect "and another" 0 'root/c2 uid 720896 786431 65536 *root/c2 gid 720896 786431 65536 *' '' subid grant root/c2 --count 65536
expect "what LXD must be told" 0 '# root/c1: *
lxc config set c1 security.idmap.isolated true
lxc config set c1 security.idmap.base 655360
lxc config set c1 security.idmap.size 65536' '' subid config lxd root/c1
init_of() { lxc info "$1" | awk '$1 == "PID:" { print $2 }'; }
for name in c1 c2; do
	ok "$name: is made" lxc init tiny $name
	subid config lxd root/$name | sed '/^#/d' >"$T/$name.sh"
	ok "$name: the lines are taken" sh -e "$T/$name.sh"
	ok "$name: starts" lxc start $name
done
c1=$(init_of c1) c2=$(init_of c2)
is "c1 has the ids of its lease" "$(map_of uid "$c1"), $(map_of gid "$c1")" "0 655360 65536, 0 655360 65536"
is "c2 has" "$(map_of uid "$c2"), $(map_of gid "$c2")" "0 720896 65536, 0 720896 65536"
run subid ps
like "both are seen, and named" "$out" "*655360 root 0 0 $c1 1 root c1 c1 init*720896 root 0 0 $c2 1 root c2 c2 init*"
is "as LXD's" "$(subid ps --json root/c1 | jq -r '.processes[0].runtime')" lxd
is "only c2's" "$(subid ps root/c2 | cut -d ' ' -f 9 | sort -u)" c2
is "whose an id is" "$(subid id 720899)" "uid 720899 root c2 3 - leased"
not_ok "the next lease meets neither" grep -qE ' (655360|720896) ' <(subid grant root/c3 --count 65536)
expect "one that is in use is not taken back" 1 '' '*in use*' subid revoke root/c1
lxc stop --force c1 c2 >/dev/null 2>&1
is "stopped: nothing is seen" "$(subid ps)" ""
