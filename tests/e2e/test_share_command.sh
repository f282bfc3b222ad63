#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2086,SC2231 # names and paths of ours have no blanks
# subid share as a command: what it refuses and says, whom it lets in, what
# it makes of a boot, and what else knows of its records.
. "$(dirname "$0")/lib.sh"
plan 100
chmod 755 "$T"
for name in alice bob carol; do add_user $name; done
tables $'alice:100000:65536\nbob:200000:65536\nroot:900000:300000'
dir=$T/srv/share/store
mounts=/run/subid/share
record=/var/lib/subid/shares/900000

# --- rights, and the command line -------------------------------------------------------

expect "a user gets a clear no, and what to ask for" 3 '' \
	"subid: share: only root can share storage: ask the administrator for: subid share mount root/store alice" \
	as alice subid share mount root/store alice
expect "an image has no mounts" 2 '' '*--root*' subid --root "$T" share list
for bad in "" "take x y" "create root/store" "mount root/store" "list x" "destroy" "create root/store /x y" \
	"list --all" "create --read-only root/store /x" "mount --for none root/store alice" "umount --all" "create -c 0 root/store /x" \
	"create root /srv/x" "create root/ /srv/x" "create /store /srv/x" "create root/store srv/x" "create root/store /srv/../x" \
	"create root/store /"; do
	# shellcheck disable=SC2086 # words
	expect "share $bad: wrong usage" 2 '' 'subid: *' subid share $bad
done
expect "no store yet" 1 '' 'subid: root/store: no such store*' subid share mount root/store alice
expect "none to list" 0 '' '' subid share list
expect "nor to destroy" 1 '' '*no such store' subid share destroy root/store

# --- the directory ----------------------------------------------------------------------

mkdir -p "$T/open" "$T/bobs/x" "$T/loose/x"
chown bob "$T/bobs"
chmod 777 "$T/loose"
ln -s "$T/srv" "$T/link"
refuses() { # name 'err glob' directory
	expect "$1" 3 '' "$2" subid share create root/store "$3"
	is "$1: no lease, no record" "$(subid list root | grep -c leased)$(ls /var/lib/subid/shares)" 0
}
refuses "a directory that everybody could enter" '*others than root can enter*chmod 700*' "$T/open/store"
refuses "one whose parent is another's" "*/bobs belongs to uid $(id -u bob), who could*" "$T/bobs/x/store"
refuses "one that others can write around" '*/loose can be written by others*' "$T/loose/x/store"
refuses "a way through a link" '*/link is a link*' "$T/link/store"
mkdir -p "$T/guard/full" "$T/guard/file"
chmod 700 "$T/guard"
touch "$T/guard/full/x" "$T/guard/not"
chown 100001 "$T/guard/full/x"
expect "a tree with ids of a container" 1 '' '*/full/x: *100001 is none of*is not taken over*' subid share create -c 1000 root/store "$T/guard/full"
is "a tree with ids of a container: nothing is changed" "$(stat -c %u "$T/guard/full" "$T/guard/full/x" | paste -sd ' ')$(ls /var/lib/subid/shares)" "0 100001"
refuses "one that is a file" '*Not a directory*' "$T/guard/not"
mount -t ramfs none "$T/guard/file"
expect "on a filesystem without idmapped mounts a store can be made" 0 '*' '' subid share create root/ram "$T/guard/file/store"
expect "and the mount says what is wrong, and what to do" 1 '' '*filesystem, ramfs, cannot be mounted with other ids*put the store on ext4*' \
	subid share mount root/ram alice
is "nothing is left of it" "$(grep -c ^mount $record; find $mounts/* 2>/dev/null)" 0
expect "it can be destroyed" 0 '*released*' '*/file/store: its files keep their ids*' subid share destroy root/ram
subid -q unhold 900000:65536
expect "an owner with no room" 1 '' '*alice/store*' subid share create -c 100000 alice/store "$dir"
subid -q grant root/c1
expect "the lease of a container" 1 '' '*root/c1: is the lease of a container*' subid share create root/c1 "$dir"
subid -q revoke --reuse root/c1
is "nothing was made" "$(test -e "$T/srv" || echo none)$(ls /var/lib/subid/shares)" none

# --- a tree that is there -----------------------------------------------------------------

