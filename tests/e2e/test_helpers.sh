#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The contract of newuidmap, newgidmap and getsubids, with the helpers installed
# setuid root and with file capabilities, beside those of Debian's uidmap package
# wherever the two must agree.
. "$(dirname "$0")/lib.sh"
plan $((2 * 96 + 29))

add_user alice -u 2001
add_user bob -u 2002
groupadd -g 2100 extra
cat >>/etc/passwd <<-END
	alicia:x:2001:2001::/:/bin/sh
	2050:x:2051:2051::/:/bin/sh
END
echo '2050:x:2051:' >>/etc/group
uidmap=/usr/bin # where Debian's helpers are

lines() { printf '%s\n' "$@"; }

table_of() {
	case ${1##*/} in newgidmap) echo /etc/subgid ;; *) echo /etc/subuid ;; esac
}

# Calls a helper as a user for a fresh process of that user, and sets $state to
# its exit status, the map and whether setgroups is allowed; $out is what it said.
try() { # user helper triple...
	local user=$1 helper=$2 kind=uid
	shift 2
	case $helper in *newgidmap) kind=gid ;; esac
	new_target "$user"
	run as "$user" "$helper" "$target" "$@"
	state="$status [$(map_of "$kind" "$target")] $(cat "/proc/$target/setgroups")"
	end "$target"
}

# What alice gets with a table, from our helper.
ours() { # name wanted-state helper table triple...
	local name=$1 wanted=$2 helper=$3 table=$4
	shift 4
	printf '%s\n' "$table" >"$(table_of "$helper")"
	try alice "$PRE/bin/$helper" "$@"
	is "$mode: $helper: $name" "$state" "$wanted" || echo "# $out"
}

# The same, and Debian's must say so, too.
both() {
	local name=$1 wanted=$2 helper=$3 table=$4
	shift 4
	printf '%s\n' "$table" >"$(table_of "$helper")"
	try alice "$uidmap/$helper" "$@"
	local theirs=$state
	try alice "$PRE/bin/$helper" "$@"
	is "$mode: $helper: $name, as shadow's" "ours $state, theirs $theirs" \
		"ours $wanted, theirs $wanted" || echo "# $out"
}

plain=alice:100000:65536

arguments() {
	local text accepted=
	run as alice "$PRE/bin/newuidmap"
	is "$mode: no arguments: 1" "$status" 1
	like "$mode: and the usage" "$out" 'usage: newuidmap <pid>|fd:<N> <inside> <outside> <count>*'
	lines "$plain" >/etc/subuid
	for text in "" "0" "0 100000" "0 100000 1 5"; do
		# shellcheck disable=SC2086 # words are meant
		try alice "$PRE/bin/newuidmap" $text
		[ "$state" = "1 [] allow" ] || accepted+="($text) "
	done
	is "$mode: half a triple: 1" "$accepted" ""
	for text in +1 -1 01 0x1 1e1 " 1" "1 " "" 1x $'1\n' 4294967296 99999999999999999999; do
		try alice "$PRE/bin/newuidmap" "$text" 100000 1
		[ "$state" = "1 [] allow" ] || accepted+="inside ($text) "
		try alice "$PRE/bin/newuidmap" 0 "${text/1/100001}" 1
		[ "$state" = "1 [] allow" ] || accepted+="outside ($text) "
		try alice "$PRE/bin/newuidmap" 0 100000 "$text"
		[ "$state" = "1 [] allow" ] || accepted+="count ($text) "
	done
	is "$mode: numbers are plain decimal" "$accepted" ""
	new_target alice
	for text in 0 -1 "" self "+$target" "0$target" " $target" "$target " "${target}x" "../$target" \
		1.5 4294967296 2147483648 fd: fd:x fd:-1 "fd:+3" fd:99999 "FD:3"; do
		run as alice "$PRE/bin/newuidmap" "$text" 0 100000 1
		[ "$status" = 1 ] || accepted+="($text) "
	done
	is "$mode: a target is a plain pid or fd:N" "$accepted$(map_of uid "$target")" ""
	run as alice "$PRE/bin/newuidmap" --version
	is "$mode: --version" "$status $out" "0 newuidmap (subid) $(sed -n 's/^VERSION = //p' Makefile)"
	run as alice "$PRE/bin/newgidmap" --help
	like "$mode: --help" "$status $out" "0 usage: newgidmap *gid_map*Exit status*"
	not_ok "$mode: --help that cannot be written: 1" sh -c "$PRE/bin/newuidmap --help >/dev/full"
	not_ok "$mode: --version that cannot be written: 1" sh -c "$PRE/bin/newuidmap --version >/dev/full"
	run as alice env -i "$PRE/bin/newuidmap" "$target" 0 100000 65536
	is "$mode: an empty environment" "$status $out [$(map_of uid "$target")]" "0  [0 100000 65536]"
	end "$target"
}

