#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# cgroup2.sh COMMAND...: runs it with the cgroups of a systemd machine, whatever this
# machine has: version 2 alone, all below one group that has a controller enabled for
# its children.  That group is the root of a cgroup namespace, and is removed afterwards.
# Ends with the status of COMMAND, or with 77 and a reason where this cannot be had.
set -u

all=/sys/fs/cgroup
case ${1-} in
--mounted)
	shift
	;;
--inside)
	# in the group: leaves it for a child, so that it can enable the controller
	group=$2 controller=$3
	shift 3
	mkdir "$group/init" && echo $$ >"$group/init/cgroup.procs" &&
		echo "+$controller" >"$group/cgroup.subtree_control" &&
		umount -l $all && mount -t cgroup2 none $all || exit 77
	exec "$@"
	;;
*) exec unshare --mount --propagation private bash "$0" --mounted "$@" ;;
esac

cannot() {
	echo "$*"
	exit 77
}

grep -qw cgroup2 /proc/filesystems || cannot "kernel: no cgroup v2"
umount -lR $all 2>/dev/null
mkdir -p $all
mount -t cgroup2 none $all || cannot "cgroup v2 cannot be mounted"
# one that is not bound to a hierarchy of version 1; hugetlb does least
read -r enabled <$all/cgroup.subtree_control
read -r available <$all/cgroup.controllers
controller='' enabled_here=''
for name in $available $enabled; do
	[ "$controller" = hugetlb ] || controller=$name
done
[ -n "$controller" ] || cannot "kernel: version 2 has no controller"
case " $enabled " in
*" $controller "*) ;;
*)
	echo "+$controller" >$all/cgroup.subtree_control || cannot "$controller cannot be enabled"
	enabled_here=1
	;;
esac
group=$(mktemp -d $all/subid-test.XXXXXX) || cannot "root may not make a group"
chmod 755 "$group"

finish() {
	local i
	# whoever cleans up after itself has left no other group
	[ -z "$(find "$group" -mindepth 1 -type d ! -name init)" ] || echo "cgroup2.sh: groups are left" >&3
	echo 1 >"$group/cgroup.kill"
	for ((i = 0; i < 200; i++)); do
		find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
		[ -d "$group" ] || break
		read -rt 0.05 <> <(:)
	done
	# fails where another has a use for it, too
	[ -z "$enabled_here" ] || echo "-$controller" >$all/cgroup.subtree_control
	[ ! -d "$group" ] || echo "cgroup2.sh: $group cannot be removed" >&3
} 3>&2 2>/dev/null
trap finish EXIT
trap 'exit 1' INT TERM HUP

(
	echo "$BASHPID" >"$group/cgroup.procs" || exit 77
	exec unshare --cgroup --mount bash "$0" --inside "$group" "$controller" "$@"
)
