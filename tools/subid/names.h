/* SPDX-License-Identifier: MIT */
/*
 * A list of names, as the command line or a file has them.  Zeroed, it is empty.
 */
#pragma once

#include <stdio.h>

#include "tools/subid/cli.h"

struct cli_names {
	char *text; /* of the n names, one behind the other, each terminated */
	size_t size;
	size_t room;
	size_t n;
};

void cli_names_free(struct cli_names *names);

/* 0 or -ENOMEM. */
int cli_names_add(struct cli_names *names, const char *name);

/*
 * Adds the names in a file, one a line, "-" for standard input; blank lines and those
 * that begin with '#' are passed over.  Returns an exit status; what is not EXIT_DONE has
 * been complained of.
 */
int cli_names_read(struct cli_names *names, const char *file);

/* The same of a stream, which a message calls file. */
int cli_names_read_stream(struct cli_names *names, const char *file, FILE *stream);
