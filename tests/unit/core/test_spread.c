// SPDX-License-Identifier: Apache-2.0
#include "core/spread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#define HOUR  3600
#define NODES 60000

static void it_stays_and_fits(void **state)
{
	const char *id = "b8a2c6f0d5e94b7fa1c3e5d7f9b1a3c5";

	(void)state;
	assert_int_equal(spread_offset(id, HOUR), spread_offset(id, HOUR));
	assert_int_equal(spread_offset(id, 1), 0);
	assert_int_equal(spread_offset("", 1), 0);
	assert_in_range(spread_offset("", HOUR), 0, HOUR - 1);
}

/* Ids that differ in one digit, as those of cloned images may: about a thousand in each minute. */
static void a_fleet_is_spread_evenly(void **state)
{
	int in_minute[60] = { 0 };

	(void)state;
	for (int i = 0; i < NODES; i++) {
		char id[40];
		int64_t offset;

		snprintf(id, sizeof(id), "b8a2c6f0d5e94b7fa1c3e5d7%08x", (unsigned int)i);
		offset = spread_offset(id, HOUR);
		assert_in_range(offset, 0, HOUR - 1);
		in_minute[offset / 60]++;
	}
	for (int i = 0; i < 60; i++)
		assert_in_range(in_minute[i], NODES / 60 * 85 / 100, NODES / 60 * 115 / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_stays_and_fits),
		cmocka_unit_test(a_fleet_is_spread_evenly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
