/* SPDX-License-Identifier: MIT */
#include "txn_support.h"

/* One grant in a world: who asks for what, the answer, the tables behind it. */
struct row {
	const char *name;
	const char *defs;
	const char *passwd; /* behind PASSWD */
	const char *group;
	const char *conf;
	const char *uid, *gid; /* the tables before; NULL: none */
	const char *owner;
	unsigned int kinds; /* 0: both */
	uint32_t count;
	struct id_range range;
	bool another;
	int answer;
	const char *changes;
	const char *uid_after, *gid_after; /* NULL: as before */
};

#define UID	  (1U << SUBID_UID)
#define GID	  (1U << SUBID_GID)
#define A10	  "alice:1000000:10\n"
#define B10	  "bob:1000000:10\n"
#define A10_TIMES "aaaaaaaaaa"
#define A100                                                                             \
	A10_TIMES A10_TIMES A10_TIMES A10_TIMES A10_TIMES A10_TIMES A10_TIMES A10_TIMES  \
	    A10_TIMES A10_TIMES
#define A1000 A100 A100 A100 A100 A100 A100 A100 A100 A100 A100

static const struct row rows[] = {
	/* where there is room */
	{ "no tables", .defs = SMALL, .owner = "alice",
	  .changes = "uid 1000000:10, gid 1000000:10", .uid_after = A10,
	  .gid_after = A10 },
	{ "no login.defs", .owner = "alice",
	  .changes = "uid 100000:65536, gid 100000:65536",
	  .uid_after = "alice:100000:65536\n", .gid_after = "alice:100000:65536\n" },
	{ "behind another", .defs = SMALL, .uid = B10, .gid = B10, .owner = "alice",
	  .changes = "uid 1000010:10, gid 1000010:10",
	  .uid_after = B10 "alice:1000010:10\n", .gid_after = B10 "alice:1000010:10\n" },
	{ "free in both at once", .defs = SMALL, .uid = B10, .gid = "bob:1000010:10\n",
	  .owner = "alice", .changes = "uid 1000020:10, gid 1000020:10",
	  .uid_after = B10 "alice:1000020:10\n",
	  .gid_after = "bob:1000010:10\nalice:1000020:10\n" },
	{ "gap at the start", .defs = SMALL, .uid = "bob:1000010:90\n",
	  .gid = "bob:1000010:90\n", .owner = "alice",
	  .changes = "uid 1000000:10, gid 1000000:10",
	  .uid_after = "bob:1000010:90\n" A10, .gid_after = "bob:1000010:90\n" A10 },
	{ "gap in the middle that just fits", .defs = SMALL,
	  .uid = "bob:1000000:50\nx:1000060:40\n",
	  .gid = "bob:1000000:50\nx:1000060:40\n", .owner = "alice",
	  .changes = "uid 1000050:10, gid 1000050:10",
	  .uid_after = "bob:1000000:50\nx:1000060:40\nalice:1000050:10\n",
	  .gid_after = "bob:1000000:50\nx:1000060:40\nalice:1000050:10\n" },
	{ "gap in the middle that is one too small", .defs = SMALL,
	  .uid = "bob:1000000:50\nx:1000059:31\n", .owner = "alice",
	  .changes = "uid 1000090:10, gid 1000090:10",
	  .uid_after = "bob:1000000:50\nx:1000059:31\nalice:1000090:10\n",
	  .gid_after = "alice:1000090:10\n" },
	{ "gap at the end", .defs = SMALL, .uid = "bob:1000000:90\n", .owner = "alice",
	  .changes = "uid 1000090:10, gid 1000090:10",
	  .uid_after = "bob:1000000:90\nalice:1000090:10\n",
	  .gid_after = "alice:1000090:10\n" },
	{ "gap at the end that is one too small", .defs = SMALL,
	  .uid = "bob:1000000:91\n", .gid = "bob:1000000:91\n", .owner = "alice",
	  .answer = SUBID_FULL, .changes = "" },
	{ "a line that begins before the window", .defs = SMALL, .uid = "bob:999995:10\n",
	  .owner = "alice", .changes = "uid 1000005:10, gid 1000005:10",
	  .uid_after = "bob:999995:10\nalice:1000005:10\n",
	  .gid_after = "alice:1000005:10\n" },
	{ "full in one kind", .defs = SMALL, .uid = "bob:1000000:100\n", .owner = "alice",
	  .answer = SUBID_FULL, .changes = "" },
	{ "MIN is MAX",
	  .defs = "SUB_UID_MIN 7777\nSUB_UID_MAX 7777\nSUB_UID_COUNT 1\n"
		  "SUB_GID_MIN 7777\nSUB_GID_MAX 7777\nSUB_GID_COUNT 1\n",
	  .owner = "alice", .changes = "uid 7777:1, gid 7777:1",
	  .uid_after = "alice:7777:1\n", .gid_after = "alice:7777:1\n" },
	{ "the last ids there are",
	  .defs = "SUB_UID_MIN 4294967285\nSUB_UID_MAX 4294967294\nSUB_UID_COUNT 10\n"
		  "SUB_GID_MIN 4294967285\nSUB_GID_MAX 4294967294\nSUB_GID_COUNT 10\n",
	  .owner = "alice", .changes = "uid 4294967285:10, gid 4294967285:10",
	  .uid_after = "alice:4294967285:10\n", .gid_after = "alice:4294967285:10\n" },
	{ "windows apart",
	  .defs = SMALL_UIDS "SUB_GID_MIN 2000000\nSUB_GID_MAX 2000099\n"
			     "SUB_GID_COUNT 10\n",
	  .owner = "alice", .changes = "uid 1000000:10, gid 2000000:10", .uid_after = A10,
	  .gid_after = "alice:2000000:10\n" },
	{ "windows that overlap",
	  .defs = SMALL_UIDS "SUB_GID_MIN 1000050\nSUB_GID_MAX 1000149\n"
			     "SUB_GID_COUNT 10\n",
	  .owner = "alice", .changes = "uid 1000050:10, gid 1000050:10",
	  .uid_after = "alice:1000050:10\n", .gid_after = "alice:1000050:10\n" },
	{ "no place for both at once", .defs = SMALL, .uid = "bob:1000000:50\n",
	  .gid = "bob:1000050:50\n", .owner = "alice",
	  .changes = "uid 1000050:10, gid 1000000:10",
	  .uid_after = "bob:1000000:50\nalice:1000050:10\n",
	  .gid_after = "bob:1000050:50\n" A10 },
	{ "different counts",
	  .defs = SMALL_UIDS "SUB_GID_MIN 1000000\nSUB_GID_MAX 1000099\n"
			     "SUB_GID_COUNT 20\n",
	  .owner = "alice", .changes = "uid 1000000:10, gid 1000000:20", .uid_after = A10,
	  .gid_after = "alice:1000000:20\n" },
	{ "a count of one's own", .defs = SMALL, .owner = "alice", .count = 100,
	  .changes = "uid 1000000:100, gid 1000000:100",
	  .uid_after = "alice:1000000:100\n", .gid_after = "alice:1000000:100\n" },
	{ "more than the window", .defs = SMALL, .owner = "alice", .count = 101,
	  .answer = SUBID_FULL, .changes = "" },
	{ "more than there is", .defs = SMALL, .owner = "alice", .count = UINT32_MAX,
	  .answer = SUBID_FULL, .changes = "" },
	{ "uids alone", .defs = SMALL, .gid = B10, .owner = "alice", .kinds = UID,
	  .changes = "uid 1000010:10", .uid_after = "alice:1000010:10\n" },
	{ "gids alone", .defs = SMALL, .uid = B10, .owner = "alice", .kinds = GID,
	  .changes = "gid 1000010:10", .gid_after = "alice:1000010:10\n" },
	{ "held ids rest", .defs = SMALL, .uid = "!released:1000000:10\n",
	  .gid = "!reserved:1000010:10\n", .owner = "alice",
	  .changes = "uid 1000020:10, gid 1000020:10",
	  .uid_after = "!released:1000000:10\nalice:1000020:10\n",
	  .gid_after = "!reserved:1000010:10\nalice:1000020:10\n" },
	{ "bytes of others are kept", .defs = SMALL,
	  .uid = "# mine\n\nbob:5:5:extra\nnot a line\r\n" B10 "zoe:1:1",
	  .owner = "alice", .kinds = UID, .changes = "uid 1000010:10",
	  .uid_after = "# mine\n\nbob:5:5:extra\nnot a line\r\n" B10
		       "zoe:1:1\nalice:1000010:10\n" },

	/* what the owner has already */
	{ "enough", .defs = SMALL, .uid = A10, .gid = A10, .owner = "alice",
	  .answer = SUBID_ENOUGH, .changes = "uid 1000000:10, gid 1000000:10" },
	{ "more than enough, elsewhere", .defs = SMALL, .uid = "alice:5:500\n",
	  .gid = "alice:7:77\n", .owner = "alice", .answer = SUBID_ENOUGH,
	  .changes = "uid 5:500, gid 7:77" },
	{ "enough by adjoining lines", .defs = SMALL,
	  .uid = "alice:1000000:5\nbob:1:1\nalice:1000005:5\n", .gid = A10,
	  .owner = "alice", .answer = SUBID_ENOUGH,
	  .changes = "uid 1000000:10, gid 1000000:10" },
	{ "twice the same is not more", .defs = SMALL,
	  .uid = "alice:1000000:5\nalice:1000000:5\n", .gid = A10, .owner = "alice",
	  .kinds = UID, .changes = "uid 1000005:5",
	  .uid_after = "alice:1000000:5\nalice:1000000:5\nalice:1000005:5\n" },
	{ "not enough", .defs = SMALL, .uid = "alice:1000000:9\n",
	  .gid = "alice:1000000:9\n", .owner = "alice",
	  .changes = "uid 1000009:10, gid 1000009:10",
	  .uid_after = "alice:1000000:9\nalice:1000009:10\n",
	  .gid_after = "alice:1000000:9\nalice:1000009:10\n" },
	{ "enough for policy, not for the request", .defs = SMALL, .uid = A10, .gid = A10,
	  .owner = "alice", .count = 11, .changes = "uid 1000010:11, gid 1000010:11",
	  .uid_after = A10 "alice:1000010:11\n", .gid_after = A10 "alice:1000010:11\n" },
	{ "another", .defs = SMALL, .uid = A10, .gid = A10, .owner = "alice",
	  .another = true, .changes = "uid 1000010:10, gid 1000010:10",
	  .uid_after = A10 "alice:1000010:10\n", .gid_after = A10 "alice:1000010:10\n" },
	{ "an alias's range is the owner's", .defs = SMALL, .uid = "al:1000000:10\n",
	  .gid = "al:1000000:10\n", .owner = "alice", .answer = SUBID_ENOUGH,
	  .changes = "uid 1000000:10, gid 1000000:10" },
	{ "a uid's range is the owner's", .defs = SMALL, .uid = "1000:1000000:10\n",
	  .gid = "1000:1000000:10\n", .owner = "al", .answer = SUBID_ENOUGH,
	  .changes = "uid 1000000:10, gid 1000000:10" },
	{ "a name like it is another's", .defs = SMALL, .uid = "alice2:1000000:10\n",
	  .gid = "Alice:1000000:10\n", .owner = "alice",
	  .changes = "uid 1000010:10, gid 1000010:10",
	  .uid_after = "alice2:1000000:10\nalice:1000010:10\n",
	  .gid_after = "Alice:1000000:10\nalice:1000010:10\n" },
	{ "an owner by uid", .defs = SMALL, .owner = "1000",
	  .changes = "uid 1000000:10, gid 1000000:10", .uid_after = A10,
	  .gid_after = A10 },
	{ "an owner without account", .defs = SMALL, .owner = "containers",
	  .changes = "uid 1000000:10, gid 1000000:10",
	  .uid_after = "containers:1000000:10\n",
	  .gid_after = "containers:1000000:10\n" },
	{ "a login name that is a number is not written", .defs = SMALL, .owner = "1002",
	  .changes = "uid 1000000:10, gid 1000000:10", .uid_after = "1002:1000000:10\n",
	  .gid_after = "1002:1000000:10\n" },
	{ "nor is one that begins with digits", .defs = SMALL, .owner = "1002foo",
	  .passwd = "1002foo:x:1012:1012::/:/bin/sh\n",
	  .changes = "uid 1000000:10, gid 1000000:10", .uid_after = "1012:1000000:10\n",
	  .gid_after = "1012:1000000:10\n" },
	{ "it keeps what it has", .defs = SMALL, .owner = "1002foo",
	  .passwd = "1002foo:x:1012:1012::/:/bin/sh\n", .uid = "1002foo:5:10\n",
	  .gid = "1012:5:10\n", .answer = SUBID_ENOUGH, .changes = "uid 5:10, gid 5:10" },
	{ "and gets nothing without a uid", .defs = SMALL, .owner = "1002foo",
	  .answer = SUBID_INVALID, .changes = "" },
	{ "a name as long as shadow reads", .defs = SMALL, .owner = A1000,
	  .changes = "uid 1000000:10, gid 1000000:10", .uid_after = A1000 ":1000000:10\n",
	  .gid_after = A1000 ":1000000:10\n" },
	{ "a name that is longer", .defs = SMALL, .owner = A1000 "a",
	  .answer = SUBID_INVALID, .changes = "" },
	{ "and its lines are another's", .defs = SMALL, .uid = "4242:1000000:10\n",
	  .gid = "4242:1000000:10\n", .owner = "1002",
	  .changes = "uid 1000010:10, gid 1000010:10",
	  .uid_after = "4242:1000000:10\n1002:1000010:10\n",
	  .gid_after = "4242:1000000:10\n1002:1000010:10\n" },

	/* one side only */
	{ "the same numbers as uids", .defs = SMALL, .uid = "alice:1000050:10\n",
	  .owner = "alice", .changes = "gid 1000050:10",
	  .gid_after = "alice:1000050:10\n" },
	{ "the same numbers as gids", .defs = SMALL, .gid = "alice:1000050:10\n",
	  .owner = "alice", .changes = "uid 1000050:10",
	  .uid_after = "alice:1000050:10\n" },
	{ "the same numbers, outside the window", .defs = SMALL,
	  .uid = "alice:500000:10\n", .owner = "alice", .changes = "gid 1000000:10",
	  .gid_after = A10 },
	{ "the same numbers, of which one is outside", .defs = SMALL,
	  .uid = "alice:999999:10\n", .owner = "alice", .changes = "gid 1000000:10",
	  .gid_after = A10 },
	/* from shadow's test suite: foo:100000:65536 in subuid, SUB_GID_MIN 1000000 */
	{ "the same numbers, outside of one window",
	  .defs = "SUB_UID_MIN 100000\nSUB_GID_MIN 1000000\n",
	  .uid = "alice:100000:65536\n", .owner = "alice", .changes = "gid 1000000:65536",
	  .gid_after = "alice:1000000:65536\n" },
	{ "the same numbers of several lines", .defs = SMALL,
	  .uid = "alice:1000050:5\nalice:1000070:5\n", .owner = "alice",
	  .changes = "gid 1000050:5, gid 1000070:5",
	  .gid_after = "alice:1000050:5\nalice:1000070:5\n" },
	{ "the missing part of the same numbers", .defs = SMALL,
	  .uid = "alice:1000050:10\n", .gid = "alice:1000050:4\n", .owner = "alice",
	  .changes = "gid 1000054:6", .gid_after = "alice:1000050:4\nalice:1000054:6\n" },
	{ "the same numbers are not free", .defs = SMALL, .uid = "alice:1000050:10\n",
	  .gid = "bob:1000059:1\n", .owner = "alice", .changes = "gid 1000000:10",
	  .gid_after = "bob:1000059:1\n" A10 },
	{ "the one kind that was asked for, like the other", .defs = SMALL,
	  .uid = "alice:1000050:10\n", .owner = "alice", .kinds = GID,
	  .changes = "gid 1000050:10", .gid_after = "alice:1000050:10\n" },
	{ "another for both, though one side is missing", .defs = SMALL,
	  .uid = "alice:1000050:10\n", .owner = "alice", .another = true,
	  .changes = "uid 1000000:10, gid 1000000:10",
	  .uid_after = "alice:1000050:10\n" A10, .gid_after = A10 },

	/* just these ids */
	{ "exact", .defs = SMALL, .owner = "alice", .range = { 1000033, 5 },
	  .changes = "uid 1000033:5, gid 1000033:5", .uid_after = "alice:1000033:5\n",
	  .gid_after = "alice:1000033:5\n" },
	{ "exact, FreeIPA's", .defs = SMALL, .owner = "alice", .range = { 2147483647, 2 },
	  .answer = SUBID_TAKEN, .changes = "uid 2147483647:2, gid 2147483647:2" },
	{ "exact, FreeIPA's, in the window of uids",
	  .defs = SMALL_GIDS "SUB_UID_MIN 3000000000\nSUB_UID_MAX 3000000009\n",
	  .owner = "alice", .range = { 3000000000, 10 }, .answer = SUBID_TAKEN,
	  .changes = "gid 3000000000:10" },
	{ "exact, FreeIPA's, in the window of both",
	  .defs = "SUB_UID_MIN 3000000000\nSUB_UID_MAX 3000000009\n"
		  "SUB_GID_MIN 3000000000\nSUB_GID_MAX 3000000009\n",
	  .owner = "alice", .range = { 3000000000, 10 },
	  .changes = "uid 3000000000:10, gid 3000000000:10",
	  .uid_after = "alice:3000000000:10\n", .gid_after = "alice:3000000000:10\n" },
	{ "exact, FreeIPA's, one id beyond the window",
	  .defs = "SUB_UID_MIN 3000000000\nSUB_UID_MAX 3000000009\n"
		  "SUB_GID_MIN 3000000000\nSUB_GID_MAX 3000000010\n",
	  .owner = "alice", .range = { 3000000000, 11 }, .answer = SUBID_TAKEN,
	  .changes = "uid 3000000000:11" },
	{ "exact, FreeIPA's, accepted", .defs = SMALL,
	  .conf = "accept overlap-reserved:al \"mine\"\n", .owner = "al",
	  .range = { 3000000000, 1 }, .changes = "uid 3000000000:1, gid 3000000000:1",
	  .uid_after = "al:3000000000:1\n", .gid_after = "al:3000000000:1\n" },
	{ "exact, FreeIPA's, accepted of another spelling", .defs = SMALL,
	  .conf = "accept overlap-reserved:alice \"mine\"\n", .owner = "al",
	  .range = { 3000000000, 1 }, .answer = SUBID_TAKEN,
	  .changes = "uid 3000000000:1, gid 3000000000:1" },
	{ "exact, FreeIPA's, accepted of another", .defs = SMALL,
	  .conf = "accept overlap-reserved:bob \"his\"\n", .owner = "alice",
	  .range = { 3000000000, 1 }, .answer = SUBID_TAKEN,
	  .changes = "uid 3000000000:1, gid 3000000000:1" },
	{ "exact, FreeIPA's, allowed", .defs = SMALL,
	  .conf = "allow conventional-ids:al \"mine\"\n", .owner = "al",
	  .range = { 3000000000, 1 }, .changes = "uid 3000000000:1, gid 3000000000:1",
	  .uid_after = "al:3000000000:1\n", .gid_after = "al:3000000000:1\n" },
	{ "exact, FreeIPA's, allowed to another", .defs = SMALL,
	  .conf = "allow conventional-ids:bob \"his\"\n", .owner = "alice",
	  .range = { 3000000000, 1 }, .answer = SUBID_TAKEN,
	  .changes = "uid 3000000000:1, gid 3000000000:1" },
	{ "exact, root's, whatever is allowed", .defs = SMALL,
	  .conf = "allow conventional-ids\n", .owner = "alice", .range = { 65534, 1 },
	  .answer = SUBID_TAKEN, .changes = "uid 65534:1, gid 65534:1" },
	{ "exact, outside the window", .defs = SMALL, .owner = "alice",
	  .range = { 300000, 5 }, .changes = "uid 300000:5, gid 300000:5",
	  .uid_after = "alice:300000:5\n", .gid_after = "alice:300000:5\n" },
	{ "exact, outside the window, systemd-nspawn's", .defs = SMALL, .owner = "alice",
	  .range = { 3000000, 5 }, .answer = SUBID_TAKEN,
	  .changes = "uid 3000000:5, gid 3000000:5" },
	{ "exact, in a window of subid.conf, whosever it is", .defs = SMALL,
	  .conf = "give user bob window 3000000:9\n", .owner = "alice",
	  .range = { 3000000, 5 }, .changes = "uid 3000000:5, gid 3000000:5",
	  .uid_after = "alice:3000000:5\n", .gid_after = "alice:3000000:5\n" },
	{ "exact, system accounts'", .defs = SMALL, .owner = "alice", .range = { 999, 1 },
	  .answer = SUBID_TAKEN, .changes = "uid 999:1, gid 999:1" },
	{ "the same numbers would be FreeIPA's", .defs = SMALL,
	  .uid = "alice:3000000000:10\n", .owner = "alice", .changes = "gid 1000000:10",
	  .gid_after = A10 },
	{ "the same numbers are, and accepted, but in no window", .defs = SMALL,
	  .conf = "accept overlap-reserved\n", .uid = "alice:3000000000:10\n",
	  .owner = "alice", .changes = "gid 1000000:10", .gid_after = A10 },
	{ "FreeIPA's, accepted and asked for", .defs = SMALL,
	  .conf = "accept overlap-reserved\n", .uid = "alice:3000000000:10\n",
	  .owner = "alice", .kinds = GID, .range = { 3000000000, 10 },
	  .changes = "gid 3000000000:10", .gid_after = "alice:3000000000:10\n" },
	{ "a uid that is another's login name", .defs = SMALL, .owner = "4242",
	  .answer = SUBID_INVALID, .changes = "" },
	{ "a uid for the line that is another's login name",
	  .defs = SMALL "SUB_UID_STORE_BY_UID yes\n",
	  .passwd = "five:x:4242:4242::/:/bin/sh\n", .owner = "five",
	  .changes = "uid 1000000:10, gid 1000000:10", .uid_after = "five:1000000:10\n",
	  .gid_after = "five:1000000:10\n" },
	{ "its own name is no better", .defs = SMALL,
	  .passwd = "5five:x:4242:4242::/:/bin/sh\n", .owner = "5five",
	  .answer = SUBID_INVALID, .changes = "" },
	{ "exact, beside what the owner has", .defs = SMALL, .uid = A10, .gid = A10,
	  .owner = "alice", .range = { 1000010, 5 },
	  .changes = "uid 1000010:5, gid 1000010:5", .uid_after = A10 "alice:1000010:5\n",
	  .gid_after = A10 "alice:1000010:5\n" },
	{ "exact, all of it there", .defs = SMALL, .uid = A10, .gid = A10,
	  .owner = "alice", .range = { 1000002, 5 }, .answer = SUBID_ENOUGH,
	  .changes = "uid 1000000:10, gid 1000000:10" },
	{ "exact, there by adjoining lines", .defs = SMALL,
	  .uid = "alice:1000000:5\n1000:1000005:5\n", .gid = A10, .owner = "alice",
	  .range = { 1000000, 10 }, .answer = SUBID_ENOUGH,
	  .changes = "uid 1000000:10, gid 1000000:10" },
	{ "exact, one side there", .defs = SMALL, .uid = A10, .owner = "alice",
	  .range = { 1000000, 10 }, .changes = "gid 1000000:10", .gid_after = A10 },
	{ "exact, partly the owner's", .defs = SMALL, .uid = A10, .owner = "alice",
	  .range = { 1000005, 10 }, .answer = SUBID_TAKEN, .changes = "uid 1000005:10" },
	{ "exact, the first id is another's", .defs = SMALL, .uid = "bob:999999:2\n",
	  .owner = "alice", .range = { 1000000, 10 }, .answer = SUBID_TAKEN,
	  .changes = "uid 1000000:10" },
	{ "exact, the last id is another's", .defs = SMALL, .gid = "bob:1000009:2\n",
	  .owner = "alice", .range = { 1000000, 10 }, .answer = SUBID_TAKEN,
	  .changes = "gid 1000000:10" },
	{ "exact, taken in both", .defs = SMALL, .uid = B10, .gid = B10, .owner = "alice",
	  .range = { 1000000, 10 }, .answer = SUBID_TAKEN,
	  .changes = "uid 1000000:10, gid 1000000:10" },
	{ "exact, between two others", .defs = SMALL,
	  .uid = "bob:999990:10\nbob:1000010:10\n", .owner = "alice", .kinds = UID,
	  .range = { 1000000, 10 }, .changes = "uid 1000000:10",
	  .uid_after = "bob:999990:10\nbob:1000010:10\n" A10 },
	{ "exact, held", .defs = SMALL, .uid = "!released:1000000:10\n", .owner = "alice",
	  .kinds = UID, .range = { 1000009, 1 }, .answer = SUBID_TAKEN,
	  .changes = "uid 1000009:1" },
	{ "exact, though the policy is another", .owner = "alice",
	  .defs = "SUB_UID_COUNT 0\nSUB_GID_COUNT 0\n", .range = { 1000000, 10 },
	  .changes = "uid 1000000:10, gid 1000000:10", .uid_after = A10,
	  .gid_after = A10 },

	/* what keeps ids from being given */
	{ "octal to some readers", .defs = SMALL, .uid = "bob:03641100:10\n",
	  .owner = "alice", .kinds = UID, .changes = "uid 1000010:10",
	  .uid_after = "bob:03641100:10\nalice:1000010:10\n" },
	{ "hexadecimal to some readers", .defs = SMALL, .uid = "bob:0xf4240:10\n",
	  .owner = "alice", .kinds = UID, .changes = "uid 1000010:10",
	  .uid_after = "bob:0xf4240:10\nalice:1000010:10\n" },
	{ "a comment to some readers", .defs = SMALL, .uid = "#bob:1000000:10\n",
	  .owner = "alice", .kinds = UID, .changes = "uid 1000010:10",
	  .uid_after = "#bob:1000000:10\nalice:1000010:10\n" },
	{ "broken to some readers", .defs = SMALL,
	  .uid =
	      "bob:1000000:10:x\nbob: 1000010:10\nbob:1000020:10 \r\nbob:+1000030:10\n",
	  .owner = "alice", .kinds = UID, .changes = "uid 1000040:10",
	  .uid_after = "bob:1000000:10:x\nbob: 1000010:10\nbob:1000020:10 \r\n"
		       "bob:+1000030:10\nalice:1000040:10\n" },
	{ "every id to old shadow", .defs = SMALL, .uid = "bob:0:0\n", .owner = "alice",
	  .answer = SUBID_FULL, .changes = "" },
	{ "the owner's own broken line", .defs = SMALL, .uid = "alice:1000000:10:x\n",
	  .owner = "alice", .kinds = UID, .changes = "uid 1000010:10",
	  .uid_after = "alice:1000000:10:x\nalice:1000010:10\n" },
	{ "a uid", .defs = SMALL, .passwd = "far:x:1000004:1::/:/bin/sh\n",
	  .owner = "alice", .changes = "uid 1000005:10, gid 1000005:10",
	  .uid_after = "alice:1000005:10\n", .gid_after = "alice:1000005:10\n" },
	{ "a gid", .defs = SMALL, .group = "people:x:1000007:\n", .owner = "alice",
	  .changes = "uid 1000008:10, gid 1000008:10", .uid_after = "alice:1000008:10\n",
	  .gid_after = "alice:1000008:10\n" },
	{ "a primary gid", .defs = SMALL, .passwd = "far:x:1003:1000009::/:/bin/sh\n",
	  .owner = "alice", .changes = "uid 1000010:10, gid 1000010:10",
	  .uid_after = "alice:1000010:10\n", .gid_after = "alice:1000010:10\n" },
	{ "a gid that is no uid either", .defs = SMALL,
	  .passwd = "far:x:1000004:1::/:/bin/sh\n", .owner = "alice", .kinds = GID,
	  .changes = "gid 1000005:10", .gid_after = "alice:1000005:10\n" },
	{ "exact, an account's", .defs = SMALL, .owner = "alice", .kinds = UID,
	  .range = { 995, 10 }, .answer = SUBID_TAKEN, .changes = "uid 995:10" },
	{ "nobody's and dynamic users'",
	  .defs = "SUB_UID_MIN 65515\nSUB_UID_MAX 65545\nSUB_UID_COUNT 10\n",
	  .owner = "alice", .kinds = UID, .changes = "uid 65520:10",
	  .uid_after = "alice:65520:10\n" },
	{ "nobody's", .defs = "SUB_UID_MIN 65526\nSUB_UID_MAX 65545\nSUB_UID_COUNT 10\n",
	  .owner = "alice", .kinds = UID, .changes = "uid 65536:10",
	  .uid_after = "alice:65536:10\n" },
	{ "root's", .defs = "SUB_UID_MIN 0\nSUB_UID_MAX 900\nSUB_UID_COUNT 10\n",
	  .owner = "alice", .kinds = UID, .changes = "uid 2:10",
	  .uid_after = "alice:2:10\n" },
	{ "exact, systemd's", .defs = SMALL, .owner = "alice", .kinds = GID,
	  .range = { 60705, 2 }, .answer = SUBID_TAKEN, .changes = "gid 60705:2" },
	{ "exact, beside systemd's", .defs = SMALL, .owner = "alice", .kinds = GID,
	  .range = { 60706, 2 }, .changes = "gid 60706:2",
	  .gid_after = "alice:60706:2\n" },

	/* policy */
	{ "COUNT 0", .defs = "SUB_UID_COUNT 0\nSUB_GID_COUNT 0\n", .owner = "alice",
	  .answer = SUBID_OFF, .changes = "" },
	{ "COUNT 0 for gids", .defs = SMALL_UIDS "SUB_GID_COUNT 0\n", .owner = "alice",
	  .changes = "uid 1000000:10", .uid_after = A10 },
	{ "COUNT 0 for gids, and gids asked for", .defs = SMALL_UIDS "SUB_GID_COUNT 0\n",
	  .owner = "alice", .kinds = GID, .answer = SUBID_OFF, .changes = "" },
	{ "STORE_BY_UID", .defs = SMALL "SUB_UID_STORE_BY_UID yes\n", .owner = "alice",
	  .changes = "uid 1000000:10, gid 1000000:10", .uid_after = "1000:1000000:10\n",
	  .gid_after = A10 },
	{ "STORE_BY_UID, enough by name", .defs = SMALL "SUB_UID_STORE_BY_UID yes\n",
	  .uid = A10, .gid = A10, .owner = "alice", .answer = SUBID_ENOUGH,
	  .changes = "uid 1000000:10, gid 1000000:10" },
	{ "STORE_BY_UID without a uid", .owner = "containers",
	  .defs = SMALL "SUB_UID_STORE_BY_UID yes\nSUB_GID_STORE_BY_UID yes\n",
	  .changes = "uid 1000000:10, gid 1000000:10",
	  .uid_after = "containers:1000000:10\n",
	  .gid_after = "containers:1000000:10\n" },

#define FIXED SMALL "SUB_UID_DETERMINISTIC yes\nSUB_GID_DETERMINISTIC yes\n"
#define WRAP                                                                             \
	FIXED "UNSAFE_SUB_UID_DETERMINISTIC_WRAP yes\n"                                  \
	      "UNSAFE_SUB_GID_DETERMINISTIC_WRAP yes\n"
	{ "deterministic, the first", .defs = FIXED, .owner = "alice",
	  .changes = "uid 1000000:10, gid 1000000:10", .uid_after = A10,
	  .gid_after = A10 },
	{ "deterministic, the second", .defs = FIXED, .owner = "bob",
	  .changes = "uid 1000010:10, gid 1000010:10", .uid_after = "bob:1000010:10\n",
	  .gid_after = "bob:1000010:10\n" },
	{ "deterministic, occupied", .defs = FIXED, .uid = "x:1000019:1\n",
	  .owner = "bob", .answer = SUBID_TAKEN, .changes = "uid 1000010:10" },
	{ "deterministic, occupied in both", .defs = FIXED, .uid = "x:1000019:1\n",
	  .gid = "x:1000010:1\n", .owner = "bob", .answer = SUBID_TAKEN,
	  .changes = "uid 1000010:10, gid 1000010:10" },
	{ "deterministic, enough", .defs = FIXED, .uid = "bob:1000010:10\n",
	  .gid = "bob:1000010:10\n", .owner = "bob", .answer = SUBID_ENOUGH,
	  .changes = "uid 1000010:10, gid 1000010:10" },
	{ "deterministic, there is no other", .defs = FIXED, .uid = "bob:1000010:10\n",
	  .gid = "bob:1000010:10\n", .owner = "bob", .another = true,
	  .answer = SUBID_TAKEN, .changes = "uid 1000010:10, gid 1000010:10" },
	{ "deterministic, below UID_MIN", .defs = FIXED, .owner = "daemon",
	  .answer = SUBID_OFF, .changes = "" },
	{ "deterministic, without a uid", .defs = FIXED, .owner = "containers",
	  .answer = SUBID_OFF, .changes = "" },
	{ "deterministic, another count", .defs = FIXED, .owner = "alice", .count = 9,
	  .answer = SUBID_OFF, .changes = "" },
	{ "deterministic, policy's count", .defs = FIXED, .owner = "alice", .count = 10,
	  .changes = "uid 1000000:10, gid 1000000:10", .uid_after = A10,
	  .gid_after = A10 },
	{ "deterministic, past the window", .defs = FIXED, .owner = "late",
	  .answer = SUBID_FULL, .changes = "" },
	{ "deterministic, wrapped", .defs = WRAP, .owner = "late",
	  .changes = "uid 1000000:10, gid 1000000:10", .uid_after = "late:1000000:10\n",
	  .gid_after = "late:1000000:10\n" },
	{ "deterministic, wrapped onto another", .defs = WRAP, .uid = A10, .gid = A10,
	  .owner = "late", .answer = SUBID_TAKEN,
	  .changes = "uid 1000000:10, gid 1000000:10" },
	{ "deterministic for uids", .defs = SMALL "SUB_UID_DETERMINISTIC yes\n",
	  .gid = "x:1000010:1\n", .owner = "bob",
	  .changes = "uid 1000010:10, gid 1000000:10", .uid_after = "bob:1000010:10\n",
	  .gid_after = "x:1000010:1\n" B10 },

	/* the site's policy */
	{ "a rule's count", .defs = SMALL, .conf = "give user alice count 20\n",
	  .owner = "alice", .changes = "uid 1000000:20, gid 1000000:20",
	  .uid_after = "alice:1000000:20\n", .gid_after = "alice:1000000:20\n" },
	{ "less than a rule's count", .defs = SMALL, .uid = A10, .gid = A10,
	  .conf = "give user alice count 20\n", .owner = "alice",
	  .changes = "uid 1000010:20, gid 1000010:20",
	  .uid_after = A10 "alice:1000010:20\n", .gid_after = A10 "alice:1000010:20\n" },
	{ "a count that is asked for goes before a rule's", .defs = SMALL, .count = 5,
	  .conf = "give user alice count 20\n", .owner = "alice",
	  .changes = "uid 1000000:5, gid 1000000:5", .uid_after = "alice:1000000:5\n",
	  .gid_after = "alice:1000000:5\n" },
	{ "a rule's window", .defs = SMALL, .conf = "give user alice window 2000000:30\n",
	  .owner = "alice", .uid = "x:2000000:1\n",
	  .changes = "uid 2000001:10, gid 2000001:10",
	  .uid_after = "x:2000000:1\nalice:2000001:10\n",
	  .gid_after = "alice:2000001:10\n" },
	{ "a rule's window that is full", .defs = SMALL,
	  .conf = "give user alice window 2000000:10\n", .owner = "alice",
	  .uid = "x:2000000:1\n", .gid = "x:2000000:1\n", .answer = SUBID_FULL,
	  .changes = "" },
	{ "a rule's count where login.defs gives none",
	  .defs = "SUB_UID_COUNT 0\nSUB_GID_COUNT 0\n",
	  .conf = "give user alice count 9\n", .owner = "alice",
	  .changes = "uid 100000:9, gid 100000:9", .uid_after = "alice:100000:9\n",
	  .gid_after = "alice:100000:9\n" },
	{ "a rule for a group", .defs = SMALL, .group = "cooks:x:5000:al\n",
	  .conf = "give group cooks count 3\n", .owner = "alice",
	  .changes = "uid 1000000:3, gid 1000000:3", .uid_after = "alice:1000000:3\n",
	  .gid_after = "alice:1000000:3\n" },
	{ "rules for others do not keep root from it", .defs = SMALL,
	  .conf = "give user bob count 3\n", .owner = "alice",
	  .changes = "uid 1000000:10, gid 1000000:10", .uid_after = A10,
	  .gid_after = A10 },
	{ "never", .defs = SMALL, .conf = "never user alice\n", .owner = "alice",
	  .answer = SUBID_FORBIDDEN, .changes = "" },
	{ "never, by another name", .defs = SMALL, .conf = "never user al\n",
	  .owner = "1000", .answer = SUBID_FORBIDDEN, .changes = "" },
	{ "never, whatever is asked for", .defs = SMALL, .conf = "never user alice\n",
	  .owner = "alice", .range = { 5000000, 1 }, .answer = SUBID_FORBIDDEN,
	  .changes = "" },
	{ "never, though there is some", .defs = SMALL, .uid = A10, .gid = A10,
	  .conf = "never user alice\n", .owner = "alice", .answer = SUBID_FORBIDDEN,
	  .changes = "" },
	{ "deterministic, a rule's window", .defs = FIXED,
	  .conf = "give user bob window 2000000:30\n", .owner = "bob",
	  .changes = "uid 2000000:10, gid 2000000:10", .uid_after = "bob:2000000:10\n",
	  .gid_after = "bob:2000000:10\n" },
	{ "deterministic, a rule's count", .defs = FIXED,
	  .conf = "give user bob count 20\n", .owner = "bob", .answer = SUBID_OFF,
	  .changes = "" },
	{ "reserved ids", .defs = SMALL,
	  .conf = "reserve 1000005:10\nreserve gid 1000020:1\nreserve 1000009:3\n",
	  .owner = "alice", .changes = "uid 1000021:10, gid 1000021:10",
	  .uid_after = "alice:1000021:10\n", .gid_after = "alice:1000021:10\n" },
	{ "exact, reserved", .defs = SMALL, .conf = "reserve gid 400000:1\n",
	  .owner = "alice", .range = { 399999, 2 }, .answer = SUBID_TAKEN,
	  .changes = "gid 399999:2" },
};

