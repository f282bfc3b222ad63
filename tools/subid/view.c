/* SPDX-License-Identifier: MIT */
#include "tools/subid/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid/container_view.h"

#define NAME_SIZE 256

struct view_known {
	uint64_t key; /* kind and id */
	struct view_answer *answer;
};

/* A lease: as much of its row as is asked for. */
struct view_leased {
	enum subid_kind kind;
	struct id_range range;
	const char *container;
};

struct view_lessor {
	char *name;
	struct subid_list *leases;
	struct view_leased *sorted; /* by kind and start */
	size_t n;
	bool unread;
};

/* --- the ids of an operand -------------------------------------------------------- */

void owner_ids_free(struct owner_ids *share)
{
	subid_sets_free(&share->all);
	subid_sets_free(&share->ids);
	subid_owner_free(&share->owner);
	free(share->name);
	free(share->container);
	*share = (struct owner_ids){ .name = NULL };
}

/* With more names to look up than these, an index costs less than it saves. */
#define NAMES_FEW 16

/* The ids of the owner's lines, under any of its names. */
static int add_lines(struct owner_ids *share, struct subid_table *table)
{
	struct subid_set *all = &share->all.of[table->kind];
	const struct subid_owner *owner = &share->owner;
	uint64_t sum = 0;
	int r =
	    owner->n > NAMES_FEW && table->buckets == NULL ? subid_table_index(table) : 0;

	for (size_t s = 0; r == 0 && s < owner->n; s++) {
		const struct subid_owner_name *name = &owner->spellings[s];

		for (size_t i = subid_table_first(table, name->text, name->len);
		     r == 0 && i < table->n; i = subid_table_after(table, i)) {
			r = subid_set_add(all, table->entries[i].range);
			sum += table->entries[i].range.count;
		}
	}
	subid_set_sort(all);
	share->doubled |= sum != subid_set_size(all);
	return r;
}

static int split(const struct cli *cli, const char *text, struct owner_ids *share)
{
	size_t len = strcspn(text, "/");

	share->name = strndup(text, len);
	if (text[len] == '/')
		share->container = strdup(text + len + 1);
	if (share->name == NULL || (text[len] == '/' && share->container == NULL))
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	if (share->container != NULL && share->container[0] == '\0')
		return cli_misused(cli, "%s: missing container NAME", text);
	return EXIT_DONE;
}

/* The container's leases; without a container, all ids that are not leased. */
static int choose_ids(struct owner_ids *share, const struct subid_list *leases)
{
	auto_sets struct subid_sets leased = { .of = { { .n = 0 } } };
	struct subid_row row = { .size = sizeof(row) };
	int r = 0;

	share->n_leases = subid_list_size(leases);
	for (size_t i = 0; r == 0 && subid_list_get(leases, i, &row); i++)
		if (share->container == NULL ||
		    strcmp(share->container, row.container) == 0)
			r = subid_set_insert(&leased.of[row.kind], row.range);
	if (r < 0)
		return r;
	return share->container == NULL
		   ? subid_sets_subtract(&share->all, &leased, &share->ids)
		   : subid_sets_unite(&share->ids, &leased);
}

/* Do the tables still grant the container's ids to its owner? */
static bool is_held(const struct owner_ids *share)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		for (size_t i = 0; i < share->ids.of[kind].n; i++)
			if (!subid_set_contains(&share->all.of[kind],
						share->ids.of[kind].ranges[i]))
				return false;
	return true;
}

