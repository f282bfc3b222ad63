/* SPDX-License-Identifier: MIT */
/*
 * Revoking: the claims become released first, then the owner is cleared.  Whoever dies in
 * between has it finished by the next one; until then nobody gets the ids.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid-ldap/commands.h"

enum { OPTION_REUSE = 256 * 2, OPTION_FORCE, OPTION_OWN };

static const struct cli_option options[] = {
	{ 'u', "uid", NULL, "only uids" },
	{ 'g', "gid", NULL, "only gids" },
	{ 'r', "range", "RANGE", "only if it is in these ids" },
	{ OPTION_REUSE, "reuse", NULL, "do not quarantine the ids; needs --force" },
	{ OPTION_FORCE, "force", NULL, "no host can be asked whether it uses them" },
	{ OPTION_OWN, "own", NULL, "for a container" },
	{ 'n', "dry-run", NULL, "show what would be revoked" },
};

static const struct cli_refusal refused[] = {
	{ "uid", "the directory's ranges have both kinds" },
	{ "gid", "the directory's ranges have both kinds" },
	{ "own", "a lease is its host's: leave out --directory" },
	{ NULL, NULL },
};

struct revoke {
	struct site *site;
	bool reuse, force, dry_run;
	struct id_range within; /* count 0: any */
	struct site_owner owner;
	struct server *server; /* of the owner's changes */
	char dn[DIR_DN_SIZE];
	struct dir_entry entry; /* the owner, as it was read */
	const struct subid_conf_pool *pool;
	struct id_range cells;
};

/* An owner's claim that is not there rests all the same. */
static int add_released(const struct revoke *revoke, struct server *server,
			uint32_t block)
{
	const struct server_change entry[] = {
		{ SERVER_ADD, "objectClass", "subidClaim" },
		{ SERVER_ADD, "subidState", dir_state_name(DIR_RELEASED) },
		{ SERVER_ADD, "subidOwner", revoke->owner.name },
		{ SERVER_ADD, "subidTicket", revoke->entry.ticket },
	};
	char dn[DIR_DN_SIZE];

	if (!site_block_dn(revoke->site, block, dn))
		return -ENAMETOOLONG;
	return server_add(server, dn, entry, 4);
}

/* Does this claim go with the owner's range? */
static bool is_ours(const struct revoke *revoke, const struct dir_entry *claim)
{
	return claim->broken == NULL && strcmp(claim->name, revoke->owner.name) == 0 &&
	       strcmp(claim->ticket, revoke->entry.ticket) == 0;
}

/* One claim, from one state of ours to the next.  0 or -errno. */
static int move_claim(const struct revoke *revoke, struct server *server, uint32_t block,
		      enum dir_state from, enum dir_state to)
{
	struct dir_entry claim;
	char dn[DIR_DN_SIZE];
	int r;

	if (!site_block_dn(revoke->site, block, dn))
		return -ENAMETOOLONG;
	r = server_read(server, dn, &claim);
	if (r == SERVER_ABSENT)
		r = to == DIR_RELEASED ? add_released(revoke, server, block) : 0;
	else if (r == 0) {
		dir_claim_end(&claim);
		if (is_ours(revoke, &claim) && claim.state == from)
			r = site_set_claim(revoke->site, server, &claim, to);
		else if (!is_ours(revoke, &claim))
			(void)cli_complain(0,
					   "warning: block %u of the range is somebody"
					   " else's, and stays so: 'subid --directory"
					   " audit'",
					   block);
	}
	return r < 0 ? r : 0;
}

static int move_claims(const struct revoke *revoke, enum dir_state from,
		       enum dir_state to)
{
	struct server *server =
	    site_server(revoke->site, dir_master(&revoke->site->conf, revoke->pool));

	if (server == NULL)
		return EXIT_UNABLE;
	for (uint64_t at = revoke->cells.start; at < id_range_end(revoke->cells);
	     at += revoke->pool->block)
		if (move_claim(revoke, server, (uint32_t)at, from, to) < 0)
			return site_failed(server);
	return EXIT_DONE;
}

static int clear_owner(struct revoke *revoke)
{
	const struct server_change changes[] = {
		{ SERVER_DELETE, "subidState", dir_state_name(DIR_GRANTED) },
		{ SERVER_DELETE, "subidTicket", revoke->entry.ticket },
		{ SERVER_REPLACE, "subUidNumber", NULL },
		{ SERVER_REPLACE, "subUidCount", NULL },
		{ SERVER_REPLACE, "subGidNumber", NULL },
		{ SERVER_REPLACE, "subGidCount", NULL },
		{ SERVER_REPLACE, "subidRangeOwner", NULL },
	};
	int r = server_modify(revoke->server, revoke->dn, changes,
			      sizeof(changes) / sizeof(changes[0]));

	/* another one has cleared it at the same moment */
	return r >= 0 ? EXIT_DONE : site_failed(revoke->server);
}

