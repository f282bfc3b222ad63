/* SPDX-License-Identifier: MIT */
/*
 * Commands that move a range, or the ids of accounts that are in one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

/* Of an account with more lines it is not found out whether both tables have a range. */
#define LINES_MAX 1000

/* Has the account just this range in a table? */
static bool has_range(const struct audit *audit, enum subid_kind kind, size_t same,
		      struct id_range range)
{
	const struct audit_table *view = &audit->tables[kind];

	if (view->begin[same + 1] - view->begin[same] > LINES_MAX)
		return false;
	for (size_t i = view->begin[same]; i < view->begin[same + 1]; i++)
		if (id_range_equal(view->table->entries[view->order[i]].range, range))
			return true;
	return false;
}

/* Where the files are that had the ids, of one kind or (kinds < 0) of both; an image's
 * homes are not looked through. */
static void advise_search(struct audit *audit, struct audit_finding *finding, int kinds,
			  struct subid_owner_name owner, struct id_range range)
{
	const char *command = audit_command(
	    audit,
	    (struct audit_fix){ .verb = AUDIT_FIX_REVOKE, .kind = -1, .owner = owner });

	if (audit->in->root != NULL)
		return;
	/* the owner as that command quotes it */
	audit_advise_run(audit, finding, "subid shift%s --owner %s --from %u:%u",
			 kinds < 0	      ? ""
			 : kinds == SUBID_UID ? " -u"
					      : " -g",
			 command + sizeof("subid revoke"), range.start, range.count);
}

/* The first line's range of an account in a table; count 0: it has none there. */
static struct id_range first_range(const struct audit *audit, enum subid_kind kind,
				   size_t owner)
{
	const struct audit_table *view = &audit->tables[kind];

	if (view->begin[owner] == view->begin[owner + 1])
		return (struct id_range){ 0, 0 };
	return view->table->entries[view->order[view->begin[owner]]].range;
}

/* The same of an account in both tables, in which it may have different numbers. */
static void advise_both(struct audit *audit, struct audit_finding *finding, size_t owner)
{
	struct subid_owner_name name = audit_owner_text(audit, owner);
	struct id_range uids = first_range(audit, SUBID_UID, owner);
	struct id_range gids = first_range(audit, SUBID_GID, owner);

	if (id_range_equal(uids, gids)) {
		advise_search(audit, finding, -1, name, uids);
		return;
	}
	if (uids.count > 0)
		advise_search(audit, finding, SUBID_UID, name, uids);
	if (gids.count > 0)
		advise_search(audit, finding, SUBID_GID, name, gids);
}

/* Is there a gap of so many ids for a grant of these kinds? */
static bool has_room(const struct audit *audit, int kinds, uint32_t count)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if ((kinds < 0 || kinds == (int)kind) &&
		    audit->report->use[kind].largest < count)
			return false;
	return true;
}

bool audit_can_grant(const struct audit *audit, size_t owner, uint32_t count)
{
	struct subid_owner_name name = audit_owner_text(audit, owner);
	const struct subid_special_owner *special =
	    subid_special_owner(name.text, name.len);

	return (audit->owners[owner].account ||
		(special != NULL && special->needs_no_account)) &&
	       has_room(audit, -1, count);
}

static const char *with_files(const struct audit *audit)
{
	return audit->in->root != NULL ? "; then move its files with 'subid shift'"
				       : ", and 'subid shift' finds the files that have "
					 "the former ids and prints"
					 " what moves them";
}

const char *audit_advise_move(struct audit *audit, struct audit_finding *finding,
			      enum subid_kind kind, size_t entry)
{
	const struct audit_table *view = &audit->tables[kind];
	const struct audit_owner *owner = &audit->owners[view->owner[entry]];
	struct subid_owner_name name = audit_owner_text(audit, view->owner[entry]);
	struct id_range range = view->table->entries[entry].range;
	enum subid_kind other = kind == SUBID_UID ? SUBID_GID : SUBID_UID;
	int kinds = has_range(audit, other, owner->same, range) ? -1 : (int)kind;
	uint32_t usual = audit->in->policy->window[kind].count;
	const char *stop = "stop the containers that use it;";
	struct audit_fix revoke = { .verb = AUDIT_FIX_REVOKE,
				    .kind = kinds,
				    .owner = name,
				    .range = range,
				    .force = audit_needs_force(audit, kinds, range) };

	if (audit_is_pool(range))
		return audit_text(audit,
				  "a runtime of %.*s may use all of this range: keep it,"
				  " and move what meets it",
				  NAME(name));
	if (owner->account && range.count > 1 && !has_room(audit, kinds, range.count))
		return audit_text(audit,
				  "no window has room for another %u ids: make room first"
				  " (window-full says how), then audit again",
				  range.count);
	if (audit_advise_free(audit, finding, kinds, range))
		stop = "stop the containers that use it, as the first commands do;";
	if (!owner->account) {
		audit_advise(audit, finding, revoke);
		return audit_text(audit, "%.*s has no account: %s take the range back",
				  NAME(name), stop);
	}
	/* nothing else can be done with one id than to have it in a container */
	if (range.count == 1) {
		audit_advise(audit, finding, revoke);
		return audit_text(audit,
				  "%s then take the id back: a line of one id passes it"
				  " through to a container; if that is meant, write in"
				  " %s: accept %s:%.*s \"why\"",
				  stop, audit_in_etc(audit, "subid.conf"),
				  audit->rule->name, NAME(name));
	}
	/* one command, so that another range comes only where one has gone: findings of
	 * both of its ends may have the command */
	audit_advise_run(
	    audit, finding, "%s && %s", audit_command(audit, revoke),
	    audit_command(audit, (struct audit_fix){
				     .verb = AUDIT_FIX_GRANT,
				     .kind = kinds,
				     .owner = name,
				     .another = true,
				     .count = range.count == usual ? 0 : range.count,
				 }));
	advise_search(audit, finding, kinds, name, range);
	return audit_text(audit,
			  "move the range %u:%u of %.*s: %s then another range takes its"
			  " place%s",
			  range.start, range.count, NAME(name), stop, with_files(audit));
}

