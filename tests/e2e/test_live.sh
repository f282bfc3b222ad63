#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Real namespaces, as the audit, grants and revokes see them.  Each check lists all that
# the audit says about what runs: what is not expected must not be said.
. "$(dirname "$0")/lib.sh"
plan 79

add_user alice -u 5001
add_user bob -u 5002
good=$'alice:100000:65536\nbob:200000:65536'
tables "$good"

# A namespace of a user's with these maps, written by root past the helpers: $target,
# and its inode in $ns.  "-" writes none.
space() { # user uid_map gid_map
	new_target "$1"
	# in one write, as the kernel takes it
	[ "$2" = - ] || dd status=none of="/proc/$target/uid_map" <<<"$2"
	[ "$3" = - ] || dd status=none of="/proc/$target/gid_map" <<<"$3"
	ns=$(inode_of "$target")
}
inode_of() { readlink "/proc/$1/ns/user" | tr -dc 0-9; }

# A namespace in $target's, with a map of some of its ids: $inner.
inner_space() { # inside outside count
	start nsenter --user --target "$target" -S 0 -G 0 unshare --user sleep infinity
	inner=$started_pid
	wait_for runs "$inner" sleep
	nsenter --user --target "$target" -S 0 -G 0 sh -c "echo $1 $2 $3 >/proc/$inner/uid_map
		echo $1 $2 $3 >/proc/$inner/gid_map"
}

# What an audit says about what runs, a line each: rule kind owner ids namespace.
live_of() {
	jq -r '.findings[] | ., .also[]? | select(.rule | startswith("live-")) | [.rule, .kind // "-", .owner // "-",
		(.range | if . then "\(.start)+\(.count)" else "-" end), .namespace // "-"] | join(" ")' <<<"$1" | sort
}
found() { live_of "$(subid --json audit --fail-on never)"; }
finds() { is "$1" "$(found)" "$2"; }
both() { printf '%s uid %s\n%s gid %s' "$1" "$2" "$1" "$2" | sort; }
reasons() { subid --json audit --fail-on never | jq -r '.findings[] | ., .also[]? | select(.rule | startswith("live-")) | .reason'; }

# --- all is well ----------------------------------------------------------------

finds "nothing runs" ""
start become alice unshare --map-auto --map-root-user sleep infinity
wait_for runs "$started_pid" sleep
good_one=$started_pid
finds "a container within its owner's range" ""
is "a clean machine: nothing above info" \
	"$(subid --json audit | jq -c '[.findings[] | select(.level != "info")]')" "[]"
expect "and the status says so" 0 '*' '' subid audit
like "one namespace was looked at" "$(subid --json audit | jq -c .summary.looked_at)" '*"live":true,"namespaces":1,*'
space alice - -
finds "one without maps" ""
end "$target"
space alice "0 5001 1" -
finds "the own uid alone" ""
end "$target"

# Root's, in which ids mean what they mean outside, as systemd makes them.
for map in "0 0 1" "0 0 65536" "0 0 4294967295"; do
	space root "$map" "$map"
	finds "root maps $map" ""
	expect "nor is it in the way of a grant" 0 'bob uid 265536 *' '' subid grant -n --another bob
	end "$target"
done
tables $'_lxd:300000:65536\nroot:300000:65536\nalice:100000:65536'
space root "0 300000 65536" "0 300000 65536"
finds "LXD's two lines: one container" ""
end "$target"
tables "$good"
space root "0 524288 65536" "0 524288 65536"
finds "systemd-nspawn's convention" ""
end "$target"

# --- maps that nobody allowed -----------------------------------------------------

space alice "0 700000 10" "0 700000 10"
finds "ids that nobody has" "$(both live-unauthorised "alice 700000+10 $ns")"
expect "a grant keeps off them" 1 '' "subid: bob: uid 700005-700005: *user namespace*" \
	subid grant --range 700005:1 bob
