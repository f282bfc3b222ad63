#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Another program truncates a table where it is, without the locks, and writes it later:
# nothing is lost, of what it writes or of what is granted.
. "$(dirname "$0")/lib.sh"
plan 15

add_user alice -u 7100
add_user bob -u 7200

# Truncates a table, makes $T/truncated, and writes lines once $T/write is there, or after
# so many seconds.
cat >"$T/rewrite.py" <<'END'
import os, sys, time
table, lines, seconds, mark = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]
with open(table, "w") as file:
    open(mark + "/truncated", "w").close()
    until = time.monotonic() + seconds
    while time.monotonic() < until and not os.path.exists(mark + "/write"):
        time.sleep(0.01)
    file.write(lines)
END
rewrite() { # table lines seconds
	rm -f "$T/truncated" "$T/write"
	start python3 "$T/rewrite.py" "$1" "$2" "$3" "$T"
	wait_for test -e "$T/truncated"
}

backup() { # what the tables were before the last change
	printf '%s\n' "$1" | tee /etc/subuid- >/etc/subgid-
}

# who writes soon is waited for
for table in subuid subgid; do
	tables $'kept:100000:65536\nother:165536:65536'
	backup $'kept:100000:65536\nother:165536:65536'
	rewrite "/etc/$table" $'kept:100000:65536\nother:165536:65536\nthird:231072:65536\n' 0.3
	expect "$table: a grant waits for who writes it" 0 '*' '' subid grant bob
	wait "$started_pid"
	is "$table: what was written stays, and the grant with it" "$(cut -d: -f1 /etc/$table | paste -sd ' ')" "kept other third bob"
	is "$table: no ids twice" "$(cut -d: -f2 /etc/$table | sort | uniq -d)" ""
done

# who does not is not overtaken, also where there is no backup
for had in '' kept:100000:65536; do
	tables kept:100000:65536
	[ -z "$had" ] || backup "$had"
	rewrite /etc/subuid $'kept:100000:65536\n' 600
	expect "while it is open nothing is granted${had:+ (with a backup)}" 3 '' \
		'subid: /etc/subuid: another program has it open for writing*try again*' timeout 20 subid grant bob
	is "the lock is free" "$(find /etc -name 'sub*.lock')" ""
	: >"$T/write"
	wait "$started_pid"
	tables_are "and nothing is lost" kept:100000:65536
done

# emptied for good: who did it is waited for, and has finished
tables kept:100000:65536
backup kept:100000:65536
: >/etc/subuid
: >/etc/subgid
expect "emptied, and nobody is at work: a grant goes on" 0 'alice uid *' '' subid grant alice

# shadow's tools and ours put a new file in its place: nobody waits for that
tables alice:100000:65536
usermod --del-subuids 100000-165535 --del-subgids 100000-165535 alice
is "(usermod empties both)" "$(cat /etc/subuid /etc/subgid)" ""
expect "usermod empties a table: no word of it" 0 'bob uid *' '' subid grant bob
