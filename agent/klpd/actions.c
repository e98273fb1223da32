// SPDX-License-Identifier: Apache-2.0
#include "klpd/actions.h"

#include "klpd/conclude.h"
#include "klpd/documents.h"
#include "klpd/install.h"
#include "klpd/scan.h"

const job_action_fn actions[STATE_COUNT] = {
	[STATE_DOCUMENTS] = documents_bring,
	[STATE_PROBE] = scan_probe,
	[STATE_FETCH] = scan_fetch,
	[STATE_PLAN] = install_plan,
	[STATE_FETCH_MORE] = scan_fetch_more,
	[STATE_DOWNLOAD] = install_download,
	[STATE_APPLY] = install_apply,
	[STATE_ACTIVATION] = install_await,
	[STATE_FETCH_AGAIN] = scan_fetch_again,
	[STATE_JUDGE] = scan_judge,
	[STATE_STORE] = conclude_store,
	[STATE_HOOKS] = install_hooks,
	[STATE_HOOKS_AFTER] = conclude_hooks,
};
