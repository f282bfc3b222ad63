/* SPDX-License-Identifier: MIT */
/*
 * wrap: socket sendto recv
 */
#include "libsubid/change/change.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include "support.h"

/* A kernel that notes the records and answers as it is told. */
static struct {
	int socket_error;
	int send_error;
	int error;	     /* of every record */
	int interrupts;	     /* calls that end with EINTR, first */
	bool is_silent;	     /* no answer */
	size_t n, datagrams; /* that came */
	uint32_t last_seq;
	uint16_t types[4];
	char first[SUBID_TRACE_SIZE];
	size_t answers; /* that wait */
	uint32_t answer_seq;
	bool chatters; /* something else comes before the answer */
} kernel;

int __wrap_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol)
{
	assert_int_equal(family, AF_NETLINK);
	assert_true((type & SOCK_CLOEXEC) != 0);
	assert_int_equal(protocol, NETLINK_AUDIT);
	errno = kernel.socket_error;
	return errno != 0 ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void take(const struct nlmsghdr *record)
{
	if (kernel.n < 4)
		kernel.types[kernel.n] = record->nlmsg_type;
	if (kernel.n++ == 0)
		(void)strcpy(kernel.first, (const char *)NLMSG_DATA(record));
	assert_true((record->nlmsg_flags & NLM_F_REQUEST) != 0);
	assert_int_equal(record->nlmsg_seq, kernel.last_seq + 1);
	assert_int_equal(strlen((const char *)NLMSG_DATA(record)) + 1,
			 NLMSG_PAYLOAD(record, 0));
	kernel.last_seq = record->nlmsg_seq;
	if (kernel.error != 0 || (record->nlmsg_flags & NLM_F_ACK) != 0) {
		kernel.answers++;
		kernel.answer_seq = record->nlmsg_seq;
	}
}

static bool is_interrupted(void)
{
	errno = EINTR;
	return kernel.interrupts > 0 && kernel.interrupts-- > 0;
}

ssize_t __wrap_sendto(int fd, const void *bytes, size_t size, int flags,
		      const struct sockaddr *to, socklen_t to_size);
ssize_t __wrap_sendto(int fd, const void *bytes, size_t size, int flags,
		      const struct sockaddr *to, socklen_t to_size)
{
	const struct nlmsghdr *record = bytes;
	size_t left = size;

	(void)fd;
	(void)flags;
	assert_int_equal(to->sa_family, AF_NETLINK);
	assert_int_equal(to_size, sizeof(struct sockaddr_nl));
	if (is_interrupted())
		return -1;
	errno = kernel.send_error;
	if (errno != 0)
		return -1;
	kernel.datagrams++;
	for (; NLMSG_OK(record, left); record = NLMSG_NEXT(record, left))
		take(record);
	assert_int_equal(left, 0);
	return (ssize_t)size;
}

ssize_t __wrap_recv(int fd, void *buf, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t size, int flags)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} answer = {
		.header = { .nlmsg_len = sizeof(answer), .nlmsg_type = NLMSG_ERROR },
		.error = { .error = kernel.error },
	};

	(void)fd;
	assert_true((flags & MSG_DONTWAIT) != 0);
	if (is_interrupted())
		return -1;
	errno = EAGAIN;
	if (kernel.answers == 0 || kernel.is_silent)
		return -1;
	if (kernel.chatters) {
		kernel.chatters = false;
		answer.header.nlmsg_type = NLMSG_NOOP;
	} else {
		answer.header.nlmsg_seq = kernel.answer_seq - (uint32_t)--kernel.answers;
	}
	memcpy(buf, &answer, size < sizeof(answer) ? size : sizeof(answer));
	return sizeof(answer);
}

static int kernel_reset(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	return 0;
}

#define N_MANY 1000

static int send_many(size_t n, int patience_ms, size_t *ret_taken)
{
	static struct subid_event events[N_MANY];

	for (size_t i = 0; i < N_MANY; i++)
		events[i] = (struct subid_event){
			.kind = i % 2 == 0 ? SUBID_UID : SUBID_GID,
			.range = { 100000 + (uint32_t)i, 1 },
			.owner = "alice",
			.owner_len = 5,
			.uid = 1000,
		};
	return subid_audit_send(events, n, patience_ms, ret_taken);
}

static void test_two_records(void **state)
{
	size_t taken;

	(void)state;
	kernel.interrupts = 3;
	kernel.chatters = true;
	assert_int_equal(send_many(2, 1000, &taken), 0);
	assert_int_equal(taken, 2);
	assert_int_equal(kernel.n, 2);
	assert_int_equal(kernel.datagrams, 1);
	assert_int_equal(kernel.types[0], 1102); /* USER_MGMT */
	assert_int_equal(kernel.types[1], 1132); /* GRP_MGMT */
	assert_memory_equal(kernel.first, "op=add-subuid-range acct=\"alice\" ", 33);
	assert_non_null(strstr(kernel.first, "/test_trace_audit\" hostname=? "));
}

static void test_many_records(void **state)
{
	size_t taken;

	(void)state;
	assert_int_equal(send_many(N_MANY, 10000, &taken), 0);
	assert_int_equal(taken, N_MANY);
	assert_int_equal(kernel.n, N_MANY);
	assert_true(kernel.datagrams > 1 && kernel.datagrams < N_MANY / 20);
}

static void test_kernel_that_holds_us_up(void **state)
{
	size_t taken;

	(void)state;
	assert_int_equal(send_many(N_MANY, 0, &taken), -ETIME);
	assert_int_equal(kernel.datagrams, 1);
	assert_int_equal(taken, kernel.n);
	assert_true(taken > 0 && taken < N_MANY);
}

static void test_failures(void **state)
{
	static const struct {
		int socket_error, send_error, error;
		bool is_silent;
		int r;
	} rows[] = {
		{ .socket_error = EPROTONOSUPPORT, .r = -EPROTONOSUPPORT },
		{ .send_error = ENOBUFS, .r = -ENOBUFS },
		{ .error = -EPERM, .r = -EPERM },
		{ .error = -ECONNREFUSED, .r = -ECONNREFUSED },
		{ .is_silent = true, .r = -EAGAIN },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t taken = 99;

		(void)kernel_reset(state);
		kernel.socket_error = rows[i].socket_error;
		kernel.send_error = rows[i].send_error;
		kernel.error = rows[i].error;
		kernel.is_silent = rows[i].is_silent;
		assert_int_equal(send_many(N_MANY, 10000, &taken), rows[i].r);
		assert_int_equal(taken, 0);
		assert_true(kernel.datagrams <= 1);
	}
}

#define kernel_test(function) cmocka_unit_test_setup(function, kernel_reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		kernel_test(test_two_records),
		kernel_test(test_many_records),
		kernel_test(test_kernel_that_holds_us_up),
		kernel_test(test_failures),
	};

	return cmocka_run_group_tests_name("trace_audit", tests, NULL, NULL);
}
