#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2119,SC2120 # most ask for no runtime
# subid doctor: each reason why rootless containers do not start is made for real, and
# must be the first that is named.
. "$(dirname "$0")/lib.sh"
plan 127

add_user alice
add_user bob
uid=$(id -u alice)
home=$T/home/alice
schema=$PRE/share/subid/doctor.schema.json
# The test's own store is in memory: that is the one warning where all is well.

# What is said first, as level and check, and the status; all of it is in $said.
names() { # name wanted command...
	local name=$1 wanted=$2 status
	shift 2
	said=$("$@" 2>&1)
	status=$?
	is "$name" "$(awk -v status=$status '/^(FAIL|warn|unknown|ok) / { sub(/:$/, "", $2); print $1, $2, status; exit }' <<<"$said")" \
		"$wanted"
}
doctor() { as alice subid doctor "$@"; }
elsewhere_etc() { # command; with tables of its own
	# shellcheck disable=SC2016 # of the inner shell
	unshare --mount --propagation private bash -c 'mkdir -p "$0" && cp -a /etc/. "$0" && mount --bind "$0" /etc && eval "$1"' "$T/etc.own" "$1"
}
# What it says is to be done, typed as it stands, by root if it says sudo, ends that fault.
helps() { # check command...
	local check=$1 line
	shift
	line=$(sed -n 's/^      do:   //p' <<<"$said" | head -n 1)
	case $line in
	*sudo\ *) bash -c "sudo() { \"\$@\"; }; $line" ;;
	*) as alice bash -c "$line" ;;
	esac >"$T/typed" 2>&1
	said=$("$@" 2>&1)
	is "... and what helps: $line" "$(grep -E "^(FAIL|warn) +$check:" <<<"$said")" "" || sed 's/^/#   /' "$T/typed"
}

# --- all is well
tables "alice:100000:65536"
names "nothing fails" "warn state 0" doctor
like "the probe was made" "$(doctor)" "*ok *probe: a namespace was made and mapped*"
like "root may ask for a user" "$(subid doctor alice)" "*ok *probe: a namespace was made and mapped*0 FAIL*"
like "with the same helpers" "$(subid doctor alice)" "*ok *helper-missing: $PRE/bin/newuidmap and $PRE/bin/newgidmap are the first in root's PATH; *"
# Threat: what became the user is the user's to trace, so it holds nothing of root's.
cat >"$T/holds" <<'END'
#!/bin/sh
exec 2>&1
{ cat "/proc/$1/environ" && readlink "/proc/$1/cwd" && ls -l "/proc/$1/fd" | sed 1d | wc -l && cut -d " " -f 6 "/proc/$1/stat"; } >"${0%/*}/seen"
exec "$PRE/bin/${0##*/}" "$@"
END
mkdir -m 777 "$T/spy" && sed "s!\$PRE!$PRE!" "$T/holds" >"$T/spy/newuidmap" && cp "$T/spy/newuidmap" "$T/spy/newgidmap"
chmod 755 "$T"/spy/new?idmap
like "also by a helper that looks at what it maps" "$(cd "$T" && SECRET=1 PATH="$T/spy:$PATH" subid doctor alice)" "*ok *probe: *"
is "which has no environment, no directory, one descriptor" "$(head -n 2 "$T/spy/seen" | tr '\0\n' '  ')" "/ 1 "
like "and not the session of root's terminal" "$(tail -n 1 "$T/spy/seen")" "[1-9]*"
not_ok "but another" test "$(tail -n 1 "$T/spy/seen")" = "$(cut -d " " -f 6 /proc/$$/stat)"
names "another user may not see all" "unknown rights 3" as bob subid doctor alice
run as alice subid --json doctor --for podman
valid() { # file
	python3 - "$schema" "$1" <<-'END'
		import json, jsonschema, sys
		schema, report = (json.load(open(name)) for name in sys.argv[1:])
		jsonschema.Draft7Validator.check_schema(schema)
		jsonschema.Draft7Validator(schema).validate(report)
	END
}
as alice subid --json doctor --for podman >"$T/report.json"
ok "--json is as its schema says" valid "$T/report.json"
is "for podman" "$(jq -r '.for + " " + (.checks[] | select(.check == "probe") | .level)' "$T/report.json")" "podman ok"
expect "-q says nothing then" 0 '' '' as alice subid -q doctor
expect "another runtime" 2 '' "*unknown runtime 'rkt'; one of podman,*" subid doctor --for rkt
expect "two owners" 2 '' "*unexpected operand 'bob'*" subid doctor alice bob
not_ok "it says nothing to standard error, and fails where nothing can be written" \
	bash -c 'subid doctor alice >/dev/full'

