#!/bin/sh
# SPDX-License-Identifier: MIT
# What `make install` has put where, so that it takes nobody else's file and `make
# uninstall` deletes nothing that it did not install.  The Makefile calls it:
#
#   check FILE...   fails if a package owns one of them, unless FORCE is set
#   record FILE...  writes down what they are now, in MANIFEST
#   remove          removes what still is as it was written down, but no package's file
#   found           says who will find which newuidmap
#
# Names of files are those on the running system; DESTDIR comes before them.
set -eu

manifest=$DESTDIR${MANIFEST:?}

# The package that owns a file of this system, if any.  A file that dpkg-divert has moved
# away leaves its place free.
owner() { # FILE
	if command -v dpkg-query >/dev/null && [ "$(dpkg-divert --truename "$1" 2>/dev/null || echo "$1")" = "$1" ]; then
		dpkg-query -S "$1" 2>/dev/null | sed -n 's/: .*//p' | head -n 1
	fi
	if command -v rpm >/dev/null; then
		rpm -qf --queryformat '%{NAME}\n' "$1" 2>/dev/null | grep -v ' ' || :
	fi
}

# A tree that is made for a package or an image is not this system.
owned() { # FILE
	[ -z "$DESTDIR" ] || return 0
	[ -e "$1" ] || [ -L "$1" ] || return 0
	owner "$1"
}

check() {
	[ -z "${FORCE-}" ] || return 0
	taken=
	for file in "$@"; do
		package=$(owned "$file")
		[ -z "$package" ] || taken="$taken
  $file (package $package)"
	done
	[ -n "$taken" ] || return 0
	cat >&2 <<-END
		not installed: these files belong to packages, whose next upgrade would bring theirs back:$taken
		Install elsewhere (PREFIX=/usr/local), build packages (make deb), or overwrite them with FORCE=1.
	END
	exit 1
}

state() { # FILE: what it is, in a word
	if [ -L "$1" ]; then
		echo "link:$(readlink "$1")"
	elif [ -f "$1" ]; then
		sha256sum <"$1" | cut -d' ' -f1
	else
		echo none
	fi
}

# What an earlier install has put elsewhere, with another BINDIR say, stays written down.
record() {
	new=$manifest.new
	{
		for file in "$@"; do printf '%s %s\n' "$(state "$DESTDIR$file")" "$file"; done
		[ ! -f "$manifest" ] || cat "$manifest"
	} | awk '{ file = substr($0, index($0, " ") + 1) } !seen[file]++' >"$new"
	chmod 644 "$new"
	mv "$new" "$manifest"
}

remove() {
	if [ ! -f "$manifest" ]; then
		echo "nothing to remove: no list of what was installed ($manifest)"
		return 0
	fi
	while read -r was file; do
		[ -e "$DESTDIR$file" ] || [ -L "$DESTDIR$file" ] || continue
		package=$(owned "$file")
		if [ -n "$package" ]; then
			echo "left: $file: belongs to the package $package, which brings its own back when it is reinstalled"
		elif [ "$(state "$DESTDIR$file")" != "$was" ]; then
			echo "left: $file: it is not what was installed"
		else
			rm -f "$DESTDIR$file"
		fi
	done <"$manifest"
	rm -f "$manifest"
}

first_in() { # PATH: the newuidmap that a search finds
	rest=$1:
	while [ -n "$rest" ]; do
		dir=${rest%%:*} rest=${rest#*:}
		if [ -n "$dir" ] && [ -f "$dir/newuidmap" ] && [ -x "$dir/newuidmap" ]; then
			echo "$dir/newuidmap"
			return
		fi
	done
	echo "none"
}

# A setting of login.defs: its last line counts.
login_def() { # KEY, its value if it is not set
	value=$(sed -n "s/^[[:space:]]*$1[[:space:]]\{1,\}\(PATH=\)\{0,1\}//p" /etc/login.defs 2>/dev/null | tail -n 1)
	echo "${value:-$2}"
}

# The programs that call it (podman, LXC, unshare, ...) search their PATH.
found() {
	[ -z "$DESTDIR" ] || return 0
	local_dirs=/usr/local/sbin:/usr/local/bin
	echo "newuidmap, as it is found by"
	row() { printf '  %-42s %s%s\n' "$1" "$2" "$([ "$2" = "$BINDIR/newuidmap" ] || echo ' (not this one)')"; }
	row "users who log in (ENV_PATH of login.defs):" "$(first_in "$(login_def ENV_PATH /bin:/usr/bin)")"
	row "root (ENV_SUPATH of login.defs):" "$(first_in "$(login_def ENV_SUPATH /sbin:/bin:/usr/sbin:/usr/bin)")"
	row "services of systemd:" "$(first_in "$(systemd-path search-binaries-default 2>/dev/null || echo $local_dirs:/usr/sbin:/usr/bin)")"
	row "jobs of cron without a PATH of their own:" "$(first_in /usr/bin:/bin)"
}

command=$1
shift
case $command in
check | record | remove | found) "$command" "$@" ;;
*) echo "$0: unknown: $command" >&2 && exit 1 ;;
esac
