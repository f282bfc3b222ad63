/* SPDX-License-Identifier: MIT */
/*
 * newuidmap and newgidmap write the id map of a user namespace for a user who may not do
 * so alone.  They run setuid root or with a file capability, and anybody may call them.
 * Whoever changes this file keeps these rules; each function that carries one names it:
 *
 *  1. Privilege is cut down to the capability that writes the map, and the real uid,
 *     before any byte that the caller controls is looked at; and it is not in effect
 *     until the map is written.
 *  2. The target is opened once, as a directory of a procfs, and every check and write
 *     goes through that descriptor, so that a recycled pid cannot take its place in
 *     between.
 *  3. The target belongs to the caller: same uid and same gid, and these are the
 *     account's own unless the administrator has said otherwise.
 *  4. A map is written only if the caller holds every outside id in it.  Not being able
 *     to find out is a no.
 *  5. setgroups(2) is denied to the namespace unless a line of the table lets the caller
 *     have other groups (CVE-2018-7169).
 *  6. Nothing comes from the environment, which is emptied, and no file is opened whose
 *     name the caller chose, except for /proc/PID.
 *  7. A map is written with one write(2) or not at all, and nothing is written to a
 *     descriptor that the caller left closed.
 *  8. A refusal leaves a line in the system's log.  It is sent without privilege; the
 *     caller chooses nothing in it but numbers that were checked; and a file, opened with
 *     privilege under a fixed name, limits how many lines one user causes.
 *
 * Every failure exits with 1, also a call without arguments, which mmdebstrap makes to
 * see whether the program is there.
 *
 * From top to bottom: privilege (rules 1 and 8), target (2 and 3), caller, decision (4),
 * write (5 and 7), and run(), which calls them in this order (6).  Functions return 0, or
 * EXIT_FAILURE after they have written why, unless they say otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tools/newidmap/private.h"

/* --- privilege --- */

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

/* Is it permitted?  False also if that cannot be found out. */
static bool has_capability(int cap)
{
	uint32_t permitted = 0;

	return get_permitted(&permitted) == 0 && (permitted & CAP_TO_MASK(cap)) != 0;
}

/*
 * Rule 1.  Leaves the capability that writes the map, and CAP_SETFCAP, which the kernel
 * requires since 5.12 for a map of the parent's id 0, if we have it; both permitted, none
 * effective.  The real uid becomes all uids: the kernel checks that whoever opens the map
 * is the namespace's owner.  0 or -errno.
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

/* Does the map have the id 0 of the namespace that the caller is in? */
static bool maps_root(const struct call *call)
{
	for (size_t i = 0; i < call->n; i++)
		if (call->lines[i].outside.start == 0)
			return true;
	return false;
}

/*
 * Rule 1.  The one capability, and the other only if id 0 is mapped: called when the map
 * is known, and again, to bring them into effect, for the moment of writing.
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
		return fail(call->kind, "cannot restrict capabilities: %s", strerror(-r));
	return 0;
}

/*
 * Rule 8.  Nothing will be written: privilege is given up for good first.  Threat:
 * without privilege (no_new_privs, ptrace) there are no counts, so there is no line.
 */
static void log_refusal(const struct call *call, struct id_range range, int result)
{
	if (has_capability(call->kind->cap) && set_capabilities(0, 0) == 0)
		send_refusal(call, range, result);
}

/* --- target --- */

/*
 * Rule 2.  The target is PID or fd:N; fd:N must be a directory of the procfs that we see
 * at /proc, and not its top: /proc/PID or /proc/PID/task/TID.  Nothing else in a procfs
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

/* Settings about subordinate ids are numbers, yes, or no. */
static bool is_understood(const struct subid_setting *setting)
{
	return strncmp(setting->name, "SUB_", 4) != 0 ||
	       (setting->value[0] >= '0' && setting->value[0] <= '9') ||
	       subid_setting_is(setting, "yes") || subid_setting_is(setting, "no");
}

/*
 * GRANT_AUX_GROUP_SUBIDS in login.defs, the last of several.  What cannot be read, or
 * says something about ids that is not understood, grants nothing.
 */
static bool any_group_will_do(const struct call *call)
{
	static const char key[] = "GRANT_AUX_GROUP_SUBIDS";
	auto_text struct subid_text text = { .bytes = NULL };
	struct subid_setting setting;
	size_t pos = 0, len;
	const char *line;
	bool yes = false;

	/* Threat: a sparse file takes memory, and no room on the disk. */
	if (subid_text_read_max(call->etc, "login.defs", true, SUBID_SETTINGS_SIZE_MAX,
				&text) < 0)
		return false;
	while (subid_text_next(&text, &pos, &line, &len)) {
		if (!subid_setting_parse(line, len, &setting))
			continue;
		if (!is_understood(&setting))
			return false;
		if (text_is(setting.name, setting.name_len, key))
			yes = subid_setting_is(&setting, "yes");
	}
	return yes;
}

