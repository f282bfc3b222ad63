#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# libnss_subid under ThreadSanitizer: sixteen threads ask by ids and by names while the
# tables are replaced, rewritten and gone, while processes are forked and threads are
# cancelled, and while the module is closed and opened again.  A data race ends it.
# long
. "$(dirname "$0")/lib.sh"
plan 6

add_user alice
add_user bob
tables "alice:100000:65536"
sanitized() { # target...
	env -u MAKEFLAGS -u MFLAGS -u CFLAGS -u LDFLAGS -u HARDEN make -s -j2 BUILD="$T/tsan" HARDEN= \
		CFLAGS='-O1 -g -fsanitize=thread' "${@/#/$T/tsan/}"
}
ok "it is built" sanitized libnss_subid.so.2 attack/names
module=$T/tsan/libnss_subid.so.2
ok "with the sanitizer" grep -q __tsan_ "$module"

# as what it looks like with a race: the sanitizer is there, and ends the program
cat >"$T/race.c" <<'END'
#include <pthread.h>
static int count;
static void *add(void *data)
{
	for (int i = 0; i < 100000; i++)
		count++;
	return data;
}
int main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, add, NULL) != 0)
		return 1;
	(void)add(NULL);
	return pthread_join(thread, NULL);
}
END
ok "a program with a race" gcc -O1 -g -fsanitize=thread -o "$T/race" "$T/race.c"
under() { TSAN_OPTIONS=halt_on_error=1:exitcode=66 timeout 120 setarch -R "$@" 2>&1; echo "$?"; }
like "is found to have one" "$(under "$T/race")" "*data race*66"

is "threads, forks, cancellations: none" "$(under "$T/tsan/attack/names" "$module" 3 100033 alice+100033)" 0
(
	for ((i = 0; ; i++)); do
		text="alice:100000:65536"$'\n'"bob:$((200000 + i % 1000)):1"
		echo "$text" >/etc/subuid+ && mv /etc/subuid+ /etc/subuid
		echo "bob/web:$((300000 + i % 1000)):1" >/var/lib/subid/subuid+ && mv /var/lib/subid/subuid+ /var/lib/subid/subuid
		[ $((i % 10)) != 0 ] || rm -f /var/lib/subid/subuid
	done
) &
started+=("$!")
is "while tables and leases change: none" "$(under "$T/tsan/attack/names" "$module" 5 100033 alice+100033)" 0
