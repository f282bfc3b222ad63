/* SPDX-License-Identifier: MIT */
/*
 * The ledger's lists, beside a model that has an entry for each id.
 *
 * wrap: reallocarray realloc malloc calloc read __read_chk
 */
#include <stdlib.h>

#include "file_faults.h"
#include "libsubid/ledger/ledger.h"

void *__wrap_calloc(size_t n, size_t size);
void *__real_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return is_to_fail() ? NULL : __real_calloc(n, size);
}

#define IDS 60

static struct ledger_entry entry(uint32_t start, uint32_t count, const char *owner,
				 uint64_t seq, enum ledger_state state)
{
	return (struct ledger_entry){
		.range = { start, count },
		.owner = { owner, strlen(owner) },
		.seq = seq,
		.state = (uint8_t)state,
		.uid = SUBID_ID_NONE,
	};
}

/* "100+10 alice h1, ..." */
static const char *text_of(const struct ledger_list *list, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < list->n; i++) {
		const struct ledger_entry *e = &list->entries[i];

		used += (size_t)snprintf(buf + used, size - used, "%s%u+%u %.*s %c%llu",
					 i == 0 ? "" : ", ", e->range.start,
					 e->range.count, (int)e->owner.len, e->owner.text,
					 "hlc"[e->state], (unsigned long long)e -> seq);
		assert_true(used < size);
	}
	return buf;
}

static void add(struct ledger_list *list, uint32_t start, uint32_t count,
		const char *owner, uint64_t seq, enum ledger_state state)
{
	struct ledger_entry e = entry(start, count, owner, seq, state);

	assert_int_equal(ledger_add(list, &e), 0);
}

/* The later record has the ids; of equals the first. */
static void test_sort(void **state)
{
	auto_ledger_list struct ledger_list list = { .n = 0 };
	char buf[500];

	(void)state;
	add(&list, 30, 10, "alice", 1, LEDGER_HAS);
	add(&list, 10, 10, "bob", 2, LEDGER_LEFT);
	add(&list, 15, 20, "carol", 3, LEDGER_HAS);
	add(&list, 16, 2, "dora", 3, LEDGER_HAS);
	assert_int_equal(ledger_sort(&list), 0);
	assert_string_equal(text_of(&list, buf, sizeof(buf)),
			    "10+5 bob l2, 15+20 carol h3, 35+5 alice h1");
	/* the last id there is */
	add(&list, UINT32_MAX - 1, 1, "eve", 4, LEDGER_HAS);
	add(&list, 0, 1, "eve", 4, LEDGER_HAS);
	assert_int_equal(ledger_sort(&list), 0);
	assert_string_equal(text_of(&list, buf, sizeof(buf)),
			    "0+1 eve h4, 10+5 bob l2, 15+20 carol h3, 35+5 alice h1, "
			    "4294967294+1 eve h4");
	assert_int_equal(ledger_find(&list, 0), 0);
	assert_int_equal(ledger_find(&list, 1), 1);
	assert_int_equal(ledger_find(&list, 34), 2);
	assert_int_equal(ledger_find(&list, 35), 3);
	assert_int_equal(ledger_find(&list, UINT32_MAX - 1), 4);
	assert_int_equal(ledger_find(&list, UINT32_MAX), 5);
}