expect "the audit fails" 1 '*' '' subid audit
end "$target"
finds "until it has ended" ""
space alice "0 200000 65536" "0 200000 65536"
finds "another user's range" "$(both live-unauthorised "alice 200000+65536 $ns")"
like "the reason says whose" "$(reasons)" "*bob's by line 2 of subuid*"
expect "which bob cannot be rid of" 1 '' "subid: bob: in use: user namespace $ns (process $target, sleep) *" subid revoke bob
end "$target"
space alice "0 0 1" "0 0 1"
finds "the host's root" "$(both live-root "alice 0+1 $ns")"
end "$target"
space alice "0 5002 1" "0 5001 1"
finds "another account's uid" "live-account uid alice 5002+1 $ns
live-setgroups gid alice 5001+1 $ns
live-unauthorised uid alice 5002+1 $ns"
is "which is one finding about its namespace" "$(subid --json audit --fail-on never | jq '[.findings[] | select(.namespace == '"$ns"')] | length')" 1
end "$target"
new_target alice
echo deny >"/proc/$target/setgroups"
echo "0 5001 1" >"/proc/$target/uid_map"
echo "0 5001 1" >"/proc/$target/gid_map"
finds "the own gid, setgroups denied" ""
end "$target"
groupadd -g 5100 devs
usermod -aG devs alice
new_target alice
echo deny >"/proc/$target/setgroups"
echo "0 5100 1" >"/proc/$target/gid_map"
finds "the gid of a group that she is in" ""
end "$target"
new_target bob
echo deny >"/proc/$target/setgroups"
echo "0 5100 1" >"/proc/$target/gid_map"
finds "and of one that he is not" "live-account gid bob 5100+1 $(inode_of "$target")
live-unauthorised gid bob 5100+1 $(inode_of "$target")"
end "$target"

# --- one in the other -------------------------------------------------------------

space alice "0 100000 65536" "0 100000 65536"
inner_space 0 5 10
finds "nested in a good one" ""
is "both are looked at" "$(subid --json audit | jq .summary.looked_at.namespaces)" 3
end "$inner"
end "$target"
space alice "0 700000 100" "0 700000 100"
inner_space 0 5 10
finds "nested in a bad one: the outer one stands for it" "$(both live-unauthorised "alice 700000+100 $ns")"
outer=$ns
end "$target"
finds "without a process, but for those in the inner one" "$(both live-unauthorised "alice 700000+100 $outer")"
like "the reason says what keeps it" "$(reasons)" "*user namespace $outer (without a process, held by a namespace in it, of process $inner)*"
expect "a grant keeps off its ids" 1 '' "subid: bob: uid 700090-700090: *user namespace*" subid grant --range 700090:1 bob
end "$inner"
finds "until that ends, too" ""

# --- without a process --------------------------------------------------------------

space alice "0 200000 100" "0 200000 100"
: >"$T/held"
mount --bind "/proc/$target/ns/user" "$T/held"
end "$target"
finds "held by a bind mount" "$(both live-unauthorised "alice 200000+100 $ns")"
like "the reason says so" "$(reasons)" "*user namespace $ns (without a process, held by a mount *"
expect "bob cannot be rid of his range" 1 '' "subid: bob: in use: user namespace $ns *mount* maps uid 200000-200099*" subid revoke bob
umount "$T/held"
finds "unmounted" ""

space alice "0 200000 100" "0 200000 100"
exec 9<"/proc/$target/ns/user"
end "$target"
finds "held by a descriptor" "$(both live-unauthorised "alice 200000+100 $ns")"
like "the reason says by whose" "$(reasons)" "*user namespace $ns (held open by process *"
expect "bob cannot be rid of his range" 1 '' "subid: bob: in use: user namespace $ns *" subid revoke bob
# Who made it may signal what enters it.
attack() { # signal
	start become alice python3 -c "import os, signal
while True:
	try: os.kill(-1, signal.$1)
	except ProcessLookupError: pass"
	wait_for runs "$started_pid" python3
	for ((i = 0; i < 30; i++)); do
		timeout 30 subid --json audit --fail-on never >/dev/null 2>&1 || [ $? = 3 ] || break
	done
	end "$started_pid"
}
end "$good_one"
attack SIGSTOP
is "one that stops whatever enters it does not stop the audit" "$i" 30
attack SIGKILL
is "nor does one that kills it" "$i" 30
exec 9<&-
finds "closed" ""
start become alice unshare --map-auto --map-root-user sleep infinity
wait_for runs "$started_pid" sleep
good_one=$started_pid

start become alice unshare --user --net sleep infinity
target=$started_pid
wait_for runs "$target" sleep
echo "0 200000 100" >"/proc/$target/uid_map"
ns=$(inode_of "$target")
exec 9<"/proc/$target/ns/net"
end "$target"
finds "held by its network, of which a descriptor is open" "live-unauthorised uid alice 200000+100 $ns"
exec 9<&-

space alice "0 200000 100" "0 200000 100"
: >"$T/held"
start unshare --mount --propagation private sh -c \
	"mount --bind /proc/$target/ns/user $T/held && exec sleep infinity"
