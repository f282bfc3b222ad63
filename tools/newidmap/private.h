/* SPDX-License-Identifier: MIT */
/*
 * newuidmap and newgidmap: one program; a constant makes the difference.  newidmap.c
 * decides and acts; words.c has what is read from the command line and what is written to
 * standard error and to the system's log.
 */
#pragma once

#include "libsubid/accounts/accounts.h"
#include "libsubid/lines/lines.h"
#include "libsubid/maps/maps.h"

struct idmap_kind {
	enum subid_kind table;
	const char *prog;     /* as messages name it */
	const char *map_file; /* in /proc/PID */
	int cap;	      /* the capability that writes it, capabilities(7) */
};

int newidmap_main(const struct idmap_kind *kind, int argc, char *argv[]);

/* Where refusals are counted. */
struct refusals {
	int fd;		  /* -1: nowhere */
	bool are_counted; /* what cannot be counted leaves no line */
};

/* One call.  It lives in newidmap_main()'s frame; there is no other state. */
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
	struct subid_owned_range *ranges; /* the caller's, by the source or the table */
	size_t n_ranges;
	struct subid_set held; /* their union, with those of the caller's other names */
	bool by_table;	       /* some line of the map is allowed by held */
	struct refusals refusals;
};

/* Decimal from 0 to 4294967295, and nothing else. */
bool parse_id(const char *text, uint32_t *ret);

/* Sets the lines of the map from the words after the target.  0 or EXIT_FAILURE. */
int parse_map(struct call *call, int n_words, char *const words[]);

/* Messages: "newuidmap: ..." on standard error.  Each returns EXIT_FAILURE. */
int fail(const struct idmap_kind *kind, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int usage(const struct idmap_kind *kind);
int cannot_read(const struct call *call, const char *file, int error);

/* Why a line of the map is not allowed, what the caller holds, and what to ask for. */
int explain_refusal(const struct call *call, const struct subid_map_line *line);

/* On standard output.  The program's exit status. */
int help(const struct idmap_kind *kind);
int version(const struct idmap_kind *kind);

/*
 * Opens the file in which refusals are counted: this takes the privilege of a program
 * that is setuid root; one with a file capability has no place for it.  The descriptor
 * is closed when the program ends.
 */
struct refusals open_refusals(void);

/*
 * Sends a line to the system's log, if the user has not caused too many: these ids were
 * refused.  result: -errno, or SUBID_DENIED.  Nothing depends on whether it arrives.
 */
void send_refusal(const struct call *call, struct id_range range, int result);
