/* SPDX-License-Identifier: MIT */
/*
 * Which files make up the policy, and their bytes.
 */
#include "conf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "file.h"

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

static int invalid(struct subid_place *place, const char *key, const char *why)
{
	*place = (struct subid_place){ .why = why };
	(void)snprintf(place->key, sizeof(place->key), "%s", key);
	return SUBID_INVALID;
}

/* Adds the file name in dir, called shown.  -ENOENT if there is none. */
static int load_file(struct subid_conf *conf, int dir, const char *name,
		     const char *shown, bool follow, struct subid_conf_place *place)
{
	auto_text struct subid_text text = { .bytes = NULL };
	struct stat st;
	int r;

	(void)snprintf(place->file, sizeof(place->file), "%s", shown);
	/* Threat: a file without end, or one of gigabytes, must not take the memory
	 * of whoever logs in. */
	if (fstatat(dir, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_size > SUBID_CONF_SIZE_MAX)
		return invalid(&place->place, "it", "is larger than 1 MiB");
	r = subid_text_read(dir, name, follow, &text);
	if (r == 0)
		r = subid_conf_parse(conf, shown, text.bytes, text.size, &place->place);
	return r;
}

static int load_vendor(struct subid_conf *conf, const char *vendor,
		       struct subid_conf_place *place)
{
	auto_close int dir = open(vendor, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char shown[SUBID_CONF_NAME_SIZE];

	(void)snprintf(shown, sizeof(shown), "%s/%s", vendor, SUBID_CONF_FILE);
	(void)snprintf(place->file, sizeof(place->file), "%s", shown);
	if (dir < 0)
		return -errno;
	return load_file(conf, dir, SUBID_CONF_FILE, shown, true, place);
}

struct names {
	struct dirent **list;
	int n;
};

static void names_free(struct names *names)
{
	for (int i = 0; i < names->n; i++)
		free(names->list[i]);
	free(names->list);
}

static int is_drop_in(const struct dirent *entry)
{
	static const char suffix[] = ".conf";
	const char *name = entry->d_name;
	size_t len = strlen(name);

	return name[0] != '.' && len >= sizeof(suffix) &&
	       strcmp(name + len - strlen(suffix), suffix) == 0;
}

/* Not alphasort(3), which goes by the locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_drop_ins(struct subid_conf *conf, int etc, bool follow,
			 struct subid_conf_place *place)
{
	__attribute__((cleanup(names_free))) struct names names = { .n = 0 };
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
	auto_close int dir = openat(etc, SUBID_CONF_DIR, flags);
	int r = 0;

	(void)snprintf(place->file, sizeof(place->file), "%s", SUBID_CONF_DIR);
	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	names.n = scandirat(dir, ".", &names.list, is_drop_in, by_bytes);
	if (names.n < 0)
		return -errno;
	if (names.n > SUBID_CONF_FILES_MAX)
		return invalid(&place->place, "it", "has more than 1000 files");
	for (int i = 0; r == 0 && i < names.n; i++) {
		char shown[SUBID_CONF_NAME_SIZE];

		(void)snprintf(shown, sizeof(shown), "%s/%s", SUBID_CONF_DIR,
			       names.list[i]->d_name);
		r = load_file(conf, dir, names.list[i]->d_name, shown, follow, place);
	}
	return r;
}

int subid_conf_load(int etc, const char *vendor, bool follow, struct subid_conf *ret,
		    struct subid_conf_place *ret_place)
{
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	struct subid_conf_place place = { .file = "" };
	int r;

	r = load_file(&conf, etc, SUBID_CONF_FILE, SUBID_CONF_FILE, follow, &place);
	if (r == -ENOENT && vendor != NULL)
		r = load_vendor(&conf, vendor, &place);
	if (r == 0 || r == -ENOENT)
		r = load_drop_ins(&conf, etc, follow, &place);
	if (r != 0) {
		*ret_place = place;
		return r;
	}
	*ret = conf;
	conf = (struct subid_conf){ .n_rules = 0 };
	return 0;
}
