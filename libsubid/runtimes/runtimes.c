/* SPDX-License-Identifier: MIT */
/*
 * The table of adapters, and what all of them have found.
 */
#include <stdlib.h>

#include "libsubid/core/core.h"
#include "libsubid/runtimes/private.h"

/* To add a runtime, write its file and add a row. */
static const struct runtime_adapter adapters[] = {
	{ "lxc", runtime_lxc_read },
	{ "lxd", runtime_lxd_read },
	{ "podman", runtime_podman_read },
	{ "nspawn", runtime_nspawn_read },
};

void subid_runtime_state_free(struct subid_runtime_state *state)
{
	free(state->list);
	*state = (struct subid_runtime_state){ .list = NULL };
}

int subid_runtime_read(const struct subid_runtime_place *place,
		       struct subid_runtime_state *state)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(adapters) / sizeof(adapters[0]); i++) {
		struct runtime_scan scan = {
			.place = place,
			.runtime = adapters[i].name,
			.state = state,
			.entries_left = RUNTIME_ENTRIES_MAX,
			.bytes_left = RUNTIME_BYTES_MAX,
		};

		r = adapters[i].read(&scan);
	}
	return r;
}

int subid_runtime_ids(const struct subid_runtime_state *state, struct subid_sets *ret)
{
	auto_sets struct subid_sets ids = { .of = { { .n = 0 } } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < state->n; i++)
		r = subid_set_add(&ids.of[state->list[i].kind], state->list[i].range);
	subid_sets_sort(&ids);
	return r == 0 ? subid_sets_unite(ret, &ids) : r;
}
