/* SPDX-License-Identifier: MIT */
/*
 * Rules about who the owners are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

/*
 * The first entry in a table with each owner name; table->n where there is none.
 * All in one pass: an account may have as many names as the table has lines.
 */
static size_t *find_firsts(const struct audit *audit, enum subid_kind kind)
{
	const struct audit_table *view = &audit->tables[kind];
	size_t *firsts = reallocarray(NULL, audit->n_owners + 1, sizeof(*firsts));

	if (firsts == NULL)
		return NULL;
	for (size_t i = 0; i < audit->n_owners; i++)
		firsts[i] = view->table->n;
	for (size_t i = view->begin[audit->n_owners]; i-- > view->begin[0];)
		firsts[view->owner[view->order[i]]] = view->order[i];
	return firsts;
}

/* How many entries in a table have just this owner name. */
static size_t count_entries(const struct audit *audit, enum subid_kind kind, size_t owner)
{
	const struct audit_table *view = &audit->tables[kind];
	size_t same = audit->owners[owner].same, n = 0;

	for (size_t i = view->begin[same]; i < view->begin[same + 1]; i++)
		n += view->owner[view->order[i]] == owner;
	return n;
}

/*
 * Calls say() for each owner for which is_bad() is true, once for each table that names
 * it, with the finding that begins there. Without an owner that has the trait, none is
 * tested.
 */
static int
find_owners(struct audit *audit, enum audit_trait trait,
	    bool (*is_bad)(const struct audit *audit, enum subid_kind kind, size_t owner),
	    void (*say)(struct audit *audit, struct audit_finding *finding, size_t owner))
{
	if ((audit->traits >> trait & 1) == 0)
		return 0;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		auto_free size_t *firsts = find_firsts(audit, kind);

		if (firsts == NULL)
			return -ENOMEM;
		for (size_t i = 0; i < audit->n_owners; i++) {
			struct audit_finding finding;

			if (audit->owners[i].hold ||
			    firsts[i] == audit->tables[kind].table->n ||
			    !is_bad(audit, kind, i) || audit_floods(audit, (int)kind))
				continue;
			finding = audit_at_entry(audit, kind, firsts[i]);
			if (audit_skips(audit, &finding))
				continue;
			say(audit, &finding, i);
		}
	}
	return 0;
}

/* A number in a line that is the login name of an account with another uid. */
static bool is_login_name(const struct audit *audit, enum subid_kind kind, size_t owner)
{
	struct subid_owner_name text = audit_owner_text(audit, owner);
	struct subid_account account;

	(void)kind; /* in whichever table */
	return audit->owners[owner].number &&
	       subid_users_by_name(audit->in->users, text.text, text.len, &account) &&
	       account.uid != audit->owners[owner].uid;
}

static void say_login_name(struct audit *audit, struct audit_finding *finding,
			   size_t owner)
{
	struct subid_owner_name text = finding->owner;
	struct subid_account account = { .uid = 0 };
	const char *remedy;

	(void)subid_users_by_name(audit->in->users, text.text, text.len, &account);
	finding->other = text;
	if (audit->owners[owner].account) {
		remedy = audit_text(audit,
				    "rename the account %.*s, so that the line means the"
				    " one with that uid alone; usermod -l does it while"
				    " the user is logged out",
				    NAME(text));
	} else {
		remedy = audit_text(audit,
				    "write the uid, %u, as the owner: the ids and files"
				    " stay whose they are",
				    account.uid);
		audit_advise(audit, finding,
			     (struct audit_fix){
				 .verb = AUDIT_FIX_RENAME,
				 .kind = -1,
				 .owner = text,
				 .text = audit_text(audit, "%u", account.uid),
			     });
	}
	audit_add_finding(audit, finding, remedy,
			  "\"%.*s\" means the account with uid %.*s to some programs, and"
			  " the account of that name, which has uid %u, to others: both"
			  " can use the range",
			  NAME(text), NAME(text), account.uid);
}

int audit_find_owner_name_is_number(struct audit *audit)
{
	return find_owners(audit, TRAIT_NUMBER, is_login_name, say_login_name);
}

/* The owner's own id of a kind, or SUBID_ID_NONE. */
static uint32_t own_id(const struct audit_owner *owner, enum subid_kind kind)
{
	return kind == SUBID_UID ? owner->uid : owner->gid;
}

