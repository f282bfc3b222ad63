/* SPDX-License-Identifier: MIT */
/*
 * What an owner's containers may have, and what leases must avoid.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

void lease_owner_free(struct lease_owner *owner)
{
	subid_sets_free(&owner->held);
	subid_sets_free(&owner->avoid);
	subid_sets_free(&owner->others);
	subid_owner_free(&owner->owner);
	subid_leases_free(&owner->leases);
	subid_runtime_state_free(&owner->runtimes);
	free(owner->name);
	*owner = (struct lease_owner){ .name = NULL };
}

uint32_t lease_owner_session(const struct lease_owner *owner)
{
	return owner->owner.has_account ? owner->owner.uid : SUBID_ID_NONE;
}

void leasing_free(struct leasing **leasing)
{
	if (*leasing == NULL)
		return;
	for (size_t i = 0; i < (*leasing)->n_owners; i++) {
		lease_owner_free((*leasing)->owners[i]);
		free((*leasing)->owners[i]);
	}
	free((*leasing)->owners);
	for (size_t i = 0; i < (*leasing)->n_given; i++)
		free((*leasing)->given[i].name);
	free((*leasing)->given);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_table_free(&(*leasing)->tables[kind]);
	subid_sets_free(&(*leasing)->live);
	subid_users_free(&(*leasing)->users);
	free(*leasing);
	*leasing = NULL;
}

int leasing_load_tables(struct subid_txn *txn, struct subid_error *err)
{
	struct leasing *leasing = txn->leasing;
	struct subid_failure failure = { .file = NULL };
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		failure.file = subid_kind_table(kind);
		subid_table_free(&leasing->tables[kind]); /* of an earlier look */
		r = subid_table_load(txn->sys->etc, kind, &leasing->tables[kind]);
	}
	return r == 0 ? 0 : error_failure(err, txn->sys, r, &failure);
}

bool leasing_is_as_read(const struct subid_txn *txn)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		bool alike = false;

		if (subid_table_is_alike(txn->sys->etc, kind, &txn->leasing->tables[kind],
					 &alike) != 0 ||
		    !alike)
			return false;
	}
	return true;
}

int leasing_begin(struct subid_txn *txn, struct subid_error *err)
{
	struct subid_failure failure = { .file = "passwd" };
	struct leasing *leasing = calloc(1, sizeof(*leasing));
	int r;

	if (leasing == NULL)
		return error_memory(err);
	txn->leasing = leasing;
	leasing->homes = (struct homes)HOMES;
	leasing->session = SUBID_ID_NONE;
	r = subid_users_open(txn->sys->etc, txn->sys->host, &leasing->users,
			     &failure.file);
	if (r < 0)
		return error_failure(err, txn->sys, r, &failure);
	r = system_proc(txn->sys, err);
	return r < 0 ? r : leasing_load_tables(txn, err);
}

/* --- one owner --------------------------------------------------------------------- */

/* The ids that a user's runtimes count from 0 on, see runtimes.h. */
static int make_session(const struct leasing *leasing, const struct subid_owner *owner,
			enum subid_kind kind, struct id_range **ret, size_t *ret_n)
{
	struct subid_owned_range *lines = NULL;
	size_t n = 0;
	int r = subid_owned_ranges(&leasing->tables[kind].text, owner->spellings,
				   owner->n, &lines, &n);

	if (r < 0)
		return r;
	*ret = calloc(n + 1, sizeof(**ret));
	if (*ret == NULL) {
		free(lines);
		return -ENOMEM;
	}
	(*ret)[0] = (struct id_range){ kind == SUBID_UID ? owner->uid : owner->gid, 1 };
	for (size_t i = 0; i < n; i++)
		(*ret)[i + 1] = lines[i].range;
	*ret_n = n + 1;
	free(lines);
	return 0;
}

static int home_unread(const struct lease_owner *owner, const char *home, int r,
		       struct subid_error *err)
{
	if (home == NULL)
		return error_plain(err, r, "%s: where the home is cannot be told: %s",
				   owner->name, strerror(-r));
	return error_plain(err, r,
			   "%s: %s: the ids of stopped containers that may be written"
			   " there are not known",
			   home, home_error(r));
}

/* What the owner's own runtimes have written down in its home.  Whoever looks into her
 * own waits as long as it takes. */
