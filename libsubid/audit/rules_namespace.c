/* SPDX-License-Identifier: MIT */
/*
 * Rules about what is not there to be seen: ids that do not exist in the user namespace
 * in which the audit runs, and accounts that the name service does not list.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libsubid/audit/private.h"

int audit_ids_here(const struct audit *audit, enum subid_kind kind, struct subid_set *ret)
{
	const struct subid_live *live = audit->in->live;
	const struct subid_live_map *map;
	int r = 0;

	if (live == NULL || live->n == 0)
		return SUBID_UNKNOWN;
	map = &live->userns[0].maps[kind];
	if (map->error != 0 || map->n == 0)
		return SUBID_UNKNOWN;
	for (size_t i = 0; r == 0 && i < map->n; i++)
		r = subid_set_add(ret, map->lines[i].inside);
	subid_set_sort(ret);
	return r;
}

/* The first few pieces, for a sentence. */
static const char *describe_ids(struct audit *audit, const struct subid_set *ids)
{
	const char *text = "";

	for (size_t i = 0; i < ids->n && i < 3; i++)
		text = audit_text(audit, "%s%s%u-%llu", text, i == 0 ? "" : ", ",
				  FIRST_LAST(ids->ranges[i]));
	return ids->n > 3 ? audit_text(audit, "%s and more", text) : text;
}

/* n lines; the map is the one cause of all. */
static void say_absent(struct audit *audit, struct audit_finding *finding, size_t n,
		       const struct subid_set *here)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const char *of = kind == SUBID_UID ? "uid" : "gid";
	const char *more = "";

	finding->count = n;
	if (n > 1)
		more = audit_text(audit, ", and so it is with %zu more line%s", n - 1,
				  n == 2 ? "" : "s");
	audit_add_finding(
	    audit, finding,
	    audit_text(audit,
		       "start the container around this one with a wider map; or write"
		       " in its %s a range of ids that it has: 'subid grant' gives no"
		       " others, once SUB_%s_MIN, _MAX and _COUNT in %s fit into them",
		       finding->file, kind == SUBID_UID ? "UID" : "GID",
		       audit_in_etc(audit, "login.defs")),
	    "%s%ss %u-%llu of %.*s (line %zu) do not exist in this user namespace, "
	    "which"
	    " has %s (/proc/self/%s_map): no map with them can be written%s",
	    subid_set_meets(here, finding->range, NULL) ? "some of " : "", of,
	    FIRST_LAST(finding->range), NAME(finding->owner), finding->line,
	    describe_ids(audit, here), of, more);
}

static int find_absent(struct audit *audit, enum subid_kind kind)
{
	const struct audit_table *view = &audit->tables[kind];
	auto_set struct subid_set here = { .n = 0 };
	struct audit_finding first = { .kind = (int)kind };
	size_t n = 0;
	int r = audit_ids_here(audit, kind, &here);

	for (size_t i = 0; r == 0 && i < view->table->n; i++) {
		struct audit_finding finding;

		if (audit->owners[view->owner[i]].hold ||
		    subid_set_contains(&here, view->table->entries[i].range))
			continue;
		finding = audit_at_entry(audit, kind, i);
		if (audit_skips(audit, &finding))
			continue;
		if (n++ == 0)
			first = finding;
	}
	if (n > 0)
		say_absent(audit, &first, n, &here);
	return r < 0 ? r : 0;
}

int audit_find_absent_ids(struct audit *audit)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = find_absent(audit, kind);
	return r;
}

/* --- accounts that are not listed --- */

/*
 * Threat: a name service that answers by name but does not enumerate.  A range that is
 * granted where its accounts are may have the id of one, whose files the owner could then
 * change.  Those that show are the owners of lines, and who runs something.
 */
#define ASKED_MAX 64 /* uids of processes, which root alone can make many */

struct unlisted {
	struct audit *audit;
	uint32_t first, last;
	size_t n;
	uint32_t asked[ASKED_MAX];
	size_t n_asked;
};

