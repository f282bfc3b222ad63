#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every rule of the catalogue that prints commands: they are typed, all that the report
# has of the rule, in their order; each must succeed, and nothing of the rule be left.
# The other rules are listed with why nobody could type anything.
. "$(dirname "$0")/lib.sh"
plan 94

# No command is known that is right, or this cannot be made here.
cannot="ambiguous-number: which number was meant
long-line: which shorter name was meant
disabled-owner: nothing is to be done
absent-ids: the container around this one
owner-passed-over: another library
overlap-reserved: test_audit_fix moves such ranges
lease-own: the users' own decision
live-shared-own: test_audit_leases
live-hidden: test_hidden
helper-missing: a package
live-unread: the audit is to be run as root
runtime-unread: a damaged file of somebody else's
directory-differs: test_directory_audit
directory-own: test_directory_audit
directory-missing: test_directory_audit
share-running: test_share_audit
share-target: test_share_audit
share-leftover: test_share_audit
idmap-root: which directory is whose
idmap-unread: the kernel does not tell"
done=""
live=--no-live

private_store
store=/var/lib/subid
mount -t tmpfs -o mode=755,suid,exec helpers /usr/local/bin
mount -t tmpfs -o mode=755,suid,exec helpers /usr/local/sbin
for helper in newuidmap newgidmap; do
	for path in /usr/sbin /usr/bin /sbin /bin; do
		[ ! -f "$path/$helper" ] || mount --bind /dev/null "$path/$helper"
	done
	install -m 4755 "$PRE/bin/$helper" /usr/local/bin
done
# diversions are the machine's
mkdir -p "$T/dpkg" "$T/dpkg.work"
mount -t overlay -o "lowerdir=/var/lib/dpkg,upperdir=$T/dpkg,workdir=$T/dpkg.work" dpkg /var/lib/dpkg
bin=/usr/local/bin
mkdir -p "$T/stub" /etc/audit/rules.d
ln -s /bin/true "$T/stub/augenrules"
add_user alice -u 5001
add_user bob -u 5002
echo '1000x:x:5010:5010::/:/bin/sh' >>/etc/passwd
groupadd -g 5100 staff2
for file in login.defs nsswitch.conf passwd group shadow; do cp -p /etc/$file "$T/kept.$file"; done
good=$'alice:100000:65536\nbob:200000:65536'

commands_of() { # rule
	# shellcheck disable=SC2086 # an option, or none
	subid --json audit $live --fail-on never --partial | jq -r --arg rule "$1" \
		'.findings[] | ., .also[]? | select(.rule == $rule) | (.advice // .fix // [])[]' | awk '!seen[$0]++'
}
left() { # rule
	# shellcheck disable=SC2086
	subid --json audit $live --fail-on never --partial --rule "$1" | jq -r '.findings[].reason'
}
nothing_left() { [ -z "$(left "$1")" ]; }
# Other tests' files vanish while find(1) looks.
is_race() { [[ $command == "find "* ]] && ! grep -v 'No such file or directory$' "$T/said"; }
typed() { # rule
	local rule=$1 command wrong=
	done+="$rule"$'\n'
	commands_of "$rule" >"$T/commands"
	[ -s "$T/commands" ] || wrong="no command"
	while IFS= read -r command; do
		PATH=$T/stub:$PATH bash -c "$command" >"$T/said" 2>&1 </dev/null || is_race || wrong+="$command: $? $(<"$T/said")"$'\n'
	done <"$T/commands"
	# what is killed takes a moment to be gone
	[ -n "$live" ] || wait_for nothing_left "$rule"
	is "$rule" "$wrong$(left "$rule")" ""
}
clean() {
	local file
	tables "$good"
	rm -f $store/subuid $store/subgid /etc/subid.conf
	for file in login.defs nsswitch.conf passwd group shadow; do cp -p "$T/kept.$file" /etc/$file; done
}
# case RULE TABLES: both tables have these lines
lines() {
	clean
	printf '%b' "$2" | tee /etc/subuid >/etc/subgid
	typed "$1"
}

# --- lines, owners, ranges ----------------------------------------------------------

