/* SPDX-License-Identifier: MIT */
/* LXC's configs.  Lines behind the text take nothing away of what was found in it. */
#include "fuzz_runtime.h"

static int parse(struct runtime_scan *scan, const struct subid_text *text)
{
	return runtime_lxc_parse(scan, text, "c\n1");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char more[] = "\nlxc.idmap = b 0 7 5\nlxc.rootfs.path = /x\n";
	uint64_t sum = parse_any(data, size, false, parse);
	uint8_t *longer = malloc(size + sizeof(more));

	must(longer != NULL);
	if (size > 0)
		memcpy(longer, data, size);
	memcpy(longer + size, more, sizeof(more));
	must(parse_any(longer, size + sizeof(more) - 1, false, parse) - sum <= 10);
	free(longer);
	return 0;
}
