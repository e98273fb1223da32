// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What klpd asks of the worker: one JSON object on standard input
 */

#include "base/alloc.h"
#include "base/err.h"
#include "core/plan.h"
#include "core/report.h"

struct request {
	const char *root;     /* "/" or the directory that stands for the machine */
	const char *cache;    /* metadata cache; NULL: none, look at the node only */
	const char *config;   /* configuration file; NULL: ROOT/etc/klpd/klpd.yaml if it exists */
	const char *baseline; /* file or name; NULL: as configured */
	/* The baseline itself; `baseline` then is what it is called in messages. NULL */
	const char *baseline_text;
	const char *kernel;   /* --kernel=RELEASE; NULL: the running one */
	const char *snapshot; /* evaluate this file instead of looking at the node; NULL */
	const char *explain;  /* package; NULL */
	const char *cve;      /* NULL */
	const char *trigger;  /* never NULL */
	int64_t now;	      /* as_of, or the clock */
	bool as_of_given;
	enum operation operation;
	enum reboot_option reboot_option;
	int64_t wait; /* activation: seconds to wait for the kernel; 0 */
	/* plan: */
	const char *overrides;	    /* InstallOverrideList file; NULL */
	const char *overrides_text; /* the list itself, called `overrides` in messages; NULL */
	struct plan_ban *bans;	    /* quarantined livepatches */
	size_t n_bans;
	bool with_kernel, retry_quarantined, unload;
	enum plan_configure configure;
	bool running_system; /* the root is the machine this process runs on */
};

#define REQUEST_BYTES_MAX ((size_t)64 * 1024)
#define REQUEST_WAIT_MAX  600

/* Unknown members are refused. Strings live in @arena. Return: 0, or -1 with @err (USAGE). */
_must_check_ int request_parse(const char *text, size_t len, struct arena *arena,
			       struct request *ret, struct err *err);
