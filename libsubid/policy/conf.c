/* SPDX-License-Identifier: MIT */
/*
 * The site's policy: what a struct subid_conf holds, which files it is read from, and
 * what it means for one owner.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libsubid/core/core.h"
#include "libsubid/policy/policy.h"
#include "libsubid/policy/private.h"

void subid_conf_free(struct subid_conf *conf)
{
	for (size_t i = 0; i < conf->n_files; i++) {
		free(conf->files[i].name);
		free(conf->files[i].bytes);
	}
	free(conf->files);
	free(conf->rules);
	free(conf->exact);
	free(conf->others);
	free(conf->reserved);
	free(conf->allowed);
	free(conf->accepted);
	free(conf->pools);
	*conf = (struct subid_conf){ .n_rules = 0 };
}

bool subid_conf_gives(const struct subid_conf *conf)
{
	for (size_t i = 0; i < conf->n_rules; i++)
		if (conf->rules[i].verb == SUBID_CONF_GIVE)
			return true;
	return false;
}

/* --- its lines --- */

static const struct {
	const char *keyword;
	int (*read)(struct conf_line *line);
} statements[] = {
	{ "give", conf_read_give },	  { "never", conf_read_never },
	{ "reserve", conf_read_reserve }, { "allow", conf_read_allow },
	{ "accept", conf_read_accept },	  { "directory", conf_read_directory },
	{ "base", conf_read_base },	  { "users", conf_read_users },
	{ "bind", conf_read_bind },	  { "tls-ca", conf_read_tls_ca },
	{ "timeout", conf_read_timeout }, { "pool", conf_read_pool },
	{ "login", conf_read_login },
};

static int parse_line(struct conf_line *line, char *bytes, size_t len)
{
	int r = conf_cut_words(line, bytes, len);

	if (r != 0 || line->n == 0)
		return r;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		if (conf_take_keyword(line, statements[i].keyword))
			return statements[i].read(line);
	return conf_wrong(
	    line, line->words[0].text,
	    "is not a statement: 'give', 'never', 'reserve', 'allow', 'accept', or one"
	    " about the directory");
}

static int report(const struct subid_conf_reporter *reporter,
		  const struct conf_line *line)
{
	struct subid_conf_place place = { .place = *line->place };

	(void)snprintf(place.file, sizeof(place.file), "%s", line->file);
	return reporter->wrong(reporter->data, &place);
}

/* Keeps a copy of a file's text, into which words will point.  0 or -ENOMEM. */
static int keep_file(struct subid_conf *conf, const char *name, const char *text,
		     size_t size, const struct subid_conf_file **ret)
{
	struct subid_conf_file file;

	if (array_grow(&conf->files, conf->n_files, sizeof(*conf->files)) < 0)
		return -ENOMEM;
	file.name = strdup(name);
	file.bytes = malloc(size + 1);
	if (file.name == NULL || file.bytes == NULL) {
		free(file.name);
		free(file.bytes);
		return -ENOMEM;
	}
	if (size > 0)
		memcpy(file.bytes, text, size);
	file.bytes[size] = '\0';
	conf->files[conf->n_files] = file;
	*ret = &conf->files[conf->n_files++];
	return 0;
}

int subid_conf_parse(struct subid_conf *conf, const char *file, const char *text,
		     size_t size, const struct subid_conf_reporter *reporter,
		     struct subid_place *ret_place)
{
	const struct subid_conf_file *kept = NULL;
	struct subid_text lines = { .size = size };
	struct conf_line line = { .conf = conf, .place = ret_place };
	const char *bytes;
	size_t pos = 0, len;
	int r = keep_file(conf, file, text, size, &kept);

	if (r < 0)
		return r;
	lines.bytes = kept->bytes;
	line.file = kept->name;
	while (r == 0 && subid_text_next(&lines, &pos, &bytes, &len)) {
		line.number++;
		line.n = line.at = 0;
		r = parse_line(&line, lines.bytes + (bytes - lines.bytes), len);
		if (r == SUBID_INVALID && reporter != NULL)
			r = report(reporter, &line);
	}
	return r;
}

