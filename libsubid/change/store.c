/* SPDX-License-Identifier: MIT */
/*
 * Where leases are kept, how to get there, what others must avoid of them, and a
 * transaction over them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"

#define MODE_ROOT 0755 /* root's leases are no secret: users keep off them */
#define MODE_USER 0700
#define MODE_WAY                                                                         \
	0755 /* what is made on the way: containers' roots walk through ~/.local */

void store_close(struct store *store)
{
	if (store->fd >= 0)
		(void)close(store->fd); /* only read: drafts are synced by themselves */
	store->fd = -1;
	free(store->read.text.bytes);
	store->read.text.bytes = NULL;
}

bool store_exists(const struct store *store)
{
	return store->fd >= 0 || store->read.text.bytes != NULL;
}

/*
 * One more directory on the way; created if it is not there and may be.  Links are
 * followed: this is for the running system alone.
 */
static int step_down(int dir, const char *name, bool create, mode_t mode)
{
	if (create && mkdirat(dir, name, mode) < 0 && errno != EEXIST)
		return -errno;
	return beneath_enter(dir, name);
}

/* Opens path beneath dir, which is closed, with the parts that are missing made. */
static int walk_down(int dir, const char *path, bool create, mode_t mode)
{
	char name[256];

	while (dir >= 0 && *path != '\0') {
		size_t len = strcspn(path, "/");
		int next = -ENAMETOOLONG;

		if (len > 0 && len < sizeof(name)) {
			(void)snprintf(name, sizeof(name), "%.*s", (int)len, path);
			next =
			    step_down(dir, name, create,
				      strchr(path + len, '/') == NULL ? mode : MODE_WAY);
		}
		if (len > 0) {
			(void)close(dir); /* a directory */
			dir = next;
		}
		path += len + (path[len] == '/');
	}
	return dir;
}

/*
 * Threat: what stands there may be a link of the image's, whose target is missing in
 * the image but not here: so what is made is not trusted to be it, but opened beneath
 * the root as if it had been there before.
 */
static int open_in_image(int root, bool create)
{
	static const char path[] = SUBID_STATEDIR;
	int fd = beneath_open_dir(root, path);

	for (size_t len = 1; fd == -ENOENT && create && len < sizeof(path);
	     len += strcspn(path + len, "/") + 1) {
		size_t end = len + strcspn(path + len, "/");
		char above[sizeof(path)], name[sizeof(path)];
		auto_close int parent = -1;

		(void)snprintf(above, sizeof(above), "%.*s", (int)len, path);
		(void)snprintf(name, sizeof(name), "%.*s", (int)(end - len), path + len);
		parent = beneath_open_dir(root, above);
		if (parent < 0)
			return parent;
		if (mkdirat(parent, name, MODE_ROOT) < 0 && errno != EEXIST)
			return -errno;
	}
	return fd == -ENOENT && create ? beneath_open_dir(root, path) : fd;
}

static int open_root_store(bool create)
{
	return walk_down(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), SUBID_STATEDIR,
			 create, MODE_ROOT);
}

/*
 * Threat: of two stores of one user neither knows what the other has given.  So there is
 * one, which root finds, too: passwd alone says where, not XDG_STATE_HOME nor HOME.
 */
static int name_user_store(struct store *store, const struct subid_users *users,
			   uint32_t uid, char **ret_home)
{
	char *name = store->name;
	size_t size = sizeof(store->name);
	int n, r;

	store->user = "";
	(void)snprintf(name, size, "the home of uid %u", uid);
	r = users == NULL ? subid_owner_home(uid, ret_home)
			  : subid_users_home(users, uid, ret_home);
	if (r != 0)
		return r;
	n = snprintf(name, size, "%s/%s", *ret_home, SUBID_LEASE_USER_DIR);
	return n < (int)size ? 0 : -ENAMETOOLONG;
}

static int open_user_store(struct store *store, bool create)
{
	auto_free char *home = NULL;
	int r = name_user_store(store, NULL, getuid(), &home);

	if (r != 0)
		return r < 0 ? r : -ENOENT;
	return walk_down(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), store->name,
			 create, MODE_USER);
}

/* What became of opening: none is no failure unless it should have been made. */
static int opened(struct store *store, int fd, bool create)
{
	store->fd = fd < 0 ? -1 : fd;
	return fd >= 0 || (!create && (fd == -ENOENT || fd == -ENOTDIR)) ? 0 : fd;
}

