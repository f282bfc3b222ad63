/* SPDX-License-Identifier: MIT */
/*
 * newuidmap and newgidmap write the id map of a user namespace for a user who
 * may not do so alone.  They run setuid root or with a file capability, called
 * by anybody, so whoever changes this file keeps these rules:
 *
 *  1. Privilege is cut down to the capability that writes the map, and the real
 *     uid, before any byte that the caller controls is looked at; and it is not
 *     in effect until the map is written.
 *  2. The target is opened once, as a directory of a procfs, and every check and
 *     write goes through that descriptor, so that a recycled pid cannot take its
 *     place in between.
 *  3. The target belongs to the caller: same uid and same gid, who is the
 *     account's own unless the administrator has said otherwise.
 *  4. A map is written only if the caller holds every outside id in it.  Not
 *     being able to find out is a no.
 *  5. setgroups(2) is denied to the namespace unless a line of the table lets
 *     the caller have other groups (CVE-2018-7169).
 *  6. Nothing comes from the environment, which is emptied, and no file is opened
 *     whose name the caller chose, but for /proc/PID.
 *  7. A map is written with one write(2) or not at all, and nothing is written
 *     to a descriptor that the caller left closed.
 *  8. A refusal leaves a line in the system's log, made without privilege, in
 *     which the caller chooses nothing but numbers that were checked, and so
 *     many as a file tells that was opened with privilege, under a fixed name
 *     (newidmap_log.c).
 *
 * Every failure exits with 1, also a call without arguments, which mmdebstrap
 * makes to see whether the program is there.
 */
#include "newidmap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libsubid/cleanup.h"
#include "libsubid/idmap.h"
#include "libsubid/policy.h"
#include "libsubid/source.h"
#include "libsubid/users.h"
#include "newidmap_log.h"

/* What one call is about.  It lives in main's frame; there is no other state. */
struct call {
	const struct idmap_kind *kind;
	int etc;
	int target; /* the directory /proc/PID */
	uid_t uid;
	gid_t gid;
	struct subid_users *users;
	struct subid_owner caller;
	struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	size_t n;
	char source[SUBID_SOURCE_SIZE]; /* of the ranges; "": the table */
	struct subid_text table;
	struct subid_holding *holdings;
	size_t n_holdings;
	struct subid_set held; /* their union, and what aliases have */
	bool by_table;	       /* some line of the map is allowed by the table */
	struct refusals refusals;
};

__attribute__((format(printf, 2, 3))) static int fail(const struct idmap_kind *kind,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fprintf(stderr, "%s: ", kind->prog);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
	return EXIT_FAILURE;
}

