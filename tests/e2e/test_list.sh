#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid list, as it is typed, right and wrong.
. "$(dirname "$0")/lib.sh"
plan 78

add_user alice -u 5001
add_user bob -u 5002

tables $'alice:100000:65536\n\n# a comment\n!released:165536:10\n!reserved:165546:10\n5002:200000:1'
expect "every line, in the order of the tables, uids first" 0 'alice uid 100000 165535 65536 granted
!released uid 165536 165545 10 released
!reserved uid 165546 165555 10 reserved
5002 uid 200000 200000 1 granted
alice gid 100000 165535 65536 granted
!released gid 165536 165545 10 released
!reserved gid 165546 165555 10 reserved
5002 gid 200000 200000 1 granted' '' subid list
expect "-u" 0 $'alice uid *5002 uid 200000 200000 1 granted' '' subid list -u
not_ok "no gid" grep -q gid <<<"$out"
expect "-g" 0 $'alice gid *5002 gid 200000 200000 1 granted' '' subid list --gid
not_ok "no uid" grep -q uid <<<"$out"
expect "-u -g is both" 0 'alice uid *alice gid *' '' subid list -ug
expect "one owner" 0 $'alice uid 100000 165535 65536 granted\nalice gid 100000 165535 65536 granted' '' subid list alice
expect "by name, the lines of the uid" 0 $'5002 uid *\n5002 gid *' '' subid list bob
expect "by uid, the lines of the name" 0 $'alice uid *\nalice gid *' '' subid list 5001
expect "-u of one owner" 0 'alice uid *' '' subid list -u alice
expect "two owners" 0 $'5002 uid *\n5002 gid *\nalice uid *\nalice gid *' '' subid list bob alice
expect "root has none" 1 '' 'subid: root: has no ranges' subid list root
expect "one has, one has not: listed, status 1" 1 $'alice uid *\nalice gid *' 'subid: root: has no ranges' subid list alice root
expect "no such account" 1 '' 'subid: alize: no such account, and no range has this owner' subid list alize
expect "who may: everybody" 0 'alice uid *' '' as bob subid list alice
expect "what is held" 0 $'!released uid 165536 *\n!released gid *' '' subid list '!released'

expect "-q prints nothing" 0 '' '' subid -q list
expect "-q, the answer is the status" 1 '' '*' subid list -q root
expect "--json" 0 '*' '' subid list --json
is "is JSON, with all of it" "$(jq -c '[.ranges[] | [.owner, .kind, .start, .end, .count, .state]] | .[0,1,7]' <<<"$out")" \
	'["alice","uid",100000,165535,65536,"granted"]
["!released","uid",165536,165545,10,"released"]
["5002","gid",200000,200000,1,"granted"]'
expect "--json of nothing" 1 '*' '*' subid --json list root
ok "is JSON" jq -e '.ranges == []' <<<"$out"
expect "standard output full" 3 '' 'subid: standard output: No space left on device' sh -c 'exec subid list >/dev/full'
expect "standard output closed" 3 '' 'subid: standard output: Bad file descriptor' sh -c 'exec subid list >&-'
NO_COLOR=1 script -qec "stty cols 100; subid list alice bob" /dev/null >"$T/terminal" </dev/null
is "a table on a terminal" "$(tr -d '\r' <"$T/terminal")" \
	'OWNER KIND     START    END  COUNT STATE
alice uid+gid 100000 165535 65,536 granted
5002  uid+gid 200000 200000      1 granted'
expect "--help" 0 'usage: subid list *' '' subid list --help
ok "fits a screen" test "$(wc -l <<<"$out")" -le 24 -a "$(wc -L <<<"$out")" -le 80
expect "no such option" 2 '' $'subid: invalid option*\n*--help*' subid list -x
expect "subid --help lists the commands" 0 $'usage: subid *list *grant *revoke *hold *unhold *' '' subid --help

# Names that were never meant: a terminal's commands, quotes, bytes that are no text.
tables $'a b:1000000:1\nq"\\:1000001:1\nm\xc3\xa9:1000002:1\n\xff\xfe:1000003:1'
expect "odd names stay one word" 0 'a\\x20b uid *q"\\x5c uid *m\\xc3\\xa9 uid *\\xff\\xfe uid *' '' subid list
is "six words in each line" "$(awk 'NF != 6' <<<"$out")" ""
expect "--json of odd names" 0 '*' '' subid list --json -u
is "are JSON strings" "$(jq -c '[.ranges[].owner]' <<<"$out")" '["a b","q\"\\","mé","??"]'
printf 'x\e[2J:1:2\n' >>/etc/subuid
expect "a line with an escape sequence is no entry" 0 '*' 'subid: /etc/subuid:5: warning: *' subid list
not_ok "and is not sent to the terminal" grep -q $'\e' <<<"$out$err"
script -qec "stty cols 100; subid list" /dev/null >"$T/terminal" </dev/null
not_ok "nor in the table" grep -q $'\e\\[2J' "$T/terminal"

