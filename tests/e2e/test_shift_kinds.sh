#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid shift of uids alone and of gids alone: an owner that lost its uids keeps its gids,
# and no number goes to the other kind.
. "$(dirname "$0")/lib.sh"
plan 26

P=(python3 tests/e2e/shift_tree.py)
OLD=100000:65536
add_user alice -u 5001
home=$T/home/alice
c1=$home/.local/share/lxc/c1
tree=$T/t

small() { # tree: uids from 100000 on, and gids from 700000 on
	rm -rf "$1"
	"${P[@]}" small "$1" 100000
	"${P[@]}" list "$1" >"$T/both"
	subid shift -g "$1" --from "$OLD" --to 700000:65536 --force >"$T/said" 2>&1
}
ids() { stat -c %u:%g "$@" | xargs; }

# --- a tree -----------------------------------------------------------------------------

tables ""
small "$tree"
like "-g says what it did" "$(<"$T/said")" "$tree: 9 entries: 9 shifted*"
is "gids alone are shifted" "$(ids "$tree" "$tree/setuid")" "100000:700000 100001:700002"
is "the bits are kept" "$(stat -c %a "$tree/setuid")" 4755
"${P[@]}" model 100000 700000 65536 <"$T/both" >"$T/moved"
subid shift -g "$tree" --from 700000:65536 --to "$OLD" >"$T/said" 2>&1
"${P[@]}" list "$tree" >"$T/got"
is "and back: ACLs, capabilities and all" "$(diff "$T/both" "$T/got" | head -n 4)" ""
expect "uids, whatever the gids are" 0 "$tree: 9 entries: 9 shifted*" '' subid shift --uid "$tree" --from "$OLD" --to 700000:65536
is "are shifted alone" "$(ids "$tree")" 700000:100000
expect "--verify -u" 0 "*nothing is left of $OLD" '' subid shift -u "$tree" --from "$OLD" --verify
expect "--verify -g" 1 "*ids are left of $OLD" '*' subid shift -g "$tree" --from "$OLD" --verify
expect "then the other kind" 0 "$tree: 9 entries: 9 shifted*" '' subid shift --gid "$tree" --from "$OLD" --to 700000:65536
"${P[@]}" list "$tree" >"$T/got"
is "are both, as if by one shift" "$(diff "$T/moved" "$T/got" | head -n 4)" ""
expect "-u -g are both" 0 "$tree: 9 entries: 9 shifted*" '' subid shift -u -g "$tree" --from 700000:65536 --to "$OLD"
is "as without either" "$(ids "$tree")" 100000:100000

# --- numbers that are an owner's as one kind alone ----------------------------------------

echo alice:300000:65536 >/etc/subuid
echo alice:100000:65536 >/etc/subgid
small_both() {
	rm -rf "$1"
	"${P[@]}" small "$1" 100000
}
expect "uids that are granted, gids that are not" 1 '' \
	"subid: nobody was granted the gids of 300000:65536: -u shifts uids alone" subid shift "$tree" --from "$OLD" --to 300000:65536
is "are not given" "$(ids "$tree")" 100000:100000
expect "as it says" 0 "*9 shifted*" '' subid shift -u "$tree" --from "$OLD" --to 300000:65536
is "it is right" "$(ids "$tree")" 300000:100000

# --- what an owner's containers have left --------------------------------------------------

install -d -o alice "$home/.local" "$home/.local/share" "$home/.local/share/lxc"
small_both "$c1"
expect "an owner that has its gids still" 0 "$c1: lxc: 9 of 9 entries*subid shift -u $c1 --from $OLD --to alice*" '' \
	subid shift --owner alice --from "$OLD"
command=$(subid shift --owner alice --from "$OLD" --json | jq -r '.trees[].command')
run bash -c "$command"
is "keeps them" "$(ids "$c1" "$c1/setuid")" "300000:100000 300001:100002"
expect "what was looked at is said" 0 "nothing is left of $OLD in $home/.local/share/lxc and $home/.local/share/containers/storage; nothing else was looked at" '' \
	subid shift --owner alice --from "$OLD"
expect "gids that it has" 1 '' "subid: alice still has $OLD: nothing is to be shifted, but to others of its ids, --to RANGE" subid shift -g --owner alice --from "$OLD"
expect "numbers that are not its" 1 '' "subid: alice does not have the gids of 300000:65536: -u shifts uids alone" \
	subid shift --owner alice --from "$OLD" --to 300000:65536
expect "of neither kind" 1 '' "subid: alice does not have the uids of 800000:65536" subid shift -u --owner alice --from "$OLD" --to 800000:65536
echo alice:162145:65536 >/etc/subgid
small_both "$c1"
expect "some of the gids" 1 '' "subid: alice still has some of the gids of $OLD: -u shifts uids alone" subid shift --owner alice --from "$OLD"
expect "uids alone" 0 "*subid shift -u $c1 --from $OLD --to alice*" '' subid shift -u --owner alice --from "$OLD"
like "as the help says" "$(subid help shift)" "*-u, --uid*only uids*"
ok "no name was executed" test ! -e "$T/bad"
