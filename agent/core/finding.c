// SPDX-License-Identifier: Apache-2.0
#include "core/finding.h"

#include <stdarg.h>

void finding_add(struct findings *list, enum finding_severity severity, const char *code,
		 const char *subject, const char *fmt, ...)
{
	_cleanup_free_ char *message = NULL;
	struct finding *f;
	va_list ap;

	if (list->n >= FINDINGS_MAX) {
		list->dropped++;
		return;
	}
	va_start(ap, fmt);
	message = xvasprintf(fmt, ap);
	va_end(ap);

	f = ARENA_PUSH(list->arena, list->items, list->n);
	f->code = arena_strdup(list->arena, code);
	f->severity = severity;
	f->subject = arena_strdup(list->arena, subject ? subject : "");
	f->message = arena_strdup(list->arena, message);
}

void findings_copy(struct findings *to, const struct findings *from)
{
	for (size_t i = 0; i < from->n; i++)
		finding_add(to, from->items[i].severity, from->items[i].code,
			    from->items[i].subject, "%s", from->items[i].message);
	to->dropped += from->dropped;
}

bool findings_have(const struct findings *list, const char *code)
{
	for (size_t i = 0; i < list->n; i++)
		if (streq(list->items[i].code, code))
			return true;
	return false;
}

const char *finding_severity_name(enum finding_severity severity)
{
	static const char *const names[] = {
		[FINDING_INFO] = "info",
		[FINDING_WARNING] = "warning",
		[FINDING_ERROR] = "error",
	};

	return names[severity];
}
