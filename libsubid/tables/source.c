/* SPDX-License-Identifier: MIT */
#include "libsubid/tables/tables.h"

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

typedef int list_function(const char *owner, int id_type, struct module_range **ranges,
			  int *count);
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

int subid_source_parse(const struct subid_text *text, struct subid_source_line *ret)
{
	const char *line;
	size_t pos = 0, len;

	*ret = (struct subid_source_line){ .line = 0 };
	for (size_t number = 1; subid_text_next(text, &pos, &line, &len); number++) {
		if (len <= strlen(DATABASE) ||
		    strncasecmp(line, DATABASE, strlen(DATABASE)) != 0)
			continue;
		ret->line = number;
		/* as shadow, which sees nothing after a NUL */
		return parse_line(line + strlen(DATABASE), line + strnlen(line, len),
				  ret);
	}
	return 0;
}

int subid_source_read(int etc, char ret_name[SUBID_SOURCE_SIZE])
{
	auto_text struct subid_text text = { .bytes = NULL };
	struct subid_source_line line;
	int r = subid_text_read_max(etc, "nsswitch.conf", true, SUBID_SETTINGS_SIZE_MAX,
				    &text);

	if (r < 0 && r != -ENOENT)
		return r;
	r = subid_source_parse(&text, &line);
	if (r == 0)
		memcpy(ret_name, line.name, SUBID_SOURCE_SIZE);
	return r;
}

static void close_module(void **module)
{
	if (*module != NULL)
		(void)dlclose(*module);
}

static void *open_module(const char *source)
{
	char file[sizeof("libsubid_.so") + SUBID_SOURCE_SIZE];

	(void)snprintf(file, sizeof(file), "libsubid_%s.so", source);
	return dlopen(file, RTLD_NOW | RTLD_LOCAL);
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
	__attribute__((cleanup(close_module))) void *module = open_module(source);
	struct module_range *ranges = NULL;
	free_function *free_ranges;
	list_function *list;
	int count = 0, status, r = 0;

	if (module == NULL)
		return -ELIBACC;
	list = (list_function *)dlsym(module, "shadow_subid_list_owner_ranges");
	free_ranges = (free_function *)dlsym(module, "shadow_subid_free");
	if (list == NULL)
		return -ELIBACC;
	status = list(owner, kind == SUBID_UID ? 1 : 2, &ranges, &count);
	if (status == MODULE_UNKNOWN_USER || ranges == NULL || count < 0)
		count = 0;
	if (status == MODULE_SUCCESS || status == MODULE_UNKNOWN_USER)
		r = copy_ranges(ranges, count, ret, ret_n);
	else
		r = -EIO;
	/* modules from before shadow 4.13 have malloc(3)'s */
	(free_ranges == NULL ? free : free_ranges)(ranges);
	return r;
}
