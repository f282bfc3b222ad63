#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each system call that grant and revoke make, from the first of their own to the
# last unlock, is made to fail, to fail from there on, and to be the one at which
# the process is killed (strace(1)).  After each: every table is whole, the old
# one or the new; the status and the message are true; and the same command, run
# again, ends what was begun, without waiting and without litter.
. "$(dirname "$0")/lib.sh"
plan 16

add_user alice -u 5001
export ASAN_OPTIONS=detect_leaks=0 # it traces, and so does strace
declare -A errors=(
	[openat]=EACCES [read]=EIO [write]=ENOSPC [fsync]=EIO [fdatasync]=EIO [renameat2]=EIO
	[renameat]=EIO [linkat]=EIO [unlinkat]=EIO [fchmod]=EPERM [fchown]=EPERM [fcntl]=ENOLCK
	[newfstatat]=EIO [fstat]=EIO [getdents64]=EIO [readlinkat]=EACCES [flistxattr]=EIO
	[fremovexattr]=EIO [close]=EIO # memory is for the unit tests
)
absent='(no such file)'
odd=$'# kept\nother:200000:10\nbroken:line\n\nx:0900:1' # and no newline at the end

# The bytes of a table, in $bytes.
get() { # subuid|subgid
	bytes=$absent
	[ ! -e "/etc/$1" ] || IFS= read -rd '' bytes <"/etc/$1" || true
}

put() { # bytes
	local table
	rm -f /etc/sub[ug]id*
	[ "$1" != "$absent" ] || return 0
	for table in subuid subgid; do printf '%s' "$1" >"/etc/$table"; done
}

# A point's verdict: prints what is wrong.
wrong() {
	echo "#   $command: $call $inject, call $n: $*; status $status: $(<"$T/err")"
	mistakes=$((mistakes + 1))
}

# Both tables after a command that was tampered with.
look() {
	local table whole=1
	new=0
	for table in subuid subgid; do
		get "$table"
		case $bytes in
		"$after") new=$((new + 1)) ;;
		"$before") ;;
		*) whole=0 && wrong "$table is neither old nor new: $bytes" ;;
		esac
	done
	[ $whole = 1 ] || return
	case $status in
	0) [ $new = 2 ] || wrong "done, it says" ;;
	137) killed=$((killed + 1)) ;;
	3)
		refused=$((refused + 1))
		case $(<"$T/err") in
		*"only one of subuid and subgid could be replaced"*)
			[ $new = 1 ] || wrong "one, it says"
			[ "$inject" = fails-on ] || wrong "it could have been put back"
			;;
		*"the change is made all the same"*) [ $new = 2 ] || wrong "made, it says" ;;
		subid:*) [ $new = 0 ] || wrong "not done, it says" ;;
		*) [ "$call $inject" = "write fails-on" ] || wrong "no message" ;;
		esac
		;;
	*) wrong "what status is that?" ;;
	esac
}

# The same command untampered with: ends at once, and all is as it should be.
again() {
	local start=${EPOCHREALTIME/./} file
	# shellcheck disable=SC2086 # words
	timeout 10 $command >/dev/null 2>"$T/err"
	status=$?
	[ $((${EPOCHREALTIME/./} - start)) -lt 3000000 ] || wrong "the next run waited"
	# 1: there is nothing left to revoke
	[ "$status" = 0 ] || [ "$status$verb" = 1revoke ] || wrong "the next run failed"
	for file in subuid subgid; do
		get "$file"
		[ "$bytes" = "$after" ] || wrong "$file after the next run: $bytes"
	done
	for file in /etc/sub[ug]id[!-]*; do
		# a draft, or the old file under another name, stays until the next change
		case $new$file in 0* | *[!+=]) [ ! -e "$file" ] || wrong "litter: $file" ;; esac
	done
}

# Which calls the command makes between its first and its last unlock: for each
# name the number before (in first) and up to there (in last).
declare -A first last
count_calls() {
	local name line begun=
	first=() last=()
	put "$before"
	# shellcheck disable=SC2086
	strace -o "$T/trace" "${tamper[@]}" $command >/dev/null || return 1
	while IFS= read -r line; do
		name=${line%%(*}
		case $line in 'openat(AT_FDCWD, "/etc", '*) begun=1 ;; esac
		[ -n "${errors[$name]-}" ] || continue
		if [ -z "$begun" ]; then
			first[$name]=$((${first[$name]-0} + 1))
		else
			last[$name]=$((${last[$name]-${first[$name]-0}} + 1))
		fi
		case $line in 'unlinkat('*'"subuid.lock"'*) break ;; esac
	done <"$T/trace"
	get subuid
	after=$bytes
}

try_point() { # what strace does
	put "$before"
	# shellcheck disable=SC2086
	{ strace -qq -o /dev/null -e trace="$call,renameat2" "${tamper[@]}" -e inject="$call:$1" \
		$command >/dev/null 2>"$T/err"; } 2>/dev/null
	status=$?
	points=$((points + 1))
	look
	again
}

sweep() { # name, table before, glob of the table after, command
	local name=$1 call n inject points=0 mistakes killed refused total=0
	before=$2 command=$4 verb=${4#subid } verb=${verb%% *}
	count_calls
	like "$name: untampered with" "$after" "$3"
	for inject in fails fails-on kills; do
		mistakes=0 killed=0 refused=0 points=0
		for call in "${!last[@]}"; do
			[ "$call" != renameat2 ] || [ ${#tamper[@]} = 0 ] || continue
			for ((n = ${first[$call]-0} + 1; n <= last[$call]; n++)); do
				case $inject in
				fails) try_point "error=${errors[$call]}:when=$n" ;;
				fails-on) try_point "error=${errors[$call]}:when=$n..${last[$call]}" ;;
				kills) try_point "signal=KILL:when=$n" ;;
				esac
			done
		done
		total=$((total + points))
		case $inject in
		kills) [ "$killed" = "$points" ] ;;
		*) [ "$refused" -gt 30 ] ;;
		esac && [ "$mistakes" = 0 ] && [ "$points" -gt 60 ]
		result $? "$name: $points calls, each $inject, $refused times refused"
	done
	echo "# $name: $total points"
}

tamper=()
sweep "grant" "$odd" "$odd"$'\nalice:100000:65536\n' "subid grant alice"
sweep "revoke" "$odd"$'\nalice:100000:65536\n' "$odd"$'\n!released:100000:65536\n' \
	"subid revoke alice"
sweep "grant, no tables yet" "$absent" $'alice:100000:65536\n' "subid grant alice"

# as on NFS
tamper=(-e "inject=renameat2:error=EINVAL")
sweep "grant, names cannot be exchanged" "$odd" "$odd"$'\nalice:100000:65536\n' "subid grant alice"
