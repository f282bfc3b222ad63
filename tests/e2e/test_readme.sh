#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2001,SC2086 # names have no blanks
# The README: its length, and each of its blocks typed line by line on a host with three
# users.  "# " is root, "$ " and "alice$ " are alice; a line without these is what the one
# before says.
[ $$ = 1 ] || exec unshare --pid --fork --kill-child --mount-proc bash "$0"
. "$(dirname "$0")/lib.sh"

mapfile -t lines < <(sed -n 's/^    //p' README.md)
typed=0
for line in "${lines[@]}"; do case $line in '# '* | '$ '* | 'alice$ '*) typed=$((typed + 1)) ;; esac; done
said=$((${#lines[@]} - typed))
plan $((4 + typed + said + 3))

words=$(wc -w <README.md)
ok "it has at most 900 words: $words" test "$words" -le 900
is "and one picture" "$(grep -c '!\[.*\](.*\.\(png\|svg\))' README.md)" 1
ok "which is there, and small" test "$(stat -c %s "$(sed -n 's/.*!\[.*\](\(.*\)).*/\1/p' README.md)")" -lt 100000
ok "it has blocks" test "$typed" -gt 30

# Homes and the place of programs are ours; only ours are people.
mkdir -p "$T/home" "$T/srv" "$T/local" "$T/clone"
mount --bind "$T/home" /home
mount --bind "$T/srv" /srv
mount --bind "$T/local" /usr/local
chmod 755 "$T"
awk -F: '$3 < 1000 || $3 > 60000' /etc/passwd >"$T/passwd" && cat "$T/passwd" >/etc/passwd
groupadd contractors
groupadd -f users
for name in alice bob carol; do
	useradd -m -G users "$name"
	install -d -m 700 -o $name -g $name "/run/user/$(id -u $name)"
done
delegate_cgroup alice

# What it builds and installs is built already: make has that, and apt-get must know the
# packages by name.
mkdir "$T/clone/build" "$T/stubs"
make=$(command -v "${MAKE:-make}")
cp "$BUILD/subid" "$T/clone/build/subid"
cat >"$T/stubs/make" <<END
#!/bin/bash
case "\$*" in
-j2) exec test -x build/subid ;;
deps) exec $make -s -n -C '$TOP' deps ;;
install) exec $make -s -C '$TOP' BUILD='$BUILD' PREFIX=/usr/local DESTDIR= FORCE=1 install ;;
esac
echo "make \$*: not in the test" >&2
exit 1
END
cat >"$T/stubs/apt-get" <<'END'
#!/bin/bash
shift 2
for package; do apt-cache policy "$package" 2>/dev/null | grep -q 'Candidate: [^(]' || dpkg -s "$package" >/dev/null || exit 1; done
END
chmod 755 "$T"/stubs/*
chown -R alice "$T/clone"
PATH=$T/stubs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
hash -r
tables

alice_types() { # directory line
	(
		cd "$1" && enter_cgroup alice && exec setpriv --reuid alice --regid alice --init-groups env -i HOME=/home/alice USER=alice \
			LOGNAME=alice PATH="$PATH" XDG_RUNTIME_DIR="/run/user/$(id -u alice)" bash -c "$2"
	)
}
type_line() {
	case $1 in
	'# '*) (cd "$T/clone" && bash -c "${1#\# }") ;;
	'$ '*) alice_types "$T/clone" "${1#\$ }" ;;
	'alice$ '*) alice_types /home/alice "${1#alice\$ }" ;;
	esac </dev/null
}
ok_status() { # line status; an audit of a test's host may find something
	case $1 in *' audit'*) [ "$2" -le 1 ] ;; *) [ "$2" = 0 ] ;; esac
}

n=0
out=
for line in "${lines[@]}"; do
	case $line in
	'# '* | '$ '* | 'alice$ '*)
		out=$(type_line "$line" 2>&1)
		status=$?
		n=0
		ok_status "$line" $status
		result $? "$line" || sed 's/^/#   /' <<<"$out"
		;;
	*)
		n=$((n + 1))
		is "and says: $line" "$(sed -n "${n}p" <<<"$out")" "$line"
		;;
	esac
done

# What came of it.
useradd -m -G users dave
mkdir -p "$T/pam" && cp -a /etc/pam.d/. "$T/pam"
echo 'session required pam_unix.so' >/etc/pam.d/su-l
echo 'session optional /usr/local/lib/security/pam_subid.so' >>/etc/pam.d/su-l
printf 'auth sufficient pam_rootok.so\naccount required pam_permit.so\n' >>/etc/pam.d/su-l
su - dave -c true >"$T/login" 2>&1
like "a login gives a range" "$(grep ^dave: /etc/subuid)" "dave:*:65536"
ok "the reports are there" test -s /srv/subid.html -a -s /srv/subid.prom
not_ok "nothing of the try is on the host" grep -q try /etc/subuid
umount -l /home /srv /usr/local
