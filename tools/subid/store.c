/* SPDX-License-Identifier: MIT */
/*
 * Where leases are kept, and how to get there.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/core/open.h"
#include "tools/subid/lease.h"

#define MODE_ROOT 0755 /* root's leases are no secret: users keep off them */
#define MODE_USER 0700
#define MODE_WAY                                                                         \
	0755 /* what is made on the way: containers' roots walk through ~/.local */

void cli_store_close(struct cli_store *store)
{
	if (store->fd >= 0)
		(void)close(store->fd); /* only read: drafts are synced by themselves */
	store->fd = -1;
	free(store->read.text.bytes);
	store->read.text.bytes = NULL;
}

bool cli_store_exists(const struct cli_store *store)
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
static int open_in_image(const char *root, bool create)
{
	static const char path[] = SUBID_STATEDIR;
	const char *name = strrchr(path, '/') + 1;
	char above[sizeof(path)];
	auto_close int parent = -1;
	int fd = cli_open_below(root, path);

	if (fd != -ENOENT || !create)
		return fd;
	(void)snprintf(above, sizeof(above), "%.*s", (int)(name - path), path);
	parent = cli_open_below(root, above);
	if (parent < 0)
		return parent;
	if (mkdirat(parent, name, MODE_ROOT) < 0 && errno != EEXIST)
		return -errno;
	return cli_open_below(root, path);
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
static int name_user_store(struct cli_store *store, uint32_t uid, char **ret_home)
{
	char *name = store->cli.etc_name;
	size_t size = sizeof(store->cli.etc_name);
	int n, r;

	store->user = "";
	(void)snprintf(name, size, "the home of uid %u", uid);
	r = subid_owner_home(uid, ret_home);
	if (r != 0)
		return r;
	n = snprintf(name, size, "%s/%s", *ret_home, SUBID_LEASE_USER_DIR);
	return n < (int)size ? 0 : -ENAMETOOLONG;
}

static int open_user_store(struct cli_store *store, bool create)
{
	auto_free char *home = NULL;
	int r = name_user_store(store, getuid(), &home);

	if (r != 0)
		return r < 0 ? r : -ENOENT;
	return walk_down(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
			 store->cli.etc_name, create, MODE_USER);
}

/* What became of opening: none is no failure unless it should have been made. */
static int opened(struct cli_store *store, int fd, bool create)
{
	store->fd = fd < 0 ? -1 : fd;
	return fd >= 0 || (!create && (fd == -ENOENT || fd == -ENOTDIR)) ? 0 : fd;
}

static struct cli_store closed_store(const struct cli *cli)
{
	struct cli_store store = { .cli = *cli, .fd = -1 };

	store.cli.store = true;
	(void)snprintf(store.cli.etc_name, sizeof(store.cli.etc_name), "%s%s",
		       cli->root == NULL ? "" : cli->root, SUBID_STATEDIR);
	return store;
}

static int find(const struct cli *cli, bool create, struct cli_store *ret)
{
	int fd;

	*ret = closed_store(cli);
	if (cli->root != NULL)
		fd = open_in_image(cli->root, create);
	else if (geteuid() == 0)
		fd = open_root_store(create);
	else
		fd = open_user_store(ret, create);
	return opened(ret, fd, create);
}

int cli_store_find(const struct cli *cli, struct cli_store *ret)
{
	return find(cli, false, ret);
}

/* Root looks at a user's. */
static int find_users(const struct subid_owner *owner, struct cli_homes *homes,
		      struct cli_store *ret)
{
	auto_free char *home = NULL;
	int r;

	if (!owner->has_account || owner->uid == 0)
		return 0;
	r = name_user_store(ret, owner->uid, &home);
	if (r == 0)
		r = cli_home_read_store(home, owner->uid, homes, &ret->read);
	return r > 0 || r == -ENOTDIR ? 0 : r;
}

int cli_store_find_other(const struct cli *cli, const struct subid_owner *owner,
			 struct cli_homes *homes, struct cli_store *ret)
{
	*ret = closed_store(cli);
	if (cli->root != NULL)
		return 0; /* an image's homes are not known */
	if (geteuid() == 0)
		return find_users(owner, homes, ret);
	return opened(ret, open_root_store(false), false);
}

static int complain(const struct cli_store *store, int r, bool create)
{
	if (r == 0)
		return EXIT_DONE;
	return cli_complain(EXIT_UNABLE, "%s: %s: leases cannot be %s",
			    store->cli.etc_name, cli_home_error(r),
			    create ? "kept" : "read");
}

/* Leases in a file that is not the store's own. */
static bool is_stray(const struct cli_store *store, const char *dir, enum subid_kind kind)
{
	const char *name = subid_kind_table(kind);
	struct stat file, own;
	char path[PATH_MAX + 16];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (stat(path, &file) < 0 || file.st_size == 0)
		return false;
	return store->fd < 0 || fstatat(store->fd, name, &own, 0) < 0 ||
	       own.st_dev != file.st_dev || own.st_ino != file.st_ino;
}

/* Leases where who sets these variables may have them are none that we keep off: they
 * are told, and in the way of new ones. */
static int check_strays(const struct cli_store *store, bool create)
{
	static const struct {
		const char *variable, *beneath;
	} places[] = {
		{ "XDG_STATE_HOME", "subid" },
		{ "HOME", SUBID_LEASE_USER_DIR },
	};
	char dir[PATH_MAX];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *value = getenv(places[i].variable);

		if (value == NULL || value[0] != '/')
			continue;
		(void)snprintf(dir, sizeof(dir), "%s/%s", value, places[i].beneath);
		if (is_stray(store, dir, SUBID_UID) || is_stray(store, dir, SUBID_GID))
			return cli_complain(create ? EXIT_UNABLE : EXIT_DONE,
					    "%s%s: leases that are there do not count,"
					    " whatever %s says: move them to %s",
					    create ? "" : "warning: ", dir,
					    places[i].variable, store->cli.etc_name);
	}
	return EXIT_DONE;
}

int cli_store_open(const struct cli *cli, bool create, struct cli_store *ret)
{
	int status = complain(ret, find(cli, create, ret), create);

	if (status != EXIT_DONE || ret->user == NULL)
		return status;
	return check_strays(ret, create);
}

int cli_store_open_lockable(const struct cli *cli, struct cli_store *ret)
{
	int r;

	*ret = closed_store(cli);
	if (cli->root == NULL && geteuid() != 0)
		return EXIT_DONE;
	r = find(cli, true, ret);
	/* nor can anybody else make one */
	if (r == -EROFS || (cli->root != NULL && (r == -ENOENT || r == -ENOTDIR)))
		r = 0;
	return complain(ret, r, true);
}

int cli_store_open_other(const struct cli *cli, const struct subid_owner *owner,
			 struct cli_homes *homes, struct cli_store *ret)
{
	return complain(ret, cli_store_find_other(cli, owner, homes, ret), false);
}
