/* SPDX-License-Identifier: MIT */
/*
 * Rules about what runs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_live.h"

#define PIDS_SHOWN 8

/* "user namespace 4026532177 (lxc c1, process 312)", for a sentence. */
static const char *describe(struct subid_audit *audit, const struct subid_live_userns *ns)
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

/* The finding that a rule about a namespace begins with; pids has room for PIDS_SHOWN. */
static struct subid_finding at_userns(const struct subid_audit *audit,
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

/* "kill 312" or how else to end it. */
static const char *how_to_stop(struct subid_audit *audit,
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
			    at_userns(audit, &live->userns[i], pids);

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

		if (id_range_overlaps(entry->range, ids))
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
		       how_to_stop(audit, ns), SPELLING(finding->owner),
		       finding->range.start, finding->range.count,
		       SPELLING(finding->owner)),
	    "%s of %.*s maps %ss %u-%llu, which %.*s does not hold; they are %s",
	    describe(audit, ns), SPELLING(finding->owner), subid_kind_name(kind),
	    FIRST_LAST(finding->range), SPELLING(finding->owner),
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
	audit_report(audit, finding,
		     audit_text(audit, "%s; for podman: podman system migrate, as %.*s",
				how_to_stop(audit, ns), SPELLING(finding->owner)),
		     "%s of %.*s still maps %ss %u-%llu, which were taken back from %.*s",
		     describe(audit, ns), SPELLING(finding->owner), subid_kind_name(kind),
		     FIRST_LAST(finding->range), SPELLING(finding->owner));
}

int audit_find_live_stale(struct subid_audit *audit)
{
	return find_userns(audit, say_stale);
}

/* Does the map have host id 0, and not as the owner's own? */
static bool maps_root(const struct subid_audit *audit, const struct subid_live_userns *ns,
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
			struct subid_finding finding = at_userns(audit, ns, pids);

			if (!maps_root(audit, ns, kind) ||
			    (ns->parent != SUBID_LIVE_NONE && ns->parent != 0 &&
			     maps_root(audit, &live->userns[ns->parent], kind)))
				continue;
			finding.kind = (int)kind;
			finding.range = (struct id_range){ 0, 1 };
			audit_report(
			    audit, &finding, how_to_stop(audit, ns),
			    "%s of %.*s maps %s 0: a process in there can be root on"
			    " the host",
			    describe(audit, ns), SPELLING(finding.owner),
			    subid_kind_name(kind));
		}
	}
	return 0;
}

/* Ids that a namespace maps, for the sweep over all of them. */
struct mapped {
	struct id_range range;
	size_t userns;
	uint32_t owner;
};

static int compare_mapped(const void *a, const void *b)
{
	const struct mapped *x = a, *y = b;

	if (x->range.start != y->range.start)
		return x->range.start < y->range.start ? -1 : 1;
	return x->userns < y->userns ? -1 : x->userns > y->userns;
}

static struct mapped *list_mapped(const struct subid_audit *audit, enum subid_kind kind,
				  size_t *ret_n)
{
	const struct live_view *view = audit->live;
	struct mapped *mapped;
	size_t n = 0;

	for (size_t i = 0; i < view->n; i++)
		n += view->verdicts[i].foreign[kind].n;
	mapped = calloc(n + 1, sizeof(*mapped));
	n = 0;
	for (size_t i = 0; mapped != NULL && i < view->n; i++) {
		const struct subid_set *foreign = &view->verdicts[i].foreign[kind];

		for (size_t j = 0; j < foreign->n; j++)
			mapped[n++] = (struct mapped){ foreign->ranges[j], i,
						       audit->in->live->userns[i].owner };
	}
	if (n > 1)
		qsort(mapped, n, sizeof(*mapped), compare_mapped);
	*ret_n = n;
	return mapped;
}

static void say_shared(struct subid_audit *audit, enum subid_kind kind,
		       const struct mapped *a, const struct mapped *b)
{
	const struct subid_live *live = audit->in->live;
	const struct live_holder *other = audit_live_holder(audit->live, b->owner);
	pid_t pids[PIDS_SHOWN];
	struct subid_finding finding = at_userns(audit, &live->userns[a->userns], pids);

	finding.kind = (int)kind;
	finding.other = other->name;
	finding.range = id_range_common(a->range, b->range);
	audit_report(audit, &finding,
		     audit_text(audit, "%s; then give %.*s or %.*s a range of its own",
				how_to_stop(audit, &live->userns[b->userns]),
				SPELLING(finding.owner), SPELLING(finding.other)),
		     "%s of %.*s and %s of %.*s both map %ss %u-%llu",
		     describe(audit, &live->userns[a->userns]), SPELLING(finding.owner),
		     describe(audit, &live->userns[b->userns]), SPELLING(finding.other),
		     subid_kind_name(kind), FIRST_LAST(finding.range));
}

