/* SPDX-License-Identifier: MIT */
/*
 * What the PAM module and the program that it runs have in common.
 */
#include "libsubid/policy/policy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "libsubid/core/core.h"
#include "libsubid/maps/maps.h"

/* --- options ------------------------------------------------------------------------ */

enum value { FLAG, NUMBER, PATH, TEXT };

static const struct option {
	const char *key;
	enum value value;
	size_t at; /* in struct login_options */
	uint32_t min, max;
} options[] = {
	{ "timeout", NUMBER, offsetof(struct login_options, timeout_s), 0, 60 },
	{ "count", NUMBER, offsetof(struct login_options, count), 1, UINT32_MAX },
	{ "min_uid", NUMBER, offsetof(struct login_options, min_uid), 0, UINT32_MAX },
	{ "conf", PATH, offsetof(struct login_options, conf), 0, 0 },
	{ "required_for", TEXT, offsetof(struct login_options, required_for), 0, 0 },
	{ "debug", FLAG, offsetof(struct login_options, debug), 0, 0 },
};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

_Static_assert(N_OPTIONS == LOGIN_WORDS_MAX, "an argument for each");

/* value: what is after the '='; NULL: there is none. */
static bool take(struct login_options *ret, const struct option *option,
		 const char *value)
{
	void *at = (char *)ret + option->at;
	uint32_t number;

	if ((option->value == FLAG) != (value == NULL))
		return false;
	switch (option->value) {
	case FLAG:
		*(bool *)at = true;
		return true;
	case NUMBER:
		if (subid_id_parse(value, strlen(value), &number) != 0 ||
		    number < option->min || number > option->max)
			return false;
		*(uint32_t *)at = number;
		return true;
	case PATH:
	case TEXT:
		if (value[0] == '\0' || (option->value == PATH && value[0] != '/'))
			return false;
		*(const char **)at = value;
		return true;
	}
	return false;
}

bool login_option_read(struct login_options *ret, const char *argument)
{
	size_t len = strcspn(argument, "=");

	for (size_t i = 0; i < N_OPTIONS; i++)
		if (strlen(options[i].key) == len &&
		    memcmp(options[i].key, argument, len) == 0)
			return take(ret, &options[i],
				    argument[len] == '=' ? argument + len + 1 : NULL);
	return false;
}

/* One; *ret stays as it is if it is not set.  0 or -ENOMEM. */
static int print_option(const struct login_options *of, const struct option *option,
			char **ret)
{
	const void *at = (const char *)of + option->at;
	const char *text;
	int n = 0;

	switch (option->value) {
	case FLAG:
		if (*(const bool *)at)
			n = asprintf(ret, "%s", option->key);
		break;
	case NUMBER:
		if (*(const uint32_t *)at >= option->min)
			n = asprintf(ret, "%s=%u", option->key, *(const uint32_t *)at);
		break;
	case PATH:
	case TEXT:
		text = *(const char *const *)at;
		if (text != NULL)
			n = asprintf(ret, "%s=%s", option->key, text);
		break;
	}
	return n < 0 ? -ENOMEM : 0;
}

int login_options_print(const struct login_options *of, char *ret[LOGIN_WORDS_MAX],
			size_t *ret_n)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < N_OPTIONS; i++) {
		char *word = NULL;

		r = print_option(of, &options[i], &word);
		if (r == 0 && word != NULL)
			ret[n++] = word;
	}
	while (r < 0 && n > 0)
		free(ret[--n]);
	if (r == 0)
		*ret_n = n;
	return r;
}

/* --- the look -------------------------------------------------------------------------
 */

/* With more names than these each line is looked up among them. */
#define NAMES_FEW 8

/* Is the owner of the line, which is size bytes at least, one of the names? */
static bool is_owned(const char *line, size_t size, const struct subid_owner *owner)
{
	for (size_t i = 0; i < owner->n; i++) {
		const struct subid_owner_name *name = &owner->spellings[i];

		/* most names of a site have the same beginning */
		if (name->len > 0 && size > name->len && line[name->len] == ':' &&
		    line[name->len - 1] == name->text[name->len - 1] &&
		    memcmp(line, name->text, name->len) == 0)
			return true;
	}
	return false;
}

