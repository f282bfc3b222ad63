/* SPDX-License-Identifier: MIT */
/*
 * A whole transaction, as callers have it: over the tables, or the leases, or both; and
 * what it hands out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

static int begin_tables(struct subid *sys, unsigned int flags, int timeout_ms,
			struct subid_txn **ret, struct subid_error *err)
{
	struct subid_txn_options options;
	struct subid_failure failure;
	int r = 0;

	if ((flags & SUBID_NO_GRANTS) == 0)
		r = system_proc(sys, err);
	if (r < 0)
		return r;
	options = system_options(sys, flags, timeout_ms);
	r = subid_txn_begin(&options, ret, &failure);
	if (r != 0)
		return error_failure(err, sys, r, &failure);
	return 0;
}

int subid_begin(struct subid *sys, unsigned int flags, int timeout_ms,
		struct subid_txn **ret, struct subid_error *err)
{
	struct subid_txn *txn = NULL;
	int r = 0;

	error_clear(err);
	if ((flags &
	     ~(SUBID_DRY_RUN | SUBID_BY_LOGIN | SUBID_NO_GRANTS | SUBID_LEASES)) != 0)
		return error_plain(err, -EINVAL,
				   "a flag that this version of the library does not"
				   " know");
	if ((flags & SUBID_LEASES) != 0) {
		txn = txn_new();
		if (txn == NULL)
			return error_plain(err, -ENOMEM, "%s", strerror(ENOMEM));
		txn->options.etc = txn->options.proc = -1;
		txn->options.dry_run = (flags & SUBID_DRY_RUN) != 0;
		txn->options.no_grants = (flags & SUBID_NO_GRANTS) != 0;
	} else {
		r = begin_tables(sys, flags, timeout_ms, &txn, err);
	}
	if (r != 0)
		return r;
	txn->sys = sys;
	txn->flags = flags;
	txn->timeout_ms = timeout_ms;
	*ret = txn;
	return 0;
}

void subid_abort(struct subid_txn **txn)
{
	subid_txn_free(txn);
}

int txn_spoil(struct subid_txn *txn, int r)
{
	txn->broken = true;
	return r;
}

int txn_open_store(struct subid_txn *txn, enum txn_store how, struct subid_error *err)
{
	bool dry_run = (txn->flags & SUBID_DRY_RUN) != 0;
	int r;

	if (txn->leases != NULL)
		return 0;
	store_close(&txn->store);
	r = how == TXN_STORE_LOCK && !dry_run
		? store_open_lockable(txn->sys, &txn->store, err)
		: store_open(txn->sys, how == TXN_STORE_CREATE && !dry_run, &txn->store,
			     err);
	if (r != 0 || (how == TXN_STORE_LOCK && txn->store.user != NULL))
		return r;
	return store_begin(&txn->store, dry_run, txn->timeout_ms, &txn->leases, err);
}

/* --- what a call has done ----------------------------------------------------------- */

int txn_new_result(struct subid_txn *txn, const char *owner, enum subid_state state,
		   struct subid_error *err)
{
	char *copy = strdup(owner);

	if (copy == NULL)
		return error_plain(err, -ENOMEM, "%s", strerror(ENOMEM));
	free(txn->result_owner);
	txn->result_owner = copy;
	txn->result_state = state;
	txn->n_result = 0;
	return 0;
}

int txn_add_result(struct subid_txn *txn, const struct subid_changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		if (array_grow(&txn->result, txn->n_result, sizeof(*txn->result)) < 0)
			return -ENOMEM;
		txn->result[txn->n_result++] = changes->list[i];
	}
	return 0;
}

int subid_changes(struct subid_txn *txn, const struct subid_list **ret)
{
	struct subid_row *rows =
	    reallocarray(txn->list.rows, txn->n_result + 1, sizeof(*rows));

	if (rows == NULL)
		return -ENOMEM;
	txn->list.rows = rows;
	txn->list.n = txn->n_result;
	for (size_t i = 0; i < txn->n_result; i++) {
		const struct subid_change *change = &txn->result[i];

		rows[i] = (struct subid_row){
			.size = sizeof(*rows),
			.kind = change->kind,
			.range = change->range,
			.state = change->shared ? SUBID_STATE_SHARED : txn->result_state,
			.owner = txn->result_owner,
		};
	}
	*ret = &txn->list;
	return 0;
}

