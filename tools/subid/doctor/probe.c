/* SPDX-License-Identifier: MIT */
/*
 * The probe: makes a user namespace, has it mapped by the helpers as podman does, reads
 * the map back, and gives a file to an id in it.
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

/* The process in the namespace: tells how making it went, waits for the maps, and gives
 * the file to the id 1 inside. */
static _Noreturn void be_inside(const struct talk *talk, int file)
{
	int go, failed = 0;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	send_on(talk->from[1], unshare(CLONE_NEWUSER) < 0 ? errno : 0);
	if (!receive(talk->to[0], &go))
		_exit(0);
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 || fchown(file, 1, 1) < 0)
		failed = errno;
	send_on(talk->from[1], failed);
	(void)receive(talk->to[0], &go);
	_exit(0);
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

static void map_and_try(struct doctor *d, const struct talk *talk, pid_t pid, int file)
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
	send_on(talk->to[1], 1);
	if (!receive(talk->from[0], &probe->file_error))
		probe->file_error = EIO;
	if (probe->file_error != 0 || file < 0 || fstat(file, &st) < 0)
		return;
	probe->file_owner = st.st_uid;
	probe->done = st.st_uid == d->listing[SUBID_UID].ranges[0].range.start;
}

void doctor_probe(struct doctor *d)
{
	struct talk talk;
	auto_close int file = open_file(d);
	pid_t pid;

	d->probe.helper_status[SUBID_UID] = d->probe.helper_status[SUBID_GID] = -1;
	d->probe.unshare_error = EIO;
	if (pipe2(talk.to, O_CLOEXEC) < 0 || pipe2(talk.from, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		(void)close(talk.to[1]);
		(void)close(talk.from[0]);
		be_inside(&talk, file);
	}
	(void)close(talk.to[0]);
	(void)close(talk.from[1]);
	if (pid > 0 && receive(talk.from[0], &d->probe.unshare_error) &&
	    d->probe.unshare_error == 0)
		map_and_try(d, &talk, pid, file);
	(void)close(talk.to[1]);
	(void)close(talk.from[0]);
	if (pid > 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
}

static void say_failed(struct doctor *d, const char *what, const char *why)
{
	doctor_say(d, DOCTOR_FAIL, what, why, NULL);
}

void doctor_probe_result(struct doctor *d)
{
	const struct doctor_probe *probe = &d->probe;

	if (probe->done)
		return;
	if (probe->unshare_error != 0) {
		say_failed(d,
			   doctor_text("a user namespace cannot be made: %s",
				       strerror(probe->unshare_error)),
			   probe->unshare_error == EPERM
			       ? "in a chroot, in another container, or by a security"
				 " module"
			       : NULL);
		return;
	}
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		if (d->helpers[kind].path[0] == '\0' || d->listing[kind].n == 0) {
			if (d->owner->uid != 0)
				say_failed(d,
					   "a namespace was made, but could not be"
					   " mapped: see above",
					   NULL);
			return;
		}
		if (probe->helper_status[kind] != 0) {
			say_failed(d,
				   probe->said[kind][0] == '\0'
				       ? doctor_text("%s ended with status %d",
						     d->helpers[kind].path,
						     probe->helper_status[kind])
				       : probe->said[kind],
				   "said by the helper");
			return;
		}
	}
	if (probe->map_differs)
		say_failed(d, "the map that was read back is not the one asked for",
			   NULL);
	else if (probe->file_error != 0)
		say_failed(
		    d,
		    doctor_text("in the namespace, a file cannot be given to an id:"
				" %s",
				strerror(probe->file_error)),
		    "no capabilities in the namespace, or the file system refuses");
	else
		say_failed(d,
			   doctor_text("a file that id 1 was given is uid %u on the host",
				       probe->file_owner),
			   NULL);
}
