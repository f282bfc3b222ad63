#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Another release of Debian, made anew: there it builds without a warning, the unit tests
# pass, the demo of README runs, and real clients map ids by our helpers.  RELEASES has
# more than one.  With FULL set, what is run is README's own two commands, in a root that
# has make alone, and then clang builds it, too.
# long
. "$(dirname "$0")/lib.sh"
read -ra suites <<<"${RELEASES:-trixie}"
plan $((${#suites[@]} * (${FULL:+-2} + 6)))

# Its own files alone: the tests below are those of the commit.
in_root() { tests/root.sh enter "$T/$suite" sh -c "cd /src && export WERROR=-Werror && $1"; }

# What a run of tests said last: nothing failed, and there were enough of them.
passed() { # name least command
	local said numbers
	said=$(in_root "$3" 2>&1)
	numbers=$(tail -n 1 <<<"$said")
	[[ $numbers =~ ^([0-9]+)\ passed,\ 0\ failed,\ [0-9]+\ skipped$ ]] && [ "${BASH_REMATCH[1]}" -ge "$2" ]
	result $? "$suite: $1" || tail -n 60 <<<"$said" | sed 's/^/#   /'
	echo "# $suite: $1: $numbers"
}

part() {
	ok "$suite: the packages that it needs" in_root "tests/deps.sh build clients"
	ok "$suite: gcc has no warning" in_root "make -s -j2 all unit-tests"
	passed "unit tests" 500 "tests/run --unit"
	ok "$suite: the demo" in_root "BUILD=build MAKE=make tests/demo.sh"
	passed "real clients" 150 "tests/run test_clients test_lease_clients test_compat"
}
whole() {
	ok "$suite: make demo, which gcc builds without a warning" in_root "make demo"
	passed "make check" 3000 "make check"
	ok "$suite: nor has clang a warning" in_root "make -s -j2 CC=clang BUILD=build/clang all unit-tests"
}

for suite in "${suites[@]}"; do
	ok "$suite: a root" tests/root.sh make "$suite" "$T/$suite" make,ca-certificates
	mkdir -p "$T/$suite/src"
	git archive HEAD | tar -C "$T/$suite/src" -x
	if [ -n "${FULL-}" ]; then whole; else part; fi
	rm -rf "${T:?}/$suite"
done