# --- ranges
tables
names "no range" "FAIL no-range 1" doctor
like "what to do" "$(doctor)" "*do: * sudo subid grant alice*"
helps no-range doctor
tables
as alice subid --json doctor >"$T/report.json"
ok "a failure as its schema says" valid "$T/report.json"
echo alice:100000:65536 >/etc/subuid
names "one kind only" "FAIL no-range 1" doctor
like "which" "$(doctor)" "*alice has a range of uids, but none of gids*"
helps no-range doctor
tables && echo alice:100000:65536 >/etc/subgid
names "the other kind only" "FAIL no-range 1" doctor
helps no-range doctor
tables alice:100000:1000
names "too small" "warn range-small 0" doctor
helps range-small doctor
tables alice:100000:65536$'\n'alice:100000:65536
names "the same line twice" "FAIL line-twice 1" doctor
like "the probe failed as podman does" "$(doctor)" "*FAIL *probe: newuidmap: *do: *man 7 subid-errors*"
helps line-twice doctor
tables_are "it is one line then" alice:100000:65536
tables alice:100000:65536$'\n'alice:120000:65536
names "lines that overlap" "FAIL line-twice 1" doctor
helps line-twice doctor
tables "alice:$((uid - 5)):65536"
names "the own uid inside" "FAIL own-id-inside 1" doctor
helps own-id-inside doctor
tables alice:100000:65536
echo "alice:$(($(id -g alice) - 5)):65536" >/etc/subgid
names "the own gid inside" "FAIL own-id-inside 1" doctor
helps own-id-inside doctor
tables root:100000:65536$'\n'root:300000:65536
names "several lines of root" "FAIL root-lines 1" subid doctor root --for incus
helps root-lines subid doctor root --for incus
tables
names "no line of root" "FAIL no-range 1" subid doctor root --for incus
tables alice:100000:65536
mv /etc/subuid /etc/subuid.real && ln -s subuid.real /etc/subuid
names "a table that is a link" "FAIL table-link 1" doctor
helps table-link doctor
rm /etc/subuid && ln -s /nix/store/abc-subuid /etc/subuid
like "as on NixOS" "$(doctor)" "FAIL *table-link: /etc/subuid is a symbolic link to /nix/store/abc-subuid*NixOS*"
rm /etc/subuid && mv /etc/subuid.real /etc/subuid
chmod 600 /etc/subuid
names "a table that cannot be read" "FAIL table-unreadable 1" doctor
helps table-unreadable doctor
chmod 644 /etc/subuid
cp /etc/nsswitch.conf "$T/nsswitch"
echo 'subid: nosuch' >>/etc/nsswitch.conf
names "a source that cannot answer" "FAIL source 1" doctor
cp "$T/nsswitch" /etc/nsswitch.conf

# --- owners without account, and the library of shadow 4.20
mkdir "$T/lib"
cat >"$T/lib.c" <<'END'
int subid_get_uid_ranges(const char *owner, void **ranges) { (void)owner; *ranges = 0; return -1; }
END
gcc -shared -fPIC -o "$T/lib/libsubid.so.6" "$T/lib.c"
tables containers:200000:65536
names "an owner without account, as shadow 4.20 has it" "FAIL foreign-library 1" \
	env LD_LIBRARY_PATH="$T/lib" subid doctor containers
