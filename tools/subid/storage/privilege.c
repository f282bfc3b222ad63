/* SPDX-License-Identifier: MIT */
/*
 * What a change of the owner takes from a file: its capabilities (capabilities(7),
 * "File capability extended attribute versioning"), and the record of them and of the
 * bits of its mode.  All numbers are little endian.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <linux/capability.h>

#include "tools/subid/storage/private.h"

static uint32_t get(const uint8_t *bytes, size_t index)
{
	uint32_t value;

	(void)memcpy(&value, bytes + index * sizeof(value), sizeof(value));
	return le32toh(value);
}

static void put(uint8_t *bytes, size_t index, uint32_t value)
{
	value = htole32(value);
	(void)memcpy(bytes + index * sizeof(value), &value, sizeof(value));
}

#define ROOT_AT (XATTR_CAPS_SZ_2 / sizeof(uint32_t))

static uint32_t revision_of(const struct caps *caps)
{
	return caps->size < sizeof(uint32_t)
		   ? 0
		   : get(caps->bytes, 0) & VFS_CAP_REVISION_MASK;
}

int caps_root(const struct caps *caps, uint32_t *ret)
{
	if (caps->size == XATTR_CAPS_SZ_2 && revision_of(caps) == VFS_CAP_REVISION_2) {
		*ret = 0;
		return 0;
	}
	if (caps->size != XATTR_CAPS_SZ_3 || revision_of(caps) != VFS_CAP_REVISION_3)
		return -EINVAL;
	*ret = get(caps->bytes, ROOT_AT);
	return 0;
}

void caps_set_root(struct caps *caps, uint32_t root)
{
	uint32_t flags = get(caps->bytes, 0) & ~(uint32_t)VFS_CAP_REVISION_MASK;
	uint32_t revision = root == 0 ? VFS_CAP_REVISION_2 : VFS_CAP_REVISION_3;

	put(caps->bytes, 0, flags | revision);
	put(caps->bytes, ROOT_AT, root);
	caps->size = root == 0 ? XATTR_CAPS_SZ_2 : XATTR_CAPS_SZ_3;
}

/* "sft1" */
#define RECORD_MAGIC 0x31746673

enum {
	AT_MAGIC,
	AT_BITS,
	AT_BEFORE,
	AT_AFTER = AT_BEFORE + SUBID_KINDS,
	AT_ROOT = AT_AFTER + SUBID_KINDS,
	AT_CAPS_SIZE,
	AT_CAPS,
};

void record_print(const struct record *record, uint8_t ret[RECORD_SIZE])
{
	(void)memset(ret, 0, RECORD_SIZE);
	put(ret, AT_MAGIC, RECORD_MAGIC);
	put(ret, AT_BITS, record->bits);
	for (size_t kind = 0; kind < SUBID_KINDS; kind++) {
		put(ret, AT_BEFORE + kind, record->before[kind]);
		put(ret, AT_AFTER + kind, record->after[kind]);
	}
	put(ret, AT_ROOT, record->root);
	put(ret, AT_CAPS_SIZE, (uint32_t)record->caps.size);
	(void)memcpy(ret + AT_CAPS * sizeof(uint32_t), record->caps.bytes,
		     record->caps.size);
}

int record_parse(const uint8_t *bytes, size_t size, struct record *ret)
{
	struct record record = { .bits = 0 };
	uint32_t root;

	if (size != RECORD_SIZE || get(bytes, AT_MAGIC) != RECORD_MAGIC)
		return SUBID_INVALID;
	record.bits = get(bytes, AT_BITS);
	for (size_t kind = 0; kind < SUBID_KINDS; kind++) {
		record.before[kind] = get(bytes, AT_BEFORE + kind);
		record.after[kind] = get(bytes, AT_AFTER + kind);
	}
	record.root = get(bytes, AT_ROOT);
	record.caps.size = get(bytes, AT_CAPS_SIZE);
	if ((record.bits & ~(uint32_t)(S_ISUID | S_ISGID)) != 0 ||
	    record.caps.size > CAPS_SIZE_MAX)
		return SUBID_INVALID;
	(void)memcpy(record.caps.bytes, bytes + AT_CAPS * sizeof(uint32_t),
		     CAPS_SIZE_MAX);
	if (record.caps.size > 0 && caps_root(&record.caps, &root) < 0)
		return SUBID_INVALID;
	*ret = record;
	return 0;
}
