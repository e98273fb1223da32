// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What the plugins of this folder share; one out of the tree needs none of it
 */

#include "klpd-plugin.h"

/* The value of @key among @n settings, or @fallback. */
const char *common_setting(const struct klpd_setting *settings, size_t n, const char *key,
			   const char *fallback);
/*
 * KLPD_OK, or KLPD_WRONG and explained: a key that is not among @known (NULL-terminated), which
 * would otherwise be a spelling mistake that nobody sees.
 */
int common_check_keys(const struct klpd_host *host, const struct klpd_setting *settings, size_t n,
		      const char *const *known);
/* KLPD_OK, or KLPD_WRONG and explained: it is not an absolute path, or not given. */
int common_check_path(const struct klpd_host *host, const char *key, const char *path);
/* Explains by a format. Returns @result. */
int common_explain(const struct klpd_host *host, int result, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Replaces @path by @text, atomically and durably. KLPD_OK, or KLPD_RETRY and explained: what a
 * full disk or a missing folder needs may come yet.
 */
int common_write(const struct klpd_host *host, const char *path, const char *text, size_t len);
