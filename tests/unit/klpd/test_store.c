// SPDX-License-Identifier: Apache-2.0
/* klpd/store and klpd/finish: reports are completed, kept, found, and thrown away in time. */
#include "klpd/store.h"

#include "base/alloc.h"
#include "base/fsx.h"
#include "base/timex.h"
#include "klpd/finish.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct fixture {
	char dir[32];
	int fd;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/klpd-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *command = xasprintf("rm -rf '%s'", f->dir);

	assert_int_equal(system(command), 0);
	close(f->fd);
	free(f);
	return 0;
}

#define ID(n)	 "00000000-0000-4000-8000-00000000000" n

#define KEEP_ALL 1000

static const struct store_keep keep_all = { .number = KEEP_ALL };

/* A report of the minute @minute with the id ID(@minute). */
static json_t *report_of(int minute, const char *operation)
{
	_cleanup_free_ char *id = xasprintf(ID("%d"), minute);
	_cleanup_free_ char *started = xasprintf("2026-11-23T02:0%d:00Z", minute);

	return json_pack("{s:s,s:s,s:s,s:s,s:{s:s},s:{s:s,s:s}}", "id", id, "operation", operation,
			 "started", started, "finished", "2026-11-23T03:00:00Z", "compliance",
			 "overall", "COMPLIANT", "baseline", "id", "arn:x/pb-0a1b", "sha256",
			 "0123456789abcdef");
}

static json_t *report(int minute)
{
	return report_of(minute, "Scan");
}

static void save(struct fixture *f, int minute, int64_t keep)
{
	const struct store_keep what = { .number = keep };
	struct err err = ERR_INIT;
	json_auto_t *json = report(minute);

	assert_int_equal(store_save(f->fd, json, STORE_LATEST, &what, &err), 0);
}

static char *history_ids(struct fixture *f, size_t limit)
{
	json_auto_t *entries = NULL;
	char *text = xstrdup("");
	json_t *entry;
	size_t i;

	assert_int_equal(store_history(f->fd, limit, &entries, NULL), 0);
	json_array_foreach(entries, i, entry)
	{
		const char *id = json_string_value(json_object_get(entry, "id"));
		char *longer = xasprintf("%s%c", text, id[strlen(id) - 1]);

		free(text);
		text = longer;
	}
	return text;
}

static void test_nothing_yet(void **state)
{
	struct fixture *f = *state;
	json_t *json = NULL;
	_cleanup_free_ char *ids = history_ids(f, 10);

	assert_int_equal(store_latest(f->fd, &json, NULL), 0);
	assert_int_equal(store_find(f->fd, ID("1"), &json, NULL), 0);
	assert_string_equal(ids, "");
}

static void test_latest_found_and_history(void **state)
{
	struct fixture *f = *state;
	json_auto_t *latest = NULL, *found = NULL, *expected_latest = report(3),
		    *expected_found = report(1), *entries = NULL;
	_cleanup_free_ char *ids = NULL, *two = NULL, *entry = NULL;
	json_t *none = NULL;

	save(f, 1, KEEP_ALL);
	save(f, 2, KEEP_ALL);
	save(f, 3, KEEP_ALL);
	assert_int_equal(store_latest(f->fd, &latest, NULL), 1);
	assert_true(json_equal(latest, expected_latest));
	assert_int_equal(store_find(f->fd, ID("1"), &found, NULL), 1);
	assert_true(json_equal(found, expected_found));
	assert_int_equal(store_find(f->fd, ID("4"), &none, NULL), 0);
	assert_int_equal(store_find(f->fd, "000000000001", &none, NULL), 0); /* its end */
	assert_int_equal(store_find(f->fd, "../../../../../../etc/passwd-0000000", &none, NULL), 0);
	ids = history_ids(f, 10);
	assert_string_equal(ids, "321");
	two = history_ids(f, 2);
	assert_string_equal(two, "32");
	assert_int_equal(store_history(f->fd, 1, &entries, NULL), 0);
	entry = json_dumps(json_array_get(entries, 0), JSON_COMPACT);
	assert_string_equal(
		entry,
		"{\"id\":\"" ID(
			"3") "\",\"operation\":\"Scan\","
			     "\"started\":\"2026-11-23T02:03:00Z\","
			     "\"finished\":\"2026-11-23T03:00:00Z\",\"overall\":\"COMPLIANT\"}");
}

