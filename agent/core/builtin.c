// SPDX-License-Identifier: Apache-2.0
#include "core/builtin.h"

#define ENTRY(name, text) { name, text, sizeof(text) - 1 },

static const struct builtin_text platforms[] = {
#define BUILTIN_PLATFORM(name, text) ENTRY(name, text)
#define BUILTIN_BASELINE(name, text)
#include "builtin_data.inc"
#undef BUILTIN_PLATFORM
#undef BUILTIN_BASELINE
};

static const struct builtin_text baselines[] = {
#define BUILTIN_PLATFORM(name, text)
#define BUILTIN_BASELINE(name, text) ENTRY(name, text)
#include "builtin_data.inc"
};

const struct builtin_text *builtin_platforms(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(platforms);
	return platforms;
}

const struct builtin_text *builtin_baselines(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(baselines);
	return baselines;
}
