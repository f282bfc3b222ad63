#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The table of threats in SECURITY.md: each line is shown by checks that exist.
. "$(dirname "$0")/lib.sh"
plan 6

# "NUMBER TEST: CHECK" of each check that a table names; a line that names none has "none".
named_checks() { # file
	awk -F ' [|] ' '/^[|] [0-9]+ [|]/ {
		sub(/^[|] /, "", $1)
		n = split($4, checks, "`")
		if (n < 3)
			print $1, "none"
		for (i = 2; i <= n; i += 2)
			print $1, checks[i]
	}' "$1"
}

file_of() { # test
	case $1 in
	unit/*) echo tests/unit/*/"test_${1#unit/}.c" ;;
	attack | threats) echo "tests/e2e/test_helpers_$1.sh" ;;
	*) echo "tests/e2e/test_$1.sh" ;;
	esac
}

# Those of them that no test makes.
makes='(ok|not_ok|is|like|expect|unmoved|sweep|both|ours|cmocka_unit_test\(.*\),|host_test\(.*\),)'
missing() { # file
	local number check name
	named_checks "$1" | while read -r number check; do
		name=${check#*: }
		# the name of a check is its first argument
		grep -sF -e " \"$name\"" -e " \"\$mode: $name\"" -e "($name)" "$(file_of "${check%%: *}")" |
			grep -qE "^\s*(\[.*\] \|\| |\*\) )?$makes( |$)" || echo "$number $check"
	done
}

count=$(grep -cE '^\| [0-9]+ \|' SECURITY.md)
ok "SECURITY.md has a table of threats" test "$count" -ge 25
is "its lines are numbered" "$(grep -oE '^\| [0-9]+ \|' SECURITY.md | tr -d '| ' | paste -sd ' ')" "$(seq -s ' ' "$count")"
ok "each has a check" test "$(named_checks SECURITY.md | cut -d ' ' -f 1 | uniq | wc -l)" = "$count"
is "each check exists" "$(missing SECURITY.md)" ""
# shellcheck disable=SC2016 # backquotes of markdown
printf '%s\n' '| 1 | a | b | `threats: no such check`<br>`nosuch: a pidfd`<br>`helpers: a pidfd` |' '| 2 | a | b | |' >"$T/bad.md"
is "(one that does not would be found)" "$(missing "$T/bad.md")" "1 threats: no such check
1 nosuch: a pidfd
2 none"
# shellcheck disable=SC2016
is "what stands against them exists" "$(awk -F ' [|] ' '/^[|] [0-9]+ [|]/ { print $3 }' SECURITY.md |
	grep -oE '`[a-z_]+\(\)`' | tr -d '`()' | sort -u | while read -r function; do
	grep -qE "\b$function\(" tools/newidmap/*.c tools/subid/login*.c pam/*.c libsubid/core/log.c libsubid/live/uses.c || echo "$function"
done)" ""
