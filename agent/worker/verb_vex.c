// SPDX-License-Identifier: Apache-2.0
#include "worker/verb.h"

#include "codec/jsonx.h"
#include "codec/vex.h"
#include "solv/digest.h"

/* The same facts as of the same time are the same document. */
static void identify(const struct session *s, json_t *document)
{
	_cleanup_free_ char *text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
	const char *hex = digest_sha256_hex(s->arena, text, strlen(text));

	/* a UUID of version 8: made from the digest */
	json_object_set_new(
		document, "@id",
		jsonx_text(arena_printf(s->arena, "urn:uuid:%.8s-%.4s-8%.3s-8%.3s-%.12s", hex,
					hex + 8, hex + 12, hex + 15, hex + 18)));
}

int verb_vex(struct session *s, json_t **ret, struct err *err)
{
	_cleanup_(report_freep)
	struct report *report = NULL;
	struct evaluation in;
	struct judge judge;
	json_auto_t *document = NULL;
	size_t n = 0;

	if (session_prepare(s, &in, err) < 0)
		return -1;
	report = evaluate_judge(&in, &judge);
	if (!judge.kernel_name)
		return err_set(err, EXIT_STATUS_UNAVAILABLE,
			       "of the kernel that runs here klpd does not know the package, so "
			       "nothing can be said of its CVEs");
	document = vex_document(&judge, &n);
	if (!n)
		return err_set(err, EXIT_STATUS_UNAVAILABLE,
			       "no notice that is at hand names a CVE of this kernel; fetch them "
			       "with: klpctl scan");
	identify(s, document);
	*ret = json_pack("{s:{s:O,s:b}}", "export", "document", document, "complete",
			 !judge.livepatch_blind && !judge.kernel_blind);
	return 0;
}
