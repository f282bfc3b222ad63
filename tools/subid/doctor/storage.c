/* SPDX-License-Identifier: MIT */
/*
 * Checks of where containers are stored, and of the user's session.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "tools/subid/doctor/doctor.h"

static const unsigned int stores[] = { DOCTOR_PODMAN, DOCTOR_DOCKER, DOCTOR_LXC };

#define N_STORES (sizeof(stores) / sizeof(stores[0]))

/* Hands the mount of each storage to a check; each mount once. */
static void each_mount(struct doctor *d,
		       bool (*check)(struct doctor *d, const struct doctor_mount *mount,
				     const char *path))
{
	for (size_t i = 0; i < N_STORES; i++) {
		const char *path = doctor_storage(d, stores[i]);
		struct doctor_mount mount;

		if (path != NULL && doctor_for(d, stores[i]) &&
		    doctor_find_mount(d, path, &mount) && check(d, &mount, path))
			return;
	}
}

/* What moves a storage to a local disk, by the runtime's own file; one that is there
 * already is the user's to change. */
static const char *move_storage(const struct doctor *d, const char *path)
{
	static const struct {
		const char *dir, *file, *start, *setting, *end;
	} moves[N_STORES] = {
		{ ".config/containers", "storage.conf",
		  "[storage]\\ndriver = \"overlay\"\\n", "graphroot = ", "\\n" },
		{ ".config/docker", "daemon.json", "{", "\"data-root\": ", "}\\n" },
		{ ".config/lxc", "lxc.conf", "", "lxc.lxcpath = ", "\\n" },
	};
	size_t i = 0;
	const char *file, *quote;

	while (i + 1 < N_STORES && strcmp(doctor_storage(d, stores[i]), path) != 0)
		i++;
	quote = stores[i] == DOCTOR_LXC ? "" : "\"";
	file = doctor_text("%s/%s/%s", d->home, moves[i].dir, moves[i].file);
	if (access(file, F_OK) == 0)
		return doctor_text("in %s: %s%s/var/tmp/%s/containers%s: a local disk",
				   file, moves[i].setting, quote, d->name, quote);
	return doctor_text("mkdir -p ~/%s && printf '%s%s%s/var/tmp/%s/containers%s%s'"
			   " >%s   # a local disk",
			   moves[i].dir, moves[i].start, moves[i].setting, quote, d->name,
			   quote, moves[i].end, file);
}

static bool check_type(struct doctor *d, const struct doctor_mount *mount,
		       const char *path)
{
	static const char *const remote[] = { "nfs",  "lustre", "gpfs", "fuse",	 "cifs",
					      "smb3", "9p",	"afs",	"beegfs" };

	for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++) {
		if (strncmp(mount->type, remote[i], strlen(remote[i])) != 0 ||
		    strncmp(mount->type, "fuseblk", 7) == 0)
			continue;
		doctor_say(d, DOCTOR_FAIL,
			   doctor_text("%s would be on %s, which is %s", path,
				       mount->where, mount->type),
			   "its server knows nothing of the ids of a namespace: chown and"
			   " overlay fail there",
			   move_storage(d, path));
		return true;
	}
	return false;
}

void doctor_storage_type(struct doctor *d)
{
	each_mount(d, check_type);
}

static bool check_noexec(struct doctor *d, const struct doctor_mount *mount,
			 const char *path)
{
	if (!mount->noexec)
		return false;
	doctor_say(
	    d, DOCTOR_FAIL,
	    doctor_text("%s would be on %s, which is mounted noexec", path, mount->where),
	    "no program of a container can be run from there",
	    doctor_text("sudo mount -o remount,exec %s   # or a storage elsewhere",
			mount->where));
	return true;
}

void doctor_noexec(struct doctor *d)
{
	each_mount(d, check_noexec);
}

/* The last part of a path that is there, below the home, and that the user cannot write
 * or pass through; NULL: none. */
static const char *find_closed(const struct doctor *d, const char *path)
{
	const char *last = NULL;

	for (size_t at = strlen(d->home);; at++) {
		const char *part;

		if (path[at] != '/' && path[at] != '\0')
			continue;
		part = doctor_text("%.*s", (int)at, path);
		if (access(part, F_OK) < 0 && errno != ENOENT)
			return errno == EACCES ? last : NULL;
		if (access(part, F_OK) < 0)
			break;
		last = part;
		if (path[at] == '\0')
			break;
	}
	return last != NULL && access(last, W_OK | X_OK) < 0 && errno == EACCES ? last
										: NULL;
}

