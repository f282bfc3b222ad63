/* SPDX-License-Identifier: MIT */
/*
 * The trace that a transaction leaves, on a system made up for the test.
 *
 * wrap: subid_txn_is_host subid_audit_send subid_log_open subid_log_send
 * wrap: deadline_left_ms malloc realloc reallocarray geteuid
 */
#include "libsubid/change/private.h"
#include "libsubid/trace/trace.h"

#include "txn_support.h"

/* What was sent, as texts, one line an event, and what is to be answered. */
static struct {
	bool is_image;
	int audit_error, open_error, log_error;
	size_t audit_takes, log_takes; /* so many, then the error */
	size_t audited, logged;
	size_t log_in_time; /* 0: all; so many, then all time is used up */
	char text[32768];
	unsigned int allocations_left; /* 0: all */
	uid_t euid;
} world;

uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
	return world.euid;
}

bool __wrap_subid_txn_is_host(const struct subid_txn_options *options);
bool __wrap_subid_txn_is_host(const struct subid_txn_options *options)
{
	(void)options;
	return !world.is_image;
}

static void note(const struct subid_event *event)
{
	static const char *const actions[] = { "add", "remove", "hold", "unhold" };
	size_t used = strlen(world.text);

	assert_string_equal(event->program, "subid");
	assert_true(used + 1300 < sizeof(world.text));
	(void)snprintf(world.text + used, sizeof(world.text) - used,
		       "%s %.*s/%d %s %u:%u = %d\n", actions[event->action],
		       (int)event->owner_len, event->owner, (int)event->uid,
		       subid_kind_name(event->kind), event->range.start,
		       event->range.count, event->result);
}

int __wrap_subid_audit_send(const struct subid_event *events, size_t n,
			    const struct subid_patience *patience, size_t *ret_taken);
int __wrap_subid_audit_send(const struct subid_event *events, size_t n,
			    const struct subid_patience *patience, size_t *ret_taken)
{
	assert_true(patience->one_ms > 0 && patience->all_ms >= patience->one_ms);
	for (size_t i = 0; i < n; i++)
		note(&events[i]);
	*ret_taken = world.audit_error == 0 ? n : world.audit_takes;
	world.audited += *ret_taken;
	return world.audit_error;
}

int __wrap_subid_log_open(const char *journal, const char *syslog, struct subid_log *ret);
int __wrap_subid_log_open(const char *journal, const char *syslog, struct subid_log *ret)
{
	assert_string_equal(journal, "/run/systemd/journal/socket");
	assert_string_equal(syslog, "/dev/log");
	if (world.open_error == 0)
		ret->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return world.open_error;
}

int __wrap_subid_log_send(const struct subid_log *log, const struct log_line *line,
			  int patience_ms);
int __wrap_subid_log_send(const struct subid_log *log, const struct log_line *line,
			  int patience_ms)
{
	char note_text[64] = "";

	assert_true(log->fd >= 0);
	assert_true(patience_ms > 0);
	if (world.log_error != 0 && world.logged == world.log_takes)
		return world.log_error;
	if (world.logged >= world.audited && world.audit_error != 0)
		(void)snprintf(note_text, sizeof(note_text), " (no audit record: %s)",
			       strerrorname_np(-world.audit_error));
	assert_string_equal(line->note, note_text);
	world.logged++;
	return 0;
}

int __wrap_deadline_left_ms(int64_t deadline);
int __wrap_deadline_left_ms(int64_t deadline)
{
	assert_true(deadline > 0);
	return world.log_in_time > 0 && world.logged == world.log_in_time ? 0 : 1000;
}

