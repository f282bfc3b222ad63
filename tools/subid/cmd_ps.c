/* SPDX-License-Identifier: MIT */
/*
 * subid ps: processes in user namespaces, as the host and as the container sees them.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/container_view.h"
#include "tools/subid/rows.h"
#include "tools/subid/view.h"

enum {
	HOST_USER,
	HOST_UID,
	USER,
	UID,
	GID,
	PID,
	PID_INSIDE,
	OWNER,
	CONTAINER,
	LEASE,
	COMMAND,
	HOST_GID,
	PARENT,
	CREATOR,
	RUNTIME,
	USERNS,
	N_COLUMNS,
};

static const struct rows_column columns[N_COLUMNS] = {
	[HOST_USER] = { .heading = "HOST-USER", .key = "host_user" },
	[HOST_UID] = { .heading = "HOST-UID", .key = "host_uid", .number = true },
	[USER] = { .heading = "USER", .key = "user" },
	[UID] = { .heading = "UID", .key = "uid", .number = true },
	[GID] = { .heading = "GID", .key = "gid", .number = true },
	[PID] = { .heading = "PID", .key = "pid", .number = true },
	[PID_INSIDE] = { .heading = "PID-INSIDE", .key = "pid_inside", .number = true },
	[OWNER] = { .heading = "OWNER", .key = "owner" },
	[CONTAINER] = { .heading = "CONTAINER", .key = "container" },
	[LEASE] = { .heading = "LEASE", .key = "lease" },
	[COMMAND] = { .heading = "COMMAND", .key = "command", .tree = true },
	[HOST_GID] = { .key = "host_gid", .number = true },
	[PARENT] = { .key = "parent", .number = true },
	[CREATOR] = { .key = "creator", .number = true },
	[RUNTIME] = { .key = "runtime" },
	[USERNS] = { .key = "userns", .number = true },
};

/* A process; processes and rows have the same order. */
struct row {
	size_t userns;
	uint32_t inside[SUBID_KINDS]; /* SUBID_ID_NONE: not in the map */
	char *user;
	const struct view_answer *answer;
};

struct list {
	struct view *view;
	struct container_process *processes;
	struct row *rows;
	size_t n;
};

/* An operand: OWNER or OWNER/NAME. */
struct wanted {
	const char *container; /* or NULL */
	struct subid_owner owner;
	bool found;
};

static void free_list(struct list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->rows[i].user);
	free(list->rows);
	free(list->processes);
}

/* By the runtime's name; a lease of its ids is no name, and may be several containers'.
 */
static const char *container_of(const struct view *view, const struct row *row)
{
	size_t ns = view_container(view, row->userns);

	return ns == 0 ? NULL : view->live.userns[ns].container;
}

static bool is_spelling(const struct subid_owner *owner, const char *name)
{
	for (size_t i = 0; i < owner->n; i++)
		if (strlen(name) == owner->spellings[i].len &&
		    memcmp(name, owner->spellings[i].text, strlen(name)) == 0)
			return true;
	return false;
}

static bool matches(const struct list *list, const struct row *row,
		    const struct wanted *wanted)
{
	const char *container = container_of(list->view, row);
	bool owns = (row->answer->owner != NULL &&
		     is_spelling(&wanted->owner, row->answer->owner)) ||
		    (wanted->owner.has_account &&
		     view_creator(list->view, row->userns) == wanted->owner.uid);

	return owns &&
	       (wanted->container == NULL ||
		(container != NULL && strcmp(container, wanted->container) == 0) ||
		(row->answer->container != NULL &&
		 strcmp(row->answer->container, wanted->container) == 0));
}

/* Without operands, all processes are wanted. */
static bool is_wanted(const struct list *list, const struct row *row,
		      struct wanted *wanted, size_t n)
{
	bool any = n == 0;

	for (size_t i = 0; i < n; i++) {
		if (!matches(list, row, &wanted[i]))
			continue;
		wanted[i].found = true;
		any = true;
	}
	return any;
}

static uint32_t inside_of(const struct subid_live_userns *ns, enum subid_kind kind,
			  uint32_t id)
{
	uint32_t inside;

	if (subid_map_inside(ns->maps[kind].lines, ns->maps[kind].n, id, &inside) == 0)
		return inside;
	return SUBID_ID_NONE;
}

/* Adds a process that still exists and is wanted.  0 or -ENOMEM. */
static int add_process(struct list *list, const struct subid_live_process *live,
		       struct wanted *wanted, size_t n_wanted)
{
	struct container_process *process = &list->processes[list->n];
	const struct subid_live_userns *ns = &list->view->live.userns[live->userns];
	struct row row = { .userns = live->userns };
	const char *user = NULL;

	if (container_process_read(list->view->proc, live->pid, process) < 0)
		return 0;
	row.answer = view_ask(list->view, SUBID_UID, process->ids[SUBID_UID]);
	if (row.answer == NULL)
		return -ENOMEM;
	if (!is_wanted(list, &row, wanted, n_wanted))
		return 0;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		row.inside[kind] = inside_of(ns, kind, process->ids[kind]);
	if (row.inside[SUBID_UID] != SUBID_ID_NONE)
		user = view_name_inside(list->view, live->userns, live->pid, SUBID_UID,
					row.inside[SUBID_UID]);
	if (user != NULL) {
		row.user = strdup(user);
		if (row.user == NULL)
			return -ENOMEM;
	}
	list->rows[list->n++] = row;
	return 0;
}

