/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid-ldap/audit.h"
#include "tools/subid-ldap/commands.h"
#include "tools/subid/report/save.h"

enum { OPTION_FORMAT = 256 * 2, OPTION_FAIL_ON, OPTION_FIX_PLAN, OPTION_HOSTS };

static const struct cli_option options[] = {
	{ OPTION_FORMAT, "format", "FORM", "text, json, html or prometheus" },
	{ 'o', "output", "FILE", "write to FILE, replaced as a whole" },
	{ OPTION_FAIL_ON, "fail-on", "LEVEL",
	  "what makes the status 1 (error); or never" },
	{ OPTION_FIX_PLAN, "fix-plan", NULL, "print the commands that are safe to run" },
	{ OPTION_HOSTS, "hosts", NULL,
	  "compare with FILE..., hosts' 'subid --json list'" },
};

static const struct rows_column columns[] = {
	{ .heading = "LEVEL", .key = "level" },
	{ .heading = "RULE", .key = "rule" },
	{ .heading = "WHERE", .key = "where" },
	{ .heading = "OWNER", .key = "owner" },
	{ .heading = "START", .key = "start", .number = true },
	{ .heading = "COUNT", .key = "count", .number = true },
	{ .heading = "REASON", .key = "reason" },
	{ .heading = "COMMAND", .key = "command" },
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

typedef int show_form(const struct site_audit_shown *shown);

struct request {
	int fail_on; /* enum site_audit_level; one more: never */
	const char *output;
	show_form *form;
	bool hosts;
};

static int take_level(const struct cli *cli, const char *name, int *ret)
{
	if (strcmp(name, "never") == 0) {
		*ret = SITE_CRITICAL + 1;
		return EXIT_DONE;
	}
	for (int level = SITE_INFO; level <= SITE_CRITICAL; level++)
		if (strcmp(name, site_audit_level_name((enum site_audit_level)level)) ==
		    0) {
			*ret = level;
			return EXIT_DONE;
		}
	return cli_misused(cli,
			   "--fail-on: unknown level '%s'; one of info, warning, error,"
			   " critical, never",
			   name);
}

static int worst_first(const void *a, const void *b)
{
	const struct site_audit_finding *x = a, *y = b;
	int order = (int)y->level - (int)x->level;

	if (order == 0)
		order = strcmp(x->rule, y->rule);
	if (order == 0 && x->range.start != y->range.start)
		order = x->range.start < y->range.start ? -1 : 1;
	return order != 0 ? order : strcmp(x->place, y->place);
}

static void add_row(struct rows *rows, const struct site_audit_finding *finding)
{
	char command[DIR_NAME_SIZE + 64];
	const struct rows_cell number = { .known = false };
	bool has_range = finding->range.count > 0;
	const struct rows_cell cells[N_COLUMNS] = {
		rows_text(site_audit_level_name(finding->level)),
		rows_text(finding->rule),
		rows_text(finding->place),
		rows_text(finding->owner),
		has_range ? rows_number(finding->range.start) : number,
		has_range ? rows_number(finding->range.count) : number,
		rows_text(finding->reason),
		rows_text(finding->command == NULL ? NULL : command),
	};

	(void)snprintf(command, sizeof(command), "subid --directory %s",
		       finding->command == NULL ? "" : finding->command);
	rows_add(rows, cells, ROWS_NO_PARENT);
}

/* For people and, with --json, for programs. */
static int show_rows(const struct site_audit_shown *shown)
{
	struct rows *rows = rows_open(shown->cli, "findings", columns, N_COLUMNS);

	if (rows == NULL)
		return EXIT_UNABLE;
	for (size_t i = 0; i < shown->audit->n_findings; i++)
		add_row(rows, &shown->audit->findings[i]);
	return rows_close(rows);
}

static int show_json(const struct site_audit_shown *shown)
{
	struct cli cli = *shown->cli;

	cli.json = true;
	return show_rows(
	    &(struct site_audit_shown){ .cli = &cli, .audit = shown->audit });
}

/* Each command once; what needs a person is in none. */
static int show_plan(const struct site_audit_shown *shown)
{
	const struct site_audit *audit = shown->audit;
	const char *last = "";

	for (size_t i = 0; i < audit->n_findings; i++) {
		const char *command = audit->findings[i].command;

		if (command == NULL || strcmp(command, last) == 0)
			continue;
		(void)printf("subid --directory %s\n", command);
		last = command;
	}
	return cli_finish_output();
}

static int show_html(const struct site_audit_shown *shown)
{
	site_audit_write_html(shown, stdout);
	return cli_finish_output();
}

static int show_prometheus(const struct site_audit_shown *shown)
{
	site_audit_write_prometheus(shown, stdout);
	return cli_finish_output();
}

static int take_form(const struct cli *cli, const char *name, show_form **ret)
{
	static const struct {
		const char *name;
		show_form *form;
	} forms[] = {
		{ "text", show_rows },
		{ "json", show_json },
		{ "html", show_html },
		{ "prometheus", show_prometheus },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(name, forms[i].name) == 0) {
			*ret = forms[i].form;
			return EXIT_DONE;
		}
	return cli_misused(
	    cli, "--format: unknown form '%s'; one of text, json, html, prometheus",
	    name);
}

/* Copies what was printed. */
static int copy_printed(const void *data, FILE *out)
{
	char buf[8192];
	ssize_t n;

	if (lseek(*(const int *)data, 0, SEEK_SET) < 0)
		return -errno;
	while ((n = read(*(const int *)data, buf, sizeof(buf))) > 0)
		(void)fwrite(buf, 1, (size_t)n, out);
	return n < 0 ? -errno : 0;
}

/* The rows go to standard output: it is a file in memory then. */
static int show_into(const char *path, show_form *form,
		     const struct site_audit_shown *shown)
{
	auto_close int memory = memfd_create("report", MFD_CLOEXEC);
	int status;

	if (memory < 0 || fflush(stdout) != 0 || dup2(memory, STDOUT_FILENO) < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", path, strerror(errno));
	status = form(shown);
	return status == EXIT_DONE ? report_save(path, copy_printed, &memory) : status;
}

static bool is_bad(const struct site_audit *audit, int fail_on)
{
	for (size_t i = 0; i < audit->n_findings; i++)
		if ((int)audit->findings[i].level >= fail_on)
			return true;
	return false;
}

static int look(struct cli *cli, struct site *site, struct site_audit *audit, int n,
		char *files[])
{
	struct server *server;
	int status = site_open(cli, site);

	if (status != EXIT_DONE)
		return status;
	server = site_reader(site);
	if (server == NULL)
		return EXIT_UNABLE;
	status = site_audit_read(site, server, audit);
	if (status == EXIT_DONE)
		status = site_audit_accounts(site, server, audit);
	for (int i = 0; status == EXIT_DONE && i < n; i++)
		status = site_audit_add_host(audit, files[i]);
	if (status != EXIT_DONE)
		return status;
	site_audit_judge(audit);
	if (audit->no_memory)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	if (audit->n_findings > 1)
		qsort(audit->findings, audit->n_findings, sizeof(*audit->findings),
		      worst_first);
	return EXIT_DONE;
}

static int take_option(const struct cli *cli, struct request *request, int letter)
{
	switch (letter) {
	case OPTION_FORMAT:
		return take_form(cli, optarg, &request->form);
	case OPTION_FAIL_ON:
		return take_level(cli, optarg, &request->fail_on);
	case OPTION_FIX_PLAN:
		request->form = show_plan;
		return EXIT_DONE;
	case 'o':
		request->output = optarg;
		return EXIT_DONE;
	default:
		request->hosts = true;
		return EXIT_DONE;
	}
}

static int check(const struct cli *cli, struct request *request, int operands)
{
	if (request->hosts != (operands > 0))
		return cli_misused(cli, request->hosts
					    ? "--hosts: missing FILE"
					    : "audit takes operands only with --hosts");
	if (request->form == show_plan && cli->json)
		return cli_misused(cli, "--fix-plan has a form of its own");
	if (cli->json && request->form != NULL && request->form != show_json)
		return cli_misused(cli, "--json and --format do not agree");
	if (request->form == NULL)
		request->form = show_rows;
	return EXIT_DONE;
}

static int run(struct cli *cli, int argc, char *argv[])
{
	auto_site struct site site = { .etc = -1 };
	auto_site_audit struct site_audit audit = { .n_owners = 0 };
	struct site_audit_shown shown = { .cli = cli, .audit = &audit };
	struct request request = { .fail_on = SITE_ERROR };
	int letter, status = EXIT_DONE;

	while (status == EXIT_DONE && (letter = cli_next_option(cli, argc, argv)) != -1)
		status = take_option(cli, &request, letter);
	if (status == EXIT_DONE)
		status = check(cli, &request, argc - optind);
	shown.fail_on = request.fail_on;
	shown.hosts = argv + optind;
	shown.n_hosts = argc - optind;
	if (status == EXIT_DONE)
		status = look(cli, &site, &audit, shown.n_hosts, argv + optind);
	if (status == EXIT_DONE)
		status = request.output != NULL
			     ? show_into(request.output, request.form, &shown)
			     : request.form(&shown);
	if (status != EXIT_DONE)
		return status;
	return is_bad(&audit, request.fail_on) ? EXIT_NO : EXIT_DONE;
}

const struct cli_command ldap_audit = {
	.name = "audit",
	.arguments = "[FILE...]",
	.summary = "find what is wrong in the directory, and on hosts beside it",
	CLI_OPTIONS(options),
	.text = "Levels: info, warning, error, critical.  Rules: subid-ldap(8).\n",
	.run = run,
};