/* Out of memory, from some allocation on. */
static bool is_out_of_memory(void)
{
	errno = ENOMEM;
	return world.allocations_left > 0 && --world.allocations_left == 0 &&
	       (world.allocations_left = 1) > 0;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return is_out_of_memory() ? NULL : __real_malloc(size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
	return is_out_of_memory() ? NULL : __real_realloc(old, size);
}

void *__real_reallocarray(void *old, size_t n, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size)
{
	return is_out_of_memory() ? NULL : __real_reallocarray(old, n, size);
}

static int setup(void **state)
{
	memset(&world, 0, sizeof(world));
	if (scratch_setup(state) != 0)
		return -1;
	put_file(etc_of(state), "passwd", PASSWD);
	put_file(etc_of(state), "login.defs", SMALL);
	return 0;
}

static int grant_to(struct subid_txn *txn, const struct subid_owner *owner,
		    struct id_range range)
{
	struct grant_request request = {
		.owner = owner,
		.kinds = SUBID_BOTH_KINDS,
		.range = range,
	};
	struct subid_changes changes;

	return subid_txn_grant(txn, &request, &changes);
}

static int grant(struct subid_txn *txn, const char *name, struct id_range range)
{
	auto_owner struct subid_owner owner = find_owner(txn, name);

	return grant_to(txn, &owner, range);
}

static int take_back(struct subid_txn *txn, const char *name, struct id_range range)
{
	auto_owner struct subid_owner owner = find_owner(txn, name);
	struct subid_changes changes;

	return subid_txn_revoke(txn, &owner, SUBID_BOTH_KINDS, range, false, &changes);
}

static const struct id_range anywhere = { 0, 0 };

static void test_what_is_traced(void **state)
{
	static const char *const expected = "add alice/1000 uid 1000000:10 = 0\n"
					    "add alice/1000 gid 1000000:10 = 0\n"
					    "add containers/-1 uid 1000010:10 = 0\n"
					    "add containers/-1 gid 1000010:10 = 0\n"
					    "remove alice/1000 uid 1000000:5 = 0\n"
					    "hold !released/-1 uid 1000000:5 = 0\n"
					    "remove alice/1000 gid 1000000:5 = 0\n"
					    "hold !released/-1 gid 1000000:5 = 0\n"
					    "hold !reserved/-1 gid 1000050:2 = 0\n"
					    "unhold !released/-1 uid 1000004:1 = 0\n"
					    "unhold !reserved/-1 gid 1000050:1 = 0\n";
	struct subid_txn *txn = begin(etc_of(state), -1);
	struct subid_changes changes;
	struct subid_traced traced;

	assert_int_equal(subid_txn_traced(txn).changes, 0);
	assert_int_equal(grant(txn, "alice", anywhere), 0);
	assert_int_equal(grant(txn, "containers", anywhere), 0);
	assert_int_equal(grant(txn, "alice", anywhere), SUBID_ENOUGH);
	/* also if the line names the owner by another name */
	assert_int_equal(take_back(txn, "alice", (struct id_range){ 1000000, 5 }), 0);
	assert_int_equal(subid_txn_hold(txn, 1U << SUBID_GID,
					(struct id_range){ 1000050, 2 }, &changes),
			 0);
	assert_int_equal(subid_txn_unhold(txn, 1U << SUBID_UID,
					  (struct id_range){ 1000004, 20 }, &changes),
			 0);
	assert_int_equal(subid_txn_unhold(txn, 1U << SUBID_GID,
					  (struct id_range){ 1000050, 1 }, &changes),
			 0);
	assert_string_equal(world.text, "");
	commit_and_free(&txn);
	assert_string_equal(world.text, expected);
	/* both kinds of a grant, what is taken, and what is held: a line each */
	assert_int_equal(world.logged, 7);

	txn = begin(etc_of(state), -1);
	assert_int_equal(take_back(txn, "containers", anywhere), 0);
	world.text[0] = '\0';
	commit_and_free(&txn);
	assert_non_null(strstr(world.text, "remove containers/-1 uid 1000010:10 = 0\n"));
	txn = begin(etc_of(state), -1);
	assert_int_equal(take_back(txn, "al", anywhere), 0);
	world.text[0] = '\0';
	{
		struct subid_failure failure;

		assert_int_equal(subid_txn_commit(txn, &failure), 0);
		subid_txn_release(txn);
	}
	assert_non_null(strstr(world.text, "remove al/1000 uid 1000005:5 = 0\n"));
	traced = subid_txn_traced(txn);
	assert_int_equal(traced.changes, 4);
	assert_int_equal(traced.audit, 4);
	assert_int_equal(traced.log, 4);
	/* once */
	world.text[0] = '\0';
	commit_and_free(&txn);
	assert_string_equal(world.text, "");
}

static void test_what_is_not_traced(void **state)
{
	struct subid_txn_options options = {
		.etc = etc_of(state),
		.proc = -1,
		.dry_run = true,
	};
	struct subid_failure failure;
	struct subid_txn *txn = begin(etc_of(state), -1);

	/* left without a commit */
	assert_int_equal(grant(txn, "alice", anywhere), 0);
	subid_txn_free(&txn);
	/* a dry run */
	assert_int_equal(subid_txn_begin(&options, &txn, &failure), 0);
	assert_int_equal(grant(txn, "alice", anywhere), 0);
	assert_int_equal(subid_txn_commit(txn, &failure), -EPERM);
	subid_txn_free(&txn);
	/* nothing changed */
	txn = begin(etc_of(state), -1);
	commit_and_free(&txn);
	/* an image */
	world.is_image = true;
	txn = begin(etc_of(state), -1);
	assert_int_equal(grant(txn, "alice", anywhere), 0);
	assert_int_equal(grant(txn, "bob", (struct id_range){ 1000000, 1 }), SUBID_TAKEN);
	assert_int_equal(subid_txn_commit(txn, &failure), 0);
	assert_int_equal(subid_txn_traced(txn).changes, 0);
	subid_txn_free(&txn);
	assert_string_equal(world.text, "");
	assert_int_equal(world.logged, 0);
}

static void test_refused(void **state)
{
	static const char *const refused = "add bob/1001 uid 1000000:1 = 4\n"
					   "add bob/1001 gid 1000000:1 = 4\n"
					   "hold !reserved/-1 uid 1000005:9 = 4\n"
					   "hold !reserved/-1 gid 1000005:9 = 4\n";
	struct subid_txn *txn = begin(etc_of(state), -1);
	struct subid_changes changes;

	assert_int_equal(SUBID_TAKEN, 4);
	assert_int_equal(grant(txn, "alice", anywhere), 0);
	assert_int_equal(grant(txn, "bob", (struct id_range){ 1000000, 1 }), SUBID_TAKEN);
	assert_int_equal(subid_txn_hold(txn, SUBID_BOTH_KINDS,
					(struct id_range){ 1000005, 9 }, &changes),
			 SUBID_TAKEN);
	/* without a commit only what was refused */
	subid_txn_free(&txn);
	assert_string_equal(world.text, refused);

	/* with one, all in its order, and not once more at the end */
	world.text[0] = '\0';
	txn = begin(etc_of(state), -1);
	assert_int_equal(grant(txn, "late", anywhere), 0);
	assert_int_equal(grant(txn, "bob", (struct id_range){ 1000000, 1 }), SUBID_TAKEN);
	commit_and_free(&txn);
	assert_string_equal(world.text, "add late/1010 uid 1000000:10 = 0\n"
					"add late/1010 gid 1000000:10 = 0\n"
					"add bob/1001 uid 1000000:1 = 4\n"
					"add bob/1001 gid 1000000:1 = 4\n");
}

/* Refused before ids are chosen: what was asked for is told. */
static void test_refused_without_a_place(void **state)
{
	static const char *const refused = "add alice/1000 uid 4294967295:200 = 2\n"
					   "add alice/1000 gid 4294967295:200 = 2\n"
					   "add bob/1001 uid 4294967295:0 = 7\n"
					   "add daemon/1 uid 4294967295:10 = 11\n"
					   "add daemon/1 gid 4294967295:10 = 11\n"
					   "add daemon/1 uid 1000000:1 = 11\n"
					   "add daemon/1 gid 1000000:1 = 11\n"
					   "add nobody?/-1 gid 5:6 = 3\n";
	static const struct subid_refused none = {
		.owner = "nobody?",
		.owner_len = 7,
		.uid = UINT32_MAX,
		.kinds = 1U << SUBID_GID,
		.range = { 5, 6 },
		.result = SUBID_UNKNOWN,
	};
	struct subid_txn *txn;
	struct subid_changes changes;
	struct grant_request request = { .kinds = SUBID_BOTH_KINDS, .count = 200 };

	assert_int_equal(SUBID_FULL, 2);
	assert_int_equal(SUBID_OFF, 7);
	assert_int_equal(SUBID_FORBIDDEN, 11);
	put_file(
	    etc_of(state), "login.defs",
	    "SUB_UID_MIN 1000000\nSUB_UID_MAX 1000099\nSUB_UID_COUNT 0\n" SMALL_GIDS);
	put_file(etc_of(state), "subid.conf", "never user daemon\n");
	txn = begin(etc_of(state), -1);
	{
		auto_owner struct subid_owner alice = find_owner(txn, "alice");
		auto_owner struct subid_owner bob = find_owner(txn, "bob");

		request.owner = &alice;
		assert_int_equal(subid_txn_grant(txn, &request, &changes), SUBID_FULL);
		request = (struct grant_request){ .owner = &bob, .kinds = 1 };
		assert_int_equal(subid_txn_grant(txn, &request, &changes), SUBID_OFF);
	}
	{
		auto_owner struct subid_owner daemon = find_owner(txn, "daemon");

		request = (struct grant_request){ .owner = &daemon,
						  .kinds = SUBID_BOTH_KINDS,
						  .count = 10 };
		assert_int_equal(subid_txn_grant(txn, &request, &changes),
				 SUBID_FORBIDDEN);
		request.count = 0;
		request.range = (struct id_range){ 1000000, 1 };
		assert_int_equal(subid_txn_grant(txn, &request, &changes),
				 SUBID_FORBIDDEN);
	}
	assert_int_equal(subid_txn_refuse(txn, &none), 0);
	assert_string_equal(world.text, "");
	subid_txn_free(&txn);
	assert_string_equal(world.text, refused);
}

/* What no transaction was begun for: by root, on the system, and in earnest. */
static void test_refused_without_a_transaction(void **state)
{
	static const struct subid_refused list[] = {
		{ "alice", 5, 1000, SUBID_BOTH_KINDS, { UINT32_MAX, 7 }, -EACCES },
		{ "x", 1, UINT32_MAX, 1U << SUBID_UID, { UINT32_MAX, 0 }, SUBID_BUSY },
	};
	static const struct {
		bool is_image, dry_run;
		uid_t euid;
		const char *text;
	} rows[] = {
		{ .text = "add alice/1000 uid 4294967295:7 = -13\n"
			  "add alice/1000 gid 4294967295:7 = -13\n"
			  "add x/-1 uid 4294967295:0 = 5\n" },
		{ .is_image = true, .text = "" },
		{ .dry_run = true, .text = "" },
		{ .euid = 1000, .text = "" },
	};

	assert_int_equal(EACCES, 13);
	assert_int_equal(SUBID_BUSY, 5);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct subid_txn_options options = {
			.etc = etc_of(state),
			.proc = -1,
			.dry_run = rows[i].dry_run,
		};

		memset(&world, 0, sizeof(world));
		world.is_image = rows[i].is_image;
		world.euid = rows[i].euid;
		subid_txn_trace_refused(&options, list, 2);
		assert_string_equal(world.text, rows[i].text);
		assert_int_equal(world.logged, rows[i].text[0] == '\0' ? 0 : 2);
	}
	memset(&world, 0, sizeof(world));
	subid_txn_trace_refused(&(struct subid_txn_options){ .etc = etc_of(state) }, list,
				0);
	assert_string_equal(world.text, "");
}

