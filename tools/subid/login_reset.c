/* SPDX-License-Identifier: MIT */
/*
 * What this process inherited from the host (limits, signals, priority, cgroups, ...) is
 * set back to what a service has that init starts.
 *
 * Threat: the host may be a user's su, with limits, a nice value or a cgroup of the
 * user's choice: the user could keep this process from ending while it holds the locks of
 * the account database.
 *
 * The uid of the login session (loginuid) is kept: audit records name it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid/login.h"

/* --- what a process has ------------------------------------------------------------- */

/* Of /proc/PID/status. */
struct status {
	unsigned long long capabilities; /* CapEff */
	unsigned int filters;		 /* seccomp's, at least so many */
	bool no_new_privs;
};

/* The number after "NAME:"; 0 if there is no such line. */
static unsigned long long number_of(const char *text, const char *name, int base)
{
	const char *at = strstr(text, name);

	return at == NULL ? 0 : strtoull(at + strlen(name), NULL, base);
}

/* 0 or -errno. */
static int read_status(const char *pid, struct status *ret)
{
	auto_text struct subid_text text = { .bytes = NULL };
	char path[32];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%s/status", pid);
	r = subid_text_read_max(AT_FDCWD, path, false, 1 << 16, &text);
	if (r < 0)
		return r;
	ret->capabilities = number_of(text.bytes, "\nCapEff:", 16);
	ret->no_new_privs = number_of(text.bytes, "\nNoNewPrivs:", 10) != 0;
	ret->filters = (unsigned int)number_of(text.bytes, "\nSeccomp_filters:", 10);
	if (ret->filters == 0 && number_of(text.bytes, "\nSeccomp:", 10) != 0)
		ret->filters = 1; /* before Linux 5.9 they are not counted */
	return 0;
}

/*
 * Restrictions that a process cannot remove.  Those that init has as well are the
 * container's: no service and no user has added them.
 */
static const char *find_restriction(void)
{
	static const struct {
		unsigned int capability;
		const char *why;
	} needed[] = {
		{ CAP_CHOWN, "it lacks CAP_CHOWN" },
		{ CAP_DAC_OVERRIDE, "it lacks CAP_DAC_OVERRIDE" },
		{ CAP_FOWNER, "it lacks CAP_FOWNER" },
	};
	struct status own, init = { .filters = 0 };

	if (read_status("self", &own) < 0)
		return "/proc/self/status cannot be read";
	(void)read_status("1", &init); /* or nothing is excused */
	if (own.filters > init.filters)
		return "a seccomp filter restricts it";
	if (own.no_new_privs && !init.no_new_privs)
		return "no_new_privs is set";
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if ((own.capabilities & 1ULL << needed[i].capability) == 0)
			return needed[i].why;
	return NULL;
}

#define UNLIMITED RLIM_INFINITY

/* The limits of init's children, and the lowest one that will do. */
static const struct {
	__rlimit_resource_t limit;
	rlim_t soft, hard, enough;
	const char *why;
} limits[] = {
	{ RLIMIT_CPU, UNLIMITED, UNLIMITED, UNLIMITED,
	  "the limit on processor time (RLIMIT_CPU) cannot be lifted" },
	{ RLIMIT_FSIZE, UNLIMITED, UNLIMITED, UNLIMITED,
	  "the limit on the size of files (RLIMIT_FSIZE) cannot be lifted" },
	{ RLIMIT_DATA, UNLIMITED, UNLIMITED, UNLIMITED,
	  "the limit on data (RLIMIT_DATA) cannot be lifted" },
	{ RLIMIT_AS, UNLIMITED, UNLIMITED, UNLIMITED,
	  "the limit on memory (RLIMIT_AS) cannot be lifted" },
	{ RLIMIT_RSS, UNLIMITED, UNLIMITED, 0, NULL },
	{ RLIMIT_LOCKS, UNLIMITED, UNLIMITED, UNLIMITED,
	  "the limit on locks (RLIMIT_LOCKS) cannot be lifted" },
	{ RLIMIT_STACK, 8 << 20, UNLIMITED, 1 << 20,
	  "the limit on the stack (RLIMIT_STACK) cannot be lifted" },
	{ RLIMIT_NOFILE, 1024, 4096, 256,
	  "the limit on open files (RLIMIT_NOFILE) cannot be lifted" },
	{ RLIMIT_NPROC, UNLIMITED, UNLIMITED, 0, NULL },
	{ RLIMIT_CORE, 0, UNLIMITED, 0, NULL },
	{ RLIMIT_RTTIME, UNLIMITED, UNLIMITED, 0, NULL },
};

