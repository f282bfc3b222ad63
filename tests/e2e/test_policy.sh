#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The site's policy: subid policy, and what grant makes of it.
. "$(dirname "$0")/lib.sh"
plan 61

rm -rf /etc/subid.conf /etc/subid.conf.d
groupadd -g 7100 students
groupadd -g 7200 contractors
for user in alice bob carl dora backup-svc; do add_user "$user"; done
usermod -aG students bob
usermod -aG contractors,students carl
usermod -g students dora
sed -i '/^\(UID_M\|SUB_\)/d' /etc/login.defs
printf 'UID_MIN 1000\nUID_MAX 60000\n' >>/etc/login.defs
tables ""
conf() { cat >/etc/subid.conf; }

# --- check -------------------------------------------------------------------------

expect "no policy at all is right" 0 'policy: 0 files, 0 rules, 0 reserved, 0 accepted, 0 warnings' '' subid policy check
conf <<'END'
# the first match decides
never  user *-svc "service accounts"
never  group contractors "no containers"
give   user alice count 131072
give   group students count 1000 window 200000000-200009999
give   everyone
reserve 100000-109999 "NFS server"
reserve gid 110000:1
accept weak-owner:_lxd "lxd's own account"
END
expect "a right one" 0 'policy: 1 file, 5 rules, 2 reserved, 1 accepted, 0 warnings' '' subid policy check
run subid --json policy check
is "as JSON" "$status $(jq -c . <<<"$out")" '0 {"files":1,"rules":5,"reserved":2,"accepted":1,"problems":[]}'
mkdir /etc/subid.conf.d
cat >/etc/subid.conf.d/20-site.conf <<'END'
give everybody

give user "alice
  never group nosuch
END
expect "all that is wrong, with file and line" 1 '' \
	$'subid: /etc/subid.conf.d/20-site.conf:1: everybody is not *\nsubid: /etc/subid.conf.d/20-site.conf:3: a quote is opened and not closed\nsubid: /etc/subid.conf.d/20-site.conf:4: warning: is never reached for people*\nsubid: /etc/subid.conf.d/20-site.conf:4: warning: no such group *nosuch*' \
	subid policy check
run bash -c 'subid --json policy check 2>/dev/null'
is "as JSON, too" "$status $(jq -c '[.problems[] | [.file, .line, .level]]' <<<"$out")" \
	'1 [["/etc/subid.conf.d/20-site.conf",1,"error"],["/etc/subid.conf.d/20-site.conf",3,"error"],["/etc/subid.conf.d/20-site.conf",4,"warning"],["/etc/subid.conf.d/20-site.conf",4,"warning"]]'
expect "then nothing is given" 3 '' 'subid: /etc/subid.conf.d/20-site.conf:1: everybody is not *: nothing is given until it is put right' \
	subid grant bob
expect "nor explained" 3 '' 'subid: /etc/subid.conf.d/20-site.conf:1: *' subid policy explain bob
tables_are "and the tables are as they were" ""
printf 'give user nobodysname\ngive user x window 5-6\nreserve 5-6\n' >/etc/subid.conf.d/20-site.conf
expect "warnings alone are no failure" 0 'policy: 2 files, 7 rules, 3 reserved, 1 accepted, 6 warnings' \
	'*no such account *nobodysname*the window is smaller than the 65536 uids of login.defs*' subid policy check
rm /etc/subid.conf.d/20-site.conf
chmod 600 /etc/subid.conf
expect "who may not read it is told so" 3 '' 'subid: /etc/subid.conf: Permission denied' as alice subid policy check
chmod 644 /etc/subid.conf
expect "others may check" 0 'policy: 1 file*' '' as alice subid policy check
echo 'UID_MIN few' >>/etc/login.defs
expect "login.defs is checked as well" 1 '' 'subid: /etc/login.defs:*: UID_MIN is not a number*' subid policy check
sed -i '/^UID_MIN few/d' /etc/login.defs
expect "what to check is no question" 2 '' $'subid: policy check: unexpected operand \'x\'\n*' subid policy check x
expect "check or explain" 2 '' $'subid: policy: missing subcommand; one of check, explain\n*' subid policy
expect "nothing else" 2 '' $'subid: policy: unknown subcommand \'show\'*' subid policy show
mkdir -p "$T/nobody/etc"
expect "whom, in an image" 2 '' $'subid: policy explain: missing OWNER\n*' subid --root "$T/nobody" policy explain
is "else oneself" "$(subid policy explain)" "$(subid policy explain root)"

