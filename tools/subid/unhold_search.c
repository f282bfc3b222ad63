/* SPDX-License-Identifier: MIT */
#include "tools/subid/unhold_search.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/subid/storage/storage.h"

#define SHOWN 20

struct search {
	const struct cli *cli;
	const struct storage_map *map;
	uint64_t entries, n_found, n_mounts;
};

static void show_progress(void *data, uint64_t entries, uint64_t total)
{
	const struct search *search = data;

	(void)total;
	if (!search->cli->quiet && isatty(STDERR_FILENO))
		(void)fprintf(stderr, "\rsubid: %" PRIu64 " entries\033[K",
			      search->entries + entries);
}

static void end_progress(const struct search *search)
{
	if (!search->cli->quiet && isatty(STDERR_FILENO))
		(void)fputs("\r\033[K", stderr);
}

static void name_finding(const char *dir, const struct storage_finding *finding)
{
	bool itself = strcmp(finding->path, ".") == 0;
	const char *slash = itself || strcmp(dir, "/") == 0 ? "" : "/";
	const char *path = itself ? "" : finding->path;

	if (finding->what == STORAGE_MOUNT)
		(void)cli_complain(0, "%s%s%s: another mount, not looked into", dir,
				   slash, path);
	else if (finding->id == SUBID_ID_NONE)
		(void)cli_complain(0, "%s%s%s: %s", dir, slash, path,
				   storage_what_text(finding->what));
	else
		(void)cli_complain(0, "%s%s%s: %s %u", dir, slash, path,
				   storage_what_text(finding->what), finding->id);
}

static bool is_file(enum storage_what what)
{
	return what <= STORAGE_CAPABILITY || what == STORAGE_UNFINISHED;
}

/* Files first; of mounts it is said only how many there are, unless nothing is to be said
 * of files. */
static void name_findings(struct search *search, const char *dir,
			  const struct storage_report *report)
{
	uint64_t files = 0, named = 0;

	for (enum storage_what what = 0; what < STORAGE_WHATS; what++)
		files += is_file(what) ? report->found[what] : 0;
	for (size_t i = 0; i < report->n && named < SHOWN; i++) {
		if (!is_file(report->list[i].what))
			continue;
		name_finding(dir, &report->list[i]);
		named++;
	}
	if (files > named)
		(void)cli_complain(0, "%s: and %" PRIu64 " more", dir, files - named);
	search->n_found += files;
	search->n_mounts += report->found[STORAGE_MOUNT];
	for (size_t i = 0; i < report->n && files == 0 && named < SHOWN; i++) {
		if (report->list[i].what != STORAGE_MOUNT || search->cli->quiet)
			continue;
		name_finding(dir, &report->list[i]);
		named++;
	}
}

static int search_dir(struct search *search, const char *dir)
{
	auto_storage_report struct storage_report report = { .n = 0 };
	auto_close int tree = storage_open(dir);
	const struct storage_job job = {
		.tree = tree,
		.map = search->map,
		.progress = show_progress,
		.data = search,
	};
	int r;

	if (tree < 0)
		return cli_complain(EXIT_UNABLE, "--search %s: %s", dir, strerror(-tree));
	r = storage_verify(&job, &report);
	end_progress(search);
	if (r < 0)
		return cli_complain(EXIT_UNABLE,
				    "--search %s%s%s: %s: nothing was changed", dir,
				    report.path == NULL ? "" : "/",
				    report.path == NULL ? "" : report.path, strerror(-r));
	search->entries += report.entries;
	name_findings(search, dir, &report);
	return EXIT_DONE;
}

int unhold_search(const struct cli *cli, char *const dirs[], size_t n, unsigned int kinds,
		  struct id_range range)
{
	auto_storage_map struct storage_map map = { .of = { { .n = 0 } } };
	auto_sets struct subid_sets ids = { .of = { { .n = 0 } } };
	struct search search = { .cli = cli, .map = &map };
	struct storage_refusal why;
	int status = EXIT_DONE, r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		if ((kinds & (1U << kind)) != 0)
			r = subid_set_insert(&ids.of[kind], range);
	if (r == 0)
		r = storage_map_make(&ids, NULL, &map, &why);
	if (r != 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(r < 0 ? -r : EINVAL));
	for (size_t i = 0; status == EXIT_DONE && i < n; i++)
		status = search_dir(&search, dirs[i]);
	if (status != EXIT_DONE)
		return status;
	if (search.n_found > 0)
		return cli_complain(EXIT_NO,
				    "%" PRIu64 " owners, groups and the like are among"
				    " these ids: nothing was changed: remove these files,"
				    " or 'subid shift' them",
				    search.n_found);
	if (!cli->quiet)
		(void)cli_complain(
		    0, "searched %" PRIu64 " entries: none has these ids%s",
		    search.entries,
		    search.n_mounts == 0 ? ""
					 : "; what is mounted there was not looked into:"
					   " --search it, too");
	return EXIT_DONE;
}
