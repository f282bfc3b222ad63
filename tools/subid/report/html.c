/* SPDX-License-Identifier: MIT */
/*
 * An audit's report as one page of HTML, without external resources and scripts: the
 * verdict, the id space, what was found, and what was looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/report/html.h"

#define GONE_MAX 100

static void print_text(FILE *out, const char *string)
{
	html_text(out, string, strlen(string));
}

static const char *level_title(enum subid_level level)
{
	static const char *const titles[SUBID_LEVELS] = {
		[SUBID_INFO] = "Info",
		[SUBID_WARNING] = "Warnings",
		[SUBID_ERROR] = "Errors",
		[SUBID_CRITICAL] = "Critical",
	};

	return titles[level];
}

static void print_string(FILE *out, const json_t *json)
{
	if (json != NULL)
		html_text(out, json_string_value(json), json_string_length(json));
}

static void print_more(FILE *out, size_t n)
{
	(void)fputs("<p class=\"dim\">And ", out);
	html_number(out, n);
	(void)fputs(" more.</p>", out);
}

static void print_gone(const struct audit_shown *shown, FILE *out)
{
	size_t n = shown->past == NULL ? 0 : json_array_size(shown->past->gone);

	if (n == 0)
		return;
	(void)fprintf(out,
		      "<h2 id=\"gone\">Gone<small>found in the report of %s, and gone now"
		      "</small></h2>\n<div class=\"card\">",
		      shown->past->time);
	for (size_t i = 0; i < n && i < GONE_MAX; i++) {
		const json_t *gone = json_array_get(shown->past->gone, i);

		(void)fputs("<p><code>", out);
		print_string(out, json_object_get(gone, "rule"));
		(void)fputs("</code> ", out);
		print_string(out, json_object_get(gone, "reason"));
		(void)fputs("</p>", out);
	}
	if (n > GONE_MAX)
		print_more(out, n - GONE_MAX);
	(void)fputs("</div>\n", out);
}

static void print_window(const struct audit_shown *shown, enum subid_kind kind, FILE *out)
{
	const struct subid_window *window = &shown->input->policy->window[kind];
	const struct audit_window_use *use = &shown->report->use[kind];
	char full[CLI_TIME_SIZE];
	double used;

	if (use->ids == 0)
		return;
	used = 100.0 * (double)(use->ids - use->free) / (double)use->ids;
	(void)fprintf(out, "<h4>%ss ", subid_kind_name(kind));
	html_number(out, window->min);
	(void)fputs(" to ", out);
	html_number(out, window->max);
	(void)fprintf(out,
		      "</h4><div class=\"meter\"><i style=\"width:%.1f%%\"></i></div>"
		      "<p>%.1f%% in use; room for ",
		      used < 0.5 && used > 0 ? 0.5 : used, used);
	html_number(out, use->slots);
	(void)fputs(" more of ", out);
	html_number(out, window->count);
	(void)fputs(" ids", out);
	if (shown->past != NULL && shown->past->fills[kind] != 0) {
		(void)cli_time(shown->past->fills[kind], full);
		(void)fprintf(out, ", full on %.10s at the present pace (%s)", full,
			      shown->past->basis[kind]);
	}
	(void)fputs("</p>\n", out);
}

static void print_row(FILE *out, const char *what, uint64_t n)
{
	(void)fprintf(out, "<dt>%s</dt><dd>", what);
	html_number(out, n);
	(void)fputs("</dd>", out);
}

static void print_looked_at(const struct audit_shown *shown, FILE *out)
{
	const struct audit_report *report = shown->report;
	const struct subid_live *live = shown->input->live;

	(void)fputs("<h2>Looked at</h2>\n<div class=\"card\"><dl>", out);
	print_row(out, "lines of subuid", report->use[SUBID_UID].lines);
	print_row(out, "lines of subgid", report->use[SUBID_GID].lines);
	print_row(out, "owners", report->owners);
	print_row(out, "accounts", subid_users_count(shown->input->users));
	if (live != NULL) {
		print_row(out, "user namespaces", report_namespaces(live));
		print_row(out, "processes", live->n_processes);
	} else {
		(void)fputs("<dt>processes</dt><dd>not looked at</dd>", out);
	}
	(void)fprintf(out, "<dt>time</dt><dd>%.2f s</dd>", shown->seconds);
	if (shown->input->only != NULL)
		(void)fprintf(out, "<dt>rule</dt><dd>only %s</dd>",
			      shown->input->only->name);
	(void)fputs("</dl></div>\n", out);
}

static void print_accepted(const struct audit_shown *shown, FILE *out)
{
	const struct audit_input *input = shown->input;

	if (input->n_accepted == 0)
		return;
	(void)fputs("<h2 id=\"accepted\">Accepted</h2>\n<div class=\"card\">", out);
	for (size_t i = 0; i < input->n_accepted; i++) {
		const struct subid_acceptance *accepted = &input->accepted[i];
		char file[4200] = "the command line";

		if (accepted->file != NULL)
			report_file_name(shown, accepted->file, file, sizeof(file));
		(void)fputs("<p><b>", out);
		html_number(out, shown->report->accepted_by[i]);
		(void)fputs("</b> <code>", out);
		print_text(out, accepted->rule);
		if (accepted->owner != NULL) {
			(void)fputc(':', out);
			print_text(out, accepted->owner);
		}
		(void)fputs("</code> ", out);
		print_text(out, accepted->reason);
		(void)fputs(" <span class=\"dim\">(", out);
		print_text(out, file);
		if (accepted->file != NULL)
			(void)fprintf(out, ":%zu", accepted->line);
		(void)fputs(")</span></p>", out);
	}
	(void)fputs("</div>\n", out);
}

static void print_aside(const struct audit_shown *shown, FILE *out)
{
	print_looked_at(shown, out);
	if (shown->report->use[SUBID_UID].ids + shown->report->use[SUBID_GID].ids > 0) {
		(void)fputs("<h2>Room</h2>\n<div class=\"card\">", out);
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
			print_window(shown, kind, out);
		(void)fputs("</div>\n", out);
	}
	print_accepted(shown, out);
}

#define OPEN_MAX  5   /* findings of a rule that are seen at once */
#define SHOWN_MAX 100 /* and after a click; beyond that they are only counted */

