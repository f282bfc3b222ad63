/* SPDX-License-Identifier: MIT */
#include "tools/subid/rows.h"

#include <termios.h>

#include "support.h"

static const struct rows_column columns[] = {
	{ .heading = "NAME", .key = "name" },
	{ .heading = "ID", .key = "id", .number = true },
	{ .key = "hidden", .number = true },
	{ .heading = "COMMAND", .key = "command", .tree = true },
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void add_rows(struct rows *rows)
{
	static const char cut[] = { 'a', 'b', 'c' };
	const struct rows_cell known[N_COLUMNS] = { rows_bytes(cut, 2), rows_number(0),
						    rows_number(UINT64_MAX >> 1),
						    rows_text("init") };
	const struct rows_cell unknown[N_COLUMNS] = { rows_text(NULL),
						      rows_id(SUBID_ID_NONE),
						      rows_number(1), rows_text("") };
	const struct rows_cell odd[N_COLUMNS] = {
		rows_text("a b\n\\\x1b[2J\xc3\xa9\xc2\x9b\xff"), rows_id(4294967294),
		rows_id(7), rows_text("x y")
	};

	rows_add(rows, known, ROWS_NO_PARENT);
	rows_add(rows, unknown, 0);
	rows_add(rows, odd, 0);
}

/* What is printed while standard output is fd, which is read from reader. */
static void print(const struct cli *cli, int fd, int reader, char *ret, size_t size,
		  void (*add)(struct rows *))
{
	int saved = dup(STDOUT_FILENO);
	struct rows *rows;
	ssize_t n = 0;

	(void)fflush(stdout);
	assert_true(dup2(fd, STDOUT_FILENO) >= 0);
	rows = rows_open(cli, "things", columns, N_COLUMNS);
	assert_non_null(rows);
	if (add != NULL)
		add(rows);
	assert_int_equal(rows_close(rows), EXIT_DONE);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(saved);
	(void)close(fd);
	for (size_t used = 0; n >= 0 && used < size - 1; used += (size_t)n) {
		n = read(reader, ret + used, size - 1 - used);
		if (n <= 0) { /* EIO from a terminal whose other end is closed */
			ret[used] = '\0';
			break;
		}
	}
	(void)close(reader);
}

static void print_to_pipe(const struct cli *cli, char *ret, size_t size,
			  void (*add)(struct rows *))
{
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	print(cli, pipes[1], pipes[0], ret, size, add);
}

static void plain_columns_are_words(void **state)
{
	const struct cli cli = { .json = false };
	char text[1000];

	(void)state;
	print_to_pipe(&cli, text, sizeof(text), add_rows);
	assert_string_equal(text, "ab 0 init\n"
				  "- - -\n"
				  "a\\x20b\\x0a\\x5c\\x1b[2J\\xc3\\xa9\\xc2\\x9b\\xff"
				  " 4294967294 x\\x20y\n");
	print_to_pipe(&cli, text, sizeof(text), NULL);
	assert_string_equal(text, "");
}

static void json_has_all_columns(void **state)
{
	const struct cli cli = { .json = true };
	char text[1000];

	(void)state;
	print_to_pipe(&cli, text, sizeof(text), add_rows);
	assert_string_equal(
	    text,
	    "{\"things\": [\n"
	    "  {\"name\":\"ab\",\"id\":0,\"hidden\":9223372036854775807,"
	    "\"command\":\"init\"},\n"
	    "  {\"name\":null,\"id\":null,\"hidden\":1,\"command\":\"\"},\n"
	    "  {\"name\":\"a b\\n\\\\\\u001B[2J?????\",\"id\":4294967294,\"hidden\":7,"
	    "\"command\":\"x y\"}\n"
	    "]}\n");
	print_to_pipe(&cli, text, sizeof(text), NULL);
	assert_string_equal(text, "{\"things\": []}\n");
}

static void quiet_prints_nothing(void **state)
{
	const struct cli quiet = { .quiet = true },
			 both = { .quiet = true, .json = true };
	char text[1000];

	(void)state;
	print_to_pipe(&quiet, text, sizeof(text), add_rows);
	assert_string_equal(text, "");
	print_to_pipe(&both, text, sizeof(text), add_rows);
	assert_string_equal(text, "");
}

static void a_terminal_gets_a_table(void **state)
{
	const struct cli cli = { .terminal = true, .color = CLI_COLOR_NEVER };
	char text[1000];
	int terminal = posix_openpt(O_RDWR | O_NOCTTY), end;
	struct termios settings;

	(void)state;
	assert_true(terminal >= 0);
	assert_int_equal(grantpt(terminal), 0);
	assert_int_equal(unlockpt(terminal), 0);
	end = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	assert_true(end >= 0);
	assert_int_equal(tcgetattr(end, &settings), 0);
	cfmakeraw(&settings);
	assert_int_equal(tcsetattr(end, TCSANOW, &settings), 0);
	print(&cli, end, terminal, text, sizeof(text), add_rows);
	assert_string_equal(
	    text, "NAME                                        ID COMMAND\n"
		  "ab                                           0 init\n"
		  "-                                            - |--\n"
		  "a b\\x0a\\\\x1b[2J\\xc3\\xa9\\xc2\\x9b\\xff 4294967294 `-x y\n");
}

static void a_list_waits(void **state)
{
	struct range_list list = { .n = 0 };
	const struct cli cli = { .json = false };
	char text[1000], want[1000] = "";
	int pipes[2], saved = dup(STDOUT_FILENO);
	ssize_t n;

	(void)state;
	for (uint32_t i = 0; i < 20; i++) {
		const struct range_row row = {
			.owner = "alice",
			.owner_len = strlen("alice"),
			.kind = i % 2,
			.range = { i * 10 + 1, 10 },
			.state = "granted",
		};

		assert_int_equal(range_list_append(&list, &row), EXIT_DONE);
		(void)snprintf(want + strlen(want), sizeof(want) - strlen(want),
			       "alice %s %u %u 10 granted\n", i % 2 == 0 ? "uid" : "gid",
			       i * 10 + 1, i * 10 + 10);
	}
	assert_int_equal(pipe(pipes), 0);
	(void)fflush(stdout);
	assert_true(dup2(pipes[1], STDOUT_FILENO) >= 0);
	assert_int_equal(range_list_print(&cli, &list), EXIT_DONE);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	n = read(pipes[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_string_equal(text, want);
	range_list_free(&list);
	assert_int_equal(list.n, 0);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	(void)close(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_columns_are_words),
		cmocka_unit_test(json_has_all_columns),
		cmocka_unit_test(quiet_prints_nothing),
		cmocka_unit_test(a_terminal_gets_a_table),
		cmocka_unit_test(a_list_waits),
	};

	return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
