/* SPDX-License-Identifier: MIT */
/*
 * A line of the ledger, first as it is, then with its right sum: what is taken is
 * printed, and read again as the same.
 */
#include "libsubid/ledger/ledger.h"

#include "fuzz.h"

static void check(char *line, size_t len)
{
	struct ledger_record record, again;
	char text[LEDGER_LINE_MAX], copy[LEDGER_LINE_MAX], twice[LEDGER_LINE_MAX];
	size_t n, m;

	if (ledger_record_parse(line, len, &record) != 0)
		return;
	must(record.entry.owner.len <= LEDGER_OWNER_MAX);
	must(record.word != LEDGER_RANGE || id_range_valid(record.entry.range));
	n = ledger_record_print(&record, text);
	must(n <= LEDGER_LINE_MAX && text[n - 1] == '\n');
	memcpy(copy, text, n);
	must(ledger_record_parse(copy, n - 1, &again) == 0);
	m = ledger_record_print(&again, twice);
	must(m == n && memcmp(twice, text, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ledger_digest digest = LEDGER_DIGEST;
	struct ledger_head head;
	char *line;
	uint64_t sum;

	if (memchr(data, '\n', size) != NULL)
		return 0;
	line = malloc(size + 10);
	must(line != NULL);
	memcpy(line, data, size);
	check(line, size);
	memcpy(line, data, size);
	(void)ledger_head_parse(line, size, &head);
	ledger_digest_add(&digest, data, size);
	sum = ledger_digest_end(&digest);
	(void)snprintf(line + size, 10, " %08x", (uint32_t)(sum ^ sum >> 32));
	(void)ledger_head_parse(line, size + 9, &head);
	check(line, size + 9);
	free(line);
	return 0;
}
