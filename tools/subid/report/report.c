/* SPDX-License-Identifier: MIT */
/*
 * What the forms of an audit's report share.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/subid/report/report.h"

bool report_is_bad(const struct audit_shown *shown)
{
	for (int level = shown->fail_on; level < SUBID_LEVELS; level++)
		if (shown->report->counts[level] > 0)
			return true;
	return false;
}

void report_file_name(const struct audit_shown *shown, const char *file, char *buf,
		      size_t size)
{
	const char *root = shown->cli->root;
	size_t len = root == NULL ? 0 : strlen(root);

	/* beneath a relative root it begins with the root */
	if (file[0] == '/' ||
	    (len > 0 && strncmp(file, root, len) == 0 && file[len] == '/'))
		(void)snprintf(buf, size, "%s", file);
	else
		(void)snprintf(buf, size, "%s/%s", shown->report->facts->place.etc_name,
			       file);
}

/* Where in a file. */
static void place_in_file(const struct audit_shown *shown,
			  const struct audit_finding *finding, char *buf, size_t size)
{
	size_t len;

	report_file_name(shown, finding->file, buf, size);
	len = strlen(buf);
	if (finding->line > 0)
		(void)snprintf(buf + len, size - len, ":%zu", finding->line);
	len = strlen(buf);
	if (finding->other_line > 0)
		(void)snprintf(buf + len, size - len, " and line %zu",
			       finding->other_line);
}

void report_place(const struct audit_shown *shown, const struct audit_finding *finding,
		  char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	if (finding->file != NULL) {
		place_in_file(shown, finding, buf, size);
		len = strlen(buf);
	}
	if (finding->userns != 0 && !(finding->userns & SUBID_LIVE_GUESSED))
		(void)snprintf(buf + len, size - len, "%suser namespace %" PRIu64,
			       len > 0 ? ", " : "", finding->userns);
	else if (finding->n_pids > 0)
		(void)snprintf(buf + len, size - len, "%sprocess %d", len > 0 ? ", " : "",
			       finding->pids[0]);
	else if (len == 0)
		(void)snprintf(buf, size, "%s",
			       finding->kind < 0
				   ? "this system"
				   : subid_kind_name((enum subid_kind)finding->kind));
}

void report_time(time_t when, char buf[AUDIT_TIME_SIZE])
{
	struct tm tm;

	if (gmtime_r(&when, &tm) == NULL ||
	    strftime(buf, AUDIT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(buf, AUDIT_TIME_SIZE, "unknown");
}

/* Adds those command lines that are not there yet. */
static int add_commands(const struct audit_shown *shown,
			const struct audit_finding *finding, char **list, size_t *n)
{
	for (size_t i = 0; i < finding->n_fixes; i++) {
		char *command = audit_fix_command(&finding->fixes[i], shown->cli->root);
		size_t k = 0;

		if (command == NULL)
			return -ENOMEM;
		while (k < *n && strcmp(list[k], command) != 0)
			k++;
		if (k < *n)
			free(command);
		else
			list[(*n)++] = command;
	}
	return 0;
}

char **report_commands(const struct audit_shown *shown,
		       const struct audit_finding *finding,
		       const struct audit_finding *twin)
{
	size_t most = finding->n_fixes + (twin == NULL ? 0 : twin->n_fixes), n = 0;
	auto_commands char **list = calloc(most + 1, sizeof(*list));
	char **all = NULL;

	if (list == NULL || add_commands(shown, finding, list, &n) < 0 ||
	    (twin != NULL && add_commands(shown, twin, list, &n) < 0))
		return NULL;
	all = list;
	list = NULL;
	return all;
}

void report_commands_free(char ***commands)
{
	for (char **command = *commands; command != NULL && *command != NULL; command++)
		free(*command);
	free(*commands);
}

const char *report_remedy(const struct audit_finding *finding)
{
	return finding->remedy_is_fixes ? "as root:" : finding->remedy;
}

static bool is_same_name(struct subid_owner_name a, struct subid_owner_name b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.text, b.text, a.len) == 0);
}

/* 0 for twins; else which of the two stands first in the order of lines. */
static int compare_twins(const struct audit_finding *a, const struct audit_finding *b)
{
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->other_line != b->other_line)
		return a->other_line < b->other_line ? -1 : 1;
	if (a->range.start != b->range.start)
		return a->range.start < b->range.start ? -1 : 1;
	return a->range.count == b->range.count && a->count == b->count &&
		       is_same_name(a->owner, b->owner) &&
		       is_same_name(a->other, b->other) && a->userns == b->userns
		   ? 0
		   : -1;
}

/* Of one rule the findings about uids come first, then those about gids, both in
 * the order of their lines: one walk over the two finds the twins. */
static void match(const struct audit_report *report, size_t uid, size_t gid, size_t end,
		  size_t *twins)
{
	size_t uid_end = gid;

	while (uid < uid_end && gid < end) {
		int order = compare_twins(&report->findings[uid], &report->findings[gid]);

		if (order == 0) {
			twins[uid] = gid;
			twins[gid] = uid;
		}
		uid += order <= 0;
		gid += order >= 0;
	}
}

size_t *report_find_twins(const struct audit_report *report)
{
	size_t *twins = calloc(report->n + 1, sizeof(*twins));
	const struct audit_finding *findings = report->findings;

	if (twins == NULL)
		return NULL;
	for (size_t i = 0; i < report->n; i++)
		twins[i] = AUDIT_TWIN_NONE;
	for (size_t i = 0, end; i < report->n; i = end) {
		size_t begin[SUBID_KINDS] = { i, i };

		for (end = i; end < report->n && findings[end].rule == findings[i].rule;
		     end++) {
			begin[SUBID_UID] += findings[end].kind < SUBID_UID;
			begin[SUBID_GID] += findings[end].kind < SUBID_GID;
		}
		match(report, begin[SUBID_UID], begin[SUBID_GID], end, twins);
	}
	return twins;
}
