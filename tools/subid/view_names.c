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
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/child.h"
#include "libsubid/core/core.h"
#include "tools/subid/container_view.h"
#include "tools/subid/view.h"

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

/* What the child is to read. */
struct wanted {
	const struct view *view;
	size_t userns;
	const struct subid_inside_process *process;
	enum subid_kind kind;
};

/* The child: hands the file to the parent, all or nothing of it. */
static int send_file(const void *data, int writer)
{
	const struct wanted *wanted = data;
	const struct subid_inside_process *process = wanted->process;
	uint64_t inode = wanted->view->live.userns[wanted->userns].inode;
	struct subid_text text = { .bytes = NULL };
	int root, r;

	root = subid_inside_open_root(wanted->view->proc, process->pid,
				      (inode & SUBID_LIVE_GUESSED) != 0 ? 0 : inode);
	if (root < 0)
		return root;
	r = become(process->ids[SUBID_UID], process->ids[SUBID_GID]);
	if (r == 0)
		r = subid_inside_read_file(root, wanted->kind, &text);
	return r == 0 ? child_send(writer, text.bytes, text.size) : r;
}

static bool read_in_child(struct view *view, size_t userns,
			  const struct subid_inside_process *process,
			  enum subid_kind kind, struct subid_text *ret)
{
	const struct wanted wanted = { view, userns, process, kind };

	return child_run(send_file, &wanted, view->proc, SUBID_INSIDE_FILE_MAX,
			 &view->names, ret) == 0;
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
