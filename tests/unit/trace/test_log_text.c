/* SPDX-License-Identifier: MIT */
#include "libsubid/trace/trace.h"

#include "support.h"

#define OF(name, id)	     .owner = (name), .owner_len = sizeof(name) - 1, .uid = (id)
#define EVENT(name, id, ...) EVENT_BY("subid", name, id, __VA_ARGS__)
#define EVENT_BY(by, name, id, ...)                                                      \
	{                                                                                \
		OF(name, id), .range = { 100000, 65536 }, .program = (by), __VA_ARGS__   \
	}

/* An event of uids, and the same of gids. */
#define GIDS_AFTER(name, id, ...)                                                        \
	EVENT(name, id, __VA_ARGS__), EVENT(name, id, .kind = SUBID_GID, __VA_ARGS__)

#define CHANGE_ID   "MESSAGE_ID=5a1d4b0e8c4f4c0b9d3c7e2f6a9b1857\n"
#define RANGE	    "SUBID_START=100000\nSUBID_COUNT=65536\n"
#define UID_1000    "SUBID_UID=1000\nSUBID_KIND=uid\n" RANGE
#define NOTICE(pid) "PRIORITY=5\n" FACILITY "SYSLOG_IDENTIFIER=subid\n" pid
#define WARNING	    "PRIORITY=4\n" FACILITY
#define FACILITY    "SYSLOG_FACILITY=10\n"
#define PID_7	    "SYSLOG_PID=7\n"

static void journal_text(const struct subid_event *event, pid_t self,
			 struct subid_message *ret)
{
	struct log_line line;

	subid_trace_line(event, &line);
	log_journal_message(&line, self, ret);
}

static void syslog_text(const struct subid_event *event, pid_t self,
			struct subid_message *ret)
{
	struct log_line line;

	subid_trace_line(event, &line);
	log_syslog_message(&line, self, ret);
}

/* The message is these bytes, whatever they are. */
static void assert_message(const char *row, const struct subid_message *message,
			   const char *expected, size_t size)
{
	if (message->size != size || memcmp(message->bytes, expected, size) != 0)
		fail_msg("%s: '%.*s' (%zu)\ninstead of\n'%.*s' (%zu)", row,
			 (int)message->size, message->bytes, message->size, (int)size,
			 expected, size);
}

#define NO_PLACE                                                                         \
	{                                                                                \
		OF("alice", 1000), .range = { SUBID_NO_PLACE, 9 },                       \
				   .result = SUBID_FORBIDDEN, .program = "subid"         \
	}
#define JOURNAL(row, event, text)                                                        \
	{                                                                                \
		(row), event, (text), sizeof(text) - 1                                   \
	}

