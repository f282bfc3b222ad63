/* SPDX-License-Identifier: MIT */
/*
 * getsubids lists the ranges of one user, in the form that scripts and
 * rootlesskit parse.  It has no privilege.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/core/core.h"
#include "libsubid/lines/lines.h"
#include "tools/getsubids/uid_argument.h"

static int fail(const char *file, int error)
{
	(void)fprintf(stderr, "getsubids: cannot read %s/%s: %s\n", SUBID_SYSCONFDIR,
		      file,
		      error == ELOOP ? "it is a symbolic link, which is not followed"
				     : strerror(error));
	return EXIT_FAILURE;
}

static int fail_source(const char *source, int error)
{
	(void)fprintf(
	    stderr,
	    "getsubids: %s/nsswitch.conf says 'subid: %s', and libsubid_%s.so %s\n",
	    SUBID_SYSCONFDIR, source, source,
	    error == ELIBACC ? "cannot be loaded" : "could not tell");
	return EXIT_FAILURE;
}

static int usage(FILE *stream)
{
	(void)fputs("usage: getsubids [-g] user\n\n"
		    "Lists a user's ranges of subordinate uids: \"N: user start count\","
		    " one a line.\n"
		    "A name also gets the lines of its uid; " UID_ARGUMENT "\n\n"
		    "  -g         of subordinate gids instead\n"
		    "  --help     show this\n"
		    "  --version  show the version\n\n"
		    "Exit status: 0 there are some, 1 not.  See getsubids(1).\n",
		    stream);
	return stream == stdout && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int list(enum subid_kind kind, const char *user)
{
	auto_close int etc = open(SUBID_SYSCONFDIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_free struct subid_owned_range *owned = NULL;
	auto_free char *name = NULL;
	struct subid_listing listing;
	int r;

	if (etc < 0)
		return fail("", errno);
	r = uid_argument_name(etc, user, &name);
	if (r < 0)
		return fail("passwd", -r);
	r = subid_listing_read(etc, kind, name != NULL ? name : user, &listing);
	owned = listing.ranges;
	if (r < 0)
		return listing.file != NULL ? fail(listing.file, -r)
					    : fail_source(listing.source, -r);
	if (listing.n == 0) {
		(void)fputs("Error fetching ranges\n", stderr);
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < listing.n; i++)
		(void)printf("%zu: %s %u %u\n", i, user, owned[i].range.start,
			     owned[i].range.count);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "getsubids: standard output: %s\n",
			      strerror(errno));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		(void)printf("getsubids (subid) %s\n", SUBID_VERSION);
		return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	if (argc == 3 && strcmp(argv[1], "-g") == 0)
		return list(SUBID_GID, argv[2]);
	if (argc == 2 && argv[1][0] != '-')
		return list(SUBID_UID, argv[1]);
	return usage(stderr);
}