static struct store closed_store(const struct subid *sys)
{
	struct store store = { .fd = -1, .image_len = sys->name_len };

	(void)snprintf(store.name, sizeof(store.name), "%.*s%s", (int)sys->name_len,
		       sys->etc_name, SUBID_STATEDIR);
	return store;
}

int store_open_state(const struct subid *sys, bool create)
{
	if (!sys->host)
		return open_in_image(sys->root, create);
	return open_root_store(create && geteuid() == 0);
}

static int find(const struct subid *sys, bool create, struct store *ret)
{
	int fd;

	*ret = closed_store(sys);
	if (!sys->host)
		fd = open_in_image(sys->root, create);
	else if (geteuid() == 0)
		fd = open_root_store(create);
	else
		fd = open_user_store(ret, create);
	return opened(ret, fd, create);
}

int store_find(const struct subid *sys, struct store *ret)
{
	return find(sys, false, ret);
}

/* Root looks at a user's. */
static int find_users(const struct subid *sys, const struct subid_owner *owner,
		      struct homes *homes, struct store *ret)
{
	auto_free char *home = NULL;
	int r;

	if (!owner->has_account || owner->uid == 0)
		return 0;
	r = name_user_store(ret, sys->users, owner->uid, &home);
	if (r == 0)
		r = home_read_store(home, owner->uid, homes, &ret->read);
	return r > 0 || r == -ENOTDIR ? 0 : r;
}

int store_find_other(const struct subid *sys, const struct subid_owner *owner,
		     struct homes *homes, struct store *ret)
{
	*ret = closed_store(sys);
	if (!sys->host)
		return 0; /* an image's homes are not known */
	if (geteuid() == 0)
		return find_users(sys, owner, homes, ret);
	return opened(ret, open_root_store(false), false);
}

static int explain(const struct store *store, int r, bool create, struct subid_error *err)
{
	if (r == 0)
		return 0;
	return error_plain(err, r, "%s: %s: leases cannot be %s", store->name,
			   home_error(r), create ? "kept" : "read");
}

/* Leases in a file that is not the store's own. */
static bool is_stray(const struct store *store, const char *dir, enum subid_kind kind)
{
	auto_free char *there = NULL, *own = NULL;
	char path[PATH_MAX + 16], own_path[sizeof(store->name) + 16];
	struct stat file;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, subid_kind_table(kind));
	if (stat(path, &file) < 0 || file.st_size == 0)
		return false;
	/* by where they are: a grant may replace the store's file at any moment */
	(void)snprintf(own_path, sizeof(own_path), "%s/%s", store->name,
		       subid_kind_table(kind));
	there = realpath(path, NULL);
	own = realpath(own_path, NULL);
	return there != NULL && (own == NULL || strcmp(there, own) != 0);
}

/* Is it the store's own directory, by whatever name? */
static bool is_own_dir(const struct store *store, const char *dir)
{
	struct stat there, own;

	return store->fd >= 0 && stat(dir, &there) == 0 && fstat(store->fd, &own) == 0 &&
	       there.st_dev == own.st_dev && there.st_ino == own.st_ino;
}

/* Leases where who sets these variables may have them are none that we keep off: that
 * is said, and they are in the way of new ones. */
static int check_strays(const struct subid *sys, const struct store *store, bool create,
			struct subid_error *err)
{
	static const struct {
		const char *variable, *beneath;
	} places[] = {
		{ "XDG_STATE_HOME", "subid" },
		{ "HOME", SUBID_LEASE_USER_DIR },
	};
	char dir[PATH_MAX];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		static const char said[] = "%s: leases that are there do not count,"
					   " whatever %s says: move them to %s";
		const char *value = secure_getenv(places[i].variable);

		if (value == NULL || value[0] != '/')
			continue;
		(void)snprintf(dir, sizeof(dir), "%s/%s", value, places[i].beneath);
		if (is_own_dir(store, dir) || (!is_stray(store, dir, SUBID_UID) &&
					       !is_stray(store, dir, SUBID_GID)))
			continue;
		if (create)
			return error_plain(err, -EEXIST, said, dir, places[i].variable,
					   store->name);
		system_warn(sys, SUBID_NOTE_WARNING, said, dir, places[i].variable,
			    store->name);
		return 0;
	}
	return 0;
}

