// SPDX-License-Identifier: Apache-2.0
#include "worker/verb.h"

#include "codec/jsonx.h"
#include "core/cve.h"

#include <ctype.h>

static json_t *evidence_json(const struct session *s, const struct cve_evidence *e)
{
	const struct repository *repo = &s->snapshot->catalogue.repositories[e->advisory->repo];
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	return json_pack("{s:o,s:o,s:o,s:b,s:o,s:s,s:o,s:o,s:o}", "advisory",
			 jsonx_text(e->advisory->id), "repository", jsonx_text(repo->id), "package",
			 jsonx_text(nevra_text(arena, &e->package)), "installed", e->installed,
			 "active", jsonx_tristate(e->active), "fixes", cve_fix_name(e->fix),
			 "released", jsonx_time(e->released), "metadata_fetched",
			 jsonx_time(repo->fetched), "metadata_checksum",
			 jsonx_text(repo->checksum));
}

/* CVE ids are upper case; people type what they like. */
static int normalise(struct session *s, const char **ret, struct err *err)
{
	char *cve = arena_strdup(s->arena, s->request.cve ? s->request.cve : "");

	for (char *p = cve; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	if (!starts_with(cve, "CVE-") || strspn(cve + 4, "0123456789-") != strlen(cve + 4))
		return err_set(err, EXIT_STATUS_USAGE,
			       "'%s' is not a CVE id such as CVE-2024-36899", s->request.cve);
	*ret = cve;
	return 0;
}

int verb_cve(struct session *s, json_t **ret, struct err *err)
{
	_cleanup_(report_freep)
	struct report *report = NULL;
	struct evaluation in;
	struct cve_result result;
	struct judge judge;
	json_t *evidence;
	const char *cve;

	if (normalise(s, &cve, err) < 0 || session_prepare(s, &in, err) < 0)
		return -1;
	report = evaluate_judge(&in, &judge);
	result = cve_look(&judge, cve);

	evidence = json_array();
	for (size_t i = 0; i < result.n_evidence; i++)
		json_array_append_new(evidence, evidence_json(s, &result.evidence[i]));
	*ret = json_pack("{s:{s:s,s:s,s:s,s:s,s:o,s:o}}", "explanation", "kind", "cve", "cve", cve,
			 "answer", cve_answer_name(result.answer), "reason", result.reason, "as_of",
			 jsonx_time(in.now), "evidence", evidence);
	return 0;
}