/* --- many rules --- */

/* Fewer are tried one by one. */
#define RULES_MANY 32

static int compare_names(const void *a, const void *b)
{
	const struct subid_conf_rule *x = *(const struct subid_conf_rule *const *)a;
	const struct subid_conf_rule *y = *(const struct subid_conf_rule *const *)b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : x < y ? -1 : x > y;
}

int subid_conf_index(struct subid_conf *conf)
{
	conf->exact = calloc(conf->n_rules, sizeof(const struct subid_conf_rule *));
	conf->others = calloc(conf->n_rules, sizeof(const struct subid_conf_rule *));
	if (conf->exact == NULL || conf->others == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < conf->n_rules; i++) {
		const struct subid_conf_rule *rule = &conf->rules[i];

		if (rule->whom == SUBID_CONF_USER && strpbrk(rule->name, "*?") == NULL)
			conf->exact[conf->n_exact++] = rule;
		else
			conf->others[conf->n_others++] = rule;
	}
	qsort(conf->exact, conf->n_exact, sizeof(const struct subid_conf_rule *),
	      compare_names);
	return 0;
}

/* --- its files --- */

/* A reading of the files. */
struct reading {
	struct subid_conf *conf;
	bool follow;
	const struct subid_conf_reporter *reporter; /* or NULL */
	struct subid_conf_place place;
};

/* A file as a whole, or the directory, is wrong. */
static int invalid(struct reading *reading, const char *why)
{
	reading->place.place = (struct subid_place){ .key = "it", .why = why };
	if (reading->reporter == NULL)
		return SUBID_INVALID;
	return reading->reporter->wrong(reading->reporter->data, &reading->place);
}

static void set_place(struct reading *reading, const char *dir, const char *name)
{
	char *file = reading->place.file;

	(void)snprintf(file, sizeof(reading->place.file), "%s%s%s", dir,
		       dir[0] == '\0' ? "" : "/", name);
}

