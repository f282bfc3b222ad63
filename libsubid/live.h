/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "idmap.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SUBID_ID_NONE	UINT32_MAX
#define SUBID_LIVE_NONE SIZE_MAX

enum subid_setgroups {
	SUBID_SETGROUPS_UNKNOWN,
	SUBID_SETGROUPS_ALLOW,
	SUBID_SETGROUPS_DENY
};
enum subid_holder_kind {
	SUBID_HELD_BY_PROCESS,
	SUBID_HELD_BY_DESCRIPTOR,
	SUBID_HELD_BY_MOUNT,
	SUBID_HELD_BY_CHILD
};

struct subid_live_map {
	struct subid_map_line *lines;
	size_t n;
	int error;
};
struct subid_live_userns {
	uint64_t inode;
	size_t parent;
	uint32_t owner;
	struct subid_live_map maps[SUBID_KINDS];
	enum subid_setgroups setgroups;
	enum subid_holder_kind held;
	pid_t holder;
	size_t first, n;
	char runtime[16];
	char container[128];
};
struct subid_live_process {
	pid_t pid;
	uint32_t uid;
	uint32_t gid;
	size_t userns;
};
struct subid_live {
	struct subid_live_userns *userns;
	size_t n;
	struct subid_live_process *processes;
	size_t n_processes;
	size_t n_unread;
	int unread_error;
	bool partial;
};
int subid_live_read(int proc, struct subid_live *ret);
void subid_live_free(struct subid_live *live);

#ifdef __cplusplus
}
#endif
