#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The commands that subid audit gives for a finding mend it, and break nothing.
. "$(dirname "$0")/lib.sh"
plan 70

seed=${SUBID_SEED:-1}
echo "# seed $seed; SUBID_SEED takes another"
mkdir "$T/image"
mends() { python3 "$TESTS/e2e/audit_fix.py" "$@" "$T/image"; }

ok "each finding of small random tables" mends "$seed" 40 4
ok "and of larger ones" mends "$seed" 15 15
plans() { python3 "$TESTS/e2e/audit_fix.py" --plan "$@" "$T/image"; }
ok "and whole plans of small tables" plans "$seed" 80 5
ok "and of larger ones" plans "$seed" 20 20
is "of each rule that has commands for a plan" "$(mends 1 100 6)" 'one-sided unknown-owner'
ok "the advice of each finding, too, can be typed" mends --advice "$seed" 12 5
like "of each rule that has some" "$(mends --advice 1 30 6)" \
	"duplicate-line * includes-root * no-audit-watch * overlap-owners * own-id-inside * weak-owner"

# --- what needs no chance -------------------------------------------------------

root=$T/image/one
# one RULE SUBUID SUBGID: what the rule's findings of these tables say, line by line
fixes() {
	mkdir -p "$root/etc"
	printf 'alice:x:1001:1001::/:/bin/sh\nbob:x:1002:1002::/:/bin/sh\neve:x:150000:150000::/:/bin/sh\n' >"$root/etc/passwd"
	printf 'alice:x:1001:\nteam:x:150000:\n' >"$root/etc/group"
	printf '%b' "$2" >"$root/etc/subuid"
	printf '%b' "$3" >"$root/etc/subgid"
	subid --root "$root" --json audit --rule "$1" --fail-on never | jq -r '.findings[] | .fix // ["none"] | .[]' |
		sed "s|--root '$root' ||" | awk '!seen[$0]++'
}
is "nothing is cut out of a range: inside, ids would move" "$(fixes overlap-account 'alice:100000:65536\n' 'alice:100000:65536\n')" none
is "uids without gids" "$(fixes one-sided 'alice:100000:10\nalice:200000:10\n' '')" \
	"subid grant -g --range 100000:10 'alice'
subid grant -g --range 200000:10 'alice'"
is "but not where another has them" "$(fixes one-sided 'alice:100000:10\n' 'bob:100005:10\n')" none
is "a name that is nobody's, from both tables" "$(fixes unknown-owner 'ghost:100000:10\n' 'ghost:100000:10\n')" \
	"subid revoke 'ghost'"
# Threat: a name in a command that root runs.
is "a name that quotes cannot hold has no command" "$(fixes unknown-owner "a';reboot;':100000:10\n" '')" none
is "nor one that no command takes for a name" "$(fixes unknown-owner '007:100000:10\n-x:200000:10\n' '')" none
# shellcheck disable=SC2016 # a name as an attacker has it
is "any other is quoted" "$(fixes unknown-owner '$(reboot) ;x:100000:10\n' '')" "subid revoke -u '\$(reboot) ;x'"

# What an editor or a script has left in a table: the bytes are shown, the commands mend it.
# edit NAME RULE LINES SHOWN AFTER
edit() {
	fixes "$2" "$3" 'alice:100000:65536\n' >/dev/null
	like "$1: what is there can be found" "$(subid --root "$root" audit --rule "$2")" "*${4//\\/\\\\}*"
	subid --root "$root" --json audit --rule "$2" --fail-on never | jq -r '.findings[].advice[]' >"$T/commands"
	ok "$1: the commands run" sh -e "$T/commands"
	is "$1: and mend it" "$(cat "$root/etc/subuid")" "$5"
}
edit "a byte order mark" unknown-owner '\xef\xbb\xbfalice:100000:65536\n' '\xef\xbb\xbfalice' alice:100000:65536
edit "lines from Windows" stray-blank 'alice:100000:65536\r\nbob:200000:65536\r\n' '65536\x0d' $'alice:100000:65536\nbob:200000:65536'
edit "a newline of two characters" extra-field 'alice:100000:65536\\nbob:200000:65536\n' 'two characters \n' $'alice:100000:65536\nbob:200000:65536'
edit "blanks" stray-blank ' alice :100000:65536 \n' '" alice :100000:65536 "' alice:100000:65536
edit "a tab" stray-blank 'alice:100000:65536\t\n' 'has a tab' alice:100000:65536
edit "a fourth field" extra-field 'alice:100000:65536:x:y\n' 'more than three fields' alice:100000:65536
edit "a comment" comment '# mine\nalice:100000:65536\n' '# mine' alice:100000:65536
edit "a comment behind a line" ambiguous-number 'alice:100000:65536 # mine\nbob:200000:65536\n' '65536 # mine' $'alice:100000:65536\nbob:200000:65536'
edit "no newline" no-final-newline 'alice:100000:65536' 'does not end' alice:100000:65536
edit "the same line twice" duplicate-line 'alice:100000:65536\nalice:100000:65536\n' 'the same as' alice:100000:65536
edit "lines that adjoin" mergeable 'alice:100000:30000\nbob:300000:5\nalice:130000:40000\n' 'could be one' $'alice:100000:70000\nbob:300000:5'
edit "a control character" malformed 'al\x01ice:100000:65536\nbob:200000:65536\n' 'al\x01ice' bob:200000:65536
fixes unknown-owner 'jos\xc3\xa9:100000:10\n' '' >/dev/null
like "letters of UTF-8 as they are" "$(LC_ALL=C.UTF-8 subid --root "$root" audit --rule unknown-owner)" $'*no account jos\xc3\xa9,*'
like "or as bytes, where the locale has no others" "$(LC_ALL=C subid --root "$root" audit --rule unknown-owner)" '*no account jos\\xc3\\xa9,*'

