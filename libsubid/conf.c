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
	char **list;
	size_t n;
};

static void names_free(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->list[i]);
	free(names->list);
}

static void dir_close(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir); /* only read */
}

static bool is_drop_in(const char *name)
{
	static const char suffix[] = ".conf";
	size_t len = strlen(name);

	return name[0] != '.' && len >= sizeof(suffix) &&
	       strcmp(name + len - strlen(suffix), suffix) == 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Takes fd over. */
static int list_drop_ins(int fd, struct names *ret, struct subid_place *place)
{
	__attribute__((cleanup(dir_close))) DIR *dir = fdopendir(fd);

	if (dir == NULL) {
		int error = errno;

		(void)close(fd); /* nothing was written */
		return -error;
	}
	ret->list = calloc(SUBID_CONF_FILES_MAX, sizeof(*ret->list));
	if (ret->list == NULL)
		return -ENOMEM;
	for (;;) {
		const struct dirent *entry;

		errno = 0;
		entry = readdir(dir);
		if (entry == NULL)
			break;
		if (!is_drop_in(entry->d_name))
			continue;
		if (ret->n == SUBID_CONF_FILES_MAX)
			return invalid(place, "it", "has more than 1000 files");
		ret->list[ret->n] = strdup(entry->d_name);
		if (ret->list[ret->n] == NULL)
			return -ENOMEM;
		ret->n++;
	}
	if (errno != 0)
		return -errno;
	qsort(ret->list, ret->n, sizeof(*ret->list), by_bytes);
	return 0;
}

static int load_drop_ins(struct subid_conf *conf, int etc, bool follow,
			 struct subid_conf_place *place)
{
	__attribute__((cleanup(names_free))) struct names names = { .n = 0 };
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
	auto_close int dir = openat(etc, SUBID_CONF_DIR, flags);
	int listing, r;

	(void)snprintf(place->file, sizeof(place->file), "%s", SUBID_CONF_DIR);
	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	listing = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (listing < 0)
		return -errno;
	r = list_drop_ins(listing, &names, &place->place);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char shown[SUBID_CONF_NAME_SIZE];

		(void)snprintf(shown, sizeof(shown), "%s/%s", SUBID_CONF_DIR,
			       names.list[i]);
		r = load_file(conf, dir, names.list[i], shown, follow, place);
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
