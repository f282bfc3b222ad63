#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # words of other programs
# SSSD of Debian's unstable release, in a root of its own, reads what we write into a real
# slapd, by its default names: for shadow's getsubids and newuidmap there, and for ours.
# long
. "$(dirname "$0")/lib.sh"
. tests/e2e/ldap.sh
plan 14

# DEBIAN_SID: one that has been made with these packages
{ [ -d "${DEBIAN_SID-}" ] && cp -a "$DEBIAN_SID" "$T/root"; } ||
	tests/root.sh make sid "$T/root" sssd-ldap,sssd-common,uidmap,util-linux >"$T/log" 2>&1 || {
	sed 's/^/# /' "$T/log"
	skip "$planned" "no Debian sid can be made here: is there a network?"
	exit
}
version=$(tests/root.sh enter "$T/root" dpkg-query -W -f '${Version}' sssd-ldap)
echo "# SSSD $version, shadow $(tests/root.sh enter "$T/root" dpkg-query -W -f '${Version}' uidmap)"

# a socket there, since SSSD sends no password in the clear
ldap_other=ldapi://${T//\//%2f}%2froot%2fldapi
ldap_begin ""
chmod 777 "$T/root/ldapi"
ldap_pool 1000000000 1000655359
for i in 1 2 3 4; do ldap_user "u$i" $((7000 + i)); done
site_conf "users ou=people,dc=example,dc=org" "pool main 1000000000-1000655359"
expect "granted by us" 0 '*' '' subid --directory grant u1 u2
expect "another size" 0 '*' '' subid --directory grant u3 --count 100000

root=$T/root
cat >"$root/etc/sssd/sssd.conf" <<END
[sssd]
services = nss
domains = site

[domain/site]
id_provider = ldap
auth_provider = none
access_provider = permit
ldap_uri = ldapi://%2fldapi
ldap_search_base = dc=example,dc=org
ldap_default_bind_dn = cn=reader,dc=example,dc=org
ldap_default_authtok = read
ldap_id_use_start_tls = false
entry_cache_timeout = 1
offline_timeout = 1
END
chmod 600 "$root/etc/sssd/sssd.conf"
sed -i '/^passwd:/s/.*/passwd: files sss/; /^group:/s/.*/group: files sss/; /^subid:/d' "$root/etc/nsswitch.conf"
echo 'subid: sss' >>"$root/etc/nsswitch.conf"
: >"$root/etc/subuid"
: >"$root/etc/subgid"
install -m 755 "$BUILD/getsubids" "$root/usr/local/bin/our-getsubids"
install -m 4755 "$BUILD/newuidmap" "$root/usr/local/bin/our-newuidmap"
mkfifo "$root/ask"
# What is written into the pipe is run where SSSD runs, and what it says is in /said.
cat >"$root/serve" <<'END'
mkdir -p /var/lib/sss/pipes/private /var/lib/sss/db /var/lib/sss/mc
chown -R "$(stat -c %U /etc/sssd)" /var/lib/sss /etc/sssd/sssd.conf 2>/dev/null
sssd -i >/sssd.log 2>&1 &
while read -r command <>/ask; do
	(eval "$command") >/said.new 2>&1 </dev/null
	echo "= $?" >>/said.new
	mv /said.new /said
done
END
start tests/root.sh enter "$root" bash /serve
there() { # command: what it says there, and its status
	rm -f "$root/said"
	echo "$*" >"$root/ask"
	wait_for test -e "$root/said"
	cat "$root/said"
}
knows() { [ "$(there getent passwd "$1" | tail -n 1)" = "= 0" ]; }
ok "SSSD knows the directory's accounts" wait_for knows u1
[ "$failures" = 0 ] || grep -v CAP_ "$root/sssd.log" | sed 's/^/# /'
start_of() { subid --directory list -u "$1" | awk '{ print $3 }'; }
is "shadow's getsubids has what we granted" "$(there getsubids u1)" "0: u1 $(start_of u1) 65536
= 0"
is "gids, too" "$(there getsubids -g u2)" "0: u2 $(start_of u2) 65536
= 0"
is "of any size" "$(there getsubids u3)" "0: u3 $(start_of u3) 100000
= 0"
like "who has none has none" "$(there getsubids u4)" "*= 1"
is "ours has the same" "$(there our-getsubids u1)" "0: u1 $(start_of u1) 65536
= 0"
map='setpriv --reuid 7001 --regid 7001 --clear-groups unshare --user sleep 60 & pid=$!; sleep 1; setpriv --reuid 7001 --regid 7001 --clear-groups'
like "shadow's newuidmap maps it" "$(there "$map newuidmap \$pid 0 $(start_of u1) 65536; s=\$?; tr -s ' ' </proc/\$pid/uid_map; kill \$pid; exit \$s")" \
	" 0 $(start_of u1) 65536
= 0"
like "and ours" "$(there "$map our-newuidmap \$pid 0 $(start_of u1) 65536; s=\$?; tr -s ' ' </proc/\$pid/uid_map; kill \$pid; exit \$s")" \
	" 0 $(start_of u1) 65536
= 0"
like "not another one's" "$(there "$map our-newuidmap \$pid 0 $(start_of u2) 1; s=\$?; kill \$pid; exit \$s")" "*not allowed*= 1"
subid --directory -q revoke u2
gone() { there sss_cache -E >"$T/out"; [ "$(there getsubids u2 | tail -n 1)" = "= 1" ]; }
ok "what is revoked is gone" wait_for gone
ldap_stop
is "while the directory is down, SSSD answers of what it knows" "$(there getsubids u1 | tail -n 1)" "= 0"
expect "and we say that it is" 3 '' "*Can't contact*" subid --directory list