/* Rule 3, once find_caller() has found the account. */
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
	log_refusal(call, call->lines[0].outside, -EPERM);
	(void)fail(call->kind,
		   "Target process is owned by a different user:"
		   " uid:%u pw_uid:%u st_uid:%u, gid:%u pw_gid:%u st_gid:%u",
		   call->uid, call->caller.uid, st.st_uid, call->gid, call->caller.gid,
		   st.st_gid);
	if (call->uid != call->caller.uid || call->uid != st.st_uid)
		return EXIT_FAILURE;
	return fail(
	    call->kind,
	    "the group differs: both must run with gid %u, yours (newgrp), or with"
	    " one, and GRANT_AUX_GROUP_SUBIDS be yes in %s/login.defs",
	    call->caller.gid, SUBID_SYSCONFDIR);
}

/* --- caller --- */

/* The caller's account, with all its names: the one question to the name service. */
static int find_caller(struct call *call)
{
	int r = subid_users_open(call->etc, true, &call->users, NULL);

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

/* What of the map a module says that the owner has.  0 or -errno. */
static int ask_module(struct call *call, const char *owner)
{
	enum subid_kind kind = call->kind->table;
	struct id_range asked[SUBID_MAP_LINES_MAX];
	int r = subid_source_ranges(call->source, owner, kind, &call->ranges,
				    &call->n_ranges);

	for (size_t i = 0; i < call->n; i++)
		asked[i] = call->lines[i].outside;
	return r < 0 ? r
		     : subid_source_check(call->source, owner, kind, asked, call->n,
					  &call->held);
}

/*
 * The ranges by a module that nsswitch.conf names.  As with shadow, what it answers when
 * it is asked for just these ids counts, whatever it lists.  Rule 4: if it fails, that is
 * a no.
 */
static int ask_source(struct call *call)
{
	const struct subid_owner_name *name = &call->caller.spellings[0];
	auto_free char *owner = strndup(name->text, name->len);
	int r = owner == NULL ? -ENOMEM : ask_module(call, owner);

	if (r == 0)
		return 0;
	return fail(call->kind,
		    "%s/nsswitch.conf says 'subid: %s', and libsubid_%s.so %s",
		    SUBID_SYSCONFDIR, call->source, call->source,
		    r == -ELIBACC ? "cannot be loaded" : "could not tell");
}

/* The ranges by the lines of the table, under each of the caller's names. */
static int read_table(struct call *call)
{
	const char *table = subid_kind_table(call->kind->table);
	int r = subid_text_read(call->etc, table, false, &call->table);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = subid_owned_ranges(&call->table, call->caller.spellings,
				       call->caller.n, &call->ranges, &call->n_ranges);
	return r < 0 ? cannot_read(call, table, -r) : 0;
}

/* What the table gives.  0, or said. */
static int hold_ranges(struct call *call)
{
	for (size_t i = 0; i < call->n_ranges; i++)
		if (subid_set_add(&call->held, call->ranges[i].range) < 0)
			return fail(call->kind, "%s", strerror(ENOMEM));
	subid_set_sort(&call->held);
	return 0;
}

/* One source.  0, or said. */
static int read_source(struct call *call)
{
	int r;

	free(call->ranges); /* of the one before, which had none */
	call->ranges = NULL;
	call->n_ranges = 0;
	if (call->source[0] != '\0')
		return ask_source(call);
	r = read_table(call);
	return r == 0 ? hold_ranges(call) : r;
}

/* What the caller holds: the first source that has a range of the caller's decides. */
static int read_ranges(struct call *call)
{
	struct subid_sources sources;
	int r = subid_sources_read(call->etc, &sources);

	if (r < 0)
		return cannot_read(call, "nsswitch.conf", -r);
	if (r > 0)
		return fail(call->kind, "%s/nsswitch.conf: 'subid:' names no source",
			    SUBID_SYSCONFDIR);
	for (size_t i = 0; i < sources.n; i++) {
		memcpy(call->source, sources.names[i], sizeof(call->source));
		r = read_source(call);
		if (r != 0 || call->n_ranges > 0 || call->held.n > 0)
			return r;
	}
	memcpy(call->source, sources.names[0], sizeof(call->source));
	return 0;
}

/* --- decision --- */

#define ALIASES_ASKED 16

/*
 * Does the name service know this owner as the caller under another name?  It must be the
 * name that the account has, and no other spelling that the service takes for it: for
 * list and grant such a line is nobody's.
 */
static bool is_alias(const struct call *call, const struct subid_line *line)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_free char *name = strndup(line->owner, line->owner_len);
	bool is = false;

	if (name == NULL || subid_owner_find(call->users, name, &owner) != 0 ||
	    owner.uid != call->uid)
		return false;
	for (size_t i = 0; i < owner.n; i++)
		is |= owner.spellings[i].len == line->owner_len &&
		      memcmp(owner.spellings[i].text, line->owner, line->owner_len) == 0;
	return is;
}

/*
 * Before a no: lines that grant some of the ids to a name that only the name service
 * knows.  The names of the caller's uid in the local file are known already.  Returns
 * true if the caller holds more now.  Threat: a map of all ids would ask for every owner
 * in the table; so only for the first few.
 */
