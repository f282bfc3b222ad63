/* SPDX-License-Identifier: MIT */
#include "tools/subid-ldap/keytab.h"

#include <errno.h>

#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

/* Entries as ktutil writes them, with keys of one byte: size, parts, realm, name, rest.
 */
#define VERSION "\x05\x02"
#define REST                                                                             \
	"\0\0\0\1"                                                                       \
	"\0\0\0\0"                                                                       \
	"\1"                                                                             \
	"\0\1"                                                                           \
	"\0\1"                                                                           \
	"k"
#define HOST                                                                             \
	"\0\0\0\x1e"                                                                     \
	"\0\2"                                                                           \
	"\0\1"                                                                           \
	"R"                                                                              \
	"\0\4"                                                                           \
	"host"                                                                           \
	"\0\3"                                                                           \
	"a.b" REST
#define NFS                                                                              \
	"\0\0\0\x1d"                                                                     \
	"\0\2"                                                                           \
	"\0\1"                                                                           \
	"R"                                                                              \
	"\0\3"                                                                           \
	"nfs"                                                                            \
	"\0\3"                                                                           \
	"a.b" REST
#define ALICE                                                                            \
	"\0\0\0\x1a"                                                                     \
	"\0\1"                                                                           \
	"\0\1"                                                                           \
	"R"                                                                              \
	"\0\5"                                                                           \
	"alice" REST
#define ODD                                                                              \
	"\0\0\0\x18"                                                                     \
	"\0\1"                                                                           \
	"\0\1"                                                                           \
	"R"                                                                              \
	"\0\3"                                                                           \
	"a/\\" REST
#define HOLE                                                                             \
	"\xff\xff\xff\xfd"                                                               \
	"xyz"
#define BYTES(text)                                                                      \
	{                                                                                \
		text, sizeof(text) - 1                                                   \
	}

static const struct {
	struct {
		const char *text;
		size_t size;
	} before;
	const char *principal;
	int r;
	struct {
		const char *text;
		size_t size;
	} after;
} keytabs[] = {
	{ BYTES(VERSION NFS HOST), "host/a.b@R", 0, BYTES(VERSION HOST) },
	{ BYTES(VERSION NFS HOST), "host/a.b", 0, BYTES(VERSION HOST) },
	{ BYTES(VERSION HOST NFS HOST), "host/a.b", 0, BYTES(VERSION HOST HOST) },
	{ BYTES(VERSION HOLE NFS HOLE HOST HOLE), NULL, 0, BYTES(VERSION NFS HOST) },
	{ BYTES(VERSION ALICE ODD), "alice", 0, BYTES(VERSION ALICE) },
	{ BYTES(VERSION ALICE ODD), "a\\/\\\\@R", 0, BYTES(VERSION ODD) },
	{ BYTES(VERSION ALICE ODD), "a/\\", -ENOENT, BYTES(VERSION) },
	{ BYTES(VERSION NFS HOST), "host/a.b@S", -ENOENT, BYTES(VERSION) },
	{ BYTES(VERSION NFS HOST), "host/a.b@", -ENOENT, BYTES(VERSION) },
	{ BYTES(VERSION NFS HOST), "host/a.bc", -ENOENT, BYTES(VERSION) },
	{ BYTES(VERSION NFS HOST), "host/a", -ENOENT, BYTES(VERSION) },
	{ BYTES(VERSION NFS HOST), "host", -ENOENT, BYTES(VERSION) },
	{ BYTES(VERSION NFS HOST), "", -ENOENT, BYTES(VERSION) },
	{ BYTES(VERSION), NULL, -ENOENT, BYTES(VERSION) },
	/* MIT's readers stop at an empty entry */
	{ BYTES(VERSION HOST "\0\0\0\0" NFS), NULL, 0, BYTES(VERSION HOST) },
	{ BYTES(""), NULL, -EINVAL, BYTES("") },
	{ BYTES("\5"), NULL, -EINVAL, BYTES("\5") },
	{ BYTES("password\n"), NULL, -EINVAL, BYTES("password\n") },
	{ BYTES("\5\1" HOST), NULL, -EINVAL, BYTES("\5\1" HOST) },
	{ BYTES(VERSION "\0\0\1"), NULL, -EINVAL, BYTES(VERSION "\0\0\1") },
	{ BYTES(VERSION "\0\0\0\2x"), NULL, -EINVAL, BYTES(VERSION "\0\0\0\2x") },
	{ BYTES(VERSION "\x80\0\0\0"), NULL, -EINVAL, BYTES(VERSION "\x80\0\0\0") },
	/* parts that are longer than the entry, and more than anybody has */
	{ BYTES(VERSION "\0\0\0\4\0\1\0\1" HOST), "host/a.b", -EINVAL,
	  BYTES(VERSION "\0\0\0\4\0\1\0\1" HOST) },
	{ BYTES(VERSION "\0\0\0\5\xff\xff\0\1R"), "host/a.b", -EINVAL,
	  BYTES(VERSION "\0\0\0\5\xff\xff\0\1R") },
};

static void keeps_one_principal(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(keytabs); i++) {
		/* of its own, so that sanitizers see a byte too many */
		auto_free char *bytes =
		    malloc(keytabs[i].before.size > 0 ? keytabs[i].before.size : 1);
		struct subid_text keytab = { bytes, keytabs[i].before.size };

		assert_non_null(bytes);
		memcpy(bytes, keytabs[i].before.text, keytab.size);
		assert_int_equal(keytab_keep(&keytab, keytabs[i].principal),
				 keytabs[i].r);
		assert_int_equal(keytab.size, keytabs[i].after.size);
		assert_memory_equal(keytab.bytes, keytabs[i].after.text, keytab.size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_one_principal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