# Columns, order, pairs.
tables $'bob:100000:10\nalice:200000:65536\nalice:300000:5'
expect "-o" 0 $'200000 alice\n300000 alice\n100000 bob' '' subid list -u -o start,owner --sort owner
expect "--sort by a number" 0 $'300000\n100000\n200000' '' subid list -u -o START --sort count
expect "an unknown column" 2 '' "*unknown column 'size'; one of owner kind start end count state*" subid list -o size
expect "an unknown order" 2 '' "*unknown column 'size'*" subid list --sort size
is "-o with --json" "$(subid --json list -u -o owner,count bob | jq -c .)" '{"ranges":[{"owner":"bob","count":10}]}'
on_terminal() { NO_COLOR=1 script -qec "stty cols 100; LC_ALL=C.UTF-8 $1" /dev/null </dev/null | tr -d '\r'; }
like "a last line with the room, for people" "$(on_terminal 'subid list')" $'OWNER KIND     *\nwindow      uid+gid 100000-600100000: *'
is "--noheadings: neither" "$(on_terminal 'subid list --noheadings')" "bob   uid+gid 100000 100009     10 granted
alice uid+gid 200000 265535 65,536 granted
alice uid+gid 300000 300004      5 granted"
printf 'bob:100000:10\nalice:300000:7\n' >/etc/subgid
is "only what agrees is one row" "$(on_terminal 'subid list --noheadings')" "bob   uid+gid 100000 100009     10 granted
alice uid     200000 265535 65,536 granted
alice uid     300000 300004      5 granted
alice gid     300000 300006      7 granted"
tables "jürgen:100000:10"
is "a name in UTF-8 is shown" "$(on_terminal 'subid list --noheadings')" "jürgen uid+gid 100000 100009 10 granted"
expect "but not to scripts" 0 'j\\xc3\\xbcrgen uid *' '' subid list

# Lone C1 bytes: a terminal in 8 bits takes 0x9b for an escape sequence.
tables $'\x9b31m:1000000:1\nx\x9b31m\x9d0;y\x9c:1000001:1'
c1() { LC_ALL=C tr -cd '\200-\237' | wc -c; }
every() {
	subid list
	subid audit
	subid id 1000000
	for command in list grant revoke "hold" "unhold" "config lxc" "policy explain" ps "audit --rule"; do
		# shellcheck disable=SC2086 # words
		subid $command $'\x9b31m'
	done
	subid $'\x9b31m'
	getsubids $'\x9b31m'
}
is "lone C1 bytes are not sent to a terminal, in lists or complaints" "$(every 2>&1 | c1)" 0
script -qec "stty cols 100; subid list; subid audit; subid id 1000001" /dev/null >"$T/terminal" </dev/null
is "nor in tables" "$(c1 <"$T/terminal")" 0

tables $'alice:100000:65536\nbroken'
expect "a broken line that names no id is passed over" 0 'alice uid *' '' subid list
tables $'alice:100000:65536\nbob:0100000:5'
expect "one that others may read: a warning with its place" 0 'alice uid *' \
	$'subid: /etc/subuid:2: warning: *\nsubid: /etc/subgid:2: warning: *' subid list
expect "-q: no warning" 0 '' '' subid -q list

rm /etc/subuid /etc/subgid
expect "no tables: nothing to list" 0 '' '' subid list
mkdir /etc/subuid
expect "a table that is a directory" 3 '' 'subid: /etc/subuid: *' subid list
rmdir /etc/subuid
ln -s subgid /etc/subuid
expect "a table that is a link: what to do" 3 '' 'subid: /etc/subuid: *symbolic link*replace it*' subid list
rm /etc/subuid
install -m 600 /dev/null /etc/subuid
expect "a table that one may not read" 3 '' 'subid: /etc/subuid: Permission denied*' as bob subid list
rm /etc/subuid

mkdir -p "$T/image/etc"
printf 'zoe:x:1234:1234::/:/bin/sh\n' >"$T/image/etc/passwd"
: >"$T/image/etc/group"
echo 1234:7:7 >"$T/image/etc/subuid"
expect "--root, with its accounts" 0 '1234 uid 7 13 7 granted' '' subid --root "$T/image" list zoe
expect "--root without DIR" 2 '' "subid: option '--root' requires an argument"$'\n*' subid --root

