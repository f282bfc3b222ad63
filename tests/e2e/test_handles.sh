#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2086 # words of options
# What a person expects of any command: help, a hint at what was meant, colours, a pager.
. "$(dirname "$0")/lib.sh"
plan 100

add_user alice
tables alice:100000:65536
version=$(subid --version)
is "-V" "$(subid -V)" "$version"
is "-V behind a command" "$(subid list -V)" "$version"
is "-h" "$(subid -h)" "$(subid --help)"
is "help" "$(subid help)" "$(subid --help)"
is "help list" "$(subid help list)" "$(subid list --help)"
expect "help of nothing" 2 '' "*unknown command 'lits': did you mean list?*" subid help lits
expect "help of two" 2 '' "*unexpected operand 'grant'*" subid help list grant
expect "no command" 2 '*  list  *' '*missing COMMAND*' subid
expect "letters exchanged" 2 '' "*'lsit': did you mean list?*" subid lsit
expect "one letter is wrong" 2 '' "*'gramt': did you mean grant?*" subid gramt
expect "the beginning of one" 2 '' "*'doc': did you mean doctor?*" subid doc
expect "a word of others" 2 '' "*'add': did you mean grant?*" subid add
expect "... with an option" 2 '' "*'undo': did you mean grant --restore?*" subid undo alice
expect "like nothing" 2 '' "*unknown command 'frobnicate'
*" subid frobnicate
expect "an option" 2 '' "*'--dryrun': did you mean --dry-run?*" subid grant --dryrun alice
expect "a rule" 2 '' "subid: unknown rule 'overlap-owner': did you mean overlap-owners? 'subid audit --list-rules'*" subid audit --rule overlap-owner
expect "an option like none" 2 '' "*unrecognized option '--frobnicate'
*" subid grant --frobnicate alice
expect "--color" 2 '' "*--color: 'red' is not auto, always or never*" subid --color red list

# --- what a person is shown
terminal() { # command line, as alice on a terminal
	as alice env TERM=xterm ${pager+SUBID_PAGER="$pager"} script -qec "stty rows 60 cols 100; $1" /dev/null </dev/null | tr -d '\r'
}
esc=$'\033'
like "colours on a terminal" "$(terminal 'subid --no-pager doctor')" "*$esc\[32mok *"
like "not with NO_COLOR" "$(terminal 'NO_COLOR=1 subid --no-pager doctor' | grep -c "$esc")" 0
like "nor with --color=never" "$(terminal 'subid --color=never --no-pager doctor' | grep -c "$esc")" 0
is "nor elsewhere" "$(as alice subid doctor | grep -c "$esc")" 0
like "but with --color=always" "$(as alice subid --color=always doctor)" "*$esc\[32mok *"
pager="sed s/^/paged:/"
like "long output goes through a pager" "$(terminal 'subid --color=never doctor')" "paged:warn *paged:alice: 0 FAIL*"
not_ok "not with --no-pager" grep -q paged: <<<"$(terminal 'subid --no-pager doctor')"
not_ok "not elsewhere" grep -q paged: <<<"$(as alice env SUBID_PAGER="$pager" subid doctor)"
pager="head -n 1"
like "a pager that is left early is no failure" "$(terminal 'subid --color=never doctor; echo status $?')" "warn *status 0"
pager="sed s/^/paged:/"
start become alice unshare --user --map-auto --map-root-user sleep infinity
inside=$started_pid
wait_for runs "$inside" sleep
like "ps" "$(terminal 'subid --color=never ps')" "paged:HOST-USER *paged:alice *"
subid -q grant alice -c 10 --another
subid -q revoke alice --range 165536:10
like "the ids that nobody has" "$(terminal 'subid --color=never list --released')" "paged:OWNER*"
mkdir -p "$T/image/etc"
echo 'alice:0:65536' | tee "$T/image/etc/subuid" >"$T/image/etc/subgid"
cp /etc/passwd /etc/group "$T/image/etc"
image="--root $T/image"
like "the audit" "$(terminal "subid --color=never $image audit")" "*paged:*CRITICAL*"
ok "and it is as wide as the terminal" test "$(terminal "stty cols 50; subid --color=never $image audit" | sed -n 's/^paged:\(    [^ ]\)/\1/p' | wc -L)" -le 50
not_ok "not its JSON" grep -q paged: <<<"$(terminal "subid $image audit --json")"
like "the audit in colours" "$(subid --color=always $image audit)" "*$esc\[1;31mCRITICAL*"
is "only then" "$(subid $image audit | grep -c "$esc")" 0
is "nor on a terminal with --color=never" "$(pager='' terminal "subid --color=never $image audit" | grep -c "$esc")" 0
subid --color=always $image audit --partial -o "$T/report" 2>/dev/null
like "a file, too" "$(<"$T/report")" "*$esc\[1;31mCRITICAL*"

# Every table and every report goes the same way: its headings and its states are coloured,
# and a pager has what is long, unless something was changed.
mkdir -p "$T/more/etc" && cp /etc/passwd /etc/group "$T/more/etc"
more="--root $T/more"
subid -q $more grant alice && subid -q $more hold 900000:10
pager="sed s/^/paged:/"
for command in list "list --released" "list alice" status "status alice" "id 900000" "policy explain alice" \
	"grant -n root" "revoke -n alice" "hold -n 800000:10" "unhold -n 900000:10" "rename -n alice root" "audit --fix-plan" "audit --list-rules"; do
	case $command in 'list --released') subid -q $more grant bin -c 10 && subid -q $more revoke bin ;; esac
	paged=$(terminal "subid --color=never $more $command")
	like "$command: paged" "$paged" "*paged:*"
	not_ok "... all of it" grep -qvE '^(paged:|subid: |$)' <<<"$paged"
