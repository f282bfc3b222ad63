/* SPDX-License-Identifier: MIT */
/*
 * Finds the ids of an owner, and the owner of an id.
 */
#pragma once

#include "tools/subid/cli.h"
#include "tools/subid/container_view.h"

/* The ids of an operand: OWNER or OWNER/NAME. */
struct owner_ids {
	char *name;	 /* OWNER as it was typed */
	char *container; /* NAME, or NULL */
	struct subid_owner owner;
	struct subid_sets all; /* of the owner's lines */
	struct subid_sets ids; /* of NAME; or all that are not leased */
	size_t n_leases;       /* of all its containers */
	bool doubled;	       /* two lines of the owner overlap */
};

void owner_ids_free(struct owner_ids *share);

#define auto_owner_ids __attribute__((cleanup(owner_ids_free)))

/*
 * Finds the ids of text.  users must outlive *ret; leases: of the owner's containers, or
 * NULL to read them.  The status, after an error message if it is not EXIT_DONE.
 */
int owner_ids_find(const struct cli *cli, struct subid *sys,
		   const struct subid_users *users,
		   struct subid_table tables[SUBID_KINDS],
		   const struct subid_list *leases, const char *text,
		   struct owner_ids *ret);

/*
 * The owner of an id: tables, accounts, leases and running processes are read once, and
 * each id is looked up once.
 */

/* Why an id belongs to its owner. */
enum view_by {
	VIEW_NOBODY,
	VIEW_ACCOUNT, /* it is the account's or group's own id */
	VIEW_LINE,    /* a line of a table grants it */
	VIEW_LEASE,   /* that, and it is leased to a container */
	VIEW_HELD,    /* a line holds it */
};

struct view_answer {
	enum view_by by;
	char *owner;	 /* a name, or a number without account; NULL: nobody */
	char *account;	 /* the account or group with this id, or NULL */
	char *container; /* the container it is leased to, or NULL */
};

struct view {
	const struct cli *cli;
	struct subid *sys;
	int etc;
	int proc; /* -1: an image */
	struct subid_users *users;
	struct subid_table tables[SUBID_KINDS];
	struct subid_id_index whose[SUBID_KINDS];
	struct subid_live live;
	struct view_known *known; /* answers so far, sorted */
	size_t n_known;
	struct view_lessor *lessors; /* owners whose leases have been read */
	size_t n_lessors;
	uint32_t *lessor_slots; /* by name; inside view.c */
	size_t lessor_mask;
	struct container_roots roots; /* names inside of containers */
	bool partial; /* some leases could not be read; a warning was printed */
};

void view_free(struct view *view);

#define auto_view __attribute__((cleanup(view_free)))

/* Reads all of it.  The status, after a complaint if it is not EXIT_DONE. */
int view_load(struct cli *cli, struct view *ret);

/* The owner of an id.  The answer belongs to the view; NULL when out of memory. */
const struct view_answer *view_ask(struct view *view, enum subid_kind kind, uint32_t id);

/* The namespace or the nearest one around it that has a container's name; 0: none. */
size_t view_container(const struct view *view, size_t userns);

/* The creator of the outermost namespace around it, or SUBID_ID_NONE. */
uint32_t view_creator(const struct view *view, size_t userns);

/*
 * The name of an id in the passwd or group file of a process's container; it belongs to
 * the view.  pid: a process in the namespace, which must still exist.  NULL if there is
 * no name, or the file may not be read, or reading takes too long.
 */
const char *view_name_inside(struct view *view, size_t userns, pid_t pid,
			     enum subid_kind kind, uint32_t inside);

/*
 * The container to which an id of an owner is leased; the name belongs to the view. NULL:
 * none, or the leases cannot be read, which is warned of once.
 */
const char *view_lease(struct view *view, const char *owner, enum subid_kind kind,
		       uint32_t id);

/*
 * The leases of an owner's containers; they belong to the view.  NULL if they cannot be
 * read, which is warned of once.
 */
const struct subid_list *view_leases(struct view *view, const char *owner);

/* The owner's name; for a uid, the account's.  The caller frees it. */
char *view_owner_name(const struct view *view, const char *text, size_t len);
