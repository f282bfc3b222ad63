/* SPDX-License-Identifier: MIT */
/*
 * containers/storage (podman, buildah, CRI-O): DRIVER-containers/containers.json is
 * an array of containers; those with a map of their own have
 * "uidmap": [{"container_id": 0, "host_id": 100000, "size": 65536}] and "gidmap".
 * What a user's podman calls host is the user's own namespace, in which 0 is the user
 * and the lines of the table follow from 1 on.
 *
 * Containers of podman create --rm are in volatile-containers.json, which is the same,
 * from podman 4.4 on.
 *
 * A user's container without a map of its own may have any of the user's ids; it
 * has written down none.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libsubid/runtimes/private.h"

/* Adds ids of the user's namespace, as the host sees them. */
static int add_of_session(struct runtime_scan *scan, enum subid_kind kind,
			  struct id_range ids)
{
	const struct subid_runtime_place *place = scan->place;
	uint64_t first = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < place->n_session[kind]; i++) {
		struct id_range host = place->session[kind][i];
		struct id_range inside = id_range_between(first, first + host.count);
		struct id_range common = id_range_common(inside, ids);

		if (common.count > 0)
			r = runtime_add(
			    scan, kind,
			    id_range_between((uint64_t)host.start + common.start - first,
					     (uint64_t)host.start + id_range_end(common) -
						 first),
			    "", 0);
		first += host.count;
	}
	return r;
}

static int add_ids(struct runtime_scan *scan, enum subid_kind kind, struct id_range ids)
{
	if (!id_range_valid(ids))
		return SUBID_INVALID;
	return scan->place->user ? add_of_session(scan, kind, ids)
				 : runtime_add(scan, kind, ids, "", 0);
}

/* One line of a map, after its '{'. */
static int parse_line(struct runtime_scan *scan, struct json *json, enum subid_kind kind)
{
	struct id_range ids = { .start = 0 };
	enum json_token token;

	while ((token = json_next(json)) == JSON_KEY) {
		uint32_t *number = NULL;

		if (json_is(json, "host_id"))
			number = &ids.start;
		else if (json_is(json, "size"))
			number = &ids.count;
		if (number == NULL) {
			if (!json_skip(json))
				return SUBID_INVALID;
			continue;
		}
		if (json_next(json) != JSON_NUMBER ||
		    subid_id_parse(json->text, json->len, number) != 0)
			return SUBID_INVALID;
	}
	return token == JSON_OBJECT_END ? add_ids(scan, kind, ids) : SUBID_INVALID;
}

static int parse_map(struct runtime_scan *scan, struct json *json, enum subid_kind kind)
{
	enum json_token token = json_next(json);
	int r = 0;

	if (token == JSON_WORD)
		return 0; /* null: no map of its own */
	if (token != JSON_ARRAY)
		return SUBID_INVALID;
	while (r == 0 && (token = json_next(json)) == JSON_OBJECT)
		r = parse_line(scan, json, kind);
	if (r != 0)
		return r;
	return token == JSON_ARRAY_END ? 0 : SUBID_INVALID;
}

/* The first of "names"; *ret stays as it is if there is none. */
static int parse_names(struct json *json, struct json *ret)
{
	enum json_token token = json_next(json);
	bool first = true;

	if (token == JSON_WORD)
		return 0;
	if (token != JSON_ARRAY)
		return SUBID_INVALID;
	while ((token = json_next(json)) == JSON_STRING) {
		if (first)
			*ret = *json;
		first = false;
	}
	return token == JSON_ARRAY_END ? 0 : SUBID_INVALID;
}

/* One container, after its '{'. */
static int parse_container(struct runtime_scan *scan, struct json *json)
{
	struct json id = { .text = "" }, name = { .text = NULL };
	size_t n = scan->state->n;
	enum json_token token;
	int r = 0;

	while (r == 0 && (token = json_next(json)) == JSON_KEY) {
		if (json_is(json, "uidmap")) {
			r = parse_map(scan, json, SUBID_UID);
		} else if (json_is(json, "gidmap")) {
			r = parse_map(scan, json, SUBID_GID);
		} else if (json_is(json, "names")) {
			r = parse_names(json, &name);
		} else if (json_is(json, "id")) {
			r = json_next(json) == JSON_STRING ? 0 : SUBID_INVALID;
			if (r == 0)
				id = *json;
		} else {
			r = json_skip(json) ? 0 : SUBID_INVALID;
		}
	}
	if (name.text == NULL)
		name = id;
	/* also after damage: the ranges that were added belong to this container */
	runtime_rename(scan, n, name.text, name.len);
	if (r != 0)
		return r;
	return token == JSON_OBJECT_END ? 0 : SUBID_INVALID;
}

int runtime_podman_parse(struct runtime_scan *scan, const struct subid_text *text)
{
	struct json json = json_open(text->bytes, text->size);
	enum json_token token = json_next(&json);
	int r = 0;

	if (token != JSON_ARRAY)
		return SUBID_INVALID;
	while (r == 0 && (token = json_next(&json)) == JSON_OBJECT)
		r = parse_container(scan, &json);
	if (r != 0)
		return r;
	return token == JSON_ARRAY_END && json_next(&json) == JSON_END ? 0
								       : SUBID_INVALID;
}

static int read_list(struct runtime_scan *scan, const char *dir, const char *name)
{
	auto_text struct subid_text text = { .bytes = NULL };
	char file[4096 + 32];
	int r;

	(void)snprintf(file, sizeof(file), "%s/%s", dir, name);
	r = runtime_text(scan, file, &text);
	return r == 0 ? runtime_podman_parse(scan, &text) : r;
}

/* "overlay-containers", "vfs-containers", ... */
static int read_driver(struct runtime_scan *scan, const char *path, const char *name)
{
	static const char suffix[] = "-containers";
	size_t len = strlen(name);
	int lasting, fleeting;

	if (len <= strlen(suffix) || strcmp(name + len - strlen(suffix), suffix) != 0)
		return 0;
	lasting = read_list(scan, path, "containers.json");
	fleeting = read_list(scan, path, "volatile-containers.json");
	return lasting == 0 || lasting == -ENOENT ? fleeting : lasting;
}

int runtime_podman_read(struct runtime_scan *scan)
{
	int r;

	if (scan->place->user)
		return runtime_each(scan, ".local/share/containers/storage", read_driver);
	r = runtime_each(scan, "var/lib/containers/storage", read_driver);
	/* where transient_store of storage.conf has the list */
	return r == 0 ? runtime_each(scan, "run/containers/storage", read_driver) : r;
}
