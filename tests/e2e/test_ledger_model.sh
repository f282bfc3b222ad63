#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154 # ledger_model.sh sets seed
# Random histories of our commands, of useradd, userdel, usermod and of editors, beside a
# plain model of the ledger: who had which ids last, and that none changes hands unsaid.
. "$(dirname "$0")/lib.sh"
plan 2
. "$TESTS/e2e/ledger_model.sh"

ok "a history of commands, accounts and editors" model "$seed" 200
ok "and of files that are set back" model "$seed" 200 --set-back
