/* SPDX-License-Identifier: MIT */
/*
 * subid audit: the command line, and which form of the report to write.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "libsubid/core/core.h"
#include "tools/subid/audit_directory.h"
#include "tools/subid/report/report.h"
#include "tools/subid/report/save.h"
#include "tools/subid/status.h"

enum {
	OPTION_FORMAT = 512,
	OPTION_FAIL_ON,
	OPTION_PARTIAL,
	OPTION_NO_LIVE,
	OPTION_THOROUGH,
	OPTION_RULE,
	OPTION_IGNORE,
	OPTION_SINCE,
	OPTION_FIX_PLAN,
	OPTION_EXPLAIN,
	OPTION_LIST_RULES,
};

static const struct cli_option options[] = {
	{ OPTION_FORMAT, "format", "FORM", "text, json, html or prometheus" },
	{ 'o', "output", "FILE",
	  "write to FILE, replaced as a whole; -: standard output" },
	{ OPTION_FAIL_ON, "fail-on", "LEVEL",
	  "what makes the status 1 (error); or never" },
	{ OPTION_PARTIAL, "partial", NULL, "not seeing everything is no failure" },
	{ OPTION_NO_LIVE, "no-live", NULL, "do not look at running processes" },
	{ OPTION_THOROUGH, "thorough", NULL, "follow all descriptors, however many" },
	{ OPTION_RULE, "rule", "RULE", "apply this rule alone, and show all it finds" },
	{ OPTION_IGNORE, "ignore", "RULE",
	  "accept its findings; RULE:OWNER: only that owner's" },
	{ OPTION_SINCE, "since", "FILE", "what is new or gone since a report in JSON" },
	{ OPTION_FIX_PLAN, "fix-plan", NULL, "print the commands that are safe to run" },
	{ OPTION_EXPLAIN, "explain", "RULE", "what a rule looks for, and why" },
	{ OPTION_LIST_RULES, "list-rules", NULL, "list the rules" },
};

typedef int write_form(const struct audit_shown *shown, FILE *out);

static const struct {
	const char *name;
	write_form *write;
} forms[] = {
	{ "text", report_write_text },
	{ "json", report_write_json },
	{ "html", report_write_html },
	{ "prometheus", report_write_prometheus },
};

/* What the command line asks for. */
struct request {
	write_form *write;
	const char *output;
	const char *since;
	int fail_on;
	bool partial;
	bool no_live;
	bool thorough;
	bool list_rules;
	bool plan;
	const struct audit_rule *explain;
	const struct audit_rule *only;
	struct subid_acceptance *ignored;
	size_t n_ignored;
};

#define RULES_MAX 256

static int take_rule(const struct cli *cli, const char *name,
		     const struct audit_rule **ret)
{
	const char *names[RULES_MAX], *near;
	size_t n;
	const struct audit_rule *rules = audit_rules(&n);

	*ret = audit_rule_find(name);
	if (*ret != NULL)
		return EXIT_DONE;
	for (size_t i = 0; i < n && i < RULES_MAX; i++)
		names[i] = rules[i].name;
	near = cli_nearest(name, names, n < RULES_MAX ? n : RULES_MAX);
	return cli_misused(
	    cli, "unknown rule '%s': %s%s%s'subid audit --list-rules' lists them", name,
	    near == NULL ? "" : "did you mean ", near == NULL ? "" : near,
	    near == NULL ? "" : "? ");
}

/* RULE or RULE:OWNER; cuts argument in two. */
static int take_ignored(const struct cli *cli, char *argument, struct request *request)
{
	struct subid_acceptance *ignored = &request->ignored[request->n_ignored++];
	const struct audit_rule *rule;
	char *colon = strchr(argument, ':');

	if (colon != NULL)
		*colon = '\0';
	*ignored = (struct subid_acceptance){
		.rule = argument,
		.owner = colon == NULL ? NULL : colon + 1,
		.reason = "",
	};
	return take_rule(cli, argument, &rule);
}

static int take_format(const struct cli *cli, const char *name, struct request *request)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strcmp(name, forms[i].name) != 0)
			continue;
		request->write = forms[i].write;
		return EXIT_DONE;
	}
	return cli_misused(
	    cli, "--format: unknown form '%s'; one of text, json, html, prometheus",
	    name);
}

