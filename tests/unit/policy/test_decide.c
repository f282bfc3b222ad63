/* SPDX-License-Identifier: MIT */
#include "libsubid/policy/policy.h"

#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

/* Owners: the names of a uid, and -1 for none. */
struct person {
	const char *names[3];
	int64_t uid;
	const char *groups; /* ",a,b," */
};

static const struct person alice = { { "alice" }, 1000, ",students," };
static const struct person boss = { { "boss", "al" }, 1001, "," };
static const struct person root = { { "root" }, 0, ",students," };
static const struct person mailer = { { "mailer" }, 1, "," };
static const struct person last = { { "last" }, 60000, "," };
static const struct person beyond = { { "beyond" }, 60001, "," };
static const struct person containers = { { "containers" }, -1, "," };
static const struct person number = { { "4242" }, -1, "," };
static const struct person latin = { { "j\xf6rg" }, 1002, "," };

#define GIVE  SUBID_VERDICT_GIVE
#define NONE  SUBID_VERDICT_NONE
#define NEVER SUBID_VERDICT_NEVER

static const struct {
	const char *conf;
	const struct person *who;
	enum subid_verdict verdict;
	size_t line; /* of the rule; 0: none */
} rows[] = {
	/* login.defs alone */
	{ "", &alice, GIVE, 0 },
	{ "", &last, GIVE, 0 },
	{ "", &beyond, NONE, 0 },
	{ "", &mailer, NONE, 0 },
	{ "", &root, NONE, 0 },
	{ "", &containers, NONE, 0 },
	{ "accept x\nreserve 5-6\n", &alice, GIVE, 0 },
	/* who is left out by a rule, and who is not */
	{ "never user bob\n", &alice, GIVE, 0 },
	{ "never user alice\n", &alice, NEVER, 1 },
	{ "give user bob\n", &alice, NONE, 0 },
	{ "give user bob\ngive everyone\n", &alice, GIVE, 2 },
	/* the first that fits */
	{ "never user alice\ngive user alice\n", &alice, NEVER, 1 },
	{ "give user alice\nnever user alice\n", &alice, GIVE, 1 },
	{ "give user bob\nnever user carl\ngive user alice\n", &alice, GIVE, 3 },
	/* everyone: people only */
	{ "give everyone\n", &last, GIVE, 1 },
	{ "give everyone\n", &beyond, NONE, 0 },
	{ "give everyone\n", &root, NONE, 0 },
	{ "never everyone\n", &alice, NEVER, 1 },
	{ "never everyone\n", &mailer, NONE, 0 },
	{ "never everyone\n", &containers, NONE, 0 },
	/* names that begin alike, patterns among them */
	{ "never user alic\nnever user alicea\ngive user alice\n", &alice, GIVE, 3 },
	{ "never user alic\nnever user alicea\n", &alice, GIVE, 0 },
	{ "give user bob\nnever user al*\ngive user alice\n", &alice, NEVER, 2 },
	{ "give user alice\nnever user al*\nnever user alice\n", &alice, GIVE, 1 },
	{ "never user boss\ngive user al\n", &boss, NEVER, 1 },
	{ "give user al\nnever user boss\n", &boss, GIVE, 1 },
	{ "never group students\ngive user alice\n", &alice, NEVER, 1 },
	{ "give user 1000\nnever user alice\n", &alice, GIVE, 1 },
	/* by name, also beyond people */
	{ "give user mailer\n", &mailer, GIVE, 1 },
	{ "give user containers\n", &containers, GIVE, 1 },
	{ "never user ALICE\n", &alice, GIVE, 0 },
	{ "never user alic\n", &alice, GIVE, 0 },
	{ "never user alicex\n", &alice, GIVE, 0 },
	/* another name of the uid is no way around */
	{ "never user al\n", &boss, NEVER, 1 },
	{ "never user boss\n", &boss, NEVER, 1 },
	{ "never user 1001\n", &boss, NEVER, 1 },
	/* but the uid in decimal is no name */
	{ "never user 10*\n", &boss, GIVE, 0 },
	{ "never user \"1001\"\n", &boss, GIVE, 0 },
	/* patterns */
	{ "never user *\n", &alice, NEVER, 1 },
	{ "never user *\n", &latin, NEVER, 1 },
	{ "never user j?rg\n", &latin, NEVER, 1 },
	{ "never user a*\n", &alice, NEVER, 1 },
	{ "never user *e\n", &alice, NEVER, 1 },
	{ "never user a*e\n", &alice, NEVER, 1 },
	{ "never user *l*c*\n", &alice, NEVER, 1 },
	{ "never user a****e\n", &alice, NEVER, 1 },
	{ "never user alice*\n", &alice, NEVER, 1 },
	{ "never user alice?\n", &alice, GIVE, 0 },
	{ "never user ?????\n", &alice, NEVER, 1 },
	{ "never user ????\n", &alice, GIVE, 0 },
	{ "never user *c?\n", &alice, NEVER, 1 },
	{ "never user *x*\n", &alice, GIVE, 0 },
	{ "never user b*\n", &alice, GIVE, 0 },
	{ "never user *l\n", &alice, GIVE, 0 },
	{ "never user [a]lice\n", &alice, GIVE, 0 },
	/* uids */
	{ "never user 1000\n", &alice, NEVER, 1 },
	{ "never user 1001\n", &alice, GIVE, 0 },
	{ "never user 999-1000\n", &alice, NEVER, 1 },
	{ "never user 1001-2000\n", &alice, GIVE, 0 },
	{ "give user 0\n", &root, GIVE, 1 },
	{ "never user 0\n", &containers, NONE, 0 },
	{ "never user 4242\n", &number, NEVER, 1 },
	{ "never user 4000-5000\n", &number, NEVER, 1 },
	{ "never user 4243\n", &number, NONE, 0 },
	/* groups */
	{ "never group students\n", &alice, NEVER, 1 },
	{ "give group students\n", &alice, GIVE, 1 },
	{ "give group students\n", &boss, NONE, 0 },
	{ "give group students\n", &root, GIVE, 1 },
	{ "give group student\n", &alice, NONE, 0 },
};

