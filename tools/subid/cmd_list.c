/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/rows.h"
#include "tools/subid/status.h"

enum { OPTION_RELEASED = 256 * 2, OPTION_NO_HEADINGS, OPTION_SORT };

static const struct cli_option options[] = {
	{ 'u', "uid", NULL, "only uids" },
	{ 'g', "gid", NULL, "only gids" },
	{ OPTION_RELEASED, "released", NULL,
	  "ids that owners, containers and stores had" },
	{ 'o', "columns", "COLUMNS", "only these, between commas: owner,start,..." },
	{ OPTION_SORT, "sort", "COLUMN", "in the order of this column" },
	{ OPTION_NO_HEADINGS, "noheadings", NULL, "no line of headings" },
};

static const char *state_of(const char *owner, size_t len)
{
	if (!subid_owner_is_hold(owner, len))
		return "granted";
	return strncmp(owner, SUBID_OWNER_RELEASED, len) == 0 ? "released" : "reserved";
}

static void print_entry(struct rows *output, const struct subid_table *table,
			const struct subid_entry *entry)
{
	struct range_row row = {
		.owner = subid_table_owner(table, entry),
		.owner_len = entry->owner_len,
		.kind = table->kind,
		.range = entry->range,
	};

	row.state = state_of(row.owner, row.owner_len);
	range_rows_add(output, &row);
}

/* With more names to look up than these, an index costs less than it saves. */
#define NAMES_FEW 16

static int in_order(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* In the order of the lines, which an index does not keep.  -1 when out of memory. */
static ssize_t list_spelling(struct rows *output, const struct subid_table *table,
			     struct subid_owner_name spelling)
{
	const size_t first = subid_table_first(table, spelling.text, spelling.len);
	auto_free size_t *found = NULL;
	size_t n = 0, room = 0;

	for (size_t i = first; i < table->n; i = subid_table_after(table, i))
		room++;
	found = reallocarray(NULL, room + 1, sizeof(*found));
	if (found == NULL)
		return -1;
	for (size_t i = first; n < room; i = subid_table_after(table, i))
		found[n++] = i;
	if (n > 1)
		qsort(found, n, sizeof(*found), in_order);
	for (size_t i = 0; i < n; i++)
		print_entry(output, table, &table->entries[found[i]]);
	return (ssize_t)n;
}

/* Prints the lines of an owner and adds their number to *ret_n.  0 or -ENOMEM. */
static int list_owner(struct rows *output, struct subid_table *table,
		      const struct subid_owner *owner, size_t *ret_n)
{
	if (owner->n > NAMES_FEW && table->buckets == NULL &&
	    subid_table_index(table) < 0)
		return -ENOMEM;
	for (size_t s = 0; s < owner->n; s++) {
		ssize_t n = list_spelling(output, table, owner->spellings[s]);

		if (n < 0)
			return -ENOMEM;
		*ret_n += (size_t)n;
	}
	return 0;
}

/* Held ranges: name is "!released" or "!reserved", which are not owners. */
static int list_held(struct rows *output, struct subid_table *table, char *name,
		     size_t *ret_n)
{
	struct subid_owner_name spelling = { .text = name, .len = strlen(name) };
	const struct subid_owner holder = { .spellings = &spelling, .n = 1 };

	if (!subid_owner_is_hold(name, spelling.len))
		return 0;
	return list_owner(output, table, &holder, ret_n);
}

/* OWNER, or OWNER/NAME of a container. */
static void join_name(const struct subid_row *row, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s%s%s", row->owner, row->container == NULL ? "" : "/",
		       row->container == NULL ? "" : row->container);
}

/* --- ids that nobody has any more ----------------------------------------------------
 */

static const struct rows_column former_columns[] = {
	{ .heading = "OWNER", .key = "owner" },
	{ .heading = "KIND", .key = "kind", .pairs = true },
	{ .heading = "START", .key = "start", .number = true },
	{ .heading = "END", .key = "end", .number = true },
	{ .heading = "COUNT", .key = "count", .number = true, .grouped = true },
	{ .heading = "STATE", .key = "state", .state = true },
	{ .heading = "SINCE", .key = "since" },
	{ .heading = "BY", .key = "by" },
};

#define N_FORMER_COLUMNS (sizeof(former_columns) / sizeof(former_columns[0]))

/* Was it this owner's, or its container's, or just that container's?  NULL: any. */
static bool was_of(const struct subid_row *row, const char *name, char *const names[])
{
	for (size_t i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], row->owner) == 0 || strcmp(names[i], name) == 0)
			return true;
	return names[0] == NULL;
}

static void print_former(struct rows *output, const struct subid_row *row,
			 const char *name)
{
	char since[CLI_TIME_SIZE];
	bool dated = row->until > 0 && cli_time(row->until, since);
	const struct rows_cell cells[N_FORMER_COLUMNS] = {
		rows_text(name[0] == '\0' ? NULL : name),
		rows_text(subid_kind_name(row->kind)),
		rows_number(row->range.start),
		rows_number(id_range_end(row->range) - 1),
		rows_number(row->range.count),
		rows_text(range_state_name(row->state)),
		rows_text(dated ? since : NULL),
		rows_text(row->door),
	};

	rows_add(output, cells, ROWS_NO_PARENT);
}

