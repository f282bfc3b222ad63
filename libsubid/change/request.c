/* SPDX-License-Identifier: MIT */
/*
 * A grant as it is asked for: to whom it may be given, and if it is refused, why, and
 * what can be done about it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

/* One refused grant, with what policy says about the owner. */
struct refusal {
	const struct subid_txn *txn;
	const char *name;
	const struct grant_request *request;
	const struct subid_decision *decision;
	struct subid_error *err;
	/* what gives the window: a file, and perhaps a line */
	char source[ERROR_FILE_SIZE + 24];
};

/* Where count and window of the owner come from, "login.defs" or a rule. */
static void find_source(struct refusal *refusal)
{
	const struct subid_conf_rule *rule = refusal->decision->rule;
	char file[ERROR_FILE_SIZE];

	if (rule == NULL || (rule->count == 0 && rule->window.count == 0)) {
		(void)snprintf(refusal->source, sizeof(refusal->source), "%s/login.defs",
			       refusal->txn->sys->etc_name);
		return;
	}
	error_conf_file(refusal->txn->sys->etc_name, rule->file, file, sizeof(file));
	(void)snprintf(refusal->source, sizeof(refusal->source), "%s:%zu", file,
		       rule->line);
}

/* "SUB_UID_MIN 100000 to SUB_UID_MAX 600100000", or the window of a rule. */
static void print_window(const struct refusal *refusal, enum subid_kind kind, char *buf,
			 size_t size)
{
	const struct subid_window *window = &refusal->decision->window[kind];
	const struct subid_conf_rule *rule = refusal->decision->rule;
	const char *id = kind == SUBID_UID ? "UID" : "GID";

	if (rule != NULL && rule->window.count > 0)
		(void)snprintf(buf, size, "window %u-%u", window->min, window->max);
	else
		(void)snprintf(buf, size, "SUB_%s_MIN %u to SUB_%s_MAX %u", id,
			       window->min, id, window->max);
}

/* Why this kind has no room, if it has none. */
static void explain_window(const struct refusal *refusal, enum subid_kind kind)
{
	const struct subid_window *window = &refusal->decision->window[kind];
	struct id_range all = subid_window_range(window);
	uint32_t asked = refusal->request->count;
	uint32_t count = asked > 0 ? asked : window->count;
	char bounds[80];

	print_window(refusal, kind, bounds, sizeof(bounds));
	if (count <= subid_txn_largest_gap(refusal->txn, kind, all)) {
		if (left_in_way(refusal->txn, kind, all, count))
			left_explain(refusal->txn, refusal->name, refusal->request, kind,
				     bounds, refusal->err);
		else
			align_explain(refusal->name, count, kind, bounds,
				      align_of(refusal->request), refusal->err);
		return;
	}
	room_explain(refusal->txn, refusal->name, kind, all, count, bounds,
		     refusal->source, refusal->err);
}

/* Would no SUB_*_MAX be large enough? */
static bool is_beyond_all(const struct subid_window *window, uint32_t uid_min,
			  uint32_t uid)
{
	return uid >= uid_min &&
	       window->min + ((uint64_t)(uid - uid_min) + 1) * window->count >
		   ID_COUNT_MAX;
}

static int explain_full(const struct refusal *refusal)
{
	const struct subid_policy *policy = &refusal->txn->policy;
	const struct subid_owner *owner = refusal->request->owner;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_window *window = &refusal->decision->window[kind];
		const char *id = kind == SUBID_UID ? "UID" : "GID";
		struct id_range place;

		if ((refusal->request->kinds & (1U << kind)) == 0)
			continue;
		if (!window->deterministic)
			explain_window(refusal, kind);
		else if (subid_policy_place(policy, kind, owner->uid, &place) ==
			     SUBID_FULL &&
			 is_beyond_all(window, policy->uid_min, owner->uid))
			error_detail(
			    refusal->err,
			    "%s: SUB_%s_DETERMINISTIC puts the place of uid %u"
			    " beyond the last id that there is: it cannot be; use"
			    " --range, or a smaller SUB_%s_COUNT for all in"
			    " %s/login.defs",
			    refusal->name, id, owner->uid, id,
			    refusal->txn->sys->etc_name);
		else if (subid_policy_place(policy, kind, owner->uid, &place) ==
			 SUBID_FULL)
			error_detail(refusal->err,
				     "%s: SUB_%s_DETERMINISTIC puts the place of uid %u"
				     " behind SUB_%s_MAX %u: raise that in %s/login.defs,"
				     " or use --range",
				     refusal->name, id, owner->uid, id, window->max,
				     refusal->txn->sys->etc_name);
		else
			align_explain(refusal->name, window->count, kind, "its place",
				      refusal->request->align, refusal->err);
	}
	return error_code(refusal->err, SUBID_FULL);
}

