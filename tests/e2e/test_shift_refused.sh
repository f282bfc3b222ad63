#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What subid shift refuses, and says; its operands; the host's own ids; what is in use;
# what a user's containers have left.
. "$(dirname "$0")/lib.sh"
plan 69

P=(python3 tests/e2e/shift_tree.py)
OLD=100000:65536 NEW=300000:65536
schema=$PRE/share/subid/shift.schema.json
tree=$T/t
add_user alice -u 5001

small() { # [base]
	rm -rf "$tree"
	"${P[@]}" small "$tree" "${1:-100000}"
	"${P[@]}" list "$tree" >"$T/before"
}
unchanged() { # name
	"${P[@]}" list "$tree" >"$T/got"
	is "$1: nothing is changed" "$(diff "$T/before" "$T/got" | head -n 4)" ""
}
shift=(subid shift "$tree" --from "$OLD" --to "$NEW")

# The output is as the schema says, each member is there; prints a part of it.
json() { # filter command...
	local filter=$1
	shift
	"$@" >"$T/json" 2>"$T/stderr"
	python3 - "$schema" "$T/json" <<-'END' || echo "not as the schema says"
		import json, jsonschema, sys
		schema, report = (json.load(open(name)) for name in sys.argv[1:])
		jsonschema.validate(report, schema)
		unknown = set(report) - set(schema["properties"])
		assert not unknown, unknown
	END
	jq -c "$filter" "$T/json"
}

# --- the command line -----------------------------------------------------------------

expect "no TREE" 2 '' '*expected one TREE, or --owner OWNER*' subid shift --from "$OLD" --to "$NEW"
expect "two" 2 '' '*expected one TREE*' subid shift a b --from "$OLD" --to "$NEW"
expect "no --from" 2 '' '*missing --from MAP*' subid shift "$tree" --to "$NEW"
expect "no --to" 2 '' '*missing --to MAP*' subid shift "$tree" --from "$OLD"
expect "TREE and --owner" 2 '' '*expected one TREE, or --owner OWNER*' subid shift "$tree" --owner alice --from "$OLD"
small
tables ""
ok "a user may run the programs" chmod 755 "$T"
expect "a user is told whom to ask" 1 '' 'subid: shift: only root can give files to other ids: ask an administrator*' \
	as alice "$(command -v subid)" shift "$tree" --from "$OLD" --to "$NEW"
expect "host twice" 2 '' '*only one of --from and --to can be host*' subid shift "$tree" --from host --to host
expect "ranges that overlap" 1 '' "subid: $OLD and 165535:10 overlap, in uids 165535-165535*" subid shift "$tree" --from "$OLD" --to 165535:10
expect "the same range" 1 '' '*are the same ids' subid shift "$tree" --from "$OLD" --to 100000-165535
expect "too few" 1 '' "subid: $OLD has 65536 uids, and 300000:100 only 100" subid shift "$tree" --from "$OLD" --to 300000:100
expect "nobody" 1 '' 'subid: nobody5: no such account*' subid shift "$tree" --from "$OLD" --to nobody5
expect "an owner without ranges" 1 '' 'subid: alice: has no ranges' subid shift "$tree" --from "$OLD" --to alice
expect "no such lease" 1 '' 'subid: alice/web: no such lease' subid shift "$tree" --from "$OLD" --to alice/web
expect "no such tree" 3 '' "subid: $T/none: No such file or directory" subid shift "$T/none" --from "$OLD" --to "$NEW"
expect "a file" 3 '' "subid: $tree/plain: Not a directory" subid shift "$tree/plain" --from "$OLD" --to "$NEW"
ln -s "$tree" "$T/link"
expect "a link" 3 '' "subid: $T/link: no part of the path may be a symbolic link" \
	subid shift "$T/link" --from "$OLD" --to "$NEW"
expect "a link on the way" 3 '' "subid: $T/link/d: no part of the path may be a symbolic link" subid shift "$T/link/d" --from "$OLD" --to "$NEW"
unchanged "after all that"

# --- what stands in the way -----------------------------------------------------------

