#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A user's range moves: what real runtimes have left follows, by the commands that subid
# shift --owner prints, and the containers start again with their files as they were.
#
# In a pid namespace of its own, with which ends what the clients leave running.
[ $$ = 1 ] || exec unshare --pid --fork --kill-child --mount-proc bash "$0"
. "$(dirname "$0")/lib.sh"
plan 17
chmod 755 "$T"
add_user alice -u 2001 -s /bin/bash
delegate_cgroup alice
home=$T/home/alice
OLD=100000:65536
tables alice:$OLD

# What a container sees of its files.
inside='stat -c "%u:%g %a %n" /five /five/setuid /root'
mkdir -p "$T/rootfs/bin" "$T/rootfs/proc" "$T/rootfs/dev" "$T/rootfs/sys" "$T/rootfs/tmp" "$T/rootfs/root" "$T/rootfs/five"
cp "$(command -v busybox)" "$T/rootfs/bin/busybox"
for name in sh stat sleep; do ln -sf busybox "$T/rootfs/bin/$name"; done
touch "$T/rootfs/five/setuid"
chown -R 5:7 "$T/rootfs/five"
chmod 4750 "$T/rootfs/five/setuid"
tar -C "$T/rootfs" -cf "$T/rootfs.tar" .

# --- before -----------------------------------------------------------------------------

mkdir -p "$home/.config/lxc"
printf '%s\n' 'lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536' 'lxc.net.0.type = empty' >"$home/.config/lxc/default.conf"
chown -R alice: "$home/.config"
ok "LXC: a container is made" as alice lxc-create -n c1 -t busybox
ok "LXC: it starts" as alice lxc-start -n c1
as alice lxc-attach -n c1 -- sh -c 'mkdir /five; echo >/five/setuid; chown -R 5:7 /five; chmod 4750 /five/setuid' </dev/null &>/dev/null
lxc_before=$(as alice lxc-attach -n c1 -- sh -c "$inside" </dev/null 2>/dev/null)
like "LXC: it has a file of its user 5" "$lxc_before" "*5:7 4750 /five/setuid*"
expect "while it runs, nothing is shifted" 1 '' "*in use: nothing was changed*" \
	subid shift "$home/.local/share/lxc/c1" --from "$OLD" --to 300000:65536 --leave
as alice lxc-stop -k -n c1
run_tiny() { as alice podman --runtime runc run --rm --network=none tiny /bin/sh -c "$inside"; }
ok "podman: an image" as alice podman import "$T/rootfs.tar" tiny
podman_before=$(run_tiny 2>/dev/null)
like "podman: it has a file of its user 5" "$podman_before" "*5:7 4750 /five/setuid*"

# --- her range moves ----------------------------------------------------------------------

tables alice:300000:65536
subid --json shift --owner alice --from "$OLD" >"$T/json"
is "both are found" "$(jq -c '[.trees[].runtime] | sort' "$T/json")" '["lxc","podman"]'
jq -r '.trees[] | select(.runtime == "podman").command' "$T/json" >"$T/podman"
jq -r '.trees[] | select(.runtime == "lxc").command' "$T/json" >"$T/lxc"
expect "podman's session has the old ids still" 1 '' "*(process *, podman pause) maps uid 100000*in use*" bash -e "$T/lxc"
as alice podman system migrate >/dev/null 2>&1
ok "LXC: the command that is shown" bash -e "$T/lxc"
sed -i 's/ 100000 / 300000 /' "$home/.local/share/lxc/c1/config"
ok "LXC: the container starts with the new range" as alice lxc-start -n c1
is "LXC: its map is the new one" "$(map_of uid "$(as alice lxc-info -n c1 -p -H)")" "0 300000 65536"
is "LXC: it sees its files as they were" "$(as alice lxc-attach -n c1 -- sh -c "$inside" </dev/null 2>/dev/null)" "$lxc_before"
as alice lxc-stop -k -n c1
expect "podman: the command that is shown" 0 "*shifted*" '' bash -e "$T/podman"
is "podman: it sees its files as they were" "$(run_tiny 2>/dev/null)" "$podman_before"
is "no file of hers has an old id" "$(find "$home" \( -uid +99999 -uid -165536 \) -o \( -gid +99999 -gid -165536 \))" ""
expect "nor is one found" 0 "nothing is left of $OLD in *; nothing else was looked at" '' subid shift --owner alice --from "$OLD"
ok "podman: another image of it" as alice podman import "$T/rootfs.tar" tiny2
