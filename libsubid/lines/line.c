/* SPDX-License-Identifier: MIT */
/*
 * A line in our strict reading, and the lines of one owner.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/lines/lines.h"

bool subid_owner_valid(const char *owner, size_t len)
{
	/* a look each: every owner of every table comes by here */
	static const bool forbidden[256] = {
		[0 ... ' ' - 1] = true, [':'] = true, [0x7f] = true
	};

	for (size_t i = 0; i < len; i++)
		if (forbidden[(unsigned char)owner[i]])
			return false;
	return len > 0 && owner[0] != '#' && owner[0] != ' ' && owner[len - 1] != ' ';
}

bool subid_owner_is_hold(const char *owner, size_t len)
{
	return text_is(owner, len, SUBID_OWNER_RELEASED) ||
	       text_is(owner, len, SUBID_OWNER_RESERVED);
}

int subid_line_parse(const char *text, size_t len, struct subid_line *ret)
{
	const char *end = text + len, *start = memchr(text, ':', len), *count;
	struct id_range range;

	if (start == NULL)
		return SUBID_INVALID;
	start++;
	count = memchr(start, ':', (size_t)(end - start));
	if (count == NULL)
		return SUBID_INVALID;
	count++;
	if (!subid_owner_valid(text, (size_t)(start - 1 - text)) ||
	    subid_id_parse(start, (size_t)(count - 1 - start), &range.start) != 0 ||
	    subid_id_parse(count, (size_t)(end - count), &range.count) != 0 ||
	    !id_range_valid(range))
		return SUBID_INVALID;
	*ret = (struct subid_line){
		.owner = text,
		.owner_len = (size_t)(start - 1 - text),
		.range = range,
	};
	return 0;
}

/*
 * The names of one owner, in order.  Threat: lines times names is a time that whoever
 * fills an image's passwd and tables chooses; so a name is looked up.
 */
int owner_names_sort(const struct subid_owner_name *names, size_t n,
		     struct subid_owner_name **ret)
{
	struct subid_owner_name *sorted = reallocarray(NULL, n + 1, sizeof(*sorted));

	if (sorted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		sorted[i] = names[i];
	qsort(sorted, n, sizeof(*sorted), owner_name_compare);
	*ret = sorted;
	return 0;
}

int subid_owned_ranges(const struct subid_text *text,
		       const struct subid_owner_name *names, size_t n,
		       struct subid_owned_range **ret, size_t *ret_n)
{
	auto_free struct subid_owner_name *sorted = NULL;
	auto_free struct subid_owned_range *found = NULL;
	size_t n_found = 0, pos = 0, len;
	uint64_t lengths = 0; /* most owners differ in length from all of these names */
	const char *text_line;

	for (size_t i = 0; i < n; i++)
		lengths |= UINT64_C(1) << names[i].len % 64;
	if (owner_names_sort(names, n, &sorted) < 0)
		return -ENOMEM;
	for (size_t number = 1; subid_text_next(text, &pos, &text_line, &len); number++) {
		const char *colon = memchr(text_line, ':', len);
		struct subid_line line;

		if (colon == NULL || (lengths >> (colon - text_line) % 64 & 1) == 0 ||
		    !owner_names_have(sorted, n, text_line,
				      (size_t)(colon - text_line)) ||
		    subid_line_parse(text_line, len, &line) != 0)
			continue;
		if (array_grow(&found, n_found, sizeof(*found)) < 0)
			return -ENOMEM;
		found[n_found++] = (struct subid_owned_range){
			.range = line.range,
			.line = number,
		};
	}
	*ret = found;
	*ret_n = n_found;
	found = NULL;
	return 0;
}
