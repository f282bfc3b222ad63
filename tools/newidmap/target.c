/* SPDX-License-Identifier: MIT */
/*
 * The process whose namespace gets the map: opened once, and the caller's own.  Rules
 * 2 and 3 of newidmap.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libsubid/policy/policy.h"
#include "tools/newidmap/private.h"

/*
 * Rule 2.  fd:N must be a directory of the procfs that we see at /proc, which is
 * not the top one: /proc/PID or /proc/PID/task/TID.  Nothing else in a procfs
 * has a uid_map in it.
 */
int open_target(struct call *call, const char *text)
{
	char path[sizeof("/proc/4294967295")];
	struct stat proc, dir;
	struct statfs fs;
	uint32_t number;

	if (strncmp(text, "fd:", 3) == 0) {
		if (!parse_id(text + 3, &number) || number > INT32_MAX)
			return fail(call->kind, "'%.40s': not a descriptor", text);
		call->target = fcntl((int)number, F_DUPFD_CLOEXEC, 3);
	} else {
		if (!parse_id(text, &number) || number == 0 || number > INT32_MAX)
			return fail(call->kind, "'%.40s': not a process id", text);
		(void)snprintf(path, sizeof(path), "/proc/%u", number);
		call->target = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (call->target < 0)
		return fail(call->kind, "Could not open proc directory for target %s: %s",
			    text, strerror(errno));
	if (fstat(call->target, &dir) < 0 || stat("/proc", &proc) < 0 ||
	    fstatfs(call->target, &fs) < 0)
		return fail(call->kind, "Could not stat directory for target process: %s",
			    strerror(errno));
	if (fs.f_type != PROC_SUPER_MAGIC || !S_ISDIR(dir.st_mode) ||
	    dir.st_dev != proc.st_dev || dir.st_ino == proc.st_ino)
		return fail(call->kind, "%s: not a directory /proc/PID", text);
	return 0;
}

/* GRANT_AUX_GROUP_SUBIDS in login.defs; what cannot be read grants nothing. */
static bool any_group_will_do(const struct call *call)
{
	struct subid_policy policy;
	struct subid_place place;

	return subid_policy_load(call->etc, true, &policy, &place) == 0 &&
	       policy.grant_aux_group_subids;
}

/* Rule 3. */
int check_target(const struct call *call)
{
	struct stat st;

	if (fstat(call->target, &st) < 0)
		return fail(call->kind, "Could not stat directory for target process: %s",
			    strerror(errno));
	if (call->uid == call->caller.uid && call->uid == st.st_uid &&
	    call->gid == st.st_gid &&
	    (call->gid == call->caller.gid || any_group_will_do(call)))
		return 0;
	log_refusal(call, &call->lines[0], -EPERM);
	return fail(call->kind,
		    "Target process is owned by a different user:"
		    " uid:%u pw_uid:%u st_uid:%u, gid:%u pw_gid:%u st_gid:%u",
		    call->uid, call->caller.uid, st.st_uid, call->gid, call->caller.gid,
		    st.st_gid);
}