/* Only where a local file system answers: another row says the rest. */
static bool check_owner(struct doctor *d, const struct doctor_mount *mount,
			const char *path)
{
	size_t len = strlen(d->home);
	const char *closed;
	struct stat st;

	if (strncmp(mount->type, "fuse", 4) == 0 || strncmp(mount->type, "nfs", 3) == 0 ||
	    strncmp(path, d->home, len) != 0 || path[len] != '/')
		return false;
	closed = find_closed(d, path);
	if (closed == NULL || stat(closed, &st) < 0)
		return false;
	doctor_say(d, DOCTOR_FAIL,
		   doctor_text("%s cannot be written by %s: it is the uid %u's, with mode"
			       " %04o",
			       closed, d->name, st.st_uid, st.st_mode & 07777),
		   "often made by root, with sudo; podman says: mkdir: permission denied",
		   st.st_uid == d->owner->uid
		       ? doctor_text("chmod u+wx %s", closed)
		       : doctor_text("sudo chown %s: %s", d->name, closed));
	return true;
}

void doctor_storage_owner(struct doctor *d)
{
	each_mount(d, check_owner);
}

/* systemd-homed maps these of a home, and no others. */
#define HOMED_FIRST 524288U
#define HOMED_LAST  1878982655U

void doctor_homed(struct doctor *d)
{
	struct doctor_mount mount;

	if (d->home == NULL || !doctor_find_mount(d, d->home, &mount) || !mount.idmapped)
		return;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		for (size_t i = 0; i < d->listing[kind].n; i++) {
			struct id_range range = d->listing[kind].ranges[i].range;

			if (range.start >= HOMED_FIRST &&
			    id_range_end(range) - 1 <= HOMED_LAST)
				continue;
			doctor_say(
			    d, DOCTOR_FAIL,
			    doctor_text("%s is an idmapped mount, as systemd-homed makes"
					" it, which has no ids below %u",
					mount.where, HOMED_FIRST),
			    doctor_text("%u-%llu of %s cannot own files there: Value too"
					" large for defined data type",
					range.start,
					(unsigned long long)id_range_end(range) - 1,
					d->name),
			    doctor_text("sudo subid grant --another --range 524288:65536"
					" %s",
					d->name));
			return;
		}
}

/* May an id that is nobody's pass through a directory?  By the mode, or an ACL. */
static bool can_pass(const char *path, uint32_t id, uid_t own)
{
	unsigned char acl[4 + 8 * 64];
	struct stat st;
	ssize_t n;

	if (stat(path, &st) < 0 || st.st_uid == id || (st.st_mode & S_IXOTH) != 0)
		return true;
	(void)own;
	n = getxattr(path, "system.posix_acl_access", acl, sizeof(acl));
	for (ssize_t i = 4; i + 8 <= n; i += 8) {
		uint32_t who = (uint32_t)acl[i + 4] | (uint32_t)acl[i + 5] << 8 |
			       (uint32_t)acl[i + 6] << 16 | (uint32_t)acl[i + 7] << 24;

		if (acl[i] == 0x02 && who == id && (acl[i + 2] & 1) != 0)
			return true; /* a named user */
	}
	return false;
}

void doctor_path(struct doctor *d)
{
	const char *path = doctor_storage(d, DOCTOR_LXC);
	char part[PATH_MAX];
	struct stat st;

	if (path == NULL || d->listing[SUBID_UID].n == 0 ||
	    (d->runtime != DOCTOR_LXC && stat(path, &st) < 0))
		return;
	for (size_t i = 1; path[i - 1] != '\0'; i++) {
		uint32_t root = d->listing[SUBID_UID].ranges[0].range.start;

		if ((path[i] != '/' && path[i] != '\0') || i >= sizeof(part))
			continue;
		(void)snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (can_pass(part, root, d->owner->uid))
			continue;
		doctor_say(
		    d, DOCTOR_FAIL,
		    doctor_text("the container's root, uid %u, cannot pass through"
				" %s",
				root, part),
		    "LXC says: Permission denied - Could not access /home/.... Please"
		    " grant it x access, or add an ACL for the container root",
		    doctor_text("chmod o+x %s   # or: setfacl -m u:%u:x %s", part, root,
				part));
		return;
	}
}

/* --- what was made with other ranges */

static bool is_ours(const struct doctor *d, uint32_t uid)
{
	return uid == d->owner->uid || doctor_holds(d, SUBID_UID, uid);
}

