/* SPDX-License-Identifier: MIT */
/*
 * Ids taken back from an owner.
 *
 * Threat: ids that somebody uses, or could still map, would be the next owner's with the
 * files and processes of the one before.  So it is looked at before what uses them, and
 * with SUBID_REUSE, when they are held but not free yet, once more afterwards: a helper
 * that had read the line may have gone on meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

/* --- leases of the ids -------------------------------------------------------------- */

/*
 * How many leases of the ids the owner's own store has; -1: it cannot be read.  Threat:
 * a user's store may say anything; it keeps root from taking the user's own ids back,
 * until root says --force, and from nothing else.
 */
static ssize_t name_users_leases(const struct subid_txn *txn,
				 const struct subid_owner *owner,
				 const struct subid_changes *changes,
				 struct subid_error *err)
{
	const struct subid_owner_name *spelling = &owner->spellings[0];
	auto_free char *name = strndup(spelling->text, spelling->len);
	auto_store struct store other = { .fd = -1 };
	auto_leases struct subid_leases leases = { .list = NULL };
	struct homes homes = HOMES;
	int r;

	/* where the homes of many are is looked up in the files that are in memory */
	(void)system_users(txn->sys);
	homes.reader = txn->sys->homes.reader;
	r = store_find_other(txn->sys, owner, &homes, &other);
	if (r == 0)
		r = name == NULL ? -ENOMEM : store_leases(&other, name, &leases);
	if (r == 0)
		return (ssize_t)leases_name(&leases, changes, err);
	system_warn(txn->sys, SUBID_NOTE_WARNING,
		    "%s: %s: leases that are there do not count", other.name,
		    home_error(r));
	return -1;
}

/*
 * Refuses, naming them, to take ids from an owner out of which containers have leases:
 * anybody's in root's store, or in the owner's own, unless it is forced.
 */
static int check_leases(struct subid_txn *txn, const struct subid_owner *owner,
			const struct subid_changes *changes, bool force,
			bool *ret_has_store, struct subid_error *err)
{
	ssize_t n_users = -1;
	size_t n = 0;
	int r = looked_leases(txn, NULL, err);

	if (r < 0 || !txn->looked.leases_read)
		return r;
	n = looked_name_leases(txn, changes, err);
	if (!force)
		n_users = name_users_leases(txn, owner, changes, err);
	*ret_has_store = n_users >= 0;
	if (n == 0 && n_users <= 0)
		return 0;
	return error_plain(err, SUBID_IN_USE,
			   "nothing was changed: 'subid revoke' these first%s",
			   n_users <= 0 ? ""
			   : n > 0 ? "; those that the user has given as the user, or"
				     " use --force for them"
				   : ", as the user that has them, or use --force");
}

/* Root's alone, once more: the store stays locked from here on, so that no lease is made
 * until the lines are gone. */
static int check_roots_leases(struct subid_txn *txn, const struct subid_changes *changes,
			      struct subid_error *err)
{
	int r = txn_open_store(txn, TXN_STORE_LOCK, err);

	if (r != 0 || txn->store.user != NULL)
		return r;
	r = looked_leases(txn, &txn->store, err);
	if (r < 0 || looked_name_leases(txn, changes, err) == 0)
		return r;
	return error_plain(err, SUBID_IN_USE,
			   "nothing was changed: 'subid revoke' these first");
}

/* --- what is to be looked at again -------------------------------------------------- */

static void release_free(struct release *release)
{
	subid_owner_free(&release->owner);
	free(release->name);
	free(release->changes);
}

void releases_free(struct subid_txn *txn)
{
	for (size_t i = 0; i < txn->n_releases; i++)
		release_free(&txn->releases[i]);
	free(txn->releases);
	txn->releases = NULL;
	txn->n_releases = 0;
}

