/* SPDX-License-Identifier: MIT */
/*
 * What the auditor's tests share: a case is a few texts, as files have them, and the
 * exact list of what must be found in them, one finding a line:
 *
 *     critical overlap-owners uid 1+2 alice/bob 150000:15536
 *     info duplicate-line uid 2+1 alice 100000:10 x3
 *
 * level, rule, kind ("-": both), line and the other line, owner and the other owner, the
 * ids, and for how many cases it stands if for more than one; what there is not is left
 * out.  Nothing else may be found.
 */
#pragma once

#include "libsubid/audit/audit.h"
#include "libsubid/core/printable.h"

#include "support.h"

struct audit_case {
	const char *name;
	/* \1 stands for a NUL; NULL: could not be read, so that one kind is looked at */
	const char *tables[SUBID_KINDS];
	const char *passwd; /* behind audit_passwd[] */
	const char *group;  /* behind audit_group[] */
	const char *defs;   /* login.defs */
	const char *expected;
};

/* Who is there in every case. */
static const char audit_passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
				   "daemon:x:1:1:daemon:/:/usr/sbin/nologin\n"
				   "alice:x:1001:1001::/home/alice:/bin/bash\n"
				   "bob:x:1002:1002::/home/bob:/bin/bash\n"
				   "carol:x:1003:1003::/home/carol:/bin/bash\n"
				   "nobody:x:65534:65534::/:/usr/sbin/nologin\n";
static const char audit_group[] = "root:x:0:\n"
				  "daemon:x:1:\n"
				  "users:x:100:alice,bob\n"
				  "alice:x:1001:\n"
				  "bob:x:1002:\n"
				  "carol:x:1003:\n"
				  "nogroup:x:65534:\n";

/* A case's texts as the auditor takes them. */
struct audit_world {
	struct subid_table tables[SUBID_KINDS];
	struct subid_users *users;
	struct subid_policy policy;
	struct audit_input input;
};

static inline void audit_put_joined(int dir, const char *name, const char *a,
				    const char *b)
{
	char *text;

	assert_true(asprintf(&text, "%s%s", a, b == NULL ? "" : b) >= 0);
	put_file(dir, name, text);
	free(text);
}

static inline void audit_read_table(enum subid_kind kind, const char *bytes,
				    struct subid_table *ret)
{
	struct subid_text text = { .bytes = strdup(bytes), .size = strlen(bytes) };

	assert_non_null(text.bytes);
	for (size_t i = 0; i < text.size; i++)
		if (text.bytes[i] == '\1')
			text.bytes[i] = '\0';
	assert_int_equal(subid_table_from_text(kind, &text, ret), 0);
}

static inline void audit_world_make(int dir, const struct audit_case *c,
				    struct audit_world *ret)
{
	struct subid_place place;
	const char *defs = c->defs == NULL ? "" : c->defs;

	*ret = (struct audit_world){ .policy = subid_policy_default };
	audit_put_joined(dir, "passwd", audit_passwd, c->passwd);
	audit_put_joined(dir, "group", audit_group, c->group);
	assert_int_equal(subid_users_load(dir, false, &ret->users, NULL), 0);
	assert_int_equal(subid_policy_parse(defs, strlen(defs), &ret->policy, &place), 0);
	ret->input.users = ret->users;
	ret->input.policy = &ret->policy;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		if (c->tables[kind] == NULL)
			continue;
		audit_read_table(kind, c->tables[kind], &ret->tables[kind]);
		ret->input.tables[kind] = &ret->tables[kind];
	}
}

/* A store of leases with that text in both files; user NULL: root's. */
static inline void audit_load_store(int dir, const char *text, const char *user,
				    uint32_t uid, struct audit_store *ret)
{
	static const char *const names[SUBID_KINDS] = { "store/subuid", "store/subgid" };
	int fd;

	put_dir(dir, "store");
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		put_file(dir, names[kind], text);
	fd = openat(dir, "store", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	*ret = (struct audit_store){
		.path = strdup(user == NULL ? "/state" : "/home/own"),
		.user = user == NULL ? NULL : strdup(user),
		.uid = uid,
	};
	assert_int_equal(subid_leases_load(fd, user, &ret->leases), 0);
	assert_int_equal(close(fd), 0);
}

static inline void audit_free_store(struct audit_store *store)
{
	subid_leases_free(&store->leases);
	free(store->path);
	free(store->user);
}

static inline void audit_world_free(struct audit_world *world)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_table_free(&world->tables[kind]);
	subid_users_free(&world->users);
}

