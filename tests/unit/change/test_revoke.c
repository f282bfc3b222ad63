/* SPDX-License-Identifier: MIT */
/* Revoke, hold and unhold. */
#include "txn_support.h"

enum verb {
	REVOKE,
	REUSE, /* revoke without holding */
	REST,
	HOLD,
	UNHOLD,
};

struct row {
	const char *name;
	enum verb verb;
	unsigned int kinds; /* 0: uids alone */
	const char *owner;  /* NULL: alice */
	struct id_range range;
	const char *uid, *gid;	    /* the tables before; NULL: none */
	const char *passwd, *group; /* passwd behind PASSWD */
	int answer;
	const char *changes;
	const char *uid_after, *gid_after; /* NULL: as before */
};

#define UID (1U << SUBID_UID)
#define GID (1U << SUBID_GID)
#define A10 "alice:100000:10\n"

static const struct row rows[] = {
	/* all of it */
	{ "all", REVOKE, .uid = A10, .changes = "uid 100000:10",
	  .uid_after = "!released:100000:10\n" },
	{ "all, for anybody", REUSE, .uid = A10, .changes = "uid 100000:10",
	  .uid_after = "" },
	{ "all lines", REVOKE, .uid = "alice:100000:10\nbob:1:1\nalice:200000:5\n",
	  .changes = "uid 100000:10, uid 200000:5",
	  .uid_after = "bob:1:1\n!released:100000:10\n!released:200000:5\n" },
	{ "lines that adjoin are held in one", REVOKE,
	  .uid = "alice:100010:10\nbob:1:1\nalice:100000:10\n",
	  .changes = "uid 100010:10, uid 100000:10",
	  .uid_after = "bob:1:1\n!released:100000:20\n" },
	{ "all spellings", REVOKE,
	  .uid = "al:100020:1\nalice:100000:1\n1000:100010:1\nbob:100030:1\n",
	  .changes = "uid 100000:1, uid 100020:1, uid 100010:1",
	  .uid_after = "bob:100030:1\n!released:100000:1\n!released:100010:1\n"
		       "!released:100020:1\n" },
	{ "by uid", REVOKE, .owner = "1000", .uid = A10, .changes = "uid 100000:10",
	  .uid_after = "!released:100000:10\n" },
	{ "of an owner without account", REVOKE, .owner = "gone",
	  .uid = "gone:100000:10\n", .changes = "uid 100000:10",
	  .uid_after = "!released:100000:10\n" },
	{ "a login name that is a number has no lines", REVOKE, .owner = "1002",
	  .uid = "4242:100000:10\n1002:200000:10\n", .changes = "uid 200000:10",
	  .uid_after = "4242:100000:10\n!released:200000:10\n" },
	{ "both kinds", REVOKE, UID | GID, .uid = A10, .gid = "alice:7:7\n",
	  .changes = "uid 100000:10, gid 7:7", .uid_after = "!released:100000:10\n",
	  .gid_after = "!released:7:7\n" },
	{ "one kind of both", REVOKE, GID, .uid = A10, .gid = A10,
	  .changes = "gid 100000:10", .gid_after = "!released:100000:10\n" },
	{ "both kinds, one there", REVOKE, UID | GID, .uid = A10,
	  .changes = "uid 100000:10", .uid_after = "!released:100000:10\n" },
	{ "nothing there", REVOKE, UID | GID, .uid = "bob:100000:10\n",
	  .answer = SUBID_ABSENT, .changes = "" },
	{ "no tables", REVOKE, UID | GID, .answer = SUBID_ABSENT, .changes = "" },

	/* a part */
	{ "at the start", REVOKE, .range = { 100000, 3 }, .uid = A10 "bob:1:1\n",
	  .changes = "uid 100000:3",
	  .uid_after = "alice:100003:7\nbob:1:1\n!released:100000:3\n" },
	{ "at the end", REVOKE, .range = { 100007, 3 }, .uid = A10 "bob:1:1\n",
	  .changes = "uid 100007:3",
	  .uid_after = "alice:100000:7\nbob:1:1\n!released:100007:3\n" },
	{ "in the middle", REVOKE, .range = { 100003, 3 }, .uid = A10 "bob:1:1\n",
	  .changes = "uid 100003:3",
	  .uid_after = "alice:100000:3\nbob:1:1\nalice:100006:4\n"
		       "!released:100003:3\n" },
	{ "in the middle, for anybody", REUSE, .range = { 100003, 3 },
	  .uid = A10 "bob:1:1\n", .changes = "uid 100003:3",
	  .uid_after = "alice:100000:3\nbob:1:1\nalice:100006:4\n" },
	{ "one id in the middle of three", REUSE, .range = { 100001, 1 },
	  .uid = "alice:100000:3\n", .changes = "uid 100001:1",
	  .uid_after = "alice:100000:1\nalice:100002:1\n" },
	{ "all but the first", REUSE, .range = { 100001, 9 }, .uid = A10,
	  .changes = "uid 100001:9", .uid_after = "alice:100000:1\n" },
	{ "all but the last", REUSE, .range = { 100000, 9 }, .uid = A10,
	  .changes = "uid 100000:9", .uid_after = "alice:100009:1\n" },
	{ "just all", REUSE, .range = { 100000, 10 }, .uid = A10,
	  .changes = "uid 100000:10", .uid_after = "" },
	{ "more than there is", REVOKE, .range = { 99990, 30 }, .uid = A10,
	  .changes = "uid 100000:10", .uid_after = "!released:100000:10\n" },
	{ "over the start", REVOKE, .range = { 99990, 11 }, .uid = A10,
	  .changes = "uid 100000:1",
	  .uid_after = "alice:100001:9\n!released:100000:1\n" },
	{ "over the end", REVOKE, .range = { 100009, 100 }, .uid = A10,
	  .changes = "uid 100009:1",
	  .uid_after = "alice:100000:9\n!released:100009:1\n" },
	{ "over several lines", REVOKE, .range = { 100005, 20 },
	  .uid = "alice:100000:10\nalice:100010:10\nalice:100020:10\n",
	  .changes = "uid 100005:5, uid 100010:10, uid 100020:5",
	  .uid_after = "alice:100000:5\nalice:100025:5\n!released:100005:20\n" },
	{ "of lines that overlap", REVOKE, .range = { 100005, 5 },
	  .uid = "alice:100000:10\nalice:100005:10\n",
	  .changes = "uid 100005:5, uid 100005:5",
	  .uid_after = "alice:100000:5\nalice:100010:5\n!released:100005:5\n" },
	{ "just before", REVOKE, .range = { 99990, 10 }, .uid = A10,
	  .answer = SUBID_ABSENT, .changes = "" },
	{ "just behind", REVOKE, .range = { 100010, 10 }, .uid = A10,
	  .answer = SUBID_ABSENT, .changes = "" },
	{ "another's", REVOKE, .range = { 200000, 10 }, .uid = A10 "bob:200000:10\n",
	  .answer = SUBID_ABSENT, .changes = "" },
	{ "the last ids there are", REVOKE, .range = { 4294967290, 5 },
	  .uid = "alice:4294967280:15\n", .changes = "uid 4294967290:5",
	  .uid_after = "alice:4294967280:10\n!released:4294967290:5\n" },

	/* what is not ours to touch */
	{ "names that are nearly the owner's", REVOKE,
	  .uid = "alice2:1:1\nAlice:2:1\nalic:3:1\n alice:4:1\nalice :5:1\n#alice:6:1\n"
		 "alice:07:1\nalice:8:1:\nalice:9\n" A10 "alice:10:0\nalice",
	  .changes = "uid 100000:10",
	  .uid_after = "alice2:1:1\nAlice:2:1\nalic:3:1\n alice:4:1\nalice :5:1\n"
		       "#alice:6:1\nalice:07:1\nalice:8:1:\nalice:9\nalice:10:0\nalice"
		       "\n!released:100000:10\n" },
	{ "comments, blanks and a last line without newline", REUSE,
	  .uid = "\n# of alice\r\n\n" A10 "\n\tx\nbob:1:1", .changes = "uid 100000:10",
	  .uid_after = "\n# of alice\r\n\n\n\tx\nbob:1:1" },
	{ "the last line without newline goes", REUSE, .uid = "bob:1:1\nalice:100000:10",
	  .changes = "uid 100000:10", .uid_after = "bob:1:1\n" },
	{ "the last line without newline is cut", REUSE, .range = { 100000, 5 },
	  .uid = "bob:1:1\nalice:100000:10", .changes = "uid 100000:5",
	  .uid_after = "bob:1:1\nalice:100005:5\n" },

	/* what is held */
	{ "ids that another line has too are not held", REVOKE,
	  .uid = A10 "root:100000:10\n", .changes = "uid 100000:10 shared",
	  .uid_after = "root:100000:10\n" },
	{ "only those that no other line has", REVOKE, .uid = A10 "root:100003:4\n",
	  .changes = "uid 100000:10 shared",
	  .uid_after = "root:100003:4\n!released:100000:3\n!released:100007:3\n" },
	{ "ids that a comment has, too, are held: it may be deleted", REVOKE,
	  .uid = "#x:100000:9\n" A10, .changes = "uid 100000:10",
	  .uid_after = "#x:100000:9\n!released:100000:10\n" },
	{ "so are ids that some reader gives to another", REVOKE,
	  .uid = A10 "bob:0303240:9\nbob:100000:9:x\n", .changes = "uid 100000:10",
	  .uid_after = "bob:0303240:9\nbob:100000:9:x\n!released:100000:10\n" },
	{ "but for those that an entry has", REVOKE,
	  .uid = A10 "#x:100000:10\nbob:100003:4\n", .changes = "uid 100000:10 shared",
	  .uid_after = "#x:100000:10\nbob:100003:4\n"
		       "!released:100000:3\n!released:100007:3\n" },
	{ "ids of the other table are no matter", REVOKE, .uid = A10,
	  .gid = "bob:100000:10\n", .changes = "uid 100000:10",
	  .uid_after = "!released:100000:10\n" },
	{ "held ids that adjoin, below", REVOKE, .uid = "!released:99990:10\n" A10,
	  .changes = "uid 100000:10", .uid_after = "!released:99990:20\n" },
	{ "held ids that adjoin, above", REVOKE, .uid = "!released:100010:5\n" A10,
	  .changes = "uid 100000:10", .uid_after = "!released:100000:15\n" },
	{ "held ids that adjoin, on both sides", REVOKE,
	  .uid = "!released:99990:10\nbob:1:1\n" A10 "!released:100010:5\n",
	  .changes = "uid 100000:10", .uid_after = "bob:1:1\n!released:99990:25\n" },
	{ "held ids between two ranges, which come in falling order", REVOKE,
	  .uid = "alice:100020:10\nbob:1:1\n!released:100010:10\n" A10,
	  .changes = "uid 100020:10, uid 100000:10",
	  .uid_after = "bob:1:1\n!released:100000:30\n" },
	{ "held ids that adjoin held ones that adjoin", REVOKE,
	  .uid = "!released:99980:10\n!released:99990:10\n" A10
		 "!released:100011:5\n!released:100005:1\n",
	  .changes = "uid 100000:10 shared",
	  .uid_after = "!released:100011:5\n!released:99980:30\n" },
	{ "held ids that do not adjoin", REVOKE,
	  .uid = "!released:99990:9\n!released:100011:5\n" A10,
	  .changes = "uid 100000:10",
	  .uid_after = "!released:99990:9\n!released:100011:5\n!released:100000:10\n" },
	{ "reserved ids that adjoin stay apart", REVOKE,
	  .uid = "!reserved:99990:10\n" A10, .changes = "uid 100000:10",
	  .uid_after = "!reserved:99990:10\n!released:100000:10\n" },

	{ "rest", REST, .range = { 100000, 10 }, .changes = "",
	  .uid_after = "!released:100000:10\n" },
	{ "what somebody has, or rests, does not", REST, .range = { 100000, 10 },
	  .uid = "#x:100000:9\nbob:100001:3\n!released:100006:2\n!reserved:100009:5\n",
	  .changes = "",
	  .uid_after = "#x:100000:9\nbob:100001:3\n!reserved:100009:5\n"
		       "!released:100000:1\n!released:100004:5\n" },
	{ "no range rests", REST, .range = { UINT32_MAX, 1 }, .answer = -EINVAL,
	  .changes = "" },

	{ "hold", HOLD, .range = { 100000, 10 }, .changes = "uid 100000:10",
	  .uid_after = "!reserved:100000:10\n" },
	{ "hold both", HOLD, UID | GID, .range = { 100000, 10 }, .uid = "bob:1:1\n",
	  .changes = "uid 100000:10, gid 100000:10",
	  .uid_after = "bob:1:1\n!reserved:100000:10\n",
	  .gid_after = "!reserved:100000:10\n" },
	{ "hold beside others", HOLD, .range = { 100000, 10 },
	  .uid = "bob:99999:1\nbob:100010:1\n", .changes = "uid 100000:10",
	  .uid_after = "bob:99999:1\nbob:100010:1\n!reserved:100000:10\n" },
	{ "hold what is held", HOLD, .range = { 100003, 4 },
	  .uid = "!reserved:100000:5\n!released:100005:5\n", .answer = SUBID_ENOUGH,
	  .changes = "" },
	{ "hold what is partly released", HOLD, .range = { 100000, 10 },
	  .uid = "!released:100003:4\n", .changes = "uid 100000:3, uid 100007:3",
	  .uid_after = "!released:100003:4\n!reserved:100000:3\n!reserved:100007:3\n" },
	{ "hold what is partly reserved", HOLD, .range = { 100000, 10 },
	  .uid = "!reserved:100003:4\n", .changes = "uid 100000:3, uid 100007:3",
	  .uid_after = "!reserved:100000:10\n" },
	{ "hold one side that is missing", HOLD, UID | GID, .range = { 100000, 10 },
	  .uid = "!reserved:100000:10\n", .changes = "gid 100000:10",
	  .gid_after = "!reserved:100000:10\n" },
	{ "hold ids that systemd has", HOLD, .range = { 61184, 10 },
	  .changes = "uid 61184:10", .uid_after = "!reserved:61184:10\n" },
	{ "hold the first of somebody's ids", HOLD, .range = { 99991, 10 }, .uid = A10,
	  .answer = SUBID_TAKEN, .changes = "uid 99991:10" },
	{ "hold the last of somebody's ids", HOLD, .range = { 100009, 10 }, .uid = A10,
	  .answer = SUBID_TAKEN, .changes = "uid 100009:10" },
	{ "hold ids of an odd line", HOLD, .range = { 100000, 10 },
	  .uid = "x:100009:1:\n", .answer = SUBID_TAKEN, .changes = "uid 100000:10" },
	{ "hold a uid", HOLD, UID | GID, .range = { 5000, 10 },
	  .passwd = "far:x:5009:1::/:/bin/sh\n", .answer = SUBID_TAKEN,
	  .changes = "uid 5000:10" },
	{ "hold a gid", HOLD, UID | GID, .range = { 5000, 10 },
	  .group = "people:x:5000:\n", .answer = SUBID_TAKEN, .changes = "gid 5000:10" },
	{ "hold what is somebody's in one table", HOLD, UID | GID,
	  .range = { 100000, 10 }, .gid = A10, .answer = SUBID_TAKEN,
	  .changes = "gid 100000:10" },
	{ "hold what is partly held, partly somebody's", HOLD, UID | GID,
	  .range = { 100000, 20 }, .uid = A10 "!reserved:100010:5\n",
	  .gid = "!reserved:100000:10\nbob:100019:1\n", .answer = SUBID_TAKEN,
	  .changes = "uid 100000:20, gid 100000:20" },

	{ "unhold", UNHOLD, UID | GID, .range = { 100000, 10 },
	  .uid = "!reserved:100000:10\n", .gid = "!released:100000:10\n",
	  .changes = "uid 100000:10, gid 100000:10", .uid_after = "", .gid_after = "" },
	{ "unhold a part", UNHOLD, .range = { 100003, 4 },
	  .uid = "!reserved:100000:10\nbob:1:1\n", .changes = "uid 100003:4",
	  .uid_after = "!reserved:100000:3\nbob:1:1\n!reserved:100007:3\n" },
	{ "unhold what both holders have", UNHOLD, .range = { 100005, 10 },
	  .uid = "!reserved:100010:10\n!released:100000:10\n",
	  .changes = "uid 100005:5, uid 100010:5",
	  .uid_after = "!reserved:100015:5\n!released:100000:5\n" },
	{ "unhold touches nobody's lines", UNHOLD, .range = { 100000, 10 },
	  .uid = A10 "!reserved:100000:5\n", .changes = "uid 100000:5",
	  .uid_after = A10 },
	{ "unhold what is not held", UNHOLD, UID | GID, .range = { 100000, 10 },
	  .uid = A10, .gid = "!reserved:100010:1\n!released:99999:1\n",
	  .answer = SUBID_ABSENT, .changes = "" },
	{ "unhold one kind", UNHOLD, GID, .range = { 100000, 10 },
	  .uid = "!reserved:100000:10\n", .gid = "!reserved:100000:10\n",
	  .changes = "gid 100000:10", .gid_after = "" },
};

