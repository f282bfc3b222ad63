/* SPDX-License-Identifier: MIT */
/*
 * Command lines of fixes: each verb, and whatever names and paths have, one word of a
 * shell's each.
 *
 * wrap: openat __openat_2 fstat read __read_chk readlinkat __readlinkat_chk write
 * wrap: fchmod fchown fsync fdatasync renameat renameat2 linkat unlinkat fcntl
 * wrap: fgetxattr fsetxattr fremovexattr flistxattr fdopendir readdir
 * wrap: malloc calloc realloc reallocarray strdup strndup
 */
#include "libsubid/audit/audit.h"

#include "faults.h"
#include "support.h"

#define OWNER(name)                                                                      \
	{                                                                                \
		name, sizeof(name) - 1                                                   \
	}

static const struct {
	struct audit_fix fix;
	const char *root;
	const char *command;
} cases[] = {
	{ { .verb = AUDIT_FIX_REVOKE, .kind = -1, .owner = OWNER("alice") },
	  NULL,
	  "subid revoke 'alice'" },
	{ { .verb = AUDIT_FIX_REVOKE,
	    .kind = SUBID_UID,
	    .owner = OWNER("alice"),
	    .range = { 100000, 10 },
	    .reuse = true },
	  "/srv/image",
	  "subid --root '/srv/image' revoke -u --range 100000:10 --reuse 'alice'" },
	{ { .verb = AUDIT_FIX_GRANT,
	    .kind = SUBID_GID,
	    .owner = OWNER("1001"),
	    .range = { 0, 1 } },
	  NULL,
	  "subid grant -g --range 0:1 '1001'" },
	{ { .verb = AUDIT_FIX_GRANT,
	    .kind = -1,
	    .owner = OWNER("bob"),
	    .count = 65536,
	    .another = true },
	  NULL,
	  "subid grant --another --count 65536 'bob'" },
	{ { .verb = AUDIT_FIX_GRANT,
	    .kind = -1,
	    .owner = OWNER("bob"),
	    .container = "web" },
	  NULL,
	  "subid grant 'bob/web'" },
	{ { .verb = AUDIT_FIX_UNHOLD, .kind = SUBID_GID, .range = { 5, 4294967290 } },
	  NULL,
	  "subid unhold -g 5:4294967290" },
	{ { .verb = AUDIT_FIX_CHOWN, .path = "/etc/subuid" },
	  "/image",
	  "chown root:root /etc/subuid" },
	{ { .verb = AUDIT_FIX_CHOWN, .path = "/i/etc", .uid = 7200, .gid = 0 },
	  NULL,
	  "chown 7200:0 /i/etc" },
	{ { .verb = AUDIT_FIX_CHMOD, .path = "/a b", .text = "0644" },
	  NULL,
	  "chmod 0644 '/a b'" },
	{ { .verb = AUDIT_FIX_SETCAP, .path = "/bin/x", .text = "cap_setuid+ep" },
	  NULL,
	  "setcap cap_setuid+ep /bin/x" },
	{ { .verb = AUDIT_FIX_SETCAP, .path = "/bin/x", .text = "" },
	  NULL,
	  "setcap -r /bin/x" },
	{ { .verb = AUDIT_FIX_CLEAR_ACL, .path = "/etc" }, NULL, "setfacl -b /etc" },
	{ { .verb = AUDIT_FIX_DELETE, .path = "/etc/nsswitch.conf", .text = "subid:" },
	  NULL,
	  "sed -i '/^[[:space:]]*subid:/d' /etc/nsswitch.conf" },
	{ { .verb = AUDIT_FIX_DELETE, .path = "/etc/login.defs", .text = "KEY" },
	  NULL,
	  "sed -i '/^[[:space:]]*KEY/d' /etc/login.defs" },
	{ { .verb = AUDIT_FIX_APPEND, .path = "/etc/x.rules", .text = "-w /a -p wa" },
	  NULL,
	  "echo '-w /a -p wa' >>/etc/x.rules" },
	{ { .verb = AUDIT_FIX_LOAD }, NULL, "augenrules --load" },
	/* what must stay one word */
	{ { .verb = AUDIT_FIX_REVOKE, .kind = -1, .owner = OWNER("x';reboot;'") },
	  NULL,
	  "subid revoke 'x'\\'';reboot;'\\'''" },
	{ { .verb = AUDIT_FIX_REVOKE, .kind = -1, .owner = OWNER("a\xff\x1b[m\nb'\\") },
	  NULL,
	  "subid revoke $'a\\377\\033[m\\012b\\'\\\\'" },
	{ { .verb = AUDIT_FIX_CHMOD, .path = "/i/x;rm -rf ~", .text = "0755" },
	  NULL,
	  "chmod 0755 '/i/x;rm -rf ~'" },
	{ { .verb = AUDIT_FIX_UNHOLD, .kind = -1, .range = { 1, 2 } },
	  "/srv/\xe2\x80\xae"
	  "a",
	  "subid --root $'/srv/\\342\\200\\256a' unhold 1:2" },
	{ { .verb = AUDIT_FIX_UNHOLD, .kind = -1, .range = { 1, 2 } },
	  "/srv/caf\xc3\xa9",
	  "subid --root '/srv/caf\xc3\xa9' unhold 1:2" },
};

static void test_commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *command = audit_fix_command(&cases[i].fix, cases[i].root);

		assert_non_null(command);
		assert_string_equal(command, cases[i].command);
		free(command);
	}
}

/* Without memory there is no command, rather than half of one. */
static void test_no_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (unsigned int turn = 1;; turn++) {
			char *command;
			bool failed;

			faults_arm(turn, ENOMEM);
			command = audit_fix_command(&cases[i].fix, cases[i].root);
			failed = faults_disarm();
			if (!failed || command != NULL)
				assert_string_equal(command, cases[i].command);
			free(command);
			if (!failed)
				break;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test_setup_teardown(test_no_memory, faults_reset, NULL),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
