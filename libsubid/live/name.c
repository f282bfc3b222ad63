/* SPDX-License-Identifier: MIT */
/*
 * Which container a namespace is: from the program that started its first process, which
 * knows the name, or else from the control group, which mostly has the id alone.
 *
 * Threat: a container chooses its name, its processes' command lines and, within
 * limits, its control groups; so nothing is decided by them, and only printable ASCII
 * is kept.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"
#include "libsubid/live/private.h"

#define COMMAND_ROOM 4098

#define ID_SHOWN 12 /* digits of a long id, as podman and docker show it */

static void set_name(struct subid_live_userns *ns, const char *runtime, const char *name,
		     size_t len)
{
	(void)snprintf(ns->runtime, sizeof(ns->runtime), "%s", runtime);
	printable_copy(ns->container, sizeof(ns->container), name, len);
	printable_ascii(ns->container, strlen(ns->container), '!');
}

/* The next of the NUL-terminated words of a command line; NULL at the end. */
static const char *next_word(const char *word, const char *end)
{
	word += strlen(word) + 1;
	return word < end ? word : NULL;
}

/* The argument of an option, "-n NAME" or "--name=NAME"; NULL if it is not there. */
static const char *argument(const char *command, const char *end, const char *letter,
			    const char *name)
{
	size_t len = strlen(name);

	for (const char *word = command; word != NULL; word = next_word(word, end)) {
		if (strcmp(word, letter) == 0 || strcmp(word, name) == 0)
			return next_word(word, end);
		if (strncmp(word, name, len) == 0 && word[len] == '=')
			return word + len + 1;
	}
	return NULL;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* "[lxc monitor] /var/lib/lxc c1", as LXC and what is built on it call themselves. */
static bool is_lxc_monitor(struct subid_live_userns *ns, const char *command)
{
	static const char title[] = "[lxc monitor] ";
	const char *path = command + strlen(title), *name;
	const char *runtime = "lxc";

	if (strncmp(command, title, strlen(title)) != 0)
		return false;
	name = strrchr(path, ' ');
	if (name == NULL)
		return false;
	if (strstr(path, "/lxd/") != NULL)
		runtime = "lxd";
	else if (strstr(path, "/incus/") != NULL)
		runtime = "incus";
	set_name(ns, runtime, name + 1, strlen(name + 1));
	return true;
}

/* What a container's parent says of it. */
static bool name_by_command(struct subid_live_userns *ns, const char *command,
			    const char *end)
{
	static const struct {
		const char *program, *runtime, *letter, *name;
		bool is_id;
	} rows[] = {
		{ "conmon", "podman", "-n", "--name", false },
		{ "systemd-nspawn", "nspawn", "-M", "--machine", false },
		{ "containerd-shim-runc-v2", "docker", "-id", "-id", true },
	};

	if (is_lxc_monitor(ns, command))
		return true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *name;

		if (strcmp(base_name(command), rows[i].program) != 0)
			continue;
		name = argument(command, end, rows[i].letter, rows[i].name);
		if (name == NULL)
			name = "";
		set_name(ns, rows[i].runtime, name,
			 rows[i].is_id ? strnlen(name, ID_SHOWN) : strlen(name));
		return true;
	}
	return false;
}

