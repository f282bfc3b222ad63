/* SPDX-License-Identifier: MIT */
/*
 * Many questions about names and ids that the local files do not have: once accounts have
 * gone, their lines in the tables are asked about one by one.
 *
 * glibc reads all of passwd, or group, again for each question.  So after a few the
 * modules that nsswitch.conf(5) names after "files" are asked directly, by the functions
 * that glibc's manual describes ("NSS Module Internals"), and the files, which are in
 * memory, are left out.  What is not plain, glibc does as ever: files that are not first,
 * actions between the services, "compat", lines that glibc may read otherwise.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/accounts/private.h"
#include "libsubid/core/core.h"

/* So many questions are asked in the usual way. */
#define QUESTIONS_FEW 16

#define SERVICES_MAX 8
#define SERVICE_SIZE 32

typedef void any_function(void);
typedef enum nss_status user_by_name(const char *, struct passwd *, char *, size_t,
				     int *);
typedef enum nss_status user_by_id(uid_t, struct passwd *, char *, size_t, int *);
typedef enum nss_status group_by_name(const char *, struct group *, char *, size_t,
				      int *);
typedef enum nss_status group_by_id(gid_t, struct group *, char *, size_t, int *);

/* A module of nsswitch.conf. */
struct service {
	void *handle;
	any_function *by_name; /* of the types above */
	any_function *by_id;
};

/* Those of a database that come after the files. */
struct services {
	unsigned int asked;
	bool known; /* the rest of this is set */
	bool plain; /* they may be asked directly */
	struct service list[SERVICES_MAX];
	size_t n;
};

/* A group of the local file. */
struct named_gid {
	uint32_t gid;
	struct subid_owner_name name;
};

struct subid_beyond {
	struct services of[SUBID_KINDS];
	unsigned int gids_asked;
	struct named_gid *gids; /* by gid, and of one by their place */
	size_t n_gids;
};

static const struct {
	const char *database, *by_name, *by_id;
} databases[SUBID_KINDS] = {
	[SUBID_UID] = { "passwd", "getpwnam_r", "getpwuid_r" },
	[SUBID_GID] = { "group", "getgrnam_r", "getgrgid_r" },
};

int subid_beyond_make(struct subid_users *users)
{
	users->beyond = calloc(1, sizeof(*users->beyond));
	return users->beyond == NULL ? -ENOMEM : 0;
}

static void free_beyond(struct subid_users *users)
{
	for (enum subid_kind kind = 0; users->beyond != NULL && kind < SUBID_KINDS;
	     kind++)
		for (size_t i = 0; i < users->beyond->of[kind].n; i++)
			(void)dlclose(users->beyond->of[kind].list[i].handle);
	if (users->beyond != NULL)
		free(users->beyond->gids);
	free(users->beyond);
}

/* A line that is no account or group to us may be one to glibc. */
static bool all_is_plain(const struct subid_users *users, enum subid_kind kind)
{
	const struct subid_text *text =
	    kind == SUBID_UID ? &users->passwd : &users->group;
	size_t pos = 0, len, n_odd = 0, n_users = 0;
	const char *line;

	while (subid_text_next(text, &pos, &line, &len)) {
		struct subid_owner_name name;
		const char *at = line;
		uint32_t id;

		if (len == 0 || strchr("#+-", *line) != NULL)
			continue;
		n_odd += !subid_account_head(&at, line + len, &name, &id);
		n_users++;
	}
	return n_odd == 0 && (kind == SUBID_GID || n_users == users->n);
}

static any_function *find_function(void *handle, struct subid_owner_name service,
				   const char *what)
{
	char symbol[SERVICE_SIZE + 32];

	(void)snprintf(symbol, sizeof(symbol), "_nss_%.*s_%s", (int)service.len,
		       service.text, what);
	return (any_function *)dlsym(handle, symbol);
}

/* One that is not installed is passed over, as glibc does.  False if there are too many,
 * or its name is odd. */
static bool add_service(struct services *services, enum subid_kind kind,
			struct subid_owner_name name)
{
	char file[sizeof("libnss_.so.2") + SERVICE_SIZE];
	struct service service;

