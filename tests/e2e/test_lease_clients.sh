#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Two containers of one user, each with its lease for a map, in real runtimes: nothing is
# shared.  And what LXC, LXD and podman have given by themselves is avoided by leases.
#
# In a pid namespace of its own, with which ends what the clients leave running.
[ $$ = 1 ] || exec unshare --pid --fork --kill-child --mount-proc bash "$0"
. "$(dirname "$0")/lib.sh"
plan 36
private_store
chmod 755 "$T"
add_user alice -u 2001 -s /bin/bash
delegate_cgroup alice
home=$T/home/alice
uid=$(id -u alice)
tables $'alice:100000:200000\nroot:1000000:1000000'

# --- LXC --------------------------------------------------------------------------

lxc_config() { # file owner/name: its lease as a map
	mkdir -p "${1%/*}"
	subid list "$2" | awk '{ print "lxc.idmap = " substr($2, 1, 1) " 0 " $3 " " $5 }' >"$1"
	echo 'lxc.net.0.type = empty' >>"$1"
}
first_id() { subid list -u "$1" | awk '{ print $3 }'; }

for name in web db; do
	ok "alice leases a range for $name" as alice subid grant alice/$name
	lxc_config "$home/.config/lxc/$name.conf" alice/$name
	chown -R alice: "$home/.config"
	ok "LXC: $name is made" as alice lxc-create -n $name -f "$home/.config/lxc/$name.conf" -t busybox
	ok "LXC: $name starts" as alice lxc-start -n $name
done
web=$(as alice lxc-info -n web -p -H) db=$(as alice lxc-info -n db -p -H)
is "LXC: web's map is its lease" "$(map_of uid "$web"), $(map_of gid "$web")" "0 100000 65536, 0 100000 65536"
is "LXC: db's is another" "$(map_of uid "$db"), $(map_of gid "$db")" "0 165536 65536, 0 165536 65536"
as alice lxc-attach -n db -- sh -c 'umask 077; echo secret >/root/secret; sleep 1000 & echo $! >/tmp/pid' </dev/null &>/dev/null
secret=$home/.local/share/lxc/db/rootfs/root/secret
is "LXC: db's root is its own to the host" "$(stat -c %u:%g "$secret")" 165536:165536
# who escapes from web is a process on the host with web's ids
escaped() { setpriv --reuid 100000 --regid 100000 --clear-groups "$@"; }
not_ok "who escapes from web cannot read db's files" escaped cat "$secret"
not_ok "nor change them" escaped chmod 777 "$secret"
not_ok "nor signal db's processes" escaped kill -0 "$db"
ok "while db's root could" setpriv --reuid 165536 --regid 165536 --clear-groups kill -0 "$db"
expect "the lease of what runs is not taken back" 1 '' '*alice/web: in use: *' as alice subid revoke alice/web
for name in web db; do as alice lxc-stop -k -n $name; done
expect "stopped: its ids are avoided all the same" 1 '' "*165536-231071: lxc has them for container 'db'*" \
	sh -c "rm -r $home/.local/state/subid; subid grant --range 165536:1 alice/x"
for name in web db; do as alice lxc-destroy -n $name; done
ok "gone: they may be given again" subid grant alice/web

nothing_shared() {
	[ "$(subid --json audit --fail-on never | jq '[.findings[] | ., .also[]? | select(.rule | startswith("live-shared"))] | length')" = 0 ]
}

# --- podman, rootless ---------------------------------------------------------------

mkdir -p "$T/rootfs/bin" "$T/rootfs/proc" "$T/rootfs/dev" "$T/rootfs/sys" "$T/rootfs/tmp"
cp "$(command -v busybox)" "$T/rootfs/bin/busybox"
for name in sh cat sleep; do ln -sf busybox "$T/rootfs/bin/$name"; done
tar -C "$T/rootfs" -cf "$T/rootfs.tar" .
ok "podman: an image" as alice podman import "$T/rootfs.tar" tiny
ok "podman: its session is no hindrance" as alice subid grant --count 1000 alice/pod
start=$(first_id alice/pod)
# what podman calls host is the user's own namespace: 0 is she, 1 her first line's first
inside=$((start - 100000 + 1))
ok "podman: a container with the lease as its map" as alice podman --runtime runc create --name pod --network=none \
	--uidmap "0:$inside:1000" --gidmap "0:$inside:1000" tiny /bin/sleep 1000
