#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where nothing can be written: a read-only /etc, /var, /usr or home, a full disk, tables
# that are links or are made by something else.  Each command names the place, the cause
# and what to do, ends with 3, and has changed nothing.
. "$(dirname "$0")/lib.sh"
plan 59

add_user alice -u 5001
add_user bob -u 5002
add_user carol -u 5003
private_store
rm -rf /etc/subid.conf /etc/subid.conf.d
install -d -m 700 "$T/stores"

fresh() {
	tables $'alice:100000:65536\ncarol:200000:10'
	rm -rf /var/lib/subid/*
	subid -q grant alice/web --count 10 && subid -q hold 900000:5
}
all_of_it() { # what commands may change; the ledger notes that it has looked
	(cd /etc && tar c sub[ug]id) | cksum
	(cd /var/lib/subid && cat sub[ug]id shares/[0-9]* 2>&1; grep ^r ledger)
}
# Each command fails alike: says GLOB
fails() { # place 'glob' command...
	local place=$1 glob=$2 command before
	shift 2
	before=$(all_of_it)
	for command; do
		# shellcheck disable=SC2086 # words
		expect "$place: $command" 3 '' "subid: $glob" timeout 20 subid $command
	done
	is "$place: nothing is changed" "$(all_of_it)" "$before"
}
of_tables=("grant bob" "grant --from $T/names" "revoke carol" "hold 700000:5" "rename carol bob")
of_ledger=("revoke carol" "unhold 900000:1" "rename carol bob")
of_leases=("grant alice/db --count 5" "revoke alice/web")
of_both=("grant alice/db --own --count 5")
echo bob >"$T/names"
ro() { # directory: it is read-only from here on
	mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"
}
READ_ONLY="Read-only file system: nothing was changed; mount it read-write ('findmnt -T FILE' has the mount)*"
FULL='No space left on device: nothing was changed; make room and try again*'

# --- read only -------------------------------------------------------------------------

fresh
ro /etc
fails "read-only /etc" "/etc/.pwd.lock: $READ_ONLY" "${of_tables[@]}" "${of_both[@]}"
expect "a lease needs no /etc" 0 '*' '' subid grant alice/db --count 5
expect "nor what only looks" 0 'alice uid*' '' subid list
expect "nor a dry run" 0 'bob uid*' '*' subid grant bob --dry-run
umount /etc

fresh
mount -o remount,ro /var/lib/subid
fails "read-only /var" "/var/lib/subid/ledger: $READ_ONLY: without it nothing is taken back *" "${of_ledger[@]}"
fails "read-only /var" "/var/lib/subid/.pwd.lock: $READ_ONLY" "${of_leases[@]}"
mkdir "$T/stores/s"
fails "read-only /var" "*/var/lib/subid/*Read-only file system*" "share create --count 9 alice/st $T/stores/s"
is "whose directory is still there" "$(stat -c '%u %a' "$T/stores/s")" "0 755"
mount -o remount,rw /var/lib/subid

fresh
ro "$T/stores"
fails "a read-only directory to share" "*$T/stores/s: Read-only file system*" "share create --count 9 alice/st $T/stores/s"
fails "a read-only directory above it" "*$T/stores/*Read-only file system*" "share create --count 9 alice/st $T/stores/new/s"
umount "$T/stores"

# an image-based system: /usr belongs to the image, /etc and /var are written
ro "$PRE"
ro /usr
expect "read-only /usr" 0 'bob uid*new*' '' subid grant bob
expect "is no hindrance" 0 'bob uid*released*' '' subid revoke bob
umount -l /usr
umount -l "$PRE"

as alice mkdir -p .local/state
ro "$T/home/alice"
run as alice subid grant alice/own --count 5
like "a read-only home: her own lease" "$status $out" "3 subid: $T/home/alice/.local/state/subid: Read-only file system*"
umount "$T/home/alice"

# --- full ------------------------------------------------------------------------------

fresh
umount /var/lib/subid
mount -t tmpfs -o size=64k,mode=755 subid-test /var/lib/subid
fresh
dd if=/dev/zero of=/var/lib/subid/filler bs=4k 2>"$T/dd"
fails "a full /var" "/var/lib/subid/*: $FULL" "${of_ledger[@]}" "${of_leases[@]}"
fails "a full /var" "*/var/lib/subid/*No space left on device*" "share create --count 9 alice/st $T/stores/s"
umount /var/lib/subid
private_store

fresh
mkdir "$T/full"
mount -t tmpfs -o size=4m,mode=755 subid-test "$T/full"
cp -a /etc/{passwd,group,shadow,nsswitch.conf,login.defs,subuid,subgid} "$T/full"
mount --bind "$T/full" /etc
dd if=/dev/zero of=/etc/filler bs=4k 2>"$T/dd"
fails "a full /etc" "/etc*: $FULL" "${of_tables[@]}" "${of_both[@]}"
umount /etc

# --- what others make ------------------------------------------------------------------

fresh
mkdir -p "$T/made"
for table in subuid subgid; do
	mv /etc/$table "$T/made/$table"
	ln -s "$T/made/$table" /etc/$table
done
fails "a link" "/etc/subuid: it is a symbolic link to $T/made/subuid, which neither this nor useradd follows: replace it by a copy: cp --remove-destination \"\$(readlink -f /etc/subuid)\" /etc/subuid" \
	"${of_tables[@]}" "grant alice/db --count 5" list status
for table in subuid subgid; do
	cp --remove-destination "$(readlink -f /etc/$table)" /etc/$table
done
expect "what it says helps" 0 'bob uid*' '' subid grant bob
for table in subuid subgid; do ln -sf /nix/store/abc-$table /etc/$table; done
fails "a link into NixOS' store" "/etc/subuid: it is a symbolic link to /nix/store/abc-subuid, which NixOS has made: declare the ranges in configuration.nix (users.users.NAME.subUidRanges, subGidRanges)" \
	"grant bob" "revoke alice"
rm /etc/subuid /etc/subgid

fresh
touch /etc/NIXOS
expect "NixOS makes them" 0 'bob uid*new*' \
	'subid: warning: NixOS makes /etc/subuid and subgid: this change may be lost at the next nixos-rebuild: declare the ranges in configuration.nix *' subid grant bob
expect "not if nothing was changed" 0 'bob uid*kept*' '' subid grant bob
expect "nor a lease" 0 'alice/db uid*' '' subid grant alice/db --count 5
rm /etc/NIXOS
for table in subuid subgid; do sed -i '1i # Generated by the site, do not edit' /etc/$table; done
expect "so does another program" 0 'bob uid*released*' \
	$'*subid: warning: /etc/subuid says in its first line that it is generated: this change is lost when it is generated again: make it where the file comes from\nsubid: warning: /etc/subgid says *' subid revoke bob
