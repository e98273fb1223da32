// SPDX-License-Identifier: Apache-2.0
#include "codec/jsonx.h"

void jsonx_init(void)
{
	/* Memory from before this call was malloc()ed as well: free() fits both. */
	json_set_alloc_funcs(xmalloc, free);
}

/* Length of the UTF-8 sequence that starts at @s, 0 if it is none (RFC 3629). */
static size_t sequence_length(const unsigned char *s)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t length;
	} rows[] = {
		{ 0x01, 0x7f, 0x80, 0xbf, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (s[0] < rows[i].first || s[0] > rows[i].last)
			continue;
		/* The end of the string is no continuation byte: nothing is read beyond it. */
		for (size_t k = 1; k < rows[i].length; k++) {
			unsigned char low = k == 1 ? rows[i].low : 0x80;
			unsigned char high = k == 1 ? rows[i].high : 0xbf;

			if (s[k] < low || s[k] > high)
				return 0;
		}
		return rows[i].length;
	}
	return 0;
}

static json_t *repaired_text(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	_cleanup_free_ char *copy = xmalloc(strlen(text) * 3 + 1);
	char *end = copy;

	while (*text) {
		size_t length = sequence_length((const unsigned char *)text);

		if (length > 0) {
			memcpy(end, text, length);
			end += length;
			text += length;
		} else {
			memcpy(end, replacement, 3);
			end += 3;
			text++;
		}
	}
	*end = '\0';
	return json_string(copy);
}

json_t *jsonx_text(const char *text)
{
	json_t *value;

	if (!text)
		return json_null();
	value = json_string(text);
	return value ? value : repaired_text(text);
}

json_t *jsonx_time(int64_t at)
{
	char buf[TIMEX_TEXT_MAX];

	return at == TIME_UNSET ? json_null() : json_string(timex_format(at, buf));
}

json_t *jsonx_tristate(enum tristate value)
{
	return value == TRISTATE_UNKNOWN ? json_null() : json_boolean(value == TRISTATE_YES);
}

json_t *jsonx_texts(const char *const *texts, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, jsonx_text(texts[i]));
	return list;
}