# --- explain -----------------------------------------------------------------------

expect "a rule for a user, with its count" 0 \
	$'alice: give: /etc/subid.conf:4: give user alice\n  uid 110001-241072 131072 new\n  gid 110001-241072 131072 new' '' subid policy explain alice
expect "a rule for a group, with its window" 0 \
	$'bob: give: /etc/subid.conf:5: give group students\n  uid 200000000-200000999 1000 new\n  gid 200000000-200000999 1000 new' '' subid policy explain bob
expect "by primary group" 0 $'dora: give: /etc/subid.conf:5: *' '' subid policy explain dora
expect "an earlier never" 0 'carl: never: /etc/subid.conf:3: never group contractors: no containers' '' subid policy explain carl
expect "a pattern" 0 'backup-svc: never: /etc/subid.conf:2: never user \*-svc: service accounts' '' subid policy explain backup-svc
expect "a system account" 0 'daemon: none: no rule fits, and the rules say who is given ids' '' subid policy explain daemon
expect "several, one without account" 0 $'root: none: *\nnosuch: none: no rule fits, *' '' subid policy explain root nosuch
expect "a name that nobody can have" 1 '' $'subid: a:b: no owner can be called so' subid policy explain a:b
run subid --json policy explain alice carl daemon
is "as JSON" "$(jq -c '[.owners[] | [.owner, .verdict, .rule, (.ranges | length)]]' <<<"$out")" \
	'[["alice","give","/etc/subid.conf:4",2],["carl","never","/etc/subid.conf:3",0],["daemon","none",null,0]]'
expect "quietly" 0 '' '' subid -q policy explain alice
tables_are "explaining changes nothing" ""
tables alice:500000:131072
expect "what is enough is kept" 0 $'alice: give: *\n  uid 500000-631071 131072 kept\n  gid 500000-631071 131072 kept' '' subid policy explain alice
tables other:200000000:9500
expect "a full window" 1 'bob: give: *' 'subid: bob: no gap of 1000 uids in window 200000000-200009999: 500 of 10000 are free*widen it in /etc/subid.conf:5*' \
	subid policy explain bob
expect "a user may ask, too" 0 'carl: never*' '' as carl subid policy explain carl
mv /etc/subid.conf "$T/policy"
expect "without a policy: people" 0 $'alice: give, by default: no rule names it; uid 1* is one of people*\n*' '' subid policy explain alice
expect "and nobody else" 0 'daemon: none: no rule fits, and uid 1 is none of people*' '' subid policy explain daemon
mkdir -p /usr/share/subid
mount -t tmpfs vendor /usr/share/subid
echo 'never user alice "vendor"' >/usr/share/subid/subid.conf
expect "the vendor's policy" 0 'alice: never: /usr/share/subid/subid.conf:1: never user alice: vendor' '' subid policy explain alice
mkdir -p "$T/image/etc"
cp /etc/passwd "$T/image/etc"
expect "is not an image's" 0 $'alice: give, by default: *' '' subid --root "$T/image" policy explain alice
echo 'never user alice "image"' >"$T/image/etc/subid.conf"
expect "which has its own" 0 "alice: never: $T/image/etc/subid.conf:1: never user alice: image" '' subid --root "$T/image" policy explain alice
: >/etc/subid.conf
expect "an empty file replaces it" 0 $'alice: give, by default: *' '' subid policy explain alice
umount /usr/share/subid
mv "$T/policy" /etc/subid.conf

