/* SPDX-License-Identifier: MIT */
/*
 * A range as people type it, against a parser that takes it apart with
 * sscanf(3); and sets of ids, against one bit for each id.
 */
#include "libsubid/core/core.h"
#include "libsubid/policy/policy.h"

#include "fuzz.h"

static bool plain_parse(const char *text, struct id_range *ret)
{
	unsigned long long a, b;
	char separator, again[64];

	if (sscanf(text, "%10llu%c%10llu", &a, &separator, &b) != 3)
		return false;
	(void)snprintf(again, sizeof(again), "%llu%c%llu", a, separator, b);
	if (strcmp(text, again) != 0 || a > UINT32_MAX || b > UINT32_MAX)
		return false;
	if (separator == '-')
		b = b + 1 - a;
	else if (separator != ':')
		return false;
	/* last < first has made b wrap, or 0 */
	if (b == 0 || b > UINT32_MAX || a + b > UINT32_MAX)
		return false;
	*ret = (struct id_range){ (uint32_t)a, (uint32_t)b };
	return true;
}

static void check_text(const char *text)
{
	struct id_range range, plain;
	char again[64];

	if (subid_range_parse(text, &range) != 0) {
		must(!plain_parse(text, &plain));
		return;
	}
	must(id_range_valid(range));
	must(plain_parse(text, &plain) && id_range_equal(range, plain));
	(void)snprintf(again, sizeof(again), "%u:%u", range.start, range.count);
	must(subid_range_parse(again, &plain) == 0 && id_range_equal(range, plain));
	(void)snprintf(again, sizeof(again), "%u-%u", range.start,
		       range.start + range.count - 1);
	must(subid_range_parse(again, &plain) == 0 && id_range_equal(range, plain));
}

/* The ids from BASE on, so that both ends of what exists are met. */
#define IDS 256
#define LOW 0
#define TOP (UINT32_MAX - 200)

struct model {
	uint32_t base;
	bool has[IDS];
	struct subid_set set;
};

static void check_model(struct model *model)
{
	const struct subid_set *set = &model->set;
	uint64_t size = 0;

	subid_set_sort(&model->set);
	for (size_t i = 0; i < set->n; i++)
		must(id_range_valid(set->ranges[i]) &&
		     (i == 0 || id_range_end(set->ranges[i - 1]) < set->ranges[i].start));
	for (uint32_t i = 0; i < IDS; i++) {
		struct id_range one = { .start = model->base + i, .count = 1 };
		bool exists = (uint64_t)model->base + i < UINT32_MAX;

		must(subid_set_contains(set, one) == (exists && model->has[i]));
		size += exists && model->has[i];
	}
	must(subid_set_size(set) == size);
}

static void add(struct model *model, uint8_t start, uint8_t count, bool sorted)
{
	struct id_range r = { .count = count };

	if ((uint64_t)model->base + start > UINT32_MAX)
		return;
	r.start = model->base + start;
	for (uint32_t i = start; i < (uint32_t)start + count && i < IDS; i++)
		model->has[i] = true;
	if (start + count > IDS)
		r.count = IDS - start;
	if (sorted)
		must(subid_set_insert(&model->set, r) == 0);
	else
		must(subid_set_add(&model->set, r) == 0);
}

/* Three bytes an operation: which, from where, how many. */
static void check_sets(const uint8_t *data, size_t size, uint32_t base)
{
	struct model a = { .base = base }, b = { .base = base };
	struct subid_set rest = { .ranges = NULL };
	struct id_range probe, common;

	for (; size >= 3; data += 3, size -= 3) {
		struct model *model = data[0] & 1 ? &a : &b;

		if (data[0] & 2)
			subid_set_sort(&model->set);
		add(model, data[1], data[2], (data[0] & 2) != 0);
	}
	check_model(&a);
	check_model(&b);
	must(subid_set_subtract(&a.set, &b.set, &rest) == 0);
	for (uint32_t i = 0; (uint64_t)base + i < UINT32_MAX && i < IDS; i++) {
		probe = (struct id_range){ .start = base + i, .count = 1 };
		must(subid_set_meets(&rest, probe, &common) == (a.has[i] && !b.has[i]));
	}
	must(subid_set_unite(&a.set, &b.set) == 0);
	for (uint32_t i = 0; i < IDS; i++)
		a.has[i] |= b.has[i];
	check_model(&a);
	subid_set_free(&rest);
	subid_set_free(&a.set);
	subid_set_free(&b.set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct subid_text text = make_text(data, size);

	check_text(text.bytes);
	check_sets(data, size, LOW);
	check_sets(data, size, TOP);
	subid_text_free(&text);
	return 0;
}
