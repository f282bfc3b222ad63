/* SPDX-License-Identifier: MIT */
/*
 * What is done in the site's directory is done by another program, which links libldap.
 */
#include "tools/subid/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/core/child.h"
#include "libsubid/core/core.h"

/* With more names than these, all ranges are asked for. */
#define NAMES_MAX 1000

/* The longest answer: a million ranges. */
#define ANSWER_MAX (128U << 20)

int cli_run_directory(const struct cli *cli, int argc, char *argv[])
{
	static char name[] = "subid", json[] = "--json", quiet[] = "--quiet";
	auto_free char **words = calloc((size_t)argc + 4, sizeof(*words));
	size_t n = 0;

	if (words == NULL)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	words[n++] = name;
	if (cli->json)
		words[n++] = json;
	if (cli->quiet)
		words[n++] = quiet;
	memcpy(words + n, argv, (size_t)argc * sizeof(*words));
	(void)execv(SUBID_LDAP, words);
	return cli_complain(EXIT_UNABLE,
			    "%s: %s: the program for --directory cannot be run",
			    SUBID_LDAP, strerror(errno));
}

/* --- the answer ------------------------------------------------------------------------
 */

void directory_ranges_free(struct directory_ranges *ranges)
{
	free(ranges->list);
	subid_text_free(&ranges->text);
	*ranges = (struct directory_ranges){ .n = 0 };
}

