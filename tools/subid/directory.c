/* SPDX-License-Identifier: MIT */
/*
 * What is done in the site's directory is done by another program, which links libldap.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid/cli.h"

int cli_run_directory(const struct cli *cli, int argc, char *argv[])
{
	static char name[] = "subid", json[] = "--json", quiet[] = "--quiet";
	auto_free char **words = calloc((size_t)argc + 4, sizeof(*words));
	size_t n = 0;

	if (words == NULL)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	words[n++] = name;
	if (cli->json)
		words[n++] = json;
	if (cli->quiet)
		words[n++] = quiet;
	memcpy(words + n, argv, (size_t)argc * sizeof(*words));
	(void)execv(SUBID_LDAP, words);
	return cli_complain(EXIT_UNABLE,
			    "%s: %s: the program for --directory cannot be run",
			    SUBID_LDAP, strerror(errno));
}
