#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid id: whose an id is, at rest and while it runs; and back.
. "$(dirname "$0")/lib.sh"
plan 60

add_user alice -u 2001 -s /bin/bash
add_user bob -u 2002
chmod 755 "$T"
owners=$'alice:100000:1000\nbob:300000:65536\n2001:200000:1000\n!released:400000:10\n!reserved:400010:10'
tables "$owners"

# At rest
expect "an id of a line" 0 'uid 100005 alice - 5 - granted' '' subid id 100005
expect "of the line of her uid: behind the first" 0 'uid 200005 alice - 1005 - granted' '' subid id 200005
expect "the last of a line" 0 'uid 365535 bob - 65535 - granted' '' subid id 365535
expect "an account's own" 0 'uid 2001 alice - - - account' '' subid id 2001
expect "root's" 0 'uid 0 root - - - account' '' subid id 0
expect "a group's" 0 'gid 2002 bob - - - account' '' subid id -g 2002
expect "-u -g is both" 0 $'uid 100005 alice - 5 - granted\ngid 100005 alice - 5 - granted' '' subid id -ug 100005
expect "released" 0 'uid 400009 !released - - - released' '' subid id 400009
expect "reserved" 0 'uid 400010 !reserved - - - reserved' '' subid id 400010
expect "nobody's" 1 '' "subid: uid 500000: has no owner" subid id 500000
expect "just behind a line" 1 '' "subid: uid 101000: has no owner" subid id 101000
expect "the last id" 1 '' "subid: gid 4294967294: has no owner" subid id -g 4294967294
expect "one is, one is not: listed, status 1" 1 'uid 100000 alice - 0 - granted' "subid: uid 500000: has no owner" subid id 500000 100000
expect "-q: the answer is the status" 1 '' '*' subid -q id 500000
expect "who may: everybody" 0 'uid 300000 bob - 0 - granted' '' as alice subid id 300000

# An id of several lines has several owners: from shadow's tests, and as the lxd package
# has it, twice the same lines for _lxd and root.
tables $'foo:500000:10000\nroot:500000:1000\nalice:100000:1000'
expect "every owner of an id" 0 $'uid 500000 foo - 0 - granted\nuid 500000 root - - - granted' '' subid id 500000
is "in JSON, too" "$(subid --json id 500000 | jq -r '.. | objects | .owner? // empty' | sort | tr '\n' ' ')" "foo root "
expect "and where one of them has it, one" 0 'uid 501000 foo - 1000 - granted' '' subid id 501000
tables "$owners"

# Paths
touch "$T/file" && chown 100033:300044 "$T/file"
expect "a path: owner and group" 0 $'uid 100033 alice - 33 - granted\ngid 300044 bob - 44 - granted' '' subid id "$T/file"
expect "-u of a path" 0 'uid 100033 alice - 33 - granted' '' subid id -u "$T/file"
expect "-g of a path" 0 'gid 300044 bob - 44 - granted' '' subid id -g "$T/file"
ln -s file "$T/link" && chown -h 0:0 "$T/link"
expect "a link: itself" 0 $'uid 0 root *\ngid 0 root *' '' subid id "$T/link"
chown 500000:100000 "$T/file"
expect "a path, one half nobody's" 1 'gid 100000 alice - 0 - granted' "subid: uid 500000: has no owner" subid id "$T/file"
expect "no such file" 3 '' 'subid: /nowhere: No such file or directory' subid id /nowhere

# And back
expect "--inside" 0 'uid 100005 alice - 5 - granted' '' subid id --inside 5 alice
expect "--inside, beyond the first line" 0 'uid 200000 alice - 1000 - granted' '' subid id --inside 1000 alice
expect "--inside -g" 0 'gid 300044 bob - 44 - granted' '' subid id --inside 44 -g bob
expect "--inside: too far" 1 '' 'subid: alice: has no uid 2000 inside' subid id --inside 2000 alice
expect "--inside of nobody" 1 '' 'subid: alize: no such account, and no range has this owner' subid id --inside 0 alize
expect "--inside of no container" 1 '' 'subid: alice/c9: no such lease' subid id --inside 0 alice/c9

