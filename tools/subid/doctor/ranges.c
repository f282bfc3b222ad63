/* SPDX-License-Identifier: MIT */
/*
 * Checks of the tables and of other sources of ranges.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/subid/doctor/doctor.h"
#include "tools/subid/foreign_library.h"

static const char *ids_of(enum subid_kind kind)
{
	return kind == SUBID_UID ? "uids" : "gids";
}

static const char *file_of(const struct doctor *d, enum subid_kind kind)
{
	return doctor_text("%s/%s", d->cli->etc_name, subid_kind_table(kind));
}

void doctor_table_link(struct doctor *d)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const char *file = subid_kind_table(kind);
		char target[PATH_MAX];
		ssize_t n;

		if (d->table_error[kind] != -ELOOP)
			continue;
		n = readlinkat(d->etc, file, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		doctor_say(
		    d, DOCTOR_FAIL,
		    doctor_text("%s is a symbolic link to %s", file_of(d, kind), target),
		    strncmp(target, "/nix/", 5) == 0
			? "NixOS keeps it in its store; newuidmap and useradd"
			  " refuse a link"
			: "newuidmap, useradd and subid refuse a link: its lock"
			  " and the new file would be elsewhere",
		    doctor_text("sudo cp --remove-destination \"$(readlink -f %s)\""
				" %s",
				file_of(d, kind), file_of(d, kind)));
	}
}

void doctor_table_unreadable(struct doctor *d)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		int r = d->table_error[kind];

		if (r == 0 || r == -ENOENT || r == -ELOOP)
			continue;
		doctor_say(
		    d, DOCTOR_FAIL, doctor_text("%s: %s", file_of(d, kind), strerror(-r)),
		    "every user's programs read it",
		    r == -EACCES ? doctor_text("sudo chmod 644 %s", file_of(d, kind))
				 : NULL);
	}
}

void doctor_source(struct doctor *d)
{
	struct subid_sources sources;
	int r = d->cli->root != NULL ? 0 : subid_sources_read(d->etc, &sources);

	if (r == SUBID_INVALID)
		doctor_say(d, DOCTOR_FAIL,
			   doctor_text("%s/nsswitch.conf: the line 'subid:' names no"
				       " source",
				       d->cli->etc_name),
			   NULL, "subid: files");
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const char *source = d->listing[kind].source;

		r = d->listing_error[kind];
		if (r >= 0 || source[0] == '\0')
			continue;
		doctor_say(
		    d, DOCTOR_FAIL,
		    doctor_text("the source '%s' of %s/nsswitch.conf cannot answer:"
				" %s",
				source, d->cli->etc_name,
				r == -ELIBACC ? doctor_text("no usable"
							    " libsubid_%s.so",
							    source)
					      : strerror(-r)),
		    "ranges come from there, and newuidmap refuses while it fails",
		    doctor_text("repair it (for sss: systemctl status sssd), or"
				" write 'subid: files %s'",
				source));
		return;
	}
}

void doctor_no_range(struct doctor *d)
{
	bool none[SUBID_KINDS];

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		none[kind] =
		    d->listing_error[kind] == 0 && d->listing[kind].n == 0 &&
		    (d->table_error[kind] == 0 || d->table_error[kind] == -ENOENT);
	if (d->owner->has_account && d->owner->uid == 0 && d->runtime != DOCTOR_INCUS &&
	    d->runtime != DOCTOR_LXC)
		return; /* root's containers need none */
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const char *what;

		if (!none[kind])
			continue;
		if (none[SUBID_UID] && none[SUBID_GID])
			what = doctor_text("%s has no range of subordinate ids, in %s or"
					   " subgid",
					   d->name, file_of(d, kind));
		else
			what = doctor_text("%s has a range of %s, but none of %s",
					   d->name, ids_of(!kind), ids_of(kind));
		doctor_say(d, DOCTOR_FAIL, what,
			   "podman says: no subuid ranges found, or: insufficient UIDs or"
			   " GIDs available; LXC: no mapping",
			   d->owner->has_account
			       ? doctor_text("sudo subid grant %s", d->name)
			       : doctor_text("there is no account %s: a login name, and"
					     " then sudo subid grant NAME",
					     d->name));
		return;
	}
}

/* Ids 0 to 65534, the user's own among them. */
#define IMAGE_NEEDS 65534

