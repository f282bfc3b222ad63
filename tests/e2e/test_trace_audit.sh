#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a change leaves in the kernel's audit, read back from a real auditd's log; and
# the example of rules.
# Auditing can be switched on only from the first pid namespace:
# needs: the machine's pid namespace
# alone
. "$(dirname "$0")/lib.sh"

checks_wanted=33
plan $checks_wanted
# In the machine's own pid namespace, its containers keep ids from us: far from these.
printf '%s\n' 'SUB_UID_MIN 400000000' 'SUB_UID_MAX 1400000000' \
	'SUB_GID_MIN 400000000' 'SUB_GID_MAX 1400000000' >>/etc/login.defs
state() { auditctl -s 2>/dev/null | awk -v key="$1" '$1 == key { print $2 }'; }

# There is one audit for the whole kernel: what was switched on is switched off.
enabled=$(state enabled)
restore() {
	[ -z "${auditd-}" ] || {
		kill -CONT "$auditd"
		kill -TERM "$auditd" && wait "$auditd"
		auditctl -D -k subid
		auditctl -D -k subid-map
		auditctl -e "$enabled"
	} >/dev/null 2>&1
}
trap 'restore; finish; exit $?' EXIT

log=$T/audit/audit.log
if [ "$(state pid)" != 0 ] || [ "$enabled" = 2 ] || ! auditctl -e 1 >/dev/null 2>&1; then
	skip $checks_wanted "kernel: its audit is not ours to switch on"
	exit
fi
auditctl -e "$enabled" >/dev/null
install -d -m 750 "$T/audit" "$T/audit/conf"
cat >"$T/audit/conf/auditd.conf" <<EOF
log_file = $log
log_format = ENRICHED
log_group = root
flush = NONE
max_log_file = 50
num_logs = 2
max_log_file_action = IGNORE
space_left = 1
space_left_action = IGNORE
admin_space_left = 0
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
EOF
start auditd -n -c "$T/audit/conf" -s enable 2>"$T/auditd.err"
auditd=$started_pid
has_auditd() { [ "$(state pid)" = "$auditd" ]; }
ok "auditd runs" wait_for has_auditd

# What our programs have left since the last time, as ausearch explains it: type,
# then the fields from op= on.  A record that we send ourselves comes behind all.
seen=/dev/null
logged() {
	local mark=mark.$RANDOM$RANDOM
	auditctl -m "$mark" >/dev/null
	wait_for grep -q "$mark" "$log"
	LC_ALL=C ausearch -if "$log" -m USER_MGMT,GRP_MGMT -x "$PRE/bin/subid" "$@" 2>/dev/null |
		sed -nE "s/^type=([A-Z_]+) .*msg='(op=.*)'.*/\\1 \\2/p" >"$T/now"
	tail -n "+$(($(wc -l <"$seen") + 1))" "$T/now"
	cp "$T/now" "$T/seen"
}
fresh() { # the next logged begins here
	seen=/dev/null
	logged "$@" >/dev/null
	seen=$T/seen
}
by=" exe=$PRE/bin/subid hostname=? addr=? terminal=? res="

fresh -i
add_user alice -u 5001
add_user bob -u 5002
tables ""
expect "a range" 0 '*' '' subid grant alice
is "is a record of each kind" "$(logged -i)" \
	"USER_MGMT op=add-subuid-range acct=alice id=alice subid-start=400000000 subid-count=65536${by}success
GRP_MGMT op=add-subgid-range acct=alice id=alice subid-start=400000000 subid-count=65536${by}success"
expect "a part taken back" 0 '*' '' subid revoke -u alice --range 400000000:10
is "is two: taken, and held" "$(logged -i)" \
	"USER_MGMT op=remove-subuid-range acct=alice id=alice subid-start=400000000 subid-count=10${by}success
USER_MGMT op=hold-subuid-range acct=!released id=unset subid-start=400000000 subid-count=10${by}success"
expect "hold" 0 '*' '' subid hold -g 500000000:5
expect "unhold" 0 '*' '' subid unhold -g 500000000:1
is "a record each" "$(logged -i)" \
	"GRP_MGMT op=hold-subgid-range acct=!reserved id=unset subid-start=500000000 subid-count=5${by}success
GRP_MGMT op=unhold-subgid-range acct=!reserved id=unset subid-start=500000000 subid-count=1${by}success"
expect "ids that somebody has" 1 '' '*' subid grant -u bob --range 400000020:5
mkdir /etc/subgid+
expect "a table that cannot be written" 3 '' '*' subid grant -g bob
rmdir /etc/subgid+
expect "more than there is" 1 '' '*' subid grant -u -c 4000000000 bob
is "are records of failure" "$(logged -i)" \
	"USER_MGMT op=add-subuid-range acct=bob id=bob subid-start=400000020 subid-count=5${by}failed
