/* SPDX-License-Identifier: MIT */
#include "libsubid/core/range.h"

const char *subid_kind_name(enum subid_kind kind)
{
	static const char *const names[SUBID_KINDS] = { "uid", "gid" };

	return names[kind];
}

const char *subid_kind_table(enum subid_kind kind)
{
	static const char *const names[SUBID_KINDS] = { "subuid", "subgid" };

	return names[kind];
}
