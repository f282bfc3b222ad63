/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder share, in the order in which they use each other; nothing
 * calls back up.  audit.c reads the input, makes the views, and applies the rules that
 * catalogue.c lists; a rule reads the input and the views, and reports findings.
 */
#pragma once

#include "libsubid/audit/audit.h"

/* --- view: owners, and each account's lines --- */

/* A line that is no entry, and what is wrong with it. */
struct audit_malformed {
	const char *text;
	size_t len;
	size_t line;
	unsigned int faults; /* bits of rules_lines.c, which sets them */
};

/* Somebody that lines name, by one owner name. */
struct audit_owner {
	uint32_t entry;	   /* the first that names it */
	uint32_t uid;	   /* SUBID_ID_NONE: no account */
	uint32_t gid;	   /* the primary, or SUBID_ID_NONE */
	uint32_t same;	   /* the first owner with that uid: itself, mostly */
	uint8_t kind;	   /* of the table of entry */
	bool hold : 1;	   /* one of the two that keep ids for nobody */
	bool disabled : 1; /* "!NAME", by which apptainer keeps NAME's ids from it */
	bool number : 1;   /* digits alone */
	bool digit : 1;	   /* begins with one, and is no number */
	bool account : 1;  /* there is such an account */
	bool unsure : 1;   /* or it could not be found out */
	bool group : 1;	   /* no account, but a group has this name */
	bool expired : 1;  /* the account is, by shadow(5) */
	bool folded : 1;   /* the name service knows it by another spelling alone */
};

/* What rules look for in owners, so that a rule ends at once if no owner has it. */
enum audit_trait {
	TRAIT_NUMBER,
	TRAIT_DIGIT,
	TRAIT_UNKNOWN,
	TRAIT_SECOND, /* another owner is the same account */
	TRAIT_GROUP,
	TRAIT_DISABLED,
	TRAIT_FOLDED,
};

/* One table as the rules see it. */
struct audit_table {
	const struct subid_table *table;
	uint32_t *
	    owner; /* of each entry: index into audit->owners; may be the other table's */
	uint32_t
	    *order; /* entries by their owner's account (same), in the file's order */
	uint32_t *begin; /* where each owner's begin in order; n_owners + 1 of them */
	struct audit_malformed *malformed;
	size_t n_malformed;
	bool is_judged;	    /* faults of malformed lines are set */
	bool disjoint;	    /* no two lines share an id */
	uint64_t *by_start; /* overlaps.c's, for all its rules; or NULL */
	struct subid_reservations reservations; /* what a grant avoids */
	struct subid_set accounts;		/* ids of accounts or groups */
	bool meets_accounts;			/* some line has one of them */
};

struct lease_view;   /* see below */
struct live_view;    /* see below */
struct audit_former; /* of former.c */
struct audit_chunk;  /* of memory for texts and findings */

struct audit {
	const struct audit_input *in;
	struct audit_facts *facts;     /* the report's, or NULL */
	const struct audit_rule *rule; /* that is being applied */
	struct audit_table tables[SUBID_KINDS];
	bool alike; /* both tables have the same bytes, and share arrays */
	struct audit_owner *owners;
	size_t n_owners;
	struct audit_finding *findings;
	size_t n_findings;
	size_t
	    of_rule[SUBID_KINDS + 1];  /* findings of the rule so far, by kind; -1 last */
	size_t flood[SUBID_KINDS + 1]; /* cases of it that have no finding */
	bool accepts;		       /* the site accepts some of the rule's findings */
	unsigned int traits;	       /* of all owners: bits 1 << enum audit_trait */
	struct audit_report *report;
	struct audit_former *former; /* former.c's; NULL: not made yet */
	struct lease_view *leases;   /* of all stores; NULL: none was looked at */
	struct live_view *live;	     /* of namespaces; NULL: not looked at */
	struct subid_sets *busy;     /* free.c's; NULL: not made yet */
	struct audit_chunk *memory;
	uint64_t asked_since; /* view.c's, in milliseconds; 0: nobody was asked yet */
	int error;	      /* of the first report that found no memory */
};

