/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tools/subid/doctor/results.h"

enum { OPTION_FOR = 256 * 2 };

static const struct cli_option options[] = {
	{ OPTION_FOR, "for", "RUNTIME", "podman, docker, lxc, incus or apptainer alone" },
};

static const struct {
	const char *name;
	unsigned int bit;
} runtimes[] = {
	{ "podman", DOCTOR_PODMAN }, { "docker", DOCTOR_DOCKER },
	{ "lxc", DOCTOR_LXC },	     { "incus", DOCTOR_INCUS },
	{ "lxd", DOCTOR_INCUS },     { "apptainer", DOCTOR_APPTAINER },
};

#define PATIENCE_MS 20000
#define OUTPUT_MAX  (1 << 20)

/* --- the child */

/*
 * Becomes the owner for good; only root does.
 *
 * Threat: programs that are run then, or their caller, could be the user's own: root's
 * terminal and directory are out of their reach.
 */
static int become(const struct doctor *d)
{
	if (d->self || !d->as_owner)
		return 0;
	(void)setsid(); /* it leads no group */
	if (chdir("/") < 0)
		return -errno;
	if (initgroups(d->name, d->owner->gid) < 0 ||
	    setresgid(d->owner->gid, d->owner->gid, d->owner->gid) < 0 ||
	    setresuid(d->owner->uid, d->owner->uid, d->owner->uid) < 0)
		return -errno;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* becoming another has reset it */
	return 0;
}

static unsigned int unmet(const struct doctor *d)
{
	return (d->as_owner ? 0U : DOCTOR_AS_OWNER) | (d->self ? 0U : DOCTOR_PROCESS) |
	       (d->cli->root == NULL ? 0U : DOCTOR_HOST) |
	       (d->owner->has_account ? 0U : DOCTOR_ACCOUNT);
}

static void look(struct doctor *d, const struct doctor_check *check)
{
	if (!doctor_for(d, check->runtimes) || (check->needs & unmet(d)) != 0)
		return;
	doctor_begin(d, check->name);
	check->look(d);
	if (!d->said)
		doctor_say(d, DOCTOR_OK, check->fine, NULL, NULL);
}

/* Is it known that nobody is called so, and that no range has this owner? */
static bool is_nobody(const struct doctor *d)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (d->listing_error[kind] != 0 || d->listing[kind].n > 0 ||
		    (d->table_error[kind] != 0 && d->table_error[kind] != -ENOENT))
			return false;
	return !d->owner->has_account;
}

static void say_nobody(struct doctor *d)
{
	doctor_begin(d, "account");
	doctor_say(
	    d, DOCTOR_FAIL,
	    doctor_text("%s: no such account, and no range has this owner", d->name),
	    "so there is nothing else to look at",
	    doctor_text("subid doctor NAME, with a login name; getent passwd%s",
			d->cli->root == NULL ? " has them" : " in the image has them"));
}

static int work(const void *data, int writer)
{
	struct doctor d = *(const struct doctor *)data;
	int r = become(&d);

	d.writer = writer;
	if (r == 0)
		r = doctor_read(&d);
	if (r < 0)
		return r;
	if (is_nobody(&d)) {
		say_nobody(&d);
		doctor_begin(&d, NULL);
		return 0;
	}
	if (d.as_owner && d.cli->root == NULL) {
		doctor_begin(&d, "probe");
		doctor_probe(&d);
	}
	for (size_t i = 0; i < doctor_catalogue_n; i++)
		look(&d, &doctor_catalogue[i]);
	if (!d.as_owner && d.cli->root == NULL && d.owner->has_account) {
		doctor_begin(&d, "rights");
		doctor_say(&d, DOCTOR_UNKNOWN,
			   doctor_text("only %s or root can look at all of it", d.name),
			   "no namespace was made, and no file of the user was looked at",
			   doctor_text("sudo subid doctor %s", d.name));
	}
	doctor_begin(&d, NULL);
	return 0;
}

/* --- the parent */

