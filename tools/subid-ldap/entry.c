/* SPDX-License-Identifier: MIT */
#include "tools/subid-ldap/entry.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "libsubid/tables/tables.h"

static const char *const states[] = {
	[DIR_NONE] = "",     [DIR_PENDING] = "pending",	  [DIR_GRANTED] = "granted",
	[DIR_FREE] = "free", [DIR_RELEASED] = "released", [DIR_RESERVED] = "reserved",
};

#define N_STATES (sizeof(states) / sizeof(states[0]))

const char *dir_state_name(enum dir_state state)
{
	return states[state];
}

/* --- attributes --------------------------------------------------------------------- */

static void damage(struct dir_entry *entry, const char *why)
{
	if (entry->broken == NULL)
		entry->broken = why;
}

static void take_name(struct dir_entry *entry, const char *value, size_t len)
{
	if (entry->name[0] != '\0')
		damage(entry, "it has two names");
	else if (len >= DIR_NAME_SIZE || !subid_owner_valid(value, len))
		damage(entry, "its name can be no owner's");
	else
		memcpy(entry->name, value, len);
}

/* An account may have more names, and some that are no owner's. */
static void take_login(struct dir_entry *entry, const char *value, size_t len)
{
	if (entry->login[0] == '\0' && len < DIR_NAME_SIZE &&
	    subid_owner_valid(value, len))
		memcpy(entry->login, value, len);
}

static void take_ticket(struct dir_entry *entry, const char *value, size_t len)
{
	if (entry->ticket[0] != '\0' || len == 0 || len >= DIR_TICKET_SIZE ||
	    memchr(value, '\0', len) != NULL)
		damage(entry, "its ticket is none");
	else
		memcpy(entry->ticket, value, len);
}

static void take_state(struct dir_entry *entry, const char *value, size_t len)
{
	if (entry->state != DIR_NONE) {
		damage(entry, "it has two states");
		return;
	}
	for (size_t i = 1; i < N_STATES; i++)
		if (strlen(states[i]) == len && memcmp(states[i], value, len) == 0)
			entry->state = (enum dir_state)i;
	if (entry->state == DIR_NONE)
		damage(entry, "its state is not known");
}

static bool take_number(struct dir_entry *entry, const char *value, size_t len, bool *had,
			uint32_t *ret)
{
	if (*had || subid_id_parse(value, len, ret) != 0) {
		damage(entry, *had ? "it has a number twice" : "it has a wrong number");
		return false;
	}
	*had = true;
	return true;
}

/* Numbers that have no flag of their own: 0 is not there. */
static void take_plain(struct dir_entry *entry, const char *value, size_t len,
		       uint32_t *ret)
{
	bool had = *ret != 0;

	(void)take_number(entry, value, len, &had, ret);
}

void dir_entry_take(struct dir_entry *entry, const char *attribute, const char *value,
		    size_t len)
{
	static const char *const numbers[] = { "subUidNumber", "subUidCount",
					       "subGidNumber", "subGidCount" };
	struct id_range *uid = &entry->range[SUBID_UID], *gid = &entry->range[SUBID_GID];
	uint32_t *const into[] = { &uid->start, &uid->count, &gid->start, &gid->count };

	for (size_t i = 0; i < sizeof(into) / sizeof(into[0]); i++)
		if (strcasecmp(attribute, numbers[i]) == 0) {
			(void)take_number(entry, value, len, &entry->has_number[i],
					  into[i]);
			return;
		}
	if (strcasecmp(attribute, "cn") == 0 || strcasecmp(attribute, "subidOwner") == 0)
		take_name(entry, value, len);
	else if (strcasecmp(attribute, "uid") == 0)
		take_login(entry, value, len);
	else if (strcasecmp(attribute, "subidTicket") == 0)
		take_ticket(entry, value, len);
	else if (strcasecmp(attribute, "subidState") == 0)
		take_state(entry, value, len);
	else if (strcasecmp(attribute, "subidBlock") == 0)
		(void)take_number(entry, value, len, &entry->has_block, &entry->block);
	else if (strcasecmp(attribute, "subidNext") == 0)
		(void)take_number(entry, value, len, &entry->is_pool, &entry->next);
	else if (strcasecmp(attribute, "subidFirst") == 0)
		take_plain(entry, value, len, &entry->first);
	else if (strcasecmp(attribute, "subidLast") == 0)
		take_plain(entry, value, len, &entry->last);
	else if (strcasecmp(attribute, "subidBlockSize") == 0)
		take_plain(entry, value, len, &entry->size);
	else if (strcasecmp(attribute, "uidNumber") == 0)
		take_plain(entry, value, len, &entry->uid);
}

