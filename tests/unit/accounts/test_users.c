/* SPDX-License-Identifier: MIT */
/*
 * wrap: openat __openat_2 fstat read __read_chk readlinkat __readlinkat_chk write
 * wrap: fchmod fchown fsync fdatasync renameat renameat2 linkat unlinkat fcntl
 * wrap: fgetxattr fsetxattr fremovexattr flistxattr fdopendir readdir
 * wrap: malloc calloc realloc reallocarray strdup strndup
 * wrap: getpwnam_r getpwuid_r getgrnam_r getgrgid_r
 * wrap: setpwent getpwent endpwent setgrent getgrent endgrent
 */
#include "libsubid/accounts/accounts.h"
#include "libsubid/tables/tables.h"

#include <grp.h>
#include <pwd.h>
#include <strings.h>

#include "faults.h"

/* The name service of another machine. */
static struct {
	unsigned int asked;
	int error;
	size_t room_wanted;
	size_t pw_at, gr_at;
} nss;

static struct passwd nss_accounts[] = {
	{ .pw_name = (char[]){ "ldap" }, .pw_uid = 70000, .pw_gid = 71000 },
	{ .pw_name = (char[]){ "Alice" }, .pw_uid = 1000, .pw_gid = 72000 },
	{ .pw_name = (char[]){ "5555" }, .pw_uid = 70001, .pw_gid = 71000 },
	{ .pw_name = (char[]){ "bad:name" }, .pw_uid = 70002, .pw_gid = 71000 },
};

static char *nss_members[] = { (char[]){ "ldap" }, (char[]){ "alice" }, NULL };
static struct group nss_group = { .gr_name = (char[]){ "far" },
				  .gr_gid = 73000,
				  .gr_mem = nss_members };

int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buf, size_t size,
		      struct passwd **found);
int __wrap_getpwuid_r(uid_t uid, struct passwd *entry, char *buf, size_t size,
		      struct passwd **found);
int __wrap_getgrnam_r(const char *name, struct group *entry, char *buf, size_t size,
		      struct group **found);
int __wrap_getgrgid_r(gid_t gid, struct group *entry, char *buf, size_t size,
		      struct group **found);
void __wrap_setpwent(void);
void __wrap_endpwent(void);
struct passwd *__wrap_getpwent(void);
void __wrap_setgrent(void);
void __wrap_endgrent(void);
struct group *__wrap_getgrent(void);

/* 0, or what the service cannot do. */
static int nss_ask(size_t room)
{
	nss.asked++;
	return room < nss.room_wanted ? ERANGE : nss.error;
}

static int nss_answer(const char *name, uid_t uid, struct passwd *entry,
		      struct passwd **found)
{
	for (size_t i = 0; i < sizeof(nss_accounts) / sizeof(nss_accounts[0]); i++) {
		/* directories do not mind upper and lower case */
		if (name != NULL ? strcasecmp(nss_accounts[i].pw_name, name) != 0
				 : nss_accounts[i].pw_uid != uid)
			continue;
		*entry = nss_accounts[i];
		*found = entry;
	}
	return 0;
}

int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buf, size_t size,
		      struct passwd **found)
{
	int r = nss_ask(size);

	(void)buf;
	*found = NULL;
	return r != 0 ? r : nss_answer(name, 0, entry, found);
}

int __wrap_getpwuid_r(uid_t uid, struct passwd *entry, char *buf, size_t size,
		      struct passwd **found)
{
	int r = nss_ask(size);

	(void)buf;
	*found = NULL;
	return r != 0 ? r : nss_answer(NULL, uid, entry, found);
}

int __wrap_getgrnam_r(const char *name, struct group *entry, char *buf, size_t size,
		      struct group **found)
{
	int r = nss_ask(size);

	(void)buf;
	*entry = nss_group;
	*found = r == 0 && strcmp(name, nss_group.gr_name) == 0 ? entry : NULL;
	return r;
}

int __wrap_getgrgid_r(gid_t gid, struct group *entry, char *buf, size_t size,
		      struct group **found)
{
	int r = nss_ask(size);

	(void)buf;
	*entry = nss_group;
	*found = r == 0 && gid == nss_group.gr_gid ? entry : NULL;
	return r;
}

void __wrap_setpwent(void)
{
	nss.pw_at = 0;
}

void __wrap_endpwent(void)
{
	nss.pw_at = SIZE_MAX;
}

struct passwd *__wrap_getpwent(void)
{
	if (nss.pw_at >= sizeof(nss_accounts) / sizeof(nss_accounts[0]))
		return NULL;
	return &nss_accounts[nss.pw_at++];
}

void __wrap_setgrent(void)
{
	nss.gr_at = 0;
}

void __wrap_endgrent(void)
{
	nss.gr_at = SIZE_MAX;
}

struct group *__wrap_getgrent(void)
{
	return nss.gr_at++ == 0 ? &nss_group : NULL;
}

/* The ways to read the accounts; they must answer alike. */
enum way {
	LOAD,
	INDEX,
	OPEN,
	WAYS,
};

static struct subid_users *read_users(int etc, bool ask, enum way way)
{
	struct subid_users *users = NULL;

	if (way == OPEN) {
		assert_int_equal(subid_users_open(etc, ask, &users, NULL), 0);
		return users;
	}
	assert_int_equal(subid_users_load(etc, ask, &users, NULL), 0);
	if (way == INDEX)
		assert_int_equal(subid_users_index(users), 0);
	return users;
}

