/* SPDX-License-Identifier: MIT */
/*
 * What "subid grant --login" sets back, and what it refuses to work with: /proc, limits
 * and cgroups are the test's.
 *
 * wrap: subid_text_read subid_text_read_max setrlimit getrlimit setpriority getpriority
 * wrap: sched_setscheduler sched_getscheduler fstatfs open
 */
#include "inject.h"

#include "tools/subid/login_reset.c"

#include <signal.h>
#include <sys/wait.h>

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static struct {
	const char *status, *init; /* of /proc/self and /proc/1; NULL: not there */
	const char *cgroup, *mounts;
	int hard;	   /* a limit that cannot be lifted; -1 */
	rlim_t hard_value; /* as it is */
	rlim_t soft_set;   /* what it was set to in the end */
	bool nice_stays;
	bool policy_stays;
	int root;	      /* of cgroups: mounts are in it */
	bool no_cgroup_mount; /* something else is mounted over it */
} host;

/* --- the system -----------------------------------------------------------------------
 */

static int give(const char *text, struct subid_text *ret)
{
	if (text == NULL)
		return -ENOENT;
	ret->size = strlen(text);
	ret->bytes = strdup(text);
	assert_non_null(ret->bytes);
	return 0;
}

int __wrap_subid_text_read(int dir, const char *name, bool follow,
			   struct subid_text *ret);
int __wrap_subid_text_read(int dir, const char *name, bool follow, struct subid_text *ret)
{
	(void)dir, (void)follow;
	return give(strcmp(name, "/proc/self/cgroup") == 0 ? host.cgroup : host.mounts,
		    ret);
}

int __wrap_subid_text_read_max(int dir, const char *name, bool follow, size_t max,
			       struct subid_text *ret);
int __wrap_subid_text_read_max(int dir, const char *name, bool follow, size_t max,
			       struct subid_text *ret)
{
	(void)dir, (void)follow, (void)max;
	return give(strcmp(name, "/proc/1/status") == 0 ? host.init : host.status, ret);
}

int __wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit);
int __wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	if ((int)resource != host.hard)
		return 0;
	if (limit->rlim_max > host.hard_value) {
		errno = EPERM;
		return -1;
	}
	host.soft_set = limit->rlim_cur;
	return 0;
}

int __wrap_getrlimit(__rlimit_resource_t resource, struct rlimit *limit);
int __wrap_getrlimit(__rlimit_resource_t resource, struct rlimit *limit)
{
	assert_int_equal(resource, host.hard);
	*limit = (struct rlimit){ 0, host.hard_value };
	return 0;
}

int __wrap_setpriority(__priority_which_t which, id_t who, int value);
int __wrap_setpriority(__priority_which_t which, id_t who, int value)
{
	assert_int_equal(which, PRIO_PROCESS);
	assert_int_equal(who, 0);
	assert_int_equal(value, 0);
	errno = EACCES;
	return host.nice_stays ? -1 : 0;
}

int __wrap_getpriority(__priority_which_t which, id_t who);
int __wrap_getpriority(__priority_which_t which, id_t who)
{
	(void)which, (void)who;
	return 19;
}

int __wrap_sched_setscheduler(pid_t pid, int policy, const struct sched_param *param);
int __wrap_sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
	assert_int_equal(pid, 0);
	assert_int_equal(policy, SCHED_OTHER);
	assert_int_equal(param->sched_priority, 0);
	errno = EPERM;
	return host.policy_stays ? -1 : 0;
}

int __wrap_sched_getscheduler(pid_t pid);
int __wrap_sched_getscheduler(pid_t pid)
{
	(void)pid;
	return SCHED_IDLE;
}

int __wrap_fstatfs(int fd, struct statfs *ret);
int __wrap_fstatfs(int fd, struct statfs *ret)
{
	(void)fd;
	ret->f_type = host.no_cgroup_mount ? 0 : CGROUP2_SUPER_MAGIC;
	return 0;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	if (strncmp(path, "/sys/fs/cgroup", strlen("/sys/fs/cgroup")) == 0)
		return openat(host.root, path + strlen("/sys/fs/"), flags);
	return __real_open(path, flags, 0600);
}

static int host_setup(void **state)
{
	memset(&host, 0, sizeof(host));
	host.hard = -1;
	if (scratch_setup(state) != 0)
		return -1;
	host.root = etc_of(state);
	return 0;
}

#define host_test(function)                                                              \
	cmocka_unit_test_setup_teardown(function, host_setup, scratch_teardown)

