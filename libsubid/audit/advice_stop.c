/* SPDX-License-Identifier: MIT */
/*
 * What must end before ids can be taken back: namespaces and processes that have them,
 * and leases.  The commands look for what runs by its namespace or its ids when they are
 * typed, not by a pid that another process may have by then; typed twice they do no harm.
 */
#include <string.h>

#include "libsubid/audit/private.h"

/* Nobody types more commands, and no line has more namespaces. */
#define STOPS_MAX 8

/* Is a namespace the other one, or somewhere within it? */
static bool is_within(const struct subid_live *live, size_t i, size_t outer)
{
	/* the kernel nests 32 at most */
	for (unsigned int depth = 0; i < live->n && depth <= 32; depth++) {
		if (i == outer)
			return true;
		i = live->userns[i].parent;
	}
	return false;
}

/* "\\$2 == 4026532177 || \\$2 == 4026532180"; NULL: not all of them can be named. */
static const char *name_spaces(struct audit *audit, size_t outer)
{
	const struct subid_live *live = audit->in->live;
	const char *text = "";
	size_t n = 0;

	for (size_t i = outer; i < live->n; i++) {
		const struct subid_live_userns *ns = &live->userns[i];

		if (!is_within(live, i, outer) || (ns->n == 0 && i != outer))
			continue;
		if ((ns->inode & SUBID_LIVE_GUESSED) != 0 || n++ == STOPS_MAX)
			return NULL;
		text = audit_join(
		    audit, text, " || ",
		    audit_text(audit, "\\$2 == %llu", (unsigned long long)ns->inode));
	}
	return text;
}

/*
 * Kills until nothing is left, as what is killed takes a moment to be gone, and what is
 * not may have made another; the youngest first: with the first process of a container
 * its others are gone.  which: of awk(1), about the second column, within two kinds of
 * quotes.
 */
static void advise_kill(struct audit *audit, struct audit_finding *finding,
			const char *column, const char *which)
{
	audit_advise_run(audit, finding,
			 "timeout 20 sh -c 'while p=$(ps --sort=-pid -eo"
			 " pid=,%s=,stat= | awk \"(%s) && \\$3 !~ /Z/ { print \\$1 }\");"
			 " [ -n \"$p\" ]; do kill -KILL $p; sleep 0.2; done'",
			 column, which);
}

const char *audit_advise_stop(struct audit *audit, struct audit_finding *finding,
			      const struct subid_live_userns *ns)
{
	const char *spaces = name_spaces(audit, (size_t)(ns - audit->in->live->userns));

	if (ns->held == SUBID_HELD_BY_MOUNT && spaces != NULL) {
		audit_advise_run(audit, finding,
				 "awk '$4 == \"user:[%llu]\" { print $5 }'"
				 " /proc/self/mountinfo | xargs -r umount",
				 (unsigned long long)ns->inode);
		return audit_text(audit,
				  "unmount what keeps the namespace; if no process but %d"
				  " and others of its mount namespace see the mount, end"
				  " these",
				  (int)ns->holder);
	}
	if (ns->held == SUBID_HELD_BY_DESCRIPTOR) {
		/* who has ended has a root no more, and before that its descriptors */
		audit_advise_run(audit, finding,
				 "timeout 20 sh -c 'kill %d; while [ -e /proc/%d/root ];"
				 " do sleep 0.2; done'",
				 (int)ns->holder, (int)ns->holder);
		return audit_text(audit, "end process %d, which keeps the namespace open",
				  (int)ns->holder);
	}
	if (spaces == NULL)
		return "stop the container";
	advise_kill(audit, finding, "userns", spaces);
	return ns->runtime[0] == '\0'
		   ? "stop what runs in the namespace"
		   : audit_text(audit,
				"stop the container, by %s or by the command that kills"
				" what runs in it",
				ns->runtime);
}

