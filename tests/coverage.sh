#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs the tests, or those named, with a build that counts, and prints the coverage
# of lines and branches.  Fails below the limits.  `make coverage` calls it, and says how to build.
#
# A process that is killed while it adds its counts to those of others loses them
# all, and many tests kill: so each test counts for itself, and the sums are made
# afterwards.  Counting writes files and takes time, which a few tests see: whether
# the tests pass is for `make check` to say, not for this.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:?make coverage says how to build}
sum=$BUILD-sum one=$BUILD-one
names=("$@")
if [ ${#names[@]} = 0 ]; then
	names=(--unit)
	# those of check-more repeat others, or run nothing that counts
	for script in tests/e2e/test_*.sh; do
		grep -qx '# long' "$script" || names+=("$(basename "$script" .sh)")
	done
fi

counts() { find "$BUILD" -name '*.gcda' "$@"; }

# Files for the counts, which any user may write: what root has counted first would
# else be closed to the helpers, which are other users when they end.
make_room() {
	local notes
	while read -r notes; do
		: >"${notes%.gcno}.gcda"
		chmod a+rw "${notes%.gcno}.gcda"
	done < <(find "$BUILD" -name '*.gcno')
}

rm -rf "$sum"
for name in "${names[@]}"; do
	counts -delete
	make_room
	tests/run "$name" | grep -v '^    |'
	counts -size 0 -delete
	rm -rf "$one"
	mkdir "$one"
	(cd "$BUILD" && find . -name "*.gcda" -exec cp --parents -t "$OLDPWD/$one" {} +)
	if [ -z "$(ls "$one")" ]; then
		echo "coverage: $name counted nothing" >&2
	elif [ ! -d "$sum" ]; then
		mv "$one" "$sum"
	elif gcov-tool merge "$sum" "$one" -o "$sum.new" >/dev/null 2>"$sum.log"; then
		rm -rf "$sum"
		mv "$sum.new" "$sum"
	else
		echo "coverage: the counts of $name are lost:" >&2
		cat "$sum.log" >&2
	fi
done
counts -delete
cp -a "$sum/." "$BUILD"

# what is measured | lines | branches, in percent at least
status=0
while read -r filters lines branches; do
	options=()
	for filter in ${filters//,/ }; do options+=(--filter "$filter"); done
	echo "$filters"
	gcovr --root . --object-directory "$BUILD" "${options[@]}" --exclude-unreachable-branches \
		--exclude-throw-branches --print-summary --txt "$BUILD/lines.txt" \
		--fail-under-line "$lines" --fail-under-branch "$branches" || status=1
	cat "$BUILD/lines.txt"
done <<-end
	libsubid/ 95 85
	tools/new[ug]idmap,tools/newidmap 95 85
	pam/ 95 85
	tools/ 0 0
end
exit "$status"
