/* SPDX-License-Identifier: MIT */
/*
 * The auditor's rules about what runs: what triggers each, and what just does not.
 * Namespaces are written by hand, in the ids of the host.
 */
#include "libsubid/audit/private.h"

#include "audit_support.h"

#define TABLE "alice:100000:65536\nbob:165536:65536\n"
#define ALL   "0 0 4294967295"
#define OWN   .gids = "0 1001 1", .setgroups = SUBID_SETGROUPS_DENY

/* A namespace, or a process of the host if owner is 0 and there is no map. */
struct space {
	uint64_t inode; /* 0: no more */
	uint32_t owner;
	const char *uids, *gids; /* "inside outside count[, ...]"; NULL: gids as uids */
	size_t parent;
	enum subid_setgroups setgroups;
	int error; /* of reading the map of uids */
	const char *container;
};

struct live_case {
	const char *name;
	struct space spaces[4];
	const char *table;  /* of both kinds; NULL: TABLE */
	const char *backup; /* NULL: there is none */
	const char *passwd, *group;
	const char *leases;   /* root's store, of both kinds; NULL: there is none */
	const char *own;      /* alice's */
	const char *expected; /* of the rules live-* alone */
};

static const struct live_case cases[] = {
	{ .name = "nothing runs", .expected = "" },
	{ .name = "as the tables say",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 65536" },
		      { .inode = 12,
			.owner = 1002,
			.uids = "0 165536 100, 100 165636 65436" } },
	  .expected = "" },
	{ .name = "with the own ids",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 1001 1, 1 100000 65536" } },
	  .expected = "" },

	{ .name = "nobody's ids",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 300000 10", OWN } },
	  .expected = "critical live-unauthorised uid ns11 alice 300000:10\n" },
	{ .name = "nobody's gids",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 1001 1",
			.gids = "0 100000 65536, 65536 300000 1" } },
	  .expected = "critical live-unauthorised gid ns11 alice 300000:1\n" },
	{ .name = "one id too many, which is another's",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 65537", OWN } },
	  .expected = "critical live-unauthorised uid ns11 alice 165536:1\n" },
	{ .name = "one id too few",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 65535" } },
	  .expected = "" },
	{ .name = "of two pieces the first",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 99990 65556", OWN } },
	  .expected = "critical live-unauthorised uid ns11 alice 99990:10\n" },
	{ .name = "by the decimal uid, and another name of it",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 100000 10, 10 200000 10" } },
	  .table = "1001:100000:10\nal:200000:10\n",
	  .passwd = "al:x:1001:1001::/:/bin/sh\n",
	  .expected = "" },
	{ .name = "somebody without an account, with a line and without",
	  .spaces = { { .inode = 11, .owner = 4242, .uids = "0 300000 10" },
		      { .inode = 12, .owner = 4243, .uids = "0 400000 10" } },
	  .table = "4242:300000:10\n",
	  .expected = "critical live-unauthorised uid ns12 4243 400000:10\n"
		      "critical live-unauthorised gid ns12 4243 400000:10\n" },
	{ .name = "what is reserved is nobody's",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 300000 10", OWN } },
	  .table = TABLE "!reserved:300000:10\n",
	  .expected = "critical live-unauthorised uid ns11 alice 300000:10\n" },
	{ .name = "nested ones have no ids but those of the one around them",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 65536" },
		      { .inode = 12,
			.owner = 100005,
			.uids = "0 100000 10",
			.parent = 1 },
		      { .inode = 13,
			.owner = 100006,
			.uids = "0 100000 10",
			.parent = 2 } },
	  .expected = "" },
	{ .name = "a parent that is not known is the host",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 300000 10",
			OWN,
			.parent = SUBID_LIVE_NONE } },
	  .expected = "critical live-unauthorised uid ns11 alice 300000:10\n" },

	{ .name = "root by its own line",
	  .spaces = { { .inode = 11, .owner = 0, .uids = "0 300000 65536" } },
	  .table = "root:300000:65536\n",
	  .expected = "" },
	{ .name = "root for LXD, podman and Docker",
	  .spaces = { { .inode = 11, .owner = 0, .uids = "0 300000 10" },
		      { .inode = 12, .owner = 0, .uids = "0 400000 10" },
		      { .inode = 13, .owner = 0, .uids = "0 500000 10" },
		      { .inode = 14, .owner = 0, .uids = "0 600000 10" } },
	  .table = "lxd:300000:10\n_lxd:400000:10\ncontainers:500000:10\n"
		   "dockremap:600000:10\n",
	  .expected = "" },
	{ .name = "root for nobody",
	  .spaces = { { .inode = 11, .owner = 0, .uids = "0 300000 10", .gids = ALL },
		      { .inode = 12, .owner = 0, .uids = "0 100000 10" } },
	  .expected = "critical live-unauthorised uid ns12 root 100000:10\n"
		      "critical live-unauthorised uid ns11 root 300000:10\n"
		      "critical live-unauthorised gid ns12 root 100000:10\n" },
	{ .name = "ids that mean the same inside are no mapping",
	  .spaces = { { .inode = 11, .owner = 0, .uids = ALL },
		      { .inode = 12, .owner = 0, .uids = "5000 5000 60000" } },
	  .expected = "" },
	{ .name = "but for others than root they are",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "300000 300000 10", OWN } },
	  .expected = "critical live-unauthorised uid ns11 alice 300000:10\n" },
	{ .name = "what systemd-nspawn picks, first and last",
	  .spaces = { { .inode = 11, .owner = 0, .uids = "0 524288 65536" },
		      { .inode = 12, .owner = 0, .uids = "0 1878982656 65536" } },
	  .expected = "" },
	{ .name = "what it does not pick",
	  .spaces = { { .inode = 11, .owner = 0, .uids = "0 524289 65536", .gids = ALL },
		      { .inode = 12, .owner = 0, .uids = "0 655360 65535", .gids = ALL },
		      { .inode = 13, .owner = 0, .uids = "0 458752 65536", .gids = ALL },
		      { .inode = 14, .owner = 1001, .uids = "0 786432 65536", OWN } },
	  .expected = "critical live-unauthorised uid ns13 root 458752:65536\n"
		      "critical live-unauthorised uid ns11 root 524289:65536\n"
		      "critical live-unauthorised uid ns12 root 655360:65535\n"
		      "critical live-unauthorised uid ns14 alice 786432:65536\n" },
	{ .name = "nor what a table gives to somebody",
	  .spaces = { { .inode = 11,
			.owner = 0,
			.uids = "0 524288 65536",
			.gids = ALL } },
	  .table = TABLE "carol:589823:1\n",
	  .expected = "critical live-unauthorised uid ns11 root 524288:65536\n" },

	{ .name = "root's id",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 0 1", OWN } },
	  .expected = "critical live-root uid ns11 alice 0:1\n" },
	{ .name = "root's gid, and all others",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 1001 1",
			.gids = "0 0 1002" } },
	  .expected = "critical live-unauthorised gid ns11 alice 1:1001\n"
		      "critical live-root gid ns11 alice 0:1\n"
		      "error live-account gid ns11 alice 1:1\n" },
	{ .name = "root's id by a line of one's own is no better",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 0 1", OWN } },
	  .table = "alice:0:1\n",
	  .expected = "critical live-root uid ns11 alice 0:1\n" },
	{ .name = "root's id in root's namespace",
	  .spaces = { { .inode = 11, .owner = 0, .uids = "0 0 1" } },
	  .expected = "" },
	{ .name = "somebody's namespace in one of root's",
	  .spaces = { { .inode = 11, .owner = 0, .uids = ALL },
		      { .inode = 12, .owner = 1001, .uids = "0 0 1", OWN, .parent = 1 } },
	  .expected = "critical live-root uid ns12 alice 0:1\n" },
	{ .name = "what is in one that is told of is not told again",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 0 1", OWN },
		      { .inode = 12,
			.owner = 1002,
			.uids = "0 0 1",
			.gids = "0 1002 1",
			.parent = 1 } },
	  .expected = "critical live-root uid ns11 alice 0:1\n" },

	{ .name = "two owners, the same ids",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 10", OWN },
		      { .inode = 12,
			.owner = 1002,
			.uids = "0 100005 10",
			.gids = "0 1002 1" } },
	  .table = "alice:100000:10\nbob:100005:10\n",
	  .expected = "critical live-shared uid ns11 alice/bob 100005:5\n" },
	{ .name = "side by side",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 10", OWN },
		      { .inode = 12,
			.owner = 1002,
			.uids = "0 100010 10",
			.gids = "0 1002 1" } },
	  .table = "alice:100000:10\nbob:100010:10\n",
	  .expected = "" },
	{ .name = "two of one owner may",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 10" },
		      { .inode = 12, .owner = 1001, .uids = "0 100000 10" } },
	  .expected = "" },
	{ .name = "each pair of three, two of which lie in the first",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 1000", OWN },
		      { .inode = 12,
			.owner = 1002,
			.uids = "0 100100 10",
			.gids = "0 1002 1" },
		      { .inode = 13,
			.owner = 1003,
			.uids = "0 100105 10",
			.gids = "0 1003 1" } },
	  .table = "alice:100000:1000\nbob:100100:10\ncarol:100105:10\n",
	  .expected = "critical live-shared uid ns11 alice/bob 100100:10\n"
		      "critical live-shared uid ns11 alice/carol 100105:10\n"
		      "critical live-shared uid ns12 bob/carol 100105:5\n" },
	{ .name = "each pair of owners once",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 10", OWN },
		      { .inode = 12,
			.owner = 1002,
			.uids = "0 100000 10",
			.gids = "0 1002 1" },
		      { .inode = 13, .owner = 1001, .uids = "0 100000 10", OWN } },
	  .table = "alice:100000:10\nbob:100000:10\n",
	  .expected = "critical live-shared uid ns11 alice/bob 100000:10\n" },
	{ .name = "a group that both are in is no secret",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 1001 1",
			.gids = "0 1001 1, 1 100 1" },
		      { .inode = 12,
			.owner = 1002,
			.uids = "0 1002 1",
			.gids = "0 1002 1, 1 100 1" } },
	  .expected = "" },

	{ .name = "two containers of one owner, one of which has a lease",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 100000 10",
			.container = "c1" },
		      { .inode = 12,
			.owner = 1001,
			.uids = "0 100005 100",
			OWN,
			.container = "c2" } },
	  .leases = "alice/c1:100000:10\n",
	  .expected = "critical live-shared uid ns11 alice 100005:5\n" },
	{ .name = "the lease is by the uid, and her own store's",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 100000 10",
			OWN,
			.container = "c1" },
		      { .inode = 12,
			.owner = 1001,
			.uids = "0 100000 10",
			.container = "c2" } },
	  .leases = "1001/c3:100003:1\n",
	  .own = "c1:100000:3\n",
	  .expected = "critical live-shared uid ns11 alice 100003:1\n"
		      "warning live-shared-own uid ns11 alice 100000:3\n" },
	{ .name = "each has a lease, and one uses the other's",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 100000 10",
			OWN,
			.container = "c1" },
		      { .inode = 12,
			.owner = 1001,
			.uids = "0 100010 10, 10 100009 1",
			OWN,
			.container = "c2" } },
	  .leases = "alice/c1:100000:10\nalice/c2:100010:10\n",
	  .expected = "critical live-shared uid ns11 alice 100009:1\n" },
	{ .name = "each keeps to its own",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 100000 10",
			.container = "c1" },
		      { .inode = 12,
			.owner = 1001,
			.uids = "0 100010 10",
			.container = "c2" } },
	  .leases = "alice/c1:100000:10\nalice/c2:100010:10\n",
	  .expected = "" },
	{ .name = "what they share is leased to none",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 100000 10",
			.container = "c1" },
		      { .inode = 12,
			.owner = 1001,
			.uids = "0 100000 10",
			.container = "c2" } },
	  .leases = "alice/c1:100010:10\nbob/c1:100000:10\n",
	  .expected = "" },
	{ .name = "the same container twice, by its name and by its lease",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 100000 10",
			.container = "c1" },
		      { .inode = 12,
			.owner = 1001,
			.uids = "0 100000 10",
			.container = "c1" },
		      { .inode = 13, .owner = 1001, .uids = "0 100002 3, 3 100010 2" } },
	  .leases = "alice/c1:100000:10\nalice/c1:100010:10\n",
	  .expected = "" },
	{ .name = "two without a name, with leases that overlap",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 10", OWN },
		      { .inode = 12, .owner = 1001, .uids = "0 100005 10", OWN } },
	  .leases = "alice/c1:100000:5\nalice/c2:100005:10\nalice/c1:100005:5\n",
	  .expected = "" },
	{ .name = "sessions: all of the ids with the own one, or without a name",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 1001 1, 1 100000 65536",
			.container = "pause" },
		      { .inode = 12,
			.owner = 1001,
			.uids = "0 100000 10",
			.container = "c1" },
		      { .inode = 13, .owner = 1001, .uids = "0 100000 65536" } },
	  .leases = "alice/c1:100000:10\n",
	  .expected = "" },
	{ .name = "podman's containers, below the namespace of its pause process",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 1001 1, 1 100000 65536",
			OWN },
		      { .inode = 12,
			.owner = 1001,
			.uids = "0 100000 10",
			.parent = 1,
			.container = "a" },
		      { .inode = 13,
			.owner = 1001,
			.uids = "0 100000 10",
			.parent = 1,
			.container = "b" },
		      { .inode = 14,
			.owner = 1001,
			.uids = "0 100000 10",
			.parent = 3,
			.container = "within b" } },
	  .leases = "alice/pod:100000:10\n",
	  .expected = "critical live-shared uid ns12 alice 100000:10\n"
		      "critical live-shared gid ns12 alice 100000:10\n" },
	{ .name = "of two runtimes, at two depths",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 1001 1, 1 100000 65536",
			OWN },
		      { .inode = 12,
			.owner = 1001,
			.uids = "0 100000 10",
			.parent = 1,
			.container = "a" },
		      { .inode = 13,
			.owner = 1001,
			.uids = "0 100005 10",
			OWN,
			.container = "c1" } },
	  .leases = "alice/c1:100005:10\n",
	  .expected = "critical live-shared uid ns12 alice 100005:5\n" },
	{ .name = "two that only the lease could name are two",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 10", OWN },
		      { .inode = 12, .owner = 1001, .uids = "0 100000 10", OWN } },
	  .leases = "alice/c1:100000:10\n",
	  .expected = "critical live-shared uid ns11 alice 100000:10\n" },
	{ .name = "a container in a container is the same ids by right",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 100000 10",
			.container = "c1" },
		      { .inode = 12,
			.owner = 100000,
			.uids = "0 100000 10",
			.parent = 1,
			.container = "c2" } },
	  .leases = "alice/c1:100000:10\n",
	  .expected = "" },
	{ .name = "root's, by a name that acts for root",
	  .spaces = { { .inode = 11,
			.owner = 0,
			.uids = "0 100000 65536",
			.gids = ALL,
			.container = "c1" },
		      { .inode = 12,
			.owner = 0,
			.uids = "0 100000 10",
			.gids = ALL,
			.container = "c2" } },
	  .table = "lxd:100000:65536\n",
	  .leases = "lxd/c2:100000:10\n",
	  .expected = "critical live-shared uid ns11 root 100000:10\n" },
	{ .name = "each of many once",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 100000 10, 10 100020 10",
			OWN,
			.container = "c1" },
		      { .inode = 12,
			.owner = 1001,
			.uids = "0 100000 10, 10 100020 10",
			OWN,
			.container = "c2" },
		      { .inode = 13,
			.owner = 1001,
			.uids = "0 100000 10, 10 100020 10",
			OWN,
			.container = "c3" } },
	  .leases = "alice/c1:100000:100\n",
	  .expected = "critical live-shared uid ns11 alice 100000:10\n"
		      "critical live-shared uid ns11 alice 100000:10\n" },
	{ .name = "a user's store says nothing about others",
	  .spaces = { { .inode = 11,
			.owner = 1002,
			.uids = "0 165536 10",
			.container = "c1" },
		      { .inode = 12,
			.owner = 1002,
			.uids = "0 165536 10",
			.container = "c2" } },
	  .own = "c1:165536:10\n",
	  .expected = "" },

	{ .name = "an account within the own range",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 65536", OWN } },
	  .passwd = "eve:x:100005:5::/:/bin/sh\n",
	  .expected = "error live-account uid ns11 alice 100005:1\n" },
	{ .name = "another's own id",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 1002 1", OWN } },
	  .expected = "critical live-unauthorised uid ns11 alice 1002:1\n"
		      "error live-account uid ns11 alice 1002:1\n" },
	{ .name = "a group that the owner is in, and one that it is not in",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 1001 1",
			.gids = "0 1001 1, 1 100 1" },
		      { .inode = 12,
			.owner = 1003,
			.uids = "0 1003 1",
			.gids = "0 1003 1, 1 100 1" } },
	  .expected = "critical live-unauthorised gid ns12 carol 100:1\n"
		      "error live-account gid ns12 carol 100:1\n" },

	{ .name = "setgroups is allowed",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 1001 1",
			.gids = "0 1001 1",
			.setgroups = SUBID_SETGROUPS_ALLOW } },
	  .expected = "error live-setgroups gid ns11 alice 1001:1\n" },
	{ .name = "of a group that the owner is in",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 1001 1",
			.gids = "0 100 1",
			.setgroups = SUBID_SETGROUPS_ALLOW } },
	  .expected = "error live-setgroups gid ns11 alice 100:1\n" },
	{ .name = "denied, or not known",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 1001 1", OWN },
		      { .inode = 12,
			.owner = 1001,
			.uids = "0 1001 1",
			.gids = "0 1001 1" } },
	  .expected = "" },
	{ .name = "with a range of gids",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 1001 1",
			.gids = "0 1001 1, 1 100000 10",
			.setgroups = SUBID_SETGROUPS_ALLOW } },
	  .expected = "" },
	{ .name = "a gid of a range alone",
	  .spaces = { { .inode = 11,
			.owner = 1001,
			.uids = "0 1001 1",
			.gids = "0 100000 1",
			.setgroups = SUBID_SETGROUPS_ALLOW } },
	  .expected = "" },
	{ .name = "root may",
	  .spaces = { { .inode = 11,
			.owner = 0,
			.uids = "0 0 1",
			.gids = "0 0 1",
			.setgroups = SUBID_SETGROUPS_ALLOW } },
	  .expected = "" },

	{ .name = "after a revoke",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 65536", OWN } },
	  .table = "!released:100000:65536\n",
	  .expected = "warning live-stale uid ns11 alice 100000:65536\n" },
	{ .name = "after an edit, by the backup",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 65536", OWN } },
	  .table = "bob:165536:65536\n",
	  .backup = TABLE,
	  .expected = "warning live-stale uid ns11 alice 100000:65536\n" },
	{ .name = "a part was taken back",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 65536", OWN } },
	  .table = "alice:100000:65000\n",
	  .backup = TABLE,
	  .expected = "warning live-stale uid ns11 alice 165000:536\n" },
	{ .name = "given to another meanwhile",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 65536", OWN } },
	  .table = "bob:165000:65536\n",
	  .backup = TABLE,
	  .expected = "critical live-unauthorised uid ns11 alice 100000:65536\n" },
	{ .name = "more than was taken back",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 100000 65537", OWN } },
	  .table = "!released:100000:65536\n",
	  .expected = "critical live-unauthorised uid ns11 alice 100000:65537\n" },
	{ .name = "another's before",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "0 165536 10", OWN } },
	  .table = "alice:100000:65536\n!released:165536:65536\n",
	  .backup = TABLE,
	  .expected = "critical live-unauthorised uid ns11 alice 165536:10\n" },

	{ .name = "a map that could not be read",
	  .spaces = { { .inode = 11, .owner = 1001, .uids = "", .error = -EACCES } },
	  .expected = "info live-unread -\n" },
	{ .name = "whose it is could not be told",
	  .spaces = { { .inode = 11, .owner = SUBID_ID_NONE, .uids = "0 300000 10" } },
	  .expected = "info live-unread -\n" },
};

