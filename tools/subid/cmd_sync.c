/* SPDX-License-Identifier: MIT */
/*
 * subid sync: the ranges that the site's directory gives to this host's users become
 * lines of the tables, which every reader reads, also while the directory is down.
 *
 * The ids of the pools of subid.conf are the directory's: a line that begins with a block
 * of one, and whose owner has it in the directory no more, is released here.  Any other
 * line with such ids was made by hand, and is in the way.  All of it is one
 * transaction. What cannot be done, since another line is in the way or the ids are in
 * use, is left out, and the rest is done without it.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utmpx.h>

#include "libsubid/core/core.h"
#include "tools/subid/directory.h"
#include "tools/subid/rows.h"

enum { OPTION_GROUP = 256 * 2, OPTION_ALL, OPTION_FORCE };

static const struct cli_option options[] = {
	{ OPTION_GROUP, "group", "GROUP", "the members of GROUP" },
	{ OPTION_ALL, "all", NULL,
	  "all owners of the directory that have accounts here" },
	{ OPTION_FORCE, "force", NULL, "also if most ranges would be released" },
	{ 'n', "dry-run", NULL, "show what would be done" },
};

/* How long the directory may take for all, and how often the transaction begins anew. */
#define PATIENCE_MS 600000
#define TURNS_MAX   100

/* Fewer lines than these may all be released; of more, half at most. */
#define FEW_LINES 4

/* Lines without a claim that are named one by one. */
#define FORGOTTEN_SHOWN 10

/* A line of the tables with ids of a pool. */
struct pool_line {
	char *owner; /* the account's name, or as the line has it */
	char *text;  /* as the line has it */
	enum subid_kind kind;
	struct id_range range;
	bool held;    /* "!released" or "!reserved" */
	bool asked;   /* its owner is one of those whom this is about */
	bool release; /* the directory has it no more */
	bool skip;    /* it could not be released */
};

struct sync {
	struct cli *cli;
	bool all, force, dry_run;
	bool here; /* nobody is named: all owners of lines are meant, too */
	const char *group;
	struct cli_names names; /* whom it is about; with all, nobody */
	struct subid_conf conf; /* for its pools */
	struct directory_ranges ranges;
	bool *skip; /* for each of ranges: it could not be imported */
	struct pool_line *lines;
	size_t n_lines;
	size_t n_strangers, n_forgotten;
	int status; /* the worst of what was left out; EXIT_DONE: nothing */
	struct range_list rows;
};

static void refuse(struct sync *sync, int status)
{
	if (status > sync->status)
		sync->status = status;
}

static void sync_free(struct sync *sync)
{
	for (size_t i = 0; i < sync->n_lines; i++) {
		free(sync->lines[i].owner);
		free(sync->lines[i].text);
	}
	free(sync->lines);
	free(sync->skip);
	cli_names_free(&sync->names);
	directory_ranges_free(&sync->ranges);
	subid_conf_free(&sync->conf);
	range_list_free(&sync->rows);
}

static int out_of_memory(void)
{
	return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
}

/* --- what this host has ----------------------------------------------------------------
 */

static bool is_in_pool(const struct sync *sync, struct id_range range)
{
	for (size_t i = 0; i < sync->conf.n_pools; i++)
		if (id_range_overlaps(sync->conf.pools[i].range, range))
			return true;
	return false;
}

static int add_line(struct sync *sync, const struct subid_row *row)
{
	struct pool_line *line;

	if (!is_in_pool(sync, row->range))
		return 0;
	if (array_grow(&sync->lines, sync->n_lines, sizeof(*sync->lines)) < 0)
		return -ENOMEM;
	line = &sync->lines[sync->n_lines++];
	*line = (struct pool_line){
		.owner = directory_account_name(row->owner),
		.text = strdup(row->owner),
		.kind = row->kind,
		.range = row->range,
		.held = row->state != SUBID_STATE_GRANTED,
	};
	return line->text == NULL || line->owner == NULL ? -ENOMEM : 0;
}

