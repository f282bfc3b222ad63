/* SPDX-License-Identifier: MIT */
/*
 * The module's words: the options of its line in the service file, and the program's
 * answer, passed on (tools/subid/login.h has the form).
 */
#include <errno.h>
#include <security/pam_ext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"
#include "module.h"

void say(const struct session *session, int priority, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (priority == LOG_DEBUG && !session->options.login.debug)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printable_ascii(text, strlen(text), ' ');
	pam_syslog(session->pamh, priority, "%s: %s", session->shown, text);
}

/* What is behind the word at the line's start; NULL: another word. */
static const char *after(const char *line, const char *word)
{
	size_t len = strlen(word);

	return strncmp(line, word, len) == 0 && line[len] == ' ' ? line + len + 1 : NULL;
}

/* A line "log PRIORITY TEXT". */
static void pass_on_log(const struct session *session, const char *rest)
{
	int priority = *rest >= '0' && *rest <= '7' ? *rest - '0' : LOG_ERR;

	if (*rest != '\0' && rest[1] == ' ')
		say(session, priority, "%s", rest + 2);
}

static int result_of(const char *word)
{
	static const struct {
		const char *word;
		int result;
	} rows[] = {
		{ "success", PAM_SUCCESS },
		{ "ignore", PAM_IGNORE },
		{ "error", PAM_SESSION_ERR },
		{ "unknown", PAM_USER_UNKNOWN },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].word, word) == 0)
			return rows[i].result;
	return -EPROTO;
}

bool answer_is_whole(const struct answer *answer)
{
	const char *line;

	if (answer->len == 0 || answer->text[answer->len - 1] != '\n')
		return false;
	line = memrchr(answer->text, '\n', answer->len - 1);
	return line != NULL && strncmp(line, "\nanswer ", strlen("\nanswer ")) == 0;
}

int answer_pass_on(const struct session *session, char *text)
{
	char *rest = text, *line = strsep(&rest, "\n");
	int result = -EPROTO;
	const char *said;

	if (after(line, "subid") == NULL || rest == NULL)
		return *text == '\0' ? -EPROTO : -ENOTSUP;
	if (strcmp(line + strlen("subid "), SUBID_VERSION) != 0)
		return -ENOTSUP;
	while (result < 0 && (line = strsep(&rest, "\n")) != NULL) {
		printable_ascii(line, strlen(line), ' ');
		if ((said = after(line, "log")) != NULL)
			pass_on_log(session, said);
		else if ((said = after(line, "tell")) != NULL && !session->silent)
			(void)pam_info(session->pamh, "%s", said);
		else if ((said = after(line, "warn")) != NULL && !session->silent)
			(void)pam_error(session->pamh, "%s", said);
		else if ((said = after(line, "answer")) != NULL && rest != NULL)
			result = result_of(said);
	}
	return result;
}

bool options_parse(pam_handle_t *pamh, int argc, const char **argv, struct options *ret)
{
	struct options options = { .login = LOGIN_OPTIONS };

	for (int i = 0; i < argc; i++) {
		/* pam_mkhomedir(8) calls it silent */
		if (strcmp(argv[i], "quiet") == 0 || strcmp(argv[i], "silent") == 0) {
			options.quiet = true;
			continue;
		}
		if (login_option_read(&options.login, argv[i]))
			continue;
		pam_syslog(pamh, LOG_ERR,
			   "option '%s': unknown, or its value is not valid: no range is"
			   " granted until this is corrected",
			   argv[i]);
		return false;
	}
	*ret = options;
	return true;
}
