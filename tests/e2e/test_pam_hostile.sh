#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Whoever calls su, or has a cgroup, keeps no lock from others: neither by stopping what he
# may stop, nor by freezing, at whatever moment.  And hosts that reap all children.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pam.sh"
plan 39

rm -rf /etc/subid.conf /etc/subid.conf.d
sed -i '/^\(UID_M\|SUB_\)/d' /etc/login.defs
for user in alice bob carl; do add_user "$user"; done
tables ""
sed -i '/^passwd:/s/.*/passwd: files/; /^group:/s/.*/group: files/' /etc/nsswitch.conf
chmod 755 "$T"
# alice needs no password for su
printf 'auth sufficient pam_permit.so\naccount sufficient pam_permit.so\nsession required %s\nsession required pam_permit.so\n' "$MODULE" >/etc/pam.d/su

# What others do meanwhile must be done within this time.
others_get_on() { # owner
	timeout 8 subid grant --force-unknown -c 1 "$1" >/dev/null
}
in_ms() { read -rt "$(printf '0.%03d' "$1")" <> <(:) || true; }

# --- a caller who stops what he may ----------------------------------------------------------

held=0
for delay in 0 2 4 6 8 10 13 16 20 25 30 40 60; do
	sed -i '/^bob/d' /etc/subuid /etc/subgid
	start become alice su bob -c true
	su=$started_pid
	in_ms "$delay"
	# all that is hers to stop, su with its real uid included
	as alice bash -c 'kill -STOP -1' 2>/dev/null
	others_get_on "x$delay" || held=$((held + 1))
	kill -CONT "$su" 2>/dev/null
	for pid in $(pgrep -u alice) $(pgrep -U alice); do kill -CONT "$pid" 2>/dev/null; done
	wait "$su" 2>/dev/null
done
is "su that is stopped keeps nobody waiting" "$held" 0
ok "afterwards there is a range" as alice su bob -c true
ok "so there is" grep -q '^bob:' /etc/subuid
sed -i '/^bob/d' /etc/subuid /etc/subgid
forget_log
hold_lock
holder=$started_pid
start become alice su bob -c true
su=$started_pid
helper_of() { pgrep -x subid; }
wait_for helper_of
helper=$(helper_of)
not_ok "the program is not alice's to stop" as alice kill -STOP "$helper"
not_ok "nor to end" as alice kill -KILL "$helper"
is "it has no uid of hers" "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$helper/status")" "0 0 0 0"
is "nor her environment" "$(tr '\0' ' ' <"/proc/$helper/environ")" ""
is "nor a descriptor of su's" "$(for fd in /proc/"$helper"/fd/[012]; do readlink "$fd"; done | sed 's/pipe:.*/pipe/' | paste -sd ' ')" "/dev/null pipe /dev/null"
as alice kill -KILL "$su"
wait "$su" 2>/dev/null
ok "when su is killed it goes on" runs "$helper" subid
end "$holder"
gone() { ! runs "$helper" subid; }
ok "ends" wait_for gone
ok "and has done its work" grep -q '^bob:' /etc/subuid

# su hands its caller's limits on.
sed -i '/^bob/d' /etc/subuid /etc/subgid
as alice bash -c 'ulimit -Sf 0; ulimit -Sn 12; ulimit -Ss 100; exec su bob -c true'
ok "her soft limits do not matter" grep -q '^bob:' /etc/subuid
sed -i '/^bob/d' /etc/subuid /etc/subgid
before=$(cksum </etc/subuid)
forget_log
as alice bash -c 'ulimit -f 0; exec su bob -c true' >/dev/null 2>&1
if grep -q '^bob:' /etc/subuid; then
	ok "nor hard ones, which root can lift here" grep -q '^bob:' /etc/subgid
	not_ok "which is nothing to be said" logged RLIMIT_FSIZE
else
	ok "hard ones that root cannot lift are said" has_logged 'bob: no range this time: the limit on the size of files (RLIMIT_FSIZE) cannot be lifted'
	is "and nothing is changed" "$(cksum </etc/subuid)" "$before"
fi

# --- cgroups -----------------------------------------------------------------------------

cg=subid-test-$$-$RANDOM
groups=()
# Ours, and gone again with the test.
tidy() {
	local dir pid
	for dir in "${groups[@]}"; do
		echo THAWED 2>/dev/null >"$dir/freezer.state"
		echo 0 2>/dev/null >"$dir/cgroup.freeze"
	done
	for dir in "${groups[@]}"; do
		while IFS= read -r pid; do echo "$pid" 2>/dev/null >"${dir%/*}/cgroup.procs"; done <"$dir/cgroup.procs"
		rmdir "$dir" 2>/dev/null
	done
}
trap 'tidy; finish; exit $?' EXIT

# A group that alice can control, in the hierarchy of a controller or of v2: $group.
hers() { # v2|CONTROLLER
	local dir=$T/cg.$1
	mkdir -p "$dir"
	if [ "$1" = v2 ]; then
		mountpoint -q "$dir" || mount -t cgroup2 cgroup2 "$dir" 2>/dev/null || return 1
	else
		mountpoint -q "$dir" || mount -t cgroup -o "$1" cgroup "$dir" 2>/dev/null || return 1
	fi
	group=$dir/$cg
	mkdir "$group" || return 1
	groups+=("$group")
	chown -R alice "$group"
}
# What alice writes into a file.
cat >"$T/put" <<'END'
#!/bin/sh
echo "$1" >"$2"
END
# su in that group; started in it by root, as a session of hers that was put there
cat >"$T/su-in" <<END
#!/bin/sh
echo \$\$ >"\$1/cgroup.procs" && exec setpriv --reuid $(id -u alice) --regid $(id -g alice) --init-groups su bob -c true
END
chmod 755 "$T/put" "$T/su-in"
su_in() { start "$T/su-in" "$group" >/dev/null 2>&1; }
in_group() { grep -q "/$cg\$" "/proc/$1/cgroup"; }

