/* SPDX-License-Identifier: MIT */
/*
 * Rules about who the owners are.
 */
#include <string.h>

#include "audit_private.h"
#include "users_private.h"

/* How many entries an account has in a table, under whatever spelling. */
static size_t entries_of(const struct subid_audit *audit, enum subid_kind kind,
			 size_t owner)
{
	const struct audit_table *view = &audit->tables[kind];

	return view->begin[owner + 1] - view->begin[owner];
}

/*
 * The first entry in a table that is spelt just so; table->n if there is none.  For
 * owners that a rule is about: looks through the entries of the account.
 */
static size_t first_entry(const struct subid_audit *audit, enum subid_kind kind,
			  size_t owner)
{
	const struct audit_table *view = &audit->tables[kind];
	size_t same = audit->owners[owner].same;

	for (size_t i = view->begin[same]; i < view->begin[same + 1]; i++)
		if (view->owner[view->order[i]] == owner)
			return view->order[i];
	return view->table->n;
}

/* How many entries in a table are spelt just so. */
static size_t count_entries(const struct subid_audit *audit, enum subid_kind kind,
			    size_t owner)
{
	const struct audit_table *view = &audit->tables[kind];
	size_t same = audit->owners[owner].same, n = 0;

	for (size_t i = view->begin[same]; i < view->begin[same + 1]; i++)
		n += view->owner[view->order[i]] == owner;
	return n;
}

/*
 * Hands each owner for which is_bad() holds to say(), once for each table that names
 * it, with the finding that begins there.  No owner is asked without the trait.
 */
static int find_owners(struct subid_audit *audit, enum audit_trait trait,
		       bool (*is_bad)(const struct subid_audit *audit,
				      enum subid_kind kind, size_t owner),
		       void (*say)(struct subid_audit *audit,
				   struct subid_finding *finding, size_t owner))
{
	if ((audit->traits >> trait & 1) == 0)
		return 0;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		for (size_t i = 0; i < audit->n_owners; i++) {
			struct subid_finding finding;
			size_t entry;

			if (audit->owners[i].hold || !is_bad(audit, kind, i))
				continue;
			entry = first_entry(audit, kind, i);
			if (entry == audit->tables[kind].table->n ||
			    audit_floods(audit, (int)kind))
				continue;
			finding = audit_at_entry(audit, kind, entry);
			if (audit_skips(audit, &finding))
				continue;
			say(audit, &finding, i);
		}
	}
	return 0;
}

/* A number in a line, and an account of another uid that is called so. */
static bool is_login_name(const struct subid_audit *audit, enum subid_kind kind,
			  size_t owner)
{
	struct subid_spelling text = audit_owner_text(audit, owner);
	struct subid_account account;

	(void)kind; /* in whichever table */
	return audit->owners[owner].number &&
	       subid_users_by_name(audit->in->users, text.text, text.len, &account) &&
	       account.uid != audit->owners[owner].uid;
}

static void say_login_name(struct subid_audit *audit, struct subid_finding *finding,
			   size_t owner)
{
	struct subid_spelling text = finding->owner;
	struct subid_account account = { .uid = 0 };

	(void)owner;
	(void)subid_users_by_name(audit->in->users, text.text, text.len, &account);
	finding->other = text;
	audit_report(audit, finding,
		     audit_text(audit,
				"rename the account (usermod -l NEW %.*s), and name the"
				" owner that is meant in line %zu of %s",
				SPELLING(text), finding->line, finding->file),
		     "\"%.*s\" means the account with uid %.*s to some programs, and"
		     " the account of that name, which has uid %u, to others: both"
		     " can use the range",
		     SPELLING(text), SPELLING(text), account.uid);
}

int audit_find_owner_name_is_number(struct subid_audit *audit)
{
	return find_owners(audit, TRAIT_NUMBER, is_login_name, say_login_name);
}

/* The owner's own id of a kind, or SUBID_ID_NONE. */
static uint32_t own_id(const struct audit_owner *owner, enum subid_kind kind)
{
	return kind == SUBID_UID ? owner->uid : owner->gid;
}

