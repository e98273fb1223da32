// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Events for the operator: one line each, in the journal with fields to search by
 *
 *   journalctl KLPD_STATE=Missing         journalctl KLPD_CVE=CVE-2025-40300
 *
 * An event goes to the journal itself where our stderr is connected to it, so that its fields are
 * kept (systemd.journal-fields(7), "Native Journal Protocol"); elsewhere its line goes to stderr.
 * Each kind has a MESSAGE_ID; systemd/klpd.catalog says more about it than a line can.
 *
 * The protocol is one datagram. libsystemd would do the same, at twice the resident memory of klpd
 * and with six libraries mapped.
 */

#include "base/macro.h"

enum journal_event {
	JOURNAL_REPORT,	     /* a report was made: KLPD_JOB, KLPD_STATE */
	JOURNAL_PATCH,	     /* it has a patch in a state to act on: KLPD_PACKAGE, _STATE, _CVE */
	JOURNAL_FINDING,     /* it has a warning: KLPD_FINDING */
	JOURNAL_FAILED,	     /* a job ended without a report: KLPD_STATUS */
	JOURNAL_ASKED,	     /* someone asked for a change: KLPD_ACTION, _CALLER... */
	JOURNAL_REFUSED,     /* and may not */
	JOURNAL_HELD,	     /* and is put off: pause, window */
	JOURNAL_CHANGE_DONE, /* how a change ended: KLPD_ACTION, KLPD_STATE, who asked */
	JOURNAL_INSTALLED,   /* a package was installed: KLPD_PACKAGE */
	JOURNAL_LIVEPATCH,   /* a livepatch's state after a change: KLPD_PACKAGE, KLPD_STATE */
	JOURNAL_EVENT_COUNT,
};

struct journal_field {
	const char *name;  /* without "KLPD_" */
	const char *value; /* NULL: left out */
};

/* Finds out where stderr leads. Before that, and without, events are lines on stderr. */
void journal_open(void);
void journal_close(void);

/* @fields end with a NULL name; a name may come several times. @message: one line. */
void journal_write(enum journal_event event, const struct journal_field *fields,
		   const char *message);
