/* SPDX-License-Identifier: MIT */
/* Where a range begins: at a multiple of a number, which some programs want. */
#include <string.h>

#include "libsubid/change/private.h"

/* Kubernetes' kubelet gives each pod 65,536 ids: it refuses a range that does not begin
 * at a multiple of that, and one of another length. */
#define KUBELET	    "kubelet"
#define KUBELET_POD 65536

static bool is_kubelet(const struct subid_owner *owner)
{
	const struct subid_owner_name *name = owner->spellings;

	return name->len == strlen(KUBELET) &&
	       memcmp(name->text, KUBELET, strlen(KUBELET)) == 0;
}

uint32_t align_of(const struct grant_request *request)
{
	if (request->align > 0)
		return request->align;
	return is_kubelet(request->owner) ? KUBELET_POD : 0;
}

int align_gap(const struct subid_want wants[SUBID_KINDS], uint32_t align, uint32_t *start)
{
	int r = 0;

	/* each turn leaves a gap behind, or ends: no search begins anew */
	while (r == 0 && align > 0 && *start % align != 0) {
		uint32_t below = *start - *start % align;

		if (below > UINT32_MAX - align)
			return SUBID_FULL;
		r = subid_find_gap(wants, below + align, start);
	}
	return r;
}

void align_explain(const char *name, uint32_t count, enum subid_kind kind,
		   const char *where, uint32_t align, struct subid_error *err)
{
	if (align > 1)
		error_detail(err, "%s: no gap of %u %ss in %s begins at a multiple of %u",
			     name, count, subid_kind_name(kind), where, align);
}

void align_warn(const struct subid_txn *txn, const struct subid_owner *owner,
		const struct subid_changes *changes)
{
	for (size_t i = 0; is_kubelet(owner) && i < changes->n; i++) {
		struct id_range range = changes->list[i].range;

		if (range.start % KUBELET_POD == 0 && range.start > 0 &&
		    range.count % KUBELET_POD == 0)
			continue;
		system_warn(txn->sys, SUBID_NOTE_WARNING,
			    KUBELET ": %u:%u: kubelet takes only a range whose start and"
				    " length are multiples of %u, and just one: 'subid"
				    " revoke " KUBELET "', then grant it --count %u for"
				    " each pod that may run at once",
			    range.start, range.count, KUBELET_POD, KUBELET_POD);
		return;
	}
}
