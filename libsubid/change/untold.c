/* SPDX-License-Identifier: MIT */
/*
 * The trace of a change that was made, of a process that was killed before it could leave
 * it.  What is about to be written is noted in a file beneath /run, is traced, and then
 * the file goes, all under the locks.  Who takes the locks next and finds the file leaves
 * the trace of what the tables say was done.
 *
 * In /run: a cut of the power takes the last lines of the log as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

#define SIZE_MAX_READ ((size_t)64 << 20)
#define LINE_ROOM     64 /* for the numbers of a line */

/* One letter for each action, in the order of the enum. */
static const char actions[] = "arhu";

/* The file of the tables, or of root's store of leases. */
static const char *file_of(const struct subid_txn *txn)
{
	return txn->users != NULL ? "untold" : "untold-leases";
}

static int open_dir(const struct subid_txn *txn, bool create)
{
	const char *path = txn->options.untold;

	if (path == NULL || !txn->is_traced)
		return -1;
	if (create)
		(void)mkdir(path, 0755); /* or it is there */
	return open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* "a 0 100000 65536 1000 alice": action, kind, start, count, uid, owner. */
static size_t print_event(const struct subid_event *event, char *at)
{
	int n = sprintf(at, "%c %d %u %u %u ", actions[event->action], (int)event->kind,
			event->range.start, event->range.count, event->uid);

	memcpy(at + n, event->owner, event->owner_len);
	at[(size_t)n + event->owner_len] = '\n';
	return (size_t)n + event->owner_len + 1;
}

/* What has been refused is no change. */
static bool is_change(const struct subid_event *event)
{
	return event->result == 0 && event->range.start != SUBID_NO_PLACE;
}

void untold_write(const struct subid_txn *txn)
{
	auto_close int dir = open_dir(txn, true), fd = -1;
	auto_free char *text = NULL;
	size_t room = 0, size = 0;

	for (size_t i = 0; i < txn->n_events; i++)
		room += txn->events[i].owner_len + LINE_ROOM;
	if (dir < 0 || room == 0)
		return;
	text = malloc(room);
	for (size_t i = 0; text != NULL && i < txn->n_events; i++)
		if (is_change(&txn->events[i]))
			size += print_event(&txn->events[i], text + size);
	fd = openat(dir, file_of(txn),
		    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	for (size_t done = 0; text != NULL && fd >= 0 && done < size;) {
		ssize_t n = write(fd, text + done, size - done);

		/* the change is made all the same, and its trace only if nobody kills us
		 */
		if (n <= 0)
			break;
		done += (size_t)n;
	}
}

void untold_remove(const struct subid_txn *txn)
{
	auto_close int dir = open_dir(txn, false);

	if (dir >= 0)
		(void)unlinkat(dir, file_of(txn), 0); /* or there was none */
}

/* --- what another process has left ----------------------------------------------------
 */

/* The next number, behind which is a blank. */
static bool take_number(const char **at, const char *end, uint32_t *ret)
{
	const char *blank = memchr(*at, ' ', (size_t)(end - *at));

	if (blank == NULL || subid_id_parse(*at, (size_t)(blank - *at), ret) != 0)
		return false;
	*at = blank + 1;
	return true;
}

static bool parse_event(const char *line, size_t len, struct subid_event *ret)
{
	const char *at = line + 2, *end = line + len, *action;
	uint32_t kind;

	action = len > 2 && line[1] == ' ' ? memchr(actions, line[0], 4) : NULL;
	if (action == NULL || !take_number(&at, end, &kind) || kind >= SUBID_KINDS ||
	    !take_number(&at, end, &ret->range.start) ||
	    !take_number(&at, end, &ret->range.count) ||
	    !take_number(&at, end, &ret->uid) || at == end || !id_range_valid(ret->range))
		return false;
	ret->action = (enum subid_action)(action - actions);
	ret->kind = (enum subid_kind)kind;
	ret->owner = at;
	ret->owner_len = (size_t)(end - at);
	ret->result = 0;
	ret->program = "subid";
	return true;
}

/* Do the tables say that it was done?  Lines may name the owner by its uid. */
static int was_made(const struct subid_txn *txn, const struct subid_event *event,
		    bool *ret)
{
	char uid[sizeof("4294967295")];
	const struct subid_owner_name names[] = {
		{ event->owner, event->owner_len },
		{ uid, (size_t)snprintf(uid, sizeof(uid), "%u", event->uid) },
	};
	auto_set struct subid_set has = { .n = 0 };
	int r = subid_table_owned(&txn->tables[event->kind], names, 2, &has);

	if (event->action == SUBID_ADD || event->action == SUBID_HOLD)
		*ret = subid_set_contains(&has, event->range);
	else
		*ret = !subid_set_meets(&has, event->range, NULL);
	return r;
}

void untold_tell(const struct subid_txn *txn)
{
	auto_close int dir = open_dir(txn, false);
	auto_text struct subid_text text = { .bytes = NULL };
	struct subid_event *events = NULL;
	size_t pos = 0, len, n = 0;
	const char *line;

	if (dir < 0 ||
	    subid_text_read_max(dir, file_of(txn), false, SIZE_MAX_READ, &text) != 0)
		return;
	while (subid_text_next(&text, &pos, &line, &len)) {
		struct subid_event event = { .result = 0 };
		bool made = false;

		/* one that was cut was never made: all is written before the tables are
		 */
		if (!parse_event(line, len, &event) || was_made(txn, &event, &made) < 0 ||
		    !made)
			continue;
		if (array_grow(&events, n, sizeof(event)) < 0)
			break;
		events[n++] = event;
	}
	(void)subid_txn_tell(events, n, false);
	free(events);
	(void)unlinkat(dir, file_of(txn), 0);
}
