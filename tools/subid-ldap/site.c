/* SPDX-License-Identifier: MIT */
#include "tools/subid-ldap/site.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/core/core.h"

static int wrong_conf(const struct cli *cli, int r, const struct subid_conf_place *place)
{
	char file[CLI_CONF_FILE_SIZE];

	cli_conf_file(cli, place->file, file, sizeof(file));
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", file, strerror(-r));
	return cli_complain(EXIT_UNABLE, "%s:%zu: %s %s", file, place->place.line,
			    place->place.key, place->place.why);
}

/* What can only be seen once all lines are read. */
static int check_conf(const struct cli *cli, const struct subid_conf *conf)
{
	const struct subid_conf_directory *directory = &conf->directory;
	char file[CLI_CONF_FILE_SIZE];

	cli_conf_file(cli, SUBID_CONF_FILE, file, sizeof(file));
	if (directory->n_uris == 0)
		return cli_complain(EXIT_UNABLE,
				    "%s: names no directory: add 'directory"
				    " ldaps://HOST' and 'base DN' (subid.conf(5))",
				    file);
	if (directory->base == NULL || conf->n_pools == 0)
		return cli_complain(EXIT_UNABLE, "%s: names a directory, and no '%s'",
				    file, directory->base == NULL ? "base" : "pool");
	if (conf->n_pools >= SITE_SERVERS_MAX - SUBID_CONF_URIS_MAX)
		return cli_complain(EXIT_UNABLE, "%s: too many pools", file);
	return EXIT_DONE;
}

/* Ids of neither kind that anybody may have: a range has both. */
static int list_reserved(struct site *site)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		struct subid_reservations reservations;

		r = subid_reservations_list(&site->policy, &site->conf, kind,
					    &reservations);
		if (r == 0)
			r = subid_set_unite(&site->reserved, &reservations.never);
		subid_reservations_free(&reservations);
	}
	return r == 0 ? EXIT_DONE : cli_complain(EXIT_UNABLE, "%s", strerror(-r));
}

int site_open(struct cli *cli, struct site *ret)
{
	struct subid_conf_place place = { .file = SUBID_CONF_FILE };
	struct subid_place login_defs = { .line = 0 };
	int r, status;

	*ret = (struct site){ .cli = cli, .etc = cli_open_etc(cli) };
	if (ret->etc < 0)
		return EXIT_UNABLE;
	r = subid_conf_load(&(struct subid_conf_source){ .etc = ret->etc,
							 .vendor = SUBID_VENDORDIR,
							 .follow = true },
			    NULL, &ret->conf, &place);
	if (r != 0)
		return wrong_conf(cli, r, &place);
	r = subid_policy_load(ret->etc, true, &ret->policy, &login_defs);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s/login.defs: %s", cli->etc_name,
				    strerror(-r));
	if (r > 0)
		return cli_complain(EXIT_UNABLE, "%s/login.defs:%zu: %s %s",
				    cli->etc_name, login_defs.line, login_defs.key,
				    login_defs.why);
	status = check_conf(cli, &ret->conf);
	return status == EXIT_DONE ? list_reserved(ret) : status;
}

void site_close(struct site *site)
{
	for (size_t i = 0; i < site->n; i++)
		server_close(&site->servers[i]);
	subid_members_free(&site->members);
	subid_users_free(&site->users);
	subid_set_free(&site->reserved);
	subid_conf_free(&site->conf);
	if (site->etc >= 0)
		(void)close(site->etc);
	*site = (struct site){ .etc = -1 };
}

/* --- servers ---------------------------------------------------------------------------
 */

int site_failed(const struct server *server)
{
	return cli_complain(EXIT_UNABLE, "%s", server->error);
}

/* The slot of an address; not connected if it is new. */
static struct server *slot(struct site *site, const char *uri)
{
	for (size_t i = 0; i < site->n; i++)
		if (strcmp(site->servers[i].uri, uri) == 0)
			return &site->servers[i];
	if (site->n == SITE_SERVERS_MAX)
		return NULL;
	site->servers[site->n] =
	    (struct server){ .conf = &site->conf.directory, .uri = uri };
	return &site->servers[site->n++];
}

static int connect_slot(struct server *server)
{
	int r = server->ld != NULL ? 0 : server_open(server);

	if (r < 0)
		server_close(server);
	return r;
}

struct server *site_server(struct site *site, const char *uri)
{
	struct server *server = slot(site, uri);

