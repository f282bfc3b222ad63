/* SPDX-License-Identifier: MIT */
/*
 * LXC: a directory for each container, in it a file "config" (lxc.container.conf(5))
 * with lines "lxc.idmap = u INSIDE HOST COUNT"; g for gids, b for both.  A file that
 * the config includes is not read: lxc-create copies the lines.
 */
#include <string.h>

#include "libsubid/runtimes/private.h"

#define BLANKS " \t"

/* The next word between blanks; its length, 0 at the end. */
static size_t next_word(const char **at, const char *end)
{
	const char *word;

	while (*at < end && strchr(BLANKS, **at) != NULL && **at != '\0')
		++*at;
	word = *at;
	while (word < end && (strchr(BLANKS, *word) == NULL || *word == '\0'))
		word++;
	return (size_t)(word - *at);
}

static bool is_word(const char *at, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(at, word, len) == 0;
}

/* Is it a line of that key?  Then *at is moved after its '='. */
static bool find_value(const char **at, const char *end)
{
	static const char *const keys[] = { "lxc.idmap", "lxc.id_map" };
	const char *equals = memchr(*at, '=', (size_t)(end - *at));
	size_t len;

	if (equals == NULL)
		return false;
	len = next_word(at, equals);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!is_word(*at, len, keys[i]))
			continue;
		*at = equals + 1;
		return true;
	}
	return false;
}

static int parse_value(struct runtime_scan *scan, const char *at, const char *end,
		       const char *name)
{
	struct id_range range;
	uint32_t numbers[3];
	size_t len = next_word(&at, end);
	bool uid = is_word(at, len, "u") || is_word(at, len, "b");
	bool gid = is_word(at, len, "g") || is_word(at, len, "b");
	int r = 0;

	/* an empty value cancels the lines before; but they may have been in force */
	if (len == 0)
		return 0;
	if (!uid && !gid)
		return SUBID_INVALID;
	at += len;
	for (size_t i = 0; i < 3; i++) {
		len = next_word(&at, end);
		if (subid_id_parse(at, len, &numbers[i]) != 0)
			return SUBID_INVALID;
		at += len;
	}
	range = (struct id_range){ numbers[1], numbers[2] };
	if (uid)
		r = runtime_add(scan, SUBID_UID, range, name, strlen(name));
	if (r == 0 && gid)
		r = runtime_add(scan, SUBID_GID, range, name, strlen(name));
	return r;
}

static int parse_line(struct runtime_scan *scan, const char *line, const char *end,
		      const char *name)
{
	return find_value(&line, end) ? parse_value(scan, line, end, name) : 0;
}

int runtime_lxc_parse(struct runtime_scan *scan, const struct subid_text *text,
		      const char *name)
{
	return runtime_lines(scan, text, name, parse_line);
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
