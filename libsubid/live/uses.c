/* SPDX-License-Identifier: MIT */
/*
 * Which ids are in use: those that namespaces map, who uses some of them, and which
 * programs are about to write a map of some.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

#define STATUS_MAX  (1 << 20) /* it lists up to 65536 groups */
#define CMDLINE_MAX (1 << 16) /* 340 ranges are less */
#define ID_DIGITS   10
#define OVERFLOW_ID 65534 /* of an id that the caller's namespace does not have */

/* What uses the wanted ids, as it is found. */
struct search {
	int proc;
	const struct subid_sets *wanted;
	char *buffer; /* of STATUS_MAX + 1 */
	struct subid_use *uses;
	size_t n;
	size_t unread;
};

/* /proc/PID/status, which the kernel writes, into the buffer.  0 or -errno. */
static int read_status(int proc, pid_t pid, char *buffer)
{
	ssize_t size = proc_read(proc, pid, "status", buffer, STATUS_MAX);

	if (size < 0)
		return (int)size;
	buffer[size] = '\0';
	return size == STATUS_MAX ? -EFBIG : 0;
}

/* The value behind a head like "\nUid:\t"; NULL if it is not there. */
static const char *find_value(const char *status, const char *head)
{
	const char *at = strstr(status, head);

	return at == NULL ? NULL : at + strlen(head);
}

/* A set of capabilities, by its head; all of them if there is no such line. */
static unsigned long long find_capabilities(const char *status, const char *head)
{
	const char *value = find_value(status, head);

	return value == NULL ? ULLONG_MAX : strtoull(value, NULL, 16);
}

/* The parent that a process which has ended waits for; 0 if it has not. */
static pid_t find_reaper(int proc, pid_t pid)
{
	char status[512];
	ssize_t n = proc_read(proc, pid, "status", status, sizeof(status) - 1);
	const char *parent;

	status[n < 0 ? 0 : n] = '\0';
	parent = find_value(status, "\nPPid:\t");
	if (find_value(status, "\nState:\tZ") == NULL || parent == NULL)
		return 0;
	return (pid_t)strtol(parent, NULL, 10);
}

/* Adds a row, with the name of its process.  0 or -ENOMEM. */
static int add_use(struct search *search, struct subid_use use)
{
	if (array_grow(&search->uses, search->n, sizeof(use)) < 0)
		return -ENOMEM;
	proc_read_program(search->proc, use.pid, use.program);
	use.reaper = find_reaper(search->proc, use.pid);
	search->uses[search->n++] = use;
	return 0;
}

/* Hands the rows to the caller, or frees them after a failure. */
static int finish(struct search *search, int r, struct subid_use **ret, size_t *ret_n)
{
	free(search->buffer);
	if (r < 0) {
		free(search->uses);
		return r;
	}
	*ret = search->uses;
	*ret_n = search->n;
	return 0;
}

/*
 * Is it a namespace of root's in which every id means the same as outside, root's own
 * too, as systemd makes them for services?  That is no container and uses no ids.
 */
static bool is_transparent(const struct subid_live_userns *userns)
{
	bool maps_root = false;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		for (size_t i = 0; i < userns->maps[kind].n; i++) {
			const struct subid_map_line *line = &userns->maps[kind].lines[i];

			if (line->inside.start != line->outside.start)
				return false;
			maps_root |= line->outside.start == 0;
		}
	}
	return maps_root && userns->owner == 0;
}

/* Is a process in the same namespace of that type as the caller? */
static bool shares_namespace(int proc, pid_t pid, const char *type)
{
	uint64_t own = 0, its = 0;

	return proc_read_namespace(proc, PROC_SELF, type, &own) == 0 &&
	       proc_read_namespace(proc, pid, type, &its) == 0 && own == its;
}

/*
 * Does a process in a user's namespace run as that user alone, by all its uids, and not
 * in a container?  A container has a pid, IPC or host name namespace of its own.  So has
 * a helper that confines itself (pasta(1), slirp4netns(1)); but that can never take
 * another id.
 */
