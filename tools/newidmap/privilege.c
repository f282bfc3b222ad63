/* SPDX-License-Identifier: MIT */
/*
 * Privilege: given up, kept for the write alone, and asked for.  Rule 1 of newidmap.c.
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/newidmap/private.h"

static int set_capabilities(uint32_t permitted, uint32_t effective)
{
	struct __user_cap_header_struct header = { .version =
						       _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		[0] = { .permitted = permitted, .effective = effective },
	};

	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int get_permitted(uint32_t *ret)
{
	struct __user_cap_header_struct header = { .version =
						       _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*ret = data[0].permitted;
	return 0;
}

/*
 * Rule 1.  Leaves the capability that writes the map, and CAP_SETFCAP, which the
 * kernel wants since 5.12 for a map of its parent's id 0, if we came by it; both
 * permitted, none effective.  The real uid becomes all uids: the kernel asks
 * whether who opens the map is the namespace's owner.
 */
int drop_privilege(const struct call *call)
{
	uint32_t wanted = CAP_TO_MASK(call->kind->cap) | CAP_TO_MASK(CAP_SETFCAP);
	uint32_t permitted = 0;
	int r;

	if (getegid() != call->gid && setresgid(call->gid, call->gid, call->gid) < 0)
		return -errno;
	if (geteuid() != call->uid && (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ||
				       setresuid(call->uid, call->uid, call->uid) < 0))
		return -errno;
	r = get_permitted(&permitted);
	if (r < 0)
		return r;
	return set_capabilities(permitted & wanted, 0);
}

bool maps_root(const struct call *call)
{
	for (size_t i = 0; i < call->n; i++)
		if (call->lines[i].outside.start == 0)
			return true;
	return false;
}

/*
 * The one capability, and the other only if id 0 is mapped: kept once the map is
 * known, in effect for the moment of writing.
 */
int keep_privilege(const struct call *call, bool in_effect)
{
	uint32_t wanted = CAP_TO_MASK(call->kind->cap);
	uint32_t permitted = 0;
	int r;

	if (maps_root(call))
		wanted |= CAP_TO_MASK(CAP_SETFCAP);
	r = get_permitted(&permitted);
	if (r == 0)
		r = set_capabilities(permitted & wanted,
				     in_effect ? permitted & wanted : 0);
	if (r < 0)
		return fail(call->kind, "cannot keep to the capability: %s",
			    strerror(-r));
	return 0;
}

bool has_capability(int cap)
{
	uint32_t permitted = 0;

	return get_permitted(&permitted) == 0 && (permitted & CAP_TO_MASK(cap)) != 0;
}

int give_up_capabilities(void)
{
	return set_capabilities(0, 0);
}
