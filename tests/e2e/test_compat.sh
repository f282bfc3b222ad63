#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# libsubid.so.4, .5 and .6 in the place of shadow's: what they show and need, their answers,
# and Debian's own programs on them.
. "$(dirname "$0")/lib.sh"
plan 58

rm -rf /etc/subid.conf /etc/subid.conf.d
sed -i '/^SUB_/d' /etc/login.defs
sed -i '/^subid:/d' /etc/nsswitch.conf
dir=$PRE/lib/subid-compat
names=(subid_get_gid_owners subid_get_gid_ranges subid_get_uid_owners subid_get_uid_ranges subid_grant_gid_range
	subid_grant_uid_range subid_init subid_ungrant_gid_range subid_ungrant_uid_range)

# --- what they show and need -------------------------------------------------------------

for version in 4 5 6; do
	lib=$dir/libsubid.so.$version
	[ $version != 5 ] || names+=(subid_free)
	is ".$version: shadow's functions and no others" "$(nm -D --defined-only "$lib" | cut -d' ' -f3 | sort | tr '\n' ' ')" \
		"$(printf '%s\n' "${names[@]}" | sort | tr '\n' ' ')"
	is ".$version: its name" "$(readelf -d "$lib" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" "libsubid.so.$version"
	is ".$version: libc alone" "$(readelf -d "$lib" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -v '^ld-linux\|^lib[au]*san')" libc.so.6
done

# Its types are those of shadow's own header, by the debug information of both.
if command -v abidiff >/dev/null && [ -e /usr/include/shadow/subid.h ]; then
	cat >"$T/theirs.c" <<-'END'
		#include <shadow/subid.h>
		bool subid_init(const char *progname, FILE *logfd) { return progname && logfd; }
		int subid_get_uid_ranges(const char *owner, struct subid_range **ranges) { return owner && ranges; }
		int subid_get_gid_ranges(const char *owner, struct subid_range **ranges) { return owner && ranges; }
		int subid_get_uid_owners(uid_t uid, uid_t **owner) { return uid && owner; }
		int subid_get_gid_owners(gid_t gid, uid_t **owner) { return gid && owner; }
		bool subid_grant_uid_range(struct subordinate_range *range, bool reuse) { return range && reuse; }
		bool subid_grant_gid_range(struct subordinate_range *range, bool reuse) { return range && reuse; }
		bool subid_ungrant_uid_range(struct subordinate_range *range) { return range; }
		bool subid_ungrant_gid_range(struct subordinate_range *range) { return range; }
		#ifndef FOUR
		void subid_free(void *ptr) { (void)ptr; }
		#endif
	END
	cat >"$T/ours.c" <<-'END'
		#include "libsubid/shadow/get.c"
		#include "libsubid/shadow/grant.c"
	END
	same() { # version map [-DFOUR]
		gcc -g -fPIC -shared -Wl,-soname,"libsubid.so.$1" ${3+"$3"} -o "$T/theirs-$1.so" "$T/theirs.c" &&
			gcc -g -fPIC -shared -D_GNU_SOURCE -DSUBID_SHADOW=13 -DSUBID_SYSCONFDIR='"/etc"' -DSUBID_PROGRAM='"/x"' -I. -Wl,-soname,"libsubid.so.$1" \
				-Wl,--version-script,"libsubid/shadow/$2" -o "$T/ours-$1.so" "$T/ours.c" && abidiff "$T/theirs-$1.so" "$T/ours-$1.so"
	}
	ok ".4: abidiff finds no difference" same 4 libsubid-4.map -DFOUR
	ok ".5: nor there" same 5 libsubid-5.map
	ok ".6: nor there" same 6 libsubid-5.map
elif command -v valgrind >/dev/null; then
	skip 3 "$(lack abigail-tools)"
else
	skip 3 "release: the packages of the clients alone are here"
fi

# --- answers -----------------------------------------------------------------------------

for user in alice bob; do add_user "$user"; done
uid=$(id -u alice)
for version in 4 5 6; do
	gcc -o "$T/caller$version" tests/e2e/shadow_caller.c "$dir/libsubid.so.$version" -pthread
done
export LD_LIBRARY_PATH=$dir
call() { run "$T/caller$version" "$@"; }
for version in 4 5 6; do
	tables $'alice:100000:65536\nbob:200000:10\n'"$uid"$':300000:5\ncontainers:400000:7\nalice:0500000:9'
	call ranges u alice
	is ".$version: a name has its lines and those of its uid, none that is malformed" "$status $out" $'0 100000 65536\n300000 5'
	call ranges g "$uid"
	is ".$version: a uid has its own alone" "$status $out" "0 300000 5"
	call ranges u containers
	is ".$version: an owner without an account counts" "$status $out" "0 400000 7"
	call ranges u nobody-of-that-name
	is ".$version: who has none" "$status $out" "0 "
