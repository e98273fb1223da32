// SPDX-License-Identifier: Apache-2.0
#include "core/override.h"

#include "core/finding.h"
#include "core/match.h"

static const struct doc_field entry_fields[] = {
	{ "id", doc_read_text, offsetof(struct override_entry, id), true },
	{ "title", doc_read_text, offsetof(struct override_entry, title), false },
};

/* Keys other than id and title are ignored, as documented. */
static int read_entry(const struct doc *doc, struct arena *arena, struct override_entry *ret,
		      struct err *err)
{
	if (doc_expect(doc, DOC_MAP, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(entry_fields); i++) {
		const struct doc *member = doc_get(doc, entry_fields[i].key);

		if (!member && entry_fields[i].required)
			return doc_err(err, doc, "an entry needs an id");
		if (member && entry_fields[i].read(member, arena,
						   (char *)ret + entry_fields[i].offset, err) < 0)
			return -1;
	}
	return 0;
}

int override_from_doc(const struct doc *doc, struct arena *arena, struct override_list **ret,
		      struct findings *findings, struct err *err)
{
	struct override_list *list = arena_alloc(arena, sizeof(*list));
	const struct doc *patches;

	if (doc_expect(doc, DOC_MAP, err) < 0)
		return -1;
	patches = doc_get(doc, "patches");
	if (!patches)
		return doc_err(err, doc, "patches is missing: a list of entries with an id");
	if (doc_expect(patches, DOC_LIST, err) < 0)
		return -1;
	DOC_FOREACH(item, patches)
		if (read_entry(item, arena, ARENA_PUSH(arena, list->entries, list->n_entries),
			       err) < 0)
			return -1;
	if (!list->n_entries)
		finding_add(findings, FINDING_WARNING, "override-list-empty", doc->file,
			    "the override list names no patches, so nothing would be installed");
	*ret = list;
	return 0;
}

const char *override_naming(const struct override_list *list, const struct nevra *nevra)
{
	for (size_t i = 0; i < list->n_entries; i++) {
		const struct override_entry *e = &list->entries[i];

		if (match_nevra(e->id, nevra) && (!e->title || match_nevra(e->title, nevra)))
			return e->title ? e->title : e->id;
	}
	return NULL;
}
