/* SPDX-License-Identifier: MIT */
/* Eight bytes at a time beside one byte at a time. */
#include "libsubid/core/scan.h"

#include "edge.h"
#include "model.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

/* Where to stop, byte by byte. */
static bool ends_field(char c)
{
	return c == ':' || (unsigned char)c < ' ' || c == 0x7f;
}

static bool ends_word(char c)
{
	return c == ':' || c == '\n';
}

static bool ends_line(char c)
{
	return c == '\n';
}

static size_t plain_scan(const char *text, size_t len, bool (*ends)(char c))
{
	size_t i = 0;

	while (i < len && !ends(text[i]))
		i++;
	return i;
}

static void check_scans(const char *text, size_t len)
{
	for (int at_end = 0; at_end < 2; at_end++) {
		const char *at = at_edge(text, len, at_end), *end = at + len;
		size_t newline = plain_scan(text, len, ends_line);
		size_t behind = newline < len ? newline + 1 : len;

		if (scan_field(at, end) != at + plain_scan(text, len, ends_field) ||
		    scan_to_colon(at, end) != at + plain_scan(text, len, ends_word) ||
		    scan_to_next_line(at, end) != at + behind)
			fail_msg("\"%.*s\" (%zu bytes): %td, %td, %td", (int)len, text,
				 len, scan_field(at, end) - at,
				 scan_to_colon(at, end) - at,
				 scan_to_next_line(at, end) - at);
	}
}

/* Each byte, alone at each place of texts of up to two words and a half. */
static void test_each_byte(void **state)
{
	static const char others[] = { 'x', '\xff', '\x80', ' ', ';', '9', '~', '!' };

	(void)state;
	for (size_t len = 0; len <= 20; len++) {
		char text[20];

		memset(text, 'x', sizeof(text));
		check_scans(text, len);
		for (size_t at = 0; at < len; at++) {
			for (int byte = 0; byte < 256; byte++) {
				memset(text, others[(unsigned int)byte % ARRAY(others)],
				       sizeof(text));
				text[at] = (char)byte;
				check_scans(text, len);
			}
		}
	}
}

static void test_random_bytes(void **state)
{
	static const char likely[] = "::\n\n  !/09;az~\x7f\x80\xba\xff\x1f\r\t";
	struct draw numbers = { .state = 577215 };

	(void)state;
	for (unsigned int turn = 0; turn < 50000; turn++) {
		char text[40];
		size_t len = draw(&numbers, sizeof(text) + 1);

		for (size_t i = 0; i < len; i++)
			text[i] = draw(&numbers, 3) == 0
				      ? likely[draw(&numbers, sizeof(likely))]
				      : (char)('A' + draw(&numbers, 64));
		check_scans(text, len);
	}
}

/* Ids with something behind them: the number, and where it ends. */
static const struct {
	const char *text;
	size_t digits;
	bool is_id;
	uint32_t id;
} ids[] = {
	{ "", 0, false, 0 },
	{ ":", 0, false, 0 },
	{ "x5", 0, false, 0 },
	{ "0", 1, true, 0 },
	{ "0:", 1, true, 0 },
	{ "0:12345678", 1, true, 0 },
	{ "7", 1, true, 7 },
	{ "7:xxxxxx", 1, true, 7 },
	{ "7:99999999", 1, true, 7 },
	{ "12:9", 2, true, 12 },
	{ "1234567", 7, true, 1234567 },
	{ "1234567:", 7, true, 1234567 },
	{ "1234567/", 7, true, 1234567 },
	{ "12345678", 8, true, 12345678 },
	{ "12345678:", 8, true, 12345678 },
	{ "123456789", 9, true, 123456789 },
	{ "123456789\n9", 9, true, 123456789 },
	{ "1234567890:", 10, true, 1234567890 },
	{ "4294967295", 10, true, 4294967295 },
	{ "4294967295:9", 10, true, 4294967295 },
	{ "4294967296", 10, false, 0 },
	{ "9999999999:", 10, false, 0 },
	{ "42949672950", 11, false, 0 },
	{ "100000:65536", 6, true, 100000 },
	{ "01", 2, false, 0 },
	{ "01:aaaaa", 2, false, 0 },
	{ "00000000", 8, false, 0 },
	{ "00000001:", 8, false, 0 },
	{ "0000000001", 10, false, 0 },
	{ "5\xb0:::::::", 1, true, 5 }, /* '0' and '9' but for the top bit */
	{ "5\xb9:::::::", 1, true, 5 },
	{ "5 ", 1, true, 5 },
	{ "-5", 0, false, 0 },
	{ "+5::::::::", 0, false, 0 },
};

static void test_ids(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY(ids); i++) {
		size_t len = strlen(ids[i / 2].text);
		const char *text = at_edge(ids[i / 2].text, len, i % 2 == 0), *at = text;
		uint32_t id = 0;
		bool is_id = scan_id(&at, text + len, &id);

		if (is_id != ids[i / 2].is_id || (is_id && id != ids[i / 2].id) ||
		    at != text + ids[i / 2].digits)
			fail_msg("\"%s\": %d, %u, %td digits", ids[i / 2].text, is_id, id,
				 at - text);
	}
}