done
version=4
call owners u 100001
is "the owner of an id" "$status $out" "0 $uid"
call owners g 200009
is "of a gid" "$status $out" "0 $(id -u bob)"
call owners u 99999
is "of one that nobody has" "$status $out" "0 "
call owners u 400000
is "one without an account has no uid" "$status $out" "0 "
echo "bob:100000:3" >>/etc/subuid
call owners u 100001
is "two owners" "$status $out" "0 $uid"$'\n'"$(id -u bob)"
tables "alice:100000:65536"
call threads alice
is "64 threads at once" "$status $out" "0 3200"

call go alice 1000
is "as a program of Go calls it" "$status $out" "0 0"
is "what was granted has been taken back" "$(grep -c '^alice:' /etc/subuid)$(grep -c '^alice:' /etc/subgid)" 11
tables "alice:100000:65536"

# Could not tell is never none.
mv /etc/subuid /etc/subuid.real
ln -s subuid.real /etc/subuid
call ranges u alice
is "a table that is a link is an error" "$status $out" "1 error"
call owners u 100000
is "for the owners, too" "$status $out" "1 error"
mv /etc/subuid.real /etc/subuid
echo "subid: nothere" >>/etc/nsswitch.conf
call ranges u alice
is "a source that is not there is an error" "$status $out" "1 error"
call owners u 100000
is "and for the owners" "$status $out" "1 error"
sed -i '/^subid:/d' /etc/nsswitch.conf

# --- grant and ungrant -------------------------------------------------------------------

tables "alice:100000:65536"
call grant u alice 65536 reuse
is "reuse: what she has does" "$status $out" "0 100000"
call grant u alice 1000 new
is "else ids that nobody has" "$status $out" "0 165536"
is "in that table" "$(</etc/subuid)|$(</etc/subgid)" "alice:100000:65536
alice:165536:1000|alice:100000:65536"
call ungrant u alice 165536 1000
is "taken back" "$status $out" "0 yes"
like "and held" "$(</etc/subuid)" $'alice:100000:65536\n!released:165536:1000'
call ungrant u alice 165536 1000
is "once" "$status $out" "1 no"
call grant g nobody-of-that-name 10 new
is "to nobody" "$status $out" "1 no"
call grant u "--help" 10 new
is "an owner that looks like an option" "$status $out" "1 no"
cp "$T/caller4" "$T/caller"
chmod 755 "$T/caller"
run as alice env LD_LIBRARY_PATH="$dir" "$T/caller" grant u alice 10 new
is "not by a user" "$status $out" "1 no"
# The program that it runs can be ended as usual, whatever its caller ignores.
hold_lock
holder=$started_pid
start env --ignore-signal=INT "$T/caller4" grant u bob 10 new >/dev/null
wait_for pgrep -x -P "$started_pid" subid
child=$(pgrep -x -P "$started_pid" subid)
is "no signal is blocked there" "$(sed -n 's/^SigBlk:\t//p' "/proc/$child/status")" 0000000000000000
is "nor is one ignored that the caller ignores" "$((0x$(sed -n 's/^SigIgn:\t//p' "/proc/$child/status") & 2))" 0
end "$holder"
wait_for sh -c "! kill -0 $child 2>/dev/null"
ok "no lock is left" test ! -e /etc/subuid.lock -a ! -e /etc/subgid.lock

# --- programs of others ------------------------------------------------------------------

tables $'alice:100000:65536\ncontainers:400000:70000'
theirs=$(readelf -d /usr/bin/podman | sed -n 's/.*NEEDED.*\[\(libsubid.so.*\)\]/\1/p')
like "podman links shadow's library" "$theirs" "libsubid.so.[456]"
chmod 755 "$T"
run as alice env HOME="$T/home/alice" LD_LIBRARY_PATH="$dir" LD_DEBUG=files podman unshare cat /proc/self/uid_map
like "and runs on ours" "$out" "*$dir/$theirs*"
is "with the map that the table says" "$(awk 'NF == 3 && !/[^0-9 ]/ { print $1, $2, $3 }' <<<"$out")" "0 $uid 1
1 100000 65536"
unset LD_LIBRARY_PATH

# --- on, and off again -------------------------------------------------------------------

before=$(ldconfig -p | grep 'libsubid\.so\.' | sort)
run as alice "$PRE/bin/subid-compat" enable
is "switched on by root alone" "$status" 3
run subid-compat
is "no argument" "$status" 2
run subid-compat status
is "not enabled" "$status" 1
cp -a /etc/ld.so.conf /etc/ld.so.conf.d "$T/" 2>/dev/null
ok "enabled" subid-compat enable
expect "the linker finds it" 0 "libsubid.so.4 $dir/libsubid.so.4
libsubid.so.5 $dir/libsubid.so.5
libsubid.so.6 $dir/libsubid.so.6" "" subid-compat status
ok "disabled" subid-compat disable
is "all is as before" "$(ldconfig -p | grep 'libsubid\.so\.' | sort)" "$before"
