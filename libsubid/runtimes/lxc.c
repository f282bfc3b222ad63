/* SPDX-License-Identifier: MIT */
/*
 * LXC; and LXD and Incus, which are built on it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libsubid/runtimes/private.h"

/*
 * LXC: a directory for each container, in it a file "config" (lxc.container.conf(5))
 * with lines "lxc.idmap = u INSIDE HOST COUNT"; g for gids, b for both.  A file that
 * the config includes is not read: lxc-create copies the lines.
 */

/* Is it a line of that key?  Then *at is moved after its '='. */
static bool find_value(const char **at, const char *end)
{
	static const char *const keys[] = { "lxc.idmap", "lxc.id_map" };
	const char *equals = memchr(*at, '=', (size_t)(end - *at));
	size_t len;

	if (equals == NULL)
		return false;
	len = text_word(at, equals);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!text_is(*at - len, len, keys[i]))
			continue;
		*at = equals + 1;
		return true;
	}
	return false;
}

static int parse_idmap(struct runtime_scan *scan, const char *at, const char *end,
		       const char *name)
{
	struct id_range range;
	uint32_t numbers[3];
	size_t len = text_word(&at, end);
	bool uid = text_is(at - len, len, "u") || text_is(at - len, len, "b");
	bool gid = text_is(at - len, len, "g") || text_is(at - len, len, "b");
	int r = 0;

	/* an empty value cancels the lines before; but they may have been in force */
	if (len == 0)
		return 0;
	if (!uid && !gid)
		return SUBID_INVALID;
	for (size_t i = 0; i < 3; i++) {
		len = text_word(&at, end);
		if (subid_id_parse(at - len, len, &numbers[i]) != 0)
			return SUBID_INVALID;
	}
	range = (struct id_range){ numbers[1], numbers[2] };
	if (uid)
		r = runtime_add(scan, SUBID_UID, range, name, strlen(name));
	if (r == 0 && gid)
		r = runtime_add(scan, SUBID_GID, range, name, strlen(name));
	return r;
}

static int parse_config_line(struct runtime_scan *scan, const char *line, const char *end,
			     const char *name)
{
	return find_value(&line, end) ? parse_idmap(scan, line, end, name) : 0;
}

int runtime_lxc_parse(struct runtime_scan *scan, const struct subid_text *text,
		      const char *name)
{
	return runtime_lines(scan, text, name, parse_config_line);
}

static int read_container(struct runtime_scan *scan, const char *path, const char *name)
{
	return runtime_parse(scan, path, "config", name, runtime_lxc_parse);
}

int runtime_lxc_read(struct runtime_scan *scan)
{
	return runtime_each(scan, scan->place->user ? ".local/share/lxc" : "var/lib/lxc",
			    read_container);
}

/*
 * LXD and incus keep their containers in a database that only their daemon reads; but
 * each container's configuration is also in a file backup.yaml beside it, in a
 * storage pool, and with it the map that it had when it last ran:
 *
 *     volatile.idmap.current: '[{"Isuid":true,"Isgid":false,"Hostid":1000000,
 *         "Nsid":0,"Maprange":65536},...]'
 *
 * (on one line), and the same for the next start and for the files on disk.  While a
 * pool is not mounted, its files cannot be read; running containers have maps in the
 * kernel.  Beside the pools there is a link to each container: one that leads to no such
 * file is noted as unread.
 */

static const char *const bases[] = {
	"var/lib/lxd/storage-pools",
	"var/lib/incus/storage-pools",
	"var/snap/lxd/common/lxd/storage-pools",
};

static const char *const links[] = {
	"var/lib/lxd/containers",
	"var/lib/incus/containers",
	"var/snap/lxd/common/lxd/containers",
};

static const char *const volatile_keys[] = {
	"volatile.idmap.current:",
	"volatile.idmap.next:",
	"volatile.last_state.idmap:",
};

