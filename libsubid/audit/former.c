/* SPDX-License-Identifier: MIT */
/*
 * Who owners were: accounts that were renamed, removed, or whose uid another has now, as
 * far as passwd- and the ledger know; and owners that are not what they are called.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"

/* A name that had a uid once. */
struct once {
	struct subid_owner_name name;
	uint32_t uid;
	bool ledger; /* that knows it; else passwd- */
};

struct audit_former {
	struct once *by_name; /* sorted */
	struct once *by_uid;  /* the same, by uid */
	size_t n;
	uint32_t *uids; /* of accounts that have lines, sorted */
	size_t n_uids;
};

static int compare_names(const void *a, const void *b)
{
	const struct once *x = a, *y = b;
	int order = owner_name_compare(&x->name, &y->name);

	/* passwd- is newer than most of the ledger */
	return order != 0 ? order : (int)x->ledger - (int)y->ledger;
}

static int compare_uids(const void *a, const void *b)
{
	const struct once *x = a, *y = b;

	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return compare_names(a, b);
}

static int compare_numbers(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int add(struct audit_former *former, struct once once)
{
	if (array_grow(&former->by_name, former->n, sizeof(*former->by_name)) < 0)
		return -ENOMEM;
	former->by_name[former->n++] = once;
	return 0;
}

static int add_passwd(const struct subid_text *passwd, struct audit_former *former)
{
	size_t pos = 0, len;
	const char *line;
	int r = 0;

	while (r == 0 && subid_text_next(passwd, &pos, &line, &len)) {
		const char *at = line;
		struct once once = { .ledger = false };

		if (subid_account_head(&at, line + len, &once.name, &once.uid))
			r = add(former, once);
	}
	return r;
}

static bool is_number(struct subid_owner_name name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.text[i] < '0' || name.text[i] > '9')
			return false;
	return name.len > 0;
}

static int add_ledger(const struct ledger *ledger, struct audit_former *former)
{
	int r = 0;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		for (size_t i = 0; r == 0 && i < ledger->of[kind].n; i++) {
			const struct ledger_entry *entry = &ledger->of[kind].entries[i];

			if (entry->uid != SUBID_ID_NONE && entry->owner.len > 0 &&
			    !is_number(entry->owner))
				r = add(former,
					(struct once){ entry->owner, entry->uid, true });
		}
	}
	return r;
}

static int sort(struct audit *audit, struct audit_former *former)
{
	former->by_uid = calloc(former->n + 1, sizeof(*former->by_uid));
	former->uids = calloc(audit->n_owners + 1, sizeof(*former->uids));
	if (former->by_uid == NULL || former->uids == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < audit->n_owners; i++)
		if (audit->owners[i].account)
			former->uids[former->n_uids++] = audit->owners[i].uid;
	qsort(former->uids, former->n_uids, sizeof(*former->uids), compare_numbers);
	if (former->n == 0)
		return 0;
	memcpy(former->by_uid, former->by_name, former->n * sizeof(*former->by_uid));
	qsort(former->by_name, former->n, sizeof(*former->by_name), compare_names);
	qsort(former->by_uid, former->n, sizeof(*former->by_uid), compare_uids);
	return 0;
}

void audit_former_free(struct audit_former *former)
{
	if (former == NULL)
		return;
	free(former->by_name);
	free(former->by_uid);
	free(former->uids);
	free(former);
}

/* Made when the first rule asks: most tables need none.  NULL when out of memory. */
static const struct audit_former *find_former(struct audit *audit)
{
	const struct audit_input *in = audit->in;
	struct audit_former *former = audit->former;
	int r = 0;

	if (former != NULL)
		return former;
	former = audit->former = calloc(1, sizeof(*former));
	if (former == NULL)
		r = -ENOMEM;
	if (r == 0 && in->former_passwd != NULL)
		r = add_passwd(in->former_passwd, former);
	if (r == 0 && in->ledger != NULL)
		r = add_ledger(in->ledger, former);
	if (r == 0)
		r = sort(audit, former);
	if (r < 0)
		audit->error = r;
	return r < 0 ? NULL : former;
}

static bool name_before(const void *element, const void *key)
{
	return owner_name_compare(&((const struct once *)element)->name, key) < 0;
}

