/* SPDX-License-Identifier: MIT */
/*
 * Who is in the way: who has ids that somebody asks for, and what uses ids that are to be
 * taken away or given back: processes, user namespaces, and helpers that are about to map
 * them.  Slow, and only for saying no.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"

/* --- who has ids ---------------------------------------------------------------------
 */

static int explain_live(const struct subid_txn *txn, enum subid_kind kind,
			struct id_range ids, struct subid_conflict *ret)
{
	struct subid_use use;
	int r = subid_live_mapper(txn->options.proc, &txn->snapshot, kind, ids, &use);

	ret->what = SUBID_CONFLICT_LIVE;
	if (r < 0)
		return r;
	if (r == 0) {
		ret->pid = use.pid;
		(void)strcpy(ret->who, use.program);
	}
	return 0;
}

/* For whom the ids are set aside, if they are. */
static bool explain_aside(const struct subid_txn *txn, enum subid_kind kind,
			  struct id_range range, bool custom, struct subid_conflict *ret)
{
	const struct subid_reservation *aside =
	    subid_reservations_meet(&txn->reservations[kind], range, custom);

	if (aside == NULL)
		return false;
	ret->what = custom		  ? SUBID_CONFLICT_CUSTOM
		    : aside->site == NULL ? SUBID_CONFLICT_RESERVED
					  : SUBID_CONFLICT_CONF;
	ret->ids = id_range_common(aside->range, range);
	if (aside->site != NULL) {
		ret->file = aside->site->file;
		ret->line = aside->site->line;
	}
	printable_copy(ret->who, sizeof(ret->who), aside->by, strlen(aside->by));
	return true;
}

/* Whose the ids were last, as the ledger says; where it was read. */
static bool explain_left(const struct subid_txn *txn, enum subid_kind kind,
			 struct id_range range, struct subid_conflict *ret)
{
	const struct ledger_list *ledger = history_known(txn, kind);

	if (!subid_set_meets(&txn->rests.of[kind], range, &ret->ids))
		return false;
	ret->what = SUBID_CONFLICT_LEFT;
	for (size_t i = ledger_find(ledger, ret->ids.start);
	     i < ledger->n && id_range_overlaps(ledger->entries[i].range, range); i++) {
		const struct ledger_entry *entry = &ledger->entries[i];

		if (entry->state != LEDGER_LEFT)
			continue;
		ret->ids = id_range_common(entry->range, range);
		printable_copy(ret->who, sizeof(ret->who), entry->owner.text,
			       entry->owner.len);
		break;
	}
	return true;
}

/* The first of the ids that some reader takes from a line, which has some. */
static struct id_range first_common(const char *line, size_t len, struct id_range ids)
{
	struct id_range readings[SUBID_READINGS_MAX], first = { .count = 0 };
	size_t n = subid_line_readings(line, len, readings);

	for (size_t i = 0; i < n; i++) {
		struct id_range common = id_range_common(readings[i], ids);

		if (common.count > 0 && (first.count == 0 || common.start < first.start))
			first = common;
	}
	return first;
}

int subid_txn_explain(const struct subid_txn *txn, enum subid_kind kind,
		      struct id_range range, struct subid_conflict *ret)
{
	struct subid_conflict conflict = { .what = SUBID_CONFLICT_NEW };
	const char *line;
	size_t len;
	int r = 0;

	if (!subid_set_meets(&txn->taken.of[kind], range, &conflict.ids)) {
		if (!explain_aside(txn, kind, range, true, &conflict) &&
		    !explain_left(txn, kind, range, &conflict))
			return SUBID_ABSENT;
		*ret = conflict;
		return 0;
	}
	conflict.line =
	    subid_table_who_has(&txn->tables[kind], conflict.ids, &line, &len);
	if (conflict.line > 0) {
		conflict.what = SUBID_CONFLICT_LINE;
		conflict.ids = first_common(line, len, conflict.ids);
		printable_copy(conflict.who, sizeof(conflict.who), line, len);
	} else if (subid_set_meets(&txn->absent.of[kind], range, &conflict.ids)) {
		conflict.what = SUBID_CONFLICT_ABSENT;
	} else if (subid_set_meets(&txn->accounts.of[kind], range, &conflict.ids)) {
		conflict.what = SUBID_CONFLICT_ACCOUNT;
		known_name(txn, kind, conflict.ids.start, conflict.who,
			   sizeof(conflict.who));
	} else if (subid_set_meets(&txn->live.of[kind], range, &conflict.ids)) {
		r = explain_live(txn, kind, conflict.ids, &conflict);
	} else if (subid_set_meets(&txn->before.of[kind], range, &conflict.ids)) {
		conflict.what = SUBID_CONFLICT_BEFORE;
		conflict.pid = txn->unseen.first.pid;
		printable_copy(conflict.who, sizeof(conflict.who),
			       txn->unseen.first.program,
			       strlen(txn->unseen.first.program));
	} else if (subid_set_meets(&txn->leased.ids.of[kind], range, &conflict.ids)) {
		conflict.what = SUBID_CONFLICT_AVOIDED;
		(void)strcpy(conflict.who, "a container");
	} else {
		(void)explain_aside(txn, kind, range, false, &conflict); /* or new */
	}
	if (r == 0)
		*ret = conflict;
	return r;
}

