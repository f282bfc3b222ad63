/* SPDX-License-Identifier: MIT */
/*
 * A machine for the rules about files, helpers, the policy and the source of ranges: one
 * with nothing wrong, and functions that spoil it, each in one way.
 */
#pragma once

#include <linux/capability.h>
#include <sys/stat.h>

#include "libsubid/audit/audit.h"

#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

#define FILE_AT(name, bits)                                                              \
	{                                                                                \
		.path = (char *)(uintptr_t)(name), .mode = S_IFREG | (bits), .links = 1  \
	}
#define DIRECTORY(name)                                                                  \
	{                                                                                \
		.path = (char *)(uintptr_t)(name), .mode = S_IFDIR | 0755                \
	}

/* A machine with nothing wrong, which a case then spoils. */
struct machine {
	struct audit_host host;
	struct audit_host_file walks[SUBID_KINDS][3];
	struct audit_host_file helper_walks[3][4];
	struct audit_host_helper helpers[3];
	struct subid_policy policy;
	struct subid_place fault;
	bool has_fault;
	const char *table; /* of uids; the other is empty */
};

static inline void set_helper(struct machine *machine, size_t i, enum subid_kind kind,
			      const char *directory, const char *path)
{
	const struct audit_host_file walk[] = {
		DIRECTORY("/"),
		DIRECTORY("/usr"),
		DIRECTORY(directory),
		FILE_AT(path, 04755),
	};

	memcpy(machine->helper_walks[i], walk, sizeof(walk));
	machine->helpers[i] = (struct audit_host_helper){
		.kind = kind,
		.path = (char *)(uintptr_t)path,
		.walk = { machine->helper_walks[i], ARRAY(walk) },
		.caps = { .error = ENODATA },
		.watched = true,
	};
}

static inline void make_machine(struct machine *machine)
{
	static const char *const tables[] = { "/etc/subuid", "/etc/subgid" };
	static const char *const backups[] = { "/etc/subuid-", "/etc/subgid-" };
	static const char *const locks[] = { "/etc/subuid.lock", "/etc/subgid.lock" };

	*machine = (struct machine){ .policy = subid_policy_default,
				     .table = "alice:100000:65536\n" };
	machine->host = (struct audit_host){
		.etc = (char *)(uintptr_t) "/etc",
		.has_programs = true,
		.has_audit = true,
		.helpers = machine->helpers,
		.n_helpers = 2,
		.watched = { true, true },
	};
	for (int kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_host_file walk[] = {
			DIRECTORY("/"),
			DIRECTORY("/etc"),
			FILE_AT(tables[kind], 0644),
		};

		memcpy(machine->walks[kind], walk, sizeof(walk));
		machine->host.walks[kind] =
		    (struct audit_path_walk){ machine->walks[kind], ARRAY(walk) };
		machine->host.tables[kind] = walk[2];
		machine->host.backups[kind] =
		    (struct audit_host_file)FILE_AT(backups[kind], 0644);
		machine->host.locks[kind].file =
		    (struct audit_host_file)FILE_AT(locks[kind], 0);
		machine->host.locks[kind].file.error = ENOENT;
	}
	set_helper(machine, 0, SUBID_UID, "/usr/bin", "/usr/bin/newuidmap");
	set_helper(machine, 1, SUBID_GID, "/usr/bin", "/usr/bin/newgidmap");
}

/* Spoils something: the names say what. */
#define SPOIL(name) static inline void name(struct machine *m)

SPOIL(nothing)
{
	(void)m;
}
SPOIL(all_unreadable)
{
	for (int kind = 0; kind < SUBID_KINDS; kind++) {
		m->host.tables[kind].error = m->walks[kind][2].error = EACCES;
		m->walks[kind][2].mode = 0777;
		m->host.backups[kind].error = EACCES;
		m->host.backups[kind].mode = S_IFREG | 0777;
		m->host.locks[kind].file.error = EACCES;
		m->helpers[kind].caps.error = EACCES;
		m->helper_walks[kind][3].mode = S_IFREG | 0755;
		m->host.watched[kind] = false;
	}
	m->host.rules_error = EACCES;
}
SPOIL(image_of_user)
{
	m->host.image = true;
	m->host.root_uid = m->host.root_gid = 1000;
	for (int kind = 0; kind < SUBID_KINDS; kind++) {
		for (size_t i = 0; i < 3; i++) {
			m->walks[kind][i].uid = m->walks[kind][i].gid = 1000;
			m->walks[kind][i].group_writes = true;
		}
		m->host.backups[kind].uid = m->host.backups[kind].gid = 1000;
		m->host.backups[kind].mode = S_IFREG | 0664;
		m->helper_walks[kind][3].uid = 1000;
		m->helpers[kind].nosuid = false;
	}
}

