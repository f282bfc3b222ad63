#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The tests in which real runtimes start containers, once more with the cgroups of a
# systemd machine (cgroup2.sh).
# long
# alone
. "$(dirname "$0")/lib.sh"
tests=(clients config lease_clients live lxd ps)
plan ${#tests[@]}

# each mounts its own, unless one is there
umount /var/lib/subid

for name in "${tests[@]}"; do
	run bash tests/e2e/cgroup2.sh unshare --mount --propagation private --pid --mount-proc --fork --kill-child \
		bash "tests/e2e/test_$name.sh"
	if [ "$status" = 77 ]; then
		skip 1 "$out"
		continue
	fi
	result "$status" "$name" || printf '%s\n' "$out" | sed 's/^/#   /'
done
