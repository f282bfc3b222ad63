/* SPDX-License-Identifier: MIT */
/*
 * Why a container got no range, and what can be done about it.
 */
#include <string.h>

#include "tools/subid/lease.h"

/* What root, or the user, can do about it. */
static void advise(const struct cli_lease_refusal *refusal, const char *owner)
{
	bool root = refusal->leasing->store.user == NULL;

	(void)cli_complain(0,
			   "%s: 'subid grant --another --count %u %s'%s gives more,"
			   " --count takes less, 'subid revoke %s/NAME' and then"
			   " 'subid unhold' give back what a container had ('subid list"
			   " '!released'' shows what rests)%s",
			   owner, refusal->count, owner, root ? "" : ", by root,", owner,
			   root ? "; or --own" : "");
}

static uint32_t largest_gap(const struct cli_lease_refusal *refusal,
			    const struct cli_lessor *lessor, enum subid_kind kind)
{
	auto_set struct subid_set closed = { .ranges = NULL }, left = { .ranges = NULL };
	uint32_t largest = 0;
	int r = 0;

	if (refusal->leasing->store.fd >= 0) {
		auto_table struct subid_table store = { .kind = kind };

		r = subid_table_load(refusal->leasing->store.fd, kind, &store);
		if (r == 0)
			r = subid_table_taken(&store, &closed);
	}
	if (r == 0)
		r = subid_set_unite(&closed, &lessor->avoid.of[kind]);
	if (r == 0)
		r = subid_set_subtract(&lessor->held.of[kind], &closed, &left);
	for (size_t i = 0; r == 0 && i < left.n; i++)
		if (left.ranges[i].count > largest)
			largest = left.ranges[i].count;
	return largest;
}

static int complain_of_full(const struct cli_lease_refusal *refusal, const char *name)
{
	const struct cli_lessor *lessor = refusal->lessor;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_set *held = &lessor->held.of[kind];
		const char *id = subid_kind_name(kind);
		uint32_t gap = largest_gap(refusal, lessor, kind);

		if ((refusal->kinds & (1U << kind)) == 0 || gap >= refusal->count)
			continue;
		if (held->n == 0) {
			(void)cli_complain(0, "%s: %s holds no %ss", name, lessor->name,
					   id);
			continue;
		}
		for (size_t i = 0; i < held->n; i++)
			if (cli_lessor_explain(refusal->leasing, lessor, name, kind,
					       held->ranges[i]) > 0)
				break;
		(void)cli_complain(0,
				   "%s: no room for %u %ss: of the %llu that %s holds, at"
				   " most %u are free in one piece",
				   name, refusal->count, id,
				   (unsigned long long)subid_set_size(held), lessor->name,
				   gap);
	}
	advise(refusal, lessor->name);
	return EXIT_NO;
}

static int complain_of_range(const struct cli_lease_refusal *refusal, const char *name,
			     int answer, const struct subid_changes *changes)
{
	const struct cli_lessor *lessor = refusal->lessor;
	size_t said = 0;

	for (size_t i = 0; i < changes->n && said == 0; i++) {
		const struct subid_change *change = &changes->list[i];

		if (answer == SUBID_TAKEN)
			said += cli_lessor_explain(refusal->leasing, lessor, name,
						   change->kind, change->range);
		else if (!subid_set_contains(&lessor->held.of[change->kind],
					     change->range))
			said += cli_complain(
				    1, "%s: %s %u-%llu: %s does not hold all of it", name,
				    subid_kind_name(change->kind), change->range.start,
				    (unsigned long long)id_range_end(change->range) - 1,
				    lessor->name) == 1;
	}
	if (said == 0)
		(void)cli_complain(0,
				   "%s: held for the files of a container that is"
				   " gone: 'subid unhold' gives the ids back",
				   name);
	return EXIT_NO;
}

int cli_lease_refused(const struct cli_lease_refusal *refusal, const char *name,
		      int answer, const struct subid_changes *changes)
{
	if (answer == SUBID_FULL)
		return complain_of_full(refusal, name);
	return complain_of_range(refusal, name, answer, changes);
}