/* Rule 7.  Threat: a file that we open gets number 2, and messages go into it. */
static bool descriptors_are_open(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

static int set_capabilities(uint32_t permitted, uint32_t effective)
{
	struct __user_cap_header_struct header = { .version =
						       _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		[0] = { .permitted = permitted, .effective = effective },
	};

	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int get_permitted(uint32_t *ret)
{
	struct __user_cap_header_struct header = { .version =
						       _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*ret = data[0].permitted;
	return 0;
}

/*
 * Rule 1.  Leaves the capability that writes the map, and CAP_SETFCAP, which the
 * kernel wants since 5.12 for a map of its parent's id 0, if we came by it; both
 * permitted, none effective.  The real uid becomes all uids: the kernel asks
 * whether who opens the map is the namespace's owner.
 */
static int drop_privilege(const struct call *call)
{
	uint32_t wanted = CAP_TO_MASK(call->kind->cap) | CAP_TO_MASK(CAP_SETFCAP);
	uint32_t permitted = 0;
	int r;

	if (getegid() != call->gid && setresgid(call->gid, call->gid, call->gid) < 0)
		return -errno;
	if (geteuid() != call->uid && (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ||
				       setresuid(call->uid, call->uid, call->uid) < 0))
		return -errno;
	r = get_permitted(&permitted);
	if (r < 0)
		return r;
	return set_capabilities(permitted & wanted, 0);
}

static bool maps_root(const struct call *call)
{
	for (size_t i = 0; i < call->n; i++)
		if (call->lines[i].outside.start == 0)
			return true;
	return false;
}

/*
 * The one capability, and the other only if id 0 is mapped: kept once the map is
 * known, in effect for the moment of writing.
 */
static int keep_privilege(const struct call *call, bool in_effect)
{
	uint32_t wanted = CAP_TO_MASK(call->kind->cap);
	uint32_t permitted = 0;
	int r;

	if (maps_root(call))
		wanted |= CAP_TO_MASK(CAP_SETFCAP);
	r = get_permitted(&permitted);
	if (r == 0)
		r = set_capabilities(permitted & wanted,
				     in_effect ? permitted & wanted : 0);
	if (r < 0)
		return fail(call->kind, "cannot keep to the capability: %s",
			    strerror(-r));
	return 0;
}

static int usage(const struct idmap_kind *kind)
{
	(void)fprintf(stderr,
		      "usage: %s <pid>|fd:<N> <inside> <outside> <count>"
		      " [<inside> <outside> <count>]...\n",
		      kind->prog);
	return EXIT_FAILURE;
}

static int help(const struct idmap_kind *kind)
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

static bool parse_id(const char *text, uint32_t *ret)
{
	return subid_id_parse(text, strnlen(text, 11), ret) == 0;
}

/* The triples behind the target. */
static int parse_map(struct call *call, int n_words, char *const words[])
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
		uint32_t count;

		for (int word = i; word < i + 3; word++) {
			uint32_t ignored;

			if (!parse_id(words[word], &ignored))
				return fail(call->kind,
					    "'%.40s': not a decimal number from 0 to"
					    " 4294967295",
					    words[word]);
		}
		(void)parse_id(words[i], &line->inside.start);
		(void)parse_id(words[i + 1], &line->outside.start);
		(void)parse_id(words[i + 2], &count);
		line->inside.count = line->outside.count = count;
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

/*
 * Rule 2.  fd:N must be a directory of the procfs that we see at /proc, which is
 * not the top one: /proc/PID or /proc/PID/task/TID.  Nothing else in a procfs
 * has a uid_map in it.
 */
static int open_target(struct call *call, const char *text)
{
	char path[sizeof("/proc/4294967295")];
	struct stat proc, dir;
	struct statfs fs;
	uint32_t number;

	if (strncmp(text, "fd:", 3) == 0) {
		if (!parse_id(text + 3, &number) || number > INT32_MAX)
			return fail(call->kind, "'%.40s': not a descriptor", text);
		call->target = fcntl((int)number, F_DUPFD_CLOEXEC, 3);
	} else {
		if (!parse_id(text, &number) || number == 0 || number > INT32_MAX)
			return fail(call->kind, "'%.40s': not a process id", text);
		(void)snprintf(path, sizeof(path), "/proc/%u", number);
		call->target = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (call->target < 0)
		return fail(call->kind, "Could not open proc directory for target %s: %s",
			    text, strerror(errno));
	if (fstat(call->target, &dir) < 0 || stat("/proc", &proc) < 0 ||
	    fstatfs(call->target, &fs) < 0)
		return fail(call->kind, "Could not stat directory for target process: %s",
			    strerror(errno));
	if (fs.f_type != PROC_SUPER_MAGIC || !S_ISDIR(dir.st_mode) ||
	    dir.st_dev != proc.st_dev || dir.st_ino == proc.st_ino)
		return fail(call->kind, "%s: not a directory /proc/PID", text);
	return 0;
}

/* Who calls?  The one question to the name service. */
static int find_caller(struct call *call)
{
	int r = subid_users_open(call->etc, true, &call->users);

	if (r == 0)
		r = subid_owner_of_uid(call->users, call->uid, &call->caller);
	if (r == 0)
		return 0;
	if (r > 0)
		return fail(call->kind,
			    "Cannot determine your user name: no account has uid %u",
			    call->uid);
	return fail(call->kind, "Cannot determine your user name: %s", strerror(-r));
}

/*
 * Rule 8.  Privilege is of no more use: nothing will be written.  Threat: without
 * privilege (no_new_privs, ptrace) there are no counts, so there is no line.
 */
static void log_refusal(const struct call *call, const struct subid_map_line *line,
			int result)
{
	const struct subid_spelling *name = &call->caller.spellings[0];
	uint32_t permitted = 0;

	if (get_permitted(&permitted) < 0 ||
	    (permitted & CAP_TO_MASK(call->kind->cap)) == 0 || set_capabilities(0, 0) < 0)
		return;
	refusals_log(&call->refusals,
		     (struct subid_event){
			 .action = SUBID_MAP,
			 .kind = call->kind->table,
			 .range = line->outside,
			 .owner = name->text,
			 .owner_len = name->len,
			 .uid = call->uid,
			 .result = result,
			 .program = call->kind->prog,
		     },
		     call->target);
}

/* GRANT_AUX_GROUP_SUBIDS in login.defs; what cannot be read grants nothing. */
static bool any_group_will_do(const struct call *call)
{
	struct subid_policy policy;
	struct subid_place place;

	return subid_policy_load(call->etc, true, &policy, &place) == 0 &&
	       policy.grant_aux_group_subids;
}

/* Rule 3. */
static int check_target(const struct call *call)
{
	struct stat st;

	if (fstat(call->target, &st) < 0)
		return fail(call->kind, "Could not stat directory for target process: %s",
			    strerror(errno));
	if (call->uid == call->caller.uid && call->uid == st.st_uid &&
	    call->gid == st.st_gid &&
	    (call->gid == call->caller.gid || any_group_will_do(call)))
		return 0;
	log_refusal(call, &call->lines[0], -EPERM);
	return fail(call->kind,
		    "Target process is owned by a different user:"
		    " uid:%u pw_uid:%u st_uid:%u, gid:%u pw_gid:%u st_gid:%u",
		    call->uid, call->caller.uid, st.st_uid, call->gid, call->caller.gid,
		    st.st_gid);
}

static int cannot_read(const struct call *call, const char *what, int error)
{
	return fail(call->kind, "cannot read %s/%s: %s", SUBID_SYSCONFDIR, what,
		    error == ELOOP ? "it is a symbolic link, which is not followed"
				   : strerror(error));
}

/* What a module that nsswitch.conf names gives.  Rule 4: no falling back. */
static int ask_source(struct call *call)
{
	const struct subid_spelling *name = &call->caller.spellings[0];
	auto_free char *owner = strndup(name->text, name->len);
	int r = owner == NULL
		    ? -ENOMEM
		    : subid_source_holdings(call->source, owner, call->kind->table,
					    &call->holdings, &call->n_holdings);

	if (r == 0)
		return 0;
	return fail(call->kind,
		    "%s/nsswitch.conf says 'subid: %s', and libsubid_%s.so %s",
		    SUBID_SYSCONFDIR, call->source, call->source,
		    r == -ELIBACC ? "cannot be loaded" : "could not tell");
}

/* What the caller's lines in the table give. */
static int read_table(struct call *call)
{
	const char *table = subid_kind_table(call->kind->table);
	int r = subid_text_read(call->etc, table, false, &call->table);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = subid_holdings(&call->table, call->caller.spellings, call->caller.n,
				   &call->holdings, &call->n_holdings);
	return r < 0 ? cannot_read(call, table, -r) : 0;
}

static int read_holdings(struct call *call)
{
	int r = subid_source_read(call->etc, call->source);

	if (r < 0)
		return cannot_read(call, "nsswitch.conf", -r);
	if (r > 0)
		return fail(call->kind, "%s/nsswitch.conf: 'subid:' names no source",
			    SUBID_SYSCONFDIR);
	r = call->source[0] == '\0' ? read_table(call) : ask_source(call);
	if (r != 0)
		return r;
	for (size_t i = 0; i < call->n_holdings; i++)
		if (subid_set_add(&call->held, call->holdings[i].range) < 0)
			return fail(call->kind, "%s", strerror(ENOMEM));
	subid_set_sort(&call->held);
	return 0;
}

#define HOLDINGS_SHOWN 8

static void print_holdings(const struct call *call)
{
	const struct subid_spelling *name = &call->caller.spellings[0];
	int len = (int)name->len;

	for (size_t i = 0; i < call->n_holdings && i < HOLDINGS_SHOWN; i++) {
		const struct subid_holding *holding = &call->holdings[i];

		(void)fail(call->kind, "%.*s (uid %u) holds %u-%llu (line %zu)", len,
			   name->text, call->uid, holding->range.start,
			   (unsigned long long)id_range_end(holding->range) - 1,
			   holding->line);
	}
	if (call->n_holdings > HOLDINGS_SHOWN)
		(void)fail(call->kind, "and %zu ranges more: getsubids %s%.*s",
			   call->n_holdings - HOLDINGS_SHOWN,
			   call->kind->table == SUBID_GID ? "-g " : "", len, name->text);
	if (call->n_holdings == 0)
		(void)fail(call->kind, "%.*s (uid %u) holds nothing there", len,
			   name->text, call->uid);
}

/* What shadow says, then the rule, what the caller has, and whom to ask for more. */
static int refuse(const struct call *call, const struct subid_map_line *line)
{
	const char *id = subid_kind_name(call->kind->table);
	const char *table = subid_kind_table(call->kind->table);
	const struct subid_spelling *name = &call->caller.spellings[0];

	log_refusal(call, line, SUBID_DENIED);
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
		   SUBID_SYSCONFDIR, table, id);
	print_holdings(call);
	return fail(call->kind,
		    "use what you hold, or ask the administrator for: subid grant%s %.*s",
		    call->n_holdings > 0 ? " --another" : "", (int)name->len, name->text);
}

#define ALIASES_ASKED 16

/* Does the name service know this owner as the caller under another name? */
static bool is_alias(const struct call *call, const struct subid_line *line)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_free char *name = strndup(line->owner, line->owner_len);

	return name != NULL && subid_owner_find(call->users, name, &owner) == 0 &&
	       owner.uid == call->uid;
}

/*
 * Before a no: lines that give some of the ids to a name that only the name
 * service knows.  The local file's names of the caller's uid are known already.
 * Returns true if the caller holds more now.  Threat: a map of all ids would ask
 * for every owner in the table; so only for the first few.
 */
static bool find_aliases(struct call *call, struct id_range wanted)
{
	size_t pos = 0, len, asked = 0;
	uint64_t had = subid_set_size(&call->held);
	const char *text;

	if (!subid_users_ask_others(call->users))
		return false;
	while (asked < ALIASES_ASKED &&
	       subid_text_next(&call->table, &pos, &text, &len)) {
		struct subid_line line;

		if (subid_line_parse(text, len, &line) != 0 ||
		    !id_range_overlaps(line.range, wanted) ||
		    subid_set_contains(&call->held, line.range))
			continue;
		asked++;
		if (is_alias(call, &line) &&
		    subid_set_insert(&call->held, line.range) < 0)
			return false;
	}
	return subid_set_size(&call->held) != had;
}

/* Rule 4. */
static int authorize(struct call *call)
{
	uint32_t own_id = call->kind->table == SUBID_UID ? call->uid : call->gid;
	size_t bad;

	while (subid_map_authorize(call->lines, call->n, &call->held, own_id,
				   &call->by_table, &bad) != 0)
		if (!find_aliases(call, call->lines[bad].outside))
			return refuse(call, &call->lines[bad]);
	return 0;
}

static bool has_map(const struct call *call)
{
	auto_close int fd =
	    openat(call->target, call->kind->map_file, O_RDONLY | O_CLOEXEC);
	char byte;

	return fd >= 0 && read(fd, &byte, 1) > 0;
}

/* The kernel's one word for many reasons. */
static const char *why_not_permitted(const struct call *call)
{
	uint32_t permitted = 0;

	if (has_map(call))
		return "it is written already, and can be only once";
	if (get_permitted(&permitted) < 0 ||
	    (permitted & CAP_TO_MASK(call->kind->cap)) == 0)
		return "Operation not permitted: this program needs to be installed"
		       " setuid root or with its file capability, on a file system that"
		       " is not nosuid, and not to be traced";
	if (maps_root(call) && (permitted & CAP_TO_MASK(CAP_SETFCAP)) == 0)
		return "Operation not permitted: id 0 can be mapped only with"
		       " CAP_SETFCAP, which this program has when setuid root";
	return "Operation not permitted: the process is not in a user namespace that you"
	       " made from this one";
}

static int explain_write(const struct call *call, int error)
{
	const char *why = strerror(error);

	if (error == EPERM)
		why = why_not_permitted(call);
	else if (error == EACCES)
		why = "Permission denied: the process is not dumpable (prctl(2)), or in a"
		      " user namespace that is not yours";
	else if (error == ENOENT || error == ESRCH)
		why = "the process has ended";
	return fail(call->kind, "write to %s failed: %s", call->kind->map_file, why);
}

/*
 * Rule 5; a namespace that is denied already stays so.  A file that is not there
 * is a failure, too: every kernel with this file system has had it since 3.19,
 * so it is the process that has gone.
 */
static int deny_setgroups(const struct call *call)
{
	static const char deny[] = "deny";
	auto_close int fd = openat(call->target, "setgroups", O_RDWR | O_CLOEXEC);
	char state[16] = "";

	if (fd < 0 || pread(fd, state, sizeof(state) - 1, 0) < 0)
		return explain_write(call, errno);
	if (strncmp(state, deny, strlen(deny)) == 0)
		return 0;
	/* at position 0 still; the kernel refuses pwrite(2) here with ESPIPE */
	if (write(fd, deny, strlen(deny)) < 0)
		return explain_write(call, errno);
	return 0;
}

/* Rule 7. */
static int write_map(const struct call *call)
{
	char text[SUBID_MAP_LINES_MAX * SUBID_MAP_LINE_SIZE];
	size_t size = subid_map_print(call->lines, call->n, text);
	auto_close int fd = -1;
	ssize_t n;

	if (size >= (size_t)sysconf(_SC_PAGESIZE))
		return fail(call->kind,
			    "the map has %zu bytes, but the kernel takes less than a page"
			    " of %ld: join neighbouring ranges",
			    size, sysconf(_SC_PAGESIZE));
	fd = openat(call->target, call->kind->map_file, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return explain_write(call, errno);
	n = write(fd, text, size);
	if (n != (ssize_t)size)
		return explain_write(call, n < 0 ? errno : EIO);
	return 0;
}

static int run(struct call *call, int argc, char *argv[])
{
	int r;

	if (argc < 2)
		return usage(call->kind);
	if (strcmp(argv[1], "--help") == 0)
		return help(call->kind);
	if (strcmp(argv[1], "--version") == 0) {
		(void)printf("%s (subid) %s\n", call->kind->prog, SUBID_VERSION);
		return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	call->etc = open(SUBID_SYSCONFDIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (call->etc < 0)
		return fail(call->kind, "cannot open %s: %s", SUBID_SYSCONFDIR,
			    strerror(errno));
	if ((r = parse_map(call, argc - 2, argv + 2)) != 0 ||
	    (r = keep_privilege(call, false)) != 0 ||
	    (r = open_target(call, argv[1])) != 0 || (r = find_caller(call)) != 0 ||
	    (r = check_target(call)) != 0 || (r = read_holdings(call)) != 0 ||
	    (r = authorize(call)) != 0 || (r = keep_privilege(call, true)) != 0)
		return r;
	if (call->kind->table == SUBID_GID && !call->by_table &&
	    (r = deny_setgroups(call)) != 0)
		return r;
	return write_map(call);
}

int newidmap_main(const struct idmap_kind *kind, int argc, char *argv[])
{
	struct call call = {
		.kind = kind,
		.etc = -1,
		.target = -1,
		.uid = getuid(),
		.gid = getgid(),
	};
	int r;

	/* Rule 6.  Threat: modules of the name service look at variables of their own
	 * when real and effective uid are the same, as they will be; who turns one to
	 * another server would be whoever that says. */
	if (clearenv() != 0 || !descriptors_are_open())
		return EXIT_FAILURE;
	call.refusals = refusals_open();
	r = drop_privilege(&call);
	/* LXC quotes what one read(2) gets: a message is one write(2), at exit */
	(void)setvbuf(stderr, NULL, _IOFBF, BUFSIZ);
	if (r < 0)
		return fail(kind, "cannot give up privilege: %s", strerror(-r));
	r = run(&call, argc, argv);
	subid_owner_free(&call.caller);
	subid_users_free(&call.users);
	subid_text_free(&call.table);
	subid_set_free(&call.held);
	free(call.holdings);
	return r;
}
