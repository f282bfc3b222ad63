/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "libsubid/runtimes/private.h"

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
	/* 22 bytes: without a NUL, which is no digit */
	static const char digits[22] = "0123456789abcdefABCDEF";

	for (int i = 0; i < 4; i++, json->at++)
		if (json->at >= json->end ||
		    memchr(digits, *json->at, sizeof(digits)) == NULL)
			return false;
	return true;
}

/* At the opening quote.  False: it does not end, or has bytes that it may not have. */
static bool take_string(struct json *json)
{
	static const char escaped[8] = "\"\\/bfnrt"; /* likewise */

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
		    memchr(escaped, *json->at, sizeof(escaped)) == NULL)
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
	return json->len == strlen(word) && memcmp(json->text, word, json->len) == 0;
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
