/* SPDX-License-Identifier: MIT */
/*
 * subid audit --since: a former report beside the present one.  A finding is the
 * same if rule, kind, owners, ids and namespace are; lines move.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/subid/report/report.h"

/* What makes a finding the same, as a text without anything but ASCII; the caller
 * frees it.  NULL when out of memory. */
static char *key_of(json_t *finding)
{
	static const char *const members[] = {
		"rule", "kind", "owner", "other", "range", "namespace",
	};
	json_t *key = json_array();
	char *text;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *value = json_object_get(finding, members[i]);

		if (json_array_append_new(key, value == NULL ? json_null()
							     : json_incref(value)) != 0) {
			json_decref(key);
			return NULL;
		}
	}
	text = json_dumps(key, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
	json_decref(key);
	return text;
}

/* The former findings, as lists by their keys. */
static int add_by_key(json_t *by_key, json_t *finding)
{
	char *key = key_of(finding);
	json_t *list = key == NULL ? NULL : json_object_get(by_key, key);
	int r = 0;

	if (key == NULL)
		return -ENOMEM;
	if (list == NULL) {
		list = json_array();
		if (json_object_set_new(by_key, key, list) != 0)
			r = -ENOMEM;
	}
	free(key);
	if (r == 0 && json_array_append(list, finding) != 0)
		r = -ENOMEM;
	return r;
}

/* Is it among the former ones? Then it is removed from them. */
static int take_from(json_t *by_key, const struct audit_shown *shown,
		     const struct audit_finding *finding, bool *ret_new)
{
	json_t *object = report_finding_json(shown, finding);
	char *key = object == NULL ? NULL : key_of(object);
	json_t *list = key == NULL ? NULL : json_object_get(by_key, key);
	int r = key == NULL ? -ENOMEM : 0;

	*ret_new = json_array_size(list) == 0;
	if (!*ret_new)
		(void)json_array_remove(list, 0); /* cannot fail: it is there */
	free(key);
	json_decref(object);
	return r;
}

