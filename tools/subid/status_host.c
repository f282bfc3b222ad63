/* SPDX-License-Identifier: MIT */
/*
 * The state of a host: who has ranges and who should, what is held, and what comes next.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "libsubid/policy/policy.h"
#include "tools/subid/rows.h"
#include "tools/subid/status.h"

/* Has an account a line in both tables, by its name or its uid? */
static bool has_lines(const struct status_tables *tables, const char *name)
{
	struct subid_account account;
	char number[16] = "";

	if (subid_users_by_name(tables->users, name, strlen(name), &account))
		(void)snprintf(number, sizeof(number), "%u", account.uid);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_table *table = &tables->list[kind];

		if (subid_table_first(table, name, strlen(name)) >= table->n &&
		    (number[0] == '\0' ||
		     subid_table_first(table, number, strlen(number)) >= table->n))
			return false;
	}
	return true;
}

/* Of those to whom the policy gives ranges: how many have, how many have none, and the
 * first of the latter. */
static int add_users(struct status_tables *tables, struct subid_txn *txn, json_t *object)
{
	auto_list struct subid_list *list = NULL;
	struct subid_error err = { .size = sizeof(err) };
	struct subid_row row = { .size = sizeof(row) };
	json_t *without = json_array();
	size_t passed, with = 0, n = 0;
	int r = subid_candidates(txn, NULL, true, &list, &passed, &err);

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_table_index(&tables->list[kind]);
	for (size_t i = 0; r == 0 && subid_list_get(list, i, &row); i++, n++) {
		if (has_lines(tables, row.owner))
			with++;
		else if (json_array_size(without) < 1000)
			(void)json_array_append_new(
			    without, cli_json_name(row.owner, strlen(row.owner)));
	}
	(void)json_object_set_new(object, "users",
				  json_pack("{s:I, s:I, s:o}", "with", (json_int_t)with,
					    "without", (json_int_t)(n - with), "first",
					    without));
	return r == 0 ? EXIT_DONE : cli_say(cli_status(r), &err);
}

static void add_lines(struct status_tables *tables, json_t *object)
{
	json_t *lines = json_object(), *holds = json_object();

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_table *table = &tables->list[kind];
		json_int_t held = 0;
		size_t n = 0;

		for (size_t i = 0; i < table->n; i++) {
			const struct subid_entry *entry = &table->entries[i];
			bool hold = subid_owner_is_hold(subid_table_owner(table, entry),
							entry->owner_len);

			n += !hold;
			held += hold ? entry->range.count : 0;
		}
		(void)json_object_set_new(lines, subid_kind_name(kind),
					  json_integer((json_int_t)n));
		(void)json_object_set_new(holds, subid_kind_name(kind),
					  json_integer(held));
	}
	(void)json_object_set_new(object, "lines", lines);
	(void)json_object_set_new(object, "held", holds);
}

/* Where the next owner's range would be. */
static void add_next(struct subid_txn *txn, json_t *object)
{
	const struct subid_request request = {
		.size = sizeof(request),
		.owner = "containers",
		.flags = SUBID_ANOTHER | SUBID_UNKNOWN_OWNER,
	};
	const struct subid_list *changes = NULL;
	struct subid_row row = { .size = sizeof(row) };
	json_t *next = json_object();

	(void)json_object_set_new(object, "next", next);
	if (subid_grant(txn, &request, NULL) != 0 || subid_changes(txn, &changes) < 0)
		return;
	for (size_t i = 0; subid_list_get(changes, i, &row); i++)
		(void)json_object_set_new(
		    next, subid_kind_name(row.kind),
		    json_pack("{s:I, s:I}", "start", (json_int_t)row.range.start, "end",
			      (json_int_t)id_range_end(row.range) - 1));
}

void status_mark_audited(void)
{
	auto_close int dir = -1, fd = -1;

	if (geteuid() != 0)
		return;
	dir = open(SUBID_STATEDIR, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir >= 0)
		fd = openat(dir, "audited",
			    O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
			    0644);
	if (fd >= 0)
		(void)futimens(fd, NULL); /* else the time is older than it could be */
}

