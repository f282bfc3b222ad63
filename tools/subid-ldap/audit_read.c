/* SPDX-License-Identifier: MIT */
/*
 * What the audit knows: entries of the directory, page by page, and lists of hosts.
 */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/tables/tables.h"
#include "tools/subid-ldap/audit.h"

/* Threat: a directory without end: more than this is no site's. */
#define ENTRIES_MAX 8000000

void site_audit_free(struct site_audit *audit)
{
	for (size_t i = 0; i < audit->n_owners; i++)
		free(audit->owners[i].name);
	for (size_t i = 0; i < audit->n_claims; i++)
		free(audit->claims[i].name);
	for (size_t i = 0; i < audit->n_lines; i++)
		free(audit->lines[i].owner);
	for (size_t i = 0; i < audit->n_findings; i++) {
		free(audit->findings[i].place);
		free(audit->findings[i].owner);
		free(audit->findings[i].reason);
		free(audit->findings[i].command);
	}
	free(audit->owners);
	free(audit->claims);
	free(audit->pools);
	free(audit->lines);
	free(audit->findings);
	*audit = (struct site_audit){ .n_owners = 0 };
}

static char *copy(struct site_audit *audit, const char *text)
{
	char *copy = text == NULL ? NULL : strdup(text);

	audit->no_memory |= text != NULL && copy == NULL;
	return copy;
}

void site_audit_note(struct site_audit *audit, const struct site_audit_finding *like,
		     const char *place, const char *owner, const char *command,
		     const char *reason, ...)
{
	struct site_audit_finding finding = *like;
	va_list args;

	if (array_grow(&audit->findings, audit->n_findings, sizeof(finding)) < 0) {
		audit->no_memory = true;
		return;
	}
	finding.place = copy(audit, place);
	finding.owner = copy(audit, owner);
	finding.command = copy(audit, command);
	va_start(args, reason);
	if (vasprintf(&finding.reason, reason, args) < 0) {
		finding.reason = NULL;
		audit->no_memory = true;
	}
	va_end(args);
	audit->findings[audit->n_findings++] = finding;
}

static uint64_t hash(const char *text)
{
	uint64_t hash = 14695981039346656037ULL;

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211ULL;
	return hash;
}

static void note_damaged(struct site_audit *audit, const struct dir_entry *entry)
{
	site_audit_note(
	    audit, &(struct site_audit_finding){ .level = SITE_ERROR, .rule = "damaged" },
	    entry->dn, NULL, NULL,
	    "%s: it counts for nothing, and its ids may be"
	    " given again: mend it by hand",
	    entry->broken);
}

static int add_owner(void *data, struct dir_entry *entry)
{
	struct site_audit *audit = data;
	struct site_audit_owner *owner;

	dir_owner_end(entry);
	if (entry->broken != NULL) {
		note_damaged(audit, entry);
		return 0;
	}
	if (audit->n_owners == ENTRIES_MAX)
		return -EFBIG;
	if (array_grow(&audit->owners, audit->n_owners, sizeof(*owner)) < 0)
		return -ENOMEM;
	owner = &audit->owners[audit->n_owners++];
	*owner = (struct site_audit_owner){
		.name = strdup(entry->name),
		.state = entry->state,
		.ticket = hash(entry->ticket),
	};
	memcpy(owner->range, entry->range, sizeof(owner->range));
	return owner->name == NULL ? -ENOMEM : 0;
}

static int add_claim(void *data, struct dir_entry *entry)
{
	struct site_audit *audit = data;
	struct site_audit_claim *claim;
	bool named = entry->name[0] != '\0';

	dir_claim_end(entry);
	if (entry->broken != NULL) {
		note_damaged(audit, entry);
		return 0;
	}
	if (audit->n_claims == ENTRIES_MAX)
		return -EFBIG;
	if (array_grow(&audit->claims, audit->n_claims, sizeof(*claim)) < 0)
		return -ENOMEM;
	claim = &audit->claims[audit->n_claims++];
	*claim = (struct site_audit_claim){
		.block = entry->block,
		.state = entry->state,
		.name = named ? strdup(entry->name) : NULL,
		.ticket = hash(entry->ticket),
	};
	return named && claim->name == NULL ? -ENOMEM : 0;
}

