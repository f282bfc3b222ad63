#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The RPM packages, as far as Debian's rpm can tell: built of the tarball, no file left
# over; installed, used and removed above a copy of this system.  What a system that has
# RPM would require of them by name is not looked at.
# long
. "$(dirname "$0")/lib.sh"
plan 21

command -v rpmbuild >/dev/null || tests/deps.sh rpm >/dev/null 2>&1
ok "built, and no file is in no package" env -u MAKEFLAGS -u MFLAGS -u CFLAGS -u LDFLAGS -u HARDEN -u BUILD \
	make -s "BUILD=$T/b" RPMFLAGS="-D 'optflags -O0 -g0' -D '_libdir /usr/lib/$(gcc -print-multiarch)' --nocheck" rpm
rpms=("$T"/b/rpm/RPMS/*/*.rpm)
is "the packages" "$(printf '%s\n' "${rpms[@]##*/}" | sed 's/-[0-9].*//' | LC_ALL=C sort | tr '\n' ' ')" \
	"subid subid-compat subid-devel subid-ldap subid-libs subid-nss subid-pam subid-uidmap "
query() { rpm -qp --dbpath "$T/db" "$@" 2>/dev/null; }
of() { printf '%s\n' "${rpms[@]}" | grep "/$1-[0-9]"; }
ok "there are files" test "$(query -l "${rpms[@]}" | grep -cv build-id)" -ge 80
is "no file is in two" "$(query -l "${rpms[@]}" | grep -v '/.build-id' | sort | uniq -d)" ""
is "nor is one outside of the system's folders" "$(query -l "${rpms[@]}" | grep -vE '^/usr/(bin|lib|lib64|include|share)(/|$)')" ""
is "the helpers have one capability each, and no setuid bit" "$(query --qf '[%{FILENAMES} %{FILEMODES:octal} %{FILECAPS}\n]' "$(of subid-uidmap)" | grep /bin/new)" \
	"/usr/bin/newgidmap 100755 cap_setgid=ep
/usr/bin/newuidmap 100755 cap_setuid=ep"
is "nobody's need of shadow's library is met by what no program finds" "$(query --provides "$(of subid-compat)" | grep -c 'libsubid\.so')" 0
is "the module that PAM loads is no library for others" "$(query --provides "$(of subid-pam)" | grep -c 'pam_subid\.so')" 0
like "the library is" "$(query --provides "$(of subid-libs)")" "*libsubid-ng.so.1*"
is "the helpers need libc alone" "$(query --requires "$(of subid-uidmap)" | grep '\.so' | grep -vc '^lib\(c\|resolv\)\.so\|^ld-\|rtld')" 0
is "no dependency on a package of Debian's" "$(query --requires "${rpms[@]}" | grep -cE 'dpkg|debconf')" 0

# Above the system, whose own files are beneath it.
mkdir "$T/up" "$T/work" "$T/root"
mount -t overlay -o "lowerdir=/,upperdir=$T/up,workdir=$T/work" overlay "$T/root"
in_root() { chroot "$T/root" "$@"; }
rm -rf "$T/root/usr/local/bin/subid" "$T/root/var/lib/rpm"
mkdir -p "$T/root/var/lib/rpm"
rpms() { rpm --root "$T/root" --dbpath /var/lib/rpm "$@"; }
ok "installed, with its scripts" rpms -i --nodeps "${rpms[@]}"
like "the program runs" "$(in_root /usr/bin/subid --version)" "subid $(sed -n 's/^VERSION = //p' Makefile)*"
like "so do the helpers" "$(in_root /usr/bin/newuidmap --version)" "newuidmap (subid) *"
like "with their capability" "$(getcap "$T/root/usr/bin/newuidmap")" "*cap_setuid=ep"
like "the linker finds the library" "$(in_root ldconfig -p)" "*libsubid-ng.so.1 *"
like "and shadow's programs find ours" "$(in_root ldconfig -p | grep 'libsubid\.so\.4' | head -n 1)" "*/subid-compat/libsubid.so.4"
is "all is as it was packed" "$(rpms -V --nodeps --nomtime subid subid-uidmap subid-libs subid-compat)" ""
ok "removed" rpms -e --nodeps subid subid-compat subid-devel subid-ldap subid-libs subid-nss subid-pam subid-uidmap
is "nothing of it is left" "$(find "$T/up/usr" "$T/up/etc" ! -type c ! -type d -name '*subid*')" ""
is "nor is its library found" "$(in_root ldconfig -p | grep -c 'subid-compat\|libsubid-ng')" 0
umount "$T/root"
