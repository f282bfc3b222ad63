/* SPDX-License-Identifier: MIT */
/*
 * A grant is one line of the log, where its uids and gids are the same numbers; the audit
 * has a record of each, as useradd's are.
 */
#include <string.h>

#include "libsubid/trace/trace.h"

/* A revocation is four: taken and held, of each kind. */
#define APART_MAX 3

bool subid_trace_same(const struct subid_event *uids, const struct subid_event *gids)
{
	return uids->kind == SUBID_UID && gids->kind == SUBID_GID &&
	       uids->action == gids->action && uids->result == gids->result &&
	       uids->uid == gids->uid && uids->audit_error == gids->audit_error &&
	       uids->range.start == gids->range.start &&
	       uids->range.count == gids->range.count &&
	       uids->owner_len == gids->owner_len &&
	       memcmp(uids->owner, gids->owner, uids->owner_len) == 0;
}

void subid_trace_join(struct subid_event *events, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n && j <= i + APART_MAX; j++)
			if (events[i].told == SUBID_TOLD_ALONE &&
			    events[j].told == SUBID_TOLD_ALONE &&
			    subid_trace_same(&events[i], &events[j])) {
				events[i].told = SUBID_TOLD_BOTH;
				events[j].told = SUBID_TOLD_BEFORE;
			}
}
