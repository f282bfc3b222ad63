/* SPDX-License-Identifier: MIT */
/*
 * subid shift --owner: what the containers of a user have left with old ids.
 *
 * Threat: all beneath a home is the user's, who may put links and mounts there, and
 * chooses the names.  No link is followed and no mount entered; a name that a shell or a
 * terminal may act on is quoted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/files.h"
#include "tools/subid/shift.h"

/* Where a runtime keeps files with the ids of containers, beneath a home or the root. */
struct place {
	const char *runtime;
	const char *home, *root;
	bool each; /* each directory in it is a container */
	const char *then;
};

static const struct place places[] = {
	{ "lxc", ".local/share/lxc", "var/lib/lxc", true,
	  "then 'subid config lxc' prints the lines for the container's config" },
	{ "podman", ".local/share/containers/storage", "var/lib/containers/storage",
	  false,
	  "before that, 'podman system migrate', as that user, ends what uses the ids" },
};

struct search {
	struct shift *shift;
	const struct storage_map *map;
	const char *top; /* the home, or "" for the root */
	bool user;
	json_t *found;
	size_t n;
	int status;
};

/* In single quotes, if a shell would not take it as it is.  NULL when out of memory. */
static char *quote(const char *text)
{
	size_t len = strlen(text);
	char *quoted = malloc(len * 4 + 3), *at = quoted;

	if (quoted == NULL)
		return NULL;
	if (len > 0 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_@%+:,./-") == len) {
		(void)strcpy(quoted, text);
		return quoted;
	}
	*at++ = '\'';
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			at = stpcpy(at, "'\\''");
		else
			*at++ = *text;
	}
	(void)strcpy(at, "'");
	return quoted;
}

static char *command_of(const struct search *search, const char *path, bool leave)
{
	const struct shift *shift = search->shift;
	auto_free char *tree = quote(path), *from = quote(shift->from.text);
	auto_free char *to = quote(shift->to.text);
	const char *kind = shift->kind == SHIFT_BOTH  ? ""
			   : shift->kind == SUBID_UID ? " -u"
						      : " -g";
	char *command;

	if (tree == NULL || from == NULL || to == NULL ||
	    asprintf(&command, "subid shift%s %s --from %s --to %s%s", kind, tree, from,
		     to, leave ? " --leave" : "") < 0)
		return NULL;
	return command;
}

static uint64_t others(const struct storage_report *report)
{
	uint64_t n = 0;

	for (enum storage_what what = 0; what <= STORAGE_CAPABILITY; what++)
		n += report->found[what];
	return n;
}

static void print_text(const struct place *place, const char *path,
		       const struct storage_report *report, const char *command)
{
	cli_print_safe(stdout, path, strlen(path));
	(void)printf(": %s: %llu of %llu entries are to be shifted", place->runtime,
		     (unsigned long long)report->shifted,
		     (unsigned long long)report->entries);
	if (others(report) > 0)
		(void)printf("; %llu other ids are left as they are",
			     (unsigned long long)others(report));
	if (cli_is_safe(command))
		(void)printf("\n    %s\n    # %s\n", command, place->then);
	else
		(void)printf("\n    # its name cannot be printed\n");
}

static int print_tree(struct search *search, const struct place *place, const char *path,
		      const char *container, const struct storage_report *report)
{
	auto_free char *command = command_of(search, path, others(report) > 0);
	json_t *name =
	    container == NULL ? json_null() : cli_json_name(container, strlen(container));

	search->n++;
	if (command == NULL) {
		json_decref(name);
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	}
	(void)json_array_append_new(
	    search->found,
	    json_pack("{s:o, s:s, s:o, s:I, s:I, s:I, s:o}", "tree",
		      cli_json_name(path, strlen(path)), "runtime", place->runtime,
		      "container", name, "entries", (json_int_t)report->entries,
		      "shifted", (json_int_t)report->shifted, "outside",
		      (json_int_t)others(report), "command",
		      cli_is_safe(command) ? cli_json_name(command, strlen(command))
					   : json_null()));
	if (!search->shift->cli->json && !search->shift->cli->quiet)
		print_text(place, path, report, command);
	return EXIT_DONE;
}

static void worst(struct search *search, int status)
{
	if (status > search->status)
		search->status = status;
}

