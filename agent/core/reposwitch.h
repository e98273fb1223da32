// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One repository section of a .repo file, switched on or off
 *
 * Pure: text in, text out. Only the value of the section's `enabled` is written otherwise;
 * comments, order, other sections and line ends stay as they are, byte for byte (DESIGN, ruling
 * 10). As yum and dnf read such files: keys begin in the first column and know no case, of several
 * the last counts, and a section without the key is enabled.
 */

#include "base/alloc.h"

/**
 * reposwitch_set() - enable or disable [@section]
 * @ret: the new text, to be freed; set when 1 is returned
 *
 * Return: 1, 0 when it is so already, or -ENOENT when there is no such section.
 */
_must_check_ int reposwitch_set(const char *text, size_t len, const char *section, bool on,
				char **ret, size_t *ret_len);
