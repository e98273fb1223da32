// SPDX-License-Identifier: Apache-2.0
#include "core/jobtable.h"

#define S (1u << FLOW_SCAN)
#define I (1u << FLOW_INSTALL)
#define A (1u << FLOW_ASK)
#define C (1u << FLOW_CONFIGURE)

/*
 * Why it is safe: STATE_APPLY is entered from a plan that was neither refused nor a dry run, and
 * left only for STATE_ACTIVATION, so whatever went wrong the node is looked at again and the report
 * says what is. Nothing cancels it.
 */
static const struct {
	unsigned int flows;
	enum job_state state;
	enum job_event event;
	enum job_state next;
} rows[] = {
	{ S | I | C | A, STATE_QUEUED, EVENT_DONE, STATE_DOCUMENTS },
	{ S | I | C, STATE_DOCUMENTS, EVENT_DONE, STATE_PROBE },
	{ A, STATE_DOCUMENTS, EVENT_DONE, STATE_JUDGE },

	{ S | I | C, STATE_PROBE, EVENT_DONE, STATE_FETCH },
	{ S, STATE_PROBE, EVENT_FRESH, STATE_JUDGE },
	{ I | C, STATE_PROBE, EVENT_FRESH, STATE_PLAN },
	{ S, STATE_FETCH, EVENT_DONE, STATE_JUDGE },
	{ I | C, STATE_FETCH, EVENT_DONE, STATE_PLAN },

	{ I | C, STATE_PLAN, EVENT_NEEDS_MORE, STATE_FETCH_MORE },
	{ I | C, STATE_FETCH_MORE, EVENT_DONE, STATE_PLAN },
	{ I | C, STATE_PLAN, EVENT_DRY_RUN, STATE_ANSWER },
	{ I | C, STATE_PLAN, EVENT_REFUSED, STATE_JUDGE },
	{ I | C, STATE_PLAN, EVENT_NOTHING, STATE_ACTIVATION },
	{ I | C, STATE_PLAN, EVENT_READY, STATE_HOOKS },
	{ I | C, STATE_PLAN, EVENT_DONE, STATE_DOWNLOAD },

	{ I | C, STATE_DOWNLOAD, EVENT_DONE, STATE_HOOKS },
	{ I | C, STATE_DOWNLOAD, EVENT_FAILED, STATE_JUDGE },
	{ I | C, STATE_HOOKS, EVENT_DONE, STATE_APPLY },
	{ I | C, STATE_HOOKS, EVENT_FAILED, STATE_JUDGE },
	{ I | C, STATE_APPLY, EVENT_DONE, STATE_ACTIVATION },
	{ I | C, STATE_APPLY, EVENT_MORE, STATE_APPLY },
	{ I | C, STATE_APPLY, EVENT_FAILED, STATE_ACTIVATION },
	{ I, STATE_ACTIVATION, EVENT_DONE, STATE_JUDGE },
	{ I, STATE_ACTIVATION, EVENT_FAILED, STATE_JUDGE },
	{ I, STATE_ACTIVATION, EVENT_CANCEL, STATE_JUDGE }, /* only the waiting ends */
	{ C, STATE_ACTIVATION, EVENT_DONE, STATE_FETCH_AGAIN },
	{ C, STATE_ACTIVATION, EVENT_FAILED, STATE_FETCH_AGAIN },
	{ C, STATE_ACTIVATION, EVENT_CANCEL, STATE_FETCH_AGAIN },
	{ C, STATE_FETCH_AGAIN, EVENT_DONE, STATE_JUDGE },
	{ C, STATE_FETCH_AGAIN, EVENT_FAILED, STATE_JUDGE },
	{ C, STATE_FETCH_AGAIN, EVENT_CANCEL, STATE_JUDGE },

	{ S | I | C, STATE_JUDGE, EVENT_DONE, STATE_STORE },
	{ A, STATE_JUDGE, EVENT_DONE, STATE_ANSWER },
	{ S | I | C, STATE_STORE, EVENT_DONE, STATE_HOOKS_AFTER },
	{ S | I | C, STATE_HOOKS_AFTER, EVENT_DONE, STATE_ANSWER },
	{ S | I | C, STATE_HOOKS_AFTER, EVENT_FAILED, STATE_ANSWER },
	{ S | I | C, STATE_HOOKS_AFTER, EVENT_CANCEL, STATE_ANSWER }, /* only the hooks end */

	/* what fails here is our own programs or disk: there is no report to tell it in */
	{ S | I | C | A, STATE_DOCUMENTS, EVENT_FAILED, STATE_FAIL },
	{ S | I | C, STATE_PROBE, EVENT_FAILED, STATE_FAIL },
	{ S | I | C, STATE_FETCH, EVENT_FAILED, STATE_FAIL },
	{ I | C, STATE_PLAN, EVENT_FAILED, STATE_FAIL },
	{ I | C, STATE_FETCH_MORE, EVENT_FAILED, STATE_FAIL },
	{ S | I | C | A, STATE_JUDGE, EVENT_FAILED, STATE_FAIL },
	{ S | I | C, STATE_STORE, EVENT_FAILED, STATE_FAIL },

	{ S | I | C | A, STATE_QUEUED, EVENT_CANCEL, STATE_FAIL },
	{ S | I | C | A, STATE_DOCUMENTS, EVENT_CANCEL, STATE_FAIL },
	{ S | I | C, STATE_PROBE, EVENT_CANCEL, STATE_FAIL },
	{ S | I | C, STATE_FETCH, EVENT_CANCEL, STATE_FAIL },
	{ I | C, STATE_PLAN, EVENT_CANCEL, STATE_FAIL },
	{ I | C, STATE_FETCH_MORE, EVENT_CANCEL, STATE_FAIL },
	{ I | C, STATE_DOWNLOAD, EVENT_CANCEL, STATE_FAIL },
	{ I | C, STATE_HOOKS, EVENT_CANCEL, STATE_FAIL },
	{ S | A, STATE_JUDGE, EVENT_CANCEL, STATE_FAIL },
};

