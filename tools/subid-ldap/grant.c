/* SPDX-License-Identifier: MIT */
/*
 * The five steps of a grant, see entry.h.  take_step() is to be read first.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid-ldap/site.h"

/* How long an owner stays pending before another one finishes it. */
#define PENDING_MS 5000

/* Turns of one grant, changes of a counter that others won, and blocks that the counter
 * points at and that are taken: with more of them it was set back, and all claims are
 * read instead. */
#define TURNS_MAX   50
#define COUNTER_MAX 2000
#define WALK_MAX    64

/* Free claims that are looked at: one is drawn, so that not all take the first. */
#define FREE_LOOKED_AT 16

struct grant {
	struct site *site;
	const struct site_owner *owner;
	const struct dir_request *request;
	struct server *server; /* who takes the owner's changes */
	const char *uri;
	char dn[DIR_DN_SIZE];
	char ticket[DIR_TICKET_SIZE];
	const struct subid_conf_pool *pool; /* of the blocks */
	struct id_range cells; /* the blocks that are claimed; count 0: none */
};

static void sleep_ms(int ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	(void)nanosleep(&time, NULL);
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A few milliseconds, others for each process, so that they do not meet again. */
static int some_ms(int most)
{
	static unsigned int seed;

	if (seed == 0)
		seed = (unsigned int)getpid() ^ (unsigned int)now_ms();
	return 1 + rand_r(&seed) % most;
}

static int failed(const struct grant *grant)
{
	return site_failed(grant->server);
}

/* --- claims ----------------------------------------------------------------------------
 */

int site_set_claim(struct site *site, struct server *server,
		   const struct dir_entry *claim, enum dir_state state)
{
	struct server_change changes[5] = {
		{ SERVER_DELETE, "subidState", dir_state_name(claim->state) },
		{ SERVER_ADD, "subidState", dir_state_name(state) },
	};
	char dn[DIR_DN_SIZE];
	size_t n = 2;

	if (!site_block_dn(site, claim->block, dn))
		return -ENAMETOOLONG;
	/* a released claim keeps its former owner, and the ticket by which it is known */
	if (claim->ticket[0] != '\0') {
		changes[n++] =
		    (struct server_change){ SERVER_DELETE, "subidTicket", claim->ticket };
		if (state != DIR_FREE)
			changes[n++] = (struct server_change){ SERVER_ADD, "subidTicket",
							       claim->ticket };
	}
	if (claim->name[0] != '\0' && state == DIR_FREE)
		changes[n++] =
		    (struct server_change){ SERVER_DELETE, "subidOwner", claim->name };
	return server_modify(server, dn, changes, n);
}

/* Our own claims become free again, as far as it goes: the audit finds the rest. */
static int give_back(struct grant *grant, struct id_range cells)
{
	int r = 0;

	for (uint64_t at = cells.start; r >= 0 && at < id_range_end(cells);
	     at += grant->pool->block) {
		struct dir_entry claim = { .state = DIR_GRANTED, .block = (uint32_t)at };

		(void)strcpy(claim.ticket, grant->ticket);
		(void)strcpy(claim.name, grant->owner->name);
		r = site_set_claim(grant->site, grant->server, &claim, DIR_FREE);
	}
	return r < 0 ? r : 0;
}

/* One block becomes ours, if it is nobody's.  0, SERVER_EXISTS, -errno. */
static int claim_block(struct grant *grant, uint32_t block)
{
	const struct server_change entry[] = {
		{ SERVER_ADD, "objectClass", "subidClaim" },
		{ SERVER_ADD, "subidState", dir_state_name(DIR_GRANTED) },
		{ SERVER_ADD, "subidOwner", grant->owner->name },
		{ SERVER_ADD, "subidTicket", grant->ticket },
	};
	const struct server_change take[] = {
		{ SERVER_DELETE, "subidState", dir_state_name(DIR_FREE) },
		{ SERVER_ADD, "subidState", dir_state_name(DIR_GRANTED) },
		{ SERVER_ADD, "subidOwner", grant->owner->name },
		{ SERVER_ADD, "subidTicket", grant->ticket },
	};
	char dn[DIR_DN_SIZE];
	int r;

	if (!site_block_dn(grant->site, block, dn))
		return -ENAMETOOLONG;
	r = server_add(grant->server, dn, entry, 4);
	if (r == SERVER_EXISTS)
		r = server_modify(grant->server, dn, take, 4);
	return r > 0 ? SERVER_EXISTS : r;
}

/* The directory has an account whose uid is one of these. */
static int has_account(void *data, struct dir_entry *entry)
{
	(void)entry;
	*(bool *)data = true;
	return 0;
}

/*
 * Has an id of the block another meaning?  Threat: whoever is mapped to an account's own
 * uid reads its files.  0, SUBID_TAKEN, -errno.
 */
static int check_block(struct grant *grant, struct id_range cells)
{
	const char *users = grant->site->conf.directory.users;
	char filter[128];
	bool found = false;
	int r = 0;

	if (subid_set_meets(&grant->site->reserved, cells, NULL))
		return SUBID_TAKEN;
	if (users == NULL)
		return grant->owner->uid != SUBID_ID_NONE &&
			       grant->owner->uid - (uint64_t)cells.start < cells.count
			   ? SUBID_TAKEN
			   : 0;
	for (enum subid_kind kind = 0; r == 0 && !found && kind < SUBID_KINDS; kind++) {
		const char *number = kind == SUBID_UID ? "uidNumber" : "gidNumber";

		(void)snprintf(filter, sizeof(filter), "(&(%s>=%u)(%s<=%llu))", number,
			       cells.start, number,
			       (unsigned long long)id_range_end(cells) - 1);
		r = server_search(grant->server, users, filter, 1, has_account, &found);
	}
	if (r == SERVER_ABSENT)
		r = 0; /* said when the owner was looked up */
	return r == 0 && found ? SUBID_TAKEN : r;
}

/* A block that must not be given is held, so that it is not looked at again. */
static int set_aside(struct grant *grant, struct id_range cells)
{
	const struct server_change entry[] = {
		{ SERVER_ADD, "objectClass", "subidClaim" },
		{ SERVER_ADD, "subidState", dir_state_name(DIR_RESERVED) },
		{ SERVER_ADD, "description", "has ids of an account, or reserved ones" },
	};
	int r = 0;

	for (uint64_t at = cells.start; r >= 0 && at < id_range_end(cells);
	     at += grant->pool->block) {
		char dn[DIR_DN_SIZE];

		if (!site_block_dn(grant->site, (uint32_t)at, dn))
			return -ENAMETOOLONG;
		r = server_add(grant->server, dn, entry, 3);
	}
	return r < 0 ? r : 0;
}

/* Step 4: all of these blocks, or none.  0, SERVER_EXISTS, -errno. */
static int claim(struct grant *grant, struct id_range cells)
{
	uint64_t at = cells.start;
	int r = 0;

	for (; r == 0 && at < id_range_end(cells); at += grant->pool->block)
		r = claim_block(grant, (uint32_t)at);
	if (r == 0) {
		grant->cells = cells;
		return 0;
	}
	if (r > 0) {
		int back = give_back(
		    grant, id_range_between(cells.start, at - grant->pool->block));

		r = back < 0 ? back : r;
	}
	return r;
}

/* --- step 3: which blocks -----------------------------------------------------------
 */

/* Free claims of the pool. */
struct free_claims {
	const struct subid_conf_pool *pool;
	uint32_t blocks[FREE_LOOKED_AT];
	size_t n;
};

/* Is it the first id of a block of the pool?  Threat: a server that answers another
 * question: a block of somebody's. */
static bool is_block(const struct subid_conf_pool *pool, uint32_t block)
{
	const struct id_range first = { block, 1 };

	return id_range_contains(pool->range, first) &&
	       dir_cells(pool, first).start == block;
}

static int take_free(void *data, struct dir_entry *entry)
{
	struct free_claims *claims = data;

	dir_claim_end(entry);
	if (entry->broken == NULL && entry->state == DIR_FREE &&
	    is_block(claims->pool, entry->block))
		claims->blocks[claims->n++] = entry->block;
	return claims->n == FREE_LOOKED_AT ? SUBID_ENOUGH : 0;
}

/* 0, SERVER_ABSENT: there is none; -errno. */
static int take_free_claim(struct grant *grant)
{
	const struct subid_conf_pool *pool = grant->pool;
	struct free_claims claims = { .pool = pool };
	char branch[DIR_DN_SIZE];
	size_t first;
	int r;

	if (!site_branch_dn(grant->site, "blocks", branch))
		return -ENAMETOOLONG;
	/* no comparisons: with 100,000 claims slapd takes ten seconds for them; and what
	 * few entries have stands first, since ns-slapd looks no further then */
	r = server_search(grant->server, branch,
			  "(&(subidState=free)(objectClass=subidClaim))", 0, take_free,
			  &claims);
	if (r == SERVER_ABSENT)
		return -ENOENT;
	if (r < 0 || claims.n == 0)
		return r < 0 ? r : SERVER_ABSENT;
	first = (size_t)some_ms(FREE_LOOKED_AT) % claims.n;
	for (size_t i = 0; i < claims.n; i++) {
		const struct id_range cells = { claims.blocks[(first + i) % claims.n],
						pool->block };

		r = check_block(grant, cells);
		if (r == 0)
			r = claim(grant, cells);
		if (r <= 0)
			return r;
	}
	return SERVER_ABSENT;
}

/* Reads the pool's entry, which must be what subid.conf says.  0 or -errno, explained in
 * the server's error. */
static int read_pool(struct grant *grant, const char *dn, struct dir_entry *ret)
{
	struct server *server = grant->server;
	const struct subid_conf_pool *pool = grant->pool;
	int r = server_read(server, dn, ret);

	if (r < 0)
		return r;
	if (r == 0)
		dir_pool_end(ret);
	if (r == 0 && ret->broken == NULL && ret->first == pool->range.start &&
	    ret->last == id_range_end(pool->range) - 1 && ret->size == pool->block)
		return 0;
	(void)snprintf(server->error, sizeof(server->error),
		       "%s: pool %s: %s: subid.conf says %u-%llu, block %u", server->uri,
		       pool->name,
		       r != 0		     ? "there is no such entry"
		       : ret->broken != NULL ? ret->broken
					     : "the directory has other numbers",
		       pool->range.start,
		       (unsigned long long)id_range_end(pool->range) - 1, pool->block);
	return -EINVAL;
}

/* The next of the counter, by comparing and exchanging it. */
static int exchange(struct grant *grant, const char *dn, uint32_t by, uint32_t most,
		    uint32_t *ret)
{
	for (int i = 0; i < COUNTER_MAX; i++) {
		char now[16], next[16];
		const struct server_change changes[] = {
			{ SERVER_DELETE, "subidNext", now },
			{ SERVER_ADD, "subidNext", next },
		};
		struct dir_entry pool;
		int r = read_pool(grant, dn, &pool);

		if (r != 0)
			return r;
		if (pool.next > most)
			return SUBID_FULL;
		(void)snprintf(now, sizeof(now), "%u", pool.next);
		(void)snprintf(next, sizeof(next), "%u", pool.next + by);
		r = server_modify(grant->server, dn, changes, 2);
		if (r < 0)
			return r;
		if (r == 0) {
			*ret = pool.next;
			return 0;
		}
		sleep_ms(some_ms(i < 20 ? 20 : 200));
	}
	return -EBUSY;
}

/* Moves the counter; what it was, in *ret.  0, SUBID_FULL, -errno. */
static int count_up(struct grant *grant, uint32_t by, uint32_t *ret)
{
	const struct subid_conf_pool *pool = grant->pool;
	uint64_t end = id_range_end(pool->range);
	uint32_t most = (uint32_t)(end - by);
	struct dir_entry entry;
	char dn[DIR_DN_SIZE];
	int r;

	if (!site_pool_dn(grant->site, pool->name, dn))
		return -ENAMETOOLONG;
	if (!grant->server->increments)
		return exchange(grant, dn, by, most, ret);
	r = server_increment(grant->server, dn, "subidNext", by, most, ret);
	if (r <= 0)
		return r;
	/* full, or it is not there */
	r = read_pool(grant, dn, &entry);
	return r < 0 ? r : SUBID_FULL;
}

/* The first block from what a counter says: it may have been set to anything. */
static uint32_t align(const struct subid_conf_pool *pool, uint32_t at)
{
	if (at < pool->range.start)
		return pool->range.start;
	return dir_cells(pool, (struct id_range){ at, 1 }).start;
}

/* Blocks that the counter points at.  0; SUBID_FULL: there is none, or it is far behind;
 * -errno. */
static int take_next(struct grant *grant, uint32_t by)
{
	for (int i = 0; i < WALK_MAX; i++) {
		struct id_range cells = { .count = by };
		uint32_t at;
		int r = count_up(grant, by, &at);

		if (r != 0)
			return r;
		cells.start = align(grant->pool, at);
		r = check_block(grant, cells);
		if (r == SUBID_TAKEN) {
			r = set_aside(grant, cells);
			if (r < 0)
				return r;
			continue;
		}
		if (r == 0)
			r = claim(grant, cells);
		if (r <= 0)
			return r;
	}
	return SUBID_FULL;
}

/* Which blocks of a pool have a claim. */
struct claimed_blocks {
	const struct subid_conf_pool *pool;
	struct subid_set set;
};

static void free_claimed(struct claimed_blocks *claimed)
{
	subid_set_free(&claimed->set);
}

#define auto_claimed __attribute__((cleanup(free_claimed)))

static int take_claimed(void *data, struct dir_entry *entry)
{
	struct claimed_blocks *claimed = data;

	if (!entry->has_block || !is_block(claimed->pool, entry->block))
		return 0;
	return subid_set_add(&claimed->set, (struct id_range){ entry->block, 1 });
}

/* The counter was behind: the next grants begin here.  It is a hint: whoever is quicker
 * may set it.  0 or -errno. */
static int push_counter(struct grant *grant)
{
	uint64_t end = id_range_end(grant->cells);
	char dn[DIR_DN_SIZE], now[16], next[24];
	const struct server_change changes[] = {
		{ SERVER_DELETE, "subidNext", now },
		{ SERVER_ADD, "subidNext", next },
	};
	struct dir_entry pool;
	int r;

	if (!site_pool_dn(grant->site, grant->pool->name, dn))
		return -ENAMETOOLONG;
	r = read_pool(grant, dn, &pool);
	if (r < 0 || pool.next >= end)
		return r;
	(void)snprintf(now, sizeof(now), "%u", pool.next);
	(void)snprintf(next, sizeof(next), "%llu", (unsigned long long)end);
	r = server_modify(grant->server, dn, changes, 2);
	return r < 0 ? r : 0;
}

/*
 * The counter is at its end, or far behind: the first block that nobody has claimed.
 * There are such before the counter, since who moved it was killed.  0, SUBID_FULL,
 * -errno.
 */
static int take_hole(struct grant *grant, uint32_t by)
{
	const struct subid_conf_pool *pool = grant->pool;
	auto_claimed struct claimed_blocks claimed = { .pool = pool };
	char branch[DIR_DN_SIZE];
	int r;

	if (!site_branch_dn(grant->site, "blocks", branch))
		return -ENAMETOOLONG;
	r = server_search(grant->server, branch, "(objectClass=subidClaim)", 0,
			  take_claimed, &claimed);
	if (r != 0)
		return r < 0 ? r : -ENOENT;
	subid_set_sort(&claimed.set);
	for (uint64_t at = pool->range.start; at + by <= id_range_end(pool->range);
	     at += pool->block) {
		const struct id_range cells = { (uint32_t)at, by };

		if (subid_set_meets(&claimed.set, cells, NULL))
			continue;
		r = check_block(grant, cells);
		if (r == 0)
			r = claim(grant, cells);
		if (r == 0)
			r = push_counter(grant);
		if (r <= 0)
			return r;
	}
	return SUBID_FULL;
}

static int take_in_pool(struct grant *grant)
{
	uint32_t blocks = dir_blocks(grant->pool, grant->request->count);
	uint64_t ids = (uint64_t)blocks * grant->pool->block;
	int r = SERVER_ABSENT;

	if (blocks == 0)
		return SUBID_FULL;
	if (blocks == 1)
		r = take_free_claim(grant);
	if (r == SERVER_ABSENT)
		r = take_next(grant, (uint32_t)ids);
	return r == SUBID_FULL ? take_hole(grant, (uint32_t)ids) : r;
}

/* Just the range that was asked for.  0, SUBID_TAKEN, -errno. */
static int take_exact(struct grant *grant)
{
	struct id_range cells;
	int r;

	grant->pool = dir_pool_of(&grant->site->conf, grant->request->range);
	cells = dir_cells(grant->pool, grant->request->range);
	r = check_block(grant, cells);
	if (r == 0)
		r = claim(grant, cells);
	return r > 0 ? SUBID_TAKEN : r;
}

/* Steps 3 and 4.  0, SUBID_FULL, SUBID_TAKEN, -errno. */
static int take_blocks(struct grant *grant)
{
	const struct subid_conf *conf = &grant->site->conf;
	int r = SUBID_FULL;

	if (grant->request->range.count > 0)
		return take_exact(grant);
	for (size_t i = 0; r == SUBID_FULL && i < conf->n_pools; i++) {
		grant->pool = &conf->pools[i];
		if (strcmp(dir_master(conf, grant->pool), grant->uri) == 0)
			r = take_in_pool(grant);
	}
	return r;
}

/* --- the owner ----------------------------------------------------------------------
 */

/* Step 2.  0: it is ours; SERVER_EXISTS or SERVER_LOST: others are at work; -errno. */
static int add_pending(struct grant *grant, bool exists)
{
	const struct server_change entry[] = {
		{ SERVER_ADD, "objectClass", "subordinateIdEntry" },
		{ SERVER_ADD, "subidState", dir_state_name(DIR_PENDING) },
		{ SERVER_ADD, "subidTicket", grant->ticket },
	};

	if (exists)
		return server_modify(grant->server, grant->dn, entry + 1, 2);
	return server_add(grant->server, grant->dn, entry, 3);
}

/* Nothing could be given: the owner is as before. */
static int take_back_pending(struct grant *grant)
{
	const struct server_change changes[] = {
		{ SERVER_DELETE, "subidState", dir_state_name(DIR_PENDING) },
		{ SERVER_DELETE, "subidTicket", grant->ticket },
	};
	int r = server_modify(grant->server, grant->dn, changes, 2);

	return r < 0 ? r : 0;
}

static struct id_range result(const struct grant *grant)
{
	if (grant->request->range.count > 0)
		return grant->request->range;
	return (struct id_range){
		.start = grant->cells.start,
		.count = grant->request->count > 0 ? grant->request->count
						   : grant->pool->block,
	};
}

/* Step 5.  0; SERVER_LOST: another one has finished; -errno. */
static int settle(struct grant *grant)
{
	struct id_range range = result(grant);
	char start[16], count[16];
	const struct server_change changes[] = {
		{ SERVER_DELETE, "subidState", dir_state_name(DIR_PENDING) },
		{ SERVER_ADD, "subidState", dir_state_name(DIR_GRANTED) },
		{ SERVER_DELETE, "subidTicket", grant->ticket },
		{ SERVER_ADD, "subidTicket", grant->ticket },
		{ SERVER_REPLACE, "subUidNumber", start },
		{ SERVER_REPLACE, "subUidCount", count },
		{ SERVER_REPLACE, "subGidNumber", start },
		{ SERVER_REPLACE, "subGidCount", count },
		{ SERVER_REPLACE, "subidRangeOwner", grant->owner->dn },
	};
	size_t n = sizeof(changes) / sizeof(changes[0]);
	int r;

	(void)snprintf(start, sizeof(start), "%u", range.start);
	(void)snprintf(count, sizeof(count), "%u", range.count);
	r = server_modify(grant->server, grant->dn, changes,
			  grant->owner->dn[0] == '\0' ? n - 1 : n);
	return r > 0 ? SERVER_LOST : r;
}

/*
 * Waits while somebody else's ticket is in the owner.  0: nothing moves: it is to be
 * finished, by that ticket; SERVER_LOST: something has; -errno.
 */
static int wait_for_other(struct grant *grant, const struct dir_entry *pending)
{
	int64_t end = now_ms() + PENDING_MS;

	while (now_ms() < end) {
		struct dir_entry owner;
		int r;

		sleep_ms(50 + some_ms(100));
		r = server_read(grant->server, grant->dn, &owner);
		if (r < 0)
			return r;
		if (r > 0 || owner.state != DIR_PENDING ||
		    strcmp(owner.ticket, pending->ticket) != 0)
			return SERVER_LOST;
	}
	(void)strcpy(grant->ticket, pending->ticket);
	return 0;
}

/* Steps 3 to 5, for an owner that is pending by our ticket.  0, SERVER_LOST: another one
 * has finished; SUBID_FULL, SUBID_TAKEN; -errno. */
static int give(struct grant *grant)
{
	int back, r = take_blocks(grant);

	if (r > 0) {
		back = take_back_pending(grant);
		return back < 0 ? back : r;
	}
	if (r == 0)
		r = settle(grant);
	if (r > 0) {
		back = give_back(grant, grant->cells);
		r = back < 0 ? back : SERVER_LOST;
	}
	return r;
}

/* One turn.  0: done; SERVER_LOST: look again; SUBID_FULL, SUBID_TAKEN; -errno. */
static int take_step(struct grant *grant, enum dir_step step,
		     const struct dir_entry *owner)
{
	int r;

	if (step == DIR_STEP_WAIT) {
		r = wait_for_other(grant, owner);
	} else {
		r = site_draw_ticket(grant->ticket);
		if (r == 0)
			r = add_pending(grant, step == DIR_STEP_BEGIN);
	}
	if (r > 0)
		return SERVER_LOST;
	return r == 0 ? give(grant) : r;
}

/* --- answers ---------------------------------------------------------------------------
 */

static int refuse(const struct grant *grant, int r)
{
	const char *name = grant->owner->name;
	struct id_range range = grant->request->range;

	if (r == -EBUSY || r == SERVER_LOST)
		return cli_complain(EXIT_UNABLE,
				    "%s: others were quicker too many times: try again",
				    name);
	if (r < 0)
		return failed(grant);
	if (r == SUBID_TAKEN)
		return cli_complain(EXIT_NO,
				    "%s: %u-%llu: a block of these ids is claimed, or has"
				    " ids of an account: 'subid --directory list'",
				    name, range.start,
				    (unsigned long long)id_range_end(range) - 1);
	return cli_complain(EXIT_NO,
			    "%s: the pools at %s are full: add one to subid.conf and the"
			    " directory, or 'subid --directory unhold' what is held",
			    name, grant->uri);
}

static int refuse_step(const struct grant *grant, enum dir_step step,
		       const struct dir_entry *owner)
{
	if (step == DIR_STEP_BROKEN)
		return cli_complain(EXIT_UNABLE, "%s: %s: %s", grant->owner->name,
				    grant->dn, owner->broken);
	return cli_complain(EXIT_NO,
			    "%s: has %u ids from %u, and the directory has one range for"
			    " each owner: revoke that first",
			    grant->owner->name, owner->range[SUBID_UID].count,
			    owner->range[SUBID_UID].start);
}

static int begin(struct grant *grant)
{
	const struct subid_conf *conf = &grant->site->conf;
	const struct id_range *range = &grant->request->range;
	const struct subid_conf_pool *pool = dir_pool_of(conf, *range);

	grant->uri = dir_master_of(conf, grant->owner->name);
	if (range->count > 0 && pool == NULL)
		return cli_complain(EXIT_NO, "%s: %u-%llu: not in one pool of subid.conf",
				    grant->owner->name, range->start,
				    (unsigned long long)id_range_end(*range) - 1);
	/* Threat: a claim that one master has, and another one gives meanwhile */
	if (range->count > 0 && strcmp(dir_master(conf, pool), grant->uri) != 0)
		return cli_complain(
		    EXIT_NO,
		    "%s: the owner's changes go to %s, and those of pool %s"
		    " to %s: choose ids of another pool",
		    grant->owner->name, grant->uri, pool->name, dir_master(conf, pool));
	if (!site_owner_dn(grant->site, grant->owner->name, grant->dn))
		return cli_complain(EXIT_NO, "%s: the name is too long",
				    grant->owner->name);
	grant->server = site_server(grant->site, grant->uri);
	return grant->server == NULL ? EXIT_UNABLE : EXIT_DONE;
}

/* Reads the owner; a name that only folds to the same is somebody else's. */
static int read_owner(struct grant *grant, struct dir_entry *ret, enum dir_step *ret_step)
{
	int r = server_read(grant->server, grant->dn, ret);

	if (r < 0)
		return failed(grant);
	if (r == 0)
		dir_owner_end(ret);
	if (r == 0 && ret->broken == NULL && strcmp(ret->name, grant->owner->name) != 0)
		return cli_complain(EXIT_NO,
				    "%s: the directory has it as '%s', which is another"
				    " name",
				    grant->owner->name, ret->name);
	*ret_step = dir_step(r == 0 ? ret : NULL, grant->request);
	return EXIT_DONE;
}

/* Where it would be, if nobody comes in between and no claim is free. */
static int guess(struct grant *grant, struct id_range ret[SUBID_KINDS])
{
	const struct subid_conf *conf = &grant->site->conf;
	struct dir_entry entry;
	char dn[DIR_DN_SIZE];

	for (size_t i = 0; grant->request->range.count == 0 && i < conf->n_pools; i++) {
		grant->pool = &conf->pools[i];
		if (strcmp(dir_master(conf, grant->pool), grant->uri) != 0)
			continue;
		if (!site_pool_dn(grant->site, grant->pool->name, dn) ||
		    read_pool(grant, dn, &entry) < 0)
			return failed(grant);
		grant->cells.start = align(grant->pool, entry.next);
		if (id_range_common(grant->pool->range,
				    (struct id_range){ entry.next, 1 })
			.count > 0)
			break;
	}
	ret[SUBID_UID] = ret[SUBID_GID] = result(grant);
	return EXIT_DONE;
}

int site_grant(struct site *site, const struct site_owner *owner,
	       const struct dir_request *request, bool dry_run,
	       struct id_range ret[SUBID_KINDS], enum site_outcome *ret_outcome)
{
	struct grant grant = { .site = site, .owner = owner, .request = request };
	int r = SERVER_LOST, status = begin(&grant);

	for (int turn = 0; status == EXIT_DONE && turn < TURNS_MAX; turn++) {
		struct dir_entry entry;
		enum dir_step step = DIR_STEP_BROKEN;

		status = read_owner(&grant, &entry, &step);
		if (status != EXIT_DONE)
			return status;
		if (step == DIR_STEP_HAS) {
			memcpy(ret, entry.range, sizeof(entry.range));
			*ret_outcome = SITE_HAD;
			return EXIT_DONE;
		}
		if (step == DIR_STEP_OTHER || step == DIR_STEP_BROKEN)
			return refuse_step(&grant, step, &entry);
		if (dry_run) {
			*ret_outcome = SITE_WOULD;
			return guess(&grant, ret);
		}
		r = take_step(&grant, step, &entry);
		if (r == 0) {
			ret[SUBID_UID] = ret[SUBID_GID] = result(&grant);
			*ret_outcome = SITE_GIVEN;
			return EXIT_DONE;
		}
		if (r != SERVER_LOST)
			break;
	}
	return status != EXIT_DONE ? status : refuse(&grant, r);
}
