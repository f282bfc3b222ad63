/* SPDX-License-Identifier: MIT */
/*
 * The value of an extended attribute of any bytes, as an ACL, as capabilities and as a
 * record: what is taken has the same size, no id of the old range, and comes back when it
 * is shifted back.
 */
#include <errno.h>

#include "fuzz.h"
#include "tools/subid/storage/private.h"

#define OLD   100000U
#define NEW   300000U
#define COUNT 65536U

struct way_of_ids {
	uint32_t from, to;
	bool met; /* there was an id of to */
};

static uint32_t translate(void *data, enum subid_kind kind, uint32_t id)
{
	struct way_of_ids *ids = data;

	must(kind == SUBID_UID || kind == SUBID_GID);
	ids->met |= id >= ids->to && id < ids->to + COUNT;
	return id >= ids->from && id < ids->from + COUNT ? id - ids->from + ids->to : id;
}

static void check_acl(const uint8_t *data, size_t size)
{
	struct way_of_ids there = { OLD, NEW, false }, back = { NEW, OLD, false };
	struct way_of_ids again = { OLD, NEW, false };
	uint8_t *acl = malloc(size + 1);
	int r;

	must(acl != NULL);
	(void)memcpy(acl, data, size);
	r = acl_translate(acl, size, translate, &there);
	must(r == 0 || r == 1 || r == -EINVAL || r == -EEXIST);
	must(r == 1 || memcmp(acl, data, size) == 0);
	if (r == 1) {
		must(size >= 12 && (size - 4) % 8 == 0);
		/* all are there, and none is left */
		must(acl_translate(acl, size, translate, &again) == 0 && again.met);
		/* an id of the new range that was there before does not go back alone */
		must(there.met || acl_translate(acl, size, translate, &back) == 1);
	}
	free(acl);
}

static void check_caps(const uint8_t *data, size_t size)
{
	struct caps caps = { .size = size }, before;
	uint32_t root, again;

	if (size > CAPS_SIZE_MAX)
		return;
	(void)memcpy(caps.bytes, data, size);
	before = caps;
	if (caps_root(&caps, &root) < 0)
		return;
	caps_set_root(&caps, root ^ OLD);
	must(caps_root(&caps, &again) == 0 && again == (root ^ OLD));
	caps_set_root(&caps, root);
	must(caps_root(&caps, &again) == 0 && again == root);
	/* the flags and sets of capabilities are as they were */
	must(memcmp(caps.bytes, before.bytes, 3) == 0);
	must(memcmp(caps.bytes + 4, before.bytes + 4, 16) == 0);
}

static void check_record(const uint8_t *data, size_t size)
{
	struct record record, again;
	uint8_t bytes[RECORD_SIZE], bytes_again[RECORD_SIZE];

	if (record_parse(data, size, &record) != 0)
		return;
	must((record.bits & ~06000U) == 0 && record.caps.size <= CAPS_SIZE_MAX);
	record_print(&record, bytes);
	must(record_parse(bytes, sizeof(bytes), &again) == 0);
	record_print(&again, bytes_again);
	must(memcmp(bytes, bytes_again, sizeof(bytes)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_acl(data, size);
	check_caps(data, size);
	check_record(data, size);
	return 0;
}
