/* SPDX-License-Identifier: MIT */
/*
 * The ledger: who had which ids last, since when, until when, and how that was seen.
 * Two parts of it know nothing of each other: the lines of the tables, and the leases of
 * root's store, whose owners are containers and stores, OWNER/NAME.
 *
 * It is what makes freed ids rest though no line holds them: userdel(8) and editors take
 * lines away, and who had the ids may have files with them still, or a user namespace
 * that nobody sees.  An absent ledger never means unused ids.
 */
#pragma once

#include "libsubid/core/core.h"
#include "libsubid/tables/tables.h"

/* --- list.c: pure ------------------------------------------------------------------
 */

enum ledger_state {
	LEDGER_HAS,	/* a line gave them, when it was looked at last */
	LEDGER_LEFT,	/* no line does any more; they may still be in use */
	LEDGER_CLEARED, /* given back by unhold or revoke --reuse: as if never seen */
};

/* How a change was seen. */
enum ledger_door {
	LEDGER_NO_DOOR, /* it has not come to that, or is not known */
	LEDGER_OURS,	/* we have made it */
	LEDGER_FOUND,	/* in the tables: useradd, userdel, usermod, an editor */
	LEDGER_BACKUP,	/* in subuid- or subgid- */
	LEDGER_RENAMED, /* handed over by subid rename */
};

/* The longest owner that is kept; longer ones are cut, as no reader of the tables takes
 * them. */
#define LEDGER_OWNER_MAX SUBID_LINE_OWNER_MAX

struct ledger_entry {
	struct id_range range;
	struct subid_owner_name owner; /* len 0: not known; not terminated */
	uint64_t seq;  /* of the record that says so: the order of what happened */
	int64_t since; /* seconds of the real-time clock, for people; 0: not known */
	int64_t until; /* the same; 0: has it still, or not known */
	uint32_t uid;  /* the owner's then; SUBID_ID_NONE: none, or not known */
	uint8_t state, door_in, door_out;
};

/* Entries of one kind.  In order: by their ids, and no two overlap. */
struct ledger_list {
	struct ledger_entry *entries;
	size_t n;
};

struct ledger {
	struct ledger_list of[SUBID_KINDS];
};

void ledger_list_free(struct ledger_list *list);
void ledger_free(struct ledger *ledger);

#define auto_ledger_list __attribute__((cleanup(ledger_list_free)))
#define auto_ledger	 __attribute__((cleanup(ledger_free)))

/* Adds an entry, in any order; its owner stays the caller's.  0 or -ENOMEM. */
int ledger_add(struct ledger_list *list, const struct ledger_entry *entry);

/* Puts a list in order: of entries that overlap, the one of the highest seq has the ids,
 * of equal ones the first in the list.  0 or -ENOMEM, and then it is as it was. */
int ledger_sort(struct ledger_list *list);

/* Lays top over base, both in order: where both have ids, top's count.  0 or -ENOMEM. */
int ledger_overlay(const struct ledger_list *base, const struct ledger_list *top,
		   struct ledger_list *ret);

/* Makes of the list what it is with top laid over it, or laid over base.  0, or -ENOMEM
 * with the list as it was. */
int ledger_lay_over(struct ledger_list *list, const struct ledger_list *top);
int ledger_lay_under(struct ledger_list *list, const struct ledger_list *base);

/*
 * Compares what lines give, in order, with what the ledger says, in order: entries for
 * what has come and gone since, in order, their seq not set, into *ret, to which they are
 * added.  A line that is nobody's by name has not what the ledger knows as somebody's:
 * it was left.  0 or -ENOMEM.
 */
int ledger_compare(const struct ledger_list *lines, const struct ledger_list *ledger,
		   enum ledger_door door, int64_t now, struct ledger_list *ret);

/* Of lines that were there after known was: those of ids that nobody has now, unless it
 * is known already that their owner left them; added to *ret.  0 or -ENOMEM. */
int ledger_left(const struct ledger_list *lines, const struct ledger_list *known,
		struct ledger_list *ret);

/* Entries in one state whose seq is over after, added to *ret, which must be empty.
 * Sorted.  0 or -ENOMEM. */
int ledger_ids(const struct ledger_list *list, enum ledger_state state, uint64_t after,
	       struct subid_set *ret);

/* The first entry that ends behind id; list->n if there is none. */
size_t ledger_find(const struct ledger_list *list, uint32_t id);