static void run_row(int etc, const struct row *row, bool bulk)
{
	char changes_buf[512], passwd[1024];
	struct subid_changes changes = { .n = 0 };
	struct subid_txn *txn;
	struct subid_owner owner;
	struct grant_request request = {
		.owner = &owner,
		.kinds = row->kinds != 0 ? row->kinds : SUBID_BOTH_KINDS,
		.count = row->count,
		.range = row->range,
		.another = row->another,
	};
	int r;

	put_or_remove(etc, "login.defs", row->defs);
	(void)snprintf(passwd, sizeof(passwd), "%s%s", PASSWD,
		       row->passwd != NULL ? row->passwd : "");
	put_file(etc, "passwd", passwd);
	put_or_remove(etc, "group", row->group);
	put_or_remove(etc, "subid.conf", row->conf);
	put_or_remove(etc, "subuid", row->uid);
	put_or_remove(etc, "subgid", row->gid);
	txn = begin(etc, -1);
	if (bulk)
		assert_int_equal(subid_txn_prepare_bulk(txn), 0);
	owner = find_owner(txn, row->owner);
	r = subid_txn_grant(txn, &request, &changes);
	if (r != row->answer)
		fail_msg("%s: answer %d instead of %d", row->name, r, row->answer);
	assert_row(row->name, "changes",
		   changes_text(&changes, changes_buf, sizeof(changes_buf)),
		   row->changes);
	subid_owner_free(&owner);
	commit_and_free(&txn);
	assert_row_file(row->name, etc, "subuid",
			row->uid_after != NULL ? row->uid_after : row->uid);
	assert_row_file(row->name, etc, "subgid",
			row->gid_after != NULL ? row->gid_after : row->gid);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		run_row(etc_of(state), &rows[i], false);
		run_row(etc_of(state), &rows[i], true);
	}
}

