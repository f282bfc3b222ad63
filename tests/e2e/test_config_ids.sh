#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Which ids subid config puts into a map: those of accounts are left out, the largest range
# comes first, and what the kernel or podman would refuse is said before.
. "$(dirname "$0")/lib.sh"
plan 17

root=$T/image
# host SUBUID SUBGID [LINE of passwd...]
host() {
	mkdir -p "$root/etc"
	printf '%s\n' root:x:0:0::/root:/bin/sh alice:x:1001:1001::/:/bin/sh media:x:1500:1500::/:/bin/sh "${@:3}" >"$root/etc/passwd"
	printf '%s\n' root:x:0: alice:x:1001: video:x:44: >"$root/etc/group"
	printf '%b' "$1" >"$root/etc/subuid"
	printf '%b' "$2" >"$root/etc/subgid"
}
config() { subid --root "$root" config "$@"; }
maps() { subid --root "$root" --json config "$@" 2>/dev/null | jq -c '[.uid_map, .gid_map | map([.inside, .outside, .count])]'; }

# media passed through to root's containers by a line of one id, and the group video
host 'root:1500:1\nroot:100000:65536\n' 'root:100000:65536\nroot:44:1\n'
for runtime in lxc podman oci; do
	is "$runtime: no account is root of the container" "$(maps $runtime root)" '[[[0,100000,65536]],[[0,100000,65536]]]'
done
is "unless asked for, and then last" "$(maps lxc root --with-accounts)" \
	'[[[0,100000,65536],[65536,1500,1]],[[0,100000,65536],[65536,44,1]]]'
expect "it says so" 0 '*u 0 100000 65536*' $'subid: root: 1 uid of accounts or groups left out (--with-accounts *\n*1 gid of *' \
	subid --root "$root" config lxc root
expect "docker maps them all the same" 0 '*userns-remap*' $'subid: warning: root: 1 uid of accounts or groups in its lines, which Docker *\n*' \
	subid --root "$root" config docker root
host 'root:1500:1\n' 'root:44:1\n'
expect "nothing is left" 1 '*' '*subid: root: no subordinate uids*' subid --root "$root" config lxc root
host 'alice:900000:1\nalice:700000:10\nalice:100000:65536\nalice:800000:10\n' 'alice:100000:65536\n'
is "the largest first, of equal ones the lower" "$(maps lxc alice)" \
	'[[[0,100000,65536],[65536,700000,10],[65546,800000,10],[65556,900000,1]],[[0,100000,65536]]]'

# podman maps the user's own id beside all lines
host 'big:100000:65536\n' 'big:100000:65536\n' big:x:120000:120000::/:/bin/sh
expect "podman: an own uid in the range" 1 '' '*subid: big: its own uid 120000 is one of its subordinate ids*' subid --root "$root" config podman big
expect "podman: a primary gid in it" 1 '' '*subid: big: its own gid 120000 is one of *' subid --root "$root" config podman \
	"$(host 'big:300000:65536\n' 'big:100000:65536\n' big:x:1002:120000::/:/bin/sh; echo big)"

lines() { # N START: lines of one id each, none beside another
	for ((i = 0; i < $1; i++)); do printf 'alice:%d:1\\n' $(($2 + i * 2)); done
}
host "$(lines 340 2000)" 'alice:100000:65536\n'
is "340 ranges can be mapped, if their text is short" "$(config lxc alice 2>/dev/null | grep -c ' = u ')" 340
expect "with podman's own there are too many" 1 '' '*subid: alice: more than 340 ranges*grant --another*' config podman alice
host "$(lines 341 2000)" 'alice:100000:65536\n'
expect "341 cannot" 1 '' 'subid: alice: more than 340 ranges, *' config lxc alice
host "$(lines 260 4000000000)" 'alice:100000:65536\n'
expect "260 with long numbers are more than a page" 1 '' 'subid: alice: a map of 260 ranges of uids takes 4??? bytes*' config lxc alice
host "$(lines 200 4000000000)" 'alice:100000:65536\n'
is "200 are not" "$(config lxc alice 2>/dev/null | grep -c ' = u ')" 200

# what each release of Incus takes
host 'root:1000000:65536\n' 'root:1000000:65536\n'
subid --root "$root" grant root/c1 >/dev/null
is "incus 6.0 needs isolated" "$(config incus root/c1 --for 6.0 | grep -v '^#' | head -n 1)" 'incus config set c1 security.idmap.isolated true'
is "incus 7 refuses it beside a base" "$(config incus root/c1 --for 7.0 | grep -v '^#')" $'incus config set c1 security.idmap.base 1000000\nincus config set c1 security.idmap.size 65536'