size_t subid_list_size(const struct subid_list *list)
{
	return list == NULL ? 0 : list->n;
}

bool subid_list_get(const struct subid_list *list, size_t index, struct subid_row *ret)
{
	size_t size = ret->size;

	if (list == NULL || index >= list->n)
		return false;
	if (size > sizeof(*ret))
		size = sizeof(*ret); /* a later library's has more */
	memcpy(ret, &list->rows[index], size);
	ret->size = size;
	return true;
}

const char *list_text(struct subid_list *list, const char *text, size_t len)
{
	char *copy = text == NULL ? NULL : strndup(text, len);

	if (copy == NULL ||
	    array_grow(&list->texts, list->n_texts, sizeof(*list->texts)) < 0) {
		free(copy);
		return NULL;
	}
	list->texts[list->n_texts++] = copy;
	return copy;
}

int list_add_owner(struct subid_list *list, const char *name)
{
	const char *copy = list_text(list, name, strlen(name));

	if (copy == NULL || array_grow(&list->rows, list->n, sizeof(*list->rows)) < 0)
		return -ENOMEM;
	list->rows[list->n++] =
	    (struct subid_row){ .size = sizeof(*list->rows), .owner = copy };
	return 0;
}

void subid_list_free(struct subid_list **list)
{
	if (*list == NULL)
		return;
	for (size_t i = 0; i < (*list)->n_texts; i++)
		free((*list)->texts[i]);
	free((*list)->texts);
	free((*list)->rows);
	free(*list);
	*list = NULL;
}

/* --- the commit ----------------------------------------------------------------------
 */

/*
 * The tables first.  Of what is granted: a line without a lease is no harm, a lease
 * without line would be.  Of what is taken back: a kill in between leaves the lease,
 * which keeps its ids from everybody, and with which the same call goes on.
 */
static int write_both(struct subid_txn *txn, bool *ret_tables, struct subid_error *err)
{
	bool changed = subid_txn_changed(txn);
	struct subid_failure failure;
	int r = subid_txn_commit(txn, &failure);

	if (r != 0)
		return error_failure(err, txn->sys, r, &failure);
	*ret_tables = txn->wrote_tables = changed;
	txn->wrote = changed;
	if (txn->leases == NULL)
		return 0;
	changed = subid_txn_changed(txn->leases);
	r = subid_txn_commit(txn->leases, &failure);
	txn->wrote |= r == 0 && changed;
	return r == 0 ? 0 : store_failure(err, &txn->store, r, &failure);
}

int subid_commit(struct subid_txn *txn, struct subid_error *err)
{
	bool tables = false;
	int r;

	error_clear(err);
	r = write_both(txn, &tables, err);
	if (r == 0 && txn->leasing != NULL)
		r = lease_second_look(txn, err);
	if (r != 0 && tables)
		return error_plain(err, r,
				   "%s: its part of the change is made all the same:"
				   " 'subid list' shows it",
				   txn->sys->etc_name);
	return r == 0 ? releases_look_again(txn, err) : r;
}

void subid_traced(const struct subid_txn *txn, struct subid_traced *ret)
{
	struct subid_traced traced = txn->traced;
	size_t size = ret->size;

	traced.written = txn->wrote;
	traced.tables = txn->wrote_tables && txn->is_traced;
	if (txn->leases != NULL) {
		const struct subid_traced *more = &txn->leases->traced;

		traced.changes += more->changes;
		traced.audit += more->audit;
		traced.log += more->log;
		if (traced.audit_error == 0)
			traced.audit_error = more->audit_error;
		if (traced.log_error == 0)
			traced.log_error = more->log_error;
	}
	if (size > sizeof(traced))
		size = sizeof(traced);
	memcpy(ret, &traced, size);
	ret->size = size;
}
