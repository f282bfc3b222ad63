/* SPDX-License-Identifier: MIT */
/*
 * Rules about ids.  Each asks the set of all ids first, which is small when the lines
 * adjoin, and goes through the lines only when there is something to be found.
 */
#include <errno.h>
#include <string.h>

#include "libsubid/audit/private.h"

/*
 * Calls say() for each entry that shares ids with r, with the finding that begins there,
 * whose range is the shared ids; holds are left out: they grant nothing.
 */
static int find_meeting(struct audit *audit, struct id_range r,
			void (*say)(struct audit *audit, struct audit_finding *finding,
				    size_t entry))
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];

		if (!subid_set_meets(&view->table->ids, r, NULL))
			continue;
		for (size_t i = 0; i < view->table->n; i++) {
			struct audit_finding finding;

			if (!id_range_overlaps(view->table->entries[i].range, r) ||
			    audit->owners[view->owner[i]].hold ||
			    audit_floods(audit, (int)kind))
				continue;
			finding = audit_at_entry(audit, kind, i);
			finding.range = id_range_common(finding.range, r);
			if (!audit_skips(audit, &finding))
				say(audit, &finding, i);
		}
	}
	return 0;
}

static void say_includes_root(struct audit *audit, struct audit_finding *finding,
			      size_t entry)
{
	audit_add_finding(
	    audit, finding,
	    audit_advise_move(audit, finding, (enum subid_kind)finding->kind, entry),
	    "%.*s may map %s 0: a container of %.*s can be root on the host",
	    NAME(finding->owner), finding->kind == SUBID_UID ? "uid" : "gid",
	    NAME(finding->owner));
}

int audit_find_includes_root(struct audit *audit)
{
	return find_meeting(audit, (struct id_range){ 0, 1 }, say_includes_root);
}

static bool ends_before(const void *element, const void *key)
{
	const struct id_range *range = key;

	return id_range_end(*(const struct id_range *)element) <= range->start;
}

/* More pieces are only counted. */
#define PIECES_MAX 16

/*
 * Account ids in a range, but for root's and for the owner's own: the first pieces of
 * them into an empty set, and in *ret_n how many ids there are.
 */
static int foreign_ids(const struct subid_set *accounts, struct id_range range,
		       uint32_t own, struct subid_set *ret, uint64_t *ret_n)
{
	uint64_t n = 0;
	size_t at = array_search(accounts->ranges, accounts->n, sizeof(*accounts->ranges),
				 &range, ends_before);
	int r = 0;

	for (; r == 0 && at < accounts->n; at++) {
		struct id_range parts[2], rest[2];
		struct id_range common = id_range_common(accounts->ranges[at], range);
		size_t n_parts;

		if (common.count == 0)
			break;
		n_parts = subid_range_without(common, (struct id_range){ 0, 1 }, parts);
		for (size_t i = 0; i < n_parts; i++) {
			size_t n_rest = subid_range_without(
			    parts[i], (struct id_range){ own, own != SUBID_ID_NONE },
			    rest);

			for (size_t j = 0; r == 0 && j < n_rest; j++) {
				if (ret->n < PIECES_MAX)
					r = subid_set_add(ret, rest[j]);
				n += rest[j].count;
			}
		}
	}
	*ret_n = n;
	return r;
}

/* The name of the account or group that has an id, in the report's memory; "". */
static const char *name_of_id(struct audit *audit, enum subid_kind kind, uint32_t id)
{
	char name[64] = "";

	if (subid_users_name(audit->in->users, kind, id, name, sizeof(name)))
		return audit_text(audit, "%s", name);
	return "";
}