/* policy */
SPOIL(wrap)
{
	m->policy.window[SUBID_UID].wrap = true;
	m->policy.window[SUBID_UID].deterministic = true;
}
SPOIL(wrap_asleep)
{
	m->policy.window[SUBID_GID].wrap = true;
}
SPOIL(deterministic)
{
	m->policy.window[SUBID_UID].deterministic = true;
}
SPOIL(no_number)
{
	m->has_fault = true;
	m->fault = (struct subid_place){ 7, "SUB_GID_MIN",
					 "is not a number from 0 to 4294967295" };
}
SPOIL(crossed)
{
	m->has_fault = true;
	m->fault =
	    (struct subid_place){ 0, "SUB_GID_MIN", "is greater than the maximum" };
}
SPOIL(uid_max_at_min)
{
	m->policy.uid_max = 100000;
}
SPOIL(uid_max_below_min)
{
	m->policy.uid_max = 99999;
}
SPOIL(gid_window_low)
{
	m->policy.window[SUBID_GID].min = 60000;
}
SPOIL(gid_window_just_above)
{
	m->policy.window[SUBID_GID].min = 60001;
}
SPOIL(window_below_people)
{
	m->policy.window[SUBID_UID].min = 100;
	m->policy.window[SUBID_UID].max = 999;
}
SPOIL(window_ends_at_people)
{
	m->policy.window[SUBID_UID].min = 100;
	m->policy.window[SUBID_UID].max = 1000;
}
SPOIL(window_off)
{
	m->policy.window[SUBID_UID].min = 1000;
	m->policy.window[SUBID_UID].count = 0;
}
SPOIL(people_everywhere)
{
	m->policy.uid_max = UINT32_MAX;
}

/* the tables */
SPOIL(table_for_all)
{
	m->walks[SUBID_UID][2].mode = S_IFREG | 0666;
	m->walks[SUBID_UID][2].group_writes = true;
}
SPOIL(table_of_group)
{
	m->walks[SUBID_UID][2].mode = S_IFREG | 0664;
	m->walks[SUBID_UID][2].group_writes = true;
	m->walks[SUBID_UID][2].gid = 50;
}
SPOIL(table_of_roots_group)
{
	m->walks[SUBID_UID][2].mode = S_IFREG | 0664;
	m->walks[SUBID_UID][2].group_writes = true;
}
SPOIL(table_of_user)
{
	m->walks[SUBID_GID][2].uid = 1000;
}
SPOIL(table_read_by_group)
{
	m->walks[SUBID_GID][2].gid = 1000;
}
SPOIL(table_with_list)
{
	m->walks[SUBID_GID][2].acl = AUDIT_ACL_USER;
	m->walks[SUBID_GID][2].acl_id = 1001;
	m->walks[SUBID_GID][2].mode = S_IFREG | 0664;
}
SPOIL(table_with_damaged_list)
{
	m->walks[SUBID_GID][2].acl = AUDIT_ACL_DAMAGED;
}
SPOIL(etc_for_all)
{
	m->walks[SUBID_UID][1].mode = S_IFDIR | 01777;
	m->walks[SUBID_GID][1].mode = S_IFDIR | 01777;
}
SPOIL(sticky_root)
{
	for (int kind = 0; kind < SUBID_KINDS; kind++) {
		m->walks[kind][0].mode = S_IFDIR | 01777;
		m->helper_walks[kind][1].mode = S_IFDIR | 01777;
		m->helper_walks[kind][1].group_writes = true;
		m->helper_walks[kind][1].gid = 50;
		m->helper_walks[kind][1].acl = AUDIT_ACL_USER;
	}
}
SPOIL(sticky_of_user)
{
	sticky_root(m);
	m->walks[SUBID_UID][0].uid = 1000;
	m->helper_walks[0][1].uid = 1000;
}
SPOIL(sticky_with_nothing)
{
	sticky_root(m);
	m->walks[SUBID_UID][1].error = ENOENT;
}
SPOIL(linked)
{
	m->host.tables[SUBID_UID].links = 2;
	m->host.tables[SUBID_UID].ino = 5;
}
SPOIL(linked_by_backup)
{
	linked(m);
	m->host.backups[SUBID_UID].ino = 5;
}
SPOIL(linked_beside_backup)
{
	linked_by_backup(m);
	m->host.tables[SUBID_UID].links = 3;
}
SPOIL(image_of_user_foreign)
{
	image_of_user(m);
	m->walks[SUBID_UID][2].uid = 1001;
}
SPOIL(passed_over)
{
	m->host.passes_over = true;
	m->table = "alice:100000:65536\ncontainers:200000:65536\n"
		   "containers:300000:65536\nkubelet:400000:65536\n";
}
SPOIL(counted)
{
	passed_over(m);
	m->host.passes_over = false;
}
SPOIL(all_have_accounts)
{
	m->host.passes_over = true;
}
SPOIL(hostile_name)
{
	m->host.tables[SUBID_UID].target = (char *)(uintptr_t) "x";
	m->host.tables[SUBID_UID].mode = S_IFLNK | 0777;
	m->walks[SUBID_UID][1].path = (char *)(uintptr_t) "/e'$(reboot) ";
	m->walks[SUBID_UID][1].mode = S_IFDIR | 0777;
}
SPOIL(table_mounted)
{
	m->host.mounted[SUBID_GID] = true;
}

