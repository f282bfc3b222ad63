/* SPDX-License-Identifier: MIT */
#pragma once

#include <time.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/core/core.h"
#include "libsubid/tables/tables.h"

/*
 * What the system's policy says about subordinate ids: login.defs(5).
 */

/* The rules for one kind: SUB_UID_* or SUB_GID_*. */
struct subid_window {
	uint32_t min;	    /* SUB_*_MIN, the first id that may be granted; 100000 */
	uint32_t max;	    /* SUB_*_MAX, the last; 600100000 */
	uint32_t count;	    /* SUB_*_COUNT, ids for each owner; 65536; 0: none */
	bool deterministic; /* SUB_*_DETERMINISTIC: the place follows from the uid */
	bool wrap;	    /* UNSAFE_SUB_*_DETERMINISTIC_WRAP: and starts over */
	bool store_by_uid;  /* SUB_*_STORE_BY_UID: lines name the owner by its uid */
	bool beyond;	    /* SUB_*_MAX was 4294967295, no id: max is the one before */
};

struct subid_policy {
	struct subid_window window[SUBID_KINDS];
	uint32_t uid_min;	     /* UID_MIN, the first uid of people; 1000 */
	uint32_t uid_max;	     /* UID_MAX; 60000 */
	uint32_t gid_min;	     /* GID_MIN, of their groups; 1000 */
	uint32_t gid_max;	     /* GID_MAX; 60000 */
	bool grant_aux_group_subids; /* GRANT_AUX_GROUP_SUBIDS */
};

/* Where a text is wrong, and how. */
struct subid_place {
	size_t line;	 /* from 1; 0: the text as a whole */
	char key[64];	 /* what the line is about; cut if longer */
	const char *why; /* a constant sentence */
};

/* What holds where login.defs says nothing. */
extern const struct subid_policy subid_policy_default;

/*
 * Reads the text of login.defs into *ret, which the caller has set to the values
 * that hold where it says nothing.  As shadow reads it: name, blanks, value,
 * perhaps in quotes; '#' begins a comment only at the head of a line; the last
 * of two lines counts; numbers also octal and hexadecimal (login.defs(5)).
 *
 * Unlike shadow, which falls back to its default, a value that cannot be meant
 * (no number, a window with MIN > MAX, MAX beyond the last id) is an answer:
 * SUBID_INVALID with *ret_place set, and nothing should be granted.  0 otherwise.
 */
int subid_policy_parse(const char *text, size_t size, struct subid_policy *ret,
		       struct subid_place *ret_place);

/*
 * Reads etc/login.defs; without the file, the defaults.  follow: it may be a link,
 * as on the running system; an image's might lead out of it.  Returns 0,
 * SUBID_INVALID with *ret_place set, or -errno.
 */
int subid_policy_load(int etc, bool follow, struct subid_policy *ret,
		      struct subid_place *ret_place);

/*
 * The range of a uid by SUB_*_DETERMINISTIC:
 * start = min + (uid - uid_min) * count, as shadow >= 4.20 computes it, in its
 * slots when wrapping.  Whether those ids are free is another question.
 * Returns 0, SUBID_OFF for a uid below uid_min or a count of 0, SUBID_FULL when
 * the place lies after the window.
 */
int subid_policy_place(const struct subid_policy *policy, enum subid_kind kind,
		       uint32_t uid, struct id_range *ret);

/* The ids from min to max; count 0 if there are none. */
struct id_range subid_window_range(const struct subid_window *window);

/*
 * The table of special ids.  Most are never granted to anybody: root's, those of systemd
 * (its UIDS-GIDS document), nobody's, and the 16-bit "no id".  Conventional ones are
 * used by others without looking at the tables: packages, for their accounts;
 * systemd-nspawn; a directory, for its users.  They are granted only from a window of
 * login.defs or subid.conf that has them, which says that the site wants it so, or to an
 * owner to whom subid.conf allows them.
 */
struct subid_reserved {
	struct id_range range;
	const char *by; /* who uses them */
	bool conventional;
};

