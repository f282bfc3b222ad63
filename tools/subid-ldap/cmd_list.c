/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid-ldap/commands.h"

enum { OPTION_KNOWN = 256 * 2, OPTION_CLAIMS };

static const struct cli_option options[] = {
	{ 'u', "uid", NULL, "only uids" },
	{ 'g', "gid", NULL, "only gids" },
	{ OPTION_KNOWN, "known", NULL, "without a word about owners that have none" },
	{ OPTION_CLAIMS, "claims", NULL,
	  "the claims of blocks: of all, or of those with the id OWNER" },
};

struct listing {
	struct site *site;
	struct server *server;
	struct rows *output;
	unsigned int kinds;
	bool known, claims;
	size_t n;
	size_t n_broken;
};

static void print(struct listing *listing, const char *owner,
		  const struct id_range range[SUBID_KINDS], const char *state)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if ((listing->kinds & (1U << kind)) != 0)
			range_rows_add(listing->output, &(struct range_row){
							    .owner = owner,
							    .owner_len = strlen(owner),
							    .kind = kind,
							    .range = range[kind],
							    .state = state,
							});
	listing->n++;
}

static void complain(struct listing *listing, const struct dir_entry *entry)
{
	/* a flood helps nobody, and the audit names them all */
	if (listing->n_broken++ < 10)
		(void)cli_complain(0, "%s: left out: %s", entry->dn, entry->broken);
}

static int print_owner(void *data, struct dir_entry *entry)
{
	struct listing *listing = data;

	dir_owner_end(entry);
	if (entry->broken != NULL)
		complain(listing, entry);
	else if (entry->state == DIR_GRANTED)
		print(listing, entry->name, entry->range, "granted");
	return 0;
}

/*
 * Threat: whom the directory lets see nothing is told that nobody has anything, which is
 * not so.
 */
static int check_sight(struct listing *listing)
{
	const char *branch = listing->claims ? "blocks" : "owners";
	struct dir_entry entry;
	char dn[DIR_DN_SIZE];
	int r;

	if (!site_branch_dn(listing->site, branch, dn))
		return cli_complain(EXIT_UNABLE, "base: the DN is too long");
	r = server_read(listing->server, dn, &entry);
	if (r < 0)
		return site_failed(listing->server);
	return r == 0
		   ? EXIT_DONE
		   : cli_complain(EXIT_UNABLE,
				  "%s: %s: there is no such entry, or we may not see it",
				  listing->server->uri, dn);
}

/* How a row names whom a claim is for. */
static const char *claimant(const struct dir_entry *claim)
{
	switch (claim->state) {
	case DIR_RELEASED:
		return SUBID_OWNER_RELEASED;
	case DIR_RESERVED:
		return SUBID_OWNER_RESERVED;
	case DIR_GRANTED:
		return claim->name;
	default:
		return "-";
	}
}

/* The whole block; its size is the pool's. */
static int print_claim(void *data, struct dir_entry *entry)
{
	struct listing *listing = data;
	const struct id_range first = { entry->block, 1 };
	const struct subid_conf_pool *pool;
	struct id_range range[SUBID_KINDS];

	dir_claim_end(entry);
	pool = dir_pool_of(&listing->site->conf, first);
	if (entry->broken == NULL && pool == NULL)
		entry->broken = "its block is in no pool of subid.conf";
	if (entry->broken != NULL) {
		complain(listing, entry);
		return 0;
	}
	range[SUBID_UID] = range[SUBID_GID] = dir_cells(pool, first);
	if (listing->claims || entry->state == DIR_RELEASED ||
	    entry->state == DIR_RESERVED)
		print(listing, claimant(entry), range, dir_state_name(entry->state));
	return 0;
}

/* Threat: what is in a search's answer is what the server wants; print_*() look again. */
static int search(struct listing *listing, const char *branch, const char *filter,
		  server_each *each)
{
	char dn[DIR_DN_SIZE];
	int r;

	if (!site_branch_dn(listing->site, branch, dn))
		return cli_complain(EXIT_UNABLE, "base: the DN is too long");
	r = server_search(listing->server, dn, filter, 0, each, listing);
	if (r == SERVER_ABSENT)
		return cli_complain(EXIT_UNABLE, "%s: %s: no such entry",
				    listing->server->uri, dn);
	return r == 0 ? EXIT_DONE : site_failed(listing->server);
}

