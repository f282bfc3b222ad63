/* SPDX-License-Identifier: MIT */
/*
 * What the commands of subid share: options, messages, output.
 */
#pragma once

#include <stdio.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"
#include "libsubid/live/live.h"
#include "libsubid/maps/maps.h"
#include "libsubid/policy/policy.h"
#include "libsubid/runtimes/runtimes.h"
#include "libsubid/subid.h"
#include "libsubid/tables/tables.h"

#define auto_system __attribute__((cleanup(subid_close)))
#define auto_txn    __attribute__((cleanup(subid_abort)))
#define auto_list   __attribute__((cleanup(subid_list_free)))

/* Exit status of subid(1). */
enum {
	EXIT_DONE = 0,
	EXIT_NO = 1,	 /* the answer is no: denied, full, nothing found */
	EXIT_USAGE = 2,	 /* the command line is wrong */
	EXIT_UNABLE = 3, /* could not do it, or could not tell */
};

/* One option, for getopt_long(3), --help and the tests of the man pages. */
struct cli_option {
	int letter; /* or a number beyond the letters for a long one alone */
	const char *name;
	const char *argument; /* NULL: takes none */
	const char *help;
};

/* An option, by its long name, that the command takes elsewhere, and not here. */
struct cli_refusal {
	const char *name;
	const char *why;
};

struct cli_command;

/* --color=WHEN */
enum cli_color { CLI_COLOR_AUTO, CLI_COLOR_ALWAYS, CLI_COLOR_NEVER };

/* What holds for the whole call. */
struct cli {
	const struct cli_command *const *commands; /* all of them */
	size_t n_commands;
	const struct cli_command *command; /* this one, or NULL */
	const char *root;		   /* --root, or NULL for the running system */
	char etc_name[4096]; /* the configuration directory, as messages name it */
	bool json;
	bool quiet;
	enum cli_color color; /* --color */
	bool no_pager;	      /* --no-pager */
	bool terminal;	      /* standard output is a person's, perhaps by a pager */
	int height, width;    /* of the terminal; 0: not known */
	bool directory;	      /* --directory: not this host, but the site's directory */
	bool changed;	      /* the tables have been, whatever else fails */
};

/* One row of the table of commands. */
struct cli_command {
	const char *name;
	const char *arguments; /* behind the name in the usage */
	const char *summary;   /* one line; NULL: --help does not tell of it */
	const char *text;      /* behind the options in --help */
	const char *examples;  /* two command lines, at its end; or NULL */
	const struct cli_option *options;
	size_t n_options;
	const struct cli_refusal *refused; /* why is NULL in the last; NULL: none */
	int (*run)(struct cli *cli, int argc, char *argv[]);
};

#define CLI_OPTIONS(rows) .options = (rows), .n_options = sizeof(rows) / sizeof((rows)[0])

extern const struct cli_command cmd_list, cmd_grant, cmd_revoke, cmd_hold, cmd_unhold;
extern const struct cli_command cmd_sync, cmd_policy, cmd_audit, cmd_config, cmd_ps,
    cmd_id, cmd_rename, cmd_doctor, cmd_status;
extern const struct cli_command cmd_share, cmd_shift, cmd_complete;

/*
 * The beginning of main(): signals, standard descriptors, and the options before the
 * command.  The status, after a complaint.
 */
int cli_start(struct cli *cli, int argc, char *argv[]);

/* The rest of it: runs the command of the first operand. */
int cli_run_command(struct cli *cli, int argc, char *argv[]);

/* The options that every command has; *ret_n is how many. */
const struct cli_option *cli_common_options(size_t *ret_n);

/* May what is printed have colours? */
bool cli_colored(const struct cli *cli);

/* How serious a word is, as its colour says. */
enum cli_tone {
	CLI_PLAIN, /* ends the others */
	CLI_HEADING,
	CLI_GOOD,
	CLI_REMARK,
	CLI_DOUBT,
	CLI_WARN,
	CLI_WRONG,
	CLI_WORST,
};

/* What begins it on a terminal, or ""; see --color. */
const char *cli_tone(const struct cli *cli, enum cli_tone tone);

/*
 * From here on standard output is shown by a pager, if a person looks at it:
 * $SUBID_PAGER, $PAGER or less(1), which ends by itself if all fits the screen.  Nothing
 * if there is none, or after a change, which nothing may stop.  Tables begin it by
 * themselves.  A message, cli_finish_output() and the end of the program wait for it.
 */
void cli_begin_pager(const struct cli *cli);
void cli_end_pager(void);

/* Finds out whether a person looks at standard output, and how wide it is. */
void cli_find_terminal(struct cli *cli);

/*
 * The name among n that is most like what was typed, or begins with it; NULL: none is.
 * names: n of them.
 */
const char *cli_nearest(const char *typed, const char *const *names, size_t n);

/* What other tools call so is this command, with its option, here; NULL: nothing is. */
const char *cli_other_word(const char *name);

/*
 * The next option that is the command's own, as its letter; those that every
 * command has are dealt with here.  -1 at the end, optind at the first operand.
 * Ends the program after --help (0) and for what is no option (EXIT_USAGE).
 */
int cli_next_option(struct cli *cli, int argc, char *argv[]);