static void say_overlap_account(struct audit *audit, struct audit_finding *finding,
				size_t entry, const struct subid_set *foreign, uint64_t n)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const char *what = kind == SUBID_UID ? "account" : "group";
	const char *remedy, *name;

	finding->range = foreign->ranges[0];
	name = name_of_id(audit, kind, finding->range.start);
	finding->other = (struct subid_owner_name){ name, strlen(name) };
	remedy = audit_advise_ids(audit, finding, foreign, n);
	if (remedy == NULL)
		remedy = audit_advise_move(audit, finding, kind, entry);
	audit_add_finding(audit, finding, remedy,
			  "%s %u is %s %s's own%s, and is inside the range of %.*s (line "
			  "%zu), who can act as that %s",
			  subid_kind_name(kind), finding->range.start, what,
			  *name == '\0' ? "somebody" : name,
			  n == 1 ? ""
				 : audit_text(audit, ", as are %llu more ids of %ss",
					      (unsigned long long)n - 1, what),
			  NAME(finding->owner), finding->line, what);
}

/* One line, of which some id is an account's. */
static int check_accounts(struct audit *audit, enum subid_kind kind, size_t entry)
{
	const struct audit_table *view = &audit->tables[kind];
	const struct audit_owner *owner = &audit->owners[view->owner[entry]];
	struct audit_finding finding = audit_at_entry(audit, kind, entry);
	auto_set struct subid_set foreign = { .n = 0 };
	uint64_t n;
	int r = foreign_ids(&view->accounts, finding.range,
			    kind == SUBID_UID ? owner->uid : owner->gid, &foreign, &n);

	if (r == 0 && n > 0 && !audit_skips(audit, &finding))
		say_overlap_account(audit, &finding, entry, &foreign, n);
	return r;
}

int audit_find_overlap_account(struct audit *audit)
{
	int r = 0;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];

		for (size_t i = 0; r == 0 && view->meets_accounts && i < view->table->n;
		     i++)
			if (!audit->owners[view->owner[i]].hold &&
			    subid_set_meets(&view->accounts,
					    view->table->entries[i].range, NULL))
				r = check_accounts(audit, kind, i);
	}
	return r;
}

/* Who reserves it, for a sentence. */
static const char *reserved_by(struct audit *audit,
			       const struct subid_reservation *reservation)
{
	if (reservation->site == NULL)
		return reservation->by;
	return audit_text(audit, "\"%s\" (%s:%zu)", reservation->by,
			  reservation->site->file, reservation->site->line);
}

/* Id 0 is includes-root's, unless the site itself reserves it. */
static bool is_root_alone(const struct subid_reservation *reservation)
{
	return reservation->site == NULL && reservation->range.start == 0;
}

static void say_reserved(struct audit *audit, struct audit_finding *finding, size_t entry,
			 const struct subid_set *claimed,
			 const struct subid_reservation *first, bool wide)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const char *remedy = audit_advise_move(audit, finding, kind, entry);

	if (wide)
		remedy = audit_text(audit,
				    "if nothing here uses them so, write in %s: allow"
				    " conventional-ids:%.*s \"why\"; or %s",
				    audit_in_etc(audit, "subid.conf"),
				    NAME(finding->owner), remedy);
	audit_add_finding(
	    audit, finding, remedy,
	    "%ss %u-%llu in the range of %.*s (line %zu) are reserved for %s, "
	    "and may be in use at any moment%s",
	    subid_kind_name(kind), FIRST_LAST(finding->range), NAME(finding->owner),
	    finding->line, reserved_by(audit, first),
	    claimed->n == 1 ? "" : "; more of its ids are reserved too");
}

/*
 * One line, against what is reserved.  many: not NULL where so many lines are outside of
 * the window that what is reserved by convention there is one cause.
 */
static int check_reservations(struct audit *audit, enum subid_kind kind, size_t entry,
			      struct audit_many *many)
{
	const struct subid_reservations *reservations = &audit->tables[kind].reservations;
	struct id_range range = audit->tables[kind].table->entries[entry].range;
	struct audit_finding finding = audit_at_entry(audit, kind, entry);
	const struct subid_reservation *first = NULL;
	struct subid_owner_name owner =
	    audit_owner_text(audit, audit->tables[kind].owner[entry]);
	bool allowed = subid_conf_allows_conventional(audit->in->conf, &owner);
	auto_set struct subid_set claimed = { .n = 0 };
	bool conventional = false;
	bool wide = false; /* a convention: too many ids to be cut out by a command */
	int r = 0;

