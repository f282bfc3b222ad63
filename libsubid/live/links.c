/* SPDX-License-Identifier: MIT */
/*
 * The links of every process to namespaces: those that it is in, and its descriptors.
 * Of thousands of processes, so in threads; what is new is opened afterwards.
 *
 * Threat: a user's process in one namespace can hold another of the same user's, with
 * other ids: it got the descriptor through a socket, or had it before it entered.  So
 * the descriptors of all processes count, not only of those outside.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

/* What a process can be in without being in the user namespace that owns it. */
static const char *const types[LIVE_TYPES] = {
	[LIVE_MNT] = "mnt", "net", "uts", "ipc", "cgroup", "pid", "time",
};
static const char *const names[LIVE_TYPES] = {
	[LIVE_MNT] = "ns/mnt",
	"ns/net",
	"ns/uts",
	"ns/ipc",
	"ns/cgroup",
	"ns/pid_for_children",
	"ns/time_for_children",
};

struct gathering {
	int proc;
	const struct subid_live *live;
	uint64_t own[LIVE_TYPES]; /* what the caller is in, as most processes are */
	struct live_links *links;
};

uint64_t live_namespace(const char *link, bool *ret_is_user)
{
	uint64_t inode = proc_namespace(link, "user");

	*ret_is_user = inode != 0;
	for (size_t i = 0; inode == 0 && i < LIVE_TYPES; i++)
		inode = proc_namespace(link, types[i]);
	return inode;
}

static uint64_t read_link(int dir, const char *name, bool *ret_is_user)
{
	char link[64];
	ssize_t n = readlinkat(dir, name, link, sizeof(link) - 1);

	if (n <= 0)
		return 0;
	link[n] = '\0';
	return live_namespace(link, ret_is_user);
}

static void add_link(struct live_links *links, struct live_link link)
{
	if (links->n == links->room) {
		size_t room = links->room * 2 + 8;
		struct live_link *grown = reallocarray(links->list, room, sizeof(*grown));

		if (grown == NULL) {
			links->error = -ENOMEM;
			return;
		}
		links->list = grown;
		links->room = room;
	}
	links->list[links->n++] = link;
}

static void gather_namespaces(const struct gathering *gathering, int dir,
			      struct live_links *links)
{
	for (size_t i = 0; i < LIVE_TYPES; i++) {
		struct live_link link = { .name = names[i], .fd = -1 };

		link.inode = read_link(dir, names[i], &link.is_user);
		if (i == LIVE_MNT)
			links->mnt = link.inode;
		if (link.inode != 0 && link.inode != gathering->own[i])
			add_link(links, link);
	}
}

static void gather_descriptors(int dir, struct live_links *links)
{
	_Alignas(struct dirent64) char buf[4096];
	auto_close int fds = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ssize_t size = 0;

	links->hidden |= fds < 0 && !proc_vanished(-errno);
	while (fds >= 0 && (size = getdents64(fds, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at < size;) {
			const struct dirent64 *entry = (const void *)(buf + at);
			struct live_link link = { .name = NULL };

			at += entry->d_reclen;
			if (entry->d_name[0] == '.')
				continue;
			link.inode = read_link(fds, entry->d_name, &link.is_user);
			link.fd = (int)strtol(entry->d_name, NULL, 10);
			if (link.inode != 0)
				add_link(links, link);
		}
	}
	links->hidden |= size < 0 && !proc_vanished(-errno);
}

static void gather(void *data, size_t i)
{
	const struct gathering *gathering = data;
	struct live_links links = { .n = 0 };
	auto_close int dir = -1;
	const struct subid_live *live = gathering->live;
	size_t userns = live->processes[i].userns;
	bool whole = userns == 0 || !live->passed_over, is_user;
	char name[16];

	if (!whole && i != live->userns[userns].first)
		return;
	(void)snprintf(name, sizeof(name), "%d", (int)live->processes[i].pid);
	dir = openat(gathering->proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	if (whole) {
		gather_namespaces(gathering, dir, &links);
		gather_descriptors(dir, &links);
	} else {
		links.mnt = read_link(dir, names[LIVE_MNT], &is_user);
	}
	gathering->links[i] = links;
}

struct live_links live_own_links(int proc)
{
	struct gathering gathering = { .proc = proc };
	struct live_links links = { .n = 0 };
	auto_close int dir = openat(proc, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir >= 0)
		gather_namespaces(&gathering, dir, &links);
	return links;
}

int live_gather_links(int proc, const struct subid_live *live, struct live_links *ret)
{
	struct gathering gathering = { .proc = proc, .live = live, .links = ret };
	auto_close int dir = openat(proc, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool is_user;
	int r = 0;

	for (size_t i = 0; dir >= 0 && i < LIVE_TYPES; i++)
		gathering.own[i] = read_link(dir, names[i], &is_user);
	live_run_loop(gather, &gathering, live->n_processes);
	for (size_t i = 0; i < live->n_processes && r == 0; i++)
		r = ret[i].error;
	return r;
}
