/* SPDX-License-Identifier: MIT */
#pragma once

#include "tools/subid-ldap/server.h"

/*
 * Tells the server who asks, as subid.conf says.  0 or -errno; *ret_rc is libldap's code,
 * or *ret_why says what else was wrong.
 */
int bind_server(const struct server *server, int *ret_rc, const char **ret_why);
