/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with the directory, and with hosts beside it.  Pure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid-ldap/audit.h"

/* Fewer free blocks than these are told of. */
#define BLOCKS_FEW 20

/* Findings of one rule that are told one by one. */
#define FLOOD 1000

const char *site_audit_level_name(enum site_audit_level level)
{
	static const char *const names[] = { "info", "warning", "error", "critical" };

	return names[level];
}

#define NOTE(the_level, the_rule, the_range)                                             \
	(&(struct site_audit_finding){                                                   \
	    .level = (the_level), .rule = (the_rule), .range = (the_range) })

/* "revoke 'alice'"; NULL for a name that a shell could take for more. */
static const char *command(const char *verb, const char *name,
			   char buf[DIR_NAME_SIZE + 16])
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_.@-";

	if (name[0] == '-' || name[strspn(name, letters)] != '\0')
		return NULL;
	(void)snprintf(buf, DIR_NAME_SIZE + 16, "%s %s", verb, name);
	return buf;
}

static const char *unhold(struct id_range range, char buf[64])
{
	(void)snprintf(buf, 64, "unhold %u:%u", range.start, range.count);
	return buf;
}

/* --- owners ----------------------------------------------------------------------------
 */

/* One block of what an owner has. */
static void judge_block(struct site_audit *audit, const struct site_audit_owner *owner,
			struct id_range block)
{
	const struct site_audit_claim *claim = site_audit_claim(audit, block.start);
	char text[DIR_NAME_SIZE + 16];
	char hold[64];
	bool ours = claim != NULL && claim->name != NULL &&
		    strcmp(claim->name, owner->name) == 0 &&
		    claim->ticket == owner->ticket;

	(void)snprintf(hold, sizeof(hold), "hold %u:%u", block.start, block.count);
	if (claim == NULL) {
		site_audit_note(audit, NOTE(SITE_ERROR, "no-claim", block), owner->name,
				owner->name, hold,
				"the owner has a block that nobody has claimed, which can"
				" be given to another one: hold it");
	} else if (claim->state == DIR_RELEASED && ours) {
		site_audit_note(
		    audit, NOTE(SITE_ERROR, "half-revoked", block), owner->name,
		    owner->name, command("revoke", owner->name, text),
		    "the claim is released, and the owner still has the range");
	} else if (claim->state == DIR_FREE) {
		site_audit_note(
		    audit, NOTE(SITE_CRITICAL, "claim-free", block), owner->name,
		    owner->name, hold,
		    "the owner has a block whose claim is free: the next grant"
		    " gives it again: hold it at once");
	} else if (!ours || claim->state != DIR_GRANTED) {
		site_audit_note(audit, NOTE(SITE_CRITICAL, "claim-of-another", block),
				owner->name, owner->name, NULL,
				"the owner has a block that is %s for %s",
				claim->state == DIR_GRANTED ? "claimed" : "held",
				claim->name == NULL ? "nobody" : claim->name);
	}
}

static void judge_owner(struct site_audit *audit, const struct site_audit_owner *owner)
{
	const struct id_range range = owner->range[SUBID_UID];
	const struct subid_conf_pool *pool = dir_pool_of(audit->conf, range);
	char text[DIR_NAME_SIZE + 16];
	struct id_range cells;

	if (owner->state == DIR_PENDING)
		site_audit_note(
		    audit, NOTE(SITE_INFO, "pending", (struct id_range){ .count = 0 }),
		    owner->name, owner->name, command("grant", owner->name, text),
		    "a grant is on its way, or was left");
	if (owner->state != DIR_GRANTED)
		return;
	if (memcmp(&range, &owner->range[SUBID_GID], sizeof(range)) != 0)
		site_audit_note(audit, NOTE(SITE_ERROR, "unequal", range), owner->name,
				owner->name, NULL, "uids and gids differ");
	if (pool == NULL) {
		site_audit_note(audit, NOTE(SITE_ERROR, "outside-pools", range),
				owner->name, owner->name, NULL,
				"the range is in no pool of subid.conf: nothing keeps it"
				" from being given again");
		return;
	}
	cells = dir_cells(pool, range);
	for (uint64_t at = cells.start; at < id_range_end(cells); at += pool->block)
		judge_block(audit, owner, (struct id_range){ (uint32_t)at, pool->block });
}

/* --- overlaps --------------------------------------------------------------------------
 */

static int by_start(const void *a, const void *b)
{
	const struct site_audit_line *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->range.start != y->range.start)
		return x->range.start < y->range.start ? -1 : 1;
	return strcmp(x->owner, y->owner);
}

