/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/lines/lines.h"
#include "tools/subid/advice.h"
#include "tools/subid/grant_options.h"
#include "tools/subid/login.h"
#include "tools/subid/rows.h"

/* How often it is tried to be alone with leases. */
#define TURNS_MAX  60
#define TURN_PACES 7
#define TURN_NS	   1000000

struct grant {
	struct cli *cli;
	struct subid *sys;
	struct grant_options want;
	bool leases;	/* the owners are containers */
	bool last_turn; /* of trying */
	size_t refused; /* so many, and others got theirs: --keep-going */
	struct cli_names owners;
	struct cli_names complaints; /* to be said when nobody waits for us */
	struct range_list rows;	     /* to be printed once all is committed */
};

static void grant_free(struct grant *grant)
{
	cli_names_free(&grant->owners);
	cli_names_free(&grant->complaints);
	range_list_free(&grant->rows);
}

static int out_of_memory(void)
{
	return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
}

static struct subid_request request_of(const struct grant *grant, const char *owner)
{
	return (struct subid_request){
		.size = sizeof(struct subid_request),
		.owner = owner,
		.kinds = cli_kinds(grant->want.uid, grant->want.gid),
		.flags = (grant->want.another ? SUBID_ANOTHER : 0) |
			 (grant->want.force_unknown ? SUBID_UNKNOWN_OWNER : 0) |
			 (grant->want.own ? SUBID_OWN : 0) |
			 (grant->want.reuse_left ? SUBID_REUSE_LEFT : 0) |
			 (grant->want.align > 0 ? SUBID_ALIGN : 0),
		.count = grant->want.count,
		.range = grant->want.range,
		.align = grant->want.align,
	};
}

static void trace_one(const struct grant *grant, const char *owner, int result)
{
	const struct subid_request request = request_of(grant, owner);

	subid_trace_refused(grant->sys, 0, &request, SUBID_ID_NONE, result);
}

/* Nobody gets any: who is named, each, or the choice as it was asked for. */
static void trace_refused(const struct grant *grant, int result)
{
	const char *name = grant->owners.text;

	if (grant->want.dry_run || grant->leases)
		return;
	for (size_t i = 0; i < grant->owners.n; i++, name += strlen(name) + 1)
		trace_one(grant, name, result);
	if (grant->want.group != NULL)
		trace_one(grant, grant->want.group, result);
	if (grant->want.all)
		trace_one(grant, "--all", result);
}

/* Who reads slowly what we say must not keep useradd waiting. */
static int say_later(struct grant *grant, int status, const struct subid_error *err)
{
	char text[SUBID_ERROR_TEXT_SIZE];

	(void)subid_error_text(err, text, sizeof(text));
	return cli_names_add(&grant->complaints, text) == 0 ? status
							    : cli_say(status, err);
}

/* Once the transaction has ended. */
static void say_complaints(struct grant *grant, int status)
{
	const char *text = grant->complaints.text;

	for (size_t i = 0; i < grant->complaints.n; i++, text += strlen(text) + 1)
		cli_say_text(text);
	if (grant->refused > 0 && grant->owners.n > 1)
		(void)cli_complain(0, "refused to %zu of %zu %s, see above",
				   grant->refused, grant->owners.n,
				   grant->leases ? "containers" : "owners");
	else if (grant->complaints.n > 0 && status != EXIT_UNABLE && grant->owners.n > 1)
		(void)cli_complain(status, "nothing was changed for any of the %zu %s",
				   grant->owners.n,
				   grant->leases ? "containers" : "owners");
	cli_names_free(&grant->complaints);
}

static int grant_one(struct grant *grant, struct subid_txn *txn, const char *name,
		     struct subid_error *err)
{
	const struct subid_request request = request_of(grant, name);
	int r = grant->want.restore ? subid_restore(txn, &request, err)
		: grant->leases	    ? subid_lease(txn, &request, err)
				    : subid_grant(txn, &request, err);

	if (r == SUBID_BUSY)
		trace_refused(grant, r);
	if (r != 0 && r != SUBID_ENOUGH)
		return say_later(grant, cli_status(r), err);
	return range_list_add(&grant->rows, txn, name, r == 0 ? "new" : "kept");
}

static void show_progress(const struct grant *grant, size_t done)
{
	if (grant->cli->quiet || !isatty(STDERR_FILENO) || grant->owners.n < 1000 ||
	    (done % 1000 != 0 && done < grant->owners.n))
		return;
	(void)fprintf(stderr, "\rsubid: %zu of %zu owners", done, grant->owners.n);
	if (done == grant->owners.n)
		(void)fputs("\r\033[K", stderr);
}

/* What only others know is asked for before the locks. */
static void prepare_all(const struct grant *grant, struct subid_txn *txn)
{
	const char *name = grant->owners.text;

	for (size_t i = 0; i < grant->owners.n; i++, name += strlen(name) + 1) {
		struct subid_request request = request_of(grant, name);

		request.flags |= SUBID_PREPARE;
		/* what is wrong the grant itself says */
		if ((grant->leases ? subid_lease(txn, &request, NULL)
				   : subid_grant(txn, &request, NULL)) != 0)
			return;
		show_progress(grant, i + 1);
	}
}

