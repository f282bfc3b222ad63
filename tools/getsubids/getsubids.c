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

static int fail(const char *what, int error)
{
	(void)fprintf(stderr, "getsubids: cannot read %s/%s: %s\n", SUBID_SYSCONFDIR,
		      what,
		      error == ELOOP ? "it is a symbolic link, which is not followed"
				     : strerror(error));
	return EXIT_FAILURE;
}

static int usage(FILE *stream)
{
	(void)fputs("usage: getsubids [-g] user\n\n"
		    "Lists a user's ranges of subordinate uids: \"N: user start count\","
		    " one a line.\n"
		    "A name also gets the lines of its uid; a uid only those.\n\n"
		    "  -g         of subordinate gids instead\n"
		    "  --help     show this\n"
		    "  --version  show the version\n\n"
		    "Exit status: 0 there are some, 1 not.  See getsubids(1).\n",
		    stream);
	return stream == stdout && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/*
 * The names to look for.  A uid is looked for as it stands: rootlesskit asks
 * for the name and for the uid and joins the answers, so that a line must not be
 * in both.  A user without account is looked for by name alone (kubelet,
 * containers).
 */
static int find_owner(int etc, const char *user, struct subid_users **users,
		      struct subid_owner *ret)
{
	uint32_t uid;
	int r;

	if (subid_id_parse(user, strlen(user), &uid) == 0) {
		ret->spellings = malloc(sizeof(*ret->spellings));
		if (ret->spellings == NULL)
			return -ENOMEM;
		ret->spellings[0] = (struct subid_owner_name){ user, strlen(user) };
		ret->n = 1;
		return 0;
	}
	r = subid_users_open(etc, true, users, NULL);
	if (r == 0)
		r = subid_owner_find_plain(*users, user, ret);
	return r == SUBID_UNKNOWN ? 0 : r;
}

/* While the name service is down: under what was typed alone.  0; -errno: the table has
 * nothing of that. */
static int read_very_name(int etc, enum subid_kind kind, const char *user, int error,
			  struct subid_owned_range **ret, size_t *ret_n)
{
	const struct subid_owner_name name = { user, strlen(user) };
	auto_text struct subid_text text = { .bytes = NULL };
	int r = subid_text_read(etc, subid_kind_table(kind), false, &text);

	if (r == 0)
		r = subid_owned_ranges(&text, &name, 1, ret, ret_n);
	return r < 0 || *ret_n == 0 ? error : 0;
}

/* From the table, under each name of the owner. */
static int read_table(int etc, enum subid_kind kind, const char *user,
		      struct subid_owned_range **ret, size_t *ret_n)
{
	auto_users struct subid_users *users = NULL;
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_text struct subid_text text = { .bytes = NULL };
	int r = find_owner(etc, user, &users, &owner);

	if (r < 0) {
		r = read_very_name(etc, kind, user, r, ret, ret_n);
		return r < 0 ? fail("passwd", -r) : EXIT_SUCCESS;
	}
	if (r > 0)
		return EXIT_SUCCESS; /* not a valid owner name: there is nothing */
	r = subid_text_read(etc, subid_kind_table(kind), false, &text);
	if (r == 0)
		r = subid_owned_ranges(&text, owner.spellings, owner.n, ret, ret_n);
	return r < 0 && r != -ENOENT ? fail(subid_kind_table(kind), -r) : EXIT_SUCCESS;
}

/* From one source. */
static int read_source(int etc, const char *source, enum subid_kind kind,
		       const char *user, struct subid_owned_range **ret, size_t *ret_n)
{
	int r;

	if (source[0] == '\0')
		return read_table(etc, kind, user, ret, ret_n);
	r = subid_source_ranges(source, user, kind, ret, ret_n);
	if (r == 0)
		return EXIT_SUCCESS;
	(void)fprintf(
	    stderr,
	    "getsubids: %s/nsswitch.conf says 'subid: %s', and libsubid_%s.so %s\n",
	    SUBID_SYSCONFDIR, source, source,
	    r == -ELIBACC ? "cannot be loaded" : "could not tell");
	return EXIT_FAILURE;
}

/* The first source that has a range of the user decides. */
static int read_ranges(int etc, enum subid_kind kind, const char *user,
		       struct subid_owned_range **ret, size_t *ret_n)
{
	struct subid_sources sources;
	int r = subid_sources_read(etc, &sources);

	if (r != 0)
		return fail("nsswitch.conf", r < 0 ? -r : EINVAL);
	for (size_t i = 0; r == EXIT_SUCCESS && *ret_n == 0 && i < sources.n; i++) {
		free(*ret);
		*ret = NULL;
		r = read_source(etc, sources.names[i], kind, user, ret, ret_n);
	}
	return r;
}

static int list(enum subid_kind kind, const char *user)
{
	auto_free struct subid_owned_range *owned = NULL;
	auto_close int etc = open(SUBID_SYSCONFDIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t n = 0;

	if (etc < 0)
		return fail("", errno);
	if (read_ranges(etc, kind, user, &owned, &n) != EXIT_SUCCESS)
		return EXIT_FAILURE;
	if (n == 0) {
		(void)fputs("Error fetching ranges\n", stderr);
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < n; i++)
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
