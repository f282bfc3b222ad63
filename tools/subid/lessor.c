/* SPDX-License-Identifier: MIT */
/*
 * What an owner's containers may have, and what they must keep off.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid/lease.h"

void cli_lessor_free(struct cli_lessor *lessor)
{
	subid_sets_free(&lessor->held);
	subid_sets_free(&lessor->others);
	subid_sets_free(&lessor->avoid);
	subid_owner_free(&lessor->owner);
	subid_leases_free(&lessor->leases);
	subid_runtime_state_free(&lessor->runtimes);
	free(lessor->name);
	*lessor = (struct cli_lessor){ .name = NULL };
}

void cli_leasing_free(struct cli_leasing *leasing)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		subid_table_free(&leasing->tables[kind]);
	}
	subid_sets_free(&leasing->live);
	subid_users_free(&leasing->users);
	cli_store_close(&leasing->store);
	cleanup_close(&leasing->etc);
	cleanup_close(&leasing->proc);
}

int cli_leasing_look(struct cli_leasing *leasing, uint32_t session)
{
	auto_live struct subid_live live = { .n = 0 };
	struct subid_unreadable unseen;
	int r;

	if (leasing->proc < 0)
		return EXIT_DONE;
	subid_sets_free(&leasing->live);
	leasing->session = session;
	r = subid_live_read(leasing->proc, SUBID_LIVE_THOROUGH, &live);
	if (r == 0)
		r = subid_live_in_use(leasing->proc, &live, session, &leasing->live);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "/proc: %s: what runs cannot be seen",
				    strerror(-r));
	subid_live_unreadable(leasing->proc, &live, &unseen);
	/* a map that cannot be read may map anything */
	if (unseen.n > 0)
		return cli_unseen_is_wrong(EXIT_UNABLE, "/proc", &unseen);
	if (leasing->unseen.n_hidden == 0)
		cli_warn_of_hidden(leasing->cli, &unseen);
	leasing->unseen = unseen;
	return EXIT_DONE;
}

int cli_leasing_load(struct cli_leasing *leasing)
{
	struct subid_failure failure = { .file = NULL };
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		failure.file = subid_kind_table(kind);
		subid_table_free(&leasing->tables[kind]); /* of the last turn */
		r = subid_table_load(leasing->etc, kind, &leasing->tables[kind]);
	}
	return r == 0 ? EXIT_DONE : cli_txn_failed(leasing->cli, r, &failure);
}

