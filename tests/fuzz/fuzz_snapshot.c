// SPDX-License-Identifier: Apache-2.0
#include "codec/snapshot.h"

/* What is accepted must be writable, and read back as the same document. */
static void write_and_read(const struct snapshot *snapshot)
{
	_cleanup_(json_decrefp)
	json_t *json = codec_snapshot_to_json(snapshot), *again = NULL;
	_cleanup_(snapshot_freep)
	struct snapshot *copy = NULL;
	_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT);

	if (codec_snapshot_parse(text, strlen(text), "again", &copy, NULL) < 0)
		abort();
	again = codec_snapshot_to_json(copy);
	if (!json_equal(json, again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(snapshot_freep)
	struct snapshot *snapshot = NULL;
	struct err err = ERR_INIT;

	if (codec_snapshot_parse((const char *)data, size, "fuzz", &snapshot, &err) == 0)
		write_and_read(snapshot);
	err_clear(&err);
	return 0;
}
