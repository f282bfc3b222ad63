#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Accounts that only the name service knows, and ranges that a module gives
# (nsswitch.conf "subid:").  libnss-extrausers stands for a directory service.
. "$(dirname "$0")/lib.sh"
plan 49

mount -t tmpfs -o mode=755 extrausers /var/lib/extrausers
sed -i -e '/^passwd:/s/.*/passwd: files extrausers/' -e '/^group:/s/.*/group: files extrausers/' /etc/nsswitch.conf
echo 'direct:x:7001:7001::/nonexistent:/bin/sh' >/var/lib/extrausers/passwd
echo 'team:x:7001:alice' >/var/lib/extrausers/group

add_user alice -u 7100
add_user bob -u 7200
echo 'alias:x:7100:7100::/nonexistent:/bin/sh' >>/var/lib/extrausers/passwd
tables ""

run subid grant direct
is "an account of the name service alone gets a range" "$out" "direct uid 100000 165535 65536 new
direct gid 100000 165535 65536 new"
run subid grant 7001
is "its uid means the same account" "$out" "7001 uid 100000 165535 65536 kept
7001 gid 100000 165535 65536 kept"
run subid grant bob --range 7001:1
is "its uid is given to nobody" "$status" 1
like "and the message says whose it is" "$out" "*uid 7001: is account direct's own*"
run subid grant --group team
is "a group of the name service" "$status" 0
like "with its member" "$out" "*alice uid 165536 231071 65536 new*"
run subid grant nosuch
is "nobody's name is still nobody's" "$status" 1

# the helpers
hold_ns() { # user: a process of the user's in a new user namespace
	start setpriv --reuid "$1" --regid "$1" --clear-groups unshare -U sleep 1000
	# shellcheck disable=SC2016
	wait_for bash -c '[ "$(readlink /proc/'"$started_pid"'/ns/user)" != "$(readlink /proc/self/ns/user)" ]'
}
hold_ns 7001
run setpriv --reuid 7001 --regid 7001 --clear-groups newuidmap "$started_pid" 0 100000 10
is "newuidmap knows its caller by the name service" "$status:$out" "0:"
is "and wrote the map" "$(tr -s ' ' <"/proc/$started_pid/uid_map")" " 0 100000 10"
printf 'alias:500000:100\n' >/etc/subuid
hold_ns alice
run as alice newuidmap "$started_pid" 0 500000 100
is "a line under another name of the uid counts" "$status:$out" "0:"
run as alice newuidmap "$started_pid" 0 500000 101
is "and gives no more than it says" "$status" 1

