#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A range for each container: subid grant, revoke and list OWNER/NAME, by root and by
# a user without privilege, beside what LXC, podman and nspawn have written down.
. "$(dirname "$0")/lib.sh"
plan 126

private_store
store=/var/lib/subid
chmod 755 "$T"
add_user alice -u 5001
add_user bob -u 5002
home=$T/home/alice

leases() { # lines: root's store has these, and nothing else was ever leased
	rm -f $store/ledger $store/sub?id-
	printf '%s' "${1:+$1$'\n'}" | tee $store/subuid >$store/subgid
}
leases_are() { # name lines
	is "$1" "$(<$store/subuid)|$(<$store/subgid)" "$2|$2"
}
# No two lines of a store have an id in common.
disjoint() { # file...
	cat "$@" | awk -F: '{ print $2, $2 + $3 }' | sort -n | awk '$1 < end { print; bad = 1 } { end = $2 } END { exit bad }'
}

# --- as for users -----------------------------------------------------------------

tables alice:100000:131072
expect "a lease" 0 $'alice/web uid 100000 165535 65536 new\nalice/web gid 100000 165535 65536 new' '' \
	subid grant alice/web
leases_are "is kept" alice/web:100000:65536
tables_are "and the tables stay" alice:100000:131072
is "others may look at it" "$(stat -c %a $store $store/subuid | tr '\n' ' ')" '755 644 '
expect "once more: kept" 0 $'alice/web uid 100000 165535 65536 kept\n*' '' subid grant alice/web
expect "by uid" 0 $'5001/web uid 100000 165535 65536 kept\n*' '' subid grant 5001/web
expect "another" 0 $'alice/web uid 165536 165545 10 new\n*' '' subid grant --another --count 10 alice/web
leases alice/web:100000:65536
expect "two containers" 0 $'alice/db uid 165536 165635 100 new\nalice/db gid *\nalice/x uid 165636 165735 100 new\n*' '' \
	subid grant --count 100 alice/db alice/x
expect "one kind" 0 'alice/u uid 165736 165745 10 new' '' subid grant -u -c 10 alice/u
expect "then the other: the same numbers" 0 $'alice/u gid 165736 165745 10 new' '' subid grant -c 10 alice/u
expect "just these ids" 0 $'alice/r uid 200000 200009 10 new\n*' '' subid grant --range 200000:10 alice/r
expect "ids of another container" 1 '' 'subid: alice/s: uid 100000-165535: leased to alice/web' \
	subid grant --range 100005:1 alice/s
expect "ids that the owner does not hold" 1 '' 'subid: alice/s: uid 99999-100000: alice does not hold all of it' \
	subid grant --range 99999:2 alice/s
expect "too much: who has them, and how to get more" 1 '' \
	$'subid: alice/s: uid 100000-165535: leased to alice/web\n*no room for 65536 uids: of the 131072 that alice holds, at most *subid grant --another --count 65536 alice*' \
	subid grant alice/s
expect "one of two does not fit: none is given" 1 '' '*nothing was changed for any of the 2 containers' \
	subid grant -c 40000 alice/s alice/t
not_ok "really none" grep -q alice/[st] $store/subuid
expect "an owner that holds nothing" 1 '' $'subid: bob/web: bob holds no uids\n*\'subid grant bob\' gives bob a range*' subid grant bob/web
expect "nobody" 1 '' 'subid: nobody1: no such account*' subid grant nobody1/web
expect "a dry run" 0 $'alice/dry uid 165746 165755 10 new\n*' '' subid grant -n -c 10 alice/dry
not_ok "changes nothing" grep -q dry $store/subuid
expect "list: the owner's containers, too" 0 $'alice uid 100000 *granted\nalice gid *granted\nalice/web uid 100000 165535 65536 leased\n*' '' \
	subid list alice
expect "list: one container" 0 $'alice/u uid 165736 165745 10 leased\nalice/u gid 165736 165745 10 leased' '' subid list alice/u
expect "list: no such lease" 1 '' 'subid: alice/nil: no such lease' subid list alice/nil
ok "list --json" sh -c 'subid --json list alice/u | jq -e ".ranges | length == 2 and all(.state == \"leased\")"'
expect "owners and containers do not mix" 2 '' '*cannot be mixed with owners*' subid grant alice alice/y

# --- a grant with leases in it ----------------------------------------------------

