/* SPDX-License-Identifier: MIT */
/*
 * The rules about newuidmap and newgidmap.  Of the files with these names on the
 * standard PATH only those that can be run are looked at.
 */
#include <errno.h>
#include <linux/capability.h>
#include <sys/stat.h>

#include "libsubid/audit/private.h"

#define CAP_BIT(capability) (1ULL << (capability))
#define ARRAY(a)	    (sizeof(a) / sizeof((a)[0]))

/* What each of the two needs; by kind. */
static const struct {
	const char *name;
	const char *capability;
	uint64_t needed;
	uint64_t allowed; /* newuidmap maps the parent's id 0 with CAP_SETFCAP only */
} programs[SUBID_KINDS] = {
	[SUBID_UID] = { "newuidmap", "cap_setuid", CAP_BIT(CAP_SETUID),
			CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETFCAP) },
	[SUBID_GID] = { "newgidmap", "cap_setgid", CAP_BIT(CAP_SETGID),
			CAP_BIT(CAP_SETGID) },
};

/* capabilities(7), by number */
/* clang-format off */
static const char *const capability_names[] = {
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill",
	"setgid", "setuid", "setpcap", "linux_immutable", "net_bind_service",
	"net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
	"sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct",
	"sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time",
	"sys_tty_config", "mknod", "lease", "audit_write", "audit_control",
	"setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm",
	"block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore",
};
/* clang-format on */

static const struct audit_host_file *program_of(const struct audit_host_helper *helper)
{
	return &helper->walk.files[helper->walk.n - 1];
}

static struct audit_finding at(const struct audit_host_helper *helper)
{
	return (struct audit_finding){ .kind = (int)helper->kind, .file = helper->path };
}

static bool is_setuid_root(const struct audit_host *host,
			   const struct audit_host_helper *helper)
{
	const struct audit_host_file *file = program_of(helper);

	return (file->mode & S_ISUID) != 0 && audit_is_root(host, file->uid);
}

static bool has_capability(const struct audit_host *host,
			   const struct audit_host_helper *helper)
{
	const struct audit_host_caps *caps = &helper->caps;

	return caps->error == 0 && caps->effective &&
	       (caps->permitted & programs[helper->kind].needed) != 0 &&
	       audit_is_root(host, caps->rootid);
}

int audit_find_helper_missing(struct audit *audit)
{
	const struct audit_host *host = audit->in->host;
	bool found[SUBID_KINDS] = { false };
	size_t grants;

	if (host == NULL || !host->has_programs)
		return 0;
	grants =
	    audit_count_grants(audit, SUBID_UID) + audit_count_grants(audit, SUBID_GID);
	for (size_t i = 0; i < host->n_helpers; i++)
		found[host->helpers[i].kind] = true;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		if (found[kind] || grants == 0)
			continue;
		(void)audit_add_finding(
		    audit,
		    &(struct audit_finding){
			.kind = (int)kind,
			.file =
			    audit_text(audit, "%.*s/usr/bin/%s", (int)host->prefix_len,
				       host->etc, programs[kind].name),
		    },
		    host->image ? "Install subid in the image, or the package uidmap"
				: "apt-get install uidmap, or, in the sources of subid,"
				  " make install",
		    "No executable %s is in /usr/local/sbin, /usr/local/bin,"
		    " /usr/sbin, /usr/bin, /sbin or /bin, while %zu %s of the tables %s"
		    " ids: rootless containers cannot use them",
		    programs[kind].name, grants, grants == 1 ? "line" : "lines",
		    grants == 1 ? "gives" : "give");
	}
	return 0;
}

static const char *unprivileged_reason(struct audit *audit,
				       const struct audit_host_helper *helper)
{
	const struct audit_host_file *file = program_of(helper);
	const struct audit_host_caps *caps = &helper->caps;
	const char *capability = programs[helper->kind].capability;

	if ((file->mode & S_ISUID) != 0)
		return audit_text(audit, "it is setuid to uid %u, not to root",
				  file->uid);
	if (caps->error == EINVAL)
		return "its file capabilities are damaged, and the kernel refuses to"
		       " run it";
	if (caps->error != 0)
		return audit_text(audit,
				  "it is not setuid (mode %04o) and has no file"
				  " capabilities",
				  file->mode & 07777);
	if ((caps->permitted & programs[helper->kind].needed) == 0)
		return audit_text(audit, "its file capabilities lack %s", capability);
	if (!caps->effective)
		return audit_text(audit,
				  "its capability %s is not in effect (+p, not +ep)",
				  capability);
	return audit_text(audit,
			  "its capability %s holds only in user namespaces whose root is"
			  " uid %u",
			  capability, caps->rootid);
}

