/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/runtime_config.h"

/* --- maps ----------------------------------------------------------------------------
 */

/* The lines that are being made; full once there was one too many. */
struct map_draft {
	struct subid_map_line *lines;
	size_t n;
	bool full;
};

/* Adds ids that lie on each other, joined to the last line if they go on from it. */
static void append(struct map_draft *draft, uint64_t inside, uint64_t outside,
		   uint64_t count)
{
	struct subid_map_line line = {
		.inside = id_range_between(inside, inside + count),
		.outside = id_range_between(outside, outside + count),
	};
	struct subid_map_line *last = draft->n == 0 ? NULL : &draft->lines[draft->n - 1];

	if (line.inside.count == 0 || line.outside.count == 0)
		return;
	if (last != NULL && id_range_end(last->inside) == inside &&
	    id_range_end(last->outside) == outside) {
		last->inside.count += line.inside.count;
		last->outside.count += line.outside.count;
		return;
	}
	if (draft->n == SUBID_MAP_LINES_MAX) {
		draft->full = true;
		return;
	}
	draft->lines[draft->n++] = line;
}

/* A range whose first id is inside there, without the place of the id that is kept. */
static void append_range(struct map_draft *draft, uint64_t inside, struct id_range range,
			 struct subid_keep keep)
{
	struct id_range whole = id_range_between(inside, inside + range.count);
	struct id_range cut = { .start = keep.inside, .count = 1 };
	struct id_range parts[2];
	size_t n;

	if (keep.inside == SUBID_ID_NONE)
		cut.count = 0;
	n = subid_range_without(whole, cut, parts);
	for (size_t i = 0; i < n; i++)
		append(draft, parts[i].start,
		       (uint64_t)range.start + (parts[i].start - whole.start),
		       parts[i].count);
}

static int compare_inside(const void *a, const void *b)
{
	const struct subid_map_line *x = a, *y = b;

	return x->inside.start < y->inside.start ? -1 : x->inside.start > y->inside.start;
}

