/* SPDX-License-Identifier: MIT */
/*
 * The auditor's rules about shared storage: what triggers each, and what just does not.
 * Records and mounts are written by hand.
 */
#include "audit_support.h"

#define TABLE "alice:100000:65536\nroot:900000:65536\n"

#define ROOM 3

/* A mount of the one store, root/s, which has the ids 900000:1000. */
struct target {
	const char *name; /* NULL: no more */
	const char *point;
};

struct mount {
	pid_t pid;
	const char *where; /* NULL: no more */
	struct id_range disk[SUBID_KINDS];
	bool unknown;
};

struct storage_case {
	const char *name;
	const char *table;	/* of both kinds; NULL: TABLE */
	const char *root, *own; /* root's leases, and alice's; NULL: no store */
	struct target targets[ROOM];
	struct mount mounts[ROOM];
	const char *expected;
};

static const struct storage_case cases[] = {
	{ .name = "nothing", .expected = "" },
	{ .name = "for her range, and for a lease of either store",
	  .root = "alice/c1:100000:10\n",
	  .own = "c2:100010:10\n",
	  .targets = { { "alice", "alice/@all/root/s" },
		       { "alice/c1", "alice/c1/root/s" },
		       { "alice/c2", "alice/c2/root/s" } },
	  .expected = "" },
	{ .name = "no range",
	  .table = "root:900000:65536\n",
	  .targets = { { "alice", "alice/@all/root/s" } },
	  .expected = "warning share-target - root\n" },
	{ .name = "no account, no range",
	  .targets = { { "gone/c1", "gone/c1/root/s" } },
	  .expected = "warning share-target - root\n" },
	{ .name = "a line by the decimal uid is one",
	  .table = "1001:100000:65536\n",
	  .targets = { { "alice", "alice/@all/root/s" } },
	  .expected = "" },
	{ .name = "no lease",
	  .root = "alice/c1:100000:10\n",
	  .own = "",
	  .targets = { { "alice/c1", "alice/c1/root/s" },
		       { "alice/c2", "alice/c2/root/s" } },
	  .expected = "warning share-target - root\n" },
	{ .name = "no lease, as far as could be seen",
	  .root = "alice/c1:100000:10\n",
	  .targets = { { "alice/c2", "alice/c2/root/s" } },
	  .expected = "" },
	{ .name = "another's lease of that name",
	  .root = "bob/c2:100000:10\n",
	  .own = "",
	  .targets = { { "alice/c2", "alice/c2/root/s" } },
	  .expected = "warning share-target - root\n" },

	{ .name = "mounts as they are recorded",
	  .targets = { { "alice", "alice/@all/root/s" } },
	  .mounts = { { 0,
			"/run/subid/share/alice/@all/root/s",
			{ { 900000, 1000 }, { 900000, 1000 } },
			false } },
	  .expected = "" },
	{ .name = "one that is not; a container's copy is; so is what lies elsewhere",
	  .targets = { { "alice", "alice/@all/root/s" } },
	  .mounts = { { 0,
			"/run/subid/share/alice/c9/root/s",
			{ { 900000, 1000 }, { 900000, 1000 } },
			false },
		      { 7,
			"/run/subid/share/alice/c9/root/s",
			{ { 900000, 1000 }, { 900000, 1000 } },
			false },
		      { 0,
			"/run/subid/shared",
			{ { 900000, 1000 }, { 900000, 1000 } },
			false } },
	  .expected = "warning share-leftover -\n" },
	{ .name = "root's uid",
	  .mounts = { { 0, "/mnt", { { 0, 1 }, { 1, 65535 } }, false } },
	  .expected = "warning idmap-root uid 0:1\n" },
	{ .name = "root's gid, in a container",
	  .mounts = { { 7, "/mnt", { { 1, 65535 }, { 0, 65536 } }, false } },
	  .expected = "warning idmap-root gid 0:1\n" },
	{ .name = "all but root's",
	  .mounts = { { 0, "/mnt", { { 1, 4294967294U }, { 1, 4294967294U } }, false } },
	  .expected = "" },
	{ .name = "not known",
	  .mounts = { { 7, "", { { 0, 0 }, { 0, 0 } }, true },
		      { 0, "/mnt", { { 0, 0 }, { 0, 0 } }, true } },
	  .expected = "info idmap-unread -\ninfo idmap-unread -\n" },
};

