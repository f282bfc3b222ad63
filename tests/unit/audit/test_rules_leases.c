/* SPDX-License-Identifier: MIT */
/*
 * The auditor's rules about leases at rest, and about what runtimes have written down:
 * stores as their files are.
 */
#include <errno.h>
#include <fcntl.h>

#include "audit_support.h"

#define TABLE "alice:100000:65536\nbob:165536:65536\nroot:300000:100000\n"

/* Something that a runtime has written down of both kinds; count 0: nothing. */
struct container {
	const char *name;
	struct id_range range;
};

struct lease_case {
	const char *name;
	const char *table; /* of both kinds; NULL: TABLE */
	const char *root;  /* root's store; NULL: there is none */
	const char *own;   /* alice's */
	struct container containers[3];
	const char *expected; /* of the rules lease-* and runtime-*; of uids alone */
};

static const struct lease_case cases[] = {
	{ .name = "no store", .expected = "" },
	{ .name = "empty ones", .root = "", .own = "", .expected = "" },
	{ .name = "as it should be",
	  .root = "alice/c1:100000:10\nalice/c2:100010:10\n1002/c1:165536:65536\n"
		  "root/c1:300000:65536\n!released:100000:10\n",
	  .own = "c3:100020:10\n!released:100000:10\n",
	  .expected = "" },

	{ .name = "more than is held",
	  .root = "bob/c0:165536:10\nalice/c1:165530:10\n",
	  .expected = "warning lease-outside uid 2 alice 165536:4\n" },
	{ .name = "nothing is held, by no account",
	  .root = "carol/c1:100000:10\nghost/c1:100010:10\n",
	  .expected = "warning lease-outside uid 1 carol 100000:10\n"
		      "warning lease-outside uid 2 ghost 100010:10\n" },
	{ .name = "an owner without account holds its lines",
	  .table = "containers:500000:10\n",
	  .root = "containers/c1:500000:10\n",
	  .expected = "" },
	{ .name = "two lines that adjoin",
	  .table = "alice:100000:10\n1001:100010:10\n",
	  .root = "alice/c1:100005:10\n",
	  .expected = "" },

	{ .name = "two containers, the same ids",
	  .root = "alice/c1:100000:10\nalice/c2:100005:10\n",
	  .expected = "error lease-overlap uid 2+1 alice 100005:5\n" },
	{ .name = "by another spelling of the owner",
	  .root = "alice/c1:100000:10\n1001/c2:100005:10\n",
	  .expected = "error lease-overlap uid 2+1 1001/alice 100005:5\n" },
	{ .name = "of those that act for root",
	  .table = "root:300000:10\n_lxd:300000:10\n",
	  .root = "root/c1:300000:10\n_lxd/c2:300000:10\n",
	  .expected = "error lease-overlap uid 2+1 _lxd/root 300000:10\n" },
	{ .name = "one container may",
	  .root = "alice/c1:100000:10\nalice/c1:100005:10\n1001/c1:100000:10\n",
	  .expected = "" },
	{ .name = "each with the one that reaches farthest",
	  .root = "alice/c1:100000:100\nalice/c2:100010:10\nalice/c3:100030:10\n"
		  "alice/c4:100035:1\n",
	  .expected = "error lease-overlap uid 2+1 alice 100010:10\n"
		      "error lease-overlap uid 3+1 alice 100030:10\n"
		      "error lease-overlap uid 4+1 alice 100035:1\n" },

	{ .name = "lines that are no leases",
	  .root = "# mine\nalice/c1:100000:10\nalice:100000:10\nalice/..:100000:10\n"
		  "alice/c2:0100:10\n",
	  .expected = "warning lease-broken uid 1\n" },

	{ .name = "alice's own: nothing but that, once, and about her",
	  .root = "alice/c1:100000:10\nbob/c1:165536:10\n",
	  .own = "x\nc2:100000:10\nc3:165536:10\nc4:0:4294967294\nbob/c1:165536:10\n",
	  .expected = "info lease-own - alice\n" },
	{ .name = "her own, which share ids with each other",
	  .own = "c1:100000:10\nc2:100009:10\n",
	  .expected = "info lease-own - alice\n" },
	{ .name = "her own hide nothing of root's",
	  .root = "alice/c1:100010:10\nalice/c2:100015:10\n",
	  .own = "c1:100000:65536\nc2:100000:65536\n",
	  .expected = "error lease-overlap uid 2+1 alice 100015:5\n"
		      "info lease-own - alice\n" },

	{ .name = "root's runtime has the ids of a lease",
	  .root = "alice/c1:100000:10\nroot/c2:300000:10\nroot/c3:300010:10\n",
	  .containers = { { "c1", { 100009, 10 } },
			  { "c2", { 300000, 10 } },
			  { "c9", { 300019, 10 } } },
	  .expected = "warning lease-taken uid 1 alice 100009:1\n"
		      "warning lease-taken uid 3 root 300019:1\n" },
	{ .name = "one that has all of them, before the lease's own",
	  .root = "root/c2:300010:10\n",
	  .containers = { { "c1", { 300000, 65536 } }, { "c2", { 300010, 10 } } },
	  .expected = "warning lease-taken uid 1 root 300010:10\n" },
	{ .name = "beside it; and a user's lease is none of root's business",
	  .root = "root/c2:300010:10\n",
	  .own = "c1:100000:10\n",
	  .containers = { { "c1", { 300000, 10 } },
			  { "c1", { 300020, 10 } },
			  { "c8", { 100000, 10 } } },
	  .expected = "" },
};

