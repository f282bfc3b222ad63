/* SPDX-License-Identifier: MIT */
#include "libsubid/policy/policy.h"

#include "support.h"

#define ARRAY(a)      (sizeof(a) / sizeof((a)[0]))
#define TEXT(literal) (literal), sizeof(literal) - 1
#define LAST	      4294967294U

static int parse(struct subid_conf *conf, const char *text, size_t size,
		 struct subid_place *place)
{
	*conf = (struct subid_conf){ .n_rules = 0 };
	*place = (struct subid_place){ .line = 77 };
	return subid_conf_parse(conf, "subid.conf", text, size, NULL, place);
}

/* Texts of one rule, and what it says. */
static const struct {
	const char *text;
	size_t size;
	struct subid_conf_rule want;
} rules[] = {
#define GIVE  .verb = SUBID_CONF_GIVE
#define NEVER .verb = SUBID_CONF_NEVER
	{ TEXT("give user alice\n"),
	  { GIVE, SUBID_CONF_USER, "alice", .reason = "", .line = 1 } },
	{ TEXT("give user alice"),
	  { GIVE, SUBID_CONF_USER, "alice", .reason = "", .line = 1 } },
	{ TEXT("\t give\t user  alice \r\n"),
	  { GIVE, SUBID_CONF_USER, "alice", .reason = "", .line = 1 } },
	{ TEXT("# x\n\n   # give user bob\n\r\ngive user alice # and no other\n#"),
	  { GIVE, SUBID_CONF_USER, "alice", .reason = "", .line = 5 } },
	{ TEXT("give user *-svc?\n"),
	  { GIVE, SUBID_CONF_USER, "*-svc?", .reason = "", .line = 1 } },
	{ TEXT("give user a#b\n"),
	  { GIVE, SUBID_CONF_USER, "a#b", .reason = "", .line = 1 } },
	{ TEXT("give user EX\\alice\n"),
	  { GIVE, SUBID_CONF_USER, "EX\\alice", .reason = "", .line = 1 } },
	{ TEXT("give user \"EX\\\\the \\\"boss\\\"\"\n"),
	  { GIVE, SUBID_CONF_USER, "EX\\the \"boss\"", .reason = "", .line = 1 } },
	{ TEXT("give user j\xc3\xb6rg count 7\n"),
	  { GIVE, SUBID_CONF_USER, "j\xc3\xb6rg", .count = 7, .reason = "", .line = 1 } },
	{ TEXT("give user alice count 131072 window 200000000-300000000 \"big \\\\\"\n"),
	  { GIVE, SUBID_CONF_USER, "alice", .count = 131072,
	    .window = { 200000000, 100000001 }, .reason = "big \\", .line = 1 } },
	{ TEXT("give user alice window 5:5 count 5\n"),
	  { GIVE, SUBID_CONF_USER, "alice", .count = 5, .window = { 5, 5 }, .reason = "",
	    .line = 1 } },
	{ TEXT("give everyone count 4294967295 window 0-4294967294\n"),
	  { GIVE, SUBID_CONF_EVERYONE, "", .count = 4294967295U,
	    .window = { 0, 4294967295U }, .reason = "", .line = 1 } },
	{ TEXT("give user 1000\n"),
	  { GIVE, SUBID_CONF_UIDS, "1000", .uids = { 1000, 1 }, .reason = "",
	    .line = 1 } },
	{ TEXT("never user 1000-1999 \"\"\n"),
	  { NEVER, SUBID_CONF_UIDS, "1000-1999", .uids = { 1000, 1000 }, .reason = "",
	    .line = 1 } },
	{ TEXT("give user 0-4294967294\n"),
	  { GIVE, SUBID_CONF_UIDS, "0-4294967294", .uids = { 0, 4294967295U },
	    .reason = "", .line = 1 } },
	{ TEXT("give user 4294967294\n"),
	  { GIVE, SUBID_CONF_UIDS, "4294967294", .uids = { LAST, 1 }, .reason = "",
	    .line = 1 } },
	/* names, not numbers */
	{ TEXT("give user 4294967295\n"),
	  { GIVE, SUBID_CONF_USER, "4294967295", .reason = "", .line = 1 } },
	{ TEXT("give user \"1000-1999\"\n"),
	  { GIVE, SUBID_CONF_USER, "1000-1999", .reason = "", .line = 1 } },
	{ TEXT("give user 1000foo\n"),
	  { GIVE, SUBID_CONF_USER, "1000foo", .reason = "", .line = 1 } },
	{ TEXT("give user 9-1\n"),
	  { GIVE, SUBID_CONF_USER, "9-1", .reason = "", .line = 1 } },
	{ TEXT("give user everyone\n"),
	  { GIVE, SUBID_CONF_USER, "everyone", .reason = "", .line = 1 } },
	{ TEXT("give group count count 5\n"),
	  { GIVE, SUBID_CONF_GROUP, "count", .count = 5, .reason = "", .line = 1 } },
	{ TEXT("give group 5000\n"),
	  { GIVE, SUBID_CONF_GROUP, "5000", .reason = "", .line = 1 } },
	{ TEXT("never group \"domain users\" \"no # containers\"#x\n"),
	  { NEVER, SUBID_CONF_GROUP, "domain users", .reason = "no # containers",
	    .line = 1 } },
	{ TEXT("never everyone"),
	  { NEVER, SUBID_CONF_EVERYONE, "", .reason = "", .line = 1 } },
};

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(rules); i++) {
		const struct subid_conf_rule *want = &rules[i].want, *got;
		auto_conf struct subid_conf conf;
		struct subid_place place;

		if (parse(&conf, rules[i].text, rules[i].size, &place) != 0)
			fail_msg("\"%s\": %s %s", rules[i].text, place.key, place.why);
		assert_int_equal(conf.n_rules, 1);
		assert_int_equal(conf.n_reserved + conf.n_accepted, 0);
		got = &conf.rules[0];
		if (got->verb != want->verb || got->whom != want->whom ||
		    strcmp(got->name, want->name) != 0 ||
		    strcmp(got->reason, want->reason) != 0 || got->line != want->line ||
		    got->count != want->count || !id_range_equal(got->uids, want->uids) ||
		    !id_range_equal(got->window, want->window))
			fail_msg("case %zu: \"%s\" is '%s' \"%s\" in line %zu", i,
				 rules[i].text, got->name, got->reason, got->line);
		assert_string_equal(got->file, "subid.conf");
		assert_int_equal(place.line, 77);
	}
}