static int add_leases(struct owner_ids *share, const struct subid_list *leases)
{
	if (choose_ids(share, leases) < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	if (share->container == NULL)
		return EXIT_DONE;
	if (subid_sets_empty(&share->ids))
		return cli_complain(EXIT_NO, "%s/%s: no such lease", share->name,
				    share->container);
	if (!is_held(share))
		return cli_complain(EXIT_NO, "%s/%s: %s no longer holds all of its ids",
				    share->name, share->container, share->name);
	return EXIT_DONE;
}

/* leases: NULL to read them. */
static int find_leases(struct subid *sys, struct owner_ids *share,
		       const struct subid_list *leases)
{
	auto_list struct subid_list *own = NULL;
	struct subid_error err = { .size = sizeof(err) };
	int r = 0;

	if (leases == NULL)
		r = subid_leases(sys, share->name, 0, &own, &err);
	if (r != 0)
		return cli_say(cli_status(r), &err);
	return add_leases(share, leases == NULL ? own : leases);
}

int owner_ids_find(const struct cli *cli, struct subid *sys,
		   const struct subid_users *users,
		   struct subid_table tables[SUBID_KINDS],
		   const struct subid_list *leases, const char *text,
		   struct owner_ids *ret)
{
	int status = split(cli, text, ret), r;

	if (status != EXIT_DONE)
		return status;
	r = subid_owner_find(users, ret->name, &ret->owner);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: cannot be looked up: %s", ret->name,
				    strerror(-r));
	if (r == SUBID_INVALID)
		return cli_complain(EXIT_NO, "%s: invalid owner name", ret->name);
	for (enum subid_kind kind = 0; r >= 0 && kind < SUBID_KINDS; kind++)
		r = add_lines(ret, &tables[kind]);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(-r));
	if (!ret->owner.has_account && subid_sets_empty(&ret->all))
		return cli_complain(EXIT_NO,
				    "%s: no such account, and no range has this owner",
				    ret->name);
	return find_leases(sys, ret, leases);
}

/* --- leases --------------------------------------------------------------------------
 */

/*
 * Those of an owner are read when the first of its ids is looked up, and sorted,
 * since a user may have half a million.
 */
static void free_lessors(struct view *view)
{
	for (size_t i = 0; i < view->n_lessors; i++) {
		free(view->lessors[i].name);
		free(view->lessors[i].sorted);
		subid_list_free(&view->lessors[i].leases);
	}
	free(view->lessors);
	free(view->lessor_slots);
}

static int compare(enum subid_kind kind, uint32_t id, const struct view_leased *lease)
{
	if (kind != lease->kind)
		return kind < lease->kind ? -1 : 1;
	return id < lease->range.start ? -1 : id > lease->range.start;
}

static int compare_leases(const void *a, const void *b)
{
	const struct view_leased *x = a;

	return compare(x->kind, x->range.start, b);
}

static void sort(struct view_lessor *lessor)
{
	struct subid_row row = { .size = sizeof(row) };

	lessor->sorted =
	    calloc(subid_list_size(lessor->leases) + 1, sizeof(*lessor->sorted));
	if (lessor->sorted == NULL)
		return;
	for (; subid_list_get(lessor->leases, lessor->n, &row); lessor->n++)
		lessor->sorted[lessor->n] =
		    (struct view_leased){ row.kind, row.range, row.container };
	qsort(lessor->sorted, lessor->n, sizeof(*lessor->sorted), compare_leases);
}

/* Threat: a user controls their own store; an error in it must not keep root from seeing
 * the owners of ids. */
static void read_leases(struct view *view, struct view_lessor *lessor)
{
	struct subid_error err = { .size = sizeof(err) };
	int r;

	if (subid_owner_is_hold(lessor->name, strlen(lessor->name)))
		return; /* what is held is no container's */
	r = subid_leases(view->sys, lessor->name, 0, &lessor->leases, &err);
	lessor->unread = r < 0;
	view->partial |= lessor->unread;
	if (r < 0 && !view->cli->quiet)
		(void)cli_complain(0, "warning: %s", err.text);
	sort(lessor);
}

/* The slot of a lessor: its number + 1, or 0. */
static uint32_t *lessor_slot(const struct view *view, const char *name)
{
	for (size_t h = subid_table_hash(name, strlen(name));; h++) {
		uint32_t *slot = &view->lessor_slots[h & view->lessor_mask];

		if (*slot == 0 || strcmp(view->lessors[*slot - 1].name, name) == 0)
			return slot;
	}
}

/* Room for one lessor more in the hash. */
static bool make_lessor_slots(struct view *view)
{
	size_t n = view->lessor_slots == NULL ? 16 : 2 * (view->lessor_mask + 1);

	if (view->lessor_slots != NULL && view->n_lessors * 2 < view->lessor_mask)
		return true;
	free(view->lessor_slots);
	view->lessor_slots = calloc(n, sizeof(*view->lessor_slots));
	if (view->lessor_slots == NULL)
		return false;
	view->lessor_mask = n - 1;
	for (size_t i = 0; i < view->n_lessors; i++)
		*lessor_slot(view, view->lessors[i].name) = (uint32_t)i + 1;
	return true;
}