static bool is_session_process(int proc, uint32_t user, pid_t pid, char *buffer)
{
	char uids[64];
	unsigned long long permitted;
	const char *no_new;

	if (read_status(proc, pid, buffer) < 0)
		return false;
	(void)snprintf(uids, sizeof(uids), "\nUid:\t%u\t%u\t%u\t%u\n", user, user, user,
		       user);
	if (strstr(buffer, uids) == NULL)
		return false;
	permitted = find_capabilities(buffer, "\nCapPrm:\t");
	no_new = find_value(buffer, "\nNoNewPrivs:\t");
	if (((permitted >> CAP_SETUID | permitted >> CAP_SETGID) & 1) == 0 &&
	    no_new != NULL && *no_new == '1')
		return true;
	return shares_namespace(proc, pid, "pid") && shares_namespace(proc, pid, "ipc") &&
	       shares_namespace(proc, pid, "uts");
}

/* Is a namespace nothing but a rootless session of the user?  Its root is the user, and
 * so is each of its processes. */
static int is_session(int proc, const struct subid_live *live, size_t i, uint32_t user,
		      bool *ret)
{
	const struct subid_live_userns *userns = &live->userns[i];
	const struct subid_live_map *map = &userns->maps[SUBID_UID];
	auto_free char *buffer = NULL;
	bool is = false;

	for (size_t j = 0; user != SUBID_ID_NONE && j < map->n; j++)
		is |= map->lines[j].inside.start == 0 &&
		      map->lines[j].outside.start == user &&
		      map->lines[j].outside.count == 1;
	is = is && userns->n > 0;
	if (is) {
		buffer = malloc(STATUS_MAX + 1);
		if (buffer == NULL)
			return -ENOMEM;
	}
	for (size_t j = 0; is && j < userns->n; j++)
		is = is_session_process(proc, user,
					live->processes[userns->first + j].pid, buffer);
	*ret = is;
	return 0;
}

/* Does a namespace use the ids that it maps?  0 or -ENOMEM. */
static int takes_ids(int proc, const struct subid_live *live, size_t i, uint32_t user,
		     bool *ret)
{
	bool session = false;
	int r = 0;

	*ret = false;
	if (i == 0 || is_transparent(&live->userns[i]))
		return 0;
	r = is_session(proc, live, i, user, &session);
	*ret = !session;
	return r;
}

int subid_live_in_use(int proc, const struct subid_live *live, uint32_t user,
		      struct subid_sets *ret)
{
	auto_sets struct subid_sets mapped = { .of = { { .n = 0 } } };
	int r = 0;

	for (size_t i = 1; r == 0 && i < live->n; i++) {
		bool takes;

		r = takes_ids(proc, live, i, user, &takes);
		for (enum subid_kind kind = 0; takes && kind < SUBID_KINDS; kind++) {
			const struct subid_live_map *map = &live->userns[i].maps[kind];

			for (size_t j = 0; r == 0 && j < map->n; j++)
				r = subid_set_add(&mapped.of[kind],
						  map->lines[j].outside);
		}
	}
	subid_sets_sort(&mapped);
	return r == 0 ? subid_sets_unite(ret, &mapped) : r;
}

/* The first of the wanted ids that a map has.  False if it has none. */
static bool map_uses(const struct subid_live_map *map, const struct subid_set *wanted,
		     struct id_range *ret)
{
	bool found = false;

	for (size_t i = 0; i < map->n; i++) {
		struct id_range common;

		if (!subid_set_meets(wanted, map->lines[i].outside, &common) ||
		    (found && common.start > ret->start))
			continue;
		*ret = common;
		found = true;
	}
	return found;
}

/* Does a namespace map some of the wanted ids?  The first use is enough. */
static bool userns_uses(const struct search *search,
			const struct subid_live_userns *userns, struct subid_use *ret)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct id_range ids;

		if (!map_uses(&userns->maps[kind], &search->wanted->of[kind], &ids))
			continue;
		*ret = (struct subid_use){
			.pid = userns->holder,
			.kind = kind,
			.ids = ids,
			.userns = userns->inode,
			.hidden = userns->n == 0,
		};
		return true;
	}
	return false;
}

/* Adds the numbers of a line of a process's status, like "\nUid:".  0 or -ENOMEM. */
static int add_ids(const char *status, const char *head, struct subid_set *ret)
{
	const char *at = find_value(status, head);
	int r = 0;

	for (int i = 0; r == 0 && at != NULL && i < 4; i++) {
		char *end;
		uint32_t id = (uint32_t)strtoul(at, &end, 10);

		if (end == at)
			break;
		at = end;
		if (id != SUBID_ID_NONE)
			r = subid_set_add(ret, (struct id_range){ id, 1 });
	}
	return r;
}

