#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What people read agrees with what the programs do: --help, man pages, README,
# completion.
# shellcheck disable=SC2001
. "$(dirname "$0")/lib.sh"

commands=$(subid --help | sed -nE 's/^  ([a-z]+) .*/\1/p')
programs="subid newuidmap newgidmap getsubids"
read -ra every <<<"$(tr '\n' ' ' <<<"$commands")"
plan $((8 + 1 + 12 * ${#every[@]} + 2 + 4 * 4 + 8 + 2 + 3 + 4 + 4 + 29 + 7 + ${#every[@]}))

is "these are the commands" "${every[*]}" "list grant revoke rename hold unhold status doctor ps id config share shift sync policy audit"

# The options in a --help, as "-c, --count N" or "-g", sorted.
help_options() { # program [command]
	"$@" --help | sed -nE 's/^ +((-[a-z], )?--?[a-z-]+( [A-Z]+)?)( .*|$)/\1/p' | sort
}

# The same of a part of a man page's source, from a line to the next heading.
man_options() { # page first-line-of-part
	awk -v from="$2" '$0 == from { on = 1; next } /^\.S[hs]/ { on = 0 } on' "man/$1" |
		sed -nE '/^\.It Fl/ { s/^\.It //; s/ ,/,/; s/Fl -/--/; s/Fl ([a-zA-Z])/-\1/; s/Ar //; p }' | sort
}

# What the options of all commands are.
common=$(man_options subid.1 ".Ss Common options")
is "subid(1) has the common options" "$(grep -oE -- "--[a-z-]+" <<<"$common" | sort | paste -sd " ")" \
	"$(subid complete -- - | grep -oE -- '^--[a-z-]+' | sort | { cat; echo --directory; } | sort | paste -sd ' ')"
is "subid --help shows each common option, with its letter and its argument" \
	"$(sed 's/, /,/' <<<"$common" | while read -r option; do grep -qE -- " $option( |\$)" <<<" $(subid --help | tr '\n' ' ') " || echo "$option"; done)" ""

fits() { # program [command]
	local lines columns
	lines=$("$@" --help | wc -l) columns=$("$@" --help | wc -L)
	echo "$lines lines, $columns columns"
	[ "$lines" -le 24 ] && [ "$columns" -le 80 ]
}

has_examples() { # page number
	local n
	n=$(awk '/^\.Sh / { on = $2 == "EXAMPLES" } on && /^\.Bd -literal/' "man/$1" | wc -l)
	echo "$n" && [ "$n" -ge "$2" ]
}

for command in "${every[@]}"; do
	run subid "$command" --help
	is "subid $command --help: done" "$status" 0
	ok "subid $command --help fits a screen" fits subid "$command"
	page=subid-$command.1
	is "$page and --help have the same options" "$(man_options "$page" ".Sh DESCRIPTION")" \
		"$(help_options subid "$command")"
	like "and names the common ones" "$(subid "$command" --help)" "*
  and --root DIR --json -q --color WHEN --no-pager -h -V
*"
	is "subid help $command is the same" "$(subid help "$command")" "$(subid "$command" -h)"
	is "it ends with two examples" "$(subid "$command" --help | tail -n 2 | grep -cE "^    (sudo )?subid $command ?")" 2
	like "--help names the page" "$(subid "$command" --help)" "*See subid-$command(1)*"
	like "$page has the command in its synopsis" "$(cat "man/$page")" "*.Sh SYNOPSIS
.Nm subid $command
*"
	run mandoc -Tlint -Wwarning "man/$page"
	is "$page is clean" "$status $out" "0 "
	ok "$page has three examples" has_examples "$page" 3
	like "subid(1) names it" "$(cat man/subid.1)" "*
.It Xr subid-$command 1
*"
	run subid "$command" --version
	is "subid $command --version" "$out" "$(subid --version)"
done

version=$(sed -n 's/^VERSION = //p' Makefile)
for program in $programs; do
	ok "$program --help fits a screen" fits "$program"
	run "$program" --version
	case $program in
	subid) is "$program --version" "$status $out" "0 subid $version" ;;
	*) is "$program --version" "$status $out" "0 $program (subid) $version" ;;
	esac
	run mandoc -Tlint -Wwarning "man/$program.1"
	is "$program(1) is clean" "$status $out" "0 "
	if [ "$program" = subid ]; then
		like "subid(1) is installed, with the version" "$(mandoc -Tutf8 "$PRE/share/man/man1/subid.1" | sed -n '1p; $p')" \
			"SUBID(1) *(subid $version)*
subid $version *subid $version"
	else
		is "$program(1) and --help have the same options" \
			"$(man_options "$program.1" ".Sh DESCRIPTION")" "$(help_options "$program")"
	fi
done
is "subid-audit(7) has the rules as they are (or: make man-rules)" \
	"$(tests/man_rules.sh "$PRE/bin/subid" man/subid-audit.7 | diff man/subid-audit.7 - | head -n 20)" ""
for page in subid-errors.7 subid-ng.3 subid.7 subid-audit.7 subid.conf.5 pam_subid.8 subid-ldap.8 subid-compat.8 libnss_subid.8; do
	run mandoc -Tlint -Wwarning "man/$page"
	is "$page is clean" "$status $out" "0 "
done

# Each check of doctor.
every_check=$(sed -nE 's/^\t\{ "([a-z-]+)", .*/\1/p' tools/subid/doctor/catalogue.c)
ok "doctor has checks" grep -qx no-range <<<"$every_check"
is "subid-doctor(1) has each" "$(while read -r check; do
	grep -qE "^\.It Sy (.* )?$check( |$)" man/subid-doctor.1 || echo "$check"
done <<<"$every_check")" ""

