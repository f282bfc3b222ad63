#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The audit of leases: at rest, in users' hands, and of containers that run.
. "$(dirname "$0")/lib.sh"
plan 43

private_store
for dir in lxc lxd; do
	mkdir -p /var/lib/$dir
	mountpoint -q /var/lib/$dir || mount -t tmpfs -o mode=755 subid-test /var/lib/$dir
done
store=/var/lib/subid
chmod 755 "$T"
add_user alice -u 5001
add_user bob -u 5002
tables $'alice:100000:65536\nbob:200000:65536'

leases() { # lines: root's store has these
	printf '%s' "${1:+$1$'\n'}" | tee $store/subuid >$store/subgid
}
# What the audit says about leases, runtimes and what runs: rule kind owner ids line.
of_leases() {
	jq -r '.findings[] | ., .also[]? | select(.rule | test("^(lease|live|runtime)-")) | [.rule, .kind // "-", .owner // "-",
		(.range | if . then "\(.start)+\(.count)" else "-" end), .line // "-"] | join(" ")' | sort
}
finds() { is "$1" "$(subid --json audit --fail-on never | of_leases)" "$2"; }
both() { printf '%s uid %s\n%s gid %s' "$1" "$2" "$1" "$2" | sort; }
reason() { subid --json audit --fail-on never | jq -r --arg rule "$1" '[.findings[] | select(.rule == $rule)][0].reason'; }

# A container of a user's as LXC would run it: its monitor, which has its name, is
# $monitor, its namespace's process $inside.
container() { # user name map
	# shellcheck disable=SC2016 # for that shell to expand
	start become "$1" bash -c 'exec -a "[lxc monitor] /lxc $0" bash -c "unshare --user sleep infinity; true"' "$2"
	monitor=$started_pid
	wait_for has_sleeper "$monitor"
	inside=$(pgrep -P "$monitor")
	echo "$3" >"/proc/$inside/uid_map"
	echo "$3" >"/proc/$inside/gid_map"
}
has_sleeper() { runs "$(pgrep -P "$1")" sleep; }
stop() { # monitor inside
	kill -KILL "$1" "$2"
	wait "$1" 2>/dev/null
	wait_for gone "$2"
}
gone() { [ ! -e "/proc/$1/ns/user" ]; }

# --- what runs --------------------------------------------------------------------

ok "a lease" subid grant -q alice/c1 --range 100000:1000
ok "and another" subid grant -q alice/c2 --range 101000:1000
container alice c1 "0 100000 1000"
m1=$monitor i1=$inside
container alice c2 "0 101000 1000"
finds "each keeps to its lease" ""
stop "$monitor" "$inside"
container alice c2 "0 100000 1500"
finds "one uses ids of the other's" "$(both live-shared "alice 100000+1000 -")"
like "the reason names both" "$(reason live-shared)" \
	"user namespace * (lxc c[12], process *) and user namespace * (lxc c[12], process *), both of alice, map ?ids 100000-10????, which are leased to c1"
expect "and it is critical" 1 '*CRITICAL live-shared: *subid grant*' '' subid audit
stop "$monitor" "$inside"

start become alice unshare --map-auto --map-root-user sleep infinity
session=$started_pid
wait_for runs "$session" sleep
finds "a session with all of her ids, as podman's, is none beside it" ""
end "$session"
new_target alice
echo "0 100000 65536" >"/proc/$target/uid_map"
echo "0 100000 65536" >"/proc/$target/gid_map"
finds "nor is a shell in all of her ids, as lxc-usernsexec's" ""
end "$target"
new_target alice
echo "0 100000 1000" >"/proc/$target/uid_map"
echo "0 100000 1000" >"/proc/$target/gid_map"
finds "nor what works on the container in its own map" ""
end "$target"
new_target alice
echo "0 101000 1000" >"/proc/$target/uid_map"
echo "0 101000 1000" >"/proc/$target/gid_map"
finds "nor what does on another one" ""
end "$target"
start nsenter --user --target "$i1" -S 0 -G 0 bash -c \
	'exec -a "[lxc monitor] /lxc c3" bash -c "unshare --user sleep infinity; true"'