static void add_text(char *buf, size_t size, const char *text, size_t len)
{
	size_t used = strlen(buf);

	assert_true(used + len + 2 < size);
	(void)snprintf(buf + used, size - used, "%s%.*s", used > 0 ? "," : "", (int)len,
		       text);
}

static const char *owner_text(const struct subid_owner *owner, char *buf, size_t size)
{
	buf[0] = '\0';
	for (size_t i = 0; i < owner->n; i++)
		add_text(buf, size, owner->spellings[i].text, owner->spellings[i].len);
	return buf;
}

static const char *set_text(const struct subid_set *set, char *buf, size_t size)
{
	char text[32];

	buf[0] = '\0';
	for (size_t i = 0; i < set->n; i++) {
		(void)snprintf(text, sizeof(text), "%u:%u", set->ranges[i].start,
			       set->ranges[i].count);
		add_text(buf, size, text, strlen(text));
	}
	return buf;
}

static void test_what_is_an_account(void **state)
{
	static const struct {
		const char *line;
		bool is_account;
	} lines[] = {
		{ "alice:x:1000:1000:Alice,,,:/home/alice:/bin/sh", true },
		{ "few:x:1001:1001", true },
		{ "nopassword::1002:1002:::", true },
		{ "hash:$y$j9T$abc:1003:1003:::", true },
		{ "with blank:x:1004:1004:::", true },
		{ "caf\303\251:x:1005:1005:::", true },
		{ "4242:x:1006:1006:::", true },
		{ "last:x:4294967294:4294967294:::", true },
		{ "zero:x:0:0:::", true },
		{ "", false },
		{ "+", false },
		{ "+::::::", false },
		{ "+nis:x:1100:1100:::", false },
		{ "-nis:x:1100:1100:::", false },
		{ "#comment:x:1100:1100:::", false },
		{ ":x:1100:1100:::", false },
		{ "name", false },
		{ "name:x", false },
		{ "name:x:1100", false },
		{ "name:x:1100:", false },
		{ "name:x::1100:::", false },
		{ "name:::1100:1100::", false },
		{ "name:x:1100::::", false },
		{ "name:x:-1:1100:::", false },
		{ "name:x:+1100:1100:::", false },
		{ "name:x: 1100:1100:::", false },
		{ "name:x:1100 :1100:::", false },
		{ "name:x:01100:1100:::", false },
		{ "name:x:0x44c:1100:::", false },
		{ "name:x:1100x:1100:::", false },
		{ "name:x:1100:1100x:::", false },
		{ "name:x:4294967296:1100:::", false },
		{ "name:x:1100:4294967296:::", false },
		{ "name:x:1100:99999999999:::", false },
		{ "name:x:1100:1100\r", false },
	};
	static const char *const ends[] = { "", "\n", "\nnext:x:1:1:::\n" };
	int etc = etc_of(state);
	char text[256];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		for (size_t e = 0; e < 3; e++) {
			struct subid_users *users;
			const struct subid_account *account;
			size_t expected = (lines[i].is_account ? 1 : 0) + e / 2;

			(void)snprintf(text, sizeof(text), "%s%s", lines[i].line,
				       ends[e]);
			put_file(etc, "passwd", text);
			users = read_users(etc, false, LOAD);
			if (subid_users_count(users) != expected)
				fail_msg("accounts in '%s': %zu", text,
					 subid_users_count(users));
			if (lines[i].is_account) {
				account = subid_users_at(users, 0);
				assert_int_equal(account->name_len,
						 strcspn(lines[i].line, ":"));
				assert_memory_equal(account->name, lines[i].line,
						    account->name_len);
			}
			subid_users_free(&users);
		}
	}
}

#define PASSWD                                                                           \
	"root:x:0:0::/root:/bin/sh\n"                                                    \
	"alice:x:1000:1000::/home/alice:/bin/sh\n"                                       \
	"+nis:x:3000:3000:::\n"                                                          \
	"bob:x:1001:1001::/home/bob:/bin/sh\n"                                           \
	"al:x:1000:2000::/home/alice:/bin/sh\n"                                          \
	"broken:x:y:1\n"                                                                 \
	"4242:x:1002:1002::/home/4242:/bin/sh\n"                                         \
	"with blank:x:1003:1003:::\n"                                                    \
	" lead:x:1004:1004:::\n"                                                         \
	"!released:x:1005:1005:::\n"                                                     \
	"twin:x:1006:1006:::\n"                                                          \
	"twin:x:1006:1006:::\n"                                                          \
	"last:x:1007:1007:::"

struct owner_row {
	const char *text;
	int answer;
	uint32_t uid, gid;
	const char *spellings;
};

static void assert_owner(const struct subid_users *users, const struct owner_row *row)
{
	struct subid_owner owner = { .n = 99 };
	int r = subid_owner_find(users, row->text, &owner);
	char buf[128];

	if (r != row->answer)
		fail_msg("'%s': answer %d instead of %d", row->text, r, row->answer);
	if (r < 0 || r == SUBID_INVALID) {
		assert_int_equal(owner.n, 99);
		return;
	}
	assert_string_equal(owner_text(&owner, buf, sizeof(buf)), row->spellings);
	assert_int_equal(owner.has_account, r == 0);
	if (r == 0) {
		assert_int_equal(owner.uid, row->uid);
		assert_int_equal(owner.gid, row->gid);
	}
	subid_owner_free(&owner);
	assert_int_equal(owner.n, 0);
}

