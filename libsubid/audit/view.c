/* SPDX-License-Identifier: MIT */
/*
 * What several rules need, made from the input once: who the owners are that the lines
 * name, each owner name looked up once; each account's lines together; and how full the
 * windows of the policy are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

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

/* Room for n owners and as many free slots. */
static int make_slots(struct owner_slots *slots, size_t n)
{
	struct owner_slot *before = slots->slots, *made;
	size_t mask = n * 2 - 1;

	made = advise_large(calloc(n * 2, sizeof(*made)), n * 2 * sizeof(*made));
	if (made == NULL)
		return -ENOMEM;
	for (size_t i = 0; before != NULL && i <= slots->mask; i++) {
		size_t at = before[i].hash & mask;

		if (before[i].owner == 0)
			continue;
		while (made[at].owner != 0)
			at = (at + 1) & mask;
		made[at] = before[i];
	}
	free(before);
	*slots = (struct owner_slots){ made, mask };
	return 0;
}

/* The owner of an entry, which is new if nobody before had these bytes. */
static uint32_t put_owner(struct audit *audit, struct owner_slots *slots,
			  enum subid_kind kind, uint32_t entry, uint32_t hash)
{
	const struct subid_table *table = audit->in->tables[kind];
	const struct subid_entry *e = &table->entries[entry];
	const char *text = table->text.bytes + e->offset;
	size_t at = hash & slots->mask;

	for (; slots->slots[at].owner != 0; at = (at + 1) & slots->mask) {
		struct subid_owner_name other;

		if (slots->slots[at].hash != hash)
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
	slots->slots[at].hash = hash;
	slots->slots[at].owner = (uint32_t)++audit->n_owners;
	return slots->slots[at].owner - 1;
}

/* Does an entry have the same owner as the one before it, as is usual? */
static bool is_repeated(const struct subid_table *table, size_t i)
{
	const struct subid_entry *e = &table->entries[i];

	return i > 0 && e->owner_len == e[-1].owner_len &&
	       memcmp(table->text.bytes + e->offset, table->text.bytes + e[-1].offset,
		      e->owner_len) == 0;
}

/* As many slots are fetched into the cache at once: a million do not fit in it. */
#define BATCH 16

static int collect_of_table(struct audit *audit, struct owner_slots *slots,
			    enum subid_kind kind)
{
	struct audit_table *view = &audit->tables[kind];
	const struct subid_table *table = view->table;

	view->owner = reallocarray(NULL, table->n + 1, sizeof(*view->owner));
	if (view->owner == NULL)
		return -ENOMEM;
	(void)advise_large(view->owner, table->n * sizeof(*view->owner));
	for (size_t i = 0; i < table->n; i += BATCH) {
		/* the next batch may be all new */
		if ((audit->n_owners + BATCH) * 2 > slots->mask &&
		    make_slots(slots, slots->mask + 1) < 0)
			return -ENOMEM;
		size_t n = table->n - i < BATCH ? table->n - i : BATCH;
		uint32_t hashes[BATCH] = { 0 };
		bool repeated[BATCH] = { false };

		for (size_t j = 0; j < n; j++) {
			const struct subid_entry *e = &table->entries[i + j];

			repeated[j] = is_repeated(table, i + j);
			if (repeated[j])
				continue;
			hashes[j] = (uint32_t)subid_table_hash(
			    table->text.bytes + e->offset, e->owner_len);
			__builtin_prefetch(&slots->slots[hashes[j] & slots->mask]);
		}
		for (size_t j = 0; j < n; j++)
			view->owner[i + j] =
			    repeated[j] ? view->owner[i + j - 1]
					: put_owner(audit, slots, kind, (uint32_t)(i + j),
						    hashes[j]);
	}
	return 0;
}

static int collect_owners(struct audit *audit)
{
	__attribute__((cleanup(free_slots))) struct owner_slots slots = { .slots = NULL };
	size_t n = audit->tables[SUBID_UID].table->n;
	int r = make_slots(&slots, 256);

	if (!audit->alike)
		n += audit->tables[SUBID_GID].table->n;
	/* room for the worst case: pages that are never written cost nothing */
	audit->owners = reallocarray(NULL, n + 1, sizeof(*audit->owners));
	if (r < 0 || audit->owners == NULL)
		return -ENOMEM;
	r = collect_of_table(audit, &slots, SUBID_UID);
	if (r == 0 && audit->alike)
		audit->tables[SUBID_GID].owner = audit->tables[SUBID_UID].owner;
	else if (r == 0)
		r = collect_of_table(audit, &slots, SUBID_GID);
	return r;
}

/* Asks the name service, once for each owner that the local file does not know. */
static int ask_others(const struct subid_users *users, struct subid_owner_name text,
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
	owner->folded =
	    owner->account && !owner->number && !owner_is(&found, text.text, text.len);
	if (owner->account) {
		owner->uid = found.uid;
		owner->gid = found.gid;
	}
	return 0;
}

static void resolve_owner(const struct subid_users *users, struct subid_owner_name text,
			  struct audit_owner *owner)
{
	struct subid_account account;
	size_t at = 0;