# Who searches for a runtime's own words finds a page.
for words in 'insufficient UIDs or GIDs' 'no subuid ranges found' 'newuidmap failed' 'no mapping'; do
	ok "apropos: $words" grep -qi -- "$words" <<<"$(sed -n '/^\.Nd/p' man/*.[1-8])"
done
for words in 'potentially insufficient UIDs or GIDs available' 'Could not access /home' 'cannot set up namespace using'; do
	ok "a page has: $words" grep -qF -- "$words" man/subid-errors.7
done

# Pages refer to pages that are there: ours, or those of the packages around us.
dangling() {
	local page section
	sed -nE 's/^\.Xr ([^ ]+) ([0-9]).*/\1 \2/p' man/*.[1578] | sort -u | while read -r page section; do
		[ -e "man/$page.$section" ] || man -w "$section" "$page" >/dev/null 2>&1 ||
			grep -qx "$page" <<<"prctl
less
atd
authselect
cron
getpwent
runuser
su
pam
pam_systemd
setgroups
user_namespaces
find
newgrp
chattr
chown
sshd_config
unshare
login.defs
nsswitch.conf
subuid
subgid
useradd
usermod
userdel
auditd
ausearch" || echo "$page($section)"
	done
}
is "no page refers to one that is not there" "$(dangling)" ""

# Exit status, messages: each that a page names is in the programs.
is "subid(1) has each exit status" \
	"$(awk '/^\.Sh EXIT STATUS/ { on = 1; next } /^\.Sh/ { on = 0 } on && /^\.It/ { print $2 }' man/subid.1 | tr '\n' ' ')" \
	"0 1 2 3 "
sed -nE 's/.*(NUMBER|FLAG)\("([A-Z_]+)".*/\2/p' libsubid/policy/login_defs.c | grep -v SUB_GID_ >"$T/all_keys"
while read -r key; do
	grep -qE "^\.It .*\b$key\b" man/subid.7 || echo "$key"
done <"$T/all_keys" >"$T/keys"
ok "login.defs has such keys" grep -qx SUB_UID_COUNT "$T/all_keys"
is "subid(7) has each key of login.defs" "$(cat "$T/keys")" ""

# The examples of the pages, as they come out.
mkdir -p "$T/fresh/etc"
cp /etc/passwd /etc/group "$T/fresh/etc"
echo alice:x:1001:1001::/:/bin/sh >>"$T/fresh/etc/passwd"
page=$(cat man/subid*.1)
holds() { case $1 in *"$2"*) ;; *) echo "it does not say: $2" && return 1 ;; esac }
has_example() { # command...; that is in the page with its output
	run "$@"
	# of an image it names the image, too
	ok "pages: what '${*:4}' says" holds "$page" "${out//subid --root $T\/fresh grant/subid grant}"
}
has_example subid --root "$T/fresh" --json grant alice
rm -r "$T"/fresh/etc/sub[ug]id "$T/fresh/var"
has_example subid --root "$T/fresh" grant alice
has_example subid --root "$T/fresh" revoke alice --range 132768:32768
has_example subid --root "$T/fresh" hold 524288-589823

# README, CONTRIBUTING and SECURITY
targets=$("${MAKE:-make}" -s help | awk '{ print $1 }')
run bash -c "grep -ohE '(sudo |\`)make [a-z-]+' README.md CONTRIBUTING.md SECURITY.md | sed 's/.* //' | sort -u"
like "README names check and demo" "$out" "*check*demo*"
is "each make target in README exists" "$(grep -vxF -e "$targets" <<<"$out" | tr '\n' ' ')" ""
# shellcheck disable=SC2016 # backquotes of markdown
missing=$(grep -oE '`(libsubid|tools|tests|man|examples|\.ci)/[a-zA-Z0-9_./-]*`' README.md CONTRIBUTING.md SECURITY.md |
	sed 's/.*:`//; s/`//g' | grep -v NAME | sort -u | while read -r path; do [ -e "$path" ] || echo "$path"; done)
