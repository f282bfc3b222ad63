# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2119,SC2120,SC2154 # as in lib.sh
# A real directory for tests: slapd on a socket and on 127.0.0.1, with our schema.  Is
# sourced after lib.sh.
#
#   ldap_begin [NAME]    starts one (NAME: another one beside it), with an empty tree
#   ldap_pool FIRST LAST [BLOCK [NAME]]   adds a pool
#   ldap_user NAME UID   adds an account
#   ldap FILTER ATTRIBUTE...   what the directory has, "attribute: value" lines, sorted
#   ldap_change          ldapmodify with standard input, as the database's root
#   ldap_stop, ldap_again   stops it; starts it with what it has
#   ldap_backup, ldap_restore   saves what it has; makes it have that again
#   ldap389_begin        ns-slapd instead, of the Debian in $ldap_root
#   $ldap_uri, $ldap_tcp where it is; $ldap_pid its process; $ldap_dir its files
#   $ldap_root           a Debian of another release (tests/root.sh) whose slapd runs; ""
#   site_conf LINE...    subid.conf for it, and these lines

ldap_base=ou=subids,dc=example,dc=org

# Each test has a pid namespace of its own, but not a network: a port that nobody has.
free_port() {
	python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

ldap_admin=cn=admin,dc=example,dc=org ldap_password=admin ldap_server=slapd
ldap_root='' ldap_global='' ldap_more='' ldap_other=''

# As the server's root, with another one for whom its files have other names.
ldap_run() { # command...
	if [ -n "$ldap_root" ]; then
		start tests/root.sh enter "$ldap_root" "${@//$ldap_root/}"
	else
		start "$@"
	fi
	# shellcheck disable=SC2034
	ldap_pid=$started_pid
}

ldap_begin() { # [name]
	ldap_dir=${ldap_root:-$T}/ldap${1-}
	mkdir -p "$ldap_dir/db"
	# shellcheck disable=SC2034 # for the test
	ldap_uri=ldapi://${ldap_dir//\//%2f}%2fsocket
	ldap_port=${ldap_port_wanted:-$(free_port)}
	ldap_tcp=ldap://127.0.0.1:$ldap_port
	cp share/ldap/subid.schema "$ldap_dir"
	sed 's/^\t*//' >"$ldap_dir/slapd.conf" <<-END
		include /etc/ldap/schema/core.schema
		include /etc/ldap/schema/cosine.schema
		include /etc/ldap/schema/nis.schema
		include ${ldap_dir#"$ldap_root"}/subid.schema
		modulepath /usr/lib/ldap
		moduleload back_mdb
		pidfile ${ldap_dir#"$ldap_root"}/pid
		authz-regexp "gidNumber=[0-9]+[+]uidNumber=0,cn=peercred,cn=external,cn=auth" "cn=writer,dc=example,dc=org"
		$ldap_global
		database mdb
		suffix dc=example,dc=org
		rootdn cn=admin,dc=example,dc=org
		rootpw admin
		directory ${ldap_dir#"$ldap_root"}/db
		maxsize 1073741824
		dbnosync
		index objectClass,cn,uid,uidNumber,gidNumber,subidState,subidBlock,subidOwner,subUidNumber,subidRangeOwner eq
		limits dn.exact=cn=writer,dc=example,dc=org size.pr=1000 size.prtotal=unlimited
		limits dn.exact=cn=reader,dc=example,dc=org size.pr=1000 size.prtotal=unlimited
		access to attrs=userPassword by anonymous auth by * none
		access to dn.subtree=$ldap_base by dn.exact=cn=writer,dc=example,dc=org write by dn.exact=cn=reader,dc=example,dc=org read by * none
		access to * by * read
		$ldap_more
	END
	ldap_again
	[ -n "${ldap_empty-}" ] || ldap_fill
}

# The tree without what is given.
ldap_fill() {
	ldap_add <<-END
		dn: dc=example,dc=org
		objectClass: domain
		dc: example
	END
	ldap_fill_below
}

ldap_fill_below() {
	ldap_add <<-END
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

ldap_again() {
	if [ "$ldap_server" = 389 ]; then
		ldap_run sh /start389
	else
		ldap_run slapd -d 0 -h "${ldap_uri//${ldap_root//\//%2f}/} $ldap_tcp $ldap_other" -f "$ldap_dir/slapd.conf"
	fi
	wait_for ldapsearch -x -H "$ldap_tcp" -s base -b '' || echo "# the directory does not answer"
}

ldap_stop() {
	if [ "$ldap_server" = 389 ]; then
		kill -TERM "$(pgrep -P "$ldap_pid")" # it writes what it has
	elif [ -n "$ldap_root" ]; then
		kill -KILL "$ldap_pid"
	else
		kill -TERM "$ldap_pid"
	fi
	wait "$ldap_pid" 2>/dev/null
	# in a pid namespace of its own it may live a little longer than who made that
	wait_for ldap_is_gone || echo "# the directory does not end"
}
ldap_is_gone() { ! (: <>"/dev/tcp/127.0.0.1/$ldap_port"); }

ldap_backup() {
	ldap_stop
	rm -rf "$ldap_dir/backup"
	cp -a "$ldap_dir/db" "$ldap_dir/backup"
	ldap_again
}

ldap_restore() {
	ldap_stop
	rm -rf "$ldap_dir/db"
	cp -a "$ldap_dir/backup" "$ldap_dir/db"
	ldap_again
}

# 389 Directory Server, as its own tools make it; the schema and the access list are ours.
ldap389_begin() {
	ldap_server=389 ldap_admin='cn=Directory Manager' ldap_password=adminadmin
	ldap_port=$(free_port)
	ldap_tcp=ldap://127.0.0.1:$ldap_port
	# shellcheck disable=SC2034
	ldap_uri=$ldap_tcp
	cat >"$ldap_root/instance" <<-END
		[general]
		config_version = 2
		full_machine_name = localhost
		strict_host_checking = False
		systemd = False
		start = False
		[slapd]
		instance_name = subid
		root_password = $ldap_password
		port = $ldap_port
		self_sign_cert = False
		user = root
		group = root
		[backend-userroot]
		suffix = dc=example,dc=org
		create_suffix_entry = True
		sample_entries = no
	END
	cp "$BUILD/ldap/60subid.ldif" "$ldap_root"
	cat >"$ldap_root/start389" <<-END
		mkdir -p /run/dirsrv /run/lock/dirsrv/slapd-subid /var/log/dirsrv/slapd-subid
		exec ns-slapd -D /etc/dirsrv/slapd-subid -i /run/dirsrv/pid -d 0
	END
	tests/root.sh enter "$ldap_root" sh -c 'dscreate from-file /instance && cp /60subid.ldif /etc/dirsrv/slapd-subid/schema/' \
		>"$T/dscreate" 2>&1 || sed 's/^/# /' "$T/dscreate"
	ldap_dir=$ldap_root/var/lib/dirsrv/slapd-subid
	ldap_again
	# its own scheme takes a tenth of a second for each connection of each program
	ldap_change <<-END
		dn: cn=config
		changetype: modify
		replace: passwordStorageScheme
		passwordStorageScheme: SSHA512
		-
		replace: nsslapd-accesslog-logbuffering
		nsslapd-accesslog-logbuffering: off
	END
	ldap_fill_below
	sed 's/subid-reader/reader/g; s/subid-writer/writer/g' share/ldap/acl-389ds.ldif | ldap_change
	wait_for ldap389_indexed || echo "# the indexes are not built"
	mkdir -p /etc/subid.secrets
	for name in write read; do (umask 077; printf %s $name >/etc/subid.secrets/$name); done
}

ldap389_indexed() {
	[ "$(ldapsearch -x -LLL -H "$ldap_tcp" -D "$ldap_admin" -w "$ldap_password" \
		-s base -b cn=subid,cn=index,cn=tasks,cn=config nsTaskExitCode | grep -c 'nsTaskExitCode: 0')" = 1 ]
}

# The requests that ns-slapd could not answer by its indexes.
ldap389_unindexed() {
	local log=$ldap_root/var/log/dirsrv/slapd-subid/access
	grep -hE ' RESULT .* notes=([A-Z],)*[AU]' "$log"* | grep -oE 'conn=[0-9]+ op=[0-9]+ ' | sort -u >"$T/unindexed"
	grep -hF -f "$T/unindexed" "$log"* | grep ' SRCH '
}

ldap_add() {
	sed 's/^\t*//' | ldapadd -x -H "$ldap_tcp" -D "$ldap_admin" -w "$ldap_password" >/dev/null || echo "# ldapadd failed"
}

ldap_change() {
	sed 's/^\t*//' | ldapmodify -x -H "$ldap_tcp" -D "$ldap_admin" -w "$ldap_password" >/dev/null || echo "# ldapmodify failed"
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
	ldapsearch -x -LLL -o ldif-wrap=no -E pr=1000/noprompt -H "$ldap_tcp" -D "$ldap_admin" -w "$ldap_password" \
		-b "$ldap_base" "$@" | grep -v '^dn: \|^$\|^#' | sort
}

site_conf() { # line...
	local bind=external
	[ "$ldap_server" = slapd ] || bind="simple cn=writer,dc=example,dc=org password /etc/subid.secrets/write"
	printf '%s\n' "directory $ldap_uri" "base $ldap_base" "bind $bind" "$@" >/etc/subid.conf
}
