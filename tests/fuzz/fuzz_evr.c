// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "core/evr.h"

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

/* Three versions on three lines: each pair must compare the same way from both sides. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	char *rest = text, *v[3];

	for (int i = 0; i < 3; i++)
		v[i] = rest ? strsep(&rest, "\n") : text;
	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < 3; k++)
			if (sign(evr_vercmp(v[i], v[k])) != -sign(evr_vercmp(v[k], v[i])))
				abort();
		if (evr_vercmp(v[i], v[i]) != 0)
			abort();
	}
	return 0;
}
