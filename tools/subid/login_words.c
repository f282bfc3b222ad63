/* SPDX-License-Identifier: MIT */
/*
 * What a user who logs in is told when there are no ids: why, and whom to ask.
 *
 * Threat: whoever logs in may not read the policy or the log, and can choose what is in
 * some names there.  So no text of theirs is repeated but the reason that the policy
 * gives, which is written for users.
 */
#include <errno.h>

#include "tools/subid/login.h"

static const char *cause_of(int r)
{
	switch (r) {
	case SUBID_BUSY:
	case -EAGAIN:
	case -ESTALE:
		return "others are changing the tables: try again later";
	case SUBID_FULL:
		return "no ids are left on this host";
	case SUBID_TAKEN:
		return "somebody else has the ids that would be yours";
	case 0:
	case SUBID_OFF:
	case SUBID_FORBIDDEN:
		return "the policy of this host grants you none";
	case -ENOSPC:
	case -EDQUOT:
		return "a file system of this host is full";
	case -EROFS:
		return "a file system of this host is read-only";
	case -EPERM:
		return "the service of this login is restricted, which is in the log of"
		       " this host";
	case -ETIMEDOUT:
		return "the directory does not answer";
	default:
		return "an error, which is in the log of this host";
	}
}

void login_tell_denied(struct login *login, int r)
{
	const char *group = login->options.required_for;
	bool reason = login->reason[0] != '\0';

	login_tell(login, "warn",
		   "You have no subordinate ids, which %s need: %s%s%s%s. Ask the"
		   " administrator of this host.",
		   group != NULL ? group : "containers", cause_of(r), reason ? " (" : "",
		   login->reason, reason ? ")" : "");
}
