// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * struct snapshot <-> JSON (schema klpd.snapshot/1, docs/klpd.snapshot-1.schema.json)
 *
 * One table of fields serves both directions (snapshot_shape.c). Writing leaves nothing out.
 * Reading is strict about what is there (an unknown key, a wrong type or a word that does not
 * exist is refused with its place, e.g. "advisories[3].issued") and easy about what is not: only
 * identities are required, everything else has the default that the schema names, so that
 * scenarios written by hand stay short.
 *
 * Packages are written as titles, "name.arch:epoch:version-release"; times as RFC 3339 in UTC.
 */

#include "base/err.h"
#include "core/snapshot.h"

#include <jansson.h>

#define SNAPSHOT_BYTES_MAX  ((size_t)64 * 1024 * 1024)
#define SNAPSHOT_DEPTH_MAX  16
#define SNAPSHOT_VALUES_MAX ((size_t)2000000)

/* A new reference, never NULL. */
json_t *codec_snapshot_to_json(const struct snapshot *snapshot);

/**
 * codec_snapshot_parse() - read a snapshot
 * @text: bytes, not necessarily terminated
 * @len:  number of bytes
 * @file: name for messages
 * @ret:  the snapshot, owned by the caller; untouched on failure
 *
 * Return: 0, or -1 with @err (DATA) naming file and line (not JSON) or file and field.
 */
_must_check_ int codec_snapshot_parse(const char *text, size_t len, const char *file,
				      struct snapshot **ret, struct err *err);
