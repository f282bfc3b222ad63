/* SPDX-License-Identifier: MIT */
/*
 * What many lines have in common is one cause: a window that does not have a site's
 * ranges, or a directory that this host does not ask.  It is one finding, with one mend.
 */
#include <errno.h>

#include "libsubid/audit/private.h"

static bool is_outside(const struct audit *audit, enum subid_kind kind, size_t entry)
{
	const struct audit_table *view = &audit->tables[kind];

	return !audit->owners[view->owner[entry]].hold &&
	       !subid_set_contains(&view->reservations.windows,
				   view->table->entries[entry].range);
}

bool audit_many_outside(const struct audit *audit, enum subid_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; n <= AUDIT_MANY && i < audit->tables[kind].table->n; i++)
		n += is_outside(audit, kind, i);
	return n > AUDIT_MANY;
}

void audit_many_add(const struct audit *audit, enum subid_kind kind, size_t entry,
		    struct audit_many *many)
{
	const struct audit_table *view = &audit->tables[kind];
	struct id_range range = view->table->entries[entry].range;

	if (many->n == 0 || many->first > range.start)
		many->first = range.start;
	if (many->n == 0 || many->end < id_range_end(range))
		many->end = id_range_end(range);
	if (many->n++ == 0)
		many->entry = entry;
}

void audit_say_many(struct audit *audit, enum subid_kind kind,
		    const struct audit_many *many, const char *what)
{
	const struct audit_table *view = &audit->tables[kind];
	const struct subid_policy *policy = audit->in->policy;
	const struct subid_window *window = &policy->window[kind];
	uint32_t accounts = kind == SUBID_UID ? policy->uid_max : policy->gid_max;
	const char *upper = kind == SUBID_UID ? "UID" : "GID";
	struct audit_finding finding = {
		.kind = (int)kind,
		.file = subid_kind_table(kind),
		.range = id_range_between(many->first, many->end),
		.count = many->n,
	};

	if (many->n == 0)
		return;
	if (many->first > accounts && many->first < window->min)
		audit_advise_key(audit, &finding, audit_text(audit, "SUB_%s_MIN", upper),
				 many->first);
	if (many->end - 1 > window->max)
		audit_advise_key(audit, &finding, audit_text(audit, "SUB_%s_MAX", upper),
				 many->end - 1);
	audit_add_finding(
	    audit, &finding,
	    audit_text(
		audit,
		"if these ranges are meant, the window is wrong: widen SUB_%s_MIN to"
		" SUB_%s_MAX in %s",
		upper, upper, audit_in_etc(audit, "login.defs")),
	    "%zu lines of %s, the first of them line %zu, have %ss %llu-%llu%s, where the"
	    " window is %u-%u",
	    many->n, finding.file,
	    subid_table_line(view->table, &view->table->entries[many->entry]),
	    subid_kind_name(kind), (unsigned long long)many->first,
	    (unsigned long long)many->end - 1, what, window->min, window->max);
}

void audit_say_many_unknown(struct audit *audit, enum subid_kind kind, size_t entry,
			    size_t n)
{
	struct audit_finding finding = audit_at_entry(audit, kind, entry);
	bool elsewhere = audit->in->users->elsewhere;

	finding.count = n;
	finding.line = 0;
	finding.owner.len = 0;
	finding.range.count = 0;
	audit_add_finding(
	    audit, &finding,
	    elsewhere
		? "see why the sources of nsswitch.conf do not know them; 'getent"
		  " passwd OWNER' asks"
		: "if they are users of a directory, name its source in nsswitch.conf"
		  " (passwd: files sss); if they are gone, 'subid revoke OWNER' takes"
		  " back what each has",
	    "%zu owners of %s have no account, the first in line %zu: whoever gets such a"
	    " name or uid next gets the range and the files under its ids",
	    n, finding.file,
	    subid_table_line(audit->tables[kind].table,
			     &audit->tables[kind].table->entries[entry]));
}

int audit_find_window_beyond(struct audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_window *window = &audit->in->policy->window[kind];
		const char *upper = kind == SUBID_UID ? "UID" : "GID";
		struct audit_finding finding = { .kind = (int)kind,
						 .file = "login.defs" };

		if (!window->beyond)
			continue;
		audit_advise_key(audit, &finding, audit_text(audit, "SUB_%s_MAX", upper),
				 window->max);
		audit_add_finding(audit, &finding, "write the last id that there is",
				  "SUB_%s_MAX in %s is 4294967295, which is no id: it is"
				  " taken as 4294967294",
				  upper, audit_in_etc(audit, "login.defs"));
	}
	return 0;
}