static void test_oldest_are_removed(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *two = NULL;
	json_auto_t *latest = NULL;

	for (int i = 1; i <= 4; i++)
		save(f, i, 2);
	two = history_ids(f, 10);
	assert_string_equal(two, "43");
	assert_int_equal(store_latest(f->fd, &latest, NULL), 1);
}

/* Scans by the hour do not push out the one installation of the month. */
static void test_each_operation_has_its_own_number(void **state)
{
	struct fixture *f = *state;
	const struct store_keep two = { .number = 2 };
	json_auto_t *installed = report_of(1, "Install");
	_cleanup_free_ char *ids = NULL;

	assert_int_equal(store_save(f->fd, installed, STORE_LATEST, &two, NULL), 0);
	for (int i = 2; i <= 6; i++)
		save(f, i, 2);
	ids = history_ids(f, 10);
	assert_string_equal(ids, "651");
}

static void test_old_ones_are_removed(void **state)
{
	struct fixture *f = *state;
	struct store_keep keep = { .number = KEEP_ALL, .age = 120 };
	json_auto_t *last = report(4);
	_cleanup_free_ char *ids = NULL;

	for (int i = 1; i <= 3; i++)
		save(f, i, KEEP_ALL);
	assert_int_equal(timex_parse("2026-11-23T02:04:00", &keep.now), 0);
	assert_int_equal(store_save(f->fd, last, STORE_LATEST, &keep, NULL), 0);
	ids = history_ids(f, 10);
	assert_string_equal(ids, "432");
}

/* By another baseline: beside the latest, found by the baseline's id; bounded in number. */
static void test_two_baselines(void **state)
{
	struct fixture *f = *state;
	json_auto_t *other = report(2), *again = report(3), *latest = NULL, *found = NULL;
	json_t *none = NULL;
	_cleanup_close_ int folder = -1;
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;

	save(f, 1, KEEP_ALL);
	assert_int_equal(store_save(f->fd, other, STORE_BASELINE, &keep_all, NULL), 0);
	assert_int_equal(store_save(f->fd, again, STORE_BASELINE, &keep_all, NULL), 0);
	assert_int_equal(store_latest(f->fd, &latest, NULL), 1);
	assert_string_equal(json_string_value(json_object_get(latest, "id")), ID("1"));
	assert_int_equal(store_find_baseline(f->fd, "arn:x/pb-0a1b", &found, NULL), 1);
	assert_true(json_equal(found, again));
	assert_int_equal(store_find_baseline(f->fd, "arn:x/pb", &none, NULL), 0);
	assert_int_equal(store_find_baseline(f->fd, "../report", &none, NULL), 0);

	for (int i = 0; i < 40; i++) {
		_cleanup_free_ char *id = xasprintf("pb-%d", i);

		json_object_set_new(json_object_get(other, "baseline"), "id", json_string(id));
		assert_int_equal(store_save(f->fd, other, STORE_BASELINE, &keep_all, NULL), 0);
	}
	folder = openat(f->fd, "reports", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fsx_list_at(folder, ".", NULL, &names), 0);
	assert_int_equal(names->n, 16);
}

static void test_nowhere_and_history_only(void **state)
{
	struct fixture *f = *state;
	json_auto_t *one = report(1), *two = report(2);
	json_t *latest = NULL;
	_cleanup_free_ char *ids = NULL;

	assert_int_equal(store_save(f->fd, one, STORE_NOWHERE, &keep_all, NULL), 0);
	assert_int_equal(store_save(f->fd, two, STORE_HISTORY, &keep_all, NULL), 0);
	assert_int_equal(store_latest(f->fd, &latest, NULL), 0);
	ids = history_ids(f, 10);
	assert_string_equal(ids, "2");
}

