/* SPDX-License-Identifier: MIT */
/*
 * What the site's policy means for one owner.  Pure: whether the owner is in a
 * group is the caller's to answer.
 */
#pragma once

#include "conf.h"
#include "users.h"

#ifdef __cplusplus
extern "C" {
#endif

enum subid_verdict {
	SUBID_VERDICT_GIVE,  /* ranges, also unasked: at login, grant --all */
	SUBID_VERDICT_NONE,  /* nothing unasked; root may give some by name */
	SUBID_VERDICT_NEVER, /* nothing, whoever asks */
};

/* Who it is about. */
struct subid_candidate {
	const struct subid_owner *owner;
	/* 0: one of the owner's names is in the group, or it is its primary one;
	 * > 0: not; -errno: could not be found out */
	int (*in_group)(void *data, const struct subid_owner *owner, const char *group);
	void *data;
};

struct subid_decision {
	enum subid_verdict verdict;
	const struct subid_conf_rule *rule; /* conf's; NULL: none fits */
	/* what a range for this owner would follow, whatever the verdict: login.defs'
	 * with the rule's count and window in their places */
	struct subid_window window[SUBID_KINDS];
};

/*
 * The first rule that fits decides.  A rule for users fits by any name of the
 * owner's uid, so that another name is no way around it.  If none fits: nothing if
 * the policy gives to somebody by rule; else people are given ranges, with uids
 * from UID_MIN to UID_MAX of login.defs, and nobody else.
 *
 * A rule's window switches SUB_*_DETERMINISTIC off, whose places lie in login.defs'.
 * Returns 0, or what in_group failed with: then nothing should be given.
 */
int subid_conf_decide(const struct subid_conf *conf, const struct subid_policy *policy,
		      const struct subid_candidate *candidate,
		      struct subid_decision *ret);

#ifdef __cplusplus
}
#endif
