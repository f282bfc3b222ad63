/* SPDX-License-Identifier: MIT */
/*
 * The table of adapters, and what all of them have found; and what is too little for a
 * file of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/runtimes/private.h"

/*
 * systemd-nspawn --private-users=pick gives a directory tree to the 65536 ids that it
 * has picked, from a multiple of 65536 on; so the owner of the tree tells which they are.
 */

#define NSPAWN_COUNT 65536

static int read_machine(struct runtime_scan *scan, const char *path, const char *name)
{
	struct id_range ids = { .count = NSPAWN_COUNT };
	struct stat st;
	int r = runtime_stat(scan, path, &st);

	if (r < 0 || !S_ISDIR(st.st_mode))
		return r;
	ids.start = st.st_uid / NSPAWN_COUNT * NSPAWN_COUNT;
	if (ids.start > 0)
		r = runtime_add(scan, SUBID_UID, ids, name, strlen(name));
	ids.start = st.st_gid / NSPAWN_COUNT * NSPAWN_COUNT;
	if (r == 0 && ids.start > 0)
		r = runtime_add(scan, SUBID_GID, ids, name, strlen(name));
	return r;
}

static int nspawn_read(struct runtime_scan *scan)
{
	if (scan->place->user)
		return 0; /* only root runs it */
	return runtime_each(scan, "var/lib/machines", read_machine);
}

/*
 * Docker: "userns-remap" in daemon.json names whose range dockerd uses for its
 * containers, as USER or USER:GROUP.
 */

#define DAEMON_JSON_MAX (1 << 20)

/* Of the object that daemon.json is; a later member counts more. */
static bool find_remap(const struct subid_text *text, char *buf, size_t size)
{
	struct json json = json_open(text->bytes, text->size);
	enum json_token token = json_next(&json);
	bool found = false;

	if (token != JSON_OBJECT)
		return false;
	while ((token = json_next(&json)) == JSON_KEY) {
		if (!json_is(&json, "userns-remap")) {
			if (!json_skip(&json))
				return false;
			continue;
		}
		if (json_next(&json) != JSON_STRING)
			return false;
		found = json.len > 0 && json.len < size;
		if (found)
			(void)snprintf(buf, size, "%.*s", (int)json.len, json.text);
	}
	return found && token == JSON_OBJECT_END;
}

int subid_runtime_docker_remap(int docker, bool follow, char *buf, size_t size)
{
	auto_text struct subid_text text = { .bytes = NULL };
	int r =
	    subid_text_read_max(docker, "daemon.json", follow, DAEMON_JSON_MAX, &text);

	if (r == -ENOMEM)
		return r;
	if (r < 0 || !find_remap(&text, buf, size))
		return SUBID_ABSENT; /* none that would start */
	buf[strcspn(buf, ":")] = '\0';
	return buf[0] == '\0' ? SUBID_ABSENT : 0;
}

/* --- all of them --- */

/* To add a runtime, write its file and add a row. */
static const struct runtime_adapter adapters[] = {
	{ "lxc", runtime_lxc_read },	   { "lxd", runtime_lxd_read },
	{ "podman", runtime_podman_read }, { "nspawn", nspawn_read },
	{ "share", runtime_share_read },
};

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
