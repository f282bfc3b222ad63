/* SPDX-License-Identifier: MIT */
#include "tools/subid/advice.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"
#include "libsubid/policy/policy.h"
#include "tools/subid/foreign_library.h"

/* More owners are not named one by one. */
#define NAMED_MAX 5

static bool same_owner(const struct range_row *a, const struct range_row *b)
{
	return a->owner_len == b->owner_len &&
	       memcmp(a->owner, b->owner, a->owner_len) == 0;
}

/* The owners of the rows, which stand together; how many there are. */
static size_t first_owners(const struct range_list *rows, size_t ret[NAMED_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		if (i > 0 && same_owner(&rows->list[i], &rows->list[i - 1]))
			continue;
		if (n < NAMED_MAX)
			ret[n] = i;
		n++;
	}
	return n;
}

/* "--root DIR ", as it can be typed; a name that a shell would read otherwise is left to
 * who reads this. */
static const char *image_of(const struct cli *cli, char buf[PATH_MAX])
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._-+,:@%=";
	const char *root = cli->root;

	if (root == NULL)
		return "";
	if (root[strspn(root, plain)] != '\0' || strlen(root) > PATH_MAX - 16)
		root = "DIR";
	(void)snprintf(buf, PATH_MAX, "--root %s ", root);
	return buf;
}

/* The row of the other kind with the same ids; NULL: there is none. */
static const struct range_row *other_kind(const struct range_list *rows,
					  const struct range_row *row)
{
	for (const struct range_row *other = rows->list; other < rows->list + rows->n;
	     other++)
		if (other->kind != row->kind && same_owner(other, row) &&
		    other->range.start == row->range.start &&
		    other->range.count == row->range.count)
			return other;
	return NULL;
}

/* A user's lease, which no ledger knows, is made anew of the same ids, which rest before:
 * of both kinds at once, as they were made. */
static void undo_lease(const struct range_list *rows, const struct range_row *row)
{
	const struct range_row *other = other_kind(rows, row);
	const char *kind = row->kind == SUBID_UID ? "-u " : "-g ";
	int len = (int)row->owner_len;

	if (other != NULL && other < row)
		return; /* said */
	if (other != NULL)
		kind = "";
	(void)cli_complain(0,
			   "%.*s: undo: 'subid unhold %s%u:%u' and 'subid grant"
			   " %s--range %u:%u %.*s'",
			   len, row->owner, kind, row->range.start, row->range.count,
			   kind, row->range.start, row->range.count, len, row->owner);
}

static bool is_shared(const struct range_row *row)
{
	return strcmp(row->state, range_state_name(SUBID_STATE_SHARED)) == 0;
}

/* What another line has, too, does not rest: a restore would give other ids. */
static void undo_one(const struct range_list *rows, size_t first, const char *image)
{
	const struct range_row *owner = &rows->list[first];
	bool rests = false, shared = false;

	for (size_t i = first; i < rows->n && same_owner(&rows->list[i], owner); i++) {
		rests |= !is_shared(&rows->list[i]);
		shared |= is_shared(&rows->list[i]);
	}
	if (shared)
		(void)cli_complain(0, "%.*s: undo: not of ids that another line has, too",
				   (int)owner->owner_len, owner->owner);
	if (rests)
		(void)cli_complain(0, "%.*s: undo: 'subid %sgrant --restore %.*s'",
				   (int)owner->owner_len, owner->owner, image,
				   (int)owner->owner_len, owner->owner);
}

void advise_undo(const struct cli *cli, const struct range_list *rows, bool leases,
		 const char *group)
{
	char buf[PATH_MAX];
	const char *image = image_of(cli, buf);
	size_t at[NAMED_MAX], n = first_owners(rows, at);

	if (cli->quiet || n == 0)
		return;
	leases &= cli->root == NULL && geteuid() != 0;
	if (n > NAMED_MAX && group != NULL) {
		(void)cli_complain(0, "undo: 'subid %sgrant --restore --group %s'", image,
				   group);
		return;
	}
	if (n > NAMED_MAX) {
		(void)cli_complain(
		    0, "undo: 'subid %sgrant %s', for each of the %zu", image,
		    leases ? "--range RANGE OWNER/NAME" : "--restore OWNER", n);
		return;
	}
	for (size_t i = 0; leases && i < rows->n; i++)
		undo_lease(rows, &rows->list[i]);
	for (size_t i = 0; !leases && i < n; i++)
		undo_one(rows, at[i], image);
}

static bool is_generated(int etc, enum subid_kind kind)
{
	auto_close int fd =
	    openat(etc, subid_kind_table(kind), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char line[256], *end;
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line));

	if (n <= 0 || line[0] != '#')
		return false;
	end = memchr(line, '\n', (size_t)n);
	return memmem(line, end == NULL ? (size_t)n : (size_t)(end - line), "enerated",
		      strlen("enerated")) != NULL;
}

