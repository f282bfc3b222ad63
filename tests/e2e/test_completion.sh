#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The completions of bash, zsh and fish offer the same, since they ask the same: what
# 'subid complete' knows from the tables of options.
. "$(dirname "$0")/lib.sh"

lines=('' un 'audit --f' 'audit --format ' 'list -' 'revoke ' 'revoke --range 1' 'config l' 'config lxc ' 'help do'
	'doctor --for ' 'unhold ' 'grant --color ' 'policy ' 'policy explain al' 'audit --rule overlap-o' 'share ' 'shift --to ')
plan $((3 * ${#lines[@]} + 8))

add_user alice
add_user bob
# shellcheck disable=SC2016 # a name as an attacker has it
printf '%s\n' alice:100000:65536 '!released:165536:10' -rf:500000:10 '$(touch${IFS}/etc/bad):400000:10' >/etc/subuid
cp /etc/subuid /etc/subgid

asked() { # line; what subid itself knows
	local words
	read -ra words <<<"$1"
	case $1 in *' ' | '') words+=('') ;; esac
	subid complete -- "${words[@]}" | cut -f 1 | sort | paste -sd ' '
}
# shellcheck disable=SC2016 # for the other shells
in_bash() {
	local words
	read -ra words <<<"subid $1"
	case $1 in *' ' | '') words+=('') ;; esac
	env -i PATH="$PATH" HOME=/root bash --norc -c '
		. /usr/share/bash-completion/bash_completion
		. "$0"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
		_subid
		printf "%s\n" "${COMPREPLY[@]}"' \
		"$PRE/share/bash-completion/completions/subid" "${words[@]}" | sort | paste -sd ' '
}
# shellcheck disable=SC2016
in_zsh() {
	env -i PATH="$PATH" HOME=/root LINE="subid $1" zsh -f -c '
		compadd() { shift 2; print -l -- "${(@P)1}" }
		functions -c compadd real 2>/dev/null
		compadd() { print -l -- "${(@P)${@[-1]}}" }
		_describe() { local one; for one in "${(@P)${@[-1]}}"; do print -r -- "${one%%:*}"; done }
		_files() { : }
		words=("${(@s: :)LINE}") CURRENT=${#words}
		source "$0"' "$PRE/share/zsh/site-functions/_subid" 2>&1 | sort | paste -sd ' '
}
in_fish() {
	env -i PATH="$PATH" HOME="$T" fish --no-config -c "source $PRE/share/fish/vendor_completions.d/subid.fish; complete -C 'subid $1'" 2>&1 |
		cut -f 1 | sort | paste -sd ' '
}
for line in "${lines[@]}"; do
	wanted=$(asked "$line")
	is "bash: subid $line" "$(in_bash "$line")" "$wanted"
	for shell in zsh fish; do
		if command -v $shell >/dev/null; then
			is "$shell: subid $line" "$(in_$shell "$line")" "$wanted"
		else
			skip 1 "release: no $shell here"
		fi
	done
done
is "what is begun" "$(asked un)" unhold
is "values of an option" "$(asked 'audit --format ')" "html json prometheus text"
is "held ranges" "$(asked 'unhold ')" "165536-165545"
is "with its meaning" "$(subid complete -- audit --fix)" $'--fix-plan\tprint the commands that are safe to run'
is "options of a command, with the common ones" "$(asked 'ps --')" "--color --help --json --no-pager --quiet --root --version"
is "nothing more behind a help's command" "$(asked 'help list ')" ""
is "files are the shell's" "$(asked 'audit -o ')" ":files"
ok "no name in a table is executed" test ! -e /etc/bad