static const char *reset_limits(void)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit limit = { limits[i].soft, limits[i].hard };

		if (setrlimit(limits[i].limit, &limit) == 0)
			continue;
		/* as high as allowed */
		if (getrlimit(limits[i].limit, &limit) == 0) {
			limit.rlim_cur = limit.rlim_max < limits[i].soft ? limit.rlim_max
									 : limits[i].soft;
			(void)setrlimit(limits[i].limit, &limit);
		}
		if (limit.rlim_cur < limits[i].enough)
			return limits[i].why;
	}
	return NULL;
}

/*
 * All but SIGKILL and SIGSTOP.  By the system call: glibc's functions refuse the two
 * signals that it uses itself, and its posix_spawn(3) leaves these ignored.
 */
static void reset_signals(void)
{
	/* the kernel's struct sigaction: a handler, flags, a restorer, a mask; SIG_DFL is
	 * 0 */
	const unsigned long usual[8] = { 0 };
	sigset_t none;

	for (int i = 1; i < _NSIG; i++)
		if (i != SIGPIPE && i != SIGXFSZ)
			(void)syscall(SYS_rt_sigaction, i, usual, NULL, _NSIG / 8);
	/* a module that has ended must not end this process in the middle of its work */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A process of low priority must not hold a lock that others wait for. */
static const char *reset_priority(void)
{
	const struct sched_param usual = { .sched_priority = 0 };
	cpu_set_t all;

	if (setpriority(PRIO_PROCESS, 0, 0) < 0 && getpriority(PRIO_PROCESS, 0) > 0)
		return "its nice value cannot be set back";
	if (sched_setscheduler(0, SCHED_OTHER, &usual) < 0 &&
	    sched_getscheduler(0) != SCHED_OTHER)
		return "its scheduling policy cannot be set back";
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		      IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, 0));
	memset(&all, 0xff, sizeof(all));
	(void)sched_setaffinity(0, sizeof(all), &all);
	return NULL;
}

/* Which process the kernel ends first when memory is short. */
static void reset_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "0", 1); /* else it may be ended early, as after kill -9 */
	(void)close(fd);
}