static void parse_map(const char *text, struct subid_live_map *ret)
{
	ret->lines = calloc(8, sizeof(*ret->lines));
	assert_non_null(ret->lines);
	while (*text != '\0') {
		unsigned int inside, outside, count;
		int len;

		assert_int_equal(
		    sscanf(text, "%u %u %u%n", &inside, &outside, &count, &len), 3);
		ret->lines[ret->n++] =
		    (struct subid_map_line){ { inside, count }, { outside, count } };
		text += len;
		text += strspn(text, ", ");
	}
}

#define SPACES_MAX 14

/* What runs, as subid_live_read() would have it. */
struct world {
	struct audit_world audit;
	struct subid_table backups[SUBID_KINDS];
	struct audit_store stores[2];
	struct subid_live live;
	struct subid_live_userns userns[SPACES_MAX];
	struct subid_live_process processes[2 * SPACES_MAX];
};

static void add_userns(struct world *world, const struct space *space)
{
	struct subid_live_userns *ns = &world->userns[world->live.n++];

	*ns = (struct subid_live_userns){
		.inode = space->inode,
		.parent = space->parent,
		.owner = space->owner,
		.setgroups = space->setgroups,
		.holder = (pid_t)(space->inode * 10),
		.first = world->live.n_processes,
		.n = 2,
	};
	if (space->container != NULL)
		(void)snprintf(ns->container, sizeof(ns->container), "%s",
			       space->container);
	parse_map(space->uids, &ns->maps[SUBID_UID]);
	parse_map(space->gids == NULL ? space->uids : space->gids, &ns->maps[SUBID_GID]);
	ns->maps[SUBID_UID].error = space->error;
	for (size_t i = 0; i < ns->n; i++)
		world->processes[world->live.n_processes++] =
		    (struct subid_live_process){ .pid = ns->holder + (pid_t)i,
						 .uid = SUBID_ID_NONE,
						 .gid = SUBID_ID_NONE,
						 .userns = world->live.n - 1 };
}

