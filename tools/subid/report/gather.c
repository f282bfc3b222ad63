/* SPDX-License-Identifier: MIT */
/*
 * What an audit looks at.  What cannot be read is told, and the rest is looked at
 * all the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid/report/report.h"

#define DAEMON_JSON_MAX (1 << 20)
#define HIDERS_NAMED	16

void audit_add_missing(struct audit_gathered *gathered, const char *format, ...)
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
	const struct subid_table *other = gathered->input.tables[SUBID_UID];
	bool alike = false;
	int r = 0;

	/* the same bytes, as mostly, are looked at once */
	if (kind == SUBID_GID && other != NULL && other->exists)
		r = subid_table_is_alike(etc, kind, other, &alike);
	if (r == 0 && alike)
		table = &gathered->tables[SUBID_UID];
	else if (r == 0 || r == -ENOENT)
		r = subid_table_load(etc, kind, table);
	if (r == -ELOOP && cli->root == NULL)
		r = load_through_link(etc, kind, table);
	if (r == 0) {
		gathered->input.tables[kind] = table;
		return;
	}
	gathered->failed = true;
	audit_add_missing(gathered, "%s/%s could not be read: %s", cli->etc_name,
			  failure.file, strerror(-r));
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
	audit_add_missing(gathered, "%s/login.defs could not be read: %s", cli->etc_name,
			  strerror(-r));
	(void)cli_txn_failed(cli, r, &failure);
}

/* What the tables were before their last change: live-stale asks. */
static void load_backup(const struct cli *cli, int etc, enum subid_kind kind,
			struct audit_gathered *gathered)
{
	static const char *const names[SUBID_KINDS] = { "subuid-", "subgid-" };
	struct subid_text text;
	int r = subid_text_read(etc, names[kind], false, &text);

	if (r == 0)
		r = subid_table_from_text(kind, &text, &gathered->backups[kind]);
	if (r == 0)
		gathered->input.backups[kind] = &gathered->backups[kind];
	else if (r != -ENOENT)
		audit_add_missing(gathered, "%s/%s could not be read: %s", cli->etc_name,
				  names[kind], strerror(-r));
}

/* Who hides namespaces that no process is in.  How many were named. */
static size_t add_hiders(struct audit_gathered *gathered, int proc)
{
	struct subid_hider hiders[HIDERS_NAMED];
	size_t n = subid_live_hiders(proc, &gathered->live, hiders, HIDERS_NAMED);

	for (size_t i = 0; i < n; i++) {
		char who[128], inode[32] = "";

		if (hiders[i].userns != 0)
			(void)snprintf(inode, sizeof(inode), " %llu",
				       (unsigned long long)hiders[i].userns);
		error_hider_text(&hiders[i], who, sizeof(who));
		audit_add_missing(gathered,
				  "%s keeps user namespace%s out of sight (%s): end the"
				  " process",
				  who, inode, strerror(-hiders[i].error));
	}
	return n;
}

static void load_live(const struct cli *cli, int etc, struct audit_gathered *gathered)
{
	auto_close int proc = cli_open_proc(cli);
	const struct subid_live *live = &gathered->live;
	int r = proc < 0 ? -EIO
			 : subid_live_read(proc,
					   gathered->thorough ? SUBID_LIVE_THOROUGH
							      : SUBID_LIVE_QUICK,
					   &gathered->live);

	if (r < 0) {
		audit_add_missing(gathered, "what runs could not be looked at: %s",
				  proc < 0 ? "no /proc" : strerror(-r));
		return;
	}
	gathered->input.live = live;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		load_backup(cli, etc, kind, gathered);
	if (live->n_unread > 0)
		audit_add_missing(
		    gathered,
		    "%zu processes could not be looked at: %s: run the audit"
		    " as root, in the host's namespaces",
		    live->n_unread, strerror(-live->unread_error));
	else if (add_hiders(gathered, proc) > 0)
		return;
	else if (live->partial)
		audit_add_missing(gathered,
				  "user namespaces of others may be missing: run the"
				  " audit as root, in the host's namespaces");
}