expect "a grant is not taken from under containers" 1 '' \
	$'subid: alice/web: uid 100000-165535 are leased to this container\n*subid: nothing was changed: *' subid revoke alice
tables_are "it stays" alice:100000:131072
expect "nor with --force" 1 '' '*alice/web: uid*' subid revoke --force alice
expect "nor made smaller" 1 '' $'subid: alice/r: uid 200000-200009 are leased to this container\n*' subid revoke -r 200005:10 alice
expect "where no container is" 0 $'alice uid 230000 *released\n*' '' subid revoke -r 230000:10 alice
expect "a lease back" 0 $'alice/u uid 165736 165745 10 released\nalice/u gid *' '' subid revoke alice/u
expect "it is gone" 1 '' 'subid: alice/u: has no lease*' subid revoke alice/u
expect "and its ids rest" 0 $'alice/v uid 165746 *' '' subid grant -c 10 alice/v
expect "until they are given back" 0 $'alice/u uid 165736 165745 10 free\nalice/u gid*' '' subid unhold 165736:10
expect "for the next" 0 $'alice/w uid 165736 *' '' subid grant -c 10 alice/w
expect "--reuse" 0 $'alice/w uid 165736 165745 10 free\n*' '' subid revoke --reuse alice/w
tables ''
expect "a new grant keeps off leases whose line was removed by hand" 1 '' '*uid 100000-165535: a container has them*' \
	subid grant --range 100000:65536 bob

# --- root's containers ------------------------------------------------------------

leases ''
tables $'alice:100000:65536\nroot:200000:1000'
expect "root's come out of root's lines" 0 $'root/lx uid 200000 200099 100 new\n*' '' subid grant -c 100 root/lx
expect "or have a line of their own" 0 $'root/own uid 165536 169631 4096 new\n*' '' subid grant --own -c 4096 root/own
tables_are "which is in the tables" $'alice:100000:65536\nroot:200000:1000\nroot:165536:4096'
expect "once more: kept" 0 $'root/own uid 165536 169631 4096 kept\n*' '' subid grant --own -c 4096 root/own
expect "and goes with the lease" 0 $'root/own uid 165536 169631 4096 released\n*' '' subid revoke --own root/own
tables_are "to rest" $'alice:100000:65536\nroot:200000:1000\n!released:165536:4096'
leases_are "the lease is gone" root/lx:200000:100
mkdir -p "$T/image/etc" "$T/image/var/lib"
echo 'carol:x:1000:1000::/:/bin/sh' >"$T/image/etc/passwd"
echo carol:300000:100 | tee "$T/image/etc/subuid" >"$T/image/etc/subgid"
expect "--root: of an image" 0 $'carol/c uid 300000 300009 10 new\n*' '' subid --root "$T/image" grant -c 10 carol/c
is "in the image's store" "$(cat "$T/image/var/lib/subid/subuid")" carol/c:300000:10

# --- names ------------------------------------------------------------------------

leases ''
for name in alice/../x alice/ /web alice/a/b alice/a:1 $'alice/a\nb' alice/-x alice/.x alice/!released $'alice/\e[2J' \
	"alice/$(printf '%0101d' 0)"; do
	expect "not a name: ${name@Q}" 1 '' 'subid: *: write OWNER/NAME, where *' subid grant -c 1 "$name"
done
leases_are "nothing is written" ''

# --- a user without any privilege --------------------------------------------------

tables $'alice:100000:1000\nbob:200000:1000'
leases alice/roots:100000:100
expect "a user leases out of her own" 0 $'alice/mine uid 100100 100199 100 new\n*' '' as alice subid grant -c 100 alice/mine
is "in her home" "$(cat "$home/.local/state/subid/subuid")" mine:100100:100
is "which is hers alone" "$(stat -c '%U %a' "$home/.local/state/subid")" 'alice 700'
expect "not another's" 1 '' 'subid: bob: is not you*' as alice subid grant -c 1 bob/mine
expect "root's list shows hers" 0 $'*alice/roots uid *alice/mine uid 100100 *' '' subid list alice
expect "root keeps off hers" 0 $'alice/more uid 100200 *' '' subid grant -c 100 alice/more
expect "root does not take the range" 1 '' $'*alice/mine: uid 100100-100199 are leased*first, as the user that has them, or use --force' subid revoke -r 100150:1 alice
expect "nor with root's own in it" 1 '' $'*alice/roots: uid *alice/mine: uid *first; those that the user has given as the user, or use --force for them' \
	subid revoke alice