/* Adds the file name in dir, called so in messages.  -ENOENT if there is none. */
static int load_file(struct reading *reading, int dir, const char *called,
		     const char *name, bool follow)
{
	auto_text struct subid_text text = { .bytes = NULL };
	struct stat st;
	int r;

	set_place(reading, called, name);
	/* Threat: a file without end, or one of gigabytes, must not take the memory
	 * of whoever logs in. */
	if (fstatat(dir, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_size > SUBID_CONF_SIZE_MAX)
		return invalid(reading, "is larger than 1 MiB");
	r = subid_text_read(dir, name, follow, &text);
	if (r == 0)
		r = subid_conf_parse(reading->conf, reading->place.file, text.bytes,
				     text.size, reading->reporter, &reading->place.place);
	return r;
}

static int load_vendor(struct reading *reading, const char *vendor)
{
	auto_close int dir =
	    file_open(AT_FDCWD, vendor, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0) {
		set_place(reading, vendor, SUBID_CONF_FILE);
		return dir;
	}
	return load_file(reading, dir, vendor, SUBID_CONF_FILE, true);
}

struct names {
	struct dirent **list;
	int n;
};

static void names_free(struct names *names)
{
	for (int i = 0; i < names->n; i++)
		free(names->list[i]);
	free(names->list);
}

static int is_drop_in(const struct dirent *entry)
{
	static const char suffix[] = ".conf";
	const char *name = entry->d_name;
	size_t len = strlen(name);

	return name[0] != '.' && len >= sizeof(suffix) &&
	       strcmp(name + len - strlen(suffix), suffix) == 0;
}

/* Not alphasort(3), which goes by the locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_drop_ins(struct reading *reading, int etc)
{
	__attribute__((cleanup(names_free))) struct names names = { .n = 0 };
	int flags =
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC | (reading->follow ? 0 : O_NOFOLLOW);
	auto_close int dir = file_open(etc, SUBID_CONF_DIR, flags);
	int r = 0;

	if (dir == -ENOENT)
		return 0;
	if (dir >= 0)
		names.n = scandirat(dir, ".", &names.list, is_drop_in, by_bytes);
	if (dir < 0 || names.n < 0) {
		r = dir < 0 ? dir : -errno;
		set_place(reading, "", SUBID_CONF_DIR);
		return r;
	}
	if (names.n > SUBID_CONF_FILES_MAX) {
		set_place(reading, "", SUBID_CONF_DIR);
		return invalid(reading, "has more than 1000 files");
	}
	for (int i = 0; r == 0 && i < names.n; i++)
		r = load_file(reading, dir, SUBID_CONF_DIR, names.list[i]->d_name,
			      reading->follow);
	return r;
}

int subid_conf_load(const struct subid_conf_source *source,
		    const struct subid_conf_reporter *reporter, struct subid_conf *ret,
		    struct subid_conf_place *ret_place)
{
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	struct reading reading = {
		.conf = &conf,
		.follow = source->follow,
		.reporter = reporter,
	};
	int r;

	if (source->path != NULL) {
		r = load_file(&reading, AT_FDCWD, "", source->path, true);
	} else {
		r = load_file(&reading, source->etc, "", SUBID_CONF_FILE, source->follow);
		if (r == -ENOENT && source->vendor != NULL)
			r = load_vendor(&reading, source->vendor);
		if (r == 0 || r == -ENOENT)
			r = load_drop_ins(&reading, source->etc);
	}
	if (r != 0) {
		*ret_place = reading.place;
		return r;
	}
	r = conf.n_rules < RULES_MANY ? 0 : subid_conf_index(&conf);
	if (r < 0)
		return r;
	*ret = conf;
	conf = (struct subid_conf){ .n_rules = 0 };
	return 0;
}

/* --- what it means for an owner --- */

/*
 * '*' and '?', byte by byte.  Not fnmatch(3), which goes by the locale, fails on
 * names that are not UTF-8, and takes exponential time.  Here the last '*' alone
 * is tried again: len(pattern) * len(name) steps at most.
 */
static bool fits_pattern(const char *pattern, struct subid_owner_name name)
{
	const char *at = name.text, *end = name.text + name.len;
	const char *star = NULL, *again = NULL;

	while (at < end) {
		if (*pattern == '*') {
			star = pattern++;
			again = at;
		} else if (*pattern != '\0' && (*pattern == '?' || *pattern == *at)) {
			pattern++;
			at++;
		} else if (star != NULL) {
			pattern = star + 1;
			at = ++again;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* The names of the owner, without its uid in decimal at the end. */
static size_t count_names(const struct subid_owner *owner)
{
	return owner->has_account ? owner->n - 1 : owner->n;
}

static bool has_name_like(const struct subid_owner *owner, const char *pattern)
{
	for (size_t i = 0; i < count_names(owner); i++)
		if (fits_pattern(pattern, owner->spellings[i]))
			return true;
	return false;
}

/* An owner without account can be a uid all the same. */
static bool is_among(const struct subid_owner *owner, struct id_range uids)
{
	struct id_range uid = { owner->uid, 1 };

	if (!owner->has_account &&
	    subid_id_parse(owner->spellings[0].text, owner->spellings[0].len,
			   &uid.start) != 0)
		return false;
	return id_range_contains(uids, uid);
}

static bool is_person(const struct subid_owner *owner, const struct subid_policy *policy)
{
	return owner->has_account && owner->uid >= policy->uid_min &&
	       owner->uid <= policy->uid_max;
}

/* 0: it does; > 0: not. */
static int fits(const struct subid_conf_rule *rule, const struct subid_policy *policy,
		const struct subid_candidate *candidate)
{
	const struct subid_owner *owner = candidate->owner;

	switch (rule->whom) {
	case SUBID_CONF_USER:
		return has_name_like(owner, rule->name) ? 0 : SUBID_ABSENT;
	case SUBID_CONF_UIDS:
		return is_among(owner, rule->uids) ? 0 : SUBID_ABSENT;
	case SUBID_CONF_GROUP:
		return candidate->in_group(candidate->data, owner, rule->name);
	case SUBID_CONF_EVERYONE:
		return is_person(owner, policy) ? 0 : SUBID_ABSENT;
	}
	return SUBID_ABSENT;
}

static void apply_sizes(const struct subid_conf_rule *rule, struct subid_window *window)
{
	if (rule->count > 0)
		window->count = rule->count;
	if (rule->window.count > 0) {
		window->min = rule->window.start;
		window->max = (uint32_t)(id_range_end(rule->window) - 1);
		window->deterministic = false;
	}
}

static enum subid_verdict without_rule(const struct subid_conf *conf,
				       const struct subid_policy *policy,
				       const struct subid_owner *owner)
{
	if (subid_conf_gives(conf))
		return SUBID_VERDICT_NONE;
	return is_person(owner, policy) ? SUBID_VERDICT_GIVE : SUBID_VERDICT_NONE;
}

static bool is_before(const void *element, const void *key)
{
	const struct subid_conf_rule *rule =
	    *(const struct subid_conf_rule *const *)element;
	const struct subid_owner_name *name = key;

	return strncmp(rule->name, name->text, name->len) < 0;
}

/* The first rule about one of the owner's names; or, if there is none, the end. */
static const struct subid_conf_rule *find_exact(const struct subid_conf *conf,
						const struct subid_owner *owner)
{
	const struct subid_conf_rule *first = conf->rules + conf->n_rules;

	for (size_t i = 0; i < count_names(owner); i++) {
		const struct subid_owner_name *name = &owner->spellings[i];
		size_t at =
		    array_search(conf->exact, conf->n_exact,
				 sizeof(const struct subid_conf_rule *), name, is_before);

		/* of names that begin alike, the shortest comes first */
		if (at < conf->n_exact && fits_pattern(conf->exact[at]->name, *name) &&
		    conf->exact[at] < first)
			first = conf->exact[at];
	}
	return first;
}

/* The first rule that fits, or NULL.  0 or -errno. */
static int find_rule(const struct subid_conf *conf, const struct subid_policy *policy,
		     const struct subid_candidate *candidate,
		     const struct subid_conf_rule **ret)
{
	const struct subid_conf_rule *end = conf->rules + conf->n_rules, *first = end;
	size_t n = conf->others == NULL ? conf->n_rules : conf->n_others;

	if (conf->others != NULL)
		first = find_exact(conf, candidate->owner);
	for (size_t i = 0; i < n; i++) {
		const struct subid_conf_rule *rule =
		    conf->others == NULL ? &conf->rules[i] : conf->others[i];
		int r;

		if (rule > first)
			break;
		r = fits(rule, policy, candidate);
		if (r < 0)
			return r;
		if (r == 0) {
			first = rule;
			break;
		}
	}
	*ret = first == end ? NULL : first;
	return 0;
}

int subid_conf_decide(const struct subid_conf *conf, const struct subid_policy *policy,
		      const struct subid_candidate *candidate, struct subid_decision *ret)
{
	struct subid_decision decision = { .rule = NULL };
	int r =
	    conf->n_rules == 0 ? 0 : find_rule(conf, policy, candidate, &decision.rule);

	if (r < 0)
		return r;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		decision.window[kind] = policy->window[kind];
	if (decision.rule == NULL) {
		decision.verdict = without_rule(conf, policy, candidate->owner);
	} else if (decision.rule->verb == SUBID_CONF_NEVER) {
		decision.verdict = SUBID_VERDICT_NEVER;
	} else {
		decision.verdict = SUBID_VERDICT_GIVE;
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
			apply_sizes(decision.rule, &decision.window[kind]);
	}
	*ret = decision;
	return 0;
}