int store_open(const struct subid *sys, bool create, struct store *ret,
	       struct subid_error *err)
{
	int r = explain(ret, find(sys, create, ret), create, err);

	return r != 0 || ret->user == NULL ? r : check_strays(sys, ret, create, err);
}

int store_open_lockable(const struct subid *sys, struct store *ret,
			struct subid_error *err)
{
	int r;

	*ret = closed_store(sys);
	if (sys->host && geteuid() != 0)
		return 0;
	r = find(sys, true, ret);
	/* nor can anybody else make one */
	if (r == -EROFS || (!sys->host && (r == -ENOENT || r == -ENOTDIR)))
		r = 0;
	return explain(ret, r, true, err);
}

int store_open_other(const struct subid *sys, const struct subid_owner *owner,
		     struct homes *homes, struct store *ret, struct subid_error *err)
{
	return explain(ret, store_find_other(sys, owner, homes, ret), false, err);
}

/* --- what is in it -------------------------------------------------------------------
 */

/* A file of a store that has been read.  0 or -ENOMEM. */
static int copy_read(const struct home_store *read, enum subid_kind kind,
		     struct subid_text *ret)
{
	const char *bytes =
	    read->text.bytes + (kind == SUBID_UID ? 0 : read->sizes[SUBID_UID]);

	ret->bytes = malloc(read->sizes[kind] + 1);
	if (ret->bytes == NULL)
		return -ENOMEM;
	memcpy(ret->bytes, bytes, read->sizes[kind]);
	ret->bytes[read->sizes[kind]] = '\0';
	ret->size = read->sizes[kind];
	return 0;
}

int store_leases(const struct store *store, const char *name, struct subid_leases *leases)
{
	int r = 0;

	if (store->fd >= 0)
		return subid_leases_load(store->fd, store->user != NULL ? name : NULL,
					 leases);
	for (enum subid_kind kind = 0;
	     r == 0 && store->read.text.bytes != NULL && kind < SUBID_KINDS; kind++) {
		struct subid_text text = { .bytes = NULL };

		r = copy_read(&store->read, kind, &text);
		if (r == 0)
			r = subid_leases_parse(kind, name, &text, leases);
	}
	return r;
}

int store_load(const struct store *store, enum subid_kind kind, const char *name,
	       struct subid_table *ret)
{
	struct subid_text text = { .bytes = NULL };
	int r;

	if (store->read.text.bytes != NULL)
		r = copy_read(&store->read, kind, &text);
	else
		r = subid_text_read_max(store->fd, name, false,
					store->user != NULL ? SUBID_LEASE_SIZE_MAX
							    : SUBID_FILE_SIZE_MAX,
					&text);

	if (r == 0)
		r = subid_table_from_text(kind, &text, ret);
	return r == -ENOENT ? 0 : r;
}

static int add_file(const struct store *store, enum subid_kind kind, const char *name,
		    struct subid_set *ret)
{
	auto_table struct subid_table table = { .kind = kind };
	auto_set struct subid_set taken = { .ranges = NULL };
	int r = store_load(store, kind, name, &table);

	if (r == 0)
		r = subid_table_taken(&table, &taken);
	return r == 0 ? subid_set_unite(ret, &taken) : r;
}

int store_taken(const struct store *store, struct subid_sets *ret)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = add_file(store, kind, subid_kind_table(kind), &ret->of[kind]);
	return r;
}

int store_before(const struct store *store, struct subid_sets *ret)
{
	static const char *const backups[SUBID_KINDS] = { "subuid-", "subgid-" };
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		auto_set struct subid_set now = { .n = 0 }, before = { .n = 0 };
		auto_set struct subid_set gone = { .n = 0 };

		r = add_file(store, kind, subid_kind_table(kind), &now);
		if (r == 0)
			r = add_file(store, kind, backups[kind], &before);
		if (r == 0)
			r = subid_set_subtract(&before, &now, &gone);
		if (r == 0)
			r = subid_set_unite(&ret->of[kind], &gone);
	}
	return r;
}

bool lease_is_of(const struct subid_lease *lease, const struct subid_owner *owner,
		 const char *name)
{
	return owner_is(owner, lease->owner, strlen(lease->owner)) ||
	       strcmp(lease->owner, name) == 0;
}

/* --- a transaction over it -----------------------------------------------------------
 */

