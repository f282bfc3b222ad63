/* SPDX-License-Identifier: MIT */
/*
 * The kernel beneath newuidmap and newgidmap, for helper_support.h: /etc, /proc and
 * /run are directories of the test, capabilities are given and taken as
 * capabilities(7) has it, and each call can be made to fail.  The rules at the head of
 * tools/newidmap/newidmap.c that can be seen at a call are asserted at each.
 */
#pragma once

#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>

#include "inject.h"

static FILE *messages;

#pragma push_macro("fail") /* cmocka has one, too */
#undef fail
#undef stderr
#define stderr messages
#include "tools/newidmap/newidmap.c"
#include "tools/newidmap/words.c"
#undef stderr
#pragma pop_macro("fail")

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

#define ALICE	 2001
#define BOB	 2002
#define TARGET	 "4242"
#define ALL_CAPS 0xffffffffU

static const struct idmap_kind uid_kind = { SUBID_UID, "newuidmap", "uid_map",
					    CAP_SETUID };
static const struct idmap_kind gid_kind = { SUBID_GID, "newgidmap", "gid_map",
					    CAP_SETGID };

/* An account that the name service alone knows. */
struct far_account {
	const char *name;
	uid_t uid;
	uid_t lie; /* the uid that is answered instead; 0: none */
};

static struct {
	int root;  /* has etc, proc, run */
	bool runs; /* the helper; else what is called is the test's own doing */
	const struct idmap_kind *kind;
	/* the process */
	uid_t uid, euid;
	gid_t gid, egid;
	uint32_t permitted, effective;
	bool keeps_capabilities;
	bool no_new_privs;
	bool copied;  /* the program has no setuid bit */
	bool bounded; /* the bounding set has no capability */
	bool env_is_cleared;
	/* the target */
	uid_t target_uid;
	gid_t target_gid;
	ino_t target_ino;
	unsigned int maps_written;
	long page_size; /* 0: the real one */
	/* others */
	const struct far_account *accounts;
	size_t n_accounts;
	unsigned int accounts_asked;
	int source_answer;
	const struct subid_owned_range *source_ranges;
	size_t n_source_ranges;
	bool no_log;
	unsigned int logged;
	char log_text[512]; /* of the last line */
	char log_fields[512];
} machine;

/* --- what the program calls -----------------------------------------------------------
 */

FAULT(ssize_t, -1, read, (int fd, void *buf, size_t size), (fd, buf, size))
FAULT_TWIN(ssize_t, -1, __read_chk, "read", (int fd, void *buf, size_t size, size_t room),
	   (fd, buf, size, room))
FAULT(ssize_t, -1, pread, (int fd, void *buf, size_t size, off_t at), (fd, buf, size, at))
FAULT_TWIN(ssize_t, -1, __pread_chk, "pread",
	   (int fd, void *buf, size_t size, off_t at, size_t room),
	   (fd, buf, size, at, room))
FAULT(int, -1, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))
FAULT(void *, MAP_FAILED, mmap,
      (void *at, size_t size, int prot, int flags, int fd, off_t offset),
      (at, size, prot, flags, fd, offset))
FAULT(void *, NULL, malloc, (size_t size), (size))
FAULT(void *, NULL, calloc, (size_t n, size_t size), (n, size))
FAULT(void *, NULL, realloc, (void *old, size_t size), (old, size))
FAULT(void *, NULL, reallocarray, (void *old, size_t n, size_t size), (old, n, size))
FAULT(char *, NULL, strndup, (const char *text, size_t len), (text, len))

/* Rules 1 and 6: what may be done before these are true is not much. */
static void assert_harmless(const char *what)
{
	if (!machine.env_is_cleared)
		fail_msg("%s with an environment", what);
	if (machine.euid != machine.uid || machine.egid != machine.gid)
		fail_msg("%s as somebody else than the caller", what);
}

static void assert_without_privilege(const char *what)
{
	assert_harmless(what);
	if (machine.effective != 0)
		fail_msg("%s with privilege in effect", what);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...);
int __real___openat_2(int dir, const char *name, int flags);
int __wrap___openat_2(int dir, const char *name, int flags);