#define AUDIT_LINE_MAX 512

/* A finding as a case has it. */
static inline void audit_print(const struct audit_finding *finding,
			       char buf[AUDIT_LINE_MAX])
{
	const char *kind =
	    finding->kind < 0 ? "-" : subid_kind_name((enum subid_kind)finding->kind);
	int n =
	    snprintf(buf, AUDIT_LINE_MAX, "%s %s %s",
		     audit_level_name(finding->rule->level), finding->rule->name, kind);

#define AUDIT_PUT(...) n += snprintf(buf + n, (size_t)(AUDIT_LINE_MAX - n), __VA_ARGS__)
	if (finding->line > 0)
		AUDIT_PUT(" %zu", finding->line);
	if (finding->other_line > 0)
		AUDIT_PUT("+%zu", finding->other_line);
	if (finding->userns > 0)
		AUDIT_PUT(" ns%llu", (unsigned long long)finding->userns);
	if (finding->owner.len > 0)
		AUDIT_PUT(" %.*s", (int)finding->owner.len, finding->owner.text);
	if (finding->other.len > 0)
		AUDIT_PUT("/%.*s", (int)finding->other.len, finding->other.text);
	if (finding->range.count > 0)
		AUDIT_PUT(" %u:%u", finding->range.start, finding->range.count);
	if (finding->count > 1)
		AUDIT_PUT(" x%zu", finding->count);
	(void)snprintf(buf + n, (size_t)(AUDIT_LINE_MAX - n), "\n");
#undef AUDIT_PUT
}

/* All findings, one a line; the caller frees it. */
static inline char *audit_print_all(const struct audit_report *report)
{
	char *all = calloc(report->n + 1, AUDIT_LINE_MAX), *at = all;

	assert_non_null(all);
	for (size_t i = 0; i < report->n; i++) {
		audit_print(&report->findings[i], at);
		at += strlen(at);
	}
	return all;
}

/* The same of those that are wanted. */
static inline char *audit_print_only(const struct audit_report *report,
				     bool (*is_wanted)(const struct audit_finding *))
{
	struct audit_report only = *report;
	struct audit_finding *kept = calloc(report->n + 1, sizeof(*kept));
	char *text;

	assert_non_null(kept);
	only.n = 0;
	for (size_t i = 0; i < report->n; i++)
		if (is_wanted(&report->findings[i]))
			kept[only.n++] = report->findings[i];
	only.findings = kept;
	text = audit_print_all(&only);
	free(kept);
	return text;
}

static inline void audit_assert_printable(const char *text)
{
	assert_true(strlen(text) > 10);
	for (size_t n; *text != '\0'; text += n) {
		bool safe;

		n = printable_next(text, strlen(text), &safe);
		if (*text != '\n' && (!safe || (n == 1 && (*text < ' ' || *text > '~'))))
			fail_msg("byte %d in a text for people", *text);
	}
}

/* What is true of every report. */
static inline void audit_assert_sound(const struct audit_report *report)
{
	size_t counts[SUBID_LEVELS] = { 0 };

	for (size_t i = 0; i < report->n; i++) {
		const struct audit_finding *finding = &report->findings[i];

		assert_true(finding->count > 0);
		counts[finding->rule->level] += finding->count;
		assert_true(i == 0 || finding->rule->level <= finding[-1].rule->level);
		assert_true(i == 0 || finding->rule->level < finding[-1].rule->level ||
			    finding->rule >= finding[-1].rule);
		audit_assert_printable(finding->reason);
		audit_assert_printable(finding->remedy);
		assert_true(!finding->remedy_is_fixes || finding->n_fixes > 0);
		for (size_t j = 0; j < finding->n_fixes; j++) {
			char *command = audit_fix_command(&finding->fixes[j], NULL);

			assert_non_null(command);
			audit_assert_printable(command);
			assert_null(strchr(command, '\n'));
			free(command);
		}
	}
	for (size_t level = 0; level < SUBID_LEVELS; level++)
		assert_int_equal(report->counts[level], counts[level]);
}