void advise_generated(const struct cli *cli)
{
	auto_close int etc = open(cli->etc_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (cli->quiet || etc < 0)
		return;
	if (fstatat(etc, "NIXOS", &st, AT_SYMLINK_NOFOLLOW) == 0) {
		(void)cli_complain(
		    0,
		    "warning: NixOS makes %s/subuid and subgid: this change may be lost "
		    "at"
		    " the next nixos-rebuild: declare the ranges in configuration.nix"
		    " (users.users.NAME.subUidRanges, subGidRanges)",
		    cli->etc_name);
		return;
	}
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (is_generated(etc, kind))
			(void)cli_complain(
			    0,
			    "warning: %s/%s says in its first line that it is generated:"
			    " this change is lost when it is generated again: make it "
			    "where"
			    " the file comes from",
			    cli->etc_name, subid_kind_table(kind));
}

static bool talks_to_person(const struct cli *cli)
{
	return !cli->quiet && !cli->json && isatty(STDERR_FILENO);
}

static bool has_other_ids(const struct range_list *rows)
{
	for (size_t i = 1; i < rows->n; i++)
		if (rows->list[i].range.start != rows->list[0].range.start)
			return true;
	return false;
}

void advise_after_revoke(const struct cli *cli, const struct range_list *rows)
{
	const struct range_row *row = rows->list;

	if (rows->n == 0 || !talks_to_person(cli) || cli->root != NULL ||
	    strcmp(row->state, range_state_name(SUBID_STATE_RELEASED)) != 0)
		return;
	(void)cli_complain(
	    0,
	    "next: files may still have these ids: 'subid unhold --search"
	    " / %u:%u' looks for them, and frees the ids if there is none%s",
	    row->range.start, row->range.count,
	    has_other_ids(rows) ? "; likewise for each range" : "");
}

/* Has the user a storage of podman's?  Threat: the home's owner chooses what is there: no
 * link is followed, and nothing is opened to be read. */
static bool has_podman(const char *home)
{
	auto_close int dir = open(home, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int storage = -1;

	if (dir < 0)
		return false;
	storage = beneath_open(dir, ".local/share/containers/storage",
			       O_PATH | O_DIRECTORY | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
	return storage >= 0;
}

static void advise_podman(const char *owner)
{
	const struct passwd *account = getpwnam(owner);

	if (account == NULL || !has_podman(account->pw_dir))
		return;
	(void)cli_complain(0,
			   "next: podman keeps the ranges that it began with: %s runs"
			   " 'podman system migrate'",
			   owner);
}

/* Who got new ids may want those that it had: they rest, for it alone. */
static void advise_restore(const struct cli *cli, struct subid *sys, const char *owner)
{
	auto_list struct subid_list *list = NULL;
	struct subid_row row = { .size = sizeof(row) };
	char buf[PATH_MAX];

	if (subid_ledger_read(sys, 0, SUBID_LEDGER_RELEASED, &list, NULL) < 0)
		return;
	for (size_t i = 0; subid_list_get(list, i, &row); i++) {
		if (row.state != SUBID_STATE_RELEASED || row.container != NULL ||
		    row.owner == NULL || strcmp(row.owner, owner) != 0)
			continue;
		(void)cli_complain(
		    0,
		    "%s: had %ss %u-%llu before: 'subid %sgrant --restore %s' gives"
		    " them back",
		    owner, subid_kind_name(row.kind), row.range.start,
		    (unsigned long long)id_range_end(row.range) - 1, image_of(cli, buf),
		    owner);
		return;
	}
}

static bool has_account(const char *owner)
{
	uint32_t uid;
	const struct passwd *account = subid_id_parse(owner, strlen(owner), &uid) == 0
					   ? getpwuid(uid)
					   : getpwnam(owner);

	return account != NULL &&
	       !subid_nss_is_name(account->pw_name, account->pw_passwd, account->pw_uid);
}

/* An account, which most owners have, is not looked for without a reason: that may take
 * long. */
static void warn_no_account(const char *owner, bool force_unknown)
{
	const struct subid_special_owner *special =
	    subid_special_owner(owner, strlen(owner));
	const char *library = "";

	if (!force_unknown && (special == NULL || !special->needs_no_account))
		return;
	if (has_account(owner))
		return;
	if (foreign_library_ask(owner, &library) != SUBID_ABSENT ||
	    strcmp(library, "libsubid.so.6") != 0)
		return;
	(void)cli_complain(0,
			   "warning: %s: %s, which podman and buildah ask, finds no"
			   " range: " FOREIGN_LIBRARY_NO_ACCOUNT
			   ": " FOREIGN_LIBRARY_HELP,
			   owner, library, owner);
}

void advise_after_grant(const struct cli *cli, struct subid *sys, const char *owners,
			size_t n, bool new_ids, bool force_unknown)
{
	if (cli->quiet)
		return;
	if (n == 1 && new_ids && talks_to_person(cli))
		advise_restore(cli, sys, owners);
	if (cli->root != NULL)
		return;
	if (n == 1 && talks_to_person(cli))
		advise_podman(owners);
	for (size_t i = 0; i < n && i < NAMED_MAX; i++, owners += strlen(owners) + 1)
		warn_no_account(owners, force_unknown);
}