int release_keep(struct subid_txn *txn, struct release *release,
		 const struct subid_changes *changes)
{
	release->changes = calloc(changes->n + 1, sizeof(*release->changes));
	if (release->name == NULL || release->changes == NULL ||
	    array_grow(&txn->releases, txn->n_releases, sizeof(*release)) < 0) {
		release_free(release);
		return -ENOMEM;
	}
	memcpy(release->changes, changes->list, changes->n * sizeof(*changes->list));
	release->n = changes->n;
	txn->releases[txn->n_releases++] = *release;
	return 0;
}

/* The owner's own store, whose lock is not taken: see commit.c. */
static int look_at_store(struct subid_txn *txn, const struct release *release,
			 struct subid_error *err)
{
	static const char held[] = "the range is taken back, but the ids are held: 'subid"
				   " unhold' frees them";
	static const char late[] = "these were given meanwhile, and are worth nothing"
				   " now: 'subid revoke' them as the user that has them";
	const struct subid_changes changes = { release->changes, release->n };
	struct subid_error warning = { .size = sizeof(warning) };
	struct subid_error *to = release->frees ? err : &warning;
	ssize_t n = release->has_store
			? name_users_leases(txn, &release->owner, &changes, to)
			: 0;

	if (n == 0 || (n < 0 && !release->frees))
		return 0;
	if (n < 0)
		return error_plain(err, -EIO,
				   "%s: whether leases were given meanwhile cannot be"
				   " seen: %s",
				   release->name, held);
	if (release->frees)
		return error_plain(err, SUBID_IN_USE, "%s: %s; %s", release->name, late,
				   held);
	(void)error_plain(&warning, SUBID_IN_USE, "%s: %s", release->name, late);
	system_warn_error(txn->sys, SUBID_NOTE_WARNING, &warning);
	return 0;
}

/* Frees what of a change is held for its sake: not what somebody else has, too, nor what
 * was held before.  0 or -errno. */
static int free_change(struct subid_txn *txn, const struct subid_change *change)
{
	const struct subid_set *rested = &txn->rested.of[change->kind];
	struct id_range rest = change->range, held;
	int r = 0;

	while (r == 0 && subid_set_meets(rested, rest, &held)) {
		struct subid_changes freed;

		r = subid_txn_unhold(txn, 1U << change->kind, held, &freed);
		r = r == SUBID_ABSENT ? 0 : r; /* two equal lines are held as one */
		rest = id_range_between(id_range_end(held), id_range_end(rest));
	}
	return r;
}

/*
 * Frees changes that txn has taken back, held and committed, after another look at what
 * uses them, without the locks.  Threat: a helper that had read the line by then may have
 * gone on meanwhile.
 */
static int free_held(struct subid_txn *txn, const struct uses_look *look,
		     const struct subid_changes *changes, struct subid_error *err)
{
	struct subid_failure failure;
	int r = uses_check(look, changes, err);

	if (r > 0)
		return r; /* "in use" has said it */
	if (r == 0)
		r = txn_lock_tables(txn, err);
	for (size_t i = 0; r == 0 && i < changes->n; i++) {
		r = free_change(txn, &changes->list[i]);
		if (r < 0)
			(void)error_errno(err, look->name, r);
	}
	if (r == 0) {
		r = subid_txn_commit(txn, &failure);
		if (r < 0)
			(void)error_failure(err, look->sys, r, &failure);
	}
	subid_txn_release(txn);
	return r == 0 ? 0 : error_plain(err, r, "%s: %s", look->name, USES_HELD);
}

int releases_look_again(struct subid_txn *txn, struct subid_error *err)
{
	int r = 0;

	subid_sets_sort(&txn->rested);
	for (size_t i = 0; r == 0 && i < txn->n_releases; i++) {
		const struct release *release = &txn->releases[i];
		const struct subid_changes changes = { release->changes, release->n };
		struct uses_look look =
		    uses_look_of(txn, release->name, release->session, true);

		look.done = true;
		r = look_at_store(txn, release, err);
		if (r == 0 && release->frees)
			r = free_held(txn, &look, &changes, err);
	}
	releases_free(txn);
	return r;
}