static void test_reserve(void **state)
{
	static const char text[] = "reserve 700000-799999 \"NFS server\"\n"
				   "reserve uid 5:1\n"
				   "reserve gid 0-4294967294 # all\n";
	auto_conf struct subid_conf conf;
	struct subid_place place;

	(void)state;
	assert_int_equal(parse(&conf, TEXT(text), &place), 0);
	assert_int_equal(conf.n_reserved, 3);
	assert_int_equal(conf.reserved[0].kinds, 3);
	assert_int_equal(conf.reserved[0].range.start, 700000);
	assert_int_equal(conf.reserved[0].range.count, 100000);
	assert_string_equal(conf.reserved[0].reason, "NFS server");
	assert_string_equal(conf.reserved[0].file, "subid.conf");
	assert_int_equal(conf.reserved[0].line, 1);
	assert_int_equal(conf.reserved[1].kinds, 1U << SUBID_UID);
	assert_int_equal(conf.reserved[1].range.start, 5);
	assert_string_equal(conf.reserved[1].reason, "");
	assert_int_equal(conf.reserved[2].kinds, 1U << SUBID_GID);
	assert_int_equal(conf.reserved[2].range.count, 4294967295U);
	assert_int_equal(conf.reserved[2].line, 3);
}

static void test_allow(void **state)
{
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	static const char text[] = "allow conventional-ids\n\n"
				   "allow \"conventional-ids:domain users\" \"no IPA\"\n";
	const struct subid_owner_name any = { "x", 1 };
	struct subid_place place;

	(void)state;
	assert_int_equal(parse(&conf, TEXT(text), &place), 0);
	assert_int_equal(conf.n_allowed, 2);
	assert_null(conf.allowed[0].owner);
	assert_string_equal(conf.allowed[0].reason, "");
	assert_string_equal(conf.allowed[1].owner, "domain users");
	assert_string_equal(conf.allowed[1].reason, "no IPA");
	assert_int_equal(conf.allowed[1].line, 3);
	assert_true(subid_conf_allows_conventional(&conf, &any));
	assert_false(subid_conf_allows_conventional(NULL, &any));
}

