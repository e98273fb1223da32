// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Who is asking, and may they change the node?
 *
 * What is said of a caller comes from the kernel (SO_PEERCRED, SO_PEERGROUPS, /proc), never from
 * the caller. `unit` is the last part of its control group: "session-3.scope" for somebody who
 * logged in, "amazon-ssm-agent.service" for Run Command, "klpd-install.service" for the timer.
 */

#include "ipc/varlink_server.h"
#include "klpd/settings.h"

#define CALLER_TEXT_MAX 64

struct caller {
	bool trusted; /* it started us: we have its rights and no more */
	bool known;
	int64_t uid, pid;
	char user[CALLER_TEXT_MAX]; /* name, or the uid as text */
	char program[CALLER_TEXT_MAX];
	char unit[CALLER_TEXT_MAX];
	bool is_member; /* of the configured group */
};

void caller_read(const struct varlink_call *call, const struct settings *settings,
		 struct caller *ret);
/* root, members of the configured group, whoever started us, and who we are ourselves (a timer). */
bool caller_may_change(const struct caller *caller);
/* "root (uid 0), klpctl, pid 4711, session-3.scope"; to be freed. */
char *caller_text(const struct caller *caller);