int audit_find_own_id_inside(struct subid_audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];

		for (size_t i = 0; view->meets_accounts && i < view->table->n; i++) {
			const struct audit_owner *owner = &audit->owners[view->owner[i]];
			struct id_range id = { own_id(owner, kind), 1 };
			struct subid_finding finding;

			/* root's is includes-root's */
			if (!owner->account || owner->uid == 0 ||
			    !id_range_contains(view->table->entries[i].range, id))
				continue;
			finding = audit_at_entry(audit, kind, i);
			if (audit_skips(audit, &finding))
				continue;
			finding.fix = audit_text(
			    audit, "subid revoke %s --range %u:1 --reuse '%.*s'",
			    kind == SUBID_UID ? "-u" : "-g", id.start,
			    SPELLING(finding.owner));
			finding.range = id;
			audit_report(
			    audit, &finding, finding.fix,
			    "%s %u is %.*s's own, and lies in the range of line %zu:"
			    " rootless runtimes map the own id besides, and the kernel"
			    " refuses a map that has an id twice",
			    subid_kind_name(kind), id.start, SPELLING(finding.owner),
			    finding.line);
		}
	}
	return 0;
}

static bool starts_with_digit(const struct subid_audit *audit, enum subid_kind kind,
			      size_t owner)
{
	(void)kind; /* in whichever table */
	return audit->owners[owner].digit;
}

static void say_starts_with_digit(struct subid_audit *audit,
				  struct subid_finding *finding, size_t owner)
{
	size_t digits = 0;
	const struct audit_owner *o = &audit->owners[owner];

	while (digits < finding->owner.len && finding->owner.text[digits] >= '0' &&
	       finding->owner.text[digits] <= '9')
		digits++;
	audit_report(
	    audit, finding,
	    o->account
		? audit_text(audit, "name the owner by its uid, %u, in line %zu of %s",
			     o->uid, finding->line, finding->file)
		: audit_text(audit,
			     "correct the owner in line %zu of %s, or delete the line",
			     finding->line, finding->file),
	    "\"%.*s\" begins like a number: unshare of util-linux gives the range to uid"
	    " %.*s",
	    SPELLING(finding->owner), (int)digits, finding->owner.text);
}

int audit_find_owner_starts_with_digit(struct subid_audit *audit)
{
	return find_owners(audit, TRAIT_DIGIT, starts_with_digit, say_starts_with_digit);
}

static bool is_text(struct subid_spelling spelling, const char *text)
{
	return spelling.len == strlen(text) &&
	       memcmp(spelling.text, text, spelling.len) == 0;
}

/* Who needs no account: podman's --userns=auto and Docker's default remap. */
static bool needs_no_account(struct subid_spelling owner)
{
	return is_text(owner, "containers") || is_text(owner, "dockremap");
}

/* What could not be found out is counted in the report, and not held against it. */
static bool has_no_account(const struct subid_audit *audit, size_t owner)
{
	const struct audit_owner *o = &audit->owners[owner];

	return !o->account && !o->unsure &&
	       !needs_no_account(audit_owner_text(audit, owner));
}

/* group-as-owner says more about a group. */
static bool is_unknown(const struct subid_audit *audit, enum subid_kind kind,
		       size_t owner)
{
	return has_no_account(audit, owner) &&
	       !(kind == SUBID_GID && audit->owners[owner].group);
}

static void say_unknown(struct subid_audit *audit, struct subid_finding *finding,
			size_t owner)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	size_t n = count_entries(audit, kind, owner);

	finding->fix =
	    audit_text(audit, "subid revoke %s '%.*s'", kind == SUBID_UID ? "-u" : "-g",
		       SPELLING(finding->owner));
	audit_report(
	    audit, finding, finding->fix,
	    "there is no account %.*s, which %zu line%s of %s name%s as owner:"
	    " whoever gets that %s next gets the range and the files under its ids",
	    SPELLING(finding->owner), n, n == 1 ? "" : "s", finding->file,
	    n == 1 ? "s" : "", audit->owners[owner].number ? "uid" : "name");
}

int audit_find_unknown_owner(struct subid_audit *audit)
{
	return find_owners(audit, TRAIT_UNKNOWN, is_unknown, say_unknown);
}

static bool is_group(const struct subid_audit *audit, enum subid_kind kind, size_t owner)
{
	return kind == SUBID_GID && has_no_account(audit, owner) &&
	       audit->owners[owner].group;
}

static void say_group(struct subid_audit *audit, struct subid_finding *finding,
		      size_t owner)
{
	(void)owner;
	audit_report(
	    audit, finding,
	    audit_text(
		audit,
		"put the login name of the user who is to use the gids in line %zu of"
		" %s, or: subid revoke -g '%.*s'",
		finding->line, finding->file, SPELLING(finding->owner)),
	    "%.*s is a group and no account: the owner in subgid is the user who may use"
	    " the gids, so that nobody can use this line",
	    SPELLING(finding->owner));
}

