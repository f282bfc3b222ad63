/* SPDX-License-Identifier: MIT */
/*
 * A set of ids that nobody can get wrong, one bool for each id of a small space,
 * to compare the real one with; and numbers that are random but the same in
 * every run.
 */
#pragma once

#include "libsubid/core/core.h"
#include "support.h"

#define MODEL_IDS 48

/* Where the small space may lie: at the first id, across 2^31, at the last one. */
static const uint32_t model_bases[] = { 0, 0x7fffffe8, UINT32_MAX - MODEL_IDS };
#define MODEL_BASES (sizeof(model_bases) / sizeof(model_bases[0]))

struct model {
	uint32_t base; /* the ids [base, base + MODEL_IDS) */
	bool has[MODEL_IDS];
};

struct draw {
	uint64_t state; /* the seed, not 0 */
};

/* A number from 0 to below - 1. (xorshift64) */
static inline uint32_t draw(struct draw *draw, uint32_t below)
{
	draw->state ^= draw->state << 13;
	draw->state ^= draw->state >> 7;
	draw->state ^= draw->state << 17;
	return (uint32_t)(draw->state >> 32) % below;
}

/*
 * A range in the space, at times empty.  Where the space ends with the last id,
 * the range may go on behind it.
 */
static inline struct id_range draw_range(struct draw *numbers, uint32_t base,
					 uint32_t longest)
{
	uint32_t at = draw(numbers, MODEL_IDS), count = draw(numbers, longest + 1);

	if (base < UINT32_MAX - MODEL_IDS && count > MODEL_IDS - at)
		count = MODEL_IDS - at;
	return (struct id_range){ .start = base + at, .count = count };
}

static inline bool in_range(struct id_range r, uint64_t id)
{
	return id >= r.start && id - r.start < r.count;
}

static inline void model_put(struct model *model, struct id_range r, bool has)
{
	for (uint32_t i = 0; i < MODEL_IDS; i++)
		if (in_range(r, (uint64_t)model->base + i))
			model->has[i] = has;
}

/* The set has just the model's ids, in ranges that neither overlap nor adjoin. */
static inline bool model_equals(const struct model *model, const struct subid_set *set)
{
	struct model seen = { .base = model->base };
	uint64_t behind = 0;

	for (size_t i = 0; i < set->n; i++) {
		struct id_range r = set->ranges[i];

		if (r.count == 0 || (i > 0 && r.start <= behind))
			return false;
		behind = (uint64_t)r.start + r.count;
		if (r.start < model->base || behind > (uint64_t)model->base + MODEL_IDS)
			return false;
		model_put(&seen, r, true);
	}
	return !set->unsorted && memcmp(seen.has, model->has, sizeof(seen.has)) == 0;
}