/* When root last ran an complete audit. */
static void add_audit(struct status_tables *tables, json_t *object)
{
	char text[CLI_TIME_SIZE];
	struct stat st;
	bool known = tables->cli->root == NULL && stat(STATUS_AUDITED, &st) == 0 &&
		     cli_time(st.st_mtime, text);

	(void)json_object_set_new(object, "last_audit",
				  known ? json_string(text) : json_null());
}

int status_of_host(struct status_tables *tables, json_t *object)
{
	char source[SUBID_SOURCE_SIZE] = "";
	auto_txn struct subid_txn *txn = NULL;
	bool usable;
	int status;

	(void)json_object_set_new(object, "version", json_string(SUBID_VERSION));
	(void)json_object_set_new(
	    object, "source",
	    subid_source(tables->sys, source, NULL) != 0
		? json_null()
		: json_string(source[0] == '\0' ? "files" : source));
	add_lines(tables, object);
	(void)json_object_set_new(object, "window", status_windows(tables));
	if (tables->cli->root == NULL)
		(void)json_object_set_new(object, "helpers",
					  status_helpers(tables->cli, &usable));
	add_audit(tables, object);
	status = cli_begin(tables->sys, SUBID_DRY_RUN, &txn);
	if (status != EXIT_DONE)
		return status;
	status = add_users(tables, txn, object);
	add_next(txn, object);
	return status;
}

/* --- for people */

static long long in(const json_t *object, const char *key, const char *below)
{
	return json_integer_value(json_object_get(json_object_get(object, key), below));
}

/* "2 in each table", "5 uids, 7 gids": a number of each kind. */
static void print_both(const json_t *object, const char *key, const char *each,
		       const char *ofuid, const char *ofgid)
{
	char uid[32], gid[32];

	(void)status_digits(in(object, key, "uid"), uid);
	(void)status_digits(in(object, key, "gid"), gid);
	if (strcmp(uid, gid) == 0)
		status_line(key, "%s %s", uid, each);
	else
		status_line(key, "%s %s, %s %s", uid, ofuid, gid, ofgid);
}

static void print_users(const json_t *users)
{
	const json_t *first = json_object_get(users, "first");
	long long with = json_integer_value(json_object_get(users, "with"));
	long long without = json_integer_value(json_object_get(users, "without"));
	const char *name = json_string_value(json_array_get(first, 0));
	char a[32], b[32];

	if (users == NULL)
		return;
	status_line("users", "%s with ranges, %s without%s%s%s%s", status_digits(with, a),
		    status_digits(without, b), name == NULL ? "" : " (",
		    name == NULL ? "" : name, without > 1 ? ", ..." : "",
		    name == NULL ? "" : ")");
}

void status_print_host(const json_t *object)
{
	const json_t *next = json_object_get(object, "next");
	const char *source = json_string_value(json_object_get(object, "source"));
	const char *audited = json_string_value(json_object_get(object, "last_audit"));

	status_line("subid", "%s", json_string_value(json_object_get(object, "version")));
	print_users(json_object_get(object, "users"));
	print_both(object, "lines", "in each table", "in subuid", "in subgid");
	print_both(object, "held", "of each kind", "uids", "gids");
	status_print_windows(json_object_get(object, "window"));
	if (json_object_get(next, "uid") != NULL)
		status_line("next", "uid %lld-%lld, gid %lld-%lld",
			    in(next, "uid", "start"), in(next, "uid", "end"),
			    in(next, "gid", "start"), in(next, "gid", "end"));
	else
		status_line("next", "not known: no gap, or it could not be looked at");
	status_line("source", "%s", source == NULL ? "not known" : source);
	if (json_object_get(object, "helpers") != NULL)
		status_print_helpers(json_object_get(object, "helpers"), true);
	status_line("last audit", "%s",
		    audited == NULL ? "no complete one is known: sudo subid audit"
				    : audited);
}