	for (size_t i = 0; r == 0 && i < reservations->n; i++) {
		struct id_range common =
		    id_range_common(reservations->list[i].range, range);

		if (common.count == 0 || reservations->list[i].pool ||
		    is_root_alone(&reservations->list[i]) ||
		    (reservations->list[i].conventional && allowed))
			continue;
		if (reservations->list[i].conventional && many != NULL) {
			conventional = true;
			continue;
		}
		if (first == NULL) {
			if (audit_skips(audit, &finding))
				return 0;
			first = &reservations->list[i];
			finding.range = common;
		}
		wide |= reservations->list[i].conventional;
		r = subid_set_insert(&claimed, common);
	}
	if (r == 0 && first != NULL)
		say_reserved(audit, &finding, entry, &claimed, first, wide);
	else if (r == 0 && conventional && !audit_skips(audit, &finding))
		audit_many_add(audit, kind, entry, many);
	return r;
}

int audit_find_overlap_reserved(struct audit *audit)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];
		auto_set struct subid_set claimed = { .n = 0 }, met = { .n = 0 };
		struct audit_many many = { .n = 0 };
		bool is_many = audit_many_outside(audit, kind);

		r = subid_set_unite(&claimed, &view->reservations.never);
		if (r == 0)
			r = subid_set_unite(&claimed, &view->reservations.conventional);
		if (r < 0)
			return r;
		/* ranges that concern no line are left out for all lines at once */
		for (size_t i = 0; r == 0 && i < claimed.n; i++)
			if (subid_set_meets(&view->table->ids, claimed.ranges[i], NULL))
				r = subid_set_add(&met, claimed.ranges[i]);
		for (size_t i = 0; r == 0 && met.n > 0 && i < view->table->n; i++)
			if (!audit->owners[view->owner[i]].hold &&
			    subid_set_meets(&met, view->table->entries[i].range, NULL))
				r = check_reservations(audit, kind, i,
						       is_many ? &many : NULL);
		audit_say_many(audit, kind, &many,
			       " that systemd-nspawn, FreeIPA or packages use by"
			       " convention");
	}
	return r;
}

static void say_outside(struct audit *audit, struct audit_finding *finding, size_t entry)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const struct subid_window *window = &audit->in->policy->window[kind];
	const char *key = kind == SUBID_UID ? "UID" : "GID";

	audit_add_finding(
	    audit, finding,
	    audit_text(audit, "widen SUB_%s_MIN to SUB_%s_MAX in %s; or %s", key, key,
		       audit_in_etc(audit, "login.defs"),
		       audit_advise_move(audit, finding, kind, entry)),
	    "%ss %u-%llu of %.*s (line %zu) are not within SUB_%s_MIN to SUB_%s_MAX, "
	    "%u-%u:"
	    " programs that choose ids by the window do not expect them there",
	    subid_kind_name(kind), FIRST_LAST(finding->range), NAME(finding->owner),
	    finding->line, key, key, window->min, window->max);
}

int audit_find_outside_window(struct audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];
		const struct subid_set *inside = &view->reservations.windows;
		struct audit_many many = { .n = 0 };
		bool all = true, is_many;

		for (size_t i = 0; i < view->table->ids.n; i++)
			all &= subid_set_contains(inside, view->table->ids.ranges[i]);
		is_many = !all && audit_many_outside(audit, kind);
		for (size_t i = 0; !all && i < view->table->n; i++) {
			struct audit_finding finding;

			if (subid_set_contains(inside, view->table->entries[i].range) ||
			    audit->owners[view->owner[i]].hold ||
			    audit_floods(audit, (int)kind))
				continue;
			finding = audit_at_entry(audit, kind, i);
			if (audit_skips(audit, &finding))
				continue;
			if (is_many)
				audit_many_add(audit, kind, i, &many);
			else
				say_outside(audit, &finding, i);
		}
		audit_say_many(audit, kind, &many, " that are not all within the window");
	}
	return 0;
}
