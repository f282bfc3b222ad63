/* SPDX-License-Identifier: MIT */
/* containers.json of containers/storage, root's and a user's. */
#include "fuzz_runtime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)parse_any(data, size, false, runtime_podman_parse);
	(void)parse_any(data, size, true, runtime_podman_parse);
	return 0;
}
