#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A directory of 100,000 owners: a grant takes a few operations, whatever is there; list
# and audit read page by page, and need memory for what they show alone.
# long
# alone
. "$(dirname "$0")/lib.sh"
. tests/e2e/ldap.sh
plan 17

owners=100000 first=1000000000
ldap_begin ""
last=$((first + (owners + 1000) * 1000 - 1))
ldap_pool $first $last 1000
ldap_stop
python3 - "$owners" "$first" "$ldap_base" >"$T/owners.ldif" <<'END'
import sys
owners, first, base = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
for i in range(owners):
    start = first + i * 1000
    print(f"dn: cn=user{i},ou=owners,{base}\nobjectClass: subordinateIdEntry\ncn: user{i}\nsubidState: granted\nsubidTicket: t{i}\n"
          f"subUidNumber: {start}\nsubUidCount: 1000\nsubGidNumber: {start}\nsubGidCount: 1000\n\n"
          f"dn: subidBlock={start},ou=blocks,{base}\nobjectClass: subidClaim\nsubidState: granted\nsubidOwner: user{i}\nsubidTicket: t{i}\n")
END
ok "100,000 owners and their claims are loaded" slapadd -q -f "$ldap_dir/slapd.conf" -b dc=example,dc=org -l "$T/owners.ldif"
rm "$T/owners.ldif"
# it says what it is asked
ldap_again_noting() {
	ldap_stop 2>/dev/null
	slapd -d stats -h "$ldap_uri $ldap_tcp" -f "$ldap_dir/slapd.conf" 2>"$T/asked" &
	ldap_pid=$!
	started+=("$ldap_pid")
	wait_for ldapsearch -x -H "$ldap_tcp" -s base -b '' || echo "# slapd does not answer"
}
ldap_again_noting
site_conf "pool main $first-$last block 1000"

# How much memory a command takes at most (MiB), how long (ms), and what it is asked.
measure() { # command...
	: >"$T/asked"
	read -r rss ms <<<"$(python3 -c '
import resource, subprocess, sys, time
began = time.monotonic()
subprocess.run(sys.argv[2:], stdout=open(sys.argv[1], "w"), stderr=subprocess.STDOUT)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, round((time.monotonic() - began) * 1000))' "$T/out" "$@")"
	asked=$(grep -cE ' op=[0-9]+ (SRCH base|ADD dn|MOD dn|BIND dn="" )' "$T/asked")
}

measure subid --directory list user4711
is "one of them is listed" "$(awk '$2 == "uid" { print $3 }' "$T/out")" $((first + 4711 * 1000))
ok "with a few operations ($asked)" test "$asked" -le 5
ok "and little memory ($rss MiB)" test "$rss" -le 24
one=$rss
measure subid --directory list -u
is "all are listed" "$(wc -l <"$T/out")" $owners
ok "page by page ($asked operations, 200 pages)" test "$asked" -ge 200 -a "$asked" -le 420
ok "with as much memory as for one ($rss MiB, $ms ms)" test "$rss" -le $((one + 8))
listed="$rss MiB, $ms ms"
measure subid --directory audit
is "the audit finds nothing" "$(grep -v pool-filling "$T/out")" ""
ok "with a few hundred bytes for an owner ($rss MiB, $ms ms)" test "$rss" -le 96
audited="$rss MiB, $ms ms"

# the counter is at the beginning: it would meet 100,000 claims
measure subid --directory grant --force-unknown anna
like "a grant with a counter at the very beginning comes to its end" "$(<"$T/out")" "anna uid * 1000 new*"
ok "after a look at all claims ($asked operations)" test "$asked" -le 700
walked="$asked operations, $ms ms"
measure subid --directory grant --force-unknown bert
like "which sets it right for the next one" "$(<"$T/out")" "bert uid * 1000 new*"
ok "with a few operations ($asked)" test "$asked" -le 10
granted=$asked
measure subid --directory revoke bert
ok "so is revoking ($asked)" test "$asked" -le 7
measure subid --directory unhold "$(awk '$2 == "uid" { print $3 }' "$T/out"):1000"
measure subid --directory grant --force-unknown dora
like "the free block is given again" "$(<"$T/out")" "dora uid * 1000 new*"
ok "with a few operations ($asked, $ms ms)" test "$asked" -le 10
is "and nothing is wrong afterwards" "$(subid --directory audit --fail-on never | grep -v pool-filling)" ""
echo "# $owners owners: a grant takes $granted operations, $walked with the counter set back to the first; list $listed; audit $audited"
