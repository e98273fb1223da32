// SPDX-License-Identifier: Apache-2.0
#include "rpm/messages.h"

#include "base/alloc.h"

#include <rpm/rpmlog.h>

#define MESSAGES_MAX 800

static char *kept;

/* Of a package's digests and signatures only the bad ones matter; "NAME:" stands above them. */
static bool is_no_news(const char *text, size_t len)
{
	return text[len - 1] == ':' || (len > 4 && strncmp(text + len - 4, ": OK", 4) == 0);
}

static int take(rpmlogRec record, rpmlogCallbackData data _unused_)
{
	const char *text = rpmlogRecMessage(record);
	size_t len;
	char *longer;

	text += strspn(text, " ");
	len = strcspn(text, "\n");
	if (rpmlogRecPriority(record) > RPMLOG_NOTICE || len == 0 || is_no_news(text, len) ||
	    (kept && strlen(kept) + len > MESSAGES_MAX))
		return 0;
	longer = xasprintf("%s%s%.*s", kept ? kept : "", kept ? "; " : "", (int)len, text);
	free(kept);
	kept = longer;
	return 0;
}

void messages_begin(void)
{
	free(kept);
	kept = NULL;
	rpmlogSetCallback(take, NULL);
}

const char *messages_take(void)
{
	static char *taken;

	free(taken);
	taken = kept ? kept : xstrdup("rpm does not say why");
	kept = NULL;
	for (char *p = taken; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	return taken;
}
