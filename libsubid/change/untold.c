/* SPDX-License-Identifier: MIT */
/*
 * The trace of a change that was made, of a process that was killed before it could leave
 * it.  What is about to be written is noted in a file beneath /run; it is written; that
 * it was is noted, too; then the locks are given back, the trace is left, and the file
 * goes.
 *
 * The file is locked for as long as whoever wrote it lives.  Who takes the locks of the
 * tables next and finds one that is not takes it over: what was not noted as made is
 * compared with the tables, which nobody has changed since.  It is told without the
 * locks, and by the next one if this one is killed, too: twice rather than never.
 *
 * In /run: a cut of the power takes the last lines of the log as well.
 */
#include <dirent.h>
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

#define DIR_NAME "untold"
#define MADE	 "=" /* the line that says it */
/* A process has one, or a few; who finds all names taken leaves none. */
#define NAMES_MAX 1000

/* The files of the tables, or of root's store of leases: each has locks of its own. */
static const char *prefix_of(const struct subid_txn *txn)
{
	return txn->users != NULL ? "tables." : "leases.";
}

static int open_dir(const struct subid_txn *txn, bool create)
{
	const char *path = txn->options.untold;
	auto_close int above = -1;

	if (path == NULL || !txn->is_traced)
		return -1;
	if (create)
		(void)mkdir(path, 0755); /* or it is there */
	above = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (create && above >= 0)
		(void)mkdirat(above, DIR_NAME, 0700);
	return above < 0 ? -1
			 : openat(above, DIR_NAME,
				  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* False: whoever wrote it, or tells it, lives. */
static bool lock_note(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static bool write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);

		if (n <= 0)
			return false;
		text += n;
		size -= (size_t)n;
	}
	return true;
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

/* All that is changed, in a text that the caller frees; NULL: nothing, or no memory. */
static char *print_changes(const struct subid_event *events, size_t n, size_t *ret_size)
{
	size_t room = 0, size = 0;
	char *text;

	for (size_t i = 0; i < n; i++)
		room += events[i].owner_len + LINE_ROOM;
	text = room == 0 ? NULL : malloc(room + sizeof(MADE));
	for (size_t i = 0; text != NULL && i < n; i++)
		if (is_change(&events[i]))
			size += print_event(&events[i], text + size);
	*ret_size = size;
	return text;
}

/* Under the locks, so that nobody finds it before it is locked. */
static void create_note(const struct subid_txn *txn, int dir, struct untold_note *ret)
{
	for (unsigned int i = 0; i < NAMES_MAX; i++) {
		(void)snprintf(ret->name, sizeof(ret->name), "%s%d.%u", prefix_of(txn),
			       (int)getpid(), i);
		ret->fd =
		    openat(dir, ret->name,
			   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (ret->fd >= 0 || errno != EEXIST)
			break;
	}
	if (ret->fd >= 0)
		(void)lock_note(ret->fd);
}

void untold_write(struct subid_txn *txn)
{
	auto_close int dir = open_dir(txn, true);
	auto_free char *text = NULL;
	size_t size = 0;

	untold_remove(txn);
	if (dir >= 0)
		text = print_changes(txn->events, txn->n_events, &size);
	if (text == NULL || size == 0)
		return;
	create_note(txn, dir, &txn->note);
	/* the change is made all the same, and its trace only if nobody kills us */
	if (txn->note.fd >= 0)
		(void)write_all(txn->note.fd, text, size);
}

void untold_made(struct subid_txn *txn, int r)
{
	if (r == 0 && txn->note.fd >= 0)
		(void)write_all(txn->note.fd, MADE "\n", strlen(MADE "\n"));
}

static void remove_note(const struct subid_txn *txn, struct untold_note *note)
{
	auto_close int dir = open_dir(txn, false);

	if (note->fd >= 0 && dir >= 0)
		(void)unlinkat(dir, note->name, 0);
	cleanup_close(&note->fd);
	note->fd = -1;
}

void untold_remove(struct subid_txn *txn)
{
	if (txn->note.fd >= 0)
		remove_note(txn, &txn->note);
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

static int read_note(int dir, const char *name, struct subid_text *ret)
{
	return subid_text_read_max(dir, name, false, SIZE_MAX_READ, ret);
}

static bool is_marked(const struct subid_text *text)
{
	static const char end[] = "\n" MADE "\n";
	size_t size = sizeof(end) - 1;

	return text->size > size &&
	       memcmp(text->bytes + text->size - size, end, size) == 0;
}

/* The changes in a note that were made: their names point into text.  The caller frees
 * *ret. */
static int made_of(const struct subid_txn *txn, const struct subid_text *text, bool all,
		   struct subid_event **ret, size_t *ret_n)
{
	size_t pos = 0, len;
	const char *line;

	while (subid_text_next(text, &pos, &line, &len)) {
		struct subid_event event = { .result = 0 };
		bool made = all;

		/* one that was cut was never made: all is written before the tables are
		 */
		if (!parse_event(line, len, &event) ||
		    (!all && was_made(txn, &event, &made) < 0) || !made)
			continue;
		if (array_grow(ret, *ret_n, sizeof(event)) < 0)
			return -ENOMEM;
		(*ret)[(*ret_n)++] = event;
	}
	return 0;
}

/* Whoever wrote it is no more: by the tables as they are now, what of it was made is all
 * that it says from now on.  False: nothing was. */
static bool judge(const struct subid_txn *txn, int dir, const struct untold_note *note)
{
	auto_text struct subid_text text = { .bytes = NULL };
	auto_free struct subid_event *events = NULL;
	auto_free char *left = NULL;
	size_t n = 0, size = 0;

	if (read_note(dir, note->name, &text) != 0 || is_marked(&text))
		return true;
	if (made_of(txn, &text, false, &events, &n) < 0)
		return true; /* the next one's */
	left = print_changes(events, n, &size);
	if (left == NULL || size == 0)
		return n > 0;
	memcpy(left + size, MADE "\n", strlen(MADE "\n"));
	if (ftruncate(note->fd, 0) == 0 && lseek(note->fd, 0, SEEK_SET) == 0)
		(void)write_all(note->fd, left, size + strlen(MADE "\n"));
	return true;
}

static void take_over(struct subid_txn *txn, int dir, const char *name)
{
	struct untold_note note = { .fd = -1 };

	if (strlen(name) >= sizeof(note.name) ||
	    array_grow(&txn->untold, txn->n_untold, sizeof(note)) < 0)
		return;
	(void)strcpy(note.name, name);
	note.fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (note.fd < 0 || !lock_note(note.fd)) {
		cleanup_close(&note.fd);
		return;
	}
	if (judge(txn, dir, &note))
		txn->untold[txn->n_untold++] = note;
	else
		remove_note(txn, &note);
}

void untold_find(struct subid_txn *txn)
{
	const char *prefix = prefix_of(txn);
	int fd = open_dir(txn, false);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		cleanup_close(&fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			take_over(txn, dirfd(dir), entry->d_name);
	(void)closedir(dir); /* only read */
}

static void tell_one(struct subid_txn *txn, struct untold_note *note)
{
	auto_close int dir = open_dir(txn, false);
	auto_text struct subid_text text = { .bytes = NULL };
	auto_free struct subid_event *events = NULL;
	size_t n = 0;

	if (dir >= 0 && read_note(dir, note->name, &text) == 0 && is_marked(&text) &&
	    made_of(txn, &text, true, &events, &n) == 0) {
		(void)subid_txn_tell(events, n, false);
		remove_note(txn, note);
	}
	cleanup_close(&note->fd);
}

void untold_tell(struct subid_txn *txn)
{
	for (size_t i = 0; i < txn->n_untold; i++)
		tell_one(txn, &txn->untold[i]);
	free(txn->untold);
	txn->untold = NULL;
	txn->n_untold = 0;
}
