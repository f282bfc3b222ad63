/* SPDX-License-Identifier: MIT */
#include "libsubid/change/private.h"

#include "txn_support.h"

#define STORE (SUBID_STATEDIR + 1)

static void put_path(int dir, const char *path, const char *text)
{
	char copy[256];

	(void)strcpy(copy, path);
	for (char *c = strchr(copy, '/'); c != NULL; c = strchr(c + 1, '/')) {
		*c = '\0';
		put_dir(dir, copy);
		*c = '/';
	}
	if (text != NULL)
		put_file(dir, path, text);
}

/* "u 100000:10 200000:5, g 100000:10" */
static const char *ids_text(const struct subid_leased *leased, char *buf)
{
	char *at = buf;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		at += sprintf(at, "%s%c", kind == 0 ? "" : ", ", "ug"[kind]);
		for (size_t i = 0; i < leased->ids.of[kind].n; i++)
			at += sprintf(at, " %u:%u", leased->ids.of[kind].ranges[i].start,
				      leased->ids.of[kind].ranges[i].count);
	}
	return buf;
}

/* What is beneath the root directory, and what is made of it. */
static const struct {
	const char *what;
	const char *files[3][2]; /* path, text; "->" in front: a link to there */
	const char *ids;
	size_t unread;
} rows[] = {
	{ "nothing", { { NULL, NULL } }, "u, g", 0 },
	{ "a store without files", { { "/", NULL } }, "u, g", 0 },
	{ "leases",
	  { { "/subuid", "alice/web:100000:10\nbob/x:100010:5\n" },
	    { "/subgid", "alice/web:200000:10\n" } },
	  "u 100000:15, g 200000:10",
	  0 },
	{ "what rests", { { "/subgid", "!released:100000:10\n" } }, "u, g 100000:10", 0 },
	{ "a number that readers differ on",
	  { { "/subuid", "alice/web:0100000:9\n" } },
	  "u 32768:9 100000:9, g",
	  0 },
	{ "no lease, but ids", { { "/subuid", "#\nalice:7:7\n" } }, "u 7:7, g", 0 },
	{ "a stopped container",
	  { { "var/lib/lxc/c1/config", "lxc.idmap = b 0 300000 3\n" } },
	  "u 300000:3, g 300000:3",
	  0 },
	{ "a stopped container and leases",
	  { { "var/lib/lxc/c1/config", "lxc.idmap = u 0 100005 10\n" },
	    { "/subuid", "alice/web:100000:10\n" } },
	  "u 100000:15, g",
	  0 },
	{ "a damaged runtime",
	  { { "var/lib/containers/storage/vfs-containers/containers.json", "[" },
	    { "/subuid", "alice/web:100000:10\n" } },
	  "u 100000:10, g",
	  1 },
	{ "a user's store and home",
	  { { "home/alice/.local/state/subid/subuid", "web:100000:10\n" },
	    { "home/alice/.local/share/lxc/c1/config", "lxc.idmap = u 0 100005 9\n" } },
	  "u, g",
	  0 },
	{ "a link of an image that would lead out of it",
	  { { "srv/subid/subuid", "alice/web:100000:10\n" },
	    { "var/lib/subid", "->/srv/subid" } },
	  "u 100000:10, g",
	  0 },
	{ "no directory", { { "var/lib/subid", "" } }, "u, g", 0 },
};

static void put_files(int root, const char *const files[3][2])
{
	char path[256];

	for (size_t i = 0; i < 3 && files[i][0] != NULL; i++) {
		(void)snprintf(path, sizeof(path), "%s%s",
			       files[i][0][0] == '/' ? STORE : "", files[i][0]);
		if (files[i][1] == NULL || strncmp(files[i][1], "->", 2) != 0) {
			put_path(root, path, files[i][1]);
			continue;
		}
		put_path(root, path, NULL);
		assert_int_equal(symlinkat(files[i][1] + 2, root, path), 0);
	}
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subid_leased found = { .runtimes.n = 0 };
		const char *file = "";
		char name[16], buf[512];
		int root;

		(void)snprintf(name, sizeof(name), "root%zu", i);
		root = open_new_dir(etc_of(state), name);
		put_files(root, rows[i].files);
		if (subid_leased_read(root, &found, &file) != 0 || file != NULL)
			fail_msg("%s: fails", rows[i].what);
		assert_row(rows[i].what, "what containers have", ids_text(&found, buf),
			   rows[i].ids);
		assert_int_equal(found.runtimes.n_unread, rows[i].unread);
		subid_leased_free(&found);
		assert_int_equal(close(root), 0);
	}
}

