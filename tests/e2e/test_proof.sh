#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The contracts in the sources are proven; and what breaks them is found.
. "$(dirname "$0")/lib.sh"
plan 7

ok "every contract of range and allocate is proven" tests/proof/run "$TOP"

# A copy of the library with one thing changed, of which the proof must not be made.
broken() { # name file old new function
	local copy=$T/broken
	rm -rf "$copy"
	mkdir "$copy"
	cp -r libsubid "$copy"
	sed -i "s|$3|$4|" "$copy/$2"
	not_ok "$1: changed" cmp "$2" "$copy/$2"
	run env PROOF_TIMEOUT=3 tests/proof/run "$copy" "$5"
	like "$1: the proof of $5 fails" "$status $out" "1   $5 *there should be*"
}

broken "an end of 32 bits" libsubid/range.h 'return (uint64_t)r.start' 'return r.start' \
	id_range_end
broken "a gap that just fits is left out" libsubid/allocate.c \
	'ranges\[at\].start < \*start' 'ranges[at].start <= *start' move_up
broken "one id behind the window" libsubid/allocate.c \
	'if (start + want\[kind\].count >' 'if (start + want[kind].count - 1 >' subid_find_gap
