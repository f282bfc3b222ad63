#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # words of other shells
# What install puts where, what it is made of, and that a program can be built
# with it.  The programs are built anew, with the flags that a user's make has:
# those of a sanitized or coverage build are not what is shipped.
. "$(dirname "$0")/lib.sh"
plan 108

version=$(sed -n 's/^VERSION = //p' Makefile)
plain=(env -u MAKEFLAGS -u MFLAGS -u CFLAGS -u LDFLAGS -u HARDEN make -s -j2 "BUILD=$T/plain")
ok "a build with nothing but defaults" "${plain[@]}" all

# Where everything goes, and back.
places=(PREFIX=/opt/s BINDIR=/opt/s/programs LIBDIR=/opt/s/lib/arch INCLUDEDIR=/opt/s/inc
	MANDIR=/opt/s/pages BASHCOMPDIR=/opt/s/completions ZSHCOMPDIR=/opt/s/completions FISHCOMPDIR=/opt/s/completions DATADIR=/opt/s/data PAMDIR=/opt/s/pam DOCDIR=/opt/s/doc
	UNITDIR=/opt/s/units TMPFILESDIR=/opt/s/tmpfiles)
listing() { (cd "$1" && find . ! -type d | sort); }

ok "install into a DESTDIR" "${plain[@]}" DESTDIR="$T/d" install
is "everything is beneath /usr/local" "$(listing "$T/d" | grep -vc '^\./usr/local/')" 0
for file in bin/subid bin/newuidmap bin/newgidmap bin/getsubids lib/libsubid-ng.a "lib/libsubid-ng.so.$version" \
	lib/pkgconfig/libsubid-ng.pc include/subid-ng/subid.h share/bash-completion/completions/subid share/zsh/site-functions/_subid \
	share/fish/vendor_completions.d/subid.fish lib/security/pam_subid.so lib/libnss_subid.so.2 \
	share/subid/subid.conf share/pam-configs/subid lib/systemd/system/subid-audit.timer lib/tmpfiles.d/subid.conf \
	share/doc/subid/NEWS share/subid/installed; do
	ok "there is $file" test -f "$T/d/usr/local/$file"
done
# The program that the module runs is where it will be, whatever DESTDIR was.
runs_program() { # module path
	[ "$(strings -a "$1" | sed -n 's/: could not be run: no range is granted$//p' | sort -u)" = "$2" ]
}
ok "the module runs /usr/local/bin/subid" runs_program "$T/d/usr/local/lib/security/pam_subid.so" /usr/local/bin/subid
like "the units are of the programs there" "$(<"$T/d/usr/local/lib/systemd/system/subid-audit.service")" '*=/usr/local/bin/subid -q audit*'
is "what systemd-tmpfiles makes is root's" "$(grep -v '^#' "$T/d/usr/local/lib/tmpfiles.d/subid.conf")" "d /var/lib/subid 0755 root root -"
touch "$T/d/usr/local/bin/foreign" "$T/d/usr/local/include/subid-ng/foreign.h"
ok "uninstall" "${plain[@]}" DESTDIR="$T/d" uninstall
is "leaves what is not ours, and nothing else" "$(listing "$T/d")" \
	$'./usr/local/bin/foreign\n./usr/local/include/subid-ng/foreign.h'
rm "$T/d/usr/local/include/subid-ng/foreign.h"
ok "uninstall again is no error" "${plain[@]}" DESTDIR="$T/d" uninstall
ok "our own folder goes with it" test ! -e "$T/d/usr/local/include/subid-ng"

# Uninstall deletes nothing that it did not install.
"${plain[@]}" DESTDIR="$T/d" install
echo other >"$T/d/usr/local/bin/getsubids"
ln -sfn elsewhere "$T/d/usr/local/lib/libsubid-ng.so"
like "uninstall leaves what has become another's" "$("${plain[@]}" DESTDIR="$T/d" uninstall)" \
	"left: /usr/local/bin/getsubids: *left: /usr/local/lib/libsubid-ng.so: *"