wait_for runs "$started_pid" sleep
end "$target"
finds "held by a mount in another mount namespace" "$(both live-unauthorised "alice 200000+100 $ns")"
end "$started_pid"
wait_for test "$(found)" = ""
finds "which has ended" ""

# A file system of a user's that no longer answers lies on the way to the mount.
space alice "0 200000 100" "0 200000 100"
mkdir "$T/silent"
start python3 "$TESTS/e2e/silent_fuse.py" "$T/silent" "/proc/$target/ns/user" "$T/is-silent"
wait_for test -e "$T/is-silent"
end "$target"
expect "a mount behind a silent file system: the audit ends" 3 '{*' '*' timeout 30 subid --json audit --fail-on never
is "with that namespace, or without being sure" \
	"$(jq '.summary.partial or ([.findings[] | select(.namespace == '"$ns"')] | length > 0)' <<<"$out")" true
umount -l "$T/silent"
end "$started_pid"

# --- ids that were taken back ---------------------------------------------------------

ns=$(inode_of "$good_one")
auto=$(auto_count "$good_one")
expect "revoke --force" 0 '*released*' "*maps uid 100000-$((99999 + auto))*warning: alice: --force: done all the same*" subid revoke --force alice
finds "what runs is stale" "$(both live-stale "alice 100000+$auto $ns")"
expect "which is no failure" 0 '*' '' subid audit
expect "given to bob" 1 '' "subid: bob: uid 100000-165535: *" subid grant --range 100000:65536 bob
rm -f /etc/sub?id-
tables "$good"
# which usermod refuses as long as it sees her container
unshare --pid --fork --mount-proc usermod -V 100000-165535 -W 100000-165535 alice
finds "after usermod -V: the table before tells whose it was" "$(both live-stale "alice 100000+$auto $ns")"
tables $'bob:200000:65536\nbob:100000:65536'
finds "somebody else has it by now" "$(both live-unauthorised "alice 100000+$auto $ns")"
end "$good_one"
add_user carol -u 5003
tables $'bob:200000:65536\ncarol:300000:65536'
rm -f /etc/sub?id-
start become carol unshare --map-auto --map-root-user sleep infinity
wait_for runs "$started_pid" sleep
ns=$(inode_of "$started_pid")
userdel -f carol 2>/dev/null
finds "after userdel" "$(both live-stale "5003 300000+$auto $ns")"
end "$started_pid"

# --- two owners ---------------------------------------------------------------------

tables $'alice:100000:65536\nbob:100000:65536'
start become alice unshare --map-auto --map-root-user sleep infinity
one=$started_pid
start become bob unshare --map-auto --map-root-user sleep infinity
two=$started_pid
wait_for runs "$one" sleep
wait_for runs "$two" sleep
is "the same ids by lines of both" "$(found | cut -d' ' -f1-2,4)" "$(both live-shared "100000+$auto")"
end "$one"
end "$two"
tables "$good"

# --- processes ------------------------------------------------------------------------

start setpriv --reuid 700000 --regid 700001 --clear-groups sleep infinity
wait_for runs "$started_pid" sleep
finds "ids that nobody has" "live-orphan gid - 700001+1 -
live-orphan uid - 700000+1 -"
end "$started_pid"
start setpriv --reuid 100007 --regid 200008 --clear-groups sleep infinity
wait_for runs "$started_pid" sleep
finds "ids that somebody has" ""
end "$started_pid"

# --- names ----------------------------------------------------------------------------

chmod 755 "$T"
lxc_path=$T/lxc
printf '%s\n' "lxc.idmap = u 0 200000 65536" "lxc.idmap = g 0 200000 65536" 'lxc.net.0.type = empty' >"$T/lxc.conf"
cgroup2_begin # LXC 7 as root knows no other
ok "root's LXC with bob's range" sh -c "lxc-create -P $lxc_path -n c1 -f $T/lxc.conf -t busybox &&
	echo root:200000:65536 | tee -a /etc/subuid >>/etc/subgid && lxc-start -P $lxc_path -n c1"
tables "$good"
init=$(lxc-info -P "$lxc_path" -n c1 -p -H)
finds "is found" "$(both live-unauthorised "root 200000+65536 $(inode_of "$init")")"
like "with its name" "$(reasons)" "*(lxc c1, process $init) of root maps uids *"
lxc-stop -P "$lxc_path" -k -n c1
cgroup2_end

