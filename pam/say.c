/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <security/pam_ext.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "module.h"

/* Exists once it has been said that ranges come from elsewhere; gone after a boot. */
#define SOURCE_FLAG "/run/pam_subid.source"

/* What a terminal or a log may act on becomes '?'. */
static void make_printable(char *text)
{
	for (char *c = text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

void say(const struct session *session, int priority, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (priority == LOG_DEBUG && !session->options.debug)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	make_printable(text);
	pam_syslog(session->pamh, priority, "%s: %s", session->shown, text);
}

/* "/etc/subuid" */
static void name_file(const char *file, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s%s", file[0] == '/' ? "" : SUBID_SYSCONFDIR "/",
		       file);
}

static void say_busy(const struct session *session, const struct subid_holder *holder)
{
	char who[48] = "another process";

	if (holder->pid > 0)
		(void)snprintf(who, sizeof(who), "process %d (%.16s)", (int)holder->pid,
			       holder->program);
	say(session, LOG_WARNING,
	    "no range this time: %s/%s is locked by %s: the next login tries again",
	    SUBID_SYSCONFDIR, holder->file, who);
}

void say_failure(const struct session *session, int r,
		 const struct subid_failure *failure)
{
	const struct subid_place *place = &failure->place;
	const char *file = failure->file == NULL ? "subuid and subgid" : failure->file;
	char name[SUBID_CONF_NAME_SIZE + 64];

	if (r == SUBID_BUSY) {
		say_busy(session, &failure->holder);
		return;
	}
	if (failure->unseen.n > 0) {
		say(session, LOG_ERR,
		    "no range is given: the ids of process %d (%s) of uid %u cannot be"
		    " seen: %s",
		    (int)failure->unseen.first.pid, failure->unseen.first.program,
		    failure->unseen.first.uid, strerror(-r));
		return;
	}
	name_file(failure->conf[0] != '\0' ? failure->conf : file, name, sizeof(name));
	if (r == SUBID_INVALID && place->line > 0)
		say(session, LOG_ERR, "no range is given: %s:%zu: %s %s", name,
		    place->line, place->key, place->why);
	else if (r == SUBID_INVALID)
		say(session, LOG_ERR, "no range is given: %s: %s %s", name, place->key,
		    place->why);
	else if (r == -ESTALE)
		say(session, LOG_WARNING,
		    "no range this time: %s was saved meanwhile without the lock: the "
		    "next"
		    " login tries again",
		    name);
	else
		say(session, LOG_ERR, "no range is given: %s: %s", name, strerror(-r));
}

void say_hidden(const struct session *session, const struct subid_unseen *unseen)
{
	if (unseen->n_hidden > 0)
		say(session, LOG_WARNING,
		    "process %d (%s) of uid %u keeps a user namespace out of sight: end"
		    " it, and see 'subid audit'",
		    (int)unseen->first.pid, unseen->first.program, unseen->first.uid);
}

void say_unread(const struct session *session, const struct subid_runtime_state *runtimes)
{
	const char *why = "damaged";

	if (runtimes->n_unread == 0)
		return;
	if (runtimes->error != SUBID_INVALID)
		why = runtimes->error == SUBID_ABSENT ? "its storage is not mounted"
						      : strerror(-runtimes->error);
	say(session, LOG_WARNING,
	    "/%s: %s (and %zu more): the ids of a stopped container that are written "
	    "there"
	    " are not known",
	    runtimes->unread, why, runtimes->n_unread - 1);
}

void say_refusal(const struct session *session, const struct subid_txn *txn, int r,
		 const struct subid_changes *changes)
{
	struct subid_obstacle obstacle = { .who = "somebody" };
	struct subid_change change;

	switch (r) {
	case SUBID_FULL:
		say(session, LOG_ERR,
		    "no range is given: the window is full ('subid grant %s' says more)",
		    session->shown);
		return;
	case SUBID_TAKEN:
		change = changes->list[0];
		(void)subid_txn_explain(txn, change.kind, change.range, &obstacle);
		say(session, LOG_ERR,
		    "no range is given: of %s %u-%llu, %s has some ('subid grant %s' says"
		    " more)",
		    subid_kind_name(change.kind), change.range.start,
		    (unsigned long long)id_range_end(change.range) - 1, obstacle.who,
		    session->shown);
		return;
	case SUBID_OFF:
		say(session, LOG_NOTICE,
		    "no range is given: login.defs has none for this account");
		return;
	case SUBID_INVALID:
		say(session, LOG_ERR,
		    "no range is given: no line can name this account and no other one"
		    " ('subid grant %s' says more)",
		    session->shown);
		return;
	default:
		say(session, LOG_ERR, "no range is given: %s",
		    r < 0 ? strerror(-r) : "policy has changed meanwhile");
	}
}

/* The one place where the module tells of a change that it made. */
void say_given(const struct session *session, const struct subid_owner *owner,
	       const struct subid_changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		struct id_range range = changes->list[i].range;

		say(session, LOG_INFO, "given %s %u-%llu (uid %u, %s)",
		    subid_kind_name(changes->list[i].kind), range.start,
		    (unsigned long long)id_range_end(range) - 1, owner->uid,
		    subid_kind_table(changes->list[i].kind));
	}
	if (!session->silent && changes->n > 0)
		(void)pam_info(session->pamh,
			       "You have been given %u subordinate ids for containers.",
			       changes->list[0].range.count);
}

void say_source(const struct session *session, const char *source)
{
	int fd =
	    open(SOURCE_FLAG, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int priority = fd >= 0 ? LOG_NOTICE : LOG_DEBUG;

	if (fd >= 0)
		(void)close(fd); /* empty */
	say(session, priority,
	    "no range is given: " SUBID_SYSCONFDIR "/nsswitch.conf says 'subid: %s', so"
	    " ranges come from there (said once)",
	    source);
}
