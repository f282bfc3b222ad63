/* SPDX-License-Identifier: MIT */
/*
 * Whose ids were: what the ledger knows, for who asks; what an owner had, given back; and
 * all of an owner handed to another.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

/* --- what the ledger knows ------------------------------------------------------------
 */

static const char *const doors[] = {
	[LEDGER_NO_DOOR] = NULL,     [LEDGER_OURS] = "subid",
	[LEDGER_FOUND] = "tables",   [LEDGER_BACKUP] = "backup",
	[LEDGER_RENAMED] = "rename",
};

/* A row of a list that is being made. */
struct former {
	struct subid_list *list;
	enum subid_kind kind;
	const struct subid_set *held; /* released ones */
	bool released;		      /* only what nobody has */
	bool leases;		      /* owners are containers */
};

static int add_piece(const struct former *former, const struct ledger_entry *entry,
		     struct id_range range, enum subid_state state)
{
	const char *owner = entry->owner.len == 0 ? "" : entry->owner.text;
	const char *slash = former->leases && owner[0] != '\0'
				? memchr(owner, '/', entry->owner.len)
				: NULL;
	size_t len = slash == NULL ? entry->owner.len : (size_t)(slash - owner);
	char name[LEDGER_OWNER_MAX + 1];
	const struct subid_row row = {
		.kind = former->kind,
		.state = state,
		.range = range,
		.owner = owner,
		.container = slash == NULL ? NULL : name,
		.since = entry->since,
		.until = entry->until,
		.door =
		    doors[entry->state == LEDGER_HAS ? entry->door_in : entry->door_out],
	};

	if (slash != NULL) {
		memcpy(name, slash + 1, entry->owner.len - len - 1);
		name[entry->owner.len - len - 1] = '\0';
	}
	return range.count == 0 ? 0 : list_add_row(former->list, &row, len);
}

/* What was left: some of it may be held. */
static int add_left(const struct former *former, const struct ledger_entry *entry)
{
	uint64_t at = entry->range.start, end = id_range_end(entry->range);
	int r = 0;

	while (r == 0 && at < end) {
		struct id_range rest = id_range_between(at, end), held = { 0, 0 };

		if (!subid_set_meets(former->held, rest, &held))
			return add_piece(former, entry, rest, SUBID_STATE_LEFT);
		r = add_piece(former, entry, id_range_between(at, held.start),
			      SUBID_STATE_LEFT);
		if (r == 0)
			r = add_piece(former, entry, held, SUBID_STATE_RELEASED);
		at = id_range_end(held);
	}
	return r;
}

static int in_order(const void *a, const void *b)
{
	const struct subid_row *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->range.start != y->range.start)
		return x->range.start < y->range.start ? -1 : 1;
	/* owners before their containers */
	return (x->container != NULL) - (y->container != NULL);
}

/* What is held, is nobody's by another line, and was nobody's that is known. */
static int add_nameless(const struct former *former, const struct ledger_list *ledger)
{
	static const struct ledger_entry nobody = { .owner = { "", 0 } };
	auto_set struct subid_set known = { .n = 0 }, has = { .n = 0 }, rest = { .n = 0 };
	int r = ledger_ids(ledger, LEDGER_LEFT, 0, &known);

	if (r == 0)
		r = ledger_ids(ledger, LEDGER_HAS, 0, &has);
	if (r == 0)
		r = subid_set_unite(&known, &has);
	if (r == 0)
		r = subid_set_subtract(former->held, &known, &rest);
	for (size_t i = 0; r == 0 && i < rest.n; i++)
		r = add_piece(former, &nobody, rest.ranges[i], SUBID_STATE_RELEASED);
	return r;
}

static int add_kind(const struct former *former, const struct ledger_list *ledger)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ledger->n; i++) {
		const struct ledger_entry *entry = &ledger->entries[i];

		if (entry->state == LEDGER_LEFT)
			r = add_left(former, entry);
		else if (!former->released)
			r = add_piece(former, entry, entry->range,
				      entry->state == LEDGER_HAS ? SUBID_STATE_GRANTED
								 : SUBID_STATE_FREE);
	}
	return r == 0 ? add_nameless(former, ledger) : r;
}