static int run_verb(struct subid_txn *txn, const struct row *row,
		    struct subid_changes *ret)
{
	unsigned int kinds = row->kinds != 0 ? row->kinds : UID;
	struct subid_owner owner;
	int r;

	if (row->verb == HOLD)
		return subid_txn_hold(txn, kinds, row->range, ret);
	if (row->verb == REST)
		return subid_txn_rest(txn, SUBID_UID, row->range);
	if (row->verb == UNHOLD)
		return subid_txn_unhold(txn, kinds, row->range, ret);
	owner = find_owner(txn, row->owner != NULL ? row->owner : "alice");
	r = subid_txn_revoke(txn, &owner, kinds, row->range, row->verb == REUSE, ret);
	subid_owner_free(&owner);
	return r;
}

/* The row's changes, in whatever order: with an index it is not the file's. */
static void assert_same_changes(const struct row *row,
				const struct subid_changes *changes)
{
	size_t size = 0;
	char buf[64];

	for (size_t i = 0; i < changes->n; i++) {
		const struct subid_changes one = { .list = &changes->list[i], .n = 1 };

		if (strstr(row->changes, changes_text(&one, buf, sizeof(buf))) == NULL)
			fail_msg("%s: changes %s", row->name, buf);
		size += strlen(buf) + (i > 0 ? 2 : 0);
	}
	assert_int_equal(size, strlen(row->changes));
}

