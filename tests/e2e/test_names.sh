#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# libnss_subid.so.2: what programs see of it, what it reads, and that nobody can log in
# by such a name.
. "$(dirname "$0")/lib.sh"
plan 55
module=$PRE/lib/libnss_subid.so.2

add_user alice
add_user bob
alice=$(id -u alice)
tables "alice:100000:65536
bob:165536:65536"
ids=(getent passwd 100033 alice+100033)
is "without it there are no names" "$("${ids[@]}" | wc -l)" 0
names_on
entry='alice+100033:!*:100033:65534:subordinate id:/nonexistent:/usr/sbin/nologin'
is "an id has a name, and the name the id" "$("${ids[@]}")" "$entry"$'\n'"$entry"
is "so has a gid" "$(getent group 165536 bob+165536)" $'bob+165536:!*:165536:\nbob+165536:!*:165536:'
like "the account's own name comes first" "$(getent passwd "$alice" alice)" "alice:*:$alice:*alice:*:$alice:*"
touch "$T/file"
chown 100033:165540 "$T/file"
# shellcheck disable=SC2012 # ls is what is tried
is "ls shows both" "$(ls -l "$T/file" | cut -d ' ' -f 3,4)" "alice+100033 bob+165540"
is "so does stat" "$(stat -c '%U %G' "$T/file")" "alice+100033 bob+165540"
start setpriv --reuid 100040 --regid 100040 --clear-groups sleep 1000
wait_for runs "$started_pid" sleep
is "and ps" "$(ps -o user:20=,group:20= "$started_pid" | tr -s ' ')" "alice+100040 alice+100040"
is "chown takes them" "$(chown alice+100050:bob+165550 "$T/file" && stat -c '%u %g' "$T/file")" "100050 165550"
for text in alice+0100033 alice++100033 'alice+100033 ' alice+4295067329 alice+99999 bob+100033 alice+ 100000+100000 alice+65535; do
	not_ok "there is no '$text'" getent passwd "$text"
done
is "nothing is enumerated" "$(getent passwd | grep -c '+')|$(getent group | grep -c '+')" "0|0"
is "nobody is in such a group" "$(id -G alice)" "$(id -g alice)"

# Leases of root's store, and of a user's own.
ok "a lease" subid -q grant alice/web --count 1000
first=$(sed -n 's/^alice\/web:\([0-9]*\):.*/\1/p' /var/lib/subid/subuid)
is "the container's own number" "$(getent passwd "$((first + 33))" | cut -d : -f 1,3)" "alice+web+33:$((first + 33))"
is "back" "$(getent group alice+web+33 | cut -d : -f 3)" "$((first + 33))"
not_ok "it has no second name" getent passwd "alice+$((first + 33))"
as bob "$PRE/bin/subid" -q grant bob/own --count 1000
own=$(sed -n 's/^own:\([0-9]*\):.*/\1/p' "$T/home/bob/.local/state/subid/subuid")
ok "users have leases of their own" test "${own:-0}" -ge 165536
is "which are not looked for" "$(getent passwd "$own" | cut -d : -f 1)" "bob+$own"

# Others see that the id is taken.
expect "useradd" 4 '' '*UID 100040 is not unique*' useradd -M -u 100040 carol
expect "groupadd" 4 '' "*GID '100040' already exists*" groupadd -g 100040 carol
expect "usermod" 4 '' "*UID '100040' already exists*" usermod -u 100040 bob
ok "an id of nobody's is free" useradd -M -u 300000 carol
like "who is one asks for a uid, not for a name" \
	"$(setpriv --reuid 100040 --regid 100040 --clear-groups subid config lxc 2>&1)" "subid: 100040: no such account, *"
ok "nspawn's check: the first and the last of 65536" python3 -c '
import pwd, grp
for first in (100000, 165536):
	for id in (first, first + 65533):
		assert pwd.getpwuid(id).pw_uid == id and grp.getgrgid(id).gr_gid == id'
rm /var/lib/subid/sub?id
tables "alice:100000:65536"
is "what is gone has no name any more" "$(getent passwd 165540 alice+100033 | wc -l)" 1
is "an account's id is the account's" "$(getent passwd 300000 | cut -d : -f 1)" carol
change_tables "alice:100000:400000
!released:600000:65536"
is "also when a line has it" "$(getent passwd 300000 | cut -d : -f 1)" carol
is "held ids have no name" "$(getent passwd 600000)" ""
ok "so that what is left of them is found" sh -c "chown 600000:600000 '$T/file' && find '$T/file' -nouser -nogroup | grep -q ."

# Of an owner whose account has gone, whose files have names all the same.
change_tables "alice:100000:65536
bob:165536:65536
gone:300000:65536"
chown 300005:300005 "$T/file"
is "find -nouser does not find what is left of an owner who has gone" "$(find "$T/file" -nouser -o -nogroup)" ""
like "the audit lists it" "$(subid audit --rule unknown-owner --fail-on never)" "*unknown-owner: /etc/subuid:3*account gone,*"
change_tables "alice:100000:400000
!released:600000:65536"

