// SPDX-License-Identifier: Apache-2.0
#include "klpctl/pick.h"

#define KEY_MAX 64

json_t *pick_member(const json_t *object, const char *path)
{
	const json_t *at = object;

	while (at && *path) {
		size_t len = strcspn(path, ".");
		char key[KEY_MAX];

		if (len >= sizeof(key))
			return NULL;
		memcpy(key, path, len);
		key[len] = '\0';
		at = json_object_get(at, key);
		path += len + (path[len] == '.');
	}
	return (json_t *)at;
}

const char *pick_text(const json_t *object, const char *path)
{
	return json_string_value(pick_member(object, path));
}

const char *pick_text_or(const json_t *object, const char *path, const char *fallback)
{
	const char *text = pick_text(object, path);

	return text && *text ? text : fallback;
}

int64_t pick_number(const json_t *object, const char *path)
{
	return (int64_t)json_integer_value(pick_member(object, path));
}

int64_t pick_time(const json_t *object, const char *path)
{
	const char *text = pick_text(object, path);
	int64_t at = TIME_UNSET;

	if (text && timex_parse(text, &at) < 0)
		return TIME_UNSET;
	return at;
}

bool pick_true(const json_t *object, const char *path)
{
	return json_is_true(pick_member(object, path));
}

size_t pick_count(const json_t *object, const char *path)
{
	return json_array_size(pick_member(object, path));
}
