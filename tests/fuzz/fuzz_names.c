/* SPDX-License-Identifier: MIT */
/*
 * The owners in a file (grant --from): what is taken is what a reader of the bytes, one
 * by one, takes.
 */
#include "fuzz.h"

/* Complaints are counted, and not printed. */
static unsigned int complaints;
#define fprintf(...) (complaints++, 0)
#include "tools/subid/cli.c"
#undef fprintf

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next line with a name in it, without blanks around it; false: there is none. */
static bool next_name(const struct subid_text *text, size_t *pos, const char **ret,
		      size_t *ret_len)
{
	const char *line;
	size_t len;

	while (subid_text_next(text, pos, &line, &len)) {
		while (len > 0 && is_blank(line[0])) {
			line++;
			len--;
		}
		while (len > 0 && is_blank(line[len - 1]))
			len--;
		if (len == 0 || line[0] == '#')
			continue;
		*ret = line;
		*ret_len = len;
		return true;
	}
	return false;
}

/* Up to the first line with a NUL in it, at which reading ends. */
static void check_names(const struct cli_names *names, const struct subid_text *text)
{
	const char *at = names->text, *line;
	size_t pos = 0, len;

	for (size_t i = 0; i < names->n; i++, at += strlen(at) + 1) {
		must(next_name(text, &pos, &line, &len));
		must(strlen(at) == len && memcmp(at, line, len) == 0);
	}
	must(names->n == 0 || at == names->text + names->size);
	if (complaints == 0)
		must(!next_name(text, &pos, &line, &len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct subid_text text = make_text(data, size);
	struct cli_names names = { .n = 0 };
	FILE *stream;
	int status;

	complaints = 0;
	stream = size == 0 ? NULL : fmemopen(text.bytes, size, "r");
	if (stream != NULL) {
		status = cli_names_read_stream(&names, "f", stream);
		must(status == (memchr(data, '\0', size) == NULL ? EXIT_DONE : EXIT_NO));
		must(complaints == (status != EXIT_DONE));
		check_names(&names, &text);
		must(fclose(stream) == 0);
	}
	cli_names_free(&names);
	subid_text_free(&text);
	return 0;
}
