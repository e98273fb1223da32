// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <cmocka.h>

static bool all_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

/* Sizes on both sides of every border: the alignment, a quarter of a chunk, a whole chunk. */
static const size_t sizes[] = { 0,    1,    15,	   16,	  17,	 4095,	4096,
				4097, 8192, 16383, 16384, 16385, 65536, 1000000 };

static void memory_of_any_size_is_zeroed_aligned_and_apart(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	unsigned char *got[3 * ARRAY_SIZE(sizes)];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(got); i++) {
		size_t size = sizes[i % ARRAY_SIZE(sizes)];

		got[i] = arena_alloc(arena, size);
		if ((uintptr_t)got[i] % _Alignof(max_align_t) != 0 || !all_zero(got[i], size))
			fail_msg("%zu bytes are not aligned or not zeroed", size);
		memset(got[i], (int)i + 1, size);
	}
	for (size_t i = 0; i < ARRAY_SIZE(got); i++)
		for (size_t k = 0; k < sizes[i % ARRAY_SIZE(sizes)]; k++)
			if (got[i][k] != (unsigned char)(i + 1))
				fail_msg("block %zu was overwritten at %zu", i, k);
}

static void small_blocks_go_on_filling_a_chunk_after_a_big_one(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	char *before = arena_alloc(arena, 16), *after;

	(void)state;
	arena_alloc(arena, 1000000);
	after = arena_alloc(arena, 16);
	assert_ptr_equal(after, before + 16);
}

static void a_big_block_may_come_first(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	char *big = arena_alloc(arena, 1000000);

	(void)state;
	memset(arena_alloc(arena, 100), 1, 100);
	assert_true(all_zero((unsigned char *)big, 1000000));
}

static void what_is_absorbed_lives_on(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct arena *from = arena_new();
	char *first, *large, *mine = arena_strdup(arena, "mine");

	(void)state;
	first = arena_strdup(from, "first");
	large = arena_alloc(from, 1000000);
	arena_absorb(arena, from);
	assert_string_equal(arena_strdup(from, "anew"), "anew");
	arena_free(from);
	memset(large, 1, 1000000);
	assert_string_equal(first, "first");
	assert_ptr_equal(arena_strdup(arena, "next"), mine + 16);

	from = arena_new();
	arena_absorb(from, arena);
	arena_absorb(arena, from);
	arena_free(from);
	assert_string_equal(first, "first");
}

static void strings_are_copies(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	char text[] = "abcdef", *whole = arena_strdup(arena, text),
	     *part = arena_strndup(arena, text, 3), *longer = arena_strndup(arena, text, 100);

	(void)state;
	text[0] = 'x';
	assert_string_equal(whole, "abcdef");
	assert_string_equal(part, "abc");
	assert_string_equal(longer, "abcdef");
	assert_string_equal(arena_strndup(arena, text, 0), "");
	assert_string_equal(arena_printf(arena, "%s-%d", text, 7), "xbcdef-7");
	assert_null(arena_strdup(arena, NULL));
}

static void unterminated_text_is_not_read_beyond_its_length(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	_cleanup_free_ char *exact = xmalloc(3); /* a sanitizer sees the fourth byte */

	(void)state;
	memcpy(exact, "abc", 3);
	assert_string_equal(arena_strndup(arena, exact, 3), "abc");
}

struct pair {
	int number, twice;
};

static void arrays_grow_and_keep_what_they_hold(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct pair *pairs = NULL, *others = NULL;
	size_t n = 0, n_others = 0;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct pair *p = ARENA_PUSH(arena, pairs, n);

		if (p->number || p->twice)
			fail_msg("element %d is not zeroed", i);
		*p = (struct pair){ i, 2 * i };
		ARENA_PUSH(arena, others, n_others)->number = -i;
	}
	assert_int_equal(n, 5000);
	for (int i = 0; i < 5000; i++)
		if (pairs[i].number != i || pairs[i].twice != 2 * i || others[i].number != -i)
			fail_msg("element %d was lost", i);
}

static void the_address_changes_only_at_powers_of_two(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	int *numbers = NULL;

	(void)state;
	for (size_t n = 0; n < 1024;) {
		int *before = numbers;
		bool full = n == 0 || (n >= 4 && (n & (n - 1)) == 0);

		*ARENA_PUSH(arena, numbers, n) = 1;
		if ((numbers != before) != full)
			fail_msg("element %zu: moved is %d", n, numbers != before);
	}
}

static void nothing_is_something(void **state)
{
	_cleanup_free_ void *a = xmalloc(0), *b = xcalloc(0, 8), *c = xreallocarray(NULL, 0, 8);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	arena_free(NULL);
}

static void plain_copies(void **state)
{
	_cleanup_free_ char *whole = xstrdup("abc"), *part = xstrndup("abc", 2),
			    *made = xasprintf("%s=%u", "n", 4294967295u);

	(void)state;
	assert_string_equal(whole, "abc");
	assert_string_equal(part, "ab");
	assert_string_equal(made, "n=4294967295");
}

/* Asks the sanitizer's allocator to answer as the C library does, not to end the process itself. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void grow_too_far(void)
{
	xreallocarray(NULL, SIZE_MAX / 2, 4);
}

static void ask_too_much(void)
{
	arena_alloc(arena_new(), SIZE_MAX - 3);
}

static void array_too_long(void)
{
	struct arena *arena = arena_new();

	arena_grow(arena, NULL, (size_t)1 << 62, 8);
}

static const struct {
	const char *what;
	void (*run)(void);
} too_much[] = {
	{ "a product that overflows", grow_too_far },
	{ "a size that overflows when it is aligned", ask_too_much },
	{ "an array that overflows when it doubles", array_too_long },
};

/* In a child: what cannot be had ends the process with "try again", said last. */
static int status_of(void (*run)(void), char *said, size_t size)
{
	size_t len = 0;
	ssize_t n;
	int pipefd[2], status;
	pid_t pid;

	assert_int_equal(pipe(pipefd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(pipefd[1], STDERR_FILENO);
		run();
		_exit(0);
	}
	close(pipefd[1]);
	while ((n = read(pipefd[0], said + len, size - 1 - len)) > 0)
		len += (size_t)n;
	said[len] = '\0';
	close(pipefd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void what_cannot_be_had_ends_the_process(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(too_much); i++) {
		static const char line[] =
			"klpd: not enough memory for this operation; try again later\n";
		char said[4096];
		int status = status_of(too_much[i].run, said, sizeof(said));

		if (status != EXIT_STATUS_TEMPFAIL || !ends_with(said, line))
			fail_msg("%s: status %d, '%s'", too_much[i].what, status, said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_of_any_size_is_zeroed_aligned_and_apart),
		cmocka_unit_test(small_blocks_go_on_filling_a_chunk_after_a_big_one),
		cmocka_unit_test(a_big_block_may_come_first),
		cmocka_unit_test(what_is_absorbed_lives_on),
		cmocka_unit_test(strings_are_copies),
		cmocka_unit_test(unterminated_text_is_not_read_beyond_its_length),
		cmocka_unit_test(arrays_grow_and_keep_what_they_hold),
		cmocka_unit_test(the_address_changes_only_at_powers_of_two),
		cmocka_unit_test(nothing_is_something),
		cmocka_unit_test(plain_copies),
		cmocka_unit_test(what_cannot_be_had_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