freezes() { # what file frozen thawed
	local what=$1 file=$2 on=$3 off=$4 held=0 delay out=0
	for delay in 0 3 6 8 10 12 14 16 18 20 23 26 30 35 40 50 70; do
		sed -i '/^bob/d' /etc/subuid /etc/subgid
		su_in
		in_ms "$delay"
		as alice "$T/put" "$on" "$group/$file"
		others_get_on "$what$delay" || held=$((held + 1))
		as alice "$T/put" "$off" "$group/$file"
		wait "$started_pid" 2>/dev/null
		! grep -q '^bob:' /etc/subuid || out=$((out + 1))
	done
	is "$what: frozen at whatever moment, it keeps nobody waiting" "$held" 0
	ok "$what: and gives its ranges later ($out)" test "$out" -gt 8
	sed -i '/^bob/d' /etc/subuid /etc/subgid
	hold_lock
	holder=$started_pid
	su_in
	su=$started_pid
	wait_for helper_of
	helper=$(helper_of)
	wait_for is_at_lock "$helper" /etc
	ok "$what: su is in her group" in_group "$su"
	not_ok "$what: the program has left it, before the lock" in_group "$helper"
	not_ok "$what: she cannot bring it back" as alice "$T/put" "$helper" "$group/cgroup.procs"
	end "$holder"
	wait "$su" 2>/dev/null
	ok "$what: it does its work" grep -q '^bob:' /etc/subuid
}
if hers freezer; then freezes "v1 freezer" freezer.state FROZEN THAWED; else skip 6 "kernel: no cgroup v1 freezer"; fi
if hers v2; then freezes "v2" cgroup.freeze 1 0; else skip 6 "kernel: no cgroup v2"; fi

# A group of hers with room for no more processes, or with little memory.
if hers pids; then
	sed -i '/^bob/d' /etc/subuid /etc/subgid
	forget_log
	as alice "$T/put" 1 "$group/pids.max"
	su_in
	wait "$started_pid"
	ok "pids: where no process can be made, that is logged" has_logged 'bob: no range this time: no process can be made: Resource temporarily unavailable'
	ok "pids: others get on" others_get_on pids
	as alice "$T/put" max "$group/pids.max"
	su_in
	wait "$started_pid"
	ok "pids: with room there is a range" grep -q '^bob:' /etc/subuid
else
	skip 3 "kernel: no cgroup v1 pids controller"
fi
if hers memory; then
	held=0
	for limit in 100 200 400 600 800 1000 1500 2000 3000 4000; do
		sed -i '/^bob/d' /etc/subuid /etc/subgid
		echo $((limit * 1024)) >"$group/memory.limit_in_bytes"
		su_in
		others_get_on "memory$limit" || held=$((held + 1))
		wait "$started_pid" 2>/dev/null
	done
	is "memory: however little there is, others get on" "$held" 0
	is "memory: the tables are whole" "$(grep -cvE '^[a-z0-9 ]+:[0-9]+:[0-9]+$' /etc/subuid)" 0
	echo -1 >"$group/memory.limit_in_bytes"
	sed -i '/^bob/d' /etc/subuid /etc/subgid
	su_in
	wait "$started_pid"
	ok "memory: with enough there is a range" grep -q '^bob:' /etc/subuid
else
	skip 3 "kernel: no cgroup v1 memory controller"
fi

# A file of a group is enough, and a group of root's below hers is hers.
if [ -d "$T/cg.freezer/$cg" ]; then
	group=$T/cg.freezer/$cg
	mkdir "$group/below"
	groups=("$group/below" "${groups[@]}")
	chown -R root "$group"
	chown alice "$group/freezer.state"
	group=$group/below
	hold_lock
	holder=$started_pid
	sed -i '/^bob/d' /etc/subuid /etc/subgid
	su_in
	su=$started_pid
	wait_for helper_of
	helper=$(helper_of)
	wait_for is_at_lock "$helper" /etc
	is "one file of a group above is enough" "$(sed -n 's/.*:freezer://p' "/proc/$helper/cgroup")" /
	end "$holder"
	wait "$su" 2>/dev/null
	# where it cannot be left: nothing of the hierarchy can be reached
	sed -i '/^bob/d' /etc/subuid /etc/subgid
	forget_log
	cat >"$T/nomount" <<END
for dir in \$(awk '\$3 == "cgroup" && /freezer/ { print \$2 }' /proc/mounts); do umount -l "\$dir"; done
echo \$\$ >&8
exec setpriv --reuid $(id -u alice) --regid $(id -g alice) --init-groups su bob -c true
END
	unshare --mount --propagation private bash "$T/nomount" 8>"$group/cgroup.procs" >/dev/null 2>&1
	ok "a group that cannot be left is said" has_logged "bob: no range this time: its cgroup /$cg/below (freezer) is not root's, and cannot be left: No such file or directory"
	not_ok "and nothing is given" grep -q '^bob:' /etc/subuid
else
	skip 3 "kernel: no cgroup v1 freezer"
fi

# --- hosts that reap ---------------------------------------------------------------------------

ok "a host with threads" gcc -O1 -g -D_GNU_SOURCE -o "$T/host" tests/pam/host.c -lpam -lpthread
module
for how in ignored handler thread; do
	tables ""
	REAP=$how run "$T/host" /etc/pam.d only 1 alice bob carl
	is "SIGCHLD, $how: ranges, and the host is as it was" "$status:$(grep -c ': Success' <<<"$out"):$(grep -c : /etc/subuid):$(grep changed <<<"$out")" "0:3:3:"
done
