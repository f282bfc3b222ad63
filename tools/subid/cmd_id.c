/* SPDX-License-Identifier: MIT */
/*
 * subid id: the owner of an id of the host, and the id inside a container; and back.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libsubid/core/core.h"
#include "tools/subid/former.h"
#include "tools/subid/rows.h"
#include "tools/subid/runtime_config.h"
#include "tools/subid/view.h"

enum { OPTION_INSIDE = 256 * 2 };

static const struct cli_option options[] = {
	{ 'u', "uid", NULL, "ID is a uid (default); of PATH, only the owner" },
	{ 'g', "gid", NULL, "ID is a gid; of PATH, only the group" },
	{ OPTION_INSIDE, "inside", "ID", "translate ID inside OWNER[/NAME] to the host" },
};

enum { KIND, ID, OWNER, CONTAINER, INSIDE, NAME, STATE, USERNS, FORMER, N_COLUMNS };

static const struct rows_column columns[N_COLUMNS] = {
	[KIND] = { .heading = "KIND", .key = "kind" },
	[ID] = { .heading = "ID", .key = "id", .number = true },
	[OWNER] = { .heading = "OWNER", .key = "owner" },
	[CONTAINER] = { .heading = "CONTAINER", .key = "container" },
	[INSIDE] = { .heading = "INSIDE", .key = "inside", .number = true },
	[NAME] = { .heading = "NAME", .key = "name" },
	[STATE] = { .heading = "STATE", .key = "state", .state = true },
	[USERNS] = { .key = "userns", .number = true },
	[FORMER] = { .key = "former" },
};

struct id_query {
	struct view *view;
	struct rows *output;
	struct former former;
	size_t n_rows; /* printed for the current operand */
	/* the last row, since several namespaces may give the same one */
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
	const char *former;
	bool other; /* one more owner of the same id */
};

static bool is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Prints a row, but not the same twice. */
static void print_finding(struct id_query *query, const struct id_finding *finding)
{
	const struct rows_cell cells[N_COLUMNS] = {
		[KIND] = rows_text(subid_kind_name(finding->kind)),
		[ID] = rows_number(finding->id),
		[OWNER] = rows_text(finding->owner),
		[CONTAINER] = rows_text(finding->container),
		[INSIDE] = rows_id(finding->inside),
		[NAME] = rows_text(finding->name),
		[STATE] = rows_text(finding->state),
		[USERNS] = { .known = finding->userns != 0, .number = finding->userns },
		[FORMER] = rows_text(finding->former),
	};

	if (query->n_rows > 0 && query->last_id == finding->id &&
	    query->last_inside == finding->inside &&
	    is_same(query->last_container, finding->container) && !finding->other)
		return;
	rows_add(query->output, cells, ROWS_NO_PARENT);
	query->n_rows++;
	query->last_id = finding->id;
	query->last_inside = finding->inside;
	query->last_container = finding->container;
}

static const char *state_of(const struct view_answer *answer)
{
	static const char *const states[] = {
		[VIEW_NOBODY] = "live",	  [VIEW_ACCOUNT] = "account",
		[VIEW_LINE] = "granted",  [VIEW_LEASE] = "leased",
		[VIEW_HELD] = "released",
	};

	if (answer->by == VIEW_HELD && strcmp(answer->owner, SUBID_OWNER_RESERVED) == 0)
		return "reserved";
	return states[answer->by];
}

/* A namespace that maps the id; its creator is the owner if there is no other.  0 or
 * -ENOMEM. */
