/* SPDX-License-Identifier: MIT */
/*
 * Reads what an audit looks at.  What cannot be read is reported, and the rest is looked
 * at all the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"

#define HIDERS_NAMED 16
#define LEASES_FEW   16	   /* the owners of more are looked up by an index */
#define ASK_MS	     20000 /* subid-audit(7) has it */
#define FILE_NAME    4416
#define HIDER_TEXT   128

__attribute__((format(printf, 3, 0))) static void add_sentence(struct audit_facts *facts,
							       struct audit_sentences *to,
							       const char *format,
							       va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	if (text == NULL || array_grow(&to->list, to->n, sizeof(*to->list)) < 0) {
		free(text);
		facts->failed = true;
		return;
	}
	to->list[to->n++] = text;
}

__attribute__((format(printf, 2, 3))) static void add_missing(struct audit_facts *facts,
							      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_sentence(facts, &facts->missing, format, args);
	va_end(args);
}

__attribute__((format(printf, 2, 3))) static void add_message(struct audit_facts *facts,
							      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_sentence(facts, &facts->messages, format, args);
	va_end(args);
}

/* What has to be there could not be read. */
static void fail(struct audit_facts *facts, int r, const struct subid_failure *failure)
{
	struct subid_error err = { .size = sizeof(err) };
	char text[SUBID_ERROR_TEXT_SIZE];

	facts->failed = true;
	(void)error_failure_in(&err, facts->place.etc_name, facts->name, r, failure);
	(void)subid_error_text(&err, text, sizeof(text));
	add_message(facts, "%s", text);
}

/* Through a link, on the running system: that it is one is a finding. */
static int load_through_link(int etc, enum subid_kind kind, struct subid_table *ret)
{
	struct subid_text text;
	int r = subid_text_read(etc, subid_kind_table(kind), true, &text);

	return r < 0 ? r : subid_table_from_text(kind, &text, ret);
}

static void load_table(struct audit_facts *facts, enum subid_kind kind)
{
	int etc = facts->place.etc;
	struct subid_table *table = &facts->tables[kind];
	struct subid_failure failure = { .file = subid_kind_table(kind) };
	const struct subid_table *other = facts->input.tables[SUBID_UID];
	bool alike = false;
	int r = 0;

	/* the same bytes, as mostly, are looked at once */
	if (kind == SUBID_GID && other != NULL && other->exists)
		r = subid_table_is_alike(etc, kind, other, &alike);
	if (r == 0 && alike)
		table = &facts->tables[SUBID_UID];
	else if (r == 0 || r == -ENOENT)
		r = subid_table_load(etc, kind, table);
	if (r == -ELOOP && facts->place.host)
		r = load_through_link(etc, kind, table);
	if (r == 0) {
		facts->input.tables[kind] = table;
		return;
	}
	add_missing(facts, "%s/%s could not be read: %s", facts->place.etc_name,
		    failure.file, strerror(-r));
	fail(facts, r, &failure);
}

static void load_policy(struct audit_facts *facts)
{
	struct subid_failure failure = { .file = "login.defs" };
	int r;

	facts->policy = subid_policy_default;
	facts->input.policy = &facts->policy;
	r = subid_policy_load(facts->place.etc, facts->place.host, &facts->policy,
			      &facts->policy_place);
	if (r == SUBID_INVALID)
		facts->input.policy_fault = &facts->policy_place;
	if (r >= 0)
		return;
	facts->policy = subid_policy_default;
	add_missing(facts, "%s/login.defs could not be read: %s", facts->place.etc_name,
		    strerror(-r));
	fail(facts, r, &failure);
}

