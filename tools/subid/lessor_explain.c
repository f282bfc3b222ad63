/* SPDX-License-Identifier: MIT */
/*
 * Who has ids of an owner's range.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/lease.h"

#define EXPLAINED_MAX 5

/* Who has ids, until enough have been said; named: whose have been. */
struct explanation {
	const char *what;
	enum subid_kind kind;
	struct id_range range;
	struct subid_set named;
	size_t said;
};

static bool is_news(const struct explanation *explanation, enum subid_kind kind,
		    struct id_range range)
{
	return explanation->said < EXPLAINED_MAX && kind == explanation->kind &&
	       id_range_overlaps(range, explanation->range) &&
	       !subid_set_contains(&explanation->named, range);
}

__attribute__((format(printf, 3, 4))) static void
say(struct explanation *explanation, struct id_range range, const char *format, ...)
{
	char who[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(who, sizeof(who), format, args);
	va_end(args);
	(void)cli_complain(0, "%s: %s %u-%llu: %s", explanation->what,
			   subid_kind_name(explanation->kind), range.start,
			   (unsigned long long)id_range_end(range) - 1, who);
	explanation->said++;
	/* without memory it is said again */
	(void)!subid_set_insert(&explanation->named, range);
}

static void explain_live(struct explanation *explanation,
			 const struct cli_leasing *leasing)
{
	auto_free struct subid_use *uses = NULL;
	auto_set struct subid_set all = { .ranges = NULL }, left = { .ranges = NULL };
	auto_live struct subid_live live = { .n = 0 };
	struct subid_sets wanted = { .of = { { .n = 0 } } };
	size_t n = 0, unread;

	if (leasing->proc < 0 || subid_set_insert(&all, explanation->range) < 0 ||
	    subid_set_subtract(&all, &explanation->named, &left) < 0)
		return;
	wanted.of[explanation->kind] = left;
	if (subid_live_read(leasing->proc, SUBID_LIVE_THOROUGH, &live) < 0 ||
	    subid_uses_find(leasing->proc, &live, leasing->session, &wanted, &uses, &n,
			    &unread) < 0)
		return;
	for (size_t i = 0; i < n && explanation->said < EXPLAINED_MAX; i++)
		say(explanation, uses[i].ids, "in use by process %d (%s)",
		    (int)uses[i].pid, uses[i].program);
}

size_t cli_lessor_explain(const struct cli_leasing *leasing,
			  const struct cli_lessor *lessor, const char *what,
			  enum subid_kind kind, struct id_range range)
{
	struct explanation explanation = { .what = what, .kind = kind, .range = range };

	for (size_t i = 0; i < lessor->leases.n; i++) {
		const struct subid_lease *lease = &lessor->leases.list[i];

		if (is_news(&explanation, lease->kind, lease->range))
			say(&explanation, lease->range, "leased to %s/%s", lease->owner,
			    lease->name);
	}
	for (size_t i = 0; i < lessor->runtimes.n; i++) {
		const struct subid_runtime_range *one = &lessor->runtimes.list[i];

		if (is_news(&explanation, one->kind, one->range))
			say(&explanation, one->range, "%s has them for container '%s'",
			    one->runtime, one->name);
	}
	explain_live(&explanation, leasing);
	subid_set_free(&explanation.named);
	return explanation.said;
}