/* Every length of number before every length of rest. */
static void test_random_ids(void **state)
{
	struct draw numbers = { .state = 662607 };

	(void)state;
	for (unsigned int turn = 0; turn < 50000; turn++) {
		char text[32];
		uint32_t id = draw(&numbers, UINT32_MAX) >> draw(&numbers, 32), got = 0;
		int digits = snprintf(text, sizeof(text), "%u", id);
		size_t len = (size_t)digits + draw(&numbers, 12);
		const char *edge, *at;

		for (size_t i = (size_t)digits; i < len; i++)
			text[i] =
			    ":9\n/x\xb1"[i == (size_t)digits ? 0 : draw(&numbers, 6)];
		at = edge = at_edge(text, len, turn % 4 > 0);
		if (!scan_id(&at, edge + len, &got) || got != id || at != edge + digits)
			fail_msg("turn %u, \"%.*s\": %u, %td digits", turn, (int)len,
				 text, got, at - edge);
	}
}

/* Numbers after numbers of which most are like one before: as if each were the first. */
static void test_like_ids(void **state)
{
	static const char *const texts[] = {
		"65536\n",     "65536:",	   "65536",	 "6553",
		"65537\n",     "0065536\n",	   "0:",	 "00:",
		"1234567\n",   "1234567:",	   "12345678\n", "4294967295:",
		"4294967296:", "x65536\n",	   ":",		 "65536\xb0\n",
		"1:",	       "\1\0\0\0\0\0\0\0",
	};
	struct scan_seen seen = SCAN_SEEN_NONE;
	struct draw numbers = { .state = 299792 };
	unsigned int same = 0;

	(void)state;
	for (unsigned int turn = 0; turn < 50000; turn++) {
		size_t of = draw(&numbers, 3) > 0 ? 0 : draw(&numbers, ARRAY(texts));
		size_t len = of == ARRAY(texts) - 1 ? 8 : strlen(texts[of]), tail;
		char text[32] = "";
		const char *edge, *at, *plain_at;
		uint32_t id = 0, plain_id = 0;
		bool is_id, is_plain;

		memcpy(text, texts[of], len);
		for (tail = draw(&numbers, 12); tail > 0; tail--)
			text[len++] = "1:\n\0a"[draw(&numbers, 5)];
		at = plain_at = edge = at_edge(text, len, turn % 4 > 0);
		same += len >= 8 && (scan_load(edge) & seen.mask) == seen.text;
		is_id = scan_id_like(&at, edge + len, &seen, &id);
		is_plain = scan_id(&plain_at, edge + len, &plain_id);
		if (is_id != is_plain || at != plain_at || (is_id && id != plain_id))
			fail_msg("turn %u, \"%.*s\": %d, %u, %td digits", turn, (int)len,
				 text, is_id, id, at - edge);
	}
	assert_true(same > 10000);
}

/* As subid_set_add() does it. */
static void test_add(void **state)
{
	struct draw numbers = { .state = 10545718 };

	(void)state;
	for (unsigned int turn = 0; turn < 20000; turn++) {
		struct model model = { .base = model_bases[turn % MODEL_BASES] };
		auto_set struct subid_set set = { .ranges = NULL }, plain = set;
		struct id_range run = { .count = 0 };
		uint32_t n = draw(&numbers, 8);
		uint64_t next = model.base;

		while (n-- > 0) {
			struct id_range r = draw_range(&numbers, model.base, 6);

			/* most ranges follow one of those before */
			if (draw(&numbers, 3) > 0 && next <= UINT32_MAX &&
			    next + r.count <= (uint64_t)model.base + MODEL_IDS)
				r.start = (uint32_t)next;
			next = (uint64_t)r.start + r.count;
			model_put(&model, r, true);
			assert_int_equal(scan_add(&set, &run, r), 0);
			assert_int_equal(subid_set_add(&plain, r), 0);
		}
		assert_int_equal(subid_set_add(&set, run), 0);
		assert_int_equal(set.n, plain.n);
		subid_set_sort(&set);
		if (!model_equals(&model, &set))
			fail_msg("turn %u at %u: %zu ranges", turn, model.base, set.n);
	}
}

/* A range that reaches beyond the last id is cut, also right behind another. */
static void test_add_at_the_end(void **state)
{
	auto_set struct subid_set set = { .ranges = NULL };
	struct id_range run = { .count = 0 };

	(void)state;
	assert_int_equal(scan_add(&set, &run, (struct id_range){ 5, 5 }), 0);
	assert_int_equal(scan_add(&set, &run, (struct id_range){ 4294967280U, 5 }), 0);
	assert_int_equal(scan_add(&set, &run, (struct id_range){ 4294967285U, 9 }), 0);
	assert_int_equal(scan_add(&set, &run, (struct id_range){ 4294967294U, 9 }), 0);
	assert_int_equal(subid_set_add(&set, run), 0);
	assert_int_equal(set.n, 2);
	assert_int_equal(set.ranges[0].count, 5);
	assert_int_equal(set.ranges[1].start, 4294967280U);
	assert_int_equal(set.ranges[1].count, 15);
	assert_false(set.unsorted);
	assert_int_equal(scan_add(&set, &run, (struct id_range){ 10, 2 }), 0);
	assert_int_equal(subid_set_add(&set, run), 0);
	assert_true(set.unsorted);
	subid_set_sort(&set);
	assert_int_equal(set.n, 2);
	assert_int_equal(set.ranges[0].count, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_byte),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_random_ids),
		cmocka_unit_test(test_like_ids),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_add_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