/* The next word of a line, terminated in place; NULL: there is none. */
static char *next_word(char **at)
{
	char *word = *at, *end;

	if (*word == '\0')
		return NULL;
	end = word + strcspn(word, " ");
	*at = *end == '\0' ? end : end + 1;
	*end = '\0';
	return word;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \xHH to what it stands for, in place.  False for what is no such thing, and for NUL. */
static bool unescape(char *word)
{
	char *to = word;

	for (; *word != '\0'; word++) {
		int high, low;

		if (*word != '\\') {
			*to++ = *word;
			continue;
		}
		if (word[1] != 'x' || (high = digit(word[2])) < 0 ||
		    (low = digit(word[3])) < 0 || high + low == 0)
			return false;
		*to++ = (char)(high * 16 + low);
		word += 3;
	}
	*to = '\0';
	return true;
}

/* owner kind start end count state.  0, SUBID_ABSENT: of nobody; -EPROTO. */
static int parse_line(enum directory_question question, char *line,
		      struct directory_range *ret)
{
	char *word[6];

	for (size_t i = 0; i < 6; i++)
		if ((word[i] = next_word(&line)) == NULL)
			return -EPROTO;
	if (*line != '\0' || !unescape(word[0]))
		return -EPROTO;
	ret->owner = word[0];
	ret->kind = strcmp(word[1], "gid") == 0 ? SUBID_GID : SUBID_UID;
	if (strcmp(word[1], subid_kind_name(ret->kind)) != 0 ||
	    subid_id_parse(word[2], strlen(word[2]), &ret->range.start) != 0 ||
	    subid_id_parse(word[4], strlen(word[4]), &ret->range.count) != 0 ||
	    !id_range_valid(ret->range))
		return -EPROTO;
	if (question == DIRECTORY_CLAIMS)
		return 0;
	if (subid_owner_is_hold(ret->owner, strlen(ret->owner)))
		return SUBID_ABSENT;
	return subid_owner_valid(ret->owner, strlen(ret->owner)) ? 0 : -EPROTO;
}

static int in_order(const void *a, const void *b)
{
	const struct directory_range *x = a, *y = b;
	int order = strcmp(x->owner, y->owner);

	return order != 0 ? order : (int)x->kind - (int)y->kind;
}

/*
 * Threat: the program tells what a server told it; each line is looked at as if nobody
 * had, and one that is wrong makes all of it wrong.
 */
int directory_parse(enum directory_question question, struct subid_text *text,
		    struct directory_ranges *ret)
{
	auto_directory struct directory_ranges ranges = { .text = *text };
	char *at, *end;

	*text = (struct subid_text){ .bytes = NULL };
	at = ranges.text.bytes;
	for (; at != NULL && *at != '\0'; at = end + 1) {
		struct directory_range range;
		int r;

		end = strchr(at, '\n');
		if (end == NULL)
			return -EPROTO;
		*end = '\0';
		r = parse_line(question, at, &range);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (array_grow(&ranges.list, ranges.n, sizeof(*ranges.list)) < 0)
			return -ENOMEM;
		ranges.list[ranges.n++] = range;
	}
	if (at != NULL && (size_t)(at - ranges.text.bytes) != ranges.text.size)
		return -EPROTO; /* a NUL */
	if (ranges.n > 1)
		qsort(ranges.list, ranges.n, sizeof(*ranges.list), in_order);
	*ret = ranges;
	ranges = (struct directory_ranges){ .n = 0 };
	return 0;
}

static bool is_before(const void *range, const void *owner)
{
	return strcmp(((const struct directory_range *)range)->owner, owner) < 0;
}

const struct directory_range *directory_of(const struct directory_ranges *ranges,
					   const char *owner, size_t *ret_n)
{
	size_t first = array_search(ranges->list, ranges->n, sizeof(*ranges->list), owner,
				    is_before);
	size_t n = 0;

	while (first + n < ranges->n && strcmp(ranges->list[first + n].owner, owner) == 0)
		n++;
	*ret_n = n;
	return n == 0 ? NULL : &ranges->list[first];
}

/* --- the question ----------------------------------------------------------------------
 */

/* The words of the program's command line. */
struct question {
	char **words;
};

/* In the child, whose other descriptors are closed but for standard error. */
static int run_program(const void *data, int writer)
{
	static char *no_environment[] = { NULL };
	const struct question *question = data;
	int null = open("/dev/null", O_RDONLY);

	if (null < 0 || (null != STDIN_FILENO && dup2(null, STDIN_FILENO) < 0) ||
	    dup2(writer, STDOUT_FILENO) < 0)
		return -errno;
	(void)execve(SUBID_LDAP, question->words, no_environment);
	return -errno;
}

/* How many bytes n names have, each with its end. */
static size_t size_of(const char *names, size_t n)
{
	const char *at = names;

	for (size_t i = 0; i < n; i++)
		at += strlen(at) + 1;
	return (size_t)(at - names);
}

/* names: a copy, which may be handed to execve(2). */
static void fill_words(enum directory_question question, char *names, size_t n,
		       char **words)
{
	static char name[] = "subid", list[] = "list", known[] = "--known";
	static char claims[] = "--claims", grant[] = "grant", end[] = "--";

	*words++ = name;
	*words++ = question == DIRECTORY_GRANT ? grant : list;
	if (question == DIRECTORY_LIST)
		*words++ = known;
	if (question == DIRECTORY_CLAIMS)
		*words++ = claims;
	*words++ = end;
	for (size_t i = 0; i < n; i++, names += strlen(names) + 1)
		*words++ = names;
	*words = NULL;
}

int directory_ask(enum directory_question question, const char *names, size_t n,
		  int64_t patience_ms, struct directory_ranges *ret)
{
	struct child_patience patience = { patience_ms, patience_ms };
	auto_text struct subid_text text = { .bytes = NULL };
	auto_free char **words = NULL;
	auto_free char *copy = NULL;
	struct question what;
	size_t size;
	int r;

	if (n > NAMES_MAX && question != DIRECTORY_GRANT)
		n = 0;
	size = size_of(names, n);
	words = calloc(n + 5, sizeof(*words));
	copy = malloc(size + 1);
	if (words == NULL || copy == NULL)
		return -ENOMEM;
	if (size > 0)
		memcpy(copy, names, size);
	fill_words(question, copy, n, words);
	what.words = words;
	r = child_run(run_program, &what, STDERR_FILENO, ANSWER_MAX, &patience, &text);
	if (r == -ETIME)
		r = -ETIMEDOUT;
	return r < 0 ? r : directory_parse(question, &text, ret);
}

char *directory_account_name(const char *owner)
{
	uint32_t uid;
	const struct passwd *account =
	    subid_id_parse(owner, strlen(owner), &uid) == 0 ? getpwuid(uid) : NULL;

	if (account == NULL ||
	    subid_nss_is_name(account->pw_name, account->pw_passwd, uid))
		return strdup(owner);
	return strdup(account->pw_name);
}
