/* SPDX-License-Identifier: MIT */
#include "tools/subid/audit_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"

/* An audit that runs each night need not wait longer. */
#define PATIENCE_MS 60000

void audit_asked_free(struct audit_asked *asked)
{
	directory_ranges_free(&asked->ranges);
	free(asked->rows);
}

static bool has_directory(void)
{
	auto_close int etc = open(SUBID_SYSCONFDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct subid_conf_source source = {
		.etc = etc,
		.vendor = SUBID_VENDORDIR,
		.follow = true,
	};
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	struct subid_conf_place place;

	return etc >= 0 && subid_conf_load(&source, NULL, &conf, &place) == 0 &&
	       conf.directory.n_uris > 0 && conf.n_pools > 0;
}

static int add_owner(struct cli_names *names, const char *owner)
{
	auto_free char *name = directory_account_name(owner);

	return name == NULL ? -ENOMEM : cli_names_add(names, name);
}

/* The owners of the lines of a table; one of several lines once, if they follow. */
static int add_owners(struct subid *sys, enum subid_kind kind, struct cli_names *ret)
{
	auto_list struct subid_list *list = NULL;
	struct subid_row row = { .size = sizeof(row) };
	const char *last = "";
	int r = subid_lines(sys, kind, &list, NULL);

	for (size_t i = 0; r == 0 && subid_list_get(list, i, &row); i++) {
		if (row.state == SUBID_STATE_GRANTED && strcmp(row.owner, last) != 0)
			r = add_owner(ret, row.owner);
		last = row.owner;
	}
	return r;
}

/* Both tables have mostly the same owners: each is asked about once. */
static int list_owners(struct cli_names *ret)
{
	auto_system struct subid *sys = NULL;
	int r = subid_open(NULL, &sys, NULL);

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = add_owners(sys, kind, ret);
	return r == 0 ? cli_names_sort(ret) : r;
}

static int take(struct audit_asked *asked)
{
	asked->rows = calloc(asked->ranges.n + 1, sizeof(*asked->rows));
	if (asked->rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < asked->ranges.n; i++)
		asked->rows[i] = (struct audit_directory_range){
			asked->ranges.list[i].owner,
			asked->ranges.list[i].kind,
			asked->ranges.list[i].range,
		};
	asked->answer.ranges = asked->rows;
	asked->answer.n = asked->ranges.n;
	return 0;
}

const struct audit_directory *audit_ask_directory(const struct cli *cli,
						  struct audit_asked *ret)
{
	__attribute__((cleanup(cli_names_free))) struct cli_names names = { .n = 0 };
	int r;

	if (cli->root != NULL || !has_directory())
		return NULL;
	r = list_owners(&names);
	if (r == 0 && names.n > 0)
		r = directory_ask(DIRECTORY_LIST, names.text, names.n, PATIENCE_MS,
				  &ret->ranges);
	if (r == 0)
		r = take(ret);
	if (r != 0)
		ret->answer.why = r == -ETIMEDOUT ? "does not answer in time"
				  : r == -EPROTO ? "gave an answer that is not understood"
						 : "cannot be asked";
	return &ret->answer;
}