/* A misspelt rule accepts nothing, and somebody believes that it does. */
static void check_accepted(struct audit_facts *facts)
{
	char file[FILE_NAME];

	for (size_t i = 0; i < facts->conf.n_accepted; i++) {
		const struct subid_acceptance *accepted = &facts->conf.accepted[i];

		if (audit_rule_find(accepted->rule) != NULL)
			continue;
		error_conf_file(facts->place.etc_name, accepted->file, file,
				sizeof(file));
		add_message(facts,
			    "%s:%zu: warning: accepts '%s', an unknown rule: 'subid audit"
			    " --list-rules' lists them",
			    file, accepted->line, accepted->rule);
	}
}

static void load_conf(struct audit_facts *facts)
{
	const struct subid_conf_source source = {
		.etc = facts->place.etc,
		.vendor = facts->place.host ? SUBID_VENDORDIR : NULL,
		.follow = facts->place.host,
	};
	struct subid_conf_place place;
	char file[FILE_NAME];
	int r = subid_conf_load(&source, NULL, &facts->conf, &place);

	if (r == 0) {
		check_accepted(facts);
		facts->input.conf = &facts->conf;
		return;
	}
	facts->conf = (struct subid_conf){ .n_accepted = 0 };
	facts->failed = true;
	error_conf_file(facts->place.etc_name, place.file, file, sizeof(file));
	if (r < 0)
		add_missing(facts,
			    "%s could not be read, so that nothing is accepted: %s", file,
			    strerror(-r));
	else
		add_missing(facts, "%s:%zu: %s %s, so that nothing is accepted", file,
			    place.place.line, place.place.key, place.place.why);
	if (facts->missing.n > 0)
		add_message(facts, "%s", facts->missing.list[facts->missing.n - 1]);
}

