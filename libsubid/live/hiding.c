/* SPDX-License-Identifier: MIT */
/*
 * Who hides something: all users, however many processes they do it with.
 */
#include <errno.h>
#include <stdlib.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return x < y ? -1 : x > y;
}

/* The processes that keep what could not be read, each once; the caller frees *ret. */
static int find_keepers(const struct subid_live *live, pid_t **ret, size_t *ret_n)
{
	pid_t *pids = reallocarray(NULL, live->n + live->n_covered + 1, sizeof(*pids));
	size_t n = 0, kept = 0;

	if (pids == NULL)
		return -ENOMEM;
	for (size_t i = 1; i < live->n; i++)
		if (live->userns[i].n == 0 && live_error_of(&live->userns[i]) != 0)
			pids[n++] = live->userns[i].holder;
	for (size_t i = 0; i < live->n_covered; i++)
		pids[n++] = live->covered[i].pid;
	qsort(pids, n, sizeof(*pids), compare_pids);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || pids[kept - 1] != pids[i])
			pids[kept++] = pids[i];
	*ret = pids;
	*ret_n = kept;
	return 0;
}

static int add_uid(struct subid_set *uids, uint32_t uid, bool *known)
{
	*known &= uid != SUBID_ID_NONE;
	return uid == SUBID_ID_NONE ? 0
				    : subid_set_add(uids, (struct id_range){ uid, 1 });
}

int subid_live_hiding(int proc, const struct subid_live *live, struct subid_set *ret)
{
	auto_free pid_t *pids = NULL;
	size_t n = 0, found = 0;
	bool known = true;
	int r = find_keepers(live, &pids, &n);

	for (size_t i = 0; r == 0 && n > 0 && i < live->n_processes; i++) {
		const struct subid_live_process *process = &live->processes[i];

		if (bsearch(&process->pid, pids, n, sizeof(*pids), compare_pids) == NULL)
			continue;
		found++;
		r = add_uid(ret, live_user_of_process(proc, live, process), &known);
	}
	for (size_t i = 0; r == 0 && i < live->n_unlooked; i++)
		r = add_uid(ret, live->unlooked[i].uid, &known);
	subid_set_sort(ret);
	if (r < 0)
		return r;
	return known && found == n ? 0 : SUBID_ABSENT;
}
