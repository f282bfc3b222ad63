/* SPDX-License-Identifier: MIT */
/*
 * Do rules of the kernel's audit watch a file? Only the files of rules are read: which
 * rules the kernel has loaded can only be asked with auditctl(8), and not in every
 * container.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

/* Threat: a huge file of rules must not take as much memory. */
#define RULES_SIZE_MAX (4 << 20)

/* What one rule says. */
struct rule {
	const char *path; /* or directory; not terminated */
	size_t len;
	bool never;
	bool limited; /* it names permissions, and those are: */
	bool writes;
	bool runs;
};

struct word {
	const char *text;
	size_t len;
};

static bool next_word(const char **pos, const char *end, struct word *ret)
{
	ret->len = text_word(pos, end);
	ret->text = *pos - ret->len;
	return ret->len > 0;
}

static bool begins(struct word word, const char *with)
{
	return word.len >= strlen(with) && memcmp(word.text, with, strlen(with)) == 0;
}

static void cut(struct word *word, size_t n)
{
	word->text += n;
	word->len -= n;
}

static void set_path(struct rule *rule, struct word path)
{
	while (path.len > 1 && path.text[path.len - 1] == '/')
		path.len--;
	rule->path = path.text;
	rule->len = path.len;
}

static void set_permissions(struct rule *rule, struct word letters)
{
	rule->limited = true;
	rule->writes = memchr(letters.text, 'w', letters.len) != NULL;
	rule->runs = memchr(letters.text, 'x', letters.len) != NULL;
}

static void set_option(struct rule *rule, char option, struct word value)
{
	if (option == 'w')
		set_path(rule, value);
	else if (option == 'p')
		set_permissions(rule, value);
	else if (option == 'a' || option == 'A')
		rule->never = begins(value, "never") ||
			      (value.len > 6 &&
			       memcmp(value.text + value.len - 6, ",never", 6) == 0);
	else if (begins(value, "path=") || begins(value, "dir=")) {
		cut(&value, (size_t)((const char *)memchr(value.text, '=', value.len) -
				     value.text) +
				1);
		set_path(rule, value);
	} else if (begins(value, "perm=")) {
		cut(&value, strlen("perm="));
		set_permissions(rule, value);
	}
}

/* "-w PATH", "-wPATH", "-F path=PATH": as getopt(3) has it. */
static struct rule parse_rule(const char *line, size_t len)
{
	const char *pos = line, *end = line + len;
	struct rule rule = { .path = NULL };
	struct word word;

	while (next_word(&pos, end, &word)) {
		char option;

		if (word.text[0] == '#')
			break;
		if (word.len < 2 || word.text[0] != '-')
			continue;
		option = word.text[1];
		if (strchr("wpaAF", option) == NULL)
			continue;
		cut(&word, 2);
		if (word.len > 0 || next_word(&pos, end, &word))
			set_option(&rule, option, word);
	}
	return rule;
}

/* The path itself, or a directory above it. */
static bool covers(const struct rule *rule, const char *path)
{
	return rule->len > 1 && rule->len <= strlen(path) &&
	       memcmp(path, rule->path, rule->len) == 0 &&
	       (path[rule->len] == '\0' || path[rule->len] == '/');
}

void kernel_audit_rules_parse(const struct subid_text *text, struct watched_path *watches,
			      size_t n)
{
	const char *line;
	size_t pos = 0, len;

	while (subid_text_next(text, &pos, &line, &len)) {
		struct rule rule = parse_rule(line, len);

		if (rule.path == NULL || rule.never)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (rule.limited && !rule.writes &&
			    !(rule.runs && watches[i].programs))
				continue;
			if (covers(&rule, watches[i].path))
				watches[i].watched = true;
		}
	}
}

/* Rules that may not be read are different from no rules. */
static void note_denied(int error, int *denied)
{
	if (error == EACCES || error == EPERM)
		*denied = error;
}

static int read_rules(int dir, const char *name, bool follow,
		      struct watched_path *watches, size_t n, int *denied)
{
	auto_text struct subid_text text = { .bytes = NULL };
	struct stat st;
	int r;

	if (fstatat(dir, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_size > RULES_SIZE_MAX)
		return 0;
	r = subid_text_read(dir, name, follow, &text);
	if (r == 0)
		kernel_audit_rules_parse(&text, watches, n);
	note_denied(-r, denied);
	return r == -ENOMEM ? r : 0;
}

static int open_directory(int dir, const char *name, bool follow)
{
	return openat(dir, name,
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
}

static void close_directory(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir); /* read only: nothing to lose */
}

static int read_rules_d(int audit, bool follow, struct watched_path *watches, size_t n,
			int *denied)
{
	__attribute__((cleanup(close_directory))) DIR *dir = NULL;
	int fd = open_directory(audit, "rules.d", follow), r = 0;
	const struct dirent *entry;

	if (fd < 0) {
		note_denied(errno, denied);
		return 0;
	}
	dir = fdopendir(fd);
	if (dir == NULL) {
		r = errno == ENOMEM ? -ENOMEM : 0;
		(void)close(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir)) != NULL) {
		size_t len = strlen(entry->d_name);

		if (len > 6 && strcmp(entry->d_name + len - 6, ".rules") == 0)
			r = read_rules(fd, entry->d_name, follow, watches, n, denied);
	}
	return r;
}

int kernel_audit_rules_read(int etc, bool follow, struct watched_path *watches, size_t n,
			    int *ret_denied)
{
	auto_close int audit = open_directory(etc, "audit", follow);
	int r;

	*ret_denied = 0;
	if (audit < 0) {
		note_denied(errno, ret_denied);
		return 0;
	}
	r = read_rules(audit, "audit.rules", follow, watches, n, ret_denied);
	return r < 0 ? r : read_rules_d(audit, follow, watches, n, ret_denied);
}