static const struct {
	const char *name;
	int64_t deadline;
} states[] = {
	[STATE_QUEUED] = { "queued", DEADLINE_NONE },
	[STATE_DOCUMENTS] = { "documents", DEADLINE_FETCH },
	[STATE_PROBE] = { "probe", 60 },
	[STATE_FETCH] = { "fetch", DEADLINE_FETCH },
	[STATE_PLAN] = { "plan", 300 },
	[STATE_FETCH_MORE] = { "fetch", DEADLINE_FETCH },
	[STATE_DOWNLOAD] = { "download", DEADLINE_FETCH },
	[STATE_HOOKS] = { "hooks", DEADLINE_NONE },
	[STATE_APPLY] = { "apply", DEADLINE_NONE },
	[STATE_ACTIVATION] = { "activation", DEADLINE_ACTIVATION },
	[STATE_FETCH_AGAIN] = { "fetch", DEADLINE_FETCH },
	[STATE_JUDGE] = { "evaluate", 300 },
	[STATE_STORE] = { "store", DEADLINE_NONE },
	[STATE_HOOKS_AFTER] = { "hooks", DEADLINE_NONE },
	[STATE_ANSWER] = { "done", DEADLINE_NONE },
	[STATE_FAIL] = { "failed", DEADLINE_NONE },
};

_Static_assert(ARRAY_SIZE(states) == STATE_COUNT, "one row per state");

enum job_state jobtable_next(enum job_flow flow, enum job_state state, enum job_event event)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if ((rows[i].flows >> flow & 1) && rows[i].state == state && rows[i].event == event)
			return rows[i].next;
	return STATE_COUNT;
}

const char *jobtable_name(enum job_state state)
{
	return states[state].name;
}

int64_t jobtable_deadline(enum job_state state)
{
	return states[state].deadline;
}

bool jobtable_is_end(enum job_state state)
{
	return state == STATE_ANSWER || state == STATE_FAIL;
}

bool jobtable_is_late(enum job_state state)
{
	return state == STATE_ACTIVATION || state == STATE_FETCH_AGAIN ||
	       state == STATE_HOOKS_AFTER;
}