static int list_released(const struct cli *cli, struct subid *sys, unsigned int kinds,
			 const struct rows_choice *choice, char *const names[])
{
	__attribute__((cleanup(subid_list_free))) struct subid_list *list = NULL;
	struct subid_error err = { .size = sizeof(err) };
	struct subid_row row = { .size = sizeof(row) };
	struct rows *output;
	size_t n = 0;
	int status;

	if (subid_ledger_read(sys, kinds, SUBID_LEDGER_RELEASED, &list, &err) < 0)
		return cli_say(EXIT_UNABLE, &err);
	output = rows_open(cli, "released", former_columns, N_FORMER_COLUMNS);
	if (output == NULL)
		return EXIT_UNABLE;
	status = rows_choose(output, choice);
	if (status != EXIT_DONE)
		return status; /* of the command line: the program ends */
	for (size_t i = 0; subid_list_get(list, i, &row); i++) {
		char name[1200];

		join_name(&row, name, sizeof(name));
		if (!was_of(&row, name, names))
			continue;
		print_former(output, &row, name);
		n++;
	}
	status = rows_close(output);
	if (status == EXIT_DONE)
		status = cli_finish_output();
	if (status == EXIT_DONE && n == 0 && names[0] != NULL)
		return cli_complain(EXIT_NO,
				    "%s: no ids are known that it had and nobody"
				    " has now",
				    names[0]);
	return status;
}

struct listing {
	struct cli *cli;
	struct subid *sys;
	int etc;
	struct rows *output;
	struct subid_table *tables;
	unsigned int kinds;
};

/*
 * The leases of an owner's containers, or of one container of it (container not NULL); or
 * what is held in the caller's store, for the owner of a hold: ids of former containers.
 * Those of one store are listed, whatever a user does with the other one.
 */
static int list_leases(const struct listing *listing, const char *owner,
		       const char *container, size_t *ret_n)
{
	auto_list struct subid_list *leases = NULL;
	struct subid_error err = { .size = sizeof(err) };
	struct subid_row row = { .size = sizeof(row) };
	int r = subid_leases(listing->sys, owner, listing->kinds, &leases, &err);
	int status = r == 0 ? EXIT_DONE : cli_say(cli_status(r), &err);

	for (size_t i = 0; subid_list_get(leases, i, &row); i++) {
		char both[1200];

		if (container != NULL && strcmp(container, row.container) != 0)
			continue;
		join_name(&row, both, sizeof(both));
		range_rows_add(listing->output, &(struct range_row){
						    .owner = both,
						    .owner_len = strlen(both),
						    .kind = row.kind,
						    .range = row.range,
						    .state = range_state_name(row.state),
						});
		++*ret_n;
	}
	return status;
}

/* One operand: an owner, with its containers, or a container alone. */
static int list_name(const struct listing *listing, const struct subid_users *users,
		     char *name)
{
	const char *slash = strchr(name, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - name), n = 0, n_leases = 0;
	auto_free char *text = strndup(name, len > 0 ? len : strlen(name));
	auto_owner struct subid_owner owner = { .has_account = false };
	int status = EXIT_DONE, r, listed = 0;

	r = text == NULL ? -ENOMEM : subid_owner_find(users, text, &owner);
	for (enum subid_kind kind = 0; r >= 0 && len == 0 && kind < SUBID_KINDS; kind++)
		if (listed == 0)
			listed = r == SUBID_INVALID
				     ? list_held(listing->output, &listing->tables[kind],
						 name, &n)
				     : list_owner(listing->output, &listing->tables[kind],
						  &owner, &n);
	if (r < 0 || listed < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", name,
				    strerror(r < 0 ? -r : -listed));
	if (r != SUBID_INVALID || subid_owner_is_hold(name, strlen(name)))
		status =
		    list_leases(listing, text, len > 0 ? slash + 1 : NULL, &n_leases);
	if (status != EXIT_DONE || n + n_leases > 0)
		return status;
	if (len > 0)
		return cli_complain(EXIT_NO, "%s: no such lease", name);
	if (subid_owner_is_hold(name, strlen(name)))
		return cli_complain(EXIT_NO, "%s: no ids are held by this name", name);
	return cli_complain(EXIT_NO, "%s: %s", name,
			    r == 0 ? "has no ranges"
				   : "no such account, and no range has this owner");
}

static size_t count_names(char *const names[])
{
	size_t n = 0;

	while (names[n] != NULL)
		n++;
	return n;
}

