/* SPDX-License-Identifier: MIT */
/*
 * Rules about lines as texts.  All but the last two are about malformed lines.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"

/* What is wrong with the text of a line. */
enum fault {
	FAULT_EVERY_ID,
	FAULT_AMBIGUOUS,
	FAULT_EXTRA_FIELD,
	FAULT_BEYOND,
	FAULT_EMPTY_RANGE,
	FAULT_BLANK,
	FAULT_LONG,
	FAULT_MALFORMED,
	FAULT_COMMENT,
};

#define BIT(fault) (1U << (fault))

/* A field of a line, and what it means as a number. */
struct field {
	const char *text;
	size_t len;
	bool plain;	/* decimal, without sign, blank or leading zero */
	bool number;	/* some program reads a number from it */
	bool whole;	/* and nothing of it is left */
	bool negative;	/* below 0 */
	uint64_t value; /* in decimal, after 0x in hexadecimal; saturated */
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static unsigned int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a') + 10 : 16;
}

static struct field read_field(const char *text, size_t len)
{
	struct field field = { .text = text, .len = len };
	unsigned int base = 10;
	size_t i = 0, digits;

	while (i < len && is_blank(text[i]))
		i++;
	if (i < len && (text[i] == '+' || text[i] == '-'))
		field.negative = text[i++] == '-';
	digits = i;
	if (len - i > 2 && text[i] == '0' && (text[i + 1] | 0x20) == 'x' &&
	    digit_of(text[i + 2]) < 16) {
		base = 16;
		i += 2;
	}
	for (; i < len && digit_of(text[i]) < base; i++)
		if (__builtin_mul_overflow(field.value, base, &field.value) ||
		    __builtin_add_overflow(field.value, digit_of(text[i]), &field.value))
			field.value = UINT64_MAX;
	field.number = i > digits;
	field.whole = field.number && i == len;
	field.plain = digits == 0 && i == len && len > 0 && (text[0] != '0' || len == 1);
	field.negative &= field.value > 0;
	return field;
}

/* Splits at colons; returns how many fields there are, the first three into ret. */
static size_t split(const char *text, size_t len, struct field ret[3])
{
	const char *end = text + len;
	size_t n = 0;

	for (;;) {
		const char *colon = memchr(text, ':', (size_t)(end - text));
		size_t field = (size_t)((colon == NULL ? end : colon) - text);

		if (n < 3)
			ret[n] = read_field(text, field);
		n++;
		if (colon == NULL)
			return n;
		text = colon + 1;
	}
}

/* The two numbers, if there are two fields for them. */
static unsigned int number_faults(const struct field *start, const struct field *count)
{
	uint64_t end;
	bool wraps = __builtin_add_overflow(start->value, count->value, &end);
	bool empty = count->value == 0 && count->whole;
	unsigned int faults = 0;

	if (!start->number || !count->number)
		return BIT(FAULT_MALFORMED);
	if (!start->plain || !count->plain)
		faults |= BIT(FAULT_AMBIGUOUS);
	if (count->negative || wraps || (empty && start->value == 0 && start->whole))
		return faults | BIT(FAULT_EVERY_ID);
	if (empty)
		return faults | BIT(FAULT_EMPTY_RANGE);
	if (start->plain && count->plain && end > ID_COUNT_MAX)
		faults |= BIT(FAULT_BEYOND);
	/* shadow before 4.20 accepts it, and it has every id */
	if ((faults & BIT(FAULT_BEYOND)) != 0 && start->value == 0)
		faults |= BIT(FAULT_EVERY_ID);
	return faults;
}

