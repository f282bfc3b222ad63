/* SPDX-License-Identifier: MIT */
/*
 * What a container shows of itself: the status of a process, against the same written
 * out anew; its passwd file, against a reader of one line at a time; and processes
 * that are each other's parents in any way, put in order.
 */
#include "fuzz.h"
#include "tools/subid/container_view.h"

/* As the kernel writes a name. */
static void write_command(FILE *out, const char *command)
{
	for (; *command != '\0'; command++) {
		if (*command == '\n')
			(void)fputs("\\n", out);
		else
			(void)fprintf(out, *command == '\\' ? "\\\\" : "%c", *command);
	}
}

static void check_status(const uint8_t *data, size_t size)
{
	struct container_process first, again;
	char *text = NULL;
	size_t len;
	FILE *out;

	if (container_process_parse((const char *)data, size, &first) != 0)
		return;
	must(first.pid >= 0 && first.parent >= 0 && first.inside >= 0);
	must(memchr(first.command, '\0', sizeof(first.command)) != NULL);
	out = open_memstream(&text, &len);
	must(out != NULL);
	(void)fprintf(out, "Umask:\t0022\nName:\t");
	write_command(out, first.command);
	(void)fprintf(out,
		      "\nPid:\t%d\nPPid:\t%d\nUid:\t9\t%u\t9\t9\nGid:\t9\t%u\t9\t9\n"
		      "NSpid:\t77\t%d\n",
		      first.pid, first.parent, first.ids[SUBID_UID], first.ids[SUBID_GID],
		      first.inside);
	must(fclose(out) == 0);
	must(container_process_parse(text, len, &again) == 0);
	must(again.pid == first.pid && again.parent == first.parent &&
	     again.inside == first.inside);
	must(again.ids[SUBID_UID] == first.ids[SUBID_UID] &&
	     again.ids[SUBID_GID] == first.ids[SUBID_GID]);
	must(strcmp(again.command, first.command) == 0);
	free(text);
}

/* The fields of a line, by a NUL at each ':'.  A line with a NUL of its own has none. */
static bool split(char *line, size_t len, char *fields[3])
{
	if (strlen(line) != len)
		return false;
	for (size_t i = 0; i < 3; i++) {
		fields[i] = strsep(&line, ":");
		if (fields[i] == NULL)
			return false;
	}
	return true;
}

static bool read_line(char *line, size_t len, const char **ret_name, uint32_t *ret_id)
{
	char *fields[3], decimal[16];

	if (!split(line, len, fields) || fields[0][0] == '\0' ||
	    strchr("+-#", fields[0][0]) != NULL ||
	    fields[0][strspn(fields[0], "0123456789")] == '\0')
		return false;
	*ret_id = (uint32_t)strtoull(fields[2], NULL, 10);
	(void)snprintf(decimal, sizeof(decimal), "%u", *ret_id);
	*ret_name = fields[0];
	return strcmp(fields[2], decimal) == 0;
}

/* Each line's name is the one of its id, or a line before it has the same id. */
static void check_names(const uint8_t *data, size_t size)
{
	struct subid_text text = make_text(data, size), lines = make_text(data, size);
	struct container_names names;
	size_t pos = 0, len, found = 0;
	const char *line;

	must(container_names_parse(&text, &names) == 0);
	while (subid_text_next(&lines, &pos, &line, &len)) {
		char *copy = strndup(line, len);
		const char *name, *first;
		size_t first_len;
		uint32_t id;

		/* strndup() stops at a NUL */
		if (read_line(copy, len, &name, &id)) {
			found++;
			first = container_names_find(&names, id, &first_len);
			must(first != NULL && first_len > 0);
			must(first - names.text.bytes <= line - lines.bytes);
			must(first - names.text.bytes != line - lines.bytes ||
			     (first_len == strlen(name) &&
			      memcmp(first, name, first_len) == 0));
		}
		free(copy);
	}
	must(names.n == found || memchr(lines.bytes, '\0', lines.size) != NULL);
	container_names_free(&names);
	subid_text_free(&lines);
}

/* Each comes once, behind its parent if that comes at all. */
static void check_order(const uint8_t *data, size_t size)
{
	struct container_process processes[64];
	struct container_place *places;
	uint64_t seen = 0;
	size_t n = 0;

	for (; n < 64 && 2 * n + 1 < size; n++)
		processes[n] = (struct container_process){
			.pid = data[2 * n] % 32,
			.parent = data[2 * n + 1] % 32,
		};
	must(container_order(processes, n, &places) == 0);
	for (size_t i = 0; i < n; i++) {
		must(places[i].index < n && (seen >> places[i].index & 1) == 0);
		seen |= UINT64_C(1) << places[i].index;
		must(places[i].parent == SIZE_MAX || places[i].parent < i);
		must(places[i].parent != SIZE_MAX
			 ? places[i].depth == places[places[i].parent].depth + 1
			 : places[i].depth == 0);
		if (places[i].parent != SIZE_MAX)
			must(processes[places[places[i].parent].index].pid ==
			     processes[places[i].index].parent);
	}
	free(places);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_status(data, size);
	check_names(data, size);
	check_order(data, size);
	return 0;
}