/* What the site accepts comes after what the caller does. */
static int join_accepted(const struct audit_options *options, struct audit_facts *facts)
{
	const struct subid_conf *conf = &facts->conf;
	size_t n = options->n_accepted;

	facts->accepted = calloc(n + conf->n_accepted + 1, sizeof(*facts->accepted));
	if (facts->accepted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		facts->accepted[i] = options->accepted[i];
	for (size_t i = 0; i < conf->n_accepted; i++)
		facts->accepted[n + i] = conf->accepted[i];
	facts->input.accepted = facts->accepted;
	facts->input.n_accepted = n + conf->n_accepted;
	return 0;
}

/* What the tables were before their last change: live-stale asks. */
static void load_backup(struct audit_facts *facts, enum subid_kind kind)
{
	static const char *const names[SUBID_KINDS] = { "subuid-", "subgid-" };
	struct subid_text text;
	int r = subid_text_read(facts->place.etc, names[kind], false, &text);

	if (r == 0)
		r = subid_table_from_text(kind, &text, &facts->backups[kind]);
	if (r == 0)
		facts->input.backups[kind] = &facts->backups[kind];
	else if (r != -ENOENT)
		add_missing(facts, "%s/%s could not be read: %s", facts->place.etc_name,
			    names[kind], strerror(-r));
}

/* Who hides namespaces that no process is in.  How many were named. */
static size_t add_hiders(struct audit_facts *facts)
{
	struct subid_hider hiders[HIDERS_NAMED];
	size_t n = subid_live_hiders(facts->proc, &facts->live, hiders, HIDERS_NAMED);

	for (size_t i = 0; i < n; i++) {
		char who[HIDER_TEXT], inode[32] = "";

		if (hiders[i].userns != 0)
			(void)snprintf(inode, sizeof(inode), " %llu",
				       (unsigned long long)hiders[i].userns);
		error_hider_text(&hiders[i], who, sizeof(who));
		if (hiders[i].error == -ETIME)
			add_missing(facts,
				    "%s: not all that its user's processes have open or"
				    " mounted was looked through: 'subid audit"
				    " --thorough' does, or end them",
				    who);
		else
			add_missing(facts,
				    "%s keeps user namespace%s out of sight (%s): end the"
				    " process",
				    who, inode, strerror(-hiders[i].error));
	}
	return n;
}

static void load_live(const struct audit_options *options, struct audit_facts *facts)
{
	const struct subid_live *live = &facts->live;
	char remedy[SIGHT_REMEDY_SIZE];
	int r;

	sight_remedy("the audit", remedy, sizeof(remedy));
	facts->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = facts->proc < 0 ? -errno
			    : subid_live_read(facts->proc,
					      options->thorough ? SUBID_LIVE_THOROUGH
								: SUBID_LIVE_QUICK,
					      &facts->live);
	if (r < 0) {
		add_missing(facts, "running processes could not be looked at: %s",
			    facts->proc < 0 ? "no /proc" : strerror(-r));
		return;
	}
	facts->input.live = live;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		load_backup(facts, kind);
	if (live->n_unread > 0)
		add_missing(facts, "%zu processes could not be looked at: %s: %s",
			    live->n_unread, strerror(-live->unread_error), remedy);
	else if (add_hiders(facts) == 0 && live->partial)
		add_missing(facts, "user namespaces of others may be missing: %s",
			    remedy);
}

/*
 * The stores of leases: root's, and those of users with running containers.
 *
 * Threat: a user's store is the user's: it may be as large as the disk, or hang whoever
 * reads it.  So root reads it up to a bound, in a child, and what is wrong with it is
 * one finding about that user.
 */
#define USERS_FILE_MAX	((size_t)256 << 10) /* subid-audit(7) has it, in lease-own */
#define PATIENCE_ONE_MS 1000		    /* there may be many who hang */

/* owner: whose store it is; NULL: root's.  NULL when out of memory. */
static struct audit_store *add_store(struct audit_facts *facts, const char *path,
				     const struct subid_owner *owner)
{
	size_t n = facts->input.n_stores;
	struct audit_store *store;

	if (array_grow(&facts->stores, n, sizeof(*store)) < 0)
		return NULL;
	facts->input.stores = facts->stores;
	facts->input.n_stores++; /* so that it is freed, whatever follows */
	store = &facts->stores[n];
	*store = (struct audit_store){ .uid = owner == NULL ? 0 : owner->uid };
	store->path = strdup(path);
	if (owner != NULL)
		store->user = strndup(owner->spellings[0].text, owner->spellings[0].len);
	return store->path == NULL || (owner != NULL && store->user == NULL) ? NULL
									     : store;
}

/* The store that is found in the caller's own way: root's, or the caller's. */
static int add_found(struct audit_facts *facts, const struct store *found, int error,
		     const struct subid_owner *owner)
{
	struct audit_store *store;

	if (error == 0 && !store_exists(found))
		return 0;
	store = add_store(facts, found->name, found->user == NULL ? NULL : owner);
	if (store == NULL)
		return -ENOMEM;
	store->error =
	    error != 0 ? error : store_leases(found, store->user, &store->leases);
	if (store->error < 0 && store->user == NULL)
		add_missing(facts, "the leases in %s could not be read: %s", store->path,
			    strerror(-store->error));
	return store->error == -ENOMEM ? -ENOMEM : 0;
}

/* The store that is the caller's; owner: the caller, NULL for root. */
static int add_own(const struct subid *sys, struct audit_facts *facts,
		   const struct subid_owner *owner)
{
	auto_store struct store store = { .fd = -1 };
	int found = store_find(sys, &store);

	if (store.user != NULL && (owner == NULL || !owner->has_account))
		return 0;
	return add_found(facts, &store, found, owner);
}

/* Root's for a user, a user's for root. */
static int add_other(const struct subid *sys, struct audit_facts *facts,
		     const struct subid_owner *owner, struct homes *homes)
{
	auto_store struct store store = { .fd = -1 };
	int found = store_find_other(sys, owner, homes, &store);

	return add_found(facts, &store, found, owner);
}

static int compare_uids(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Those of everybody who runs something. */
static int add_all(const struct subid *sys, struct audit_facts *facts)
{
	const struct subid_live *live = &facts->live;
	auto_free uint32_t *uids = calloc(live->n + 1, sizeof(*uids));
	struct homes homes = HOMES;
	size_t n = 0;
	int r = uids == NULL ? -ENOMEM : 0;

	homes.file_max = USERS_FILE_MAX;
	homes.one_ms = PATIENCE_ONE_MS;
	for (size_t i = 1; r == 0 && i < live->n; i++)
		if (live->userns[i].owner != SUBID_ID_NONE &&
		    (live->userns[i].parent == 0 ||
		     live->userns[i].parent == SUBID_LIVE_NONE))
			uids[n++] = live->userns[i].owner;
	if (n > 1)
		qsort(uids, n, sizeof(*uids), compare_uids);
	for (size_t i = 0; r == 0 && i < n; i++) {
		auto_owner struct subid_owner owner = { .has_account = false };

		if (i > 0 && uids[i] == uids[i - 1])
			continue;
		r = subid_owner_of_uid(facts->users, uids[i], &owner);
		if (r == 0 && owner.has_account)
			r = add_other(sys, facts, &owner, &homes);
		r = r == -ENOMEM ? r : 0; /* unknown accounts are reported elsewhere */
	}
	return r;
}

/* Who was called what once, for rules that ask; without it they know less. */
static void load_former(const struct subid *sys, struct audit_facts *facts)
{
	auto_close int state = store_open_state(sys, false);
	struct stat st;

	facts->input.now = (int64_t)time(NULL);
	if (subid_text_read(facts->place.etc, "passwd-", false, &facts->former_passwd) ==
	    0)
		facts->input.former_passwd = &facts->former_passwd;
	if (state >= 0 && fstat(facts->place.etc, &st) == 0 &&
	    ledger_open(state, st.st_uid, true, &facts->ledger) == 0 &&
	    facts->ledger.whole)
		facts->input.ledger = &facts->ledger.parts[LEDGER_LINES].ledger;
}

/*
 * A service that is to see no homes sees an empty directory of mode 0 in their place
 * (systemd's ProtectHome=yes), and with it no leases and no storage of users.
 */
static void look_for_homes(struct audit_facts *facts)
{
	static const char *const tops[] = { "/home", "/root", "/run/user" };

	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
		struct stat st;

		if (stat(tops[i], &st) == 0 && (st.st_mode & 07777) == 0)
			add_missing(
			    facts,
			    "what is below %s is hidden from this process, as by"
			    " ProtectHome=yes: leases and storage of users are not"
			    " known",
			    tops[i]);
	}
}

static int load_stores(const struct subid *sys, struct audit_facts *facts)
{
	auto_owner struct subid_owner self = { .has_account = false };
	bool user = facts->place.host && geteuid() != 0;
	int r = user ? subid_owner_of_uid(facts->users, getuid(), &self) : 0;

	if (r == -ENOMEM)
		return r;
	r = add_own(sys, facts, user && r == 0 ? &self : NULL);
	if (r == 0 && user)
		return add_other(sys, facts, &self, &(struct homes)HOMES); /* root's */
	if (facts->place.host)
		look_for_homes(facts);
	return r == 0 && facts->input.live != NULL ? add_all(sys, facts) : r;
}

/* Root's namespaces may map the range that Docker uses. */
static int load_remap(struct audit_facts *facts)
{
	const struct system_parts *place = &facts->place;
	auto_close int docker =
	    place->host ? openat(place->etc, "docker", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
			: beneath_open_dir(place->root, "etc/docker");
	int r = docker < 0 ? SUBID_ABSENT
			   : subid_runtime_docker_remap(docker, place->host, facts->remap,
							sizeof(facts->remap));

	facts->for_root = facts->remap;
	facts->input.for_root = &facts->for_root;
	facts->input.n_for_root = r == 0;
	return r < 0 ? r : 0;
}

/* Only root may read what root's runtimes have written.  Where a store cannot be read,
 * any id may be leased. */
static int load_runtimes(struct audit_facts *facts)
{
	struct subid_leased *leased = &facts->leased;
	const struct subid_runtime_place place = {
		.dir = facts->place.root,
		.trusted = true,
	};
	const char *file;
	int r;

	if (geteuid() != 0)
		return 0;
	facts->input.runtimes = &leased->runtimes;
	facts->input.leased = &leased->ids;
	r = subid_leased_read(facts->place.root, leased, &file);
	if (r == 0 || r == -ENOMEM)
		return r;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (subid_set_insert(&leased->ids.of[kind],
				     id_range_between(0, ID_COUNT_MAX)) < 0)
			return -ENOMEM;
	return subid_runtime_read(&place, &leased->runtimes);
}

/* Stores of shared files, and the idmapped mounts that run, whosever. */
static int load_shares(struct audit_facts *facts)
{
	int r;

	if (geteuid() != 0)
		return 0;
	facts->input.shares = &facts->shares;
	r = subid_shares_read(facts->place.root, &facts->shares);
	if (r < 0 || facts->input.live == NULL)
		return r;
	facts->input.idmapped = &facts->idmapped;
	return subid_idmapped_read(facts->proc, &facts->live, &facts->idmapped);
}

/* Without shadow, who is locked is not known. */
static void check_shadow(struct audit_facts *facts)
{
	if (facts->host.shadow.size == 0 &&
	    faccessat(facts->place.etc, "shadow", R_OK, AT_EACCESS) != 0 &&
	    errno != ENOENT)
		add_missing(facts,
			    "%s/shadow could not be read, so that locked accounts"
			    " are not known: %s: run the audit as root",
			    facts->place.etc_name, strerror(errno));
}

static int load_host(struct audit_facts *facts)
{
	const struct audit_host_options options = {
		.etc = facts->place.etc,
		/* SYSCONFDIR may be another: NOLINTNEXTLINE(bugprone-branch-clone) */
		.etc_path = facts->place.host ? SUBID_SYSCONFDIR : "/etc",
		.root = facts->place.root,
		.prefix = facts->name,
		.image = !facts->place.host,
	};
	int r = audit_host_read(&options, &facts->host);

	if (r < 0)
		return r;
	facts->input.host = &facts->host;
	check_shadow(facts);
	if (facts->host.n_unread > 0)
		add_missing(facts,
			    "%zu of the facts about files, helpers and audit rules could"
			    " not be looked at: %s%s",
			    facts->host.n_unread, strerror(facts->host.unread_error),
			    geteuid() == 0 ? "" : ": run the audit as root");
	return 0;
}

/* Names the namespaces of those who have leases: live-shared asks. */
static void name_lessees(struct audit_facts *facts)
{
	auto_free bool *leases = calloc(facts->live.n + 1, sizeof(*leases));
	bool any = false;

	if (leases == NULL)
		return; /* names are for people */
	for (size_t i = 1; i < facts->live.n; i++) {
		uint32_t owner = facts->live.userns[i].owner;

		for (size_t s = 0; !leases[i] && s < facts->input.n_stores; s++)
			leases[i] = facts->stores[s].leases.n > 0 &&
				    (facts->stores[s].user == NULL ||
				     facts->stores[s].uid == owner);
		any |= leases[i];
	}
	if (any)
		subid_live_name(facts->proc, &facts->live, leases);
}

/* Each owner of leases is looked up in both tables. */
static int index_for_leases(struct audit_facts *facts)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < facts->input.n_stores; i++)
		n += facts->stores[i].leases.n;
	for (enum subid_kind kind = 0; r == 0 && n > LEASES_FEW && kind < SUBID_KINDS;
	     kind++)
		r = subid_table_index(&facts->tables[kind]);
	return r;
}