/*
 * The files of a process that may not be dumped (a setuid program, an agent with keys)
 * are root's, whoever it runs as.
 */
static int add_process_ids(int proc, const struct subid_live_process *process,
			   struct subid_sets *ret)
{
	char status[2048];
	ssize_t n;
	int r;

	if (process->uid != 0 && process->uid != OVERFLOW_ID) {
		r = subid_set_add(&ret->of[SUBID_UID],
				  (struct id_range){ process->uid, 1 });
		return r < 0 ? r
			     : subid_set_add(&ret->of[SUBID_GID],
					     (struct id_range){ process->gid, 1 });
	}
	/* Uid and Gid stand at the head */
	n = proc_read(proc, process->pid, "status", status, sizeof(status) - 1);
	if (n < 0)
		return proc_vanished((int)n) ? 0 : (int)n;
	status[n] = '\0';
	r = add_ids(status, "\nUid:", &ret->of[SUBID_UID]);
	return r == 0 ? add_ids(status, "\nGid:", &ret->of[SUBID_GID]) : r;
}

int subid_live_ids(int proc, const struct subid_live *live, struct subid_sets *ret)
{
	const struct subid_live_userns *own = &live->userns[0];
	int r = 0;

	for (size_t i = 0; r == 0 && i < own->n; i++) {
		const struct subid_live_process *process =
		    &live->processes[own->first + i];

		if (process->uid != SUBID_ID_NONE)
			r = add_process_ids(proc, process, ret);
	}
	subid_sets_sort(ret);
	return r;
}

int subid_live_mapper(int proc, const struct subid_live *live, enum subid_kind kind,
		      struct id_range ids, struct subid_use *ret)
{
	struct subid_sets wanted = { .of = { { .n = 0 } } };
	const struct search search = { .proc = proc, .wanted = &wanted };
	struct subid_use use;

	wanted.of[kind] = (struct subid_set){ .ranges = &ids, .n = 1 };
	for (size_t i = 1; i < live->n; i++) {
		bool takes;
		int r = takes_ids(proc, live, i, SUBID_ID_NONE, &takes);

		if (r < 0)
			return r;
		if (!takes || !userns_uses(&search, &live->userns[i], &use))
			continue;
		proc_read_program(proc, use.pid, use.program);
		*ret = use;
		return 0;
	}
	return SUBID_ABSENT;
}

/* The first of the wanted ids in a line of a process's status, like "\nGroups:". */
static bool line_uses(const char *status, const char *head,
		      const struct subid_set *wanted, struct id_range *ret)
{
	const char *at = find_value(status, head), *end;

	if (at == NULL)
		return false;
	end = at + strcspn(at, "\n");
	while (at < end) {
		size_t len;
		uint32_t id;

		at += strspn(at, " \t");
		len = strcspn(at, " \t\n");
		if (subid_id_parse(at, len, &id) == 0 &&
		    subid_set_meets(wanted, (struct id_range){ id, 1 }, ret))
			return true;
		at += len > 0 ? len : 1;
	}
	return false;
}

static int judge_process(struct search *search, pid_t pid)
{
	const struct subid_set *gids = &search->wanted->of[SUBID_GID];
	struct subid_use use = { .pid = pid };
	const char *status = search->buffer;
	int r = read_status(search->proc, pid, search->buffer);

	if (r < 0)
		return r;
	if (line_uses(status, "\nUid:", &search->wanted->of[SUBID_UID], &use.ids))
		return add_use(search, use);
	use.kind = SUBID_GID;
	if (line_uses(status, "\nGid:", gids, &use.ids) ||
	    line_uses(status, "\nGroups:", gids, &use.ids))
		return add_use(search, use);
	return 0;
}

/* Each process of a namespace that uses none of the ids.  One that has ended has none. */
static int judge_processes(struct search *search, const struct subid_live *live,
			   const struct subid_live_userns *userns)
{
	for (size_t i = 0; i < userns->n; i++) {
		int r = judge_process(search, live->processes[userns->first + i].pid);

		if (proc_is_short(r))
			return r;
		search->unread += r < 0 && !proc_vanished(r);
	}
	return 0;
}