void doctor_range_small(struct doctor *d)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		uint64_t count = doctor_count(d, kind);

		if (count == 0 || count >= IMAGE_NEEDS)
			continue;
		doctor_say(
		    d, DOCTOR_WARN,
		    doctor_text("%s has %llu %s; images have files of nobody, 65534,"
				" for which there is no room",
				d->name, (unsigned long long)count, ids_of(kind)),
		    "podman says: potentially insufficient UIDs or GIDs available"
		    " in user namespace",
		    doctor_text("sudo subid grant --another --count 65536 %s"
				"   # then, as that user: podman system migrate",
				d->name));
		return;
	}
}

void doctor_line_twice(struct doctor *d)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		for (size_t i = 0; i < d->n_lines[kind]; i++)
			for (size_t j = 0; j < i && i < 1000; j++) {
				struct id_range a = d->lines[kind][j].range;
				struct id_range b = d->lines[kind][i].range;

				if (id_range_end(a) <= b.start ||
				    id_range_end(b) <= a.start)
					continue;
				doctor_say(
				    d, DOCTOR_FAIL,
				    doctor_text("lines %zu and %zu of %s give %s the same"
						" ids",
						d->lines[kind][j].line,
						d->lines[kind][i].line, file_of(d, kind),
						d->name),
				    "podman maps both, and the kernel refuses: newuidmap:"
				    " write to uid_map failed: Invalid argument",
				    doctor_text(
					"sudo subid revoke %s && sudo subid grant"
					" --restore %s   # one line for all of them",
					d->name, d->name));
				return;
			}
}

void doctor_own_id(struct doctor *d)
{
	const uint32_t own[SUBID_KINDS] = { d->owner->uid, d->owner->gid };

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		if (!doctor_holds(d, kind, own[kind]) || own[kind] == 0)
			continue;
		doctor_say(d, DOCTOR_FAIL,
			   doctor_text("the %s %u of %s lies in its own range",
				       subid_kind_name(kind), own[kind], d->name),
			   "it is mapped twice, and the kernel refuses; and a container"
			   " could be this user",
			   doctor_text("sudo subid revoke %s && sudo subid grant %s",
				       d->name, d->name));
		return;
	}
}

static const struct id_range *smallest(const struct doctor *d, enum subid_kind kind)
{
	const struct subid_owned_range *least = d->lines[kind];

	for (size_t i = 1; i < d->n_lines[kind]; i++)
		if (d->lines[kind][i].range.count <= least->range.count)
			least = &d->lines[kind][i];
	return &least->range;
}

void doctor_root_lines(struct doctor *d)
{
	if (d->runtime != DOCTOR_INCUS && strcmp(d->name, "root") != 0) {
		d->said = true; /* nothing: they are no matter of this user's */
		return;
	}
	if (strcmp(d->name, "root") != 0) {
		doctor_say(
		    d, DOCTOR_OK,
		    "Incus and LXD use root's ranges: subid doctor root --for incus",
		    NULL, NULL);
		return;
	}
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct id_range *small = smallest(d, kind);

		if (d->n_lines[kind] < 2)
			continue;
		doctor_say(d, DOCTOR_FAIL,
			   doctor_text("root has %zu lines in %s", d->n_lines[kind],
				       file_of(d, kind)),
			   "Incus and LXD map each of them from 0 on, and the"
			   " kernel refuses overlapping maps",
			   doctor_text("sudo subid revoke root --range %u:%u   # all but"
				       " one, when no container has them",
				       small->start, small->count));
		return;
	}
}

/* --- the library that other programs ask */

void doctor_foreign_library(struct doctor *d)
{
	const char *library;
	int r = d->listing[SUBID_UID].n == 0 ? 0 : foreign_library_ask(d->name, &library);

	if (r < 0)
		doctor_say(
		    d, DOCTOR_UNKNOWN,
		    doctor_text("%s, which podman and buildah ask, did not answer: %s",
				library, strerror(-r)),
		    "what it loads, by nsswitch.conf's line 'subid:', hangs or fails",
		    "subid: files, in /etc/nsswitch.conf");
	if (r != SUBID_ABSENT)
		return;
	doctor_say(d, DOCTOR_FAIL,
		   doctor_text("%s, which podman and buildah ask, finds no range of %s",
			       library, d->name),
		   d->owner->has_account
		       ? "the tables have one: nsswitch.conf's line 'subid:' may"
			 " name another source"
		       : FOREIGN_LIBRARY_NO_ACCOUNT,
		   d->owner->has_account ? "subid: files, in /etc/nsswitch.conf"
					 : doctor_text(FOREIGN_LIBRARY_HELP, d->name));
}