static int read_lines(struct sync *sync, struct subid *sys)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		__attribute__((cleanup(subid_list_free))) struct subid_list *list = NULL;
		struct subid_error err = { .size = sizeof(err) };
		struct subid_row row = { .size = sizeof(row) };
		int r = subid_lines(sys, kind, &list, &err);

		if (r != 0)
			return cli_say(EXIT_UNABLE, &err);
		for (size_t i = 0; subid_list_get(list, i, &row); i++)
			if (add_line(sync, &row) < 0)
				return out_of_memory();
	}
	return EXIT_DONE;
}

static int read_conf(struct sync *sync)
{
	auto_close int etc = cli_open_etc(sync->cli);
	const struct subid_conf_source source = {
		.etc = etc,
		.vendor = SUBID_VENDORDIR,
		.follow = true,
	};
	struct subid_conf_place place = { .file = SUBID_CONF_FILE };
	char file[CLI_CONF_FILE_SIZE];
	int r;

	if (etc < 0)
		return EXIT_UNABLE;
	r = subid_conf_load(&source, NULL, &sync->conf, &place);
	cli_conf_file(sync->cli, place.file, file, sizeof(file));
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", file, strerror(-r));
	if (r > 0)
		return cli_complain(EXIT_UNABLE, "%s:%zu: %s %s", file, place.place.line,
				    place.place.key, place.place.why);
	if (sync->conf.directory.n_uris > 0 && sync->conf.n_pools > 0)
		return EXIT_DONE;
	return cli_complain(EXIT_UNABLE,
			    "%s/" SUBID_CONF_FILE ": names no directory, or no"
			    " pool (subid.conf(5))",
			    sync->cli->etc_name);
}

/* --- whom it is about ------------------------------------------------------------------
 */

/* Who is logged in by a record of utmp or wtmp, whose names need not be terminated. */
static int add_logins(struct sync *sync, const char *file)
{
	char name[sizeof(((struct utmpx *)NULL)->ut_user) + 1] = "";
	const struct utmpx *record;
	int r = 0;

	if (access(file, R_OK) < 0 || utmpxname(file) != 0)
		return 0; /* a host need not have one */
	setutxent();
	while (r == 0 && (record = getutxent()) != NULL) {
		if (record->ut_type != USER_PROCESS)
			continue;
		memcpy(name, record->ut_user, sizeof(name) - 1);
		if (subid_owner_valid(name, strlen(name)))
			r = cli_names_add(&sync->names, name);
	}
	endutxent();
	return r;
}

static int add_group(struct sync *sync, struct subid *sys)
{
	__attribute__((cleanup(subid_list_free))) struct subid_list *list = NULL;
	struct subid_error err = { .size = sizeof(err) };
	struct subid_row row = { .size = sizeof(row) };
	auto_txn struct subid_txn *txn = NULL;
	size_t passed_over;
	int r = subid_begin(sys, SUBID_DRY_RUN | SUBID_NO_GRANTS, 0, &txn, &err);

	if (r == 0)
		r = subid_candidates(txn, sync->group, false, &list, &passed_over, &err);
	if (r != 0)
		return cli_say(cli_status(r), &err);
	for (size_t i = 0; subid_list_get(list, i, &row); i++)
		if (cli_names_add(&sync->names, row.owner) < 0)
			return out_of_memory();
	return EXIT_DONE;
}

