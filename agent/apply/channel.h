// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The socket to whoever asks: one request in, events out (ipc/applymsg.h)
 */

#include "base/err.h"
#include "ipc/applymsg.h"

struct channel {
	int fd;
};

/*
 * Receives the request and its descriptors, and checks sizes, version, counts, that every text ends
 * within its array and that what its verb does not need is zero. 0 with @fds filled (n_packages of
 * them for APPLY_INSTALL, none else), or -1 with @err (USAGE) and no descriptor open.
 */
_must_check_ int channel_receive(struct channel *channel, struct apply_request *ret,
				 int fds[static APPLY_PACKAGES_MAX], struct err *err);

/* Events. A lost asker is no reason to stop: what was begun is finished. */
void channel_step(struct channel *channel, const char *step);
void channel_tell(struct channel *channel, enum apply_event_kind kind, const char *subject,
		  int status, const char *text);
/* The last one: how it ended, and what it has cost. */
void channel_done(struct channel *channel, int status, const char *text);
void channel_progress(struct channel *channel, const char *subject, uint64_t done, uint64_t total);
