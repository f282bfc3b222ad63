/* SPDX-License-Identifier: MIT */
/*
 * The probe: makes a user namespace, has it mapped by the helpers as podman does, reads
 * the map back, and gives a file to an id in it.
 *
 * Threat: a process that became the user, from root, still has root's environment and
 * memory, which the kernel protects: it is not dumpable, so the user can neither trace it
 * nor write its map, nor can a helper with the user's rights.  So the process that is
 * mapped executes a program first, with no environment and one pipe.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tools/subid/doctor/doctor.h"

#define RANGES_MAX 100

/* What the two processes tell each other. */
struct talk {
	int to[2], from[2];
};

static bool receive(int fd, int *ret)
{
	return read(fd, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
}

static void send_on(int fd, int value)
{
	if (write(fd, &value, sizeof(value)) < 0)
		_exit(1);
}

/* The process in the namespace: tells how making it went, and waits for the end as a
 * program that has nothing of the caller's.  Its writer is closed as it is executed. */
static _Noreturn void be_inside(const struct talk *talk)
{
	static char sh[] = "sh", option[] = "-c", wait_end[] = "read end";
	char *argv[] = { sh, option, wait_end, NULL };
	char *none[] = { NULL };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	send_on(talk->from[1], unshare(CLONE_NEWUSER) < 0 ? errno : 0);
	if (dup2(talk->to[0], STDIN_FILENO) == STDIN_FILENO &&
	    fcntl(STDIN_FILENO, F_SETFD, 0) == 0)
		(void)execve("/bin/sh", argv, none);
	send_on(talk->from[1], errno);
	_exit(1);
}

/* Becomes root of the namespace, and gives the file to the id 1 there; 0 or errno. */
static int give_inside(pid_t pid, int file)
{
	auto_close int ns =
	    open(doctor_text("/proc/%d/ns/user", pid), O_RDONLY | O_CLOEXEC);

	if (ns < 0 || setns(ns, CLONE_NEWUSER) < 0 || setresgid(0, 0, 0) < 0 ||
	    setresuid(0, 0, 0) < 0 || fchown(file, 1, 1) < 0)
		return errno;
	return 0;
}

/* In a process of its own, which cannot come back.  0 or errno. */
static int give_file(pid_t pid, int file)
{
	pid_t giver = fork();
	int status;

	if (giver == 0)
		_exit(give_inside(pid, file));
	if (giver < 0 || waitpid(giver, &status, 0) != giver || !WIFEXITED(status))
		return EIO;
	return WEXITSTATUS(status);
}

/* Runs a helper, and keeps what it says. */
static int run_helper(const char *path, char *const argv[], char *said, size_t size)
{
	int pipes[2], status;
	ssize_t n;
	size_t len = 0;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		char *none[] = { NULL };

		(void)dup2(pipes[1], STDERR_FILENO);
		(void)dup2(pipes[1], STDOUT_FILENO);
		(void)execve(path, argv, none);
		(void)dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
		_exit(127);
	}
	(void)close(pipes[1]);
	while (pid > 0 && len + 1 < size &&
	       (n = read(pipes[0], said + len, size - 1 - len)) > 0)
		len += (size_t)n;
	said[len] = '\0';
	said[strcspn(said, "\n")] = '\0';
	(void)close(pipes[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* "PID 0 OWN 1 1 START COUNT ...", each range after the one before. */
static int map_one(struct doctor *d, enum subid_kind kind, pid_t pid)
{
	static char names[][10] = { "newuidmap", "newgidmap" };
	const struct subid_listing *listing = &d->listing[kind];
	size_t n = listing->n < RANGES_MAX ? listing->n : RANGES_MAX, at = 0;
	uint32_t own = kind == SUBID_UID ? d->owner->uid : getgid();
	char *argv[RANGES_MAX * 3 + 6];
	uint64_t inside = 1;

	argv[at++] = names[kind];
	argv[at++] = doctor_text("%d", pid);
	argv[at++] = doctor_text("0");
	argv[at++] = doctor_text("%u", own);
	argv[at++] = doctor_text("1");
	for (size_t i = 0; i < n; i++) {
		struct id_range range = listing->ranges[i].range;

		argv[at++] = doctor_text("%llu", (unsigned long long)inside);
		argv[at++] = doctor_text("%u", range.start);
		argv[at++] = doctor_text("%u", range.count);
		inside += range.count;
	}
	argv[at] = NULL;
	return run_helper(d->helpers[kind].path, argv, d->probe.said[kind],
			  sizeof(d->probe.said[kind]));
}

/* Is the first range at 1, as it was asked for? */
static bool map_is_right(const struct doctor *d, enum subid_kind kind, pid_t pid)
{
	struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	char text[8192];
	size_t n = 0;
	uint32_t outside;
	int fd = open(doctor_text("/proc/%d/%s_map", pid, subid_kind_name(kind)),
		      O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (fd >= 0)
		(void)close(fd); /* only read */
	return size > 0 && subid_map_parse(text, (size_t)size, lines, &n) == 0 &&
	       subid_map_outside(lines, n, 1, &outside) == 0 &&
	       outside == d->listing[kind].ranges[0].range.start;
}

/* A file without a name where containers would be stored; else in the runtime directory
 * or in /tmp. */
static int open_file(const struct doctor *d)
{
	const char *places[] = { doctor_storage(d, d->runtime == 0 ? DOCTOR_PODMAN
								   : d->runtime),
				 d->home, d->runtime_dir, "/tmp" };
	int fd = -1;

	for (size_t i = 0; fd < 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		struct doctor_mount mount;

		if (places[i] == NULL || !doctor_find_mount(d, places[i], &mount) ||
		    strncmp(mount.type, "fuse", 4) == 0 ||
		    strncmp(mount.type, "nfs", 3) == 0)
			continue; /* it may not answer; another row says so */
		fd = open(places[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	}
	return fd;
}

static void map_and_try(struct doctor *d, pid_t pid, int file)
{
	struct doctor_probe *probe = &d->probe;
	struct stat st;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		if (d->helpers[kind].path[0] == '\0' || d->listing[kind].n == 0)
			return;
		probe->helper_status[kind] = map_one(d, kind, pid);
		if (probe->helper_status[kind] != 0)
			return;
		if (!map_is_right(d, kind, pid)) {
			probe->map_differs = true;
			return;
		}
	}
	probe->file_error = give_file(pid, file);
	if (probe->file_error != 0 || file < 0 || fstat(file, &st) < 0)
		return;
	probe->file_owner = st.st_uid;
	probe->done = st.st_uid == d->listing[SUBID_UID].ranges[0].range.start;
}

void doctor_probe(struct doctor *d)
{
	struct talk talk;
	auto_close int file = open_file(d);
	int failed;
	pid_t pid;

	d->probe.helper_status[SUBID_UID] = d->probe.helper_status[SUBID_GID] = -1;
	d->probe.unshare_error = EIO;
	if (pipe2(talk.to, O_CLOEXEC) < 0 || pipe2(talk.from, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		(void)close(talk.to[1]);
		(void)close(talk.from[0]);
		be_inside(&talk);
	}
	(void)close(talk.to[0]);
	(void)close(talk.from[1]);
	if (pid > 0 && receive(talk.from[0], &d->probe.unshare_error) &&
	    d->probe.unshare_error == 0) {
		if (receive(talk.from[0], &failed)) /* else it runs the program */
			d->probe.unshare_error = failed;
		else
			map_and_try(d, pid, file);
	}
	(void)close(talk.to[1]);
	(void)close(talk.from[0]);
	if (pid > 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
}

/* What to do about what the helper has said, or what else fails. */
#define EXPLAINED "man 7 subid-errors   # has the words, the causes, and what to do"

/* The namespace could not be made, or mapped. */
static bool say_unmapped(struct doctor *d)
{
	const struct doctor_probe *probe = &d->probe;

	if (probe->unshare_error != 0) {
		doctor_say(d, DOCTOR_FAIL,
			   doctor_text("a user namespace cannot be made: %s",
				       strerror(probe->unshare_error)),
			   probe->unshare_error == EPERM
			       ? "in a chroot, in another container, or by a security"
				 " module"
			       : NULL,
			   probe->unshare_error == EPERM
			       ? "run it outside of the chroot or container; what a"
				 " module refused is in the kernel's log: sudo dmesg"
			       : "mend what else fails here, then look again");
		return true;
	}
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const char *said = probe->said[kind];

		if (d->helpers[kind].path[0] == '\0' || d->listing[kind].n == 0) {
			if (d->owner->uid != 0)
				doctor_say(d, DOCTOR_FAIL,
					   "a namespace was made, but could not be"
					   " mapped: see above",
					   NULL,
					   "mend what else fails here, then look again");
			return true;
		}
		if (probe->helper_status[kind] == 0)
			continue;
		doctor_say(d, DOCTOR_FAIL,
			   said[0] == '\0' ? doctor_text("%s ended with status %d",
							 d->helpers[kind].path,
							 probe->helper_status[kind])
					   : said,
			   "said by the helper", EXPLAINED);
		return true;
	}
	return false;
}

void doctor_probe_result(struct doctor *d)
{
	const struct doctor_probe *probe = &d->probe;

	if (probe->done || say_unmapped(d))
		return;
	if (probe->map_differs)
		doctor_say(d, DOCTOR_FAIL,
			   "the map that was read back is not the one asked for", NULL,
			   "sudo apt-get install --reinstall uidmap   # or the package"
			   " that newuidmap is of");
	else if (probe->file_error != 0)
		doctor_say(
		    d, DOCTOR_FAIL,
		    doctor_text("in the namespace, a file cannot be given to an id:"
				" %s",
				strerror(probe->file_error)),
		    "no capabilities in the namespace, or the file system refuses",
		    "store containers on a local file system; what a module refused is"
		    " in the kernel's log: sudo dmesg");
	else
		doctor_say(d, DOCTOR_FAIL,
			   doctor_text("a file that id 1 was given is uid %u on the host",
				       probe->file_owner),
			   "the file system maps ids itself",
			   "store containers on a local file system");
}
