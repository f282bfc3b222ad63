/* SPDX-License-Identifier: MIT */
/*
 * What several rules need, made from the input once: the lines that are no entries,
 * who the owners are, and each account's lines together.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit_private.h"
#include "users_private.h"

struct subid_spelling audit_owner_text(const struct subid_audit *audit, size_t owner)
{
	const struct audit_owner *o = &audit->owners[owner];
	const struct subid_table *table = audit->in->tables[o->kind];
	const struct subid_entry *entry = &table->entries[o->entry];

	return (struct subid_spelling){ subid_table_owner(table, entry),
					entry->owner_len };
}

struct subid_finding audit_at_entry(const struct subid_audit *audit, enum subid_kind kind,
				    size_t entry)
{
	const struct subid_table *table = audit->in->tables[kind];
	const struct subid_entry *e = &table->entries[entry];

	return (struct subid_finding){
		.kind = (int)kind,
		.file = subid_kind_table(kind),
		.line = subid_table_line(table, e),
		.owner = { subid_table_owner(table, e), e->owner_len },
		.range = e->range,
	};
}

static int view_odd_lines(struct audit_table *view)
{
	const struct subid_table *table = view->table;
	const struct subid_text *text = &table->text;

	if (table->n_odd == 0)
		return 0;
	view->odd = calloc(table->n_odd, sizeof(*view->odd));
	if (view->odd == NULL)
		return -ENOMEM;
	view->n_odd = table->n_odd;
	for (size_t i = 0; i < table->n_odd; i++) {
		struct audit_odd *odd = &view->odd[i];
		size_t pos = table->odd_lines[i];

		(void)subid_text_next(text, &pos, &odd->text, &odd->len);
		odd->line = subid_table_odd_line(table, i);
		odd->faults = audit_line_faults(odd->text, odd->len);
	}
	return 0;
}

/* Owners by their bytes, while they are collected. */
struct owner_slot {
	uint32_t hash;
	uint32_t owner; /* index + 1; 0: free */
};

struct owner_slots {
	struct owner_slot *slots;
	size_t mask;
};

static void free_slots(struct owner_slots *slots)
{
	free(slots->slots);
}

/* The owner of an entry, which is new if nobody before had these bytes. */
static uint32_t put_owner(struct subid_audit *audit, struct owner_slots *slots,
			  enum subid_kind kind, uint32_t entry)
{
	const struct subid_table *table = audit->in->tables[kind];
	const struct subid_entry *e = &table->entries[entry];
	const char *text = table->text.bytes + e->offset;
	size_t hash = subid_table_hash(text, e->owner_len), at = hash & slots->mask;

	for (; slots->slots[at].owner != 0; at = (at + 1) & slots->mask) {
		struct subid_spelling other;

		if (slots->slots[at].hash != (uint32_t)hash)
			continue;
		other = audit_owner_text(audit, slots->slots[at].owner - 1);
		if (other.len == e->owner_len && memcmp(other.text, text, other.len) == 0)
			return slots->slots[at].owner - 1;
	}
	audit->owners[audit->n_owners] = (struct audit_owner){
		.entry = entry,
		.kind = (uint8_t)kind,
		.uid = SUBID_ID_NONE,
		.gid = SUBID_ID_NONE,
	};
	slots->slots[at].hash = (uint32_t)hash;
	slots->slots[at].owner = (uint32_t)++audit->n_owners;
	return slots->slots[at].owner - 1;
}

static int collect_of_table(struct subid_audit *audit, struct owner_slots *slots,
			    enum subid_kind kind)
{
	struct audit_table *view = &audit->tables[kind];
	const struct subid_table *table = view->table;

	view->owner = reallocarray(NULL, table->n + 1, sizeof(*view->owner));
	if (view->owner == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < table->n; i++) {
		const struct subid_entry *e = &table->entries[i];

		/* an owner's lines mostly stand together */
		if (i > 0 && e->owner_len == e[-1].owner_len &&
		    memcmp(table->text.bytes + e->offset,
			   table->text.bytes + e[-1].offset, e->owner_len) == 0)
			view->owner[i] = view->owner[i - 1];
		else
			view->owner[i] = put_owner(audit, slots, kind, (uint32_t)i);
	}
	return 0;
}

static int collect_owners(struct subid_audit *audit)
{
	__attribute__((cleanup(free_slots))) struct owner_slots slots = { .mask = 15 };
	size_t n = audit->tables[SUBID_UID].table->n;
	int r;

	if (!audit->alike)
		n += audit->tables[SUBID_GID].table->n;
	while (slots.mask + 1 < n + n / 2)
		slots.mask = slots.mask * 2 + 1;
	slots.slots = calloc(slots.mask + 1, sizeof(*slots.slots));
	/* room for the worst case; pages that are not written to cost nothing */
	audit->owners = reallocarray(NULL, n + 1, sizeof(*audit->owners));
	if (slots.slots == NULL || audit->owners == NULL)
		return -ENOMEM;
	r = collect_of_table(audit, &slots, SUBID_UID);
	if (r == 0 && audit->alike)
		audit->tables[SUBID_GID].owner = audit->tables[SUBID_UID].owner;
	else if (r == 0)
		r = collect_of_table(audit, &slots, SUBID_GID);
	return r;
}

