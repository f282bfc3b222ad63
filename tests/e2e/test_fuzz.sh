#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each fuzzer, briefly and always the same way; `make fuzz` runs them for longer.
. "$(dirname "$0")/lib.sh"
sources=(tests/fuzz/fuzz_*.c)
plan $((${#sources[@]} + 2))

# Finds nothing, and has tried.
fuzz() { # fuzzer
	local said
	said=$(tests/fuzz/run "build/fuzz/$1" "tests/fuzz/seeds/$1" 60 -runs=5000 -seed=1 2>&1) &&
		[[ $said =~ \ ([0-9]+)\ runs ]] && [ "${BASH_REMATCH[1]}" -ge 5000 ] && return
	echo "$said" | tail -n 60
	return 1
}

if ! echo 'int main(void) { return 0; }' |
	clang -fsanitize=fuzzer-no-link,address -x c -o "$T/probe" - 2>/dev/null; then
	skip "$planned" "clang and its sanitizers are not here"
	exit
fi
ok "the fuzzers build" "${MAKE:-make}" -s fuzzers
for source in "${sources[@]}"; do
	name=${source##*/} name=${name%.c}
	ok "$name finds nothing" fuzz "$name"
done

# a "fuzzer" that crashes, so that the ones above could have failed
printf '#!/bin/sh\necho "stat::number_of_executed_units: 9"\nexit 77\n' >"$T/crash"
chmod +x "$T/crash"
not_ok "a crash is a failure" tests/fuzz/run "$T/crash" tests/fuzz/seeds/fuzz_line 1
