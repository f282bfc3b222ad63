/* SPDX-License-Identifier: MIT */
#include "libsubid/policy/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "libsubid/core/core.h"

#define WINDOW_DEFAULT                                                                   \
	{                                                                                \
		.min = 100000, .max = 600100000, .count = 65536,                         \
	}

const struct subid_policy subid_policy_default = {
	.window = { WINDOW_DEFAULT, WINDOW_DEFAULT },
	.uid_min = 1000,
	.uid_max = 60000,
	.gid_min = 1000,
	.gid_max = 60000,
};

/* What a key sets: a number or a yes, somewhere in the struct. */
struct key {
	const char *name;
	bool is_flag;
	size_t offset;
};

#define NUMBER(name, field)                                                              \
	{                                                                                \
		name, false, offsetof(struct subid_policy, field)                        \
	}
#define FLAG(name, field)                                                                \
	{                                                                                \
		name, true, offsetof(struct subid_policy, field)                         \
	}

static const struct key keys[] = {
	NUMBER("SUB_UID_MIN", window[SUBID_UID].min),
	NUMBER("SUB_UID_MAX", window[SUBID_UID].max),
	NUMBER("SUB_UID_COUNT", window[SUBID_UID].count),
	FLAG("SUB_UID_DETERMINISTIC", window[SUBID_UID].deterministic),
	FLAG("UNSAFE_SUB_UID_DETERMINISTIC_WRAP", window[SUBID_UID].wrap),
	FLAG("SUB_UID_STORE_BY_UID", window[SUBID_UID].store_by_uid),
	NUMBER("SUB_GID_MIN", window[SUBID_GID].min),
	NUMBER("SUB_GID_MAX", window[SUBID_GID].max),
	NUMBER("SUB_GID_COUNT", window[SUBID_GID].count),
	FLAG("SUB_GID_DETERMINISTIC", window[SUBID_GID].deterministic),
	FLAG("UNSAFE_SUB_GID_DETERMINISTIC_WRAP", window[SUBID_GID].wrap),
	FLAG("SUB_GID_STORE_BY_UID", window[SUBID_GID].store_by_uid),
	NUMBER("UID_MIN", uid_min),
	NUMBER("UID_MAX", uid_max),
	NUMBER("GID_MIN", gid_min),
	NUMBER("GID_MAX", gid_max),
	FLAG("GRANT_AUX_GROUP_SUBIDS", grant_aux_group_subids),
};

static const struct key *find_key(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (text_is(name, len, keys[i].name))
			return &keys[i];
	return NULL;
}

/* strtoul(3) with base 0, but the whole text and no sign. */
static bool read_number(const char *text, size_t len, uint32_t *ret)
{
	char buf[32], *end;
	unsigned long long value;

	if (len == 0 || len >= sizeof(buf) || text[0] < '0' || text[0] > '9')
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	errno = 0;
	value = strtoull(buf, &end, 0);
	if (errno != 0 || *end != '\0' || value > UINT32_MAX)
		return false;
	*ret = (uint32_t)value;
	return true;
}

static int wrong(struct subid_place *place, size_t line, const char *key, size_t len,
		 const char *why)
{
	if (len >= sizeof(place->key))
		len = sizeof(place->key) - 1;
	*place = (struct subid_place){ .line = line, .why = why };
	memcpy(place->key, key, len);
	return SUBID_INVALID;
}

static int parse_line(const char *line, size_t len, size_t number,
		      struct subid_policy *policy, struct subid_place *place)
{
	struct subid_setting setting;
	const struct key *key = NULL;
	void *target;

	if (subid_setting_parse(line, len, &setting))
		key = find_key(setting.name, setting.name_len);
	if (key == NULL)
		return 0;
	target = (char *)policy + key->offset;
	if (key->is_flag)
		*(bool *)target = subid_setting_is(&setting, "yes");
	else if (!read_number(setting.value, setting.value_len, target))
		return wrong(place, number, key->name, strlen(key->name),
			     "is not a number from 0 to 4294967295");
	return 0;
}

static int check_window(struct subid_window *window, const char *min,
			struct subid_place *place)
{
	if (window->count == 0)
		return 0;			    /* nothing is granted from it */
	window->beyond = window->max == UINT32_MAX; /* useradd takes it, too */
	window->max -= window->beyond;
	if (window->min > window->max)
		return wrong(place, 0, min, strlen(min), "is greater than the maximum");
	return 0;
}

int subid_policy_parse(const char *text, size_t size, struct subid_policy *ret,
		       struct subid_place *ret_place)
{
	struct subid_text lines = { .bytes = (char *)(uintptr_t)text, .size = size };
	struct subid_policy policy = *ret;
	const char *line;
	size_t pos = 0, len, number = 1;
	int r = 0;

	for (; r == 0 && subid_text_next(&lines, &pos, &line, &len); number++)
		r = parse_line(line, len, number, &policy, ret_place);
	if (r == 0)
		r = check_window(&policy.window[SUBID_UID], "SUB_UID_MIN", ret_place);
	if (r == 0)
		r = check_window(&policy.window[SUBID_GID], "SUB_GID_MIN", ret_place);
	if (r == 0)
		*ret = policy;
	return r;
}

int subid_policy_load(int etc, bool follow, struct subid_policy *ret,
		      struct subid_place *ret_place)
{
	auto_text struct subid_text text = { .bytes = NULL };
	struct subid_policy policy = subid_policy_default;
	int r;

	/* Threat: a sparse file takes memory of whoever reads it, and no room on disk. */
	r = SUBID_ECONF && follow ? login_defs_gather(etc, &text)
				  : subid_text_read_max(etc, "login.defs", follow,
							SUBID_SETTINGS_SIZE_MAX, &text);
	if (r == 0)
		r = subid_policy_parse(text.bytes, text.size, &policy, ret_place);
	else if (r == -ENOENT)
		r = 0;
	if (r == 0)
		*ret = policy;
	return r;
}

int subid_policy_place(const struct subid_policy *policy, enum subid_kind kind,
		       uint32_t uid, struct id_range *ret)
{
	const struct subid_window *window = &policy->window[kind];
	uint64_t slots, slot;

	if (uid < policy->uid_min || window->count == 0)
		return SUBID_OFF;
	slots = ((uint64_t)window->max - window->min + 1) / window->count;
	slot = uid - policy->uid_min;
	if (slots == 0 || (slot >= slots && !window->wrap))
		return SUBID_FULL;
	slot %= slots;
	*ret = (struct id_range){
		.start = window->min + (uint32_t)(slot * window->count),
		.count = window->count,
	};
	return 0;
}

struct id_range subid_window_range(const struct subid_window *window)
{
	return id_range_between(window->min, (uint64_t)window->max + 1);
}
