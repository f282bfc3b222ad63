/* SPDX-License-Identifier: MIT */
/*
 * hold and unhold, in whole blocks: the same steps, to another state.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid-ldap/commands.h"

enum { OPTION_FORCE = 256 * 2 };

static const struct cli_option options[] = {
	{ 'u', "uid", NULL, "refused: the directory's ranges have both kinds" },
	{ 'g', "gid", NULL, "refused, likewise" },
	{ 'n', "dry-run", NULL, "show what would be done" },
};

static const struct cli_option unhold_options[] = {
	{ 'u', "uid", NULL, "refused: the directory's ranges have both kinds" },
	{ 'g', "gid", NULL, "refused, likewise" },
	{ OPTION_FORCE, "force", NULL, "as on a host; no host is asked here" },
	{ 'n', "dry-run", NULL, "show what would be done" },
};

struct hold {
	struct site *site;
	bool release; /* unhold */
	bool dry_run;
	const char *text;
	struct server *server;
	const struct subid_conf_pool *pool;
	struct id_range cells;
	size_t n; /* blocks to change, or changed */
};

/* What is to be done with one block. */
enum todo {
	TODO_NOTHING,
	TODO_ADD, /* there is no claim yet */
	TODO_SET, /* the claim changes its state */
	TODO_REFUSE,
};

/* Does the owner of a claim count on it?  0: yes; 1: no; 2: perhaps soon; -errno. */
static int ask_owner(struct hold *hold, const struct dir_entry *claim)
{
	struct server *server =
	    site_server(hold->site, dir_master_of(&hold->site->conf, claim->name));
	struct dir_entry owner;
	char dn[DIR_DN_SIZE];
	int r;

	if (server == NULL || !site_owner_dn(hold->site, claim->name, dn))
		return -EHOSTDOWN;
	r = server_read(server, dn, &owner);
	if (r < 0) {
		(void)site_failed(server);
		return r;
	}
	if (r > 0)
		return 1;
	dir_owner_end(&owner);
	if (owner.broken != NULL || owner.state == DIR_PENDING)
		return 2;
	if (owner.state == DIR_NONE)
		return 1;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (id_range_overlaps(
			owner.range[kind],
			(struct id_range){ claim->block, hold->pool->block }))
			return 0;
	return 1;
}

/* What unhold makes of a claim: held ones are freed, and those that nobody counts on. */
static int judge_unhold(struct hold *hold, const struct dir_entry *claim, enum todo *ret)
{
	int r;

	*ret = TODO_NOTHING;
	if (claim->state == DIR_FREE)
		return EXIT_DONE;
	r = claim->name[0] == '\0' ? 1 : ask_owner(hold, claim);
	if (r < 0)
		return EXIT_UNABLE;
	*ret = r == 1 ? TODO_SET : TODO_REFUSE;
	if (r == 0 && claim->state == DIR_RELEASED)
		return cli_complain(
		    EXIT_NO,
		    "%s: block %u is released, and %s still has it: 'subid"
		    " --directory revoke' it first",
		    hold->text, claim->block, claim->name);
	if (r == 0)
		*ret = TODO_NOTHING; /* it is granted, not held */
	if (r == 2)
		return cli_complain(EXIT_NO,
				    "%s: block %u is being granted to %s: wait, or grant"
				    " it to finish that",
				    hold->text, claim->block, claim->name);
	return EXIT_DONE;
}

static int judge_hold(const struct hold *hold, const struct dir_entry *claim,
		      enum todo *ret)
{
	*ret = claim->state == DIR_FREE ? TODO_SET : TODO_NOTHING;
	if (claim->state != DIR_GRANTED)
		return EXIT_DONE;
	return cli_complain(EXIT_NO, "%s: block %u is claimed for %s", hold->text,
			    claim->block, claim->name);
}

static int judge(struct hold *hold, uint32_t block, struct dir_entry *claim,
		 enum todo *ret)
{
	char dn[DIR_DN_SIZE];
	int r;

	if (!site_block_dn(hold->site, block, dn))
		return cli_complain(EXIT_UNABLE, "base: the DN is too long");
	r = server_read(hold->server, dn, claim);
	if (r < 0)
		return site_failed(hold->server);
	if (r == SERVER_ABSENT) {
		*ret = hold->release ? TODO_NOTHING : TODO_ADD;
		return EXIT_DONE;
	}
	dir_claim_end(claim);
	if (claim->broken != NULL || claim->block != block)
		return cli_complain(EXIT_UNABLE, "%s: %s", dn,
				    claim->broken != NULL ? claim->broken
							  : "it is another block's");
	return hold->release ? judge_unhold(hold, claim, ret)
			     : judge_hold(hold, claim, ret);
}

static int change(struct hold *hold, uint32_t block, const struct dir_entry *claim,
		  enum todo todo)
{
	const struct server_change entry[] = {
		{ SERVER_ADD, "objectClass", "subidClaim" },
		{ SERVER_ADD, "subidState", dir_state_name(DIR_RESERVED) },
	};
	char dn[DIR_DN_SIZE];
	int r;