/* --- restrictions ----------------------------------------------------------------------
 */

#define STATUS(caps, privs, seccomp, filters)                                            \
	"Name:\tsubid\nCapInh:\t0000000000000000\nCapEff:\t" caps                        \
	"\nNoNewPrivs:\t" privs "\nSeccomp:\t" seccomp "\n" filters
#define FILTERS(n) "Seccomp_filters:\t" n "\n"
#define FREE	   STATUS("000001ffffffffff", "0", "0", FILTERS("0"))

static const struct {
	const char *own, *init, *why;
} statuses[] = {
	{ FREE, FREE, NULL },
	{ FREE, NULL, NULL },
	{ NULL, FREE, "/proc/self/status cannot be read" },
	{ STATUS("000001ffffffffff", "1", "0", FILTERS("0")), FREE,
	  "no_new_privs is set" },
	/* a container's, which init has, too */
	{ STATUS("000001ffffffffff", "1", "2", FILTERS("1")),
	  STATUS("000001ffffffffff", "1", "2", FILTERS("1")), NULL },
	{ STATUS("000001ffffffffff", "0", "2", FILTERS("2")),
	  STATUS("000001ffffffffff", "0", "2", FILTERS("1")),
	  "a seccomp filter restricts it" },
	{ STATUS("000001ffffffffff", "0", "2", FILTERS("1")), FREE,
	  "a seccomp filter restricts it" },
	/* nothing is known of init: nothing is excused */
	{ STATUS("000001ffffffffff", "0", "2", FILTERS("1")), NULL,
	  "a seccomp filter restricts it" },
	/* a kernel that does not count them */
	{ STATUS("000001ffffffffff", "0", "2", ""), FREE,
	  "a seccomp filter restricts it" },
	{ STATUS("000001ffffffffff", "0", "2", ""),
	  STATUS("000001ffffffffff", "0", "2", ""), NULL },
	{ STATUS("000001fffffffffe", "0", "0", FILTERS("0")), FREE,
	  "it lacks CAP_CHOWN" },
	{ STATUS("000001fffffffffd", "0", "0", FILTERS("0")), FREE,
	  "it lacks CAP_DAC_OVERRIDE" },
	{ STATUS("000001fffffffff7", "0", "0", FILTERS("0")), FREE,
	  "it lacks CAP_FOWNER" },
	{ STATUS("0000000000000000", "0", "0", FILTERS("0")),
	  STATUS("0000000000000000", "0", "0", FILTERS("0")), "it lacks CAP_CHOWN" },
};

static void assert_why(const char *got, const char *wanted, size_t row)
{
	if ((got == NULL) != (wanted == NULL) ||
	    (got != NULL && strstr(got, wanted) == NULL))
		fail_msg("row %zu: \"%s\", not \"%s\"", row, got == NULL ? "-" : got,
			 wanted == NULL ? "-" : wanted);
}

static void test_restrictions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(statuses); i++) {
		host.status = statuses[i].own;
		host.init = statuses[i].init;
		assert_why(find_restriction(), statuses[i].why, i);
	}
}

/* Each limit as the user may have set it, hard and low; and just enough. */
static void test_limits(void **state)
{
	(void)state;
	assert_null(reset_limits());
	for (size_t i = 0; i < ARRAY(limits); i++) {
		host.hard = (int)limits[i].limit;
		host.hard_value = 1;
		host.soft_set = 0;
		assert_why(reset_limits(), limits[i].enough > 1 ? limits[i].why : NULL,
			   i);
		assert_int_equal(host.soft_set, limits[i].soft < 1 ? 0 : 1);
		if (limits[i].enough == 0 || limits[i].enough == UNLIMITED)
			continue;
		host.hard_value = limits[i].enough;
		assert_null(reset_limits());
		assert_int_equal(host.soft_set, limits[i].enough);
		host.hard_value--;
		assert_non_null(reset_limits());
	}
}

static void test_priority(void **state)
{
	(void)state;
	assert_null(reset_priority());
	host.nice_stays = true;
	assert_why(reset_priority(), "nice", 0);
	host.nice_stays = false;
	host.policy_stays = true;
	assert_why(reset_priority(), "scheduling policy", 1);
}

