#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The audit of files, helpers, policy and the source of ranges, on real ones; and
# each command that it prints mends what it was printed for.
. "$(dirname "$0")/lib.sh"
plan 91

# Prints "FILE: REASON" for each finding of a rule.
found() { # rule [options before audit...]
	local rule=$1
	shift
	timeout 20 subid --json audit --no-live --rule "$rule" "$@" |
		jq -r '.findings[] | "\(.file): \(.reason)"'
}

# There is one finding, which says this.
says() { # name rule reason-glob [option...]
	local name=$1 rule=$2 reason=$3 all
	shift 3
	all=$(found "$rule" "$@")
	like "$name: $rule" "$(wc -l <<<"$all") $all" "1 $reason"
}

# And after its remedy, by a shell, none is left.
mends() { # name rule reason-glob
	local remedy
	says "$@"
	remedy=$(subid --json audit --no-live --rule "$2" | jq -r '.findings[].remedy')
	PATH=$T/stub:$PATH bash -ec "$remedy" >"$T/said" 2>&1 || sed 's/^/# /' "$T/said"
	is "and the remedy mends it: $1" "$(found "$2")" ""
}

# The rules are loaded into nobody's kernel.
mkdir "$T/stub"
ln -s /bin/true "$T/stub/augenrules"

# One pair of helpers, ours, on a file system of their own; the machine's are covered.
mount -t tmpfs -o mode=755,suid,exec helpers /usr/local/bin
for helper in newuidmap newgidmap; do
	for path in /usr/local/sbin /usr/sbin /usr/bin /sbin /bin; do
		[ ! -f "$path/$helper" ] || mount --bind /dev/null "$path/$helper"
	done
	install -m 4755 "$PRE/bin/$helper" /usr/local/bin
done
bin=/usr/local/bin
mkdir -p /etc/audit/rules.d
rm -f /etc/audit/audit.rules /etc/audit/rules.d/*
add_user alice -u 7100
tables "alice:100000:65536"

# What is right.
is "nothing above info on a clean system" \
	"$(subid --json audit --no-live | jq -r '.findings[] | select(.level != "info") | .rule')" ""

# Audit rules.
mends "no rules" no-audit-watch "/etc/audit/rules.d: No audit rule in /etc/audit watches\
 /etc/subuid, /etc/subgid, $bin/newuidmap, $bin/newgidmap: *"
is "each path on a line" "$(cat /etc/audit/rules.d/subid.rules)" "-w /etc/subuid -p wa -k subid
-w /etc/subgid -p wa -k subid
-w $bin/newuidmap -p wa -k subid
-w $bin/newgidmap -p wa -k subid"
run as alice subid --json audit --no-live --rule no-audit-watch --partial
is "rules that may be read" "$status $(jq '.findings | length' <<<"$out")" "0 0"
chmod 750 /etc/audit
rm /etc/audit/rules.d/subid.rules
run as alice subid --json audit --no-live --rule no-audit-watch --partial
is "what may not be read is not missing" "$(jq '.findings | length' <<<"$out")" 0
like "but the report is not whole" "$out" '*"partial":true*'

# The tables.
chmod 666 /etc/subuid
mends "a table for everybody" table-writable "/etc/subuid: /etc/subuid: mode 0666: everybody can write it;*"
is "its mode is the usual" "$(stat -c %a:%U:%G /etc/subuid)" 644:root:root
chown alice /etc/subgid
mends "a table of a user" table-writable "/etc/subgid: /etc/subgid: it belongs to uid 7100, not to root;*"
chgrp alice /etc/subgid
chmod 664 /etc/subgid
mends "a table of a group" table-writable "*mode 0664: its group, gid $(id -g alice), can write it;*"
chgrp root /etc/subgid
setfacl -m u:alice:rw /etc/subuid
mends "a table with an access list" table-writable "*its access list lets uid 7100 write it;*"
setfacl -m u:alice:r /etc/subuid
is "one that lets nobody write" "$(found table-writable)" ""
setfacl -b /etc/subuid
chmod 1777 /etc
mends "a directory for everybody" table-writable "/etc: /etc is a directory on the path of the tables: mode 1777:*"
chmod 755 /etc
ln /etc/subuid /etc/hidden
mends "a table with two names" table-writable "*/etc/subuid has 2 hard links:*"
is "the table is as it was" "$(cat /etc/subuid)" "alice:100000:65536"
rm /etc/hidden
mkdir "$T/open"
cp /etc/subgid "$T/open"
chmod 777 "$T/open"
ln -sf "$T/open/subgid" /etc/subgid
says "a link through an open directory" table-writable "$T/open: $T/open is a directory on the path*"
chmod 755 "$T/open"
mends "a link" table-symlink "/etc/subgid: /etc/subgid is a symbolic link to $T/open/subgid:*"
is "the table is there" "$(stat -c %F /etc/subgid) $(cat /etc/subgid)" "regular file alice:100000:65536"

