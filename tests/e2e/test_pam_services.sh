#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# First logins through the real services: pam-auth-update puts the module into their
# stacks; sshd, su, login, cron and at open the sessions.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pam.sh"
plan 27

rm -rf /etc/subid.conf /etc/subid.conf.d
sed -i '/^\(UID_M\|SUB_\)/d' /etc/login.defs
for user in keyed typed sued logged crony later silent; do add_user "$user" -s /bin/sh; done
tables ""
has_range() { grep -q "^$1:[0-9]*:65536$" /etc/subuid && grep -q "^$1:[0-9]*:65536$" /etc/subgid; }

# --- as Debian puts it there -----------------------------------------------------------

for dir in /usr/share/pam-configs /var/lib/pam; do
	mkdir -p "$T/copy$dir"
	cp -a "$dir/." "$T/copy$dir"
	mount --bind "$T/copy$dir" "$dir"
done
cp "$PRE/share/pam-configs/subid" /usr/share/pam-configs/subid
ok "pam-auth-update takes the profile" pam-auth-update --package
for stack in common-session common-session-noninteractive; do
	like "it is in $stack" "$(<"/etc/pam.d/$stack")" "*
session	optional	$MODULE*"
done
is "before pam_systemd" "$(grep -oE 'pam_(subid|systemd)' /etc/pam.d/common-session | paste -sd ' ')" "pam_subid pam_systemd"
# it would wait for a bus that is not there
sed -i '/pam_systemd/d' /etc/pam.d/common-*

# --- su, login -------------------------------------------------------------------------

not_ok "nobody has a range yet" grep -q . /etc/subuid
run su - sued -c 'echo in'
like "su -" "$status:$out" "0:*in*"
ok "its user has a range" has_range sued
run su - sued -c 'echo in'
is "the second time nothing is said" "$status:$out" "0:in"
# Some login(1) hang up the terminal first, so that what was typed before is lost, and who
# reads its other end meets an error.
timeout 60 python3 - login -f logged <<'EOF'
import os, pty, select, sys

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
while os.waitpid(pid, os.WNOHANG) == (0, 0):
    try:
        os.write(terminal, b"exit\n")
        if select.select([terminal], [], [], 0.2)[0]:
            os.read(terminal, 65536)
    except OSError:
        select.select([], [], [], 0.1)
EOF
ok "login" has_range logged
ok "its log" has_logged "range for \"logged\" (uid *): uid+gid *"

# --- sshd ------------------------------------------------------------------------------

ssh-keygen -q -t ed25519 -N '' -f "$T/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$T/key"
mkdir -p "$T/home/keyed/.ssh"
cp "$T/key.pub" "$T/home/keyed/.ssh/authorized_keys"
chown -R keyed "$T/home/keyed/.ssh"
chmod 755 "$T" "$T/home"
echo 'typed:a good password' | chpasswd
cat >"$T/sshd_config" <<END
ListenAddress 127.0.0.1
HostKey $T/host_key
UsePAM yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
StrictModes no
PidFile none
END
# a port that nobody has, and then our own sshd by its key: others may run here
for _ in {1..20}; do
	port=$((20000 + RANDOM % 30000))
	start /usr/sbin/sshd -D -e -p "$port" -f "$T/sshd_config" 2>"$T/sshd.log"
	wait_for grep -qE 'Server listening|Cannot bind' "$T/sshd.log"
	! grep -q 'Server listening' "$T/sshd.log" || break
done
echo "sshd $(<"$T/host_key.pub")" >"$T/known"
ssh_options=(-F none -p "$port" -o HostKeyAlias=sshd -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$T/known" -o LogLevel=ERROR)
run ssh "${ssh_options[@]}" -o BatchMode=yes -i "$T/key" keyed@127.0.0.1 'echo in'
is "sshd, with a key" "$status:$out" "0:in"
ok "its user has a range" has_range keyed
run sshpass -p 'a good password' ssh "${ssh_options[@]}" -o PubkeyAuthentication=no typed@127.0.0.1 'grep -c ^typed: /etc/subuid'
is "sshd, with a password: the range is there before the shell" "$status:$out" "0:1"
ok "and in both tables" has_range typed
run sshpass -p wrong ssh "${ssh_options[@]}" -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 silent@127.0.0.1 true
not_ok "who does not get in gets none" has_range silent
run ssh "${ssh_options[@]}" -o BatchMode=yes -i "$T/key" keyed@127.0.0.1 'echo in'
is "a second login" "$status:$out" "0:in"

# --- cron, at: silent, and atd with uid 1 ------------------------------------------------

mkdir -p "$T/cron"
cp -a /var/spool/cron/. "$T/cron"
mount --bind "$T/cron" /var/spool/cron
rm -f /var/spool/cron/crontabs/* /var/spool/cron/atjobs/*
rm -rf /etc/cron.d/* /etc/crontab
echo "@reboot grep -c ^crony: /etc/subuid >$T/home/crony/out 2>&1" | crontab -u crony -
start cron -f
ok "cron" wait_for test -s "$T/home/crony/out"
is "has the range before the job" "$(<"$T/home/crony/out")" 1
ok "in both tables" has_range crony
start atd -f
wait_for test -s /run/atd.pid
(cd / && as later at now <<<"grep -c ^later: /etc/subuid >$T/home/later/out 2>&1") >/dev/null 2>&1
ok "at" wait_for test -s "$T/home/later/out"
is "has the range before the job, too" "$(<"$T/home/later/out")" 1
ok "in both tables" has_range later

# --- who is known to the name service alone ------------------------------------------------

mkdir -p /var/lib/extrausers
mount -t tmpfs -o mode=755 extrausers /var/lib/extrausers
sed -i -e '/^passwd:/s/.*/passwd: files extrausers/' -e '/^group:/s/.*/group: files extrausers/' \
	-e '/^shadow:/s/.*/shadow: files extrausers/' /etc/nsswitch.conf
echo 'direct:x:7001:7001::/:/bin/sh' >/var/lib/extrausers/passwd
echo 'direct:*:19000:0:99999:7:::' >/var/lib/extrausers/shadow
echo 'team:x:7001:' >/var/lib/extrausers/group
run su - direct -c 'echo in'
like "an account of another source" "$status:$out" "0:*in*"
ok "has a range" has_range direct
echo 'never group team' >/etc/subid.conf
sed -i '/^direct/d' /etc/subuid /etc/subgid
run su - direct -c 'echo in'
is "unless policy is against it, by a group of that source" "$status:$out:$(grep -c direct /etc/subuid)" "0:in:0"
rm /etc/subid.conf

# --- ranges that come from elsewhere --------------------------------------------------------

echo 'subid: sss' >>/etc/nsswitch.conf
forget_log
run su - direct -c 'echo in'
is "ranges from elsewhere: nothing is given" "$status:$out:$(grep -c direct /etc/subuid)" "0:in:0"
su - direct -c true
su - silent -c true
is "which is said once" "$(grep -c "nsswitch.conf says 'subid: sss'" "$T/log")" 1
