/* SPDX-License-Identifier: MIT */
/*
 * The rules about the tables as files: each with what triggers it, and what just does
 * not.
 */
#include "audit_machine.h"

static const struct machine_case cases[] = {
	{ "table-writable", nothing, 0, NULL, NULL, NULL },
	{ "table-writable", all_unreadable, 0, NULL, NULL, NULL },
	{ "table-writable", table_for_all, 1, "subuid",
	  "/etc/subuid: mode 0666: everybody can write it", "chmod 0644 /etc/subuid" },
	{ "table-writable", table_of_group, 1, "subuid",
	  "mode 0664: its group, gid 50, can write it", "chmod 0644 /etc/subuid" },
	{ "table-writable", table_of_roots_group, 0, NULL, NULL, NULL },
	{ "table-writable", table_of_user, 1, "subgid",
	  "it belongs to uid 1000, not to root", "chown root:root /etc/subgid" },
	{ "table-writable", table_read_by_group, 0, NULL, NULL, NULL },
	{ "table-writable", table_with_list, 1, "subgid",
	  "its access list lets uid 1001 write it", "setfacl -b /etc/subgid" },
	{ "table-writable", table_with_damaged_list, 1, "subgid",
	  "its access list is damaged", "setfacl -b /etc/subgid" },
	{ "table-writable", etc_for_all, 1, "/etc", "mode 1777: everybody can write it",
	  "chmod 1755 /etc" },
	{ "table-writable", sticky_root, 0, NULL, NULL, NULL },
	{ "table-writable", sticky_of_user, 1, "/", "uid 1000", "chown root:root /" },
	{ "table-writable", sticky_with_nothing, 1, "/", "mode 1777", "chmod 1755 /" },
	{ "table-writable", linked, 1, "subuid", "/etc/subuid has 2 hard links",
	  "cp -p /etc/subuid /etc/subuid.new && mv /etc/subuid.new /etc/subuid" },
	{ "table-writable", linked_by_backup, 0, NULL, NULL, NULL },
	{ "table-writable", linked_beside_backup, 1, "subuid", "has 3 hard links",
	  "cp -p" },
	{ "table-writable", image_of_user, 0, NULL, NULL, NULL },
	{ "table-writable", image_of_user_foreign, 1, "subuid",
	  "uid 1001, not to the owner of the image", "chown 1000:1000 /etc/subuid" },
	{ "table-writable", hostile_name, 1, "/e'$(reboot) ", "/e'$(reboot) ",
	  "chmod 0755 '/e'\\''$(reboot) '" },
	{ "table-fixed", nothing, 0, NULL, NULL, NULL },
	{ "table-fixed", table_mounted, 1, "subgid", "is a mount point", "umount" },
	{ "table-fixed", table_read_only, 2, "subuid", "read-only", "writable" },
	{ "table-symlink", nothing, 0, NULL, NULL, NULL },
	{ "table-symlink", table_link, 1, "subgid",
	  "/etc/subgid is a symbolic link to /srv/subgid",
	  "cp -L /etc/subgid /etc/subgid.new && mv /etc/subgid.new /etc/subgid" },
	{ "table-writable", table_link, 0, NULL, NULL, NULL },
	{ "stale-lock", nothing, 0, NULL, NULL, NULL },
	{ "stale-lock", all_unreadable, 0, NULL, NULL, NULL },
	{ "stale-lock", lock_of, 1, "subuid.lock", "process 4711, which it names",
	  "rm /etc/subuid.lock" },
	{ "stale-lock", lock_alive, 0, NULL, NULL, NULL },
	{ "stale-lock", lock_recycled, 1, "subuid.lock",
	  "process 4711 (cron), which it names, began after the lock",
	  "rm /etc/subuid.lock" },
	{ "stale-lock", lock_secret, 0, NULL, NULL, NULL },
	{ "stale-lock", lock_empty, 1, "subuid.lock", "contains no process id",
	  "rm /etc/subuid.lock" },
	{ "stale-lock", lock_directory, 1, "subuid.lock", "is a directory",
	  "rm -r /etc/subuid.lock" },
	{ "stale-lock", lock_link, 1, "subuid.lock", "is a symbolic link",
	  "rm /etc/subuid.lock" },
	{ "stale-lock", lock_in_image, 1, "subuid.lock", "nothing of the image runs",
	  "rm /etc/subuid.lock" },
	{ "backup-readable", nothing, 0, NULL, NULL, NULL },
	{ "backup-readable", all_unreadable, 0, NULL, NULL, NULL },
	{ "backup-readable", backup_for_all, 1, "subuid-",
	  "/etc/subuid- has mode 0644, uid 0, gid 0, its table /etc/subuid has mode 0640",
	  "chown root:root /etc/subuid-\nchmod 0640 /etc/subuid-" },
	{ "backup-readable", backup_for_group, 1, "subuid-", "gid 50",
	  "chown root:root /etc/subuid-" },
	{ "backup-readable", backup_for_group_too, 1, "subuid-", "mode 0640",
	  "chown 0:50 /etc/subuid-\nchmod 0600" },
	{ "backup-readable", backup_for_same_group, 0, NULL, NULL, NULL },
	{ "backup-readable", backup_written, 1, "subuid-", "mode 0664", "chmod 0644" },
	{ "backup-readable", backup_read_by_group, 0, NULL, NULL, NULL },
	{ "backup-readable", backup_closed, 0, NULL, NULL, NULL },
	{ "backup-readable", backup_of_user, 1, "subuid-", "uid 1000",
	  "chown root:root /etc/subuid-" },
	{ "backup-readable", backup_with_list, 1, "subuid-", "and an access list",
	  "setfacl -b /etc/subuid-\nchown" },
	{ "backup-readable", backup_is_directory, 0, NULL, NULL, NULL },
	{ "backup-readable", backup_missing, 0, NULL, NULL, NULL },
	{ "backup-readable", image_of_user, 0, NULL, NULL, NULL },
	{ "no-audit-watch", nothing, 0, NULL, NULL, NULL },
	{ "no-audit-watch", all_unreadable, 0, NULL, NULL, NULL },
	{ "no-audit-watch", one_unwatched, 1, "audit/rules.d", "watches /etc/subgid: who",
	  "echo '-w /etc/subgid -p wa -k subid' "
	  ">>/etc/audit/rules.d/subid.rules\naugenrules --load" },
	{ "no-audit-watch", no_auditd, 1, "audit/rules.d", "watches /etc/subgid: who",
	  "Install auditd (apt-get install auditd), then:\nmkdir -p -m 0750 "
	  "/etc/audit/rules.d\necho" },
	{ "no-audit-watch", image_unwatched, 1, "audit/rules.d",
	  "in /srv/etc/audit watches /etc/subgid: who",
	  "echo '-w /etc/subgid -p wa -k subid' >>/srv/etc/audit/rules.d/subid.rules" },
	{ "no-audit-watch", none_watched, 1, "audit/rules.d",
	  "/etc/subuid, /etc/subgid, /usr/bin/newuidmap, /usr/bin/newgidmap",
	  "'-w /usr/bin/newgidmap -p wa -k subid'" },
};