/* The ids of one kind that this process's user namespace has; read when a line asks. */
struct own_ids {
	enum subid_kind kind;
	bool read;
	bool all; /* it could not be read */
	struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	size_t n;
};

#define MAP_SIZE_MAX ((size_t)SUBID_MAP_LINES_MAX * 64)

static void read_own_ids(struct own_ids *own)
{
	static const char *const files[SUBID_KINDS] = { "/proc/self/uid_map",
							"/proc/self/gid_map" };
	auto_text struct subid_text text = { .bytes = NULL };

	own->read = true;
	own->all = subid_text_read_max(AT_FDCWD, files[own->kind], false, MAP_SIZE_MAX,
				       &text) != 0 ||
		   subid_map_parse(text.bytes, text.size, own->lines, &own->n) != 0;
}

/* Does one of the ids exist? */
static bool exists(struct own_ids *own, struct id_range range)
{
	if (!own->read)
		read_own_ids(own);
	for (size_t i = 0; !own->all && i < own->n; i++)
		if (id_range_overlaps(own->lines[i].inside, range))
			return true;
	return own->all;
}

/*
 * The same as subid_owned_ranges(), up to the first one: each login of a site with ten
 * thousands of users waits for this.  0, SUBID_ABSENT or SUBID_DENIED.
 */
static int find_line(const struct subid_text *text, const struct subid_owner *owner,
		     struct own_ids *own)
{
	size_t pos = 0, len;
	struct subid_line parsed;
	const char *line;
	int r = SUBID_ABSENT;

	while (subid_text_next(text, &pos, &line, &len)) {
		if (!is_owned(line, len, owner) ||
		    subid_line_parse(line, len, &parsed) != 0)
			continue;
		if (exists(own, parsed.range))
			return 0;
		r = SUBID_DENIED;
	}
	return r;
}

/* The same for an owner of many names. */
static int find_range(const struct subid_text *text, const struct subid_owner *owner,
		      struct own_ids *own)
{
	auto_free struct subid_owned_range *ranges = NULL;
	size_t n = 0;
	int r = subid_owned_ranges(text, owner->spellings, owner->n, &ranges, &n);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (exists(own, ranges[i].range))
			return 0;
	return n == 0 ? SUBID_ABSENT : SUBID_DENIED;
}

/* 0, SUBID_ABSENT, SUBID_DENIED or -errno. */
static int look_at_kind(int etc, enum subid_kind kind, const struct subid_owner *owner)
{
	auto_text struct subid_text text = { .bytes = NULL };
	struct own_ids own = { .kind = kind };
	int r = subid_text_read(etc, subid_kind_table(kind), false, &text);

	if (r == -ENOENT)
		return SUBID_ABSENT;
	if (r < 0)
		return r;
	return owner->n <= NAMES_FEW ? find_line(&text, owner, &own)
				     : find_range(&text, owner, &own);
}

int login_look(int etc, const struct subid_owner *owner)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		int r = look_at_kind(etc, kind, owner);

		if (r != 0)
			return r;
	}
	return 0;
}

static bool is_other(const struct stat *a, const struct stat *b)
{
	return a->st_ino != b->st_ino || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec ||
	       a->st_mtim.tv_sec != b->st_mtim.tv_sec;
}

bool login_tables_moved(int etc, struct login_tables *seen)
{
	bool moved = false;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct stat now = { .st_ino = 0 };

		(void)fstatat(etc, subid_kind_table(kind), &now,
			      AT_SYMLINK_NOFOLLOW); /* or none yet */
		moved = moved || is_other(&now, &seen->st[kind]);
		seen->st[kind] = now;
	}
	return moved;
}

/* --- what is remembered --------------------------------------------------------------
 */

/* FNV-1a: what goes in is root's. */
#define HASH_BEGIN 0xcbf29ce484222325ULL

static uint64_t hash(uint64_t so_far, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < size; i++)
		so_far = (so_far ^ at[i]) * 0x100000001b3ULL;
	return so_far;
}