ok "podman: starts" as alice podman --runtime runc start pod
pod=$(as alice podman inspect -f '{{.State.Pid}}' pod)
is "podman: to the host its map is the lease" "$(map_of uid "$pod"), $(map_of gid "$pod")" \
	"0 $start 1000, 0 $start 1000"
# in the session's own namespace: its root is alice herself, and may become anybody there
ok "podman: a container without a map of its own" as alice podman --runtime runc run -d --name plain --network=none tiny /bin/sleep 1000
expect "podman: may have any of her ids" 1 '' '*in use by process*' as alice subid grant --count 1000 alice/x
as alice podman rm -f -t 0 plain >/dev/null
as alice podman --runtime runc create --name own --network=none --uidmap 0:150001:500 --gidmap 0:150001:500 tiny /bin/sleep 9 >/dev/null
expect "podman: ids of a container that never ran are avoided" 1 '' "*250000-250499: podman has them for container 'own'*" \
	as alice subid grant --range 250100:1 alice/x
# Two containers with the map of one lease: below her podman's own namespace, and still two.
ok "podman: another container with the same map" as alice podman --runtime runc run -d --name twin --network=none \
	--uidmap "0:$inside:1000" --gidmap "0:$inside:1000" tiny /bin/sleep 1000
like "podman: the audit names both, by podman's names" \
	"$(subid --json audit --fail-on never | jq -r '.findings[] | ., .also[]? | select(.rule == "live-shared-own" or .rule == "live-shared") | .reason')" \
	"*podman *pod*twin*"
is "podman: ps has the lease in a column of its own" \
	"$(subid --json ps | jq -r '.. | objects | select(.lease? != null and .owner? != null) | .lease' | sort -u)" pod
as alice podman rm -f -t 0 twin >/dev/null
is "podman: alone, it shares nothing" \
	"$(wait_for nothing_shared && echo nothing)" nothing
as alice podman stop -t 0 pod >/dev/null
# what podman starts to clean up has the map, too, and ends a moment later
wait_for as alice subid revoke -n alice/pod
ok "podman: stopped, the lease can be taken back" as alice subid revoke alice/pod
as alice podman system migrate >/dev/null 2>&1

# --- LXD ---------------------------------------------------------------------------

if ! command -v lxd >/dev/null; then
	skip 7 "$(lack lxd)"
	exit
fi
mkdir -p /var/lib/lxd
mountpoint -q /var/lib/lxd || mount -t tmpfs -o mode=711 subid-test /var/lib/lxd
export LXD_DIR=/var/lib/lxd HOME=$T/home
lxd --group root >"$T/lxd.log" 2>&1 &
started+=("$!")
mkdir -p "$T/image"
cp -a "$T/rootfs" "$T/image/rootfs"
mkdir -p "$T/image/rootfs/sbin" "$T/image/rootfs/etc" "$T/image/rootfs/run"
ln -s ../bin/busybox "$T/image/rootfs/sbin/init"
echo '::respawn:/bin/sleep 1000' >"$T/image/rootfs/etc/inittab"
printf 'architecture: "%s"\ncreation_date: 1424284563\n' "$(uname -m)" >"$T/image/metadata.yaml"
tar -C "$T/image" -czf "$T/image.tar.gz" metadata.yaml rootfs
lxd_up() {
	lxd waitready --timeout 60 && lxc storage create default dir &&
		lxc profile device add default root disk path=/ pool=default && lxc image import "$T/image.tar.gz" --alias tiny
}
ok "LXD: runs" lxd_up
for name in a b; do
	ok "LXD: an isolated container" sh -c "lxc init tiny $name -c security.idmap.isolated=true -c security.idmap.size=65536 &&
		lxc start $name"
done
expect "LXD: root's lease is clear of both" 0 $'root/x uid 1000000 1065535 *\nroot/x gid *' '' subid grant root/x
for name in a b; do lxc stop -f $name; done
expect "LXD: stopped, they are named" 1 '' '*lxd has them for container*lxd has them for container*' \
	subid grant --range 1100000:65536 root/y
expect "LXD: and avoided" 0 $'root/y uid 1196608 *' '' subid grant root/y
lxc delete a
expect "LXD: gone, the ids may be given" 0 $'root/z uid 1065536 1065545 *' '' subid grant -c 10 root/z
