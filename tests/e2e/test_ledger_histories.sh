#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154 # ledger_model.sh sets seed
# long
# test_ledger_model.sh for longer: twenty histories of each sort, and each byte that may be wrong.
. "$(dirname "$0")/lib.sh"
plan 41
. "$TESTS/e2e/ledger_model.sh"

for ((n = 0; n < 20; n++)); do
	ok "history $n" model $((seed + n)) 500
	ok "history $n, with files that are set back" model $((seed + n)) 500 --set-back
done
ok "a ledger that is cut off, and changed, at each byte" python3 "$TESTS/e2e/ledger_damage.py" "$T/damage" 1
