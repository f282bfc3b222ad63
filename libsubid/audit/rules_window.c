/* SPDX-License-Identifier: MIT */
/*
 * How much room a window has left, and what takes most of it.
 */
#include <errno.h>

#include "libsubid/audit/private.h"

/* Fewer grants than this are a warning. */
#define SLOTS_LOW 20

/* The entry of most ids within the window, and no hold; table->n if there is none. */
static size_t find_largest(const struct audit *audit, enum subid_kind kind)
{
	const struct audit_table *view = &audit->tables[kind];
	struct id_range window = subid_window_range(&audit->in->policy->window[kind]);
	size_t largest = view->table->n;
	uint32_t most = 0;

	for (size_t i = 0; i < view->table->n; i++) {
		uint32_t n = id_range_common(view->table->entries[i].range, window).count;

		if (n > most && !audit->owners[view->owner[i]].hold) {
			most = n;
			largest = i;
		}
	}
	return largest;
}

/* Where most of the window is, for a sentence. */
static const char *describe_largest(struct audit *audit, enum subid_kind kind)
{
	const struct audit_table *view = &audit->tables[kind];
	size_t i = find_largest(audit, kind);
	const struct subid_entry *entry = &view->table->entries[i];

	if (i == view->table->n)
		return "";
	return audit_text(audit, "; the largest line is %zu of %s, %.*s's, with %u%s",
			  subid_table_line(view->table, entry), subid_kind_table(kind),
			  NAME(audit_owner_text(audit, view->owner[i])),
			  entry->range.count,
			  audit_is_pool(entry->range)
			      ? ", a pool of a container runtime, which is to be kept"
			      : "");
}

/* A window with more room: twice its ids; by a line at the end, which counts. */
static void advise_room(struct audit *audit, struct audit_finding *finding,
			enum subid_kind kind)
{
	const struct subid_window *window = &audit->in->policy->window[kind];
	uint64_t end = (uint64_t)window->max + 1, size = end - window->min;
	uint64_t max = end + (size < 65536000 ? 65536000 : size) - 1;
	const char *upper = (kind == SUBID_UID ? "UID" : "GID");

	if (window->max >= UINT32_MAX - 1)
		return;
	/* a broken line that some read as every id has this one, and any other window */
	if (subid_set_contains(&audit->tables[kind].table->malformed,
			       subid_window_range(window)))
		return;
	max = max > UINT32_MAX - 1 ? UINT32_MAX - 1 : max;
	audit_advise_key(audit, finding, audit_text(audit, "SUB_%s_MAX", upper), max);
}

/* Reports a window of which at least so many grants are left, and fewer than so many. */
static void find_filling(struct audit *audit, uint64_t (*least)(uint64_t all),
			 uint64_t (*below)(uint64_t all))
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_window *window = &audit->in->policy->window[kind];
		const struct audit_window_use *use = &audit->report->use[kind];
		struct audit_finding finding = {
			.kind = (int)kind,
			.range = id_range_between(window->min, (uint64_t)window->max + 1),
		};
		uint64_t all = window->count == 0 ? 0 : use->ids / window->count;
		const char *largest;

		/* an invalid window is window-invalid's */
		if (window->count == 0 || use->ids == 0 || use->slots < least(all) ||
		    use->slots >= below(all))
			continue;
		largest = describe_largest(audit, kind);
		advise_room(audit, &finding, kind);
		audit_add_finding(
		    audit, &finding,
		    audit_text(audit,
			       "raise SUB_%s_MAX, if nothing else uses the ids behind the"
			       " window; or revoke unused ranges, or end holds with"
			       " 'subid unhold'",
			       (kind == SUBID_UID ? "UID" : "GID")),
		    "there is room for %llu more grants of %u %ss in %u-%u, "
		    "where %llu of %llu ids are in use%s",
		    (unsigned long long)use->slots, window->count, subid_kind_name(kind),
		    window->min, window->max, (unsigned long long)(use->ids - use->free),
		    (unsigned long long)use->ids, largest);
	}
}

static uint64_t none(uint64_t all)
{
	(void)all;
	return 0;
}

static uint64_t one(uint64_t all)
{
	(void)all;
	return 1;
}

static uint64_t few(uint64_t all)
{
	(void)all;
	return SLOTS_LOW;
}

static uint64_t a_tenth(uint64_t all)
{
	return all / 10;
}

int audit_find_window_full(struct audit *audit)
{
	find_filling(audit, none, one);
	return 0;
}

int audit_find_window_low(struct audit *audit)
{
	find_filling(audit, one, few);
	return 0;
}

int audit_find_window_filling(struct audit *audit)
{
	find_filling(audit, few, a_tenth);
	return 0;
}