	if (services->n == SERVICES_MAX || name.len >= SERVICE_SIZE ||
	    memchr(name.text, '/', name.len) != NULL || owner_name_is(name, "files") ||
	    owner_name_is(name, "compat"))
		return false;
	(void)snprintf(file, sizeof(file), "libnss_%.*s.so.2", (int)name.len, name.text);
	/* it may have threads and sockets, and stays, as it does with glibc */
	service.handle = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (service.handle == NULL)
		return true;
	service.by_name = find_function(service.handle, name, databases[kind].by_name);
	service.by_id = find_function(service.handle, name, databases[kind].by_id);
	services->list[services->n++] = service;
	return true;
}

/* The services of a line, behind "passwd:". */
static bool add_services(struct services *services, enum subid_kind kind, const char *at,
			 const char *end)
{
	struct subid_owner_name word;
	bool plain = false;

	for (size_t n = 0; (word.len = text_word(&at, end)) > 0; n++) {
		word.text = at - word.len;
		if (n == 0)
			plain = owner_name_is(word, "files");
		else if (n == 1 && kind == SUBID_GID &&
			 owner_name_is(word, "[SUCCESS=merge]"))
			continue; /* of a group that the files do not have */
		else
			plain = plain && word.text[0] != '[' &&
				add_service(services, kind, word);
	}
	return plain;
}

/* Reads the line of the database, of which there is one. */
static void read_services(struct services *services, const struct subid_users *users,
			  enum subid_kind kind)
{
	const char *database = databases[kind].database, *line;
	auto_close int etc = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_text struct subid_text conf = { .bytes = NULL };
	size_t name_len = strlen(database), pos = 0, len, n_lines = 0;

	services->known = true;
	if (etc < 0 || !all_is_plain(users, kind) ||
	    subid_text_read_max(etc, "nsswitch.conf", true, SUBID_SETTINGS_SIZE_MAX,
				&conf) < 0)
		return;
	while (subid_text_next(&conf, &pos, &line, &len)) {
		const char *comment = memchr(line, '#', len);
		const char *at = line, *end = comment == NULL ? line + len : comment;

		while (at < end && (*at == ' ' || *at == '\t'))
			at++;
		if ((size_t)(end - at) <= name_len || at[name_len] != ':' ||
		    memcmp(at, database, name_len) != 0)
			continue;
		services->plain = n_lines++ == 0 &&
				  add_services(services, kind, at + name_len + 1, end);
	}
}

static enum nss_status ask_service(const struct service *service,
				   const struct subid_question *q, int *error)
{
	if (q->kind == SUBID_UID)
		return q->name != NULL
			   ? ((user_by_name *)service->by_name)(q->name, q->user,
								q->buffer, q->size, error)
			   : ((user_by_id *)service->by_id)(q->id, q->user, q->buffer,
							    q->size, error);
	return q->name != NULL
		   ? ((group_by_name *)service->by_name)(q->name, q->group, q->buffer,
							 q->size, error)
		   : ((group_by_id *)service->by_id)(q->id, q->group, q->buffer, q->size,
						     error);
}

/* As glibc goes from one to the next: whoever finds it ends the search, and what the last
 * one says counts. */
static int ask_services(const struct services *services, const struct subid_question *q,
			bool *ret)
{
	enum nss_status status = NSS_STATUS_NOTFOUND; /* the files' answer */
	int error = 0;

	*ret = false;
	for (size_t i = 0; i < services->n && status != NSS_STATUS_SUCCESS; i++) {
		const struct service *service = &services->list[i];

		if ((q->name != NULL ? service->by_name : service->by_id) == NULL)
			continue;
		error = 0;
		status = ask_service(service, q, &error);
		if (status == NSS_STATUS_TRYAGAIN && error == ERANGE)
			return ERANGE;
	}
	*ret = status == NSS_STATUS_SUCCESS;
	if (*ret || status == NSS_STATUS_NOTFOUND)
		return 0;
	return error == ERANGE ? EINVAL : error == 0 ? ENOENT : error;
}

