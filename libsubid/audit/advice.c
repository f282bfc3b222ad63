/* SPDX-License-Identifier: MIT */
/*
 * Commands for who has decided: advice, which no plan has.  A chain of them is complete,
 * so that it can be typed as it stands.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

void audit_advise(struct audit *audit, struct audit_finding *finding,
		  struct audit_fix fix)
{
	finding->fixes_need_more = true;
	audit_add_fix(audit, finding, fix);
}

/* In the report's memory; NULL when out of memory. */
__attribute__((format(printf, 2, 0))) static const char *
print(struct audit *audit, const char *format, va_list args)
{
	auto_free char *text = NULL;

	if (vasprintf(&text, format, args) < 0) {
		text = NULL;
		audit->error = -ENOMEM;
		return NULL;
	}
	return audit_text(audit, "%s", text);
}

void audit_advise_run(struct audit *audit, struct audit_finding *finding,
		      const char *format, ...)
{
	const char *text;
	va_list args;

	va_start(args, format);
	text = print(audit, format, args);
	va_end(args);
	if (text != NULL)
		audit_advise(audit, finding,
			     (struct audit_fix){ .verb = AUDIT_FIX_RUN, .text = text });
}

/* Longer lines are found by how they begin. */
#define ADDRESS_MAX  200
#define PATTERN_SIZE (4 * ADDRESS_MAX + 1)

/* The text as a pattern of sed(1) between slashes.  False: what comes before bytes that
 * are in no pattern. */
static bool put_pattern(struct subid_owner_name text, char ret[PATTERN_SIZE])
{
	size_t n = 0, i = 0;

	for (; i < text.len && i < ADDRESS_MAX && text.text[i] != '\0'; i++) {
		unsigned char c = (unsigned char)text.text[i];

		/* there may be such a line for each user: printf takes too long */
		if (c < ' ' || c > '~' || c == '\'') {
			n += (size_t)sprintf(ret + n, "\\x%02x", c);
			continue;
		}
		if (strchr("/.[]*^$&\\", c) != NULL)
			ret[n++] = '\\';
		ret[n++] = (char)c;
	}
	ret[n] = '\0';
	return i == text.len;
}

/*
 * A line, as sed(1) finds it: by what is in it, so that a command that is typed twice, or
 * after another one has deleted a line before it, changes no other line.  With bytes that
 * are in no pattern, by its number and what comes before these bytes.
 */
static const char *address(struct audit *audit, size_t line, struct subid_owner_name text)
{
	char pattern[PATTERN_SIZE];

	return put_pattern(text, pattern) ? audit_text(audit, "/^%s$/", pattern)
					  : audit_text(audit, "%zu{/^%s/", line, pattern);
}

static void advise_script(struct audit *audit, struct audit_finding *finding,
			  const char *script)
{
	audit_advise(audit, finding,
		     (struct audit_fix){ .verb = AUDIT_FIX_EDIT,
					 .path = audit_in_etc(audit, finding->file),
					 .text = script });
}

void audit_advise_edit(struct audit *audit, struct audit_finding *finding,
		       struct subid_owner_name line, const char *what)
{
	const char *where = line.text == NULL ? "" : address(audit, finding->line, line);

	advise_script(audit, finding,
		      audit_text(audit, "%s%s%s", where, what,
				 *where >= '1' && *where <= '9' ? "}" : ""));
}

void audit_advise_spelling(struct audit *audit, struct audit_finding *finding,
			   struct subid_owner_name from, struct subid_owner_name to)
{
	char pattern[PATTERN_SIZE], text[PATTERN_SIZE];

	if (put_pattern(from, pattern) && put_pattern(to, text))
		advise_script(audit, finding,
			      audit_text(audit, "s/^%s:/%s:/", pattern, text));
}

void audit_advise_count(struct audit *audit, struct audit_finding *finding,
			struct subid_owner_name line, uint64_t count)
{
	audit_advise_edit(
	    audit, finding, line,
	    count == 0 ? "d"
		       : audit_text(audit, "s/[0-9]*$/%llu/", (unsigned long long)count));
}

/* The line of an entry. */
static struct subid_owner_name text_of(const struct audit *audit, enum subid_kind kind,
				       size_t entry)
{
	const struct subid_text *text = &audit->tables[kind].table->text;
	const char *begin =
	    text->bytes + audit->tables[kind].table->entries[entry].offset;
	const char *end = memchr(begin, '\n', (size_t)(text->bytes + text->size - begin));

	return (struct subid_owner_name){
		begin, (size_t)((end == NULL ? text->bytes + text->size : end) - begin)
	};
}