int audit_find_own_id_inside(struct audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];

		for (size_t i = 0; view->meets_accounts && i < view->table->n; i++) {
			const struct audit_owner *owner = &audit->owners[view->owner[i]];
			struct id_range id = { own_id(owner, kind), 1 };
			struct audit_finding finding;

			/* root's is includes-root's */
			if (!owner->account || owner->uid == 0 ||
			    !id_range_contains(view->table->entries[i].range, id))
				continue;
			finding = audit_at_entry(audit, kind, i);
			if (audit_skips(audit, &finding))
				continue;
			finding.range = id;
			audit_add_finding(
			    audit, &finding, audit_advise_move(audit, &finding, kind, i),
			    "%s %u is %.*s's own, and is inside the range of line %zu: "
			    "rootless runtimes map the owner's own id as well, and the "
			    "kernel refuses a map that has an id twice",
			    subid_kind_name(kind), id.start, NAME(finding.owner),
			    finding.line);
		}
	}
	return 0;
}

static bool starts_with_digit(const struct audit *audit, enum subid_kind kind,
			      size_t owner)
{
	(void)kind; /* in whichever table */
	return audit->owners[owner].digit;
}

static void say_starts_with_digit(struct audit *audit, struct audit_finding *finding,
				  size_t owner)
{
	size_t digits = 0;
	const struct audit_owner *o = &audit->owners[owner];
	const char *uid;

	while (digits < finding->owner.len && finding->owner.text[digits] >= '0' &&
	       finding->owner.text[digits] <= '9')
		digits++;
	uid = audit_text(audit, "%u", o->uid);
	if (o->account)
		audit_advise_spelling(audit, finding, finding->owner,
				      (struct subid_owner_name){ uid, strlen(uid) });
	else
		audit_advise(audit, finding,
			     (struct audit_fix){ .verb = AUDIT_FIX_REVOKE,
						 .kind = finding->kind,
						 .owner = finding->owner });
	audit_add_finding(
	    audit, finding,
	    o->account
		? audit_text(audit, "name the owner by its uid, %u, in line %zu of %s",
			     o->uid, finding->line, finding->file)
		: audit_text(audit,
			     "correct the owner in line %zu of %s, or take the range"
			     " back",
			     finding->line, finding->file),
	    "\"%.*s\" begins like a number: unshare of util-linux grants the range to uid"
	    " %.*s",
	    NAME(finding->owner), (int)digits, finding->owner.text);
}

int audit_find_owner_starts_with_digit(struct audit *audit)
{
	return find_owners(audit, TRAIT_DIGIT, starts_with_digit, say_starts_with_digit);
}

static bool needs_no_account(struct subid_owner_name owner)
{
	const struct subid_special_owner *special =
	    subid_special_owner(owner.text, owner.len);

	return special != NULL && special->needs_no_account;
}

/* What could not be found out is counted in the report, and is not a finding. */
static bool has_no_account(const struct audit *audit, size_t owner)
{
	const struct audit_owner *o = &audit->owners[owner];

	return !o->account && !o->unsure && !o->disabled &&
	       !needs_no_account(audit_owner_text(audit, owner));
}

/* A group of that name that nobody can use; not the one that a renamed user has left. */
static bool is_group(const struct audit *audit, enum subid_kind kind, size_t owner)
{
	return kind == SUBID_GID && has_no_account(audit, owner) &&
	       audit->owners[owner].group && count_entries(audit, SUBID_UID, owner) == 0;
}

