/* SPDX-License-Identifier: MIT */
/*
 * Checks of newuidmap and newgidmap, as the user's programs find them in PATH.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "tools/subid/doctor/doctor.h"

static const char *const names[] = { "newuidmap", "newgidmap" };
static const char *const capabilities[] = { "cap_setuid", "cap_setgid" };
static const unsigned int needed[] = { CAP_SETUID, CAP_SETGID };

#define USUAL_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static uint32_t little_endian(const unsigned char *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

/* The file capabilities of a program. */
static void read_capabilities(const char *path, struct doctor_helper *ret)
{
	unsigned char value[64];
	ssize_t n = getxattr(path, "security.capability", value, sizeof(value));

	ret->readable_caps =
	    n >= 12 || (n < 0 && (errno == ENODATA || errno == EOPNOTSUPP));
	ret->permitted = 0;
	ret->effective = false;
	if (n < 12)
		return;
	ret->effective = (little_endian(value) & 1) != 0;
	ret->permitted = little_endian(value + 4);
	if (n >= 20)
		ret->permitted |= (uint64_t)little_endian(value + 12) << 32;
}

static bool is_privileged(const struct doctor_helper *helper, enum subid_kind kind)
{
	if ((helper->st.st_mode & S_ISUID) != 0)
		return helper->st.st_uid == 0;
	return helper->effective && (helper->permitted & 1ULL << needed[kind]) != 0;
}

const char *doctor_privilege(const struct doctor_helper *helper, enum subid_kind kind)
{
	if (helper->path[0] == '\0' || helper->nosuid || !is_privileged(helper, kind))
		return NULL;
	return (helper->st.st_mode & S_ISUID) != 0 ? "setuid root" : "file capability";
}

static void find_helper(enum subid_kind kind, const char *search,
			struct doctor_helper *ret)
{
	for (const char *at = search; *at != '\0';) {
		size_t len = strcspn(at, ":");
		struct doctor_helper one = { .path = "" };
		struct statvfs vfs;

		if (len > 0 && at[0] == '/')
			(void)snprintf(one.path, sizeof(one.path), "%.*s/%s", (int)len,
				       at, names[kind]);
		at += len + (at[len] == ':');
		if (one.path[0] == '\0' || stat(one.path, &one.st) < 0 ||
		    !S_ISREG(one.st.st_mode) || access(one.path, X_OK) < 0)
			continue;
		one.nosuid =
		    statvfs(one.path, &vfs) == 0 && (vfs.f_flag & ST_NOSUID) != 0;
		read_capabilities(one.path, &one);
		if (ret->path[0] == '\0') {
			*ret = one;
		} else if (ret->other[0] == '\0' && (one.st.st_dev != ret->st.st_dev ||
						     one.st.st_ino != ret->st.st_ino)) {
			(void)snprintf(ret->other, sizeof(ret->other), "%s", one.path);
			ret->other_privileged = is_privileged(&one, kind) && !one.nosuid;
		}
	}
}

void doctor_find_helpers(struct doctor *d)
{
	const char *search = getenv("PATH");

	for (enum subid_kind kind = 0; kind < SUBID_KINDS && d->cli->root == NULL; kind++)
		find_helper(kind, search == NULL ? USUAL_PATH : search,
			    &d->helpers[kind]);
}

const char *doctor_path_of(bool self)
{
	return getenv("PATH") == NULL ? "the usual PATH"
	       : self		      ? "PATH"
	       : geteuid() == 0	      ? "root's PATH"
				      : "your PATH";
}

/* Hands each helper that is there to a check. */
#define EACH_HELPER(d, kind, helper)                                                     \
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)                       \
		for (const struct doctor_helper *helper = &(d)->helpers[kind];           \
		     helper != NULL && helper->path[0] != '\0'; helper = NULL)

