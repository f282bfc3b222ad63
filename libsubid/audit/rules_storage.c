/* SPDX-License-Identifier: MIT */
/*
 * Rules about storage that containers share: stores of `subid share`, and idmapped mounts
 * by anybody's hand.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

/* The finding that a rule about a store begins with. */
static struct audit_finding at_share(struct audit *audit, const struct subid_share *share)
{
	return (struct audit_finding){
		.kind = -1,
		.file = audit_text(audit, SUBID_STATEDIR "/shares/%u",
				   share->ids[SUBID_UID].start),
		.owner = { share->store, strcspn(share->store, "/") },
	};
}

/* --- processes ---------------------------------------------------------------------- */

/* The first ids of the store that a namespace maps; count 0: none. */
static struct id_range mapped(const struct subid_share *share, enum subid_kind kind,
			      const struct subid_live_userns *ns)
{
	const struct subid_live_map *map = &ns->maps[kind];

	for (size_t i = 0; i < map->n; i++) {
		struct id_range common =
		    id_range_common(map->lines[i].outside, share->ids[kind]);

		if (common.count > 0)
			return common;
	}
	return (struct id_range){ .count = 0 };
}

static void say_namespaces(struct audit *audit, const struct subid_share *share,
			   enum subid_kind kind)
{
	const struct subid_live *live = audit->in->live;

	for (size_t i = 1; i < live->n; i++) {
		const struct subid_live_userns *ns = &live->userns[i];
		pid_t pids[PIDS_SHOWN];
		struct audit_finding finding;
		struct id_range ids = mapped(share, kind, ns);

		/* who maps everything is root's, and judged elsewhere */
		if (ids.count == 0)
			continue;
		finding = audit_at_userns(audit, ns, pids);
		finding.kind = (int)kind;
		finding.range = ids;
		audit_add_finding(audit, &finding, audit_advise_stop(audit, &finding, ns),
				  "%s maps %ss %u-%llu, which are those of the store %s",
				  audit_live_describe(audit, ns), subid_kind_name(kind),
				  FIRST_LAST(ids), share->store);
	}
}

/* Processes that are in no namespace of their own. */
static void say_processes(struct audit *audit, const struct subid_share *share,
			  enum subid_kind kind)
{
	const struct subid_live *live = audit->in->live;
	struct audit_finding finding = at_share(audit, share);
	pid_t pids[PIDS_SHOWN];
	size_t n = 0;

	for (size_t i = 0; live->n > 0 && i < live->userns[0].n; i++) {
		const struct subid_live_process *process =
		    &live->processes[live->userns[0].first + i];
		struct id_range id = {
			kind == SUBID_UID ? process->uid : process->gid,
			1,
		};

		if (id.start == SUBID_ID_NONE || !id_range_overlaps(id, share->ids[kind]))
			continue;
		if (n < PIDS_SHOWN)
			pids[n] = process->pid;
		n++;
	}
	if (n == 0)
		return;
	finding.kind = (int)kind;
	finding.range = share->ids[kind];
	finding.pids = pids;
	finding.n_pids = n < PIDS_SHOWN ? n : PIDS_SHOWN;
	audit_advise_end(audit, &finding, kind, finding.range);
	audit_add_finding(audit, &finding, "stop the processes",
			  "%zu process%s with a %s of the store %s, beginning with"
			  " process %d",
			  n, n == 1 ? " runs" : "es run", subid_kind_name(kind),
			  share->store, (int)pids[0]);
}

int audit_find_share_running(struct audit *audit)
{
	const struct subid_shares *shares = audit->in->shares;

	for (size_t i = 0; shares != NULL && audit->in->live != NULL && i < shares->n;
	     i++)
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
			say_namespaces(audit, &shares->list[i], kind);
			say_processes(audit, &shares->list[i], kind);
		}
	return 0;
}

/* --- for whom ----------------------------------------------------------------------- */

/* Has an account, by any of its names, a line of the table? */
static bool has_line(const struct audit *audit, enum subid_kind kind,
		     const struct subid_owner *owner)
{
	const struct subid_table *table = audit->in->tables[kind];

	for (size_t i = 0; table != NULL && i < owner->n; i++)
		if (subid_table_first(table, owner->spellings[i].text,
				      owner->spellings[i].len) < table->n)
			return true;
	return table == NULL; /* it could not be read: then that is not known */
}

/* Is a container of the owner without a lease?  Only if all stores could be read in which
 * it may be. */
static bool lacks_lease(const struct audit *audit, const struct subid_owner *owner,
			const char *name)
{
	bool roots = false, own = !owner->has_account || owner->uid == 0;

	for (size_t i = 0; i < audit->in->n_stores; i++) {
		const struct audit_store *store = &audit->in->stores[i];

		if (store->error != 0)
			continue;
		roots |= store->user == NULL;
		own |=
		    store->user != NULL && owner->has_account && store->uid == owner->uid;
		for (size_t k = 0; k < store->leases.n; k++) {
			const struct subid_lease *lease = &store->leases.list[k];
			bool is_owners = false;

			for (size_t s = 0; s < owner->n; s++)
				is_owners |=
				    owner_name_is(owner->spellings[s], lease->owner);
			if (is_owners && strcmp(lease->name, name) == 0)
				return false;
		}
	}
	return roots && own;
}

static void say_target(struct audit *audit, const struct subid_share *share,
		       const struct subid_share_mount *mount, const char *why)
{
	struct audit_finding finding = at_share(audit, share);

	audit_advise_run(audit, &finding, "subid share umount %s %s",
			 audit_quoted(audit, share->store),
			 audit_quoted(audit, mount->target));
	audit_add_finding(audit, &finding,
			  "unmount it there; or grant the range, or the lease, again",
			  "the store %s is mounted for %s, who has no %s", share->store,
			  mount->target, why);
}

