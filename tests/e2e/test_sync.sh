#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid sync: what the directory gives is brought into the tables of many hosts, what it
# takes is released, and nothing is changed while it is down, or seems to have lost all.
. "$(dirname "$0")/lib.sh"
. tests/e2e/ldap.sh
plan 57

ldap_begin ""
ldap_pool 1000000000 1006553599 # 100 blocks
for i in 1 2 3 4 5 6 7 8 9; do
	add_user "u$i" -u $((7000 + i))
	ldap_user "u$i" $((7000 + i))
done
lines=("users ou=people,dc=example,dc=org" "pool main 1000000000-1006553599" "timeout 2")
site_conf "${lines[@]}"
: >/etc/subuid
: >/etc/subgid
rm -f /run/utmp
mount -t tmpfs wtmp /var/log
for i in 1 2 3 4 5 6; do subid --directory -q grant "u$i"; done
R() { echo $((1000000000 + 65536 * $1)); }

expect "nobody has logged in: nothing" 0 '' '' subid sync
tables_are "is brought" ""
expect "named, dry" 0 $'u1 uid 1000000000 *new\nu1 gid 1000000000 *new' '' subid sync -n u1
tables_are "which writes nothing" ""
expect "named" 0 $'u1 uid 1000000000 1000065535 65536 new\nu1 gid 1000000000 1000065535 65536 new' '' subid sync u1
tables_are "is in the tables" "u1:1000000000:65536"
expect "again: nothing to do" 0 '' '' subid sync u1
expect "by uid, in JSON" 0 '*"owner":"u2","kind":"uid","start":1000065536,*' '' subid --json sync 7002
expect "somebody without a range there" 1 '' '*u9: has no range in the directory' subid sync u9
expect "newuidmap's users have it: getsubids" 0 '0: u1 1000000000 65536' '' getsubids u1
python3 - <<-'END'
	import struct
	entry = struct.pack("<hxxi32s4s32s256shhiii4i20x", 7, 1, b"pts/0", b"1", b"u3", b"", 0, 0, 0, 0, 0, 0, 0, 0, 0)
	open("/var/log/wtmp", "wb").write(entry)
END
expect "who has logged in here" 0 $'u3 uid *\nu3 gid *' '' subid sync
groupadd team
gpasswd -a u4 team >/dev/null
expect "the members of a group" 0 $'u4 uid *\nu4 gid *' '' subid sync --group team
ldap_user stranger 7999
subid --directory -q grant stranger
expect "all that have accounts here" 0 $'u5 uid *\nu5 gid *\nu6 uid *\nu6 gid *' '*2 ranges left out: no such account here' subid sync --all
is "six lines in each table" "$(wc -l </etc/subuid) $(wc -l </etc/subgid)" "6 6"

# --- what the host itself does ---------------------------------------------------------

expect "grants on the host avoid the pools" 1 '' '*set aside for the site*directory*' subid grant u7 --range "$(R 50):10"
subid -q grant u7
is "and find other ids" "$(grep -c '^u7:1000000' /etc/subuid)" 0
expect "the audit does not call the lines wrong" 0 '*' '*' subid audit --no-live --rule overlap-reserved
expect "nor outside of the window" 0 '*' '*' subid audit --no-live --rule outside-window

# --- the audit of a host compares ------------------------------------------------------

# in one line
finds() { subid audit --no-live --rule "directory-$1" 2>&1 | tr -s ' \n' ' '; }
expect "the audit: what was brought is as the directory has it" 0 '*' '' subid audit --no-live --rule directory-differs
like "a range of this host's own is beside none" "$(finds own)" "*nothing was found*"
subid --directory -q grant u7
like "until the directory gives one, too" "$(finds own)" "*u7*on this host, and others by the site's directory*"
like "which is not here yet" "$(finds missing)" "*u7 has uids *by the site's directory, and not in /etc/subuid*subid sync*"
echo "u8:$(R 60):65536" >>/etc/subuid
expect "a line that the directory has not given is an error" 1 '*' '' subid audit --no-live --rule directory-differs
like "which says so" "$(finds differs)" "*/etc/subuid:8 *u8 (line 8) are the site's directory's to give, and it has not given them to u8*"
like "in the metrics" "$(subid audit --no-live --format prometheus 2>/dev/null)" '*subid_audit_findings{rule="directory-differs",level="error"} 1
*'
sed -i '/^u8:/d' /etc/subuid
subid --directory -q revoke u7
subid --directory -q unhold "$(R 7):65536"
cp /etc/subid.conf "$T/conf"
sed -i 's|^directory .*|directory ldap://127.0.0.1:1|' /etc/subid.conf
expect "while it is down the report is partial, and says so" 3 '*' "*Can't contact*the report is partial: the site's directory cannot be asked*" \
	subid audit --no-live --rule directory-differs
