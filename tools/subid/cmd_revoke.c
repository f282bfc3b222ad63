/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/advice.h"

enum {
	OPTION_REUSE = 256 * 2,
	OPTION_FORCE,
	OPTION_OWN,
	OPTION_FROM,
	OPTION_GROUP,
};

static const struct cli_option options[] = {
	{ 'u', "uid", NULL, "only uids" },
	{ 'g', "gid", NULL, "only gids" },
	{ 'r', "range", "RANGE", "only these ids: START:COUNT or FIRST-LAST" },
	{ OPTION_FROM, "from", "FILE",
	  "from the owners in FILE, one a line; - is stdin" },
	{ OPTION_GROUP, "group", "GROUP", "from the members of GROUP" },
	{ OPTION_REUSE, "reuse", NULL, "do not quarantine the ids" },
	{ OPTION_FORCE, "force", NULL, "also while processes use the ids" },
	{ OPTION_OWN, "own", NULL, "for a container: remove its owner's lines as well" },
	{ 'n', "dry-run", NULL, "show what would be revoked" },
};

struct revoke {
	struct cli *cli;
	bool uid, gid, reuse, force, own, dry_run;
	bool leases;  /* the names are containers' */
	bool nothing; /* nobody has anything */
	struct id_range range;
	const char *from, *group;
	struct cli_names owners;
	size_t n_named;		     /* on the command line: these must have something */
	struct cli_names complaints; /* to be said when nobody waits for us */
	struct range_list rows;
};

static void revoke_free(struct revoke *revoke)
{
	cli_names_free(&revoke->owners);
	cli_names_free(&revoke->complaints);
	range_list_free(&revoke->rows);
}

/* Who reads slowly what we say must not keep useradd waiting. */
static int say_later(struct revoke *revoke, int status, const struct subid_error *err)
{
	char text[SUBID_ERROR_TEXT_SIZE];

	(void)subid_error_text(err, text, sizeof(text));
	return cli_names_add(&revoke->complaints, text) == 0 ? status
							     : cli_say(status, err);
}

/* Once the transaction has ended. */
static void say_complaints(const struct revoke *revoke, int status)
{
	const char *text = revoke->complaints.text;

	for (size_t i = 0; i < revoke->complaints.n; i++, text += strlen(text) + 1)
		cli_say_text(text);
	if (revoke->nothing)
		(void)cli_complain(0, "%s: nobody there has anything to take back",
				   revoke->group != NULL ? revoke->group : revoke->from);
	else if (status != EXIT_DONE && revoke->complaints.n > 0 && revoke->owners.n > 1)
		(void)cli_complain(0, "nothing was changed for any of the %zu %s",
				   revoke->owners.n,
				   revoke->leases ? "containers" : "owners");
}

static struct subid_request request_for(const struct revoke *revoke, const char *name,
					unsigned int flags)
{
	return (struct subid_request){
		.size = sizeof(struct subid_request),
		.owner = name,
		.kinds = cli_kinds(revoke->uid, revoke->gid),
		.flags = (revoke->reuse ? SUBID_REUSE : 0) |
			 (revoke->force ? SUBID_FORCE : 0) |
			 (revoke->own ? SUBID_OWN : 0) | flags,
		.range = revoke->range,
	};
}

/* Who is found in a file or a group, and has nothing, is passed over.  *ret_none: this
 * one has nothing.  The status, after a complaint. */
static int revoke_one(struct revoke *revoke, struct subid_txn *txn, const char *name,
		      bool named, bool *ret_none)
{
	const struct subid_request request = request_for(revoke, name, 0);
	struct subid_error err = { .size = sizeof(err) };
	int r = revoke->leases ? subid_unlease(txn, &request, &err)
			       : subid_revoke(txn, &request, &err);

	*ret_none = r == SUBID_ABSENT;
	if (*ret_none && !named) {
		if (revoke->group == NULL && !revoke->cli->quiet)
			(void)say_later(revoke, 0, &err);
		return EXIT_DONE;
	}
	return r == 0 ? range_list_add(&revoke->rows, txn, name, NULL)
		      : say_later(revoke, cli_status(r), &err);
}

/* From everybody, or from nobody. */
static int revoke_all(struct revoke *revoke, struct subid_txn *txn)
{
	const char *name = revoke->owners.text;
	size_t n = revoke->owners.n, n_none = 0;
	int status = EXIT_DONE;

	/* what uses their ids is looked at while others may have the locks; what is wrong
	 * is said when they are asked for */
	for (size_t i = 0; n > 1 && i < n; i++) {
		const struct subid_request request =
		    request_for(revoke, name, SUBID_PREPARE);
		struct subid_error err = { .size = sizeof(err) };

		if ((revoke->leases ? subid_unlease(txn, &request, &err)
				    : subid_revoke(txn, &request, &err)) == -ENOMEM)
			return cli_say(EXIT_UNABLE, &err);
		name += strlen(name) + 1;
	}
	name = revoke->owners.text;
	for (size_t i = 0; i < n; i++, name += strlen(name) + 1) {
		bool none;
		int one = revoke_one(revoke, txn, name, i < revoke->n_named, &none);

		n_none += none;
		if (one != EXIT_DONE)
			status = one;
		if (one != EXIT_DONE && !none)
			break; /* the transaction can only be ended */
	}
	revoke->nothing = status == EXIT_DONE && n_none == n;
	return revoke->nothing ? EXIT_NO : status;
}

