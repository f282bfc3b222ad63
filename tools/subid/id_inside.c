/* SPDX-License-Identifier: MIT */
/*
 * subid id --inside: what an id of a container is on the host.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/id.h"

/* Does a namespace belong to the owner, and to its container if one is named? */
static bool is_of(struct view *view, size_t userns, const struct subid_owner *owner,
		  const char *container, enum subid_kind kind, uint32_t id)
{
	const struct view_answer *answer = view_ask(view, kind, id);
	size_t named = view_container(view, userns);
	bool owns = owner->has_account && view_creator(view, userns) == owner->uid;

	for (size_t i = 0;
	     !owns && answer != NULL && answer->owner != NULL && i < owner->n; i++)
		owns = strlen(answer->owner) == owner->spellings[i].len &&
		       memcmp(answer->owner, owner->spellings[i].text,
			      owner->spellings[i].len) == 0;
	if (!owns || container == NULL)
		return owns;
	if (answer != NULL && answer->container != NULL &&
	    strcmp(answer->container, container) == 0)
		return true;
	return named > 0 && strcmp(view->live.userns[named].container, container) == 0;
}

/* Rows for an id inside, of what runs.  0 or -ENOMEM. */
static int ask_live_inside(struct id_query *query, enum subid_kind kind, uint32_t inside,
			   const struct subid_owner *owner, const char *container)
{
	const struct subid_live *live = &query->view->live;
	int r = 0;

	for (size_t i = 1; r == 0 && i < live->n; i++) {
		const struct subid_live_map *map = &live->userns[i].maps[kind];
		uint32_t id;

		if (subid_map_outside(map->lines, map->n, inside, &id) == 0 &&
		    is_of(query->view, i, owner, container, kind, id))
			r = id_print_live(query, kind, id, i, inside);
	}
	return r;
}

/* What it would be by the map that 'subid config' prints.  The status. */
static int ask_share_inside(struct id_query *query, enum subid_kind kind, uint32_t inside,
			    const char *owner, const char *whose)
{
	struct view *view = query->view;
	const struct subid_table *const tables[SUBID_KINDS] = { &view->tables[0],
								&view->tables[1] };
	auto_share struct cli_share share = { .name = NULL };
	struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	struct subid_keep none = { .inside = SUBID_ID_NONE };
	struct id_finding finding = { .kind = kind, .inside = inside };
	const struct subid_leases *leases = view_leases(view, owner);
	int status;
	size_t n;

	if (leases == NULL)
		return cli_complain(EXIT_UNABLE,
				    "%s: which ids it has is not known without the"
				    " leases",
				    whose);
	status = cli_share_find(view->cli, view->users, tables, leases, whose, &share);
	if (status != EXIT_DONE)
		return status;
	if (subid_layout(&share.ids[kind], none, lines, &n) != 0 ||
	    subid_map_outside(lines, n, inside, &finding.id) != 0)
		return cli_complain(EXIT_NO, "%s: has no %s %u inside", whose,
				    subid_kind_name(kind), inside);
	finding.owner = share.name;
	finding.container = share.container;
	finding.state = share.container == NULL ? "granted" : "leased";
	id_print(query, &finding);
	query->last_container = NULL; /* it is gone with the share */
	return EXIT_DONE;
}

int id_ask_inside(struct id_query *query, enum subid_kind kind, uint32_t inside,
		  const char *whose)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_free char *name = strndup(whose, strcspn(whose, "/"));
	const char *slash = strchr(whose, '/');
	int r = -ENOMEM;

	query->n_rows = 0;
	if (name != NULL)
		r = subid_owner_find(query->view->users, name, &owner);
	if (r >= 0 && r != SUBID_INVALID)
		r = ask_live_inside(query, kind, inside, &owner,
				    slash == NULL ? NULL : slash + 1);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", whose, strerror(-r));
	return query->n_rows > 0 ? EXIT_DONE
				 : ask_share_inside(query, kind, inside, name, whose);
}