/* What is wrong with a line, as bits; 0 for a plain entry. */
static unsigned int find_faults(const char *text, size_t len)
{
	unsigned int faults = len > SUBID_LINE_MAX ? BIT(FAULT_LONG) : 0;
	struct field fields[3] = { { .len = 0 } };
	struct subid_line line;
	size_t n;

	if (subid_line_parse(text, len, &line) == 0)
		return faults;
	if (len == 0 || memchr(text, '\0', len) != NULL)
		return faults | BIT(FAULT_MALFORMED);
	if (is_blank(text[0]) || is_blank(text[len - 1]) ||
	    memchr(text, '\t', len) != NULL || memchr(text, '\r', len) != NULL)
		faults |= BIT(FAULT_BLANK);
	/* what is wrong apart from blanks at the ends */
	while (len > 0 && is_blank(text[len - 1]))
		len--;
	while (len > 0 && is_blank(*text)) {
		text++;
		len--;
	}
	if (len == 0)
		return faults;
	if (*text == '#')
		return faults | BIT(FAULT_COMMENT);
	n = split(text, len, fields);
	if (n < 3 || fields[0].len == 0 || fields[1].len == 0 || fields[2].len == 0)
		return faults | BIT(FAULT_MALFORMED);
	if (n > 3)
		faults |= BIT(FAULT_EXTRA_FIELD);
	faults |= number_faults(&fields[1], &fields[2]);
	if (is_blank(fields[0].text[fields[0].len - 1]))
		faults |= BIT(FAULT_BLANK);
	/* then it is the owner that is wrong */
	return faults == 0 ? BIT(FAULT_MALFORMED) : faults;
}

static struct audit_finding at_malformed(enum subid_kind kind,
					 const struct audit_malformed *bad)
{
	const char *colon = memchr(bad->text, ':', bad->len);
	struct audit_finding finding = {
		.kind = (int)kind,
		.file = subid_kind_table(kind),
		.line = bad->line,
	};

	if (colon != NULL && bad->text[0] != '#')
		finding.owner = (struct subid_owner_name){
			bad->text,
			(size_t)(colon - bad->text),
		};
	return finding;
}

/* For "%.*s": a line, cut where a report would get too wide. */
#define LINE_TEXT(bad) (int)((bad)->len > 80 ? 80 : (bad)->len), (bad)->text

/* For all rules at once, when the first of them asks. */
static void judge_lines(struct audit_table *view)
{
	for (size_t i = 0; !view->is_judged && i < view->n_malformed; i++) {
		struct audit_malformed *line = &view->malformed[i];

		line->faults = find_faults(line->text, line->len);
	}
	view->is_judged = true;
}

/* Reports each line that has a fault, with what say() says about it. */
static int find_fault(struct audit *audit, enum fault fault,
		      void (*say)(struct audit *audit, struct audit_finding *finding,
				  const struct audit_malformed *bad))
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct audit_table *view = &audit->tables[kind];

		judge_lines(view);
		for (size_t i = 0; i < view->n_malformed; i++) {
			struct audit_finding finding;

			if ((view->malformed[i].faults & BIT(fault)) == 0 ||
			    audit_floods(audit, (int)kind))
				continue;
			finding = at_malformed(kind, &view->malformed[i]);
			if (audit_skips(audit, &finding))
				continue;
			say(audit, &finding, &view->malformed[i]);
		}
	}
	return 0;
}

/* "\n" that somebody has typed: two lines that were meant. */
static bool is_two_lines(const struct audit_malformed *bad)
{
	return memmem(bad->text, bad->len, "\\n", 2) != NULL;
}

/* The text of the line. */
static struct subid_owner_name line_of(const struct audit_malformed *bad)
{
	return (struct subid_owner_name){ bad->text, bad->len };
}

static const char *advise_two_lines(struct audit *audit, struct audit_finding *finding,
				    const struct audit_malformed *bad)
{
	audit_advise_edit(audit, finding, line_of(bad), "s/\\\\n/\\n/g");
	return audit_text(audit,
			  "the two characters \\n in line %zu of %s stand for a new"
			  " line, which they are not: make lines of them",
			  finding->line, finding->file);
}

static const char *advise_deletion(struct audit *audit, struct audit_finding *finding,
				   const struct audit_malformed *bad,
				   const char *otherwise)
{
	audit_advise_edit(audit, finding, line_of(bad), "d");
	return audit_text(audit, "delete line %zu of %s%s", finding->line, finding->file,
			  otherwise);
}

