/* SPDX-License-Identifier: MIT */
/*
 * POSIX ACLs as the kernel hands them out (linux/posix_acl_xattr.h): a version, then
 * entries of a tag, permissions and an id, all little endian.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "tools/subid/storage/private.h"

#define ACL_VERSION 2
#define TAG_USER    0x02
#define TAG_GROUP   0x08

struct acl_entry {
	uint16_t tag;
	uint16_t permissions;
	uint32_t id;
};

#define HEADER_SIZE sizeof(uint32_t)

static bool names_id(const struct acl_entry *entry)
{
	return entry->tag == htole16(TAG_USER) || entry->tag == htole16(TAG_GROUP);
}

/* Users come before groups, each in the order of ids: setfacl(1) expects that. */
static int in_order(const void *a, const void *b)
{
	const struct acl_entry *x = a, *y = b;
	uint16_t tag_x = le16toh(x->tag), tag_y = le16toh(y->tag);
	uint32_t id_x = le32toh(x->id), id_y = le32toh(y->id);

	if (tag_x != tag_y)
		return tag_x < tag_y ? -1 : 1;
	return id_x < id_y ? -1 : id_x > id_y;
}

/* Sorts each run of entries with ids, and looks for the same id twice. */
static int put_in_order(struct acl_entry *entries, size_t n)
{
	size_t first = 0;

	for (size_t i = 0; i <= n; i++) {
		if (i < n && names_id(&entries[i]) &&
		    entries[i].tag == entries[first].tag)
			continue;
		if (i > first && names_id(&entries[first]))
			qsort(entries + first, i - first, sizeof(*entries), in_order);
		first = i;
	}
	for (size_t i = 1; i < n; i++)
		if (names_id(&entries[i]) && in_order(&entries[i - 1], &entries[i]) == 0)
			return -EEXIST;
	return 0;
}

static bool translate_entry(struct acl_entry *entry, translate_id *translate, void *data)
{
	enum subid_kind kind = entry->tag == htole16(TAG_USER) ? SUBID_UID : SUBID_GID;
	uint32_t id = le32toh(entry->id), becomes;

	if (!names_id(entry))
		return false;
	becomes = translate(data, kind, id);
	entry->id = htole32(becomes);
	return becomes != id;
}

int acl_translate(uint8_t *acl, size_t size, translate_id *translate, void *data)
{
	size_t n = (size - HEADER_SIZE) / sizeof(struct acl_entry);
	auto_free struct acl_entry *entries = NULL;
	bool changed = false;
	uint32_t version;
	int r;

	if (size < HEADER_SIZE || (size - HEADER_SIZE) % sizeof(*entries) != 0)
		return -EINVAL;
	(void)memcpy(&version, acl, sizeof(version));
	if (version != htole32(ACL_VERSION))
		return -EINVAL;
	entries = calloc(n + 1, sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	(void)memcpy(entries, acl + HEADER_SIZE, n * sizeof(*entries));
	for (size_t i = 0; i < n; i++)
		changed |= translate_entry(&entries[i], translate, data);
	if (!changed)
		return 0;
	r = put_in_order(entries, n);
	if (r < 0)
		return r;
	(void)memcpy(acl + HEADER_SIZE, entries, n * sizeof(*entries));
	return 1;
}
