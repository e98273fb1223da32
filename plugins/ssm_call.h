// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Calls of AWS's API: where to, signed, and again where that may help
 *
 * Throttling, errors of the server and cut connections are waited out within the host's deadline,
 * keys that have expired are looked for again, and the server's clock counts where ours is off
 * (semantics 4.4, and the API's common errors).
 */

#include "ssm_identity.h"

struct endpoints {
	const char *url; /* of Systems Manager, without a path; NULL: by the region */
	const char *s3_url;
	bool fips, dual_stack;
};

struct call {
	const struct klpd_host *host;
	const struct places *places;
	const struct endpoints *endpoints;
	struct identity *identity;
	int64_t skew; /* seconds that our clock is behind */
};

enum call_end {
	CALL_OK,
	CALL_FULL,    /* AWS does not have what a hash stood for */
	CALL_SMALLER, /* it is too large */
	CALL_RETRY,   /* explained; not now */
	CALL_REFUSED, /* explained; nothing that is sent again would be taken */
};

/* One action of Systems Manager. @ret: the answer's body, to be freed; NULL unless CALL_OK. */
enum call_end call_ssm(struct call *call, const char *action, const char *body, char **ret);

/* "s3://bucket/key", or one by https, which is not signed. @ret: of @ret_len bytes and a NUL. */
enum call_end call_get(struct call *call, const char *url, size_t max, char **ret, size_t *ret_len);