/* Have these two owners been told of in this table already? */
static bool is_told(const struct subid_audit *audit, enum subid_kind kind,
		    const struct mapped *a, const struct mapped *b)
{
	struct subid_spelling x = audit_live_holder(audit->live, a->owner)->name;
	struct subid_spelling y = audit_live_holder(audit->live, b->owner)->name;

	for (size_t i = audit->n_findings; i > 0; i--) {
		const struct subid_finding *told = &audit->findings[i - 1];

		if (told->rule != audit->rule)
			return false;
		if (told->kind == (int)kind &&
		    ((told->owner.text == x.text && told->other.text == y.text) ||
		     (told->owner.text == y.text && told->other.text == x.text)))
			return true;
	}
	return false;
}

/* One sweep: each range against the one of another owner that reaches farthest. */
int audit_find_live_shared(struct subid_audit *audit)
{
	for (enum subid_kind kind = 0; audit->live != NULL && kind < SUBID_KINDS;
	     kind++) {
		const struct mapped *farthest = NULL, *other = NULL;
		size_t n;
		struct mapped *mapped = list_mapped(audit, kind, &n);

		if (mapped == NULL)
			return -ENOMEM;
		for (const struct mapped *m = mapped; m < mapped + n; m++) {
			const struct mapped *met = farthest;

			if (met != NULL && met->owner == m->owner)
				met = other;
			if (met != NULL && id_range_overlaps(met->range, m->range) &&
			    !is_told(audit, kind, met, m))
				say_shared(audit, kind, met, m);
			if (farthest == NULL ||
			    id_range_end(m->range) > id_range_end(farthest->range)) {
				if (farthest != NULL && farthest->owner != m->owner)
					other = farthest;
				farthest = m;
			} else if (farthest->owner != m->owner &&
				   (other == NULL || id_range_end(m->range) >
							 id_range_end(other->range))) {
				other = m;
			}
		}
		free(mapped);
	}
	return 0;
}

/* The first id of an account in these, but for root's and the holder's; count 0: none. */
static struct id_range first_of_account(const struct subid_audit *audit,
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
		       how_to_stop(audit, ns), subid_kind_name(kind),
		       finding->range.start, SPELLING(finding->owner)),
	    "%s of %.*s maps %s %u, which is %s %s's own", describe(audit, ns),
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
	audit_report(
	    audit, finding,
	    audit_text(audit, "update newgidmap, then %s", how_to_stop(audit, ns)),
	    "%s of %.*s maps no gid but %u, the owner's own, and setgroups is"
	    " allowed: a process can get rid of a group that files are closed to"
	    " (CVE-2018-7169)",
	    describe(audit, ns), SPELLING(finding->owner), finding->range.start);
}

int audit_find_live_setgroups(struct subid_audit *audit)
{
	return find_userns(audit, say_setgroups);
}

static bool is_released(struct subid_spelling owner)
{
	return owner.len == strlen(SUBID_OWNER_RELEASED) &&
	       memcmp(owner.text, SUBID_OWNER_RELEASED, owner.len) == 0;
}

/* Ids that somebody answers for: accounts, lines but for released ones, conventions. */
static int explained_ids(const struct subid_audit *audit, enum subid_kind kind,
			 struct subid_set *ret)
{
	const struct audit_table *view = &audit->tables[kind];
	size_t n_reserved;
	const struct subid_reserved *reserved = subid_reserved(&n_reserved);
	int r = 0;

	for (size_t i = 0; r == 0 && i < view->table->n; i++) {
		uint32_t owner = view->owner[i];

		if (!audit->owners[owner].hold ||
		    !is_released(audit_owner_text(audit, owner)))
			r = subid_set_add(ret, view->table->entries[i].range);
	}
	subid_set_sort(ret);
	if (r == 0)
		r = subid_set_unite(ret, &view->accounts);
	for (size_t i = 0; r == 0 && i < n_reserved; i++)
		r = subid_set_insert(ret, reserved[i].range);
	return r;
}

