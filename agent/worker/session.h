// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One run of the worker: settings, node, metadata and baseline, loaded as far as a verb needs them
 */

#include "core/evaluate.h"
#include "worker/request.h"

struct session {
	struct arena *arena;
	struct request request;
	int root; /* directory fd */
	struct config config;
	const struct doc *config_doc; /* NULL: defaults only */
	const char *config_file;      /* NULL: no file */
	struct snapshot *snapshot;
	const struct platform *platform; /* NULL: no profile fits */
	const struct baseline *baseline;
	const struct override_list *overrides; /* NULL: the request names none */
};

struct session *session_new(void);
void session_close(struct session *s); /* accepts NULL */
DEFINE_CLEANUP(struct session *, session_close);

/* Opens the root and reads the configuration. */
_must_check_ int session_open(struct session *s, struct err *err);

/* YAML or JSON; @dir may be AT_FDCWD. Lives in the session's arena. */
_must_check_ int session_read_doc(struct session *s, int dir, const char *path,
				  const struct doc **ret, struct err *err);

/* os-release, and the platform profile that fits it. */
_must_check_ int session_identify(struct session *s, struct err *err);
/* The baseline asked for, or configured, or the platform's own. */
_must_check_ int session_load_baseline(struct session *s, struct err *err);

/* All that evaluate() wants: the node and the metadata, or request.snapshot, and the baseline. */
_must_check_ int session_prepare(struct session *s, struct evaluation *ret, struct err *err);
