/* SPDX-License-Identifier: MIT */
/*
 * Checks of the kernel's settings, and of what this process has been left with.
 */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "libsubid/policy/policy.h"
#include "tools/subid/doctor/doctor.h"

#define SYSCTL(name) "/proc/sys/" name

void doctor_max_namespaces(struct doctor *d)
{
	long long most = doctor_number(SYSCTL("user/max_user_namespaces"));

	if (most == 0)
		doctor_say(d, DOCTOR_FAIL,
			   "user.max_user_namespaces is 0: nobody can make a namespace",
			   NULL, "sudo sysctl -w user.max_user_namespaces=15000");
	else if (d->probe.unshare_error == ENOSPC)
		doctor_say(d, DOCTOR_FAIL,
			   doctor_text("all %lld user namespaces that this user may have"
				       " are used up (user.max_user_namespaces), or they"
				       " are nested too deep",
				       most),
			   NULL,
			   doctor_text("sudo sysctl -w user.max_user_namespaces=%lld",
				       most > 0 ? most * 2 : 15000));
}

void doctor_userns_clone(struct doctor *d)
{
	if (d->owner->has_account && d->owner->uid == 0)
		return;
	if (doctor_number(SYSCTL("kernel/unprivileged_userns_clone")) == 0)
		doctor_say(d, DOCTOR_FAIL,
			   "kernel.unprivileged_userns_clone is 0: only root can make a"
			   " user namespace",
			   "a setting of Debian's and Arch's kernels",
			   "sudo sysctl -w kernel.unprivileged_userns_clone=1");
}

/* --- AppArmor, as Ubuntu has it from 23.10 on */

static const struct {
	unsigned int runtime;
	const char *program;
} programs[] = {
	{ DOCTOR_PODMAN, "podman" },
	{ DOCTOR_DOCKER, "rootlesskit" },
	{ DOCTOR_LXC, "lxc-usernsexec" },
	{ DOCTOR_APPTAINER, "apptainer" },
};

static bool contains(const char *path, const char *program)
{
	auto_text struct subid_text text = { .size = 0 };
	auto_free char *end = NULL;

	if (subid_text_read_max(AT_FDCWD, path, true, 1 << 20, &text) < 0 ||
	    asprintf(&end, "/%s", program) < 0)
		return false;
	return strstr(text.bytes, end) != NULL && strstr(text.bytes, "userns") != NULL;
}

/* Has a program a profile that allows it user namespaces? */
static bool has_profile(const char *program)
{
	DIR *dir = opendir("/etc/apparmor.d");
	const struct dirent *entry;
	bool found = false;

	while (dir != NULL && !found && (entry = readdir(dir)) != NULL)
		found =
		    entry->d_name[0] != '.' &&
		    contains(doctor_text("/etc/apparmor.d/%s", entry->d_name), program);
	if (dir != NULL)
		(void)closedir(dir);
	return found;
}

void doctor_apparmor(struct doctor *d)
{
	if (doctor_number(SYSCTL("kernel/apparmor_restrict_unprivileged_userns")) != 1 ||
	    (d->owner->has_account && d->owner->uid == 0))
		return;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		const char *program = programs[i].program;

		if (!doctor_for(d, programs[i].runtime) ||
		    (d->runtime == 0 && !doctor_installed(program)) ||
		    has_profile(program))
			continue;
		doctor_say(
		    d, DOCTOR_FAIL,
		    doctor_text(
			"AppArmor restricts user namespaces, and %s has no profile"
			" that allows them",
			program),
		    "kernel.apparmor_restrict_unprivileged_userns is 1; give the program "
		    "a"
		    " profile, and leave the setting",
		    doctor_text("printf 'abi <abi/4.0>,\\nprofile %s /usr/bin/%s"
				" flags=(unconfined) {\\n  userns,\\n}\\n' | sudo tee"
				" /etc/apparmor.d/%s && sudo apparmor_parser -r"
				" /etc/apparmor.d/%s",
				program, program, program, program));
	}
}

/* --- this process */

void doctor_no_new_privs(struct doctor *d)
{
	char value[16];

	if (doctor_status("NoNewPrivs", value, sizeof(value)) && strcmp(value, "1") == 0)
		doctor_say(
		    d, DOCTOR_FAIL,
		    "no_new_privs is set on this process: newuidmap gets no"
		    " privilege",
		    "set by NoNewPrivileges=yes of a unit, by another container, or"
		    " by a sandbox (an editor's terminal, Flatpak, snap)",
		    "in the unit: NoNewPrivileges=no; else start it from a login");
}

void doctor_bounding_set(struct doctor *d)
{
	const uint64_t wanted = 1ULL << CAP_SETUID | 1ULL << CAP_SETGID;
	unsigned long long set;
	char value[32];

	if (!doctor_status("CapBnd", value, sizeof(value)))
		return;
	set = strtoull(value, NULL, 16);
	if ((set & wanted) == wanted)
		return;
	doctor_say(d, DOCTOR_FAIL,
		   doctor_text("the bounding set of this process lacks %s: newuidmap and"
			       " newgidmap cannot write a map",
			       (set & wanted) == 0 ? "CAP_SETUID and CAP_SETGID"
			       : (set & 1ULL << CAP_SETUID) == 0 ? "CAP_SETUID"
								 : "CAP_SETGID"),
		   "set by CapabilityBoundingSet= of a unit, or by a container",
		   "in the unit: CapabilityBoundingSet=CAP_SETUID CAP_SETGID ...");
}

