/* SPDX-License-Identifier: MIT */
/*
 * An audit's report for people: worst first, each finding with its place, the
 * reason and the remedy, and at the end what was looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/subid/report/report.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN     40
#define WIDTH_MAX     100 /* longer lines are hard to read */
#define SHOWN_MAX     10  /* findings of a rule */

static const char *const colours[SUBID_LEVELS] = {
	[SUBID_INFO] = "\033[36m",
	[SUBID_WARNING] = "\033[33m",
	[SUBID_ERROR] = "\033[31m",
	[SUBID_CRITICAL] = "\033[1;31m",
};

static const char *const level_titles[SUBID_LEVELS] = {
	[SUBID_INFO] = "INFO",
	[SUBID_WARNING] = "WARNING",
	[SUBID_ERROR] = "ERROR",
	[SUBID_CRITICAL] = "CRITICAL",
};

struct page {
	const struct audit_shown *shown;
	FILE *out;
	size_t width;
	bool colour;
	bool utf8; /* by the locale: else letters of UTF-8 are written as bytes, too */
	bool all;  /* all findings of a rule, however many */
};

static bool is_utf8_locale(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value != NULL && *value != '\0')
			return strcasestr(value, "utf-8") != NULL ||
			       strcasestr(value, "utf8") != NULL;
	}
	return false;
}

static void print_safe(const struct page *page, const char *text, size_t len)
{
	if (page->utf8) {
		cli_print_safe(page->out, text, len);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= ' ' && c <= '~')
			(void)fputc(c, page->out);
		else if (c == '\n')
			(void)fputc(' ', page->out);
		else
			(void)fprintf(page->out, "\\x%02x", c);
	}
}

static struct page open_page(const struct audit_shown *shown, FILE *out)
{
	struct page page = { .shown = shown, .out = out, .width = WIDTH_DEFAULT };
	const struct cli *cli = shown->cli;

	page.all = shown->input->only != NULL;
	page.utf8 = is_utf8_locale();
	/* a file is no terminal, whatever standard output is */
	page.colour =
	    cli->color == CLI_COLOR_ALWAYS || (out == stdout && cli_colored(cli));
	if (out != stdout || !cli->terminal)
		return page;
	if (cli->width > 0)
		page.width = (size_t)cli->width;
	if (page.width < WIDTH_MIN)
		page.width = WIDTH_MIN;
	if (page.width > WIDTH_MAX)
		page.width = WIDTH_MAX;
	return page;
}

static void print_colour(const struct page *page, const char *colour)
{
	if (page->colour)
		(void)fputs(colour, page->out);
}

/* A paragraph: words between blanks, as many on a line as there is room for; the
 * first line begins with head, which has as many columns as indent has blanks. */