const char *audit_advise_anew(struct audit *audit, struct audit_finding *finding,
			      size_t owner)
{
	struct subid_owner_name name = audit_owner_text(audit, owner);

	if (audit->owners[owner].account &&
	    !audit_can_grant(audit, owner, audit->in->policy->window[SUBID_UID].count))
		return "no window has room for another range: make room first "
		       "(window-full"
		       " says how), then audit again";
	if (audit_advise_revoke(audit, finding, -1, owner) && finding->n_fixes == 0)
		return audit_text(audit,
				  "others have these ids, too: stop the containers of"
				  " %.*s, then audit again",
				  NAME(name));
	finding->fixes_need_more = true;
	if (!audit->owners[owner].account)
		return audit_text(audit, "%.*s has no account: take back what it has",
				  NAME(name));
	audit_advise(
	    audit, finding,
	    (struct audit_fix){ .verb = AUDIT_FIX_GRANT, .kind = -1, .owner = name });
	if (finding->kind < 0 && finding->range.count > 0)
		advise_both(audit, finding, owner);
	else if (finding->range.count > 0)
		advise_search(audit, finding, -1, name, finding->range);
	return audit_text(audit,
			  "stop the containers of %.*s; then it gets one range with the"
			  " same numbers of both kinds%s",
			  NAME(name), with_files(audit));
}

/* Nobody types more commands than this. */
#define ACCOUNTS_MAX 8

/* The next id that no account, group or line has, for both kinds; SUBID_ID_NONE. */
static uint32_t next_free(const struct audit *audit, uint32_t from)
{
	const struct subid_policy *policy = audit->in->policy;

	for (uint64_t id = from; id <= policy->uid_max && id <= policy->gid_max; id++) {
		struct id_range just = { (uint32_t)id, 1 };
		bool taken = false;

		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
			taken |=
			    subid_set_meets(&audit->tables[kind].accounts, just, NULL) ||
			    subid_set_meets(&audit->tables[kind].table->ids, just, NULL);
		if (!taken)
			return (uint32_t)id;
	}
	return SUBID_ID_NONE;
}

/* The name of a local account or group of people with just this id; len 0. */
static struct subid_owner_name local_name(const struct audit *audit, enum subid_kind kind,
					  uint32_t id)
{
	struct subid_owner_name name = { "", 0 };
	struct subid_account account;
	struct subid_group group;
	size_t at = 0;

	if (kind == SUBID_UID && subid_users_by_uid(audit->in->users, id, &at, &account))
		name = (struct subid_owner_name){ account.name, account.name_len };
	if (kind == SUBID_UID && subid_users_by_uid(audit->in->users, id, &at, &account))
		name.len = 0; /* it has two */
	while (kind == SUBID_GID && name.len == 0 &&
	       subid_group_next(audit->in->users, &at, &group))
		if (group.gid == id)
			name = group.name;
	for (size_t i = 0; i < name.len; i++)
		if ((name.text[i] | 0x20) - 'a' > 'z' - 'a' &&
		    (i == 0 || strchr("0123456789._-", name.text[i]) == NULL))
			return (struct subid_owner_name){ "", 0 };
	return name;
}

const char *audit_advise_ids(struct audit *audit, struct audit_finding *finding,
			     const struct subid_set *ids, uint64_t n)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const struct subid_policy *policy = audit->in->policy;
	uint32_t most = kind == SUBID_UID ? policy->uid_max : policy->gid_max;
	uint32_t id =
	    policy->uid_min > policy->gid_min ? policy->uid_min : policy->gid_min;
	struct audit_finding advised = *finding;
	const char *prefix = "", *root = "/";

	if (n > ACCOUNTS_MAX)
		return NULL;
	if (audit->in->root != NULL) {
		root = audit_quoted(audit, audit->in->root);
		prefix = audit_text(audit, " -R %s", root);
	}
	for (size_t i = 0; i < ids->n; i++) {
		for (uint32_t k = 0; k < ids->ranges[i].count; k++, id++) {
			uint32_t former = ids->ranges[i].start + k;
			struct subid_owner_name name = local_name(audit, kind, former);

			id = next_free(audit, id);
			/* one that is where accounts are made is in nobody's way: the
			 * range is wrong */
			if (former <= most || name.len == 0 || id == SUBID_ID_NONE)
				return NULL;
			audit_advise_run(audit, &advised, "%s%s -%s %u %.*s",
					 kind == SUBID_UID ? "usermod" : "groupmod",
					 prefix, kind == SUBID_UID ? "u" : "g", id,
					 NAME(name));
			audit_advise_run(audit, &advised,
					 "find %s -xdev -ignore_readdir_race -%s %u",
					 root, kind == SUBID_UID ? "uid" : "gid", former);
		}
	}
	*finding = advised;
	return kind == SUBID_UID
		   ? "give the account a uid outside of the range, while its user is "
		     "logged"
		     " out: usermod changes the files in its home, and the last command"
		     " lists others that have the former uid, among which may be files of"
		     " the range's containers. Do not cut the id out of the range: the "
		     "ids"
		     " of containers would shift, and their files change owner"
		   : "give the group a gid outside of the range; the last command lists "
		     "the"
		     " files that have the former gid, among which may be files of the"
		     " range's containers. Do not cut the id out of the range: the ids of"
		     " containers would shift, and their files change owner";
}