static int judge_userns(struct search *search, const struct subid_live *live, size_t i,
			uint32_t user)
{
	const struct subid_live_userns *userns = &live->userns[i];
	struct subid_use use;
	bool takes;
	int r = takes_ids(search->proc, live, i, user, &takes);

	if (r < 0)
		return r;
	return takes && userns_uses(search, userns, &use)
		   ? add_use(search, use)
		   : judge_processes(search, live, userns);
}

int subid_uses_find(int proc, const struct subid_live *live, uint32_t user,
		    const struct subid_sets *wanted, struct subid_use **ret,
		    size_t *ret_n, size_t *ret_unread)
{
	struct search search = {
		.proc = proc,
		.wanted = wanted,
		.buffer = malloc(STATUS_MAX + 1),
	};
	int r = search.buffer == NULL ? -ENOMEM : 0;

	for (size_t i = 0; r == 0 && i < live->n; i++)
		r = judge_userns(&search, live, i, user);
	r = finish(&search, r, ret, ret_n);
	if (r == 0)
		*ret_unread = search.unread;
	return r;
}

/* The kinds of maps that a process may write by its capabilities; none for root.
 * *ret_user: who has started it. */
static unsigned int writable_kinds(const char *status, uint32_t *ret_user)
{
	const char *uid = find_value(status, "\nUid:\t");
	const char *cap = find_value(status, "\nCapPrm:\t");
	unsigned long long permitted;

	if (uid == NULL || cap == NULL || strtoul(uid, NULL, 10) == 0)
		return 0;
	*ret_user = (uint32_t)strtoul(uid, NULL, 10);
	permitted = strtoull(cap, NULL, 16);
	return (unsigned int)(permitted >> CAP_SETUID & 1) << SUBID_UID |
	       (unsigned int)(permitted >> CAP_SETGID & 1) << SUBID_GID;
}

/* A file of a procfs, by a descriptor in a directory of them?  If it cannot be looked at,
 * yes; not if it has been closed. */