static void make_world(int dir, const struct live_case *c, struct world *world)
{
	const char *table = c->table == NULL ? TABLE : c->table;

	*world = (struct world){ .live = { .userns = world->userns,
					   .processes = world->processes } };
	audit_world_make(dir,
			 &(struct audit_case){
			     .tables = { table, table },
			     .passwd = c->passwd,
			     .group = c->group,
			 },
			 &world->audit);
	for (enum subid_kind kind = 0; c->backup != NULL && kind < SUBID_KINDS; kind++) {
		audit_read_table(kind, c->backup, &world->backups[kind]);
		world->audit.input.backups[kind] = &world->backups[kind];
	}
	world->audit.input.stores = world->stores;
	if (c->leases != NULL)
		audit_load_store(dir, c->leases, NULL, 0,
				 &world->stores[world->audit.input.n_stores++]);
	if (c->own != NULL)
		audit_load_store(dir, c->own, "alice", 1001,
				 &world->stores[world->audit.input.n_stores++]);
	add_userns(world, &(struct space){ .inode = 1, .uids = ALL });
	for (size_t i = 0; i < 4 && c->spaces[i].inode != 0; i++)
		add_userns(world, &c->spaces[i]);
	world->audit.input.live = &world->live;
}

static void free_world(struct world *world)
{
	for (size_t i = 0; i < world->live.n; i++)
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
			free(world->userns[i].maps[kind].lines);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_table_free(&world->backups[kind]);
	for (size_t i = 0; i < world->audit.input.n_stores; i++)
		audit_free_store(&world->stores[i]);
	audit_world_free(&world->audit);
}

