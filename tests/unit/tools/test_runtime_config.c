/* SPDX-License-Identifier: MIT */
#include "tools/subid/runtime_config.h"

#include "support.h"

#define NONE	 SUBID_ID_NONE
#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

/* Whoever asks: alice has an account, root has, the others have none. */
static const struct {
	const char *name;
	uint32_t uid; /* NONE: no account */
} owners[] = {
	{ "alice", 1000 },	  { "root", 0 },
	{ "containers", NONE },	  { "dockremap", NONE },
	{ "o'ne \"two\\", 1003 },
};

enum { ALICE, ROOT, CONTAINERS, DOCKREMAP, ODD };

struct ask {
	const char *runtime;
	size_t owner;
	const char *container;
	struct id_range uids[2];
	struct id_range gids[2]; /* of count 0: like uids */
	uint32_t keep;
	struct runtime_version version;
	const char *text;    /* what is to be pasted; NULL: it is refused */
	const char *remarks; /* a part of them, or of the refusal */
};

#define USUAL                                                                            \
	{                                                                                \
		{                                                                        \
			100000, 65536                                                    \
		}                                                                        \
	}

static const struct ask asks[] = {
	{ "lxc",
	  ALICE,
	  "c1",
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 0, 0 },
	  "lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\n",
	  "alice/c1: add to ~/.local/share/lxc/c1/config" },
	{ "lxc",
	  ROOT,
	  "c1",
	  USUAL,
	  { { 200000, 10 } },
	  NONE,
	  { 5, 0 },
	  "lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 200000 10\n",
	  "/var/lib/lxc/c1/config" },
	{ "lxc",
	  ALICE,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  7,
	  { 2, 0 },
	  "lxc.id_map = u 0 100000 7\nlxc.id_map = u 7 1000 1\n"
	  "lxc.id_map = u 8 100008 65528\nlxc.id_map = g 0 100000 7\n"
	  "lxc.id_map = g 7 1100 1\nlxc.id_map = g 8 100008 65528\n",
	  "Remove the lxc.id_map lines" },
	{ "lxc",
	  ALICE,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 2, 1 },
	  "lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\n",
	  "lxc/NAME/config" },
	{ "lxc",
	  ALICE,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 1, 9 },
	  "lxc.id_map = u 0 100000 65536\nlxc.id_map = g 0 100000 65536\n",
	  "" },
	{ "lxc",
	  ROOT,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  7,
	  { 0, 0 },
	  NULL,
	  "mapping root's own id would make the container's root the host's root" },
	{ "lxc",
	  CONTAINERS,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  7,
	  { 0, 0 },
	  NULL,
	  "no such account" },
	{ "lxc",
	  ALICE,
	  NULL,
	  { { 900, 200 } },
	  { { 0, 0 } },
	  7,
	  { 0, 0 },
	  NULL,
	  "the own uid 1000 is one of the subordinate ids" },
	{ "lxc",
	  ALICE,
	  NULL,
	  { { 0, 0 } },
	  { { 5, 5 } },
	  NONE,
	  { 0, 0 },
	  NULL,
	  "no subordinate uids; try 'subid grant alice'" },

	{ "lxd",
	  ROOT,
	  "c1",
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 0, 0 },
	  "lxc config set c1 security.idmap.isolated true\n"
	  "lxc config set c1 security.idmap.base 100000\n"
	  "lxc config set c1 security.idmap.size 65536\n",
	  "restart it" },
	{ "incus",
	  ROOT,
	  "c'1",
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 0, 0 },
	  "incus config set 'c'\\''1' security.idmap.isolated true\n"
	  "incus config set 'c'\\''1' security.idmap.base 100000\n"
	  "incus config set 'c'\\''1' security.idmap.size 65536\n",
	  "Incus uses ids of root's lines" },
	{ "incus",
	  ROOT,
	  "c1",
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 0, 0 },
	  "incus config set c1 security.idmap.isolated true\n"
	  "incus config set c1 security.idmap.base 100000\n"
	  "incus config set c1 security.idmap.size 65536\n",
	  "--for 7" },
	{ "incus",
	  ROOT,
	  "c1",
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 6, 0 },
	  "incus config set c1 security.idmap.isolated true\n"
	  "incus config set c1 security.idmap.base 100000\n"
	  "incus config set c1 security.idmap.size 65536\n",
	  "" },
	{ "incus",
	  ROOT,
	  "c1",
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 7, 1 },
	  "incus config set c1 security.idmap.base 100000\n"
	  "incus config set c1 security.idmap.size 65536\n",
	  "" },
	{ "podman",
	  ALICE,
	  NULL,
	  { { 500, 1000 } },
	  { { 100000, 1000 } },
	  NONE,
	  { 0, 0 },
	  NULL,
	  "its own uid 1000 is one of its subordinate ids" },
	{ "lxd",
	  ROOT,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 0, 0 },
	  "lxc profile set default security.idmap.isolated true\n",
	  "" },
	{ "lxd",
	  ROOT,
	  "c1",
	  { { 100000, 20 } },
	  { { 100010, 20 } },
	  NONE,
	  { 0, 0 },
	  "lxc config set c1 security.idmap.isolated true\n"
	  "lxc config set c1 security.idmap.base 100010\n"
	  "lxc config set c1 security.idmap.size 10\n",
	  "" },
	{ "lxd",
	  ROOT,
	  "c1",
	  { { 1000, 5 }, { 2000, 20 } },
	  { { 1000, 5 }, { 2005, 20 } },
	  NONE,
	  { 0, 0 },
	  "lxc config set c1 security.idmap.isolated true\n"
	  "lxc config set c1 security.idmap.base 2005\n"
	  "lxc config set c1 security.idmap.size 15\n",
	  "" },
	{ "lxd",
	  ROOT,
	  "c1",
	  { { 100000, 20 } },
	  { { 200010, 20 } },
	  NONE,
	  { 0, 0 },
	  NULL,
	  "LXD needs the same numbers for uids and gids, and root holds no" },
	{ "lxd",
	  ALICE,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 0, 0 },
	  NULL,
	  "LXD uses only ids of root's lines" },
	{ "lxd",
	  CONTAINERS,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 0, 0 },
	  NULL,
	  "LXD uses only ids of root's lines" },
	{ "lxd",
	  ROOT,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  7,
	  { 0, 0 },
	  NULL,
	  "LXD cannot map the own id of root" },

	{ "podman",
	  ALICE,
	  NULL,
	  { { 100000, 10 }, { 200000, 10 } },
	  { { 300000, 5 } },
	  NONE,
	  { 0, 0 },
	  "--uidmap 0:1:20 --gidmap 0:1:5\n",
	  "podman system migrate" },
	{ "podman",
	  ALICE,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  1000,
	  { 0, 0 },
	  "--uidmap 0:1:1000 --uidmap 1000:0:1 --uidmap 1001:1002:64535"
	  " --gidmap 0:1:1000 --gidmap 1000:0:1 --gidmap 1001:1002:64535\n",
	  "as alice" },
	{ "podman",
	  ROOT,
	  "c1",
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 0, 0 },
	  "--uidmap 0:100000:65536 --gidmap 0:100000:65536\n",
	  "as root" },
	{ "podman",
	  CONTAINERS,
	  NULL,
	  { { 2000000, 1000000 } },
	  { { 0, 0 } },
	  NONE,
	  { 0, 0 },
	  "[storage.options]\nroot-auto-userns-user = \"containers\"\n"
	  "auto-userns-max-size = 65536\n",
	  "--subuidname containers --subgidname containers" },
	{ "podman",
	  CONTAINERS,
	  NULL,
	  { { 2000000, 9999 } },
	  { { 2000000, 5000 } },
	  NONE,
	  { 0, 0 },
	  "[storage.options]\nroot-auto-userns-user = \"containers\"\n"
	  "auto-userns-max-size = 5000\n",
	  "storage.conf" },

	{ "docker",
	  ALICE,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 0, 0 },
	  "{\n  \"userns-remap\": \"alice\"\n}\n",
	  "/etc/docker/daemon.json" },
	{ "docker",
	  DOCKREMAP,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 0, 0 },
	  "{\n  \"userns-remap\": \"dockremap\"\n}\n",
	  "" },
	{ "docker",
	  ODD,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 0, 0 },
	  "{\n  \"userns-remap\": \"o'ne \\\"two\\\\\"\n}\n",
	  "" },
	{ "docker",
	  CONTAINERS,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 0, 0 },
	  NULL,
	  "Docker needs one" },
	{ "docker",
	  ALICE,
	  "c1",
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 0, 0 },
	  NULL,
	  "one map for all" },
	{ "docker",
	  ALICE,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  7,
	  { 0, 0 },
	  NULL,
	  "Docker cannot map the own id of alice" },

	{ "oci",
	  ALICE,
	  NULL,
	  { { 100000, 10 }, { 200000, 10 } },
	  { { 300000, 5 } },
	  NONE,
	  { 0, 0 },
	  "{\n  \"linux\": {\n    \"uidMappings\": [\n"
	  "      {\"containerID\": 0, \"hostID\": 100000, \"size\": 10},\n"
	  "      {\"containerID\": 10, \"hostID\": 200000, \"size\": 10}\n    ],\n"
	  "    \"gidMappings\": [\n"
	  "      {\"containerID\": 0, \"hostID\": 300000, \"size\": 5}\n    ]\n  }\n}\n",
	  "linux.namespaces" },

	{ "nspawn",
	  ROOT,
	  "c1",
	  { { 655360, 65536 } },
	  { { 0, 0 } },
	  NONE,
	  { 252, 0 },
	  "--private-users=655360:65536 --private-users-ownership=auto\n",
	  "/etc/systemd/nspawn/c1.nspawn, section [Exec]: PrivateUsers=655360:65536" },
	{ "nspawn",
	  ROOT,
	  NULL,
	  USUAL,
	  { { 0, 0 } },
	  NONE,
	  { 0, 0 },
	  "--private-users=100000:65536 --private-users-ownership=map\n",
	  "" },
	{ "nspawn",
	  ROOT,
	  NULL,
	  { { 655360, 65536 } },
	  { { 0, 0 } },
	  NONE,
	  { 248, 9 },
	  "--private-users=655360:65536 --private-users-chown\n",
	  "" },
	{ "nspawn",
	  ROOT,
	  NULL,
	  { { 655360, 10 } },
	  { { 0, 0 } },
	  NONE,
	  { 248, 0 },
	  "--private-users=655360:10\n",
	  "beforehand" },
};

