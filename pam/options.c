/* SPDX-License-Identifier: MIT */
#include <security/pam_ext.h>
#include <string.h>
#include <syslog.h>

#include "module.h"

#define TIMEOUT_DEFAULT_MS 3000
#define TIMEOUT_MAX_S	   60

/* The value of an argument "key=value"; NULL if it is about another key. */
static const char *value_of(const char *argument, const char *key)
{
	size_t len = strlen(key);

	if (strncmp(argument, key, len) != 0 || argument[len] != '=')
		return NULL;
	return argument + len + 1;
}

static bool read_number(const char *value, uint32_t max, uint32_t *ret)
{
	return subid_id_parse(value, strlen(value), ret) == 0 && *ret <= max;
}

/* Is it an option with a right value? */
static bool take(struct options *options, const char *argument)
{
	const char *value;
	uint32_t seconds;

	if (strcmp(argument, "debug") == 0) {
		options->debug = true;
		return true;
	}
	/* pam_mkhomedir(8) calls it silent */
	if (strcmp(argument, "quiet") == 0 || strcmp(argument, "silent") == 0) {
		options->quiet = true;
		return true;
	}
	if ((value = value_of(argument, "count")) != NULL)
		return read_number(value, UINT32_MAX, &options->count) &&
		       options->count > 0;
	if ((value = value_of(argument, "min_uid")) != NULL)
		return read_number(value, UINT32_MAX, &options->min_uid);
	if ((value = value_of(argument, "timeout")) != NULL) {
		if (!read_number(value, TIMEOUT_MAX_S, &seconds))
			return false;
		options->timeout_ms = (int)seconds * 1000;
		return true;
	}
	if ((value = value_of(argument, "conf")) != NULL) {
		options->conf = value;
		return value[0] == '/';
	}
	options->required_for = value_of(argument, "required_for");
	return options->required_for != NULL && options->required_for[0] != '\0';
}

bool options_parse(pam_handle_t *pamh, int argc, const char **argv, struct options *ret)
{
	struct options options = { .timeout_ms = TIMEOUT_DEFAULT_MS };

	for (int i = 0; i < argc; i++) {
		if (take(&options, argv[i]))
			continue;
		pam_syslog(pamh, LOG_ERR,
			   "option '%s' is not known or has a wrong value: nothing is"
			   " given until it is put right",
			   argv[i]);
		return false;
	}
	*ret = options;
	return true;
}
