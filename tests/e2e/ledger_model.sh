# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # seed
# For the tests that run ledger_model.py: a small window, and each history on a host of
# its own, which SUBID_SEED chooses; another one is another history.
seed=${SUBID_SEED:-1}
printf '%s\n' "$(grep -v '^SUB_' /etc/login.defs)" 'SUB_UID_MIN 100000' 'SUB_UID_MAX 100099' 'SUB_UID_COUNT 10' \
	'SUB_GID_MIN 100000' 'SUB_GID_MAX 100099' 'SUB_GID_COUNT 10' >"$T/login.defs"
cp "$T/login.defs" /etc/login.defs
mkdir "$T/accounts"
cp /etc/passwd /etc/shadow /etc/group /etc/gshadow "$T/accounts"

model() { # SEED STEPS [options]
	cp "$T/accounts/"* /etc
	rm -rf /etc/subuid* /etc/subgid* /var/lib/subid/*
	: | tee /etc/subuid >/etc/subgid
	python3 "$TESTS/e2e/ledger_model.py" "$@"
}