/* Of the rules about what runs. */
static bool is_wanted(const struct audit_finding *finding)
{
	return strncmp(finding->rule->name, "live-", 5) == 0;
}

static bool run_case(int dir, const struct live_case *c)
{
	auto_report struct audit_report report = { .n = 0 };
	struct world world;
	bool right;

	make_world(dir, c, &world);
	right = audit_finds(c->name, &world.audit.input, &report, is_wanted, c->expected);
	audit_try_accepting(&world.audit, &report);
	for (size_t i = 0; i < report.n; i++)
		if (report.findings[i].userns != 0) {
			assert_int_equal(report.findings[i].n_pids, 2);
			assert_int_equal(report.findings[i].pids[0],
					 report.findings[i].userns * 10);
		}
	free_world(&world);
	return right;
}

static void test_cases(void **state)
{
	size_t wrong = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		wrong += !run_case(etc_of(state), &cases[i]);
	assert_int_equal(wrong, 0);
}

/* What is wrong with one namespace is one finding, or one of each kind that are alike. */
static void test_one_finding(void **state)
{
	static const struct live_case rows[] = {
		{ .name = "gids of one's own and root's, and uids of others",
		  .spaces = { { .inode = 11,
				.owner = 1001,
				.uids = "0 300000 10",
				.gids = "0 0 1002" } },
		  .expected = "critical live-unauthorised uid ns11 alice 300000:10\n"
			      "  critical live-unauthorised gid ns11 alice 1:1001\n"
			      "  critical live-root gid ns11 alice 0:1\n"
			      "  error live-account gid ns11 alice 1:1\n" },
		{ .name = "other uids than gids",
		  .spaces = { { .inode = 11,
				.owner = 1001,
				.uids = "0 300000 10",
				.gids = "0 400000 10" } },
		  .expected = "critical live-unauthorised uid ns11 alice 300000:10\n"
			      "  critical live-unauthorised gid ns11 alice 400000:10\n" },
		{ .name = "the same of both, of two namespaces",
		  .spaces = { { .inode = 11,
				.owner = 1001,
				.uids = "0 0 1\n1 300000 9",
				.gids = "0 0 1\n1 300000 9" },
			      { .inode = 12,
				.owner = 1001,
				.uids = "0 300000 10",
				.gids = "0 300000 10" } },
		  .expected = "critical live-unauthorised uid ns11 alice 300000:9\n"
			      "  critical live-root uid ns11 alice 0:1\n"
			      "critical live-unauthorised uid ns12 alice 300000:10\n"
			      "critical live-unauthorised gid ns11 alice 300000:9\n"
			      "  critical live-root gid ns11 alice 0:1\n"
			      "critical live-unauthorised gid ns12 alice 300000:10\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_report struct audit_report report = { .n = 0 };
		char text[4096] = "", line[AUDIT_LINE_MAX];
		struct world world;

		make_world(etc_of(state), &rows[i], &world);
		assert_int_equal(audit_check(&world.audit.input, &report), 0);
		assert_int_equal(audit_merge(&report), 0);
		for (size_t k = 0; k < report.n; k++) {
			const struct audit_finding *finding = &report.findings[k];

			if (!is_wanted(finding))
				continue;
			audit_print(finding, line);
			(void)strncat(text, line, sizeof(text) - strlen(text) - 1);
			for (size_t m = 0; m < finding->n_also; m++) {
				audit_print(&finding->also[m], line);
				(void)strncat(text, "  ",
					      sizeof(text) - strlen(text) - 1);
				(void)strncat(text, line,
					      sizeof(text) - strlen(text) - 1);
			}
		}
		if (strcmp(text, rows[i].expected) != 0)
			fail_msg("%s: found:\n%swanted:\n%s", rows[i].name, text,
				 rows[i].expected);
		free_world(&world);
	}
}

/* Processes of the host itself, under ids that are whose? */
static void test_orphans(void **state)
{
	static const struct {
		const char *table;
		uint32_t uid, gid;
		const char *expected;
	} orphans[] = {
		{ "", 0, 0, "" },
		{ "", 300000, 300000,
		  "warning live-orphan uid 300000:1\nwarning live-orphan gid "
		  "300000:1\n" },
		{ "", 300000, 1001, "warning live-orphan uid 300000:1\n" },
		{ "alice:300000:1\n", 300000, 300000, "" },
		{ "ghost:300000:1\n", 300000, 300000, "" },
		{ "!reserved:300000:1\n", 300000, 300000, "" },
		{ "!released:300000:1\n", 300000, 0,
		  "warning live-orphan uid 300000:1\n" },
		{ "alice:300001:1\n", 300000, 0, "warning live-orphan uid 300000:1\n" },
		/* the window */
		{ "", 99999, 0, "" },
		{ "", 100000, 0, "warning live-orphan uid 100000:1\n" },
		{ "", 600100000, 0, "warning live-orphan uid 600100000:1\n" },
		{ "", 600100001, 0, "" },
		{ "", SUBID_ID_NONE, SUBID_ID_NONE, "" },
		/* an account's, a group's */
		{ "", 310000, 320000, "" },
		{ "", 320000, 310000,
		  "warning live-orphan uid 320000:1\nwarning live-orphan gid "
		  "310000:1\n" },
	};

	for (size_t i = 0; i < sizeof(orphans) / sizeof(orphans[0]); i++) {
		const struct live_case c = {
			.table = orphans[i].table,
			.passwd = "eve:x:310000:1001::/:/bin/sh\n",
			.group = "team:x:320000:\n",
		};
		auto_report struct audit_report report = { .n = 0 };
		struct world world;
		char *found;

		make_world(etc_of(state), &c, &world);
		for (size_t j = 0; j < 2; j++) {
			world.processes[j].uid = orphans[i].uid;
			world.processes[j].gid = orphans[i].gid;
		}
		assert_int_equal(audit_check(&world.audit.input, &report), 0);
		audit_assert_sound(&report);
		found = audit_print_only(&report, is_wanted);
		assert_string_equal(found, orphans[i].expected);
		free(found);
		for (size_t j = 0; j < report.n; j++)
			if (strcmp(report.findings[j].rule->name, "live-orphan") == 0)
				assert_int_equal(report.findings[j].n_pids, 2);
		free_world(&world);
	}
}

/* A name that acts for root on this machine, as it is told. */
static void test_for_root(void **state)
{
	static const char *const names[] = { "alice" };
	const struct live_case c = {
		.spaces = { { .inode = 11, .owner = 0, .uids = "0 100000 10" } }
	};
	auto_report struct audit_report report = { .n = 0 };
	struct world world;

	make_world(etc_of(state), &c, &world);
	world.audit.input.for_root = names;
	world.audit.input.n_for_root = 1;
	assert_int_equal(audit_check(&world.audit.input, &report), 0);
	assert_int_equal(report.n, 0);
	free_world(&world);
}

/* Processes that may not be looked at are counted, with the reason. */
static void test_unread(void **state)
{
	const struct live_case c = { .name = "unread" };
	auto_report struct audit_report report = { .n = 0 };
	struct world world;

	make_world(etc_of(state), &c, &world);
	world.live.n_unread = 3;
	world.live.unread_error = -EACCES;
	assert_int_equal(audit_check(&world.audit.input, &report), 0);
	assert_int_equal(report.n, 1);
	assert_string_equal(report.findings[0].rule->name, "live-unread");
	assert_non_null(strstr(report.findings[0].reason, "3 processes"));
	assert_non_null(strstr(report.findings[0].reason, "Permission denied"));
	free_world(&world);
}

/* Of one owner's there are eight findings, the last of which stands for the rest. */
static void test_many_containers(void **state)
{
	const struct live_case c = { .leases = "alice/c0:100000:10\n" };
	auto_report struct audit_report report = { .n = 0 };
	size_t cases_told = 0, n = 0;
	struct world world;

	make_world(etc_of(state), &c, &world);
	for (unsigned int i = 0; i < 12; i++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "c%u", i);
		add_userns(&world, &(struct space){ .inode = 20 + i,
						    .owner = 1001,
						    .uids = "0 100000 10",
						    OWN,
						    .container = name });
	}
	assert_int_equal(audit_check(&world.audit.input, &report), 0);
	for (size_t i = 0; i < report.n; i++)
		if (strcmp(report.findings[i].rule->name, "live-shared") == 0) {
			cases_told += report.findings[i].count;
			n++;
		}
	assert_int_equal(n, 8);
	assert_int_equal(cases_told, 11);
	assert_int_equal(report.counts[SUBID_CRITICAL], 11);
}

