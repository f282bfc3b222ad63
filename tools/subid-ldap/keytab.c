/* SPDX-License-Identifier: MIT */
/*
 * A keytab, as MIT's and Heimdal's Kerberos write it: two bytes for the version, then
 * entries, each with its size before it; a negative size is a hole.  An entry begins with
 * the number of the principal's parts, the realm and the parts, each with its size in two
 * bytes.  All numbers are big-endian.
 */
#include "tools/subid-ldap/keytab.h"

#include <errno.h>
#include <string.h>

#define VERSION_SIZE 2
#define PARTS_MAX    8

/* Bytes that are still to be read. */
struct rest {
	const unsigned char *at;
	size_t size;
};

struct part {
	const char *text;
	size_t size;
};

static bool take_number(struct rest *rest, size_t bytes, uint32_t *ret)
{
	uint32_t number = 0;

	if (rest->size < bytes)
		return false;
	for (size_t i = 0; i < bytes; i++)
		number = number << 8 | rest->at[i];
	rest->at += bytes;
	rest->size -= bytes;
	*ret = number;
	return true;
}

static bool take_part(struct rest *rest, struct part *ret)
{
	uint32_t size;

	if (!take_number(rest, 2, &size) || rest->size < size)
		return false;
	*ret = (struct part){ (const char *)rest->at, size };
	rest->at += size;
	rest->size -= size;
	return true;
}

/* The name begins with this part, in which / and @ stand after a backslash. */
static bool skip_part(const char **name, const struct part *part)
{
	const char *at = *name;

	for (size_t i = 0; i < part->size; i++) {
		if (strchr("/@\\", part->text[i]) != NULL && *at++ != '\\')
			return false;
		if (*at == '\0' || *at++ != part->text[i])
			return false;
	}
	*name = at;
	return true;
}

/* 1: the entry is of this principal; 0: of another one; -EINVAL. */
static int is_of(struct rest entry, const char *name)
{
	struct part realm, part[PARTS_MAX];
	uint32_t n;

	if (!take_number(&entry, 2, &n) || !take_part(&entry, &realm) || n > PARTS_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++)
		if (!take_part(&entry, &part[i]))
			return -EINVAL;
	for (uint32_t i = 0; i < n; i++)
		if ((i > 0 && *name++ != '/') || !skip_part(&name, &part[i]))
			return 0;
	if (*name == '\0')
		return 1;
	return *name++ == '@' && skip_part(&name, &realm) && *name == '\0';
}

int keytab_keep(struct subid_text *keytab, const char *principal)
{
	struct rest rest = { (const unsigned char *)keytab->bytes, keytab->size };
	size_t kept = VERSION_SIZE;
	uint32_t version, size;

	if (!take_number(&rest, VERSION_SIZE, &version) || version != 0x0502)
		return -EINVAL;
	while (rest.size > 0) {
		const unsigned char *entry = rest.at;
		bool hole;
		int of;

		if (!take_number(&rest, 4, &size))
			return -EINVAL;
		hole = size > INT32_MAX;
		size = hole ? 0U - size : size;
		if (size > rest.size)
			return -EINVAL;
		/* an empty one is the end */
		if (size == 0)
			break;
		of = hole ? 0
		     : principal == NULL
			 ? 1
			 : is_of((struct rest){ rest.at, size }, principal);
		if (of < 0)
			return of;
		rest.at += size;
		rest.size -= size;
		if (of == 0)
			continue;
		memmove(keytab->bytes + kept, entry, size + 4);
		kept += size + 4;
	}
	keytab->size = kept;
	return kept == VERSION_SIZE ? -ENOENT : 0;
}
