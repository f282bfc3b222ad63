#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # words of other shells; ldap.sh's
# Ten hosts and one directory, in many orders: hosts that were restored from a backup, an
# owner that is revoked while a host runs its processes, ids that move on to another one, a
# directory that ends or hangs in the middle, syncs that are killed.  No host's tables ever
# have an id twice; and in the end all hosts have what the directory has.
# SUBID_SEED takes other orders.
# long
. "$(dirname "$0")/lib.sh"
. tests/e2e/ldap.sh
plan 31

hosts=(1 2 3 4 5 6 7 8 9 10) owners=(a b c d e f g h)
ldap_begin ""
ldap_pool 1000000000 1000319999 10000 # 32 blocks
for i in "${!owners[@]}"; do
	add_user "${owners[i]}" -u $((7000 + i))
	ldap_user "${owners[i]}" $((7000 + i))
done
site_conf "users ou=people,dc=example,dc=org" "pool main 1000000000-1000319999 block 10000" "timeout 2"
tables
for host in "${hosts[@]}"; do
	mkdir -p "$T/host$host/var"
	cp -a /etc "$T/host$host/etc"
done
D() { subid --directory -q "$@" >>"$T/log" 2>&1; }

# Runs a command as on a host, which has processes of its own.
on() { # host command...
	local dir=$T/host$1
	shift
	unshare --mount --propagation private --pid --mount-proc --fork --kill-child bash -c '
		mount --bind "$0/etc" /etc
		mount --bind "$0/var" /var/lib/subid
		mount -t tmpfs -o mode=755 run /run
		exec "$@"' "$dir" "$@"
}
sync_on() { # host: its status is in a file
	on "$1" subid sync --all --force >"$T/out$1" 2>"$T/err$1"
	echo $? >"$T/status$1"
}
sync_all() {
	local host pids=()
	for host in "${hosts[@]}"; do sync_on "$host" & pids+=("$!"); done
	wait "${pids[@]}"
}
statuses() { (cd "$T" && cat status* | sort -u | paste -sd ' '); }

# What is wrong with the tables: ids that are there twice; with a list of the directory's
# grants, also what differs.
cat >"$T/look.py" <<'END'
import sys
given = None
if len(sys.argv) > 2:
    given = sorted((w[0], int(w[2]), int(w[4])) for w in map(str.split, open(sys.argv[2])) if w[5] == "granted" and w[1] == "uid")
for host in range(1, 11):
    for name in "subuid", "subgid":
        rows = []
        for line in open(f"{sys.argv[1]}/host{host}/etc/{name}"):
            owner, start, count = line.rstrip("\n").split(":")
            rows.append((owner, int(start), int(count)))
        end = 0
        for owner, start, count in sorted(rows, key=lambda row: row[1]):
            if start < end:
                print(f"host {host}, {name}: {owner}:{start} overlaps")
            end = start + count
        lines = sorted(row for row in rows if row[0][0] != "!")
        if given is not None and lines != given:
            print(f"host {host}, {name}: {lines} and not {given}")
END
clean() { is "$1: no host has an id twice" "$(python3 "$T/look.py" "$T")" ""; }
same() { # name
	subid --directory list >"$T/given"
	is "$1: all have what the directory has" "$(python3 "$T/look.py" "$T" "$T/given")" ""
}
backup() { rm -rf "$T/backup$1" && cp -a "$T/host$1" "$T/backup$1"; }
restore() { # host part...
	local part
	for part in "${@:2}"; do rm -rf "$T/host$1/$part" && cp -a "$T/backup$1/$part" "$T/host$1/$part"; done
}
block() { subid --directory list -u "$1" | awk '{ print $3 }'; }

# --- all at once -------------------------------------------------------------------------

for owner in a b c d e; do D grant $owner; done
sync_all
is "ten hosts at once: done" "$(statuses)" 0
same "at once"
sync_all
is "again: nothing to do" "$(statuses):$(cat "$T"/out*)" "0:"

# --- restored from a backup ------------------------------------------------------------------

for host in 3 4 5; do backup $host; done
first=$(block a)
D revoke a
D unhold "$first:10000"
D grant f
is "a's ids move on to f" "$(block f)" "$first"
D revoke b
sync_all
is "each host follows" "$(statuses)" 0
same "moved on"
restore 3 etc var
restore 4 etc
restore 5 var
is "a host is set back: a has the ids again" "$(grep -c "^a:$first:10000$" "$T/host3/etc/subuid")" 1
sync_all
is "set back, wholly or in part: done" "$(statuses)" 0
same "set back"
backup 6
D grant b
sync_all
same "given since"
restore 6 etc var
on 6 subid -q grant --range 2000000000:10 a >"$T/out" 2>&1
sync_on 6
is "what it had given by itself meanwhile stays" "$(grep -c '^a:2000000000:10$' "$T/host6/etc/subuid")" 1
clean "with one's own ranges"
on 6 subid -q revoke a --range 2000000000:10 --reuse --force >"$T/out" 2>&1
sed -i '/2000000000/d' "$T"/host6/etc/sub?id
sync_all
same "without them"

