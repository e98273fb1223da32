// SPDX-License-Identifier: Apache-2.0

/*
 * The lines of enabled_functions, from Linux 4.14 to 6.18:
 *
 *   vfs_read (1) R I\ttramp: 0xffffffffc0000000 (klp_ftrace_handler+0x0/0xa0) ->ftrace_...
 *   vfs_open (1)      D   M \ttramp: ftrace_regs_caller+0x0/0x65 (call_direct_funcs+0x0/0x20)
 *   \tdirect-->bpf_trampoline_6442535592_0+0x0/0x1000
 *   xfs_read [xfs] (2) R   ->arch_ftrace_ops_list_func+0x0/0x1f0
 *
 * A function with several callbacks goes through a list of them, which has no names.
 */
#include "core/tracing.h"

#define FUNCTION_BYTES_MAX 512 /* KSYM_NAME_LEN */
#define BLANKS		   " \t"

#define LIVEPATCH_CALLBACK "klp_ftrace_handler+"
#define KPROBE_CALLBACK	   "kprobe_ftrace_handler+"

static const char *const kind_names[] = {
	[TRACING_FTRACE] = "ftrace",
	[TRACING_KPROBE] = "kprobe",
	[TRACING_TRAMPOLINE] = "trampoline",
	[TRACING_IPMODIFY] = "ipmodify",
};

_Static_assert(ARRAY_SIZE(kind_names) == TRACING_KIND_COUNT, "one name per kind");

struct line {
	const char *name, *rest, *end; /* rest: what follows the flags */
	size_t name_len;
	unsigned long callbacks;
	bool ipmodify, direct;
};

/* ---- words ------------------------------------------------------------------------------------*/

static bool is_symbol(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '$';
}

/* Length of the function name at @s, or 0 if none is there. */
static size_t name_length(const char *s)
{
	size_t n = 0;

	while (n < FUNCTION_BYTES_MAX && is_symbol(s[n]))
		n++;
	return n < FUNCTION_BYTES_MAX ? n : 0;
}

static bool has(const char *s, const char *end, const char *word)
{
	return s < end && memmem(s, (size_t)(end - s), word, strlen(word));
}

/* ---- users ------------------------------------------------------------------------------------*/

static void add(struct tracing *t, const char *name, size_t len, enum tracing_kind kind)
{
	t->counts[kind]++;
	if (t->n == TRACING_USERS_MAX)
		return;
	*ARENA_PUSH(t->arena, t->items, t->n) = (struct tracing_user){
		.function = arena_strndup(t->arena, name, len),
		.kind = kind,
	};
}

static bool is_known(const struct tracing *t, const char *name, size_t len, enum tracing_kind kind)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->items[i].kind == kind && strncmp(t->items[i].function, name, len) == 0 &&
		    !t->items[i].function[len])
			return true;
	return false;
}

/* ---- enabled_functions ------------------------------------------------------------------------*/

/* "NAME [MODULE] (COUNT) FLAGS..."; false: the line says something else. */
static bool parse_function(const char *s, size_t len, struct line *ret)
{
	const char *end = s + len, *p;
	char *after;

	*ret = (struct line){ .name = s, .end = end, .name_len = name_length(s) };
	p = s + ret->name_len;
	if (ret->name_len == 0 || p >= end || *p != ' ')
		return false;
	if (p[1] == '[') {
		p = memchr(p, ']', (size_t)(end - p));
		if (!p || ++p >= end)
			return false;
	}
	if (*p != ' ' || p[1] != '(' || p[2] < '0' || p[2] > '9')
		return false;
	ret->callbacks = strtoul(p + 2, &after, 10);
	if (after >= end || *after != ')')
		return false;
	for (p = after + 1; p < end && (*p == ' ' || (*p >= 'A' && *p <= 'Z')); p++) {
		ret->ipmodify |= *p == 'I';
		ret->direct |= *p == 'D';
	}
	ret->rest = p;
	return true;
}

static bool is_listed(const struct line *line, const char *const *own, size_t n_own)
{
	for (size_t i = 0; i < n_own; i++)
		if (strlen(own[i]) == line->name_len &&
		    memcmp(own[i], line->name, line->name_len) == 0)
			return true;
	return false;
}

/* A livepatch that is switched off has its functions in sysfs, and no hand in them. */
static bool is_patched(const struct line *line, const char *const *own, size_t n_own)
{
	return has(line->rest, line->end, LIVEPATCH_CALLBACK) ||
	       (line->ipmodify && is_listed(line, own, n_own));
}

static enum tracing_kind kind_of(const struct line *line, bool patched)
{
	if (line->direct) /* up to Linux 5.19 it has the flag I as well */
		return TRACING_TRAMPOLINE;
	if (line->ipmodify && !patched)
		return TRACING_IPMODIFY;
	return has(line->rest, line->end, KPROBE_CALLBACK) ? TRACING_KPROBE : TRACING_FTRACE;
}

void tracing_read_functions(struct tracing *t, const char *text, const char *const *own,
			    size_t n_own)
{
	for (size_t len; *text; text += len + (text[len] == '\n')) {
		struct line line;
		bool patched;

		len = strcspn(text, "\n");
		if (!parse_function(text, len, &line))
			continue;
		patched = is_patched(&line, own, n_own);
		if (patched && !line.direct && line.callbacks < 2)
			continue;
		add(t, line.name, line.name_len, kind_of(&line, patched));
	}
}

/* ---- kprobes/list -----------------------------------------------------------------------------*/

/* The start of the next word within the line, or its end. */
static const char *next_word(const char *p, const char *end)
{
	while (p < end && !strchr(BLANKS, *p))
		p++;
	while (p < end && strchr(BLANKS, *p))
		p++;
	return p;
}

void tracing_read_kprobes(struct tracing *t, const char *text)
{
	for (size_t len; *text; text += len + (text[len] == '\n')) {
		const char *end, *type, *name;
		size_t n;

		len = strcspn(text, "\n");
		end = text + len;
		type = next_word(text, end);
		name = next_word(type, end);
		n = name < end ? name_length(name) : 0;
		if (n == 0 || !strchr("krj", *type) || !strchr(BLANKS, type[1]))
			continue;
		if (has(name, end, "[GONE]") || has(name, end, "[DISABLED]") ||
		    (has(name, end, "[FTRACE]") && is_known(t, name, n, TRACING_KPROBE)))
			continue;
		add(t, name, n, TRACING_KPROBE);
	}
}

/* ---- questions --------------------------------------------------------------------------------*/

size_t tracing_total(const struct tracing *t)
{
	size_t total = 0;

	for (size_t i = 0; i < TRACING_KIND_COUNT; i++)
		total += t->counts[i];
	return total;
}

const char *tracing_kind_name(enum tracing_kind kind)
{
	return kind_names[kind];
}