static int ask_glibc(const struct subid_question *q, bool *ret)
{
	struct passwd *user = NULL;
	struct group *group = NULL;
	int r;

	if (q->kind == SUBID_UID)
		r = q->name != NULL
			? getpwnam_r(q->name, q->user, q->buffer, q->size, &user)
			: getpwuid_r(q->id, q->user, q->buffer, q->size, &user);
	else
		r = q->name != NULL
			? getgrnam_r(q->name, q->group, q->buffer, q->size, &group)
			: getgrgid_r(q->id, q->group, q->buffer, q->size, &group);
	*ret = user != NULL || group != NULL;
	return r;
}

int subid_beyond_ask(const struct subid_users *users,
		     const struct subid_question *question, bool *ret)
{
	struct services *services = &users->beyond->of[question->kind];

	if (services->asked < QUESTIONS_FEW) {
		int r = ask_glibc(question, ret);

		services->asked += r != ERANGE; /* with more room it is the same one */
		return r;
	}
	if (!services->known)
		read_services(services, users, question->kind);
	return services->plain ? ask_services(services, question, ret)
			       : ask_glibc(question, ret);
}

int subid_beyond_ask_user(const struct subid_users *users, const char *name, uint32_t uid,
			  struct passwd *entry, char *buf, size_t size,
			  struct passwd **ret)
{
	const struct subid_question question = {
		.kind = SUBID_UID,
		.name = name,
		.id = uid,
		.user = entry,
		.buffer = buf,
		.size = size,
	};
	bool found;
	int r = subid_beyond_ask(users, &question, &found);

	*ret = found ? entry : NULL;
	return r;
}

void subid_beyond_release(struct subid_users *users)
{
	subid_text_free(&users->group);
	free(users->accounts);
	subid_sets_free(&users->ids);
	free(users->index);
	free_beyond(users);
}

/* --- names of gids --------------------------------------------------------------------
 */

static bool next_group(const struct subid_users *users, size_t *pos,
		       struct named_gid *ret)
{
	const char *line;
	size_t len;

	while (subid_text_next(&users->group, pos, &line, &len))
		if (subid_account_head(&line, line + len, &ret->name, &ret->gid))
			return true;
	return false;
}

static int compare_gids(const void *a, const void *b)
{
	const struct named_gid *x = a, *y = b;

	if (x->gid != y->gid)
		return x->gid < y->gid ? -1 : 1;
	return x->name.text < y->name.text ? -1 : x->name.text > y->name.text;
}

static void sort_gids(const struct subid_users *users, struct subid_beyond *beyond)
{
	struct named_gid group;
	size_t pos = 0, n = 0;

	while (next_group(users, &pos, &group)) {
		if (array_grow(&beyond->gids, n, sizeof(*beyond->gids)) < 0)
			return; /* without the rest it is of no use */
		beyond->gids[n++] = group;
	}
	if (n > 1)
		qsort(beyond->gids, n, sizeof(*beyond->gids), compare_gids);
	beyond->n_gids = n;
}

static bool is_before(const void *element, const void *key)
{
	return ((const struct named_gid *)element)->gid < *(const uint32_t *)key;
}

bool subid_beyond_gid(const struct subid_users *users, uint32_t gid,
		      struct subid_owner_name *ret)
{
	struct subid_beyond *beyond = users->beyond;
	struct named_gid group;
	size_t pos = 0, at;

	if (beyond != NULL && ++beyond->gids_asked == QUESTIONS_FEW)
		sort_gids(users, beyond);
	if (beyond != NULL && beyond->n_gids > 0) {
		at = array_search(beyond->gids, beyond->n_gids, sizeof(*beyond->gids),
				  &gid, is_before);
		if (at == beyond->n_gids || beyond->gids[at].gid != gid)
			return false;
		*ret = beyond->gids[at].name;
		return true;
	}
	while (next_group(users, &pos, &group)) {
		*ret = group.name;
		if (group.gid == gid)
			return true;
	}
	return false;
}
