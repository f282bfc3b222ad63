/* SPDX-License-Identifier: MIT */
/*
 * What a shift has found and done, for people and as JSON (share/shift.schema.json).
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tools/subid/shift.h"

#define SHOWN 20

static json_t *json_ids(const struct shift_side *side)
{
	json_t *object = json_object();

	if (side->text == NULL) {
		json_decref(object);
		return json_null();
	}
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_set *set = &side->ids.of[kind];
		json_t *list = json_array();

		for (size_t i = 0; i < set->n; i++)
			(void)json_array_append_new(
			    list, json_pack("{s:I, s:I}", "start",
					    (json_int_t)set->ranges[i].start, "count",
					    (json_int_t)set->ranges[i].count));
		(void)json_object_set_new(object, subid_kind_name(kind), list);
	}
	return object;
}

static json_t *json_found(const struct storage_report *report)
{
	json_t *object = json_object();

	for (enum storage_what what = 0; what < STORAGE_WHATS; what++)
		(void)json_object_set_new(object, storage_what_name(what),
					  json_integer((json_int_t)report->found[what]));
	return object;
}

static json_t *json_findings(const struct storage_report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->n; i++) {
		const struct storage_finding *finding = &report->list[i];

		(void)json_array_append_new(
		    list, json_pack("{s:o, s:s, s:o}", "path",
				    cli_json_name(finding->path, strlen(finding->path)),
				    "what", storage_what_name(finding->what), "id",
				    finding->id == SUBID_ID_NONE
					? json_null()
					: json_integer((json_int_t)finding->id)));
	}
	return list;
}

static int print_json(const struct shift *shift, const struct storage_report *report,
		      int status)
{
	static const char *const actions[] = { "shift", "count", "verify" };

	return cli_print_json(
	    json_pack("{s:o, s:s, s:b, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
		      "tree", cli_json_name(shift->tree, strlen(shift->tree)), "action",
		      actions[shift->action], "done", status == EXIT_DONE, "from",
		      json_ids(&shift->from), "to", json_ids(&shift->to), "entries",
		      (json_int_t)report->entries, "shifted", (json_int_t)report->shifted,
		      "already", (json_int_t)report->already, "finished",
		      (json_int_t)report->finished, "privileged",
		      (json_int_t)report->privileged, "acls", (json_int_t)report->acls,
		      "found", json_found(report), "findings", json_findings(report)));
}

/* What is left alone by the user's wish, or was to be seen only, is no complaint. */
static bool is_shown(const struct shift *shift, enum storage_what what)
{
	if (shift->action == SHIFT_VERIFY)
		return what != STORAGE_ACL_TWICE;
	if (what <= STORAGE_CAPABILITY)
		return (shift->flags & STORAGE_LEAVE) == 0;
	if (what == STORAGE_LINKED)
		return (shift->flags & STORAGE_LINKED_TOO) == 0;
	return what != STORAGE_UNFINISHED;
}

static void complain_of(const struct shift *shift, const struct storage_finding *finding)
{
	const char *text = storage_what_text(finding->what);
	bool inside = strcmp(finding->path, ".") == 0;
	const char *slash = inside ? "" : "/", *path = inside ? "" : finding->path;

	if (finding->id == SUBID_ID_NONE)
		(void)cli_complain(0, "%s%s%s: %s", shift->tree, slash, path, text);
	else
		(void)cli_complain(0, "%s%s%s: %s %u is %s %s", shift->tree, slash, path,
				   text, finding->id,
				   shift->action == SHIFT_VERIFY ? "still of"
								 : "outside of",
				   shift->from.text);
}

/* The first of them.  How many there are. */
static uint64_t complain_of_all(const struct shift *shift,
				const struct storage_report *report)
{
	uint64_t all = 0, shown = 0;

	for (enum storage_what what = 0; what < STORAGE_WHATS; what++)
		all += is_shown(shift, what) ? report->found[what] : 0;
	for (size_t i = 0; i < report->n && shown < SHOWN; i++) {
		if (!is_shown(shift, report->list[i].what))
			continue;
		complain_of(shift, &report->list[i]);
		shown++;
	}
	if (all > shown)
		(void)cli_complain(0, "%s: and %" PRIu64 " more", shift->tree,
				   all - shown);
	return all;
}

static uint64_t ids_found(const struct storage_report *report)
{
	uint64_t n = 0;

	for (enum storage_what what = 0; what <= STORAGE_CAPABILITY; what++)
		n += report->found[what];
	return n;
}

static void print_verified(const struct shift *shift, const struct storage_report *report,
			   int status)
{
	(void)printf("%" PRIu64 " entries", report->entries);
	if (status == EXIT_DONE)
		(void)printf(": nothing is left of %s", shift->from.text);
	else
		(void)printf(": %" PRIu64 " ids are left of %s", ids_found(report),
			     shift->from.text);
}

static void print_shifted(const struct shift *shift, const struct storage_report *report)
{
	(void)printf("%" PRIu64 " entries: %" PRIu64 " %s", report->entries,
		     report->shifted,
		     shift->action == SHIFT_DO ? "shifted" : "to be shifted");
	if (report->privileged > 0)
		(void)printf(", %" PRIu64 " of them setuid, setgid or with capabilities",
			     report->privileged);
	if (report->already > 0)
		(void)printf("; %" PRIu64 " had been", report->already);
	if (report->finished > 0)
		(void)printf("; finished %" PRIu64 " that an earlier run had begun",
			     report->finished);
	if ((shift->flags & STORAGE_LEAVE) != 0 && ids_found(report) > 0)
		(void)printf("; %" PRIu64 " other ids left as they are",
			     ids_found(report));
}

static int advise(const struct shift *shift, const struct storage_report *report,
		  int status)
{
	const char *what = report->begun
			       ? "these were put there meanwhile, and are as they were"
			       : "nothing was changed";

	if (shift->action == SHIFT_VERIFY)
		return status;
	if (ids_found(report) > 0 && (shift->flags & STORAGE_LEAVE) == 0)
		return cli_complain(
		    status, "%s: %s: --leave shifts all else, and leaves such ids",
		    shift->tree, what);
	if (report->found[STORAGE_LINKED] > 0 && (shift->flags & STORAGE_LINKED_TOO) == 0)
		return cli_complain(status,
				    "%s: %s: --force shifts files with other names, too",
				    shift->tree, what);
	return cli_complain(status, "%s: %s", shift->tree, what);
}

int shift_print(const struct shift *shift, const struct storage_report *report,
		int status)
{
	int printed = EXIT_DONE;

	if (shift->cli->json && !shift->cli->quiet)
		printed = print_json(shift, report, status);
	if (!shift->cli->quiet || status != EXIT_DONE)
		(void)complain_of_all(shift, report);
	if (!shift->cli->json && !shift->cli->quiet &&
	    (status == EXIT_DONE || shift->action != SHIFT_DO)) {
		cli_print_safe(stdout, shift->tree, strlen(shift->tree));
		(void)printf(": ");
		if (shift->action == SHIFT_VERIFY)
			print_verified(shift, report, status);
		else
			print_shifted(shift, report);
		(void)printf("\n");
		printed = cli_finish_output();
	}
	if (status != EXIT_DONE)
		(void)advise(shift, report, status);
	return printed == EXIT_DONE ? status : printed;
}
