/* SPDX-License-Identifier: MIT */
/*
 * How a test makes calls fail, one after the other; faults.h has the calls of the
 * library, a test may have more of its own:
 *
 *     FAULT(int, -1, fstatfs, (int fd, struct statfs *ret), (fd, ret))
 *
 * A test names each in its "wrap:" lines, see the Makefile.  The names with two
 * underscores at their heads are what the compiler makes of some calls when it checks
 * buffers (_FORTIFY_SOURCE).
 *
 *     for (turn = 1; faults_arm(turn, EIO), r = call(), faults_disarm(); turn++)
 *             ... r < 0, and everything is as it was ...
 *     ... r == 0: no call was left that could fail ...
 */
#pragma once

#include "support.h"

static struct {
	unsigned int calls_left; /* until the one that fails; 0: none fails */
	unsigned int error;
	const char *only; /* the function that counts; NULL: all of them */
	bool lasting;	  /* all calls from that one on fail */
	bool shortens;	  /* write(2) writes half instead of failing */
	bool struck;
	const char *function; /* that was made to fail first */
	/* what a file system cannot do; independent of the above */
	int noreplace_error; /* renameat2(2) */
	int unnamed_error;   /* O_TMPFILE */
	int dir_sync_error;  /* fsync(2) of a directory */
} faults;

static inline void faults_arm(unsigned int turn, unsigned int error)
{
	faults.calls_left = turn;
	faults.error = error;
	faults.struck = false;
	faults.function = "(none)";
}

/* Was a call made to fail? */
static inline bool faults_disarm(void)
{
	faults.calls_left = 0;
	return faults.struck;
}

/* Everything as it is without this file. */
static inline int faults_reset(void **state)
{
	(void)state;
	memset(&faults, 0, sizeof(faults));
	return 0;
}

static inline bool fault_is_due(const char *function)
{
	if (faults.calls_left == 0 ||
	    (faults.only != NULL && strcmp(faults.only, function) != 0))
		return false;
	if (faults.calls_left > 1) {
		faults.calls_left--;
		return false;
	}
	if (!faults.struck)
		faults.function = function;
	faults.struck = true;
	if (!faults.lasting)
		faults.calls_left = 0;
	errno = (int)faults.error;
	return true;
}

/* A function that fails as the row says, else does what it always does. */
#define FAULT(type, failed, name, parameters, arguments)                                 \
	FAULT_TWIN(type, failed, name, #name, parameters, arguments)
#define FAULT_TWIN(type, failed, name, called, parameters, arguments)                    \
	type __real_##name parameters;                                                   \
	type __wrap_##name parameters;                                                   \
	type __wrap_##name parameters                                                    \
	{                                                                                \
		if (fault_is_due(called))                                                \
			return failed;                                                   \
		return __real_##name arguments;                                          \
	}
