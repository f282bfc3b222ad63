/* SPDX-License-Identifier: MIT */
/*
 * A table of any bytes: read, asked, changed, printed and read again.
 */
#include "libsubid/tables/tables.h"

#include <errno.h>

#include "fuzz.h"
#include "libsubid/core/core.h"

struct buffer {
	char *bytes;
	size_t size;
};

static int append(void *data, const void *bytes, size_t size)
{
	struct buffer *buffer = data;

	buffer->bytes = realloc(buffer->bytes, buffer->size + size + 1);
	must(buffer->bytes != NULL);
	memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
	return 0;
}

/* What is tried follows from the bytes, so that an input can be run again. */
static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(*state >> 33);
}

static void load(const void *bytes, size_t size, struct subid_table *ret)
{
	put_file(scratch_dir(), "subuid", bytes, size);
	must(subid_table_load(scratch_dir(), SUBID_UID, ret) == 0);
	must(ret->exists && !ret->changed && ret->text.size == size);
}

static uint64_t held(const struct subid_table *table, const char *owner, size_t len)
{
	uint64_t sum = 0;

	for (size_t i = subid_table_first(table, owner, len); i < table->n;
	     i = subid_table_after(table, i))
		sum += table->entries[i].range.count;
	return sum;
}

static uint64_t held_by_all(const struct subid_table *table)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < table->n; i++)
		sum += table->entries[i].range.count;
	return sum;
}

/* Every line has an entry that says the same, in its order, or is none. */
static void check_entries(const struct subid_table *table)
{
	auto_set struct subid_set taken = { .ranges = NULL };
	size_t pos = 0, len, n = 0, number = 0;
	const char *text;

	must(subid_table_taken(table, &taken) == 0);
	while (subid_text_next(&table->text, &pos, &text, &len)) {
		struct id_range readings[SUBID_READINGS_MAX];
		size_t n_readings = subid_line_readings(text, len, readings);
		const struct subid_entry *entry;
		struct subid_line line;
		bool found = false;

		number++;
		for (size_t i = 0; i < n_readings; i++)
			must(subid_set_contains(&taken, readings[i]));
		if (subid_line_parse(text, len, &line) != 0)
			continue;
		for (size_t i = 0; i < n_readings; i++)
			found |= id_range_equal(readings[i], line.range);
		must(found && n < table->n);
		entry = &table->entries[n++];
		must(id_range_equal(entry->range, line.range));
		must(entry->owner_len == line.owner_len && !entry->changed);
		must(subid_table_owner(table, entry) == line.owner);
		if (n <= 8)
			must(subid_table_line(table, entry) == number);
	}
	must(n == table->n);
	for (size_t i = 1; i < taken.n; i++)
		must(id_range_end(taken.ranges[i - 1]) < taken.ranges[i].start);
}

/* One line or none gives an id away: who_has() and taken() agree. */
static void check_who_has(const struct subid_table *table, uint64_t *random)
{
	auto_set struct subid_set taken = { .ranges = NULL };
	const char *text;
	size_t len;

	must(subid_table_taken(table, &taken) == 0);
	for (int i = 0; i < 8; i++) {
		uint32_t start = next_random(random) << 1;
		struct id_range probe =
		    id_range_between(start, (uint64_t)start + next_random(random) % 99);

		if (taken.n > 0 && i % 2 == 0)
			probe.start = taken.ranges[next_random(random) % taken.n].start;
		if (id_range_valid(probe))
			must((subid_table_who_has(table, probe, &text, &len) > 0) ==
			     subid_set_meets(&taken, probe, NULL));
	}
}

/* The first line that has an id is found by its order, too. */
static void check_whose(const struct subid_table *table, uint64_t *random)
{
	auto_id_index struct subid_id_index whose = { .n = 0 };

	must(subid_id_index_make(table, &whose) == 0);
	for (int i = 0; i < 16; i++) {
		uint32_t id = next_random(random) << 1;
		size_t e = 0;

		if (table->n > 0 && i % 4 > 0) {
			struct id_range r =
			    table->entries[next_random(random) % table->n].range;

			/* on, beside and behind its ends */
			id = (uint32_t)(r.start + (i % 2 == 0 ? r.count : 0) +
					next_random(random) % 3 - 1);
		}
		while (e < table->n && !id_range_contains(table->entries[e].range,
							  (struct id_range){ id, 1 }))
			e++;
		must(subid_id_index_find(&whose, id) ==
		     (e == table->n ? NULL : &table->entries[e]));
	}
}