static int print_live(struct id_query *query, enum subid_kind kind, uint32_t id,
		      size_t userns, uint32_t inside)
{
	struct view *view = query->view;
	const struct subid_live_userns *ns = &view->live.userns[userns];
	const struct view_answer *answer = view_ask(view, kind, id);
	size_t named = view_container(view, userns);
	uint32_t creator = view_creator(view, userns);
	struct id_finding finding = { .kind = kind, .id = id, .inside = inside };

	if (answer == NULL)
		return -ENOMEM;
	finding.state = state_of(answer);
	finding.owner = answer->owner;
	if (answer->owner == NULL && creator != SUBID_ID_NONE) {
		const struct view_answer *maker = view_ask(view, SUBID_UID, creator);

		finding.owner = maker == NULL ? NULL : maker->owner;
	}
	finding.container = answer->container;
	if (finding.container == NULL && named > 0)
		finding.container = view->live.userns[named].container;
	if (ns->n > 0)
		finding.name = view_name_inside(view, userns, ns->holder, kind, inside);
	if ((ns->inode & SUBID_LIVE_GUESSED) == 0)
		finding.userns = ns->inode;
	print_finding(query, &finding);
	return 0;
}

/* The id inside, by the map that 'subid config' would print. */
static int find_position(struct view *view, enum subid_kind kind,
			 const struct view_answer *answer, uint32_t id, uint32_t *ret)
{
	auto_owner_ids struct owner_ids share = { .name = NULL };
	struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	struct subid_keep none = { .inside = SUBID_ID_NONE };
	const struct subid_list *leases = view_leases(view, answer->owner);
	auto_free char *text = NULL;
	size_t n;

	if (leases == NULL)
		return SUBID_ABSENT;
	if (asprintf(&text, "%s%s%s", answer->owner, answer->container == NULL ? "" : "/",
		     answer->container == NULL ? "" : answer->container) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	if (owner_ids_find(view->cli, view->sys, view->users, view->tables, leases, text,
			   &share) != EXIT_DONE ||
	    subid_layout(&share.ids.of[kind], none, lines, &n) != 0)
		return SUBID_ABSENT;
	return subid_map_inside(lines, n, id, ret);
}

/* What the tables say of an id that no running process uses.  0 or -errno. */
static int print_at_rest(struct id_query *query, enum subid_kind kind, uint32_t id)
{
	const struct view_answer *answer = view_ask(query->view, kind, id);
	struct id_finding finding = { .kind = kind, .id = id, .inside = SUBID_ID_NONE };
	char former[FORMER_SIZE] = "", words[FORMER_WORDS_SIZE];
	int r = 0;

	if (answer == NULL)
		return -ENOMEM;
	if (answer->by == VIEW_NOBODY)
		return 0;
	if (answer->by == VIEW_HELD)
		r = former_find(&query->former, query->view->sys, kind, id, former,
				words);
	if (r == 0 && former[0] != '\0') {
		finding.former = former;
		if (!query->view->cli->quiet)
			(void)cli_complain(0, "%s %u: %s", subid_kind_name(kind), id,
					   words);
	}
	finding.owner = answer->owner;
	finding.container = answer->container;
	finding.state = state_of(answer);
	if (r == 0 && (answer->by == VIEW_LINE || answer->by == VIEW_LEASE))
		r = find_position(query->view, kind, answer, id, &finding.inside);
	if (r < 0)
		return r;
	print_finding(query, &finding);
	return 0;
}

/* Every other line that gives the id to somebody: a range may have two owners, as LXD's
 * has by intention.  0 or -ENOMEM. */
static int print_others(struct id_query *query, enum subid_kind kind, uint32_t id)
{
	const struct subid_table *table = &query->view->tables[kind];
	const struct view_answer *answer = view_ask(query->view, kind, id);
	const char *first = answer == NULL ? NULL : answer->owner;
	auto_free uint32_t *entries = NULL;
	auto_free char *last = NULL;
	size_t n = 0;
	int r = 0;

	if (first != NULL)
		r = subid_id_index_all(&query->view->whose[kind], id, &entries, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		const struct subid_entry *entry = &table->entries[entries[i]];
		auto_free char *name = NULL;
		struct id_finding finding = { .kind = kind,
					      .id = id,
					      .inside = SUBID_ID_NONE,
					      .state = "granted",
					      .other = true };

		if (subid_owner_is_hold(subid_table_owner(table, entry),
					entry->owner_len))
			continue;
		name = view_owner_name(query->view, subid_table_owner(table, entry),
				       entry->owner_len);
		if (name == NULL)
			return -ENOMEM;
		if (strcmp(name, first) == 0 || is_same(name, last))
			continue;
		finding.owner = name;
		print_finding(query, &finding);
		free(last);
		last = name;
		name = NULL;
	}
	return answer == NULL ? -ENOMEM : 0;
}

/* Rows for an id of the host.  The status. */
static int ask_id(struct id_query *query, enum subid_kind kind, uint32_t id)
{
	const struct subid_live *live = &query->view->live;
	char former[FORMER_SIZE], words[FORMER_WORDS_SIZE];
	int r = 0;

	query->n_rows = 0;
	for (size_t i = 1; r == 0 && i < live->n; i++) {
		const struct subid_live_map *map = &live->userns[i].maps[kind];
		uint32_t inside;

		if (subid_map_inside(map->lines, map->n, id, &inside) == 0)
			r = print_live(query, kind, id, i, inside);
	}
	if (r == 0 && query->n_rows == 0)
		r = print_at_rest(query, kind, id);
	if (r == 0)
		r = print_others(query, kind, id);
	if (r == 0 && query->n_rows == 0)
		r = former_find(&query->former, query->view->sys, kind, id, former,
				words);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(-r));
	if (query->n_rows > 0)
		return EXIT_DONE;
	return cli_complain(live->n_unread > 0 ? EXIT_UNABLE : EXIT_NO,
			    "%s %u: has no owner%s%s%s", subid_kind_name(kind), id,
			    live->n_unread > 0 ? ", as far as can be seen" : "",
			    words[0] == '\0' ? "" : "; ", words);
}

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

