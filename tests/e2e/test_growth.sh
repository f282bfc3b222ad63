#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# long
# alone
# Every command at a site with names that share a prefix, gids unlike uids, a group and a
# lease for each owner, rules about each: four times as many owners cost at most 4.4 times
# the instructions.  `tests/bench/run growth` does the same with 64,000.
. "$(dirname "$0")/lib.sh"
plan 3

case $BUILD in
*asan* | *coverage*)
	skip "$planned" "instructions are counted in a plain build"
	exit
	;;
esac
ok "the benchmark's programs" "${MAKE:-make}" -s BUILD="$BUILD" bench-programs
run tests/bench/run growth short
printf '# %s\n' "${out//$'\n'/$'\n# '}"
is "nothing grows by more than its owners" "$status:$(grep -c '^broken' <<<"$out")" "0:0"
is "and all was measured" "$(grep -cE ' [0-9.]+ +[0-9.]+ +[0-9]+\.[0-9]+$' <<<"$out")" \
	"$(grep -c '^    Row(' tests/bench/growth.py)"
