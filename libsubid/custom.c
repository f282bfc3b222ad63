/* SPDX-License-Identifier: MIT */
/*
 * Ids that others use by custom, and whether the site means to use them all the same.
 */
#include <stdio.h>
#include <string.h>

#include "txn_private.h"

bool subid_txn_by_custom(const struct subid_txn *txn, enum subid_kind kind,
			 struct id_range range, struct subid_obstacle *ret)
{
	struct id_range window = subid_window_range(&txn->policy.window[kind]);
	size_t n;
	const struct subid_reserved *conventions = subid_conventions(&n);

	for (size_t i = 0; i < n; i++) {
		struct id_range parts[2];
		size_t n_parts = subid_range_without(conventions[i].range, window, parts);

		for (size_t j = 0; j < n_parts; j++) {
			if (!id_range_overlaps(parts[j], range))
				continue;
			*ret = (struct subid_obstacle){
				.what = SUBID_OBSTACLE_CUSTOM,
				.ids = id_range_common(parts[j], range),
			};
			(void)snprintf(ret->who, sizeof(ret->who), "%s",
				       conventions[i].by);
			return true;
		}
	}
	return false;
}

bool subid_txn_accepts_custom(const struct subid_txn *txn,
			      const struct subid_owner *owner)
{
	for (size_t i = 0; i < txn->conf.n_accepted; i++) {
		const struct subid_acceptance *accepted = &txn->conf.accepted[i];

		if (strcmp(accepted->rule, "overlap-reserved") != 0)
			continue;
		if (accepted->owner == NULL)
			return true;
		for (size_t j = 0; j < owner->n; j++)
			if (owner->spellings[j].len == strlen(accepted->owner) &&
			    memcmp(owner->spellings[j].text, accepted->owner,
				   owner->spellings[j].len) == 0)
				return true;
	}
	return false;
}
