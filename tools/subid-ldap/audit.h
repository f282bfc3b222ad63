/* SPDX-License-Identifier: MIT */
/*
 * The audit of the directory: what it has, read once and kept in a few bytes for each
 * entry, and what is wrong with it.
 */
#pragma once

#include "tools/subid-ldap/site.h"

struct site_audit_owner {
	char *name;
	enum dir_state state;
	struct id_range range[SUBID_KINDS];
	uint64_t ticket; /* a hash */
};

struct site_audit_claim {
	uint32_t block;
	enum dir_state state;
	char *name; /* NULL: of nobody */
	uint64_t ticket;
};

/* A line of a host's, from its list. */
struct site_audit_line {
	const char *host; /* the file's name */
	char *owner;
	enum subid_kind kind;
	struct id_range range;
};

struct site_audit_pool {
	const struct subid_conf_pool *conf;
	const char *broken; /* NULL: nothing */
	bool differs;	    /* from subid.conf */
};

/* Owners in the order of their names, claims of their blocks, lines of their first id. */
struct site_audit {
	const struct subid_conf *conf;
	struct site_audit_owner *owners;
	size_t n_owners;
	struct site_audit_claim *claims;
	size_t n_claims;
	struct site_audit_pool *pools;
	size_t n_pools;
	struct site_audit_line *lines;
	size_t n_lines;
	struct site_audit_finding *findings;
	size_t n_findings;
	bool no_memory;
};

enum site_audit_level { SITE_INFO, SITE_WARNING, SITE_ERROR, SITE_CRITICAL };

const char *site_audit_level_name(enum site_audit_level level);

struct site_audit_finding {
	enum site_audit_level level;
	const char *rule;      /* a constant */
	char *place;	       /* a DN, a file, or a pool */
	char *owner;	       /* or NULL */
	struct id_range range; /* count 0: none */
	char *reason;
	char *command; /* what mends it, subid's; or NULL */
};

void site_audit_free(struct site_audit *audit);

#define auto_site_audit __attribute__((cleanup(site_audit_free)))

/* Notes one.  command: NULL, or the words after "subid --directory". */
void site_audit_note(struct site_audit *audit, const struct site_audit_finding *like,
		     const char *place, const char *owner, const char *command,
		     const char *reason, ...) __attribute__((format(printf, 6, 7)));

/* Reads all of the directory.  The status, after a complaint. */
int site_audit_read(struct site *site, struct server *server, struct site_audit *ret);

/* Notes the accounts whose own uids are in pools. */
int site_audit_accounts(struct site *site, struct server *server,
			struct site_audit *audit);

/* Adds the lines of a host, what 'subid --json list' printed there. */
int site_audit_add_host(struct site_audit *audit, const char *file);

/* Notes what is wrong with all that was read.  Pure. */
void site_audit_judge(struct site_audit *audit);

/* The claim of a block, or NULL; the owner of that name, or NULL. */
const struct site_audit_claim *site_audit_claim(const struct site_audit *audit,
						uint32_t block);
const struct site_audit_owner *site_audit_owner(const struct site_audit *audit,
						const char *name);

/* What the forms show beside the findings. */
struct site_audit_shown {
	const struct cli *cli;
	const struct site_audit *audit;
	int fail_on;	    /* enum site_audit_level; one more: never */
	char *const *hosts; /* the files of --hosts */
	int n_hosts;
};

/* Blocks of a pool that are granted or held. */
uint32_t site_audit_taken(const struct site_audit *audit,
			  const struct subid_conf_pool *pool);

/* The forms for a browser, and for node_exporter's textfile collector. */
void site_audit_write_html(const struct site_audit_shown *shown, FILE *out);
void site_audit_write_prometheus(const struct site_audit_shown *shown, FILE *out);
