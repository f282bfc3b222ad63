/* SPDX-License-Identifier: MIT */
#include "libsubid/policy/policy.h"

#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static int parse(struct subid_conf *conf, const char *text, struct subid_place *place)
{
	*conf = (struct subid_conf){ .n_rules = 0 };
	return subid_conf_parse(conf, "subid.conf", text, strlen(text), NULL, place);
}

static void test_all(void **state)
{
	auto_conf struct subid_conf conf;
	struct subid_place place;

	(void)state;
	assert_int_equal(
	    parse(&conf,
		  "directory ldaps://a ldapi:/// ldap://127.0.0.1:389/ ldap://[::1] # x\n"
		  "base \"ou=sub ids,dc=example\"\nusers ou=people,dc=example\n"
		  "bind simple cn=x,dc=example password /etc/x\n"
		  "tls-ca /etc/ca.pem\ntimeout 600\nlogin directory allocate 5\n"
		  "pool a 100-199 block 10\npool b 200:131072 master ldaps://b\n",
		  &place),
	    0);
	assert_int_equal(conf.directory.n_uris, 4);
	assert_string_equal(conf.directory.uris[2], "ldap://127.0.0.1:389/");
	assert_int_equal(conf.directory.line, 1);
	assert_string_equal(conf.directory.base, "ou=sub ids,dc=example");
	assert_string_equal(conf.directory.users, "ou=people,dc=example");
	assert_int_equal(conf.directory.bind, SUBID_BIND_SIMPLE);
	assert_string_equal(conf.directory.bind_name, "cn=x,dc=example");
	assert_string_equal(conf.directory.bind_file, "/etc/x");
	assert_string_equal(conf.directory.tls_ca, "/etc/ca.pem");
	assert_int_equal(conf.directory.timeout_s, 600);
	assert_true(conf.directory.login && conf.directory.login_allocates);
	assert_int_equal(conf.directory.login_s, 5);
	assert_int_equal(conf.n_pools, 2);
	assert_string_equal(conf.pools[0].name, "a");
	assert_int_equal(conf.pools[0].range.count, 100);
	assert_int_equal(conf.pools[0].block, 10);
	assert_null(conf.pools[0].master);
	assert_int_equal(conf.pools[1].block, 65536);
	assert_string_equal(conf.pools[1].master, "ldaps://b");
}

