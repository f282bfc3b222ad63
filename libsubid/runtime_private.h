/* SPDX-License-Identifier: MIT */
/*
 * What the adapters share.  An adapter is one file, runtime_NAME.c, with a function
 * that finds the state beneath the place, and one that parses it; and a row in the
 * table in runtime.c.
 *
 * Threat: all of it may be a user's own making, and is read by root.  Adapters open
 * nothing by themselves, so that no link leads out, no pipe hangs us and nothing is
 * read without bounds; and parsers take any bytes.
 */
#pragma once

#include <sys/stat.h>

#include "file.h"
#include "runtime.h"

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
int runtime_nspawn_read(struct runtime_scan *scan);

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

/* Names the ranges from the n-th on anew. */
void runtime_rename(struct runtime_scan *scan, size_t n, const char *name, size_t len);

/* Calls each() for every entry of the directory path but those that begin with a
 * '.'; what each() fails with but -ENOMEM is noted.  0 or -ENOMEM. */
int runtime_each(struct runtime_scan *scan, const char *path,
		 int (*each)(struct runtime_scan *scan, const char *path,
			     const char *name));

/* What path itself is, no link at its end followed.  0 or -errno. */
int runtime_stat(const struct runtime_scan *scan, const char *path, struct stat *ret);

/* Reads a file, bounded.  0, and the caller frees *ret; -errno. */
int runtime_text(struct runtime_scan *scan, const char *path, struct subid_text *ret);

/* Calls each() for every line of a text; goes on behind one that means nothing.  0,
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
