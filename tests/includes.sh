#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Checks that each file includes only what the list allows: tests/includes.sh FILE...,
# with the list in $INCLUDES.  Its lines:
#
#     FOLDER: NAME...        files below it may include these headers of the library: a
#                            folder's (libsubid/NAME/NAME.h; core has more than one), or
#                            the one file NAME.h
#     FILE -> HEADER  WHY    an exception; one that is not needed (any more) is an error
#
# Every file may include the headers of its own folder of libsubid/ or tools/, and of
# the parts of it below and above; libsubid/*/private.h is for its own folder alone.
set -eu
awk '
	function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
	function wrong(what) { printf "%s:%d: %s\n", FILENAME, FNR, what > "/dev/stderr"; failed = 1 }

	BEGIN {
		n = split(ENVIRON["INCLUDES"], lines, "\n")
		for (i = 1; i <= n; i++) {
			if (split(lines[i], words, " ") == 0)
				continue
			if (words[2] == "->") {
				exception[words[1] " " words[3]] = 1
				continue
			}
			sub(/:$/, "", words[1])
			for (k = 2; k in words; k++)
				allowed[words[1] " " words[k]] = 1
			listed[words[1]] = 1
		}
	}

	FNR == 1 {
		for (owner = folder(FILENAME); !(owner in listed) && owner ~ /\//; )
			owner = folder(owner)
		if (!(owner in listed))
			wrong("its folder is not in the list")
	}

	/^#include "/ {
		header = $2
		gsub(/"/, "", header)
		if (index(header, owner "/") == 1 || header !~ /\//)
			next
		name = header
		sub(/^libsubid\//, "", name)
		# a folder has one header for others, core a few
		if (name ~ /^core\//)
			name = "core"
		else if (name ~ /^[^\/]*\/[^\/]*\.h$/ && folder(header) "/" folder(name) ".h" == header)
			name = folder(name)
		if ((owner " " name) in allowed)
			next
		if ((FILENAME " " header) in exception)
			used[FILENAME " " header] = 1
		else
			wrong("may not include " header)
	}

	END {
		for (key in exception)
			if (!(key in used)) {
				printf "not needed: %s\n", key > "/dev/stderr"
				failed = 1
			}
		exit failed
	}' "$@"
