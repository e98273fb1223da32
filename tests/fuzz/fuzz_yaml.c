// SPDX-License-Identifier: Apache-2.0
#include "base/yaml.h"

#include <stdint.h>

/* What every reader of a tree relies on. */
static size_t check(const struct doc *doc, int depth)
{
	size_t nodes = 1;

	if (depth > YAML_DEPTH_MAX + 1 || doc->line == 0 || !doc->file)
		abort();
	if (doc->kind == DOC_SCALAR && (!doc->text || doc->n_members))
		abort();
	DOC_FOREACH(member, doc) {
		if (doc->kind == DOC_MAP && doc_get(doc, member->key) != member)
			abort();
		nodes += check(member, depth + 1);
	}
	return nodes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	const struct doc *doc;
	struct err err = ERR_INIT;

	if (yaml_parse((const char *)data, size, "fuzz", arena, &doc, &err) < 0) {
		if (!err.message || err.status != EXIT_STATUS_CONFIG)
			abort();
	} else if (check(doc, 0) > YAML_NODES_MAX) {
		abort();
	}
	err_clear(&err);
	return 0;
}
