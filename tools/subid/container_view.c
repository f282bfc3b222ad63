/* SPDX-License-Identifier: MIT */
#include "tools/subid/container_view.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"
#include "libsubid/live/live.h"

#define STATUS_USUAL (4 << 10)
#define STATUS_MAX   (1 << 20) /* it lists up to 65536 groups */

/* The value of "Key:\t" in a status; NULL if it is not there.  *ret_len to the
 * line's end. */
static const char *find_value(const char *status, size_t size, const char *key,
			      size_t *ret_len)
{
	size_t len = strlen(key), pos = 0, line_len;
	const struct subid_text text = { .bytes = (char *)(uintptr_t)status,
					 .size = size };
	const char *line;

	while (subid_text_next(&text, &pos, &line, &line_len)) {
		if (line_len <= len + 1 || memcmp(line, key, len) != 0 ||
		    line[len] != ':' || line[len + 1] != '\t')
			continue;
		*ret_len = line_len - len - 2;
		return line + len + 2;
	}
	return NULL;
}

/* The number at index in a value, whose numbers are separated by tabs; -1: the last. */
static bool read_number(const char *status, size_t size, const char *key, int index,
			uint32_t *ret)
{
	size_t len, field;
	const char *value = find_value(status, size, key, &len);
	int i = 0;

	if (value == NULL)
		return false;
	for (;; i++) {
		const char *tab = memchr(value, '\t', len);

		field = tab == NULL ? len : (size_t)(tab - value);
		if (i == index || tab == NULL)
			break;
		len -= field + 1;
		value = tab + 1;
	}
	return (index < 0 || i == index) && subid_id_parse(value, field, ret) == 0;
}

/* The kernel writes a newline in a name as \n, and a backslash as two. */
static void read_command(const char *value, size_t len, char ret[CONTAINER_COMMAND_SIZE])
{
	size_t used = 0;

	for (size_t i = 0; i < len && used < CONTAINER_COMMAND_SIZE - 1; i++) {
		char c = value[i];

		if (c == '\\' && i + 1 < len &&
		    (value[i + 1] == 'n' || value[i + 1] == '\\'))
			c = value[++i] == 'n' ? '\n' : '\\';
		ret[used++] = c;
	}
	ret[used] = '\0';
}

int container_process_parse(const char *status, size_t size,
			    struct container_process *ret)
{
	struct container_process process = { .pid = 0 };
	uint32_t pid, parent, inside;
	const char *command;
	size_t len;

	command = find_value(status, size, "Name", &len);
	if (command == NULL || !read_number(status, size, "Pid", 0, &pid) ||
	    !read_number(status, size, "PPid", 0, &parent) ||
	    !read_number(status, size, "Uid", 1, &process.ids[SUBID_UID]) ||
	    !read_number(status, size, "Gid", 1, &process.ids[SUBID_GID]) ||
	    pid > INT32_MAX || parent > INT32_MAX)
		return SUBID_INVALID;
	if (!read_number(status, size, "NSpid", -1, &inside))
		inside = pid;
	if (inside > INT32_MAX)
		return SUBID_INVALID;
	process.pid = (pid_t)pid;
	process.parent = (pid_t)parent;
	process.inside = (pid_t)inside;
	read_command(command, len, process.command);
	*ret = process;
	return 0;
}

int container_process_read(int proc, pid_t pid, struct container_process *ret)
{
	char usual[STATUS_USUAL];
	auto_free char *large = NULL;
	const char *text = usual;
	ssize_t size = proc_read(proc, pid, "status", usual, sizeof(usual));

	if (size == sizeof(usual)) {
		large = malloc(STATUS_MAX);
		if (large == NULL)
			return -ENOMEM;
		text = large;
		size = proc_read(proc, pid, "status", large, STATUS_MAX);
	}
	if (size < 0)
		return (int)size;
	return container_process_parse(text, (size_t)size, ret) == 0 ? 0 : -EPROTO;
}

