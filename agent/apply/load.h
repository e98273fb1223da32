// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Loading and unloading: the modules of livepatch packages into the running kernel and out of it,
 * by the node's own tool
 *
 * Success is what /sys/kernel/livepatch says afterwards, never the tool's exit status. A package
 * that rpm has installed may well have failed to load its modules (its %post only warns). What is
 * so already is left alone, so this can be repeated. Modules count that stand in the file list of a
 * package, in a folder of the running kernel. @channel is told about each.
 */

#include "apply/channel.h"
#include "apply/guard.h"

bool load_has_modules(const struct guard *guard, Header h);

/* Return: how many modules of @h are not loaded, or -1 with @err (IO). */
_must_check_ int load_package(struct channel *channel, const struct guard *guard, int root,
			      Header h, struct err *err);
/*
 * Those of all @headers together, for a livepatch may rest on one that was loaded before: the last
 * one first, as /proc/modules has them. Return: how many are not gone, or -1 with @err (IO).
 */
_must_check_ int load_unload_packages(struct channel *channel, const struct guard *guard, int root,
				      const Header *headers, size_t n, struct err *err);