/* Asks the name service, once for each owner that the local file does not know. */
static int ask_others(const struct subid_users *users, struct subid_spelling text,
		      struct audit_owner *owner)
{
	auto_owner struct subid_owner found = { .has_account = false };
	char *name = strndup(text.text, text.len);
	int r;

	if (name == NULL)
		return -ENOMEM;
	r = owner->number ? subid_owner_of_uid(users, owner->uid, &found)
			  : subid_owner_find(users, name, &found);
	free(name);
	if (r == -ENOMEM)
		return r;
	owner->unsure = r < 0;
	owner->account = r == 0 && found.has_account;
	if (owner->account) {
		owner->uid = found.uid;
		owner->gid = found.gid;
	}
	return 0;
}

static int resolve_owner(const struct subid_users *users, struct subid_spelling text,
			 struct audit_owner *owner)
{
	struct subid_account account;
	size_t at = 0;

	owner->hold = subid_owner_is_hold(text.text, text.len);
	if (owner->hold)
		return 0;
	owner->number = subid_id_parse(text.text, text.len, &owner->uid) == 0;
	owner->digit = !owner->number && *text.text >= '0' && *text.text <= '9';
	owner->account = owner->number
			     ? subid_users_by_uid(users, owner->uid, &at, &account)
			     : subid_users_by_name(users, text.text, text.len, &account);
	if (!owner->account)
		return users->nss ? ask_others(users, text, owner) : 0;
	owner->uid = account.uid;
	owner->gid = account.gid;
	return 0;
}

static size_t hash_uid(uint32_t uid)
{
	return (size_t)((uid * 0x9e3779b97f4a7c15) >> 32);
}

/* Finds for each owner the first that is the same account. */
static int match_owners(struct subid_audit *audit)
{
	size_t n = 0, mask = 15;
	uint32_t *slots;

	for (size_t i = 0; i < audit->n_owners; i++) {
		audit->owners[i].same = (uint32_t)i;
		n += audit->owners[i].uid != SUBID_ID_NONE;
	}
	if (n < 2)
		return 0;
	while (mask < n * 2)
		mask = mask * 2 + 1;
	slots = calloc(mask + 1, sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < audit->n_owners; i++) {
		struct audit_owner *owner = &audit->owners[i];
		size_t at = hash_uid(owner->uid) & mask;

		if (owner->uid == SUBID_ID_NONE)
			continue;
		while (slots[at] != 0 && audit->owners[slots[at] - 1].uid != owner->uid)
			at = (at + 1) & mask;
		if (slots[at] == 0)
			slots[at] = (uint32_t)i + 1;
		owner->same = slots[at] - 1;
	}
	free(slots);
	return 0;
}

/* Names in order, to look many up. */
struct names {
	struct subid_spelling *list;
	size_t n;
	size_t room;
};

static void free_names(struct names *names)
{
	free(names->list);
}

static int compare_names(const void *a, const void *b)
{
	const struct subid_spelling *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->text, y->text, x->len);
}