static void test_commit_that_fails(void **state)
{
	struct subid_txn *txn = begin(etc_of(state), -1);
	struct subid_failure failure;
	char text[sizeof(world.text)];

	assert_int_equal(grant(txn, "alice", anywhere), 0);
	assert_int_equal(grant(txn, "bob", (struct id_range){ 1000000, 1 }), SUBID_TAKEN);
	put_dir(etc_of(state), "subuid+"); /* where the draft should be */
	assert_int_equal(subid_txn_commit(txn, &failure), -EISDIR);
	assert_string_equal(world.text, ""); /* not while others wait for the locks */
	trace_tell(txn);
	(void)snprintf(text, sizeof(text),
		       "add alice/1000 uid 1000000:10 = %d\n"
		       "add alice/1000 gid 1000000:10 = %d\n"
		       "add bob/1001 uid 1000000:1 = 4\n"
		       "add bob/1001 gid 1000000:1 = 4\n",
		       -EISDIR, -EISDIR);
	assert_string_equal(world.text, text);
	assert_int_equal(subid_txn_traced(txn).changes, 4);

	/* once more, and it goes well: only that is new */
	assert_int_equal(unlinkat(etc_of(state), "subuid+", AT_REMOVEDIR), 0);
	world.text[0] = '\0';
	commit_and_free(&txn);
	assert_string_equal(world.text, "add alice/1000 uid 1000000:10 = 0\n"
					"add alice/1000 gid 1000000:10 = 0\n");
}

