/* SPDX-License-Identifier: MIT */
/*
 * Rules about processes that are in no namespace to be judged, and about what could not
 * be seen.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/live/live.h"

#define HIDERS_MAX 100 /* more are no more to be known */

static bool is_released(struct subid_owner_name owner)
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
static bool is_known(struct subid_audit *audit, enum subid_kind kind, uint32_t id)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	char group[16];
	int r;

	(void)snprintf(group, sizeof(group), "%u", id);
	if (kind == SUBID_UID)
		r = subid_owner_of_uid(audit->in->users, id, &owner);
	else
		r = subid_users_members(audit->in->users, group, nobody, NULL);
	if (r == -ENOMEM)
		audit->error = r;
	return r != SUBID_UNKNOWN;
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

/* The name of whoever is behind a process, or else the uid. */
static const char *name_user(struct subid_audit *audit, uint32_t uid)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	int r = subid_owner_of_uid(audit->in->users, uid, &owner);

	if (r == -ENOMEM)
		audit->error = r;
	if (r == 0 && owner.has_account)
		return audit_text(audit, "%.*s", SPELLING(owner.spellings[0]));
	return audit_text(audit, "%u", uid);
}

int audit_find_live_hidden(struct subid_audit *audit)
{
	const struct subid_live *live = audit->in->live;
	struct subid_hider hiders[HIDERS_MAX];
	size_t n = live == NULL ? 0 : subid_userns_hiders(-1, live, hiders, HIDERS_MAX);

	for (size_t i = 0; i < n; i++) {
		struct subid_finding finding = {
			.kind = -1,
			.userns = hiders[i].userns,
			.pids = &hiders[i].pid,
			.n_pids = 1,
		};

		if (hiders[i].uid != SUBID_ID_NONE) {
			finding.owner.text = name_user(audit, hiders[i].uid);
			finding.owner.len = strlen(finding.owner.text);
		}
		audit_report(audit, &finding, NULL,
			     "process %d%s%.*s keeps a user namespace that no process is"
			     " in where it cannot be looked into: %s",
			     (int)hiders[i].pid, finding.owner.len > 0 ? " of " : "",
			     SPELLING(finding.owner), strerrordesc_np(-hiders[i].error));
	}
	return 0;
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

		if (ns->n == 0 && failed != 0)
			continue; /* live-hidden has it */
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
