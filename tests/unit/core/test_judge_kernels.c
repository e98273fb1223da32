// SPDX-License-Identifier: Apache-2.0
#include "plan_world.h"

/* What callers get; tests/scenarios/kernels-* have the rule. */
static const struct {
	struct situation situation;
	const char *kernel; /* VERSION-RELEASE to move to; NULL: none */
	bool installed;
} rows[] = {
	{ { "the newest approved, not the newest", "0.amzn2" }, "5.10.103-1.amzn2", false },
	{ { "one that is installed already", "0.amzn2", .new_kernel = true },
	  "5.10.103-1.amzn2",
	  true },
	{ { "live patching is not enabled", NULL, .no_service = true, .no_runtime = true },
	  "5.10.103-1.amzn2",
	  false },
	{ { "the running kernel's package is gone", "0.amzn2", .no_kernel = true },
	  "5.10.103-1.amzn2",
	  false },
	{ { "an image", "0.amzn2", .image = true }, "5.10.103-1.amzn2", false },
	{ { "the approved one is rejected by name", "0.amzn2", .rejected = "kernel-5.10.103*" },
	  "5.10.104-1.amzn2",
	  false },
	{ { "or by its notice", "0.amzn2", .rejected = "E" }, "5.10.104-1.amzn2", false },
	{ { "all are rejected", "0.amzn2", .rejected = "kernel" }, NULL, false },
};

static void the_kernel_to_move_to(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(world_freep)
		struct world *w = world_new(&rows[i].situation);
		const struct kernel_choice *c = judge_kernel_to_move_to(&w->judge);
		const char *got = c ? arena_printf(w->arena, "%s-%s", c->nevra.evr.version,
						   c->nevra.evr.release)
				    : NULL;

		if (!streq_null(got, rows[i].kernel) ||
		    (c && (c->installed != rows[i].installed || c->running || !c->livepatches)))
			fail_msg("%s: %s", rows[i].situation.what, got ? got : "none");
		assert_true(w->report->next_boot && *w->report->next_boot);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_to_move_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
