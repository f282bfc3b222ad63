/* SPDX-License-Identifier: MIT */
#include "libsubid/live/live.h"

#include "live_support.h"

static void put_text(int proc, const char *pid, const char *name, const char *text,
		     size_t size)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/%s", pid, name);
	put_bytes(proc, path, text, size);
}

static void test_names(void **state)
{
#define COMMAND(text) text, sizeof(text) - 1
	static const struct {
		const char *command;
		size_t size;
		const char *group, *runtime, *container;
	} rows[] = {
		{ COMMAND("[lxc monitor] /var/lib/lxc c1\0"), "", "lxc", "c1" },
		{ COMMAND("[lxc monitor] /var/lib/lxd/containers c2\0"), "", "lxd",
		  "c2" },
		{ COMMAND("[lxc monitor] /var/lib/incus/x c2\0"), "", "incus", "c2" },
		{ COMMAND("[lxc monitor] \0"), "", "", "" },
		{ COMMAND("[lxc monitor]\0"), "", "", "" },
		{ COMMAND("/usr/bin/conmon\0-c\0ID\0-n\0pod1\0"), "", "podman", "pod1" },
		{ COMMAND("conmon\0--name=pod2\0"), "", "podman", "pod2" },
		{ COMMAND("conmon\0-n\0"), "0::/x\n", "podman", "" },
		{ COMMAND("conmon\0-n"), "", "podman", "" },
		{ COMMAND("systemd-nspawn\0--machine=m\0"), "", "nspawn", "m" },
		{ COMMAND("containerd-shim-runc-v2\0-id\0abcdefabcdef0123\0"), "",
		  "docker", "abcdefabcdef" },
		{ COMMAND("containerd-shim-runc-v2\0-id\0abc\0"), "", "docker", "abc" },
		{ COMMAND("conmon\0-n\0ev\033[31m\xff il\0"), "", "podman",
		  "ev?[31m??il" },
		{ COMMAND("bash\0"), "0::/lxc.payload.c3\n", "lxc", "c3" },
		{ COMMAND("bash\0"), "1:a:/\n0::/x/libpod-0123456789abcdef.scope/y\n",
		  "podman", "0123456789ab" },
		{ COMMAND("bash\0"), "0::/docker-0123.scope\n", "docker", "0123" },
		{ COMMAND("bash\0"), "0::/docker-.scope\n", "", "" },
		{ COMMAND("bash\0"), "0::/docker-x.scop\n", "", "" },
		{ COMMAND("bash\0"), "0::/machine-m1.scope\n", "nspawn", "m1" },
		{ COMMAND(""), "0::/", "", "" },
	};
	int proc = etc_of(state);

	put_self(proc);
	put_namespace(proc, "5", OWN, "0 0 1\n");
	put_namespace(proc, "10", "user:[5]", "0 100000 10\n");
	put_file(proc, "10/stat", "10 (a) S 7 (b) R 5 0 0");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subid_live live = look(proc);

		put_text(proc, "5", "cmdline", rows[i].command, rows[i].size);
		put_file(proc, "10/cgroup", rows[i].group);
		subid_live_name(proc, &live, NULL);
		assert_string_equal(live.userns[1].runtime, rows[i].runtime);
		assert_string_equal(live.userns[1].container, rows[i].container);
		subid_live_free(&live);
	}
}

/* Longer than any buffer: cut, not overrun. */
static void test_long_names(void **state)
{
	static const char head[] = "conmon\0-n";
	static char command[9000];
	int proc = etc_of(state);
	struct subid_live live;

	memset(command, 'n', sizeof(command));
	memcpy(command, head, sizeof(head));
	put_self(proc);
	put_namespace(proc, "5", OWN, "0 0 1\n");
	put_namespace(proc, "10", "user:[5]", "0 100000 10\n");
	put_file(proc, "10/stat", "10 (a) S 5 0");
	put_text(proc, "5", "cmdline", command, sizeof(command));
	live = look(proc);
	subid_live_name(proc, &live, (const bool[]){ true, false });
	assert_string_equal(live.userns[1].runtime, "");
	subid_live_name(proc, &live, NULL);
	assert_int_equal(strlen(live.userns[1].container),
			 sizeof(live.userns[1].container) - 1);
	assert_string_equal(live.userns[0].runtime, "");
	subid_live_free(&live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_long_names, scratch_setup,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
