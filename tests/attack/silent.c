/* SPDX-License-Identifier: MIT */
/*
 * A process whose memory is locked for ever: it unmaps a page of a file system (FUSE) of
 * its own, which does not answer when the page is to be written.  Whoever reads its
 * /proc/PID/cmdline waits for that lock.
 *
 *   silent DEVICE DIRECTORY READY
 *
 * To be run in a user and a mount namespace.  DEVICE: /dev/fuse or its like.  A child of
 * the process is in a user namespace of its own, as a container's is.  READY is made when
 * the lock is held.  When its children are
 * killed, the lock is free again: before that the process itself cannot end.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILE_NODE = 2, PAGE = 4096 };

static struct fuse_attr attr_of(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node,
		.size = node == FILE_NODE ? PAGE : 0,
		.mode = node == FILE_NODE ? S_IFREG | 0644 : S_IFDIR | 0755,
		.nlink = 1,
		.blksize = PAGE,
	};
}

static void reply(int device, uint64_t unique, int error, void *body, size_t size)
{
	struct fuse_out_header head = {
		.len = (uint32_t)(sizeof(head) + size),
		.error = error,
		.unique = unique,
	};
	struct iovec parts[] = { { &head, sizeof(head) }, { body, size } };

	if (writev(device, parts, 2) < 0)
		warn("fuse");
}

/* Answers one request, but for what is to be written: then the lock is held. */
static void answer(int device, const struct fuse_in_header *in, const char *ready)
{
	struct fuse_init_out init = {
		.major = 7,
		.minor = 31,
		.max_write = PAGE,
		.time_gran = 1,
	};
	struct fuse_entry_out entry = {
		.nodeid = FILE_NODE,
		.attr = attr_of(FILE_NODE),
		.entry_valid = 1000,
		.attr_valid = 1000,
	};
	struct fuse_attr_out attr = { .attr_valid = 1000, .attr = attr_of(in->nodeid) };
	struct fuse_open_out opened = { .fh = 1 };
	static char page[PAGE];

	switch (in->opcode) {
	case FUSE_INIT:
		reply(device, in->unique, 0, &init, sizeof(init));
		return;
	case FUSE_LOOKUP:
		reply(device, in->unique, 0, &entry, sizeof(entry));
		return;
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		reply(device, in->unique, 0, &attr, sizeof(attr));
		return;
	case FUSE_OPEN:
		reply(device, in->unique, 0, &opened, sizeof(opened));
		return;
	case FUSE_READ:
		reply(device, in->unique, 0, page, PAGE);
		return;
	case FUSE_WRITE:
		if (creat(ready, 0644) < 0)
			err(1, "%s", ready);
		return;
	case FUSE_FORGET:
		return;
	default:
		reply(device, in->unique, -38, NULL, 0); /* ENOSYS */
	}
}

static _Noreturn void serve(int device, const char *ready)
{
	static char buf[1 << 17];

	while (read(device, buf, sizeof(buf)) > 0)
		answer(device, (const void *)buf, ready);
	_exit(0);
}

/* A process in a user namespace of its own. */
static void start_container(void)
{
	int ready[2];
	char byte;

	if (pipe(ready) < 0)
		err(1, "pipe");
	if (fork() == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWUSER) < 0)
			err(1, "unshare");
		(void)!write(ready[1], "x", 1);
		for (;;)
			(void)pause();
	}
	if (read(ready[0], &byte, 1) != 1)
		errx(1, "no container");
}

/* Holds the lock of the memory when it is about to. */
static void *unmap(void *data)
{
	/* a mapping in its place: the old one goes while the lock is held */
	(void)mmap(data, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
	return NULL;
}

int main(int argc, char *argv[])
{
	char options[128], path[512];
	int device, file;
	pthread_t thread;
	char *page;

	if (argc != 4)
		errx(1, "usage: silent DEVICE DIRECTORY READY");
	device = open(argv[1], O_RDWR);
	if (device < 0)
		err(1, "%s", argv[1]);
	(void)snprintf(options, sizeof(options),
		       "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	if (mount("silent", argv[2], "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		err(1, "%s", argv[2]);
	if (fork() == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(device, argv[3]);
	}
	/* so that all is free again when the server ends */
	(void)close(device);
	start_container();
	(void)snprintf(path, sizeof(path), "%s/file", argv[2]);
	file = open(path, O_RDWR);
	if (file < 0)
		err(1, "%s", path);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (page == MAP_FAILED)
		err(1, "mmap");
	page[0] = 'x';
	if (pthread_create(&thread, NULL, unmap, page) != 0)
		errx(1, "no thread");
	for (;;)
		(void)pause();
}
