/* SPDX-License-Identifier: MIT */
/*
 * subid complete people: what tools/subid/subid.bash asks, and no help tells of.
 *
 * Threat: somebody presses the Tab key behind --root of an image that others made.  So
 * the shell opens none of its files: this does, as every command, beneath the directory,
 * following no link, and nothing but regular files.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "libsubid/accounts/accounts.h"
#include "tools/subid/cli.h"

/* The default uids of people, login.defs(5). */
#define UID_MIN 1000
#define UID_MAX 60000

/* Of an image's passwd, as nobody waits for more. */
#define PASSWD_MAX (16 << 20)

static int print_people(int etc, bool nss)
{
	auto_users struct subid_users *users = NULL;
	struct stat st;
	int r;

	if (!nss && fstatat(etc, "passwd", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_size > PASSWD_MAX)
		return EXIT_UNABLE;
	r = subid_users_load(etc, nss, &users, NULL);
	if (r < 0)
		return EXIT_UNABLE; /* there is nothing to offer */
	for (size_t i = 0; i < subid_users_count(users); i++) {
		const struct subid_account *account = subid_users_at(users, i);

		if (account->uid == 0 ||
		    (account->uid >= UID_MIN && account->uid <= UID_MAX))
			(void)printf("%.*s\n", (int)account->name_len, account->name);
	}
	return cli_finish_output();
}

static int run(struct cli *cli, int argc, char *argv[])
{
	auto_close int etc = -1;

	while (cli_next_option(cli, argc, argv) != -1)
		;
	if (optind + 1 != argc || strcmp(argv[optind], "people") != 0)
		return cli_misused(cli, "complete: people");
	etc = cli_open_etc(cli);
	return etc < 0 ? EXIT_UNABLE : print_people(etc, cli->root == NULL);
}

const struct cli_command cmd_complete = {
	.name = "complete",
	.arguments = "people",
	.summary = NULL, /* not for people */
	.text = "",
	.run = run,
};
