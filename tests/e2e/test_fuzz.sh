#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each fuzzer, briefly; `make fuzz`, `make fuzz-msan` and `make afl` run them for longer.
# long
. "$(dirname "$0")/lib.sh"
sources=(tests/fuzz/fuzz_*.c)
plan $((2 * ${#sources[@]} + 8))

# Finds nothing, and has tried.
fuzz() { # directory fuzzer runs
	local said
	said=$(tests/fuzz/run "build/$1/$2" "tests/fuzz/seeds/$2" 300 "-runs=$3" -seed=1 2>&1) &&
		[[ $said =~ \ ([0-9]+)\ runs ]] && [ "${BASH_REMATCH[1]}" -ge "$3" ] && return
	echo "$said" | tail -n 60
	return 1
}

if ! echo 'int main(void) { return 0; }' |
	clang -fsanitize=fuzzer-no-link,address -x c -o "$T/probe" - 2>/dev/null; then
	skip "$planned" "clang and its sanitizers are not here"
	exit
fi
ok "the fuzzers build" "${MAKE:-make}" -s -j2 fuzzers
for source in "${sources[@]}"; do
	name=${source##*/} name=${name%.c}
	# each input of these is a whole audit, a whole /proc
	case $name in fuzz_audit | fuzz_live) runs=500 ;; *) runs=5000 ;; esac
	ok "$name finds nothing" fuzz fuzz "$name" "$runs"
done

# What is read before it is written: the seeds, and little more, since it is slow.
ok "the fuzzers build with MemorySanitizer" "${MAKE:-make}" -s -j2 msan_fuzzers
for source in "${sources[@]}"; do
	name=${source##*/} name=${name%.c}
	ok "$name reads nothing that was not written" fuzz fuzz-msan "$name" 100
done
cat >"$T/unset.c" <<-'END'
	#include <stdint.h>
	#include <stdlib.h>
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
	{
		unsigned char *more = malloc(size + 1);
		int r = data != NULL && more[size] == 7 ? abort(), 1 : 0;
		free(more);
		return r;
	}
END
clang -O1 -fsanitize=fuzzer,memory -o "$T/unset" "$T/unset.c"
not_ok "(which would be found)" tests/fuzz/run "$T/unset" tests/fuzz/seeds/fuzz_line 1

# The helpers as whole programs.
ok "they build for AFL++" "${MAKE:-make}" -s -j2 afl_fuzzer
whole() { # seeds
	local said
	said=$(tests/fuzz/afl build/afl/afl_newidmap "$1" 10 -s 1 2>&1) && [[ $said == *"nothing found" ]] && return
	echo "$said" | tail -n 60
	return 1
}
ok "newuidmap and newgidmap give no map that is not the caller's" whole tests/fuzz/seeds/afl_newidmap
# a map of ids that the harness does not know as hers
sed 's/#define FIRST_RANGE 100000/#define FIRST_RANGE 150000/' tests/fuzz/afl_newidmap.c >"$T/afl_wrong.c"
mapfile -t helper < <(find tools/newidmap -name '*.c' ! -name 'new[ug]idmap.c')
AFL_QUIET=1 afl-clang-fast -O1 -D_GNU_SOURCE -DSUBID_VERSION='"0"' -DSUBID_SYSCONFDIR='"/etc"' -I. -Itests/fuzz -o "$T/wrong" \
	"$T/afl_wrong.c" "${helper[@]}" build/afl/libsubid-ng.a -fsanitize=address,undefined 2>/dev/null
ok "(two that are wrong build)" test -x "$T/unset" -a -x "$T/wrong"
not_ok "(which would be found, too)" tests/fuzz/afl "$T/wrong" tests/fuzz/seeds/afl_newidmap 5

# a "fuzzer" that crashes, so that the ones above could have failed
printf '#!/bin/sh\necho "stat::number_of_executed_units: 9"\nexit 77\n' >"$T/crash"
chmod +x "$T/crash"
not_ok "a crash is a failure" tests/fuzz/run "$T/crash" tests/fuzz/seeds/fuzz_line 1