static int in_group(void *data, const struct subid_owner *owner, const char *group)
{
	const struct person *person = data;
	char name[64];

	(void)owner;
	(void)snprintf(name, sizeof(name), ",%s,", group);
	if (strcmp(group, "unreachable") == 0)
		return -EIO;
	return strstr(person->groups, name) != NULL ? 0 : SUBID_UNKNOWN;
}

static int decide(const struct subid_conf *conf, const struct subid_policy *policy,
		  const struct person *person, struct subid_decision *ret)
{
	struct subid_owner_name spellings[4];
	struct subid_owner owner = { .spellings = spellings };
	struct subid_candidate candidate = { &owner, in_group, NULL };
	char decimal[16];

	candidate.data = (void *)(uintptr_t)person;
	for (; owner.n < 3 && person->names[owner.n] != NULL; owner.n++)
		spellings[owner.n] =
		    (struct subid_owner_name){ person->names[owner.n],
					       strlen(person->names[owner.n]) };
	if (person->uid >= 0) {
		owner.has_account = true;
		owner.uid = (uint32_t)person->uid;
		(void)snprintf(decimal, sizeof(decimal), "%u", owner.uid);
		spellings[owner.n++] =
		    (struct subid_owner_name){ decimal, strlen(decimal) };
	}
	return subid_conf_decide(conf, policy, &candidate, ret);
}

static struct subid_conf parse(const char *text)
{
	struct subid_conf conf = { .n_rules = 0 };
	struct subid_place place;

	if (subid_conf_parse(&conf, "f", text, strlen(text), NULL, &place) != 0)
		fail_msg("%s: %s %s", text, place.key, place.why);
	return conf;
}