void doctor_pause(struct doctor *d)
{
	struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	char text[8192];
	size_t n = 0;
	long long pid;
	ssize_t size;
	int fd;

	if (d->runtime_dir == NULL || d->listing[SUBID_UID].n == 0)
		return;
	pid = doctor_number(doctor_text("%s/libpod/tmp/pause.pid", d->runtime_dir));
	if (pid <= 0)
		return;
	fd = open(doctor_text("/proc/%lld/uid_map", pid), O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (fd >= 0)
		(void)close(fd); /* only read */
	if (size <= 0 || subid_map_parse(text, (size_t)size, lines, &n) != 0)
		return;
	uint64_t mapped = 0;
	bool foreign = false;

	for (size_t i = 0; i < n; i++) {
		mapped += lines[i].outside.count;
		foreign |= !is_ours(d, lines[i].outside.start) ||
			   !is_ours(d, (uint32_t)id_range_end(lines[i].outside) - 1);
	}
	if (!foreign && mapped == doctor_count(d, SUBID_UID) + 1)
		return;
	doctor_say(
	    d, DOCTOR_FAIL,
	    doctor_text("podman's pause process %lld has a map of other ranges than"
			" %s has now",
			pid, d->name),
	    "podman keeps its user namespace until it is told: newer ranges have no"
	    " effect",
	    "podman system migrate");
}

/* Looks at the entries of a directory; the uid of the first that is not the user's, or
 * SUBID_ID_NONE. */
static uint32_t foreign_in(const struct doctor *d, const char *path, int *patience)
{
	DIR *dir = opendir(path);
	uint32_t found = SUBID_ID_NONE;
	const struct dirent *entry;
	struct stat st;

	while (dir != NULL && found == SUBID_ID_NONE && --*patience > 0 &&
	       (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, "..") != 0 &&
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    !is_ours(d, st.st_uid))
			found = st.st_uid;
	if (dir != NULL)
		(void)closedir(dir);
	return found;
}

/* The same of PATH/NAME/below, for each NAME. */
static uint32_t foreign_below(const struct doctor *d, const char *path, const char *below)
{
	DIR *dir = opendir(path);
	uint32_t found = SUBID_ID_NONE;
	const struct dirent *entry;
	int patience = 5000;

	while (dir != NULL && found == SUBID_ID_NONE && --patience > 0 &&
	       (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			found = foreign_in(
			    d, doctor_text("%s/%s/%s", path, entry->d_name, below),
			    &patience);
	if (dir != NULL)
		(void)closedir(dir);
	return found;
}

void doctor_left_files(struct doctor *d)
{
	static const struct {
		unsigned int runtime;
		const char *part, *below, *reset;
	} places[] = {
		{ DOCTOR_PODMAN, "/overlay", "diff", "; or podman system reset" },
		{ DOCTOR_PODMAN, "/vfs/dir", ".", "; or podman system reset" },
		{ DOCTOR_LXC, "", "rootfs", "" },
	};

	if (d->listing[SUBID_UID].n == 0 || d->home == NULL)
		return;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *path = doctor_text(
		    "%s%s", doctor_storage(d, places[i].runtime), places[i].part);
		uint32_t uid = doctor_for(d, places[i].runtime)
				   ? foreign_below(d, path, places[i].below)
				   : SUBID_ID_NONE;

		if (uid == SUBID_ID_NONE)
			continue;
		doctor_say(
		    d, DOCTOR_FAIL,
		    doctor_text("files in %s have uid %u, which %s does not hold", path,
				uid, d->name),
		    "the ranges were changed after containers were made",
		    doctor_text("sudo subid shift --owner %s --from RANGE   # 'subid list"
				" --released %s' has it%s",
				d->name, d->name, places[i].reset));
		return;
	}
}

void doctor_label(struct doctor *d)
{
	const char *path = doctor_storage(d, DOCTOR_PODMAN);
	char label[256];
	ssize_t n;

	if (path == NULL || access("/sys/fs/selinux/enforce", F_OK) < 0)
		return;
	path = doctor_text("%s/overlay", path);
	n = lgetxattr(path, "security.selinux", label, sizeof(label) - 1);
	if (n <= 0)
		return;
	label[n] = '\0';
	if (strstr(label, ":container_") != NULL)
		return;
	doctor_say(
	    d, DOCTOR_FAIL,
	    doctor_text("%s has the SELinux label %s, which containers may not use", path,
			label),
	    "a graphroot of one's own has no rule in the policy",
	    doctor_text("sudo semanage fcontext -a -e"
			" /home/user/.local/share/containers/storage %s && restorecon"
			" -R %s",
			doctor_storage(d, DOCTOR_PODMAN),
			doctor_storage(d, DOCTOR_PODMAN)));
}

void doctor_session(struct doctor *d)
{
	const char *linger = doctor_text("sudo loginctl enable-linger %s", d->name);
	struct stat st;

	if (d->owner->uid == 0)
		return;
	if (d->runtime_dir == NULL) {
		doctor_say(
		    d, DOCTOR_WARN,
		    doctor_text("XDG_RUNTIME_DIR is not set, and /run/user/%u does"
				" not exist: no session",
				d->owner->uid),
		    "as after su, sudo -u or in cron; podman and rootless Docker keep"
		    " their state there",
		    doctor_text("%s, then log in (ssh, or machinectl shell)", linger));
		return;
	}
	if (stat(d->runtime_dir, &st) < 0)
		doctor_say(d, DOCTOR_FAIL,
			   doctor_text("XDG_RUNTIME_DIR is %s: %s", d->runtime_dir,
				       strerror(errno)),
			   "the session that made it has ended", linger);
	else if (st.st_uid != d->owner->uid)
		doctor_say(
		    d, DOCTOR_FAIL,
		    doctor_text("XDG_RUNTIME_DIR is %s, which is the uid %u's",
				d->runtime_dir, st.st_uid),
		    "left by su or sudo from another user's session",
		    doctor_text("export XDG_RUNTIME_DIR=/run/user/%u", d->owner->uid));
}
