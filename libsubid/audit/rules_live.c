/* SPDX-License-Identifier: MIT */
/*
 * Rules about what runs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"

const char *audit_live_describe(struct subid_audit *audit,
				const struct subid_live_userns *ns)
{
	static const char *const held[] = {
		[SUBID_HELD_BY_PROCESS] = "process",
		[SUBID_HELD_BY_DESCRIPTOR] = "held open by process",
		[SUBID_HELD_BY_MOUNT] =
		    "without a process, held by a mount that is seen by"
		    " process",
		[SUBID_HELD_BY_CHILD] = "without a process, held by a namespace in it, of"
					" process",
	};

	return audit_text(
	    audit, "user namespace %llu (%s%s%s%s%s %d)", (unsigned long long)ns->inode,
	    ns->runtime, ns->runtime[0] != '\0' && ns->container[0] != '\0' ? " " : "",
	    ns->container, ns->runtime[0] != '\0' || ns->container[0] != '\0' ? ", " : "",
	    held[ns->held], (int)ns->holder);
}

struct subid_finding audit_at_userns(const struct subid_audit *audit,
				     const struct subid_live_userns *ns,
				     pid_t pids[PIDS_SHOWN])
{
	const struct subid_live *live = audit->in->live;
	const struct live_holder *holder = audit_live_holder(audit->live, ns->owner);
	struct subid_finding finding = { .kind = -1, .userns = ns->inode, .pids = pids };

	if (holder != NULL)
		finding.owner = holder->name;
	for (; finding.n_pids < ns->n && finding.n_pids < PIDS_SHOWN; finding.n_pids++)
		pids[finding.n_pids] = live->processes[ns->first + finding.n_pids].pid;
	return finding;
}

const char *audit_live_how_to_stop(struct subid_audit *audit,
				   const struct subid_live_userns *ns)
{
	if (ns->held == SUBID_HELD_BY_MOUNT)
		return audit_text(
		    audit,
		    "find the mount in /proc/%d/mountinfo (nsfs, user:[%llu]),"
		    " and unmount it",
		    (int)ns->holder, (unsigned long long)ns->inode);
	return audit_text(audit, "stop the container, or: kill %d", (int)ns->holder);
}

/*
 * Hands each namespace that is judged to say(), with the finding that begins there, for
 * each kind in turn.
 */
static int find_userns(struct subid_audit *audit,
		       void (*say)(struct subid_audit *audit,
				   struct subid_finding *finding,
				   const struct subid_live_userns *ns,
				   const struct live_verdict *verdict,
				   const struct live_holder *holder))
{
	const struct subid_live *live = audit->in->live;

	for (size_t i = 1; live != NULL && i < live->n; i++) {
		const struct live_verdict *verdict = &audit->live->verdicts[i];
		const struct live_holder *holder;

		if (!verdict->top)
			continue;
		holder = audit_live_holder(audit->live, live->userns[i].owner);
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
			pid_t pids[PIDS_SHOWN];
			struct subid_finding finding =
			    audit_at_userns(audit, &live->userns[i], pids);

			finding.kind = (int)kind;
			say(audit, &finding, &live->userns[i], verdict, holder);
		}
	}
	return 0;
}

/* Whose the first of these ids are by now, for a sentence. */
static const char *whose(struct subid_audit *audit, enum subid_kind kind,
			 struct id_range ids)
{
	const struct audit_table *view = &audit->tables[kind];
	char name[64];

	for (size_t i = 0; i < view->table->n; i++) {
		const struct subid_entry *entry = &view->table->entries[i];

		if (!id_range_overlaps(entry->range, ids))
			continue;
		if (audit->owners[view->owner[i]].hold)
			return audit_text(audit, "held, by line %zu of %s",
					  subid_table_line(view->table, entry),
					  subid_kind_table(kind));
		return audit_text(
		    audit, "%.*s's by line %zu of %s", (int)entry->owner_len,
		    subid_table_owner(view->table, entry),
		    subid_table_line(view->table, entry), subid_kind_table(kind));
	}
	if (subid_set_meets(&view->accounts, ids, &ids) &&
	    subid_users_name(audit->in->users, kind, ids.start, name, sizeof(name)))
		return audit_text(audit, "%s %s's own",
				  kind == SUBID_UID ? "account" : "group", name);
	return "nobody's";
}

static void say_unauthorised(struct subid_audit *audit, struct subid_finding *finding,
			     const struct subid_live_userns *ns,
			     const struct live_verdict *verdict,
			     const struct live_holder *holder)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const struct subid_set *unheld = &verdict->unheld[kind];

	(void)holder;
	if (unheld->n == 0 || verdict->stale[kind])
		return;
	finding->range = unheld->ranges[0];
	audit_report(
	    audit, finding,
	    audit_text(audit,
		       "%s; if the range was %.*s's until somebody edited the table,"
		       " give it back with subid grant --range %u:%u '%.*s'",
		       audit_live_how_to_stop(audit, ns), SPELLING(finding->owner),
		       finding->range.start, finding->range.count,
		       SPELLING(finding->owner)),
	    "%s of %.*s maps %ss %u-%llu, which %.*s does not hold; they are %s",
	    audit_live_describe(audit, ns), SPELLING(finding->owner),
	    subid_kind_name(kind), FIRST_LAST(finding->range), SPELLING(finding->owner),
	    whose(audit, kind, finding->range));
}

int audit_find_live_unauthorised(struct subid_audit *audit)
{
	return find_userns(audit, say_unauthorised);
}