static void test_owners(void **state)
{
	static const struct owner_row rows[] = {
		{ "alice", 0, 1000, 1000, "alice,al,1000" },
		{ "al", 0, 1000, 2000, "al,alice,1000" },
		{ "1000", 0, 1000, 1000, "alice,al,1000" },
		{ "bob", 0, 1001, 1001, "bob,1001" },
		{ "root", 0, 0, 0, "root,0" },
		{ "0", 0, 0, 0, "root,0" },
		{ "last", 0, 1007, 1007, "last,1007" },
		{ "twin", 0, 1006, 1006, "twin,1006" },
		{ "with blank", 0, 1003, 1003, "with blank,1003" },
		/* names that a line cannot or must not have */
		{ "1002", 0, 1002, 1002, "1002" },
		{ "1004", 0, 1004, 1004, "1004" },
		{ "1005", 0, 1005, 1005, "1005" },
		/* a number is a uid, whoever is called so */
		{ "4242", SUBID_UNKNOWN, 0, 0, "4242" },
		{ "9999", SUBID_UNKNOWN, 0, 0, "9999" },
		{ "4294967294", SUBID_UNKNOWN, 0, 0, "4294967294" },
		{ "nobody", SUBID_UNKNOWN, 0, 0, "nobody" },
		{ "Alice", SUBID_UNKNOWN, 0, 0, "Alice" },
		{ "alic", SUBID_UNKNOWN, 0, 0, "alic" },
		{ "alicee", SUBID_UNKNOWN, 0, 0, "alicee" },
		{ "1000x", SUBID_UNKNOWN, 0, 0, "1000x" },
		{ "nis", SUBID_UNKNOWN, 0, 0, "nis" },
		{ "+nis", SUBID_UNKNOWN, 0, 0, "+nis" },
		{ "3000", SUBID_UNKNOWN, 0, 0, "3000" },
		{ "broken", SUBID_UNKNOWN, 0, 0, "broken" },
		{ "!other", SUBID_UNKNOWN, 0, 0, "!other" },
		{ "", SUBID_INVALID, 0, 0, NULL },
		{ "4294967295", SUBID_INVALID, 0, 0, NULL },
		{ "4294967296", SUBID_INVALID, 0, 0, NULL },
		{ "01000", SUBID_INVALID, 0, 0, NULL },
		{ "a:b", SUBID_INVALID, 0, 0, NULL },
		{ "a\nb", SUBID_INVALID, 0, 0, NULL },
		{ "#alice", SUBID_INVALID, 0, 0, NULL },
		{ " lead", SUBID_INVALID, 0, 0, NULL },
		{ "alice ", SUBID_INVALID, 0, 0, NULL },
		{ "!released", SUBID_INVALID, 0, 0, NULL },
		{ "!reserved", SUBID_INVALID, 0, 0, NULL },
	};
	int etc = etc_of(state);

	put_file(etc, "passwd", PASSWD);
	for (enum way way = 0; way < WAYS; way++) {
		struct subid_users *users = read_users(etc, false, way);

		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			assert_owner(users, &rows[i]);
		subid_users_free(&users);
	}
	assert_int_equal(nss.asked, 0);
}

static void test_many_accounts(void **state)
{
	int etc = etc_of(state);
	char *passwd = malloc(2000 * 32), name[32], expected[64];
	size_t size = 0;

	for (unsigned int i = 0; i < 2000; i++)
		size += (size_t)sprintf(passwd + size, "u%u:x:%u:%u::/:\n", i,
					1000 + i / 2, i);
	put_file(etc, "passwd", passwd);
	free(passwd);
	for (enum way way = 0; way < WAYS; way++) {
		struct subid_users *users = read_users(etc, false, way);

		if (way != OPEN)
			assert_int_equal(subid_users_count(users), 2000);
		for (unsigned int i = 0; i < 2000; i += 37) {
			struct owner_row row = { name, 0, 1000 + i / 2, i, expected };

			(void)snprintf(name, sizeof(name), "u%u", i);
			(void)snprintf(expected, sizeof(expected), "u%u,u%u,%u", i, i ^ 1,
				       1000 + i / 2);
			assert_owner(users, &row);
		}
		assert_owner(
		    users, &(struct owner_row){ "u2000", SUBID_UNKNOWN, 0, 0, "u2000" });
		assert_owner(users,
			     &(struct owner_row){ "2000", SUBID_UNKNOWN, 0, 0, "2000" });
		subid_users_free(&users);
	}
	/* twice does no harm */
	struct subid_users *users = read_users(etc, false, INDEX);

	assert_int_equal(subid_users_index(users), 0);
	subid_users_free(&users);
	subid_users_free(&users);
}