static void test_journal_text(void **state)
{
	static const struct {
		const char *row;
		struct subid_event event;
		const char *text;
		size_t size;
	} rows[] = {
		JOURNAL("add", EVENT("alice", 1000, .kind = SUBID_UID),
			"MESSAGE=range for \"alice\" (uid 1000): uid "
			"100000-165535\n" CHANGE_ID NOTICE(
			    PID_7) "SUBID_ACTION=add\nSUBID_OWNER=alice\n" UID_1000
				   "SUBID_RESULT=success\n"),
		JOURNAL(
		    "remove",
		    EVENT("x y", 1000, .action = SUBID_REMOVE, .kind = SUBID_GID),
		    "MESSAGE=range taken from \"x y\" (uid 1000): gid "
		    "100000-165535\n" CHANGE_ID NOTICE(
			PID_7) "SUBID_ACTION=remove\nSUBID_OWNER=x y\nSUBID_UID=1000\n"
			       "SUBID_KIND=gid\n" RANGE "SUBID_RESULT=success\n"),
		JOURNAL(
		    "hold, nobody, no audit",
		    EVENT("!released", SUBID_NO_UID, .action = SUBID_HOLD,
			  .audit_error = -EPERM),
		    "MESSAGE=range held as \"!released\": uid 100000-165535\n" CHANGE_ID
			NOTICE(PID_7) "SUBID_ACTION=hold\nSUBID_OWNER=!released\nSUBID_"
				      "KIND=uid\n" RANGE
				      "SUBID_RESULT=success\nSUBID_AUDIT=EPERM\n"),
		JOURNAL("unhold, failed",
			EVENT("alice", 1000, .action = SUBID_UNHOLD, .result = -ENOSPC),
			"MESSAGE=range no longer held as \"alice\" (uid 1000):"
			" uid 100000-165535: failed: ENOSPC\n" CHANGE_ID WARNING
			"SYSLOG_IDENTIFIER=subid\n" PID_7
			"SUBID_ACTION=unhold\nSUBID_OWNER=alice\n" UID_1000
			"SUBID_RESULT=failed\nSUBID_REASON=ENOSPC\n"),
		JOURNAL("both kinds", EVENT("alice", 1000, .told = SUBID_TOLD_BOTH),
			"MESSAGE=range for \"alice\" (uid 1000): uid+gid "
			"100000-165535\n" CHANGE_ID NOTICE(
			    PID_7) "SUBID_ACTION=add\nSUBID_OWNER=alice\nSUBID_UID=1000\n"
				   "SUBID_KIND=uid+gid\n" RANGE "SUBID_RESULT=success\n"),
		JOURNAL("refused before ids were chosen", NO_PLACE,
			"MESSAGE=range for \"alice\" (uid 1000): 9 uids: failed: "
			"forbidden\n" CHANGE_ID WARNING "SYSLOG_IDENTIFIER=subid\n" PID_7
			"SUBID_ACTION=add\nSUBID_OWNER=alice\nSUBID_UID=1000\n"
			"SUBID_KIND=uid\nSUBID_COUNT=9\n"
			"SUBID_RESULT=failed\nSUBID_REASON=forbidden\n"),
		/* names that want to be more than a name */
		JOURNAL("a newline", EVENT("a\nSUBID_UID=0", 1000, .kind = SUBID_UID),
			"MESSAGE=range for \"a?SUBID_UID=0\" (uid 1000):"
			" uid 100000-165535\n" CHANGE_ID NOTICE(
			    PID_7) "SUBID_ACTION=add\nSUBID_"
				   "OWNER\n\x0d\0\0\0\0\0\0\0a\nSUBID_UID=0\n" UID_1000
				   "SUBID_RESULT=success\n"),
		JOURNAL("a quote, NUL, escape",
			EVENT("a\": failed\0\x1b\177", 1000, .kind = SUBID_UID),
			"MESSAGE=range for \"a?: failed???\" (uid 1000):"
			" uid 100000-165535\n" CHANGE_ID NOTICE(
			    PID_7) "SUBID_ACTION=add\nSUBID_OWNER=a\": "
				   "failed\0\x1b\177\n" UID_1000
				   "SUBID_RESULT=success\n"),
		JOURNAL(
		    "results that have no name",
		    EVENT("alice", 1000, .result = 99, .audit_error = -9999),
		    "MESSAGE=range for \"alice\" (uid 1000): uid 100000-165535:"
		    " failed: unknown\n" CHANGE_ID WARNING
		    "SYSLOG_IDENTIFIER=subid\n" PID_7
		    "SUBID_ACTION=add\nSUBID_OWNER=alice\n" UID_1000
		    "SUBID_RESULT=failed\nSUBID_REASON=unknown\nSUBID_AUDIT=unknown\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subid_message message;

		journal_text(&rows[i].event, 7, &message);
		assert_message(rows[i].row, &message, rows[i].text, rows[i].size);
	}
}

static void test_syslog_text(void **state)
{
	static const struct {
		const char *row;
		struct subid_event event;
		const char *text;
	} rows[] = {
		{ "add", EVENT("alice", 1000, .kind = SUBID_UID),
		  "<85>subid[7]: range for \"alice\" (uid 1000): uid 100000-165535" },
		{ "failed", EVENT("alice", 1000, .result = -EROFS),
		  "<84>subid[7]: range for \"alice\" (uid 1000): uid 100000-165535:"
		  " failed: EROFS" },
		{ "no audit", EVENT("alice", 1000, .audit_error = -EPERM),
		  "<85>subid[7]: range for \"alice\" (uid 1000): uid 100000-165535"
		  " (no audit record: EPERM)" },
		{ "refused before ids were chosen",
		  { OF("alice", 1000), .kind = SUBID_GID, .program = "subid",
		    .range = { SUBID_NO_PLACE, 0 }, .result = SUBID_FULL },
		  "<84>subid[7]: range for \"alice\" (uid 1000): gids: failed: full" },
		{ "both kinds", EVENT("alice", 1000, .told = SUBID_TOLD_BOTH),
		  "<85>subid[7]: range for \"alice\" (uid 1000): uid+gid 100000-165535" },
		{ "both, refused before ids were chosen",
		  { OF("alice", 1000), .program = "subid", .told = SUBID_TOLD_BOTH,
		    .range = { SUBID_NO_PLACE, 5 }, .result = SUBID_FULL },
		  "<84>subid[7]: range for \"alice\" (uid 1000): 5 uid+gids: failed: "
		  "full" },
		{ "a newline", EVENT("a\n<0>kernel: x", 1000, .kind = SUBID_UID),
		  "<85>subid[7]: range for \"a?<0>kernel: x\" (uid 1000):"
		  " uid 100000-165535" },
		{ "what a terminal takes for a command",
		  EVENT("j\xc3\xb6rg\xc2\x9b"
			"2J\033",
			1000, .kind = SUBID_UID),
		  "<85>subid[7]: range for \"j??rg??2J?\" (uid 1000): uid "
		  "100000-165535" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subid_message message;

		syslog_text(&rows[i].event, 7, &message);
		assert_message(rows[i].row, &message, rows[i].text, strlen(rows[i].text));
	}
}

/* The longest name, and one byte more, with the longest of all else. */
static void test_longest(void **state)
{
	char name[SUBID_MESSAGE_NAME_MAX + 1];
	struct subid_event event = {
		.action = SUBID_UNHOLD,
		.range = { UINT32_MAX - 2, 1 },
		.owner = name,
		.uid = UINT32_MAX - 1,
		.result = -EPROTONOSUPPORT,
		.program = "newuidmap",
		.unlogged = UINT32_MAX,
		.audit_error = -EPROTONOSUPPORT,
	};
	struct subid_message full, cut;

	(void)state;
	memset(name, '\n', sizeof(name));
	for (int i = 0; i < 2; i++) {
		event.owner_len = SUBID_MESSAGE_NAME_MAX;
		for (struct subid_message *to = &full; to != NULL;
		     to = to == &full ? &cut : NULL) {
			if (i == 0)
				journal_text(&event, INT32_MAX, to);
			else
				syslog_text(&event, INT32_MAX, to);
			event.owner_len++;
		}
		assert_message("cut", &cut, full.bytes, full.size);
		assert_true(full.size < SUBID_MESSAGE_SIZE - 1);
	}
}

/* Which events one line has: a letter for each, small when another has it. */
static void test_join(void **state)
{
	static const struct {
		const char *row, *told;
		struct subid_event events[4];
	} rows[] = {
		{ "a grant", "Bb", { GIDS_AFTER("alice", 1000, .result = 0) } },
		{ "a refusal", "Bb", { GIDS_AFTER("alice", 1000, .result = -EROFS) } },
		{ "two results",
		  "AA",
		  { EVENT("alice", 1000, .result = 0),
		    EVENT("alice", 1000, .kind = SUBID_GID, .result = -EROFS) } },
		{ "two owners",
		  "AA",
		  { EVENT("alice", 1000), EVENT("alicf", 1000, .kind = SUBID_GID) } },
		{ "two uids",
		  "AA",
		  { EVENT("alice", 1000), EVENT("alice", 1001, .kind = SUBID_GID) } },
		{ "one with its record",
		  "AA",
		  { EVENT("alice", 1000),
		    EVENT("alice", 1000, .kind = SUBID_GID, .audit_error = -EPERM) } },
		{ "gids first",
		  "AA",
		  { EVENT("alice", 1000, .kind = SUBID_GID), EVENT("alice", 1000) } },
		{ "taken, and held",
		  "BBbb",
		  { EVENT("alice", 1000, .action = SUBID_REMOVE),
		    EVENT("!released", SUBID_NO_UID, .action = SUBID_HOLD),
		    EVENT("alice", 1000, .action = SUBID_REMOVE, .kind = SUBID_GID),
		    EVENT("!released", SUBID_NO_UID, .action = SUBID_HOLD,
			  .kind = SUBID_GID) } },
		{ "the same twice",
		  "BbBb",
		  { GIDS_AFTER("alice", 1000, .result = 0),
		    GIDS_AFTER("alice", 1000, .result = 0) } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subid_event events[4];
		size_t n = strlen(rows[i].told);
		char told[5] = "";

		memcpy(events, rows[i].events, sizeof(events));
		subid_trace_join(events, n);
		for (size_t k = 0; k < n; k++)
			told[k] = "ABb"[events[k].told];
		if (strcmp(told, rows[i].told) != 0)
			fail_msg("%s: %s", rows[i].row, told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal_text),
		cmocka_unit_test(test_syslog_text),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_join),
	};

	return cmocka_run_group_tests_name("log_text", tests, NULL, NULL);
}
