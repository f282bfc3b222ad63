#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# pam_subid.so: what it gives, and what happens when it cannot.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pam.sh"
plan 125

rm -rf /etc/subid.conf /etc/subid.conf.d
sed -i '/^\(UID_M\|SUB_\)/d' /etc/login.defs
printf 'UID_MIN 1000\nUID_MAX 60000\nSUB_UID_COUNT 65536\nSUB_GID_COUNT 65536\n' >>/etc/login.defs
groupadd -g 7100 students
for user in alice bob carl; do add_user "$user"; done
usermod -aG students bob
useradd -r -M system
tables ""

# Opens a session that must go well, or must not.
goes() { # name answer user tables
	session "$3"
	is "$1" "$status $(</etc/subuid)|$(</etc/subgid)" "$2 $4|$4"
}

# --- what is given -------------------------------------------------------------------

goes "a first login gets a range in both tables" 0 alice alice:100000:65536
like "the user is told" "$out" "You have been granted 65536 subordinate ids for containers.*"
ok "and the log" has_logged "*]: range for \"alice\" (uid $(id -u alice)): uid+gid 100000-165535"
is "in one line" "$(grep -c '100000-165535' "$T/log")" 1
inode=$(stat -c %i /etc/subuid)
goes "the second one gets nothing more" 0 alice alice:100000:65536
is "and the table is not even replaced" "$(stat -c %i /etc/subuid)" "$inode"
is "nothing is said" "$out" "pamtester: successfully opened a session"
goes "a system account gets none" 0 system alice:100000:65536
goes "nor root" 0 root alice:100000:65536
printf 'alice:100000:65536\n' >/etc/subgid
printf 'bob:300000:65536\n' >/etc/subuid
session bob
is "who has one kind gets the same numbers of the other" "$(tail -n 1 /etc/subgid)" "bob:300000:65536"
tables "$(id -u alice):100000:10"
goes "a line with the uid counts" 0 alice "$(id -u alice):100000:10"
echo "alias:x:$(id -u alice):100::/:/bin/sh" >>/etc/passwd
tables alias:100000:10
goes "and one with another name of it" 0 alice alias:100000:10
sed -i '/^alias/d' /etc/passwd
printf '%s\n' "bob:5:5:5" "# x" >/etc/subuid
: >/etc/subgid
session alice
is "odd lines stay" "$(head -n 2 /etc/subuid)" "$(printf '%s\n' "bob:5:5:5" "# x")"
is "a close of the session says nothing" "$(pamtester only alice open_session close_session | tail -n 1)" \
	"pamtester: session has successfully been closed."
for what in authenticate acct_mgmt chauthtok "setcred(PAM_ESTABLISH_CRED)"; do
	printf '%s\n' "auth required $MODULE" "auth required pam_permit.so" "account required $MODULE" "account required pam_permit.so" \
		"password required $MODULE" "password required pam_permit.so" >/etc/pam.d/other-types
	tables ""
	ok "$what: ignored" pamtester other-types alice "$what"
	tables_are "nothing is given by $what" ""
done

# --- what containers have ------------------------------------------------------------

goes_off() { # name lines: a first login of bob gets the first ids behind
	tables ""
	goes "$1" 0 bob "bob:$2:65536"
}
printf '%s\n' alice/web:100000:10000 | tee /var/lib/subid/subuid >/var/lib/subid/subgid
goes_off "off a lease whose line is gone" 110000
printf '%s\n' '!released:100000:1000' | tee /var/lib/subid/subuid >/var/lib/subid/subgid
goes_off "off a lease at rest" 101000
rm /var/lib/subid/sub*
mkdir -p /var/lib/lxc/c1 /var/lib/machines/m
echo 'lxc.idmap = b 0 100000 500' >/var/lib/lxc/c1/config
goes_off "off root's LXC container that is stopped" 100500
echo 'lxc.idmap = b 0 65536 65536' >/var/lib/lxc/c1/config
chown 131072:131072 /var/lib/machines/m
goes_off "and off nspawn's" 196608
rm -r /var/lib/lxc/c1 /var/lib/machines/m
mkdir -p /var/lib/containers/storage/vfs-containers
echo '[' >/var/lib/containers/storage/vfs-containers/containers.json
forget_log
goes_off "damage there is no hindrance" 100000
ok "but is logged" has_logged "bob: /var/lib/containers/storage/*: damaged (and 0 more): the ids of a stopped container*"
rm -r /var/lib/containers/storage
as carl mkdir -p "$T/home/carl/.local/state/subid"
echo c:100000:100 >"$T/home/carl/.local/state/subid/subuid"
goes_off "a user's own store keeps nothing from others" 100000
ln -s elsewhere /var/lib/subid/subgid
tables alice:100000:65536
forget_log
goes "a store that cannot be read: no range" 1 bob alice:100000:65536
ok "which is said by its name" has_logged 'bob: no range is granted: /var/lib/subid/subgid: it is a symbolic link to elsewhere, *'
ok "and is a failure" has_logged "range for \"bob\" (uid $(id -u bob)): uid+gids: failed: ELOOP"
goes "who has a range does not notice" 0 alice alice:100000:65536
rm /var/lib/subid/subgid

