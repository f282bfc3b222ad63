/* SPDX-License-Identifier: MIT */
/*
 * The libsubid that podman, buildah and toolbox ask, which may be shadow's: does it find
 * the ranges of an owner?
 */
#pragma once

#include <stdbool.h>

/*
 * Asks the newest one that the dynamic linker finds, in a child.  Returns 0: it finds
 * some, or there is no such library; with the name of the library in *ret_library,
 * SUBID_ABSENT: it finds none, or child_run()'s -errno: it has not answered.
 */
int foreign_library_ask(const char *owner, const char **ret_library);

/* Why that is so for an owner without an account, and what helps (a format of its name).
 */
#define FOREIGN_LIBRARY_NO_ACCOUNT                                                       \
	"from shadow 4.20 on, it leaves out owners without an account"
#define FOREIGN_LIBRARY_HELP "sudo subid-compat enable, or: sudo useradd -r %s"