lines every-id 'alice:100000:65536\nbob:0:0\n'
lines extra-field 'alice:100000:65536:x\nbob:200000:65536\n'
lines beyond-last-id 'alice:100000:65536\nbob:4294000000:4294967295\n'
lines empty-range 'alice:100000:65536\nbob:200000:0\nbob:300000:0\n'
lines stray-blank ' alice:100000:65536 \nbob:200000:65536\t\n bob:400000:65536\n'
is "each line is as it was meant" "$(</etc/subuid)" $'alice:100000:65536\nbob:200000:65536\nbob:400000:65536'
lines malformed 'x\nalice:100000:65536\n\nbob\n\na.*[b]:c\nbob:200000:65536\n'
is "and no other line is lost" "$(</etc/subuid)" "$good"
# shellcheck disable=SC2016 # as somebody has written it
lines comment '# one\nalice:100000:65536\n# two $1 & \\\\1\nbob:200000:65536\n#\xff\n'
is "nor by comments" "$(</etc/subuid)" "$good"
lines no-final-newline 'alice:100000:65536\nbob:200000:65536'
lines duplicate-line 'alice:100000:65536\nalice:100000:65536\nbob:200000:65536\nalice:100000:65536\nbob:200000:65536\n'
is "one of each stays" "$(</etc/subuid)" "$good"
clean
echo '70001234:x:87117:87117::/:/bin/sh' >>/etc/passwd
change_tables '70001234:871170000:65536'
typed owner-name-is-number
is "the ids stay whose they were" "$(</etc/subuid)" 87117:871170000:65536
lines own-id-inside 'alice:5000:65536\nbob:200000:65536\n'
lines owner-starts-with-digit 'alice:100000:65536\n1000x:300000:65536\n2000y:400000:65536\n'
lines unknown-owner 'alice:100000:65536\nghost:300000:65536\n'
lines two-spellings 'alice:100000:65536\n5001:300000:65536\n'
clean
printf 'alice:100000:65536\nstaff2:300000:10\n' >/etc/subgid
typed group-as-owner
clean
usermod -s /usr/sbin/nologin bob
typed weak-owner
clean
usermod -s /usr/sbin/nologin bob
change_tables $'alice:100000:65536\nbob:100000:65536'
start setpriv --reuid 100005 --regid 100005 --clear-groups sleep infinity
wait_for runs "$started_pid" sleep
live=
is "what runs may be the other owner's" "$(commands_of weak-owner | grep -c kill)" 0
live=--no-live
end "$started_pid"
clean
cp /etc/passwd /etc/passwd-
change_tables '5020:100000:65536'
echo 'zoe:x:5020:5020::/:/bin/sh' >>/etc/passwd
echo 'old:x:5020:5020::/:/bin/sh' >>/etc/passwd-
typed former-owner
rm /etc/passwd-
clean
echo 'released:x:5021:5021::/:/bin/sh' >>/etc/passwd
typed hold-as-account
lines includes-root 'alice:0:65536\nbob:200000:65536\n'
lines overlap-owners 'alice:100000:65536\nbob:120000:65536\n'
clean
change_tables "$good"
sed -i 's/bob:200000/bob:120000/' /etc/subuid
is "of one kind alone, files are sought by it alone" "$(commands_of overlap-owners | grep -o 'subid shift.*')" "subid shift -u --owner 'bob' --from 120000:65536"
typed overlap-owners
is "and the other kind stays" "$(</etc/subgid)" "$good"
clean
echo 'eve:x:120000:120000::/:/bin/sh' >>/etc/passwd
echo 'eve:x:120000:' >>/etc/group
typed overlap-account
is "the range was not cut" "$(</etc/subuid)" "$good"
lines overlap-held 'alice:100000:65536\nbob:200000:65536\n!released:100000:10\n'
clean
: >/etc/subgid
typed one-sided
clean
printf 'alice:300000:65536\nbob:200000:65536\n' >/etc/subgid
is "each kind's files by its own numbers" "$(commands_of unequal | grep -o 'subid shift.*')" \
	"subid shift -u --owner 'alice' --from 100000:65536