/* The kind whose place is computed, if one is. */
static enum subid_kind computed_kind(const struct refusal *refusal)
{
	if ((refusal->request->kinds & (1U << SUBID_UID)) != 0 &&
	    refusal->decision->window[SUBID_UID].deterministic)
		return SUBID_UID;
	return SUBID_GID;
}

static int explain_off(const struct refusal *refusal)
{
	const struct subid_policy *policy = &refusal->txn->policy;
	const struct subid_owner *owner = refusal->request->owner;
	const char *etc = refusal->txn->sys->etc_name, *name = refusal->name;
	enum subid_kind kind = computed_kind(refusal);
	const struct subid_window *window = &refusal->decision->window[kind];
	const char *id = kind == SUBID_UID ? "UID" : "GID";

	if (!window->deterministic || window->count == 0)
		return error_plain(
		    refusal->err, SUBID_OFF,
		    "%s: %s/login.defs gives none: SUB_UID_COUNT or"
		    " SUB_GID_COUNT is 0 (--count gives some all the same)",
		    name, etc);
	if (!owner->has_account)
		return error_plain(
		    refusal->err, SUBID_OFF,
		    "%s: SUB_%s_DETERMINISTIC in %s/login.defs computes the"
		    " place from the uid, and there is none (use --range)",
		    name, id, etc);
	if (owner->uid < policy->uid_min)
		return error_plain(
		    refusal->err, SUBID_OFF,
		    "%s: uid %u is below UID_MIN %u, where"
		    " SUB_%s_DETERMINISTIC in %s/login.defs has no place for"
		    " it (use --range)",
		    name, owner->uid, policy->uid_min, id, etc);
	return error_plain(refusal->err, SUBID_OFF,
			   "%s: SUB_%s_DETERMINISTIC in %s/login.defs fixes the count to"
			   " SUB_%s_COUNT %u (use --range for another)",
			   name, id, etc, id, policy->window[kind].count);
}

static int explain_rule(const struct refusal *refusal)
{
	const struct subid_conf_rule *rule = refusal->decision->rule;
	char file[ERROR_FILE_SIZE];

	if (rule == NULL)
		return error_plain(refusal->err, SUBID_FORBIDDEN, "%s: never given ids",
				   refusal->name);
	error_conf_file(refusal->txn->sys->etc_name, rule->file, file, sizeof(file));
	return error_plain(refusal->err, SUBID_FORBIDDEN,
			   "%s: never given ids, by %s:%zu%s%s (see 'subid"
			   " policy explain')",
			   refusal->name, file, rule->line,
			   rule->reason[0] == '\0' ? "" : ": ", rule->reason);
}

static int explain_owner(const char *name, const struct subid_owner *owner,
			 struct subid_error *err)
{
	char uid[sizeof("4294967295")];

	if (strlen(name) > SUBID_LINE_OWNER_MAX)
		return error_plain(err, SUBID_INVALID,
				   "%.32s...: the name is too long: newuidmap of shadow"
				   " passes over lines of more than %d bytes",
				   name, SUBID_LINE_MAX);
	(void)snprintf(uid, sizeof(uid), "%u", owner->uid);
	if (owner->has_account || strspn(name, "0123456789") == strlen(name))
		return error_plain(err, SUBID_INVALID,
				   "%s: %s is also the login name of an account with"
				   " another uid, to which some programs would give the"
				   " lines: rename that (usermod -l)",
				   name, owner->has_account ? uid : name);
	return error_plain(err, SUBID_INVALID,
			   "%s: has no account, and begins with a digit: some programs"
			   " would take the lines for those of the uid before it",
			   name);
}

int grant_refused(struct subid_txn *txn, const char *name,
		  const struct grant_request *request, int answer,
		  struct subid_error *err)
{
	struct subid_decision decision;
	struct refusal refusal = {
		.txn = txn,
		.name = name,
		.request = request,
		.decision = &decision,
		.err = err,
	};
	int r;

	if (answer == SUBID_INVALID)
		return explain_owner(name, request->owner, err);
	r = subid_txn_decide(txn, request->owner, &decision);
	if (r < 0)
		return error_errno(err, name, r);
	find_source(&refusal);
	if (answer == SUBID_FORBIDDEN)
		return explain_rule(&refusal);
	return answer == SUBID_FULL ? explain_full(&refusal) : explain_off(&refusal);
}

/* --- the grant --------------------------------------------------------------------- */