mkdir -p "$T/tree/store/d"
chmod 700 "$T/tree"
cp /usr/bin/id "$T/tree/store/id"
chmod 6755 "$T/tree/store/id"
touch "$T/tree/store/d/f"
chown 5:6 "$T/tree/store/d/f"
expect "is taken over" 0 "root/tree - - - ready $T/tree/store 900000 900000 1000" '' subid share create -c 1000 root/tree "$T/tree/store"
is "each file with its ids and bits" "$(cd "$T/tree/store" && stat -c '%u:%g %a %n' . id d/f | paste -sd ' ')" \
	"900000:900000 755 . 900000:900000 6755 id 900005:900006 644 d/f"
subid -q share destroy root/tree
subid -q unhold 900000:1000
rm -r "$T/tree/store" && mkdir "$T/tree/store"
for ((i = 0; i < 300; i++)); do : >"$T/tree/store/$i"; done
strace -f -qq -o /dev/null -e trace=fchownat -e inject=fchownat:signal=KILL:when=100 subid share create -c 1000 root/tree "$T/tree/store" &>/dev/null
is "killed in the middle, it is known" "$(subid share list)" "root/tree - - - taking $T/tree/store 900000 900000 1000"
expect "nobody gets the ids meanwhile" 1 '' '*root/tree: is a store of shared files*' subid revoke --force root/tree
expect "nor is it mounted" 1 '' '*is not ready*' subid share mount root/tree alice
expect "the same command goes on" 0 'root/tree - - - ready *' '' subid share create root/tree "$T/tree/store"
is "all is the store's" "$(find "$T/tree/store" ! -uid 900000 | wc -l)" 0
subid -q share destroy root/tree
subid -q unhold 900000:1000

# --- a life -----------------------------------------------------------------------------