void audit_advise_once(struct audit *audit, struct audit_finding *finding, size_t entry)
{
	const char *where = address(
	    audit, finding->line, text_of(audit, (enum subid_kind)finding->kind, entry));

	/* "0,/x/": up to the first that is so */
	advise_script(audit, finding,
		      *where == '/' ? audit_text(audit, "0,%s!{%sd}", where, where)
				    : audit_text(audit, "%sd}", where));
}

void audit_advise_apart(struct audit *audit, struct audit_finding *finding, size_t first,
			size_t second)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const struct subid_entry *entries = audit->tables[kind].table->entries;
	struct id_range a = entries[first].range, b = entries[second].range;
	bool inner = id_range_contains(b, a);

	/* one within the other goes; else the lower one ends where the other begins */
	if (inner || id_range_contains(a, b))
		audit_advise_count(audit, finding,
				   text_of(audit, kind, inner ? first : second), 0);
	else if (a.start < b.start)
		audit_advise_count(audit, finding, text_of(audit, kind, first),
				   b.start - a.start);
	else
		audit_advise_count(audit, finding, text_of(audit, kind, second),
				   a.start - b.start);
}

void audit_advise_join(struct audit *audit, struct audit_finding *finding, size_t first,
		       size_t second, uint32_t count)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const char *a = address(audit, finding->line, text_of(audit, kind, first));
	const char *b = address(audit, finding->other_line, text_of(audit, kind, second));

	/* the second goes only where the first was found */
	advise_script(audit, finding,
		      audit_text(audit, "%s{s/:[0-9]*$/:%u/;h}%s;%s{x;/./d;x}%s", a,
				 count, *a == '/' ? "" : "}", b, *b == '/' ? "" : "}"));
}

void audit_advise_key(struct audit *audit, struct audit_finding *finding, const char *key,
		      uint64_t value)
{
	const char *path = audit_quoted(audit, audit_in_etc(audit, "login.defs"));

	audit_advise_run(audit, finding, "sed -i '/^[[:space:]]*%s[[:space:]]/d' %s", key,
			 path);
	audit_advise_run(audit, finding, "echo '%s %llu' >>%s", key,
			 (unsigned long long)value, path);
}

/* More of them take too long to compare with each owner. */
#define BROKEN_MAX 1000

/* Does a text begin with an owner and what ends it, after blanks? */
static bool begins_with(const char *text, size_t len, struct subid_owner_name owner)
{
	while (len > 0 && (*text == ' ' || *text == '\t')) {
		text++;
		len--;
	}
	return len > owner.len && memcmp(text, owner.text, owner.len) == 0 &&
	       strchr(":; \t=,", text[owner.len]) != NULL && text[owner.len] != '\0';
}

static size_t find_broken(const struct audit *audit, enum subid_kind kind, size_t owner)
{
	static const char mark[] = "\xef\xbb\xbf";
	const struct audit_table *view = &audit->tables[kind];
	struct subid_owner_name name = audit_owner_text(audit, owner);
	const char *first = view->table->text.bytes;

	for (size_t i = 0; i < view->n_malformed && i < BROKEN_MAX; i++)
		if (begins_with(view->malformed[i].text, view->malformed[i].len, name))
			return view->malformed[i].line;
	/* that of the first line is part of another owner's name */
	if (view->table->text.size > sizeof(mark) && memcmp(first, mark, 3) == 0 &&
	    begins_with(first + 3, view->table->text.size - 3, name))
		return 1;
	return 0;
}

const char *audit_advise_broken(struct audit *audit, enum subid_kind kind, size_t owner)
{
	size_t line = find_broken(audit, kind, owner);

	return line == 0 ? NULL
			 : audit_text(audit,
				      "mend line %zu of %s first, which is meant for"
				      " %.*s, then audit again",
				      line, subid_kind_table(kind),
				      NAME(audit_owner_text(audit, owner)));
}

bool audit_advise_uncomment(struct audit *audit, struct audit_finding *finding,
			    struct subid_owner_name text)
{
	const char *end = memchr(text.text, '#', text.len);
	struct subid_line line;

	while (end != NULL && end > text.text && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (end == NULL ||
	    subid_line_parse(text.text, (size_t)(end - text.text), &line) != 0)
		return false;
	audit_advise_edit(audit, finding, text, "s/[[:space:]]*#.*$//");
	return true;
}
