/* SPDX-License-Identifier: MIT */
/*
 * From an id to its name and back.  Both ways go by what the other would find, so that
 * whatever names owners and containers have, no two ids share one: owners of domains
 * have a '+' in their names, and so may containers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/names/private.h"

#define DECIMAL_MAX 10

/* --- loading --- */

void subid_names_free(struct subid_names **names)
{
	if (*names == NULL)
		return;
	names_accounts_free(&(*names)->accounts);
	subid_id_index_free(&(*names)->by_id);
	subid_id_index_free(&(*names)->leased);
	subid_table_free(&(*names)->table);
	subid_table_free(&(*names)->leases);
	free((*names)->inside);
	free(*names);
	*names = NULL;
}

/* A table, or a store's file, which is of the same form; none is empty. */
static int load_table(int dir, enum subid_kind kind, struct subid_table *ret,
		      struct subid_id_index *ret_index)
{
	struct subid_text text = { .bytes = NULL };
	int r = subid_text_read_max(dir, subid_kind_table(kind), false,
				    SUBID_NAMES_FILE_MAX, &text);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = subid_table_from_text(kind, &text, ret);
	return r == 0 ? subid_id_index_make(ret, ret_index) : r;
}

static int by_owner_and_start(const void *a, const void *b, void *data)
{
	const struct subid_table *leases = data;
	const struct subid_entry *x = &leases->entries[*(const size_t *)a];
	const struct subid_entry *y = &leases->entries[*(const size_t *)b];
	const struct subid_owner_name one = { subid_table_owner(leases, x),
					      x->owner_len };
	const struct subid_owner_name other = { subid_table_owner(leases, y),
						y->owner_len };
	int order = owner_name_compare(&one, &other);

	if (order != 0)
		return order;
	return x->range.start < y->range.start ? -1 : x->range.start > y->range.start;
}

/* A container with several ranges has them one after the other, the lowest first. */
static void count_inside(const struct subid_table *leases, const size_t *order,
			 uint64_t *inside)
{
	uint64_t end = 0, next = 0;

	for (size_t i = 0; i < leases->n; i++) {
		const struct subid_entry *entry = &leases->entries[order[i]];
		const struct subid_entry *before =
		    i == 0 ? NULL : &leases->entries[order[i - 1]];

		if (before == NULL || before->owner_len != entry->owner_len ||
		    memcmp(subid_table_owner(leases, before),
			   subid_table_owner(leases, entry), entry->owner_len) != 0)
			end = next = 0;
		/* what lines share is counted once */
		inside[order[i]] =
		    entry->range.start < end ? next - (end - entry->range.start) : next;
		if (id_range_end(entry->range) > end) {
			end = id_range_end(entry->range);
			next = inside[order[i]] + entry->range.count;
		}
	}
}

static int load_leases(int state, enum subid_kind kind, struct subid_names *names)
{
	auto_free size_t *order = NULL;
	struct subid_table *leases = &names->leases;
	int r = load_table(state, kind, leases, &names->leased);

	if (r < 0 || leases->n == 0)
		return r;
	order = reallocarray(NULL, leases->n, sizeof(*order));
	names->inside = reallocarray(NULL, leases->n, sizeof(*names->inside));
	if (order == NULL || names->inside == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < leases->n; i++)
		order[i] = i;
	qsort_r(order, leases->n, sizeof(*order), by_owner_and_start, leases);
	count_inside(leases, order, names->inside);
	return subid_table_index(leases);
}

int subid_names_load(int etc, int state, enum subid_kind kind, struct subid_names **ret)
{
	auto_names struct subid_names *names = calloc(1, sizeof(*names));
	int r =
	    names == NULL ? -ENOMEM : load_table(etc, kind, &names->table, &names->by_id);

	/* no accounts are needed where nobody has ids */
	if (r == 0 && names->table.n > 0)
		r = names_accounts_load(etc, kind, &names->accounts);
	if (r == 0 && names->table.n > 0 && state >= 0)
		r = load_leases(state, kind, names);
	if (r < 0)
		return r;
	*ret = names;
	names = NULL;
	return 0;
}

/* --- what a name is made of --- */

/*
 * Threat: programs make paths (/var/mail/NAME) and command lines of names, and some files
 * take a '+' or '-' at the head of one for another meaning.  What passwd calls an account
 * may be anything, control bytes too.
 */
static bool can_stand_in_name(struct subid_owner_name owner)
{
	return owner.len <= SUBID_LINE_OWNER_MAX &&
	       subid_owner_valid(owner.text, owner.len) && owner.text[0] != '-' &&
	       owner.text[0] != '+' && memchr(owner.text, '/', owner.len) == NULL;
}

/* How a line's owner is called: a number by the account's name. */
static bool call_owner(const struct subid_names *names, const struct subid_entry *entry,
		       struct subid_owner_name *ret)
{
	struct subid_owner_name owner = { subid_table_owner(&names->table, entry),
					  entry->owner_len };
	uint32_t uid;

	if (subid_owner_is_hold(owner.text, owner.len))
		return false;
	if (subid_id_parse(owner.text, owner.len, &uid) == 0)
		(void)names_account_of(&names->accounts, uid, &owner);
	*ret = owner;
	return can_stand_in_name(owner);
}

/* Whose an id is, by the first line that has it. */
static bool owner_of(const struct subid_names *names, uint32_t id,
		     struct subid_owner_name *ret)
{
	const struct subid_entry *entry;

	if (id < SUBID_NAMES_MIN ||
	    subid_set_meets(&names->accounts.ids, (struct id_range){ id, 1 }, NULL))
		return false;
	entry = subid_id_index_find(&names->by_id, id);
	return entry != NULL && call_owner(names, entry, ret);
}