	owner->hold = *text.text == '!' && text.len > 1;
	owner->disabled = owner->hold && !subid_owner_is_hold(text.text, text.len);
	if (owner->hold)
		return;
	owner->number = subid_id_parse(text.text, text.len, &owner->uid) == 0;
	owner->digit = !owner->number && *text.text >= '0' && *text.text <= '9';
	owner->account = owner->number
			     ? subid_users_by_uid(users, owner->uid, &at, &account)
			     : subid_users_by_name(users, text.text, text.len, &account);
	if (!owner->account)
		return;
	owner->uid = account.uid;
	owner->gid = account.gid;
}

static size_t hash_uid(uint32_t uid)
{
	return (size_t)((uid * 0x9e3779b97f4a7c15) >> 32);
}

/* Finds for each owner the first that is the same account. */
static int match_owners(struct audit *audit)
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
	struct subid_owner_name *list;
	size_t n;
};

static void free_names(struct names *names)
{
	free(names->list);
}

static int add_name(struct names *names, struct subid_owner_name name)
{
	if (array_grow(&names->list, names->n, sizeof(*names->list)) < 0)
		return -ENOMEM;
	names->list[names->n++] = name;
	return 0;
}

static bool has_name(const struct names *names, struct subid_owner_name name)
{
	return bsearch(&name, names->list, names->n, sizeof(name), owner_name_compare) !=
	       NULL;
}

/* Marks the owners that are no accounts but groups. */
static int mark_groups(struct audit *audit)
{
	__attribute__((cleanup(free_names))) struct names names = { .n = 0 };
	struct subid_group group;
	size_t pos = 0;

	while (subid_group_next(audit->in->users, &pos, &group))
		if (add_name(&names, group.name) < 0)
			return -ENOMEM;
	if (names.n > 1)
		qsort(names.list, names.n, sizeof(*names.list), owner_name_compare);
	for (size_t i = 0; names.n > 0 && i < audit->n_owners; i++) {
		struct audit_owner *owner = &audit->owners[i];

		owner->group = !owner->account && !owner->number &&
			       has_name(&names, audit_owner_text(audit, i));
	}
	return 0;
}

/* The day from which on an account is expired, the eighth field of shadow(5); none: -1.
 */
static int64_t expires_on(const char *line, size_t len)
{
	const char *end = line + len, *stop;
	uint32_t day;

	for (int i = 0; i < 7; i++) {
		line = memchr(line, ':', (size_t)(end - line));
		if (line == NULL)
			return -1;
		line++;
	}
	stop = memchr(line, ':', (size_t)(end - line));
	stop = stop == NULL ? end : stop;
	return subid_id_parse(line, (size_t)(stop - line), &day) == 0 ? (int64_t)day : -1;
}

/* Marks the accounts that are expired. A locked password keeps nobody out who has a key.
 */
static int mark_expired(struct audit *audit)
{
	__attribute__((cleanup(free_names))) struct names names = { .n = 0 };
	size_t pos = 0, len;
	const char *line;

	if (audit->in->host == NULL || audit->in->host->shadow.size == 0)
		return 0;
	while (subid_text_next(&audit->in->host->shadow, &pos, &line, &len)) {
		const char *colon = memchr(line, ':', len);
		int64_t day = expires_on(line, len);

		if (colon != NULL && day >= 0 && audit->in->now / (24 * 60 * 60) >= day &&
		    add_name(&names, (struct subid_owner_name){
					 line, (size_t)(colon - line) }) < 0)
			return -ENOMEM;
	}
	if (names.n > 1)
		qsort(names.list, names.n, sizeof(*names.list), owner_name_compare);
	for (size_t i = 0; names.n > 0 && i < audit->n_owners; i++) {
		struct subid_account account;

		pos = 0;
		audit->owners[i].expired =
		    audit->owners[i].account &&
		    subid_users_by_uid(audit->in->users, audit->owners[i].uid, &pos,
				       &account) &&
		    has_name(&names,
			     (struct subid_owner_name){ account.name, account.name_len });
	}
	return 0;
}

