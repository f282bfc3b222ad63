/* SPDX-License-Identifier: MIT */
/*
 * One entry of a tree, by its descriptor: what it has, and what becomes of it.
 *
 * Threat: no file is to be left with another's ids and its setuid bit, whenever this
 * ends.  So the kernel drops bits and capabilities in the step that changes the owner;
 * they come back when all ids are in their places, ACLs too.  Until then the record has
 * them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tools/subid/storage/private.h"

#define SPECIAL_BITS   (S_ISUID | S_ISGID)
#define NAMES_FEW      1024
#define NAMES_MAX      65536 /* XATTR_LIST_MAX */
#define VALUE_FEW      1024
#define VALUE_MAX      65536 /* XATTR_SIZE_MAX */
#define CAPS_ATTR      "security.capability"
#define RECORD_ATTR    "trusted.subid.shift"
#define PROC_PATH_SIZE 32

static const char *const acl_attrs[ACL_KINDS] = {
	[ACL_ACCESS] = "system.posix_acl_access",
	[ACL_DEFAULT] = "system.posix_acl_default",
};

static const enum storage_what id_what[SUBID_KINDS] = { STORAGE_UID, STORAGE_GID };

/* A descriptor that was opened with O_PATH has its attributes there only. */
static void proc_path(int fd, char ret[PROC_PATH_SIZE])
{
	(void)snprintf(ret, PROC_PATH_SIZE, "/proc/self/fd/%d", fd);
}

int entry_check_proc(void)
{
	struct statfs fs;

	if (statfs("/proc/self/fd", &fs) < 0)
		return -errno;
	return fs.f_type == PROC_SUPER_MAGIC ? 0 : -ENOTSUP;
}

/* The value of an attribute, *ret NULL if there is none. */
static int read_value(const char *path, const char *name, uint8_t **ret, size_t *ret_size)
{
	auto_free uint8_t *value = malloc(VALUE_FEW);
	ssize_t n;

	if (value == NULL)
		return -ENOMEM;
	n = getxattr(path, name, value, VALUE_FEW);
	if (n < 0 && errno == ERANGE) {
		free(value);
		value = malloc(VALUE_MAX);
		if (value == NULL)
			return -ENOMEM;
		n = getxattr(path, name, value, VALUE_MAX);
	}
	if (n < 0)
		return errno == ENODATA ? 0 : -errno;
	*ret = value;
	*ret_size = (size_t)n;
	value = NULL;
	return 0;
}

static int read_caps(const char *path, struct caps *ret)
{
	auto_free uint8_t *value = NULL;
	size_t size = 0;
	int r = read_value(path, CAPS_ATTR, &value, &size);

	if (r < 0 || size > CAPS_SIZE_MAX)
		return r < 0 ? r : -EINVAL;
	if (value != NULL)
		(void)memcpy(ret->bytes, value, size);
	ret->size = size;
	return 0;
}

/* One that cannot be read is none of ours: it is written over, or stays. */
static int read_record(const char *path, struct entry *entry)
{
	auto_free uint8_t *value = NULL;
	size_t size = 0;
	int r = read_value(path, RECORD_ATTR, &value, &size);

	entry->has_record =
	    value != NULL && record_parse(value, size, &entry->record) == 0;
	return r;
}

static int read_attribute(const char *path, const char *name, struct entry *entry)
{
	for (size_t i = 0; i < ACL_KINDS; i++)
		if (strcmp(name, acl_attrs[i]) == 0)
			return read_value(path, name, &entry->acls[i].bytes,
					  &entry->acls[i].size);
	if (strcmp(name, CAPS_ATTR) == 0)
		return read_caps(path, &entry->caps);
	return strcmp(name, RECORD_ATTR) == 0 ? read_record(path, entry) : 0;
}