which_lines() {
	both "a line by name" "0 [0 100000 65536] allow" newuidmap "$plain" 0 100000 65536
	both "a line by uid" "0 [0 100000 10] allow" newuidmap 2001:100000:10 0 100000 10
	both "a line by another name of the uid" "0 [0 100000 10] allow" newuidmap alicia:100000:10 0 100000 10
	both "the last id" "0 [0 4294967294 1] allow" newuidmap alice:4294967294:1 0 4294967294 1
	both "a part of a line" "0 [7 100005 3] allow" newuidmap alice:100000:10 7 100005 3
	both "another's line" "1 [] allow" newuidmap bob:100000:65536 0 100000 1
	both "a longer name" "1 [] allow" newuidmap "$(lines alicex:100000:9 xalice:100000:9 alic:100000:9)" 0 100000 1
	both "one id before the line" "1 [] allow" newuidmap alice:100000:10 0 99999 10
	both "one id behind the line" "1 [] allow" newuidmap alice:100000:10 0 100001 10
	both "adjoining lines" "0 [0 100000 30] allow" newuidmap \
		"$(lines alice:100000:10 bob:5:5 2001:100010:10 alicia:100020:10)" 0 100000 30
	both "adjoining lines, unsorted" "0 [0 100000 20] allow" newuidmap \
		"$(lines alice:100010:10 alice:100000:10)" 0 100000 20
	both "a gap between lines" "1 [] allow" newuidmap \
		"$(lines alice:100000:10 alice:100011:10)" 0 100000 20
	both "another's line fills no gap" "1 [] allow" newuidmap \
		"$(lines alice:100000:10 bob:100010:10 alice:100020:10)" 0 100000 30
	both "the first triple is good, the second not" "1 [] allow" newuidmap "$plain" 0 100000 10 10 5 1
	both "the second triple is good, the first not" "1 [] allow" newuidmap "$plain" 0 5 1 10 100000 10
	ours "a table that lacks its last newline" "0 [0 100000 10] allow" newuidmap \
		"$(lines "#$(head -c 5000 /dev/zero | tr '\0' x)" alice:100000:10)" 0 100000 10
	printf 'alice:100000:10' >/etc/subuid
	try alice "$PRE/bin/newuidmap" 0 100000 10
	is "$mode: no newline at the end" "$state" "0 [0 100000 10] allow"
	ours "the other table" "1 [] allow" newgidmap bob:100000:1 0 100000 1
}

# A login name that is a number has nothing to do with the lines of that uid.
numeric_name() {
	lines 2050:100000:10 >/etc/subuid
	try 2050 "$PRE/bin/newuidmap" 0 100000 10
	is "$mode: a login name 2050 is not the uid 2050" "$state" "1 [] allow"
	lines 2051:100000:10 >/etc/subuid
	try 2050 "$PRE/bin/newuidmap" 0 100000 10
	is "$mode: but its uid counts" "$state" "0 [0 100000 10] allow"
}