monitor=$started_pid
wait_for has_sleeper "$monitor"
inside=$(pgrep -P "$monitor")
nsenter --user --target "$i1" -S 0 -G 0 sh -c "echo 0 0 1000 >/proc/$inside/uid_map; echo 0 0 1000 >/proc/$inside/gid_map"
finds "nor a container in the container" ""
stop "$monitor" "$inside"
subid revoke -q --force --reuse alice/c1
container alice c4 "0 100000 1000"
finds "without a lease, two may share" ""
stop "$monitor" "$inside"
stop "$m1" "$i1"

# --- at rest ----------------------------------------------------------------------

leases $'alice/c1:100000:10\nalice/c2:100005:10\nbob/c1:100000:10\nghost/c1:7:7\nbob/c2:200000:65536'
finds "root's store" "$({
	both lease-outside "bob 100000+10 3"
	both lease-outside "ghost 7+7 4"
	both lease-overlap "alice 100005+5 2"
} | sort)"
is "the file is named" "$(subid --json audit --fail-on never | jq -r '[.findings[] | select(.rule == "lease-outside")][0].file')" \
	$store/subuid
leases $'alice/c1:100000:10\nalice/c2;100005:10\n#'
finds "broken lines: once, at the first" "$(both lease-broken "- - 2")"
leases ""
rm $store/subuid
ln -s /etc/shadow $store/subuid
expect "a store that must not be read" 3 '*lease-broken: *partial: *leases in /var/lib/subid could not be read*' \
	'subid: the report is partial: *' subid audit
expect "--partial accepts it" 0 '*' '' subid audit --partial
rm $store/subuid
leases alice/c1:100000:10
mkdir -p /var/lib/lxc/c1 /var/lib/lxc/c9
echo 'lxc.idmap = u 0 300000 10' >/var/lib/lxc/c1/config
finds "what LXC has written, elsewhere" ""
echo 'lxc.idmap = u 0 100009 10' >/var/lib/lxc/c9/config
finds "and of the lease's ids" "lease-taken uid alice 100009+1 1"
like "named" "$(reason lease-taken)" "uids 100009-100009 are leased to container c1 of alice, and root's lxc has them for container c9"
rm -r /var/lib/lxc/c9
mkdir -p /var/lib/lxd/containers
ln -s /var/lib/lxd/storage-pools/default/containers/l1 /var/lib/lxd/containers/l1
finds "an LXD container in a pool that is not mounted" "runtime-unread - - - -"
like "is named" "$(reason runtime-unread)" "*/var/lib/lxd/containers/l1: its storage is not mounted"
expect "a lease warns of it" 0 '*' 'subid: warning: /var/lib/lxd/containers/l1: its storage is not mounted (and 0 more): *' \
	subid grant -n alice/c5 --count 10
expect "and a grant" 0 '*' 'subid: warning: /var/lib/lxd/containers/l1: *' subid grant -n --another bob
expect "to an ordinary user it is not told" 0 '*' '' as alice subid grant -n alice/c5 --count 10
rm -r /var/lib/lxd/containers /var/lib/lxc/c1

# --- in a user's hands ----------------------------------------------------------------

