/* SPDX-License-Identifier: MIT */
/*
 * How adapters open and read files, within bounds, and note what they find; and how they
 * read JSON.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/core/files.h"
#include "libsubid/core/printable.h"
#include "libsubid/runtimes/private.h"

void subid_runtime_state_free(struct subid_runtime_state *state)
{
	free(state->list);
	*state = (struct subid_runtime_state){ .list = NULL };
}

/* LXD repeats the ranges of a container: is it among the last few? */
static bool is_known(const struct runtime_scan *scan, enum subid_kind kind,
		     struct id_range range, const char *name, size_t len)
{
	const struct subid_runtime_state *state = scan->state;
	char printable[SUBID_RUNTIME_NAME_SIZE];

	printable_copy(printable, sizeof(printable), name, len);
	for (size_t back = 1; back <= 4 && back <= state->n; back++) {
		const struct subid_runtime_range *one = &state->list[state->n - back];

		if (one->kind == kind && id_range_equal(one->range, range) &&
		    one->runtime == scan->runtime && strcmp(one->name, printable) == 0)
			return true;
	}
	return false;
}

int runtime_add(struct runtime_scan *scan, enum subid_kind kind, struct id_range range,
		const char *name, size_t len)
{
	struct subid_runtime_state *state = scan->state;

	if (!id_range_valid(range) || state->n >= RUNTIME_RANGES_MAX)
		return SUBID_INVALID;
	if (is_known(scan, kind, range, name, len))
		return 0;
	if (array_grow(&state->list, state->n, sizeof(*state->list)) < 0)
		return -ENOMEM;
	state->list[state->n] = (struct subid_runtime_range){
		.kind = kind,
		.range = range,
		.runtime = scan->runtime,
	};
	state->n++;
	runtime_rename(scan, state->n - 1, name, len);
	return 0;
}

void runtime_rename(struct runtime_scan *scan, size_t n, const char *name, size_t len)
{
	for (size_t i = n; i < scan->state->n; i++)
		printable_copy(scan->state->list[i].name, SUBID_RUNTIME_NAME_SIZE, name,
			       len);
}

/* Notes that path could not be read; -ENOENT and -ENOTDIR are no failure.  0; -ENOMEM
 * for that error. */
static int note_unread(struct runtime_scan *scan, const char *path, int error)
{
	struct subid_runtime_state *state = scan->state;

	if (error == 0 || error == -ENOENT || error == -ENOTDIR)
		return 0;
	if (error == -ENOMEM)
		return error;
	/* what could not be looked at comes before what is damaged: it may say anything
	 */
	if (state->n_unread++ == 0 || (error < 0 && state->error > 0)) {
		state->error = error;
		printable_copy(state->unread, sizeof(state->unread), path, strlen(path));
	}
	return 0;
}

static uint64_t resolve_of(const struct runtime_scan *scan)
{
	if (scan->place->trusted)
		return scan->place->user ? 0 : RESOLVE_IN_ROOT;
	return RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
}

static int open_below(const struct runtime_scan *scan, const char *path, uint64_t flags)
{
	return beneath_reach(scan->place->dir, path, flags, resolve_of(scan));
}

static void close_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir); /* only read */
}

int runtime_each(struct runtime_scan *scan, const char *path,
		 int (*each)(struct runtime_scan *scan, const char *path,
			     const char *name))
{
	__attribute__((cleanup(close_dir))) DIR *dir = NULL;
	int fd = open_below(scan, path, O_RDONLY | O_DIRECTORY);
	const struct dirent *entry;
	int r = 0;

	if (fd < 0)
		return note_unread(scan, path, fd);
	dir = fdopendir(fd);
	if (dir == NULL) {
		r = -errno;
		(void)close(fd);
		return note_unread(scan, path, r);
	}
	while (r == 0) {
		char below[4096];
		int n;

		errno = 0;
		entry = readdir(dir);
		if (entry == NULL)
			return note_unread(scan, path, -errno);
		if (entry->d_name[0] == '.')
			continue;
		if (scan->entries_left == 0)
			return note_unread(scan, path, -EFBIG);
		scan->entries_left--;
		n = snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (n >= (int)sizeof(below))
			r = note_unread(scan, path, -ENAMETOOLONG);
		else
			r = note_unread(scan, below, each(scan, below, entry->d_name));
	}
	return r;
}

int runtime_stat(const struct runtime_scan *scan, const char *path, struct stat *ret)
{
	auto_close int fd = open_below(scan, path, O_PATH | O_NOFOLLOW);

	if (fd < 0)
		return fd;
	return fstat(fd, ret) < 0 ? -errno : 0;
}

int runtime_text(struct runtime_scan *scan, const char *path, struct subid_text *ret)
{
	size_t max =
	    scan->bytes_left < RUNTIME_FILE_MAX ? scan->bytes_left : RUNTIME_FILE_MAX;
	auto_close int fd =
	    beneath_open_regular(scan->place->dir, path, resolve_of(scan));
	int r = fd < 0 ? fd : subid_text_read_fd(fd, max, ret);

	if (r == 0)
		scan->bytes_left -= ret->size;
	return r;
}

int runtime_lines(struct runtime_scan *scan, const struct subid_text *text,
		  const char *name,
		  int (*each)(struct runtime_scan *scan, const char *line,
			      const char *end, const char *name))
{
	size_t pos = 0, len;
	const char *line;
	int answer = 0;

	while (subid_text_next(text, &pos, &line, &len)) {
		int r = each(scan, line, line + len, name);

		if (r < 0)
			return r;
		if (r > 0)
			answer = r;
	}
	return answer;
}

