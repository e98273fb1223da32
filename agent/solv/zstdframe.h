// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Is a .zst file complete?
 *
 * libsolv (0.7.23 at least) never comes back from a zstd file that has been cut short: it asks the
 * decoder for more without end. So the structure of frames and blocks (RFC 8878, 3.1) is followed
 * before libsolv sees the file; nothing is decompressed.
 */

#include "base/macro.h"

#define ZSTDFRAME_BLOCKS_MAX ((size_t)1024 * 1024) /* of up to 128 KiB of content each */

/* 0; -EBADMSG: cut short, or not zstd; or another negative errno from reading @fd. */
_must_check_ int zstdframe_check(int fd);