static void run_row(int etc, const struct row *row, bool bulk)
{
	char buf[512], passwd[1024];
	struct subid_changes changes = { .n = 0 };
	struct subid_txn *txn;
	int r;

	(void)snprintf(passwd, sizeof(passwd), "%s%s", PASSWD,
		       row->passwd != NULL ? row->passwd : "");
	put_file(etc, "passwd", passwd);
	put_or_remove(etc, "group", row->group);
	put_or_remove(etc, "subuid", row->uid);
	put_or_remove(etc, "subgid", row->gid);
	txn = begin(etc, -1);
	if (bulk)
		assert_int_equal(subid_txn_prepare_bulk(txn), 0);
	r = run_verb(txn, row, &changes);
	if (r != row->answer)
		fail_msg("%s: answer %d instead of %d", row->name, r, row->answer);
	if (bulk)
		assert_same_changes(row, &changes);
	else
		assert_row(row->name, "changes", changes_text(&changes, buf, sizeof(buf)),
			   row->changes);
	commit_and_free(&txn);
	assert_row_file(row->name, etc, "subuid",
			row->uid_after != NULL ? row->uid_after : row->uid);
	assert_row_file(row->name, etc, "subgid",
			row->gid_after != NULL ? row->gid_after : row->gid);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(etc_of(state), &rows[i], false);
}