static int list_held(struct listing *listing, const char *owner)
{
	char filter[96];
	size_t before = listing->n;
	int status;

	(void)snprintf(filter, sizeof(filter),
		       "(&(objectClass=subidClaim)(subidState=%s))", owner + 1);
	status = search(listing, "blocks", filter, print_claim);
	if (status == EXIT_DONE && listing->n == before)
		return cli_complain(EXIT_NO, "%s: no ids are held by this name", owner);
	return status;
}

/* The claim of the block with that id, if there is one. */
static int list_claim(struct listing *listing, const char *text)
{
	const struct subid_conf_pool *pool;
	struct id_range first = { .count = 1 };
	struct dir_entry entry;
	char dn[DIR_DN_SIZE];
	int r;

	if (subid_id_parse(text, strlen(text), &first.start) != 0)
		return cli_misused(listing->site->cli, "--claims: '%s' is no id", text);
	pool = dir_pool_of(&listing->site->conf, first);
	if (pool == NULL)
		return EXIT_DONE;
	if (!site_block_dn(listing->site, dir_cells(pool, first).start, dn))
		return cli_complain(EXIT_UNABLE, "base: the DN is too long");
	r = server_read(listing->server, dn, &entry);
	if (r < 0)
		return site_failed(listing->server);
	if (r == 0)
		(void)print_claim(listing, &entry);
	return EXIT_DONE;
}

static int list_name(struct listing *listing, const char *text)
{
	struct site_owner owner;
	struct dir_entry entry;
	char dn[DIR_DN_SIZE];
	size_t before = listing->n;
	int r, status;

	if (subid_owner_is_hold(text, strlen(text)))
		return list_held(listing, text);
	status = site_name_owner(listing->site, text, &owner);
	if (status != EXIT_DONE)
		return status;
	if (!site_owner_dn(listing->site, owner.name, dn))
		return cli_complain(EXIT_NO, "%s: the name is too long", text);
	r = server_read(listing->server, dn, &entry);
	if (r < 0)
		return site_failed(listing->server);
	if (r == 0 && strcmp(entry.name, owner.name) == 0)
		(void)print_owner(listing, &entry);
	return listing->n > before || listing->n_broken > 0 || listing->known
		   ? EXIT_DONE
		   : cli_complain(EXIT_NO, "%s: has no ranges", text);
}

static int list_all(struct listing *listing)
{
	int status;

	if (listing->claims)
		return search(listing, "blocks", "(objectClass=subidClaim)", print_claim);
	status = search(listing, "owners",
			"(&(objectClass=subordinateIdEntry)(subidState=granted))",
			print_owner);

	return status != EXIT_DONE
		   ? status
		   : search(listing, "blocks",
			    "(&(objectClass=subidClaim)(|(subidState=released)"
			    "(subidState=reserved)))",
			    print_claim);
}

static int run(struct cli *cli, int argc, char *argv[])
{
	auto_site struct site site = { .etc = -1 };
	struct listing listing = { .site = &site };
	bool uid = false, gid = false;
	int letter, status, closed;

	while ((letter = cli_next_option(cli, argc, argv)) != -1) {
		uid |= letter == 'u';
		gid |= letter == 'g';
		listing.known |= letter == OPTION_KNOWN;
		listing.claims |= letter == OPTION_CLAIMS;
	}
	listing.kinds = cli_kinds(uid, gid);
	status = site_open(cli, &site);
	if (status == EXIT_DONE && (listing.server = site_reader(&site)) == NULL)
		status = EXIT_UNABLE;
	if (status == EXIT_DONE)
		status = check_sight(&listing);
	if (status == EXIT_DONE && (listing.output = range_rows_open(cli)) == NULL)
		status = EXIT_UNABLE;
	if (status != EXIT_DONE)
		return status;
	if (optind == argc)
		status = list_all(&listing);
	for (; optind < argc; optind++) {
		int one = listing.claims ? list_claim(&listing, argv[optind])
					 : list_name(&listing, argv[optind]);

		if (one > status)
			status = one;
	}
	closed = rows_close(listing.output);
	if (listing.n_broken > 0)
		status = cli_complain(EXIT_UNABLE,
				      "%zu entries of the directory are left out: 'subid"
				      " --directory audit' names them",
				      listing.n_broken);
	return closed != EXIT_DONE ? closed : status;
}

const struct cli_command ldap_list = {
	.name = "list",
	.arguments = "[OWNER...]",
	.summary = "list the directory's ranges and their owners",
	CLI_OPTIONS(options),
	.text = "OWNER is a login name or a uid.  Without OWNER, all ranges are listed, "
		"and what is\n"
		"held.  Columns: owner, kind, first id, last id, count, state.\n",
	.run = run,
};
