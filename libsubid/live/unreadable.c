/* SPDX-License-Identifier: MIT */
/*
 * What a snapshot could not look into, and who is behind it.
 */
#include "libsubid/live/private.h"

static int error_of(const struct subid_live_userns *userns)
{
	return userns->maps[SUBID_UID].error != 0 ? userns->maps[SUBID_UID].error
						  : userns->maps[SUBID_GID].error;
}

/* Who made the outermost namespace around one: what is in there acts for that user. */
static uint32_t user_of(const struct subid_live *live, size_t userns)
{
	size_t parent = live->userns[userns].parent;

	while (parent != SUBID_LIVE_NONE && parent != 0) {
		userns = parent;
		parent = live->userns[userns].parent;
	}
	return live->userns[userns].owner;
}

static struct subid_hider hider_of(int proc, const struct subid_live *live, pid_t pid)
{
	struct subid_hider hider = { .pid = pid, .uid = SUBID_ID_NONE };

	if (proc >= 0 && pid > 0)
		userns_read_program(proc, pid, hider.program);
	for (size_t i = 0; i < live->n_processes; i++) {
		const struct subid_live_process *process = &live->processes[i];

		if (process->pid == pid)
			hider.uid = process->userns == 0 ? process->uid
							 : user_of(live, process->userns);
	}
	return hider;
}

static bool is_listed(const struct subid_hider *hiders, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (hiders[i].pid == pid)
			return true;
	return false;
}

size_t subid_userns_hiders(int proc, const struct subid_live *live,
			   struct subid_hider *ret, size_t room)
{
	size_t n = 0;

	for (size_t i = 1; i < live->n && n < room; i++) {
		const struct subid_live_userns *userns = &live->userns[i];

		if (userns->n > 0 || error_of(userns) == 0 ||
		    is_listed(ret, n, userns->holder))
			continue;
		ret[n] = hider_of(proc, live, userns->holder);
		ret[n].userns = userns->inode;
		ret[n++].error = error_of(userns);
	}
	for (size_t i = 0; i < live->n_covered && n < room; i++) {
		if (is_listed(ret, n, live->covered[i].pid))
			continue;
		ret[n] = hider_of(proc, live, live->covered[i].pid);
		ret[n++].error = live->covered[i].error;
	}
	return n;
}

void subid_userns_unseen(int proc, const struct subid_live *live,
			 struct subid_unseen *ret)
{
	struct subid_unseen unseen = {
		.n = live->n_unread,
		.n_hidden = live->n_covered,
		.first.uid = SUBID_ID_NONE,
	};

	if (live->n_unread > 0) {
		unseen.first = hider_of(proc, live, live->unread_pid);
		unseen.first.error = live->unread_error;
	}
	for (size_t i = 1; i < live->n; i++) {
		const struct subid_live_userns *userns = &live->userns[i];

		if (error_of(userns) == 0)
			continue;
		if (userns->n > 0 && unseen.n == 0) {
			unseen.first = hider_of(proc, live, userns->holder);
			unseen.first.userns = userns->inode;
			unseen.first.error = error_of(userns);
		}
		unseen.n += userns->n > 0;
		unseen.n_hidden += userns->n == 0;
	}
	if (unseen.n == 0)
		(void)subid_userns_hiders(proc, live, &unseen.first, 1);
	*ret = unseen;
}
