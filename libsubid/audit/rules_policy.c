/* SPDX-License-Identifier: MIT */
/*
 * The rules about login.defs and its windows, and about the source of ranges that
 * nsswitch.conf names.
 */
#include <errno.h>

#include "libsubid/audit/private.h"

#define LOGIN_DEFS "login.defs"
#define NSSWITCH   "nsswitch.conf"
#define MAX_USUAL  600100000 /* SUB_UID_MAX and SUB_GID_MAX */

static const char *const upper_names[SUBID_KINDS] = { "UID", "GID" };

/* All lines of a file that begin so. */
static void advise_deletion(struct audit *audit, struct audit_finding *finding,
			    const char *file, const char *begin)
{
	audit_advise(audit, finding,
		     (struct audit_fix){ .verb = AUDIT_FIX_DELETE,
					 .path = audit_in_etc(audit, file),
					 .text = begin });
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
static const char *window_remedy(struct audit *audit, struct audit_finding *finding,
				 const struct subid_place *fault)
{
	const char *upper = strstr(fault->key, "GID") != NULL ? "GID" : "UID";

	if (fault->line != 0) {
		audit_advise_run(audit, finding, "sed -i '%zu{/%s/d}' %s", fault->line,
				 fault->key,
				 audit_quoted(audit, audit_in_etc(audit, LOGIN_DEFS)));
		return audit_text(audit,
				  "write a decimal number after %s, or delete the line to"
				  " get the default",
				  fault->key);
	}
	advise_deletion(audit, finding, LOGIN_DEFS,
			audit_text(audit, "SUB_%s_M[AI][XN]", upper));
	return audit_text(
	    audit,
	    "make SUB_%s_MIN at most SUB_%s_MAX, and that at most 4294967294;"
	    " or delete both, to get 100000 and 600100000",
	    upper, upper);
}

int audit_find_window_invalid(struct audit *audit)
{
	const struct subid_place *fault = audit->in->policy_fault;
	struct audit_finding finding = { .kind = -1, .file = LOGIN_DEFS };

	if (fault == NULL)
		return 0;
	finding.line = fault->line;
	audit_add_finding(audit, &finding, window_remedy(audit, &finding, fault),
			  "%s in %s %s: shadow silently uses its default instead, and "
			  "subid grants nothing until it is corrected",
			  fault->key, audit_in_etc(audit, LOGIN_DEFS), fault->why);
	return 0;
}

/* A window behind the ids of accounts; or if they are nearly all, accounts before it. */
static void advise_behind(struct audit *audit, struct audit_finding *finding,
			  const struct subid_window *window, uint32_t max, uint32_t first)
{
	const char *upper = upper_names[finding->kind];

	if (max >= UINT32_MAX - 1 - window->count) {
		audit_advise_key(audit, finding, audit_text(audit, "%s_MAX", upper),
				 window->min - 1);
		return;
	}
	audit_advise_key(audit, finding, audit_text(audit, "SUB_%s_MIN", upper), first);
	if (window->max < first)
		audit_advise_key(audit, finding, audit_text(audit, "SUB_%s_MAX", upper),
				 first < MAX_USUAL ? MAX_USUAL : UINT32_MAX - 1);
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
		struct audit_finding finding = { .kind = (int)kind, .file = LOGIN_DEFS };

		if (window->count == 0 || min > max || window->min > max ||
		    window->max < min)
			continue;
		advise_behind(audit, &finding, window, max, first);
		audit_add_finding(
		    audit, &finding,
		    "let the window begin behind the ids of accounts, or these end before"
		    " it",
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
	advise_deletion(audit, &finding, NSSWITCH, "subid:");
	if (host->source_invalid)
		(void)audit_add_finding(
		    audit, &finding,
		    "write the name of the source after \"subid:\", or delete the line",
		    "The first word after \"subid:\" in %s names no source:"
		    " shadow's tools fall back to the files, newuidmap and newgidmap of "
		    "subid refuse every map",
		    file);
	else
		(void)audit_add_finding(
		    audit, &finding,
		    audit_text(
			audit,
			"install libsubid_%s.so where the dynamic linker finds it, or"
			" delete the line to use the files alone",
			host->source.name),
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
	audit_advise_run(
	    audit, &finding,
	    "sed -i 's/^\\([[:space:]]*subid:[[:space:]]*[^[:space:]]*\\).*/\\1/'"
	    " %s",
	    audit_quoted(audit, audit_in_etc(audit, NSSWITCH)));
	audit_add_finding(
	    audit, &finding,
	    audit_text(audit,
		       "keep the one word that is meant, %s or %s; the command keeps the"
		       " first",
		       first, host->source.second),
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
		struct audit_finding finding = { .kind = (int)kind,
						 .file = subid_kind_table(kind) };

		if (n == 0)
			continue;
		advise_deletion(audit, &finding, NSSWITCH, "subid:");
		audit_add_finding(
		    audit, &finding,
		    audit_text(audit,
			       "if %s has granted everybody a range, revoke those in the"
			       " file, which 'subid list' names; if the files are meant, "
			       "delete the line",
			       host->source.name),
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