static const struct {
	const char *meaning;
} levels[SUBID_LEVELS] = {
	[SUBID_INFO] = { "worth knowing" },
	[SUBID_WARNING] = { "risky, or incomplete" },
	[SUBID_ERROR] = { "it will fail, or programs read it differently" },
	[SUBID_CRITICAL] = { "isolation is broken, or any user can break it" },
};

/* The worst level with findings; -1: none. */
static int worst(const struct audit_shown *shown)
{
	for (int level = SUBID_LEVELS - 1; level >= 0; level--)
		if (shown->report->counts[level] > 0)
			return level;
	return -1;
}

/* With a link to a part of the page, or NULL. */
static void print_chip(FILE *out, const char *id, const char *word, size_t n)
{
	if (id != NULL)
		(void)fprintf(out, "<a class=\"chip\" href=\"#%s\"><b>", id);
	else
		(void)fputs("<span class=\"chip\"><b>", out);
	html_number(out, n);
	(void)fprintf(out, "</b>%s</%s>", word, id != NULL ? "a" : "span");
}

static void print_chips(const struct audit_shown *shown, FILE *out)
{
	const struct audit_past *past = shown->past;

	(void)fputs("<div class=\"chips\">", out);
	for (int level = SUBID_LEVELS - 1; level >= 0; level--) {
		const char *name = audit_level_name((enum subid_level)level);
		size_t n = report_causes(shown, (enum subid_level)level);
		const char *plural =
		    n != 1 && (level == SUBID_ERROR || level == SUBID_WARNING) ? "s" : "";

		if (n > 0)
			(void)fprintf(out, "<a class=\"chip %s on\" href=\"#%s\"><b>",
				      name, name);
		else
			(void)fputs("<span class=\"chip\"><b>", out);
		html_number(out, n);
		(void)fprintf(out, "</b>%s%s</%s>", name, plural, n > 0 ? "a" : "span");
	}
	if (shown->report->accepted > 0)
		print_chip(out, "accepted", "accepted", shown->report->accepted);
	if (past != NULL) {
		print_chip(out, NULL, "new", past->n_new);
		print_chip(out, "gone", "gone", json_array_size(past->gone));
	}
	(void)fputs("</div>", out);
}

#define WORST_MAX 3

