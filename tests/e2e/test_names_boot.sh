#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # words of other shells
# libnss_subid in a Debian 13 that is booted with its systemd as process 1: what systemd
# makes of User= with the name of a subordinate id, who may have it do so, and which ids
# systemd-nspawn then takes for a container.
# long
. "$(dirname "$0")/lib.sh"
plan 25

root=$T/root
ok "a Debian 13" tests/root.sh make trixie "$root" \
	systemd,systemd-container,libnss-systemd,libpam-systemd,dbus,polkitd,procps,libjansson4,libaudit1,passwd,busybox-static
cp -a "$T/pre/." "$root$PRE"
module=$PRE/lib/libnss_subid.so.2
case $BUILD in
# the module must be one that every program can load
*asan* | *tsan*) (names_on) && module=$PRE/lib/libnss_subid.so.2 ;;
esac
for dir in "$root"/usr/lib/*-linux-gnu; do cp "$module" "$dir"; done
mkdir -p "$root"/tiny/{bin,usr/bin,etc,proc,dev,sys,tmp,run,var}
cp "$root/bin/busybox" "$root/tiny/bin/busybox"
for name in sh cat; do ln -s busybox "$root/tiny/bin/$name"; done
echo ID=tiny >"$root/tiny/etc/os-release"

cat >"$root/script" <<END
PATH=$PRE/bin:\$PATH
END
cat >>"$root/script" <<'END'
cd /
names() { sed -i -E "s/^(passwd|group):.*/\1: files systemd $1/" /etc/nsswitch.conf; }
say() { printf '%s=%s\n' "$1" "$(tr '\n' ',' <<<"$2")"; }
unit() { systemd-run -q --wait --pipe "$@" 2>&1; }
alice() { setpriv --reuid alice --regid alice --clear-groups "$@" </dev/null 2>&1; echo "$?"; }
tables() { printf '%s\n' "$@" | tee /etc/subuid >/etc/subgid; }
useradd -M alice
useradd -M bob
tables alice:100000:65536

names ''
say number "$(unit -p User=100033 id -u >/dev/null; echo $?)"
say manager_before "$(systemctl start user@100033.service 2>/dev/null; echo $?)"
say name_before "$(unit -p User=alice+100033 id -u >/dev/null; echo $?)"

names subid
say number_named "$(unit -p User=100033 id)"
say name "$(unit -p User=alice+100033 id)"
printf '[Service]\nType=oneshot\nUser=alice+100033\nExecStart=/bin/sh -c "id -un; cat /proc/self/status"\n' >/etc/systemd/system/named.service
systemctl daemon-reload
systemctl start named.service
say unit "$(journalctl -b -u named.service -o cat | grep -E '^(alice|CapEff|CapPrm)')"
say login "$(unit -p User=alice+100033 -p PAMName=su id -u; echo $?)"
say manager "$(systemctl start user@100033.service 2>/dev/null; echo $?; ps -o user:20= -C systemd | sort -u)"
systemctl stop user@100033.service
say dynamic "$(unit -p DynamicUser=yes id -u)"
say alice_unit "$(alice systemd-run --uid=alice+100033 id)"
say alice_run0 "$(alice run0 --user=alice+100033 id)"
say alice_linger "$(alice loginctl enable-linger alice+100033)"
say alice_manager "$(alice systemctl start user@100034.service)"
say alice_uid "$(alice systemd-run --uid=100033 id)"
say linger "$(ls /var/lib/systemd/linger 2>/dev/null)"
say sessions "$(loginctl list-sessions --no-legend | grep -c alice+)"

# What it takes for this name when nobody has it, and what if somebody has.
pick() { systemd-nspawn -q -D /tiny -M tiny -U --register=no --keep-unit --pipe cat /proc/self/uid_map | awk '{ print $2, $3 }'; }
tables alice:100000:65536
first=$(pick)
say pick "$first"
say pick_again "$(pick)"
first=${first% *}
tables "bob:$first:65536"
say taken "$(pick)"
names ''
say taken_unnamed "$(pick)"
names subid
tables "bob:$((first - 10)):11"
say by_one "$(pick)"
tables "bob:$((first - 10)):10"
say beside "$(pick)"
say bobs "$(pick | while read -r start count; do seq "$start" 30000 $((start + count - 1)) | xargs -n 1 getent passwd; done)"
say version "$(systemd-nspawn --version | head -n 1)"
END
timeout 240 tests/root.sh boot "$root" bash /script >"$T/said" 2>&1
said() { sed -n "s/^$1=//p" "$T/said"; }
like "its systemd" "$(said version)" "systemd 25[7-9]*"

# --- units -----------------------------------------------------------------------------------

is "without the module, User= takes no number without an account" "$(said number)" "217,"
is "and no such name" "$(said name_before)" "217,"
is "with it root's unit may have the number" "$(said number_named)" "uid=100033(alice+100033) gid=65534(nogroup) groups=65534(nogroup),"
is "and the name" "$(said name)" "uid=100033(alice+100033) gid=65534(nogroup) groups=65534(nogroup),"
like "without any privilege" "$(said unit)" "alice+100033,CapPrm:?0000000000000000,CapEff:?0000000000000000,"
is "a session by PAM is root's to open" "$(said login)" "100033,0,"
is "a manager of such a user: not without a name" "$(said manager_before)" "1,"
is "root may start one" "$(said manager | tr ',' '\n' | head -n 1)" 0
ok "a dynamic user is none of them" test "$(said dynamic | tr -d ,)" -lt 65536
for what in unit run0 linger manager uid; do
	like "nobody else: $what" "$(said alice_$what)" "*,[1-9]*"
done
is "so that nobody lingers" "$(said linger)" ","
is "or has a session" "$(said sessions)" "0,"

# --- nspawn ----------------------------------------------------------------------------------

like "nspawn picks ids for a container's name" "$(said pick)" "[1-9]* 65536,"
is "the same ones again" "$(said pick_again)" "$(said pick)"
ok "others, if they are somebody's" test "$(said taken)" != "$(said pick)" -a -n "$(said taken | tr -d ,)"
is "which it cannot know without the module" "$(said taken_unnamed)" "$(said pick)"
ok "also if the first one alone is" test "$(said by_one)" != "$(said pick)" -a -n "$(said by_one | tr -d ,)"
is "not for those beside" "$(said beside)" "$(said pick)"
is "none of what it takes then is anybody's" "$(said bobs)" ","
[ "$failures" = 0 ] || sed 's/^/# /' "$T/said"
