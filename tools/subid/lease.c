/* SPDX-License-Identifier: MIT */
/*
 * subid grant OWNER/NAME: a range for each container.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/lease.h"

/* Of a container, when login.defs gives none. */
#define COUNT_DEFAULT 65536

/* How often it is tried to be alone. */
#define TURNS_MAX 20

struct grant {
	const struct cli_lease_grant *asked;
	struct cli_leasing *leasing;
	struct subid_txn *txn;
	struct subid_txn *tables; /* with --own; else NULL */
	struct cli_lessor lessor; /* of the last name */
	uint32_t count;
	int answer;		/* for the trace: why the last name gets none */
	struct range_list rows; /* to be printed once all is committed */
};

static void grant_free(struct grant *grant)
{
	cli_lessor_free(&grant->lessor);
	range_list_free(&grant->rows);
}

static int find_lessor(struct grant *grant, const char *name, size_t len)
{
	struct cli_lessor *lessor = &grant->lessor;

	if (lessor->name != NULL && strlen(lessor->name) == len &&
	    memcmp(lessor->name, name, len) == 0)
		return EXIT_DONE;
	cli_lessor_free(lessor);
	return cli_lessor_find(grant->leasing, name, len, lessor);
}

/* One range of a new line, to the container that it was made for. */
static int lease_line(struct grant *grant, const char *name,
		      const struct subid_lease_request *asked, struct subid_change change)
{
	struct subid_sets own = { .of = { { .n = 0 } } };
	struct subid_lease_request request = *asked;
	struct subid_changes changes;
	int r;

	own.of[change.kind] = (struct subid_set){ .ranges = &change.range, .n = 1 };
	request.held = &own;
	request.kinds = 1U << change.kind;
	request.range = change.range;
	r = subid_lease_grant(grant->txn, &request, &changes);
	if (r == 0)
		return range_list_add(&grant->rows, name, change, CLI_STATE_NEW);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", name, strerror(-r));
	return cli_complain(EXIT_NO, "%s: %s %u-%llu: not free in %s", name,
			    subid_kind_name(change.kind), change.range.start,
			    (unsigned long long)id_range_end(change.range) - 1,
			    grant->leasing->store.cli.etc_name);
}

/* --own: the owner gets one more line, and the container just that. */
static int grant_own(struct grant *grant, const char *name,
		     const struct subid_lease_request *asked)
{
	const struct subid_request request = {
		.owner = asked->owner,
		.kinds = asked->kinds,
		.count = grant->count,
		.another = true,
	};
	struct subid_changes changes;
	int status = EXIT_DONE, r = subid_txn_grant(grant->tables, &request, &changes);

	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", name, strerror(-r));
	if (r == SUBID_TAKEN)
		return cli_txn_taken(grant->leasing->cli, grant->tables, name,
				     changes.list[0]);
	if (r != 0)
		return cli_grant_refused(grant->leasing->cli, grant->tables, name,
					 &request, r);
	for (size_t i = 0; status == EXIT_DONE && i < changes.n; i++)
		status = lease_line(grant, name, asked, changes.list[i]);
	return status;
}

/* By --range a container may be given what it has already, by its runtime's word. */
static int lease(struct grant *grant, struct subid_lease_request *request,
		 struct subid_changes *ret)
{
	auto_sets struct subid_sets avoid = { .of = { { .n = 0 } } };
	int r = 0;

	if (request->range.count > 0) {
		r = cli_lessor_avoid_but(&grant->lessor, request->name, &avoid);
		request->avoid = &avoid;
	}
	return r == 0 ? subid_lease_grant(grant->txn, request, ret) : r;
}

