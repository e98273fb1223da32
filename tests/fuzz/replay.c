// SPDX-License-Identifier: Apache-2.0

/*
 * Runs a fuzz entry over files
 *
 * Linked with one tests/fuzz/fuzz_NAME.c in place of libFuzzer, so that every corpus is replayed by
 * `make check` with the compiler and the sanitizers at hand. Prints one TAP line per file.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An exact allocation, so that a sanitizer sees the first byte read past the end. */
static uint8_t *read_file(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "rbe");
	long size;
	uint8_t *data;

	if (!file || fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) < 0) {
		perror(path);
		exit(1);
	}
	rewind(file);
	data = malloc((size_t)size);
	if ((!data && size) || fread(data, 1, (size_t)size, file) != (size_t)size) {
		perror(path);
		exit(1);
	}
	fclose(file);
	*ret_size = (size_t)size;
	return data;
}

int main(int argc, char **argv)
{
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		size_t size;
		uint8_t *data = read_file(argv[i], &size);

		fprintf(stderr, "# %s\n", argv[i]); /* the last one named is the one that crashed */
		LLVMFuzzerTestOneInput(data, size);
		free(data);
		printf("ok %d - %s\n", i, argv[i]);
	}
	return 0;
}