/* The ids that a user's runtimes count from 0 on, see runtime.h. */
static int make_session(const struct cli_leasing *leasing,
			const struct cli_lessor *lessor, enum subid_kind kind,
			struct id_range **ret, size_t *ret_n)
{
	const struct subid_owner *owner = &lessor->owner;
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

/* The status, after a complaint. */
static int home_unread(const struct cli_lessor *lessor, const char *home, int r)
{
	if (home == NULL)
		return cli_complain(EXIT_UNABLE,
				    "%s: where the home is cannot be told: %s",
				    lessor->name, strerror(-r));
	return cli_complain(EXIT_UNABLE,
			    "%s: %s: the ids of stopped containers that may be written"
			    " there are not known",
			    home, cli_home_error(r));
}

/* What the owner's own runtimes have written down in its home.  Whoever looks into her
 * own waits as long as it takes.  The status. */
static int read_home(struct cli_leasing *leasing, struct cli_lessor *lessor)
{
	const struct subid_owner *owner = &lessor->owner;
	struct cli_homes own = { .patience = { INT_MAX, INT_MAX } };
	auto_free struct id_range *uids = NULL, *gids = NULL;
	auto_free char *home = NULL;
	struct subid_runtime_place place = { .user = true, .trusted = geteuid() != 0 };
	int r = owner->uid == 0 ? SUBID_ABSENT : subid_owner_home(owner->uid, &home);

	if (r > 0)
		return EXIT_DONE;
	if (r < 0)
		return home_unread(lessor, NULL, r);
	r = make_session(leasing, lessor, SUBID_UID, &uids, &place.n_session[SUBID_UID]);
	if (r == 0)
		r = make_session(leasing, lessor, SUBID_GID, &gids,
				 &place.n_session[SUBID_GID]);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", lessor->name, strerror(-r));
	place.session[SUBID_UID] = uids;
	place.session[SUBID_GID] = gids;
	r = cli_home_read_runtimes(home, &place, place.trusted ? &own : &leasing->homes,
				   &lessor->runtimes);
	return r < 0 ? home_unread(lessor, home, r) : EXIT_DONE;
}

void cli_warn_of_unread(const struct subid_runtime_state *state)
{
	const char *why = "damaged";

	if (state->error != SUBID_INVALID)
		why = state->error == SUBID_ABSENT ? "its storage is not mounted"
						   : strerror(-state->error);
	if (state->n_unread > 0)
		(void)cli_complain(
		    0,
		    "warning: %s: %s (and %zu more): the ids of a stopped container"
		    " that are written there are not known",
		    state->unread, why, state->n_unread - 1);
}

/* The status. */
static int read_runtimes(struct cli_leasing *leasing, struct cli_lessor *lessor)
{
	const struct cli *cli = leasing->cli;
	struct subid_runtime_state *state = &lessor->runtimes;
	auto_close int root =
	    open(cli->root == NULL ? "/" : cli->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct subid_runtime_place place = { .dir = root, .trusted = true };
	int r = root < 0 ? -errno : subid_runtime_read(&place, state);
	int status = EXIT_DONE;

	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", lessor->name, strerror(-r));
	/* what root's runtimes do is none of an ordinary user's business */
	if (geteuid() != 0)
		state->n_unread = 0;
	/* root's runtimes are root's own */
	lessor->own_begin =
	    lessor->owner.has_account && lessor->owner.uid == 0 ? 0 : state->n;
	if (cli->root == NULL && lessor->owner.has_account)
		status = read_home(leasing, lessor);
	lessor->own_end = state->n;
	if (status == EXIT_DONE)
		cli_warn_of_unread(state);
	return status;
}

static int read_other_store(struct cli_leasing *leasing, struct cli_lessor *lessor)
{
	auto_store struct cli_store other = { .fd = -1 };
	int r, status = cli_store_open_other(leasing->cli, &lessor->owner,
					     &leasing->homes, &other);

	if (status != EXIT_DONE || !cli_store_exists(&other))
		return status;
	r = cli_store_taken(&other, &lessor->others);
	if (r == 0)
		r = cli_store_leases(&other, lessor->name, &lessor->leases);
	if (r == 0)
		return EXIT_DONE;
	return cli_complain(EXIT_UNABLE, "%s: %s: leases that are there cannot be seen",
			    other.cli.etc_name, strerror(-r));
}

/* The status. */
static int gather(struct cli_leasing *leasing, struct cli_lessor *lessor)
{
	const struct subid_owner *owner = &lessor->owner;
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_table_owned(&leasing->tables[kind], owner->spellings, owner->n,
				      &lessor->held.of[kind]);
	if (r == 0)
		r = subid_sets_unite(&lessor->others, &leasing->live);
	if (r == 0 && leasing->unseen.n_hidden > 0 && leasing->store.fd >= 0)
		r = cli_store_before(&leasing->store, &lessor->others);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", lessor->name, strerror(-r));
	return read_runtimes(leasing, lessor);
}

int cli_lessor_find(struct cli_leasing *leasing, const char *name, size_t len,
		    struct cli_lessor *ret)
{
	int r, status;

	ret->name = strndup(name, len);
	if (ret->name == NULL)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	r = subid_owner_find(leasing->users, ret->name, &ret->owner);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: cannot be looked up: %s", ret->name,
				    strerror(-r));
	if (r == SUBID_INVALID)
		return cli_complain(EXIT_NO, "%s: no owner can be called so", ret->name);
	if (leasing->store.user != NULL &&
	    (!ret->owner.has_account || ret->owner.uid != getuid()))
		return cli_complain(EXIT_NO,
				    "%s: is not you: only root gives leases to others'"
				    " containers",
				    ret->name);
	status = EXIT_DONE;
	if (ret->owner.has_account && ret->owner.uid != leasing->session)
		status = cli_leasing_look(leasing, ret->owner.uid);
	if (status != EXIT_DONE)
		return status;
	status = gather(leasing, ret);
	if (status != EXIT_DONE)
		return status;
	r = 0;
	if (!ret->owner.has_account && subid_sets_empty(&ret->held))
		return cli_complain(EXIT_NO,
				    "%s: no such account, and no ranges of that name",
				    ret->name);
	status = read_other_store(leasing, ret);
	if (status != EXIT_DONE)
		return status;
	r = subid_sets_unite(&ret->avoid, &ret->others);
	if (r == 0)
		r = subid_runtime_ids(&ret->runtimes, &ret->avoid);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", ret->name, strerror(-r));
	if (leasing->store.fd < 0)
		return EXIT_DONE;
	r = subid_leases_load(leasing->store.fd,
			      leasing->store.user != NULL ? ret->name : NULL,
			      &ret->leases);
	if (r == 0)
		return EXIT_DONE;
	return cli_complain(EXIT_UNABLE, "%s: %s", leasing->store.cli.etc_name,
			    strerror(-r));
}

int cli_lessor_avoid_but(const struct cli_lessor *lessor, const char *name,
			 struct subid_sets *ret)
{
	const struct subid_runtime_state *runtimes = &lessor->runtimes;
	int r = subid_sets_unite(ret, &lessor->others);

	for (size_t i = 0; r == 0 && i < runtimes->n; i++) {
		const struct subid_runtime_range *one = &runtimes->list[i];

		if (i < lessor->own_begin || i >= lessor->own_end ||
		    strcmp(one->name, name) != 0)
			r = subid_set_insert(&ret->of[one->kind], one->range);
	}
	return r;
}
