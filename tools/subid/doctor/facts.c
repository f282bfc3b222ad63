/* SPDX-License-Identifier: MIT */
/*
 * What the checks have in common: the tables, the mounts, small files.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "tools/subid/doctor/doctor.h"

char *doctor_text(const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	return n < 0 ? strerror(ENOMEM) : text; /* the child ends soon */
}

bool doctor_line(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		(void)close(fd); /* only read */
	if (n < 0)
		return false;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return true;
}

long long doctor_number(const char *path)
{
	char buf[64];
	char *end;
	long long number;

	if (!doctor_line(path, buf, sizeof(buf)) || !isdigit((unsigned char)buf[0]))
		return -1;
	number = strtoll(buf, &end, 10);
	return *end == '\0' ? number : -1;
}

bool doctor_status(const char *name, char *buf, size_t size)
{
	FILE *file = fopen("/proc/self/status", "re");
	size_t len = strlen(name);
	bool found = false;
	char line[512];

	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, name, len) != 0 || line[len] != ':')
			continue;
		line[strcspn(line, "\n")] = '\0';
		(void)snprintf(buf, size, "%s",
			       line + len + 1 + strspn(line + len + 1, " \t"));
		found = true;
	}
	if (file != NULL)
		(void)fclose(file); /* only read */
	return found;
}

/* A path in mountinfo, in which blanks and the like are octal. */
static void copy_path(const char *from, size_t len, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++) {
		unsigned int c;

		if (from[i] == '\\' && i + 3 < len &&
		    sscanf(from + i + 1, "%3o", &c) == 1) {
			buf[n++] = (char)c;
			i += 3;
		} else {
			buf[n++] = from[i];
		}
	}
	buf[n] = '\0';
}

static bool has_option(const char *options, size_t len, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= len; i++)
		if ((i == 0 || options[i - 1] == ',') &&
		    strncmp(options + i, word, n) == 0 &&
		    (i + n == len || options[i + n] == ','))
			return true;
	return false;
}

/* Does path lie at or below where? */
static bool lies_below(const char *path, const char *where)
{
	size_t len = strlen(where);

	if (strcmp(where, "/") == 0)
		return true;
	return strncmp(path, where, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* "36 35 98:0 /root /where rw,noatime shared:1 - ext3 /dev/root rw" */
static bool read_mount(const char *line, size_t len, struct doctor_mount *ret)
{
	const char *at = line, *end = line + len, *dash, *options;
	size_t n = 0;

	for (int i = 0; i < 4; i++) /* ids, device, root */
		if ((n = text_word(&at, end)) == 0)
			return false;
	n = text_word(&at, end);
	copy_path(at - n, n, ret->where, sizeof(ret->where));
	n = text_word(&at, end);
	options = at - n;
	ret->noexec = has_option(options, n, "noexec");
	ret->nosuid = has_option(options, n, "nosuid");
	ret->readonly = has_option(options, n, "ro");
	ret->idmapped = has_option(options, n, "idmapped");
	dash = memmem(at, (size_t)(end - at), " - ", 3);
	if (dash == NULL)
		return false;
	at = dash + 3;
	n = text_word(&at, end);
	(void)snprintf(ret->type, sizeof(ret->type), "%.*s", (int)n, at - n);
	(void)text_word(&at, end); /* the device */
	n = text_word(&at, end);
	ret->readonly |= has_option(at - n, n, "ro");
	return true;
}

bool doctor_find_mount(const struct doctor *d, const char *path, struct doctor_mount *ret)
{
	struct doctor_mount mount;
	bool found = false;
	const char *line;
	size_t pos = 0, len;

	while (subid_text_next(&d->mountinfo, &pos, &line, &len)) {
		if (!read_mount(line, len, &mount) || !lies_below(path, mount.where) ||
		    (found && strlen(mount.where) < strlen(ret->where)))
			continue;
		*ret = mount; /* of two at one place, the later covers the other */
		found = true;
	}
	return found;
}

static void read_mountinfo(struct doctor *d)
{
	auto_close int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)subid_text_read_fd(fd, SUBID_SETTINGS_SIZE_MAX, &d->mountinfo);
}

int doctor_read(struct doctor *d)
{
	d->etc = cli_open_etc(d->cli);
	if (d->etc < 0)
		return -ENOENT;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		int r = subid_text_read(d->etc, subid_kind_table(kind), false,
					&d->tables[kind]);

		d->table_error[kind] = r;
		if (r == 0 &&
		    subid_owned_ranges(&d->tables[kind], d->owner->spellings, d->owner->n,
				       &d->lines[kind], &d->n_lines[kind]) < 0)
			return -ENOMEM;
		if (d->cli->root == NULL) {
			d->listing_error[kind] =
			    subid_listing_read(d->etc, kind, d->name, &d->listing[kind]);
			continue;
		}
		d->listing_error[kind] = r == -ENOENT ? 0 : r;
		d->listing[kind] = (struct subid_listing){
			.ranges = d->lines[kind],
			.n = d->n_lines[kind],
			.file = subid_kind_table(kind),
		};
	}
	if (d->cli->root == NULL)
		read_mountinfo(d);
	doctor_find_helpers(d);
	return 0;
}

