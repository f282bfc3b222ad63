/* SPDX-License-Identifier: MIT */
/*
 * The words of subid.h that the library's own headers need as well; `make install` puts
 * this text in the place of its #include there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define SUBID_WARN_UNUSED __attribute__((warn_unused_result))
#else
#define SUBID_WARN_UNUSED
#endif

/* The numbers are part of the ABI: a closed list, new ones at the end. */
enum subid_answer {
	SUBID_DENIED = 1, /* the owner does not hold these ids */
	SUBID_FULL,	  /* the window has no gap of that size */
	SUBID_UNKNOWN,	  /* there is no such account or group */
	SUBID_TAKEN,	  /* some of these ids are in use */
	SUBID_BUSY,	  /* another process holds a lock, and patience ran out */
	SUBID_INVALID,	  /* a text that is not what it should be */
	SUBID_OFF,	  /* policy grants no ids of this kind, or none to this owner */
	SUBID_ENOUGH,	  /* the owner already has what was asked for */
	SUBID_ABSENT,	  /* there is nothing of the kind to take away */
	SUBID_IN_USE,	  /* a process or a user namespace uses these ids */
	SUBID_FORBIDDEN,  /* the site's policy never grants this owner any */
};

/* uid and gid are one thing seen twice: a parameter, and an index into tables. */
enum subid_kind {
	SUBID_UID,
	SUBID_GID,
};

#define SUBID_KINDS	 2
#define SUBID_BOTH_KINDS ((1U << SUBID_UID) | (1U << SUBID_GID))

/* "uid" or "gid", a constant. */
const char *subid_kind_name(enum subid_kind kind);

/* The table's name in the configuration directory, "subuid" or "subgid": a constant. */
const char *subid_kind_table(enum subid_kind kind);

/*
 * The ids [start, start + count).  The last 32-bit id, 4294967295, means "no id" to the
 * kernel (user_namespaces(7), chown(2)) and is in no valid range.
 */
struct id_range {
	uint32_t start;
	uint32_t count;
};

/* No id, as a value; or it is not known. */
#define SUBID_ID_NONE UINT32_MAX

/*
 * Reads a range as people write it: "START:COUNT" or "FIRST-LAST", in decimal without
 * sign, blank or leading zero.  Returns 0, with a range that is valid; SUBID_INVALID.
 */
int subid_range_parse(const char *text, struct id_range *ret);

/*
 * May owner, len bytes, stand at the head of a line?  Not empty; no ':', newline, other
 * control byte or DEL; no blank at either end; no '#' at the start.  A blank inside and
 * bytes over 127 are fine: domain accounts have them.
 */
bool subid_owner_valid(const char *owner, size_t len);

/* The most that the readers of one line can differ. */
#define SUBID_READINGS_MAX 16

/*
 * The ids that any reader (shadow's tools, podman, systemd, ...) might take from a line,
 * whatever its owner: octal, hexadecimal, signs, wrapped counts, trailing junk.  Returns
 * how many ranges are in ret; 0 if nobody can take anything from it.
 */
size_t subid_line_readings(const char *text, size_t len,
			   struct id_range ret[SUBID_READINGS_MAX]);

/* The longest name of a source, with its NUL. */
#define SUBID_SOURCE_SIZE 51

/* How long shadow's tools wait, in milliseconds. */
#define SUBID_PATIENCE_MS 15000

enum subid_verdict {
	SUBID_VERDICT_GIVE,  /* ranges, also unasked: at login, grant --all */
	SUBID_VERDICT_NONE,  /* nothing unasked; root may grant some by name */
	SUBID_VERDICT_NEVER, /* nothing, whoever asks */
};