void audit_advise_end(struct audit *audit, struct audit_finding *finding,
		      enum subid_kind kind, struct id_range ids)
{
	advise_kill(audit, finding, kind == SUBID_UID ? "euid" : "egid",
		    ids.count == 1 ? audit_text(audit, "\\$2 == %u", ids.start)
				   : audit_text(audit, "\\$2 >= %u && \\$2 <= %llu",
						FIRST_LAST(ids)));
}

/* Does a process that is in no namespace of its own run with one of the ids? */
static bool runs_with(const struct subid_live *live, enum subid_kind kind,
		      struct id_range ids)
{
	for (size_t i = 0; live != NULL && live->n > 0 && i < live->userns[0].n; i++) {
		const struct subid_live_process *process =
		    &live->processes[live->userns[0].first + i];
		struct id_range id = { kind == SUBID_UID ? process->uid : process->gid,
				       1 };

		if (id.start != SUBID_ID_NONE && id_range_overlaps(id, ids))
			return true;
	}
	return false;
}

/* Who runs with the id of an account, or as root, is nobody to be stopped. */
static bool has_accounts(const struct audit *audit, enum subid_kind kind,
			 struct id_range ids)
{
	return ids.start == 0 ||
	       subid_set_meets(&audit->tables[kind].accounts, ids, NULL);
}

bool audit_needs_force(const struct audit *audit, int kinds, struct id_range ids)
{
	bool needs = false;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		needs |=
		    (kinds < 0 || kinds == (int)kind) && has_accounts(audit, kind, ids) &&
		    (audit->in->live == NULL ? audit->in->root == NULL
					     : runs_with(audit->in->live, kind, ids));
	return needs;
}

static size_t stop_running(struct audit *audit, struct audit_finding *finding, int kinds,
			   struct id_range ids)
{
	const struct subid_live *live = audit->in->live;
	size_t n = 0;

	for (size_t i = 1; live != NULL && i < live->n && n < STOPS_MAX; i++) {
		const struct live_verdict *verdict = &audit->live->verdicts[i];
		bool meets = false;

		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
			meets |= (kinds < 0 || kinds == (int)kind) &&
				 subid_set_meets(&verdict->foreign.of[kind], ids, NULL);
		if (!verdict->top || !meets)
			continue;
		(void)audit_advise_stop(audit, finding, &live->userns[i]);
		n++;
	}
	for (enum subid_kind kind = 0; live != NULL && kind < SUBID_KINDS; kind++)
		if ((kinds < 0 || kinds == (int)kind) && runs_with(live, kind, ids) &&
		    !has_accounts(audit, kind, ids)) {
			audit_advise_end(audit, finding, kind, ids);
			n++;
		}
	return n;
}

/* Takes a lease back, or grants one with its name and size. */
static void advise_lease(struct audit *audit, struct audit_finding *finding,
			 const struct lease_row *row, enum audit_fix_verb verb,
			 bool reuse)
{
	const char *owner = audit_lease_owner(audit->leases, row)->name;
	uint32_t count = verb == AUDIT_FIX_GRANT ? row->lease->range.count : 0;

	audit_advise(audit, finding,
		     (struct audit_fix){ .verb = verb,
					 .kind = -1,
					 .owner = { owner, strlen(owner) },
					 .container = row->lease->name,
					 .count = count,
					 .reuse = reuse });
}

/* The leases of root's store that have one of the ids. */
static size_t take_leases(struct audit *audit, struct audit_finding *finding, int kinds,
			  struct id_range ids)
{
	const struct lease_view *view = audit->leases;
	size_t n = 0;

	for (size_t i = 0; view != NULL && i < view->n && n < STOPS_MAX; i++) {
		const struct lease_owner *owner = audit_lease_owner(view, &view->rows[i]);
		const struct subid_lease *lease = view->rows[i].lease;

		if (owner->store->user != NULL ||
		    (kinds >= 0 && kinds != (int)lease->kind) ||
		    !id_range_overlaps(lease->range, ids))
			continue;
		advise_lease(audit, finding, &view->rows[i], AUDIT_FIX_REVOKE, false);
		n++;
	}
	return n;
}

