// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One rpm transaction: it installs packages and removes nothing but their older builds, or it
 * removes exactly the packages that are named
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
/*
 * Both for a removal: of @headers, which are in the rpm database. Refused is what another package
 * needs. A failing %preun keeps its package.
 */
_must_check_ int transaction_erase_test(rpmts ts, const Header *headers, size_t n, struct err *err);
_must_check_ int transaction_erase(rpmts ts, int output_fd, struct err *err);
