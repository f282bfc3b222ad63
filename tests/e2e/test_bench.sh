#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The instructions of each operation at two sizes, and how they grow: a loss of speed is
# a failure.  Time is not looked at; make bench does that, beside shadow's tools.
. "$(dirname "$0")/lib.sh"
plan 14

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
# 8 operations, 2 sizes
is "and all were measured" "$(grep -cE '(1,000|4,000|10,000) +[0-9.]+ .* yes$' <<<"$out")" 18

# What usermod waits for, beside 1,000 processes in 100 namespaces.
run tests/bench/run locks short
printf '# %s\n' "${out//$'\n'/$'\n# '}"
is "what is done under the locks keeps its limits, and is the same on a busy host" "$status:$(grep -c '^broken' <<<"$out")" "0:0"
is "of each command" "$(grep -cE 'locked by .* yes$' <<<"$out")" 6

# Orders and owners that are rare, and that whoever fills an image may choose: the work
# still grows with the lines and accounts, not with their square.
image() { # lines accounts: many lines of alice's, in falling order; many names of one uid
	rm -rf "$T/root"
	mkdir -p "$T/root/etc"
	{
		echo 'alice:x:1000:1000::/:/bin/sh'
		seq -f 'u%.0f:x:2000:2000::/:/bin/sh' "$2"
	} >"$T/root/etc/passwd"
	seq "$1" -1 1 | awk '{ print "alice:" 100000 + $1 * 20 ":10" }' | tee "$T/root/etc/subuid" >"$T/root/etc/subgid"
	touch "$T/root/etc/group" "$T/root/etc/login.defs"
}

# Instructions, in thousands, with those of children.
cost() { # command...
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$T/cost" "$@" >"$T/said" 2>&1 ||
		{ cat "$T/said" >&2; return 1; }
	sed -n 's/.*refs: *//p' "$T/cost" | tr -d , | awk '{ all += $1 } END { printf "%d", all / 1000 }'
}

grows() { # name lines accounts command...: four times as much costs at most five times as much
	local name=$1 lines=$2 accounts=$3 small large
	shift 3
	image "$lines" "$accounts"
	small=$(cost "$BUILD/subid" -q --root "$T/root" "$@")
	image $((4 * lines)) $((4 * accounts))
	large=$(cost "$BUILD/subid" -q --root "$T/root" "$@")
	echo "# $name: $small and $large thousand"
	ok "$name" test "${large:-9999999}" -lt $((5 * ${small:-0}))
}
grows "a grant to who has many lines in falling order" 5000 1 grant --another --count 5 alice
grows "all of them taken back, and held" 1000 1 revoke alice
grows "a grant to all names of one uid" 1 1000 grant --all

# Owners, leases and rules that are many together, on a host and in an image.
site() { # n: users with a range, a group and a lease each; a rule about each
	rm -rf "$T/root"
	mkdir -p "$T/root/etc" "$T/root/var/lib/subid"
	seq "$1" | awk '{ print "u" $1 ":x:" 1000 + $1 ":" 1000 + $1 "::/:/bin/sh" }' >"$T/root/etc/passwd"
	seq "$1" | awk '{ print "u" $1 ":x:" 1000 + $1 ":" }' >"$T/root/etc/group"
	seq "$1" | awk '{ print "u" $1 ":" 100000 + $1 * 20 ":20" }' | tee "$T/root/etc/subuid" >"$T/root/etc/subgid"
	seq "$1" | awk '{ print "u" $1 "/c:" 100000 + $1 * 20 ":10" }' | tee "$T/root/var/lib/subid/subuid" >"$T/root/var/lib/subid/subgid"
	seq -f "give $2 u%.0f" "$1" >"$T/root/etc/subid.conf"
	: >"$T/root/etc/login.defs"
}
grows_by_4() { # name user|group command...: of four times as much, at most 4.4 times
	local name=$1 whom=$2 small large
	shift 2
	site 1000 "$whom"
	small=$(cost "$BUILD/subid" --root "$T/root" "$@")
	site 4000 "$whom"
	large=$(cost "$BUILD/subid" --root "$T/root" "$@")
	echo "# $name: $small and $large thousand"
	ok "$name" test $((10 * ${large:-9999999})) -le $((44 * ${small:-0}))
}
grows_by_4 "an audit with a lease for each owner" user audit --partial --fail-on critical
grows_by_4 "policy check of rules about users" user policy check
grows_by_4 "policy check of rules about groups" group policy check
grows_by_4 "policy explain with rules about groups" group policy explain u7

# Many operands.
no_leases() { : | tee "$T/root/var/lib/subid/subuid" >"$T/root/var/lib/subid/subgid"; }
grows_with_operands() { # name awk-expression command...: four times as many, at most 4.4 times
	local name=$1 what=$2 small large
	shift 2
	site 1000 user && no_leases
	mapfile -t operands < <(seq 1000 | awk "{ print $what }")
	small=$(cost "$BUILD/subid" --root "$T/root" "$@" "${operands[@]}")
	site 4000 user && no_leases
	mapfile -t operands < <(seq 4000 | awk "{ print $what }")
	large=$(cost "$BUILD/subid" --root "$T/root" "$@" "${operands[@]}")
	echo "# $name: $small and $large thousand"
	ok "$name" test $((10 * ${large:-9999999})) -le $((44 * ${small:-0}))
}
# shellcheck disable=SC2016 # for awk
grows_with_operands "id of an id of each owner" '100000 + $1 * 20 + 15' id
# shellcheck disable=SC2016 # for awk
grows_with_operands "id of the gid of each group" '1000 + $1' id -g