/* Is there time left to ask the name service?  If not, who is not asked about is to be
 * counted in report->unsure. */
bool audit_may_ask(struct audit *audit);

/* The name of an owner in the lines; a table that is audited has no new entries. */
static inline struct subid_owner_name audit_owner_text(const struct audit *audit,
						       size_t owner)
{
	const struct audit_owner *o = &audit->owners[owner];
	const struct subid_table *table = audit->in->tables[o->kind];
	const struct subid_entry *entry = &table->entries[o->entry];

	return (struct subid_owner_name){ table->text.bytes + entry->offset,
					  entry->owner_len };
}

/* Makes what several rules need.  0 or -ENOMEM. */
int audit_make_views(struct audit *audit);
void audit_free_views(struct audit *audit);

/* The ids that an account (an owner's same) has in a table, into an empty set. */
int audit_owned_ranges(const struct audit *audit, enum subid_kind kind, size_t owner,
		       struct subid_set *ret);

/* Are they the same ids? */
bool audit_is_equal(const struct subid_set *a, const struct subid_set *b);

/* --- findings: what rules report, and its memory --- */

/*
 * Reports a finding of the rule that is being applied: copies *finding, with the reason
 * made by printf.  remedy NULL: the command lines of its fixes; without any, the rule's
 * own. What no terminal should see is written as \\xHH.  pids are copied too.  What the
 * site accepts is only counted; of a flood, so are all but the first AUDIT_FLOOD.
 * Being out of memory ends the audit later.
 */
