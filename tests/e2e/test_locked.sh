#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What is done while the locks of the account database are held, as a list of system
# calls: useradd waits for as long as each of them wants to take.  Nothing in it asks a
# name service, another process, a home or a log, or prints.
. "$(dirname "$0")/lib.sh"
plan 57

add_user alice -u 7100
add_user bob -u 7200
add_user carol -u 7300
groupadd team
usermod -aG team bob
ok "(a directory that lists nobody)" gcc -shared -fPIC -o "$T/libnss_quiet.so.2" tests/e2e/nss_quiet.c
sed -i -e '/^passwd:/s/.*/passwd: files quiet/' -e '/^group:/s/.*/group: files quiet/' /etc/nsswitch.conf
printf '%s\n' 'CORP\jdoe:98000:98000' 'CORP\asmith:98001:98001' 'CORP\away:98002:98002' >/etc/quiet
mount -t tmpfs -o mode=755 state /var/lib

locked() { # name status command...: what it does with the locks, and its status
	local name=$1 wanted=$2 found
	shift 2
	# a login's answer goes into a pipe
	LD_LIBRARY_PATH=$T strace -f -y -qq -o "$T/calls" "$@" 2>&1 </dev/null | cat >"$T/said"
	[ "${PIPESTATUS[0]}" = "$wanted" ] || sed 's/^/# /' "$T/said"
	found=$(python3 tests/e2e/locked.py "$T/calls")
	is "$name" "$found" "taken used" || sed 's/^/# /' "$T/said"
	ok "$name: and the trace is left" grep -q 'connect(.*journal/socket' "$T/calls"
}

# a log that takes what it is told
python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
os.makedirs("/run/systemd/journal", exist_ok=True)
s.bind("/run/systemd/journal/socket")
open(sys.argv[1], "w").close()
while s.recv(65536):
    pass' "$T/listening" &
started+=($!)
ok "(a log)" wait_for test -e "$T/listening"

tables "carol:700000:10"
locked grant 0 subid grant bob
locked "three of a directory" 0 subid grant 'CORP\jdoe' 'CORP\asmith' 'CORP\away'
locked "by number" 0 subid grant 98003 98004 --force-unknown
locked "the members of a group" 0 subid grant --another --group team
locked "a range that is refused" 1 subid grant alice --range 98000:10
locked "a window that is full" 1 subid grant alice -c 4000000000
locked "a directory and a range that is not free" 1 subid grant alice 'CORP\jdoe' --another -c 4000000000
locked hold 0 subid hold 710000:10
locked "hold, refused" 1 subid hold 98000:10
locked revoke 0 subid revoke bob
locked restore 0 subid grant --restore bob
locked "revoke --reuse" 0 subid revoke bob --reuse
locked unhold 0 subid unhold 710000:10
locked rename 0 subid rename carol bob
locked "a line of its own" 0 subid grant --own -c 1000 alice/c1
add_user dave -u 7400
locked "lines of their own" 0 subid grant --own -c 1000 dave/c1 alice/c2 bob/c1
locked "revoke --own" 0 subid revoke --own alice/c1
locked "revoke --own --reuse" 0 subid revoke --own --reuse alice/c2
locked "revoke --own of several" 0 subid revoke --own dave/c1 bob/c1
add_user erin -u 7500
tables ""
version=$(subid --version)
tables $'bob:200000:10\ncarol:300000:10\ndave:400000:10'
locked "revoke of three" 0 subid revoke bob carol dave
tables ""
locked "a first login" 0 subid grant --login=erin "version=${version##* }"

# what the site's directory gives, and takes, of owners whom a name service alone knows
. tests/e2e/ldap.sh
ldap_begin ""
ldap_pool 1000000000 1006553599
site_conf "users ou=people,dc=example,dc=org" "pool main 1000000000-1006553599" "timeout 5"
for i in 1 2 3; do
	echo "quiet$i:9810$i:9810$i" >>/etc/quiet
	ldap_user "quiet$i" "9810$i"
	ok "(the directory gives quiet$i ids)" subid --directory -q grant "quiet$i"
done
locked "sync of three" 0 subid sync quiet1 quiet2 quiet3
is "who have them" "$(cut -d: -f1 /etc/subuid | grep -c '^quiet')" 3
for i in 1 2; do
	ok "(the directory takes back those of quiet$i)" subid --directory -q revoke "quiet$i"
done
locked "sync that releases two" 0 subid sync --force quiet1 quiet2 quiet3
# the directory gives them to others, here they rest
mapfile -t rest < <(sed -n 's/^!released:\([0-9]*\):.*/\1/p' /etc/subuid)
for i in 1 2; do
	subid --directory -q unhold "$((1000000000 + 65536 * (i - 1))):65536"
	echo "other$i:9820$i:9820$i" >>/etc/quiet
	ldap_user "other$i" "9820$i"
	subid --directory -q grant "other$i"
done
locked "sync of two whose ids rest here" 0 subid sync other1 other2
is "they rest no more (${rest[*]})" "$(grep -c '^!released' /etc/subuid) $(grep -c '^other' /etc/subuid)" "0 2"