/*
 * The order.  Without recursion: a container can nest its processes as deep as it may
 * fork.
 */
#define NONE SIZE_MAX

/* A process in a list of its siblings, by its place in the order of pids. */
struct node {
	size_t index; /* of the process */
	pid_t pid;
	size_t first_child;
	size_t next;
	bool done;
};

static int compare_pids(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static size_t find(const struct node *nodes, size_t n, pid_t pid)
{
	struct node key = { .pid = pid };
	const struct node *found = bsearch(&key, nodes, n, sizeof(key), compare_pids);

	return found == NULL ? NONE : (size_t)(found - nodes);
}

/* Links each to its parent; from the last on, so that the lists ascend. */
static size_t link_all(const struct container_process *processes, struct node *nodes,
		       size_t n)
{
	size_t roots = NONE;

	for (size_t i = n; i-- > 0;) {
		size_t parent = find(nodes, n, processes[nodes[i].index].parent);
		size_t *list =
		    parent == NONE || parent == i ? &roots : &nodes[parent].first_child;

		nodes[i].next = *list;
		*list = i;
	}
	return roots;
}

/* Walks down from a node, and back up to it, setting places from *at on. */
static void walk(struct node *nodes, size_t from, size_t *stack,
		 struct container_place *places, size_t *at)
{
	unsigned int depth = 0;
	size_t i = from;

	while (i != NONE) {
		if (!nodes[i].done) {
			nodes[i].done = true;
			stack[depth] = *at;
			places[*at] = (struct container_place){
				.index = i, /* the node's, for now */
				.parent = depth == 0 ? NONE : stack[depth - 1],
				.depth = depth,
			};
			(*at)++;
			if (nodes[i].first_child != NONE) {
				i = nodes[i].first_child;
				depth++;
				continue;
			}
		}
		/* to the next sibling of this one, or of the nearest ancestor */
		while (depth > 0 && nodes[i].next == NONE)
			i = places[stack[--depth]].index;
		i = depth == 0 ? NONE : nodes[i].next;
	}
}

int container_order(const struct container_process *processes, size_t n,
		    struct container_place **ret)
{
	auto_free struct node *nodes = calloc(n + 1, sizeof(*nodes));
	auto_free size_t *stack = calloc(n + 1, sizeof(*stack));
	struct container_place *places = calloc(n + 1, sizeof(*places));
	size_t at = 0;

	if (nodes == NULL || stack == NULL || places == NULL) {
		free(places);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		nodes[i] = (struct node){
			.index = i,
			.pid = processes[i].pid,
			.first_child = NONE,
		};
	qsort(nodes, n, sizeof(*nodes), compare_pids);
	for (size_t i = link_all(processes, nodes, n); i != NONE; i = nodes[i].next)
		walk(nodes, i, stack, places, &at);
	/* the rest are in circles */
	for (size_t i = 0; i < n; i++)
		if (!nodes[i].done)
			walk(nodes, i, stack, places, &at);
	for (size_t i = 0; i < at; i++)
		places[i].index = nodes[places[i].index].index;
	*ret = places;
	return 0;
}

/*
 * Names.
 *
 * Threat: root reads a file of somebody else's container.  Whoever runs the container
 * chose what is there: a link to a file of the host, a
 * fifo without writer, an endless file, malformed lines.
 */
struct container_name {
	uint32_t id;
	uint32_t offset; /* in the text */
	uint32_t len;
};

int container_open_root(int proc, pid_t pid, uint64_t userns)
{
	auto_close int dir = -1, root = -1;
	char path[32], link[64];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%d", (int)pid);
	dir = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	root = openat(dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	/* both are read through dir, so they belong to the same process */
	n = readlinkat(dir, "ns/user", link, sizeof(link) - 1);
	if (n < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	link[n] = '\0';
	if (userns != 0 && proc_namespace(link, "user") != userns)
		return -ESRCH;
	fd = root;
	root = -1;
	return fd;
}

int container_read_file(int root, enum subid_kind kind, size_t max,
			struct subid_text *ret)
{
	static const char *const names[SUBID_KINDS] = { "etc/passwd", "etc/group" };
	auto_close int fd = beneath_open_regular(root, names[kind], RESOLVE_IN_ROOT);
	auto_text struct subid_text text = { .bytes = NULL };
	struct stat st;
	ssize_t n = 1;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	text.bytes = malloc(max + 1);
	if (text.bytes == NULL)
		return -ENOMEM;
	/* it may grow while it is read */
	while (n > 0 && text.size < max) {
		n = read(fd, text.bytes + text.size, max - text.size);
		if (n < 0)
			return -errno;
		text.size += (size_t)n;
	}
	text.bytes[text.size] = '\0';
	*ret = text;
	text = (struct subid_text){ .bytes = NULL };
	return 0;
}

static bool is_number(struct subid_owner_name name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.text[i] < '0' || name.text[i] > '9')
			return false;
	return true;
}

static int compare_ids(const void *a, const void *b)
{
	const struct container_name *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static int add_name(struct container_names *names, struct subid_owner_name name,
		    uint32_t id)
{
	if (array_grow(&names->names, names->n, sizeof(*names->names)) < 0)
		return -ENOMEM;
	names->names[names->n++] = (struct container_name){
		.id = id,
		.offset = (uint32_t)(name.text - names->text.bytes),
		.len = (uint32_t)name.len,
	};
	return 0;
}

int container_names_parse(struct subid_text *text, struct container_names *ret)
{
	struct container_names names = { .text = *text };
	size_t pos = 0, len;
	const char *line;
	int r = 0;

	*text = (struct subid_text){ .bytes = NULL };
	while (r == 0 && subid_text_next(&names.text, &pos, &line, &len)) {
		struct subid_owner_name name;
		const char *at = line;
		uint32_t id;

		if (subid_account_head(&at, line + len, &name, &id) && !is_number(name))
			r = add_name(&names, name, id);
	}
	if (r < 0) {
		container_names_free(&names);
		return r;
	}
	if (names.n > 1)
		qsort(names.names, names.n, sizeof(*names.names), compare_ids);
	*ret = names;
	return 0;
}

void container_names_free(struct container_names *names)
{
	subid_text_free(&names->text);
	free(names->names);
	*names = (struct container_names){ .n = 0 };
}

static bool is_before(const void *element, const void *key)
{
	return ((const struct container_name *)element)->id < *(const uint32_t *)key;
}

const char *container_names_find(const struct container_names *names, uint32_t id,
				 size_t *ret_len)
{
	size_t low =
	    array_search(names->names, names->n, sizeof(*names->names), &id, is_before);

	if (low == names->n || names->names[low].id != id)
		return NULL;
	*ret_len = names->names[low].len;
	return names->text.bytes + names->names[low].offset;
}

/* --- names inside ----------------------------------------------------------------------
 */

/*
 * Threat: whoever runs the container controls the files, and perhaps the file system
 * (FUSE), which can block a reader for ever, or can mount a file over passwd that only
 * root may read.  So a child reads them with the rights of the container's process, and
 * the parent waits for a limited time.
 */
struct container_root {
	uint64_t userns;
	uint64_t mounts; /* inode of the mount namespace: containers may share userns */
	enum subid_kind kind;
	struct container_names names;
	char *last; /* the last name that was asked for, terminated */
};

void container_roots_free(struct container_roots *roots)
{
	for (size_t i = 0; i < roots->n; i++) {
		container_names_free(&roots->list[i].names);
		free(roots->list[i].last);
	}
	free(roots->list);
	roots->list = NULL;
	roots->n = 0;
}

/*
 * Takes the ids of the process whose file is read; only root can, and must.
 *
 * Threat: a process that has changed its ids may be traced by its user if
 * fs.suid_dumpable says so, and its memory is a copy of root's.  So the saved id, without
 * which nobody else may trace it, is given up last, when that does not matter any more.
 */
static int become(uint32_t uid, uint32_t gid)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return -errno;
	/* the last step has not given it back */
	return prctl(PR_GET_DUMPABLE) == 0 ? 0 : -EPERM;
}

/* What the child is to read. */
struct wanted {
	int proc;
	uint64_t userns;
	const struct container_process *process;
	enum subid_kind kind;
	size_t max;
};

/* The child: sends the whole file to the parent, or fails. */
static int send_file(const void *data, int writer)
{
	const struct wanted *wanted = data;
	const struct container_process *process = wanted->process;
	struct subid_text text = { .bytes = NULL };
	int root, r;

	root = container_open_root(
	    wanted->proc, process->pid,
	    (wanted->userns & SUBID_LIVE_GUESSED) != 0 ? 0 : wanted->userns);
	if (root < 0)
		return root;
	r = become(process->ids[SUBID_UID], process->ids[SUBID_GID]);
	if (r == 0)
		r = container_read_file(root, wanted->kind, wanted->max, &text);
	return r == 0 ? child_send(writer, text.bytes, text.size) : r;
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

/* Names that are in memory, of so many bytes, are enough: containers follow one another,
 * and one that is asked about again is read again. */
#define KEPT_MAX (8 << 20)

static size_t bytes_of(const struct container_names *names)
{
	return names->text.size + names->n * sizeof(*names->names);
}

static void free_oldest(struct container_roots *roots)
{
	for (; roots->kept > KEPT_MAX && roots->n_freed + 1 < roots->n;
	     roots->n_freed++) {
		struct container_root *root = &roots->list[roots->n_freed];

		roots->kept -= bytes_of(&root->names);
		container_names_free(&root->names);
		root->mounts = 0; /* no namespace has this inode */
	}
}

/*
 * Reads a container's file; one that cannot be read has no names.
 * Threat: whoever may make namespaces makes a thousand with a large file in each: that
 * would decide what root waits for.
 */
static struct container_root *add_root(struct container_roots *roots, int proc, pid_t pid,
				       struct container_root key)
{
	auto_text struct subid_text text = { .bytes = NULL };
	struct container_process process;
	const struct wanted wanted = {
		proc,
		key.userns,
		&process,
		key.kind,
		roots->large_left > 0 ? CONTAINER_FILE_MAX : CONTAINER_FILE_USUAL,
	};
	struct container_root *root;

	if (array_grow(&roots->list, roots->n, sizeof(*roots->list)) < 0)
		return NULL;
	root = &roots->list[roots->n++];
	*root = key;
	if (container_process_read(proc, pid, &process) < 0 ||
	    child_run(send_file, &wanted, proc, wanted.max, &roots->patience, &text) != 0)
		return root;
	if (text.size > CONTAINER_FILE_USUAL)
		roots->large_left -=
		    text.size < roots->large_left ? text.size : roots->large_left;
	if (container_names_parse(&text, &root->names) == 0)
		roots->kept += bytes_of(&root->names);
	free_oldest(roots);
	return root;
}

const char *container_name_inside(struct container_roots *roots, int proc,
				  uint64_t userns, pid_t pid, enum subid_kind kind,
				  uint32_t inside)
{
	const struct container_root key = { userns, mounts_of(proc, pid), kind,
					    .last = NULL };
	struct container_root *root = NULL;
	const char *name;
	size_t len;

	/* the last one first: processes are ordered by namespace */
	for (size_t i = roots->n; root == NULL && i-- > 0;)
		if (roots->list[i].mounts == key.mounts &&
		    roots->list[i].userns == userns && roots->list[i].kind == kind)
			root = &roots->list[i];
	if (root == NULL && key.mounts != 0)
		root = add_root(roots, proc, pid, key);
	name = root == NULL ? NULL : container_names_find(&root->names, inside, &len);
	if (name == NULL)
		return NULL;
	free(root->last);
	root->last = strndup(name, len);
	return root->last;
}
