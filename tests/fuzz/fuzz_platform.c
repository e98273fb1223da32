// SPDX-License-Identifier: Apache-2.0
#include "base/yaml.h"
#include "core/platform.h"

#include <stdint.h>

static const char *const releases[] = {
	"5.10.102-99.473.amzn2.x86_64",
	"6.1.15-28.43.amzn2023.aarch64",
	"5.14.21-150400.24.100-default",
};

/* A profile that is accepted names a livepatch for every kernel, and knows it again. */
static void check(const struct platform *platform, struct arena *arena)
{
	for (size_t i = 0; i < ARRAY_SIZE(releases); i++) {
		struct kernel_release kernel;
		const char *name;

		if (kernel_release_parse(releases[i], arena, &kernel) < 0)
			abort();
		name = platform_livepatch_name(platform, &kernel, arena);
		if (!name || !platform_is_livepatch(platform, name) ||
		    !platform_tracks(platform, name))
			abort();
		(void)platform_kernel_line(platform, &kernel);
	}
	(void)platform_matches(platform, "amzn", "2");
	(void)platform_repo_role(platform, "amzn2-core");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	const struct platform *platform;
	const struct doc *doc;
	struct err err = ERR_INIT;

	if (yaml_parse((const char *)data, size, "fuzz", arena, &doc, NULL) < 0)
		return 0;
	if (platform_from_doc(doc, arena, &platform, &err) == 0)
		check(platform, arena);
	else if (!err.message || err.status != EXIT_STATUS_CONFIG)
		abort();
	err_clear(&err);
	return 0;
}