static int grant_one(struct grant *grant, const char *name)
{
	size_t len = subid_lease_owner(name);
	struct subid_lease_request request = {
		.owner = &grant->lessor.owner,
		.name = name + len + 1,
		.held = &grant->lessor.held,
		.avoid = &grant->lessor.avoid,
		.kinds = grant->asked->kinds,
		.count = grant->count,
		.range = grant->asked->range,
		.another = grant->asked->another,
	};
	const struct cli_lease_refusal refusal = {
		.leasing = grant->leasing,
		.lessor = &grant->lessor,
		.kinds = grant->asked->kinds,
		.count = grant->count,
	};
	static const struct subid_sets nothing;
	struct subid_changes changes;
	int status, r;

	if (len == 0 || !subid_lease_name_valid(request.name, strlen(request.name)))
		return cli_complain(
		    EXIT_NO,
		    "%s: write OWNER/NAME, where NAME is at most %d"
		    " letters, digits and _.@+-, and begins with a letter,"
		    " a digit or _",
		    name, SUBID_LEASE_NAME_MAX);
	status = find_lessor(grant, name, len);
	if (status != EXIT_DONE)
		return status;
	if (grant->tables != NULL)
		request.held = &nothing;
	r = lease(grant, &request, &changes);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", name, strerror(-r));
	grant->answer = r;
	if (r == SUBID_FULL && grant->tables != NULL)
		return grant_own(grant, name, &request);
	if (r == SUBID_FULL || r == SUBID_DENIED || r == SUBID_TAKEN)
		return cli_lease_refused(&refusal, name, r, &changes);
	for (size_t i = 0; status == EXIT_DONE && i < changes.n; i++)
		status = range_list_add(&grant->rows, name, changes.list[i],
					r == SUBID_ENOUGH ? "kept" : CLI_STATE_NEW);
	return status;
}

/* With --own that is done where the line is refused. */
static int trace_refused(struct grant *grant, const char *name)
{
	const struct subid_request request = {
		.kinds = grant->asked->kinds,
		.count = grant->count,
		.range = grant->asked->range,
	};
	struct subid_refused refused =
	    cli_refused(name, grant->lessor.name == NULL ? NULL : &grant->lessor.owner,
			&request, grant->answer);

	return grant->tables != NULL ? 0 : subid_txn_refuse(grant->txn, &refused);
}

static int grant_all(struct grant *grant, const char *names, size_t n)
{
	int status = EXIT_DONE;

	if (n > 1 && subid_txn_prepare_bulk(grant->txn) < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	for (size_t i = 0; i < n; i++, names += strlen(names) + 1) {
		int one;

		grant->answer = SUBID_UNKNOWN;
		one = grant_one(grant, names);
		if (one == EXIT_UNABLE)
			return one;
		if (one == EXIT_DONE)
			continue;
		status = one;
		if (trace_refused(grant, names) < 0)
			return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	}
	if (status != EXIT_DONE && n > 1)
		return cli_complain(
		    status, "nothing was changed for any of the %zu containers", n);
	return status;
}

/*
 * Who the accounts are and what runs, as far as it can be known, before the lock: it
 * takes the longest, and a lease that is made meanwhile is in the store.  names: the
 * first is enough, most often they have one owner.
 */
static int look(struct cli_leasing *leasing, const char *names)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_free char *name = strndup(names, subid_lease_owner(names));
	struct subid_failure failure = { .file = "passwd" };
	int r = subid_users_open(leasing->etc, leasing->cli->root == NULL,
				 &leasing->users, &failure.file);

	if (r == 0 && name == NULL)
		r = -ENOMEM;
	if (r < 0)
		return cli_txn_failed(leasing->cli, r, &failure);
	leasing->proc = cli_open_proc(leasing->cli);
	if (leasing->proc == -2)
		return EXIT_UNABLE;
	if (subid_owner_find(leasing->users, name, &owner) != 0)
		return cli_leasing_look(leasing, CLI_NO_SESSION);
	return cli_leasing_look(leasing, owner.uid);
}

static int find_count(struct grant *grant)
{
	struct subid_policy policy = subid_policy_default;
	struct subid_failure failure = { .file = "login.defs" };
	int r;

	grant->count = grant->asked->count;
	if (grant->count > 0 || grant->asked->range.count > 0)
		return EXIT_DONE;
	r = subid_policy_load(grant->leasing->etc, grant->leasing->cli->root == NULL,
			      &policy, &failure.place);
	if (r != 0)
		return cli_txn_failed(grant->leasing->cli, r, &failure);
	grant->count = policy.window[SUBID_UID].count;
	if (grant->count == 0)
		grant->count = COUNT_DEFAULT;
	return EXIT_DONE;
}