is "and that alone" "$(listing "$T/d")" $'./usr/local/bin/foreign\n./usr/local/bin/getsubids\n./usr/local/lib/libsubid-ng.so'
rm "$T/d/usr/local/bin/getsubids" "$T/d/usr/local/lib/libsubid-ng.so"
"${plain[@]}" DESTDIR="$T/d" BINDIR=/opt/bin install
"${plain[@]}" DESTDIR="$T/d" install
"${plain[@]}" DESTDIR="$T/d" uninstall
is "what was first installed elsewhere goes, too" "$(listing "$T/d")" ./usr/local/bin/foreign

# Where packages own the files.  dpkg's database here is one of this test.
mount -t tmpfs -o mode=755 subid-test /var/lib/dpkg
mkdir /var/lib/dpkg/info /var/lib/dpkg/updates
cat >/var/lib/dpkg/status <<'EOF'
Package: uidmap
Status: install ok installed
Maintainer: nobody <nobody@localhost>
Architecture: all
Version: 1
Description: helpers
EOF
at=$T/system
printf '%s\n' /. "$at/bin/newuidmap" "$at/bin/newgidmap" >/var/lib/dpkg/info/uidmap.list
mkdir -p "$at/bin"
for file in newuidmap newgidmap getsubids; do echo "uidmap's" >"$at/bin/$file"; done
expect "install refuses what packages own, and names it" 2 '' "not installed: *
  $at/bin/newuidmap (package uidmap)
  $at/bin/newgidmap (package uidmap)
*FORCE=1*" "${plain[@]}" PREFIX="$at" install
is "nothing was installed" "$(listing "$at" | tr '\n' ' ')$(<"$at/bin/newuidmap")" "./bin/getsubids ./bin/newgidmap ./bin/newuidmap uidmap's"
ok "into a DESTDIR it does not ask" "${plain[@]}" PREFIX="$at" DESTDIR="$T/d5" install
ok "a file that dpkg-divert has moved is free" sh -c '
	for file in newuidmap newgidmap; do dpkg-divert --quiet --local --rename --add "$1/bin/$file"; done' sh "$at"
ok "then it installs" "${plain[@]}" PREFIX="$at" install
ok "and uninstalls" "${plain[@]}" PREFIX="$at" uninstall
is "all but theirs" "$(listing "$at" | tr '\n' ' ')" "./bin/newgidmap.distrib ./bin/newuidmap.distrib "
for file in newuidmap newgidmap; do dpkg-divert --quiet --local --rename --remove "$at/bin/$file"; done
ok "with FORCE=1 it overwrites" "${plain[@]}" PREFIX="$at" FORCE=1 install
like "the helper is ours" "$("$at/bin/newuidmap" --version)" "newuidmap (subid) *"
like "uninstall leaves what is a package's" "$("${plain[@]}" PREFIX="$at" uninstall)" \
	"left: $at/bin/newuidmap: belongs to the package uidmap, *left: $at/bin/newgidmap: *"
is "there" "$(listing "$at" | tr '\n' ' ')" "./bin/newgidmap ./bin/newuidmap "
umount /var/lib/dpkg

# Who finds which newuidmap afterwards.
mkdir "$T/first"
printf '#!/bin/sh\n' >"$T/first/newuidmap"
chmod +x "$T/first/newuidmap"
sed -i '/^ENV_/d' /etc/login.defs
printf 'ENV_PATH\tPATH=%s\nENV_SUPATH PATH=%s\n' "$at/bin:$T/first" "$T/first:$at/bin" >>/etc/login.defs
said=$(env -u MAKEFLAGS -u CFLAGS make "BUILD=$T/plain" PREFIX="$at" install 2>&1)
like "users who log in find ours" "$said" "*users who log in*: *$at/bin/newuidmap"$'\n*'
like "root another one, and it says so" "$said" "*root*: *$T/first/newuidmap (not this one)"$'\n*'
is "make -s says nothing" "$("${plain[@]}" PREFIX="$at" install 2>&1)" ""
"${plain[@]}" PREFIX="$at" uninstall

ok "install beneath /usr" "${plain[@]}" DESTDIR="$T/d4" PREFIX=/usr install
ok "the module runs /usr/bin/subid then" runs_program "$(echo "$T"/d4/usr/lib/*/security/pam_subid.so)" /usr/bin/subid

