/* SPDX-License-Identifier: MIT */
/*
 * The sources of nsswitch.conf's "subid:" and a login: one that has a range of the user
 * decides, so none is granted; one that fails ends in no.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "libsubid/core/core.h"
#include "libsubid/lines/lines.h"
#include "tools/subid/login.h"

/* Has this module a range of either kind?  0, SUBID_ABSENT, -errno. */
static int ask(const char *source, const char *name)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		auto_free struct subid_owned_range *ranges = NULL;
		size_t n = 0;

		r = subid_source_ranges(source, name, kind, &ranges, &n);
		if (r == 0 && n > 0)
			return 0;
	}
	return r < 0 ? r : SUBID_ABSENT;
}

/* The modules, in order, while they know nothing of the user. */
static int ask_all(struct login *login, const struct subid_sources *sources,
		   const char *name)
{
	int r = SUBID_ABSENT;

	for (size_t i = 0; r == SUBID_ABSENT && i < sources->n; i++) {
		const char *source = sources->names[i];

		if (source[0] == '\0')
			continue; /* looked at before */
		r = ask(source, name);
		if (r == 0)
			login_log(login, LOG_DEBUG, "has a range from libsubid_%s.so",
				  source);
		else if (r < 0)
			login_log(
			    login, LOG_ERR,
			    "no range is granted: " SUBID_SYSCONFDIR
			    "/nsswitch.conf says 'subid: %s', and libsubid_%s.so %s",
			    source, source,
			    r == -ELIBACC ? "cannot be loaded" : "could not tell");
	}
	return r;
}

int login_ask_sources(struct login *login, const struct subid_owner *owner)
{
	auto_free char *name = strndup(owner->spellings[0].text, owner->spellings[0].len);
	struct subid_sources sources;
	bool tables = false;
	int r = name == NULL ? -ENOMEM : subid_sources_read(login->etc, &sources);

	if (r != 0) {
		login_log(login, LOG_ERR, "no range is granted: nsswitch.conf: %s",
			  r < 0 ? strerror(-r) : "'subid:' names no source");
		return r < 0 ? r : -EINVAL;
	}
	for (size_t i = 0; i < sources.n; i++)
		tables |= sources.names[i][0] == '\0';
	if (tables)
		return ask_all(login, &sources, name);
	login_log_source(login, sources.names[0]);
	return 0;
}
