/* SPDX-License-Identifier: MIT */
#include "libsubid/accounts/accounts.h"

#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

/* A local account's home is what its line says; of others the name service is asked. */
static void test_home(void **state)
{
	static const struct {
		uint32_t uid;
		const char *home; /* NULL: nobody knows */
	} cases[] = {
		{ 4000000001U, "/home/a" }, { 4000000002U, "/home/b c" },
		{ 4000000003U, "/h" },	    { 4000000004U, NULL },
		{ 4000000005U, NULL },	    { 4000000006U, NULL },
		{ 4000000007U, NULL },	    { 0, "/root" },
	};
	int etc = etc_of(state);
	auto_users struct subid_users *users = NULL;

	put_file(etc, "passwd",
		 "a:x:4000000001:1:,,:/home/a:/bin/sh\n"
		 "b:x:4000000002:1::/home/b c:\n"
		 "a2:x:4000000001:1::/home/second:/bin/sh\n"
		 "none:x:4000000004:1:::/bin/sh\n"
		 "relative:x:4000000005:1::home:/bin/sh\n"
		 "short:x:4000000006:1:gecos\n"
		 "c:x:4000000003:1::/h");
	put_file(etc, "group", "");
	assert_int_equal(subid_users_load(etc, false, &users, NULL), 0);
	for (int indexed = 0; indexed < 2; indexed++) {
		for (size_t i = 0; i < ARRAY(cases); i++) {
			char *home = NULL;
			int r = subid_users_home(users, cases[i].uid, &home);

			assert_int_equal(r, cases[i].home == NULL ? SUBID_UNKNOWN : 0);
			if (cases[i].home != NULL)
				assert_string_equal(home, cases[i].home);
			free(home);
		}
		assert_int_equal(subid_users_index(users), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_home),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
