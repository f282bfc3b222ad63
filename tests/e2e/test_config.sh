#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid config: what it prints is pasted into the real thing, and the kernel says
# what became of it.  Docker's engine is not here: its file is read as JSON.
. "$(dirname "$0")/lib.sh"
plan 69

add_user alice -u 2001 -s /bin/bash
delegate_cgroup alice
add_user bob -u 2002
home=$T/home/alice
# the containers' root walks through it
chmod 755 "$T"

# A root file system that is a shell and little more.
root_fs() { # directory
	local name
	mkdir -p "$1"/{bin,sbin,tmp,proc,dev,sys,root,etc,usr/lib}
	cp "$(command -v busybox)" "$1/bin/busybox"
	for name in sh cat id touch sleep; do ln -sf busybox "$1/bin/$name"; done
	ln -sf ../bin/busybox "$1/sbin/init"
	echo ID=tiny >"$1/etc/os-release"
	cp "$1/etc/os-release" "$1/usr/lib/os-release"
}
root_fs "$T/rootfs"
tar -C "$T/rootfs" -cf "$T/rootfs.tar" .

printed_map() { # text: the map in it, as map_of prints it
	awk 'NF == 3 && !/[^0-9 ]/ { printf "%s%s %s %s", sep, $1, $2, $3; sep = ", " }' <<<"$1"
}

tables $'alice:100000:65536\nroot:655360:655360\ncontainers:2000000:1000000'

# LXC, run by an ordinary user.
expect "lxc" 0 '# alice: add to ~/.local/share/lxc/NAME/config; *
lxc.idmap = u 0 100000 65536
lxc.idmap = g 0 100000 65536' '' as alice subid config lxc alice
lxc_container() { # name argument...: with the lines of subid config
	local name=$1
	shift
	{
		as alice subid config lxc "$@"
		echo 'lxc.net.0.type = empty'
	} >"$T/$name.conf"
	as alice lxc-create -n "$name" -f "$T/$name.conf" -t busybox && as alice lxc-start -n "$name"
}
init_of() { as alice lxc-info -n "$1" -p -H; }
ok "a container with these lines starts" lxc_container c1 alice
init=$(init_of c1)
is "and has the map" "$(map_of uid "$init"), $(map_of gid "$init")" "0 100000 65536, 0 100000 65536"
as alice lxc-stop -k -n c1
ok "a container with --keep-id starts" lxc_container c2 --keep-id 1000 alice
init=$(init_of c2)
is "and has alice as 1000" "$(map_of uid "$init")" "0 100000 1000, 1000 2001 1, 1001 101001 64535"
is "and alice's group" "$(map_of gid "$init")" "0 100000 1000, 1000 2001 1, 1001 101001 64535"
as alice lxc-attach -n c2 -- sh -c 'echo >/tmp/made; chown 1000:1000 /tmp/made'
is "what 1000 makes is alice's" "$(stat -c %u:%g "$home/.local/share/lxc/c2/rootfs/tmp/made" "/proc/$init/root/tmp/made" 2>/dev/null | sort -u)" 2001:2001
as alice lxc-stop -k -n c2
# they would keep their ids from the leases
as alice lxc-destroy -n c1
as alice lxc-destroy -n c2

