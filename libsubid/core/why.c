/* SPDX-License-Identifier: MIT */
/* Why a file cannot be used, in words that help. */
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsubid/core/files.h"

/* Threat: what a link in an image leads to here is none of the image's. */
#define ETC SUBID_SYSCONFDIR "/"

#define ANYBODY	  ": run this as root"
#define ROOT	  ": is it immutable (lsattr), or forbidden by policy?"
#define MAKE_ROOM ": nothing was changed; make room and try again"

static const struct {
	int error;
	const char *root, *others; /* NULL: the same for all */
} whys[] = {
	{ EACCES, "Permission denied" ROOT, "Permission denied" ANYBODY },
	{ EPERM, "Operation not permitted" ROOT, "Operation not permitted" ANYBODY },
	{ ELOOP,
	  "it is a symbolic link, which neither this nor useradd follows: replace it by a"
	  " copy of the file it leads to",
	  NULL },
	{ ENOLINK,
	  "it is a symbolic link that leads nowhere: what it means cannot be known",
	  NULL },
	{ EBUSY,
	  "it cannot be replaced: is a file mounted on it? Mount the directory"
	  " instead",
	  NULL },
	/* it gets no second name in the directory */
	{ EXDEV,
	  "it cannot be replaced: is a file mounted on it? Mount the directory"
	  " instead",
	  NULL },
	{ ENOSPC, "No space left on device" MAKE_ROOM, NULL },
	{ EDQUOT, "Disk quota exceeded" MAKE_ROOM, NULL },
	{ EROFS,
	  "Read-only file system: nothing was changed; mount it read-write ('findmnt -T"
	  " FILE' has the mount), or if the system is made from an image, change that"
	  " ('subid --root IMAGE ...')",
	  NULL },
	{ ESTALE,
	  "somebody has saved it meanwhile without the lock that useradd takes, too:"
	  " nothing was changed; try again",
	  NULL },
	{ EINVAL, "it is not a regular file", NULL },
};

const char *open_why(int error)
{
	for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]); i++)
		if (whys[i].error == error)
			return whys[i].others == NULL || geteuid() == 0 ? whys[i].root
									: whys[i].others;
	return strerror(error);
}

void open_why_path(const char *path, int error, char *buf, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = error != ELOOP ? -1 : readlink(path, target, sizeof(target) - 1);

	target[n < 0 ? 0 : n] = '\0';
	if (n <= 0)
		(void)snprintf(buf, size, "%s", open_why(error));
	else if (strncmp(target, "/nix/", strlen("/nix/")) == 0 ||
		 strncmp(target, "/etc/static/", strlen("/etc/static/")) == 0)
		(void)snprintf(
		    buf, size,
		    "it is a symbolic link to %s, which NixOS has made: declare"
		    " the ranges in configuration.nix"
		    " (users.users.NAME.subUidRanges, subGidRanges)",
		    target);
	else if (strncmp(path, ETC, strlen(ETC)) == 0)
		(void)snprintf(buf, size,
			       "it is a symbolic link to %s, which neither this nor"
			       " useradd follows: replace it by a copy: cp"
			       " --remove-destination \"$(readlink -f %s)\" %s",
			       target, path, path);
	else
		(void)snprintf(buf, size,
			       "it is a symbolic link to %s, which is not followed:"
			       " replace it by a copy of what it leads to",
			       target);
}

/* What it takes to look at others' processes, and into their mount namespaces. */
static const struct {
	unsigned int bit;
	const char *name;
} sight[] = {
	{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE" },
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	{ CAP_SYS_CHROOT, "CAP_SYS_CHROOT" },
};

void sight_remedy(const char *what, char *buf, size_t size)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	(void)snprintf(buf, size, "run %s %s", what,
		       geteuid() == 0 ? "in the host's user, pid and mount namespaces"
				      : "as root, in the host's namespaces");
	if (geteuid() != 0 || syscall(SYS_capget, &header, data) < 0)
		return;
	for (size_t i = 0; i < sizeof(sight) / sizeof(sight[0]); i++)
		if ((data[0].effective >> sight[i].bit & 1) == 0) {
			(void)snprintf(buf, size,
				       "%s is missing: run %s outside of the container or"
				       " the unit that has dropped it",
				       sight[i].name, what);
			return;
		}
}