static int search(struct site *site, struct server *server, const char *branch,
		  const char *filter, server_each *each, void *data)
{
	char dn[DIR_DN_SIZE];
	int r;

	if (!site_branch_dn(site, branch, dn))
		return cli_complain(EXIT_UNABLE, "base: the DN is too long");
	r = server_search(server, dn, filter, 0, each, data);
	if (r == 0)
		return EXIT_DONE;
	if (r == -EFBIG || r == -ENOMEM)
		return cli_complain(EXIT_UNABLE, "%s: %s", dn, strerror(-r));
	return r == SERVER_ABSENT
		   ? cli_complain(EXIT_UNABLE,
				  "%s: %s: there is no such entry, or we may not see it",
				  server->uri, dn)
		   : site_failed(server);
}

static int read_pool(struct site *site, struct site_audit *audit,
		     const struct subid_conf_pool *conf)
{
	struct site_audit_pool *pool = &audit->pools[audit->n_pools++];
	struct server *server = site_server(site, dir_master(&site->conf, conf));
	struct dir_entry entry;
	char dn[DIR_DN_SIZE];
	int r;

	*pool = (struct site_audit_pool){ .conf = conf };
	if (server == NULL || !site_pool_dn(site, conf->name, dn))
		return EXIT_UNABLE;
	r = server_read(server, dn, &entry);
	if (r < 0)
		return site_failed(server);
	if (r > 0) {
		pool->broken = "there is no such entry";
		return EXIT_DONE;
	}
	dir_pool_end(&entry);
	pool->broken = entry.broken;
	pool->differs = entry.first != conf->range.start ||
			entry.last != id_range_end(conf->range) - 1 ||
			entry.size != conf->block;
	return EXIT_DONE;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct site_audit_owner *)a)->name,
		      ((const struct site_audit_owner *)b)->name);
}

static int by_block(const void *a, const void *b)
{
	uint32_t x = ((const struct site_audit_claim *)a)->block;
	uint32_t y = ((const struct site_audit_claim *)b)->block;

	return x < y ? -1 : x > y;
}

int site_audit_read(struct site *site, struct server *server, struct site_audit *ret)
{
	int status;

	ret->conf = &site->conf;
	ret->pools = calloc(site->conf.n_pools + 1, sizeof(*ret->pools));
	if (ret->pools == NULL)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	/* claims last: what is granted meanwhile has its claim by then */
	status = search(site, server, "owners", "(objectClass=subordinateIdEntry)",
			add_owner, ret);
	if (status == EXIT_DONE)
		status = search(site, server, "blocks", "(objectClass=subidClaim)",
				add_claim, ret);
	for (size_t i = 0; status == EXIT_DONE && i < site->conf.n_pools; i++)
		status = read_pool(site, ret, &site->conf.pools[i]);
	if (ret->n_owners > 1)
		qsort(ret->owners, ret->n_owners, sizeof(*ret->owners), by_name);
	if (ret->n_claims > 1)
		qsort(ret->claims, ret->n_claims, sizeof(*ret->claims), by_block);
	return status;
}

static bool is_block_before(const void *claim, const void *block)
{
	return ((const struct site_audit_claim *)claim)->block < *(const uint32_t *)block;
}

const struct site_audit_claim *site_audit_claim(const struct site_audit *audit,
						uint32_t block)
{
	size_t i = array_search(audit->claims, audit->n_claims, sizeof(*audit->claims),
				&block, is_block_before);

	return i < audit->n_claims && audit->claims[i].block == block ? &audit->claims[i]
								      : NULL;
}

static bool is_name_before(const void *owner, const void *name)
{
	return strcmp(((const struct site_audit_owner *)owner)->name, name) < 0;
}

const struct site_audit_owner *site_audit_owner(const struct site_audit *audit,
						const char *name)
{
	size_t i = array_search(audit->owners, audit->n_owners, sizeof(*audit->owners),
				name, is_name_before);

	return i < audit->n_owners && strcmp(audit->owners[i].name, name) == 0
		   ? &audit->owners[i]
		   : NULL;
}