/* All rows; *ret_n is how many. */
const struct subid_reserved *subid_reserved(size_t *ret_n);

/* Owners that programs use for a purpose of their own, and which act for root. */
struct subid_special_owner {
	const char *name;
	bool needs_no_account; /* its lines count without one, and are no finding */
	bool shares_with_root; /* its line stands again for root, by intent (LXD) */
};

/* The row of an owner's name, or NULL. */
const struct subid_special_owner *subid_special_owner(const char *name, size_t len);

/*
 * The site's policy, subid.conf(5): who is granted ranges and who never, ids that
 * are off limits, and audit findings that the site means to keep.
 *
 * A line is one statement: words between blanks, or in double quotes, in which
 * \" and \\ stand for the two; '#' at the start of a word begins a comment.
 *
 *     give    WHOM [count N] [window RANGE] ["WHY"]
 *     never   WHOM ["WHY"]
 *     reserve [uid|gid] RANGE ["WHY"]
 *     allow   conventional-ids[:OWNER] ["WHY"]
 *     allow   left-ids[:OWNER] ["WHY"]
 *     accept  RULE[:OWNER] ["WHY"]
 *
 * The site's directory, subid-ldap(8):
 *
 *     directory URI...
 *     base      DN
 *     users     DN
 *     bind      external | gssapi [PRINCIPAL] keytab FILE | simple DN password FILE
 *     tls-ca    FILE
 *     timeout   SECONDS
 *     pool      NAME RANGE [block N] [master URI]
 *     login     directory [allocate] [SECONDS]
 *
 * WHOM is "user NAME", where NAME may have '*' and '?', or be a uid or two with a
 * '-' in between; "group NAME", or its gid; "everyone": those whose uid login.defs
 * has for people.
 *
 * What cannot be understood is an error, and then nothing is granted.
 */

#define SUBID_CONF_FILE "subid.conf"
#define SUBID_CONF_DIR	"subid.conf.d"

/* The largest file that is read, and the most drop-ins. */
#define SUBID_CONF_SIZE_MAX  (1U << 20)
#define SUBID_CONF_FILES_MAX 1000

enum subid_conf_verb {
	SUBID_CONF_GIVE,
	SUBID_CONF_NEVER,
};

enum subid_conf_whom {
	SUBID_CONF_USER,     /* name: a pattern */
	SUBID_CONF_UIDS,     /* uids */
	SUBID_CONF_GROUP,    /* name: of a group, or a gid in decimal */
	SUBID_CONF_EVERYONE, /* uids from login.defs' UID_MIN to UID_MAX */
};

/* Every text is terminated, and the struct subid_conf's own.  Files are named from
 * the configuration directory, or from the root: "subid.conf",
 * "subid.conf.d/x.conf", "/usr/share/subid/subid.conf". */
struct subid_conf_rule {
	enum subid_conf_verb verb;
	enum subid_conf_whom whom;
	const char *name;	/* after "user" or "group", as written; or "" */
	struct id_range uids;	/* with SUBID_CONF_UIDS */
	uint32_t count;		/* 0: what login.defs says */
	struct id_range window; /* of both kinds; count 0: what login.defs says */
	const char *reason;	/* "" */
	const char *file;
	size_t line;
};

/* Ids that nobody is granted. */
struct subid_conf_reserve {
	unsigned int kinds; /* bits 1 << enum subid_kind */
	struct id_range range;
	const char *reason; /* "" */
	const char *file;
	size_t line;
};

/* A finding of the audit that the site means to keep. */
struct subid_acceptance {
	const char *rule;
	const char *owner;  /* NULL: any */
	const char *reason; /* "" */
	const char *file;
	size_t line;
};

enum subid_conf_allowed {
	SUBID_CONF_CONVENTIONAL, /* ids, see struct subid_reserved */
	SUBID_CONF_LEFT,	 /* ids that others had, once there are no others */
};

/* What may be granted to an owner. */
struct subid_allowance {
	enum subid_conf_allowed what;
	const char *owner;  /* as its lines name it; NULL: any */
	const char *reason; /* "" */
	const char *file;
	size_t line;
};

