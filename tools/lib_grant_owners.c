/* SPDX-License-Identifier: MIT */
/*
 * To whom subid grant gives: named, in a file, the members of a group, or all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grant.h"
#include "libsubid/cleanup.h"

static int out_of_memory(void)
{
	return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
}

void grant_owners_free(struct grant_owners *owners)
{
	free(owners->names);
	*owners = (struct grant_owners){ .n = 0 };
}

int grant_owners_add(struct grant_owners *owners, const char *name)
{
	size_t size = strlen(name) + 1;

	if (owners->room - owners->size < size) {
		size_t room = owners->room * 2 + size + 1024;
		char *grown = realloc(owners->names, room);

		if (grown == NULL)
			return -ENOMEM;
		owners->names = grown;
		owners->room = room;
	}
	memcpy(owners->names + owners->size, name, size);
	owners->size += size;
	owners->n++;
	return 0;
}

/* One owner a line; blank lines and comments are passed over, and blanks at the
 * ends, which no owner's name has: lines may end in CR LF. */
static int read_lines(struct grant_owners *owners, const char *from, FILE *stream)
{
	auto_free char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stream)) >= 0) {
		const char *name = line + strspn(line, " \t\r\n");

		if (strlen(line) != (size_t)len)
			return cli_complain(
			    EXIT_NO, "%s: '%s': a NUL byte is in the line", from, line);
		while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
			line[--len] = '\0';
		if (name[0] == '\0' || name[0] == '#')
			continue;
		if (grant_owners_add(owners, name) < 0)
			return out_of_memory();
	}
	if (ferror(stream))
		return cli_complain(EXIT_UNABLE, "%s: %s", from, strerror(errno));
	return EXIT_DONE;
}

int grant_owners_read(struct grant_owners *owners, const char *from)
{
	FILE *stream;
	int status;

	if (strcmp(from, "-") == 0)
		return read_lines(owners, from, stdin);
	stream = fopen(from, "re");
	if (stream == NULL)
		return cli_complain(EXIT_UNABLE, "%s: %s", from, strerror(errno));
	status = read_lines(owners, from, stream);
	(void)fclose(stream); /* only read */
	return status;
}

/* Who is meant by a group, or by all. */
struct choice {
	const struct cli *cli;
	struct grant_owners *owners;
	struct subid_txn *txn;
	const char *group;
	bool all;
	size_t passed_over; /* whom policy does not give any */
};

/*
 * Adds an owner that nobody has named, if policy gives to it.  selected: somebody
 * has named a group that it is in, which makes up for a uid that is not of people,
 * but not for rules that leave it out.
 */
static int add_if_given(struct choice *choice, const char *name, bool selected)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	struct subid_decision decision;
	bool given;
	int r = subid_owner_find(subid_txn_users(choice->txn), name, &owner);

	if (r == SUBID_INVALID)
		return grant_owners_add(choice->owners, name); /* to be complained of */
	if (r == 0 || r == SUBID_UNKNOWN)
		r = subid_txn_decide(choice->txn, &owner, &decision);
	if (r < 0)
		return r;
	given = decision.verdict == SUBID_VERDICT_GIVE ||
		(decision.verdict == SUBID_VERDICT_NONE && selected &&
		 !subid_conf_gives(subid_txn_conf(choice->txn)));
	choice->passed_over += !given && (selected || decision.rule != NULL);
	return given ? grant_owners_add(choice->owners, name) : 0;
}

static int add_member(void *data, const char *name)
{
	return add_if_given(data, name, true);
}

static int add_all(struct choice *choice)
{
	const struct subid_users *users = subid_txn_users(choice->txn);
	int r = subid_txn_prepare_bulk(choice->txn);

	for (size_t i = 0; r == 0 && i < subid_users_count(users); i++) {
		const struct subid_account *account = subid_users_at(users, i);
		auto_free char *name = strndup(account->name, account->name_len);

		r = name == NULL ? -ENOMEM : add_if_given(choice, name, false);
	}
	return r;
}

/* The owners that only the accounts can tell. */
static int add_accounts(struct choice *choice)
{
	int r = 0;

	if (choice->group != NULL)
		r = subid_users_members(subid_txn_users(choice->txn), choice->group,
					add_member, choice);
	if (r == SUBID_UNKNOWN)
		return cli_complain(EXIT_NO, "%s: no such group", choice->group);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", choice->group, strerror(-r));
	if (choice->all)
		r = add_all(choice);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "--all: %s", strerror(-r));
	if (choice->passed_over > 0 && !choice->cli->quiet)
		(void)cli_complain(0,
				   "%zu passed over, to whom %s/" SUBID_CONF_FILE
				   " gives no ids ('subid policy explain OWNER')",
				   choice->passed_over, choice->cli->etc_name);
	return EXIT_DONE;
}

int grant_owners_choose(const struct cli *cli, struct grant_owners *owners,
			struct subid_txn *txn, const char *group, bool all)
{
	struct choice choice = { cli, owners, txn, group, all, 0 };

	return add_accounts(&choice);
}
