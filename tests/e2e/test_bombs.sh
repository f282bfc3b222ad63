#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a user can set up for those who look at what runs, and what others then still get.
. "$(dirname "$0")/lib.sh"
plan 34
private_store

add_user alice -u 5001
add_user bob -u 5002
add_user mallory -u 5003
tables $'alice:100000:65536\nmallory:200000:65536'
mkdir -p "$T/bin"
cp "$BUILD"/attack/* "$T/bin"
chmod 755 "$T"
# as udev makes it
mknod -m 666 "$T/fuse" c 10 229

# A container of alice's, whose name is in the command line of its parent.
start become alice bash -c 'unshare --user sleep infinity &
	exec -a conmon bash -c "read -r _ <> <(:)" -n web'
parent=$started_pid
child_of() { cat "/proc/$1/task/$1/children" 2>/dev/null; }
is_container() { runs "$(child_of "$parent" | cut -d ' ' -f 1)" sleep && [ "$(tr '\0' ' ' <"/proc/$parent/cmdline" | cut -c 1-6)" = conmon ]; }
ok "a container of alice's" wait_for is_container
names() { timeout -k 1 20 "$PRE/bin/subid" ps --json | jq -r '.processes[] | [.creator, .container] | join(" ")' | sort -u | paste -sd ,; }
is "it has a name" "$(names)" "5001 web"

# --- a file system that does not answer, of which a page is unmapped ----------------------

install -d -o mallory "$T/silent"
lock_memory() { # number
	local file=$T/silent/$1
	install -d -o mallory "$file"
	start become mallory unshare --user --map-root-user --mount "$T/bin/silent" "$T/fuse" "$file" "$file.ready" 2>/dev/null
	locked=$started_pid
	wait_for test -e "$file.ready"
}
for i in 1 2 3 4 5 6; do lock_memory $i; done
hangs() { ! timeout -k 1 1 cat "/proc/$locked/cmdline"; }
ok "six processes of mallory's whose memory is locked" hangs
is "ps: alice's has its name" "$(names)" "5001 web,5003 "
is "as alice" "$(as alice timeout -k 1 20 subid ps --json alice | jq -r '.processes[0].container')" web
seconds() { # command...: ends in as many, of which one is for mallory
	local from=$SECONDS
	timeout -k 1 20 "$@" >/dev/null 2>&1
	[ $? -lt 124 ] && [ $((SECONDS - from)) -le 3 ]
}
ok "ps waits for one of them" seconds subid ps
ok "id" seconds subid id 100000
ok "audit" seconds subid audit
ok "grant" seconds subid grant -n --another alice
ok "revoke" seconds subid revoke -n alice
ok "list" seconds subid list alice
ok "unhold" seconds subid unhold -n 300000:1
# the process cannot end before the server has
for pid in "${started[@]}"; do
	# shellcheck disable=SC2046 # words are meant
	kill -KILL $(child_of "$pid") "$pid"
done
for pid in "${started[@]}"; do end "$pid"; done
started=()

# --- no descriptors left ------------------------------------------------------------------

# alice's ids are mapped in a namespace, but no line has them any more
start unshare --user --net sleep infinity
wait_for runs "$started_pid" sleep
echo 0 100000 65536 | tee "/proc/$started_pid/uid_map" >"/proc/$started_pid/gid_map"
tables mallory:200000:65536
few() { # command...: what it answers with any number of descriptors with which it starts
	local n
	for n in {4..24}; do
		prlimit --nofile="$n" "$PRE/bin/subid" -q "$@" >/dev/null 2>&1
		echo "$?"
	done | sort -u | paste -sd ' '
}
grants() { few grant -n --range 100000:10 mallory; }
is "a namespace: no grant gives its ids, however few descriptors there are" "$(grants)" "1 3"
exec 9<"/proc/$started_pid/ns/net"
start sleep infinity
exec 9<&-
end "${started[0]}"
is "one that a descriptor keeps" "$(grants)" "1 3"
tables alice:100000:65536
is "nor are they taken back" "$(few revoke -n alice)" "1 3"
tables mallory:200000:65536
blind=
for n in {4..24}; do
	said=$(prlimit --nofile="$n" "$PRE/bin/subid" audit --fail-on never 2>&1)
	case $?$said in 0*live-unauthorised* | 3*) ;; *) blind+="$n: $said" ;; esac
done
is "an audit finds it, or says that it could not tell" "$blind" ""
end "${started[-1]}"

# --- large tables, many namespaces, many mounts -------------------------------------------

tables $'alice:100000:65536\nmallory:200000:65536'
bombs() { # user, arguments of bomb, after READY: its pid is $bomb
	local ready=$T/bombs.$1/$RANDOM$RANDOM user=$1 what=$2
	install -d -o "$user" "${ready%/*}"
	shift 2
	start become "$user" "$T/bin/bomb" "$what" "$ready" "$@"
	bomb=$started_pid
	wait_for test -e "$ready"
}
hidden_found() { subid --json audit --partial --fail-on never | jq .summary.looked_at.namespaces; }
missing() { "$@" 2>/dev/null | jq -r '.summary.missing | join(" ")'; }
calls() { # system call, pattern, command...: how often
	local call=$1 pattern=$2
	shift 2
	strace -qqf --seccomp-bpf -e trace="$call" -o "$T/calls" "$@" >/dev/null 2>&1
	grep -c "$pattern" "$T/calls"
}
without_kcmp() { strace -qqf --seccomp-bpf -e trace=kcmp -e inject=kcmp:error=ENOSYS -o /dev/null "$@"; }

bombs mallory tables 3000 300
n=$(calls statx . subid audit --thorough)
ok "a table of 3,000 descriptors that 300 processes share is read once ($n calls)" test "$n" -ge 3000 -a "$n" -le 4000
is "what it keeps is found" "$(hidden_found)" 1
is "without kcmp, too, without a limit" "$(without_kcmp subid --json audit --thorough --fail-on never | jq .summary.looked_at.namespaces)" 1
n=$(calls statx . subid grant -n alice/c1)
ok "a lease of another's reads some of it alone" test "$n" -le 2500
bombs alice namespaces 40
like "without kcmp each is read, until the limit: which is said, with the user" \
	"$(missing without_kcmp subid --json audit)" "*process * (bomb) of mallory (uid 5003): not all that its user's processes have open *"
ok "who else hides something is found all the same" \
	test "$(without_kcmp subid --json audit --partial --fail-on never | jq .summary.looked_at.namespaces)" -ge 40
like "as a finding" "$(without_kcmp subid --json audit --partial --fail-on never | jq -r '.findings[] | select(.rule == "live-hidden") | .owner + " " + .reason')" \
	"mallory mallory has more descriptors, mounts or namespaces than are looked through, as in process *"
end "$bomb"
end "${started[-2]}"
none() { [ "$(hidden_found)" = 0 ]; }
ok "when they have ended nothing is left" wait_for none

# For a container what its owner, root, and who has some of the same ids hide is sought.
hide_far() { # user, first id: a namespace that only the last of 2,600 descriptors keeps
	local outer fd
	start unshare --user --net sleep infinity
	outer=$started_pid
	wait_for runs "$outer" sleep
	echo "0 $2 1000" | tee "/proc/$outer/uid_map" >"/proc/$outer/gid_map"
	start bash -c "ulimit -n 4096; exec 3000<'/proc/$outer/ns/net'
		for fd in {20..2620}; do eval \"exec \$fd</dev/null\"; done
		$(declare -f enter_cgroup become); T=$T; $(declare -p cgroup 2>/dev/null)
		become $1 sleep infinity"
	hider=$started_pid
	wait_for runs "$hider" sleep
	end "$outer"
}
bombs mallory tables 3000 10
for user in alice root; do
	hide_far $user 100000
	# as alice and as root
	expect "ids of a container that its owner or root hides are no other container's" 0 'alice/c1 uid 101000 *gid 101000 *' '*' \
		subid grant -n --count 1000 alice/c1
	expect "nor by range: $user's" 1 '' "*alice/c1: uid 100500-100509: *in use by process $hider (sleep)*" \
		subid -q grant -n --range 100500:10 alice/c1
	end "$hider"
done
tables $'alice:100000:65536\nbob:150000:20000\nmallory:200000:65536'
hide_far bob 150000
expect "nor those of who has the same line" 1 '' "*alice/c1: uid 150000-150009: *in use by process $hider (sleep)*" \
	subid -q grant -n --range 150000:10 alice/c1
tables $'alice:100000:65536\n5002:150000:20000\nmallory:200000:65536'
expect "by whatever name" 1 '' '*uid 150000-150009: *in use by*' subid -q grant -n --range 150000:10 alice/c1
tables $'alice:100000:65536\nnobody:150000:20000\ngone:150000:20000\nmallory:200000:65536'
expect "or by one that has no account" 1 '' '*uid 150000-150009: *in use by*' subid -q grant -n --range 150000:10 alice/c1
tables $'alice:100000:65536\nmallory:200000:65536'
expect "who has none of them keeps none" 0 'alice/c1 *' '*' subid grant -n --range 150000:10 alice/c1
end "$hider"
end "$bomb"
hide_mounts() {
	install -d -o mallory "$T/bombs.mounts"
	start become mallory unshare --user --map-root-user --mount "$T/bin/bomb" mounts "$T/bombs.mounts/ready" 500 20
	wait_for test -e "$T/bombs.mounts/ready"
}
hide_mounts
n=$(calls openat '/mountinfo' subid audit --thorough)
ok "500 mounts one on the other, and 20 chroots: each mount namespace once or twice ($n)" test "$n" -ge 2 -a "$n" -le 6
# up to eight times, when somebody renames something meanwhile
n=$(calls openat2 RESOLVE_CACHED subid audit --thorough)
ok "and the path that they are at ($n)" test "$n" -ge 1 -a "$n" -le 40
