#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid status: what a user has, and what this host has.
. "$(dirname "$0")/lib.sh"
plan 26

schema=$PRE/share/subid/status.schema.json
valid() { # file
	python3 - "$schema" "$1" <<-'END'
		import json, jsonschema, sys
		schema, report = (json.load(open(name)) for name in sys.argv[1:])
		jsonschema.Draft7Validator.check_schema(schema)
		jsonschema.Draft7Validator(schema).validate(report)
	END
}
is_valid() { # name command...
	"${@:2}" >"$T/status.json"
	ok "$1: as the schema says" valid "$T/status.json"
}
get() { jq -c "$1" "$T/status.json"; }

# Only ours are people here.
awk -F: '$3 < 1000 || $3 > 60000' /etc/passwd >"$T/passwd" && cat "$T/passwd" >/etc/passwd
add_user alice
add_user bob
tables alice:100000:65536$'\n''!released:165536:1000'

expect "a user" 0 "alice *may run rootless containers
ranges      uid 100000-165535, 65,536 ids (/etc/subuid)
            gid 100000-165535, 65,536 ids (/etc/subgid)
leases      none
source      the tables
policy      give, by default: no rule names it; uid 1*
window      uid+gid 100000-600100000: 599,933,465 of 600,000,001 ids free, 9,154 ranges of 65536
helpers     $PRE/bin/newuidmap: setuid root
            $PRE/bin/newgidmap: setuid root
running     nothing" '' as alice subid status alice
expect "another user may ask" 0 'alice *' '' as bob subid status alice
is_valid "a user" subid --json status alice
is "the ranges" "$(get '[.may_run, .ranges[0].start, .ranges[1].kind, .helpers[0].privilege]')" '[true,100000,"gid","setuid root"]'
expect "one without" 1 "bob *cannot run rootless containers: it has no ranges; see 'subid doctor bob'*" '' subid status bob
is_valid "one without" subid --json status bob
is "why" "$(get '[.may_run, .why_not]')" '[false,"it has no ranges"]'
expect "nobody" 1 '' '*nosuch: no such account*' subid status nosuch
expect "an invalid name" 1 '' '*invalid owner name*' subid status 'a:b'
expect "two" 2 '' "*unexpected operand 'bob'*" subid status alice bob
expect "quiet: the status alone" 1 '' '' subid -q status bob
printf 'never user bob "no containers"\n' >/etc/subid.conf
like "the policy's verdict and rule" "$(subid status bob)" "*policy      never, by /etc/subid.conf:1: *no containers*"
rm /etc/subid.conf
subid -q grant alice/web --count 1000
like "leases" "$(subid status alice)" "*leases      web: uid 100000-100999, 1,000 ids*"
new_target alice
as alice newuidmap "$target" 0 100000 100
like "what runs" "$(subid status alice)" "*running *a user namespace*, process $target and 0 more*"
is_valid "what runs" subid --json status alice
is "its pid" "$(get '.running[0].pid')" "$target"
like "a helper without privilege" "$(chmod u-s "$PRE/bin/newuidmap" && PATH=$PRE/bin "$PRE/bin/subid" status alice)" \
	"*cannot run rootless containers: newuidmap or newgidmap cannot write a map*newuidmap: without privilege*"
chmod u+s "$PRE/bin/newuidmap"

# --- the host
expect "the host" 0 "subid       $(subid --version | cut -d ' ' -f 2)
users       1 with ranges, 1 without (bob)
lines       1 in each table
held        1,000 of each kind
window      uid+gid 100000-600100000: *
next        uid 166536-232071, gid 166536-232071
source      files
helpers     *
last audit  no complete one is known: sudo subid audit" '' subid status
is_valid "the host" subid --json status
is "users" "$(get '.users')" '{"with":1,"without":1,"first":["bob"]}'
subid audit >/dev/null
is_valid "after an audit" subid --json status
ok "when that was" test "$(($(date +%s) - $(date -d "$(get .last_audit | tr -d '"')" +%s)))" -lt 600
run as alice subid status
is "an ordinary user may see it" "$status" 0
mkdir -p "$T/image/etc"
printf 'alice:x:1001:1001::/:/bin/sh\n' >"$T/image/etc/passwd"
echo alice:100000:65536 | tee "$T/image/etc/subuid" >"$T/image/etc/subgid"
expect "an image's user" 0 "alice *may run rootless containers*" '' subid --root "$T/image" status alice
expect "an image" 0 "*users       1 with ranges, 0 without*" '' subid --root "$T/image" status
chmod 000 "$T/image/etc/subuid"
expect "a table that cannot be read" 3 '' '*subuid: Permission denied*' as bob subid --root "$T/image" status alice
