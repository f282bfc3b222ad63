/* SPDX-License-Identifier: MIT */
/*
 * Records of the ledger as lines, and what is no such line.
 */
#include <stdlib.h>

#include "libsubid/ledger/ledger.h"
#include "support.h"

static const struct ledger_record records[] = {
	{ .word = LEDGER_RANGE,
	  .kinds = SUBID_BOTH_KINDS,
	  .entry = { .range = { 100000, 65536 },
		     .owner = { "alice", 5 },
		     .seq = 17,
		     .since = 1764490000,
		     .until = 1764490001,
		     .uid = 1000,
		     .state = LEDGER_LEFT,
		     .door_in = LEDGER_OURS,
		     .door_out = LEDGER_FOUND } },
	{ .word = LEDGER_RANGE,
	  .kinds = 1U << SUBID_GID,
	  .entry = { .range = { 0, UINT32_MAX },
		     .owner = { "CORP\\j doe%\xc3\xa4\x1b\x7f", 15 },
		     .seq = INT64_MAX,
		     .uid = SUBID_ID_NONE } },
	{ .word = LEDGER_RANGE,
	  .kinds = 1U << SUBID_UID,
	  .entry = { .range = { UINT32_MAX - 1, 1 },
		     .owner = { "-", 1 },
		     .state = LEDGER_CLEARED,
		     .door_in = LEDGER_BACKUP,
		     .door_out = LEDGER_RENAMED } },
	{ .word = LEDGER_RANGE,
	  .kinds = 1U << SUBID_UID,
	  .entry = { .range = { 1, 1 }, .owner = { "", 0 } } },
	{ .word = LEDGER_SEEN, .kinds = 3, .entry = { .range = { 5, 6 } } },
	{ .word = LEDGER_TABLES,
	  .entry = { .seq = 3, .since = 4 },
	  .of = { UINT64_MAX, 1 } },
	{ .word = LEDGER_BACKUPS, .entry = { .seq = 3 }, .of = { 0, UINT64_MAX } },
	{ .word = LEDGER_SEARCHED, .entry = { .seq = 9, .since = 10 }, .upto = 9 },
	{ .word = LEDGER_HIDER, .entry = { .seq = 9, .range = { 1000, 3 } } },
	{ .word = LEDGER_END, .entry = { .seq = 100000 } },
	{ .word = LEDGER_RANGE,
	  .about = LEDGER_LEASES,
	  .kinds = SUBID_BOTH_KINDS,
	  .entry = { .range = { 100000, 10 }, .owner = { "alice/web", 9 }, .seq = 18 } },
	{ .word = LEDGER_SEEN,
	  .about = LEDGER_LEASES,
	  .kinds = 1,
	  .entry = { .range = { 5, 6 } } },
	{ .word = LEDGER_TABLES,
	  .about = LEDGER_LEASES,
	  .entry = { .seq = 3, .since = 4 },
	  .of = { 1, 2 } },
	{ .word = LEDGER_BACKUPS,
	  .about = LEDGER_LEASES,
	  .entry = { .seq = 3 },
	  .of = { 3, 4 } },
};

#define N_RECORDS (sizeof(records) / sizeof(records[0]))

static void assert_same(const struct ledger_record *a, const struct ledger_record *b)
{
	assert_int_equal(a->word, b->word);
	assert_int_equal(a->about, b->about);
	assert_int_equal(a->kinds, b->kinds);
	assert_int_equal(a->entry.range.start, b->entry.range.start);
	assert_int_equal(a->entry.range.count, b->entry.range.count);
	assert_int_equal(a->entry.seq, b->entry.seq);
	assert_int_equal(a->entry.since, b->entry.since);
	assert_int_equal(a->entry.until, b->entry.until);
	assert_int_equal(a->entry.state, b->entry.state);
	assert_int_equal(a->entry.door_in, b->entry.door_in);
	assert_int_equal(a->entry.door_out, b->entry.door_out);
	assert_int_equal(a->of[0], b->of[0]);
	assert_int_equal(a->of[1], b->of[1]);
	assert_int_equal(a->upto, b->upto);
	assert_int_equal(a->entry.owner.len, b->entry.owner.len);
	assert_memory_equal(a->entry.owner.text == NULL ? "" : a->entry.owner.text,
			    b->entry.owner.text == NULL ? "" : b->entry.owner.text,
			    a->entry.owner.len);
	if (a->word == LEDGER_RANGE)
		assert_int_equal(a->entry.uid, b->entry.uid);
}