expect "until it is forced to" 0 'alice uid 100150 *' '*alice/mine: uid 100100-100199 are leased*warning: alice: these leases are worth nothing any more (--force)*' subid revoke --force -u -r 100150:1 alice
tables $'alice:100000:1000\nbob:200000:1000'
expect "she takes it back" 0 $'alice/mine uid 100100 100199 100 released\n*' '' as alice subid revoke alice/mine
expect "and sees that the ids rest" 0 $'!released uid 100100 100199 100 released\n!released gid *' '' as alice subid list '!released'
expect "which are none of root's" 1 '' '*no ids are held*' subid list '!released'
expect "and gives the ids free" 0 $'- uid 100100 100199 100 free\n*' '' as alice subid unhold 0-4294967294
elsewhere() { # command...: in an environment that points elsewhere
	as alice env HOME="$home/other" XDG_STATE_HOME="$home/state" "$@"
}
expect "one store, whatever the environment says" 0 $'alice/x uid 100100 100109 10 new\n*' '' elsewhere subid grant -c 10 alice/x
is "where root finds it" "$(cat "$home/.local/state/subid/subuid")" x:100100:10
ok "and no other" test ! -e "$home/state" -a ! -e "$home/other"
as alice mkdir -p "$home/state" "$home/other/.local/state"
as alice cp -r "$home/.local/state/subid" "$home/state"
expect "leases elsewhere are in the way of more" 3 '' \
	"subid: $home/state/subid: *do not count*XDG_STATE_HOME*: move them to $home/.local/state/subid" elsewhere subid grant -c 10 alice/y
as alice mv "$home/state/subid" "$home/other/.local/state"
expect "also beneath another HOME" 3 '' "subid: $home/other/.local/state/subid: *HOME*" elsewhere subid grant -c 10 alice/y
expect "but only told where one goes" 0 $'alice/x uid *free*' "subid: warning: $home/other/*" elsewhere subid revoke --reuse alice/x
as alice ln -s "$home/.local/state" "$home/linked"
expect "a link to the store is no other" 0 $'alice/x uid *' '' \
	as alice env XDG_STATE_HOME="$home/linked" subid grant -c 10 alice/x
expect "root's leases are not hers to change" 1 '' '*alice/roots: root has given this lease, in /var/lib/subid: ask*' as alice subid revoke alice/roots

# --- what a user may put into her store --------------------------------------------

hers=$home/.local/state/subid
spoil() { # command...: in place of her subuid
	rm -rf "$hers"
	as alice mkdir -p "$hers"
	as alice "$@"
}
echo 'secret:1:1' >"$T/secret"
chmod 600 "$T/secret"
spoil ln -s "$T/secret" "$hers/subuid"
expect "a link: root leases her nothing" 3 '' "subid: $hers: it, or a file in it, is a symbolic link, which is not followed: *" subid grant -c 1 alice/h
expect "a link: root takes her range all the same" 0 'alice uid 100900 *' '*warning: *do not count*' subid revoke -u -r 100900:1 alice
spoil mkfifo "$hers/subuid"
expect "a pipe" 3 '' "subid: $hers: *" timeout 10 subid grant -c 1 alice/h
spoil truncate -s 20G "$hers/subuid"
expect "a huge file" 3 '' "subid: $hers: File too large*" subid grant -c 1 alice/h
spoil sh -c "head -c 100000 /dev/urandom >$hers/subuid; echo bobs:200000:1000 >>$hers/subuid"
expect "any bytes, and another's ids: only she is concerned" 0 $'bob/h uid 200000 *' '' subid grant -c 1 bob/h
rm -rf "$hers"
as alice ln -s /etc "$hers"
expect "a link to a directory" 3 '' "subid: $hers: it, or a file in it, is a symbolic link, which is not followed: *" subid grant -c 1 alice/h
rm -f "$hers"

# --- what the runtimes have written down --------------------------------------------