static void test_verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(rows); i++) {
		auto_conf struct subid_conf conf = parse(rows[i].conf);
		struct subid_decision decision;
		size_t line;

		assert_int_equal(
		    decide(&conf, &subid_policy_default, rows[i].who, &decision), 0);
		line = decision.rule == NULL ? 0 : decision.rule->line;
		if (decision.verdict != rows[i].verdict || line != rows[i].line)
			fail_msg("\"%s\", %s: verdict %d by line %zu", rows[i].conf,
				 rows[i].who->names[0], (int)decision.verdict, line);
		/* the same with an index */
		assert_int_equal(subid_conf_index(&conf), 0);
		assert_int_equal(
		    decide(&conf, &subid_policy_default, rows[i].who, &decision), 0);
		line = decision.rule == NULL ? 0 : decision.rule->line;
		if (decision.verdict != rows[i].verdict || line != rows[i].line)
			fail_msg("\"%s\", %s: verdict %d by line %zu of an index",
				 rows[i].conf, rows[i].who->names[0],
				 (int)decision.verdict, line);
	}
}

/* Not being able to find out whether a rule fits is no answer. */
static void test_group_that_cannot_be_asked(void **state)
{
	auto_conf struct subid_conf conf =
	    parse("give user boss\nnever group unreachable\ngive everyone\n");
	struct subid_decision decision = { .verdict = SUBID_VERDICT_NONE };

	(void)state;
	assert_int_equal(decide(&conf, &subid_policy_default, &alice, &decision), -EIO);
	assert_int_equal(decision.verdict, SUBID_VERDICT_NONE);
	/* which is not asked when a rule before it fits */
	assert_int_equal(decide(&conf, &subid_policy_default, &boss, &decision), 0);
	assert_int_equal(decision.verdict, SUBID_VERDICT_GIVE);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *conf;
		struct subid_window uid, gid;
	} cases[] = {
		{ "",
		  { 10, 19, 2, true, true, true, false },
		  { 20, 29, 0, false, false, false, false } },
		{ "give everyone\n",
		  { 10, 19, 2, true, true, true, false },
		  { 20, 29, 0, false, false, false, false } },
		{ "give everyone count 7\n",
		  { 10, 19, 7, true, true, true, false },
		  { 20, 29, 7, false, false, false, false } },
		/* a window of its own has no computed places */
		{ "give everyone window 50-4294967294\n",
		  { 50, 4294967294U, 2, false, true, true, false },
		  { 50, 4294967294U, 0, false, false, false, false } },
		{ "give everyone window 50:1 count 1\n",
		  { 50, 50, 1, false, true, true, false },
		  { 50, 50, 1, false, false, false, false } },
		{ "never everyone\n",
		  { 10, 19, 2, true, true, true, false },
		  { 20, 29, 0, false, false, false, false } },
	};
	struct subid_policy policy = subid_policy_default;

	(void)state;
	policy.window[SUBID_UID] = cases[0].uid;
	policy.window[SUBID_GID] = cases[0].gid;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		auto_conf struct subid_conf conf = parse(cases[i].conf);
		struct subid_decision decision;

		assert_int_equal(decide(&conf, &policy, &alice, &decision), 0);
		if (memcmp(&decision.window[SUBID_UID], &cases[i].uid,
			   sizeof(cases[i].uid)) != 0 ||
		    memcmp(&decision.window[SUBID_GID], &cases[i].gid,
			   sizeof(cases[i].gid)) != 0)
			fail_msg("\"%s\": %u-%u, %u", cases[i].conf,
				 decision.window[SUBID_UID].min,
				 decision.window[SUBID_UID].max,
				 decision.window[SUBID_UID].count);
	}
}

/* As long as fnmatch(3) would take a day for. */
static void test_patterns_take_no_time(void **state)
{
	char name[4096], text[8300] = "never user ";
	struct person person = { { name }, 1000, "," };
	struct subid_decision decision;

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < 2000; i++)
		memcpy(text + 11 + 2 * i, "*a", 2);
	(void)strcpy(text + 11 + 4000, "*b\n");
	auto_conf struct subid_conf conf = parse(text);
	assert_int_equal(decide(&conf, &subid_policy_default, &person, &decision), 0);
	assert_int_equal(decision.verdict, SUBID_VERDICT_GIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_group_that_cannot_be_asked),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_patterns_take_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
