/* SPDX-License-Identifier: MIT */
/*
 * Owners and containers: how records call them, and what a store's mount for them is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/subid/runtime_config.h"
#include "tools/subid/share/share.h"
#include "tools/subid/view.h"

void share_look_close(struct share_look *look)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_table_free(&look->tables[kind]);
	subid_users_free(&look->users);
	subid_close(&look->sys);
	cleanup_close(&look->etc);
	look->etc = -1;
}

int share_look_open(struct cli *cli, struct share_look *ret)
{
	const char *file = "passwd";
	int status, r;

	*ret = (struct share_look){ .cli = cli, .etc = cli_open_etc(cli) };
	if (ret->etc < 0)
		return EXIT_UNABLE;
	status = cli_open_system(cli, true, &ret->sys);
	for (enum subid_kind kind = 0; status == EXIT_DONE && kind < SUBID_KINDS;
	     kind++) {
		ret->tables[kind] = (struct subid_table){ .kind = kind };
		status = cli_load_table(cli, ret->etc, kind, &ret->tables[kind]);
	}
	if (status != EXIT_DONE)
		return status;
	r = subid_users_open(ret->etc, cli->root == NULL, &ret->users, &file);
	return r == 0 ? EXIT_DONE : cli_unreadable(cli, file, r);
}

/* The account's first name: a uid may have several, and text be the uid itself. */
static int find_owner(const struct share_look *look, const char *text, size_t len,
		      struct subid_owner *ret)
{
	auto_free char *name = strndup(text, len);
	auto_owner struct subid_owner asked = { .has_account = false };
	int r = name == NULL ? -ENOMEM : subid_owner_find(look->users, name, &asked);

	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%.*s: cannot be looked up: %s",
				    (int)len, text, strerror(-r));
	if (r == SUBID_INVALID)
		return cli_complain(EXIT_NO, "%.*s: invalid owner name", (int)len, text);
	if (!asked.has_account)
		return EXIT_DONE; /* called as it was */
	r = subid_owner_of_uid(look->users, asked.uid, ret);
	return r == 0 ? EXIT_DONE
		      : cli_complain(EXIT_UNABLE, "%.*s: cannot be looked up: %s",
				     (int)len, text, strerror(r < 0 ? -r : ENOENT));
}

int share_look_name(const struct share_look *look, const char *text, char **ret,
		    uint32_t *ret_uid)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	size_t len = strcspn(text, "/");
	int status = find_owner(look, text, len, &owner), n;

	if (status != EXIT_DONE)
		return status;
	*ret_uid = owner.has_account ? owner.uid : SUBID_ID_NONE;
	n = owner.has_account ? asprintf(ret, "%.*s%s", (int)owner.spellings[0].len,
					 owner.spellings[0].text, text + len)
			      : asprintf(ret, "%s", text);
	if (n >= 0)
		return EXIT_DONE;
	*ret = NULL;
	return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
}

void share_target_free(struct share_target *target)
{
	free(target->name);
	target->name = NULL;
}

/* --- the map ------------------------------------------------------------------------ */

/* The maps of the containers. */
struct layout {
	struct subid_map_line lines[SUBID_KINDS][SUBID_MAP_LINES_MAX];
	size_t n[SUBID_KINDS];
};

/* What `subid config` would tell the runtime. */
static int layout_of_config(const struct runtime_config_row *runtime, const char *text,
			    const struct owner_ids *ids, struct layout *ret)
{
	auto_free struct runtime_config *setup = calloc(1, sizeof(*setup));
	const struct runtime_config_ids wanted = {
		.name = ids->name,
		.container = ids->container,
		.has_account = ids->owner.has_account,
		.own = { ids->owner.uid, ids->owner.gid },
		.all = &ids->all,
		.ids = &ids->ids,
		.doubled = ids->doubled,
	};
	int status = EXIT_DONE, r = -ENOMEM;

	if (setup != NULL)
		r = runtime_config_make(runtime, &wanted, SUBID_ID_NONE,
					(struct runtime_version){ .major = 0 }, setup);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(-r));
	if (r != 0)
		status = cli_complain(EXIT_NO, "%s: %s", text, setup->refusal);
	memcpy(ret->lines, setup->maps, sizeof(ret->lines));
	memcpy(ret->n, setup->n, sizeof(ret->n));
	runtime_config_free(setup);
	return status;
}

/* Rootless podman's own namespace, which its containers share unless told otherwise. */
static int layout_of_podman(const char *text, const struct owner_ids *ids,
			    struct layout *ret)
{
	const uint32_t own[SUBID_KINDS] = { ids->owner.uid, ids->owner.gid };

