/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/stat.h>

#include "libsubid/core/core.h"
#include "libsubid/runtimes/runtimes.h"

/*
 * What the adapters share.  To add a runtime: one file NAME.c, with a function that finds
 * the state beneath the place, and one that parses it, both declared below; and a
 * row in the table in runtimes.c.
 *
 * Threat: all of the state may be a user's own work, and root reads it.  Adapters open
 * nothing by themselves, so that no link leads out, no pipe hangs us and nothing is read
 * without bounds; and parsers take any bytes.
 */

/* The most of one place: directory entries, files' bytes together, and one file's. */
#define RUNTIME_ENTRIES_MAX 100000
#define RUNTIME_BYTES_MAX   ((size_t)256 << 20)
#define RUNTIME_FILE_MAX    ((size_t)16 << 20)
#define RUNTIME_RANGES_MAX  1000000

/* One reading of one place by one adapter. */
struct runtime_scan {
	const struct subid_runtime_place *place;
	const char *runtime;
	struct subid_runtime_state *state;
	size_t entries_left;
	size_t bytes_left;
};

struct runtime_adapter {
	const char *name;
	/* 0 or -ENOMEM; anything else is noted in the state */
	int (*read)(struct runtime_scan *scan);
};

int runtime_lxc_read(struct runtime_scan *scan);
int runtime_lxd_read(struct runtime_scan *scan);
int runtime_podman_read(struct runtime_scan *scan);
int runtime_share_read(struct runtime_scan *scan);

/*
 * The parsers: each adds what text says; name: the container's.  0; SUBID_INVALID
 * when some of it means nothing; -ENOMEM.
 */
int runtime_lxc_parse(struct runtime_scan *scan, const struct subid_text *text,
		      const char *name);
int runtime_lxd_parse(struct runtime_scan *scan, const struct subid_text *text,
		      const char *name);
int runtime_podman_parse(struct runtime_scan *scan, const struct subid_text *text);

/* Adds ids as the host sees them; a range that is not valid is damage.  0,
 * SUBID_INVALID, -ENOMEM. */
int runtime_add(struct runtime_scan *scan, enum subid_kind kind, struct id_range range,
		const char *name, size_t len);

/* Gives the ranges from the n-th on another name. */
void runtime_rename(struct runtime_scan *scan, size_t n, const char *name, size_t len);

/* Calls each() for every entry of the directory path, without those that begin with a
 * '.'.  What each() fails with is noted, except -ENOMEM.  0 or -ENOMEM. */
int runtime_each(struct runtime_scan *scan, const char *path,
		 int (*each)(struct runtime_scan *scan, const char *path,
			     const char *name));

/* What path itself is, no link at its end followed.  0 or -errno. */
int runtime_stat(const struct runtime_scan *scan, const char *path, struct stat *ret);

/* Reads a file, bounded.  0, and the caller frees *ret; -errno. */
int runtime_text(struct runtime_scan *scan, const char *path, struct subid_text *ret);

/* Calls each() for every line of a text, also after one that means nothing.  0,
 * SUBID_INVALID, -ENOMEM. */
int runtime_lines(struct runtime_scan *scan, const struct subid_text *text,
		  const char *name,
		  int (*each)(struct runtime_scan *scan, const char *line,
			      const char *end, const char *name));

/* Reads dir/file and parses it, for the container called name.  0, SUBID_INVALID,
 * -errno. */
int runtime_parse(struct runtime_scan *scan, const char *dir, const char *file,
		  const char *name,
		  int (*parse)(struct runtime_scan *scan, const struct subid_text *text,
			       const char *name));

/*
 * JSON read token by token, where it stands: no tree, no memory, a bound on its depth.
 *
 * Not jansson, which the command line uses to print: a file of 16 MiB that a user has
 * written costs root up to 1.25 GB as a tree of jansson's ("[{},{},..."); and one bad
 * byte, a key that stands twice or a file that was cut makes it refuse all of the file,
 * while the ids of the containers before the damage have to be avoided.
 *
 *     struct json json = json_open(bytes, size);
 *
 *     while ((token = json_next(&json)) != JSON_END && token != JSON_BAD)
 *             ... json.text and json.len, for a key, string, number or word ...
 */

#define JSON_DEPTH_MAX 64

enum json_token {
	JSON_END, /* of the text, after one whole value */
	JSON_BAD, /* no JSON, here or from some place before */
	JSON_OBJECT,
	JSON_OBJECT_END,
	JSON_ARRAY,
	JSON_ARRAY_END,
	JSON_KEY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_WORD, /* true, false, null */
};

struct json {
	const char *at, *end;
	const char *text; /* of the last token: between the quotes, escapes as written */
	size_t len;
	unsigned int depth; /* how many objects and arrays are open */
	uint64_t objects;   /* bit d: the one at depth d + 1 is an object */
	enum {
		JSON_AT_VALUE,	   /* one must follow */
		JSON_AT_FIRST,	   /* one, or the end of the empty array */
		JSON_AT_FIRST_KEY, /* a key, or the end of the empty object */
		JSON_BEHIND_VALUE,
		JSON_FAILED,
	} state;
};

static inline struct json json_open(const char *bytes, size_t size)
{
	return (struct json){ .at = bytes, .end = bytes + size };
}

enum json_token json_next(struct json *json);

/* Is the last token's text this word? */
bool json_is(const struct json *json, const char *word);

/* Passes over the value after a key.  False: it is bad. */
bool json_skip(struct json *json);