/* Everybody, or nobody: the first kind of no is the status of all. */
static int grant_all(struct grant *grant, struct subid_txn *txn)
{
	struct subid_error err = { .size = sizeof(err) };
	const char *name = grant->owners.text;
	size_t n_refused = 0;
	int status = EXIT_DONE;

	if (!grant->want.restore && grant->owners.n > 1)
		prepare_all(grant, txn);
	for (size_t i = 0; i < grant->owners.n; i++) {
		int one = grant_one(grant, txn, name, &err);

		name += strlen(name) + 1;
		if (one == EXIT_UNABLE)
			return one;
		if (one != EXIT_DONE)
			status = one;
		n_refused += one != EXIT_DONE;
	}
	/* those who get something do */
	grant->refused = grant->want.keep_going ? n_refused : 0;
	if (grant->want.keep_going)
		return EXIT_DONE;
	return status;
}

/* Adds those whom only the accounts can tell. */
static int choose_owners(struct grant *grant, struct subid_txn *txn)
{
	auto_list struct subid_list *list = NULL;
	struct subid_error err = { .size = sizeof(err) };
	struct subid_row row = { .size = sizeof(row) };
	size_t passed_over = 0;
	int r;

	if (grant->want.group == NULL && !grant->want.all)
		return EXIT_DONE;
	r = subid_candidates(txn, grant->want.group, grant->want.all, &list, &passed_over,
			     &err);
	if (r != 0)
		return cli_say(cli_status(r), &err);
	for (size_t i = 0; subid_list_get(list, i, &row); i++)
		if (cli_names_add(&grant->owners, row.owner) < 0)
			return out_of_memory();
	if (passed_over > 0 && !grant->cli->quiet)
		(void)cli_complain(0,
				   "%zu skipped: %s/" SUBID_CONF_FILE
				   " grants them no ids ('subid policy explain OWNER')",
				   passed_over, grant->cli->etc_name);
	if (grant->want.group != NULL && grant->owners.n == 0 && passed_over == 0 &&
	    !grant->cli->quiet)
		(void)cli_complain(0, "%s: group without members, nothing to do",
				   grant->want.group);
	return EXIT_DONE;
}

/* *ret_raced: others have leased the same ids at the same moment. */
static int grant_once(struct grant *grant, bool *ret_raced)
{
	auto_txn struct subid_txn *txn = NULL;
	struct subid_error err = { .size = sizeof(err) };
	unsigned int flags = (grant->want.dry_run ? SUBID_DRY_RUN : 0) |
			     (grant->leases && !grant->want.own ? SUBID_LEASES : 0) |
			     (grant->want.reuse_left ? SUBID_SEARCH : 0);
	int status, r = subid_begin(grant->sys, flags, SUBID_PATIENCE_MS, &txn, &err);

	*ret_raced = false;
	if (r != 0) {
		trace_refused(grant, r);
		return cli_say(EXIT_UNABLE, &err);
	}
	status = choose_owners(grant, txn);
	if (status == EXIT_DONE)
		status = grant_all(grant, txn);
	/* it ends here: who reads slowly what we print must not keep useradd waiting */
	if (status == EXIT_DONE && !grant->want.dry_run)
		status = cli_commit(grant->cli, txn, grant->last_turn ? NULL : ret_raced);
	subid_abort(&txn);
	if (*ret_raced)
		cli_names_free(&grant->complaints);
	say_complaints(grant, status);
	return status;
}

/* So many owners at most are looked at one by one. */
#define LOOKS_MAX 8

/* Is there a line that begins with this word and a colon? */
static bool begins_line(const struct subid_text *text, const char *word)
{
	char start[SUBID_LINE_MAX + 3];
	int len = snprintf(start, sizeof(start), "\n%s:", word);

	if (len < 0 || (size_t)len >= sizeof(start))
		return true; /* no line is so long: whoever looks closer says so */
	return (text->size >= (size_t)len - 1 &&
		memcmp(text->bytes, start + 1, (size_t)len - 1) == 0) ||
	       memmem(text->bytes, text->size, start, (size_t)len) != NULL;
}

/* Is there an owner without a line by that very name?  Then a closer look most likely
 * costs more than it saves. */
static bool one_has_none(const struct grant *grant)
{
	auto_close int etc = cli_open_etc(grant->cli);
	auto_text struct subid_text text = { .bytes = NULL };
	const char *name = grant->owners.text;
	bool none = false;

	if (etc < 0 || grant->owners.n > LOOKS_MAX ||
	    subid_text_read(etc,
			    subid_kind_table(grant->want.gid ? SUBID_GID : SUBID_UID),
			    false, &text) < 0)
		return false;
	for (size_t i = 0; !none && i < grant->owners.n; i++, name += strlen(name) + 1)
		none = !begins_line(&text, name);
	return none;
}

/*
 * Have all enough?  Then nothing is to be written, and nobody need wait for the locks: a
 * script may ask for the same ranges each hour.  What else comes of the look is found out
 * under the locks, and said.
 */