# What it reads, and when.
is "it links libc alone" "$(readelf -d "$module" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')" libc.so.6
is "and shows four functions" "$(nm -D --defined-only "$module" | sed 's/.* T //' | sort | paste -sd ' ')" \
	"_nss_subid_getgrgid_r _nss_subid_getgrnam_r _nss_subid_getpwnam_r _nss_subid_getpwuid_r"
is "and asks neither for names nor for the environment, and sets no trap" \
	"$(nm -D --undefined-only "$module" | grep -cE ' (getpw|getgr|setpw|setgr|.*getenv|environ|socket|connect|signal|sigaction|atexit|__cxa_atexit|exec|fork|system)')" 0
mkdir "$T/files"
seq 100000 101999 | (cd "$T/files" && while read -r id; do : >"$id"; chown "$id:$id" "$id"; done)
reads() { # file: how often ls opens it
	strace -f -o "$T/strace" -e trace=openat,open,socket,connect ls -l "$T/files" >"$T/said"
	grep "\"$1\"" "$T/strace" | grep -vc ENOENT
}
wait_for sh -c 'find /etc/subuid -newermt "-0.1 seconds" | grep -q . && exit 1 || exit 0'
is "2,000 names, each table read once" "$(reads subuid)|$(reads subgid)" "1|1"
is "all shown" "$(grep -c 'alice+\([0-9]*\) alice+\1 .* \1$' "$T/said")" 2000
is "no socket but nscd's" "$(grep -E 'socket|connect' "$T/strace" | grep -vc 'nscd\|AF_UNIX, SOCK_STREAM')" 0
is "opened to be closed" "$(grep -E 'sub[ug]id"' "$T/strace" | grep -vc O_CLOEXEC)" 0

# A change is seen at once, also one within a tick of the clock.
cat >"$T/change.py" <<'END'
import os, pwd
def has(name, id):
    try:
        return pwd.getpwuid(id).pw_name == name
    except KeyError:
        return False
def write(text):
    with open("/etc/subuid", "w") as file:
        file.write(text)
def replace(text):
    with open("/etc/subuid+", "w") as file:
        file.write(text)
    os.rename("/etc/subuid+", "/etc/subuid")
for i in range(300):
    (write if i % 2 else replace)("alice:1%05d:10\n" % (i * 10))
    assert has("alice+1%05d" % (i * 10 + 9), 100000 + i * 10 + 9), i
    assert i == 0 or not has("alice+1%05d" % (i * 10 - 1), 100000 + i * 10 - 1), i
END
ok "300 changes, each seen at once" python3 "$T/change.py"
tables "alice:100000:65536"

# What cannot be read has no names: not other ones.
broken() { # name file
	mv "$2" "$T/away"
	ln -s "$T/away" "$2"
	is "$1" "$(getent passwd 100033)" ""
	rm "$2"
	mv "$T/away" "$2"
}
broken "a table that is a link" /etc/subuid
mkdir /var/lib/subid/away
mv /var/lib/subid/subuid /var/lib/subid/away 2>/dev/null || : >/var/lib/subid/away/subuid
ln -s away/subuid /var/lib/subid/subuid
is "a lease file that is one" "$(getent passwd 100033)" ""
rm -r /var/lib/subid/subuid /var/lib/subid/away
chmod 600 /etc/subuid
is "a table that may not be read" "$(as alice getent passwd 100033)|$(getent passwd 100033 | wc -l)" "|1"
chmod 644 /etc/subuid
truncate -s 100M /etc/subuid
is "one that is too large" "$(getent passwd 100033)" ""
tables "alice:100000:65536"
is "and all is well again" "$(as alice getent passwd 100033 | wc -l)" 1

# The environment says nothing, whoever's the program is.
cp "$(command -v getent)" "$T/getent"
chmod 4755 "$T/getent"
is "in a setuid program, with an environment that lies" \
	"$(as bob env HOME="$T/home" XDG_STATE_HOME="$T" SUBID_STATEDIR=/tmp SUBID_SYSCONFDIR=/tmp "$T/getent" passwd alice+100033 | cut -d : -f 3)" 100033

# Many threads, forks, threads that are cancelled; and the module closed and opened again.
names_program=$BUILD/attack/names
cp "$names_program" "$module" "$T"
is "it is closed without a trace, and threads are answered" "$("$T/names" "$T/${module##*/}" 2 100033 alice+100033 2>&1)" ""
case $BUILD in
*asan*) skip 1 "sanitizers and valgrind do not go together" ;;
*) is "valgrind has no word" "$(valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect \
	--show-leak-kinds=definite,indirect "$T/names" "$T/${module##*/}" 1 100033 alice+100033 2>&1; echo $?)" 0 ;;
esac
(for _ in {1..200}; do
	printf 'alice:100000:65536\n%s' "bob:$((200000 + RANDOM)):1"$'\n' >/etc/subuid+ && mv /etc/subuid+ /etc/subuid
done) &
is "while the table is replaced" "$("$T/names" "$T/${module##*/}" 2 100033 alice+100033 2>&1)" ""
wait $!
