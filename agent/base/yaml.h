// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * YAML and JSON text -> doc tree (adapter for libyaml, 0.1.4 to 0.2.5)
 *
 * JSON is read as the subset of YAML that it is. Anchors, aliases and tags are refused: no file of
 * ours needs them and they are how small files become large trees. Duplicate keys are refused.
 */

#include "base/doc.h"

#define YAML_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define YAML_DEPTH_MAX 32
#define YAML_NODES_MAX 200000
#define YAML_KEYS_MAX  1000 /* of one map */

/**
 * yaml_parse() - parse one document
 * @text:  bytes, not necessarily terminated
 * @len:   number of bytes; more than YAML_BYTES_MAX is refused
 * @file:  name for messages; copied
 * @arena: owns the result
 * @ret:   the root
 *
 * An empty document is an empty map.
 * Return: 0, or -1 with @err (CONFIG) naming file and line.
 */
_must_check_ int yaml_parse(const char *text, size_t len, const char *file, struct arena *arena,
			    const struct doc **ret, struct err *err);
