/* SPDX-License-Identifier: MIT */
/*
 * The list of owners, which is sorted without scripts: each row has its place in each
 * order, and the button that is chosen says which one counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/report/html.h"

#define ROWS_SHOWN 100 /* of each order; a page of 10,000 owners stays small */

enum order {
	BY_NAME,
	BY_FOUND,
	BY_IDS,
	BY_FIRST,
	ORDERS,
};

static const struct {
	const char *id;
	const char *label;
} orders[ORDERS] = {
	[BY_NAME] = { "by-name", "name" },
	[BY_FOUND] = { "by-found", "findings" },
	[BY_IDS] = { "by-ids", "number of ids" },
	[BY_FIRST] = { "by-first", "first id" },
};

struct row {
	struct subid_owner_name name;
	uint64_t ids[SUBID_KINDS];
	uint32_t first; /* the lowest id of both kinds */
	size_t found;
	int worst; /* level of what was found; -1: nothing */
	size_t place[ORDERS];
};

struct rows {
	struct row *list; /* by name */
	size_t n;
};

static int compare_names(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return owner_name_compare(&x->name, &y->name);
}

/* As people look for them; compare_names() is for looking up. */
static int by_name(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a;
	const struct row *y = *(const struct row *const *)b;
	size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;
	int order = memcmp(x->name.text, y->name.text, len);

	if (order != 0)
		return order;
	return (x->name.len > y->name.len) - (x->name.len < y->name.len);
}

static int by_found(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a;
	const struct row *y = *(const struct row *const *)b;

	if (x->worst != y->worst)
		return y->worst - x->worst;
	if (x->found != y->found)
		return x->found > y->found ? -1 : 1;
	return by_name(a, b);
}

static uint64_t most(const struct row *row)
{
	return row->ids[SUBID_UID] > row->ids[SUBID_GID] ? row->ids[SUBID_UID]
							 : row->ids[SUBID_GID];
}

static int by_ids(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a;
	const struct row *y = *(const struct row *const *)b;

	if (most(x) != most(y))
		return most(x) > most(y) ? -1 : 1;
	return by_name(a, b);
}

static int by_first(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a;
	const struct row *y = *(const struct row *const *)b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return by_name(a, b);
}

/* A row for each line. */
static int add_lines(const struct subid_table *table, enum subid_kind kind,
		     struct rows *rows)
{
	for (size_t i = 0; table != NULL && i < table->n; i++) {
		const struct subid_entry *entry = &table->entries[i];
		struct row row = {
			.name = { subid_table_owner(table, entry), entry->owner_len },
			.first = entry->range.start,
			.worst = -1,
		};

		if (subid_owner_is_hold(row.name.text, row.name.len))
			continue;
		if (array_grow(&rows->list, rows->n, sizeof(*rows->list)) < 0)
			return -ENOMEM;
		row.ids[kind] = entry->range.count;
		rows->list[rows->n++] = row;
	}
	return 0;
}

/* One row for all lines of a name. */
static void join_lines(struct rows *rows)
{
	size_t n = 0;

	if (rows->n > 1)
		qsort(rows->list, rows->n, sizeof(*rows->list), compare_names);
	for (size_t i = 0; i < rows->n; i++) {
		struct row *last = n == 0 ? NULL : &rows->list[n - 1];

		if (last == NULL || compare_names(last, &rows->list[i]) != 0) {
			rows->list[n++] = rows->list[i];
			continue;
		}
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
			last->ids[kind] += rows->list[i].ids[kind];
		if (rows->list[i].first < last->first)
			last->first = rows->list[i].first;
	}
	rows->n = n;
}

static void add_found(struct rows *rows, struct subid_owner_name name,
		      const struct audit_finding *finding)
{
	struct row key = { .name = name }, *row;

	if (name.len == 0 || rows->n == 0)
		return;
	row = bsearch(&key, rows->list, rows->n, sizeof(*rows->list), compare_names);
	if (row == NULL)
		return;
	row->found++;
	if ((int)finding->rule->level > row->worst)
		row->worst = (int)finding->rule->level;
}

