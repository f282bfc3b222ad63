/* SPDX-License-Identifier: MIT */
/*
 * The rules about login.defs and its windows, and about the source of ranges that
 * nsswitch.conf names.
 */
#include <errno.h>

#include "libsubid/audit/private.h"

#define LOGIN_DEFS "login.defs"
#define NSSWITCH   "nsswitch.conf"

static const char *const upper_names[SUBID_KINDS] = { "UID", "GID" };

static const char *delete_line(struct audit *audit, const char *file, size_t line)
{
	return audit_command(audit, (struct audit_fix){
					.verb = AUDIT_FIX_DELETE,
					.path = audit_in_etc(audit, file),
					.line = line,
				    });
}

int audit_find_unsafe_wrap(struct audit *audit)
{
	const struct subid_policy *policy = audit->in->policy;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_window *window = &policy->window[kind];
		const char *upper = upper_names[kind];
		struct audit_finding finding = { .kind = (int)kind, .file = LOGIN_DEFS };

		if (!window->wrap)
			continue;
		audit_add_fix(audit, &finding,
			      (struct audit_fix){
				  .verb = AUDIT_FIX_DELETE,
				  .path = audit_in_etc(audit, LOGIN_DEFS),
				  .text = audit_text(
				      audit, "UNSAFE_SUB_%s_DETERMINISTIC_WRAP", upper),
			      });
		audit_add_finding(
		    audit, &finding, NULL,
		    "UNSAFE_SUB_%s_DETERMINISTIC_WRAP is yes in %s: after the end of the "
		    "window shadow starts again at its beginning, and two users get the "
		    "same %ss%s",
		    upper, audit_in_etc(audit, LOGIN_DEFS), subid_kind_name(kind),
		    window->deterministic
			? ""
			: audit_text(audit,
				     ", as soon as SUB_%s_DETERMINISTIC is yes too",
				     upper));
	}
	return 0;
}

/* What to write instead; the key says which kind it is about. */
static const char *window_remedy(struct audit *audit, const struct subid_place *fault)
{
	const char *file = audit_in_etc(audit, LOGIN_DEFS);
	const char *upper = strstr(fault->key, "GID") != NULL ? "GID" : "UID";

	if (fault->line != 0)
		return audit_text(audit,
				  "In line %zu of %s write a decimal number after %s, or "
				  "delete the line to get the default: %s",
				  fault->line, file, fault->key,
				  delete_line(audit, LOGIN_DEFS, fault->line));
	return audit_text(audit,
			  "In %s make SUB_%s_MIN at most SUB_%s_MAX, and that at most"
			  " 4294967294; usual are SUB_%s_MIN 100000 and SUB_%s_MAX"
			  " 600100000",
			  file, upper, upper, upper, upper);
}

int audit_find_window_invalid(struct audit *audit)
{
	const struct subid_place *fault = audit->in->policy_fault;

	if (fault == NULL)
		return 0;
	(void)audit_add_finding(
	    audit,
	    &(struct audit_finding){
		.kind = -1, .file = LOGIN_DEFS, .line = fault->line },
	    window_remedy(audit, fault),
	    "%s in %s %s: shadow silently uses its default instead, and "
	    "subid grants nothing until it is corrected",
	    fault->key, audit_in_etc(audit, LOGIN_DEFS), fault->why);
	return 0;
}

int audit_find_window_meets_accounts(struct audit *audit)
{
	const struct subid_policy *policy = audit->in->policy;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_window *window = &policy->window[kind];
		uint32_t min = kind == SUBID_UID ? policy->uid_min : policy->gid_min;
		uint32_t max = kind == SUBID_UID ? policy->uid_max : policy->gid_max;
		const char *upper = upper_names[kind];
		uint32_t first = max < 100000 ? 100000 : max + 1;

		if (window->count == 0 || min > max || window->min > max ||
		    window->max < min)
			continue;
		(void)audit_add_finding(
		    audit,
		    &(struct audit_finding){ .kind = (int)kind, .file = LOGIN_DEFS },
		    max >= UINT32_MAX - 1
			? audit_text(audit, "In %s make %s_MAX smaller than SUB_%s_MIN",
				     audit_in_etc(audit, LOGIN_DEFS), upper, upper)
			: audit_text(
			      audit, "In %s write: SUB_%s_MIN %u%s",
			      audit_in_etc(audit, LOGIN_DEFS), upper, first,
			      window->max < first
				  ? audit_text(audit, " and a greater SUB_%s_MAX", upper)
				  : ""),
		    "SUB_%s_MIN to SUB_%s_MAX (%u-%u) meets %s_MIN to %s_MAX (%u-%u) in"
		    " %s: the next %s may get an id that somebody can map",
		    upper, upper, window->min, window->max, upper, upper, min, max,
		    audit_in_etc(audit, LOGIN_DEFS),
		    kind == SUBID_UID ? "account" : "group");
	}
	return 0;
}

