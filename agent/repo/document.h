// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Documents in the cache: a patch baseline or a list of patches that is named by its URL
 *
 *   CACHE/documents/sha256-<digest>    whole, and on disk before it got this name
 *
 * Names are made of checksums: nothing of them comes from a server. A document is fetched each
 * time, since it may have changed; an older copy never stands in for one that cannot be had.
 *
 * Only https, also where it is redirected to: unlike a package nothing but the connection proves
 * where a document came from. The certificate is always checked. Of the node's [main] only proxy,
 * sslcacert and timeout count: what lets klpd into a repository is not for other servers.
 */

#include "repo/fetch.h"
#include "repo/repoconf.h"

#define DOCUMENT_FOLDER	   "documents"
#define DOCUMENT_BYTES_MAX ((int64_t)2 * 1024 * 1024)
#define DOCUMENT_AGE_MAX   ((int64_t)7 * 86400) /* seconds that nobody wanted it */

struct document {
	const char *url;   /* may hold credentials: never shown as it is */
	const char *label; /* for messages: "the baseline override" */
	const char *path;  /* absolute, once it was fetched */
};

/* Can it be asked for at all? Return: 0, or -1 with @err (USAGE). */
_must_check_ int document_check(const struct document *document, struct err *err);

/* How documents are reached: what [main] of the configuration and the environment say. */
struct document_route {
	struct repoconf_section section; /* what a transfer needs besides the URL */
	const char *proxy;		 /* NULL: none */
	const char *no_proxy;		 /* hosts that are reached without it, as curl has them */
};

/* Changes the environment of the process for good; see document.c. */
struct document_route document_find_route(const struct repoconf_section *main, struct arena *arena);

/**
 * document_fetch() - download one document
 * @fetch:    with root, cache and cache_path set; its count grows
 * @document: whose path is set
 *
 * Return: 0, or -1 with @err: status as in transfer.h, and IO. The sentence names the URL without
 * what it keeps secret.
 */
_must_check_ int document_fetch(struct fetch *fetch, const struct document_route *route,
				struct document *document, struct arena *arena, struct err *err);

/* Removes what has been there for DOCUMENT_AGE_MAX before @now. */
void document_prune(int cache, int64_t now);
