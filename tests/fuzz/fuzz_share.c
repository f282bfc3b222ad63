/* SPDX-License-Identifier: MIT */
/*
 * A record of a store of shared files (subid share) of any bytes: what is understood of
 * it is whole, and is printed byte for byte as it was.
 */
#include "fuzz.h"
#include "libsubid/runtimes/runtimes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_text struct subid_text text = make_text(data, size);
	auto_text struct subid_text printed = { .bytes = NULL };
	auto_share struct subid_share share = { .text = NULL };

	if (subid_share_parse(&text, &share) != 0)
		return 0;
	must(strchr(share.store, '/') != NULL && share.dir[0] == '/');
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		must(id_range_valid(share.ids[kind]) && share.ids[kind].start > 0);
	for (size_t i = 0; i < share.n_mounts; i++)
		must(share.mounts[i].point[0] != '/' &&
		     strstr(share.mounts[i].point, "/../") == NULL);
	must(subid_share_print(&share, &printed) == 0);
	must(printed.size == size && memcmp(printed.bytes, data, size) == 0);
	return 0;
}