/* Grants in a transaction that exists, to an owner that has to be found. */
static int grant(struct subid_txn *txn, const char *name, uint32_t count,
		 struct subid_changes *ret)
{
	struct subid_owner owner = find_owner(txn, name);
	struct grant_request request = { .owner = &owner,
					 .kinds = SUBID_BOTH_KINDS,
					 .count = count };
	int r = subid_txn_grant(txn, &request, ret);

	subid_owner_free(&owner);
	return r;
}

static void test_live_maps_are_kept_off(void **state)
{
	int etc = etc_of(state), proc = open_new_dir(etc, "proc");
	struct subid_changes changes;
	struct subid_txn *txn;
	char buf[64];

	put_self(proc);
	put_process(proc, &(struct fake_process){
			      .pid = "77",
			      .ns = "user:[4026532001]",
			      .uid_map = "0 1000005 10\n",
			      .gid_map = "0 1000020 10\n1000 2000000 1\n",
			  });
	put_file(etc, "login.defs", SMALL);
	put_file(etc, "passwd", PASSWD);
	txn = begin(etc, proc);
	assert_int_equal(grant(txn, "alice", 0, &changes), 0);
	assert_string_equal(changes_text(&changes, buf, sizeof(buf)),
			    "uid 1000030:10, gid 1000030:10");
	commit_and_free(&txn);
	assert_file(etc, "subuid", "alice:1000030:10\n");
	assert_file(etc, "subgid", "alice:1000030:10\n");
	assert_int_equal(close(proc), 0);
}

