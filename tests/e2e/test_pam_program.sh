#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# When pam_subid.so runs its program, how often, and what it does when there is none that
# it may run.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pam.sh"
plan 56

rm -rf /etc/subid.conf /etc/subid.conf.d
sed -i '/^\(UID_M\|SUB_\)/d' /etc/login.defs
groupadd -g 7100 students
for user in alice bob carl; do add_user "$user"; done
usermod -aG students bob
useradd -r -M system
tables ""
sed -i '/^passwd:/s/.*/passwd: files/; /^group:/s/.*/group: files/' /etc/nsswitch.conf

# In the program's place: counts, and goes on with it.
mv "$PRE/bin/subid" "$PRE/bin/subid.real"
cat >"$T/count.c" <<END
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char *argv[])
{
	int fd = open("$T/count", O_WRONLY | O_APPEND | O_CREAT, 0600);
	(void)argc;
	if (write(fd, ".", 1) != 1)
		abort();
	close(fd);
	execv("$PRE/bin/subid.real", argv);
	return 1;
}
END
ok "a program that counts" gcc -o "$PRE/bin/subid" "$T/count.c"
: >"$T/count"
runs() { local n; n=$(wc -c <"$T/count"); : >"$T/count"; echo "$n"; }

# --- when it is run ------------------------------------------------------------------------

logs_in() { # name runs user
	session "$3"
	is "$1" "$status $(runs)" "0 $2"
}
logs_in "a first login" 1 alice
logs_in "a second one" 0 alice
for user in root system; do
	for i in 1 2 3; do session $user; done
	is "$user, outside of UID_MIN to UID_MAX: never" "$(runs)" 0
done
module min_uid=60000
logs_in "below min_uid=" 0 bob
module
echo 'give user system count 10' >/etc/subid.conf
logs_in "unless a rule may be about it" 1 system
ok "which it is" grep -qx "system:[0-9]*:10" /etc/subuid
tables ""
echo 'never user alice "no"' >/etc/subid.conf
sed -i 's/give/& /' /etc/subid.conf
for i in {1..5}; do session alice; done
is "a refused account: once" "$status $(runs)" "0 1"
is "what is remembered is root's" "$(stat -c '%a %U' /run/subid /run/subid/logins /run/subid/logins/alice.*)" $'755 root\n755 root\n600 root'
pids=()
for i in {1..200}; do
	pamtester only alice open_session >/dev/null 2>&1 &
	pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || echo "# $pid failed"; done
is "200 sessions of it at once: none more" "$(runs)" 0
rm -r /run/subid
pids=()
for i in {1..1000}; do
	pamtester only alice open_session >/dev/null 2>&1 &
	pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=$((failed + 1)); done
is "1,000 sessions of it at once, with nothing remembered: one" "$failed $(runs)" "0 1"
logs_in "for another it is nothing" 1 carl
: >/etc/subid.conf
changed() { # name command...
	local name=$1
	shift
	echo 'never user alice "no"' >/etc/subid.conf
	session alice
	session alice
	runs >/dev/null
	session alice
	[ "$(runs)" = 0 ] || echo "# was not remembered"
	"$@"
	session alice
	is "asked again after a change of $name" "$(runs)" 1
}
changed subuid bash -c 'echo x:900000:1 >>/etc/subuid'
changed subgid bash -c 'echo x:900000:1 >>/etc/subgid'
changed passwd usermod -c changed carl
changed group usermod -aG students alice
changed login.defs bash -c 'echo "# changed" >>/etc/login.defs'
changed subid.conf bash -c 'echo "# changed" >>/etc/subid.conf'
mkdir /etc/subid.conf.d
changed "a new drop-in" bash -c 'echo "# new" >/etc/subid.conf.d/x.conf'
changed "a drop-in" bash -c 'echo "# old" >/etc/subid.conf.d/x.conf'
changed "a drop-in that goes" rm /etc/subid.conf.d/x.conf
changed nsswitch.conf bash -c 'echo "# changed" >>/etc/nsswitch.conf'
forget_in_time() { sed -i '1s/.*/1/' /run/subid/logins/alice.*; }
changed "the clock's quarter of an hour" forget_in_time
rm -rf /etc/subid.conf.d
echo 'never user bob "no"' >/etc/subid.conf
module required_for=students
session bob
session bob
is "a refusal is the same the next time" "$status $(runs)" "1 1"
like "and said again" "$out" "*You have no subordinate ids, which students need: the policy of this host grants you none (no). Ask the administrator of this host.*"
rm /etc/subid.conf
module
echo 'subid: sss' >>/etc/nsswitch.conf
logs_in "ranges from elsewhere: asked once" 1 bob
logs_in "not again" 0 bob
sed -i '/^subid:/d' /etc/nsswitch.conf
tables ""
hold_lock
module timeout=0
session bob
session bob
is "a failure is not remembered" "$status $(runs)" "1 2"
end "$started_pid"
module
rm -f /run/subid/logins/bob.*
logs_in "the next login tries again" 1 bob
is "nothing is kept for who has a range" "$(find /run/subid/logins -name 'bob.*')" ""