static bool find_aliases(struct call *call, struct id_range wanted)
{
	size_t pos = 0, len, asked = 0;
	uint64_t size = subid_set_size(&call->held);
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
	return subid_set_size(&call->held) != size;
}

/* Rule 4.  Sets by_table. */
static int authorize(struct call *call)
{
	uint32_t own_id = call->kind->table == SUBID_UID ? call->uid : call->gid;
	size_t bad;

	while (subid_map_authorize(call->lines, call->n, &call->held, own_id,
				   &call->by_table, &bad) != 0) {
		const struct subid_map_line *line = &call->lines[bad];

		if (find_aliases(call, line->outside))
			continue;
		log_refusal(call, line->outside, SUBID_DENIED);
		return explain_refusal(call, line);
	}
	return 0;
}

/* --- write --- */

static bool has_map(const struct call *call)
{
	auto_close int fd =
	    openat(call->target, call->kind->map_file, O_RDONLY | O_CLOEXEC);
	char byte;

	return fd >= 0 && read(fd, &byte, 1) > 0;
}

#define NOT_PERMITTED "Operation not permitted: "

/* What keeps this program from its privilege. */
static const char *why_unprivileged(const struct call *call, const char *self)
{
	struct statvfs vfs;
	struct stat st;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return NOT_PERMITTED "no_new_privs is set, by a unit or a sandbox";
	if (prctl(PR_CAPBSET_READ, call->kind->cap, 0, 0, 0) == 0)
		return NOT_PERMITTED "the bounding set lacks the capability";
	if (statvfs(self, &vfs) == 0 && (vfs.f_flag & ST_NOSUID) != 0)
		return NOT_PERMITTED "this program is on a nosuid file system";
	if (stat(self, &st) == 0 && (st.st_mode & S_ISUID) == 0 &&
	    getxattr(self, "security.capability", NULL, 0) <= 0)
		return NOT_PERMITTED "this program has lost its setuid bit or file"
				     " capability";
	return NOT_PERMITTED "this program is traced, or not root's";
}

/* The kernel has one error for many reasons. */
static const char *why_not_permitted(const struct call *call)
{
	if (has_map(call))
		return "it is written already, and can be only once";
	if (!has_capability(call->kind->cap))
		return why_unprivileged(call, "/proc/self/exe");
	if (maps_root(call) && !has_capability(CAP_SETFCAP))
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
 * Rule 5.  A namespace that is denied already stays so.  A missing file is a failure,
 * too: every kernel with this file system has had it since 3.19, so it is the process
 * that has gone.
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

/* --- the order of it all --- */

/* Rule 7.  Threat: a file that we open gets number 2, and messages go into it. */
static bool descriptors_are_open(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

static int run(struct call *call, int argc, char *argv[])
{
	int r;

	/* Rule 6.  Threat: modules of the name service read variables of their own when
	 * real and effective uid are the same, as they will be; whoever points one to
	 * another server could be whomever that server says. */
	if (clearenv() != 0 || !descriptors_are_open())
		return EXIT_FAILURE;
	call->refusals = open_refusals(); /* rule 8 */
	r = drop_privilege(call);	  /* rule 1 */
	/* LXC quotes what one read(2) gets: a message is one write(2), at exit */
	(void)setvbuf(stderr, NULL, _IOFBF, BUFSIZ);
	if (r < 0)
		return fail(call->kind, "cannot give up privilege: %s", strerror(-r));
	if (argc < 2)
		return usage(call->kind);
	if (strcmp(argv[1], "--help") == 0)
		return help(call->kind);
	if (strcmp(argv[1], "--version") == 0)
		return version(call->kind);
	call->etc = open(SUBID_SYSCONFDIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (call->etc < 0)
		return fail(call->kind, "cannot open %s: %s", SUBID_SYSCONFDIR,
			    strerror(errno));
	if ((r = parse_map(call, argc - 2, argv + 2)) != 0 ||
	    (r = keep_privilege(call, false)) != 0 || /* rule 1 */
	    (r = open_target(call, argv[1])) != 0 ||  /* rule 2 */
	    (r = find_caller(call)) != 0 ||	      /* with all names */
	    (r = check_target(call)) != 0 ||	      /* rule 3 */
	    (r = read_ranges(call)) != 0 ||	      /* what the caller holds */
	    (r = authorize(call)) != 0 ||	      /* rule 4 */
	    (r = keep_privilege(call, true)) != 0)    /* in effect from here on */
		return r;
	if (call->kind->table == SUBID_GID && !call->by_table &&
	    (r = deny_setgroups(call)) != 0) /* rule 5 */
		return r;
	return write_map(call); /* rule 7 */
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
	int r = run(&call, argc, argv);

	subid_owner_free(&call.caller);
	subid_users_free(&call.users);
	subid_text_free(&call.table);
	subid_set_free(&call.held);
	free(call.ranges);
	return r;
}
