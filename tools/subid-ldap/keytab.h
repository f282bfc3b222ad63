/* SPDX-License-Identifier: MIT */
#pragma once

#include "libsubid/core/core.h"

/*
 * Leaves of a keytab's bytes the keys of one principal: Kerberos itself takes the first
 * one of a file, which may be a service's.  NAME[/INSTANCE][@REALM], without a realm of
 * any; NULL: all keys stay.
 *
 * 0; -ENOENT: it has no such key; -EINVAL: it is no keytab.
 */
int keytab_keep(struct subid_text *keytab, const char *principal);
