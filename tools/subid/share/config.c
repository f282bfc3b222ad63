/* SPDX-License-Identifier: MIT */
/*
 * What `subid config` prints of shared storage: the mounts that are recorded for a
 * container.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/subid/runtime_config.h"
#include "tools/subid/share/share.h"
#include "tools/subid/view.h"

void config_mounts_free(struct config_mounts *mounts)
{
	for (size_t i = 0; i < mounts->n_texts; i++)
		free(mounts->texts[i]);
	free(mounts->texts);
	free(mounts->list);
	*mounts = (struct config_mounts){ .n = 0 };
}

/* Is a mount for these ids?  Of an owner, rootless podman's map is another than the
 * rest's. */
static bool is_for(const struct subid_share_mount *mount, const struct owner_ids *ids,
		   bool podman)
{
	size_t len = strcspn(mount->target, "/");
	const char *name = mount->target[len] == '/' ? mount->target + len + 1 : NULL;
	bool owner = false;

	for (size_t i = 0; i < ids->owner.n; i++)
		owner |= ids->owner.spellings[i].len == len &&
			 memcmp(ids->owner.spellings[i].text, mount->target, len) == 0;
	if (!owner || (name == NULL) != (ids->container == NULL))
		return false;
	if (name != NULL)
		return strcmp(name, ids->container) == 0;
	return (strstr(mount->point, "/@podman/") != NULL) == podman;
}

/* A text that the mounts keep; NULL: out of memory. */
static const char *keep(struct config_mounts *mounts, char *text)
{
	if (text == NULL ||
	    array_grow(&mounts->texts, mounts->n_texts, sizeof(text)) < 0) {
		free(text);
		return NULL;
	}
	mounts->texts[mounts->n_texts++] = text;
	return text;
}

/* "/srv/STORE", or "/srv/STORE.UID" if another store of that name is there. */
static char *name_inside(const struct config_mounts *mounts,
			 const struct subid_share *share)
{
	size_t owner = strcspn(share->store, "/");
	const char *name = share->store + owner + 1;
	char *inside;

	if (asprintf(&inside, "/srv/%s", name) < 0)
		return NULL;
	for (size_t i = 0; i < mounts->n; i++) {
		if (strcmp(mounts->list[i].inside, inside) != 0)
			continue;
		free(inside);
		return asprintf(&inside, "/srv/%s.%u", name,
				share->ids[SUBID_UID].start) < 0
			   ? NULL
			   : inside;
	}
	return inside;
}

static int add(struct config_mounts *mounts, const struct subid_share *share,
	       const struct subid_share_mount *mount)
{
	struct runtime_config_mount one = { .read_only = mount->read_only };
	char *source = NULL;

	if (asprintf(&source, "%s/%s", SUBID_SHARE_MOUNTS, mount->point) < 0)
		source = NULL;
	one.source = keep(mounts, source);
	one.inside = keep(mounts, name_inside(mounts, share));
	if (one.source == NULL || one.inside == NULL ||
	    array_grow(&mounts->list, mounts->n, sizeof(one)) < 0)
		return -ENOMEM;
	mounts->list[mounts->n++] = one;
	return 0;
}

int config_mounts_find(const struct cli *cli, const struct runtime_config_row *runtime,
		       const struct owner_ids *ids, struct config_mounts *ret)
{
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_shares struct subid_shares shares = { .n = 0 };
	bool podman = strcmp(runtime->name, "podman") == 0 && ids->owner.has_account &&
		      ids->owner.uid != 0;
	int r;

	/* an image has no mounts, and no containers that use them */
	if (cli->root != NULL || root < 0)
		return 0;
	r = subid_shares_read(root, &shares);
	for (size_t i = 0; r == 0 && i < shares.n; i++)
		for (size_t k = 0; r == 0 && k < shares.list[i].n_mounts; k++)
			if (is_for(&shares.list[i].mounts[k], ids, podman))
				r = add(ret, &shares.list[i], &shares.list[i].mounts[k]);
	return r;
}