	if (server != NULL && connect_slot(server) == 0)
		return server;
	if (server != NULL)
		(void)site_failed(server);
	return NULL;
}

struct server *site_reader(struct site *site)
{
	const struct subid_conf_directory *conf = &site->conf.directory;

	for (size_t i = 0; site->reader == NULL && i < conf->n_uris; i++) {
		struct server *server = slot(site, conf->uris[i]);

		if (server != NULL && connect_slot(server) == 0)
			site->reader = server;
	}
	/* the last one is as good a reason as the others */
	if (site->reader == NULL)
		(void)site_failed(&site->servers[site->n - 1]);
	return site->reader;
}

/* --- names -----------------------------------------------------------------------------
 */

static bool fits(int n)
{
	return n >= 0 && n < DIR_DN_SIZE;
}

bool site_branch_dn(const struct site *site, const char *branch, char ret[DIR_DN_SIZE])
{
	return fits(
	    snprintf(ret, DIR_DN_SIZE, "ou=%s,%s", branch, site->conf.directory.base));
}

bool site_owner_dn(const struct site *site, const char *owner, char ret[DIR_DN_SIZE])
{
	char escaped[DIR_NAME_SIZE * 3 + 1];

	return dir_escape_dn(owner, escaped, sizeof(escaped)) &&
	       fits(snprintf(ret, DIR_DN_SIZE, "cn=%s,ou=owners,%s", escaped,
			     site->conf.directory.base));
}

bool site_block_dn(const struct site *site, uint32_t block, char ret[DIR_DN_SIZE])
{
	return fits(snprintf(ret, DIR_DN_SIZE, "subidBlock=%u,ou=blocks,%s", block,
			     site->conf.directory.base));
}

bool site_pool_dn(const struct site *site, const char *pool, char ret[DIR_DN_SIZE])
{
	return fits(snprintf(ret, DIR_DN_SIZE, "cn=%s,ou=pools,%s", pool,
			     site->conf.directory.base));
}

