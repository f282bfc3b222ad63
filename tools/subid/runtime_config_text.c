/* SPDX-License-Identifier: MIT */
/*
 * The texts, one function for each family of runtimes.  Names of owners and containers
 * are quoted wherever a shell or a parser could take them for more than a name.
 */
#include <string.h>

#include "tools/subid/runtime_config.h"

#define NSPAWN_COUNT 65536

/* As one word of a shell. */
static void write_word(FILE *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+=:,./-";

	if (*word != '\0' && word[strspn(word, plain)] == '\0') {
		(void)fputs(word, out);
		return;
	}
	(void)fputc('\'', out);
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			(void)fputs("'\\''", out);
		else
			(void)fputc(*word, out);
	}
	(void)fputc('\'', out);
}

/* As a string of JSON or TOML. */
static void write_string(FILE *out, const char *text)
{
	(void)fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', out);
		(void)fputc(*text, out);
	}
	(void)fputc('"', out);
}

/* "alice", or "alice/c1". */
static void write_share(const struct runtime_config_draft *draft)
{
	const struct runtime_config_ids *share = draft->share;

	(void)fprintf(draft->remarks, "%s%s%s: ", share->name,
		      share->container == NULL ? "" : "/",
		      share->container == NULL ? "" : share->container);
}

void runtime_config_write_lxc(struct runtime_config_draft *draft)
{
	const struct runtime_config_ids *share = draft->share;
	const char *name = share->container == NULL ? "NAME" : share->container;
	/* renamed in 2.1; the old name went with 3.0 */
	bool old = draft->version.major == 1 ||
		   (draft->version.major == 2 && draft->version.minor < 1);

	write_share(draft);
	if (runtime_config_is_rootless(share))
		(void)fprintf(draft->remarks,
			      "add to ~/.local/share/lxc/%s/config; for a new container,"
			      " to a file\nfor lxc-create -f"
			      " (~/.config/lxc/default.conf is for all containers).\n",
			      name);
	else
		(void)fprintf(draft->remarks,
			      "add to /var/lib/lxc/%s/config; for a new container, to a"
			      " file\nfor lxc-create -f (/etc/lxc/default.conf is for all"
			      " containers).\n",
			      name);
	(void)fprintf(draft->remarks,
		      "Remove the %s lines that are already there.  Files of an\n"
		      "existing container keep their former ids.\n",
		      old ? "lxc.id_map" : "lxc.idmap");
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		for (size_t i = 0; i < draft->setup->n[kind]; i++) {
			const struct subid_map_line *line = &draft->setup->maps[kind][i];

			(void)fprintf(draft->text, "%s = %c %u %u %u\n",
				      old ? "lxc.id_map" : "lxc.idmap",
				      kind == SUBID_UID ? 'u' : 'g', line->inside.start,
				      line->outside.start, line->inside.count);
		}
	}
	runtime_config_mounts_lxc(draft);
}

/* LXD and Incus, which were one program. */
void runtime_config_write_lxd(struct runtime_config_draft *draft)
{
	bool lxd = strcmp(draft->runtime->name, "lxd") == 0;
	static const char *const keys[] = { "isolated true", "base", "size" };
	const char *client = lxd ? "lxc" : "incus";
	const char *container = draft->share->container;
	/* 6.0 ignores a base without isolated; 7 refuses the two together */
	bool alone = !lxd && draft->version.major >= 7;

	write_share(draft);
	(void)fprintf(draft->remarks,
		      "commands to run as root.  %s uses ids of root's lines in\n"
		      "/etc/subuid and /etc/subgid, which it reads at start:"
		      " restart it after\na change.%s\n",
		      draft->runtime->title,
		      lxd ? "  LXD from a snap does not read them." : "");
	if (container == NULL) {
		(void)fprintf(draft->remarks,
			      "Each container gets its own ids, which %s chooses; to"
			      " choose them, use a lease\n('subid grant root/NAME').\n",
			      draft->runtime->title);
		(void)fprintf(draft->text,
			      "%s profile set default security.idmap.isolated true\n",
			      client);
		return;
	}
	(void)fprintf(draft->remarks,
		      "The container must be stopped; its files are shifted at its"
		      " next start.\n");
	if (!lxd && draft->version.major == 0)
		(void)fprintf(draft->remarks,
			      "Incus 7 and later take base and size without isolated:"
			      " --for 7 writes that.\n");
	for (size_t i = alone; i < sizeof(keys) / sizeof(keys[0]); i++) {
		(void)fprintf(draft->text, "%s config set ", client);
		write_word(draft->text, container);
		(void)fprintf(draft->text, " security.idmap.%s", keys[i]);
		if (i > 0)
			(void)fprintf(draft->text, " %u",
				      i == 1 ? draft->range.start : draft->range.count);
		(void)fputc('\n', draft->text);
	}
	runtime_config_mounts_lxd(draft, client);
}

