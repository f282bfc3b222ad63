/* SPDX-License-Identifier: MIT */
/*
 * What the module is to say for us: login.h has the form.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"
#include "tools/subid/login.h"

/* Kept free for the last line. */
#define END_MAX 32

/* No line is longer, so that one that names much leaves room for others. */
#define LINE_MAX_BYTES 1000

/* Exists once it has been said that ranges come from elsewhere; gone after a boot. */
#define SOURCE_FLAG "/run/pam_subid.source"

/* Adds a line; one that has no room is left out. */
__attribute__((format(printf, 3, 0))) static void
add_line(struct login *login, const char *head, const char *format, va_list args)
{
	char text[LINE_MAX_BYTES];
	size_t room = sizeof(login->answer) - END_MAX - login->len;
	int n;

	(void)vsnprintf(text, sizeof(text), format, args);
	printable_ascii(text, strlen(text), ' ');
	n = snprintf(login->answer + login->len, room, "%s%s\n", head, text);
	if (n > 0 && (size_t)n < room)
		login->len += (size_t)n;
}

void login_log(struct login *login, int priority, const char *format, ...)
{
	char head[16];
	va_list args;

	if (priority == LOG_DEBUG && !login->debug)
		return;
	(void)snprintf(head, sizeof(head), "log %d ", priority);
	va_start(args, format);
	add_line(login, head, format, args);
	va_end(args);
}

void login_tell(struct login *login, const char *word, const char *format, ...)
{
	char head[16];
	va_list args;

	(void)snprintf(head, sizeof(head), "%s ", word);
	va_start(args, format);
	add_line(login, head, format, args);
	va_end(args);
}

void login_end(struct login *login, enum login_result result)
{
	static const char *const words[] = {
		[LOGIN_SUCCESS] = "success",
		[LOGIN_IGNORE] = "ignore",
		[LOGIN_ERROR] = "error",
		[LOGIN_UNKNOWN] = "unknown",
	};
	int n =
	    snprintf(login->answer + login->len, END_MAX, "answer %s\n", words[result]);

	login->len += (size_t)n;
}

int login_send(const struct login *login, enum login_result result)
{
	/* a module that does not wait any more has gone; what is done is done */
	if (write(STDOUT_FILENO, login->answer, login->len) != (ssize_t)login->len)
		return EXIT_UNABLE;
	return result == LOGIN_ERROR || result == LOGIN_UNKNOWN ? EXIT_NO : EXIT_DONE;
}

/* "/etc/subuid" */
static void name_file(const char *file, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s%s", file[0] == '/' ? "" : SUBID_SYSCONFDIR "/",
		       file);
}

static void log_busy(struct login *login, const struct subid_holder *holder)
{
	char who[48] = "another process";

	if (holder->pid > 0)
		(void)snprintf(who, sizeof(who), "process %d (%.16s)", (int)holder->pid,
			       holder->program);
	login_log(login, LOG_WARNING,
		  "no range this time: %s/%s is locked by %s: the next login tries again",
		  SUBID_SYSCONFDIR, holder->file, who);
}

void login_log_failure(struct login *login, int r, const struct subid_failure *failure)
{
	const struct subid_place *place = &failure->place;
	const char *file = failure->file == NULL ? "subuid and subgid" : failure->file;
	char name[SUBID_CONF_NAME_SIZE + 64];

	if (r == SUBID_BUSY) {
		log_busy(login, &failure->holder);
		return;
	}
	if (failure->unseen.n > 0) {
		login_log(login, LOG_ERR,
			  "no range is given: the ids of process %d (%s) of uid %u cannot"
			  " be seen: %s",
			  (int)failure->unseen.first.pid, failure->unseen.first.program,
			  failure->unseen.first.uid, strerror(-r));
		return;
	}
	name_file(failure->conf[0] != '\0' ? failure->conf : file, name, sizeof(name));
	if (r == SUBID_INVALID && place->line > 0)
		login_log(login, LOG_ERR, "no range is given: %s:%zu: %s %s", name,
			  place->line, place->key, place->why);
	else if (r == SUBID_INVALID)
		login_log(login, LOG_ERR, "no range is given: %s: %s %s", name,
			  place->key, place->why);
	else if (r == -ESTALE)
		login_log(login, LOG_WARNING,
			  "no range this time: %s was saved meanwhile without the lock:"
			  " the next login tries again",
			  name);
	else
		login_log(login, LOG_ERR, "no range is given: %s: %s", name,
			  strerror(-r));
}

void login_log_error(struct login *login, const struct subid_error *err)
{
	char text[LINE_MAX_BYTES], who[48] = "another process";

	(void)subid_error_text(err, text, sizeof(text));
	if (err->pid > 0)
		(void)snprintf(who, sizeof(who), "process %d (%.16s)", (int)err->pid,
			       err->program);
	if (err->code == SUBID_BUSY)
		login_log(login, LOG_WARNING,
			  "no range this time: %s is locked by %s: the next login tries"
			  " again",
			  err->file, who);
	else if (err->code == -ESTALE)
		login_log(login, LOG_WARNING, "no range this time: %s", text);
	else
		login_log(login, LOG_ERR, "no range is given: %s", text);
}

void login_log_refusal(struct login *login, int r, const struct subid_error *err)
{
	char text[LINE_MAX_BYTES];

	switch (r) {
	case SUBID_FULL:
		login_log(login, LOG_ERR,
			  "no range is given: the window is full ('subid grant %s' says"
			  " more)",
			  login->name);
		return;
	case SUBID_TAKEN:
		(void)subid_error_text(err, text, sizeof(text));
		text[strcspn(text, "\n")] = '\0'; /* the first kind is enough */
		login_log(login, LOG_ERR, "no range is given: %s", text);
		return;
	case SUBID_OFF:
		login_log(login, LOG_NOTICE,
			  "no range is given: login.defs has none for this account");
		return;
	case SUBID_INVALID:
		login_log(login, LOG_ERR,
			  "no range is given: no line can name this account and no other"
			  " one ('subid grant %s' says more)",
			  login->name);
		return;
	default:
		login_log(login, LOG_ERR, "no range is given: %s",
			  r < 0 ? strerror(-r) : "policy has changed meanwhile");
	}
}

void login_log_granted(struct login *login, uint32_t uid,
		       const struct subid_list *changes)
{
	struct subid_row row = { .size = sizeof(row) };

	for (size_t i = 0; subid_list_get(changes, i, &row); i++)
		login_log(login, LOG_INFO, "given %s %u-%llu (uid %u, %s)",
			  subid_kind_name(row.kind), row.range.start,
			  (unsigned long long)id_range_end(row.range) - 1, uid,
			  subid_kind_table(row.kind));
	if (subid_list_get(changes, 0, &row))
		login_tell(login, "tell",
			   "You have been given %u subordinate ids for containers.",
			   row.range.count);
}

void login_log_source(struct login *login, const char *source)
{
	int fd =
	    open(SOURCE_FLAG, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int priority = fd >= 0 ? LOG_NOTICE : LOG_DEBUG;

	if (fd >= 0)
		(void)close(fd); /* empty */
	login_log(login, priority,
		  "no range is given: " SUBID_SYSCONFDIR "/nsswitch.conf says 'subid:"
		  " %s', so ranges come from there (said once)",
		  source);
}