	if (todo == TODO_SET)
		r = site_set_claim(hold->site, hold->server, claim,
				   hold->release ? DIR_FREE : DIR_RESERVED);
	else if (!site_block_dn(hold->site, block, dn))
		return cli_complain(EXIT_UNABLE, "base: the DN is too long");
	else
		r = server_add(hold->server, dn, entry, 2);
	if (r < 0)
		return site_failed(hold->server);
	return r == 0 ? EXIT_DONE
		      : cli_complain(EXIT_UNABLE,
				     "%s: block %u changed at this moment: run it again",
				     hold->text, block);
}

/* All blocks are looked at first, so that a no changes nothing. */
static int go_through(struct hold *hold, bool act)
{
	int status = EXIT_DONE;

	hold->n = 0;
	for (uint64_t at = hold->cells.start;
	     status == EXIT_DONE && at < id_range_end(hold->cells);
	     at += hold->pool->block) {
		struct dir_entry claim;
		enum todo todo = TODO_NOTHING;

		status = judge(hold, (uint32_t)at, &claim, &todo);
		if (status != EXIT_DONE || todo == TODO_NOTHING)
			continue;
		hold->n++;
		if (act)
			status = change(hold, (uint32_t)at, &claim, todo);
	}
	return status;
}

static int find_pool(struct hold *hold, struct id_range range)
{
	hold->pool = dir_pool_of(&hold->site->conf, range);
	if (hold->pool == NULL)
		return cli_complain(EXIT_NO, "%s: not in one pool of subid.conf",
				    hold->text);
	hold->cells = dir_cells(hold->pool, range);
	/* to free more than was meant gives it away */
	if (hold->release && memcmp(&hold->cells, &range, sizeof(range)) != 0)
		return cli_complain(
		    EXIT_NO, "%s: the directory frees whole blocks: %u-%llu", hold->text,
		    hold->cells.start, (unsigned long long)id_range_end(hold->cells) - 1);
	hold->server = site_server(hold->site, dir_master(&hold->site->conf, hold->pool));
	return hold->server == NULL ? EXIT_UNABLE : EXIT_DONE;
}

static int carry_out(struct hold *hold, struct id_range range)
{
	__attribute__((cleanup(range_list_free))) struct range_list rows = { .n = 0 };
	struct id_range both[SUBID_KINDS];
	int status = find_pool(hold, range);

	if (status == EXIT_DONE)
		status = go_through(hold, false);
	if (status == EXIT_DONE && hold->n == 0 && hold->release)
		return cli_complain(EXIT_NO, "%s: none of these ids is held", hold->text);
	if (status == EXIT_DONE && hold->n == 0 && !hold->site->cli->quiet)
		(void)cli_complain(0, "%s: already held", hold->text);
	if (status == EXIT_DONE && hold->n > 0 && !hold->dry_run)
		status = go_through(hold, true);
	both[SUBID_UID] = both[SUBID_GID] = hold->cells;
	if (status == EXIT_DONE && hold->n > 0)
		status = rows_add_both(&rows, hold->release ? "-" : SUBID_OWNER_RESERVED,
				       both, hold->release ? "free" : "reserved");
	return status == EXIT_DONE ? range_list_print(hold->site->cli, &rows) : status;
}

static int run(struct cli *cli, bool release, int argc, char *argv[])
{
	auto_site struct site site = { .etc = -1 };
	struct hold hold = { .site = &site, .release = release };
	struct id_range range;
	int letter, status;

	while ((letter = cli_next_option(cli, argc, argv)) != -1) {
		if (letter == 'u' || letter == 'g')
			return cli_misused(cli, "the directory's ranges have both kinds");
		hold.dry_run |= letter == 'n';
	}
	if (argc - optind != 1)
		return cli_misused(cli, "%s: expected one RANGE", cli->command->name);
	hold.text = argv[optind];
	if (!cli_parse_range(cli, hold.text, &range))
		return EXIT_USAGE;
	status = site_open(cli, &site);
	return status == EXIT_DONE ? carry_out(&hold, range) : status;
}

static int run_hold(struct cli *cli, int argc, char *argv[])
{
	return run(cli, false, argc, argv);
}

static int run_unhold(struct cli *cli, int argc, char *argv[])
{
	return run(cli, true, argc, argv);
}

const struct cli_command ldap_hold = {
	.name = "hold",
	.arguments = "RANGE",
	.summary = "hold blocks of the directory's, so that they are granted to nobody",
	CLI_OPTIONS(options),
	.text =
	    "RANGE is START:COUNT or FIRST-LAST.  Every block that has one of the ids "
	    "is held.\n",
	.run = run_hold,
};

const struct cli_command ldap_unhold = {
	.name = "unhold",
	.arguments = "RANGE",
	.summary = "free blocks that are held, or claimed and left",
	CLI_OPTIONS(unhold_options),
	.text =
	    "RANGE is START:COUNT or FIRST-LAST, in whole blocks.  First make sure that "
	    "no file\n"
	    "of any host has one of the ids.\n",
	.run = run_unhold,
};