static void test_accept(void **state)
{
	static const char text[] = "\naccept weak-owner:_lxd \"lxd's own account\"\n"
				   "accept overlap-2\n"
				   "accept \"odd-line:domain users\" \"\"\n"
				   "accept odd-line:b\n"
				   "accept odd-line:a:b\n";
	static const struct subid_acceptance want[] = {
		{ "weak-owner", "_lxd", "lxd's own account", "subid.conf", 2 },
		{ "overlap-2", NULL, "", "subid.conf", 3 },
		{ "odd-line", "domain users", "", "subid.conf", 4 },
		{ "odd-line", "b", "", "subid.conf", 5 },
	};
	auto_conf struct subid_conf conf;
	struct subid_place place;

	(void)state;
	/* no owner has a ':' */
	assert_int_equal(parse(&conf, TEXT(text), &place), SUBID_INVALID);
	assert_int_equal(place.line, 6);
	subid_conf_free(&conf);
	assert_int_equal(
	    parse(&conf, text, strlen(text) - strlen("accept odd-line:a:b\n"), &place),
	    0);
	assert_int_equal(conf.n_accepted, ARRAY(want));
	for (size_t i = 0; i < ARRAY(want); i++) {
		const struct subid_acceptance *got = &conf.accepted[i];

		assert_string_equal(got->rule, want[i].rule);
		assert_true((got->owner == NULL) == (want[i].owner == NULL));
		if (want[i].owner != NULL)
			assert_string_equal(got->owner, want[i].owner);
		assert_string_equal(got->reason, want[i].reason);
		assert_string_equal(got->file, want[i].file);
		assert_int_equal(got->line, want[i].line);
	}
}

/* What is wrong: the line, and the word that is named. */
static const struct {
	const char *text;
	size_t size;
	size_t line;
	const char *key;
} invalid[] = {
	{ TEXT("gibe user alice\n"), 1, "gibe" },
	{ TEXT("Give user alice\n"), 1, "Give" },
	{ TEXT("\"give\" user alice\n"), 1, "give" },
	{ TEXT("give:user alice\n"), 1, "give:user" },
	{ TEXT("\xef\xbb\xbfgive everyone\n"), 1, "???give" },
	{ TEXT("\n# x\ngive\n"), 3, "give" },
	{ TEXT("give everybody\n"), 1, "everybody" },
	{ TEXT("give alice\n"), 1, "alice" },
	{ TEXT("give user\n"), 1, "user" },
	{ TEXT("give group # x\n"), 1, "group" },
	{ TEXT("give \"everyone\"\n"), 1, "give" },
	{ TEXT("give user \"\"\n"), 1, "\"\"" },
	{ TEXT("give user a:b\n"), 1, "a:b" },
	{ TEXT("give user 1:1\n"), 1, "1:1" },
	{ TEXT("give user \" a\"\n"), 1, " a" },
	{ TEXT("give group stud*\n"), 1, "stud*" },
	{ TEXT("give group a:b\n"), 1, "a:b" },
	{ TEXT("give user alice bob\n"), 1, "bob" },
	{ TEXT("give everyone why not\n"), 1, "why" },
	{ TEXT("give user a count\n"), 1, "count" },
	{ TEXT("give user a count x\n"), 1, "x" },
	{ TEXT("give user a count 0\n"), 1, "0" },
	{ TEXT("give user a count -1\n"), 1, "-1" },
	{ TEXT("give user a count 010\n"), 1, "010" },
	{ TEXT("give user a count 4294967296\n"), 1, "4294967296" },
	{ TEXT("give user a count \"5\"\n"), 1, "count" },
	{ TEXT("give user a count 5 count 5\n"), 1, "count" },
	{ TEXT("give user a window 5-6 window 5-6\n"), 1, "window" },
	{ TEXT("give user a window\n"), 1, "window" },
	{ TEXT("give user a window 9-5\n"), 1, "9-5" },
	{ TEXT("give user a window 5-4294967295\n"), 1, "5-4294967295" },
	{ TEXT("give user a window 5:5 count 6\n"), 1, "the window" },
	{ TEXT("give user a \"why\" count 5\n"), 1, "count" },
	{ TEXT("give user a \"why\" \"not\"\n"), 1, "not" },
	{ TEXT("never user a count 5\n"), 1, "count" },
	{ TEXT("never everyone no\n"), 1, "no" },
	{ TEXT("reserve\n"), 1, "reserve" },
	{ TEXT("reserve uid\n"), 1, "uid" },
	{ TEXT("reserve uid gid 5-6\n"), 1, "gid" },
	{ TEXT("reserve 5\n"), 1, "5" },
	{ TEXT("reserve 5:0\n"), 1, "5:0" },
	{ TEXT("reserve 5-6 x\n"), 1, "x" },
	{ TEXT("allow\n"), 1, "allow" },
	{ TEXT("allow all\n"), 1, "all" },
	{ TEXT("allow conventional-ids:\n"), 1, "conventional-ids:" },
	{ TEXT("allow conventional-ids bob\n"), 1, "bob" },
	{ TEXT("accept\n"), 1, "accept" },
	{ TEXT("accept Weak\n"), 1, "Weak" },
	{ TEXT("accept :bob\n"), 1, "\"\"" },
	{ TEXT("accept weak:\n"), 1, "weak:" },
	{ TEXT("accept weak bob\n"), 1, "bob" },
	{ TEXT("give user \"alice\n\"\n"), 1, "a quote" },
	{ TEXT("give user \"alice\\\"\n"), 1, "a quote" },
	{ TEXT("give user \"alice\\"), 1, "a quote" },
	{ TEXT("give user a\"b\"\n"), 1, "a quote" },
	{ TEXT("give user \"a\"b\n"), 1, "a quote" },
	{ TEXT("give everyone\ngive user \0alice\n"), 2, "the line" },
	{ TEXT("# \033[2J\n"), 1, "the line" },
	{ TEXT("give user \x7f\n"), 1, "the line" },
	{ TEXT("a b c d e f g h i j k l m n o p q\n"), 1, "the line" },
	{ TEXT("~a user alice\n"), 1, "~a" },
	{ TEXT("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"), 1,
	  "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg" },
	{ TEXT("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg"), 1,
	  "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg" },
	{ TEXT("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggg"), 1,
	  "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg" },
};

