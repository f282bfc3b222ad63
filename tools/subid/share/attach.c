/* SPDX-License-Identifier: MIT */
/*
 * A store is mounted for a container, again at boot, and no longer.
 *
 * The record comes first: what it says is mounted by `mount --all`, whatever happens in
 * between.  To unmount, it is the other way around.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/subid/rows.h"
#include "tools/subid/share/share.h"

static int no_such_store(const char *store)
{
	return cli_complain(EXIT_NO, "%s: no such store: 'subid share list' shows them",
			    store);
}

/* --- mount ----------------------------------------------------------------------------
 */

/* Ids inside that have no place in the store, or the other way around. */
static void remark_counts(const struct cli *cli, const struct subid_share *share,
			  const struct share_target *target)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS && !cli->quiet; kind++) {
		uint64_t inside = target->inside[kind], count = share->ids[kind].count;

		/* rootless podman has one more, the user, than a range of the usual size
		 */
		if (inside == count || (target->podman && inside == count + 1))
			continue;
		(void)cli_complain(0, "%s: has %llu %ss, and the store %llu: %s",
				   target->name, (unsigned long long)inside,
				   subid_kind_name(kind), (unsigned long long)count,
				   inside < count ? "files of the others show as nobody's"
						  : "the others cannot have files there");
	}
}

/* Mounts it unless it is.  *ret_made: it was not.  The status, after a complaint. */
static int attach(const struct subid_share *share, const struct share_target *target,
		  bool read_only, bool *ret_made)
{
	auto_close int dir = -1;
	struct share_why why;
	int status = share_work_dir(share, &dir), r;

	*ret_made = false;
	if (status != EXIT_DONE)
		return status;
	r = share_mount_look(dir, &target->point, &target->map, read_only);
	if (r == SHARE_MOUNTED)
		return EXIT_DONE;
	/* with the ids of before: its owner has others now */
	if (r == SHARE_MOUNTED_OTHERWISE)
		r = share_mount_end(&target->point);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s for %s: %s/%s: %s", share->store,
				    target->name, SUBID_SHARE_MOUNTS, target->point.path,
				    strerror(-r));
	r = share_mount_make(dir, &target->point, &target->map, read_only, &why);
	*ret_made = r == 0;
	return r == 0 ? EXIT_DONE
		      : cli_complain(cli_status(r), "%s for %s: %s", share->store,
				     target->name, why.text);
}

/* The record of the mount at a point; NULL: there is none. */
static struct subid_share_mount *find_mount(const struct subid_share *share,
					    const char *point)
{
	for (size_t i = 0; i < share->n_mounts; i++)
		if (strcmp(share->mounts[i].point, point) == 0)
			return &share->mounts[i];
	return NULL;
}

