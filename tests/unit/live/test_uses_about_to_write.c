/* SPDX-License-Identifier: MIT */
/*
 * wrap: openat __openat_2 fstat read __read_chk readlinkat __readlinkat_chk write
 * wrap: fchmod fchown fsync fdatasync renameat renameat2 linkat unlinkat fcntl
 * wrap: fgetxattr fsetxattr fremovexattr flistxattr fdopendir readdir
 * wrap: malloc calloc realloc reallocarray strdup strndup
 */
#include "libsubid/live/live.h"

#include "faults.h"

#define OWN	   "user:[4026531837]"
#define SETUID	   "0000000000000080"
#define SETGID	   "0000000000000040"
#define BOTH	   "000001ffffffffff"
#define ARGV(text) text, sizeof(text)

/* A process, and what it is about to map of uids 1000-1999 and gids 1500-1999. */
struct writer_case {
	const char *name;
	const char *ns, *uid, *caps, *open; /* a file that is open in it */
	const char *argv;
	size_t argv_size;
	const char *expected; /* "uid 1000:10", or "" */
};

static const struct writer_case cases[] = {
	{ "uids", OWN, "5001", SETUID, "/proc/self",
	  ARGV("newuidmap\0"
	       "7\0"
	       "0\0"
	       "1000\0"
	       "10"),
	  "uid 1000:10" },
	{ "gids", OWN, "5001", SETGID, "/proc/self",
	  ARGV("newgidmap\0"
	       "7\0"
	       "0\0"
	       "1000\0"
	       "600"),
	  "gid 1500:100" },
	{ "gids that are not wanted", OWN, "5001", SETGID, "/proc/self",
	  ARGV("newgidmap\0"
	       "7\0"
	       "0\0"
	       "1000\0"
	       "10"),
	  "" },
	{ "in the second range", OWN, "5001", SETUID, "/proc/self",
	  ARGV("x\0"
	       "fd:7\0"
	       "0\0"
	       "1\0"
	       "1\0"
	       "1\0"
	       "1999\0"
	       "5"),
	  "uid 1999:1" },
	{ "other ids", OWN, "5001", SETUID, "/proc/self",
	  ARGV("x\0"
	       "7\0"
	       "1000\0"
	       "2000\0"
	       "10"),
	  "" },
	{ "nothing asked for", OWN, "5001", BOTH, "/proc/self",
	  ARGV("su\0"
	       "bob"),
	  "" },
	{ "no argument", OWN, "5001", BOTH, "/proc/self", ARGV("su"), "" },
	{ "any kind", OWN, "5001", BOTH, "/proc/self",
	  ARGV("x\0"
	       "7\0"
	       "0\0"
	       "1600\0"
	       "1"),
	  "uid 1600:1" },
	{ "a number that is none", OWN, "5001", SETUID, "/proc/self",
	  ARGV("x\0"
	       "7\0"
	       "0\0"
	       "0x7d0\0"
	       "1"),
	  "uid 1000:1000" },
	{ "a number that is too large", OWN, "5001", SETUID, "/proc/self",
	  ARGV("x\0"
	       "7\0"
	       "0\0"
	       "4294967296\0"
	       "1"),
	  "uid 1000:1000" },
	{ "an empty word", OWN, "5001", SETUID, "/proc/self",
	  ARGV("x\0"
	       "7\0"
	       "0\0"
	       "\0"
	       "1"),
	  "uid 1000:1000" },
	{ "a word too few", OWN, "5001", SETUID, "/proc/self",
	  ARGV("x\0"
	       "7\0"
	       "0\0"
	       "1"),
	  "uid 1000:1000" },
	{ "not terminated", OWN, "5001", SETUID, "/proc/self",
	  "x\0"
	  "7",
	  3, "uid 1000:1000" },
	{ "no words at all", OWN, "5001", SETUID, "/proc/self", "", 0, "uid 1000:1000" },
	{ "a map that is open", OWN, "5001", SETUID, "/proc/self/uid_map",
	  ARGV("x\0"
	       "7\0"
	       "0\0"
	       "1000\0"
	       "10"),
	  "uid 1000:10" },
	{ "no file of /proc", OWN, "5001", SETUID, "/dev/null",
	  ARGV("x\0"
	       "7\0"
	       "0\0"
	       "1000\0"
	       "10"),
	  "" },
	{ "no capability", OWN, "5001", "0000000000000000", "/proc/self",
	  ARGV("x\0"
	       "7\0"
	       "0\0"
	       "1000\0"
	       "10"),
	  "" },
	{ "another one", OWN, "5001", "fffffffffffffe3f", "/proc/self",
	  ARGV("x\0"
	       "7\0"
	       "0\0"
	       "1000\0"
	       "10"),
	  "" },
	{ "root calls it", OWN, "0", BOTH, "/proc/self",
	  ARGV("x\0"
	       "7\0"
	       "0\0"
	       "1000\0"
	       "10"),
	  "" },
	{ "in a namespace", "user:[5]", "5001", BOTH, "/proc/self",
	  ARGV("x\0"
	       "7\0"
	       "0\0"
	       "1000\0"
	       "10"),
	  "" },
};

