#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each command's JSON is as its schema in share/ says.  (audit, share, shift, status and
# doctor have theirs looked at in tests of their own.)
. "$(dirname "$0")/lib.sh"
plan 20

add_user alice
tables
valid() { # schema file
	python3 - "$PRE/share/subid/$1.schema.json" "$2" <<-'END'
		import json, jsonschema, sys
		schema, report = (json.load(open(name)) for name in sys.argv[1:])
		jsonschema.Draft7Validator.check_schema(schema)
		jsonschema.Draft7Validator(schema).validate(report)
		for value in report.values():  # there is something to look at
		    assert value != [], report
	END
}
is_valid() { # schema name command...
	subid --json "${@:3}" >"$T/out.json" 2>"$T/said"
	ok "$2: ${*:3}" valid "$1" "$T/out.json"
}
refuses() { # schema document: a schema that takes all is none
	echo "$2" >"$T/out.json"
	not_ok "the schema $1 refuses $2" valid "$1" "$T/out.json"
}
is_valid ranges grant grant alice
is_valid ranges "again: kept" grant alice
is_valid ranges lease grant alice/web --count 1000
is_valid ranges list list
is_valid ranges "columns" list -o owner,count
is_valid ranges hold hold 1000000:10
is_valid ranges unhold unhold 1000000:10
is_valid id id id 100005
is_valid id "inside" id --inside 5 alice/web
is_valid config config config lxc alice/web
is_valid policy "policy explain" policy explain alice
printf 'give user nosuch\n' >/etc/subid.conf
is_valid policy "policy check" policy check
rm /etc/subid.conf
new_target alice
as alice newuidmap "$target" 0 100000 10
is_valid ps ps ps alice
end "$target"
is_valid ranges revoke revoke alice/web
is_valid ranges revoke revoke alice
is_valid released released list --released
refuses ranges '{"ranges": [{"owner": "a", "kind": "pid"}]}'
refuses id '{"ids": [{"kind": "uid"}]}'
refuses ps '{"processes": [{"pid": "1"}]}'
refuses config '{"runtime": "lxc"}'