malformed_lines() {
	local line accepted=
	for line in alice:0100000:9 alice:0x186a0:9 alice:+100000:9 'alice: 100000:9' 'alice:100000 :9' \
		alice:100000:9:extra alice:100000:9: alice:100000:09 alice:100000:0x9 alice:100000:+9 \
		alice:100000:-1 alice:0:0 alice:0:-1 alice:100000:0 alice:100000: alice:100000 alice:: \
		'alice:100000:9 ' $'alice:100000:9\r' $'alice:100000:9\t' ' alice:100000:9' \
		'#alice:100000:9' ':100000:9' alice:100000:4294867296 alice:99999:4294967295 \
		alice:100000:18446744073709551615 alice:4295067296:9 ALICE:100000:9 02001:100000:9 \
		+2001:100000:9 2001x:100000:9 alice@:100000:9 '*:100000:9' '!released:100000:9'; do
		printf '%s\n' "$line" >/etc/subuid
		try alice "$PRE/bin/newuidmap" 0 100000 1
		[ "$state" = "1 [] allow" ] || accepted+="($line) "
	done
	is "$mode: malformed lines authorise nothing" "$accepted" ""
	printf 'alice\0:100000:9\nalice:100000\0:9\nalice:100000:9\0\n' >/etc/subuid
	try alice "$PRE/bin/newuidmap" 0 100000 1
	is "$mode: nor do lines with a NUL" "$state" "1 [] allow"
	printf '%s\n' alice:0100000:9 "$plain" alice:x:y >/etc/subuid
	try alice "$PRE/bin/newuidmap" 0 100000 65536
	is "$mode: and do not spoil the good one" "$state" "0 [0 100000 65536] allow"
}

own_id() {
	both "the own uid alone, without a line" "0 [0 2001 1] allow" newuidmap "" 0 2001 1
	both "the own uid first" "0 [0 2001 1, 1 100000 65536] allow" newuidmap "$plain" 0 2001 1 1 100000 65536
	both "the own uid in the middle, unsorted" "0 [2001 2001 1, 0 100000 2001, 2002 102001 10] allow" \
		newuidmap "$plain" 2001 2001 1 0 100000 2001 2002 102001 10
	both "the own uid last" "0 [0 100000 65536, 65536 2001 1] allow" newuidmap "$plain" 0 100000 65536 65536 2001 1
	both "the own uid and the next" "1 [] allow" newuidmap "" 0 2001 2
	both "another's uid" "1 [] allow" newuidmap "$plain" 0 2002 1
	both "the uid of root" "1 [] allow" newuidmap "$plain" 0 0 1
	both "another's gid" "1 [] allow" newgidmap "$plain" 0 2002 1
}

setgroups() {
	both "the own gid alone: deny" "0 [0 2001 1] deny" newgidmap "" 0 2001 1
	both "the own gid, not from a line: deny" "0 [0 2001 1] deny" newgidmap "$plain" 0 2001 1
	both "a line: allow is left" "0 [0 100000 10] allow" newgidmap "$plain" 0 100000 10
	both "the own gid and a line: allow is left" "0 [0 2001 1, 1 100000 10] allow" newgidmap "$plain" 0 2001 1 1 100000 10
	both "the own gid in a line: allow is left" "0 [0 2001 1] allow" newgidmap alice:2001:1 0 2001 1
	both "refused: allow is left" "1 [] allow" newgidmap "" 0 100000 1
	: >/etc/subgid
	new_target alice
	echo deny >"/proc/$target/setgroups"
	run as alice "$PRE/bin/newgidmap" "$target" 0 2001 1
	is "$mode: denied already is fine" "$status $out [$(map_of gid "$target")]" "0  [0 2001 1]"
	end "$target"
	lines "$plain" >/etc/subgid
	new_target alice
	echo deny >"/proc/$target/setgroups"
	run as alice "$PRE/bin/newgidmap" "$target" 0 100000 1
	is "$mode: and stays so with a line" "$status [$(map_of gid "$target")] $(cat "/proc/$target/setgroups")" \
		"0 [0 100000 1] deny"
	end "$target"
}