# --- options -------------------------------------------------------------------------

tables ""
module count=1000
goes "count=" 0 alice alice:100000:1000
tables ""
module quiet
session alice
is "quiet" "$out" "pamtester: successfully opened a session"
tables ""
module silent
session alice
is "silent, as pam_mkhomedir has it" "$out" "pamtester: successfully opened a session"
tables ""
module
run pamtester only alice 'open_session(PAM_SILENT)'
is "PAM_SILENT" "$status:$out:$(wc -l </etc/subuid)" "0:pamtester: successfully opened a session:1"
tables ""
module min_uid=60001
goes "min_uid=" 0 alice ""
forget_log
module debug
goes "debug" 0 system ""
ok "tells why nothing is given" has_logged 'system: no range: no rule of the policy fits'
for wrong in colour count= count=0 count=x count=-1 min_uid=x timeout=61 timeout=x conf=subid.conf conf= required_for= debug=1; do
	forget_log
	printf 'session optional %s %s\nsession required pam_permit.so\n' "$MODULE" "$wrong" >/etc/pam.d/only
	session alice
	is "a wrong option, '$wrong': the login goes on" "$status $(</etc/subuid)" "0 "
	ok "'$wrong' is logged" has_logged "option '$wrong': unknown, or its value is not valid: no range is granted*"
done
echo 'give user alice count 77' >"$T/policy"
module "conf=$T/policy"
goes "conf=" 0 alice alice:100000:77
forget_log
goes "conf= is all the policy there is" 0 bob alice:100000:77
rm "$T/policy"
forget_log
goes "conf= that is not there: no range" 1 bob alice:100000:77
ok "and the log says why" has_logged "bob: no range is granted: $T/policy: No such file or directory"
ok "as failures" has_logged "*]: range for \"bob\" (uid $(id -u bob)): uid+gids: failed: ENOENT"

# --- policy --------------------------------------------------------------------------

module debug
cat >/etc/subid.conf <<'END'
never user carl "no containers"
give group students count 10 window 500000-500099
reserve 500000-500004
END
tables ""
goes "a rule's count and window, and reserved ids" 0 bob bob:500005:10
goes "never" 0 carl bob:500005:10
ok "by which rule" has_logged "carl: no range, by subid.conf:1"
goes "no rule fits" 0 alice bob:500005:10
forget_log
echo 'give all' >>/etc/subid.conf
goes "a policy that is wrong gives nothing" 1 alice bob:500005:10
ok "and says where" has_logged "alice: no range is granted: /etc/subid.conf:4: all is not *"
goes "who has a range does not notice" 0 bob bob:500005:10
echo 'session required pam_permit.so' >>/etc/pam.d/only
goes "behind 'required', root may come and put it right" 0 root bob:500005:10
goes "and others are still refused" 1 alice bob:500005:10
rm /etc/subid.conf

# --- when it fails -------------------------------------------------------------------

tables ""
hold_lock
holder=$started_pid
control=optional module timeout=1
echo 'session required pam_permit.so' >>/etc/pam.d/only
forget_log
goes "a held lock: the login goes on" 0 alice ""
ok "after the time that was said ($ms ms)" test "$ms" -ge 1000 -a "$ms" -lt 2500
ok "which is a failure" has_logged "range for \"alice\" (uid $(id -u alice)): uid+gids: failed: busy"
ok "who holds it is logged" has_logged "no range this time: /etc/.pwd.lock: locked by process $holder (python3)*"
control=required module timeout=0
goes "behind 'required' it does not" 1 alice ""
control=required module timeout=0 required_for=students
session bob
is "required_for=: a member does not" "$status" 1
like "and is told" "$out" "*You have no subordinate ids, which students need: others are changing the tables: try again later. Ask the administrator of this host.*"
tables bob:100000:10
goes "unless there is a range" 0 bob bob:100000:10
echo 'session required pam_permit.so' >>/etc/pam.d/only
goes "others log in" 0 alice bob:100000:10
end "$holder"
goes "the next login gets its range" 0 alice "$(printf 'bob:100000:10\nalice:100010:65536')"
control=required module required_for=students
echo 'never user bob' >/etc/subid.conf
tables ""
forget_log
goes "required_for= and policy's never: no login" 1 bob ""
ok "which leaves its trace" has_logged "*]: range for \"bob\" (uid $(id -u bob)): uid+gids: failed: off"
rm /etc/subid.conf
forget_log
control=required module required_for=nosuch timeout=0
hold_lock
echo 'session required pam_permit.so' >>/etc/pam.d/only
run pamtester only nosuch open_session
is "nor who has no account" "$status" 0
goes "required_for= of no group locks nobody out" 0 bob ""
ok "but is logged" has_logged "required_for=nosuch: no such group"
end "$started_pid"