static void test_trace_that_fails(void **state)
{
	static const struct {
		int audit_error, open_error, log_error;
		size_t audit_takes, log_takes, log_in_time;
		struct subid_traced traced;
	} rows[] = {
		{ .audit_error = -EPERM,
		  .traced = { 0, 4, 0, 4, -EPERM, 0, false, false } },
		{ .audit_error = -ETIME,
		  .audit_takes = 1,
		  .traced = { 0, 4, 1, 4, -ETIME, 0, false, false } },
		{ .open_error = -ENOENT,
		  .traced = { 0, 4, 4, 0, 0, -ENOENT, false, false } },
		{ .log_error = -EAGAIN,
		  .log_takes = 1,
		  .traced = { 0, 4, 4, 2, 0, -EAGAIN, false, false } },
		/* one that takes each line in time, but one by one for ever */
		{ .log_in_time = 1, .traced = { 0, 4, 4, 2, 0, -ETIME, false, false } },
		{ .audit_error = -EPERM,
		  .open_error = -ENOENT,
		  .traced = { 0, 4, 0, 0, -EPERM, -ENOENT, false, false } },
	};
	static const struct id_range ids = { 1000000, 1 }, next = { 1000001, 1 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subid_txn *txn;
		struct subid_failure failure;
		struct subid_traced traced;

		put_file(etc_of(state), "subuid", "");
		put_file(etc_of(state), "subgid", "");
		memset(&world, 0, sizeof(world));
		world.audit_error = rows[i].audit_error;
		world.audit_takes = rows[i].audit_takes;
		world.open_error = rows[i].open_error;
		world.log_error = rows[i].log_error;
		world.log_takes = rows[i].log_takes;
		world.log_in_time = rows[i].log_in_time;
		txn = begin(etc_of(state), -1);
		assert_int_equal(grant(txn, "alice", ids), 0);
		assert_int_equal(grant(txn, "bob", next), 0);
		/* the change is made whatever becomes of its trace */
		assert_int_equal(subid_txn_commit(txn, &failure), 0);
		subid_txn_release(txn);
		assert_file(etc_of(state), "subuid", "alice:1000000:1\nbob:1000001:1\n");
		traced = subid_txn_traced(txn);
		assert_int_equal(traced.changes, rows[i].traced.changes);
		assert_int_equal(traced.audit, rows[i].traced.audit);
		assert_int_equal(traced.log, rows[i].traced.log);
		assert_int_equal(traced.audit_error, rows[i].traced.audit_error);
		assert_int_equal(traced.log_error, rows[i].traced.log_error);
		subid_txn_free(&txn);
	}
}