tables $'alice:100000:1000\nroot:300000:500000'
leases ''
as alice mkdir -p "$home/.local/share/lxc/c1"
echo 'lxc.idmap = b 0 100000 10' >"$home/.local/share/lxc/c1/config"
expect "a user's LXC container" 0 $'alice/n uid 100010 *' '' subid grant -c 1 alice/n
expect "is named" 1 '' "*uid 100000-100009: lxc has them for container 'c1'" subid grant --range 100000:2 alice/o
mkdir "$home/.local/share/lxc/broken"
echo 'lxc.idmap = b 0 1000x 10' >"$home/.local/share/lxc/broken/config"
damaged="subid: $home/.local/share/lxc/broken: damaged (and 0 more): *nothing is given to alice's containers until it is repaired*"
expect "damage in a home: nothing of hers is given" 3 '' "$damaged" subid grant -c 1 alice/o
expect "nor by range" 3 '' "$damaged" subid -q grant --range 100500:2 alice/o
expect "nor by herself" 3 '' "$damaged" as alice subid grant -c 1 alice/o
expect "but others' is" 0 'root/o uid 300000 *' '' subid grant -n -c 1 root/o
expect "and a range" 0 'bob *' '' subid grant -n bob
rm -r "$home/.local/share/lxc/broken"
as alice mkdir -p "$home/.local/share/containers/storage/overlay-containers"
as alice tee "$home/.local/share/containers/storage/overlay-containers/containers.json" <<<'[{"uidmap":' >"$T/null"
expect "of podman's, too" 3 '' "subid: $home/.local/share/containers/storage/overlay-containers: damaged *" subid grant -c 1 alice/o
rm -r "$home/.local/share/containers"
expect "but may be leased by its own name" 0 $'alice/c1 uid 100000 100009 10 new\n*' '' subid grant --range 100000:10 alice/c1
mkdir -p /var/lib/lxc/c2 /var/lib/machines/m /var/lib/containers/storage/overlay-containers
echo 'lxc.idmap = u 0 300000 10' >/var/lib/lxc/c2/config
truncate -s 17M /var/lib/lxc/c2/config
unread='subid: /var/lib/lxc/c2: File too large*which ids a stopped container has there is not known: nothing is given*'
expect "one that is too large: nothing is given" 3 '' "$unread" subid grant -n -c 1 root/n
expect "with -q too" 3 '' "$unread" subid -q grant -n -c 1 root/n
expect "nor a range granted" 3 '' "$unread" subid -q grant -n bob
echo 'lxc.idmap = u 0 300000 10' >/var/lib/lxc/c2/config
expect "root's LXC container" 0 $'root/n uid 300010 300010 1 new\nroot/n gid 300010 *' '' subid grant -c 1 root/n
chown 327680:327680 /var/lib/machines/m
expect "a tree of nspawn's" 1 '' "*uid 327680-393215: nspawn has them for container 'm'" subid grant --range 327690:1 root/o
echo '[{"id":"1","names":["p"],"uidmap":[{"container_id":0,"host_id":400000,"size":9}]}]' \
	>/var/lib/containers/storage/overlay-containers/containers.json
expect "a container of podman's" 1 '' "*uid 400000-400008: podman has them for container 'p'" subid grant --range 400000:1 root/o
echo '[{"uidmap":' >/var/lib/containers/storage/overlay-containers/containers.json
expect "damage of root's is told, and no hindrance" 0 $'root/p uid *' \
	'subid: warning: /var/lib/containers/storage/overlay-containers: damaged*' subid grant -c 1 root/p
rm -rf /var/lib/containers/storage

# --- what runs ----------------------------------------------------------------------

tables alice:100000:1000
leases ''
new_target alice
as alice newuidmap "$target" 0 100500 10
expect "a live map" 1 '' "*uid 100505-100505: in use by process $target (sleep)" subid grant --range 100505:1 alice/l
leases alice/l:100500:10
expect "in use: not taken back" 1 '' "*in use: user namespace*" subid revoke alice/l
expect "but with --force" 0 $'alice/l uid 100500 100509 10 released\n*' '*maps uid 100500-100509*warning: alice/l: --force: done all the same*' subid revoke --force alice/l
end "$target"
leases ''

# --- many at once ---------------------------------------------------------------------

tables alice:1000000:64000000
crowd=32
seq -f 'alice/c%g' 1 $((crowd * 1000)) | split -l 1000 -a 2 -d - "$T/names."
pids=()
for ((i = 0; i < crowd; i++)); do
	subid -q grant --count 1000 --from "$T/names.$(printf %02d $i)" &
	pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
is "32 processes lease 1,000 each: none fails" "$failed" 0
is "all are there" "$(sort -u $store/subuid | wc -l) $(sort -u $store/subgid | wc -l)" '32000 32000'
ok "and disjoint" disjoint $store/subuid
leases ''
one_by_one() { # number
	local i
	for ((i = 0; i < 16; i++)); do subid -q grant -c 100 "alice/k$1.$i" || return 1; done
}
pids=()
for ((i = 0; i < crowd; i++)); do
	one_by_one "$i" &
	pids+=($!)
