/* SPDX-License-Identifier: MIT */
/*
 * A store of leases of any bytes, the first half of it uids, the second gids, behind a
 * byte 0x1e: read as root's and as a user's, written anew and read again; and leases
 * given and taken back in it, which meet no line and leave what the owner holds never.
 */
#include "fuzz.h"
#include "libsubid/change/change.h"
#include "libsubid/core/core.h"

#define SEPARATOR 0x1e

static const char *const files[SUBID_KINDS] = { "subuid", "subgid" };

static void put_store(const uint8_t *data, size_t size)
{
	const uint8_t *end = size == 0 ? NULL : memchr(data, SEPARATOR, size);
	size_t len = end == NULL ? size : (size_t)(end - data);

	put_file(scratch_dir(), files[SUBID_UID], data, len);
	put_file(scratch_dir(), files[SUBID_GID], data + len + (end != NULL),
		 size - len - (end != NULL));
}

static void check_lease(const struct subid_lease *lease, const char *user)
{
	must(subid_lease_name_valid(lease->name, strlen(lease->name)));
	must(strchr(lease->name, '/') == NULL);
	must(subid_owner_valid(lease->owner, strlen(lease->owner)));
	must(user == NULL ? strchr(lease->owner, '/') == NULL
			  : strcmp(lease->owner, user) == 0);
	must(id_range_valid(lease->range));
}

/* The lines of one kind, as the store would have them. */
static void write_again(const struct subid_leases *leases, enum subid_kind kind,
			bool is_user)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	must(out != NULL);
	for (size_t i = 0; i < leases->n; i++) {
		const struct subid_lease *lease = &leases->list[i];

		if (lease->kind != kind)
			continue;
		if (!is_user)
			(void)fprintf(out, "%s/", lease->owner);
		(void)fprintf(out, "%s:%u:%u\n", lease->name, lease->range.start,
			      lease->range.count);
	}
	must(fclose(out) == 0);
	put_file(scratch_dir(), files[kind], text, size);
	free(text);
}

static void check_store(const char *user)
{
	auto_leases struct subid_leases first = { .n = 0 }, again = { .n = 0 };

	must(subid_leases_load(scratch_dir(), user, &first) == 0);
	for (size_t i = 0; i < first.n; i++) {
		check_lease(&first.list[i], user);
		must(i == 0 || first.list[i - 1].kind <= first.list[i].kind);
	}
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		write_again(&first, kind, user != NULL);
	must(subid_leases_load(scratch_dir(), user, &again) == 0);
	must(again.n == first.n);
	for (size_t i = 0; i < first.n; i++) {
		const struct subid_lease *a = &first.list[i], *b = &again.list[i];

		must(strcmp(a->owner, b->owner) == 0 && strcmp(a->name, b->name) == 0);
		must(a->kind == b->kind && id_range_equal(a->range, b->range));
	}
}

/* What any line of the store may give to anybody. */
static void read_taken(struct subid_sets *taken)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		auto_table struct subid_table table = { .kind = kind };

		must(subid_table_load(scratch_dir(), kind, &table) == 0);
		must(subid_table_taken(&table, &taken->of[kind]) == 0);
	}
}

static void check_given(const struct subid_changes *changes, const struct subid_set *held,
			const struct subid_sets *taken)
{
	must(changes->n >= 1 && changes->n <= SUBID_KINDS);
	for (size_t i = 0; i < changes->n; i++) {
		const struct subid_change *change = &changes->list[i];

		must(subid_set_contains(held, change->range));
		must(!subid_set_meets(&taken->of[change->kind], change->range, NULL));
	}
}

/* One lease is given, kept when it is asked for again, and taken back once. */
static void check_grant(const struct subid_lease_options *options, uint32_t count)
{
	struct subid_owner_name names[] = { { "alice", 5 }, { "1000", 4 } };
	const struct subid_owner owner = {
		.has_account = true, .uid = 1000, .spellings = names, .n = 2
	};
	auto_set struct subid_set held = { .n = 0 };
	auto_sets struct subid_sets taken = { .of = { { .n = 0 } } };
	const struct subid_sets avoid = { .of = { { .n = 0 } } };
	struct subid_sets all;
	struct subid_lease_request request = {
		.owner = &owner, .name = "c1", .held = &all, .avoid = &avoid, .kinds = 3
	};
	auto_txn struct subid_txn *txn = NULL;
	struct subid_failure failure;
	struct subid_changes changes;
	int r;

	must(subid_set_add(&held, (struct id_range){ 100000, 65536 }) == 0);
	all.of[SUBID_UID] = all.of[SUBID_GID] = held;
	request.count = 1 + count % 70000;
	read_taken(&taken);
	must(subid_lease_begin(options, &txn, &failure) == 0);
	r = subid_lease_grant(txn, &request, &changes);
	must(r == 0 || r == SUBID_ENOUGH || r == SUBID_FULL);
	if (r == 0) {
		check_given(&changes, &held, &taken);
		must(subid_lease_grant(txn, &request, &changes) == SUBID_ENOUGH);
		must(subid_lease_revoke(txn, &owner, "c1", 3,
					(struct id_range){ .count = 0 }, false,
					&changes) == 0);
		must(subid_lease_revoke(txn, &owner, "c1", 3,
					(struct id_range){ .count = 0 }, false,
					&changes) == SUBID_ABSENT);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct subid_lease_options options = { .state = scratch_dir(), .dry_run = true };
	uint32_t count = 0;

	for (size_t i = 0; i < size; i++)
		count = count * 31 + data[i];
	put_store(data, size);
	check_store(NULL);
	put_store(data, size);
	check_store("alice");
	put_store(data, size);
	check_grant(&options, count);
	options.user = "alice";
	check_grant(&options, count);
	return 0;
}
