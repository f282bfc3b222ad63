#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The library as a stranger uses it: what is installed, pkg-config and the man page.
. "$(dirname "$0")/lib.sh"
plan 52

export PKG_CONFIG_PATH=$PRE/lib/pkgconfig LD_LIBRARY_PATH=$PRE/lib
header=$PRE/include/subid-ng/subid.h
page=$PRE/share/man/man3/subid-ng.3
work=$T/stranger
mkdir "$work"
cp "$PRE"/share/doc/subid/examples/*.c "$work"
cd "$work" || exit 1

# --- one library, three times -------------------------------------------------------

exported=$(nm -D --defined-only "$PRE/lib/libsubid-ng.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort)
declared=$(gcc -E -P "$header" | grep -oE '\bsubid_[a-z_]+ ?\(' | tr -d ' (' | grep -vx subid_warning_fn | sort -u)
is "the header declares what the library exports" "$declared" "$exported"
is "the page has it, too" "$(sed -n 's/^\.Fo //p' "$page" | sort)" "$exported"
is "and mentions each function in its text" "$(for name in $exported; do
	grep -qE "^(\.Fn $name\b|\.It.*\b$name\(\))" "$page" || echo "$name"
done)" ""
is "the page has the parameters that the header has" "$(for name in $exported; do
	in_page=$(sed -n "/^\.Fo $name\$/,/^\.Fc/s/^\.Fa \"\(.*\)\"/\1/p" "$page" | paste -sd ,)
	in_header=$(gcc -E -P "$header" | tr '\n\t' '  ' | sed 's/  */ /g' | grep -oE "\b$name ?\([^;]*" |
		sed -E 's/^[a-z_]+ ?\(//; s/\)( __attribute__.*)?$//; s/, /,/g; s/SUBID_READINGS_MAX/16/')
	[ "$(sed 's/SUBID_[A-Z_]*//g; s/_Bool/bool/g; s/\[[0-9]*\]/[]/g' <<<"$in_page")" = \
		"$(sed 's/_Bool/bool/g; s/\[[0-9]*\]/[]/g' <<<"$in_header")" ] || echo "$name: $in_page / $in_header"
done)" ""
ok "a small library" test "$(wc -l <<<"$exported")" -le 60
is "the man page is in order" "$(mandoc -Tlint -Wwarning "$page")" ""
is "no other header is installed" "$(find "$PRE/include" -name '*.h')" "$header"
printf '#include <subid-ng/subid.h>\n' >alone.c
cp alone.c alone.cc
# shellcheck disable=SC2046 # words
for std in c11 c17; do
	ok "the header stands alone: $std" gcc -std=$std -pedantic-errors -Wall -Wextra -Wconversion -Werror -fsyntax-only \
		$(pkg-config --cflags libsubid-ng) alone.c
done
# shellcheck disable=SC2046
for std in c++11 c++20; do
	ok "$std" g++ -std=$std -pedantic-errors -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags libsubid-ng) alone.cc
done
version=$(sed -n 's/^#define SUBID_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' "$header" | paste -sd .)
is "its version is the package's" "$version" "$(pkg-config --modversion libsubid-ng)"

# --- the examples --------------------------------------------------------------------

for name in list grant audit; do
	# shellcheck disable=SC2046
	ok "examples/$name.c is built from what is installed" gcc -std=c11 -pedantic -Wall -Wextra -Werror -o "$name" "$name.c" \
		$(pkg-config --cflags --libs libsubid-ng)
done
add_user alice
add_user bob
tables "bob:200000:65536"
expect "list: nothing" 0 '' '' ./list alice
expect "list: who has something" 0 $'bob uid 200000 65536\nbob gid 200000 65536' '' ./list bob
expect "list: nobody" 1 '' 'list: nosuch: no such account, and no ranges of that name' ./list nosuch
expect "grant: the first free range" 0 $'alice uid 100000 65536\nalice gid 100000 65536' '' ./grant alice
tables_are "is in the tables" $'bob:200000:65536\nalice:100000:65536'
expect "grant: again, that is enough" 0 $'alice uid 100000 65536\nalice gid 100000 65536' '' ./grant alice
expect "grant: ids of another's" 1 '' 'grant: alice: uid 200000-200009: taken by /etc/subuid:1: bob:200000:65536*' ./grant alice 200000:10
expect "grant: nobody" 1 '' 'grant: nosuch: no such account *' ./grant nosuch
expect "grant: a wrong range" 2 '' 'usage: *' ./grant alice 12
ok "root's leases are listed with the owner's ranges" "$PRE/bin/subid" grant -c 10 alice/web
expect "list: a container" 0 $'alice uid *\nalice gid *\nalice/web uid 100000 10\nalice/web gid 100000 10' '' ./list alice

# the auditor; the rules of the page are its
expect "audit: one rule, nothing found" 0 '' '' ./audit "" overlap-owners
expect "audit: no such rule" 3 '' 'audit: no-such-rule: no such rule' ./audit "" no-such-rule
tables $'alice:100000:65536\nbob:150000:65536'
expect "audit: an overlap, the worst first" 1 $'critical: overlap-owners\n    uids 150000-165535 belong to alice (line 1) and to bob (line 2)*\n    remedy: ?*' '' ./audit "" overlap-owners
run subid --json audit --rule overlap-owners
is "it finds what subid finds" "$(./audit "" overlap-owners | sed -n 's/^    //p' | sed -n 1p)" "$(jq -r '.findings[0].reason' <<<"$out")"
printf 'give user nobodysname\ngive al\n' >/etc/subid.conf
expect "audit: mistakes in the policy, which is not applied" 3 \
	$'error: policy\n    al is not *\nwarning: policy\n    no such account \'nobodysname\'\ncritical: overlap-owners\n*' 'audit: */etc/subid.conf*' ./audit