/* The three worst, each with a link to where it is told in full. */
static void print_worst(const struct audit_shown *shown, FILE *out)
{
	const struct audit_report *report = shown->report;
	size_t n = 0;

	for (size_t i = 0; i < report->n && n < WORST_MAX; i++) {
		const struct audit_finding *finding = &report->findings[i];
		const char *level = audit_level_name(finding->rule->level);

		if (report_is_second(shown, i) || finding->rule->level < SUBID_WARNING)
			continue;
		(void)fprintf(out, "%s<li class=\"%s\"><a href=\"#f%zu\"><b>%s</b></a> ",
			      n++ == 0 ? "<ol class=\"worst\">" : "", level, i,
			      finding->rule->name);
		html_sentence(out, finding->reason);
		(void)fputs("</li>\n", out);
	}
	(void)fputs(n > 0 ? "</ol>\n" : "", out);
}

static void print_header(const struct audit_shown *shown, FILE *out)
{
	const char *place = shown->cli->root == NULL ? shown->host : shown->cli->root;
	int level = worst(shown);
	char now[CLI_TIME_SIZE], verdict[700];

	(void)cli_time(shown->now, now);
	report_verdict(shown, verdict, sizeof(verdict));
	(void)fputs(
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src"
	    " 'none'; style-src 'unsafe-inline'\">\n<title>",
	    out);
	print_text(out, verdict);
	(void)fputs(" - subordinate ids of ", out);
	print_text(out, place);
	(void)fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n",
		      html_style);
	(void)fprintf(out, "<header class=\"%s\"><div>\n<p>Subordinate ids of <b>",
		      level < 0 ? "ok" : audit_level_name((enum subid_level)level));
	print_text(out, place);
	(void)fprintf(out, "</b>, %.10s %.5s UTC</p>\n<h1>", now, now + 11);
	html_sentence(out, verdict);
	(void)fputs("</h1>\n", out);
	print_chips(shown, out);
	print_worst(shown, out);
	(void)fputs("</div></header>\n<main>\n", out);
}

static void print_missing(const struct audit_shown *shown, FILE *out)
{
	if (shown->missing->n == 0)
		return;
	(void)fputs("<div class=\"card note\"><b>This report is partial.</b> It does not"
		    " cover:<ul>",
		    out);
	for (size_t i = 0; i < shown->missing->n; i++) {
		(void)fputs("<li>", out);
		html_sentence(out, shown->missing->list[i]);
		(void)fputs("</li>", out);
	}
	(void)fputs("</ul></div>\n", out);
}

static int print_pictures(const struct audit_shown *shown, FILE *out)
{
	int r = 0;

	(void)fputs("<h2>Who has which ids<small>empty and very large parts are shortened"
		    " (&#8943;); each piece has its own scale</small></h2>\n<div "
		    "class=\"card picture\">\n",
		    out);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		(void)fprintf(out, "<h4>%ss</h4>\n", subid_kind_name(kind));
		r = html_picture(shown, kind, out);
	}
	(void)fputs(
	    "<div class=\"key\"><span><i class=\"owner\"></i>ranges of an owner, a"
	    " colour each; grey: many</span><span><i class=\"held\"></i>held"
	    "</span>"
	    "<span><i class=\"account\"></i>accounts and groups</span>"
	    "<span><i class=\"window\"></i>window for new ranges</span>"
	    "<span><i class=\"shared\"></i>shared by more than one"
	    "</span></div>\n</div>\n",
	    out);
	return r;
}

static void print_remedy(const struct audit_shown *shown,
			 const struct audit_finding *finding,
			 const struct audit_finding *twin, FILE *out)
{
	auto_commands char **commands = report_commands(shown, finding, twin);

	(void)fputs("<p class=\"mend\">", out);
	html_sentence(out, report_remedy(finding));
	(void)fputs("</p>", out);
	if (commands == NULL || commands[0] == NULL)
		return;
	(void)fputs("<pre>", out);
	for (size_t i = 0; commands[i] != NULL; i++) {
		print_text(out, commands[i]);
		(void)fputc('\n', out);
	}
	(void)fputs("</pre>", out);
}

/* What else is wrong with the line; most of it is mended with the worst. */
static void print_also(const struct audit_finding *also, FILE *out)
{
	(void)fprintf(out, "<p class=\"dim\">Also %s <code>%s</code>: ",
		      audit_level_name(also->rule->level), also->rule->name);
	html_sentence(out, also->reason);
	(void)fputs("</p>", out);
}

static void print_cases(FILE *out, const char *before, size_t n)
{
	(void)fputs(before, out);
	html_number(out, n);
	(void)fputs(n == 1 ? " case" : " cases", out);
}