int audit_read_facts(const struct subid *sys, const struct audit_options *options,
		     struct audit_facts *ret, struct subid_error *err)
{
	struct subid_failure failure = { .file = "passwd" };
	int r;

	ret->place = system_parts(sys);
	(void)snprintf(ret->etc_name, sizeof(ret->etc_name), "%s", ret->place.etc_name);
	ret->place.etc_name = ret->etc_name;
	(void)snprintf(ret->name, sizeof(ret->name), "%.*s", (int)ret->place.name_len,
		       ret->place.etc_name);
	ret->input.only = options->only;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		load_table(ret, kind);
	load_policy(ret);
	load_conf(ret);
	if (ret->place.host)
		ret->input.directory = options->directory;
	if (ret->input.directory != NULL && ret->input.directory->why != NULL)
		add_missing(ret,
			    "the site's directory %s: lines are not compared with it",
			    ret->input.directory->why);
	r = subid_users_load(ret->place.etc, ret->place.host, &ret->users, &failure.file);
	if (r < 0)
		return error_failure_in(err, ret->place.etc_name, ret->name, r, &failure);
	ret->input.users = ret->users;
	ret->input.root = ret->name[0] == '\0' ? NULL : ret->name;
	ret->input.ask_ms = options->thorough ? 0 : ASK_MS;
	ret->input.progress = options->progress;
	load_former(sys, ret);
	if (!options->no_live && ret->place.host)
		load_live(options, ret);
	r = load_stores(sys, ret);
	if (r == 0)
		r = index_for_leases(ret);
	if (r == 0)
		r = load_runtimes(ret);
	if (r == 0)
		r = load_shares(ret);
	if (r == 0)
		r = join_accepted(options, ret);
	if (r == 0)
		r = load_remap(ret);
	if (r == 0)
		r = load_host(ret);
	if (r == 0)
		name_lessees(ret);
	return r;
}

