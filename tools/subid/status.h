/* SPDX-License-Identifier: MIT */
/*
 * subid status: what a screen says of a user, or of this host.  All of it is gathered as
 * a JSON object first, which --json prints and people are shown line by line.
 */
#pragma once

#include <jansson.h>

#include "libsubid/policy/policy.h"
#include "tools/subid/cli.h"

/* What is known of the tables of a system. */
struct status_tables {
	struct cli *cli;
	struct subid *sys;
	int etc;
	struct subid_users *users;
	struct subid_table list[SUBID_KINDS];
	struct subid_policy policy;
	bool policy_known;
};

/* Everything about one owner, into object.  The status, after a complaint: EXIT_NO if it
 * may not run rootless containers. */
int status_of_owner(struct status_tables *tables, const char *name, json_t *object);

/* The same of the host. */
int status_of_host(struct status_tables *tables, json_t *object);

/* Is touched when root has audited this host. */
#define STATUS_AUDITED SUBID_STATEDIR "/audited"

/* Notes that root has audited this host: a file's time.  What cannot be noted is none. */
void status_mark_audited(void);

/* The object for people, on standard output. */
void status_print_owner(const struct cli *cli, const json_t *object);
void status_print_host(const json_t *object);

/* The windows of login.defs and what of them is free: {"uid": {"min", "max", ...}}. */
json_t *status_windows(const struct status_tables *tables);

/* "min-max, N of M ids free": a row for each kind, or one if they agree. */
void status_print_windows(const json_t *windows);

/* The helpers of the caller's PATH: [{"name", "path", "privilege"}].  self: they are for
 * the caller's own use. */
json_t *status_helpers(struct cli *cli, bool *ret_usable);
void status_print_helpers(const json_t *helpers, bool self);

/* A line for people: a label, and a text, whose bytes are made harmless. */
void status_line(const char *label, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A number with its digits in groups, as people read it. */
const char *status_digits(json_int_t number, char buf[32]);