/*
 * Threat: whoever could write a helper may have replaced its content, and no command of
 * ours may make that root's.
 */
static const char *install_again(struct audit *audit)
{
	return audit->in->host->image
		   ? "Install it in the image again (subid, or the package uidmap): its"
		     " content may have been changed"
		   : "Install it again, since its content may have been changed: apt-get"
		     " install --reinstall uidmap, or, in the sources of subid, make "
		     "install";
}

/* Just the capability that it needs. */
static struct audit_fix setcap_fix(struct audit *audit,
				   const struct audit_host_helper *helper)
{
	return (struct audit_fix){
		.verb = AUDIT_FIX_SETCAP,
		.path = helper->path,
		.text = audit_text(audit, "%s+ep", programs[helper->kind].capability),
	};
}

static const char *privilege_remedy(struct audit *audit, struct audit_finding *finding,
				    const struct audit_host_helper *helper)
{
	struct audit_finding unused = { .kind = -1 };

	if (audit_who_writes(audit, program_of(helper), &unused) != NULL)
		return install_again(audit);
	audit_advise(audit, finding,
		     helper->caps.error != ENODATA
			 ? setcap_fix(audit, helper)
			 : (struct audit_fix){ .verb = AUDIT_FIX_CHMOD,
					       .path = helper->path,
					       .text = "u+s" });
	return NULL;
}

int audit_find_helper_unprivileged(struct audit *audit)
{
	const struct audit_host *host = audit->in->host;

	for (size_t i = 0; host != NULL && i < host->n_helpers; i++) {
		const struct audit_host_helper *helper = &host->helpers[i];
		struct audit_finding finding = at(helper);
		int error = helper->caps.error;

		if (is_setuid_root(host, helper) || has_capability(host, helper) ||
		    (error != 0 && error != ENODATA && error != EINVAL))
			continue;
		audit_add_finding(audit, &finding,
				  privilege_remedy(audit, &finding, helper),
				  "%s cannot write a map: %s", helper->path,
				  unprivileged_reason(audit, helper));
	}
	return 0;
}

/* "cap_chown, cap_kill" for the bits. */
static const char *name_capabilities(struct audit *audit, uint64_t bits)
{
	const char *names = "";

	for (unsigned int i = 0; i < 64; i++) {
		if ((bits & CAP_BIT(i)) == 0)
			continue;
		names = i < ARRAY(capability_names)
			    ? audit_text(audit, "%s%scap_%s", names,
					 *names == '\0' ? "" : ", ", capability_names[i])
			    : audit_text(audit, "%s%scapability %u", names,
					 *names == '\0' ? "" : ", ", i);
	}
	return names;
}

/* A finding whose remedy removes privilege, and so is safe. */
static void report_mended(struct audit *audit, const struct audit_host_helper *helper,
			  struct audit_fix fix, const char *reason)
{
	struct audit_finding finding = at(helper);

	audit_add_fix(audit, &finding, fix);
	audit_add_finding(audit, &finding, NULL, "%s %s", helper->path, reason);
}

int audit_find_helper_double(struct audit *audit)
{
	const struct audit_host *host = audit->in->host;

	for (size_t i = 0; host != NULL && i < host->n_helpers; i++) {
		const struct audit_host_helper *helper = &host->helpers[i];
		uint32_t mode = program_of(helper)->mode;
		uint64_t permitted = helper->caps.error == 0 ? helper->caps.permitted : 0;
		uint64_t extra = permitted & ~programs[helper->kind].allowed;
		const char *capability = programs[helper->kind].capability;

		if ((mode & S_ISUID) != 0 && permitted != 0)
			report_mended(audit, helper,
				      (struct audit_fix){ .verb = AUDIT_FIX_SETCAP,
							  .path = helper->path,
							  .text = "" },
				      audit_text(audit,
						 "is setuid (mode %04o) and has file"
						 " capabilities (%s): one of the two is"
						 " enough",
						 mode & 07777,
						 name_capabilities(audit, permitted)));
		else if (extra != 0)
			report_mended(
			    audit, helper, setcap_fix(audit, helper),
			    audit_text(audit,
				       "has %s, which it does not need: %s is enough",
				       name_capabilities(audit, extra), capability));
		if ((mode & S_ISGID) != 0)
			report_mended(
			    audit, helper,
			    (struct audit_fix){ .verb = AUDIT_FIX_CHMOD,
						.path = helper->path,
						.text = "g-s" },
			    audit_text(audit,
				       "is setgid (mode %04o), which it does not"
				       " need",
				       mode & 07777));
	}
	return 0;
}

