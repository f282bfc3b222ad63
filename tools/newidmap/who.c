/* SPDX-License-Identifier: MIT */
/*
 * Who calls, and which ids he holds: by the table, or by a module that nsswitch.conf
 * names.  What cannot be read ends the call, rule 4 of newidmap.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/newidmap/private.h"

/* Who calls?  The one question to the name service. */
int find_caller(struct call *call)
{
	int r = subid_users_open(call->etc, true, &call->users);

	if (r == 0)
		r = subid_owner_of_uid(call->users, call->uid, &call->caller);
	if (r == 0)
		return 0;
	if (r > 0)
		return fail(call->kind,
			    "Cannot determine your user name: no account has uid %u",
			    call->uid);
	return fail(call->kind, "Cannot determine your user name: %s", strerror(-r));
}

static int cannot_read(const struct call *call, const char *what, int error)
{
	return fail(call->kind, "cannot read %s/%s: %s", SUBID_SYSCONFDIR, what,
		    error == ELOOP ? "it is a symbolic link, which is not followed"
				   : strerror(error));
}

/* What a module that nsswitch.conf names gives.  Rule 4: no falling back. */
static int ask_source(struct call *call)
{
	const struct subid_owner_name *name = &call->caller.spellings[0];
	auto_free char *owner = strndup(name->text, name->len);
	int r = owner == NULL
		    ? -ENOMEM
		    : subid_source_ranges(call->source, owner, call->kind->table,
					  &call->holdings, &call->n_holdings);

	if (r == 0)
		return 0;
	return fail(call->kind,
		    "%s/nsswitch.conf says 'subid: %s', and libsubid_%s.so %s",
		    SUBID_SYSCONFDIR, call->source, call->source,
		    r == -ELIBACC ? "cannot be loaded" : "could not tell");
}

/* What the caller's lines in the table give. */
static int read_table(struct call *call)
{
	const char *table = subid_kind_table(call->kind->table);
	int r = subid_text_read(call->etc, table, false, &call->table);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = subid_owned_ranges(&call->table, call->caller.spellings,
				       call->caller.n, &call->holdings,
				       &call->n_holdings);
	return r < 0 ? cannot_read(call, table, -r) : 0;
}

int read_holdings(struct call *call)
{
	int r = subid_source_read(call->etc, call->source);

	if (r < 0)
		return cannot_read(call, "nsswitch.conf", -r);
	if (r > 0)
		return fail(call->kind, "%s/nsswitch.conf: 'subid:' names no source",
			    SUBID_SYSCONFDIR);
	r = call->source[0] == '\0' ? read_table(call) : ask_source(call);
	if (r != 0)
		return r;
	for (size_t i = 0; i < call->n_holdings; i++)
		if (subid_set_add(&call->held, call->holdings[i].range) < 0)
			return fail(call->kind, "%s", strerror(ENOMEM));
	subid_set_sort(&call->held);
	return 0;
}