/* One line of a map, after its '{'. */
static int parse_map_line(struct runtime_scan *scan, struct json *json, const char *name)
{
	struct id_range ids = { .start = 0 };
	bool is[SUBID_KINDS] = { false, false };
	enum json_token token;
	int r = 0;

	while ((token = json_next(json)) == JSON_KEY) {
		uint32_t *number = NULL;
		bool *flag = NULL;

		if (json_is(json, "Isuid"))
			flag = &is[SUBID_UID];
		else if (json_is(json, "Isgid"))
			flag = &is[SUBID_GID];
		else if (json_is(json, "Hostid"))
			number = &ids.start;
		else if (json_is(json, "Maprange"))
			number = &ids.count;
		token = json_next(json);
		if (token != JSON_WORD && token != JSON_NUMBER)
			return SUBID_INVALID;
		if (flag != NULL)
			*flag = json_is(json, "true");
		if (number != NULL && subid_id_parse(json->text, json->len, number) != 0)
			return SUBID_INVALID;
	}
	if (token != JSON_OBJECT_END)
		return SUBID_INVALID;
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		if (is[kind])
			r = runtime_add(scan, kind, ids, name, strlen(name));
	return r;
}

/* The value of a key: JSON in quotes of YAML, which need no escapes here. */
static int parse_yaml_map(struct runtime_scan *scan, const char *value, size_t len,
			  const char *name)
{
	const char *begin = memchr(value, '[', len);
	const char *end = memrchr(value, ']', len);
	struct json json;
	enum json_token token;
	int r = 0;

	if (begin == NULL || end == NULL || end < begin)
		return SUBID_INVALID;
	json = json_open(begin, (size_t)(end - begin) + 1);
	(void)json_next(&json); /* the '[' */
	while (r == 0 && (token = json_next(&json)) == JSON_OBJECT)
		r = parse_map_line(scan, &json, name);
	if (r != 0)
		return r;
	return token == JSON_ARRAY_END && json_next(&json) == JSON_END ? 0
								       : SUBID_INVALID;
}

static int parse_yaml_line(struct runtime_scan *scan, const char *line, const char *end,
			   const char *name)
{
	int r = 0;

	while (line < end && *line == ' ')
		line++;
	for (size_t i = 0; i < sizeof(volatile_keys) / sizeof(volatile_keys[0]); i++) {
		size_t key = strlen(volatile_keys[i]);

		if ((size_t)(end - line) > key &&
		    memcmp(line, volatile_keys[i], key) == 0)
			r = parse_yaml_map(scan, line + key, (size_t)(end - line) - key,
					   name);
	}
	return r;
}

int runtime_lxd_parse(struct runtime_scan *scan, const struct subid_text *text,
		      const char *name)
{
	return runtime_lines(scan, text, name, parse_yaml_line);
}

static int read_backup(struct runtime_scan *scan, const char *path, const char *name)
{
	return runtime_parse(scan, path, "backup.yaml", name, runtime_lxd_parse);
}

static int read_pool(struct runtime_scan *scan, const char *path, const char *name)
{
	char containers[4096 + 16];

	(void)name;
	(void)snprintf(containers, sizeof(containers), "%s/containers", path);
	return runtime_each(scan, containers, read_backup);
}

static int check_link(struct runtime_scan *scan, const char *path, const char *name)
{
	char file[4096 + 16];
	struct stat st;
	int r;

	(void)name;
	(void)snprintf(file, sizeof(file), "%s/backup.yaml", path);
	r = runtime_stat(scan, file, &st);
	/* a file beside the links leads nowhere by itself: -ENOTDIR */
	return r == -ENOENT ? SUBID_ABSENT : r;
}

int runtime_lxd_read(struct runtime_scan *scan)
{
	int r = 0;

	if (scan->place->user)
		return 0; /* its daemon runs as root */
	for (size_t i = 0; r == 0 && i < sizeof(bases) / sizeof(bases[0]); i++) {
		scan->runtime = strstr(bases[i], "/incus/") == NULL ? "lxd" : "incus";
		r = runtime_each(scan, bases[i], read_pool);
	}
	for (size_t i = 0; r == 0 && i < sizeof(links) / sizeof(links[0]); i++)
		r = runtime_each(scan, links[i], check_link);
	return r;
}
