#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/run itself, with tests made for the purpose: what it runs, when, and what it counts.
# And .ci/run, which sums up.
. "$(dirname "$0")/lib.sh"
plan 32

tree=$T/tree
mkdir -p "$tree/tests/e2e" "$tree/build/unit/core" "$T/marks"
cp tests/run "$tree/tests/run"
script() { # name line...
	local file=$tree/tests/e2e/test_$1.sh
	shift
	printf '%s\n' "$@" >"$file"
}
runner() { # argument...
	run env -u CI -u FULL -u TALLY -u JOBS BUILD=build "$tree/tests/run" "$@"
	last=$(tail -n 1 <<<"$out")
}
ran() { # the names of the tests that it lists, in order
	sed -n 's/^  test_\([a-z0-9_]*\) *[0-9]* passed.*/\1/p' <<<"$out" | sort | tr '\n' ' '
}

# Each waits until the other runs, too.
meet="for i in {1..200}; do [ ! -e $T/marks/%s ] || break; read -rt 0.05 <> <(:); done"
# shellcheck disable=SC2059 # the format is ours
for pair in "a b" "b a"; do
	script "${pair% *}" "touch $T/marks/${pair% *}" "$(printf "$meet" "${pair#* }")" \
		"[ -e $T/marks/${pair#* } ] && echo ok 1 - met" "rm -f $T/marks/at-work" 'echo 1..1'
done
# what a neighbour leaves while it works is not there when one runs alone
script c "touch $T/marks/c-at-work" 'read -rt 0.3 <> <(:)' "rm $T/marks/c-at-work" 'echo ok 1 - done' 'echo 1..1'
script alone "# alone" "! ls $T/marks/*-at-work 2>/dev/null && echo ok 1 - nobody else" 'echo 1..1'
script signals 'grep -q "^SigIgn:.*[0-9a-f]*[014589cd]$" /proc/self/status && echo ok 1 - not ignored' 'echo 1..1'
script minutes "# long" 'echo ok 1 - long' 'echo 1..1'
script its_own '[ $$ = 1 ] && echo ok 1 - a pid namespace' 'echo 1..1'
script machine "# needs: the machine's pid namespace" '[ $$ != 1 ] && echo ok 1 - none' 'echo 1..1'
# shellcheck disable=SC2016 # for the script
printf '#!/bin/sh\necho ok 1 - $CMOCKA_MESSAGE_OUTPUT\necho ok 2 - more\necho 1..2\n' >"$tree/build/unit/core/test_unit"
chmod +x "$tree/build/unit/core/test_unit"
# one that is left of an older build
cp "$tree/build/unit/core/test_unit" "$tree/build/unit/core/test_gone"
mkdir -p "$tree/tests/unit/core"
touch "$tree/tests/unit/core/test_unit.c"

runner
is "all pass: the summary is the last line" "$status $last" "0 9 passed, 0 failed, 0 skipped"
is "and all ran but the long one" "$(ran)" "a alone b c its_own machine signals unit "
runner --more
is "--more: that one alone" "$status $last|$(ran)" "0 1 passed, 0 failed, 0 skipped|minutes "
runner --unit
is "--unit: the unit tests" "$status $last|$(ran)" "0 2 passed, 0 failed, 0 skipped|unit "
runner uni sig
is "those with a word in their names" "$status|$(ran)" "0|signals unit "
runner test_c minut
is "one by its whole name, and a long one that is named" "$status|$(ran)" "0|c minutes "
runner nothing
is "none is a failure" "$status $last" "1 0 passed, 0 failed, 0 skipped"
JOBS=1
export JOBS
run env -u CI -u FULL -u TALLY BUILD=build "$tree/tests/run" signals test_c its_own
is "JOBS=1 does as well" "$status $(tail -n 1 <<<"$out")" "0 3 passed, 0 failed, 0 skipped"
unset JOBS
rm "$tree"/tests/e2e/test_{a,b,c,alone}.sh

# What fails, or cannot run.
script says_no 'echo not ok 1 - no' 'echo "#   why"' 'echo ok 2 - yes' 'echo 1..2' 'exit 1'
script breaks_off 'echo ok 1 - yes' 'echo 1..3'
script says_nothing 'exit 0'
script status 'echo ok 1 - yes' 'echo 1..1' 'exit 3'
script skips 'echo "ok 1 - x # SKIP none here"' 'echo "ok 2 - y # SKIP kernel: cannot"' 'echo 1..2'
runner test_says_no
is "a check that failed" "$status $last" "1 1 passed, 1 failed, 0 skipped"
like "its log is shown" "$out" "*FAILED: build/logs/test_says_no.log*not ok 1 - no*"
is "and what failed is the last before the summary" "$(tail -n 3 <<<"$out" | head -n 2)" \
	$'failed: test_says_no: not ok 1 - no\nfailed: test_says_no: #   why'
runner breaks_off
is "fewer checks than planned" "$status $last" "1 1 passed, 1 failed, 0 skipped"
runner says_nothing
is "no check at all" "$status $last" "1 0 passed, 1 failed, 0 skipped"
runner test_status
is "a status that is not 0" "$status $last" "1 1 passed, 1 failed, 0 skipped"
runner skips
is "skips alone are not a success" "$status $last" "1 0 passed, 0 failed, 2 skipped"
like "and are listed" "$out" "*left out:*test_skips: ok 1 - x # SKIP none here*test_skips: ok 2 - y*"
run env -u TALLY CI=1 BUILD=build "$tree/tests/run" skips signals
is "with CI, only what the kernel lacks may be skipped" "$(tail -n 2 <<<"$out")" \
	$'failed: test_skips: ok 1 - x # SKIP none here\n1 passed, 1 failed, 1 skipped'
runner
is "they do not stop the others" "$status $last" "1 8 passed, 4 failed, 2 skipped"
run env -u CI TALLY="$T/tally" BUILD=build "$tree/tests/run" test_says_no
run env -u CI TALLY="$T/tally" BUILD=build "$tree/tests/run" skips signals
is "TALLY: what failed and the numbers go to a file" "$(<"$T/tally")" \
	$'! test_says_no: not ok 1 - no\n! test_says_no: #   why\n1 1 0\n1 0 2'
not_ok "instead of the line" grep -q 'failed,' <<<"$out"

# A limit of a second instead of many minutes.
mkdir "$T/bin"
# shellcheck disable=SC2016 # for the script
printf '#!/bin/sh\necho "$3" >%s\nshift 3\nexec /usr/bin/timeout --foreground --kill-after=1 1 "$@"\n' "$T/limit" >"$T/bin/timeout"
chmod +x "$T/bin/timeout"
script hangs 'trap "" TERM' 'echo ok 1 - yes' 'echo 1..1' 'while :; do read -rt 60 <> <(:); done'
PATH=$T/bin:$PATH runner hangs
is "a test that hangs is ended, and has failed" "$status $last" "1 1 passed, 1 failed, 0 skipped"
is "after a quarter of an hour" "$(<"$T/limit")" 900
run env -u CI -u TALLY FULL=1 PATH="$T/bin:$PATH" BUILD=build "$tree/tests/run" signals
is "or, with FULL, two" "$(<"$T/limit")" 7200

# More than ten.
for i in {1..10}; do script "quick$i" 'echo ok 1 - yes' 'echo 1..1'; done
script slower 'read -rt 1.2 <> <(:)' 'echo ok 1 - yes' 'echo 1..1'
runner quick slower
is "the ten slowest" "$(sed -n '/^slowest/,$p' <<<"$out" | wc -l) $(sed -n '/^slowest/{n;p}' <<<"$out" | tr -s ' ' | cut -d. -f1)" \
	"12  test_slower 1"

# Ended early, it leaves nothing behind.
script sleeps "echo \$\$ >/dev/null" "touch $T/marks/sleeps" 'sleep 1000'
start env -u CI -u FULL -u TALLY BUILD=build "$tree/tests/run" sleeps >/dev/null
wait_for test -e "$T/marks/sleeps"
kill -TERM "$started_pid"
wait "$started_pid" 2>/dev/null
ok "ended early, it ends its tests" wait_for sh -c '! pgrep -x sleep'

# What CI runs: a make that only counts.
mkdir "$tree/.ci"
cp .ci/run "$tree/.ci/run"
# shellcheck disable=SC2016 # for the script
printf '%s\n' '#!/bin/sh' 'echo "making $1"' 'case $1 in check) [ "${no:-0}" = 0 ] || echo "! test_x: not ok 3 - y" >>"$TALLY"; echo "7 ${no:-0} 1" >>"$TALLY" ;; check-more) echo "5 0 2" >>"$TALLY" ;; esac' \
	'[ "$1" != "${fails-}" ]' >"$T/bin/make"
chmod +x "$T/bin/make"
ci() { # VARIABLE=value...
	run env PATH="$T/bin:$PATH" "$@" "$tree/.ci/run"
}
ci no=0
is "CI: the demo and both sets, and one line for all" "$status $out" "0 making demo
making check
making check-more
12 passed, 0 failed, 3 skipped"
ci no=2 fails=check
is "CI: what fails does not end it" "$status $out" "1 making demo
making check
making check-more
failed: test_x: not ok 3 - y
12 passed, 2 failed, 3 skipped"
ci fails=demo
is "CI: a demo that fails is one failure" "$status $(tail -n 2 <<<"$out")" $'1 failed: make demo\n12 passed, 1 failed, 3 skipped'
ci fails=check-more
is "CI: as is what no test has counted" "$status $(tail -n 1 <<<"$out")" "1 12 passed, 1 failed, 3 skipped"

# --- what must not go unseen -----------------------------------------------------------

# shellcheck disable=SC2016 # for the script
script gone 'rm "$(readlink /proc/$$/fd/1)"' 'echo ok 1 - nobody reads this' 'echo 1..1'
runner test_gone
is "a log that is gone is a failure" "$status $last" "1 0 passed, 1 failed, 0 skipped"
for host in none "$(readlink /proc/self/ns/mnt)"; do
	run env HOST_MOUNTS="$host" bash -c '. tests/e2e/lib.sh; echo spoils'
	is "no script spoils the machine's own /etc: $host" "$status $out" "1 bash: is run by tests/run, in namespaces of its own"
done
