// SPDX-License-Identifier: Apache-2.0
#include "klpd/journal.h"

#include "base/alloc.h"
#include "base/log.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#define STDOUT_SOCKET "/run/systemd/journal/stdout"
#define NATIVE_SOCKET "/run/systemd/journal/socket"
/* A datagram of this size always fits; what does not is cut at a field. */
#define DATAGRAM_MAX ((size_t)48 * 1024)

static const struct {
	enum log_level level;
	const char *id;
} events[] = {
	[JOURNAL_REPORT] = { LOG_LEVEL_INFO, "75f8f22eac4f4272961d988bdfef52e7" },
	[JOURNAL_PATCH] = { LOG_LEVEL_WARNING, "872bbcec54d04885b30a462b45b17720" },
	[JOURNAL_FINDING] = { LOG_LEVEL_WARNING, "e0eef1ce016848baa5d3d0fb05d93001" },
	[JOURNAL_FAILED] = { LOG_LEVEL_WARNING, "3bb6f597b50d4c39baaf3661a12526bd" },
	[JOURNAL_ASKED] = { LOG_LEVEL_INFO, "7fca5b4e49fa40c68090b2760c80671b" },
	[JOURNAL_REFUSED] = { LOG_LEVEL_WARNING, "6dc05c5e999b47ca81c95841d90b9c88" },
	[JOURNAL_HELD] = { LOG_LEVEL_INFO, "49c29a412ad84a4faddb9ee45b659948" },
	[JOURNAL_CHANGE_DONE] = { LOG_LEVEL_INFO, "9272132dcda943bd97fe103064da53f1" },
	[JOURNAL_INSTALLED] = { LOG_LEVEL_INFO, "c89c39a334594522bd20564c249199b7" },
	[JOURNAL_LIVEPATCH] = { LOG_LEVEL_INFO, "9da470a391eb4d19a88c657297f35562" },
};

_Static_assert(ARRAY_SIZE(events) == JOURNAL_EVENT_COUNT, "one row per event");

static int journal = -1;

void journal_open(void)
{
	struct sockaddr_un peer = { .sun_family = AF_UNSPEC };
	const struct sockaddr_un native = { .sun_family = AF_UNIX, .sun_path = NATIVE_SOCKET };
	socklen_t len = sizeof(peer);

	if (getpeername(STDERR_FILENO, (struct sockaddr *)&peer, &len) < 0 ||
	    peer.sun_family != AF_UNIX || !streq(peer.sun_path, STDOUT_SOCKET))
		return;
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (journal >= 0 && connect(journal, (const struct sockaddr *)&native, sizeof(native)) < 0)
		journal_close();
}

void journal_close(void)
{
	closep(&journal);
	journal = -1;
}

struct datagram {
	char *bytes;
	size_t len;
};

/* A newline would begin another field. */
static void add(struct datagram *d, const char *prefix, const char *name, const char *value)
{
	size_t before = d->len;
	int n = snprintf(d->bytes + d->len, DATAGRAM_MAX - d->len, "%s%s=%s", prefix, name, value);

	if (n < 0 || d->len + (size_t)n + 1 >= DATAGRAM_MAX)
		return;
	d->len += (size_t)n;
	for (size_t i = before; i < d->len; i++)
		if ((unsigned char)d->bytes[i] < ' ')
			d->bytes[i] = ' ';
	d->bytes[d->len++] = '\n';
}

void journal_write(enum journal_event event, const struct journal_field *fields,
		   const char *message)
{
	_cleanup_free_ char *bytes = NULL;
	char priority[] = { (char)('0' + events[event].level), '\0' };
	struct datagram d = { .len = 0 };

	if (journal < 0) {
		log_line(events[event].level, "%s", message);
		return;
	}
	d.bytes = bytes = xmalloc(DATAGRAM_MAX);
	add(&d, "", "MESSAGE", message);
	add(&d, "", "MESSAGE_ID", events[event].id);
	add(&d, "", "PRIORITY", priority);
	add(&d, "", "SYSLOG_IDENTIFIER", "klpd");
	for (const struct journal_field *f = fields; f->name; f++)
		if (f->value)
			add(&d, "KLPD_", f->name, f->value);
	if (send(journal, d.bytes, d.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_line(events[event].level, "%s", message);
}