refusals() {
	lines alice:100000:10 bob:5:10 2001:200000:5 >/etc/subuid
	try alice "$PRE/bin/newuidmap" 0 5 10
	is "$mode: a refusal says which rule, what one holds, what to do" "$out" \
		"newuidmap: uid range [0-10) -> [5-15) not allowed
newuidmap: every id outside must be yours in /etc/subuid, or be your own uid alone
newuidmap: alice (uid 2001) holds 100000-100009 (line 1)
newuidmap: alice (uid 2001) holds 200000-200004 (line 3)
newuidmap: use what you hold, or ask the administrator for: subid grant --another alice"
	: >/etc/subgid
	try alice "$PRE/bin/newgidmap" 7 4294967294 1
	is "$mode: and without lines" "$out" \
		"newgidmap: gid range [7-8) -> [4294967294-4294967295) not allowed
newgidmap: every id outside must be yours in /etc/subgid, or be your own gid alone
newgidmap: alice (uid 2001) holds nothing there
newgidmap: use what you hold, or ask the administrator for: subid grant alice"
	lines "$plain" >/etc/subuid
	new_target bob
	run as alice "$PRE/bin/newuidmap" "$target" 0 100000 1
	is "$mode: a process of another user" "$status $out" \
		"1 newuidmap: Target process is owned by a different user: uid:2001 pw_uid:2001 st_uid:2002, gid:2001 pw_gid:2001 st_gid:2002"
	run as alice "$uidmap/newuidmap" "$target" 0 100000 1
	like "$mode: shadow says the same" "$status $out" \
		"1 newuidmap: Target process *is owned by a different user: uid:2001 pw_uid:2001 st_uid:2002, gid:2001 pw_gid:2001 st_gid:2002"
	run "$PRE/bin/newuidmap" "$target" 0 0 1
	like "$mode: not even root maps another's process" "$status $out" "1 *different user: uid:0 * st_uid:2002*"
	is "$mode: and it has no map" "$(map_of uid "$target")" ""
	end "$target"
	run as alice "$PRE/bin/newuidmap" 1 0 100000 1
	like "$mode: process 1" "$status $out" "1 *Target process is owned by a different user: uid:2001 * st_uid:0*"
	both "count 0" "1 [] allow" newuidmap "$plain" 0 100000 0
	both "the id that is none" "1 [] allow" newuidmap "$(lines alice:4294967295:1 alice:4294967294:2)" 0 4294967295 1
	both "a range over the end" "1 [] allow" newuidmap "$plain" 4294967295 100000 1
	both "triples that overlap inside" "1 [] allow" newuidmap "$plain" 0 100000 10 9 100010 10
	both "triples that overlap outside" "1 [] allow" newuidmap "$plain" 0 100000 10 10 100009 10
	like "$mode: overlapping triples are named" "$out" \
		"newuidmap: 0 100000 10 overlaps 10 100009 10: no id may be mapped twice"
	run setpriv --reuid 2999 --regid 2999 --clear-groups "$PRE/bin/newuidmap" $$ 0 2999 1
	is "$mode: a uid without account" "$status $out" \
		"1 newuidmap: Cannot determine your user name: no account has uid 2999"
}

written_already() {
	new_target alice
	as alice "$PRE/bin/newuidmap" "$target" 0 100000 10
	as alice "$PRE/bin/newgidmap" "$target" 0 2001 1
	run as alice "$PRE/bin/newuidmap" "$target" 0 100010 10
	is "$mode: a map is written once" "$status $out [$(map_of uid "$target")]" \
		"1 newuidmap: write to uid_map failed: it is written already, and can be only once [0 100000 10]"
	run as alice "$PRE/bin/newgidmap" "$target" 0 2001 1
	is "$mode: the own gid, too" "$status $out [$(map_of gid "$target")]" \
		"1 newgidmap: write to gid_map failed: it is written already, and can be only once [0 2001 1]"
	end "$target"
}

