// SPDX-License-Identifier: Apache-2.0
#include "worker/verb.h"

#include "codec/snapshot.h"
#include "worker/gather.h"

int verb_capture(struct session *s, json_t **ret, struct err *err)
{
	if (session_identify(s, err) < 0)
		return -1;
	gather(s);
	*ret = json_pack("{s:o}", "snapshot", codec_snapshot_to_json(s->snapshot));
	return 0;
}
