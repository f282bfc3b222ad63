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

static int compare_names(struct subid_owner_name a, struct subid_owner_name b)
{
	return owner_name_compare(&a, &b);
}

static int compare_sizes(uint64_t a, uint64_t b)
{
	return a == b ? 0 : a < b ? -1 : 1;
}

/* 0 for twins: findings that say the same of the other table, wherever there. */
static int compare_twins(const struct audit_finding *a, const struct audit_finding *b)
{
	int order = compare_names(a->owner, b->owner);

	/* the group nogroup is the account nobody's twin */
	if (order == 0 && strcmp(a->rule->name, "overlap-account") != 0)
		order = compare_names(a->other, b->other);
	if (order == 0)
		order = compare_sizes(a->range.start, b->range.start);
	if (order == 0)
		order = compare_sizes(a->range.count, b->range.count);
	if (order == 0)
		order = compare_sizes(a->count, b->count);
	if (order == 0)
		order = compare_sizes(a->userns, b->userns);
	if (order == 0)
		order = compare_sizes(a->line > 0, b->line > 0);
	if (order == 0)
		order = compare_sizes(a->n_also, b->n_also);
	for (size_t i = 0; order == 0 && i < a->n_also; i++)
		order =
		    compare_sizes((uintptr_t)a->also[i].rule, (uintptr_t)b->also[i].rule);
	return order;
}

static int in_order(const void *a, const void *b, void *data)
{
	const struct audit_finding *findings = data;
	const size_t *x = a, *y = b;
	int order = compare_twins(&findings[*x], &findings[*y]);

	return order != 0 ? order : compare_sizes(*x, *y);
}

/* Of one rule the findings about uids, then those about gids: one walk over the two, put
 * in order, finds the twins. */
static void match(const struct audit_report *report, size_t *order, size_t n_uid,
		  size_t n_gid, size_t *twins)
{
	const struct audit_finding *findings = report->findings;
	size_t *uid = order, *gid = order + n_uid;
	size_t *uid_end = gid, *gid_end = gid + n_gid;

	qsort_r(uid, n_uid, sizeof(*uid), in_order, (void *)(uintptr_t)findings);
	qsort_r(gid, n_gid, sizeof(*gid), in_order, (void *)(uintptr_t)findings);
	while (uid < uid_end && gid < gid_end) {
		int compared = compare_twins(&findings[*uid], &findings[*gid]);

		if (compared == 0) {
			twins[*uid] = *gid;
			twins[*gid] = *uid;
		}
		uid += compared <= 0;
		gid += compared >= 0;
	}
}

size_t *report_find_twins(const struct audit_report *report)
{
	auto_free size_t *order = calloc(report->n + 1, sizeof(*order));
	size_t *twins = calloc(report->n + 1, sizeof(*twins));
	const struct audit_finding *findings = report->findings;

	if (twins == NULL || order == NULL) {
		free(twins);
		return NULL;
	}
	for (size_t i = 0; i < report->n; i++) {
		twins[i] = AUDIT_TWIN_NONE;
		order[i] = i;
	}
	for (size_t i = 0, end; i < report->n; i = end) {
		size_t uid = i, gid = i;

		for (end = i; end < report->n && findings[end].rule == findings[i].rule;
		     end++) {
			uid += findings[end].kind < SUBID_UID;
			gid += findings[end].kind < SUBID_GID;
		}
		match(report, &order[uid], gid - uid, end - gid, twins);
	}
	return twins;
}