static int add_member(void *data, const char *name)
{
	return cli_names_add(data, name);
}

/* The members of a group, whatever the policy says of them: who is given nothing any more
 * may have something. */
static int read_group(struct revoke *revoke)
{
	auto_close int etc = cli_open_etc(revoke->cli);
	auto_users struct subid_users *users = NULL;
	const char *file = "passwd";
	int r;

	if (etc < 0)
		return EXIT_UNABLE;
	r = subid_users_load(etc, revoke->cli->root == NULL, &users, &file);
	if (r < 0)
		return cli_unreadable(revoke->cli, file, r);
	r = subid_users_members(users, revoke->group, add_member, &revoke->owners);
	if (r == SUBID_UNKNOWN)
		return cli_complain(EXIT_NO, "%s: no such group", revoke->group);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", revoke->group, strerror(-r));
	return EXIT_DONE;
}

static int carry_out(struct revoke *revoke)
{
	auto_system struct subid *sys = NULL;
	auto_txn struct subid_txn *txn = NULL;
	int status = cli_open_system(revoke->cli, false, &sys);

	if (status == EXIT_DONE)
		status =
		    cli_begin(sys,
			      SUBID_NO_GRANTS | (revoke->dry_run ? SUBID_DRY_RUN : 0) |
				  (revoke->leases && !revoke->own ? SUBID_LEASES : 0),
			      &txn);
	if (status == EXIT_DONE)
		status = revoke_all(revoke, txn);
	if (status == EXIT_DONE && !revoke->dry_run)
		status = cli_commit(revoke->cli, txn, NULL);
	/* who reads slowly what we print must not keep useradd waiting */
	subid_abort(&txn);
	say_complaints(revoke, status);
	if (status != EXIT_DONE)
		return status;
	status = range_list_print(revoke->cli, &revoke->rows);
	if (revoke->dry_run)
		return cli_say_dry_run(revoke->cli, true, status);
	if (status != EXIT_DONE)
		return status;
	advise_undo(revoke->cli, &revoke->rows, revoke->leases,
		    revoke->n_named == 0 ? revoke->group : NULL);
	advise_after_revoke(revoke->cli, &revoke->rows);
	return status;
}

static int run_revoke(struct revoke *revoke, int argc, char *argv[])
{
	int status = EXIT_DONE;
	size_t n_containers;

	if (argc - optind == 0 && revoke->from == NULL && revoke->group == NULL)
		return cli_misused(revoke->cli, "revoke: missing OWNER or OWNER/NAME");
	if (revoke->range.count > 0 &&
	    (argc - optind > 1 || revoke->from != NULL || revoke->group != NULL))
		return cli_misused(revoke->cli, "--range allows only one OWNER");
	for (; optind < argc; optind++)
		if (cli_names_add(&revoke->owners, argv[optind]) < 0)
			return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	revoke->n_named = revoke->owners.n;
	if (revoke->from != NULL)
		status = cli_names_read(&revoke->owners, revoke->from);
	if (status == EXIT_DONE && revoke->group != NULL)
		status = read_group(revoke);
	if (status != EXIT_DONE)
		return status;
	n_containers = cli_names_containers(&revoke->owners);
	revoke->leases = n_containers > 0;
	if (revoke->own && !revoke->leases)
		return cli_misused(revoke->cli,
				   "--own is only for a container, OWNER/NAME");
	if (revoke->leases && n_containers < revoke->owners.n)
		return cli_misused(revoke->cli,
				   "containers, OWNER/NAME, cannot be mixed with owners");
	return carry_out(revoke);
}

static int run(struct cli *cli, int argc, char *argv[])
{
	__attribute__((cleanup(revoke_free))) struct revoke revoke = { .cli = cli };
	int letter;

	while ((letter = cli_next_option(cli, argc, argv)) != -1) {
		revoke.uid |= letter == 'u';
		revoke.gid |= letter == 'g';
		revoke.dry_run |= letter == 'n';
		revoke.reuse |= letter == OPTION_REUSE;
		revoke.force |= letter == OPTION_FORCE;
		revoke.own |= letter == OPTION_OWN;
		if (letter == OPTION_FROM)
			revoke.from = optarg;
		if (letter == OPTION_GROUP)
			revoke.group = optarg;
		if (letter == 'r' && !cli_parse_range(cli, optarg, &revoke.range))
			return EXIT_USAGE;
	}
	return run_revoke(&revoke, argc, argv);
}

const struct cli_command cmd_revoke = {
	.name = "revoke",
	.arguments = "OWNER[/NAME]...",
	.summary = "revoke ranges or leases, and quarantine the ids: of all, or of none",
	CLI_OPTIONS(options),
	.text = "The ids are quarantined, held by " SUBID_OWNER_RELEASED
		", until 'subid unhold' frees them.\n"
		"Nothing is revoked while a process runs with one of the ids, a user "
		"namespace\n"
		"maps one, or a container has a lease of one.  'subid grant --restore' "
		"undoes it.\n",
	.examples = "    subid revoke alice\n"
		    "    subid revoke --group contractors",
	.run = run,
};