static bool uid_before(const void *element, const void *key)
{
	return ((const struct once *)element)->uid < *(const uint32_t *)key;
}

static const char *known_by(struct audit *audit, const struct once *once)
{
	return once->ledger ? "the ledger" : audit_in_etc(audit, "passwd-");
}

/* The name of the account that has a uid; NULL: none, or it cannot be found out. */
static const char *name_of(struct audit *audit, uint32_t uid)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	int r = subid_owner_of_uid(audit->in->users, uid, &owner);

	if (r == -ENOMEM)
		audit->error = r;
	if (r != 0 || !owner.has_account || owner.n < 2)
		return NULL; /* the last spelling is the number */
	return audit_text(audit, "%.*s", NAME(owner.spellings[0]));
}

const char *audit_renamed_to(struct audit *audit, size_t owner, const char **ret_by)
{
	const struct audit_former *former = find_former(audit);
	struct subid_owner_name text = audit_owner_text(audit, owner);
	size_t i;

	if (former == NULL || audit->owners[owner].number)
		return NULL;
	for (i = array_search(former->by_name, former->n, sizeof(*former->by_name), &text,
			      name_before);
	     i < former->n && owner_name_compare(&former->by_name[i].name, &text) == 0;
	     i++) {
		const struct once *once = &former->by_name[i];
		const char *name;

		if (bsearch(&once->uid, former->uids, former->n_uids,
			    sizeof(*former->uids), compare_numbers) != NULL)
			continue;
		name = name_of(audit, once->uid);
		if (name == NULL)
			continue;
		*ret_by = known_by(audit, once);
		return name;
	}
	return NULL;
}

const char *audit_ledger_tells(struct audit *audit, enum subid_kind kind,
			       struct id_range ids)
{
	const struct ledger_list *list;
	const struct ledger_entry *entry;
	struct id_range common;
	char until[32] = "";
	struct tm when;
	time_t time;
	size_t i;

	if (audit->in->ledger == NULL)
		return "";
	list = &audit->in->ledger->of[kind];
	for (i = ledger_find(list, ids.start); i < list->n; i++)
		if (list->entries[i].owner.len > 0)
			break;
	if (i == list->n)
		return "";
	entry = &list->entries[i];
	common = id_range_common(entry->range, ids);
	if (common.count == 0)
		return "";
	time = (time_t)entry->until;
	if (entry->until > 0 && gmtime_r(&time, &when) != NULL)
		(void)strftime(until, sizeof(until), " until %Y-%m-%d", &when);
	return audit_text(audit, "; by the ledger %ss %u-%llu were %.*s's%s",
			  subid_kind_name(kind), FIRST_LAST(common), NAME(entry->owner),
			  until);
}

bool audit_is_name_of(const struct audit *audit, struct subid_owner_name name,
		      uint32_t uid)
{
	struct subid_account account;
	uint32_t number;

	if (subid_id_parse(name.text, name.len, &number) == 0)
		return number == uid;
	return name.len > 0 &&
	       subid_users_by_name(audit->in->users, name.text, name.len, &account) &&
	       account.uid == uid;
}

/* Who had a uid before, under another name than now. */
static const struct once *find_earlier(struct audit *audit, uint32_t uid,
				       const char **ret_name)
{
	const struct audit_former *former = find_former(audit);
	const struct once *found = NULL;
	size_t i;

	if (former == NULL)
		return NULL;
	i = array_search(former->by_uid, former->n, sizeof(*former->by_uid), &uid,
			 uid_before);
	*ret_name = NULL;
	for (; i < former->n && former->by_uid[i].uid == uid; i++) {
		if (*ret_name == NULL)
			*ret_name = name_of(audit, uid);
		if (*ret_name == NULL)
			return NULL;
		if (!owner_name_is(former->by_uid[i].name, *ret_name) &&
		    !audit_is_name_of(audit, former->by_uid[i].name, uid))
			found = &former->by_uid[i];
	}
	return found;
}