expect "which can be accepted" 0 '*' "*Can't contact*" subid audit --no-live --partial --rule directory-differs
cp "$T/conf" /etc/subid.conf
kill -STOP "$ldap_pid"
expect "one that hangs, too" 3 '*' "*the report is partial: the site's directory cannot be asked*" subid audit --no-live --rule directory-differs
kill -CONT "$ldap_pid"
mkdir -p "$T/image/etc"
cp /etc/passwd /etc/group /etc/subid.conf /etc/subuid /etc/subgid "$T/image/etc"
expect "an image is in no directory" 0 '*' '' subid --root "$T/image" audit --rule directory-differs
# --- clashes --------------------------------------------------------------------------

echo "u9:$(R 7):65536" >>/etc/subuid # by hand
subid --directory -q grant u8
before=$(</etc/subuid)
expect "a local line is in the way: named with its file" 1 '*' "*u8: uid $(R 7)-$(($(R 8) - 1)): taken by /etc/subuid:8: u9:$(R 7):65536*" subid sync u8
is "whose line stays" "$(</etc/subuid)" "$before"
sed -i '/^u9:/d' /etc/subuid
sed -i '/^u8:/d' /etc/subgid
expect "without it there is room" 0 $'u8 uid *\nu8 gid *' '' subid sync u8

# --- released --------------------------------------------------------------------------

subid --directory -q revoke u5
new_target u6
newuidmap "$target" 0 "$(R 5)" 10 2>"$T/err" || as u6 newuidmap "$target" 0 "$(R 5)" 10
subid --directory -q revoke u6
expect "what the directory has no more is released, but not what is in use" 1 $'u5 uid *released\nu5 gid *released' '*u6: in use*' subid sync
is "u5's ids rest, and u6's gids, which nothing uses" "$(grep -h '^!released' /etc/subuid /etc/subgid | paste -sd ' ')" \
	"!released:$(R 4):65536 !released:$(R 4):131072"
is "u6's line stands" "$(grep -c "^u6:" /etc/subuid)" 1
end "$target"
wait_for bash -c "! test -e /proc/$target"
expect "and goes once nothing uses it" 0 '*u6 uid *released*' '' subid sync
subid --directory -q unhold "$(R 4):65536"
subid --directory -q grant u9
is "the directory gives the block to another one" "$(subid --directory list -u u9 | awk '{ print $3 }')" "$(R 4)"
expect "whose line takes the place of what rests" 0 '*u9 uid '"$(R 4)"' *new*' '' subid sync u9
is "nothing is left of that" "$(grep -c "^!released:$(R 4):" /etc/subuid)" 0
subid --directory -q revoke u9
subid --directory -q unhold "$(R 4):65536"
subid --directory -q grant --force-unknown alice
is "it moves on, between two looks of this host" "$(subid --directory list -u alice | awk '{ print $3 }')" "$(R 4)"
add_user alice
sed -i '/^alice:/d' /etc/subuid /etc/subgid
expect "and goes from one owner to the next at once" 0 "*u9 uid $(R 4) *released*alice uid $(R 4) *new*" '' subid sync u9 alice

# --- a directory that is down, or has lost all -----------------------------------------

