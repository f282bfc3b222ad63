/* SPDX-License-Identifier: MIT */
/*
 * The two ways of subid id: from the host (cmd_id.c), and from inside
 * (lib_id_inside.c).
 */
#pragma once

#include "tools/subid/rows.h"
#include "tools/subid/view.h"

struct id_query {
	struct view *view;
	struct rows *output;
	size_t n_rows; /* of the question at hand */
	/* the last of them, since many namespaces may have the same to say */
	uint32_t last_id, last_inside;
	const char *last_container;
};

/* What a row says; NULL, SUBID_ID_NONE and 0: not known. */
struct id_finding {
	enum subid_kind kind;
	uint32_t id;
	const char *owner;
	const char *container;
	uint32_t inside;
	const char *name;
	const char *state;
	uint64_t userns;
};

/* Prints a row, but not the same twice. */
void id_print(struct id_query *query, const struct id_finding *finding);

/* A namespace that maps the id; who made it, if nobody else has it.  0 or -ENOMEM. */
int id_print_live(struct id_query *query, enum subid_kind kind, uint32_t id,
		  size_t userns, uint32_t inside);

/* What an id inside of the containers of OWNER, or of OWNER/NAME, is on the host; the
 * status. */
int id_ask_inside(struct id_query *query, enum subid_kind kind, uint32_t inside,
		  const char *whose);
