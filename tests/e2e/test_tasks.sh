#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The tasks of an administrator that subid(1) has commands for, each typed as it stands
# there, and what comes of it.
. "$(dirname "$0")/lib.sh"

mapfile -t lines < <(awk '/^\.Sh / { on = $2 == "QUESTIONS" } on && /^# / { print substr($0, 3) }' man/subid.1)
plan $((${#lines[@]} + 17))
next=0
types() { # STATUS-GLOB [OUT-GLOB]: the next line of the page
	local line=${lines[next]}
	next=$((next + 1))
	run bash -c "$line"
	like "# $line" "$status:$out" "$1:${2-*}"
}

mkdir -p "$T/srv" && mount --bind "$T/srv" /srv && chmod 755 "$T"
awk -F: '$3 < 1000 || $3 > 60000' /etc/passwd >"$T/passwd" && cat "$T/passwd" >/etc/passwd
for name in alice bob carl jdoe; do add_user $name; done
groupadd contractors && groupadd students
usermod -aG contractors carl && usermod -aG students bob
rm -f /etc/subid.conf

tables ""
types 1 'FAIL *no-range: jdoe has no range*do: * sudo subid grant jdoe*'
subid -q grant alice
subid -q revoke alice
types 0 'alice uid 100000 165535 65536 new*'
tables "bob:1428480:65536"
subid -q revoke bob
types 0 'subid: uid 1428896: bob had it until *Z
uid 1428896 !released - - - released'
is "--json has it" "$(subid --json id 1428896 2>/dev/null | jq -r '.ids[0].former')" bob
expect "-q says nothing" 0 '' '' subid -q id 1428896
types 0 'bob uid 1428480 1494015 65536 released *'
subid -q unhold 1428480:65536
expect "once they are free, too" 1 '' 'subid: uid 1428896: has no owner; bob had it until *Z' subid id 1428896
expect "of a gid" 1 '' 'subid: gid 1428896: has no owner; bob had it until *Z' subid id -g 1428896
expect "an id that nobody had" 1 '' 'subid: uid 5000000: has no owner' subid id 5000000
expect "who has it now" 0 'uid 1428896 alice * granted' '' bash -c 'subid -q grant alice --range 1428480:65536 && subid id 1428896'
subid -q grant alice/web --count 10
first=$(awk -F: '{ print $2 }' /var/lib/subid/subuid)
subid -q revoke alice/web
subid -q revoke alice
run subid id "$first"
like "a container's id is its owner's" "$status:$out" "0:subid: uid $first: alice* had it until *"
tables ""
private_store
types 0
types 0 'policy: 1 file, 1 rule, *'
types 0 '*1 skipped: *alice uid *jdoe gid *dry run: nothing was changed'
types 0 '*alice uid *'
is "all but the contractor have one" "$(cut -d : -f 1 /etc/subuid | sort | paste -sd ' ')" "alice bob jdoe"
expect "why not" 0 'carl: never: /etc/subid.conf:1: never group contractors*' '' subid policy explain carl
rm /etc/subid.conf
new_target alice
as alice newuidmap "$target" 0 100000 100
types 0 'uid 100005 alice *'
types 0 "*alice *"
types '[01]' '*looked at: *'
end "$target"
tables alice:100000:65536$'\n'bob:200000:65536
as alice mkdir -p "$T/home/alice/.local/share/containers/storage/overlay/abc/diff"
touch "$T/home/alice/.local/share/containers/storage/overlay/abc/diff/file"
chown 100005:100005 "$T/home/alice/.local/share/containers/storage/overlay/abc/diff/file"
types 0 'alice uid 1000000 *'
expect "without the new range it says what is missing" 1 '' 'subid: alice still has 100000:65536: *--to RANGE' subid shift --owner alice --from 100000:65536
types 0 '*subid shift *'
bash -c "$(sed -n 's/^    \(subid shift .*\)/\1/p' <<<"$out")" >"$T/out" 2>&1
is "its command moves the files" "$(stat -c %u:%g "$T/home/alice/.local/share/containers/storage/overlay/abc/diff/file")" 1000005:1000005
types 0 'alice uid 100000 165535 65536 released*'
is "the new range is hers alone" "$(grep -c ^alice: /etc/subuid):$(grep ^alice: /etc/subuid)" 1:alice:1000000:65536
types 0 'bob uid 200000 *dry run: nothing was changed'
types 0 'bob uid 200000 *undo: *'
is "nothing is bob's" "$(grep -c ^bob: /etc/subuid)" 0
if command -v journalctl >/dev/null; then
	types '[01]'
else
	next=$((next + 1))
	skip 1 "$(lack systemd)"
fi
types '[01]' ''
types '[01]' '*since *'
expect "a word that is no file" 3 '' "subid: --since: *yesterday*it takes a former report, which 'subid --json audit -o FILE' writes" subid audit --since yesterday
rm -f /var/tmp/subid.json
tables alice:100000:65536$'\n'bob:200000:65536
private_store
types 0 'root uid *'
types 0 'root/pictures * ready *'
types 0 '*mounted*'
types 0 '*mounted*'
is "both have it" "$(subid share list | grep -c ' mounted ')" 2
like "and are told where" "$(as alice subid config podman 2>&1)" "*pictures*"
for name in alice bob; do subid -q share umount root/pictures $name; done
subid -q share destroy root/pictures
types 3 'subid: /etc/subid.conf: names no directory, or no pool (subid.conf(5))'
is "all of the page was typed" "$next" "${#lines[@]}"
umount -l /srv