static int check_target(struct audit *audit, const struct subid_share *share,
			const struct subid_share_mount *mount)
{
	size_t len = strcspn(mount->target, "/");
	auto_owner struct subid_owner owner = { .has_account = false };
	const char *text = audit_text(audit, "%.*s", (int)len, mount->target);
	int r = subid_owner_find(audit->in->users, text, &owner);

	if (r < 0)
		return r == -ENOMEM ? r : 0; /* who it is could not be found out */
	if (r == SUBID_INVALID || !has_line(audit, SUBID_UID, &owner) ||
	    !has_line(audit, SUBID_GID, &owner))
		say_target(audit, share, mount, "range");
	else if (mount->target[len] == '/' &&
		 lacks_lease(audit, &owner, mount->target + len + 1))
		say_target(audit, share, mount, "such lease");
	return 0;
}

int audit_find_share_target(struct audit *audit)
{
	const struct subid_shares *shares = audit->in->shares;
	int r = 0;

	for (size_t i = 0; shares != NULL && i < shares->n; i++)
		for (size_t k = 0; r == 0 && k < shares->list[i].n_mounts; k++)
			r = check_target(audit, &shares->list[i],
					 &shares->list[i].mounts[k]);
	return r;
}

/* --- mounts ------------------------------------------------------------------------- */

static bool is_recorded(const struct subid_shares *shares, const char *point)
{
	for (size_t i = 0; i < shares->n; i++)
		for (size_t k = 0; k < shares->list[i].n_mounts; k++)
			if (strcmp(shares->list[i].mounts[k].point, point) == 0)
				return true;
	return false;
}

int audit_find_share_leftover(struct audit *audit)
{
	static const char above[] = SUBID_SHARE_MOUNTS "/";
	const struct subid_idmapped_list *mounts = audit->in->idmapped;
	const struct subid_shares *shares = audit->in->shares;

	for (size_t i = 0; mounts != NULL && shares != NULL && i < mounts->n; i++) {
		const struct subid_idmapped *mount = &mounts->list[i];
		struct audit_finding finding = { .kind = -1 };

		/* those of containers are copies of what was there when they began */
		if (mount->pid != 0 ||
		    strncmp(mount->where, above, sizeof(above) - 1) != 0 ||
		    is_recorded(shares, mount->where + sizeof(above) - 1))
			continue;
		finding.file = audit_text(audit, "%s", mount->where);
		audit_advise_run(audit, &finding, "umount %s",
				 audit_quoted(audit, mount->where));
		audit_add_finding(audit, &finding, NULL,
				  "%s is mounted, and no record of 'subid share' has it",
				  mount->where);
	}
	return 0;
}

/* "/mnt (ext4, device 8:1, as process 312 sees it)", for a sentence. */
static const char *describe(struct audit *audit, const struct subid_idmapped *mount)
{
	const char *seen = mount->pid == 0 ? ""
					   : audit_text(audit, ", as process %d sees it",
							(int)mount->pid);

	if (!mount->known && mount->where[0] == '\0')
		return mount->pid == 0 ? "a mount of the host"
				       : audit_text(audit, "a mount that process %d sees",
						    (int)mount->pid);
	return audit_text(audit, "%s (%s, device %u:%u%s)", mount->where, mount->type,
			  mount->major, mount->minor, seen);
}

/* A directory of a mount namespace beside the host's is no file of the host's. */
static struct audit_finding at_mount(struct audit *audit,
				     const struct subid_idmapped *mount)
{
	return (struct audit_finding){
		.kind = -1,
		.file = mount->pid == 0 && mount->where[0] == '/'
			    ? audit_text(audit, "%s", mount->where)
			    : NULL,
		.pids = &mount->pid,
		.n_pids = mount->pid != 0,
	};
}

int audit_find_idmap_root(struct audit *audit)
{
	static const struct id_range root = { 0, 1 };
	const struct subid_idmapped_list *mounts = audit->in->idmapped;

	for (size_t i = 0; mounts != NULL && i < mounts->n; i++) {
		const struct subid_idmapped *mount = &mounts->list[i];

		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
			struct audit_finding finding = at_mount(audit, mount);

			if (!subid_set_meets(&mount->disk.of[kind], root, NULL))
				continue;
			finding.kind = (int)kind;
			finding.range = root;
			audit_add_finding(audit, &finding, NULL,
					  "%s is mounted with other ids, and maps %s 0"
					  " of the disk",
					  describe(audit, mount), subid_kind_name(kind));
		}
	}
	return 0;
}

int audit_find_idmap_unread(struct audit *audit)
{
	const struct subid_idmapped_list *mounts = audit->in->idmapped;
	struct audit_finding all = { .kind = -1 };

	for (size_t i = 0; mounts != NULL && i < mounts->n; i++) {
		const struct subid_idmapped *mount = &mounts->list[i];
		struct audit_finding finding = at_mount(audit, mount);

		if (!mount->known)
			audit_add_finding(audit, &finding, NULL,
					  "%s is mounted with other ids; which ones could"
					  " not be found out",
					  describe(audit, mount));
	}
	if (mounts != NULL && mounts->unlooked.n > 0)
		audit_add_finding(audit, &all, NULL,
				  "not all mounts could be looked at: those that process"
				  " %d of uid %u sees are too many",
				  (int)mounts->unlooked.pid, mounts->unlooked.uid);
	else if (mounts != NULL && mounts->partial)
		audit_add_finding(audit, &all, NULL, "not all mounts could be looked at");
	return 0;
}