static int largest_first(const void *a, const void *b)
{
	const struct id_range *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

int subid_layout(const struct subid_set *ids, struct subid_keep keep,
		 struct subid_map_line ret[SUBID_MAP_LINES_MAX], size_t *ret_n)
{
	auto_free struct subid_map_line *lines =
	    calloc(SUBID_MAP_LINES_MAX, sizeof(*lines));
	auto_free struct id_range *ranges = calloc(ids->n + 1, sizeof(*ranges));
	struct map_draft draft = { .lines = lines };
	struct id_range own = { .start = keep.outside, .count = 1 };
	uint64_t inside = 0;

	if (lines == NULL || ranges == NULL)
		return -ENOMEM;
	if (ids->n == 0)
		return SUBID_ABSENT;
	if (keep.inside != SUBID_ID_NONE && subid_set_meets(ids, own, NULL))
		return SUBID_TAKEN;
	memcpy(ranges, ids->ranges, ids->n * sizeof(*ranges));
	if (!keep.ascending)
		qsort(ranges, ids->n, sizeof(*ranges), largest_first);
	for (size_t i = 0; i < ids->n; i++) {
		append_range(&draft, inside, ranges[i], keep);
		inside += ranges[i].count;
	}
	if (keep.inside != SUBID_ID_NONE)
		append(&draft, keep.inside, keep.outside, 1);
	if (draft.full)
		return SUBID_FULL;
	qsort(lines, draft.n, sizeof(*lines), compare_inside);
	memcpy(ret, lines, draft.n * sizeof(*lines));
	*ret_n = draft.n;
	return 0;
}

/* Where range lies when own is 0 and all follows; false if it does not. */
static bool find_relative(const struct subid_set *all, uint32_t own,
			  struct id_range range, uint64_t *ret)
{
	uint64_t before = 1;

	if (range.start == own && range.count == 1) {
		*ret = 0;
		return true;
	}
	for (size_t i = 0; i < all->n; i++) {
		if (id_range_contains(all->ranges[i], range)) {
			*ret = before + (range.start - all->ranges[i].start);
			return true;
		}
		before += all->ranges[i].count;
	}
	return false;
}

int subid_layout_relative(const struct subid_set *all, uint32_t own,
			  struct subid_map_line *lines, size_t *n)
{
	auto_free struct subid_map_line *made =
	    calloc(SUBID_MAP_LINES_MAX, sizeof(*made));
	struct map_draft draft = { .lines = made };
	uint64_t start;

	if (made == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < *n; i++) {
		if (!find_relative(all, own, lines[i].outside, &start))
			return SUBID_DENIED;
		append(&draft, lines[i].inside.start, start, lines[i].inside.count);
	}
	memcpy(lines, made, draft.n * sizeof(*made));
	*n = draft.n;
	return 0;
}

/* --- runtimes ------------------------------------------------------------------------
 */

static const struct runtime_config_row runtimes[] = {
	{
	    .name = "lxc",
	    .title = "LXC",
	    .program = "lxc-start",
	    .keeps = true,
	    .write = runtime_config_write_lxc,
	},
	{
	    .name = "lxd",
	    .title = "LXD",
	    .roots = true,
	    .one_range = true,
	    .write = runtime_config_write_lxd,
	},
	{
	    .name = "incus",
	    .title = "Incus",
	    .program = "incus",
	    .roots = true,
	    .one_range = true,
	    .write = runtime_config_write_lxd,
	},
	{
	    .name = "podman",
	    .title = "podman",
	    .keeps = true,
	    .write = runtime_config_write_podman,
	},
	{
	    .name = "docker",
	    .title = "Docker",
	    .is_json = true,
	    .one_map = true,
	    .write = runtime_config_write_docker,
	},
	{
	    .name = "oci",
	    .title = "an OCI runtime",
	    .is_json = true,
	    .keeps = true,
	    .write = runtime_config_write_oci,
	},
	{
	    .name = "nspawn",
	    .title = "systemd-nspawn",
	    .program = "systemd-nspawn",
	    .one_range = true,
	    .write = runtime_config_write_nspawn,
	},
};

#define N_RUNTIMES (sizeof(runtimes) / sizeof(runtimes[0]))

const struct runtime_config_row *runtime_config_rows(size_t *ret_n)
{
	*ret_n = N_RUNTIMES;
	return runtimes;
}

const struct runtime_config_row *runtime_config_find(const char *name)
{
	for (size_t i = 0; i < N_RUNTIMES; i++)
		if (strcmp(runtimes[i].name, name) == 0)
			return &runtimes[i];
	return NULL;
}

static unsigned int read_number(const char **at)
{
	unsigned int number = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++)
		if (number < 100000) /* larger than any real version */
			number = number * 10 + (unsigned int)(**at - '0');
	return number;
}

bool runtime_version_parse(const char *text, struct runtime_version *ret)
{
	text += strcspn(text, "0123456789");
	if (*text == '\0')
		return false;
	ret->major = read_number(&text);
	ret->minor = 0;
	if (*text == '.') {
		text++;
		ret->minor = read_number(&text);
	}
	return true;
}

void runtime_config_free(struct runtime_config *setup)
{
	free(setup->text);
	free(setup->remarks);
	free(setup->refusal);
	*setup = (struct runtime_config){ .text = NULL };
}

__attribute__((format(printf, 2, 3))) static int refuse(struct runtime_config *setup,
							const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&setup->refusal, format, args);
	va_end(args);
	if (n >= 0)
		return SUBID_DENIED;
	setup->refusal = NULL;
	return -ENOMEM;
}

/* What the runtime cannot do for these ids, by the table. */
static int check_runtime(const struct runtime_config_draft *draft,
			 struct runtime_config *setup)
{
	const struct runtime_config_row *runtime = draft->runtime;
	const struct runtime_config_ids *share = draft->share;

