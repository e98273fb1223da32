// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One rpm transaction that installs packages and removes nothing but their older builds
 */

#include "base/err.h"

#include <rpm/rpmts.h>

struct transaction_package {
	Header header;
	int fd;		   /* the file that @header was verified in */
	const char *label; /* for messages */
	bool beside;	   /* older builds stay (kernels) */
};

/* What is told while it runs. */
struct transaction_events {
	void (*progress)(size_t package, uint64_t done, uint64_t total, void *userdata);
	void *userdata;
};

/*
 * Puts the packages in and asks rpm for what could go wrong: dependencies, conflicts, files, disk
 * space. Changes nothing. Refused is also whatever would remove another package. 0, or -1 with
 * @err (DATA: the packages do not fit this node; IO).
 */
_must_check_ int transaction_test(rpmts ts, const struct transaction_package *packages, size_t n,
				  struct err *err);
/*
 * Runs it. What scriptlets write goes to @output_fd. 0, or -1 with @err: which package failed and
 * why. Success is not yet proof: a failing %post is only told in the output.
 */
_must_check_ int transaction_run(rpmts ts, const struct transaction_package *packages, size_t n,
				 const struct transaction_events *events, int output_fd,
				 struct err *err);
