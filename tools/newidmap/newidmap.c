/* SPDX-License-Identifier: MIT */
/*
 * newuidmap and newgidmap write the id map of a user namespace for a user who
 * may not do so alone.  They run setuid root or with a file capability, called
 * by anybody, so whoever changes these files keeps these rules:
 *
 *  1. Privilege is cut down to the capability that writes the map, and the real
 *     uid, before any byte that the caller controls is looked at; and it is not
 *     in effect until the map is written.
 *  2. The target is opened once, as a directory of a procfs, and every check and
 *     write goes through that descriptor, so that a recycled pid cannot take its
 *     place in between.
 *  3. The target belongs to the caller: same uid and same gid, who is the
 *     account's own unless the administrator has said otherwise.
 *  4. A map is written only if the caller holds every outside id in it.  Not
 *     being able to find out is a no.
 *  5. setgroups(2) is denied to the namespace unless a line of the table lets
 *     the caller have other groups (CVE-2018-7169).
 *  6. Nothing comes from the environment, which is emptied, and no file is opened
 *     whose name the caller chose, but for /proc/PID.
 *  7. A map is written with one write(2) or not at all, and nothing is written
 *     to a descriptor that the caller left closed.
 *  8. A refusal leaves a line in the system's log, made without privilege, in
 *     which the caller chooses nothing but numbers that were checked, and so
 *     many as a file tells that was opened with privilege, under a fixed name.
 *
 * Every failure exits with 1, also a call without arguments, which mmdebstrap
 * makes to see whether the program is there.
 *
 * Here is the order of it all; what each step does is in a file of its own:
 *
 *     newidmap_privilege.c   rule 1
 *     newidmap_argv.c        the words of the command line
 *     newidmap_target.c      rules 2 and 3
 *     newidmap_who.c         who calls, and what he holds
 *     newidmap_authorize.c   rule 4
 *     newidmap_write.c       rules 5 and 7
 *     newidmap_log.c         rule 8
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/newidmap/private.h"

int fail(const struct idmap_kind *kind, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fprintf(stderr, "%s: ", kind->prog);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
	return EXIT_FAILURE;
}

/* Rule 7.  Threat: a file that we open gets number 2, and messages go into it. */
static bool descriptors_are_open(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

static int run(struct call *call, int argc, char *argv[])
{
	int r;

	/* Rule 6.  Threat: modules of the name service look at variables of their own
	 * when real and effective uid are the same, as they will be; who turns one to
	 * another server would be whoever that says. */
	if (clearenv() != 0 || !descriptors_are_open())
		return EXIT_FAILURE;
	call->refusals = refusals_open();
	r = drop_privilege(call);
	/* LXC quotes what one read(2) gets: a message is one write(2), at exit */
	(void)setvbuf(stderr, NULL, _IOFBF, BUFSIZ);
	if (r < 0)
		return fail(call->kind, "cannot give up privilege: %s", strerror(-r));
	if (argc < 2)
		return usage(call->kind);
	if (strcmp(argv[1], "--help") == 0)
		return help(call->kind);
	if (strcmp(argv[1], "--version") == 0)
		return version(call->kind);
	call->etc = open(SUBID_SYSCONFDIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (call->etc < 0)
		return fail(call->kind, "cannot open %s: %s", SUBID_SYSCONFDIR,
			    strerror(errno));
	if ((r = parse_map(call, argc - 2, argv + 2)) != 0 ||
	    (r = keep_privilege(call, false)) != 0 || /* rule 1 */
	    (r = open_target(call, argv[1])) != 0 ||  /* rule 2 */
	    (r = find_caller(call)) != 0 ||	      /* his names */
	    (r = check_target(call)) != 0 ||	      /* rule 3 */
	    (r = read_holdings(call)) != 0 ||	      /* his lines */
	    (r = authorize(call)) != 0 ||	      /* rule 4 */
	    (r = keep_privilege(call, true)) != 0)    /* in effect from here on */
		return r;
	if (call->kind->table == SUBID_GID && !call->by_table &&
	    (r = deny_setgroups(call)) != 0) /* rule 5 */
		return r;
	return write_map(call);
}

int newidmap_main(const struct idmap_kind *kind, int argc, char *argv[])
{
	struct call call = {
		.kind = kind,
		.etc = -1,
		.target = -1,
		.uid = getuid(),
		.gid = getgid(),
	};
	int r = run(&call, argc, argv);

	subid_owner_free(&call.caller);
	subid_users_free(&call.users);
	subid_text_free(&call.table);
	subid_set_free(&call.held);
	free(call.holdings);
	return r;
}
