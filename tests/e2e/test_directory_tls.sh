#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A directory over TLS: a certificate of the authority that subid.conf names, and for the
# name that is asked for; all others are refused, and nothing is sent to them.  A server
# that stops in the middle, that hangs, and that refuses.
. "$(dirname "$0")/lib.sh"
. tests/e2e/ldap.sh
plan 19

certificates() { # authority file subject-alternative-name days
	openssl req -newkey rsa:2048 -nodes -keyout "$T/$2.key" -subj "/CN=$2" -out "$T/$2.csr" 2>/dev/null
	openssl x509 -req -in "$T/$2.csr" -CA "$T/$1.pem" -CAkey "$T/$1.key" -CAcreateserial -days "$4" \
		-extfile <(echo "subjectAltName=$3") -out "$T/$2.pem" 2>/dev/null
}
for ca in ca other-ca; do
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/$ca.key" -subj "/CN=$ca" -days 30 -out "$T/$ca.pem" 2>/dev/null
done
certificates ca right DNS:directory.test,IP:127.0.0.1 30
certificates ca elsewhere DNS:directory.example.org 30
certificates ca expired DNS:directory.test,IP:127.0.0.1 -1

# libldap takes "localhost" for the machine's own name
echo '127.0.0.1 directory.test' >>/etc/hosts
tls=$(free_port)
tls_ldap() { # certificate: slapd with it
	ldap_global="TLSCACertificateFile $T/ca.pem
		TLSCertificateFile $T/$1.pem
		TLSCertificateKeyFile $T/$1.key"
	ldap_other=ldaps://127.0.0.1:$tls
	ldap_empty=${2-} ldap_begin ""
}
tls_ldap right
ldap_pool 1000000000 1000655359
printf write >"$T/secret"
chmod 600 "$T/secret"
conf() { # host authority
	printf '%s\n' "directory ldaps://$1:$tls" "tls-ca $T/$2.pem" "base $ldap_base" "timeout 2" \
		"bind simple cn=writer,dc=example,dc=org password $T/secret" "pool main 1000000000-1000655359" >/etc/subid.conf
}
conf directory.test ca
expect "over TLS, by name" 0 '* new*' '' subid --directory grant --force-unknown anna
conf 127.0.0.1 ca
expect "and by address" 0 '*anna*' '' subid --directory list anna
conf directory.test other-ca
expect "another authority's certificate is refused" 3 '' "*Can't contact LDAP server*" subid --directory list
grep -v '^tls-ca' /etc/subid.conf >"$T/conf" && cp "$T/conf" /etc/subid.conf
expect "as is one of an authority that the system does not know" 3 '' "*Can't contact LDAP server*" subid --directory list
conf directory.test ca
sed -i "s|^directory .*|directory ldaps://127.0.0.2:$tls|" /etc/subid.conf
expect "a certificate for another address" 3 '' "*Can't contact LDAP server*" subid --directory list
conf directory.test ca
mkdir -p "$T/home/root"
printf 'TLS_REQCERT never\nTLS_CACERT %s\nURI ldap://127.0.0.1:1\n' "$T/other-ca.pem" | tee /etc/ldap/ldap.conf >"$T/home/root/.ldaprc"
expect "ldap.conf and .ldaprc have no say" 0 '*anna*' '' env HOME="$T/home/root" LDAPTLS_REQCERT=never LDAPURI=ldap://127.0.0.1:1 subid --directory list anna
conf directory.test other-ca
expect "nor against a refusal" 3 '' "*Can't contact LDAP server*" env HOME="$T/home/root" LDAPTLS_REQCERT=never LDAPTLS_CACERT="$T/ca.pem" subid --directory list
for bad in elsewhere expired; do
	ldap_stop
	tls_ldap $bad 1
	conf directory.test ca
	expect "a certificate of another name, or too old: $bad" 3 '' "*Can't contact LDAP server*" subid --directory list
done
for remote in ldap://directory.example.org ldap://127.0.0.1.example.org ldap://localhost.example.org 'ldap://localhost@example.org' ldap://10.0.0.1; do
	conf directory.test ca
	sed -i "s|^directory .*|directory $remote|" /etc/subid.conf
	expect "not encrypted: $remote" 3 '' '*subid.conf:1: *is not encrypted: write ldaps://*' subid --directory list
done

# The password goes to nobody whose certificate is wrong: what a listener is sent.
end "$ldap_pid"
listener=$(free_port)
openssl s_server -accept "127.0.0.1:$listener" -cert "$T/elsewhere.pem" -key "$T/elsewhere.key" -quiet >"$T/heard" 2>/dev/null &
started+=("$!")
wait_for bash -c "exec 3<>/dev/tcp/127.0.0.1/$listener"
conf directory.test ca
sed -i "s|^directory .*|directory ldaps://directory.test:$listener|" /etc/subid.conf
expect "somebody in the directory's place" 3 '' "*" subid --directory list
is "is told no password" "$(grep -c write "$T/heard")" 0

# Stopped while it works, and refusing.
tls_ldap right 1
conf directory.test ca
kill -STOP "$ldap_pid"
began=$SECONDS
expect "one that hangs under TLS" 3 '' '*' subid --directory grant --force-unknown bert
ok "is waited for as long as subid.conf says" test $((SECONDS - began)) -le 8
kill -CONT "$ldap_pid"
expect "and then it goes on" 0 '* new*' '' subid --directory grant --force-unknown bert
