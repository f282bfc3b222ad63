#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The tables as files: what they are like stays as it was, and where they cannot
# be replaced, nothing is changed and the message says what to do.
. "$(dirname "$0")/lib.sh"
plan 82

add_user alice -u 5001
add_user bob -u 5002

nothing_left() { # name: neither lock nor draft
	is "$1" "$(find /etc -maxdepth 1 -name 'sub[ug]id[!-]*')" ""
}

# --- kept ------------------------------------------------------------------------

tables other:100000:65536
chown 5001:5002 /etc/subuid
chmod 640 /etc/subuid
setfacl -m u:bob:r /etc/subuid
setfattr -n user.note -v kept /etc/subuid
setfattr -n trusted.note -v too /etc/subuid
acl=$(getfacl -pc /etc/subuid)
expect "a table with an owner, a mode, an ACL and attributes" 0 '*' '' subid grant alice
is "has the mode and the owner" "$(stat -c '%a %u:%g' /etc/subuid)" "640 5001:5002"
is "the ACL" "$(getfacl -pc /etc/subuid)" "$acl"
is "the attributes" "$(getfattr --absolute-names -d -m - /etc/subuid | grep note)" $'trusted.note="too"\nuser.note="kept"'
is "the other table its own" "$(stat -c '%a %u:%g' /etc/subgid)" "644 0:0"
is "the old one is the backup" "$(</etc/subuid-)|$(</etc/subgid-)|$(stat -c '%a %u:%g' /etc/subuid-)" \
	"other:100000:65536|other:100000:65536|640 5001:5002"
setfacl -b /etc/subuid

bytes=$'# comment\n\n  \nother:100000:65536\r\nwindows:1:2\r\nbroken\n:::\n\xff\xfe:7:7\n\ttab:9:9\nlong'
printf '%s%02000d:5\nnul\0nul:5:5\n#last, without newline' "$bytes" 0 | tee /etc/subuid "$T/odd" >/etc/subgid
expect "a range is given beside odd lines" 0 'alice uid *' '' subid grant alice
ok "each byte is as it was" cmp -n "$(stat -c %s "$T/odd")" "$T/odd" /etc/subuid
is "a newline and our line are behind them" "$(tail -n +"$(($(wc -l <"$T/odd") + 2))" /etc/subuid)" \
	"$(printf 'alice:%s:65536' "$(awk '$2 == "uid" { print $3 }' <<<"$out")")"
expect "and taken" 0 '*' '' subid -q revoke --reuse alice
printf '\n' >>"$T/odd"
ok "each byte as it was" cmp "$T/odd" /etc/subuid

rm -f /etc/sub[ug]id*
(umask 077 && subid -q grant alice)
is "missing tables are made, for all to read" "$(stat -c '%a %u:%g %n' /etc/sub[ug]id)" $'644 0:0 /etc/subgid\n644 0:0 /etc/subuid'
is "there is no backup of nothing" "$(find /etc -maxdepth 1 -name 'sub[ug]id-')" ""

tables other:100000:65536
cp /etc/passwd "$T/passwd"
ln -s passwd /etc/subuid+
ln -s passwd /etc/subgid=
expect "a link planted at the draft's name" 0 '*' '' subid grant alice
ok "is not followed" cmp "$T/passwd" /etc/passwd
ok "the table is a file" test -f /etc/subuid -a ! -L /etc/subuid
nothing_left "no litter"

# useradd writes its backup into the file that has the backup's name
tables other:100000:65536
exec {old}</etc/subuid {second}</etc/subuid
subid -q grant alice
ok "a neighbour" useradd -M -N neighbour
is "who has the old table open reads it whole" "$(cat <&"$old")" other:100000:65536
ok "another neighbour" userdel neighbour
is "and whoever comes later" "$(cat <&"$second")" other:100000:65536
exec {old}<&- {second}<&-

# --- refused -----------------------------------------------------------------------

# With the tables spoilt somehow: the status, the message, and both as before.
refused() { # name 'err glob'
	expect "$1" 3 '' "$2" subid grant alice
	is "$1: nothing is changed" "$(cat /etc/subuid /etc/subgid 2>/dev/null)" "$before"
}

tables other:100000:65536
mv /etc/subuid "$T/real"
ln -s "$T/real" /etc/subuid
before=$(cat /etc/subuid /etc/subgid)
refused "a table that is a link" 'subid: /etc/subuid: it is a symbolic link to */real, *: replace it by a copy: cp --remove-destination *'
ok "the link is a link" test -L /etc/subuid
cp --remove-destination "$T/real" /etc/subuid
expect "after doing what it says" 0 '*' '' subid grant alice

for kind in uid gid; do
	tables other:100000:65536
	before=$(cat /etc/subuid /etc/subgid)
	if chattr +i "/etc/sub$kind" 2>/dev/null; then
		refused "an immutable sub$kind" 'subid: /etc*: Operation not permitted: is it immutable (lsattr)*'
		chattr -i "/etc/sub$kind"
	else
		skip 2 "kernel: no immutable files on tmpfs"
	fi
done
nothing_left "no litter"

tables other:100000:65536
before=$(cat /etc/subuid /etc/subgid)
mount --bind "$T/etc" /etc
mount -o remount,bind,ro /etc
refused "a read-only /etc" 'subid: /etc/.pwd.lock: Read-only file system*'
expect "a dry run can do without" 0 'alice uid 165536 *' '' subid grant -n alice
umount /etc

cp /etc/subuid "$T/mounted"
mount --bind "$T/mounted" /etc/subuid
refused "a file mounted on the table" 'subid: /etc*: it cannot be replaced: is a file mounted on it? Mount the directory instead'
umount /etc/subuid
nothing_left "no litter"