static int choose(struct sync *sync, struct subid *sys, int n, char *operands[])
{
	int r = 0, status = EXIT_DONE;

	if (sync->all)
		return EXIT_DONE;
	for (int i = 0; r == 0 && i < n; i++) {
		auto_free char *name = directory_account_name(operands[i]);

		r = name == NULL ? -ENOMEM : cli_names_add(&sync->names, name);
	}
	if (sync->group != NULL)
		status = add_group(sync, sys);
	sync->here = n == 0 && sync->group == NULL;
	if (sync->here) {
		for (size_t i = 0; r == 0 && i < sync->n_lines; i++)
			if (!sync->lines[i].held)
				r = cli_names_add(&sync->names, sync->lines[i].owner);
		if (r == 0)
			r = add_logins(sync, "/run/utmp");
		if (r == 0)
			r = add_logins(sync, "/var/log/wtmp");
		if (r == 0)
			r = add_logins(sync, "/var/log/wtmp.1");
	}
	if (r == 0)
		r = cli_names_sort(&sync->names);
	return r < 0 ? out_of_memory() : status;
}

static bool is_asked(const struct sync *sync, const char *name)
{
	const char *at = sync->names.text;

	if (sync->all || sync->here)
		return true;
	for (size_t i = 0; i < sync->names.n; i++, at += strlen(at) + 1)
		if (strcmp(at, name) == 0)
			return true;
	return false;
}

/* --- what is to be done -------------------------------------------------------------
 */

static int no_answer(int r)
{
	return cli_complain(EXIT_UNABLE, "the directory: %s: nothing was changed",
			    r == -EIO	      ? "cannot be asked"
			    : r == -EPROTO    ? "the answer is not understood"
			    : r == -ETIMEDOUT ? "does not answer in time"
					      : strerror(-r));
}

static int ask(struct sync *sync)
{
	int r;

	if (!sync->all && sync->names.n == 0)
		return EXIT_DONE;
	r = directory_ask(DIRECTORY_LIST, sync->names.text, sync->names.n, PATIENCE_MS,
			  &sync->ranges);
	if (r < 0)
		return no_answer(r);
	sync->skip = calloc(sync->ranges.n + 1, sizeof(*sync->skip));
	return sync->skip == NULL ? out_of_memory() : EXIT_DONE;
}

static bool directory_has(const struct sync *sync, const struct pool_line *line)
{
	size_t n;
	const struct directory_range *range =
	    directory_of(&sync->ranges, line->owner, &n);

	for (size_t i = 0; i < n; i++)
		if (range[i].kind == line->kind &&
		    id_range_contains(range[i].range, line->range))
			return true;
	return false;
}

/* Only there does the directory begin a range. */
static bool begins_block(const struct sync *sync, struct id_range range)
{
	for (size_t i = 0; i < sync->conf.n_pools; i++) {
		const struct subid_conf_pool *pool = &sync->conf.pools[i];

		if (id_range_contains(pool->range, range))
			return (range.start - pool->range.start) % pool->block == 0;
	}
	return false;
}

/* Who is named, and is nowhere. */
static void complain_of_unknown(struct sync *sync, int n, char *operands[])
{
	for (int i = 0; i < n; i++) {
		auto_free char *name = directory_account_name(operands[i]);
		size_t found = 0;

		if (name == NULL || directory_of(&sync->ranges, name, &found) != NULL)
			continue;
		for (size_t k = 0; k < sync->n_lines; k++)
			found += strcmp(sync->lines[k].owner, name) == 0;
		if (found > 0)
			continue;
		refuse(sync, cli_complain(EXIT_NO, "%s: has no range in the directory",
					  operands[i]));
	}
}

static void choose_candidates(struct sync *sync)
{
	for (size_t i = 0; i < sync->n_lines; i++) {
		struct pool_line *line = &sync->lines[i];

		line->asked = !line->held && is_asked(sync, line->owner);
		line->release = line->asked && begins_block(sync, line->range) &&
				!directory_has(sync, line);
	}
}

/* The first ids of what would be released, as words of a command line. */
static int list_candidates(const struct sync *sync, struct cli_names *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sync->n_lines; i++) {
		char number[16];

		(void)snprintf(number, sizeof(number), "%u", sync->lines[i].range.start);
		if (sync->lines[i].release)
			r = cli_names_add(ret, number);
	}
	return r;
}

