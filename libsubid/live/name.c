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

static bool name_by_process(int proc, struct subid_live_userns *ns, pid_t pid)
{
	char text[4097];
	pid_t parent = parent_of(proc, pid);
	ssize_t n =
	    parent <= 0 ? 0 : proc_read(proc, parent, "cmdline", text, sizeof(text) - 1);

	if (n > 0) {
		text[n] = '\0';
		if (name_by_command(ns, text, text + n))
			return true;
	}
	n = proc_read(proc, pid, "cgroup", text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return name_by_group(ns, text);
}

void subid_live_name(int proc, struct subid_live *live, size_t index)
{
	struct subid_live_userns *ns = &live->userns[index];

	if (index == 0 || ns->n == 0 || name_by_process(proc, ns, ns->holder) ||
	    ns->n == 1)
		return;
	/* the first may hold the namespace for all containers of a user, as podman's does
	 */
	(void)name_by_process(proc, ns, live->processes[ns->first + ns->n - 1].pid);
}
