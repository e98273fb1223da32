// SPDX-License-Identifier: Apache-2.0
#include "codec/vex.h"

#include "codec/jsonx.h"
#include "core/cve.h"

#include <ctype.h>

#define CONTEXT "https://openvex.dev/ns/v0.2.0"

/* ---- the product ------------------------------------------------------------------------------*/

/* As a package URL has it: everything but letters, digits and these is percent-encoded. */
static const char *encoded(struct arena *arena, const char *text)
{
	char *out = arena_alloc(arena, 3 * strlen(text) + 1), *at = out;

	for (; *text; text++)
		if (isalnum((unsigned char)*text) || strchr(".-_~", *text))
			*at++ = *text;
		else
			at += sprintf(at, "%%%02X", (unsigned char)*text);
	*at = '\0';
	return out;
}

/* pkg:rpm/amzn/kernel@5.10.233-223.887.amzn2?arch=x86_64&distro=amzn-2 */
static const char *package_url(const struct judge *j)
{
	const struct node *node = &j->in->snapshot->node;
	const struct evr *evr = &j->running_evr;
	struct arena *a = j->arena;
	const char *epoch =
		evr->epoch ? arena_printf(a, "&epoch=%lu", (unsigned long)evr->epoch) : "";
	const char *os = encoded(a, node->os_id ? node->os_id : "unknown");
	const char *distro =
		node->os_version ? arena_printf(a, "%s-%s", os, encoded(a, node->os_version)) : os;

	return arena_printf(a, "pkg:rpm/%s/%s@%s-%s?arch=%s&distro=%s%s", os,
			    encoded(a, j->kernel_name), encoded(a, evr->version),
			    encoded(a, evr->release), encoded(a, j->arch), distro, epoch);
}

/* ---- a statement ------------------------------------------------------------------------------*/

static const char *status_of(enum cve_answer answer)
{
	static const char *const words[] = {
		[CVE_UNKNOWN] = "under_investigation",	 [CVE_NOT_FIXED] = "affected",
		[CVE_INSTALLED_NOT_ACTIVE] = "affected", [CVE_FIXED_BY_LIVEPATCH] = "fixed",
		[CVE_FIXED_BY_KERNEL] = "fixed",
	};

	return words[answer];
}

/* What became of it here. */
static const char *fate(const struct cve_evidence *e)
{
	if (e->fix == CVE_FIX_OTHER_SERIES)
		return "of another series";
	if (!e->installed)
		return "not installed";
	if (e->fix != CVE_FIX_LIVEPATCH)
		return "what runs, or older";
	return e->active == TRISTATE_YES  ? "installed and active"
	       : e->active == TRISTATE_NO ? "installed, not active"
					  : "installed, perhaps not active";
}

/* "...the kernel runs it. Evidence: ALAS2LIVEPATCH-2025-201 (PACKAGE, installed and active)" */
static const char *notes(struct judge *j, const struct cve_result *r)
{
	const char *text =
		arena_printf(j->arena, "%c%s.", toupper((unsigned char)*r->reason), r->reason + 1);

	for (size_t i = 0; i < r->n_evidence; i++) {
		const struct cve_evidence *e = &r->evidence[i];

		text = arena_printf(j->arena, "%s%s%s (%s, %s)", text,
				    i ? ", " : " Evidence: ", e->advisory->id,
				    nevra_text(j->arena, &e->package), fate(e));
	}
	return text;
}

static json_t *statement(struct judge *j, const char *cve, const char *product)
{
	struct cve_result r = cve_look(j, cve);
	const char *action = cve_action(j, &r);
	json_t *s = json_pack("{s:{s:o},s:[{s:o,s:{s:o}}],s:s,s:o}", "vulnerability", "name",
			      jsonx_text(cve), "products", "@id", jsonx_text(product),
			      "identifiers", "purl", jsonx_text(product), "status",
			      status_of(r.answer), "status_notes", jsonx_text(notes(j, &r)));

	if (action)
		json_object_set_new(s, "action_statement", jsonx_text(action));
	return s;
}

json_t *vex_document(struct judge *judge, size_t *ret_n)
{
	struct word_set known = cve_known(judge);
	const char *product = package_url(judge);
	const char *instance = judge->in->snapshot->node.instance_id;
	json_t *statements = json_array();

	jsonx_init();
	for (size_t i = 0; i < known.n; i++)
		json_array_append_new(statements, statement(judge, known.items[i], product));
	*ret_n = known.n;
	return json_pack(
		"{s:s,s:o,s:s,s:o,s:i,s:s,s:o}", "@context", CONTEXT, "author",
		jsonx_text(instance ? arena_printf(judge->arena, "klpd on %s", instance) : "klpd"),
		"role", "Agent for kernel live patching on the node", "timestamp",
		jsonx_time(judge->in->now), "version", 1, "tooling", "klpd/" KLPD_VERSION,
		"statements", statements);
}