static int keep_gone(json_t *by_key, json_t *gone)
{
	const char *key;
	json_t *list, *finding;
	size_t i;

	json_object_foreach(by_key, key, list)
	{
		json_array_foreach(list, i, finding)
		{
			if (json_array_append(gone, finding) != 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static int compare(const struct audit_shown *shown, struct audit_past *past)
{
	json_t *by_key = json_object();
	json_t *finding;
	size_t i;
	int r = by_key == NULL ? -ENOMEM : 0;

	json_array_foreach(json_object_get(past->report, "findings"), i, finding)
	{
		size_t k;
		json_t *also;

		if (r == 0)
			r = add_by_key(by_key, finding);
		json_array_foreach(json_object_get(finding, "also"), k, also)
		{
			if (r == 0)
				r = add_by_key(by_key, also);
		}
	}
	for (i = 0; r == 0 && i < shown->report->n; i++) {
		const struct audit_finding *found = &shown->report->findings[i];

		r = take_from(by_key, shown, found, &past->is_new[i]);
		past->n_new += past->is_new[i];
		for (size_t k = 0; r == 0 && k < found->n_also; k++) {
			bool is_new;

			r = take_from(by_key, shown, &found->also[k], &is_new);
			past->n_new += is_new;
			past->is_new[i] |= is_new;
		}
	}
	if (r == 0)
		r = keep_gone(by_key, past->gone);
	json_decref(by_key);
	return r;
}

/* Threat: the file may be anybody's. The types of all that is used later are checked, and
 * everything else is ignored. */
static bool is_finding(const json_t *finding)
{
	return json_is_string(json_object_get(finding, "rule")) &&
	       json_is_string(json_object_get(finding, "level")) &&
	       json_is_string(json_object_get(finding, "reason"));
}

static const char *fault_of(const json_t *report)
{
	const json_t *findings = json_object_get(report, "findings");
	const json_t *finding, *also;
	size_t i, k;

	if (!json_is_string(json_object_get(report, "version")) ||
	    !json_is_string(json_object_get(report, "time")))
		return "it has no version and time";
	if (!json_is_array(findings))
		return "it has no findings";
	json_array_foreach(findings, i, finding)
	{
		if (!is_finding(finding))
			return "a finding has no rule, level and reason";
		json_array_foreach(json_object_get(finding, "also"), k, also)
		{
			if (!is_finding(also))
				return "a finding has no rule, level and reason";
		}
	}
	return NULL;
}

static bool parse_time(const char *text, time_t *ret)
{
	struct tm tm = { .tm_isdst = 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	if (end == NULL || *end != '\0')
		return false;
	*ret = timegm(&tm);
	return true;
}

/* A pace from less is chance: the grants of one morning. */
#define PACE_SECONDS (24 * 60 * 60)

/* When the window is full at the pace since the former report, and by what that is known.
 */
static time_t when_full(const struct audit_shown *shown, struct audit_past *past,
			time_t then, enum subid_kind kind)
{
	const json_t *summary = json_object_get(past->report, "summary");
	const json_t *windows = json_object_get(summary, "windows");
	const json_t *window = json_object_get(windows, subid_kind_name(kind));
	json_int_t former = json_integer_value(json_object_get(window, "free_slots"));
	double left = (double)shown->report->use[kind].slots;
	double used = (double)former - left, passed = (double)(shown->now - then), full;

	if (used <= 0 || passed < PACE_SECONDS)
		return 0;
	(void)snprintf(past->basis[kind], sizeof(past->basis[kind]),
		       "%.0f grant%s in %.0f day%s", used, used == 1 ? "" : "s",
		       passed / PACE_SECONDS, passed < 2 * PACE_SECONDS ? "" : "s");
	full = (double)shown->now + passed * left / used;
	return full < 4e9 ? (time_t)full : 0; /* in the next hundred years */
}

/* Is it of another host, or of another root? */
static const char *stranger(const struct audit_shown *shown, const json_t *report)
{
	const char *host = json_string_value(json_object_get(report, "host"));
	const char *root = json_string_value(json_object_get(report, "root"));
	const char *own = shown->cli->root;

	if (host == NULL || strcmp(host, shown->host) != 0)
		return "it is of another host";
	if ((root == NULL) != (own == NULL) || (root != NULL && strcmp(root, own) != 0))
		return "it is of another --root";
	return NULL;
}

int report_past_load(const char *name, const struct audit_shown *shown,
		     struct audit_past *ret)
{
	json_error_t error;
	const char *fault;
	time_t then = 0;

	ret->report = json_load_file(name, JSON_REJECT_DUPLICATES, &error);
	if (ret->report == NULL)
		return error.line > 0
			   ? cli_complain(EXIT_UNABLE, "--since: %s: line %d: %s", name,
					  error.line, error.text)
			   : cli_complain(EXIT_UNABLE,
					  "--since: %s: %s: it takes a former report,"
					  " which 'subid --json audit -o FILE' writes",
					  name, error.text);
	fault = fault_of(ret->report);
	if (fault == NULL &&
	    !parse_time(json_string_value(json_object_get(ret->report, "time")), &then))
		fault = "its time is invalid";
	if (fault != NULL)
		return cli_complain(
		    EXIT_UNABLE, "--since: %s: not a report of 'subid --json audit': %s",
		    name, fault);
	fault = stranger(shown, ret->report);
	if (fault != NULL)
		return cli_complain(EXIT_UNABLE,
				    "--since: %s: %s, so that nothing can be compared",
				    name, fault);
	ret->time = json_string_value(json_object_get(ret->report, "time"));
	ret->is_new = calloc(shown->report->n + 1, sizeof(*ret->is_new));
	ret->gone = json_array();
	if (ret->is_new == NULL || ret->gone == NULL || compare(shown, ret) < 0)
		return cli_complain(EXIT_UNABLE, "--since: %s", strerror(ENOMEM));
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		ret->fills[kind] = when_full(shown, ret, then, kind);
	return EXIT_DONE;
}

void report_past_free(struct audit_past *past)
{
	json_decref(past->report);
	json_decref(past->gone);
	free(past->is_new);
}
