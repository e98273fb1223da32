// SPDX-License-Identifier: Apache-2.0

/*
 * dump_available FILE [PREFIX]: the packages of a primary.xml, one line each, fields with tabs
 *
 * With PREFIX the file is filtered before libsolv sees it; without, libsolv loads all of it. The
 * last line is "peak" and the most memory that was in use at once, in KiB.
 */

#include "solv/available.h"

#include <fcntl.h>
#include <stdio.h>

static bool begins(void *userdata, const char *name)
{
	return starts_with(name, userdata);
}

static int read_file(const char *path, const struct available_options *options,
		     struct available **rows, size_t *n, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(stream_closep)
	struct stream *stream = NULL;

	if (stream_open(fd, path, (uint64_t)512 * 1024 * 1024, -1, &stream, err) < 0)
		return -1;
	return available_read(options, stream, rows, n, err);
}

static void print(const struct available *row)
{
	printf("%s\t%u\t%s\t%s\t%s\t%lld\n", row->nevra.name, row->nevra.evr.epoch,
	       row->nevra.evr.version, row->nevra.evr.release, row->nevra.arch,
	       row->build_time == TIME_UNSET ? -1 : (long long)row->build_time);
}

/* getrusage() would count what the parent had in use when it forked. */
static void print_peak(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	long kib = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	if (file)
		fclose(file);
	printf("peak\t%ld\n", kib);
}

int main(int argc, char **argv)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct findings findings = { .arena = arena };
	const struct wanted wanted = { begins, argc > 2 ? argv[2] : NULL };
	const struct available_options options = { .repo_id = "repo",
						   .wanted = argc > 2 ? &wanted : NULL,
						   .arena = arena,
						   .findings = &findings };
	struct available *rows = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;
	int r;

	if (argc < 2)
		return EXIT_STATUS_USAGE;
	r = read_file(argv[1], &options, &rows, &n, &err);
	if (r < 0)
		fprintf(stderr, "%s\n", err.message);
	for (size_t i = 0; i < findings.n; i++)
		fprintf(stderr, "%s\n", findings.items[i].message);
	for (size_t i = 0; i < n; i++)
		print(&rows[i]);
	print_peak();
	err_clear(&err);
	return r < 0 ? 1 : 0;
}