static bool is_same(struct subid_owner_name a, struct subid_owner_name b)
{
	return owner_name_compare(&a, &b) == 0;
}

static bool is_container(struct subid_owner_name name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '@' ||
		      c == '+' || c == '-'))
			return false;
	}
	return name.len > 0 && name.len <= SUBID_NAMES_CONTAINER_MAX;
}

/* The container that owner's id is leased to, and the container's number of the id. */
static bool leased_to(const struct subid_names *names, uint32_t id,
		      struct subid_owner_name owner, struct subid_owner_name *ret,
		      uint64_t *ret_inside)
{
	const struct subid_entry *entry = subid_id_index_find(&names->leased, id);
	struct subid_owner_name whose;
	const char *slash;

	if (entry == NULL)
		return false;
	whose.text = subid_table_owner(&names->leases, entry);
	slash = memchr(whose.text, '/', entry->owner_len);
	if (slash == NULL)
		return false;
	whose.len = (size_t)(slash - whose.text);
	ret->text = slash + 1;
	ret->len = entry->owner_len - whose.len - 1;
	*ret_inside =
	    names->inside[entry - names->leases.entries] + (id - entry->range.start);
	return is_same(whose, owner) && is_container(*ret);
}

/* Appends '+' and the number, and a NUL.  The length. */
static size_t put_number(char *buf, size_t len, uint64_t number)
{
	char digits[DECIMAL_MAX * 2];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	buf[len++] = '+';
	while (n > 0)
		buf[len++] = digits[--n];
	buf[len] = '\0';
	return len;
}

/* --- both ways --- */

/* "alice+100033" */
static bool find_in_lines(const struct subid_names *names, struct subid_owner_name prefix,
			  uint32_t number, uint32_t *ret)
{
	struct subid_owner_name owner;

	if (!owner_of(names, number, &owner) || !is_same(owner, prefix))
		return false;
	*ret = number;
	return true;
}

/* "alice+web+33": the id, if this owner has that container, and that so many ids. */
static bool find_in_lease(const struct subid_names *names, const char *lease, size_t len,
			  uint32_t number, uint32_t *ret)
{
	const struct subid_table *leases = &names->leases;

	for (size_t i = subid_table_first(leases, lease, len); i < leases->n;
	     i = subid_table_after(leases, i)) {
		struct id_range range = leases->entries[i].range;

		if (number < names->inside[i] || number - names->inside[i] >= range.count)
			continue;
		*ret = (uint32_t)(range.start + (number - names->inside[i]));
		return true;
	}
	return false;
}

static bool find_in_leases(const struct subid_names *names,
			   struct subid_owner_name prefix, uint32_t number, uint32_t *ret)
{
	char lease[SUBID_NAME_SIZE];

	if (names->leases.n == 0)
		return false;
	memcpy(lease, prefix.text, prefix.len);
	/* where the owner ends and the container begins is any of the '+' */
	for (size_t i = 1; i + 1 < prefix.len; i++) {
		bool found;

		if (lease[i] != '+')
			continue;
		lease[i] = '/';
		found = find_in_lease(names, lease, prefix.len, number, ret);
		lease[i] = '+';
		if (found)
			return true;
	}
	return false;
}

/* The end of what stands before the number; NULL: there is no number. */
static const char *split(const char *name, size_t len, uint32_t *ret_number)
{
	const char *plus = memrchr(name, '+', len);
	size_t head = plus == NULL ? 0 : (size_t)(plus - name);

	return head > 0 && len < SUBID_NAME_SIZE &&
		       subid_id_parse(plus + 1, len - head - 1, ret_number) == 0
		   ? plus
		   : NULL;
}

bool subid_names_possible(const char *name, size_t len)
{
	uint32_t number;

	return split(name, len, &number) != NULL;
}

/* The first id that can be meant, of one or several. */
static bool find_first(const struct subid_names *names, const char *name, size_t len,
		       uint32_t *ret)
{
	uint32_t number;
	const char *plus = split(name, len, &number);
	struct subid_owner_name prefix;

	if (plus == NULL)
		return false;
	prefix = (struct subid_owner_name){ name, (size_t)(plus - name) };
	return find_in_lines(names, prefix, number, ret) ||
	       find_in_leases(names, prefix, number, ret);
}

static bool is_accounts(const struct subid_names *names, const char *name, size_t len)
{
	return owner_names_have(names->accounts.plus, names->accounts.n_plus, name, len);
}

size_t subid_names_of_id(const struct subid_names *names, uint32_t id,
			 char ret[SUBID_NAME_SIZE])
{
	struct subid_owner_name owner, container;
	uint64_t inside;
	uint32_t found;
	size_t len;

	if (!owner_of(names, id, &owner))
		return 0;
	memcpy(ret, owner.text, owner.len);
	if (leased_to(names, id, owner, &container, &inside)) {
		len = owner.len;
		ret[len++] = '+';
		memcpy(ret + len, container.text, container.len);
		len = put_number(ret, len + container.len, inside);
		if (find_first(names, ret, len, &found) && found == id &&
		    !is_accounts(names, ret, len))
			return len;
	}
	len = put_number(ret, owner.len, id);
	return is_accounts(names, ret, len) ? 0 : len;
}

int subid_names_find(const struct subid_names *names, const char *name, size_t len,
		     uint32_t *ret_id)
{
	char canonical[SUBID_NAME_SIZE];
	uint32_t id;

	if (!find_first(names, name, len, &id) ||
	    subid_names_of_id(names, id, canonical) == 0 ||
	    !text_is(name, len, canonical))
		return SUBID_UNKNOWN;
	*ret_id = id;
	return 0;
}
