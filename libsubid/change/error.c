/* SPDX-License-Identifier: MIT */
/*
 * Any failure, and any answer that is no, as sentences: what failed, why, and what to do
 * about it.  The programs print them, each line after their own name.
 */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"

/* Kept free for the last line, which says what follows. */
#define LAST_LINE_MAX 1024

static bool is_usable(const struct subid_error *err)
{
	return err != NULL && err->size >= sizeof(*err);
}

void error_clear(struct subid_error *err)
{
	if (!is_usable(err))
		return;
	err->code = 0;
	err->line = 0;
	err->pid = 0;
	err->program[0] = err->file[0] = err->text[0] = '\0';
}

/* Adds a line; one that has no room is left out. */
__attribute__((format(printf, 3, 0))) static void
add_line(struct subid_error *err, size_t room, const char *format, va_list args)
{
	size_t len = strlen(err->text), start = len;
	int n;

	if (len > 0 && len + 1 < room)
		err->text[len++] = '\n';
	n = vsnprintf(err->text + len, room - len, format, args);
	if (n < 0 || (size_t)n >= room - len)
		err->text[start == 0 ? room - 1 : start] = '\0';
	/* a name may have any bytes, but no second line */
	for (char *c = err->text + len; *c != '\0'; c++)
		if (*c == '\n')
			*c = '?';
}

void error_detail(struct subid_error *err, const char *format, ...)
{
	va_list args;

	if (!is_usable(err))
		return;
	va_start(args, format);
	add_line(err, sizeof(err->text) - LAST_LINE_MAX, format, args);
	va_end(args);
}

int error_plain(struct subid_error *err, int code, const char *format, ...)
{
	va_list args;

	if (!is_usable(err))
		return code;
	err->code = code;
	va_start(args, format);
	add_line(err, sizeof(err->text), format, args);
	va_end(args);
	return code;
}

int error_memory(struct subid_error *err)
{
	return error_errno(err, NULL, -ENOMEM);
}

int error_errno(struct subid_error *err, const char *what, int r)
{
	return error_plain(err, r, "%s%s%s", what == NULL ? "" : what,
			   what == NULL ? "" : ": ", strerror(-r));
}

int error_code(struct subid_error *err, int code)
{
	if (is_usable(err))
		err->code = code;
	return code;
}

void error_process(struct subid_error *err, pid_t pid, const char *program)
{
	if (!is_usable(err) || err->pid != 0)
		return; /* the first */
	err->pid = pid;
	(void)snprintf(err->program, sizeof(err->program), "%s", program);
}

/* What an answer means, where nothing has said more. */
static const char *answer_text(int answer)
{
	switch (answer) {
	case SUBID_DENIED:
		return "the owner does not hold these ids";
	case SUBID_FULL:
		return "there is no gap of that size";
	case SUBID_UNKNOWN:
		return "no such account or group";
	case SUBID_TAKEN:
		return "some of these ids are in use";
	case SUBID_BUSY:
		return "another process holds the lock";
	case SUBID_INVALID:
		return "not valid";
	case SUBID_OFF:
		return "the policy gives no ids of this kind";
	case SUBID_ENOUGH:
		return "the owner already has what was asked for";
	case SUBID_ABSENT:
		return "there is nothing of the kind";
	case SUBID_IN_USE:
		return "a process or a user namespace uses these ids";
	case SUBID_FORBIDDEN:
		return "the policy never gives this owner any ids";
	default:
		return "unknown answer";
	}
}

size_t subid_error_text(const struct subid_error *err, char *buf, size_t size)
{
	int n;

	if (is_usable(err) && err->text[0] != '\0')
		n = snprintf(buf, size, "%s", err->text);
	else if (!is_usable(err) || err->code == 0)
		n = snprintf(buf, size, "no error");
	else
		n = snprintf(buf, size, "%s",
			     err->code < 0 ? strerror(-err->code)
					   : answer_text(err->code));
	return n < 0 ? 0 : (size_t)n;
}

static int lock_is_busy(struct subid_error *err, const char *etc,
			const struct subid_failure *failure)
{
	const struct subid_holder *holder = &failure->holder;
	char waited[32] = "";

	if (holder->pid > 0)
		error_process(err, holder->pid, holder->program);
	if (failure->waited_ms >= 1000)
		(void)snprintf(waited, sizeof(waited), " for more than %d s",
			       failure->waited_ms / 1000);
	if (holder->pid < 0)
		return error_plain(
		    err, SUBID_BUSY,
		    "%s/%s: locked, but no pid is in it: see whether useradd,"
		    " usermod or the like runs, and remove it if not",
		    etc, holder->file);
	if (holder->pid == 0)
		return error_plain(err, SUBID_BUSY,
				   "%s/%s: locked by another process%s: try again later",
				   etc, holder->file, waited);
	return error_plain(
	    err, SUBID_BUSY,
	    "%s/%s: locked by process %d (%s)%s: try again when it is done", etc,
	    holder->file, (int)holder->pid,
	    holder->program[0] == '\0' ? "of unknown name" : holder->program, waited);
}

void error_conf_file(const char *etc, const char *file, char *buf, size_t size)
{
	if (file[0] == '/')
		(void)snprintf(buf, size, "%s", file);
	else
		(void)snprintf(buf, size, "%s/%s", etc, file);
}