/* How the site's directory is told who asks. */
enum subid_conf_bind {
	SUBID_BIND_ANONYMOUS,
	SUBID_BIND_EXTERNAL, /* the process's uid, over ldapi:// */
	SUBID_BIND_GSSAPI,   /* bind_file: a keytab; bind_name: a principal, or NULL */
	SUBID_BIND_SIMPLE,   /* bind_file: a password; bind_name: a DN */
};

#define SUBID_CONF_URIS_MAX	   8
#define SUBID_CONF_TIMEOUT_S	   10 /* for one answer of the directory */
#define SUBID_CONF_LOGIN_TIMEOUT_S 3  /* for all that a login asks */
#define SUBID_CONF_TIMEOUT_MAX_S   600
#define SUBID_CONF_POOL_BLOCK	   65536

/* Where the directory is, and how it is asked; zeroed: there is none. */
struct subid_conf_directory {
	const char *uris[SUBID_CONF_URIS_MAX]; /* the first takes changes */
	size_t n_uris;
	const char *base;  /* below which our entries are; NULL: not said */
	const char *users; /* below which the accounts are; NULL: none are looked up */
	enum subid_conf_bind bind;
	const char *bind_name, *bind_file;
	const char *tls_ca;   /* a file of certificates; NULL: the system's */
	uint32_t timeout_s;   /* 0: not said */
	bool login;	      /* a first login asks the directory, */
	bool login_allocates; /* and may have it give a range, */
	uint32_t login_s;     /* for so long; 0: not said */
	const char *file;     /* of the statement "directory" */
	size_t line;
};

/* Ids that the directory grants in blocks; on this host nothing else grants them. */
struct subid_conf_pool {
	const char *name;
	struct id_range range;
	uint32_t block;
	const char *master; /* who takes changes of it; NULL: the directory's first */
	const char *file;
	size_t line;
};

/* One file's bytes, into which the texts point. */
struct subid_conf_file {
	char *name;
	char *bytes;
};

struct subid_conf {
	struct subid_conf_rule *rules; /* the first that fits decides */
	size_t n_rules;
	/* of many rules: those about one user's name, by it; and all others, in order */
	const struct subid_conf_rule **exact, **others;
	size_t n_exact, n_others;
	struct subid_conf_reserve *reserved;
	size_t n_reserved;
	struct subid_allowance *allowed;
	size_t n_allowed;
	struct subid_acceptance *accepted;
	size_t n_accepted;
	struct subid_conf_directory directory;
	struct subid_conf_pool *pools;
	size_t n_pools;
	struct subid_conf_file *files; /* that were read, in order */
	size_t n_files;
};

#define SUBID_CONF_NAME_SIZE 320

/* Where the policy is wrong, or cannot be read. */
struct subid_conf_place {
	char file[SUBID_CONF_NAME_SIZE]; /* as above, cut if longer */
	struct subid_place place;	 /* with SUBID_INVALID; key: the word */
};

void subid_conf_free(struct subid_conf *conf);

/* Of rules that will not change: those about one name are looked up from then on, so that
 * a rule for each of many owners does not take each a pass over all.  0 or -ENOMEM. */
int subid_conf_index(struct subid_conf *conf);

#define auto_conf __attribute__((cleanup(subid_conf_free)))

/* To whom each wrong line is reported. */
struct subid_conf_reporter {
	/* 0 to go on after it, or what the reading is to fail with */
	int (*wrong)(void *data, const struct subid_conf_place *place);
	void *data;
};

/*
 * Adds what a text says to conf, zeroed before the first; file is its name.  With a
 * reporter (NULL: none) it goes on after what is wrong.  Returns 0; SUBID_INVALID with
 * *ret_place set, or -ENOMEM, after which conf can only be freed.
 */
int subid_conf_parse(struct subid_conf *conf, const char *file, const char *text,
		     size_t size, const struct subid_conf_reporter *reporter,
		     struct subid_place *ret_place);

/* Does some rule grant ranges? */
bool subid_conf_gives(const struct subid_conf *conf);

