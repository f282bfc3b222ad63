/* SPDX-License-Identifier: MIT */
/*
 * The text of a uid_map: read, printed, read again; and what may be written.
 */
#include "libsubid/maps/maps.h"

#include "fuzz.h"

static bool meets(struct id_range a, struct id_range b)
{
	return a.count > 0 && b.count > 0 && a.start < id_range_end(b) &&
	       b.start < id_range_end(a);
}

static void check_overlaps(const struct subid_map_line *lines, size_t n)
{
	size_t a = n, b = n;
	bool found = false;

	if (n > 64)
		n = 64;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			found |= meets(lines[i].inside, lines[j].inside) ||
				 meets(lines[i].outside, lines[j].outside);
	must(subid_map_overlaps(lines, n, &a, &b) == found);
	if (found)
		must(a < b && b < n &&
		     (meets(lines[a].inside, lines[b].inside) ||
		      meets(lines[a].outside, lines[b].outside)));
}

/* Is an id in one of the ranges?  They may adjoin. */
static bool covered(const struct subid_map_line *lines, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= lines[i].outside.start && id < id_range_end(lines[i].outside))
			return true;
	return false;
}

/* Every second line is what the caller holds; the others are asked for. */
static void check_authorize(const struct subid_map_line *lines, size_t n, uint32_t own_id)
{
	struct subid_set held = { .ranges = NULL };
	size_t half = n / 2, bad = n;
	bool by_table = false;

	for (size_t i = 0; i < half; i++)
		must(subid_set_insert(&held, lines[i].outside) == 0);
	if (subid_map_authorize(lines + half, n - half, &held, own_id, &by_table, &bad) ==
	    0) {
		for (size_t i = half; i < n; i++) {
			struct id_range r = lines[i].outside;
			bool own = r.count == 1 && r.start == own_id;

			must(r.count > 0);
			must(own || (covered(lines, half, r.start) &&
				     covered(lines, half, id_range_end(r) - 1)));
			must(own || by_table);
		}
	} else {
		must(bad < n - half);
		must(lines[half + bad].outside.count != 1 ||
		     lines[half + bad].outside.start != own_id);
	}
	subid_set_free(&held);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct subid_map_line lines[SUBID_MAP_LINES_MAX],
	    again[SUBID_MAP_LINES_MAX];
	struct subid_text text = make_text(data, size);
	size_t n = 0, n_again = 0, printed;
	char *buf;

	if (subid_map_parse(text.bytes, size, lines, &n) == 0) {
		must(n <= SUBID_MAP_LINES_MAX);
		buf = malloc(n * SUBID_MAP_LINE_SIZE + 1);
		must(buf != NULL);
		printed = subid_map_print(lines, n, buf);
		must(printed <= n * SUBID_MAP_LINE_SIZE);
		must(subid_map_parse(buf, printed, again, &n_again) == 0);
		must(n == n_again);
		for (size_t i = 0; i < n; i++) {
			must(id_range_equal(lines[i].inside, again[i].inside));
			must(id_range_equal(lines[i].outside, again[i].outside));
			must(lines[i].inside.count == lines[i].outside.count);
			must(lines[i].outside.start != UINT32_MAX);
		}
		free(buf);
		check_overlaps(lines, n);
		check_authorize(lines, n, n > 0 ? lines[n - 1].outside.start : 0);
	}
	subid_text_free(&text);
	return 0;
}
