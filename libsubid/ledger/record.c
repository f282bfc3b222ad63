/* SPDX-License-Identifier: MIT */
/*
 * A record of the ledger as a line of text, and back.  Its contents are untrusted: what a
 * line says counts only if all of it is as this file writes it.
 */
#include <endian.h>
#include <string.h>

#include "libsubid/ledger/ledger.h"

/* --- digests -------------------------------------------------------------------------
 */

static uint64_t mix(uint64_t hash, uint64_t word)
{
	/* the same on every machine: an image may come from another */
	hash = (hash << 23 | hash >> 41) ^ le64toh(word);
	return hash * 0x9e3779b97f4a7c15;
}

void ledger_digest_add(struct ledger_digest *digest, const void *bytes, size_t size)
{
	const unsigned char *at = bytes, *end = at + size;
	size_t rest = digest->size % sizeof(uint64_t);
	uint64_t word, hash = digest->hash;

	digest->size += size;
	while (rest > 0 && at < end) {
		digest->rest[rest++] = *at++;
		if (rest == sizeof(word)) {
			memcpy(&word, digest->rest, sizeof(word));
			hash = mix(hash, word);
			rest = 0;
		}
	}
	for (; (size_t)(end - at) >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = mix(hash, word);
	}
	if (at < end)
		memcpy(digest->rest, at, (size_t)(end - at));
	digest->hash = hash;
}

uint64_t ledger_digest_end(const struct ledger_digest *digest)
{
	uint64_t word = 0, hash;

	memcpy(&word, digest->rest, digest->size % sizeof(word));
	hash = mix(mix(digest->hash, word), digest->size);
	return mix(hash ^ hash >> 32, hash >> 29);
}

static uint32_t sum_of(const char *line, size_t len)
{
	struct ledger_digest digest = LEDGER_DIGEST;
	uint64_t sum;

	ledger_digest_add(&digest, line, len);
	sum = ledger_digest_end(&digest);
	return (uint32_t)(sum ^ sum >> 32);
}

/* --- writing -------------------------------------------------------------------------
 */

static const char kinds[] = "?ugb";  /* by bits 1 << enum subid_kind */
static const char states[] = "hlc";  /* has, left, cleared */
static const char doors[] = "-ofbn"; /* by enum ledger_door */
static const char hex[] = "0123456789abcdef";

/* Does a byte of an owner stand for itself? */
static bool is_plain(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '%';
}

/* An owner without blanks and control bytes: %XX stands for these.  "-": not known. */
static size_t print_owner(const struct subid_owner_name *owner, char *buf)
{
	bool dash = owner->len == 1 && owner->text[0] == '-';
	size_t n = 0;

	if (owner->len == 0)
		buf[n++] = '-';
	for (size_t i = 0; i < owner->len; i++) {
		unsigned char c = (unsigned char)owner->text[i];

		if (is_plain(c) && !dash) {
			buf[n++] = (char)c;
			continue;
		}
		buf[n++] = '%';
		buf[n++] = hex[c >> 4];
		buf[n++] = hex[c & 15];
	}
	return n;
}

/* What a line is written into; a field is followed by a blank. */
struct writing {
	char *at;
};

/* Not by sprintf(3): a first look writes a line for each of the tables'. */
static void put_number(struct writing *to, uint64_t number)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (n > 0)
		*to->at++ = digits[--n];
	*to->at++ = ' ';
}

/* A clock that is before the epoch is no time. */
static void put_time(struct writing *to, int64_t time)
{
	put_number(to, time < 0 ? 0 : (uint64_t)time);
}

static void put_hex(struct writing *to, uint64_t number, unsigned int digits)
{
	for (unsigned int i = digits; i > 0; i--)
		*to->at++ = hex[number >> (4 * (i - 1)) & 15];
	*to->at++ = ' ';
}

static void put_word(struct writing *to, const struct ledger_record *record)
{
	char letter = (char)record->word;

	if (record->about == LEDGER_LEASES)
		letter = (char)(letter - 'a' + 'A');
	*to->at++ = letter;
	*to->at++ = ' ';
}

static void put_letters(struct writing *to, char first, char second)
{
	*to->at++ = first;
	if (second != '\0')
		*to->at++ = second;
	*to->at++ = ' ';
}

static void put_range(struct writing *to, const struct ledger_record *record)
{
	put_letters(to, kinds[record->kinds], '\0');
	put_number(to, record->entry.range.start);
	put_number(to, record->entry.range.count);
}

/* Ends a line, whose last field is written, with its sum.  Its length. */
static size_t end_line(struct writing *to, char *line)
{
	put_hex(to, sum_of(line, (size_t)(to->at - 1 - line)), 8);
	to->at[-1] = '\n';
	return (size_t)(to->at - line);
}

