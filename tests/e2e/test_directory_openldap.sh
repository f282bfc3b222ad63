#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A directory as Debian's slapd package makes it, with its configuration in cn=config: what
# share/ldap has is loaded by the commands that each file names, and its rules are tried:
# who may read, who may write, what nobody sees.
. "$(dirname "$0")/lib.sh"
. tests/e2e/ldap.sh
plan 30

init=/usr/share/slapd/slapd.init.ldif
[ -e $init ] || {
	skip "$planned" "$(lack slapd)"
	exit
}

# --- the server ------------------------------------------------------------------------------

ldap_dir=$T/ldap ldap_port=$(free_port)
ldap_tcp=ldap://127.0.0.1:$ldap_port ldap_uri=ldapi://${ldap_dir//\//%2f}%2fsocket
mkdir -p "$ldap_dir/config" "$ldap_dir/db"
sed "s|@SUFFIX@|dc=example,dc=org|; s|@PASSWORD@|$ldap_password|; s|@BACKEND@|mdb|; s|/var/lib/ldap|$ldap_dir/db|; s|/var/run/slapd|$ldap_dir|" \
	$init >"$T/init.ldif"
ok "the package's configuration" slapadd -n 0 -F "$ldap_dir/config" -l "$T/init.ldif"
ldap_run slapd -d 0 -h "$ldap_uri $ldap_tcp" -F "$ldap_dir/config"
wait_for ldapsearch -x -H "$ldap_tcp" -s base -b '' || echo "# the directory does not answer"
ldap_add <<-END
	dn: dc=example,dc=org
	objectClass: domain
	dc: example

	dn: ou=people,dc=example,dc=org
	objectClass: organizationalUnit

	dn: uid=nosy,ou=people,dc=example,dc=org
	objectClass: account
	objectClass: simpleSecurityObject
	userPassword: nosy
END
for i in 1 2 3; do ldap_user "u$i" $((7000 + i)); done

# --- what share/ldap has, by its own words ----------------------------------------------------