static void test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_RECORDS; i++) {
		char line[LEDGER_LINE_MAX];
		struct ledger_record back;
		size_t n = ledger_record_print(&records[i], line);

		assert_int_equal(line[n - 1], '\n');
		for (size_t k = 0; k < n - 1; k++)
			assert_true(line[k] >= ' ' && line[k] <= '~');
		assert_int_equal(ledger_record_parse(line, n - 1, &back), 0);
		assert_same(&records[i], &back);
	}
}

/* As people find it in the file. */
static void test_text(void **state)
{
	char line[LEDGER_LINE_MAX];
	size_t n = ledger_record_print(&records[0], line);

	(void)state;
	line[n - 10] = '\0'; /* its sum */
	assert_string_equal(line,
			    "r 17 b 100000 65536 l of 1764490000 1764490001 1000 alice");
	n = ledger_record_print(&records[1], line);
	line[n - 10] = '\0';
	assert_string_equal(line, "r 9223372036854775807 g 0 4294967295 h -- 0 0 "
				  "4294967295 CORP\\j%20doe%25%c3%a4%1b%7f");
}

static void test_longest_owner(void **state)
{
	char owner[LEDGER_OWNER_MAX + 1], line[LEDGER_LINE_MAX + 8];
	struct ledger_record record = records[0], back;
	size_t n;

	(void)state;
	memset(owner, '\x01', sizeof(owner));
	record.entry.owner = (struct subid_owner_name){ owner, LEDGER_OWNER_MAX };
	record.entry.seq = INT64_MAX;
	record.entry.since = record.entry.until = INT64_MAX;
	n = ledger_record_print(&record, line);
	assert_true(n <= LEDGER_LINE_MAX);
	assert_int_equal(ledger_record_parse(line, n - 1, &back), 0);
	assert_same(&record, &back);
}

/* Every byte changed, cut off or added: it says nothing. */
static void test_damage(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_RECORDS; i++) {
		char line[LEDGER_LINE_MAX], bad[LEDGER_LINE_MAX];
		struct ledger_record back;
		size_t n = ledger_record_print(&records[i], line) - 1;

		for (size_t k = 0; k < n; k++) {
			for (int bit = 0; bit < 8; bit++) {
				memcpy(bad, line, n);
				bad[k] = (char)(bad[k] ^ (1 << bit));
				assert_int_equal(ledger_record_parse(bad, n, &back),
						 SUBID_INVALID);
			}
			memcpy(bad, line, n);
			assert_int_equal(ledger_record_parse(bad, k, &back),
					 SUBID_INVALID);
			memcpy(bad, line, n);
			assert_int_equal(
			    ledger_record_parse(bad + k + 1, n - k - 1, &back),
			    SUBID_INVALID);
		}
	}
}

/* The sum of a text, as it stands at its end. */
static size_t with_sum(const char *text, char *buf)
{
	struct ledger_digest digest = LEDGER_DIGEST;
	uint64_t sum;

	ledger_digest_add(&digest, text, strlen(text));
	sum = ledger_digest_end(&digest);
	return (size_t)sprintf(buf, "%s %08x", text, (uint32_t)(sum ^ sum >> 32));
}

