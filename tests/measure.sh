#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The marks of a good house, measured: each figure beside its mark; exits with 1 if one
# is over.  A figure that is not under its mark yet has a limit, so that it does not grow:
# who brings it down lowers the limit, and who is under the mark removes it.
# `make measure` calls it, and test_measure, with what is built in the environment:
#
#     BUILD, CC, CPP    where the objects are, the compiler as it made them, its -D and -I
#     LIB_HEADERS       the headers that are installed
#     PRODUCT_SRC       every source of the library, the programs and the module
#     HELPER_SRC, MODULE_SRC   newuidmap's and the PAM module's own sources
#
# With -v it also lists what was counted of newuidmap and of the module, the longest and
# the most branching functions, and the circles.
set -eu
verbose=${1-} scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
over=0

mark() { # NAME FIGURE MARK [LIMIT]
	local limit=${4:-$3} kept=yes
	if [ "$2" -gt "$limit" ]; then
		kept="over" over=1
	elif [ "$2" -gt "$3" ]; then
		kept="not yet, at most $limit"
	fi
	printf '%-48s %8d %8d  %s\n' "$1" "$2" "$3" "$kept"
}

# The marks on size are those of the house before what came later, new features, each in
# files of its own: the ledger, shadow's library, the directory, storage and shares, limits
# of what a look may cost, one's own namespace, names for ids.
later='^libsubid/(ledger/|shadow/|names/|accounts/(listing|beyond)\.c|accounts/private\.h|audit/(advice(_move|_stop)?|former|free|merge|rules_many|rules_namespace|rules_storage|rules_window)\.c|change/(own|known|settled|hiders|untold|history(_commit)?|hand_over|left|sought|held)\.c|live/(idmapped|limit|hiding)\.c|trace/join\.c|core/why\.c|tables/by_id\.c)'
later+='|^libsubid/(policy/conf_directory\.c|(change|runtimes)/shares\.c)|^tools/subid-(ldap|compat)/|^nss/'
later+='|^tools/subid/(storage/|share/|(cmd_)?sh(ift|are)|trace_files|cmd_(sync|rename|complete)|directory|login_directory|runtime_config_mounts)'
later+='|^tools/subid/(login_source|login_words|(audit_directory|grant_options|report/save|report/verdict|report/html_owners|report/html_zoom)\.)|^libsubid/audit/rules_directory\.c'
later+='|^tools/subid/(advice|former|unhold_search)\.|^libsubid/(core/why|change/rests|change/(prepared|holds|aligned)|policy/login_defs_econf)\.c'
later+='|^tools/subid/(doctor/|cmd_(doctor|status)|status|pager|near|complete_|rows_table)'
later+='|^libsubid/change/(home_reader|root_leases)\.c'
later+='|^libsubid/audit/library\.c|^tools/getsubids/uid_argument\.|^tools/subid/foreign_library\.'
later+='|^libsubid/change/(lease_(history|look)|history_say|former|room|broken)\.c'
# The limit on lines rose once, by 2,500: help, undo, causes and advice of the audit stand in
# files of the house, too.
count_files() { find "$1" -name '*.[ch]' | grep -cvE "$later" || :; }

list() { [ -z "$verbose" ] || sed 's/^/    /' "$1"; }

object() { printf "$BUILD/%s\n" "${@/%.c/.o}"; }

# What a program of these sources draws from the library, by the linker's map: sources.
# The archive is made anew, a thin one, since the map then has the members' paths.
drawn() { # PROGRAM FLAG... -- SOURCE...
	local program=$1 flags=()
	shift
	while [ "$1" != -- ]; do flags+=("$1"); shift; done
	shift
	# shellcheck disable=SC2046,SC2086 # no path of ours has blanks; CC may be two words
	$CC "${flags[@]}" -o "$scratch/$program" $(object "$@") "$scratch/library.a" \
		-Wl,--as-needed -lpam -Wl,-Map,"$scratch/$program.map"
	sed -n '/^Archive member/,/^[A-Z].* /{s|^.*/\(libsubid/[a-z/_]*\)\.o$|\1.c|p}' "$scratch/$program.map" |
		sort -u
}

# The sources and every header of ours that they include.
with_headers() {
	# shellcheck disable=SC2086 # CPP is words
	for source in "$@"; do eval "$CC $CPP -MM $source"; done |
		tr -s ' \\\n' '\n' | grep '\.[ch]$' | sort -u
}

