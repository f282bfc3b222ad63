#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# From 0.1.0 to this version and back: tables, held lines, leases of root and of users,
# the policy, PAM lines, JSON, a container that runs, what a killed program leaves.  0.1.0
# is built of its commit; both stand at the same place in turn.
# long
. "$(dirname "$0")/lib.sh"
old_commit=4fe110009fa23de7cc938a84ac1d7438a3eed34f
if ! git cat-file -e "$old_commit^{commit}" 2>/dev/null; then
	plan 1
	skip 1 "release: no history of 0.1.0 in these sources"
	exit 0
fi
plan 43

mkdir "$T/source"
git archive "$old_commit" | tar -C "$T/source" -x
old_make=(env -u MAKEFLAGS -u MFLAGS -u BUILD -u HARDEN make -s -j2 -C "$T/source" CC="${TEST_CC:-gcc}" CFLAGS='-O0 -g0' PREFIX="$PRE" DESTDIR="$T/old")
ok "0.1.0 is built" "${old_make[@]}" install
use_old() { mount --bind "$T/old/mnt" "$PRE" && hash -r; }
use_new() { umount "$PRE" && hash -r; }

for user in alice bob carl dora erin frank gina; do add_user "$user"; done
cat >/etc/subid.conf <<'EOF'
never user gina "no containers"
give user frank count 1000
give everyone
reserve 700000-799999 "NFS server"
accept weak-owner:nosuch "gone"
EOF
printf '%s\n' "session optional $PRE/lib/security/pam_subid.so" "session required pam_permit.so" >/etc/pam.d/upgrade
first_login() { pamtester upgrade "$1" open_session close_session; }
tables ""

# --- a host of 0.1.0 --------------------------------------------------------------

use_old
is "that version" "$(subid --version)" "subid 0.1.0"
subid -q grant alice bob carl erin containers
subid -q revoke carl
subid -q hold 900000:1000
subid -q grant containers/c1 --count 1000
subid -q grant containers/c2 --own --count 2000
subid -q revoke containers/c1
released=$(sed -n 's/^!released://p' /var/lib/subid/subuid)
as alice subid -q grant alice/web --count 10
first_login dora >/dev/null
start become alice unshare --map-auto --map-root-user sleep infinity
container=$started_pid
wait_for runs "$container" sleep
before_map=$(map_of uid "$container")
like "a container runs with a map of its helper" "$before_map" "0 *, 1 100000 *"
new_target bob
run as bob newuidmap "$target" 0 0 1
is "its helper has refused something, and counted it" "$status $(stat -c %U /run/subid-refusals)" "1 root"
# Killed with the table half replaced, and the locks held.
strace -qq -f -o /dev/null -e inject=rename,renameat,renameat2:signal=KILL:when=1 subid -q grant frank >/dev/null 2>&1
is "one was killed" "$?" 137
find /etc -newer /etc/subid.conf -name '*sub?id*' ! -name '*-' | sort >"$T/left"
subid --json audit --fail-on never >"$T/old.json"
state() { # who has what, as each version says it
	subid list | awk '$1 ~ /^!/ || !/leased/' | sort
	getsubids alice
	subid list containers alice | sort
	as alice subid list alice | sort
	subid id 100005 165536 -u | sort
	subid policy explain alice frank gina
}
# The members of each command's JSON, wherever they are.
members() {
	local command
	for command in "list" "list containers alice" "id 100005 165536" "ps" "audit --fail-on never" "audit --fail-on never --no-live"; do
		# shellcheck disable=SC2086 # words
		subid --json $command 2>/dev/null |
			jq -r --arg c "$command" '[paths | map(if type == "number" then "#" else . end) | join(".")] | unique[] | $c + ": " + .'
	done | LC_ALL=C sort -u
}
state >"$T/state.old"
members >"$T/members.old"
ok "0.1.0 speaks of all that" test "$(wc -l <"$T/state.old")" -ge 20 -a "$(wc -l <"$T/members.old")" -ge 60
cp -a /etc/subuid "$T/subuid.old"
cp -a /var/lib/subid "$T/store.old"

# --- this version ------------------------------------------------------------------

