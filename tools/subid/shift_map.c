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

/* What is given alone is shifted alone: the other kind is in neither side. */
static void keep_kind(struct shift *shift, enum subid_kind kind)
{
	shift->kind = kind == SUBID_UID ? SUBID_GID : SUBID_UID;
	subid_set_free(&shift->from.ids.of[kind]);
	subid_set_free(&shift->to.ids.of[kind]);
}

static bool is_shifted(const struct shift *shift, enum subid_kind kind)
{
	return shift->kind == SHIFT_BOTH || shift->kind == (int)kind;
}

/* Are all ids of a set in another one?  One of none is in any. */
static bool is_within(const struct subid_set *set, const struct subid_set *other)
{
	for (size_t i = 0; i < set->n; i++)
		if (!subid_set_contains(other, set->ranges[i]))
			return false;
	return true;
}

/* With the other option in the place of the kind that cannot be shifted. */
static int refuse_kind(const struct shift *shift, enum subid_kind kind, const char *who,
		       const char *what, const char *text)
{
	enum subid_kind other = kind == SUBID_UID ? SUBID_GID : SUBID_UID;

	if (!is_shifted(shift, other))
		return cli_complain(EXIT_NO, "%s %s the %ss of %s", who, what,
				    subid_kind_name(kind), text);
	return cli_complain(EXIT_NO, "%s %s the %ss of %s: -%c shifts %ss alone", who,
			    what, subid_kind_name(kind), text, subid_kind_name(other)[0],
			    subid_kind_name(other));
}

/*
 * The ids of a kind that the owner still has are those that its files are to have: an
 * owner that lost its uids alone keeps its gids.
 */
static int settle_kinds(struct shift *shift, const char *owner,
			const struct subid_sets *held)
{
	struct id_range both;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_set *from = &shift->from.ids.of[kind];

		if (!is_shifted(shift, kind) || from->n == 0)
			continue;
		if (is_within(from, &held->of[kind])) {
			if (shift->kind != SHIFT_BOTH)
				return cli_complain(EXIT_NO,
						    "%s still has %s: nothing is to be"
						    " shifted, but to others of its"
						    " ids, --to RANGE",
						    owner, shift->from.text);
			keep_kind(shift, kind);
			continue;
		}
		for (size_t i = 0; i < from->n; i++)
			if (subid_set_meets(&held->of[kind], from->ranges[i], &both))
				return refuse_kind(shift, kind, owner,
						   "still has some of", shift->from.text);
	}
	return EXIT_DONE;
}

/* Threat: numbers that are right for uids may be another owner's gids, or nobody's. */
static int check_held(const struct shift *shift, const char *who,
		      const struct subid_sets *held)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (is_shifted(shift, kind) &&
		    !is_within(&shift->to.ids.of[kind], &held->of[kind]))
			return refuse_kind(shift, kind, who, "does not have",
					   shift->to.text);
	return EXIT_DONE;
}

static int check_owner(struct owners *owners, struct shift *shift, const char *owner,
		       bool settle)
{
	auto_owner_ids struct owner_ids share = { .name = NULL };
	struct id_range range;
	int status = open_owners(owners);

	if (status == EXIT_DONE)
		status = owner_ids_find(owners->cli, owners->sys, owners->users,
					owners->tables, NULL, owner, &share);
	if (status != EXIT_DONE)
		return status;
	if (settle)
		return settle_kinds(shift, owner, &share.all);
	if (shift->to.host || cli_read_range(shift->to.text, &range) != 0)
		return EXIT_DONE;
	return check_held(shift, owner, &share.all);
}

/* The same where nobody says whose: numbers that are granted as one kind alone. */
static int check_granted(struct owners *owners, const struct shift *shift)
{
	const struct subid_sets *to = &shift->to.ids;
	bool granted[SUBID_KINDS];
	struct id_range range;
	int status;

	if (shift->kind != SHIFT_BOTH || shift->force || shift->to.text == NULL ||
	    shift->to.host || cli_read_range(shift->to.text, &range) != 0)
		return EXIT_DONE;
	status = open_owners(owners);
	if (status != EXIT_DONE)
		return status;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		granted[kind] = is_within(&to->of[kind], &owners->tables[kind].ids);
	if (granted[SUBID_UID] == granted[SUBID_GID])
		return EXIT_DONE;
	return refuse_kind(shift, granted[SUBID_UID] ? SUBID_GID : SUBID_UID, "nobody",
			   "was granted", shift->to.text);
}

static int read_sides(struct owners *owners, struct shift *shift)
{
	struct shift_side *from = &shift->from, *to = &shift->to;
	int status;

	from->host = from->text != NULL && strcmp(from->text, "host") == 0;
	to->host = to->text != NULL && strcmp(to->text, "host") == 0;
	if (from->host && (to->host || to->text == NULL))
		return cli_misused(owners->cli,
				   "shift: only one of --from and --to can be host");
	status = read_side(owners, from);
	if (status == EXIT_DONE)
		status = read_side(owners, to);
	if (status == EXIT_DONE)
		status = read_host(from, to);
	if (status == EXIT_DONE)
		status = read_host(to, from);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (!is_shifted(shift, kind))
			keep_kind(shift, kind);
	return status;
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

static int make_map(const struct shift *shift, struct storage_map *ret)
{
	const struct shift_side *from = &shift->from, *to = &shift->to;
	struct storage_refusal why;
	int r =
	    storage_map_make(&from->ids, to->text == NULL ? NULL : &to->ids, ret, &why);

	if (r != 0)
		return explain(from, to, r, &why);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		ret->of[kind].same |= !is_shifted(shift, kind);
	return EXIT_DONE;
}

int shift_map_make(struct shift *shift, const char *owner, struct storage_map *ret)
{
	__attribute__((cleanup(close_owners))) struct owners owners = {
		.cli = shift->cli,
		.etc = -1,
		.tables = { { .kind = SUBID_UID }, { .kind = SUBID_GID } },
	};
	bool settle = owner != NULL && shift->to.text == NULL;
	int status;

	if (settle)
		shift->to.text = owner;
	status = read_sides(&owners, shift);
	if (status == EXIT_DONE && owner != NULL)
		status = check_owner(&owners, shift, owner, settle);
	if (status == EXIT_DONE && owner == NULL)
		status = check_granted(&owners, shift);
	return status == EXIT_DONE ? make_map(shift, ret) : status;
}
