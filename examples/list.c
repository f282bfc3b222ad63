/* SPDX-License-Identifier: MIT */
/*
 * Lists the ranges of an owner, and who uses them:
 *
 *     cc -o list list.c $(pkg-config --cflags --libs libsubid-ng)
 *     ./list alice [DIR]      DIR: the root of an image
 */
#include <stdio.h>
#include <string.h>
#include <subid-ng/subid.h>

static int complain(const struct subid_error *err)
{
	char text[SUBID_ERROR_TEXT_SIZE];

	(void)subid_error_text(err, text, sizeof(text));
	(void)fprintf(stderr, "list: %s\n", text);
	return err->code < 0 ? 3 : 1;
}

static int print_uses(struct subid *sys, const struct subid_row *row,
		      struct subid_error *err)
{
	struct subid_list *uses = NULL;
	struct subid_row use = { .size = sizeof(use) };
	int r = subid_uses(sys, row->kind, row->range, &uses, err);

	for (size_t i = 0; r == 0 && subid_list_get(uses, i, &use); i++)
		(void)printf("  process %d (%s)\n", (int)use.pid, use.program);
	subid_list_free(&uses);
	return r;
}

int main(int argc, char *argv[])
{
	struct subid_error err = { .size = sizeof(err) };
	struct subid_row row = { .size = sizeof(row) };
	struct subid_list *list = NULL;
	struct subid *sys = NULL;
	int r;

	if (argc < 2 || argc > 3) {
		(void)fprintf(stderr, "usage: list OWNER [DIR]\n");
		return 2;
	}
	r = subid_open(argc == 3 ? argv[2] : NULL, &sys, &err);
	if (r == 0)
		r = subid_ranges(sys, argv[1], 0, &list, &err);
	for (size_t i = 0; r == 0 && subid_list_get(list, i, &row); i++) {
		(void)printf("%s%s%s %s %u %u\n", row.owner,
			     row.container == NULL ? "" : "/",
			     row.container == NULL ? "" : row.container,
			     subid_kind_name(row.kind), row.range.start, row.range.count);
		r = print_uses(sys, &row, &err);
	}
	subid_list_free(&list);
	subid_close(&sys);
	return r == 0 ? 0 : complain(&err);
}