/* In a process of its own: every signal is let through, and does what is usual. */
static void test_signals(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		sigset_t mask;
		struct sigaction action;

		(void)sigfillset(&mask);
		(void)sigprocmask(SIG_SETMASK, &mask, NULL);
		for (int i = 1; i < NSIG; i++)
			(void)signal(i, SIG_IGN);
		reset_signals();
		(void)sigprocmask(SIG_SETMASK, NULL, &mask);
		for (int i = 1; i < NSIG; i++) {
			bool ignored = i == SIGPIPE || i == SIGXFSZ;

			if (sigismember(&mask, i) == 1)
				_exit(i);
			if (sigaction(i, NULL, &action) == 0 &&
			    (action.sa_handler == SIG_IGN) != ignored)
				_exit(i);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* --- cgroups ---------------------------------------------------------------------------
 */

static const struct {
	const char *line;
	bool right;
	const char *controllers, *path;
} cgroup_lines[] = {
	{ "0::/user.slice/a", true, "", "/user.slice/a" },
	{ "4:cpu,cpuacct:/x:y", true, "cpu", "/x:y" },
	{ "1:name=systemd:/", true, "name=systemd", "/" },
	{ "0::", false, NULL, NULL },
	{ "0::x", false, NULL, NULL },
	{ "0:", false, NULL, NULL },
	{ "", false, NULL, NULL },
};

static void test_cgroup_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(cgroup_lines); i++) {
		char line[64];
		struct hierarchy got;

		(void)snprintf(line, sizeof(line), "%s", cgroup_lines[i].line);
		assert_int_equal(parse_line(line, &got), cgroup_lines[i].right);
		if (!cgroup_lines[i].right)
			continue;
		assert_string_equal(got.path, cgroup_lines[i].path);
		assert_int_equal(got.controllers_len,
				 strlen(cgroup_lines[i].controllers));
		assert_memory_equal(got.controllers, cgroup_lines[i].controllers,
				    got.controllers_len);
	}
}

#define V2(root, dir)                                                                    \
	"30 25 0:26 " root " " dir " rw,nosuid shared:4 - cgroup2 cgroup2 rw"

static const struct {
	const char *line, *controllers, *path, *dir; /* dir NULL: it is not this one */
} mount_lines[] = {
	{ V2("/", "/sys/fs/cgroup"), "", "/a/b", "/sys/fs/cgroup" },
	{ V2("/", "/sys/fs/c\\040g\\134roup"), "", "/a", "/sys/fs/c g\\roup" },
	{ V2("/", "/sys/fs/\\09x\\4"), "", "/a", "/sys/fs/\\09x\\4" },
	/* the path must lie beneath what is mounted */
	{ V2("/a", "/mnt"), "", "/a/b", "/mnt" },
	{ V2("/a", "/mnt"), "", "/a", "/mnt" },
	{ V2("/a", "/mnt"), "", "/ab", NULL },
	{ V2("/a/b/c", "/mnt"), "", "/a/b", NULL },
	{ "31 25 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct", "cpuacct",
	  "/", "/sys/fs/cgroup/cpu" },
	{ "31 25 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpuset", "cpu", "/",
	  NULL },
	{ "31 25 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu", "", "/", NULL },
	{ "31 25 0:27 / / rw - ext4 /dev/sda rw,cpu", "cpu", "/", NULL },
	{ "31 25 0:27 / / rw - cgroup2 x", "", "/", NULL },
	{ "31 25 0:27 / rw", "", "/", NULL },
	{ "x - cgroup2 x rw", "", "/", NULL },
	{ "", "", "/", NULL },
};

static void test_mount_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(mount_lines); i++) {
		char line[160], path[32];
		struct hierarchy hierarchy = {
			.controllers = mount_lines[i].controllers,
			.controllers_len = strlen(mount_lines[i].controllers),
			.path = path,
		};
		struct mount got;
		bool is;

		(void)snprintf(line, sizeof(line), "%s", mount_lines[i].line);
		(void)snprintf(path, sizeof(path), "%s", mount_lines[i].path);
		is = is_mount_of(line, &hierarchy, &got);
		if (is != (mount_lines[i].dir != NULL))
			fail_msg("row %zu", i);
		if (is)
			assert_string_equal(got.dir, mount_lines[i].dir);
	}
}

#define MOUNTS V2("/", "/sys/fs/cgroup") "\n"

