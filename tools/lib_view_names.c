/* SPDX-License-Identifier: MIT */
/*
 * The names that containers have for their ids, from their own files, each read once.
 *
 * Threat: the files are in the hands of whoever runs the container, and so may be the
 * file system (FUSE), which can let a reader wait for ever, or a file that only root
 * can read, mounted over passwd.  So a child reads them, as the container's process
 * and with its rights, while the parent looks at the clock.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/cleanup.h"
#include "view.h"

#define PATIENCE_MS 1000 /* with one file; with all of them, see view.h */

struct view_root {
	size_t userns;
	uint64_t mounts; /* inode of the mount namespace: containers may share userns */
	enum subid_kind kind;
	struct subid_inside_names names;
	char *last; /* the last name that was asked for, terminated */
};

void view_roots_free(struct view *view)
{
	for (size_t i = 0; i < view->n_roots; i++) {
		subid_inside_names_free(&view->roots[i].names);
		free(view->roots[i].last);
	}
	free(view->roots);
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Goes on as the process that is looked at; root alone can, and must. */
static int become(uint32_t uid, uint32_t gid)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

/* The child: hands the file to the parent, all or nothing of it. */
static int send_file(const struct view *view, size_t userns,
		     const struct subid_inside_process *process, enum subid_kind kind,
		     int writer)
{
	uint64_t inode = view->live.userns[userns].inode;
	struct subid_text text = { .bytes = NULL };
	int root, r;

	root = subid_inside_open_root(view->proc, process->pid,
				      (inode & SUBID_LIVE_GUESSED) != 0 ? 0 : inode);
	if (root < 0)
		return root;
	r = become(process->ids[SUBID_UID], process->ids[SUBID_GID]);
	if (r == 0)
		r = subid_inside_read_file(root, kind, &text);
	for (size_t sent = 0; r == 0 && sent < text.size;) {
		ssize_t n = write(writer, text.bytes + sent, text.size - sent);

		if (n < 0)
			return -errno;
		sent += (size_t)n;
	}
	return r;
}

/* What the child sends, until it ends or the time is over: then nothing. */
static bool receive(int reader, int64_t patience_ms, struct subid_text *ret)
{
	struct pollfd wait = { .fd = reader, .events = POLLIN };
	int64_t end = now_ms() + patience_ms, left;
	ssize_t n = 1;

	ret->bytes = malloc(SUBID_INSIDE_FILE_MAX + 1);
	if (ret->bytes == NULL)
		return false;
	while (n > 0 && ret->size < SUBID_INSIDE_FILE_MAX &&
	       (left = end - now_ms()) > 0) {
		if (poll(&wait, 1, (int)left) < 0 && errno != EINTR)
			break;
		if (wait.revents == 0)
			continue;
		n = read(reader, ret->bytes + ret->size,
			 SUBID_INSIDE_FILE_MAX - ret->size);
		ret->size += n > 0 ? (size_t)n : 0;
	}
	ret->bytes[ret->size] = '\0';
	return n == 0 || ret->size == SUBID_INSIDE_FILE_MAX;
}

/*
 * Ends the child.  One that hangs in a file system of somebody cannot even be killed
 * before that answers: it is left to whoever gets orphans.
 */
static bool end_child(pid_t pid, bool hangs)
{
	int status = 0;

	if (hangs)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, hangs ? WNOHANG : 0) < 0 && errno == EINTR)
		;
	return !hangs && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool read_in_child(struct view *view, size_t userns,
			  const struct subid_inside_process *process,
			  enum subid_kind kind, struct subid_text *ret)
{
	auto_close int reader = -1, writer = -1;
	int64_t start = now_ms();
	int pipes[2];
	bool done;
	pid_t pid;

	if (view->patience_ms <= 0 || pipe2(pipes, O_CLOEXEC) < 0)
		return false;
	reader = pipes[0];
	writer = pipes[1];
	(void)fflush(stdout); /* the child has a copy of what waits there */
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(send_file(view, userns, process, kind, writer) == 0 ? 0 : 1);
	}
	if (pid < 0)
		return false;
	(void)close(writer);
	writer = -1;
	done = receive(reader,
		       view->patience_ms < PATIENCE_MS ? view->patience_ms : PATIENCE_MS,
		       ret);
	view->patience_ms -= now_ms() - start;
	return end_child(pid, !done) && done;
}

/* The inode of a process's mount namespace, or 0. */
static uint64_t mounts_of(int proc, pid_t pid)
{
	char path[32], link[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%d/ns/mnt", (int)pid);
	n = readlinkat(proc, path, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = '\0';
	return strncmp(link, "mnt:[", 5) == 0 ? strtoull(link + 5, NULL, 10) : 0;
}

/* Reads a container's file; one that cannot be read has no names. */
static struct view_root *add_root(struct view *view, size_t userns, pid_t pid,
				  enum subid_kind kind, uint64_t mounts)
{
	struct view_root *grown =
	    reallocarray(view->roots, view->n_roots + 1, sizeof(*grown));
	struct view_root *root;
	struct subid_inside_process process;
	auto_text struct subid_text text = { .bytes = NULL };

	if (grown == NULL)
		return NULL;
	view->roots = grown;
	root = &view->roots[view->n_roots++];
	*root = (struct view_root){ .userns = userns, .mounts = mounts, .kind = kind };
	if (subid_inside_read(view->proc, pid, &process) == 0 &&
	    read_in_child(view, userns, &process, kind, &text))
		(void)subid_inside_names_parse(&text, &root->names); /* or has none */
	return root;
}

const char *view_name_inside(struct view *view, size_t userns, pid_t pid,
			     enum subid_kind kind, uint32_t inside)
{
	uint64_t mounts = mounts_of(view->proc, pid);
	struct view_root *root = NULL;
	const char *name;
	size_t len;

	/* the last one first: processes come by their namespace */
	for (size_t i = view->n_roots; root == NULL && i-- > 0;)
		if (view->roots[i].mounts == mounts && view->roots[i].userns == userns &&
		    view->roots[i].kind == kind)
			root = &view->roots[i];
	if (root == NULL && mounts != 0)
		root = add_root(view, userns, pid, kind, mounts);
	name = root == NULL ? NULL : subid_inside_name(&root->names, inside, &len);
	if (name == NULL)
		return NULL;
	free(root->last);
	root->last = strndup(name, len);
	return root->last;
}
