/* SPDX-License-Identifier: MIT */
/*
 * Stores of shared files (subid share): their ids are in use for as long as there is a
 * record, mounted or not; and so are, until root says otherwise, those of a container for
 * which one is mounted.
 *
 * Threat: the next owner of a store's ids would own its files; and who got the ids that a
 * mount shows could pass for whom it was made.
 */
#include <errno.h>
#include <string.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

static bool has_ids(const struct subid_share *share, const struct subid_changes *changes)
{
	for (size_t i = 0; i < changes->n; i++)
		if (id_range_overlaps(share->ids[changes->list[i].kind],
				      changes->list[i].range))
			return true;
	return false;
}

/* Is "OWNER" or "OWNER/NAME" one of the owner's? */
static bool is_of(const char *text, const struct subid_owner *owner)
{
	return owner_is(owner, text, strcspn(text, "/"));
}

/* Is a mount for this owner, or for this container of it?  container NULL: for all. */
static bool is_for(const struct subid_share_mount *mount, const struct subid_owner *owner,
		   const char *container)
{
	size_t len = strcspn(mount->target, "/");
	const char *name = mount->target[len] == '/' ? mount->target + len + 1 : NULL;

	if (container != NULL && (name == NULL || strcmp(name, container) != 0))
		return false;
	return is_of(mount->target, owner);
}

static size_t name_mounts(const struct subid_share *share,
			  const struct subid_owner *owner, const char *container,
			  struct subid_error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < share->n_mounts; i++) {
		if (!is_for(&share->mounts[i], owner, container))
			continue;
		error_detail(err,
			     "%s: the store %s is mounted for it: 'subid share umount %s"
			     " %s'",
			     share->mounts[i].target, share->store, share->store,
			     share->mounts[i].target);
		n++;
	}
	return n;
}

/* The records, which *own has if they are not known yet. */
static int read_shares(const struct subid *sys, const struct subid_shares **known,
		       struct subid_shares *own)
{
	int r = *known == NULL ? subid_shares_read(sys->root, own) : 0;

	*known = *known == NULL ? own : *known;
	return r;
}

int shares_check(const struct subid *sys, const struct subid_shares *known,
		 const struct subid_changes *changes, const struct subid_owner *owner,
		 const char *container, bool force, struct subid_error *err)
{
	auto_shares struct subid_shares own = { .n = 0 };
	size_t n = 0, n_stores = 0;
	int r = read_shares(sys, &known, &own);

	if (r < 0)
		return error_plain(err, r, "%s", strerror(-r));
	for (size_t i = 0; i < known->n; i++) {
		const struct subid_share *share = &known->list[i];

		/* `subid share destroy` has begun to take them back */
		if (share->state != SUBID_SHARE_ENDING && has_ids(share, changes)) {
			error_detail(err,
				     "%s: is a store of shared files, in %s: 'subid"
				     " share destroy %s' takes its ids back",
				     share->store, share->dir, share->store);
			n_stores++;
		}
		if (!force)
			n += name_mounts(share, owner, container, err);
	}
	if (n + n_stores == 0)
		return 0;
	return error_plain(err, SUBID_IN_USE, "nothing was changed%s",
			   n_stores == 0 ? ": unmount it first, or use --force" : "");
}

int shares_name_mounts(const struct subid *sys, const struct subid_shares *known,
		       const struct subid_owner *owner, const char *container,
		       struct subid_error *err)
{
	auto_shares struct subid_shares own = { .n = 0 };
	size_t n = 0;
	int r = read_shares(sys, &known, &own);

	if (r < 0)
		return error_plain(err, r, "%s", strerror(-r));
	for (size_t i = 0; i < known->n; i++)
		n += name_mounts(&known->list[i], owner, container, err);
	return n == 0 ? 0
		      : error_plain(err, SUBID_IN_USE,
				    "--force: such a mount shows other ids now: unmount"
				    " it");
}

int shares_check_rename(const struct subid *sys, const struct subid_owner *owner,
			struct subid_error *err)
{
	auto_shares struct subid_shares shares = { .n = 0 };
	size_t n = 0;
	int r = subid_shares_read(sys->root, &shares);

	if (r < 0)
		return error_plain(err, r, "%s", strerror(-r));
	for (size_t i = 0; i < shares.n; i++) {
		const struct subid_share *share = &shares.list[i];

		if (is_of(share->store, owner)) {
			error_detail(err,
				     "%s: is a store of shared files, in %s, and its"
				     " record names the owner: 'subid share destroy %s'",
				     share->store, share->dir, share->store);
			n++;
		}
		n += name_mounts(share, owner, NULL, err);
	}
	return n == 0 ? 0 : error_plain(err, SUBID_IN_USE, "nothing was changed");
}
