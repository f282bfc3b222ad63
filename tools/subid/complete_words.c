/* SPDX-License-Identifier: MIT */
#include "tools/subid/complete_words.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tools/subid/runtime_config.h"

/* The default uids of people, login.defs(5). */
#define UID_MIN 1000
#define UID_MAX 60000

/* Of an image's passwd, as nobody waits for more. */
#define PASSWD_MAX (16 << 20)

static bool is_plain(const char *word)
{
	return word[0] != '\0' &&
	       word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789_@.+/-")] == '\0';
}

void complete_offer(struct complete *c, const char *word, const char *help)
{
	auto_free char *line = NULL;

	if (strncmp(word, c->typed, strlen(c->typed)) != 0 || !is_plain(word) ||
	    (word[0] == '-' && c->typed[0] != '-'))
		return;
	if (help != NULL && asprintf(&line, "%s\t%s", word, help) < 0)
		line = NULL;
	(void)cli_names_add(&c->words, line == NULL ? word : line); /* or one less */
}

void complete_offer_list(struct complete *c, const char *list)
{
	const char *at = list, *end = list + strlen(list);
	char word[64];
	size_t len;

	while ((len = text_word(&at, end)) > 0) {
		(void)snprintf(word, sizeof(word), "%.*s", (int)len, at - len);
		complete_offer(c, word, NULL);
	}
}

static void offer_bytes(struct complete *c, const char *text, size_t len)
{
	auto_free char *word = strndup(text, len);

	if (word != NULL)
		complete_offer(c, word, NULL);
}

static void offer_people(struct complete *c, int etc)
{
	auto_users struct subid_users *users = NULL;
	bool nss = c->cli->root == NULL;
	struct stat st;

	if (!nss && fstatat(etc, "passwd", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_size > PASSWD_MAX)
		return;
	if (subid_users_load(etc, nss, &users, NULL) < 0)
		return; /* there is nothing to offer */
	for (size_t i = 0; i < subid_users_count(users); i++) {
		const struct subid_account *account = subid_users_at(users, i);

		if (account->uid == 0 ||
		    (account->uid >= UID_MIN && account->uid <= UID_MAX))
			offer_bytes(c, account->name, account->name_len);
	}
}

static void offer_row(struct complete *c, const struct subid_row *row,
		      enum complete_source source)
{
	char range[48];
	bool held = row->state != SUBID_STATE_GRANTED;

	(void)snprintf(range, sizeof(range), "%u-%llu", row->range.start,
		       (unsigned long long)id_range_end(row->range) - 1);
	if (source == COMPLETE_HOLDERS && !held && row->owner != NULL)
		complete_offer(c, row->owner, NULL);
	else if ((source == COMPLETE_GRANTED && !held) ||
		 (source == COMPLETE_HELD && held))
		complete_offer(c, range, row->owner);
}

static void offer_lines(struct complete *c, struct subid *sys,
			enum complete_source source)
{
	struct subid_row row = { .size = sizeof(row) };

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		auto_list struct subid_list *list = NULL;

		if (subid_lines(sys, kind, &list, NULL) < 0)
			continue;
		for (size_t i = 0; subid_list_get(list, i, &row); i++)
			offer_row(c, &row, source);
	}
}

/* OWNER/NAME, once OWNER/ was typed. */
static void offer_containers(struct complete *c, struct subid *sys)
{
	const char *slash = strchr(c->typed, '/');
	auto_free char *owner =
	    slash == NULL ? NULL : strndup(c->typed, (size_t)(slash - c->typed));
	auto_list struct subid_list *list = NULL;
	struct subid_row row = { .size = sizeof(row) };

	if (owner == NULL || subid_leases(sys, owner, 0, &list, NULL) != 0)
		return;
	for (size_t i = 0; subid_list_get(list, i, &row); i++) {
		auto_free char *both = NULL;

		if (row.container != NULL &&
		    asprintf(&both, "%s/%s", owner, row.container) >= 0)
			complete_offer(c, both, NULL);
	}
}

