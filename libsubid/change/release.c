/* SPDX-License-Identifier: MIT */
/*
 * Ids taken back from an owner or a container, and held ids given back.
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

#define NAMED_MAX 20

/* --- leases of the ids -------------------------------------------------------------- */

/*
 * Whoever's they are: a name that a lease has may be the owner's, though nobody knows any
 * more, once the account is gone.
 */
static size_t name_leases(const struct subid_leases *leases,
			  const struct subid_changes *changes, struct subid_error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < leases->n; i++) {
		const struct subid_lease *lease = &leases->list[i];
		bool meets = false;

		for (size_t k = 0; k < changes->n; k++)
			meets |= changes->list[k].kind == lease->kind &&
				 id_range_overlaps(changes->list[k].range, lease->range);
		if (!meets || n++ >= NAMED_MAX)
			continue;
		error_detail(err, "%s/%s: %s %u-%llu are leased to this container",
			     lease->owner, lease->name, subid_kind_name(lease->kind),
			     lease->range.start,
			     (unsigned long long)id_range_end(lease->range) - 1);
	}
	if (n > NAMED_MAX)
		error_detail(err, "and %zu more", n - NAMED_MAX);
	return n;
}

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
	int r = store_find_other(txn->sys, owner, &homes, &other);

	if (r == 0)
		r = name == NULL ? -ENOMEM : store_leases(&other, name, &leases);
	if (r == 0)
		return (ssize_t)name_leases(&leases, changes, err);
	system_warn(txn->sys, SUBID_NOTE_WARNING,
		    "%s: %s: leases that are there do not count", other.name,
		    home_error(r));
	return -1;
}

/*
 * Refuses, naming them, to take ids from an owner out of which containers have leases:
 * anybody's in root's store, or in the owner's own, unless it is forced.  The store stays
 * locked, so that no lease is made meanwhile.
 */
