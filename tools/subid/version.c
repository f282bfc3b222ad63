/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "libsubid/core/child.h"
#include "tools/subid/version.h"

#define PATIENCE_MS 5000
#define OUTPUT_MAX  255

/* The child: becomes PROGRAM --version, with nothing open but its output. */
static int run_program(const void *data, int writer)
{
	char *program = (char *)(uintptr_t)data, version[] = "--version";

	if (open("/dev/null", O_RDONLY) != 0 || dup2(writer, 1) != 1 ||
	    open("/dev/null", O_WRONLY) != 2)
		return -EBADF;
	(void)close(writer);
	(void)execvp(program, (char *[]){ program, version, NULL });
	return -errno;
}

bool cli_ask_version(const char *program, struct subid_version *ret)
{
	auto_text struct subid_text said = { .bytes = NULL };
	struct child child;

	if (child_start(run_program, program, -1, &child) < 0)
		return false;
	/* what it says in that time is all that counts: it may go on for ever */
	(void)child_read(&child, PATIENCE_MS, OUTPUT_MAX, &said);
	(void)child_end(&child, true);
	return said.bytes != NULL && subid_version_parse(said.bytes, ret);
}