static int take_fail_on(const struct cli *cli, const char *name, struct request *request)
{
	enum subid_level level;

	if (strcmp(name, "never") == 0) {
		request->fail_on = SUBID_LEVELS;
		return EXIT_DONE;
	}
	if (audit_level_parse(name, &level) != 0)
		return cli_misused(cli,
				   "--fail-on: unknown level '%s'; one of info, warning,"
				   " error, critical, never",
				   name);
	request->fail_on = (int)level;
	return EXIT_DONE;
}

static int take_option(const struct cli *cli, int letter, struct request *request)
{
	switch (letter) {
	case OPTION_FORMAT:
		return take_format(cli, optarg, request);
	case 'o':
		request->output = strcmp(optarg, "-") == 0 ? NULL : optarg;
		return EXIT_DONE;
	case OPTION_FAIL_ON:
		return take_fail_on(cli, optarg, request);
	case OPTION_PARTIAL:
		request->partial = true;
		return EXIT_DONE;
	case OPTION_NO_LIVE:
		request->no_live = true;
		return EXIT_DONE;
	case OPTION_THOROUGH:
		request->thorough = true;
		return EXIT_DONE;
	case OPTION_RULE:
		return take_rule(cli, optarg, &request->only);
	case OPTION_IGNORE:
		return take_ignored(cli, optarg, request);
	case OPTION_SINCE:
		request->since = optarg;
		return EXIT_DONE;
	case OPTION_FIX_PLAN:
		request->plan = true;
		return EXIT_DONE;
	case OPTION_EXPLAIN:
		return take_rule(cli, optarg, &request->explain);
	default:
		request->list_rules = true;
		return EXIT_DONE;
	}
}

/* The form, when all options are known. */
static int choose_form(const struct cli *cli, struct request *request)
{
	if (request->plan && (cli->json || request->write != NULL)) {
		(void)cli_misused(cli, "--fix-plan has a form of its own; the commands"
				       " are in JSON, too, as 'fix'");
		return EXIT_USAGE;
	}
	if (cli->json && request->write != NULL && request->write != report_write_json) {
		(void)cli_misused(cli, "--json and --format do not agree");
		return EXIT_USAGE;
	}
	if (request->plan)
		request->write = report_write_plan;
	else if (cli->json)
		request->write = report_write_json;
	else if (request->write == NULL)
		request->write = report_write_text;
	return EXIT_DONE;
}

static int finish_output(int r)
{
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "output: %s", strerror(-r));
	return cli_finish_output();
}

struct form {
	write_form *write;
	const struct audit_shown *shown;
};

static int write_one(const void *data, FILE *out)
{
	const struct form *form = data;

	return form->write(form->shown, out);
}