static uint64_t hash_text(uint64_t so_far, const char *text)
{
	return text == NULL ? hash(so_far, "-", 1) : hash(so_far, text, strlen(text) + 1);
}

bool login_file_name(const char *name, const struct login_options *of,
		     char ret[LOGIN_FILE_SIZE])
{
	uint32_t numbers[] = { of->count, of->min_uid, of->debug };
	uint64_t sum = hash(HASH_BEGIN, numbers, sizeof(numbers));
	/* for the options, and their dot */
	size_t room = LOGIN_FILE_SIZE - sizeof(".0123456789abcdef"), n = 0;

	sum = hash_text(sum, SUBID_VERSION);
	sum = hash_text(hash_text(sum, of->conf), of->required_for);
	/* the name itself, so that nobody can take the place of another */
	for (const char *c = name; *c != '\0'; c++) {
		bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			     (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';

		if (n + 4 > room)
			return false;
		n += (size_t)snprintf(ret + n, room - n, plain ? "%c" : "%%%02x",
				      (unsigned char)*c);
	}
	(void)snprintf(ret + n, LOGIN_FILE_SIZE - n, ".%016llx", (unsigned long long)sum);
	return true;
}

static uint64_t stamp_one(uint64_t so_far, int dir, const char *name,
			  struct timespec *newest)
{
	struct stat st;
	uint64_t facts[8];

	so_far = hash_text(so_far, name);
	if (fstatat(dir, name, &st, 0) < 0)
		return so_far; /* a file that is not there has no facts */
	facts[0] = makedev(major(st.st_dev), minor(st.st_dev));
	facts[1] = st.st_ino;
	facts[2] = (uint64_t)st.st_size;
	facts[3] = (uint64_t)st.st_mtim.tv_sec;
	facts[4] = (uint64_t)st.st_mtim.tv_nsec;
	facts[5] = (uint64_t)st.st_ctim.tv_sec;
	facts[6] = (uint64_t)st.st_ctim.tv_nsec;
	facts[7] = st.st_mode;
	if (st.st_ctim.tv_sec > newest->tv_sec ||
	    (st.st_ctim.tv_sec == newest->tv_sec && st.st_ctim.tv_nsec > newest->tv_nsec))
		*newest = st.st_ctim;
	return hash(so_far, facts, sizeof(facts));
}

/* Those of a directory, in whatever order: their numbers are added up. */
static uint64_t stamp_dir(int etc, const char *name, struct timespec *newest)
{
	int fd = openat(etc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	uint64_t sum = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			sum += stamp_one(HASH_BEGIN, fd, entry->d_name, newest);
	if (dir != NULL)
		(void)closedir(dir);
	else if (fd >= 0)
		(void)close(fd);
	return sum;
}

uint64_t login_stamp(int etc, const char *conf, struct timespec *ret_newest)
{
	static const char *const files[] = { "subuid",	   "subgid",	  "passwd",
					     "group",	   "login.defs",  "nsswitch.conf",
					     "subid.conf", "subid.conf.d" };
	uint64_t stamp = HASH_BEGIN, drop_ins;

	*ret_newest = (struct timespec){ .tv_sec = 0 };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		stamp = stamp_one(stamp, etc, files[i], ret_newest);
	drop_ins = stamp_dir(etc, SUBID_CONF_DIR, ret_newest);
	stamp = hash(stamp, &drop_ins, sizeof(drop_ins));
	if (SUBID_ECONF) {
		drop_ins = stamp_dir(etc, "login.defs.d", ret_newest) +
			   stamp_dir(etc, "../usr/etc/login.defs.d", ret_newest);
		stamp = hash(stamp, &drop_ins, sizeof(drop_ins));
		stamp = stamp_one(stamp, etc, "../usr/etc/login.defs", ret_newest);
	}
	stamp =
	    stamp_one(stamp, AT_FDCWD, SUBID_VENDORDIR "/" SUBID_CONF_FILE, ret_newest);
	return conf == NULL ? stamp : stamp_one(stamp, AT_FDCWD, conf, ret_newest);
}
