// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * io.klpd.Agent: the methods that klpd serves (ipc/io.klpd.Agent.varlink)
 *
 * Their functions get a struct agent as userdata.
 */

#include "ipc/varlink_server.h"
#include "klpd/jobs.h"
#include "klpd/plugincheck.h"

struct agent {
	const struct place *place;
	struct settings *settings;
	struct jobs *jobs;
	struct loop *loop;
	struct plugincheck *check; /* that is under way; or NULL */
	bool is_private;	   /* one caller, who started us */
};

/* Ends with a row without name. */
extern const struct varlink_method methods[];
/* The members of ScanOptions. */
extern const struct varlink_field methods_scan_options[];
