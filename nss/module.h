/* SPDX-License-Identifier: MIT */
/*
 * libnss_subid.so.2: what glibc's getpwuid(3) and its like call where nsswitch.conf(5)
 * says "passwd: files subid" or "group: files subid".  It runs in every program, in
 * threads and beside fork(2), so it keeps these rules:
 *
 *  1. No environment, no home, no socket, no link: only root's files, read as
 *     libsubid/names/ does, and closed again.  Nothing of the name service is called.
 *  2. errno is as it was, unless the answer says why there is none.
 *  3. The files are read once for each change of one of them, however many ids are asked
 *     for.
 *  4. No signal, no thread, no exit handler; a fork leaves no lock behind.
 */
#pragma once

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stddef.h>

#include "libsubid/names/names.h"

/* A look-up; no other thread of the process has one of this kind meanwhile. */
struct cache_use {
	enum subid_kind kind;
	const struct subid_names *names; /* as the files are now */
	int cancel_state;
};

/* Returns 0, and the caller ends it with cache_leave(); -errno. */
int cache_enter(enum subid_kind kind, struct cache_use *ret);

void cache_leave(const struct cache_use *use);

/* --- what glibc looks up by name --- */

enum nss_status _nss_subid_getpwuid_r(uid_t uid, struct passwd *ret, char *buf,
				      size_t size, int *ret_errno);
enum nss_status _nss_subid_getpwnam_r(const char *name, struct passwd *ret, char *buf,
				      size_t size, int *ret_errno);
enum nss_status _nss_subid_getgrgid_r(gid_t gid, struct group *ret, char *buf,
				      size_t size, int *ret_errno);
enum nss_status _nss_subid_getgrnam_r(const char *name, struct group *ret, char *buf,
				      size_t size, int *ret_errno);