void audit_note_unsure(struct audit_facts *facts, size_t n)
{
	add_missing(
	    facts,
	    "the name service could not tell, or not in time, who %zu owner%s: see"
	    " whether it runs; 'subid audit --thorough' waits for it",
	    n, n == 1 ? " is" : "s are");
}

static bool is_found(const struct audit_report *report, uint64_t inode)
{
	for (size_t i = 0; i < report->n; i++)
		if (report->findings[i].userns == inode)
			return true;
	return false;
}

bool audit_name_containers(struct audit_facts *facts, const struct audit_report *found)
{
	auto_free bool *wanted = calloc(facts->live.n + 1, sizeof(*wanted));
	bool any = false, named = false;

	if (wanted == NULL)
		return false;
	for (size_t i = 1; i < facts->live.n; i++) {
		wanted[i] = found == NULL || is_found(found, facts->live.userns[i].inode);
		any |= wanted[i];
	}
	if (any)
		subid_live_name(facts->proc, &facts->live, wanted);
	for (size_t i = 1; i < facts->live.n; i++)
		named |= wanted[i] && (facts->live.userns[i].runtime[0] != '\0' ||
				       facts->live.userns[i].container[0] != '\0');
	return named;
}

static void free_sentences(struct audit_sentences *sentences)
{
	for (size_t i = 0; i < sentences->n; i++)
		free(sentences->list[i]);
	free(sentences->list);
}

void audit_free_facts(struct audit_facts *facts)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		subid_table_free(&facts->tables[kind]);
		subid_table_free(&facts->backups[kind]);
	}
	for (size_t i = 0; i < facts->input.n_stores; i++) {
		subid_leases_free(&facts->stores[i].leases);
		free(facts->stores[i].path);
		free(facts->stores[i].user);
	}
	free(facts->stores);
	subid_leased_free(&facts->leased);
	subid_shares_free(&facts->shares);
	subid_idmapped_free(&facts->idmapped);
	subid_live_free(&facts->live);
	subid_users_free(&facts->users);
	subid_text_free(&facts->former_passwd);
	ledger_close(&facts->ledger);
	subid_conf_free(&facts->conf);
	audit_host_free(&facts->host);
	cleanup_close(&facts->proc);
	free(facts->accepted);
	free_sentences(&facts->missing);
	free_sentences(&facts->messages);
}
