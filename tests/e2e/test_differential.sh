#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Random tables and requests: newuidmap, newgidmap, getsubids and subid list beside
# Debian's, and beside a model of them (tests/faults/differential.py).  With FULL=1
# many more (make differential).
. "$(dirname "$0")/lib.sh"
plan 2

sed -i '/^\(alice\|al\|bob\|carol\|5003\|5004\):/d' /etc/passwd /etc/group
for account in alice:5001 al:5001 bob:5002 carol:5003 5003:5004; do
	echo "${account%:*}:x:${account#*:}:${account#*:}::/nonexistent:/bin/sh" >>/etc/passwd
done
printf '%s:x:%s:\n' alice 5001 al 5001 bob 6002 carol 5003 5003 5004 >>/etc/group
sed -i '/^passwd:/s/.*/passwd: files/; /^group:/s/.*/group: files/' /etc/nsswitch.conf
export T
cases=$([ -z "${FULL-}" ] && echo 600 || echo 20000)
ok "shadow's helpers are there, and are others" bash -c "! cmp -s /usr/bin/newuidmap $PRE/bin/newuidmap &&
	test -u /usr/bin/newuidmap && test -u /usr/bin/newgidmap && test -x /usr/bin/getsubids"
run /usr/bin/python3 -B tests/faults/differential.py "$cases" "${SEED:-1}"
result "$status" "the same answer, or a rule that says why not"
while IFS= read -r line; do echo "# $line"; done <<<"$out"
