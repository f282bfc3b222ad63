/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/leases.h"
#include "tools/subid/rows.h"

static const struct cli_option options[] = {
	{ 'u', "uid", NULL, "only uids" },
	{ 'g', "gid", NULL, "only gids" },
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

/* The same for the caller's store of leases: ids of former containers are held there. */
static int list_held_leases(struct cli *cli, struct rows *output, char *name,
			    unsigned int kinds, size_t *ret_n)
{
	auto_system struct subid *sys = NULL;
	auto_store struct store store = { .fd = -1 };
	struct subid_error err = { .size = sizeof(err) };
	int r = 0, status = cli_open_system(cli, false, &sys);

	if (status == EXIT_DONE && store_open(sys, false, &store, &err) != 0)
		status = cli_say(EXIT_UNABLE, &err);
	if (status != EXIT_DONE || store.fd < 0)
		return status;
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		auto_table struct subid_table table = { .kind = kind };

		r = store_load(&store, kind, subid_kind_table(kind), &table);
		if (r == 0 && (kinds & (1U << kind)) != 0)
			r = list_held(output, &table, name, ret_n);
	}
	return r == 0 ? EXIT_DONE
		      : cli_complain(EXIT_UNABLE, "%s: %s", store.name, strerror(-r));
}

/* The leases of an owner, both stores', or of one container of it (name not NULL). */
static int list_leases(const struct cli *cli, struct rows *output, struct homes *homes,
		       const struct subid_owner *owner, const char *name,
		       unsigned int kinds, size_t *ret_n)
{
	auto_free char *first =
	    strndup(owner->spellings[0].text, owner->spellings[0].len);
	auto_leases struct subid_leases leases = { .list = NULL };
	char where[CLI_CONF_FILE_SIZE] = "";
	int r, status = EXIT_DONE;

	if (first == NULL)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	/* what one store has is shown, whatever a user does with the other one */
	r = cli_leases_load(cli, owner, first, homes, &leases, where);
	if (r < 0)
		status = cli_complain(EXIT_UNABLE, "%s: %s: leases cannot be read", where,
				      home_error(r));
	for (size_t i = 0; i < leases.n; i++) {
		const struct subid_lease *lease = &leases.list[i];
		char both[1200];

		if ((kinds & (1U << lease->kind)) == 0 ||
		    !lease_is_of(lease, owner, first) ||
		    (name != NULL && strcmp(name, lease->name) != 0))
			continue;
		(void)snprintf(both, sizeof(both), "%s/%s", lease->owner, lease->name);
		range_rows_add(output, &(struct range_row){
					   .owner = both,
					   .owner_len = strlen(both),
					   .kind = lease->kind,
					   .range = lease->range,
					   .state = "leased",
				       });
		++*ret_n;
	}
	return status;
}

struct listing {
	struct cli *cli;
	int etc;
	struct rows *output;
	struct subid_table *tables;
	unsigned int kinds;
	struct homes *homes;
};

/* One operand: an owner, with its containers, or a container alone. */
static int list_name(const struct listing *listing, const struct subid_users *users,
		     char *name)
{
	size_t len = subid_lease_owner(name), n = 0, n_leases = 0;
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
	if (subid_owner_is_hold(name, strlen(name)))
		status = list_held_leases(listing->cli, listing->output, name,
					  listing->kinds, &n_leases);
	else if (r != SUBID_INVALID)
		status = list_leases(listing->cli, listing->output, listing->homes,
				     &owner, len > 0 ? name + len + 1 : NULL,
				     listing->kinds, &n_leases);
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

static int list_owners(const struct listing *listing, char *const names[])
{
	auto_users struct subid_users *users = NULL;
	struct subid_failure failure = { .file = "passwd" };
	int status = EXIT_DONE, r;

	r = subid_users_open(listing->etc, listing->cli->root == NULL, &users,
			     &failure.file);
	if (r < 0)
		return cli_txn_failed(listing->cli, r, &failure);
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

struct tables {
	struct subid_table list[SUBID_KINDS];
};

static void free_tables(struct tables *tables)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_table_free(&tables->list[kind]);
}

static int run(struct cli *cli, int argc, char *argv[])
{
	__attribute__((cleanup(free_tables))) struct tables tables = {
		.list = { { .kind = SUBID_UID }, { .kind = SUBID_GID } },
	};
	struct subid_table *const list = tables.list;
	bool only_uid = false, only_gid = false;
	auto_close int etc = -1;
	struct rows *output;
	int letter, status = EXIT_DONE, closed;

	while ((letter = cli_next_option(cli, argc, argv)) != -1) {
		only_uid |= letter == 'u';
		only_gid |= letter == 'g';
	}
	etc = cli_open_etc(cli);
	if (etc < 0)
		return EXIT_UNABLE;
	cli_warn_of_source(cli, etc);
	if (!only_gid || only_uid)
		status = cli_load_table(cli, etc, SUBID_UID, &list[SUBID_UID]);
	if (status == EXIT_DONE && (!only_uid || only_gid))
		status = cli_load_table(cli, etc, SUBID_GID, &list[SUBID_GID]);
	if (status != EXIT_DONE)
		return status;
	output = range_rows_open(cli);
	if (output == NULL)
		return EXIT_UNABLE;
	if (optind < argc) {
		struct homes homes = HOMES;
		const struct listing listing = {
			cli, etc, output, list, cli_kinds(only_uid, only_gid), &homes,
		};

		status = list_owners(&listing, argv + optind);
	} else {
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
			for (size_t i = 0; i < list[kind].n; i++)
				print_entry(output, &list[kind], &list[kind].entries[i]);
	}
	closed = rows_close(output);
	return closed != EXIT_DONE ? closed : status;
}

const struct cli_command cmd_list = {
	.name = "list",
	.arguments = "[OWNER[/NAME]...]",
	.summary = "list ranges and their owners",
	CLI_OPTIONS(options),
	.text =
	    "OWNER is a login name or a uid.  Without OWNER, all lines are listed; with\n"
	    "OWNER, the leases of its containers as well, and the exit status is 1 if "
	    "an\n"
	    "OWNER has none.  Columns: owner, kind, first id, last id, count, state\n"
	    "(granted; leased to a container; released or reserved: held).\n",
	.run = run,
};
