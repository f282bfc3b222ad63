#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Many clients at a real slapd at once (directory_crowd.sh): no id is given twice, and what
# is left can be reclaimed.  A sample; with FULL set (make directory) as much as the table
# in CONTRIBUTING.md says.
# alone
. "$(dirname "$0")/lib.sh"
. tests/e2e/ldap.sh
. tests/e2e/directory_crowd.sh
plan "$CROWD_CHECKS"

ldap_begin ""
if [ -n "${FULL-}" ]; then
	crowd 16 200 200 2000 200
else
	echo "# a sample:"
	crowd 16 10 15 60 32
fi
