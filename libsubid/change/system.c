/* SPDX-License-Identifier: MIT */
/*
 * What a transaction works on: this host, or an image of one.  The descriptors, the
 * name service, the vendor's policy and what containers have are decided here, once, so
 * that no caller can forget one of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"

/*
 * Threat: who reads warnings may read slowly or not at all, and others wait for the locks
 * meanwhile.  They are kept while these are had, one behind the other, in a text that
 * does not grow: what has no room is said at once, out of turn.
 */
struct kept_warnings {
	int depth;
	size_t used;
	char text[16384]; /* each: the note as a letter, the text and a NUL */
};

void root_leases_free(struct root_leases **kept)
{
	if (*kept == NULL)
		return;
	subid_leases_free(&(*kept)->leases);
	free((*kept)->by_owner);
	free(*kept);
	*kept = NULL;
}

void subid_close(struct subid **sys)
{
	if (*sys == NULL)
		return;
	cleanup_close(&(*sys)->root);
	cleanup_close(&(*sys)->etc);
	cleanup_close(&(*sys)->proc);
	free((*sys)->conf);
	free((*sys)->kept);
	subid_users_free(&(*sys)->users);
	root_leases_free(&(*sys)->root_leases);
	home_reader_free(&(*sys)->homes.reader);
	free(*sys);
	*sys = NULL;
}

/* So many owners are looked up one by one. */
#define OWNERS_FEW 16

bool system_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

const struct subid_users *system_users(struct subid *sys)
{
	struct stat passwd;

	if (sys->asked < OWNERS_FEW) {
		sys->asked++;
		return NULL;
	}
	home_reader_make(&sys->homes.reader);
	if (fstatat(sys->etc, "passwd", &passwd, 0) < 0)
		return NULL;
	if (sys->users != NULL && system_same_file(&passwd, &sys->passwd))
		return sys->users;
	subid_users_free(&sys->users);
	if (subid_users_load(sys->etc, sys->host, &sys->users, NULL) < 0)
		return NULL;
	if (subid_users_index(sys->users) < 0)
		subid_users_free(&sys->users);
	sys->passwd = passwd;
	return sys->users;
}

/* "/etc", or DIR/etc. */
static int name_etc(struct subid *sys, const char *name)
{
	int n =
	    name == NULL
		? snprintf(sys->etc_name, sizeof(sys->etc_name), "%s", SUBID_SYSCONFDIR)
		: snprintf(sys->etc_name, sizeof(sys->etc_name), "%s/etc", name);

	if (n < 0 || (size_t)n >= sizeof(sys->etc_name))
		return -ENAMETOOLONG;
	sys->name_len = name == NULL ? 0 : strlen(name);
	return 0;
}

/* name: NULL for this host.  root, of which a copy is kept, is NULL's "/". */
static int open_system(int root, const char *name, struct subid **ret,
		       struct subid_error *err)
{
	auto_system struct subid *sys = calloc(1, sizeof(*sys));
	int r;

	if (sys == NULL)
		return error_memory(err);
	sys->kept = calloc(1, sizeof(*sys->kept));
	if (sys->kept == NULL)
		return error_memory(err);
	sys->host = name == NULL;
	sys->etc = sys->proc = -1;
	sys->homes = (struct homes)HOMES;
	sys->root = fcntl(root, F_DUPFD_CLOEXEC, 3);
	if (sys->root < 0)
		return error_plain(err, -errno, "%s: %s", name == NULL ? "/" : name,
				   strerror(errno));
	r = name_etc(sys, name);
	if (r < 0)
		return error_plain(err, r, "%.200s...: the name is too long", name);
	sys->etc = sys->host ? open(SUBID_SYSCONFDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
			     : beneath_open_dir(sys->root, "etc");
	if (sys->etc < 0) {
		r = sys->host ? -errno : sys->etc;
		return error_errno(err, sys->etc_name, r);
	}
	*ret = sys;
	sys = NULL;
	return 0;
}

int subid_open_at(int dir, const char *name, struct subid **ret, struct subid_error *err)
{
	error_clear(err);
	return open_system(dir, name == NULL ? "" : name, ret, err);
}

int subid_open(const char *root, struct subid **ret, struct subid_error *err)
{
	const char *path = root == NULL ? "/" : root;
	auto_close int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	error_clear(err);
	if (dir < 0)
		return error_plain(err, -errno, "%s%s: %s", root == NULL ? "" : root,
				   root == NULL ? "/" : "/etc", strerror(errno));
	return open_system(dir, root, ret, err);
}

struct system_parts system_parts(const struct subid *sys)
{
	return (struct system_parts){
		.host = sys->host,
		.root = sys->root,
		.etc = sys->etc,
		.etc_name = sys->etc_name,
		.name_len = sys->name_len,
	};
}

int subid_use_policy(struct subid *sys, const char *path)
{
	char *copy = NULL;

	if (path != NULL) {
		copy = strdup(path);
		if (copy == NULL)
			return -ENOMEM;
	}
	free(sys->conf);
	sys->conf = copy;
	return 0;
}

int system_proc(struct subid *sys, struct subid_error *err)
{
	if (!sys->host || sys->proc >= 0)
		return 0;
	sys->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sys->proc >= 0)
		return 0;
	return error_plain(err, -errno, "/proc: %s: running processes cannot be seen",
			   strerror(errno));
}