# Backups.
cp -p /etc/subuid /etc/subuid-
chmod 600 /etc/subuid
mends "a backup that more may read" backup-readable "/etc/subuid-: /etc/subuid- has mode 0644,*"
is "as open as the table" "$(stat -c %a /etc/subuid-)" 600
chmod 644 /etc/subuid
is "a backup that fewer may read" "$(found backup-readable)" ""
rm /etc/subuid-

# Locks: of a program that was killed, and of one that lives.
strace -qq -o /dev/null -e inject=linkat:signal=KILL:when=3 subid grant alice --another >/dev/null 2>&1
ok "a killed grant leaves its locks" test -e /etc/subuid.lock -a -e /etc/subgid.lock
rm /etc/subgid.lock
mends "a lock of the dead" stale-lock "/etc/subuid.lock: /etc/subuid.lock: process [0-9]*, which it names, does not run:*"
printf '%d\0' $$ >/etc/subuid.lock
is "a lock of the living" "$(found stale-lock)" ""
touch -d '2001-01-01' /etc/subuid.lock
mends "a lock of one who had the same number" stale-lock "*process $$ (bash), which it names, began after the lock *"
: >/etc/subuid.lock
mends "a lock without pid" stale-lock "*it contains no process id: useradd*"
mkdir /etc/subuid.lock
mends "a lock that is a directory" stale-lock "*it is a directory:*"
ln -s nowhere /etc/subuid.lock
mends "a lock that is a link" stale-lock "*it is a symbolic link:*"
mkfifo /etc/subgid.lock
mends "a lock that is a fifo" stale-lock "*it contains no process id:*"

# Helpers.
chmod 755 $bin/newuidmap
mends "no setuid bit" helper-unprivileged "$bin/newuidmap: $bin/newuidmap cannot write a map: it is not setuid (mode 0755)*"
setcap cap_setuid+ep $bin/newuidmap
mends "both kinds of privilege" helper-double "*is setuid (mode 4755) and has file capabilities (cap_setuid):*"
chmod 755 $bin/newuidmap
setcap cap_setuid,cap_setfcap+ep $bin/newuidmap
setcap cap_setgid+ep $bin/newgidmap
chmod 755 $bin/newgidmap
is "capabilities that are right" "$(found helper-unprivileged)$(found helper-double)" ""
setcap cap_setuid,cap_sys_admin+ep $bin/newuidmap
mends "a capability too many" helper-double "*has cap_sys_admin, which it does not need:*"
is "the one is left" "$(getcap $bin/newuidmap)" "$bin/newuidmap cap_setuid=ep"
setcap cap_setuid+p $bin/newuidmap
mends "a capability not in effect" helper-unprivileged "*cap_setuid is not in effect*"
setcap -n 7100 cap_setuid+ep $bin/newuidmap
mends "a capability for another root" helper-unprivileged "*only in user namespaces whose root is uid 7100"
setcap -r $bin/newuidmap
setcap -r $bin/newgidmap
chmod 4755 $bin/newuidmap $bin/newgidmap
chgrp alice $bin/newuidmap
chmod 4775 $bin/newuidmap
says "a helper that a group may write" helper-writable "$bin/newuidmap: $bin/newuidmap: mode 4775: its group*"
chown root:root $bin/newuidmap
chmod 4755 $bin/newuidmap
chmod 777 $bin
mends "a directory of helpers" helper-writable "$bin: $bin is a directory on the path of a helper: mode 0777*"
mount -o remount,nosuid $bin
like "a file system that is nosuid: helper-nosuid" "$(found helper-nosuid)" \
	"$bin/newuidmap: $bin/newuidmap is on a file system that is mounted nosuid:*
