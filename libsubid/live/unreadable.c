/* SPDX-License-Identifier: MIT */
/*
 * What a snapshot could not read, and the processes that keep it.
 */
#include <errno.h>
#include <string.h>

#include "libsubid/live/private.h"

static int error_of(const struct subid_live_userns *userns)
{
	return userns->maps[SUBID_UID].error != 0 ? userns->maps[SUBID_UID].error
						  : userns->maps[SUBID_GID].error;
}

static struct subid_hider hider_of(int proc, const struct subid_live *live, pid_t pid)
{
	struct subid_hider hider = { .pid = pid, .uid = SUBID_ID_NONE };

	if (proc >= 0 && pid > 0)
		proc_read_program(proc, pid, hider.program);
	for (size_t i = 0; i < live->n_processes; i++) {
		const struct subid_live_process *process = &live->processes[i];

		if (process->pid == pid)
			hider.uid = live_user_of_process(proc, live, process);
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

size_t subid_live_hiders(int proc, const struct subid_live *live, struct subid_hider *ret,
			 size_t room)
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
	for (size_t i = 0; i < live->n_unlooked && n < room; i++) {
		ret[n] = hider_of(proc, live, live->unlooked[i].pid);
		ret[n].uid = live->unlooked[i].uid;
		ret[n++].error = -ETIME;
	}
	return n;
}

void subid_live_unreadable(int proc, const struct subid_live *live,
			   struct subid_unreadable *ret)
{
	struct subid_unreadable found = {
		.n = live->n_unread,
		.n_hidden = live->n_covered + live->n_unlooked,
		.first.uid = SUBID_ID_NONE,
	};

	if (live->n_unread > 0) {
		found.first = hider_of(proc, live, live->unread_pid);
		found.first.error = live->unread_error;
	}
	for (size_t i = 1; i < live->n; i++) {
		const struct subid_live_userns *userns = &live->userns[i];

		if (error_of(userns) == 0)
			continue;
		if (userns->n > 0 && found.n == 0) {
			found.first = hider_of(proc, live, userns->holder);
			found.first.userns = userns->inode;
			found.first.error = error_of(userns);
		}
		found.n += userns->n > 0;
		found.n_hidden += userns->n == 0;
	}
	if (found.n == 0)
		(void)subid_live_hiders(proc, live, &found.first, 1);
	*ret = found;
}
