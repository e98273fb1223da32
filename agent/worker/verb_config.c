// SPDX-License-Identifier: Apache-2.0
#include "worker/verb.h"

#include "codec/jsonx.h"

static bool is_default(const struct session *s, const char *key)
{
	return !s->config_doc || !doc_get(s->config_doc, key);
}

/* Effective settings, each with where its value comes from. */
int verb_config(struct session *s, json_t **ret, struct err *err)
{
	json_t *settings = json_array();

	(void)err;
	for (const struct config_item *item = config_items(); item->key; item++) {
		bool fallback = is_default(s, item->key);

		json_array_append_new(
			settings,
			json_pack("{s:s,s:o,s:b,s:s,s:s}", "key", item->key, "value",
				  jsonx_text(config_value(&s->config, item->key, s->arena)),
				  "default", fallback, "origin",
				  fallback ? "default" : s->config_file, "text", item->text));
	}
	*ret = json_pack("{s:o}", "settings", settings);
	return 0;
}
