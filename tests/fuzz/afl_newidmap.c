/* SPDX-License-Identifier: MIT */
/*
 * newuidmap and newgidmap as whole programs, for AFL++: standard input is what the
 * caller chooses, and what comes of it must be a map that alice may have, or none.
 * tests/fuzz/afl makes the accounts and tables, in namespaces of their own.
 *
 * The first byte is the state of the process, see below; then the arguments, one a
 * line.  "@" is the pid of a process of alice's in a new user namespace, "=" fd:N of
 * its directory, "#" that of a process of bob's.
 */
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "fuzz.h"
#include "tools/newidmap/private.h"

#include "libsubid/maps/maps.h"
#include <linux/capability.h>

#define ALICE	    2001
#define BOB	    2002
#define WORDS_MAX   1100
#define FIRST_RANGE 100000 /* hers are 100000-165535 */
#define SPARE	    200	   /* descriptors from here on are the harness's */

#ifndef __AFL_INIT
#define __AFL_INIT() (void)0
#endif

enum {
	CLOSED_0 = 1,
	CLOSED_1 = 2,
	CLOSED_2 = 4,
	NO_FILES = 8,
	FEW_DESCRIPTORS = 16,
	LITTLE_STACK = 32,
	GIDS = 64
};

/* A process of that user in a new user namespace, which ends with this one. */
static pid_t start_target(uid_t uid)
{
	int ready[2];
	char byte;
	pid_t pid;

	must(pipe(ready) == 0);
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
		    setresuid(uid, uid, uid) < 0 ||
		    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || unshare(CLONE_NEWUSER) < 0 ||
		    prctl(PR_SET_DUMPABLE, 1) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause(); /* until it is killed */
	}
	must(read(ready[0], &byte, 1) == 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	return pid;
}

static int open_at_spare(pid_t pid, int spare)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_PATH | O_DIRECTORY);
	must(fd >= 0 && dup2(fd, spare) == spare && close(fd) == 0);
	return spare;
}

/* The map of what the descriptor is the directory of. */
static size_t read_map(int dir, const char *file, struct subid_map_line *lines)
{
	char text[8192];
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	ssize_t size;
	size_t n;

	must(fd >= 0);
	size = read(fd, text, sizeof(text));
	must(size >= 0 && subid_map_parse(text, (size_t)size, lines, &n) == 0);
	(void)close(fd);
	return n;
}

static int split(char *text, char *argv[WORDS_MAX + 1], char words[3][32])
{
	int argc = 0;
	char *word;

	while (argc < WORDS_MAX && (word = strsep(&text, "\n")) != NULL) {
		if (strcmp(word, "@") == 0)
			word = words[0];
		else if (strcmp(word, "=") == 0)
			word = words[1];
		else if (strcmp(word, "#") == 0)
			word = words[2];
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	return argc;
}

static void set_limit(int which, rlim_t value)
{
	struct rlimit limit = { value, value };

	must(setrlimit((__rlimit_resource_t)which, &limit) == 0);
}

static void become_alice(unsigned int state)
{
	if (state & NO_FILES)
		set_limit(RLIMIT_FSIZE, 0);
	if (state & FEW_DESCRIPTORS)
		set_limit(RLIMIT_NOFILE, 8);
	if (state & LITTLE_STACK)
		set_limit(RLIMIT_STACK, 256 << 10);
	must(setgroups(0, NULL) == 0 && setresgid(ALICE, ALICE, ALICE) == 0);
	/* as execve(2) of a program that is setuid root leaves it */
	must(setresuid(ALICE, 0, 0) == 0);
	for (int fd = 0; fd <= 2; fd++)
		if (state & ((unsigned int)CLOSED_0 << fd))
			(void)close(fd);
}

int main(void)
{
	static const struct idmap_kind kinds[] = {
		{ SUBID_UID, "newuidmap", "uid_map", CAP_SETUID },
		{ SUBID_GID, "newgidmap", "gid_map", CAP_SETGID },
	};
	static char input[1 << 16], *argv[WORDS_MAX + 1], words[3][32];
	static struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	const struct idmap_kind *kind;
	ssize_t size, r;
	pid_t hers, his;
	size_t n;
	int argc;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
	__AFL_INIT();
#pragma GCC diagnostic pop
	size = read(0, input, sizeof(input) - 1);
	must(size >= 0);
	kind = &kinds[(input[0] & GIDS) != 0];
	hers = start_target(ALICE);
	his = start_target(BOB);
	(void)open_at_spare(hers, SPARE);
	(void)open_at_spare(his, SPARE + 1);
	(void)snprintf(words[0], sizeof(words[0]), "%d", (int)hers);
	(void)snprintf(words[1], sizeof(words[1]), "fd:%d", SPARE);
	(void)snprintf(words[2], sizeof(words[2]), "%d", (int)his);
	argc = split(size > 0 ? input + 1 : input, argv, words);
	become_alice((unsigned char)input[0]);

	r = newidmap_main(kind, argc, argv);
	n = read_map(SPARE, kind->map_file, lines);
	must(r == 0 || (r == 1 && n == 0));
	for (size_t i = 0; i < n; i++) {
		struct id_range range = lines[i].outside;

		must((range.start == ALICE && range.count == 1) ||
		     (range.start >= FIRST_RANGE &&
		      id_range_end(range) <= FIRST_RANGE + 65536));
	}
	must(read_map(SPARE + 1, "uid_map", lines) == 0);
	must(read_map(SPARE + 1, "gid_map", lines) == 0);
	(void)kill(hers, SIGKILL); /* both were not reaped, so these are they */
	(void)kill(his, SIGKILL);
	return 0;
}
