#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Prints subid-audit(7) with the rules as the program has them, between the two
# marks: tests/man_rules.sh SUBID PAGE.  `make man-rules` writes it.
set -eu
subid=$1 page=$2

rules() {
	# a new sentence begins a new line; a backslash would be an escape of roff, and so
	# would a quote at the beginning of a line that fold cuts; where fmt cuts a line
	# depends on its version
	"$subid" --json audit --list-rules | jq -r '.rules[] |
		".It Sy \(.rule) Pq \(.level)", "\(.summary).", .why, "Remedy:", .remedy' |
		sed -e 's/\\/\\e/g' -e 's/\. \([A-Z]\)/.\n\1/g' | fold -s -w 80 | sed -e 's/ *$//' -e "s/^'/\\\&'/"
}

sed '/^\.\\" rules begin/q' "$page"
rules
sed -n '/^\.\\" rules end/,$p' "$page"