static void say_former(struct audit *audit, size_t i, const struct once *once,
		       const char *name)
{
	const struct audit_owner *owner = &audit->owners[i];
	struct audit_finding finding =
	    audit_at_entry(audit, (enum subid_kind)owner->kind, owner->entry);
	const char *remedy;

	finding.kind = -1;
	finding.other = once->name;
	if (audit_skips(audit, &finding))
		return;
	remedy = audit_advise_anew(audit, &finding, i);
	audit_add_finding(
	    audit, &finding,
	    audit_text(audit,
		       "if %s is only the new name of %.*s, all is well; if not, %s",
		       name, NAME(once->name), remedy),
	    "uid %u, which owns this range, was %.*s's by %s and is %s's now, who"
	    " gets the files that the former containers left",
	    owner->uid, NAME(once->name), known_by(audit, once), name);
}

int audit_find_former_owner(struct audit *audit)
{
	for (size_t i = 0; i < audit->n_owners; i++) {
		const struct audit_owner *owner = &audit->owners[i];
		const struct once *once;
		const char *name;

		if (owner->hold || !owner->number || !owner->account)
			continue;
		once = find_earlier(audit, owner->uid, &name);
		if (once != NULL)
			say_former(audit, i, once, name);
	}
	return 0;
}

/* --- ids that somebody had --- */

/* The ids that the ledger knows as those of the account with that uid, and the others
 * that it knows as somebody's. */
static int ids_by_ledger(const struct audit *audit, enum subid_kind kind, uint32_t uid,
			 struct subid_set *ret_own, struct subid_set *ret_others)
{
	const struct ledger *ledger = audit->in->ledger;
	int r = 0;

	for (size_t i = 0; ledger != NULL && r == 0 && i < ledger->of[kind].n; i++) {
		const struct ledger_entry *entry = &ledger->of[kind].entries[i];
		bool own =
		    entry->uid == uid || (entry->uid == SUBID_ID_NONE &&
					  audit_is_name_of(audit, entry->owner, uid));

		if (entry->state != LEDGER_CLEARED && (own || entry->owner.len > 0))
			r = subid_set_add(own ? ret_own : ret_others, entry->range);
	}
	subid_set_sort(ret_own);
	subid_set_sort(ret_others);
	return r;
}

/* The ids that a backup table grants to others than the holder. */
static int others_before(const struct subid_table *backup, const struct subid_set *own,
			 struct subid_set *ret)
{
	auto_set struct subid_set all = { .n = 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < backup->n; i++)
		if (!subid_owner_is_hold(subid_table_owner(backup, &backup->entries[i]),
					 backup->entries[i].owner_len))
			r = subid_set_add(&all, backup->entries[i].range);
	subid_set_sort(&all);
	if (r == 0)
		r = subid_set_subtract(&all, own, ret);
	subid_set_sort(ret);
	return r;
}

static int add_resting(const struct subid_set *resting, const struct subid_set *others,
		       struct subid_set *ret)
{
	int r = subid_set_subtract(resting, others, ret);

	subid_set_sort(ret);
	return r;
}

/* Ids of lines whose owner has no account: the owner of the namespace, whose account was
 * deleted, had some of them. */
static int accountless_ids(const struct audit *audit, const struct subid_table *table,
			   struct subid_set *ret)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct subid_entry *entry = &table->entries[i];
		auto_owner struct subid_owner owner = { .has_account = false };
		auto_free char *name =
		    strndup(subid_table_owner(table, entry), entry->owner_len);
		int r = name == NULL ? -ENOMEM
				     : subid_owner_find(audit->in->users, name, &owner);

		if (r == SUBID_UNKNOWN)
			r = subid_set_insert(ret, entry->range);
		if (r == -ENOMEM)
			return r;
	}
	return 0;
}

/* What an owner had by a backup: of ids that several had, the first line's, as the ledger
 * has it once it has read the backup. */
static int ids_by_backup(const struct subid_table *backup,
			 const struct subid_owner *owner, struct subid_set *ret)
{
	auto_ledger_list struct ledger_list list = { .n = 0 };
	int r = ledger_of_table(backup, &list);

	for (size_t i = 0; r == 0 && i < list.n; i++)
		for (size_t k = 0; r == 0 && k < owner->n; k++)
			if (owner_name_compare(&list.entries[i].owner,
					       &owner->spellings[k]) == 0)
				r = subid_set_add(ret, list.entries[i].range);
	return r;
}