/* As many that they are not compared with each other, some of them twice. */
static void test_many_names_of_a_uid(void **state)
{
	enum { NAMES = 40 };
	int etc = etc_of(state);
	char passwd[8192] = "", table[4096] = "", wanted[1024] = "n7";
	size_t used = 0, lines = 0;

	for (unsigned int i = 0; i < NAMES * 2; i++)
		used += (size_t)snprintf(passwd + used, sizeof(passwd) - used,
					 "n%u:x:1000:%u:::\no%u:x:%u:1:::\n", i % NAMES,
					 i, i, 2000 + i);
	for (unsigned int i = 0; i < NAMES; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "n%u", i);
		if (i != 7)
			add_text(wanted, sizeof(wanted), name, strlen(name));
		lines += (size_t)snprintf(table + lines, sizeof(table) - lines,
					  "%s:%u:1\n%sx:%u:1\n", name, 100 + 3 * i, name,
					  101 + 3 * i);
	}
	add_text(wanted, sizeof(wanted), "1000", 4);
	put_file(etc, "passwd", passwd);
	put_file(etc, "subuid", table);
	for (enum way way = 0; way < WAYS; way++) {
		struct subid_users *users = read_users(etc, false, way);
		auto_owner struct subid_owner owner = { .n = 0 };
		auto_table struct subid_table held = { .kind = SUBID_UID };
		struct subid_owned_range *holdings = NULL;
		auto_set struct subid_set set = { .n = 0 };
		char buf[1024];
		size_t n = 0;

		assert_int_equal(subid_owner_find(users, "n7", &owner), 0);
		assert_string_equal(owner_text(&owner, buf, sizeof(buf)), wanted);
		assert_int_equal(owner.gid, 7);
		assert_int_equal(subid_table_load(etc, SUBID_UID, &held), 0);
		assert_int_equal(subid_table_owned(&held, owner.spellings, owner.n, &set),
				 0);
		assert_int_equal(set.n, NAMES);
		assert_int_equal(subid_set_size(&set), NAMES);
		assert_int_equal(subid_owned_ranges(&held.text, owner.spellings, owner.n,
						    &holdings, &n),
				 0);
		assert_int_equal(n, NAMES);
		assert_int_equal(holdings[NAMES - 1].range.start, 100 + 3 * (NAMES - 1));
		free(holdings);
		subid_users_free(&users);
	}
}

static void test_missing_files(void **state)
{
	int etc = etc_of(state);

	for (enum way way = 0; way < WAYS; way++) {
		struct subid_users *users = read_users(etc, false, way);
		struct subid_set taken = { .n = 0 };

		assert_owner(
		    users, &(struct owner_row){ "alice", SUBID_UNKNOWN, 0, 0, "alice" });
		assert_owner(users, &(struct owner_row){ "1", SUBID_UNKNOWN, 0, 0, "1" });
		if (way != OPEN) {
			assert_int_equal(subid_users_count(users), 0);
			assert_int_equal(subid_users_taken(users, SUBID_UID, &taken), 0);
			assert_int_equal(subid_users_taken(users, SUBID_GID, &taken), 0);
			assert_int_equal(taken.n, 0);
		}
		subid_users_free(&users);
	}
	assert_int_equal(nss.asked, 0);
}

/* Of the running system they are away for a while: their ids are not free. */
static void test_missing_files_of_the_host(void **state)
{
	static const char *const names[] = { "passwd", "group" };
	int etc = etc_of(state);
	struct subid_users *users = NULL;
	const char *file = NULL;

	for (size_t i = 0; i < 2; i++) {
		put_file(etc, "passwd", PASSWD);
		put_file(etc, "group", "");
		assert_int_equal(unlinkat(etc, names[i], 0), 0);
		assert_int_equal(subid_users_load(etc, true, &users, &file), -ENOENT);
		assert_string_equal(file, names[i]);
		assert_int_equal(symlinkat("nowhere", etc, names[i]), 0);
		assert_int_equal(subid_users_load(etc, true, &users, &file), -ENOLINK);
		assert_string_equal(file, names[i]);
		assert_int_equal(subid_users_load(etc, false, &users, &file), -ELOOP);
		assert_string_equal(file, names[i]);
		assert_int_equal(unlinkat(etc, names[i], 0), 0);
	}
	assert_int_equal(subid_users_open(etc, true, &users, &file), 0);
	subid_users_free(&users);
	assert_int_equal(unlinkat(etc, "passwd", 0), 0);
	assert_int_equal(subid_users_open(etc, true, &users, &file), -ENOENT);
	assert_string_equal(file, "passwd");
	put_file(etc, "passwd", PASSWD);
	assert_int_equal(symlinkat("nowhere", etc, "nsswitch.conf"), 0);
	assert_int_equal(subid_users_open(etc, true, &users, &file), -ENOLINK);
	assert_string_equal(file, "nsswitch.conf");
	assert_null(users);
}

static void test_what_cannot_be_read(void **state)
{
	static const char *const names[] = { "passwd", "group", "nsswitch.conf" };
	int etc = etc_of(state);

	for (size_t i = 0; i < 3; i++) {
		struct subid_users *users = NULL;
		const char *file = NULL;

		put_file(etc, "passwd", "");
		put_file(etc, "group", "");
		assert_int_equal(unlinkat(etc, names[i], 0), i == 2 ? -1 : 0);
		put_dir(etc, names[i]);
		assert_int_equal(subid_users_load(etc, true, &users, &file), -EINVAL);
		assert_string_equal(file, names[i]);
		assert_null(users);
		/* which other names to ask does not matter where nobody is asked */
		if (i == 2) {
			assert_int_equal(subid_users_load(etc, false, &users, NULL), 0);
			subid_users_free(&users);
		}
		assert_int_equal(unlinkat(etc, names[i], AT_REMOVEDIR), 0);
	}
	/* some systems keep these elsewhere */
	put_file(etc, "real", PASSWD);
	assert_int_equal(unlinkat(etc, "passwd", 0), 0);
	assert_int_equal(symlinkat("real", etc, "passwd"), 0);
	for (enum way way = 0; way < WAYS; way++) {
		struct subid_users *users = read_users(etc, true, way);

		assert_owner(users,
			     &(struct owner_row){ "bob", 0, 1001, 1001, "bob,1001" });
		subid_users_free(&users);
		/* a link in an image may lead out of it */
		assert_int_equal(subid_users_load(etc, false, &users, NULL), -ELOOP);
		assert_int_equal(subid_users_open(etc, false, &users, NULL), -ELOOP);
		assert_null(users);
	}
}

