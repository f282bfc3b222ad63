/* SPDX-License-Identifier: MIT */
/*
 * login.defs where shadow reads it by libeconf (RHEL 10, openSUSE): a vendor's file
 * beneath /usr/etc, and drop-ins in login.defs.d.  By the same library, since the order
 * of the drop-ins is another one in each of its releases.  Not of an image, whose links
 * it would follow.
 */
#if SUBID_ECONF
#include <errno.h>
#include <libeconf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/policy/private.h"

static void file_free(econf_file **file)
{
	if (*file != NULL)
		econf_free(*file);
}

static void keys_free(char ***keys)
{
	if (*keys != NULL)
		econf_free(*keys);
}

static int answer(econf_err error)
{
	switch (error) {
	case ECONF_SUCCESS:
		return 0;
	case ECONF_NOFILE:
		return -ENOENT;
	case ECONF_NOMEM:
		return -ENOMEM;
	default:
		return -EBADMSG; /* shadow's programs end there */
	}
}

/* Writes each key with its value; of one that is there twice the library has the first.
 */
static int write_keys(econf_file *file, char **keys, size_t n, FILE *out)
{
	for (size_t i = 0; i < n; i++) {
		char *value = NULL;
		int r = answer(econf_getStringValue(file, NULL, keys[i], &value));

		if (r == 0 && value != NULL)
			(void)fprintf(out, "%s \"%s\"\n", keys[i], value);
		free(value);
		if (r == -ENOMEM)
			return r;
	}
	return ferror(out) ? -ENOMEM : 0;
}

/* shadow calls econf_readDirs(), and newer releases would have something else called */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

int login_defs_gather(int etc, struct subid_text *ret)
{
	__attribute__((cleanup(file_free))) econf_file *file = NULL;
	__attribute__((cleanup(keys_free))) char **keys = NULL;
	char dir[64], vendor[96];
	size_t n = 0;
	FILE *out;
	int r;

	(void)snprintf(dir, sizeof(dir), "/proc/self/fd/%d", etc);
	(void)snprintf(vendor, sizeof(vendor), "%s/../usr/etc", dir);
	/* without /proc the library would find no file */
	if (access(dir, X_OK) < 0)
		return -EIO;
	r = answer(econf_readDirs(&file, vendor, dir, "login", "defs", " \t", "#"));
	if (r == 0)
		r = answer(econf_getKeys(file, NULL, &n, &keys));
	if (r < 0)
		return r;
	out = open_memstream(&ret->bytes, &ret->size);
	if (out == NULL)
		return -ENOMEM;
	r = write_keys(file, keys, n, out);
	return fclose(out) == 0 ? r : -ENOMEM;
}
#else
typedef int login_defs_as_one_file;
#endif