/* --- owners ------------------------------------------------------------------------- */

/* There is nothing to take; found: what became of the look-up of the owner. */
static int explain_none(const struct subid_request *request, int found,
			struct subid_error *err)
{
	const char *name = request->owner, *why = "has no ranges";

	if (subid_owner_is_hold(name, strlen(name)))
		why = "holds ids for nobody: 'subid unhold' gives them back";
	else if (found != 0)
		why = request->range.count > 0
			  ? "no such account, and none of these ids under that name"
			  : "no such account, and no ranges of that name";
	else if (request->range.count > 0)
		why = "has none of these ids";
	return error_plain(err, SUBID_ABSENT, "%s: %s", name, why);
}

enum subid_state release_state(const struct subid_request *request)
{
	return request_has(request, SUBID_REUSE) ? SUBID_STATE_FREE
						 : SUBID_STATE_RELEASED;
}

bool release_frees_later(const struct subid_txn *txn, const struct subid_request *request)
{
	return request_has(request, SUBID_REUSE) && !request_has(request, SUBID_FORCE) &&
	       (txn->flags & SUBID_DRY_RUN) == 0 && txn->sys->host;
}

/* Names all that --force takes the ids from. */
static int override(struct subid_txn *txn, const struct subid_owner *owner,
		    const struct subid_changes *changes, const struct uses_look *look)
{
	struct subid_error mounts = { .size = sizeof(mounts) };
	struct subid_error leases = { .size = sizeof(leases) };
	struct subid_error uses = { .size = sizeof(uses) };
	int r = uses_overridden(
	    txn->sys,
	    shares_name_mounts(txn->sys, &txn->looked.shares, owner, NULL, &mounts),
	    &mounts);

	if (r == 0 && name_users_leases(txn, owner, changes, &leases) > 0)
		r = uses_overridden(
		    txn->sys,
		    error_plain(&leases, SUBID_IN_USE,
				"%s: these leases are worth nothing any more (--force)",
				look->name),
		    &leases);
	return r != 0 ? r
		      : uses_overridden(
			    txn->sys, uses_check_first(txn, look, changes, &uses), &uses);
}

/* Before anything is written: leases of the ids, and who uses them.  0, or explained. */
static int check_free(struct subid_txn *txn, const struct subid_request *request,
		      const struct subid_owner *owner,
		      const struct subid_changes *changes, bool *ret_has_store,
		      struct subid_error *err)
{
	bool force = request_has(request, SUBID_FORCE);
	struct uses_look look = uses_look_of(txn, request->owner, SUBID_ID_NONE,
					     request_has(request, SUBID_REUSE));
	int r = check_leases(txn, owner, changes, force, ret_has_store, err);

	if (r == 0)
		r = looked_shares(txn, err);
	if (r == 0)
		r = shares_check(txn->sys, &txn->looked.shares, changes, owner, NULL,
				 force, err);
	if (r != 0 || !force)
		return r != 0 ? r : uses_check_first(txn, &look, changes, err);
	look.forced = true;
	return override(txn, owner, changes, &look);
}

/* The same, unless it was done before; or does it, and keeps what came of it. */
static int check_once(struct subid_txn *txn, const struct subid_request *request,
		      const struct subid_owner *owner,
		      const struct subid_changes *changes, bool *ret_has_store,
		      struct subid_error *err)
{
	int r;

	if (!request_has(request, SUBID_PREPARE) &&
	    prepared_find(txn, request, changes, ret_has_store, err, &r))
		return r;
	r = check_free(txn, request, owner, changes, ret_has_store, err);
	if (request_has(request, SUBID_PREPARE))
		r = prepared_keep(txn, request, changes, *ret_has_store, r, err);
	return r;
}