static int add_name(struct names *names, struct subid_spelling name)
{
	if (names->n == names->room) {
		size_t room = names->room * 2 + 64;
		struct subid_spelling *grown =
		    reallocarray(names->list, room, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		names->list = grown;
		names->room = room;
	}
	names->list[names->n++] = name;
	return 0;
}

static bool has_name(const struct names *names, struct subid_spelling name)
{
	return bsearch(&name, names->list, names->n, sizeof(name), compare_names) != NULL;
}

/* Marks the owners that are no accounts but groups. */
static int mark_groups(struct subid_audit *audit)
{
	__attribute__((cleanup(free_names))) struct names names = { .n = 0 };
	struct subid_group group;
	size_t pos = 0;

	while (subid_group_next(audit->in->users, &pos, &group))
		if (add_name(&names, group.name) < 0)
			return -ENOMEM;
	if (names.n > 1)
		qsort(names.list, names.n, sizeof(*names.list), compare_names);
	for (size_t i = 0; names.n > 0 && i < audit->n_owners; i++) {
		struct audit_owner *owner = &audit->owners[i];

		owner->group = !owner->account && !owner->number &&
			       has_name(&names, audit_owner_text(audit, i));
	}
	return 0;
}

/* Marks the accounts whose password is locked, which shadow(5) begins with '!'. */
static int mark_locked(struct subid_audit *audit)
{
	__attribute__((cleanup(free_names))) struct names names = { .n = 0 };
	const char *at, *end;

	if (audit->in->host == NULL || audit->in->host->shadow.size == 0)
		return 0;
	at = audit->in->host->shadow.bytes;
	for (end = at + audit->in->host->shadow.size; at < end;
	     at = scan_to_next_line(at, end)) {
		const char *colon = scan_to_colon(at, end);

		if (end - colon > 1 && *colon == ':' && colon[1] == '!' &&
		    add_name(&names,
			     (struct subid_spelling){ at, (size_t)(colon - at) }) < 0)
			return -ENOMEM;
	}
	if (names.n > 1)
		qsort(names.list, names.n, sizeof(*names.list), compare_names);
	for (size_t i = 0; names.n > 0 && i < audit->n_owners; i++) {
		struct subid_account account;
		size_t pos = 0;

		audit->owners[i].locked =
		    audit->owners[i].account &&
		    subid_users_by_uid(audit->in->users, audit->owners[i].uid, &pos,
				       &account) &&
		    has_name(&names,
			     (struct subid_spelling){ account.name, account.name_len });
	}
	return 0;
}

static int resolve_owners(struct subid_audit *audit)
{
	int r = subid_users_index(audit->in->users);

	for (size_t i = 0; r == 0 && i < audit->n_owners; i++) {
		r = resolve_owner(audit->in->users, audit_owner_text(audit, i),
				  &audit->owners[i]);
		audit->report->unsure += audit->owners[i].unsure;
	}
	if (r == 0)
		r = match_owners(audit);
	if (r == 0)
		r = mark_groups(audit);
	if (r == 0)
		r = mark_locked(audit);
	for (size_t i = 0; r == 0 && i < audit->n_owners; i++) {
		const struct audit_owner *owner = &audit->owners[i];

		audit->report->owners += owner->same == i && !owner->hold;
		audit->traits |= (unsigned int)owner->number << TRAIT_NUMBER |
				 (unsigned int)owner->digit << TRAIT_DIGIT |
				 (unsigned int)!owner->account << TRAIT_UNKNOWN |
				 (unsigned int)(owner->same != i) << TRAIT_SECOND |
				 (unsigned int)owner->group << TRAIT_GROUP;
	}
	return r;
}

/* Puts each account's entries together, by counting. */
static int group_entries(struct subid_audit *audit, struct audit_table *view)
{
	size_t n = view->table->n;
	uint32_t at = 0;

	view->order = reallocarray(NULL, n + 1, sizeof(*view->order));
	view->begin = calloc(audit->n_owners + 2, sizeof(*view->begin));
	if (view->order == NULL || view->begin == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		view->begin[audit->owners[view->owner[i]].same + 2]++;
	for (size_t i = 2; i < audit->n_owners + 2; i++)
		view->begin[i] = at += view->begin[i];
	/* where each begins now stands one place too far, and moves as it fills */
	for (size_t i = 0; i < n; i++)
		view->order[view->begin[audit->owners[view->owner[i]].same + 1]++] =
		    (uint32_t)i;
	return 0;
}

static void count_use(struct subid_audit *audit, enum subid_kind kind)
{
	const struct audit_table *view = &audit->tables[kind];
	struct subid_window_use *use = &audit->report->use[kind];

	use->lines = view->table->n + view->table->n_odd;
	for (size_t i = 0; i < view->table->n; i++) {
		bool hold = audit->owners[view->owner[i]].hold;

		*(hold ? &use->held : &use->granted) +=
		    view->table->entries[i].range.count;
		use->grants += !hold;
	}
}

static const struct subid_table empty_tables[SUBID_KINDS] = {
	{ .kind = SUBID_UID },
	{ .kind = SUBID_GID },
};

static int make_views_of_table(struct subid_audit *audit, enum subid_kind kind)
{
	struct audit_table *view = &audit->tables[kind];
	int r = view_odd_lines(view);

	if (r == 0 && kind == SUBID_GID && audit->alike) {
		view->order = audit->tables[SUBID_UID].order;
		view->begin = audit->tables[SUBID_UID].begin;
	} else if (r == 0) {
		r = group_entries(audit, view);
	}
	if (r == 0)
		r = subid_users_taken(audit->in->users, kind, &view->accounts);
	for (size_t i = 0; r == 0 && i < view->accounts.n && !view->meets_accounts; i++)
		view->meets_accounts =
		    subid_set_meets(&view->table->ids, view->accounts.ranges[i], NULL);
	if (r == 0)
		r = audit_find_overlaps(audit, view);
	if (r == 0)
		r = audit_measure_window(audit, kind);
	if (r == 0)
		count_use(audit, kind);
	return r;
}

static bool is_alike(const struct subid_table *a, const struct subid_table *b)
{
	return a->text.size == b->text.size && a->text.size > 0 && a->n == b->n &&
	       memcmp(a->text.bytes, b->text.bytes, a->text.size) == 0;
}

int audit_make_views(struct subid_audit *audit)
{
	int r;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_table *table = audit->in->tables[kind];

		audit->tables[kind].table = table == NULL ? &empty_tables[kind] : table;
	}
	audit->alike =
	    is_alike(audit->tables[SUBID_UID].table, audit->tables[SUBID_GID].table);
	r = collect_owners(audit);
	if (r == 0)
		r = resolve_owners(audit);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = make_views_of_table(audit, kind);
	return r;
}

void audit_free_views(struct subid_audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct audit_table *view = &audit->tables[kind];

		if (kind == SUBID_UID || !audit->alike) {
			free(view->owner);
			free(view->order);
			free(view->begin);
		}
		free(view->odd);
		free(view->overlaps);
		subid_set_free(&view->accounts);
	}
	free(audit->owners);
	audit->owners = NULL;
}