static int read_attributes(int fd, struct entry *entry)
{
	char path[PROC_PATH_SIZE], few[NAMES_FEW];
	auto_free char *many = NULL;
	const char *names = few;
	ssize_t n;
	int r = 0;

	proc_path(fd, path);
	n = listxattr(path, few, sizeof(few));
	if (n < 0 && errno == ERANGE) {
		many = malloc(NAMES_MAX);
		names = many;
		if (many == NULL)
			return -ENOMEM;
		n = listxattr(path, many, NAMES_MAX);
	}
	if (n < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (const char *end = names + n; r == 0 && names < end;
	     names += strlen(names) + 1)
		r = read_attribute(path, names, entry);
	return r;
}

int entry_read(int fd, const struct statx *st, struct entry *ret)
{
	int r;

	*ret = (struct entry){
		.fd = fd,
		.mode = st->stx_mode,
		.ids = { st->stx_uid, st->stx_gid },
		.immutable = (st->stx_attributes & STATX_ATTR_IMMUTABLE) != 0,
		.append_only = (st->stx_attributes & STATX_ATTR_APPEND) != 0,
	};
	r = fd < 0 ? 0 : read_attributes(fd, ret);
	if (r < 0)
		entry_free(ret);
	return r;
}

void entry_free(struct entry *entry)
{
	for (size_t i = 0; i < ACL_KINDS; i++) {
		free(entry->acls[i].bytes);
		entry->acls[i].bytes = NULL;
	}
}

/* --- what is to be done --------------------------------------------------------------
 */

struct translation {
	const struct storage_map *map;
	note_id *note;
	void *data;
};

static uint32_t translate_as(const struct translation *translation,
			     enum storage_what what, enum subid_kind kind, uint32_t id)
{
	uint32_t becomes;
	enum storage_place place = storage_map_id(translation->map, kind, id, &becomes);

	translation->note(translation->data, what, place, id);
	return becomes;
}

static uint32_t translate_acl(void *data, enum subid_kind kind, uint32_t id)
{
	return translate_as(data, kind == SUBID_UID ? STORAGE_ACL_UID : STORAGE_ACL_GID,
			    kind, id);
}

static int plan_acls(const struct entry *entry, struct translation *translation,
		     struct change *change)
{
	for (size_t i = 0; i < ACL_KINDS; i++) {
		const struct acl *acl = &entry->acls[i];
		auto_free uint8_t *copy =
		    acl->bytes == NULL ? NULL : malloc(acl->size + 1);
		int r;

		if (acl->bytes == NULL)
			continue;
		if (copy == NULL)
			return -ENOMEM;
		(void)memcpy(copy, acl->bytes, acl->size);
		r = acl_translate(copy, acl->size, translate_acl, translation);
		if (r < 0)
			return r == -EEXIST ? SUBID_TAKEN : r;
		if (r == 0)
			continue;
		change->acls[i] = (struct acl){ copy, acl->size };
		copy = NULL;
	}
	return 0;
}

static bool is_at(const struct entry *entry, const uint32_t ids[SUBID_KINDS])
{
	return entry->ids[SUBID_UID] == ids[SUBID_UID] &&
	       entry->ids[SUBID_GID] == ids[SUBID_GID];
}

/*
 * What an earlier run has taken, and was to give back.  The bits go in the same step as
 * the owner changes, so that with the old owner those count that are there; capabilities
 * go in a step of their own.  With any other owner the record is of the past.
 */
static void adopt_record(const struct entry *entry, struct change *change)
{
	const struct record *record = &entry->record;
	bool after = is_at(entry, record->after), before = is_at(entry, record->before);

	change->finish = true;
	if (after)
		change->mode |= record->bits;
	if ((!after && !before) || change->caps.size > 0)
		return;
	change->caps = record->caps;
	if (after && change->caps.size > 0)
		caps_set_root(&change->caps, record->root);
}

static int plan_caps(const struct translation *translation, struct change *change)
{
	uint32_t root, becomes;

	if (change->caps.size == 0)
		return 0;
	if (caps_root(&change->caps, &root) < 0)
		return -EINVAL;
	change->before = change->caps;
	becomes = translate_as(translation, STORAGE_CAPABILITY, SUBID_UID, root);
	if (becomes != root)
		caps_set_root(&change->caps, becomes);
	return 0;
}

static bool same_caps(const struct caps *a, const struct caps *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

int change_plan(const struct entry *entry, const struct storage_map *map, note_id *note,
		void *data, struct change *ret)
{
	struct translation translation = { map, note, data };
	int r;

	*ret = (struct change){ .mode = entry->mode, .caps = entry->caps };
	if (entry->has_record)
		adopt_record(entry, ret);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		ret->ids[kind] =
		    translate_as(&translation, id_what[kind], kind, entry->ids[kind]);
		ret->owner |= ret->ids[kind] != entry->ids[kind];
	}
	r = plan_caps(&translation, ret);
	if (r == 0)
		r = plan_acls(entry, &translation, ret);
	ret->privileged = !S_ISDIR(ret->mode) &&
			  ((ret->mode & SPECIAL_BITS) != 0 || ret->caps.size > 0);
	ret->restore = ret->mode != entry->mode || !same_caps(&ret->caps, &entry->caps);
	if (r != 0)
		change_free(ret);
	return r;
}

void change_free(struct change *change)
{
	for (size_t i = 0; i < ACL_KINDS; i++) {
		free(change->acls[i].bytes);
		change->acls[i].bytes = NULL;
	}
}

bool change_is_any(const struct change *change)
{
	return change->owner || change->restore || change->finish ||
	       change->acls[ACL_ACCESS].bytes != NULL ||
	       change->acls[ACL_DEFAULT].bytes != NULL;
}

/* --- doing it ------------------------------------------------------------------------
 */

static int write_record(const char *path, const struct entry *entry,
			const struct change *change)
{
	struct record record = {
		.bits = change->mode & SPECIAL_BITS,
		.caps = change->before,
	};
	uint8_t bytes[RECORD_SIZE];

	for (size_t kind = 0; kind < SUBID_KINDS; kind++) {
		record.before[kind] = entry->ids[kind];
		record.after[kind] = change->ids[kind];
	}
	if (change->caps.size > 0)
		(void)caps_root(&change->caps, &record.root); /* it has one */
	record_print(&record, bytes);
	return setxattr(path, RECORD_ATTR, bytes, sizeof(bytes), 0) < 0 ? -errno : 0;
}

/*
 * Others may have changed the mode meanwhile: only what is missing is added.  Without
 * CAP_FSETID, chmod(2) drops the setgid bit and says that it is done.
 */
static int restore_bits(const char *path, int fd, mode_t bits)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & bits) == bits)
		return 0;
	if (chmod(path, (st.st_mode | bits) & ~(mode_t)S_IFMT) < 0 || fstat(fd, &st) < 0)
		return -errno;
	return (st.st_mode & bits) == bits ? 0 : -EPERM;
}