/* Lines in the order of their first ids: who meets the one that reaches farthest so far.
 * told: what is said of two. */
static void judge_overlaps(struct site_audit *audit, struct site_audit_line *lines,
			   size_t n, const char *rule)
{
	const struct site_audit_line *far = NULL;
	size_t told = 0;

	if (n > 1)
		qsort(lines, n, sizeof(*lines), by_start);
	for (size_t i = 0; i < n; i++) {
		const struct site_audit_line *line = &lines[i];

		if (far != NULL && far->kind == line->kind &&
		    id_range_overlaps(far->range, line->range) &&
		    strcmp(far->owner, line->owner) != 0 && told++ < FLOOD)
			site_audit_note(audit,
					NOTE(SITE_CRITICAL, rule,
					     id_range_common(far->range, line->range)),
					line->host, line->owner, NULL,
					"%s has the same %ss%s%s", far->owner,
					subid_kind_name(line->kind),
					far->host == line->host ? "" : " on ",
					far->host == line->host ? "" : far->host);
		if (far == NULL || far->kind != line->kind ||
		    id_range_end(line->range) > id_range_end(far->range))
			far = line;
	}
}

static void judge_owner_overlaps(struct site_audit *audit)
{
	struct site_audit_line *lines =
	    calloc(audit->n_owners * SUBID_KINDS + 1, sizeof(*lines));
	size_t n = 0;

	if (lines == NULL) {
		audit->no_memory = true;
		return;
	}
	for (size_t i = 0; i < audit->n_owners; i++)
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
			if (audit->owners[i].state == DIR_GRANTED)
				lines[n++] = (struct site_audit_line){
					.host = "the directory",
					.owner = audit->owners[i].name,
					.kind = kind,
					.range = audit->owners[i].range[kind],
				};
	judge_overlaps(audit, lines, n, "overlap-owners");
	free(lines);
}

/* --- claims ----------------------------------------------------------------------------
 */

/* A claim that is granted: is its owner there, and counts on it? */
static void judge_granted(struct site_audit *audit, const struct site_audit_claim *claim,
			  struct id_range block)
{
	const struct site_audit_owner *owner = site_audit_owner(audit, claim->name);
	char place[32], text[64];

	if (owner != NULL && owner->state == DIR_PENDING)
		return; /* told of with the owner */
	if (owner != NULL && owner->state == DIR_GRANTED &&
	    id_range_overlaps(owner->range[SUBID_UID], block))
		return;
	(void)snprintf(place, sizeof(place), "block %u", claim->block);
	site_audit_note(audit, NOTE(SITE_WARNING, "orphan-claim", block), place,
			claim->name, unhold(block, text),
			"a grant was left when the block was claimed: nobody has it, and"
			" nobody is given it");
}

static void judge_claim(struct site_audit *audit, const struct site_audit_claim *claim)
{
	const struct id_range first = { claim->block, 1 };
	const struct subid_conf_pool *pool = dir_pool_of(audit->conf, first);
	struct id_range block = pool == NULL ? first : dir_cells(pool, first);
	char place[32];

	(void)snprintf(place, sizeof(place), "block %u", claim->block);
	if (pool == NULL || block.start != claim->block)
		site_audit_note(
		    audit, NOTE(SITE_ERROR, "odd-claim", first), place, claim->name, NULL,
		    pool == NULL ? "the block is in no pool of subid.conf"
				 : "no block of the pool begins there: it keeps"
				   " nobody from being given these ids");
	else if (claim->state == DIR_GRANTED)
		judge_granted(audit, claim, block);
}

/* --- pools -----------------------------------------------------------------------------
 */

uint32_t site_audit_taken(const struct site_audit *audit,
			  const struct subid_conf_pool *pool)
{
	uint32_t taken = 0;

	for (size_t i = 0; i < audit->n_claims; i++)
		taken += audit->claims[i].state != DIR_FREE &&
			 id_range_contains(
			     pool->range, (struct id_range){ audit->claims[i].block, 1 });
	return taken;
}

