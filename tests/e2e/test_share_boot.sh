#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid share in a Debian 13 of its own, which is booted three times with its systemd as
# process 1: two rootless podman users of that release, with ids of their own each, share
# a store; the unit subid-share.service mounts it again, in its sandbox; and what cannot be
# mounted is said, and keeps nothing else from it.
# long
. "$(dirname "$0")/lib.sh"
plan 32

root=$T/root
ok "a Debian 13" tests/root.sh make trixie "$root" \
	podman,crun,busybox-static,systemd,libjansson4,libaudit1,procps
boot() { timeout 120 tests/root.sh boot "$root" "$@"; }
# the programs and the unit, where they were made for
cp -a "$T/pre/." "$root$PRE"
unit=$root/etc/systemd/system/subid-share.service
cp "$PRE/lib/systemd/system/subid-share.service" "$unit"
ok "systemd understands the unit" tests/root.sh enter "$root" systemd-analyze verify --man=no /etc/systemd/system/subid-share.service
is "and has nothing to say about it" "$(tests/root.sh enter "$root" systemd-analyze verify --man=no /etc/systemd/system/subid-share.service 2>&1)" ""
ok "it is enabled" tests/root.sh enter "$root" systemctl enable subid-share.service
mkdir -p "$root/tiny/bin" "$root/tiny/srv" "$root/tiny/proc" "$root/tiny/dev" "$root/tiny/sys"
cp "$root/bin/busybox" "$root/tiny/bin/busybox"
for name in sh cat stat chown chmod touch ls; do ln -s busybox "$root/tiny/bin/$name"; done
# busybox gives up a setuid bit by itself; this one runs on the host alone
cp "$root/usr/bin/id" "$root/tiny/bin/host-id"
tar -C "$root/tiny" -cf "$root/tiny.tar" .
cat >"$root/common" <<END
PATH=$PRE/bin:\$PATH
point() { echo /run/subid/share/\$1/@podman/root/s; }
as() {
	local name=\$1 uid
	shift
	uid=\$(id -u "\$name")
	mkdir -p /run/user/\$uid && chown "\$name:" /run/user/\$uid && chmod 700 /run/user/\$uid
	(cd / && exec setpriv --reuid "\$uid" --regid "\$(id -g "\$name")" --init-groups \\
		env -i HOME=/home/\$name USER=\$name PATH="\$PATH" XDG_RUNTIME_DIR=/run/user/\$uid "\$@")
}
inside() { # user script
	local options
	read -ra options < <(as "\$1" subid config podman "\$1" | grep -v '^#')
	as "\$1" podman --runtime crun run --rm --network=none --cgroups=disabled "\${options[@]}" tiny /bin/sh -c "cd /srv/s && { \$2 ; }" 2>/tmp/err || cat /tmp/err >&2
}
state_of() { for property; do systemctl show -P "\$property" subid-share.service; done; }
say() { printf '%s=%s\n' "\$1" "\$(tr '\n' ',' <<<"\$2")"; }
END
# What a script has said of a thing.
said() { sed -n "s/^$1=//p" "$T/said"; }
run_in_boot() { # script on standard input
	{
		cat "$root/common"
		cat
	} >"$root/script"
	boot bash /script >"$T/said" 2>&1
}

# --- the first boot -----------------------------------------------------------------------

run_in_boot <<'END'
set -e
say podman "$(podman --version)"
say unit "$(state_of ActiveState ConditionResult)"
useradd -m alice
useradd -m bob
subid -q grant alice bob
subid -q grant root --count 300000
subid -q share create root/s /srv/share/s
subid -q share create root/gone /srv/share/gone
for name in alice bob; do
	subid -q share mount root/s $name --for podman
	as $name podman import /tiny.tar tiny >/dev/null 2>&1
done
subid -q share mount root/gone alice
say ranges "$(sort -u /etc/subuid)"
inside alice 'echo begin >a && chown 33:44 a && chmod 666 a && cat /bin/host-id >id && chmod 6755 id && stat -c %a id'
for name in alice bob; do
	inside $name "i=0; while [ \$i -lt 20 ]; do echo $name >>a; i=\$((i + 1)); done; touch of_$name; chown 5:6 of_$name" &