/* group-as-owner, owner-name-is-number and folded-owner say more. */
static bool is_unknown(const struct audit *audit, enum subid_kind kind, size_t owner)
{
	return has_no_account(audit, owner) && !is_group(audit, kind, owner) &&
	       !is_login_name(audit, kind, owner);
}

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* What is known of an owner without account, and what to do. */
static const char *unknown_remedy(struct audit *audit, struct audit_finding *finding,
				  size_t owner, int kind, const char **ret_known)
{
	const char *by, *name = audit_renamed_to(audit, owner, &by);

	*ret_known = "";
	if (finding->owner.len > 3 &&
	    memcmp(finding->owner.text, BYTE_ORDER_MARK, 3) == 0) {
		*ret_known = "; it begins with a byte order mark, which no program passes"
			     " over";
		audit_advise_edit(audit, finding, (struct subid_owner_name){ NULL, 0 },
				  "s/^\\xef\\xbb\\xbf//");
		return "delete the byte order mark, which an editor on Windows has "
		       "written";
	}
	if (name != NULL) {
		*ret_known =
		    audit_text(audit, "; by %s it had the uid that %s has now", by, name);
		audit_advise(audit, finding,
			     (struct audit_fix){ .verb = AUDIT_FIX_RENAME,
						 .kind = -1,
						 .owner = finding->owner,
						 .text = name });
		return audit_text(audit,
				  "if the account was renamed to %s, hand the ids over:"
				  " they stay the same, and so do the files",
				  name);
	}
	if (audit->in->users->elsewhere) {
		(void)audit_advise_revoke(audit, finding, kind, owner);
		finding->fixes_need_more = true;
		return audit_text(
		    audit,
		    "nsswitch.conf names other sources of accounts than the"
		    " files: once 'getent passwd' there is known to be right"
		    " and has no %.*s, take the range back",
		    NAME(finding->owner));
	}
	if (!audit_advise_revoke(audit, finding, kind, owner))
		return NULL;
	return finding->n_fixes > 0
		   ? "stop what has these ids, as the first commands do, and take the "
		     "range back"
		   : "others have these ids, too: stop what is not theirs, and take the "
		     "range back";
}

static void say_unknown(struct audit *audit, struct audit_finding *finding, size_t owner)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	enum subid_kind other = kind == SUBID_UID ? SUBID_GID : SUBID_UID;
	size_t n = count_entries(audit, kind, owner);
	bool in_both = count_entries(audit, other, owner) > 0;
	const char *known, *remedy;

	remedy = unknown_remedy(audit, finding, owner, in_both ? -1 : (int)kind, &known);
	audit_add_finding(
	    audit, finding, remedy,
	    "there is no account %.*s, which %zu line%s of %s name%s as owner:"
	    " whoever gets that %s next gets the range and the files under its ids%s",
	    NAME(finding->owner), n, n == 1 ? "" : "s", finding->file, n == 1 ? "s" : "",
	    audit->owners[owner].number ? "uid" : "name", known);
}

/* How many owners of a table have no account, and the entry of the first. */
static int count_unknown(struct audit *audit, enum subid_kind kind, size_t *ret_n,
			 size_t *ret_entry)
{
	auto_free size_t *firsts = find_firsts(audit, kind);
	size_t none = audit->tables[kind].table->n;

	*ret_n = 0;
	*ret_entry = none;
	if (firsts == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < audit->n_owners; i++) {
		if (audit->owners[i].hold || firsts[i] == none ||
		    !is_unknown(audit, kind, i))
			continue;
		(*ret_n)++;
		if (*ret_entry > firsts[i])
			*ret_entry = firsts[i];
	}
	return 0;
}

/* Many are one cause, unless the site accepts some of them. */
int audit_find_unknown_owner(struct audit *audit)
{
	bool many = false;
	size_t n[SUBID_KINDS], entry[SUBID_KINDS];

	if ((audit->traits >> TRAIT_UNKNOWN & 1) == 0)
		return 0;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		int r = count_unknown(audit, kind, &n[kind], &entry[kind]);

		if (r < 0)
			return r;
		many |= n[kind] > AUDIT_MANY;
	}
	if (!many || audit->accepts)
		return find_owners(audit, TRAIT_UNKNOWN, is_unknown, say_unknown);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (n[kind] > 0)
			audit_say_many_unknown(audit, kind, entry[kind], n[kind]);
	return 0;
}

static void say_group(struct audit *audit, struct audit_finding *finding, size_t owner)
{
	(void)owner;
	audit_advise(audit, finding,
		     (struct audit_fix){ .verb = AUDIT_FIX_REVOKE,
					 .kind = SUBID_GID,
					 .owner = finding->owner });
	audit_add_finding(
	    audit, finding,
	    audit_text(audit,
		       "write the login name of the user who may use the gids in line %zu"
		       " of %s, or take the line back",
		       finding->line, finding->file),
	    "%.*s is a group, not an account: the owner in subgid is the user who may "
	    "use the gids, so that nobody can use this line",
	    NAME(finding->owner));
}