$bin/newgidmap: *"
run bash -c "$(subid --json audit --no-live --rule helper-nosuid |
	jq -r '.findings[0].remedy' | sed 's/, and take.*//')"
is "and the remedy mends it: nosuid" "$(found helper-nosuid)" ""
ln -s $bin/newuidmap "$T/stub/newuidmap"
mount -t tmpfs -o mode=755 second /usr/local/sbin
ln -s ../bin/newuidmap /usr/local/sbin/newuidmap
is "the same helper by a link is no second one" "$(found helper-shadowed)" ""
rm /usr/local/sbin/newuidmap
install -m 4755 $bin/newuidmap /usr/local/sbin
says "another helper in front" helper-shadowed "$bin/newuidmap: /usr/local/sbin/newuidmap and $bin/newuidmap are two programs:*"
run subid --json audit --no-live --rule helper-shadowed
is "of which both work, is a notice" "$status $(jq -r '.findings[0].level' <<<"$out")" "0 info"
chmod 755 /usr/local/sbin/newuidmap
like "one in front that does not work is an error" "$(found helper-unprivileged)" "/usr/local/sbin/newuidmap: *"
umount /usr/local/sbin
mv $bin/newgidmap "$T"
says "a helper that is not there" helper-missing "/usr/bin/newgidmap: No executable newgidmap is in *"
chmod 644 "$T/newgidmap"
cp -p "$T/newgidmap" $bin
says "or cannot be run" helper-missing "/usr/bin/newgidmap: *"
tables ""
is "which nobody needs without ranges" "$(found helper-missing)" ""
tables "alice:100000:65536"
rm $bin/newgidmap
install -m 4755 "$T/newgidmap" $bin

# Policy.
cp /etc/login.defs "$T/login.defs"
echo "UNSAFE_SUB_UID_DETERMINISTIC_WRAP yes" >>/etc/login.defs
mends "ranges that wrap" unsafe-wrap "/etc/login.defs: UNSAFE_SUB_UID_DETERMINISTIC_WRAP is yes in /etc/login.defs:*"
echo "SUB_GID_MIN many" >>/etc/login.defs
says "a value that is no number" window-invalid "/etc/login.defs: SUB_GID_MIN in /etc/login.defs is not a number*"
cp "$T/login.defs" /etc/login.defs
printf 'GID_MAX 200000\n' >>/etc/login.defs
says "gids of groups in the window" window-meets-accounts "/etc/login.defs: SUB_GID_MIN to SUB_GID_MAX (100000-600100000) meets GID_MIN to GID_MAX (1000-200000)*"
cp "$T/login.defs" /etc/login.defs
is "the policy as it was" "$(found unsafe-wrap)$(found window-invalid)$(found window-meets-accounts)" ""