static int examine(struct doctor *d, const char *runtime)
{
	struct child_patience patience = { PATIENCE_MS, PATIENCE_MS };
	auto_text struct subid_text text = { .size = 0 };
	struct doctor_results results = { .n = 0 };
	struct child child;
	auto_free char *what = NULL;
	int r, status;

	r = child_start(work, d, -1, &child);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(-r));
	r = child_read(&child, patience.one_ms, OUTPUT_MAX, &text);
	(void)child_end(&child, true);
	if (doctor_results_read(&text, &results) < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	if (results.last != NULL) {
		if (asprintf(&what, "this check %s",
			     r == -ETIMEDOUT ? "did not end within 20 s"
					     : "ended too early") < 0)
			return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
		(void)doctor_results_add(
		    &results,
		    (struct doctor_result){ DOCTOR_UNKNOWN, results.last, what,
					    "something that it looked at does not answer:"
					    " a home on a network, a helper",
					    "" });
	}
	status = doctor_results_print(d->cli, d->name, runtime, &results);
	free(results.list);
	return status;
}

/* Where the user's runtime directory is; NULL: there is none. */
static const char *find_runtime_dir(bool self, uint32_t uid, char *buf, size_t size)
{
	const char *set = self ? getenv("XDG_RUNTIME_DIR") : NULL;
	struct stat st;

	if (set != NULL && set[0] == '/')
		return set;
	(void)snprintf(buf, size, "/run/user/%u", uid);
	return stat(buf, &st) == 0 ? buf : NULL;
}

/* Fills in who it is about, and goes on. */
static int examine_owner(struct cli *cli, const char *name, unsigned int bit,
			 const char *runtime)
{
	auto_users struct subid_users *users = NULL;
	auto_owner struct subid_owner owner = { .n = 0 };
	auto_close int etc = cli_open_etc(cli);
	struct doctor d = { .cli = cli, .runtime = bit, .owner = &owner };
	char own[16], run_user[64], shown[1024];
	auto_free char *home = NULL;
	const char *file = "passwd";
	int r =
	    etc < 0 ? -ENOENT : subid_users_open(etc, cli->root == NULL, &users, &file);

	if (r < 0)
		return etc < 0 ? EXIT_UNABLE : cli_unreadable(cli, file, r);
	(void)snprintf(own, sizeof(own), "%u", getuid());
	r = subid_owner_find(users, name == NULL ? own : name, &owner);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: cannot be looked up: %s",
				    name == NULL ? own : name, strerror(-r));
	if (r == SUBID_INVALID)
		return cli_complain(EXIT_NO, "%s: invalid owner name", name);
	(void)snprintf(shown, sizeof(shown), "%.*s", (int)owner.spellings[0].len,
		       owner.spellings[0].text);
	d.name = shown;
	d.self = cli->root == NULL && owner.has_account && owner.uid == getuid();
	d.path_of = doctor_path_of(d.self);
	d.as_owner = d.self || (cli->root == NULL && owner.has_account && geteuid() == 0);
	if (owner.has_account && cli->root == NULL) {
		if (subid_owner_home(owner.uid, &home) == 0)
			d.home = home;
		d.runtime_dir =
		    find_runtime_dir(d.self, owner.uid, run_user, sizeof(run_user));
	}
	return examine(&d, runtime);
}

static int run(struct cli *cli, int argc, char *argv[])
{
	const char *runtime = NULL;
	unsigned int bit = 0;

	while (cli_next_option(cli, argc, argv) != -1)
		runtime = optarg;
	for (size_t i = 0; runtime != NULL && i < sizeof(runtimes) / sizeof(runtimes[0]);
	     i++)
		if (strcmp(runtimes[i].name, runtime) == 0)
			bit = runtimes[i].bit;
	if (runtime != NULL && bit == 0)
		return cli_misused(
		    cli,
		    "--for: unknown runtime '%s'; one of podman, docker, lxc,"
		    " incus, apptainer",
		    runtime);
	if (argc - optind > 1)
		return cli_misused(cli, "unexpected operand '%s'", argv[optind + 1]);
	return examine_owner(cli, argv[optind], bit, runtime);
}

const struct cli_command cmd_doctor = {
	.name = "doctor",
	.arguments = "[OWNER]",
	.summary = "find out why containers do not start",
	.text =
	    "A user namespace is made, mapped and used, then each known reason is "
	    "looked\n"
	    "for: ok, warn or FAIL, why, and the command that helps.  Nothing is "
	    "changed.\n"
	    "OWNER: yourself; another user only by root.  Status 1: something fails.\n"
	    "",
	CLI_OPTIONS(options),
	.examples = "    subid doctor\n"
		    "    sudo subid doctor alice --for podman",
	.run = run,
};
