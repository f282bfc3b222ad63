/* SPDX-License-Identifier: MIT */
/*
 * To the journal or to syslog.  By hand, because openlog(3) and syslog(3) keep
 * state of the process, and the process is somebody else's.  The receiver takes
 * the sender's pid and uid from the kernel, not from us.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "libsubid/core/core.h"
#include "libsubid/trace/trace.h"

struct timespec subid_trace_deadline(int ms)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* always there on Linux */
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

int subid_trace_left_ms(const struct timespec *deadline)
{
	struct timespec now = subid_trace_deadline(0);
	long long ms = (long long)(deadline->tv_sec - now.tv_sec) * 1000 +
		       (deadline->tv_nsec - now.tv_nsec) / 1000000;

	return ms > 0 ? (int)ms : 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = -1;
	int connected;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	connected = fd;
	fd = -1;
	return connected;
}

int subid_log_open(const char *journal, const char *syslog, struct subid_log *ret)
{
	int fd = connect_to(journal);
	bool native = fd >= 0;

	if (fd < 0)
		fd = connect_to(syslog);
	if (fd < 0)
		return fd;
	*ret = (struct subid_log){ .fd = fd, .native = native };
	return 0;
}

int subid_log_send(const struct subid_log *log, const struct subid_event *event,
		   int patience_ms)
{
	struct timespec deadline = subid_trace_deadline(patience_ms);
	struct subid_message message;

	if (log->native)
		subid_trace_journal_text(event, getpid(), &message);
	else
		subid_trace_syslog_text(event, getpid(), &message);
	for (;;) {
		struct pollfd wait = { .fd = log->fd, .events = POLLOUT };
		int ms;

		if (send(log->fd, message.bytes, message.size,
			 MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		ms = subid_trace_left_ms(&deadline);
		if (ms == 0)
			return -EAGAIN;
		(void)poll(&wait, 1, ms); /* whatever it says, send(2) knows */
	}
}
