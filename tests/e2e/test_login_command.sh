#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid grant --login, run by hand: what pam_subid.so is answered.
. "$(dirname "$0")/lib.sh"
plan 36

rm -rf /etc/subid.conf /etc/subid.conf.d
sed -i '/^\(UID_M\|SUB_\)/d' /etc/login.defs
groupadd -g 7100 students
for user in alice bob carl; do add_user "$user"; done
usermod -aG students bob
useradd -r -M system
version=$(sed -n 's/^VERSION = //p' Makefile)
tables ""

# The answer, its lines divided by '|', after "subid VERSION".
login() { # name argument...
	local name=$1
	shift
	out=$(subid grant "--login=$name" "version=$version" "$@" 2>"$T/stderr" | tr '\n' '|')
	out=${out#"subid $version|"}
}
answers() { # name 'answer glob' tables login-name argument...
	local name=$1 wanted=$2 lines=$3
	shift 3
	login "$@"
	like "$name" "$out/$(</etc/subuid)/$(</etc/subgid)" "$wanted/$lines/$lines"
}

alice=alice:100000:65536
uid=$(id -u alice)
answers "a first login" "tell You have been granted 65536 subordinate ids for containers.|answer success|" "$alice" alice
answers "a second one" "answer success|" "$alice" alice
answers "a system account" "answer success|" "$alice" system
answers "and why" "log 7 no range: no rule of the policy fits|answer success|" "$alice" system debug
answers "nobody" "log 5 no range is granted: no such account|answer unknown|" "$alice" nosuch
answers "nobody, with required_for=" "log 5 no range is granted: no such account|answer ignore|" "$alice" nosuch required_for=students
answers "no name for an owner" "log 5 no range is granted: invalid owner name|answer unknown|" "$alice" 'a:b'
answers "an option for a name" "log 5 no range is granted: no such account|answer unknown|" "$alice" --help
answers "an empty name" "log 5 no range is granted: invalid owner name|answer unknown|" "$alice" ''
echo '!released:x:6001:7100::/:/bin/sh' >>/etc/passwd
answers "an account that no line can name, of the group" "log 5 no range is granted: invalid owner*|answer error|" "$alice" '!released' required_for=students
tables ""
answers "count=" "tell *|answer success|" alice:100000:7 alice count=7
answers "min_uid=" "answer success|" alice:100000:7 bob min_uid=60001
answers "min_uid= and required_for=" "warn You have no subordinate ids, which students need: the policy of this host grants you none. Ask the administrator of this host.|answer error|" alice:100000:7 bob min_uid=60001 required_for=students
echo 'give user bob count 5' >"$T/policy"
answers "conf=" "*|answer success|" $'alice:100000:7\nbob:100007:5' bob "conf=$T/policy"
answers "a conf= that is not there" "log 3 no range is granted: $T/none: No such file or directory: nothing is given until it can be read|warn You have no subordinate ids, which containers need: an error, which is in the log of this host. Ask the administrator of this host.|answer error|" $'alice:100000:7\nbob:100007:5' carl "conf=$T/none"

# In a user namespace whose map lacks the ids of her line: they do not count.
tables "$alice"
mkfifo "$T/mapped"
# shellcheck disable=SC2016 # for the inner shell
unshare -U bash -c 'read -r < "$1"; exec subid grant --login=alice "version=$2"' bash "$T/mapped" "$version" >"$T/inside" 2>&1 &
inside=$!
until [ "$(readlink "/proc/$inside/ns/user")" != "$(readlink /proc/self/ns/user)" ]; do :; done
for kind in uid gid; do printf '0 0 90000\n' >"/proc/$inside/${kind}_map"; done
echo >"$T/mapped"
wait "$inside"
is "a user namespace that lacks the ids of her line: it says so" "$(sed -n 2p "$T/inside")" \
	"log 5 the ids of its lines do not exist in this user namespace (/proc/self/uid_map, gid_map): they do not count"
like "and has an answer" "$(tail -n 1 "$T/inside")" "answer *"
is "and grants none that it lacks" "$(</etc/subuid)/$(</etc/subgid)" "$alice/$alice"

# --- when it fails -------------------------------------------------------------------

tables ""
hold_lock
answers "a held lock" "log 4 no range this time: /etc/.pwd.lock: locked by process $started_pid (python3): try again when it is done|warn You have no subordinate ids, which containers need: others are changing the tables: try again later. Ask the administrator of this host.|answer error|" "" alice timeout=0
answers "a held lock, with required_for=" "log 4 *|answer ignore|" "" alice timeout=0 required_for=students
answers "for a member" "log 4 *|warn You have no subordinate ids, which students need: others are changing the tables: try again later. Ask the administrator of this host.|answer error|" "" bob timeout=0 required_for=students
answers "a held lock, for root, who has to put it right" "answer success|" "" root timeout=0
end "$started_pid"
echo 'give all' >/etc/subid.conf
answers "a wrong policy" "log 3 no range is granted: /etc/subid.conf:1: all is not *|warn You have no subordinate ids, which containers need: an error, which is in the log of this host. Ask the administrator of this host.|answer error|" "" alice
answers "a wrong policy, for root" "log 3 *|answer ignore|" "" root
{
	for i in {1..300}; do printf 'never user u%s "%s"\n' "$i" "$(printf 'x%.0s' {1..200})"; done
	printf 'give %s\n' "$(printf 'y%.0s' {1..3000})"
} >/etc/subid.conf
login alice
ok "an answer is never longer than 4 KiB" test "${#out}" -lt 4096
like "and always ends" "$out" "log 3 *|warn *|answer error|"
rm /etc/subid.conf

# --- what is no call of the module's --------------------------------------------------

tables ""
expect "another version does nothing" 2 "subid $version" '' subid grant --login=alice version=0.0.9
tables_are "and gives nothing" ""
expect "a wrong argument" 2 '' "subid: grant --login: argument 'colour': unknown, *" subid grant --login=alice "version=$version" colour
expect "another than root" 3 '' "subid: grant --login: only for services of root*" as alice subid grant --login=alice "version=$version"
expect "an image has no logins" 2 '' "subid: unrecognized option '--login=alice'*" subid --root / grant --login=alice
run subid grant --help
not_ok "people are not told of it" grep -q -- --login <<<"$out"
gone() {
	subid grant --login=alice "version=$version" >&8
	[ $? = 3 ]
}
mkfifo "$T/fifo"
exec 9<>"$T/fifo"
exec 8>"$T/fifo"
exec 9<&- # nobody reads there
ok "a reader who has gone" gone
tables_are "does not keep it from being done" "$alice"
strace -f -o "$T/strace" subid grant --login=bob "version=$version" >/dev/null
writes=$(grep -c ' write(1, ' "$T/strace")
is "the answer is one write" "$writes" 1
ok "after the last lock is released" awk '/ unlinkat\(.*sub.id.lock/ { last = NR } / write\(1, / { said = NR } END { exit !(last > 0 && said > last) }' "$T/strace"