static int explain_account(const char *what, enum subid_kind kind,
			   const struct subid_conflict *conflict, struct subid_error *err)
{
	if (conflict->who[0] == '\0')
		return error_plain(
		    err, SUBID_TAKEN,
		    "%s: %s %u: is the own id of an account or of a running"
		    " process",
		    what, subid_kind_name(kind), conflict->ids.start);
	return error_plain(err, SUBID_TAKEN, "%s: %s %u: is %s %s's own", what,
			   subid_kind_name(kind), conflict->ids.start,
			   kind == SUBID_UID ? "account" : "group", conflict->who);
}

/* What a line had that is gone. */
static int explain_before(const struct subid_txn *txn, const char *what,
			  enum subid_kind kind, const struct subid_conflict *conflict,
			  struct subid_error *err)
{
	unsigned long long last = id_range_end(conflict->ids) - 1;

	if (conflict->pid == 0)
		return error_plain(err, SUBID_TAKEN,
				   "%s: %s %u-%llu: another program has just taken them"
				   " from somebody: try again",
				   what, subid_kind_name(kind), conflict->ids.start,
				   last);
	return error_plain(err, SUBID_TAKEN,
			   "%s: %s %u-%llu: taken from somebody by the last change of"
			   " %s/%s, and process %d (%s) keeps a user namespace out of"
			   " sight, which may have them: end it first",
			   what, subid_kind_name(kind), conflict->ids.start, last,
			   txn->sys->etc_name, subid_kind_table(kind), (int)conflict->pid,
			   conflict->who);
}

/* Held by a line of nobody's: whose they were, and how they come back. */
static int explain_held(const struct subid_txn *txn, const char *what,
			enum subid_kind kind, const struct subid_conflict *conflict,
			struct subid_error *err)
{
	static const char released[] = SUBID_OWNER_RELEASED ":";
	bool rests = strncmp(conflict->who, released, strlen(released)) == 0;
	struct rests_text text = { .had = "reserved, by 'subid hold'" };

	if (rests)
		rests_print(txn, kind, conflict->ids, &text);
	return error_plain(err, SUBID_TAKEN,
			   "%s: %s %u-%llu: taken by %s/%s:%zu: %s: %s: %s'subid unhold"
			   " %u:%u' frees them",
			   what, subid_kind_name(kind), conflict->ids.start,
			   (unsigned long long)id_range_end(conflict->ids) - 1,
			   txn->sys->etc_name, subid_kind_table(kind), conflict->line,
			   conflict->who, text.had, text.restore, conflict->ids.start,
			   conflict->ids.count);
}

static int explain_line(const struct subid_txn *txn, const char *what,
			enum subid_kind kind, const struct subid_conflict *conflict,
			struct subid_error *err)
{
	if (subid_owner_is_hold(conflict->who, strcspn(conflict->who, ":")))
		return explain_held(txn, what, kind, conflict, err);
	return error_plain(err, SUBID_TAKEN, "%s: %s %u-%llu: taken by %s/%s:%zu: %s",
			   what, subid_kind_name(kind), conflict->ids.start,
			   (unsigned long long)id_range_end(conflict->ids) - 1,
			   txn->sys->etc_name, subid_kind_table(kind), conflict->line,
			   conflict->who);
}

/* Others have left them, as the ledger says. */
static int explain_rest(const struct subid_txn *txn, const char *what,
			enum subid_kind kind, const struct subid_conflict *conflict,
			struct subid_error *err)
{
	struct rests_text text;