static int add_mount(const struct share_work *work, struct subid_share *share,
		     const struct subid_share_mount *mount)
{
	if (array_grow(&share->mounts, share->n_mounts, sizeof(*mount)) < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	share->mounts[share->n_mounts++] = *mount;
	return share_work_write(work, share);
}

static int print_mount(const struct cli *cli, const struct subid_share *share,
		       const struct subid_share_mount *mount)
{
	struct rows *rows = share_rows_open(cli);

	if (rows == NULL)
		return EXIT_UNABLE;
	share_rows_add_mount(rows, share, mount, "mounted", ROWS_NO_PARENT);
	return rows_close(rows);
}

static void trace(const struct subid_share *share, enum files_action action,
		  const struct subid_share_mount *mount, int status)
{
	share_trace(share, action, mount->target, mount->point,
		    files_trace_result(status));
}

static int mount_one(struct share_work *work, struct subid_share *share,
		     const struct share_target *target,
		     const struct share_request *request)
{
	const struct cli *cli = work->look.cli;
	struct subid_share_mount mount = {
		.target = target->name,
		.runtime = request->runtime,
		.point = target->point.path,
		.read_only = request->read_only,
	};
	const struct subid_share_mount *known = find_mount(share, mount.point);
	bool made;
	int status = EXIT_DONE;

	if (known != NULL && known->read_only != mount.read_only)
		return cli_complain(EXIT_NO,
				    "%s: is mounted for %s already, %s: 'subid share"
				    " umount' it first",
				    share->store, target->name,
				    known->read_only ? "read-only" : "to write");
	if (known == NULL)
		status = add_mount(work, share, &mount);
	if (status == EXIT_DONE)
		status = attach(share, target, mount.read_only, &made);
	trace(share, FILES_STORE_MOUNTED, &mount, status);
	if (status != EXIT_DONE) {
		if (known == NULL && share->n_mounts > 0) {
			share->n_mounts--;
			(void)share_work_write(work, share);
		}
		return status;
	}
	remark_counts(cli, share, target);
	return print_mount(cli, share, &mount);
}

int share_mount(struct cli *cli, const struct share_request *request)
{
	auto_share_work struct share_work work = { .store = { -1, -1 } };
	auto_share_target struct share_target target = { .name = NULL };
	struct share_request asked = *request;
	struct subid_share *share;
	int status = share_work_open(cli, &work);

	if (asked.runtime == NULL)
		asked.runtime = "lxc";
	if (status == EXIT_DONE)
		status = share_work_find(&work, request->store, &share);
	if (status != EXIT_DONE)
		return status;
	if (share == NULL)
		return no_such_store(request->store);
	if (share->state != SUBID_SHARE_READY)
		return cli_complain(EXIT_NO,
				    "%s: is not ready: 'subid share list' shows"
				    " what it is",
				    share->store);
	status =
	    share_target_find(&work.look, share, request->target, asked.runtime, &target);
	return status == EXIT_DONE ? mount_one(&work, share, &target, &asked) : status;
}

/* --- at boot --------------------------------------------------------------------------
 */

/* One mount of a record; its point is what the record says, whatever the owner is called
 * by now. */
static int mount_again(struct share_work *work, const struct subid_share *share,
		       const struct subid_share_mount *mount, struct rows *rows)
{
	auto_share_target struct share_target target = { .name = NULL };
	bool made = false;
	int status =
	    share_target_find(&work->look, share, mount->target, mount->runtime, &target);

	if (status != EXIT_DONE) {
		trace(share, FILES_STORE_MOUNTED, mount, status);
		return cli_complain(status, "%s: is not mounted for %s", share->store,
				    mount->target);
	}
	(void)snprintf(target.point.path, sizeof(target.point.path), "%s", mount->point);
	status = attach(share, &target, mount->read_only, &made);
	if (made || status != EXIT_DONE)
		trace(share, FILES_STORE_MOUNTED, mount, status);
	if (made)
		share_rows_add_mount(rows, share, mount, "mounted", ROWS_NO_PARENT);
	return status;
}

int share_mount_all(struct cli *cli)
{
	auto_share_work struct share_work work = { .store = { -1, -1 } };
	int worst = share_work_open(cli, &work), closed;
	struct rows *rows;

	if (worst != EXIT_DONE)
		return worst;
	rows = share_rows_open(cli);
	if (rows == NULL)
		return EXIT_UNABLE;
	/* what cannot be mounted keeps nothing else from it */
	for (size_t i = 0; i < work.shares.n; i++) {
		const struct subid_share *share = &work.shares.list[i];

		for (size_t k = 0;
		     share->state == SUBID_SHARE_READY && k < share->n_mounts; k++) {
			int status = mount_again(&work, share, &share->mounts[k], rows);

			if (status > worst)
				worst = status;
		}
	}
	closed = rows_close(rows);
	if (work.shares.n_unread > 0)
		worst = EXIT_UNABLE;
	return closed != EXIT_DONE ? closed : worst;
}

/* --- umount ---------------------------------------------------------------------------
 */

static bool is_meant(const struct subid_share_mount *mount, const char *name,
		     const struct share_request *request)
{
	return (strcmp(mount->target, name) == 0 ||
		strcmp(mount->target, request->target) == 0) &&
	       (request->runtime == NULL ||
		strcmp(mount->runtime, request->runtime) == 0);
}

/* Unmounts what is meant, and takes it out of the record.  *ret_n: how many. */
static int detach(const struct share_work *work, struct subid_share *share,
		  const char *name, const struct share_request *request, size_t *ret_n)
{
	size_t left = 0;
	int status = EXIT_DONE, written;

	*ret_n = 0;
	for (size_t i = 0; i < share->n_mounts; i++) {
		const struct subid_share_mount *mount = &share->mounts[i];
		struct share_point point;
		int r = 1;

		if (is_meant(mount, name, request)) {
			(void)snprintf(point.path, sizeof(point.path), "%s",
				       mount->point);
			r = share_mount_end(&point);
			share_trace(share, FILES_STORE_UNMOUNTED, mount->target,
				    mount->point, r);
			++*ret_n;
		}
		if (r < 0)
			status =
			    cli_complain(EXIT_UNABLE, "%s for %s: %s/%s: %s",
					 share->store, mount->target, SUBID_SHARE_MOUNTS,
					 mount->point, strerror(-r));
		if (r != 0)
			share->mounts[left++] = *mount;
	}
	if (left == share->n_mounts)
		return status;
	share->n_mounts = left;
	written = share_work_write(work, share);
	return written != EXIT_DONE ? written : status;
}

int share_umount(struct cli *cli, const struct share_request *request)
{
	auto_share_work struct share_work work = { .store = { -1, -1 } };
	auto_free char *name = NULL;
	struct subid_share *share;
	uint32_t uid;
	size_t n;
	int status = share_work_open(cli, &work);

	if (status == EXIT_DONE)
		status = share_work_find(&work, request->store, &share);
	if (status == EXIT_DONE)
		status = share_look_name(&work.look, request->target, &name, &uid);
	if (status != EXIT_DONE)
		return status;
	if (share == NULL)
		return no_such_store(request->store);
	status = detach(&work, share, name, request, &n);
	if (status == EXIT_DONE && n == 0)
		return cli_complain(EXIT_NO, "%s: is not mounted for %s", share->store,
				    name);
	if (status == EXIT_DONE && !cli->quiet)
		(void)cli_complain(0,
				   "%s: a container of %s that runs keeps it until it"
				   " ends",
				   share->store, name);
	return status;
}
