/* SPDX-License-Identifier: MIT */
/*
 * What `subid share` has written down: one file for each store of shared files, called by
 * its first uid, as lines in this order:
 *
 *     subid share 1
 *     store OWNER/STORE
 *     state begun|taking|ready|ending
 *     uid START COUNT
 *     gid START COUNT
 *     inode NUMBER SECONDS		of the directory, and when it was made
 *     device MAJOR MINOR
 *     filesystem TYPE IDENTITY
 *     dir PATH
 *     mount rw|ro RUNTIME POINT OWNER[/NAME]	any number of them
 *     end
 *
 * Threat: a record that was cut or edited could make root mount another directory, or map
 * ids that are not the store's.  So all of it is understood, or none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"
#include "libsubid/runtimes/private.h"

#define HEAD	   "subid share 1"
#define SHARES_DIR SUBID_STATEDIR "/shares"
#define RECORD_MAX ((size_t)1 << 20)
#define MOUNTS_MAX 10000

static const char *const states[] = {
	[SUBID_SHARE_BEGUN] = "begun",
	[SUBID_SHARE_TAKING] = "taking",
	[SUBID_SHARE_READY] = "ready",
	[SUBID_SHARE_ENDING] = "ending",
};

void subid_share_free(struct subid_share *share)
{
	free(share->text);
	free(share->mounts);
	*share = (struct subid_share){ .text = NULL };
}

void subid_shares_free(struct subid_shares *shares)
{
	for (size_t i = 0; i < shares->n; i++)
		subid_share_free(&shares->list[i]);
	free(shares->list);
	*shares = (struct subid_shares){ .list = NULL };
}

/* --- reading ------------------------------------------------------------------------ */

/* The lines that are left of a record. */
struct record {
	char *at;
	const char *end;
};

/* What follows key on the next line, terminated; NULL: it is another line. */
static char *next_value(struct record *record, const char *key)
{
	size_t len = strlen(key);
	char *line = record->at, *newline;

	if (line >= record->end)
		return NULL;
	newline = memchr(line, '\n', (size_t)(record->end - line));
	if (newline == NULL || strncmp(line, key, len) != 0 || line[len] != ' ')
		return NULL;
	*newline = '\0';
	/* a NUL, too, is something that a terminal may act on */
	if (!printable_is_safe(line, (size_t)(newline - line)))
		return NULL;
	record->at = newline + 1;
	return line + len + 1;
}

static bool is_next(struct record *record, const char *line)
{
	size_t len = strlen(line);

	if ((size_t)(record->end - record->at) <= len ||
	    memcmp(record->at, line, len) != 0 || record->at[len] != '\n')
		return false;
	record->at += len + 1;
	return true;
}

/* The next word of *at, which is cut off; NULL: there is none. */
static char *take_word(char **at)
{
	char *word = *at;

	if (word == NULL || *word == '\0')
		return NULL;
	*at = strchr(word, ' ');
	if (*at != NULL)
		*(*at)++ = '\0';
	return *word == '\0' ? NULL : word;
}

static bool take_number(char **at, uint64_t *ret)
{
	const char *word = take_word(at);
	char *end;

	/* as it was written: no sign, no leading zero */
	if (word == NULL || word[0] < '0' || word[0] > '9' ||
	    (word[0] == '0' && word[1] != '\0'))
		return false;
	errno = 0;
	*ret = strtoull(word, &end, 10);
	return errno == 0 && *end == '\0';
}

static bool take_pair(struct record *record, const char *key, uint64_t *ret_a,
		      uint64_t *ret_b)
{
	char *value = next_value(record, key);

	return take_number(&value, ret_a) && take_number(&value, ret_b) && value == NULL;
}

static bool read_ids(struct record *record, const char *key, struct id_range *ret)
{
	uint64_t start, count;

	if (!take_pair(record, key, &start, &count) || start > UINT32_MAX ||
	    count > UINT32_MAX)
		return false;
	*ret = (struct id_range){ (uint32_t)start, (uint32_t)count };
	/* an id of root's is no store's */
	return id_range_valid(*ret) && ret->start > 0;
}