# N lines that map one id each, D of them with one digit more.
one_by_one() { # N D
	awk -v n="$1" -v d="$2" 'BEGIN { for (i = 0; i < n; i++) print i, (i < d ? 100000 : 20000) + i, 1 }'
}

limits() {
	local table size
	table=$(lines alice:20000:1000 alice:100000:1000)
	# shellcheck disable=SC2046 # words are meant
	both "340 lines" "0 [$(one_by_one 340 0 | paste -sd, | sed 's/,/, /g')] allow" newuidmap "$table" $(one_by_one 340 0)
	# shellcheck disable=SC2046
	both "341 lines" "1 [] allow" newuidmap "$table" $(one_by_one 341 0)
	is "$mode: and says so" "$out" "newuidmap: 341 map lines, but the kernel takes at most 340 (user_namespaces(7)): join neighbouring ranges"
	size=$(one_by_one 340 0 | wc -c)
	# shellcheck disable=SC2046
	both "one byte less than a page" "0 [$(one_by_one 340 $((4095 - size)) | paste -sd, | sed 's/,/, /g')] allow" \
		newuidmap "$table" $(one_by_one 340 $((4095 - size)))
	# shellcheck disable=SC2046
	both "a page" "1 [] allow" newuidmap "$table" $(one_by_one 340 $((4096 - size)))
	is "$mode: and says so" "$out" "newuidmap: the map has 4096 bytes, but the kernel takes less than a page of 4096: join neighbouring ranges"
}

descriptors() {
	lines "$plain" >/etc/subuid
	new_target alice
	run as alice "$PRE/bin/newuidmap" fd:9 0 100000 5 9<"/proc/$target"
	is "$mode: fd:N" "$status $out [$(map_of uid "$target")]" "0  [0 100000 5]"
	end "$target"
	new_target alice
	run as alice "$PRE/bin/newuidmap" fd:0 0 100000 5 <"/proc/$target/task/$target"
	is "$mode: fd:0, a thread" "$status $out [$(map_of uid "$target")]" "0  [0 100000 5]"
	end "$target"
	new_target alice
	run as alice "$PRE/bin/newuidmap" fd:9 0 100000 5
	is "$mode: a closed descriptor" "$status $out" \
		"1 newuidmap: Could not open proc directory for target fd:9: Bad file descriptor"
	run as alice python3 -c 'import os, sys
fd = os.pidfd_open(int(sys.argv[2]))
os.set_inheritable(fd, True)
os.execv(sys.argv[1], ["newuidmap", f"fd:{fd}", "0", "100000", "5"])' "$PRE/bin/newuidmap" "$target"
	like "$mode: a pidfd" "$status $out" "1 newuidmap: fd:*: not a directory /proc/PID"
	mkdir -p "$T/fake"
	: >"$T/fake/uid_map" && chmod 777 "$T/fake" "$T/fake/uid_map" && chown -R alice: "$T/fake"
	run as alice "$PRE/bin/newuidmap" fd:9 0 100000 5 9<"$T/fake"
	is "$mode: a directory elsewhere" "$status $out$(cat "$T/fake/uid_map")" "1 newuidmap: fd:9: not a directory /proc/PID"
	run as alice "$PRE/bin/newuidmap" fd:9 0 100000 5 9<"$T/fake/uid_map"
	is "$mode: a file" "$status $out$(cat "$T/fake/uid_map")" "1 newuidmap: fd:9: not a directory /proc/PID"
	run as alice "$PRE/bin/newuidmap" fd:9 0 100000 5 9<"/proc/$target/uid_map"
	is "$mode: the map itself" "$status $out" "1 newuidmap: fd:9: not a directory /proc/PID"
	run as alice "$PRE/bin/newuidmap" fd:9 0 100000 5 9</proc
	is "$mode: /proc" "$status $out" "1 newuidmap: fd:9: not a directory /proc/PID"
	run as alice "$PRE/bin/newuidmap" fd:9 0 100000 5 9<"/proc/$target/task"
	like "$mode: another directory below it" "$status $out" "1 newuidmap: *"
	is "$mode: none of these has written a map" "$(map_of uid "$target")" ""
	end "$target"
}

