#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What subid-errors(7) quotes of podman, LXC and newuidmap, shadow's and ours, is what
# they say: each quotation is provoked here and compared, or stands below with the reason
# why it cannot be.
#
# In a pid namespace of its own, with which ends what podman leaves running.
[ $$ = 1 ] || exec unshare --pid --fork --kill-child --mount-proc bash "$0"
. "$(dirname "$0")/lib.sh"
plan 38

# The page's quotations, a line each, as they are read.
page=$(sed -nE 's/^\.It "(.*)"$/\1/p' man/subid-errors.7 | sed 's/\\(dq/"/g')
accounted=

account() { # quotation: it is the page's, and there is a check for it
	accounted+=$1$'\n'
	grep -qxF -- "$1" <<<"$page" || {
		result 1 "the page has: $1"
		return 1
	}
}

provoke() { # command...; what it says: $said
	# quotes are escaped in podman's log, homes are not where they are elsewhere
	said=$("$@" 2>&1 | sed -e 's/\\"/"/g' -e 's/\\n/\n/g' -e "s|$T/home/|/home/|g")
}

quoted() { # quotation...; $said has it; PID is a number, ... anything
	local glob quotation
	for quotation; do
		account "$quotation" || continue
		glob=$(sed -e 's/[][*?\\]/\\&/g' -e 's/PID/+([0-9])/g' -e 's/\.\.\./*/g' <<<"$quotation")
		shopt -s extglob
		like "$quotation" "$said" "*$glob*"
		shopt -u extglob
	done
}

in_program() { # file quotation [its fixed words]: not provoked, but the program has the words
	account "$2" && ok "$2" grep -aqF -- "${3-$2}" "$1"
}

unheard() { # reason quotation...; this log says so
	local reason=$1 quotation
	shift
	for quotation; do
		account "$quotation" && echo "# not provoked, $reason: $quotation"
	done
}

unheard "rootlesskit is not installed" \
	"could not get XDG_RUNTIME_DIR" \
	'failed to setup UID/GID map: failed to compute uid/gid map: No subuid ranges found for user 1000 ("alice")' \
	"[rootlesskit:parent] error: failed to start the child: fork/exec /proc/self/exe: operation not permitted"
unheard "no package of Debian" "could not use fakeroot: no mapping entry found in /etc/subuid for alice"
unheard "a newer podman" "lstat /run/user/1000: no such file or directory"
unheard "needs AppArmor in the kernel" "bwrap: setting up uid map: Permission denied"
unheard "Incus is not installed" \
	"No uid/gid allocation configured. In this mode, only privileged containers are supported"
unheard "needs storage on a network's file system" "chown ...: operation not permitted" \
	"kernel does not support overlay fs: ... backing filesystem"

left=$((planned - checks - 1))
podman_is=$(podman --version 2>/dev/null) lxc_is=$(lxc-start --version 2>/dev/null)
case $podman_is/$lxc_is in
"podman version 4.3."*/5.0.*) missing= ;;
/*) missing=$(lack podman) ;;
*/) missing=$(lack lxc) ;;
*) missing="release: quoted are podman 4.3 and LXC 5.0, not $podman_is and LXC $lxc_is" ;;
esac
[ -x /usr/bin/newuidmap ] || missing=${missing:-$(lack uidmap)}

