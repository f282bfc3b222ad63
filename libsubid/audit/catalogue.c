/* SPDX-License-Identifier: MIT */
/*
 * The catalogue of the auditor's rules.  Names and levels are stable;
 * subid-audit(7) has the same list, from `make man-rules`.
 */
#include <string.h>

#include "libsubid/audit/private.h"

/* clang-format off: a table to be read down its columns */
static const struct audit_rule rules[] = {
	/* Lines */
	{ "every-id", SUBID_CRITICAL, "a line that grants every id in some programs",
	  "Start 0 with count 0, or a count that is negative or wraps around: "
	  "newuidmap of shadow before 4.20 lets the owner map any id with it, "
	  "including root's.",
	  "Delete the line, or write the count that was meant.", audit_find_every_id },
	{ "ambiguous-number", SUBID_ERROR, "a number that programs read differently",
	  "A leading 0 is octal to some programs and decimal to others; 0x, a sign "
	  "or a blank is accepted by some and refused by others. Which ids the "
	  "owner may use then depends on the program that reads the line.",
	  "Write the number in decimal, without sign, blank or leading zero.",
	  audit_find_ambiguous_number },
	{ "extra-field", SUBID_ERROR, "more than three fields",
	  "Some programs use the first three fields, others ignore the line, and "
	  "podman and buildah then fail for every user of the machine.",
	  "Keep owner:start:count and delete the rest.", audit_find_extra_field },
	{ "beyond-last-id", SUBID_ERROR, "ids beyond the last one",
	  "The last id is 4294967294; 4294967295 means \"no id\" to the kernel, "
	  "which refuses a map with it.",
	  "Make the count smaller, so that start + count is at most 4294967295.",
	  audit_find_beyond_last_id },
	{ "empty-range", SUBID_WARNING, "a count of 0",
	  "The line grants nothing, although it looks as if it did.",
	  "Delete the line, or write the count that was meant.", audit_find_empty_range },
	{ "stray-blank", SUBID_WARNING, "an unexpected blank, tab or carriage return",
	  "shadow's tools ignore such a line, others trim it: the owner has the "
	  "range in one program and not in the next.",
	  "Delete the blank. A carriage return comes from an editor on Windows.",
	  audit_find_stray_blank },
	{ "long-line", SUBID_WARNING, "a line longer than 1023 bytes",
	  "shadow's tools ignore it silently.",
	  "Use a shorter owner name, or the owner's uid.", audit_find_long_line },
	{ "malformed", SUBID_WARNING, "not owner:start:count",
	  "The line grants nothing, or programs read it differently.",
	  "Correct the line, or delete it.", audit_find_malformed },
	{ "comment", SUBID_INFO, "a comment",
	  "These files have no comments: shadow keeps the line but may read an "
	  "entry from it, and some programs fail.",
	  "Keep notes elsewhere and delete the line.", audit_find_comment },
	{ "no-final-newline", SUBID_INFO, "the last line has no newline",
	  "Some versions of shadow refuse the whole file, and a line that is "
	  "appended to it is joined to the last line.",
	  "Add a newline at the end.", audit_find_no_final_newline },
	{ "duplicate-line", SUBID_INFO, "a line that occurs twice",
	  "It changes nothing, but some programs map the range twice, which the "
	  "kernel refuses.",
	  "Delete one of the two lines.", audit_find_duplicate_line },
	/* Owners */
	{ "owner-name-is-number", SUBID_CRITICAL,
	  "a number as owner that is also a login name",
	  "Programs that look up the name grant the range to the account with that "
	  "name; programs that look up the uid grant it to another account. Two "
	  "users then share the ids.",
	  "Rename the account, and write the owner that is meant.",
	  audit_find_owner_name_is_number },
	{ "own-id-inside", SUBID_ERROR, "the owner's own id is inside its range",
	  "Rootless programs map the owner's own id as well as the range, and the "
	  "kernel refuses a map that has an id twice.",
	  "Move the range.", audit_find_own_id_inside },
	{ "owner-starts-with-digit", SUBID_ERROR,
	  "an owner that begins like a number but is none",
	  "util-linux reads the digits as a uid and grants the range to the "
	  "account with that uid.",
	  "Write the owner's uid, or rename the account.",
	  audit_find_owner_starts_with_digit },
	{ "unknown-owner", SUBID_WARNING, "an owner without an account",
	  "Whoever gets this name or uid later also gets the range, and the files "
	  "that its ids still own.",
	  "Revoke the range; its ids are quarantined until the files are gone.",
	  audit_find_unknown_owner },
	{ "owner-passed-over", SUBID_WARNING,
	  "an owner without account, which shadow 4.20 passes over",
	  "podman and others ask libsubid, and that of shadow 4.20 counts no owner "
	  "without an account: podman run --userns=auto, which uses the ids of "
	  "containers, fails.",
	  "Switch the libsubid of subid on, see subid-compat(8), or make an account.",
	  audit_find_owner_passed_over },
	{ "two-spellings", SUBID_WARNING, "one account under two owner names",
	  "Programs that read the table themselves find one of the lines and not "
	  "the other, so that they map different ids.",
	  "Use one owner name in all lines, by preference the login name.",
	  audit_find_two_spellings },
	{ "group-as-owner", SUBID_WARNING, "subgid names a group",
	  "The owner in subgid is the user who may use the gids, never a group: "
	  "nobody can use this line.",
	  "Write the login name of the user instead.", audit_find_group_as_owner },
	{ "weak-owner", SUBID_INFO,
	  "an expired account, or one without a shell, has a range",
	  "Nobody logs in to the account, so the range may not be needed; an "
	  "attacker who takes over the service can create user namespaces with it.",
	  "Revoke the range if no service runs containers under this account.",
	  audit_find_weak_owner },
	{ "former-owner", SUBID_WARNING, "a uid as owner that was another account's",
	  "The line names a uid. Whoever has it now has the range, and the files that "
	  "the former account's containers left under its ids.",
	  "If it is another person, revoke the range, see to the files, and grant "
	  "another. If the account was only renamed, all is well.",
	  audit_find_former_owner },
	{ "folded-owner", SUBID_WARNING, "an owner that is spelt as the account is not",
	  "The name service takes the spelling for the account, since it ignores case "
	  "or adds a domain. newuidmap asks it; programs that compare names do not "
	  "find the line.",
	  "Write the name as the name service has it.", audit_find_folded_owner },
	{ "disabled-owner", SUBID_INFO, "an owner that Apptainer has disabled",
	  "\"!\" before an owner is how 'apptainer config fakeroot --disable' keeps the "
	  "ids of a user who may not use them for now.",
	  "Nothing: 'apptainer config fakeroot --enable' gives them back.",
	  audit_find_disabled_owner },
	{ "hold-as-account", SUBID_WARNING, "an account with the name of a hold",
	  "Lines of !released and !reserved keep ids for nobody; 'apptainer config "
	  "fakeroot --enable' with the name of the account would make them its own.",
	  "Rename the account.", audit_find_hold_as_account },
	/* Ranges */
	{ "includes-root", SUBID_CRITICAL, "the range contains id 0",
	  "Whoever may map host id 0 into a container is root on the host.",
	  "Move the range, with the files that have its ids.", audit_find_includes_root },
	{ "overlap-owners", SUBID_CRITICAL, "two owners share ids",
	  "A process that escapes from a container of one owner can signal the "
	  "processes and change the files of the other.",
	  "Move one of the two: stop its containers, revoke its range, grant "
	  "another, and change its files to the new ids.",
	  audit_find_overlap_owners },
	{ "overlap-account", SUBID_CRITICAL, "ids of an account or a group",
	  "Whoever may map the id can act as that account on the host, and change "
	  "its files.",
	  "Give the account another id, or move the range. To cut the id out would "
	  "shift the ids inside of containers that use several lines.",
	  audit_find_overlap_account },
	{ "overlap-reserved", SUBID_ERROR, "ids that other software uses by convention",
	  "The system may assign the same ids to a service, a container or a user "
	  "at any moment.",
	  "Move the range. Ids of system accounts, systemd-nspawn "
	  "and FreeIPA may stay if nothing on this machine uses them that way and "
	  "a window of login.defs or subid.conf contains them.",
	  audit_find_overlap_reserved },
	{ "overlap-held", SUBID_WARNING, "held ids are granted to an owner",
	  "The ids are quarantined because files of a former owner may still have "
	  "them, or because the administrator reserved them; now a new owner can "
	  "reach those files.",
	  "If the grant is right, end the hold.", audit_find_overlap_held },
	{ "one-sided", SUBID_ERROR, "a range of uids without gids, or the reverse",
	  "A container needs both; most runtimes refuse to start, or run with a "
	  "single id.",
	  "Grant the missing kind, or revoke the other.", audit_find_one_sided },
	{ "unequal", SUBID_WARNING, "an owner's uids and gids differ",
	  "Some programs use the same numbers for both, kubelet among them, and "
	  "files then have owners that are hard to identify.",
	  "If no files use the ids yet, revoke both and grant a new range.",
	  audit_find_unequal },
	{ "outside-window", SUBID_WARNING, "not within SUB_*_MIN to SUB_*_MAX",
	  "Programs that choose ids by the window of login.defs do not expect a "
	  "range there, and may assign the ids to an account or a service. A "
	  "window of subid.conf is as good.",
	  "Move the range into the window, or widen the window in login.defs.",
	  audit_find_outside_window },
	{ "absent-ids", SUBID_ERROR, "ids that do not exist in this user namespace",
	  "In a container, only the ids that its own /proc/self/uid_map and gid_map "
	  "have exist. newuidmap and newgidmap cannot map others, so that containers "
	  "in it do not start.",
	  "Start the outer container with a wider map, or grant ids that exist in it.",
	  audit_find_absent_ids },
	{ "directory-differs", SUBID_ERROR, "not as the site's directory has it",
	  "The ids of the pools of subid.conf are given in the directory, which may "
	  "give these to somebody else: two users then share ids on this host or "
	  "in files that hosts share.",
	  "Run 'subid sync': it releases what the directory took back, unless it is "
	  "in use. If the directory was restored from an old backup, see 'subid "
	  "--directory audit --hosts'. Delete a line that was written by hand.",
	  audit_find_directory_differs },
	{ "directory-own", SUBID_WARNING, "a range beside the directory's",
	  "Programs may use either range, so that files on shared disks belong to "
	  "ids that other hosts do not know.",
	  "If no files use the host's own range, revoke it.", audit_find_directory_own },
	{ "directory-missing", SUBID_WARNING, "the directory's range is not in the table",
	  "Programs that read the tables do not know the range: the user has other "
	  "ids here than on other hosts, or none.",
	  "Run 'subid sync', or enable its timer.", audit_find_directory_missing },
	{ "self-overlap", SUBID_WARNING, "one owner has the same ids twice",
	  "The kernel refuses a map of both lines, and the owner has fewer ids "
	  "than it seems.",
	  "Write each id once: shorten or delete one of the lines.",
	  audit_find_self_overlap },
	{ "small", SUBID_INFO, "too few ids for an image with the user nobody",
	  "An image with files of higher ids, such as nobody's 65534, cannot be "
	  "unpacked.",
	  "Grant a range of 65536 ids.", audit_find_small },
	{ "mergeable", SUBID_INFO, "adjacent lines that could be one",
	  "Programs that use only the first line of an owner get fewer ids than "
	  "there are.",
	  "Write one line with the sum of the counts.", audit_find_mergeable },
	{ "fragmented", SUBID_INFO, "enough ids, but in pieces",
	  "No piece has 65536 ids, so that a program that uses a single line has "
	  "too few, although the owner has enough in total.",
	  "Grant another range of 65536 ids in one piece, and revoke the pieces "
	  "when no file has their ids.",
	  audit_find_fragmented },
	{ "window-full", SUBID_ERROR, "the window has no room for another range",
	  "New users get no range, and their containers do not start.",
	  "Raise SUB_*_MAX in login.defs, end holds that are no longer needed, or "
	  "revoke unused ranges.",
	  audit_find_window_full },
	{ "window-low", SUBID_WARNING, "fewer than 20 more ranges fit into the window",
	  "When the window is full, new users get no range, and their containers "
	  "do not start.",
	  "Raise SUB_*_MAX in login.defs, end holds that are no longer needed, or "
	  "revoke unused ranges.",
	  audit_find_window_low },
	{ "window-filling", SUBID_INFO, "less than a tenth of the window is left",
	  "When the window is full, new users get no range, and their containers "
	  "do not start.",
	  "Raise SUB_*_MAX in login.defs, end holds that are no longer needed, or "
	  "revoke unused ranges.",
	  audit_find_window_filling },
	/* Leases */
	{ "lease-outside", SUBID_WARNING, "a lease of ids that its owner does not hold",
	  "The container cannot start with it, or root starts it with ids that may "
	  "be granted to somebody else.",
	  "Revoke the lease with subid revoke OWNER/NAME, and grant another.",
	  audit_find_lease_outside },
	{ "lease-overlap", SUBID_ERROR, "two containers have leases of the same ids",
	  "A lease isolates its container from others. When both containers run, a "
	  "process that escapes from one can change the files of the other.",
	  "Revoke one of the leases, and grant that container another.",
	  audit_find_lease_overlap },
	{ "lease-taken", SUBID_WARNING,
	  "root's runtime uses the ids of a lease for another container",
	  "The container need not be running: when it is started, it shares these "
	  "ids, and its files on disk have them already.",
	  "Give that container ids of its own, or grant another lease.",
	  audit_find_lease_taken },
	{ "lease-broken", SUBID_WARNING,
	  "root's store of leases cannot be read, or only in part",
	  "A lease that cannot be read grants its container nothing, and the owner "
	  "of its ids is not known.",
	  "Correct the line, or delete it.", audit_find_lease_broken },
	{ "lease-own", SUBID_INFO, "a user's own store of leases has errors",
	  "It concerns only that user's containers: they do not start, or share "
	  "ids with each other. Only stores of users with running containers are "
	  "read, up to 256 KiB each.",
	  "As that user: subid list shows the leases, subid revoke takes one back.",
	  audit_find_lease_own },
	/* Policy and files */
	{ "unsafe-wrap", SUBID_CRITICAL, "ranges wrap around and are granted twice",
	  "With UNSAFE_SUB_*_DETERMINISTIC_WRAP, shadow starts again at the "
	  "beginning of the window when it is full: two users get the same range.",
	  "Set it to no in login.defs, and make the window large enough.",
	  audit_find_unsafe_wrap },
	{ "window-invalid", SUBID_ERROR, "a value in login.defs is invalid",
	  "shadow silently uses its defaults instead, and subid grants nothing "
	  "until the value is corrected.",
	  "Correct the value in login.defs.", audit_find_window_invalid },
	{ "window-beyond", SUBID_WARNING, "a window ends with an id that is none",
	  "4294967295 means \"no id\" to the kernel. useradd and subid take it as "
	  "4294967294; other programs may map it, and are refused.",
	  "Write 4294967294 in login.defs.", audit_find_window_beyond },
	{ "window-meets-accounts", SUBID_ERROR, "the window overlaps the ids of accounts",
	  "The next account that useradd creates may get an id that somebody can "
	  "map.",
	  "Set SUB_*_MIN above UID_MAX and GID_MAX in login.defs.",
	  audit_find_window_meets_accounts },
	{ "window-unlisted", SUBID_WARNING,
	  "accounts that the name service does not list are in the window",
	  "A service that answers by name but does not enumerate does not tell which ids "
	  "its accounts have: a grant avoids those that it meets, and may take those of "
	  "others.",
	  "Set SUB_UID_MIN and SUB_GID_MIN in login.defs to begin behind the ids of the "
	  "service, or reserve these in subid.conf.",
	  audit_find_window_unlisted },
	{ "table-writable", SUBID_CRITICAL, "users other than root can change a table",
	  "Whoever can write the table, or replace it, can grant themselves any "
	  "id, and so read and change the files of root and everybody else.",
	  "Make it root's, mode 0644, in directories that only root can write.",
	  audit_find_table_writable },
	{ "table-symlink", SUBID_WARNING, "a table is a symbolic link",
	  "shadow's tools and subid refuse to read it, while other programs follow "
	  "it: nothing can be granted, and useradd fails.",
	  "Replace the link by a copy of the file.", audit_find_table_symlink },
	{ "table-fixed", SUBID_ERROR, "a table cannot be replaced",
	  "A table is changed by a new file that takes its place. Where the table is a "
	  "mount point, or its file system is read-only, useradd and subid fail.",
	  "Mount the directory rather than the file, or writable; on an image-based "
	  "system, make the tables part of the image or of what is writable.",
	  audit_find_table_fixed },
	{ "stale-lock", SUBID_WARNING, "a lock file left by a process that has ended",
	  "useradd, usermod and userdel may refuse to work until it is removed.",
	  "Remove the lock file if none of them runs.", audit_find_stale_lock },
	{ "backup-readable", SUBID_WARNING, "more users can open a backup than its table",
	  "Users who may not read or change the table can read or change its "
	  "backup.",
	  "Give the backup the mode and the owner of the table.",
	  audit_find_backup_readable },
	{ "helper-missing", SUBID_ERROR, "newuidmap or newgidmap is missing",
	  "Rootless containers cannot use the ranges in the tables.",
	  "Install subid, or the package uidmap, for all users.",
	  audit_find_helper_missing },
	{ "helper-unprivileged", SUBID_ERROR, "a helper without privilege",
	  "It is neither setuid root nor has it the file capability, so that it "
	  "cannot write a map.",
	  "Install it again, or set the bit or the capability.",
	  audit_find_helper_unprivileged },
	{ "helper-double", SUBID_ERROR, "a helper with more privilege than it needs",
	  "newuidmap needs to be setuid root or to have cap_setuid, newgidmap "
	  "cap_setgid; neither needs anything else.",
	  "Remove the excess privilege.", audit_find_helper_double },
	{ "helper-writable", SUBID_ERROR, "users other than root can change a helper",
	  "Whoever replaces a program that everybody runs can act as everybody.",
	  "Make it root's, writable by nobody else.", audit_find_helper_writable },
	{ "helper-nosuid", SUBID_ERROR, "a helper on a file system mounted nosuid",
	  "The kernel ignores the setuid bit and file capabilities there, so that "
	  "the helper cannot write a map.",
	  "Mount it without nosuid, or install the helper elsewhere.",
	  audit_find_helper_nosuid },
	{ "helper-shadowed", SUBID_INFO, "two helpers of one name",
	  "Which of them runs depends on each user's PATH, and they may decide "
	  "differently. One that is unsafe or does not work has a finding of its own.",
	  "Keep one of them.", audit_find_helper_shadowed },
	{ "source-open", SUBID_CRITICAL, "a source of ranges that cannot be loaded",
	  "nsswitch.conf says that ranges come from there; shadow's tools fall "
	  "back to the files, whose ranges the directory may have granted to "
	  "others.",
	  "Install the module, or remove the line from nsswitch.conf.",
	  audit_find_source_open },
	{ "source-second-word", SUBID_WARNING, "a second source that shadow never uses",
	  "Only the first word after \"subid:\" in nsswitch.conf counts for shadow's "
	  "tools; those of subid ask the sources in order.",
	  "Keep the one that is meant, if programs use shadow's library.",
	  audit_find_source_second_word },
	{ "source-and-files", SUBID_WARNING,
	  "entries in the files although ranges come from elsewhere",
	  "nsswitch.conf takes the ranges from another source; programs that read "
	  "the files anyway map ids that the source may have granted to others.",
	  "Remove the entries, or the line in nsswitch.conf.",
	  audit_find_source_and_files },
	{ "no-audit-watch", SUBID_INFO,
	  "no audit rule of the kernel watches the tables and the helpers",
	  "It cannot be found out later who changed them by hand, and when.",
	  "Install the example of the audit rules, see subid(7).",
	  audit_find_no_audit_watch },
	/* Running processes */
	{ "live-unauthorised", SUBID_CRITICAL,
	  "a namespace maps ids that its owner does not hold",
	  "A privileged process wrote this map without newuidmap, or the tables "
	  "were changed later: its processes run with ids that are not the "
	  "owner's.",
	  "Find out who started it, and stop it.", audit_find_live_unauthorised },
	{ "live-root", SUBID_CRITICAL,
	  "host root is mapped into another user's namespace",
	  "A process in the namespace that changes to that id is root on the host.",
	  "Stop it, and find out who wrote the map.", audit_find_live_root },
	{ "live-shared", SUBID_CRITICAL,
	  "two owners, or two containers with separate leases, map the same ids",
	  "A process that escapes from one can signal the processes and change the "
	  "files of the other. Containers of one owner may share ids that are "
	  "leased to none of them. A namespace inside another one is not a "
	  "separate container, nor is one that maps the owner's own uid, such as "
	  "those of podman's pause process and of podman unshare.",
	  "Stop one of them, and grant its owner a range, or the container a "
	  "lease, of its own.",
	  audit_find_live_shared },
	{ "live-shared-own", SUBID_WARNING,
	  "two containers of a user share ids that the user has leased to one of "
	  "them",
	  "The lease is in the user's own store, and only the user's files are at "
	  "risk: a process that escapes from one container can change the files of "
	  "the other.",
	  "As that user: stop one of them, and give it a lease of its own.",
	  audit_find_live_shared_own },
	{ "live-account", SUBID_ERROR, "ids of another account are mapped",
	  "A process in the namespace can act as that account on the host.",
	  "Stop it, and take the account's id out of the range.",
	  audit_find_live_account },
	{ "live-setgroups", SUBID_ERROR, "groups can be dropped without a range of gids",
	  "Only the owner's own gid is mapped and setgroups(2) is allowed: a "
	  "process can leave a group that is denied access to files "
	  "(CVE-2018-7169).",
	  "Update newgidmap, and start the container again.", audit_find_live_setgroups },
	{ "live-stale", SUBID_WARNING, "a namespace still maps ids that were revoked",
	  "The ids are no longer its owner's: a new owner would share them.",
	  "Stop it; for podman, 'podman system migrate' does.", audit_find_live_stale },
	{ "live-orphan", SUBID_WARNING, "processes run with ids that nobody holds",
	  "No line and no account has the id: whoever gets it next can control "
	  "them.",
	  "Stop them, or grant the id to an owner.", audit_find_live_orphan },
	{ "live-hidden", SUBID_WARNING, "a process keeps a namespace out of sight",
	  "The namespace may have ids that were revoked: their next owner would "
	  "share them with whoever enters it again; or a user has more descriptors, "
	  "mounts or namespaces than are looked through without --thorough.",
	  "End the process, which ends the mount or descriptor that keeps the "
	  "namespace.",
	  audit_find_live_hidden },
	{ "live-unread", SUBID_INFO, "not all running processes could be looked at",
	  "The ids that they map are not known, so that the report is not "
	  "complete.",
	  "Run the audit as root, in the host's namespaces.", audit_find_live_unread },
	{ "runtime-unread", SUBID_INFO,
	  "a runtime's records of a container cannot be read",
	  "LXC, LXD, incus, podman and systemd-nspawn record which ids a container "
	  "has. Without the record, the ids of a stopped container are not known, "
	  "and may be granted or leased to another. LXD's records are in its "
	  "storage pool: they are hidden while the pool is not mounted, or mounted "
	  "only in the daemon's namespace.",
	  "Correct the file, or start the container before ids are granted.",
	  audit_find_runtime_unread },
	/* Shared storage */
	{ "share-running", SUBID_ERROR, "processes run with the ids of a store",
	  "The files of a store (subid share) belong to ids that nobody has: who runs "
	  "with one of them owns them without any mount, and a setuid file that a "
	  "container made there runs as him.",
	  "Stop the processes, and find out who mapped the ids.",
	  audit_find_share_running },
	{ "share-target", SUBID_WARNING,
	  "a store is mounted for somebody who has no range or lease",
	  "The mount shows the files as those of ids that are no longer its user's. "
	  "Whoever gets these ids next can pass for him there. Often the container "
	  "has ended.",
	  "Unmount it with 'subid share umount', or grant the range again.",
	  audit_find_share_target },
	{ "share-leftover", SUBID_WARNING,
	  "a mount beneath /run/subid/share that no record has",
	  "It is not mounted again at boot, and 'subid share' does not know of it.",
	  "Unmount it.", audit_find_share_leftover },
	{ "idmap-root", SUBID_WARNING, "an idmapped mount shows root's files as others'",
	  "Through the mount, whoever has the id that root's shows as makes files of "
	  "root's on the disk: with a setuid bit they run as root on the host, for "
	  "every user who can reach the disk without the mount. LXC does it with "
	  "idmap=container, Incus with shift=true, podman with :idmap.",
	  "Give the directory ids of its own ('subid share create'), or see to it that "
	  "root alone can reach it on the host, and mount the disk nosuid.",
	  audit_find_idmap_root },
	{ "idmap-unread", SUBID_INFO, "an idmapped mount whose map is not known",
	  "Kernels before Linux 6.15 do not tell which ids it shows as others: those "
	  "of root may be among them.",
	  "Ask whoever made it, or audit on a later kernel.", audit_find_idmap_unread },
};
/* clang-format on */

const struct audit_rule *audit_rules(size_t *ret_n)
{
	*ret_n = sizeof(rules) / sizeof(rules[0]);
	return rules;
}

const struct audit_rule *audit_rule_find(const char *name)
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

const char *audit_level_name(enum subid_level level)
{
	return level_names[level];
}

int audit_level_parse(const char *name, enum subid_level *ret)
{
	for (enum subid_level level = 0; level < SUBID_LEVELS; level++) {
		if (strcmp(name, level_names[level]) != 0)
			continue;
		*ret = level;
		return 0;
	}
	return SUBID_INVALID;
}
