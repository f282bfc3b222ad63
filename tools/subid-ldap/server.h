/* SPDX-License-Identifier: MIT */
/*
 * A server of the directory, and the operations that a scheme is made of.  The only
 * file that knows libldap is server.c, and bind.c for how it is told who asks.
 *
 * Each operation has a limit of time.  What failed is in error, for a message: as an
 * answer of somebody else, it may have any byte.
 */
#pragma once

#include "tools/subid-ldap/entry.h"

struct ldap;

/* Answers of an operation beside 0 and -errno; no answers of the library's. */
enum server_answer {
	SERVER_ABSENT = 100, /* there is no such entry */
	SERVER_EXISTS,	     /* there is one already */
	SERVER_LOST,	     /* it is not, or no more, what the change says that it is */
};

struct server {
	const struct subid_conf_directory *conf;
	const char *uri;
	struct ldap *ld; /* NULL: not connected */
	bool
	    increments; /* it can add to a number, tell what it was, and on a condition */
	char error[640];
};

/* Connects, says who asks, and reads what it can do.  0 or -errno, with error set. */
int server_open(struct server *server);

void server_close(struct server *server);

/* One change of an attribute. */
enum server_verb {
	SERVER_ADD,
	SERVER_DELETE, /* that value, or with NULL all */
	SERVER_REPLACE,
};

struct server_change {
	enum server_verb verb;
	const char *attribute, *value;
};

/* Adds an entry; verbs do not count.  0, SERVER_EXISTS, -errno; -ENOENT: there is no
 * branch for it. */
int server_add(struct server *server, const char *dn, const struct server_change *changes,
	       size_t n);

/* Makes all changes or none.  0, SERVER_ABSENT, SERVER_LOST, -errno. */
int server_modify(struct server *server, const char *dn,
		  const struct server_change *changes, size_t n);

/*
 * Adds by to a number, unless it was more than most, and tells in *ret what it was.  Only
 * if the server increments.  0, SERVER_ABSENT, SERVER_LOST, -errno.
 */
int server_increment(struct server *server, const char *dn, const char *attribute,
		     uint32_t by, uint32_t most, uint32_t *ret);

/* Reads one entry.  0, SERVER_ABSENT, -errno. */
int server_read(struct server *server, const char *dn, struct dir_entry *ret);

/* Is handed each entry that is found; what is not 0 ends the search with that. */
typedef int server_each(void *data, struct dir_entry *entry);

/*
 * Finds entries below a DN, in pages; limit: no more than so many; 0: all.  0,
 * SERVER_ABSENT: there is no such DN; what each() answered; -errno.
 */
int server_search(struct server *server, const char *base, const char *filter, int limit,
		  server_each *each, void *data);