/* The same through the index. */
static void test_rows_with_index(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(etc_of(state), &rows[i], true);
}

static void revoke_all_of(struct subid_txn *txn, const char *name)
{
	struct subid_owner owner = find_owner(txn, name);
	struct subid_changes changes;

	assert_int_equal(subid_txn_revoke(txn, &owner, UID, (struct id_range){ 0, 0 },
					  false, &changes),
			 0);
	subid_owner_free(&owner);
}

/* Of many owners what they share is counted once: it rests with the last of them, and
 * what adjoins is one line in the end. */
static void test_many_owners(void **state)
{
	int etc = etc_of(state);
	struct subid_txn *txn;

	put_file(etc, "passwd", PASSWD);
	put_or_remove(etc, "subgid", NULL);
	put_file(etc, "subuid",
		 "x:1:1\na:100:10\nb:105:10\nc:115:5\nd:300:5\n!released:120:1\n");
	txn = begin(etc, -1);
	assert_int_equal(subid_txn_prepare_bulk(txn), 0);
	revoke_all_of(txn, "d");
	revoke_all_of(txn, "a");
	revoke_all_of(txn, "c");
	commit_and_free(&txn);
	assert_file(etc, "subuid",
		    "x:1:1\nb:105:10\n!released:100:5\n!released:115:6\n"
		    "!released:300:5\n");
	put_file(etc, "subuid", "x:1:1\na:100:10\nb:105:10\nc:115:5\n!released:120:1\n");
	txn = begin(etc, -1);
	assert_int_equal(subid_txn_prepare_bulk(txn), 0);
	revoke_all_of(txn, "a");
	revoke_all_of(txn, "c");
	revoke_all_of(txn, "b");
	commit_and_free(&txn);
	assert_file(etc, "subuid", "x:1:1\n!released:100:21\n");
}