cp share/ldap/*.ldif "$BUILD"/ldap/subid.ldif "$T"
typed() { # file: the commands that it names, in their order; passwords from files
	local line
	sed -n 's/^# \{5\}\(ldap.*\)/\1/p' "$T/$1" >"$T/commands"
	[ -s "$T/commands" ] || return
	while read -r line; do
		line=${line//ldapi:\/\/\//$ldap_uri}
		line=${line// -W/ -y $T/prompt}
		case $line in *-S*subid-writer*) line=${line/-S/-T $T/writer} ;; *) line=${line/-S/-T $T/reader} ;; esac
		(cd "$T" && eval "$line") || return
	done <"$T/commands"
}
for name in writer reader; do (umask 077; printf %s "$name" >"$T/$name"); done
(umask 077; printf %s "$ldap_password" >"$T/prompt")
ok "the schema" typed subid.ldif
grep -v '^# *ldappasswd' "$T/bootstrap.ldif" >"$T/first.ldif"
cp "$T/bootstrap.ldif" "$T/then.ldif"
sed -i '/^# *ldapadd/d' "$T/then.ldif"
sed -i 's/bootstrap.ldif/first.ldif/' "$T/first.ldif"
ok "the branches, a pool, two identities" typed first.ldif
ok "the rules" typed acl-openldap.ldif
not_ok "an identity without a password: an empty one" ldapwhoami -x -H "$ldap_tcp" -D cn=subid-writer,dc=example,dc=org -w ''
not_ok "or any" ldapwhoami -x -H "$ldap_tcp" -D cn=subid-writer,dc=example,dc=org -w '!'
ok "a password for each" typed then.ldif
conf() { # identity
	printf '%s\n' "directory $ldap_tcp" "base $ldap_base" "users ou=people,dc=example,dc=org" "timeout 5" "pool main 2200000000-2999997951" \
		${1:+"bind simple $1,dc=example,dc=org password $T/${2-none}"} >/etc/subid.conf
}

# --- who may write -----------------------------------------------------------------------------

conf cn=subid-writer writer
expect "the writer grants" 0 'u1 uid 2200000000 2200065535 65536 new*' '' subid --directory grant u1
is "with the account's name" "$(ldap '(cn=u1)' subidRangeOwner)" "subidRangeOwner: uid=u1,ou=people,dc=example,dc=org"
expect "holds" 0 '!reserved *' '' subid --directory hold 2200131072:1
expect "revokes" 0 'u1 *released*' '' subid --directory revoke u1
expect "frees" 0 '*free*' '' subid --directory unhold 2200000000:65536
expect "and grants again" 0 'u1 *new*' '' subid --directory grant u1
expect "lists" 0 'u1 *' '' subid --directory list u1
expect "audits" 0 '' '' subid --directory audit

# --- who may read -------------------------------------------------------------------------------

conf cn=subid-reader reader
expect "the reader lists" 0 'u1 *granted*' '' subid --directory list u1
expect "audits" 0 '' '' subid --directory audit
add_user u1 -u 7001
sed -i '/^u1:/d' /etc/subuid /etc/subgid
expect "and brings ranges into a host" 0 'u1 *new*' '' subid sync u1
for try in 'grant u2' 'revoke u1' 'hold 2200196608:1' 'unhold 2200131072:65536'; do
	# shellcheck disable=SC2086 # words
	expect "it does not: $try" 3 '' '*nsufficient access*' subid --directory $try
done
write_as() { ldapmodify -x -H "$ldap_tcp" -D "$1" -w "$2"; }
change() { printf 'dn: %s\nchangetype: modify\nreplace: %s\n%s: %s\n' "$1" "$2" "$2" "$3"; }
is "nor by another program: a counter, a claim, a password" "$(
	change "cn=main,ou=pools,$ldap_base" subidNext 2200000000 | write_as cn=subid-reader,dc=example,dc=org reader >/dev/null 2>&1
	echo $?
	change "subidBlock=2200131072,ou=blocks,$ldap_base" subidState free | write_as cn=subid-reader,dc=example,dc=org reader >/dev/null 2>&1
	echo $?
	change cn=subid-writer,dc=example,dc=org userPassword mine | write_as cn=subid-reader,dc=example,dc=org reader >/dev/null 2>&1
	echo $?
)" $'50\n50\n50'
is "the writer changes no account" "$(change uid=u1,ou=people,dc=example,dc=org uidNumber 0 |
	write_as cn=subid-writer,dc=example,dc=org writer >/dev/null 2>&1; echo $?)" 50

# --- everybody else --------------------------------------------------------------------------------

seen() { # bind words
	ldapsearch -LLL -H "$ldap_tcp" "$@" -b dc=example,dc=org '(|(objectClass=subordinateIdEntry)(objectClass=subidClaim)(objectClass=subidPool))' dn 2>&1 |
		grep -c '^dn:'
}
is "nobody in particular sees no range" "$(seen -x)" 0
is "nor does a user of the directory" "$(seen -x -D uid=nosy,ou=people,dc=example,dc=org -w nosy)" 0
is "the reader sees them" "$(seen -x -D cn=subid-reader,dc=example,dc=org -w reader)" 4
conf ''
expect "which no host takes for an empty directory" 3 '' '*or we may not see it*' subid sync
is "a user's own password is the user's to change" "$(change uid=nosy,ou=people,dc=example,dc=org userPassword new |
	write_as uid=nosy,ou=people,dc=example,dc=org nosy >/dev/null 2>&1; echo $?)" 0

# --- more than 500 ----------------------------------------------------------------------------------

for ((i = 0; i < 600; i++)); do
	printf 'dn: cn=m%d,ou=owners,%s\nobjectClass: subordinateIdEntry\ncn: m%d\nsubidState: granted\nsubidTicket: t\nsubUidNumber: %d\nsubUidCount: 65536\nsubGidNumber: %d\nsubGidCount: 65536\n\n' \
		$i "$ldap_base" $i $((2300051456 + i * 65536)) $((2300051456 + i * 65536))
done | ldap_add
conf cn=subid-reader reader
is "the limits let the reader list all" "$(subid --directory list -u | grep -c '^m[0-9]')" 600
