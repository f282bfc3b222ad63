/* SPDX-License-Identifier: MIT */
/*
 * What calls hand out: lists of rows, and what the last call of a transaction has done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

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

/* A copy of a text that is the list's; NULL: out of memory. */
static const char *list_text(struct subid_list *list, const char *text, size_t len)
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

struct subid_list *list_new(void)
{
	return calloc(1, sizeof(struct subid_list));
}

int list_add_row(struct subid_list *list, const struct subid_row *row, size_t owner_len)
{
	struct subid_row copy = *row;

	copy.size = sizeof(copy);
	copy.owner = list_text(list, row->owner, owner_len);
	if (row->owner != NULL && copy.owner == NULL)
		return -ENOMEM;
	if (row->container != NULL) {
		copy.container = list_text(list, row->container, strlen(row->container));
		if (copy.container == NULL)
			return -ENOMEM;
	}
	if (row->program != NULL) {
		copy.program = list_text(list, row->program, strlen(row->program));
		if (copy.program == NULL)
			return -ENOMEM;
	}
	if (array_grow(&list->rows, list->n, sizeof(*list->rows)) < 0)
		return -ENOMEM;
	list->rows[list->n++] = copy;
	return 0;
}

/* --- what a call has done ------------------------------------------------------------
 */

void result_free(struct subid_txn *txn)
{
	free(txn->result);
	free(txn->result_owner);
	for (size_t i = 0; i < txn->list.n_texts; i++)
		free(txn->list.texts[i]);
	free(txn->list.texts);
	free(txn->list.rows);
}

int txn_new_result(struct subid_txn *txn, const char *owner, enum subid_state state,
		   struct subid_error *err)
{
	char *copy = strdup(owner);

	if (copy == NULL)
		return error_memory(err);
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

int changes_add_common(const struct subid_set *set, enum subid_kind kind,
		       struct id_range range, struct subid_change **ret, size_t *ret_n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->n; i++) {
		struct id_range common = id_range_common(set->ranges[i], range);

		if (common.count == 0)
			continue;
		r = array_grow(ret, *ret_n, sizeof(**ret));
		if (r == 0)
			(*ret)[(*ret_n)++] = (struct subid_change){ kind, common, false };
	}
	return r;
}

bool changes_are_known(const struct subid_changes *taken,
		       const struct subid_changes *seen)
{
	auto_sets struct subid_sets known = { .of = { { .n = 0 } } };

	for (size_t i = 0; i < seen->n; i++)
		if (subid_set_add(&known.of[seen->list[i].kind], seen->list[i].range) < 0)
			return false; /* it is tried again */
	subid_sets_sort(&known);
	for (size_t i = 0; i < taken->n; i++)
		if (!subid_set_contains(&known.of[taken->list[i].kind],
					taken->list[i].range))
			return false;
	return true;
}

/* Ids that were held, with whose they were before. */
static int list_freed(struct subid_txn *txn)
{
	int r = 0;

	for (size_t i = 0; i < txn->list.n_texts; i++)
		free(txn->list.texts[i]);
	txn->list.n = txn->list.n_texts = 0;
	free(txn->list.texts);
	free(txn->list.rows); /* of another way to grow */
	txn->list.texts = NULL;
	txn->list.rows = NULL;
	for (size_t i = 0; i < txn->n_result; i++) {
		const struct subid_change *change = &txn->result[i];
		bool leased = i >= txn->n_lines && txn->leases != NULL;
		const struct subid_txn *of = leased ? txn->leases : txn;
		const struct ledger_entry *entry = NULL;
		struct id_range piece;
		uint64_t from = 0;

		/* a lease that is older than what is known of leases: its owner's ids */
		(void)history_piece(of, change->kind, change->range, &from, &entry);
		of = entry == NULL ? txn : of;
		from = 0;
		while (r == 0 && (piece = history_piece(of, change->kind, change->range,
							&from, &entry))
					 .count > 0) {
			bool known = entry != NULL && entry->owner.len > 0;
			const struct subid_row row = {
				.kind = change->kind,
				.range = piece,
				.state = txn->result_state,
				.owner = known ? entry->owner.text : txn->result_owner,
			};

			r = list_add_row(&txn->list, &row,
					 known ? entry->owner.len
					       : strlen(txn->result_owner));
		}
	}
	return r;
}

int subid_changes(struct subid_txn *txn, const struct subid_list **ret)
{
	struct subid_row *rows;

	if (txn->result_state == SUBID_STATE_FREE &&
	    strcmp(txn->result_owner, "-") == 0) {
		int r = list_freed(txn);

		*ret = &txn->list;
		return r;
	}
	rows = reallocarray(txn->list.rows, txn->n_result + 1, sizeof(*rows));
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
