/* SPDX-License-Identifier: MIT */
/*
 * What is given is what the audit has nothing against: grants, and the auditor's rules
 * over the tables behind them.
 */
#include "audit_support.h"
#include "libsubid/change/private.h"
#include "model.h"
#include "txn_support.h"

/* A report about tables, and what it points to. */
struct look {
	struct subid_table tables[SUBID_KINDS];
	struct audit_report report;
};

static int put_bytes_behind(void *data, const void *bytes, size_t size)
{
	struct subid_text *text = data;

	text->bytes = realloc(text->bytes, text->size + size);
	assert_non_null(text->bytes);
	memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
	return 0;
}

/* As the audit would read what a commit would write; lines: instead of that. */
static void look_at(const struct subid_txn *txn, const char *const lines[SUBID_KINDS],
		    struct look *ret)
{
	struct audit_input input = {
		.users = txn->users,
		.policy = &txn->policy,
		.conf = &txn->conf,
		.accepted = txn->conf.accepted,
		.n_accepted = txn->conf.n_accepted,
	};

	*ret = (struct look){ .report = { .n = 0 } };
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct subid_text text = { .bytes = calloc(1, 1), .size = 0 };

		if (lines != NULL)
			(void)put_bytes_behind(&text, lines[kind], strlen(lines[kind]));
		else
			assert_int_equal(subid_table_print(&txn->tables[kind],
							   put_bytes_behind, &text),
					 0);
		assert_int_equal(subid_table_from_text(kind, &text, &ret->tables[kind]),
				 0);
		input.tables[kind] = &ret->tables[kind];
	}
	assert_int_equal(audit_check(&input, &ret->report), 0);
}

static void look_away(struct look *look)
{
	audit_report_free(&look->report);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_table_free(&look->tables[kind]);
}

static bool is_error(const struct audit_finding *finding)
{
	/* to be full is what the last grant of a window does to it */
	return finding->rule->level >= SUBID_ERROR &&
	       strcmp(finding->rule->name, "window-full") != 0;
}

static bool is_overlap(const struct audit_finding *finding)
{
	return strcmp(finding->rule->name, "overlap-reserved") == 0 ||
	       strcmp(finding->rule->name, "includes-root") == 0 ||
	       strcmp(finding->rule->name, "own-id-inside") == 0 ||
	       strcmp(finding->rule->name, "overlap-account") == 0;
}

/* How many findings there are of those that matter. */
static size_t count_if(const struct look *look,
		       bool (*matters)(const struct audit_finding *finding))
{
	size_t n = 0;

	for (size_t i = 0; i < look->report.n; i++)
		n += matters(&look->report.findings[i]);
	return n;
}

/* The first serious finding that was not there before; NULL if there is none. */
static const struct audit_finding *find_new(const struct look *before,
					    const struct look *after, bool one_kind)
{
	for (size_t i = 0; i < after->report.n; i++) {
		const struct audit_finding *finding = &after->report.findings[i];
		char now[AUDIT_LINE_MAX], then[AUDIT_LINE_MAX];
		bool known = !is_error(finding);

		/* who asks for one kind gets it */
		known |= one_kind && strcmp(finding->rule->name, "one-sided") == 0;
		audit_print(finding, now);
		for (size_t j = 0; !known && j < before->report.n; j++) {
			audit_print(&before->report.findings[j], then);
			known = strcmp(now, then) == 0;
		}
		if (!known)
			return finding;
	}
	return NULL;
}

static struct subid_txn *begin_dry(int etc)
{
	struct subid_txn_options options = { .etc = etc, .proc = -1, .dry_run = true };
	struct subid_failure failure;
	struct subid_txn *txn = NULL;
	int r = subid_txn_begin(&options, &txn, &failure);

	if (r != 0)
		fail_msg("begin: %d, %s: %s", r, failure.file, failure.place.why);
	return txn;
}

static int ask(struct subid_txn *txn, const char *name, struct grant_request request,
	       struct subid_changes *ret)
{
	struct subid_owner owner = find_owner(txn, name);
	int r;

	request.owner = &owner;
	r = subid_txn_grant(txn, &request, ret);
	subid_owner_free(&owner);
	return r;
}

/* --- each span that is set aside, at its borders --------------------------------- */

/* Where a window lies that has some of a span. */
struct window_place {
	const char *name;
	const char *file; /* whose window; the other says nothing */
	uint64_t first, end;
};