static bool is_host(int state)
{
	struct stat st, host;

	return fstat(state, &st) == 0 && stat(SUBID_STATEDIR, &host) == 0 &&
	       st.st_dev == host.st_dev && st.st_ino == host.st_ino;
}

int store_load_tables(struct subid_txn *txn, struct subid_failure *failure)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		struct subid_text text = { .bytes = NULL };

		failure->file = subid_kind_table(kind);
		r = -ENOENT;
		if (txn->options.etc >= 0)
			r = subid_text_read_max(
			    txn->options.etc, subid_kind_table(kind), false,
			    txn->lease_user ? SUBID_LEASE_SIZE_MAX : SUBID_FILE_SIZE_MAX,
			    &text);
		if (r == -ENOENT)
			r = 0;
		if (r == 0)
			r = subid_table_from_text(kind, &text, &txn->tables[kind]);
		if (r == 0)
			r = subid_table_taken(&txn->tables[kind], &txn->taken.of[kind]);
	}
	return r;
}

int subid_lease_begin(const struct subid_lease_options *options, struct subid_txn **ret,
		      struct subid_failure *ret_failure)
{
	auto_txn_alone struct subid_txn *txn = txn_new();
	int r = 0;

	*ret_failure = (struct subid_failure){ .file = NULL };
	if (txn == NULL)
		return -ENOMEM;
	txn->options = (struct subid_txn_options){
		.etc = options->state,
		.proc = -1,
		.dry_run = options->dry_run,
		.no_grants = options->no_grants,
		.untold = options->untold,
		/* a user's leases are no business of root's ledger */
		.ledger = options->user == NULL && options->state >= 0,
		.state = options->state,
		.timeout_ms = options->timeout_ms,
	};
	txn->history.about = LEDGER_LEASES;
	txn->lease_user = options->user != NULL;
	txn->is_traced =
	    !options->dry_run && options->user == NULL && is_host(options->state);
	r = history_open(txn);
	if (r == 0 && !options->dry_run) {
		ret_failure->file = ".pwd.lock";
		r = subid_lock_take(options->state, options->timeout_ms, NULL, &txn->lock,
				    &ret_failure->holder);
		ret_failure->waited_ms = options->timeout_ms;
	}
	if (r == 0)
		r = store_load_tables(txn, ret_failure);
	if (r == 0)
		r = history_look(txn, ret_failure);
	if (r != 0)
		return r;
	if (!options->dry_run)
		untold_find(txn);
	*ret_failure = (struct subid_failure){ .file = NULL };
	*ret = txn;
	txn = NULL;
	return 0;
}

int store_failure(struct subid_error *err, const struct store *store, int r,
		  const struct subid_failure *failure)
{
	char image[sizeof(store->name)];

	(void)snprintf(image, sizeof(image), "%.*s", (int)store->image_len, store->name);
	return error_failure_in(err, store->name, image, r, failure);
}

int store_begin(const struct store *store, const struct subid_txn *txn,
		struct subid_txn **ret, struct subid_error *err)
{
	const struct subid_lease_options options = {
		.state = store->fd,
		.user = store->user,
		.dry_run = (txn->flags & SUBID_DRY_RUN) != 0,
		.no_grants = txn->options.no_grants,
		.untold = LOGIN_RUN_DIR,
		.timeout_ms = txn->timeout_ms,
	};
	struct subid_failure failure;
	int r;

	if (store->fd < 0 && !options.dry_run)
		return 0;
	r = subid_lease_begin(&options, ret, &failure);
	if (r != 0)
		return store_failure(err, store, r, &failure);
	r = options.no_grants ? history_refuses(*ret) : 0;
	return r == 0 ? 0 : history_is_missing(err, txn->sys, r);
}

int txn_open_store(struct subid_txn *txn, enum txn_store how, struct subid_error *err)
{
	bool dry_run = (txn->flags & SUBID_DRY_RUN) != 0;
	int r;

	if (txn->leases != NULL)
		return 0;
	store_close(&txn->store);
	r = how == TXN_STORE_LOCK && !dry_run
		? store_open_lockable(txn->sys, &txn->store, err)
		: store_open(txn->sys, how == TXN_STORE_CREATE && !dry_run, &txn->store,
			     err);
	if (r != 0 || (how == TXN_STORE_LOCK && txn->store.user != NULL))
		return r;
	return store_begin(&txn->store, txn, &txn->leases, err);
}
