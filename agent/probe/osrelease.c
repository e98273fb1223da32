// SPDX-License-Identifier: Apache-2.0
#include "probe/probe.h"

#include "base/fsx.h"

#include <errno.h>

#define OS_RELEASE_MAX ((size_t)64 * 1024)

static const char *const files[] = { "etc/os-release", "usr/lib/os-release" };

/* os-release(5): KEY=value, shell quoting: '...' as it is, "..." with backslash escapes. */
static char *unquote(struct arena *arena, const char *value, size_t len)
{
	char *text = arena_strndup(arena, value, len), *out = text;
	char quote = *text == '"' || *text == '\'' ? *text : 0;

	for (const char *p = text + (quote != 0); *p && *p != quote; p++) {
		if (*p == '\\' && quote != '\'' && p[1])
			p++;
		*out++ = *p;
	}
	*out = '\0';
	return text;
}

static void take(struct node *node, struct arena *arena, const char *line, size_t len)
{
	const struct {
		const char *key;
		const char **member;
	} keys[] = {
		{ "ID=", &node->os_id },
		{ "VERSION_ID=", &node->os_version },
		{ "PRETTY_NAME=", &node->os_name },
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t n = strlen(keys[i].key);

		if (len >= n && memcmp(line, keys[i].key, n) == 0)
			*keys[i].member = unquote(arena, line + n, len - n);
	}
}

int probe_os(int root, struct arena *arena, struct node *node, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(files) && r == -ENOENT; i++)
		r = fsx_read_at(root, files[i], OS_RELEASE_MAX, &text, &len);
	if (r < 0)
		return err_set_errno(err, EXIT_STATUS_DATA, -r,
				     "%s: the root has no readable os-release", files[0]);
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");

		take(node, arena, p, n);
		p += n + (p[n] == '\n');
	}
	return 0;
}