# Two containers of alice's, each with a lease of its own: nothing is shared.
store=$home/.local/state/subid
leases() { # line...
	install -d -o alice -g alice "$home/.local" "$home/.local/state"
	install -d -m 700 -o alice -g alice "$store"
	printf '%s\n' "$@" | tee "$store/subuid" >"$store/subgid"
	chown alice: "$store"/*
}
expect "a lease" 0 '*' '' as alice subid grant alice/c3 --range 110000:10000
expect "and another" 0 '*' '' as alice subid grant alice/c4 --range 120000:10000
expect "of a lease" 0 '# alice/c3: add to ~/.local/share/lxc/c3/config; *
lxc.idmap = u 0 110000 10000
lxc.idmap = g 0 110000 10000' '' as alice subid config lxc alice/c3
expect "root reads it, too" 0 '*lxc.idmap = u 0 120000 10000*' '' subid config lxc alice/c4
expect "others may not" 1 '' 'subid: alice/c4: no such lease' as bob subid config lxc alice/c4
expect "without a name: what is not leased" 0 '*lxc.idmap = u 0 130000 35536
lxc.idmap = u 35536 100000 10000
*' '' subid config lxc alice
ok "one container starts" lxc_container c3 alice/c3
ok "and the other" lxc_container c4 alice/c4
c3=$(init_of c3) c4=$(init_of c4)
is "their maps are disjoint" "$(map_of uid "$c3"), $(map_of gid "$c3"), $(map_of uid "$c4"), $(map_of gid "$c4")" \
	"0 110000 10000, 0 110000 10000, 0 120000 10000, 0 120000 10000"
as alice lxc-attach -n c3 -- sh -c 'echo mine >/root/mine; chmod 600 /root/mine'
# who has escaped from c4 is its root, with all of its ids, on the host
escaped() { setpriv --reuid 120000 --regid 120000 --clear-groups "$@"; }
not_ok "who escapes from one does not signal the other's processes" escaped bash -c "kill -0 $c3"
not_ok "nor reads its files" escaped cat "$home/.local/share/lxc/c3/rootfs/root/mine"
not_ok "nor enters its namespace" escaped nsenter -t "$c3" -U true
like "who is who" "$(subid ps alice | cut -d ' ' -f 2,3,7,8,9,10,11 | sort -u)" \
	'*110000 root 1 alice c3 c3 init*120000 root 1 alice c4 c4 init*'
is "back from a file" "$(subid id -u "$home/.local/share/lxc/c3/rootfs/root/mine")" "uid 110000 alice c3 0 root leased"
as alice lxc-stop -k -n c3
as alice lxc-stop -k -n c4
expect "podman: a lease counted from the start of alice's ids" 0 '*
--uidmap 0:20001:10000 --gidmap 0:20001:10000' '' subid config podman alice/c4
expect "docker knows no leases" 0 '*' 'subid: warning: alice: Docker uses all of its ids, *' subid config docker alice
expect "nor maps for one container" 1 '' 'subid: alice/c3: Docker uses one map for all *' subid config docker alice/c3
leases all:100000:65536
expect "when all is leased" 1 '' 'subid: alice: all uids are leased to containers; *' subid config lxc alice
leases gone:165000:1000
expect "a lease that is not alice's any more" 1 '' "subid: alice/gone: alice no longer holds all of its ids" subid config lxc alice/gone
rm -r "$store"

# The version decides about the word.
mkdir "$T/old"
printf '#!/bin/sh\necho 2.0.11\n' >"$T/old/lxc-start"
printf '#!/bin/sh\nexec sleep 1000\n' >"$T/old/systemd-nspawn"
printf '#!/bin/sh\nyes | head -c 100000\n' >"$T/old/podman"
chmod 755 "$T"/old/*
expect "an old LXC knows another word" 0 '*lxc.id_map = u 0 *lxc.id_map = g 0 *' '' \
	env PATH="$T/old:$PATH" subid config lxc alice
expect "--for a version that is not here" 0 '*lxc.id_map = u 0 *' '' subid config --for 2.0 lxc alice
expect "--root asks no program" 0 '*lxc.idmap = u 0 *' '' env PATH="$T/old:$PATH" subid --root / config lxc alice
expect "a program that does not answer is not waited for long" 0 '*--private-users=*ownership*' '' \
	env PATH="$T/old:$PATH" timeout 20 "$PRE/bin/subid" config nspawn root

# podman as an ordinary user: the maps are those of alice's own namespace.
cgroup2_begin
pod() { # user option...: the map of a container
	local user=$1
	shift
	run as "$user" podman --runtime crun run --rm --network=none "$@" tiny /bin/cat /proc/self/uid_map /proc/self/gid_map
	printed_map "$out"
}
options() { # the options alone
	as alice subid config "$@" | sed '/^#/d'
}
# its driver vfs keeps a store closed to other maps than the first
open_store() { chmod 755 "$T/home/alice/.local/share/containers/storage"{,/vfs,/vfs/dir}; }
ok "podman import" as alice podman import "$T/rootfs.tar" tiny
open_store
# shellcheck disable=SC2046 # words are meant
is "podman, rootless: inside of alice's namespace" "$(pod alice $(options podman alice))" "0 1 65536, 0 1 65536"
in_host() { # option...: the map of a container, as the host sees it
	local pid name=$RANDOM
	start become alice podman --runtime crun run --name "c$name" --network=none "$@" tiny /bin/sleep 1000 >"$T/podman.log" 2>&1
	wait_for test -n "$(pid_of "c$name")"
	pid=$(pid_of "c$name")
	echo "$(map_of uid "$pid"), $(map_of gid "$pid")"
	as alice podman rm -f -t 0 "c$name" >/dev/null 2>&1
	[ -n "$pid" ] || sed 's/^/# /' "$T/podman.log" >&2
}
pid_of() {
	local i
	for i in {1..200}; do
		as alice podman inspect --format '{{.State.Pid}}' "$1" 2>/dev/null | grep -vx 0 && return
		read -rt 0.05 <> <(:)
	done
}
# shellcheck disable=SC2046
is "podman, rootless: on the host" "$(in_host $(options podman alice))" "0 100000 65536, 0 100000 65536"
# shellcheck disable=SC2046
is "podman, rootless: --keep-id" "$(in_host $(options podman alice --keep-id 1000))" \
	"0 100000 1000, 1000 2001 1, 1001 101001 64535, 0 100000 1000, 1000 2001 1, 1001 101001 64535"
anew() {
	as alice podman system reset -f >/dev/null 2>&1
	as alice podman system migrate >/dev/null 2>&1
	rm -rf "$T/home/alice/.local/share/containers" "/run/user/$(id -u alice)"/{containers,libpod}
	as alice podman import "$T/rootfs.tar" tiny >/dev/null 2>&1
	open_store
}
anew
leases c4:120000:10000
# shellcheck disable=SC2046
is "podman, rootless: a lease" "$(in_host $(options podman alice/c4))" "0 120000 10000, 0 120000 10000"
rm -r "$store"
# podman puts the lines in the order of their ids, whatever the file has
tables $'alice:300000:1000\n2001:200000:10\nalice:100000:100\nroot:655360:655360\ncontainers:2000000:1000000'
anew
expect "lines out of order" 0 '*--uidmap 0:1:1110 --gidmap 0:1:1110' '' subid config podman alice
# shellcheck disable=SC2046
is "podman has them in the order of ids, as we" "$(in_host $(options podman alice))" \
	"0 100000 100, 100 200000 10, 110 300000 1000, 0 100000 100, 100 200000 10, 110 300000 1000"
tables $'alice:100000:100\nalice:100050:100'
expect "lines that overlap" 1 '' 'subid: alice: two of its lines overlap*' subid config podman alice
tables $'alice:100000:65536\nroot:655360:655360\ncontainers:2000000:1000000'
as alice podman system reset -f >/dev/null 2>&1

# podman as root.
cgroup2_end
storage=$T/storage
root_podman() {
	podman --root "$storage/root" --runroot "$storage/run" --tmpdir "$storage/tmp" --runtime runc "$@"
}
ok "podman import as root" root_podman import "$T/rootfs.tar" tiny
# a kernel may have no limit of processes for cgroup v2
in_root() { # option...
	run root_podman run --rm --network=none --pids-limit=-1 "$@" tiny /bin/cat /proc/self/uid_map
	printed_map "$out"
}
expect "podman as root: host ids" 0 '# root: *--uidmap 0:655360:655360 --gidmap 0:655360:655360' '' subid config podman root
# shellcheck disable=SC2046
is "and they are" "$(in_root $(options podman root))" "0 655360 655360"
expect "podman --userns=auto" 0 $'# containers: add to /etc/containers/storage.conf*
\[storage.options]\nroot-auto-userns-user = "containers"\nauto-userns-max-size = 65536' '' subid config podman containers
# From 4.20 on, shadow's library does not know an owner without an account; ours does.
[ -n "$(/usr/bin/getsubids containers 2>/dev/null)" ] || export LD_LIBRARY_PATH=$PRE/lib/subid-compat
like "podman: the ids of containers by name" "$(in_root --subuidname containers --subgidname containers)" "0 2000000 1000000"
subid config podman containers >"$T/storage.conf"
sed -i "1i[storage]\ndriver = \"vfs\"\nrunroot = \"$storage/run2\"\ngraphroot = \"$storage/root2\"" "$T/storage.conf"
auto() {
	CONTAINERS_STORAGE_CONF=$T/storage.conf podman --runtime runc --tmpdir "$storage/tmp2" "$@"
}
auto import "$T/rootfs.tar" tiny >/dev/null 2>&1
run auto run --rm --network=none --pids-limit=-1 --userns=auto tiny /bin/cat /proc/self/uid_map
like "podman as root: --userns=auto with these lines" "$(printed_map "$out")" "0 2000000 *"
unset LD_LIBRARY_PATH

# Docker, OCI
expect "docker: a file, and where it goes" 0 '*' 'subid: alice: add to /etc/docker/daemon.json, *' subid config docker alice
is "docker: it is JSON" "$(jq -c . <<<"$out")" '{"userns-remap":"alice"}'
is "docker: with -q that alone" "$(subid -q config docker alice 2>&1 | jq -c .)" '{"userns-remap":"alice"}'
echo 2001:100000:65536 | tee /etc/subuid >/etc/subgid
is "docker: the spelling of the lines" "$(subid config docker alice 2>/dev/null | jq -c .)" '{"userns-remap":"2001"}'
tables $'alice:100000:65536\nroot:655360:655360\ncontainers:2000000:1000000'
expect "docker: --keep-id cannot be" 1 '' 'subid: alice: Docker cannot map *' subid config docker --keep-id 1000 alice
bundle=$home/bundle
root_fs "$bundle/rootfs"
chown -R alice: "$bundle"
as alice sh -c "cd $bundle && runc spec --rootless"
as alice sh -c "subid config oci --keep-id 0 alice" 2>/dev/null >"$T/maps.json"
jq -s '.[0] * .[1] | .process.terminal = false | .process.args = ["/bin/cat", "/proc/self/uid_map"]' \
	"$bundle/config.json" "$T/maps.json" >"$T/config.json"
install -o alice "$T/config.json" "$bundle/config.json"
run as alice runc --root /run/user/2001/runc run -b "$bundle" r1
is "runc takes the maps" "$(printed_map "$out")" "0 2001 1, 1 100001 65535"

# systemd-nspawn, which at 262 refuses cgroups of version 1
cgroup2_begin
nspawn() {
	run timeout 60 systemd-nspawn -q --register=no --keep-unit "$@" -D "$T/rootfs" /bin/cat /proc/self/uid_map
	printed_map "${out//$'\r'/}" # of its terminal
}
expect "nspawn" 0 '# root: *--private-users=655360:655360 --private-users-ownership=map' '' subid config nspawn root
# shellcheck disable=SC2046
is "nspawn has the map" "$(nspawn $(options nspawn root))" "0 655360 655360"
cgroup2_end
expect "nspawn: keep-id cannot be" 1 '' 'subid: root: systemd-nspawn cannot map *' subid config nspawn root --keep-id 5

# LXD and Incus
expect "lxd" 0 '# root: *lxc profile set default security.idmap.isolated true' '' subid config lxd root
expect "incus" 0 '# root: *incus profile set default security.idmap.isolated true' '' subid config incus root
expect "lxd: not for others" 1 '' "subid: alice: LXD uses only ids of root's lines*" subid config lxd alice

# Asked in a wrong way, or for nothing.
expect "no such runtime" 2 '' $'subid: config: unknown runtime \'lxx\'; one of lxc, lxd, *\nsubid: try *' subid config lxx alice
expect "no owner: oneself" 0 "*lxc.idmap = u 0 655360 655360*" "" subid config lxc
expect "one too many" 2 '' $'subid: config: expected RUNTIME and OWNER*\n*' subid config lxc alice bob
expect "--keep-id: no number" 2 '' "subid: --keep-id: invalid id 'x'"$'\n*' subid config lxc alice --keep-id x
expect "--keep-id: no id" 2 '' "subid: --keep-id: invalid id '4294967295'"$'\n*' subid config lxc alice --keep-id 4294967295
expect "--for: no version" 2 '' "subid: --for: invalid version 'x'"$'\n*' subid config --for x lxc alice
expect "nobody's name" 1 '' 'subid: alize: no such account, and no range has this owner' subid config lxc alize
expect "an account without ranges" 1 '' "subid: bob: no subordinate uids; try 'subid grant bob'" subid config lxc bob
expect "no such lease" 1 '' 'subid: alice/zz: no such lease' subid config lxc alice/zz
expect "a name with an escape sequence" 1 '' "subid: a?\[2J: invalid owner name" subid config lxc $'a\e[2J'
expect "standard output full" 3 '' '*No space left on device' sh -c 'exec subid config lxc alice >/dev/full'
expect "--json" 0 '*' '' subid config --json lxc alice
is "is JSON, with maps and lines" "$(jq -c '[.runtime, .owner, .container, .uid_map, .gid_map, .lines, (.remarks | length > 0)]' <<<"$out")" \
	'["lxc","alice",null,[{"inside":0,"outside":100000,"count":65536}],[{"inside":0,"outside":100000,"count":65536}],["lxc.idmap = u 0 100000 65536","lxc.idmap = g 0 100000 65536"],true]'
