/* SPDX-License-Identifier: MIT */
#include "tools/getsubids/uid_argument.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/core/core.h"

int uid_argument_name(int etc, const char *user, char **ret)
{
	auto_users struct subid_users *users = NULL;
	auto_owner struct subid_owner owner = { .has_account = false };
	uint32_t uid;
	int r;

	if (SUBID_SHADOW < 20 || subid_id_parse(user, strlen(user), &uid) != 0)
		return 0;
	r = subid_users_open(etc, true, &users, NULL);
	if (r == 0)
		r = subid_owner_of_uid(users, uid, &owner);
	if (r != 0)
		return r < 0 ? r : 0;
	*ret = strndup(owner.spellings[0].text, owner.spellings[0].len);
	return *ret == NULL ? -ENOMEM : 0;
}