/* What is found in a machine, of what is wanted, is expected. */
static inline bool audit_finds(const char *name, const struct audit_input *input,
			       struct audit_report *report,
			       bool (*is_wanted)(const struct audit_finding *),
			       const char *expected)
{
	char *found;
	bool right;

	assert_int_equal(audit_check(input, report), 0);
	audit_assert_sound(report);
	found = audit_print_only(report, is_wanted);
	right = strcmp(found, expected) == 0;
	if (!right)
		print_error("%s: found:\n%swanted:\n%s", name, found, expected);
	free(found);
	return right;
}

static inline size_t audit_cases(const struct audit_report *report)
{
	size_t n = 0;

	for (size_t level = 0; level < SUBID_LEVELS; level++)
		n += report->counts[level];
	return n;
}

/* What is left of a report, and how much is accepted, once something is accepted. */
static inline void audit_assert_accepted(const struct audit_world *world,
					 const struct audit_report *all, const char *rule,
					 const char *owner)
{
	struct subid_acceptance accepted[] = {
		{ .rule = "no-such-rule", .reason = "" },
		{ .rule = rule, .owner = owner, .reason = "" },
	};
	struct audit_input input = world->input;
	auto_report struct audit_report left = { .n = 0 };
	size_t gone = 0, n = 0;

	input.accepted = accepted;
	input.n_accepted = sizeof(accepted) / sizeof(accepted[0]);
	assert_int_equal(audit_check(&input, &left), 0);
	audit_assert_sound(&left);
	for (size_t i = 0; i < all->n; i++) {
		const struct audit_finding *finding = &all->findings[i];
		char wanted[AUDIT_LINE_MAX], got[AUDIT_LINE_MAX];

		if (strcmp(finding->rule->name, rule) == 0 &&
		    (owner == NULL ||
		     (finding->owner.len == strlen(owner) &&
		      memcmp(finding->owner.text, owner, finding->owner.len) == 0))) {
			gone += finding->count;
			continue;
		}
		assert_true(n < left.n);
		audit_print(finding, wanted);
		audit_print(&left.findings[n++], got);
		assert_string_equal(got, wanted);
	}
	assert_int_equal(left.n, n);
	assert_int_equal(left.accepted, gone);
	assert_int_equal(left.accepted_by[0], 0);
	assert_int_equal(left.accepted_by[1], gone);
	assert_int_equal(audit_cases(&left) + gone, audit_cases(all));
}

/* Accepts each thing that was found: for everybody, for its owner, for another. */
static inline void audit_try_accepting(const struct audit_world *world,
				       const struct audit_report *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct audit_finding *finding = &all->findings[i];
		char *owner =
		    strndup(finding->owner.text == NULL ? "" : finding->owner.text,
			    finding->owner.len);

		audit_assert_accepted(world, all, finding->rule->name, NULL);
		if (strlen(owner) > 0 && strlen(owner) == finding->owner.len)
			audit_assert_accepted(world, all, finding->rule->name, owner);
		audit_assert_accepted(world, all, finding->rule->name, "somebody else");
		free(owner);
	}
}

/* Was just that found which the case wants? */
static inline bool audit_run_case(int dir, const struct audit_case *c)
{
	struct audit_world world;
	auto_report struct audit_report report = { .n = 0 };
	char *found;
	bool right;

	audit_world_make(dir, c, &world);
	assert_int_equal(audit_check(&world.input, &report), 0);
	found = audit_print_all(&report);
	right = strcmp(found, c->expected) == 0;
	if (!right)
		print_error("%s: found:\n%swanted:\n%s", c->name, found, c->expected);
	free(found);
	audit_assert_sound(&report);
	audit_try_accepting(&world, &report);
	audit_report_free(&report);
	audit_world_free(&world);
	return right;
}

/* All of them, also when one fails. */
static inline void audit_run_cases(int dir, const struct audit_case *cases, size_t n)
{
	size_t wrong = 0;

	for (size_t i = 0; i < n; i++)
		wrong += !audit_run_case(dir, &cases[i]);
	assert_int_equal(wrong, 0);
}