bool audit_advise_free(struct audit *audit, struct audit_finding *finding, int kinds,
		       struct id_range ids)
{
	size_t n = stop_running(audit, finding, kinds, ids);

	n += take_leases(audit, finding, kinds, ids);
	return n > 0;
}

/* Does a line of another account have all of the ids?  What runs, and leases, may be that
 * one's. */
static bool is_shared(const struct audit *audit, enum subid_kind kind, size_t owner,
		      struct id_range ids)
{
	const struct audit_table *view = &audit->tables[kind];

	for (size_t i = 0; !view->disjoint && i < view->table->n; i++)
		if (audit->owners[view->owner[i]].same != audit->owners[owner].same &&
		    id_range_contains(view->table->entries[i].range, ids))
			return true;
	return false;
}

bool audit_advise_revoke(struct audit *audit, struct audit_finding *finding, int kinds,
			 size_t owner)
{
	size_t before = finding->n_fixes;
	bool force = false, any;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];

		for (size_t i = view->begin[owner];
		     (kinds < 0 || kinds == (int)kind) && i < view->begin[owner + 1] &&
		     finding->n_fixes - before < STOPS_MAX;
		     i++) {
			struct id_range ids = view->table->entries[view->order[i]].range;

			if (audit_advise_free(audit, finding, (int)kind, ids) &&
			    is_shared(audit, kind, owner, ids)) {
				finding->n_fixes = before;
				return true;
			}
			force |= audit_needs_force(audit, (int)kind, ids);
		}
	}
	any = force || finding->n_fixes > before;
	audit_add_fix(audit, finding,
		      (struct audit_fix){ .verb = AUDIT_FIX_REVOKE,
					  .kind = kinds,
					  .owner = audit_owner_text(audit, owner),
					  .force = force });
	finding->fixes_need_more |= any;
	return any;
}

/* Has the owner as many ids of both kinds in one piece, beside all other leases? */
static bool has_lease_room(const struct audit *audit, const struct lease_row *row)
{
	const struct lease_view *view = audit->leases;
	const struct lease_owner *owner = audit_lease_owner(view, row);
	bool has = owner->uid != SUBID_ID_NONE;

	for (enum subid_kind kind = 0; has && kind < SUBID_KINDS; kind++) {
		auto_set struct subid_set taken = { .n = 0 }, room = { .n = 0 };
		int r = 0;

		for (size_t i = 0; r == 0 && i < view->n; i++)
			if (&view->rows[i] != row && view->rows[i].lease->kind == kind)
				r = subid_set_add(&taken, view->rows[i].lease->range);
		subid_set_sort(&taken);
		if (r == 0)
			r = subid_set_subtract(&owner->held.of[kind], &taken, &room);
		has = false;
		for (size_t i = 0; r == 0 && i < room.n; i++)
			has |= room.ranges[i].count >= row->lease->range.count;
	}
	return has;
}

const char *audit_advise_another_lease(struct audit *audit, struct audit_finding *finding,
				       const struct lease_row *row, bool reuse)
{
	const char *name = row->lease->name;

	advise_lease(audit, finding, row, AUDIT_FIX_REVOKE, reuse);
	if (!has_lease_room(audit, row))
		return audit_text(audit,
				  "stop container %s, then take its lease back: %s has no"
				  " room for another one",
				  name, audit_lease_owner(audit->leases, row)->name);
	advise_lease(audit, finding, row, AUDIT_FIX_GRANT, false);
	return audit_text(audit,
			  "stop container %s, then another lease takes the place of this"
			  " one; 'subid config' prints its map, and 'subid shift' moves"
			  " the container's files",
			  name);
}
