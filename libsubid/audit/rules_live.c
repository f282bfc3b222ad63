/* SPDX-License-Identifier: MIT */
/*
 * Rules about running namespaces and processes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/live/live.h"

const char *audit_live_describe(struct audit *audit, const struct subid_live_userns *ns)
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

struct audit_finding audit_at_userns(const struct audit *audit,
				     const struct subid_live_userns *ns,
				     pid_t pids[PIDS_SHOWN])
{
	const struct subid_live *live = audit->in->live;
	const struct live_holder *holder = audit_live_holder(audit->live, ns->owner);
	struct audit_finding finding = { .kind = -1, .userns = ns->inode, .pids = pids };

	if (holder != NULL)
		finding.owner = holder->name;
	for (; finding.n_pids < ns->n && finding.n_pids < PIDS_SHOWN; finding.n_pids++)
		pids[finding.n_pids] = live->processes[ns->first + finding.n_pids].pid;
	return finding;
}

/*
 * Calls say() for each namespace that is judged and for each kind, with the finding that
 * begins there.
 */
static int find_userns(struct audit *audit,
		       void (*say)(struct audit *audit, struct audit_finding *finding,
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
			struct audit_finding finding =
			    audit_at_userns(audit, &live->userns[i], pids);

			finding.kind = (int)kind;
			say(audit, &finding, &live->userns[i], verdict, holder);
		}
	}
	return 0;
}

/* Who has the first of these ids now, for a sentence. */
static const char *describe_owner(struct audit *audit, enum subid_kind kind,
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

static void say_unauthorised(struct audit *audit, struct audit_finding *finding,
			     const struct subid_live_userns *ns,
			     const struct live_verdict *verdict,
			     const struct live_holder *holder)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const struct subid_set *unheld = &verdict->unheld.of[kind];

	(void)holder;
	if (unheld->n == 0 || verdict->stale[kind])
		return;
	finding->range = unheld->ranges[0];
	audit_add_finding(
	    audit, finding, audit_advise_stop(audit, finding, ns),
	    "%s of %.*s maps %ss %u-%llu, which %.*s does not hold; they are %s%s",
	    audit_live_describe(audit, ns), NAME(finding->owner), subid_kind_name(kind),
	    FIRST_LAST(finding->range), NAME(finding->owner),
	    describe_owner(audit, kind, finding->range),
	    audit_ledger_tells(audit, kind, finding->range));
}

int audit_find_live_unauthorised(struct audit *audit)
{
	return find_userns(audit, say_unauthorised);
}

static void say_stale(struct audit *audit, struct audit_finding *finding,
		      const struct subid_live_userns *ns,
		      const struct live_verdict *verdict,
		      const struct live_holder *holder)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;

	(void)holder;
	if (!verdict->stale[kind])
		return;
	finding->range = verdict->unheld.of[kind].ranges[0];
	audit_add_finding(
	    audit, finding,
	    audit_text(audit, "%s; for podman: podman system migrate, as %.*s",
		       audit_advise_stop(audit, finding, ns), NAME(finding->owner)),
	    "%s of %.*s still maps %ss %u-%llu, which were revoked from %.*s%s",
	    audit_live_describe(audit, ns), NAME(finding->owner), subid_kind_name(kind),
	    FIRST_LAST(finding->range), NAME(finding->owner),
	    audit_ledger_tells(audit, kind, finding->range));
}

int audit_find_live_stale(struct audit *audit)
{
	return find_userns(audit, say_stale);
}

/* Does the map have host id 0, and not as the owner's own? */
static bool maps_root(struct audit *audit, const struct subid_live_userns *ns,
		      enum subid_kind kind)
{
	const struct live_holder *holder = audit_live_holder(audit->live, ns->owner);

	for (size_t i = 0; i < ns->maps[kind].n; i++)
		if (ns->maps[kind].lines[i].outside.start == 0)
			return holder != NULL && holder->uid != 0 &&
			       !audit_live_is_own(audit, holder, kind, 0);
	return false;
}