/* Milliseconds of a clock that only goes on. */
static uint64_t clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool audit_may_ask(struct audit *audit)
{
	if (audit->asked_since == 0)
		audit->asked_since = clock_ms();
	return audit->in->ask_ms == 0 ||
	       clock_ms() - audit->asked_since <= audit->in->ask_ms;
}

/*
 * A directory that answers in 5 ms takes five minutes for 65,000 owners: so the files
 * come first, for all, and the service is asked while there is time.  Whom it was not
 * asked about is not known.
 */
static int ask_for_owners(struct audit *audit)
{
	const struct audit_input *in = audit->in;
	int r = 0;

	for (size_t i = 0; r == 0 && in->users->nss && i < audit->n_owners; i++) {
		struct audit_owner *owner = &audit->owners[i];

		if (owner->hold || owner->account)
			continue;
		if (!audit_may_ask(audit))
			owner->unsure = true;
		else
			r = ask_others(in->users, audit_owner_text(audit, i), owner);
		if (in->progress != NULL)
			in->progress(i, audit->n_owners);
		audit->report->unsure += owner->unsure;
	}
	return r;
}

static int resolve_owners(struct audit *audit)
{
	int r = subid_users_index(audit->in->users);

	for (size_t i = 0; r == 0 && i < audit->n_owners; i++)
		resolve_owner(audit->in->users, audit_owner_text(audit, i),
			      &audit->owners[i]);
	if (r == 0)
		r = ask_for_owners(audit);
	if (r == 0)
		r = match_owners(audit);
	if (r == 0)
		r = mark_groups(audit);
	if (r == 0)
		r = mark_expired(audit);
	for (size_t i = 0; r == 0 && i < audit->n_owners; i++) {
		const struct audit_owner *owner = &audit->owners[i];

		audit->report->owners += owner->same == i && !owner->hold;
		audit->traits |= (unsigned int)owner->number << TRAIT_NUMBER |
				 (unsigned int)owner->digit << TRAIT_DIGIT |
				 (unsigned int)!owner->account << TRAIT_UNKNOWN |
				 (unsigned int)(owner->same != i) << TRAIT_SECOND |
				 (unsigned int)owner->group << TRAIT_GROUP |
				 (unsigned int)owner->disabled << TRAIT_DISABLED |
				 (unsigned int)owner->folded << TRAIT_FOLDED;
	}
	return r;
}

static int find_owners(struct audit *audit)
{
	int r = collect_owners(audit);

	return r == 0 ? resolve_owners(audit) : r;
}

static int list_malformed(struct audit_table *view)
{
	const struct subid_table *table = view->table;
	struct audit_malformed *lines = calloc(table->n_malformed + 1, sizeof(*lines));

	if (lines == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < table->n_malformed; i++) {
		size_t pos = table->malformed_lines[i];

		(void)subid_text_next(&table->text, &pos, &lines[i].text, &lines[i].len);
		lines[i].line = subid_table_malformed_line(table, i);
	}
	view->malformed = lines;
	view->n_malformed = table->n_malformed;
	return 0;
}

/* Puts each account's entries together, by counting. */
static int group_entries(struct audit *audit, struct audit_table *view)
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
	/* each begin is one place too far now, and advances as entries are added */
	for (size_t i = 0; i < n; i++)
		view->order[view->begin[audit->owners[view->owner[i]].same + 1]++] =
		    (uint32_t)i;
	return 0;
}

/* Everything that a grant avoids. */
static int taken_ids(const struct audit *audit, enum subid_kind kind,
		     struct subid_set *ret)
{
	const struct audit_table *view = &audit->tables[kind];
	const struct subid_live *live = audit->in->live;
	int r = subid_table_taken(view->table, ret);

	if (r == 0)
		r = subid_set_unite(ret, &view->accounts);
	/* few, into many */
	for (size_t i = 0; r == 0 && i < view->reservations.never.n; i++)
		r = subid_set_insert(ret, view->reservations.never.ranges[i]);
	for (size_t i = 1; r == 0 && live != NULL && i < live->n; i++)
		for (size_t j = 0; r == 0 && j < live->userns[i].maps[kind].n; j++)
			r = subid_set_insert(ret,
					     live->userns[i].maps[kind].lines[j].outside);
	return r;
}

