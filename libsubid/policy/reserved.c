/* SPDX-License-Identifier: MIT */
#include "libsubid/policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RESERVED(first, last, who)                                                       \
	{                                                                                \
		.range = { (first), (last) - (first) + 1 }, .by = (who)                  \
	}
#define CONVENTIONAL(first, last, who)                                                   \
	{                                                                                \
		.range = { (first), (last) - (first) + 1 }, .by = (who),                 \
		.conventional = true                                                     \
	}

/* systemd's UIDS-GIDS document; FreeIPA's ranges. */
static const struct subid_reserved special_ids[] = {
	RESERVED(0, 0, "root"),
	RESERVED(60001, 60513, "systemd-homed's users"),
	RESERVED(60514, 60577, "systemd-nspawn's mapped users"),
	RESERVED(60578, 60705, "systemd's greeters"),
	RESERVED(61184, 65519, "systemd's dynamic users"),
	RESERVED(65534, 65534, "nobody"),
	RESERVED(65535, 65535, "the 16-bit id that means none"),
	RESERVED(2147352576, 2147418111, "systemd's foreign images"),
	CONVENTIONAL(1, 999, "system accounts, which packages make"),
	CONVENTIONAL(524288, 1879048191, "systemd-nspawn's containers"),
	CONVENTIONAL(2147483648, 4294967294, "FreeIPA's subordinate ids"),
};

static const struct subid_special_owner special_owners[] = {
	{ .name = "containers", .needs_no_account = true }, /* podman --userns=auto */
	{ .name = "dockremap", .needs_no_account = true },  /* dockerd's default remap */
	{ .name = "_lxd", .shares_with_root = true },
	{ .name = "lxd", .shares_with_root = true },
};

const struct subid_reserved *subid_reserved(size_t *ret_n)
{
	*ret_n = sizeof(special_ids) / sizeof(special_ids[0]);
	return special_ids;
}

const struct subid_special_owner *subid_special_owner(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(special_owners) / sizeof(special_owners[0]); i++)
		if (text_is(name, len, special_owners[i].name))
			return &special_owners[i];
	return NULL;
}

static int add_reservation(struct subid_reservations *reservations,
			   struct subid_reservation reservation)
{
	if (array_grow(&reservations->list, reservations->n,
		       sizeof(*reservations->list)) < 0)
		return -ENOMEM;
	reservations->list[reservations->n++] = reservation;
	return subid_set_add(reservation.conventional ? &reservations->conventional
						      : &reservations->never,
			     reservation.range);
}

static int unite_windows(const struct subid_policy *policy, const struct subid_conf *conf,
			 enum subid_kind kind, struct subid_set *ret)
{
	int r = subid_set_add(ret, subid_window_range(&policy->window[kind]));

	for (size_t i = 0; r == 0 && conf != NULL && i < conf->n_rules; i++)
		if (conf->rules[i].verb == SUBID_CONF_GIVE)
			r = subid_set_add(ret, conf->rules[i].window);
	for (size_t i = 0; r == 0 && conf != NULL && i < conf->n_pools; i++)
		r = subid_set_add(ret, conf->pools[i].range);
	subid_set_sort(ret);
	return r;
}

/* What of conventional ids lies outside of every window. */
static int add_outside(struct subid_reservations *reservations,
		       const struct subid_reserved *row)
{
	struct id_range ids = row->range;
	const struct subid_set whole = { .ranges = &ids, .n = 1 };
	auto_set struct subid_set outside = { .n = 0 };
	int r = subid_set_subtract(&whole, &reservations->windows, &outside);

	for (size_t i = 0; r == 0 && i < outside.n; i++)
		r = add_reservation(
		    reservations, (struct subid_reservation){ .range = outside.ranges[i],
							      .by = row->by,
							      .conventional = true });
	return r;
}