static int grant(struct subid_txn *txn, const char *name, struct subid_changes *ret)
{
	struct subid_owner owner = find_owner(txn, name);
	struct grant_request request = { .owner = &owner, .kinds = SUBID_BOTH_KINDS };
	int r = subid_txn_grant(txn, &request, ret);

	subid_owner_free(&owner);
	return r;
}

static const struct id_range tens[] = { { 1000000, 10 },
					{ 1000010, 10 },
					{ 1000020, 10 } };

/* Ids that were taken away or reserved go to nobody in the same transaction. */
static void test_what_is_held_is_not_given(void **state)
{
	static const bool reuse[] = { false, true };
	int etc = etc_of(state);

	for (size_t i = 0; i < 2; i++) {
		struct subid_changes changes;
		struct subid_owner owner;
		struct subid_txn *txn;
		char buf[64];

		put_file(etc, "login.defs", SMALL);
		put_file(etc, "passwd", PASSWD);
		put_file(etc, "subuid", "alice:1000000:10\n");
		put_file(etc, "subgid", "alice:1000000:10\n");
		txn = begin(etc, -1);
		owner = find_owner(txn, "alice");
		assert_int_equal(subid_txn_revoke(txn, &owner, SUBID_BOTH_KINDS,
						  (struct id_range){ 0, 0 }, reuse[i],
						  &changes),
				 0);
		subid_owner_free(&owner);
		assert_int_equal(subid_txn_hold(txn, SUBID_BOTH_KINDS, tens[1], &changes),
				 0);
		assert_int_equal(grant(txn, "bob", &changes), 0);
		assert_string_equal(changes_text(&changes, buf, sizeof(buf)),
				    "uid 1000020:10, gid 1000020:10");
		/* what was given a moment ago cannot be held */
		assert_int_equal(subid_txn_hold(txn, SUBID_BOTH_KINDS, tens[2], &changes),
				 SUBID_TAKEN);
		commit_and_free(&txn);
		assert_file(etc, "subuid",
			    reuse[i] ? "!reserved:1000010:10\nbob:1000020:10\n"
				     : "!released:1000000:10\n!reserved:1000010:10\n"
				       "bob:1000020:10\n");
	}
}

