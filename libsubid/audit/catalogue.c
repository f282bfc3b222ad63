/* SPDX-License-Identifier: MIT */
/*
 * The catalogue of the auditor's rules.  Names and levels are stable; subid(1)
 * has the same list.
 */
#include <string.h>

#include "libsubid/audit/private.h"

/* clang-format off: a table to be read down its columns */
static const struct subid_rule rules[] = {
	/* Lines */
	{ "every-id", SUBID_CRITICAL, "a line that gives every id to some programs",
	  "Start 0 with count 0, or a count that is negative or wraps around: newuidmap "
	  "of"
	  " shadow before 4.20 lets the owner map any id with it, root's included.",
	  "Delete the line, or give it the count that was meant.", audit_find_every_id },
	{ "ambiguous-number", SUBID_ERROR, "a number that programs read differently",
	  "A leading 0 is octal to some and decimal to others; 0x, a sign or a blank is"
	  " accepted by some and refused by others. Who may use which ids then depends on"
	  " the program that reads the line.",
	  "Write the number in decimal, without sign, blank or leading zero.",
	  audit_find_ambiguous_number },
	{ "extra-field", SUBID_ERROR, "more than three fields",
	  "Some programs use the first three fields, others drop the line, and podman and"
	  " buildah then fail for every user of the machine.",
	  "Keep owner:start:count and delete the rest.", audit_find_extra_field },
	{ "beyond-last-id", SUBID_ERROR, "ids beyond the last one",
	  "The last id is 4294967294; 4294967295 means \"no id\" to the kernel, which "
	  "refuses"
	  " a map with it.",
	  "Make the count smaller, so that start + count is at most 4294967295.",
	  audit_find_beyond_last_id },
	{ "empty-range", SUBID_WARNING, "a count of 0",
	  "The line gives nothing, and somebody may believe that it does.",
	  "Delete the line, or write the count that was meant.", audit_find_empty_range },
	{ "stray-blank", SUBID_WARNING,
	  "a blank, tab or carriage return that does not belong",
	  "shadow's tools pass over such a line, others trim it: the owner has the range "
	  "in"
	  " one program and not in the next.",
	  "Delete the blank; a carriage return comes from an editor of another system.",
	  audit_find_stray_blank },
	{ "long-line", SUBID_WARNING, "a line over 1023 bytes",
	  "shadow's tools drop it without a word.",
	  "Shorten the owner, or name it by its uid.", audit_find_long_line },
	{ "malformed", SUBID_WARNING, "not owner:start:count",
	  "The line gives nothing to anybody, or another thing to each program.",
	  "Correct the line, or delete it.", audit_find_malformed },
	{ "comment", SUBID_INFO, "a comment",
	  "These files have no comments: shadow keeps the line but may take an entry "
	  "from it,"
	  " and some programs stumble.",
	  "Keep notes elsewhere and delete the line.", audit_find_comment },
	{ "no-final-newline", SUBID_INFO, "the last line has no newline",
	  "Some versions of shadow refuse the whole file, and what is appended to it is"
	  " joined to the last line.",
	  "Add a newline at the end.", audit_find_no_final_newline },
	{ "duplicate-line", SUBID_INFO, "the same line once more",
	  "It changes nothing, but some programs map the range twice, which the kernel "
	  "refuses.",
	  "Delete one of the two.", audit_find_duplicate_line },
	/* Owners */
	{ "owner-name-is-number", SUBID_CRITICAL,
	  "a number as owner that is also a login name",
	  "A program that looks for the name gives the range to the account with that "
	  "name, one"
	  " that looks for the uid gives it to another account: two users share the ids.",
	  "Rename the account, and name the owner in the line.",
	  audit_find_owner_name_is_number },
	{ "own-id-inside", SUBID_ERROR, "the owner's own id lies in its range",
	  "Rootless programs map the own id besides the range, and the kernel refuses a "
	  "map that"
	  " has an id twice.",
	  "Take the id out of the range.", audit_find_own_id_inside },
	{ "owner-starts-with-digit", SUBID_ERROR,
	  "an owner that begins like a number and is none",
	  "util-linux reads the digits as a uid and gives the range to the account that "
	  "has it.",
	  "Name the owner by its uid, or rename the account.",
	  audit_find_owner_starts_with_digit },
	{ "unknown-owner", SUBID_WARNING, "an owner that is no account",
	  "Whoever gets this name later, gets the range and the files that are still "
	  "owned by it.",
	  "Take the range back; its ids are held until the files are gone.",
	  audit_find_unknown_owner },
	{ "two-spellings", SUBID_WARNING, "one account under two spellings",
	  "Programs that read the table by themselves see one of the lines and not the "
	  "other, so"
	  " each maps other ids.",
	  "Use one spelling in all lines, the login name as a rule.",
	  audit_find_two_spellings },
	{ "group-as-owner", SUBID_WARNING, "subgid names a group",
	  "The owner in subgid is the user who may use the gids, never a group: nobody "
	  "can use"
	  " this line.",
	  "Put the login name of the user there.", audit_find_group_as_owner },
	{ "weak-owner", SUBID_INFO, "a locked, nologin or system account has a range",
	  "Nobody logs in there, so nobody may need it; a service that is broken into "
	  "can make"
	  " user namespaces with it.",
	  "Take the range back if no service runs containers under this account.",
	  audit_find_weak_owner },
	/* Ranges */
	{ "includes-root", SUBID_CRITICAL, "the range has id 0",
	  "Who may map host id 0 into a container is root on the host.",
	  "Take id 0 out of the range.", audit_find_includes_root },
	{ "overlap-owners", SUBID_CRITICAL, "two owners share ids",
	  "A process that escapes from a container of the one can signal the processes "
	  "and change"
	  " the files of the other.",
	  "Move one of the two: stop its containers, revoke its range, grant another, "
	  "and give"
	  " its files to the new ids.",
	  audit_find_overlap_owners },
	{ "overlap-account", SUBID_CRITICAL, "ids of an account or a group",
	  "Who may map the id can act as that account on the host, and change its files.",
	  "Take these ids out of the range.", audit_find_overlap_account },
	{ "overlap-reserved", SUBID_ERROR, "ids that others use by convention",
	  "The system may give the same ids to a service, a container or a user at any "
	  "moment.",
	  "Take these ids out of the range; those of system accounts, systemd-nspawn and"
	  " FreeIPA may stay if nothing here uses them so, and a window of login.defs or"
	  " subid.conf has them.",
	  audit_find_overlap_reserved },
	{ "overlap-held", SUBID_WARNING, "held ids are given to somebody",
	  "The ids rest because files of a former owner may still have them, or because "
	  "the"
	  " administrator reserved them; now a new owner reaches those files.",
	  "If the grant is right, give the hold back.", audit_find_overlap_held },
	{ "one-sided", SUBID_ERROR, "a range of uids without gids, or the reverse",
	  "A container needs both; most runtimes refuse to start, or run with a single "
	  "id.",
	  "Grant the missing kind, or revoke the other.", audit_find_one_sided },
	{ "unequal", SUBID_WARNING, "an owner's uids and gids differ",
	  "Some programs take one set of numbers for both, kubelet among them, and files "
	  "then"
	  " have owners that are hard to tell.",
	  "If no files use them yet, revoke both and grant anew.", audit_find_unequal },
	{ "outside-window", SUBID_WARNING, "not within SUB_*_MIN to SUB_*_MAX",
	  "Whoever hands out ids by the window of login.defs does not expect a range "
	  "there, and"
	  " may give the ids to an account or a service. A window of subid.conf is as"
	  " good.",
	  "Move the range into the window, or widen the window in login.defs.",
	  audit_find_outside_window },
	{ "self-overlap", SUBID_WARNING, "one owner has the same ids twice",
	  "A runtime that maps both lines is refused by the kernel, and the owner has "
	  "fewer ids"
	  " than it seems.",
	  "Write each id once: shorten or delete one of the lines.",
	  audit_find_self_overlap },
	{ "small", SUBID_INFO, "fewer than 65536 ids",
	  "An image with files of an id beyond them, nobody's 65534 among them, cannot "
	  "be unpacked.",
	  "Grant a range of 65536 ids.", audit_find_small },
	{ "mergeable", SUBID_INFO, "neighbouring lines that could be one",
	  "Programs that use only the first line of an owner get fewer ids than there "
	  "are.",
	  "Write one line with the sum of the counts.", audit_find_mergeable },
	{ "fragmented", SUBID_INFO, "enough ids, but in pieces",
	  "No piece has 65536 ids, so that a program that uses one line alone has too "
	  "few, although"
	  " the owner has as many.",
	  "Grant another range of 65536 ids in one piece, and revoke the pieces when no "
	  "file has"
	  " their ids.",
	  audit_find_fragmented },
	{ "window-filling", SUBID_INFO, "little room is left in the window",
	  "When it is full, new users get no range, and their containers do not start.",
	  "Give held ids back, revoke what nobody needs, or raise SUB_*_MAX in "
	  "login.defs.",
	  audit_find_window_filling },
	/* Leases */
	{ "lease-outside", SUBID_WARNING, "a lease of ids that its owner does not hold",
	  "The container cannot start with it, or root starts it with ids that somebody"
	  " else may be given.",
	  "Take the lease back with subid revoke OWNER/NAME, and grant another.",
	  audit_find_lease_outside },
	{ "lease-overlap", SUBID_ERROR, "two containers have leases of the same ids",
	  "A lease is there to keep its container apart: when both run, a process that"
	  " escapes from the one can change the files of the other.",
	  "Take one of the leases back, and grant that container another.",
	  audit_find_lease_overlap },
	{ "lease-taken", SUBID_WARNING,
	  "root's runtime has the ids of a lease for another container",
	  "The container need not run now: when it is started, it shares these ids, and"
	  " its files on disk have them already.",
	  "Give that container ids of its own, or the lease's another lease.",
	  audit_find_lease_taken },
	{ "lease-broken", SUBID_WARNING,
	  "root's store of leases cannot be read, or not all of it",
	  "A lease that cannot be read gives its container nothing, and nothing tells"
	  " whose the ids are.",
	  "Correct the line, or delete it.", audit_find_lease_broken },
	{ "lease-own", SUBID_INFO, "a user's own store of leases is not in order",
	  "What is in it concerns that user's containers alone: they do not start, or"
	  " share ids with each other. Only stores of users who run something are looked"
	  " at, of at most 256 KiB.",
	  "As that user: subid list shows the leases, subid revoke takes one back.",
	  audit_find_lease_own },
	/* Policy and files */
	{ "unsafe-wrap", SUBID_CRITICAL, "ranges wrap around and are given twice",
	  "With UNSAFE_SUB_*_DETERMINISTIC_WRAP, shadow starts over at the beginning of "
	  "the window"
	  " when it is full: two users get the same range.",
	  "Set it to no in login.defs, and make the window large enough.",
	  audit_find_unsafe_wrap },
	{ "window-invalid", SUBID_ERROR, "login.defs cannot be meant so",
	  "shadow falls back to its defaults without a word, and we give nothing until "
	  "it is right.",
	  "Correct the value in login.defs.", audit_find_window_invalid },
	{ "window-meets-accounts", SUBID_ERROR,
	  "the window begins among the ids of accounts",
	  "The next account that useradd makes may get an id that somebody can map.",
	  "Set SUB_*_MIN above UID_MAX and GID_MAX in login.defs.",
	  audit_find_window_meets_accounts },
	{ "table-writable", SUBID_CRITICAL, "others than root can change a table",
	  "Whoever can write the table, or replace it, can give himself any id, and with "
	  "it"
	  " root's or anybody's files.",
	  "Give it back to root, mode 0644, in directories that only root can write.",
	  audit_find_table_writable },
	{ "table-symlink", SUBID_WARNING, "a table is a symbolic link",
	  "shadow's tools and ours refuse to read it, while others follow it: nothing "
	  "can be"
	  " granted, and useradd fails.",
	  "Replace the link by a copy of the file.", audit_find_table_symlink },
	{ "stale-lock", SUBID_WARNING, "a lock whose owner is gone",
	  "useradd, usermod and userdel may refuse to work until it is removed.",
	  "Remove the lock file if none of them runs.", audit_find_stale_lock },
	{ "backup-readable", SUBID_WARNING,
	  "a backup is open to more people than its table",
	  "What the table keeps from others can be read, or changed, in its backup.",
	  "Give the backup the mode and the owner of the table.",
	  audit_find_backup_readable },
	{ "helper-missing", SUBID_ERROR, "no newuidmap or newgidmap",
	  "Rootless containers cannot use the ranges in the tables.",
	  "Install subid, or the package uidmap, for all users.",
	  audit_find_helper_missing },
	{ "helper-unprivileged", SUBID_ERROR, "a helper without privilege",
	  "It is neither setuid root nor has it the file capability, so that it can "
	  "write no map.",
	  "Install it again, or set the bit or the capability.",
	  audit_find_helper_unprivileged },
	{ "helper-double", SUBID_ERROR, "a helper with more privilege than it needs",
	  "newuidmap needs to be setuid root or to have cap_setuid, newgidmap "
	  "cap_setgid, and"
	  " neither needs anything else.",
	  "Remove what is too much.", audit_find_helper_double },
	{ "helper-writable", SUBID_ERROR, "others than root can change a helper",
	  "Whoever replaces the program that everybody runs has everybody's rights.",
	  "Give it back to root, writable by nobody else.", audit_find_helper_writable },
	{ "helper-nosuid", SUBID_ERROR, "a helper on a file system mounted nosuid",
	  "The kernel ignores the setuid bit and file capabilities there, so that it can "
	  "write"
	  " no map.",
	  "Mount it without nosuid, or install the helper elsewhere.",
	  audit_find_helper_nosuid },
	{ "helper-shadowed", SUBID_ERROR, "two helpers of one name",
	  "Which of them runs depends on each user's PATH, and they may decide "
	  "differently.",
	  "Keep one of them.", audit_find_helper_shadowed },
	{ "source-open", SUBID_CRITICAL, "a source of ranges that cannot be loaded",
	  "nsswitch.conf says that ranges come from there; shadow's tools fall back to "
	  "the files,"
	  " whose ranges the directory may have given to others.",
	  "Install the module, or remove the line from nsswitch.conf.",
	  audit_find_source_open },
	{ "source-second-word", SUBID_WARNING, "a second source that nobody asks",
	  "Only the first word behind \"subid:\" in nsswitch.conf counts.",
	  "Keep the one that is meant.", audit_find_source_second_word },
	{ "source-and-files", SUBID_WARNING, "entries in the files that nobody reads",
	  "nsswitch.conf takes the ranges from elsewhere; programs that read the files "
	  "all the"
	  " same map ids that the source may have given to others.",
	  "Remove the entries, or the line in nsswitch.conf.",
	  audit_find_source_and_files },
	{ "no-audit-watch", SUBID_INFO,
	  "no audit rule watches the tables and the helpers",
	  "Who changed them by hand, and when, cannot be found out afterwards.",
	  "Install the example of the audit rules, see subid(7).",
	  audit_find_no_audit_watch },
	/* What runs */
	{ "live-unauthorised", SUBID_CRITICAL,
	  "a namespace maps ids that its owner does not hold",
	  "Somebody with privilege wrote this map past newuidmap, or the tables were "
	  "changed under"
	  " it: its processes act with ids that are not the owner's.",
	  "Find out who started it, and stop it.", audit_find_live_unauthorised },
	{ "live-root", SUBID_CRITICAL, "host root is mapped into somebody's namespace",
	  "A process in there that becomes that id is root on the host.",
	  "Stop it, and find out who wrote the map.", audit_find_live_root },
	{ "live-shared", SUBID_CRITICAL,
	  "two owners, or two containers that a lease keeps apart, map the same ids",
	  "A process that escapes from the one can signal the processes and change the "
	  "files of"
	  " the other. Containers of one owner may share ids that are leased to none of"
	  " them; a namespace within another, or one that maps the owner's own uid, as"
	  " podman's pause process and podman unshare do, is no container beside it.",
	  "Stop one of them, and give its owner a range, or the container a lease, of its"
	  " own.",
	  audit_find_live_shared },
	{ "live-shared-own", SUBID_WARNING,
	  "two containers of a user share ids that she has leased to one of them",
	  "The lease is of the user's own store, and so is all that may be lost: a"
	  " process that escapes from the one container can change the files of the"
	  " other.",
	  "As that user: stop one of them, and give it a lease of its own.",
	  audit_find_live_shared_own },
	{ "live-account", SUBID_ERROR, "ids of another account are mapped",
	  "A process in there can act as that account on the host.",
	  "Stop it, and take the account's id out of the range.",
	  audit_find_live_account },
	{ "live-setgroups", SUBID_ERROR, "groups can be dropped without a range of gids",
	  "Only the own gid is mapped and setgroups(2) is allowed: a process can get rid "
	  "of a group"
	  " that files are closed to (CVE-2018-7169).",
	  "Update newgidmap, and start the container again.", audit_find_live_setgroups },
	{ "live-stale", SUBID_WARNING, "a namespace still maps ids that were taken back",
	  "The ids are not its owner's any more: a new owner would share them.",
	  "Stop it; for podman, 'podman system migrate' does.", audit_find_live_stale },
	{ "live-orphan", SUBID_WARNING, "processes run under ids that nobody has",
	  "No line and no account covers the id: whoever gets it next can control them.",
	  "Stop them, or give the id an owner.", audit_find_live_orphan },
	{ "live-hidden", SUBID_WARNING, "somebody keeps a namespace out of sight",
	  "It may have ids that were taken back: their next owner would share them with "
	  "whoever enters it again.",
	  "End the process, which ends the mount or descriptor that keeps it.",
	  audit_find_live_hidden },
	{ "live-unread", SUBID_INFO, "not everything that runs could be looked at",
	  "What is mapped there is not known, so that the report is not complete.",
	  "Run the audit as root, in the host's namespaces.", audit_find_live_unread },
	{ "runtime-unread", SUBID_INFO,
	  "what a runtime has written down about a container cannot be read",
	  "LXC, LXD, incus, podman and systemd-nspawn write down which ids a container"
	  " has; without it, those of one that is stopped are not known, and may be"
	  " granted or leased to another. LXD's are in its storage pool: one that is not"
	  " mounted, or only in the daemon's mounts, hides them.",
	  "Correct the file, or start the container before ids are granted.",
	  audit_find_runtime_unread },
};
/* clang-format on */

const struct subid_rule *subid_rules(size_t *ret_n)
{
	*ret_n = sizeof(rules) / sizeof(rules[0]);
	return rules;
}

const struct subid_rule *subid_rule_find(const char *name)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(rules[i].name, name) == 0)
			return &rules[i];
	return NULL;
}

static const char *const level_names[SUBID_LEVELS] = {
	[SUBID_INFO] = "info",
	[SUBID_WARNING] = "warning",
	[SUBID_ERROR] = "error",
	[SUBID_CRITICAL] = "critical",
};

const char *subid_level_name(enum subid_level level)
{
	return level_names[level];
}

int subid_level_parse(const char *name, enum subid_level *ret)
{
	for (enum subid_level level = 0; level < SUBID_LEVELS; level++) {
		if (strcmp(name, level_names[level]) != 0)
			continue;
		*ret = level;
		return 0;
	}
	return SUBID_INVALID;
}