static void test_binds(void **state)
{
	static const struct {
		const char *text;
		enum subid_conf_bind bind;
		const char *name, *file;
	} cases[] = {
		{ "bind external", SUBID_BIND_EXTERNAL, NULL, NULL },
		{ "bind gssapi keytab /k", SUBID_BIND_GSSAPI, NULL, "/k" },
		{ "bind gssapi host/x@E keytab /k", SUBID_BIND_GSSAPI, "host/x@E", "/k" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		auto_conf struct subid_conf conf;
		struct subid_place place;

		assert_int_equal(parse(&conf, cases[i].text, &place), 0);
		assert_int_equal(conf.directory.bind, cases[i].bind);
		if (cases[i].name != NULL)
			assert_string_equal(conf.directory.bind_name, cases[i].name);
		else
			assert_null(conf.directory.bind_name);
		if (cases[i].file != NULL)
			assert_string_equal(conf.directory.bind_file, cases[i].file);
	}
}

static void test_wrong(void **state)
{
	static const struct {
		const char *text, *key, *why;
	} cases[] = {
		{ "directory", "directory", "needs an address, ldaps://HOST" },
		{ "directory ldap://host", "ldap://host",
		  "is not encrypted: write ldaps://" },
		{ "directory ldap://", "ldap://", "is not encrypted: write ldaps://" },
		{ "directory ldap://localhost.evil.org", "ldap://localhost.evil.org",
		  "is not encrypted: write ldaps://" },
		{ "directory ldap://127.0.0.1.evil.org", "ldap://127.0.0.1.evil.org",
		  "is not encrypted: write ldaps://" },
		{ "directory ldap://127.0.0.1@evil", "ldap://127.0.0.1@evil",
		  "is not encrypted: write ldaps://" },
		{ "directory LDAP://host", "LDAP://host",
		  "is not an ldaps:// or ldapi:// address" },
		{ "directory http://host", "http://host",
		  "is not an ldaps:// or ldapi:// address" },
		{ "directory ldaps://", "ldaps://", "names no host" },
		{ "directory ldapi:///\ndirectory ldapi:///", "directory",
		  "is said twice" },
		{ "directory ldaps://1 ldaps://2 ldaps://3 ldaps://4 ldaps://5 ldaps://6"
		  " ldaps://7 ldaps://8 ldaps://9",
		  "the line", "names more than 8 addresses" },
		{ "base", "base",
		  "needs the DN below which the directory has the ranges" },
		{ "base \"\"", "base",
		  "needs the DN below which the directory has the ranges" },
		{ "base a b", "b", "is not expected here" },
		{ "base a\nbase b", "base", "is said twice" },
		{ "users", "users",
		  "needs the DN below which the directory has accounts" },
		{ "bind", "bind",
		  "needs 'external', 'gssapi keytab FILE' or 'simple DN password FILE'" },
		{ "bind anonymous", "bind",
		  "needs 'external', 'gssapi keytab FILE' or 'simple DN password FILE'" },
		{ "bind external x", "x", "is not expected here" },
		{ "bind external\nbind external", "bind", "is said twice" },
		{ "bind simple x", "x", "needs 'password FILE'" },
		{ "bind simple x password", "password", "needs a file" },
		{ "bind simple x password y", "y", "is not an absolute path" },
		{ "bind gssapi", "gssapi", "needs 'keytab FILE'" },
		{ "bind gssapi x y", "x", "needs 'keytab FILE'" },
		{ "tls-ca x", "x", "is not an absolute path" },
		{ "timeout 0", "0", "is not a number of seconds from 1 to 600" },
		{ "timeout 601", "601", "is not a number of seconds from 1 to 600" },
		{ "timeout", "timeout", "is not a number of seconds from 1 to 600" },
		{ "timeout 1\ntimeout 1", "timeout", "is said twice" },
		{ "login", "login", "needs 'directory'" },
		{ "login directory x", "x", "is not a number of seconds from 1 to 600" },
		{ "login directory 1 1", "1", "is not expected here" },
		{ "login directory\nlogin directory", "login", "is said twice" },
		{ "pool", "pool", "needs a name and a range" },
		{ "pool a", "a", "needs a range, FIRST-LAST" },
		{ "pool a,b 0-65535", "a,b",
		  "is not a valid pool name (letters, digits, '-' and '_')" },
		{ "pool a 0-65536", "a", "is not a number of whole blocks" },
		{ "pool a 0-9 block 0", "0", "is not a number from 1 to 4294967295" },
		{ "pool a 0-9 block 3", "a", "is not a number of whole blocks" },
		{ "pool a 0-9 block 5 master ldap://x", "ldap://x",
		  "is not encrypted: write ldaps://" },
		{ "pool a 0-9 block 5 master", "master", "needs an address" },
		{ "pool a 0-9 block 5\npool a 10-19 block 5", "a",
		  "is the name of another pool" },
		{ "pool a 0-9 block 5\npool b 5-14 block 5", "b",
		  "has ids of another pool" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		auto_conf struct subid_conf conf;
		struct subid_place place = { .line = 0 };

		if (parse(&conf, cases[i].text, &place) != SUBID_INVALID)
			fail_msg("taken: %s", cases[i].text);
		assert_string_equal(place.key, cases[i].key);
		assert_string_equal(place.why, cases[i].why);
	}
}

/* A pool is a window of the site's, and nothing else gives from it. */
static void test_reservations(void **state)
{
	auto_conf struct subid_conf conf;
	struct subid_reservations reservations;
	struct subid_place place;

	(void)state;
	assert_int_equal(parse(&conf, "pool a 1000000000-1000065535", &place), 0);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct id_range inside = { 1000000000, 1 },
				      below = { 999999999, 1 };

		assert_int_equal(subid_reservations_list(&subid_policy_default, &conf,
							 kind, &reservations),
				 0);
		assert_true(subid_set_meets(&reservations.pools, inside, NULL));
		assert_false(subid_set_meets(&reservations.pools, below, NULL));
		assert_false(subid_set_meets(&reservations.never, inside, NULL));
		assert_false(subid_set_meets(&reservations.conventional, inside, NULL));
		assert_true(subid_set_meets(&reservations.conventional, below, NULL));
		subid_reservations_free(&reservations);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_binds),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_reservations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