rm /etc/subuid
mkfifo /etc/subuid
before=
expect "a pipe in the place of a table" 3 '' 'subid: /etc/subuid: it is not a regular file' timeout 5 subid grant alice
rm /etc/subuid
ln -s nowhere /etc/.pwd.lock.new && mv /etc/.pwd.lock.new /etc/.pwd.lock
tables other:100000:65536
before=$(cat /etc/subuid /etc/subgid)
refused "a lock that is a link" 'subid: /etc/.pwd.lock: *'
ok "its target is not made" test ! -e /etc/nowhere
rm /etc/.pwd.lock

# a limit on file sizes: SIGXFSZ must not end it without a word
run bash -c 'ulimit -f 0; exec subid grant alice' # its messages into a pipe
like "ulimit -f" "$status $out" '3 subid: /etc*: File too large*'
is "nothing is changed" "$(cat /etc/subuid /etc/subgid)" "$before"
nothing_left "no litter"
seq -f 'u%.0f:1:1' 1000 | tee /etc/subuid >/etc/subgid
before=$(cat /etc/subuid /etc/subgid)
expect "ulimit -f below the tables' size" 3 '' 'subid: /etc*: File too large*' bash -c 'ulimit -f 4; exec subid grant alice'
is "nothing is changed, either" "$(cat /etc/subuid /etc/subgid)" "$before"
nothing_left "no litter"

# A file system with little room, as --root.
little() { # mount options
	mkdir -p "$T/little"
	umount "$T/little" 2>/dev/null
	mount -t tmpfs -o "$1" little "$T/little"
	mkdir "$T/little/etc"
	grep -E '^(root|alice):' /etc/passwd >"$T/little/etc/passwd"
	: >"$T/little/etc/group"
	echo other:100000:65536 | tee "$T/little/etc/subuid" >"$T/little/etc/subgid"
	before=$(cat "$T"/little/etc/sub[ug]id)
}
little size=64k
cat /dev/zero >"$T/little/fill" 2>/dev/null
expect "a full disk" 3 '' "subid: $T/little/etc*: No space left on device: nothing was changed; make room*" subid --root "$T/little" grant alice
is "the tables are whole" "$(cat "$T"/little/etc/sub[ug]id)" "$before"
rm "$T/little/fill"
expect "once there is room" 0 'alice uid *' '' subid --root "$T/little" grant alice
for pages in 1 2 3; do
	little size=64k
	cat /dev/zero >"$T/little/fill" 2>/dev/null
	truncate -s -$((pages * 4096)) "$T/little/fill"
	expect "a disk with $pages pages left" 3 '' "subid: $T/little/etc*: No space left on device*" subid --root "$T/little" grant alice
	is "the tables are whole" "$(cat "$T"/little/etc/sub[ug]id)" "$before"
	is "no litter" "$(find "$T/little/etc" -name 'sub[ug]id[!-]*')" ""
done
for more in 0 1 2 3 4; do
	little nr_inodes=$((7 + more))
	run subid --root "$T/little" grant alice
	[ "$status" = 0 ] && before=$(printf 'other:100000:65536\nalice:165536:65536\n%.0s' 1 2)
	is "$more inodes left: done, or not at all" "$(cat "$T"/little/etc/sub[ug]id)" "$before"
	case $status in
	0) ok "and it says so" test "$more" -ge 4 ;;
	*) like "and it says so" "$out" "subid: $T/little/etc*: No space left on device: *" ;;
	esac
done
umount "$T/little"

# --- who else must know ---------------------------------------------------------------

overlay() { # directory
	mkdir -p "$T/over$1" "$T/work$1"
	mount -t overlay -o "lowerdir=$1,upperdir=$T/over$1,workdir=$T/work$1" overlay "$1"
}
overlay /usr/sbin
overlay /var/lib
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/nscd /var/lib/sss/pipes
for program in nscd sss_cache; do
	printf '#!/bin/sh\necho "%s $*" >>%s/told\n' $program "$T" >"/usr/sbin/$program"
	chmod 755 "/usr/sbin/$program"
done
tables ""
rm -f "$T/told"
expect "no daemon runs" 0 '*' '' subid grant alice
ok "nobody is told" test ! -e "$T/told"
: >/run/nscd/socket
: >/var/lib/sss/pipes/nss
expect "nscd and SSSD run" 0 '*' '' subid grant bob
is "both are told" "$(<"$T/told")" $'nscd -i passwd\nnscd -i group\nsss_cache -UG'
rm "$T/told"
expect "nothing is changed" 0 '* kept' '' subid grant bob
expect "a dry run" 0 '*' '' subid revoke -n bob
expect "a refusal" 1 '' '*' subid grant nosuch
mkdir -p "$T/image/etc"
cp /etc/passwd /etc/group "$T/image/etc"
expect "another root" 0 '*' '' subid --root "$T/image" grant bob
ok "nobody is told" test ! -e "$T/told"
for command in "revoke bob" "hold 500000:1" "unhold 500000:1"; do
	# shellcheck disable=SC2086 # words
	subid -q $command
	is "they are told by $command" "$(wc -l <"$T/told")" 3
	rm "$T/told"
done
printf '#!/bin/sh\necho noise; echo noise >&2; exit 1\n' >/usr/sbin/nscd
rm /usr/sbin/sss_cache
expect "one that fails is a warning, the change stands" 0 'bob uid *' 'subid: warning: the cache of nscd could not be invalidated: it is outdated for a while' subid grant bob
not_ok "its own words are kept back" grep -q noise <<<"$out$err"