root_fs=$T/rootfs
mkdir -p "$root_fs/bin" "$root_fs/tmp" "$root_fs/proc" "$root_fs/dev" "$root_fs/sys"
cp "$(command -v busybox)" "$root_fs/bin/busybox"
tar -C "$root_fs" -cf "$T/rootfs.tar" .
tables "$good"
as alice podman import "$T/rootfs.tar" tiny >/dev/null 2>&1
as alice podman --runtime runc run -d --name pod1 --network=none tiny /bin/busybox sleep 1000 >"$T/pod" 2>&1
tables bob:200000:65536
rm -f /etc/sub?id-
like "podman's is found by its name" "$(reasons)" "*(podman pod1, process *) of alice maps uids 100000-165535*"
tables "$good"
as alice podman kill pod1 >/dev/null 2>&1
as alice podman system migrate >/dev/null 2>&1

# --- without privilege ------------------------------------------------------------------

space bob "0 700000 10" "0 700000 10"
expect "alice sees a part" 3 '*partial*' '*' as alice subid audit
expect "which she can accept" 0 '*' '*' as alice subid audit --partial
is "and JSON says so" "$(as alice subid --json audit 2>/dev/null | jq .summary.partial)" true
# another user's maps may be read, but not who made them
is "what bob's map is, but not whose" "$(live_of "$(as alice subid --json audit --partial 2>/dev/null)" | cut -d' ' -f1)" live-unread
end "$target"

# In a namespace of root's, where root has all ids that there are: nothing is granted.
tables $'root:0:400000\nbob:200000:65536'
expect "a grant in a nested namespace" 1 '' '*no gap of 10 uids*' \
	unshare --user --map-users=100000,0,300000 --map-groups=100000,0,300000 subid grant -n --another --count 10 bob
expect "and in one of the same ids" 1 '' '*no gap of 10 uids*' \
	unshare --user --map-users=0,0,300000 --map-groups=0,0,300000 subid grant -n --another --count 10 bob
expect "and in one without maps" 1 '' '*no gap of 10 uids*' unshare --user subid grant -n --another --count 10 bob
tables "$good"

# What runs there is told which of its lines are of ids that do not exist there.
absent() { # what the audit says in $target's namespace
	nsenter --user --target "$target" -S 0 -G 0 subid --json audit --fail-on never --rule absent-ids 2>/dev/null |
		jq -r '.findings[] | "\(.kind) \(.line) \(.reason)"'
}
tables $'bob:100000:65536\nalice:100:200'
space alice $'0 5001 1\n1 100000 65536' '0 0 4294967295'
is "uids that the namespace lacks, and no gids: it has them all" "$(absent)" \
	"uid 1 uids 100000-165535 of bob (line 1) do not exist in this user namespace, which has 0-65536 (/proc/self/uid_map): no map with them can be written"
end "$target"
space alice $'0 5001 1\n1 100000 65536' '0 5001 1'
is "each kind by its own map" "$(absent | cut -d ' ' -f 1,2)" $'uid 1\ngid 1'
like "one finding for both lines" "$(absent)" '*and so it is with 1 more line'
end "$target"
is "nothing of the sort where all ids are" "$(subid --json audit --fail-on never --rule absent-ids | jq '.findings | length')" 0
# Whose ids a map has, which no line grants any more.
tables "$good"
expect "a grant, which the ledger learns of" 0 '*' '' subid grant --another --count 10 bob
space alice '0 100000 65536' '0 100000 65536'
change_tables 'bob:200000:65536'
like "a range that an editor took away is alice's by the ledger" "$(subid --json audit --fail-on never | jq -r '.findings[].reason')" \
	"*maps uids 100000-165535*; by the ledger uids 100000-165535 were alice's*"
end "$target"
is "and once it has ended nothing is said" "$(live_of "$(subid --json audit --fail-on never)")" ""
tables "$good"

# --- a storm ----------------------------------------------------------------------------

for ((i = 0; i < 2; i++)); do
	start become alice bash -c 'while :; do unshare --map-auto --map-root-user true; done'
	start become bob bash -c 'while :; do unshare --map-auto --map-root-user setpriv --reuid 7 --regid 8 --clear-groups true; done'
	start become alice bash -c 'while :; do unshare --map-root-user --net unshare --map-root-user --mount true; done'
done
said=
for ((i = 0; i < 60; i++)); do
	out=$(subid --json audit --fail-on never 2>&1)
	said+="$(live_of "$out" 2>&1)$(jq -r '.summary.missing[]' <<<"$out" 2>&1)"
done
is "sixty audits in a storm say nothing" "$said" ""