#define ALL_FLAGS                                                                        \
	(SUBID_ANOTHER | SUBID_UNKNOWN_OWNER | SUBID_UNASKED | SUBID_OWN | SUBID_FORCE | \
	 SUBID_REUSE | SUBID_REUSE_LEFT | SUBID_PREPARE | SUBID_ALIGN)

int request_check(const struct subid_request *request, struct subid_error *err)
{
	error_clear(err);
	if (request->size < sizeof(*request))
		return error_plain(err, -EINVAL, "the request's size is not set");
	if (request->owner == NULL)
		return error_plain(err, -EINVAL, "the request names no owner");
	/* what is not understood may have been meant to forbid something */
	if ((request->flags & ~ALL_FLAGS) != 0 ||
	    (request->kinds & ~SUBID_BOTH_KINDS) != 0)
		return error_plain(err, -EINVAL,
				   "%s: the request has flags or kinds that this version"
				   " of the library does not know",
				   request->owner);
	return 0;
}

/* A number that is nobody's uid, but a login name: "70001234" of the uid 87117. */
static bool is_login_of_digits(const struct subid_txn *txn, const char *name,
			       uint32_t *ret_uid)
{
	struct subid_account account;

	if (strspn(name, "0123456789") != strlen(name) || txn->users == NULL ||
	    !subid_users_by_name(txn->users, name, strlen(name), &account))
		return false;
	*ret_uid = account.uid;
	return true;
}

int request_find_owner(struct subid_txn *txn, const struct subid_request *request,
		       struct subid_owner *ret, struct subid_error *err)
{
	const char *name = request->owner;
	const struct subid_special_owner *special =
	    subid_special_owner(name, strlen(name));
	uint32_t uid;
	int r = known_owner(txn, name, ret);

	if (subid_owner_is_hold(name, strlen(name)))
		return error_plain(err, SUBID_INVALID,
				   "%s: holds ids for nobody: 'subid hold' does that",
				   name);
	if (r == SUBID_INVALID)
		return error_plain(
		    err, r,
		    "%s: no owner can be called so: not empty, no ':', no '#'"
		    " at the start, no control characters, no blank"
		    " at the ends",
		    name);
	if (r < 0)
		return error_plain(err, r, "%s: cannot be looked up: %s", name,
				   strerror(-r));
	if (r == SUBID_UNKNOWN && is_login_of_digits(txn, name, &uid))
		return error_plain(err, r,
				   "%s: no account has this uid; the account of that name"
				   " has uid %u, and ids are granted to it as %u, since a"
				   " number in a table is a uid",
				   name, uid, uid);
	if (r == SUBID_UNKNOWN && !request_has(request, SUBID_UNKNOWN_OWNER) &&
	    (special == NULL || !special->needs_no_account))
		return error_plain(
		    err, r,
		    "%s: no such account (--force-unknown gives a range all"
		    " the same)",
		    name);
	return 0;
}

/* SUBID_UNASKED: only who is given ids without asking. */
static int check_unasked(struct subid_txn *txn, const struct subid_owner *owner,
			 const struct subid_request *request, struct subid_error *err)
{
	struct subid_decision decision;
	int r = subid_txn_decide(txn, owner, &decision);

	if (r < 0)
		return error_errno(err, request->owner, r);
	if (decision.verdict == SUBID_VERDICT_GIVE)
		return 0;
	return error_plain(err, SUBID_FORBIDDEN,
			   "%s: the policy gives no ids to this owner unasked",
			   request->owner);
}

/* Ends a grant that was refused. */
static int explain_refusal(struct subid_txn *txn, const struct subid_request *request,
			   const struct grant_request *asked, int answer,
			   const struct subid_changes *changes, struct subid_error *err)
{
	int r = answer;

	if (answer < 0)
		return error_errno(err, request->owner, answer);
	(void)txn_unlock(txn); /* names are looked up */
	rests_read(txn);
	if (answer != SUBID_TAKEN)
		return grant_refused(txn, request->owner, asked, answer, err);
	for (size_t i = 0; r == SUBID_TAKEN && i < changes->n; i++)
		r = taken_explain(txn, request->owner, changes->list[i], err);
	return r;
}

/* What others are asked for the owner, whose answers are kept. */
static int prepare(struct subid_txn *txn, const struct subid_request *request,
		   struct subid_error *err)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	struct subid_decision decision;

	if ((!txn->users->nss && !txn->users->nss_groups) || txn->lock != NULL)
		return 0;
	if (subid_users_index(txn->users) < 0)
		return error_memory(err);
	/* who cannot be looked up is refused when it is asked for */
	if (known_owner(txn, request->owner, &owner) == 0 &&
	    subid_txn_decide(txn, &owner, &decision) == -ENOMEM)
		return error_memory(err);
	return 0;
}

