/* SPDX-License-Identifier: MIT */
/*
 * What conf.c (the files, and what is kept of them) and conf_parse.c (their lines) share.
 */
#pragma once

#include "libsubid/policy/policy.h"

/*
 * subid_conf_parse(); with a reporter, which may be NULL, it goes on behind what is
 * wrong.
 */
int subid_conf_parse_on(struct subid_conf *conf, const char *file, const char *text,
			size_t size, const struct subid_conf_reporter *reporter,
			struct subid_place *ret_place);

/* Each adds one element.  0 or -ENOMEM. */
int subid_conf_add_rule(struct subid_conf *conf, const struct subid_conf_rule *rule);
int subid_conf_add_reserve(struct subid_conf *conf,
			   const struct subid_conf_reserve *reserve);
int subid_conf_add_allowance(struct subid_conf *conf,
			     const struct subid_allowance *allowance);
int subid_conf_add_acceptance(struct subid_conf *conf,
			      const struct subid_acceptance *acceptance);

/* Keeps a copy of a file's text, into which words will point.  0 or -ENOMEM. */
int subid_conf_add_file(struct subid_conf *conf, const char *name, const char *text,
			size_t size, const struct subid_conf_file **ret);