/* What lines of a table give, in order: of ids that several have, the first line's; what
 * only some readers take from a line is nobody's by name.  Lines that hold give nobody
 * anything.  Owners point into the table.  0 or -ENOMEM. */
int ledger_of_table(const struct subid_table *table, struct ledger_list *ret);

/* --- record.c: lines of the file, pure ------------------------------------------
 */

/* A digest of bytes, for what happens by accident: who can write what is digested is
 * root.  Begin with LEDGER_DIGEST. */
struct ledger_digest {
	uint64_t hash, size;
	unsigned char rest[8]; /* size % 8 bytes that are not in hash yet */
};

#define LEDGER_DIGEST ((struct ledger_digest){ .hash = 0x6a09e667f3bcc908 })

void ledger_digest_add(struct ledger_digest *digest, const void *bytes, size_t size);
uint64_t ledger_digest_end(const struct ledger_digest *digest);

/* What a record is about. */
enum ledger_about { LEDGER_LINES, LEDGER_LEASES, LEDGER_PARTS };

/* What a line of the file may say; its first letter, a capital if it is about leases. */
enum ledger_word {
	LEDGER_RANGE = 'r',    /* who has, or had, a range */
	LEDGER_SEEN = 's',     /* all ids of such records in the file's body */
	LEDGER_TABLES = 't',   /* the digests of the tables, once all before it is true */
	LEDGER_BACKUPS = 'b',  /* what the backup tables look like, which were read */
	LEDGER_HIDER = 'h',    /* who hid something from the search that comes next */
	LEDGER_SEARCHED = 'f', /* hidden namespaces were sought; of the ids of records up
				  to one, only the hiders' may be in such */
	LEDGER_END = 'e',      /* of the body */
};

struct ledger_record {
	enum ledger_word word;
	enum ledger_about about;   /* not of HIDER, SEARCHED and END */
	unsigned int kinds;	   /* RANGE, SEEN: bits 1 << enum subid_kind */
	struct ledger_entry entry; /* RANGE; SEEN: its range; HIDER: uids; all: its seq;
				      TABLES, SEARCHED: since; END: seq is how many
				      lines */
	uint64_t of[SUBID_KINDS];  /* TABLES, BACKUPS */
	uint64_t upto;		   /* SEARCHED: the last record that was known then */
};

/* The longest line, with its newline: each byte of an owner may be written as three. */
#define LEDGER_LINE_MAX (LEDGER_OWNER_MAX * 3 + 200)

/* Writes a line with its newline.  How many bytes. */
size_t ledger_record_print(const struct ledger_record *record, char buf[LEDGER_LINE_MAX]);

/*
 * Reads a line of len bytes, without its newline; the owner is written into it, over what
 * stands for it, and the record points there.  Threat: a byte that a disk or a program
 * has changed must not make ids appear unused, so a line whose sum is wrong says nothing.
 * 0 or SUBID_INVALID.
 */
int ledger_record_parse(char *line, size_t len, struct ledger_record *ret);

/* The file's first line. */
struct ledger_head {
	uint64_t seq;	   /* of the last record of the body */
	uint64_t searched; /* as in struct ledger_file */
	uint64_t index;	   /* so many bytes follow: SEEN, TABLES, BACKUPS, HIDER */
	uint64_t body;	   /* and then so many, of RANGE and one END */
};

#define LEDGER_HEAD_MAX 160

size_t ledger_head_print(const struct ledger_head *head, char buf[LEDGER_HEAD_MAX]);
int ledger_head_parse(const char *line, size_t len, struct ledger_head *ret);

/* --- file.c ---------------------------------------------------------------------
 *
 * SUBID_STATEDIR/ledger is text, a record a line, each with a sum over it:
 *
 *     subid-ledger 1 SEQ SEARCHED INDEX BODY SUM
 *     s KIND START COUNT SUM                         the index: all ids of the body
 *     t SEQ TIME DIGEST DIGEST SUM
 *     b SEQ STAMP STAMP SUM
 *     S ...                                          the same of leases
 *     h SEQ UID COUNT SUM                            of the last search
 *     r SEQ KIND START COUNT STATE DOORS SINCE UNTIL UID OWNER SUM
 *     R ...                                          the body: each part in order
 *     e COUNT SUM
 *     r ...                                          the tail: what happened since
 *
 * Of leases, t is about the files of the store and b about their backups.  A version that
 * knows no leases reads a ledger with some as a damaged one, and drops these.
 *
 * What happens is appended to the tail, with one write and one fdatasync(2); when the
 * tail has grown, the file is written anew, as a whole.  A grant reads the index and the
 * tail alone.  Of the body there is a record for each range, the last, so that the file
 * grows with the ranges that there ever were, not with what became of them.
 *
 * Times are for people; order is SEQ, which rises by one with each record.
 */
