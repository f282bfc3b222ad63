/* SPDX-License-Identifier: MIT */
/*
 * A first login asks the site's directory for the user's range, where subid.conf says so,
 * before one is granted on this host.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "libsubid/core/core.h"
#include "libsubid/policy/policy.h"
#include "tools/subid/directory.h"
#include "tools/subid/login.h"

static int import(struct login *login, struct subid_txn *txn,
		  const struct directory_range *range, uint32_t uid)
{
	const struct subid_request request = {
		.size = sizeof(request),
		.owner = range->owner,
		.kinds = 1U << range->kind,
		.range = range->range,
	};
	struct subid_error err = { .size = sizeof(err) };
	const struct subid_list *changes;
	int r = subid_import(txn, &request, &err);

	if (r == SUBID_ENOUGH)
		return 0;
	if (r != 0) {
		login_log_error(login, r, &err);
		return r;
	}
	r = subid_changes(txn, &changes);
	if (r == 0)
		login_log_granted(login, uid, changes);
	return r;
}

static int import_all(struct login *login, const struct directory_range *ranges, size_t n,
		      uint32_t uid)
{
	auto_system struct subid *sys = NULL;
	auto_txn struct subid_txn *txn = NULL;
	struct subid_error err = { .size = sizeof(err) };
	int r = subid_open(NULL, &sys, &err);

	if (r == 0)
		r = subid_use_policy(sys, login->options.conf);
	if (r == 0)
		r = subid_begin(sys, SUBID_BY_LOGIN | SUBID_IMPORT,
				(int)login->options.timeout_s * 1000, &txn, &err);
	if (r != 0) {
		login_log_error(login, r, &err);
		return r;
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		r = import(login, txn, &ranges[i], uid);
	if (r != 0)
		return r;
	r = subid_commit(txn, &err);
	if (r != 0)
		login_log_error(login, r, &err);
	return r;
}

/* Asks; and has it grant one, if it may.  0, SUBID_ABSENT, -errno. */
static int ask(const struct subid_conf_directory *conf, const char *name,
	       struct directory_ranges *ret)
{
	uint32_t seconds = conf->login_s > 0 ? conf->login_s : SUBID_CONF_LOGIN_TIMEOUT_S;
	int64_t patience_ms = (int64_t)seconds * 1000;
	int r = directory_ask(DIRECTORY_LIST, name, 1, patience_ms, ret);

	if (r == 0 && ret->n == 0 && conf->login_allocates) {
		directory_ranges_free(ret);
		r = directory_ask(DIRECTORY_GRANT, name, 1, patience_ms, ret);
	}
	return r == 0 && ret->n == 0 ? SUBID_ABSENT : r;
}

int login_directory(struct login *login, const char *name, uint32_t uid)
{
	auto_directory struct directory_ranges ranges = { .n = 0 };
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	const struct directory_range *range;
	/* what is wrong with it has been said: the policy was asked before */
	int r = login_load_conf(login, &conf);
	size_t n;

	if (r != 0 || !conf.directory.login)
		return SUBID_ABSENT;
	r = ask(&conf.directory, name, &ranges);
	if (r == SUBID_ABSENT)
		return r;
	if (r < 0) {
		login_log(login, LOG_ERR, "no range is given: the directory: %s",
			  r == -EIO	    ? "cannot be asked"
			  : r == -EPROTO    ? "its answer is not understood"
			  : r == -ETIMEDOUT ? "it does not answer in time"
					    : strerror(-r));
		return r;
	}
	/* its own name of the account is the same one */
	range = directory_of(&ranges, name, &n);
	return range == NULL ? SUBID_ABSENT : import_all(login, range, n, uid);
}