size_t ledger_record_print(const struct ledger_record *record, char buf[LEDGER_LINE_MAX])
{
	const struct ledger_entry *entry = &record->entry;
	struct writing to = { buf };

	put_word(&to, record);
	if (record->word != LEDGER_SEEN)
		put_number(&to, entry->seq);
	switch (record->word) {
	case LEDGER_RANGE:
		put_range(&to, record);
		put_letters(&to, states[entry->state], '\0');
		put_letters(&to, doors[entry->door_in], doors[entry->door_out]);
		put_time(&to, entry->since);
		put_time(&to, entry->until);
		put_number(&to, entry->uid);
		to.at += print_owner(&entry->owner, to.at);
		*to.at++ = ' ';
		break;
	case LEDGER_SEEN:
		put_range(&to, record);
		break;
	case LEDGER_TABLES:
	case LEDGER_BACKUPS:
		put_time(&to, entry->since);
		put_hex(&to, record->of[SUBID_UID], 16);
		put_hex(&to, record->of[SUBID_GID], 16);
		break;
	case LEDGER_HIDER:
		put_number(&to, entry->range.start);
		put_number(&to, entry->range.count);
		break;
	case LEDGER_SEARCHED:
		put_time(&to, entry->since);
		put_number(&to, record->upto);
		break;
	case LEDGER_END:
		break;
	}
	return end_line(&to, buf);
}

/* --- reading -------------------------------------------------------------------------
 */

/* What is left of a line, to be read field by field; bad once one was not there. */
struct fields {
	char *at, *end;
	bool bad;
};

/* The next field, up to a blank or the end. */
static struct subid_owner_name next_field(struct fields *fields)
{
	struct subid_owner_name field = { fields->at, 0 };
	char *blank = fields->at == fields->end
			  ? NULL
			  : memchr(fields->at, ' ', (size_t)(fields->end - fields->at));

	field.len = (size_t)((blank == NULL ? fields->end : blank) - fields->at);
	fields->bad |= field.len == 0;
	fields->at = blank == NULL ? fields->end : blank + 1;
	/* a blank at the end would be followed by an empty field */
	fields->bad |= blank != NULL && fields->at == fields->end;
	return field;
}

