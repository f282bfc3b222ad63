/* SPDX-License-Identifier: MIT */
/*
 * The catalogue of rules, as a list or one by one.
 */
#include <errno.h>

#include "tools/subid/report/report.h"

static int list_json(const struct subid_rule *rules, size_t n, FILE *out)
{
	json_t *list = json_array(), *object = json_pack("{s:o}", "rules", list);
	int r = object == NULL ? -ENOMEM : 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:s}", "rule", rules[i].name,
				  "level", subid_level_name(rules[i].level), "summary",
				  rules[i].summary, "why", rules[i].why, "remedy",
				  rules[i].remedy)) != 0)
			r = -ENOMEM;
	if (r == 0 && json_dumpf(object, out, JSON_INDENT(2)) != 0 && !ferror(out))
		r = -ENOMEM;
	(void)fputc('\n', out);
	json_decref(object);
	return r;
}

/* Lines of at most 78 columns. */
static void print_paragraph(const char *title, const char *text, FILE *out)
{
	size_t column = 2;

	(void)fprintf(out, "\n%s\n ", title);
	while (*text != '\0') {
		size_t len = 0;

		while (text[len] != '\0' && text[len] != ' ')
			len++;
		if (column + len > 78) {
			(void)fputs("\n ", out);
			column = 2;
		}
		(void)fprintf(out, " %.*s", (int)len, text);
		column += len + 1;
		for (text += len; *text == ' '; text++)
			;
	}
	(void)fputc('\n', out);
}

int audit_write_rules(const struct cli *cli, const struct subid_rule *rule, FILE *out)
{
	size_t n;
	const struct subid_rule *rules = subid_rules(&n);

	if (cli->json)
		return list_json(rule == NULL ? rules : rule, rule == NULL ? n : 1, out);
	if (rule != NULL) {
		(void)fprintf(out, "%s (%s): %s\n", rule->name,
			      subid_level_name(rule->level), rule->summary);
		print_paragraph("Why it matters", rule->why, out);
		print_paragraph("What to do", rule->remedy, out);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		(void)fprintf(out, "%-23s %-8s %s\n", rules[i].name,
			      subid_level_name(rules[i].level), rules[i].summary);
	return 0;
}