int audit_find_group_as_owner(struct subid_audit *audit)
{
	return find_owners(audit, TRAIT_GROUP, is_group, say_group);
}

/* Is it not the one that the first line of the account has? */
static bool is_second_spelling(const struct subid_audit *audit, enum subid_kind kind,
			       size_t owner)
{
	const struct audit_table *view = &audit->tables[kind];
	size_t same = audit->owners[owner].same;

	return view->begin[same + 1] - view->begin[same] > 1 &&
	       view->owner[view->order[view->begin[same]]] != owner;
}

static void say_two_spellings(struct subid_audit *audit, struct subid_finding *finding,
			      size_t owner)
{
	const struct audit_table *view = &audit->tables[finding->kind];
	size_t first = view->order[view->begin[audit->owners[owner].same]];

	finding->other = audit_owner_text(audit, view->owner[first]);
	finding->other_line = subid_table_line(view->table, &view->table->entries[first]);
	audit_report(
	    audit, finding,
	    audit_text(audit,
		       "write one of the two, the login name as a rule, in all lines"
		       " of %s that are this account's",
		       finding->file),
	    "line %zu names the account with uid %u as %.*s, line %zu as %.*s: programs "
	    "that"
	    " read the table by themselves see one of the two",
	    finding->other_line, audit->owners[owner].uid, SPELLING(finding->other),
	    finding->line, SPELLING(finding->owner));
}

int audit_find_two_spellings(struct subid_audit *audit)
{
	return find_owners(audit, TRAIT_SECOND, is_second_spelling, say_two_spellings);
}

/* The n-th field, from 0, of a line of passwd. */
static struct subid_spelling field_of(const char *line, const char *end, size_t n)
{
	const char *stop = memchr(line, '\n', (size_t)(end - line)), *colon;

	if (stop == NULL)
		stop = end;
	for (; n > 0; n--) {
		colon = memchr(line, ':', (size_t)(stop - line));
		if (colon == NULL)
			return (struct subid_spelling){ stop, 0 };
		line = colon + 1;
	}
	colon = memchr(line, ':', (size_t)(stop - line));
	return (struct subid_spelling){ line,
					(size_t)((colon == NULL ? stop : colon) - line) };
}

static bool ends_with(struct subid_spelling text, const char *tail)
{
	size_t len = strlen(tail);

	return text.len >= len && memcmp(text.text + text.len - len, tail, len) == 0;
}

/* Why nobody logs in there; NULL if somebody may. */
static const char *weakness(const struct subid_audit *audit, size_t owner)
{
	const struct audit_owner *o = &audit->owners[owner];
	const struct subid_text *passwd = &audit->in->users->passwd;
	struct subid_spelling shell;
	struct subid_account account;
	size_t at = 0;

	if (!o->account || o->uid == 0)
		return NULL;
	if (o->uid < audit->in->policy->uid_min)
		return "it is a system account";
	if (!subid_users_by_uid(audit->in->users, o->uid, &at, &account))
		return NULL; /* the name service's, which tells no more */
	shell = field_of(account.name, passwd->bytes + passwd->size, 6);
	if (ends_with(shell, "/nologin") || ends_with(shell, "/false"))
		return "its shell lets nobody log in";
	return o->locked ? "its password is locked" : NULL;
}

/* One finding for both tables: it is about the account. */
int audit_find_weak_owner(struct subid_audit *audit)
{
	for (size_t i = 0; i < audit->n_owners; i++) {
		enum subid_kind kind = (enum subid_kind)audit->owners[i].kind;
		struct subid_finding finding;
		const char *why;

		if (audit->owners[i].hold || audit->owners[i].same != i)
			continue;
		why = weakness(audit, i);
		if (why == NULL)
			continue;
		finding = audit_at_entry(audit, kind, audit->owners[i].entry);
		finding.kind = -1;
		audit_report(audit, &finding,
			     audit_text(audit,
					"if no service runs containers under it: subid"
					" revoke '%.*s'",
					SPELLING(finding.owner)),
			     "%.*s (uid %u) holds ranges, and %s",
			     SPELLING(finding.owner), audit->owners[i].uid, why);
	}
	return 0;
}

/* The ids that an account has in a table, under whatever spelling, into an empty set. */
static int holdings(const struct subid_audit *audit, enum subid_kind kind, size_t owner,
		    struct subid_set *ret)
{
	const struct audit_table *view = &audit->tables[kind];
	int r = 0;

