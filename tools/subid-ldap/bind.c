/* SPDX-License-Identifier: MIT */
/*
 * Who asks the directory.
 */
#include "tools/subid-ldap/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <ldap.h>
#include <sasl/sasl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/core.h"

#define PASSWORD_MAX 1024

/*
 * Reads a file of a secret.  Threat: a password that others may read is everybody's, and
 * one that others may write is theirs.
 */
static int read_secret(const char *path, struct subid_text *ret, const char **ret_why)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	*ret_why = "cannot be read";
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & 077) != 0) {
		*ret_why = "must be a file of mode 600, and root's or yours";
		return -EPERM;
	}
	return subid_text_read_fd(fd, PASSWORD_MAX, ret);
}

static int bind_simple(const struct server *server, int *ret_rc, const char **ret_why)
{
	auto_text struct subid_text secret = { .bytes = NULL };
	struct berval password;
	int r = read_secret(server->conf->bind_file, &secret, ret_why);

	if (r < 0)
		return r;
	while (secret.size > 0 && strchr("\r\n", secret.bytes[secret.size - 1]) != NULL)
		secret.size--;
	/* Threat: an empty password is anonymous to a server, and always right */
	if (secret.size == 0) {
		*ret_why = "is empty";
		return -EINVAL;
	}
	*ret_why = NULL;
	password = (struct berval){ secret.size, secret.bytes };
	*ret_rc = ldap_sasl_bind_s(server->ld, server->conf->bind_name, LDAP_SASL_SIMPLE,
				   &password, NULL, NULL, NULL);
	explicit_bzero(secret.bytes, secret.size);
	return *ret_rc == LDAP_SUCCESS ? 0 : -EACCES;
}

/* Nobody is there to be asked: the defaults, or nothing. */
static int interact(LDAP *ld, unsigned int flags, void *defaults, void *questions)
{
	const struct subid_conf_directory *conf = defaults;

	(void)ld, (void)flags;
	for (sasl_interact_t *q = questions; q->id != SASL_CB_LIST_END; q++) {
		const char *answer = "";

		if (q->id == SASL_CB_AUTHNAME && conf->bind_name != NULL)
			answer = conf->bind_name;
		q->result = answer;
		q->len = (unsigned int)strlen(answer);
	}
	return LDAP_SUCCESS;
}

/* A ticket of the keytab's, kept in memory alone. */
static int bind_gssapi(const struct server *server, int *ret_rc, const char **ret_why)
{
	struct subid_conf_directory conf = *server->conf;

	if (access(conf.bind_file, R_OK) < 0) {
		*ret_why = "cannot be read";
		return -errno;
	}
	if (setenv("KRB5_CLIENT_KTNAME", conf.bind_file, 1) < 0 ||
	    setenv("KRB5CCNAME", "MEMORY:subid", 1) < 0)
		return -ENOMEM;
	*ret_rc = ldap_sasl_interactive_bind_s(server->ld, NULL, "GSSAPI", NULL, NULL,
					       LDAP_SASL_QUIET, interact, &conf);
	return *ret_rc == LDAP_SUCCESS ? 0 : -EACCES;
}

int bind_server(const struct server *server, int *ret_rc, const char **ret_why)
{
	char empty[1] = "";
	struct berval nothing = { 0, empty }; /* sent, while NULL is not */

	*ret_rc = LDAP_SUCCESS;
	*ret_why = NULL;
	switch (server->conf->bind) {
	case SUBID_BIND_SIMPLE:
		return bind_simple(server, ret_rc, ret_why);
	case SUBID_BIND_GSSAPI:
		return bind_gssapi(server, ret_rc, ret_why);
	case SUBID_BIND_EXTERNAL:
		*ret_rc = ldap_sasl_bind_s(server->ld, NULL, "EXTERNAL", &nothing, NULL,
					   NULL, NULL);
		return *ret_rc == LDAP_SUCCESS ? 0 : -EACCES;
	case SUBID_BIND_ANONYMOUS:
		break;
	}
	return 0;
}