	rests_print(txn, kind, conflict->ids, &text);
	return error_plain(err, SUBID_TAKEN,
			   "%s: %s %u-%llu: %s, and may have files with them still:"
			   " choose others, or use --reuse-left ('subid list --released'"
			   " shows them)",
			   what, subid_kind_name(kind), conflict->ids.start,
			   (unsigned long long)id_range_end(conflict->ids) - 1, text.had);
}

int taken_explain(const struct subid_txn *txn, const char *what,
		  struct subid_change change, struct subid_error *err)
{
	const char *id = subid_kind_name(change.kind), *etc = txn->sys->etc_name;
	struct subid_conflict conflict;
	char file[ERROR_FILE_SIZE];
	unsigned long long first, last;
	int r = subid_txn_explain(txn, change.kind, change.range, &conflict);

	if (r < 0)
		return error_errno(err, what, r);
	first = r == 0 ? conflict.ids.start : change.range.start;
	last = (r == 0 ? id_range_end(conflict.ids) : id_range_end(change.range)) - 1;
	switch (r == 0 ? conflict.what : SUBID_CONFLICT_NEW) {
	case SUBID_CONFLICT_LINE:
		return explain_line(txn, what, change.kind, &conflict, err);
	case SUBID_CONFLICT_ACCOUNT:
		return explain_account(what, change.kind, &conflict, err);
	case SUBID_CONFLICT_LIVE:
		return error_plain(err, SUBID_TAKEN,
				   "%s: %s %llu-%llu: mapped by a live user namespace"
				   " (process %d, %s): stop it first",
				   what, id, first, last, (int)conflict.pid,
				   conflict.who);
	case SUBID_CONFLICT_RESERVED:
		return error_plain(err, SUBID_TAKEN,
				   "%s: %s %llu-%llu: set aside for %s, and never given:"
				   " choose others",
				   what, id, first, last, conflict.who);
	case SUBID_CONFLICT_CONF:
		error_conf_file(etc, conflict.file, file, sizeof(file));
		return error_plain(err, SUBID_TAKEN,
				   "%s: %s %llu-%llu: reserved by %s:%zu%s%s", what, id,
				   first, last, file, conflict.line,
				   conflict.who[0] == '\0' ? "" : ": ", conflict.who);
	case SUBID_CONFLICT_CUSTOM:
		return error_plain(
		    err, SUBID_TAKEN,
		    "%s: %s %llu-%llu: set aside for %s: choose others, or,"
		    " if nothing here uses them so, widen the window in"
		    " %s/login.defs, or allow conventional-ids in"
		    " %s/" SUBID_CONF_FILE,
		    what, id, first, last, conflict.who, etc, etc);
	case SUBID_CONFLICT_AVOIDED:
		return error_plain(err, SUBID_TAKEN,
				   "%s: %s %llu-%llu: a container has them, or they rest"
				   " since it was taken away (" SUBID_STATEDIR
				   ", or what LXC, LXD, podman or nspawn has written"
				   " down)",
				   what, id, first, last);
	case SUBID_CONFLICT_BEFORE:
		return explain_before(txn, what, change.kind, &conflict, err);
	case SUBID_CONFLICT_ABSENT:
		return error_plain(err, SUBID_TAKEN,
				   "%s: %s %llu-%llu: not in the user namespace that this"
				   " runs in (/proc/self/%s_map): choose others",
				   what, id, first, last, id);
	case SUBID_CONFLICT_LEFT:
		return explain_rest(txn, what, change.kind, &conflict, err);
	case SUBID_CONFLICT_NEW:
		break;
	}
	return error_plain(err, SUBID_TAKEN,
			   "%s: %s %llu-%llu: given just now, by this command", what, id,
			   first, last);
}

/* --- who has ids of an owner's range -------------------------------------------------
 */

#define EXPLAINED_MAX 5

/* Until enough have been named; named: whose have been. */
struct explanation {
	struct subid_error *err;
	const char *what;
	enum subid_kind kind;
	struct id_range range;
	struct subid_set named;
	size_t n;
};

static bool is_news(const struct explanation *explanation, enum subid_kind kind,
		    struct id_range range)
{
	return explanation->n < EXPLAINED_MAX && kind == explanation->kind &&
	       id_range_overlaps(range, explanation->range) &&
	       !subid_set_contains(&explanation->named, range);
}