#define GROUP                                                                            \
	"root:x:0:\n"                                                                    \
	"people:x:5000:alice,bob,,eve\n"                                                 \
	"+nis:x:5001:alice\n"                                                            \
	"-nis:x:5002:alice\n"                                                            \
	"#comment:x:5003:alice\n"                                                        \
	"broken:x:5004x:alice\n"                                                         \
	"short:x\n"                                                                      \
	"\n"                                                                             \
	"nomembers:x:5005\n"                                                             \
	"alices:x:1000:bob\n"                                                            \
	"6000:x:6001:eve\n"                                                              \
	"last:x:5006:zoe"

/* What glibc reads with strtoul(3) is somebody's id, although we look up nobody. */
static void test_taken_ids_of_odd_lines(void **state)
{
	int etc = etc_of(state);
	struct subid_set taken = { .n = 0 };
	struct subid_users *users;
	char buf[256];

	put_file(etc, "passwd",
		 "a:x:0300000:0400000::/:/bin/sh\nb:x: 300010:+400010:::\n"
		 "c:x:300020x:400020:::\nd:x:99999999999:1:::\ne:x:-1:2:::\nf:x::7\n");
	put_file(etc, "group", "g:x:0500000:\nh:x: 500010:a\ni:x:x500020:\nj:x");
	users = read_users(etc, false, LOAD);
	assert_int_equal(subid_users_taken(users, SUBID_UID, &taken), 0);
	assert_string_equal(set_text(&taken, buf, sizeof(buf)), "300000:1,300010:1");
	subid_set_free(&taken);
	assert_int_equal(subid_users_taken(users, SUBID_GID, &taken), 0);
	assert_string_equal(set_text(&taken, buf, sizeof(buf)),
			    "2:1,400000:1,400010:1,500000:1,500010:1");
	subid_set_free(&taken);
	subid_users_free(&users);
}

static void test_taken_ids(void **state)
{
	int etc = etc_of(state);
	struct subid_set taken = { .n = 0 };
	struct subid_users *users;
	char buf[256];

	put_file(etc, "passwd", PASSWD);
	put_file(etc, "group", GROUP);
	users = read_users(etc, false, LOAD);
	assert_int_equal(subid_users_taken(users, SUBID_UID, &taken), 0);
	assert_string_equal(set_text(&taken, buf, sizeof(buf)), "0:1,1000:8");
	subid_set_free(&taken);
	assert_int_equal(subid_users_taken(users, SUBID_GID, &taken), 0);
	assert_string_equal(set_text(&taken, buf, sizeof(buf)),
			    "0:1,1000:8,2000:1,5000:1,5005:2,6001:1");
	/* added to what is there */
	assert_int_equal(subid_users_taken(users, SUBID_UID, &taken), 0);
	assert_true(subid_set_contains(&taken, (struct id_range){ 5005, 2 }));
	subid_set_free(&taken);
	subid_users_free(&users);
}

static void test_names_of_ids(void **state)
{
	int etc = etc_of(state);
	struct subid_users *users;
	char buf[32], small[4];

	put_file(etc, "passwd", PASSWD);
	put_file(etc, "group", GROUP);
	users = read_users(etc, false, LOAD);
	assert_true(subid_users_name(users, SUBID_UID, 1000, buf, sizeof(buf)));
	assert_string_equal(buf, "alice");
	assert_true(subid_users_name(users, SUBID_GID, 1000, buf, sizeof(buf)));
	assert_string_equal(buf, "alices");
	assert_true(subid_users_name(users, SUBID_GID, 5006, buf, sizeof(buf)));
	assert_string_equal(buf, "last");
	assert_true(subid_users_name(users, SUBID_GID, 5000, small, sizeof(small)));
	assert_string_equal(small, "peo");
	assert_false(subid_users_name(users, SUBID_UID, 5000, buf, sizeof(buf)));
	assert_false(subid_users_name(users, SUBID_GID, 5001, buf, sizeof(buf)));
	assert_false(subid_users_name(users, SUBID_GID, 1001, buf, sizeof(buf)));
	subid_users_free(&users);
}

static int add_member(void *data, const char *name)
{
	add_text(data, 128, name, strlen(name));
	return strcmp(name, "bob") == 0 && strstr(data, "stop") != NULL ? 7 : 0;
}

static void assert_members(const struct subid_users *users, const char *group, int answer,
			   const char *expected)
{
	char buf[128] = "";

	assert_int_equal(subid_users_members(users, group, add_member, buf), answer);
	assert_string_equal(buf, expected);
}