SPOIL(table_read_only)
{
	m->host.read_only = true;
}

SPOIL(table_link)
{
	m->host.tables[SUBID_GID].target = (char *)(uintptr_t) "/srv/subgid";
	m->host.tables[SUBID_GID].mode = S_IFLNK | 0777;
	m->host.tables[SUBID_GID].links = 2;
}

/* locks */
SPOIL(lock_of)
{
	m->host.locks[SUBID_UID].file.error = 0;
	m->host.locks[SUBID_UID].holder.pid = 4711;
}
SPOIL(lock_alive)
{
	lock_of(m);
	m->host.locks[SUBID_UID].holder.alive = true;
}
SPOIL(lock_recycled)
{
	lock_alive(m);
	m->host.locks[SUBID_UID].recycled = true;
	(void)strcpy(m->host.locks[SUBID_UID].holder.program, "cron");
}
SPOIL(lock_empty)
{
	lock_of(m);
	m->host.locks[SUBID_UID].holder.pid = -1;
}
SPOIL(lock_secret)
{
	lock_empty(m);
	m->host.locks[SUBID_UID].error = EACCES;
}
SPOIL(lock_directory)
{
	lock_empty(m);
	m->host.locks[SUBID_UID].file.mode = S_IFDIR | 0755;
}
SPOIL(lock_link)
{
	lock_empty(m);
	m->host.locks[SUBID_UID].file.mode = S_IFLNK | 0777;
}
SPOIL(lock_in_image)
{
	lock_of(m);
	m->host.image = true;
}

/* backups: mode of table and backup of uids */
static inline void set_backup(struct machine *m, uint32_t table, uint32_t backup,
			      uint32_t gid)
{
	m->host.tables[SUBID_UID].mode = S_IFREG | table;
	m->host.backups[SUBID_UID].mode = S_IFREG | backup;
	m->host.backups[SUBID_UID].gid = gid;
}
SPOIL(backup_for_all)
{
	set_backup(m, 0640, 0644, 0);
}
SPOIL(backup_for_group)
{
	set_backup(m, 0640, 0640, 50);
}
SPOIL(backup_for_group_too)
{
	m->host.tables[SUBID_UID].gid = 50;
	set_backup(m, 0600, 0640, 50);
}
SPOIL(backup_for_same_group)
{
	m->host.tables[SUBID_UID].gid = 50;
	set_backup(m, 0640, 0640, 50);
}
SPOIL(backup_written)
{
	set_backup(m, 0644, 0664, 50);
}
SPOIL(backup_read_by_group)
{
	set_backup(m, 0644, 0644, 50);
}
SPOIL(backup_closed)
{
	set_backup(m, 0644, 0600, 0);
}
SPOIL(backup_of_user)
{
	m->host.backups[SUBID_UID].uid = 1000;
}
SPOIL(backup_with_list)
{
	m->host.backups[SUBID_UID].acl = AUDIT_ACL_GROUP;
}
SPOIL(backup_is_directory)
{
	set_backup(m, 0640, 0, 0);
	m->host.backups[SUBID_UID].mode = S_IFDIR | 0755;
}
SPOIL(backup_missing)
{
	set_backup(m, 0640, 0644, 0);
	m->host.backups[SUBID_UID].error = ENOENT;
}