# The group of the caller and of the process must be the account's own one.
aux_group() {
	local defs=/etc/login.defs got=
	lines "$plain" >/etc/subuid
	with_extra() { # helper
		start setpriv --reuid 2001 --regid 2100 --clear-groups unshare --user sleep infinity
		target=$started_pid
		wait_for runs "$target" sleep
		run setpriv --reuid 2001 --regid 2100 --clear-groups "$1" "$target" 0 100000 5
		got+="$status [$(map_of uid "$target")] "
		end "$target"
	}
	cp $defs "$T/login.defs"
	with_extra "$PRE/bin/newuidmap"
	is "$mode: another group" "$got$out" "1 [] newuidmap: Target process is owned by a different user: uid:2001 pw_uid:2001 st_uid:2001, gid:2100 pw_gid:2001 st_gid:2100
newuidmap: the group differs: both must run with gid 2001, yours (newgrp), or with one, and GRANT_AUX_GROUP_SUBIDS be yes in /etc/login.defs"
	got=
	echo 'GRANT_AUX_GROUP_SUBIDS yes' >>$defs
	with_extra "$PRE/bin/newuidmap"
	with_extra "$uidmap/newuidmap"
	echo 'GRANT_AUX_GROUP_SUBIDS no' >>$defs
	with_extra "$PRE/bin/newuidmap"
	chmod 600 $defs
	with_extra "$PRE/bin/newuidmap"
	is "$mode: GRANT_AUX_GROUP_SUBIDS yes, no, and unreadable" "$got" "0 [0 100000 5] 0 [0 100000 5] 1 [] 1 [] "
	cp "$T/login.defs" $defs && chmod 644 $defs
	new_target alice
	run setpriv --reuid 2001 --regid 2100 --clear-groups "$PRE/bin/newuidmap" "$target" 0 100000 5
	like "$mode: a process of another group" "$status $out" "1 *different user:*gid:2100 pw_gid:2001 st_gid:2001
newuidmap: the group differs: *gid 2001*GRANT_AUX_GROUP_SUBIDS*"
	end "$target"
	# the two, each alone
	start setpriv --reuid 2001 --regid 2100 --clear-groups unshare --user sleep infinity
	target=$started_pid
	wait_for runs "$target" sleep
	run as alice "$PRE/bin/newuidmap" "$target" 0 100000 5
	like "$mode: a process of the same user in another group" "$status $out [$(map_of uid "$target")]" \
		"1 *different user:*st_uid:2001, gid:2001 pw_gid:2001 st_gid:2100
newuidmap: the group differs: both must run with gid 2001, *\[\]"
	end "$target"
	start setpriv --reuid 2002 --regid 2001 --clear-groups unshare --user sleep infinity
	target=$started_pid
	wait_for runs "$target" sleep
	run as alice "$PRE/bin/newuidmap" "$target" 0 100000 5
	like "$mode: a process of another user in the same group" "$status $out [$(map_of uid "$target")]" \
		"1 *different user:*st_uid:2002, gid:2001 pw_gid:2001 st_gid:2001 \[\]"
	end "$target"
}

# The parent's id 0 wants CAP_SETFCAP (user_namespaces(7)), and a line.
id_zero() {
	lines root:100000:65536 >/etc/subuid
	try root "$PRE/bin/newuidmap" 0 0 1 1 100000 65535
	is "$mode: root maps its own 0" "$state" "0 [0 0 1, 1 100000 65535] allow"
	try root "$PRE/bin/newuidmap" 0 0 2
	is "$mode: but root, too, needs a line for the rest" "$state" "1 [] allow"
	try alice "$PRE/bin/newuidmap" 0 0 1
	like "$mode: a user does not" "$state $out" "1 \[\] allow newuidmap: uid range \[0-1) -> \[0-1) not allowed*"
	lines alice:0:10 >/etc/subuid
	try alice "$PRE/bin/newuidmap" 0 0 10
	if [ "$mode" = caps ]; then
		like "$mode: a line with 0 needs more than the file capability" "$state $out" \
			"1 \[\] allow *id 0 can be mapped only with CAP_SETFCAP*"
	else
		is "$mode: a line with 0 counts" "$state" "0 [0 0 10] allow"
	fi
}

