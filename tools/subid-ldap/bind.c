/* SPDX-License-Identifier: MIT */
/*
 * Who asks the directory.
 */
#include "tools/subid-ldap/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <ldap.h>
#include <sasl/sasl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid-ldap/keytab.h"

/* The largest of such files. */
#define PASSWORD_MAX 1024
#define KEYTAB_MAX   (1U << 20)

/*
 * Reads a file of a secret.  Threat: a password or key that others may read is
 * everybody's, and one that others may write is theirs.
 */
static int read_secret(const char *path, size_t max, struct subid_text *ret,
		       const char **ret_why)
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
	return subid_text_read_fd(fd, max, ret);
}

static int bind_simple(const struct server *server, int *ret_rc, const char **ret_why)
{
	auto_text struct subid_text secret = { .bytes = NULL };
	struct berval password;
	int r = read_secret(server->conf->bind_file, PASSWORD_MAX, &secret, ret_why);

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

/* Nobody is there to be asked. */
static int interact(LDAP *ld, unsigned int flags, void *defaults, void *questions)
{
	(void)ld, (void)flags, (void)defaults;
	for (sasl_interact_t *q = questions; q->id != SASL_CB_LIST_END; q++) {
		q->result = "";
		q->len = 0;
	}
	return LDAP_SUCCESS;
}

/* A file in memory alone with the keys of the one principal: its descriptor, or -errno.
 */
static int open_keys(const struct subid_conf_directory *conf, const char **ret_why)
{
	auto_text struct subid_text keytab = { .bytes = NULL };
	int fd, r = read_secret(conf->bind_file, KEYTAB_MAX, &keytab, ret_why);

	if (r < 0)
		return r;
	r = keytab_keep(&keytab, conf->bind_name);
	*ret_why = r == -ENOENT ? "has no key of the principal in subid.conf"
				: "is not a keytab";
	fd = r < 0 ? r : memfd_create("keytab", MFD_CLOEXEC);
	if (r == 0)
		*ret_why = NULL;
	if (r == 0 && fd < 0)
		fd = -errno;
	if (fd >= 0 && write(fd, keytab.bytes, keytab.size) != (ssize_t)keytab.size) {
		(void)close(fd);
		fd = -EIO;
	}
	explicit_bzero(keytab.bytes, keytab.size);
	return fd;
}

/* By a ticket of the keytab's, which is in memory alone, as the keys are. */
static int bind_gssapi(const struct server *server, int *ret_rc, const char **ret_why)
{
	auto_close int fd = open_keys(server->conf, ret_why);
	char path[sizeof("FILE:/proc/self/fd/") + 10];

	if (fd < 0)
		return fd;
	(void)snprintf(path, sizeof(path), "FILE:/proc/self/fd/%d", fd);
	if (setenv("KRB5_CLIENT_KTNAME", path, 1) < 0 ||
	    setenv("KRB5CCNAME", "MEMORY:subid", 1) < 0)
		return -ENOMEM;
	*ret_rc = ldap_sasl_interactive_bind_s(server->ld, NULL, "GSSAPI", NULL, NULL,
					       LDAP_SASL_QUIET, interact, NULL);
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
