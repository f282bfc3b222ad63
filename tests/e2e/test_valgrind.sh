#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The programs under valgrind's memcheck: no bad read, no use of what was never
# set, nothing lost, also on the ways out that fail.
. "$(dirname "$0")/lib.sh"
plan 28

case $(nm -D --undefined-only "$BUILD/subid" 2>/dev/null) in
*__asan_* | *__ubsan_*)
	skip "$planned" "sanitizers and valgrind do not go together"
	exit
	;;
esac

# A finding is status 99.  What glibc keeps of the modules that it loads is still
# reachable at the end, and none.
memcheck=(valgrind --quiet --error-exitcode=99 --leak-check=full
	"--errors-for-leak-kinds=definite,indirect,possible")

# Ends as it should, without a finding.
check() { # status command...
	local wanted=$1 status=0
	shift
	"${memcheck[@]}" --log-file="$T/valgrind.log" "$@" >"$T/said" 2>&1 </dev/null || status=$?
	[ "$status" = "$wanted" ] && return
	echo "status $status, wanted $wanted"
	cat "$T/said" "$T/valgrind.log"
	return 1
}

root=$T/root subid=$BUILD/subid
mkdir -p "$root/etc"
printf '%s\n' 'root:x:0:0::/root:/bin/sh' 'alice:x:1000:1000::/:/bin/sh' \
	'bob:x:1001:1001::/:/bin/sh' 'carol:x:1002:1002::/:/bin/sh' >"$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'alice:x:1000:' 'people:x:100:alice,bob' >"$root/etc/group"
printf '# odd lines\nx:0100000:9\n\nx:5:5:extra\nbob:300000:65536' >"$root/etc/subuid"
cp "$root/etc/subuid" "$root/etc/subgid"

check_root() { check "$1" "$subid" --root "$root" "${@:2}"; }
ok "list" check_root 0 list
ok "list as JSON" check_root 0 --json list
ok "list of an owner who has none" check_root 1 list carol
ok "grant, dry run" check_root 0 grant --dry-run alice
ok "grant" check_root 0 grant alice
ok "grant again" check_root 0 grant alice
ok "grant another" check_root 0 grant --another --count 10 alice
ok "grant as JSON" check_root 0 --json grant --another --count 10 alice
ok "grant of what somebody has" check_root 1 grant --range 300000:10 alice
ok "grant to nobody" check_root 1 grant nobody-knows
ok "grant to a group" check_root 0 grant --group people --another --count 3
ok "grant to all" check_root 0 grant --all
ok "revoke of a part" check_root 0 revoke bob --range 300100:100
ok "revoke" check_root 0 revoke alice
ok "revoke of what is not there" check_root 1 revoke alice --range 9:9
ok "hold" check_root 0 hold 900000:10
ok "hold of what somebody has" check_root 1 hold 300000:10
ok "unhold" check_root 0 unhold 900000:10
ok "a wrong command line" check_root 2 grant --count x alice
ok "a table that cannot be had" check 3 "$subid" --root "$T/none" list
printf 'SUB_UID_MIN x\n' >"$root/etc/login.defs"
ok "a policy that cannot be meant" check_root 3 grant alice

add_user dora
printf 'dora:100000:65536\n%s:165536:1\n' "$(id -u dora)" >/etc/subuid
new_target dora
ok "getsubids" check 0 "$BUILD/getsubids" dora
ok "getsubids of a uid" check 0 "$BUILD/getsubids" "$(id -u dora)"
ok "getsubids of nobody" check 1 "$BUILD/getsubids" nobody-knows
ok "newuidmap without words" check 1 "$BUILD/newuidmap"
ok "newuidmap with a wrong map" check 1 "$BUILD/newuidmap" "$target" 0 1 2 3 4
ok "newuidmap of another's process" check 1 "$BUILD/newuidmap" "$target" 0 100000 10
refused() { # in a process of dora's own
	local status=0
	as dora "${memcheck[@]}" "$T/newuidmap" "$target" 0 300000 10 || status=$?
	[ "$status" = 1 ]
}
cp "$BUILD/newuidmap" "$T"
run refused
like "newuidmap of what one does not hold" "$status $out" \
	"0 *uid range [[]0-10) -> [[]300000-300010) not allowed*"