/* The search goes on where it ended, and begins anew when the question differs. */
static void test_several_sizes_in_one_transaction(void **state)
{
	static const struct {
		const char *owner;
		uint32_t count;
		int answer;
		const char *changes;
	} steps[] = {
		{ "alice", 20, 0, "uid 1000011:20, gid 1000011:20" },
		{ "bob", 10, 0, "uid 1000000:10, gid 1000000:10" },
		{ "root", 10, 0, "uid 1000031:10, gid 1000031:10" },
		{ "daemon", 60, SUBID_FULL, "" },
		{ "alice", 5, SUBID_ENOUGH, "uid 1000011:20, gid 1000011:20" },
		{ "late", 50, 0, "uid 1000041:50, gid 1000041:50" },
		{ "daemon", 10, SUBID_FULL, "" },
		{ "x", 9, 0, "uid 1000091:9, gid 1000091:9" },
		{ "x", 10, SUBID_FULL, "" },
		{ "daemon", 1, SUBID_FULL, "" },
	};
	int etc = etc_of(state);
	struct subid_txn *txn;
	char buf[64];

	put_file(etc, "login.defs", SMALL);
	put_file(etc, "passwd", PASSWD);
	put_file(etc, "subuid", "y:1000010:1\n");
	txn = begin(etc, -1);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct subid_changes changes = { .n = 0 };

		assert_int_equal(grant(txn, steps[i].owner, steps[i].count, &changes),
				 steps[i].answer);
		assert_row(steps[i].owner, "changes",
			   changes_text(&changes, buf, sizeof(buf)), steps[i].changes);
	}
	commit_and_free(&txn);
}

