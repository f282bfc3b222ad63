/* SPDX-License-Identifier: MIT */
/*
 * Names for ids (libnss_subid): passwd, group, a table and leases, one after the other
 * with a line "--" between them, and then texts that may be names.  Each id that has a
 * name is found by it, and each text that is found is the name of its id.
 */
#include "fuzz.h"

#include "libsubid/names/names.h"

#define PARTS 4

static const char *const files[PARTS] = { "passwd", "group", "subuid", "leases" };

/* The bytes up to the next line "--", which is passed over. */
static size_t next_part(const char **at, const char *end)
{
	const char *start = *at;

	for (const char *line = start; line < end;) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *stop = newline == NULL ? end : newline;

		if (text_is(line, (size_t)(stop - line), "--")) {
			*at = newline == NULL ? end : newline + 1;
			return (size_t)(line - start);
		}
		line = newline == NULL ? end : newline + 1;
	}
	*at = end;
	return (size_t)(end - start);
}

static void check_id(const struct subid_names *names, uint32_t id)
{
	char name[SUBID_NAME_SIZE];
	size_t len = subid_names_of_id(names, id, name);
	uint32_t back = ~id;

	if (len == 0)
		return;
	must(id >= SUBID_NAMES_MIN && id != UINT32_MAX);
	must(len < sizeof(name) && strlen(name) == len);
	must(strpbrk(name, "/:\n") == NULL && name[0] != '-' && name[0] != '+');
	must(subid_names_possible(name, len));
	must(subid_names_find(names, name, len, &back) == 0 && back == id);
}

static void check_text(const struct subid_names *names, const char *text, size_t len)
{
	char name[SUBID_NAME_SIZE];
	uint32_t id;

	if (subid_names_find(names, text, len, &id) != 0)
		return;
	must(subid_names_of_id(names, id, name) == len && memcmp(name, text, len) == 0);
	check_id(names, id);
}

/* Where lines begin and end is where answers change. */
static void check_ids(const struct subid_names *names, const char *bytes, size_t size)
{
	const struct subid_text text = { .bytes = (char *)(uintptr_t)bytes,
					 .size = size };
	struct subid_line line;
	const char *at;
	size_t pos = 0, len;

	while (subid_text_next(&text, &pos, &at, &len)) {
		if (subid_line_parse(at, len, &line) != 0)
			continue;
		for (uint32_t i = 0; i < 3; i++) {
			check_id(names, line.range.start - 1 + i);
			check_id(names, line.range.start + line.range.count - 2 + i);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size, *table, *leases;
	struct subid_names *names = NULL;
	size_t sizes[PARTS];
	const char *parts[PARTS];
	int dir = scratch_dir(), r, state;

	for (size_t i = 0; i < PARTS; i++) {
		parts[i] = at;
		sizes[i] = next_part(&at, end);
	}
	table = parts[2];
	leases = parts[3];
	(void)mkdirat(dir, "state", 0700);
	state = openat(dir, "state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(state >= 0);
	for (size_t i = 0; i < PARTS - 1; i++)
		put_file(dir, files[i], parts[i], sizes[i]);
	put_file(dir, "subgid", table, sizes[2]);
	put_file(state, "subuid", leases, sizes[3]);
	put_file(state, "subgid", leases, sizes[3]);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		r = subid_names_load(dir, state, kind, &names);
		must(r == 0);
		check_ids(names, table, sizes[2]);
		check_ids(names, leases, sizes[3]);
		check_text(names, at, (size_t)(end - at));
		subid_names_free(&names);
	}
	must(close(state) == 0);
	return 0;
}
