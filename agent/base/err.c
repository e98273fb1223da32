// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

#include "base/alloc.h"

#include <errno.h>

void err_clear(struct err *err)
{
	free(err->message);
	*err = ERR_INIT;
}

static void replace(struct err *err, int status, char *message)
{
	free(err->message);
	err->message = message;
	err->status = status;
}

void err_set_text(struct err *err, int status, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return;
	va_start(ap, fmt);
	replace(err, status, xvasprintf(fmt, ap));
	va_end(ap);
}

void err_set_errno_text(struct err *err, int status, int errnum, const char *fmt, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list ap;

	if (!err)
		return;
	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	if (errnum == EACCES || errnum == EPERM)
		status = EXIT_STATUS_NOPERM;
	replace(err, status, xasprintf("%s: %s", what, strerror(errnum)));
}

void err_prefix_text(struct err *err, const char *fmt, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list ap;

	if (!err)
		return;
	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	replace(err, err->status,
		xasprintf("%s: %s", what, err->message ? err->message : "failed"));
}
