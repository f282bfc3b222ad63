/* SPDX-License-Identifier: MIT */
/*
 * What a struct subid_conf holds: arrays that grow, and the bytes that they point
 * into.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/policy/private.h"

void subid_conf_free(struct subid_conf *conf)
{
	for (size_t i = 0; i < conf->n_files; i++) {
		free(conf->files[i].name);
		free(conf->files[i].bytes);
	}
	free(conf->files);
	free(conf->rules);
	free(conf->reserved);
	free(conf->accepted);
	*conf = (struct subid_conf){ .n_rules = 0 };
}

bool subid_conf_gives(const struct subid_conf *conf)
{
	for (size_t i = 0; i < conf->n_rules; i++)
		if (conf->rules[i].verb == SUBID_CONF_GIVE)
			return true;
	return false;
}

/* The array with room for one more behind n elements: it doubles.  NULL: no memory,
 * and the array is as it was. */
static void *grow(void *array, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0)
		return array;
	return reallocarray(array, n == 0 ? 1 : n * 2, size);
}

int subid_conf_add_rule(struct subid_conf *conf, const struct subid_conf_rule *rule)
{
	struct subid_conf_rule *grown = grow(conf->rules, conf->n_rules, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	grown[conf->n_rules++] = *rule;
	conf->rules = grown;
	return 0;
}

int subid_conf_add_reserve(struct subid_conf *conf,
			   const struct subid_conf_reserve *reserve)
{
	struct subid_conf_reserve *grown =
	    grow(conf->reserved, conf->n_reserved, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	grown[conf->n_reserved++] = *reserve;
	conf->reserved = grown;
	return 0;
}

int subid_conf_add_acceptance(struct subid_conf *conf,
			      const struct subid_acceptance *acceptance)
{
	struct subid_acceptance *grown =
	    grow(conf->accepted, conf->n_accepted, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	grown[conf->n_accepted++] = *acceptance;
	conf->accepted = grown;
	return 0;
}

int subid_conf_add_file(struct subid_conf *conf, const char *name, const char *text,
			size_t size, const struct subid_conf_file **ret)
{
	struct subid_conf_file file, *grown;

	grown = grow(conf->files, conf->n_files, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	conf->files = grown;
	file.name = strdup(name);
	file.bytes = malloc(size + 1);
	if (file.name == NULL || file.bytes == NULL) {
		free(file.name);
		free(file.bytes);
		return -ENOMEM;
	}
	if (size > 0)
		memcpy(file.bytes, text, size);
	file.bytes[size] = '\0';
	conf->files[conf->n_files] = file;
	*ret = &conf->files[conf->n_files++];
	return 0;
}