/* Was this file on the path of a helper before? */
static bool is_reported(const struct audit_host *host, size_t helper, const char *path)
{
	for (size_t i = 0; i < helper; i++)
		for (size_t j = 0; j < host->helpers[i].walk.n; j++)
			if (strcmp(host->helpers[i].walk.files[j].path, path) == 0)
				return true;
	return false;
}

static void report_program(struct audit *audit, const struct audit_host_helper *helper,
			   const char *reason)
{
	const char *path = program_of(helper)->path;

	(void)audit_add_finding(
	    audit, &(struct audit_finding){ .kind = (int)helper->kind, .file = path },
	    install_again(audit),
	    "%s: %s; whoever can write it can change what everybody runs as %s", path,
	    reason, helper->path);
}

static void report_directory(struct audit *audit, const struct audit_host_helper *helper,
			     const struct audit_finding *finding, const char *reason)
{
	audit_add_finding(
	    audit, finding, NULL,
	    "%s is a directory on the path of a helper: %s; whoever can write "
	    "it can replace %s",
	    finding->file, reason, helper->path);
}

int audit_find_helper_writable(struct audit *audit)
{
	const struct audit_host *host = audit->in->host;

	for (size_t i = 0; host != NULL && i < host->n_helpers; i++) {
		const struct audit_host_helper *helper = &host->helpers[i];

		for (size_t j = 0; j < helper->walk.n; j++) {
			const struct audit_host_file *file = &helper->walk.files[j];
			bool is_program = j + 1 == helper->walk.n;
			struct audit_finding finding = {
				.kind = (int)helper->kind,
				.file = file->path,
			};
			const char *reason =
			    is_program
				? audit_who_writes(audit, file, &finding)
				: audit_who_replaces(audit, &helper->walk, j, &finding);

			if (reason == NULL || is_reported(host, i, file->path))
				continue;
			if (is_program)
				report_program(audit, helper, reason);
			else
				report_directory(audit, helper, &finding, reason);
		}
	}
	return 0;
}

int audit_find_helper_nosuid(struct audit *audit)
{
	const struct audit_host *host = audit->in->host;

	for (size_t i = 0; host != NULL && i < host->n_helpers; i++) {
		const struct audit_host_helper *helper = &host->helpers[i];
		struct audit_finding finding = at(helper);

		if (!helper->nosuid)
			continue;
		audit_advise_run(audit, &finding,
				 "mount -o remount,suid \"$(findmnt -n -o TARGET --target"
				 " %s)\"",
				 audit_quoted(audit, program_of(helper)->path));
		audit_add_finding(
		    audit, &finding,
		    "mount it without nosuid, and take that out of its line in "
		    "/etc/fstab",
		    "%s is on a file system that is mounted nosuid: the kernel ignores"
		    " its setuid bit and its file capabilities, and it can write no map",
		    helper->path);
	}
	return 0;
}

/* The first is what most users run; dpkg would bring the second back. */
static const char *shadowed_remedy(struct audit *audit, struct audit_finding *finding,
				   const char *first, const char *second)
{
	const char *kept = audit_quoted(audit, first),
		   *other = audit_quoted(audit, second);

	if (audit->in->host->image)
		audit_advise_run(audit, finding, "rm %s", other);
	else
		audit_advise_run(audit, finding,
				 "dpkg-divert --local --rename --add %s && ln -s %s %s",
				 other, kept, other);
	return audit_text(audit,
			  "keep one of them; the command keeps %s, and to keep the other "
			  "one, remove it",
			  first);
}

int audit_find_helper_shadowed(struct audit *audit)
{
	const struct audit_host *host = audit->in->host;
	const struct audit_host_helper *first[SUBID_KINDS] = { NULL };

	for (size_t i = 0; host != NULL && i < host->n_helpers; i++) {
		const struct audit_host_helper *helper = &host->helpers[i];
		struct audit_finding finding = at(helper);
		const char *path;

		if (first[helper->kind] == NULL) {
			first[helper->kind] = helper;
			continue;
		}
		path = first[helper->kind]->path;
		audit_add_finding(
		    audit, &finding, shadowed_remedy(audit, &finding, path, helper->path),
		    "%s and %s are two programs: which of them runs depends"
		    " on each caller's PATH, and they may decide differently",
		    path, helper->path);
	}
	return 0;
}
