/* SPDX-License-Identifier: MIT */
/*
 * The order of "ps f".  Without recursion: a container can make its processes each
 * other's children as often as it may fork.
 */
#include <errno.h>
#include <stdlib.h>

#include "libsubid/core/core.h"
#include "tools/subid/container_view.h"

#define NONE SIZE_MAX

/* A process in a list of its siblings, by its place in the order of pids. */
struct node {
	size_t index; /* of the process */
	pid_t pid;
	size_t first_child;
	size_t next;
	bool done;
};

static int compare_pids(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static size_t find(const struct node *nodes, size_t n, pid_t pid)
{
	struct node key = { .pid = pid };
	const struct node *found = bsearch(&key, nodes, n, sizeof(key), compare_pids);

	return found == NULL ? NONE : (size_t)(found - nodes);
}

/* Hangs each under its parent; from the last on, so that the lists ascend. */
static size_t link_all(const struct subid_inside_process *processes, struct node *nodes,
		       size_t n)
{
	size_t roots = NONE;

	for (size_t i = n; i-- > 0;) {
		size_t parent = find(nodes, n, processes[nodes[i].index].parent);
		size_t *list =
		    parent == NONE || parent == i ? &roots : &nodes[parent].first_child;

		nodes[i].next = *list;
		*list = i;
	}
	return roots;
}

/* Walks down from a node, and back up to it, setting places from *at on. */
static void walk(struct node *nodes, size_t from, size_t *stack,
		 struct subid_inside_place *places, size_t *at)
{
	unsigned int depth = 0;
	size_t i = from;

	while (i != NONE) {
		if (!nodes[i].done) {
			nodes[i].done = true;
			stack[depth] = *at;
			places[*at] = (struct subid_inside_place){
				.index = i, /* the node's, for now */
				.parent = depth == 0 ? NONE : stack[depth - 1],
				.depth = depth,
			};
			(*at)++;
			if (nodes[i].first_child != NONE) {
				i = nodes[i].first_child;
				depth++;
				continue;
			}
		}
		/* to the next sibling of this one, or of the nearest ancestor */
		while (depth > 0 && nodes[i].next == NONE)
			i = places[stack[--depth]].index;
		i = depth == 0 ? NONE : nodes[i].next;
	}
}

int subid_inside_order(const struct subid_inside_process *processes, size_t n,
		       struct subid_inside_place **ret)
{
	auto_free struct node *nodes = calloc(n + 1, sizeof(*nodes));
	auto_free size_t *stack = calloc(n + 1, sizeof(*stack));
	struct subid_inside_place *places = calloc(n + 1, sizeof(*places));
	size_t at = 0;

	if (nodes == NULL || stack == NULL || places == NULL) {
		free(places);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		nodes[i] = (struct node){
			.index = i,
			.pid = processes[i].pid,
			.first_child = NONE,
		};
	qsort(nodes, n, sizeof(*nodes), compare_pids);
	for (size_t i = link_all(processes, nodes, n); i != NONE; i = nodes[i].next)
		walk(nodes, i, stack, places, &at);
	/* what is left is in a circle */
	for (size_t i = 0; i < n; i++)
		if (!nodes[i].done)
			walk(nodes, i, stack, places, &at);
	for (size_t i = 0; i < at; i++)
		places[i].index = nodes[places[i].index].index;
	*ret = places;
	return 0;
}
