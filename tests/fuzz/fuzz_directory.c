/* SPDX-License-Identifier: MIT */
/*
 * The directory's answers: entries as a server sends them, and the lines that subid-ldap
 * makes of them for a host.  What is believed is within bounds; lines that are taken are
 * the same when they are written out and read again.
 *
 * The first byte says which: 'e' for an entry, a line each of attribute=value; else
 * lines.
 */
#include "tools/subid-ldap/entry.h"
#include "tools/subid/directory.h"

#include "fuzz.h"

static void check_name(const char *name, size_t room)
{
	size_t len = strnlen(name, room);

	must(len < room);
	must(len == 0 || subid_owner_valid(name, len));
}

static void check_entry(const struct dir_entry *entry)
{
	check_name(entry->name, sizeof(entry->name));
	check_name(entry->login, sizeof(entry->login));
	must(strnlen(entry->ticket, sizeof(entry->ticket)) < sizeof(entry->ticket));
}

static void end_as_owner(struct dir_entry entry)
{
	const struct dir_request any = { .count = 0 };

	dir_owner_end(&entry);
	must((dir_step(&entry, &any) == DIR_STEP_BROKEN) == (entry.broken != NULL));
	if (entry.broken != NULL)
		return;
	must(entry.name[0] != '\0');
	must(entry.state == DIR_NONE || entry.state == DIR_PENDING ||
	     entry.state == DIR_GRANTED);
	if (entry.state == DIR_GRANTED)
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
			must(id_range_valid(entry.range[kind]));
	must(entry.state == DIR_NONE || entry.ticket[0] != '\0');
}

static void end_as_claim(struct dir_entry entry)
{
	dir_claim_end(&entry);
	must(entry.broken != NULL ||
	     (entry.has_block && entry.state != DIR_NONE && entry.state != DIR_PENDING));
}

static void end_as_pool(struct dir_entry entry)
{
	dir_pool_end(&entry);
	must(entry.broken != NULL || (entry.size > 0 && entry.first <= entry.last));
}

static void fuzz_entry(const struct subid_text *text)
{
	struct dir_entry entry = { .uid = 0 };
	const char *line;
	size_t pos = 0, len;

	while (subid_text_next(text, &pos, &line, &len)) {
		const char *equals = memchr(line, '=', len);
		char attribute[64];
		size_t n = equals == NULL ? len : (size_t)(equals - line);

		if (equals == NULL || n >= sizeof(attribute))
			continue;
		memcpy(attribute, line, n);
		attribute[n] = '\0';
		dir_entry_take(&entry, attribute, equals + 1, len - n - 1);
		check_entry(&entry);
	}
	end_as_owner(entry);
	end_as_claim(entry);
	end_as_pool(entry);
}

/* As the rows of subid-ldap are printed. */
static void put_word(FILE *out, const char *word)
{
	for (; *word != '\0'; word++)
		(void)fprintf(
		    out, *word > ' ' && *word <= '~' && *word != '\\' ? "%c" : "\\x%02x",
		    (unsigned char)*word);
}

static struct subid_text write_out(const struct directory_ranges *ranges)
{
	struct subid_text text = { .bytes = NULL };
	FILE *out = open_memstream(&text.bytes, &text.size);

	must(out != NULL);
	for (size_t i = 0; i < ranges->n; i++) {
		const struct directory_range *range = &ranges->list[i];

		put_word(out, range->owner);
		(void)fprintf(out, " %s %u %llu %u granted\n",
			      subid_kind_name(range->kind), range->range.start,
			      (unsigned long long)id_range_end(range->range) - 1,
			      range->range.count);
	}
	must(fclose(out) == 0);
	return text;
}

static void fuzz_lines(enum directory_question question, struct subid_text *text)
{
	auto_directory struct directory_ranges ranges = { .n = 0 }, again = { .n = 0 };
	struct subid_text written;

	if (directory_parse(question, text, &ranges) != 0)
		return;
	for (size_t i = 0; i < ranges.n; i++) {
		const char *owner = ranges.list[i].owner;
		size_t n;

		must(id_range_valid(ranges.list[i].range));
		must(question == DIRECTORY_CLAIMS ||
		     subid_owner_valid(owner, strlen(owner)));
		must(directory_of(&ranges, owner, &n) != NULL && n > 0);
	}
	written = write_out(&ranges);
	must(directory_parse(question, &written, &again) == 0 && again.n == ranges.n);
	for (size_t i = 0; i < again.n; i++)
		must(strcmp(again.list[i].owner, ranges.list[i].owner) == 0 &&
		     again.list[i].kind == ranges.list[i].kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct subid_text text;

	if (size == 0)
		return 0;
	text = make_text(data + 1, size - 1);
	if (data[0] == 'e') {
		fuzz_entry(&text);
		subid_text_free(&text);
	} else {
		fuzz_lines(data[0] == 'c' ? DIRECTORY_CLAIMS : DIRECTORY_LIST, &text);
	}
	return 0;
}