# --- grant -------------------------------------------------------------------------

tables ""
expect "grant: the rule's count" 0 $'alice uid 110001 241072 131072 new\nalice gid *' '' subid grant alice
expect "unless another is asked for" 0 $'alice uid 241073 241082 10 new\n*' '' subid grant alice --another --count 10
expect "the rule's window" 0 $'bob uid 200000000 200000999 1000 new\n*' '' subid grant bob
expect "never, with file and line and reason" 1 '' \
	$'subid: carl: never given ids, by /etc/subid.conf:3: no containers (see *' subid grant carl
expect "whatever is asked for" 1 '' 'subid: carl: never given ids*' subid grant carl --range 900000:1
expect "by uid" 1 '' 'subid: *: never given ids*' subid grant "$(id -u carl)"
expect "also without an account" 1 '' 'subid: old-svc: never given ids*' subid grant --force-unknown old-svc
expect "root may give by name where no rule fits" 0 $'containers uid *' '' subid grant containers
before=$(</etc/subuid)
expect "reserved ids" 1 '' $'subid: dora: uid 109990-109999: reserved by /etc/subid.conf:7: NFS server\nsubid: dora: gid 109990-109999: reserved by *' \
	subid grant dora --range 109990-110000
expect "of one kind" 1 '' 'subid: dora: gid 110000-110000: reserved by /etc/subid.conf:8' subid grant dora --range 110000:1
expect "may still be taken as the other" 0 $'dora uid 110000 110000 1 new' '' subid grant dora -u --range 110000:1
sed -i '/dora/d' /etc/subuid
is "a refused grant changes nothing" "$(</etc/subuid)" "$before"
tables ""
expect "--group passes over whom policy gives none" 0 $'bob uid *\nbob gid *\ndora uid *\ndora gid *' \
	'subid: 1 skipped: /etc/subid.conf grants them no ids *' subid grant --group students
not_ok "them" grep -q carl /etc/subuid
tables ""
expect "--all as well" 0 '*alice*' '*skipped*' subid grant --all
is "gives to just these" "$(grep -oE '^(alice|bob|carl|dora|backup-svc|daemon|root):' /etc/subuid | sort | paste -sd ' ')" "alice: bob: dora:"
echo 'give user daemon' >/etc/subid.conf
tables ""
expect "--all follows a rule for a system account" 0 $'daemon uid *\ndaemon gid *' '' subid grant --all
expect "--group keeps to the rules" 0 '' 'subid: 3 skipped*' subid grant --group students
echo 'accept no-such-rule' >/etc/subid.conf
expect "a rule of the auditor that is none" 0 'policy: *1 warning' \
	"subid: /etc/subid.conf:1: warning: unknown rule 'no-such-rule'; *" subid policy check
rm /etc/subid.conf
groupadd -g 7300 services
usermod -aG services daemon
tables ""
expect "without a policy a group is enough" 0 $'daemon uid *\ndaemon gid *' '' subid grant --group services

# the directory: what can only be seen of all lines together
printf 'directory ldapi:///\n' >/etc/subid.conf
expect "a directory without base and pool" 1 '*' "*/etc/subid.conf:1: 'directory' needs 'base DN'*/etc/subid.conf:1: 'directory' needs 'pool NAME RANGE'*" subid policy check
printf 'directory ldapi:///\nbase ou=x\npool main 2200000000-2200065535\n' >/etc/subid.conf
expect "a whole one" 0 'policy: 1 file*0 warnings' '' subid policy check
printf 'pool main 2200000000-2200065535\nlogin directory\n' >/etc/subid.conf
expect "a pool of nobody" 0 '*2 warnings' "*:1: warning: without 'directory', nothing gives ids of pool 'main'*" subid policy check
printf 'directory ldap://ldap.example.org\n' >/etc/subid.conf
expect "in the clear" 1 '*' '*/etc/subid.conf:1: ldap://ldap.example.org is not encrypted: write ldaps://*' subid policy check