static void make_cgroup(const char *path, uid_t uid)
{
	char procs[64];

	put_dir(host.root, path);
	(void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	put_file(host.root, procs, "");
	assert_int_equal(fchownat(host.root, path, uid, 0, 0), 0);
}

static void assert_entered(const char *path, bool entered)
{
	char procs[64];

	(void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	assert_file(host.root, procs, entered ? "0" : "");
	put_file(host.root, procs, "");
}

static void test_leaving(void **state)
{
	(void)state;
	if (getuid() != 0)
		skip(); /* it is about what is root's */
	host.cgroup = "0::/a/b/c\n";
	host.mounts = MOUNTS;
	make_cgroup("cgroup", 0);
	make_cgroup("cgroup/a", 0);
	make_cgroup("cgroup/a/b", 0);
	make_cgroup("cgroup/a/b/c", 0);
	assert_null(login_leave_cgroups());
	/* another's: to the nearest above, and whatever lies below it */
	assert_int_equal(fchownat(host.root, "cgroup/a/b", 1000, 0, 0), 0);
	assert_null(login_leave_cgroups());
	assert_entered("cgroup/a", true);
	assert_entered("cgroup/a/b", false);
	assert_entered("cgroup", false);
	/* a file of it is, or can be written */
	assert_int_equal(fchownat(host.root, "cgroup/a/b", 0, 0, 0), 0);
	assert_int_equal(fchownat(host.root, "cgroup/a/b/cgroup.procs", 1000, 0, 0), 0);
	assert_null(login_leave_cgroups());
	assert_entered("cgroup/a", true);
	assert_int_equal(fchownat(host.root, "cgroup/a/b/cgroup.procs", 0, 0, 0), 0);
	put_file(host.root, "cgroup/a/b/cgroup.freeze", "");
	assert_int_equal(fchmodat(host.root, "cgroup/a/b/cgroup.freeze", 0662, 0), 0);
	assert_null(login_leave_cgroups());
	assert_entered("cgroup/a", true);
	/* one of version 1 that anybody may write, and which controls nothing */
	assert_int_equal(unlinkat(host.root, "cgroup/a/b/cgroup.freeze", 0), 0);
	put_file(host.root, "cgroup/a/b/cgroup.event_control", "");
	assert_int_equal(fchmodat(host.root, "cgroup/a/b/cgroup.event_control", 0666, 0),
			 0);
	assert_null(login_leave_cgroups());
	assert_entered("cgroup/a", false);
	/* the nearest takes no process (it has none to write to here): the next one */
	assert_int_equal(fchownat(host.root, "cgroup/a/b", 1000, 0, 0), 0);
	assert_int_equal(unlinkat(host.root, "cgroup/a/cgroup.procs", 0), 0);
	assert_null(login_leave_cgroups());
	assert_entered("cgroup", true);
	assert_int_equal(unlinkat(host.root, "cgroup/cgroup.procs", 0), 0);
	assert_why(login_leave_cgroups(),
		   "its cgroup /a/b/c (v2) is not root's, and cannot be left: No such",
		   0);
}

/* "Could not look" is no leave: then no lock is taken. */
static void test_not_left(void **state)
{
	(void)state;
	host.mounts = MOUNTS;
	host.cgroup = "0::/\n";
	assert_null(login_leave_cgroups()); /* the root needs no look */
	host.cgroup = "0::/../x\n";
	assert_why(login_leave_cgroups(), "its cgroup /../x (v2) is not root's", 0);
	make_cgroup("cgroup", getuid());
	if (getuid() == 0) { /* outside of the cgroup namespace: to its root */
		assert_null(login_leave_cgroups());
		assert_entered("cgroup", true);
	}
	host.cgroup = "0::/nosuch\n";
	host.no_cgroup_mount = true;
	assert_why(login_leave_cgroups(), "cannot be left: No such file or directory", 2);
	host.cgroup = "3:cpu,cpuacct:/x\n0::/\n";
	assert_why(login_leave_cgroups(), "its cgroup /x (cpu) is not root's", 3);
	host.cgroup = "what is this?\n";
	assert_why(login_leave_cgroups(), "its cgroups cannot be read", 4);
	host.cgroup = "0::/x\n";
	host.mounts = NULL;
	assert_why(login_leave_cgroups(), "its cgroups cannot be read", 5);
	host.cgroup = NULL;
	assert_null(login_leave_cgroups()); /* a kernel without them */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		host_test(test_restrictions), host_test(test_limits),
		host_test(test_priority),     host_test(test_signals),
		host_test(test_cgroup_lines), host_test(test_mount_lines),
		host_test(test_leaving),      host_test(test_not_left),
	};

	return cmocka_run_group_tests_name("login_reset", tests, NULL, NULL);
}
