/* SPDX-License-Identifier: MIT */
/*
 * What pam_subid.so is given: the arguments of its line, one a line, and behind a byte
 * 0x1e the name of who logs in, which is also taken for the program's answer.  PAM itself
 * is not there; what the module says is.
 */
#include <security/pam_ext.h>
#include <security/pam_modutil.h>
#include <stdarg.h>

#include "fuzz.h"
#include "pam/words.c"
#include "tools/subid/login.c"

#define SEPARATOR 0x1e
#define WORDS_MAX 64

static const char passwd[] = "alice:x:1000:1000::/:/bin/sh\n"
			     "alicia:x:1000:1000::/:/bin/sh\n"
			     "bob:x:1001:1001::/:/bin/sh\n"
			     "4242:x:1002:1002::/:/bin/sh\n";

static unsigned int complaints;

/* PAM's own, which nobody looks into. */
static char handle;
#define HANDLE ((pam_handle_t *)(void *)&handle)

/* Threat: a name acts on a terminal, or begins a line of the log. */
void pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
	char text[8192];
	va_list args;

	(void)pamh;
	(void)priority;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	must(strlen(text) < sizeof(text));
	complaints++;
}

int pam_prompt(pam_handle_t *pamh, int style, char **response, const char *format, ...)
{
	(void)pamh;
	(void)style;
	(void)response;
	(void)format;
	return PAM_SUCCESS;
}

struct passwd *getpwnam(const char *name)
{
	static char found[] = "4242";
	static struct passwd account = { .pw_name = found, .pw_uid = 1002 };

	return strcmp(name, found) == 0 ? &account : NULL;
}

/* An option is taken as it stands, or complained of; never something else. */
static void check_options(char *words)
{
	const char *argv[WORDS_MAX];
	struct options options = { .login = { .timeout_s = UINT32_MAX } };
	unsigned int before = complaints;
	char *word;
	int argc = 0;

	while (argc < WORDS_MAX && (word = strsep(&words, "\n")) != NULL)
		argv[argc++] = word;
	if (!options_parse(HANDLE, argc, argv, &options)) {
		must(complaints == before + 1 && options.login.timeout_s == UINT32_MAX);
		return;
	}
	must(complaints == before);
	must(options.login.timeout_s <= 60);
	must(options.login.conf == NULL || options.login.conf[0] == '/');
	must(options.login.required_for == NULL || options.login.required_for[0] != '\0');
	for (int i = 0; i < argc; i++)
		must(strcmp(argv[i], "debug") == 0 || strcmp(argv[i], "quiet") == 0 ||
		     strcmp(argv[i], "silent") == 0 || strchr(argv[i], '=') != NULL);
}

/* Whoever has an account is found by its very name alone, and has its uid. */
static void check_name(const char *name)
{
	static const struct {
		const char *name;
		uint32_t uid;
	} accounts[] = {
		{ "alice", 1000 }, { "alicia", 1000 }, { "bob", 1001 }, { "4242", 1002 }
	};
	auto_owner struct subid_owner owner = { .has_account = false };
	struct session session = { .pamh = HANDLE };
	struct login login = { .name = name, .etc = scratch_dir() };
	struct subid_users *users = NULL;
	size_t i = 0;
	int r;

	must(subid_users_load(login.etc, false, &users, NULL) == 0);
	r = login_find_owner(&login, users, &owner);
	while (i < 4 && strcmp(accounts[i].name, name) != 0)
		i++;
	if (i < 4)
		must(r == 0 && owner.has_account && owner.uid == accounts[i].uid);
	else
		must(r != 0 || !owner.has_account);
	if (r == 0)
		must(strpbrk(name, ":\n") == NULL &&
		     strlen(name) <= LOGIN_NAME_LENGTH_MAX);
	subid_users_free(&users);
	say(&session, LOG_ERR, "%s: %s", name, "a name");
}

/* Whatever the program says, PAM gets an answer that the module may give. */
static void check_answer(char *text)
{
	struct session session = { .pamh = HANDLE,
				   .options = { .login = { .debug = true } } };
	int r = answer_pass_on(&session, text);

	must(r == PAM_SUCCESS || r == PAM_IGNORE || r == PAM_SESSION_ERR ||
	     r == PAM_USER_UNKNOWN || r == -EPROTO || r == -ENOTSUP);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct subid_text text = make_text(data, size);
	char *name = strchr(text.bytes, SEPARATOR);

	if (!ready)
		put_file(scratch_dir(), "passwd", passwd, strlen(passwd));
	ready = true;
	if (name != NULL)
		*name++ = '\0';
	check_options(text.bytes);
	if (name != NULL) {
		check_name(name);
		check_answer(name);
	}
	subid_text_free(&text);
	return 0;
}