static bool is_of_proc(int fds, const char *name)
{
	/* follows the link, and opens nothing */
	auto_close int fd = openat(fds, name, O_PATH | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return !proc_vanished(-errno);
	return fstatfs(fd, &fs) < 0 || fs.f_type == PROC_SUPER_MAGIC;
}

/* Is one open in the process?  If that cannot be looked at, yes. */
static bool has_proc_open(int proc, pid_t pid)
{
	_Alignas(struct dirent64) char buf[4096];
	auto_close int fds = proc_open(proc, pid, "fd", O_RDONLY | O_DIRECTORY);
	ssize_t size = 0;

	if (fds < 0)
		return !proc_vanished(fds);
	while ((size = getdents64(fds, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at < size;) {
			const struct dirent64 *entry = (const void *)(buf + at);

			at += entry->d_reclen;
			if (isdigit((unsigned char)entry->d_name[0]) &&
			    is_of_proc(fds, entry->d_name))
				return true;
		}
	}
	return size < 0 && !proc_vanished(-errno);
}

/*
 * The child's part: whether a file of a procfs is open, in one byte, and the arguments.
 * Threat: the caller of a helper hands it a file of a file system that never answers
 * (FUSE) when it is asked which it is.
 */
static ssize_t look_at_writer(int proc, pid_t pid, char *buf, size_t room)
{
	ssize_t size;

	buf[0] = has_proc_open(proc, pid);
	if (buf[0] == 0)
		return 1;
	size = proc_read(proc, pid, "cmdline", buf + 1, room - 1);
	return size < 0 ? size : size + 1;
}

/* The next argument as an id or a count; false when it is none. */
static bool take_number(const char **at, const char *end, uint32_t *ret)
{
	size_t len = strnlen(*at, (size_t)(end - *at));

	if (len == 0 || len > ID_DIGITS || subid_id_parse(*at, len, ret) != 0)
		return false;
	*at += len + 1;
	return true;
}

/*
 * The first of the wanted ids that "PROGRAM PID INSIDE OUTSIDE COUNT..." asks for.  The
 * caller has written these words; but only the helper itself could change them now.
 * 1, 0 if it asks for none, -EINVAL if it may ask for any.
 */
static int asks_for(const char *words, size_t size, const struct subid_set *wanted,
		    struct id_range *ret)
{
	const char *at = words, *end = words + size;

	if (size == 0 || words[size - 1] != '\0')
		return -EINVAL;
	for (int i = 0; i < 2 && at < end; i++)
		at += strlen(at) + 1;
	while (at < end) {
		uint32_t inside, outside, count;

		if (!take_number(&at, end, &inside) || at >= end ||
		    !take_number(&at, end, &outside) || at >= end ||
		    !take_number(&at, end, &count))
			return -EINVAL;
		if (subid_set_meets(wanted, (struct id_range){ outside, count }, ret))
			return 1;
	}
	return 0;
}

/* Programs that could be about to write a map. */
struct writers {
	struct search *search;
	pid_t *pids;
	uint32_t *users;
	unsigned int *kinds;
	size_t n;
};

/* words: NULL: they are not known, and may ask for any. */
static int judge_arguments(const struct writers *writers, size_t i, const char *words,
			   size_t size)
{
	struct search *search = writers->search;
	struct subid_use use = { .pid = writers->pids[i], .about_to_write = true };

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_set *wanted = &search->wanted->of[kind];
		int r;

		if ((writers->kinds[i] & (1U << kind)) == 0 || wanted->n == 0)
			continue;
		r = words == NULL || size == CMDLINE_MAX
			? -EINVAL
			: asks_for(words, size, wanted, &use.ids);
		if (r < 0)
			use.ids = wanted->ranges[0];
		use.kind = kind;
		if (r != 0)
			return add_use(search, use);
	}
	return 0;
}

static int judge_answer(void *data, size_t i, const char *text, ssize_t size)
{
	const struct writers *writers = data;

	if (proc_vanished((int)size) || (size > 0 && text[0] == 0))
		return 0;
	if (size <= 0)
		return judge_arguments(writers, i, NULL, 0);
	return judge_arguments(writers, i, text + 1, (size_t)size - 1);
}

static int add_writer(struct writers *writers, pid_t pid, unsigned int kinds,
		      uint32_t user)
{
	size_t n = writers->n;

	if (array_grow(&writers->pids, n, sizeof(*writers->pids)) < 0 ||
	    array_grow(&writers->users, n, sizeof(*writers->users)) < 0 ||
	    array_grow(&writers->kinds, n, sizeof(*writers->kinds)) < 0)
		return -ENOMEM;
	writers->pids[n] = pid;
	writers->users[n] = user;
	writers->kinds[n] = kinds;
	writers->n++;
	return 0;
}

static int find_writer(struct writers *writers, pid_t pid, uint64_t own)
{
	struct search *search = writers->search;
	unsigned int kinds;
	uint32_t user = 0;
	int r = read_status(search->proc, pid, search->buffer);

	if (r < 0 && r != -EFBIG)
		return r;
	kinds = writable_kinds(search->buffer, &user);
	if (kinds == 0 || proc_is_in(search->proc, pid, own) == -ESRCH)
		return 0;
	return add_writer(writers, pid, kinds, user);
}

static int judge_writers(struct search *search, const pid_t *pids, size_t n, uint64_t own)
{
	struct writers writers = { .search = search };
	struct live_questions questions = {
		.proc = search->proc,
		.room = CMDLINE_MAX + 1,
		.answer = look_at_writer,
		.take = judge_answer,
		.data = &writers,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = find_writer(&writers, pids[i], own);
		if (proc_vanished(r))
			r = 0;
	}
	questions.n = writers.n;
	questions.pids = writers.pids;
	questions.users = writers.users;
	if (r == 0)
		r = live_ask(&questions);
	free(writers.pids);
	free(writers.users);
	free(writers.kinds);
	return r;
}

int subid_uses_about_to_write(int proc, const struct subid_sets *wanted,
			      struct subid_use **ret, size_t *ret_n)
{
	struct search search = { .proc = proc, .wanted = wanted };
	auto_free pid_t *pids = NULL;
	uint64_t own = 0;
	size_t n = 0;
	int r = proc_read_namespace(proc, PROC_SELF, "user", &own);

	if (r == 0)
		r = proc_list(proc, &pids, &n);
	if (r < 0)
		return r;
	search.buffer = malloc(STATUS_MAX + 1);
	if (search.buffer == NULL)
		return -ENOMEM;
	return finish(&search, judge_writers(&search, pids, n, own), ret, ret_n);
}
