#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Another release of Debian, made anew: there it builds without a warning, the unit tests
# pass, the demo of README runs, and real clients map ids by our helpers.  RELEASES has
# more than one; with FULL set, clang builds it, too, and more of the tests run.
# long
. "$(dirname "$0")/lib.sh"
read -ra suites <<<"${RELEASES:-trixie}"
scripts="test_clients test_lease_clients test_compat"
[ -z "${FULL-}" ] || scripts+=" test_helpers test_grant test_pam_caller test_config"
plan $((${#suites[@]} * (${FULL:+1} + 6)))

# Its own files alone: the tests below are those of the commit.
in_root() { tests/root.sh enter "$T/$suite" sh -c "cd /src && $1"; }

# What a run of tests said last: nothing failed, and there were enough of them.
passed() { # name least command
	local said numbers
	said=$(in_root "$3" 2>&1)
	numbers=$(tail -n 1 <<<"$said")
	# shellcheck disable=SC2001 # a number in the midst
	[[ $numbers =~ ^([0-9]+)\ passed,\ 0\ failed,\ [0-9]+\ skipped$ ]] && [ "${BASH_REMATCH[1]}" -ge "$2" ]
	result $? "$suite: $1" || tail -n 60 <<<"$said" | sed 's/^/#   /'
	echo "# $suite: $1: $numbers"
}

for suite in "${suites[@]}"; do
	ok "$suite: a root" tests/root.sh make "$suite" "$T/$suite" make,ca-certificates
	mkdir -p "$T/$suite/src"
	git archive HEAD | tar -C "$T/$suite/src" -x
	ok "$suite: the packages that it needs" in_root "tests/deps.sh build clients ${FULL:+test}"
	ok "$suite: gcc has no warning" in_root "make -s -j2 WERROR=-Werror all unit-tests"
	[ -z "${FULL-}" ] || ok "$suite: nor has clang" in_root "make -s -j2 CC=clang BUILD=build/clang WERROR=-Werror all"
	passed "unit tests" 500 "tests/run --unit"
	ok "$suite: the demo" in_root "BUILD=build MAKE=make tests/demo.sh"
	passed "real clients" 150 "tests/run $scripts"
	rm -rf "${T:?}/$suite"
done
