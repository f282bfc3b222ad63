#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid audit held against a second, plain implementation of the rules, which was
# written from the catalogue: the same findings at the same lines, and nothing else.
. "$(dirname "$0")/lib.sh"
plan 6

seed=${SUBID_SEED:-$(date +%s)}
echo "# seed $seed; to run it again: SUBID_SEED=$seed"
model() { python3 "$TESTS/e2e/audit_model.py" "$@" "$T/image"; }
mkdir "$T/image"

ok "tables of a few lines" model "$seed" 200 6
ok "of a dozen" model "$seed" 150 12
ok "of many odd ones" model "$seed" 60 80
ok "few defects among 10,000 lines" model "$seed" large 10000
ok "few defects among 100,000 lines" model "$seed" large 100000

# A program that leaves out its first finding is found out.
mkdir "$T/bin"
printf '#!/bin/sh\n%q "$@" | jq ".findings |= .[1:]"\n' "$PRE/bin/subid" >"$T/bin/subid"
chmod +x "$T/bin/subid"
PATH=$T/bin:$PATH
not_ok "a finding that is left out is missed" model 1 20 12