void doctor_primary_group(struct doctor *d)
{
	struct subid_policy policy = subid_policy_default;
	struct subid_place place;

	if (getgid() == d->owner->gid || d->owner->uid == 0 ||
	    (subid_policy_load(d->etc, true, &policy, &place) == 0 &&
	     policy.grant_aux_group_subids))
		return;
	doctor_say(
	    d, DOCTOR_FAIL,
	    doctor_text("this process runs with the group %u, and the primary group"
			" of %s is %u",
			getgid(), d->name, d->owner->gid),
	    "after newgrp or sg; newuidmap says: Target process is owned by a"
	    " different user",
	    "newgrp - (or GRANT_AUX_GROUP_SUBIDS yes in /etc/login.defs)");
}

/* --- where changes are kept */

void doctor_etc_read_only(struct doctor *d)
{
	struct statvfs vfs;

	if (fstatvfs(d->etc, &vfs) < 0 || (vfs.f_flag & ST_RDONLY) == 0)
		return;
	doctor_say(d, DOCTOR_WARN,
		   doctor_text("%s is on a read-only file system: no range can be granted"
			       " here",
			       d->cli->etc_name),
		   "what is granted stays; an image-based system has the tables in its"
		   " image",
		   doctor_text("add the ranges to the image: subid --root IMAGE grant %s",
			       d->name));
}

void doctor_generated(struct doctor *d)
{
	struct stat st;

	if (fstatat(d->etc, "NIXOS", &st, AT_SYMLINK_NOFOLLOW) == 0)
		doctor_say(d, DOCTOR_WARN,
			   "NixOS generates the tables: what is granted here may be lost"
			   " at the next nixos-rebuild",
			   NULL,
			   doctor_text("users.users.%s.subUidRanges and subGidRanges in"
				       " configuration.nix",
				       d->name));
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_text *text = &d->tables[kind];
		const char *end = text->size == 0 ? NULL : strchr(text->bytes, '\n');

		if (text->size == 0 || text->bytes[0] != '#' ||
		    memmem(text->bytes,
			   end == NULL ? text->size : (size_t)(end - text->bytes),
			   "enerated", 8) == NULL)
			continue;
		doctor_say(
		    d, DOCTOR_WARN,
		    doctor_text("%s/%s says in its first line that it is generated",
				d->cli->etc_name, subid_kind_table(kind)),
		    "what is granted here is lost when it is generated again",
		    "grant the ranges where the file comes from");
	}
}

#define STATE SUBID_STATEDIR

static void say_state(struct doctor *d, const char *what)
{
	doctor_say(d, DOCTOR_WARN, what,
		   "whose ids were released is forgotten at the next boot, and leases of"
		   " root's with it; a grant then searches for hidden namespaces first",
		   "sudo install -d -m 755 " STATE " on a disk that stays");
}

void doctor_state(struct doctor *d)
{
	auto_free char *path = NULL;
	struct doctor_mount mount;
	struct stat st;

	if (asprintf(&path, "%s" STATE, d->cli->root == NULL ? "" : d->cli->root) < 0)
		return;
	if (stat(path, &st) < 0 && errno == ENOENT) {
		doctor_say(d, DOCTOR_WARN,
			   doctor_text("%s does not exist: nothing is remembered", path),
			   "the first grant makes it", "sudo install -d -m 755 " STATE);
		return;
	}
	if (d->cli->root != NULL || !doctor_find_mount(d, path, &mount))
		return;
	if (mount.readonly)
		say_state(
		    d, doctor_text("%s is read-only (mounted on %s)", path, mount.where));
	else if (strcmp(mount.type, "tmpfs") == 0 || strcmp(mount.type, "ramfs") == 0)
		say_state(d, doctor_text("%s is in memory (%s on %s)", path, mount.type,
					 mount.where));
}

/* --- groups that are lost in a namespace */

/* One of the user's supplementary groups, of which no id is in the map. */
static bool is_lost(const struct doctor *d, gid_t gid)
{
	gid_t groups[1024];
	int n = getgroups(1024, groups);

	if (gid == d->owner->gid || doctor_holds(d, SUBID_GID, gid))
		return false;
	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

void doctor_groups(struct doctor *d)
{
	DIR *dir = d->home == NULL ? NULL : opendir(d->home);
	const struct dirent *entry;
	int looked = 0;

	while (dir != NULL && looked++ < 1000 && (entry = readdir(dir)) != NULL) {
		struct stat st;

		if (strcmp(entry->d_name, "..") == 0 ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    S_ISLNK(st.st_mode) || st.st_uid == d->owner->uid ||
		    (st.st_mode & 0040) == 0 || (st.st_mode & 0004) != 0 ||
		    !is_lost(d, st.st_gid))
			continue;
		doctor_say(d, DOCTOR_WARN,
			   doctor_text("%s/%s can be read by the group %u alone, which no"
				       " container has",
				       d->home, entry->d_name, st.st_gid),
			   "supplementary groups are not in the map",
			   "podman run --group-add keep-groups ...");
		break;
	}
	if (dir != NULL)
		(void)closedir(dir);
}