/* The site's policy, which is more than one file. */
static int conf_is_wrong(struct subid_error *err, const char *etc, int r,
			 const struct subid_failure *failure)
{
	const struct subid_place *place = &failure->place;
	char file[ERROR_FILE_SIZE];

	error_conf_file(etc, failure->conf, file, sizeof(file));
	if (r < 0)
		return error_plain(err, r,
				   "%s: %s: nothing is given until it can be read", file,
				   open_why(-r));
	if (place->line == 0)
		return error_plain(err, r,
				   "%s: %s %s: nothing is given until it is put right",
				   file, place->key, place->why);
	return error_plain(err, r,
			   "%s:%zu: %s %s: nothing is given until it is put right", file,
			   place->line, place->key, place->why);
}

static int named_failure(struct subid_error *err, const char *etc, const char *root,
			 int r, const struct subid_failure *failure)
{
	char path[ERROR_FILE_SIZE], why[2 * PATH_MAX + 256];
	const char *file = failure->file;

	if (r == SUBID_INVALID && failure->place.line > 0)
		return error_plain(err, r,
				   "%s/%s:%zu: %s %s: nothing is given until"
				   " it is put right",
				   etc, file, failure->place.line, failure->place.key,
				   failure->place.why);
	if (r == SUBID_INVALID)
		return error_plain(err, r,
				   "%s/%s: %s %s: nothing is given until it is put right",
				   etc, file, failure->place.key, failure->place.why);
	if (r == -ESTALE && failure->place.why != NULL)
		return error_plain(err, r, "%s/%s: %s", etc, file, failure->place.why);
	if (failure->unseen.n > 0)
		return error_unseen(err, r, file, &failure->unseen);
	if (failure->owner[0] != '\0')
		return error_plain(
		    err, r,
		    "%s: cannot be looked up: %s: nothing is given until it"
		    " is known which ids are this account's own",
		    failure->owner, strerror(-r));
	error_conf_file(etc, file, path, sizeof(path));
	if (file[0] == '/')
		(void)snprintf(path, sizeof(path), "%s%s", root, file);
	open_why_path(path, -r, why, sizeof(why));
	return error_plain(err, r, "%s%s: %s",
			   r == -EACCES && root[0] == '\0' && geteuid() != 0 &&
				   strcmp(file, ".pwd.lock") == 0
			       ? "only root can change ranges: "
			       : "",
			   path, why);
}

int error_failure_in(struct subid_error *err, const char *etc, const char *root, int r,
		     const struct subid_failure *failure)
{
	const char *file = failure->file;

	if (r == SUBID_BUSY)
		file = failure->holder.file;
	if (is_usable(err)) {
		err->line = failure->place.line;
		if (file != NULL)
			error_conf_file(file[0] == '/' ? root : etc,
					failure->conf[0] != '\0' ? failure->conf : file,
					err->file, sizeof(err->file));
	}
	if (r == SUBID_BUSY)
		return lock_is_busy(err, etc, failure);
	if (file != NULL && strcmp(file, SUBID_CONF_FILE) == 0)
		return conf_is_wrong(err, etc, r, failure);
	if (r == -ENOTRECOVERABLE)
		return error_plain(
		    err, r,
		    "%s: only one of subuid and subgid could be replaced, and"
		    " not be put back: compare them with subuid- and subgid-"
		    " or subuid+ and subgid+",
		    etc);
	if (file == NULL)
		return error_plain(err, r, "%s: subuid and subgid were not changed: %s",
				   etc, open_why(-r));
	return named_failure(err, etc, root, r, failure);
}

int error_failure(struct subid_error *err, const struct subid *sys, int r,
		  const struct subid_failure *failure)
{
	char root[sizeof(sys->etc_name)];

	(void)snprintf(root, sizeof(root), "%.*s", (int)sys->name_len, sys->etc_name);
	return error_failure_in(err, sys->etc_name, root, r, failure);
}

/* --- what is out of sight ---------------------------------------------------------- */

void error_hider_text(const struct subid_hider *hider, char *buf, size_t size)
{
	struct passwd entry, *user = NULL;
	char whose[64] = "", names[4096];

	if (hider->uid != SUBID_ID_NONE)
		(void)getpwuid_r(hider->uid, &entry, names, sizeof(names), &user);
	if (user != NULL)
		(void)snprintf(whose, sizeof(whose), " of %.32s (uid %u)", user->pw_name,
			       hider->uid);
	else if (hider->uid != SUBID_ID_NONE)
		(void)snprintf(whose, sizeof(whose), " of uid %u", hider->uid);
	if (hider->pid == 0)
		(void)snprintf(buf, size, "a process%s", whose);
	else
		(void)snprintf(buf, size, "process %d (%s)%s", (int)hider->pid,
			       hider->program[0] == '\0' ? "of unknown name"
							 : hider->program,
			       whose);
}

int error_unseen(struct subid_error *err, int code, const char *what,
		 const struct subid_unreadable *unseen)
{
	char who[ERROR_HIDER_SIZE], remedy[SIGHT_REMEDY_SIZE];

	error_hider_text(&unseen->first, who, sizeof(who));
	sight_remedy("this", remedy, sizeof(remedy));
	return error_plain(
	    err, code, "%s: %s: the ids that it has cannot be seen: %s%s: %s", what, who,
	    strerror(-unseen->first.error), unseen->n > 1 ? ", and of more" : "", remedy);
}