rm /etc/subid.conf
expect "audit: what a user cannot read is said" 3 '*critical: overlap-owners*' 'audit: ?*' \
	as alice env LD_LIBRARY_PATH="$PRE/lib" "$work/audit"
tables "alice:100000:65536"

# whatever it forgets: ids in use by a running namespace are not given
tables ""
start unshare -U sleep 1000
until [ "$(readlink "/proc/$started_pid/ns/user")" != "$(readlink /proc/self/ns/user)" ]; do :; done
printf '0 100000 65536\n' >"/proc/$started_pid/uid_map"
printf '0 100000 65536\n' >"/proc/$started_pid/gid_map"
expect "grant: ids that a running namespace maps" 1 '' "grant: alice: uid 100000-100000: mapped by a live user namespace (process $started_pid, sleep)*" \
	./grant alice 100000:1
expect "and wherever there is room: behind them" 0 $'alice uid 165536 65536\nalice gid 165536 65536' '' ./grant alice
tables "alice:100000:65536"
expect "list: who uses them" 0 $'alice uid 100000 65536\n  process '"$started_pid"$' (sleep)\nalice gid *' '' ./list alice
kill "$started_pid"

# an image
mkdir -p image/etc image/var/lib
printf 'root:x:0:0::/:/bin/sh\ncarl:x:1000:1000::/:/bin/sh\n' >image/etc/passwd
printf 'root:x:0:\ncarl:x:1000:\n' >image/etc/group
expect "grant in an image" 0 $'carl uid 100000 65536\ncarl gid 100000 65536' '' ./grant carl - image
is "is there" "$(cat image/etc/subuid image/etc/subgid)" $'carl:100000:65536\ncarl:100000:65536'
expect "list in an image" 0 $'carl uid 100000 65536\ncarl gid 100000 65536' '' ./list carl image
expect "an image that is not there" 3 '' 'list: nowhere/etc: No such file or directory' ./list carl nowhere
tables ""
expect "a user may look" 0 $'alice/web uid 100000 10\nalice/web gid 100000 10' '' as alice env LD_LIBRARY_PATH="$PRE/lib" "$work/list" alice
expect "and not change" 3 '' 'grant: only root can change ranges: /etc/.pwd.lock: Permission denied: run this as root' \
	as alice env LD_LIBRARY_PATH="$PRE/lib" "$work/grant" alice

# --- a program of thirty lines, which forgets all that it can --------------------------

cat >forgetful.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <subid-ng/subid.h>

int main(int argc, char *argv[])
{
	(void)argc;
	struct subid_error err = { 0 };
	struct subid_request request = { atoi(argv[4]) };
	struct subid_row row = { 0 };
	const struct subid_list *changes = NULL;
	struct subid *sys = NULL;
	struct subid_txn *txn = NULL;
	int r = subid_open(argv[2][0] == 0 ? NULL : argv[2], &sys, &err);

	request.owner = argv[1];
	if (r == 0)
		r = subid_begin(sys, (unsigned int)atoi(argv[3]), 0, &txn, NULL);
	if (r == 0)
		r = subid_grant(txn, &request, &err);
	if (r == 0)
		r = subid_changes(txn, &changes);
	printf("%d %zu %d\n", r, subid_list_size(changes), subid_list_get(changes, 0, &row));
	if (r == 0)
		r = subid_commit(txn, NULL);
	return r != 0; /* nothing is freed */
}
END
# shellcheck disable=SC2046
ok "it is built" gcc -std=c11 -o forgetful forgetful.c $(pkg-config --cflags --libs libsubid-ng)
start unshare -U sleep 1000
until [ "$(readlink "/proc/$started_pid/ns/user")" != "$(readlink /proc/self/ns/user)" ]; do :; done
printf '0 100000 65536\n' >"/proc/$started_pid/uid_map"
printf '0 100000 65536\n' >"/proc/$started_pid/gid_map"
expect "a request without its size is refused" 1 '-22 0 0' '' ./forgetful alice "" 0 0
expect "one with it is granted" 0 '0 2 1' '' ./forgetful alice "" 0 1000
tables_are "nothing that is in use" "alice:165536:65536"
expect "without looking at what is in use: no grant" 1 '-22 0 0' '' ./forgetful bob "" 4 1000
tables ""
expect "an unknown flag" 1 '-22 0 0' '' ./forgetful alice "" 1073741824 1000
expect "a dry run writes nothing" 1 '0 2 1' '' ./forgetful bob "" 1 1000
kill "$started_pid"

# --- shared and static, gcc and clang ----------------------------------------------------

for cc in gcc clang; do
	# shellcheck disable=SC2046
	ok "$cc links it static" "$cc" -static -o static list.c $(pkg-config --static --cflags --libs libsubid-ng)
	expect "which runs alone" 0 $'carl uid *' '' env -u LD_LIBRARY_PATH ./static carl image
done
