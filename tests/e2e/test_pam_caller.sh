#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The caller of su kills it, stops it and sets each of its limits as low as it goes, at
# many moments: no lock is left, nobody waits, and nothing is granted or refused without
# the trace that it has at any other time.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pam.sh"
plan 22

rm -rf /etc/subid.conf /etc/subid.conf.d
sed -i '/^\(UID_M\|SUB_\)/d' /etc/login.defs
for user in alice bob carl; do add_user "$user"; done
bobs=$(id -u bob)
tables ""
sed -i '/^passwd:/s/.*/passwd: files/; /^group:/s/.*/group: files/' /etc/nsswitch.conf
chmod 755 "$T"
# alice needs no password for su
printf 'auth sufficient pam_permit.so\naccount sufficient pam_permit.so\nsession required %s\nsession required pam_permit.so\n' "$MODULE" >/etc/pam.d/su

in_ms() { read -rt "$(printf '0.%03d' "$1")" <> <(:) || true; }
no_program() { ! pgrep -x subid >/dev/null; }
# All that alice may signal: su with her real uid included.
all_of_hers() { pgrep -u alice; pgrep -U alice; }
end_hers() {
	local pid
	for pid in "$started_pid" $(all_of_hers); do kill -KILL "$pid" 2>/dev/null; done
	wait "$started_pid" 2>/dev/null
}

# What must hold once all is quiet; what does not is printed.
others=0
quiet() { # moment
	local file kind
	wait_for no_program || echo "$1: the program is still there"
	timeout 8 subid grant --force-unknown -c 1 "x$((++others))" >/dev/null || echo "$1: others wait"
	for file in subuid.lock subgid.lock subuid+ subgid+; do
		[ ! -e "/etc/$file" ] || echo "$1: $file is left"
	done
	[ "$(cat /etc/subuid /etc/subgid | grep -cvE '^[a-z0-9]+:[0-9]+:[0-9]+$')" = 0 ] || echo "$1: a table is not whole"
	[ "$(grep '^bob:' /etc/subuid)" = "$(grep '^bob:' /etc/subgid)" ] || echo "$1: the tables do not agree"
	# a line of the log for both kinds, or one each if only the first was written when it
	# was killed, or nothing was granted
	for kind in uid gid; do
		if grep -q '^bob:' "/etc/sub$kind"; then
			wait_for logged "range for \"bob\" (uid $bobs): *$kind* [0-9]*-*" || echo "$1: no trace of the $kind range"
			[ "$kind" = gid ] || echo "# granted"
		elif logged "range for \"bob\" (uid $bobs): uid+gid [0-9]*-*" && ! logged 'range for "bob"*failed*'; then
			echo "$1: a trace, but no $kind range"
		fi
	done
	sed -i '/^bob:/d' /etc/subuid /etc/subgid
	forget_log
}
wrong() { grep -v '^# granted' <<<"$1"; }
granted() { grep -c '^# granted' <<<"$1"; }

# --- killed, interrupted, hung up, at whatever moment ------------------------------------------

for signal in KILL TERM XCPU; do
	forget_log
	seen=$(for delay in 0 3 6 9 12 16 20 30; do
		start become alice su bob -c true 2>>"$T/su.err" # "Session terminated" has no line of its own
		in_ms "$delay"
		as alice bash -c "kill -$signal -1" 2>/dev/null
		end_hers
		quiet "$signal after $delay ms"
	done)
	is "su that gets SIG$signal: no lock, no wait, no range without its trace" "$(wrong "$seen")" ""
done

# Stopped first, then killed: what it has begun is done without it.
forget_log
seen=$(for delay in 0 4 8 12 16 20 30; do
	start become alice su bob -c true 2>>"$T/su.err"
	in_ms "$delay"
	as alice bash -c 'kill -STOP -1' 2>/dev/null
	timeout 8 subid grant --force-unknown -c 1 "y$delay" >/dev/null || echo "stopped after $delay ms: others wait"
	end_hers
	quiet "stopped after $delay ms"
done)
is "stopped, and never continued" "$(wrong "$seen")" ""

# --- every limit, as low as it goes --------------------------------------------------------------

