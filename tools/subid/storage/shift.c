/* SPDX-License-Identifier: MIT */
/*
 * The three ways through a tree: to plan, to shift, to verify.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/core/files.h"
#include "tools/subid/storage/private.h"

enum purpose {
	TO_PLAN,
	TO_SHIFT,
	TO_VERIFY,
};

#define PROGRESS_EACH 1024

struct pass {
	const struct storage_job *job;
	struct storage_report *report;
	enum purpose purpose;
	struct links links; /* of the plan; a shift has it from there */
	uint64_t seen, total;
	/* the entry that is visited */
	const struct walk *walk;
	const char *name;
	bool already;
	int error;
};

static const struct {
	const char *name, *text;
} whats[STORAGE_WHATS] = {
	[STORAGE_UID] = { "uid", "owner" },
	[STORAGE_GID] = { "gid", "group" },
	[STORAGE_ACL_UID] = { "acl-uid", "uid in the ACL" },
	[STORAGE_ACL_GID] = { "acl-gid", "gid in the ACL" },
	[STORAGE_CAPABILITY] = { "capability", "root id of the file capabilities" },
	[STORAGE_ACL_TWICE] = { "acl-twice", "the ACL would have an id twice" },
	[STORAGE_IMMUTABLE] = { "immutable", "immutable" },
	[STORAGE_APPEND_ONLY] = { "append-only", "append-only" },
	[STORAGE_LINKED] = { "linked", "has another name outside of the tree" },
	[STORAGE_UNFINISHED] = { "unfinished", "a shift was begun and not finished" },
	[STORAGE_MOUNT] = { "mount", "another mount, not entered" },
};

const char *storage_what_name(enum storage_what what)
{
	return whats[what].name;
}

const char *storage_what_text(enum storage_what what)
{
	return whats[what].text;
}

void storage_report_free(struct storage_report *report)
{
	for (size_t i = 0; i < report->n; i++)
		free(report->list[i].path);
	free(report->list);
	free(report->path);
	*report = (struct storage_report){ .n = 0 };
}

bool storage_report_refuses(const struct storage_report *report, unsigned int flags)
{
	const uint64_t *found = report->found;

	for (enum storage_what what = STORAGE_UID; what <= STORAGE_CAPABILITY; what++)
		if (found[what] > 0 && (flags & STORAGE_LEAVE) == 0)
			return true;
	if (found[STORAGE_LINKED] > 0 && (flags & STORAGE_LINKED_TOO) == 0)
		return true;
	return found[STORAGE_ACL_TWICE] > 0 || found[STORAGE_IMMUTABLE] > 0 ||
	       found[STORAGE_APPEND_ONLY] > 0;
}

/* Takes path over. */
static int add_finding(struct storage_report *report, enum storage_what what, uint32_t id,
		       char *path)
{
	if (path == NULL)
		return -ENOMEM;
	if (array_grow(&report->list, report->n, sizeof(*report->list)) < 0) {
		free(path);
		return -ENOMEM;
	}
	report->list[report->n++] = (struct storage_finding){ what, id, path };
	return 0;
}

static void find(struct pass *pass, enum storage_what what, uint32_t id)
{
	int r;

	pass->report->found[what]++;
	if (pass->report->n >= STORAGE_FINDINGS_MAX)
		return;
	r = add_finding(pass->report, what, id, walk_path(pass->walk, pass->name));
	if (r < 0)
		pass->error = r;
}

static void note(void *data, enum storage_what what, enum storage_place place,
		 uint32_t id)
{
	struct pass *pass = data;
	enum storage_place wrong =
	    pass->purpose == TO_VERIFY ? STORAGE_FROM : STORAGE_OUTSIDE;

	pass->already |= place == STORAGE_TO;
	if (place == wrong)
		find(pass, what, id);
}

/* --- files with several names --------------------------------------------------------
 */

/* Is it visited by another name than the first?  -ENOMEM. */
static int is_again(struct pass *pass, const struct statx *st, struct link **ret)
{
	*ret = NULL;
	if (S_ISDIR(st->stx_mode) || st->stx_nlink < 2)
		return 0;
	*ret = links_find(&pass->links, st);
	if (*ret == NULL)
		return -ENOMEM;
	if (pass->purpose == TO_SHIFT)
		return 0; /* then it has no id of from any more */
	return ++(*ret)->seen > 1;
}

/* Threat: a file of somebody else's, which the tree's owner has linked into it. */
static bool may_change(struct pass *pass, const struct link *link)
{
	if (link == NULL || link->seen >= link->nlink ||
	    (pass->job->flags & STORAGE_LINKED_TOO) != 0)
		return true;
	find(pass, STORAGE_LINKED, SUBID_ID_NONE);
	return false;
}