static struct subid_set set_of(const struct id_range *ranges)
{
	struct subid_set set = { .ranges = NULL };

	for (size_t i = 0; i < 2; i++)
		assert_int_equal(subid_set_add(&set, ranges[i]), 0);
	return set;
}

/* Asks as ask says; the owner's lines give no more than that. */
static int setup_of(const struct ask *ask, struct runtime_config *ret)
{
	auto_sets struct subid_sets ids = {
		.of = { set_of(ask->uids),
			set_of(ask->gids[0].count > 0 ? ask->gids : ask->uids) },
	};
	struct runtime_config_ids share = {
		.name = owners[ask->owner].name,
		.container = ask->container,
		.has_account = owners[ask->owner].uid != NONE,
		.own = { owners[ask->owner].uid, owners[ask->owner].uid + 100 },
		.all = &ids,
		.ids = &ids,
	};
	const struct runtime_config_row *runtime = runtime_config_find(ask->runtime);

	assert_non_null(runtime);
	return runtime_config_make(runtime, &share, ask->keep, ask->version, ret);
}

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(asks); i++) {
		auto_runtime_config struct runtime_config setup;
		int r = setup_of(&asks[i], &setup);

		print_message("%zu %s\n", i, asks[i].runtime);
		assert_int_equal(r, asks[i].text == NULL ? SUBID_DENIED : 0);
		if (asks[i].text == NULL) {
			assert_non_null(setup.refusal);
			assert_non_null(strstr(setup.refusal, asks[i].remarks));
			continue;
		}
		assert_null(setup.refusal);
		assert_string_equal(setup.text, asks[i].text);
		assert_non_null(strstr(setup.remarks, asks[i].remarks));
	}
}