/* Who hides a namespace is named, by the account if there is one. */
static void test_hidden(void **state)
{
	const struct live_case c = {
		.name = "hidden",
		.spaces = { { .inode = 11, .owner = 1001, .uids = "", .error = -EACCES },
			    { .inode = 12, .owner = 7777, .uids = "" } },
	};
	struct subid_live_mount covered = { .inode = 9, .pid = 120, .error = -EACCES };
	auto_report struct audit_report report = { .n = 0 };
	struct world world;

	make_world(etc_of(state), &c, &world);
	world.userns[1].n = 0;
	world.userns[1].holder = 10;
	world.live.covered = &covered;
	world.live.n_covered = 1;
	for (size_t i = 0; i < 2; i++)
		world.processes[i].uid = 1001;
	assert_int_equal(audit_check(&world.audit.input, &report), 0);
	assert_int_equal(report.n, 2);
	for (size_t i = 0; i < report.n; i++) {
		const struct audit_finding *finding = &report.findings[i];
		bool first = finding->userns == 11;

		assert_string_equal(finding->rule->name, "live-hidden");
		assert_int_equal(finding->userns, first ? 11 : 0);
		assert_int_equal(finding->pids[0], first ? 10 : 120);
		assert_non_null(
		    strstr(finding->reason, first ? "process 10 of alice keeps"
						  : "process 120 of 7777 keeps"));
	}
	free_world(&world);
}

