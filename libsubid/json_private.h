/* SPDX-License-Identifier: MIT */
/*
 * JSON read token by token, where it stands: no tree, no memory.  Strict, with a
 * bound on its depth.  For the adapters, so that the library links libc alone.
 *
 *     struct json json = json_open(bytes, size);
 *
 *     while ((token = json_next(&json)) != JSON_END && token != JSON_BAD)
 *             ... json.text and json.len, for a key, string, number or word ...
 */
#pragma once

#include "base.h"

#define JSON_DEPTH_MAX 64

enum json_token {
	JSON_END, /* of the text, after one whole value */
	JSON_BAD, /* no JSON, here or from some place before */
	JSON_OBJECT,
	JSON_OBJECT_END,
	JSON_ARRAY,
	JSON_ARRAY_END,
	JSON_KEY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_WORD, /* true, false, null */
};

struct json {
	const char *at, *end;
	const char *text; /* of the last token: between the quotes, escapes as written */
	size_t len;
	unsigned int depth; /* how many objects and arrays are open */
	uint64_t objects;   /* bit d: the one at depth d + 1 is an object */
	enum {
		JSON_AT_VALUE,	   /* one must follow */
		JSON_AT_FIRST,	   /* one, or the end of the empty array */
		JSON_AT_FIRST_KEY, /* a key, or the end of the empty object */
		JSON_BEHIND_VALUE,
		JSON_FAILED,
	} state;
};

static inline struct json json_open(const char *bytes, size_t size)
{
	return (struct json){ .at = bytes, .end = bytes + size };
}

enum json_token json_next(struct json *json);

/* Is the last token's text this word? */
bool json_is(const struct json *json, const char *word);

/* Passes over the value behind a key.  False: it is bad. */
bool json_skip(struct json *json);