done
wait
say alice "$(inside alice 'stat -c "%u:%g %a %n" a of_bob; grep -c bob a')"
say bob "$(inside bob 'stat -c "%u:%g %a %n" a of_alice; grep -c alice a')"
uid=$(stat -c %u /srv/share/s)
say strangers "$(find /srv/share/s ! \( -uid +$((uid - 1)) -uid -$((uid + 65536)) -gid +$((uid - 1)) -gid -$((uid + 65536)) \))"
say disk "$(stat -c '%u:%g' /srv/share/s/a) $((uid + 33)):$((uid + 44))"
say raw "$(as alice ls /srv/share/s 2>&1 || :)"
say other "$(as alice ls "$(point bob)" 2>&1 || :)"
say setuid "$(as bob "$(point bob)/id" -u) $(id -u bob)"
say log "$(journalctl -t subid -o cat | grep -E '^store (created|mounted)')"
END
like "its podman" "$(said podman)" "podman version 5.*"
is "nothing is to be mounted yet" "$(said unit)" "inactive,no,"
is "three have ranges" "$(said ranges | tr ',' '\n' | grep -c :)" 3
is "podman: alice sees sensible owners, and what bob wrote" "$(said alice)" "33:44 666 a,5:6 644 of_bob,20,"
is "podman: so does bob" "$(said bob)" "33:44 666 a,5:6 644 of_alice,20,"
is "on the disk all ids are the store's" "$(said strangers)" ","
ok "in its order" test "$(said disk | tr ' ' '\n' | tr -d , | sort -u | wc -l)" = 1
like "no user reaches the raw store" "$(said raw)" "*Permission denied*"
like "nor the other's mount" "$(said other)" "*Permission denied*"
ok "a setuid file that a container made gains nothing" test "$(said setuid | tr ' ' '\n' | tr -d , | sort -u | wc -l)" = 1
like "journald has a line of each change" "$(said log)" \
	'store created: "root/s" in "/srv/share/s",*store mounted: "root/s" for "alice" in "/run/subid/share/alice/@podman/root/s",*'

# --- the second: the unit alone --------------------------------------------------------------

run_in_boot <<'END'
say unit "$(state_of ActiveState Result NoNewPrivileges MemoryDenyWriteExecute)"
say order "$(systemctl show -P Before subid-share.service)"
say mounts "$(grep -o '/run/subid/share/[^ ]* [^ ]*' /proc/self/mountinfo | sort | tr ' ' '|')"
say host "$(readlink /proc/1/ns/mnt) $(readlink /proc/self/ns/mnt)"
say list "$(subid share list --json | tr -d ' \n' | grep -o '"state":"[a-z-]*"' | sort)"
say bob "$(inside bob 'stat -c "%u:%g %n" a of_alice; echo again >>a; grep -c again a')"
say alice "$(inside alice 'grep -c again a')"
systemctl restart subid-share.service
say again "$? $(grep -c /run/subid/share/ /proc/self/mountinfo)"
mv /srv/share/gone /srv/share/away
END
is "after a boot the unit is up, in its sandbox" "$(said unit)" "active,success,yes,yes,"
like "it comes before what starts containers" "$(said order)" "*systemd-user-sessions.service*"
is "three mounts are there, for all to see" "$(said mounts | tr ',' '\n' | grep /run | cut -d '|' -f 1 | tr '\n' ' ')" \
	"/run/subid/share/alice/@all/root/gone /run/subid/share/alice/@podman/root/s /run/subid/share/bob/@podman/root/s "
is "each nosuid, nodev, with other ids" "$(said mounts | tr ',' '\n' | grep -c idmapped) $(said mounts | grep -o 'nosuid,nodev' | wc -l)" "3 3"
ok "in the host's own mount namespace" test "$(said host | tr ' ' '\n' | tr -d , | sort -u | wc -l)" = 1
is "list says so" "$(said list)" '"state":"mounted","state":"mounted","state":"mounted","state":"ready","state":"ready",'
is "podman: bob has all that was there, and writes" "$(said bob)" "33:44 a,5:6 of_alice,1,"
is "podman: alice reads it" "$(said alice)" "1,"
is "started again it changes nothing" "$(said again)" "0 3,"

# --- the third: a store is gone ------------------------------------------------------------

run_in_boot <<'END'
say unit "$(state_of ActiveState Result ExecMainStatus)"
say log "$(journalctl -b -u subid-share.service -o cat)"
say mounts "$(grep -o '/run/subid/share/[^ ]*' /proc/self/mountinfo | sort)"
say alice "$(inside alice 'grep -c again a')"
mv /srv/share/away /srv/share/gone
systemctl restart subid-share.service
say again "$? $(systemctl is-active subid-share.service) $(grep -c /run/subid/share/ /proc/self/mountinfo)"
END
is "the unit has failed" "$(said unit)" "failed,exit-code,3,"
like "it says which and why" "$(said log)" "*root/gone: *No such file or directory*"
is "the rest is mounted" "$(said mounts)" "/run/subid/share/alice/@podman/root/s,/run/subid/share/bob/@podman/root/s,"
is "and used" "$(said alice)" "1,"
is "when it is there again, so does the unit" "$(said again)" "0 active 3,"

# --- other inits ----------------------------------------------------------------------------

# The command of ExecStart= is all that the unit does: from a script, without systemd.
command=$(sed -n 's/^ExecStart=//p' "$unit")
ok "another init runs the same command" tests/root.sh enter "$root" sh -ec "$command; grep -c /run/subid/share/ /proc/self/mountinfo >/count"
is "and has the same mounts" "$(<"$root/count")" 3
ok "again, it changes nothing" tests/root.sh enter "$root" sh -ec "$command; $command; [ \$(grep -c /run/subid/share/ /proc/self/mountinfo) = 3 ]"