/* The locks, and the owner once more if the accounts have been changed meanwhile. */
static int lock_for(struct subid_txn *txn, const struct subid_request *request,
		    struct subid_owner *owner, struct subid_error *err)
{
	const struct subid_users *users = txn->users;
	int r = txn_lock_tables(txn, err);

	if (r != 0 || users == txn->users)
		return r;
	subid_owner_free(owner);
	return request_find_owner(txn, request, owner, err);
}

static int give(struct subid_txn *txn, const struct subid_request *request,
		struct subid_error *err)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	const struct grant_request asked = {
		.owner = &owner,
		.kinds = request_kinds(request),
		.count = request->count,
		.range = request->range,
		.align = request_has(request, SUBID_ALIGN) ? request->align : 0,
		.another = request_has(request, SUBID_ANOTHER),
		.reuse_left = request_has(request, SUBID_REUSE_LEFT),
	};
	struct subid_changes changes = { .n = 0 };
	int r;

	if (txn->users == NULL)
		return error_plain(err, -EINVAL,
				   "this transaction is begun for leases alone");
	r = txn_new_result(txn, request->owner, SUBID_STATE_GRANTED, err);
	if (r < 0)
		return r;
	if (request_has(request, SUBID_PREPARE))
		return prepare(txn, request, err);
	if (++txn->n_grants == 1) {
		system_warn_hidden(txn->sys, &txn->unseen);
		r = system_check_unread(txn->sys, "/", &txn->leased.runtimes, err);
		if (r < 0)
			return txn_spoil(txn, r);
	}
	r = request_find_owner(txn, request, &owner, err);
	if (r == 0 && request_has(request, SUBID_UNASKED))
		r = check_unasked(txn, &owner, request, err);
	if (r != 0)
		return txn_refuse(txn, request, NULL, SUBID_UNKNOWN) < 0 ? -ENOMEM : r;
	r = lock_for(txn, request, &owner, err);
	if (r != 0)
		return r;
	/* one more look-up is cheaper than an index, two are not */
	if (txn->n_grants == 2 && subid_txn_prepare_bulk(txn) < 0)
		return error_memory(err);
	r = subid_txn_grant(txn, &asked, &changes);
	if (txn->wants_ledger) {
		txn->wants_ledger = false;
		txn->needs_ledger = true;
		(void)txn_unlock(txn);
		r = lock_for(txn, request, &owner, err);
		if (r != 0)
			return r;
		r = subid_txn_grant(txn, &asked, &changes);
	}
	if (r == SUBID_ABSENT)
		return error_plain(err, r, "%s: has not enough yet", request->owner);
	if (r >= 0 && !txn->options.look) {
		own_warn_unlisted(txn);
		broken_warn(txn, &owner, request->owner);
	}
	if (r != 0 && r != SUBID_ENOUGH)
		return explain_refusal(txn, request, &asked, r, &changes, err);
	align_warn(txn, &owner, &changes);
	if (txn_add_result(txn, &changes) < 0)
		return txn_spoil(txn, error_memory(err));
	return r;
}

int subid_grant(struct subid_txn *txn, const struct subid_request *request,
		struct subid_error *err)
{
	int r = request_check(request, err);

	if (r < 0)
		return r;
	if (txn->options.import)
		return error_plain(
		    err, -EINVAL, "this transaction is begun for the directory's ranges");
	return give(txn, request, err);
}

/* Threat: a directory that is somebody else's by now gives ids of the host's accounts. */
static bool is_in_pool(const struct subid_txn *txn, struct id_range range)
{
	for (size_t i = 0; i < txn->conf.n_pools; i++)
		if (id_range_contains(txn->conf.pools[i].range, range))
			return true;
	return false;
}

int subid_import(struct subid_txn *txn, const struct subid_request *request,
		 struct subid_error *err)
{
	int r = request_check(request, err);

	if (r < 0)
		return r;
	if (!txn->options.import || !id_range_valid(request->range))
		return error_plain(err, -EINVAL,
				   "this transaction is not begun for the directory's"
				   " ranges, or there is none");
	if (!is_in_pool(txn, request->range))
		return error_plain(
		    err, SUBID_DENIED,
		    "%s: %u-%llu: the directory gives ids that are in no pool"
		    " of %s/" SUBID_CONF_FILE,
		    request->owner, request->range.start,
		    (unsigned long long)id_range_end(request->range) - 1,
		    txn->sys->etc_name);
	if (txn->unheld && taken_again(txn) < 0)
		return txn_spoil(txn, error_memory(err));
	txn->unheld = false;
	return give(txn, request, err);
}
