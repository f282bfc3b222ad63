/* SPDX-License-Identifier: MIT */
/*
 * subid doctor: why rootless containers do not start.  A check is a function and a row in
 * catalogue.c; it looks at one thing, and says what it found.
 *
 * Threat: what it looks at is the user's: a home that does not answer, files and programs
 * that lie.  So all checks run in a child that has the user's rights and no others, and
 * the parent, which may be root, prints what has come when its patience ends.
 */
#pragma once

#include <limits.h>

#include "libsubid/core/child.h"
#include "tools/subid/cli.h"

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_WARN,	/* containers start, but something will not work */
	DOCTOR_FAIL,	/* they do not */
	DOCTOR_UNKNOWN, /* could not be found out */
};

/* Runtimes, bits. */
enum {
	DOCTOR_PODMAN = 1,
	DOCTOR_DOCKER = 2,
	DOCTOR_LXC = 4,
	DOCTOR_INCUS = 8,
	DOCTOR_APPTAINER = 16,
};

/* What a check needs, bits. */
enum {
	DOCTOR_AS_OWNER = 1, /* to run as the owner */
	DOCTOR_PROCESS = 2,  /* that this process is one of the owner's own session */
	DOCTOR_HOST = 4,     /* the running system, not an image */
	DOCTOR_ACCOUNT = 8,  /* that the owner has an account */
};

/* newuidmap or newgidmap. */
struct doctor_helper {
	char path[PATH_MAX];  /* the first in PATH; "": none */
	char other[PATH_MAX]; /* the next one that is another file; "": none */
	bool other_privileged;
	struct stat st;
	bool nosuid;
	bool readable_caps; /* permitted is known */
	bool effective;
	uint64_t permitted;
};

/* The mount that a path lies on, by /proc/self/mountinfo: nothing on it is touched. */
struct doctor_mount {
	char where[PATH_MAX];
	char type[64];
	bool noexec, nosuid, readonly, idmapped;
};

/* What the probe came by. */
struct doctor_probe {
	int unshare_error;    /* errno of making a namespace */
	int helper_status[2]; /* exit status by kind; -1: not run */
	char said[2][512];    /* what it said */
	int file_error;	      /* errno of giving a file to an id of the namespace */
	bool map_differs;
	uint32_t file_owner; /* whose it was then, on the host */
	bool done;	     /* all of it was right */
};

struct doctor {
	struct cli *cli;
	unsigned int runtime; /* asked for; 0: any */
	const char *name;     /* of the owner */
	const struct subid_owner *owner;
	const char *home;	 /* or NULL */
	bool as_owner;		 /* the checks run with the owner's rights */
	bool self;		 /* the caller is the owner */
	const char *runtime_dir; /* XDG_RUNTIME_DIR or /run/user/UID; NULL: unset */
	int writer;		 /* where the results go */

	/* what the checks have in common, read by the child */
	int etc;
	int table_error[SUBID_KINDS];
	struct subid_text tables[SUBID_KINDS];
	struct subid_owned_range *lines[SUBID_KINDS]; /* of the owner, in the tables */
	size_t n_lines[SUBID_KINDS];
	int listing_error[SUBID_KINDS];
	struct subid_listing listing[SUBID_KINDS]; /* what programs are answered */
	struct doctor_helper helpers[SUBID_KINDS];
	const char *path_of; /* whose PATH they were looked for in: "root's PATH" */
	struct subid_text mountinfo;
	struct doctor_probe probe;
	const char *check; /* the one at work */
	bool said;	   /* it has said something */
};

struct doctor_check {
	const char *name;
	unsigned int runtimes; /* 0: for all */
	unsigned int needs;
	const char *fine; /* what is said if it finds nothing */
	void (*look)(struct doctor *d);
};

extern const struct doctor_check doctor_catalogue[];
extern const size_t doctor_catalogue_n;

/*
 * Says what a check has found.  command: what to do, a command line or words; NULL: none.
 * why: why that matters, or NULL.  Both are formatted like what.
 */
void doctor_say(struct doctor *d, enum doctor_level level, const char *what,
		const char *why, const char *command);

/* A text that lives as long as the child. */
char *doctor_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reads what the checks have in common.  0 or -errno. */
int doctor_read(struct doctor *d);

/* How a helper has its privilege: "setuid", "capability"; NULL: not at all. */
const char *doctor_privilege(const struct doctor_helper *helper, enum subid_kind kind);

/* Looks for the helpers in the caller's PATH, whoever it is about, or where there is
 * none, in the usual one. */
void doctor_find_helpers(struct doctor *d);

/* Whose PATH that is, as a phrase; to be asked before becoming the owner.  self: it is
 * about the caller. */
const char *doctor_path_of(bool self);

/* Makes a namespace and maps it, see probe.c. */
void doctor_probe(struct doctor *d);

/* The mount of a path. */
bool doctor_find_mount(const struct doctor *d, const char *path,
		       struct doctor_mount *ret);

/* The number in a file, -1 if there is none. */
long long doctor_number(const char *path);

/* The first line of a file, in buf; false if it cannot be read. */
bool doctor_line(const char *path, char *buf, size_t size);

/* The value of "NAME:" in /proc/self/status. */
bool doctor_status(const char *name, char *buf, size_t size);

/* Has the owner this id, by what programs are answered? */
bool doctor_holds(const struct doctor *d, enum subid_kind kind, uint32_t id);

/* How many ids. */
uint64_t doctor_count(const struct doctor *d, enum subid_kind kind);

/* The user's storage of a runtime: a path below home, also if it does not exist. */
const char *doctor_storage(const struct doctor *d, unsigned int runtime);

/* Is the program one of those in the usual places? */
bool doctor_installed(const char *program);

bool doctor_for(const struct doctor *d, unsigned int runtimes);

/* The checks, by file. */
void doctor_max_namespaces(struct doctor *d);
void doctor_userns_clone(struct doctor *d);
void doctor_apparmor(struct doctor *d);
void doctor_no_new_privs(struct doctor *d);
void doctor_bounding_set(struct doctor *d);
void doctor_primary_group(struct doctor *d);
void doctor_helper_missing(struct doctor *d);
void doctor_helper_nosuid(struct doctor *d);
void doctor_helper_unprivileged(struct doctor *d);
void doctor_helper_double(struct doctor *d);
void doctor_helper_path(struct doctor *d);
void doctor_table_link(struct doctor *d);
void doctor_table_unreadable(struct doctor *d);
void doctor_source(struct doctor *d);
void doctor_no_range(struct doctor *d);
void doctor_range_small(struct doctor *d);
void doctor_line_twice(struct doctor *d);
void doctor_own_id(struct doctor *d);
void doctor_root_lines(struct doctor *d);
void doctor_foreign_library(struct doctor *d);
void doctor_etc_read_only(struct doctor *d);
void doctor_generated(struct doctor *d);
void doctor_state(struct doctor *d);
void doctor_storage_type(struct doctor *d);
void doctor_noexec(struct doctor *d);
void doctor_storage_owner(struct doctor *d);
void doctor_homed(struct doctor *d);
void doctor_path(struct doctor *d);
void doctor_pause(struct doctor *d);
void doctor_left_files(struct doctor *d);
void doctor_label(struct doctor *d);
void doctor_session(struct doctor *d);
void doctor_groups(struct doctor *d);
void doctor_probe_result(struct doctor *d);
