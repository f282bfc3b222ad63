/* SPDX-License-Identifier: MIT */
/*
 * The keys of one principal in a keytab.  What is kept is whole entries of the file, in
 * its order; each is of the principal, each of the principal is kept, by names that are
 * written out and compared; and to keep them again changes nothing.
 *
 * The first byte is the size of the principal's name, 255: any; then the name; then the
 * keytab.
 */
#include "tools/subid-ldap/keytab.h"

#include <errno.h>

#include "fuzz.h"

static uint32_t number(const char *at, size_t bytes)
{
	uint32_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | (uint8_t)at[i];
	return value;
}

/* Puts a part of an entry into a name, and answers where the next one is. */
static const char *put_part(FILE *name, const char *at)
{
	size_t size = number(at, 2);

	for (at += 2; size > 0; size--, at++) {
		if (*at == '/' || *at == '@' || *at == '\\')
			(void)fputc('\\', name);
		(void)fputc(*at, name);
	}
	return at;
}

/* An entry that is well-formed has this name, with its realm or without. */
static bool is_named(const char *entry, const char *wanted)
{
	struct subid_text text = { .bytes = NULL };
	FILE *name = open_memstream(&text.bytes, &text.size);
	const char *realm = entry + 2, *at = realm + 2 + number(realm, 2);
	size_t without;
	bool is;

	must(name != NULL);
	for (uint32_t i = 0, n = number(entry, 2); i < n; i++) {
		if (i > 0)
			(void)fputc('/', name);
		at = put_part(name, at);
	}
	must(fflush(name) == 0);
	without = text.size;
	(void)fputc('@', name);
	(void)put_part(name, realm);
	must(fclose(name) == 0);
	is =
	    (strlen(wanted) == text.size && memcmp(wanted, text.bytes, text.size) == 0) ||
	    (strlen(wanted) == without && memcmp(wanted, text.bytes, without) == 0);
	subid_text_free(&text);
	return is;
}

/* The kept entries are those of the file that should be, in its order. */
static void check_kept(const struct subid_text *file, const struct subid_text *kept,
		       const char *principal)
{
	size_t from = 2, to = 2;

	must(kept->size > 2 && kept->size <= file->size);
	must(memcmp(kept->bytes, file->bytes, 2) == 0);
	while (from < file->size) {
		uint32_t size = number(file->bytes + from, 4);

		if (size == 0)
			break;
		if (size > INT32_MAX) {
			from += 4 + (size_t)(0U - size);
			continue;
		}
		if (principal == NULL || is_named(file->bytes + from + 4, principal)) {
			must(kept->size - to >= size + 4);
			must(memcmp(kept->bytes + to, file->bytes + from, size + 4) == 0);
			to += size + 4;
		}
		from += size + 4;
	}
	must(to == kept->size);
}

static void keep_again(const struct subid_text *kept, const char *principal)
{
	struct subid_text again = make_text(kept->bytes, kept->size);

	must(keytab_keep(&again, principal) == 0);
	must(again.size == kept->size &&
	     memcmp(again.bytes, kept->bytes, kept->size) == 0);
	subid_text_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool any = size > 0 && data[0] == 255;
	size_t len = any || size == 0 ? 0 : data[0];
	struct subid_text name, file, kept;
	const char *principal;
	int r;

	if (size < len + 1)
		return 0;
	name = make_text(data + 1, len);
	principal = any ? NULL : name.bytes;
	file = make_text(data + 1 + len, size - 1 - len);
	/* of its own size, so that a byte too many is seen */
	kept = (struct subid_text){ malloc(file.size > 0 ? file.size : 1), file.size };
	must(kept.bytes != NULL);
	memcpy(kept.bytes, file.bytes, file.size);
	r = keytab_keep(&kept, principal);
	must(r == 0 || r == -ENOENT || r == -EINVAL);
	if (r == 0) {
		check_kept(&file, &kept, principal);
		keep_again(&kept, principal);
		keep_again(&kept, NULL);
	}
	subid_text_free(&name);
	subid_text_free(&file);
	subid_text_free(&kept);
	return 0;
}