/* tree: a descriptor, which is closed here, or -errno. */
static void look(struct search *search, const struct place *place, int tree,
		 const char *path, const char *container)
{
	auto_storage_report struct storage_report report = { .n = 0 };
	auto_close int fd = tree;
	const struct storage_job job = {
		.tree = fd,
		.map = search->map,
		.flags = search->shift->flags | STORAGE_LEAVE,
	};
	int r = fd < 0 ? fd : storage_plan(&job, &report);

	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
		return; /* no store, or none of a runtime's */
	if (r < 0) {
		(void)cli_complain(0, "%s%s%s: %s", path, report.path == NULL ? "" : "/",
				   report.path == NULL ? "" : report.path, strerror(-r));
		worst(search, EXIT_UNABLE);
	} else if (report.shifted > 0 || report.found[STORAGE_UNFINISHED] > 0) {
		worst(search, print_tree(search, place, path, container, &report));
	}
}

static int enter(int dir, const char *name)
{
	return beneath_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK,
			    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

static void look_at_each(struct search *search, const struct place *place, int fd,
			 const char *path)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		(void)close(fd); /* a directory */
		worst(search, cli_complain(EXIT_UNABLE, "%s: %s", path, strerror(errno)));
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		auto_free char *below = NULL;

		if (entry->d_name[0] == '.' ||
		    asprintf(&below, "%s/%s", path, entry->d_name) < 0)
			continue;
		look(search, place, enter(dirfd(dir), entry->d_name), below,
		     entry->d_name);
	}
	(void)closedir(dir); /* only read */
}

static void look_at_store(struct search *search, int top, const struct place *place)
{
	const char *name = search->user ? place->home : place->root;
	auto_free char *path = NULL;
	int fd = enter(top, name);

	if (asprintf(&path, "%s/%s", search->top, name) < 0) {
		path = NULL;
		worst(search, cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM)));
	} else if (fd == -EXDEV) {
		worst(search, cli_complain(EXIT_UNABLE,
					   "%s: is, or lies on, a mount: name it"
					   " yourself",
					   path));
	} else if (place->each && fd >= 0) {
		look_at_each(search, place, fd, path);
		return;
	} else {
		look(search, place, fd, path, NULL);
		return;
	}
	cleanup_close(&fd);
}

/* Elsewhere files may have these ids as well. */
static void print_nothing(const struct search *search)
{
	(void)printf("nothing is left of %s in", search->shift->from.text);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		(void)printf("%s ", i == 0 ? "" : " and");
		cli_print_safe(stdout, search->top, strlen(search->top));
		(void)printf("/%s", search->user ? places[i].home : places[i].root);
	}
	(void)printf("; nothing else was looked at\n");
}

static int print_found(const struct search *search)
{
	const struct cli *cli = search->shift->cli;

	if (cli->json && !cli->quiet)
		return cli_print_json(json_pack("{s:O}", "trees", search->found));
	if (search->n == 0 && search->status == EXIT_DONE && !cli->quiet)
		print_nothing(search);
	return cli_finish_output();
}

static int search_home(struct search *search)
{
	auto_free char *top = search->user ? realpath(search->top, NULL) : strdup("");
	auto_close int dir = -1;
	int printed;

	if (top != NULL)
		dir = open(search->user ? top : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", search->top, strerror(errno));
	search->top = top;
	search->found = json_array();
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		look_at_store(search, dir, &places[i]);
	printed = print_found(search);
	json_decref(search->found);
	return printed > search->status ? printed : search->status;
}

/* Where the user's home is; *ret NULL: there is no such account, after a complaint. */
static int find_home(struct shift *shift, const char *name, bool *ret_user, char **ret)
{
	auto_close int etc = cli_open_etc(shift->cli);
	auto_users struct subid_users *users = NULL;
	auto_owner struct subid_owner owner = { .has_account = false };
	const char *file = "passwd";
	int r;

	if (etc < 0)
		return EXIT_UNABLE;
	r = subid_users_open(etc, true, &users, &file);
	if (r != 0)
		return cli_unreadable(shift->cli, file, r);
	r = subid_owner_find(users, name, &owner);
	*ret_user = owner.uid != 0;
	if (r == 0)
		r = subid_owner_home(owner.uid, ret);
	if (r == 0)
		return EXIT_DONE;
	return cli_complain(
	    cli_status(r), "%s: %s", name,
	    r < 0 ? strerror(-r)
		  : (r == SUBID_ABSENT ? "has no home" : "no such account"));
}

int shift_list_owner(struct shift *shift, const char *owner)
{
	auto_storage_map struct storage_map map = { .of = { { .n = 0 } } };
	struct search search = { .shift = shift, .map = &map };
	auto_free char *home = NULL;
	int status;

	if (shift->cli->root != NULL)
		return cli_misused(shift->cli, "shift: --owner and --root exclude each"
					       " other");
	status = find_home(shift, owner, &search.user, &home);
	if (status != EXIT_DONE)
		return status;
	search.top = home;
	status = shift_map_make(shift, owner, &map);
	return status == EXIT_DONE ? search_home(&search) : status;
}
