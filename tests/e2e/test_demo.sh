#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# make demo, with the cgroups that this machine has, and with those of a systemd machine
# (cgroup2.sh), where LXC cannot work from one group for all commands.
# alone
. "$(dirname "$0")/lib.sh"
plan 6

with_lxc="*alice\$ lxc-stop -n c1 --kill*demo: all as it should be"

run tests/demo.sh
like "the demo, with this machine's cgroups" "$status $out" "0 $with_lxc"

run bash tests/e2e/cgroup2.sh tests/demo.sh
if [ "$status" = 77 ]; then
	skip 5 "$out"
	exit
fi
like "with cgroup v2 alone and a controller enabled" "$status $out" "0 $with_lxc"
not_ok "which leaves no group" grep -q 'cgroup2.sh:' <<<"$out"

# As the demo once did it: every command goes into the user's group itself.
cp tests/cgroup.sh "$T/one_group.sh"
# shellcheck disable=SC2016 # to be expanded there
echo 'enter_cgroup() { echo "$BASHPID" >"$cgroup/cgroup.procs"; }' >>"$T/one_group.sh"
mount --bind "$T/one_group.sh" tests/cgroup.sh
run bash tests/e2e/cgroup2.sh tests/demo.sh
umount tests/cgroup.sh
like "one group for all commands would not do" "$status $out" "1 *Device or resource busy*"
not_ok "and the demo would not pass" grep -q "all as it should be" <<<"$out"
not_ok "(none is left there, either)" grep -q 'cgroup2.sh:' <<<"$out"
