/* SPDX-License-Identifier: MIT */
/*
 * Where an owner's ranges come from: the tables, or a module that nsswitch.conf
 * names in a line "subid: NAME", as shadow has it since 4.10.  Then the tables
 * say nothing.  The module is libsubid_NAME.so; FreeIPA's is libsubid_sss.so.
 */
#pragma once

#include "table.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The longest name, with its NUL; shadow takes 50 bytes. */
#define SUBID_SOURCE_SIZE 51

/* The line "subid:" as it is written. */
struct subid_source_line {
	size_t line;			/* from 1; 0: there is none */
	char name[SUBID_SOURCE_SIZE];	/* the first word; "" for the tables */
	char second[SUBID_SOURCE_SIZE]; /* the next, cut if longer; "": none */
};

/*
 * Finds that line in the text of nsswitch.conf.  Returns 0; SUBID_INVALID, with
 * *ret set but for its name, when the first word is no part of a file name, or
 * too long.
 */
int subid_source_parse(const struct subid_text *text, struct subid_source_line *ret);

/*
 * Reads etc/nsswitch.conf.  As with shadow only the first word counts.  Returns
 * 0 with the source's name in ret_name, "" for the tables (no file, no line, or
 * "files"); SUBID_INVALID for a name that is no part of a file name, or too
 * long; -errno.
 */
int subid_source_read(int etc, char ret_name[SUBID_SOURCE_SIZE]);

/*
 * Would shadow's tools use the module of a source, not ""?  Loads code into the
 * process, see below.  Returns 0; -ELIBACC when there is no such module, or it
 * cannot be loaded; SUBID_INVALID when it lacks one of the functions that shadow
 * calls, whose name is then in *ret_missing.
 */
int subid_source_probe(const char *source, const char **ret_missing);

/*
 * Asks the module of a source, not "", for the ranges of an owner.  Loads code
 * into the process, as every name service does; the caller sees to it that no
 * privilege is in effect.  The caller frees *ret; its lines are 0.  Ranges that
 * are not valid are left out.
 *
 * Returns 0, with *ret_n 0 if there are none or the owner is not known to it;
 * -ELIBACC when there is no such module, or it is not what it should be; -EIO
 * when it could not find out; -ENOMEM.  shadow goes on with the tables then; we
 * do not, because they are not what the administrator has named.
 */
int subid_source_holdings(const char *source, const char *owner, enum subid_kind kind,
			  struct subid_holding **ret, size_t *ret_n);

#ifdef __cplusplus
}
#endif