done
for command in "grant root -c 10" "hold 800000:10" "unhold 800000:10" "revoke root"; do
	not_ok "$command: a change waits for no pager" grep -q paged: <<<"$(terminal "subid --color=never $more $command")"
done
pager="head -n 1"
is "what is said at the end stands behind what is paged" "$(terminal "subid --color=never $more grant -n alice root" | sed 's/ .*//')" "OWNER
subid:"
pager=
unset pager
like "headings and states have colours" "$(terminal "subid --no-pager $more list")" "$esc\[1mOWNER     KIND *STATE$esc\[0m*$esc\[33mreserved$esc\[0m*"
like "elsewhere with --color=always, states" "$(subid --color=always $more list)" "*!reserved uid 900000 900009 10 $esc\[33mreserved$esc\[0m*"
is "else none" "$(subid $more list | grep -c "$esc")" 0
is "no JSON has them" "$(subid --color=always --json $more list | grep -c "$esc")" 0
like "status" "$(terminal "subid --no-pager $more status alice")" "alice       $esc\[32mmay run rootless containers$esc\[0m*"
like "policy explain" "$(terminal "subid --no-pager $more policy explain alice bin")" "alice: $esc\[32mgive$esc\[0m, by default: *"
like "released ranges are one row a pair, with digits in groups" "$(terminal "subid --color=never --no-pager $more list --released")" "*bin *uid+gid *"
is "no share, for people" "$(script -qec "subid share list" /dev/null </dev/null | tr -d "\r")" "subid: no shares"

# --- a configuration for a program
expect "-q config: the lines alone" 0 '--uidmap *' '' as alice subid -q config podman alice
is "no remark" "$(grep -c '^#' <<<"$out")" 0
is "without -q they are the same lines" "$(as alice subid config podman alice | grep -v '^#')" "$out"
expect "of an owner who has none: nothing to start a container with" 1 '' 'subid: *' subid -q config podman nosuch
expect "nor for a lease that is none" 1 '' 'subid: *' as alice subid -q config podman alice/nosuch
begun() { map=$(subid -q config podman "$1" 2>/dev/null) && echo "podman run $map"; }
is "nothing is begun" "$(begun nosuch)" ""
like "and with a map it is" "$(begun alice)" "podman run --uidmap *"
expect "a full disk" 3 '' 'subid: standard output: *' as alice sh -c "subid -q config podman >/dev/full"

# --- an owner who is left out is oneself
is "config" "$(as alice subid -q config lxc)" "$(as alice subid -q config lxc alice)"
is "id --inside" "$(as alice subid id --inside 5)" "$(as alice subid id --inside 5 alice)"
like "doctor" "$(as alice subid doctor)" "*alice: 0 FAIL*"
expect "not in an image" 2 '' '*expected RUNTIME and OWNER*' subid --root "$T/image" config lxc
expect "nor there for id" 2 '' '*missing OWNER*' subid --root "$T/image" id --inside 5
for name in $'5005' 'a/b'; do printf '%s:x:5005:5005::/:/bin/sh\n' "$name" >>/etc/passwd; done
expect "a login name that is a number is one by its uid" 1 '' 'subid: 5005: *' setpriv --reuid 5005 --regid 5005 --clear-groups subid config lxc

is "policy explain" "$(as alice subid policy explain)" "$(as alice subid policy explain alice)"

# --- what waits says for whom, after a second; a line of ours, and the change is made
for answer in "" --json; do
	hold_lock
	holder=$started_pid
	start env subid $answer grant alice --another -c 10 >"$T/out" 2>"$T/said"
	waits=$started_pid
	ok "it waits for a process, and says which $answer" wait_for grep -qx "subid: warning: waiting for process $holder (python3): /etc/.pwd.lock" "$T/said"
	end "$holder"
	wait "$waits"
	is "and then it is done" "$? $(grep -c new "$T/out")" "0 2"
done

# --- --root, relative or absolute
cd "$T" || exit
for form in "$T/image" ./image image image/ image/../image; do
	{
		subid --root "$form" list
		subid --root "$form" grant root -c 10 2>/dev/null
		subid --root "$form" hold 900000:10
		subid --root "$form" status root
		subid --root "$form" id 900000
		subid --root "$form" revoke root 2>/dev/null
		subid --root "$form" unhold 0-4294967294
		subid --root "$form" audit --json 2>&1 | jq .findings
	} >"$T/said.${form//\//_}" 2>&1
	rm -rf "$T/image/var"
done
cd "$TOP" || exit
sed "s!$T/image!DIR!g" "$T/said.${T//\//_}_image" >"$T/wanted"
ok "(they say much)" test "$(wc -l <"$T/wanted")" -gt 20
for form in ._image image image_; do
	is "--root ${form/_//}" "$(sed "s!\($T/\)\?\(\./\)\?image/\?!DIR!g; s!DIRetc!DIR/etc!g" "$T/said.$form")" "$(<"$T/wanted")"
done