like "what to do" "$said" "*do: * sudo subid-compat enable*"
sed 's/(void)owner;/(void)owner; __builtin_trap();/' "$T/lib.c" >"$T/lib/ends.c"
mkdir "$T/ends" && gcc -shared -fPIC -o "$T/ends/libsubid.so.6" "$T/lib/ends.c"
names "one that ends is not one that finds none" "unknown foreign-library 3" env LD_LIBRARY_PATH="$T/ends" subid doctor containers
tables
expect "a grant says so, too" 0 '*containers uid *' 'subid: warning: containers: libsubid.so.6, which podman and buildah ask, finds no range: *sudo subid-compat enable*' \
	env LD_LIBRARY_PATH="$T/lib" subid grant containers
is "not of who has an account" "$(env LD_LIBRARY_PATH="$T/lib" subid grant --force-unknown alice 2>&1 | grep -c libsubid)" 0
mkdir -p "$T/image/etc" "$T/image/usr/lib/x86_64-linux-gnu"
cp /etc/passwd /etc/subuid /etc/subgid "$T/image/etc"
: >"$T/image/usr/lib/x86_64-linux-gnu/libsubid.so.6"
like "and the audit" "$(subid --root "$T/image" audit --rule owner-passed-over 2>&1)" "*there is no account containers: libsubid.so.6, *subid-compat enable*"
mkdir "$T/image/etc/ld.so.conf.d" && : >"$T/image/etc/ld.so.conf.d/00-subid-compat.conf"
is "with subid's library there is nothing to say" "$(subid --json --root "$T/image" audit --rule owner-passed-over 2>/dev/null | jq '.findings | length')" 0
tables containers:200000:65536
names "nobody" "FAIL account 1" subid doctor nobody-at-all
like "no command that would be refused" "$said" "FAIL *account: nobody-at-all: no such account*do: * subid doctor NAME*nobody-at-all: 1 FAIL, 0 warn, 0 ok"
names "who has uids alone is somebody" "FAIL no-range 1" \
	elsewhere_etc 'echo half:900000:10 >>/etc/subuid; subid doctor half'
is "what is root's is not said of others" "$(doctor | grep -c root-lines)" 0

# --- the helpers
tables alice:100000:65536
mkdir "$T/only" && ln -s "$PRE/bin/subid" "$T/only/subid"
names "no helper" "FAIL helper-missing 1" as alice env PATH="$T/only" subid doctor
ln -s "$PRE/bin/newuidmap" "$T/only/newuidmap"
names "one of the two" "FAIL helper-missing 1" as alice env PATH="$T/only" subid doctor
like "which" "$said" "FAIL *helper-missing: newgidmap is not in PATH*"
mkdir -m 755 "$T/lost" && cp "$PRE"/bin/{subid,newuidmap,newgidmap} "$T/lost"
names "before those that have it" "FAIL helper-path 1" as alice env PATH="$T/lost:$PRE/bin" subid doctor
like "what helps deletes no program" "$(grep -A3 helper-path <<<"$said" | grep do:)" "*take $T/lost out of PATH*"
like "root's PATH is called root's" "$(PATH=$T/lost:$PRE/bin subid doctor alice)" "FAIL *helper-path: *in root's PATH, and has no privilege*"
like "as by status" "$(PATH=$T/lost:$PRE/bin subid status alice)" "*cannot run*helpers *$T/lost/newuidmap: without privilege*as root's PATH has them*"
is "one's own is just PATH" "$(as alice subid status alice | grep -c 'may be another')" 0
names "helpers that lost setuid" "FAIL helper-unprivileged 1" as alice env PATH="$T/lost" subid doctor
chmod u+s "$T/lost/newgidmap"
names "one of them has" "FAIL helper-unprivileged 1" as alice env PATH="$T/lost" subid doctor
helps helper-unprivileged as alice env PATH="$T/lost" subid doctor
chmod u-s "$T/lost/newgidmap"
setcap cap_net_raw+ep "$T/lost/newuidmap" && setcap cap_setgid+ep "$T/lost/newgidmap"
names "the wrong capability" "FAIL helper-unprivileged 1" as alice env PATH="$T/lost" subid doctor
setcap cap_setuid+ep "$T/lost/newuidmap"
names "the right one" "warn state 0" as alice env PATH="$T/lost" subid doctor
chmod u+s "$T/lost/newuidmap"
names "both" "warn helper-double 0" as alice env PATH="$T/lost" subid doctor
helps helper-double as alice env PATH="$T/lost" subid doctor
mkdir "$T/nosuid" && mount -t tmpfs -o mode=755,nosuid subid-test "$T/nosuid"
cp -a "$PRE"/bin/{subid,newuidmap,newgidmap} "$T/nosuid"
names "on nosuid" "FAIL helper-nosuid 1" as alice env PATH="$T/nosuid" subid doctor
like "where" "$said" "*remount,suid $T/nosuid*"
helps helper-nosuid as alice env PATH="$T/nosuid" subid doctor
umount "$T/nosuid"