#define AUDIT_FLOOD 1000
void audit_add_finding(struct audit *audit, const struct audit_finding *finding,
		       const char *remedy, const char *reason, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Would a finding only be counted? Then it has been, and a loop over many lines need not
 * make the texts.  kind, owner and count must be set.
 */
bool audit_skips(struct audit *audit, const struct audit_finding *finding);

/*
 * The same at once, and for one case alone, where the rule has reported enough: before
 * the finding is made at all.
 */
static inline bool audit_floods(struct audit *audit, int kind)
{
	size_t i = kind < 0 ? SUBID_KINDS : (size_t)kind;

	if (audit->of_rule[i] <= AUDIT_FLOOD || audit->accepts)
		return false;
	audit->flood[i]++;
	return true;
}

/* A text in the report's memory, made by printf; "" when out of memory. */
const char *audit_text(struct audit *audit, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "a; b" from a and b, with what stands between them; b alone if a is "". */
const char *audit_join(struct audit *audit, const char *a, const char *with,
		       const char *b);

/* size bytes in the report's memory, zeroed; NULL when out of memory. */
void *audit_alloc(struct audit *audit, size_t size);

/* For "%.*s".  A longer one is cut, and then audit_add_finding() keeps no command with
 * it. */
#define NAME_SHOWN 200
#define NAME(s)	   (int)((s).len > NAME_SHOWN ? NAME_SHOWN : (s).len), (s).text

/* For "%u-%llu" or the like: first and last id of a range. */
#define FIRST_LAST(r) (r).start, (unsigned long long)id_range_end(r) - 1

/* The finding that a rule about an entry begins with: kind, file, line, owner, range. */
struct audit_finding audit_at_entry(const struct audit *audit, enum subid_kind kind,
				    size_t entry);

void audit_begin_rule(struct audit *audit, const struct audit_rule *rule);

/* Of a flood, the last finding stands for all that came after it. */
void audit_end_rule(struct audit *audit);

void audit_findings_free(struct audit *audit);

/* --- merge: one cause, one finding --- */

/*
 * Findings about one line of a table, or one user namespace, become one, the worst, with
 * the others in also; and count no more.  Of one rule, each stays.  0 or -ENOMEM.
 */
int audit_merge(struct audit_report *report);

/* --- and the commands that mend it --- */

/* Adds a command to a finding that is being made. */
void audit_add_fix(struct audit *audit, struct audit_finding *finding,
		   struct audit_fix fix);

/* The command line, and those of n fixes, one a line, for a sentence. */
const char *audit_command(struct audit *audit, struct audit_fix fix);
const char *audit_commands(struct audit *audit, const struct audit_fix *fixes, size_t n);

/* NAME in the directory of the tables, for a sentence. */
const char *audit_in_etc(struct audit *audit, const char *name);

/* A path for a command, quoted if a shell would read it otherwise. */
const char *audit_quoted(struct audit *audit, const char *path);

/*
 * --- advice: commands for who has decided, which no plan has ---
 *
 * They stand after the remedy, one a line; what a finding already has becomes advice,
 * too.
 */

void audit_advise(struct audit *audit, struct audit_finding *finding,
		  struct audit_fix fix);

/* A command line that is not subid's own, made by printf. */
void audit_advise_run(struct audit *audit, struct audit_finding *finding,
		      const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A key of login.defs gets a value by a line at the end, which counts. */
void audit_advise_key(struct audit *audit, struct audit_finding *finding, const char *key,
		      uint64_t value);

/* A change to the finding's line, which has this text, by a command of sed(1); text
 * NULL: to all lines. */
void audit_advise_edit(struct audit *audit, struct audit_finding *finding,
		       struct subid_owner_name line, const char *what);

/* One spelling of an owner in place of another, in all lines. */
void audit_advise_spelling(struct audit *audit, struct audit_finding *finding,
			   struct subid_owner_name from, struct subid_owner_name to);

/* Another count for the finding's line; 0: it is deleted. */
void audit_advise_count(struct audit *audit, struct audit_finding *finding,
			struct subid_owner_name line, uint64_t count);

/* Of two entries that have ids in common one is shortened, or goes if it has no others.
 */
void audit_advise_apart(struct audit *audit, struct audit_finding *finding, size_t first,
			size_t second);

/* A comment behind an entry is deleted.  False: there is none. */
bool audit_advise_uncomment(struct audit *audit, struct audit_finding *finding,
			    struct subid_owner_name text);

/* "mend line 1 of subuid first": a malformed one that is meant for an owner; or NULL. */
const char *audit_advise_broken(struct audit *audit, enum subid_kind kind, size_t owner);

/* All lines like an entry's but the first are deleted. */
void audit_advise_once(struct audit *audit, struct audit_finding *finding, size_t entry);

/* Two entries, of line and other_line, become one of so many ids. */
void audit_advise_join(struct audit *audit, struct audit_finding *finding, size_t first,
		       size_t second, uint32_t count);

/*
 * The chain that moves the range of an entry: revoke it, grant another, find the files
 * that have its ids.  The sentence for the remedy, which says what each is for.
 */
const char *audit_advise_move(struct audit *audit, struct audit_finding *finding,
			      enum subid_kind kind, size_t entry);

/* Is it a runtime's whole pool, such as the billion of Incus?  Never to be given back. */
static inline bool audit_is_pool(struct id_range range)
{
	return range.count > 1U << 24;
}

/*
 * Other ids for accounts or groups that are in a range, where local ones alone are: the
 * sentence; NULL: the range is to be moved.
 */
const char *audit_advise_ids(struct audit *audit, struct audit_finding *finding,
			     const struct subid_set *ids, uint64_t n);

/* Would a grant of so many ids of both kinds to the owner succeed, as far as is known? */
bool audit_can_grant(const struct audit *audit, size_t owner, uint32_t count);

/* The same for all that an account has in both tables. */
const char *audit_advise_anew(struct audit *audit, struct audit_finding *finding,
			      size_t owner);

/* --- many: what many lines have in common --- */

/* Lines that have one cause. */
struct audit_many {
	size_t n;
	size_t entry;	     /* the first */
	uint64_t first, end; /* of their ids */
};

/* Are so many lines of a table outside of every window that it is the window's fault? */
bool audit_many_outside(const struct audit *audit, enum subid_kind kind);

void audit_many_add(const struct audit *audit, enum subid_kind kind, size_t entry,
		    struct audit_many *many);

/* The one finding about them, if there are any; what: what is wrong with their ids. */
void audit_say_many(struct audit *audit, enum subid_kind kind,
		    const struct audit_many *many, const char *what);

/* As many owners as make one cause. */
#define AUDIT_MANY 50

/* n owners of a table, the first at that entry, that have no account. */
void audit_say_many_unknown(struct audit *audit, enum subid_kind kind, size_t entry,
			    size_t n);

/* --- former: who owners were --- */

/*
 * The name that the account of a name which nobody has any more has now, by passwd- or
 * the ledger, if that account has no line of its own; NULL.  *ret_by: how it is known.
 */
const char *audit_renamed_to(struct audit *audit, size_t owner, const char **ret_by);

/*
 * What the ledger knows of ids that no line grants, for the end of a sentence: "; by the
 * ledger uids 100000-165535 were carol's until 2026-11-02"; "" if it knows nothing.
 */
const char *audit_ledger_tells(struct audit *audit, enum subid_kind kind,
			       struct id_range ids);

void audit_former_free(struct audit_former *former);

/* Is a name, or a number, that of the account with that uid? */
bool audit_is_name_of(const struct audit *audit, struct subid_owner_name name,
		      uint32_t uid);

/*
 * The ids that an account had before: by the table before its last change, by the ledger,
 * or quarantined, unless one of these knows them as somebody else's.  Into an empty set.
 * 0 or -ENOMEM.
 */
int audit_former_ids(const struct audit *audit, uint32_t uid, enum subid_kind kind,
		     struct subid_set *ret);

/* --- free: what a plan may grant --- */

/*
 * May these ids be granted to the account of an owner, as far as is known?  Not if they
 * are anybody's by lines, accounts, containers, what runs, or what the ledger and the
 * backups know of others; nor if the policy or the caller's namespace has them not. Being
 * out of memory ends the audit later.
 */
bool audit_is_free(struct audit *audit, enum subid_kind kind, size_t owner,
		   struct id_range range);
void audit_free_busy(struct subid_sets *busy);

/* The ids of a kind that exist in the caller's user namespace, into an empty set.  0;
 * SUBID_UNKNOWN: not known; -ENOMEM. */
int audit_ids_here(const struct audit *audit, enum subid_kind kind,
		   struct subid_set *ret);

/* --- live_view: leases of all stores --- */

/*
 * Threat: a user's store says what the user likes.  It is about the user's own
 * containers alone: nothing in it is held against anybody else, the rules work through
 * it in one go, and it makes one finding at most, of level info.
 */

/* Somebody whose containers have leases, by one name in one store. */
struct lease_owner {
	const struct audit_store *store;
	const char *name;
	uint32_t uid; /* whose containers they are: root's, too, of those that act for
			 root; SUBID_ID_NONE: there is no such account */
	bool unsure;  /* it could not be found out */
	struct subid_sets held; /* by lines of the tables */
};

struct lease_row {
	const struct subid_lease *lease;
	uint32_t owner; /* index */
};

struct lease_view {
	struct lease_owner *owners;
	size_t n_owners;
	struct lease_row *rows; /* by the owner's uid, kind and start */
	size_t n;
};

/* Makes it of what there is.  0 or -ENOMEM; free it in any case. */
int audit_lease_view(struct audit *audit, struct lease_view *view);
void audit_lease_view_free(struct lease_view *view);

static inline const struct lease_owner *audit_lease_owner(const struct lease_view *view,
							  const struct lease_row *row)
{
	return &view->owners[row->owner];
}

/* The rows of a uid and kind: from *ret_begin to the one returned. */
const struct lease_row *audit_lease_rows(const struct lease_view *view, uint32_t uid,
					 enum subid_kind kind,
					 const struct lease_row **ret_begin);

/* --- and a verdict on each namespace --- */

/* Somebody who has made a namespace. */
struct live_holder {
	uint32_t uid;
	uint32_t gid; /* the primary, or SUBID_ID_NONE */
	struct subid_owner_name name;
	struct subid_sets held; /* by lines of the tables */
};

/* What there is to say about one namespace. */
struct live_verdict {
	bool top; /* below the caller's, and its owner is known: it is judged */
	struct subid_sets foreign; /* mapped ids but for the owner's own */
	struct subid_sets unheld;  /* of them, those that no line grants it */
	bool stale[SUBID_KINDS];   /* all of which were the owner's before */
};

struct live_view {
	struct live_holder *holders; /* in the order of uids */
	size_t n_holders;
	struct live_verdict *verdicts; /* of each namespace */
	size_t n;
};

/* Judges running namespaces, which must have been read.  0 or -ENOMEM; free it in any
 * case. */
int audit_live_view(struct audit *audit, struct live_view *view);
void audit_live_view_free(struct live_view *view);

/* Who made a namespace; NULL for a uid that made none. */
struct live_holder *audit_live_holder(const struct live_view *view, uint32_t uid);

/*
 * Is an id the holder's own: the uid, the primary gid, that of a group it is in?  Being
 * out of memory ends the audit later.
 */
bool audit_live_is_own(struct audit *audit, const struct live_holder *holder,
		       enum subid_kind kind, uint32_t id);

/* --- advice_stop: what must end before ids can be taken back --- */

/* The command that ends a namespace, and the sentence for the remedy. */
const char *audit_advise_stop(struct audit *audit, struct audit_finding *finding,
			      const struct subid_live_userns *ns);

/* The command that ends the processes with one of the ids. */
void audit_advise_end(struct audit *audit, struct audit_finding *finding,
		      enum subid_kind kind, struct id_range ids);

/*
 * All that must end before these ids, of kinds as in struct audit_fix, can be taken back:
 * what runs, and leases of root's store.  True if there is something.
 */
bool audit_advise_free(struct audit *audit, struct audit_finding *finding, int kinds,
		       struct id_range ids);

/* Does somebody run with one of these ids who is not to be stopped, as it is that of an
 * account or a group?  That keeps no range from being taken back. */
bool audit_needs_force(const struct audit *audit, int kinds, struct id_range ids);

/* The command that revokes all that an owner has of these kinds, after those that it
 * needs; true if there are such.  No command if what is to end may be another owner's,
 * who has these ids, too. */
bool audit_advise_revoke(struct audit *audit, struct audit_finding *finding, int kinds,
			 size_t owner);

/* Another lease in place of this one, if there is room; the sentence for the remedy. */
const char *audit_advise_another_lease(struct audit *audit, struct audit_finding *finding,
				       const struct lease_row *row, bool reuse);

/* --- rules_live: sentences about namespaces --- */

/* How many processes a finding names at most. */
#define PIDS_SHOWN 8

/* "user namespace 4026532177 (lxc c1, process 312)", for a sentence. */
const char *audit_live_describe(struct audit *audit, const struct subid_live_userns *ns);

/* The finding that a rule about a namespace begins with. */
struct audit_finding audit_at_userns(const struct audit *audit,
				     const struct subid_live_userns *ns,
				     pid_t pids[PIDS_SHOWN]);

/* --- rules_files: who can write a file --- */

/* Is uid root's, or that of whoever plays its part? */
bool audit_is_root(const struct audit_host *host, uint32_t uid);

/*
 * How others than root can write a file or directory: "mode 0666: everybody can
 * write it", with the commands that end it added to the finding.  NULL: they cannot, or
 * it could not be found out.
 */
const char *audit_who_writes(struct audit *audit, const struct audit_host_file *file,
			     struct audit_finding *finding);

/*
 * The same for directory i of a walk: how somebody can replace the next.  In a sticky
 * directory only its owner can.
 */
const char *audit_who_replaces(struct audit *audit, const struct audit_path_walk *walk,
			       size_t i, struct audit_finding *finding);

/* How many lines of the table grant ids to somebody; 0 also without a table. */
size_t audit_count_grants(const struct audit *audit, enum subid_kind kind);

/* --- catalogue: the rules --- */

/* The rules, in the order of the catalogue.  Each answers 0 or -errno. */
#define AUDIT_RULE(name) int audit_find_##name(struct audit *audit)

AUDIT_RULE(every_id);
AUDIT_RULE(ambiguous_number);
AUDIT_RULE(extra_field);
AUDIT_RULE(beyond_last_id);
AUDIT_RULE(empty_range);
AUDIT_RULE(stray_blank);
AUDIT_RULE(long_line);
AUDIT_RULE(malformed);
AUDIT_RULE(comment);
AUDIT_RULE(no_final_newline);
AUDIT_RULE(duplicate_line);
AUDIT_RULE(owner_name_is_number);
AUDIT_RULE(own_id_inside);
AUDIT_RULE(owner_starts_with_digit);
AUDIT_RULE(unknown_owner);
AUDIT_RULE(owner_passed_over);
AUDIT_RULE(two_spellings);
AUDIT_RULE(group_as_owner);
AUDIT_RULE(weak_owner);
AUDIT_RULE(former_owner);
AUDIT_RULE(disabled_owner);
AUDIT_RULE(hold_as_account);
AUDIT_RULE(folded_owner);
AUDIT_RULE(includes_root);
AUDIT_RULE(overlap_owners);
AUDIT_RULE(overlap_account);
AUDIT_RULE(overlap_reserved);
AUDIT_RULE(overlap_held);
AUDIT_RULE(one_sided);
AUDIT_RULE(unequal);
AUDIT_RULE(outside_window);
AUDIT_RULE(absent_ids);
AUDIT_RULE(directory_differs);
AUDIT_RULE(directory_own);
AUDIT_RULE(directory_missing);
AUDIT_RULE(self_overlap);
AUDIT_RULE(small);
AUDIT_RULE(mergeable);
AUDIT_RULE(fragmented);
AUDIT_RULE(window_full);
AUDIT_RULE(window_low);
AUDIT_RULE(window_filling);
AUDIT_RULE(lease_outside);
AUDIT_RULE(lease_overlap);
AUDIT_RULE(lease_taken);
AUDIT_RULE(lease_broken);
AUDIT_RULE(lease_own);
AUDIT_RULE(unsafe_wrap);
AUDIT_RULE(window_invalid);
AUDIT_RULE(window_beyond);
AUDIT_RULE(window_unlisted);
AUDIT_RULE(window_meets_accounts);
AUDIT_RULE(table_writable);
AUDIT_RULE(table_symlink);
AUDIT_RULE(table_fixed);
AUDIT_RULE(stale_lock);
AUDIT_RULE(backup_readable);
AUDIT_RULE(helper_missing);
AUDIT_RULE(helper_unprivileged);
AUDIT_RULE(helper_double);
AUDIT_RULE(helper_writable);
AUDIT_RULE(helper_nosuid);
AUDIT_RULE(helper_shadowed);
AUDIT_RULE(source_open);
AUDIT_RULE(source_second_word);
AUDIT_RULE(source_and_files);
AUDIT_RULE(no_audit_watch);
AUDIT_RULE(live_unauthorised);
AUDIT_RULE(live_root);
AUDIT_RULE(live_shared);
AUDIT_RULE(live_shared_own);
AUDIT_RULE(live_account);
AUDIT_RULE(live_setgroups);
AUDIT_RULE(live_stale);
AUDIT_RULE(live_orphan);
AUDIT_RULE(live_hidden);
AUDIT_RULE(live_unread);
AUDIT_RULE(runtime_unread);
AUDIT_RULE(share_running);
AUDIT_RULE(share_target);
AUDIT_RULE(share_leftover);
AUDIT_RULE(idmap_root);
AUDIT_RULE(idmap_unread);

/* --- input: what is looked at --- */

/* Reads into *ret, which is zeroed but for proc, -1; free it in any case.  0 or -errno.
 */
int audit_read_facts(const struct subid *sys, const struct audit_options *options,
		     struct audit_facts *ret, struct subid_error *err);
void audit_free_facts(struct audit_facts *facts);

/* The report is partial: it is not known who n owners are. */
void audit_note_unsure(struct audit_facts *facts, size_t n);

/*
 * Finds out which containers the namespaces are that something was found in, or all of
 * them for found NULL.  For each, that costs more than all the rest of the look at it.
 * True if there was a name, so that the rules can say it.
 */
bool audit_name_containers(struct audit_facts *facts, const struct audit_report *found);

/* --- host: facts about files, from path_walk and kernel_audit_rules --- */

/*
 * Sets group_writes, acl and acl_id of a file whose mode is set from the bytes of
 * its xattr system.posix_acl_access; size 0: it has none.  root: whose name in the
 * list does not matter, beside 0.
 */
void host_file_set_acl(struct audit_host_file *file, const void *bytes, size_t size,
		       uint32_t root);

/* The bytes of the xattr security.capability. */
struct audit_host_caps host_caps_parse(const void *bytes, size_t size);

/* The capabilities of the program that fd, perhaps of O_PATH, leads to. */
int host_caps_look(int fd, struct audit_host_caps *ret);

/* Sets passes_over.  Returns 0, or the number of the error that kept it from looking. */
int audit_look_for_library(const struct audit_host_options *options,
			   struct audit_host *host);

/* Threat: directories of an image have names that could act on a terminal, or begin
 * a new line of a report: what is not printable ASCII becomes '?'. */
void host_make_printable(char *text);

void host_file_free(struct audit_host_file *file);

/*
 * Looks at the file name in the directory dir, its link not followed.  path: where
 * people find dir.  0 or -ENOMEM.
 */
int host_file_at(int dir, const char *name, const char *path, uint32_t root,
		 struct audit_host_file *ret);

/*
 * Walks along path, absolute, beneath root.  The caller closes *ret_fd, one of
 * O_PATH for the file at its end, or -1 when it is not reached.  0 or -ENOMEM.
 */
int path_walk(const struct audit_host_options *options, uint32_t root, const char *path,
	      struct audit_path_walk *ret, int *ret_fd);

void path_walk_free(struct audit_path_walk *walk);

/* What audit rules are asked for: a path, and is it watched? */
struct watched_path {
	const char *path;
	bool programs; /* a rule about running it counts as well */
	bool watched;
};

/* Sets watched where a rule in the text of audit.rules(7) watches the path. */
void kernel_audit_rules_parse(const struct subid_text *text, struct watched_path *watches,
			      size_t n);

/*
 * The same with every file of rules in etc.  follow: they may be links.  *ret_denied:
 * EACCES or the like when not all of them may be read.
 */
int kernel_audit_rules_read(int etc, bool follow, struct watched_path *watches, size_t n,
			    int *ret_denied);

/* --- policy_check: the policy as it is written --- */

struct policy_problem {
	enum subid_level level; /* SUBID_ERROR or SUBID_WARNING */
	char *file;		/* as messages name it */
	size_t line;		/* 0: not about a line */
	char *reason;		/* printable */
};

struct policy_problems {
	struct policy_problem *list; /* in the order in which they came up */
	size_t n;
};

void policy_problems_free(struct policy_problems *problems);

/* Adds what is wrong or likely a mistake.  0; -errno, explained: it could not be read. */
int policy_check(struct subid *sys, struct policy_problems *ret, struct subid_error *err);
