/* SPDX-License-Identifier: MIT */
/*
 * The site's policy, subid.conf(5): who is given ranges and who never, ids that
 * are off limits, and audit findings that the site means to keep.
 *
 * A line is one statement: words between blanks, or in double quotes, in which
 * \" and \\ stand for the two; '#' at the start of a word begins a comment.
 *
 *     give    WHOM [count N] [window RANGE] ["WHY"]
 *     never   WHOM ["WHY"]
 *     reserve [uid|gid] RANGE ["WHY"]
 *     accept  RULE[:OWNER] ["WHY"]
 *
 * WHOM is "user NAME", where NAME may have '*' and '?', or be a uid or two with a
 * '-' in between; "group NAME", or its gid; "everyone": those whose uid login.defs
 * has for people.
 *
 * What cannot be understood is an error, and then nothing is given.
 */
#pragma once

#include "policy.h"

#ifdef __cplusplus
extern "C" {
#endif

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
	const char *name;	/* behind "user" or "group", as written; or "" */
	struct id_range uids;	/* with SUBID_CONF_UIDS */
	uint32_t count;		/* 0: what login.defs says */
	struct id_range window; /* of both kinds; count 0: what login.defs says */
	const char *reason;	/* "" */
	const char *file;
	size_t line;
};

/* Ids that nobody is given. */
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

/* One file's bytes, into which the texts point. */
struct subid_conf_file {
	char *name;
	char *bytes;
};

struct subid_conf {
	struct subid_conf_rule *rules; /* the first that fits decides */
	size_t n_rules;
	struct subid_conf_reserve *reserved;
	size_t n_reserved;
	struct subid_acceptance *accepted;
	size_t n_accepted;
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

#define auto_conf __attribute__((cleanup(subid_conf_free)))

/*
 * Adds what a text says to conf, zeroed before the first; file is its name.
 * Returns 0; SUBID_INVALID with *ret_place set, or -ENOMEM, after which conf can
 * only be freed.
 */
int subid_conf_parse(struct subid_conf *conf, const char *file, const char *text,
		     size_t size, struct subid_place *ret_place);

/* Does some rule give? */
bool subid_conf_gives(const struct subid_conf *conf);

/*
 * Reads etc/subid.conf, or if there is none vendor/subid.conf (vendor: a
 * directory, or NULL), and behind it etc/subid.conf.d/?*.conf in the order of
 * their bytes, without those that begin with a '.'.  Files that do not exist say
 * nothing.  follow as with subid_policy_load().  The caller releases *ret with
 * subid_conf_free().
 *
 * Returns 0; SUBID_INVALID with *ret_place set; -errno with *ret_place's file set.
 */
int subid_conf_load(int etc, const char *vendor, bool follow, struct subid_conf *ret,
		    struct subid_conf_place *ret_place);

/*
 * The same from one file alone, which must be there; -ENOENT if it is not.
 */
int subid_conf_load_file(const char *path, struct subid_conf *ret,
			 struct subid_conf_place *ret_place);

/* Who is told of each line that is wrong. */
struct subid_conf_reporter {
	/* 0 to go on behind it, or what the reading shall fail with */
	int (*wrong)(void *data, const struct subid_conf_place *place);
	void *data;
};

/*
 * The same, but goes on behind what is wrong, so that all of it can be said at
 * once.  Then *ret is only good for looking at.
 */
int subid_conf_check(int etc, const char *vendor, bool follow,
		     const struct subid_conf_reporter *reporter, struct subid_conf *ret,
		     struct subid_conf_place *ret_place);

#ifdef __cplusplus
}
#endif
