#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A helper that has read a line of the table and has not written its map yet, because its
# caller stopped it: the ids are in use, or else its caller and their next owner would
# share them when it goes on.
. "$(dirname "$0")/lib.sh"
plan 33

add_user alice -u 5001
add_user bob -u 5002
mount -t tmpfs -o mode=755 state /var/lib
chmod 755 "$T"

# strace stops it at each call, and for good only by the signal
stops() { grep -q 'stopped by SIGSTOP' "$T/strace"; }
has_child() { child=$(pgrep -P "$1" -x "$2"); }

# A helper that alice stops when it has read the table: $helper, for $target.
stop_helper() { # program start count [system call]
	local call=${4-close} program
	program=$(basename "$1")
	new_target alice
	rm -f "$T/strace"
	start strace -qq -o "$T/strace" -u alice -P "/etc/sub${program:3:1}id" -e "trace=$call" \
		-e "inject=$call:signal=STOP:when=1" "$1" "$target" 0 "$2" "$3"
	tracer=$started_pid
	wait_for has_child "$tracer" "$program" && wait_for stops || echo "# $1 was not stopped"
	helper=$child
}

go_on() {
	kill -CONT "$helper"
	wait "$tracer"
}

end_helper() {
	kill -KILL "$helper"
	wait "$tracer" 2>/dev/null
	end "$target"
}

for kind in uid gid; do
	tables alice:100000:65536
	stop_helper "new${kind}map" 100000 1000
	about="*process $helper (new${kind}map) is about to map $kind 100000-100999*"
	expect "$kind: a stopped helper keeps the ids from the next owner" 1 '' "$about" subid revoke --reuse alice
	expect "$kind: and from coming to rest" 1 '' "$about" subid revoke alice
	expect "$kind: other ids of hers are free" 0 'alice uid 150000 *' '' subid revoke --reuse --range 150000:10 alice
	expect "$kind: --force takes them" 0 '*' "*is about to map $kind 100000-100999*warning: alice: --force: done all the same*" subid revoke --force alice
	expect "$kind: but they are not given back" 1 '' "$about" subid unhold 100000:65536
	is "$kind: they are held" "$(grep -c '^!released:' /etc/subuid)" 2
	go_on
	is "$kind: it writes its map" "$(map_of "$kind" "$target")" "0 100000 1000"
	expect "$kind: what is mapped is not given" 1 '' '*taken*' subid grant --range 100000:10 bob
	expect "$kind: nor given back" 1 '' "*maps $kind 100000-100999*" subid unhold 100000:65536
	subid -q unhold --force 100000:65536
	expect "$kind: nor then" 1 '' "*process $target*" subid grant --range 100000:10 bob
	end "$target"
	expect "$kind: it is when that is gone" 0 'bob *' '' subid grant --range 100000:10 bob
done

# The same helper, but between the look at what runs and the change of the table: stopped
# when it names the old table a second time.
stop_in_commit() { # command...
	rm -f "$T/strace"
	start strace -qq -o "$T/strace" -e trace=linkat -e inject=linkat:signal=STOP:when=3 "$@" >"$T/out" 2>"$T/err"
	subid_tracer=$started_pid
	wait_for has_child "$subid_tracer" subid && wait_for stops || echo "# subid was not stopped"
	stopped=$child
}

tables alice:100000:65536
stop_in_commit subid revoke --reuse alice
stop_helper newuidmap 100000 65536
kill -CONT "$stopped"
wait "$subid_tracer"
is "a helper that comes in between" "$?" 1
like "is seen" "$(<"$T/err")" "*process $helper (newuidmap) is about to map uid 100000-165535*the ids are held*"
is "and the ids are held" "$(cat /etc/subuid /etc/subgid)" $'!released:100000:65536\n!released:100000:65536'
end_helper
expect "until it has ended" 0 '*' '' subid unhold 100000:65536

tables alice:100000:65536
expect "a container with lines of its own" 0 '*' '' subid grant --own --count 1000 alice/c1
read -r _ _ first _ <<<"$out"
stop_helper newuidmap "$first" 1000
expect "its ids are in use by a helper" 1 '' "*(newuidmap) is about to map uid $first-*" subid revoke --own --reuse alice/c1
end_helper
expect "and free later" 0 '*free*' '' subid revoke --own --reuse alice/c1
is "with nothing held" "$(</etc/subuid)" alice:100000:65536

# Shadow's helper reads and writes in the same order.
tables alice:100000:65536
stop_helper /usr/bin/newuidmap 100000 65536 read
expect "shadow's helper is known, too" 1 '' "*(newuidmap) is about to map uid 100000-165535*" subid revoke --reuse alice
end_helper
expect "nothing is left in the way" 0 '*free*' '' subid revoke --reuse alice
is "and nothing in the tables" "$(cat /etc/sub[ug]id)" ""