seq -f '%.0f' 0 64999 | awk '{ print "u" $1 ":" 100000 + $1 * 10 ":10" }' >/etc/subuid
expect "65,000 lines" 0 '*' '' timeout 20 subid list
is "all of them" "$(wc -l <<<"$out")" 65000
expect "the last of them" 0 'u64999 uid 749990 749999 10 granted' '' subid list u64999

tables ""
expect "nothing is held" 1 '' 'subid: !released: no ids are held by this name' subid list '!released'
tables $'alice:100000:65536\nbob:100000:65536:extra'
run subid list
like "the warning is of the odd line, not of one with the same ids" "$out" '*/etc/subuid:2: warning*'
run sh -c 'subid --json list >/dev/full'
like "a full disk is not a lack of memory" "$out" '*standard output: No space left on device*'

# a work of lines times names took a minute
mkdir -p "$T/names/etc"
seq -f '%.0f' 0 99999 | awk '{ print "u" $1 ":x:1000:1000::/:/bin/sh" }' >"$T/names/etc/passwd"
seq -f '%.0f' 0 99999 | awk '{ print "u" $1 ":" 100000 + $1 * 10 ":10" }' | tee "$T/names/etc/subuid" >"$T/names/etc/subgid"
run timeout 20 subid --root "$T/names" list u99
is "100,000 names of one uid: all their lines" "$status:$(wc -l <<<"$out"):${out%%$'\n'*}" "0:200000:u99 uid 100990 100999 10 granted"
ok "... in the audit" timeout 20 subid --root "$T/names" audit -q --fail-on never
run timeout 20 subid --root "$T/names" config podman u99
is "... in the lines for podman" "$status:${out##*$'\n'}" "0:--uidmap 0:1:1000000 --gidmap 0:1:1000000"
run timeout 20 subid --root "$T/names" id 100005
is "... and of an id" "$status:$out" "0:uid 100005 u0 - 5 - granted"
seq 0 39 | awk '{ print "u" $1 % 20 ":" ($1 + 1) * 100000 ":5" }' >/etc/subuid
: >/etc/subgid
run subid list u19 u{0..18}
is "many operands: each in the order of its lines" "$(sed -n '1,2p;39,40p' <<<"$out")" "u19 uid 2000000 2000004 5 granted
u19 uid 4000000 4000004 5 granted
u18 uid 1900000 1900004 5 granted
u18 uid 3900000 3900004 5 granted"

# What a terminal may act on: C1 controls in UTF-8, marks that turn the direction.
evil=$'e\u009b31m\u202e\u2066x'
expect "a message has none of it" 1 '' 'subid: e?31m??x: no such account*' subid list "$evil"
for option in $'--x\e[31m' $'--x\u009b31m'; do
	expect "nor one about an option" 2 '' "subid: unrecognized option '--x?*31m'"$'\nsubid: try*' subid list "$option"
done
expect "nor about a letter" 2 '' "subid: invalid option -- '?'"$'\nsubid: try*' subid list $'-\e'
expect "what is ambiguous" 2 '' "subid: ambiguous option '--a'"$'\nsubid: try*' subid grant --a
printf '%s:100000:5\n' "$evil" >/etc/subuid
is "nor has JSON" "$(subid --json list 2>/dev/null | LC_ALL=C tr -d '[:print:]\n' | wc -c)" 0
script -qec "subid list" /dev/null </dev/null >"$T/terminal" 2>&1
not_ok "nor a table" grep -qE $'\u009b|\u202e|\u2066' "$T/terminal"

# --- leases, whoever's ---
tables $'alice:100000:65536\nbob:200000:65536'
mkdir -p /var/lib/subid
printf 'alice/web:100000:1000\nbob/db:200000:10\n!released:300000:5\n' >/var/lib/subid/subuid
printf 'alice/web:100000:1000\n' >/var/lib/subid/subgid
expect "without an owner, the leases of root's store are listed, too" 0 'alice uid 100000 165535 65536 granted
bob uid 200000 265535 65536 granted
alice gid *
bob gid *
alice/web uid 100000 100999 1000 leased
bob/db uid 200000 200009 10 leased
alice/web gid 100000 100999 1000 leased' '' subid list
expect "those of the kind that is asked for" 0 '*bob gid 200000 265535 65536 granted
alice/web gid 100000 100999 1000 leased' '' subid list -g
rm /var/lib/subid/subgid
ln -s nowhere /var/lib/subid/subgid
expect "a store that cannot be read: the tables all the same" 3 'alice uid *bob gid *' 'subid: /var/lib/subid: it, or a file in it, is a symbolic link, which is not followed: leases cannot be read' subid list
rm -r /var/lib/subid