#define BULK 10000

static void put_bulk_passwd(int etc)
{
	size_t size = 0, room = BULK * 48;
	char *passwd = malloc(room);

	assert_non_null(passwd);
	for (unsigned int i = 0; i < BULK; i++)
		size += (size_t)snprintf(passwd + size, room - size,
					 "user%u:x:%u:%u::/:/bin/sh\n", i, 1000 + i,
					 1000 + i);
	put_file(etc, "passwd", passwd);
	free(passwd);
}

/* Each gets 65536 ids, the same in both, and nobody what another has. */
static void test_bulk(void **state)
{
	int etc = etc_of(state);
	struct subid_txn *txn;
	uint64_t end = 100000;
	char name[16], *uid, *gid;

	put_bulk_passwd(etc);
	put_file(etc, "login.defs", "SUB_UID_MAX 4294967294\nSUB_GID_MAX 4294967294\n");
	put_file(etc, "subuid", "other:165536:65536\n");
	put_file(etc, "subgid", "other:300000:1\n");
	txn = begin(etc, -1);
	assert_int_equal(subid_txn_prepare_bulk(txn), 0);
	for (unsigned int i = 0; i < BULK; i++) {
		struct subid_changes changes;
		const struct subid_change *list;

		(void)snprintf(name, sizeof(name), "user%u", i);
		assert_int_equal(grant(txn, name, 0, &changes), 0);
		assert_int_equal(changes.n, 2);
		list = changes.list;
		assert_int_equal(list[0].kind, SUBID_UID);
		assert_int_equal(list[1].kind, SUBID_GID);
		assert_true(id_range_equal(list[0].range, list[1].range));
		assert_int_equal(list[0].range.count, 65536);
		assert_true(list[0].range.start >= end);
		assert_false(
		    id_range_overlaps(list[0].range, (struct id_range){ 165536, 65536 }));
		assert_false(
		    id_range_overlaps(list[0].range, (struct id_range){ 300000, 1 }));
		end = id_range_end(list[0].range);
	}
	commit_and_free(&txn);
	uid = get_file(etc, "subuid");
	gid = get_file(etc, "subgid");
	assert_string_equal(strchr(uid, '\n'), strchr(gid, '\n'));
	free(uid);
	free(gid);
	/* and what was written is what was said */
	txn = begin(etc, -1);
	assert_int_equal(subid_txn_prepare_bulk(txn), 0);
	for (unsigned int i = 0; i < BULK; i++) {
		struct subid_changes changes;

		(void)snprintf(name, sizeof(name), "user%u", i);
		assert_int_equal(grant(txn, name, 0, &changes), SUBID_ENOUGH);
	}
	subid_txn_free(&txn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_rows),
		scratch_test(test_live_maps_are_kept_off),
		scratch_test(test_several_sizes_in_one_transaction),
		scratch_test(test_bulk),
	};

	return cmocka_run_group_tests_name("grant", tests, NULL, NULL);
}