const char *login_reset(void)
{
	const char *why;

	reset_signals();
	(void)setsid(); /* fails if it leads one already */
	(void)umask(022);
	(void)prctl(PR_SET_NAME, "subid"); /* execveat() named it after the descriptor */
	/* children need no other descriptors */
	(void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	if (chdir("/") < 0)
		return "its working directory cannot be set back";
	/* first: a seccomp filter may end it at one of the calls that follow */
	why = find_restriction();
	if (why == NULL)
		why = reset_limits();
	if (why == NULL)
		why = reset_priority();
	if (why != NULL)
		return why;
	reset_oom_score();
	if (setresgid(0, 0, 0) < 0)
		return "its group cannot be set back";
	(void)setgroups(0, NULL); /* root's rights do not come from them */
	(void)personality(PER_LINUX);
	/* with an empty one it has none of the user's keys; kernels may lack them */
	(void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	return NULL;
}

/* --- cgroups --------------------------------------------------------------------------
 */

/*
 * Leaves each cgroup that somebody else than root controls.
 *
 * Threat: its owner could freeze this process, or starve it, while it holds the locks
 * that useradd waits for.
 *
 * A cgroup is root's if its directory and all files in it are, and nobody else can write
 * them, whatever files there are.  Below a cgroup that is not root's none is.  Where the
 * kernel says EBUSY, controllers are enabled for the children (cgroups(7), no internal
 * processes): then the next one above is tried.
 */

/* As deep as a cgroup is followed. */
#define DEPTH_MAX 256

/* One hierarchy that this process is in, of /proc/self/cgroup. */
struct hierarchy {
	const char *controllers; /* "" for cgroup v2; one of them is enough to find it */
	size_t controllers_len;
	char *path;
};

/* Where it is mounted, of /proc/self/mountinfo. */
struct mount {
	char *root, *dir;
};

static bool is_roots(const struct stat *st)
{
	return st->st_uid == 0 &&
	       (S_ISLNK(st->st_mode) || (st->st_mode & (S_IWGRP | S_IWOTH)) == 0);
}

/* Version 1: anybody may register for events; that controls nothing. */
#define HARMLESS_FILE "cgroup.event_control"

/* Does root alone control the cgroup?  No if that cannot be found out. */
static bool is_cgroup_roots(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	struct stat st;
	bool roots;

	if (dir == NULL) {
		if (copy >= 0)
			(void)close(copy);
		return false;
	}
	roots = fstat(fd, &st) == 0 && is_roots(&st);
	while (roots && (entry = readdir(dir)) != NULL) {
		/* directories are cgroups of their own */
		if (strcmp(entry->d_name, HARMLESS_FILE) != 0 &&
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    !S_ISDIR(st.st_mode))
			roots = is_roots(&st);
	}
	(void)closedir(dir);
	return roots;
}

/* --- where hierarchies are mounted ---------------------------------------------------
 */

/* mountinfo writes blanks and the like as \040. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
		    from[2] >= '0' && from[2] <= '7' && from[3] >= '0' &&
		    from[3] <= '7') {
			*to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 +
				       (from[3] - '0'));
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

/* Is the word in a list with commas? */
static bool lists(const char *list, const char *word, size_t len)
{
	while (*list != '\0') {
		size_t n = strcspn(list, ",");

		if (n == len && memcmp(list, word, len) == 0)
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

/* A line of mountinfo: is it of this hierarchy, with the path beneath its root? */
static bool is_mount_of(char *line, const struct hierarchy *hierarchy, struct mount *ret)
{
	char *fields[10], *tail = strstr(line, " - ");
	char *type, *options;
	size_t n = 0;

	if (tail == NULL)
		return false;
	*tail = '\0';
	tail += strlen(" - ");
	while (n < 6 && (fields[n] = strsep(&line, " ")) != NULL)
		n++;
	type = strsep(&tail, " ");
	(void)strsep(&tail, " ");
	options = tail;
	if (n < 5 || options == NULL)
		return false;
	if (hierarchy->controllers_len == 0
		? strcmp(type, "cgroup2") != 0
		: strcmp(type, "cgroup") != 0 ||
		      !lists(options, hierarchy->controllers, hierarchy->controllers_len))
		return false;
	unescape(fields[3]);
	unescape(fields[4]);
	ret->root = fields[3];
	ret->dir = fields[4];
	n = strcmp(ret->root, "/") == 0 ? 0 : strlen(ret->root);
	return strncmp(ret->root, hierarchy->path, n) == 0 &&
	       (hierarchy->path[n] == '/' || hierarchy->path[n] == '\0');
}

/* The root of its mount, and in *ret_rest what of the path is beneath.  The descriptor or
 * -errno. */
static int open_hierarchy(const struct hierarchy *hierarchy,
			  const struct subid_text *mounts, const char **ret_rest)
{
	size_t pos = 0, len;
	const char *line;

	while (subid_text_next(mounts, &pos, &line, &len)) {
		auto_free char *copy = strndup(line, len);
		struct mount mount;
		struct statfs fs;
		int fd;

		if (copy == NULL)
			return -ENOMEM;
		if (!is_mount_of(copy, hierarchy, &mount))
			continue;
		fd = open(mount.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		/* something may be mounted over it */
		if (fd >= 0 && fstatfs(fd, &fs) == 0 &&
		    (fs.f_type == CGROUP2_SUPER_MAGIC ||
		     fs.f_type == CGROUP_SUPER_MAGIC)) {
			*ret_rest =
			    hierarchy->path +
			    (strcmp(mount.root, "/") == 0 ? 0 : strlen(mount.root));
			return fd;
		}
		if (fd >= 0)
			(void)close(fd);
	}
	return -ENOENT;
}

/* --- leaving ------------------------------------------------------------------------
 */

/* Moves this process into the cgroup.  0 or -errno. */
static int enter(int cgroup)
{
	auto_close int fd = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, "0", 1) == 1 ? 0 : -errno;
}

/*
 * Opens the cgroups on the path that are root's, from the top on: *ret_n of them, into
 * fds.  True if all are, so that there is none to leave.
 */
static bool walk(int top, char *rest, int fds[DEPTH_MAX], size_t *ret_n)
{
	char *name;
	int fd = top;

	*ret_n = 0;
	for (;;) {
		if (!is_cgroup_roots(fd)) {
			if (*ret_n > 0)
				(void)close(fd);
			return false;
		}
		if (*ret_n == DEPTH_MAX) {
			(void)close(fd);
			return false;
		}
		fds[(*ret_n)++] = fd;
		do
			name = strsep(&rest, "/");
		while (name != NULL && *name == '\0');
		if (name == NULL)
			return true;
		/* ".." is outside of the cgroup namespace */
		fd = strcmp(name, "..") == 0
			 ? -1
			 : openat(fd, name,
				  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return false;
	}
}

/* 0, or -errno: the cgroup is not root's, and cannot be left. */
static int leave(const struct hierarchy *hierarchy, const struct subid_text *mounts)
{
	const char *rest;
	auto_close int top = -1;
	auto_free char *way = NULL;
	int fds[DEPTH_MAX], r = -EACCES;
	size_t n = 0;

	if (strcmp(hierarchy->path, "/") == 0)
		return 0; /* the root cgroup, or that of the namespace */
	top = open_hierarchy(hierarchy, mounts, &rest);
	if (top < 0)
		return top;
	way = strdup(rest);
	if (way == NULL)
		return -ENOMEM;
	if (walk(top, way, fds, &n))
		r = 0;
	for (size_t i = n; r < 0 && i-- > 0;)
		r = enter(fds[i]);
	while (n-- > 1)
		(void)close(fds[n]);
	return r;
}

/* A line of /proc/self/cgroup: NUMBER:CONTROLLERS:PATH. */
static bool parse_line(char *line, struct hierarchy *ret)
{
	char *controllers;

	if (strsep(&line, ":") == NULL || (controllers = strsep(&line, ":")) == NULL ||
	    line == NULL || line[0] != '/')
		return false;
	ret->controllers = controllers;
	ret->controllers_len = strcspn(controllers, ",");
	ret->path = line;
	return true;
}

const char *login_leave_cgroups(void)
{
	auto_text struct subid_text own = { .bytes = NULL }, mounts = { .bytes = NULL };
	static char why[256];
	size_t pos = 0, len;
	const char *line;
	int r = subid_text_read(AT_FDCWD, "/proc/self/cgroup", false, &own);

	if (r == -ENOENT && access("/proc/self", F_OK) == 0)
		return NULL; /* a kernel without cgroups */
	if (r == 0)
		r = subid_text_read(AT_FDCWD, "/proc/self/mountinfo", false, &mounts);
	if (r < 0)
		return "its cgroups cannot be read";
	while (subid_text_next(&own, &pos, &line, &len)) {
		auto_free char *copy = strndup(line, len);
		struct hierarchy hierarchy;

		if (copy == NULL || !parse_line(copy, &hierarchy))
			return "its cgroups cannot be read";
		r = leave(&hierarchy, &mounts);
		if (r < 0) {
			(void)snprintf(
			    why, sizeof(why),
			    "its cgroup %.100s (%.*s) is not root's, and cannot"
			    " be left: %s",
			    hierarchy.path,
			    hierarchy.controllers_len == 0
				? 2
				: (int)hierarchy.controllers_len,
			    hierarchy.controllers_len == 0 ? "v2" : hierarchy.controllers,
			    strerror(-r));
			return why;
		}
	}
	return NULL;
}
