/* SPDX-License-Identifier: MIT */
/* The JSON reader: tokens in order and inside the text, and what skipping passes. */
#include "fuzz.h"
#include "libsubid/runtimes/private.h"

static void check_text(const struct json *json, const uint8_t *data, size_t size)
{
	must(json->text >= (const char *)data);
	must(json->text + json->len <= (const char *)data + size);
}

/* Goes through it all; returns the last token, and how deep it was at most. */
static enum json_token walk(const uint8_t *data, size_t size, unsigned int *ret_deepest)
{
	struct json json = json_open((const char *)data, size);
	unsigned int open = 0, deepest = 0;
	enum json_token token;

	while ((token = json_next(&json)) != JSON_END && token != JSON_BAD) {
		open += token == JSON_OBJECT || token == JSON_ARRAY;
		open -= token == JSON_OBJECT_END || token == JSON_ARRAY_END;
		must(open == json.depth && open < JSON_DEPTH_MAX);
		deepest = open > deepest ? open : deepest;
		if (token >= JSON_KEY)
			check_text(&json, data, size);
	}
	must(token == JSON_BAD || open == 0);
	if (token == JSON_BAD)
		must(json_next(&json) == JSON_BAD);
	*ret_deepest = deepest;
	return token;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json json = json_open((const char *)data, size);
	unsigned int deepest, deeper;
	enum json_token token = walk(data, size, &deepest);
	uint8_t *wrapped = malloc(size + 2);

	/* one value is passed over in one step */
	if (token == JSON_END)
		must(json_skip(&json) && json_next(&json) == JSON_END);
	/* in an array it is as good as alone */
	must(wrapped != NULL);
	wrapped[0] = '[';
	if (size > 0)
		memcpy(wrapped + 1, data, size);
	wrapped[size + 1] = ']';
	if (token == JSON_END && deepest + 1 < JSON_DEPTH_MAX)
		must(walk(wrapped, size + 2, &deeper) == JSON_END &&
		     deeper == deepest + 1);
	free(wrapped);
	return 0;
}
