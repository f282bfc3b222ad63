/* SPDX-License-Identifier: MIT */
/*
 * The rules about the tables as files: who can write them, locks, backups, and whether
 * anybody would notice.
 */
#include <errno.h>
#include <sys/stat.h>

#include "libsubid/audit/private.h"

bool audit_is_root(const struct audit_host *host, uint32_t uid)
{
	return uid == 0 || uid == host->root_uid;
}

static bool is_roots_group(const struct audit_host *host, uint32_t gid)
{
	return gid == 0 || gid == host->root_gid;
}

static const char *acl_reason(struct audit *audit, const struct audit_host_file *file)
{
	if (file->acl == AUDIT_ACL_DAMAGED)
		return "its access list is damaged";
	return audit_text(audit, "its access list lets %s %u write it",
			  file->acl == AUDIT_ACL_USER ? "uid" : "gid", file->acl_id);
}

static struct audit_fix chmod_fix(struct audit *audit, const char *path, uint32_t mode)
{
	return (struct audit_fix){
		.verb = AUDIT_FIX_CHMOD,
		.path = path,
		.text = audit_text(audit, "%04o", mode),
	};
}

const char *audit_who_writes(struct audit *audit, const struct audit_host_file *file,
			     struct audit_finding *finding)
{
	const struct audit_host *host = audit->in->host;
	bool group = file->group_writes && !is_roots_group(host, file->gid);
	bool all = (file->mode & S_IWOTH) != 0;
	const char *reason = "";

	if (file->error != 0)
		return NULL;
	if (!audit_is_root(host, file->uid)) {
		reason = audit_text(audit, "it belongs to uid %u, not to %s", file->uid,
				    host->image ? "the owner of the image" : "root");
		audit_add_fix(audit, finding,
			      (struct audit_fix){
				  .verb = AUDIT_FIX_CHOWN,
				  .path = file->path,
				  .uid = host->root_uid,
				  .gid = host->root_gid,
			      });
	}
	if (file->acl != AUDIT_ACL_NOBODY) {
		reason = audit_join(audit, reason, "; ", acl_reason(audit, file));
		audit_add_fix(audit, finding,
			      (struct audit_fix){ .verb = AUDIT_FIX_CLEAR_ACL,
						  .path = file->path });
	}
	if (all)
		reason = audit_join(audit, reason, "; ",
				    audit_text(audit, "mode %04o: everybody can write it",
					       file->mode & 07777));
	else if (group)
		reason = audit_join(
		    audit, reason, "; ",
		    audit_text(audit, "mode %04o: its group, gid %u, can write it",
			       file->mode & 07777, file->gid));
	if (all || group)
		audit_add_fix(audit, finding,
			      chmod_fix(audit, file->path, file->mode & 07777 & ~022U));
	return *reason == '\0' ? NULL : reason;
}

const char *audit_who_replaces(struct audit *audit, const struct audit_path_walk *walk,
			       size_t i, struct audit_finding *finding)
{
	struct audit_host_file directory = walk->files[i];

	if ((directory.mode & S_ISVTX) != 0 && walk->files[i + 1].error == 0) {
		directory.mode &= ~(uint32_t)S_IWOTH;
		directory.group_writes = false;
		directory.acl = AUDIT_ACL_NOBODY;
	}
	return audit_who_writes(audit, &directory, finding);
}

size_t audit_count_grants(const struct audit *audit, enum subid_kind kind)
{
	const struct subid_table *table = audit->in->tables[kind];
	size_t n = 0;

	for (size_t i = 0; table != NULL && i < table->n; i++) {
		const struct subid_entry *entry = &table->entries[i];

		n += entry->range.count > 0 &&
		     !subid_owner_is_hold(subid_table_owner(table, entry),
					  entry->owner_len);
	}
	return n;
}

#define MODE(file) ((file)->mode & 07777)

/* Both tables are in one directory, which is reported once. */
static bool is_passed(const struct audit_path_walk *walk, const char *path)
{
	for (size_t i = 0; i + 1 < walk->n; i++)
		if (strcmp(walk->files[i].path, path) == 0)
			return true;
	return false;
}

