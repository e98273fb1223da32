// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * klpd-apply, asked over its socket (ipc/applymsg.h)
 *
 * systemd starts it as root for whoever connects to a socket that only klpd may open; what it may
 * touch then stands in its unit file. Without that socket (a directory that stands for a node) it
 * is started beside us with the rights of our own caller. Once asked it is never stopped: it
 * finishes what it began even if we end.
 */

#include "base/child.h"
#include "ipc/applymsg.h"

struct applier;

struct applier_usage {
	int64_t cpu_usec, peak_rss_kib;
};

struct applier_spec {
	const char *socket;	 /* where systemd listens for it; NULL: it is started beside us */
	const char *const *args; /* then: its options, NULL-terminated */
	const struct apply_request *request;
	const int *fds; /* one per package of APPLY_INSTALL; stay the caller's */
	void (*on_event)(const struct apply_event *event, void *userdata); /* not APPLY_DONE */
	/* @err NULL: all was done. May free the applier. */
	void (*on_done)(const struct err *err, const struct applier_usage *usage, void *userdata);
	void *userdata;
};

/* Return: 0, or -1 with @err. */
_must_check_ int applier_start(struct loop *loop, const struct applier_spec *spec,
			       struct applier **ret, struct err *err);
/* Without @on_done. Accepts NULL. */
void applier_free(struct applier *applier);
DEFINE_CLEANUP(struct applier *, applier_free);
