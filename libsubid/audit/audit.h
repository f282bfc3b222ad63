/* SPDX-License-Identifier: MIT */
#pragma once

#include <limits.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/change/change.h"
#include "libsubid/ledger/ledger.h"
#include "libsubid/live/live.h"
#include "libsubid/policy/policy.h"
#include "libsubid/runtimes/runtimes.h"
#include "libsubid/subid.h"
#include "libsubid/tables/tables.h"

/* How many findings a report has. */
size_t subid_report_size(const struct subid_report *report);

/*
 * Facts about the machine around the tables, or about an image of one, as plain
 * data: files and who may write them, locks, helpers, the source of ranges, audit
 * rules.  What is wrong with them is for the auditor to say.
 */

/* Where to look.  All of it stays the caller's. */
struct audit_host_options {
	int etc;	      /* the directory of the tables */
	const char *etc_path; /* its path beneath root: "/etc" */
	int root;	      /* the root directory; no link leads out of it */
	const char *prefix;   /* for people, before each path: "", or the image's DIR as
				 they say it */
	bool image;	      /* nothing of what lies beneath root runs */
};

/* Whom a POSIX access list lets write, beside owner, group and everybody. */
enum audit_acl_writer {
	AUDIT_ACL_NOBODY, /* also without a list */
	AUDIT_ACL_USER,
	AUDIT_ACL_GROUP,
	AUDIT_ACL_DAMAGED, /* the list means nothing */
};

/* A file or directory.  In its two texts what is not printable ASCII is '?'. */
struct audit_host_file {
	char *path;    /* for people: absolute, the prefix in front */
	char *target;  /* where the link leads, as it says; NULL: no link */
	int error;     /* ENOENT or the like: nothing more is known; or 0 */
	uint32_t mode; /* with its type, as stat(2) has it */
	uint32_t uid;
	uint32_t gid;
	uint64_t dev;
	uint64_t ino;
	uint64_t links;
	bool group_writes;	   /* mode and access list taken together */
	enum audit_acl_writer acl; /* the first whom it lets, root apart */
	uint32_t acl_id;	   /* who it is */
};

/*
 * A path walked, links followed: every directory on it, the root first, and
 * last the file; or, with an error, what could not be passed.  n is at least 1.
 */
struct audit_path_walk {
	struct audit_host_file *files;
	size_t n;
};

/* The xattr security.capability of a program, capabilities(7). */
struct audit_host_caps {
	int error;	    /* ENODATA: it has none; EINVAL: damaged; ...; or 0 */
	uint64_t permitted; /* bits 1 << CAP_* */
	bool effective;	    /* they are in effect when it starts */
	uint32_t rootid;    /* they hold in user namespaces of this root; 0: everywhere */
};

/* A newuidmap (SUBID_UID) or newgidmap on the standard PATH that can be run. */
struct audit_host_helper {
	enum subid_kind kind;
	char *path; /* as it is found, for people: its last part may be a link */
	struct audit_path_walk walk;
	struct audit_host_caps caps;
	bool nosuid;  /* mounted so; never in an image */
	bool watched; /* some audit rule names it */
};

/* subuid.lock or subgid.lock. */
struct audit_host_lock {
	struct audit_host_file file; /* ENOENT: there is none */
	int error;		     /* what is in it could not be read; or 0 */
	struct subid_holder holder;  /* alive: never in an image */
	bool recycled; /* alive, but it began after the lock: another has its number */
};

