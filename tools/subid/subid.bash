# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of subid(1) for bash, loaded by bash-completion.  Commands and options
# come from --help, owners from the accounts of people and from the tables.

# Offers the words on standard input that begin with the current word.  Threat: the
# tables contain names that root did not choose, and compgen -W would expand them: only
# words without special characters are offered, and no operand that begins with '-'.
_subid_offer() {
	local word

	while IFS= read -r word; do
		[[ $word == "$cur"* && $word =~ ^[A-Za-z0-9_@.+/-]+$ ]] &&
			[[ $word != -* || $cur == -* ]] && COMPREPLY+=("$word")
	done
}

# The options in the --help of a command; without a command, the common options.
_subid_options() {
	command subid ${1:+"$1"} --help 2>/dev/null | grep -oE -- '^ +(-[a-z], )?--[a-z-]+' |
		grep -oE -- '-(-[a-z-]+|[a-z])\b'
}

_subid_commands() {
	command subid --help 2>/dev/null | sed -nE 's/^  ([a-z]+) .*/\1/p'
}

_subid_runtimes() {
	command subid config --help 2>/dev/null | sed -n 's/\..*//; s/^RUNTIME is //p' | grep -oE '[a-z]{3,}'
}

# The rows of the tables; $root is --root's directory, if any.
_subid_rows() {
	command subid ${root:+--root "$root"} list 2>/dev/null
}

# The owners of ranges, as written in the tables.
_subid_holders() {
	_subid_rows | awk '$6 == "granted" { print $1 }' | sort -u
}

# The containers of the owner in the current word, OWNER/NAME.
_subid_containers() {
	[[ $cur == */* ]] || return 0
	command subid ${root:+--root "$root"} list -- "${cur%%/*}" 2>/dev/null | awk '$6 == "leased" { print $1 }' | sort -u
}

# The stores of shared files, which root alone can list.
_subid_stores() {
	command subid share list 2>/dev/null | awk '{ print $1 }' | sort -u
}

# root, and accounts with the default uids of people.  Threat: an image's files are
# whatever somebody made them, so subid opens them, and not the shell.
_subid_people() {
	if [ -n "$root" ]; then
		command subid --root "$root" complete people 2>/dev/null
	else
		getent passwd | awk -F: '$3 == 0 || ($3 >= 1000 && $3 <= 60000) { print $1 }'
	fi
}

# Finds the command, --root and an operand before the cursor, and the option whose
# argument is the current word.
_subid_scan() {
	local i word

	for ((i = 1; i < cword; i++)); do
		word=${words[i]}
		if [ -n "$option" ]; then
			[ "$option" != --root ] || root=$word
			option=
			continue
		fi
		case $word in
		--root=*) root=${word#*=} ;;
		--root | --range | --count | --from | --to | --owner | --group | --keep-id | --for | --inside | -r | -c) option=$word ;;
		--format | --output | --fail-on | --rule | --ignore | --since | --explain | -o) option=$word ;;
		-*) ;;
		*) if [ -z "$command" ]; then command=$word; else operand=$word; fi ;;
		esac
	done
}

_subid_argument() {
	case $command$option in
	shift--from) option=--to ;;
	esac
	case $option in
	--root) _filedir -d ;;
	--to | --owner) _subid_offer < <({ _subid_holders; _subid_containers; [ "$option" = --owner ] || echo host; } | sort -u) ;;
	--for)
		case $command in
		share) _subid_offer < <(_subid_runtimes) ;;
		doctor) _subid_offer <<<$'podman\ndocker\nlxc\nincus\napptainer' ;;
		esac
		;;
	--from | --output | --since | -o) _filedir ;;
	--format) _subid_offer <<<$'text\njson\nhtml\nprometheus' ;;
	--fail-on) _subid_offer <<<$'info\nwarning\nerror\ncritical\nnever' ;;
	--rule | --ignore | --explain)
		_subid_offer < <(command subid audit --list-rules 2>/dev/null | awk '{ print $1 }')
		;;
	--group) _subid_offer < <(compgen -g) ;;
	-r | --range)
		[ "$command" != revoke ] ||
			_subid_offer < <(_subid_rows | awk '$6 == "granted" { print $3 "-" $4 }' | sort -u)
		;;
	esac
}

_subid() {
	# shellcheck disable=SC2034 # _init_completion sets prev
	local cur prev words cword root='' command='' operand='' option=''

	_init_completion -n := || return
	_subid_scan
	if [ -n "$option" ]; then
		_subid_argument
	elif [[ $cur == -* ]]; then
		_subid_offer < <(_subid_options "$command")
	else
		case $command in
		'') _subid_offer < <(_subid_commands) ;;
		list | grant | sync | status | doctor) _subid_offer < <({ _subid_people; _subid_holders; _subid_containers; } | sort -u) ;;
		revoke | rename | ps) _subid_offer < <({ _subid_holders; _subid_containers; } | sort -u) ;;
		id)
			case " ${words[*]} " in
			*' --inside'[\ =]*) _subid_offer < <(_subid_holders) ;;
			*) _filedir ;;
			esac
			;;
		config)
			if [ -z "$operand" ]; then _subid_offer < <(_subid_runtimes); else _subid_offer < <(_subid_holders); fi
			;;
		shift) _filedir -d ;;
		share)
			case $operand in
			'') _subid_offer <<<$'create\nmount\numount\nlist\ndestroy' ;;
			mount | umount | destroy) _subid_offer < <(_subid_stores) ;;
			*/*) _subid_offer < <({ _subid_holders; _subid_containers; } | sort -u) ;;
			esac
			;;
		policy) _subid_offer < <(if [ -z "$operand" ]; then printf '%s\n' check explain; else _subid_people; fi) ;;
		unhold) _subid_offer < <(_subid_rows | awk '$6 != "granted" { print $3 "-" $4 }' | sort -u) ;;
		esac
	fi
} &&
	complete -F _subid subid