/* Whole or not at all: an error must not follow half a document. */
static int write_whole(write_form *write, const struct audit_shown *shown)
{
	auto_free char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int r = out == NULL ? -ENOMEM : write(shown, out);

	if (out != NULL && fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	if (r == 0)
		(void)fwrite(text, 1, size, stdout); /* finish_output() asks */
	return finish_output(r);
}

static int show(const struct cli *cli, const struct request *request,
		const struct audit_shown *shown)
{
	if (request->output != NULL)
		return report_save(request->output, write_one,
				   &(struct form){ request->write, shown });
	if (shown->quiet && !report_is_bad(shown))
		return EXIT_DONE;
	if (request->write == report_write_json)
		return write_whole(request->write, shown);
	if (request->write == report_write_text || request->plan)
		cli_begin_pager(cli);
	return finish_output(request->write(shown, stdout));
}

/* What the exit status says, once the report is out. */
static int judge(const struct request *request, const struct audit_shown *shown)
{
	if (shown->report->facts->failed)
		return EXIT_UNABLE;
	if (shown->missing->n > 0 && !request->partial)
		return cli_complain(
		    EXIT_UNABLE, "the report is partial: %s%s (--partial accepts that)",
		    shown->missing->list[0], shown->missing->n > 1 ? ", and more" : "");
	return report_is_bad(shown) ? EXIT_NO : EXIT_DONE;
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (double)(now.tv_sec - start->tv_sec) +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static bool progress_shown;

/* On a terminal, for what takes more than a second. */
static void show_progress(size_t done, size_t all)
{
	static time_t start, last;
	time_t now = time(NULL);

	if (start == 0)
		start = last = now;
	if (now - start < 2 || now == last)
		return;
	last = now;
	progress_shown = true;
	(void)fprintf(stderr,
		      "\rsubid: asking the name service: %zu of %zu owners\033[K\r",
		      done + 1, all);
}

static int look(const struct cli *cli, const struct request *request,
		struct audit_report *ret)
{
	auto_asked struct audit_asked asked = { .ranges = { .n = 0 } };
	const struct audit_options wanted = {
		.only = request->only,
		.directory = audit_ask_directory(cli, &asked),
		.accepted = request->ignored,
		.n_accepted = request->n_ignored,
		.no_live = request->no_live,
		.thorough = request->thorough,
		.progress = isatty(STDERR_FILENO) && !cli->quiet ? show_progress : NULL,
		/* the picture shows every namespace */
		.name_all = request->write == report_write_html,
	};
	struct subid_error err = { .size = sizeof(err) };
	auto_system struct subid *sys = NULL;
	int r = subid_open(cli->root, &sys, &err);

	if (r == 0)
		r = audit_system(sys, &wanted, ret, &err);
	if (progress_shown)
		(void)fputs("\033[K", stderr);
	if (r < 0)
		return cli_say(EXIT_UNABLE, &err);
	for (size_t i = 0; i < ret->facts->messages.n; i++)
		cli_say_text(ret->facts->messages.list[i]);
	return EXIT_DONE;
}

static int audit(const struct cli *cli, const struct request *request)
{
	auto_report struct audit_report report = { .n = 0 };
	auto_past struct audit_past past = { .report = NULL };
	struct timespec start;
	struct utsname host;
	auto_free size_t *twins = NULL;
	struct audit_shown shown;
	int status;

	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	status = look(cli, request, &report);
	if (status != EXIT_DONE)
		return status;
	twins = report_find_twins(&report);
	if (twins == NULL)
		return cli_complain(EXIT_UNABLE, "audit: %s", strerror(ENOMEM));
	(void)uname(&host); /* cannot fail: host is ours */
	shown = (struct audit_shown){
		.cli = cli,
		.input = &report.facts->input,
		.report = &report,
		.twins = twins,
		.quiet = cli->quiet && request->output == NULL,
		.fail_on = request->fail_on,
		.missing = &report.facts->missing,
		.now = time(NULL),
		.host = host.nodename,
		.seconds = seconds_since(&start),
	};
	if (request->since != NULL) {
		status = report_past_load(request->since, &shown, &past);
		if (status != EXIT_DONE)
			return status;
		shown.past = &past;
	}
	status = show(cli, request, &shown);
	return status != EXIT_DONE ? status : judge(request, &shown);
}

/* A report is read elsewhere and later: what it names is absolute.  NULL when out of
 * memory. */
static char *make_absolute(const char *root)
{
	auto_free char *here = getcwd(NULL, 0);
	char *absolute = NULL;

	if (*root == '/' || here == NULL)
		return strdup(root);
	return asprintf(&absolute, "%s/%s", here, root) < 0 ? NULL : absolute;
}

static int run(struct cli *cli, int argc, char *argv[])
{
	auto_free struct subid_acceptance *ignored =
	    calloc((size_t)argc + 1, sizeof(*ignored));
	struct request request = { .fail_on = SUBID_ERROR, .ignored = ignored };
	auto_free char *root = NULL;
	int letter, status = EXIT_DONE;

	if (ignored == NULL)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	while (status == EXIT_DONE && (letter = cli_next_option(cli, argc, argv)) != -1)
		status = take_option(cli, letter, &request);
	if (status == EXIT_DONE && optind < argc)
		status = cli_misused(cli, "'%s': audit takes no operands", argv[optind]);
	if (status != EXIT_DONE)
		return status;
	if (request.list_rules && !cli->json)
		cli_begin_pager(cli);
	if (request.list_rules || request.explain != NULL)
		return finish_output(
		    cli->json ? report_write_rules_json(request.explain, stdout)
			      : report_write_rules_text(request.explain, stdout));
	status = choose_form(cli, &request);
	if (status != EXIT_DONE)
		return status;
	if (cli->root != NULL) {
		root = make_absolute(cli->root);
		if (root == NULL)
			return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
		cli->root = root;
	}
	status = audit(cli, &request);
	if (cli->root == NULL && request.only == NULL && status != EXIT_UNABLE)
		status_mark_audited();
	return status;
}

const struct cli_command cmd_audit = {
	.name = "audit",
	.arguments = "",
	.summary = "find what breaks isolation, and how to fix it",
	CLI_OPTIONS(options),
	.text =
	    "Levels: info, warning, error, critical.  Rules and forms: subid-audit(7).",
	.examples = "    subid audit\n"
		    "    subid audit --format html -o report.html",
	.run = run,
};