tables() {
	lines "$plain" >/etc/subuid
	mv /etc/subuid /etc/elsewhere
	try alice "$PRE/bin/newuidmap" 0 100000 1
	like "$mode: no table" "$state $out" "1 \[\] allow newuidmap: uid range * not allowed*holds nothing there*"
	try alice "$PRE/bin/newuidmap" 0 2001 1
	is "$mode: no table, the own uid" "$state" "0 [0 2001 1] allow"
	ln -s elsewhere /etc/subuid
	try alice "$PRE/bin/newuidmap" 0 100000 1
	is "$mode: a symbolic link" "$state $out" \
		"1 [] allow newuidmap: cannot read /etc/subuid: it is a symbolic link, which is not followed"
	rm /etc/subuid
	mv /etc/elsewhere /etc/subuid
	chmod 600 /etc/subuid
	try alice "$PRE/bin/newuidmap" 0 100000 1
	is "$mode: a table that one may not read" "$state $out" "1 [] allow newuidmap: cannot read /etc/subuid: Permission denied"
	rm /etc/subuid
	mkfifo /etc/subuid
	try alice "$PRE/bin/newuidmap" 0 100000 1
	like "$mode: a fifo" "$state $out" "1 \[\] allow newuidmap: cannot read /etc/subuid: *"
	rm /etc/subuid
}

for mode in setuid caps; do
	install_programs HELPER_PRIVILEGE=$mode
	if [ $mode = caps ]; then
		is "caps: no setuid bit, one capability each" \
			"$(stat -c %a "$PRE/bin/newuidmap" "$PRE/bin/newgidmap" | paste -sd' ') $(getcap "$PRE/bin/newuidmap" "$PRE/bin/newgidmap" | sed "s|$PRE/bin/||" | paste -sd' ')" \
			"755 755 newuidmap cap_setuid=ep newgidmap cap_setgid=ep"
	else
		is "setuid: the setuid bit, no capability" \
			"$(stat -c '%u %a' "$PRE/bin/newuidmap" "$PRE/bin/newgidmap" | paste -sd' ')$(getcap "$PRE/bin/newuidmap" "$PRE/bin/newgidmap")" \
			"0 4755 0 4755"
	fi
	arguments
	which_lines
	numeric_name
	malformed_lines
	own_id
	setgroups
	refusals
	written_already
	limits
	descriptors
	aux_group
	id_zero
	tables
done

# They are run with privilege, at each start of a container: libc alone.
needed() { readelf -d "$PRE/bin/$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | paste -sd' '; }
for helper in newuidmap newgidmap getsubids; do
	case $BUILD in
	*asan*) skip 2 "a sanitizer brings its own libraries" ;;
	*)
		is "$helper needs libc alone" "$(needed $helper)" libc.so.6
		is "$helper loads libc alone" "$(ldd "$PRE/bin/$helper" | grep -vcE 'linux-vdso|libc\.so\.6|ld-linux')" 0
		;;
	esac
	ok "$helper looks for no library elsewhere" sh -c "! readelf -d $PRE/bin/$helper | grep -E 'RPATH|RUNPATH'"
done