GRP_MGMT op=add-subgid-range acct=bob id=bob subid-start=400065536 subid-count=65536${by}failed
USER_MGMT op=add-subuid-range acct=bob id=bob subid-count=4000000000${by}failed"
expect "a dry run" 0 '*' '' subid grant -n bob
mkdir -p "$T/image/etc"
cp /etc/passwd /etc/group "$T/image/etc"
expect "an image" 0 '*' '' subid --root "$T/image" grant bob
is "leave none" "$(logged -i)" ""
found() { ausearch -if "$log" "$@" 2>/dev/null | grep -c 'op=[a-z]*-sub[ug]id-range'; }
is "all of an account's" "$(found -x "$PRE/bin/subid" -ui 0 --success no)" 3

# Names that want to be more, as they are in the log.
tables ""
for name in "b res=failed" "b\"c" "b'c" $'b\xc3\xa9'; do
	run subid grant -u --force-unknown "$name"
	encoded=$(printf '%s' "$name" | od -An -v -tx1 | tr -d ' \n' | tr a-f A-F)
	like "a name with ${name#b}: in hexadecimal" "$(fresh && tail -n 1 "$T/now")" \
		"USER_MGMT op=add-subuid-range acct=$encoded id=4294967295 subid-start=* exe=\"$PRE/bin/subid\" hostname=? addr=? terminal=? res=success"
done
fresh -i
run subid grant -u --force-unknown "it's res=failed"
like "which ausearch reads back" "$(logged -i)" "USER_MGMT op=add-subuid-range acct=it's res=failed id=unset *res=success"

# And a program's.
cp "$PRE/bin/subid" "$T/x exe=su"
"$T/x exe=su" -q grant -u --force-unknown d
fresh
is "a program's name is in hexadecimal as well" "$(grep -o 'acct="d" .* exe=[^ ]*' "$log" | sed 's/.* //')" \
	"exe=$(printf '%s' "$T/x exe=su" | od -An -v -tx1 | tr -d ' \n' | tr a-f A-F)"

# As many records as changes, also when the kernel's queue is short.
tables ""
seq -f 'c%g' 5000 >"$T/names"
fresh
expect "five thousand owners" 0 '' '' subid -q grant --force-unknown --from "$T/names"
is "are ten thousand records" "$(logged | awk '{ print $1, $3, $4, $5, $6 }' | sort -u | wc -l)" 10000

# --- the example of rules ------------------------------------------------------------

run auditctl -R "$PRE/share/doc/subid/examples/30-subid.rules"
is "the rules can be loaded" "$status $(auditctl -l | grep -c -e '-k subid')" "0 10"
keyed() { # key: the programs that left records with it
	logged >/dev/null
	LC_ALL=C ausearch -if "$log" -k "$1" -i 2>/dev/null | sed -nE 's/^type=SYSCALL .* comm=([^ ]+) .*/\1/p' |
		grep -v auditctl | sort -u | tr '\n' ' '
}
usermod --add-subuids 900000-900009 alice
sed -i 1d /etc/subgid
run subid grant bob
is "who changes a table is seen" "$(keyed subid)" "sed subid usermod "
new_target alice
run as alice newuidmap "$target" 0 1 1
is "who calls a helper, too" "$(keyed subid-map)" "newuidmap "
end "$target"

# --- auditing that hangs -------------------------------------------------------------

# The kernel makes senders wait when its queue is full, which no signal ends.  The last
# check that needs auditd: the kernel may give it up.  Without the rules: by them the
# kernel holds up whoever opens a table.
auditctl -D -k subid >/dev/null 2>&1
auditctl -D -k subid-map >/dev/null 2>&1
tables ""
kill -STOP "$auditd"
SECONDS=0
expect "an auditd that does not read" 0 '*new*' '*' timeout 60 subid grant --force-unknown --from "$T/names"
ok "is waited for a short time" test "$SECONDS" -lt 20
is "the change is made" "$(wc -l </etc/subuid) $(wc -l </etc/subgid)" "5000 5000"
ok "what the kernel keeps has no lock of ours" python3 -c 'import fcntl
fcntl.lockf(open("/etc/.pwd.lock", "r+"), fcntl.LOCK_EX | fcntl.LOCK_NB)'
SECONDS=0
expect "the next change" 0 '*new*' '*' timeout 60 subid grant --another alice
ok "is not kept waiting either" test "$SECONDS" -lt 20
kill -CONT "$auditd"