# --- this process
names "no_new_privs" "FAIL no-new-privs 1" as alice setpriv --no-new-privs subid doctor
drop() { # options of setpriv
	(cd / && exec setpriv "$@" --reuid "$uid" --regid "$(id -g alice)" --init-groups \
		env -i HOME="$home" PATH="$PATH" XDG_RUNTIME_DIR="/run/user/$uid" subid doctor)
}
names "the bounding set" "FAIL bounding-set 1" drop --bounding-set -setuid
like "which" "$(drop --bounding-set -setgid)" "FAIL *bounding-set: *lacks CAP_SETGID:*"
groupadd project
in_group() { (exec setpriv --reuid "$uid" --regid project --init-groups env -i HOME="$home" PATH="$PATH" \
	XDG_RUNTIME_DIR="/run/user/$uid" subid doctor); }
names "another primary group" "FAIL primary-group 1" in_group
echo GRANT_AUX_GROUP_SUBIDS yes >>/etc/login.defs
names "which login.defs may allow" "warn state 0" in_group

# --- the kernel: in a user namespace of its own, and with files of other kernels
nested() { # command...; in a user namespace with all ids
	unshare --user sleep infinity &
	local pid=$! status
	wait_for runs "$pid" sleep
	echo 0 0 4294967295 | tee "/proc/$pid/uid_map" >"/proc/$pid/gid_map"
	nsenter --target "$pid" --user --setuid 0 --setgid 0 bash -c "$1"
	status=$?
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	return $status
}
alice="setpriv --reuid $uid --regid $(id -g alice) --init-groups env -i HOME=$home PATH=$PATH XDG_RUNTIME_DIR=/run/user/$uid"
names "no namespaces at all" "FAIL max-user-namespaces 1" \
	nested "echo 0 >/proc/sys/user/max_user_namespaces; cd /; $alice subid doctor"
names "all used up" "FAIL max-user-namespaces 1" \
	nested "echo 1 >/proc/sys/user/max_user_namespaces; cd /; $alice unshare --user sleep 20 & sleep 0.5; $alice subid doctor; s=\$?; kill %1; exit \$s"
sysctl_file() { # name value command...; a kernel that has such a file
	local file=$1 value=$2
	shift 2
	unshare --mount --propagation private bash -c "mount -t tmpfs x /proc/sys/kernel && echo $value >/proc/sys/kernel/$file; cd /; $*"
}
names "Debian's switch" "FAIL userns-clone 1" sysctl_file unprivileged_userns_clone 0 "$alice subid doctor"
mkdir -p /etc/apparmor.d && rm -f /etc/apparmor.d/podman
names "AppArmor's restriction" "FAIL apparmor 1" \
	sysctl_file apparmor_restrict_unprivileged_userns 1 "$alice subid doctor --for podman"
printf 'profile podman /usr/bin/podman flags=(unconfined) {\n  userns,\n}\n' >/etc/apparmor.d/podman
names "with a profile" "warn state 0" \
	sysctl_file apparmor_restrict_unprivileged_userns 1 "$alice subid doctor --for podman"