/* A number up to max, decimal as sprintf() writes it. */
static uint64_t next_number(struct fields *fields, uint64_t max)
{
	struct subid_owner_name field = next_field(fields);
	uint64_t number = 0;

	if (field.len > 19 || (field.len > 1 && field.text[0] == '0'))
		fields->bad = true;
	for (size_t i = 0; i < field.len && !fields->bad; i++) {
		unsigned char digit = (unsigned char)(field.text[i] - '0');

		if (digit > 9)
			fields->bad = true;
		number = number * 10 + digit;
	}
	if (number > max)
		fields->bad = true;
	return fields->bad ? 0 : number;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint64_t next_hex(struct fields *fields, size_t digits)
{
	struct subid_owner_name field = next_field(fields);
	uint64_t number = 0;

	fields->bad |= field.len != digits;
	for (size_t i = 0; i < field.len && !fields->bad; i++) {
		int digit = hex_value(field.text[i]);

		fields->bad |= digit < 0;
		number = number << 4 | (uint64_t)(digit & 15);
	}
	return number;
}

/* One letter of letters: its place among them. */
static unsigned int letter_of(struct fields *fields, char letter, const char *letters)
{
	const char *at = letter == '\0' ? NULL : strchr(letters, letter);

	fields->bad |= at == NULL;
	return at == NULL ? 0 : (unsigned int)(at - letters);
}

static unsigned int next_letter(struct fields *fields, const char *letters)
{
	struct subid_owner_name field = next_field(fields);

	fields->bad |= field.len != 1;
	return fields->bad ? 0 : letter_of(fields, field.text[0], letters);
}

static struct id_range next_range(struct fields *fields)
{
	struct id_range range;

	range.start = (uint32_t)next_number(fields, UINT32_MAX);
	range.count = (uint32_t)next_number(fields, UINT32_MAX);
	fields->bad |= !id_range_valid(range);
	return range;
}

/* Writes what an owner's field stands for over it. */
static struct subid_owner_name next_owner(struct fields *fields)
{
	char *to = fields->at, *p = to, *end;
	struct subid_owner_name owner = next_field(fields);

	end = p + owner.len;
	if (owner.len == 1 && *p == '-')
		owner.len = 0;
	if (owner.len == 0)
		return owner;
	for (; p < end; p++) {
		if (*p != '%') {
			fields->bad |= !is_plain((unsigned char)*p);
			*to++ = *p;
			continue;
		}
		if (end - p < 3 || hex_value(p[1]) < 0 || hex_value(p[2]) < 0) {
			fields->bad = true;
			break;
		}
		*to++ = (char)(hex_value(p[1]) << 4 | hex_value(p[2]));
		p += 2;
	}
	owner.len = (size_t)(to - owner.text);
	fields->bad |= owner.len > LEDGER_OWNER_MAX;
	return owner;
}

static void parse_range(struct fields *fields, struct ledger_record *record)
{
	struct ledger_entry *entry = &record->entry;
	struct subid_owner_name field;

	entry->seq = next_number(fields, INT64_MAX);
	record->kinds = next_letter(fields, kinds);
	entry->range = next_range(fields);
	entry->state = (uint8_t)next_letter(fields, states);
	field = next_field(fields);
	if (field.len != 2) {
		fields->bad = true;
		return;
	}
	entry->door_in = (uint8_t)letter_of(fields, field.text[0], doors);
	entry->door_out = (uint8_t)letter_of(fields, field.text[1], doors);
	entry->since = (int64_t)next_number(fields, INT64_MAX);
	entry->until = (int64_t)next_number(fields, INT64_MAX);
	entry->uid = (uint32_t)next_number(fields, UINT32_MAX);
	entry->owner = next_owner(fields);
	fields->bad |= record->kinds == 0;
}

static void parse_rest(struct fields *fields, struct ledger_record *record)
{
	struct ledger_entry *entry = &record->entry;

	switch (record->word) {
	case LEDGER_RANGE:
		parse_range(fields, record);
		break;
	case LEDGER_SEEN:
		record->kinds = next_letter(fields, kinds);
		entry->range = next_range(fields);
		fields->bad |= record->kinds == 0;
		break;
	case LEDGER_TABLES:
	case LEDGER_BACKUPS:
		entry->seq = next_number(fields, INT64_MAX);
		entry->since = (int64_t)next_number(fields, INT64_MAX);
		record->of[SUBID_UID] = next_hex(fields, 16);
		record->of[SUBID_GID] = next_hex(fields, 16);
		break;
	case LEDGER_HIDER:
		entry->seq = next_number(fields, INT64_MAX);
		entry->range = next_range(fields);
		break;
	case LEDGER_SEARCHED:
		entry->seq = next_number(fields, INT64_MAX);
		entry->since = (int64_t)next_number(fields, INT64_MAX);
		record->upto = next_number(fields, entry->seq);
		break;
	case LEDGER_END:
		entry->seq = next_number(fields, INT64_MAX);
		break;
	}
}

/* Takes the sum off a line; false if it is not the line's. */
static bool take_sum(const char *line, size_t *len)
{
	struct fields fields = { .bad = false };
	char sum[8];

	if (*len < 10 || line[*len - 9] != ' ')
		return false;
	*len -= 9;
	memcpy(sum, line + *len + 1, sizeof(sum));
	fields.at = sum;
	fields.end = sum + sizeof(sum);
	return next_hex(&fields, sizeof(sum)) == sum_of(line, *len) && !fields.bad;
}

int ledger_record_parse(char *line, size_t len, struct ledger_record *ret)
{
	static const char words[] = "rstbhfeRSTB";
	struct ledger_record record = { .entry.uid = SUBID_ID_NONE };
	struct fields fields = { .at = line };
	char letter;

	if (!take_sum(line, &len))
		return SUBID_INVALID;
	fields.end = line + len;
	letter = words[next_letter(&fields, words)];
	if (letter >= 'A' && letter <= 'Z') {
		record.about = LEDGER_LEASES;
		letter = (char)(letter - 'A' + 'a');
	}
	record.word = (enum ledger_word)letter;
	if (!fields.bad)
		parse_rest(&fields, &record);
	if (fields.bad || fields.at != fields.end)
		return SUBID_INVALID;
	*ret = record;
	return 0;
}

/* --- the head ------------------------------------------------------------------------
 */

static const char magic[] = "subid-ledger 1 ";

size_t ledger_head_print(const struct ledger_head *head, char buf[LEDGER_HEAD_MAX])
{
	struct writing to = { buf };

	memcpy(buf, magic, sizeof(magic) - 1);
	to.at += sizeof(magic) - 1;
	put_number(&to, head->seq);
	put_number(&to, head->searched);
	put_number(&to, head->index);
	put_number(&to, head->body);
	return end_line(&to, buf);
}

int ledger_head_parse(const char *line, size_t len, struct ledger_head *ret)
{
	char copy[LEDGER_HEAD_MAX];
	struct fields fields;
	struct ledger_head head;

	if (len > sizeof(copy) || !take_sum(line, &len) || len < sizeof(magic) - 1 ||
	    memcmp(line, magic, sizeof(magic) - 1) != 0)
		return SUBID_INVALID;
	memcpy(copy, line, len);
	fields = (struct fields){ .at = copy + sizeof(magic) - 1, .end = copy + len };
	head.seq = next_number(&fields, INT64_MAX);
	head.searched = next_number(&fields, head.seq);
	head.index = next_number(&fields, SUBID_FILE_SIZE_MAX);
	head.body = next_number(&fields, SUBID_FILE_SIZE_MAX);
	if (fields.bad || fields.at != fields.end)
		return SUBID_INVALID;
	*ret = head;
	return 0;
}