static bool all_have_enough(struct grant *grant)
{
	auto_txn struct subid_txn *txn = NULL;
	struct subid_error err = { .size = sizeof(err) };
	const char *name = grant->owners.text;

	if (grant->leases || grant->want.dry_run || grant->want.another ||
	    grant->want.group != NULL || grant->want.all || grant->want.restore ||
	    one_has_none(grant) ||
	    subid_begin(grant->sys, SUBID_LOOK, 0, &txn, &err) != 0)
		return false;
	for (size_t i = 0; i < grant->owners.n; i++, name += strlen(name) + 1) {
		const struct subid_request request = request_of(grant, name);

		if (subid_grant(txn, &request, &err) != SUBID_ENOUGH ||
		    range_list_add(&grant->rows, txn, name, "kept") != EXIT_DONE) {
			range_list_free(&grant->rows);
			return false;
		}
	}
	return grant->owners.n > 0;
}

/* Who loses a race waits, each for a time of his own, longer from turn to turn: at one
 * pace the same would lose again. */
static void wait_a_turn(int turn)
{
	const struct timespec pause = {
		.tv_nsec = (getpid() % TURN_PACES + 1) * turn * TURN_NS / 2,
	};

	(void)nanosleep(&pause, NULL); /* a signal only makes it shorter */
}

static int carry_out(struct grant *grant)
{
	auto_system struct subid *sys = NULL;
	int status = cli_open_system(grant->cli, true, &sys);
	bool raced = true;

	grant->sys = sys;
	if (status == EXIT_DONE && all_have_enough(grant))
		return range_list_print(grant->cli, &grant->rows);
	/* both sides may lose a race, but not for ever: others come in between; another
	 * turn of --own would give one more line, beside the first */
	for (int turn = 1; status == EXIT_DONE && raced; turn++) {
		range_list_free(&grant->rows);
		grant->last_turn = !grant->leases || grant->want.own || turn == TURNS_MAX;
		status = grant_once(grant, &raced);
		if (status == EXIT_DONE && raced)
			wait_a_turn(turn);
	}
	if (status != EXIT_DONE)
		return status;
	status = cli_say_dry_run(grant->cli, grant->want.dry_run,
				 range_list_print(grant->cli, &grant->rows));
	if (!grant->leases && !grant->want.dry_run && grant->rows.n > 0)
		advise_after_grant(
		    grant->cli, grant->sys, grant->owners.text, grant->owners.n,
		    !grant->want.restore && strcmp(grant->rows.list[0].state, "new") == 0,
		    grant->want.force_unknown);
	return status == EXIT_DONE && grant->refused > 0 ? EXIT_NO : status;
}

static int run_grant(struct grant *grant, int argc, char *argv[])
{
	int status = grant_options_check(grant->cli, &grant->want, argc - optind);
	size_t n_containers;

	if (status != EXIT_DONE)
		return status;
	for (; optind < argc; optind++)
		if (cli_names_add(&grant->owners, argv[optind]) < 0)
			return out_of_memory();
	if (grant->want.from != NULL)
		status = cli_names_read(&grant->owners, grant->want.from);
	if (status != EXIT_DONE)
		return status;
	if (grant->want.restore && (grant->want.another || grant->want.reuse_left ||
				    grant->want.count > 0 || grant->want.keep_going))
		return cli_misused(grant->cli, "--restore excludes --another, --count,"
					       " --reuse-left and --keep-going");
	n_containers = cli_names_containers(&grant->owners);
	grant->leases = n_containers > 0 || grant->want.own;
	if (!grant->leases)
		return carry_out(grant);
	if (n_containers < grant->owners.n || grant->want.group != NULL ||
	    grant->want.all || grant->want.force_unknown)
		return cli_misused(grant->cli,
				   "containers, OWNER/NAME, cannot be mixed with owners");
	if (grant->want.own && (grant->want.range.count > 0 || grant->want.restore))
		return cli_misused(grant->cli, "--own and --%s exclude each other",
				   grant->want.restore ? "restore" : "range");
	return carry_out(grant);
}

static int run(struct cli *cli, int argc, char *argv[])
{
	__attribute__((cleanup(grant_free))) struct grant grant = { .cli = cli };
	static const char login[] = "--login=";
	int letter, status = EXIT_DONE;

	/* pam_subid.so's: no command line for people */
	if (cli->root == NULL && argc > 1 && strncmp(argv[1], login, strlen(login)) == 0)
		return login_run(argv[1] + strlen(login), argc - 2, argv + 2);
	while (status == EXIT_DONE && (letter = cli_next_option(cli, argc, argv)) != -1)
		status = grant_options_take(cli, &grant.want, letter);
	return status == EXIT_DONE ? run_grant(&grant, argc, argv) : status;
}

const struct cli_command cmd_grant = {
	.name = "grant",
	.arguments = "OWNER[/NAME]...",
	.summary = "grant ranges to owners, or leases to containers: to all, or to none",
	.options = grant_option_rows,
	.n_options = N_GRANT_OPTIONS,
	.examples = "    subid grant alice\n"
		    "    subid grant --all --dry-run",
	.run = run,
};
