/* SPDX-License-Identifier: MIT */
/*
 * The ledger's file, written anew when it has grown: the last record of each range alone.
 */
#include "libsubid/ledger/private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/files.h"

#define TAIL_MIN     (32U << 10) /* shorter tails are left as they are */
#define TAIL_SHARE   8		 /* and those shorter than this part of the file */
#define DRAFT_PREFIX LEDGER_FILE "."

bool ledger_is_long(const struct ledger_file *file)
{
	return file->tail > TAIL_MIN + file->size / TAIL_SHARE;
}

/* Drafts that were left behind by a kill; with both locks there can be no other. */
static void remove_drafts(const struct ledger_file *file)
{
	int fd = openat(file->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd); /* it is only read */
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		const char *rest = entry->d_name + sizeof(DRAFT_PREFIX) - 1;

		if (strncmp(entry->d_name, DRAFT_PREFIX, sizeof(DRAFT_PREFIX) - 1) == 0 &&
		    strspn(rest, "0123456789abcdef") == 8 &&
		    (rest[8] == '\0' || strcmp(rest + 8, "=") == 0))
			(void)unlinkat(file->dir, entry->d_name, 0); /* only litter */
	}
	(void)closedir(dir);
}

/* Adds what others have appended since the draft was made; false: they wrote it anew. */
static int copy_rest(const struct ledger_file *file, uint64_t from,
		     struct subid_replacement *replacement)
{
	auto_free char *bytes = NULL;
	auto_close int fd = -1;
	struct stat st;
	int r;

	fd = ledger_open_file(file, LEDGER_FILE, O_RDONLY, &st);
	if (fd < 0)
		return fd;
	if (!ledger_is_same(file, &st) || file->size < from)
		return -ESTALE;
	r = ledger_read_bytes(fd, from, file->size - from, &bytes);
	return r == 0 ? subid_replacement_write(replacement, bytes,
						(size_t)(file->size - from))
		      : r;
}

static int compact(struct ledger_file *file, int timeout_ms)
{
	auto_replacement struct subid_replacement *replacement = NULL;
	uint64_t size, inode;
	int r = ledger_read(file, true);

	if (r < 0 || !file->exists || file->damaged)
		return r;
	size = file->size;
	inode = file->inode;
	r = subid_replacement_open_alone(file->dir, LEDGER_FILE, &replacement);
	if (r == 0)
		r = ledger_write_base(file, replacement);
	if (r == 0)
		r = subid_replacement_sync(replacement);
	if (r == 0)
		r = ledger_lock(file, timeout_ms);
	if (r == 0 && (file->inode != inode || file->damaged))
		r = -ESTALE;
	if (r == 0)
		r = copy_rest(file, size, replacement);
	if (r == 0)
		r = subid_replacements_commit(&replacement, 1);
	if (r == 0)
		remove_drafts(file);
	return r;
}

int ledger_compact(struct ledger_file *file, int timeout_ms)
{
	auto_close int lock = ledger_open_lock(file);
	int r = lock < 0 ? lock : ledger_lock_byte(lock, LOCK_COMPACT, 0);

	if (r == 0)
		r = compact(file, timeout_ms);
	ledger_unlock(file);
	/* a process that is at it, or has just written it, does as well */
	return r == -ESTALE || r == SUBID_BUSY ? 0 : r;
}
