/* SPDX-License-Identifier: MIT */
#include "tools/subid/grant_options.h"

#include <getopt.h>
#include <string.h>

enum {
	OPTION_ANOTHER = 256 * 2,
	OPTION_ALIGN,
	OPTION_FROM,
	OPTION_GROUP,
	OPTION_ALL,
	OPTION_FORCE,
	OPTION_OWN,
	OPTION_REUSE_LEFT,
	OPTION_RESTORE,
	OPTION_KEEP_GOING,
};

const struct cli_option grant_option_rows[] = {
	{ 'u', "uid", NULL, "only uids" },
	{ 'g', "gid", NULL, "only gids" },
	{ 'c', "count", "N", "number of ids (64K, 1M); default: by the policy" },
	{ 'r', "range", "RANGE", "exactly these ids: START:COUNT or FIRST-LAST" },
	{ OPTION_ANOTHER, "another", NULL, "also to owners that hold enough ids" },
	{ OPTION_ALIGN, "align", "N", "a range whose first id is a multiple of N" },
	{ OPTION_FROM, "from", "FILE", "to the owners in FILE, one a line; - is stdin" },
	{ OPTION_GROUP, "group", "GROUP", "to the members of GROUP" },
	{ OPTION_ALL, "all", NULL, "to all people, by the policy" },
	{ OPTION_KEEP_GOING, "keep-going", NULL,
	  "to the others, if it is refused to some" },
	{ OPTION_RESTORE, "restore", NULL,
	  "the very ids that OWNER had, if nobody has them" },
	{ OPTION_REUSE_LEFT, "reuse-left", NULL,
	  "also ids that others had, if no others are left" },
	{ OPTION_FORCE, "force-unknown", NULL, "also to owners without account" },
	{ OPTION_OWN, "own", NULL, "for a container: add a line for its owner as well" },
	{ 'n', "dry-run", NULL, "show what would be granted" },
};

static bool take_flag(struct grant_options *options, int letter)
{
	switch (letter) {
	case 'u':
		return options->uid = true;
	case 'g':
		return options->gid = true;
	case 'n':
		return options->dry_run = true;
	case OPTION_ANOTHER:
		return options->another = true;
	case OPTION_ALL:
		return options->all = true;
	case OPTION_FORCE:
		return options->force_unknown = true;
	case OPTION_OWN:
		return options->own = true;
	case OPTION_KEEP_GOING:
		return options->keep_going = true;
	case OPTION_RESTORE:
		return options->restore = true;
	case OPTION_REUSE_LEFT:
		return options->reuse_left = true;
	default:
		return false;
	}
}

static int take_number(const struct cli *cli, const char *option, uint32_t *ret)
{
	if (cli_parse_count(optarg, ret))
		return EXIT_DONE;
	return cli_misused(cli, "--%s '%s': not a number from 1 to 4294967295, 64K or 1M",
			   option, optarg);
}

int grant_options_take(const struct cli *cli, struct grant_options *options, int letter)
{
	switch (letter) {
	case 'c':
		return take_number(cli, "count", &options->count);
	case OPTION_ALIGN:
		return take_number(cli, "align", &options->align);
	case 'r':
		return cli_parse_range(cli, optarg, &options->range) ? EXIT_DONE
								     : EXIT_USAGE;
	case OPTION_FROM:
		options->from = optarg;
		return EXIT_DONE;
	case OPTION_GROUP:
		options->group = optarg;
		return EXIT_DONE;
	default:
		return take_flag(options, letter) ? EXIT_DONE : EXIT_USAGE;
	}
}

int grant_options_check(const struct cli *cli, const struct grant_options *options,
			int operands)
{
	bool many = options->from != NULL || options->group != NULL || options->all;

	if (operands == 0 && !many)
		return cli_misused(cli, "grant: missing OWNER, --all, --group or --from");
	if (options->range.count > 0 && (many || operands > 1))
		return cli_misused(cli, "--range allows only one OWNER");
	if (options->range.count > 0 && options->count > 0)
		return cli_misused(cli, "--range and --count exclude each other");
	if (options->align > 0 && (options->range.count > 0 || options->restore))
		return cli_misused(cli, "--%s and --align exclude each other",
				   options->restore ? "restore" : "range");
	return EXIT_DONE;
}