/* Rows for an id inside running containers.  0 or -ENOMEM. */
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
			r = print_live(query, kind, id, i, inside);
	}
	return r;
}

/* The id on the host by the map that 'subid config' would print.  The status. */
static int ask_share_inside(struct id_query *query, enum subid_kind kind, uint32_t inside,
			    const char *owner, const char *whose)
{
	struct view *view = query->view;
	auto_owner_ids struct owner_ids share = { .name = NULL };
	struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	struct subid_keep none = { .inside = SUBID_ID_NONE };
	struct id_finding finding = { .kind = kind, .inside = inside };
	const struct subid_list *leases = view_leases(view, owner);
	int status;
	size_t n;

	if (leases == NULL)
		return cli_complain(EXIT_UNABLE,
				    "%s: its ids are unknown without the leases", whose);
	status = owner_ids_find(view->cli, view->sys, view->users, view->tables, leases,
				whose, &share);
	if (status != EXIT_DONE)
		return status;
	if (subid_layout(&share.ids.of[kind], none, lines, &n) != 0 ||
	    subid_map_outside(lines, n, inside, &finding.id) != 0)
		return cli_complain(EXIT_NO, "%s: has no %s %u inside", whose,
				    subid_kind_name(kind), inside);
	finding.owner = share.name;
	finding.container = share.container;
	finding.state = share.container == NULL ? "granted" : "leased";
	print_finding(query, &finding);
	query->last_container = NULL; /* it is freed with the share */
	return EXIT_DONE;
}

/* Translates an id inside the containers of OWNER, or inside OWNER/NAME, to the host; the
 * status. */