bool doctor_holds(const struct doctor *d, enum subid_kind kind, uint32_t id)
{
	for (size_t i = 0; i < d->listing[kind].n; i++) {
		struct id_range range = d->listing[kind].ranges[i].range;

		if (id >= range.start && id < id_range_end(range))
			return true;
	}
	return false;
}

uint64_t doctor_count(const struct doctor *d, enum subid_kind kind)
{
	uint64_t count = 0;

	for (size_t i = 0; i < d->listing[kind].n; i++)
		count += d->listing[kind].ranges[i].range.count;
	return count;
}

/* graphroot of the user's storage.conf, or NULL. */
static const char *graphroot(const struct doctor *d)
{
	const char *path = doctor_text("%s/.config/containers/storage.conf", d->home);
	FILE *file = fopen(path, "re");
	char line[PATH_MAX], *quote;
	const char *found = NULL;
	struct stat st;

	if (file != NULL && (fstat(fileno(file), &st) < 0 || !S_ISREG(st.st_mode))) {
		(void)fclose(file);
		return NULL;
	}
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		char *key = line + strspn(line, " \t");

		if ((strncmp(key, "graphroot", 9) != 0 &&
		     strncmp(key, "rootless_storage_path", 21) != 0) ||
		    (quote = strchr(key, '"')) == NULL || quote[1] != '/')
			continue;
		quote[1 + strcspn(quote + 1, "\"")] = '\0';
		found = doctor_text("%s", quote + 1);
	}
	if (file != NULL)
		(void)fclose(file); /* only read */
	return found;
}

const char *doctor_storage(const struct doctor *d, unsigned int runtime)
{
	const char *set = NULL;

	if (d->home == NULL)
		return NULL;
	if (runtime == DOCTOR_PODMAN && d->as_owner)
		set = graphroot(d);
	if (set != NULL)
		return set;
	switch (runtime) {
	case DOCTOR_PODMAN:
		return doctor_text("%s/.local/share/containers/storage", d->home);
	case DOCTOR_DOCKER:
		return doctor_text("%s/.local/share/docker", d->home);
	case DOCTOR_LXC:
		return doctor_text("%s/.local/share/lxc", d->home);
	default:
		return doctor_text("%s", d->home);
	}
}

bool doctor_installed(const char *program)
{
	static const char *const places[] = { "/usr/local/bin/%s", "/usr/bin/%s",
					      "/bin/%s" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%.*s%s", (int)strlen(places[i]) - 2,
			       places[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

bool doctor_for(const struct doctor *d, unsigned int runtimes)
{
	return runtimes == 0 || d->runtime == 0 || (d->runtime & runtimes) != 0;
}