/* helpers */
SPOIL(no_newgidmap)
{
	m->host.n_helpers = 1;
}
SPOIL(no_helpers)
{
	m->host.n_helpers = 0;
}
SPOIL(no_helpers_no_grants)
{
	m->host.n_helpers = 0;
	m->table = "!released:100000:65536\n!reserved:300000:1\n";
}
SPOIL(no_helpers_only_etc)
{
	m->host.n_helpers = 0;
	m->host.has_programs = false;
}
static inline void set_caps(struct machine *m, size_t helper, uint64_t caps)
{
	m->helper_walks[helper][3].mode = S_IFREG | 0755;
	m->helpers[helper].caps =
	    (struct audit_host_caps){ .permitted = caps, .effective = true };
}
#define CAP(name) (1ULL << (CAP_##name))
SPOIL(plain)
{
	m->helper_walks[0][3].mode = S_IFREG | 0755;
}
SPOIL(setuid_to_user)
{
	m->helper_walks[0][3].uid = 1000;
}
SPOIL(capability)
{
	set_caps(m, 0, CAP(SETUID));
	set_caps(m, 1, CAP(SETGID));
}
SPOIL(capability_for_root)
{
	set_caps(m, 0, CAP(SETUID) | CAP(SETFCAP));
}
SPOIL(wrong_capability)
{
	set_caps(m, 0, CAP(SETGID));
}
SPOIL(capability_asleep)
{
	set_caps(m, 0, CAP(SETUID));
	m->helpers[0].caps.effective = false;
}
SPOIL(capability_elsewhere)
{
	set_caps(m, 0, CAP(SETUID));
	m->helpers[0].caps.rootid = 100000;
}
SPOIL(capability_of_image)
{
	capability_elsewhere(m);
	m->host.root_uid = 100000;
	m->host.image = true;
}
SPOIL(capability_damaged)
{
	set_caps(m, 0, 0);
	m->helpers[0].caps.error = EINVAL;
}
SPOIL(setuid_and_capability)
{
	set_caps(m, 0, CAP(SETUID));
	m->helper_walks[0][3].mode = S_IFREG | 04755;
}
SPOIL(too_many)
{
	set_caps(m, 0, CAP(SETUID) | CAP(SETGID) | CAP(SYS_ADMIN) | 1ULL << 63);
}
SPOIL(file_capability_of_newgidmap)
{
	set_caps(m, 1, CAP(SETGID) | CAP(SETFCAP));
}
SPOIL(setgid_too)
{
	m->helper_walks[1][3].mode = S_IFREG | 06755;
}
SPOIL(helper_for_all)
{
	m->helper_walks[0][3].mode = S_IFREG | 04777;
}
SPOIL(helper_of_user_with_capability)
{
	set_caps(m, 0, CAP(SETUID));
	m->helper_walks[0][3].uid = 1000;
}
SPOIL(bin_of_group)
{
	for (size_t i = 0; i < 2; i++) {
		m->helper_walks[i][2].mode = S_IFDIR | 02775;
		m->helper_walks[i][2].group_writes = true;
		m->helper_walks[i][2].gid = 50;
	}
}
SPOIL(nosuid)
{
	m->helpers[1].nosuid = true;
}
SPOIL(second_newuidmap)
{
	m->host.n_helpers = 3;
	set_helper(m, 2, SUBID_UID, "/bin", "/bin/newuidmap");
}
SPOIL(second_in_image)
{
	second_newuidmap(m);
	m->host.image = true;
}

/* the source */
static inline void set_source(struct machine *m, const char *name, const char *second)
{
	m->host.source.line = 3;
	(void)strcpy(m->host.source.name, name);
	(void)strcpy(m->host.source.second, second);
}
SPOIL(source)
{
	set_source(m, "sss", "");
}
SPOIL(source_without_grants)
{
	source(m);
	m->table = "# nobody\n!reserved:5:5\n";
}
SPOIL(source_missing)
{
	source(m);
	m->host.source_error = -ELIBACC;
}
SPOIL(source_half)
{
	source(m);
	m->host.source_error = SUBID_INVALID;
	m->host.source_missing = "shadow_subid_has_range";
}
SPOIL(source_unnamed)
{
	set_source(m, "", "");
	m->host.source_invalid = true;
}
SPOIL(source_and_second)
{
	set_source(m, "sss", "files");
}
SPOIL(files_and_second)
{
	set_source(m, "", "sss");
}

/* audit rules */
SPOIL(one_unwatched)
{
	m->host.watched[SUBID_GID] = false;
}
SPOIL(no_auditd)
{
	one_unwatched(m);
	m->host.has_audit = false;
}
SPOIL(image_unwatched)
{
	one_unwatched(m);
	m->host.image = true;
	m->host.prefix_len = strlen("/srv");
	m->host.etc = (char *)(uintptr_t) "/srv/etc";
	m->host.tables[SUBID_GID].path = (char *)(uintptr_t) "/srv/etc/subgid";
}
SPOIL(none_watched)
{
	m->host.watched[SUBID_UID] = m->host.watched[SUBID_GID] = false;
	m->helpers[0].watched = m->helpers[1].watched = false;
}

