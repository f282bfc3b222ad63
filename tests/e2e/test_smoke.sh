#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The straight way: a user gets a range, and unshare maps it through our helpers.
. "$(dirname "$0")/lib.sh"
plan 4

add_user alice
: >/etc/subuid
: >/etc/subgid
run subid grant alice
is "grant says what it gave" "$out" "alice uid 100000 165535 65536 new
alice gid 100000 165535 65536 new"
is "one line in each table" "$(cat /etc/subuid /etc/subgid)" "alice:100000:65536
alice:100000:65536"
run as alice unshare --map-auto --map-root-user cat /proc/self/uid_map
# all but one, or, from util-linux 2.42 on, all
like "unshare maps the range" "$(echo "$out" | tr -s ' ')" " 0 $(id -u alice) 1
 1 100000 6553[56]"
ok "no lock is left" test ! -e /etc/subuid.lock -a ! -e /etc/subgid.lock