sed -i '/^[^:]*:[^:]*:1000:/d' /etc/passwd
add_user alice -u 1000 -s /bin/bash
delegate_cgroup alice
chmod 755 "$T"
home=$T/home/alice
# with our helpers, with shadow's, and without any
ours() { as alice timeout 60 "$@"; }
theirs() { ours env PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
without() { ours env PATH="$T/few" "$@"; }

# The namespace of an earlier podman would be entered.
migrate() {
	theirs podman system migrate >/dev/null 2>&1
	rm -f /run/user/1000/libpod/tmp/pause.pid
}

# In a user namespace with all ids, with such a limit on those below it.
limited() { # limit command...
	unshare --user sleep infinity &
	local pid=$! limit=$1
	shift
	wait_for runs "$pid" sleep
	echo 0 0 4294967295 | tee "/proc/$pid/uid_map" >"/proc/$pid/gid_map"
	nsenter --target "$pid" --user --setuid 0 --setgid 0 bash -c \
		"echo $limit >/proc/sys/user/max_user_namespaces; cd /; $bare $*"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
}
bare="timeout 60 setpriv --reuid 1000 --regid $(id -g alice) --clear-groups env -i HOME=$home PATH=/usr/bin:/bin XDG_RUNTIME_DIR=/run/user/1000"
# Who has chrooted makes no user namespaces.
in_chroot() { # command...
	# shellcheck disable=SC2086 # words
	chroot "$T/other" $bare "$@"
}
few_programs() {
	local name
	mkdir "$T/few" "$T/other"
	for name in podman runc crun conmon nsenter sh env true lxc-usernsexec; do
		ln -s "$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v $name)" "$T/few/$name"
	done
	mount --rbind / "$T/other"
}

podman_() {
	tables ""
	provoke theirs podman unshare true
	quoted 'cannot find UID/GID for user alice: no subuid ranges found for user "alice" in /etc/subuid - check rootless mode in man pages' \
		"no subuid ranges found for user" \
		"Using rootless single mapping into the namespace. This might break some images."
	mkdir -p "$T/image/etc"
	: >"$T/image/etc/gshadow"
	chown 0:42 "$T/image/etc/gshadow"
	tar -C "$T/image" -cf "$T/image.tar" .
	provoke theirs podman import "$T/image.tar" tiny
	quoted "potentially insufficient UIDs or GIDs available in user namespace (requested 0:42 for /etc/gshadow): Check /etc/subuid and /etc/subgid" \
		"lchown /etc/gshadow: invalid argument"
	migrate
	echo alice:100000:65536 >/etc/subuid
	provoke theirs podman unshare true
	quoted 'no subgid ranges found for group "alice" in /etc/subgid'

	migrate
	tables alice:100000:65536
	provoke theirs setpriv --no-new-privs podman unshare true
	quoted "newuidmap: write to uid_map failed: Operation not permitted" \
		'cannot set up namespace using "/usr/bin/newuidmap": exit status 1' \
		"running \`/usr/bin/newuidmap PID 0 1000 1 1 100000 65536\`: newuidmap: ..." \
		'invalid internal status, try resetting the pause process with "podman system migrate"'
	provoke ours setpriv --no-new-privs podman unshare true
	quoted "newuidmap: write to uid_map failed: Operation not permitted: no_new_privs is set, by a unit or a sandbox"
	provoke without podman unshare true
	# shellcheck disable=SC2016 # podman's words
	quoted 'exec: "newuidmap": executable file not found in $PATH'
	provoke in_chroot podman unshare true
	quoted "cannot clone: Operation not permitted"
	provoke limited 0 podman unshare true
	quoted "cannot clone: No space left on device" \
		"user namespaces are not enabled in /proc/sys/user/max_user_namespaces"

	tables $'alice:100000:65536\nalice:100000:65536'
	provoke theirs podman unshare true
	quoted "newuidmap: write to uid_map failed: Invalid argument"
	provoke ours podman unshare true
	quoted "newuidmap: 1 100000 65536 overlaps 65537 100000 65536: no id may be mapped twice"
	tables alice:900:65536
	provoke theirs podman unshare true
	quoted 'invalid configuration: the specified mapping 900:65536 in "/etc/subuid" includes the user UID'

	# podman reads octal, which neither helper does
	tables alice:0303240:65536
	provoke ours podman unshare true
	quoted "newuidmap: uid range [1-65537) -> [100000-165536) not allowed"
	new_target alice
	tables alice:200000:65536
	provoke theirs newuidmap "$target" 0 1000 1 1 100000 65536
	like "shadow's words are the same" "$said" "newuidmap: uid range \[1-65537) -> \[100000-165536) not allowed"
	end "$target"

	tables alice:100000:65536
	mv /run/user/1000 "$T/away"
	provoke theirs podman info
	quoted "mkdir /run/user/1000: permission denied"
	mv "$T/away" /run/user/1000
	# here the storage's mkdir fails before
	in_program /usr/bin/podman "RunRoot is pointing to a path (/run/user/1000/containers) which is not writable. Most likely podman will fail." \
		"which is not writable. Most likely podman will fail"
	# when it ends between two looks
	in_program /usr/bin/podman "could not find any running process"
}

lxc_config() { # line...
	mkdir -p "$home/.config/lxc"
	printf '%s\n' "$@" 'lxc.net.0.type = empty' >"$home/.config/lxc/default.conf"
	chown -R alice: "$home/.config"
}

lxc() {
	local library
	tables ""
	provoke theirs lxc-usernsexec -- true
	quoted "Failed to find subuid or subgid allocation"
	lxc_config
	provoke theirs lxc-create -n c0 -t busybox
	quoted "No uid mapping for container root" "You do not have subuids or subgids allocated" \
		"Unprivileged containers require subuids and subgids"
	provoke theirs lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- true
	quoted 'newuidmap failed to write mapping "newuidmap: uid range [0-65536) -> [100000-165536) not allowed": newuidmap PID 0 100000 65536'
	tables alice:100000:65536
	lxc_config 'lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536'
	ok "a container that is right" theirs lxc-create -n c1 -t busybox
	chmod 700 "$home"
	provoke theirs lxc-start -F -n c1
	quoted "Permission denied - Could not access /home/alice. Please grant it x access, or add an ACL for the container root"
	chmod 755 "$home"
	provoke in_chroot lxc-start -F -n c1
	quoted "Failed to unshare new user namespace"
	sed -i '/lxc.idmap/s/ 0 100000 65536/ 1 100000 65535/' "$home/.local/share/lxc/c1/config"
	provoke theirs lxc-destroy -n c1
	quoted "No mapping for container root found"
	provoke limited 0 lxc-usernsexec -- true
	quoted "Failed to unshare mount and user namespace"
	provoke without lxc-usernsexec -- true
	quoted 'Operation not permitted - Failed to write uid mapping to "/proc/PID/uid_map"'
	library=$(ldconfig -p | awk '/liblxc\.so\.1 / { print $NF; exit }')
	# a child in a namespace of its own has been made before
	in_program "$library" "Failed to clone a new set of namespaces"
}

# Debian's takes 1000000:1000000000 when root has no line, and says neither.
lxd_() {
	local program
	program=$(command -v lxd)
	if [ -z "$program" ]; then
		unheard "LXD is not installed" "LXD doesn't have a uid/gid allocation. In this mode, only privileged containers are supported" \
			"Only privileged containers will be able to run"
		skip 2 "$(lack lxd)"
		return
	fi
	in_program "$program" "LXD doesn't have a uid/gid allocation. In this mode, only privileged containers are supported"
	in_program "$program" "Only privileged containers will be able to run"
}

if [ -n "$missing" ]; then
	skip "$left" "$missing"
	checks=$((planned - 1))
	accounted=$page$'\n'
else
	few_programs
	podman_
	lxc
	lxd_
fi
is "each quotation is provoked, or there is a reason" "$(sort -u <<<"${accounted%$'\n'}")" "$(sort -u <<<"$page")"