static int read_home(struct leasing *leasing, struct lease_owner *owner,
		     struct subid_error *err)
{
	uint32_t uid = owner->owner.uid;
	struct homes own = { .one_ms = INT_MAX, .all_ms = INT_MAX };
	auto_free struct id_range *uids = NULL, *gids = NULL;
	auto_free char *home = NULL;
	struct subid_runtime_place place = { .user = true, .trusted = geteuid() != 0 };
	int r = uid == 0 ? SUBID_ABSENT : subid_owner_home(uid, &home);

	if (r > 0)
		return 0;
	if (r < 0)
		return home_unread(owner, NULL, r, err);
	r = make_session(leasing, &owner->owner, SUBID_UID, &uids,
			 &place.n_session[SUBID_UID]);
	if (r == 0)
		r = make_session(leasing, &owner->owner, SUBID_GID, &gids,
				 &place.n_session[SUBID_GID]);
	if (r < 0)
		return error_errno(err, owner->name, r);
	place.session[SUBID_UID] = uids;
	place.session[SUBID_GID] = gids;
	r = home_read_runtimes(home, &place, place.trusted ? &own : &leasing->homes,
			       &owner->runtimes);
	return r < 0 ? home_unread(owner, home, r, err) : 0;
}

static int read_runtimes(struct subid_txn *txn, struct lease_owner *owner,
			 struct subid_error *err)
{
	struct subid_runtime_state *state = &owner->runtimes;
	const struct subid_runtime_place place = {
		.dir = txn->sys->root,
		.trusted = true,
	};
	int r = subid_runtime_read(&place, state);

	if (r < 0)
		return error_errno(err, owner->name, r);
	runtimes_name_below(state, "");
	/* what root's runtimes do is none of an ordinary user's business */
	if (geteuid() != 0)
		state->n_unread = 0;
	r = system_check_unread(txn->sys, "", state, err);
	state->n_unread = 0;
	/* root's runtimes are root's own */
	owner->own_begin =
	    owner->owner.has_account && owner->owner.uid == 0 ? 0 : state->n;
	if (r == 0 && txn->sys->host && owner->owner.has_account)
		r = read_home(txn->leasing, owner, err);
	owner->own_end = state->n;
	return r == 0 ? lease_check_home(txn, owner, err) : r;
}

static int read_other_store(struct subid_txn *txn, struct lease_owner *owner,
			    struct subid_error *err)
{
	auto_store struct store other = { .fd = -1 };
	int r =
	    store_open_other(txn->sys, &owner->owner, &txn->leasing->homes, &other, err);

	if (r != 0 || !store_exists(&other))
		return r;
	r = store_taken(&other, &owner->others);
	if (r == 0)
		r = store_leases(&other, owner->name, &owner->leases);
	if (r == 0)
		return 0;
	return error_plain(err, r, "%s: %s: leases that are there cannot be seen",
			   other.name, home_error(r));
}

static int find_lines(const struct subid_txn *txn, const struct lease_owner *owner,
		      struct subid_sets *ret)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_table_owned(&txn->leasing->tables[kind], owner->owner.spellings,
				      owner->owner.n, &ret->of[kind]);
	return r;
}

bool lease_owner_is_as_looked(const struct subid_txn *txn)
{
	const struct lease_owner *owner = txn->leasing->owner;
	auto_sets struct subid_sets now = { .of = { { .n = 0 } } };

	if (owner->answer != 0)
		return true; /* which is why nothing is given */
	if (find_lines(txn, owner, &now) < 0)
		return false;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_set *then = &owner->held.of[kind];

		if (then->n != now.of[kind].n ||
		    (then->n > 0 && memcmp(then->ranges, now.of[kind].ranges,
					   then->n * sizeof(*then->ranges)) != 0))
			return false;
	}
	return true;
}

/* Who it is, and may the caller give its containers anything? */
static int find_account(struct subid_txn *txn, struct lease_owner *owner,
			struct subid_error *err)
{
	struct subid_owner *account = &owner->owner;
	int r = subid_owner_find(txn->leasing->users, owner->name, account);

	if (r < 0)
		return error_plain(err, r, "%s: cannot be looked up: %s", owner->name,
				   strerror(-r));
	if (r == SUBID_INVALID)
		return error_plain(err, r, "%s: no owner can be called so", owner->name);
	if (txn->sys->host && geteuid() != 0 &&
	    (!account->has_account || account->uid != getuid()))
		return error_plain(err, SUBID_DENIED,
				   "%s: is not you: only root gives leases to others'"
				   " containers",
				   owner->name);
	return 0;
}

