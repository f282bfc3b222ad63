/* SPDX-License-Identifier: MIT */
/*
 * The auditor: what is wrong with the tables, the policy, the helpers and what
 * runs.  Pure: plain data in, a report out.  Each rule is one function and one
 * row of subid_rules(); its name is stable.
 */
#pragma once

#include "conf.h"
#include "host.h"
#include "lease.h"
#include "live.h"
#include "policy.h"
#include "runtime.h"
#include "users.h"

#ifdef __cplusplus
extern "C" {
#endif

/* From harmless to dangerous. */
enum subid_level {
	SUBID_INFO,	/* worth knowing */
	SUBID_WARNING,	/* risky, or half done */
	SUBID_ERROR,	/* it will break, or programs disagree about it */
	SUBID_CRITICAL, /* isolation is broken, or anyone can break it */
};

#define SUBID_LEVELS 4

/* "info", "warning", "error", "critical". */
const char *subid_level_name(enum subid_level level);

/* Reads such a name.  Returns 0 or SUBID_INVALID. */
int subid_level_parse(const char *name, enum subid_level *ret);

struct subid_audit; /* what the rules share; inside the library */

/* A row of the catalogue. */
struct subid_rule {
	const char *name;
	enum subid_level level;
	const char *summary; /* what is wrong, a phrase */
	const char *why;     /* why it matters: sentences */
	const char *remedy;  /* what to do about it, in general: sentences */
	int (*find)(struct subid_audit *audit); /* 0 or -errno */
};

/* The catalogue, in the order of the man page; *ret_n is how many rows. */
const struct subid_rule *subid_rules(size_t *ret_n);

/* The row of that name; NULL if there is none. */
const struct subid_rule *subid_rule_find(const char *name);

/* Something that a rule has found.  Its memory is the report's, or the input's. */
struct subid_finding {
	const struct subid_rule *rule;
	int kind;		     /* enum subid_kind; -1: not about one kind */
	const char *file;	     /* in etc, or an absolute path; NULL: none */
	size_t line;		     /* in file, from 1; 0: not about a line */
	size_t other_line;	     /* the other line of a pair, or 0 */
	struct subid_spelling owner; /* bytes of whoever wrote the table; len 0: none */
	struct subid_spelling other; /* the other owner or account of a pair */
	struct id_range range;	     /* count 0: none */
	uint64_t userns;	     /* inode of the user namespace it is about, or 0 */
	const pid_t *pids;	     /* the first processes that it is about */
	size_t n_pids;
	size_t count;	    /* how many cases this one stands for, itself included; 1 */
	const char *reason; /* what and why, a sentence or two; printable */
	const char *remedy; /* the command or edit that mends it; printable */
	const char *fix;    /* commands that mend it safely, one a line; or NULL */
};

/* A store of leases, see lease.h. */
struct subid_audit_store {
	char *path;   /* of its directory, for people */
	char *user;   /* whose it is, as in its leases; NULL: root's */
	uint32_t uid; /* that user's */
	int error;    /* 0, or -errno: why it could not be read */
	struct subid_leases leases;
};

/* What is looked at.  Everything is the caller's, and lives as long as the report. */
struct subid_audit_input {
	const struct subid_table *tables[SUBID_KINDS]; /* NULL: could not be read; one for
							  both if the files are alike */
	const struct subid_table *backups[SUBID_KINDS]; /* subuid-, subgid-; or NULL */
	struct subid_users *users;
	const struct subid_policy *policy;
	const struct subid_place *policy_fault; /* NULL: login.defs is right */
	const struct subid_host *host;		/* NULL: not looked at */
	const struct subid_live *live;		/* NULL: not looked at */
	const struct subid_audit_store *stores; /* each of one owner, and once */
	size_t n_stores;
	const struct subid_runtime_state *runtimes; /* root's; NULL: not looked at */
	const char *const *for_root; /* more owners whose ranges root's programs use */
	size_t n_for_root;
	const struct subid_conf *conf;		 /* the site's policy; NULL: none */
	const struct subid_acceptance *accepted; /* findings that it means to keep, all */
	size_t n_accepted;
	const struct subid_rule *only; /* NULL: every rule */
};

/* How full a window is. */
struct subid_window_use {
	uint64_t ids;	  /* in the window */
	uint64_t free;	  /* of them not taken by anything */
	uint64_t slots;	  /* gaps of policy's count that are left */
	uint64_t granted; /* ids in lines of the table, of holds apart */
	uint64_t held;	  /* ids in lines of holds */
	size_t grants;	  /* lines that grant */
	size_t lines;	  /* all lines of the file */
};

struct subid_report {
	const struct subid_finding *findings; /* worst first, then as in the catalogue */
	size_t n;
	size_t counts[SUBID_LEVELS]; /* cases (see count) that are not accepted */
	size_t accepted;	     /* cases that were left out */
	size_t *accepted_by;	     /* of them by each of the input's n_accepted */
	struct subid_window_use use[SUBID_KINDS];
	size_t owners; /* that have lines, each once */
	size_t unsure; /* of which the name service could not tell who they are */
	struct subid_audit *own; /* the memory behind it */
};

/*
 * Applies every rule, or the one asked for.  Returns 0, and the caller releases
 * *ret with subid_report_free(); -ENOMEM.
 */
int subid_audit(const struct subid_audit_input *input, struct subid_report *ret);

void subid_report_free(struct subid_report *report);

#define auto_report __attribute__((cleanup(subid_report_free)))

#ifdef __cplusplus
}
#endif
