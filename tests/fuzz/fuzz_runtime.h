/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzers of the adapters' parsers share: whatever they find in any bytes is
 * ids that there are, with a name that can be printed.
 */
#pragma once

#include "fuzz.h"
#include "libsubid/runtimes/private.h"

/* Runs a parser for root or for a user; returns the sum of all ids that it found. */
static inline uint64_t parse_any(const uint8_t *data, size_t size, bool user,
				 int (*parse)(struct runtime_scan *scan,
					      const struct subid_text *text))
{
	static const struct id_range session[] = { { 1000, 1 },
						   { 100000, 10 },
						   { 7, 9 } };
	const struct subid_runtime_place place = {
		.dir = -1,
		.user = user,
		.session = { session, session },
		.n_session = { 3, 2 },
	};
	auto_runtime_state struct subid_runtime_state state = { .n = 0 };
	auto_text struct subid_text text = make_text(data, size);
	struct runtime_scan scan = { .place = &place, .runtime = "x", .state = &state };
	uint64_t sum = 0;
	int r = parse(&scan, &text);

	must(r == 0 || r == SUBID_INVALID);
	for (size_t i = 0; i < state.n; i++) {
		const struct subid_runtime_range *found = &state.list[i];

		must(id_range_valid(found->range));
		must(found->kind == SUBID_UID || found->kind == SUBID_GID);
		for (const char *c = found->name; *c != '\0'; c++)
			must(*c >= ' ' && *c <= '~');
		if (user)
			must(id_range_contains(session[0], found->range) ||
			     id_range_contains(session[1], found->range) ||
			     id_range_contains(session[2], found->range));
		sum += found->range.count;
	}
	return sum;
}
