#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The marks of a good house (CONTRIBUTING.md): no figure is over, and the measuring can
# tell if one is.
. "$(dirname "$0")/lib.sh"

run flock "$BUILD/install.lock" "${MAKE:-make}" -s BUILD="$BUILD" measure
mapfile -t marks < <(sed -nE 's/^(.{48}) +[0-9]+ +[0-9]+  .*/\1/p' <<<"$out" | sed 's/ *$//')
plan $((2 + ${#marks[@]} + 1))
is "thirteen marks are measured" "${#marks[@]}" 13
is "no figure is over" "$status: $(grep '  over$' <<<"$out")" "0: "

# A copy in which everything is wrong, measured by the same command.
command=$("${MAKE:-make}" -n BUILD="$BUILD" measure | sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}' | grep 'tests/measure\.sh')
mkdir -p "$T/copy/$BUILD"
cp -r libsubid tools pam nss examples "$T/copy"
cp -r "$BUILD/libsubid" "$BUILD/tools" "$BUILD/pam" "$BUILD/nss" "$T/copy/$BUILD"
mkdir "$T/copy/tests"
cp tests/measure.sh tests/includes.sh "$T/copy/tests"
cd "$T/copy" || exit 1
many() { # TEXT: so often that it is too much, with % for a number
	local i
	for i in {1..120}; do printf '%s\n' "${1//%/$i}"; done
}
for i in {1..120}; do
	: >"libsubid/extra$i.h"
	: >"tools/extra$i.h"
done
many $'\tsubid_extra%;' >>libsubid/libsubid-ng.map
# newuidmap reads all of these, and the product has so many lines more
many '#include "libsubid/extra%.h"' >>libsubid/core/core.h
many '' >libsubid/extra1.h
for i in {1..400}; do cat libsubid/extra1.h; done >libsubid/extra2.h
# functions that are long, branch and jump, in two files that call each other
{
	echo '#include "libsubid/audit/audit.h"'
	for i in {1..2000}; do
		echo "int long$i(int x)"
		echo "{"
		for line in {1..30}; do echo "	if (x == $line) goto out;"; done
		printf 'out:\n	return x;\n}\n'
	done
} >libsubid/core/wrong.c
echo 'int here(void); int there(void); int here(void) { return there(); }' | gcc -xc -c -o "$BUILD/libsubid/core/wrong.o" -
echo 'int here(void); int there(void); int there(void) { return here(); }' | gcc -xc -c -o "$BUILD/libsubid/core/other.o" -
: >libsubid/core/other.c
module=
for i in {1..20}; do
	: >"pam/extra$i.c"
	gcc -xc -c -o "$BUILD/pam/extra$i.o" /dev/null
	module+="pam/extra$i.c "
done
command=${command//LIB_HEADERS=\'/LIB_HEADERS=\'another.h }
command=${command//PRODUCT_SRC=\'/PRODUCT_SRC=\'libsubid/core/wrong.c libsubid/core/other.c }
command=${command//MODULE_SRC=\'/MODULE_SRC=\'$module}
run bash -c "$command"
is "where everything is wrong it fails" "$status" 1
for mark in "${marks[@]}"; do
	like "over: $mark" "$(grep -F "$mark " <<<"$out")" '*  over'
done