# --- revoked while a host runs its processes ------------------------------------------------------

start_of_c=$(block c)
cat >"$T/busy.sh" <<'END'
# on a host: c runs something with its ids until a file is there
uid=$(id -u c)
setpriv --reuid "$uid" --regid "$(id -g c)" --clear-groups unshare --user sleep 300 &
target=$!
for _ in {1..200}; do
	[ "$(cat /proc/$target/comm)" != sleep ] || break
	sleep 0.05
done
newuidmap "$target" 0 "$1" 10 2>/dev/null || setpriv --reuid "$uid" --regid "$(id -g c)" --clear-groups newuidmap "$target" 0 "$1" 10 || echo "no map"
touch "$2/busy"
until [ -e "$2/go" ]; do sleep 0.05; done
subid sync --all --force >"$2/busy.out" 2>"$2/busy.err"
echo $? >"$2/busy.status"
touch "$2/done"
until [ -e "$2/free" ]; do sleep 0.05; done
kill -KILL "$target"
wait "$target" 2>/dev/null
subid sync --all --force >"$2/free.out" 2>"$2/free.err"
echo $? >"$2/free.status"
END
start on 2 bash "$T/busy.sh" "$start_of_c" "$T"
wait_for test -e "$T/busy"
D revoke c
D unhold "$start_of_c:10000"
D grant g
is "c's ids move on to g, while host 2 runs c's processes" "$(block g)" "$start_of_c"
touch "$T/go"
for host in 1 3 4 5 6 7 8 9 10; do sync_on $host & waits+=("$!"); done
wait "${waits[@]}"
wait_for test -e "$T/done"
rm -f "$T/status2"
is "the others follow" "$(statuses)" 0
is "host 2 does not" "$(<"$T/busy.status")" 1
like "it says why" "$(<"$T/busy.err")" "*c: in use*"
like "and what is in the way of g" "$(<"$T/busy.err")" "*g: uid $start_of_c-*taken by /etc/subuid:*"
is "c's line stands there" "$(grep -c "^c:$start_of_c:10000$" "$T/host2/etc/subuid")" 1
clean "in use"
touch "$T/free"
wait "$started_pid"
is "once it has ended, so does host 2" "$(<"$T/free.status"):$(grep -c "^g:$start_of_c:10000$" "$T/host2/etc/subuid")" "0:1"
same "no more in use"

# --- the directory ends, or hangs, in the middle ---------------------------------------------------

D grant h
D revoke d
for ((i = 0; i < 3; i++)); do
	sync_all &
	all=$!
	read -rt 0.0$((i * 2 + 1)) <> <(:)
	if [ $((i % 2)) = 0 ]; then kill -STOP "$ldap_pid"; else ldap_stop; fi
	wait "$all"
	statuses >>"$T/middle"
	if [ $((i % 2)) = 0 ]; then kill -CONT "$ldap_pid"; else ldap_again; fi
	# the hosts that had an answer follow, the others stay as they were
	if [ $((i % 2)) = 0 ]; then D grant d; else D revoke d; fi
	python3 "$T/look.py" "$T" >>"$T/wrong"
done
is "down in the middle: done, or it could not be asked" "$(tr ' ' '\n' <"$T/middle" | sort -u | tr -d '03\n')" ""
ok "some could not" grep -q 3 "$T/middle"
is "no host has an id twice meanwhile" "$(<"$T/wrong")" ""
sync_all
is "it is there again: done" "$(statuses)" 0
same "there again"

# --- many orders -----------------------------------------------------------------------------------

RANDOM=${SUBID_SEED:-14}
: >"$T/wrong"
for host in "${hosts[@]}"; do backup "$host"; done
for ((i = 0; i < 25; i++)); do
	owner=${owners[RANDOM % 8]} host=${hosts[RANDOM % 10]}
	echo "$i" >>"$T/log"
	case $((RANDOM % 9)) in
	0 | 1) D grant "$owner" ;;
	2) D revoke "$owner" ;;
	3) ids=$(block "$owner" 2>>"$T/log") && D revoke "$owner" && D unhold "$ids:10000" ;;
	4) restore "$host" etc var ;;
	5) restore "$host" etc ;;
	6) backup "$host" ;;
	7) sync_on "$host" ;;
	8) # killed
		start on "$host" subid -q sync --all --force 2>>"$T/log"
		read -rt 0.0$((RANDOM % 9)) <> <(:)
		end "$started_pid"
		;;
	esac
	python3 "$T/look.py" "$T" | sed "s/^/step $i: /" >>"$T/wrong"
done
is "25 steps in a random order: no host has an id twice after any" "$(<"$T/wrong")" ""
sync_all
is "then all are done" "$(statuses)" 0
same "the random order"
is "and the directory's audit has nothing against them" "$(
	for host in "${hosts[@]}"; do on "$host" subid --json list >"$T/list$host.json"; done
	subid --directory audit --fail-on never --hosts "$T"/list*.json | grep -v pool-filling
)" ""
[ "$failures" = 0 ] || tail -n 60 "$T/log" "$T"/err* | sed 's/^/# /'