int runtime_parse(struct runtime_scan *scan, const char *dir, const char *file,
		  const char *name,
		  int (*parse)(struct runtime_scan *scan, const struct subid_text *text,
			       const char *name))
{
	auto_text struct subid_text text = { .bytes = NULL };
	char path[4096 + 16];
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	r = runtime_text(scan, path, &text);
	return r == 0 ? parse(scan, &text, name) : r;
}

/* --- JSON --- */

static enum json_token fail(struct json *json)
{
	json->state = JSON_FAILED;
	return JSON_BAD;
}

static void skip_blanks(struct json *json)
{
	while (json->at < json->end && (*json->at == ' ' || *json->at == '\t' ||
					*json->at == '\n' || *json->at == '\r'))
		json->at++;
}

static bool take(struct json *json, char c)
{
	if (json->at >= json->end || *json->at != c)
		return false;
	json->at++;
	return true;
}

static bool is_digit(const struct json *json)
{
	return json->at < json->end && *json->at >= '0' && *json->at <= '9';
}

static bool in_object(const struct json *json)
{
	return json->depth > 0 && (json->objects >> (json->depth - 1) & 1) != 0;
}

/* The four digits of \uXXXX. */
static bool take_hex(struct json *json)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	for (int i = 0; i < 4; i++, json->at++)
		if (json->at >= json->end ||
		    memchr(digits, *json->at, sizeof(digits) - 1) == NULL)
			return false;
	return true;
}

/* At the opening quote.  False: it does not end, or has bytes that it may not have. */
static bool take_string(struct json *json)
{
	static const char escaped[] = "\"\\/bfnrt";

	json->text = ++json->at;
	while (json->at < json->end && *json->at != '"') {
		unsigned char c = (unsigned char)*json->at++;

		if (c < ' ')
			return false;
		if (c != '\\')
			continue;
		if (take(json, 'u')) {
			if (!take_hex(json))
				return false;
			continue;
		}
		if (json->at >= json->end ||
		    memchr(escaped, *json->at, sizeof(escaped) - 1) == NULL)
			return false;
		json->at++;
	}
	json->len = (size_t)(json->at - json->text);
	return take(json, '"');
}

static bool take_digits(struct json *json)
{
	if (!is_digit(json))
		return false;
	while (is_digit(json))
		json->at++;
	return true;
}

static bool take_number(struct json *json)
{
	json->text = json->at;
	(void)take(json, '-');
	if (!take(json, '0') && !take_digits(json))
		return false;
	if (take(json, '.') && !take_digits(json))
		return false;
	if (take(json, 'e') || take(json, 'E')) {
		if (!take(json, '+'))
			(void)take(json, '-');
		if (!take_digits(json))
			return false;
	}
	json->len = (size_t)(json->at - json->text);
	return true;
}

static bool take_word(struct json *json)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i]);

		if ((size_t)(json->end - json->at) < len ||
		    memcmp(json->at, words[i], len) != 0)
			continue;
		json->text = json->at;
		json->len = len;
		json->at += len;
		return true;
	}
	return false;
}

static enum json_token open_one(struct json *json, bool object)
{
	uint64_t bit = (uint64_t)1 << json->depth;

	if (json->depth == JSON_DEPTH_MAX - 1)
		return fail(json);
	json->at++;
	json->depth++;
	json->objects = object ? json->objects | bit : json->objects & ~bit;
	json->state = object ? JSON_AT_FIRST_KEY : JSON_AT_FIRST;
	return object ? JSON_OBJECT : JSON_ARRAY;
}

static enum json_token close_one(struct json *json)
{
	enum json_token token = in_object(json) ? JSON_OBJECT_END : JSON_ARRAY_END;

	json->at++;
	json->depth--;
	json->state = JSON_BEHIND_VALUE;
	return token;
}

static enum json_token next_value(struct json *json)
{
	enum json_token token = JSON_WORD;
	bool good;

	json->state = JSON_BEHIND_VALUE;
	if (json->at >= json->end)
		return fail(json);
	switch (*json->at) {
	case '{':
		return open_one(json, true);
	case '[':
		return open_one(json, false);
	case '"':
		token = JSON_STRING;
		good = take_string(json);
		break;
	case '-':
	case '0' ... '9':
		token = JSON_NUMBER;
		good = take_number(json);
		break;
	default:
		good = take_word(json);
	}
	return good ? token : fail(json);
}

static enum json_token next_key(struct json *json)
{
	if (json->at >= json->end || *json->at != '"' || !take_string(json))
		return fail(json);
	skip_blanks(json);
	if (!take(json, ':'))
		return fail(json);
	json->state = JSON_AT_VALUE;
	return JSON_KEY;
}

enum json_token json_next(struct json *json)
{
	bool closes;

	skip_blanks(json);
	closes = json->depth > 0 && json->at < json->end &&
		 *json->at == (in_object(json) ? '}' : ']');
	switch (json->state) {
	case JSON_AT_VALUE:
		return next_value(json);
	case JSON_AT_FIRST:
		return closes ? close_one(json) : next_value(json);
	case JSON_AT_FIRST_KEY:
		return closes ? close_one(json) : next_key(json);
	case JSON_BEHIND_VALUE:
		break;
	case JSON_FAILED:
		return JSON_BAD;
	}
	if (json->depth == 0)
		return json->at == json->end ? JSON_END : fail(json);
	if (closes)
		return close_one(json);
	if (!take(json, ','))
		return fail(json);
	skip_blanks(json);
	return in_object(json) ? next_key(json) : next_value(json);
}

bool json_is(const struct json *json, const char *word)
{
	return text_is(json->text, json->len, word);
}

bool json_skip(struct json *json)
{
	unsigned int depth = json->depth;
	enum json_token token;

	do {
		token = json_next(json);
		if (token == JSON_BAD || token == JSON_END)
			return false;
	} while (json->depth > depth);
	return true;
}