# Leases of alice's own store
store=$T/home/alice/.local/state/subid
install -d -o alice -g alice "$T/home/alice/.local" "$T/home/alice/.local/state"
install -d -m 700 -o alice -g alice "$store"
printf 'c1:100100:100\n!released:100300:10\nc2:200500:20\n' | tee "$store/subuid" >"$store/subgid"
chown alice: "$store"/*
expect "a leased id: inside of its container" 0 'uid 100133 alice c1 33 - leased' '' subid id 100133
expect "so alice sees it" 0 'gid 200519 alice c2 19 - leased' '' as alice subid id -g 200519
expect "but bob may not look" 0 'uid 100133 alice - 133 - granted' '' as bob subid id 100133
expect "an id at rest there is in no container" 0 'uid 100300 alice - * - granted' '' subid id 100300
expect "behind a lease: the others close up, the largest first" 0 'uid 100200 alice - 0 - granted' '' subid id 100200
expect "and back: a container's" 0 'uid 200505 alice c2 5 - leased' '' subid id --inside 5 alice/c2
expect "beyond it" 1 '' 'subid: alice/c2: has no uid 20 inside' subid id --inside 20 alice/c2
expect "there and back: not a container's" 0 'uid 100300 alice - 100 - granted' '' subid id --inside 100 alice
mv "$store/subuid" "$store/away"
ln -s away "$store/subuid"
expect "a store that root must not follow is warned of" 3 'uid 100133 alice - - - granted' \
	"subid: warning: $store: *: leases cannot be read" subid id 100133
is "once" "$(subid id 100133 100134 2>&1 >/dev/null | wc -l)" 1
expect "and back, neither" 3 '' "subid: warning: $store: *: leases cannot be read
subid: alice/c1: its ids are unknown without the leases" subid id --inside 5 alice/c1
is "by her uid, too" "$(subid id --inside 5 2001 2>&1 | grep -c cannot)" 1
rm "$store/subuid"
mkfifo "$store/subuid"
expect "nor waited for" 3 '*' '*leases cannot be read*' timeout 5 "$PRE/bin/subid" id 100133
rm -r "$store"

# While it runs
root=$T/root
mkdir -p "$root"/{bin,etc}
cp "$(command -v busybox)" "$root/bin/sleep"
echo 'web:x:33:33::/:' >"$root/etc/passwd"
echo 'grp:x:44:' >"$root/etc/group"
# root's helper lets root map what is alice's
change_tables "$owners"$'\nroot:100000:1000'
start unshare --user --map-users 100000,0,500 --map-groups 100000,0,500 --setuid 0 --setgid 0 --mount --root "$root" sleep 1000
wait_for runs "$started_pid" sleep
expect "an id with two owners has both" 0 $'uid 100033 alice - 33 web granted\nuid 100033 root - - - granted' '' subid id 100033
change_tables "$owners"
expect "the map that runs, and the container's names" 0 'uid 100033 alice - 33 web granted' '' subid id 100033
expect "of its groups, too" 0 'gid 100044 alice - 44 grp granted' '' subid id -g 100044
expect "an id of the line that is not in the map" 0 'uid 100600 alice - 600 - granted' '' subid id 100600
end "$started_pid"
start unshare --user sleep 1000
wait_for runs "$started_pid" sleep
printf '0 100000 1\n1 100500 10\n' | cat >"/proc/$started_pid/uid_map" # in one write
expect "another map: another id inside" 0 'uid 100500 alice - 1 * granted' '' subid id 100500
end "$started_pid"
start become bob unshare --user --map-root-user sleep 1000
wait_for runs "$started_pid" sleep
expect "an account's own id, seen inside" 0 'uid 2002 bob - 0 root account' '' subid id 2002
expect "back: what runs comes first" 0 'uid 2002 bob - 0 root account' '' subid id --inside 0 bob
end "$started_pid"
# ids that no line gives: whoever made the namespace
start unshare --user sleep 1000
wait_for runs "$started_pid" sleep
echo '0 700000 10' >"/proc/$started_pid/uid_map"
expect "a map of root's that no line gives" 0 'uid 700003 root - 3 * live' '' subid id 700003
end "$started_pid"

expect "no operand" 2 '' $'subid: id: missing ID or PATH\n*' subid id
expect "no owner: the caller" 1 '' 'subid: root: has no uid 5 inside' subid id --inside 5
expect "a name" 2 '' $'subid: id: invalid id \'alice\'; a path needs a \'/\'\n*' subid id alice
expect "no id at all" 2 '' $'subid: id: invalid id \'4294967295\'; *' subid id 4294967295
expect "nor a sign" 2 '' $'*' subid id -- -1
expect "--json" 0 '*' '' subid id --json 100005 2001
is "is JSON" "$(jq -c '.ids[]' <<<"$out")" '{"kind":"uid","id":100005,"owner":"alice","container":null,"inside":5,"name":null,"state":"granted","userns":null,"former":null}
{"kind":"uid","id":2001,"owner":"alice","container":null,"inside":null,"name":null,"state":"account","userns":null,"former":null}'
mkdir -p "$T/image/etc"
echo zoe:x:1234:1234::/:/bin/sh >"$T/image/etc/passwd"
echo 1234:7000:7 | tee "$T/image/etc/subuid" >"$T/image/etc/subgid"
expect "--root: its own tables and accounts" 0 'uid 7006 zoe - 6 - granted' '' subid --root "$T/image" id 7006
expect "standard output full" 3 '' '*No space left on device' sh -c 'exec subid id 0 >/dev/full'
