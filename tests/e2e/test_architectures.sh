#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Other machines: 32 bits (i386), arm64, and one that is big-endian (s390x), by cross
# compilers in a Debian of its own.  The unit tests run by an emulator that is named
# (qemu-user): the kernel's binfmt_misc stays as it is.  What it cannot run is listed below,
# by what it lacks, and counted; all else must pass.  Emulated, they are a sample, the
# bytes and numbers: all of them with FULL set (a quarter of an hour).
# long
. "$(dirname "$0")/lib.sh"
if [ "$(dpkg --print-architecture)" != amd64 ]; then
	plan 1
	skip 1 "release: its cross compilers are those of amd64"
	exit 0
fi
plan 14

# What of an emulator's kernel is lacking, as emulated.c says: the tests that need it.
cannot() { # words
	while read -r need test functions; do
		case " $* " in *" $need "*) ;; *) continue ;; esac
		for function in $functions; do echo "$test $function"; done
	done <<-'END' | LC_ALL=C sort
		openat2 test_beneath test_open_dir
		openat2 test_host test_image test_bare_etc test_library test_rules_files test_odd_files test_prefixes test_helpers
		openat2 test_input test_images test_stores
		openat2 test_path_walk test_walks test_long_walks
		openat2 test_public test_report test_missing
		openat2 test_runtimes test_lxd_links test_hostile_home
		openat2 test_shares test_damage
		openat2 test_taken test_rows
		openat2 test_container_view test_hostile_files
		openat2 test_storage_walk test_counts test_names_elsewhere test_many_links test_deep test_many_findings test_open
		clone test_child one_that_is_not_seen
		clone test_pam_helper test_runs test_lock
		clone test_uses_about_to_write test_cases
		clone test_records test_two_records test_many_records test_many_that_nobody_keeps test_what_the_child_has_of_us
		clone test_records test_host_with_children test_audit_that_hangs test_child_that_is_killed test_failures
		names test_lock test_record_lock_keeps_us_out test_our_lock_keeps_us_out test_twice_in_one_process
		names test_lock test_forked_meanwhile test_live_pid_is_respected test_lock_older_than_its_process test_patience_ends
		names test_name test_names test_long_names
		names test_txn test_busy
		names test_container_view test_read
	END
}

# name of Debian's, compiler, emulator
machines=("i386 i686-linux-gnu" "arm64 aarch64-linux-gnu qemu-aarch64" "s390x s390x-linux-gnu qemu-s390x")
packages=make,gcc,libc6-dev,pkg-config,libsasl2-dev,qemu-user
for machine in "${machines[@]}"; do
	read -r arch compiler _ <<<"$machine"
	packages+=,gcc-$compiler
	for dev in libc6 libjansson libpam0g libaudit libldap libcmocka; do packages+=,$dev-dev:$arch; done
done
formats() { cat /proc/sys/fs/binfmt_misc/* 2>/dev/null; }
before=$(formats)
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
root=$T/root
MIRROR="deb http://deb.debian.org/debian $suite main" ARCHITECTURES=amd64,i386,arm64,s390x \
	ok "a root with their compilers and libraries" tests/root.sh make "$suite" "$root" "$packages"
mkdir -p "$root/src"
git archive HEAD | tar -C "$root/src" -x
in_root() { tests/root.sh enter "$root" sh -c "cd /src && $1"; }

# The sample: ranges, lines, tables, maps, records and the like.
sample=(test_range test_allocate test_scan test_line test_table_print test_table_taken test_owners test_map test_ledger_record test_ledger_file test_login_defs test_conf
	test_users test_beneath test_child test_lock test_name)
for machine in "${machines[@]}"; do
	read -r arch compiler emulator <<<"$machine"
	libraries=/usr/lib/${compiler/i686/i386}/pkgconfig:/usr/share/pkgconfig
	tests=() targets="all unit-tests" least=500
	if [ -n "$emulator" ] && [ -z "${FULL-}" ]; then
		tests=("${sample[@]}") targets=all least=100
		for name in "${sample[@]}"; do
			file=$(echo tests/unit/*/"$name.c")
			targets+=" build/$arch/${file#tests/}" && targets=${targets%.c}
		done
	fi
	is "$arch: builds without a word" "$(in_root "PKG_CONFIG_LIBDIR=$libraries make -s -j2 CC=$compiler-gcc CFLAGS='-O0 -g0' \
		BUILD=build/$arch WERROR=-Werror $targets" 2>&1)" ""
	lacking=$(in_root "$compiler-gcc -D_GNU_SOURCE -o build/$arch/emulated tests/e2e/emulated.c && $emulator build/$arch/emulated" 2>&1 | tr '\n' ' ')
	said=$(in_root "env -u CI UNDER=$emulator BUILD=build/$arch MAKE=make tests/run --unit ${tests[*]-}" 2>&1)
	failed=$(sed -n 's/^failed: \(test_[a-z_0-9]*\): not ok [0-9]* - \([a-z_0-9]*\).*/\1 \2/p' <<<"$said" | LC_ALL=C sort)
	# shellcheck disable=SC2086 # words
	known=$(cannot $lacking)
	wrong=$(LC_ALL=C comm -23 <(echo "$failed") <(echo "$known"))
	is "$arch: what fails needs what the emulator lacks (${lacking:-nothing })" "$wrong" ""
	[ -z "$wrong" ] || echo "${said//$'\n'/$'\n'# }"
	numbers=$(tail -n 1 <<<"$said")
	ok "$arch: all else passes" test "${numbers%% *}" -ge "$least"
	is "$arch: each that failed is listed" "$(grep -c . <<<"$failed")" "$(sed -n 's/.* \([0-9]*\) failed.*/\1/p' <<<"$numbers")"
	echo "# $arch: $numbers; lacking: ${lacking:-nothing}"
	rm -rf "$root/src/build/$arch"
done
is "binfmt_misc is as it was" "$(formats)" "$before"
