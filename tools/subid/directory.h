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

/*
 * Runs subid-ldap for the ranges of n owners, one name behind the other, each
 * terminated; n 0: of all.  allocate: of these it grants who has none one.
 *
 * Returns 0; -ETIMEDOUT; -EIO: it failed, and has said why on standard error; -EPROTO:
 * what it told is not understood; other -errno.
 */
int directory_ask(const char *names, size_t n, bool allocate, int64_t patience_ms,
		  struct directory_ranges *ret);

/* The first range of an owner; *ret_n: how many follow, itself included. */
const struct directory_range *directory_of(const struct directory_ranges *ranges,
					   const char *owner, size_t *ret_n);

/* Reads what it told: text becomes the list's, also after a failure.  Pure.  0, -EPROTO,
 * -ENOMEM. */
int directory_parse(struct subid_text *text, struct directory_ranges *ret);
