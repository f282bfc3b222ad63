#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2086,SC2154 # paths of ours have no blanks; least is set for each sweep
# subid share when a system call fails, or when it is killed there: what is mounted is
# whole, ids are a record's, a lease's or held, and the same command, run again, ends what
# was begun.
#
# long
. "$(dirname "$0")/lib.sh"
plan 5
chmod 755 "$T"
add_user alice
tables $'alice:300000:65536\nroot:900000:300000'
mounts=/run/subid/share

# Those of mounts, and those of files and directories on the way.
calls="open_tree mount_setattr move_mount clone pipe2 umount2 fsetxattr fchown fchmod mkdirat openat2 write fsync renameat unlinkat linkat"
# Runs a command with one call failing, or being killed there, and then check; undo makes
# it as it was.  until: the n-th calls that are tried, until one does not come.
sweep() { # check undo argument...
	local check=$1 undo=$2 call n how said status bad=0 points=0
	shift 2
	for call in $calls; do
		for how in error=EIO signal=KILL; do
			for n in 1 2 4 8; do
				: >"$T/trace"
				said=$(strace -f -qq -o "$T/trace" -e trace="$call" -e inject="$call:$how:when=$n" subid -q share "$@" 2>&1)
				status=$?
				[ "$(wc -l <"$T/trace")" -ge "$n" ] || break
				points=$((points + 1))
				$check || { bad=1 && echo "$call $how $n, which ended with $status: $said"; }
				$undo &>/dev/null
			done
			$undo &>/dev/null
		done
	done
	echo "$points points"
	[ "$points" -gt "$least" ] && return $bad
}

# --- create -------------------------------------------------------------------------------

store_state() { subid share list 2>&1 | awk '$2 == "-" { print $5 }'; }
is_whole_store() { # name directory
	local uid
	uid=$(awk -F: -v owner="$1" '$1 == owner { print $2 }' /var/lib/subid/subuid)
	[ "$(store_state)" = ready ] && [ "$(stat -c %u "$2")" = "$uid" ] && [ "$(subid share list | awk '{ print $7 }')" = "$uid" ]
}
created() {
	[ "$(store_state)" != ending ] || subid -q share destroy root/k || return 1
	[ "$(store_state)" = ready ] || subid -q share create root/k "$T/srv/k/store" || return 1
	is_whole_store root/k "$T/srv/k/store"
}
uncreate() {
	subid -q share destroy root/k
	subid -q unhold 900000:300000
	rm -rf "$T/srv/k"
}
least=20 ok "create" sweep created uncreate create root/k "$T/srv/k/store"

# --- mount, umount ------------------------------------------------------------------------

subid -q share create root/m "$T/srv/m/store"
point=$mounts/alice/@all/root/m
# What is there is whole, and recorded.
is_whole() {
	local line
	line=$(grep " $point " /proc/self/mountinfo) || return 0
	[ "$(wc -l <<<"$line")" = 1 ] && [[ $line == *nosuid,nodev*idmapped* ]] && [ "$(stat -c %u $point)" = 300000 ] &&
		grep -q ^mount /var/lib/subid/shares/*[0-9]
}
mounted() { is_whole && subid -q share mount root/m alice && grep -q " $point " /proc/self/mountinfo && is_whole; }
unmount() { subid -q share umount root/m alice; }
least=20 ok "mount" sweep mounted unmount mount root/m alice
# after a boot: the record stays
mounted_again() { is_whole && subid -q share mount --all && grep -q " $point " /proc/self/mountinfo && is_whole; }
detach() { umount $point; }
subid -q share mount root/m alice
detach
least=10 ok "mount --all" sweep mounted_again detach mount --all
subid -q share mount --all
unmounted() {
	is_whole || return 1
	subid -q share umount root/m alice 2>/dev/null || [ $? = 1 ] || return 1
	! grep -q " $point " /proc/self/mountinfo && ! grep -q ^mount /var/lib/subid/shares/*[0-9]
}
mount_it() { subid -q share mount root/m alice; }
least=5 ok "umount" sweep unmounted mount_it umount root/m alice
unmount

# --- destroy ------------------------------------------------------------------------------

destroyed() {
	local kept
	kept=$(subid share list)$(subid list root | grep leased)$(subid list '!released' 2>/dev/null)
	[ -n "$kept" ] || return 1
	[ -z "$(subid share list)" ] || subid -q share destroy root/m || return 1
	[ -z "$(subid share list)$(subid list root | grep leased)" ] && [ -n "$(subid list '!released')" ]
}
undestroy() {
	subid -q share destroy root/m
	subid -q unhold 900000:300000
	rm -rf "$T/srv/m"
	subid -q share create root/m "$T/srv/m/store"
}
least=10 ok "destroy" sweep destroyed undestroy destroy root/m