static void put_helper(int proc, const struct writer_case *c)
{
	char status[256];
	int dir, fd;

	(void)snprintf(status, sizeof(status),
		       "Name:\thelper\nUid:\t%s\t0\t0\t0\nCapInh:\t0000000000000000\n"
		       "CapPrm:\t%s\nCapEff:\t0000000000000000\n",
		       c->uid, c->caps);
	put_process(proc,
		    &(struct fake_process){
			.pid = "77", .ns = c->ns, .status = status, .comm = "helper\n" });
	put_dir(proc, "77/fd");
	assert_int_equal(symlinkat("/dev/null", proc, "77/fd/0"), 0);
	assert_int_equal(symlinkat(c->open, proc, "77/fd/3"), 0);
	dir = openat(proc, "77", O_PATH | O_DIRECTORY);
	fd = openat(dir, "cmdline", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, c->argv, c->argv_size), c->argv_size);
	close(fd);
	close(dir);
}

static int ask(int proc, char *text, size_t size)
{
	struct id_range uids = { 1000, 1000 }, gids = { 1500, 500 };
	const struct subid_sets wanted = { .of = {
					       [SUBID_UID] = { .ranges = &uids, .n = 1 },
					       [SUBID_GID] = { .ranges = &gids, .n = 1 },
					   } };
	struct subid_use *uses = NULL;
	size_t n = 0;
	int r = subid_uses_about_to_write(proc, &wanted, &uses, &n);

	text[0] = '\0';
	if (r == 0 && n > 0) {
		assert_int_equal(n, 1);
		assert_true(uses->about_to_write);
		assert_int_equal(uses->pid, 77);
		/* a name that cannot be read is no reason to overlook it */
		if (uses->program[0] != '\0')
			assert_string_equal(uses->program, "helper");
		(void)snprintf(text, size, "%s %u:%u", subid_kind_name(uses->kind),
			       uses->ids.start, uses->ids.count);
	}
	free(uses);
	return r;
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[16], text[64];
		int proc;

		(void)snprintf(name, sizeof(name), "proc%zu", i);
		proc = open_new_dir(etc_of(state), name);
		put_self(proc);
		put_helper(proc, &cases[i]);
		put_dir(proc, "sys");
		assert_int_equal(ask(proc, text, sizeof(text)), 0);
		if (strcmp(text, cases[i].expected) != 0)
			fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].name, text,
				 cases[i].expected);
		close(proc);
	}
}

/* Whatever cannot be read: an error, or found all the same; never overlooked. */
static void test_every_call_fails_in_turn(void **state)
{
	static const unsigned int errors[] = { EIO, EACCES, ENOMEM };
	int proc = etc_of(state);
	char text[64];

	put_self(proc);
	put_helper(proc, &cases[0]);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		for (unsigned int turn = 1;; turn++) {
			bool struck;
			int r;

			faults_arm(turn, errors[i]);
			r = ask(proc, text, sizeof(text));
			struck = faults_disarm();
			/* a link of a process that is ending cannot be read */
			if (errors[i] == EACCES &&
			    strcmp(faults.function, "readlinkat") == 0)
				continue;
			if (r == 0 && strncmp(text, "uid 1000:", 9) != 0)
				fail_msg("%s, turn %u: \"%s\"", faults.function, turn,
					 text);
			if (!struck)
				break;
		}
	}
}

static int setup(void **state)
{
	return faults_reset(state) != 0 ? -1 : scratch_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cases, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_every_call_fails_in_turn, setup,
						scratch_teardown),
	};

	return cmocka_run_group_tests_name("uses_about_to_write", tests, NULL, NULL);
}
