// SPDX-License-Identifier: Apache-2.0
#include "worker/verb.h"

#include "codec/report.h"

int verb_scan(struct session *s, json_t **ret, struct err *err)
{
	_cleanup_(report_freep)
	struct report *report = NULL;
	struct evaluation in;

	if (session_prepare(s, &in, err) < 0)
		return -1;
	report = evaluate(&in);
	*ret = json_pack("{s:o}", "report", codec_report_to_json(report));
	return 0;
}
