/* SPDX-License-Identifier: MIT */
/*
 * Rules about the site's directory, if whoever asked for the audit has asked it: lines
 * that it does not know, and ranges of it that are no lines.
 */
#include <stdio.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

/* Longer names are in no directory. */
#define NAME_SIZE 257

static bool was_asked(const struct audit *audit)
{
	return audit->in->directory != NULL && audit->in->directory->why == NULL &&
	       audit->in->conf != NULL;
}

static bool is_in_pool(const struct audit *audit, struct id_range range)
{
	const struct subid_conf *conf = audit->in->conf;

	for (size_t i = 0; i < conf->n_pools; i++)
		if (id_range_overlaps(conf->pools[i].range, range))
			return true;
	return false;
}

/* The account's name for an owner that is its uid.  False: it can be in no directory. */
static bool name_of(const struct audit *audit, size_t owner, char ret[NAME_SIZE])
{
	const struct audit_owner *o = &audit->owners[owner];
	struct subid_owner_name text = audit_owner_text(audit, owner);

	if (o->number && o->account &&
	    subid_users_name(audit->in->users, SUBID_UID, o->uid, ret, NAME_SIZE))
		return true;
	if (text.len >= NAME_SIZE)
		return false;
	memcpy(ret, text.text, text.len);
	ret[text.len] = '\0';
	return true;
}

static bool is_before(const void *range, const void *owner)
{
	return strcmp(((const struct audit_directory_range *)range)->owner, owner) < 0;
}

/* What the directory has for an owner of lines. */
static const struct audit_directory_range *ranges_of(const struct audit *audit,
						     size_t owner, size_t *ret_n)
{
	const struct audit_directory *directory = audit->in->directory;
	char name[NAME_SIZE];
	size_t first, n = 0;

	*ret_n = 0;
	if (!name_of(audit, owner, name))
		return NULL;
	first = array_search(directory->ranges, directory->n, sizeof(*directory->ranges),
			     name, is_before);
	while (first + n < directory->n &&
	       strcmp(directory->ranges[first + n].owner, name) == 0)
		n++;
	*ret_n = n;
	return &directory->ranges[first];
}

/* Has it ids of that kind for the owner?  *ret_covers: all of these. */
static bool directory_has(const struct audit *audit, size_t owner, enum subid_kind kind,
			  struct id_range range, bool *ret_covers)
{
	size_t n;
	const struct audit_directory_range *ranges = ranges_of(audit, owner, &n);
	bool any = false;

	*ret_covers = false;
	for (size_t i = 0; i < n; i++) {
		if (ranges[i].kind != kind)
			continue;
		any = true;
		*ret_covers |= id_range_contains(ranges[i].range, range);
	}
	return any;
}

typedef void judge_line(struct audit *audit, enum subid_kind kind, size_t entry,
			size_t owner);

/* Applies a judge to each line that grants ids. */
static int for_lines(struct audit *audit, judge_line *judge)
{
	for (enum subid_kind kind = 0; was_asked(audit) && kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];

		for (size_t i = 0; view->table != NULL && i < view->table->n; i++)
			if (!audit->owners[view->owner[i]].hold)
				judge(audit, kind, i, view->owner[i]);
	}
	return 0;
}

static void judge_differs(struct audit *audit, enum subid_kind kind, size_t entry,
			  size_t owner)
{
	const struct id_range range = audit->in->tables[kind]->entries[entry].range;
	struct audit_finding finding;
	bool covers;

	if (!is_in_pool(audit, range))
		return;
	(void)directory_has(audit, owner, kind, range, &covers);
	if (covers || audit_floods(audit, (int)kind))
		return;
	finding = audit_at_entry(audit, kind, entry);
	if (!audit_skips(audit, &finding))
		audit_add_finding(audit, &finding, NULL,
				  "%ss %u-%llu of %.*s (line %zu) are the site's"
				  " directory's to give, and it has not given them to"
				  " %.*s",
				  subid_kind_name(kind), FIRST_LAST(range),
				  NAME(finding.owner), finding.line, NAME(finding.owner));
}

int audit_find_directory_differs(struct audit *audit)
{
	return for_lines(audit, judge_differs);
}

static void judge_own(struct audit *audit, enum subid_kind kind, size_t entry,
		      size_t owner)
{
	const struct id_range range = audit->in->tables[kind]->entries[entry].range;
	struct audit_finding finding;
	bool covers;

	if (is_in_pool(audit, range) ||
	    !directory_has(audit, owner, kind, range, &covers) || covers ||
	    audit_floods(audit, (int)kind))
		return;
	finding = audit_at_entry(audit, kind, entry);
	if (!audit_skips(audit, &finding))
		audit_add_finding(audit, &finding, NULL,
				  "%.*s has %ss %u-%llu (line %zu) on this host, and"
				  " others by the site's directory",
				  NAME(finding.owner), subid_kind_name(kind),
				  FIRST_LAST(range), finding.line);
}

int audit_find_directory_own(struct audit *audit)
{
	return for_lines(audit, judge_own);
}

/* A range of the directory that the account's lines lack. */
static int judge_missing(struct audit *audit, size_t owner,
			 const struct audit_directory_range *range)
{
	auto_set struct subid_set owned = { .n = 0 };
	const struct subid_owner_name name = audit_owner_text(audit, owner);
	struct audit_finding finding = {
		.kind = (int)range->kind,
		.file = subid_kind_table(range->kind),
		.owner = name,
		.range = range->range,
		.count = 1,
	};
	int r = audit_owned_ranges(audit, range->kind, owner, &owned);

	if (r < 0 || subid_set_contains(&owned, range->range))
		return r;
	audit_add_finding(audit, &finding, NULL,
			  "%.*s has %ss %u-%llu by the site's directory, and not in"
			  " /etc/%s",
			  NAME(name), subid_kind_name(range->kind),
			  FIRST_LAST(range->range), subid_kind_table(range->kind));
	return 0;
}

int audit_find_directory_missing(struct audit *audit)
{
	int r = 0;

	for (size_t i = 0; was_asked(audit) && r == 0 && i < audit->n_owners; i++) {
		size_t n = 0;
		const struct audit_directory_range *ranges =
		    audit->owners[i].hold || audit->owners[i].same != i
			? NULL
			: ranges_of(audit, i, &n);

		for (size_t k = 0; r == 0 && k < n; k++)
			if (audit->in->tables[ranges[k].kind] != NULL)
				r = judge_missing(audit, i, &ranges[k]);
	}
	return r;
}