struct machine_case {
	const char *rule;
	void (*spoil)(struct machine *machine);
	size_t n;		     /* findings */
	const char *file;	     /* of the first of them */
	const char *reason, *remedy; /* these are in it */
};

struct machine_fix {
	const char *rule;
	void (*spoil)(struct machine *machine);
	bool safe;
};

static inline void audit_machine(int etc, struct machine *machine,
				 struct audit_input *input, struct audit_report *ret)
{
	auto_table struct subid_table uid = { 0 };
	auto_table struct subid_table gid = { 0 };
	auto_users struct subid_users *users = NULL;

	put_file(etc, "passwd", "alice:x:1000:1000::/home/alice:/bin/sh\n");
	put_file(etc, "subuid", machine->table);
	put_file(etc, "subgid", "");
	assert_int_equal(subid_users_load(etc, false, &users, NULL), 0);
	assert_int_equal(subid_table_load(etc, SUBID_UID, &uid), 0);
	assert_int_equal(subid_table_load(etc, SUBID_GID, &gid), 0);
	input->tables[SUBID_UID] = &uid;
	input->tables[SUBID_GID] = &gid;
	input->users = users;
	input->policy = &machine->policy;
	input->policy_fault = machine->has_fault ? &machine->fault : NULL;
	input->host = &machine->host;
	assert_int_equal(audit_check(input, ret), 0);
}

/* What to do: the remedy, and its commands where they come after it, one a line. */
static inline char *what_to_do(const struct audit_finding *finding)
{
	char *text = strdup(finding == NULL ? "" : finding->remedy);

	assert_non_null(text);
	for (size_t i = 0;
	     finding != NULL && finding->fixes_need_more && i < finding->n_fixes; i++) {
		char *command = audit_fix_command(&finding->fixes[i], NULL), *joined;

		assert_non_null(command);
		assert_true(asprintf(&joined, "%s\n%s", text, command) > 0);
		free(command);
		free(text);
		text = joined;
	}
	return text;
}

static inline void machine_run_cases(int etc, const struct machine_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct audit_input input = { .only = audit_rule_find(cases[i].rule) };
		auto_report struct audit_report report = { .n = 0 };
		const struct audit_finding *first;
		struct machine machine;
		char *remedy;

		make_machine(&machine);
		cases[i].spoil(&machine);
		assert_non_null(input.only);
		audit_machine(etc, &machine, &input, &report);
		first = report.n == 0 ? NULL : &report.findings[0];
		if (report.n != cases[i].n)
			fail_msg("case %zu, %s: %zu findings, the first: %s", i,
				 cases[i].rule, report.n,
				 first == NULL ? "-" : first->reason);
		remedy = what_to_do(first);
		if (first != NULL && (strcmp(first->file, cases[i].file) != 0 ||
				      strstr(first->reason, cases[i].reason) == NULL ||
				      strstr(remedy, cases[i].remedy) == NULL))
			fail_msg("case %zu, %s: %s: %s\n%s", i, cases[i].rule,
				 first->file, first->reason, remedy);
		free(remedy);
	}
}

/* What is offered as a safe command is the remedy, and just these rules do so. */
static inline void machine_run_fixes(int etc, const struct machine_fix *fixes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct audit_input input = { .only = audit_rule_find(fixes[i].rule) };
		auto_report struct audit_report report = { .n = 0 };
		struct machine machine;

		make_machine(&machine);
		fixes[i].spoil(&machine);
		audit_machine(etc, &machine, &input, &report);
		assert_int_equal(report.n, 1);
		if (fixes[i].safe)
			assert_true(report.findings[0].n_fixes > 0 &&
				    report.findings[0].remedy_is_fixes &&
				    !report.findings[0].fixes_need_more);
		else
			assert_true(report.findings[0].n_fixes == 0 ||
				    report.findings[0].fixes_need_more);
	}
}

/* Each that triggers, accepted: counted, not reported. */
static inline void machine_run_accepted(int etc, const struct machine_case *cases,
					size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct subid_acceptance accepted = { .rule = cases[i].rule,
							   .reason = "" };
		struct audit_input input = {
			.only = audit_rule_find(cases[i].rule),
			.accepted = &accepted,
			.n_accepted = 1,
		};
		auto_report struct audit_report report = { .n = 0 };
		struct machine machine;

		make_machine(&machine);
		cases[i].spoil(&machine);
		audit_machine(etc, &machine, &input, &report);
		assert_int_equal(report.n, 0);
		assert_int_equal(report.accepted, cases[i].n);
	}
}
