/* SPDX-License-Identifier: MIT */
/*
 * What a report says first: the verdict, and how many causes there are of each level.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/subid/report/report.h"

void report_likewise(const struct audit_finding *finding,
		     const struct audit_finding *twin, char *buf, size_t size)
{
	const char *slash = twin->file == NULL ? NULL : strrchr(twin->file, '/');

	buf[0] = '\0';
	if (twin->file == NULL)
		return;
	if (slash != NULL)
		(void)snprintf(buf, size, "; likewise %s", slash + 1);
	else if (twin->line == 0 || twin->line == finding->line)
		(void)snprintf(buf, size, "; likewise in %s", twin->file);
	else
		(void)snprintf(buf, size, "; likewise in %s:%zu", twin->file, twin->line);
}

/* Many lines with one cause, see rules_many.c; the last of a flood has a line. */
static bool is_common(const struct audit_finding *finding)
{
	return finding->file != NULL && finding->line == 0;
}

size_t report_causes(const struct audit_shown *shown, enum subid_level level)
{
	const struct audit_report *report = shown->report;
	size_t n = 0;

	for (size_t i = 0; i < report->n; i++)
		if (report->findings[i].rule->level == level &&
		    !report_is_second(shown, i))
			n += is_common(&report->findings[i]) ? 1
							     : report->findings[i].count;
	return n;
}

static const char *const verdicts[SUBID_LEVELS] = {
	[SUBID_INFO] = "No problems found",
	[SUBID_WARNING] = "Nothing is broken, but some things are risky",
	[SUBID_ERROR] = "Something will fail, or programs disagree",
	[SUBID_CRITICAL] = "Isolation is broken",
};

/* What the worst finding means, with who it is and where: ": mia can become root on this
 * host (subuid:152)". */
static void print_worst(const struct audit_finding *finding, char *buf, size_t size)
{
	static const struct {
		const char *rule, *format;
	} words[] = {
		{ "every-id", "%.*s can become root on this host" },
		{ "includes-root", "%.*s can become root on this host" },
		{ "live-root", "a container of %.*s can become root on this host" },
		{ "overlap-account", "%.*s can act as %.*s" },
		{ "overlap-owners", "%.*s and %.*s share ids" },
		{ "live-shared", "containers of %.*s share ids that keep them apart" },
		{ "live-unauthorised", "a container of %.*s uses ids that are not its" },
		{ "owner-name-is-number", "two accounts are %.*s" },
		{ "table-writable", "others than root can write the tables" },
		{ "unsafe-wrap", "ranges are granted twice when the window is full" },
		{ "source-open", "the source of ranges cannot be loaded" },
	};

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char *text = NULL;

		if (strcmp(words[i].rule, finding->rule->name) != 0 ||
		    (strchr(words[i].format, '%') != NULL && finding->owner.len == 0))
			continue;
			/* both are given; a format takes as many as it has room for */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
		if (asprintf(&text, words[i].format, (int)finding->owner.len,
			     finding->owner.text,
			     finding->other.len == 0 ? 8 : (int)finding->other.len,
			     finding->other.len == 0 ? "somebody" : finding->other.text) <
		    0)
			return;
#pragma GCC diagnostic pop
		(void)snprintf(buf, size, ": %s", text);
		free(text);
	}
	if (buf[0] == '\0')
		(void)snprintf(buf, size, ": %s", finding->rule->summary);
	if (finding->line > 0) {
		size_t len = strlen(buf);

		(void)snprintf(buf + len, size - len, " (%s:%zu)", finding->file,
			       finding->line);
	}
}

void report_verdict(const struct audit_shown *shown, char *buf, size_t size)
{
	const struct audit_report *report = shown->report;
	const struct audit_finding *first = report->n == 0 ? NULL : &report->findings[0];
	char worst[512] = "";

	if (first == NULL || first->rule->level == SUBID_INFO) {
		(void)snprintf(buf, size, "%s%s", verdicts[SUBID_INFO],
			       shown->missing->n > 0 ? " in what could be read" : "");
		return;
	}
	print_worst(first, worst, sizeof(worst));
	(void)snprintf(buf, size, "%s%s", verdicts[first->rule->level], worst);
}
