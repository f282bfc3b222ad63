#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The examples for SELinux and AppArmor compile.  Loading them is not tried here: this
# kernel may have neither.
. "$(dirname "$0")/lib.sh"
plan 8

examples=$PRE/share/doc/subid/examples
cd "$T" || exit 1
ok "the SELinux module compiles" checkmodule -M -m -o subid_login.mod "$examples/subid_login.te"
ok "and is packed with its contexts" semodule_package -o subid_login.pp -m subid_login.mod -f "$examples/subid_login.fc"
ok "a package is there" test -s subid_login.pp
is "the program has the type that the module is about" "$(cut -d: -f3 "$examples/subid_login.fc")" subid_login_exec_t
like "it is about the program as installed" "$(<"$examples/subid_login.fc")" "$PRE/bin/subid	*"
for page in subid_login.te subid; do
	like "$page says that it was never loaded" "$(tr '\n' ' ' <"$examples/$page")" "*never loaded by us*"
done
ok "the AppArmor profile compiles" apparmor_parser --skip-kernel-load --skip-cache "$examples/subid"
