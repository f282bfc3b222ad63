#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Sites that share homes and have no directory: SUB_*_DETERMINISTIC gives the same ranges
# on each host, and "policy explain" tells beforehand what a host would give, and which
# host differs.
. "$(dirname "$0")/lib.sh"
plan 14

hosts=(one two three)
for host in "${hosts[@]}"; do
	mkdir -p "$T/$host/etc"
	printf '%s\n' root:x:0:0::/root:/bin/sh sys:x:500:500::/:/bin/sh alice:x:1000:1000::/:/bin/sh bob:x:1007:1007::/:/bin/sh >"$T/$host/etc/passwd"
	printf '%s\n' root:x:0: alice:x:1000: >"$T/$host/etc/group"
	printf '%s\n' 'SUB_UID_DETERMINISTIC yes' 'SUB_GID_DETERMINISTIC yes' >"$T/$host/etc/login.defs"
	: >"$T/$host/etc/subuid"
	: >"$T/$host/etc/subgid"
done
on() { local host=$1; shift; subid --root "$T/$host" "$@"; }

wanted=$'bob: give, by default: *\n  uid 558752-624287 65536 new\n  gid 558752-624287 65536 new'
for host in "${hosts[@]}"; do expect "$host would give: 100000 + 7 * 65536" 0 "$wanted" '' on "$host" policy explain bob; done
on two grant -q alice
expect "which others' ranges do not move" 0 "$wanted" '' on two policy explain bob
for host in "${hosts[@]}"; do on "$host" grant -q bob; done
is "and each has given it" "$(cat "$T"/{one,two,three}/etc/subuid | grep -c '^bob:558752:65536$')" 3
expect "which explain shows" 0 $'bob: give, by default: *\n  uid 558752-624287 65536 kept\n*' '' on one policy explain bob

# a host on which somebody else sits there, one whose window is another, one with a former range
echo carl:100000:65536 >"$T/one/etc/subuid"
expect "an occupied place: nothing is given, and it is said why" 1 'alice: give, by default: *' '*alice: uid 100000-165535: taken by*carl*' on one policy explain alice
is "nor anything else" "$(on one grant alice 2>&1 | grep -c new)$(grep -c alice "$T/one/etc/subuid")" 00
echo 'SUB_UID_MIN 200000' >>"$T/three/etc/login.defs"
expect "another SUB_UID_MIN gives another range" 0 $'alice: give, by default: *\n  uid 200000-*' '*' on three policy explain alice
expect "and a kept one that is not the computed one is told of" 0 '*kept*' '*warning: bob: SUB_UID_DETERMINISTIC gives uids 658752-724287 on each host, and this one has other ids*' \
	on three policy explain bob
expect "an account below UID_MIN has no place" 1 '*' '*' on two grant sys
is "of each user's numbers" "$(on two list -u alice | awk '{ print $3 }')" 100000
echo 'give user bob window 3000000-3999999' >"$T/two/etc/subid.conf"
expect "a window of subid.conf turns it off" 0 '*bob: give: *kept*' '' on two policy explain bob
rm "$T/two/etc/subid.conf"
expect "in JSON, too" 0 '*"start": 558752,*' '' on two --json policy explain bob
