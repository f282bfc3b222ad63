/* SPDX-License-Identifier: MIT */
/*
 * What the directory has, as plain data, and what follows from it for a step.  Pure.
 *
 * Below "base" of subid.conf(5) are three branches:
 *
 *     cn=OWNER,ou=owners           an owner and its range
 *     subidBlock=START,ou=blocks   a claim of a block: that it can be added once is the
 * lock cn=POOL,ou=pools             where the next block probably is: a hint
 *
 * A range is granted in five steps, each one operation of the directory, which does it
 * whole or not at all:
 *
 *  1. The owner is read.  One with a range has it.
 *  2. It is added as pending.  If it is there already, somebody else is at work: wait,
 * and finish it if nothing moves for five seconds.
 *  3. A block is chosen: a free claim, else the pool's next.
 *  4. Its claim is added.  If it is there already, back to 3.
 *  5. The owner becomes granted, in one change that fails unless it is still pending by
 * the same ticket.  If it is not, another one has finished: the claim becomes free.
 *
 * Revoking goes the other way: the claims become released, then the owner is cleared.  A
 * claim is never deleted.  Whoever dies in between leaves a pending owner, which the next
 * one finishes, or a claim of nobody, which the audit finds.
 *
 * A ticket is a random number in an owner and in its claims.  A change names the ticket
 * that it believes to be there, so that one who slept for a day changes nothing of what
 * has been granted since.
 */
#pragma once

#include "libsubid/core/core.h"
#include "libsubid/policy/policy.h"

/* Names of owners and accounts, and DNs; longer ones are refused. */
#define DIR_NAME_SIZE	257
#define DIR_DN_SIZE	1536
#define DIR_TICKET_SIZE 33

/* subidState, of owners and claims. */
enum dir_state {
	DIR_NONE,     /* not said: an owner without range */
	DIR_PENDING,  /* an owner's: a range is on its way */
	DIR_GRANTED,  /* an owner's, or a claim's that is an owner's */
	DIR_FREE,     /* a claim's: anybody may take it */
	DIR_RELEASED, /* a claim's: taken from somebody, and held */
	DIR_RESERVED, /* a claim's: held */
};

/* "granted", as the directory has it and list shows it. */
const char *dir_state_name(enum dir_state state);

/* An entry of ours, or an account's.  Zeroed before the first attribute. */
struct dir_entry {
	char name[DIR_NAME_SIZE];  /* cn; of a claim, subidOwner */
	char login[DIR_NAME_SIZE]; /* an account's: uid, the first that can be an owner's
				    */
	char ticket[DIR_TICKET_SIZE];
	enum dir_state state;
	bool has_block;
	uint32_t block;			    /* subidBlock */
	struct id_range range[SUBID_KINDS]; /* count 0: none */
	bool has_number[4];		    /* start and count of both kinds */
	bool is_pool;
	uint32_t next, first, last, size; /* a pool's */
	uint32_t uid;			  /* an account's; SUBID_ID_NONE: not said */
	char dn[DIR_DN_SIZE];		  /* of the entry */
	const char *broken;		  /* what is wrong, a phrase; NULL: nothing */
};

/*
 * Takes a value of an attribute.  Threat: the directory may be anybody's who can answer
 * in its place: sizes, numbers and names are looked at before they are believed.  A value
 * that is wrong, or is a second one, makes the entry broken.
 */
void dir_entry_take(struct dir_entry *entry, const char *attribute, const char *value,
		    size_t len);

/* After the last attribute of an owner, a claim or a pool. */
void dir_owner_end(struct dir_entry *entry);
void dir_claim_end(struct dir_entry *entry);
void dir_pool_end(struct dir_entry *entry);

/* Writes text as a part of a DN (RFC 4514) or of a filter (RFC 4515).  False if it does
 * not fit into size bytes. */
bool dir_escape_dn(const char *text, char *buf, size_t size);
bool dir_escape_filter(const char *text, char *buf, size_t size);

/* What is asked for. */
struct dir_request {
	uint32_t count;	       /* how many ids; 0: as the pool has it */
	struct id_range range; /* just these; count 0: any */
};

/* What comes next, once an owner has been read. */
enum dir_step {
	DIR_STEP_ADD,	/* there is no entry: add it as pending */
	DIR_STEP_BEGIN, /* there is one without range: make it pending */
	DIR_STEP_WAIT,	/* it is pending */
	DIR_STEP_HAS,	/* it has what is asked for */
	DIR_STEP_OTHER, /* it has a range, and not what is asked for */
	DIR_STEP_BROKEN,
};

/* owner: NULL for none. */
enum dir_step dir_step(const struct dir_entry *owner, const struct dir_request *request);

/* How many blocks of a pool the ids of a request take.  0: more than the pool has. */
uint32_t dir_blocks(const struct subid_conf_pool *pool, uint32_t count);

/* The whole blocks of a pool that have ids of range; count 0: none. */
struct id_range dir_cells(const struct subid_conf_pool *pool, struct id_range range);

/* The pool that has all of these ids; NULL: none. */
const struct subid_conf_pool *dir_pool_of(const struct subid_conf *conf,
					  struct id_range range);

/* Who takes the changes of a pool. */
const char *dir_master(const struct subid_conf *conf, const struct subid_conf_pool *pool);

/*
 * Who takes the changes of an owner, always the same one: two masters that both gave the
 * owner a range would agree too late.  Another pool moves few owners to it.
 */
const char *dir_master_of(const struct subid_conf *conf, const char *owner);
