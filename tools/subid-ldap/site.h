/* SPDX-License-Identifier: MIT */
/*
 * The site: its policy, its servers, the names of its entries, and the five steps of a
 * grant (entry.h).
 */
#pragma once

#include "tools/subid-ldap/server.h"
#include "tools/subid/cli.h"

#define SITE_SERVERS_MAX 64

struct site {
	struct cli *cli;
	int etc;
	struct subid_conf conf;
	struct subid_policy policy;
	struct subid_set reserved; /* ids that nobody is given, of either kind */
	struct subid_users
	    *users; /* for groups in the policy; read once one is asked for */
	struct subid_members members;
	struct server servers[SITE_SERVERS_MAX]; /* each of another uri */
	size_t n;
	struct server *reader; /* once one is chosen */
};

/* Reads the policy.  The status, after a complaint; the caller closes it in any case. */
int site_open(struct cli *cli, struct site *ret);

void site_close(struct site *site);

#define auto_site __attribute__((cleanup(site_close)))

/* The server of that address, connected; NULL after a complaint. */
struct server *site_server(struct site *site, const char *uri);

/* The first one that answers, to be read from; NULL after a complaint. */
struct server *site_reader(struct site *site);

/* Complains of what a server said; EXIT_UNABLE. */
int site_failed(const struct server *server);

/* The DNs of entries.  False if it is too long. */
bool site_owner_dn(const struct site *site, const char *owner, char ret[DIR_DN_SIZE]);
bool site_block_dn(const struct site *site, uint32_t block, char ret[DIR_DN_SIZE]);
bool site_pool_dn(const struct site *site, const char *pool, char ret[DIR_DN_SIZE]);
bool site_branch_dn(const struct site *site, const char *branch, char ret[DIR_DN_SIZE]);

/* Who gets a range. */
struct site_owner {
	char name[DIR_NAME_SIZE]; /* the account's own, whatever was typed */
	char dn[DIR_DN_SIZE];	  /* of the account, in the directory; or "" */
	uint32_t uid;		  /* or SUBID_ID_NONE */
};

/*
 * Finds an owner by a login name or a uid, among the directory's accounts if "users" says
 * where they are, else by the name service.  unknown: one without account will do.  The
 * status, after a complaint.
 */
int site_find_owner(struct site *site, const char *text, bool unknown,
		    struct site_owner *ret);

/* The same for one who may be gone: a name is taken as it is, a uid looked up. */
int site_name_owner(struct site *site, const char *text, struct site_owner *ret);

/* What the policy says of an owner.  The status, after a complaint. */
int site_decide(struct site *site, const struct site_owner *owner,
		struct subid_decision *ret);

/* The same of any account, without a word.  0 or -errno. */
int site_ask_policy(struct site *site, const char *name, uint32_t uid,
		    struct subid_decision *ret);

/* What became of a request. */
enum site_outcome {
	SITE_GIVEN,
	SITE_HAD,   /* the owner has it already */
	SITE_WOULD, /* a dry run: it would be given, there or behind */
};

/* The five steps.  The status, after a complaint. */
int site_grant(struct site *site, const struct site_owner *owner,
	       const struct dir_request *request, bool dry_run,
	       struct id_range ret[SUBID_KINDS], enum site_outcome *ret_outcome);

/* Draws a ticket.  0 or -errno. */
int site_draw_ticket(char ret[DIR_TICKET_SIZE]);

/* Sets a claim, as it was read, to another state: only if it is still the same one.
 * state: not DIR_GRANTED.  0, SERVER_ABSENT, SERVER_LOST, -errno. */
int site_set_claim(struct site *site, struct server *server,
		   const struct dir_entry *claim, enum dir_state state);
