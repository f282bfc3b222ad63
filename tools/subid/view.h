/* SPDX-License-Identifier: MIT */
/*
 * Everything that is asked when somebody wants to know whose an id is: the tables, the
 * accounts, what runs.  Each id is looked up once.
 */
#pragma once

#include "libsubid/core/child.h"
#include "tools/subid/home.h"
#include "tools/subid/owner_ids.h"

/* What makes an id somebody's. */
enum view_by {
	VIEW_NOBODY,
	VIEW_ACCOUNT, /* it is an account's or group's own */
	VIEW_LINE,    /* a line of a table gives it */
	VIEW_LEASE,   /* so, and it is leased to a container */
	VIEW_HELD,    /* a line holds it for nobody */
};

struct view_answer {
	enum view_by by;
	char *owner;	 /* a name, or a number without account; NULL: nobody */
	char *account;	 /* whose own it is; NULL: none's */
	char *container; /* to which it is leased, or NULL */
};

struct view {
	const struct cli *cli;
	int etc;
	int proc; /* -1: nothing runs here */
	struct subid_users *users;
	struct subid_table tables[SUBID_KINDS];
	struct subid_id_index whose[SUBID_KINDS];
	struct subid_live live;
	struct view_known *known; /* answers so far, sorted */
	size_t n_known;
	struct view_lessor *lessors; /* owners whose leases have been read */
	size_t n_lessors;
	struct view_root *roots; /* names of containers, by mount namespace */
	size_t n_roots;
	struct child_patience names; /* for reading them */
	struct cli_homes homes;	     /* for the lessors */
	bool partial;		     /* leases could not be read, which has been told */
};

void view_free(struct view *view);

#define auto_view __attribute__((cleanup(view_free)))

/* Reads all of it.  The status, after a complaint if it is not EXIT_DONE. */
int view_load(struct cli *cli, struct view *ret);

/* Whose an id is.  The answer is the view's; NULL for want of memory. */
const struct view_answer *view_ask(struct view *view, enum subid_kind kind, uint32_t id);

/* The namespace, itself or around it, that has a container's name; 0: none has. */
size_t view_container(const struct view *view, size_t userns);

/* Who made the outermost namespace around it, or SUBID_ID_NONE. */
uint32_t view_creator(const struct view *view, size_t userns);

/*
 * The name that the container of a process has for an id of its own, terminated and
 * the view's.  pid: a process in the namespace, which must still be there.  NULL if
 * there is none, or it may not be looked at, or it takes too long.
 */
const char *view_name_inside(struct view *view, size_t userns, pid_t pid,
			     enum subid_kind kind, uint32_t inside);

/*
 * The container to which an id of an owner's line is leased, the view's; NULL: none,
 * or the leases cannot be read, which is warned of once.
 */
const char *view_lease(struct view *view, const char *owner, enum subid_kind kind,
		       uint32_t id);

/*
 * The leases of an owner's containers, the view's; others' may be among them, see
 * cli_lease_is_of().  NULL if they cannot be read, which is warned of once.
 */
const struct subid_leases *view_leases(struct view *view, const char *owner);

/* What a line calls an owner, by its account's name if that is a uid; the caller's. */
char *view_owner_name(const struct view *view, const char *text, size_t len);
