// SPDX-License-Identifier: Apache-2.0
/* Properties of the whole table, found by walking it: {flow, state} are the nodes of a graph. */
#include "core/jobtable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

struct walk {
	bool seen[STATE_COUNT];
};

static void go(struct walk *walk, enum job_flow flow, enum job_state state)
{
	if (walk->seen[state])
		return;
	walk->seen[state] = true;
	for (int e = 0; e < EVENT_COUNT; e++) {
		enum job_state next = jobtable_next(flow, state, (enum job_event)e);

		if (next != STATE_COUNT)
			go(walk, flow, next);
	}
}

static struct walk from(enum job_flow flow, enum job_state state)
{
	struct walk walk = { { false } };

	go(&walk, flow, state);
	return walk;
}

static bool knows(enum job_flow flow, enum job_state state, enum job_event event)
{
	return jobtable_next(flow, state, event) != STATE_COUNT;
}

#define FOR_EACH_REACHED(flow, state)                                                              \
	for (int flow = 0; flow < FLOW_COUNT; flow++)                                              \
		for (int state = 0; state < STATE_COUNT; state++)                                  \
			if (from(flow, STATE_QUEUED).seen[state])

static void every_state_is_used(void **state)
{
	(void)state;
	for (int s = 0; s < STATE_COUNT; s++) {
		bool used = false;

		for (int flow = 0; flow < FLOW_COUNT; flow++)
			used |= from(flow, STATE_QUEUED).seen[s];
		assert_true(used);
		assert_non_null(jobtable_name(s));
	}
}

static void every_state_goes_on_and_can_end(void **state)
{
	(void)state;
	FOR_EACH_REACHED(flow, s)
	{
		struct walk walk = from(flow, s);

		assert_true(walk.seen[STATE_ANSWER] || walk.seen[STATE_FAIL]);
		if (jobtable_is_end(s)) {
			for (int e = 0; e < EVENT_COUNT; e++)
				assert_false(knows(flow, s, e));
		} else {
			assert_true(knows(flow, s, EVENT_DONE));
			assert_false(knows(flow, s, EVENT_NONE));
		}
	}
}

/* A state that runs a program must have an answer to its failure; queueing cannot fail. */
static void every_failure_leads_somewhere(void **state)
{
	(void)state;
	FOR_EACH_REACHED(flow, s)
	if (s != STATE_QUEUED && !jobtable_is_end(s))
		assert_true(knows(flow, s, EVENT_FAILED));
}

static bool changes(int state)
{
	return state == STATE_APPLY;
}

/* The flows that may. */
static const enum job_flow changing[] = { FLOW_INSTALL, FLOW_CONFIGURE };

static bool may_change(int flow)
{
	return flow == FLOW_INSTALL || flow == FLOW_CONFIGURE;
}

static void only_two_flows_change_the_node(void **state)
{
	(void)state;
	FOR_EACH_REACHED(flow, s)
	assert_true(!changes(s) || may_change(flow));
}

/* The way there leads through a plan, and neither a refusal nor a dry run leads there. */
static void nothing_changes_without_a_plan(void **state)
{
	static const enum job_event harmless[] = { EVENT_REFUSED, EVENT_DRY_RUN, EVENT_NOTHING,
						   EVENT_FAILED, EVENT_CANCEL };

	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(changing); f++) {
		for (int s = 0; s < STATE_COUNT; s++)
			for (int e = 0; e < EVENT_COUNT; e++)
				if (changes(jobtable_next(changing[f], s, e)) && !changes(s))
					assert_true(s == STATE_HOOKS);
		for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
			enum job_state next = jobtable_next(changing[f], STATE_PLAN, harmless[i]);

			assert_false(from(changing[f], next).seen[STATE_APPLY]);
		}
	}
}

/* After a change the node is looked at, whatever went wrong; nothing takes us away before. */
static void a_change_is_followed_by_a_look(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(changing); f++) {
		enum job_flow flow = changing[f];

		assert_false(knows(flow, STATE_APPLY, EVENT_CANCEL));
		for (int e = 0; e < EVENT_COUNT; e++) {
			enum job_state next = jobtable_next(flow, STATE_APPLY, e);
			struct walk walk;

			if (next == STATE_COUNT)
				continue;
			assert_true(changes(next) || next == STATE_ACTIVATION);
			walk = from(flow, STATE_ACTIVATION);
			assert_false(walk.seen[STATE_APPLY]);
			assert_true(walk.seen[STATE_STORE]);
		}
		assert_false(knows(flow, STATE_JUDGE, EVENT_CANCEL));
		assert_false(knows(flow, STATE_STORE, EVENT_CANCEL));
	}
}

/* What was switched is looked at as it is now. */
static void configuring_fetches_again(void **state)
{
	(void)state;
	for (int e = 0; e < EVENT_COUNT; e++) {
		enum job_state next = jobtable_next(FLOW_CONFIGURE, STATE_ACTIVATION, e);

		assert_true(next == STATE_COUNT || next == STATE_FETCH_AGAIN);
	}
}

static void what_may_be_cancelled(void **state)
{
	(void)state;
	FOR_EACH_REACHED(flow, s)
	{
		enum job_state next = jobtable_next(flow, s, EVENT_CANCEL);

		if (jobtable_is_late(s))
			assert_int_not_equal(next, STATE_FAIL);
		else if (!may_change(flow) && s != STATE_STORE && !jobtable_is_end(s))
			assert_int_equal(next, STATE_FAIL);
		if (may_change(flow) && s < STATE_APPLY)
			assert_int_equal(next, STATE_FAIL);
	}
}

/* klpd-apply is never stopped; everything else that runs has its time. */
static void deadlines(void **state)
{
	static const enum job_state without[] = { STATE_QUEUED, STATE_HOOKS, STATE_HOOKS_AFTER,
						  STATE_APPLY,	STATE_STORE, STATE_ANSWER,
						  STATE_FAIL };

	(void)state;
	for (int s = 0; s < STATE_COUNT; s++) {
		bool none = false;

		for (size_t i = 0; i < ARRAY_SIZE(without); i++)
			none |= without[i] == (enum job_state)s;
		assert_int_equal(jobtable_deadline(s) == DEADLINE_NONE, none);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_is_used),
		cmocka_unit_test(every_state_goes_on_and_can_end),
		cmocka_unit_test(every_failure_leads_somewhere),
		cmocka_unit_test(only_two_flows_change_the_node),
		cmocka_unit_test(nothing_changes_without_a_plan),
		cmocka_unit_test(a_change_is_followed_by_a_look),
		cmocka_unit_test(configuring_fetches_again),
		cmocka_unit_test(what_may_be_cancelled),
		cmocka_unit_test(deadlines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