static int list_owners(const struct listing *listing, char *const names[])
{
	auto_users struct subid_users *users = NULL;
	const char *file = "passwd";
	bool host = listing->cli->root == NULL;
	int status = EXIT_DONE, r = -1;

	/* accounts that cannot all be loaded are looked up one by one */
	if (count_names(names) > NAMES_FEW)
		r = subid_users_load(listing->etc, host, &users, &file);
	if (r == 0)
		r = subid_users_index(users);
	if (users == NULL)
		r = subid_users_open(listing->etc, host, &users, &file);
	if (r < 0)
		return cli_unreadable(listing->cli, file, r);
	for (size_t n = 0; *names != NULL; names++, n++) {
		int one;

		for (enum subid_kind kind = 0; n == NAMES_FEW && kind < SUBID_KINDS;
		     kind++)
			if (subid_table_index(&listing->tables[kind]) < 0)
				return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
		one = list_name(listing, users, *names);

		/* list the others all the same */
		if (one > status)
			status = one;
	}
	return status;
}

/* The lines of the tables, and then the leases of root's store. */
static int list_all(const struct listing *listing)
{
	size_t n = 0;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		for (size_t i = 0; i < listing->tables[kind].n; i++)
			print_entry(listing->output, &listing->tables[kind],
				    &listing->tables[kind].entries[i]);
	return list_leases(listing, NULL, NULL, &n);
}

/* The last line for people: the room that is left. */
static void print_room(struct cli *cli, int etc, const struct subid_table *tables)
{
	struct status_tables room = { .cli = cli, .policy = subid_policy_default };
	struct subid_place place;
	json_t *windows;

	room.policy_known =
	    subid_policy_load(etc, cli->root == NULL, &room.policy, &place) == 0;
	/* the tables are only looked at */
	memcpy(room.list, tables, sizeof(room.list));
	windows = status_windows(&room);
	status_print_windows(windows);
	json_decref(windows);
}

/* What the options say. */
struct request {
	bool only_uid, only_gid, released;
	struct rows_choice choice;
};

static void take_option(struct request *request, int letter)
{
	request->only_uid |= letter == 'u';
	request->only_gid |= letter == 'g';
	request->released |= letter == OPTION_RELEASED;
	request->choice.no_headings |= letter == OPTION_NO_HEADINGS;
	if (letter == 'o')
		request->choice.columns = optarg;
	if (letter == OPTION_SORT)
		request->choice.sort = optarg;
}

static int list(struct listing *listing, const struct request *request,
		char *const names[])
{
	struct cli *cli = listing->cli;
	bool all = names[0] == NULL;
	int status, closed;

	listing->output = range_rows_open(cli);
	if (listing->output == NULL)
		return EXIT_UNABLE;
	status = rows_choose(listing->output, &request->choice);
	if (status != EXIT_DONE)
		return status; /* of the command line: the program ends */
	status = all ? list_all(listing) : list_owners(listing, names);
	if (status == EXIT_UNABLE && cli->json) {
		rows_drop(listing->output);
		return status;
	}
	closed = rows_close(listing->output);
	if (closed == EXIT_DONE && all && cli->terminal && !cli->json && !cli->quiet &&
	    !request->choice.no_headings)
		print_room(cli, listing->etc, listing->tables);
	if (closed == EXIT_DONE)
		closed = cli_finish_output();
	return closed != EXIT_DONE ? closed : status;
}

static int run(struct cli *cli, int argc, char *argv[])
{
	auto_cli_tables struct cli_tables tables = CLI_TABLES_NONE;
	struct request request = { .only_uid = false };
	auto_system struct subid *sys = NULL;
	auto_close int etc = -1;
	struct listing listing;
	int letter, status;
	unsigned int kinds;

	while ((letter = cli_next_option(cli, argc, argv)) != -1)
		take_option(&request, letter);
	kinds = cli_kinds(request.only_uid, request.only_gid);
	etc = cli_open_etc(cli);
	if (etc < 0)
		return EXIT_UNABLE;
	status = cli_open_system(cli, true, &sys);
	if (status == EXIT_DONE && request.released)
		return list_released(cli, sys, kinds, &request.choice, argv + optind);
	for (enum subid_kind kind = 0; status == EXIT_DONE && kind < SUBID_KINDS; kind++)
		if ((kinds & 1U << kind) != 0)
			status = cli_load_table(cli, etc, kind, &tables.list[kind]);
	if (status != EXIT_DONE)
		return status;
	listing = (struct listing){
		.cli = cli, .sys = sys, .etc = etc, .tables = tables.list, .kinds = kinds
	};
	return list(&listing, &request, argv + optind);
}

const struct cli_command cmd_list = {
	.name = "list",
	.arguments = "[OWNER[/NAME]...]",
	.summary = "list ranges and their owners",
	CLI_OPTIONS(options),
	.text = "OWNER is a login name or a uid; without one, all lines and root's "
		"leases are\n"
		"listed.  With one, the leases of its containers, too; status 1: it has "
		"none.\n"
		"Columns: owner, kind, first id, last id, count, state (granted; leased "
		"to a\n"
		"container; released or reserved: held).\n",
	.examples = "    subid list alice\n"
		    "    subid list --released",
	.run = run,
};