static int check_leases(struct subid_txn *txn, const struct subid_owner *owner,
			const struct subid_changes *changes, bool force,
			bool *ret_has_store, struct subid_error *err)
{
	auto_leases struct subid_leases leases = { .list = NULL };
	ssize_t n_users = -1;
	size_t n;
	int r = txn_open_store(txn, TXN_STORE_LOCK, err);

	/* without root's rights nothing will be changed anyway */
	if (r != 0 || txn->store.user != NULL)
		return r;
	r = store_leases(&txn->store, NULL, &leases);
	if (r < 0)
		return error_errno(err, txn->store.name, r);
	n = name_leases(&leases, changes, err);
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

/* Keeps it, and what it has, until the commit. */
static int keep_release(struct subid_txn *txn, struct release *release,
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

/*
 * Frees changes that txn has taken back, held and committed, after another look at what
 * uses them.  Threat: a helper that had read the line by then may have gone on meanwhile.
 */
static int free_held(struct subid_txn *txn, const struct uses_look *look,
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
			(void)error_errno(err, look->name, r);
	}
	if (r == 0) {
		r = subid_txn_commit(txn, &failure);
		if (r < 0)
			(void)error_failure(err, look->sys, r, &failure);
	}
	return r == 0 ? 0 : error_plain(err, r, "%s: %s", look->name, USES_HELD);
}

int releases_look_again(struct subid_txn *txn, struct subid_error *err)
{
	int r = 0;

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

/* The state of what was taken, for who asks. */
static enum subid_state state_of(const struct subid_request *request)
{
	return request_has(request, SUBID_REUSE) ? SUBID_STATE_FREE
						 : SUBID_STATE_RELEASED;
}

/* With reuse ids are held first, unless nobody can be at work with them, or it is
 * forced. */
static bool frees_later(const struct subid_txn *txn, const struct subid_request *request)
{
	return request_has(request, SUBID_REUSE) && !request_has(request, SUBID_FORCE) &&
	       (txn->flags & SUBID_DRY_RUN) == 0 && txn->sys->host;
}

/* Before anything is written: leases of the ids, and who uses them. */
static int check_free(struct subid_txn *txn, const struct subid_request *request,
		      const struct subid_owner *owner,
		      const struct subid_changes *changes, bool *ret_has_store,
		      struct subid_error *err)
{
	bool force = request_has(request, SUBID_FORCE);
	const struct uses_look look = uses_look_of(txn, request->owner, SUBID_ID_NONE,
						   request_has(request, SUBID_REUSE));
	int r = check_leases(txn, owner, changes, force, ret_has_store, err);

	if (r == 0)
		r = shares_check(txn->sys, changes, owner, NULL, force, err);
	return r != 0 || force ? r : uses_check(&look, changes, err);
}

static int take_back(struct subid_txn *txn, const struct subid_request *request,
		     struct subid_owner *owner, struct subid_error *err)
{
	bool later = frees_later(txn, request);
	bool reuse = request_has(request, SUBID_REUSE) && !later;
	struct release release = { .session = SUBID_ID_NONE, .frees = later };
	struct subid_changes changes = { .n = 0 };
	int found = subid_owner_find(txn->users, request->owner, owner), r = found;

	/* an owner without account may have lines all the same */
	if (r < 0)
		return error_plain(err, r, "%s: cannot be looked up: %s", request->owner,
				   strerror(-r));
	if (found != SUBID_INVALID)
		r = subid_txn_revoke(txn, owner, request_kinds(request), request->range,
				     reuse, &changes);
	if (r < 0)
		return error_errno(err, request->owner, r);
	if (r != 0)
		return explain_none(request, found, err);
	r = check_free(txn, request, owner, &changes, &release.has_store, err);
	if (r != 0)
		return txn_spoil(txn, r);
	if (txn_add_result(txn, &changes) < 0)
		return txn_spoil(txn, error_memory(err));
	release.name = strdup(request->owner);
	release.owner = *owner; /* moved */
	*owner = (struct subid_owner){ .has_account = false };
	r = keep_release(txn, &release, &changes);
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
	r = txn_new_result(txn, request->owner, state_of(request), err);
	if (r == 0)
		r = system_proc(txn->sys, err);
	return r == 0 ? take_back(txn, request, &owner, err) : r;
}

/* --- containers --------------------------------------------------------------------- */

struct revocation {
	struct subid_txn *txn;
	const struct subid_request *request;
	const struct subid_owner *owner;
	struct subid_error *err;
	bool own, reuse, force;
	struct subid_changes leases; /* what went from the store */
	struct subid_change *lines;  /* what went from the tables */
	size_t n_lines;
};

/* The user whose rootless session does not count. */
static uint32_t session_of(const struct revocation *revocation)
{
	return revocation->owner->has_account ? revocation->owner->uid : SUBID_ID_NONE;
}

/* The lines that were made for the container go with its lease. */
static int revoke_lines(struct revocation *revocation, bool reuse)
{
	struct subid_txn *txn = revocation->txn;

	for (size_t i = 0; i < revocation->leases.n; i++) {
		const struct subid_change *change = &revocation->leases.list[i];
		struct subid_changes of_lines = { .n = 0 };
		int r = subid_txn_revoke(txn, revocation->owner, 1U << change->kind,
					 change->range, reuse, &of_lines);

		for (size_t k = 0; r >= 0 && k < of_lines.n; k++) {
			r = array_grow(&revocation->lines, revocation->n_lines,
				       sizeof(*revocation->lines));
			if (r == 0)
				revocation->lines[revocation->n_lines++] =
				    of_lines.list[k];
		}
		if (r < 0) /* there may be none any more */
			return error_errno(revocation->err, revocation->request->owner,
					   r);
	}
	return 0;
}

/* The ids of one kind that went; held: that the tables hold now. */
static int collect(const struct subid_changes *changes, enum subid_kind kind, bool held,
		   struct subid_set *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < changes->n; i++)
		if (changes->list[i].kind == kind && !(held && changes->list[i].shared))
			r = subid_set_add(ret, changes->list[i].range);
	subid_set_sort(ret);
	return r;
}

/*
 * Ids are held where their line went, and all others here.  Threat: a line that root or
 * usermod has taken away before holds nothing, so the next owner would get its ids.
 */
static int hold_here(struct revocation *revocation)
{
	const struct subid_changes lines = { revocation->lines, revocation->n_lines };
	struct subid_sets here = { .of = { { .n = 0 } } };
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		auto_set struct subid_set gone = { .n = 0 }, held = { .n = 0 };

		r = collect(&revocation->leases, kind, false, &gone);
		if (r == 0)
			r = collect(&lines, kind, true, &held);
		if (r == 0)
			r = subid_set_subtract(&gone, &held, &here.of[kind]);
	}
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		for (size_t i = 0; r == 0 && i < here.of[kind].n; i++)
			r = subid_txn_rest(revocation->txn->leases, kind,
					   here.of[kind].ranges[i]);
	subid_sets_free(&here);
	return r == 0 ? 0 : error_errno(revocation->err, revocation->request->owner, r);
}