static void print_wrapped(const struct page *page, const char *head, const char *text)
{
	size_t indent = strlen(head), column = indent, len;

	(void)fputs(head, page->out);
	for (text += strspn(text, " \n"); *text != '\0'; text += strspn(text, " \n")) {
		len = strcspn(text, " \n");
		if (column > indent && column + 1 + len > page->width) {
			(void)fprintf(page->out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			(void)fputc(' ', page->out);
			column++;
		}
		print_safe(page, text, len);
		column += len;
		text += len;
	}
	(void)fputc('\n', page->out);
}

/* Commands stand after '#' and are not wrapped, so that they can be pasted. */
static void print_remedy(const struct page *page, const struct audit_finding *finding,
			 const struct audit_finding *twin)
{
	auto_commands char **commands = report_commands(page->shown, finding, twin);

	print_wrapped(page, "    -> ", report_remedy(finding));
	for (size_t i = 0; commands != NULL && commands[i] != NULL; i++)
		(void)fprintf(page->out, "       # %s\n", commands[i]);
}

/* What else is wrong with the line; most of it is mended with the worst. */
static void print_also(const struct page *page, const struct audit_finding *also)
{
	char *text;

	if (asprintf(&text, "also %s %s: %s", audit_level_name(also->rule->level),
		     also->rule->name, also->reason) < 0)
		return;
	print_wrapped(page, "    ", text);
	free(text);
}

static void print_finding(const struct page *page, size_t i)
{
	const struct audit_shown *shown = page->shown;
	const struct audit_finding *finding = &shown->report->findings[i], *twin = NULL;
	enum subid_level level = finding->rule->level;
	char place[4200];

	report_place(shown, finding, place, sizeof(place));
	if (shown->twins[i] != AUDIT_TWIN_NONE)
		twin = &shown->report->findings[shown->twins[i]];
	print_colour(page, colours[level]);
	(void)fprintf(page->out, "%s %s", level_titles[level], finding->rule->name);
	print_colour(page, "\033[0m");
	(void)fputs(": ", page->out);
	print_safe(page, place, strlen(place));
	if (twin != NULL) {
		report_likewise(finding, twin, place, sizeof(place));
		print_safe(page, place, strlen(place));
	}
	if (finding->count > 1)
		(void)fprintf(page->out, " (%zu cases)", finding->count);
	if (report_is_new(shown, i))
		(void)fputs(" (new)", page->out);
	(void)fputc('\n', page->out);
	print_wrapped(page, "    ", finding->reason);
	for (size_t k = 0; k < finding->n_also; k++)
		print_also(page, &finding->also[k]);
	print_remedy(page, finding, twin);
	(void)fputc('\n', page->out);
}

/* The findings of one rule, from the i-th on.  Returns the index after them. */
static size_t print_rule(const struct page *page, size_t i)
{
	const struct audit_report *report = page->shown->report;
	const struct audit_rule *rule = report->findings[i].rule;
	size_t shown = 0, cases = 0;

	for (; i < report->n && report->findings[i].rule == rule; i++) {
		if (report_is_second(page->shown, i))
			continue;
		if (page->all || shown < SHOWN_MAX) {
			print_finding(page, i);
			shown++;
		} else {
			cases += report->findings[i].count;
		}
	}
	if (cases > 0) {
		print_colour(page, colours[rule->level]);
		(void)fprintf(page->out, "%s %s", level_titles[rule->level], rule->name);
		print_colour(page, "\033[0m");
		(void)fprintf(page->out, ": and %zu more: subid audit --rule %s\n\n",
			      cases, rule->name);
	}
	return i;
}

static void print_gone(const struct page *page)
{
	const struct audit_past *past = page->shown->past;
	size_t n = past == NULL ? 0 : json_array_size(past->gone);

	for (size_t i = 0; i < n && i < SHOWN_MAX; i++) {
		const json_t *gone = json_array_get(past->gone, i);
		const char *reason = json_string_value(json_object_get(gone, "reason"));
		const char *kind = json_string_value(json_object_get(gone, "kind"));

		(void)fputs("gone: ", page->out);
		cli_print_safe(page->out,
			       json_string_value(json_object_get(gone, "rule")),
			       json_string_length(json_object_get(gone, "rule")));
		if (kind != NULL) {
			(void)fputs(", ", page->out);
			print_safe(page, kind, strlen(kind));
		}
		(void)fputc('\n', page->out);
		print_wrapped(page, "    ", reason == NULL ? "" : reason);
	}
	if (n > SHOWN_MAX)
		(void)fprintf(page->out, "gone: and %zu more\n", n - SHOWN_MAX);
	if (n > 0)
		(void)fputc('\n', page->out);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_counts(const struct page *page)
{
	const struct audit_report *report = page->shown->report;
	const struct audit_past *past = page->shown->past;
	size_t sum = 0;

	for (int level = SUBID_LEVELS - 1; level >= 0; level--) {
		const char *name = audit_level_name((enum subid_level)level);
		size_t n = report_causes(page->shown, (enum subid_level)level);
		bool count_noun = level == SUBID_ERROR || level == SUBID_WARNING;

		if (n > 0)
			print_colour(page, colours[level]);
		(void)fprintf(page->out, "%zu %s%s", n, name,
			      count_noun ? plural(n) : "");
		if (n > 0)
			print_colour(page, "\033[0m");
		(void)fputs(level > 0 ? ", " : "", page->out);
		sum += n;
	}
	if (page->shown->input->only != NULL)
		(void)fprintf(page->out, " (only rule %s)",
			      page->shown->input->only->name);
	if (report->accepted > 0)
		(void)fprintf(page->out, "; %zu accepted", report->accepted);
	if (past != NULL)
		(void)fprintf(page->out, "; since %s %zu new, %zu gone", past->time,
			      past->n_new, json_array_size(past->gone));
	(void)fputs(sum == 0 ? ": nothing was found.\n" : ".\n", page->out);
}

static void print_accepted(const struct page *page)
{
	const struct audit_input *input = page->shown->input;

	for (size_t i = 0; i < input->n_accepted; i++) {
		const struct subid_acceptance *accepted = &input->accepted[i];
		char file[4200] = "the command line", line[32] = "", text[8192];

		if (accepted->file != NULL) {
			report_file_name(page->shown, accepted->file, file, sizeof(file));
			(void)snprintf(line, sizeof(line), ":%zu", accepted->line);
		}
		(void)snprintf(text, sizeof(text), "%zu %s%s%s, by %s%s%s%s",
			       page->shown->report->accepted_by[i], accepted->rule,
			       accepted->owner == NULL ? "" : ":",
			       accepted->owner == NULL ? "" : accepted->owner, file, line,
			       accepted->reason[0] == '\0' ? "" : ": ", accepted->reason);
		print_wrapped(page, "accepted: ", text);
	}
}

static void print_looked_at(const struct page *page)
{
	const struct audit_shown *shown = page->shown;
	const struct audit_report *report = shown->report;
	const struct subid_live *live = shown->input->live;
	char text[512], running[160];

	if (live == NULL)
		(void)snprintf(running, sizeof(running), "no processes");
	else
		(void)snprintf(
		    running, sizeof(running), "%zu user namespace%s, %zu process%s%s",
		    report_namespaces(live), plural(report_namespaces(live)),
		    live->n_processes, live->n_processes == 1 ? "" : "es",
		    live->passed_over ? " (--thorough follows the descriptors of"
					" each)"
				      : "");
	(void)snprintf(text, sizeof(text),
		       "%zu line%s of subuid, %zu of subgid, %zu owner%s, %zu account%s,"
		       " %s; %.2f seconds.",
		       report->use[SUBID_UID].lines, plural(report->use[SUBID_UID].lines),
		       report->use[SUBID_GID].lines, report->owners,
		       plural(report->owners), subid_users_count(shown->input->users),
		       plural(subid_users_count(shown->input->users)), running,
		       shown->seconds);
	print_wrapped(page, "looked at: ", text);
}

static void print_window(const struct page *page, enum subid_kind kind)
{
	const struct subid_window *window = &page->shown->input->policy->window[kind];
	const struct audit_window_use *use = &page->shown->report->use[kind];
	const struct audit_past *past = page->shown->past;
	char head[16], text[320], fills[CLI_TIME_SIZE];
	int n;

	if (use->ids == 0)
		return;
	n = snprintf(
	    text, sizeof(text), "%u to %u, %.1f%% free: room for %llu more range%s of %u",
	    window->min, window->max, 100.0 * (double)use->free / (double)use->ids,
	    (unsigned long long)use->slots, use->slots == 1 ? "" : "s", window->count);
	if (past != NULL && past->fills[kind] != 0) {
		(void)cli_time(past->fills[kind], fills);
		(void)snprintf(text + n, sizeof(text) - (size_t)n,
			       "; full on %.10s at the pace since the former report (%s)",
			       fills, past->basis[kind]);
	}
	(void)snprintf(head, sizeof(head), "%ss: ", subid_kind_name(kind));
	print_wrapped(page, head, text);
}

static void print_summary(const struct page *page)
{
	const struct audit_shown *shown = page->shown;

	print_counts(page);
	print_accepted(page);
	print_looked_at(page);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		print_window(page, kind);
	for (size_t i = 0; i < shown->missing->n; i++)
		print_wrapped(page, "partial: ", shown->missing->list[i]);
	if (shown->report->n > 0 && shown->input->only == NULL)
		(void)fputs("subid audit --explain RULE explains a rule.\n", page->out);
}

int report_write_text(const struct audit_shown *shown, FILE *out)
{
	const struct page page = open_page(shown, out);
	const struct audit_report *report = shown->report;
	char verdict[700];

	report_verdict(shown, verdict, sizeof(verdict));
	if (report->n > 0)
		print_colour(&page, colours[report->findings[0].rule->level]);
	print_wrapped(&page, "", verdict);
	print_colour(&page, "\033[0m");
	(void)fputc('\n', out);
	for (size_t i = 0; i < report->n;) {
		/* worst first: none after this one is worse */
		if (shown->quiet && (int)report->findings[i].rule->level < shown->fail_on)
			break;
		i = print_rule(&page, i);
	}
	if (!shown->quiet)
		print_gone(&page);
	print_summary(&page);
	return 0;
}

static void print_paragraph(const char *title, const char *text, FILE *out)
{
	const struct page page = { .out = out, .width = 78, .utf8 = true };

	(void)fprintf(out, "\n%s\n", title);
	print_wrapped(&page, "  ", text);
}

int report_write_rules_text(const struct audit_rule *rule, FILE *out)
{
	size_t n;
	const struct audit_rule *rules = audit_rules(&n);

	if (rule != NULL) {
		(void)fprintf(out, "%s (%s): %s\n", rule->name,
			      audit_level_name(rule->level), rule->summary);
		print_paragraph("Why it matters", rule->why, out);
		print_paragraph("What to do", rule->remedy, out);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		(void)fprintf(out, "%-23s %-8s %s\n", rules[i].name,
			      audit_level_name(rules[i].level), rules[i].summary);
	return 0;
}