static struct view_lessor *find_lessor(struct view *view, const char *owner)
{
	auto_free char *name = view_owner_name(view, owner, strlen(owner));
	struct view_lessor lessor = { .name = name };
	uint32_t *slot;

	if (name == NULL || !make_lessor_slots(view))
		return NULL;
	slot = lessor_slot(view, name);
	if (*slot != 0)
		return &view->lessors[*slot - 1];
	if (array_grow(&view->lessors, view->n_lessors, sizeof(*view->lessors)) < 0)
		return NULL;
	name = NULL;
	read_leases(view, &lessor);
	view->lessors[view->n_lessors] = lessor;
	*slot = (uint32_t)view->n_lessors + 1;
	return &view->lessors[view->n_lessors++];
}

const struct subid_list *view_leases(struct view *view, const char *owner)
{
	const struct view_lessor *lessor = find_lessor(view, owner);

	return lessor == NULL || lessor->unread ? NULL : lessor->leases;
}

struct question {
	enum subid_kind kind;
	uint32_t id;
};

static bool starts_before(const void *element, const void *key)
{
	const struct question *question = key;

	return compare(question->kind, question->id, element) >= 0;
}

const char *view_lease(struct view *view, const char *owner, enum subid_kind kind,
		       uint32_t id)
{
	const struct view_lessor *lessor = find_lessor(view, owner);
	const struct id_range one = { .start = id, .count = 1 };
	const struct question question = { kind, id };
	const struct view_leased *lease;
	size_t after;

	if (lessor == NULL || lessor->n == 0)
		return NULL;
	/* after the last that starts at or before the id */
	after = array_search(lessor->sorted, lessor->n, sizeof(*lessor->sorted),
			     &question, starts_before);
	if (after == 0)
		return NULL;
	lease = &lessor->sorted[after - 1];
	return lease->kind == kind && id_range_contains(lease->range, one)
		   ? lease->container
		   : NULL;
}

/* --- loading and looking up -----------------------------------------------------------
 */

const char *view_name_inside(struct view *view, size_t userns, pid_t pid,
			     enum subid_kind kind, uint32_t inside)
{
	return container_name_inside(&view->roots, view->proc,
				     view->live.userns[userns].inode, pid, kind, inside);
}

static void free_answer(struct view_answer *answer)
{
	if (answer == NULL)
		return;
	free(answer->owner);
	free(answer->account);
	free(answer->container);
	free(answer);
}

void view_free(struct view *view)
{
	for (size_t i = 0; i < view->n_known; i++)
		free_answer(view->known[i].answer);
	free(view->known);
	free_lessors(view);
	container_roots_free(&view->roots);
	subid_live_free(&view->live);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		subid_id_index_free(&view->whose[kind]);
		subid_table_free(&view->tables[kind]);
	}
	subid_users_free(&view->users);
	subid_close(&view->sys);
	if (view->proc >= 0)
		(void)close(view->proc); /* read only, as the next */
	if (view->etc >= 0)
		(void)close(view->etc);
}

static int load_tables(struct view *view)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		int status =
		    cli_load_table(view->cli, view->etc, kind, &view->tables[kind]);

		if (status != EXIT_DONE)
			return status;
		if (subid_table_index(&view->tables[kind]) < 0 ||
		    subid_id_index_make(&view->tables[kind], &view->whose[kind]) < 0)
			return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	}
	return EXIT_DONE;
}

static int load_live(struct view *view)
{
	int r;

	if (view->proc < 0)
		return EXIT_DONE;
	r = subid_live_read(view->proc, SUBID_LIVE_PROCESSES, &view->live);
	if (r < 0)
		return cli_complain(EXIT_UNABLE,
				    "/proc: %s: running processes cannot be seen",
				    strerror(-r));
	subid_live_name(view->proc, &view->live, NULL);
	if (view->live.n_unread > 0 && !view->cli->quiet)
		(void)cli_complain(0,
				   "warning: %zu processes cannot be read (%s) and are"
				   " left out; root sees more",
				   view->live.n_unread,
				   strerror(-view->live.unread_error));
	return EXIT_DONE;
}