static int read_into(struct subid_txn *txn, unsigned int kinds, bool released,
		     struct subid_list *list)
{
	static const struct subid_owner_name holder = {
		SUBID_OWNER_RELEASED, sizeof(SUBID_OWNER_RELEASED) - 1
	};
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		auto_set struct subid_set held = { .n = 0 };
		const struct former former = { list, kind, &held, released,
					       txn->history.about == LEDGER_LEASES };

		if ((kinds & (1U << kind)) == 0)
			continue;
		r = subid_table_owned(&txn->tables[kind], &holder, 1, &held);
		if (r == 0)
			r = add_kind(&former, history_known(txn, kind));
	}
	return r;
}

/* Reads the leases in state, without the lock, and looks at them beside the ledger. */
static int look_at_leases(const struct subid *sys, struct subid_txn *txn, int state,
			  struct subid_failure *failure)
{
	int r;

	txn->options = (struct subid_txn_options){
		.etc = state,
		.proc = -1,
		.dry_run = sys->host && geteuid() != 0,
		.ledger = true,
		.state = state,
		.timeout_ms = SUBID_PATIENCE_MS,
	};
	txn->history.about = LEDGER_LEASES;
	r = store_load_tables(txn, failure);
	if (r == 0)
		r = history_open(txn);
	return r == 0 ? history_look(txn, failure) : r;
}

/* The leases of root's store.  A store that is not there has none.  0 or -errno. */
static int read_leases(struct subid *sys, const struct subid_txn *tables, int state,
		       unsigned int kinds, bool released, struct subid_list *list,
		       struct subid_failure *failure)
{
	auto_txn_alone struct subid_txn *txn = txn_new();
	int r = txn == NULL ? -ENOMEM : 0;

	if (r < 0 || state < 0)
		return r;
	r = look_at_leases(sys, txn, state, failure);
	if (r < 0)
		return r;
	history_warn_leases(sys, tables, txn);
	r = ledger_read(&txn->history.ledger, true);
	return r == 0 ? read_into(txn, kinds, released, list) : r;
}

int subid_ledger_read(struct subid *sys, unsigned int kinds, unsigned int flags,
		      struct subid_list **ret, struct subid_error *err)
{
	auto_close int state = store_open_state(sys, false);
	auto_list struct subid_list *list = list_new();
	auto_txn_alone struct subid_txn *txn = txn_new();
	struct subid_failure failure = { .file = NULL };
	int r;

	error_clear(err);
	if (list == NULL || txn == NULL)
		return error_memory(err);
	if ((flags & ~SUBID_LEDGER_RELEASED) != 0)
		return error_plain(err, -EINVAL,
				   "a flag that this version of the library"
				   " does not know");
	txn->options = system_options(sys, SUBID_DRY_RUN, SUBID_PATIENCE_MS);
	/* a look is written down by who may; not to be able to is no reason to fail */
	txn->options.dry_run = sys->host && geteuid() != 0;
	txn->options.state = state;
	r = taken_load_tables(txn, &failure);
	if (r == 0)
		r = history_open(txn);
	if (r == 0)
		r = history_look(txn, &failure);
	if (r < 0)
		return error_failure(err, sys, r, &failure);
	history_warn(sys, txn);
	/* a lock that is not to be had keeps nobody from reading */
	r = state < 0 ? state : ledger_read(&txn->history.ledger, true);
	if (state >= 0 && txn->history.ledger.dir < 0)
		r = txn->history.why;
	failure.file = HISTORY_FILE;
	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return error_failure(err, sys, r, &failure);
	kinds = kinds == 0 ? SUBID_BOTH_KINDS : kinds;
	r = read_into(txn, kinds, (flags & SUBID_LEDGER_RELEASED) != 0, list);
	if (r < 0)
		return error_memory(err);
	r = read_leases(sys, txn, state, kinds, (flags & SUBID_LEDGER_RELEASED) != 0,
			list, &failure);
	if (r < 0)
		return error_failure_in(err, SUBID_STATEDIR, "", r, &failure);
	if (list->n > 1)
		qsort(list->rows, list->n, sizeof(*list->rows), in_order);
	*ret = list;
	list = NULL;
	return 0;
}