static void test_members(void **state)
{
	int etc = etc_of(state);
	struct subid_users *users;
	char buf[128] = "stop";

	put_file(etc, "passwd", PASSWD "\nx,y:x:1008:5005:::\neve:x:1009:5005:::\n");
	put_file(etc, "group", GROUP);
	users = read_users(etc, false, LOAD);
	assert_members(users, "people", 0, "alice,bob,eve");
	assert_members(users, "5000", 0, "alice,bob,eve");
	assert_members(users, "alices", 0, "bob,alice");
	assert_members(users, "last", 0, "zoe");
	assert_members(users, "root", 0, "root");
	/* one account, though it looks like two */
	assert_members(users, "nomembers", 0, "x,y,eve");
	buf[0] = '\0';
	/* a number is a gid */
	assert_members(users, "6001", 0, "eve");
	assert_members(users, "6000", SUBID_UNKNOWN, "");
	assert_members(users, "nis", SUBID_UNKNOWN, "");
	assert_members(users, "+nis", SUBID_UNKNOWN, "");
	assert_members(users, "peopl", SUBID_UNKNOWN, "");
	assert_members(users, "", SUBID_UNKNOWN, "");
	(void)strcpy(buf, "stop");
	assert_int_equal(subid_users_members(users, "people", add_member, buf), 7);
	assert_string_equal(buf, "stop,alice,bob");
	(void)strcpy(buf, "stop");
	assert_int_equal(subid_users_members(users, "1001", add_member, buf),
			 SUBID_UNKNOWN);
	subid_users_free(&users);
}

static int count_names(void *data, const char *name)
{
	(void)name;
	(*(unsigned int *)data)++;
	return 0;
}

/* Of a name with a comma, each() is called once. */
static void test_a_comma_divides_no_account(void **state)
{
	int etc = etc_of(state);
	struct subid_users *users;
	unsigned int n = 0;

	put_file(etc, "passwd", "root,alice:x:1000:5000:::\n");
	put_file(etc, "group", "people:x:5000:\n");
	users = read_users(etc, false, LOAD);
	assert_int_equal(subid_users_members(users, "people", count_names, &n), 0);
	assert_int_equal(n, 1);
	subid_users_free(&users);
}

/* nsswitch.conf decides whether anybody else is asked, and when. */
static void test_nsswitch(void **state)
{
	static const struct {
		const char *conf;    /* NULL: there is none */
		bool unknown, local; /* asks for a name that passwd lacks, has */
		bool uids, gids;     /* what is enumerated */
	} rows[] = {
		{ NULL, false, false, false, false },
		{ "", false, false, false, false },
		{ "passwd: files\ngroup: files\n", false, false, false, false },
		{ "passwd:files\n", false, false, false, false },
		{ "passwd: files systemd\ngroup: files systemd\n", true, false, false,
		  false },
		{ "passwd: files ldap\n", true, false, true, false },
		{ "passwd:\tfiles\tldap\n", true, false, true, false },
		{ "  passwd: files ldap", true, false, true, false },
		{ "passwd: ldap files\n", true, true, true, false },
		{ "passwd: ldap\n", true, true, true, false },
		{ "passwd: compat\n", true, true, true, false },
		{ "passwd: files [SUCCESS=continue] ldap\n", true, true, true, false },
		{ "passwd: files [NOTFOUND=return] ldap\n", true, true, true, false },
		{ "passwd: files ldap [NOTFOUND=return]\n", true, false, true, false },
		{ "group: files ldap\n", false, false, false, true },
		{ "group: ldap\nshadow: ldap\n", false, false, false, true },
		{ "#passwd: ldap\n", false, false, false, false },
		{ "passwd: files # ldap\n", false, false, false, false },
		{ "passwd: files# ldap\n", false, false, false, false },
		{ "xpasswd: ldap\npasswdx: ldap\n", false, false, false, false },
		{ "passwd ldap\npasswd\n", false, false, false, false },
	};
	int etc = etc_of(state);

	put_file(etc, "passwd", PASSWD);
	put_file(etc, "group", GROUP);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) * WAYS; i++) {
		size_t row = i / WAYS;
		struct subid_set uids = { .n = 0 }, gids = { .n = 0 };
		struct subid_owner owner;
		struct subid_users *users;

		if (rows[row].conf != NULL)
			put_file(etc, "nsswitch.conf", rows[row].conf);
		users = read_users(etc, true, i % WAYS);
		nss.asked = 0;
		assert_int_equal(subid_owner_find(users, "nowhere", &owner),
				 SUBID_UNKNOWN);
		subid_owner_free(&owner);
		if ((nss.asked > 0) != rows[row].unknown)
			fail_msg("'%s': asked %u times for an unknown name",
				 rows[row].conf, nss.asked);
		assert_int_equal(subid_users_ask_others(users), rows[row].uids);
		nss.asked = 0;
		assert_int_equal(subid_owner_find(users, "bob", &owner), 0);
		subid_owner_free(&owner);
		if ((nss.asked > 0) != rows[row].local)
			fail_msg("'%s': asked %u times for a local name", rows[row].conf,
				 nss.asked);
		if (i % WAYS != OPEN) {
			assert_int_equal(subid_users_taken(users, SUBID_UID, &uids), 0);
			assert_int_equal(subid_users_taken(users, SUBID_GID, &gids), 0);
			assert_int_equal(
			    subid_set_meets(&uids, (struct id_range){ 70000, 1 }, NULL),
			    rows[row].uids);
			assert_int_equal(
			    subid_set_meets(&gids, (struct id_range){ 73000, 1 }, NULL),
			    rows[row].gids);
			assert_true(
			    subid_set_contains(&uids, (struct id_range){ 1000, 8 }));
		}
		subid_set_free(&uids);
		subid_set_free(&gids);
		subid_users_free(&users);
		/* of an image nobody is asked */
		nss.asked = 0;
		users = read_users(etc, false, i % WAYS);
		assert_int_equal(subid_owner_find(users, "ldap", &owner), SUBID_UNKNOWN);
		subid_owner_free(&owner);
		assert_int_equal(nss.asked, 0);
		subid_users_free(&users);
	}
}