	for (size_t i = view->begin[owner]; r == 0 && i < view->begin[owner + 1]; i++)
		r = subid_set_add(ret, view->table->entries[view->order[i]].range);
	subid_set_sort(ret);
	return r;
}

/* Has policy switched one of the tables off, or could it not be read? */
static bool is_off(const struct subid_audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (audit->in->policy->window[kind].count == 0 ||
		    audit->in->tables[kind] == NULL)
			return true;
	return false;
}

static void say_one_sided(struct subid_audit *audit, enum subid_kind kind, size_t owner)
{
	const struct audit_table *view = &audit->tables[kind];
	size_t entry = view->order[view->begin[owner]];
	struct subid_finding finding = audit_at_entry(audit, kind, entry);
	const char *missing = kind == SUBID_UID ? "-g" : "-u";

	if (audit_skips(audit, &finding))
		return;
	finding.fix =
	    audit_text(audit, "subid grant %s --range %u:%u '%.*s'", missing,
		       finding.range.start, finding.range.count, SPELLING(finding.owner));
	audit_report(
	    audit, &finding, finding.fix,
	    "%.*s has %u %ss (line %zu) and no %ss: a container needs both, and does not"
	    " start, or runs with a single id",
	    SPELLING(finding.owner), finding.range.count, subid_kind_name(kind),
	    finding.line, subid_kind_name(kind == SUBID_UID ? SUBID_GID : SUBID_UID));
}

int audit_find_one_sided(struct subid_audit *audit)
{
	if (audit->alike || is_off(audit))
		return 0;
	for (size_t i = 0; i < audit->n_owners; i++) {
		size_t uids = entries_of(audit, SUBID_UID, i);
		size_t gids = entries_of(audit, SUBID_GID, i);

		if (audit->owners[i].hold || (uids > 0) == (gids > 0))
			continue;
		say_one_sided(audit, uids > 0 ? SUBID_UID : SUBID_GID, i);
	}
	return 0;
}

static bool is_equal(const struct subid_set *a, const struct subid_set *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->ranges, b->ranges,
						    a->n * sizeof(*a->ranges)) == 0);
}

/* Are an account's lines in both tables the same, one by one? */
static bool has_same_lines(const struct subid_audit *audit, size_t owner)
{
	const struct audit_table *uid = &audit->tables[SUBID_UID];
	const struct audit_table *gid = &audit->tables[SUBID_GID];
	size_t n = entries_of(audit, SUBID_UID, owner);

	if (entries_of(audit, SUBID_GID, owner) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		size_t u = uid->order[uid->begin[owner] + i];
		size_t g = gid->order[gid->begin[owner] + i];

		if (!id_range_equal(uid->table->entries[u].range,
				    gid->table->entries[g].range))
			return false;
	}
	return true;
}

static void say_unequal(struct subid_audit *audit, size_t owner,
			const struct subid_set *uids, const struct subid_set *gids)
{
	const struct audit_table *view = &audit->tables[SUBID_UID];
	size_t entry = view->order[view->begin[owner]];
	struct subid_finding finding = audit_at_entry(audit, SUBID_UID, entry);
	size_t i = 0;

	finding.kind = -1;
	if (audit_skips(audit, &finding))
		return;
	/* the first range in which the two differ */
	while (i < uids->n && i < gids->n &&
	       id_range_equal(uids->ranges[i], gids->ranges[i]))
		i++;
	if (i < uids->n && i < gids->n)
		audit_report(audit, &finding, NULL,
			     "%.*s has uids %u-%llu where its gids are %u-%llu: some"
			     " programs, kubelet among them, take the same numbers for"
			     " both",
			     SPELLING(finding.owner), FIRST_LAST(uids->ranges[i]),
			     FIRST_LAST(gids->ranges[i]));
	else
		audit_report(audit, &finding, NULL,
			     "%.*s has %llu uids and %llu gids: some programs, kubelet"
			     " among them, take the same numbers for both",
			     SPELLING(finding.owner),
			     (unsigned long long)subid_set_size(uids),
			     (unsigned long long)subid_set_size(gids));
}