own=$T/home/alice/.local/state/subid
install -d -o alice -g alice "$T/home/alice/.local" "$T/home/alice/.local/state"
install -d -m 700 -o alice -g alice "$own"
printf 'x\nbob/c1:200000:10\nc1:200000:10\nc2:100000:10\nc3:0:4294967294\n' | tee "$own/subuid" >"$own/subgid"
chown alice: "$own"/*
finds "of somebody who runs nothing, nothing is looked at" ""
container alice c1 "0 100000 10"
m1=$monitor i1=$inside
container bob c1 "0 200000 10"
bobs=$monitor bobs_inside=$inside
finds "of somebody who does: one finding, about her" "lease-own - alice - -"
is "in numbers" "$(reason lease-own)" \
	"of alice's own leases, 4 have ids that alice does not hold, and 6 share ids with another container's; 4 lines are no leases"
expect "by default it fails nothing" 0 '*' '' subid audit
page=$(subid audit --format html)
is "the picture has a lane of containers" "$(grep -c '>containers</text>' <<<"$page")" 2
is "with what she holds, and nothing else of hers" \
	"$(grep -oE '<title>alice/c[0-9]: [0-9]+-[0-9]+' <<<"${page//&#8239;/}" | sort | uniq -c | tr -s ' ')" \
	" 4 <title>alice/c1: 100000-100009
 2 <title>alice/c2: 100000-100009"
chown -R alice: "$own"
echo 'c7:100500:10' | tee "$own/subuid" >"$own/subgid"
container alice c8 "0 100500 20"
m8=$monitor i8=$inside
container alice c7 "0 100500 10"
finds "what her containers share against her own lease is no alarm" "$(both live-shared-own "alice 100500+10 -")"
expect "by default" 0 '*WARNING live-shared-own: *' '' subid audit
subid --json audit --fail-on never | jq -r '.findings[] | select(.rule == "live-shared-own").advice[]' | sort -u >"$T/typed"
ok "the command that is printed" sh -e "$T/typed"
nothing_found() { [ "$(subid --json audit --fail-on never | of_leases)" = "" ]; }
ok "ends that" wait_for nothing_found
for pid in "$monitor" "$inside" "$m8" "$i8"; do kill -KILL "$pid"; done 2>/dev/null
wait_for gone "$inside"
wait_for gone "$i8"
printf 'x\nc1:200000:10\n' | tee "$own/subuid" >"$own/subgid"
like "she sees it, too" "$(as alice subid --json audit --partial 2>/dev/null | of_leases)" "*lease-own - alice - -*"
is "and not at bob's" "$(as bob subid --json audit --partial 2>/dev/null | of_leases | grep lease)" ""
truncate -s 257K "$own/subuid"
like "too large" "$(timeout 20 "$PRE/bin/subid" --json audit | jq -r '.findings[] | select(.rule == "lease-own").reason')" "*: it is too large"
rm "$own/subuid"
mkfifo "$own/subuid"
like "a pipe is not waited for" "$(timeout 20 "$PRE/bin/subid" --json audit | of_leases)" "lease-own - alice - -"
rm -r "$own"
ln -s $store "$own"
finds "nor a link followed" "lease-own - alice - -"
rm "$own"
start python3 tests/e2e/hang.py "$T/home/alice" "$T/hangs"
wait_for test -e "$T/hangs"
like "nor a home waited for that never answers" "$(timeout 30 "$PRE/bin/subid" --json audit |
	jq -r '.findings[] | select(.rule == "lease-own") | .owner + ": " + .reason')" "alice: *: that takes too long"
end "$started_pid"
umount -l "$T/home/alice"
stop "$bobs" "$bobs_inside"
stop "$m1" "$i1"

# --- an image -------------------------------------------------------------------------

mkdir -p "$T/image/etc" "$T/image/var/lib/subid"
printf 'root:x:0:0::/:/bin/sh\nzoe:x:1234:1234::/:/bin/sh\n' >"$T/image/etc/passwd"
printf 'zoe:70000:70\n' | tee "$T/image/etc/subuid" >"$T/image/etc/subgid"
printf 'zoe/c1:70060:11\n' | tee "$T/image/var/lib/subid/subuid" >"$T/image/var/lib/subid/subgid"
is "has a store, too" "$(subid --root "$T/image" --json audit --fail-on never | of_leases)" "$(both lease-outside "zoe 70070+1 1")"
is "is named as the root is" \
	"$(cd "$T" && subid --root image --json audit --fail-on never | jq -r '[.findings[] | select(.rule == "lease-outside")][0].file')" \
	"$T/image/var/lib/subid/subuid"
