/* SPDX-License-Identifier: MIT */
/*
 * Who stands in the way of a range.  Slow, and only for saying no.
 */
#include <stdlib.h>
#include <string.h>

#include "libsubid/change/private.h"

/* Text from a file that ends on somebody's terminal. */
static void copy_printable(const char *text, size_t len, char *buf, size_t size)
{
	if (len >= size)
		len = size - 1;
	for (size_t i = 0; i < len; i++)
		buf[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
	buf[len] = '\0';
}

static int explain_live(const struct subid_txn *txn, enum subid_kind kind,
			struct id_range ids, struct subid_obstacle *ret)
{
	struct subid_sets wanted = { .of = { { .n = 0 } } };
	auto_live struct subid_live live = { .n = 0 };
	int r, proc = txn->options.proc;
	struct subid_use *uses;
	size_t n, unread;

	wanted.of[kind] = (struct subid_set){ .ranges = &ids, .n = 1 };
	ret->what = SUBID_OBSTACLE_LIVE;
	r = subid_live_read(proc, SUBID_LIVE_THOROUGH, &live);
	if (r == 0)
		r = subid_uses_find(proc, &live, SUBID_ID_NONE, &wanted, &uses, &n,
				    &unread);
	if (r < 0)
		return r;
	if (n > 0) {
		ret->pid = uses[0].pid;
		copy_printable(uses[0].program, strlen(uses[0].program), ret->who,
			       sizeof(ret->who));
	}
	free(uses);
	return 0;
}

/* For whom the ids are set aside, if they are. */
static bool explain_aside(const struct subid_txn *txn, enum subid_kind kind,
			  struct id_range range, bool custom, struct subid_obstacle *ret)
{
	const struct subid_reservation *aside =
	    subid_reservations_meet(&txn->reservations[kind], range, custom);

	if (aside == NULL)
		return false;
	ret->what = custom		  ? SUBID_OBSTACLE_CUSTOM
		    : aside->site == NULL ? SUBID_OBSTACLE_RESERVED
					  : SUBID_OBSTACLE_CONF;
	ret->ids = id_range_common(aside->range, range);
	if (aside->site != NULL) {
		ret->file = aside->site->file;
		ret->line = aside->site->line;
	}
	copy_printable(aside->by, strlen(aside->by), ret->who, sizeof(ret->who));
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
		      struct id_range range, struct subid_obstacle *ret)
{
	struct subid_obstacle obstacle = { .what = SUBID_OBSTACLE_NEW };
	const char *line;
	size_t len;
	int r = 0;

	if (!subid_set_meets(&txn->taken.of[kind], range, &obstacle.ids)) {
		if (!explain_aside(txn, kind, range, true, &obstacle))
			return SUBID_ABSENT;
		*ret = obstacle;
		return 0;
	}
	obstacle.line =
	    subid_table_who_has(&txn->tables[kind], obstacle.ids, &line, &len);
	if (obstacle.line > 0) {
		obstacle.what = SUBID_OBSTACLE_LINE;
		obstacle.ids = first_common(line, len, obstacle.ids);
		copy_printable(line, len, obstacle.who, sizeof(obstacle.who));
	} else if (subid_set_meets(&txn->accounts.of[kind], range, &obstacle.ids)) {
		obstacle.what = SUBID_OBSTACLE_ACCOUNT;
		(void)subid_users_name(txn->users, kind, obstacle.ids.start, obstacle.who,
				       sizeof(obstacle.who));
	} else if (subid_set_meets(&txn->live.of[kind], range, &obstacle.ids)) {
		r = explain_live(txn, kind, obstacle.ids, &obstacle);
	} else if (subid_set_meets(&txn->before.of[kind], range, &obstacle.ids)) {
		obstacle.what = SUBID_OBSTACLE_BEFORE;
		obstacle.pid = txn->unseen.first.pid;
		copy_printable(txn->unseen.first.program,
			       strlen(txn->unseen.first.program), obstacle.who,
			       sizeof(obstacle.who));
	} else if (subid_set_meets(&txn->leased.ids.of[kind], range, &obstacle.ids)) {
		obstacle.what = SUBID_OBSTACLE_AVOIDED;
		(void)strcpy(obstacle.who, "a container");
	} else {
		(void)explain_aside(txn, kind, range, false, &obstacle); /* or new */
	}
	if (r == 0)
		*ret = obstacle;
	return r;
}

uint64_t subid_txn_free_ids(const struct subid_txn *txn, enum subid_kind kind,
			    struct id_range window)
{
	uint64_t taken = 0;

	for (size_t i = 0; i < txn->taken.of[kind].n; i++)
		taken += id_range_common(txn->taken.of[kind].ranges[i], window).count;
	return window.count - taken;
}

uint64_t subid_txn_largest_gap(const struct subid_txn *txn, enum subid_kind kind,
			       struct id_range window)
{
	uint64_t from = window.start;
	uint32_t largest = 0;

	for (size_t i = 0; i < txn->taken.of[kind].n; i++) {
		struct id_range taken =
		    id_range_common(txn->taken.of[kind].ranges[i], window);

		if (taken.count == 0)
			continue;
		if (id_range_between(from, taken.start).count > largest)
			largest = id_range_between(from, taken.start).count;
		from = id_range_end(taken);
	}
	if (id_range_between(from, id_range_end(window)).count > largest)
		largest = id_range_between(from, id_range_end(window)).count;
	return largest;
}
