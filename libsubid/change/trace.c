/* SPDX-License-Identifier: MIT */
/*
 * A transaction's trace: the changes are noted as they are made in memory, and told when
 * it is known what became of them.  And the trace of grants that came to nothing before
 * there was a transaction, or outside of subid_txn_grant().
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

/* No user can write in /run: nobody has put something else there. */
#define LOGINS "/run/subid-refused-logins"

/* How long a receiver may take for one, and, since it may take them one by one for ever,
 * for all: whoever waits for the change waits for its trace, but nobody for our locks. */
static const struct subid_patience audit_patience = { 2000, 8000 };
static const struct subid_patience log_patience = { 250, 5000 };

/* Names are kept in blocks, which do not move: events point into them. */
struct subid_names {
	struct subid_names *next;
	size_t used, room;
	char bytes[];
};

/* The same name again takes no more room.  NULL: out of memory. */
static const char *keep_name(struct subid_txn *txn, const struct subid_event *event)
{
	const struct subid_event *last =
	    txn->n_events > 0 ? &txn->events[txn->n_events - 1] : NULL;
	struct subid_names *names = txn->names;
	size_t len = event->owner_len;
	char *kept;

	if (last != NULL && last->owner_len == len &&
	    memcmp(last->owner, event->owner, len) == 0)
		return last->owner;
	if (names == NULL || names->room - names->used < len) {
		size_t room = len > 4000 ? len : 4000;

		names = malloc(sizeof(*names) + room);
		if (names == NULL)
			return NULL;
		*names = (struct subid_names){ .next = txn->names, .room = room };
		txn->names = names;
	}
	kept = names->bytes + names->used;
	memcpy(kept, event->owner, len);
	names->used += len;
	return kept;
}

int subid_txn_record(struct subid_txn *txn, const struct subid_event *event,
		     enum subid_kind kind, struct id_range range)
{
	struct subid_event noted = *event;

	if (!txn->is_traced)
		return 0;
	if (array_grow(&txn->events, txn->n_events, sizeof(*txn->events)) < 0)
		return -ENOMEM;
	noted.kind = kind;
	noted.range = range;
	noted.program = "subid";
	noted.owner = keep_name(txn, event);
	if (noted.owner == NULL)
		return -ENOMEM;
	txn->events[txn->n_events++] = noted;
	return 0;
}

int subid_txn_record_refused(struct subid_txn *txn, const struct subid_event *event,
			     int result)
{
	struct subid_event refused = *event;
	int r = 0;

	refused.result = result;
	for (size_t i = 0; r == 0 && i < txn->n_changes; i++)
		r = subid_txn_record(txn, &refused, txn->changes[i].kind,
				     txn->changes[i].range);
	return r == 0 ? result : r;
}

static void tell_log(const struct subid_event *events, size_t n,
		     struct subid_traced *traced)
{
	int64_t deadline = deadline_in(log_patience.all_ms);
	struct subid_log log = { .fd = -1 };
	int r = subid_log_open(SUBID_JOURNAL_SOCKET, SUBID_SYSLOG_SOCKET, &log);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct log_line line;

		if (events[i].told != SUBID_TOLD_BEFORE) {
			subid_trace_line(&events[i], &line);
			r = deadline_left_ms(deadline) == 0
				? -ETIME
				: subid_log_send(&log, &line, log_patience.one_ms);
		}
		traced->log += r == 0;
	}
	traced->log_error = r;
	cleanup_close(&log.fd);
}

/*
 * Threat: a user fills the log with logins that are refused.  They have a file of slots
 * of their own: with those of newuidmap's refusals, which a user can use up, he could
 * hide a login there.
 */
static size_t limit_rate(struct subid_event *events, size_t n)
{
	auto_close int fd = open(LOGINS, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct subid_event before = { .kind = SUBID_GID };
	bool allowed = false;
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		/* the gids of the same refusal are of its line */
		if (!subid_trace_same(&before, &events[i]))
			allowed =
			    events[i].result == 0 ||
			    (fd >= 0 && subid_rate_limit_allow_user(fd, events[i].uid,
								    &events[i].unlogged));
		before = events[i];
		if (allowed)
			events[left++] = before;
	}
	return left;
}

/* Both ways are tried, whatever the other says. */
static struct subid_traced tell(struct subid_event *events, size_t n)
{
	struct subid_traced traced = { .changes = n };

	if (n == 0)
		return traced;
	traced.audit_error = subid_audit_send(events, n, &audit_patience, &traced.audit);
	/* a line says so if there is no record beside it */
	for (size_t i = traced.audit; i < n; i++)
		events[i].audit_error = traced.audit_error;
	subid_trace_join(events, n);
	tell_log(events, n, &traced);
	return traced;
}

struct subid_traced subid_txn_tell(struct subid_event *events, size_t n, bool by_login)
{
	auto_free struct subid_event *copy = NULL;

	if (!by_login || n == 0)
		return tell(events, n);
	/* the caller may need those that leave no line */
	copy = reallocarray(NULL, n, sizeof(*copy));
	if (copy == NULL)
		return (struct subid_traced){ .changes = n, .log_error = -ENOMEM };
	memcpy(copy, events, n * sizeof(*copy));
	return tell(copy, limit_rate(copy, n));
}

void trace_note_commit(struct subid_txn *txn, int r)
{
	size_t n = 0;

	for (size_t i = 0; i < txn->n_events; i++)
		if (txn->events[i].result == 0)
			txn->events[i].result = r;
	txn->done = txn->events;
	txn->n_done = txn->n_events;
	txn->is_done = true;
	txn->events = NULL;
	txn->n_events = 0;
	/* what failed may be committed once more */
	for (size_t i = 0; i < txn->n_done; i++) {
		if (txn->done[i].result >= 0)
			continue;
		if (array_grow(&txn->events, n, sizeof(*txn->events)) < 0) {
			txn->broken = true;
			return;
		}
		txn->events[n] = txn->done[i];
		txn->events[n++].result = 0;
		txn->n_events = n;
	}
}

void trace_tell(struct subid_txn *txn)
{
	if (!txn->is_done)
		return;
	txn->traced = subid_txn_tell(txn->done, txn->n_done, txn->options.by_login);
	free(txn->done);
	txn->done = NULL;
	txn->n_done = 0;
	txn->is_done = false;
}

void subid_txn_trace_end(struct subid_txn *txn)
{
	size_t n = 0;

	for (size_t i = 0; i < txn->n_events; i++)
		if (txn->events[i].result > 0)
			txn->events[n++] = txn->events[i];
	/* nobody is left to be told of it */
	(void)subid_txn_tell(txn->events, n, txn->options.by_login);
	while (txn->names != NULL) {
		struct subid_names *names = txn->names;

		txn->names = names->next;
		free(names);
	}
	free(txn->events);
}

struct subid_traced subid_txn_traced(const struct subid_txn *txn)
{
	return txn->traced;
}

/* --- what came to nothing ------------------------------------------------------------
 */

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
