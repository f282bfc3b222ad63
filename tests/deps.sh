#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the Debian packages that are missing: tests/deps.sh SET..., where a set
# is build, demo, clients, deb, rpm, test or proof (900 MB and a minute); test has the last but build.
# Does nothing, and needs no root, if all are there.  Of names with | between them the
# first that the release has; what none has is said, and its tests say so, too.
set -eu

# shellcheck disable=SC2034 # named by the arguments
build="gcc make libc6-dev pkg-config libjansson-dev libpam0g-dev libaudit-dev
	libldap-dev libsasl2-dev"
demo="lxc lxc-templates busybox-static util-linux passwd procps uidmap libcap2-bin"
# shellcheck disable=SC2034
proof="frama-c-base why3 z3 cvc4"
# shellcheck disable=SC2034
deb="debhelper dpkg-dev fakeroot lintian"
# shellcheck disable=SC2034
rpm="rpm libcap2-bin"
# shellcheck disable=SC2034 # what tests/e2e/test_releases.sh runs in another release
clients="$demo libcmocka-dev podman runc crun buildah mmdebstrap jq python3 strace acl attr libsubid4|libsubid5|libsubid6
	pamtester libnss-extrausers lxd|incus lxd-client|incus-client"
# shellcheck disable=SC2034
test="$demo $proof $deb libcmocka-dev clang clang-format clang-tidy clang-tools cppcheck libclang-rt-dev gcovr valgrind
	strace acl attr libeconf-dev libeconf-utils abigail-tools libsubid-dev devscripts mandoc shellcheck man-db manpages manpages-dev bash-completion podman runc crun
	python3 e2fsprogs libnss-extrausers buildah mmdebstrap libsubid4|libsubid5|libsubid6 jq
	pmccabe pamtester libpam-wrapper libnss-wrapper libuid-wrapper
	openssh-server openssh-client sshpass cron at login auditd afl++ ansible-core
	checkpolicy semodule-utils apparmor slapd ldap-utils libsasl2-modules libsasl2-modules-gssapi-mit
	krb5-kdc krb5-admin-server krb5-user
	prometheus btrfs-progs xfsprogs chromium fonts-dejavu-core python3-jsonschema zsh fish systemd systemd-container lxd|incus lxd-client|incus-client"

installed() { # NAME|NAME...
	local name
	for name in ${1//|/ }; do
		dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' && return
	done
	return 1
}

in_release() { # NAME|NAME...: the first that there is
	local name
	for name in ${1//|/ }; do
		# what a release has dropped may still be named by other packages
		apt-cache policy "$name" 2>/dev/null | grep -q 'Candidate: [^(]' && echo "$name" && return
	done
	return 1
}

missing=()
for set in "$@"; do
	for entry in ${!set}; do
		case " ${missing[*]-} " in *" $entry "*) continue ;; esac
		installed "$entry" || missing+=("$entry")
	done
done
[ ${#missing[@]} -gt 0 ] || exit 0
# A package's build takes what its own control file names, and has no network.
if [ -n "${DEB_BUILD_ARCH-}${RPM_BUILD_ROOT-}" ]; then
	echo "in a package's build, nothing is installed: ${missing[*]}" >&2
	exit 0
fi
if [ "$(id -u)" != 0 ]; then
	echo "not root: install these packages first, or run this as root: ${missing[*]}" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
packages=()
for entry in "${missing[@]}"; do
	if package=$(in_release "$entry"); then
		packages+=("$package")
	else
		echo "not in this release: $entry" >&2
	fi
done
[ ${#packages[@]} -gt 0 ] || exit 0
# In an unstable release a package may wait for one that it needs: apt names it.
while ! said=$(LC_ALL=C apt-get install -s -qq --no-install-recommends "${packages[@]}" 2>&1); do
	can=()
	for package in "${packages[@]}"; do
		case $said in
		*" $package:"* | *" $package : "*) echo "cannot be installed now: $package" >&2 ;;
		*) can+=("$package") ;;
		esac
	done
	if [ ${#can[@]} = ${#packages[@]} ]; then
		echo "$said" >&2
		exit 1
	fi
	# said of each, as of what no release has: the rest is there
	[ ${#can[@]} -gt 0 ] || exit 0
	packages=("${can[@]}")
done
echo "installing: ${packages[*]}"
apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
