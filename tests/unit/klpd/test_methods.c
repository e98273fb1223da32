// SPDX-License-Identifier: Apache-2.0
/* klpd/methods: the interface description and the table of methods say the same. */
#include "klpd/methods.h"

#include "base/alloc.h"
#include "ipc/idl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <ctype.h>

/* What the table's types are called in the description; an object may have a name of its own. */
static const char *const idl_types[] = {
	[JSON_STRING] = "string",
	[JSON_INTEGER] = "int",
	[JSON_TRUE] = "bool",
	[JSON_OBJECT] = "ScanOptions",
};

/* "(a: ?string, b: bool)", as the description would spell it without comments and line breaks. */
static char *spell(const struct varlink_field *fields)
{
	char *text = xstrdup("(");

	for (const struct varlink_field *f = fields; f && f->name; f++) {
		char *longer = xasprintf("%s%s%s:%s%s", text, f == fields ? "" : ",", f->name,
					 f->optional ? "?" : "", idl_types[f->type]);

		free(text);
		text = longer;
	}
	text = xreallocarray(text, strlen(text) + 2, 1);
	return strcat(text, ")");
}

/* The description without comments and blanks; a word is kept apart from the next by one blank. */
static char *condense(const char *idl)
{
	char *text = xcalloc(strlen(idl) + 1, 1), *to = text;

	for (const char *p = idl; *p; p++) {
		if (*p == '#')
			p += strcspn(p, "\n");
		if (!isspace((unsigned char)*p))
			*to++ = *p;
		else if (to > text && isalnum((unsigned char)to[-1]) &&
			 isalpha((unsigned char)p[1 + strspn(p + 1, " ")]))
			*to++ = ' ';
	}
	return text;
}

/* What follows "KIND NAME" up to its closing parenthesis, or NULL. */
static char *declaration(const char *idl, const char *kind, const char *name)
{
	_cleanup_free_ char *head = xasprintf("%s %s(", kind, name);
	const char *at = strstr(idl, head);

	if (!at)
		return NULL;
	at += strlen(head) - 1;
	return xstrndup(at, strcspn(at, ")") + 1);
}

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, word)); p += strlen(word))
		n++;
	return n;
}

static void test_every_method_is_described(void **state _unused_)
{
	_cleanup_free_ char *idl = condense(idl_text("io.klpd.Agent"));
	size_t n = 0;

	for (const struct varlink_method *m = methods; m->name; m++, n++) {
		_cleanup_free_ char *described = declaration(idl, "method", m->name);
		_cleanup_free_ char *served = spell(m->needs);

		print_message("# %s\n", m->name);
		assert_non_null(described);
		assert_string_equal(served, described);
		assert_non_null(m->fn);
	}
	assert_int_equal(count(idl, "method "), n);
}

static void test_scan_options_are_described(void **state _unused_)
{
	_cleanup_free_ char *idl = condense(idl_text("io.klpd.Agent"));
	_cleanup_free_ char *described = declaration(idl, "type", "ScanOptions");
	_cleanup_free_ char *served = spell(methods_scan_options);

	assert_non_null(described);
	assert_string_equal(served, described);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_method_is_described),
		cmocka_unit_test(test_scan_options_are_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