static bool is_suspect(const struct unlisted *unlisted, uint32_t uid)
{
	const struct audit_table *view = &unlisted->audit->tables[SUBID_UID];
	const struct id_range id = { uid, 1 };

	return uid != SUBID_ID_NONE && !subid_set_contains(&view->accounts, id) &&
	       !subid_set_contains(&view->reservations.never, id) &&
	       subid_set_contains(&view->reservations.windows, id);
}

static void add_unlisted(struct unlisted *unlisted, uint32_t uid)
{
	if (unlisted->n == 0 || uid < unlisted->first)
		unlisted->first = uid;
	if (unlisted->n == 0 || uid > unlisted->last)
		unlisted->last = uid;
	unlisted->n++;
}

/* True once for each of the first few uids. */
static bool may_ask(struct unlisted *unlisted, uint32_t uid)
{
	for (size_t i = 0; i < unlisted->n_asked; i++)
		if (unlisted->asked[i] == uid)
			return false;
	if (unlisted->n_asked == ASKED_MAX)
		return false;
	unlisted->asked[unlisted->n_asked++] = uid;
	return true;
}

static void find_owners(struct unlisted *unlisted)
{
	const struct audit *audit = unlisted->audit;

	for (size_t i = 0; i < audit->n_owners; i++)
		if (audit->owners[i].account && audit->owners[i].same == i &&
		    is_suspect(unlisted, audit->owners[i].uid)) {
			(void)may_ask(unlisted, audit->owners[i].uid);
			add_unlisted(unlisted, audit->owners[i].uid);
		}
}

static int find_running(struct unlisted *unlisted)
{
	const struct subid_live *live = unlisted->audit->in->live;
	size_t n = live == NULL || live->n == 0 ? 0 : live->userns[0].n;

	for (size_t i = 0; i < n; i++) {
		uint32_t uid = live->processes[live->userns[0].first + i].uid;
		auto_owner struct subid_owner owner = { .has_account = false };
		int r;

		if (!is_suspect(unlisted, uid) || !may_ask(unlisted, uid))
			continue;
		if (!audit_may_ask(unlisted->audit)) {
			unlisted->audit->report->unsure++;
			continue;
		}
		r = subid_owner_of_uid(unlisted->audit->in->users, uid, &owner);
		if (r == -ENOMEM)
			return r;
		if (r == 0 && owner.has_account)
			add_unlisted(unlisted, uid);
	}
	return 0;
}

int audit_find_window_unlisted(struct audit *audit)
{
	struct unlisted unlisted = { .audit = audit };
	struct audit_finding finding = { .kind = SUBID_UID, .file = "login.defs" };
	char name[256] = "somebody";
	int r;

	/* without another source the files have all accounts */
	if (!subid_users_ask_others(audit->in->users))
		return 0;
	find_owners(&unlisted);
	r = find_running(&unlisted);
	if (r < 0 || unlisted.n == 0)
		return r;
	(void)subid_users_name(audit->in->users, SUBID_UID, unlisted.first, name,
			       sizeof(name));
	finding.range = (struct id_range){ unlisted.first, 1 };
	audit_advise_run(audit, &finding,
			 "echo 'reserve %u-%u \"accounts that are not listed\"' >>%s",
			 unlisted.first, unlisted.last,
			 audit_quoted(audit, audit_in_etc(audit, SUBID_CONF_FILE)));
	audit_add_finding(
	    audit, &finding,
	    audit_text(audit,
		       "reserve all the ids that the service may give to accounts, of"
		       " which the command has those that are known here; or set"
		       " SUB_UID_MIN and SUB_GID_MIN in %s to begin behind them",
		       audit_in_etc(audit, "login.defs")),
	    "%s (uid %u)%s in the window, and the name service does not list %s: a range"
	    " granted there may have the id of such an account",
	    audit_text(audit, "account %s", name), unlisted.first,
	    unlisted.n == 1 ? " is"
			    : audit_text(audit, " and %zu more account%s are",
					 unlisted.n - 1, unlisted.n == 2 ? "" : "s"),
	    unlisted.n == 1 ? "it" : "them");
	return 0;
}