struct audit_host {
	char *etc;	   /* path of the directory of the tables, for people */
	size_t prefix_len; /* the bytes at the head of each path that are the prefix */
	bool image;
	uint32_t root_uid; /* who plays root's part: 0, or the owner of the image */
	uint32_t root_gid;
	struct subid_text shadow; /* of etc/shadow; empty if unreadable */
	struct audit_host_file tables[SUBID_KINDS]; /* links not followed */
	struct audit_path_walk walks[SUBID_KINDS];  /* to the tables */
	struct audit_host_file backups[SUBID_KINDS];
	bool mounted[SUBID_KINDS]; /* the table is a mount point: it cannot be replaced */
	bool read_only;		   /* so is the file system of etc; never in an image */
	struct audit_host_lock locks[SUBID_KINDS];
	struct audit_host_helper *helpers; /* in PATH's order, newuidmap first */
	size_t n_helpers;
	bool has_programs; /* there is a directory of PATH: it is a whole system */
	struct subid_source_line source; /* line 0 also when it cannot be read */
	bool source_invalid;		 /* its first word names none */
	int source_error;		 /* 0; -ELIBACC; SUBID_INVALID; 0 in an image */
	const char *source_missing;	 /* the function that the module lacks */
	bool passes_over;	   /* libsubid.so.6 is shadow's: owners without account */
	bool watched[SUBID_KINDS]; /* some audit rule watches writing the table */
	bool has_audit;		   /* there is a directory of audit rules */
	int rules_error;	   /* EACCES: not all audit rules may be read; or 0 */
	size_t n_unread;	   /* of the above, that could not be looked at */
	int unread_error;	   /* of the first of them */
};

/*
 * Looks at all of it; loads the module of the source, except in an image.  Only being out
 * of memory is a failure; what cannot be looked at is a fact with an error number.
 * Returns 0, and the caller releases *ret with audit_host_free(); -ENOMEM.
 */
int audit_host_read(const struct audit_host_options *options, struct audit_host *ret);

void audit_host_free(struct audit_host *host);

#define auto_host __attribute__((cleanup(audit_host_free)))

/*
 * The auditor: what is wrong with the tables, the policy, the helpers and what
 * runs.  Pure: plain data in, a report out.  Each rule is one function and one
 * row of audit_rules(); its name is stable.
 */

/* "info", "warning", "error", "critical". */
const char *audit_level_name(enum subid_level level);

/* Reads such a name.  Returns 0 or SUBID_INVALID. */
int audit_level_parse(const char *name, enum subid_level *ret);

struct audit; /* what the rules share; inside the library */

/* A row of the catalogue. */
struct audit_rule {
	const char *name;
	enum subid_level level;
	const char *summary;		  /* what is wrong, a phrase */
	const char *why;		  /* why it matters: sentences */
	const char *remedy;		  /* what to do about it, in general: sentences */
	int (*find)(struct audit *audit); /* 0 or -errno */
};

/* The catalogue, in the order of the man page; *ret_n is how many rows. */
const struct audit_rule *audit_rules(size_t *ret_n);

/* The row of that name; NULL if there is none. */
const struct audit_rule *audit_rule_find(const char *name);

/*
 * A command that mends something, as data.  audit_fix_command() makes a command line
 * of it.
 */
enum audit_fix_verb {
	AUDIT_FIX_GRANT,     /* subid grant */
	AUDIT_FIX_REVOKE,    /* subid revoke */
	AUDIT_FIX_UNHOLD,    /* subid unhold */
	AUDIT_FIX_RENAME,    /* subid rename owner text */
	AUDIT_FIX_CHOWN,     /* path: to uid and gid */
	AUDIT_FIX_CHMOD,     /* path: to text, a mode as chmod(1) takes it */
	AUDIT_FIX_SETCAP,    /* path: to text, as setcap(8) takes it; "": to none */
	AUDIT_FIX_CLEAR_ACL, /* path: its access list */
	AUDIT_FIX_DELETE,    /* lines of path: those that begin with text */
	AUDIT_FIX_APPEND,    /* the line text to path */
	AUDIT_FIX_LOAD,	     /* the kernel's audit rules, from the files that have them */
	AUDIT_FIX_EDIT,	     /* path: by text, a script of sed(1) */
	AUDIT_FIX_RUN,	     /* text: the command line, quoted where it has to be */
};

struct audit_fix {
	enum audit_fix_verb verb;
	/* of subid's own commands */
	int kind;		       /* enum subid_kind; -1: both */
	struct subid_owner_name owner; /* len 0: none */
	const char *container;	       /* NAME of OWNER/NAME, or NULL */
	struct id_range range;	       /* count 0: none is named */
	uint32_t count;		       /* ids to grant; 0: as many as the policy says */
	bool another;		       /* besides the range that the owner has */
	bool reuse;		       /* the ids may be granted again at once */
	bool force;		       /* whatever uses them */
	/* of the others */
	const char *path;
	const char *text;
	uint32_t uid, gid;
};