static void find_writable_directories(struct audit *audit, enum subid_kind kind)
{
	const struct audit_host *host = audit->in->host;
	const struct audit_path_walk *walk = &host->walks[kind];

	for (size_t i = 0; i + 1 < walk->n; i++) {
		const struct audit_host_file *file = &walk->files[i];
		/* programs create and remove locks and new tables in this directory */
		bool is_etc = i + 2 == walk->n && host->tables[kind].target == NULL;
		struct audit_finding finding = { .kind = -1, .file = file->path };
		const char *reason = is_etc
					 ? audit_who_writes(audit, file, &finding)
					 : audit_who_replaces(audit, walk, i, &finding);

		if (reason == NULL ||
		    (kind > 0 && is_passed(&host->walks[kind - 1], file->path)))
			continue;
		audit_add_finding(
		    audit, &finding, NULL,
		    "%s is a directory on the path of the tables: %s; whoever "
		    "can write it can replace %s",
		    file->path, reason, host->tables[kind].path);
	}
}

/*
 * With a second name in another user's directory the table stays reachable. One more name
 * is harmless: a backup that a killed program has just linked.
 */
static bool is_hard_linked(const struct audit_host *host, enum subid_kind kind)
{
	const struct audit_host_file *table = &host->tables[kind];
	const struct audit_host_file *backup = &host->backups[kind];
	bool by_backup =
	    backup->error == 0 && backup->dev == table->dev && backup->ino == table->ino;

	return table->error == 0 && S_ISREG(table->mode) &&
	       table->links > (by_backup ? 2U : 1U);
}

static void find_hard_links(struct audit *audit, enum subid_kind kind)
{
	const struct audit_host_file *table = &audit->in->host->tables[kind];
	const char *path = audit_quoted(audit, table->path);
	struct audit_finding finding = { .kind = (int)kind };

	if (!is_hard_linked(audit->in->host, kind))
		return;
	finding.file = subid_kind_table(kind);
	audit_advise_run(audit, &finding, "cp -p %s %s.new && mv %s.new %s", path, path,
			 path, path);
	audit_add_finding(
	    audit, &finding, NULL,
	    "%s has %llu hard links: under another name, in a directory of somebody"
	    " else, the same file may be written or kept after a change",
	    table->path, (unsigned long long)table->links);
}

int audit_find_table_writable(struct audit *audit)
{
	const struct audit_host *host = audit->in->host;

	for (enum subid_kind kind = 0; host != NULL && kind < SUBID_KINDS; kind++) {
		const struct audit_path_walk *walk = &host->walks[kind];
		const struct audit_host_file *file = &walk->files[walk->n - 1];
		struct audit_finding finding = {
			.kind = (int)kind,
			.file = host->tables[kind].target == NULL ? subid_kind_table(kind)
								  : file->path,
		};
		const char *reason;

		find_writable_directories(audit, kind);
		find_hard_links(audit, kind);
		reason = audit_who_writes(audit, file, &finding);
		if (reason != NULL)
			audit_add_finding(
			    audit, &finding, NULL,
			    "%s: %s; whoever can write it can grant themselves any id",
			    file->path, reason);
	}
	return 0;
}

int audit_find_table_symlink(struct audit *audit)
{
	const struct audit_host *host = audit->in->host;

	for (enum subid_kind kind = 0; host != NULL && kind < SUBID_KINDS; kind++) {
		const struct audit_host_file *table = &host->tables[kind];
		struct audit_finding finding = { .kind = (int)kind,
						 .file = subid_kind_table(kind) };
		const char *path;

		if (table->error != 0 || !S_ISLNK(table->mode))
			continue;
		path = audit_quoted(audit, table->path);
		if (host->walks[kind].n == 0 ||
		    host->walks[kind].files[host->walks[kind].n - 1].error != ENOENT)
			audit_advise_run(audit, &finding,
					 "cp -L %s %s.new && mv %s.new %s", path, path,
					 path, path);
		audit_add_finding(audit, &finding,
				  finding.n_fixes > 0
				      ? NULL
				      : "what it leads to is not there: mount or restore"
					" that, and audit again for the command that"
					" copies it",
				  "%s is a symbolic link to %s: shadow's tools and subid"
				  " refuse it, other programs follow it",
				  table->path,
				  table->target == NULL ? "?" : table->target);
	}
	return 0;
}

