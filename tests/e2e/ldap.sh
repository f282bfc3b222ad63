# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2119,SC2120,SC2154 # as in lib.sh
# A real directory for tests: slapd on a socket and on 127.0.0.1, with our schema.  Is
# sourced after lib.sh.
#
#   ldap_begin [NAME]    starts one (NAME: another one beside it), with an empty tree
#   ldap_pool FIRST LAST [BLOCK [NAME]]   adds a pool
#   ldap_user NAME UID   adds an account
#   ldap FILTER ATTRIBUTE...   what the directory has, "attribute: value" lines, sorted
#   ldap_change          ldapmodify with standard input, as the database's root
#   $ldap_uri, $ldap_tcp where it is; $ldap_pid its process
#   site_conf LINE...    subid.conf for it, and these lines

ldap_base=ou=subids,dc=example,dc=org

# Each test has a pid namespace of its own, but not a network: a port that nobody has.
free_port() {
	python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

ldap_begin() { # [name]
	local dir=$T/ldap${1-}
	mkdir -p "$dir/db"
	# shellcheck disable=SC2034 # for the test
	ldap_uri=ldapi://${dir//\//%2f}%2fsocket
	ldap_port=$(free_port)
	ldap_tcp=ldap://127.0.0.1:$ldap_port
	cat >"$dir/slapd.conf" <<-END
		include /etc/ldap/schema/core.schema
		include /etc/ldap/schema/cosine.schema
		include /etc/ldap/schema/nis.schema
		include $TOP/share/ldap/subid.schema
		modulepath /usr/lib/ldap
		moduleload back_mdb
		pidfile $dir/pid
		authz-regexp "gidNumber=[0-9]+[+]uidNumber=0,cn=peercred,cn=external,cn=auth" "cn=writer,dc=example,dc=org"
		database mdb
		suffix dc=example,dc=org
		rootdn cn=admin,dc=example,dc=org
		rootpw admin
		directory $dir/db
		maxsize 1073741824
		dbnosync
		index objectClass,cn,uid,uidNumber,gidNumber,subidState,subidBlock,subidOwner,subUidNumber,subidRangeOwner eq
		limits dn.exact=cn=writer,dc=example,dc=org size.pr=1000 size.prtotal=unlimited
		limits dn.exact=cn=reader,dc=example,dc=org size.pr=1000 size.prtotal=unlimited
		access to attrs=userPassword by anonymous auth by * none
		access to dn.subtree=$ldap_base by dn.exact=cn=writer,dc=example,dc=org write by dn.exact=cn=reader,dc=example,dc=org read by * none
		access to * by * read
	END
	ldap_start "$dir"
	ldap_add <<-END
		dn: dc=example,dc=org
		objectClass: domain
		dc: example

		dn: cn=writer,dc=example,dc=org
		objectClass: organizationalRole
		objectClass: simpleSecurityObject
		userPassword: write

		dn: cn=reader,dc=example,dc=org
		objectClass: organizationalRole
		objectClass: simpleSecurityObject
		userPassword: read

		dn: ou=people,dc=example,dc=org
		objectClass: organizationalUnit

		$(sed '/^dn: cn=main/,$d' share/ldap/bootstrap.ldif)
	END
}

ldap_start() { # directory
	start slapd -d 0 -h "ldapi://${1//\//%2f}%2fsocket ldap://127.0.0.1:$ldap_port" -f "$1/slapd.conf"
	# shellcheck disable=SC2034
	ldap_pid=$started_pid
	wait_for ldapsearch -x -H "ldap://127.0.0.1:$ldap_port" -s base -b '' || echo "# slapd does not answer"
}

ldap_add() {
	sed 's/^\t*//' | ldapadd -x -H "$ldap_tcp" -D cn=admin,dc=example,dc=org -w admin >/dev/null || echo "# ldapadd failed"
}

ldap_change() {
	sed 's/^\t*//' | ldapmodify -x -H "$ldap_tcp" -D cn=admin,dc=example,dc=org -w admin >/dev/null || echo "# ldapmodify failed"
}

ldap_pool() { # first last [block [name]]
	ldap_add <<-END
		dn: cn=${4-main},ou=pools,$ldap_base
		objectClass: subidPool
		subidFirst: $1
		subidLast: $2
		subidBlockSize: ${3-65536}
		subidNext: $1
	END
}

ldap_user() { # name uid
	ldap_add <<-END
		dn: uid=$1,ou=people,dc=example,dc=org
		objectClass: account
		objectClass: posixAccount
		cn: $1
		uidNumber: $2
		gidNumber: $2
		homeDirectory: /home/$1
	END
}

ldap() { # filter attribute...
	ldapsearch -x -LLL -o ldif-wrap=no -E pr=1000/noprompt -H "$ldap_tcp" -D cn=admin,dc=example,dc=org -w admin \
		-b "$ldap_base" "$@" | grep -v '^dn: \|^$\|^#' | sort
}

site_conf() { # line...
	printf '%s\n' "directory $ldap_uri" "base $ldap_base" "bind external" "$@" >/etc/subid.conf
}