static void test_overlay(void **state)
{
	static const struct {
		uint32_t base[4][2], top[4][2]; /* start, count; count 0 ends */
		const char *expected;
	} rows[] = {
		{ { { 0 } }, { { 5, 5 } }, "5+5 t h2" },
		{ { { 5, 5 } }, { { 0 } }, "5+5 b h1" },
		{ { { 5, 5 } }, { { 5, 5 } }, "5+5 t h2" },
		{ { { 5, 5 } }, { { 0, 20 } }, "0+20 t h2" },
		{ { { 0, 20 } }, { { 5, 5 } }, "0+5 b h1, 5+5 t h2, 10+10 b h1" },
		{ { { 0, 20 } }, { { 0, 5 } }, "0+5 t h2, 5+15 b h1" },
		{ { { 0, 20 } }, { { 15, 5 } }, "0+15 b h1, 15+5 t h2" },
		{ { { 0, 5 }, { 10, 5 } },
		  { { 3, 9 } },
		  "0+3 b h1, 3+9 t h2, 12+3 b h1" },
		{ { { 0, 5 }, { 10, 5 } },
		  { { 5, 5 } },
		  "0+5 b h1, 5+5 t h2, 10+5 b h1" },
		{ { { 0, 30 } },
		  { { 2, 2 }, { 4, 2 }, { 10, 1 } },
		  "0+2 b h1, 2+2 t h2, 4+2 t h2, 6+4 b h1, 10+1 t h2, 11+19 b h1" },
		{ { { 4, 2 }, { 8, 2 }, { 20, 1 } },
		  { { 0, 2 }, { 5, 10 }, { 30, 1 } },
		  "0+2 t h2, 4+1 b h1, 5+10 t h2, 20+1 b h1, 30+1 t h2" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_ledger_list struct ledger_list base = { .n = 0 }, top = { .n = 0 };
		auto_ledger_list struct ledger_list both = { .n = 0 };
		char buf[500];

		for (size_t k = 0; k < 4 && rows[i].base[k][1] > 0; k++)
			add(&base, rows[i].base[k][0], rows[i].base[k][1], "b", 1,
			    LEDGER_HAS);
		for (size_t k = 0; k < 4 && rows[i].top[k][1] > 0; k++)
			add(&top, rows[i].top[k][0], rows[i].top[k][1], "t", 2,
			    LEDGER_HAS);
		assert_int_equal(ledger_overlay(&base, &top, &both), 0);
		assert_string_equal(text_of(&both, buf, sizeof(buf)), rows[i].expected);
	}
}

static void test_without(void **state)
{
	auto_ledger_list struct ledger_list list = { .n = 0 }, others = { .n = 0 };
	auto_ledger_list struct ledger_list left = { .n = 0 };
	char buf[500];

	(void)state;
	add(&list, 0, 10, "alice", 1, LEDGER_LEFT);
	add(&list, 10, 10, "bob", 2, LEDGER_LEFT);
	add(&list, 30, 10, "carol", 3, LEDGER_LEFT);
	add(&others, 5, 2, "x", 0, LEDGER_HAS);
	add(&others, 8, 4, "x", 0, LEDGER_HAS);
	add(&others, 25, 20, "x", 0, LEDGER_HAS);
	assert_int_equal(ledger_left(&list, &others, &left), 0);
	assert_string_equal(text_of(&left, buf, sizeof(buf)),
			    "0+5 alice l1, 7+1 alice l1, 12+8 bob l2");

	/* of whom somebody left them, and of what was given back */
	ledger_list_free(&others);
	ledger_list_free(&left);
	add(&others, 0, 4, "alice", 4, LEDGER_LEFT);
	add(&others, 4, 10, "carol", 5, LEDGER_LEFT);
	add(&others, 14, 4, "bob", 6, LEDGER_CLEARED);
	add(&others, 30, 10, "carol", 7, LEDGER_LEFT);
	assert_int_equal(ledger_left(&list, &others, &left), 0);
	assert_string_equal(text_of(&left, buf, sizeof(buf)),
			    "4+6 alice l1, 10+10 bob l2");

	/* a broken line, which is nobody's by name, hides nobody; nor does one that is
	 * gone
	 */
	ledger_list_free(&others);
	ledger_list_free(&left);
	add(&list, 50, 10, "", 4, LEDGER_LEFT);
	assert_int_equal(ledger_sort(&list), 0);
	add(&others, 0, 10, "", 8, LEDGER_HAS);
	add(&others, 10, 30, "x", 9, LEDGER_HAS);
	add(&others, 50, 2, "", 10, LEDGER_HAS);
	add(&others, 52, 2, "x", 11, LEDGER_LEFT);
	assert_int_equal(ledger_left(&list, &others, &left), 0);
	assert_string_equal(text_of(&left, buf, sizeof(buf)), "0+10 alice l1, 54+6  l4");
}

/* What a broken line may give is left by whom it was, and stays so. */
static void test_compare_broken(void **state)
{
	auto_ledger_list struct ledger_list lines = { .n = 0 }, known = { .n = 0 };
	auto_ledger_list struct ledger_list news = { .n = 0 }, after = { .n = 0 };
	auto_ledger_list struct ledger_list none = { .n = 0 };
	char buf[500];

	(void)state;
	add(&known, 0, 10, "alice", 1, LEDGER_HAS);
	add(&known, 10, 10, "bob", 2, LEDGER_LEFT);
	add(&known, 20, 10, "carol", 3, LEDGER_CLEARED);
	add(&known, 30, 10, "", 4, LEDGER_HAS);
	add(&known, 40, 10, "", 5, LEDGER_LEFT);
	add(&lines, 0, 60, "", 0, LEDGER_HAS);
	assert_int_equal(ledger_compare(&lines, &known, LEDGER_FOUND, 99, &news), 0);
	assert_string_equal(text_of(&news, buf, sizeof(buf)),
			    "0+10 alice l0, 20+10  h0, 40+20  h0");
	assert_int_equal(ledger_overlay(&known, &news, &after), 0);
	assert_int_equal(ledger_compare(&lines, &after, LEDGER_FOUND, 99, &none), 0);
	assert_int_equal(none.n, 0);
}

static void test_compare(void **state)
{
	auto_ledger_list struct ledger_list lines = { .n = 0 }, known = { .n = 0 };
	auto_ledger_list struct ledger_list news = { .n = 0 };
	char buf[500];

	(void)state;
	add(&known, 0, 10, "alice", 1, LEDGER_HAS);
	add(&known, 10, 10, "bob", 2, LEDGER_HAS);
	add(&known, 20, 10, "carol", 3, LEDGER_LEFT);
	add(&known, 30, 10, "dora", 4, LEDGER_CLEARED);
	known.entries[1].since = 77;
	known.entries[1].door_in = LEDGER_OURS;
	known.entries[1].uid = 1001;
	add(&lines, 0, 5, "alice", 0, LEDGER_HAS); /* two lines for one */
	add(&lines, 5, 5, "alice", 0, LEDGER_HAS);
	add(&lines, 15, 2, "eve", 0, LEDGER_HAS);    /* somebody else has them now */
	add(&lines, 25, 10, "carol", 0, LEDGER_HAS); /* again, and some that were freed */
	assert_int_equal(ledger_compare(&lines, &known, LEDGER_FOUND, 99, &news), 0);
	assert_string_equal(text_of(&news, buf, sizeof(buf)),
			    "10+5 bob l0, 15+2 eve h0, 17+3 bob l0, 25+10 carol h0");
	assert_int_equal(news.entries[0].since, 77);
	assert_int_equal(news.entries[0].until, 99);
	assert_int_equal(news.entries[0].uid, 1001);
	assert_int_equal(news.entries[0].door_in, LEDGER_OURS);
	assert_int_equal(news.entries[0].door_out, LEDGER_FOUND);
	assert_int_equal(news.entries[1].since, 99);
	assert_int_equal(news.entries[1].until, 0);
	assert_int_equal(news.entries[1].door_in, LEDGER_FOUND);
	assert_int_equal(news.entries[1].door_out, LEDGER_NO_DOOR);
}

static void test_table(void **state)
{
	static const struct {
		const char *bytes, *expected;
	} rows[] = {
		{ "", "" },
		{ "alice:100:10\nalice:110:10\n", "100+10 alice h1, 110+10 alice h1" },
		/* LXD's pair; holds give nobody anything */
		{ "bob:300:10\n!released:900:5\nalice:100:10\n# a comment\n"
		  "_lxd:300:10\nroot:305:10\n!reserved:100:300\n",
		  "100+10 alice h1, 300+10 bob h1, 310+5 root h1" },
		/* what only some readers take */
		{ "x:0400:1\ny:256:1\n", "256+1 y h1, 400+1  h0" },
		/* but no slip that takes them all */
		{ "x:100:1\nall:0:-1\n", "100+1 x h1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_ledger_list struct ledger_list list = { .n = 0 };
		auto_table struct subid_table table = { .kind = SUBID_UID };
		struct subid_text text = { strdup(rows[i].bytes), strlen(rows[i].bytes) };
		char buf[500];

		assert_int_equal(subid_table_from_text(SUBID_UID, &text, &table), 0);
		assert_int_equal(ledger_of_table(&table, &list), 0);
		assert_string_equal(text_of(&list, buf, sizeof(buf)), rows[i].expected);
	}
}

/* --- beside a model ------------------------------------------------------------------
 */

struct model {
	const char *owner[IDS]; /* NULL: never seen */
	uint64_t seq[IDS];
	enum ledger_state state[IDS];
};

static const char *const names[] = { "alice", "bob", "carol", "dora" };

static void random_entry(struct ledger_entry *ret, uint64_t seq)
{
	uint32_t start = (uint32_t)(rand() % IDS);
	uint32_t count = 1 + (uint32_t)(rand() % (int)(IDS - start));

	*ret =
	    entry(start, count, names[rand() % 4], seq, (enum ledger_state)(rand() % 3));
}

static void lay(struct model *model, const struct ledger_entry *e)
{
	for (uint32_t id = e->range.start; id < id_range_end(e->range); id++) {
		if (model->owner[id] != NULL && model->seq[id] >= e->seq)
			continue;
		model->owner[id] = e->owner.text;
		model->seq[id] = e->seq;
		model->state[id] = (enum ledger_state)e->state;
	}
}

static void assert_model(const struct model *model, const struct ledger_list *list)
{
	for (size_t i = 1; i < list->n; i++)
		assert_true(id_range_end(list->entries[i - 1].range) <=
			    list->entries[i].range.start);
	for (uint32_t id = 0; id < IDS; id++) {
		size_t i = ledger_find(list, id);
		bool known = i < list->n && list->entries[i].range.start <= id;

		assert_int_equal(known, model->owner[id] != NULL);
		if (!known)
			continue;
		assert_ptr_equal(list->entries[i].owner.text, model->owner[id]);
		assert_int_equal(list->entries[i].seq, model->seq[id]);
		assert_int_equal(list->entries[i].state, model->state[id]);
	}
}

static void test_model(void **state)
{
	(void)state;
	srand(20261130);
	for (int turn = 0; turn < 3000; turn++) {
		auto_ledger_list struct ledger_list base = { .n = 0 }, top = { .n = 0 };
		auto_ledger_list struct ledger_list both = { .n = 0 };
		struct model model = { .owner = { NULL } };
		int n = rand() % 12, seq = 0;

		for (int i = 0; i < n; i++) {
			struct ledger_entry e;

			/* equal ones among them: the first counts */
			random_entry(&e, (uint64_t)(seq += rand() % 3));
			assert_int_equal(ledger_add(i < n / 2 ? &base : &top, &e), 0);
			if (i + 1 == n / 2)
				seq++;
			lay(&model, &e);
		}
		assert_int_equal(ledger_sort(&base), 0);
		assert_int_equal(ledger_sort(&top), 0);
		assert_int_equal(ledger_overlay(&base, &top, &both), 0);
		assert_model(&model, &both);
	}
}

/* What compare says, laid over the ledger, is what lines say; and then nothing is new. */
static void test_compare_model(void **state)
{
	(void)state;
	srand(30112026);
	for (int turn = 0; turn < 3000; turn++) {
		auto_ledger_list struct ledger_list lines = { .n = 0 },
						    known = { .n = 0 };
		auto_ledger_list struct ledger_list news = { .n = 0 }, after = { .n = 0 };
		auto_ledger_list struct ledger_list none = { .n = 0 };
		struct ledger_entry e;

		for (int i = rand() % 6; i > 0; i--) {
			random_entry(&e, (uint64_t)i);
			assert_int_equal(ledger_add(&known, &e), 0);
		}
		for (int i = rand() % 6; i > 0; i--) {
			random_entry(&e, 0);
			e.state = LEDGER_HAS;
			assert_int_equal(ledger_add(&lines, &e), 0);
		}
		assert_int_equal(ledger_sort(&known), 0);
		assert_int_equal(ledger_sort(&lines), 0);
		assert_int_equal(ledger_compare(&lines, &known, LEDGER_FOUND, 1, &news),
				 0);
		assert_int_equal(ledger_overlay(&known, &news, &after), 0);
		for (uint32_t id = 0; id < IDS; id++) {
			size_t line = ledger_find(&lines, id),
			       now = ledger_find(&after, id);
			size_t then = ledger_find(&known, id);
			bool has =
			    line < lines.n && lines.entries[line].range.start <= id;
			bool is = now < after.n && after.entries[now].range.start <= id;
			bool was =
			    then < known.n && known.entries[then].range.start <= id;

			assert_int_equal(is, has || was); /* nothing is forgotten */
			if (has) {
				assert_int_equal(after.entries[now].state, LEDGER_HAS);
				assert_ptr_equal(after.entries[now].owner.text,
						 lines.entries[line].owner.text);
			} else if (was) {
				assert_int_not_equal(after.entries[now].state,
						     LEDGER_HAS);
				assert_ptr_equal(after.entries[now].owner.text,
						 known.entries[then].owner.text);
			}
		}
		assert_int_equal(ledger_compare(&lines, &after, LEDGER_FOUND, 2, &none),
				 0);
		assert_int_equal(none.n, 0);
	}
}

static void test_ids(void **state)
{
	auto_ledger_list struct ledger_list list = { .n = 0 };
	auto_set struct subid_set left = { .n = 0 };

	(void)state;
	add(&list, 0, 10, "alice", 5, LEDGER_LEFT);
	add(&list, 10, 10, "bob", 6, LEDGER_LEFT);
	add(&list, 20, 10, "carol", 7, LEDGER_HAS);
	assert_int_equal(ledger_ids(&list, LEDGER_LEFT, 5, &left), 0);
	assert_int_equal(left.n, 1);
	assert_int_equal(left.ranges[0].start, 10);
	assert_int_equal(left.ranges[0].count, 10);
}

/* Out of memory at each point: said, and nothing is lost. */
static void test_out_of_memory(void **state)
{
	(void)state;
	for (unsigned int turn = 1; turn < 100; turn++) {
		auto_ledger_list struct ledger_list base = { .n = 0 }, top = { .n = 0 };
		auto_ledger_list struct ledger_list both = { .n = 0 }, news = { .n = 0 };
		int r;

		for (uint32_t i = 0; i < 20; i++)
			add(&base, (i * 7) % 40, 5, names[i % 4], i, LEDGER_HAS);
		add(&top, 3, 30, "alice", 99, LEDGER_HAS);
		until_failure = turn;
		r = ledger_sort(&base);
		if (r == 0)
			r = ledger_overlay(&base, &top, &both);
		if (r == 0)
			r = ledger_compare(&top, &both, LEDGER_FOUND, 1, &news);
		if (r == 0 && until_failure > 0) {
			until_failure = 0;
			assert_true(turn > 5);
			return;
		}
		until_failure = 0;
		assert_int_equal(r, -ENOMEM);
		assert_int_equal(base.n > 0, 1);
	}
	fail_msg("it never ends");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sort),	cmocka_unit_test(test_overlay),
		cmocka_unit_test(test_compare), cmocka_unit_test(test_compare_broken),
		cmocka_unit_test(test_table),	cmocka_unit_test(test_without),
		cmocka_unit_test(test_model),	cmocka_unit_test(test_compare_model),
		cmocka_unit_test(test_ids),	cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests_name("ledger_list", tests, NULL, NULL);
}
