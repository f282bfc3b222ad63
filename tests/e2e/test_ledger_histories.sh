#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154 # ledger_model.sh sets seed
# long
# test_ledger_model.sh for longer: twenty histories of each sort.
. "$(dirname "$0")/lib.sh"
plan 40
. "$TESTS/e2e/ledger_model.sh"

for ((n = 0; n < 20; n++)); do
	ok "history $n" model $((seed + n)) 500
	ok "history $n, with files that are set back" model $((seed + n)) 500 --set-back
done