/* After all names have been seen. */
static int find_linked(struct pass *pass)
{
	struct storage_report *report = pass->report;

	for (size_t i = 0; i < pass->links.room; i++) {
		struct link *link = &pass->links.table[i];
		int r;

		if (link->path == NULL || link->seen >= link->nlink)
			continue;
		report->found[STORAGE_LINKED]++;
		if (report->n >= STORAGE_FINDINGS_MAX)
			continue;
		r = add_finding(report, STORAGE_LINKED, SUBID_ID_NONE, link->path);
		link->path = NULL;
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- one entry -----------------------------------------------------------------------
 */

static bool is_locked(struct pass *pass, const struct entry *entry)
{
	if (entry->immutable)
		find(pass, STORAGE_IMMUTABLE, SUBID_ID_NONE);
	else if (entry->append_only)
		find(pass, STORAGE_APPEND_ONLY, SUBID_ID_NONE);
	return entry->immutable || entry->append_only;
}

static void count(struct pass *pass, const struct change *change)
{
	struct storage_report *report = pass->report;
	bool any = change->owner || change->acls[ACL_ACCESS].bytes != NULL ||
		   change->acls[ACL_DEFAULT].bytes != NULL || change->restore;

	report->shifted += any;
	report->already += !any && pass->already;
	report->finished += change->finish;
	report->privileged += any && change->privileged;
	for (size_t i = 0; i < ACL_KINDS; i++)
		report->acls += change->acls[i].bytes != NULL;
}

static int treat(struct pass *pass, const struct entry *entry,
		 const struct change *change, struct link *link)
{
	if (entry->has_record && pass->purpose != TO_SHIFT)
		find(pass, STORAGE_UNFINISHED, SUBID_ID_NONE);
	if (pass->purpose == TO_VERIFY)
		return 0;
	if (change_is_any(change) && is_locked(pass, entry))
		return 0;
	if (pass->purpose == TO_PLAN && change_is_any(change) && link != NULL) {
		link->path = walk_path(pass->walk, pass->name);
		if (link->path == NULL)
			return -ENOMEM;
	}
	if (pass->purpose == TO_SHIFT && change_is_any(change)) {
		int r = may_change(pass, link) ? change_apply(entry, change) : 1;

		if (r != 0)
			return r < 0 ? r : 0;
	}
	count(pass, change);
	return 0;
}

static int visit(void *data, const struct walk *walk, const char *name, int fd,
		 const struct statx *st)
{
	struct pass *pass = data;
	struct change change = { .owner = false };
	struct entry entry;
	struct link *link;
	int r = is_again(pass, st, &link);

	if (++pass->seen % PROGRESS_EACH == 0 && pass->job->progress != NULL)
		pass->job->progress(pass->job->data, pass->seen, pass->total);
	if (r != 0)
		return r < 0 ? r : 0;
	pass->walk = walk;
	pass->name = name;
	pass->already = false;
	pass->report->entries++;
	r = entry_read(fd, st, &entry);
	if (r < 0)
		return r;
	r = change_plan(&entry, pass->job->map, note, pass, &change);
	if (r == 0)
		r = treat(pass, &entry, &change, link);
	else if (r == SUBID_TAKEN)
		find(pass, STORAGE_ACL_TWICE, SUBID_ID_NONE);
	change_free(&change);
	entry_free(&entry);
	return r < 0 ? r : pass->error;
}

static int visit_mount(void *data, const struct walk *walk, const char *name, int fd,
		       const struct statx *st)
{
	struct pass *pass = data;

	(void)fd;
	(void)st;
	pass->walk = walk;
	pass->name = name;
	find(pass, STORAGE_MOUNT, SUBID_ID_NONE);
	return pass->error;
}

/* --- a tree --------------------------------------------------------------------------
 */

static int walk(struct pass *pass)
{
	const struct walk_options options = {
		.cross = (pass->job->flags & STORAGE_CROSS) != 0,
		.glance = pass->purpose == TO_PLAN,
		.visit = visit,
		.mount = visit_mount,
		.data = pass,
	};
	int r = entry_check_proc();

	return r < 0 ? r : walk_tree(pass->job->tree, &options, &pass->report->path);
}

int storage_open(const char *path)
{
	return beneath_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
}

static int plan(struct pass *pass)
{
	int r = walk(pass);

	return r < 0 ? r : find_linked(pass);
}

int storage_plan(const struct storage_job *job, struct storage_report *ret)
{
	struct pass pass = { .job = job, .report = ret, .purpose = TO_PLAN };
	int r = plan(&pass);

	links_free(&pass.links);
	return r;
}

int storage_verify(const struct storage_job *job, struct storage_report *ret)
{
	struct pass pass = { .job = job, .report = ret, .purpose = TO_VERIFY };
	int r = walk(&pass);

	links_free(&pass.links);
	return r;
}

/* What was done outlasts a power cut before it is said to be done. */
static int sync_tree(const struct storage_job *job)
{
	auto_close int fd = openat(job->tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if ((job->flags & STORAGE_CROSS) != 0)
		sync();
	return syncfs(fd) < 0 ? -errno : 0;
}

static int shift(struct pass *pass, const struct storage_report *planned)
{
	struct storage_report *report = pass->report;
	int r = walk(pass);

	/* this way counts a file once for each of its names */
	report->entries = planned->entries;
	report->already = planned->already;
	if (r == 0)
		r = sync_tree(pass->job);
	if (r < 0)
		return r;
	return storage_report_refuses(report, pass->job->flags) ? SUBID_DENIED : 0;
}

int storage_shift(const struct storage_job *job, struct storage_report *ret)
{
	auto_storage_report struct storage_report planned = { .n = 0 };
	struct pass pass = { .job = job, .report = &planned, .purpose = TO_PLAN };
	int r = plan(&pass);

	if (r == 0 && !storage_report_refuses(&planned, job->flags)) {
		pass.report = ret;
		ret->begun = true;
		if (job->begin != NULL && (planned.shifted > 0 || planned.finished > 0))
			job->begin(job->data);
		pass.purpose = TO_SHIFT;
		pass.total = pass.seen;
		pass.seen = 0;
		r = shift(&pass, &planned);
	} else {
		*ret = planned;
		planned = (struct storage_report){ .n = 0 };
		r = r < 0 ? r : SUBID_DENIED;
	}
	links_free(&pass.links);
	return r;
}
