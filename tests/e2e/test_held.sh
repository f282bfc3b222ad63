#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# User namespaces that no process is in: what they map is in use all the same, by
# whatever way the kernel keeps them.
. "$(dirname "$0")/lib.sh"
plan 33

add_user alice -u 5001
tables alice:100000:65536

# A namespace that maps alice's range and has net and uts namespaces; its first
# process is $inside.
new_inside() {
	start unshare --user --net --uts sleep 600
	inside=$started_pid
	wait_for runs "$inside" sleep || echo "# no process in a new namespace"
	echo 0 100000 65536 | tee "/proc/$inside/uid_map" >"/proc/$inside/gid_map"
	userns=$(readlink "/proc/$inside/ns/user" | tr -dc 0-9)
}

# Nobody is in the namespace any more, but it lives: nothing may be taken or given.
kept_by() { # name holder [lines before]
	end "$inside"
	expect "$1: revoke refuses" 1 '' \
		"${3-}subid: alice: in use: user namespace $userns (kept alive by a descriptor or mount of process $2, *) maps uid 100000-165535"$'\nsubid: *' \
		subid revoke alice
	tables ""
	expect "$1: grant keeps off" 1 '' 'subid: *' subid grant -n --range 100000:65536 alice
	tables alice:100000:65536
}

# When the holder ends, the ids are free.
let_go() { # name holder
	end "$2"
	expect "$1: free again" 0 'alice uid 100000 165535 65536 released*' '' subid revoke -n alice
}

is_there() { [ -e "$1" ]; }

new_inside
exec 9<"/proc/$inside/ns/user"
start sleep 600
exec 9<&-
kept_by "a descriptor" "$started_pid"
let_go "a descriptor" "$started_pid"

new_inside
exec 9<"/proc/$inside/ns/user"
start unshare --user sleep 600
exec 9<&-
wait_for runs "$started_pid" sleep
kept_by "a descriptor in another user namespace" "$started_pid"
let_go "a descriptor in another user namespace" "$started_pid"

new_inside
exec 9<"/proc/$inside/ns/uts"
start sleep 600
exec 9<&-
kept_by "a descriptor of another kind of namespace" "$started_pid"
let_go "a descriptor of another kind of namespace" "$started_pid"

new_inside
start nsenter --net="/proc/$inside/ns/net" sleep 600
wait_for runs "$started_pid" sleep
kept_by "a process in one of its namespaces" "$started_pid"
let_go "a process in one of its namespaces" "$started_pid"

new_inside
touch "$T/here"
mount --bind "/proc/$inside/ns/user" "$T/here"
kept_by "a mount" "*"
umount "$T/here"
expect "a mount: free again" 0 'alice uid 100000 *' '' subid revoke -n alice

new_inside
start unshare --mount sh -c "mount --bind /proc/$inside/ns/user '$T/here'; touch '$T/done'; exec sleep 600"
wait_for is_there "$T/done"
wait_for runs "$started_pid" sleep
kept_by "a mount in another mount namespace" "$started_pid"
let_go "a mount in another mount namespace" "$started_pid"

# the first process of the other user namespace does not see it
new_inside
new_target alice
mkdir "$T/a b"
touch "$T/a b/c"
start unshare --mount sh -c "mount --bind /proc/$inside/ns/user '$T/a b/c'; exec nsenter --preserve-credentials -U -t $target sleep 600"
wait_for runs "$started_pid" sleep
kept_by "a mount that one of another user namespace sees" "$started_pid"
let_go "a mount that one of another user namespace sees" "$started_pid"

# the first process that is asked is in a chroot, and does not see it
new_inside
mkdir -p "$T/jail"
cp -a "$(command -v busybox)" "$T/jail/busybox"
start unshare --mount sh -c "mount --bind /proc/$inside/ns/user '$T/here'; exec chroot '$T/jail' /busybox sleep 600"
jailed=$started_pid
wait_for runs "$jailed" busybox
start nsenter --mount -t "$jailed" sleep 600
wait_for runs "$started_pid" sleep
kept_by "a mount beside a chroot" "$started_pid"
end "$jailed"
let_go "a mount beside a chroot" "$started_pid"

# what it maps cannot be read: the ids are held then, and not given (test_hidden.sh)
new_inside
mkdir "$T/over"
touch "$T/over/file"
start unshare --mount sh -c "mount --bind /proc/$inside/ns/user '$T/over/file'; mount -t tmpfs over '$T/over'; exec sleep 600"
wait_for runs "$started_pid" sleep
end "$inside"
expect "a mount under another mount: revoke holds the ids" 0 '*released*' \
	"subid: warning: process $started_pid (sleep) of root (uid 0) keeps a user namespace out of sight*" subid revoke alice
change_tables ""
expect "which are not given" 0 'alice uid 165536 *' 'subid: warning: *' subid grant -n alice
tables alice:100000:65536
let_go "a mount under another mount" "$started_pid"

# a namespace in it, of another map, is all that is left
new_inside
start nsenter -U -t "$inside" unshare --user sleep 600
wait_for runs "$started_pid" sleep
kept_by "a namespace below" "$started_pid" $'subid: alice: in use: process *\n'
let_go "a namespace below" "$started_pid"

# the answer does not depend on who is first
new_inside
exec 9<"/proc/$inside/ns/user"
start sleep 600
wait_for runs "$started_pid" sleep
exec 9<&-
end "$inside"
expect "twice gives the same" 1 '' 'subid: alice: in use: user namespace*' subid revoke alice
first=$err
expect "and the same again" 1 '' "$first" subid revoke alice
is "no child is left" "$(pgrep -P $$ -x subid)" ""
end "$started_pid"