static int compare_ids(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int nobody(void *data, const char *name)
{
	(void)data;
	(void)name;
	return 0;
}

/* Does the name service know the id, or can it not tell? */
static bool is_known(const struct subid_audit *audit, enum subid_kind kind, uint32_t id)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	char group[16];

	if (kind == SUBID_UID)
		return subid_owner_of_uid(audit->in->users, id, &owner) != SUBID_UNKNOWN;
	(void)snprintf(group, sizeof(group), "%u", id);
	return subid_users_members(audit->in->users, group, nobody, NULL) !=
	       SUBID_UNKNOWN;
}

/* Processes that share an id that nobody answers for. */
static void say_orphan(struct subid_audit *audit, enum subid_kind kind, uint32_t id,
		       const uint64_t *pids, size_t n)
{
	pid_t shown[PIDS_SHOWN];
	struct subid_finding finding = {
		.kind = (int)kind,
		.range = { id, 1 },
		.pids = shown,
	};

	for (; finding.n_pids < n && finding.n_pids < PIDS_SHOWN; finding.n_pids++)
		shown[finding.n_pids] = (pid_t)(uint32_t)pids[finding.n_pids];
	audit_report(
	    audit, &finding,
	    audit_text(audit,
		       "kill them (%d first), or give %s %u an owner: subid grant"
		       " --range %u:1 OWNER",
		       (int)shown[0], subid_kind_name(kind), id, id),
	    "%zu process%s under %s %u, which no line and no account covers,"
	    " beginning with process %d",
	    n, n == 1 ? " runs" : "es run", subid_kind_name(kind), id, (int)shown[0]);
}

/* Of the caller's own namespace: those in others are told of with these. */
int audit_find_live_orphan(struct subid_audit *audit)
{
	const struct subid_live *live = audit->in->live;
	size_t n_processes = live == NULL || live->n == 0 ? 0 : live->userns[0].n;
	uint64_t *ids = calloc(n_processes + 1, sizeof(*ids));
	int r = ids == NULL ? -ENOMEM : 0;

	for (enum subid_kind kind = 0; r == 0 && n_processes > 0 && kind < SUBID_KINDS;
	     kind++) {
		const struct subid_window *window = &audit->in->policy->window[kind];
		auto_set struct subid_set explained = { .n = 0 };
		size_t n = 0, next;

		r = explained_ids(audit, kind, &explained);
		for (size_t i = 0; r == 0 && i < n_processes; i++) {
			const struct subid_live_process *process =
			    &live->processes[live->userns[0].first + i];
			uint32_t id = kind == SUBID_UID ? process->uid : process->gid;

			/* below the window ids are no subordinate ones: containers
			 * without a user namespace have whatever ids they like */
			if (id != SUBID_ID_NONE && id >= window->min &&
			    id <= window->max &&
			    !subid_set_contains(&explained, (struct id_range){ id, 1 }))
				ids[n++] = (uint64_t)id << 32 | (uint32_t)process->pid;
		}
		qsort(ids, n, sizeof(*ids), compare_ids);
		for (size_t i = 0; r == 0 && i < n; i = next) {
			for (next = i + 1; next < n && ids[next] >> 32 == ids[i] >> 32;
			     next++)
				;
			if (!is_known(audit, kind, (uint32_t)(ids[i] >> 32)))
				say_orphan(audit, kind, (uint32_t)(ids[i] >> 32), &ids[i],
					   next - i);
		}
	}
	free(ids);
	return r;
}

int audit_find_live_unread(struct subid_audit *audit)
{
	const struct subid_live *live = audit->in->live;
	struct subid_finding finding = { .kind = -1 };
	size_t n = 0;
	int error = 0;

	if (live == NULL)
		return 0;
	for (size_t i = 1; i < live->n; i++) {
		const struct subid_live_userns *ns = &live->userns[i];
		int failed = ns->maps[SUBID_UID].error != 0 ? ns->maps[SUBID_UID].error
							    : ns->maps[SUBID_GID].error;

		n += failed != 0 || ns->owner == SUBID_ID_NONE;
		if (failed != 0)
			error = failed;
	}
	if (n > 0)
		audit_report(audit, &finding, NULL,
			     "%zu user namespace%s could not be judged%s%s", n,
			     n == 1 ? "" : "s", error == 0 ? "" : ": ",
			     error == 0 ? "" : strerrordesc_np(-error));
	if (live->n_unread > 0)
		audit_report(audit, &finding, NULL,
			     "%zu process%s could not be looked at: %s", live->n_unread,
			     live->n_unread == 1 ? "" : "es",
			     strerrordesc_np(-live->unread_error));
	return 0;
}
