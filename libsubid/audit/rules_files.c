/* SPDX-License-Identifier: MIT */
/*
 * What the rules about files share: who can write one, and how commands name it.
 */
#include <sys/stat.h>

#include "libsubid/audit/private.h"

/* Threat: a file of an image may be called "; rm -rf /", and what we print is meant
 * to be pasted into root's shell. */
const char *audit_quoted(struct subid_audit *audit, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._-+,:@%=";
	const char *quoted = "'";

	if (text[strspn(text, plain)] == '\0')
		return text;
	while (*text != '\0') {
		size_t len = strcspn(text, "'");

		quoted = audit_text(audit, "%s%.*s%s", quoted, (int)len, text,
				    text[len] == '\'' ? "'\\''" : "");
		text += len + (text[len] == '\'');
	}
	return audit_text(audit, "%s'", quoted);
}

const char *audit_in_etc(struct subid_audit *audit, const char *name)
{
	const struct subid_host *host = audit->in->host;

	return audit_text(audit, "%s/%s", host == NULL ? SUBID_SYSCONFDIR : host->etc,
			  name);
}

bool audit_is_root(const struct subid_host *host, uint32_t uid)
{
	return uid == 0 || uid == host->root_uid;
}

bool audit_is_roots_group(const struct subid_host *host, uint32_t gid)
{
	return gid == 0 || gid == host->root_gid;
}

const char *audit_join(struct subid_audit *audit, const char *a, const char *with,
		       const char *b)
{
	return *a == '\0' ? b : audit_text(audit, "%s%s%s", a, with, b);
}

static const char *acl_reason(struct subid_audit *audit,
			      const struct subid_host_file *file)
{
	if (file->acl == SUBID_ACL_DAMAGED)
		return "its access list is damaged";
	return audit_text(audit, "its access list lets %s %u write it",
			  file->acl == SUBID_ACL_USER ? "uid" : "gid", file->acl_id);
}

static const char *chown_command(struct subid_audit *audit, const char *path)
{
	const struct subid_host *host = audit->in->host;

	return host->root_uid == 0 && host->root_gid == 0
		   ? audit_text(audit, "chown root:root %s", path)
		   : audit_text(audit, "chown %u:%u %s", host->root_uid, host->root_gid,
				path);
}

const char *audit_who_writes(struct subid_audit *audit,
			     const struct subid_host_file *file, const char **ret_remedy)
{
	const struct subid_host *host = audit->in->host;
	bool group = file->group_writes && !audit_is_roots_group(host, file->gid);
	bool foreign = !audit_is_root(host, file->uid);
	const char *path, *reason = "", *remedy = "";

	if (file->error != 0)
		return NULL;
	path = audit_quoted(audit, file->path);
	if (foreign) {
		reason = audit_text(audit, "it belongs to uid %u, not to %s", file->uid,
				    host->image ? "the owner of the image" : "root");
		remedy = chown_command(audit, path);
	}
	if (file->acl != SUBID_ACL_NOBODY) {
		reason = audit_join(audit, reason, "; ", acl_reason(audit, file));
		remedy = audit_join(audit, remedy, " && ",
				    audit_text(audit, "setfacl -b %s", path));
	}
	if ((file->mode & S_IWOTH) != 0)
		reason = audit_join(audit, reason, "; ",
				    audit_text(audit, "mode %04o: everybody can write it",
					       file->mode & 07777));
	else if (group)
		reason = audit_join(
		    audit, reason, "; ",
		    audit_text(audit, "mode %04o: its group, gid %u, can write it",
			       file->mode & 07777, file->gid));
	if ((file->mode & S_IWOTH) != 0 || group)
		remedy = audit_join(
		    audit, remedy, " && ",
		    audit_text(audit, "chmod %04o %s", file->mode & 07777 & ~022U, path));
	*ret_remedy = remedy;
	return *reason == '\0' ? NULL : reason;
}

const char *audit_who_replaces(struct subid_audit *audit,
			       const struct subid_host_way *way, size_t i,
			       const char **ret_remedy)
{
	struct subid_host_file directory = way->files[i];

	if ((directory.mode & S_ISVTX) != 0 && way->files[i + 1].error == 0) {
		directory.mode &= ~(uint32_t)S_IWOTH;
		directory.group_writes = false;
		directory.acl = SUBID_ACL_NOBODY;
	}
	return audit_who_writes(audit, &directory, ret_remedy);
}

size_t audit_count_grants(const struct subid_audit *audit, enum subid_kind kind)
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
