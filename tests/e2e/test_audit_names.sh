#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The audit and a name service that lists nobody, folds case, is slow, or does not answer.
. "$(dirname "$0")/lib.sh"
plan 17

add_user alice -u 7100
ok "(a directory that lists nobody)" gcc -shared -fPIC -o "$T/libnss_quiet.so.2" tests/e2e/nss_quiet.c
sed -i '/^passwd:/s/.*/passwd: files quiet/' /etc/nsswitch.conf
printf '%s\n' 'CORP\jdoe:138000:138000' 'CORP\asmith:138001:138001' >/etc/quiet
echo 'reserve 138000-139000 "the domain"' >/etc/subid.conf
slow() { truncate -s "$1" /etc/quiet.slow; } # milliseconds for each answer
subid() { LD_LIBRARY_PATH=$T command subid "$@"; }
audit() { subid --json audit --fail-on never "$@"; }
of_rule() { jq -r --arg rule "$1" '.findings[] | ., .also[]? | select(.rule == $rule) | "\(.kind) \(.line) \(.owner)"' <<<"$out"; }

# --- who folds case ---

tables $'CORP\\jdoe:500000000:65536\ncorp\\ASMITH:600000:65536\nalice:100000:65536\n7100:300000:65536'
run audit
is "an owner in other letters is found by the service alone" "$(of_rule folded-owner)" $'uid 2 corp\\ASMITH\ngid 2 corp\\ASMITH'
like "what to write" "$(jq -r '[.findings[] | select(.rule == "folded-owner").advice[]][0]' <<<"$out")" "sed -i 's/^corp*ASMITH:/CORP*asmith:/' /etc/subuid"
jq -r '.findings[] | select(.rule == "folded-owner").advice[]' <<<"$out" >"$T/typed"
ok "is typed" sh -e "$T/typed"
is "and is the account's then, for every reader" "$(LD_LIBRARY_PATH=$T getsubids 'CORP\asmith')" '0: CORP\asmith 600000 65536'
run audit
is "of which nothing is said any more" "$(of_rule folded-owner)$(of_rule unknown-owner)" ""
is "the report is whole" "$(jq .summary.partial <<<"$out")" false

# --- who is slow ---

# 60,000 owners who are not known, 100 ms each: more than an hour and a half
tables "$(seq -f 'x%.0f:7:1' 60000 | awk -F: '{ printf "%s:%d:1\n", $1, 600000 + NR }')"
slow 100
began=$SECONDS
LD_LIBRARY_PATH=$T script -qec "timeout 120 subid audit --no-live --fail-on never --rule unknown-owner" "$T/typescript" </dev/null >/dev/null
took=$((SECONDS - began))
ok "a slow service is asked for its time, not for each of 60,000 owners ($took s)" test "$took" -lt 60
is "the report says that it is not whole, and how it would be" "$(tr -s ' \r\n' ' ' <"$T/typescript" |
	grep -c 'partial: .*the name service could not tell, or not in time, who [0-9]* owners are.*--thorough')" 1
like "and on the terminal how far it is" "$(<"$T/typescript")" '*asking the name service: * of 60000 owners*'
is "nobody is said to be unknown for want of an answer" "$(tr -s ' \r\n' ' ' <"$T/typescript" | grep -oE 'no account x[0-9]{5}' | wc -l)" 0

# who runs something is asked about in the same time
tables alice:100000:65536
slow 2000
for uid in $(seq 600001 600030); do
	start setpriv --reuid "$uid" --regid "$uid" --clear-groups sleep 1000
done
wait_for runs "$started_pid" sleep
began=$SECONDS
run audit
took=$((SECONDS - began))
ok "30 users of processes, 2 s each ($took s)" test "$took" -lt 50
for pid in "${started[@]}"; do end "$pid"; done
slow 0

# --- who does not answer ---

tables $'alice:100000:65536\nghost:300000:65536'
: >/etc/quiet.down
run audit
is "no answer: nobody is said to be unknown" "$(of_rule unknown-owner)" ""
is "and the report is partial" "$(jq .summary.partial <<<"$out")" true
expect "with the status that says so" 3 '*partial: *name service could not tell*' '*partial*' subid audit
is "no plan takes anything back" "$(subid audit --fix-plan --fail-on never 2>/dev/null | grep -c '^subid')" 0
rm /etc/quiet.down
run audit
is "with an answer it is known" "$(of_rule unknown-owner)" $'uid 2 ghost\ngid 2 ghost'
