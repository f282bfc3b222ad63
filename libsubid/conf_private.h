/* SPDX-License-Identifier: MIT */
/*
 * What conf.c (the files) and conf_parse.c (their lines) share.
 */
#pragma once

#include "conf.h"

/*
 * subid_conf_parse(); with a reporter, which may be NULL, it goes on behind what is
 * wrong.
 */
int subid_conf_parse_on(struct subid_conf *conf, const char *file, const char *text,
			size_t size, const struct subid_conf_reporter *reporter,
			struct subid_place *ret_place);
