/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/subid/view.h"

#define NAME_SIZE 256

struct view_known {
	uint64_t key; /* kind and id */
	struct view_answer *answer;
};

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
	view_lessors_free(view);
	view_roots_free(view);
	subid_live_free(&view->live);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		subid_id_index_free(&view->whose[kind]);
		subid_table_free(&view->tables[kind]);
	}
	subid_users_free(&view->users);
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
		if (subid_id_index_make(&view->tables[kind], &view->whose[kind]) < 0)
			return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	}
	return EXIT_DONE;
}

static int load_live(struct view *view)
{
	int r;

	if (view->proc < 0)
		return EXIT_DONE;
	r = subid_live_read(view->proc, SUBID_LIVE_QUICK, &view->live);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "/proc: %s: what runs cannot be seen",
				    strerror(-r));
	for (size_t i = 1; i < view->live.n; i++)
		subid_live_name(view->proc, &view->live, i);
	if (view->live.n_unread > 0 && !view->cli->quiet)
		(void)cli_complain(0,
				   "warning: %zu processes cannot be looked at (%s) and"
				   " are left out: root sees more",
				   view->live.n_unread,
				   strerror(-view->live.unread_error));
	return EXIT_DONE;
}

int view_load(struct cli *cli, struct view *ret)
{
	struct subid_failure failure = { .file = "passwd" };
	int status, r;

	*ret = (struct view){
		.cli = cli,
		.proc = -1,
		.names = { .one_ms = 1000, .all_ms = 5000 },
		.homes = CLI_HOMES,
	};
	ret->etc = cli_open_etc(cli);
	if (ret->etc < 0)
		return EXIT_UNABLE;
	ret->proc = cli_open_proc(cli);
	if (ret->proc == -2)
		return EXIT_UNABLE;
	cli_warn_of_source(cli, ret->etc);
	r = subid_users_load_named(ret->etc, cli->root == NULL, &ret->users,
				   &failure.file);
	if (r == 0)
		r = subid_users_index(ret->users);
	if (r < 0)
		return cli_txn_failed(cli, r, &failure);
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

/* Where the answer to a question is, or belongs. */
static size_t find_known(const struct view *view, uint64_t key)
{
	size_t low = 0, high = view->n_known;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (view->known[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct view_answer *view_ask(struct view *view, enum subid_kind kind, uint32_t id)
{
	uint64_t key = (uint64_t)kind << 32 | id;
	size_t at = find_known(view, key);
	struct view_answer *answer;

	if (at < view->n_known && view->known[at].key == key)
		return view->known[at].answer;
	if (view->n_known == view->room) {
		size_t room = view->room * 2 + 64;
		struct view_known *grown =
		    reallocarray(view->known, room, sizeof(*grown));

		if (grown == NULL)
			return NULL;
		view->known = grown;
		view->room = room;
	}
	answer = look_up(view, kind, id);
	if (answer == NULL)
		return NULL;
	memmove(&view->known[at + 1], &view->known[at],
		(view->n_known - at) * sizeof(*view->known));
	view->known[at] = (struct view_known){ key, answer };
	view->n_known++;
	return answer;
}

/* Parents come from the kernel, which knows no circles; but the list is bounded. */
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
