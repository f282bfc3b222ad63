/* SPDX-License-Identifier: MIT */
/*
 * Whether the caller may have the map, rule 4 of newidmap.c, and what he is told if not.
 */
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/newidmap/private.h"

#define ALIASES_ASKED  16
#define HOLDINGS_SHOWN 8

/* Does the name service know this owner as the caller under another name? */
static bool is_alias(const struct call *call, const struct subid_line *line)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_free char *name = strndup(line->owner, line->owner_len);

	return name != NULL && subid_owner_find(call->users, name, &owner) == 0 &&
	       owner.uid == call->uid;
}

/*
 * Before a no: lines that give some of the ids to a name that only the name
 * service knows.  The local file's names of the caller's uid are known already.
 * Returns true if the caller holds more now.  Threat: a map of all ids would ask
 * for every owner in the table; so only for the first few.
 */
static bool find_aliases(struct call *call, struct id_range wanted)
{
	size_t pos = 0, len, asked = 0;
	uint64_t had = subid_set_size(&call->held);
	const char *text;

	if (!subid_users_ask_others(call->users))
		return false;
	while (asked < ALIASES_ASKED &&
	       subid_text_next(&call->table, &pos, &text, &len)) {
		struct subid_line line;

		if (subid_line_parse(text, len, &line) != 0 ||
		    !id_range_overlaps(line.range, wanted) ||
		    subid_set_contains(&call->held, line.range))
			continue;
		asked++;
		if (is_alias(call, &line) &&
		    subid_set_insert(&call->held, line.range) < 0)
			return false;
	}
	return subid_set_size(&call->held) != had;
}

static void print_holdings(const struct call *call)
{
	const struct subid_owner_name *name = &call->caller.spellings[0];
	int len = (int)name->len;

	for (size_t i = 0; i < call->n_holdings && i < HOLDINGS_SHOWN; i++) {
		const struct subid_owned_range *holding = &call->holdings[i];

		(void)fail(call->kind, "%.*s (uid %u) holds %u-%llu (line %zu)", len,
			   name->text, call->uid, holding->range.start,
			   (unsigned long long)id_range_end(holding->range) - 1,
			   holding->line);
	}
	if (call->n_holdings > HOLDINGS_SHOWN)
		(void)fail(call->kind, "and %zu ranges more: getsubids %s%.*s",
			   call->n_holdings - HOLDINGS_SHOWN,
			   call->kind->table == SUBID_GID ? "-g " : "", len, name->text);
	if (call->n_holdings == 0)
		(void)fail(call->kind, "%.*s (uid %u) holds nothing there", len,
			   name->text, call->uid);
}

/* What shadow says, then the rule, what the caller has, and whom to ask for more. */
static int refuse(const struct call *call, const struct subid_map_line *line)
{
	const char *id = subid_kind_name(call->kind->table);
	const char *table = subid_kind_table(call->kind->table);
	const struct subid_owner_name *name = &call->caller.spellings[0];

	log_refusal(call, line, SUBID_DENIED);
	(void)fail(call->kind, "%s range [%u-%llu) -> [%u-%llu) not allowed", id,
		   line->inside.start, (unsigned long long)id_range_end(line->inside),
		   line->outside.start, (unsigned long long)id_range_end(line->outside));
	if (call->source[0] != '\0')
		return fail(
		    call->kind,
		    "every id outside must be yours by %s (%s/nsswitch.conf), or be"
		    " your own %s alone: ask its administrator for a range",
		    call->source, SUBID_SYSCONFDIR, id);
	(void)fail(call->kind,
		   "every id outside must be yours in %s/%s, or be your own %s alone",
		   SUBID_SYSCONFDIR, table, id);
	print_holdings(call);
	return fail(call->kind,
		    "use what you hold, or ask the administrator for: subid grant%s %.*s",
		    call->n_holdings > 0 ? " --another" : "", (int)name->len, name->text);
}

/* Rule 4. */
int authorize(struct call *call)
{
	uint32_t own_id = call->kind->table == SUBID_UID ? call->uid : call->gid;
	size_t bad;

	while (subid_map_authorize(call->lines, call->n, &call->held, own_id,
				   &call->by_table, &bad) != 0)
		if (!find_aliases(call, call->lines[bad].outside))
			return refuse(call, &call->lines[bad]);
	return 0;
}