/* Names longer than a block, many, and the same again. */
static void test_names(void **state)
{
	struct subid_txn *txn = begin(etc_of(state), -1);
	char name[3][SUBID_LINE_OWNER_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < 3; i++) {
		memset(name[i], 'a' + (int)i, sizeof(name[i]) - 1);
		name[i][sizeof(name[i]) - 1] = '\0';
	}
	for (uint32_t id = 0; id < 12; id += 2) {
		assert_int_equal(
		    grant(txn, name[id / 2 % 3], (struct id_range){ 200000 + id, 1 }), 0);
		n += 2;
	}
	world.text[0] = '\0';
	{
		struct subid_failure failure;

		assert_int_equal(subid_txn_commit(txn, &failure), 0);
		subid_txn_release(txn);
	}
	assert_int_equal(subid_txn_traced(txn).audit, n);
	for (size_t i = 0; i < 3; i++)
		assert_non_null(strstr(world.text, name[i]));
	subid_txn_free(&txn);
}

/* What cannot be noted is not done. */
static void test_out_of_memory(void **state)
{
	struct subid_failure failure;
	int r = -ENOMEM;

	for (unsigned int turn = 1; r != 0; turn++) {
		struct subid_txn *txn = begin(etc_of(state), -1);
		auto_owner struct subid_owner owner = find_owner(txn, "alice");

		world.text[0] = '\0';
		world.allocations_left = turn;
		r = grant_to(txn, &owner, anywhere);
		world.allocations_left = 0;
		if (r != 0) {
			assert_int_equal(r, -ENOMEM);
			assert_int_equal(subid_txn_commit(txn, &failure), -ECANCELED);
			assert_null(strstr(world.text, "= 0\n"));
			assert_file(etc_of(state), "subuid", NULL);
		}
		subid_txn_free(&txn);
		assert_true(turn < 100);
	}
}

#define trace_test(function)                                                             \
	cmocka_unit_test_setup_teardown(function, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		trace_test(test_what_is_traced),
		trace_test(test_what_is_not_traced),
		trace_test(test_refused),
		trace_test(test_refused_without_a_place),
		trace_test(test_refused_without_a_transaction),
		trace_test(test_commit_that_fails),
		trace_test(test_trace_that_fails),
		trace_test(test_names),
		trace_test(test_out_of_memory),
	};

	return cmocka_run_group_tests_name("txn_trace", tests, NULL, NULL);
}