chown 7:100008 "$tree/plain"
chown -h 100011:8 "$tree/d/link"
setfacl -m u:9:r,d:g:10:r "$tree/d"
setcap cap_net_raw+ep "$tree/caps" # without root id: the host's
"${P[@]}" list "$tree" >"$T/before"
expect "ids outside are listed" 1 '' "*$tree/plain: owner 7 is outside of $OLD*: nothing was changed: --leave*" "${shift[@]}"
like "a symlink's" "$err" "*$tree/d/link: group 8 is outside of $OLD*"
like "an ACL's" "$err" "*$tree/d: uid in the ACL 9 is outside*"
like "a default ACL's" "$err" "*$tree/d: gid in the ACL 10 is outside*"
like "capabilities without root id" "$err" "*$tree/caps: root id of the file capabilities 0 is outside*"
unchanged "with ids outside"
is "the same as JSON" "$(json '[.action, .done, .shifted, .found.uid, .found.gid, .found."acl-uid", .found."acl-gid", .found.capability, (.findings | length)]' "${shift[@]}" --json)" \
	'["shift",false,9,1,1,1,1,1,5]'
expect "--leave leaves them" 0 "$tree: 9 entries: 9 shifted*; 5 other ids left as they are" '' "${shift[@]}" --leave
"${P[@]}" model 100000 300000 65536 <"$T/before" >"$T/want"
"${P[@]}" list "$tree" >"$T/got"
is "and shifts all else" "$(diff "$T/want" "$T/got" | head -n 4)" ""

small
setfacl -m u:300007:r "$tree/both"
"${P[@]}" list "$tree" >"$T/before"
expect "an ACL would have an id twice" 1 '' "*$tree/both: the ACL would have an id twice*" "${shift[@]}"
unchanged "an ACL would have an id twice"

small
ln "$tree/setuid" "$T/outside"
expect "a file with another name elsewhere" 1 '' "*$tree/setuid: has another name outside of the tree*--force*" "${shift[@]}"
unchanged "a name elsewhere"
expect "--force" 0 "$tree: 9 entries: 9 shifted*" '' "${shift[@]}" --force
is "then it is shifted" "$(stat -c '%u %a' "$T/outside")" "300001 4755"
rm "$T/outside"

small
mkdir "$tree/mnt"
chown 100000:100000 "$tree/mnt"
mount -t tmpfs tmpfs "$tree/mnt"
chown 100000:100000 "$tree/mnt"
touch "$tree/mnt/in"
chown 100001:100001 "$tree/mnt/in"
expect "a mount is said, and not entered" 0 "$tree: 9 entries: 9 shifted*" "subid: $tree/mnt: another mount, not entered" "${shift[@]}"
is "what is in it is as it was" "$(stat -c %u "$tree/mnt/in")" 100001
expect "--verify does not vouch for it" 1 "*" "subid: $tree/mnt: another mount, not entered" subid shift "$tree" --from "$OLD" --verify
expect "--cross enters it" 0 "$tree: 11 entries: 2 shifted; 9 had been" '' "${shift[@]}" --cross
is "and shifts what is in it" "$(stat -c %u "$tree/mnt" "$tree/mnt/in" | xargs)" "300000 300001"
umount "$tree/mnt"

mkdir "$T/mnt"
truncate -s 8M "$T/disk"
mkfs.ext4 -q "$T/disk" && mount -o loop "$T/disk" "$T/mnt" || exit 1
save=$tree tree=$T/mnt/t
small
shift[2]=$tree
chattr +i "$tree/plain"
chattr +a "$tree/d"
expect "immutable and append-only files" 1 '' "*$tree/plain: immutable*: nothing was changed" "${shift[@]}"
like "are both said" "$err" "*$tree/d: append-only*"
unchanged "an immutable file"
chattr -i "$tree/plain"
chattr -a "$tree/d"
expect "without the flags" 0 "*9 shifted*" '' "${shift[@]}"
mount -o remount,ro "$T/mnt"
expect "a file system that can only be read" 3 '' "subid: $tree: Read-only file system" subid shift "$tree" --from "$NEW" --to "$OLD"
umount "$T/mnt"
tree=$save
shift[2]=$tree

# --- the host's ids, owners and leases ------------------------------------------------

small 0
tables alice:500000:65536
run subid grant alice/web --count 20
expect "from the host's to a lease" 0 "*9 shifted*" '' subid shift "$tree" --from host --to alice/web
"${P[@]}" model 0 500000 20 <"$T/before" >"$T/want"
"${P[@]}" list "$tree" >"$T/got"
is "capabilities get a root id" "$(diff "$T/want" "$T/got" | head -n 4)" ""
expect "back needs a place where nobody reaches it" 1 '' "*would be root's: move it into a directory that root alone can enter*" \
	subid shift "$tree" --from alice/web --to host