static int read_owner(struct revoke *revoke, const char *text)
{
	struct dir_entry *entry = &revoke->entry;
	int r, status = site_name_owner(revoke->site, text, &revoke->owner);

	if (status != EXIT_DONE)
		return status;
	if (!site_owner_dn(revoke->site, revoke->owner.name, revoke->dn))
		return cli_complain(EXIT_NO, "%s: the name is too long", text);
	revoke->server = site_server(
	    revoke->site, dir_master_of(&revoke->site->conf, revoke->owner.name));
	if (revoke->server == NULL)
		return EXIT_UNABLE;
	r = server_read(revoke->server, revoke->dn, entry);
	if (r < 0)
		return site_failed(revoke->server);
	if (r == 0)
		dir_owner_end(entry);
	if (r == 0 && entry->broken != NULL)
		return cli_complain(EXIT_UNABLE, "%s: %s", revoke->dn, entry->broken);
	if (r > 0 || entry->state == DIR_NONE ||
	    strcmp(entry->name, revoke->owner.name) != 0)
		return cli_complain(EXIT_NO, "%s: has no ranges", text);
	if (entry->state == DIR_PENDING)
		return cli_complain(EXIT_UNABLE,
				    "%s: a grant is on its way, or was left: 'subid"
				    " --directory grant %s' finishes it",
				    text, text);
	return EXIT_DONE;
}

static int check_range(struct revoke *revoke, const char *text)
{
	struct id_range range = revoke->entry.range[SUBID_UID];

	if (memcmp(&range, &revoke->entry.range[SUBID_GID], sizeof(range)) != 0)
		return cli_complain(EXIT_UNABLE,
				    "%s: its uids and gids differ, which we never write:"
				    " mend %s by hand",
				    text, revoke->dn);
	revoke->pool = dir_pool_of(&revoke->site->conf, range);
	if (revoke->pool == NULL)
		return cli_complain(EXIT_UNABLE, "%s: %u-%llu: in no pool of subid.conf",
				    text, range.start,
				    (unsigned long long)id_range_end(range) - 1);
	if (revoke->within.count > 0 &&
	    id_range_common(revoke->within, range).count != range.count)
		return cli_complain(
		    EXIT_NO, "%s: has %u-%llu, which the directory takes back whole",
		    text, range.start, (unsigned long long)id_range_end(range) - 1);
	revoke->cells = dir_cells(revoke->pool, range);
	return EXIT_DONE;
}

static int carry_out(struct revoke *revoke, const char *text)
{
	__attribute__((cleanup(range_list_free))) struct range_list rows = { .n = 0 };
	int status = read_owner(revoke, text);

	if (status == EXIT_DONE)
		status = check_range(revoke, text);
	if (status == EXIT_DONE && !revoke->dry_run)
		status = move_claims(revoke, DIR_GRANTED, DIR_RELEASED);
	if (status == EXIT_DONE && !revoke->dry_run)
		status = clear_owner(revoke);
	if (status == EXIT_DONE && !revoke->dry_run && revoke->reuse)
		status = move_claims(revoke, DIR_RELEASED, DIR_FREE);
	if (status == EXIT_DONE)
		status = rows_add_both(&rows, text, revoke->entry.range,
				       revoke->reuse ? "free" : "released");
	return status == EXIT_DONE ? range_list_print(revoke->site->cli, &rows) : status;
}

static int run(struct cli *cli, int argc, char *argv[])
{
	auto_site struct site site = { .etc = -1 };
	struct revoke revoke = { .site = &site };
	int letter, status;

	while ((letter = cli_next_option(cli, argc, argv)) != -1) {
		revoke.dry_run |= letter == 'n';
		revoke.reuse |= letter == OPTION_REUSE;
		revoke.force |= letter == OPTION_FORCE;
		if (letter == 'r' && !cli_parse_range(cli, optarg, &revoke.within))
			return EXIT_USAGE;
	}
	if (argc - optind != 1)
		return cli_misused(cli, "revoke: expected one OWNER");
	if (revoke.reuse && !revoke.force)
		return cli_misused(cli, "--reuse needs --force: no host can be asked"
					" whether it still uses the ids");
	status = site_open(cli, &site);
	return status == EXIT_DONE ? carry_out(&revoke, argv[optind]) : status;
}

const struct cli_command ldap_revoke = {
	.name = "revoke",
	.arguments = "OWNER",
	.summary = "revoke a range in the directory, and quarantine the ids",
	CLI_OPTIONS(options),
	.refused = refused,
	.text =
	    "The ids are quarantined until 'subid --directory unhold' frees them.  Each "
	    "host\n"
	    "releases them at its next 'subid sync', once nothing uses them there.\n",
	.run = run,
};
