/* SPDX-License-Identifier: MIT */
/*
 * What the files of newuidmap and newgidmap share: one call, and the steps that it goes
 * through, in the order in which newidmap.c takes them.
 *
 * Unless it says otherwise a step returns 0, or EXIT_FAILURE once it has told why.
 */
#pragma once

#include "libsubid/accounts/accounts.h"
#include "libsubid/maps/maps.h"
#include "libsubid/policy/policy.h"
#include "tools/newidmap/newidmap.h"

/* Where refusals are counted. */
struct refusals {
	int fd;		  /* -1: nowhere */
	bool are_counted; /* what cannot be counted leaves no line */
};

/* What one call is about.  It lives in newidmap_main()'s frame; there is no other state.
 */
struct call {
	const struct idmap_kind *kind;
	int etc;
	int target; /* the directory /proc/PID */
	uid_t uid;
	gid_t gid;
	struct subid_users *users;
	struct subid_owner caller;
	struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	size_t n;
	char source[SUBID_SOURCE_SIZE]; /* of the ranges; "": the table */
	struct subid_text table;
	struct subid_owned_range *holdings;
	size_t n_holdings;
	struct subid_set held; /* their union, and what aliases have */
	bool by_table;	       /* some line of the map is allowed by the table */
	struct refusals refusals;
};

/* "newuidmap: ..." on standard error.  Returns EXIT_FAILURE. */
int fail(const struct idmap_kind *kind, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- newidmap_log.c */

/*
 * Opens the counts, which takes the privilege of a program that is setuid root; one
 * with a file capability has no place for them.  The descriptor is closed when
 * the program ends.
 */
struct refusals refusals_open(void);

/*
 * Leaves a line about ids that are refused, if the user has not left too many, and gives
 * up what privilege is left before.  result: as in struct subid_event.  Nothing depends
 * on what becomes of it.
 */
void log_refusal(const struct call *call, const struct subid_map_line *line, int result);

/* --- newidmap_privilege.c */

/*
 * The caller's ids, and of the capabilities those that may be needed, not in effect.
 * 0 or -errno.
 */
int drop_privilege(const struct call *call);

/* Those that the map needs, and no others; in effect or not. */
int keep_privilege(const struct call *call, bool in_effect);

/* For good. 0 or -errno. */
int give_up_capabilities(void);

/* Is it permitted?  What cannot be told is not. */
bool has_capability(int cap);

/* Does the map have the id 0 of the namespace that the caller is in? */
bool maps_root(const struct call *call);

/* --- newidmap_argv.c */

int usage(const struct idmap_kind *kind); /* EXIT_FAILURE */
int help(const struct idmap_kind *kind);
int version(const struct idmap_kind *kind);

/* Decimal from 0 to 4294967295, and nothing else. */
bool parse_id(const char *text, uint32_t *ret);

/* Sets the map's lines from the words behind the target. */
int parse_map(struct call *call, int n_words, char *const words[]);

/* --- newidmap_target.c */

/* Opens the target that the first word names, PID or fd:N. */
int open_target(struct call *call, const char *text);

/* Is the target the caller's?  After find_caller(). */
int check_target(const struct call *call);

/* --- newidmap_who.c */

/* The caller's account, with all its names.  The one question to the name service. */
int find_caller(struct call *call);

/* What the caller holds. */
int read_holdings(struct call *call);

/* --- newidmap_authorize.c */

/* May the caller have the map?  Sets by_table. */
int authorize(struct call *call);

/* --- newidmap_write.c */

/* setgroups(2) is no more in the target's namespace. */
int deny_setgroups(const struct call *call);

/* Writes the map, whole. */
int write_map(const struct call *call);
