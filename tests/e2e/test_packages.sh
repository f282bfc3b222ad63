#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The Debian packages: built without a network, the same bytes twice, clean by lintian;
# then installed, used, upgraded and removed in a Debian of its own, beside the packages
# whose place they take.
# long
. "$(dirname "$0")/lib.sh"
plan 35

build=(env -u MAKEFLAGS -u MFLAGS -u CFLAGS -u LDFLAGS -u HARDEN -u BUILD make -s)
ok "built without a network; lintian has no word" unshare --net "${build[@]}" "BUILD=$T/one" deb
debs=("$T"/one/deb/*.deb)
is "the packages" "$(cd "$T/one/deb" && printf '%s\n' *.deb | grep -v dbgsym | sed 's/_.*//' | LC_ALL=C sort | tr '\n' ' ')" \
	"libnss-subid libpam-subid libsubid-compat libsubid-ng-dev libsubid-ng1 subid subid-ldap subid-uidmap "
DEB_BUILD_OPTIONS=nocheck ok "built once more, in another folder" "${build[@]}" "BUILD=$T/other/two" deb
sums() { (cd "$1/deb" && sha256sum ./*.deb); }
is "the same bytes" "$(sums "$T/one")" "$(sums "$T/other/two")"

root=$T/root
ok "a Debian without subid" tests/root.sh make "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$root" uidmap,lxc,libpam-runtime
in_root() { tests/root.sh enter "$root" "$@"; }
installed() { in_root dpkg -s "$1" | grep -qx 'Status: install ok installed'; }
mkdir "$root/debs"
cp "${debs[@]}" "$root/debs"
# What there is before is what there must be afterwards.
state() { in_root sh -c 'stat -c "%a %U %s %n" /usr/bin/newuidmap /usr/bin/newgidmap /usr/bin/getsubids; cat /etc/pam.d/common-session'; }
before=$(state)
printf 'old:200000:65536\n' >"$root/etc/subuid"
cp "$root/etc/subuid" "$root/etc/subgid"

apt=(apt-get -o Dpkg::Use-Pty=0 -qq -y --no-install-recommends)
install_ours() { in_root sh -c "apt-get -qq update && ${apt[*]} install /debs/subid_*.deb /debs/subid-uidmap_*.deb /debs/libpam-subid_*.deb /debs/libsubid-ng1_*.deb /debs/libnss-subid_*.deb"; }
ok "installed" install_ours
not_ok "uidmap has gone" installed uidmap
like "the helpers are ours" "$(in_root newuidmap --version)" "newuidmap (subid) *"
is "and setuid root" "$(in_root stat -c '%a %U' /usr/bin/newuidmap /usr/bin/newgidmap)" $'4755 root\n4755 root'
is "who had a range has it" "$(in_root getsubids old)" "0: old 200000 65536"
ok "nothing is missing" in_root dpkg --audit
is "what it depends on is there" "$(in_root sh -c 'dpkg -C; apt-get check -qq')" ""
like "the module is in the session stack" "$(<"$root/etc/pam.d/common-session")" $'*optional\tpam_subid.so*'
ok "real programs run with them" in_root /bin/sh -c "$(<debian/tests/clients)"
like "a first login gives a range" "$(in_root sh -c 'useradd -m anna; subid revoke -q anna; su - anna -c "getsubids anna"' 2>&1)" "*0: anna [0-9]* 65536*"
not_ok "the timer of the audit is not enabled" test -e "$root/etc/systemd/system/multi-user.target.wants/subid-audit.timer"
is "no package turns names on" "$(in_root sh -c 'useradd -u 200040 -M nameless; getent passwd 200041; grep -c subid /etc/nsswitch.conf')" 0
is "its administrator can" "$(in_root sh -c "sed -i -E 's/^(passwd|group):.*/& subid/' /etc/nsswitch.conf; getent passwd 200041 | cut -d : -f 1; sed -i 's/ subid$//' /etc/nsswitch.conf")" old+200041
ok "its unit is there" test -e "$root/usr/lib/systemd/system/subid-audit.timer"
ok "the pages are found" test -e "$root/usr/share/man/man1/subid.1.gz" -o ! -e "$root/usr/share/man"

# What an administrator has said of the helpers stays said.
in_root sh -c 'dpkg-statoverride --update --add root root 0755 /usr/bin/newuidmap && dpkg -i /debs/subid-uidmap_*.deb' >/dev/null 2>&1
is "dpkg-statoverride is respected" "$(in_root stat -c %a /usr/bin/newuidmap)" 755
in_root sh -c 'dpkg-statoverride --remove /usr/bin/newuidmap && dpkg -i /debs/subid-uidmap_*.deb' >/dev/null 2>&1
is "and is over when it is withdrawn" "$(in_root stat -c %a /usr/bin/newuidmap)" 4755

# An upgrade, with a container at work.
upgraded() { # package: the same with a higher version
	rm -rf "$T/repack"
	dpkg-deb -R "$root"/debs/"$1"_*.deb "$T/repack"
	sed -i 's/^Version: .*/&+1/' "$T/repack/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$T/repack" "$root/debs/upgrade-$1.deb"
}
for package in subid subid-uidmap libpam-subid; do upgraded "$package"; done >/dev/null
cat >"$root/upgrade.sh" <<'END'
set -e
getent passwd carl >/dev/null || useradd -m carl
subid grant -q carl
cd /home/carl
rm -f before after ready go
mkfifo ready go
chown carl: ready go
setpriv --reuid carl --regid carl --init-groups timeout 300 unshare --map-auto --map-root-user sh -c \
	'cat /proc/self/uid_map >before; echo >ready; read -r _ <go; cat /proc/self/uid_map >after' &
timeout 60 cat ready >/dev/null
$1 >/dev/null 2>&1
timeout 60 sh -c 'echo >go'
wait
cmp before after
[ "$(wc -l <after)" = 2 ]
rm before after ready go
END
ok "upgraded, while a container runs" in_root sh /upgrade.sh "dpkg -i /debs/upgrade-subid.deb /debs/upgrade-subid-uidmap.deb /debs/upgrade-libpam-subid.deb"
like "to the new version" "$(in_root dpkg -s subid-uidmap)" $'*\nVersion: *+1\n*'
is "the helpers are setuid root again" "$(in_root stat -c '%a %U' /usr/bin/newuidmap /usr/bin/newgidmap)" $'4755 root\n4755 root'
is "the module stands there once" "$(grep -c pam_subid "$root/etc/pam.d/common-session")" 1

# And back.
ok "back to uidmap, while a container runs" in_root sh /upgrade.sh "${apt[*]} install uidmap"
not_ok "subid-uidmap has gone" installed subid-uidmap
not_ok "the helpers are not ours" sh -c "strings '$root/usr/bin/newuidmap' | grep -q 'subid grant'"
ok "the rest works without ours" in_root subid grant -q anna
tables=$(cat "$root/etc/subuid" "$root/etc/subgid")
ok "removed" in_root "${apt[@]}" purge subid libpam-subid libnss-subid libsubid-ng1
is "the tables are as they were" "$(cat "$root/etc/subuid" "$root/etc/subgid")" "$tables"
is "all is as before" "$(state)" "$before"
is "nothing of ours is left" "$(in_root sh -c 'dpkg -l | grep -c "subid-\|libpam-subid\|subid "; find /usr /etc -name "*subid*" ! -path "*/sub[ug]id*" ! -path "*libsubid.so*" ! -path "*/libsubid[0-9]*" ! -path "*/getsubids*" ! -path "*/man/*"')" 0
not_ok "and no login needs it" grep -rq pam_subid "$root/etc/pam.d"