int view_load(struct cli *cli, struct view *ret)
{
	const char *file = "passwd";
	int status, r;

	*ret = (struct view){
		.cli = cli,
		.proc = -1,
		.roots = CONTAINER_ROOTS,
	};
	ret->etc = cli_open_etc(cli);
	if (ret->etc < 0)
		return EXIT_UNABLE;
	ret->proc = cli_open_proc(cli);
	if (ret->proc == -2)
		return EXIT_UNABLE;
	status = cli_open_system(cli, true, &ret->sys);
	if (status != EXIT_DONE)
		return status;
	r = subid_users_load(ret->etc, cli->root == NULL, &ret->users, &file);
	if (r == 0)
		r = subid_users_index(ret->users);
	if (r < 0)
		return cli_unreadable(cli, file, r);
	status = load_tables(ret);
	return status == EXIT_DONE ? load_live(ret) : status;
}

char *view_owner_name(const struct view *view, const char *text, size_t len)
{
	char name[NAME_SIZE];
	uint32_t uid;

	if (subid_id_parse(text, len, &uid) == 0 &&
	    subid_users_name(view->users, SUBID_UID, uid, name, sizeof(name)))
		return strdup(name);
	return strndup(text, len);
}

static struct view_answer *look_up(struct view *view, enum subid_kind kind, uint32_t id)
{
	const struct subid_entry *entry = subid_id_index_find(&view->whose[kind], id);
	struct view_answer *answer = calloc(1, sizeof(*answer));
	char account[NAME_SIZE];
	const char *owner, *container;
	bool failed = false;

	if (answer == NULL)
		return NULL;
	if (subid_users_name(view->users, kind, id, account, sizeof(account))) {
		answer->by = VIEW_ACCOUNT;
		answer->account = strdup(account);
		failed |= answer->account == NULL;
	}
	if (entry != NULL) {
		owner = subid_table_owner(&view->tables[kind], entry);
		answer->by =
		    subid_owner_is_hold(owner, entry->owner_len) ? VIEW_HELD : VIEW_LINE;
		answer->owner = view_owner_name(view, owner, entry->owner_len);
		failed |= answer->owner == NULL;
		container = failed ? NULL : view_lease(view, answer->owner, kind, id);
		if (container != NULL && answer->by == VIEW_LINE) {
			answer->by = VIEW_LEASE;
			answer->container = strdup(container);
			failed |= answer->container == NULL;
		}
	} else if (answer->account != NULL) {
		answer->owner = strdup(account);
		failed |= answer->owner == NULL;
	}
	if (!failed)
		return answer;
	free_answer(answer);
	return NULL;
}

static bool is_before(const void *element, const void *key)
{
	return ((const struct view_known *)element)->key < *(const uint64_t *)key;
}

const struct view_answer *view_ask(struct view *view, enum subid_kind kind, uint32_t id)
{
	uint64_t key = (uint64_t)kind << 32 | id;
	size_t at = array_search(view->known, view->n_known, sizeof(*view->known), &key,
				 is_before);
	struct view_answer *answer;

	if (at < view->n_known && view->known[at].key == key)
		return view->known[at].answer;
	if (array_grow(&view->known, view->n_known, sizeof(*view->known)) < 0)
		return NULL;
	answer = look_up(view, kind, id);
	if (answer == NULL)
		return NULL;
	memmove(&view->known[at + 1], &view->known[at],
		(view->n_known - at) * sizeof(*view->known));
	view->known[at] = (struct view_known){ key, answer };
	view->n_known++;
	return answer;
}

/* The kernel limits nesting to 32; this bounds the loop in any case. */
#define NESTING_MAX 33

size_t view_container(const struct view *view, size_t userns)
{
	for (int i = 0; i < NESTING_MAX && userns != SUBID_LIVE_NONE && userns > 0; i++) {
		const struct subid_live_userns *ns = &view->live.userns[userns];

		if (ns->container[0] != '\0')
			return userns;
		userns = ns->parent;
	}
	return 0;
}

uint32_t view_creator(const struct view *view, size_t userns)
{
	uint32_t creator = SUBID_ID_NONE;

	for (int i = 0; i < NESTING_MAX && userns != SUBID_LIVE_NONE && userns > 0; i++) {
		creator = view->live.userns[userns].owner;
		userns = view->live.userns[userns].parent;
	}
	return creator;
}