/* Whoever can compute the sum still cannot say what this file does not write. */
static void test_hostile(void **state)
{
	static const char *const lines[] = {
		"",
		"r",
		"x 1",
		"r 1 b 1 1 h -- 0 0 0",
		"r 1 b 1 1 h -- 0 0 0 a b",
		"r 1 b 1 1 h -- 0 0 0 a ",
		"r  1 b 1 1 h -- 0 0 0 a",
		"r 01 b 1 1 h -- 0 0 0 a",
		"r -1 b 1 1 h -- 0 0 0 a",
		"r 9223372036854775808 b 1 1 h -- 0 0 0 a",
		"r 99999999999999999999 b 1 1 h -- 0 0 0 a",
		"r 1 ? 1 1 h -- 0 0 0 a",
		"r 1 x 1 1 h -- 0 0 0 a",
		"r 1 b 4294967296 1 h -- 0 0 0 a",
		"r 1 b 4294967295 1 h -- 0 0 0 a",
		"r 1 b 1 4294967295 h -- 0 0 0 a",
		"r 1 b 1 0 h -- 0 0 0 a",
		"r 1 b 1 1 x -- 0 0 0 a",
		"r 1 b 1 1 h - 0 0 0 a",
		"r 1 b 1 1 h --- 0 0 0 a",
		"r 1 b 1 1 h x- 0 0 0 a",
		"r 1 b 1 1 h -- -5 0 0 a",
		"r 1 b 1 1 h -- 0 0 4294967296 a",
		"r 1 b 1 1 h -- 0 0 0 a%",
		"r 1 b 1 1 h -- 0 0 0 a%4",
		"r 1 b 1 1 h -- 0 0 0 a%4G",
		"r 1 b 1 1 h -- 0 0 0 \x1b[2J",
		"s u 1 1 1",
		"t 1 1 0 0",
		"t 1 1 00000000000000000 0000000000000000",
		"e 1 2",
		"E 1",
		"F 1 2",
		"R 1 b 1 1 h -- 0 0 0",
		"S 1 1 1",
	};
	char owner[LEDGER_OWNER_MAX + 60], buf[LEDGER_OWNER_MAX + 80];
	struct ledger_record record;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (ledger_record_parse(buf, with_sum(lines[i], buf), &record) !=
		    SUBID_INVALID)
			fail_msg("taken: %s", lines[i]);
	(void)sprintf(owner, "r 1 b 1 1 h -- 0 0 0 %0*d", LEDGER_OWNER_MAX, 0);
	assert_int_equal(ledger_record_parse(buf, with_sum(owner, buf), &record), 0);
	(void)sprintf(owner, "r 1 b 1 1 h -- 0 0 0 %0*d", LEDGER_OWNER_MAX + 1, 0);
	assert_int_equal(ledger_record_parse(buf, with_sum(owner, buf), &record),
			 SUBID_INVALID);
}

static void test_head(void **state)
{
	const struct ledger_head head = { 77, 76, 1234, 4294967294 };
	char line[LEDGER_HEAD_MAX], bad[LEDGER_HEAD_MAX];
	struct ledger_head back;
	size_t n = ledger_head_print(&head, line) - 1;

	(void)state;
	assert_int_equal(ledger_head_parse(line, n, &back), 0);
	assert_int_equal(back.seq, 77);
	assert_int_equal(back.searched, 76);
	assert_int_equal(back.index, 1234);
	assert_int_equal(back.body, 4294967294);
	for (size_t k = 0; k < n; k++) {
		memcpy(bad, line, n);
		bad[k] = (char)(bad[k] ^ 1);
		assert_int_equal(ledger_head_parse(bad, n, &back), SUBID_INVALID);
		assert_int_equal(ledger_head_parse(line, k, &back), SUBID_INVALID);
	}
	n = with_sum("subid-ledger 2 1 0 0 0", bad);
	assert_int_equal(ledger_head_parse(bad, n, &back), SUBID_INVALID);
	n = with_sum("subid-ledger 1 1 2 0 0", bad);
	assert_int_equal(ledger_head_parse(bad, n, &back), SUBID_INVALID);
	n = with_sum("subid-ledger 1 1 0 4294967295 0", bad);
	assert_int_equal(ledger_head_parse(bad, n, &back), SUBID_INVALID);
}

/* The same whatever pieces it comes in; another for each byte. */
static void test_digest(void **state)
{
	unsigned char bytes[100];
	struct ledger_digest all = LEDGER_DIGEST;

	(void)state;
	srand(1);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)rand();
	ledger_digest_add(&all, bytes, sizeof(bytes));
	for (int turn = 0; turn < 1000; turn++) {
		struct ledger_digest pieces = LEDGER_DIGEST;
		size_t at = 0;

		while (at < sizeof(bytes)) {
			size_t n = (size_t)rand() % 20;

			if (n > sizeof(bytes) - at)
				n = sizeof(bytes) - at;
			ledger_digest_add(&pieces, bytes + at, n);
			at += n;
		}
		assert_int_equal(ledger_digest_end(&pieces), ledger_digest_end(&all));
	}
	for (size_t i = 0; i < sizeof(bytes); i++) {
		struct ledger_digest other = LEDGER_DIGEST, shorter = LEDGER_DIGEST;

		bytes[i] ^= 0x80;
		ledger_digest_add(&other, bytes, sizeof(bytes));
		bytes[i] ^= 0x80;
		ledger_digest_add(&shorter, bytes, i);
		assert_int_not_equal(ledger_digest_end(&other), ledger_digest_end(&all));
		assert_int_not_equal(ledger_digest_end(&shorter),
				     ledger_digest_end(&all));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_text),
		cmocka_unit_test(test_longest_owner), cmocka_unit_test(test_damage),
		cmocka_unit_test(test_hostile),	      cmocka_unit_test(test_head),
		cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests_name("ledger_record", tests, NULL, NULL);
}
