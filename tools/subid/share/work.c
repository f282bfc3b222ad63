/* SPDX-License-Identifier: MIT */
/*
 * What the commands of `subid share` have in common.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/subid/rows.h"
#include "tools/subid/share/share.h"

void share_work_close(struct share_work *work)
{
	subid_shares_free(&work->shares);
	share_look_close(&work->look);
	share_store_close(&work->store);
}

/* Damage is said, and is in the way of nothing but of new stores. */
static void say_unread(const struct subid_shares *shares)
{
	if (shares->n_unread > 0)
		(void)cli_complain(0,
				   "%s: %s (and %zu more): what is written there about a"
				   " store is passed over",
				   shares->unread,
				   shares->error < 0 ? strerror(-shares->error)
						     : "damaged",
				   shares->n_unread - 1);
}

int share_work_open(struct cli *cli, struct share_work *ret)
{
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct share_why why;
	int status, r;

	*ret = (struct share_work){ .store = { -1, -1 }, .look.etc = -1 };
	r = share_store_open(&ret->store, &why);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s", why.text);
	status = share_look_open(cli, &ret->look);
	if (status != EXIT_DONE)
		return status;
	r = root < 0 ? -errno : subid_shares_read(root, &ret->shares);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(-r));
	say_unread(&ret->shares);
	return EXIT_DONE;
}

int share_work_find(const struct share_work *work, const char *text,
		    struct subid_share **ret)
{
	auto_free char *name = NULL;
	const char *slash = strchr(text, '/');
	uint32_t uid;
	int status;

	*ret = NULL;
	if (slash == NULL || slash == text || slash[1] == '\0')
		return cli_misused(work->look.cli,
				   "share: write the store as OWNER/STORE,"
				   " not '%s'",
				   text);
	status = share_look_name(&work->look, text, &name, &uid);
	for (size_t i = 0; status == EXIT_DONE && i < work->shares.n; i++)
		if (strcmp(work->shares.list[i].store, name) == 0 ||
		    strcmp(work->shares.list[i].store, text) == 0)
			*ret = &work->shares.list[i];
	return status;
}

int share_work_dir(const struct subid_share *share, int *ret)
{
	struct share_place_text text;
	struct subid_share_place place;
	struct share_why why;
	const char *differs;
	int fd = share_dir_open(share->dir, false, &why), r;

	if (fd < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", share->store, why.text);
	r = share_place_find(fd, &place, &text);
	differs = r < 0 ? NULL : share_place_differs(&share->place, &place);
	if (r == 0 && differs == NULL) {
		*ret = fd;
		return EXIT_DONE;
	}
	(void)close(fd); /* a directory */
	return cli_complain(EXIT_UNABLE, "%s: %s: %s", share->store, share->dir,
			    r < 0 ? strerror(-r) : differs);
}

int share_work_write(const struct share_work *work, const struct subid_share *share)
{
	int r = share_record_write(&work->store, share);

	return r == 0 ? EXIT_DONE
		      : cli_complain(EXIT_UNABLE, "%s: %s/shares/%u: %s", share->store,
				     SUBID_STATEDIR, share->ids[SUBID_UID].start,
				     strerror(-r));
}

void share_trace(const struct subid_share *share, enum files_action action,
		 const char *target, const char *point, int result)
{
	char path[sizeof(SUBID_SHARE_MOUNTS) + sizeof(((struct share_point *)0)->path)];
	const struct files_event event = {
		.action = action,
		.path = point == NULL ? share->dir : path,
		.store = share->store,
		.target = target,
		.result = result,
	};

	if (point != NULL)
		(void)snprintf(path, sizeof(path), "%s/%s", SUBID_SHARE_MOUNTS, point);
	files_trace(&event);
}

/* --- rows -----------------------------------------------------------------------------
 */

static const struct rows_column columns[] = {
	{ "STORE", "store", .tree = true },
	{ "FOR", "for", .number = false },
	{ "RUNTIME", "runtime", .number = false },
	{ "MODE", "mode", .number = false },
	{ "STATE", "state", .state = true },
	{ "PATH", "path", .number = false },
	{ "UID", "uid", .number = true },
	{ "GID", "gid", .number = true },
	{ "COUNT", "count", .number = true, .grouped = true },
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct rows *share_rows_open(const struct cli *cli)
{
	return rows_open(cli, "shares", columns, N_COLUMNS);
}

void share_rows_add_mount(struct rows *rows, const struct subid_share *share,
			  const struct subid_share_mount *mount, const char *state,
			  size_t parent)
{
	char path[1200];
	int len = snprintf(path, sizeof(path), "%s/%s", SUBID_SHARE_MOUNTS, mount->point);
	const struct rows_cell cells[N_COLUMNS] = {
		rows_text(share->store),
		rows_text(mount->target),
		rows_text(mount->runtime),
		rows_text(mount->read_only ? "ro" : "rw"),
		rows_text(state),
		rows_bytes(path, (size_t)len < sizeof(path) ? (size_t)len : 0),
	};

	rows_add(rows, cells, parent);
}

/* What `list` says of a mount; dir -1: of a store that is not there. */
static const char *mount_state(const struct share_work *work,
			       const struct subid_share *share, int dir,
			       const struct subid_share_mount *mount)
{
	struct share_point point;
	int r;

	(void)work;
	(void)snprintf(point.path, sizeof(point.path), "%s", mount->point);
	if (share->state != SUBID_SHARE_READY || dir < 0)
		return "no-store";
	r = share_mount_look(dir, &point, NULL, mount->read_only);
	return r == SHARE_MOUNTED	? "mounted"
	       : r == SHARE_NOT_MOUNTED ? "not-mounted"
					: "other";
}

void share_rows_add(struct rows *rows, const struct share_work *work,
		    const struct subid_share *share)
{
	static const char *const states[] = {
		[SUBID_SHARE_BEGUN] = "begun",
		[SUBID_SHARE_TAKING] = "taking",
		[SUBID_SHARE_READY] = "ready",
		[SUBID_SHARE_ENDING] = "ending",
	};
	struct share_why why;
	auto_close int dir = share_dir_open(share->dir, false, &why);
	const struct rows_cell cells[N_COLUMNS] = {
		rows_text(share->store),
		rows_text(NULL),
		rows_text(NULL),
		rows_text(NULL),
		rows_text(states[share->state]),
		rows_text(share->dir),
		rows_number(share->ids[SUBID_UID].start),
		rows_number(share->ids[SUBID_GID].start),
		rows_number(share->ids[SUBID_UID].count),
	};

	rows_add(rows, cells, ROWS_NO_PARENT);
	for (size_t i = 0; i < share->n_mounts; i++)
		share_rows_add_mount(rows, share, &share->mounts[i],
				     mount_state(work, share, dir, &share->mounts[i]),
				     ROWS_NO_PARENT);
}

int share_list(struct cli *cli)
{
	auto_share_work struct share_work work;
	int status = share_work_open(cli, &work);
	struct rows *rows;

	if (status != EXIT_DONE)
		return status;
	rows = share_rows_open(cli);
	if (rows == NULL)
		return EXIT_UNABLE;
	for (size_t i = 0; i < work.shares.n; i++)
		share_rows_add(rows, &work, &work.shares.list[i]);
	status = rows_close(rows);
	if (work.shares.n == 0)
		cli_say_empty(cli, "no shares");
	return status == EXIT_DONE && work.shares.n_unread > 0 ? EXIT_UNABLE : status;
}