/* The part of a control group's path that names a container. */
static bool name_by_part(struct subid_live_userns *ns, const char *part, size_t len)
{
	static const struct {
		const char *prefix, *suffix, *runtime;
		bool id;
	} rows[] = {
		{ "lxc.payload.", "", "lxc", false },
		{ "libpod-payload-", "", "podman", true },
		{ "libpod-conmon-", ".scope", "", true },
		{ "libpod-", ".scope", "podman", true },
		{ "docker-", ".scope", "docker", true },
		{ "crio-", ".scope", "cri-o", true },
		{ "cri-containerd-", ".scope", "containerd", true },
		{ "systemd-nspawn@", ".service", "nspawn", false },
		{ "machine-", ".scope", "nspawn", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t prefix = strlen(rows[i].prefix), suffix = strlen(rows[i].suffix);
		size_t rest = len - prefix - suffix;

		if (len <= prefix + suffix ||
		    strncmp(part, rows[i].prefix, prefix) != 0 ||
		    strncmp(part + len - suffix, rows[i].suffix, suffix) != 0)
			continue;
		set_name(ns, rows[i].runtime, part + prefix,
			 rows[i].id && rest > ID_SHOWN ? ID_SHOWN : rest);
		return true;
	}
	return false;
}

static bool name_by_group(struct subid_live_userns *ns, const char *groups)
{
	while (*groups != '\0') {
		const char *part = groups;
		size_t len = strcspn(groups, "/\n");

		if (name_by_part(ns, part, len))
			return true;
		groups += len + (groups[len] != '\0');
	}
	return false;
}

/* The parent's pid: the second field after the name in parentheses (proc(5)). */
static pid_t parent_of(int proc, pid_t pid)
{
	char stat[512];
	ssize_t n = proc_read(proc, pid, "stat", stat, sizeof(stat) - 1);
	const char *after;
	long parent;

	if (n < 0)
		return 0;
	stat[n] = '\0';
	after = strrchr(stat, ')');
	if (after == NULL || strlen(after) < strlen(") S 1"))
		return 0;
	parent = strtol(after + strlen(") S "), NULL, 10);
	return parent > 0 && parent <= INT_MAX ? (pid_t)parent : 0;
}

/* One of a namespace's processes, and the program that started it. */
struct naming {
	struct subid_live *live;
	size_t n;
	size_t *userns;
	pid_t *parents;
	uint32_t *users;
};

static int take_command(void *data, size_t i, const char *text, ssize_t size)
{
	const struct naming *naming = data;

	if (size > 0)
		(void)name_by_command(&naming->live->userns[naming->userns[i]], text,
				      text + size);
	return 0;
}

/* Terminated, and cut to the room. */
static ssize_t read_command(int proc, pid_t pid, char *buf, size_t room)
{
	ssize_t n = proc_read(proc, pid, "cmdline", buf, room - 1);

	if (n <= 0)
		return n;
	buf[n] = '\0';
	return n + 1;
}

static bool is_named(const struct subid_live_userns *ns)
{
	return ns->runtime[0] != '\0' || ns->container[0] != '\0';
}

/* The first process of a namespace; or the last, as the first may hold the namespace for
 * all containers of a user, as podman's does. */
static pid_t named_process(const struct subid_live *live, size_t i, bool last)
{
	const struct subid_live_userns *ns = &live->userns[i];

	return last ? live->processes[ns->first + ns->n - 1].pid : ns->holder;
}

static void name_by_groups(int proc, struct subid_live *live, size_t i, bool last)
{
	char text[4097];
	ssize_t n = proc_read(proc, named_process(live, i, last), "cgroup", text,
			      sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	(void)name_by_group(&live->userns[i], text);
}

/* The parent's user, as far as it is known without asking. */
static uint32_t user_of_parent(int proc, const struct naming *naming,
			       const struct live_inodes *pids, pid_t parent)
{
	size_t at = live_inodes_find(pids, (uint64_t)parent);

	return at == SUBID_LIVE_NONE ? SUBID_ID_NONE
				     : live_user_of_process(proc, naming->live,
							    &naming->live->processes[at]);
}

static int list_processes(const struct subid_live *live, struct live_inodes *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < live->n_processes; i++)
		if (live->processes[i].pid > 0)
			r = live_inodes_put(ret, (uint64_t)live->processes[i].pid, i);
	return r;
}

static void name_all(int proc, struct naming *naming, const struct live_inodes *pids,
		     const bool *wanted, bool last)
{
	struct subid_live *live = naming->live;
	struct live_questions questions = {
		.proc = proc,
		.pids = naming->parents,
		.users = naming->users,
		.room = COMMAND_ROOM,
		.answer = read_command,
		.take = take_command,
		.data = naming,
	};

	naming->n = 0;
	for (size_t i = 1; i < live->n; i++) {
		const struct subid_live_userns *ns = &live->userns[i];
		pid_t parent;

		if (ns->n <= (last ? 1 : 0) || is_named(ns) ||
		    (wanted != NULL && !wanted[i]))
			continue;
		parent = parent_of(proc, named_process(live, i, last));
		if (parent <= 0)
			continue;
		naming->userns[naming->n] = i;
		naming->parents[naming->n] = parent;
		naming->users[naming->n++] = user_of_parent(proc, naming, pids, parent);
	}
	questions.n = naming->n;
	(void)live_ask(&questions); /* who cannot be asked gives no name */
	for (size_t i = 1; i < live->n; i++)
		if (live->userns[i].n > (last ? 1 : 0) && !is_named(&live->userns[i]) &&
		    (wanted == NULL || wanted[i]))
			name_by_groups(proc, live, i, last);
}

void subid_live_name(int proc, struct subid_live *live, const bool *wanted)
{
	auto_inodes struct live_inodes pids = { .n = 0 };
	auto_free size_t *userns = calloc(live->n + 1, sizeof(*userns));
	auto_free pid_t *parents = calloc(live->n + 1, sizeof(*parents));
	auto_free uint32_t *users = calloc(live->n + 1, sizeof(*users));
	struct naming naming = { live, 0, userns, parents, users };

	/* out of memory: no names */
	if (userns == NULL || parents == NULL || users == NULL || live->n < 2 ||
	    list_processes(live, &pids) < 0)
		return;
	name_all(proc, &naming, &pids, wanted, false);
	name_all(proc, &naming, &pids, wanted, true);
}
