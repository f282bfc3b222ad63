/* SPDX-License-Identifier: MIT */
/*
 * What an audit's page has beside the findings, and its way to write foreign text.
 */
#include <string.h>

#include "tools/subid/report/html.h"

#define GONE_MAX 100

/* How many bytes of UTF-8 begin there; 0 for what is none, or what changes the
 * direction of writing or is a control. */
static size_t utf8_len(const unsigned char *c, size_t len)
{
	size_t n = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;

	if (c[0] < 0xc2 || c[0] > 0xf4 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	if (c[0] == 0xc2 && c[1] < 0xa0) /* C1 */
		return 0;
	if (c[0] == 0xe0 && c[1] < 0xa0) /* longer than need be */
		return 0;
	if (c[0] == 0xed && c[1] >= 0xa0) /* a surrogate */
		return 0;
	if ((c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] >= 0x90))
		return 0;
	if (c[0] == 0xe2 && (c[1] == 0x80 || c[1] == 0x81)) /* U+2000 to U+207F */
		return 0;
	return n;
}

static bool is_escaped(char c, FILE *out)
{
	const char *entity = c == '<'	 ? "&lt;"
			     : c == '>'	 ? "&gt;"
			     : c == '&'	 ? "&amp;"
			     : c == '"'	 ? "&quot;"
			     : c == '\'' ? "&#39;"
					 : NULL;

	if (entity != NULL)
		(void)fputs(entity, out);
	return entity != NULL;
}

void html_text(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		size_t n =
		    c < 0x80 ? 1 : utf8_len((const unsigned char *)text + i, len - i);

		if (is_escaped(text[i], out))
			continue;
		if (n == 0 || (c < ' ' && c != '\n') || c == 127) {
			(void)fputc('?', out);
			continue;
		}
		(void)fwrite(text + i, 1, n, out);
		i += n - 1;
	}
}

void html_name(FILE *out, struct subid_owner_name name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.text[i];

		if (is_escaped(c, out))
			continue;
		(void)fputc(c < ' ' || c > '~' ? '?' : c, out);
	}
}

const char *html_level_title(enum subid_level level)
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

void html_gone(const struct audit_shown *shown, FILE *out)
{
	size_t n = shown->past == NULL ? 0 : json_array_size(shown->past->gone);

	if (n == 0)
		return;
	(void)fprintf(out,
		      "<h2 id=\"gone\">Gone<small>found in the report of %s, and no more"
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
		(void)fprintf(out, "<p class=\"dim\">And %zu more.</p>", n - GONE_MAX);
	(void)fputs("</div>\n", out);
}

static void print_window(const struct audit_shown *shown, enum subid_kind kind, FILE *out)
{
	const struct subid_window *window = &shown->input->policy->window[kind];
	const struct subid_window_use *use = &shown->report->use[kind];
	char full[AUDIT_TIME_SIZE];
	double used;

	if (use->ids == 0)
		return;
	used = 100.0 * (double)(use->ids - use->free) / (double)use->ids;
	(void)fprintf(
	    out,
	    "<h4>%ss %u to %u</h4><div class=\"meter\"><i style=\"width:%.1f%%\">"
	    "</i></div><p>%.1f%% in use; room for %llu more of %u ids",
	    subid_kind_name(kind), window->min, window->max,
	    used < 0.5 && used > 0 ? 0.5 : used, used, (unsigned long long)use->slots,
	    window->count);
	if (shown->past != NULL && shown->past->fills[kind] != 0) {
		audit_time(shown->past->fills[kind], full);
		(void)fprintf(out, ", full on %.10s at the present pace", full);
	}
	(void)fputs("</p>\n", out);
}

static void print_row(FILE *out, const char *what, uint64_t n)
{
	(void)fprintf(out, "<dt>%s</dt><dd>%llu</dd>", what, (unsigned long long)n);
}

static void print_looked_at(const struct audit_shown *shown, FILE *out)
{
	const struct subid_report *report = shown->report;
	const struct subid_live *live = shown->input->live;

	(void)fputs("<h2>Looked at</h2>\n<div class=\"card\"><dl>", out);
	print_row(out, "lines of subuid", report->use[SUBID_UID].lines);
	print_row(out, "lines of subgid", report->use[SUBID_GID].lines);
	print_row(out, "owners", report->owners);
	print_row(out, "accounts", subid_users_count(shown->input->users));
	if (live != NULL) {
		print_row(out, "user namespaces", audit_namespaces(live));
		print_row(out, "processes", live->n_processes);
	} else {
		(void)fputs("<dt>what runs</dt><dd>not looked at</dd>", out);
	}
	(void)fprintf(out, "<dt>time</dt><dd>%.2f s</dd>", shown->seconds);
	if (shown->input->only != NULL)
		(void)fprintf(out, "<dt>rule</dt><dd>%s alone</dd>",
			      shown->input->only->name);
	(void)fputs("</dl></div>\n", out);
}

static void print_accepted(const struct audit_shown *shown, FILE *out)
{
	const struct subid_audit_input *input = shown->input;

	if (input->n_accepted == 0)
		return;
	(void)fputs("<h2 id=\"accepted\">Accepted</h2>\n<div class=\"card\">", out);
	for (size_t i = 0; i < input->n_accepted; i++) {
		const struct subid_acceptance *accepted = &input->accepted[i];
		char file[4200] = "the command line";

		if (accepted->file != NULL)
			audit_file_name(shown, accepted->file, file, sizeof(file));
		(void)fprintf(out, "<p><b>%zu</b> <code>", shown->report->accepted_by[i]);
		html_text(out, accepted->rule, strlen(accepted->rule));
		if (accepted->owner != NULL) {
			(void)fputc(':', out);
			html_text(out, accepted->owner, strlen(accepted->owner));
		}
		(void)fputs("</code> ", out);
		html_text(out, accepted->reason, strlen(accepted->reason));
		(void)fputs(" <span class=\"dim\">(", out);
		html_text(out, file, strlen(file));
		if (accepted->file != NULL)
			(void)fprintf(out, ":%zu", accepted->line);
		(void)fputs(")</span></p>", out);
	}
	(void)fputs("</div>\n", out);
}

void html_aside(const struct audit_shown *shown, FILE *out)
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