/* Whose ids they were that no line grants any more. */
static void test_ledger(void **state)
{
	static const struct {
		const char *uids, *owner, *rule, *says;
		int64_t until;
	} rows[] = {
		{ "0 300000 10", "carol", "live-unauthorised",
		  "; by the ledger uids 300000-300009 were carol's until 2026-11-02",
		  1793577600 },
		{ "0 300000 10", "alice", "live-stale",
		  "; by the ledger uids 300000-300009 were alice's", 0 },
		/* the first that it knows of, and no more */
		{ "0 299990 20", "carol", "live-unauthorised",
		  "; by the ledger uids 300000-300009 were carol's until 2026-11-02",
		  1793577600 },
		/* others, and of nobody by name */
		{ "0 310000 10", "carol", "live-unauthorised", NULL, 0 },
		{ "0 300000 10", "", "live-unauthorised", NULL, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct live_case c = {
			.spaces = { { .inode = 11,
				      .owner = 1001,
				      .uids = rows[i].uids,
				      OWN } },
		};
		struct ledger_entry entry = {
			.range = { 300000, 10 },
			.owner = { rows[i].owner, strlen(rows[i].owner) },
			.uid = SUBID_ID_NONE,
			.until = rows[i].until,
			.state = LEDGER_LEFT,
		};
		struct ledger ledger = { .of = { { .entries = &entry, .n = 1 } } };
		auto_report struct audit_report report = { .n = 0 };
		struct world world;

		make_world(etc_of(state), &c, &world);
		world.audit.input.ledger = &ledger;
		assert_int_equal(audit_check(&world.audit.input, &report), 0);
		assert_int_equal(report.n, 1);
		assert_string_equal(report.findings[0].rule->name, rows[i].rule);
		if (rows[i].says == NULL)
			assert_null(strstr(report.findings[0].reason, "by the ledger"));
		else
			assert_string_equal(
			    strstr(report.findings[0].reason, "; by the ledger"),
			    rows[i].says);
		audit_report_free(&report);
		free_world(&world);
	}
}

/* A plan grants no ids that anything else uses or has had: the grant would be refused. */
static void test_plannable(void **state)
{
	static const struct {
		const char *name;
		struct space space;
		uint32_t running; /* a process of the host has this gid */
		struct id_range leased;
		const char *had; /* by the ledger, who left it */
		uint8_t state;
		const char *backup;
		bool planned;
	} rows[] = {
		{ .name = "nobody's", .planned = true },
		{ .name = "another's container",
		  .space = { .inode = 11, .owner = 1002, .uids = "0 300009 1" } },
		{ .name = "one's own",
		  .space = { .inode = 11, .owner = 1001, .uids = "0 300000 10" } },
		{ .name = "beside them",
		  .space = { .inode = 11, .owner = 1002, .uids = "0 300010 1" },
		  .planned = true },
		{ .name = "all ids as they are are no container's",
		  .space = { .inode = 11, .owner = 0, .uids = ALL },
		  .planned = true },
		{ .name = "a process of the host", .running = 300000 },
		{ .name = "one beside them", .running = 299999, .planned = true },
		{ .name = "a container at rest", .leased = { 300009, 1 } },
		{ .name = "one beside them", .leased = { 300010, 1 }, .planned = true },
		{ .name = "another's once", .had = "carol", .state = LEDGER_LEFT },
		{ .name = "another's, by a line that is gone",
		  .had = "carol",
		  .state = LEDGER_HAS },
		{ .name = "given back",
		  .had = "carol",
		  .state = LEDGER_CLEARED,
		  .planned = true },
		{ .name = "one's own once",
		  .had = "alice",
		  .state = LEDGER_LEFT,
		  .planned = true },
		{ .name = "by the number",
		  .had = "1001",
		  .state = LEDGER_LEFT,
		  .planned = true },
		{ .name = "another's before the last change",
		  .backup = "carol:300009:1\n" },
		{ .name = "held then, and not now",
		  .backup = "!released:300000:10\n",
		  .planned = true },
		{ .name = "one's own then",
		  .backup = "alice:300000:10\n",
		  .planned = true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct live_case c = { .spaces = { rows[i].space },
					     .table = "alice:300000:10\n",
					     .backup = rows[i].backup };
		struct ledger_entry entry = {
			.range = { 300000, 1 },
			.owner = { rows[i].had,
				   rows[i].had == NULL ? 0 : strlen(rows[i].had) },
			.uid = SUBID_ID_NONE,
			.state = rows[i].state,
		};
		struct ledger ledger = { .of = { [SUBID_GID] = { &entry, 1 } } };
		struct subid_sets leased = { .of = { { .n = 0 } } };
		auto_report struct audit_report report = { .n = 0 };
		struct subid_table empty = { .n = 0 };
		struct world world;
		size_t n = 0;

		make_world(etc_of(state), &c, &world);
		audit_read_table(SUBID_GID, "", &empty);
		world.audit.input.tables[SUBID_GID] = &empty;
		if (rows[i].had != NULL)
			world.audit.input.ledger = &ledger;
		if (rows[i].running != 0)
			world.processes[0].gid = rows[i].running;
		if (rows[i].leased.count > 0)
			assert_int_equal(
			    subid_set_insert(&leased.of[SUBID_GID], rows[i].leased), 0);
		world.audit.input.leased = &leased;
		assert_int_equal(audit_check(&world.audit.input, &report), 0);
		for (size_t k = 0; k < report.n; k++) {
			const struct audit_finding *finding = &report.findings[k];

			if (strcmp(finding->rule->name, "one-sided") != 0)
				continue;
			n++;
			if (finding->fixes_need_more == rows[i].planned)
				print_error("%s\n", rows[i].name);
			assert_int_equal(finding->fixes_need_more, !rows[i].planned);
			assert_true(finding->n_fixes > 0);
		}
		assert_int_equal(n, 1);
		subid_sets_free(&leased);
		subid_table_free(&empty);
		audit_report_free(&report);
		free_world(&world);
	}
}

/* In a container: each kind by its own map, and one cause however many lines. */
static void test_absent_ids(void **state)
{
	static const struct {
		const char *uids, *gids, *table, *expected, *says;
		int error;
	} rows[] = {
		{ "0 3001 1, 1 100000 65536", NULL, "alice:100000:65536\n",
		  "uid 1 1, gid 1 1, ",
		  "uids 100000-165535 of alice (line 1) do not exist", 0 },
		{ "0 3001 1, 1 100000 65536", "0 0 4294967295", "alice:100000:65536\n",
		  "uid 1 1, ", NULL, 0 },
		{ "0 0 4294967295", "0 3001 1, 1 100000 65536", "alice:100000:65536\n",
		  "gid 1 1, ", NULL, 0 },
		/* all that there is, and one more */
		{ "0 3001 1, 1 100000 65536", NULL, "alice:1:65536\n", "", NULL, 0 },
		{ "0 3001 1, 1 100000 65536", NULL, "alice:2:65536\n",
		  "uid 1 1, gid 1 1, ",
		  "some of uids 2-65537 of alice (line 1) do not exist", 0 },
		{ "0 3001 1, 1 100000 65536", NULL,
		  "alice:1000:10\nbob:100000:10\ncarol:200000:10\n", "uid 2 2, gid 2 2, ",
		  "and so it is with 1 more line", 0 },
		/* what is held is nobody's; without a map nothing is known */
		{ "0 3001 1", NULL, "!reserved:100000:10\n", "", NULL, 0 },
		{ "0 3001 1", "0 0 4294967295", "alice:100000:10\n", "", NULL, -EACCES },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct live_case c = { .table = rows[i].table };
		auto_report struct audit_report report = { .n = 0 };
		char found[200] = "", line[64];
		bool said = rows[i].says == NULL;
		struct world world;

		make_world(etc_of(state), &c, &world);
		free(world.userns[0].maps[SUBID_UID].lines);
		free(world.userns[0].maps[SUBID_GID].lines);
		parse_map(rows[i].uids, &world.userns[0].maps[SUBID_UID]);
		parse_map(rows[i].gids == NULL ? rows[i].uids : rows[i].gids,
			  &world.userns[0].maps[SUBID_GID]);
		world.userns[0].maps[SUBID_UID].error = rows[i].error;
		world.audit.input.only = audit_rule_find("absent-ids");
		assert_int_equal(audit_check(&world.audit.input, &report), 0);
		for (size_t k = 0; k < report.n; k++) {
			const struct audit_finding *finding = &report.findings[k];

			(void)snprintf(line, sizeof(line), "%s %zu %zu, ",
				       finding->kind == SUBID_UID ? "uid" : "gid",
				       finding->line, finding->count);
			strcat(found, line);
			said |= !said && strstr(finding->reason, rows[i].says) != NULL;
		}
		assert_string_equal(found, rows[i].expected);
		assert_true(said);
		audit_report_free(&report);
		free_world(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_plannable),  scratch_test(test_ledger),
		scratch_test(test_absent_ids), scratch_test(test_cases),
		scratch_test(test_orphans),    scratch_test(test_for_root),
		scratch_test(test_unread),     scratch_test(test_many_containers),
		scratch_test(test_hidden),     scratch_test(test_one_finding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