/* The directory lacks a claim that it once had, or never had: what the line is, only an
 * administrator knows. */
static void keep_forgotten(struct sync *sync, struct pool_line *line)
{
	line->release = false;
	refuse(sync, EXIT_NO);
	if (sync->n_forgotten++ < FORGOTTEN_SHOWN)
		(void)cli_complain(
		    0,
		    "%s: %s %u-%llu: the directory has no claim of these ids, and it"
		    " deletes none: the line was made by hand, or the directory was"
		    " restored from an old backup: not released: see 'subid --directory"
		    " audit --hosts'",
		    line->text, subid_kind_name(line->kind), line->range.start,
		    (unsigned long long)id_range_end(line->range) - 1);
}

/*
 * Threat: a directory that was restored from an old backup knows nothing of what it gave
 * since, and would take it from all hosts.  But a claim is never deleted, so that ids
 * which the directory took back on purpose still have one.
 */
static int check_claims(struct sync *sync)
{
	auto_directory struct directory_ranges claims = { .n = 0 };
	__attribute__((cleanup(cli_names_free))) struct cli_names blocks = { .n = 0 };
	auto_set struct subid_set claimed = { .n = 0 };
	int r = list_candidates(sync, &blocks);

	if (r < 0)
		return out_of_memory();
	if (blocks.n == 0)
		return EXIT_DONE;
	r = directory_ask(DIRECTORY_CLAIMS, blocks.text, blocks.n, PATIENCE_MS, &claims);
	if (r < 0)
		return no_answer(r);
	for (size_t i = 0; r == 0 && i < claims.n; i++)
		r = subid_set_add(&claimed, claims.list[i].range);
	if (r < 0)
		return out_of_memory();
	subid_set_sort(&claimed);
	for (size_t i = 0; i < sync->n_lines; i++) {
		struct pool_line *line = &sync->lines[i];
		const struct id_range first = { line->range.start, 1 };

		if (line->release && !subid_set_meets(&claimed, first, NULL))
			keep_forgotten(sync, line);
	}
	if (sync->n_forgotten > FORGOTTEN_SHOWN)
		(void)cli_complain(0, "%zu more lines without a claim, likewise",
				   sync->n_forgotten - FORGOTTEN_SHOWN);
	return EXIT_DONE;
}

/* Threat: a directory that was emptied on purpose, or by mistake, likewise. */
static int check_share(const struct sync *sync)
{
	size_t n = 0, of = 0;

	for (size_t i = 0; i < sync->n_lines; i++) {
		n += sync->lines[i].release;
		of += sync->lines[i].asked;
	}
	if (sync->force || n < FEW_LINES || n * 2 <= of)
		return EXIT_DONE;
	return cli_complain(EXIT_NO,
			    "%zu of %zu lines would be released, since the directory has"
			    " them no more: nothing was changed: look at it first, or use"
			    " --force",
			    n, of);
}

static int choose_released(struct sync *sync)
{
	int status;

	choose_candidates(sync);
	status = check_claims(sync);
	return status == EXIT_DONE ? check_share(sync) : status;
}

/* --- the transaction ------------------------------------------------------------------
 */

/* Do ids rest here since they were released, perhaps just now?  The directory gives them
 * again, so they rest no more.  Whatever else holds them is in the way. */
static bool rests_here(const struct sync *sync, const struct directory_range *range)
{
	bool rests = false;

	for (size_t i = 0; i < sync->n_lines; i++) {
		const struct pool_line *line = &sync->lines[i];

		if (line->kind != range->kind ||
		    !id_range_overlaps(line->range, range->range))
			continue;
		if (line->held && strcmp(line->text, SUBID_OWNER_RELEASED) != 0)
			return false;
		rests |= line->held || (line->release && !line->skip);
	}
	return rests;
}

