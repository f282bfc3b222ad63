#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --root: an image is somebody else's work.  What its links lead to is in it or is
# nothing, and what is no regular file is neither opened nor waited for.
. "$(dirname "$0")/lib.sh"
plan 29

img=$T/img
new_image() {
	rm -rf "$img"
	mkdir -p "$img/etc" "$img/var/lib"
	echo 'm:x:1000:1000::/:/bin/sh' >"$img/etc/passwd"
	echo 'm:x:1000:' >"$img/etc/group"
	echo m:500000:1000 | tee "$img/etc/subuid" >"$img/etc/subgid"
}

# The kernel before Linux 5.6, which knows no openat2(2).
old_kernel() {
	strace -qq -f -e trace=openat2 -e inject=openat2:error=ENOSYS -o /dev/null "$@"
}

# --- the store of leases ----------------------------------------------------------

for kernel in env old_kernel; do
	new_image
	tables other:300000:10
	ln -s /run/../etc "$img/var/lib/subid"
	expect "$kernel: a store that is a link to the host's /etc" 3 '' "subid: $img/var/lib/subid: *: leases cannot be kept" \
		"$kernel" subid --root "$img" grant m/x -c 10
	tables_are "$kernel: the host's tables are as they were" other:300000:10
	is "$kernel: so are the image's" "$(cat "$img"/etc/sub?id)" $'m:500000:1000\nm:500000:1000'
done
new_image
expect "a store is made" 0 $'m/x uid 500000 500009 10 new\n*' '' subid --root "$img" grant m/x -c 10
is "in the image" "$(cat "$img/var/lib/subid/subuid")" m/x:500000:10
new_image
mkdir -p "$img/srv/leases"
ln -s /srv/leases "$img/var/lib/subid"
expect "a store that is a link" 0 $'m/x uid 500000 500009 10 new\n*' '' subid --root "$img" grant m/x -c 10
is "is where it leads in the image" "$(cat "$img/srv/leases/subuid")" m/x:500000:10
expect "an old kernel cannot tell what is there, and gives nothing" 3 '' "subid: $img/var/lib/subid: it is a symbolic link to /srv/leases, which is not followed: *" \
	old_kernel subid --root "$img" grant m --another -c 10

# --- what is no file --------------------------------------------------------------

# The device has no driver: ENXIO says that it was opened.
odd() { # kind path
	case $1 in
	device) mknod "$2" c 511 0 ;;
	fifo) mkfifo "$2" ;;
	directory) mkdir "$2" ;;
	esac
}

in_image() { timeout 10 subid --root "$img" "$@"; }

for kind in fifo device directory; do
	for dir in etc var/lib/subid; do
		new_image
		mkdir "$img/var/lib/subid"
		odd $kind "$img/$dir/.pwd.lock"
		case $dir in etc) what=(m --another) ;; *) what=(m/x -c 10) ;; esac
		expect "$dir: a $kind is no lock" 3 '' "subid: $img/$dir/.pwd.lock: it is not a regular file" \
			in_image grant "${what[@]}"
	done
done

# Which of the files, each in turn a device, a command opens.
opens() { # command...
	local file
	for file in etc/{passwd,group,shadow,subuid,subgid,subuid-,subgid-,subuid.lock,login.defs,nsswitch.conf} \
		etc/subid.conf etc/subid.conf.d/x.conf etc/docker/daemon.json etc/audit/{audit.rules,rules.d/x.rules} \
		var/lib/lxc/c1/config var/lib/subid/{subuid,subgid}; do
		new_image
		mkdir -p "$img/${file%/*}"
		rm -f "$img/$file"
		odd device "$img/$file"
		strace -f -qq -e trace=file -o "$T/trace" timeout 20 subid --root "$img" "$@" >"$T/said" 2>&1
		grep -q execve "$T/trace" || echo "$file: not traced"
		! grep -q ENXIO "$T/trace" || echo "$file"
	done
}

is "audit opens no device" "$(opens audit)" ''
is "nor does grant" "$(opens grant m --another -c 10)" ''
is "nor for a lease" "$(opens grant m/x -c 10)" ''
odd device "$T/device"
like "a device that is opened is seen" "$(cat "$T/device" 2>&1)" '*No such device or address'

# --- what is read -----------------------------------------------------------------

# Opened by the command: its trace names the file.
touched() { # name command...
	local name=$1
	shift
	strace -f -qq -y -e trace=openat,openat2 -o "$T/trace" timeout 20 subid --root "$img" "$@" >"$T/said" 2>&1
	grep -c "= [0-9]*<[^>]*/$name>" "$T/trace"
}

mkdir "$T/host"
echo '{ "userns-remap": "m" }' >"$T/host/daemon.json"
new_image
ln -s "$T/host" "$img/etc/docker"
is "a link to a directory of the host is not followed" "$(touched daemon.json audit)" 0
new_image
mkdir "$img/etc/docker"
cp "$T/host/daemon.json" "$img/etc/docker"
is "the image's own file is read" "$(touched daemon.json audit)" 1

was_read() { # file
	strace -f -qq -y -e trace=read -o "$T/trace" timeout 20 subid --root "$img" audit >"$T/said" 2>&1
	grep -q "read([0-9]*<$img/$1>" "$T/trace" && echo yes
}

# A sparse file takes memory, and no room on the disk.
for file in etc/login.defs etc/docker/daemon.json etc/nsswitch.conf; do
	new_image
	mkdir "$img/etc/docker"
	truncate -s 5M "$img/$file"
	is "$file of 5 MB is not read" "$(was_read $file)" ''
	truncate -s 100 "$img/$file"
	is "a small one is" "$(was_read $file)" yes
done
