/* SPDX-License-Identifier: MIT */
#include <limits.h>

#include "libsubid/tables/tables.h"

#include "edge.h"
#include "model.h"

#define LAST	      4294967294U
#define NO_ID	      4294967295U
#define ARRAY(a)      (sizeof(a) / sizeof((a)[0]))
#define TEXT(literal) (literal), sizeof(literal) - 1

/* A thousand bytes and more, for what comes behind or in front of them. */
#define TEN(text)      text text text text text text text text text text
#define THOUSAND(text) TEN(TEN(TEN(text)))

/*
 * Lines, our reading of them (count 0: no entry), and the ids that some reader
 * takes.  The comments name the reader, where one is known; numbers of the rows
 * in shadow's own tests.
 */
struct line_case {
	const char *text;
	size_t len;
	struct id_range strict;
	struct id_range any[6];
};

static const struct line_case lines[] = {
	/* what everybody reads alike */
	{ TEXT("alice:100000:65536"), { 100000, 65536 }, { { 100000, 65536 } } },
	{ TEXT("1000:100000:65536"), { 100000, 65536 }, { { 100000, 65536 } } },
	{ TEXT("1000foo:5:9"), { 5, 9 }, { { 5, 9 } } }, /* uid 1000 to util-linux */
	{ TEXT("!released:5:9"), { 5, 9 }, { { 5, 9 } } },
	{ TEXT("DOM\\joe user:5:9"), { 5, 9 }, { { 5, 9 } } },
	{ TEXT("j\xc3\xb6rg:5:9"), { 5, 9 }, { { 5, 9 } } },
	{ TEXT("\xff:5:9"), { 5, 9 }, { { 5, 9 } } },
	{ TEXT("-:5:9"), { 5, 9 }, { { 5, 9 } } },
	{ TEXT("a#b:5:9"), { 5, 9 }, { { 5, 9 } } },
	{ TEXT("x:0:1"), { 0, 1 }, { { 0, 1 } } },
	{ TEXT("x:1:1"), { 1, 1 }, { { 1, 1 } } },
	{ TEXT("x:7:10"), { 7, 10 }, { { 7, 10 } } },
	{ TEXT("x:0:4294967294"), { 0, LAST }, { { 0, LAST } } },
	{ TEXT("x:0:4294967295"), { 0, NO_ID }, { { 0, NO_ID } } },
	{ TEXT("x:1:4294967294"), { 1, LAST }, { { 1, LAST } } },
	{ TEXT("x:4294967294:1"), { LAST, 1 }, { { LAST, 1 } } },
	{ TEXT("x:2147483648:2147483647"),
	  { 2147483648, 2147483647 },
	  { { 2147483648, 2147483647 } } },

	/* octal: shadow; util-linux and Go read decimal */
	{ TEXT("a:0100000:9"), { 0, 0 }, { { 32768, 9 }, { 100000, 9 } } },
	{ TEXT("a:5:010"), { 0, 0 }, { { 5, 10 } } },
	{ TEXT("a:01:01"), { 0, 0 }, { { 1, 1 } } },
	{ TEXT("a:00:1"), { 0, 0 }, { { 0, 1 } } },
	{ TEXT("a:08:1"), { 0, 0 }, { { 0, 1 }, { 8, 1 } } }, /* atoi() goes on */
	{ TEXT("a:017:020"), { 0, 0 }, { { 15, 22 } } },
	{ TEXT("a:010:1"), { 0, 0 }, { { 8, 1 }, { 10, 1 } } },
	/* hexadecimal: shadow; 0 to who stops at the x */
	{ TEXT("a:0x186a0:9"), { 0, 0 }, { { 0, 9 }, { 100000, 9 } } },
	{ TEXT("a:0X186A0:9"), { 0, 0 }, { { 0, 9 }, { 100000, 9 } } },
	{ TEXT("a:0xf:1"), { 0, 0 }, { { 0, 1 }, { 15, 1 } } },
	{ TEXT("a:0xg:1"), { 0, 0 }, { { 0, 1 } } },
	{ TEXT("a:0x:1"), { 0, 0 }, { { 0, 1 } } },
	{ TEXT("a:5:0x10"), { 0, 0 }, { { 5, 16 } } },
	{ TEXT("a:0xffffffff:9"), { 0, 0 }, { { 0, 9 } } },
	{ TEXT("a:0xfffffffe:9"), { 0, 0 }, { { 0, 9 }, { LAST, 1 } } },
	/* binary and octal with a letter: Go's base 0, newer C libraries */
	{ TEXT("a:0b101:1"), { 0, 0 }, { { 0, 1 }, { 5, 1 } } },
	{ TEXT("a:0B101:1"), { 0, 0 }, { { 0, 1 }, { 5, 1 } } },
	{ TEXT("a:0b2:1"), { 0, 0 }, { { 0, 1 } } },
	{ TEXT("a:0o17:1"), { 0, 0 }, { { 0, 1 }, { 15, 1 } } },
	{ TEXT("a:0O17:1"), { 0, 0 }, { { 0, 1 }, { 15, 1 } } },
	{ TEXT("a:0o8:1"), { 0, 0 }, { { 0, 1 } } },
	{ TEXT("a:1x5:1"), { 0, 0 }, { { 1, 1 } } }, /* no base but behind a 0 */
	/* signs and blanks: shadow 4.13 */
	{ TEXT("a:+100000:9"), { 0, 0 }, { { 100000, 9 } } },
	{ TEXT("a: 100000:9"), { 0, 0 }, { { 100000, 9 } } },
	{ TEXT("a:\t\n\v\f\r100000: 9"), { 0, 0 }, { { 100000, 9 } } },
	{ TEXT("a: +0x10: +010"), { 0, 0 }, { { 0, 10 }, { 16, 10 } } },
	{ TEXT("a:+ 5:9"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:+-5:9"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:5:+9"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a:-0:9"), { 0, 0 }, { { 0, 9 } } },
	{ TEXT("a:5:-0"), { 0, 0 }, { { 0, 0 } } },
	/* three fields and more: shadow 4.13 */
	{ TEXT("a:5:5:extra"), { 0, 0 }, { { 5, 5 } } },
	{ TEXT("a:5:5:"), { 0, 0 }, { { 5, 5 } } },
	{ TEXT("a:5:5:6:7"), { 0, 0 }, { { 5, 5 } } },
	{ TEXT("a:5:5::"), { 0, 0 }, { { 5, 5 } } },
	/* every id: shadow 4.13 compares with start + count - 1 */
	{ TEXT("a:0:0"), { 0, 0 }, { { 0, NO_ID } } },
	{ TEXT("a:0:-1"), { 0, 0 }, { { 0, NO_ID } } },
	{ TEXT("a:0:-5"), { 0, 0 }, { { 0, NO_ID } } },
	{ TEXT("a:00:00"), { 0, 0 }, { { 0, NO_ID } } },
	{ TEXT("a:+0: 0"), { 0, 0 }, { { 0, NO_ID } } },
	{ TEXT("a:-0:-0"), { 0, 0 }, { { 0, NO_ID } } },
	{ TEXT("a:0x0:0x0"), { 0, 0 }, { { 0, NO_ID } } },
	{ TEXT("a:4294967296:0"), { 0, 0 }, { { 0, NO_ID } } }, /* 0 in 32 bits */
	/* but not what only begins with a 0 */
	{ TEXT("a:0x186a0:0x10000"), { 0, 0 }, { { 0, 65536 }, { 100000, 65536 } } },
	{ TEXT("a:0:0x9"), { 0, 0 }, { { 0, 9 } } },
	{ TEXT("a:0x9:0"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:0:0\0x"), { 0, 0 }, { { 0, NO_ID } } },
	{ TEXT("a:0:0 "), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:0 :0"), { 0, 0 }, { { 0, 0 } } },
	/* nothing: count 0 */
	{ TEXT("a:5:0"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:1:0"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:4294967295:0"), { 0, 0 }, { { 0, 0 } } },
	/* negative: wraps (root:-1:10000, root:100000:-1 of shadow's 70) */
	{ TEXT("a:-1:10000"), { 0, 0 }, { { 0, 9999 } } },
	{ TEXT("a:-1:1"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:-1:2"), { 0, 0 }, { { 0, 1 } } },
	{ TEXT("a:-2:1"), { 0, 0 }, { { LAST, 1 } } },
	{ TEXT("a:-2:2"), { 0, 0 }, { { LAST, 1 } } },
	{ TEXT("a:-5:10"), { 0, 0 }, { { 4294967291U, 4 }, { 0, 5 } } },
	{ TEXT("a:-4294967296:3"), { 0, 0 }, { { 0, 3 } } },
	{ TEXT("a:-4294967295:3"), { 0, 0 }, { { 1, 3 } } },
	{ TEXT("a:100000:-1"), { 0, 0 }, { { 100000, 4294867295U } } },
	{ TEXT("a:1:-1"), { 0, 0 }, { { 1, LAST } } },
	{ TEXT("a:-5:8589934592"), { 0, 0 }, { { 0, NO_ID } } }, /* twice around */
	{ TEXT("a:-1:-1"), { 0, 0 }, { { 0, LAST } } },
	/* beyond the last id, 32 and 64 bits */
	{ TEXT("a:4294967294:2"), { 0, 0 }, { { LAST, 1 } } },
	{ TEXT("a:1:4294967295"), { 0, 0 }, { { 1, LAST } } },
	{ TEXT("a:2:4294967295"), { 0, 0 }, { { 2, 4294967293U } } },
	{ TEXT("a:4294967295:1"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:4294967295:9"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:4294967296:1"), { 0, 0 }, { { 0, 1 } } },
	{ TEXT("a:4294967296:9"), { 0, 0 }, { { 0, 9 } } },
	{ TEXT("a:4295067296:9"), { 0, 0 }, { { 100000, 9 } } },
	{ TEXT("a:8589934591:2"), { 0, 0 }, { { 0, 1 } } }, /* 2^33 - 1 */
	{ TEXT("a:8589934590:9"), { 0, 0 }, { { LAST, 1 }, { 0, 7 } } },
	{ TEXT("a:0:4294967296"), { 0, 0 }, { { 0, NO_ID } } },
	{ TEXT("a:5:4294967296"), { 0, 0 }, { { 5, 4294967290U } } },
	{ TEXT("a:5:99999999999"), { 0, 0 }, { { 5, 4294967290U } } },
	{ TEXT("a:5:18446744073709551615"), { 0, 0 }, { { 5, 4294967290U } } },
	{ TEXT("a:5:18446744073709551616"), { 0, 0 }, { { 5, 4294967290U } } },
	{ TEXT("a:5:36893488147419103239"), { 0, 0 }, { { 5, 4294967290U } } },
	{ TEXT("a:18446744073709551616:1"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:18446744073709551615:3"), { 0, 0 }, { { 0, 2 } } },
	{ TEXT("a:99999999999999999999999:3"), { 0, 0 }, { { 0, 2 } } },
	{ TEXT("a:184467440737095516150:3"), { 0, 0 }, { { 0, 2 } } },
	{ TEXT("a:4294967297:4294967296"), { 0, 0 }, { { 0, NO_ID } } },
	/* 64-bit octal and hexadecimal */
	{ TEXT("a:0x100000005:1"), { 0, 0 }, { { 0, 1 }, { 5, 1 } } },
	{ TEXT("a:0xffffffffffffffffff:3"), { 0, 0 }, { { 0, 3 } } },
	/* blanks and a CR at the end: shadow drops it, containers/storage trims */
	{ TEXT("a:5:9 "), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a:5:9\t"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a:5:9\r"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT(" a:5:9"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("\ta:5:9"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a :5:9"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a:5 :9"), { 0, 0 }, { { 5, 9 } } },
	/* a NUL: the end to a reader in C, a byte to one in Go */
	{ TEXT("a:5:9\0"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a:5:9\0007"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a:5\0:9"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a\0b:5:9"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("\0a:5:9"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a:\0005:9"), { 0, 0 }, { { 0, 0 } } },
	/* owners that cannot stand there */
	{ TEXT(":100000:10000"), { 0, 0 }, { { 100000, 10000 } } }, /* shadow's 69 */
	{ TEXT("a\x7f:5:9"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a\x1f"
	       "b:5:9"),
	  { 0, 0 },
	  { { 5, 9 } } },
	/* comments: shadow takes "#x" for an owner */
	{ TEXT("#x:5:9"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("# alice: 100000: 65536"), { 0, 0 }, { { 100000, 65536 } } },
	{ TEXT("# subordinate ids"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("# owner:start:count"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("#"), { 0, 0 }, { { 0, 0 } } },
	/* junk behind the numbers (shadow's 70) */
	{ TEXT("root:100000a:10000"), { 0, 0 }, { { 100000, 10000 } } },
	{ TEXT("root:100000:10000a"), { 0, 0 }, { { 100000, 10000 } } },
	{ TEXT("a:5:9 # note"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a:5,6:9"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a:5;6:9@"), { 0, 0 }, { { 5, 9 } } }, /* the bytes between '9' and 'A' */
	{ TEXT("a:0x5g:9`"), { 0, 0 }, { { 0, 9 }, { 5, 9 } } },
	{ TEXT("a:1e5:9"), { 0, 0 }, { { 1, 9 } } },
	/* fields that are missing or no numbers (shadow's 67 and 68) */
	{ TEXT("root::5000"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("root:100000:"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a::"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:x:9"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:5:x"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:-:9"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a: :9"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:5"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:5:"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a:"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT(":"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("::"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT(":::"), { 0, 0 }, { { 0, 0 } } },
	{ TEXT(""), { 0, 0 }, { { 0, 0 } } },
	{ TEXT("a 5 9"), { 0, 0 }, { { 0, 0 } } },
	/* long: shadow drops what is over 1023 bytes */
	{ TEXT(THOUSAND("ab") ":5:9"), { 5, 9 }, { { 5, 9 } } },
	{ TEXT("a:" THOUSAND("0") "5:9"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a:" THOUSAND(" ") "5:9"), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a:5:9" THOUSAND(" ")), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a:5:9:" THOUSAND("junk")), { 0, 0 }, { { 5, 9 } } },
	{ TEXT("a:5:" THOUSAND("9")), { 0, 0 }, { { 5, 4294967290U } } },
	/* a line is as long as it is said to be */
	{ "a:5:98", 5, { 5, 9 }, { { 5, 9 } } },
	{ "a:5:98:", 6, { 5, 98 }, { { 5, 98 } } },
	{ "a:5:98", 4, { 0, 0 }, { { 0, 0 } } },
	{ "a:5:98", 3, { 0, 0 }, { { 0, 0 } } },
	{ "a:5:98", 1, { 0, 0 }, { { 0, 0 } } },
	{ "a:5:98", 0, { 0, 0 }, { { 0, 0 } } },
};

/* The start of a line for a message, unprintable bytes as '?'. */
static const char *show(const char *text, size_t len)
{
	static char shown[64];
	size_t i;

	for (i = 0; i < len && i < sizeof(shown) - 1; i++)
		shown[i] = text[i] >= ' ' && text[i] < 0x7f ? text[i] : '?';
	shown[i] = '\0';
	return shown;
}

/* What readers take, as one set. */
static void read_any(const char *text, size_t len, struct subid_set *ret)
{
	struct id_range readings[SUBID_READINGS_MAX];
	size_t n = subid_line_readings(text, len, readings);

	assert_true(n <= SUBID_READINGS_MAX);
	for (size_t i = 0; i < n; i++) {
		if (!id_range_valid(readings[i]))
			fail_msg("\"%s\": reading %u:%u", show(text, len),
				 readings[i].start, readings[i].count);
		assert_int_equal(subid_set_insert(ret, readings[i]), 0);
	}
}

static void test_strict(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY(lines); i++) {
		const struct line_case *c = &lines[i / 2];
		struct subid_line line = { .owner = "unset" };
		const char *text = at_edge(c->text, c->len, i % 2 == 0);
		int r = subid_line_parse(text, c->len, &line);
		const char *colon = memchr(c->text, ':', c->len);

		if (r != (c->strict.count > 0 ? 0 : SUBID_INVALID))
			fail_msg("\"%s\": answer %d", show(c->text, c->len), r);
		if (r != 0)
			assert_string_equal(line.owner, "unset");
		else if (!id_range_equal(line.range, c->strict) || line.owner != text ||
			 line.owner_len != (size_t)(colon - c->text))
			fail_msg("\"%s\": %u:%u of owner \"%s\"", show(c->text, c->len),
				 line.range.start, line.range.count,
				 show(line.owner, line.owner_len));
	}
}

static void test_readings(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY(lines); i++) {
		const struct line_case *c = &lines[i / 2];
		auto_set struct subid_set got = { .ranges = NULL };
		auto_set struct subid_set want = { .ranges = NULL };

		read_any(at_edge(c->text, c->len, i % 2 == 0), c->len, &got);
		for (size_t k = 0; k < ARRAY(c->any); k++)
			assert_int_equal(subid_set_insert(&want, c->any[k]), 0);
		if (got.n != want.n ||
		    (got.n > 0 &&
		     memcmp(got.ranges, want.ranges, got.n * sizeof(*got.ranges)) != 0))
			fail_msg("\"%s\": %zu readings, the first %u:%u",
				 show(c->text, c->len), got.n,
				 got.n > 0 ? got.ranges[0].start : 0,
				 got.n > 0 ? got.ranges[0].count : 0);
		/* we are one of the readers */
		if (c->strict.count > 0)
			assert_true(subid_set_contains(&got, c->strict));
	}
}

/* Readers, each in its own words: which ids [first, end) it takes from a line. */
struct taken {
	uint64_t first, end;
};

/* shadow 4.13: strtoul() of any base, the whole field; 64-bit ends that wrap. */
static struct taken read_as_shadow(const char *start, const char *count)
{
	unsigned long first, n, last;
	char *end_first, *end_n;

	errno = 0;
	first = strtoul(start, &end_first, 0);
	n = strtoul(count, &end_n, 0);
	last = first + n - 1;
	if (errno != 0 || *start == '\0' || *count == '\0' || *end_first != '\0' ||
	    *end_n != '\0' || last < first)
		return (struct taken){ 0, 0 };
	return (struct taken){ first, last == ULONG_MAX ? last : last + 1 };
}

/* util-linux 2.38: strtoul() of base 10, kept in 32 bits. */
static struct taken read_as_unshare(const char *start, const char *count)
{
	char *end_first, *end_n;
	uint32_t first, n;

	errno = 0;
	first = (uint32_t)strtoul(start, &end_first, 10);
	n = (uint32_t)strtoul(count, &end_n, 10);
	if (errno != 0 || end_first == start || end_n == count || *end_first != '\0' ||
	    *end_n != '\0')
		return (struct taken){ 0, 0 };
	return (struct taken){ first, (uint64_t)first + n };
}

/* Go's strconv.ParseInt(base 10, 64 bits), blanks at the end trimmed before. */
static struct taken read_as_go(const char *start, const char *count)
{
	char *end_first, *end_n;
	long long first, n;

	if (strpbrk(start, " \t\r\v\f") != NULL || strpbrk(count, "\v\f") != NULL)
		return (struct taken){ 0, 0 };
	errno = 0;
	first = strtoll(start, &end_first, 10);
	n = strtoll(count, &end_n, 10);
	while (*end_n == ' ' || *end_n == '\t' || *end_n == '\r')
		end_n++;
	if (errno != 0 || end_first == start || end_n == count || *end_first != '\0' ||
	    *end_n != '\0' || first < 0 || n < 0)
		return (struct taken){ 0, 0 };
	return (struct taken){ (uint64_t)first, (uint64_t)first + (uint64_t)n };
}

/* atoi() and its like, where it finds digits at all. */
static struct taken read_as_atoi(const char *start, const char *count)
{
	char *end_first, *end_n;
	uint64_t first = strtoull(start, &end_first, 10);
	uint64_t n = strtoull(count, &end_n, 10);

	if (end_first == start || end_n == count)
		return (struct taken){ 0, 0 };
	return (struct taken){ (uint32_t)first, (uint64_t)(uint32_t)first + (uint32_t)n };
}

/* A field that one reader or the other may like. */
static void draw_field(struct draw *numbers, char field[32])
{
	static const char *const known[] = {
		"0",	      "1",	    "-1",	  "4294967294",
		"4294967295", "4294967296", "8589934591", "18446744073709551615",
		"0x",	      "100000",	    "0100000",	  "65536",
	};
	static const char any[] = "0123456789012345678901234567xXbBoOaAfF+- \t\r";
	size_t len = 0, n = draw(numbers, 12);

	field[0] = '\0';
	if (draw(numbers, 3) == 0)
		len = strlen(strcpy(field, known[draw(numbers, ARRAY(known))]));
	while (n-- > 0 && draw(numbers, 8) != 0 && len < 31)
		field[len++] = any[draw(numbers, sizeof(any) - 1)];
	field[len] = '\0';
}

static void test_readings_hold_every_reader(void **state)
{
	static const struct {
		const char *name;
		struct taken (*read)(const char *start, const char *count);
	} readers[] = {
		{ "shadow", read_as_shadow },
		{ "unshare", read_as_unshare },
		{ "Go", read_as_go },
		{ "atoi", read_as_atoi },
	};
	struct draw numbers = { .state = 4718 };
	size_t took[ARRAY(readers)] = { 0 };

	(void)state;
	for (unsigned int turn = 0; turn < 60000; turn++) {
		auto_set struct subid_set any = { .ranges = NULL };
		char start[32], count[32], line[80];

		draw_field(&numbers, start);
		draw_field(&numbers, count);
		(void)snprintf(line, sizeof(line), "a:%s:%s", start, count);
		read_any(line, strlen(line), &any);
		for (size_t i = 0; i < ARRAY(readers); i++) {
			struct taken t = readers[i].read(start, count);
			struct id_range ids = id_range_between(t.first, t.end);

			took[i] += ids.count > 0;
			if (ids.count > 0 && !subid_set_contains(&any, ids))
				fail_msg("turn %u, \"%s\": %s takes %u:%u", turn,
					 show(line, strlen(line)), readers[i].name,
					 ids.start, ids.count);
		}
	}
	for (size_t i = 0; i < ARRAY(readers); i++)
		if (took[i] < 1000)
			fail_msg("%s read only %zu lines", readers[i].name, took[i]);
}

/* The strict reading once more, byte by byte, as slow and plain as can be. */
static bool plain_number(const char *text, size_t len, uint64_t *ret)
{
	*ret = 0;
	if (len == 0 || len > 10 || (len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*ret = *ret * 10 + (uint64_t)(text[i] - '0');
	}
	return *ret <= NO_ID;
}

static bool plain_parse(const char *text, size_t len, size_t *ret_owner_len,
			struct id_range *ret)
{
	size_t colons[3] = { 0 }, n = 0;
	uint64_t start, count;

	for (size_t i = 0; i < len; i++) {
		if (n == 0 && ((unsigned char)text[i] < ' ' || text[i] == 0x7f))
			return false;
		if (text[i] != ':')
			continue;
		if (n == 2)
			return false;
		colons[n++] = i;
	}
	if (n != 2 || colons[0] == 0 || text[0] == '#' || text[0] == ' ' ||
	    text[colons[0] - 1] == ' ')
		return false;
	if (!plain_number(text + colons[0] + 1, colons[1] - colons[0] - 1, &start) ||
	    !plain_number(text + colons[1] + 1, len - colons[1] - 1, &count))
		return false;
	*ret_owner_len = colons[0];
	*ret = (struct id_range){ (uint32_t)start, (uint32_t)count };
	return count > 0 && start + count <= NO_ID;
}

static size_t draw_line(struct draw *numbers, char text[96])
{
	static const char spoil[] = "\0\001\t\n\r\037 !#/0123456789:;aZ\176\177\200\377";
	static const char *const values[] = {
		"0",	     "1",	   "7",		 "10",	       "99999",
		"100000",    "9999999",	   "12345678",	 "99999999",   "123456789",
		"999999999", "4294967294", "4294967295", "4294967296", "42949672951",
	};
	size_t len = 0, owner = draw(numbers, 20);

	while (owner-- > 0)
		text[len++] =
		    (char)(draw(numbers, 20) == 0 ? ' ' : 'a' + draw(numbers, 26));
	for (int field = 0; field < 2; field++) {
		const char *value = values[draw(numbers, ARRAY(values))];

		text[len++] = ':';
		memcpy(text + len, value, strlen(value));
		len += strlen(value);
	}
	if (draw(numbers, 2) == 0)
		text[draw(numbers, (uint32_t)len)] =
		    spoil[draw(numbers, sizeof(spoil) - 1)];
	if (draw(numbers, 8) == 0)
		text[len++] = spoil[draw(numbers, sizeof(spoil) - 1)];
	return draw(numbers, 8) == 0 ? draw(numbers, (uint32_t)len + 1) : len;
}

static void test_strict_against_plain(void **state)
{
	struct draw numbers = { .state = 271828 };
	unsigned int entries = 0;

	(void)state;
	for (unsigned int turn = 0; turn < 100000; turn++) {
		char line[96];
		size_t len = draw_line(&numbers, line), owner_len = 0;
		struct subid_line got = { .owner = NULL };
		struct id_range range = { 0, 0 };
		bool is_entry = plain_parse(line, len, &owner_len, &range);
		const char *text = at_edge(line, len, turn % 4 > 0);
		int r = subid_line_parse(text, len, &got);

		if (r != (is_entry ? 0 : SUBID_INVALID) ||
		    (is_entry && (!id_range_equal(got.range, range) ||
				  got.owner != text || got.owner_len != owner_len)))
			fail_msg("turn %u, \"%s\" (%zu bytes): answer %d, %u:%u", turn,
				 show(line, len), len, r, got.range.start,
				 got.range.count);
		entries += is_entry;
	}
	assert_true(entries > 10000);
}

static void test_owner_valid(void **state)
{
	static const struct {
		const char *owner;
		size_t len;
		bool valid;
	} cases[] = {
		{ TEXT("alice"), true },
		{ TEXT("a"), true },
		{ TEXT("1000"), true },
		{ TEXT("!released"), true },
		{ TEXT("a b"), true },
		{ TEXT("a#"), true },
		{ TEXT("a\xa0"), true },
		{ TEXT("\x80\xff"), true },
		{ TEXT("~"), true },
		{ TEXT("a;"), true }, /* the bytes beside ':' */
		{ TEXT("a9"), true },
		{ TEXT("a!"), true }, /* the byte behind ' ' */
		{ TEXT(THOUSAND("a")), true },
		{ TEXT(""), false },
		{ TEXT(" "), false },
		{ TEXT(" a"), false },
		{ TEXT("a "), false },
		{ TEXT("#"), false },
		{ TEXT("#a"), false },
		{ TEXT(":"), false },
		{ TEXT("a:"), false },
		{ TEXT("a:b"), false },
		{ TEXT(":a"), false },
		{ TEXT("a\n"), false },
		{ TEXT("a\nb"), false },
		{ TEXT("a\r"), false },
		{ TEXT("\ta"), false },
		{ TEXT("a\0"), false },
		{ TEXT("a\x1f"), false },
		{ TEXT("a\x7f"), false },
		{ TEXT("\x7f"), false },
		{ TEXT(THOUSAND("a") "\n"), false },
		{ "a:", 1, true },
		{ "ab ", 2, true },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY(cases); i++) {
		size_t len = cases[i / 2].len;
		const char *owner = at_edge(cases[i / 2].owner, len, i % 2 == 0);

		if (subid_owner_valid(owner, len) != cases[i / 2].valid)
			fail_msg("\"%s\" (%zu bytes): valid %d", show(owner, len), len,
				 !cases[i / 2].valid);
	}
}

/* Each byte at each place of a name as long as two words and a half. */
static void test_owner_valid_each_byte(void **state)
{
	(void)state;
	for (size_t len = 1; len <= 20; len++) {
		for (size_t at = 0; at < len; at++) {
			for (int byte = 0; byte < 256; byte++) {
				bool at_end = at == 0 || at == len - 1;
				bool bad = byte < ' ' || byte == 0x7f || byte == ':' ||
					   (byte == ' ' && at_end) ||
					   (byte == '#' && at == 0);
				char owner[20];

				memset(owner, 'x', len);
				owner[at] = (char)byte;
				if (subid_owner_valid(owner, len) == bad)
					fail_msg("byte 0x%02x at %zu of %zu: valid %d",
						 (unsigned int)byte, at, len, bad);
			}
		}
	}
}

static void test_owner_is_hold(void **state)
{
	static const struct {
		const char *owner;
		bool hold;
	} cases[] = {
		{ SUBID_OWNER_RELEASED, true },
		{ SUBID_OWNER_RESERVED, true },
		{ "!release", false },
		{ "!releasedX", false },
		{ "!reserved ", false },
		{ "!Reserved", false },
		{ "released", false },
		{ "!", false },
		{ "", false },
		{ "alice", false },
		{ "xreleased", false },
		{ "!releasex", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++)
		if (subid_owner_is_hold(cases[i].owner, strlen(cases[i].owner)) !=
		    cases[i].hold)
			fail_msg("\"%s\": hold %d", cases[i].owner, !cases[i].hold);
	assert_false(subid_owner_is_hold(SUBID_OWNER_RELEASED, 8));
}

static void test_format_tail(void **state)
{
	static const struct {
		struct id_range range;
		const char *want;
	} cases[] = {
		{ { 0, 0 }, ":0:0\n" },
		{ { 0, 1 }, ":0:1\n" },
		{ { 9, 10 }, ":9:10\n" },
		{ { 100000, 65536 }, ":100000:65536\n" },
		{ { 1000000000, 999999999 }, ":1000000000:999999999\n" },
		{ { 0, NO_ID }, ":0:4294967295\n" },
		{ { LAST, 1 }, ":4294967294:1\n" },
		{ { LAST, NO_ID }, ":4294967294:4294967295\n" }, /* as long as it gets */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		char buf[SUBID_LINE_TAIL_MAX + 1];
		size_t n;

		memset(buf, '~', sizeof(buf));
		n = subid_line_format_tail(cases[i].range, buf);
		if (n != strlen(cases[i].want) || memcmp(buf, cases[i].want, n) != 0 ||
		    buf[n] != '~')
			fail_msg("%u:%u: %.*s", cases[i].range.start,
				 cases[i].range.count, (int)n, buf);
	}
}

/* What is written is read as what it was. */
static void test_format_and_parse(void **state)
{
	struct draw numbers = { .state = 16180339 };

	(void)state;
	for (unsigned int turn = 0; turn < 20000; turn++) {
		uint32_t start = draw(&numbers, NO_ID) >> draw(&numbers, 32);
		uint32_t most = NO_ID - start;
		struct id_range range = {
			.start = start,
			.count = 1 + draw(&numbers, most) / (1 + draw(&numbers, 100000)),
		};
		char text[8 + SUBID_LINE_TAIL_MAX] = "alice";
		size_t len = 5 + subid_line_format_tail(range, text + 5);
		struct subid_line line;

		assert_int_equal(text[len - 1], '\n');
		if (subid_line_parse(text, len - 1, &line) != 0 ||
		    !id_range_equal(line.range, range) || line.owner_len != 5)
			fail_msg("turn %u: %u:%u", turn, range.start, range.count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_strict_against_plain),
		cmocka_unit_test(test_readings),
		cmocka_unit_test(test_readings_hold_every_reader),
		cmocka_unit_test(test_owner_valid),
		cmocka_unit_test(test_owner_valid_each_byte),
		cmocka_unit_test(test_owner_is_hold),
		cmocka_unit_test(test_format_tail),
		cmocka_unit_test(test_format_and_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