static void test_cases(void **state)
{
	machine_run_cases(etc_of(state), cases, ARRAY(cases));
}

static void test_fixes(void **state)
{
	static const struct machine_fix fixes[] = {
		{ "table-writable", table_for_all, true },
		{ "table-writable", etc_for_all, true },
		{ "table-writable", linked, false },
		{ "table-symlink", table_link, false },
		{ "stale-lock", lock_of, false },
		{ "backup-readable", backup_for_all, true },
		{ "no-audit-watch", none_watched, true },
		{ "no-audit-watch", no_auditd, false },
	};

	machine_run_fixes(etc_of(state), fixes, ARRAY(fixes));
}

static void test_accepted(void **state)
{
	machine_run_accepted(etc_of(state), cases, ARRAY(cases));
}

/* Without tables and facts about the host there is nothing to say. */
static void test_not_looked_at(void **state)
{
	size_t n;
	const struct audit_rule *rules = audit_rules(&n);
	const struct audit_rule *first = audit_rule_find("unsafe-wrap");
	const struct audit_rule *last = audit_rule_find("no-audit-watch");
	auto_users struct subid_users *users = NULL;

	assert_int_equal(subid_users_load(etc_of(state), false, &users, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		struct audit_input input = { .users = users,
					     .policy = &subid_policy_default,
					     .only = &rules[i] };
		auto_report struct audit_report report = { .n = 0 };

		if (&rules[i] < first || &rules[i] > last)
			continue;
		assert_int_equal(audit_check(&input, &report), 0);
		assert_int_equal(report.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_cases),
		scratch_test(test_fixes),
		scratch_test(test_accepted),
		scratch_test(test_not_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
