/* SPDX-License-Identifier: MIT */
/*
 * A container's lease taken back, and with it the lines that were made for it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

struct revocation {
	struct subid_txn *txn;
	const struct subid_request *request;
	const struct subid_owner *owner;
	struct subid_error *err;
	bool own, reuse, force, looked;
	struct subid_changes leases; /* what went from the store */
	struct subid_change *lines;  /* what went from the tables */
	size_t n_lines;
	struct subid_change *seen; /* that was looked at before the locks */
	size_t n_seen;
	char elsewhere[SUBID_ERROR_FILE_SIZE]; /* the store where it is instead, or "" */
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

/* The leases that are to go, as the store has them without its lock. */
static int find_leases(const struct revocation *revocation, const struct store *store,
		       struct subid_change **ret, size_t *ret_n)
{
	const struct subid_request *request = revocation->request;
	size_t len = subid_lease_owner(request->owner);
	auto_free char *owner = strndup(request->owner, len);
	auto_leases struct subid_leases leases = { .list = NULL };
	int r = owner == NULL ? -ENOMEM : store_leases(store, owner, &leases);

	for (size_t i = 0; r == 0 && i < leases.n; i++) {
		const struct subid_lease *lease = &leases.list[i];
		struct id_range range =
		    request->range.count > 0
			? id_range_common(lease->range, request->range)
			: lease->range;

		if (range.count == 0 ||
		    (request_kinds(request) & (1U << lease->kind)) == 0 ||
		    strcmp(lease->name, request->owner + len + 1) != 0 ||
		    !lease_is_of(lease, revocation->owner, owner))
			continue;
		r = array_grow(ret, *ret_n, sizeof(**ret));
		if (r == 0)
			(*ret)[(*ret_n)++] =
			    (struct subid_change){ lease->kind, range, false };
	}
	return r;
}

/* There is none in this store; where it was seen before the locks. */
static int explain_none(const struct revocation *revocation)
{
	const struct subid_request *request = revocation->request;
	const char *name = request->owner, *other = revocation->elsewhere;

	if (other[0] != '\0' && geteuid() == 0)
		return error_plain(revocation->err, SUBID_ABSENT,
				   "%s: the lease is the user's own, in %s: run 'subid"
				   " revoke %s' as %.*s",
				   name, other, name, (int)subid_lease_owner(name), name);
	if (other[0] != '\0')
		return error_plain(revocation->err, SUBID_ABSENT,
				   "%s: root has given this lease, in %s: ask an"
				   " administrator for 'subid revoke %s'",
				   name, other, name);
	return error_plain(revocation->err, SUBID_ABSENT, "%s: has no lease%s in %s",
			   name, request->range.count > 0 ? " of these ids" : "",
			   revocation->txn->store.name);
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
		return explain_none(revocation);
	revocation->leases = (struct subid_changes){ txn->result, txn->n_result };
	return 0;
}

static int revoke_own(struct revocation *revocation)
{
	struct subid_txn *txn = revocation->txn;
	bool later = release_frees_later(txn, revocation->request);
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
	r = release_keep(txn, &release, &lines);
	return r == 0 ? 0 : error_memory(revocation->err);
}

static struct uses_look look_at(const struct revocation *revocation)
{
	struct uses_look look = uses_look_of(revocation->txn, revocation->request->owner,
					     session_of(revocation), revocation->reuse);

	look.forced = revocation->force;
	return look;
}

/* What uses the ids.  By force it is only named. */
static int check_changes(const struct revocation *revocation,
			 const struct subid_changes *changes)
{
	const struct uses_look look = look_at(revocation);
	struct subid_error warning = { .size = sizeof(warning) };

	if (!revocation->force)
		return uses_check(&look, changes, revocation->err);
	if (system_proc(revocation->txn->sys, &warning) < 0)
		return 0; /* nobody can be named then */
	return uses_overridden(revocation->txn->sys, uses_check(&look, changes, &warning),
			       &warning);
}

/* Stores of shared files are in use, whatever runs. */
static int check_shares(const struct revocation *revocation,
			const struct subid_changes *changes)
{
	const char *name = revocation->request->owner;
	const char *container = name + subid_lease_owner(name) + 1;
	const struct subid *sys = revocation->txn->sys;
	struct subid_error warning = { .size = sizeof(warning) };
	int r = shares_check(sys, NULL, changes, revocation->owner, container,
			     revocation->force, revocation->err);

	if (r != 0 || !revocation->force)
		return r;
	return uses_overridden(
	    sys, shares_name_mounts(sys, NULL, revocation->owner, container, &warning),
	    &warning);
}

/* Is it in the other store, of root or of the owner?  Threat: a home may be slow, so this
 * is before any lock. */
