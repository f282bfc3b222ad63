/* SPDX-License-Identifier: MIT */
#include "libsubid/policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int add_aside(struct subid_asides *asides, size_t *room, struct subid_aside aside)
{
	if (asides->n == *room) {
		size_t more = *room * 2 + 16;
		struct subid_aside *grown =
		    reallocarray(asides->list, more, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		asides->list = grown;
		*room = more;
	}
	asides->list[asides->n++] = aside;
	return subid_set_add(aside.custom ? &asides->custom : &asides->never,
			     aside.range);
}

static int unite_windows(const struct subid_policy *policy, const struct subid_conf *conf,
			 enum subid_kind kind, struct subid_set *ret)
{
	int r = subid_set_add(ret, subid_window_range(&policy->window[kind]));

	for (size_t i = 0; r == 0 && conf != NULL && i < conf->n_rules; i++)
		if (conf->rules[i].verb == SUBID_CONF_GIVE)
			r = subid_set_add(ret, conf->rules[i].window);
	subid_set_sort(ret);
	return r;
}

/* What of a convention no window has. */
static int add_outside(struct subid_asides *asides, size_t *room,
		       const struct subid_reserved *convention)
{
	struct id_range ids = convention->range;
	const struct subid_set whole = { .ranges = &ids, .n = 1 };
	auto_set struct subid_set outside = { .n = 0 };
	int r = subid_set_subtract(&whole, &asides->windows, &outside);

	for (size_t i = 0; r == 0 && i < outside.n; i++)
		r = add_aside(asides, room,
			      (struct subid_aside){ .range = outside.ranges[i],
						    .by = convention->by,
						    .custom = true });
	return r;
}

static int add_site(struct subid_asides *asides, size_t *room,
		    const struct subid_conf *conf, enum subid_kind kind)
{
	int r = 0;

	for (size_t i = 0; r == 0 && conf != NULL && i < conf->n_reserved; i++) {
		const struct subid_conf_reserve *site = &conf->reserved[i];

		if ((site->kinds & (1U << kind)) != 0)
			r = add_aside(asides, room,
				      (struct subid_aside){ .range = site->range,
							    .by = site->reason,
							    .site = site });
	}
	return r;
}

int subid_asides_list(const struct subid_policy *policy, const struct subid_conf *conf,
		      enum subid_kind kind, struct subid_asides *ret)
{
	size_t n_reserved, n_conventions, room = 0;
	const struct subid_reserved *reserved = subid_reserved(&n_reserved);
	const struct subid_reserved *conventions = subid_conventions(&n_conventions);
	int r;

	*ret = (struct subid_asides){ .n = 0 };
	r = unite_windows(policy, conf, kind, &ret->windows);
	for (size_t i = 0; r == 0 && i < n_reserved; i++)
		r = add_aside(ret, &room,
			      (struct subid_aside){ .range = reserved[i].range,
						    .by = reserved[i].by });
	for (size_t i = 0; r == 0 && i < n_conventions; i++)
		r = add_outside(ret, &room, &conventions[i]);
	if (r == 0)
		r = add_site(ret, &room, conf, kind);
	subid_set_sort(&ret->never);
	subid_set_sort(&ret->custom);
	return r;
}

const struct subid_aside *subid_asides_meet(const struct subid_asides *asides,
					    struct id_range range, bool custom)
{
	for (size_t i = 0; i < asides->n; i++)
		if (asides->list[i].custom == custom &&
		    id_range_overlaps(asides->list[i].range, range))
			return &asides->list[i];
	return NULL;
}

bool subid_asides_accepted(const struct subid_conf *conf,
			   const struct subid_owner_name *owner)
{
	for (size_t i = 0; i < conf->n_accepted; i++) {
		const struct subid_acceptance *accepted = &conf->accepted[i];

		if (strcmp(accepted->rule, "overlap-reserved") == 0 &&
		    (accepted->owner == NULL ||
		     (owner->len == strlen(accepted->owner) &&
		      memcmp(owner->text, accepted->owner, owner->len) == 0)))
			return true;
	}
	return false;
}

void subid_asides_free(struct subid_asides *asides)
{
	free(asides->list);
	subid_set_free(&asides->never);
	subid_set_free(&asides->custom);
	subid_set_free(&asides->windows);
	*asides = (struct subid_asides){ .n = 0 };
}