# --- storage and session
new_target alice
as alice newuidmap "$target" 0 "$uid" 1 1 100000 65536
mkdir -p "/run/user/$uid/libpod/tmp" && echo -n "$target" >"/run/user/$uid/libpod/tmp/pause.pid"
chown -R alice "/run/user/$uid"
names "podman's pause process, of today" "warn state 0" doctor
tables alice:300000:65536
names "of other ranges" "FAIL pause-process 1" doctor
rm -r "/run/user/$uid/libpod"
as alice mkdir -p "$home/.local/share/containers/storage/overlay/abc/diff"
touch "$home/.local/share/containers/storage/overlay/abc/diff/f"
chown 100005 "$home/.local/share/containers/storage/overlay/abc/diff/f"
names "files of former ranges" "FAIL left-files 1" doctor
rm -r "$home/.local/share/containers/storage/overlay"
as alice mkdir -p "$home/.local/share/lxc/c1/rootfs/etc"
chown 100000 "$home/.local/share/lxc/c1/rootfs/etc"
names "of an LXC container" "FAIL left-files 1" doctor --for lxc
rm -r "$home/.local/share/lxc"
tables alice:100000:65536
mount -t tmpfs -o noexec,mode=777 x "$home/.local/share/containers"
names "noexec" "FAIL storage-noexec 1" doctor --for podman
helps storage-noexec doctor --for podman
umount "$home/.local/share/containers"
for closed in .local .local/share .local/share/containers; do
	rm -r "$home/.local"
	as alice mkdir -p "$(dirname "$home/$closed")"
	mkdir -m 755 "$home/$closed"
	names "$closed is root's" "FAIL storage-owner 1" doctor --for podman
	like "which" "$said" "FAIL *storage-owner: $home/$closed cannot be written by alice: it is the uid 0's, with mode 0755*"
	helps storage-owner doctor --for podman
done
as alice chmod 500 "$home/.local/share/containers"
names "one's own without w" "FAIL storage-owner 1" doctor --for podman
helps storage-owner doctor --for podman
# a file system whose server never answers
as alice mkdir -p "$home/.local/share/docker"
python3 - "$home/.local/share/docker" "$T/fuse" <<'END' &
import ctypes, os, sys, time
fd = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = b"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % fd
r = libc.mount(b"sshfs", sys.argv[1].encode(), b"fuse.sshfs", 0, options)
open(sys.argv[2], "w").write(str(r))
time.sleep(60)
END
server=$!
started+=("$server")
wait_for test -s "$T/fuse"
if [ "$(cat "$T/fuse")" = 0 ]; then
	names "a network's file system that does not answer" "FAIL storage-type 1" doctor --for docker
	umount -l "$home/.local/share/docker"
else
	skip 1 "kernel: no FUSE"
fi
end "$server"
# those that need a server of their own: by a table of mounts that has them
cat >"$T/mounts.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
int open(const char *path, int flags, ...)
{
	int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	const char *mounts = getenv("MOUNTS");
	__builtin_va_list list;
	__builtin_va_start(list, flags);
	if (mounts != NULL && strcmp(path, "/proc/self/mountinfo") == 0)
		path = mounts;
	return real(path, flags, __builtin_va_arg(list, int));
}
int open64(const char *, int, ...) __attribute__((alias("open")));
END
asan=$(ldd "$PRE/bin/subid" | awk '/libasan|libtsan/ { print $3 }')
if gcc -shared -fPIC -o "$T/mounts.so" "$T/mounts.c" -ldl 2>"$T/gcc" && [ -z "$asan" ]; then
	for type in nfs nfs4 lustre gpfs cifs 9p; do
		{
			cat /proc/self/mountinfo
			echo "9999 1 0:99 / $home/.local/share/containers rw,relatime - $type server:/export rw"
		} >"$T/mountinfo"
		names "storage on $type" "FAIL storage-type 1" as alice env LD_PRELOAD="$T/mounts.so" MOUNTS="$T/mountinfo" subid doctor --for podman
	done
	helps storage-type as alice env LD_PRELOAD="$T/mounts.so" MOUNTS="$T/mountinfo" subid doctor --for podman
	is "podman's storage is elsewhere then" "$(grep graphroot "$home/.config/containers/storage.conf")" 'graphroot = "/var/tmp/alice/containers"'
	sed "s!$home/.local/share/containers!/var/tmp!" "$T/mountinfo" >"$T/mountinfo.tmp"
	names "there, too" "FAIL storage-type 1" as alice env LD_PRELOAD="$T/mounts.so" MOUNTS="$T/mountinfo.tmp" subid doctor --for podman
	like "a file that is there is the user's" "$said" "*do: *in $home/.config/containers/storage.conf: graphroot = *"
	rm -r "$home/.config"
