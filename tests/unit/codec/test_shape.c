// SPDX-License-Identifier: Apache-2.0
#include "codec/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct wheel {
	const char *name;
	int flat;
};

struct cart {
	const char *owner;
	bool red;
	int64_t built;
	struct wheel spare;
	struct wheel *wheels;
	size_t n_wheels;
};

static void wheel_defaults(void *value)
{
	((struct wheel *)value)->flat = -1;
}

static void cart_defaults(void *value)
{
	((struct cart *)value)->red = true;
	((struct cart *)value)->built = TIME_UNSET;
}

static const struct shape_field wheel_fields[] = {
	{ "name", &shape_name, offsetof(struct wheel, name), .required = true },
	{ "flat", &shape_flag, offsetof(struct wheel, flat) },
};
static const struct shape_type wheel = { sizeof(struct wheel), wheel_fields, 2, wheel_defaults };

static const struct shape_field cart_fields[] = {
	{ "owner", &shape_text, offsetof(struct cart, owner) },
	{ "red", &shape_bool, offsetof(struct cart, red) },
	{ "built", &shape_time, offsetof(struct cart, built) },
	{ "spare", &wheel, offsetof(struct cart, spare) },
	{ "wheels", &wheel, offsetof(struct cart, wheels),
	  .count_offset = offsetof(struct cart, n_wheels), .max = 3 },
};
static const struct shape_type cart = { sizeof(struct cart), cart_fields, 5, cart_defaults };

static int read_cart(const char *text, struct arena *arena, struct cart *ret, struct err *err)
{
	_cleanup_(json_decrefp)
	json_t *json = json_loads(text, 0, NULL);
	struct shape_reader reader = { .arena = arena, .file = "cart.json", .err = err };

	assert_non_null(json);
	return shape_read(&reader, &cart, json, ret);
}

static const struct {
	const char *what, *text, *message;
} refused[] = {
	{ "not an object", "[]", "cart.json: document: must be an object" },
	{ "an unknown key at the top", "{\"colour\": 1}",
	  "cart.json: document: has an unknown key \"colour\"" },
	{ "an unknown key in a list",
	  "{\"wheels\": [{\"name\": \"a\"}, {\"name\": \"b\", \"x\": 1}]}",
	  "cart.json: wheels[1]: has an unknown key \"x\"" },
	{ "a required key that is not there", "{\"wheels\": [{}]}",
	  "cart.json: wheels[0]: lacks \"name\"" },
	{ "an empty name", "{\"wheels\": [{\"name\": \"\"}]}",
	  "cart.json: wheels[0].name: must be a string that is not empty" },
	{ "a number where text belongs", "{\"owner\": 1}",
	  "cart.json: owner: must be a string or null" },
	{ "a number where a boolean belongs", "{\"red\": 0}",
	  "cart.json: red: must be true or false" },
	{ "null where a boolean belongs", "{\"red\": null}",
	  "cart.json: red: must be true or false" },
	{ "an object where a list belongs", "{\"wheels\": {}}",
	  "cart.json: wheels: must be a list" },
	{ "more entries than the limit", "{\"wheels\": [1, 2, 3, 4]}",
	  "cart.json: wheels: has 4 entries, more than the limit of 3" },
	{ "a flag of 2", "{\"spare\": {\"name\": \"s\", \"flat\": 2}}",
	  "cart.json: spare.flat: must be 0, 1, or null for unknown" },
	{ "a flag that is not whole", "{\"spare\": {\"name\": \"s\", \"flat\": 0.5}}",
	  "cart.json: spare.flat: must be 0, 1, or null for unknown" },
	{ "a time that is only a date", "{\"built\": \"2025-01-31\"}",
	  "cart.json: built: must be a time like 2025-01-31T12:00:00Z" },
	{ "a time with something behind it", "{\"built\": \"2025-01-31T00:00:00Z+1\"}",
	  "cart.json: built: must be a time like 2025-01-31T12:00:00Z" },
	{ "a day that does not exist", "{\"built\": \"2025-02-30T00:00:00Z\"}",
	  "cart.json: built: must be a time like 2025-01-31T12:00:00Z" },
};

static void a_refusal_names_file_and_place(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct cart c = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(read_cart(refused[i].text, arena, &c, &err), -1);
		assert_int_equal(err.status, EXIT_STATUS_DATA);
		if (!streq(err.message, refused[i].message))
			fail_msg("%s: %s", refused[i].what, err.message);
		err_clear(&err);
	}
}

static void what_is_left_out_has_its_default(void **state _unused_)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct cart c = { 0 };

	assert_int_equal(read_cart("{}", arena, &c, NULL), 0);
	assert_null(c.owner);
	assert_true(c.red);
	assert_true(c.built == TIME_UNSET);
	assert_int_equal(c.spare.flat, -1);
	assert_int_equal(c.n_wheels, 0);
}

static void what_is_written_reads_back(void **state _unused_)
{
	static const char text[] =
		"{\"owner\": null, \"red\": false, \"built\": "
		"\"2025-01-31T12:00:01Z\", \"spare\": {\"name\": \"s\", \"flat\": "
		"1}, \"wheels\": [{\"name\": \"a\", \"flat\": null}, {\"name\": "
		"\"b\", \"flat\": 0}]}";
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	_cleanup_free_ char *again = NULL;
	struct cart c = { 0 };
	json_t *json;

	assert_int_equal(read_cart(text, arena, &c, NULL), 0);
	assert_false(c.red);
	assert_int_equal(c.wheels[0].flat, -1);
	assert_int_equal(c.wheels[1].flat, 0);
	json = shape_write(&cart, &c, NULL);
	again = json_dumps(json, 0);
	assert_string_equal(again, text);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_names_file_and_place),
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(what_is_written_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