struct world {
	struct audit_world audit;
	struct audit_store stores[2];
	struct subid_share share;
	struct subid_share_mount targets[ROOM];
	struct subid_shares shares;
	struct subid_idmapped list[ROOM];
	struct subid_idmapped_list mounts;
};

static void put_mount(struct world *world, const struct mount *mount)
{
	struct subid_idmapped *one = &world->list[world->mounts.n++];

	one->pid = mount->pid;
	one->known = !mount->unknown;
	(void)snprintf(one->where, sizeof(one->where), "%s", mount->where);
	(void)strcpy(one->type, "ext4");
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		assert_int_equal(subid_set_insert(&one->disk.of[kind], mount->disk[kind]),
				 0);
}

static void make_world(int dir, const struct storage_case *c, struct world *world)
{
	const char *table = c->table == NULL ? TABLE : c->table;
	struct audit_input *input = &world->audit.input;

	*world = (struct world){ .share = { .store = "root/s", .dir = "/srv/s" } };
	audit_world_make(dir, &(struct audit_case){ .tables = { table, table } },
			 &world->audit);
	input->stores = world->stores;
	if (c->root != NULL)
		audit_load_store(dir, c->root, NULL, 0,
				 &world->stores[input->n_stores++]);
	if (c->own != NULL)
		audit_load_store(dir, c->own, "alice", 1001,
				 &world->stores[input->n_stores++]);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		world->share.ids[kind] = (struct id_range){ 900000, 1000 };
	world->share.state = SUBID_SHARE_READY;
	world->share.mounts = world->targets;
	for (size_t i = 0; i < ROOM && c->targets[i].name != NULL; i++)
		world->targets[world->share.n_mounts++] =
		    (struct subid_share_mount){ .target = c->targets[i].name,
						.point = c->targets[i].point,
						.runtime = "lxc" };
	world->shares = (struct subid_shares){ .list = &world->share, .n = 1 };
	input->shares = &world->shares;
	world->mounts.list = world->list;
	for (size_t i = 0; i < ROOM && c->mounts[i].where != NULL; i++)
		put_mount(world, &c->mounts[i]);
	input->idmapped = &world->mounts;
}

static void free_world(struct world *world)
{
	for (size_t i = 0; i < world->audit.input.n_stores; i++)
		audit_free_store(&world->stores[i]);
	for (size_t i = 0; i < world->mounts.n; i++)
		subid_sets_free(&world->list[i].disk);
	audit_world_free(&world->audit);
}

/* Those of the rules at hand. */
static bool is_wanted(const struct audit_finding *finding)
{
	return strncmp(finding->rule->name, "share-", 6) == 0 ||
	       strncmp(finding->rule->name, "idmap-", 6) == 0;
}

static bool run_case(int dir, const struct storage_case *c)
{
	auto_report struct audit_report report = { .n = 0 };
	struct world world;
	bool right;

	make_world(dir, c, &world);
	right = audit_finds(c->name, &world.audit.input, &report, is_wanted, c->expected);
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

/* What was not looked at, and a look that was cut short. */
static void test_unread(void **state)
{
	const struct storage_case c = { .targets = { { "gone", "gone/@all/root/s" } } };
	auto_report struct audit_report report = { .n = 0 };
	struct world world;
	char *found;

	make_world(etc_of(state), &c, &world);
	world.mounts.partial = true;
	world.audit.input.tables[SUBID_UID] = NULL;
	world.audit.input.tables[SUBID_GID] = NULL;
	assert_int_equal(audit_check(&world.audit.input, &report), 0);
	found = audit_print_only(&report, is_wanted);
	assert_string_equal(found, "info idmap-unread -\n");
	free(found);
	audit_report_free(&report);
	world.audit.input.shares = NULL;
	world.audit.input.idmapped = NULL;
	assert_int_equal(audit_check(&world.audit.input, &report), 0);
	found = audit_print_only(&report, is_wanted);
	assert_string_equal(found, "");
	free(found);
	free_world(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_cases),
		scratch_test(test_unread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