# Files whose functions call each other in a circle: a line for each such circle.
circles() {
	nm -A -P "$@" | awk '
		function walk(from, start,	to) {
			for (to in at)
				if ((from " " to) in calls && !((start " " to) in reaches)) {
					reaches[start " " to] = 1
					walk(to, start)
				}
		}
		BEGIN { n = 0 }
		{ sub(/:$/, "", $1); at[$1] = 1 }
		$3 == "T" { defined[$2] = $1 }
		$3 == "U" { from[n] = $1; name[n++] = $2 }
		END {
			for (i = 0; i < n; i++)
				if (name[i] in defined)
					calls[from[i] " " defined[name[i]]] = 1
			for (file in at)
				walk(file, file)
			for (file in at) {
				circle = ""
				for (other in at)
					if ((file " " other) in reaches && (other " " file) in reaches &&
					    file != other && !(other in counted))
						circle = circle " " other
				counted[file] = 1
				if (circle != "" && !(file in shown)) {
					print file circle
					split(circle, others, " ")
					for (i in others)
						shown[others[i]] = 1
				}
			}
		}' | sed "s|$BUILD/libsubid/||g"
}

read -ra product <<< "$PRODUCT_SRC"
read -ra headers <<< "$LIB_HEADERS"
read -ra helper <<< "$HELPER_SRC"
read -ra module <<< "$MODULE_SRC"
mapfile -t library < <(printf '%s\n' "${product[@]}" | grep '^libsubid/')
mapfile -t ours < <(find libsubid tools pam nss -name '*.[ch]' | sort)
# shellcheck disable=SC2046
ar rcsT "$scratch/library.a" $(object "${library[@]}" | sed "s|^|$PWD/|; s|^$PWD//|/|")

# shellcheck disable=SC2046
set -- $(drawn newuidmap -pie -- "${helper[@]}")
with_headers "${helper[@]}" "$@" > "$scratch/newuidmap.files"
# shellcheck disable=SC2046
set -- $(drawn pam_subid -shared -Wl,--version-script,pam/pam_subid.map -- "${module[@]}")
printf '%s\n' "${module[@]}" "$@" > "$scratch/module.files"

# pmccabe: modified and plain complexity, statements, first line, lines, FILE(LINE): NAME
pmccabe "${product[@]}" > "$scratch/functions"
sort -n -k5,5 "$scratch/functions" > "$scratch/by_length"
p90=$(awk '{ lines[NR] = $5 } END { print lines[int(NR * 0.9 + 0.5)] }' "$scratch/by_length")

printf '%-48s %8s %8s\n' "" figure mark
mark 'exported symbols' "$(grep -c '^	subid_' libsubid/libsubid-ng.map)" 60
mark 'installed headers' "${#headers[@]}" 1
mark 'files of libsubid/' "$(count_files libsubid)" 80 108
mark 'files of tools/' "$(count_files tools)" 45
mark 'newuidmap: files, with the library and headers' "$(wc -l < "$scratch/newuidmap.files")" 20
mark 'newuidmap: their lines' "$(xargs cat < "$scratch/newuidmap.files" | wc -l)" 3800
[ -z "$verbose" ] || xargs wc -l < "$scratch/newuidmap.files" | sed 's/^/    /'
mark 'the PAM module: linked objects' "$(wc -l < "$scratch/module.files")" 15
list "$scratch/module.files"
mark 'lines of the product' "$(printf '%s\n' "${ours[@]}" | grep -vE "$later" | xargs cat | wc -l)" 33500 50060
printf '%-48s %8d\n' '    with what came later' "$(cat "${ours[@]}" | wc -l)"
mark 'function length, 90th percentile' "$p90" 27
[ -z "$verbose" ] || tail -n 5 "$scratch/by_length" | sed 's/^/    /'
mark 'cyclomatic complexity, most' "$(sort -n -k2,2 "$scratch/functions" | tail -n 1 | cut -f 2)" 22
[ -z "$verbose" ] || sort -n -k2,2 "$scratch/functions" | tail -n 5 | sed 's/^/    /'
tests/includes.sh "${product[@]}" "${ours[@]}" 2> "$scratch/upward" || :
mark 'includes against the order of folders' \
	"$(($(wc -l < "$scratch/upward") + $(grep -c -- ' -> ' <<< "${INCLUDES-}" || :)))" 0
list "$scratch/upward"
# shellcheck disable=SC2046
circles $(object "${library[@]}") > "$scratch/circles"
mark 'circles of calls between files of the library' "$(wc -l < "$scratch/circles")" 0
list "$scratch/circles"
mark 'goto' "$(cat "${ours[@]}" | grep -cw 'goto [a-z_]*;' || :)" 0
exit "$over"
