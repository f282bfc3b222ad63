/* SPDX-License-Identifier: MIT */
/*
 * The trace of shift and share: no name or path is more than a name or path in it.
 */
#include "tools/subid/trace_files.h"

#include <errno.h>
#include <string.h>

#include "libsubid/core/log.h"

#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *row;
	struct files_event event;
	const char *record, *line, *fields;
} rows[] = {
	{ "created",
	  { FILES_STORE_CREATED, .store = "root/pics", .path = "/srv/pics" },
	  "op=share-create acct=\"root/pics\" path=\"/srv/pics\"",
	  "store created: \"root/pics\" in \"/srv/pics\"",
	  "SUBID_ACTION=share-create\nSUBID_OWNER=root/pics\nSUBID_PATH=/srv/pics\n"
	  "SUBID_RESULT=success\n" },
	{ "mounted",
	  { FILES_STORE_MOUNTED, .store = "root/p", .path = "/run/x", .target = "al" },
	  "op=share-mount acct=\"root/p\" subid-for=\"al\" path=\"/run/x\"",
	  "store mounted: \"root/p\" for \"al\" in \"/run/x\"",
	  "SUBID_ACTION=share-mount\nSUBID_OWNER=root/p\nSUBID_FOR=al\n"
	  "SUBID_PATH=/run/x\nSUBID_RESULT=success\n" },
	{ "not unmounted",
	  { FILES_STORE_UNMOUNTED, .store = "root/p", .result = -EBUSY },
	  "op=share-umount acct=\"root/p\"",
	  "store unmounted: \"root/p\": failed: EBUSY",
	  "SUBID_ACTION=share-umount\nSUBID_OWNER=root/p\nSUBID_RESULT=failed\n"
	  "SUBID_REASON=EBUSY\n" },
	{ "not destroyed, of which only a message says why",
	  { FILES_STORE_DESTROYED, .store = "root/p", .result = FILES_FAILED },
	  "op=share-destroy acct=\"root/p\"",
	  "store destroyed: \"root/p\": failed",
	  "SUBID_ACTION=share-destroy\nSUBID_OWNER=root/p\nSUBID_RESULT=failed\n" },
	{ "a path that wants to be more",
	  { FILES_SHIFT_BEGUN, .path = "/a res=success'\n\x1b[31m\"" },
	  "op=shift-begin path=2F61207265733D73756363657373270A1B5B33316D22",
	  "files are being shifted in \"/a res=success'??[31m?\"",
	  "SUBID_ACTION=shift-begin\nSUBID_PATH\n"
	  "\x16\0\0\0\0\0\0\0/a res=success'\n\x1b[31m\"\nSUBID_RESULT=success\n" },
	{ "a store that wants to be more",
	  { FILES_STORE_CREATED, .store = "a\nb/c" },
	  "op=share-create acct=610A622F63",
	  "store created: \"a?b/c\"",
	  "SUBID_ACTION=share-create\nSUBID_OWNER\n"
	  "\x05\0\0\0\0\0\0\0a\nb/c\nSUBID_RESULT=success\n" },
};

/* The fields have lengths with NUL in them: as far as they go. */
static void check_fields(const char *row, const struct subid_message *fields,
			 const char *wanted)
{
	for (size_t i = 0; i < fields->size; i++)
		if (fields->bytes[i] != wanted[i])
			fail_msg("%s: field bytes differ at %zu: %.*s", row, i,
				 (int)fields->size, fields->bytes);
	assert_int_equal(wanted[fields->size], '\0');
}

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(rows); i++) {
		struct subid_message record;
		struct log_line line;

		files_trace_text(&rows[i].event, &record);
		if (strcmp(record.bytes, rows[i].record) != 0)
			fail_msg("%s: %s", rows[i].row, record.bytes);
		files_trace_line(&rows[i].event, 0, &line);
		if (strcmp(line.text.bytes, rows[i].line) != 0)
			fail_msg("%s: %s", rows[i].row, line.text.bytes);
		check_fields(rows[i].row, &line.fields, rows[i].fields);
	}
}

static void fill(struct subid_sets *sets, uint32_t uid, uint32_t gid, int n)
{
	for (int i = 0; i < n; i++) {
		const struct id_range uids = { uid + (uint32_t)i * 20, 10 };
		const struct id_range gids = { gid + (uint32_t)i * 20, 10 };

		assert_int_equal(subid_set_insert(&sets->of[SUBID_UID], uids), 0);
		assert_int_equal(subid_set_insert(&sets->of[SUBID_GID], gids), 0);
	}
}

static void test_ids(void **state)
{
	struct subid_sets from = { .of = { { .n = 0 } } }, to = { .of = { { .n = 0 } } };
	struct files_event event = {
		.action = FILES_SHIFTED,
		.from = &from,
		.to = &to,
		.entries = 7,
	};
	struct subid_message record;
	struct log_line line;

	(void)state;
	fill(&from, 100, 100, 2);
	fill(&to, 1000, 2000, 1);
	files_trace_text(&event, &record);
	assert_string_equal(record.bytes, "op=shift-end subid-from=\"100:10,120:10\""
					  " subid-to=\"u1000:10,g2000:10\""
					  " subid-entries=7");
	event.from_host = true;
	event.result = SUBID_DENIED;
	files_trace_line(&event, -EPERM, &line);
	assert_string_equal(line.text.bytes,
			    "files shifted: ids host to u1000:10,g2000:10: 7 changed:"
			    " failed: denied");
	assert_string_equal(line.note, " (no audit record: EPERM)");
	subid_sets_free(&from);
	subid_sets_free(&to);
}

/* Of many ranges, the first ones; and all that is long has room beside each other. */
static void test_long(void **state)
{
	char name[5000];
	struct subid_sets from = { .of = { { .n = 0 } } };
	struct files_event event = {
		.action = FILES_SHIFTED,
		.path = name,
		.store = name,
		.target = name,
		.from = &from,
		.to = &from,
		.entries = UINT64_MAX,
	};
	struct subid_message record;
	struct log_line line;

	(void)state;
	memset(name, '\n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	fill(&from, 4000000000U, 4100000000U, 40);
	files_trace_text(&event, &record);
	assert_non_null(strstr(record.bytes, " subid-entries=18446744073709551615"));
	assert_true(record.size < SUBID_MESSAGE_SIZE - 1);
	assert_non_null(strstr(record.bytes, ",u4000000300:10,...,g4100000000:10,"));
	files_trace_line(&event, 0, &line);
	assert_non_null(strstr(line.text.bytes, ": 18446744073709551615 changed"));
	subid_sets_free(&from);
}

static void test_result(void **state)
{
	(void)state;
	assert_int_equal(files_trace_result(0), 0);
	assert_int_equal(files_trace_result(1), SUBID_DENIED);
	assert_int_equal(files_trace_result(3), FILES_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