struct world {
	struct audit_world audit;
	struct audit_store stores[2];
	struct subid_runtime_state runtimes;
};

static void make_world(int dir, const struct lease_case *c, struct world *world)
{
	const char *table = c->table == NULL ? TABLE : c->table;
	struct audit_input *input = &world->audit.input;

	*world = (struct world){ .stores = { { .error = 0 } } };
	audit_world_make(dir, &(struct audit_case){ .tables = { table, table } },
			 &world->audit);
	input->stores = world->stores;
	input->runtimes = &world->runtimes;
	if (c->root != NULL)
		audit_load_store(dir, c->root, NULL, 0,
				 &world->stores[input->n_stores++]);
	if (c->own != NULL)
		audit_load_store(dir, c->own, "alice", 1001,
				 &world->stores[input->n_stores++]);
	world->runtimes.list = calloc(6, sizeof(*world->runtimes.list));
	assert_non_null(world->runtimes.list);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		for (size_t i = 0; i < 3 && c->containers[i].name != NULL; i++) {
			struct subid_runtime_range *one =
			    &world->runtimes.list[world->runtimes.n++];

			one->kind = kind;
			one->range = c->containers[i].range;
			one->runtime = "lxc";
			(void)snprintf(one->name, sizeof(one->name), "%s",
				       c->containers[i].name);
		}
}

static void free_world(struct world *world)
{
	for (size_t i = 0; i < world->audit.input.n_stores; i++)
		audit_free_store(&world->stores[i]);
	subid_runtime_state_free(&world->runtimes);
	audit_world_free(&world->audit);
}

static bool is_of_leases(const struct audit_finding *finding)
{
	return strncmp(finding->rule->name, "lease-", 6) == 0 ||
	       strncmp(finding->rule->name, "runtime-", 8) == 0;
}

/* Those of the rules at hand, but for the gids': they are the same. */
static bool is_wanted(const struct audit_finding *finding)
{
	return is_of_leases(finding) && finding->kind != SUBID_GID;
}

static void assert_gids_too(const struct audit_report *report)
{
	size_t n[SUBID_KINDS] = { 0 };

	for (size_t i = 0; i < report->n; i++)
		if (is_of_leases(&report->findings[i]) && report->findings[i].kind >= 0)
			n[report->findings[i].kind]++;
	assert_int_equal(n[SUBID_UID], n[SUBID_GID]);
}

static bool run_case(int dir, const struct lease_case *c)
{
	auto_report struct audit_report report = { .n = 0 };
	struct world world;
	bool right;

	make_world(dir, c, &world);
	right = audit_finds(c->name, &world.audit.input, &report, is_wanted, c->expected);
	assert_gids_too(&report);
	audit_try_accepting(&world.audit, &report);
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

/* A table or a store that could not be read, and a file of a runtime. */
static void test_unread(void **state)
{
	const struct lease_case c = {
		.root = "carol/c1:100000:10\n",
		.own = "c1:5:5\n",
	};
	auto_report struct audit_report report = { .n = 0 };
	struct world world;
	char *found;

	make_world(etc_of(state), &c, &world);
	world.audit.input.tables[SUBID_UID] = NULL;
	world.audit.input.tables[SUBID_GID] = NULL;
	assert_int_equal(audit_check(&world.audit.input, &report), 0);
	assert_gids_too(&report);
	found = audit_print_only(&report, is_wanted);
	assert_string_equal(found, "");
	free(found);
	audit_report_free(&report);
	for (size_t i = 0; i < 2; i++) {
		subid_leases_free(&world.stores[i].leases);
		world.stores[i].error = i == 0 ? -EACCES : -EFBIG;
	}
	world.runtimes.n_unread = 2;
	world.runtimes.error = SUBID_ABSENT;
	(void)strcpy(world.runtimes.unread, "var/lib/lxd/containers/c1");
	assert_int_equal(audit_check(&world.audit.input, &report), 0);
	audit_assert_sound(&report);
	assert_gids_too(&report);
	found = audit_print_only(&report, is_wanted);
	assert_string_equal(found, "warning lease-broken -\ninfo lease-own - alice\n"
				   "info runtime-unread -\n");
	free(found);
	free_world(&world);
}

/* However much a user has written, it is one finding, and soon there. */
static void test_flood(void **state)
{
	struct lease_case c = { .root = "" };
	auto_report struct audit_report report = { .n = 0 };
	struct world world;
	char *text, *at, *found;

	text = at = malloc(20000 * 24 + 1);
	assert_non_null(text);
	for (unsigned int i = 0; i < 20000; i++)
		at += sprintf(at, "c%u:%u:4000000\n", i, i);
	c.own = text;
	make_world(etc_of(state), &c, &world);
	free(text);
	assert_int_equal(world.stores[1].leases.n, 40000);
	assert_int_equal(audit_check(&world.audit.input, &report), 0);
	assert_gids_too(&report);
	found = audit_print_only(&report, is_wanted);
	assert_string_equal(found, "info lease-own - alice\n");
	free(found);
	free_world(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_cases),
		scratch_test(test_unread),
		scratch_test(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
