/* SPDX-License-Identifier: MIT */
/*
 * From which ids to which.
 */
#include <errno.h>

#include "tools/subid/storage/storage.h"

static int add_piece(struct storage_ids *ids, const struct storage_piece *piece)
{
	int r = array_grow(&ids->pieces, ids->n, sizeof(*piece));

	if (r == 0)
		ids->pieces[ids->n++] = *piece;
	return r;
}

/* Both sets are cut where one of them has an end; to, which is large enough, or NULL. */
static int add_pieces(struct storage_ids *ids, const struct subid_set *from,
		      const struct subid_set *to)
{
	uint32_t used = 0; /* of to->ranges[k] */
	int r = 0;

	for (size_t i = 0, k = 0; r == 0 && i < from->n; i++) {
		struct id_range rest = from->ranges[i];

		while (r == 0 && rest.count > 0) {
			struct storage_piece piece = { rest.start, rest.start,
						       rest.count };

			if (to != NULL && used == to->ranges[k].count) {
				k++;
				used = 0;
			}
			if (to != NULL) {
				piece.to = to->ranges[k].start + used;
				if (piece.count > to->ranges[k].count - used)
					piece.count = to->ranges[k].count - used;
				used += piece.count;
			}
			r = add_piece(ids, &piece);
			rest.start += piece.count;
			rest.count -= piece.count;
		}
	}
	return r;
}

static bool is_same(const struct subid_set *a, const struct subid_set *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (!id_range_equal(a->ranges[i], b->ranges[i]))
			return false;
	return a->n == b->n;
}

static int make_kind(const struct subid_set *from, const struct subid_set *to,
		     struct storage_ids *ret, struct storage_refusal *ret_why)
{
	if (to == NULL)
		return add_pieces(ret, from, NULL);
	ret->same = from->n > 0 && is_same(from, to);
	if (ret->same)
		return 0;
	for (size_t i = 0; i < from->n; i++)
		if (subid_set_meets(to, from->ranges[i], &ret_why->ids))
			return SUBID_TAKEN;
	ret_why->from_n = subid_set_size(from);
	ret_why->to_n = subid_set_size(to);
	if (ret_why->from_n > ret_why->to_n)
		return SUBID_FULL;
	if (subid_set_unite(&ret->to, to) < 0)
		return -ENOMEM;
	return add_pieces(ret, from, to);
}

int storage_map_make(const struct subid_sets *from, const struct subid_sets *to,
		     struct storage_map *ret, struct storage_refusal *ret_why)
{
	auto_storage_map struct storage_map map = { .of = { { .n = 0 } } };
	bool nothing = true;

	*ret_why = (struct storage_refusal){ .kind = SUBID_UID };
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		int r = make_kind(&from->of[kind], to == NULL ? NULL : &to->of[kind],
				  &map.of[kind], ret_why);

		ret_why->kind = kind;
		if (r != 0)
			return r;
		nothing &= map.of[kind].n == 0;
	}
	if (nothing)
		return SUBID_ABSENT;
	*ret = map;
	map = (struct storage_map){ .of = { { .n = 0 } } };
	return 0;
}

void storage_map_free(struct storage_map *map)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		free(map->of[kind].pieces);
		subid_set_free(&map->of[kind].to);
	}
	*map = (struct storage_map){ .of = { { .n = 0 } } };
}

static bool is_before(const void *element, const void *key)
{
	const struct storage_piece *piece = element;
	const uint32_t *id = key;

	return piece->from + (piece->count - 1) < *id;
}

enum storage_place storage_map_id(const struct storage_map *map, enum subid_kind kind,
				  uint32_t id, uint32_t *ret)
{
	const struct storage_ids *ids = &map->of[kind];
	size_t i =
	    array_search(ids->pieces, ids->n, sizeof(*ids->pieces), &id, is_before);

	*ret = id;
	if (ids->same)
		return STORAGE_KEPT;
	if (i < ids->n && ids->pieces[i].from <= id) {
		*ret = ids->pieces[i].to + (id - ids->pieces[i].from);
		return STORAGE_FROM;
	}
	return subid_set_meets(&ids->to, (struct id_range){ id, 1 }, NULL)
		   ? STORAGE_TO
		   : STORAGE_OUTSIDE;
}