/* Rule 6: no file is opened by a name but these. */
int __wrap_open(const char *path, int flags, ...)
{
	if (!machine.runs)
		return __real_open(path, flags);
	if (strcmp(path, "/dev/null") == 0)
		return fault_is_due("open") ? -1 : __real_open(path, flags);
	if (strcmp(path, COUNTS) == 0)
		assert_int_equal(machine.euid, 0);
	else if (strcmp(path, SUBID_SYSCONFDIR) == 0 ||
		 strcmp(path, "/proc/" TARGET) == 0 || strcmp(path, "/proc/1") == 0)
		assert_without_privilege(path);
	else
		fail_msg("%s is opened", path);
	if (fault_is_due("open"))
		return -1;
	return __real_openat(machine.root, path + 1, flags, 0600);
}

int __wrap_openat(int dir, const char *name, int flags, ...)
{
	if (!machine.runs)
		return __real_openat(dir, name, flags, 0644);
	assert_harmless(name);
	assert_int_equal(flags & O_CREAT, 0);
	return fault_is_due("openat") ? -1 : __real_openat(dir, name, flags);
}

int __wrap___openat_2(int dir, const char *name, int flags)
{
	if (!machine.runs)
		return __real_openat(dir, name, flags);
	assert_harmless(name);
	return fault_is_due("openat") ? -1 : __real_openat(dir, name, flags);
}

int __real_fstat(int fd, struct stat *ret);
int __wrap_fstat(int fd, struct stat *ret);
int __wrap_fstat(int fd, struct stat *ret)
{
	if (fault_is_due("fstat") || __real_fstat(fd, ret) < 0)
		return -1;
	if (!machine.runs)
		return 0;
	/* all else is root's, whoever runs the test */
	ret->st_uid = ret->st_ino == machine.target_ino ? machine.target_uid : 0;
	ret->st_gid = ret->st_ino == machine.target_ino ? machine.target_gid : 0;
	return 0;
}

int __wrap_stat(const char *path, struct stat *ret);
int __wrap_stat(const char *path, struct stat *ret)
{
	/* the program's own file: as it is installed, or a copy */
	if (strcmp(path, "/proc/self/exe") == 0) {
		*ret = (struct stat){ .st_mode = machine.copied ? 0755 : 04755 };
		return 0;
	}
	assert_string_equal(path, "/proc");
	return fault_is_due("stat") ? -1 : fstatat(machine.root, "proc", ret, 0);
}

/* All that lies on the file system of the test's /proc is procfs. */
int __real_fstatfs(int fd, struct statfs *ret);
int __wrap_fstatfs(int fd, struct statfs *ret);
int __wrap_fstatfs(int fd, struct statfs *ret)
{
	struct stat at, proc;

	if (fault_is_due("fstatfs") || __real_fstatfs(fd, ret) < 0)
		return -1;
	assert_int_equal(__real_fstat(fd, &at), 0);
	assert_int_equal(fstatat(machine.root, "proc", &proc, 0), 0);
	if (at.st_dev == proc.st_dev)
		ret->f_type = PROC_SUPER_MAGIC;
	return 0;
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
	va_list rest;
	void *argument;

	/* an int or a pointer; in a variadic call both come as one word */
	va_start(rest, command);
	argument = va_arg(rest, void *);
	va_end(rest);
	return fault_is_due("fcntl") ? -1 : __real_fcntl(fd, command, argument);
}

/* Is it that file of the target? */
static bool is_file(int fd, const char *name)
{
	char path[64];
	struct stat a, b;

	(void)snprintf(path, sizeof(path), "proc/" TARGET "/%s", name);
	return __real_fstat(fd, &a) == 0 && fstatat(machine.root, path, &b, 0) == 0 &&
	       a.st_ino == b.st_ino;
}

