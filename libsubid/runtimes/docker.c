/* SPDX-License-Identifier: MIT */
/*
 * Docker: "userns-remap" in daemon.json names whose range dockerd uses for its
 * containers, as USER or USER:GROUP.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/runtimes/private.h"

#define DAEMON_JSON_MAX (1 << 20)

/* Of the object that daemon.json is; a later member counts more. */
static bool find_remap(const struct subid_text *text, char *buf, size_t size)
{
	struct json json = json_open(text->bytes, text->size);
	enum json_token token = json_next(&json);
	bool found = false;

	if (token != JSON_OBJECT)
		return false;
	while ((token = json_next(&json)) == JSON_KEY) {
		if (!json_is(&json, "userns-remap")) {
			if (!json_skip(&json))
				return false;
			continue;
		}
		if (json_next(&json) != JSON_STRING)
			return false;
		found = json.len > 0 && json.len < size;
		if (found)
			(void)snprintf(buf, size, "%.*s", (int)json.len, json.text);
	}
	return found && token == JSON_OBJECT_END;
}

int subid_runtime_docker_remap(int docker, bool follow, char *buf, size_t size)
{
	auto_text struct subid_text text = { .bytes = NULL };
	int r =
	    subid_text_read_max(docker, "daemon.json", follow, DAEMON_JSON_MAX, &text);

	if (r == -ENOMEM)
		return r;
	if (r < 0 || !find_remap(&text, buf, size))
		return SUBID_ABSENT; /* none that would start */
	buf[strcspn(buf, ":")] = '\0';
	return buf[0] == '\0' ? SUBID_ABSENT : 0;
}
