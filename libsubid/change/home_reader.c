/* SPDX-License-Identifier: MIT */
/*
 * What another user keeps at home, a store and what runtimes write down, is read for root
 * here, and nothing else opens what lies there.
 *
 * Threat: the user owns it all, and can mount a file system (FUSE) over it that never
 * answers.  So a child looks, while root waits for no longer than it wants to.  For the
 * stores of many there is one child, since to begin one takes longer than most stores
 * take to be read; when it does not answer, the next user gets a new one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/child.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"

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

/* What is asked for; of home, only the bytes up to its NUL are sent. */
struct request {
	uint32_t uid;
	size_t file_max;
	char home[PATH_MAX];
};

/* What the child finds, before the bytes of the two files. */
struct found {
	int error; /* SUBID_ABSENT: there is no store */
	size_t sizes[SUBID_KINDS];
};

struct home_reader {
	int requests; /* a socket; -1: there is no child */
	int reader;
};

/* --- the child -----------------------------------------------------------------------
 */

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

static int send_store(const void *data, int writer)
{
	const struct request *request = data;
	auto_text struct subid_text uids = { .size = 0 }, gids = { .size = 0 };
	struct subid_text texts[SUBID_KINDS] = { { .size = 0 }, { .size = 0 } };
	struct found found = { .error = 0 };
	auto_close int dir = -1;
	int r;

	found.error = subid_lease_open_user(request->home, request->uid, &dir);
	if (found.error == 0)
		found.error = read_files(dir, request->file_max, &found, texts);
	uids = texts[SUBID_UID];
	gids = texts[SUBID_GID];
	r = child_send(writer, &found, sizeof(found));
	for (enum subid_kind kind = 0; r == 0 && found.error == 0 && kind < SUBID_KINDS;
	     kind++)
		r = child_send(writer, texts[kind].bytes, found.sizes[kind]);
	return r;
}

/* Whoever waited has left by then.  A file system that has not begun to answer does not
 * keep a process that is killed. */
static void end_by_itself(void)
{
	sigset_t only;

	(void)sigemptyset(&only);
	(void)sigaddset(&only, SIGALRM);
	(void)signal(SIGALRM, SIG_DFL);
	(void)sigprocmask(SIG_UNBLOCK, &only, NULL);
	(void)alarm(HOME_PATIENCE_S + 1);
}

/*
 * Until nobody asks any more, which is also when the program has ended.  A program that
 * waits for all of its children does not wait for this one: it is its child's.
 */
static int serve(const void *data, int writer)
{
	const int *requests = data;
	struct request request;
	pid_t pid = fork();
	int r = 0;

	if (pid != 0)
		return pid < 0 ? -errno : 0;
	while (r == 0 && recv(*requests, &request, sizeof(request), 0) > 0) {
		end_by_itself();
		r = send_store(&request, writer);
		(void)alarm(0);
	}
	return r;
}

/* --- the parent ----------------------------------------------------------------------
 */

static void leave(struct home_reader *reader)
{
	cleanup_close(&reader->requests);
	cleanup_close(&reader->reader);
	reader->requests = reader->reader = -1;
}

void home_reader_make(struct home_reader **reader)
{
	if (*reader == NULL)
		*reader = malloc(sizeof(**reader));
	else
		return;
	if (*reader != NULL)
		**reader = (struct home_reader){ -1, -1 };
}

void home_reader_free(struct home_reader **reader)
{
	if (*reader != NULL)
		leave(*reader);
	free(*reader);
	*reader = NULL;
}

static int start(struct home_reader *reader)
{
	auto_close int ours = -1, theirs = -1;
	struct child child;
	int ends[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	ours = ends[0];
	theirs = ends[1];
	r = child_start(serve, &theirs, theirs, &child);
	if (r < 0)
		return r;
	reader->reader = fcntl(child.reader, F_DUPFD_CLOEXEC, 0);
	r = reader->reader < 0 ? -errno : 0;
	if (!child_end(&child, false) && r == 0)
		r = -EAGAIN;
	reader->requests = ours;
	ours = -1;
	return r;
}

/* What the child answers to one request, and the bytes of the files. */
static int hear(const struct home_reader *reader, const struct request *request,
		struct child_patience *patience, struct found *found,
		struct subid_text *files)
{
	const struct child child = { .reader = reader->reader };
	auto_text struct subid_text head = { .bytes = NULL };
	size_t size = offsetof(struct request, home) + strlen(request->home) + 1;
	int r;

	if (send(reader->requests, request, size, MSG_NOSIGNAL) < 0)
		return -errno;
	r = child_hear(&child, sizeof(*found), patience, &head);
	if (r == 0 && head.size < sizeof(*found))
		r = -EPIPE;
	if (r < 0)
		return r;
	memcpy(found, head.bytes, sizeof(*found));
	size = found->error == 0 ? found->sizes[SUBID_UID] + found->sizes[SUBID_GID] : 0;
	r = child_hear(&child, size, patience, files);
	return r == 0 && files->size < size ? -EPIPE : r;
}

/* Also when somebody has ended the child meanwhile.  Whatever it has not said yet is not
 * to be taken for an answer to the next request. */
static int ask_reader(struct home_reader *reader, const struct request *request,
		      struct child_patience *patience, struct found *found,
		      struct subid_text *files)
{
	bool begun = reader->requests < 0;
	int r = begun ? start(reader) : 0;

	if (r == 0)
		r = hear(reader, request, patience, found, files);
	if (r < 0)
		leave(reader);
	if (r != -EPIPE || begun)
		return r;
	subid_text_free(files);
	return ask_reader(reader, request, patience, found, files);
}

/* A child of its own. */
static int ask_child(const struct request *request, struct child_patience *patience,
		     struct found *found, struct subid_text *files)
{
	auto_text struct subid_text sent = { .bytes = NULL };
	size_t max = sizeof(*found) + SUBID_KINDS * request->file_max;
	int r = child_run(send_store, request, -1, max, patience, &sent);

	if (r < 0)
		return r;
	if (sent.size < sizeof(*found))
		return -EIO;
	memcpy(found, sent.bytes, sizeof(*found));
	sent.size -= sizeof(*found);
	memmove(sent.bytes, sent.bytes + sizeof(*found), sent.size + 1);
	*files = sent;
	sent.bytes = NULL;
	return 0;
}

int home_read_store(const char *home, uint32_t uid, struct homes *homes,
		    struct home_store *ret)
{
	struct request request = { .uid = uid, .file_max = homes->file_max };
	struct child_patience patience = { homes->one_ms, homes->all_ms };
	auto_text struct subid_text files = { .bytes = NULL };
	struct found found;
	int r;

	if (strlen(home) >= sizeof(request.home))
		return -ENAMETOOLONG;
	(void)strcpy(request.home, home);
	if (patience.all_ms <= 0)
		return -ETIME;
	r = homes->reader != NULL
		? ask_reader(homes->reader, &request, &patience, &found, &files)
		: ask_child(&request, &patience, &found, &files);
	homes->all_ms = patience.all_ms;
	if (r < 0)
		return r;
	if (found.error < 0)
		return found.error;
	*ret = (struct home_store){ .sizes = { 0 } };
	if (found.error == SUBID_ABSENT)
		return 0;
	if (files.size != found.sizes[SUBID_UID] + found.sizes[SUBID_GID])
		return -EIO;
	ret->text = files;
	memcpy(ret->sizes, found.sizes, sizeof(ret->sizes));
	files.bytes = NULL;
	return 0;
}

/* --- what runtimes have written down there --------------------------------------------
 */

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
