// SPDX-License-Identifier: Apache-2.0
#include "metadata/updateinfo.h"

/* What is kept must be usable without another look. */
static void check(const struct advisory *a)
{
	if (!a->id || !*a->id)
		abort();
	for (size_t i = 0; i < a->n_packages; i++)
		if (!nevra_is_sane(&a->packages[i]))
			abort();
	for (size_t i = 0; i < a->n_refs; i++)
		if (!a->refs[i].type || !a->refs[i].id)
			abort();
	if ((a->issued.state == NOTICE_DATE_VALID) == (a->issued.at == TIME_UNSET))
		abort();
}

/* The first byte says where the buffer is split. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct findings findings = { .arena = arena };
	const struct updateinfo_options options = { .repo_id = "fuzz",
						    .arena = arena,
						    .findings = &findings };
	_cleanup_(updateinfo_freep)
	struct updateinfo *reader = updateinfo_new(&options);
	struct advisory *advisories;
	size_t split = size ? data[0] % size : 0, n;

	if (size == 0 || updateinfo_feed(reader, data + 1, split, NULL) < 0 ||
	    updateinfo_feed(reader, data + 1 + split, size - 1 - split, NULL) < 0 ||
	    updateinfo_finish(reader, &advisories, &n, NULL) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		check(&advisories[i]);
	return 0;
}
