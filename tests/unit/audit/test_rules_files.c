/* SPDX-License-Identifier: MIT */
/*
 * The rules about files, helpers, policy and the source of ranges: each with what
 * triggers it, and what just does not.
 */
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
	struct subid_host host;
	struct subid_host_file walks[SUBID_KINDS][3];
	struct subid_host_file helper_ways[3][4];
	struct subid_host_helper helpers[3];
	struct subid_policy policy;
	struct subid_place fault;
	bool has_fault;
	const char *table; /* of uids; the other is empty */
};

static void set_helper(struct machine *machine, size_t i, enum subid_kind kind,
		       const char *directory, const char *path)
{
	const struct subid_host_file walk[] = {
		DIRECTORY("/"),
		DIRECTORY("/usr"),
		DIRECTORY(directory),
		FILE_AT(path, 04755),
	};

	memcpy(machine->helper_ways[i], walk, sizeof(walk));
	machine->helpers[i] = (struct subid_host_helper){
		.kind = kind,
		.path = (char *)(uintptr_t)path,
		.walk = { machine->helper_ways[i], ARRAY(walk) },
		.caps = { .error = ENODATA },
		.watched = true,
	};
}

static void make_machine(struct machine *machine)
{
	static const char *const tables[] = { "/etc/subuid", "/etc/subgid" };
	static const char *const backups[] = { "/etc/subuid-", "/etc/subgid-" };
	static const char *const locks[] = { "/etc/subuid.lock", "/etc/subgid.lock" };

	*machine = (struct machine){ .policy = subid_policy_default,
				     .table = "alice:100000:65536\n" };
	machine->host = (struct subid_host){
		.etc = (char *)(uintptr_t) "/etc",
		.has_programs = true,
		.has_audit = true,
		.helpers = machine->helpers,
		.n_helpers = 2,
		.watched = { true, true },
	};
	for (int kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_host_file walk[] = {
			DIRECTORY("/"),
			DIRECTORY("/etc"),
			FILE_AT(tables[kind], 0644),
		};

		memcpy(machine->walks[kind], walk, sizeof(walk));
		machine->host.walks[kind] =
		    (struct subid_path_walk){ machine->walks[kind], ARRAY(walk) };
		machine->host.tables[kind] = walk[2];
		machine->host.backups[kind] =
		    (struct subid_host_file)FILE_AT(backups[kind], 0644);
		machine->host.locks[kind].file =
		    (struct subid_host_file)FILE_AT(locks[kind], 0);
		machine->host.locks[kind].file.error = ENOENT;
	}
	set_helper(machine, 0, SUBID_UID, "/usr/bin", "/usr/bin/newuidmap");
	set_helper(machine, 1, SUBID_GID, "/usr/bin", "/usr/bin/newgidmap");
}

