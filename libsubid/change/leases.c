/* SPDX-License-Identifier: MIT */
/*
 * What stores of leases say: their lines, and the store of another user, which is read,
 * for root, as all that a user keeps at home.  Nothing else opens what lies there.
 *
 * Threat: the user owns it all, and can mount a file system (FUSE) over it that never
 * answers.  So a child looks, while root waits for no longer than it wants to.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/child.h"
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

/* --- a user's home, for root ---------------------------------------------------------
 */

#define TEXT_OF(value) #value
#define TEXT(value)    TEXT_OF(value)
#define RUNTIME_MAX    1000000 /* ranges: as many as the library takes of one place */

const char *home_error(int error)
{
	if (error == -ETIMEDOUT)
		return "does not answer within " TEXT(HOME_PATIENCE_S) " s";
	if (error == -ETIME)
		return "is not waited for, since others have not answered";
	if (error == -ELOOP)
		return "it, or a file in it, is a symbolic link, which is not followed";
	return strerror(-error);
}

/* Has a child send what it found, size bytes, and up to max bytes behind it, all of
 * which *sent has. */
static int ask(child_work *work, const void *wanted, struct homes *homes, size_t max,
	       void *found, size_t size, struct subid_text *sent)
{
	struct child_patience patience = { homes->one_ms, homes->all_ms };
	int r = child_run(work, wanted, -1, size + max, &patience, sent);

	homes->all_ms = patience.all_ms;
	if (r == 0 && sent->size < size)
		r = -EIO;
	if (r == 0)
		memcpy(found, sent->bytes, size);
	return r;
}

/* What the child finds, before the ranges. */
struct found_runtimes {
	int error;
	struct subid_runtime_state state;
};

struct wanted_runtimes {
	const char *home;
	const struct subid_runtime_place *place;
};

/* The child.  Names of runtimes are constants: the parent has them at the same
 * addresses. */
static int send_runtimes(const void *data, int writer)
{
	const struct wanted_runtimes *wanted = data;
	struct subid_runtime_place place = *wanted->place;
	struct found_runtimes found = { .error = 0 };
	const struct subid_runtime_state *state = &found.state;
	int r;

	place.dir = open(wanted->home, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place.dir >= 0)
		found.error = subid_runtime_read(&place, &found.state);
	else if (errno != ENOENT && errno != ENOTDIR)
		found.error = -errno;
	r = child_send(writer, &found, sizeof(found));
	return r == 0 ? child_send(writer, state->list, state->n * sizeof(*state->list))
		      : r;
}

void runtimes_name_below(struct subid_runtime_state *state, const char *dir)
{
	char path[sizeof(state->unread)];

	if (state->n_unread == 0)
		return;
	(void)memcpy(path, state->unread, sizeof(path));
	if (snprintf(state->unread, sizeof(state->unread), "%s/%s", dir, path) < 0)
		state->unread[0] = '\0'; /* a name that is cut is no error */
}

/* Adds what another reading has found.  0 or -ENOMEM. */
static int add_state(struct subid_runtime_state *state,
		     const struct subid_runtime_state *more, const char *ranges)
{
	for (size_t i = 0; i < more->n; i++) {
		if (array_grow(&state->list, state->n, sizeof(*state->list)) < 0)
			return -ENOMEM;
		memcpy(&state->list[state->n++], ranges + i * sizeof(*state->list),
		       sizeof(*state->list));
	}
	if (more->n_unread > 0 &&
	    (state->n_unread == 0 || (more->error < 0 && state->error > 0))) {
		state->error = more->error;
		memcpy(state->unread, more->unread, sizeof(state->unread));
	}
	state->n_unread += more->n_unread;
	return 0;
}

int home_read_runtimes(const char *home, const struct subid_runtime_place *place,
		       struct homes *homes, struct subid_runtime_state *state)
{
	const struct wanted_runtimes wanted = { home, place };
	auto_text struct subid_text sent = { .bytes = NULL };
	struct found_runtimes found;
	int r = ask(send_runtimes, &wanted, homes,
		    (size_t)RUNTIME_MAX * sizeof(struct subid_runtime_range), &found,
		    sizeof(found), &sent);

	if (r < 0)
		return r;
	if (found.error < 0)
		return found.error;
	if (sent.size - sizeof(found) != found.state.n * sizeof(*found.state.list))
		return -EIO;
	runtimes_name_below(&found.state, home);
	return add_state(state, &found.state, sent.bytes + sizeof(found));
}
