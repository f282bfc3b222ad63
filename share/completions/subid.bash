# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of subid(1) for bash, loaded by bash-completion.  subid itself knows what
# the word may become, from its tables of options: this only asks.

_subid() {
	# shellcheck disable=SC2034 # _init_completion sets prev
	local cur prev words cword line

	_init_completion -n := || return
	while IFS= read -r line; do
		case $line in
		:files) _filedir ;;
		:dirs) _filedir -d ;;
		*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done < <(command subid complete -- "${words[@]:1:cword}" 2>/dev/null)
} &&
	complete -F _subid subid
