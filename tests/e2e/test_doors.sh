#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every door by which ids that somebody had go to the next: none of them opens while a
# namespace still has the ids, be it seen, kept by a descriptor, or hidden by whose they
# were.
. "$(dirname "$0")/lib.sh"
private_store

add_user alice -u 5001
add_user bob -u 5002
add_user mallory -u 5003
add_user carol -u 5004
ledger=/var/lib/subid/ledger

# How the ids are kept; $keeper is who does.
seen() {
	start unshare --user --net sleep infinity
	keeper=$started_pid
	wait_for runs "$keeper" sleep
	echo 0 200000 10 | tee "/proc/$keeper/uid_map" >"/proc/$keeper/gid_map"
}
descriptor() {
	seen
	local outer=$keeper
	exec 9<"/proc/$outer/ns/net"
	start sleep infinity
	keeper=$started_pid
	exec 9<&-
	end "$outer"
}
# of mallory's, beneath another mount
hidden() {
	local file=$T/home/mallory/file
	rm -f "$file" "$file.done"
	start become mallory unshare --user --map-root-user --mount sh -c "
		: >$file
		unshare --user sleep infinity &
		until [ \"\$(cat /proc/\$!/comm)\" = sleep ]; do :; done
		mount --bind /proc/\$!/ns/user $file
		kill -KILL \$!
		wait \$!
		mount --bind /dev/null $file
		: >$file.done
		exec sleep infinity" 2>/dev/null
	keeper=$started_pid
	wait_for test -e "$file.done"
	wait_for runs "$keeper" sleep
}

# What is there before the door, and the door.
mallory() {
	tables $'alice:100000:65536\nmallory:200000:65536'
	subid list --released >/dev/null
}
revoked() { mallory && subid -q revoke mallory; }
leased() { mallory && subid -q grant --count 1000 mallory/c1; }
lease_revoked() { leased && subid -q revoke mallory/c1; }
own_lease() {
	tables 'alice:100000:65536'
	printf 'SUB_%s_MIN 200000\n' UID GID >>/etc/login.defs
	subid -q grant --own --count 1000 mallory/c2
}
left() {
	mallory
	subid -q grant carol
	usermod -V 200000-265535 -W 200000-265535 mallory
}
doors=(
	"revoke --reuse|mallory|revoke --reuse mallory"
	"of a part|mallory|revoke --reuse --range 200000:10 mallory"
	"of two owners|mallory|revoke --reuse alice mallory"
	"unhold|revoked|unhold 200000:65536"
	"of a part that is held|revoked|unhold 200005:1"
	"of a lease|leased|revoke --reuse mallory/c1"
	"unhold of a lease|lease_revoked|unhold 200000:1000"
	"of a lease with its line|own_lease|revoke --own --reuse mallory/c2"
	"rename|mallory|rename mallory bob"
	"grant --reuse-left|left|grant --reuse-left --range 200000:10 bob"
)
plan $((3 * 2 * ${#doors[@]} + 8))
all_that_is() { cat /etc/subuid /etc/subgid /var/lib/subid/subuid /var/lib/subid/subgid 2>/dev/null; }
defs=$(</etc/login.defs)
for how in seen descriptor hidden; do
	for door in "${doors[@]}"; do
		IFS='|' read -r name before command <<<"$door"
		rm -rf "$ledger" /var/lib/subid/sub?id* /etc/sub?id-
		printf '%s\n' "$defs" >/etc/login.defs
		"$before"
		"$how"
		was=$(all_that_is)
		# shellcheck disable=SC2086 # words are meant
		run timeout 30 subid -q $command
		like "$how: $name: no" "$status $out" "[13] *process $keeper?*sleep)*"
		is "$how: $name: nothing was changed" "$(all_that_is)" "$was"
		end "$keeper"
	done
done

# Its owner gets back what a namespace of nobody else has.
revoked
seen
expect "--restore: a namespace has them" 1 '' "subid: mallory: uid 200000-200009: mapped by a live user namespace (process $keeper, sleep)*" subid grant --restore mallory
end "$keeper"
descriptor
expect "and one that a descriptor keeps" 1 '' "*mapped by a live user namespace (kept alive by a descriptor or mount of process $keeper, sleep)*" subid grant --restore mallory
end "$keeper"
hidden
expect "what the owner hides does not matter" 0 'mallory uid 200000 *' '*' subid grant --restore mallory
expect "nor to whom is the same user by another name" 0 '*' '*' sh -c "sed -i s/^mallory:/renamed:/ /etc/passwd && subid -q rename mallory renamed"
sed -i s/^renamed:/mallory:/ /etc/passwd
subid -q rename renamed mallory
expect "by force it is another's" 0 'bob *' '*' subid rename --force mallory bob
end "$keeper"

# A session of the owner's keeps no container's ids.
lease_revoked
rm -rf "$T/session"
start become mallory unshare --user sleep infinity
session=$started_pid
wait_for runs "$session" sleep
printf '0 5003 1\n1 200000 65536\n' | tee "/proc/$session/uid_map" >"/proc/$session/gid_map"
expect "what a container had is in use by its owner's processes, but not by its session" 0 'mallory/c1 uid 200000 *free*' '*' subid unhold 200000:1000
end "$session"
ok "nothing is left" true
ok "and the tables are as they should be" subid audit --fail-on error --partial
