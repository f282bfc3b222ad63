/* SPDX-License-Identifier: MIT */
/*
 * The trace of grants that came to nothing outside of subid_txn_grant().
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

static struct subid_event event_of(const struct subid_refused *refused)
{
	return (struct subid_event){
		.action = SUBID_ADD,
		.range = refused->range,
		.owner = refused->owner,
		.owner_len = refused->owner_len,
		.uid = refused->uid,
		.result = refused->result,
		.program = "subid",
	};
}

void subid_txn_trace_refused(const struct subid_txn_options *options,
			     const struct subid_refused *list, size_t n)
{
	auto_free struct subid_event *events = NULL;
	size_t n_events = 0;

	/* who could not have done it anyway says nothing with root's authority */
	if (options->dry_run || geteuid() != 0 || !subid_txn_is_host(options))
		return;
	events = reallocarray(NULL, n * SUBID_KINDS + 1, sizeof(*events));
	if (events == NULL)
		return; /* as a receiver that is not there: what is refused stays so */
	for (size_t i = 0; i < n; i++) {
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
			if ((list[i].kinds & (1U << kind)) == 0)
				continue;
			events[n_events] = event_of(&list[i]);
			events[n_events++].kind = kind;
		}
	}
	(void)subid_txn_tell(events, n_events, options->by_login);
}

static struct subid_refused refused_of(const struct subid_request *request, uint32_t uid,
				       int result)
{
	return (struct subid_refused){
		.owner = request->owner,
		.owner_len = strlen(request->owner),
		.uid = uid,
		.kinds = request_kinds(request),
		.range = request->range.count > 0
			     ? request->range
			     : (struct id_range){ SUBID_NO_PLACE, request->count },
		.result = result,
	};
}

void subid_trace_refused(struct subid *sys, unsigned int flags,
			 const struct subid_request *request, uint32_t uid, int result)
{
	const struct subid_txn_options options = system_options(sys, flags, 0);
	const struct subid_refused refused = refused_of(request, uid, result);

	subid_txn_trace_refused(&options, &refused, 1);
}

int txn_refuse(struct subid_txn *txn, const struct subid_request *request,
	       const struct subid_owner *owner, int result)
{
	uint32_t uid = owner != NULL && owner->has_account ? owner->uid : SUBID_NO_UID;
	const struct subid_refused refused = refused_of(request, uid, result);

	return subid_txn_refuse(txn, &refused);
}

int subid_txn_refuse(struct subid_txn *txn, const struct subid_refused *refused)
{
	struct subid_event event = event_of(refused);
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		if ((refused->kinds & (1U << kind)) != 0)
			r = subid_txn_record(txn, &event, kind, refused->range);
	return r;
}