int audit_find_table_fixed(struct audit *audit)
{
	const struct audit_host *host = audit->in->host;

	for (enum subid_kind kind = 0; host != NULL && kind < SUBID_KINDS; kind++) {
		struct audit_finding finding = { .kind = (int)kind,
						 .file = subid_kind_table(kind) };
		const char *path = audit_quoted(audit, host->tables[kind].path);

		if (host->tables[kind].error != 0 ||
		    (!host->mounted[kind] && !host->read_only))
			continue;
		if (host->mounted[kind])
			audit_advise_run(audit, &finding,
					 "cp -p %s %s.new && umount %s && mv %s.new %s",
					 path, path, path, path, path);
		audit_add_finding(
		    audit, &finding,
		    host->mounted[kind]
			? "make it a file of its own, if the mount is not needed"
			: "mount the directory writable while tables are changed",
		    "%s %s: no program can put a new table in its place, and every grant"
		    " fails",
		    host->tables[kind].path,
		    host->mounted[kind] ? "is a mount point"
					: "is on a read-only file system");
	}
	return 0;
}

static const char *stale_reason(struct audit *audit, const struct audit_host_lock *lock)
{
	const char *refuses = "useradd, usermod, userdel and subid wait for it and give"
			      " up, until it is removed";

	if (S_ISDIR(lock->file.mode))
		return audit_text(audit, "it is a directory: %s", refuses);
	if (S_ISLNK(lock->file.mode))
		return audit_text(audit, "it is a symbolic link: %s", refuses);
	if (lock->holder.pid <= 0)
		return audit_text(audit, "it contains no process id: %s", refuses);
	if (audit->in->host->image)
		return audit_text(audit,
				  "it names process %d, but nothing of the image runs",
				  (int)lock->holder.pid);
	if (lock->recycled)
		return audit_text(
		    audit,
		    "process %d (%s), which it names, began after the lock was created, "
		    "so that it is another one with the same number: %s",
		    (int)lock->holder.pid, lock->holder.program, refuses);
	return audit_text(audit,
			  "process %d, which it names, does not run: the program that "
			  "created it was killed, and if another process gets this "
			  "number, useradd, usermod, userdel and subid wait for that one",
			  (int)lock->holder.pid);
}

int audit_find_stale_lock(struct audit *audit)
{
	const struct audit_host *host = audit->in->host;

	for (enum subid_kind kind = 0; host != NULL && kind < SUBID_KINDS; kind++) {
		const struct audit_host_lock *lock = &host->locks[kind];
		struct audit_finding finding = { .kind = (int)kind };

		if (lock->file.error != 0 || lock->error != 0 ||
		    (lock->holder.alive && !lock->recycled))
			continue;
		finding.file = audit_text(audit, "%s.lock", subid_kind_table(kind));
		audit_advise_run(audit, &finding, "rm%s %s",
				 S_ISDIR(lock->file.mode) ? " -r" : "",
				 audit_quoted(audit, lock->file.path));
		audit_add_finding(audit, &finding, NULL, "%s: %s", lock->file.path,
				  stale_reason(audit, lock));
	}
	return 0;
}

/* Can somebody read or write the backup, but not the table? */
static bool is_more_open(const struct audit_host *host,
			 const struct audit_host_file *table,
			 const struct audit_host_file *backup)
{
	uint32_t everybody = table->mode & 06; /* so may each group */
	uint32_t group = (backup->mode & 060) & ~(everybody << 3);

	if (!audit_is_root(host, backup->uid) && backup->uid != table->uid)
		return true;
	if ((backup->mode & 06 & ~everybody) != 0 ||
	    (backup->acl != AUDIT_ACL_NOBODY && table->acl == AUDIT_ACL_NOBODY))
		return true;
	if (is_roots_group(host, backup->gid))
		return false;
	return backup->gid == table->gid ? (group & ~table->mode) != 0 : group != 0;
}