/* In text, if it is the place's file: the place as a window of up to count ids. */
static void put_window(int etc, const struct window_place *place, uint32_t count)
{
	struct id_range window = id_range_between(place->first, place->end);
	char text[512] = "";

	if (window.count < count)
		count = window.count;
	if (strcmp(place->file, "login.defs") == 0)
		(void)snprintf(text, sizeof(text),
			       "SUB_UID_MIN %u\nSUB_UID_MAX %u\nSUB_UID_COUNT %u\n"
			       "SUB_GID_MIN %u\nSUB_GID_MAX %u\nSUB_GID_COUNT %u\n",
			       window.start, (uint32_t)id_range_end(window) - 1, count,
			       window.start, (uint32_t)id_range_end(window) - 1, count);
	put_file(etc, "login.defs", text);
	(void)snprintf(text, sizeof(text),
		       "never user bob\nreserve 3000000-3000099 \"the site's\"\n");
	if (strcmp(place->file, "subid.conf") == 0)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
			       "give user late count %u window %u:%u\n", count,
			       window.start, window.count);
	put_file(etc, "subid.conf", text);
}

/* Just these ids: given if, and only if, the audit has nothing against the line. */
static void check_exact(int etc, const struct window_place *place, struct id_range range)
{
	char line[64];
	const char *const lines[] = { line, line };
	struct subid_txn *txn = begin_dry(etc);
	struct subid_changes changes;
	struct subid_conflict conflict;
	struct look look;
	size_t against;
	int r;

	(void)snprintf(line, sizeof(line), "alice:%u:%u\n", range.start, range.count);
	look_at(txn, lines, &look);
	against = count_if(&look, is_overlap);
	look_away(&look);
	r = ask(txn, "alice",
		(struct grant_request){ .kinds = SUBID_BOTH_KINDS, .range = range },
		&changes);
	if (r != (against == 0 ? 0 : SUBID_TAKEN))
		fail_msg("window %s of %s, %u:%u: answer %d, findings %zu", place->name,
			 place->file, range.start, range.count, r, against);
	/* and whoever is refused learns why */
	if (r == SUBID_TAKEN) {
		assert_int_equal(subid_txn_explain(txn, SUBID_GID, range, &conflict), 0);
		assert_true(id_range_contains(range, conflict.ids));
		assert_true(strlen(conflict.who) > 0 ||
			    conflict.what == SUBID_CONFLICT_ACCOUNT);
	}
	look_at(txn, NULL, &look);
	assert_int_equal(count_if(&look, is_overlap), 0);
	look_away(&look);
	subid_txn_free(&txn);
}

/* Wherever there is room in the window: the audit says nothing at all about it. */
static void check_search(int etc, const struct window_place *place)
{
	struct subid_txn *txn = begin_dry(etc);
	struct subid_changes changes;
	struct look look;
	int r;

	/* "late" has a window of its own, if there is one in subid.conf */
	r = ask(txn, "late", (struct grant_request){ .kinds = SUBID_BOTH_KINDS },
		&changes);
	assert_true(r == 0 || r == SUBID_FULL);
	look_at(txn, NULL, &look);
	for (size_t i = 0; i < look.report.n; i++) {
		const struct audit_finding *finding = &look.report.findings[i];

		if (finding->line > 0 && finding->rule->level >= SUBID_WARNING)
			fail_msg("window %s of %s: %s: %s", place->name, place->file,
				 finding->rule->name, finding->reason);
	}
	look_away(&look);
	subid_txn_free(&txn);
}

/* Held ids are nobody's, whoever else may want them. */
static void check_hold(int etc, struct id_range range)
{
	struct subid_txn *txn = begin_dry(etc);
	struct subid_changes changes;
	struct look look;
	int r = subid_txn_hold(txn, SUBID_BOTH_KINDS, range, &changes);

	assert_true(r == 0 || r == SUBID_TAKEN);
	look_at(txn, NULL, &look);
	assert_int_equal(count_if(&look, is_overlap), 0);
	look_away(&look);
	subid_txn_free(&txn);
}

