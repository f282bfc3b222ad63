/* SPDX-License-Identifier: MIT */
/*
 * An audit's report as JSON: share/audit.schema.json and subid-audit(7) say what
 * is in it.  The form is stable: members may be added, none is removed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/report/report.h"

/* An object that is being filled; that memory ran out is remembered. */
struct object {
	json_t *json;
	bool failed;
};

static void set(struct object *object, const char *key, json_t *value)
{
	object->failed |= json_object_set_new(object->json, key, value) != 0;
}

static void set_number(struct object *object, const char *key, uint64_t number)
{
	set(object, key, json_integer((json_int_t)number));
}

static void set_text(struct object *object, const char *key, const char *text)
{
	set(object, key, cli_json_name(text, strlen(text)));
}

static struct object new_object(void)
{
	struct object object = { .json = json_object() };

	object.failed = object.json == NULL;
	return object;
}

/* The whole object, or NULL. */
static json_t *finish(struct object *object)
{
	if (!object->failed)
		return object->json;
	json_decref(object->json);
	return NULL;
}

static json_t *range_json(struct id_range range)
{
	return json_pack("{s:I, s:I}", "start", (json_int_t)range.start, "count",
			 (json_int_t)range.count);
}

static json_t *pids_json(const struct audit_finding *finding)
{
	json_t *pids = json_array();

	for (size_t i = 0; i < finding->n_pids; i++)
		if (json_array_append_new(pids, json_integer(finding->pids[i])) != 0) {
			json_decref(pids);
			return NULL;
		}
	return pids;
}

static json_t *fix_json(const struct audit_shown *shown,
			const struct audit_finding *finding)
{
	auto_commands char **commands = report_commands(shown, finding, NULL);
	json_t *list = json_array();

	for (size_t i = 0; commands != NULL && commands[i] != NULL; i++)
		if (json_array_append_new(
			list, cli_json_name(commands[i], strlen(commands[i]))) != 0) {
			json_decref(list);
			return NULL;
		}
	if (commands != NULL)
		return list;
	json_decref(list);
	return NULL;
}

/* In words, and the commands after them that are not safe by themselves. */
static json_t *remedy_json(const struct audit_shown *shown,
			   const struct audit_finding *finding)
{
	auto_commands char **commands = report_commands(shown, finding, NULL);
	auto_free char *text = NULL;
	size_t size;
	FILE *out = commands == NULL ? NULL : open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	if (!finding->remedy_is_fixes)
		(void)fputs(finding->remedy, out);
	if (finding->remedy_is_fixes || finding->fixes_need_more)
		for (size_t i = 0; commands[i] != NULL; i++)
			(void)fprintf(out, "%s%s", ftell(out) > 0 ? "\n" : "",
				      commands[i]);
	return fclose(out) == 0 ? cli_json_name(text, size) : NULL;
}