(umask 077 && "${plain[@]}" DESTDIR="$T/d2" "${places[@]}" install)
ok "or wherever it is" runs_program "$T/d2/opt/s/pam/pam_subid.so" /opt/s/programs/subid
is "each place is where it was said, whatever the umask" "$(cd "$T/d2/opt/s" && stat -c '%a %n' programs/* lib/arch/*.* \
	lib/arch/pkgconfig/* inc/subid-ng/subid.h completions/* data/*/* doc/* doc/*/* pam/* units/* tmpfiles/* | sort -k2)" \
	"644 completions/_subid
644 completions/subid
644 completions/subid.fish
644 data/pam-configs/subid
644 data/subid/audit.schema.json
644 data/subid/config.schema.json
644 data/subid/doctor.schema.json
644 data/subid/id.schema.json
644 data/subid/installed
755 data/subid/ldap
644 data/subid/policy.schema.json
644 data/subid/ps.schema.json
644 data/subid/ranges.schema.json
644 data/subid/released.schema.json
644 data/subid/shares.schema.json
644 data/subid/shift.schema.json
644 data/subid/status.schema.json
644 data/subid/subid.conf
644 doc/LICENSE
644 doc/NEWS
644 doc/README.md
644 doc/SECURITY.md
755 doc/examples
644 doc/examples/30-subid.rules
644 doc/examples/audit.c
644 doc/examples/grant.c
644 doc/examples/list.c
644 doc/examples/subid
644 doc/examples/subid-alerts.yml
644 doc/examples/subid-audit.cron
644 doc/examples/subid.yml
644 doc/examples/subid_login.fc
644 doc/examples/subid_login.te
644 inc/subid-ng/subid.h
644 lib/arch/libnss_subid.so.2
644 lib/arch/libsubid-ng.a
777 lib/arch/libsubid-ng.so
755 lib/arch/libsubid-ng.so.$version
777 lib/arch/libsubid-ng.so.1
644 lib/arch/pkgconfig/libsubid-ng.pc
644 pam/pam_subid.so
755 programs/getsubids
4755 programs/newgidmap
4755 programs/newuidmap
755 programs/subid
755 programs/subid-compat
755 programs/subid-ldap
644 tmpfiles/subid.conf
644 units/subid-audit.service
644 units/subid-audit.timer
644 units/subid-ledger.path
644 units/subid-ledger.service
644 units/subid-share.service
644 units/subid-sync.service
644 units/subid-sync.timer"
is "what a directory is told" "$(find "$T/d2/opt/s/data/subid/ldap" -type f -printf "%P\n" | sort | paste -sd ' ')" \
	"60subid.ldif acl-389ds.ldif acl-openldap.ldif bootstrap.ldif subid.ldif subid.schema"
is "and nothing is elsewhere" "$(cd "$T/d2" && find . -maxdepth 3 ! -name pages | sort | tr '\n' ' ')" \
	". ./opt ./opt/s ./opt/s/completions ./opt/s/data ./opt/s/doc ./opt/s/inc ./opt/s/lib ./opt/s/pam ./opt/s/programs ./opt/s/tmpfiles ./opt/s/units "
