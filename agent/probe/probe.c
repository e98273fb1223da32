// SPDX-License-Identifier: Apache-2.0
#include "probe/probe.h"

#include "base/fsx.h"
#include "probe/rpmdb.h"

#define INSTANCE_ID_FILE "var/lib/cloud/data/instance-id"

static bool tracked(const char *name, void *userdata)
{
	return platform_tracks(userdata, name);
}

static bool livepatch(const char *name, void *userdata)
{
	return platform_is_livepatch(userdata, name);
}

static void probe_packages(const struct probe_request *request, const struct platform *platform,
			   struct snapshot *snapshot)
{
	struct node *node = &snapshot->node;
	struct rpmdb_query query = {
		.arena = snapshot->arena,
		.wanted = tracked,
		.modules = livepatch,
		.userdata = (void *)platform,
		.provide = platform->releasever_provide,
	};
	struct err err = ERR_INIT;

	if (rpmdb_read(request->root, request->root_path, &query, &err) < 0) {
		finding_add(&snapshot->findings, FINDING_ERROR, "rpmdb-unreadable",
			    request->root_path, "%s", err.message);
		err_clear(&err);
		return;
	}
	node->rpmdb_read = true;
	node->installed = query.items;
	node->n_installed = query.n;
	node->releasever = query.provide_version;
}

static void probe_instance(int root, struct node *node, struct arena *arena)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fsx_read_at(root, INSTANCE_ID_FILE, 256, &text, &len) < 0)
		return;
	text[strcspn(text, "\r\n")] = '\0';
	if (starts_with(text, "i-") || starts_with(text, "mi-"))
		node->instance_id = arena_strdup(arena, text);
}

void probe_node(const struct probe_request *request, const struct platform *platform,
		struct snapshot *snapshot)
{
	struct node *node = &snapshot->node;

	probe_kernel(request, node, snapshot->arena);
	probe_livepatch(request->root, node, snapshot->arena);
	probe_instance(request->root, node, snapshot->arena);
	if (!platform)
		return;
	if (platform->service)
		node->kpatch_service_enabled = probe_unit_enabled(request->root, platform->service);
	probe_packages(request, platform, snapshot);
	if (!node->releasever)
		node->releasever = node->os_version;
}
