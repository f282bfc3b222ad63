/* SPDX-License-Identifier: MIT */
/*
 * The operands of "shift" that say which ids.
 */
#include <errno.h>
#include <string.h>

#include "tools/subid/shift.h"
#include "tools/subid/view.h"

/* The tables and accounts, read when the first operand is an owner. */
struct owners {
	struct cli *cli;
	struct subid *sys;
	int etc;
	struct subid_users *users;
	struct subid_table tables[SUBID_KINDS];
};

static void close_owners(struct owners *owners)
{
	cleanup_close(&owners->etc);
	subid_close(&owners->sys);
	subid_users_free(&owners->users);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_table_free(&owners->tables[kind]);
}

static int open_owners(struct owners *owners)
{
	struct cli *cli = owners->cli;
	const char *file = "passwd";
	int status, r;

	if (owners->etc >= 0)
		return EXIT_DONE;
	owners->etc = cli_open_etc(cli);
	if (owners->etc < 0)
		return EXIT_UNABLE;
	status = cli_open_system(cli, true, &owners->sys);
	for (enum subid_kind kind = 0; status == EXIT_DONE && kind < SUBID_KINDS; kind++)
		status = cli_load_table(cli, owners->etc, kind, &owners->tables[kind]);
	if (status != EXIT_DONE)
		return status;
	r = subid_users_open(owners->etc, cli->root == NULL, &owners->users, &file);
	return r == 0 ? EXIT_DONE : cli_unreadable(cli, file, r);
}

static int read_owner(struct owners *owners, struct shift_side *side)
{
	auto_owner_ids struct owner_ids share = { .name = NULL };
	int status = open_owners(owners);

	if (status == EXIT_DONE)
		status = owner_ids_find(owners->cli, owners->sys, owners->users,
					owners->tables, NULL, side->text, &share);
	if (status != EXIT_DONE)
		return status;
	if (subid_sets_empty(&share.ids))
		return cli_complain(EXIT_NO, "%s: has no ranges%s", side->text,
				    share.n_leases > 0 ? " that are not leased" : "");
	return subid_sets_unite(&side->ids, &share.ids) == 0
		   ? EXIT_DONE
		   : cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
}

static int read_side(struct owners *owners, struct shift_side *side)
{
	struct id_range range;
	int r = 0;

	if (side->text == NULL || side->host)
		return EXIT_DONE;
	if (cli_read_range(side->text, &range) != 0)
		return read_owner(owners, side);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_set_insert(&side->ids.of[kind], range);
	return r == 0 ? EXIT_DONE : cli_complain(EXIT_UNABLE, "%s", strerror(-r));
}

static int read_host(struct shift_side *side, const struct shift_side *other)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && side->host && kind < SUBID_KINDS; kind++)
		r = subid_set_insert(
		    &side->ids.of[kind],
		    id_range_between(0, subid_set_size(&other->ids.of[kind])));
	return r == 0 ? EXIT_DONE : cli_complain(EXIT_UNABLE, "%s", strerror(-r));
}

int shift_sides_read(struct cli *cli, struct shift_side *from, struct shift_side *to)
{
	__attribute__((cleanup(close_owners))) struct owners owners = {
		.cli = cli,
		.etc = -1,
		.tables = { { .kind = SUBID_UID }, { .kind = SUBID_GID } },
	};
	int status;

	from->host = from->text != NULL && strcmp(from->text, "host") == 0;
	to->host = to->text != NULL && strcmp(to->text, "host") == 0;
	if (from->host && (to->host || to->text == NULL))
		return cli_misused(cli, "shift: only one of --from and --to can be host");
	status = read_side(&owners, from);
	if (status == EXIT_DONE)
		status = read_side(&owners, to);
	if (status == EXIT_DONE)
		status = read_host(from, to);
	return status == EXIT_DONE ? read_host(to, from) : status;
}

static int explain(const struct shift_side *from, const struct shift_side *to, int r,
		   const struct storage_refusal *why)
{
	const char *kind = subid_kind_name(why->kind);

	if (r == SUBID_TAKEN)
		return cli_complain(EXIT_NO,
				    "%s and %s overlap, in %ss %u-%llu: which files are"
				    " done could not be told: give the new ids alone,"
				    " --to RANGE",
				    from->text, to->text, kind, why->ids.start,
				    (unsigned long long)id_range_end(why->ids) - 1);
	if (r == SUBID_FULL)
		return cli_complain(EXIT_NO, "%s has %llu %ss, and %s only %llu",
				    from->text, (unsigned long long)why->from_n, kind,
				    to->text, (unsigned long long)why->to_n);
	if (r == SUBID_ABSENT)
		return cli_complain(EXIT_NO, "%s and %s are the same ids", from->text,
				    to->text);
	return cli_complain(EXIT_UNABLE, "%s", strerror(-r));
}

int shift_map_make(const struct shift_side *from, const struct shift_side *to,
		   struct storage_map *ret)
{
	struct storage_refusal why;
	int r =
	    storage_map_make(&from->ids, to->text == NULL ? NULL : &to->ids, ret, &why);

	return r == 0 ? EXIT_DONE : explain(from, to, r, &why);
}