/* Where the site's policy is read from. */
struct subid_conf_source {
	const char *path;   /* one file alone, which must be there; or NULL, and then: */
	int etc;	    /* the directory of subid.conf and subid.conf.d */
	const char *vendor; /* of another subid.conf, if etc has none; or NULL */
	bool follow;	    /* links in etc, as with subid_policy_load() */
};

/*
 * Reads a policy; the drop-ins, subid.conf.d/?*.conf, in the order of their bytes,
 * without those that begin with a '.'.  Files that do not exist say nothing.  With a
 * reporter (NULL: none) it goes on after what is wrong, so that all of it can be reported
 * at once; then *ret is only good for looking at.  The caller releases *ret with
 * subid_conf_free().
 *
 * Returns 0; SUBID_INVALID with *ret_place set; -errno with *ret_place's file set.
 */
int subid_conf_load(const struct subid_conf_source *source,
		    const struct subid_conf_reporter *reporter, struct subid_conf *ret,
		    struct subid_conf_place *ret_place);

/*
 * What the site's policy means for one owner.  Pure: whether the owner is in a
 * group is the caller's to answer.
 */

/* Who it is about. */
struct subid_candidate {
	const struct subid_owner *owner;
	/* 0: one of the owner's names is in the group, or it is its primary one;
	 * > 0: not; -errno: could not be found out */
	int (*in_group)(void *data, const struct subid_owner *owner, const char *group);
	void *data;
};

struct subid_decision {
	enum subid_verdict verdict;
	const struct subid_conf_rule *rule; /* conf's; NULL: none fits */
	/* what a range for this owner would follow, whatever the verdict: login.defs'
	 * with the rule's count and window in their places */
	struct subid_window window[SUBID_KINDS];
};

/*
 * The first rule that fits decides.  A rule for users fits by any name of the
 * owner's uid, so that another name is no way around it.  If none fits: nothing if
 * the policy grants ranges by rule; else people are granted them, with uids
 * from UID_MIN to UID_MAX of login.defs, and nobody else.
 *
 * A rule's window switches SUB_*_DETERMINISTIC off, whose places lie in login.defs'.
 * Returns 0, or what in_group failed with: then nothing should be granted.
 */
int subid_conf_decide(const struct subid_conf *conf, const struct subid_policy *policy,
		      const struct subid_candidate *candidate,
		      struct subid_decision *ret);

/*
 * Which ids are reserved, and for whom: the table, the conventions, the site's.  Grants
 * and the audit both ask here: what the one grants, the other must not call an error.
 */

struct subid_reservation {
	struct id_range range;
	const char *by;			       /* who has them; the site's reason */
	const struct subid_conf_reserve *site; /* NULL: not by the site's policy */
	bool conventional;
	bool pool; /* the directory's: what it gives may be there */
};

/* All of one kind. */
struct subid_reservations {
	struct subid_reservation *list; /* the table's, then the site's */
	size_t n;
	struct subid_set never;	       /* of them, what nobody is granted */
	struct subid_set conventional; /* of them, the conventional ids */
	struct subid_set windows;      /* from which the site grants ids: see below */
	struct subid_set pools;	       /* that the directory grants, and nothing else */
};

/*
 * Lists what is reserved.  Of the conventional ids it is what lies outside of the windows
 * of login.defs and of each "give" of subid.conf, and of the directory's pools: whoever
 * sets one there wants these ids granted.  conf: NULL for none; its texts are pointed to.
 * The caller releases *ret with subid_reservations_free(), also after a failure.  Returns
 * 0 or -ENOMEM.
 */
int subid_reservations_list(const struct subid_policy *policy,
			    const struct subid_conf *conf, enum subid_kind kind,
			    struct subid_reservations *ret) SUBID_WARN_UNUSED;

/* The first in the list that has one of the ids, of the conventional ones or of the
 * others; NULL if there is none. */
const struct subid_reservation *
subid_reservations_meet(const struct subid_reservations *reservations,
			struct id_range range, bool conventional);

/* Does subid.conf allow conventional ids to this owner, as the line names it? */
bool subid_conf_allows_conventional(const struct subid_conf *conf,
				    const struct subid_owner_name *owner);

