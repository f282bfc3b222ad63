/* SPDX-License-Identifier: MIT */
/*
 * To the journal or to syslog.  By hand, because openlog(3) and syslog(3) keep
 * state of the process, and the process is somebody else's.  The receiver takes
 * the sender's pid and uid from the kernel, not from us.
 */
#include "libsubid/core/log.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

__attribute__((format(printf, 2, 0))) static void
add_list(struct subid_message *message, const char *format, va_list args)
{
	size_t room = sizeof(message->bytes) - message->size;
	int n = vsnprintf(message->bytes + message->size, room, format, args);

	if (n > 0)
		message->size += (size_t)n < room ? (size_t)n : room - 1;
}

void message_add(struct subid_message *message, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_list(message, format, args);
	va_end(args);
}

static void add_bytes(struct subid_message *message, const void *bytes, size_t len)
{
	size_t room = sizeof(message->bytes) - message->size;

	len = len < room ? len : room;
	memcpy(message->bytes + message->size, bytes, len);
	message->size += len;
}

static size_t name_len(size_t len)
{
	return len < SUBID_MESSAGE_NAME_MAX ? len : SUBID_MESSAGE_NAME_MAX;
}

/* Threat: a log is shown on terminals, and to many U+009B, which has no byte below ' ' in
 * UTF-8, begins a command; so a name is ASCII here. */
void message_add_name(struct subid_message *message, const char *name, size_t len)
{
	size_t begin = message->size + 1;

	message_add(message, "\"");
	add_bytes(message, name, name_len(len));
	for (char *c = message->bytes + begin; c < message->bytes + message->size; c++)
		if (*c < ' ' || *c > '~' || *c == '"')
			*c = '?';
	message_add(message, "\"");
}

/* With a newline in it, a field has its length before it: 64 bits, the lowest first. */
void log_field(struct log_line *line, const char *key, const char *value, size_t len)
{
	uint64_t length;

	len = name_len(len);
	length = htole64(len);
	if (memchr(value, '\n', len) == NULL) {
		message_add(&line->fields, "%s=", key);
	} else {
		message_add(&line->fields, "%s\n", key);
		add_bytes(&line->fields, &length, sizeof(length));
	}
	add_bytes(&line->fields, value, len);
	message_add(&line->fields, "\n");
}

void log_field_print(struct log_line *line, const char *key, const char *format, ...)
{
	va_list args;

	message_add(&line->fields, "%s=", key);
	va_start(args, format);
	add_list(&line->fields, format, args);
	va_end(args);
	message_add(&line->fields, "\n");
}

void log_journal_message(const struct log_line *line, pid_t self,
			 struct subid_message *ret)
{
	ret->size = 0;
	message_add(ret, "MESSAGE=");
	add_bytes(ret, line->text.bytes, line->text.size);
	message_add(ret, "\nMESSAGE_ID=%s\nPRIORITY=%d\nSYSLOG_FACILITY=%d\n", line->id,
		    line->priority, LOG_AUTHPRIV >> 3);
	message_add(ret, "SYSLOG_IDENTIFIER=%s\nSYSLOG_PID=%d\n", line->program,
		    (int)self);
	add_bytes(ret, line->fields.bytes, line->fields.size);
}

void log_syslog_message(const struct log_line *line, pid_t self,
			struct subid_message *ret)
{
	ret->size = 0;
	message_add(ret, "<%d>%s[%d]: ", LOG_AUTHPRIV | line->priority, line->program,
		    (int)self);
	add_bytes(ret, line->text.bytes, line->text.size);
	message_add(ret, "%s", line->note);
}

int64_t deadline_in(int ms)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* always there on Linux */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + ms;
}

int deadline_left_ms(int64_t deadline)
{
	int64_t ms = deadline - deadline_in(0);

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

int subid_log_send(const struct subid_log *log, const struct log_line *line,
		   int patience_ms)
{
	int64_t deadline = deadline_in(patience_ms);
	struct subid_message message;

	if (log->native)
		log_journal_message(line, getpid(), &message);
	else
		log_syslog_message(line, getpid(), &message);
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
		ms = deadline_left_ms(deadline);
		if (ms == 0)
			return -EAGAIN;
		(void)poll(&wait, 1, ms); /* whatever it says, send(2) knows */
	}
}

bool subid_rate_limit_allow(struct subid_rate_limit *limit, uint32_t (*now_s)(void),
			    uint32_t *ret_suppressed)
{
	const uint32_t burst_s = SUBID_RATE_LIMIT_BURST * SUBID_RATE_LIMIT_INTERVAL_S;
	uint32_t full_s = __atomic_load_n(&limit->full_s, __ATOMIC_SEQ_CST);

	for (;;) {
		/* Threat: with a time read before the load, what other processes have
		 * used meanwhile would seem too far ahead to be true. */
		uint32_t now = now_s(), owed = full_s - now;

		/* nobody can owe more than a burst: the time is in the past, or from
		 * before a restart */
		if (owed > burst_s)
			owed = 0;
		if (owed + SUBID_RATE_LIMIT_INTERVAL_S > burst_s)
			break;
		if (__atomic_compare_exchange_n(
			&limit->full_s, &full_s, now + owed + SUBID_RATE_LIMIT_INTERVAL_S,
			false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
			*ret_suppressed =
			    __atomic_exchange_n(&limit->suppressed, 0, __ATOMIC_SEQ_CST);
			return true;
		}
	}
	if (__atomic_load_n(&limit->suppressed, __ATOMIC_SEQ_CST) < UINT32_MAX)
		__atomic_add_fetch(&limit->suppressed, 1, __ATOMIC_SEQ_CST);
	return false;
}

static uint32_t seconds_since_boot(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now); /* always there since Linux 2.6.39 */
	return (uint32_t)now.tv_sec;
}

bool subid_rate_limit_allow_user(int fd, uint32_t uid, uint32_t *ret_suppressed)
{
	off_t slot = uid % SUBID_RATE_LIMIT_SLOTS;
	off_t place = slot * (off_t)sizeof(struct subid_rate_limit);
	off_t page_size = (off_t)sysconf(_SC_PAGESIZE);
	off_t within = place % page_size;
	char *page;
	bool allowed;

	if (fallocate(fd, 0, place, sizeof(struct subid_rate_limit)) < 0)
		return false;
	page = mmap(NULL, (size_t)page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    place - within);
	if (page == MAP_FAILED)
		return false;
	allowed =
	    subid_rate_limit_allow((struct subid_rate_limit *)(void *)(page + within),
				   seconds_since_boot, ret_suppressed);
	(void)munmap(page, (size_t)page_size); /* it was just mapped */
	return allowed;
}
