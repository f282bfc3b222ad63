#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2001,SC2086 # names have no blanks
# The first example of subid-share(1), typed line by line.
[ $$ = 1 ] || exec unshare --pid --fork --kill-child --mount-proc bash "$0"
. "$(dirname "$0")/lib.sh"
plan 16

# Its homes and /srv are ours.
mkdir -p "$T/home" "$T/srv"
mount --bind "$T/home" /home
mount --bind "$T/srv" /srv
chmod 755 "$T"
awk '/^\.Sh EXAMPLES/ { found = 1 } /^\.Ed/ { on = 0; found = 0 } on { print } found && /^\.Bd/ { on = 1 }' man/subid-share.1 >"$T/lines"
type_line() { # the user's shell, in the home
	local line=$1
	case $line in
	'# '*) bash -c "${line#\# }" ;;
	*'$ '*) as "${line%%\$ *}" sh -c "cd /home/${line%%\$ *} && ${line#*\$ }" ;;
	esac </dev/null
}
is "the section has its lines" "$(grep -cE '^(#|alice\$|bob\$) ' "$T/lines")" 11
while IFS= read -r line; do
	case $line in
	'bob$ '*) # bob does what alice did, for his own container
		delegate_cgroup bob
		ok "bob: the same" as bob sh -c 'cd /home/bob && subid config lxc bob >db.conf && echo lxc.net.0.type = empty >>db.conf &&
			lxc-create -n db -f db.conf -t busybox && lxc-start -n db'
		;;
	esac
	case $line in
	'# useradd'*)
		ok "$line" type_line "$line"
		for name in alice bob; do install -d -m 700 -o $name "/run/user/$(id -u $name)"; done
		delegate_cgroup alice
		;;
	'# '*) ok "$line" type_line "$line" ;;
	*'$ '*)
		out=$(type_line "$line" 2>&1)
		result $? "$line" || sed 's/^/#   /' <<<"$out"
		;;
	'lxc.mount.entry'*) is "and says" "$out" "$line" ;;
	# of a listing the owners, the size and the name
	*) is "and sees" "$(awk '{ print $1, $3, $4, $5, $9 }' <<<"$out" | grep cat)" "$(awk '{ print $1, $3, $4, $5, $9 }' <<<"$line")" ;;
	esac
done <"$T/lines"
is "both have written" "$(as alice lxc-attach -n web -- cat /srv/pictures/cat </dev/null | paste -sd ' ')" "cat dog"
for pair in alice:web bob:db; do as "${pair%:*}" lxc-stop -k -n "${pair#*:}"; done
umount -l /home /srv