void doctor_helper_missing(struct doctor *d)
{
	const struct doctor_helper *helpers = d->helpers;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (helpers[kind].path[0] == '\0')
			doctor_say(
			    d, DOCTOR_FAIL,
			    doctor_text("%s is not in %s", names[kind], d->path_of),
			    "only it can map the ids of a range; podman says:"
			    " exec: \"newuidmap\": executable file not found",
			    "sudo apt-get install uidmap");
	if (!d->said)
		doctor_say(d, DOCTOR_OK,
			   doctor_text("%s and %s are the first in %s%s",
				       helpers[SUBID_UID].path, helpers[SUBID_GID].path,
				       d->path_of,
				       d->self ? "" : "; the user's own may be another"),
			   NULL, NULL);
}

void doctor_helper_nosuid(struct doctor *d)
{
	EACH_HELPER(d, kind, helper)
	{
		struct doctor_mount mount = { .where = "/" };

		if (!helper->nosuid)
			continue;
		(void)doctor_find_mount(d, helper->path, &mount);
		doctor_say(d, DOCTOR_FAIL,
			   doctor_text("%s is on %s, which is mounted nosuid",
				       helper->path, mount.where),
			   "the kernel ignores its setuid bit and its capability",
			   doctor_text("sudo mount -o remount,suid %s", mount.where));
	}
}

void doctor_helper_unprivileged(struct doctor *d)
{
	EACH_HELPER(d, kind, helper)
	{
		const char *lost;

		if (is_privileged(helper, kind) ||
		    (!helper->readable_caps && (helper->st.st_mode & S_ISUID) == 0))
			continue;
		if (helper->other_privileged)
			continue; /* another row says so */
		lost =
		    (helper->st.st_mode & S_ISUID) != 0
			? doctor_text("is setuid, but to uid %u", helper->st.st_uid)
		    : helper->permitted != 0
			? doctor_text("has capabilities, but not %s+ep",
				      capabilities[kind])
			: doctor_text("is not setuid (mode %04o) and has no capability",
				      helper->st.st_mode & 07777);
		doctor_say(d, DOCTOR_FAIL, doctor_text("%s %s", helper->path, lost),
			   "it may not write a map: copies and some backups lose that",
			   (helper->st.st_mode & S_ISUID) != 0
			       ? "sudo apt-get install --reinstall uidmap"
			       : doctor_text("sudo setcap %s+ep %s", capabilities[kind],
					     helper->path));
	}
}

void doctor_helper_double(struct doctor *d)
{
	EACH_HELPER(d, kind, helper)
	{
		if ((helper->st.st_mode & S_ISUID) == 0 || helper->permitted == 0)
			continue;
		doctor_say(
		    d, DOCTOR_WARN,
		    doctor_text("%s is setuid and has a file capability", helper->path),
		    "one is enough; with both, what it may do is that of the"
		    " capability alone, and shadow's fails",
		    doctor_text("sudo setcap -r %s", helper->path));
	}
}

/* What ends that a helper is the first in PATH; it may be a package's, or for others. */
static const char *take_out(const char *path)
{
	int folder = (int)(strrchr(path, '/') - path);

	return doctor_text("take %.*s out of PATH, or put it last, in ~/.profile or"
			   " where it is set",
			   folder == 0 ? 1 : folder, path);
}

void doctor_helper_path(struct doctor *d)
{
	EACH_HELPER(d, kind, helper)
	{
		bool right = is_privileged(helper, kind) && !helper->nosuid;

		if (helper->other[0] == '\0' || (right && !helper->other_privileged) ||
		    (!right && !helper->other_privileged))
			continue;
		if (!right)
			doctor_say(d, DOCTOR_FAIL,
				   doctor_text("%s stands before %s in %s, and has no"
					       " privilege",
					       helper->path, helper->other, d->path_of),
				   "programs run the first one", take_out(helper->path));
		else
			doctor_say(d, DOCTOR_OK,
				   doctor_text("%s is used; %s stands after it in %s",
					       helper->path, helper->other, d->path_of),
				   NULL, NULL);
	}
}
