/* SPDX-License-Identifier: MIT */
/*
 * Rules of the kernel's audit: which of them watch a file.
 */
#include "libsubid/audit/private.h"

#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

/* /etc/subuid, and /usr/bin/newuidmap as a program: each watched? */
static const struct {
	const char *rules;
	bool table, program;
} rules[] = {
	{ "", false, false },
	{ "-w /etc/subuid -p wa -k subid\n", true, false },
	{ "-w /etc/subuid\n", true, false },
	{ "-w/etc/subuid -pwa", true, false },
	{ "-p wa -w /etc/subuid\r\n", true, false },
	{ "  -w\t/etc/subuid\n", true, false },
	{ "-w /etc -p wa\n", true, false },
	{ "-w /etc/ -p wa\n", true, false },
	{ "-a always,exit -F arch=b64 -F path=/etc/subuid -F perm=wa -F key=x\n", true,
	  false },
	{ "-a always,exit -Fpath=/etc/subuid\n", true, false },
	{ "-a always,exit -F dir=/etc -F perm=wa\n", true, false },
	{ "-A exit,always -F dir=/etc/\n", true, false },
	{ "-w /usr/bin/newuidmap -p x\n", false, true },
	{ "-a always,exit -F path=/usr/bin/newuidmap -F perm=x -F auid>=1000\n", false,
	  true },
	{ "-w /usr/bin -p wa\n-w /etc/subuid -p a\n", false, true },
	{ "-D\n-b 8192\n-w /etc/passwd\n-w /etc/subuid -p w\n-e 2\n", true, false },
	/* not it */
	{ "# -w /etc/subuid\n", false, false },
	{ "-k x # -w /etc/subuid\n", false, false },
	{ "-w /etc/subuid -p ra\n", false, false },
	{ "-w /etc/subuid -p x\n", false, false },
	{ "-a always,exit -F path=/etc/subuid -F perm=r\n", false, false },
	{ "-a never,exit -F path=/etc/subuid\n", false, false },
	{ "-a exit,never -F dir=/etc\n", false, false },
	{ "-a always,exit -F path!=/etc/subuid\n", false, false },
	{ "-w /etc/subuid- -p wa\n", false, false },
	{ "-w /etc/subui -p wa\n", false, false },
	{ "-w /etc/sub -p wa\n", false, false },
	{ "-w /et -p wa\n", false, false },
	{ "-w / -p wa\n", false, false }, /* auditctl(8) refuses it */
	{ "-w // -p wa\n", false, false },
	{ "-w\n/etc/subuid\n", false, false },
	{ "-w", false, false },
	{ "-F path=", false, false },
	{ "-F", false, false },
	{ "-W /etc/subuid -p wa\n", false, false },
	{ "/etc/subuid\n- -- -x\n", false, false },
};

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(rules); i++) {
		struct watched_path watches[] = {
			{ .path = "/etc/subuid" },
			{ .path = "/usr/bin/newuidmap", .programs = true },
		};
		size_t size = strlen(rules[i].rules);
		struct subid_text text = { malloc(size + 1), size };

		memcpy(text.bytes, rules[i].rules, size + 1);
		kernel_audit_rules_parse(&text, watches, 2);
		free(text.bytes);
		if (watches[0].watched != rules[i].table ||
		    watches[1].watched != rules[i].program)
			fail_msg("\"%s\": %d, %d", rules[i].rules, watches[0].watched,
				 watches[1].watched);
	}
}

/* A NUL in a rule: found by the fuzzer, once read beyond the path. */
static void test_rules_with_nul(void **state)
{
	static const char rule[] = "-w /etc/subuid\0and more";
	char *path = strdup("/etc/subuid");
	struct watched_path watch = { .path = path };
	struct subid_text text = { (char *)(uintptr_t)rule, sizeof(rule) - 1 };

	(void)state;
	kernel_audit_rules_parse(&text, &watch, 1);
	assert_false(watch.watched);
	text.size = strlen(rule);
	kernel_audit_rules_parse(&text, &watch, 1);
	assert_true(watch.watched);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rules_with_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
