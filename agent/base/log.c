// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include "base/alloc.h"

static struct {
	const char *program;
	enum log_level max;
	bool terminal;
} settings = { .program = "klpd", .max = LOG_LEVEL_INFO };

void log_init(const char *program, enum log_level max)
{
	settings.program = program;
	settings.max = max;
	settings.terminal = isatty(STDERR_FILENO) == 1;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL, *line = NULL;
	va_list ap;

	if (level > settings.max)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	line = settings.terminal ? xasprintf("%s: %s\n", settings.program, text)
				 : xasprintf("<%d>%s: %s\n", (int)level, settings.program, text);
	/* One write, so that lines of several processes do not mix. Nobody to tell if it fails. */
	(void)!write(STDERR_FILENO, line, strlen(line));
}

int log_err(const struct err *err)
{
	log_error("%s", err->message ? err->message : "failed");
	return err->status ? err->status : EXIT_STATUS_FAILED;
}
