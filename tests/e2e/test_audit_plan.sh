#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The plan of subid audit on hosts that are in use, with what runs, leases, containers and
# a history: audit_plan_live.py says what must hold.  SUBID_SEED takes other hosts, and
# FULL a thousand of them.
. "$(dirname "$0")/lib.sh"
plan 10

for dir in lxc lxd; do
	mkdir -p /var/lib/$dir
	mountpoint -q /var/lib/$dir || mount -t tmpfs -o mode=755 subid-test /var/lib/$dir
done
mkdir "$T/stub" "$T/hosts"
ln -s /bin/true "$T/stub/augenrules"
live() { PATH=$T/stub:$PATH python3 "$TESTS/e2e/audit_plan_live.py" "$@" "$T/hosts"; }

seed=${SUBID_SEED:-1}
echo "# seed $seed; SUBID_SEED takes another"
ok "plans of random hosts, carried out" live "$seed" "${FULL:+10}20" 6
ok "and of such with more in them" live "${seed}1" "${FULL:+10}8" 15
# where a change made another finding of what was one before
ok "a disabled owner's line over ids that were another's" live 101 79+1 10
ok "ids that two had by the backup" live 102 9+1 15

# --- what needs no chance -------------------------------------------------------------

commands() { subid audit --fix-plan --fail-on never | grep '^\(subid\|chmod\)'; }
rm -f /etc/subuid* /etc/subgid* /var/lib/subid/*
printf 'passwd: files\ngroup: files\n' >/etc/nsswitch.conf
add_user anna -u 7100
add_user berta -u 7200
tables 'anna:700000:10'
: >/etc/subgid
is "ids that nothing has are granted" "$(commands)" "subid grant -g --range 700000:10 'anna'"
start setpriv --reuid 7200 --regid 700009 --clear-groups sleep infinity
wait_for runs "$started_pid" sleep
is "not those that somebody runs with" "$(commands)" ""
end "$started_pid"
mkdir /var/lib/lxc/c9
echo 'lxc.idmap = g 0 700009 10' >/var/lib/lxc/c9/config
is "nor a container's" "$(commands)" ""
rm -r /var/lib/lxc/c9
tables 'berta:700000:10'
ok "(the ledger learns of it)" subid grant -q --another --count 10 anna
change_tables 'anna:700000:10'
: >/etc/subgid
rm -f /etc/subgid-
is "nor what another has had" "$(commands)" ""
# Threat: a table that everybody may write, and a change that writes a backup with its mode.
tables 'ghost:800000:10'
chmod 666 /etc/subuid
is "files are mended before ids" "$(commands)" "chmod 0644 /etc/subuid
subid revoke 'ghost'"