/* A store that is there and cannot be read: not known is not nothing. */
static void test_what_cannot_be_read(void **state)
{
	struct subid_leased found = { .runtimes.n = 77 };
	int root = etc_of(state);
	const char *file;
	char path[64];

	put_path(root, "var/lib/", NULL);
	assert_int_equal(symlinkat("subid", root, STORE), 0);
	assert_int_equal(subid_leased_read(root, &found, &file), -ELOOP);
	assert_string_equal(file, SUBID_STATEDIR);
	assert_int_equal(unlinkat(root, STORE, 0), 0);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		(void)snprintf(path, sizeof(path), "%s/%s", STORE,
			       subid_kind_table(kind));
		put_path(root, path, NULL);
		put_dir(root, path);
		assert_int_equal(subid_leased_read(root, &found, &file), -EINVAL);
		assert_string_equal(file + 1, path);
		assert_int_equal(unlinkat(root, path, AT_REMOVEDIR), 0);
		assert_int_equal(symlinkat("elsewhere", root, path), 0);
		assert_int_equal(subid_leased_read(root, &found, &file), -ELOOP);
		assert_string_equal(file + 1, path);
		assert_int_equal(unlinkat(root, path, 0), 0);
	}
	assert_int_equal(found.runtimes.n, 77);
}

static int try_begin(int etc, int root, struct subid_txn **ret, const char **ret_file)
{
	struct subid_txn_options options = {
		.etc = etc, .proc = -1, .leased = root >= 0, .root = root
	};
	struct subid_failure failure;
	int r = subid_txn_begin(&options, ret, &failure);

	*ret_file = failure.file;
	return r;
}

/* A transaction gives none of them, if it is asked to look. */
static void test_txn(void **state)
{
	int root = etc_of(state), etc = open_new_dir(root, "etc");
	struct subid_txn *txn = NULL;
	struct subid_conflict conflict;
	const char *file;

	put_file(etc, "login.defs", SMALL);
	put_file(etc, "passwd", PASSWD);
	put_path(root, "var/lib/subid/subuid", "gone/web:1000000:10\n");
	put_path(root, "var/lib/lxc/c1/config", "lxc.idmap = g 0 1000015 5\n");
	for (int with = 0; with < 2; with++) {
		struct subid_changes changes = { .n = 0 };
		struct subid_owner owner;
		struct grant_request request = { .owner = &owner,
						 .kinds = SUBID_BOTH_KINDS };
		char buf[128];

		assert_int_equal(try_begin(etc, with ? root : -1, &txn, &file), 0);
		assert_null(file);
		assert_int_equal(subid_txn_leased(txn)->runtimes.n, with);
		owner = find_owner(txn, "alice");
		assert_int_equal(subid_txn_explain(txn, SUBID_GID,
						   (struct id_range){ 1000010, 10 },
						   &conflict),
				 with ? 0 : SUBID_ABSENT);
		assert_int_equal(subid_txn_grant(txn, &request, &changes), 0);
		assert_string_equal(changes_text(&changes, buf, sizeof(buf)),
				    with ? "uid 1000020:10, gid 1000020:10"
					 : "uid 1000000:10, gid 1000000:10");
		subid_owner_free(&owner);
		subid_txn_free(&txn);
	}
	assert_int_equal(conflict.what, SUBID_CONFLICT_AVOIDED);
	assert_int_equal(conflict.ids.start, 1000015);
	assert_string_equal(conflict.who, "a container");
	/* not known: no transaction, and no lock is left */
	assert_int_equal(unlinkat(root, "var/lib/subid/subuid", 0), 0);
	assert_int_equal(symlinkat("x", root, "var/lib/subid/subuid"), 0);
	assert_int_equal(try_begin(etc, root, &txn, &file), -ELOOP);
	assert_string_equal(file, SUBID_STATEDIR "/subuid");
	assert_null(txn);
	assert_false(is_there(etc, "subuid.lock"));
	assert_int_equal(close(etc), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_rows),
		scratch_test(test_what_cannot_be_read),
		scratch_test(test_txn),
	};

	return cmocka_run_group_tests_name("taken", tests, NULL, NULL);
}