static void check_span(int etc, struct id_range span)
{
	uint64_t first = span.start, end = id_range_end(span);
	uint64_t middle = first + span.count / 2;
	const struct window_place places[] = {
		{ "none", "none", 5000000, 5000001 },
		{ "elsewhere", "login.defs", 5000000, 5000100 },
		{ "all", "login.defs", first, end },
		{ "first half", "login.defs", first, middle + 1 },
		{ "second half", "login.defs", middle, end },
		{ "beyond", "login.defs", first == 0 ? 0 : first - 1, end + 1 },
		{ "all", "subid.conf", first, end },
		{ "second half", "subid.conf", middle, end },
		{ "beyond", "subid.conf", first == 0 ? 0 : first - 1, end + 1 },
	};
	const uint64_t edges[] = { first, middle, end };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		put_window(etc, &places[i], 3);
		check_search(etc, &places[i]);
		/* whatever begins and ends around an edge */
		for (size_t a = 0; a < 9; a++) {
			for (size_t b = a; b < 9; b++) {
				uint64_t from = edges[a / 3] + a % 3;
				uint64_t to = edges[b / 3] + b % 3;
				struct id_range range =
				    id_range_between(from == 0 ? 0 : from - 1, to);

				if (range.count == 0)
					continue;
				check_exact(etc, &places[i], range);
				if (i == 0)
					check_hold(etc, range);
			}
		}
	}
}

static void test_what_is_set_aside(void **state)
{
	int etc = etc_of(state);
	size_t n;
	const struct subid_reserved *rows = subid_reserved(&n);

	put_file(etc, "passwd", PASSWD);
	for (size_t i = 0; i < n; i++)
		check_span(etc, rows[i].range);
	check_span(etc, (struct id_range){ 3000000, 100 }); /* the site's */
}

/* --- whatever the tables are, and whoever asks ----------------------------------- */

static const char *const owners[] = { "alice",	    "bob",  "al",   "1000", "1001",
				      "4242",	    "1002", "77x",  "1003", "ghost",
				      "containers", "late", "1010", "root", "0",
				      "daemon",	    "4300" };
static const uint32_t bases[] = { 0,	   500,	    960,	60000,	    65500,
				  524250,  1000000, 2147352550, 2147483600, 4294967200,
				  1000000, 1000000, 1000000,	1000000 };

#define PICK(numbers, list)                                                              \
	(list)[draw(numbers, (uint32_t)(sizeof(list) / sizeof((list)[0])))]

/* Appends to a text that has room. */
#define PUT(text, ...)                                                                   \
	(void)snprintf((text) + strlen(text), sizeof(text) - strlen(text), __VA_ARGS__)

static struct id_range some_ids(struct draw *numbers)
{
	uint32_t start = PICK(numbers, bases) + draw(numbers, 95);

	return id_range_between(start, (uint64_t)start + 1 + draw(numbers, 30));
}

static void put_accounts(int etc, struct draw *numbers)
{
	char passwd[1024] = PASSWD "77x:x:1003:1003::/:/bin/sh\n", group[1024] = "";

	if (draw(numbers, 3) == 0)
		PUT(passwd, "five:x:4242:4242::/:/bin/sh\n");
	for (uint32_t i = draw(numbers, 4); i > 0; i--)
		PUT(passwd, "p%u:x:%u:%u::/:/bin/sh\n", i, some_ids(numbers).start,
		    some_ids(numbers).start);
	for (uint32_t i = draw(numbers, 4); i > 0; i--)
		PUT(group, "%s%u:x:%u:\n", draw(numbers, 2) == 0 ? "g" : "", 4300 + i,
		    some_ids(numbers).start);
	if (draw(numbers, 4) == 0)
		PUT(group, "ghost:x:7777:\n");
	put_file(etc, "passwd", passwd);
	put_file(etc, "group", group);
}

static void put_policy(int etc, struct draw *numbers)
{
	static const char *const flags[] = { "", "", "", "DETERMINISTIC",
					     "STORE_BY_UID" };
	uint32_t base = PICK(numbers, bases), count = 1 + draw(numbers, 20);
	char defs[512] = "", conf[512] = "";

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const char *id = kind == SUBID_UID ? "UID" : "GID";
		const char *flag = PICK(numbers, flags);

		if (draw(numbers, 5) == 0)
			base = PICK(numbers, bases);
		if (draw(numbers, 5) == 0)
			count = draw(numbers, 20);
		PUT(defs, "SUB_%s_MIN %u\nSUB_%s_MAX %u\nSUB_%s_COUNT %u\n", id, base, id,
		    base + 10 + draw(numbers, 85), id, count);
		if (flag[0] != '\0')
			PUT(defs, "SUB_%s_%s yes\n", id, flag);
		if (draw(numbers, 8) == 0)
			PUT(defs, "UNSAFE_SUB_%s_DETERMINISTIC_WRAP yes\n", id);
	}
	if (draw(numbers, 5) == 0)
		PUT(conf, "reserve %s%u:1\n", draw(numbers, 2) == 0 ? "gid " : "",
		    some_ids(numbers).start);
	if (draw(numbers, 6) == 0)
		PUT(conf, "%s%s\n",
		    draw(numbers, 2) == 0 ? "accept overlap-reserved"
					  : "allow conventional-ids",
		    draw(numbers, 2) == 0 ? ":alice" : "");
	if (draw(numbers, 4) == 0)
		PUT(conf, "give user alice window %u:40\ngive everyone\n",
		    PICK(numbers, bases));
	put_file(etc, "login.defs", defs);
	put_file(etc, "subid.conf", conf);
}

