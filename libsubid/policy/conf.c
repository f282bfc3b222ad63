/* SPDX-License-Identifier: MIT */
/*
 * What a struct subid_conf holds, and which files it is read from.
 */
#include "libsubid/policy/policy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libsubid/core/core.h"
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
	free(conf->allowed);
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

int subid_conf_add_rule(struct subid_conf *conf, const struct subid_conf_rule *rule)
{
	if (array_grow(&conf->rules, conf->n_rules, sizeof(*conf->rules)) < 0)
		return -ENOMEM;
	conf->rules[conf->n_rules++] = *rule;
	return 0;
}

int subid_conf_add_reserve(struct subid_conf *conf,
			   const struct subid_conf_reserve *reserve)
{
	if (array_grow(&conf->reserved, conf->n_reserved, sizeof(*conf->reserved)) < 0)
		return -ENOMEM;
	conf->reserved[conf->n_reserved++] = *reserve;
	return 0;
}

int subid_conf_add_allowance(struct subid_conf *conf,
			     const struct subid_allowance *allowance)
{
	if (array_grow(&conf->allowed, conf->n_allowed, sizeof(*conf->allowed)) < 0)
		return -ENOMEM;
	conf->allowed[conf->n_allowed++] = *allowance;
	return 0;
}

int subid_conf_add_acceptance(struct subid_conf *conf,
			      const struct subid_acceptance *acceptance)
{
	if (array_grow(&conf->accepted, conf->n_accepted, sizeof(*conf->accepted)) < 0)
		return -ENOMEM;
	conf->accepted[conf->n_accepted++] = *acceptance;
	return 0;
}

int subid_conf_add_file(struct subid_conf *conf, const char *name, const char *text,
			size_t size, const struct subid_conf_file **ret)
{
	struct subid_conf_file file;

	if (array_grow(&conf->files, conf->n_files, sizeof(*conf->files)) < 0)
		return -ENOMEM;
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

/* A reading of the files. */
struct reading {
	struct subid_conf *conf;
	bool follow;
	const struct subid_conf_reporter *reporter; /* or NULL */
	struct subid_conf_place place;
};

/* A file as a whole, or the directory, is wrong. */
static int invalid(struct reading *reading, const char *why)
{
	reading->place.place = (struct subid_place){ .key = "it", .why = why };
	if (reading->reporter == NULL)
		return SUBID_INVALID;
	return reading->reporter->wrong(reading->reporter->data, &reading->place);
}

static void set_place(struct reading *reading, const char *dir, const char *name)
{
	char *file = reading->place.file;

	(void)snprintf(file, sizeof(reading->place.file), "%s%s%s", dir,
		       dir[0] == '\0' ? "" : "/", name);
}

/* Adds the file name in dir, called so in messages.  -ENOENT if there is none. */
static int load_file(struct reading *reading, int dir, const char *called,
		     const char *name, bool follow)
{
	auto_text struct subid_text text = { .bytes = NULL };
	struct stat st;
	int r;

	set_place(reading, called, name);
	/* Threat: a file without end, or one of gigabytes, must not take the memory
	 * of whoever logs in. */
	if (fstatat(dir, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_size > SUBID_CONF_SIZE_MAX)
		return invalid(reading, "is larger than 1 MiB");
	r = subid_text_read(dir, name, follow, &text);
	if (r == 0)
		r = subid_conf_parse_on(reading->conf, reading->place.file, text.bytes,
					text.size, reading->reporter,
					&reading->place.place);
	return r;
}

static int load_vendor(struct reading *reading, const char *vendor)
{
	auto_close int dir =
	    file_open(AT_FDCWD, vendor, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0) {
		set_place(reading, vendor, SUBID_CONF_FILE);
		return dir;
	}
	return load_file(reading, dir, vendor, SUBID_CONF_FILE, true);
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

static int load_drop_ins(struct reading *reading, int etc)
{
	__attribute__((cleanup(names_free))) struct names names = { .n = 0 };
	int flags =
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC | (reading->follow ? 0 : O_NOFOLLOW);
	auto_close int dir = file_open(etc, SUBID_CONF_DIR, flags);
	int r = 0;

	if (dir == -ENOENT)
		return 0;
	if (dir >= 0)
		names.n = scandirat(dir, ".", &names.list, is_drop_in, by_bytes);
	if (dir < 0 || names.n < 0) {
		r = dir < 0 ? dir : -errno;
		set_place(reading, "", SUBID_CONF_DIR);
		return r;
	}
	if (names.n > SUBID_CONF_FILES_MAX) {
		set_place(reading, "", SUBID_CONF_DIR);
		return invalid(reading, "has more than 1000 files");
	}
	for (int i = 0; r == 0 && i < names.n; i++)
		r = load_file(reading, dir, SUBID_CONF_DIR, names.list[i]->d_name,
			      reading->follow);
	return r;
}

int subid_conf_check(int etc, const char *vendor, bool follow,
		     const struct subid_conf_reporter *reporter, struct subid_conf *ret,
		     struct subid_conf_place *ret_place)
{
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	struct reading reading = {
		.conf = &conf,
		.follow = follow,
		.reporter = reporter,
	};
	int r;

	r = load_file(&reading, etc, "", SUBID_CONF_FILE, follow);
	if (r == -ENOENT && vendor != NULL)
		r = load_vendor(&reading, vendor);
	if (r == 0 || r == -ENOENT)
		r = load_drop_ins(&reading, etc);
	if (r != 0) {
		*ret_place = reading.place;
		return r;
	}
	*ret = conf;
	conf = (struct subid_conf){ .n_rules = 0 };
	return 0;
}

int subid_conf_load(int etc, const char *vendor, bool follow, struct subid_conf *ret,
		    struct subid_conf_place *ret_place)
{
	return subid_conf_check(etc, vendor, follow, NULL, ret, ret_place);
}

int subid_conf_load_file(const char *path, struct subid_conf *ret,
			 struct subid_conf_place *ret_place)
{
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	struct reading reading = { .conf = &conf };
	int r = load_file(&reading, AT_FDCWD, "", path, true);

	if (r != 0) {
		*ret_place = reading.place;
		return r;
	}
	*ret = conf;
	conf = (struct subid_conf){ .n_rules = 0 };
	return 0;
}
