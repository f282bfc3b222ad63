#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The tables on real file systems, each in a file, and what disks do: they are full, have
# no inodes left, can only be read; a table is immutable; files have a limit.  Each time
# nothing is changed, the message says why, and once it is mended all goes on.
. "$(dirname "$0")/lib.sh"
plan 49

MNT=$T/mnt
mkdir "$MNT"
new_disk() { # file system, MiB, mkfs options
	local kind=$1 size=$2
	shift 2
	umount "$MNT" 2>/dev/null
	rm -f "$T/disk"
	truncate -s "${size}M" "$T/disk"
	"mkfs.$kind" "$@" "$T/disk" >"$T/mkfs.log" 2>&1 && mount -t "$kind" -o loop "$T/disk" "$MNT" || return 1
	mkdir "$MNT/etc"
	echo alice:x:5001:5001::/:/bin/sh >"$MNT/etc/passwd"
	: >"$MNT/etc/group"
	echo other:100000:65536 | tee "$MNT/etc/subuid" >"$MNT/etc/subgid"
	before=$(cat "$MNT"/etc/sub[ug]id)
}

# What a grant says, and that nothing is changed and nothing left.
refused() { # name 'err glob' command...
	local name=$1 glob=$2
	shift 2
	expect "$name" 3 '' "$glob" "$@"
	is "$name: nothing is changed, and nothing left" \
		"$(cat "$MNT"/etc/sub[ug]id; find "$MNT/etc" -name 'sub[ug]id[!-]*')" "$before"
}

goes_on() { # name
	expect "$1" 0 'alice uid *' '' subid --root "$MNT" grant alice
	subid -q --root "$MNT" revoke --reuse alice
	is "$1, and back" "$(cat "$MNT"/etc/sub[ug]id)" "$before"
}

grant=(subid --root "$MNT" grant alice)
all_of() { # file system, MiB, mkfs options
	local kind=$1 table
	new_disk "$@"
	result $? "$kind"
	goes_on "$kind: a grant"
	for table in subuid subgid; do
		chattr +i "$MNT/etc/$table"
		refused "$kind: $table is immutable" "subid: $MNT/etc*: Operation not permitted: is it immutable (lsattr)*" "${grant[@]}"
		chattr -i "$MNT/etc/$table"
	done
	mount -o remount,ro "$MNT"
	refused "$kind: it can only be read" "subid: $MNT/etc/.pwd.lock: Read-only file system*" "${grant[@]}"
	mount -o remount,rw "$MNT"
	# a table larger than what is left, so that it is full in the middle of it
	seq -f 'u%.0f:1:1' 200000 >>"$MNT/etc/subuid"
	before=$(cat "$MNT"/etc/sub[ug]id)
	fill
	refused "$kind: it is full" "subid: $MNT/etc*: No space left on device: nothing was changed; make room*" "${grant[@]}"
	rm "$MNT"/fill*
	refused "$kind: files have a limit" "subid: $MNT/etc*: File too large*" bash -c 'ulimit -f 1000; exec "$@"' limit "${grant[@]}"
	goes_on "$kind: after all that"
}

# To the last block, also of what is set aside for metadata.
fill() {
	local size
	for size in 1M 64k 4k 1k; do
		dd if=/dev/zero of="$MNT/fill.$size" bs="$size" 2>/dev/null
	done
	sync -f "$MNT"
}

all_of ext4 32 -m 0
all_of xfs 320
all_of btrfs 128 --mixed

new_disk ext4 8 -m 0 -N 32
turn=0
while { : >"$MNT/fill.$turn"; } 2>/dev/null; do turn=$((turn + 1)); done
refused "ext4: no inodes are left" "subid: $MNT/etc*: No space left on device: nothing was changed; make room*" "${grant[@]}"
rm "$MNT"/fill.*
goes_on "ext4: once there are some"
umount "$MNT"