# su with one limit, NAME VALUE, soft alone or hard as well.
cat >"$T/limited" <<'PYTHON'
import os, resource, sys
name, value, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
kind = getattr(resource, "RLIMIT_" + name)
hard = resource.getrlimit(kind)[1]
resource.setrlimit(kind, (value, hard if how == "soft" else value))
os.execvp("su", ["su", "bob", "-c", "true"])
PYTHON
chmod 755 "$T/limited"
limited() { # NAME VALUE HOW; 124: it waits
	timeout 20 setpriv --reuid alice --regid alice --init-groups python3 "$T/limited" "$@" >/dev/null 2>&1
}

for how in soft hard; do
	forget_log
	# between nothing and enough there is what lets su begin, and no more
	seen=$(for limit in AS:0 AS:6000000 AS:12000000 CORE:0 CPU:0 DATA:0 DATA:1000000 FSIZE:0 FSIZE:100 MEMLOCK:0 MSGQUEUE:0 NICE:0 \
		NOFILE:3 NOFILE:6 NOFILE:12 NPROC:1 RSS:0 RTPRIO:0 RTTIME:0 SIGPENDING:0 STACK:0 STACK:65536; do
		limited "${limit%:*}" "${limit#*:}" "$how"
		[ $? != 124 ] || echo "$how $limit: su waits"
		quiet "$how $limit"
	done)
	is "$how limits: no lock, no wait, no range without its trace" "$(wrong "$seen")" ""
	ok "and most of them keep nobody from a range ($(granted "$seen"))" test "$(granted "$seen")" -gt 7
done

# --- who is refused -----------------------------------------------------------------------------

# A window without room: each login leaves a failure, up to the user's rate.
tables z:300000:10
printf 'give everyone count 10 window 300000-300009\n' >/etc/subid.conf
forget_log
rm /run/subid-refused-logins # what the limits above have used up
run as alice su bob -c true
ok "a refusal says why" has_logged 'bob: no range is granted: bob: no gap of 10 gids *'
ok "and leaves its trace" has_logged "range for \"bob\" (uid $bobs)*failed*"
counts=/run/subid-refused-logins
is "its counts are root's" "$(stat -c '%a %U' "$counts")" "600 root"
for how in KILL STOP; do
	seen=$(for delay in 0 4 8 12 16 20 30; do
		start become alice su bob -c true 2>>"$T/su.err"
		in_ms "$delay"
		as alice bash -c "kill -$how -1" 2>/dev/null
		# the failure of another user is counted and told meanwhile
		forget_log
		timeout 8 pamtester only carl open_session >/dev/null 2>&1
		[ $? != 124 ] || echo "$how after $delay ms: carl waits"
		wait_for logged 'carl: no range is granted*' || echo "$how after $delay ms: carl is not told why"
		end_hers
		wait_for no_program || echo "$how after $delay ms: the program is still there"
		[ ! -e /etc/subuid.lock ] || echo "$how after $delay ms: a lock is left"
	done)
	is "refused, SIG$how at whatever moment: nobody else is kept from anything" "$seen" ""
done
seen=$(for value in 0 100; do
	limited FSIZE "$value" hard
	wait_for no_program || echo "FSIZE $value: the program is still there"
	forget_log
	timeout 8 pamtester only carl open_session >/dev/null 2>&1
	wait_for logged 'carl: no range is granted*' || echo "FSIZE $value: carl is not told why"
done)
is "a limit on the size of files does not stop the counting" "$seen" ""
is "nobody was granted anything" "$(cat /etc/subuid /etc/subgid)" $'z:300000:10\nz:300000:10'

# A uid of a directory, of ten digits: its count is at no offset of that size.
echo 'far:x:4200000000:100::/:/bin/sh' >>/etc/passwd
printf 'UID_MAX 4200000000\n' >>/etc/login.defs
forget_log
run pamtester only far open_session
ok "a uid of ten digits is refused with its trace" has_logged 'range for "far" (uid 4200000000)*failed*'
ok "the counts are at most 512 KiB long" test "$(stat -c %s "$counts")" -le 524288
ok "and have a few pages" test "$(stat -c %b "$counts")" -le 256
is "whole counts" "$(($(stat -c %s "$counts") % 8))" 0

# With room again each gets what is due.
rm /etc/subid.conf
tables ""
ok "with room there is a range" as alice su bob -c true
ok "for another, too" pamtester only carl open_session
is "in both tables" "$(cut -d : -f 1 /etc/subuid | sort | paste -sd ' ') $(cmp /etc/subuid /etc/subgid && echo alike)" "bob carl alike"
