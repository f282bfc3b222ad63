#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a person expects of any command: help, a hint at what was meant, colours, a pager.
. "$(dirname "$0")/lib.sh"
plan 24

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
expect "like nothing" 2 '' "*unknown command 'frobnicate'
*" subid frobnicate
expect "an option" 2 '' "*'--dryrun': did you mean --dry-run?*" subid grant --dryrun alice
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
