/* SPDX-License-Identifier: MIT */
#include "tools/subid/former.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "libsubid/core/core.h"

static int read_ledger(struct former *former, struct subid *sys)
{
	struct subid_error err = { .size = sizeof(err) };
	struct subid_row row = { .size = sizeof(row) };

	if (former->looked)
		return 0;
	former->looked = true;
	if (subid_ledger_read(sys, SUBID_BOTH_KINDS, 0, &former->ledger, &err) < 0)
		(void)cli_say(0, &err);
	for (size_t i = 0; subid_list_get(former->ledger, i, &row); i++) {
		struct former_rows *rows =
		    &(row.container == NULL ? former->owners
					    : former->containers)[row.kind];

		if (row.owner[0] == '\0' || row.state == SUBID_STATE_GRANTED ||
		    row.state == SUBID_STATE_LEASED)
			continue;
		if (array_grow(&rows->list, rows->n, sizeof(row)) < 0)
			return -ENOMEM;
		rows->list[rows->n++] = row;
	}
	return 0;
}

static bool ends_before(const void *element, const void *key)
{
	const struct subid_row *row = element;
	const uint32_t *id = key;

	return id_range_end(row->range) <= *id;
}

/* The row that has the id; NULL: none has. */
static const struct subid_row *find_row(const struct former_rows *rows, uint32_t id)
{
	size_t i =
	    array_search(rows->list, rows->n, sizeof(*rows->list), &id, ends_before);

	return i < rows->n && rows->list[i].range.start <= id ? &rows->list[i] : NULL;
}

int former_find(struct former *former, struct subid *sys, enum subid_kind kind,
		uint32_t id, char buf[FORMER_SIZE], char words[FORMER_WORDS_SIZE])
{
	int r = read_ledger(former, sys);
	const struct subid_row *row = find_row(&former->owners[kind], id);
	char until[CLI_TIME_SIZE];
	bool dated;

	if (row == NULL)
		row = find_row(&former->containers[kind], id);
	buf[0] = words[0] = '\0';
	if (r < 0 || row == NULL)
		return r;
	dated = row->until > 0 && cli_time(row->until, until);
	(void)snprintf(buf, FORMER_SIZE, "%s%s%s", row->owner,
		       row->container == NULL ? "" : "/",
		       row->container == NULL ? "" : row->container);
	(void)snprintf(words, FORMER_WORDS_SIZE, "%s had it%s%s", buf,
		       dated ? " until " : "", dated ? until : "");
	return 0;
}

void former_free(struct former *former)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		free(former->owners[kind].list);
		free(former->containers[kind].list);
	}
	subid_list_free(&former->ledger);
}
