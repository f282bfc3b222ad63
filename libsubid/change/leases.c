/* SPDX-License-Identifier: MIT */
/*
 * What stores of leases say: their lines, and where the store of another user is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"

void subid_leases_free(struct subid_leases *leases)
{
	for (size_t i = 0; i < leases->n_texts; i++)
		free(leases->texts[i]);
	free(leases->texts);
	free(leases->list);
	*leases = (struct subid_leases){ .list = NULL };
}

bool subid_lease_name_valid(const char *name, size_t len)
{
	if (len == 0 || len > SUBID_LEASE_NAME_MAX || strchr(".@+-", name[0]) != NULL)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') ||
		      (c != '\0' && strchr("_.@+-", c) != NULL)))
			return false;
	}
	return true;
}

size_t subid_lease_owner(const char *text)
{
	const char *slash = strchr(text, '/');

	return slash == NULL ? 0 : (size_t)(slash - text);
}

static int add_lease(struct subid_leases *leases, const struct subid_lease *lease)
{
	if (array_grow(&leases->list, leases->n, sizeof(*leases->list)) < 0)
		return -ENOMEM;
	leases->list[leases->n++] = *lease;
	return 0;
}

/* The text of a store's file, or a user's name, stays with the leases. */
static int keep_text(struct subid_leases *leases, char *text)
{
	if (array_grow(&leases->texts, leases->n_texts, sizeof(*leases->texts)) < 0) {
		free(text);
		return -ENOMEM;
	}
	leases->texts[leases->n_texts++] = text;
	return 0;
}

static void count_odd(struct subid_leases *leases, enum subid_kind kind, size_t line)
{
	if (leases->n_odd[kind]++ == 0)
		leases->odd_line[kind] = line;
}

/* A line's owner becomes one or two texts, where it stands: ends are written over
 * the '/' and the ':'.  0, SUBID_INVALID, -ENOMEM. */
static int add_line(struct subid_leases *leases, struct subid_lease lease, char *line,
		    size_t len)
{
	const char *user = lease.owner;
	struct subid_line parsed;
	char *slash;

	if (subid_line_parse(line, len, &parsed) != 0)
		return SUBID_INVALID;
	if (subid_owner_is_hold(parsed.owner, parsed.owner_len))
		return 0;
	lease.name = line;
	lease.range = parsed.range;
	slash = memchr(line, '/', parsed.owner_len);
	if (user == NULL) {
		/* the beginning of a valid owner, which must be one, too */
		if (slash == NULL || slash == line || slash[-1] == ' ')
			return SUBID_INVALID;
		lease.owner = line;
		lease.name = slash + 1;
	}
	line[parsed.owner_len] = '\0';
	if (!subid_lease_name_valid(lease.name, strlen(lease.name)))
		return SUBID_INVALID;
	if (user == NULL)
		*slash = '\0';
	return add_lease(leases, &lease);
}

static int load_kind(struct subid_leases *leases, int state, enum subid_kind kind,
		     const char *user)
{
	struct subid_text text = { .bytes = NULL };
	int r = subid_text_read_max(
	    state, subid_kind_table(kind), false,
	    user != NULL ? SUBID_LEASE_SIZE_MAX : SUBID_FILE_SIZE_MAX, &text);

	if (r == -ENOENT)
		return 0;
	return r == 0 ? subid_leases_parse(kind, user, &text, leases) : r;
}

int subid_leases_parse(enum subid_kind kind, const char *user, struct subid_text *text,
		       struct subid_leases *leases)
{
	struct subid_lease lease = { .kind = kind, .owner = user };
	struct subid_text lines = *text;
	const char *line;
	size_t pos = 0, len;
	int r;

	*text = (struct subid_text){ .bytes = NULL };
	r = keep_text(leases, lines.bytes);
	while (r == 0 && subid_text_next(&lines, &pos, &line, &len)) {
		lease.line++;
		r = add_line(leases, lease, lines.bytes + (line - lines.bytes), len);
		if (r > 0)
			count_odd(leases, kind, lease.line);
		r = r > 0 ? 0 : r;
	}
	return r;
}

int subid_leases_load(int state, const char *user, struct subid_leases *leases)
{
	const struct subid_leases before = *leases;
	char *kept = NULL;
	int r = 0;

	if (user != NULL) {
		kept = strdup(user);
		r = kept == NULL ? -ENOMEM : keep_text(leases, kept);
	}
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = load_kind(leases, state, kind, kept);
	if (r == 0)
		return 0;
	leases->n = before.n;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		leases->n_odd[kind] = before.n_odd[kind];
		leases->odd_line[kind] = before.odd_line[kind];
	}
	while (leases->n_texts > before.n_texts)
		free(leases->texts[--leases->n_texts]);
	return r;
}

int subid_lease_open_user(const char *home, uint32_t uid, int *ret_dir)
{
	auto_close int dir = open(home, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = -1;
	struct stat st;

	if (dir < 0)
		return errno == ENOENT ? SUBID_ABSENT : -errno;
	/* a mount is crossed only on the way to home, which root has made */
	fd = beneath_reach(dir, SUBID_LEASE_USER_DIR, O_RDONLY | O_DIRECTORY | O_NONBLOCK,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	if (fd < 0)
		return fd == -ENOENT ? SUBID_ABSENT : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != uid)
		return -EPERM;
	*ret_dir = fd;
	fd = -1;
	return 0;
}