/* What else is wrong with the same line. */
static json_t *also_json(const struct audit_shown *shown,
			 const struct audit_finding *finding)
{
	json_t *list = json_array();

	for (size_t i = 0; i < finding->n_also; i++)
		if (json_array_append_new(
			list, report_finding_json(shown, &finding->also[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

json_t *report_finding_json(const struct audit_shown *shown,
			    const struct audit_finding *finding)
{
	struct object object = new_object();
	char file[4200];

	set_text(&object, "rule", finding->rule->name);
	set_text(&object, "level", audit_level_name(finding->rule->level));
	if (finding->kind >= 0)
		set_text(&object, "kind",
			 subid_kind_name((enum subid_kind)finding->kind));
	if (finding->file != NULL) {
		report_file_name(shown, finding->file, file, sizeof(file));
		set_text(&object, "file", file);
	}
	if (finding->line > 0)
		set_number(&object, "line", finding->line);
	if (finding->other_line > 0)
		set_number(&object, "other_line", finding->other_line);
	if (finding->owner.len > 0)
		set(&object, "owner",
		    cli_json_name(finding->owner.text, finding->owner.len));
	if (finding->other.len > 0)
		set(&object, "other",
		    cli_json_name(finding->other.text, finding->other.len));
	if (finding->range.count > 0)
		set(&object, "range", range_json(finding->range));
	if (finding->userns != 0 && !(finding->userns & SUBID_LIVE_GUESSED))
		set_number(&object, "namespace", finding->userns);
	if (finding->n_pids > 0)
		set(&object, "pids", pids_json(finding));
	if (finding->count > 1)
		set_number(&object, "count", finding->count);
	set_text(&object, "reason", finding->reason);
	set(&object, "remedy", remedy_json(shown, finding));
	if (finding->n_fixes > 0)
		set(&object, finding->fixes_need_more ? "advice" : "fix",
		    fix_json(shown, finding));
	if (finding->n_also > 0)
		set(&object, "also", also_json(shown, finding));
	return finish(&object);
}

static json_t *counts_json(const struct audit_report *report)
{
	struct object object = new_object();

	for (int level = SUBID_LEVELS - 1; level >= 0; level--)
		set_number(&object, audit_level_name((enum subid_level)level),
			   report->counts[level]);
	return finish(&object);
}

static json_t *looked_at_json(const struct audit_shown *shown)
{
	const struct audit_report *report = shown->report;
	const struct audit_input *input = shown->input;
	struct object object = new_object();

	set(&object, "lines",
	    json_pack("{s:I, s:I}", "uid", (json_int_t)report->use[SUBID_UID].lines,
		      "gid", (json_int_t)report->use[SUBID_GID].lines));
	set_number(&object, "owners", report->owners);
	set_number(&object, "accounts", subid_users_count(input->users));
	set(&object, "live", json_boolean(input->live != NULL));
	if (input->live != NULL) {
		set_number(&object, "namespaces", report_namespaces(input->live));
		set_number(&object, "processes", input->live->n_processes);
		set(&object, "passed_over", json_boolean(input->live->passed_over));
	}
	set(&object, "host", json_boolean(input->host != NULL));
	if (input->only != NULL)
		set_text(&object, "rule", input->only->name);
	return finish(&object);
}

static json_t *one_acceptance_json(const struct audit_shown *shown, size_t i)
{
	const struct subid_acceptance *accepted = &shown->input->accepted[i];
	struct object object = new_object();
	char file[4200];

	set_text(&object, "rule", accepted->rule);
	if (accepted->owner != NULL)
		set_text(&object, "owner", accepted->owner);
	if (accepted->reason[0] != '\0')
		set_text(&object, "reason", accepted->reason);
	if (accepted->file != NULL) {
		report_file_name(shown, accepted->file, file, sizeof(file));
		set_text(&object, "file", file);
		set_number(&object, "line", accepted->line);
	}
	set_number(&object, "count", shown->report->accepted_by[i]);
	return finish(&object);
}

static json_t *accepted_json(const struct audit_shown *shown)
{
	json_t *list = json_array();

	for (size_t i = 0; i < shown->input->n_accepted; i++)
		if (json_array_append_new(list, one_acceptance_json(shown, i)) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *window_json(const struct audit_shown *shown, enum subid_kind kind)
{
	const struct subid_window *window = &shown->input->policy->window[kind];
	const struct audit_window_use *use = &shown->report->use[kind];
	struct object object = new_object();
	char fills[CLI_TIME_SIZE];

	set_number(&object, "min", window->min);
	set_number(&object, "max", window->max);
	set_number(&object, "range_count", window->count);
	set_number(&object, "ids", use->ids);
	set_number(&object, "free_ids", use->free);
	set_number(&object, "free_slots", use->slots);
	set_number(&object, "grants", use->grants);
	set_number(&object, "granted_ids", use->granted);
	set_number(&object, "held_ids", use->held);
	if (shown->past != NULL && shown->past->fills[kind] != 0) {
		(void)cli_time(shown->past->fills[kind], fills);
		set_text(&object, "full_at", fills);
		set_text(&object, "full_at_basis", shown->past->basis[kind]);
	}
	return finish(&object);
}

static json_t *missing_json(const struct audit_shown *shown)
{
	json_t *list = json_array();

	for (size_t i = 0; i < shown->missing->n; i++)
		if (json_array_append_new(
			list, cli_json_name(shown->missing->list[i],
					    strlen(shown->missing->list[i]))) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *summary_json(const struct audit_shown *shown)
{
	const struct audit_past *past = shown->past;
	struct object object = new_object();

	set(&object, "counts", counts_json(shown->report));
	set_text(&object, "fail_on",
		 shown->fail_on == SUBID_LEVELS
		     ? "never"
		     : audit_level_name((enum subid_level)shown->fail_on));
	set(&object, "failed", json_boolean(report_is_bad(shown)));
	set(&object, "looked_at", looked_at_json(shown));
	set_number(&object, "accepted_count", shown->report->accepted);
	set(&object, "accepted", accepted_json(shown));
	set(&object, "windows",
	    json_pack("{s:o, s:o}", "uid", window_json(shown, SUBID_UID), "gid",
		      window_json(shown, SUBID_GID)));
	set(&object, "partial", json_boolean(shown->missing->n > 0));
	set(&object, "missing", missing_json(shown));
	if (past != NULL) {
		set_text(&object, "since", past->time);
		set_number(&object, "new", past->n_new);
		set_number(&object, "gone", json_array_size(past->gone));
	}
	return finish(&object);
}

/* Prints a value and releases it; false when out of memory. */
static bool print_json(json_t *json, FILE *out)
{
	bool printed =
	    json != NULL &&
	    (json_dumpf(json, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII) ==
		 0 ||
	     ferror(out));

	json_decref(json);
	return printed;
}

static bool print_findings(const struct audit_shown *shown, FILE *out)
{
	const struct audit_report *report = shown->report;
	bool printed = true;

	(void)fputs(",\n\"findings\": [", out);
	for (size_t i = 0; printed && i < report->n; i++) {
		json_t *finding = report_finding_json(shown, &report->findings[i]);

		if (shown->past != NULL && shown->past->is_new[i] &&
		    json_object_set_new(finding, "new", json_true()) != 0)
			printed = false;
		(void)fputs(i == 0 ? "\n  " : ",\n  ", out);
		printed &= print_json(finding, out);
	}
	(void)fputs(report->n > 0 ? "\n]" : "]", out);
	return printed;
}

int report_write_json(const struct audit_shown *shown, FILE *out)
{
	char now[CLI_TIME_SIZE];
	bool printed;

	(void)cli_time(shown->now, now);
	(void)fputs("{\"version\": ", out);
	printed = print_json(json_string(SUBID_VERSION), out);
	(void)fputs(", \"time\": ", out);
	printed &= print_json(json_string(now), out);
	(void)fputs(", \"host\": ", out);
	printed &= print_json(cli_json_name(shown->host, strlen(shown->host)), out);
	if (shown->cli->root != NULL) {
		(void)fputs(", \"root\": ", out);
		printed &= print_json(
		    cli_json_name(shown->cli->root, strlen(shown->cli->root)), out);
	}
	(void)fputs(",\n\"summary\": ", out);
	printed &= print_json(summary_json(shown), out);
	printed &= print_findings(shown, out);
	if (shown->past != NULL) {
		(void)fputs(",\n\"gone\": ", out);
		printed &= print_json(json_incref(shown->past->gone), out);
	}
	(void)fputs("}\n", out);
	return printed ? 0 : -ENOMEM;
}

int report_write_rules_json(const struct audit_rule *rule, FILE *out)
{
	size_t n = 1;
	const struct audit_rule *rules = rule == NULL ? audit_rules(&n) : rule;
	json_t *list = json_array(), *object = json_pack("{s:o}", "rules", list);
	int r = object == NULL ? -ENOMEM : 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:s}", "rule", rules[i].name,
				  "level", audit_level_name(rules[i].level), "summary",
				  rules[i].summary, "why", rules[i].why, "remedy",
				  rules[i].remedy)) != 0)
			r = -ENOMEM;
	if (r == 0 && json_dumpf(object, out, JSON_INDENT(2)) != 0 && !ferror(out))
		r = -ENOMEM;
	(void)fputc('\n', out);
	json_decref(object);
	return r;
}