mkdir -m 700 "$T/closed"
mv "$tree" "$T/closed/t"
expect "there it goes" 0 "*9 shifted*" '' subid shift "$T/closed/t" --from alice/web --to host
"${P[@]}" list "$T/closed/t" >"$T/got"
is "and is what it was" "$(diff "$T/before" "$T/got" | head -n 4)" ""
expect "the host's own directories are refused" 1 '' "subid: /etc: is /etc of this host*" subid shift /etc --from host --to alice
expect "all of them at once, too" 1 '' "subid: /: is / of this host*" subid shift / --from host --to alice -n
small
expect "an owner's: what no container leases" 0 "*9 shifted*" '' subid shift "$tree" --from 100000:65516 --to alice
is "begins after the lease" "$(stat -c %u "$tree")" 500020

# --- in use ---------------------------------------------------------------------------

small
start setpriv --reuid 100005 --regid 0 --clear-groups sleep infinity
wait_for runs "$started_pid" sleep
expect "a process has an id" 1 '' "*: process $started_pid (sleep) runs with uid 100005*in use: nothing was changed*" "${shift[@]}"
unchanged "in use"
expect "-n may be run" 0 '*9 to be shifted*' '' "${shift[@]}" -n
end "$started_pid"
tables alice:300000:65536
start become alice unshare --map-auto --map-root-user sleep infinity
wait_for runs "$started_pid" sleep
wait_for grep -q 300000 "/proc/$started_pid/uid_map"
expect "a namespace maps one of the new ids" 1 '' "*user namespace *process $started_pid, sleep*maps uid 300000*" "${shift[@]}"
expect "--force" 0 '*9 shifted*' '' "${shift[@]}" --force
end "$started_pid"
small
mkdir "$T/idmapped"
if run "${P[@]}" idmap "$T" "$T/idmapped" "100000 700000 65536" && [ "$status" = 0 ]; then
	expect "an idmapped mount shows the files" 1 '' "*the idmapped mount on $T/idmapped uses the ids*" "${shift[@]}"
	umount "$T/idmapped"
	run "${P[@]}" idmap "$T" "$T/idmapped" "900000 700000 65536"
	expect "one of other ids does not" 0 '*9 shifted*' '' "${shift[@]}"
	umount "$T/idmapped"
else
	skip 2 "kernel: no idmapped mount of tmpfs: $out"
fi

# --- what a user's containers have left -----------------------------------------------

home=$T/home/alice
install -d -o alice "$home/.local" "$home/.local/share" "$home/.local/share/lxc" "$home/.local/share/containers"
"${P[@]}" small "$home/.local/share/lxc/c1" 100000
"${P[@]}" small "$home/.local/share/lxc/it's \$(touch bad)" 100000
"${P[@]}" small "$home/.local/share/lxc/new" 300000
"${P[@]}" small "$home/.local/share/containers/storage" 100000
chown -h alice "$home/.local/share/containers/storage"
ln -s / "$home/.local/share/lxc/link"
owner=(subid shift --owner alice --from "$OLD")
expect "--owner finds it" 0 "*$home/.local/share/lxc/*: lxc: 9 of 9 entries are to be shifted*" '' "${owner[@]}"
like "podman's storage, too, with what is the user's own" "$out" \
	"*$home/.local/share/containers/storage: podman: 9 of 9 entries are to be shifted; 1 other ids are left as they are*--leave*podman system migrate*"
is "as JSON" "$(json '[.trees[] | [.runtime, .shifted, .outside]] | sort' "${owner[@]}" --json)" '[["lxc",9,0],["lxc",9,0],["podman",9,1]]'
jq -r '.trees[].command' "$T/json" | (cd "$T" && bash -e) >"$T/said" 2>&1
is "the commands do it" "$?" 0
expect "then nothing is left" 0 "nothing is left of $OLD in $home/.local/share/lxc and $home/.local/share/containers/storage; nothing else was looked at" '' "${owner[@]}"
ok "no name was executed" test ! -e "$T/bad"
is "by the model" "$(stat -c %u "$home/.local/share/lxc/c1" "$home/.local/share/lxc/"it*/setuid | xargs)" "300000 300001"
expect "nobody's" 1 '' '*nobody5: no such account' subid shift --owner nobody5 --from "$OLD"
expect "of an image there is none" 2 '' '*--owner and --root exclude each other*' subid shift --root "$T" --owner alice --from "$OLD"
