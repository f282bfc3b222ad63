#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each system call of each command that writes, of a login, of the helpers and of what
# lists, is made to fail, to fail from there on, to be cut short, to be held up beside
# another command, and to be the one at which the process is killed (strace(1)).  After
# each: every file is whole, the old one or the new; the status and the message are
# true; and the same command, run again, ends what was begun, and leaves no litter.
# tests/faults/sweep.py does it, and scenarios.py says of what.  A sample of the points
# here; all of them with FULL=1 (make faults).
# With SCENARIO just that one.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pam.sh"
mapfile -t scenarios < <(sed -n 's/^    lambda: [A-Za-z]*("\([^"]*\)".*/\1/p' tests/faults/scenarios.py)
[ -z "${SCENARIO-}" ] || scenarios=("$SCENARIO")
plan $((${#scenarios[@]} + 2))

add_user alice -u 5001
add_user bob -u 5002
mount -t tmpfs -o mode=755 state /var/lib
mkdir -m 755 /var/lib/subid
for ((i = 0; i < 30; i++)); do
	useradd -M -N -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 "bulk$i" && echo "bulk$i" >>"$T/bulk"
done
sed -i '/^passwd:/s/.*/passwd: files/; /^group:/s/.*/group: files/' /etc/nsswitch.conf
# what is installed under a sanitizer traces itself, and must come first when preloaded
export T ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0
ok "calls can be cut short" gcc -shared -fPIC -D_GNU_SOURCE -O1 -o "$T/short.so" tests/faults/short.c
is "there are scenarios" "$((${#scenarios[@]} > 10 || 0${SCENARIO:+1}))" 1

for scenario in "${scenarios[@]}"; do
	forget_log
	run /usr/bin/python3 -B tests/faults/sweep.py ${FULL:+--full} "$scenario"
	result "$status" "$scenario"
	tail -n 60 <<<"$out" | sed 's/^/# /'
done
