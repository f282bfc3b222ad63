/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "leases.h"
#include "libsubid/cleanup.h"

#define WHERE_SIZE CLI_CONF_FILE_SIZE

static int open_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The caller's own, where the base directories' specification puts it. */
static int open_own(const char *home, char where[WHERE_SIZE])
{
	const char *state = getenv("XDG_STATE_HOME");

	if (state != NULL && state[0] == '/')
		(void)snprintf(where, WHERE_SIZE, "%s/subid", state);
	else
		(void)snprintf(where, WHERE_SIZE, "%s/%s", home, SUBID_LEASE_USER_DIR);
	return open_directory(where);
}

/* The owner's store, for the owner or for root; nobody else may look. */
static int open_owners(const struct subid_owner *owner, char where[WHERE_SIZE])
{
	const struct passwd *passwd;
	int fd, r;

	if (!owner->has_account || owner->uid == 0 ||
	    (geteuid() != 0 && geteuid() != owner->uid))
		return -ENOENT;
	passwd = getpwuid(owner->uid);
	if (passwd == NULL || passwd->pw_dir[0] != '/')
		return -ENOENT;
	if (geteuid() == owner->uid)
		return open_own(passwd->pw_dir, where);
	(void)snprintf(where, WHERE_SIZE, "%s/%s", passwd->pw_dir, SUBID_LEASE_USER_DIR);
	r = subid_lease_open_user(passwd->pw_dir, owner->uid, &fd);
	if (r > 0)
		return -ENOENT;
	return r < 0 ? r : fd;
}

/* From a directory, which it closes, or -errno; none is no failure. */
static int load(int dir, const char *user, struct subid_leases *leases)
{
	auto_close int fd = dir;

	if (dir == -ENOENT || dir == -ENOTDIR)
		return 0;
	return dir < 0 ? dir : subid_leases_load(fd, user, leases);
}

int cli_leases_load(const struct cli *cli, const struct subid_owner *owner,
		    const char *name, struct subid_leases *leases,
		    char ret_where[CLI_CONF_FILE_SIZE])
{
	int r;

	(void)snprintf(ret_where, WHERE_SIZE, "%s%s", cli->root == NULL ? "" : cli->root,
		       SUBID_STATEDIR);
	r = load(cli->root == NULL ? open_directory(SUBID_STATEDIR)
				   : cli_open_below(cli->root, SUBID_STATEDIR),
		 NULL, leases);
	if (r < 0 || cli->root != NULL)
		return r; /* an image's homes are not known */
	return load(open_owners(owner, ret_where), name, leases);
}

bool cli_lease_is_of(const struct subid_lease *lease, const struct subid_owner *owner,
		     const char *name)
{
	size_t len = strlen(lease->owner);

	for (size_t i = 0; i < owner->n; i++)
		if (owner->spellings[i].len == len &&
		    memcmp(owner->spellings[i].text, lease->owner, len) == 0)
			return true;
	return strcmp(lease->owner, name) == 0;
}