static void write_podman_maps(const struct runtime_config_draft *draft,
			      const struct subid_map_line *const lines[SUBID_KINDS],
			      const size_t n[SUBID_KINDS])
{
	const char *sep = "";

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		for (size_t i = 0; i < n[kind]; i++) {
			(void)fprintf(draft->text, "%s--%smap %u:%u:%u", sep,
				      subid_kind_name(kind), lines[kind][i].inside.start,
				      lines[kind][i].outside.start,
				      lines[kind][i].inside.count);
			sep = " ";
		}
	}
	runtime_config_mounts_podman(draft, " ");
	(void)fputc('\n', draft->text);
}

/* The maps use the ids of the user's own namespace. */
static void write_podman_rootless(const struct runtime_config_draft *draft)
{
	const struct runtime_config_ids *share = draft->share;
	struct subid_map_line lines[SUBID_KINDS][SUBID_MAP_LINES_MAX];
	const struct subid_map_line *const both[SUBID_KINDS] = { lines[0], lines[1] };
	size_t n[SUBID_KINDS];

	/* such a share has the map that podman uses when it is told no other */
	if (share->container == NULL && share->n_mounts > 0) {
		(void)fprintf(draft->remarks,
			      "options for 'podman run' and 'podman create' as %s.  The"
			      "\nshare is for containers with podman's own map: use"
			      " neither --uidmap nor\n--userns with it.\n",
			      share->name);
		runtime_config_mounts_podman(draft, "");
		(void)fputc('\n', draft->text);
		return;
	}
	(void)fprintf(
	    draft->remarks,
	    "options for 'podman run' and 'podman create' as %s.  The second"
	    "\nnumber is not an id of the host: in podman's namespace 0 is"
	    " %s, and the\nids of its lines in /etc/subuid and /etc/subgid are"
	    " counted from 1 on.\nAfter a change of these lines, first run: podman"
	    " system migrate\n",
	    share->name, share->name);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		n[kind] = draft->setup->n[kind];
		memcpy(lines[kind], draft->setup->maps[kind],
		       n[kind] * sizeof(lines[kind][0]));
		(void)subid_layout_relative(&share->all->of[kind], share->own[kind],
					    lines[kind], &n[kind]);
	}
	write_podman_maps(draft, both, n);
}

/* Owners without account hold ids for containers that root's podman runs. */
static void write_podman_auto(const struct runtime_config_draft *draft)
{
	const struct runtime_config_ids *share = draft->share;
	uint64_t most = NSPAWN_COUNT;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (subid_set_size(&share->ids->of[kind]) < most)
			most = subid_set_size(&share->ids->of[kind]);
	(void)fprintf(draft->remarks,
		      "add to /etc/containers/storage.conf, for 'podman run"
		      " --userns=auto' as\nroot: each container gets a part of these"
		      " ids.  To use all ids for one container:\npodman run"
		      " --subuidname ");
	write_word(draft->remarks, share->name);
	(void)fprintf(draft->remarks, " --subgidname ");
	write_word(draft->remarks, share->name);
	(void)fprintf(draft->remarks, "\n");
	(void)fprintf(draft->text, "[storage.options]\nroot-auto-userns-user = ");
	write_string(draft->text, share->name);
	(void)fprintf(draft->text, "\nauto-userns-max-size = %llu\n",
		      (unsigned long long)most);
}

