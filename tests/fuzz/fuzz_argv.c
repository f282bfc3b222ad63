/* SPDX-License-Identifier: MIT */
/*
 * The words of newuidmap's command line that make the map: everything that an
 * unprivileged caller hands to the privileged program, up to the first effect.
 * Words are separated by blanks.
 */
#include "fuzz.h"

static FILE *messages;

#undef stderr
#define stderr messages
#include "tools/newidmap/words.c"
#undef stderr

#define WORDS_MAX 1100

/* What a word must be, told by printing it again. */
static bool plain_id(const char *word, uint32_t *ret)
{
	unsigned long long value = strtoull(word, NULL, 10);
	char again[32];

	(void)snprintf(again, sizeof(again), "%llu", value);
	*ret = (uint32_t)value;
	return strcmp(word, again) == 0 && value <= UINT32_MAX;
}

static bool plain_map(size_t n, char *const words[], struct subid_map_line *lines)
{
	size_t a, b;

	if (n == 0 || n % 3 != 0 || n / 3 > SUBID_MAP_LINES_MAX)
		return false;
	for (size_t i = 0; i < n; i += 3) {
		struct subid_map_line *line = &lines[i / 3];
		uint32_t inside, outside, count;

		if (!plain_id(words[i], &inside) || !plain_id(words[i + 1], &outside) ||
		    !plain_id(words[i + 2], &count) || count == 0 ||
		    (uint64_t)inside + count > UINT32_MAX ||
		    (uint64_t)outside + count > UINT32_MAX)
			return false;
		line->inside = (struct id_range){ inside, count };
		line->outside = (struct id_range){ outside, count };
	}
	return !subid_map_overlaps(lines, n / 3, &a, &b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct idmap_kind kind = {
		.table = SUBID_UID,
		.prog = "newuidmap",
		.map_file = "uid_map",
	};
	static struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	static char *words[WORDS_MAX];
	static struct call call;
	struct subid_text text = make_text(data, size);
	char *rest = text.bytes, *word;
	size_t n = 0;
	bool plain;
	int r;

	if (messages == NULL)
		messages = fopen("/dev/null", "we");
	must(messages != NULL);
	while (n < WORDS_MAX && (word = strsep(&rest, " ")) != NULL)
		words[n++] = word;
	call = (struct call){ .kind = &kind };
	r = parse_map(&call, (int)n, words);
	plain = plain_map(n, words, lines);
	must(r == (plain ? 0 : EXIT_FAILURE));
	for (size_t i = 0; plain && i < n / 3; i++) {
		must(id_range_equal(call.lines[i].inside, lines[i].inside));
		must(id_range_equal(call.lines[i].outside, lines[i].outside));
	}
	must(!plain || call.n == n / 3);
	subid_text_free(&text);
	return 0;
}
