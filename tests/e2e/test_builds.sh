#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds as packagers make them: the same bytes in any folder, of sources that cannot be
# written, with link-time optimization, with flags and tools of their own.
# long
. "$(dirname "$0")/lib.sh"
plan 31

make=(env -u MAKEFLAGS -u MFLAGS -u CFLAGS -u LDFLAGS -u HARDEN -u BUILD make)
mkdir -p "$T/one" "$T/two/deeper" "$T/out"
git archive HEAD | tee >(tar -C "$T/one" -x) | tar -C "$T/two/deeper" -x
wait_for test -e "$T/one/tools/subid/view.h"

# --- the same bytes, whatever the folder -------------------------------------------------

is "a build says nothing with -s" "$("${make[@]}" -s -j2 -C "$T/one" CFLAGS='-O1 -g' all 2>&1)" ""
mount --bind "$T/two" "$T/two"
mount -o remount,bind,ro "$T/two"
is "sources that cannot be written, BUILD elsewhere" "$("${make[@]}" -s -j2 -C "$T/two/deeper" CFLAGS='-O1 -g' BUILD="$T/out/build" all 2>&1)" ""
sums() { (cd "$1" && find . -maxdepth 2 -type f \( -perm -100 -o -name '*.a' -o -name '*.h' -o -name '*.pc' \) ! -name '*.o' -print0 | sort -z | xargs -0 sha256sum); }
ok "there are programs and libraries" test "$(sums "$T/one/build" | wc -l)" -ge 14
is "both give the same bytes" "$(sums "$T/one/build")" "$(sums "$T/out/build")"
is "no path of the folder is in them" "$(cd "$T/one/build" && grep -lF "$T/one" subid newuidmap getsubids libsubid-ng.* pam_subid.so static/*.a)" ""
ok "they install into a DESTDIR" "${make[@]}" -s -C "$T/two/deeper" CFLAGS='-O1 -g' BUILD="$T/out/build" DESTDIR="$T/out/dest" install
ok "clean removes that BUILD" "${make[@]}" -s -C "$T/two/deeper" BUILD="$T/out/build" clean
not_ok "it has gone" test -e "$T/out/build"
mkdir "$T/out/mine"
touch "$T/out/mine/file"
ok "clean of a folder that make has not made" "${make[@]}" -s -C "$T/two/deeper" BUILD="$T/out/mine" clean
ok "leaves it" test -e "$T/out/mine/file"
not_ok "BUILD cannot be the sources' own folder" "${make[@]}" -s -C "$T/one" BUILD=. clean
ok "they are there" test -e "$T/one/Makefile"
umount "$T/two"

# --- link-time optimization --------------------------------------------------------------

cat >"$T/program.c" <<'EOF'
#include <stdio.h>
#include "subid.h"

int main(void)
{
	struct subid *sys = NULL;
	int r = subid_open(NULL, &sys, NULL);

	subid_close(&sys);
	return printf("%d\n", r) < 0;
}
EOF
exported=$(sed -n 's/^\t\(subid_.*\);$/\1/p' libsubid/libsubid-ng.map | LC_ALL=C sort)
for cc in gcc clang; do
	lto=$T/out/lto-$cc
	flags="-O1 -flto$([ "$cc" = clang ] || echo '=auto')"
	is "$cc -flto: the libraries and a helper" "$("${make[@]}" -s -j2 -C "$T/one" CC=$cc CFLAGS="$flags" BUILD="$lto" \
		"$lto/static/libsubid-ng.a" "$lto/libsubid-ng.so.$(sed -n 's/^VERSION = //p' Makefile)" "$lto/newuidmap" "$lto/subid.h" 2>&1)" ""
	is "$cc: the static library shows the public names alone" \
		"$(nm -g --defined-only "$lto/static/libsubid-ng.a" | awk 'NF == 3 { print $3 }' | LC_ALL=C sort)" "$exported"
	ok "$cc: a program links it" "$cc" -I"$lto" -o "$T/program" "$T/program.c" "$lto/static/libsubid-ng.a" -laudit
	is "$cc: and runs" "$("$T/program")" 0
	like "$cc: the helper runs" "$("$lto/newuidmap" --version)" "newuidmap (subid) *"
done

# --- flags and tools ----------------------------------------------------------------------

flags() { # variable=value...: the command that compiles and links
	rm -rf "$T/out/flags"
	"${make[@]}" -s -C "$T/one" BUILD="$T/out/flags" "$@" "$T/out/flags/flags" && cat "$T/out/flags/flags"
}
is "a fortification is ours by default" "$(flags | grep -o -- '-D_FORTIFY_SOURCE=.' | sort -u)" "-D_FORTIFY_SOURCE=2"
is "one from outside is not redefined" "$(flags CPPFLAGS=-D_FORTIFY_SOURCE=3 | grep -oE -- '-[DU]_FORTIFY_SOURCE(=.)?' | sort -u)" "-D_FORTIFY_SOURCE=3"
is "nor one of the compiler's own" "$(flags CC='gcc -D_FORTIFY_SOURCE=3' | grep -oE -- '-[DU]_FORTIFY_SOURCE(=.)?' | sort -u)" "-D_FORTIFY_SOURCE=3"
is "where a long has 32 bits, files and times have 64" "$(flags CFLAGS=-m32 | grep -oE -- '-D_(FILE_OFFSET|TIME)_BITS=64')" \
	$'-D_FILE_OFFSET_BITS=64\n-D_TIME_BITS=64'
is "elsewhere nothing is said of that" "$(flags | grep -c _FILE_OFFSET_BITS)" 0
for cc in gcc clang; do
	"${make[@]}" -s -C "$T/one" CC=$cc PREFIX=/usr BUILD="$T/out/$cc" "$T/out/$cc/pam-config"
	is "$cc: PAM finds the module by its name" "$(grep -o '[^[:space:]]*pam_subid.so' "$T/out/$cc/pam-config" | sort -u)" pam_subid.so
done

# A compiler for another machine brings its own tools.
mkdir "$T/cross"
for tool in gcc ar objcopy pkg-config; do
	printf '#!/bin/sh\necho "%s" >>%s\nexec %s "$@"\n' "$tool" "$T/cross/used" "$(command -v $tool)" >"$T/cross/other-linux-gnu-$tool"
done
chmod +x "$T"/cross/*
PATH=$T/cross:$PATH
is "a cross compiler alone" "$("${make[@]}" -s -j2 -C "$T/one" CC=other-linux-gnu-gcc CFLAGS=-O0 BUILD="$T/out/cross" \
	"$T/out/cross/static/libsubid-ng.a" "$T/out/cross/newuidmap" 2>&1)" ""
is "brings its ar, objcopy and pkg-config" "$(sort -u "$T/cross/used" | paste -sd ' ')" "ar gcc objcopy pkg-config"