static int import(struct sync *sync, struct subid_txn *txn,
		  const struct directory_range *range, struct subid_error *err)
{
	const struct subid_request request = {
		.size = sizeof(request),
		.owner = range->owner,
		.kinds = 1U << range->kind,
		.range = range->range,
	};
	int r = rests_here(sync, range) ? subid_unhold(txn, &request, err) : 0;

	if (r == 0 || r == SUBID_ABSENT)
		r = subid_import(txn, &request, err);
	if (r == 0 && range_list_add(&sync->rows, txn, range->owner, "new") != EXIT_DONE)
		r = -ENOMEM;
	return r == SUBID_ENOUGH ? 0 : r;
}

static struct subid_request request_for(const struct pool_line *line, unsigned int flags)
{
	return (struct subid_request){
		.size = sizeof(struct subid_request),
		.owner = line->text,
		.kinds = 1U << line->kind,
		.flags = SUBID_UNKNOWN_OWNER | flags,
		.range = line->range,
	};
}

static int release(struct sync *sync, struct subid_txn *txn, const struct pool_line *line,
		   struct subid_error *err)
{
	const struct subid_request request = request_for(line, 0);
	int r = subid_revoke(txn, &request, err);

	if (r == 0 && range_list_add(&sync->rows, txn, line->owner, NULL) != EXIT_DONE)
		r = -ENOMEM;
	return r;
}

/* One of them is refused, or could not be looked at: it is left out.  Whoever has no
 * account here is no matter. */
static void leave_out(struct sync *sync, const char *owner, enum subid_kind kind, int r,
		      const struct subid_error *err, bool *skip)
{
	char text[SUBID_ERROR_TEXT_SIZE];
	size_t len = strlen(owner);

	*skip = true;
	if (r == SUBID_UNKNOWN && sync->all) {
		sync->n_strangers++;
		return;
	}
	refuse(sync, cli_status(r));
	(void)subid_error_text(err, text, sizeof(text));
	if (r > 0 || (strncmp(text, owner, len) == 0 && text[len] == ':'))
		(void)cli_say(0, err);
	else
		(void)cli_complain(0, "%s: %ss left out: %s", owner,
				   subid_kind_name(kind), text);
}

/* What only others know of an owner is asked for before the locks; what else is wrong
 * the release or the import itself says.  0 or -ENOMEM. */
static int prepare(const struct sync *sync, struct subid_txn *txn,
		   const struct directory_range *range)
{
	const struct subid_request request = {
		.size = sizeof(request),
		.owner = range->owner,
		.kinds = 1U << range->kind,
		.flags = SUBID_PREPARE,
		.range = range->range,
	};
	struct subid_error err = { .size = sizeof(err) };

	if (rests_here(sync, range) && subid_unhold(txn, &request, &err) == -ENOMEM)
		return -ENOMEM;
	return subid_import(txn, &request, NULL) == -ENOMEM ? -ENOMEM : 0;
}

static int prepare_all(const struct sync *sync, struct subid_txn *txn)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sync->n_lines; i++) {
		const struct pool_line *line = &sync->lines[i];

		const struct subid_request request = request_for(line, SUBID_PREPARE);
		struct subid_error err = { .size = sizeof(err) };

		if (line->release && !line->skip)
			r = subid_revoke(txn, &request, &err) == -ENOMEM ? -ENOMEM : 0;
	}
	for (size_t i = 0; r == 0 && i < sync->ranges.n; i++) {
		const struct directory_range *range = &sync->ranges.list[i];

		if (!sync->skip[i])
			r = prepare(sync, txn, range);
	}
	return r;
}

/*
 * Releases first, since a range may have gone to somebody else.  0; 1: something was left
 * out after which the transaction can only be ended; -ENOMEM.
 */
