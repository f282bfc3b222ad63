/* SPDX-License-Identifier: MIT */
/*
 * What the system's policy says about subordinate ids: login.defs(5).
 */
#pragma once

#include "range.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The rules for one kind: SUB_UID_* or SUB_GID_*. */
struct subid_window {
	uint32_t min;	    /* SUB_*_MIN, the first id that may be given; 100000 */
	uint32_t max;	    /* SUB_*_MAX, the last; 600100000 */
	uint32_t count;	    /* SUB_*_COUNT, ids for each owner; 65536; 0: give none */
	bool deterministic; /* SUB_*_DETERMINISTIC: the place follows from the uid */
	bool wrap;	    /* UNSAFE_SUB_*_DETERMINISTIC_WRAP: and starts over */
	bool store_by_uid;  /* SUB_*_STORE_BY_UID: lines name the owner by its uid */
};

struct subid_policy {
	struct subid_window window[SUBID_KINDS];
	uint32_t uid_min;	     /* UID_MIN, the first uid of people; 1000 */
	uint32_t uid_max;	     /* UID_MAX; 60000 */
	uint32_t gid_min;	     /* GID_MIN, of their groups; 1000 */
	uint32_t gid_max;	     /* GID_MAX; 60000 */
	bool grant_aux_group_subids; /* GRANT_AUX_GROUP_SUBIDS */
};

/* Where a text is wrong, and how. */
struct subid_place {
	size_t line;	 /* from 1; 0: the text as a whole */
	char key[64];	 /* what the line is about; cut if longer */
	const char *why; /* a constant sentence */
};

/* What holds where login.defs says nothing. */
extern const struct subid_policy subid_policy_default;

/*
 * Reads the text of login.defs into *ret, which the caller has set to the values
 * that hold where it says nothing.  As shadow reads it: name, blanks, value,
 * perhaps in quotes; '#' begins a comment only at the head of a line; the last
 * of two lines counts; numbers also octal and hexadecimal (login.defs(5)).
 *
 * Unlike shadow, which falls back to its default, a value that cannot be meant
 * (no number, a window with MIN > MAX, MAX beyond the last id) is an answer:
 * SUBID_INVALID with *ret_place set, and nothing should be given.  0 otherwise.
 */
int subid_policy_parse(const char *text, size_t size, struct subid_policy *ret,
		       struct subid_place *ret_place);

/*
 * Reads etc/login.defs; without the file, the defaults.  follow: it may be a link,
 * as on the running system; an image's might lead out of it.  Returns 0,
 * SUBID_INVALID with *ret_place set, or -errno.
 */
int subid_policy_load(int etc, bool follow, struct subid_policy *ret,
		      struct subid_place *ret_place);

/*
 * The range that SUB_*_DETERMINISTIC gives to a uid:
 * start = min + (uid - uid_min) * count, as shadow >= 4.20 computes it, in its
 * slots when wrapping.  Whether those ids are free is another question.
 * Returns 0, SUBID_OFF for a uid below uid_min or a count of 0, SUBID_FULL when
 * the place lies behind the window.
 */
int subid_policy_place(const struct subid_policy *policy, enum subid_kind kind,
		       uint32_t uid, struct id_range *ret);

/* The ids from min to max; count 0 if there are none. */
struct id_range subid_window_range(const struct subid_window *window);

/* Ids that others use by convention, and who. */
struct subid_reserved {
	struct id_range range;
	const char *by;
};

/*
 * The ids that are never given, whoever has them: root's, those of systemd
 * (systemd's UIDS-GIDS document), nobody's, and the 16-bit "no id".  *ret_n is
 * how many rows.
 */
const struct subid_reserved *subid_reserved(size_t *ret_n);

/*
 * The ids that others take without a look at the tables: packages, for their accounts;
 * systemd-nspawn; a directory, for its users.  Not given, unless a window of login.defs
 * or of subid.conf has them, which says that the site wants it so.
 */
const struct subid_reserved *subid_conventions(size_t *ret_n);

#ifdef __cplusplus
}
#endif