static struct audit_finding at_source(const struct audit_host *host)
{
	return (struct audit_finding){
		.kind = -1,
		.file = NSSWITCH,
		.line = host->source.line,
	};
}

int audit_find_source_open(struct audit *audit)
{
	const struct audit_host *host = audit->in->host;
	struct audit_finding finding;
	const char *file;

	if (host == NULL || (!host->source_invalid && host->source_error == 0))
		return 0;
	finding = at_source(host);
	file = audit_in_etc(audit, NSSWITCH);
	if (host->source_invalid)
		(void)audit_add_finding(
		    audit, &finding,
		    audit_text(audit,
			       "Write the name of the source after"
			       " \"subid:\", or delete the line: %s",
			       delete_line(audit, NSSWITCH, host->source.line)),
		    "The first word after \"subid:\" in %s names no source:"
		    " shadow's tools fall back to the files, newuidmap and newgidmap of "
		    "subid refuse every map",
		    file);
	else
		(void)audit_add_finding(
		    audit, &finding,
		    audit_text(
			audit,
			"Install libsubid_%s.so where the dynamic linker finds it, or"
			" delete the line to use the files alone: %s",
			host->source.name,
			delete_line(audit, NSSWITCH, host->source.line)),
		    "%s says that ranges come from %s, but libsubid_%s.so %s: shadow's"
		    " tools fall back to the files, whose ranges the source may have "
		    "granted to others",
		    file, host->source.name, host->source.name,
		    host->source_error != SUBID_INVALID
			? "cannot be loaded"
			: audit_text(audit, "has no function %s%s", host->source_missing,
				     strcmp(host->source_missing, "shadow_subid_free") ==
					     0
					 ? ", which shadow requires from 4.16 on"
					 : ""));
	return 0;
}

int audit_find_source_second_word(struct audit *audit)
{
	const struct audit_host *host = audit->in->host;
	struct audit_finding finding;
	const char *first;

	if (host == NULL || host->source.second[0] == '\0')
		return 0;
	finding = at_source(host);
	first = host->source_invalid	       ? "the first word"
		: host->source.name[0] == '\0' ? "files"
					       : host->source.name;
	(void)audit_add_finding(
	    audit, &finding,
	    audit_text(audit,
		       "In line %zu of %s keep after \"subid:\" the one word that is "
		       "meant, %s or %s",
		       host->source.line, audit_in_etc(audit, NSSWITCH), first,
		       host->source.second),
	    "Only %s counts in the line \"subid:\" of %s: %s after it is never used by"
	    " shadow's tools, while those of subid ask one after the other",
	    first, audit_in_etc(audit, NSSWITCH), host->source.second);
	return 0;
}

int audit_find_source_and_files(struct audit *audit)
{
	const struct audit_host *host = audit->in->host;

	if (host == NULL || host->source.name[0] == '\0')
		return 0;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const char *table = audit_in_etc(audit, subid_kind_table(kind));
		size_t n = audit_count_grants(audit, kind);

		if (n == 0)
			continue;
		(void)audit_add_finding(
		    audit,
		    &(struct audit_finding){ .kind = (int)kind,
					     .file = subid_kind_table(kind) },
		    audit_text(
			audit,
			"If %s has granted everybody a range, revoke those in the file: "
			"subid list, then subid revoke OWNER for each; if the"
			" files are meant: %s",
			host->source.name,
			delete_line(audit, NSSWITCH, host->source.line)),
		    "%zu %s of %s %s ids, while ranges come from %s (line %zu of %s):"
		    " newuidmap and newgidmap do not read the file for owners"
		    " that it knows, but other programs do, and the same ids may be "
		    "somebody else's in %s",
		    n, n == 1 ? "line" : "lines", table, n == 1 ? "gives" : "give",
		    host->source.name, host->source.line, audit_in_etc(audit, NSSWITCH),
		    host->source.name);
	}
	return 0;
}