/* Nested ones too, unless the one around them has been reported. */
int audit_find_live_root(struct audit *audit)
{
	const struct subid_live *live = audit->in->live;

	for (size_t i = 1; live != NULL && i < live->n; i++) {
		const struct subid_live_userns *ns = &live->userns[i];

		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
			pid_t pids[PIDS_SHOWN];
			struct audit_finding finding = audit_at_userns(audit, ns, pids);

			if (!maps_root(audit, ns, kind) ||
			    (ns->parent != SUBID_LIVE_NONE && ns->parent != 0 &&
			     maps_root(audit, &live->userns[ns->parent], kind)))
				continue;
			finding.kind = (int)kind;
			finding.range = (struct id_range){ 0, 1 };
			audit_add_finding(
			    audit, &finding, audit_advise_stop(audit, &finding, ns),
			    "%s of %.*s maps %s 0: a process in it can be root "
			    "on the host",
			    audit_live_describe(audit, ns), NAME(finding.owner),
			    subid_kind_name(kind));
		}
	}
	return 0;
}

/* The first id of an account in these, but for root's and the holder's; count 0: none. */
static struct id_range first_of_account(struct audit *audit,
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

static void say_account(struct audit *audit, struct audit_finding *finding,
			const struct subid_live_userns *ns,
			const struct live_verdict *verdict,
			const struct live_holder *holder)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const char *what = kind == SUBID_UID ? "account" : "group";
	char name[64] = "";

	finding->range =
	    first_of_account(audit, holder, kind, &verdict->foreign.of[kind]);
	if (finding->range.count == 0)
		return;
	(void)subid_users_name(audit->in->users, kind, finding->range.start, name,
			       sizeof(name));
	audit_add_finding(audit, finding, audit_advise_stop(audit, finding, ns),
			  "%s of %.*s maps %s %u, which is %s %s's own",
			  audit_live_describe(audit, ns), NAME(finding->owner),
			  subid_kind_name(kind), finding->range.start, what,
			  name[0] == '\0' ? "somebody" : name);
}

int audit_find_live_account(struct audit *audit)
{
	return find_userns(audit, say_account);
}

static void say_setgroups(struct audit *audit, struct audit_finding *finding,
			  const struct subid_live_userns *ns,
			  const struct live_verdict *verdict,
			  const struct live_holder *holder)
{
	const struct subid_live_map *map = &ns->maps[SUBID_GID];

	(void)verdict;
	if (finding->kind != SUBID_GID || ns->setgroups != SUBID_SETGROUPS_ALLOW ||
	    holder->uid == 0 || map->n != 1 || map->lines[0].outside.count != 1 ||
	    !audit_live_is_own(audit, holder, SUBID_GID, map->lines[0].outside.start) ||
	    subid_set_contains(&holder->held.of[SUBID_GID], map->lines[0].outside))
		return;
	finding->range = map->lines[0].outside;
	audit_add_finding(
	    audit, finding,
	    audit_text(audit, "update newgidmap, then %s",
		       audit_advise_stop(audit, finding, ns)),
	    "%s of %.*s maps no gid but %u, the owner's own, and setgroups is allowed: a "
	    "process can leave a group that is denied access to files (CVE-2018-7169)",
	    audit_live_describe(audit, ns), NAME(finding->owner), finding->range.start);
}

int audit_find_live_setgroups(struct audit *audit)
{
	return find_userns(audit, say_setgroups);
}

/*
 * Rules about processes that are in no namespace to be judged, and about what could not
 * be seen.
 */

#define HIDERS_MAX 100 /* of more, only their number matters */

/* Ids that are explained: of accounts, lines that are not !released, conventions. */
static int explained_ids(const struct audit *audit, enum subid_kind kind,
			 struct subid_set *ret)
{
	const struct audit_table *view = &audit->tables[kind];
	size_t n_reserved;
	const struct subid_reserved *reserved = subid_reserved(&n_reserved);
	int r = 0;

	for (size_t i = 0; r == 0 && i < view->table->n; i++) {
		uint32_t owner = view->owner[i];

		if (!audit->owners[owner].hold ||
		    !owner_name_is(audit_owner_text(audit, owner), SUBID_OWNER_RELEASED))
			r = subid_set_add(ret, view->table->entries[i].range);
	}
	subid_set_sort(ret);
	if (r == 0)
		r = subid_set_unite(ret, &view->accounts);
	for (size_t i = 0; r == 0 && i < n_reserved; i++)
		if (!reserved[i].conventional)
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
static bool is_known(struct audit *audit, enum subid_kind kind, uint32_t id)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	char group[16];
	int r;

	if (audit->in->users->nss && !audit_may_ask(audit)) {
		audit->report->unsure++;
		return true;
	}
	(void)snprintf(group, sizeof(group), "%u", id);
	if (kind == SUBID_UID)
		r = subid_owner_of_uid(audit->in->users, id, &owner);
	else
		r = subid_users_members(audit->in->users, group, nobody, NULL);
	if (r == -ENOMEM)
		audit->error = r;
	return r != SUBID_UNKNOWN;
}