/* What was looked at for a user whose session does not count is no answer for another. */
static int look_for(struct subid_txn *txn, struct lease_owner *owner,
		    struct subid_error *err)
{
	struct leasing *leasing = txn->leasing;
	uint32_t session = lease_owner_session(owner);
	int r = 0;

	if (!leasing->looked || leasing->session != session)
		r = lease_look(txn, owner, session, err);
	leasing->looked = r == 0;
	if (r == 0 && subid_sets_unite(&owner->others, &leasing->live) < 0)
		r = error_memory(err);
	if (r == 0)
		r = read_runtimes(txn, owner, err);
	return r == 0 ? read_other_store(txn, owner, err) : r;
}

int lease_owner_look(struct subid_txn *txn, const char *name, size_t len,
		     struct subid_error *err)
{
	struct leasing *leasing = txn->leasing;
	struct lease_owner *owner;

	for (size_t i = leasing->n_owners; i > 0; i--) {
		owner = leasing->owners[i - 1];
		if (strlen(owner->name) == len && memcmp(owner->name, name, len) == 0) {
			leasing->owner = owner;
			return 0;
		}
	}
	owner = array_grow(&leasing->owners, leasing->n_owners, sizeof(owner)) < 0
		    ? NULL
		    : calloc(1, sizeof(*owner));
	if (owner == NULL)
		return error_memory(err);
	leasing->owners[leasing->n_owners++] = owner;
	leasing->owner = owner;
	owner->error.size = sizeof(owner->error);
	owner->name = strndup(name, len);
	if (owner->name == NULL) {
		leasing->n_owners--;
		free(owner);
		return error_memory(err);
	}
	owner->answer = find_account(txn, owner, &owner->error);
	if (owner->answer == 0 && find_lines(txn, owner, &owner->held) < 0)
		owner->answer = error_memory(&owner->error);
	if (owner->answer == 0)
		owner->answer = look_for(txn, owner, &owner->error);
	return 0;
}

/* What the tables say, and the caller's own store. */
static int gather(struct subid_txn *txn, struct lease_owner *owner,
		  struct subid_error *err)
{
	int r = 0;

	if (!lease_owner_is_as_looked(txn))
		return error_plain(err, -EAGAIN,
				   "%s: its lines are being changed: try again",
				   owner->name);
	if (txn->leasing->unseen.n_hidden > 0 && txn->store.fd >= 0)
		r = store_before(&txn->store, &owner->others);
	if (r == 0)
		r = subid_sets_unite(&owner->avoid, &owner->others);
	if (r == 0)
		r = subid_runtime_ids(&owner->runtimes, &owner->avoid);
	if (r < 0)
		return error_errno(err, owner->name, r);
	if (!owner->owner.has_account && subid_sets_empty(&owner->held))
		return error_plain(err, SUBID_UNKNOWN,
				   "%s: no such account, and no ranges of that name",
				   owner->name);
	if (txn->store.fd < 0)
		return 0;
	r = subid_leases_load(txn->store.fd, txn->store.user != NULL ? owner->name : NULL,
			      &owner->leases);
	return r == 0 ? 0 : error_errno(err, txn->store.name, r);
}

int lease_owner_find(struct subid_txn *txn, const char *name, size_t len,
		     struct subid_error *err)
{
	int r = lease_owner_look(txn, name, len, err);
	struct lease_owner *owner = txn->leasing->owner;

	if (r == 0 && owner->answer != 0) {
		if (err != NULL && err->size >= sizeof(*err))
			*err = owner->error;
		return owner->answer;
	}
	if (r != 0 || owner->read)
		return r;
	r = gather(txn, owner, err);
	owner->read = r == 0;
	return r;
}

int lease_owner_avoid_but(const struct lease_owner *owner, const char *name,
			  struct subid_sets *ret)
{
	const struct subid_runtime_state *runtimes = &owner->runtimes;
	auto_sets struct subid_sets ids = { .of = { { .n = 0 } } };
	int r = 0;

	/* added, and then sorted: a user may have written a million of them down */
	for (size_t i = 0; r == 0 && i < runtimes->n; i++) {
		const struct subid_runtime_range *one = &runtimes->list[i];

		if (i < owner->own_begin || i >= owner->own_end ||
		    strcmp(one->name, name) != 0)
			r = subid_set_add(&ids.of[one->kind], one->range);
	}
	subid_sets_sort(&ids);
	if (r == 0)
		r = subid_sets_unite(ret, &ids);
	return r == 0 ? subid_sets_unite(ret, &owner->others) : r;
}