static void test_invalid(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(invalid); i++) {
		auto_conf struct subid_conf conf;
		struct subid_place place;
		int r = parse(&conf, invalid[i].text, invalid[i].size, &place);

		if (r != SUBID_INVALID || place.line != invalid[i].line ||
		    strcmp(place.key, invalid[i].key) != 0 || place.why == NULL)
			fail_msg("\"%s\": answer %d, line %zu, '%s'", invalid[i].text, r,
				 place.line, place.key);
	}
}

/* Sixteen words are not too many, and the size counts, not what lies behind. */
static void test_edges(void **state)
{
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	struct subid_place place;

	(void)state;
	assert_int_equal(parse(&conf, TEXT("a b c d e f g h i j k l m n o p\n"), &place),
			 SUBID_INVALID);
	assert_string_equal(place.key, "a");
	subid_conf_free(&conf);
	assert_int_equal(parse(&conf, "give user alicex", 15, &place), 0);
	assert_string_equal(conf.rules[0].name, "alice");
	subid_conf_free(&conf);
	assert_int_equal(parse(&conf, NULL, 0, &place), 0);
	assert_int_equal(conf.n_rules, 0);
	/* a second text comes behind */
	subid_conf_free(&conf);
	assert_int_equal(parse(&conf, TEXT("give user a\naccept x\n"), &place), 0);
	assert_int_equal(
	    subid_conf_parse(&conf, "y", TEXT("\nnever user b\n"), NULL, &place), 0);
	assert_int_equal(conf.n_rules, 2);
	assert_int_equal(conf.n_accepted, 1);
	assert_string_equal(conf.rules[1].file, "y");
	assert_int_equal(conf.rules[1].line, 2);
}

#define SOURCE(etc_, vendor_, follow_)                                                   \
	((struct subid_conf_source){                                                     \
	    .etc = (etc_), .vendor = (vendor_), .follow = (follow_) })

/* Which files count: rules name their user after the file they are in. */
static void assert_loads(int etc, const char *vendor, const char *users)
{
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	struct subid_conf_place place = { .file = "?" };
	char got[256] = "";

	if (subid_conf_load(&SOURCE(etc, vendor, true), NULL, &conf, &place) != 0)
		fail_msg("%s:%zu: %s %s", place.file, place.place.line, place.place.key,
			 place.place.why);
	for (size_t i = 0; i < conf.n_rules; i++) {
		(void)strcat(got, i > 0 ? " " : "");
		(void)strcat(got, conf.rules[i].name);
	}
	assert_string_equal(got, users);
	assert_string_equal(place.file, "?");
}