before=$(cat /etc/subuid /etc/subgid)
site_conf "${lines[@]/#pool/pool}"
sed -i 's|^directory .*|directory ldap://127.0.0.1:1|' /etc/subid.conf
expect "down: status 3" 3 '' "*Can't contact*nothing was changed" subid sync
is "and nothing is changed" "$(cat /etc/subuid /etc/subgid)" "$before"
site_conf "${lines[@]}"
sed -i "s|^directory .*|directory $ldap_tcp|; /^bind/d" /etc/subid.conf
expect "nobody in particular sees nothing, which is no answer" 3 '' "*or we may not see it*nothing was changed" subid sync
is "and nothing is changed then" "$(cat /etc/subuid /etc/subgid)" "$before"
kill -STOP "$ldap_pid"
site_conf "${lines[@]}"
expect "a directory that hangs" 3 '' '*nothing was changed' subid sync
kill -CONT "$ldap_pid"
for i in 1 2 3 4; do subid --directory -q revoke "u$i"; done
expect "an old backup: most would go" 1 '' '*lines would be released, since the directory has them no more: nothing was changed*' subid sync
is "and nobody loses anything" "$(cat /etc/subuid /etc/subgid)" "$before"
expect "unless that is meant" 0 '*u1 uid*released*' '' subid sync --force

# --- a first login -------------------------------------------------------------------

login() { subid grant "--login=$1" "version=$(subid --version | awk '{ print $2 }')"; }
site_conf "${lines[@]}" "login directory 5"
subid --directory -q grant u1
like "a first login brings what the directory has" "$(login u1)$(grep ^u1: /etc/subuid)" "*answer success*u1:$(subid --directory list -u u1 | awk '{ print $3 }'):*"
like "for who has nothing there, the host's policy holds" "$(login u2)$(grep ^u2: /etc/subuid)" "*answer success*u2:[1-9]*"
is "which is not the directory's" "$(grep -c '^u2:1000000' /etc/subuid)" 0
site_conf "${lines[@]}" "login directory allocate 5"
like "where it may, the directory grants one" "$(login u3)$(grep ^u3: /etc/subuid)" "*answer success*u3:1000*"
is "once" "$(subid --directory list -u u3 | awk '{ print $3 }')" "$(sed -n 's/^u3:\([0-9]*\):.*/\1/p' /etc/subuid)"
sed -i 's|^directory .*|directory ldap://127.0.0.1:1|' /etc/subid.conf
rm -rf /run/subid
like "while it is down nobody is given other ids" "$(login u4)$(grep ^u4: /etc/subuid)" "*no range is given: the directory: cannot be asked*answer error"

# --- ten hosts -------------------------------------------------------------------------

site_conf "${lines[@]}"
for i in 4 5 6; do subid --directory -q grant "u$i"; done
for host in 1 2 3 4 5 6 7 8 9 10; do
	cp -a /etc "$T/etc$host"
	: >"$T/etc$host/subuid"
	: >"$T/etc$host/subgid"
	rm -f "$T/etc$host"/sub[ug]id- # of another host
	# the fourth has a line of its own in the way, the fifth cannot reach the directory
	[ $host != 4 ] || echo "root:$(subid --directory list -u u4 | awk '{ print $3 + 1 }'):5" >"$T/etc$host/subuid"
	[ $host != 5 ] || sed -i 's|^directory .*|directory ldap://127.0.0.1:1|' "$T/etc$host/subid.conf"
	# shellcheck disable=SC2016 # for the other shell
	unshare -m bash -c 'mount --bind "$1" /etc; mount -t tmpfs x /var/lib/subid; subid sync --all >/dev/null 2>&1; echo $? >"$1.status"' - "$T/etc$host" &
done
for job in $(jobs -p); do [ "$job" = "$ldap_pid" ] || wait "$job"; done
is "ten hosts: two say that something is in the way" "$(cat "$T"/etc*.status | sort | uniq -c | awk '{ print $1, $2 }' | paste -sd ' ')" "8 0 1 1 1 3"
is "the others have the same" "$(for host in 1 2 3 6 7 8 9 10; do sort "$T/etc$host/subuid" "$T/etc$host/subgid" | md5sum; done | sort -u | wc -l)" 1