	if (share->container != NULL && runtime->one_map)
		return refuse(setup,
			      "%s uses one map for all containers; give the owner alone,"
			      " %s",
			      runtime->title, share->name);
	if (runtime->roots && (!share->has_account || share->own[SUBID_UID] != 0))
		return refuse(setup,
			      "%s uses only ids of root's lines; give root or"
			      " root/NAME",
			      runtime->title);
	if (draft->keep == SUBID_ID_NONE)
		return 0;
	if (!runtime->keeps)
		return refuse(setup, "%s cannot map the own id of %s", runtime->title,
			      share->name);
	if (!share->has_account)
		return refuse(setup, "no such account, so there is no own id");
	if (share->own[SUBID_UID] == 0)
		return refuse(setup,
			      "mapping root's own id would make the container's root"
			      " the host's root");
	return 0;
}

/* How many bytes the kernel is given for a map of these lines. */
static size_t bytes_of_map(const struct subid_map_line *lines, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += (size_t)snprintf(NULL, 0, "%u %u %u\n", lines[i].inside.start,
					  lines[i].outside.start, lines[i].inside.count);
	return bytes;
}

/* The kernel takes less than a page. */
#define MAP_BYTES_MAX 4095

static int refuse_size(struct runtime_config *setup, enum subid_kind kind, size_t lines,
		       size_t bytes)
{
	if (lines > SUBID_MAP_LINES_MAX)
		return refuse(setup,
			      "more than %d ranges, the most that the kernel allows in a"
			      " map: 'subid grant --another' gives a range in one piece",
			      SUBID_MAP_LINES_MAX);
	return refuse(
	    setup,
	    "a map of %zu ranges of %ss takes %zu bytes, and the kernel reads at"
	    " most %d: 'subid grant --another' gives a range in one piece",
	    lines, subid_kind_name(kind), bytes, MAP_BYTES_MAX);
}

/* Podman starts with a map of all lines behind the user's own id. */
static int check_pause(const struct runtime_config_ids *share,
		       struct runtime_config *setup)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_set *all = &share->all->of[kind];
		struct id_range own = { share->own[kind], 1 };
		struct subid_map_line line = { { 0, 1 }, own };
		size_t bytes = bytes_of_map(&line, 1);
		uint64_t inside = 1;

		if (subid_set_meets(all, own, NULL))
			return refuse(
			    setup,
			    "its own %s %u is one of its subordinate ids, so that"
			    " podman maps it twice and cannot start; see 'subid"
			    " audit'",
			    subid_kind_name(kind), own.start);
		for (size_t i = 0; i < all->n; i++) {
			line.inside =
			    id_range_between(inside, inside + all->ranges[i].count);
			line.outside = all->ranges[i];
			bytes += bytes_of_map(&line, 1);
			inside += all->ranges[i].count;
		}
		if (all->n + 1 > SUBID_MAP_LINES_MAX || bytes > MAP_BYTES_MAX)
			return refuse_size(setup, kind, all->n + 1, bytes);
	}
	return 0;
}

/* Rootless podman counts the ids of the lines from 1 on: are they where it looks? */
static int check_rootless(const struct runtime_config_ids *share,
			  struct runtime_config *setup)
{
	if (share->doubled)
		return refuse(setup, "two of its lines overlap, and podman counts the ids"
				     " twice; see 'subid audit'");
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		for (size_t i = 0; i < share->ids->of[kind].n; i++)
			if (!subid_set_contains(&share->all->of[kind],
						share->ids->of[kind].ranges[i]))
				return refuse(setup,
					      "not all of its %ss are in lines of %s, and"
					      " podman can use no others",
					      subid_kind_name(kind), share->name);
	return check_pause(share, setup);
}