/* Spoils something: the names say what. */
#define SPOIL(name) static void name(struct machine *m)

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
		m->helper_ways[kind][3].mode = S_IFREG | 0755;
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
		m->helper_ways[kind][3].uid = 1000;
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
	m->walks[SUBID_GID][2].acl = SUBID_ACL_USER;
	m->walks[SUBID_GID][2].acl_id = 1001;
	m->walks[SUBID_GID][2].mode = S_IFREG | 0664;
}
SPOIL(table_with_damaged_list)
{
	m->walks[SUBID_GID][2].acl = SUBID_ACL_DAMAGED;
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
		m->helper_ways[kind][1].mode = S_IFDIR | 01777;
		m->helper_ways[kind][1].group_writes = true;
		m->helper_ways[kind][1].gid = 50;
		m->helper_ways[kind][1].acl = SUBID_ACL_USER;
	}
}
SPOIL(sticky_of_user)
{
	sticky_root(m);
	m->walks[SUBID_UID][0].uid = 1000;
	m->helper_ways[0][1].uid = 1000;
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
SPOIL(hostile_name)
{
	m->host.tables[SUBID_UID].target = (char *)(uintptr_t) "x";
	m->host.tables[SUBID_UID].mode = S_IFLNK | 0777;
	m->walks[SUBID_UID][1].path = (char *)(uintptr_t) "/e'$(reboot) ";
	m->walks[SUBID_UID][1].mode = S_IFDIR | 0777;
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
static void set_backup(struct machine *m, uint32_t table, uint32_t backup, uint32_t gid)
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
	m->host.backups[SUBID_UID].acl = SUBID_ACL_GROUP;
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
static void set_caps(struct machine *m, size_t helper, uint64_t caps)
{
	m->helper_ways[helper][3].mode = S_IFREG | 0755;
	m->helpers[helper].caps =
	    (struct subid_host_caps){ .permitted = caps, .effective = true };
}
#define CAP(name) (1ULL << (CAP_##name))
SPOIL(plain)
{
	m->helper_ways[0][3].mode = S_IFREG | 0755;
}
SPOIL(setuid_to_user)
{
	m->helper_ways[0][3].uid = 1000;
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
	m->helper_ways[0][3].mode = S_IFREG | 04755;
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
	m->helper_ways[1][3].mode = S_IFREG | 06755;
}
SPOIL(helper_for_all)
{
	m->helper_ways[0][3].mode = S_IFREG | 04777;
}
SPOIL(helper_of_user_with_capability)
{
	set_caps(m, 0, CAP(SETUID));
	m->helper_ways[0][3].uid = 1000;
}
SPOIL(bin_of_group)
{
	for (size_t i = 0; i < 2; i++) {
		m->helper_ways[i][2].mode = S_IFDIR | 02775;
		m->helper_ways[i][2].group_writes = true;
		m->helper_ways[i][2].gid = 50;
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
static void set_source(struct machine *m, const char *name, const char *second)
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

static const struct {
	const char *rule;
	void (*spoil)(struct machine *machine);
	size_t n;		     /* findings */
	const char *file;	     /* of the first of them */
	const char *reason, *remedy; /* these are in it */
} cases[] = {
	{ "unsafe-wrap", nothing, 0, NULL, NULL, NULL },
	{ "unsafe-wrap", deterministic, 0, NULL, NULL, NULL },
	{ "unsafe-wrap", wrap, 1, "login.defs",
	  "UNSAFE_SUB_UID_DETERMINISTIC_WRAP is yes",
	  "UNSAFE_SUB_UID_DETERMINISTIC_WRAP/d' /etc/login.defs" },
	{ "unsafe-wrap", wrap_asleep, 1, "login.defs",
	  "as soon as SUB_GID_DETERMINISTIC is yes too", "UNSAFE_SUB_GID" },
	{ "window-invalid", nothing, 0, NULL, NULL, NULL },
	{ "window-invalid", no_number, 1, "login.defs",
	  "SUB_GID_MIN in /etc/login.defs is not a number", "sed -i 7d /etc/login.defs" },
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
	  "SUB_UID_MIN 100000 and a greater SUB_UID_MAX" },
	{ "window-meets-accounts", window_off, 0, NULL, NULL, NULL },
	{ "window-meets-accounts", people_everywhere, 1, "login.defs", "1000-4294967295",
	  "make UID_MAX smaller" },

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
	  "/bin/newuidmap; to keep the second: rm /usr/bin/newuidmap" },
	{ "helper-shadowed", second_in_image, 1, "/bin/newuidmap", "two programs",
	  "rm /bin/newuidmap, or rm /usr/bin/newuidmap" },

	{ "source-open", nothing, 0, NULL, NULL, NULL },
	{ "source-open", source, 0, NULL, NULL, NULL },
	{ "source-open", source_missing, 1, "nsswitch.conf",
	  "libsubid_sss.so cannot be loaded", "sed -i 3d /etc/nsswitch.conf" },
	{ "source-open", source_half, 1, "nsswitch.conf",
	  "has no function shadow_subid_has_range", "sed -i 3d /etc/nsswitch.conf" },
	{ "source-open", source_unnamed, 1, "nsswitch.conf", "names no source",
	  "sed -i 3d /etc/nsswitch.conf" },
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
	  "subid revoke OWNER" },
	{ "no-audit-watch", nothing, 0, NULL, NULL, NULL },
	{ "no-audit-watch", all_unreadable, 0, NULL, NULL, NULL },
	{ "no-audit-watch", one_unwatched, 1, "audit/rules.d", "watches /etc/subgid: who",
	  "echo '-w /etc/subgid -p wa -k subid' "
	  ">>/etc/audit/rules.d/subid.rules\naugenrules --load" },
	{ "no-audit-watch", no_auditd, 1, "audit/rules.d", "watches /etc/subgid: who",
	  "Install auditd (apt-get install auditd), then:\necho" },
	{ "no-audit-watch", image_unwatched, 1, "audit/rules.d",
	  "in /srv/etc/audit watches /etc/subgid: who",
	  "echo '-w /etc/subgid -p wa -k subid' >>/srv/etc/audit/rules.d/subid.rules" },
	{ "no-audit-watch", none_watched, 1, "audit/rules.d",
	  "/etc/subuid, /etc/subgid, /usr/bin/newuidmap, /usr/bin/newgidmap",
	  "'-w /usr/bin/newgidmap -p wa -k subid'" },
};

static void audit_machine(int etc, struct machine *machine,
			  struct subid_audit_input *input, struct subid_report *ret)
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
	assert_int_equal(subid_audit_check(input, ret), 0);
}