int audit_find_group_as_owner(struct audit *audit)
{
	return find_owners(audit, TRAIT_GROUP, is_group, say_group);
}

/* Is it not the one that the first line of the account has? */
static bool is_second_spelling(const struct audit *audit, enum subid_kind kind,
			       size_t owner)
{
	const struct audit_table *view = &audit->tables[kind];
	size_t same = audit->owners[owner].same;

	return view->begin[same + 1] - view->begin[same] > 1 &&
	       view->owner[view->order[view->begin[same]]] != owner;
}

static void say_two_spellings(struct audit *audit, struct audit_finding *finding,
			      size_t owner)
{
	const struct audit_table *view = &audit->tables[finding->kind];
	size_t first = view->order[view->begin[audit->owners[owner].same]];
	struct subid_owner_name name, number;

	finding->other = audit_owner_text(audit, view->owner[first]);
	finding->other_line = subid_table_line(view->table, &view->table->entries[first]);
	/* a name is better than a number; of two names, the first */
	name = finding->other;
	number = finding->owner;
	if (audit->owners[view->owner[first]].number) {
		name = finding->owner;
		number = finding->other;
	}
	audit_advise_spelling(audit, finding, number, name);
	audit_add_finding(
	    audit, finding,
	    audit_text(audit, "in all lines of %s that begin with \"%.*s:\", write %.*s",
		       finding->file, NAME(number), NAME(name)),
	    "line %zu names the account with uid %u as %.*s, line %zu as %.*s: programs"
	    " that read the table by themselves see one of the two",
	    finding->other_line, audit->owners[owner].uid, NAME(finding->other),
	    finding->line, NAME(finding->owner));
}

int audit_find_two_spellings(struct audit *audit)
{
	return find_owners(audit, TRAIT_SECOND, is_second_spelling, say_two_spellings);
}

/* The n-th field, from 0, of a line of passwd. */
static struct subid_owner_name field_of(const char *line, const char *end, size_t n)
{
	const char *stop = memchr(line, '\n', (size_t)(end - line)), *colon;

	if (stop == NULL)
		stop = end;
	for (; n > 0; n--) {
		colon = memchr(line, ':', (size_t)(stop - line));
		if (colon == NULL)
			return (struct subid_owner_name){ stop, 0 };
		line = colon + 1;
	}
	colon = memchr(line, ':', (size_t)(stop - line));
	return (struct subid_owner_name){ line, (size_t)((colon == NULL ? stop : colon) -
							 line) };
}

static bool ends_with(struct subid_owner_name text, const char *tail)
{
	size_t len = strlen(tail);

	return text.len >= len && memcmp(text.text + text.len - len, tail, len) == 0;
}

/* Why nobody logs in there; NULL if somebody may. */
static const char *weakness(const struct audit *audit, size_t owner)
{
	const struct audit_owner *o = &audit->owners[owner];
	const struct subid_text *passwd = &audit->in->users->passwd;
	struct subid_owner_name shell;
	struct subid_account account;
	size_t at = 0;

	if (!o->account || o->uid == 0)
		return NULL;
	if (!subid_users_by_uid(audit->in->users, o->uid, &at, &account))
		return NULL; /* of the name service, which says no more */
	shell = field_of(account.name, passwd->bytes + passwd->size, 6);
	if (ends_with(shell, "/nologin") || ends_with(shell, "/false"))
		return "its shell lets nobody log in";
	return o->expired ? "it is expired" : NULL;
}

/* One finding for both tables: it is about the account. */
int audit_find_weak_owner(struct audit *audit)
{
	for (size_t i = 0; i < audit->n_owners; i++) {
		enum subid_kind kind = (enum subid_kind)audit->owners[i].kind;
		struct audit_finding finding;
		const char *why;

		if (audit->owners[i].hold || audit->owners[i].same != i)
			continue;
		why = weakness(audit, i);
		if (why == NULL)
			continue;
		finding = audit_at_entry(audit, kind, audit->owners[i].entry);
		finding.kind = -1;
		(void)audit_advise_revoke(audit, &finding, -1, i);
		finding.fixes_need_more = true;
		audit_add_finding(audit, &finding,
				  "if no service runs containers under it, take the range"
				  " back",
				  "%.*s (uid %u) holds ranges, and %s",
				  NAME(finding.owner), audit->owners[i].uid, why);
	}
	return 0;
}