static void test_damaged_files(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *ids = NULL;
	json_t *json = NULL;
	struct err err = ERR_INIT;

	save(f, 1, KEEP_ALL);
	save(f, 2, KEEP_ALL);
	assert_int_equal(fsx_write_atomic_at(f->fd, "report.json", "{\"id\": ", 7, 0644), 0);
	assert_int_equal(store_latest(f->fd, &json, &err), -1);
	assert_int_equal(err.status, EXIT_STATUS_DATA);
	assert_string_equal(err.message, "the stored report report.json is damaged; make a new one "
					 "with: klpctl scan");
	err_clear(&err);
	assert_int_equal(fsx_write_atomic_at(f->fd, "report.json", "[]", 2, 0644), 0);
	assert_int_equal(store_latest(f->fd, &json, NULL), -1);
	{
		_cleanup_close_ int history = openat(f->fd, "history", O_RDONLY | O_CLOEXEC);

		assert_int_equal(
			fsx_write_atomic_at(history, "20261123T020500Z-x.json", "", 0, 0644), 0);
	}
	ids = history_ids(f, 10); /* the broken one is left out */
	assert_string_equal(ids, "21");
	save(f, 3, KEEP_ALL);
	assert_int_equal(store_latest(f->fd, &json, NULL), 1);
	json_decref(json);
}

static void test_unwritable_state(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int nowhere = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	json_auto_t *json = report(1);
	struct err err = ERR_INIT;

	(void)f;
	assert_int_equal(store_save(nowhere, json, STORE_LATEST, &keep_all, &err), -1);
	assert_int_equal(err.status, EXIT_STATUS_IO);
	assert_true(starts_with(err.message, "cannot store the report in the state directory: "));
	err_clear(&err);
}

static void test_finished_report(void **state _unused_)
{
	json_auto_t *plain =
		json_pack("{s:s,s:s,s:s,s:s,s:[]}", "schema", "klpd.report/1", "operation", "Scan",
			  "reboot_option", "NoReboot", "trigger", "manual", "patches");
	struct finish finish = { .id = ID("1"),
				 .started = 0,
				 .finished = 60,
				 .cpu_usec = 12345,
				 .peak_rss_kib = 6789,
				 .bytes_fetched = 42 };
	json_auto_t *complete = finish_report(plain, &finish);
	_cleanup_free_ char *text = json_dumps(complete, JSON_COMPACT);

	assert_string_equal(
		text,
		"{\"schema\":\"klpd.report/1\",\"id\":\"" ID(
			"1") "\",\"operation\":\"Scan\","
			     "\"reboot_option\":\"NoReboot\",\"trigger\":\"manual\","
			     "\"started\":\"1970-01-01T00:00:00Z\",\"finished\":\"1970-01-01T00:01:"
			     "00Z\","
			     "\"patches\":[],\"resources\":{\"cpu_ms\":12,\"peak_rss_kib\":6789,"
			     "\"bytes_fetched\":42}}");
}

static void test_ids(void **state _unused_)
{
	char a[FINISH_ID_MAX], b[FINISH_ID_MAX];

	finish_id(a);
	usleep(2000);
	finish_id(b);
	assert_true(strcmp(a, b) < 0); /* later is greater */
	assert_int_equal(strlen(a), 36);
	assert_int_equal(a[14], '7');
	assert_non_null(strchr("89ab", a[19]));
	for (size_t i = 0; i < 36; i++)
		assert_int_equal(a[i] == '-', i == 8 || i == 13 || i == 18 || i == 23);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_yet),
		TEST(test_latest_found_and_history),
		TEST(test_oldest_are_removed),
		TEST(test_each_operation_has_its_own_number),
		TEST(test_old_ones_are_removed),
		TEST(test_two_baselines),
		TEST(test_nowhere_and_history_only),
		TEST(test_damaged_files),
		TEST(test_unwritable_state),
		cmocka_unit_test(test_finished_report),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