#define LEDGER_FILE "ledger"

/* As many former states of the tables are known again. */
#define LEDGER_STATES_MAX 16

/* What the tables were. */
struct ledger_tables {
	uint64_t of[SUBID_KINDS];
	int64_t time;
};

struct ledger_part {
	struct subid_sets seen; /* ids that are somebody's, or left */
	struct ledger_tables states[LEDGER_STATES_MAX]; /* the last one first */
	size_t n_states;
	uint64_t backups[SUBID_KINDS]; /* see LEDGER_BACKUPS; 0: not known */
	struct ledger ledger;	       /* in order; with whole */
};

struct ledger_file {
	int dir;	  /* of the file; the caller's */
	uint32_t trusted; /* besides root and the caller, who may own it */
	int lock;	  /* -1: not locked */
	bool exists;
	uint64_t device, inode, size; /* size: up to the end of the last whole line */
	uint64_t before;	      /* what the size was before the last append */
	bool damaged;		      /* lines in it say nothing */
	uint64_t searched;	 /* hidden namespaces were sought after all records of a
				    lower seq; 0: never */
	struct subid_set hiders; /* uids of who hid something from that */
	uint64_t seq;		 /* of the last record */
	uint64_t tail;		 /* so many bytes of the size are the tail's */
	bool whole;		 /* the parts' ledgers were read, too */
	struct ledger_part parts[LEDGER_PARTS];
	char *texts[3]; /* that these point to */
};

void ledger_close(struct ledger_file *file);

#define auto_ledger_file __attribute__((cleanup(ledger_close)))
#define LEDGER_CLOSED                                                                    \
	{                                                                                \
		.dir = -1, .lock = -1                                                    \
	}

/*
 * Opens the ledger of a directory and reads index and tail, and with whole all of it.
 * Threat: who could write it could have ids of others given out, so it is root's, the
 * caller's or trusted's (who owns an image's tables), and so is its directory, and nobody
 * else may write them; no link is followed.
 *
 * Returns 0, also when there is none (exists is not set) and when it is damaged, and then
 * whole is set and what could be read is in it; -EPERM: another can write it; -errno.
 */
int ledger_open(int dir, uint32_t trusted, bool whole, struct ledger_file *ret);

/* Reads it again, if it has changed since; whole: all of it. */
int ledger_read(struct ledger_file *file, bool whole);

/*
 * Takes the lock that its writers have, and reads what they have written meanwhile.  The
 * file of the lock is closed to users, who could keep it else.  0; SUBID_BUSY after
 * timeout_ms milliseconds; -errno, -EROFS among them: it cannot be written.
 */
int ledger_lock(struct ledger_file *file, int timeout_ms);
void ledger_unlock(struct ledger_file *file);

/* What is to be appended; entries in order, their seq is not looked at. */
struct ledger_news {
	enum ledger_about about;
	struct ledger_list of[SUBID_KINDS];
	bool has_tables, has_backups, searched;
	struct subid_set hiders; /* with searched: the uids; the caller's */
	uint64_t upto;		 /* likewise: the last record when the search began */
	uint64_t tables[SUBID_KINDS], backups[SUBID_KINDS];
	int64_t now;
};

void ledger_news_free(struct ledger_news *news);

#define auto_ledger_news __attribute__((cleanup(ledger_news_free)))

/*
 * Appends with the lock held, durably if sync is set, to a file that is made, or mended,
 * if need be.  0, and the file's fields are up to date but for the ledger, which is not
 * there any more; -errno, and the file is as it was.
 */
int ledger_append(struct ledger_file *file, const struct ledger_news *news, bool sync);

/* Takes back the last append, with the lock still held: it was for a change of the tables
 * that has not come about.  What cannot be taken back stays: ids that rest. */
void ledger_take_back(struct ledger_file *file);

/* Has the tail grown so far that the file should be written anew? */
bool ledger_is_long(const struct ledger_file *file);

/*
 * Writes the file anew, the last record of each range alone; without the lock, until the
 * new file takes the old one's place.  What it says is the same.  0, also when another
 * process is at it; -errno, and the file is as it was.
 */
int ledger_compact(struct ledger_file *file, int timeout_ms);