static int check_share(const struct runtime_config_draft *draft,
		       struct runtime_config *setup)
{
	const struct runtime_config_ids *share = draft->share;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (share->ids->of[kind].n == 0)
			return refuse(setup, "no subordinate %ss; try 'subid grant %s'",
				      subid_kind_name(kind), share->name);
	if (draft->runtime->write == runtime_config_write_podman &&
	    runtime_config_is_rootless(share))
		return check_rootless(share, setup);
	if (draft->runtime->write == runtime_config_write_docker && !share->has_account &&
	    strcmp(share->name, "dockremap") != 0)
		return refuse(setup, "no such account, and Docker needs one");
	return 0;
}

/* The largest range in both sets; count 0 if there is none. */
static struct id_range find_common(const struct subid_set *a, const struct subid_set *b)
{
	struct id_range best = { .count = 0 };

	for (size_t i = 0, j = 0; i < a->n && j < b->n;) {
		struct id_range common = id_range_common(a->ranges[i], b->ranges[j]);

		if (common.count > best.count)
			best = common;
		if (id_range_end(a->ranges[i]) < id_range_end(b->ranges[j]))
			i++;
		else
			j++;
	}
	return best;
}

static int make_maps(struct runtime_config_draft *draft, struct runtime_config *setup)
{
	const struct runtime_config_ids *share = draft->share;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct id_range *one = &draft->range;
		struct subid_set only = { .ranges = one, .n = 1 };
		struct subid_keep keep = { draft->keep, share->own[kind],
					   draft->runtime->write ==
						   runtime_config_write_podman &&
					       runtime_config_is_rootless(share) };
		size_t bytes;
		int r;

		*one =
		    find_common(&share->ids->of[SUBID_UID], &share->ids->of[SUBID_GID]);
		if (draft->runtime->one_range && one->count == 0)
			return refuse(setup,
				      "%s needs the same numbers for uids and gids, and"
				      " %s holds no such range",
				      draft->runtime->title, share->name);
		r = subid_layout(draft->runtime->one_range ? &only
							   : &share->ids->of[kind],
				 keep, setup->maps[kind], &setup->n[kind]);
		if (r == SUBID_TAKEN)
			return refuse(setup,
				      "the own %s %u is one of the subordinate ids",
				      subid_kind_name(kind), keep.outside);
		if (r == SUBID_FULL)
			return refuse_size(setup, kind, SUBID_MAP_LINES_MAX + 1, 0);
		if (r != 0)
			return r;
		bytes = bytes_of_map(setup->maps[kind], setup->n[kind]);
		if (bytes > MAP_BYTES_MAX)
			return refuse_size(setup, kind, setup->n[kind], bytes);
	}
	return 0;
}

static int write_text(struct runtime_config_draft *draft, struct runtime_config *setup)
{
	size_t text_size, remarks_size;
	bool failed;

	draft->text = open_memstream(&setup->text, &text_size);
	draft->remarks = open_memstream(&setup->remarks, &remarks_size);
	if (draft->text != NULL && draft->remarks != NULL)
		draft->runtime->write(draft);
	failed = draft->text == NULL || fclose(draft->text) != 0;
	failed |= draft->remarks == NULL || fclose(draft->remarks) != 0;
	return failed ? -ENOMEM : 0;
}

int runtime_config_make(const struct runtime_config_row *runtime,
			const struct runtime_config_ids *share, uint32_t keep,
			struct runtime_version version, struct runtime_config *ret)
{
	struct runtime_config_draft draft = {
		.runtime = runtime,
		.share = share,
		.setup = ret,
		.version = version,
		.keep = keep,
	};
	int r;

	*ret = (struct runtime_config){ .text = NULL };
	r = check_runtime(&draft, ret);
	if (r == 0)
		r = check_share(&draft, ret);
	if (r == 0)
		r = make_maps(&draft, ret);
	if (r == 0)
		r = write_text(&draft, ret);
	if (r < 0)
		runtime_config_free(ret);
	return r;
}