int audit_find_unequal(struct subid_audit *audit)
{
	int r = 0;

	if (audit->alike || is_off(audit))
		return 0;
	for (size_t i = 0; r == 0 && i < audit->n_owners; i++) {
		auto_set struct subid_set uids = { .n = 0 }, gids = { .n = 0 };

		if (audit->owners[i].hold || entries_of(audit, SUBID_UID, i) == 0 ||
		    entries_of(audit, SUBID_GID, i) == 0 || has_same_lines(audit, i))
			continue;
		r = holdings(audit, SUBID_UID, i, &uids);
		if (r == 0)
			r = holdings(audit, SUBID_GID, i, &gids);
		if (r == 0 && !is_equal(&uids, &gids))
			say_unequal(audit, i, &uids, &gids);
	}
	return r;
}

/* Less than an image may need. */
#define WANTED 65536

static const char *remedy_for_pieces(struct subid_audit *audit,
				     const struct subid_finding *finding)
{
	return audit_text(
	    audit,
	    "subid grant --another --count %u '%.*s' gives a range of %u in one"
	    " piece",
	    WANTED, SPELLING(finding->owner), WANTED);
}

static void say_small(struct subid_audit *audit, struct subid_finding *finding,
		      uint64_t size, size_t pieces)
{
	(void)pieces;
	audit_report(
	    audit, finding, remedy_for_pieces(audit, finding),
	    "%.*s has %llu %s%s: an image whose files have ids beyond them, nobody's"
	    " 65534 among them, cannot be unpacked",
	    SPELLING(finding->owner), (unsigned long long)size,
	    subid_kind_name((enum subid_kind)finding->kind), size == 1 ? "" : "s");
}

static void say_fragmented(struct subid_audit *audit, struct subid_finding *finding,
			   uint64_t size, size_t pieces)
{
	audit_report(
	    audit, finding, remedy_for_pieces(audit, finding),
	    "%.*s has %llu %ss in %zu pieces, none of %u: programs that use one line"
	    " alone have too few",
	    SPELLING(finding->owner), (unsigned long long)size,
	    subid_kind_name((enum subid_kind)finding->kind), pieces, WANTED);
}

/* Has some line as many ids as are wanted?  Else their sum, which most often says all. */
static bool has_large_line(const struct subid_audit *audit, enum subid_kind kind,
			   size_t owner, uint64_t *ret_sum)
{
	const struct audit_table *view = &audit->tables[kind];

	*ret_sum = 0;
	for (size_t i = view->begin[owner]; i < view->begin[owner + 1]; i++) {
		uint32_t count = view->table->entries[view->order[i]].range.count;

		if (count >= WANTED)
			return true;
		*ret_sum += count;
	}
	return false;
}

/* The number of an account's ids, its pieces, and whether one has as many as wanted. */
static int count_pieces(const struct subid_audit *audit, enum subid_kind kind,
			size_t owner, uint64_t *ret_size, size_t *ret_pieces,
			bool *ret_large)
{
	auto_set struct subid_set ids = { .n = 0 };
	int r = holdings(audit, kind, owner, &ids);

	if (r < 0)
		return r;
	*ret_size = subid_set_size(&ids);
	*ret_pieces = ids.n;
	*ret_large = false;
	for (size_t i = 0; i < ids.n; i++)
		*ret_large |= ids.ranges[i].count >= WANTED;
	return 0;
}

/* Hands each account that has no piece of WANTED ids, but in all fewer, or not, to say().
 */
static int find_pieces(struct subid_audit *audit, bool few,
		       void (*say)(struct subid_audit *audit,
				   struct subid_finding *finding, uint64_t size,
				   size_t pieces))
{
	int r = 0;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];

		for (size_t i = 0; r == 0 && i < audit->n_owners; i++) {
			struct subid_finding finding;
			uint64_t size;
			size_t pieces = 0, n = entries_of(audit, kind, i);
			bool large = false;

			if (n == 0 || audit->owners[i].hold ||
			    has_large_line(audit, kind, i, &size) ||
			    (!few && size < WANTED))
				continue;
			if (n > 1)
				r = count_pieces(audit, kind, i, &size, &pieces, &large);
			if (r < 0 || large || (size < WANTED) != few ||
			    audit_floods(audit, (int)kind))
				continue;
			finding =
			    audit_at_entry(audit, kind, view->order[view->begin[i]]);
			if (!audit_skips(audit, &finding))
				say(audit, &finding, size, pieces);
		}
	}
	return r;
}

int audit_find_small(struct subid_audit *audit)
{
	return find_pieces(audit, true, say_small);
}

int audit_find_fragmented(struct subid_audit *audit)
{
	return find_pieces(audit, false, say_fragmented);
}
