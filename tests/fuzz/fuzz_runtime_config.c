/* SPDX-License-Identifier: MIT */
/*
 * What a program says is its version, and the names of an owner and a container, a
 * byte 0x1e in between, in the texts to paste: whole lines of their own, JSON where it
 * is to be, and no name is more than a word of the shell.
 */
#include "fuzz.h"
#include "libsubid/change/change.h"
#include "libsubid/runtimes/private.h"
#include "tools/subid/runtime_config.h"

#define SEPARATOR 0x1e

/* The digits that the text begins with, up to what a number may have. */
static struct runtime_version check_version(const char *text)
{
	struct runtime_version version = { .major = 77, .minor = 77 };
	bool any = strpbrk(text, "0123456789") != NULL;

	must(runtime_version_parse(text, &version) == any);
	must(any || (version.major == 77 && version.minor == 77));
	must(version.major <= 1000000 && version.minor <= 1000000);
	return version;
}

static bool is_json(const char *text)
{
	struct json json = json_open(text, strlen(text));
	enum json_token token;

	while ((token = json_next(&json)) != JSON_END)
		if (token == JSON_BAD)
			return false;
	return true;
}

/* How many words of a shell, and that nothing in them is more than a letter. */
static size_t count_words(const char *text, size_t len)
{
	bool quoted = false, in_word = false;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '\'')
			quoted = !quoted;
		else if (!quoted && c == '\\')
			i++;
		else if (!quoted)
			must(strchr("\"$`;&|<>()*?[]{}~#!\n\t", c) == NULL);
		if (!quoted && c == ' ') {
			in_word = false;
			continue;
		}
		n += !in_word;
		in_word = true;
	}
	must(!quoted);
	return n;
}

/* "lxc config set NAME security.idmap.base 100000": a name is one word. */
static void check_commands(const char *text)
{
	const struct subid_text all = { .bytes = (char *)(uintptr_t)text,
					.size = strlen(text) };
	size_t pos = 0, len;
	const char *line;

	while (subid_text_next(&all, &pos, &line, &len))
		must(count_words(line, len) == 6);
}

static void check_texts(const char *owner, const char *container,
			struct runtime_version version)
{
	struct id_range range = { 100000, 65536 };
	const struct subid_sets ids = { .of = { { .ranges = &range, .n = 1 },
						{ .ranges = &range, .n = 1 } } };
	struct runtime_config_ids share = {
		.name = owner,
		.container = container,
		.has_account = true,
		.all = &ids,
		.ids = &ids,
	};
	size_t n;
	const struct runtime_config_row *runtimes = runtime_config_rows(&n);

	for (size_t i = 0; i < 3 * n; i++) {
		const struct runtime_config_row *runtime = &runtimes[i % n];
		auto_runtime_config struct runtime_config setup = { .text = NULL };
		int r;

		/* root, another account, none */
		share.own[SUBID_UID] = share.own[SUBID_GID] = i < n ? 0 : 1000;
		share.has_account = i < 2 * n;
		r = runtime_config_make(runtime, &share, SUBID_ID_NONE, version, &setup);
		must(r == 0 || r == SUBID_DENIED);
		must((r == 0) == (setup.refusal == NULL));
		if (r != 0)
			continue;
		must(setup.text[0] != '\0' && setup.text[strlen(setup.text) - 1] == '\n');
		must(!runtime->is_json || is_json(setup.text));
		if (runtime->roots && container != NULL)
			check_commands(setup.text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct subid_text text = make_text(data, size);
	char *owner = strchr(text.bytes, SEPARATOR), *container = NULL;
	struct runtime_version version;

	if (owner != NULL) {
		*owner++ = '\0';
		container = strchr(owner, SEPARATOR);
	}
	if (container != NULL)
		*container++ = '\0';
	version = check_version(text.bytes);
	if (owner != NULL && subid_owner_valid(owner, strlen(owner)) &&
	    (container == NULL || subid_lease_name_valid(container, strlen(container))))
		check_texts(owner, container, version);
	subid_text_free(&text);
	return 0;
}