subid shift -g --owner 'alice' --from 300000:65536"
typed unequal
lines outside-window 'alice:100000:65536\nbob:700000000:65536\n'
lines self-overlap 'alice:100000:65536\nalice:150000:65536\nbob:200000:300\nbob:200100:50\n'
is "each id stands once" "$(</etc/subuid)" $'alice:100000:50000\nalice:150000:65536\nbob:200000:300'
lines small 'alice:100000:1000\nbob:200000:65536\n'
lines mergeable 'alice:100000:30000\nbob:200000:65536\nalice:130000:40000\n'
like "no id is lost" "$(</etc/subuid)" $'*bob:200000:65536*'
is "nor added" "$(awk -F: '{ n += $3 } END { print n }' /etc/subuid)" 135536
lines fragmented 'alice:100000:40000\nalice:150000:40000\nbob:200000:65536\n'

# --- policy and files ---------------------------------------------------------------

window() { # rule lines-of-login.defs
	clean
	printf '%b' "$2" >>/etc/login.defs
	typed "$1"
}
window window-full 'SUB_UID_MAX 300000\nSUB_GID_MAX 300000\n'
window window-low 'SUB_UID_MAX 900000\nSUB_GID_MAX 900000\n'
clean
printf '%b' 'SUB_UID_MAX 32867999\nSUB_GID_MAX 32867999\n' >>/etc/login.defs
change_tables "$good"$'\nbob:400000:16000000\nbob:16400000:14600000'
typed window-filling
window unsafe-wrap 'UNSAFE_SUB_UID_DETERMINISTIC_WRAP yes\n'
window window-invalid 'SUB_UID_MIN many\n'
window window-invalid 'SUB_GID_MIN 300000\nSUB_GID_MAX 200000\n'
window window-beyond 'SUB_UID_MAX 4294967295\n'
window window-meets-accounts 'UID_MAX 200000\n'
window window-meets-accounts 'GID_MAX 4294967294\n'
clean
gcc -shared -fPIC -o "$T/libnss_quiet.so.2" tests/e2e/nss_quiet.c
sed -i '/^passwd:/s/.*/passwd: files quiet/' /etc/nsswitch.conf
printf '%s\n' 'CORP\jdoe:138000:138000' 'CORP\asmith:138001:138001' >/etc/quiet
change_tables 'CORP\jdoe:500000000:65536
corp\ASMITH:600000000:65536'
export LD_LIBRARY_PATH=$T
typed window-unlisted
typed folded-owner
is "as the name service has it" "$(cut -d: -f1 /etc/subuid)" $'CORP\\jdoe\nCORP\\asmith'
unset LD_LIBRARY_PATH
clean
chmod 666 /etc/subuid
typed table-writable
ln /etc/subuid /etc/second
typed table-writable
rm /etc/second
cp /etc/subgid /etc/elsewhere
ln -sf elsewhere /etc/subgid
typed table-symlink
is "with what it had" "$(</etc/subgid)" "$good"
cp -p /etc/subuid "$T/mounted"
mount --bind "$T/mounted" /etc/subuid
typed table-fixed
is "with what it had" "$(</etc/subuid)" "$good"
: >/etc/subuid.lock
typed stale-lock
cp /etc/subuid /etc/subuid-
chmod 600 /etc/subuid
typed backup-readable
clean
chmod 644 /etc/subuid
chmod 755 $bin/newuidmap $bin/newgidmap
typed helper-unprivileged
setcap cap_setuid+ep $bin/newuidmap
typed helper-double
chmod 777 $bin
typed helper-writable
mount -o remount,nosuid $bin
typed helper-nosuid
install -m 4755 $bin/newuidmap /usr/local/sbin
typed helper-shadowed
rm -f /usr/local/sbin/newuidmap $bin/newuidmap*
install -m 4755 "$PRE/bin/newuidmap" $bin
clean
echo 'subid: nowhere files' >>/etc/nsswitch.conf
typed source-second-word
typed source-open
echo 'subid: nowhere' >>/etc/nsswitch.conf
typed source-and-files
is "the other lines of nsswitch.conf stay" "$(cmp /etc/nsswitch.conf "$T/kept.nsswitch.conf")" ""
rm -f /etc/audit/audit.rules /etc/audit/rules.d/*
typed no-audit-watch

# --- leases -------------------------------------------------------------------------

leases() { # rule lines
	clean
	printf '%b' "$2" | tee $store/subuid >$store/subgid
	typed "$1"
}
leases lease-outside 'alice/c1:100000:10\nbob/c1:100000:10\nghost/c1:7:7\n'
is "bob's container has another" "$(subid list bob/c1 | head -n 1)" "bob/c1 uid 200000 200009 10 leased"
leases lease-overlap 'alice/c1:100000:10\nalice/c2:100005:10\n'
leases lease-broken 'alice/c1:100000:10\nalice/c2;100005:10\n#\nbob/c1:200000:10\n'
is "no lease is lost" "$(<$store/subuid)" $'alice/c1:100000:10\nbob/c1:200000:10'
mkdir -p /var/lib/lxc/c9
printf 'lxc.idmap = u 0 100005 10\nlxc.idmap = g 0 100005 10\n' >/var/lib/lxc/c9/config
leases lease-taken 'alice/c1:100000:10\n'
rm -r /var/lib/lxc/c9

live=
# --- what runs ----------------------------------------------------------------------

space() { # user uid_map gid_map
	new_target "$1"
	dd status=none of="/proc/$target/uid_map" <<<"$2"
	dd status=none of="/proc/$target/gid_map" <<<"$3"
}
clean
space alice "0 700000 10" "0 700000 10"
typed live-unauthorised
space alice "0 0 1" "0 0 1"
typed live-root
change_tables $'alice:100000:65536\nbob:100000:65536'
space alice "0 100000 10" "0 100000 10"
space bob "0 100000 10" "0 100000 10"
typed live-shared
clean
space alice "0 5002 1" "0 5001 1"
typed live-account
space alice "0 5001 1" "0 5001 1"
typed live-setgroups
expect "a grant of which the ledger knows" 0 '*' '' subid grant --another --count 10 bob
space alice "0 100000 65536" "0 100000 65536"
change_tables bob:200000:65536
typed live-stale
clean
start setpriv --reuid 700000 --regid 700001 --clear-groups sleep infinity
wait_for runs "$started_pid" sleep
typed live-orphan
space alice "0 200000 100" "0 200000 100"
mkdir "$T/held"
: >"$T/held/ns"
mount --bind "/proc/$target/ns/user" "$T/held/ns"
end "$target"
typed live-unauthorised

# --- a range in use -----------------------------------------------------------------

# What must end first is among the commands.
clean
change_tables $'alice:100000:65536\nbob:120000:65536\nghost:300000:65536'
printf 'bob/c1:150000:10\n' | tee $store/subuid >$store/subgid
space bob "0 120000 65536" "0 120000 65536"
start setpriv --reuid 130000 --regid 130000 --clear-groups sleep infinity
space root "0 300000 10" "0 300000 10"
typed overlap-owners
is "bob has a range of his own" "$(subid list bob | awk '{ print $3, $5 }' | sort -u)" "185536 65536"
typed unknown-owner

# --- all of them --------------------------------------------------------------------

is "every rule is typed, or cannot be" "$(comm -3 <({ echo "$done"; cut -d: -f1 <<<"$cannot"; } | grep . | sort -u) \
	<(subid audit --list-rules | awk '{ print $1 }' | sort))" ""

# --- a stranger -----------------------------------------------------------------------

# All that the report prints is typed from its first line to its last, twice, whatever
# fails: no line of somebody else is lost, and nobody gets more than one range for one.
clean
printf '%s\n' 'alice:100000:65536' 'bob:120000:65536' 'x:y' 'alice:100000:65536 ' 'alice:100000:65536' '# note' \
	'carol:900000:10' 'bob:1000:65536' >/etc/subuid
cp /etc/subuid /etc/subgid
for _ in 1 2; do
	subid audit --no-live --fail-on never | sed -n 's/^       # //p' >"$T/all"
	PATH=$T/stub:$PATH bash "$T/all" >/dev/null 2>&1 </dev/null
	PATH=$T/stub:$PATH bash "$T/all" >/dev/null 2>&1 </dev/null
done
is "who had ranges has as many" "$(subid list -u | awk '$1 ~ /^(alice|bob)$/ { n[$1] += $5 } END { print n["alice"], n["bob"] }')" "65536 131072"
is "and nothing is wrong any more" "$(subid --json audit --no-live --fail-on never | jq -r '.findings[] | select(.level != "info") | .rule')" ""
