// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What happens next in a job: {flow, state, event} -> state, as one table
 *
 * A state is a phase: entering it starts one program or does one thing; what comes of that is an
 * event. Pure: klpd's job.c runs it, a test walks every path of it.
 */

#include "base/macro.h"

enum job_flow {
	FLOW_SCAN,	/* look, judge, keep the report */
	FLOW_INSTALL,	/* plan, change the node, look again */
	FLOW_ASK,	/* one question to klpd-worker; nothing is kept */
	FLOW_CONFIGURE, /* as an installation, but repositories may be others afterwards */
	FLOW_COUNT,
};

enum job_state {
	STATE_QUEUED,
	STATE_DOCUMENTS,   /* baselines and lists that are named by URL */
	STATE_PROBE,	   /* the node, as far as fetching needs it */
	STATE_FETCH,	   /* metadata */
	STATE_PLAN,	   /* what is to be done */
	STATE_FETCH_MORE,  /* package lists that the plan needs */
	STATE_DOWNLOAD,	   /* packages */
	STATE_HOOKS,	   /* the operator's programs may veto what is planned */
	STATE_APPLY,	   /* one change by klpd-apply, then the next: the node changes */
	STATE_ACTIVATION,  /* until the kernel runs it */
	STATE_FETCH_AGAIN, /* metadata, as the repositories are now */
	STATE_JUDGE,
	STATE_STORE,
	STATE_HOOKS_AFTER, /* the operator's programs hear of what is reported */
	STATE_ANSWER,	   /* an end */
	STATE_FAIL,	   /* the other end */
	STATE_COUNT,
};

enum job_event {
	EVENT_NONE, /* not yet: a program is at work */
	EVENT_DONE,
	EVENT_FAILED,
	EVENT_CANCEL,	  /* someone who may says so, or klpd is being stopped */
	EVENT_FRESH,	  /* the metadata at hand will do */
	EVENT_NEEDS_MORE, /* the plan: package lists are missing */
	EVENT_DRY_RUN,	  /* the plan: that was all */
	EVENT_REFUSED,	  /* the plan: not allowed */
	EVENT_NOTHING,	  /* the plan: it is all there */
	EVENT_READY,	  /* the plan: nothing of it must be brought first */
	EVENT_MORE,	  /* a change is made, another one is to follow */
	EVENT_COUNT,
};

/* In seconds, for jobtable_deadline(). */
#define DEADLINE_NONE	    ((int64_t)-1) /* klpd-apply is never stopped; a hook has its own */
#define DEADLINE_FETCH	    ((int64_t)-2) /* fetch_timeout, and time to tidy up */
#define DEADLINE_ACTIVATION ((int64_t)-3) /* activation_timeout, and a margin */

/* STATE_COUNT: the event means nothing there. */
enum job_state jobtable_next(enum job_flow flow, enum job_state state, enum job_event event);
/* For people, and `phase` of progress. */
const char *jobtable_name(enum job_state state);
/* Seconds for what runs in @state, or one of the above. */
int64_t jobtable_deadline(enum job_state state);
bool jobtable_is_end(enum job_state state);
/* What was asked for is done or not done by then: who cancels ends only the waiting. */
bool jobtable_is_late(enum job_state state);