static void test_name_service_answers(void **state)
{
	static const struct owner_row files_first[] = {
		{ "ldap", 0, 70000, 71000, "ldap,70000" },
		{ "LDAP", 0, 70000, 71000, "ldap,70000" },
		{ "70000", 0, 70000, 71000, "ldap,70000" },
		{ "alice", 0, 1000, 1000, "alice,al,1000" },
		{ "Alice", 0, 1000, 72000, "Alice,alice,al,1000" },
		{ "70001", 0, 70001, 71000, "70001" },
		{ "5555", SUBID_UNKNOWN, 0, 0, "5555" },
		{ "70002", 0, 70002, 71000, "70002" },
		{ "nowhere", SUBID_UNKNOWN, 0, 0, "nowhere" },
		{ "79999", SUBID_UNKNOWN, 0, 0, "79999" },
	};
	static const struct owner_row others_first[] = {
		{ "alice", 0, 1000, 72000, "Alice,alice,al,1000" },
		{ "1000", 0, 1000, 72000, "Alice,alice,al,1000" },
		{ "bob", 0, 1001, 1001, "bob,1001" },
		{ "1001", 0, 1001, 1001, "bob,1001" },
	};
	int etc = etc_of(state);

	put_file(etc, "group", "");
	put_file(etc, "passwd", PASSWD);
	for (enum way way = 0; way < WAYS; way++) {
		struct subid_users *users;

		put_file(etc, "nsswitch.conf", "passwd: files ldap\n");
		users = read_users(etc, true, way);
		for (size_t i = 0; i < sizeof(files_first) / sizeof(files_first[0]); i++)
			assert_owner(users, &files_first[i]);
		subid_users_free(&users);
		put_file(etc, "nsswitch.conf", "passwd: ldap files\n");
		users = read_users(etc, true, way);
		for (size_t i = 0; i < sizeof(others_first) / sizeof(others_first[0]);
		     i++)
			assert_owner(users, &others_first[i]);
		subid_users_free(&users);
	}
}

/* "No" and "could not tell" are different answers. */
static void test_name_service_fails(void **state)
{
	static const struct {
		int error;
		int answer;
	} rows[] = {
		{ ENOENT, -ECONNREFUSED }, /* glibc's word for a daemon that is away */
		{ ESRCH, SUBID_UNKNOWN },  { EIO, -EIO },     { EAGAIN, -EAGAIN },
		{ EMFILE, -EMFILE },	   { EINTR, -EINTR },
	};
	int etc = etc_of(state);
	struct subid_users *users;
	char buf[8];

	put_file(etc, "group", "");
	put_file(etc, "passwd", PASSWD);
	put_file(etc, "nsswitch.conf", "passwd: files ldap\ngroup: files ldap\n");
	users = read_users(etc, true, LOAD);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		nss.error = rows[i].error;
		assert_owner(users,
			     &(struct owner_row){ "ldap", rows[i].answer, 0, 0, "ldap" });
		assert_owner(
		    users, &(struct owner_row){ "70000", rows[i].answer, 0, 0, "70000" });
		assert_owner(users,
			     &(struct owner_row){ "bob", 0, 1001, 1001, "bob,1001" });
		assert_members(users, "far", rows[i].answer, "");
		assert_false(subid_users_name(users, SUBID_UID, 70000, buf, sizeof(buf)));
	}
	subid_users_free(&users);
	/* a module of systemd's that is not installed knew nobody */
	nss.error = ENOENT;
	for (size_t i = 0; i < 2; i++) {
		put_file(etc, "nsswitch.conf",
			 i == 0 ? "passwd: files systemd\n"
				: "passwd: compat systemd subid\n");
		users = read_users(etc, true, LOAD);
		assert_owner(users,
			     &(struct owner_row){ "ldap", SUBID_UNKNOWN, 0, 0, "ldap" });
		assert_false(users->elsewhere);
		subid_users_free(&users);
	}
	/* an image's sources are not asked, and may have accounts */
	put_file(etc, "nsswitch.conf", "passwd: files sss\n");
	users = read_users(etc, false, LOAD);
	assert_owner(users, &(struct owner_row){ "ldap", SUBID_UNKNOWN, 0, 0, "ldap" });
	assert_true(users->elsewhere);
	subid_users_free(&users);
	/* where the files come second, they do not speak for the first */
	put_file(etc, "nsswitch.conf", "passwd: ldap files\n");
	users = read_users(etc, true, LOAD);
	nss.error = EIO;
	assert_owner(users, &(struct owner_row){ "bob", -EIO, 0, 0, NULL });
	assert_owner(users, &(struct owner_row){ "1001", -EIO, 0, 0, NULL });
	subid_users_free(&users);
}

