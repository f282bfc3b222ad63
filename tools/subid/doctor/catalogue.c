/* SPDX-License-Identifier: MIT */
/*
 * What can keep a container from starting, in the order in which one is the cause of
 * the next.
 */

#include "tools/subid/doctor/doctor.h"

#define ROOTLESS (DOCTOR_PODMAN | DOCTOR_DOCKER | DOCTOR_LXC | DOCTOR_APPTAINER)
#define SESSION	 (DOCTOR_PODMAN | DOCTOR_DOCKER)

/* clang-format off */
const struct doctor_check doctor_catalogue[] = {
	{ "max-user-namespaces", 0, DOCTOR_HOST,
	  "the kernel's number of user namespaces is not 0, and not used up",
	  doctor_max_namespaces },
	{ "userns-clone", ROOTLESS, DOCTOR_HOST,
	  "the kernel lets users make user namespaces", doctor_userns_clone },
	{ "apparmor", ROOTLESS, DOCTOR_HOST,
	  "AppArmor lets users make user namespaces", doctor_apparmor },
	{ "no-new-privs", ROOTLESS, DOCTOR_HOST | DOCTOR_PROCESS,
	  "no_new_privs is not set", doctor_no_new_privs },
	{ "bounding-set", ROOTLESS, DOCTOR_HOST | DOCTOR_PROCESS,
	  "the bounding set has CAP_SETUID and CAP_SETGID", doctor_bounding_set },
	{ "primary-group", ROOTLESS, DOCTOR_HOST | DOCTOR_PROCESS | DOCTOR_ACCOUNT,
	  "this process has the user's primary group", doctor_primary_group },
	{ "helper-missing", 0, DOCTOR_HOST,
	  "newuidmap and newgidmap are there", doctor_helper_missing },
	{ "helper-nosuid", 0, DOCTOR_HOST,
	  "they are on a file system without nosuid", doctor_helper_nosuid },
	{ "helper-unprivileged", 0, DOCTOR_HOST,
	  "they have their privilege", doctor_helper_unprivileged },
	{ "helper-double", 0, DOCTOR_HOST,
	  "they are setuid or have a capability, not both", doctor_helper_double },
	{ "helper-path", 0, DOCTOR_HOST,
	  "no others stand before them in PATH", doctor_helper_path },
	{ "table-link", 0, 0,
	  "/etc/subuid and /etc/subgid are files, not links", doctor_table_link },
	{ "table-unreadable", 0, 0, "they can be read", doctor_table_unreadable },
	{ "source", 0, 0, "the sources of ranges answer", doctor_source },
	{ "no-range", 0, 0, "the user has ranges of uids and gids", doctor_no_range },
	{ "line-twice", 0, 0, "no two lines of the user overlap", doctor_line_twice },
	{ "own-id-inside", 0, DOCTOR_ACCOUNT,
	  "the user's own ids are in none of its ranges", doctor_own_id },
	{ "root-lines", DOCTOR_INCUS, 0,
	  "root has one line in each table", doctor_root_lines },
	{ "foreign-library", SESSION, DOCTOR_HOST,
	  "the libsubid that podman uses answers the same", doctor_foreign_library },
	{ "range-small", 0, 0,
	  "the ranges have room for nobody, 65534", doctor_range_small },
	{ "pause-process", DOCTOR_PODMAN, DOCTOR_HOST | DOCTOR_AS_OWNER,
	  "podman's own namespace, if it runs, has the ranges of today", doctor_pause },
	{ "left-files", ROOTLESS, DOCTOR_HOST | DOCTOR_AS_OWNER,
	  "the files of containers have ids of the user", doctor_left_files },
	{ "storage-type", ROOTLESS, DOCTOR_HOST | DOCTOR_ACCOUNT,
	  "containers are stored on a local file system", doctor_storage_type },
	{ "storage-noexec", ROOTLESS, DOCTOR_HOST | DOCTOR_ACCOUNT,
	  "programs on it can be run", doctor_noexec },
	{ "storage-owner", ROOTLESS, DOCTOR_HOST | DOCTOR_AS_OWNER,
	  "the user can write where they are stored", doctor_storage_owner },
	{ "homed-range", ROOTLESS, DOCTOR_HOST | DOCTOR_ACCOUNT,
	  "the home's file system can have the ids", doctor_homed },
	{ "path-closed", DOCTOR_LXC, DOCTOR_HOST | DOCTOR_AS_OWNER,
	  "the container's root can reach its files", doctor_path },
	{ "selinux-label", SESSION, DOCTOR_HOST | DOCTOR_AS_OWNER,
	  "SELinux lets containers use the storage", doctor_label },
	{ "session", SESSION, DOCTOR_HOST | DOCTOR_ACCOUNT,
	  "the user has a runtime directory", doctor_session },
	{ "groups", ROOTLESS, DOCTOR_HOST | DOCTOR_AS_OWNER,
	  "nothing nearby is reached by a supplementary group alone", doctor_groups },
	{ "etc-read-only", 0, 0, "/etc can be written", doctor_etc_read_only },
	{ "generated", 0, 0, "the tables are not generated", doctor_generated },
	{ "state", 0, 0,
	  "what subid must remember is kept", doctor_state },
	{ "probe", ROOTLESS, DOCTOR_HOST | DOCTOR_AS_OWNER,
	  "a namespace was made and mapped, and a file in it has an id of the range",
	  doctor_probe_result },
};
/* clang-format on */

const size_t doctor_catalogue_n = sizeof(doctor_catalogue) / sizeof(doctor_catalogue[0]);