static void judge_pool(struct site_audit *audit, const struct site_audit_pool *pool)
{
	const struct subid_conf_pool *conf = pool->conf;
	uint32_t blocks = conf->range.count / conf->block;
	uint32_t taken = site_audit_taken(audit, conf);
	char place[80];

	(void)snprintf(place, sizeof(place), "pool %s", conf->name);
	if (pool->broken != NULL || pool->differs)
		site_audit_note(audit, NOTE(SITE_ERROR, "pool-differs", conf->range),
				place, NULL, NULL, "%s: nothing is granted from it",
				pool->broken != NULL
				    ? pool->broken
				    : "the directory has other numbers than subid.conf");
	if (blocks - taken > BLOCKS_FEW && (uint64_t)taken * 10 < (uint64_t)blocks * 9)
		return;
	site_audit_note(audit,
			NOTE(taken >= blocks		    ? SITE_ERROR
			     : blocks - taken <= BLOCKS_FEW ? SITE_WARNING
							    : SITE_INFO,
			     "pool-filling", conf->range),
			place, NULL, NULL,
			"%u of %u blocks are left: add a pool to subid.conf and the"
			" directory, or free what is held",
			taken >= blocks ? 0 : blocks - taken, blocks);
}

/* --- hosts -----------------------------------------------------------------------------
 */

/* Does another line, of somebody else, have some of these ids?  Lines are in the order of
 * their first ids. */
static bool is_disputed(const struct site_audit *audit, size_t i)
{
	const struct site_audit_line *line = &audit->lines[i], *next = line + 1;
	const struct site_audit_line *end = audit->lines + audit->n_lines;

	for (; next < end && next->kind == line->kind &&
	       id_range_overlaps(next->range, line->range);
	     next++)
		if (strcmp(next->owner, line->owner) != 0)
			return true;
	for (next = line; next > audit->lines && next[-1].kind == line->kind &&
			  next[-1].range.start == line->range.start;)
		if (strcmp((--next)->owner, line->owner) != 0)
			return true;
	return false;
}

/*
 * The directory has no claim of a block that a host has: claims are never deleted, so it
 * has lost it.  What gives the owner the same ids again, if nobody else has them; else
 * NULL.
 */
static const char *restore(const struct site_audit *audit, size_t i, char *buf,
			   size_t size)
{
	const struct site_audit_line *line = &audit->lines[i];
	const struct site_audit_owner *owner = site_audit_owner(audit, line->owner);
	char grant[DIR_NAME_SIZE + 16];

	if ((owner != NULL && owner->state != DIR_NONE) || is_disputed(audit, i) ||
	    command("grant", line->owner, grant) == NULL)
		return NULL;
	(void)snprintf(buf, size, "%s --range %u:%u", grant, line->range.start,
		       line->range.count);
	return buf;
}

/* A host's line with ids of the pools must be the directory's. */
static void judge_line(struct site_audit *audit, size_t i)
{
	const struct site_audit_line *line = &audit->lines[i];
	const struct site_audit_owner *owner = site_audit_owner(audit, line->owner);
	const struct subid_conf_pool *pool = dir_pool_of(audit->conf, line->range);
	bool granted = owner != NULL && owner->state == DIR_GRANTED, in_pool = false;
	char text[DIR_NAME_SIZE + 64];

	for (size_t k = 0; k < audit->conf->n_pools; k++)
		in_pool |= id_range_overlaps(audit->conf->pools[k].range, line->range);
	if (!in_pool && granted)
		site_audit_note(audit, NOTE(SITE_WARNING, "host-own", line->range),
				line->host, line->owner, NULL,
				"the owner has a range of this host's own beside the"
				" directory's, and programs may use either");
	if (!in_pool ||
	    (granted && id_range_contains(owner->range[line->kind], line->range)))
		return;
	if (pool != NULL &&
	    site_audit_claim(audit, dir_cells(pool, line->range).start) == NULL)
		site_audit_note(audit, NOTE(SITE_ERROR, "host-forgotten", line->range),
				line->host, line->owner,
				restore(audit, i, text, sizeof(text)),
				"the line has %ss that the directory has no claim of: it"
				" was made by hand, or the directory was restored from an"
				" old backup, and will give them again",
				subid_kind_name(line->kind));
	else
		site_audit_note(audit, NOTE(SITE_ERROR, "host-differs", line->range),
				line->host, line->owner, NULL,
				"the line has %ss of the directory's, which are not the"
				" owner's there: 'subid sync' on that host",
				subid_kind_name(line->kind));
}

void site_audit_judge(struct site_audit *audit)
{
	judge_owner_overlaps(audit);
	for (size_t i = 0; i < audit->n_owners; i++)
		judge_owner(audit, &audit->owners[i]);
	for (size_t i = 0; i < audit->n_claims; i++)
		judge_claim(audit, &audit->claims[i]);
	for (size_t i = 0; i < audit->n_pools; i++)
		judge_pool(audit, &audit->pools[i]);
	judge_overlaps(audit, audit->lines, audit->n_lines, "hosts-overlap");
	for (size_t i = 0; i < audit->n_lines; i++)
		judge_line(audit, i);
}
