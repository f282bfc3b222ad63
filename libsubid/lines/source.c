/* SPDX-License-Identifier: MIT */
#include "libsubid/lines/lines.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DATABASE "subid:"

/* The part of shadow's interface to a module (its lib/prototypes.h) that we use. */
struct module_range {
	unsigned long start;
	unsigned long count;
};

enum module_status {
	MODULE_SUCCESS,
	MODULE_UNKNOWN_USER,
};

typedef int has_function(const char *owner, unsigned long start, unsigned long count,
			 int id_type, bool *result);
typedef int list_function(const char *owner, int id_type, struct module_range **ranges,
			  int *count);
typedef int find_function(unsigned long id, int id_type, uid_t **owners, int *count);
typedef void free_function(void *ranges);

/* Threat: with a '/' in it, the name would lead dlopen(3) to any file. */
static bool is_name(const char *text, size_t len)
{
	return len > 0 && len < SUBID_SOURCE_SIZE && memchr(text, '/', len) == NULL &&
	       text[0] != '[';
}

static int parse_line(const char *pos, const char *end, struct subid_source_line *ret)
{
	size_t len = text_word(&pos, end);
	const char *word = pos - len;
	bool valid = is_name(word, len);

	if (valid && !text_is(word, len, "files"))
		memcpy(ret->name, word, len);
	len = text_word(&pos, end);
	word = pos - len;
	/* a comment, since no reader takes the second word for a source */
	if (len > 0 && *word != '#')
		memcpy(ret->second, word,
		       len < SUBID_SOURCE_SIZE ? len : SUBID_SOURCE_SIZE - 1);
	return valid ? 0 : SUBID_INVALID;
}

/* The line of the database, from its words on, and its number; 0: there is none.  It ends
 * as shadow's, which sees nothing after a NUL. */
static size_t find_line(const struct subid_text *text, const char **at, const char **end)
{
	size_t pos = 0, len, size = strlen(DATABASE);

	for (size_t number = 1; subid_text_next(text, &pos, at, &len); number++) {
		*end = *at + strnlen(*at, len);
		if (len > size && strncasecmp(*at, DATABASE, size) == 0) {
			*at += size;
			return number;
		}
	}
	return 0;
}

int subid_source_parse(const struct subid_text *text, struct subid_source_line *ret)
{
	const char *at, *end;

	*ret = (struct subid_source_line){ .line = find_line(text, &at, &end) };
	return ret->line == 0 ? 0 : parse_line(at, end, ret);
}

/* "files" is "", as in the first word. */
static int add_source(struct subid_sources *sources, const char *word, size_t len)
{
	if (sources->n == SUBID_SOURCES_MAX || !is_name(word, len))
		return SUBID_INVALID;
	if (!text_is(word, len, "files"))
		memcpy(sources->names[sources->n], word, len);
	sources->n++;
	return 0;
}

/* A comment, or an action, which says when to stop, ends the words. */
static int parse_words(const char *at, const char *end, struct subid_sources *sources)
{
	for (;;) {
		size_t len = text_word(&at, end);
		const char *word = at - len;
		int r;

		if (sources->n > 0 && (len == 0 || *word == '#' || *word == '['))
			return 0;
		r = add_source(sources, word, len);
		if (r != 0)
			return r;
	}
}

int subid_sources_parse(const struct subid_text *text, struct subid_sources *ret)
{
	struct subid_sources sources = { .n = 0 };
	const char *at, *end;
	int r = 0;

	if (find_line(text, &at, &end) > 0)
		r = parse_words(at, end, &sources);
	if (r != 0)
		return r;
	if (sources.n == 0)
		sources.n = 1; /* the tables */
	*ret = sources;
	return 0;
}

int subid_sources_read(int etc, struct subid_sources *ret)
{
	auto_text struct subid_text text = { .bytes = NULL };
	int r = subid_text_read_max(etc, "nsswitch.conf", true, SUBID_SETTINGS_SIZE_MAX,
				    &text);

	return r < 0 && r != -ENOENT ? r : subid_sources_parse(&text, ret);
}

/* What of a module is called; free_ranges: NULL before shadow 4.16, whose modules have
 * malloc(3)'s memory. */
struct module {
	void *handle;
	has_function *has;
	list_function *list;
	find_function *find;
	free_function *free_ranges;
};