int audit_former_ids(const struct audit *audit, uint32_t uid, enum subid_kind kind,
		     struct subid_set *ret)
{
	static const struct subid_owner_name released = {
		SUBID_OWNER_RELEASED,
		sizeof(SUBID_OWNER_RELEASED) - 1,
	};
	const struct subid_table *backup = audit->in->backups[kind];
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_set struct subid_set resting = { .n = 0 }, others = { .n = 0 };
	int r = subid_table_owned(audit->tables[kind].table, &released, 1, &resting);

	if (r == 0)
		r = ids_by_ledger(audit, kind, uid, ret, &others);
	if (r < 0 || backup == NULL)
		return r < 0 ? r : add_resting(&resting, &others, ret);
	r = subid_owner_of_uid(audit->in->users, uid, &owner);
	if (r == -ENOMEM)
		return r;
	r = r == SUBID_UNKNOWN ? accountless_ids(audit, backup, ret)
			       : ids_by_backup(backup, &owner, ret);
	subid_set_sort(ret);
	if (r == 0)
		r = others_before(backup, ret, &others);
	return r == 0 ? add_resting(&resting, &others, ret) : r;
}

/* Calls say() for each owner with a trait, once for each table that names it. */
static void find_marked(struct audit *audit, bool disabled,
			void (*say)(struct audit *audit, struct audit_finding *finding,
				    size_t owner))
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];
		auto_free bool *seen = calloc(audit->n_owners + 1, sizeof(*seen));

		if (seen == NULL) {
			audit->error = -ENOMEM;
			return;
		}
		for (size_t i = 0; i < view->table->n; i++) {
			uint32_t owner = view->owner[i];
			struct audit_finding finding;

			if (seen[owner] || (disabled ? !audit->owners[owner].disabled
						     : !audit->owners[owner].folded))
				continue;
			seen[owner] = true;
			finding = audit_at_entry(audit, kind, i);
			if (!audit_skips(audit, &finding))
				say(audit, &finding, owner);
		}
	}
}

static void say_disabled(struct audit *audit, struct audit_finding *finding, size_t owner)
{
	struct subid_owner_name name = finding->owner;

	(void)owner;
	finding->other = (struct subid_owner_name){ name.text + 1, name.len - 1 };
	audit_add_finding(audit, finding, NULL,
			  "line %zu of %s is kept, disabled by apptainer for %.*s",
			  finding->line, finding->file, NAME(finding->other));
}

int audit_find_disabled_owner(struct audit *audit)
{
	if ((audit->traits >> TRAIT_DISABLED & 1) != 0)
		find_marked(audit, true, say_disabled);
	return 0;
}

static void say_folded(struct audit *audit, struct audit_finding *finding, size_t owner)
{
	const char *name = name_of(audit, audit->owners[owner].uid);

	if (name == NULL)
		return;
	finding->other = (struct subid_owner_name){ name, strlen(name) };
	audit_advise_spelling(audit, finding, finding->owner, finding->other);
	audit_add_finding(
	    audit, finding,
	    audit_text(audit, "write %s as the owner; the ids stay the same", name),
	    "the name service takes %.*s for the account %s, and programs that compare"
	    " names do not",
	    NAME(finding->owner), name);
}

int audit_find_folded_owner(struct audit *audit)
{
	if ((audit->traits >> TRAIT_FOLDED & 1) != 0)
		find_marked(audit, false, say_folded);
	return 0;
}

int audit_find_hold_as_account(struct audit *audit)
{
	static const char *const holds[] = { SUBID_OWNER_RELEASED, SUBID_OWNER_RESERVED };

	for (size_t i = 0; i < sizeof(holds) / sizeof(holds[0]); i++) {
		const char *name = holds[i] + 1;
		struct audit_finding finding = {
			.kind = -1,
			.owner = { name, strlen(name) },
		};
		struct subid_account account;

		if (!subid_users_by_name(audit->in->users, name, strlen(name), &account))
			continue;
		if (audit->in->root == NULL)
			audit_advise_run(audit, &finding, "usermod -l %s-1 %s", name,
					 name);
		audit_add_finding(
		    audit, &finding, "rename the account, while its user is logged out",
		    "there is an account %s (uid %u): 'apptainer config fakeroot --enable"
		    " %s' would give it the ids that %s holds",
		    name, account.uid, name, holds[i]);
	}
	return 0;
}