	if (ids->doubled)
		return cli_complain(EXIT_NO,
				    "%s: two of its lines overlap, and podman counts the"
				    " ids twice; see 'subid audit'",
				    text);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		int r;

		if (ids->all.of[kind].n == 0)
			return cli_complain(EXIT_NO,
					    "%s: no subordinate %ss; try 'subid grant"
					    " %s'",
					    text, subid_kind_name(kind), ids->name);
		r = share_podman_layout(own[kind], &ids->all.of[kind], ret->lines[kind],
					&ret->n[kind]);
		if (r == SUBID_TAKEN)
			return cli_complain(
			    EXIT_NO, "%s: the own %s %u is one of the subordinate ids",
			    text, subid_kind_name(kind), own[kind]);
		if (r != 0)
			return cli_complain(EXIT_NO,
					    "%s: more ranges than a map can have", text);
	}
	return EXIT_DONE;
}

static int make_map(const struct subid_share *share, const char *text,
		    const struct layout *layout, struct share_target *ret)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const char *id = subid_kind_name(kind);
		int r = share_map_make(kind, share->ids[kind], layout->lines[kind],
				       layout->n[kind], &ret->map);

		if (r == SUBID_TAKEN)
			return cli_complain(
			    EXIT_NO,
			    "%s: its %ss are those of the store %s itself: the ids of a"
			    " store must be of an owner whose containers do not use"
			    " them, such as root",
			    text, id, share->store);
		if (r == SUBID_DENIED)
			return cli_complain(EXIT_NO,
					    "%s: its %ss are root's: files of the store"
					    " would be root's on the host",
					    text, id);
		if (r != 0)
			return cli_complain(EXIT_NO, "%s: has no %ss that the store has",
					    text, id);
		for (size_t i = 0; i < layout->n[kind]; i++)
			ret->inside[kind] += layout->lines[kind][i].inside.count;
	}
	return EXIT_DONE;
}

static int name_point(const struct share_look *look, const struct subid_share *share,
		      const char *text, const struct owner_ids *ids,
		      struct share_target *ret)
{
	auto_free char *store = NULL, *owner = NULL;
	struct share_name from = { .uid = SUBID_ID_NONE }, to = { .uid = SUBID_ID_NONE };
	int status = share_look_name(look, share->store, &store, &from.uid), r;

	if (status == EXIT_DONE)
		status = share_look_name(look, text, &ret->name, &to.uid);
	if (status == EXIT_DONE)
		owner = strndup(ret->name, strcspn(ret->name, "/"));
	if (status != EXIT_DONE || owner == NULL)
		return status != EXIT_DONE
			   ? status
			   : cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	from.owner = store;
	from.name = strchr(store, '/') + 1;
	store[strcspn(store, "/")] = '\0';
	to.owner = owner;
	to.name = ids->container;
	r = share_point_name(&from, &to, ret->podman, &ret->point);
	if (r < 0)
		return cli_complain(EXIT_NO,
				    "%s: no path can have the names of the store and its"
				    " owner, who has no account",
				    text);
	ret->point.visitors[0] = to.uid == 0 ? SUBID_ID_NONE : to.uid;
	ret->point.visitors[1] =
	    share_map_shows(&ret->map, SUBID_UID, share->ids[SUBID_UID].start);
	return EXIT_DONE;
}

int share_target_find(struct share_look *look, const struct subid_share *share,
		      const char *text, const char *runtime, struct share_target *ret)
{
	const struct runtime_config_row *row = runtime_config_find(runtime);
	auto_free struct layout *layout = calloc(1, sizeof(*layout));
	auto_owner_ids struct owner_ids ids = { .name = NULL };
	int status;

	if (layout == NULL)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	if (row == NULL)
		return cli_complain(EXIT_USAGE, "unknown runtime '%s'", runtime);
	status = owner_ids_find(look->cli, look->sys, look->users, look->tables, NULL,
				text, &ids);
	if (status != EXIT_DONE)
		return status;
	/* LXD chooses the ids of each container that has no lease */
	if (row->roots && ids.container == NULL)
		return cli_complain(EXIT_NO,
				    "%s: %s gives each container its own ids:"
				    " use a lease, %s/NAME",
				    text, row->title, text);
	ret->podman = strcmp(runtime, "podman") == 0 && ids.container == NULL &&
		      ids.owner.has_account && ids.owner.uid != 0;
	status = ret->podman ? layout_of_podman(text, &ids, layout)
			     : layout_of_config(row, text, &ids, layout);
	if (status == EXIT_DONE)
		status = make_map(share, text, layout, ret);
	return status == EXIT_DONE ? name_point(look, share, text, &ids, ret) : status;
}