static int restore(const char *path, const struct entry *entry,
		   const struct change *change)
{
	const struct caps *caps = &change->caps;
	int r = restore_bits(path, entry->fd, change->mode & SPECIAL_BITS);

	if (r == 0 && caps->size > 0 &&
	    setxattr(path, CAPS_ATTR, caps->bytes, caps->size, 0) < 0)
		r = -errno;
	return r;
}

int change_apply(const struct entry *entry, const struct change *change)
{
	bool record = change->owner && change->privileged;
	char path[PROC_PATH_SIZE];
	int r = 0;

	proc_path(entry->fd, path);
	if (record)
		r = write_record(path, entry, change);
	if (r == 0 && change->owner &&
	    fchownat(entry->fd, "", change->ids[SUBID_UID], change->ids[SUBID_GID],
		     AT_EMPTY_PATH) < 0)
		r = -errno;
	for (size_t i = 0; r == 0 && i < ACL_KINDS; i++)
		if (change->acls[i].bytes != NULL &&
		    setxattr(path, acl_attrs[i], change->acls[i].bytes,
			     change->acls[i].size, 0) < 0)
			r = -errno;
	if (r == 0 && (record || change->restore))
		r = restore(path, entry, change);
	if (r == 0 && (record || change->finish) && removexattr(path, RECORD_ATTR) < 0)
		r = -errno;
	return r;
}
