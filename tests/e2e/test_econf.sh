#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# login.defs where shadow reads it by libeconf: a build for such a system has what
# libeconf's own program says, wherever a setting stands.
# long
. "$(dirname "$0")/lib.sh"
plan 16

if ! pkg-config --exists libeconf || ! command -v econftool >/dev/null; then
	skip 16 "release: no libeconf"
	exit 0
fi
flags=(CFLAGS=-O0 BUILD="$T/econf")
ok "it builds" make -s "${flags[@]}" ECONF=libeconf WERROR=-Werror "$T"/econf/{subid,subid-ldap,newuidmap,getsubids,pam_subid.so,libnss_subid.so.2,compat/libsubid.so.4}
like "and links libeconf" "$(ldd "$T/econf/subid")" "*libeconf.so*"
is "which only programs link whose shadow does" "$(ldd "$BUILD/subid" | grep -c libeconf)" "$(ldd /usr/sbin/useradd | grep -c libeconf)"
is "nor do the helpers, which need no login.defs" "$(ldd "$T/econf/newuidmap" "$T/econf/compat/libsubid.so.4" | grep -c libeconf)" 0
# What is not known keeps to the last build.
said() { make -s "${flags[@]}" -pn all 2>/dev/null | sed -n "s/^$1 := //p"; }
mount -t tmpfs none /var/lib/dpkg
: >"$T/empty"
mv "$T/econf/flags" "$T/flags"
sed 's/ -DSUBID_SHADOW=[0-9]* / -DSUBID_SHADOW=17 /' "$T/flags" >"$T/econf/flags"
is "without a package database, shadow is that of the last build" "$(said SHADOW)" 4.17
mv "$T/flags" "$T/econf/flags"
umount /var/lib/dpkg

mkdir "$T/up" "$T/work"
mount -t tmpfs none "$T/up"
mkdir "$T/up/up" "$T/up/work"
mount -t overlay none -o "lowerdir=/usr,upperdir=$T/up/up,workdir=$T/up/work" /usr
mkdir -p /usr/etc/login.defs.d /etc/login.defs.d
add_user alice -u 5001
tables ''
rm -f /etc/login.defs

set_in() { # file start
	printf 'UID_MIN\t1000\nSUB_UID_MIN %d\nSUB_GID_MIN\t%d\n' "$2" "$2" >"$1"
}
same() { # name
	local theirs ours
	theirs=$(econftool --delimiters=spaces show login.defs | sed -n 's/^SUB_UID_MIN = //p' | head -n 1)
	ours=$("$T/econf/subid" grant -n alice 2>/dev/null | awk '{ print $3; exit }')
	is "$1" "$ours" "${theirs:-100000}"
}
same "nothing anywhere"
set_in /usr/etc/login.defs 200000
same "a vendor's file"
is "it is that" "$("$T/econf/subid" grant -n alice 2>/dev/null | awk '{ print $3; exit }')" 200000
set_in /usr/etc/login.defs.d/20.defs 300000
same "a vendor's drop-in"
set_in /etc/login.defs.d/10.defs 400000
same "one of the site"
set_in /etc/login.defs.d/20.defs 500000
same "one of the same name"
set_in /etc/login.defs 600000
same "the site's file, and drop-ins"
rm /etc/login.defs.d/* /usr/etc/login.defs.d/*
same "the site's file alone"
printf 'SUB_UID_MIN 700000\nSUB_GID_MIN 700000\nSUB_UID_MIN 800000\nSUB_GID_MIN 800000\n' >/etc/login.defs
same "a key that is there twice"
echo 'SUB_UID_MIN many' >/etc/login.defs.d/99.defs
run "$T/econf/subid" grant -n alice
like "a number that is none is an error" "$status $out" "*login.defs*SUB_UID_MIN is not a number*"
rm /etc/login.defs.d/99.defs
mkdir -p "$T/image/etc" "$T/image/usr/etc"
cp /etc/passwd /etc/group "$T/image/etc/"
set_in "$T/image/etc/login.defs" 900000
like "an image has its own" "$("$T/econf/subid" --root "$T/image" grant -n alice)" "alice uid 900000 *"