static bool is_found(const struct subid_report *report, uint64_t inode)
{
	for (size_t i = 0; i < report->n; i++)
		if (report->findings[i].userns == inode)
			return true;
	return false;
}

bool audit_name_containers(const struct cli *cli, const struct subid_report *found,
			   struct audit_gathered *gathered)
{
	auto_close int proc = -1;
	bool named = false;

	if (gathered->live.n < 2)
		return false;
	proc = cli_open_proc(cli);
	for (size_t i = 1; proc >= 0 && i < gathered->live.n; i++) {
		struct subid_live_userns *userns = &gathered->live.userns[i];

		if (found != NULL && !is_found(found, userns->inode))
			continue;
		subid_live_name(proc, &gathered->live, i);
		named |= userns->runtime[0] != '\0' || userns->container[0] != '\0';
	}
	return named;
}

/*
 * Whose range Docker uses for its containers ("userns-remap" in daemon.json): dockerd
 * runs as root, so that root's namespaces may map it.
 */
static int load_remap(const struct cli *cli, int etc, struct audit_gathered *gathered)
{
	auto_text struct subid_text text = { .bytes = NULL };
	auto_close int docker =
	    cli->root == NULL ? openat(etc, "docker", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
			      : cli_open_below(cli->root, "etc/docker");
	const char *remap = NULL;
	json_t *daemon;
	int r = 0;

	if (docker < 0 || subid_text_read_max(docker, "daemon.json", cli->root == NULL,
					      DAEMON_JSON_MAX, &text) != 0)
		return 0; /* no Docker, or none that would start */
	daemon = json_loadb(text.bytes, text.size, 0, NULL);
	remap = json_string_value(json_object_get(daemon, "userns-remap"));
	if (remap != NULL) {
		gathered->remap = strndup(remap, strcspn(remap, ":"));
		r = gathered->remap == NULL ? -ENOMEM : 0;
		gathered->input.for_root = (const char *const *)&gathered->remap;
		gathered->input.n_for_root = r == 0;
	}
	json_decref(daemon);
	return r;
}

/* What the site accepts comes behind what the command line does. */
static int join_accepted(struct audit_gathered *gathered)
{
	const struct subid_conf *conf = &gathered->conf;
	struct subid_audit_input *input = &gathered->input;
	size_t n = input->n_accepted;

	gathered->accepted =
	    calloc(n + conf->n_accepted + 1, sizeof(*gathered->accepted));
	if (gathered->accepted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		gathered->accepted[i] = input->accepted[i];
	for (size_t i = 0; i < conf->n_accepted; i++)
		gathered->accepted[n + i] = conf->accepted[i];
	input->accepted = gathered->accepted;
	input->n_accepted = n + conf->n_accepted;
	return 0;
}

/* A misspelt rule accepts nothing, and somebody believes that it does. */
static void check_accepted(const struct cli *cli, const struct subid_conf *conf)
{
	char file[CLI_CONF_FILE_SIZE];

	for (size_t i = 0; i < conf->n_accepted; i++) {
		if (subid_rule_find(conf->accepted[i].rule) != NULL)
			continue;
		cli_conf_file(cli, conf->accepted[i].file, file, sizeof(file));
		(void)cli_complain(0,
				   "%s:%zu: warning: accepts '%s', which is no rule:"
				   " 'subid audit --list-rules' lists them",
				   file, conf->accepted[i].line, conf->accepted[i].rule);
	}
}

static void load_conf(const struct cli *cli, int etc, struct audit_gathered *gathered)
{
	const char *vendor = cli->root == NULL ? SUBID_VENDORDIR : NULL;
	struct subid_conf_place place;
	char file[CLI_CONF_FILE_SIZE];
	int r = subid_conf_load(etc, vendor, cli->root == NULL, &gathered->conf, &place);

	if (r == 0) {
		check_accepted(cli, &gathered->conf);
		gathered->input.conf = &gathered->conf;
		return;
	}
	gathered->conf = (struct subid_conf){ .n_accepted = 0 };
	gathered->failed = true;
	cli_conf_file(cli, place.file, file, sizeof(file));
	if (r < 0)
		audit_add_missing(gathered,
				  "%s could not be read, so that nothing is accepted: %s",
				  file, strerror(-r));
	else
		audit_add_missing(gathered, "%s:%zu: %s %s, so that nothing is accepted",
				  file, place.place.line, place.place.key,
				  place.place.why);
	(void)cli_complain(0, "%s", gathered->missing[gathered->n_missing - 1]);
}

/* Without shadow, who is locked is not known. */
static void check_shadow(const struct cli *cli, int etc, struct audit_gathered *gathered)
{
	if (gathered->host.shadow.size == 0 &&
	    faccessat(etc, "shadow", R_OK, AT_EACCESS) != 0 && errno != ENOENT)
		audit_add_missing(
		    gathered,
		    "%s/shadow could not be read, so that locked accounts are"
		    " not known: %s: run the audit as root",
		    cli->etc_name, strerror(errno));
}

static int load_host(const struct cli *cli, int etc, struct audit_gathered *gathered)
{
	auto_close int root =
	    open(cli->root == NULL ? "/" : cli->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct subid_host_options options = {
		.etc = etc,
		/* SYSCONFDIR may be another: NOLINTNEXTLINE(bugprone-branch-clone) */
		.etc_path = cli->root == NULL ? SUBID_SYSCONFDIR : "/etc",
		.root = root,
		.prefix = cli->root == NULL ? "" : cli->root,
		.image = cli->root != NULL,
	};
	int r;

	if (root < 0) {
		audit_add_missing(gathered, "files and helpers were not looked at: %s",
				  strerror(errno));
		return 0;
	}
	r = subid_host_read(&options, &gathered->host);
	if (r < 0)
		return r;
	gathered->input.host = &gathered->host;
	check_shadow(cli, etc, gathered);
	if (gathered->host.n_unread > 0)
		audit_add_missing(
		    gathered,
		    "%zu of the facts about files, helpers and audit rules could"
		    " not be looked at: %s%s",
		    gathered->host.n_unread, strerror(gathered->host.unread_error),
		    geteuid() == 0 ? "" : ": run the audit as root");
	return 0;
}

int audit_gather(const struct cli *cli, int etc, bool live, struct audit_gathered *ret)
{
	struct subid_failure failure = { .file = "passwd" };
	int r;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		load_table(cli, etc, kind, ret);
	load_policy(cli, etc, ret);
	load_conf(cli, etc, ret);
	r = subid_users_load(etc, cli->root == NULL, &ret->users, &failure.file);
	if (r < 0)
		return cli_txn_failed(cli, r, &failure);
	ret->input.users = ret->users;
	if (live && cli->root == NULL)
		load_live(cli, etc, ret);
	r = audit_gather_leases(cli, ret);
	if (r == 0)
		r = join_accepted(ret);
	if (r == 0)
		r = load_remap(cli, etc, ret);
	if (r == 0)
		r = load_host(cli, etc, ret);
	return r == 0 ? EXIT_DONE : cli_complain(EXIT_UNABLE, "audit: %s", strerror(-r));
}

void audit_gathered_free(struct audit_gathered *gathered)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		subid_table_free(&gathered->tables[kind]);
		subid_table_free(&gathered->backups[kind]);
	}
	audit_leases_free(gathered);
	subid_live_free(&gathered->live);
	subid_users_free(&gathered->users);
	subid_conf_free(&gathered->conf);
	subid_host_free(&gathered->host);
	free(gathered->accepted);
	free(gathered->remap);
	for (size_t i = 0; i < gathered->n_missing; i++)
		free(gathered->missing[i]);
	free(gathered->missing);
}