static void test_load(void **state)
{
	const struct scratch *scratch = *state;
	int etc = etc_of(state), dir;
	char vendor[64];

	(void)snprintf(vendor, sizeof(vendor), "%s/vendor", scratch->path);
	assert_loads(etc, NULL, "");
	assert_loads(etc, vendor, "");
	put_dir(etc, "vendor");
	assert_loads(etc, vendor, "");
	put_file(etc, "vendor/subid.conf", "give user vendor\n");
	assert_loads(etc, vendor, "vendor");
	assert_loads(etc, NULL, "");
	/* drop-ins in the order of their bytes, which no locale changes */
	put_dir(etc, "subid.conf.d");
	dir = openat(etc, "subid.conf.d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put_file(dir, "b.conf", "give user b\n");
	put_file(dir, "a.conf", "give user a\n");
	put_file(dir, "Z.conf", "give user Z\n");
	put_file(dir, "10.conf", "give user ten\n");
	put_file(dir, "9.conf", "give user nine\n");
	put_file(dir, ".hidden.conf", "nonsense\n");
	put_file(dir, "a.conf~", "nonsense\n");
	put_file(dir, "a.conf.dpkg-new", "nonsense\n");
	put_file(dir, ".conf", "nonsense\n");
	put_file(dir, "README", "nonsense\n");
	(void)close(dir);
	assert_loads(etc, vendor, "vendor ten nine Z a b");
	/* the site's own file instead of the vendor's, also when it says nothing */
	put_file(etc, "subid.conf", "give user site\n");
	assert_loads(etc, vendor, "site ten nine Z a b");
	put_file(etc, "subid.conf", "");
	assert_loads(etc, vendor, "ten nine Z a b");
}

static void assert_fails(int etc, const char *vendor, bool follow, int answer,
			 const char *file, size_t line)
{
	struct subid_conf conf = { .n_rules = 77 };
	struct subid_conf_place place = { .file = "?" };

	assert_int_equal(
	    subid_conf_load(&SOURCE(etc, vendor, follow), NULL, &conf, &place), answer);
	assert_int_equal(conf.n_rules, 77);
	assert_string_equal(place.file, file);
	assert_int_equal(place.place.line, line);
}

static void test_load_fails(void **state)
{
	const struct scratch *scratch = *state;
	int etc = etc_of(state), fd;
	char vendor[64], file[80];

	(void)snprintf(vendor, sizeof(vendor), "%s/vendor", scratch->path);
	(void)snprintf(file, sizeof(file), "%s/subid.conf", vendor);
	put_dir(etc, "vendor");
	put_file(etc, "vendor/subid.conf", "\ngrant everyone\n");
	assert_fails(etc, vendor, true, SUBID_INVALID, file, 2);
	put_dir(etc, "subid.conf.d");
	put_file(etc, "subid.conf.d/x.conf", "\n\nreserve all\n");
	assert_fails(etc, NULL, true, SUBID_INVALID, "subid.conf.d/x.conf", 3);
	put_file(etc, "real", "give everyone\n");
	assert_int_equal(symlinkat("real", etc, "subid.conf"), 0);
	assert_fails(etc, vendor, false, -ELOOP, "subid.conf", 0);
	assert_int_equal(unlinkat(etc, "real", 0), 0);
	assert_fails(etc, vendor, true, -ENOLINK, "subid.conf", 0);
	assert_int_equal(unlinkat(etc, "subid.conf", 0), 0);
	assert_int_equal(unlinkat(etc, "subid.conf.d/x.conf", 0), 0);
	assert_int_equal(symlinkat("real", etc, "subid.conf.d/x.conf"), 0);
	assert_fails(etc, NULL, true, -ENOLINK, "subid.conf.d/x.conf", 0);
	assert_int_equal(unlinkat(etc, "subid.conf.d/x.conf", 0), 0);
	assert_int_equal(renameat(etc, "subid.conf.d", etc, "kept.d"), 0);
	assert_int_equal(symlinkat("real", etc, "subid.conf.d"), 0);
	assert_fails(etc, NULL, true, -ENOLINK, "subid.conf.d", 0);
	assert_int_equal(unlinkat(etc, "subid.conf.d", 0), 0);
	assert_int_equal(renameat(etc, "kept.d", etc, "subid.conf.d"), 0);
	put_dir(etc, "subid.conf");
	assert_fails(etc, vendor, true, -EINVAL, "subid.conf", 0);
	assert_int_equal(unlinkat(etc, "subid.conf", AT_REMOVEDIR), 0);
	/* just as much as is read, and one byte more */
	fd = openat(etc, "subid.conf.d/x.conf", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		    0600);
	assert_int_equal(ftruncate(fd, SUBID_CONF_SIZE_MAX), 0);
	assert_fails(etc, NULL, true, SUBID_INVALID, "subid.conf.d/x.conf", 1);
	assert_int_equal(ftruncate(fd, SUBID_CONF_SIZE_MAX + 1), 0);
	assert_fails(etc, NULL, true, SUBID_INVALID, "subid.conf.d/x.conf", 0);
	(void)close(fd);
	assert_int_equal(unlinkat(etc, "subid.conf.d/x.conf", 0), 0);
	assert_int_equal(unlinkat(etc, "subid.conf.d", AT_REMOVEDIR), 0);
	put_file(etc, "subid.conf.d", "");
	assert_fails(etc, NULL, true, -ENOTDIR, "subid.conf.d", 0);
}

/* What subid_conf_load() reported: "FILE:LINE KEY, ...". */
struct told {
	char text[1024];
	int answer;
};

static int tell(void *data, const struct subid_conf_place *place)
{
	struct told *told = data;
	size_t len = strlen(told->text);

	(void)snprintf(told->text + len, sizeof(told->text) - len, "%s%s:%zu %s",
		       len > 0 ? ", " : "", place->file, place->place.line,
		       place->place.key);
	return told->answer;
}

/* All that is wrong, and what is right between it; or until the caller has enough. */
static void test_check(void **state)
{
	int etc = etc_of(state);
	struct told told = { .answer = 0 };
	struct subid_conf_reporter reporter = { tell, &told };
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	struct subid_conf_place place;

	put_file(etc, "subid.conf", "give x\ngive user a\n\nreserve\nnever user b");
	put_dir(etc, "subid.conf.d");
	put_file(etc, "subid.conf.d/1.conf", "accept A\naccept b\n");
	assert_int_equal(
	    subid_conf_load(&SOURCE(etc, NULL, true), &reporter, &conf, &place), 0);
	assert_string_equal(told.text, "subid.conf:1 x, subid.conf:4 reserve,"
				       " subid.conf.d/1.conf:1 A");
	assert_int_equal(conf.n_rules, 2);
	assert_int_equal(conf.n_reserved, 0);
	assert_int_equal(conf.n_accepted, 1);
	subid_conf_free(&conf);
	told = (struct told){ .answer = -ECANCELED };
	assert_int_equal(
	    subid_conf_load(&SOURCE(etc, NULL, true), &reporter, &conf, &place),
	    -ECANCELED);
	assert_string_equal(told.text, "subid.conf:1 x");
	/* nothing wrong: nobody is told */
	told = (struct told){ .answer = 0 };
	put_file(etc, "subid.conf", "give user a\n");
	put_file(etc, "subid.conf.d/1.conf", "");
	assert_int_equal(
	    subid_conf_load(&SOURCE(etc, NULL, true), &reporter, &conf, &place), 0);
	assert_string_equal(told.text, "");
}

static void test_load_file(void **state)
{
	const struct scratch *scratch = *state;
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	struct subid_conf_place place = { .file = "?" };
	char path[64];
	const struct subid_conf_source alone = { .path = path, .etc = scratch->fd };

	(void)snprintf(path, sizeof(path), "%s/x", scratch->path);
	assert_int_equal(subid_conf_load(&alone, NULL, &conf, &place), -ENOENT);
	assert_string_equal(place.file, path);
	put_file(scratch->fd, "x", "give user a\n");
	/* alone */
	put_file(scratch->fd, "subid.conf", "give user b\n");
	assert_int_equal(subid_conf_load(&alone, NULL, &conf, &place), 0);
	assert_int_equal(conf.n_rules, 1);
	assert_string_equal(conf.rules[0].file, path);
	put_file(scratch->fd, "x", "\ngive\n");
	subid_conf_free(&conf);
	assert_int_equal(subid_conf_load(&alone, NULL, &conf, &place), SUBID_INVALID);
	assert_int_equal(place.place.line, 2);
}

static void test_many_drop_ins(void **state)
{
	int etc = etc_of(state);
	char name[64];

	put_dir(etc, "subid.conf.d");
	for (int i = 0; i < SUBID_CONF_FILES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "subid.conf.d/%d.conf", i);
		put_file(etc, name, "");
	}
	assert_loads(etc, NULL, "");
	put_file(etc, "subid.conf.d/x.conf", "");
	assert_fails(etc, NULL, true, SUBID_INVALID, "subid.conf.d", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),	  cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_allow),	  cmocka_unit_test(test_accept),
		cmocka_unit_test(test_invalid),	  cmocka_unit_test(test_edges),
		scratch_test(test_load),	  scratch_test(test_load_fails),
		scratch_test(test_many_drop_ins), scratch_test(test_check),
		scratch_test(test_load_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
