# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # used by, and from, the tests
# What the tests have that attack the helpers: alice and bob, maps that are hers and
# not hers, and ways to call a helper in a bad moment.  $mode says how the helpers are
# installed.

add_user alice -u 2001
add_user bob -u 2002
for table in /etc/subuid /etc/subgid; do
	printf '%s\n' alice:100000:65536 bob:200000:65536 root:300000:65536 >$table
done
chmod 755 "$T"
good="0 100000 10"    # a map that alice may have
evil="0 200000 10"    # and one that she may not
mine="0 2001 1"       # which denies setgroups, as a gid_map

# What became of $target: the maps, and whether setgroups is allowed.
state_of() { # kind
	printf '%s' "$status [$(map_of "$1" "$target")] $(cat "/proc/$target/setgroups")"
}

# Calls newuidmap for a fresh process in a hostile way; %s is "newuidmap PID MAP".
hostile() { # map command-with-%s
	new_target alice
	local command
	# shellcheck disable=SC2059 # a format is meant
	printf -v command "$2" "$PRE/bin/newuidmap $target $1"
	run as alice bash -c "$command"
	state=$(state_of uid)
	end "$target"
}

# Neither the environment nor the process may turn a no into a yes, or a yes into
# another map than was asked for.
unmoved() { # name command-with-%s
	local got
	hostile "$good" "$2"
	got=$state
	hostile "$evil" "$2"
	is "$mode: $1" "$got, $state" "0 [$good] allow, 1 [] allow" || echo "# $out"
}

# It may not work, but it is all or nothing.
all_or_nothing() { # name command-with-%s
	local got
	hostile "$good" "$2"
	got=$state
	hostile "$evil" "$2"
	case $got in "0 [$good] allow" | [1-9]*" [] allow") got=fine ;; esac
	case $state in [1-9]*" [] allow") state=fine ;; esac
	[ "$got, $state" = "fine, fine" ] || wrong+="$1: $got, $state; "
}

# A helper under strace, which root runs so that the privilege stays, stopped
# behind its Nth call of a system call: $helper is its pid.
stop_at() { # call N user helper argument...
	local call=$1 n=$2 user=$3
	shift 3
	rm -f "$T/trace"
	start strace -qq -o "$T/trace" -u "$user" -e "trace=$call" -e "inject=$call:signal=STOP:when=$n" "$@" \
		2>"$T/said"
	tracer=$started_pid
	is_stopped() {
		helper=$(pgrep -P "$tracer") && grep -q '^State:.*[Tt] ' "/proc/$helper/status" &&
			[ "$(grep -c "^$call.* = " "$T/trace")" = "$n" ] && grep -q 'stopped by SIGSTOP' "$T/trace"
	}
	wait_for is_stopped || echo "# not stopped: $(cat "$T/trace" "$T/said")"
}

stop_at_capset() { stop_at capset "$@"; }

go_on() {
	kill -CONT "$helper" || {
		ps -eo pid,ppid,stat,args | sed 's/^/# /'
		kill -KILL "$tracer" # which would be waited for to the end
	}
	wait "$tracer"
	status=$?
}
