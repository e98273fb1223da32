// SPDX-License-Identifier: Apache-2.0
#include "core/tracing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const char *const patched[] = { "unshare_files", "cmdline_proc_show", "vfs_open" };

#define LIVEPATCH "tramp: 0xffffffffc0000000 (klp_ftrace_handler+0x0/0xa0)"

/* "FUNCTION KIND, ..." */
static const struct {
	const char *what, *functions, *kprobes, *expected;
} cases[] = {
	{ "nothing", "", "", "" },
	{ "4.14: the livepatch's own",
	  "unshare_files (1) R I\t" LIVEPATCH " ->ftrace_ops_assist_func+0x0/0xf0\n", "", "" },
	{ "5.10: by its callback alone", "do_one_initcall (1) R I     \t" LIVEPATCH "\n", "", "" },
	{ "6.6: the livepatch's own, without R",
	  "do_one_initcall (1)   I     M   tramp: 0xffffffffa0020000 (klp_ftrace_handler+0x0/0x258)"
	  "->klp_ftrace_handler+0x0/0x258\n",
	  "", "" },
	{ "arm64 with callback operations",
	  "cmdline_proc_show (1)   I   O M \tops: 0xffff800001234000 "
	  "(klp_ftrace_handler+0x0/0x1b0)\n",
	  "", "" },
	{ "the function tracer beside a livepatch",
	  "unshare_files (2) R I ->ftrace_ops_list_func+0x0/0x1f0\n", "", "unshare_files ftrace" },
	{ "a BPF program beside a livepatch",
	  "unshare_files (2) R I D   M \t->arch_ftrace_ops_list_func+0x0/0x2b0\n"
	  "\tdirect-->bpf_trampoline_6442535592_0+0x0/0x1000\n",
	  "", "unshare_files trampoline" },
	{ "a livepatch that is off, and a tracer",
	  "vfs_open (1)        \ttramp: 0xffffffffc0471000 (function_trace_call+0x0/0x160)\n", "",
	  "vfs_open ftrace" },
	{ "a name that only begins like an own one",
	  "unshare_files_2 (1) R I\ttramp: 0xffffffffc0000000 (other+0x0/0xa0)\n", "",
	  "unshare_files_2 ipmodify" },
	{ "the function tracer", "vfs_read (1)        \ttramp: x (function_trace_call+0x0/0x160)\n",
	  "", "vfs_read ftrace" },
	{ "in a module", "xfs_file_read_iter [xfs] (3) R   ->arch_ftrace_ops_list_func+0x0/0x1f0\n",
	  "", "xfs_file_read_iter ftrace" },
	{ "a BPF program, 5.10",
	  "vfs_open (1) R I D\ttramp: ftrace_regs_caller+0x0/0x65 (call_direct_funcs+0x0/0x20)\n"
	  "\tdirect-->bpf_trampoline_6442535592_0+0x0/0x1000\n",
	  "", "vfs_open trampoline" },
	{ "a BPF program, 6.1",
	  "bpf_lsm_file_open (1)     D   M \tdirect-->bpf_trampoline_1+0x0/0x1000\n", "",
	  "bpf_lsm_file_open trampoline" },
	{ "someone else's redirection",
	  "vfs_fstatat (1) R I  \ttramp: 0xffffffffc0471000 (hook+0x0/0x10 [spy])\n", "",
	  "vfs_fstatat ipmodify" },
	{ "a kprobe that may redirect",
	  "vfs_read (1) R I     \ttramp: 0xffffffffc0471000 (kprobe_ftrace_handler+0x0/0x1c0)\n",
	  "", "vfs_read ipmodify" },
	{ "a kprobe at a function's entry is told of twice",
	  "ip_send_skb (1) R          \ttramp: 0xffffffffc0471000 "
	  "(kprobe_ftrace_handler+0x0/0x1c0) ->kprobe_ftrace_handler+0x0/0x1c0\n",
	  "ffffffff81a2b3c0  k  ip_send_skb+0x0    [FTRACE]\n", "ip_send_skb kprobe" },
	{ "and beside the function tracer",
	  "ip_send_skb (2) R    ->arch_ftrace_ops_list_func+0x0/0x1f0\n",
	  "ffffffff81a2b3c0  k  ip_send_skb+0x0    [FTRACE]\n",
	  "ip_send_skb ftrace, ip_send_skb kprobe" },
	{ "kprobes", "",
	  "ffffffff812e2a40  k  vfs_read+0x0    [FTRACE]\n"
	  "ffffffff812e2a55  k  vfs_read+0x15    [OPTIMIZED]\n"
	  "ffffffffc0213010  r  xfs_read+0x0  xfs [FTRACE]\n"
	  "0000000000000000  k  vfs_write+0x0    \n"
	  "(null)  r  vfs_open+0x0    \n"
	  "ffffffff810c5f20  j  old_jprobe+0x0    \n",
	  "vfs_read kprobe, vfs_read kprobe, xfs_read kprobe, vfs_write kprobe, vfs_open kprobe, "
	  "old_jprobe kprobe" },
	{ "kprobes that are not in force", "",
	  "ffffffff812e2a40  k  vfs_read+0x0    [DISABLED][FTRACE]\n"
	  "ffffffff812e2a41  k  vfs_write+0x0   [DISABLED]  [OPTIMIZED]\n"
	  "ffffffffc0213010  r  xfs_read+0x0  xfs [GONE]\n",
	  "" },
	{ "compiler's names", "do_idle.constprop.0 (1)   \t->x\n__SCT__$a.b (1)\n",
	  "f  k  sys_open.isra.3+0x0\n",
	  "do_idle.constprop.0 ftrace, __SCT__$a.b ftrace, sys_open.isra.3 kprobe" },
	{ "no line end", "vfs_read (1)", "f  k  vfs_write+0x0",
	  "vfs_read ftrace, vfs_write kprobe" },
	{ "what is no function",
	  "\n \n(1)\n#### all functions enabled ####\nvfs_read\nvfs_read \nvfs_read (\nvfs_read "
	  "(1\n"
	  "vfs_read ()\nvfs_read (-1)\nvfs_read [\nvfs_read [x\nvfs_read [x]\nvfs_read [x](1)\n"
	  "vfs_read[x] (1)\nvfs read (1)\n\tsubops: 0x1 (x)\n vfs_read (1)\nv\x01s_read (1)\n"
	  "vfs_read (9999999999999999999999999\nvfs_read (\n1) R\n",
	  "\n \nffffffff812e2a40\nffffffff812e2a40  k\nffffffff812e2a40  k  \n"
	  "ffffffff812e2a40  x  vfs_read+0x0\nffffffff812e2a40  kr  vfs_read+0x0\n"
	  "ffffffff812e2a40  k  +0x0\n\x01\xff\n",
	  "" },
};