# --- at most four at once ------------------------------------------------------------------

for i in {1..12}; do echo "guest$i:x:$((21000 + i)):100::/:/bin/sh"; done >>/etc/passwd
tables ""
module timeout=20
hold_lock
holder=$started_pid
pids=()
for i in {1..12}; do
	pamtester only "guest$i" open_session >/dev/null 2>&1 &
	pids+=($!)
done
all_run() { [ "$(pgrep -cx subid)" = 12 ]; }
ok "12 first logins" wait_for all_run
at_locks() {
	local pid n=0
	for pid in $(pgrep -x subid); do
		for fd in /proc/"$pid"/fd/*; do [ "$(readlink "$fd")" != /etc/.pwd.lock ] || { n=$((n + 1)); break; }; done
	done
	echo "$n"
}
four() { [ "$(at_locks)" = 4 ]; }
ok "four are at the lock" wait_for four
in_a_while() { read -rt 0.3 <> <(:) || true; }
in_a_while
is "and no more" "$(at_locks)" 4
ok "beside them useradd is not kept waiting by those that wait" test "$(at_locks)" = 4
end "$holder"
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=$((failed + 1)); done
is "then all get theirs" "$failed $(grep -c '^guest' /etc/subuid)" "0 12"
runs >/dev/null

# --- no such program -----------------------------------------------------------------------

tables ""
no_program() { # name 'why' restore...
	local name=$1 why=$2
	forget_log
	control=required module
	echo 'session required pam_permit.so' >>/etc/pam.d/only
	session alice
	is "$name: the login goes on" "$status $(</etc/subuid)" "0 "
	ok "$name: one line of the log" has_logged "alice: $PRE/bin/subid$why"
	control=required module required_for=students
	echo 'session required pam_permit.so' >>/etc/pam.d/only
	session carl
	[ "$status" = 0 ] || echo "# who need not have a range was refused"
	session bob
	is "$name: with required_for= it does not, for members" "$status" 1
}
mv "$PRE/bin/subid" "$PRE/bin/subid.gone"
no_program "missing" ": No such file or directory: no range is granted"
mv "$PRE/bin/subid.gone" "$PRE/bin/subid"
chmod g+w "$PRE/bin/subid"
no_program "writable" ": it, or a directory above it, can be written by others than root: no range is granted"
chmod g-w "$PRE/bin/subid"
chown alice "$PRE/bin"
no_program "another's directory" ": it, or a directory above it, is not root's: no range is granted"
chown root "$PRE/bin"
printf '#!/bin/sh\nexit 0\n' >"$T/script"
mv "$PRE/bin/subid" "$PRE/bin/subid.gone"
install -m 755 "$T/script" "$PRE/bin/subid"
no_program "no program" ": could not be run: no range is granted"
sed "s|execv.*|write(1, \"subid 0.0.9\\\\\\\\n\", 12);|" "$T/count.c" >"$T/old.c"
gcc -o "$PRE/bin/subid" "$T/old.c" 2>/dev/null
no_program "another version" " is of another version than this module, *: no range is granted"
is "it was asked" "$(runs)" 3
mv "$PRE/bin/subid.gone" "$PRE/bin/subid"
mkdir "$T/real"
mv "$PRE/bin" "$T/real/bin"
ln -s "$T/real/bin" "$PRE/bin"
no_program "a link to where others can write" ": it, or a directory above it, can be written by others than root: no range is granted"
rm "$PRE/bin"
mkdir "$PRE/real"
mv "$T/real/bin" "$PRE/real/bin"
ln -s real/./bin "$PRE/bin"
module
logs_in "a link to where only root can" 1 alice