/* Is it a command of subid's own?  Then it changes ids, and takes --root. */
static inline bool audit_fix_is_own(const struct audit_fix *fix)
{
	return fix->verb <= AUDIT_FIX_RENAME;
}

/*
 * The command line, to be pasted into a shell; root: for --root, or NULL.  Whatever
 * bytes names and paths have, they are one word each.  A root that a terminal could
 * act on is written as bash takes it.  The caller frees it; NULL when out of memory.
 */
char *audit_fix_command(const struct audit_fix *fix, const char *root);

/* Something that a rule has found.  Its memory is the report's, or the input's. */
struct audit_finding {
	const struct audit_rule *rule;
	int kind;		       /* enum subid_kind; -1: not about one kind */
	const char *file;	       /* in etc, or an absolute path; NULL: none */
	size_t line;		       /* in file, from 1; 0: not about a line */
	size_t other_line;	       /* the other line of a pair, or 0 */
	struct subid_owner_name owner; /* bytes of whoever wrote the table; len 0: none */
	struct subid_owner_name other; /* the other owner or account of a pair */
	struct id_range range;	       /* count 0: none */
	uint64_t userns;	       /* inode of the user namespace it is about, or 0 */
	const pid_t *pids;	       /* the first processes that it is about */
	size_t n_pids;
	size_t count;	    /* how many cases this one stands for, itself included; 1 */
	const char *reason; /* what and why, a sentence or two; printable */
	const char *remedy; /* the command or edit that mends it; printable */
	const struct audit_fix *fixes; /* commands that mend it */
	size_t n_fixes;
	bool remedy_is_fixes;		  /* the remedy is just their command lines */
	const struct audit_finding *also; /* what else is wrong with the same line */
	size_t n_also;
	bool fixes_need_more; /* they are advice, which the remedy explains: not for a
				 plan */
};

/* A store of leases, see lease.h. */
struct audit_store {
	char *path;   /* of its directory, for people */
	char *user;   /* whose it is, as in its leases; NULL: root's */
	uint32_t uid; /* that user's */
	int error;    /* 0, or -errno: why it could not be read */
	struct subid_leases leases;
};

/* A range that the site's directory has for somebody. */
struct audit_directory_range {
	const char *owner;
	enum subid_kind kind;
	struct id_range range;
};

/* What it has for the owners of lines; whoever asks for the audit has asked it. */
struct audit_directory {
	const struct audit_directory_range *ranges; /* in the order of owners */
	size_t n;
	const char *why; /* why it could not be asked; NULL: it was */
};

/* What the rules look at.  All of it lives as long as the report. */
struct audit_input {
	const struct subid_table *tables[SUBID_KINDS]; /* NULL: could not be read; one for
							  both if the files are alike */
	const struct subid_table *backups[SUBID_KINDS]; /* subuid-, subgid-; or NULL */
	struct subid_users *users;
	int64_t now; /* seconds of the real-time clock */
	unsigned int
	    ask_ms; /* to ask the name service about owners; 0: as long as it takes */
	void (*progress)(size_t done, size_t all); /* while it is asked; or NULL */
	const char *root; /* for --root of commands in sentences; NULL: the host */
	const struct subid_text *former_passwd; /* passwd-; or NULL */
	const struct ledger *ledger;		/* who had which ids; NULL: not known */
	const struct subid_policy *policy;
	const struct subid_place *policy_fault; /* NULL: login.defs is right */
	const struct audit_host *host;		/* NULL: not looked at */
	const struct subid_live *live;		/* NULL: not looked at */
	const struct audit_store *stores;	/* each of one owner, and once */
	size_t n_stores;
	const struct subid_runtime_state *runtimes; /* root's; NULL: not looked at */
	const struct subid_sets *leased;   /* of root's containers; NULL: not looked at */
	const struct subid_shares *shares; /* likewise */
	const struct subid_idmapped_list *idmapped; /* NULL: not looked at */
	const char *const *for_root; /* more owners whose ranges root's programs use */
	size_t n_for_root;
	const struct subid_conf *conf;		 /* the site's policy; NULL: none */
	const struct subid_acceptance *accepted; /* findings that it means to keep, all */
	size_t n_accepted;
	const struct audit_directory *directory; /* NULL: there is none */
	const struct audit_rule *only;		 /* NULL: every rule */
};

