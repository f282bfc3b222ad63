#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid shift against the owner of the tree: who swaps links and directories all the
# while, moves a directory away while the walk is in it, builds 10,000 directories one in
# the other, and chooses what is opened.
. "$(dirname "$0")/lib.sh"
plan 18

P=(python3 tests/e2e/shift_tree.py)
OLD=100000:65536 NEW=300000:65536
# what the owner would like to be given away: it has the same ids, and a bit to lose
outside=$T/outside
mkdir -p "$outside/d"
touch "$outside/f" "$outside/d/a" "$outside/d/z"
chown -R 100000:100000 "$outside"
chmod 4755 "$outside/f" "$outside/d/a"
chmod 700 "$outside"
state() { find "$outside" -printf '%P %u:%g %m %n %C@\n' | sort; }

# --- links and directories that change places -----------------------------------------

tree=$T/t
mkdir -p "$tree/d/d" "$tree/x"
touch "$tree/f" "$tree"/d/{a,b,c} "$tree"/d/d/{a,b}
for i in {1..200}; do mkdir "$tree/d/$i"; touch "$tree/d/$i/a"; done
chown -R 100000:100000 "$tree"
chmod 4755 "$tree/f" "$tree"/d/a "$tree"/d/[0-9]*/a
seconds=${FULL:+60}
start "${P[@]}" race "$tree" "$outside" "${seconds:-4}" >"$T/raced"
racer=$started_pid
wait_for grep -q ready "$T/raced"
state >"$T/out.before"
runs=0 odd=0
while kill -0 "$racer" 2>/dev/null; do
	subid -q shift "$tree" --from "$OLD" --to "$NEW" --force >"$T/said" 2>&1
	case $? in 0 | 1 | 3) ;; *) odd=1 ;; esac
	subid -q shift "$tree" --from "$NEW" --to "$OLD" --force >>"$T/said" 2>&1
	case $? in 0 | 1 | 3) ;; *) odd=1 ;; esac
	runs=$((runs + 2))
done
wait "$racer"
is "the racer ended well" "$?" 0
echo "# $runs shifts, while all was swapped $(tail -n 1 "$T/raced") times"
ok "there was a race" test "$runs" -ge 4 -a "$(tail -n 1 "$T/raced")" -ge 100
is "nobody was crashed" "$odd" 0
is "nothing outside was touched" "$(state | diff "$T/out.before" - | head -n 4)" ""
expect "when it is quiet, the tree is shifted" 0 "$tree: *" '' subid shift "$tree" --from "$OLD" --to "$NEW"
expect "all of it" 0 '*nothing is left*' '' subid shift "$tree" --from "$OLD" --verify
is "with its bits" "$(find "$tree" -name a -type f -path '*/[0-9]*/a' -perm 4755 | wc -l)" 200

# --- a directory is moved out of the tree, deep below ---------------------------------

"${P[@]}" deep "$T/deep" 100000 120
is "a deep tree" "$(find "$T/deep" -type d | wc -l)" 121
x=xxxxxxxxxxxxxxxxxxxx
middle=$T/deep/d0/d1$x/d2/d3$x/d4/d5$x
strace -qq -o "$T/trace" -e trace=getdents64 -e inject=getdents64:delay_enter=3000000:when=440 \
	subid shift "$T/deep" --from "$OLD" --to "$NEW" --force >"$T/said" 2>&1 &
walker=$!
# both walks list each directory twice: the second one is deep below
wait_for bash -c "[ \$(grep -c getdents64 '$T/trace') -ge 430 ]"
ok "while the walk is below, it is moved away" mv "$middle" "$outside/moved"
wait "$walker"
is "that ends the walk" "$?" 3
like "and is said" "$(cat "$T/said")" "*: was moved meanwhile*the same command again goes on*"
mv "$outside/moved" "$middle"
is "beside it nothing was touched" "$(state | sed '/^ /d' | diff <(sed '/^ /d' "$T/out.before") - | head -n 4)" ""
expect "the next run ends it" 0 "$T/deep: *" '' subid shift "$T/deep" --from "$OLD" --to "$NEW"
expect "all of it" 0 '*nothing is left*' '' subid shift "$T/deep" --from "$OLD" --verify

# --- 10,000 directories one in the other, with few descriptors -------------------------

mkdir "$T/disk"
mount -t tmpfs -o nr_inodes=0 tmpfs "$T/disk"
"${P[@]}" deep "$T/disk/t" 100000 10000
expect "10,000 deep" 0 "$T/disk/t: 30001 entries: 30001 shifted*" '' bash -c "ulimit -n 100; exec subid shift '$T/disk/t' --from $OLD --to $NEW"
expect "all of it" 0 '*: 30001 entries: nothing is left*' '' subid shift "$T/disk/t" --from "$OLD" --verify
umount -l "$T/disk"

# --- what is never opened -------------------------------------------------------------

mkdir "$T/nodes"
mkfifo "$T/nodes/fifo"
mknod "$T/nodes/watchdog" c 10 130
mknod "$T/nodes/disk" b 7 200
chown -R 100000:100000 "$T/nodes"
strace -f -qq -o "$T/trace" -e trace=openat,openat2,open subid shift "$T/nodes" --from "$OLD" --to "$NEW" >/dev/null
is "a fifo and devices are not opened to read" \
	"$(grep -E 'fifo|watchdog|"disk"' "$T/trace" | grep -cv O_PATH)" 0
is "but reached" "$(grep -cE '"(fifo|watchdog|disk)".*O_PATH' "$T/trace")" 3
