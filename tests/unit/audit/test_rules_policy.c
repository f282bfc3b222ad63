/* SPDX-License-Identifier: MIT */
/*
 * The rules about login.defs and the source of ranges: each with what triggers it, and
 * what just does not.
 */
#include "audit_machine.h"

static const struct machine_case cases[] = {
	{ "unsafe-wrap", nothing, 0, NULL, NULL, NULL },
	{ "unsafe-wrap", deterministic, 0, NULL, NULL, NULL },
	{ "unsafe-wrap", wrap, 1, "login.defs",
	  "UNSAFE_SUB_UID_DETERMINISTIC_WRAP is yes",
	  "UNSAFE_SUB_UID_DETERMINISTIC_WRAP/d' /etc/login.defs" },
	{ "unsafe-wrap", wrap_asleep, 1, "login.defs",
	  "as soon as SUB_GID_DETERMINISTIC is yes too", "UNSAFE_SUB_GID" },
	{ "window-invalid", nothing, 0, NULL, NULL, NULL },
	{ "window-invalid", no_number, 1, "login.defs",
	  "SUB_GID_MIN in /etc/login.defs is not a number",
	  "sed -i '7{/SUB_GID_MIN/d}' /etc/login.defs" },
	{ "window-invalid", crossed, 1, "login.defs", "is greater than the maximum",
	  "make SUB_GID_MIN at most SUB_GID_MAX" },
	{ "window-meets-accounts", nothing, 0, NULL, NULL, NULL },
	{ "window-meets-accounts", uid_max_at_min, 1, "login.defs",
	  "(100000-600100000) meets UID_MIN to UID_MAX (1000-100000)",
	  "SUB_UID_MIN 100001" },
	{ "window-meets-accounts", uid_max_below_min, 0, NULL, NULL, NULL },
	{ "window-meets-accounts", gid_window_low, 1, "login.defs",
	  "SUB_GID_MIN to SUB_GID_MAX (60000-", "SUB_GID_MIN 100000" },
	{ "window-meets-accounts", gid_window_just_above, 0, NULL, NULL, NULL },
	{ "window-meets-accounts", window_below_people, 0, NULL, NULL, NULL },
	{ "window-meets-accounts", window_ends_at_people, 1, "login.defs", "(100-1000)",
	  "echo 'SUB_UID_MIN 100000' >>/etc/login.defs\nsed -i "
	  "'/^[[:space:]]*SUB_UID_MAX[[:space:]]/d' /etc/login.defs\necho 'SUB_UID_MAX "
	  "600100000' >>/etc/login.defs" },
	{ "window-meets-accounts", window_off, 0, NULL, NULL, NULL },
	{ "window-meets-accounts", people_everywhere, 1, "login.defs", "1000-4294967295",
	  "echo 'UID_MAX 99999' >>/etc/login.defs" },
	{ "source-open", nothing, 0, NULL, NULL, NULL },
	{ "source-open", source, 0, NULL, NULL, NULL },
	{ "source-open", source_missing, 1, "nsswitch.conf",
	  "libsubid_sss.so cannot be loaded",
	  "sed -i '/^[[:space:]]*subid:/d' /etc/nsswitch.conf" },
	{ "source-open", source_half, 1, "nsswitch.conf",
	  "has no function shadow_subid_has_range",
	  "sed -i '/^[[:space:]]*subid:/d' /etc/nsswitch.conf" },
	{ "source-open", source_unnamed, 1, "nsswitch.conf", "names no source",
	  "sed -i '/^[[:space:]]*subid:/d' /etc/nsswitch.conf" },
	{ "owner-passed-over", counted, 0, NULL, NULL, NULL },
	{ "owner-passed-over", all_have_accounts, 0, NULL, NULL, NULL },
	{ "owner-passed-over", passed_over, 1, "subuid",
	  "libsubid.so.6, of shadow 4.20 or later, passes over its lines",
	  "subid's library on" },
	{ "source-second-word", source, 0, NULL, NULL, NULL },
	{ "source-second-word", source_and_second, 1, "nsswitch.conf",
	  "Only sss counts in the line \"subid:\" of /etc/nsswitch.conf: files after it",
	  "sss or files" },
	{ "source-second-word", files_and_second, 1, "nsswitch.conf", "Only files counts",
	  "files or sss" },
	{ "source-and-files", nothing, 0, NULL, NULL, NULL },
	{ "source-and-files", files_and_second, 0, NULL, NULL, NULL },
	{ "source-and-files", source_without_grants, 0, NULL, NULL, NULL },
	{ "source-and-files", source, 1, "subuid",
	  "1 line of /etc/subuid gives ids, while ranges come from sss (line 3 of",
	  "revoke those in the file" },
};

static void test_cases(void **state)
{
	machine_run_cases(etc_of(state), cases, ARRAY(cases));
}

static void test_fixes(void **state)
{
	static const struct machine_fix fixes[] = {
		{ "unsafe-wrap", wrap, true },
		{ "window-invalid", no_number, false },
		{ "source-open", source_missing, false },
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
