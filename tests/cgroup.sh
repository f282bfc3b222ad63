# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A part of the cgroups that belongs to a user, for the demo and for tests in which a user
# starts containers.  logind gives one at login; here root does.
#
# It is needed where cgroup v2 alone is mounted.  There, a group that contains processes
# cannot enable controllers for its children, and a group that has enabled controllers
# takes no processes.  LXC makes the group of a container below the group that it was
# started in, and enables every controller there.  So the user's group itself contains
# no process, and each command runs in a new child of it, as with systemd-run --scope.
cgroup= # the user's group

# Does nothing where the user needs none, or where root may not make one.
delegate_cgroup() { # user
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || return 0
	cgroup=$(mktemp -d /sys/fs/cgroup/subid-user.XXXXXX 2>/dev/null) || return 0
	give_cgroup "$1" "$cgroup"
}

give_cgroup() { # user group
	chmod 755 "$2" && chown "$1:" "$2" "$2"/cgroup.{procs,subtree_control,threads}
}

# The calling process goes into a new child of the user's group.
enter_cgroup() { # user
	[ -n "$cgroup" ] || return 0
	local child
	child=$(mktemp -d "$cgroup/command.XXXXXX") && give_cgroup "$1" "$child" &&
		echo "$BASHPID" >"$child/cgroup.procs"
}

# Ends the processes in it, and removes it.
remove_cgroup() {
	local group=$cgroup pid i
	[ -n "$group" ] || return 0
	cgroup=
	while read -r pid; do
		kill -KILL "$pid" 2>/dev/null
	done < <(find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null)
	for ((i = 0; i < 200; i++)); do
		find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
		[ -d "$group" ] || return 0
		read -rt 0.05 <> <(:)
	done
	return 1
}