static void say_every_id(struct audit *audit, struct audit_finding *finding,
			 const struct audit_malformed *bad)
{
	const char *remedy =
	    advise_deletion(audit, finding, bad, ", or write the count that was meant");

	audit_add_finding(
	    audit, finding, remedy,
	    "\"%.*s\": newuidmap of shadow before 4.20 reads this as every id: %.*s can "
	    "become root on the host",
	    LINE_TEXT(bad), NAME(finding->owner));
}

int audit_find_every_id(struct audit *audit)
{
	return find_fault(audit, FAULT_EVERY_ID, say_every_id);
}

/* "100000 in decimal, 32768 in octal", as different readers have a field. */
static void print_readings(const struct field *field, char *buf, size_t size)
{
	const char *text = field->text, *end = text + field->len;
	char digits[32], *stop;
	size_t len;

	while (text < end && is_blank(*text))
		text++;
	len = (size_t)(end - text) < sizeof(digits) - 1 ? (size_t)(end - text)
							: sizeof(digits) - 1;
	memcpy(digits, text, len);
	digits[len] = '\0';
	errno = 0;
	(void)snprintf(buf, size, "%llu in decimal (util-linux, Go programs)",
		       (unsigned long long)field->value);
	if (*digits == '0' && len > 1) {
		unsigned long value = strtoul(digits, &stop, 0);
		bool hex = (digits[1] | 0x20) == 'x';

		if (hex)
			(void)snprintf(buf, size,
				       "%lu to shadow, which reads hexadecimal; 0 or an"
				       " error to the others",
				       value);
		else if (*stop >= '0' && *stop <= '9')
			(void)snprintf(buf, size,
				       "nothing to shadow, which reads octal; %llu to"
				       " util-linux and Go programs",
				       (unsigned long long)field->value);
		else
			(void)snprintf(buf, size,
				       "%lu to shadow, which reads octal; %llu to"
				       " util-linux and Go programs",
				       value, (unsigned long long)field->value);
	} else if (*digits == '+' || *digits == '-') {
		(void)snprintf(
		    buf, size,
		    "%c%llu to shadow, which wraps it around if negative; nothing to"
		    " those who take digits alone",
		    *digits, (unsigned long long)field->value);
	} else if (field->len > 0 && (is_blank(*field->text) || is_blank(end[-1]))) {
		(void)snprintf(buf, size,
			       "%llu to shadow before 4.20, nothing to newer ones and to"
			       " Go programs",
			       (unsigned long long)field->value);
	} else {
		(void)snprintf(buf, size,
			       "%llu to those who stop at the first other character,"
			       " nothing to the rest",
			       (unsigned long long)field->value);
	}
}

static void say_ambiguous(struct audit *audit, struct audit_finding *finding,
			  const struct audit_malformed *bad)
{
	const char *text = bad->text;
	size_t len = bad->len;
	struct field fields[3] = { { .len = 0 } };
	char start[160], count[160];
	const char *remedy;
	bool both;

	while (len > 0 && is_blank(text[len - 1]))
		len--;
	(void)split(text, len, fields);
	print_readings(&fields[1], start, sizeof(start));
	print_readings(&fields[2], count, sizeof(count));
	both = !fields[1].plain && !fields[2].plain;
	if (is_two_lines(bad))
		remedy = advise_two_lines(audit, finding, bad);
	else if (audit_advise_uncomment(audit, finding, line_of(bad)))
		remedy = "delete the comment: these files have none";
	else
		remedy = audit_text(audit,
				    "in line %zu of %s, write the number that was meant"
				    " in decimal, without sign, blank or leading zero",
				    finding->line, finding->file);
	audit_add_finding(audit, finding, remedy, "\"%.*s\": the %s is %s%s%s",
			  LINE_TEXT(bad), fields[1].plain ? "count" : "start",
			  fields[1].plain ? count : start, both ? "; the count is " : "",
			  both ? count : "");
}