# --- hosts of public reports --------------------------------------------------------

remedy() { subid --root "$root" --json audit --rule "$1" --fail-on never | jq -r '.findings[] | .remedy, (.advice // .fix // [])[]'; }
mend() { # rule: types its commands
	subid --root "$root" --json audit --rule "$1" --fail-on never | jq -r '.findings[] | (.advice // .fix // [])[]' |
		awk '!seen[$0]++' >"$T/commands"
	sh -e "$T/commands"
}
both_tables() { cat "$root/etc/subuid" "$root/etc/subgid"; }
# What is broken in one table looks like a range of the other kind alone: to revoke that would
# take away what its owner has.
one_sided() { # name subuid rule-that-mends
	fixes one-sided "$2" 'alice:231072:65536\n' >/dev/null
	is "$1: the line is to be mended first" "$(remedy one-sided | grep -v '^Grant the missing kind')" "mend line 1 of subuid first, which is meant for alice, then audit again"
	mend "$3" >/dev/null
	mend one-sided >/dev/null
	is "$1: and then she has the same of both" "$(both_tables)" $'alice:231072:65536\nalice:231072:65536'
}
one_sided "saved on Windows" 'alice:231072:65536\r\n' stray-blank
one_sided "with a byte order mark" '\xef\xbb\xbfalice:231072:65536\n' unknown-owner
one_sided "github.com/docker/docs/issues/11003" 'alice::231072:65536\n' malformed
# github.com/rootless-containers/rootlesskit/issues/476
fixes own-id-inside 'alice:1001:1\nalice:165536:65536\n' 'alice:1001:1\nalice:165536:65536\n' >/dev/null
ok "a line of the own id alone: its command runs" mend own-id-inside
is "and takes it away, without another id for it" "$(grep -v '^!' "$root/etc/subuid")" "alice:165536:65536"
# root:1000:1 and the like, for LXD's raw.idmap
fixes overlap-account 'root:1002:1\nroot:1000000:65536\n' 'root:1002:1\nroot:1000000:65536\n' >/dev/null
echo 'root:x:0:0::/root:/bin/sh' >>"$root/etc/passwd"
like "an account's id that is passed through may be meant" "$(remedy overlap-account)" '*etc/subid.conf: accept overlap-account:root "why"*'
echo 'accept overlap-account:root "its media"' >"$root/etc/subid.conf"
is "which subid.conf can say, as it is printed" "$(remedy overlap-account)" ""
rm "$root/etc/subid.conf"
# github.com/lxc/incus/issues/458
fixes overlap-reserved 'root:100000:65536\nroot:1000000:1000000000\n' 'root:100000:65536\nroot:1000000:1000000000\n' >/dev/null
like "a runtime's billion is kept, however full the window is" "$(remedy overlap-reserved)" '*a runtime of root may use all of this range: keep it*'
# github.com/rootless-containers/rootlesskit/issues/259: tables on NFS, not mounted
ln -sf /nfs/subuid "$root/etc/subuid"
is "a link that leads nowhere has no command" "$(remedy table-symlink 2>/dev/null)" \
	"what it leads to is not there: mount or restore that, and audit again for the command that copies it"
rm "$root/etc/subuid"

# --- what meets -------------------------------------------------------------------

commands() { subid --root "$root" audit --fix-plan --fail-on never | grep '^subid' | sed "s|--root '$root' ||"; }
fixes one-sided 'alice:100000:10\nbob:100005:10\n' '' >/dev/null
is "of two that lack the same ids, one is given them" "$(commands)" "subid grant -g --range 100000:10 'alice'"
like "and the plan says that there is more" "$(subid --root "$root" audit --fix-plan --fail-on never)" \
	"*# 1 more can be fixed after this: *# 2 of *"
fixes overlap-account 'ghost:150000:1\n' 'ghost:150000:1\n' >/dev/null
is "what one command takes back is not taken once more" "$(commands)" "subid revoke 'ghost'"
printf 'passwd: files sss\n' >"$root/etc/nsswitch.conf"
is "where others may know the account, it is not taken back" "$(commands)" ""
rm "$root/etc/nsswitch.conf"

# Threat: a root whose name a plan would print with another byte: another image.
odd=$T/image/$'a\nb\'c\\d\u202ee'
mkdir -p "$odd"
cp -r "$root/etc" "$odd/etc"
printf 'nobody-called-so:200000:10\n' | tee "$odd/etc/subuid" >"$odd/etc/subgid"
subid --root "$odd" audit --fix-plan --fail-on never >"$T/odd.plan"
chmod 755 "$T/odd.plan"
ok "a plan for a root of any name runs" "$T/odd.plan"
is "and has changed that root" "$(cut -d: -f1 "$odd/etc/subuid" "$odd/etc/subgid")" $'!released\n!released'
