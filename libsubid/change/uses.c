/* SPDX-License-Identifier: MIT */
/*
 * What uses ids that are to be taken away or given back: processes, user namespaces,
 * and helpers that are about to map them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

#define USES_SHOWN 10
#define UNCHANGED  "nothing was changed: stop these first, or use --force"
#define HELD	   "taken back, but the ids are held: 'subid unhold' frees them"

static void explain_use(struct subid_error *err, const char *name,
			const struct subid_use *use)
{
	const char *id = subid_kind_name(use->kind);
	unsigned long long last = id_range_end(use->ids) - 1;

	error_process(err, use->pid, use->program);
	if (use->about_to_write)
		error_detail(err,
			     "%s: in use: process %d (%s) is about to map %s %u-%llu",
			     name, (int)use->pid, use->program, id, use->ids.start, last);
	else if (use->userns != 0)
		error_detail(
		    err,
		    "%s: in use: user namespace %llu (%sprocess %d, %s) maps %s %u-%llu",
		    name, (unsigned long long)use->userns,
		    use->hidden ? "kept alive by a descriptor or mount of " : "",
		    (int)use->pid, use->program, id, use->ids.start, last);
	else
		error_detail(err, "%s: in use: process %d (%s) runs with %s %u", name,
			     (int)use->pid, use->program, id, use->ids.start);
	if (use->reaper != 0)
		error_detail(err,
			     "%s: process %d has ended, but its parent, process %d, has"
			     " not waited for it: end that",
			     name, (int)use->pid, (int)use->reaper);
}

/* what: to be done. */
static int explain_uses(struct subid_error *err, const char *name,
			const struct subid_use *uses, size_t n, const char *what)
{
	for (size_t i = 0; i < n && i < USES_SHOWN; i++)
		explain_use(err, name, &uses[i]);
	if (n > USES_SHOWN)
		error_detail(err, "%s: and %zu more", name, n - USES_SHOWN);
	return n == 0 ? 0 : error_plain(err, SUBID_IN_USE, "%s: %s", name, what);
}

static int cannot_see(struct subid_error *err, const char *name, int r)
{
	return error_plain(err, r, "%s: cannot see whether the ids are in use: %s", name,
			   strerror(-r));
}

/* Of what could not be looked into. */
static int check_seen(const struct uses_look *look, const struct subid_unreadable *unseen,
		      struct subid_error *err)
{
	struct subid_error warning = { .size = sizeof(warning) };

	if (unseen->n > 0)
		return error_unseen(err, -EACCES, look->name, unseen);
	if (unseen->n_hidden > 0 && look->reuse)
		return error_hidden(
		    err, -EACCES, look->name, unseen,
		    look->done ? HELD
			       : "nothing was changed: end the process, or do without"
				 " --reuse, or use --force");
	if (unseen->n_hidden > 0) {
		(void)error_hidden(&warning, -EACCES, NULL, unseen,
				   "end the process before 'subid unhold'");
		system_warn_error(look->sys, SUBID_NOTE_REMARK, &warning);
	}
	return 0;
}

/* The ids of changes; to be freed also after a failure. */
static int sets_of(const struct subid_changes *changes, struct subid_sets *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < changes->n; i++)
		r = subid_set_insert(&ret->of[changes->list[i].kind],
				     changes->list[i].range);
	return r;
}

static int check_pending(const struct uses_look *look, const struct subid_sets *wanted,
			 struct subid_error *err)
{
	auto_free struct subid_use *uses = NULL;
	size_t n = 0;
	int r;

	/* a user frees ids of nobody else's */
	if (geteuid() != 0)
		return 0;
	r = subid_uses_about_to_write(look->sys->proc, wanted, &uses, &n);
	return r < 0 ? cannot_see(err, look->name, r)
		     : explain_uses(err, look->name, uses, n,
				    look->done ? HELD : UNCHANGED);
}

int uses_check_pending(const struct uses_look *look, const struct subid_changes *changes,
		       struct subid_error *err)
{
	auto_sets struct subid_sets wanted = { .of = { { .n = 0 } } };
	int r = sets_of(changes, &wanted);

	return r < 0 ? cannot_see(err, look->name, r) : check_pending(look, &wanted, err);
}

static int find_uses(const struct uses_look *look, const struct subid_live *live,
		     const struct subid_sets *wanted, struct subid_use **ret,
		     size_t *ret_n)
{
	size_t unread = 0;
	int r = subid_uses_find(look->sys->proc, live, look->session, wanted, ret, ret_n,
				&unread);

	return r == 0 && unread > 0 ? -EACCES : r;
}

int uses_check(const struct uses_look *look, const struct subid_changes *changes,
	       struct subid_error *err)
{
	auto_sets struct subid_sets wanted = { .of = { { .n = 0 } } };
	auto_live struct subid_live live = { .n = 0 };
	auto_free struct subid_use *uses = NULL;
	struct subid_unreadable unseen = { .n = 0 };
	size_t n = 0;
	int r;

	if (!look->sys->host)
		return 0;
	r = sets_of(changes, &wanted);
	if (r < 0)
		return cannot_see(err, look->name, r);
	/* first what is about to be mapped: it may be by the time that maps are read */
	r = check_pending(look, &wanted, err);
	if (r != 0)
		return r;
	r = subid_live_read(look->sys->proc, SUBID_LIVE_THOROUGH, &live);
	if (r == 0)
		r = find_uses(look, &live, &wanted, &uses, &n);
	if (r < 0)
		return cannot_see(err, look->name, r);
	r = explain_uses(err, look->name, uses, n, look->done ? HELD : UNCHANGED);
	if (r != 0)
		return r;
	subid_live_unreadable(look->sys->proc, &live, &unseen);
	return check_seen(look, &unseen, err);
}

int uses_check_hidden(const struct uses_look *look, struct subid_error *err)
{
	auto_live struct subid_live live = { .n = 0 };
	struct subid_unreadable unseen;
	int r = subid_live_read(look->sys->proc, SUBID_LIVE_THOROUGH, &live);

	if (r < 0)
		return error_plain(err, r, "/proc: %s: running processes cannot be seen",
				   strerror(-r));
	subid_live_unreadable(look->sys->proc, &live, &unseen);
	if (unseen.n > 0)
		return error_unseen(err, -EACCES, look->name, &unseen);
	if (unseen.n_hidden > 0)
		return error_hidden(err, -EACCES, look->name, &unseen,
				    "nothing was changed: end the process, or use"
				    " --force");
	return 0;
}

int uses_free_held(struct subid_txn *txn, const struct uses_look *look,
		   const struct subid_changes *changes, struct subid_error *err)
{
	struct subid_failure failure;
	int r = uses_check(look, changes, err);

	if (r > 0)
		return r; /* "in use" has said it */
	for (size_t i = 0; r == 0 && i < changes->n; i++) {
		const struct subid_change *change = &changes->list[i];
		struct subid_changes freed;

		/* what somebody else has too is not held, or was before */
		if (!change->shared)
			r = subid_txn_unhold(txn, 1U << change->kind, change->range,
					     &freed);
		if (r == SUBID_ABSENT)
			r = 0; /* two equal lines are held as one */
		if (r < 0)
			(void)error_plain(err, r, "%s: %s", look->name, strerror(-r));
	}
	if (r == 0) {
		r = subid_txn_commit(txn, &failure);
		if (r < 0)
			(void)error_failure(err, look->sys, r, &failure);
	}
	return r == 0 ? 0 : error_plain(err, r, "%s: %s", look->name, HELD);
}
