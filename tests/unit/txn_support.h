/* SPDX-License-Identifier: MIT */
/*
 * What the tests of transactions share: a small world of accounts, and calls that
 * must go well.
 */
#pragma once

#include "libsubid/change/change.h"
#include "support.h"

/* A hundred ids of each kind, ten for each owner. */
#define SMALL_UIDS "SUB_UID_MIN 1000000\nSUB_UID_MAX 1000099\nSUB_UID_COUNT 10\n"
#define SMALL_GIDS "SUB_GID_MIN 1000000\nSUB_GID_MAX 1000099\nSUB_GID_COUNT 10\n"
#define SMALL	   SMALL_UIDS SMALL_GIDS

/* al is another name of alice; the login name 4242 is not the uid 4242. */
#define PASSWD                                                                           \
	"root:x:0:0::/root:/bin/sh\n"                                                    \
	"daemon:x:1:1::/:/bin/false\n"                                                   \
	"alice:x:1000:1000::/home/alice:/bin/sh\n"                                       \
	"bob:x:1001:1001::/home/bob:/bin/sh\n"                                           \
	"al:x:1000:1000::/home/alice:/bin/sh\n"                                          \
	"4242:x:1002:1002::/home/4242:/bin/sh\n"                                         \
	"late:x:1010:1010::/home/late:/bin/sh\n"

/* Gives a file a content, or takes it away. */
static inline void put_or_remove(int etc, const char *name, const char *text)
{
	if (text != NULL)
		put_file(etc, name, text);
	else
		assert_true(unlinkat(etc, name, 0) == 0 || errno == ENOENT);
}

static inline struct subid_txn *begin(int etc, int proc)
{
	struct subid_txn_options options = { .etc = etc, .proc = proc };
	struct subid_failure failure;
	struct subid_txn *txn = NULL;

	assert_int_equal(subid_txn_begin(&options, &txn, &failure), 0);
	assert_non_null(txn);
	assert_null(failure.file);
	return txn;
}

static inline void commit_and_free(struct subid_txn **txn)
{
	struct subid_failure failure;

	assert_int_equal(subid_txn_commit(*txn, &failure), 0);
	assert_null(failure.file);
	subid_txn_free(txn);
}

/* The owner of a name, known or not. */
static inline struct subid_owner find_owner(const struct subid_txn *txn, const char *name)
{
	struct subid_owner owner;
	int r = subid_owner_find(subid_txn_users(txn), name, &owner);

	assert_true(r == 0 || r == SUBID_UNKNOWN);
	return owner;
}

/* Ranges as a text, "uid 100000:65536, gid 100000:65536". */
static inline const char *changes_text(const struct subid_changes *changes, char *buf,
				       size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < changes->n; i++) {
		used += (size_t)snprintf(
		    buf + used, size - used, "%s%s %u:%u%s", i == 0 ? "" : ", ",
		    subid_kind_name(changes->list[i].kind), changes->list[i].range.start,
		    changes->list[i].range.count,
		    changes->list[i].shared ? " shared" : "");
		assert_true(used < size);
	}
	return buf;
}

/* Fails with the row's name in front, which cmocka would not say. */
static inline void assert_row(const char *row, const char *what, const char *got,
			      const char *expected)
{
	if (got == NULL)
		got = "(none)";
	if (expected == NULL)
		expected = "(none)";
	if (strcmp(got, expected) != 0)
		fail_msg("%s: %s is\n%s\ninstead of\n%s", row, what, got, expected);
}

static inline void assert_row_file(const char *row, int etc, const char *name,
				   const char *expected)
{
	char *text = get_file(etc, name);

	assert_row(row, name, text, expected);
	free(text);
}