static int place(struct rows *rows)
{
	static int (*const compare[ORDERS])(const void *a, const void *b) = {
		[BY_NAME] = by_name,
		[BY_FOUND] = by_found,
		[BY_IDS] = by_ids,
		[BY_FIRST] = by_first,
	};
	auto_free struct row **order = calloc(rows->n + 1, sizeof(*order));

	if (order == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < rows->n; i++)
		order[i] = &rows->list[i];
	for (size_t o = 0; o < ORDERS; o++) {
		qsort(order, rows->n, sizeof(struct row *), compare[o]);
		for (size_t i = 0; i < rows->n; i++)
			order[i]->place[o] = i;
	}
	return 0;
}

static int collect(const struct audit_shown *shown, struct rows *rows)
{
	const struct audit_report *report = shown->report;
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = add_lines(shown->input->tables[kind], kind, rows);
	if (r < 0)
		return r;
	join_lines(rows);
	for (size_t i = 0; i < report->n; i++) {
		if (report_is_second(shown, i))
			continue;
		add_found(rows, report->findings[i].owner, &report->findings[i]);
		add_found(rows, report->findings[i].other, &report->findings[i]);
	}
	return place(rows);
}

/* Its classes: of the orders in which it is among the first. */
static bool print_places(const struct row *row, FILE *out)
{
	bool any = false;

	for (size_t o = 0; o < ORDERS; o++)
		any |= row->place[o] < ROWS_SHOWN;
	if (!any)
		return false;
	(void)fputs("<tr class=\"row", out);
	for (size_t o = 0; o < ORDERS; o++)
		if (row->place[o] < ROWS_SHOWN)
			(void)fprintf(out, " p%zu", o);
	(void)fputs("\" style=\"", out);
	for (size_t o = 0; o < ORDERS; o++)
		(void)fprintf(out, "--o%zu:%zu;", o, row->place[o]);
	(void)fputs("\">", out);
	return true;
}

#define NAME_SHOWN 64

static void print_row(const struct row *row, FILE *out)
{
	size_t len = row->name.len > NAME_SHOWN ? NAME_SHOWN : row->name.len;

	if (!print_places(row, out))
		return;
	(void)fputs("<td>", out);
	html_text(out, row->name.text, len);
	(void)fputs(len < row->name.len ? "&#8230;</td><td>" : "</td><td>", out);
	html_number(out, row->first);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		(void)fputs("</td><td>", out);
		html_number(out, row->ids[kind]);
	}
	if (row->worst < 0)
		(void)fputs("</td><td>0</td></tr>\n", out);
	else {
		(void)fprintf(out, "</td><td class=\"%s on\">",
			      audit_level_name((enum subid_level)row->worst));
		html_number(out, row->found);
		(void)fputs("</td></tr>\n", out);
	}
}

static void print_list(const struct rows *rows, FILE *out)
{
	(void)fputs("<h2 id=\"owners\">Owners<small>", out);
	html_number(out, rows->n);
	(void)fputs(
	    "</small></h2>\n<div class=\"card owners\"><span class=\"dim\">Sort by"
	    " </span>",
	    out);
	for (size_t o = 0; o < ORDERS; o++)
		(void)fprintf(out,
			      "<input type=\"radio\" name=\"order\" id=\"%s\"%s/>"
			      "<label for=\"%s\">%s</label>",
			      orders[o].id, o == BY_NAME ? " checked=\"\"" : "",
			      orders[o].id, orders[o].label);
	(void)fputs("<table><thead><tr><th>owner</th><th>first id</th><th>uids</th>"
		    "<th>gids</th><th>findings</th></tr></thead>\n<tbody>\n",
		    out);
	for (size_t i = 0; i < rows->n; i++)
		print_row(&rows->list[i], out);
	(void)fputs("</tbody></table>", out);
	if (rows->n > ROWS_SHOWN) {
		(void)fprintf(out, "<p class=\"dim\">The first %d of each order; ",
			      ROWS_SHOWN);
		(void)fputs("<code>subid list</code> prints all.</p>", out);
	}
	(void)fputs("</div>\n", out);
}

int html_owners(const struct audit_shown *shown, FILE *out)
{
	struct rows rows = { .n = 0 };
	int r = collect(shown, &rows);

	if (r == 0 && rows.n > 0)
		print_list(&rows, out);
	free(rows.list);
	return r;
}