# A user who cannot have a range logs in again and again.
module
tables ""
cp /etc/login.defs "$T/login.defs"
echo 'SUB_UID_MAX 100100' >>/etc/login.defs
refusals() { grep -c "subid\[.*range for \"$1\" .*uid" "$T/log"; }
rm -f /run/subid-refused-logins
forget_log
SECONDS=0
goes "no room: no login" 1 bob ""
like "the user is told why, and whom to ask" "$out" "*You have no subordinate ids*no ids are left on this host. Ask the administrator*"
ok "leaves a failure" has_logged "range for \"bob\" (uid $(id -u bob)): 65536 uid+gids: failed: full"
for i in {1..20}; do session bob; done
may=$((11 + SECONDS / 6))
ok "and soon few more" test "$(refusals bob)" -ge 10 -a "$(refusals bob)" -le "$may"
is "the counts are root's" "$(stat -c '%a %U %F' /run/subid-refused-logins)" "600 root regular file"
session carl
ok "another user has his own" has_logged "range for \"carl\" (uid $(id -u carl)): 65536 uid+gids: failed: full"
forget_log
run subid grant bob
ok "and what root asks for is never left out" has_logged "range for \"bob\" (uid $(id -u bob)): 65536 uid+gids: failed: full"
cp "$T/login.defs" /etc/login.defs
goes "with room there is a range" 0 bob bob:100000:65536
ok "with its line" has_logged "range for \"bob\" (uid $(id -u bob)): uid+gid 100000-165535"
tables ""

module
mount --bind /etc /etc
mount -o remount,bind,ro /etc
forget_log
session alice
is "/etc read only" "$status" 1
ok "is logged" has_logged 'alice: no range is granted: /etc/.pwd.lock: Read-only file system'
umount /etc
tables_are "and nothing was changed" ""

# An /etc that is full: no room for the new table.
mkdir "$T/full"
mount -t tmpfs -o size=4m,mode=755 full "$T/full"
(cd /etc && cp -a passwd group shadow nsswitch.conf login.defs pam.d "$T/full")
printf '%s\n' carl:700000:10 | tee "$T/full/subuid" >"$T/full/subgid"
: >"$T/full/.pwd.lock"
mount --bind "$T/full" /etc
dd if=/dev/zero of=/etc/filler bs=4k 2>/dev/null
forget_log
session alice
is "a full disk" "$status" 1
ok "is logged" has_logged 'alice: no range is granted: *: No space left on device'
is "and nothing was changed" "$(cat /etc/subuid /etc/subgid | sort -u)" carl:700000:10
is "nothing is left lying" "$(find /etc -name 'sub*' -printf '%f\n' | sort | paste -sd ' ')" "subgid subuid"
rm /etc/filler
session alice
# above all that is named, since who had the others is not known yet
is "with room again" "$status $(tail -n 1 /etc/subuid)" "0 alice:700010:65536"
umount -l /etc

tables ""
ln -sf "$T/elsewhere" /etc/subuid.link && mv -T /etc/subuid.link /etc/subuid
forget_log
session alice
is "a table that is a link" "$status" 1
ok "is logged" has_logged 'alice: no range is granted: the tables: it is a symbolic link, *'
rm /etc/subuid

# --- killed in the middle --------------------------------------------------------------

kills=0
for call in linkat fsync renameat rename unlinkat; do
	for turn in 1 2 3; do
		tables carl:700000:10
		{
			strace -f -qq -o "$T/strace" -e trace="$call" -e inject="$call:signal=KILL:when=$turn" \
				pamtester only alice open_session >"$T/out" 2>&1
			# the login itself goes on, whatever becomes of the program
			answer=$?
			[ $answer = 0 ] || [ $answer = 1 ] || echo "$call $turn: the login ended with $answer"
			! grep -q 'killed by SIGKILL' "$T/strace" || kills=$((kills + 1))
			grep -q '^alice:' /etc/subuid && grep -q '^alice:' /etc/subgid && [ $answer != 0 ] &&
				echo "$call $turn: refused with a range"
		}
		for table in /etc/subuid /etc/subgid; do
			case $(<$table) in carl:700000:10 | $'carl:700000:10\nalice:700010:65536') ;; *) echo "$call $turn: $(<$table)" ;; esac
		done
		pamtester only alice open_session >/dev/null 2>&1 || echo "$call $turn: the next login"
		# what the killed one had begun to give rests
		case $(</etc/subuid) in
		$'carl:700000:10\nalice:700010:65536' | $'carl:700000:10\nalice:765546:65536') cmp -s /etc/subuid /etc/subgid ;;
		*) false ;;
		esac || echo "$call $turn: then $(cat /etc/subuid /etc/subgid)"
	done