static char *spell(const struct tracing *t)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < t->n; i++) {
		char *longer = xasprintf("%s%s%s %s", text, i ? ", " : "", t->items[i].function,
					 tracing_kind_name(t->items[i].kind));

		free(text);
		text = longer;
	}
	return text;
}

static void users_are_told(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct tracing t = { .arena = arena };
		_cleanup_free_ char *spelled = NULL;

		print_message("# %s\n", cases[i].what);
		tracing_read_functions(&t, cases[i].functions, patched, ARRAY_SIZE(patched));
		tracing_read_kprobes(&t, cases[i].kprobes);
		spelled = spell(&t);
		assert_string_equal(spelled, cases[i].expected);
		assert_int_equal(tracing_total(&t), t.n);
	}
}

/* echo function >current_tracer: every function of the kernel has a line. */
static void many_are_counted_and_few_are_kept(void **state _unused_)
{
	static const char line[] =
		"vfs_read (1)        \ttramp: x (function_trace_call+0x0/0x160)\n";
	const size_t lines = 50000;
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct tracing t = { .arena = arena };
	_cleanup_free_ char *text = xmalloc(lines * strlen(line) + 1);

	for (size_t i = 0; i < lines; i++)
		strcpy(text + i * strlen(line), line);
	tracing_read_functions(&t, text, NULL, 0);
	assert_int_equal(t.n, TRACING_USERS_MAX);
	assert_int_equal(t.counts[TRACING_FTRACE], lines);
	assert_int_equal(tracing_total(&t), lines);
}

static void an_endless_name_is_none(void **state _unused_)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct tracing t = { .arena = arena };
	_cleanup_free_ char *text = xmalloc(8192);

	memset(text, 'x', 8192);
	strcpy(text + 4096, " (1)\nvfs_read (1)\n");
	tracing_read_functions(&t, text, NULL, 0);
	assert_int_equal(t.n, 1);
	assert_string_equal(t.items[0].function, "vfs_read");
}

/* Each prefix of a text is a text that the kernel might have cut short. */
static void cut_anywhere(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t n = 0; n <= strlen(cases[i].functions); n++) {
			_cleanup_(arena_freep)
			struct arena *arena = arena_new();
			struct tracing t = { .arena = arena };
			_cleanup_free_ char *text = xstrndup(cases[i].functions, n);

			tracing_read_functions(&t, text, patched, ARRAY_SIZE(patched));
			tracing_read_kprobes(&t, text);
			assert_true(t.n <= 8);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_are_told),
		cmocka_unit_test(many_are_counted_and_few_are_kept),
		cmocka_unit_test(an_endless_name_is_none),
		cmocka_unit_test(cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
