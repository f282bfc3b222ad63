/* SPDX-License-Identifier: MIT */
/*
 * May this user run rootless containers, and with what?
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "libsubid/policy/policy.h"
#include "tools/subid/rows.h"
#include "tools/subid/status.h"
#include "tools/subid/view.h"

/* The ranges of one kind of state, as rows of the library have them. */
static json_t *range_of(const struct subid_row *row)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:s?, s:s?, s:I}", "kind",
			 subid_kind_name(row->kind), "start",
			 (json_int_t)row->range.start, "end",
			 (json_int_t)id_range_end(row->range) - 1, "count",
			 (json_int_t)row->range.count, "container", row->container,
			 "file", row->file, "line", (json_int_t)row->line);
}

/* Ranges of lines and leases, into two arrays; how many lines of each kind. */
static int add_ranges(struct status_tables *tables, const char *name, json_t *object,
		      size_t n[SUBID_KINDS])
{
	auto_list struct subid_list *list = NULL;
	struct subid_error err = { .size = sizeof(err) };
	struct subid_row row = { .size = sizeof(row) };
	json_t *ranges = json_array(), *leases = json_array();
	int r = subid_ranges(tables->sys, name, 0, &list, &err);

	(void)json_object_set_new(object, "ranges", ranges);
	(void)json_object_set_new(object, "leases", leases);
	for (size_t i = 0; subid_list_get(list, i, &row); i++) {
		(void)json_array_append_new(row.container == NULL ? ranges : leases,
					    range_of(&row));
		n[row.kind] += row.container == NULL;
	}
	return r == 0 || r == SUBID_UNKNOWN ? EXIT_DONE : cli_say(cli_status(r), &err);
}

/* The policy's verdict, from a dry run: needs no privilege. */
static void add_policy(struct status_tables *tables, const char *name, json_t *object)
{
	static const char *const verdicts[] = {
		[SUBID_VERDICT_GIVE] = "give",
		[SUBID_VERDICT_NONE] = "none",
		[SUBID_VERDICT_NEVER] = "never",
	};
	struct subid_explanation policy = { .size = sizeof(policy) };
	struct subid_error err = { .size = sizeof(err) };
	auto_txn struct subid_txn *txn = NULL;
	char rule[SUBID_ERROR_FILE_SIZE + 32] = "";
	json_t *why;

	if (subid_begin(tables->sys, SUBID_DRY_RUN | SUBID_LOOK, 0, &txn, &err) != 0 ||
	    subid_explain(txn, name, &policy, &err) != 0) {
		why = cli_json_name(err.text, strlen(err.text));
		(void)json_object_set_new(
		    object, "policy",
		    json_pack("{s:n, s:n, s:o}", "verdict", "rule", "why", why));
		return;
	}
	if (policy.line > 0)
		(void)snprintf(rule, sizeof(rule), "%s:%zu", policy.file, policy.line);
	why = cli_json_name(policy.why, strlen(policy.why));
	(void)json_object_set_new(object, "policy",
				  json_pack("{s:s, s:s?, s:o}", "verdict",
					    verdicts[policy.verdict], "rule",
					    rule[0] == '\0' ? NULL : rule, "why", why));
}

/* The source of ranges: "files", or a module. */
static void add_source(struct status_tables *tables, json_t *object)
{
	char source[SUBID_SOURCE_SIZE] = "";

	(void)json_object_set_new(
	    object, "source",
	    subid_source(tables->sys, source, NULL) != 0
		? json_null()
		: json_string(source[0] == '\0' ? "files" : source));
}

/* The outermost user namespaces that the owner made, or that map its ids. */
static int add_running(struct status_tables *tables, const struct subid_owner *owner,
		       json_t *object)
{
	auto_view struct view view = { .etc = -1, .proc = -1 };
	json_t *running = json_array();
	int status;

	if (tables->cli->root != NULL) {
		json_decref(running);
		return EXIT_DONE;
	}
	(void)json_object_set_new(object, "running", running);
	status = view_load(tables->cli, &view);
	for (size_t i = 1; status == EXIT_DONE && i < view.live.n; i++) {
		const struct subid_live_userns *ns = &view.live.userns[i];
		size_t named = view_container(&view, i);
		json_t *name;

		if (!owner->has_account || view_creator(&view, i) != owner->uid ||
		    ns->n == 0)
			continue;
		name = named == 0
			   ? json_null()
			   : cli_json_name(view.live.userns[named].container,
					   strlen(view.live.userns[named].container));
		(void)json_array_append_new(
		    running,
		    json_pack("{s:o, s:s?, s:I, s:I}", "container", name, "runtime",
			      named == 0 || view.live.userns[named].runtime[0] == '\0'
				  ? NULL
				  : view.live.userns[named].runtime,
			      "pid", (json_int_t)ns->holder, "processes",
			      (json_int_t)ns->n));
	}
	return status;
}

/* Why not, as a phrase; NULL: it may. */
static const char *why_not(const size_t n[SUBID_KINDS], bool helpers, bool image)
{
	if (n[SUBID_UID] == 0 && n[SUBID_GID] == 0)
		return "it has no ranges";
	if (n[SUBID_UID] == 0 || n[SUBID_GID] == 0)
		return n[SUBID_UID] == 0 ? "it has no range of uids"
					 : "it has no range of gids";
	return helpers || image ? NULL : "newuidmap or newgidmap cannot write a map";
}

