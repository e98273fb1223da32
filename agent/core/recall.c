// SPDX-License-Identifier: Apache-2.0
#include "core/recall.h"

static int read_sha256(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	if (doc_read_text(doc, arena, member, err) < 0)
		return -1;
	if (strlen(doc->text) != 64 || strspn(doc->text, "0123456789abcdef") != 64)
		return doc_err(err, doc, "'%s' is not 64 lower-case hexadecimal digits", doc->text);
	return 0;
}

static const struct doc_field fields[] = {
	{ "package", doc_read_text, offsetof(struct plan_ban, package), false },
	{ "sha256", read_sha256, offsetof(struct plan_ban, sha256), false },
	{ "reason", doc_read_text, offsetof(struct plan_ban, reason), false },
};

int recall_from_doc(const struct doc *doc, struct arena *arena, struct plan_ban **ret,
		    size_t *ret_n, struct err *err)
{
	struct plan_ban *bans = NULL;
	size_t n = 0;

	*ret = NULL;
	*ret_n = 0;
	if (doc->kind == DOC_MAP && doc->n_members == 0) /* an empty file */
		return 0;
	if (doc_expect(doc, DOC_LIST, err) < 0)
		return -1;
	if (doc->n_members > RECALL_MAX)
		return doc_err(err, doc, "more than %d entries", RECALL_MAX);
	DOC_FOREACH(item, doc) {
		struct plan_ban ban = { .reason = "the node's recall list names it" };

		if (doc_read_map(item, fields, ARRAY_SIZE(fields), arena, &ban, err) < 0)
			return -1;
		if (!ban.package && !ban.sha256)
			return doc_err(err, item, "an entry needs a package or a sha256");
		*ARENA_PUSH(arena, bans, n) = ban;
	}
	*ret = bans;
	*ret_n = n;
	return 0;
}
