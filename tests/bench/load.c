/* SPDX-License-Identifier: MIT */
/*
 * Loads DIR/subuid with the library, asks for all that is taken, and prints the
 * peak of memory in kilobytes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/tables/tables.h"

/* Not getrusage(2), which also knows the process that ran before execve(2). */
static long peak_kb(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long kb = -1;

	while (status != NULL && kb < 0 && fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, "VmHWM:", 6) == 0)
			kb = strtol(line + 6, NULL, 10);
	if (status != NULL)
		(void)fclose(status); /* only read */
	return kb;
}

int main(int argc, char *argv[])
{
	auto_table struct subid_table table = { .kind = SUBID_UID };
	auto_set struct subid_set taken = { .ranges = NULL };
	auto_close int dir = -1;

	if (argc != 2)
		return EXIT_FAILURE;
	dir = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || subid_table_load(dir, SUBID_UID, &table) != 0 ||
	    subid_table_taken(&table, &taken) != 0)
		return EXIT_FAILURE;
	(void)printf("%zu entries, peak %ld kB\n", table.n, peak_kb());
	return EXIT_SUCCESS;
}