static int measure_window(struct audit *audit, enum subid_kind kind)
{
	const struct subid_window *window = &audit->in->policy->window[kind];
	struct audit_window_use *use = &audit->report->use[kind];
	struct id_range inside = id_range_between(window->min, (uint64_t)window->max + 1);
	auto_set struct subid_set taken = { .n = 0 }, whole = { .n = 0 };
	auto_set struct subid_set gaps = { .n = 0 };
	int r = taken_ids(audit, kind, &taken);

	if (r == 0)
		r = subid_set_insert(&whole, inside);
	if (r == 0)
		r = subid_set_subtract(&whole, &taken, &gaps);
	if (r < 0)
		return r;
	use->ids = inside.count;
	use->free = subid_set_size(&gaps);
	for (size_t i = 0; window->count > 0 && i < gaps.n; i++) {
		use->slots += gaps.ranges[i].count / window->count;
		if (use->largest < gaps.ranges[i].count)
			use->largest = gaps.ranges[i].count;
	}
	return 0;
}

static void count_use(struct audit *audit, enum subid_kind kind)
{
	const struct audit_table *view = &audit->tables[kind];
	struct audit_window_use *use = &audit->report->use[kind];

	if (kind == SUBID_GID && audit->alike) {
		const struct audit_window_use *uid = &audit->report->use[SUBID_UID];

		use->lines = uid->lines;
		use->held = uid->held;
		use->granted = uid->granted;
		use->grants = uid->grants;
		return;
	}
	use->lines = view->table->n + view->table->n_malformed;
	for (size_t i = 0; i < view->table->n; i++) {
		bool hold = audit->owners[view->owner[i]].hold;

		*(hold ? &use->held : &use->granted) +=
		    view->table->entries[i].range.count;
		use->grants += !hold;
	}
}

int audit_owned_ranges(const struct audit *audit, enum subid_kind kind, size_t owner,
		       struct subid_set *ret)
{
	const struct audit_table *view = &audit->tables[kind];
	int r = 0;

	for (size_t i = view->begin[owner]; r == 0 && i < view->begin[owner + 1]; i++)
		r = subid_set_add(ret, view->table->entries[view->order[i]].range);
	subid_set_sort(ret);
	return r;
}

bool audit_is_equal(const struct subid_set *a, const struct subid_set *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->ranges, b->ranges,
						    a->n * sizeof(*a->ranges)) == 0);
}

static const struct subid_table empty_tables[SUBID_KINDS] = {
	{ .kind = SUBID_UID },
	{ .kind = SUBID_GID },
};

/* Do no two lines share an id?  Then the set of all has as many as the lines. */
static bool is_disjoint(const struct subid_table *table)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < table->n; i++)
		sum += table->entries[i].range.count;
	return sum == subid_set_size(&table->ids);
}

static int make_views_of_table(struct audit *audit, enum subid_kind kind)
{
	struct audit_table *view = &audit->tables[kind];
	int r = list_malformed(view);

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
		r = subid_reservations_list(audit->in->policy, audit->in->conf, kind,
					    &view->reservations);
	view->disjoint = is_disjoint(view->table);
	if (r == 0)
		r = measure_window(audit, kind);
	if (r == 0)
		count_use(audit, kind);
	return r;
}

static bool is_alike(const struct subid_table *a, const struct subid_table *b)
{
	return a == b ||
	       (a->text.size == b->text.size && a->text.size > 0 && a->n == b->n &&
		memcmp(a->text.bytes, b->text.bytes, a->text.size) == 0);
}

int audit_make_views(struct audit *audit)
{
	int r;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_table *table = audit->in->tables[kind];

		audit->tables[kind].table = table == NULL ? &empty_tables[kind] : table;
	}
	audit->alike =
	    is_alike(audit->tables[SUBID_UID].table, audit->tables[SUBID_GID].table);
	r = find_owners(audit);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = make_views_of_table(audit, kind);
	return r;
}

void audit_free_views(struct audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct audit_table *view = &audit->tables[kind];

		if (kind == SUBID_UID || !audit->alike) {
			free(view->owner);
			free(view->order);
			free(view->begin);
		}
		free(view->malformed);
		free(view->by_start);
		subid_set_free(&view->accounts);
		subid_reservations_free(&view->reservations);
	}
	free(audit->owners);
	audit->owners = NULL;
}