/* "subid: ..." on standard error.  Returns status, so that a caller can return it. */
int cli_complain(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with a hint at --help.  Returns EXIT_USAGE. */
int cli_misused(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Opens the directory path below root.  Threat: links of an image may lead to ours;
 * they lead nowhere but below it.  A descriptor, or -errno.
 */
int cli_open_below(const char *root, const char *path);

/*
 * Runs subid-ldap(8) in this process's stead, with the command, argc words from argv, and
 * its options.  Returns only after a complaint, with the status.
 */
int cli_run_directory(const struct cli *cli, int argc, char *argv[]);

/* --root's or the system's configuration directory; -1 after a complaint. */
int cli_open_etc(struct cli *cli);

/* Complains, once for each line of a text. */
void cli_say_text(const char *text);

/* Complains of an error, a line each; returns status. */
int cli_say(int status, const struct subid_error *err);

/* The status for what a function of the library returned. */
int cli_status(int r);

/*
 * Opens what a transaction works on, this host or --root's image, whose warnings are
 * printed; grants: also if ranges do not come from the tables at all.  The status, after
 * a complaint.
 */
int cli_open_system(struct cli *cli, bool grants, struct subid **ret);

/* Begins a transaction, see subid_begin().  The status, after a complaint. */
int cli_begin(struct subid *sys, unsigned int flags, struct subid_txn **ret);

/* /proc for the running system, -1 for --root; -2 after a complaint. */
int cli_open_proc(const struct cli *cli);

/* Warns if the running system's ranges do not come from the tables at all. */
void cli_warn_of_source(const struct cli *cli, int etc);

/*
 * Loads a table, and warns of the first line that is no entry but has ids to some
 * reader.  The status, after a complaint if it is not EXIT_DONE.
 */
int cli_load_table(const struct cli *cli, int etc, enum subid_kind kind,
		   struct subid_table *ret);

/* Both tables, for cli_load_table(). */
struct cli_tables {
	struct subid_table list[SUBID_KINDS];
};

#define CLI_TABLES_NONE                                                                  \
	{                                                                                \
		{                                                                        \
			{ .kind = SUBID_UID },                                           \
			{                                                                \
				.kind = SUBID_GID                                        \
			}                                                                \
		}                                                                        \
	}
void cli_tables_free(struct cli_tables *tables);
#define auto_cli_tables __attribute__((cleanup(cli_tables_free)))

/* A file of the site's policy (policy.h), as messages name it. */
void cli_conf_file(const struct cli *cli, const char *file, char *buf, size_t size);

#define CLI_CONF_FILE_SIZE SUBID_ERROR_FILE_SIZE

/* Complains of -errno of reading a file of the configuration directory; the status. */
int cli_unreadable(const struct cli *cli, const char *file, int r);

/*
 * Commits, and on the running system makes nscd and SSSD forget what they knew.
 * ret_raced: NULL, or set if nothing was changed since others came in between, and the
 * caller begins anew.  The status, after a complaint if it is not EXIT_DONE.
 */
int cli_commit(struct cli *cli, struct subid_txn *txn, bool *ret_raced);

/* Both kinds, unless one of -u and -g narrows it. */
unsigned int cli_kinds(bool uid, bool gid);

/* Reads --range, or an operand that is one.  False after a complaint. */
bool cli_parse_range(const struct cli *cli, const char *text, struct id_range *ret);

/* A list of names, as the command line or a file has them.  Zeroed, it is empty. */
struct cli_names {
	char *text; /* of the n names, one behind the other, each terminated */
	size_t size;
	size_t room;
	size_t n;
};

void cli_names_free(struct cli_names *names);

/* Puts them in order, each once.  0 or -ENOMEM. */
int cli_names_sort(struct cli_names *names);

/* "2026-11-25T12:43:58Z", of seconds of the real-time clock; false: "unknown". */
#define CLI_TIME_SIZE 32
bool cli_time(int64_t seconds, char buf[CLI_TIME_SIZE]);

/* How many are OWNER/NAME. */
size_t cli_names_containers(const struct cli_names *names);

/* 0 or -ENOMEM. */
int cli_names_add(struct cli_names *names, const char *name);

/*
 * Adds the names in a file, one a line, "-" for standard input; blank lines and those
 * that begin with '#' are passed over.  Returns an exit status; what is not EXIT_DONE has
 * been complained of.
 */
int cli_names_read(struct cli_names *names, const char *file);

/* The same of a stream, which a message calls file. */
int cli_names_read_stream(struct cli_names *names, const char *file, FILE *stream);

/* "dry run: nothing was changed", on standard error, if it was one and not with -q.
 * Returns status. */
int cli_say_dry_run(const struct cli *cli, bool dry_run, int status);

/*
 * OWNER, where it is left out: who calls, by login name or, without a name that
 * can be an owner's, by uid.  Returns buf.
 */
#define CLI_ONESELF_SIZE 256
char *cli_oneself(char buf[CLI_ONESELF_SIZE]);

/* Reads a count of ids, "65536", "64K" or "1M"; never 0.  False: it is none. */
bool cli_parse_count(const char *text, uint32_t *ret);

/* subid_range_parse(), whose count may be written as above.  0 or SUBID_INVALID. */
int cli_read_range(const char *text, struct id_range *ret);

/* Flushes standard output, and waits for the pager; the status, after a complaint if it
 * could not be written. */
int cli_finish_output(void);

/* The same without an end; changed: what the complaint ends in. */
int cli_flush_output(const char *changed);

/* Says to a person on a terminal why there is no table. */
void cli_say_empty(const struct cli *cli, const char *what);

/* Prints text as printable_text() makes it. */
void cli_print_safe(FILE *out, const char *text, size_t len);

/* Would cli_print_safe() print it as it is? */
bool cli_is_safe(const char *text);

/*
 * A name as a JSON string, which must be UTF-8: in any other name, bytes beyond ASCII are
 * '?'.  NULL when out of memory.
 */
struct json_t *cli_json_name(const char *text, size_t len);

/* Prints an object and releases it; NULL: out of memory.  The status, after an error
 * message if it is not EXIT_DONE. */
int cli_print_json(struct json_t *object);
