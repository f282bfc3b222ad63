/* SPDX-License-Identifier: MIT */
/*
 * What another user keeps at home, for root.  Nothing else opens what lies there.
 *
 * Threat: the user owns it all, and can mount a file system (FUSE) over it that never
 * answers.  So a child looks, while root waits for no longer than it wants to.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/child.h"
#include "libsubid/core/core.h"

#define TEXT_OF(value) #value
#define TEXT(value)    TEXT_OF(value)
#define RUNTIME_MAX    1000000 /* ranges: as many as the library takes of one place */

const char *home_error(int error)
{
	if (error == -ETIMEDOUT)
		return "does not answer within " TEXT(HOME_PATIENCE_S) " s";
	if (error == -ETIME)
		return "is not waited for, since others have not answered";
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

/* What the child finds, before the bytes of the two files. */
struct found {
	int error; /* SUBID_ABSENT: there is no store */
	size_t sizes[SUBID_KINDS];
};

struct wanted_store {
	const char *home;
	uint32_t uid;
	size_t file_max;
};

static int read_files(int dir, size_t max, struct found *found,
		      struct subid_text texts[SUBID_KINDS])
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		int r = subid_text_read_max(dir, subid_kind_table(kind), false, max,
					    &texts[kind]);

		if (r < 0 && r != -ENOENT)
			return r;
		found->sizes[kind] = r == 0 ? texts[kind].size : 0;
	}
	return 0;
}

/* The child: it ends with this, and all that it has goes with it. */
static int send_store(const void *data, int writer)
{
	const struct wanted_store *wanted = data;
	struct subid_text texts[SUBID_KINDS] = { { .size = 0 }, { .size = 0 } };
	struct found found = { .error = 0 };
	int r, dir = -1;

	found.error = subid_lease_open_user(wanted->home, wanted->uid, &dir);
	if (found.error == 0)
		found.error = read_files(dir, wanted->file_max, &found, texts);
	r = child_send(writer, &found, sizeof(found));
	for (enum subid_kind kind = 0; r == 0 && found.error == 0 && kind < SUBID_KINDS;
	     kind++)
		r = child_send(writer, texts[kind].bytes, found.sizes[kind]);
	return r;
}

int home_read_store(const char *home, uint32_t uid, struct homes *homes,
		    struct home_store *ret)
{
	const struct wanted_store wanted = { home, uid, homes->file_max };
	auto_text struct subid_text sent = { .bytes = NULL };
	struct found found;
	int r = ask(send_store, &wanted, homes, (size_t)SUBID_KINDS * homes->file_max,
		    &found, sizeof(found), &sent);

	if (r < 0)
		return r;
	if (found.error < 0)
		return found.error;
	*ret = (struct home_store){ .sizes = { 0 } };
	if (found.error == SUBID_ABSENT)
		return 0;
	if (sent.size != sizeof(found) + found.sizes[SUBID_UID] + found.sizes[SUBID_GID])
		return -EIO;
	sent.size -= sizeof(found);
	memmove(sent.bytes, sent.bytes + sizeof(found), sent.size + 1);
	ret->text = sent;
	memcpy(ret->sizes, found.sizes, sizeof(ret->sizes));
	sent.bytes = NULL;
	return 0;
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
	if (state->n_unread == 0) {
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
	return add_state(state, &found.state, sent.bytes + sizeof(found));
}
