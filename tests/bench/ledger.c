/* SPDX-License-Identifier: MIT */
/*
 * What accounts that come and go make of the ledger of a directory: CHANGES records about
 * RANGES ranges, a thousand in each append, and written anew when that is due.  Prints
 * how large the file was at most, in kilobytes, and the peak of memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/ledger/ledger.h"

#define RANGES	10000U
#define AT_ONCE 1000U
#define COUNT	65536U

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

/* A thousand accounts have gone, or others have come in their place. */
static int change(struct ledger_file *file, unsigned int turn)
{
	static char names[AT_ONCE][16];
	auto_ledger_news struct ledger_news news = { .now = 1000000 + turn };
	unsigned int first = turn / 2 * AT_ONCE % RANGES;
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < AT_ONCE; i++) {
		int len = snprintf(names[i], sizeof(names[i]), "u%u",
				   (first + i) * 7 + turn / 20);
		const struct ledger_entry entry = {
			.range = { 100000 + (first + i) * 2 * COUNT / 4, COUNT / 4 },
			.owner = { names[i], (size_t)len },
			.since = news.now,
			.uid = 1000 + first + i,
			.state = turn % 2 == 0 ? LEDGER_HAS : LEDGER_LEFT,
			.door_in = LEDGER_FOUND,
		};

		r = ledger_add(&news.of[SUBID_UID], &entry);
		if (r == 0)
			r = ledger_add(&news.of[SUBID_GID], &entry);
	}
	if (r == 0)
		r = ledger_lock(file, 1000);
	if (r == 0)
		r = ledger_append(file, &news, false);
	ledger_unlock(file);
	return r == 0 && ledger_is_long(file) ? ledger_compact(file, 1000) : r;
}

int main(int argc, char *argv[])
{
	auto_ledger_file struct ledger_file file = LEDGER_CLOSED;
	auto_close int dir = -1;
	uint64_t largest = 0;
	unsigned int turns;

	if (argc != 3)
		return EXIT_FAILURE;
	turns = (unsigned int)strtoul(argv[2], NULL, 10) / AT_ONCE;
	dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || ledger_open(dir, 0, false, &file) != 0)
		return EXIT_FAILURE;
	for (unsigned int turn = 0; turn < turns; turn++) {
		if (change(&file, turn) != 0)
			return EXIT_FAILURE;
		largest = file.size > largest ? file.size : largest;
	}
	if (ledger_read(&file, true) != 0 || file.damaged ||
	    file.parts[LEDGER_LINES].ledger.of[SUBID_UID].n != RANGES)
		return EXIT_FAILURE;
	(void)printf("%llu kB, peak %ld kB\n", (unsigned long long)largest / 1024,
		     peak_kb());
	return EXIT_SUCCESS;
}
