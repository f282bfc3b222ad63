/* SPDX-License-Identifier: MIT */
#include "tools/subid/view.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/child.h"
#include "libsubid/core/core.h"
#include "tools/subid/container_view.h"
#include "tools/subid/leases.h"
#define NAME_SIZE 256

struct view_known {
	uint64_t key; /* kind and id */
	struct view_answer *answer;
};

struct view_lessor {
	char *name;
	struct subid_leases leases;
	const struct subid_lease **sorted; /* those of this owner, by kind and start */
	size_t n;
	bool unread;
};

struct view_root {
	size_t userns;
	uint64_t mounts; /* inode of the mount namespace: containers may share userns */
	enum subid_kind kind;
	struct container_names names;
	char *last; /* the last name that was asked for, terminated */
};

/*
 * Leases.  Those of an owner are read when the first of its ids is looked up, and sorted,
 * since a user may have half a million.
 */
static void free_lessors(struct view *view)
{
	for (size_t i = 0; i < view->n_lessors; i++) {
		free(view->lessors[i].name);
		free(view->lessors[i].sorted);
		subid_leases_free(&view->lessors[i].leases);
	}
	free(view->lessors);
}

static int compare(enum subid_kind kind, uint32_t id, const struct subid_lease *lease)
{
	if (kind != lease->kind)
		return kind < lease->kind ? -1 : 1;
	return id < lease->range.start ? -1 : id > lease->range.start;
}

static int compare_leases(const void *a, const void *b)
{
	const struct subid_lease *const *x = a, *const *y = b;

	return compare((*x)->kind, (*x)->range.start, *y);
}

static void sort(struct view_lessor *lessor, const struct subid_owner *owner)
{
	lessor->sorted = calloc(lessor->leases.n + 1, sizeof(struct subid_lease *));
	if (lessor->sorted == NULL)
		return;
	for (size_t i = 0; i < lessor->leases.n; i++) {
		const struct subid_lease *lease = &lessor->leases.list[i];

		if (lease_is_of(lease, owner, lessor->name) &&
		    !subid_owner_is_hold(lease->name, strlen(lease->name)))
			lessor->sorted[lessor->n++] = lease;
	}
	qsort(lessor->sorted, lessor->n, sizeof(struct subid_lease *), compare_leases);
}

/* Threat: a user controls their own store; an error in it must not keep root from seeing
 * the owners of ids. */
static void read_leases(struct view *view, struct view_lessor *lessor)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	char where[CLI_CONF_FILE_SIZE] = "";
	int r = subid_owner_find(view->users, lessor->name, &owner);

	if (r == SUBID_INVALID)
		return; /* "!released" and the like lease nothing */
	if (r >= 0)
		r = cli_leases_load(view->cli, &owner, lessor->name, &view->homes,
				    &lessor->leases, where);
	lessor->unread = r < 0;
	view->partial |= lessor->unread;
	if (r < 0 && !view->cli->quiet)
		(void)cli_complain(0, "warning: %s: %s: leases cannot be read",
				   where[0] == '\0' ? lessor->name : where,
				   home_error(r));
	sort(lessor, &owner);
}

static struct view_lessor *find_lessor(struct view *view, const char *owner)
{
	auto_free char *name = view_owner_name(view, owner, strlen(owner));
	struct view_lessor lessor = { .name = name };

	for (size_t i = 0; name != NULL && i < view->n_lessors; i++)
		if (strcmp(view->lessors[i].name, name) == 0)
			return &view->lessors[i];
	if (name == NULL)
		return NULL;
	if (array_grow(&view->lessors, view->n_lessors, sizeof(*view->lessors)) < 0)
		return NULL;
	name = NULL;
	read_leases(view, &lessor);
	view->lessors[view->n_lessors] = lessor;
	return &view->lessors[view->n_lessors++];
}

const struct subid_leases *view_leases(struct view *view, const char *owner)
{
	const struct view_lessor *lessor = find_lessor(view, owner);

	return lessor == NULL || lessor->unread ? NULL : &lessor->leases;
}

struct question {
	enum subid_kind kind;
	uint32_t id;
};

static bool starts_before(const void *element, const void *key)
{
	const struct subid_lease *const *lease = element;
	const struct question *question = key;

	return compare(question->kind, question->id, *lease) >= 0;
}

const char *view_lease(struct view *view, const char *owner, enum subid_kind kind,
		       uint32_t id)
{
	const struct view_lessor *lessor = find_lessor(view, owner);
	const struct id_range one = { .start = id, .count = 1 };
	const struct question question = { kind, id };
	const struct subid_lease *lease;
	size_t after;

	if (lessor == NULL)
		return NULL;
	/* after the last that starts at or before the id */
	after = array_search(lessor->sorted, lessor->n, sizeof(*lessor->sorted),
			     &question, starts_before);
	if (after == 0)
		return NULL;
	lease = lessor->sorted[after - 1];
	return lease->kind == kind && id_range_contains(lease->range, one) ? lease->name
									   : NULL;
}