int release_find_lines(const struct subid_txn *txn, const struct subid_owner *owner,
		       const struct subid_request *request, struct subid_change **ret,
		       size_t *ret_n)
{
	struct id_range range =
	    request->range.count > 0 ? request->range : id_range_between(0, ID_COUNT_MAX);

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		auto_set struct subid_set has = { .n = 0 };
		int r = 0;

		if ((request_kinds(request) & (1U << kind)) != 0)
			r = subid_table_owned(&txn->tables[kind], owner->spellings,
					      owner->n, &has);
		if (r == 0)
			r = changes_add_common(&has, kind, range, ret, ret_n);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Takes the lines out, in memory. */
static int cut_lines(struct subid_txn *txn, const struct subid_request *request,
		     const struct subid_owner *owner, const struct subid_changes *seen,
		     struct subid_changes *ret, struct subid_error *err)
{
	bool reuse =
	    request_has(request, SUBID_REUSE) && !release_frees_later(txn, request);
	int r = subid_txn_revoke(txn, owner, request_kinds(request), request->range,
				 reuse, ret);

	if (r < 0)
		return error_errno(err, request->owner, r);
	if (r != 0)
		return explain_none(request, 0, err);
	if (!changes_are_known(ret, seen))
		return error_plain(err, -EAGAIN,
				   "%s: was granted more at the same moment: nothing was"
				   " changed: try again",
				   request->owner);
	return check_roots_leases(txn, ret, err);
}

static int take_back(struct subid_txn *txn, const struct subid_request *request,
		     struct subid_owner *owner, struct subid_error *err)
{
	struct release release = {
		.session = SUBID_ID_NONE,
		.frees = release_frees_later(txn, request),
	};
	auto_free struct subid_change *lines = NULL;
	struct subid_changes changes = { .n = 0 }, seen = { .n = 0 };
	int found, r = 0;

	/* unless a call before has changed something, others may have the locks */
	(void)txn_unlock(txn);
	if (!txn_is_changed(txn) && !request_has(request, SUBID_PREPARE))
		looked_free(txn); /* who knows how long ago that was */
	/* one pass over the lines is cheaper than an index, two are not */
	if ((txn->n_releases == 1 || txn->n_prepared == 1) &&
	    subid_txn_prepare_bulk(txn) < 0)
		return error_memory(err);
	found = known_owner(txn, request->owner, owner);
	/* an owner without account may have lines all the same */
	if (found < 0)
		return error_plain(err, found, "%s: cannot be looked up: %s",
				   request->owner, strerror(-found));
	if (found != SUBID_INVALID)
		r = release_find_lines(txn, owner, request, &lines, &seen.n);
	if (r < 0)
		return error_errno(err, request->owner, r);
	if (seen.n == 0)
		return explain_none(request, found, err);
	seen.list = lines;
	txn->needs_ledger = true;
	r = check_once(txn, request, owner, &seen, &release.has_store, err);
	if (request_has(request, SUBID_PREPARE))
		return r;
	if (r == 0)
		r = txn_lock_tables(txn, err);
	if (r == 0)
		r = cut_lines(txn, request, owner, &seen, &changes, err);
	if (r != 0)
		return txn_spoil(txn, r);
	if (txn_add_result(txn, &changes) < 0)
		return txn_spoil(txn, error_memory(err));
	release.name = strdup(request->owner);
	release.owner = *owner; /* moved */
	*owner = (struct subid_owner){ .has_account = false };
	r = release_keep(txn, &release, &changes);
	return r == 0 ? 0 : txn_spoil(txn, error_memory(err));
}

int subid_revoke(struct subid_txn *txn, const struct subid_request *request,
		 struct subid_error *err)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	int r = request_check(request, err);

	if (r < 0)
		return r;
	if (txn->users == NULL)
		return error_plain(err, -EINVAL,
				   "this transaction is begun for leases alone");
	r = txn_new_result(txn, request->owner, release_state(request), err);
	if (r == 0)
		r = system_proc(txn->sys, err);
	return r == 0 ? take_back(txn, request, &owner, err) : r;
}