static int commit(struct grant *grant, bool *ret_raced)
{
	struct cli_leasing *leasing = grant->leasing;
	int status;

	if (grant->asked->dry_run)
		return EXIT_DONE;
	/* the line first: one without lease is no harm, a lease without line would be */
	status =
	    cli_commit_both(leasing->cli, grant->tables, &leasing->store.cli, grant->txn);
	if (status != EXIT_DONE)
		return status;
	return cli_say_part(leasing->cli,
			    cli_lease_check_race(leasing, grant->txn, grant->rows.list,
						 grant->rows.n, ret_raced));
}

static int grant_in(struct cli_leasing *leasing, const struct cli_lease_grant *asked,
		    struct subid_txn *tables, const char *names, size_t n,
		    bool *ret_raced)
{
	auto_txn struct subid_txn *txn = NULL;
	__attribute__((cleanup(grant_free))) struct grant grant = {
		.asked = asked,
		.leasing = leasing,
		.tables = tables,
	};
	struct subid_lease_options options = {
		.state = leasing->store.fd,
		.user = leasing->store.user,
		.dry_run = asked->dry_run,
		.timeout_ms = SUBID_LOCK_PATIENCE_MS,
	};
	struct subid_failure failure;
	int status, r = subid_lease_begin(&options, &txn, &failure);

	*ret_raced = false;
	if (r != 0)
		return cli_txn_failed(&leasing->store.cli, r, &failure);
	grant.txn = txn;
	status = cli_leasing_load(leasing);
	if (status == EXIT_DONE)
		status = find_count(&grant);
	if (status == EXIT_DONE)
		status = grant_all(&grant, names, n);
	if (status == EXIT_DONE)
		status = commit(&grant, ret_raced);
	/* who reads slowly what we print must not keep others waiting */
	subid_txn_free(&txn);
	return status == EXIT_DONE && !*ret_raced
		   ? range_list_print(&leasing->store.cli, &grant.rows)
		   : status;
}

/* Both sides may lose a race, but not for ever: others come in between. */
static int grant_until(struct cli_leasing *leasing, const struct cli_lease_grant *asked,
		       struct subid_txn *tables, const char *names, size_t n)
{
	/* another turn of --own would give one more line, beside the first */
	const int turns = tables != NULL ? 1 : TURNS_MAX;
	bool raced = true;
	int status = EXIT_DONE;

	for (int turn = 0; raced && status == EXIT_DONE && turn < turns; turn++)
		status = grant_in(leasing, asked, tables, names, n, &raced);
	if (!raced || status != EXIT_DONE)
		return status;
	return cli_say_part(
	    leasing->cli,
	    cli_complain(EXIT_UNABLE,
			 "%s: others lease the same ids, or take them away, at the same"
			 " moment: no lease is made: try again",
			 leasing->store.cli.etc_name));
}

/* --own takes the tables' locks, and those before the store's. */
static int grant_with_lines(struct cli_leasing *leasing,
			    const struct cli_lease_grant *asked, const char *names,
			    size_t n)
{
	auto_system struct subid *sys = NULL;
	auto_txn struct subid_txn *tables = NULL;
	int status;

	if (leasing->store.user != NULL)
		return cli_complain(EXIT_UNABLE, "--own: run this as root");
	status = cli_open_system(leasing->cli, &sys);
	if (status == EXIT_DONE)
		status = cli_begin(sys, asked->dry_run, false, &tables);
	return status == EXIT_DONE ? grant_until(leasing, asked, tables, names, n)
				   : status;
}

int cli_lease_grant(struct cli *cli, const struct cli_lease_grant *grant,
		    const char *names, size_t n)
{
	__attribute__((cleanup(cli_leasing_free))) struct cli_leasing leasing = {
		.cli = cli,
		.etc = cli_open_etc(cli),
		.proc = -1,
		.store.fd = -1,
		.homes = CLI_HOMES,
	};
	int status;

	if (leasing.etc < 0)
		return EXIT_UNABLE;
	if (grant->own && grant->range.count > 0)
		return cli_misused(cli, "--own finds the ids: leave --range away");
	if (!grant->own)
		cli_warn_of_source(cli, leasing.etc);
	status = look(&leasing, names);
	if (status == EXIT_DONE)
		status = cli_store_open(cli, !grant->dry_run, &leasing.store);
	if (status != EXIT_DONE)
		return status;
	return grant->own ? grant_with_lines(&leasing, grant, names, n)
			  : grant_until(&leasing, grant, NULL, names, n);
}
