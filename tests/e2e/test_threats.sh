#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The table of threats in SECURITY.md: each line is shown by checks that exist.
. "$(dirname "$0")/lib.sh"
plan 9

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
	directory_crowd) echo "tests/e2e/$1.sh" ;; # test_directory_crowd runs it
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

# The sentences in italics, each the beginning of a paragraph in a list, as lines of a table.
rules() { # file
	awk '/^(- |[0-9]+[.] )[*]/ { n++; text = "" ; open = 1 }
		/^$/ || /^#/ { open = 0 }
		open { text = text " " $0 }
		open && match($0, /Shown by .*$/) { said = substr($0, RSTART); gsub(/[.]$/, "", said); print "| " n " | a | b | " said " |"; open = 0; shown[n] = 1 }
		END { for (i = 1; i <= n; i++) if (!shown[i]) print "| " i " | a | b | none |" }' "$1"
}
rules SECURITY.md >"$T/rules.md"
ok "each rule of SECURITY.md names what shows it" test "$(grep -cE '^(- |[0-9]+[.] )[*]' SECURITY.md)" -ge 32
is "and that exists" "$(missing "$T/rules.md")" ""
# shellcheck disable=SC2016
printf '%s\n' '- *No one.*' '' '- *Two* of it.' '  Shown by `helpers: no such check`.' >"$T/bad.md"
rules "$T/bad.md" >"$T/rules.md"
is "(one that names none, or one that does not exist, would be found)" "$(missing "$T/rules.md" | sort)" "1 none
2 helpers: no such check"
