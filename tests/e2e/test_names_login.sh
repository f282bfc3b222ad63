#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# With libnss_subid on, nobody logs in by the name of a subordinate id: su, sshd with a
# key that root has put there, cron and at.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pam.sh"
plan 13

add_user alice -s /bin/sh
tables "alice:100000:65536"
[ -n "${NAMES-}" ] || names_on
sed -i '/pam_systemd/d' /etc/pam.d/common-*
chmod 755 "$T" "$T/home"
is "there is the name" "$(id -u alice+100033)" 100033

# --- su ----------------------------------------------------------------------------------

run as alice sh -c 'echo | su alice+100033 -c id'
like "su, as a user" "$status $out" "1 *su: Authentication failure*"
run su alice+100033 -c id
like "as root" "$status $out" "1 *This account is currently not available.*"
run su - alice+100033 -c id
like "as root, a login" "$status $out" "1 *This account is currently not available.*"

# --- sshd --------------------------------------------------------------------------------

ssh-keygen -q -t ed25519 -N '' -f "$T/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$T/key"
mkdir "$T/keys"
cp "$T/key.pub" "$T/keys/alice"
cp "$T/key.pub" "$T/keys/alice+100033"
cat >"$T/sshd_config" <<END
ListenAddress 127.0.0.1
HostKey $T/host_key
AuthorizedKeysFile $T/keys/%u
UsePAM yes
KbdInteractiveAuthentication no
StrictModes no
PidFile none
END
for _ in {1..20}; do
	port=$((20000 + RANDOM % 30000))
	start /usr/sbin/sshd -D -e -p "$port" -f "$T/sshd_config" 2>"$T/sshd.log"
	wait_for grep -qE 'Server listening|Cannot bind' "$T/sshd.log"
	! grep -q 'Server listening' "$T/sshd.log" || break
done
echo "sshd $(<"$T/host_key.pub")" >"$T/known"
ssh_options=(-F none -p "$port" -o HostKeyAlias=sshd -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$T/known" -o LogLevel=ERROR -o BatchMode=yes)
run ssh "${ssh_options[@]}" -i "$T/key" alice@127.0.0.1 'echo in'
is "sshd, with a key: the account" "$status:$out" "0:in"
run ssh "${ssh_options[@]}" -i "$T/key" alice+100033@127.0.0.1 'echo in'
like "not the id, even if root has put the key there" "$status:$out" "1:*This account is currently not available.*"
run ssh "${ssh_options[@]}" -o PubkeyAuthentication=no alice+100033@127.0.0.1 'echo in'
like "nor without one" "$status:$out" "255:*Permission denied*"
rm "$T/keys/alice+100033"
run ssh "${ssh_options[@]}" -i "$T/key" alice+100033@127.0.0.1 'echo in'
like "without root's doing there is no key" "$status:$out" "255:*Permission denied*"

# --- cron, at: what runs as a subordinate id is in a user namespace, where neither becomes
# privileged ----------------------------------------------------------------------------------

mkdir -p "$T/cron"
cp -a /var/spool/cron/. "$T/cron"
mount --bind "$T/cron" /var/spool/cron
rm -f /var/spool/cron/crontabs/* /var/spool/cron/atjobs/*
rm -rf /etc/cron.d/* /etc/crontab
inside() { # command: as the id 100033 of the host, in alice's namespace
	as alice timeout 60 unshare --user --map-auto --map-root-user setpriv --reuid 33 --regid 33 --clear-groups sh -c "$1"
}
like "there are such processes" "$(inside 'cat /proc/self/uid_map; id -u')" $'*\n33'
run inside "id -un; echo '* * * * * touch $T/home/alice/cron' | crontab -"
is "crontab" "$(ls -A /var/spool/cron/crontabs)" ""
run inside "echo 'touch $T/home/alice/at' | at now"
is "at" "$(find /var/spool/cron/atjobs -type f ! -name .SEQ)" ""
like "who lets in by name alone is told so" "$(getent passwd alice+100033)" "*:!\*:*:/usr/sbin/nologin"
is "and no record of a password" "$(getent shadow alice+100033)" ""