/* Takes the lease out of the store, in memory; all that it had, into the result. */
static int revoke_lease(struct revocation *revocation)
{
	const struct subid_request *request = revocation->request;
	struct subid_txn *txn = revocation->txn;
	const char *name = request->owner;
	bool reuse = revocation->reuse || revocation->own; /* see hold_here() */
	struct subid_changes changes;
	int r = SUBID_ABSENT;

	if (txn->leases != NULL)
		r = subid_lease_revoke(
		    txn->leases, revocation->owner, name + subid_lease_owner(name) + 1,
		    request_kinds(request), request->range, reuse, &changes);
	if (r == 0)
		r = txn_add_result(txn, &changes);
	if (r < 0)
		return error_errno(revocation->err, name, r);
	if (r != 0)
		return error_plain(revocation->err, r, "%s: has no lease%s in %s", name,
				   request->range.count > 0 ? " of these ids" : "",
				   txn->store.name);
	revocation->leases = (struct subid_changes){ txn->result, txn->n_result };
	return 0;
}

static int revoke_own(struct revocation *revocation)
{
	struct subid_txn *txn = revocation->txn;
	bool later = frees_later(txn, revocation->request);
	struct subid_changes lines;
	struct release release = {
		.session = session_of(revocation),
		.frees = true,
	};
	int r = revoke_lines(revocation, revocation->reuse && !later);

	lines = (struct subid_changes){ revocation->lines, revocation->n_lines };
	if (r == 0 && !revocation->reuse)
		r = hold_here(revocation);
	if (r != 0 || !later)
		return r;
	release.name = strdup(revocation->request->owner);
	r = keep_release(txn, &release, &lines);
	return r == 0 ? 0 : error_memory(revocation->err);
}

static int revoke_container(struct revocation *revocation)
{
	struct subid_txn *txn = revocation->txn;
	const char *name = revocation->request->owner;
	const struct uses_look look =
	    uses_look_of(txn, name, session_of(revocation), revocation->reuse);
	int r = revoke_lease(revocation);

	if (r == SUBID_ABSENT)
		return r;
	if (r == 0)
		r = shares_check(txn->sys, &revocation->leases, revocation->owner,
				 name + subid_lease_owner(name) + 1, revocation->force,
				 revocation->err);
	if (r == 0 && !revocation->force)
		r = uses_check(&look, &revocation->leases, revocation->err);
	if (r == 0 && revocation->own)
		r = revoke_own(revocation);
	return r == 0 ? 0 : txn_spoil(txn, r);
}

/* The accounts, which a transaction over leases alone has not read. */
static int find_lease_owner(const struct subid_txn *txn, const char *name,
			    struct subid_users **users, struct subid_owner *ret,
			    struct subid_error *err)
{
	auto_free char *owner = strndup(name, subid_lease_owner(name));
	struct subid_failure failure = { .file = "passwd" };
	int r;

	if (owner == NULL)
		return error_memory(err);
	r = subid_users_open(txn->sys->etc, txn->sys->host, users, &failure.file);
	if (r < 0)
		return error_failure(err, txn->sys, r, &failure);
	/* an owner that has no account any more may have leases all the same */
	r = subid_owner_find(*users, owner, ret);
	return r >= 0 ? r
		      : error_plain(err, r, "%s: cannot be looked up: %s", owner,
				    strerror(-r));
}

int subid_unlease(struct subid_txn *txn, const struct subid_request *request,
		  struct subid_error *err)
{
	auto_users struct subid_users *users = NULL;
	auto_owner struct subid_owner owner = { .has_account = false };
	struct revocation revocation = {
		.txn = txn,
		.request = request,
		.owner = &owner,
		.err = err,
		.own = request_has(request, SUBID_OWN),
		.reuse = request_has(request, SUBID_REUSE),
		.force = request_has(request, SUBID_FORCE),
	};
	int found, r = request_check(request, err);

	if (r < 0)
		return r;
	r = txn_new_result(txn, request->owner, state_of(request), err);
	if (r == 0 && !revocation.force)
		r = system_proc(txn->sys, err);
	if (r < 0)
		return r;
	found = find_lease_owner(txn, request->owner, &users, &owner, err);
	if (found < 0)
		return found;
	if (revocation.own && txn->users == NULL)
		return error_plain(err, -EPERM, "--own: run this as root");
	r = txn_open_store(txn, TXN_STORE_READ, err);
	if (r != 0)
		return txn_spoil(txn, r);
	if (found == SUBID_INVALID || (txn->store.user != NULL && owner.uid != getuid()))
		return error_plain(err, SUBID_ABSENT, "%s: has no lease in %s",
				   request->owner, txn->store.name);
	r = revoke_container(&revocation);
	free(revocation.lines);
	return r;
}
