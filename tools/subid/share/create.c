/* SPDX-License-Identifier: MIT */
/*
 * A store is made, and taken back.
 *
 * At every instant the ids are a lease, or in a record, or both: so nobody else gets
 * them. The record is written before the lease, "begun", and says "ready" when the
 * directory is; it says "ending" before the lease is taken back, and goes last.  A run
 * that was killed is ended by the next one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "libsubid/core/files.h"
#include "tools/subid/rows.h"
#include "tools/subid/share/share.h"

#define TRIES_MAX 5

/* One that is being made. */
struct creation {
	struct cli *cli;
	struct share_work *work;
	char *name; /* of the store, as records have it */
	uint32_t count;
	struct subid_share share;
};

/* --- the lease ------------------------------------------------------------------------
 */

/* The one range of each kind that the transaction has given, or found. */
static int take_ranges(struct creation *creation, struct subid_txn *txn)
{
	const struct subid_list *list;
	size_t n[SUBID_KINDS] = { 0 };
	struct subid_row row = { .size = sizeof(row) };

	if (subid_changes(txn, &list) < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	for (size_t i = 0; subid_list_get(list, i, &row); i++) {
		creation->share.ids[row.kind] = row.range;
		n[row.kind]++;
	}
	if (n[SUBID_UID] == 1 && n[SUBID_GID] == 1)
		return EXIT_DONE;
	return cli_complain(EXIT_NO,
			    "%s: has no lease with one range of uids and one of gids",
			    creation->name);
}

static int lease_in(struct creation *creation, struct subid_txn *txn, bool *ret_raced)
{
	const struct subid_request request = {
		.size = sizeof(request),
		.owner = creation->name,
		.count = creation->count,
	};
	struct subid_error err = { .size = sizeof(err) };
	int r = subid_lease(txn, &request, &err), status;

	if (r == SUBID_ENOUGH)
		return cli_complain(EXIT_NO,
				    "%s: is the lease of a container: choose another"
				    " name for the store",
				    creation->name);
	if (r != 0)
		return cli_say(cli_status(r), &err);
	status = take_ranges(creation, txn);
	if (status == EXIT_DONE)
		status = share_work_write(creation->work, &creation->share);
	if (status != EXIT_DONE)
		return status;
	status = cli_commit(creation->cli, txn, ret_raced);
	if (status != EXIT_DONE || *ret_raced)
		(void)share_record_remove(&creation->work->store, &creation->share);
	return status;
}

/* Leases the ids; others may come in between, and then it begins anew. */
static int lease(struct creation *creation)
{
	struct subid *sys = creation->work->look.sys;
	int status = EXIT_DONE;
	bool raced = true;

	for (int try = 0; status == EXIT_DONE && raced && try < TRIES_MAX; try++) {
		auto_txn struct subid_txn *txn = NULL;

		raced = false;
		status = cli_begin(sys, SUBID_LEASES, &txn);
		if (status == EXIT_DONE)
			status = lease_in(creation, txn, &raced);
	}
	if (status == EXIT_DONE && raced)
		return cli_complain(EXIT_UNABLE,
				    "%s: others lease the same ids all the time: try"
				    " again",
				    creation->name);
	return status;
}

/* --- the directory --------------------------------------------------------------------
 */

static int fail_dir(const struct creation *creation, int error)
{
	return cli_complain(EXIT_UNABLE, "%s: %s: %s", creation->name,
			    creation->share.dir,
			    error == EINVAL ? strerror(error) : open_why(error));
}

/* Gives an empty directory to the store's first ids, with nobody else in it. */
static int prepare_dir(const struct creation *creation, int dir)
{
	static const char *const lists[] = { "system.posix_acl_access",
					     "system.posix_acl_default" };

	for (size_t i = 0; i < 2; i++)
		if (fremovexattr(dir, lists[i]) < 0 && errno != ENODATA &&
		    errno != EOPNOTSUPP)
			return fail_dir(creation, errno);
	if (fchown(dir, creation->share.ids[SUBID_UID].start,
		   creation->share.ids[SUBID_GID].start) < 0 ||
	    fchmod(dir, 0755) < 0 || fsync(dir) < 0)
		return fail_dir(creation, errno);
	return EXIT_DONE;
}

/* Can the store be there?  What is missing is made only with a lease. */
static int check_dir(const struct creation *creation)
{
	struct share_why why;
	auto_close int dir = share_dir_open(creation->share.dir, false, &why);
	int empty;

	if (dir == -ENOENT)
		return EXIT_DONE;
	if (dir < 0)
		return cli_complain(EXIT_UNABLE, "%s", why.text);
	empty = share_dir_is_empty(dir);
	return empty < 0 ? fail_dir(creation, -empty) : EXIT_DONE;
}

/*
 * A tree that is there.  From here on its files have ids of the store, more and more of
 * them: the record says so before the first has, and this lease is its lease from then
 * on.
 */
static int take_tree(struct creation *creation, int dir, bool *ret_kept)
{
	bool changed = false;
	int status;

	creation->share.state = SUBID_SHARE_TAKING;
	status = share_work_write(creation->work, &creation->share);
	if (status == EXIT_DONE)
		status = share_take_over(&creation->share, dir, &changed);
	*ret_kept = status != EXIT_DONE && changed;
	if (*ret_kept)
		(void)cli_complain(0,
				   "%s: some files are the store's by now: the same"
				   " command again goes on",
				   creation->share.dir);
	return status;
}

/* An empty directory is again whose it was, so that the ids are on no disk. */
static bool give_back(int dir, const struct stat *before)
{
	struct stat now;

	/* on a read-only file system it never was another's */
	if (fstat(dir, &now) == 0 && now.st_uid == before->st_uid &&
	    now.st_gid == before->st_gid && now.st_mode == before->st_mode)
		return true;
	return fchown(dir, before->st_uid, before->st_gid) == 0 &&
	       fchmod(dir, before->st_mode & 07777) == 0;
}

/* ret_kept: it failed, and what is there is to be kept. */
static int fill_dir(struct creation *creation, int dir, bool *ret_kept)
{
	int empty = share_dir_is_empty(dir), status;
	struct stat before;

	if (empty < 0 || fstat(dir, &before) < 0)
		return fail_dir(creation, empty < 0 ? -empty : errno);
	status =
	    empty == 1 ? prepare_dir(creation, dir) : take_tree(creation, dir, ret_kept);
	if (status == EXIT_DONE) {
		creation->share.state = SUBID_SHARE_READY;
		status = share_work_write(creation->work, &creation->share);
		*ret_kept = status != EXIT_DONE && empty == 0; /* a tree is taken over */
	}
	if (status != EXIT_DONE && empty == 1)
		*ret_kept = !give_back(dir, &before);
	return status;
}

static int make_dir(struct creation *creation, bool *ret_kept)
{
	struct share_place_text text;
	struct share_why why;
	auto_close int dir = share_dir_open(creation->share.dir, true, &why);
	int r;

	if (dir < 0)
		return cli_complain(EXIT_UNABLE, "%s", why.text);
	r = share_place_find(dir, &creation->share.place, &text);
	return r < 0 ? fail_dir(creation, -r) : fill_dir(creation, dir, ret_kept);
}

/* --- create ---------------------------------------------------------------------------
 */

static int print_store(const struct cli *cli, const struct share_work *work,
		       const struct subid_share *share)
{
	struct rows *rows = share_rows_open(cli);

	if (rows == NULL)
		return EXIT_UNABLE;
	share_rows_add(rows, work, share);
	return rows_close(rows);
}

/* What records say against it. */
static int check_records(struct creation *creation, const struct subid_share *found)
{
	const struct subid_shares *shares = &creation->work->shares;

	if (shares->n_unread > 0)
		return cli_complain(EXIT_UNABLE,
				    "%s: no store is made while a record cannot be read:"
				    " repair or remove it",
				    creation->name);
	if (found != NULL && found->state == SUBID_SHARE_ENDING)
		return cli_complain(EXIT_NO,
				    "%s: is being destroyed: 'subid share destroy %s'"
				    " ends that",
				    creation->name, creation->name);
	if (found != NULL && (found->state == SUBID_SHARE_READY ||
			      (found->state == SUBID_SHARE_TAKING &&
			       strcmp(found->dir, creation->share.dir) != 0)))
		return cli_complain(EXIT_NO, "%s: is a store already, in %s",
				    creation->name, found->dir);
	for (size_t i = 0; i < shares->n; i++)
		if (&shares->list[i] != found &&
		    strcmp(shares->list[i].dir, creation->share.dir) == 0)
			return cli_complain(EXIT_NO,
					    "%s: is the directory of the store"
					    " %s",
					    creation->share.dir, shares->list[i].store);
	return EXIT_DONE;
}

static int end_store(struct cli *cli, const struct share_work *work,
		     struct subid_share *share, bool unused);

static void trace(const struct subid_share *share, enum files_action action, int status)
{
	share_trace(share, action, NULL, NULL, files_trace_result(status));
}

/* A run was killed while it took a tree over. */
static int go_on(struct creation *creation, const struct subid_share *taking)
{
	auto_close int dir = -1;
	bool kept;
	int status = share_work_dir(taking, &dir);

	creation->share = *taking;
	creation->share.text = NULL; /* the record's */
	if (status == EXIT_DONE)
		status = take_tree(creation, dir, &kept);
	creation->share.state = SUBID_SHARE_READY;
	if (status == EXIT_DONE)
		status = share_work_write(creation->work, &creation->share);
	trace(&creation->share, FILES_STORE_CREATED, status);
	return status == EXIT_DONE
		   ? print_store(creation->cli, creation->work, &creation->share)
		   : status;
}

static int carry_out(struct creation *creation)
{
	bool kept = false;
	int status = check_dir(creation);

	if (status == EXIT_DONE)
		status = lease(creation);
	if (status != EXIT_DONE)
		return status;
	status = make_dir(creation, &kept);
	trace(&creation->share, FILES_STORE_CREATED, status);
	if (status == EXIT_DONE)
		return print_store(creation->cli, creation->work, &creation->share);
	if (kept)
		return status;
	/* nothing has had the ids */
	creation->share.state = SUBID_SHARE_ENDING;
	(void)end_store(creation->cli, creation->work, &creation->share, true);
	return status;
}

/* A path without a '/' at its end or twice, as it is compared. */
static char *tidy_path(const char *path)
{
	char *copy = strdup(path), *to = copy;

	for (const char *from = path; copy != NULL && *from != '\0'; from++)
		if (from[0] != '/' || (from[1] != '/' && from[1] != '\0'))
			*to++ = *from;
	if (copy != NULL)
		*to = '\0';
	return copy;
}

int share_create(struct cli *cli, const char *store, const char *dir, uint32_t count)
{
	auto_share_work struct share_work work = { .store = { -1, -1 } };
	auto_free char *name = NULL, *path = NULL;
	struct creation creation = { .cli = cli, .work = &work, .count = count };
	struct subid_share *found;
	uint32_t uid;
	int status;

	if (!share_dir_valid(dir))
		return cli_misused(cli,
				   "share: '%s': write the directory as a path from '/'"
				   " on, without '.' and '..'",
				   dir);
	status = share_work_open(cli, &work);
	if (status == EXIT_DONE)
		status = share_work_find(&work, store, &found);
	if (status == EXIT_DONE)
		status = share_look_name(&work.look, store, &name, &uid);
	if (status != EXIT_DONE)
		return status;
	path = tidy_path(dir);
	if (path == NULL)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	creation.name = name;
	creation.share = (struct subid_share){
		.store = name,
		.dir = path,
		.place = { .type = "-", .identity = "-" },
	};
	status = check_records(&creation, found);
	if (status == EXIT_DONE && found != NULL && found->state == SUBID_SHARE_TAKING)
		return go_on(&creation, found);
	/* a run was killed: nothing has had these ids, of which not all may be leased */
	if (status == EXIT_DONE && found != NULL)
		status = end_store(cli, &work, found, true);
	return status == EXIT_DONE ? carry_out(&creation) : status;
}

/* --- destroy --------------------------------------------------------------------------
 */

/* Takes back just the ids of the record: a container's lease of that name may have come
 * after it.  unused: they need no quarantine. */
static int unlease_in(struct cli *cli, const struct subid_share *share, bool unused,
		      struct subid_txn *txn, struct range_list *rows)
{
	int status = EXIT_DONE;

	for (enum subid_kind kind = 0; status == EXIT_DONE && kind < SUBID_KINDS;
	     kind++) {
		const struct subid_request request = {
			.size = sizeof(request),
			.owner = share->store,
			.kinds = 1U << kind,
			.flags = unused ? SUBID_REUSE : 0,
			.range = share->ids[kind],
		};
		struct subid_error err = { .size = sizeof(err) };
		int r = subid_unlease(txn, &request, &err);

		if (r == SUBID_ABSENT)
			continue; /* by the run that was killed, or before it */
		status = r == 0 ? range_list_add(rows, txn, share->store, NULL)
				: cli_say(cli_status(r), &err);
	}
	return status == EXIT_DONE ? cli_commit(cli, txn, NULL) : status;
}

static int unlease(struct cli *cli, const struct share_work *work,
		   const struct subid_share *share, bool unused, struct range_list *rows)
{
	auto_txn struct subid_txn *txn = NULL;
	int status = cli_begin(work->look.sys, SUBID_NO_GRANTS | SUBID_LEASES, &txn);

	return status == EXIT_DONE ? unlease_in(cli, share, unused, txn, rows) : status;
}

static int end_in(struct cli *cli, const struct share_work *work,
		  struct subid_share *share, bool unused, struct range_list *rows)
{
	enum subid_share_state before = share->state;
	int status, r;

	share->state = SUBID_SHARE_ENDING;
	status = share_work_write(work, share);
	if (status != EXIT_DONE)
		return status;
	status = unlease(cli, work, share, unused, rows);
	if (status != EXIT_DONE) {
		/* it is as it was, if it was whole */
		share->state = before;
		if (before != SUBID_SHARE_ENDING)
			(void)share_work_write(work, share);
		return status;
	}
	r = share_record_remove(&work->store, share);
	return r == 0 ? EXIT_DONE
		      : cli_complain(EXIT_UNABLE, "%s: %s/shares/%u: %s", share->store,
				     SUBID_STATEDIR, share->ids[SUBID_UID].start,
				     strerror(-r));
}

static int end_store(struct cli *cli, const struct share_work *work,
		     struct subid_share *share, bool unused)
{
	__attribute__((cleanup(range_list_free))) struct range_list rows = { .n = 0 };
	int status = end_in(cli, work, share, unused, &rows);

	return status != EXIT_DONE || unused ? status : range_list_print(cli, &rows);
}

int share_destroy(struct cli *cli, const char *store)
{
	auto_share_work struct share_work work = { .store = { -1, -1 } };
	struct subid_share *share;
	int status = share_work_open(cli, &work);

	if (status == EXIT_DONE)
		status = share_work_find(&work, store, &share);
	if (status != EXIT_DONE)
		return status;
	if (share == NULL)
		return cli_complain(EXIT_NO, "%s: no such store", store);
	if (share->n_mounts > 0) {
		for (size_t i = 0; i < share->n_mounts; i++)
			(void)cli_complain(0, "%s: is mounted for %s, in %s/%s",
					   share->store, share->mounts[i].target,
					   SUBID_SHARE_MOUNTS, share->mounts[i].point);
		return cli_complain(EXIT_NO,
				    "%s: nothing was changed: 'subid share umount' these"
				    " first",
				    share->store);
	}
	status = share_check_unused(cli, share);
	if (status == EXIT_DONE)
		status = end_store(cli, &work, share, false);
	trace(share, FILES_STORE_DESTROYED, status);
	if (status == EXIT_DONE && !cli->quiet)
		(void)cli_complain(0,
				   "%s: its files keep their ids, which are quarantined:"
				   " remove or shift them, then 'subid unhold'",
				   share->dir);
	return status;
}
