#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The power is cut at random moments of a running workload (tests/faults/powercut.py):
# what had said done is there after mounting again, and each table is whole.  With
# FULL=1 many more times (make powercut).
. "$(dirname "$0")/lib.sh"
plan 7

export T ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0
few=${FULL:+200} few=${few:-12} fewer=${FULL:+50} fewer=${fewer:-3}
cut() { # file system, how often
	run /usr/bin/python3 -B tests/faults/powercut.py "$1" "$2" "${SEED:-1}"
	while IFS= read -r line; do echo "# $line"; done <<<"$out"
	umount "$T/mnt" 2>/dev/null
	return "$status"
}

cut ext4 "$few"
result $? "ext4: what had said done is there"
cut xfs "$fewer"
result $? "XFS: likewise"

gcc -shared -fPIC -D_GNU_SOURCE -O1 -o "$T/nosync.so" tests/faults/nosync.c
PRELOAD=$T/nosync.so cut ext4 3 >/dev/null
like "a program that does not write to the disk is found out" "$status $out" "1 cut *, as was said*"

# The file system goes away when the names are changed and not yet on the disk.
gcc -shared -fPIC -D_GNU_SOURCE -O1 -o "$T/gone.so" tests/faults/gone.c
for kind in ext4 xfs; do
	truncate -s 320M "$T/disk"
	"mkfs.$kind" -q "$T/disk" && mount -o loop "$T/disk" "$T/mnt" && mkdir "$T/mnt/etc" &&
		echo alice:x:5001:5001::/:/bin/sh >"$T/mnt/etc/passwd" && : >"$T/mnt/etc/group" &&
		: >"$T/mnt/etc/subuid" && : >"$T/mnt/etc/subgid" && sync -f "$T/mnt"
	expect "$kind that shuts down before the names are on the disk" 3 '' "subid: $T/mnt/*" \
		env LD_PRELOAD="$T/gone.so" subid --root "$T/mnt" grant alice
	umount "$T/mnt" && mount -o loop "$T/disk" "$T/mnt"
	expect "$kind: afterwards it can be done" 0 'alice uid 100000 *' '' subid --root "$T/mnt" grant alice
	umount "$T/mnt"
	rm "$T/disk"
done