static void test_unheld_ids_are_given_again(void **state)
{
	int etc = etc_of(state);
	struct subid_changes changes;
	struct subid_txn *txn;
	char buf[64];

	put_file(etc, "login.defs", SMALL);
	put_file(etc, "passwd", PASSWD);
	put_file(etc, "subuid", "!released:1000000:10\n");
	put_file(etc, "subgid", "!reserved:1000000:10\n");
	txn = begin(etc, -1);
	assert_int_equal(subid_txn_unhold(txn, SUBID_BOTH_KINDS, tens[0], &changes), 0);
	commit_and_free(&txn);
	txn = begin(etc, -1);
	assert_int_equal(grant(txn, "bob", &changes), 0);
	assert_string_equal(changes_text(&changes, buf, sizeof(buf)),
			    "uid 1000000:10, gid 1000000:10");
	commit_and_free(&txn);
	assert_file(etc, "subuid", "bob:1000000:10\n");
}

/* Ids that a container runs with are not nobody's, whatever the tables say. */
static void test_hold_of_live_ids(void **state)
{
	int etc = etc_of(state), proc = open_new_dir(etc, "proc");
	struct subid_changes changes;
	struct subid_txn *txn;
	char buf[64];

	put_self(proc);
	put_process(proc, &(struct fake_process){
			      .pid = "77",
			      .ns = "user:[4026532001]",
			      .uid_map = "0 1000000 10\n",
			      .gid_map = "0 1000010 10\n",
			  });
	txn = begin(etc, proc);
	assert_int_equal(subid_txn_hold(txn, SUBID_BOTH_KINDS, tens[0], &changes),
			 SUBID_TAKEN);
	assert_string_equal(changes_text(&changes, buf, sizeof(buf)), "uid 1000000:10");
	assert_int_equal(subid_txn_hold(txn, SUBID_BOTH_KINDS, tens[1], &changes),
			 SUBID_TAKEN);
	assert_string_equal(changes_text(&changes, buf, sizeof(buf)), "gid 1000010:10");
	assert_int_equal(subid_txn_hold(txn, SUBID_BOTH_KINDS, tens[2], &changes), 0);
	subid_txn_free(&txn);
	assert_int_equal(close(proc), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_rows),
		scratch_test(test_rows_with_index),
		scratch_test(test_many_owners),
		scratch_test(test_what_is_held_is_not_given),
		scratch_test(test_unheld_ids_are_given_again),
		scratch_test(test_hold_of_live_ids),
	};

	return cmocka_run_group_tests_name("revoke", tests, NULL, NULL);
}