/* What to do: the remedy, and its commands where they come after it, one a line. */
static char *what_to_do(const struct subid_finding *finding)
{
	char *text = strdup(finding == NULL ? "" : finding->remedy);

	assert_non_null(text);
	for (size_t i = 0;
	     finding != NULL && finding->fixes_need_more && i < finding->n_fixes; i++) {
		char *command = subid_fix_command(&finding->fixes[i], NULL), *joined;

		assert_non_null(command);
		assert_true(asprintf(&joined, "%s\n%s", text, command) > 0);
		free(command);
		free(text);
		text = joined;
	}
	return text;
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct subid_audit_input input = { .only =
						       subid_rule_find(cases[i].rule) };
		auto_report struct subid_report report = { .n = 0 };
		const struct subid_finding *first;
		struct machine machine;
		char *remedy;

		make_machine(&machine);
		cases[i].spoil(&machine);
		assert_non_null(input.only);
		audit_machine(etc_of(state), &machine, &input, &report);
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
static void test_fixes(void **state)
{
	static const struct {
		const char *rule;
		void (*spoil)(struct machine *machine);
		bool safe;
	} fixes[] = {
		{ "unsafe-wrap", wrap, true },
		{ "window-invalid", no_number, false },
		{ "table-writable", table_for_all, true },
		{ "table-writable", etc_for_all, true },
		{ "table-writable", linked, false },
		{ "table-symlink", table_link, false },
		{ "stale-lock", lock_of, false },
		{ "backup-readable", backup_for_all, true },
		{ "helper-unprivileged", plain, false },
		{ "helper-double", too_many, true },
		{ "helper-writable", helper_for_all, false },
		{ "helper-writable", bin_of_group, true },
		{ "helper-shadowed", second_newuidmap, false },
		{ "source-open", source_missing, false },
		{ "no-audit-watch", none_watched, true },
		{ "no-audit-watch", no_auditd, false },
	};

	for (size_t i = 0; i < ARRAY(fixes); i++) {
		struct subid_audit_input input = { .only =
						       subid_rule_find(fixes[i].rule) };
		auto_report struct subid_report report = { .n = 0 };
		struct machine machine;

		make_machine(&machine);
		fixes[i].spoil(&machine);
		audit_machine(etc_of(state), &machine, &input, &report);
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
static void test_accepted(void **state)
{
	for (size_t i = 0; i < ARRAY(cases); i++) {
		const struct subid_acceptance accepted = { .rule = cases[i].rule,
							   .reason = "" };
		struct subid_audit_input input = {
			.only = subid_rule_find(cases[i].rule),
			.accepted = &accepted,
			.n_accepted = 1,
		};
		auto_report struct subid_report report = { .n = 0 };
		struct machine machine;

		make_machine(&machine);
		cases[i].spoil(&machine);
		audit_machine(etc_of(state), &machine, &input, &report);
		assert_int_equal(report.n, 0);
		assert_int_equal(report.accepted, cases[i].n);
	}
}

/* Without tables and facts about the host there is nothing to say. */
static void test_not_looked_at(void **state)
{
	size_t n;
	const struct subid_rule *rules = subid_rules(&n);
	const struct subid_rule *first = subid_rule_find("unsafe-wrap");
	const struct subid_rule *last = subid_rule_find("no-audit-watch");
	auto_users struct subid_users *users = NULL;

	assert_int_equal(subid_users_load(etc_of(state), false, &users, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		struct subid_audit_input input = { .users = users,
						   .policy = &subid_policy_default,
						   .only = &rules[i] };
		auto_report struct subid_report report = { .n = 0 };

		if (&rules[i] < first || &rules[i] > last)
			continue;
		assert_int_equal(subid_audit_check(&input, &report), 0);
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

	return cmocka_run_group_tests_name("audit_host", tests, NULL, NULL);
}