/* The owner and the mode of the table. */
static void add_backup_fixes(struct audit *audit, struct audit_finding *finding,
			     const struct audit_host_file *table,
			     const struct audit_host_file *backup)
{
	if (backup->acl != AUDIT_ACL_NOBODY)
		audit_add_fix(audit, finding,
			      (struct audit_fix){ .verb = AUDIT_FIX_CLEAR_ACL,
						  .path = backup->path });
	audit_add_fix(audit, finding,
		      (struct audit_fix){
			  .verb = AUDIT_FIX_CHOWN,
			  .path = backup->path,
			  .uid = table->uid,
			  .gid = table->gid,
		      });
	audit_add_fix(audit, finding, chmod_fix(audit, backup->path, MODE(table)));
}

int audit_find_backup_readable(struct audit *audit)
{
	const struct audit_host *host = audit->in->host;

	for (enum subid_kind kind = 0; host != NULL && kind < SUBID_KINDS; kind++) {
		const struct audit_host_file *table = &host->tables[kind];
		const struct audit_host_file *backup = &host->backups[kind];
		struct audit_finding finding = { .kind = (int)kind };

		if (table->error != 0 || backup->error != 0 || !S_ISREG(table->mode) ||
		    !S_ISREG(backup->mode) || !is_more_open(host, table, backup))
			continue;
		finding.file = audit_text(audit, "%s-", subid_kind_table(kind));
		add_backup_fixes(audit, &finding, table, backup);
		audit_add_finding(
		    audit, &finding, NULL,
		    "%s has mode %04o, uid %u, gid %u%s, its table %s has mode %04o, uid"
		    " %u, gid %u: more people can read or write the backup",
		    backup->path, MODE(backup), backup->uid, backup->gid,
		    backup->acl == AUDIT_ACL_NOBODY ? "" : " and an access list",
		    table->path, MODE(table), table->uid, table->gid);
	}
	return 0;
}

/* Appends a path that no rule watches: to the sentence, and to the commands. */
static void add_unwatched(struct audit *audit, const char *path, const char **list,
			  struct audit_finding *finding)
{
	path += audit->in->host->prefix_len;
	*list = audit_join(audit, *list, ", ", path);
	audit_add_fix(audit, finding,
		      (struct audit_fix){
			  .verb = AUDIT_FIX_APPEND,
			  .path = audit_in_etc(audit, "audit/rules.d/subid.rules"),
			  .text = audit_text(audit, "-w %s -p wa -k subid", path),
		      });
}

int audit_find_no_audit_watch(struct audit *audit)
{
	const struct audit_host *host = audit->in->host;
	struct audit_finding finding = { .kind = -1, .file = "audit/rules.d" };
	const char *list = "";

	if (host == NULL || host->rules_error != 0)
		return 0;
	if (!host->has_audit)
		audit_advise_run(
		    audit, &finding, "mkdir -p -m 0750 %s",
		    audit_quoted(audit, audit_in_etc(audit, "audit/rules.d")));
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (!host->watched[kind])
			add_unwatched(audit, host->tables[kind].path, &list, &finding);
	for (size_t i = 0; i < host->n_helpers; i++)
		if (!host->helpers[i].watched)
			add_unwatched(audit, host->helpers[i].path, &list, &finding);
	if (*list == '\0')
		return 0;
	if (!host->image)
		audit_add_fix(audit, &finding,
			      (struct audit_fix){ .verb = AUDIT_FIX_LOAD });
	finding.fixes_need_more = !host->has_audit;
	audit_add_finding(
	    audit, &finding,
	    host->has_audit ? NULL : "Install auditd (apt-get install auditd), then:",
	    "No audit rule in %s watches %s: who changed %s, and when, cannot"
	    " be found out afterwards",
	    audit_in_etc(audit, "audit"), list,
	    strchr(list, ',') == NULL ? "it" : "them");
	return 0;
}
