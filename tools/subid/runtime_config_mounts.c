/* SPDX-License-Identifier: MIT */
/*
 * The lines that put shared storage (subid share) into a container, for each family of
 * runtimes.  Paths have no blank and nothing that a shell or a parser takes for more:
 * they are made of the parts that share_point_name() lets pass.
 */
#include "tools/subid/runtime_config.h"

void runtime_config_mounts_lxc(const struct runtime_config_draft *draft)
{
	const struct runtime_config_ids *share = draft->share;

	for (size_t i = 0; i < share->n_mounts; i++)
		(void)fprintf(draft->text,
			      "lxc.mount.entry = %s %s none bind,%screate=dir 0 0\n",
			      share->mounts[i].source, share->mounts[i].inside + 1,
			      share->mounts[i].read_only ? "ro," : "");
}

void runtime_config_mounts_lxd(const struct runtime_config_draft *draft,
			       const char *client)
{
	const struct runtime_config_ids *share = draft->share;

	for (size_t i = 0; i < share->n_mounts; i++)
		(void)fprintf(draft->text,
			      "%s config device add %s share%zu disk source=%s"
			      " path=%s%s\n",
			      client, share->container, i, share->mounts[i].source,
			      share->mounts[i].inside,
			      share->mounts[i].read_only ? " readonly=true" : "");
}

void runtime_config_mounts_podman(const struct runtime_config_draft *draft,
				  const char *separator)
{
	const struct runtime_config_ids *share = draft->share;

	for (size_t i = 0; i < share->n_mounts; i++)
		(void)fprintf(draft->text, "%s-v %s:%s%s", i == 0 ? separator : " ",
			      share->mounts[i].source, share->mounts[i].inside,
			      share->mounts[i].read_only ? ":ro" : "");
}

void runtime_config_mounts_docker(const struct runtime_config_draft *draft)
{
	const struct runtime_config_ids *share = draft->share;

	for (size_t i = 0; i < share->n_mounts; i++)
		(void)fprintf(draft->remarks,
			      "docker run -v %s:%s%s puts a share into a"
			      " container.\n",
			      share->mounts[i].source, share->mounts[i].inside,
			      share->mounts[i].read_only ? ":ro" : "");
}

void runtime_config_mounts_oci(const struct runtime_config_draft *draft)
{
	const struct runtime_config_ids *share = draft->share;

	if (share->n_mounts == 0)
		return;
	(void)fprintf(draft->text, ",\n  \"mounts\": [\n");
	for (size_t i = 0; i < share->n_mounts; i++)
		(void)fprintf(draft->text,
			      "    {\"destination\": \"%s\", \"type\": \"none\","
			      " \"source\": \"%s\", \"options\": [\"bind\", \"nosuid\","
			      " \"nodev\", \"%s\"]}%s\n",
			      share->mounts[i].inside, share->mounts[i].source,
			      share->mounts[i].read_only ? "ro" : "rw",
			      i + 1 < share->n_mounts ? "," : "");
	(void)fprintf(draft->text, "  ]");
}

void runtime_config_mounts_nspawn(const struct runtime_config_draft *draft)
{
	const struct runtime_config_ids *share = draft->share;

	for (size_t i = 0; i < share->n_mounts; i++)
		(void)fprintf(draft->text, " --bind%s=%s:%s",
			      share->mounts[i].read_only ? "-ro" : "",
			      share->mounts[i].source, share->mounts[i].inside);
}