static void say_stale(struct subid_audit *audit, struct subid_finding *finding,
		      const struct subid_live_userns *ns,
		      const struct live_verdict *verdict,
		      const struct live_holder *holder)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;

	(void)holder;
	if (!verdict->stale[kind])
		return;
	finding->range = verdict->unheld[kind].ranges[0];
	audit_report(
	    audit, finding,
	    audit_text(audit, "%s; for podman: podman system migrate, as %.*s",
		       audit_live_how_to_stop(audit, ns), SPELLING(finding->owner)),
	    "%s of %.*s still maps %ss %u-%llu, which were taken back from %.*s",
	    audit_live_describe(audit, ns), SPELLING(finding->owner),
	    subid_kind_name(kind), FIRST_LAST(finding->range), SPELLING(finding->owner));
}

int audit_find_live_stale(struct subid_audit *audit)
{
	return find_userns(audit, say_stale);
}

/* Does the map have host id 0, and not as the owner's own? */
static bool maps_root(struct subid_audit *audit, const struct subid_live_userns *ns,
		      enum subid_kind kind)
{
	const struct live_holder *holder = audit_live_holder(audit->live, ns->owner);

	for (size_t i = 0; i < ns->maps[kind].n; i++)
		if (ns->maps[kind].lines[i].outside.start == 0)
			return holder != NULL && holder->uid != 0 &&
			       !audit_live_is_own(audit, holder, kind, 0);
	return false;
}

/* Nested ones too, unless the one around them is told of already. */
int audit_find_live_root(struct subid_audit *audit)
{
	const struct subid_live *live = audit->in->live;

	for (size_t i = 1; live != NULL && i < live->n; i++) {
		const struct subid_live_userns *ns = &live->userns[i];

		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
			pid_t pids[PIDS_SHOWN];
			struct subid_finding finding = audit_at_userns(audit, ns, pids);

			if (!maps_root(audit, ns, kind) ||
			    (ns->parent != SUBID_LIVE_NONE && ns->parent != 0 &&
			     maps_root(audit, &live->userns[ns->parent], kind)))
				continue;
			finding.kind = (int)kind;
			finding.range = (struct id_range){ 0, 1 };
			audit_report(
			    audit, &finding, audit_live_how_to_stop(audit, ns),
			    "%s of %.*s maps %s 0: a process in there can be root on"
			    " the host",
			    audit_live_describe(audit, ns), SPELLING(finding.owner),
			    subid_kind_name(kind));
		}
	}
	return 0;
}

/* The first id of an account in these, but for root's and the holder's; count 0: none. */
static struct id_range first_of_account(struct subid_audit *audit,
					const struct live_holder *holder,
					enum subid_kind kind, const struct subid_set *ids)
{
	const struct subid_set *accounts = &audit->tables[kind].accounts;
	struct id_range common;

	for (size_t i = 0; i < ids->n; i++) {
		uint64_t from = ids->ranges[i].start, end = id_range_end(ids->ranges[i]);

		while (subid_set_meets(accounts, id_range_between(from, end), &common)) {
			struct id_range id = { common.start, 1 };

			/* id 0 is live-root's */
			if (id.start != 0 &&
			    !audit_live_is_own(audit, holder, kind, id.start))
				return id;
			from = id_range_end(id);
		}
	}
	return (struct id_range){ .count = 0 };
}

static void say_account(struct subid_audit *audit, struct subid_finding *finding,
			const struct subid_live_userns *ns,
			const struct live_verdict *verdict,
			const struct live_holder *holder)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const char *what = kind == SUBID_UID ? "account" : "group";
	char name[64] = "";

	finding->range = first_of_account(audit, holder, kind, &verdict->foreign[kind]);
	if (finding->range.count == 0)
		return;
	(void)subid_users_name(audit->in->users, kind, finding->range.start, name,
			       sizeof(name));
	audit_report(
	    audit, finding,
	    audit_text(audit,
		       "%s; and take %s %u out of the range of %.*s, if it is in a"
		       " table",
		       audit_live_how_to_stop(audit, ns), subid_kind_name(kind),
		       finding->range.start, SPELLING(finding->owner)),
	    "%s of %.*s maps %s %u, which is %s %s's own", audit_live_describe(audit, ns),
	    SPELLING(finding->owner), subid_kind_name(kind), finding->range.start, what,
	    name[0] == '\0' ? "somebody" : name);
}

int audit_find_live_account(struct subid_audit *audit)
{
	return find_userns(audit, say_account);
}

static void say_setgroups(struct subid_audit *audit, struct subid_finding *finding,
			  const struct subid_live_userns *ns,
			  const struct live_verdict *verdict,
			  const struct live_holder *holder)
{
	const struct subid_live_map *map = &ns->maps[SUBID_GID];

	(void)verdict;
	if (finding->kind != SUBID_GID || ns->setgroups != SUBID_SETGROUPS_ALLOW ||
	    holder->uid == 0 || map->n != 1 || map->lines[0].outside.count != 1 ||
	    !audit_live_is_own(audit, holder, SUBID_GID, map->lines[0].outside.start) ||
	    subid_set_contains(&holder->held[SUBID_GID], map->lines[0].outside))
		return;
	finding->range = map->lines[0].outside;
	audit_report(audit, finding,
		     audit_text(audit, "update newgidmap, then %s",
				audit_live_how_to_stop(audit, ns)),
		     "%s of %.*s maps no gid but %u, the owner's own, and setgroups is"
		     " allowed: a process can get rid of a group that files are closed to"
		     " (CVE-2018-7169)",
		     audit_live_describe(audit, ns), SPELLING(finding->owner),
		     finding->range.start);
}

int audit_find_live_setgroups(struct subid_audit *audit)
{
	return find_userns(audit, say_setgroups);
}