/* --- accounts --------------------------------------------------------------------------
 */

static int take_account(void *data, struct dir_entry *entry)
{
	struct site_audit *audit = data;
	struct site_audit_finding finding = { .rule = "account-inside",
					      .range = { entry->uid, 1 } };
	const struct subid_conf_pool *pool = dir_pool_of(audit->conf, finding.range);
	const struct site_audit_claim *claim;

	if (entry->uid == 0 || pool == NULL)
		return 0;
	claim = site_audit_claim(audit, dir_cells(pool, finding.range).start);
	finding.level = SITE_CRITICAL;
	if (claim != NULL && claim->state == DIR_GRANTED) {
		site_audit_note(audit, &finding, entry->dn, entry->login, NULL,
				"the account's own uid is in a block of %s: who has that"
				" reads its files: give the account another uid",
				claim->name);
		return 0;
	}
	if (claim != NULL && claim->state != DIR_FREE)
		return 0; /* held: nobody is given it */
	finding.level = SITE_INFO;
	site_audit_note(audit, &finding, entry->dn, entry->login, NULL, "%s",
			"the account's own uid is in the pools, and its block will be"
			" held");
	return 0;
}

int site_audit_accounts(struct site *site, struct server *server,
			struct site_audit *audit)
{
	const char *users = site->conf.directory.users;

	for (size_t i = 0; users != NULL && i < site->conf.n_pools; i++) {
		const struct id_range range = site->conf.pools[i].range;
		char filter[128];
		int r;

		(void)snprintf(filter, sizeof(filter),
			       "(&(uidNumber>=%u)(uidNumber<=%llu))", range.start,
			       (unsigned long long)id_range_end(range) - 1);
		r = server_search(server, users, filter, 0, take_account, audit);
		if (r < 0)
			return site_failed(server);
		if (r == SERVER_ABSENT)
			return cli_complain(EXIT_UNABLE, "%s: no such entry", users);
	}
	return EXIT_DONE;
}

/* --- hosts -----------------------------------------------------------------------------
 */

/* One object of a host's list.  0, or -EPROTO for what none has. */
static int add_line(struct site_audit *audit, const char *host, json_t *object)
{
	const char *owner, *kind, *state;
	struct site_audit_line *line;
	json_int_t start, count;

	if (json_unpack(object, "{s:s, s:s, s:I, s:I, s:s}", "owner", &owner, "kind",
			&kind, "start", &start, "count", &count, "state", &state) < 0)
		return -EPROTO;
	if (strcmp(state, "granted") != 0)
		return 0;
	if (start < 0 || count <= 0 || start > UINT32_MAX || count > UINT32_MAX - start ||
	    !subid_owner_valid(owner, strlen(owner)))
		return -EPROTO;
	if (array_grow(&audit->lines, audit->n_lines, sizeof(*line)) < 0)
		return -ENOMEM;
	line = &audit->lines[audit->n_lines++];
	*line = (struct site_audit_line){
		.host = host,
		.owner = strdup(owner),
		.kind = strcmp(kind, "gid") == 0 ? SUBID_GID : SUBID_UID,
		.range = { (uint32_t)start, (uint32_t)count },
	};
	return line->owner == NULL ? -ENOMEM : 0;
}

int site_audit_add_host(struct site_audit *audit, const char *file)
{
	json_error_t error;
	json_t *root = json_load_file(file, 0, &error), *object;
	size_t i;
	int r = 0;

	if (root == NULL)
		return cli_complain(EXIT_UNABLE, "%s: %s", file, error.text);
	if (!json_is_array(json_object_get(root, "ranges")))
		r = -EPROTO;
	json_array_foreach(json_object_get(root, "ranges"), i, object) if (r == 0) r =
	    add_line(audit, file, object);
	json_decref(root);
	if (r == 0)
		return EXIT_DONE;
	return cli_complain(EXIT_UNABLE, "%s: %s", file,
			    r == -EPROTO ? "is not what 'subid --json list' prints"
					 : strerror(-r));
}