umask 077
expect "a store" 0 "root/store - - - ready $dir 900000 900000 1000" '' subid share create --count 1000 root/store "$dir"
umask 022
is "its directory is its own, behind a guard" "$(stat -c '%a %u:%g' "$dir" "${dir%/*}" | paste -sd ' ')" "755 900000:900000 700 0:0"
expect "again" 1 '' '*is a store already, in *' subid share create root/store "$dir"
expect "another there" 1 '' "*$dir: is the directory of the store root/store" subid share create root/other "$dir"
expect "a mount" 0 "root/store alice lxc rw mounted $mounts/alice/@all/root/store - - -" 'subid: alice: has 65536 uids, and the store 1000*' \
	subid share mount root/store alice
expect "it is there already" 0 '*mounted*' '*' subid share mount root/store 'alice' --for lxc
is "once" "$(grep -c ^mount $record)" 1
expect "read-only, for podman" 0 "*bob podman ro mounted $mounts/bob/@podman/root/store*" '*has 65537 uids*' \
	subid share mount --read-only --for podman root/store "$(id -u bob)"
not_ok "cannot be written" as bob touch $mounts/bob/@podman/root/store/x
expect "nor made writable by the way" 1 '' '*for bob already, read-only*umount*' subid share mount --for podman root/store bob
is "the flags" "$(grep -E " $mounts/(alice|bob)" /proc/self/mountinfo | awk '{ print $6 }' | sort -u | paste -sd ' ')" \
	"ro,nosuid,nodev,relatime,idmapped rw,nosuid,nodev,relatime,idmapped"
is "private" "$(grep " $mounts/" /proc/self/mountinfo | grep -cE 'shared:|master:')" 0
ok "JSON is as the schema has it" python3 -c '
import json, sys
schema = json.load(open(sys.argv[1]))["properties"]["shares"]["items"]
rows = json.load(sys.stdin)["shares"]
assert len(rows) == 3
for row in rows:
    assert sorted(row) == sorted(schema["required"])
    for key, value in row.items():
        rule = schema["properties"][key]
        assert value in rule["enum"] if "enum" in rule else True' "$PRE/share/subid/shares.schema.json" < <(subid --json share list)
subid -q share create root/usual "$T/usual/store"
expect "a range of the usual size is no reason for remarks" 0 '*' '' subid share mount --for podman root/usual bob
subid -q share umount root/usual bob
subid -q share destroy root/usual
expect "a lease of alice" 0 '*' '' subid grant alice/c1 --count 500
expect "a mount for it" 0 "*alice/c1 lxc rw mounted $mounts/alice/c1/root/store*" '*has 500 uids, and the store 1000*' subid share mount root/store alice/c1
subid -q share create -c 10 alice/own "$T/srv/own/store"
expect "ids of the store itself" 1 '' '*are those of the store*' subid share mount --for podman alice/own alice
subid -q share destroy alice/own
subid -q unhold 100000:65536
expect "nobody" 1 '' '*no such account*' subid share mount root/store nemo
expect "no lease" 1 '' '*no such lease*' subid share mount root/store alice/c2
expect "LXD needs a lease" 1 '' '*LXD gives each container its own ids*' subid share mount --for lxd root/store root
has_both() { grep -qF "$2" <<<"$1" && grep -qF "$3" <<<"$1"; }
for runtime in lxc podman oci nspawn; do
	ok "config $runtime has it" has_both "$(subid config $runtime alice/c1 2>/dev/null)" $mounts/alice/c1/root/store srv/store
done
not_ok "config of another has it not" grep -q alice <<<"$(subid config lxc bob)"

# --- who else knows ---------------------------------------------------------------------

expect "revoke refuses the store, with force as well" 1 '' "*root/store: is a store of shared files, in $dir*share destroy root/store*" \
	subid revoke --force root/store
expect "and whom it is mounted for" 1 '' '*alice/c1: the store root/store is mounted for it*' subid revoke alice/c1
expect "nor is alice renamed" 1 '' '*alice*: the store root/store is mounted for it*nothing was changed*' subid rename alice carol
expect "nor whose store it is" 1 '' '*root/store: is a store of shared files*nothing was changed*' subid rename --force root carol
subid -q revoke --force alice/c1
expect "a container whose lease is gone is missed at boot" 1 '' '*alice/c1: no such lease*root/store: is not mounted for alice/c1*' subid share mount --all
subid -q unhold 100000:500
subid -q grant --range 100000:500 alice/c1
mv /var/lib/subid/subuid "$T/kept"
expect "without its lease, the record still keeps the ids" 1 '' "*900000-900999: share has them for container 'root/store'*" \
	subid grant --range 900000:10 root/x
mv "$T/kept" /var/lib/subid/subuid
expect "destroy waits for umount" 1 '' '*is mounted for alice, in *nothing was changed*' subid share destroy root/store
is "the audit takes a store's lease for its own" "$(subid audit --rule lease-taken --format json 2>/dev/null |
	python3 -c 'import json, sys; print(json.load(sys.stdin)["findings"])')" "[]"

# --- a boot, and what is not as it was ---------------------------------------------------

for point in $mounts/*/*/*/*; do umount "$point"; done
rm -r /run/subid
mkdir -m 700 /run/subid
expect "after a boot" 0 '*alice lxc *bob podman ro *alice/c1 *' '' subid share mount --all
ok "whoever made the directories" as bob ls $mounts/bob/@podman/root/store
expect "nothing is to be done" 0 '' '' subid share mount --all
umount $mounts/alice/@all/root/store
mv "$dir" "$dir.old"
mkdir "$dir"
expect "another directory is not mounted" 3 '' "*$dir: it is another directory than the store*" subid share mount --all
is "and is not what list shows" "$(subid share list | awk '$2 == "bob" { print $5 }')" other
rmdir "$dir"
expect "nor is none" 3 '' "*$dir: No such file*" subid share mount --all
mv "$dir.old" "$dir"
chmod 755 "${dir%/*}" "$T/srv"
expect "nor one without a guard any more" 3 '' '*others than root can enter*' subid share mount --all
chmod 700 "${dir%/*}" "$T/srv"
# the range of the user moves: the mount is made anew
tables $'alice:300000:65536\nbob:200000:65536\nroot:900000:300000'
subid -q share mount --all 2>/dev/null
is "with the ids of now" "$(stat -c %u $mounts/alice/@all/root/store)" 300000
printf 'damaged' >/var/lib/subid/shares/5
expect "a damaged record is said" 3 '*' '*shares/5: damaged*' subid share list
expect "and in the way of new stores alone" 3 '' '*no store is made while a record cannot be read*' subid share create root/new "$T/srv/new/store"
rm /var/lib/subid/shares/5
chmod 777 /var/lib/subid/shares
expect "records that others can write are not believed" 3 '' "*must be root's*" subid share mount --all
chmod 755 /var/lib/subid/shares
for who in alice bob alice/c1; do ok "umount for $who" subid share umount root/store $who; done
expect "nothing is mounted for her" 1 '' '*is not mounted for alice' subid share umount root/store alice
is "no directory is left" "$(find $mounts)" $mounts
expect "the end" 0 'root/store uid 900000 900999 1000 released*' '*keep their ids*' subid share destroy root/store
is "no record is left" "$(ls /var/lib/subid/shares)" ""

