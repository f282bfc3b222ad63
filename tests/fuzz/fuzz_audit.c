/* SPDX-License-Identifier: MIT */
/*
 * passwd, group, subuid, subgid and login.defs of any bytes, one behind the other with a
 * line "%%" between them; what the auditor says of them, and of a namespace made up of
 * the same numbers.
 */
#include "fuzz.h"
#include "libsubid/audit/audit.h"
#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"

#define SEPARATOR "%%\n"

/* Cuts off the part up to the separator, and leaves what is behind it. */
static struct subid_text cut_part(const char **at, const char *end)
{
	size_t len = strlen(SEPARATOR);
	const char *stop = memmem(*at, (size_t)(end - *at), SEPARATOR, len);
	struct subid_text part =
	    make_text(*at, (size_t)((stop == NULL ? end : stop) - *at));

	*at = stop == NULL ? end : stop + len;
	return part;
}

/* Letters of UTF-8 may be in it, and nothing that a terminal acts on. */
static void check_text(const char *text)
{
	must(text != NULL && *text != '\0');
	for (size_t len = strlen(text), n; len > 0; text += n, len -= n) {
		bool safe;

		n = printable_next(text, len, &safe);
		must(*text == '\n' || (safe && (n > 1 || *text <= '~')));
	}
}

/* Is what stands outside of quotes only what we have put there, of these characters? */
static void check_quotes(const char *command, const char *characters)
{
	bool quoted = false;

	for (const char *c = command; *c != '\0'; c++) {
		if (*c == '\'')
			quoted = !quoted;
		else if (!quoted)
			must(strchr(characters, *c) != NULL);
	}
	must(!quoted);
}

/* Has a line, or an account, that name? */
static bool is_known(const struct audit_input *in, const struct subid_owner_name *name)
{
	struct subid_account account;

	for (size_t kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_table *table = in->tables[kind];

		for (size_t i = 0; i < table->n; i++)
			if (table->entries[i].owner_len == name->len &&
			    memcmp(subid_table_owner(table, &table->entries[i]),
				   name->text, name->len) == 0)
				return true;
	}
	return subid_users_by_name(in->users, name->text, name->len, &account);
}

/* Threat: a name in a command that root runs.  In quotes it is as the table has it;
 * without them only where it has no character that the shell knows. */
static void check_fix(const struct audit_input *in, const struct audit_fix *fix)
{
	static const char *const others[] = {
		"usermod -u ", "groupmod -g ",	   "subid shift ",     "find / -xdev ",
		"sed -i ",     "LC_ALL=C sed -i ", "subid revoke ",    "echo ",
		"kill ",       "subid grant ",	   "timeout 20 sh -c "
	};
	char *command = audit_fix_command(fix, NULL);
	bool known = false;

	check_text(command);
	if (audit_fix_is_own(fix)) {
		must(strncmp(command, "subid ", 6) == 0);
		check_quotes(command, "abcdefghijklmnopqrstuvwxyz0123456789-: ");
		must(fix->owner.len == 0 || is_known(in, &fix->owner));
		must(fix->owner.len == 0 ||
		     memmem(command, strlen(command), fix->owner.text, fix->owner.len));
	} else {
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			known |= strncmp(command, others[i], strlen(others[i])) == 0;
		must(known);
		check_quotes(command,
			     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "0123456789-:._/>=&,|+# ");
	}
	free(command);
}

static void check_finding(const struct audit_finding *finding,
			  const struct audit_input *in)
{
	must(audit_rule_find(finding->rule->name) == finding->rule);
	must(finding->count > 0);
	must(finding->kind >= -1 && finding->kind < SUBID_KINDS);
	must(id_range_end(finding->range) <= ID_COUNT_MAX);
	must(finding->other_line == 0 || finding->line != finding->other_line);
	if (finding->kind >= 0 && finding->file != NULL &&
	    strcmp(finding->file, subid_kind_table((enum subid_kind)finding->kind)) ==
		0) {
		const struct subid_table *table = in->tables[finding->kind];

		must((finding->line > 0 || finding->count > 1) &&
		     finding->line <= table->n + table->n_malformed);
		must(finding->other_line <= table->n + table->n_malformed);
	}
	check_text(finding->reason);
	check_text(finding->remedy);
	for (size_t i = 0; i < finding->n_fixes; i++)
		check_fix(in, &finding->fixes[i]);
}

