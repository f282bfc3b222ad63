/* SPDX-License-Identifier: MIT */
/*
 * The words that go in and out: those of the command line, which are all that a caller
 * chooses, read as plain decimal numbers; the messages; and the line in the system's log.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "libsubid/core/log.h"
#include "tools/newidmap/private.h"

#define RANGES_SHOWN 8

int fail(const struct idmap_kind *kind, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fprintf(stderr, "%s: ", kind->prog);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
	return EXIT_FAILURE;
}

int usage(const struct idmap_kind *kind)
{
	(void)fprintf(stderr,
		      "usage: %s <pid>|fd:<N> <inside> <outside> <count>"
		      " [<inside> <outside> <count>]...\n",
		      kind->prog);
	return EXIT_FAILURE;
}

int help(const struct idmap_kind *kind)
{
	const char *id = subid_kind_name(kind->table);

	(void)printf("usage: %s <pid>|fd:<N> <inside> <outside> <count>\n"
		     "                 [<inside> <outside> <count>]...\n\n"
		     "Writes the %s_map of a process of yours in a new user namespace:"
		     " count ids,\nfrom inside on within it, are the ids from outside on"
		     " here.  All of those\nmust be yours by %s/%s, or be your own %s"
		     " alone.\n\n"
		     "  <pid>      the process\n"
		     "  fd:<N>     descriptor N, an open directory /proc/PID\n"
		     "  --help     show this\n"
		     "  --version  show the version\n\n"
		     "Exit status: 0 written, 1 not.  See %s(1) and subid(7).\n",
		     kind->prog, id, SUBID_SYSCONFDIR, subid_kind_table(kind->table), id,
		     kind->prog);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int version(const struct idmap_kind *kind)
{
	(void)printf("%s (subid) %s\n", kind->prog, SUBID_VERSION);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

bool parse_id(const char *text, uint32_t *ret)
{
	return subid_id_parse(text, strnlen(text, 11), ret) == 0;
}

int parse_map(struct call *call, int n_words, char *const words[])
{
	size_t a, b;

	if (n_words <= 0 || n_words % 3 != 0)
		return usage(call->kind);
	if (n_words / 3 > SUBID_MAP_LINES_MAX)
		return fail(call->kind,
			    "%d map lines, but the kernel takes at most %d"
			    " (user_namespaces(7)): join neighbouring ranges",
			    n_words / 3, SUBID_MAP_LINES_MAX);
	for (int i = 0; i < n_words; i += 3) {
		struct subid_map_line *line = &call->lines[call->n];
		uint32_t numbers[3];

		for (int k = 0; k < 3; k++)
			if (!parse_id(words[i + k], &numbers[k]))
				return fail(call->kind,
					    "'%.40s': not a decimal number from 0 to"
					    " 4294967295",
					    words[i + k]);
		line->inside = (struct id_range){ numbers[0], numbers[2] };
		line->outside = (struct id_range){ numbers[1], numbers[2] };
		if (!id_range_valid(line->inside) || !id_range_valid(line->outside))
			return fail(call->kind,
				    "%s %s %s: a range has at least one id, and none"
				    " beyond 4294967294",
				    words[i], words[i + 1], words[i + 2]);
		call->n++;
	}
	if (subid_map_overlaps(call->lines, call->n, &a, &b))
		return fail(call->kind,
			    "%s %s %s overlaps %s %s %s: no id may be mapped twice",
			    words[3 * a], words[3 * a + 1], words[3 * a + 2],
			    words[3 * b], words[3 * b + 1], words[3 * b + 2]);
	return 0;
}

int cannot_read(const struct call *call, const char *file, int error)
{
	return fail(call->kind, "cannot read %s/%s: %s", SUBID_SYSCONFDIR, file,
		    error == ELOOP ? "it is a symbolic link, which is not followed"
				   : strerror(error));
}

static void print_ranges(const struct call *call)
{
	const struct subid_owner_name *name = &call->caller.spellings[0];
	int len = (int)name->len;

	for (size_t i = 0; i < call->n_ranges && i < RANGES_SHOWN; i++) {
		const struct subid_owned_range *owned = &call->ranges[i];

		(void)fail(call->kind, "%.*s (uid %u) holds %u-%llu (line %zu)", len,
			   name->text, call->uid, owned->range.start,
			   (unsigned long long)id_range_end(owned->range) - 1,
			   owned->line);
	}
	if (call->n_ranges > RANGES_SHOWN)
		(void)fail(call->kind, "and %zu ranges more: getsubids %s%.*s",
			   call->n_ranges - RANGES_SHOWN,
			   call->kind->table == SUBID_GID ? "-g " : "", len, name->text);
	if (call->n_ranges == 0)
		(void)fail(call->kind, "%.*s (uid %u) holds nothing there", len,
			   name->text, call->uid);
}

/* The first sentence is shadow's. */
int explain_refusal(const struct call *call, const struct subid_map_line *line)
{
	const char *id = subid_kind_name(call->kind->table);
	const struct subid_owner_name *name = &call->caller.spellings[0];

	(void)fail(call->kind, "%s range [%u-%llu) -> [%u-%llu) not allowed", id,
		   line->inside.start, (unsigned long long)id_range_end(line->inside),
		   line->outside.start, (unsigned long long)id_range_end(line->outside));
	if (call->source[0] != '\0')
		return fail(
		    call->kind,
		    "every id outside must be yours by %s (%s/nsswitch.conf), or be"
		    " your own %s alone: ask its administrator for a range",
		    call->source, SUBID_SYSCONFDIR, id);
	(void)fail(call->kind,
		   "every id outside must be yours in %s/%s, or be your own %s alone",
		   SUBID_SYSCONFDIR, subid_kind_table(call->kind->table), id);
	print_ranges(call);
	return fail(call->kind,
		    "use what you hold, or ask the administrator for: subid grant%s %.*s",
		    call->n_ranges > 0 ? " --another" : "", (int)name->len, name->text);
}

