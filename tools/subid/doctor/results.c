/* SPDX-License-Identifier: MIT */
#include "tools/subid/doctor/results.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

/*
 * A record is a letter, for a level or 'b' for the begin of a check, and four texts, each
 * with its NUL.
 */
static const char letters[] = { 'o', 'w', 'F', '?' };
static const char *const words[] = { "ok", "warn", "FAIL", "unknown" };

static void send_record(const struct doctor *d, char letter, const char *const texts[4])
{
	size_t size = 1, at = 1;
	auto_free char *record = NULL;

	for (int i = 0; i < 4; i++)
		size += texts[i] == NULL ? 1 : strlen(texts[i]) + 1;
	record = calloc(1, size);
	if (record == NULL)
		return;
	record[0] = letter;
	for (int i = 0; i < 4; i++) {
		if (texts[i] != NULL)
			memcpy(record + at, texts[i], strlen(texts[i]));
		at += texts[i] == NULL ? 1 : strlen(texts[i]) + 1;
	}
	(void)child_send(d->writer, record, size); /* else the parent sees the end */
}

void doctor_say(struct doctor *d, enum doctor_level level, const char *what,
		const char *why, const char *command)
{
	const char *const texts[4] = { d->check, what, why, command };

	d->said = true;
	send_record(d, letters[level], texts);
}

void doctor_begin(struct doctor *d, const char *check)
{
	const char *const texts[4] = { check, NULL, NULL, NULL };

	d->check = check;
	d->said = false;
	send_record(d, 'b', texts);
}

int doctor_results_add(struct doctor_results *results, struct doctor_result result)
{
	if (array_grow(&results->list, results->n, sizeof(*results->list)) < 0)
		return -ENOMEM;
	results->list[results->n++] = result;
	return 0;
}

int doctor_results_read(const struct subid_text *text, struct doctor_results *ret)
{
	const char *at = text->bytes, *end = at + text->size;

	ret->last = "start";
	while (at < end) {
		const char *letter = at++, *texts[4];
		int i = 0;

		for (; i < 4 && at < end && memchr(at, '\0', (size_t)(end - at)) != NULL;
		     i++) {
			texts[i] = at;
			at += strlen(at) + 1;
		}
		if (i < 4)
			return 0; /* cut off */
		if (*letter == 'b') {
			ret->last = texts[0][0] == '\0' ? NULL : texts[0];
			continue;
		}
		for (size_t level = 0; level < sizeof(letters); level++)
			if (letters[level] == *letter &&
			    doctor_results_add(
				ret, (struct doctor_result){ (enum doctor_level)level,
							     texts[0], texts[1], texts[2],
							     texts[3] }) < 0)
				return -ENOMEM;
	}
	return 0;
}

static size_t count(const struct doctor_results *results, enum doctor_level level)
{
	size_t n = 0;

	for (size_t i = 0; i < results->n; i++)
		n += results->list[i].level == level;
	return n;
}

static int status_of(const struct doctor_results *results)
{
	if (count(results, DOCTOR_FAIL) > 0)
		return EXIT_NO;
	return count(results, DOCTOR_UNKNOWN) > 0 ? EXIT_UNABLE : EXIT_DONE;
}

static json_t *optional(const char *text)
{
	return text[0] == '\0' ? json_null() : cli_json_name(text, strlen(text));
}

static int print_json(const struct doctor_results *results, const char *owner,
		      const char *runtime)
{
	json_t *checks = json_array();

	for (size_t i = 0; i < results->n; i++) {
		const struct doctor_result *one = &results->list[i];

		(void)json_array_append_new(
		    checks,
		    json_pack("{s:o, s:s, s:o, s:o, s:o}", "check",
			      cli_json_name(one->check, strlen(one->check)), "level",
			      words[one->level], "what",
			      cli_json_name(one->what, strlen(one->what)), "why",
			      optional(one->why), "command", optional(one->command)));
	}
	return cli_print_json(json_pack("{s:o, s:s?, s:o}", "owner",
					cli_json_name(owner, strlen(owner)), "for",
					runtime, "checks", checks));
}

/* A text behind a word, in lines that fit; commands stay whole, to be pasted. */
static void print_behind(const char *word, const char *text, bool wrap)
{
	const size_t room = 66;
	const char *at = text;

	(void)printf("      %-6s", word);
	while (wrap && strlen(at) > room) {
		size_t len = room;

		while (len > 0 && at[len] != ' ')
			len--;
		if (len == 0)
			break;
		cli_print_safe(stdout, at, len);
		(void)printf("\n            ");
		at += len + 1;
	}
	cli_print_safe(stdout, at, strlen(at));
	(void)putchar('\n');
}

static void print_level(const struct cli *cli, const struct doctor_results *results,
			enum doctor_level level)
{
	static const enum cli_tone tones[] = { CLI_GOOD, CLI_WARN, CLI_WORST, CLI_DOUBT };

	for (size_t i = 0; i < results->n; i++) {
		const struct doctor_result *one = &results->list[i];

		if (one->level != level)
			continue;
		(void)printf("%s%-7s%s ", cli_tone(cli, tones[level]), words[level],
			     cli_tone(cli, CLI_PLAIN));
		cli_print_safe(stdout, one->check, strlen(one->check));
		(void)printf(": ");
		cli_print_safe(stdout, one->what, strlen(one->what));
		(void)putchar('\n');
		if (one->why[0] != '\0')
			print_behind("why:", one->why, true);
		if (one->command[0] != '\0')
			print_behind("do:", one->command, false);
	}
}

int doctor_results_print(struct cli *cli, const char *owner, const char *runtime,
			 const struct doctor_results *results)
{
	int status = status_of(results), written;

	if (cli->json && !cli->quiet) {
		written = print_json(results, owner, runtime);
		return written == EXIT_DONE ? status : written;
	}
	cli_begin_pager(cli);
	print_level(cli, results, DOCTOR_FAIL);
	if (!cli->quiet) {
		print_level(cli, results, DOCTOR_UNKNOWN);
		print_level(cli, results, DOCTOR_WARN);
		print_level(cli, results, DOCTOR_OK);
		cli_print_safe(stdout, owner, strlen(owner));
		(void)printf(": %zu FAIL, %zu warn, %zu ok", count(results, DOCTOR_FAIL),
			     count(results, DOCTOR_WARN), count(results, DOCTOR_OK));
		if (count(results, DOCTOR_UNKNOWN) > 0)
			(void)printf(", %zu unknown", count(results, DOCTOR_UNKNOWN));
		(void)putchar('\n');
	}
	written = cli_finish_output();
	return written == EXIT_DONE ? status : written;
}