static void check_report(const struct audit_report *report, const struct audit_input *in)
{
	size_t counts[SUBID_LEVELS] = { 0 };

	for (size_t i = 0; i < report->n; i++) {
		const struct audit_finding *finding = &report->findings[i];

		check_finding(finding, in);
		counts[finding->rule->level] += finding->count;
		must(i == 0 || finding->rule->level <= finding[-1].rule->level);
	}
	for (size_t level = 0; level < SUBID_LEVELS; level++)
		must(counts[level] == report->counts[level]);
	for (size_t kind = 0; kind < SUBID_KINDS; kind++)
		must(report->use[kind].free <= report->use[kind].ids);
}

/* A namespace of somebody that maps what the tables begin with. */
static void check_live(struct audit_input *in)
{
	struct subid_map_line lines[SUBID_KINDS][4] = { { { .inside = { 0, 0 } } } };
	struct subid_live_userns userns[3] = {
		{ .inode = 1 },
		{ .inode = 2, .owner = 1000, .setgroups = SUBID_SETGROUPS_ALLOW },
		{ .inode = 3 },
	};
	const struct subid_live live = { .userns = userns, .n = 3 };
	auto_report struct audit_report report = { .n = 0 };

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_table *table = in->tables[kind];

		for (size_t i = 0; i < table->n && i < 4; i++)
			lines[kind][i] = (struct subid_map_line){
				{ 0, table->entries[i].range.count },
				table->entries[i].range,
			};
		for (size_t i = 1; i < 3; i++)
			userns[i].maps[kind] = (struct subid_live_map){
				.lines = lines[kind],
				.n = table->n < 4 ? table->n : 4,
			};
	}
	in->live = &live;
	must(audit_check(in, &report) == 0);
	check_report(&report, in);
}

static void check_audit(struct audit_input *in)
{
	static const struct subid_acceptance accepted[] = {
		{ .rule = "overlap-owners", .reason = "" },
		{ .rule = "unknown-owner", .owner = "ghost", .reason = "" },
	};
	auto_report struct audit_report report = { .n = 0 }, left = { .n = 0 };
	size_t all = 0, kept = 0;

	must(audit_check(in, &report) == 0);
	check_report(&report, in);
	in->accepted = accepted;
	in->n_accepted = 2;
	must(audit_check(in, &left) == 0);
	check_report(&left, in);
	for (size_t level = 0; level < SUBID_LEVELS; level++) {
		all += report.counts[level];
		kept += left.counts[level];
	}
	must(all == kept + left.accepted);
	must(left.accepted == left.accepted_by[0] + left.accepted_by[1]);
	in->n_accepted = 0;
	check_live(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct subid_policy policy = subid_policy_default;
	struct audit_input in = { .policy = &policy };
	auto_users struct subid_users *users = NULL;
	auto_table struct subid_table uids = { .n = 0 }, gids = { .n = 0 };
	static const char *const names[] = { "passwd", "group" };
	struct subid_place place;
	struct subid_text text;

	for (size_t i = 0; i < 2; i++) {
		text = cut_part(&at, end);
		put_file(scratch_dir(), names[i], text.bytes, text.size);
		subid_text_free(&text);
	}
	must(subid_users_load(scratch_dir(), false, &users, NULL) == 0);
	text = cut_part(&at, end);
	must(subid_table_from_text(SUBID_UID, &text, &uids) == 0);
	text = cut_part(&at, end);
	must(subid_table_from_text(SUBID_GID, &text, &gids) == 0);
	text = cut_part(&at, end);
	if (subid_policy_parse(text.bytes, text.size, &policy, &place) != 0)
		policy = subid_policy_default;
	subid_text_free(&text);
	in.users = users;
	in.tables[SUBID_UID] = &uids;
	in.tables[SUBID_GID] = &gids;
	check_audit(&in);
	return 0;
}