static int fill(struct sync *sync, struct subid_txn *txn)
{
	struct subid_error err = { .size = sizeof(err) };
	int r = prepare_all(sync, txn);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sync->n_lines; i++) {
		struct pool_line *line = &sync->lines[i];

		if (!line->release || line->skip)
			continue;
		r = release(sync, txn, line, &err);
		if (r == -ENOMEM)
			return r;
		if (r == 0 || r == SUBID_ABSENT)
			continue;
		leave_out(sync, line->owner, line->kind, r, &err, &line->skip);
		return 1;
	}
	for (size_t i = 0; i < sync->ranges.n; i++) {
		const struct directory_range *range = &sync->ranges.list[i];

		if (sync->skip[i])
			continue;
		r = import(sync, txn, range, &err);
		if (r == -ENOMEM)
			return r;
		if (r == 0)
			continue;
		leave_out(sync, range->owner, range->kind, r, &err, &sync->skip[i]);
		if (r < 0 || r == SUBID_IN_USE)
			return 1;
	}
	return 0;
}

static int work(struct sync *sync, struct subid *sys)
{
	int r = 1;

	for (int turn = 0; r == 1 && turn < TURNS_MAX; turn++) {
		auto_txn struct subid_txn *txn = NULL;
		unsigned int flags = SUBID_IMPORT | (sync->dry_run ? SUBID_DRY_RUN : 0);
		int status = cli_begin(sys, flags, &txn);

		if (status != EXIT_DONE)
			return status;
		range_list_free(&sync->rows);
		r = fill(sync, txn);
		if (r == 0 && !sync->dry_run)
			status = cli_commit(sync->cli, txn, NULL);
		if (r == 0)
			return status;
	}
	return r < 0 ? out_of_memory()
		     : cli_complain(EXIT_UNABLE, "too much is in the way: nothing was"
						 " changed");
}

static int carry_out(struct sync *sync, int n, char *operands[])
{
	auto_system struct subid *sys = NULL;
	int shown, status = cli_open_system(sync->cli, false, &sys);

	if (status == EXIT_DONE)
		status = read_conf(sync);
	if (status == EXIT_DONE)
		status = read_lines(sync, sys);
	if (status == EXIT_DONE)
		status = choose(sync, sys, n, operands);
	if (status == EXIT_DONE)
		status = ask(sync);
	if (status == EXIT_DONE) {
		complain_of_unknown(sync, n, operands);
		status = choose_released(sync);
	}
	if (status == EXIT_DONE)
		status = work(sync, sys);
	if (status != EXIT_DONE)
		return status;
	if (sync->n_strangers > 0 && !sync->cli->quiet)
		(void)cli_complain(0, "%zu ranges left out: no such account here",
				   sync->n_strangers);
	shown = cli_say_dry_run(sync->cli, sync->dry_run,
				range_list_print(sync->cli, &sync->rows));
	return shown != EXIT_DONE ? shown : sync->status;
}

static int run(struct cli *cli, int argc, char *argv[])
{
	__attribute__((cleanup(sync_free))) struct sync sync = { .cli = cli };
	int letter;

	while ((letter = cli_next_option(cli, argc, argv)) != -1) {
		sync.all |= letter == OPTION_ALL;
		sync.force |= letter == OPTION_FORCE;
		sync.dry_run |= letter == 'n';
		if (letter == OPTION_GROUP)
			sync.group = optarg;
	}
	if (cli->root != NULL)
		return cli_misused(cli, "sync: --root: an image is in no directory");
	if (sync.all && (sync.group != NULL || optind < argc))
		return cli_misused(cli, "--all leaves nobody to be named");
	return carry_out(&sync, argc - optind, argv + optind);
}

const struct cli_command cmd_sync = {
	.name = "sync",
	.arguments = "[OWNER...]",
	.summary = "bring the site directory's ranges into the tables",
	CLI_OPTIONS(options),
	.text = "Without OWNER: who has logged in here, and who has some of its ids.\n"
		"What the directory has no more is released here, once nothing uses it.\n"
		"See subid-ldap(8).\n",
	.examples = "    subid sync --dry-run\n"
		    "    subid sync --group students",
	.run = run,
};