int status_of_owner(struct status_tables *tables, const char *name, json_t *object)
{
	auto_owner struct subid_owner owner = { .n = 0 };
	size_t n[SUBID_KINDS] = { 0 };
	bool usable = true;
	const char *why;
	int r = subid_owner_find(tables->users, name, &owner), status;

	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: cannot be looked up: %s", name,
				    strerror(-r));
	if (r == SUBID_INVALID)
		return cli_complain(EXIT_NO, "%s: invalid owner name", name);
	(void)json_object_set_new(
	    object, "owner",
	    cli_json_name(owner.spellings[0].text, owner.spellings[0].len));
	(void)json_object_set_new(
	    object, "uid", owner.has_account ? json_integer(owner.uid) : json_null());
	status = add_ranges(tables, name, object, n);
	if (status != EXIT_DONE)
		return status;
	if (r == SUBID_UNKNOWN && n[SUBID_UID] + n[SUBID_GID] == 0)
		return cli_complain(
		    EXIT_NO, "%s: no such account, and no range has this owner", name);
	add_source(tables, object);
	add_policy(tables, name, object);
	(void)json_object_set_new(object, "window", status_windows(tables));
	if (tables->cli->root == NULL)
		(void)json_object_set_new(object, "helpers",
					  status_helpers(tables->cli, &usable));
	status = add_running(tables, &owner, object);
	why = why_not(n, usable, tables->cli->root != NULL);
	(void)json_object_set_new(object, "may_run", json_boolean(why == NULL));
	(void)json_object_set_new(object, "why_not",
				  why == NULL ? json_null() : json_string(why));
	return status != EXIT_DONE ? status : why == NULL ? EXIT_DONE : EXIT_NO;
}

/* --- for people */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_ranges(const json_t *array, const char *label)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *one = json_array_get(array, i);
		char count[32];
		const char *container = text_of(one, "container");

		status_line(
		    i == 0 ? label : "", "%s%s%s %lld-%lld, %s ids%s%s%s", container,
		    container[0] == '\0' ? "" : ": ", text_of(one, "kind"),
		    number_of(one, "start"), number_of(one, "end"),
		    status_digits(number_of(one, "count"), count),
		    text_of(one, "file")[0] == '\0' ? "" : " (/", text_of(one, "file"),
		    text_of(one, "file")[0] == '\0' ? "" : ")");
	}
	if (json_array_size(array) == 0)
		status_line(label, "none");
}

static void print_running(const json_t *array)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *one = json_array_get(array, i);
		status_line(i == 0 ? "running" : "", "%s%s%s, process %lld and %lld more",
			    text_of(one, "container")[0] == '\0'
				? "a user namespace"
				: text_of(one, "container"),
			    text_of(one, "runtime")[0] == '\0' ? "" : " of ",
			    text_of(one, "runtime"), number_of(one, "pid"),
			    number_of(one, "processes") - 1);
	}
	if (array != NULL && json_array_size(array) == 0)
		status_line("running", "nothing");
}

/* The answer, in its colour. */
static void print_verdict(const struct cli *cli, const char *owner, const char *why_not)
{
	bool may = why_not[0] == '\0';

	cli_print_safe(stdout, owner, strlen(owner));
	(void)printf("%*s %s%s rootless containers%s",
		     strlen(owner) < 11 ? 11 - (int)strlen(owner) : 0, "",
		     cli_tone(cli, may ? CLI_GOOD : CLI_WORST),
		     may ? "may run" : "cannot run", cli_tone(cli, CLI_PLAIN));
	if (!may) {
		(void)printf(": %s; see 'subid doctor ", why_not);
		cli_print_safe(stdout, owner, strlen(owner));
		(void)putchar('\'');
	}
	(void)putchar('\n');
}

void status_print_owner(const struct cli *cli, const json_t *object)
{
	const json_t *policy = json_object_get(object, "policy");
	const char *owner = text_of(object, "owner"), *why = text_of(object, "why_not");

	print_verdict(cli, owner, why);
	print_ranges(json_object_get(object, "ranges"), "ranges");
	print_ranges(json_object_get(object, "leases"), "leases");
	status_line("source", "%s",
		    strcmp(text_of(object, "source"), "files") == 0 ? "the tables"
		    : text_of(object, "source")[0] == '\0'	    ? "not known"
							   : text_of(object, "source"));
	status_line("policy", "%s%s%s: %s",
		    text_of(policy, "verdict")[0] == '\0' ? "not known"
							  : text_of(policy, "verdict"),
		    text_of(policy, "rule")[0] != '\0'		      ? ", by "
		    : strcmp(text_of(policy, "verdict"), "give") == 0 ? ", by default"
								      : "",
		    text_of(policy, "rule"), text_of(policy, "why"));
	status_print_windows(json_object_get(object, "window"));
	if (json_object_get(object, "helpers") != NULL)
		status_print_helpers(json_object_get(object, "helpers"),
				     json_is_integer(json_object_get(object, "uid")) &&
					 number_of(object, "uid") == (long long)getuid());
	print_running(json_object_get(object, "running"));
}
