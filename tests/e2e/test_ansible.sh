#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# examples/ansible/subid.yml on this machine: ranges for who has none, nothing the second
# time, and what the check mode says.
. "$(dirname "$0")/lib.sh"
plan 12

add_user alice
add_user bob
tables ""
cp examples/ansible/subid.yml "$T"
export ANSIBLE_LOCAL_TMP=$T/ansible ANSIBLE_REMOTE_TMP=$T/ansible ANSIBLE_HOME=$T/ansible ANSIBLE_NOCOLOR=1 HOME=$T
play() { # owners option...
	local owners=$1
	shift
	ansible-playbook -i localhost, -c local -e ansible_become=false -e ansible_python_interpreter=/usr/bin/python3 \
		-e "{\"subid_owners\": [$owners]}" "$@" "$T/subid.yml" 2>&1
}
recap() { # of a run: changed and failed
	sed -n 's/^localhost .*changed=\([0-9]*\).*failed=\([0-9]*\).*/\1 \2/p' <<<"$1"
}
ok "its syntax" play '"alice"' --syntax-check
is "the check mode says that something would change" "$(recap "$(play '"alice"' --check)")" "1 0"
tables_are "and changes nothing" ""
is "alice is granted a range" "$(recap "$(play '"alice"')")" "1 0"
tables_are "in both tables" "alice:100000:65536"
is "the second run changes nothing" "$(recap "$(play '"alice"')")" "0 0"
is "nor would one in the check mode" "$(recap "$(play '"alice"' --check)")" "0 0"
is "bob is added" "$(recap "$(play '"alice", "bob"')")" "1 0"
tables_are "and alice keeps hers" $'alice:100000:65536\nbob:165536:65536'
is "no owners, nothing to do" "$(recap "$(play '')")" "0 0"
is "an owner that has no account fails" "$(recap "$(play '"nosuch"')")" "0 1"
change_tables $'alice:100000:65536\nbob:120000:65536'
is "two users with the same ids: the run fails" "$(recap "$(play '"alice"')")" "0 1"