__attribute__((format(printf, 3, 4))) static void
name_holder(struct explanation *explanation, struct id_range range, const char *format,
	    ...)
{
	char who[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(who, sizeof(who), format, args);
	va_end(args);
	error_detail(explanation->err, "%s: %s %u-%llu: %s", explanation->what,
		     subid_kind_name(explanation->kind), range.start,
		     (unsigned long long)id_range_end(range) - 1, who);
	explanation->n++;
	/* without memory it is named again */
	(void)!subid_set_insert(&explanation->named, range);
}

static void name_live(struct explanation *explanation, const struct subid_txn *txn)
{
	auto_free struct subid_use *uses = NULL;
	auto_set struct subid_set all = { .ranges = NULL }, left = { .ranges = NULL };
	auto_live struct subid_live live = { .n = 0 };
	struct subid_sets wanted = { .of = { { .n = 0 } } };
	size_t n = 0, unread;

	if (!txn->sys->host || subid_set_insert(&all, explanation->range) < 0 ||
	    subid_set_subtract(&all, &explanation->named, &left) < 0)
		return;
	wanted.of[explanation->kind] = left;
	if (subid_live_read(txn->sys->proc, SUBID_LIVE_BOUNDED, &live) < 0 ||
	    subid_uses_find(txn->sys->proc, &live,
			    lease_owner_session(txn->leasing->owner), &wanted, &uses, &n,
			    &unread) < 0)
		return;
	for (size_t i = 0; i < n && explanation->n < EXPLAINED_MAX; i++)
		name_holder(explanation, uses[i].ids, "in use by process %d (%s)",
			    (int)uses[i].pid, uses[i].program);
}

size_t lease_owner_explain(const struct subid_txn *txn, const char *what,
			   enum subid_kind kind, struct id_range range,
			   struct subid_error *err)
{
	const struct lease_owner *owner = txn->leasing->owner;
	struct explanation explanation = {
		.err = err,
		.what = what,
		.kind = kind,
		.range = range,
	};

	for (size_t i = 0; i < owner->leases.n; i++) {
		const struct subid_lease *lease = &owner->leases.list[i];

		if (is_news(&explanation, lease->kind, lease->range))
			name_holder(&explanation, lease->range, "leased to %s/%s",
				    lease->owner, lease->name);
	}
	for (size_t i = 0; i < owner->runtimes.n; i++) {
		const struct subid_runtime_range *one = &owner->runtimes.list[i];

		if (is_news(&explanation, one->kind, one->range))
			name_holder(&explanation, one->range,
				    "%s has them for container '%s'", one->runtime,
				    one->name);
	}
	name_live(&explanation, txn);
	subid_set_free(&explanation.named);
	return explanation.n;
}

/* --- what uses ids -------------------------------------------------------------------
 */

#define USES_SHOWN 10
#define UNCHANGED  "nothing was changed: stop these first, or use --force"

static void explain_use(struct subid_error *err, const char *name,
			const struct subid_use *use)
{
	const char *id = subid_kind_name(use->kind);
	unsigned long long last = id_range_end(use->ids) - 1;

	error_process(err, use->pid, use->program);
	if (use->about_to_write)
		error_detail(err,
			     "%s: in use: process %d (%s) is about to map %s %u-%llu",
			     name, (int)use->pid, use->program, id, use->ids.start, last);
	else if (use->userns != 0)
		error_detail(
		    err,
		    "%s: in use: user namespace %llu (%sprocess %d, %s) maps %s %u-%llu",
		    name, (unsigned long long)use->userns,
		    use->hidden ? "kept alive by a descriptor or mount of " : "",
		    (int)use->pid, use->program, id, use->ids.start, last);
	else
		error_detail(err, "%s: in use: process %d (%s) runs with %s %u", name,
			     (int)use->pid, use->program, id, use->ids.start);
	if (use->reaper != 0)
		error_detail(err,
			     "%s: process %d has ended, but its parent, process %d, has"
			     " not waited for it: end that",
			     name, (int)use->pid, (int)use->reaper);
}

/* what: to be done. */
static int explain_uses(struct subid_error *err, const char *name,
			const struct subid_use *uses, size_t n, const char *what)
{
	for (size_t i = 0; i < n && i < USES_SHOWN; i++)
		explain_use(err, name, &uses[i]);
	if (n > USES_SHOWN)
		error_detail(err, "%s: and %zu more", name, n - USES_SHOWN);
	return n == 0 ? 0 : error_plain(err, SUBID_IN_USE, "%s: %s", name, what);
}

int uses_unseen(struct subid_error *err, const char *name, int r)
{
	return error_plain(err, r, "%s: cannot see whether the ids are in use: %s", name,
			   strerror(-r));
}

/* What follows who uses the ids. */
static const char *end_of(const struct uses_look *look)
{
	if (look->forced)
		return "--force: done all the same";
	return look->done ? USES_HELD : UNCHANGED;
}

int uses_overridden(const struct subid *sys, int r, const struct subid_error *why)
{
	if (r != 0 && r != -ENOMEM)
		system_warn_error(sys, SUBID_NOTE_WARNING, why);
	return r == -ENOMEM ? r : 0;
}

/* Of what could not be looked into. */
int uses_seen(const struct uses_look *look, const struct subid_unreadable *unseen,
	      struct subid_error *err)
{
	struct subid_error warning = { .size = sizeof(warning) };

	if (unseen->n > 0)
		return error_unseen(err, -EACCES, look->name, unseen);
	if (unseen->n_hidden > 0 && look->reuse)
		return error_hidden(
		    err, -EACCES, look->name, unseen,
		    look->forced ? end_of(look)
		    : look->done ? USES_HELD
		    : look->always
			? "nothing was changed: end the process, or use --force"
			: "nothing was changed: end the process, or do without"
			  " --reuse, or use --force");
	if (unseen->n_hidden > 0) {
		(void)error_hidden(&warning, -EACCES, NULL, unseen,
				   "end the process before 'subid unhold'");
		system_warn_error(look->sys, SUBID_NOTE_REMARK, &warning);
	}
	return 0;
}

struct uses_look uses_look_of(struct subid_txn *txn, const char *name, uint32_t session,
			      bool reuse)
{
	return (struct uses_look){
		.txn = txn,
		.sys = txn->sys,
		.name = name,
		.session = session,
		.heir = SUBID_ID_NONE,
		.reuse = reuse,
	};
}

/* The ids of changes; to be freed also after a failure. */
int uses_sets(const struct subid_changes *changes, struct subid_sets *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < changes->n; i++)
		r = subid_set_add(&ret->of[changes->list[i].kind],
				  changes->list[i].range);
	subid_sets_sort(ret);
	return r;
}