use_new
like "this version" "$(subid --version)" "subid $(sed -n 's/^VERSION = //p' Makefile)"
state >"$T/state.new"
is "each has what it had; held is what was held; leased what was leased" "$(diff "$T/state.old" "$T/state.new")" ""
is "reading has changed nothing" "$(diff /etc/subuid "$T/subuid.old")" ""
members >"$T/members.new"
is "JSON has all members that it had" "$(LC_ALL=C comm -23 "$T/members.old" "$T/members.new")" ""
# 0.1.0 took a locked password for a weakness; it keeps nobody out who has a key.
expect "a report of 0.1.0 is one to compare with" 1 '*since 20*Z 0 new, 4 gone.*' '' subid -q audit --since "$T/old.json"
subid --json audit --fail-on never >"$T/new.json"
findings() { jq -r ".findings[] | $2 | [.rule, .kind, .file, .line, .owner] | join(\" \")" "$1" | LC_ALL=C sort; }
is "only what it said of locked passwords has gone" "$(LC_ALL=C comm -3 <(findings "$T/old.json" .) <(findings "$T/new.json" .))" \
	"$(findings "$T/old.json" 'select(.rule == "weak-owner" and (.reason | endswith("password is locked")))')"
is "the policy is right" "$(subid -q policy check 2>&1)" ""
is "the container runs with the same map" "$(map_of uid "$container")" "$before_map"
like "and is alice's" "$(subid id 100007)" "uid 100007 alice *"
not_ok "its ids are not released while it runs" subid -q revoke alice
expect "what a killed 0.1.0 left is in nobody's way" 0 'frank uid *' '' subid grant frank
is "and has gone" "$(xargs -a "$T/left" -r ls -d 2>/dev/null | grep -vx '/etc/sub[ug]id')" ""
is "the refusals of before count" "$(run as bob newuidmap "$target" 0 0 1; echo "$status $(stat -c %U /run/subid-refusals)")" "1 root"
ok "the line of PAM works as it is" first_login erin
is "and gives nothing twice" "$(grep -c '^erin:' /etc/subuid)" 1
add_user hans
ok "a first login" first_login hans
like "has its range" "$(getsubids hans)" "0: hans * 65536"
is "who is never to have one has none" "$(first_login gina >/dev/null; getsubids gina 2>/dev/null)" ""
overlaps() { # of lines in the table
	awk -F: '{ print $2, $2 + $3 }' "/etc/$1" | sort -n | awk '$1 < end { print } $2 > end { end = $2 }'
}
subid -q grant --another alice bob containers
is "what is granted meets nothing of before" "$(overlaps subuid)$(overlaps subgid)" ""
expect "a lease of root that 0.1.0 had released is freed" 0 'containers/c1 uid * free*' '' subid unhold "$released"
ok "one that it gave is taken back" subid -q revoke --own --reuse containers/c2
is "all of it" "$(subid list containers | grep -c c2)" 0
ok "one of a user's store, by the user" as alice subid -q revoke --reuse alice/web
ok "and given anew" as alice subid -q grant alice/web --count 20
carl_range=$(subid list -u | awk '$1 == "!released" { print $3 ":" $5; exit }')
ok "a range that 0.1.0 held is freed" subid -q unhold "$carl_range"
ok "the ledger has begun" test -s /var/lib/subid/ledger

# --- and back ----------------------------------------------------------------------

subid list | awk '!/leased/' | sort >"$T/list.new"
use_old
is "0.1.0 again" "$(subid --version)" "subid 0.1.0"
is "each has what the new version granted" "$(subid list | awk '!/leased/' | sort | diff "$T/list.new" -)" ""
like "also containers" "$(as alice subid list alice)" "*leased*web*"
add_user ida
ok "it grants" subid -q grant ida
ok "it leases" subid -q grant containers/c3 --count 500
ok "it lets log in" first_login ida
is "with no overlap" "$(overlaps subuid)$(overlaps subgid)" ""
expect "its audit has no more against the tables" 0 '' '' subid -q audit --since "$T/old.json" --no-live --fail-on critical
subid -q revoke ida
use_new
like "and this one again knows what was done meanwhile" "$(subid list --released ida)" "ida uid * released *"
add_user jana
ok "and grants" subid -q grant jana
is "nothing twice" "$(overlaps subuid)$(overlaps subgid)" ""