/*
 * The names that containers have for their ids, from their own files, each read once.
 *
 * Threat: whoever runs the container controls the files, and perhaps the file system
 * (FUSE), which can block a reader for ever, or can mount a file over passwd that only
 * root may read.  So a child reads them with the rights of the container's process, and
 * the parent waits for a limited time.
 */
static void free_roots(struct view *view)
{
	for (size_t i = 0; i < view->n_roots; i++) {
		container_names_free(&view->roots[i].names);
		free(view->roots[i].last);
	}
	free(view->roots);
}

/* Takes the ids of the process whose file is read; only root can, and must. */
static int become(uint32_t uid, uint32_t gid)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

/* What the child is to read. */
struct wanted {
	const struct view *view;
	size_t userns;
	const struct container_process *process;
	enum subid_kind kind;
};

/* The child: sends the whole file to the parent, or fails. */
static int send_file(const void *data, int writer)
{
	const struct wanted *wanted = data;
	const struct container_process *process = wanted->process;
	uint64_t inode = wanted->view->live.userns[wanted->userns].inode;
	struct subid_text text = { .bytes = NULL };
	int root, r;

	root = container_open_root(wanted->view->proc, process->pid,
				   (inode & SUBID_LIVE_GUESSED) != 0 ? 0 : inode);
	if (root < 0)
		return root;
	r = become(process->ids[SUBID_UID], process->ids[SUBID_GID]);
	if (r == 0)
		r = container_read_file(root, wanted->kind, &text);
	return r == 0 ? child_send(writer, text.bytes, text.size) : r;
}

static bool read_in_child(struct view *view, size_t userns,
			  const struct container_process *process, enum subid_kind kind,
			  struct subid_text *ret)
{
	const struct wanted wanted = { view, userns, process, kind };

	return child_run(send_file, &wanted, view->proc, CONTAINER_FILE_MAX, &view->names,
			 ret) == 0;
}

/* The inode of a process's mount namespace, or 0. */
static uint64_t mounts_of(int proc, pid_t pid)
{
	char path[32], link[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%d/ns/mnt", (int)pid);
	n = readlinkat(proc, path, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = '\0';
	return strncmp(link, "mnt:[", 5) == 0 ? strtoull(link + 5, NULL, 10) : 0;
}

/* Reads a container's file; one that cannot be read has no names. */
static struct view_root *add_root(struct view *view, size_t userns, pid_t pid,
				  enum subid_kind kind, uint64_t mounts)
{
	struct view_root *root;
	struct container_process process;
	auto_text struct subid_text text = { .bytes = NULL };

	if (array_grow(&view->roots, view->n_roots, sizeof(*view->roots)) < 0)
		return NULL;
	root = &view->roots[view->n_roots++];
	*root = (struct view_root){ .userns = userns, .mounts = mounts, .kind = kind };
	if (container_process_read(view->proc, pid, &process) == 0 &&
	    read_in_child(view, userns, &process, kind, &text))
		(void)container_names_parse(&text,
					    &root->names); /* else it has no names */
	return root;
}

const char *view_name_inside(struct view *view, size_t userns, pid_t pid,
			     enum subid_kind kind, uint32_t inside)
{
	uint64_t mounts = mounts_of(view->proc, pid);
	struct view_root *root = NULL;
	const char *name;
	size_t len;

	/* the last one first: processes are ordered by namespace */
	for (size_t i = view->n_roots; root == NULL && i-- > 0;)
		if (view->roots[i].mounts == mounts && view->roots[i].userns == userns &&
		    view->roots[i].kind == kind)
			root = &view->roots[i];
	if (root == NULL && mounts != 0)
		root = add_root(view, userns, pid, kind, mounts);
	name = root == NULL ? NULL : container_names_find(&root->names, inside, &len);
	if (name == NULL)
		return NULL;
	free(root->last);
	root->last = strndup(name, len);
	return root->last;
}

/*
 * Loading and looking up.
 */

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
	free_roots(view);
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
		return cli_complain(EXIT_UNABLE,
				    "/proc: %s: running processes cannot be seen",
				    strerror(-r));
	for (size_t i = 1; i < view->live.n; i++)
		subid_live_name(view->proc, &view->live, i);
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
	struct subid_failure failure = { .file = "passwd" };
	int status, r;

	*ret = (struct view){
		.cli = cli,
		.proc = -1,
		.names = { .one_ms = 1000, .all_ms = 5000 },
		.homes = HOMES,
	};
	ret->etc = cli_open_etc(cli);
	if (ret->etc < 0)
		return EXIT_UNABLE;
	ret->proc = cli_open_proc(cli);
	if (ret->proc == -2)
		return EXIT_UNABLE;
	cli_warn_of_source(cli, ret->etc);
	r = subid_users_load(ret->etc, cli->root == NULL, &ret->users, &failure.file);
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