/*
 * Rule 8 of newidmap.c.  Threat: a user fills the log, to hide one refusal among many.
 * Any user may write to the log whatever he likes; what he cannot write is a line from
 * the process of this program, _EXE=.  Few of those suffice: each user has a few at once,
 * then one each few seconds, which says how many there were before.  The counts are a
 * file of root's, which a user cannot reset: opened before privilege is given up, and
 * afterwards only read and written at the caller's own slot.
 * The count is mapped, and changed by atomic steps.  Threat: a limit on the size of files
 * cuts a write, and a user stops a process to give back later what he has used since.
 */
#define COUNTS "/run/subid-refusals"

/* journalctl(1) finds all refusals by this. */
#define ID_OF_REFUSAL "c2f60d9b17e34a58b6f1a04d83e5729c"

struct refusals open_refusals(void)
{
	struct refusals refusals = { .fd = -1, .are_counted = geteuid() == 0 };

	/* no user can write in /run: nobody has put something else there */
	if (refusals.are_counted)
		refusals.fd =
		    open(COUNTS, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return refusals;
}

/* The process whose directory it is: not from argv, which may be fd:N.  0: unknown. */
static pid_t pid_of(int target)
{
	auto_close int fd = openat(target, "stat", O_RDONLY | O_CLOEXEC);
	char text[16] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return 0;
	return (pid_t)strtol(text, NULL, 10); /* 0 when there is none */
}

static void make_line(const struct call *call, struct id_range range, int result,
		      uint32_t suppressed, struct log_line *ret)
{
	const struct subid_owner_name *name = &call->caller.spellings[0];
	const char *kind = subid_kind_name(call->kind->table);
	const char *reason = result < 0 ? strerrorname_np(-result) : "denied";
	pid_t target = pid_of(call->target);

	*ret = (struct log_line){
		.program = call->kind->prog,
		.id = ID_OF_REFUSAL,
		.priority = LOG_WARNING,
	};
	message_add(&ret->text, "map for ");
	message_add_name(&ret->text, name->text, name->len);
	message_add(&ret->text, " (uid %u): %s %u-%llu", call->uid, kind, range.start,
		    (unsigned long long)id_range_end(range) - 1);
	if (target > 0)
		message_add(&ret->text, " in process %d", (int)target);
	message_add(&ret->text, ": failed: %s", reason);
	if (suppressed > 0)
		message_add(&ret->text, " (and %u times before)", suppressed);
	log_field_print(ret, "SUBID_ACTION", "map");
	log_field(ret, "SUBID_OWNER", name->text, name->len);
	log_field_print(ret, "SUBID_UID", "%u", call->uid);
	log_field_print(ret, "SUBID_KIND", "%s", kind);
	log_field_print(ret, "SUBID_START", "%u", range.start);
	log_field_print(ret, "SUBID_COUNT", "%u", range.count);
	log_field_print(ret, "SUBID_RESULT", "failed");
	log_field_print(ret, "SUBID_REASON", "%s", reason);
	if (target > 0)
		log_field_print(ret, "SUBID_TARGET", "%d", (int)target);
	if (suppressed > 0)
		log_field_print(ret, "SUBID_UNLOGGED", "%u", suppressed);
}

void send_refusal(const struct call *call, struct id_range range, int result)
{
	uint32_t suppressed = 0;
	struct log_line line;
	struct subid_log log;

	/* Threat: a limit on the size of files, or a full disk, must not kill. */
	(void)signal(SIGXFSZ, SIG_IGN);
	if (call->refusals.are_counted &&
	    !subid_rate_limit_allow_user(call->refusals.fd, getuid(), &suppressed))
		return;
	if (subid_log_open(SUBID_JOURNAL_SOCKET, SUBID_SYSLOG_SOCKET, &log) < 0)
		return;
	make_line(call, range, result, suppressed, &line);
	/* a receiver that is slow is not waited for */
	(void)subid_log_send(&log, &line, 0);
	(void)close(log.fd);
}
