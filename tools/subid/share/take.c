/* SPDX-License-Identifier: MIT */
/*
 * A tree that is there becomes a store's: its files, the host's so far, are given to the
 * store, id by id, by the same means as `subid shift --from host` does it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/subid/share/share.h"
#include "tools/subid/storage/storage.h"
#include "tools/subid/trace_files.h"

#define SHOWN 20

/* The host's ids from 0 on that the store has ids for, but for those of the store. */
static int host_ids(const struct subid_share *share, struct subid_sets *ret)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		struct id_range ids = { .count = share->ids[kind].count };

		if (ids.count > share->ids[kind].start)
			ids.count = share->ids[kind].start;
		r = subid_set_insert(&ret->of[kind], ids);
	}
	return r;
}

static int store_ids(const struct subid_share *share, struct subid_sets *ret)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_set_insert(&ret->of[kind], share->ids[kind]);
	return r;
}

static int make_map(const struct subid_share *share, struct storage_map *ret)
{
	auto_sets struct subid_sets from = { .of = { { .n = 0 } } };
	auto_sets struct subid_sets to = { .of = { { .n = 0 } } };
	struct storage_refusal why;
	int r = host_ids(share, &from);

	if (r == 0)
		r = store_ids(share, &to);
	return r == 0 ? storage_map_make(&from, &to, ret, &why) : r;
}

/* What stands in the way, the first of it. */
static void say_findings(const struct subid_share *share,
			 const struct storage_report *report)
{
	for (size_t i = 0; i < report->n && i < SHOWN; i++) {
		const struct storage_finding *finding = &report->list[i];

		if (finding->id == SUBID_ID_NONE)
			(void)cli_complain(0, "%s/%s: %s", share->dir, finding->path,
					   storage_what_text(finding->what));
		else
			(void)cli_complain(0,
					   "%s/%s: %s %u is none of the first %u of the"
					   " host",
					   share->dir, finding->path,
					   storage_what_text(finding->what), finding->id,
					   share->ids[SUBID_UID].count);
	}
	if (report->n > SHOWN)
		(void)cli_complain(0, "%s: and %zu more", share->dir, report->n - SHOWN);
}

static int failed(const struct subid_share *share, const struct storage_report *report,
		  int r)
{
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s/%s: %s", share->dir,
				    report->path == NULL ? "." : report->path,
				    strerror(-r));
	say_findings(share, report);
	return cli_complain(EXIT_NO,
			    "%s: is not taken over: see 'subid shift' for what"
			    " stands in the way",
			    share->dir);
}

/* What stands in the way does so before anything is changed. */
static int look(const struct subid_share *share, const struct storage_job *job)
{
	auto_storage_report struct storage_report report = { .n = 0 };
	int r = storage_plan(job, &report);

	if (r == 0 && storage_report_refuses(&report, job->flags))
		r = SUBID_DENIED;
	return r == 0 ? EXIT_DONE : failed(share, &report, r);
}

static void trace_begin(void *data)
{
	const struct subid_share *share = data;
	const struct files_event event = {
		.action = FILES_SHIFT_BEGUN,
		.path = share->dir,
		.store = share->store,
	};

	files_trace(&event);
}

int share_take_over(const struct subid_share *share, int dir, bool *ret_changed)
{
	auto_storage_map struct storage_map map = { .of = { { .n = 0 } } };
	auto_storage_report struct storage_report report = { .n = 0 };
	struct subid_share copy = *share; /* it borrows the texts */
	const struct storage_job job = {
		.tree = dir,
		.map = &map,
		.begin = trace_begin,
		.data = &copy,
	};
	int r = make_map(share, &map), status;

	*ret_changed = false;
	if (r != 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", share->store,
				    r < 0 ? strerror(-r) : "its ids are the host's");
	status = look(share, &job);
	if (status != EXIT_DONE)
		return status;
	r = storage_shift(&job, &report);
	/* whatever became of it, some files may be the store's */
	*ret_changed = r != 0;
	return r == 0 ? EXIT_DONE : failed(share, &report, r);
}