/* Processes with the same id, which nothing explains. */
static void say_orphan(struct audit *audit, enum subid_kind kind, uint32_t id,
		       const uint64_t *pids, size_t n)
{
	pid_t shown[PIDS_SHOWN];
	struct audit_finding finding = {
		.kind = (int)kind,
		.range = { id, 1 },
		.pids = shown,
	};

	for (; finding.n_pids < n && finding.n_pids < PIDS_SHOWN; finding.n_pids++)
		shown[finding.n_pids] = (pid_t)(uint32_t)pids[finding.n_pids];
	audit_advise_end(audit, &finding, kind, finding.range);
	audit_add_finding(
	    audit, &finding, "kill them; or grant the id to whom they belong",
	    "%zu process%s under %s %u, which no line and no account covers,"
	    " beginning with process %d%s",
	    n, n == 1 ? " runs" : "es run", subid_kind_name(kind), id, (int)shown[0],
	    audit_ledger_tells(audit, kind, finding.range));
}

/* Of the caller's own namespace: those in others are reported with these. */
int audit_find_live_orphan(struct audit *audit)
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

			/* ids below the window are not subordinate ids: containers
			 * without a user namespace use any ids */
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

/* The name of a process's user, or else the uid. */
static const char *name_user(struct audit *audit, uint32_t uid)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	int r = subid_owner_of_uid(audit->in->users, uid, &owner);

	if (r == -ENOMEM)
		audit->error = r;
	if (r == 0 && owner.has_account)
		return audit_text(audit, "%.*s", NAME(owner.spellings[0]));
	return audit_text(audit, "%u", uid);
}

int audit_find_live_hidden(struct audit *audit)
{
	const struct subid_live *live = audit->in->live;
	struct subid_hider hiders[HIDERS_MAX];
	size_t n = live == NULL ? 0 : subid_live_hiders(-1, live, hiders, HIDERS_MAX);

	for (size_t i = 0; i < n; i++) {
		struct audit_finding finding = {
			.kind = -1,
			.userns = hiders[i].userns,
			.pids = &hiders[i].pid,
			.n_pids = 1,
		};

		if (hiders[i].uid != SUBID_ID_NONE) {
			finding.owner.text = name_user(audit, hiders[i].uid);
			finding.owner.len = strlen(finding.owner.text);
		}
		if (hiders[i].error == -ETIME) {
			audit_add_finding(
			    audit, &finding, NULL,
			    "%.*s has more descriptors, mounts or namespaces than are "
			    "looked through, as in process %d: what they keep is not "
			    "known",
			    NAME(finding.owner), (int)hiders[i].pid);
			continue;
		}
		audit_advise_run(audit, &finding, "kill -KILL %d", (int)hiders[i].pid);
		audit_add_finding(
		    audit, &finding,
		    "end the process, which ends the mount or descriptor that keeps the"
		    " namespace",
		    "process %d%s%.*s keeps a user namespace without processes "
		    "where it cannot be looked into: %s",
		    (int)hiders[i].pid, finding.owner.len > 0 ? " of " : "",
		    NAME(finding.owner), strerrordesc_np(-hiders[i].error));
	}
	return 0;
}

int audit_find_live_unread(struct audit *audit)
{
	const struct subid_live *live = audit->in->live;
	struct audit_finding finding = { .kind = -1 };
	size_t n = 0;
	int error = 0;

	if (live == NULL)
		return 0;
	for (size_t i = 1; i < live->n; i++) {
		const struct subid_live_userns *ns = &live->userns[i];
		int failed = ns->maps[SUBID_UID].error != 0 ? ns->maps[SUBID_UID].error
							    : ns->maps[SUBID_GID].error;

		if (ns->n == 0 && failed != 0)
			continue; /* live-hidden has it */
		n += failed != 0 || ns->owner == SUBID_ID_NONE;
		if (failed != 0)
			error = failed;
	}
	if (n > 0)
		audit_add_finding(audit, &finding, NULL,
				  "%zu user namespace%s could not be judged%s%s", n,
				  n == 1 ? "" : "s", error == 0 ? "" : ": ",
				  error == 0 ? "" : strerrordesc_np(-error));
	if (live->n_unread > 0)
		audit_add_finding(audit, &finding, NULL,
				  "%zu process%s could not be looked at: %s",
				  live->n_unread, live->n_unread == 1 ? "" : "es",
				  strerrordesc_np(-live->unread_error));
	return 0;
}
