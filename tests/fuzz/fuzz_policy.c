/* SPDX-License-Identifier: MIT */
/*
 * login.defs: what is accepted can be used, and what is not changes nothing.
 */
#include "libsubid/policy/policy.h"

#include "fuzz.h"

static void check_window(const struct subid_policy *policy, enum subid_kind kind)
{
	const struct subid_window *window = &policy->window[kind];
	const uint32_t uids[] = { 0,
				  999,
				  policy->uid_min,
				  policy->uid_min + 1,
				  policy->uid_max,
				  60000,
				  UINT32_MAX - 1 };

	if (window->count > 0)
		must(window->min <= window->max && window->max < UINT32_MAX);
	for (size_t i = 0; i < sizeof(uids) / sizeof(uids[0]); i++) {
		struct id_range range;
		int r = subid_policy_place(policy, kind, uids[i], &range);

		if (uids[i] < policy->uid_min || window->count == 0)
			must(r == SUBID_OFF);
		else
			must(r == 0 || r == SUBID_FULL);
		if (r != 0)
			continue;
		must(id_range_valid(range) && range.count == window->count);
		must(range.start >= window->min);
		must(id_range_end(range) - 1 <= window->max);
		if (!window->wrap)
			must(range.start ==
			     window->min +
				 (uint64_t)(uids[i] - policy->uid_min) * window->count);
	}
}

static bool same(const struct subid_policy *a, const struct subid_policy *b)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_window *v = &a->window[kind], *w = &b->window[kind];

		if (v->min != w->min || v->max != w->max || v->count != w->count ||
		    v->deterministic != w->deterministic || v->wrap != w->wrap ||
		    v->store_by_uid != w->store_by_uid)
			return false;
	}
	return a->uid_min == b->uid_min && a->uid_max == b->uid_max &&
	       a->gid_min == b->gid_min && a->gid_max == b->gid_max &&
	       a->grant_aux_group_subids == b->grant_aux_group_subids;
}

/* A comment and an unknown key at the end change nothing; a last line counts. */
static void check_more(const struct subid_text *text, const struct subid_policy *policy)
{
	static const char more[] = "\n# SUB_UID_COUNT 7\nUMASK 022\n",
			  last[] = "\n\t SUB_UID_COUNT\t\"0x10\" \n";
	struct subid_policy again = subid_policy_default;
	struct subid_text longer = make_text(text->bytes, text->size);
	struct subid_place place;

	longer.bytes = realloc(longer.bytes, text->size + sizeof(last) + sizeof(more));
	must(longer.bytes != NULL);
	memcpy(longer.bytes + text->size, more, sizeof(more) - 1);
	longer.size = text->size + sizeof(more) - 1;
	must(subid_policy_parse(longer.bytes, longer.size, &again, &place) == 0);
	must(same(&again, policy));
	if (policy->window[SUBID_UID].count > 0) {
		memcpy(longer.bytes + text->size, last, sizeof(last) - 1);
		longer.size = text->size + sizeof(last) - 1;
		must(subid_policy_parse(longer.bytes, longer.size, &again, &place) == 0);
		must(again.window[SUBID_UID].count == 16);
	}
	subid_text_free(&longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct subid_text text = make_text(data, size);
	struct subid_policy policy = subid_policy_default;
	struct subid_place place = { .why = NULL };
	size_t lines = 1;
	int r = subid_policy_parse(text.bytes, size, &policy, &place);

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	must(r == 0 || r == SUBID_INVALID);
	if (r == 0) {
		check_window(&policy, SUBID_UID);
		check_window(&policy, SUBID_GID);
		check_more(&text, &policy);
	} else {
		must(same(&policy, &subid_policy_default));
		must(place.why != NULL && place.line <= lines);
		must(memchr(place.key, '\0', sizeof(place.key)) > (void *)place.key);
	}
	subid_text_free(&text);
	return 0;
}