else
	skip 10 "release: nothing can be preloaded here"
fi
if python3 tests/e2e/idmapped.py "$home" "$home" 2>"$T/idmapped"; then
	names "a home of systemd-homed" "FAIL homed-range 1" doctor --for docker
	umount "$home"
else
	skip 1 "kernel: no idmapped mount here: $(tail -n 1 "$T/idmapped")"
fi
names "no session" "warn session 0" as alice env -u XDG_RUNTIME_DIR bash -c 'exec subid doctor' \
	< <(mv "/run/user/$uid" "/run/user/gone")
mv /run/user/gone "/run/user/$uid"
names "a session that has ended" "FAIL session 1" as alice env XDG_RUNTIME_DIR="/run/user/1" subid doctor
names "another user's session" "FAIL session 1" as alice env XDG_RUNTIME_DIR="/run/user/$(id -u bob)" subid doctor
as alice mkdir -p "$home/.local/share/lxc"
chmod 700 "$home"
names "x is missing on the path" "FAIL path-closed 1" doctor
helps path-closed doctor
chmod 700 "$home"
setfacl -m u:100000:x "$home" 2>/dev/null && names "an ACL will do" "warn state 0" doctor
chmod 755 "$home"
setfacl -b "$home"
usermod -aG project alice
mkdir -m 750 "$home/shared" && chgrp project "$home/shared"
names "what a supplementary group alone can read" "warn groups 0" doctor
rmdir "$home/shared"
mkdir -p "$home/.local/share/containers/storage/overlay" && chown -R alice "$home/.local"
setfattr -n security.selinux -v system_u:object_r:user_home_t:s0 "$home/.local/share/containers/storage/overlay"
with_selinux() { unshare --mount --propagation private bash -c "mount -t tmpfs x /sys/fs && mkdir /sys/fs/selinux && echo 1 >/sys/fs/selinux/enforce; cd /; $alice subid doctor"; }
names "the label of the storage" "FAIL selinux-label 1" with_selinux

# --- where changes are kept
elsewhere() { # what is done before; in a mount namespace of its own
	unshare --mount --propagation private bash -c "$1; cd /; $alice subid doctor"
}
names "a read-only /etc" "warn etc-read-only 0" elsewhere "mount -o remount,bind,ro /etc"
names "a read-only /var" "warn state 0" elsewhere "mount -o remount,bind,ro /var/lib/subid"
names "no state folder" "warn state 0" elsewhere "mount -t tmpfs x /var/lib"
touch /etc/NIXOS
names "NixOS" "warn generated 0" doctor
rm /etc/NIXOS
sed -i '1i # generated by our configuration management, do not edit' /etc/subuid
names "generated tables" "warn generated 0" doctor
mkdir -p "$T/image/etc" "$T/image/var/lib/subid"
echo alice:x:1001:1001::/:/bin/sh >"$T/image/etc/passwd"
echo alice:100000:65536 | tee "$T/image/etc/subuid" >"$T/image/etc/subgid"
expect "an image" 0 "ok *alice: 0 FAIL, 0 warn, * ok" '' subid --root "$T/image" doctor alice