is "each man page is in its section" "$(find "$T/d2/opt/s/pages" -type f -printf "%P\n" 2>/dev/null | sort)" \
	"$(shopt -s nullglob; for page in man/*.[1-8]; do echo "man${page##*.}/${page##*/}"; done | sort)"
is "the .pc file says so" "$(grep -E '^(prefix|libdir|includedir|Version)' "$T/d2/opt/s/lib/arch/pkgconfig/libsubid-ng.pc")" \
	"prefix=/opt/s
libdir=/opt/s/lib/arch
includedir=/opt/s/inc
Version: $version"
like "the PAM profile names the module by its path" "$(<"$T/d2/opt/s/data/pam-configs/subid")" \
	$'*\n\toptional\t/opt/s/pam/pam_subid.so'
ok "uninstall from there" "${plain[@]}" DESTDIR="$T/d2" "${places[@]}" uninstall
is "nothing is left" "$(listing "$T/d2")" ""

multiarch=$(gcc -print-multiarch)
ok "install beneath /usr" "${plain[@]}" DESTDIR="$T/d4" PREFIX=/usr install
ok "there the module is where PAM looks" test -f "$T/d4/usr/lib/$multiarch/security/pam_subid.so"
ok "and the NSS module where glibc looks" test -f "$T/d4/usr/lib/$multiarch/libnss_subid.so.2"
like "and its profile names it by its name" "$(<"$T/d4/usr/share/pam-configs/subid")" $'*\n\toptional\tpam_subid.so'
ok "the example of a policy says nothing" test -z "$(grep -v '^#' "$T/d4/usr/share/subid/subid.conf")"
sed 's/^#\([a-z]\)/\1/' "$T/d4/usr/share/subid/subid.conf" >/etc/subid.conf
ok "what it shows is right" "$T/d4/usr/bin/subid" policy check
rm /etc/subid.conf

ok "helpers with file capabilities" "${plain[@]}" DESTDIR="$T/d" HELPER_PRIVILEGE=caps install
is "just the one each needs" "$(getcap "$T"/d/usr/local/bin/* | sed "s|$T/d/usr/local/bin/||")" \
	$'newgidmap cap_setgid=ep\nnewuidmap cap_setuid=ep'
is "and no setuid bit" "$(find "$T/d" -perm /6000)" ""
not_ok "another kind of privilege is refused" "${plain[@]}" DESTDIR="$T/d3" HELPER_PRIVILEGE=capabilities install

ok "SYSCONFDIR" "${plain[@]}" BUILD="$T/sysconf" SYSCONFDIR="$T/conf" PREFIX="$T/pre2" install
mkdir "$T/conf"
cp /etc/passwd /etc/group /etc/login.defs "$T/conf"
expect "is where the tables are then" 0 'containers uid 100000 *' '' "$T/pre2/bin/subid" grant containers
is "there" "$(cat "$T"/conf/sub[ug]id)$(cat /etc/sub[ug]id)" $'containers:100000:65536\ncontainers:100000:65536'
like "for getsubids as well" "$("$T/pre2/bin/getsubids" containers)" '0: containers 100000 65536'

# --- what the programs are made of ---------------------------------------------

programs=("$T"/plain/{subid,subid-ldap,newuidmap,newgidmap,getsubids})
machine_code=("${programs[@]}" "$T/plain/libsubid-ng.so.$version" "$T/plain/pam_subid.so" "$T/plain/libnss_subid.so.2")
lacking() { # what: the programs in whose check it is not "yes"
	local program
	for program in "${programs[@]}"; do
		hardening-check "$program" | grep -qE "^ $1: (yes|unknown, no protectable)" || echo "${program##*/}"
	done
}
for what in "Position Independent Executable" "Stack protected" "Fortify Source functions" \
	"Read-only relocations" "Immediate binding"; do
	is "all have: $what" "$(lacking "$what")" ""
done
# The debugging information keeps the flags of each file.
without_flag() {
	local file
	for file in "${machine_code[@]}"; do
		[ "$(readelf --debug-dump=info "$file" 2>/dev/null | grep -c 'DW_TAG_compile_unit')" = \
			"$(readelf --debug-dump=info "$file" 2>/dev/null | grep 'DW_AT_producer' | grep -c -e "$1")" ] ||
			echo "${file##*/}"
	done
}
is "each file is built against stack clashes" "$(without_flag -fstack-clash-protection)" ""
unmarked() {
	local object
	find "$T/plain" -name '*.o' | while IFS= read -r object; do
		readelf -n "$object" | grep -q 'IBT, SHSTK' || echo "${object##*/}"
	done
}
case $(gcc -dumpmachine) in
x86_64*) is "each file has the marks of control-flow protection" "$(unmarked)" "" ;;
*) is "control-flow protection is x86's" "$(grep -o fcf-protection "$T/plain/flags")" "" ;;
esac
is "no stack is executable, no text relocated, no path built in" \
	"$(for file in "${machine_code[@]}"; do
		readelf -lW "$file" | grep 'GNU_STACK.*E '
		readelf -d "$file" | grep -E 'TEXTREL|RPATH|RUNPATH'
	done)" ""
is "the PAM module shows nothing but what PAM wants" "$(nm -D --defined-only "$T/plain/pam_subid.so" | awk '{ print $3 }' | sort | paste -sd ' ')" \
	"pam_sm_acct_mgmt pam_sm_authenticate pam_sm_chauthtok pam_sm_close_session pam_sm_open_session pam_sm_setcred"
is "and links libpam alone" "$(readelf -d "$T/plain/pam_subid.so" | grep NEEDED | grep -vE 'libc\.so|libpam\.so')" ""
is "the helpers link libc alone" "$(for file in "$T"/plain/new[ug]idmap; do readelf -d "$file" | grep NEEDED; done | grep -v libc.so)" ""