is "each file in README exists" "$missing" ""

# Completion: what the function offers for a command line, its last word to be
# completed.
# shellcheck disable=SC2016 # for the other shell
offers() { # word...
	env -i PATH="$PATH" HOME=/root bash --norc -c '
		. /usr/share/bash-completion/bash_completion
		. "$0"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
		_subid
		printf "%s\n" "${COMPREPLY[@]}" | sort | paste -sd " "' \
		"$PRE/share/bash-completion/completions/subid" subid "$@"
}

add_user alice
add_user bob
# shellcheck disable=SC2016 # a name as an attacker has it
printf '%s\n' alice:100000:65536 '!released:165536:10' containers:300000:10 -rf:500000:10 --force-unknown:600000:10 '$(touch${IFS}/etc/bad):400000:10' \
	>/etc/subuid
cp /etc/subuid /etc/subgid
is "completion is installed as subid" "$(cat "$PRE/share/bash-completion/completions/subid")" \
	"$(cat share/completions/subid.bash)"
ok "completion is registered" env -i PATH="$PATH" bash --norc -c \
	". /usr/share/bash-completion/bash_completion; . '$PRE/share/bash-completion/completions/subid'; complete -p subid"
is "commands" "$(offers '')" "$(sort <<<"$commands" | paste -sd ' ')"
is "a command that is begun" "$(offers un)" "unhold"
is "a command behind options" "$(offers --root "$T" --json rev)" "revoke"
for command in "${every[@]}"; do
	is "each option of $command" "$(offers "$command" -)" \
		"$({ help_options subid "$command"; grep -v -- --directory <<<"$common"; } | grep -oE -- '--?[a-zA-Z][a-z-]*' | sort | paste -sd ' ')"
done
is "grant: people and owners" "$(offers grant '' | grep -oE '\b(alice|bob|containers|daemon)\b' | paste -sd ' ')" \
	"alice bob containers"
is "revoke: who has something" "$(offers revoke '')" "alice containers"
is "revoke: no owner called as an option is" "$(offers revoke --reu)" "--reuse"
is "grant: nor there" "$(offers grant '' | grep -oE -- '--?(rf|force-unknown)\b')" ""
is "list: owners" "$(offers list con)" "containers"
is "unhold: what is held" "$(offers unhold '')" "165536-165545"
is "revoke --range: what is granted" "$(offers revoke --range 1)" "100000-165535"
is "config: a runtime" "$(offers config l)" "lxc lxd"
is "ps: owners" "$(offers ps con)" "containers"
is "id --inside: owners" "$(offers id --inside 5 al)" "alice"
is "config: then who" "$(offers config lxc '')" "alice containers"
is "policy: what it can do" "$(offers policy '')" "check explain"
is "policy explain: people" "$(offers policy explain ali)" "alice"
is "grant --group: groups" "$(offers grant --group ali)" "alice"
is "shift --to: who has something, and the host" "$(offers shift --to '')" "alice containers host"
is "shift --from: nothing else" "$(offers shift --from h)" "host"
is "shift --owner: owners" "$(offers shift --owner al)" "alice"
is "audit --rule: rules" "$(offers audit --rule overlap-o)" "overlap-owners"
is "audit --explain: each rule" "$(offers audit --explain '')" "$(subid audit --list-rules | awk '{ print $1 }' | sort | paste -sd ' ')"
is "audit --format" "$(offers audit --format '')" "html json prometheus text"
is "audit --fail-on" "$(offers audit --fail-on '')" "critical error info never warning"
mkdir -p "$T/image/etc"
echo image:1:1 >"$T/image/etc/subuid"
echo carol:x:1005:1005::/:/bin/sh >"$T/image/etc/passwd"
is "owners of an image" "$(offers --root "$T/image" grant '')" "carol image"
ok "no name in a table is executed" test ! -e /etc/bad

# An image whose files are whatever somebody made them: nothing waits, or leaves it.
strange() { # name, command that makes the file, whose path follows
	local name=$1 file=$T/image/etc/passwd began=$SECONDS
	shift
	rm -rf "$file"
	"$@" "$file"
	is "completion, passwd is $name" "$(offers --root "$T/image" grant '') $((SECONDS - began < 10))" "image 1"
}
strange "a fifo" mkfifo
strange "a link out" ln -s /etc/passwd
strange "a link out, by .." ln -s ../../../../../../../../../../etc/passwd
strange "a directory" mkdir
strange "1 GB of nothing" truncate -s 1G
device() { mknod -m 666 "$1" c 1 5; }
strange "a device that has no end" device
rm -f "$T/image/etc/passwd" "$T/image/etc/subuid"
mkfifo "$T/image/etc/subuid" "$T/image/etc/subgid"
is "tables that are fifos" "$(offers --root "$T/image" revoke '')" ""
