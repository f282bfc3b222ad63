/* SPDX-License-Identifier: MIT */
#include "libsubid/tables/tables.h"

#include <errno.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	return owner_name_compare(a, b);
}

int subid_owner_names_sort(const struct subid_owner_name *spellings, size_t n,
			   struct subid_owner_name **ret)
{
	struct subid_owner_name *sorted = reallocarray(NULL, n + 1, sizeof(*sorted));

	if (sorted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		sorted[i] = spellings[i];
	qsort(sorted, n, sizeof(*sorted), compare);
	*ret = sorted;
	return 0;
}

bool subid_owner_names_have(const struct subid_owner_name *sorted, size_t n,
			    const char *text, size_t len)
{
	const struct subid_owner_name one = { text, len };

	return bsearch(&one, sorted, n, sizeof(*sorted), compare) != NULL;
}
