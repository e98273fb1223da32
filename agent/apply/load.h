// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Loading: the modules of a livepatch package into the running kernel, by the node's own tool
 *
 * Success is what /sys/kernel/livepatch says afterwards, never the loader's exit status. A package
 * that rpm has installed may well have failed to load its modules (its %post only warns), and a
 * module that is loaded already is left alone, so this can be repeated.
 */

#include "apply/channel.h"
#include "apply/guard.h"

/*
 * Loads every module in the file list of @h that lies in a folder of the running kernel, and tells
 * @channel about each. Return: how many are not loaded, or -1 with @err (IO).
 */
_must_check_ int load_package(struct channel *channel, const struct guard *guard, int root,
			      Header h, struct err *err);