void dir_owner_end(struct dir_entry *entry)
{
	size_t numbers = 0;

	for (size_t i = 0; i < 4; i++)
		numbers += entry->has_number[i];
	if (entry->name[0] == '\0')
		damage(entry, "it has no name");
	if (entry->state == DIR_GRANTED) {
		if (numbers < 4 || !id_range_valid(entry->range[SUBID_UID]) ||
		    !id_range_valid(entry->range[SUBID_GID]))
			damage(entry, "it is granted, and has no valid ranges");
		if (entry->ticket[0] == '\0')
			damage(entry, "it is granted, and has no ticket");
	} else if (entry->state == DIR_PENDING) {
		if (entry->ticket[0] == '\0')
			damage(entry, "it is pending, and has no ticket");
	} else if (entry->state != DIR_NONE) {
		damage(entry, "it has a claim's state");
	} else if (numbers > 0) {
		damage(entry, "it has a range, and no state");
	}
}

void dir_claim_end(struct dir_entry *entry)
{
	if (!entry->has_block)
		damage(entry, "it has no subidBlock");
	if (entry->state == DIR_NONE || entry->state == DIR_PENDING)
		damage(entry, "it has no state that a claim can have");
	if (entry->state == DIR_GRANTED &&
	    (entry->name[0] == '\0' || entry->ticket[0] == '\0'))
		damage(entry, "it is granted to nobody");
}

void dir_pool_end(struct dir_entry *entry)
{
	if (!entry->is_pool || entry->last < entry->first || entry->last == UINT32_MAX ||
	    entry->size == 0)
		damage(entry, "it is no pool: subidFirst, subidLast, subidBlockSize and"
			      " subidNext");
}

/* --- names ----------------------------------------------------------------------------
 */

/* Every byte as \XX but letters, digits and a few harmless ones. */
static bool escape(const char *text, char *buf, size_t size)
{
	size_t used = 0;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' ||
			     c == '@';

		if (used + 4 > size)
			return false;
		used += (size_t)snprintf(buf + used, 4, plain ? "%c" : "\\%02x", c);
	}
	buf[used] = '\0';
	return used > 0;
}

bool dir_escape_dn(const char *text, char *buf, size_t size)
{
	return escape(text, buf, size);
}

bool dir_escape_filter(const char *text, char *buf, size_t size)
{
	return escape(text, buf, size);
}

/* --- decisions ------------------------------------------------------------------------
 */

enum dir_step dir_step(const struct dir_entry *owner, const struct dir_request *request)
{
	const struct id_range *uid, *gid;

	if (owner == NULL)
		return DIR_STEP_ADD;
	if (owner->broken != NULL)
		return DIR_STEP_BROKEN;
	if (owner->state == DIR_NONE)
		return DIR_STEP_BEGIN;
	if (owner->state == DIR_PENDING)
		return DIR_STEP_WAIT;
	uid = &owner->range[SUBID_UID];
	gid = &owner->range[SUBID_GID];
	if (request->range.count > 0)
		return memcmp(uid, &request->range, sizeof(*uid)) == 0 &&
			       memcmp(gid, &request->range, sizeof(*gid)) == 0
			   ? DIR_STEP_HAS
			   : DIR_STEP_OTHER;
	return uid->count >= request->count && gid->count >= request->count
		   ? DIR_STEP_HAS
		   : DIR_STEP_OTHER;
}

uint32_t dir_blocks(const struct subid_conf_pool *pool, uint32_t count)
{
	uint64_t blocks = ((uint64_t)count + pool->block - 1) / pool->block;

	if (count == 0)
		return 1;
	return blocks > pool->range.count / pool->block ? 0 : (uint32_t)blocks;
}

struct id_range dir_cells(const struct subid_conf_pool *pool, struct id_range range)
{
	struct id_range common = id_range_common(pool->range, range);
	uint64_t first, end;

	if (common.count == 0)
		return common;
	first = (common.start - pool->range.start) / pool->block;
	end = (id_range_end(common) - pool->range.start + pool->block - 1) / pool->block;
	return id_range_between(pool->range.start + first * pool->block,
				pool->range.start + end * pool->block);
}

const struct subid_conf_pool *dir_pool_of(const struct subid_conf *conf,
					  struct id_range range)
{
	for (size_t i = 0; i < conf->n_pools; i++)
		if (id_range_common(conf->pools[i].range, range).count == range.count)
			return &conf->pools[i];
	return NULL;
}

const char *dir_master(const struct subid_conf *conf, const struct subid_conf_pool *pool)
{
	return pool->master != NULL ? pool->master : conf->directory.uris[0];
}

/* FNV-1a, and a last mix, since its high bits hardly know the last bytes. */
static uint64_t hash(uint64_t hash, const char *text)
{
	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211ULL;
	hash ^= hash >> 32;
	return hash * 0x9e3779b97f4a7c15ULL;
}

const char *dir_master_of(const struct subid_conf *conf, const char *owner)
{
	const char *best = conf->directory.uris[0];
	uint64_t most = 0;

	for (size_t i = 0; i < conf->n_pools; i++) {
		const char *master = dir_master(conf, &conf->pools[i]);
		uint64_t weight = hash(hash(14695981039346656037ULL, master), owner);

		if (i > 0 && weight <= most)
			continue;
		most = weight;
		best = master;
	}
	return best;
}
