#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid shift: awkward trees on each file system, beside a model.
. "$(dirname "$0")/lib.sh"
plan 39

P=(python3 tests/e2e/shift_tree.py)
MNT=$T/mnt
old=100000 new=300000
OLD=$old:65536 NEW=$new:65536
mkdir "$MNT"

new_disk() { # file system, MiB, mkfs options
	local kind=$1 size=$2
	shift 2
	umount "$MNT" 2>/dev/null
	rm -f "$T/disk"
	truncate -s "${size}M" "$T/disk"
	"mkfs.$kind" -q "$@" "$T/disk" >"$T/mkfs.log" 2>&1 && mount -t "$kind" -o loop "$T/disk" "$MNT"
}

list() { "${P[@]}" list "$1"; }
want() { "${P[@]}" model "${2:-$old}" "${3:-$new}" 65536 <"$1"; } # list [old new]
is_list() { # name tree wanted
	list "$2" >"$T/got" 2>&1
	is "$1" "$(diff "$3" "$T/got" | cut -c 1-300 | head -n 6)" ""
}
shifted=(subid shift "$MNT/t" --from "$OLD" --to "$NEW")

# --- each file system, beside the model -----------------------------------------------

awkward() { # kind
	"${P[@]}" make "$MNT/t" $old
	list "$MNT/t" >"$T/before"
	want "$T/before" >"$T/want"
	expect "$1: -n counts" 0 "$MNT/t: 4482 entries: 4482 to be shifted, 78 of them setuid*" '' "${shifted[@]}" -n
	is_list "$1: and changes nothing" "$MNT/t" "$T/before"
	expect "$1: an awkward tree is shifted" 0 "$MNT/t: 4482 entries: 4482 shifted, 78 of them setuid*" '' "${shifted[@]}"
	is_list "$1: each entry is as the model has it" "$MNT/t" "$T/want"
	expect "$1: --verify" 0 "$MNT/t: 4482 entries: nothing is left of $OLD" '' subid shift "$MNT/t" --from "$OLD" --verify
	expect "$1: again: all is done" 0 "$MNT/t: 4482 entries: 0 shifted; 4482 had been" '' "${shifted[@]}"
	expect "$1: and back" 0 "$MNT/t: 4482 entries: 4482 shifted*" '' subid shift "$MNT/t" --from "$NEW" --to "$OLD"
	is_list "$1: is what it was" "$MNT/t" "$T/before"
}
filesystem() { # kind MiB mkfs options
	if [ "$1" = tmpfs ]; then
		mount -t tmpfs tmpfs "$MNT"
	elif ! new_disk "$@"; then
		skip 8 "kernel: no $1"
		[ "$1" != btrfs ] || skip 2 "kernel: no btrfs"
		return
	fi
	awkward "$1"
	[ "$1" != btrfs ] || subvolume
	umount "$MNT"
}
# One that is not mounted belongs to the tree, though its device is another.
subvolume() {
	btrfs -q subvolume create "$MNT/t/sub"
	touch "$MNT/t/sub/file"
	chown -R $old:$old "$MNT/t/sub"
	chmod 4755 "$MNT/t/sub/file"
	expect "btrfs: with a subvolume" 0 "$MNT/t: 4484 entries: 4484 shifted*" '' "${shifted[@]}"
	is "btrfs: it is shifted, too" "$(stat -c '%u %a' "$MNT/t/sub/file")" "$new 4755"
}
filesystem tmpfs
mount -t tmpfs tmpfs "$MNT"
"${P[@]}" make "$MNT/t" $old
terminal=$(script -qec "${shifted[*]} -n" /dev/null)
like "on a terminal, progress is shown" "$terminal" "*subid: 4096 entries counted*: 4482 entries: 4482 to be shifted*"
terminal=$(script -qec "${shifted[*]}" /dev/null)
like "of how many" "$terminal" "*subid: 4096 of 44?? entries*: 4482 entries: 4482 shifted*"
umount "$MNT"
filesystem ext4 64 -b 4096
filesystem xfs 320
filesystem btrfs 128 --mixed

# --- overlayfs: a change copies a directory up, and those above it ----------------------

mount -t tmpfs tmpfs "$MNT"
mkdir "$MNT/upper" "$MNT/work" "$MNT/t"
"${P[@]}" deep "$MNT/lower" $old 120
# one that is not changed itself, but by what is in it
chown 7:7 "$MNT/lower/d0/d1xxxxxxxxxxxxxxxxxxxx/d2"
if mount -t overlay -o "lowerdir=$MNT/lower,upperdir=$MNT/upper,workdir=$MNT/work" overlay "$MNT/t"; then
	list "$MNT/t" >"$T/before"
	want "$T/before" >"$T/want"
	expect "overlayfs: a deep tree" 0 "$MNT/t: 361 entries: 359 shifted*" '' "${shifted[@]}" --leave
	is_list "overlayfs: each entry is as the model has it" "$MNT/t" "$T/want"
	umount "$MNT/t"
else
	skip 2 "kernel: no overlayfs on tmpfs"
fi
ok "no name was executed" test ! -e bad
