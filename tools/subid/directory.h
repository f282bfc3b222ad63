/* SPDX-License-Identifier: MIT */
/*
 * The ranges of the site's directory, as subid-ldap(8) tells them to this host.
 */
#pragma once

#include "tools/subid/cli.h"

struct directory_range {
	const char *owner; /* terminated, the list's */
	enum subid_kind kind;
	struct id_range range;
};

/* In the order of owners, by their bytes.  Zeroed: empty. */
struct directory_ranges {
	struct directory_range *list;
	size_t n;
	struct subid_text text; /* what was told, cut in place */
};

void directory_ranges_free(struct directory_ranges *ranges);

#define auto_directory __attribute__((cleanup(directory_ranges_free)))

enum directory_question {
	DIRECTORY_LIST,	  /* the ranges of owners, or of all */
	DIRECTORY_GRANT,  /* the same, after each has been granted one */
	DIRECTORY_CLAIMS, /* the claims of the blocks with these ids, whosever; or all */
};

/*
 * Asks subid-ldap about n owners, one name behind the other, each terminated; n 0: about
 * all.
 *
 * Returns 0; -ETIMEDOUT; -EIO: it failed, and has said why on standard error; -EPROTO:
 * what it told is not understood; other -errno.
 */
int directory_ask(enum directory_question question, const char *names, size_t n,
		  int64_t patience_ms, struct directory_ranges *ret);

/* The first range of an owner; *ret_n: how many follow, itself included. */
const struct directory_range *directory_of(const struct directory_ranges *ranges,
					   const char *owner, size_t *ret_n);

/* What the directory calls the owner of a line, who may be there by the uid; the caller
 * frees it.  NULL: out of memory. */
char *directory_account_name(const char *owner);

/* Reads what it told: text becomes the list's, also after a failure.  What is held is
 * left out, but for claims.  Pure.  0, -EPROTO, -ENOMEM. */
int directory_parse(enum directory_question question, struct subid_text *text,
		    struct directory_ranges *ret);