static int collect(struct list *list, struct wanted *wanted, size_t n_wanted)
{
	const struct subid_live *live = &list->view->live;
	int r = 0;

	list->processes = calloc(live->n_processes + 1, sizeof(*list->processes));
	list->rows = calloc(live->n_processes + 1, sizeof(*list->rows));
	if (list->processes == NULL || list->rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < live->n_processes; i++)
		if (live->processes[i].userns > 0)
			r = add_process(list, &live->processes[i], wanted, n_wanted);
	return r;
}

static void print_row(const struct list *list, struct rows *rows,
		      const struct container_place *place)
{
	const struct container_process *process = &list->processes[place->index];
	const struct row *row = &list->rows[place->index];
	const struct subid_live_userns *ns = &list->view->live.userns[row->userns];
	size_t named = view_container(list->view, row->userns);
	struct rows_cell cells[N_COLUMNS] = { 0 };

	cells[HOST_USER] = rows_text(row->answer->account);
	cells[HOST_UID] = rows_id(process->ids[SUBID_UID]);
	cells[USER] = rows_text(row->user);
	cells[UID] = rows_id(row->inside[SUBID_UID]);
	cells[GID] = rows_id(row->inside[SUBID_GID]);
	cells[PID] = rows_number((uint64_t)process->pid);
	cells[PID_INSIDE] = rows_number((uint64_t)process->inside);
	cells[OWNER] = rows_text(row->answer->owner);
	cells[CONTAINER] = rows_text(container_of(list->view, row));
	cells[LEASE] = rows_text(row->answer->container);
	cells[COMMAND] = rows_text(process->command);
	cells[HOST_GID] = rows_id(process->ids[SUBID_GID]);
	cells[PARENT] = rows_number((uint64_t)process->parent);
	cells[CREATOR] = rows_id(view_creator(list->view, row->userns));
	if (named > 0)
		cells[RUNTIME] = rows_text(list->view->live.userns[named].runtime);
	if ((ns->inode & SUBID_LIVE_GUESSED) == 0)
		cells[USERNS] = rows_number(ns->inode);
	rows_add(rows, cells, place->parent);
}

static int print(const struct list *list)
{
	auto_free struct container_place *places = NULL;
	struct rows *rows;
	int status;

	if (container_order(list->processes, list->n, &places) < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	rows = rows_open(list->view->cli, "processes", columns, N_COLUMNS);
	if (rows == NULL)
		return EXIT_UNABLE;
	for (size_t i = 0; i < list->n; i++)
		print_row(list, rows, &places[i]);
	status = rows_close(rows);
	return status == EXIT_DONE ? cli_finish_output() : status;
}

static int find_wanted(const struct view *view, const char *text, struct wanted *wanted)
{
	size_t len = strcspn(text, "/");
	auto_free char *name = strndup(text, len);
	int r = -ENOMEM;

	if (name != NULL)
		r = subid_owner_find(view->users, name, &wanted->owner);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", text, strerror(-r));
	wanted->container = text[len] == '/' ? text + len + 1 : NULL;
	return EXIT_DONE;
}

static int list_wanted(struct view *view, struct wanted *wanted, size_t n,
		       char *const names[])
{
	struct list list = { .view = view };
	int status = EXIT_DONE;

	for (size_t i = 0; status == EXIT_DONE && i < n; i++)
		status = find_wanted(view, names[i], &wanted[i]);
	if (status == EXIT_DONE && collect(&list, wanted, n) < 0)
		status = cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	if (status == EXIT_DONE)
		status = print(&list);
	if (status == EXIT_DONE && n == 0 && list.n == 0)
		cli_say_empty(view->cli, "no process is in a user namespace");
	free_list(&list);
	for (size_t i = 0; status == EXIT_DONE && i < n; i++)
		if (!wanted[i].found)
			status = cli_complain(
			    EXIT_NO, "%s: no process in a user namespace", names[i]);
	return status;
}

static int run(struct cli *cli, int argc, char *argv[])
{
	auto_view struct view view = { .etc = -1, .proc = -1 };
	struct wanted *wanted;
	size_t n;
	int status;

	while (cli_next_option(cli, argc, argv) != -1)
		;
	if (cli->root != NULL)
		return cli_misused(cli, "ps: --root: an image has no running processes");
	n = (size_t)(argc - optind);
	status = view_load(cli, &view);
	if (status != EXIT_DONE)
		return status;
	wanted = calloc(n + 1, sizeof(*wanted));
	if (wanted == NULL)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	status = list_wanted(&view, wanted, n, argv + optind);
	for (size_t i = 0; i < n; i++)
		subid_owner_free(&wanted[i].owner);
	free(wanted);
	return view.partial ? EXIT_UNABLE : status; /* containers may be missing */
}

const struct cli_command cmd_ps = {
	.name = "ps",
	.arguments = "[OWNER[/NAME]...]",
	.summary = "list processes in user namespaces, with ids on both sides",
	.text =
	    "Columns: user and uid on the host; user, uid and gid inside; pid on the\n"
	    "host and inside; owner of the ids; container; its lease; command.\n"
	    "'-': unknown.\n",
	.examples = "    subid ps alice\n"
		    "    subid ps alice/web",
	.run = run,
};