# getsubids, beside Debian's.
ask() { # argument...
	run as alice "$PRE/bin/getsubids" "$@"
	local ours="$status $out"
	run as alice /usr/bin/getsubids "$@"
	both_said="ours $ours
theirs $status $out"
}
agree() { # name status output argument...
	agree_or "" "$@"
}
agree_or() { # what-else-shadow's-may-say name status output argument...
	local other=$1 name=$2 wanted="$3 $4"
	shift 4
	ask "$@"
	if [ -n "$other" ] && [ "${both_said#*$'\n'theirs }" = "$other" ]; then
		echo "# getsubids: $name: shadow's says: ${other//$'\n'/, }"
		both_said=${both_said/%"$other"/$wanted}
	fi
	is "getsubids: $name, as shadow's" "$both_said" "ours $wanted
theirs $wanted"
}
cat >/etc/subuid <<-END
	bob:300000:65536
	alice:100000:65536
	# a comment
	2001:200000:10
	kubelet:600000:65536
END
lines alice:700000:5 >/etc/subgid
agree "a name has the lines of its uid, too" 0 "0: alice 100000 65536
1: alice 200000 10" alice
ask 2001
is "getsubids: a uid has what the shadow here lists for it" "${both_said%%theirs*}" "ours ${both_said##*theirs }"$'\n'
# Both ways, whichever shadow is here.
case $BUILD in
*asan*) flags=("-fsanitize=address,undefined") ;;
*coverage*) flags=(--coverage) ;;
*) flags=() ;;
esac
for minor in 13 20; do
	gcc ${flags[@]+"${flags[@]}"} -std=gnu17 -D_GNU_SOURCE -DSUBID_SHADOW=$minor -DSUBID_VERSION='"0"' -DSUBID_SYSCONFDIR='"/etc"' -DSUBID_STATEDIR='"/x"' \
		-I. -o "$T/getsubids-4.$minor" tools/getsubids/*.c "$BUILD/libsubid-ng.a" || echo "# does not build"
	chmod 755 "$T" "$T/getsubids-4.$minor"
done
expect "getsubids: before shadow 4.20, a uid has only the lines by uid" 0 "0: 2001 200000 10" "" as alice "$T/getsubids-4.13" 2001
expect "from 4.20 on, those of its name, too" 0 "0: 2001 100000 65536
1: 2001 200000 10" "" as alice "$T/getsubids-4.20" 2001
expect "gids, too" 0 "0: 2001 700000 5" "" as alice "$T/getsubids-4.20" -g 2001
expect "a uid without account its own" 1 "" "Error fetching ranges" as alice "$T/getsubids-4.20" 4242
like "and help says which" "$("$T/getsubids-4.13" --help)$("$T/getsubids-4.20" --help)" "*a uid only those.*the lines of its name.*"
agree "-g" 0 "0: alice 700000 5" -g alice
# From 4.20 on, shadow's knows no owner without an account.
agree_or "1 Error fetching ranges" "an owner without account" 0 "0: kubelet 600000 65536" kubelet
agree "nothing" 1 "Error fetching ranges" -g bob
agree "nobody" 1 "Error fetching ranges" mallory
run getsubids
like "getsubids: no arguments" "$status $out" "1 usage: getsubids*"
run getsubids -x alice
like "getsubids: an unknown option" "$status $out" "1 usage: getsubids*"
run getsubids --version
is "getsubids: --version" "$status $out" "0 getsubids (subid) $(sed -n 's/^VERSION = //p' Makefile)"
run getsubids --help
like "getsubids: --help" "$status $out" "0 usage: getsubids*Exit status*"
not_ok "getsubids: a list that cannot be written: 1" sh -c 'getsubids alice >/dev/full'
not_ok "getsubids: --version that cannot be written: 1" sh -c 'getsubids --version >/dev/full'
mv /etc/subgid /etc/elsewhere
ln -s elsewhere /etc/subgid
run getsubids -g alice
like "getsubids: a symbolic link" "$status $out" "1 *symbolic link, which is not followed"
rm /etc/subgid
run getsubids -g alice
is "getsubids: no table" "$status $out" "1 Error fetching ranges"
lines alice:0100000:9 alice:100000:-1 'alice:5:5 ' alice:0:0 >/etc/subuid
run getsubids alice
is "getsubids: malformed lines" "$status $out" "1 Error fetching ranges"