# The source of ranges.
make_module() { # functions...
	local function
	for function; do
		echo "int shadow_subid_$function(void) { return 0; }"
	done >"$T/module.c"
	mkdir -p "$T/lib"
	gcc -shared -fPIC -o "$T/lib/libsubid_test.so" "$T/module.c" || exit 1
	echo "$T/lib" >/etc/ld.so.conf.d/subid-test.conf
	ldconfig
}
sed -i '/^subid:/d' /etc/nsswitch.conf
echo 'subid: test files' >>/etc/nsswitch.conf
says "no module" source-open "/etc/nsswitch.conf: *libsubid_test.so cannot be loaded:*"
make_module has_range list_owner_ranges
says "half a module" source-open "*libsubid_test.so has no function shadow_subid_find_subid_owners:*"
make_module has_range list_owner_ranges find_subid_owners
says "one of before shadow 4.13" source-open "*libsubid_test.so has no function shadow_subid_free, which shadow requires from 4.16 on:*"
make_module has_range list_owner_ranges find_subid_owners free
is "a whole module" "$(found source-open)" ""
says "a second word" source-second-word "/etc/nsswitch.conf: Only test counts *: files after it is never used by shadow*"
is "lines that nobody reads" "$(found source-and-files | cut -d, -f1)" \
	"/etc/subuid: 1 line of /etc/subuid gives ids
/etc/subgid: 1 line of /etc/subgid gives ids"
sed -i 's/^subid:.*/subid: ..\/x/' /etc/nsswitch.conf
says "a name with a slash" source-open "*The first word after \"subid:\" in /etc/nsswitch.conf names no source:*"
sed -i '/^subid:/d' /etc/nsswitch.conf
is "without the line" "$(found source-open)$(found source-second-word)$(found source-and-files)" ""

# An image that a user has unpacked: the user plays root's part.
image=$T/home/alice/image
as alice mkdir -p "$image/etc" "$image/usr/bin"
as alice cp $bin/newuidmap $bin/newgidmap "$image/usr/bin"
as alice chmod 4755 "$image/usr/bin/newuidmap" "$image/usr/bin/newgidmap"
as alice sh -c "echo alice:100000:65536 | tee $image/etc/subuid >$image/etc/subgid; echo alice:x:7100:7100::/:/bin/sh >$image/etc/passwd"
for who in root alice; do
	is "the image is right for $who" "$(as $who subid --json --root "$image" audit |
		jq -r '.findings[].rule')" no-audit-watch
done
chown 7200 "$image/etc/subuid"
says "a file of somebody else" table-writable "$image/etc/subuid: $image/etc/subuid: it belongs to uid 7200, not to the owner of the image;*" --root "$image"
chown alice "$image/etc/subuid"
printf '%d' $$ >"$image/etc/subuid.lock"
says "nothing of an image runs" stale-lock "*it names process $$, but nothing of the image runs" --root "$image"
echo 'subid: test' >"$image/etc/nsswitch.conf"
rm "$T/lib/libsubid_test.so"
is "no module of an image is loaded" "$(found source-open --root "$image")" ""
rm -r "${image:?}/usr"
is "a directory with nothing but etc lacks no helper" "$(found helper-missing --root "$image")" ""

# A hostile one: what does not end, what leads out, names for root's terminal.
rm -r "${image:?}/etc"
hostile=$'x;$(touch pwned)\n\e[2J'
as alice mkdir -p "$image/$hostile/etc" "$image/usr/bin"
as alice ln -s "$hostile/etc" "$image/etc"
as alice sh -c "cd $image/etc; chmod 777 .; mkfifo shadow nsswitch.conf login.defs audit subuid.lock subgid- ../../usr/bin/newuidmap; ln -s $T/open/subgid subgid; ln -s /proc/self/fd subgid.lock; mkdir subuid"
run timeout 20 subid --root "$image" audit
not_ok "it comes to an end" test "$status" = 124
not_ok "and writes nothing that a terminal acts on" grep -q $'\e' <<<"$out"
ln -s usr/bin "$image/bin"
remedy=$(timeout 20 subid --json --root "$image" audit --rule table-writable | jq -r '.findings[].remedy')
(cd "$T" && bash -c "$remedy" >/dev/null 2>&1)
like "a remedy with such a name" "$remedy" "*chmod 0755 '$image/x;*"
not_ok "does nothing of what the name says" test -e "$T/pwned"