int uses_pending(const struct uses_look *look, const struct subid_sets *wanted,
		 struct subid_error *err)
{
	auto_free struct subid_use *uses = NULL;
	size_t n = 0;
	int r;

	/* a user frees ids of nobody else's */
	if (geteuid() != 0)
		return 0;
	r = subid_uses_about_to_write(look->sys->proc, wanted, &uses, &n);
	return r < 0 ? uses_unseen(err, look->name, r)
		     : explain_uses(err, look->name, uses, n, end_of(look));
}

int uses_find(const struct uses_look *look, const struct subid_live *live,
	      const struct subid_sets *wanted, struct subid_use **ret, size_t *ret_n)
{
	size_t unread = 0;
	int r = subid_uses_find(look->sys->proc, live, look->session, wanted, ret, ret_n,
				&unread);

	return r == 0 && unread > 0 ? -EACCES : r;
}

/* What maps the ids, or runs with one, by the snapshot. */
int uses_live(const struct uses_look *look, const struct subid_live *live,
	      const struct subid_sets *wanted, struct subid_error *err)
{
	auto_free struct subid_use *uses = NULL;
	size_t n = 0;
	int r = uses_find(look, live, wanted, &uses, &n);

	return r < 0 ? uses_unseen(err, look->name, r)
		     : explain_uses(err, look->name, uses, n, end_of(look));
}

int uses_check(const struct uses_look *look, const struct subid_changes *changes,
	       struct subid_error *err)
{
	auto_sets struct subid_sets wanted = { .of = { { .n = 0 } } };
	auto_live struct subid_live live = { .n = 0 };
	struct subid_unreadable unseen = { .n = 0 };
	int r;

	if (!look->sys->host)
		return 0;
	r = uses_sets(changes, &wanted);
	if (r < 0)
		return uses_unseen(err, look->name, r);
	/* first what is about to be mapped: it may be by the time that maps are read */
	r = uses_pending(look, &wanted, err);
	if (r != 0)
		return r;
	r = subid_live_read(look->sys->proc, SUBID_LIVE_BOUNDED, &live);
	if (r < 0)
		return uses_unseen(err, look->name, r);
	r = uses_live(look, &live, &wanted, err);
	if (r != 0)
		return r;
	subid_live_unreadable(look->sys->proc, &live, &unseen);
	if (look->reuse)
		r = hiders_of(look, &live, &wanted, &unseen);
	return r < 0 ? uses_unseen(err, look->name, r) : uses_seen(look, &unseen, err);
}