done >"$T/killed" 2>&1
is "killed at each step, the tables are whole and the next login puts it right" "$(<"$T/killed")" ""
ok "so it was ($kills times)" test "$kills" -ge 8

# --- a crowd ---------------------------------------------------------------------------

tables ""
for i in {1..200}; do echo "crowd$i:x:$((20000 + i)):100::/:/bin/sh"; done >>/etc/passwd
pids=()
for i in {1..200}; do
	(
		session "crowd$i"
		echo "$status $ms" >"$T/crowd.$i"
	) &
	pids+=($!)
	if [ $((i % 40)) = 0 ]; then
		useradd -M "late$i" &
		pids+=($!)
	fi
done
wait "${pids[@]}"
is "200 first logins at once, with useradd between them: all go well" "$(cut -d ' ' -f 1 "$T"/crowd.* | sort | uniq -c | tr -s ' ')" " 200 0"
is "each has its range, and so have useradd's" "$(grep -cE '^(crowd|late)[0-9]+:[0-9]+:65536$' /etc/subuid)" 205
is "in both tables, the same numbers" "$(sort /etc/subuid)" "$(sort /etc/subgid)"
is "and no two share an id" "$(sort -t: -k2n /etc/subuid | awk -F: '$2 < last { print } { last = $2 + $3 }')" ""
longest=$(cut -d ' ' -f 2 "$T"/crowd.* | sort -n | tail -n 1)
ok "nobody waited long ($longest ms)" test "$longest" -lt 20000

# --- what a second login costs -----------------------------------------------------------

grep -q '^alice:' /etc/subuid || session alice
strace -f -o "$T/second" pamtester only alice open_session >/dev/null 2>&1
printf 'session required pam_permit.so\n' >/etc/pam.d/bare
strace -f -o "$T/bare" pamtester bare alice open_session >/dev/null 2>&1
is "no file is opened for writing" "$(grep -E 'open(at)?\(.*(O_WRONLY|O_RDWR|O_CREAT)' "$T/second")" ""
is "no lock is taken" "$(grep -E ' (link|linkat|flock)\(|SETLK' "$T/second")" ""
calls=$(($(wc -l <"$T/second") - $(wc -l <"$T/bare")))
ok "few system calls, loading included ($calls)" test "$calls" -gt 0 -a "$calls" -lt 60
valgrind --tool=callgrind --callgrind-out-file="$T/callgrind" --toggle-collect=pam_sm_open_session \
	pamtester only alice open_session >"$T/valgrind" 2>&1
instructions=$(sed -n 's/.*Collected : //p' "$T/valgrind")
case $BUILD in
*asan* | *coverage*) ok "instructions are counted in a plain build" test -n "$instructions" ;;
*) ok "far below a millisecond (${instructions:-not counted} instructions)" test "${instructions:-0}" -gt 0 -a "${instructions:-0}" -lt 500000 ;;
esac
# With names as a directory has them: all of one beginning.
optimised=$(readelf --debug-dump=info "$BUILD/pam/pam_subid.o" 2>/dev/null | grep -om1 ' -O[1-3]')
for lines in 10000 65000; do
	python3 -c '
import sys
n = int(sys.argv[1])
with open("/etc/passwd", "a") as passwd:
    for i in range(n):
        passwd.write(f"DOMAIN\\long.prefix.of.users{i}:x:{100000 + i}:100:User:/home/{i}:/bin/sh\n")
for name in "subuid", "subgid":
    with open("/etc/" + name, "w") as table:
        for i in range(n):
            table.write(f"DOMAIN\\long.prefix.of.users{i}:{1000000 + i * 60000}:60000\n")' "$lines"
	valgrind --tool=callgrind --callgrind-out-file="$T/callgrind" --toggle-collect=pam_sm_open_session \
		pamtester only "DOMAIN\\long.prefix.of.users$((lines - 1))" open_session >"$T/valgrind" 2>&1
	instructions=$(sed -n 's/.*Collected : //p' "$T/valgrind")
	# 2.5 and 15 million, and four times that where the compiler does nothing for it
	most=$((lines == 10000 ? 2500000 : 15000000))
	[ -n "$optimised" ] || most=$((most * 4))
	ok "a second login among $lines ($instructions instructions)" test "${instructions:-0}" -gt 1000 -a "${instructions:-0}" -lt "$most"
done
