#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid shift is killed at its system calls, gets errors from them, has no space and no
# power: no file is left half done, and the next run ends what was begun.  With FULL set,
# each system call by each number.
. "$(dirname "$0")/lib.sh"
plan 13

P=(python3 tests/e2e/shift_tree.py)
OLD=100000:65536 NEW=300000:65536

mkdir "$T/sweep"
said=$(python3 tests/e2e/shift_sweep.py "$T/sweep" ${FULL:+full} 2>&1)
is "stopped anywhere, the next run ends it" "$?" 0 || printf '%s\n' "$said" | cut -c 1-400 | tail -n 30
grep '^# [0-9]' <<<"$said" || true
like "many points were tried" "$said" "*[1-9][0-9] error, * power, *[3-9][0-9] signal*"

# --- no space -------------------------------------------------------------------------
# All files share the block of one ACL; a record, or another ACL, needs a block of its own.

MNT=$T/mnt
mkdir "$MNT"
truncate -s 16M "$T/disk"
mkfs.ext4 -q -m 0 -I 128 -b 1024 "$T/disk" 2>"$T/mkfs.log" && mount -o loop "$T/disk" "$MNT" || exit 1
mkdir "$MNT/t"
chown 100000:100000 "$MNT/t"
for i in {1..60}; do
	echo "$i" >"$MNT/t/$i"
	chown "$((100000 + i)):100000" "$MNT/t/$i"
	chmod 4755 "$MNT/t/$i"
done
mapfile -t users < <(seq -f 'u:%.0f:rwx' 100001 100080)
(IFS=, && setfacl -n -m "${users[*]}" "$MNT"/t/*)
"${P[@]}" list "$MNT/t" >"$T/before"
"${P[@]}" model 100000 300000 65536 <"$T/before" >"$T/want"
for size in 1M 64k 4k 1k; do dd if=/dev/zero of="$MNT/fill.$size" bs="$size" 2>/dev/null; done
sync -f "$MNT"
shifted=(subid shift "$MNT/t" --from "$OLD" --to "$NEW")
expect "no space" 3 '' "subid: $MNT/t/*: No space left on device*" "${shifted[@]}"
ok "no file is half done" "${P[@]}" whole "$MNT/t" 100000 300000
# a block or two at a time
rm "$MNT/fill.1k"
run "${shifted[@]}"
ok "nor after a second run, with little space" "${P[@]}" whole "$MNT/t" 100000 300000
rm "$MNT"/fill.*
expect "with space again, it goes on" 0 "$MNT/t: 61 entries: *" '' "${shifted[@]}"
"${P[@]}" list "$MNT/t" >"$T/got"
is "each entry is as the model has it" "$(diff "$T/want" "$T/got" | cut -c 1-300 | head)" ""
expect "--verify" 0 "*: nothing is left of $OLD" '' subid shift "$MNT/t" --from "$OLD" --verify
umount "$MNT"

# Without CAP_FSETID the kernel drops setgid bits, and says nothing.
"${P[@]}" small "$T/t" 100000
"${P[@]}" list "$T/t" | "${P[@]}" model 100000 300000 65536 >"$T/want"
expect "a bit that cannot be given back is a failure" 3 '' "subid: $T/t/*: Operation not permitted*" \
	setpriv --bounding-set -fsetid subid shift "$T/t" --from "$OLD" --to "$NEW"
ok "nothing is half done" "${P[@]}" whole "$T/t" 100000 300000
expect "the next run gives it back" 0 "$T/t: 9 entries: *; finished 1 that an earlier run had begun" '' \
	subid shift "$T/t" --from "$OLD" --to "$NEW"
"${P[@]}" list "$T/t" >"$T/got"
is "it is as the model has it" "$(diff "$T/want" "$T/got" | head -n 4)" ""
rm -r "$T/t"

# What is killed in the middle is found.
"${P[@]}" small "$T/t" 100000
run strace -qq -o "$T/trace" -e inject=chmod:signal=KILL:when=2 subid shift "$T/t" --from "$OLD" --to "$NEW"
expect "--verify finds what was not finished" 1 "$T/t: 9 entries: *" "*: a shift was begun and not finished*" \
	subid shift "$T/t" --from "$OLD" --verify