static int ask_inside(struct id_query *query, enum subid_kind kind, uint32_t inside,
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

static bool parse_id(const char *text, uint32_t *ret)
{
	return subid_id_parse(text, strlen(text), ret) == 0 && *ret != SUBID_ID_NONE;
}

static int worse(int a, int b)
{
	return a > b ? a : b;
}

/* The owner of a file; of a link, its own. */
static int ask_path(struct id_query *query, unsigned int kinds, const char *path)
{
	struct stat st;
	int status = EXIT_DONE;

	if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", path, strerror(errno));
	if (kinds & 1U << SUBID_UID)
		status = worse(status, ask_id(query, SUBID_UID, st.st_uid));
	if (kinds & 1U << SUBID_GID)
		status = worse(status, ask_id(query, SUBID_GID, st.st_gid));
	return status;
}

static int ask(struct id_query *query, bool uid, bool gid, const char *text)
{
	int status = EXIT_DONE;
	uint32_t id;

	if (!parse_id(text, &id))
		return ask_path(query, cli_kinds(uid, gid), text);
	if (uid || !gid)
		status = ask_id(query, SUBID_UID, id);
	if (gid)
		status = worse(status, ask_id(query, SUBID_GID, id));
	return status;
}

struct request {
	bool uid, gid;
	const char *inside; /* or NULL */
	uint32_t id;
	char *const *operands; /* up to NULL */
};

static int answer_all(struct id_query *query, const struct request *request)
{
	int status = EXIT_DONE;

	for (char *const *operand = request->operands; *operand != NULL; operand++) {
		if (request->inside == NULL) {
			status = worse(status,
				       ask(query, request->uid, request->gid, *operand));
			continue;
		}
		if (request->uid || !request->gid)
			status = worse(
			    status, ask_inside(query, SUBID_UID, request->id, *operand));
		if (request->gid)
			status = worse(
			    status, ask_inside(query, SUBID_GID, request->id, *operand));
	}
	return status;
}

static int run(struct cli *cli, int argc, char *argv[])
{
	auto_view struct view view = { .etc = -1, .proc = -1 };
	struct request request = { .inside = NULL };
	struct id_query query = { .view = &view };
	char own[CLI_ONESELF_SIZE];
	char *const oneself[] = { cli_oneself(own), NULL };
	int letter, status, closed;

	while ((letter = cli_next_option(cli, argc, argv)) != -1) {
		request.uid |= letter == 'u';
		request.gid |= letter == 'g';
		if (letter == OPTION_INSIDE)
			request.inside = optarg;
	}
	if (request.inside != NULL && !parse_id(request.inside, &request.id))
		return cli_misused(cli, "--inside: invalid id '%s'", request.inside);
	if (optind == argc && (request.inside == NULL || cli->root != NULL))
		return cli_misused(cli, "id: %s",
				   request.inside == NULL
				       ? "missing ID or PATH"
				       : "missing OWNER or OWNER/NAME");
	request.operands = optind == argc ? oneself : argv + optind;
	for (int i = optind; request.inside == NULL && i < argc; i++)
		if (strchr(argv[i], '/') == NULL && !parse_id(argv[i], &(uint32_t){ 0 }))
			return cli_misused(cli, "id: invalid id '%s'; a path needs a '/'",
					   argv[i]);
	status = view_load(cli, &view);
	if (status != EXIT_DONE)
		return status;
	query.output = rows_open(cli, "ids", columns, N_COLUMNS);
	if (query.output == NULL)
		return EXIT_UNABLE;
	status = answer_all(&query, &request);
	former_free(&query.former);
	closed = rows_close(query.output);
	if (view.partial)
		status = EXIT_UNABLE; /* unknown containers may own some of the ids */
	return closed != EXIT_DONE ? closed : status;
}

const struct cli_command cmd_id = {
	.name = "id",
	.arguments = "ID|PATH... | [OWNER[/NAME]...]",
	.summary = "show the owner of an id, and the id inside its container",
	CLI_OPTIONS(options),
	.text = "A PATH contains a '/'.  Columns: kind, id on the host, owner, "
		"container, id\n"
		"and name inside, state.  Who had an id that nobody has now is said, "
		"too;\n"
		"status 1: it has no owner.\n",
	.examples = "    subid id 100033\n"
		    "    subid id --inside 33 alice/web",
	.run = run,
};