void runtime_config_write_podman(struct runtime_config_draft *draft)
{
	const struct runtime_config *setup = draft->setup;
	const struct subid_map_line *const host[SUBID_KINDS] = { setup->maps[0],
								 setup->maps[1] };

	write_share(draft);
	if (runtime_config_is_rootless(draft->share)) {
		write_podman_rootless(draft);
		return;
	}
	if (!draft->share->has_account && draft->share->container == NULL) {
		write_podman_auto(draft);
		return;
	}
	(void)fprintf(draft->remarks,
		      "options for 'podman run' and 'podman create' as root.\n");
	write_podman_maps(draft, host, setup->n);
}

void runtime_config_write_docker(struct runtime_config_draft *draft)
{
	write_share(draft);
	(void)fprintf(draft->remarks,
		      "add to /etc/docker/daemon.json, for all containers, and restart"
		      " docker.\nDocker then no longer shows existing images and"
		      " containers.\n");
	(void)fprintf(draft->text, "{\n  \"userns-remap\": ");
	write_string(draft->text, draft->share->name);
	(void)fprintf(draft->text, "\n}\n");
	runtime_config_mounts_docker(draft);
}

void runtime_config_write_oci(struct runtime_config_draft *draft)
{
	const struct runtime_config *setup = draft->setup;

	write_share(draft);
	(void)fprintf(draft->remarks, "add to config.json of the bundle;"
				      " linux.namespaces must also\n"
				      "contain {\"type\": \"user\"}.\n");
	(void)fprintf(draft->text, "{\n  \"linux\": {\n");
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		(void)fprintf(draft->text, "    \"%sMappings\": [\n",
			      subid_kind_name(kind));
		for (size_t i = 0; i < setup->n[kind]; i++) {
			const struct subid_map_line *line = &setup->maps[kind][i];

			(void)fprintf(draft->text,
				      "      {\"containerID\": %u, \"hostID\": %u,"
				      " \"size\": %u}%s\n",
				      line->inside.start, line->outside.start,
				      line->inside.count,
				      i + 1 < setup->n[kind] ? "," : "");
		}
		(void)fprintf(draft->text, "    ]%s\n", kind == SUBID_UID ? "," : "");
	}
	(void)fprintf(draft->text, "  }");
	runtime_config_mounts_oci(draft);
	(void)fprintf(draft->text, "\n}\n");
}

void runtime_config_write_nspawn(struct runtime_config_draft *draft)
{
	struct id_range range = draft->range;
	/* chown works only for 65536 ids at a multiple of 65536; map is new in 249 */
	bool whole = range.start % NSPAWN_COUNT == 0 && range.count == NSPAWN_COUNT;
	bool old = draft->version.major > 0 && draft->version.major < 249;

	write_share(draft);
	(void)fprintf(draft->remarks, "options for systemd-nspawn as root.\n");
	if (draft->share->container != NULL)
		(void)fprintf(draft->remarks,
			      "Or in /etc/systemd/nspawn/%s.nspawn, section [Exec]:"
			      " PrivateUsers=%u:%u\n",
			      draft->share->container, range.start, range.count);
	if (!whole && old)
		(void)fprintf(
		    draft->remarks,
		    "This systemd can shift files only for 65536 ids at a multiple"
		    " of 65536:\nchange the owners of the directory tree"
		    " beforehand.\n");
	(void)fprintf(draft->text, "--private-users=%u:%u", range.start, range.count);
	if (old)
		(void)fputs(whole ? " --private-users-chown" : "", draft->text);
	else
		(void)fprintf(draft->text, " --private-users-ownership=%s",
			      whole ? "auto" : "map");
	runtime_config_mounts_nspawn(draft);
	(void)fputc('\n', draft->text);
}
