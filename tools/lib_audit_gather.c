/* SPDX-License-Identifier: MIT */
/*
 * What an audit looks at.  What cannot be read is told, and the rest is looked at
 * all the same.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_forms.h"
#include "libsubid/cleanup.h"

/* Something that the report says nothing about. */
__attribute__((format(printf, 2, 3))) static void
add_missing(struct audit_gathered *gathered, const char *format, ...)
{
	char **grown =
	    reallocarray(gathered->missing, gathered->n_missing + 1, sizeof(*grown));
	va_list args;
	char *text;

	if (grown == NULL) {
		gathered->failed = true;
		return;
	}
	gathered->missing = grown;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		gathered->failed = true;
	else
		grown[gathered->n_missing++] = text;
	va_end(args);
}

/* Through a link, on the running system: that it is one is a finding. */
static int load_through_link(int etc, enum subid_kind kind, struct subid_table *ret)
{
	struct subid_text text;
	int r = subid_text_read(etc, subid_kind_table(kind), true, &text);

	return r < 0 ? r : subid_table_from_text(kind, &text, ret);
}

static void load_table(const struct cli *cli, int etc, enum subid_kind kind,
		       struct audit_gathered *gathered)
{
	struct subid_table *table = &gathered->tables[kind];
	struct subid_failure failure = { .file = subid_kind_table(kind) };
	int r;

	if (kind == SUBID_GID && gathered->input.tables[SUBID_UID] != NULL)
		r = subid_table_load_like(etc, &gathered->tables[SUBID_UID], kind, table);
	else
		r = subid_table_load(etc, kind, table);
	if (r == -ELOOP && cli->root == NULL)
		r = load_through_link(etc, kind, table);
	if (r == 0) {
		gathered->input.tables[kind] = table;
		return;
	}
	gathered->failed = true;
	add_missing(gathered, "%s/%s could not be read: %s", cli->etc_name, failure.file,
		    strerror(-r));
	(void)cli_txn_failed(cli, r, &failure);
}

static void load_policy(const struct cli *cli, int etc, struct audit_gathered *gathered)
{
	struct subid_failure failure = { .file = "login.defs" };
	int r;

	gathered->policy = subid_policy_default;
	gathered->input.policy = &gathered->policy;
	r = subid_policy_load(etc, cli->root == NULL, &gathered->policy,
			      &gathered->policy_place);
	if (r == SUBID_INVALID)
		gathered->input.policy_fault = &gathered->policy_place;
	if (r >= 0)
		return;
	gathered->failed = true;
	gathered->policy = subid_policy_default;
	add_missing(gathered, "%s/login.defs could not be read: %s", cli->etc_name,
		    strerror(-r));
	(void)cli_txn_failed(cli, r, &failure);
}

int audit_gather(const struct cli *cli, int etc, bool live, struct audit_gathered *ret)
{
	struct subid_failure failure = { .file = "passwd" };
	int r;

	(void)live;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		load_table(cli, etc, kind, ret);
	load_policy(cli, etc, ret);
	r = subid_users_load(etc, cli->root == NULL, &ret->users);
	if (r < 0)
		return cli_txn_failed(cli, r, &failure);
	ret->input.users = ret->users;
	return EXIT_DONE;
}

void audit_gathered_free(struct audit_gathered *gathered)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_table_free(&gathered->tables[kind]);
	subid_users_free(&gathered->users);
	for (size_t i = 0; i < gathered->n_missing; i++)
		free(gathered->missing[i]);
	free(gathered->missing);
}