/* Every runtime, for a user and for root: either a text or a reason. */
static void test_all_answer(void **state)
{
	const struct runtime_config_row *all;
	size_t n;

	(void)state;
	all = runtime_config_rows(&n);
	assert_int_equal(n, 7);
	for (size_t i = 0; i < n; i++) {
		for (size_t owner = 0; owner < ARRAY(owners); owner++) {
			struct ask ask = {
				.runtime = all[i].name,
				.owner = owner,
				.uids = USUAL,
				.keep = NONE,
			};
			auto_runtime_config struct runtime_config setup;
			int r = setup_of(&ask, &setup);

			assert_true(r == 0 || r == SUBID_DENIED);
			assert_true((setup.refusal == NULL) == (r == 0));
			assert_true((setup.text != NULL) == (r == 0));
			assert_true(r != 0 || setup.text[strlen(setup.text) - 1] == '\n');
			assert_int_equal(setup.n[SUBID_UID], r == 0 ? 1 : setup.n[0]);
		}
	}
	assert_null(runtime_config_find("lx"));
	assert_null(runtime_config_find("lxcc"));
	assert_null(runtime_config_find(""));
}

/* podman in a user's own namespace has what the user's lines give, once each. */
static void test_rootless(void **state)
{
	struct id_range all = { 100000, 100 }, part = { 100050, 10 }, off = { 200000, 1 };
	struct subid_sets held = { .of = { { .ranges = &all, .n = 1 },
					   { .ranges = &all, .n = 1 } } };
	struct subid_sets leased = { .of = { { .ranges = &part, .n = 1 },
					     { .ranges = &part, .n = 1 } } };
	struct runtime_config_ids share = {
		.name = "alice",
		.container = "c1",
		.has_account = true,
		.own = { 1000, 1000 },
		.all = &held,
		.ids = &leased,
	};
	const struct runtime_config_row *podman = runtime_config_find("podman");
	struct runtime_version version = { 4, 3 };
	struct runtime_config setup;

	(void)state;
	assert_int_equal(runtime_config_make(podman, &share, NONE, version, &setup), 0);
	assert_string_equal(setup.text, "--uidmap 0:51:10 --gidmap 0:51:10\n");
	assert_int_equal(setup.maps[SUBID_UID][0].outside.start, 100050);
	runtime_config_free(&setup);
	share.doubled = true;
	assert_int_equal(runtime_config_make(podman, &share, NONE, version, &setup),
			 SUBID_DENIED);
	assert_non_null(strstr(setup.refusal, "twice"));
	runtime_config_free(&setup);
	share.doubled = false;
	part = off;
	assert_int_equal(runtime_config_make(podman, &share, NONE, version, &setup),
			 SUBID_DENIED);
	assert_non_null(strstr(setup.refusal, "not all of its uids are in lines"));
	runtime_config_free(&setup);
}

static void test_version(void **state)
{
	static const struct {
		const char *text;
		struct runtime_version version; /* major 0: none */
	} cases[] = {
		{ "5.0.2\n", { 5, 0 } },
		{ "podman version 4.3.1\n", { 4, 3 } },
		{ "systemd 252 (252.39-1~deb12u2)\n+PAM", { 252, 0 } },
		{ "2.0", { 2, 0 } },
		{ "v2.", { 2, 0 } },
		{ "2.x", { 2, 0 } },
		{ "99999999999999999999.1", { 999999, 1 } },
		{ "", { 0, 0 } },
		{ "no idea.\n", { 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct runtime_version got = { 0, 0 };

		assert_int_equal(runtime_version_parse(cases[i].text, &got),
				 cases[i].version.major != 0);
		assert_int_equal(got.major, cases[i].version.major);
		assert_int_equal(got.minor, cases[i].version.minor);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_all_answer),
		cmocka_unit_test(test_rootless),
		cmocka_unit_test(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