static void look_elsewhere(struct revocation *revocation)
{
	struct subid_txn *txn = revocation->txn;
	auto_store struct store other = { .fd = -1 };
	auto_free struct subid_change *list = NULL;
	size_t n = 0;

	if (store_find_other(txn->sys, revocation->owner, &txn->sys->homes, &other) ==
		0 &&
	    find_leases(revocation, &other, &list, &n) == 0 && n > 0)
		(void)snprintf(revocation->elsewhere, sizeof(revocation->elsewhere), "%s",
			       other.name);
}

/* What uses the ids is looked at first, while others may have the locks. */
static int look_first(struct revocation *revocation)
{
	struct subid_txn *txn = revocation->txn;
	auto_store struct store store = { .fd = -1 };
	struct subid_changes seen;
	bool has_store;
	int r = store_find(txn->sys, &store);

	if (r == 0)
		r = find_leases(revocation, &store, &revocation->seen,
				&revocation->n_seen);
	if (r < 0)
		return error_errno(revocation->err, store.name, r);
	if (revocation->n_seen == 0) {
		if (txn->leases == NULL)
			look_elsewhere(revocation);
		return 0; /* there is none, or it comes this moment */
	}
	seen = (struct subid_changes){ revocation->seen, revocation->n_seen };
	revocation->looked = true;
	if (prepared_find(txn, revocation->request, &seen, &has_store, revocation->err,
			  &r))
		return r;
	r = check_shares(revocation, &seen);
	if (r == 0)
		r = check_changes(revocation, &seen);
	if (request_has(revocation->request, SUBID_PREPARE) &&
	    prepared_keep(txn, revocation->request, &seen, false, r, revocation->err) < 0)
		return error_memory(revocation->err);
	return r;
}

/* What was not looked at without the locks is looked at now. */
static int check_now(const struct revocation *revocation)
{
	const struct subid_changes seen = { revocation->seen, revocation->n_seen };
	int r;

	if (revocation->looked && changes_are_known(&revocation->leases, &seen))
		return 0;
	if (revocation->looked)
		return error_plain(revocation->err, -EAGAIN,
				   "%s: was leased more at the same moment: nothing was"
				   " changed: try again",
				   revocation->request->owner);
	r = check_shares(revocation, &revocation->leases);
	return r == 0 ? check_changes(revocation, &revocation->leases) : r;
}

static int revoke_container(struct revocation *revocation)
{
	int r = revoke_lease(revocation);

	if (r == SUBID_ABSENT)
		return r;
	if (r == 0)
		r = check_now(revocation);
	if (r == 0 && revocation->own)
		r = revoke_own(revocation);
	return r == 0 ? 0 : txn_spoil(revocation->txn, r);
}

/* A transaction over leases alone has not read the accounts. */
static int find_lease_owner(struct subid_txn *txn, const char *name,
			    struct subid_users **users, struct subid_owner *ret,
			    struct subid_error *err)
{
	auto_free char *owner = strndup(name, subid_lease_owner(name));
	struct subid_failure failure = { .file = "passwd" };
	int r = 0;

	if (owner == NULL)
		return error_memory(err);
	if (txn->users == NULL)
		r = subid_users_open(txn->sys->etc, txn->sys->host, users, &failure.file);
	if (r < 0)
		return error_failure(err, txn->sys, r, &failure);
	/* an owner that has no account any more may have leases all the same */
	r = txn->users != NULL ? known_owner(txn, owner, ret)
			       : subid_owner_find(*users, owner, ret);
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
	r = txn_new_result(txn, request->owner, release_state(request), err);
	if (r == 0 && !revocation.force)
		r = system_proc(txn->sys, err);
	if (r < 0)
		return r;
	(void)txn_unlock(txn);
	found = find_lease_owner(txn, request->owner, &users, &owner, err);
	if (found < 0)
		return found;
	if (revocation.own && txn->users == NULL)
		return error_plain(err, -EPERM, "--own: run this as root");
	/* a store that is locked already stays so: it is taken after the tables' locks;
	 * who takes several back has looked at all of them by then */
	if (found != SUBID_INVALID && (txn->leases == NULL || txn->n_prepared > 0) &&
	    subid_lease_owner(request->owner) > 0)
		r = look_first(&revocation);
	if (request_has(request, SUBID_PREPARE)) {
		free(revocation.seen);
		return r;
	}
	/* the store's lock comes after those of the tables */
	if (r == 0 && revocation.own)
		r = txn_lock_tables(txn, err);
	if (r == 0)
		r = txn_open_store(txn, TXN_STORE_READ, err);
	if (r != 0) {
		free(revocation.seen);
		return txn_spoil(txn, r);
	}
	if (found == SUBID_INVALID || (txn->store.user != NULL && owner.uid != getuid()))
		r = error_plain(err, SUBID_ABSENT, "%s: has no lease in %s",
				request->owner, txn->store.name);
	else
		r = revoke_container(&revocation);
	free(revocation.lines);
	free(revocation.seen);
	return r;
}