/* Threat: shadow's tools, which find a function missing, take the tables instead.  0 or
 * -ELIBACC; the caller closes the handle. */
static int open_module(const char *source, struct module *ret)
{
	char file[sizeof("libsubid_.so") + SUBID_SOURCE_SIZE];
	void *handle;

	(void)snprintf(file, sizeof(file), "libsubid_%s.so", source);
	handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	*ret = (struct module){ .handle = handle };
	if (handle == NULL)
		return -ELIBACC;
	ret->has = (has_function *)dlsym(handle, "shadow_subid_has_range");
	ret->list = (list_function *)dlsym(handle, "shadow_subid_list_owner_ranges");
	ret->find = (find_function *)dlsym(handle, "shadow_subid_find_subid_owners");
	ret->free_ranges = (free_function *)dlsym(handle, "shadow_subid_free");
	if (SUBID_SHADOW >= 16 && ret->free_ranges == NULL)
		return -ELIBACC;
	return ret->has == NULL || ret->list == NULL || ret->find == NULL ? -ELIBACC : 0;
}

static void close_module(const struct module *module)
{
	if (module->handle != NULL)
		(void)dlclose(module->handle);
}

#define auto_module __attribute__((cleanup(close_module)))

static int type_of(enum subid_kind kind)
{
	return kind == SUBID_UID ? 1 : 2;
}

static int copy_ranges(const struct module_range *ranges, int count,
		       struct subid_owned_range **ret, size_t *ret_n)
{
	struct subid_owned_range *owned = calloc((size_t)count + 1, sizeof(*owned));
	size_t n = 0;

	if (owned == NULL)
		return -ENOMEM;
	for (int i = 0; i < count; i++) {
		struct id_range range;

		if (ranges[i].start > UINT32_MAX || ranges[i].count > UINT32_MAX)
			continue;
		range = (struct id_range){ (uint32_t)ranges[i].start,
					   (uint32_t)ranges[i].count };
		if (id_range_valid(range))
			owned[n++].range = range;
	}
	*ret = owned;
	*ret_n = n;
	return 0;
}

int subid_source_ranges(const char *source, const char *owner, enum subid_kind kind,
			struct subid_owned_range **ret, size_t *ret_n)
{
	auto_module struct module module;
	struct module_range *ranges = NULL;
	int count = 0, status, r = open_module(source, &module);

	if (r < 0)
		return r;
	status = module.list(owner, type_of(kind), &ranges, &count);
	if (status == MODULE_UNKNOWN_USER || ranges == NULL || count < 0)
		count = 0;
	if (status == MODULE_SUCCESS || status == MODULE_UNKNOWN_USER)
		r = copy_ranges(ranges, count, ret, ret_n);
	else
		r = -EIO;
	(module.free_ranges == NULL ? free : module.free_ranges)(ranges);
	return r;
}

int subid_source_check(const char *source, const char *owner, enum subid_kind kind,
		       const struct id_range *ranges, size_t n, struct subid_set *ret_has)
{
	auto_module struct module module;
	int r = open_module(source, &module);

	for (size_t i = 0; r == 0 && i < n; i++) {
		bool has = false;
		int status = module.has(owner, ranges[i].start, ranges[i].count,
					type_of(kind), &has);

		if (status == MODULE_SUCCESS && has)
			r = subid_set_add(ret_has, ranges[i]);
		else if (status != MODULE_SUCCESS && status != MODULE_UNKNOWN_USER)
			r = -EIO;
	}
	subid_set_sort(ret_has);
	return r;
}

int subid_source_owners(const char *source, enum subid_kind kind, uint32_t id,
			uid_t **ret, size_t *ret_n)
{
	auto_module struct module module;
	uid_t *found = NULL;
	int count = 0, status, r = open_module(source, &module);

	if (r < 0)
		return r;
	status = module.find(id, type_of(kind), &found, &count);
	if (status != MODULE_SUCCESS && status != MODULE_UNKNOWN_USER)
		r = -EIO;
	*ret_n = r == 0 && found != NULL && count > 0 ? (size_t)count : 0;
	if (*ret_n > 0) {
		*ret = malloc(*ret_n * sizeof(**ret));
		if (*ret == NULL)
			r = -ENOMEM;
		else
			memcpy(*ret, found, *ret_n * sizeof(**ret));
	}
	(module.free_ranges == NULL ? free : module.free_ranges)(found);
	return r;
}