done
for ((i = 0; i < 40; i++)); do
	subid -q grant -c 100 "alice/killed$i" 2>/dev/null &
	victim=$!
	read -rt "0.0$((RANDOM % 10))" <> <(:)
	kill -KILL "$victim" 2>/dev/null
	wait "$victim" 2>/dev/null
done
for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
is "one by one, beside others that are killed: none fails" "$failed" 0
is "all are there" "$(grep -c '/k[0-9]' $store/subuid)" $((crowd * 16))
ok "and disjoint" disjoint $store/subuid
ok "the killed ones left no lock that holds" subid -q grant -c 1 alice/last
is "both kinds have the same" "$(sort $store/subuid | md5sum)" "$(sort $store/subgid | md5sum)"

# root's store and hers have locks of their own
tables alice:1000000:64000000
leases ''
pids=()
for ((i = 0; i < 8; i++)); do
	for ((k = 0; k < 25; k++)); do subid -q grant -c 10 "alice/r$i.$k" || echo failed; done >>"$T/said" 2>&1 &
	pids+=($!)
	for ((k = 0; k < 25; k++)); do as alice subid -q grant -c 10 "alice/u$i.$k" || echo failed; done >>"$T/said" 2>&1 &
	pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
is "root and alice at once: none fails" "$(cat "$T/said")" ''
is "all are there" "$(wc -l <$store/subuid) $(wc -l <"$hers/subuid")" '200 200'
ok "and disjoint" disjoint $store/subuid "$hers/subuid"
rm -rf "$hers"

# --- while others have the lock ---------------------------------------------------------

# --own gives a line as well: what comes to rest while it waits for the tables' lock
tables ''
leases ''
hold_lock
start subid grant --own -c 10 root/late >"$T/out" 2>"$T/waited"
wait_for is_at_lock "$started_pid" /etc
leases '!released:100000:1000'
end "${started[-2]}"
wait "$started_pid"
is "--own keeps off a lease that comes to rest while it waits" "$? $(head -n 1 "$T/out")" '0 root/late uid 101000 101009 10 new'

# The first lease of all, while its line is taken back: there was no store to lock.
umount $store
mount -t tmpfs -o mode=755 subid-test /var/lib
tables alice:100000:1000
start strace -o "$T/revoke" -e trace=linkat -P subuid= -e inject=linkat:signal=STOP:when=1 subid revoke alice
tracer=$started_pid
ok "a revoke stands before its rename" wait_for grep 'stopped by SIGSTOP' "$T/revoke"
start subid grant -c 10 alice/first 2>"$T/out"
wait_for is_at_lock "$started_pid" $store
pkill -CONT -P "$tracer"
wait "$started_pid"
is "a lease of these ids is refused" "$?" 1
wait "$tracer"
is "the revoke is done" "$? $(</etc/subuid)" '0 !released:100000:1000'
is "no lease is left without its line" "$(cat $store/sub[ug]id 2>/dev/null)" ''
umount /var/lib
private_store
tables alice:1000000:64000000

# --- a full disk ----------------------------------------------------------------------

umount $store
mount -t tmpfs -o mode=755,size=32k subid-test $store
leases alice/a:1000000:10
head -c 1M /dev/zero >$store/filler 2>/dev/null
expect "a full disk" 3 '' "subid: $store/*: *No space left*" subid grant -c 1 alice/b
leases_are "nothing is lost" alice/a:1000000:10
rm $store/filler
ok "nor is anything in the way" subid -q grant -c 1 alice/b

# --- a home that does not answer ------------------------------------------------------

tables 'alice:100000:1000'
leases ''
rm -rf "$home/.local"
ok "a lease of hers" as alice subid -q grant -r 100100:100 alice/mine
expect "counts whatever whoever starts root's has ignored" 1 '' '*alice/mine: uid 100100-100199 are leased*' \
	env --ignore-signal=CHLD subid revoke -r 100150:1 alice
start python3 "$TESTS/e2e/hang.py" "$home" "$T/hangs"
wait_for test -e "$T/hangs"
expect "her home never answers: root does not wait for it" 0 'alice uid 100150 *' \
	"subid: warning: $home/.local/state/subid: does not answer within 3 s: *" timeout 10 subid revoke -r 100150:1 alice
kill "$started_pid"
umount -l "$home"
