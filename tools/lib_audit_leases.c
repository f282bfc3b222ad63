/* SPDX-License-Identifier: MIT */
/*
 * The leases that an audit looks at: root's store, and those of the users who run
 * something, and what root's runtimes have written down.
 *
 * Threat: a user's store is the user's: it may be as large as the disk, or hang whoever
 * reads it.  So root reads it up to a bound, in a child, and what is wrong with it is
 * one finding about that user.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_forms.h"
#include "child.h"
#include "lease.h"
#include "libsubid/cleanup.h"

#define USERS_FILE_MAX	((size_t)256 << 10) /* subid-audit(7) has it, in lease-own */
#define PATIENCE_ONE_MS 1000		    /* with one user's */
#define PATIENCE_MS	10000		    /* with all of them */

/* What the child finds in a user's store, before the bytes of the two files. */
struct found {
	int error;
	size_t sizes[SUBID_KINDS];
};

struct wanted {
	const struct cli *cli;
	const struct subid_owner *owner;
};

static void read_files(int dir, struct found *found, struct subid_text texts[SUBID_KINDS])
{
	for (enum subid_kind kind = 0; found->error == 0 && kind < SUBID_KINDS; kind++) {
		int r = subid_text_read_max(dir, subid_kind_table(kind), false,
					    USERS_FILE_MAX, &texts[kind]);

		found->sizes[kind] = r == 0 ? texts[kind].size : 0;
		if (r < 0 && r != -ENOENT)
			found->error = r;
	}
}

/* The child: it ends with this, and all that it has goes with it. */
static int send_store(const void *data, int writer)
{
	const struct wanted *wanted = data;
	struct subid_text texts[SUBID_KINDS] = { { .size = 0 }, { .size = 0 } };
	struct cli_store store = { .fd = -1 };
	struct found found = { .error = 0 };
	int r;

	found.error = cli_store_find_other(wanted->cli, wanted->owner, &store);
	if (found.error == 0 && store.fd < 0)
		return 0; /* there is none: not a byte */
	read_files(store.fd, &found, texts);
	if (found.error != 0)
		found.sizes[SUBID_UID] = found.sizes[SUBID_GID] = 0;
	r = cli_child_send(writer, &found, sizeof(found));
	for (enum subid_kind kind = 0; r == 0 && found.error == 0 && kind < SUBID_KINDS;
	     kind++)
		r = cli_child_send(writer, texts[kind].bytes, found.sizes[kind]);
	return r;
}

/* owner: whose store it is; NULL: root's.  NULL for want of memory. */
static struct subid_audit_store *add_store(struct audit_gathered *gathered,
					   const char *path,
					   const struct subid_owner *owner)
{
	size_t n = gathered->input.n_stores;
	struct subid_audit_store *grown =
	    reallocarray(gathered->stores, n + 1, sizeof(*grown));
	auto_free char *name = strdup(path);
	auto_free char *user = NULL;

	if (grown == NULL)
		return NULL;
	gathered->input.stores = gathered->stores = grown;
	if (owner != NULL)
		user = strndup(owner->spellings[0].text, owner->spellings[0].len);
	if (name == NULL || (owner != NULL && user == NULL))
		return NULL;
	memset(&grown[n], 0, sizeof(grown[n]));
	grown[n].path = name;
	grown[n].user = user;
	grown[n].uid = owner == NULL ? 0 : owner->uid;
	name = user = NULL;
	gathered->input.n_stores++;
	return &grown[n];
}

/* What the child has sent becomes leases.  0 or -ENOMEM. */
static int take_sent(const struct subid_text *sent, struct subid_audit_store *store)
{
	struct found found;
	const char *at = sent->bytes + sizeof(found);
	int r = 0;

	memcpy(&found, sent->bytes, sizeof(found));
	if (sent->size != sizeof(found) + found.sizes[SUBID_UID] + found.sizes[SUBID_GID])
		found.error = -EIO;
	store->error = found.error;
	for (enum subid_kind kind = 0; r == 0 && found.error == 0 && kind < SUBID_KINDS;
	     kind++) {
		struct subid_text text = { .size = found.sizes[kind] };

		text.bytes = malloc(text.size + 1);
		if (text.bytes == NULL)
			return -ENOMEM;
		memcpy(text.bytes, at, text.size);
		text.bytes[text.size] = '\0';
		at += text.size;
		r = subid_leases_parse(kind, store->user, &text, &store->leases);
	}
	return r;
}

/* A user's store, for root. */
static int add_users(const struct cli *cli, struct audit_gathered *gathered,
		     const struct subid_owner *owner, int64_t *patience_ms)
{
	const struct wanted wanted = { cli, owner };
	auto_text struct subid_text sent = { .bytes = NULL };
	struct subid_audit_store *store;
	char path[CLI_CONF_FILE_SIZE];
	bool done =
	    cli_child_run(send_store, &wanted,
			  sizeof(struct found) + (size_t)SUBID_KINDS * USERS_FILE_MAX,
			  patience_ms, PATIENCE_ONE_MS, &sent);

	if (done && sent.size < sizeof(struct found))
		return 0; /* there is none */
	cli_store_name_users(owner, path);
	store = add_store(gathered, path, owner);
	if (store == NULL)
		return -ENOMEM;
	if (done)
		return take_sent(&sent, store);
	store->error = -ETIMEDOUT;
	return 0;
}