/* May the owner of a line be given ids that others have left, when there are no others?
 */
bool subid_conf_allows_left(const struct subid_conf *conf,
			    const struct subid_owner_name *owner);

/* Does an "accept" do that, too, as it did before there was "allow"?  policy check warns
 * of it. */
bool subid_acceptance_allows_conventional(const struct subid_acceptance *acceptance);

/* Either of the two: may this owner be granted conventional ids? */
bool subid_reservations_waived(const struct subid_conf *conf,
			       const struct subid_owner_name *owner);

void subid_reservations_free(struct subid_reservations *reservations);

/*
 * What pam_subid.so and the program that it runs, "subid grant --login", have in common:
 * the options, and a look at the tables without a lock.
 */

/* The module's options that the program is handed as arguments, pam_subid(8). */
struct login_options {
	const char *conf;	  /* conf=FILE, an absolute path; or NULL */
	const char *required_for; /* required_for=GROUP, or NULL */
	uint32_t count;		  /* count=N; 0: as policy says */
	uint32_t min_uid;	  /* min_uid=UID */
	uint32_t timeout_s;	  /* timeout=SECONDS */
	bool debug;		  /* debug */
};

/* Without any. */
#define LOGIN_OPTIONS                                                                    \
	{                                                                                \
		.timeout_s = 3                                                           \
	}

/* Reads one; texts stay the caller's.  False, and nothing is changed, if it is another
 * one or its value is wrong. */
bool login_option_read(struct login_options *options, const char *argument);

#define LOGIN_WORDS_MAX 6

/* Writes options as arguments, *ret_n of them, which the caller frees.  0 or -ENOMEM. */
int login_options_print(const struct login_options *options, char *ret[LOGIN_WORDS_MAX],
			size_t *ret_n);

/* No account is called longer (useradd(8)), and some readers drop long lines. */
#define LOGIN_NAME_LENGTH_MAX 256

/* Threat: a login name that is a number must not be taken for the uid of somebody
 * else. */
static inline bool login_name_is_number(const char *name)
{
	return name[strspn(name, "0123456789")] == '\0';
}

/*
 * Has the owner ids of each kind in the tables of etc, which this process's user
 * namespace has, too (/proc/self/uid_map and gid_map)?  0: yes; SUBID_ABSENT: no;
 * SUBID_DENIED: it has lines, but none of their ids exists here; -errno when it could not
 * be found out.  A map that cannot be read lacks nothing: then nothing is granted because
 * of it.
 */
int login_look(int etc, const struct subid_owner *owner);

/* The tables as they were at the last look, to see whether others get on. */
struct login_tables {
	struct stat st[SUBID_KINDS];
};

/* Looks again.  True if one of them has been replaced since the last look. */
bool login_tables_moved(int etc, struct login_tables *seen);

/*
 * What is remembered of a login that was not granted a range, so that the next one need
 * not ask again: a file of LOGIN_DIR, which is root's alone.  Its first line is the time
 * at which it is forgotten (seconds of CLOCK_BOOTTIME), its second login_stamp() in
 * hexadecimal; then follows the program's answer.  Who works on it has it locked
 * (F_OFD_SETLK, write), so that many logins of one user at once make one at work.
 */
#define LOGIN_RUN_DIR	   "/run/subid"
#define LOGIN_DIR	   "/run/subid/logins"
#define LOGIN_REMEMBERED_S (15 * 60)

/* Enough for a file's name there. */
#define LOGIN_FILE_SIZE 256

/* The name of the file in LOGIN_DIR: of a user, as typed, and the options.  False for a
 * name that is too long for one: then nothing is remembered. */
bool login_file_name(const char *name, const struct login_options *options,
		     char ret[LOGIN_FILE_SIZE]);

/*
 * A number that is another one when the tables, the accounts, login.defs, nsswitch.conf
 * or the site's policy have been changed.  conf: of the options.  *ret_newest: when the
 * last of them was changed.
 */
uint64_t login_stamp(int etc, const char *conf, struct timespec *ret_newest);