static int add_site(struct subid_reservations *reservations,
		    const struct subid_conf *conf, enum subid_kind kind)
{
	int r = 0;

	for (size_t i = 0; r == 0 && conf != NULL && i < conf->n_reserved; i++) {
		const struct subid_conf_reserve *site = &conf->reserved[i];

		if ((site->kinds & (1U << kind)) != 0)
			r = add_reservation(
			    reservations,
			    (struct subid_reservation){
				.range = site->range, .by = site->reason, .site = site });
	}
	return r;
}

static int add_pools(struct subid_reservations *reservations,
		     const struct subid_conf *conf)
{
	int r = 0;

	for (size_t i = 0; r == 0 && conf != NULL && i < conf->n_pools; i++) {
		const struct subid_reservation pool = {
			.range = conf->pools[i].range,
			.by = "the site's directory",
			.pool = true,
		};

		if (array_grow(&reservations->list, reservations->n,
			       sizeof(*reservations->list)) < 0)
			return -ENOMEM;
		reservations->list[reservations->n++] = pool;
		r = subid_set_add(&reservations->pools, pool.range);
	}
	subid_set_sort(&reservations->pools);
	return r;
}

int subid_reservations_list(const struct subid_policy *policy,
			    const struct subid_conf *conf, enum subid_kind kind,
			    struct subid_reservations *ret)
{
	size_t n;
	const struct subid_reserved *rows = subid_reserved(&n);
	int r;

	*ret = (struct subid_reservations){ .n = 0 };
	r = unite_windows(policy, conf, kind, &ret->windows);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = rows[i].conventional
			? add_outside(ret, &rows[i])
			: add_reservation(
			      ret, (struct subid_reservation){ .range = rows[i].range,
							       .by = rows[i].by });
	if (r == 0)
		r = add_site(ret, conf, kind);
	if (r == 0)
		r = add_pools(ret, conf);
	subid_set_sort(&ret->never);
	subid_set_sort(&ret->conventional);
	return r;
}

const struct subid_reservation *
subid_reservations_meet(const struct subid_reservations *reservations,
			struct id_range range, bool conventional)
{
	for (size_t i = 0; i < reservations->n; i++)
		if (reservations->list[i].conventional == conventional &&
		    id_range_overlaps(reservations->list[i].range, range))
			return &reservations->list[i];
	return NULL;
}

static bool is_owner(const char *name, const struct subid_owner_name *owner)
{
	return name == NULL || owner_name_is(*owner, name);
}

static bool allows(const struct subid_conf *conf, enum subid_conf_allowed what,
		   const struct subid_owner_name *owner)
{
	for (size_t i = 0; conf != NULL && i < conf->n_allowed; i++)
		if (conf->allowed[i].what == what &&
		    is_owner(conf->allowed[i].owner, owner))
			return true;
	return false;
}

bool subid_conf_allows_conventional(const struct subid_conf *conf,
				    const struct subid_owner_name *owner)
{
	return allows(conf, SUBID_CONF_CONVENTIONAL, owner);
}

bool subid_conf_allows_left(const struct subid_conf *conf,
			    const struct subid_owner_name *owner)
{
	return allows(conf, SUBID_CONF_LEFT, owner);
}

bool subid_acceptance_allows_conventional(const struct subid_acceptance *acceptance)
{
	return strcmp(acceptance->rule, "overlap-reserved") == 0;
}

bool subid_reservations_waived(const struct subid_conf *conf,
			       const struct subid_owner_name *owner)
{
	for (size_t i = 0; i < conf->n_accepted; i++)
		if (subid_acceptance_allows_conventional(&conf->accepted[i]) &&
		    is_owner(conf->accepted[i].owner, owner))
			return true;
	return subid_conf_allows_conventional(conf, owner);
}

void subid_reservations_free(struct subid_reservations *reservations)
{
	free(reservations->list);
	subid_set_free(&reservations->never);
	subid_set_free(&reservations->conventional);
	subid_set_free(&reservations->windows);
	subid_set_free(&reservations->pools);
	*reservations = (struct subid_reservations){ .n = 0 };
}