int audit_find_ambiguous_number(struct audit *audit)
{
	return find_fault(audit, FAULT_AMBIGUOUS, say_ambiguous);
}

static void say_extra_field(struct audit *audit, struct audit_finding *finding,
			    const struct audit_malformed *bad)
{
	const char *remedy;

	if (is_two_lines(bad)) {
		remedy = advise_two_lines(audit, finding, bad);
	} else {
		audit_advise_edit(audit, finding, line_of(bad),
				  "s/^\\([^:]*:[^:]*:[^:]*\\):.*/\\1/");
		remedy =
		    audit_text(audit,
			       "keep the first three fields of line %zu of %s, if they"
			       " are what was meant",
			       finding->line, finding->file);
	}
	audit_add_finding(audit, finding, remedy,
			  "\"%.*s\": more than three fields: shadow 4.13 takes the first"
			  " three, later ones none, and podman and buildah fail for every"
			  " user",
			  LINE_TEXT(bad));
}

int audit_find_extra_field(struct audit *audit)
{
	return find_fault(audit, FAULT_EXTRA_FIELD, say_extra_field);
}

static void say_beyond(struct audit *audit, struct audit_finding *finding,
		       const struct audit_malformed *bad)
{
	struct field fields[3] = { { .len = 0 } };
	uint64_t room;

	(void)split(bad->text, bad->len, fields);
	room = fields[1].value < ID_COUNT_MAX ? ID_COUNT_MAX - fields[1].value : 0;
	audit_advise_count(audit, finding, line_of(bad), room);
	audit_add_finding(
	    audit, finding,
	    room == 0
		? "delete the line: no id of it exists"
		: audit_text(audit, "in line %zu of %s, make the count %llu or less",
			     finding->line, finding->file, (unsigned long long)room),
	    "\"%.*s\": the last id of it would be %llu; the last that exists is"
	    " 4294967294, and the kernel refuses a map with a greater one",
	    LINE_TEXT(bad), (unsigned long long)(fields[1].value + fields[2].value - 1));
}

int audit_find_beyond_last_id(struct audit *audit)
{
	return find_fault(audit, FAULT_BEYOND, say_beyond);
}

static void say_empty_range(struct audit *audit, struct audit_finding *finding,
			    const struct audit_malformed *bad)
{
	const char *remedy =
	    advise_deletion(audit, finding, bad, ", or write the count that was meant");

	audit_add_finding(audit, finding, remedy,
			  "\"%.*s\": a count of 0 grants %.*s nothing", LINE_TEXT(bad),
			  NAME(finding->owner));
}

int audit_find_empty_range(struct audit *audit)
{
	return find_fault(audit, FAULT_EMPTY_RANGE, say_empty_range);
}

static void say_stray_blank(struct audit *audit, struct audit_finding *finding,
			    const struct audit_malformed *bad)
{
	const char *what = "blank at an end", *remedy;

	if (memchr(bad->text, '\t', bad->len) != NULL)
		what = "tab";
	if (memchr(bad->text, '\r', bad->len) != NULL)
		what = "carriage return";
	if (bad->len > 0 && bad->text[bad->len - 1] == '\r') {
		/* all lines have one */
		audit_advise_edit(audit, finding, (struct subid_owner_name){ NULL, 0 },
				  "s/\\r$//");
		remedy = "delete the carriage returns, which an editor on Windows has"
			 " written";
	} else {
		audit_advise_edit(audit, finding, line_of(bad),
				  "{s/[[:space:]]*:[[:space:]]*/:/g;s/^[[:space:]]*//;"
				  "s/[[:space:]]*$//}");
		remedy = audit_text(audit, "delete the %s in line %zu of %s", what,
				    finding->line, finding->file);
	}
	audit_add_finding(audit, finding, remedy,
			  "\"%.*s\" has a %s: shadow's tools ignore the line, and podman "
			  "reads it anyway",
			  LINE_TEXT(bad), what);
}