/* How full a window is. */
struct audit_window_use {
	uint64_t ids;	  /* in the window */
	uint64_t free;	  /* of them free */
	uint64_t slots;	  /* gaps of policy's count that are left */
	uint32_t largest; /* gap */
	uint64_t granted; /* ids in lines of the table, of holds apart */
	uint64_t held;	  /* ids in lines of holds */
	size_t grants;	  /* lines that grant */
	size_t lines;	  /* all lines of the file */
};

/* What an audit has read, and whatever could not be read. */
struct audit_sentences {
	char **list;
	size_t n;
};

struct audit_facts {
	struct system_parts place; /* its descriptors only while it is read */
	char etc_name[PATH_MAX];   /* place's, which outlives the system */
	char name[PATH_MAX];	   /* of the image, or "" */
	int proc;		   /* -1: not looked at */
	struct audit_input input;
	struct subid_table tables[SUBID_KINDS];
	struct subid_table backups[SUBID_KINDS];
	struct subid_users *users;
	struct subid_text former_passwd;
	struct ledger_file ledger;
	struct subid_policy policy;
	struct subid_place policy_place;
	struct subid_conf conf;
	struct subid_acceptance *accepted; /* the caller's, then the site's */
	char remap[256];		   /* whom Docker's containers run as, or "" */
	const char *for_root;
	struct audit_host host;
	struct subid_live live;
	struct audit_store *stores; /* input.n_stores of them */
	struct subid_leased leased;
	struct subid_shares shares;
	struct subid_idmapped_list idmapped;
	struct audit_sentences missing;	 /* what the report says nothing about */
	struct audit_sentences messages; /* for whoever asked, one or more lines each */
	bool failed; /* something that has to be there could not be read */
};

struct audit_options {
	const struct audit_rule *only; /* NULL: every rule */
	const struct subid_acceptance *accepted;
	size_t n_accepted;
	const struct audit_directory *directory; /* NULL: the site has none */
	bool no_live;				 /* do not look at running processes */
	bool thorough; /* follow the descriptors of every process, ask for every owner */
	void (*progress)(size_t done, size_t all); /* of owners asked for; or NULL */
	bool name_all; /* find out which container each namespace is, not only of those
			  that something was found in */
};

struct audit_report {
	const struct audit_facts *facts;      /* of audit_system(); NULL after _check() */
	const struct audit_finding *findings; /* worst first, then as in the catalogue */
	size_t n;
	size_t counts[SUBID_LEVELS]; /* cases (see count) that are not accepted */
	size_t accepted;	     /* cases that were left out */
	size_t *accepted_by;	     /* of them by each of the input's n_accepted */
	struct audit_window_use use[SUBID_KINDS];
	size_t owners;	   /* that have lines, each once */
	size_t unsure;	   /* of which the name service could not tell who they are */
	struct audit *own; /* what its memory belongs to */
};

/*
 * Audits a system: reads everything, takes no lock, and applies every rule or the one
 * that is asked for.  What cannot be read is in the report's facts.  The texts of
 * options->accepted must outlive the report.  Returns 0, and the caller releases *ret
 * with audit_report_free(); -errno.
 */
int audit_system(struct subid *sys, const struct audit_options *options,
		 struct audit_report *ret, struct subid_error *err);

/* The same for what has been read already: pure.  0, or -ENOMEM. */
int audit_check(const struct audit_input *input, struct audit_report *ret);

void audit_report_free(struct audit_report *report);

#define auto_report __attribute__((cleanup(audit_report_free)))