# --- the library -----------------------------------------------------------------

"${plain[@]}" PREFIX="$T/pre3" install
exported=$(nm -D --defined-only "$T/pre3/lib/libsubid-ng.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort)
is "the static library shows the same" "$(nm -g --defined-only "$T/pre3/lib/libsubid-ng.a" | awk 'NF == 3 { print $3 }' | sort)" "$exported"
ok "the library exports something, and not too much" test "$(wc -l <<<"$exported")" -ge 45 -a "$(wc -l <<<"$exported")" -le 60
is "every exported symbol begins with subid_" "$(grep -v ^subid_ <<<"$exported")" ""
is "each is declared in a header" "$(for name in $exported; do
	grep -rqw "$name" "$T/pre3/include/subid-ng" || echo "$name"
done)" ""
is "none is shadow's" "$(grep -xE \
	'subid_(init|free|get_[ug]id_(ranges|owners)|(un)?grant_[ug]id_range)|shadow_subid_.*' <<<"$exported")" ""
is "the SONAME is our own" "$(readelf -d "$T/pre3/lib/libsubid-ng.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" libsubid-ng.so.1
is "one header, and none for us alone" "$(cd "$T/pre3/include/subid-ng" && find . -type f | sort)" ./subid.h

cat >"$T/program.c" <<'EOF'
#include <stdio.h>
#include <subid-ng/subid.h>

int main(int argc, char *argv[])
{
	struct subid_row row = { .size = sizeof(row) };
	struct subid_list *list = NULL;
	struct subid *sys = NULL;
	int r = subid_open(argv[argc - 1], &sys, NULL);

	if (r == 0)
		r = subid_lines(sys, SUBID_UID, &list, NULL);
	for (size_t i = 0; r == 0 && subid_list_get(list, i, &row); i++)
		printf("%s has %u\n", row.owner, row.range.count);
	subid_list_free(&list);
	subid_close(&sys);
	return r != 0;
}
EOF
mkdir -p "$T/tables/etc"
echo alice:100000:65536 >"$T/tables/etc/subuid"
export PKG_CONFIG_PATH=$T/pre3/lib/pkgconfig
is "pkg-config knows the version" "$(pkg-config --modversion libsubid-ng)" "$version"
for cc in gcc clang; do
	# shellcheck disable=SC2046 # words
	ok "$cc builds a program with the shared library" "$cc" -Wall -Wextra -Werror -D_GNU_SOURCE -std=gnu11 -o "$T/program" \
		"$T/program.c" $(pkg-config --cflags --libs libsubid-ng)
	is "which runs" "$(LD_LIBRARY_PATH=$T/pre3/lib "$T/program" "$T/tables")" "alice has 65536"
	# shellcheck disable=SC2046
	ok "$cc builds it static" "$cc" -D_GNU_SOURCE -static -o "$T/static" "$T/program.c" $(pkg-config --static --cflags --libs libsubid-ng)
	is "which runs alone" "$("$T/static" "$T/tables")" "alice has 65536"
done
like "the shared one needs our library" "$(readelf -d "$T/program" | grep NEEDED)" '*libsubid-ng.so.1*'
for std in c11 gnu17; do
	gcc -Wall -Wextra -Werror -std=$std -fsyntax-only -x c "$T/pre3/include/subid-ng/subid.h"
done >"$T/headers" 2>&1
is "the header stands alone" "$(<"$T/headers")" ""

# --- one version -----------------------------------------------------------------

is "subid's version" "$("$T/pre3/bin/subid" --version)" "subid $version"
for program in newuidmap newgidmap getsubids; do
	is "$program's version" "$("$T/pre3/bin/$program" --version)" "$program (subid) $version"
done
is "the library's" "$(readlink -f "$T/pre3/lib/libsubid-ng.so")" "$T/pre3/lib/libsubid-ng.so.$version"
is "no other is written in the sources" "$(grep -rnF "$version" libsubid tools | head -n 3)" ""
is "NEWS begins with it" "$(sed -n 's/^\([0-9.]*\) (.*/\1/p' NEWS | head -n 1)" "$version"
is "and Debian's changelog" "$(sed -n '1s/^subid (\(.*\)-.*) .*/\1/p' debian/changelog)" "$version"
