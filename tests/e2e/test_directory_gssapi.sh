#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A directory that asks for Kerberos: a real KDC and slapd on 127.0.0.1, hosts that say
# who they are by a keytab.  Keytabs that are wrong, old, others' to read; a principal that
# has expired; a KDC that is down, and one that hangs.  No ticket stays behind.
# long
. "$(dirname "$0")/lib.sh"
. tests/e2e/ldap.sh
plan 40

for program in krb5kdc kadmin.local kinit; do
	PATH=$PATH:/usr/sbin command -v $program >/dev/null || {
		skip "$planned" "$(lack krb5-kdc)"
		exit
	}
done
ls /usr/lib/*/sasl2/libgssapiv2.so >/dev/null 2>&1 || {
	skip "$planned" "$(lack libsasl2-modules-gssapi-mit)"
	exit
}

# --- a realm -------------------------------------------------------------------------

echo '127.0.0.1 directory.test' >>/etc/hosts
kdc=$(free_port)
realm() { # address: where the hosts find the KDC
	cat >/etc/krb5.conf <<-END
		[libdefaults]
		default_realm = EXAMPLE.ORG
		dns_lookup_kdc = false
		dns_lookup_realm = false
		rdns = false
		[realms]
		EXAMPLE.ORG = {
			kdc = $1
		}
	END
}
realm "127.0.0.1:$kdc"
mkdir "$T/kdc"
export KRB5_KDC_PROFILE=$T/kdc/kdc.conf
cat >"$KRB5_KDC_PROFILE" <<-END
	[kdcdefaults]
	kdc_listen = 127.0.0.1:$kdc
	kdc_tcp_listen = 127.0.0.1:$kdc
	[realms]
	EXAMPLE.ORG = {
		database_name = $T/kdc/principal
		acl_file = $T/kdc/acl
		key_stash_file = $T/kdc/stash
	}
END
kadmin() { kadmin.local -q "$*" >"$T/kadmin" 2>&1 || sed 's/^/# /' "$T/kadmin"; }
kdb5_util create -s -P master -r EXAMPLE.ORG >"$T/kadmin" 2>&1 || sed 's/^/# /' "$T/kadmin"
for principal in ldap/directory.test host/writer.test host/reader.test host/stranger.test nfs/writer.test; do
	kadmin addprinc -randkey $principal
done
kadmin ktadd -k "$T/ldap.keytab" ldap/directory.test
kadmin ktadd -k "$T/reader.keytab" host/reader.test
kadmin ktadd -k "$T/stranger.keytab" host/stranger.test
# as on a host: a service's key comes first
kadmin ktadd -k "$T/keytab" nfs/writer.test
kadmin ktadd -k "$T/keytab" host/writer.test
kdc_start() {
	start krb5kdc -n
	kdc_pid=$started_pid
	wait_for bash -c "exec 3<>/dev/tcp/127.0.0.1/$kdc" || echo "# the KDC does not answer"
}
kdc_start

# --- a directory that knows its hosts by their principals ------------------------------------

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/ca.key" -subj /CN=ca -days 30 -out "$T/ca.pem" 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout "$T/server.key" -subj /CN=server -out "$T/server.csr" 2>/dev/null
openssl x509 -req -in "$T/server.csr" -CA "$T/ca.pem" -CAkey "$T/ca.key" -CAcreateserial -days 30 \
	-extfile <(echo subjectAltName=DNS:directory.test) -out "$T/server.pem" 2>/dev/null
tls=$(free_port)
ldap_other=ldaps://127.0.0.1:$tls
ldap_global="TLSCACertificateFile $T/ca.pem
	TLSCertificateFile $T/server.pem
	TLSCertificateKeyFile $T/server.key
	sasl-host directory.test
	sasl-realm EXAMPLE.ORG
	authz-regexp uid=host/(writer|reader).test,cn=gssapi,cn=auth cn=\$1,dc=example,dc=org
	authz-regexp uid=host/(writer|reader).test,cn=example.org,cn=gssapi,cn=auth cn=\$1,dc=example,dc=org"
# its replay cache is none of the machine's
KRB5RCACHENAME=none: KRB5_KTNAME=$T/ldap.keytab ldap_begin ""
ldap_pool 1000000000 1006553599
conf() { # keytab [principal]
	printf '%s\n' "directory ldaps://directory.test:$tls" "tls-ca $T/ca.pem" "base $ldap_base" "timeout ${timeout-3}" \
		"bind gssapi ${2+$2 }keytab $1" "pool main 1000000000-1006553599" >/etc/subid.conf
}

# Where a ticket could be, or a key.
left() { find /tmp /var/tmp /run /dev/shm -maxdepth 1 \( -name 'krb5cc*' -o -name '*keytab*' -o -name 'krb5_*' \) 2>/dev/null; }
left >"$T/left"
nothing_left() { is "$1: no ticket and no key stays behind" "$(left)" "$(<"$T/left")"; }

conf "$T/keytab" host/writer.test
expect "granted, by the keytab" 0 'anna uid 1000000000 * new*' '' subid --directory grant --force-unknown anna
nothing_left granted
conf "$T/keytab" host/writer.test@EXAMPLE.ORG
expect "listed, with the realm in the principal" 0 'anna *granted*' '' subid --directory list anna
expect "held" 0 '!reserved *' '' subid --directory hold 1000589824:1
expect "revoked" 0 'anna *released*' '' subid --directory revoke anna
expect "and freed" 0 '*free*' '' subid --directory unhold 1000000000:65536
add_user hugo
sed -i '/^hugo:/d' /etc/subuid /etc/subgid
expect "granted again" 0 'hugo *new*' '' subid --directory grant hugo
expect "a host brings it into its tables" 0 '' '' subid -q sync hugo
tables_are "as the directory has it" "hugo:1000000000:65536"
expect "audited" 0 '' '' subid --directory audit
sed -i "s|^directory .*|directory $ldap_tcp|" /etc/subid.conf
expect "without TLS, on this host: SASL's name is the address's" 3 '' '*' subid --directory list hugo

# A key that others hold, and a first key that is a service's.
conf "$T/keytab"
expect "without a principal: the first key's, which may do nothing here" 3 '' '*' subid --directory grant --force-unknown bert
conf "$T/keytab" host/stranger.test
expect "a principal that the keytab has not" 3 '' "subid: $T/keytab: has no key of the principal in subid.conf" subid --directory list
conf "$T/reader.keytab"
expect "a host that may read lists" 0 'hugo *granted*' '' subid --directory list hugo
expect "and takes nothing" 3 '' '*nsufficient access*' subid --directory revoke hugo
expect "nor gives" 3 '' '*nsufficient access*' subid --directory grant --force-unknown eve
conf "$T/stranger.keytab"
expect "one that nobody knows sees nothing" 3 '' '*' subid --directory grant --force-unknown eve

# The caller's own tickets and variables have no say.
conf "$T/reader.keytab"
kinit -k -t "$T/keytab" -c "$T/cache" host/writer.test
printf '[libdefaults]\ndefault_realm = ELSEWHERE\n' >"$T/elsewhere.conf"
expect "nor has the caller's ticket" 3 '' '*nsufficient access*' \
	env KRB5CCNAME="$T/cache" KRB5_CLIENT_KTNAME="$T/keytab" subid --directory revoke hugo
expect "nor the caller's realm" 0 'hugo *' '' \
	env KRB5_CONFIG="$T/elsewhere.conf" KRB5_KTNAME="$T/none" SASL_PATH=/nowhere subid --directory list hugo
is "a cache of the caller's is as it was" "$(klist -c "$T/cache" | grep -c ldap/)" 0

# --- keys that are none ---------------------------------------------------------------------

conf "$T/none"
expect "no keytab" 3 '' "subid: $T/none: cannot be read" subid --directory list
conf "$T/keytab" host/writer.test
chmod 640 "$T/keytab"
expect "one that others may read" 3 '' "subid: $T/keytab: must be a file of mode 600, and root's or yours" subid --directory list
chmod 600 "$T/keytab"
chown hugo "$T/keytab"
expect "one of a user" 3 '' "subid: $T/keytab: must be a file of mode 600, and root's or yours" subid --directory list
chown root "$T/keytab"
ln -s keytab "$T/link"
conf "$T/link"
expect "a link" 3 '' "subid: $T/link: cannot be read" subid --directory list
(umask 077; echo password >"$T/text"; mkfifo "$T/fifo")
conf "$T/text"
expect "a password" 3 '' "subid: $T/text: is not a keytab" subid --directory list
conf "$T/fifo"
expect "a pipe" 3 '' "subid: $T/fifo: must be a file of mode 600, and root's or yours" timeout 5 subid --directory list
cp -p "$T/keytab" "$T/old"
conf "$T/old" host/writer.test
kadmin cpw -randkey host/writer.test
expect "a key that was changed since" 3 '' "subid: ldaps://*: bind by $T/old: *integrity check failed*" subid --directory list
nothing_left "a wrong key"
kadmin ktadd -k "$T/keytab" host/writer.test
conf "$T/keytab" host/writer.test
expect "the new one" 0 'hugo *' '' subid --directory list hugo
kadmin modprinc -expire yesterday host/writer.test
expect "a principal that has expired" 3 '' "subid: ldaps://*: bind by $T/keytab: *Client's entry in database has expired*" subid --directory list
kadmin modprinc -expire never host/writer.test
kadmin modprinc +needchange host/writer.test
expect "one whose key is to be changed" 3 '' "subid: ldaps://*: bind by $T/keytab: *xpired*" subid --directory list
kadmin modprinc -needchange host/writer.test
kadmin delprinc -force host/writer.test
expect "one that is gone" 3 '' "subid: ldaps://*: bind by $T/keytab: *not found in Kerberos database*" subid --directory list
tables_are "nothing of this changes the tables" "hugo:1000000000:65536"

# --- a KDC that is not there -----------------------------------------------------------------

kadmin addprinc -randkey host/writer.test
rm "$T/keytab"
kadmin ktadd -k "$T/keytab" host/writer.test
timeout=1 conf "$T/keytab" host/writer.test
kill -STOP "$kdc_pid"
began=$SECONDS
expect "a KDC that hangs" 3 '' '*directory or the KDC does not answer in time*' subid --directory list
ok "is waited for as long as subid.conf says" test $((SECONDS - began)) -le 8
expect "nor does sync change anything then" 3 '' '*' subid sync hugo
tables_are "the tables stay" "hugo:1000000000:65536"
kill -CONT "$kdc_pid"
expect "and then it goes on" 0 'hugo *' '' subid --directory list hugo
end "$kdc_pid"
expect "a KDC that is down" 3 '' "subid: ldaps://*: bind by $T/keytab: *annot contact any KDC*" subid --directory list
nothing_left "no KDC"