static void print_finding(const struct audit_shown *shown, size_t i, FILE *out)
{
	const struct audit_finding *finding = &shown->report->findings[i], *twin = NULL;
	char place[4200];

	(void)fprintf(out, "<div class=\"finding\" id=\"f%zu\">", i);
	if (shown->twins[i] != AUDIT_TWIN_NONE) {
		twin = &shown->report->findings[shown->twins[i]];
		(void)fprintf(out, "<a id=\"f%zu\"></a>", shown->twins[i]);
	}
	report_place(shown, finding, place, sizeof(place));
	(void)fputs("<div class=\"place\"><code>", out);
	html_sentence(out, place);
	(void)fputs("</code>", out);
	if (twin != NULL) {
		report_likewise(finding, twin, place, sizeof(place));
		html_sentence(out, place);
	}
	if (finding->count > 1)
		print_cases(out, ", ", finding->count);
	if (report_is_new(shown, i))
		(void)fputs("<span class=\"new-mark\">new</span>", out);
	(void)fputs("</div><p>", out);
	html_sentence(out, finding->reason);
	(void)fputs("</p>", out);
	for (size_t k = 0; k < finding->n_also; k++)
		print_also(&finding->also[k], out);
	print_remedy(shown, finding, twin, out);
	(void)fputs("</div>\n", out);
}

static void print_rule_head(const struct audit_rule *rule, size_t cases, FILE *out)
{
	(void)fprintf(out, "<section class=\"card rule %s\"><h3><code>%s</code> ",
		      audit_level_name(rule->level), rule->name);
	print_text(out, rule->summary);
	print_cases(out, "<span>", cases);
	(void)fputs("</span></h3><p class=\"why\">", out);
	print_text(out, rule->why);
	(void)fputs("</p>\n", out);
}

/* The findings of one rule, from the i-th on.  Returns the index after them. */
static size_t print_rule(const struct audit_shown *shown, size_t i, FILE *out)
{
	const struct audit_report *report = shown->report;
	const struct audit_rule *rule = report->findings[i].rule;
	size_t end = i, cases = 0, n = 0;

	for (; end < report->n && report->findings[end].rule == rule; end++)
		cases += report->findings[end].count;
	print_rule_head(rule, cases, out);
	for (; i < end && n < SHOWN_MAX; i++) {
		if (report_is_second(shown, i))
			continue;
		if (n++ == OPEN_MAX)
			(void)fputs("<details><summary>more of the same</summary>", out);
		print_finding(shown, i, out);
	}
	if (n > OPEN_MAX) {
		if (i < end)
			(void)fprintf(
			    out,
			    "<p class=\"dim\">And more: <code>subid audit --rule"
			    " %s</code></p>",
			    rule->name);
		(void)fputs("</details>", out);
	}
	(void)fputs("</section>\n", out);
	return end;
}

static void print_findings(const struct audit_shown *shown, FILE *out)
{
	const struct audit_report *report = shown->report;
	int level = -1;

	if (report->n == 0)
		(void)fputs("<h2>Findings</h2>\n<div class=\"card well\">Nothing was"
			    " found.</div>\n",
			    out);
	for (size_t i = 0; i < report->n;) {
		int next = (int)report->findings[i].rule->level;

		if (next != level)
			(void)fprintf(out, "<h2 id=\"%s\">%s<small>%s</small></h2>\n",
				      audit_level_name((enum subid_level)next),
				      level_title((enum subid_level)next),
				      levels[next].meaning);
		level = next;
		i = print_rule(shown, i, out);
	}
}

int report_write_html(const struct audit_shown *shown, FILE *out)
{
	int r;

	print_header(shown, out);
	print_missing(shown, out);
	(void)fputs("<div class=\"columns\">\n<div>\n", out);
	print_findings(shown, out);
	print_gone(shown, out);
	(void)fputs("</div>\n<aside>\n", out);
	print_aside(shown, out);
	(void)fputs("</aside>\n</div>\n", out);
	r = print_pictures(shown, out);
	if (r == 0)
		r = html_owners(shown, out);
	if (r < 0)
		return r;
	(void)fputs("</main>\n<footer>subid " SUBID_VERSION
		    ". <code>subid audit --explain RULE</code> explains a rule,"
		    " <code>subid audit --fix-plan</code> prints the commands that are"
		    " safe to run.</footer>\n</body>\n</html>\n",
		    out);
	return 0;
}