static void offer_tables(struct complete *c, enum complete_source source)
{
	auto_system struct subid *sys = NULL;

	if (subid_open(c->cli->root, &sys, NULL) < 0)
		return;
	offer_lines(c, sys, source);
	if (source == COMPLETE_HOLDERS)
		offer_containers(c, sys);
}

static void offer_groups(struct complete *c)
{
	const struct group *group;

	setgrent();
	while (c->cli->root == NULL && (group = getgrent()) != NULL)
		complete_offer(c, group->gr_name, NULL);
	endgrent();
}

static void offer_rules(struct complete *c)
{
	struct subid_rule rule = { .size = sizeof(rule) };

	for (size_t i = 0; subid_rule_get(i, &rule); i++)
		complete_offer(c, rule.name, rule.summary);
}

static void offer_runtimes(struct complete *c)
{
	size_t n;
	const struct runtime_config_row *rows = runtime_config_rows(&n);

	for (size_t i = 0; i < n; i++)
		complete_offer(c, rows[i].name, NULL);
}

static void offer_stores(struct complete *c)
{
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_shares struct subid_shares shares = { .n = 0 };

	if (root < 0 || subid_shares_read(root, &shares) < 0)
		return;
	for (size_t i = 0; i < shares.n; i++)
		complete_offer(c, shares.list[i].store, NULL);
}

static void offer_commands(struct complete *c)
{
	for (size_t i = 0; i < c->cli->n_commands; i++)
		if (c->cli->commands[i]->summary != NULL)
			complete_offer(c, c->cli->commands[i]->name,
				       c->cli->commands[i]->summary);
}

static void offer_owners(struct complete *c, enum complete_source source)
{
	auto_close int etc = -1;

	if (source != COMPLETE_HOLDERS && source != COMPLETE_MAPS) {
		etc = cli_open_etc(c->cli);
		if (etc >= 0)
			offer_people(c, etc);
	}
	if (source != COMPLETE_PEOPLE)
		offer_tables(c, COMPLETE_HOLDERS);
	if (source == COMPLETE_MAPS)
		complete_offer(c, "host", "the ids from 0 on");
}

void complete_offer_source(struct complete *c, enum complete_source source)
{
	switch (source) {
	case COMPLETE_COMMANDS:
		offer_commands(c);
		break;
	case COMPLETE_PEOPLE:
	case COMPLETE_HOLDERS:
	case COMPLETE_OWNERS:
	case COMPLETE_MAPS:
		offer_owners(c, source);
		break;
	case COMPLETE_GROUPS:
		offer_groups(c);
		break;
	case COMPLETE_RULES:
		offer_rules(c);
		break;
	case COMPLETE_GRANTED:
	case COMPLETE_HELD:
		offer_tables(c, source);
		break;
	case COMPLETE_RUNTIMES:
		offer_runtimes(c);
		break;
	case COMPLETE_STORES:
		offer_stores(c);
		break;
	case COMPLETE_FILES:
		(void)printf(":files\n");
		break;
	case COMPLETE_DIRS:
		(void)printf(":dirs\n");
		break;
	case COMPLETE_NOTHING:
		break;
	}
}

static int in_order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int complete_print(struct complete *c)
{
	auto_free const char **words = calloc(c->words.n + 1, sizeof(*words));
	const char *at = c->words.text, *last = "";

	if (words == NULL)
		return EXIT_UNABLE;
	for (size_t i = 0; i < c->words.n; i++, at += strlen(at) + 1)
		words[i] = at;
	if (c->words.n > 1)
		qsort(words, c->words.n, sizeof(*words), in_order);
	for (size_t i = 0; i < c->words.n; i++) {
		if (strcmp(words[i], last) != 0)
			(void)printf("%s\n", words[i]);
		last = words[i];
	}
	return cli_finish_output();
}
