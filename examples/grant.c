/* SPDX-License-Identifier: MIT */
/*
 * Grants an owner a range, wherever there is room, or the one that is asked for:
 *
 *     cc -o grant grant.c $(pkg-config --cflags --libs libsubid-ng)
 *     ./grant alice [RANGE [DIR]]      RANGE: START:COUNT, or -; DIR: an image's root
 */
#include <stdio.h>
#include <string.h>
#include <subid-ng/subid.h>

static void print(struct subid_txn *txn)
{
	const struct subid_list *changes = NULL;
	struct subid_row row = { .size = sizeof(row) };

	if (subid_changes(txn, &changes) < 0)
		return;
	for (size_t i = 0; subid_list_get(changes, i, &row); i++)
		(void)printf("%s %s %u %u\n", row.owner, subid_kind_name(row.kind),
			     row.range.start, row.range.count);
}

/* One transaction from beginning to end. */
static int grant(struct subid *sys, const struct subid_request *request,
		 struct subid_error *err)
{
	struct subid_txn *txn = NULL;
	int r = subid_begin(sys, 0, SUBID_PATIENCE_MS, &txn, err);

	if (r == 0)
		r = subid_grant(txn, request, err);
	if (r == 0)
		r = subid_commit(txn, err);
	if (r == 0 || r == SUBID_ENOUGH) {
		print(txn);
		r = 0;
	}
	subid_abort(&txn); /* unlocks */
	return r;
}

int main(int argc, char *argv[])
{
	struct subid_error err = { .size = sizeof(err) };
	struct subid_request request = { .size = sizeof(request) };
	struct subid *sys = NULL;
	int r;

	if (argc < 2 || argc > 4 ||
	    (argc > 2 && strcmp(argv[2], "-") != 0 &&
	     subid_range_parse(argv[2], &request.range) != 0)) {
		(void)fprintf(stderr, "usage: grant OWNER [START:COUNT [DIR]]\n");
		return 2;
	}
	request.owner = argv[1];
	r = subid_open(argc == 4 ? argv[3] : NULL, &sys, &err);
	if (r == 0)
		r = grant(sys, &request, &err);
	subid_close(&sys);
	if (r == 0)
		return 0;
	(void)fprintf(stderr, "grant: %s\n", err.text);
	return r < 0 ? 3 : 1;
}