/* The short way to one owner's lines finds what the table has. */
static void check_holdings(const struct subid_table *table)
{
	for (size_t e = 0; e < table->n && e < 8; e++) {
		const struct subid_entry *entry = &table->entries[e];
		const char *owner = subid_table_owner(table, entry);
		struct subid_owner_name spelling = { owner, entry->owner_len };
		auto_free struct subid_owned_range *holdings = NULL;
		size_t n, k = 0;

		must(subid_owned_ranges(&table->text, &spelling, 1, &holdings, &n) == 0);
		for (size_t i = subid_table_first(table, owner, entry->owner_len);
		     i < table->n; i = subid_table_after(table, i), k++) {
			must(k < n);
			must(id_range_equal(holdings[k].range, table->entries[i].range));
			must(holdings[k].line ==
			     subid_table_line(table, &table->entries[i]));
		}
		must(k == n && n > 0);
	}
}

static void change(struct subid_table *table, uint64_t *random)
{
	const char *owner = "new owner";
	size_t len = strlen(owner), e = 0;
	uint64_t all = held_by_all(table), before;
	struct id_range range;

	if (table->n > 0) {
		e = next_random(random) % table->n;
		owner = subid_table_owner(table, &table->entries[e]);
		len = table->entries[e].owner_len;
	}
	before = held(table, owner, len);
	range.start = next_random(random) << 1;
	range.count = 1 + next_random(random) % 99999;
	if (table->n > 0 && next_random(random) % 3 > 0) {
		struct id_range has = table->entries[e].range;
		auto_free char *copy = strndup(owner, len);
		uint32_t common;

		/* near one of its ends, or anywhere */
		if (has.count > 0 && next_random(random) % 2 > 0)
			range.start = has.start + next_random(random) % has.count;
		range = id_range_between(range.start, id_range_end(range));
		common = id_range_common(has, range).count;
		must(subid_table_cut(table, e, range) == 0);
		must(held(table, copy, len) == before - common);
		must(held_by_all(table) == all - common);
	} else if (id_range_valid(range)) {
		auto_free char *copy = strndup(owner, len);

		must(subid_table_add(table, owner, len, range) == 0 && table->changed);
		must(held(table, copy, len) == before + range.count);
		must(held_by_all(table) == all + range.count);
	} else {
		must(subid_table_add(table, owner, len, range) == -EINVAL);
	}
}

/* The lines that are no entries, one behind the other. */
static struct buffer odd_lines(const struct subid_text *text)
{
	struct buffer odd = { .bytes = NULL };
	struct subid_line parsed;
	size_t pos = 0, len;
	const char *line;

	while (subid_text_next(text, &pos, &line, &len)) {
		if (subid_line_parse(line, len, &parsed) == 0)
			continue;
		(void)append(&odd, line, len);
		(void)append(&odd, "\n", 1);
	}
	return odd;
}

/* Two tables say the same, the second without what was removed from the first. */
static void check_same(const struct subid_table *a, const struct subid_table *b)
{
	struct buffer odd_a = odd_lines(&a->text), odd_b = odd_lines(&b->text);
	size_t j = 0;

	for (size_t i = 0; i < a->n; i++) {
		const struct subid_entry *left = &a->entries[i], *right;

		if (left->range.count == 0)
			continue;
		must(j < b->n);
		right = &b->entries[j++];
		must(id_range_equal(left->range, right->range));
		must(left->owner_len == right->owner_len);
		must(memcmp(subid_table_owner(a, left), subid_table_owner(b, right),
			    left->owner_len) == 0);
	}
	must(j == b->n);
	must(odd_a.size == odd_b.size);
	must(odd_a.size == 0 || memcmp(odd_a.bytes, odd_b.bytes, odd_a.size) == 0);
	free(odd_a.bytes);
	free(odd_b.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_table struct subid_table table = { .kind = SUBID_UID };
	auto_table struct subid_table again = { .kind = SUBID_UID };
	struct buffer printed = { .bytes = NULL };
	uint64_t random = size;

	for (size_t i = 0; i < size; i++)
		random = random * 31 + data[i];
	load(data, size, &table);
	check_entries(&table);
	check_who_has(&table, &random);
	check_whose(&table, &random);
	check_holdings(&table);
	must(subid_table_print(&table, append, &printed) == 0);
	must(printed.size == size);
	must(size == 0 || memcmp(printed.bytes, data, size) == 0);

	if (next_random(&random) % 2 > 0)
		must(subid_table_index(&table) == 0);
	for (uint32_t n = next_random(&random) % 16; n > 0; n--)
		change(&table, &random);
	printed.size = 0;
	must(subid_table_print(&table, append, &printed) == 0);
	load(printed.bytes, printed.size, &again);
	check_same(&table, &again);
	free(printed.bytes);
	return 0;
}
