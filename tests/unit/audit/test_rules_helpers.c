/* SPDX-License-Identifier: MIT */
/*
 * The rules about newuidmap and newgidmap: each with what triggers it, and what just does
 * not.
 */
#include "audit_machine.h"

static const struct machine_case cases[] = {
	{ "helper-missing", nothing, 0, NULL, NULL, NULL },
	{ "helper-missing", no_newgidmap, 1, "/usr/bin/newgidmap",
	  "No executable newgidmap", "apt-get install uidmap" },
	{ "helper-missing", no_helpers, 2, "/usr/bin/newuidmap",
	  "1 line of the tables gives ids", "apt-get install uidmap" },
	{ "helper-missing", no_helpers_no_grants, 0, NULL, NULL, NULL },
	{ "helper-missing", no_helpers_only_etc, 0, NULL, NULL, NULL },
	{ "helper-unprivileged", nothing, 0, NULL, NULL, NULL },
	{ "helper-unprivileged", all_unreadable, 0, NULL, NULL, NULL },
	{ "helper-unprivileged", plain, 1, "/usr/bin/newuidmap",
	  "not setuid (mode 0755) and has no file capabilities",
	  "chmod u+s /usr/bin/newuidmap" },
	{ "helper-unprivileged", setuid_to_user, 1, "/usr/bin/newuidmap",
	  "setuid to uid 1000, not to root", "apt-get install --reinstall uidmap" },
	{ "helper-unprivileged", capability, 0, NULL, NULL, NULL },
	{ "helper-unprivileged", capability_for_root, 0, NULL, NULL, NULL },
	{ "helper-unprivileged", wrong_capability, 1, "/usr/bin/newuidmap",
	  "its file capabilities lack cap_setuid",
	  "setcap cap_setuid+ep /usr/bin/newuidmap" },
	{ "helper-unprivileged", capability_asleep, 1, "/usr/bin/newuidmap",
	  "not in effect", "setcap cap_setuid+ep /usr/bin/newuidmap" },
	{ "helper-unprivileged", capability_elsewhere, 1, "/usr/bin/newuidmap",
	  "user namespaces whose root is uid 100000", "setcap cap_setuid+ep" },
	{ "helper-unprivileged", capability_of_image, 0, NULL, NULL, NULL },
	{ "helper-unprivileged", capability_damaged, 1, "/usr/bin/newuidmap", "damaged",
	  "setcap cap_setuid+ep" },
	{ "helper-unprivileged", image_of_user, 0, NULL, NULL, NULL },
	{ "helper-double", nothing, 0, NULL, NULL, NULL },
	{ "helper-double", capability, 0, NULL, NULL, NULL },
	{ "helper-double", capability_for_root, 0, NULL, NULL, NULL },
	{ "helper-double", setuid_and_capability, 1, "/usr/bin/newuidmap",
	  "is setuid (mode 4755) and has file capabilities (cap_setuid)",
	  "setcap -r /usr/bin/newuidmap" },
	{ "helper-double", too_many, 1, "/usr/bin/newuidmap",
	  "has cap_setgid, cap_sys_admin, capability 63, which it does not need",
	  "setcap cap_setuid+ep /usr/bin/newuidmap" },
	{ "helper-double", wrong_capability, 1, "/usr/bin/newuidmap", "has cap_setgid",
	  "setcap cap_setuid+ep" },
	{ "helper-double", file_capability_of_newgidmap, 1, "/usr/bin/newgidmap",
	  "has cap_setfcap", "setcap cap_setgid+ep /usr/bin/newgidmap" },
	{ "helper-double", setgid_too, 1, "/usr/bin/newgidmap", "is setgid (mode 6755)",
	  "chmod g-s /usr/bin/newgidmap" },
	{ "helper-writable", nothing, 0, NULL, NULL, NULL },
	{ "helper-writable", helper_for_all, 1, "/usr/bin/newuidmap", "mode 4777",
	  "apt-get install --reinstall uidmap" },
	{ "helper-writable", setuid_to_user, 1, "/usr/bin/newuidmap", "uid 1000",
	  "may have been changed" },
	{ "helper-writable", helper_of_user_with_capability, 1, "/usr/bin/newuidmap",
	  "uid 1000", "apt-get install --reinstall uidmap" },
	{ "helper-writable", sticky_root, 0, NULL, NULL, NULL },
	{ "helper-writable", sticky_of_user, 1, "/usr", "uid 1000",
	  "chown root:root /usr" },
	{ "helper-writable", bin_of_group, 1, "/usr/bin",
	  "mode 2775: its group, gid 50, can write it", "chmod 2755 /usr/bin" },
	{ "helper-nosuid", nothing, 0, NULL, NULL, NULL },
	{ "helper-nosuid", nosuid, 1, "/usr/bin/newgidmap", "mounted nosuid",
	  "mount -o remount,suid" },
	{ "helper-shadowed", nothing, 0, NULL, NULL, NULL },
	{ "helper-shadowed", second_newuidmap, 1, "/bin/newuidmap",
	  "/usr/bin/newuidmap and /bin/newuidmap are two programs",
	  "dpkg-divert --local --rename --add /bin/newuidmap && ln -s /usr/bin/newuidmap "
	  "/bin/newuidmap" },
	{ "helper-shadowed", second_in_image, 1, "/bin/newuidmap", "two programs",
	  "rm /bin/newuidmap" },
};

static void test_cases(void **state)
{
	machine_run_cases(etc_of(state), cases, ARRAY(cases));
}

static void test_fixes(void **state)
{
	static const struct machine_fix fixes[] = {
		{ "helper-unprivileged", plain, false },
		{ "helper-double", too_many, true },
		{ "helper-writable", helper_for_all, false },
		{ "helper-writable", bin_of_group, true },
		{ "helper-shadowed", second_newuidmap, false },
	};

	machine_run_fixes(etc_of(state), fixes, ARRAY(fixes));
}

static void test_accepted(void **state)
{
	machine_run_accepted(etc_of(state), cases, ARRAY(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_cases),
		scratch_test(test_fixes),
		scratch_test(test_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
