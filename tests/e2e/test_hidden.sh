#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a user hides from root: a namespace that no process is in, with its mount beneath
# another one.  It must not stop what others are given, nor get them ids of others.
. "$(dirname "$0")/lib.sh"
plan 57
private_store

add_user alice -u 5001
add_user bob -u 5002
add_user mallory -u 5003
add_user carol -u 5004
add_user dora -u 5005
good=$'alice:100000:65536\nmallory:200000:65536'
tables "$good"

# In a mount namespace of mallory's: a namespace of this kind, its file mounted, and
# beneath another mount.  Who holds it: $hider; the user namespace: $ns.
hide() { # user|net
	local file=$T/home/mallory/$1
	rm -f "$file" "$file.done"
	start become mallory unshare --user --map-root-user --mount sh -c "
		: >$file
		unshare --user --net sleep infinity &
		until [ \"\$(cat /proc/\$!/comm)\" = sleep ]; do :; done
		readlink /proc/\$!/ns/user >$file.ns
		mount --bind /proc/\$!/ns/$1 $file
		kill -KILL \$!
		wait \$!
		mount --bind /dev/null $file
		: >$file.done
		exec sleep infinity" 2>/dev/null
	hider=$started_pid
	wait_for test -e "$file.done"
	wait_for runs "$hider" sleep
	ns=$(tr -dc 0-9 <"$file.ns")
	who="process $hider (sleep) of mallory (uid 5003)"
}
# As on a host on which nobody has sought anything yet.
never_looked() {
	rm -f /var/lib/subid/ledger
	subid list --released >/dev/null 2>&1
}
findings() { subid --json audit --partial --fail-on never | jq -r '.findings[] | ., .also[]? | select(.rule | startswith("live-")) |
	[.level, .rule, .owner // "-", .namespace // "-", (.pids // [])[]] | join(" ")'; }

hide user
expect "a grant goes on, and says who hides something" 0 'bob uid 265536 *' \
	"subid: warning: $who keeps a user namespace out of sight, *" subid grant bob
expect "quietly" 0 '' '' subid -q grant -n --another bob
is "the finding says so" "$(findings)" "warning live-hidden mallory $ns $hider"
expect "the audit is partial, and says who" 3 '*' "*partial: $who keeps user namespace $ns out of sight *" subid audit
like "so does JSON" "$(subid --json audit 2>/dev/null | jq -r '.summary.missing[]')" "$who keeps user namespace $ns *"
expect "which one can accept" 0 '*' '' subid audit --partial

# What was taken back is not given to the next while somebody may have hidden it.
expect "a revoke goes on, too: the ids are held" 0 '*released*' "subid: warning: $who *" subid revoke bob
expect "but not if they are to be given again, of whose may be in it" 3 '' \
	"subid: mallory: $who keeps *: nothing was changed: end the process, or do without --reuse, or use --force" \
	subid revoke --reuse mallory
tables_are "nothing was changed" "$good"$'\n!released:265536:65536'
expect "nobody else's is held up" 0 '*free*' '' subid revoke -n --reuse alice
expect "a part of it is taken back" 0 '*' '*' subid revoke --range 265000:536 mallory
expect "nor is that given back" 3 '' "subid: 265000:536: $who keeps *: nothing was changed: end the process, or use --force" \
	subid unhold 265000:536
expect "nor together with others'" 3 '' "subid: 265000:66000: $who keeps *" subid unhold 265000:66000
expect "not held, none is said to be hidden" 1 '' 'subid: 700000:1: none of these ids is held' subid unhold 700000:1
expect "by force it is" 0 '*' "subid: warning: 265000:536: $who *--force: done all the same*" subid unhold --force 265000:536
expect "nobody else's needs that" 0 '*' '' subid unhold 265536:65536
never_looked
expect "yet not given at once" 1 '' "subid: bob: uid 265536-331071: taken from somebody by the last change of /etc/subuid, *process $hider (sleep)*
subid: bob: gid *" subid -q grant --range 265536:65536 bob
printf '%s\n' "$good" 'carol:265536:65536' | tee /etc/subuid- >/etc/subgid-
never_looked
expect "nor is what another program took away" 0 'bob uid 331072 *' '*warning*' subid grant -n bob
ln -sf /nowhere /etc/subuid-
expect "what was before must be known then" 3 '' 'subid: /etc/subuid-: it is a symbolic link to **' subid grant -n bob
rm -f /etc/sub?id-
tables "$good"$'\n!released:900000:10'
expect "what was released when nobody kept a record may be anybody's" 3 '' "subid: 900000:10: $who *" subid unhold 900000:10
expect "ids that nobody had are held as ever" 0 '*reserved*' '' subid hold 800000:10
tables "$good"

# Containers of others.
expect "a lease is given, with a warning" 0 'alice/c1 uid 100000 *' "subid: warning: $who *" subid grant --count 1000 alice/c1
expect "and taken back" 0 'alice/c1 uid 100000 *released*' "subid: warning: $who *" subid revoke alice/c1
expect "the hider's own" 0 'mallory/c1 *' '*' subid grant --range 201000:1000 mallory/c1
expect "is taken back" 0 'mallory/c1 *' '*' subid revoke mallory/c1
expect "but not for the next" 3 '' "subid: 201000:1000: $who *" subid unhold 201000:1000
expect "by force" 0 '*' "subid: warning: 201000:1000: $who *--force: done all the same*" subid unhold --force 201000:1000
expect "anybody else's is for the next, too" 0 '*' '' subid unhold 100000:1000
expect "yet not given at once" 0 'alice/c2 uid 101000 *' '*warning*' subid grant --count 1000 alice/c2
expect "what it has it keeps" 0 'alice/c2 uid 101000 *kept*' '*warning*' subid grant --range 101000:1000 alice/c2
end "$hider"

# The same of another kind of namespace, which holds its user namespace.
hide net
expect "of a network" 0 'bob uid 265536 *' "subid: warning: $who *" subid grant -n bob
is "the finding says so" "$(findings)" "warning live-hidden mallory - $hider"
expect "the audit is partial, and says who" 3 '*' "*partial: $who keeps user namespace out of sight *" subid audit
subid --json audit --fail-on never 2>/dev/null | jq -r '.findings[] | select(.rule == "live-hidden").advice[]' >"$T/typed"
ok "the command that is printed" sh -e "$T/typed"
wait "$hider" 2>/dev/null
expect "ends that" 0 '*' '' subid audit
expect "and nothing is held up any more" 0 '*' '' subid revoke --reuse alice/c2

# Hidden here and in sight there is not hidden.
tables "$good"
new_target mallory
ns=$(readlink "/proc/$target/ns/user" | tr -dc 0-9)
echo "0 700000 10" >"/proc/$target/uid_map"
touch "$T/net" "$T/held"
start unshare --mount --propagation private sh -c "mount --bind /proc/$target/ns/user $T/held &&
	mount --bind /proc/$target/ns/net $T/net && mount --bind /dev/null $T/held && mount --bind /dev/null $T/net &&
	exec sleep infinity"
coverer=$started_pid
wait_for runs "$coverer" sleep
start unshare --mount --propagation private sh -c "mount --bind /proc/$target/ns/user $T/held && exec sleep infinity"
wait_for runs "$started_pid" sleep
expect "covered in one place, and a process is in it" 1 '' "subid: bob: uid 700000-700009: mapped by *" subid grant -n --range 700000:10 --uid bob
end "$target"
expect "or it is seen in another mount namespace, later" 1 '' "subid: bob: uid 700000-700009: mapped by *" subid grant -n --range 700000:10 --uid bob
expect "nothing is hidden" 0 'bob *' '' subid grant -n bob
end "$started_pid"
wait_for test "$(findings)" != ""
is "until that ends" "$(findings)" "warning live-hidden root $ns $coverer"
end "$coverer"
expect "and the other" 0 'bob *' '' subid grant -n bob

# Very many of them keep nobody waiting: the mounts are looked at again once for all.
install -m 644 "$TESTS/e2e/many_hidden.py" "$T"
start become mallory unshare --user --map-root-user --mount python3 "$T/many_hidden.py" "$T/home/mallory" 400
hider=$started_pid
wait_for test -e "$T/home/mallory/ready"
expect "hundreds: a grant" 0 'bob *' "subid: warning: process $hider (python3) of mallory (uid 5003) keeps *(and there are 399 more)*" \
	timeout 20 subid grant -n bob
expect "and the audit: one finding" 3 '*' '*' timeout 20 subid --json audit
end "$hider"

# --- a search counts, whoever hides something ----------------------------------------------

# In a window of four: what alice, mallory and a nameless owner had is left.
printf '%s\n' 'SUB_UID_MIN 100000' 'SUB_UID_MAX 100049' 'SUB_UID_COUNT 10' 'SUB_GID_MIN 100000' 'SUB_GID_MAX 100049' 'SUB_GID_COUNT 10' >>/etc/login.defs
fresh() {
	rm -f /var/lib/subid/ledger /etc/sub?id-
	tables $'alice:100000:10\nmallory:100010:10\nmallory:200000:10'
	subid list --released >/dev/null 2>&1
	usermod -V 100000-100009 -W 100000-100009 alice
	usermod -V 100010-100019 -W 100010-100019 mallory
}
mounts() { # command...: of how many mount namespaces the mounts are read
	strace -qqf -e trace=openat -o "$T/calls" "$@" >/dev/null 2>&1
	grep -c '/mountinfo"' "$T/calls"
}
fresh
hide user
expect "a first grant looks, and goes on" 0 'bob uid 100020 *' "subid: warning: $who *" subid grant bob
is "the ledger names who hid something" "$(grep -c '^h [0-9]* 5003 1 ' /var/lib/subid/ledger)" 1
expect "the next one need not look" 0 'carol uid 100030 *' '' subid grant carol
is "and does not" "$(mounts subid grant -n --another bob)" 0
ok "who seeks does" test "$(mounts subid grant -n --reuse-left --another bob)" -gt 0
echo 'allow left-ids:bob "small window"' >/etc/subid.conf
expect "what others left may be given" 0 'bob uid 100040 *' '' subid grant --another bob
expect "as it was sought" 0 'bob uid 100000 *' '' subid grant --another bob
expect "but not what the one had who hides something" 1 '' "*not given before hidden user namespaces were sought*" subid grant --another bob
expect "nor after another search" 1 '' "*may be in a user namespace that $who keeps out of sight*" subid grant --another --reuse-left bob
end "$hider"
expect "until it has ended" 0 'bob uid 100010 *' '' subid grant --another --reuse-left bob

# What is found has its ids, for as long as it is there.
fresh
start unshare --user --net sleep infinity
outer=$started_pid
wait_for runs "$outer" sleep
echo 0 100000 10 | tee "/proc/$outer/uid_map" >"/proc/$outer/gid_map"
exec 9<"/proc/$outer/ns/net"
start sleep infinity
exec 9<&-
end "$outer"
expect "one that is found" 0 'carol uid 100010 *' '' subid grant --reuse-left --range 100010:10 carol
subid -q grant --range 100020:30 dora
expect "a grant that does not look gives nothing that it maps" 1 '' "*not given before hidden user namespaces were sought*" subid grant bob
expect "nor does one that does" 1 '' "*" subid grant --reuse-left bob
end "$started_pid"
expect "until it has ended" 0 'bob uid 100000 *' '' subid grant --reuse-left bob
