/* SPDX-License-Identifier: MIT */
/*
 * What the forms of an audit's report share.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "audit_forms.h"

bool audit_is_bad(const struct audit_shown *shown)
{
	for (int level = shown->fail_on; level < SUBID_LEVELS; level++)
		if (shown->report->counts[level] > 0)
			return true;
	return false;
}

void audit_file_name(const struct audit_shown *shown, const char *file, char *buf,
		     size_t size)
{
	if (file[0] == '/')
		(void)snprintf(buf, size, "%s", file);
	else
		(void)snprintf(buf, size, "%s/%s", shown->cli->etc_name, file);
}

/* Where in a file. */
static void place_in_file(const struct audit_shown *shown,
			  const struct subid_finding *finding, char *buf, size_t size)
{
	size_t len;

	audit_file_name(shown, finding->file, buf, size);
	len = strlen(buf);
	if (finding->line > 0)
		(void)snprintf(buf + len, size - len, ":%zu", finding->line);
	len = strlen(buf);
	if (finding->other_line > 0)
		(void)snprintf(buf + len, size - len, " and line %zu",
			       finding->other_line);
}

void audit_place(const struct audit_shown *shown, const struct subid_finding *finding,
		 char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	if (finding->file != NULL) {
		place_in_file(shown, finding, buf, size);
		len = strlen(buf);
	}
	if (finding->userns != 0)
		(void)snprintf(buf + len, size - len, "%suser namespace %" PRIu64,
			       len > 0 ? ", " : "", finding->userns);
	else if (finding->n_pids > 0)
		(void)snprintf(buf + len, size - len, "%sprocess %d", len > 0 ? ", " : "",
			       finding->pids[0]);
	else if (len == 0)
		(void)snprintf(buf, size, "%s",
			       finding->kind < 0 ? "this system"
						 : subid_kind_name(finding->kind));
}

void audit_time(time_t when, char buf[AUDIT_TIME_SIZE])
{
	struct tm tm;

	if (gmtime_r(&when, &tm) == NULL ||
	    strftime(buf, AUDIT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)strcpy(buf, "unknown");
}

/* Threat: names that root did not choose end on root's terminal and in mails: what
 * a terminal may act on is not passed on, C1 controls in UTF-8 included. */
void audit_print_safe(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		unsigned char next = i + 1 < len ? (unsigned char)text[i + 1] : 0;

		if (c == '\n')
			c = ' ';
		else if (c < ' ' || c == 127 || (c == 0xc2 && next < 0xa0))
			c = '?';
		(void)putc_unlocked(c, out);
	}
}
