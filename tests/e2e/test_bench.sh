#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The instructions of each operation at two sizes, and how they grow: a loss of speed is
# a failure.  Time is not looked at; make bench does that, beside shadow's tools.
. "$(dirname "$0")/lib.sh"
plan 3

case $BUILD in
*asan* | *coverage*)
	skip "$planned" "instructions are counted in a plain build"
	exit
	;;
esac
ok "the benchmark's programs" "${MAKE:-make}" -s BUILD="$BUILD" bench-programs
run tests/bench/run short
printf '# %s\n' "${out//$'\n'/$'\n# '}"
is "each operation keeps its limits" "$status:$(grep -c '^broken' <<<"$out")" "0:0"
# 6 operations, 2 sizes
is "and all were measured" "$(grep -cE '(1,000|10,000) +[0-9.]+ .* yes$' <<<"$out")" 12