int audit_find_stray_blank(struct audit *audit)
{
	return find_fault(audit, FAULT_BLANK, say_stray_blank);
}

static void say_malformed(struct audit *audit, struct audit_finding *finding,
			  const struct audit_malformed *bad)
{
	const char *why = "it is not owner:start:count";

	if (bad->len == 0)
		why = "the line is empty";
	else if (memchr(bad->text, '\0', bad->len) != NULL)
		why = "there is a NUL byte in it, where programs in C stop reading";
	audit_advise_edit(audit, finding, line_of(bad), "d");
	audit_add_finding(
	    audit, finding,
	    audit_text(audit, "correct line %zu of %s, or delete it", finding->line,
		       finding->file),
	    "\"%.*s\": %s: it grants nothing, or programs read it differently",
	    LINE_TEXT(bad), why);
}

int audit_find_malformed(struct audit *audit)
{
	return find_fault(audit, FAULT_MALFORMED, say_malformed);
}

static void say_comment(struct audit *audit, struct audit_finding *finding,
			const struct audit_malformed *bad)
{
	struct id_range readings[SUBID_READINGS_MAX];
	bool read = subid_line_readings(bad->text, bad->len, readings) > 0;

	audit_advise_edit(audit, finding, line_of(bad), "d");
	audit_add_finding(
	    audit, finding,
	    audit_text(audit, "keep the note elsewhere, and delete line %zu of %s",
		       finding->line, finding->file),
	    "\"%.*s\": these files have no comments%s", LINE_TEXT(bad),
	    read ? "; shadow reads this one as an entry of an owner whose name "
		   "begins with #, and does not grant its ids to others"
		 : "");
}

int audit_find_comment(struct audit *audit)
{
	return find_fault(audit, FAULT_COMMENT, say_comment);
}

static void say_long_line(struct audit *audit, const struct audit_finding *finding,
			  size_t len)
{
	audit_add_finding(
	    audit, finding,
	    audit_text(audit, "shorten line %zu of %s", finding->line, finding->file),
	    "the line has %zu bytes; shadow's tools silently ignore one of more than %d",
	    len, SUBID_LINE_MAX);
}

static void say_long_malformed_line(struct audit *audit, struct audit_finding *finding,
				    const struct audit_malformed *bad)
{
	say_long_line(audit, finding, bad->len);
}

int audit_find_long_line(struct audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_table *table = audit->tables[kind].table;

		for (size_t i = 0; i < table->n; i++) {
			size_t pos = table->entries[i].offset, len = 0;
			struct audit_finding finding;
			const char *line = NULL;

			/* the two numbers take the rest at most */
			if (table->entries[i].owner_len + SUBID_LINE_TAIL_MAX <=
			    SUBID_LINE_MAX)
				continue;
			(void)subid_text_next(&table->text, &pos, &line, &len);
			finding = audit_at_entry(audit, kind, i);
			if (len > SUBID_LINE_MAX)
				say_long_line(audit, &finding, len);
		}
	}
	return find_fault(audit, FAULT_LONG, say_long_malformed_line);
}

int audit_find_no_final_newline(struct audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];
		const struct subid_text *text = &view->table->text;
		struct audit_finding finding = {
			.kind = (int)kind,
			.file = subid_kind_table(kind),
			.line = view->table->n + view->table->n_malformed,
		};

		if (text->size == 0 || text->bytes[text->size - 1] == '\n')
			continue;
		audit_advise_edit(audit, &finding, (struct subid_owner_name){ NULL, 0 },
				  "$a\\");
		audit_add_finding(
		    audit, &finding,
		    audit_text(audit, "add a newline at the end of %s", finding.file),
		    "the last line of %s does not end with a newline: some"
		    " versions of shadow refuse the file, and what is appended"
		    " to it is joined to that line",
		    finding.file);
	}
	return 0;
}