static void test_homes(void **state)
{
	static const struct {
		uint32_t uid;
		int error, answer;
	} rows[] = {
		{ 70000, 0, 0 },
		{ 80000, 0, SUBID_UNKNOWN },
		{ 70000, ENOENT, SUBID_UNKNOWN },
		{ 70000, ESRCH, SUBID_UNKNOWN },
		{ 70000, EIO, -EIO },
		{ 70000, EMFILE, -EMFILE },
		{ 70000, ENFILE, -ENFILE },
		{ 70000, ENOMEM, -ENOMEM },
		{ 70000, EINTR, -EINTR },
	};
	static char home[] = "/home/ldap", nowhere[] = "";
	char *said = NULL;

	(void)state;
	nss_accounts[0].pw_dir = home;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		said = NULL;
		nss.error = rows[i].error;
		assert_int_equal(subid_owner_home(rows[i].uid, &said), rows[i].answer);
		assert_true((said != NULL) == (rows[i].answer == 0));
		if (said != NULL)
			assert_string_equal(said, home);
		free(said);
	}
	nss.error = 0;
	nss_accounts[0].pw_dir = nowhere;
	assert_int_equal(subid_owner_home(70000, &said), SUBID_ABSENT);
}

static void test_large_answers(void **state)
{
	int etc = etc_of(state);
	struct subid_users *users;

	put_file(etc, "passwd", "");
	put_file(etc, "group", "");
	put_file(etc, "nsswitch.conf", "passwd: files ldap\ngroup: files ldap\n");
	users = read_users(etc, true, LOAD);
	nss.room_wanted = 100000;
	assert_owner(users, &(struct owner_row){ "ldap", 0, 70000, 71000, "ldap,70000" });
	assert_members(users, "far", 0, "ldap,alice");
	nss.room_wanted = SIZE_MAX;
	assert_owner(users, &(struct owner_row){ "ldap", -ERANGE, 0, 0, NULL });
	assert_members(users, "far", -ERANGE, "");
	subid_users_free(&users);
}

static void test_groups_of_the_name_service(void **state)
{
	int etc = etc_of(state);
	struct subid_users *users;

	put_file(etc, "passwd", PASSWD "\nfaraway:x:1008:73000:::\n");
	put_file(etc, "group", GROUP);
	put_file(etc, "nsswitch.conf", "group: files ldap\n");
	users = read_users(etc, true, LOAD);
	assert_members(users, "far", 0, "ldap,alice,faraway");
	assert_members(users, "73000", 0, "ldap,alice,faraway");
	assert_members(users, "nowhere", SUBID_UNKNOWN, "");
	assert_members(users, "79999", SUBID_UNKNOWN, "");
	nss.asked = 0;
	assert_members(users, "people", 0, "alice,bob,eve");
	assert_int_equal(nss.asked, 0);
	subid_users_free(&users);
}

/* Everything that a caller does, with a way to fail at each step. */
static int do_everything(int etc, char members[128])
{
	auto_users struct subid_users *users = NULL;
	auto_owner struct subid_owner a = { .n = 0 }, b = { .n = 0 }, c = { .n = 0 };
	auto_set struct subid_set uids = { .n = 0 }, gids = { .n = 0 };
	int r = subid_users_load(etc, true, &users, NULL);

	if (r == 0)
		r = subid_users_index(users);
	if (r == 0)
		r = subid_owner_find(users, "alice", &a);
	if (r == 0)
		r = subid_owner_find(users, "ldap", &b);
	if (r == 0)
		r = subid_owner_find(users, "nowhere", &c) == SUBID_UNKNOWN ? 0 : -ENOMEM;
	if (r == 0)
		r = subid_users_taken(users, SUBID_UID, &uids);
	if (r == 0)
		r = subid_users_taken(users, SUBID_GID, &gids);
	if (r == 0)
		r = subid_users_members(users, "people", add_member, members);
	if (r == 0)
		r = subid_users_members(users, "far", add_member, members);
	return r;
}

static void test_every_call_fails_in_turn(void **state)
{
	int etc = etc_of(state);
	unsigned int turn;

	put_file(etc, "passwd", PASSWD);
	put_file(etc, "group", GROUP);
	put_file(etc, "nsswitch.conf", "passwd: files ldap\ngroup: files ldap\n");
	for (turn = 1;; turn++) {
		char members[128] = "";
		int r;

		faults_arm(turn, EIO);
		r = do_everything(etc, members);
		if (!faults_disarm()) {
			assert_int_equal(r, 0);
			assert_string_equal(members, "alice,bob,eve,ldap,alice");
			break;
		}
		if (r != -EIO && r != -ENOMEM)
			fail_msg("%s, turn %u: answer %d", faults.function, turn, r);
	}
	assert_true(turn > 25);
}

static int setup(void **state)
{
	memset(&nss, 0, sizeof(nss));
	return faults_reset(state) != 0 ? -1 : scratch_setup(state);
}

#define users_test(function)                                                             \
	{                                                                                \
#function, function, setup, scratch_teardown, NULL                       \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		users_test(test_what_is_an_account),
		users_test(test_owners),
		users_test(test_many_accounts),
		users_test(test_many_names_of_a_uid),
		users_test(test_missing_files),
		users_test(test_missing_files_of_the_host),
		users_test(test_what_cannot_be_read),
		users_test(test_taken_ids),
		users_test(test_taken_ids_of_odd_lines),
		users_test(test_names_of_ids),
		users_test(test_members),
		users_test(test_a_comma_divides_no_account),
		users_test(test_nsswitch),
		users_test(test_name_service_answers),
		users_test(test_name_service_fails),
		users_test(test_homes),
		users_test(test_large_answers),
		users_test(test_groups_of_the_name_service),
		users_test(test_every_call_fails_in_turn),
	};

	return cmocka_run_group_tests_name("users", tests, NULL, NULL);
}
