#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2086 # names and paths of ours have no blanks
# What the audit says of shared storage: of stores, of whom they are mounted for, and of
# idmapped mounts by anybody's hand, also where only a container sees them.
[ $$ = 1 ] || exec unshare --pid --fork --kill-child --mount-proc bash "$0"
. "$(dirname "$0")/lib.sh"
plan 27
chmod 755 "$T"
for name in alice bob; do add_user $name; done
all=$'alice:100000:65536\nbob:200000:65536\nroot:900000:300000'
tables "$all"
subid -q share create root/store "$T/guard/store"
subid -q share mount root/store alice
subid -q grant alice/c1
subid -q share mount root/store alice/c1
record=/var/lib/subid/shares/900000

# Each finding of a rule on a line: level, kind, owner, how many ids, what it says.
found() { # rule [option...]
	subid --json audit --rule "$@" 2>/dev/null | python3 -c '
import json, sys
for finding in json.load(sys.stdin)["findings"]:
    print(finding["level"], finding.get("kind") or "-", finding["reason"])'
}
# The commands of a rule, typed; what they are for is gone after a moment.
typed() { # rule
	subid --json audit --rule "$1" --fail-on never 2>/dev/null | jq -r '.findings[].advice[]' | awk '!seen[$0]++' >"$T/typed"
	ok "$1: the commands" sh -e "$T/typed"
	ok "$1: mend it" wait_for nothing_of "$1"
}
nothing_of() { [ -z "$(found "$1")" ]; }
for rule in share-running share-target share-leftover idmap-root idmap-unread; do
	is "as it should be: no $rule" "$(found $rule)" ""
done

# An idmapped mount, made without us: the disk's ids from one on show as 100000 and on.
cat >"$T/idmap.py" <<'PY'
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
source, target, first = sys.argv[1].encode(), sys.argv[2].encode(), sys.argv[3]
ready, told = os.pipe()
pid = os.fork()
if pid == 0:
    libc.unshare(0x10000000)
    os.write(told, b"x")
    while True:
        libc.pause()
os.read(ready, 1)
for kind in "uid", "gid":
    with open(f"/proc/{pid}/{kind}_map", "w") as file:
        file.write(f"{first} 100000 1000")
ns = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
tree = libc.syscall(428, -100, source, 1)
done = libc.syscall(442, tree, b"", 0x1000, struct.pack("QQQQ", 0x100000, 0, 0, ns), 32)
done = done or libc.syscall(429, tree, b"", -100, target, 4)
os.kill(pid, 9)
os.wait()
sys.exit(done != 0)
PY
mkdir "$T/disk" "$T/seen" "$T/inner"
ok "an idmapped mount by hand" python3 "$T/idmap.py" "$T/disk" "$T/seen" 0
is "it shows root's files as others'" "$(found idmap-root)" \
	"warning uid $T/seen (tmpfs, device $(stat -c '%Hd:%Ld' "$T/disk")) is mounted with other ids, and maps uid 0 of the disk
warning gid $T/seen (tmpfs, device $(stat -c '%Hd:%Ld' "$T/disk")) is mounted with other ids, and maps gid 0 of the disk"
umount "$T/seen"
ok "one without id 0" python3 "$T/idmap.py" "$T/disk" "$T/seen" 1
is "is nobody's business" "$(found idmap-root)$(found idmap-unread)" ""
umount "$T/seen"
start unshare --mount sh -c "python3 $T/idmap.py $T/disk $T/inner 0 && exec sleep 1000"
wait_for runs "$started_pid" sleep
like "one that only a process in its own namespace sees" "$(found idmap-root)" \
	"warning uid $T/inner (tmpfs, device *, as process $started_pid sees it) is mounted*"
end "$started_pid"
is "gone with it" "$(found idmap-root)" ""

# Stores.
cp $record "$T/kept"
sed -i '/^mount.*@all/d' $record
is "a mount that no record has" "$(found share-leftover)" \
	"warning - /run/subid/share/alice/@all/root/store is mounted, and no record of 'subid share' has it"
typed share-leftover
cp "$T/kept" $record
subid -q share mount root/store alice
subid -q revoke --force alice/c1
is "a container that is gone" "$(found share-target)" ""
as alice subid -q grant --count 10 alice/own
start become alice unshare --map-users 100000,0,10 --map-groups 100000,0,10 sleep 1000
wait_for runs "$started_pid" sleep
is "is seen where its owner's leases are known" "$(found share-target)" \
	"warning - the store root/store is mounted for alice/c1, who has no such lease"
end "$started_pid"
tables $'bob:200000:65536\nroot:900000:300000'
is "an owner without a range" "$(found share-target)" "warning - the store root/store is mounted for alice, who has no range
warning - the store root/store is mounted for alice/c1, who has no range"
typed share-target
tables "$all"
subid -q share mount root/store alice
start setpriv --reuid 900005 --regid 5 --clear-groups sleep 1000
wait_for runs "$started_pid" sleep
is "a process with the store's ids" "$(found share-running)" \
	"error uid 1 process runs with a uid of the store root/store, beginning with process $started_pid"
typed share-running
start unshare --map-users 900000,0,10 --map-groups 900000,0,10 sleep 1000
wait_for runs "$started_pid" sleep
like "a namespace that maps them" "$(found share-running)" \
	"error uid user namespace * (process $started_pid) maps uids 900000-900009, which are those of the store root/store
error gid user namespace *"
typed share-running

subid -q share umount root/store alice
subid -q share destroy root/store
is "with the store all of it is gone" "$(found share-running)$(found share-target)$(found share-leftover)" ""
is "without root, and of images, nothing is said" "$(as alice subid --json audit 2>/dev/null | grep -c '"share-\|"idmap-')" 0