static void put_table(int etc, struct draw *numbers, const char *name)
{
	char text[1024] = "";

	for (uint32_t i = draw(numbers, 5); i > 0; i--) {
		struct id_range ids = some_ids(numbers);
		const char *owner = PICK(numbers, owners);

		switch (draw(numbers, 14)) {
		case 0:
			PUT(text, "%s:0%u:%u\n", owner, ids.start, ids.count);
			break;
		case 1:
			PUT(text, "%s:%u:%u:extra\n", owner, ids.start, ids.count);
			break;
		case 2:
			PUT(text, " %s:%u:%u \n", owner, ids.start, ids.count);
			break;
		case 3:
			PUT(text, "# a comment\n\n");
			break;
		case 4:
			PUT(text, "!released:%u:%u\n", ids.start, ids.count);
			break;
		default:
			PUT(text, "%s:%u:%u\n", owner, ids.start, ids.count);
		}
	}
	if (text[0] != '\0' && draw(numbers, 5) == 0)
		text[strlen(text) - 1] = '\0';
	put_file(etc, name, text);
}

/* Only for a case that has failed. */
static void tell_case(int etc, const char *owner, struct grant_request request)
{
	static const char *const names[] = { "passwd",	   "group",  "login.defs",
					     "subid.conf", "subuid", "subgid" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *text = get_file(etc, names[i]);

		print_error("%s:\n%s\n", names[i], text);
		free(text);
	}
	print_error("asked for %s: kinds %u, count %u, range %u:%u, another %d\n", owner,
		    request.kinds, request.count, request.range.start,
		    request.range.count, request.another);
}

static int try_one(int etc, struct draw *numbers)
{
	struct grant_request request = { .kinds = SUBID_BOTH_KINDS };
	const char *owner = PICK(numbers, owners);
	struct look before, after;
	struct subid_txn *txn;
	struct subid_changes changes;
	const struct audit_finding *finding;
	int r;

	put_accounts(etc, numbers);
	put_policy(etc, numbers);
	put_table(etc, numbers, "subuid");
	put_table(etc, numbers, "subgid");
	if (draw(numbers, 4) == 0)
		request.kinds = 1 + draw(numbers, 2);
	if (draw(numbers, 3) == 0)
		request.count = 1 + draw(numbers, 30);
	if (draw(numbers, 2) == 0)
		request.range = some_ids(numbers);
	request.another = draw(numbers, 3) == 0;
	txn = begin_dry(etc);
	look_at(txn, NULL, &before);
	r = ask(txn, owner, request, &changes);
	assert_true(r >= 0);
	look_at(txn, NULL, &after);
	finding = find_new(&before, &after, request.kinds != SUBID_BOTH_KINDS);
	if (finding != NULL) {
		tell_case(etc, owner, request);
		fail_msg("%s: %s", finding->rule->name, finding->reason);
	}
	look_away(&before);
	look_away(&after);
	subid_txn_free(&txn);
	return r;
}

static void test_whatever_is_asked_for(void **state)
{
	struct draw numbers = { .state = 20221 };
	size_t given = 0, refused = 0;

	for (size_t i = 0; i < 4000; i++) {
		int r = try_one(etc_of(state), &numbers);

		given += r == 0;
		refused += r == SUBID_TAKEN;
	}
	/* it was not all refused, nor all given */
	assert_true(given > 700);
	assert_true(refused > 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_what_is_set_aside),
		scratch_test(test_whatever_is_asked_for),
	};

	return cmocka_run_group_tests_name("grant_audit", tests, NULL, NULL);
}