int site_draw_ticket(char ret[DIR_TICKET_SIZE])
{
	unsigned char bytes[(DIR_TICKET_SIZE - 1) / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -errno;
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* --- owners ----------------------------------------------------------------------------
 */

static int unknown_account(const char *text)
{
	return cli_complain(EXIT_NO,
			    "%s: no such account (--force-unknown grants all the"
			    " same)",
			    text);
}

struct account_search {
	const char *text;
	struct site_owner *ret;
	size_t n;
};

/* The account's own spelling, which may be another one than what was typed. */
static int take_account(void *data, struct dir_entry *entry)
{
	struct account_search *search = data;

	if (entry->login[0] == '\0' || strlen(entry->dn) == 0)
		return 0;
	search->n++;
	(void)strcpy(search->ret->name, entry->login);
	(void)strcpy(search->ret->dn, entry->dn);
	search->ret->uid = entry->uid > 0 ? entry->uid : SUBID_ID_NONE;
	return 0;
}

static int find_in_directory(struct site *site, const char *text, bool unknown,
			     struct site_owner *ret)
{
	struct account_search search = { .text = text, .ret = ret };
	char escaped[DIR_NAME_SIZE * 3 + 1], filter[sizeof(escaped) + 64];
	struct server *server = site_reader(site);
	uint32_t uid;
	int r;

	if (server == NULL)
		return EXIT_UNABLE;
	if (!dir_escape_filter(text, escaped, sizeof(escaped)))
		return cli_complain(EXIT_NO, "%s: no owner can be called so", text);
	(void)snprintf(
	    filter, sizeof(filter), "(&(objectClass=posixAccount)(%s=%s))",
	    subid_id_parse(text, strlen(text), &uid) == 0 ? "uidNumber" : "uid", escaped);
	r = server_search(server, site->conf.directory.users, filter, 2, take_account,
			  &search);
	if (r < 0)
		return site_failed(server);
	if (r == SERVER_ABSENT)
		return cli_complain(EXIT_UNABLE,
				    "%s: no such entry, which subid.conf says"
				    " to have the accounts",
				    site->conf.directory.users);
	if (search.n > 1)
		return cli_complain(EXIT_NO, "%s: the directory has two such accounts",
				    text);
	/* Threat: who cannot see the numbers of accounts gives blocks that have them */
	if (search.n == 1 && ret->uid == SUBID_ID_NONE)
		return cli_complain(EXIT_UNABLE,
				    "%s: %s: has no uidNumber, or we may not see it",
				    text, ret->dn);
	if (search.n == 1)
		return EXIT_DONE;
	if (!unknown)
		return unknown_account(text);
	(void)strcpy(ret->name, text);
	return EXIT_DONE;
}

static int find_by_name_service(const char *text, bool unknown, struct site_owner *ret)
{
	const struct passwd *account;
	uint32_t uid;

	errno = 0;
	account = subid_id_parse(text, strlen(text), &uid) == 0 ? getpwuid(uid)
								: getpwnam(text);
	if (account == NULL && errno != 0)
		return cli_complain(EXIT_UNABLE, "%s: cannot be looked up: %s", text,
				    strerror(errno));
	if (account != NULL &&
	    subid_nss_is_name(account->pw_name, account->pw_passwd, account->pw_uid))
		account = NULL;
	if (account == NULL && !unknown)
		return unknown_account(text);
	if (account == NULL) {
		(void)strcpy(ret->name, text);
		return EXIT_DONE;
	}
	if (!subid_owner_valid(account->pw_name, strlen(account->pw_name)) ||
	    strlen(account->pw_name) >= DIR_NAME_SIZE)
		return cli_complain(EXIT_NO, "%s: no owner can be called so", text);
	(void)strcpy(ret->name, account->pw_name);
	ret->uid = account->pw_uid;
	return EXIT_DONE;
}

int site_find_owner(struct site *site, const char *text, bool unknown,
		    struct site_owner *ret)
{
	size_t len = strlen(text);

	*ret = (struct site_owner){ .uid = SUBID_ID_NONE };
	if (strchr(text, '/') != NULL)
		return cli_complain(EXIT_NO,
				    "%s: a container's lease is its host's: leave out"
				    " --directory",
				    text);
	if (len >= DIR_NAME_SIZE || !subid_owner_valid(text, len) ||
	    subid_owner_is_hold(text, len))
		return cli_complain(EXIT_NO, "%s: no owner can be called so", text);
	return site->conf.directory.users != NULL
		   ? find_in_directory(site, text, unknown, ret)
		   : find_by_name_service(text, unknown, ret);
}

int site_name_owner(struct site *site, const char *text, struct site_owner *ret)
{
	size_t len = strlen(text);
	uint32_t uid;

	if (subid_id_parse(text, len, &uid) == 0 || strchr(text, '/') != NULL ||
	    len >= DIR_NAME_SIZE || !subid_owner_valid(text, len))
		return site_find_owner(site, text, true, ret);
	*ret = (struct site_owner){ .uid = SUBID_ID_NONE };
	(void)strcpy(ret->name, text);
	return EXIT_DONE;
}

static int in_group(void *data, const struct subid_owner *owner, const char *group)
{
	struct site *site = data;
	const char *file;
	int r = 0;

	if (site->users == NULL)
		r = subid_users_load(site->etc, true, &site->users, &file);
	return r < 0 ? r : subid_members_ask(&site->members, site->users, owner, group);
}

int site_ask_policy(struct site *site, const char *name, uint32_t uid,
		    struct subid_decision *ret)
{
	char number[16];
	struct subid_owner_name spellings[] = { { name, strlen(name) }, { number, 0 } };
	const struct subid_owner whose = {
		.spellings = spellings,
		.n = uid == SUBID_ID_NONE ? 1 : 2,
		.uid = uid,
		.has_account = uid != SUBID_ID_NONE,
	};
	const struct subid_candidate candidate = { &whose, in_group, site };

	spellings[1].len = (size_t)snprintf(number, sizeof(number), "%u", uid);
	return subid_conf_decide(&site->conf, &site->policy, &candidate, ret);
}

int site_decide(struct site *site, const struct site_owner *owner,
		struct subid_decision *ret)
{
	char file[CLI_CONF_FILE_SIZE];
	int r = site_ask_policy(site, owner->name, owner->uid, ret);

	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: groups: %s", owner->name,
				    strerror(-r));
	if (ret->verdict != SUBID_VERDICT_NEVER)
		return EXIT_DONE;
	cli_conf_file(site->cli, ret->rule->file, file, sizeof(file));
	return cli_complain(EXIT_NO, "%s: refused by %s:%zu%s%s", owner->name, file,
			    ret->rule->line, ret->rule->reason[0] == '\0' ? "" : ": ",
			    ret->rule->reason);
}