/* A map is written once, with the capability in effect, or of the own id alone. */
static bool kernel_takes(int fd, const char *text, size_t size)
{
	uint32_t wanted = CAP_TO_MASK(machine.kind->cap);
	uid_t own = machine.kind->table == SUBID_UID ? machine.uid : machine.gid;
	char own_map[64];
	struct stat st;

	if (is_file(fd, "setgroups"))
		return ftruncate(fd, 0) == 0;
	if (!is_file(fd, machine.kind->map_file))
		fail_msg("something else than the map is written");
	assert_int_equal(machine.effective & ~(wanted | CAP_TO_MASK(CAP_SETFCAP)), 0);
	machine.maps_written++;
	(void)snprintf(own_map, sizeof(own_map), "0 %u 1\n", own);
	return __real_fstat(fd, &st) == 0 && st.st_size == 0 &&
	       ((machine.effective & wanted) != 0 ||
		(size == strlen(own_map) && memcmp(text, own_map, size) == 0));
}

ssize_t __real_write(int fd, const void *buf, size_t size);
ssize_t __wrap_write(int fd, const void *buf, size_t size);
ssize_t __wrap_write(int fd, const void *buf, size_t size)
{
	if (!machine.runs)
		return __real_write(fd, buf, size);
	if (fault_is_due("write"))
		return faults.shortens ? (ssize_t)size / 2 : -1;
	if (kernel_takes(fd, buf, size))
		return __real_write(fd, buf, size);
	errno = EPERM;
	return -1;
}

long __real_sysconf(int name);
long __wrap_sysconf(int name);
long __wrap_sysconf(int name)
{
	if (name == _SC_PAGESIZE && machine.page_size != 0)
		return machine.page_size;
	return __real_sysconf(name);
}

/* --- who one is
 * -------------------------------------------------------------------------- */

uid_t __wrap_getuid(void);
uid_t __wrap_geteuid(void);
gid_t __wrap_getgid(void);
gid_t __wrap_getegid(void);
int __wrap_clearenv(void);
int __wrap_prctl(int option, ...);
int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved);
int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved);

uid_t __wrap_getuid(void)
{
	return machine.uid;
}

uid_t __wrap_geteuid(void)
{
	return machine.euid;
}

gid_t __wrap_getgid(void)
{
	return machine.gid;
}

gid_t __wrap_getegid(void)
{
	return machine.egid;
}

int __wrap_clearenv(void)
{
	if (fault_is_due("clearenv"))
		return -1;
	machine.env_is_cleared = true;
	return 0;
}

int __wrap_prctl(int option, ...)
{
	if (option == PR_GET_NO_NEW_PRIVS)
		return machine.no_new_privs;
	if (option == PR_CAPBSET_READ)
		return !machine.bounded;
	assert_int_equal(option, PR_SET_KEEPCAPS);
	if (fault_is_due("prctl"))
		return -1;
	machine.keeps_capabilities = true;
	return 0;
}

/* user_namespaces(7) and capabilities(7): who leaves uid 0 loses what is not kept. */
int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved)
{
	if (fault_is_due("setresuid"))
		return -1;
	assert_int_equal(real, machine.uid);
	assert_int_equal(effective, machine.uid);
	assert_int_equal(saved, machine.uid);
	if (machine.euid == 0 && effective != 0) {
		machine.effective = 0;
		if (!machine.keeps_capabilities)
			machine.permitted = 0;
	}
	machine.euid = effective;
	return 0;
}

int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved)
{
	if (fault_is_due("setresgid"))
		return -1;
	assert_int_equal(real, machine.gid);
	assert_int_equal(effective, machine.gid);
	assert_int_equal(saved, machine.gid);
	machine.egid = effective;
	return 0;
}

long __wrap_syscall(long number, struct __user_cap_header_struct *header,
		    struct __user_cap_data_struct *data);
long __wrap_syscall(long number, struct __user_cap_header_struct *header,
		    struct __user_cap_data_struct *data)
{
	assert_int_equal(header->version, _LINUX_CAPABILITY_VERSION_3);
	if (number == SYS_capget) {
		if (fault_is_due("capget"))
			return -1;
		data[0].permitted = machine.permitted;
		data[0].effective = machine.effective;
		return 0;
	}
	assert_int_equal(number, SYS_capset);
	if (fault_is_due("capset"))
		return -1;
	if ((data[0].permitted & ~machine.permitted) != 0 ||
	    (data[0].effective & ~data[0].permitted) != 0 || data[1].permitted != 0) {
		errno = EPERM;
		return -1;
	}
	machine.permitted = data[0].permitted;
	machine.effective = data[0].effective;
	return 0;
}
