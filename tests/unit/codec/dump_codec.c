// SPDX-License-Identifier: Apache-2.0

/*
 * For tests/integration/test_schemas.py
 *
 *   dump_codec             a report with something in every field, and an empty snapshot
 *   dump_codec SNAPSHOT    the snapshot in that file, read and written again
 */

#include "codec/report.h"
#include "codec/snapshot.h"
#include "sample.h"

#include <stdio.h>

static int print(json_t *json)
{
	int r = json_dumpf(json, stdout, JSON_COMPACT);

	json_decref(json);
	putchar('\n');
	return r;
}

static struct snapshot *read_file(const char *path)
{
	_cleanup_free_ char *text = xmalloc(SNAPSHOT_BYTES_MAX + 1);
	struct snapshot *snapshot = NULL;
	struct err err = ERR_INIT;
	FILE *file = fopen(path, "rbe");

	if (!file) {
		perror(path);
		return NULL;
	}
	if (codec_snapshot_parse(text, fread(text, 1, SNAPSHOT_BYTES_MAX + 1, file), path,
				 &snapshot, &err) < 0) {
		fprintf(stderr, "%s\n", err.message);
		err_clear(&err);
	}
	fclose(file);
	return snapshot;
}

int main(int argc, char **argv)
{
	_cleanup_(snapshot_freep)
	struct snapshot *snapshot = argc > 1 ? read_file(argv[1]) : snapshot_new();

	if (!snapshot)
		return EXIT_STATUS_DATA;
	if (argc == 1 && print(codec_report_to_json(sample_report())) < 0)
		return EXIT_STATUS_IO;
	return print(codec_snapshot_to_json(snapshot)) < 0 ? EXIT_STATUS_IO : EXIT_STATUS_OK;
}