# a module gives the ranges
cat >"$T/module.c" <<'EOF'
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
struct range { unsigned long start, count; };
int shadow_subid_list_owner_ranges(const char *owner, int type, struct range **ranges, int *count)
{
	if (!strcmp(owner, "bob"))
		return 2;
	if (getenv("SERVER")) /* as LDAPCONF is to a directory's module */
		owner = getenv("SERVER");
	*ranges = calloc(2, sizeof(**ranges));
	*count = strcmp(owner, "alice") ? 0 : 2;
	(*ranges)[0].start = type == 1 ? 700000 : 800000;
	(*ranges)[0].count = 50;
	(*ranges)[1].start = 4294967295;
	(*ranges)[1].count = 1;
	return 0;
}
int shadow_subid_has_range(const char *owner, unsigned long start, unsigned long count, int type, bool *result)
{
	if (!strcmp(owner, "bob"))
		return 2;
	if (getenv("SERVER"))
		owner = getenv("SERVER");
	/* 650000 it never lists; of what it lists, 700040 is nobody's */
	*result = !strcmp(owner, "alice") &&
		  ((type == 1 && start == 650000) || (start >= 700000 && start + count <= 700040));
	return 0;
}
#ifndef HALF
int shadow_subid_find_subid_owners(unsigned long id, int type, unsigned int **uids, int *count)
{
	(void)id, (void)type, (void)uids;
	*count = 0;
	return 0;
}
#endif
#ifndef BEFORE_4_16
void shadow_subid_free(void *ranges) { free(ranges); }
#endif
EOF
mkdir "$T/lib"
gcc -shared -fPIC -o "$T/lib/libsubid_test.so" "$T/module.c"
gcc -shared -fPIC -DHALF -o "$T/lib/libsubid_half.so" "$T/module.c"
gcc -shared -fPIC -DBEFORE_4_16 -o "$T/lib/libsubid_old.so" "$T/module.c"
echo "$T/lib" >/etc/ld.so.conf.d/subid-test.conf
ldconfig
echo 'subid: test files' >>/etc/nsswitch.conf
run getsubids alice
is "getsubids lists what the module gives, without what is no range" "$out" "0: alice 700000 50"
run getsubids -g alice
is "gids too" "$out" "0: alice 800000 50"
run subid list
like "subid list warns that the tables have no effect" "$out" "*nsswitch.conf says 'subid: test': ranges come from there*"
hold_ns alice
run as alice newuidmap "$started_pid" 0 500000 100
is "the table says nothing then" "$status" 1
like "and the refusal says who does" "$out" "*must be yours by test (/etc/nsswitch.conf)*"
run as alice newuidmap "$started_pid" 0 700000 51
is "beyond the module's range" "$status" 1
run as alice newuidmap "$started_pid" 0 700000 40
is "within the module's range" "$status:$out" "0:"
hold_ns alice
run as alice newuidmap "$started_pid" 0 700000 50
like "what it lists and then denies is denied (shadow_subid_has_range)" "$status:$out" "1:*not allowed*"
run as alice newuidmap "$started_pid" 0 650000 1
is "and what it allows without listing it is allowed" "$status:$out" "0:"
hold_ns 7001
run setpriv --reuid 7001 --regid 7001 --clear-groups env SERVER=alice getsubids direct
is "a module that believes a variable" "$out" "0: direct 700000 50"
run setpriv --reuid 7001 --regid 7001 --clear-groups env SERVER=alice newuidmap "$started_pid" 0 700000 50
like "has none to believe in the helpers" "$status:$out" "1:newuidmap: uid range * not allowed*"
hold_ns bob
run as bob newuidmap "$started_pid" 0 500000 1
like "a module that cannot tell is a no" "$status:$out" "1:*libsubid_test.so could not tell"
# several words, in order: "test files" so far
echo 'direct:900000:100' >>/etc/subuid
hold_ns 7001
run setpriv --reuid 7001 --regid 7001 --clear-groups newuidmap "$started_pid" 0 900000 100
is "of whom the first source has nothing, the next one decides" "$status:$out" "0:"
run getsubids direct
is "for getsubids, too" "$out" "0: direct 900000 100"
like "and list says so" "$(subid list 2>&1)" "*ranges come from there first, and /etc/subuid and subgid have no effect for owners of which it has any*"
sed -i 's/^subid:.*/subid: files test/' /etc/nsswitch.conf
run getsubids direct
is "files first" "$out" "0: direct 900000 100"
sed -i 's/^alias:/alice:/' /etc/subuid
run getsubids alice
is "whoever has a line there has no more" "$out" "0: alice 500000 100"
sed -i '/^alice:/d' /etc/subuid
run getsubids alice
is "without them the module is asked" "$out" "0: alice 700000 50"
hold_ns alice
run as alice newuidmap "$started_pid" 0 700000 40
is "by the helpers, too" "$status:$out" "0:"
login() { subid grant "--login=$1" "version=$(subid --version | awk '{ print $2 }')"; }
before=$(</etc/subuid)
like "a login: who has a range from the second source gets no other one" "$(login alice)" "*answer success"
is "in no table" "$(</etc/subuid)" "$before"
like "a second source that fails ends in no" "$(login bob)" "*no range is granted: /etc/nsswitch.conf says 'subid: test', and libsubid_test.so could not tell*answer error"
is "in no table either" "$(</etc/subuid)" "$before"
add_user carol -u 7300
sed -i "/^carol:/d" /etc/subuid /etc/subgid
like "who is unknown to it is granted one" "$(login carol)" "*You have been granted *answer success"
sed -i '/^carol:/d' /etc/subuid /etc/subgid
sed -i 's/^subid:.*/subid: test files/' /etc/nsswitch.conf
like "the same the other way round" "$(login carol)$(login bob)$(login alice)" "*You have been granted *answer success*could not tell*answer error*answer success"
sed -i '/^carol:/d' /etc/subuid /etc/subgid
is "and in no table then" "$(</etc/subuid)" "$before"
sed -i 's/^subid:.*/subid: test/' /etc/nsswitch.conf
like "without the tables among them nobody is granted any" "$(login carol)$(grep -c ^carol: /etc/subuid)" "*answer success0"
sed -i 's/^subid:.*/subid: files test/' /etc/nsswitch.conf
run getsubids bob
like "one that fails ends in no" "$status:$out" "1:*libsubid_test.so could not tell"
sed -i 's/^subid:.*/subid: files missing/' /etc/nsswitch.conf
run getsubids direct
is "whom the tables have, no module is loaded for" "$out" "0: direct 900000 100"
run getsubids alice
like "for others a missing one is an error" "$status:$out" "1:*libsubid_missing.so cannot be loaded"
sed -i 's/^subid:.*/subid: half files/' /etc/nsswitch.conf
hold_ns alice
run as alice newuidmap "$started_pid" 0 900000 1
like "as is one without a function that shadow requires" "$status:$out" "1:*libsubid_half.so cannot be loaded"
sed -i 's/^subid:.*/subid: old/' /etc/nsswitch.conf
run getsubids alice
if grep -q -- '-DSUBID_SHADOW=1[0-5] ' "$BUILD/flags"; then
	is "without shadow_subid_free, which shadow wants from 4.16 on, it is one of before" "$status:$out" "0:0: alice 700000 50"
else
	like "as is one without shadow_subid_free, which shadow wants from 4.16 on" "$status:$out" "1:*libsubid_old.so cannot be loaded"
fi
sed -i 's/^subid:.*/subid: files ..\/x/' /etc/nsswitch.conf
run getsubids direct
is "a second word that names none is no source either" "$status" 1
printf 'alias:500000:100\n' >/etc/subuid
sed -i 's/^subid:.*/subid: missing/' /etc/nsswitch.conf
hold_ns alice
run as alice newuidmap "$started_pid" 0 500000 100
like "no falling back to the table without the module" "$status:$out" "1:*libsubid_missing.so cannot be loaded"
run getsubids alice
is "nor for getsubids" "$status" 1
sed -i 's|^subid:.*|subid: ../../tmp/x|' /etc/nsswitch.conf
run getsubids alice
is "a name with a slash is no source" "$status" 1
run as alice newuidmap "$started_pid" 0 500000 100
like "nor for the helpers" "$status:$out" "1:*'subid:' names no source"
sed -i 's/^subid:.*/subid:	files/' /etc/nsswitch.conf
run as alice newuidmap "$started_pid" 0 500000 100
is "files means the table" "$status:$out" "0:"