/* The store that is found in the caller's own way: root's, or the caller's. */
static int add_found(struct audit_gathered *gathered, const struct cli_store *found,
		     int error, const struct subid_owner *owner)
{
	struct subid_audit_store *store;

	if (error == 0 && found->fd < 0)
		return 0;
	store =
	    add_store(gathered, found->cli.etc_name, found->user == NULL ? NULL : owner);
	if (store == NULL)
		return -ENOMEM;
	store->error = error != 0
			   ? error
			   : subid_leases_load(found->fd, store->user, &store->leases);
	if (store->error < 0 && store->user == NULL)
		audit_add_missing(gathered, "the leases in %s could not be read: %s",
				  store->path, strerror(-store->error));
	return store->error == -ENOMEM ? -ENOMEM : 0;
}

/* The store that is the caller's; owner: the caller, NULL for root. */
static int add_own(const struct cli *cli, struct audit_gathered *gathered,
		   const struct subid_owner *owner)
{
	auto_store struct cli_store store = { .fd = -1 };
	int found = cli_store_find(cli, &store);

	if (store.user != NULL && (owner == NULL || !owner->has_account))
		return 0;
	return add_found(gathered, &store, found, owner);
}

static int add_other(const struct cli *cli, struct audit_gathered *gathered,
		     const struct subid_owner *owner)
{
	auto_store struct cli_store store = { .fd = -1 };
	int found = cli_store_find_other(cli, owner, &store);

	return add_found(gathered, &store, found, owner);
}

static int compare_uids(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Those of everybody who runs something. */
static int add_all(const struct cli *cli, struct audit_gathered *gathered)
{
	const struct subid_live *live = &gathered->live;
	auto_free uint32_t *uids = calloc(live->n + 1, sizeof(*uids));
	int64_t patience_ms = PATIENCE_MS;
	size_t n = 0;
	int r = uids == NULL ? -ENOMEM : 0;

	for (size_t i = 1; r == 0 && i < live->n; i++)
		if (live->userns[i].owner != SUBID_ID_NONE &&
		    (live->userns[i].parent == 0 ||
		     live->userns[i].parent == SUBID_LIVE_NONE))
			uids[n++] = live->userns[i].owner;
	if (n > 1)
		qsort(uids, n, sizeof(*uids), compare_uids);
	for (size_t i = 0; r == 0 && i < n; i++) {
		auto_owner struct subid_owner owner = { .has_account = false };

		if (i > 0 && uids[i] == uids[i - 1])
			continue;
		r = subid_owner_of_uid(gathered->users, uids[i], &owner);
		if (r == 0 && owner.has_account)
			r = add_users(cli, gathered, &owner, &patience_ms);
		r = r == -ENOMEM ? r : 0; /* who it is, is told elsewhere */
	}
	return r;
}

/* Names what is run by those who have leases: live-shared asks. */
static void name_lessees(const struct cli *cli, struct audit_gathered *gathered)
{
	auto_close int proc = -1;

	for (size_t i = 1; i < gathered->live.n; i++) {
		uint32_t owner = gathered->live.userns[i].owner;
		bool leases = false;

		for (size_t s = 0; !leases && s < gathered->input.n_stores; s++)
			leases = gathered->stores[s].leases.n > 0 &&
				 (gathered->stores[s].user == NULL ||
				  gathered->stores[s].uid == owner);
		if (leases && proc < 0)
			proc = cli_open_proc(cli);
		if (leases && proc >= 0)
			subid_live_name(proc, &gathered->live, i);
	}
}

/* What root's runtimes have written is none of others' business. */
static int read_runtimes(const struct cli *cli, struct audit_gathered *gathered)
{
	auto_close int root =
	    open(cli->root == NULL ? "/" : cli->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct subid_runtime_place place = { .dir = root, .trusted = true };

	if (root < 0 || geteuid() != 0)
		return 0;
	gathered->input.runtimes = &gathered->runtimes;
	return subid_runtime_read(&place, &gathered->runtimes);
}

int audit_gather_leases(const struct cli *cli, struct audit_gathered *gathered)
{
	auto_owner struct subid_owner self = { .has_account = false };
	bool user = cli->root == NULL && geteuid() != 0;
	int r = user ? subid_owner_of_uid(gathered->users, getuid(), &self) : 0;

	if (r == -ENOMEM)
		return r;
	r = add_own(cli, gathered, user && r == 0 ? &self : NULL);
	if (r == 0 && user)
		r = add_other(cli, gathered, &self); /* root's */
	else if (r == 0 && gathered->input.live != NULL)
		r = add_all(cli, gathered);
	if (r == 0)
		r = read_runtimes(cli, gathered);
	if (r == 0)
		name_lessees(cli, gathered);
	return r;
}

void audit_leases_free(struct audit_gathered *gathered)
{
	for (size_t i = 0; i < gathered->input.n_stores; i++) {
		struct subid_audit_store *store = &gathered->stores[i];

		subid_leases_free(&store->leases);
		free(store->path);
		free(store->user);
	}
	free(gathered->stores);
	subid_runtime_state_free(&gathered->runtimes);
}