static bool read_state(struct record *record, enum subid_share_state *ret)
{
	const char *value = next_value(record, "state");

	for (size_t i = 0; value != NULL && i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(value, states[i]) != 0)
			continue;
		*ret = (enum subid_share_state)i;
		return true;
	}
	return false;
}

static bool read_place(struct record *record, struct subid_share_place *ret)
{
	uint64_t major, minor;
	char *value;

	if (!take_pair(record, "inode", &ret->inode, &ret->born) ||
	    !take_pair(record, "device", &major, &minor) || major > UINT32_MAX ||
	    minor > UINT32_MAX)
		return false;
	ret->major = (uint32_t)major;
	ret->minor = (uint32_t)minor;
	value = next_value(record, "filesystem");
	ret->type = take_word(&value);
	ret->identity = take_word(&value);
	return ret->type != NULL && ret->identity != NULL && value == NULL;
}

/* Is it a path that leads down, and nowhere else? */
static bool is_point(const char *path)
{
	for (const char *part = path;; part++) {
		size_t len = strcspn(part, "/");

		if (len == 0 || (len == 1 && part[0] == '.') ||
		    (len == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		part += len;
		if (*part == '\0')
			return true;
	}
}

/* 0, SUBID_INVALID or -ENOMEM. */
static int read_mounts(struct record *record, struct subid_share *share)
{
	while (!is_next(record, "end")) {
		char *value = next_value(record, "mount");
		const char *how = take_word(&value);
		struct subid_share_mount mount = { .runtime = take_word(&value) };

		mount.point = take_word(&value);
		mount.target = value;
		if (how == NULL || mount.runtime == NULL || mount.point == NULL ||
		    !is_point(mount.point) || mount.target == NULL ||
		    mount.target[0] == '\0' || share->n_mounts >= MOUNTS_MAX ||
		    (strcmp(how, "ro") != 0 && strcmp(how, "rw") != 0))
			return SUBID_INVALID;
		mount.read_only = strcmp(how, "ro") == 0;
		if (array_grow(&share->mounts, share->n_mounts, sizeof(mount)) < 0)
			return -ENOMEM;
		share->mounts[share->n_mounts++] = mount;
	}
	return record->at == record->end ? 0 : SUBID_INVALID;
}

int subid_share_parse(const struct subid_text *text, struct subid_share *ret)
{
	struct subid_share share = { .text = malloc(text->size + 1) };
	struct record record = { share.text, share.text + text->size };
	int r = SUBID_INVALID;

	if (share.text == NULL)
		return -ENOMEM;
	memcpy(share.text, text->bytes, text->size);
	share.text[text->size] = '\0';
	if (is_next(&record, HEAD)) {
		share.store = next_value(&record, "store");
		if (share.store != NULL && strchr(share.store, '/') != NULL &&
		    read_state(&record, &share.state) &&
		    read_ids(&record, "uid", &share.ids[SUBID_UID]) &&
		    read_ids(&record, "gid", &share.ids[SUBID_GID]) &&
		    read_place(&record, &share.place)) {
			share.dir = next_value(&record, "dir");
			if (share.dir != NULL && share.dir[0] == '/')
				r = read_mounts(&record, &share);
		}
	}
	if (r == 0)
		*ret = share;
	else
		subid_share_free(&share);
	return r;
}

int subid_share_print(const struct subid_share *share, struct subid_text *ret)
{
	const struct subid_share_place *place = &share->place;
	FILE *out = open_memstream(&ret->bytes, &ret->size);

	if (out == NULL)
		return -ENOMEM;
	(void)fprintf(out, HEAD "\nstore %s\nstate %s\n", share->store,
		      states[share->state]);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		(void)fprintf(out, "%s %u %u\n", subid_kind_name(kind),
			      share->ids[kind].start, share->ids[kind].count);
	(void)fprintf(out, "inode %llu %llu\ndevice %u %u\nfilesystem %s %s\ndir %s\n",
		      (unsigned long long)place->inode, (unsigned long long)place->born,
		      place->major, place->minor, place->type, place->identity,
		      share->dir);
	for (size_t i = 0; i < share->n_mounts; i++)
		(void)fprintf(out, "mount %s %s %s %s\n",
			      share->mounts[i].read_only ? "ro" : "rw",
			      share->mounts[i].runtime, share->mounts[i].point,
			      share->mounts[i].target);
	(void)fprintf(out, "end\n");
	if (fclose(out) == 0)
		return 0;
	subid_text_free(ret);
	return -ENOMEM;
}

/* --- all of them -------------------------------------------------------------------- */

/* Drafts and copies of records have other names than numbers. */
static bool is_record(const char *name)
{
	return name[0] != '\0' && name[strspn(name, "0123456789")] == '\0';
}

/* 0, SUBID_INVALID or -errno. */
static int read_record(struct runtime_scan *scan, const char *path,
		       struct subid_share *ret)
{
	auto_text struct subid_text text = { .bytes = NULL };
	int r = runtime_text(scan, path, &text);

	if (r == 0 && text.size > RECORD_MAX)
		r = -EFBIG;
	return r == 0 ? subid_share_parse(&text, ret) : r;
}

/* As an adapter: the ids of stores are taken, mounted or not. */
static int add_ids(struct runtime_scan *scan, const char *path, const char *name)
{
	auto_share struct subid_share share = { .text = NULL };
	int r = is_record(name) ? read_record(scan, path, &share) : SUBID_ABSENT;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = runtime_add(scan, kind, share.ids[kind], share.store,
				strlen(share.store));
	return r == SUBID_ABSENT ? 0 : r;
}

int runtime_share_read(struct runtime_scan *scan)
{
	if (scan->place->user)
		return 0; /* root's alone */
	return runtime_each(scan, SHARES_DIR, add_ids);
}

/* The same, whole. */
struct whole_scan {
	struct runtime_scan scan; /* first */
	struct subid_shares *shares;
};

static int add_share(struct runtime_scan *scan, const char *path, const char *name)
{
	struct subid_shares *shares = ((struct whole_scan *)scan)->shares;
	struct subid_share share = { .text = NULL };
	int r = is_record(name) ? read_record(scan, path, &share) : SUBID_ABSENT;

	if (r != 0)
		return r == SUBID_ABSENT ? 0 : r;
	if (array_grow(&shares->list, shares->n, sizeof(share)) < 0) {
		subid_share_free(&share);
		return -ENOMEM;
	}
	shares->list[shares->n++] = share;
	return 0;
}

static int compare_shares(const void *a, const void *b)
{
	const struct subid_share *x = a, *y = b;

	return strcmp(x->store, y->store);
}

int subid_shares_read(int root, struct subid_shares *ret)
{
	auto_runtime_state struct subid_runtime_state state = { .n = 0 };
	const struct subid_runtime_place place = { .dir = root, .trusted = true };
	struct whole_scan whole = {
		.scan = {
			.place = &place,
			.runtime = "share",
			.state = &state,
			.entries_left = RUNTIME_ENTRIES_MAX,
			.bytes_left = RUNTIME_BYTES_MAX,
		},
		.shares = ret,
	};
	int r;

	*ret = (struct subid_shares){ .n = 0 };
	r = runtime_each(&whole.scan, SHARES_DIR, add_share);
	if (r < 0) {
		subid_shares_free(ret);
		return r;
	}
	if (ret->n > 1)
		qsort(ret->list, ret->n, sizeof(*ret->list), compare_shares);
	ret->n_unread = state.n_unread;
	ret->error = state.error;
	(void)snprintf(ret->unread, sizeof(ret->unread), "%s", state.unread);
	return 0;
}