/* Once, and not while something is changed: nothing is, before the lock is had. */
static void say_waiting(const void *data, const struct subid_holder *holder)
{
	const struct subid *sys = data;

	if (holder->pid > 0)
		system_warn(sys, SUBID_NOTE_REMARK, "waiting for process %d (%s): %s/%s",
			    (int)holder->pid,
			    holder->program[0] == '\0' ? "of unknown name"
						       : holder->program,
			    sys->etc_name, holder->file);
	else
		system_warn(sys, SUBID_NOTE_REMARK, "waiting for another process: %s/%s",
			    sys->etc_name, holder->file);
}

struct subid_lock_wait system_wait(const struct subid *sys)
{
	return (struct subid_lock_wait){ .waiting = say_waiting, .data = sys };
}

struct subid_txn_options system_options(const struct subid *sys, unsigned int flags,
					int timeout_ms)
{
	return (struct subid_txn_options){
		.etc = sys->etc,
		.proc = (flags & (SUBID_NO_GRANTS | SUBID_LOOK)) != 0 ? -1 : sys->proc,
		.nss = sys->host,
		.dry_run = (flags & (SUBID_DRY_RUN | SUBID_LOOK)) != 0,
		.late = true,
		.look = (flags & SUBID_LOOK) != 0,
		.untold = LOGIN_RUN_DIR,
		.timeout_ms = timeout_ms,
		/* a login tries again and again, and says in the end who has it */
		.wait = (flags & SUBID_BY_LOGIN) != 0
			    ? (struct subid_lock_wait){ .data = NULL }
			    : system_wait(sys),
		.vendor = sys->host ? SUBID_VENDORDIR : NULL,
		.by_login = (flags & SUBID_BY_LOGIN) != 0,
		.conf = sys->conf,
		.leased = (flags & (SUBID_NO_GRANTS | SUBID_LOOK)) == 0,
		.no_grants = (flags & SUBID_NO_GRANTS) != 0,
		.import = (flags & SUBID_IMPORT) != 0,
		.root = sys->root,
		.ledger = (flags & SUBID_LOOK) == 0,
		.state = -ENOENT,
		.search = (flags & (SUBID_SEARCH | SUBID_IMPORT)) != 0,
	};
}

bool subid_txn_is_host(const struct subid_txn_options *options)
{
	struct stat etc, host;

	return fstat(options->etc, &etc) == 0 && stat(SUBID_SYSCONFDIR, &host) == 0 &&
	       etc.st_dev == host.st_dev && etc.st_ino == host.st_ino;
}

/* --- warnings ----------------------------------------------------------------------- */

void subid_on_warning(struct subid *sys, subid_warning_fn *warn, void *data)
{
	sys->warn = warn;
	sys->warn_data = data;
}

/* False: there is no room for it. */
static bool keep_warning(const struct subid *sys, enum subid_note note, const char *text)
{
	struct kept_warnings *kept = sys->kept;
	size_t size = strlen(text) + 2;

	if (kept->depth == 0 || size > sizeof(kept->text) - kept->used)
		return false;
	kept->text[kept->used] = (char)note;
	memcpy(kept->text + kept->used + 1, text, size - 1);
	kept->used += size;
	return true;
}

void system_keep_warnings(const struct subid *sys, bool keep)
{
	struct kept_warnings *kept = sys->kept;
	size_t used;

	kept->depth += keep ? 1 : -1;
	if (kept->depth > 0)
		return;
	used = kept->used;
	kept->used = 0;
	for (size_t at = 0; at < used; at += strlen(kept->text + at + 1) + 2)
		sys->warn(sys->warn_data, (enum subid_note)kept->text[at],
			  kept->text + at + 1);
}

void system_warn_error(const struct subid *sys, enum subid_note note,
		       const struct subid_error *err)
{
	if (sys->warn != NULL && !keep_warning(sys, note, err->text))
		sys->warn(sys->warn_data, note, err->text);
}

void system_warn(const struct subid *sys, enum subid_note note, const char *format, ...)
{
	char text[SUBID_ERROR_FILE_SIZE + 512];
	va_list args;

	if (sys->warn == NULL)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!keep_warning(sys, note, text))
		sys->warn(sys->warn_data, note, text);
}

void system_warn_hidden(const struct subid *sys, const struct subid_unreadable *unseen)
{
	struct subid_error warning = { .size = sizeof(warning) };

	if (unseen->n_hidden == 0 || sys->warn == NULL)
		return;
	(void)error_hidden(&warning, -EACCES, NULL, unseen,
			   "none of the last change's are given; end the process, and"
			   " see 'subid audit'");
	system_warn_error(sys, SUBID_NOTE_REMARK, &warning);
}

int system_check_unread(const struct subid *sys, const char *above,
			const struct subid_runtime_state *state, struct subid_error *err)
{
	const char *why =
	    state->error == SUBID_ABSENT ? "its storage is not mounted" : "damaged";

	if (state->n_unread == 0)
		return 0;
	if (state->error < 0)
		return error_plain(
		    err, state->error,
		    "%s%s: %s (and %zu more): which ids a stopped container"
		    " has there is not known: nothing is given until it can"
		    " be read",
		    above, state->unread, strerror(-state->error), state->n_unread - 1);
	system_warn(sys, SUBID_NOTE_WARNING,
		    "%s%s: %s (and %zu more): the ids of a stopped container that are"
		    " written there are not known",
		    above, state->unread, why, state->n_unread - 1);
	return 0;
}
