// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * AWS Signature Version 4, as AWS's documentation describes it: a request made from the same parts
 * has the same signature. curl knows it only since 7.75, and takes the time from no one.
 */

#include <stddef.h>
#include <stdint.h>

struct aws_keys {
	const char *id, *secret;
	const char *token; /* of temporary credentials; NULL or "": they are not */
};

struct aws_header {
	const char *name; /* in lower case */
	const char *value;
};

struct aws_request {
	const char *method, *host;
	const char *path; /* as it stands in the URL: percent-encoded */
	const char *region, *service;
	const struct aws_header *headers; /* beyond those that the signature brings */
	size_t n_headers;
	const char *body;
	size_t body_len;
	int64_t now;
};

#define AWS_HEADERS_MAX 12

/*
 * All headers of the request but `host`, "name: value", NULL-terminated and to be freed with
 * aws_headers_free(); or NULL: there are too many, or memory is short.
 */
char **aws_sign(const struct aws_request *request, const struct aws_keys *keys);
void aws_headers_free(char **headers);

#define AWS_HEX_SIZE 65
void aws_sha256_hex(const void *data, size_t len, char hex[AWS_HEX_SIZE]);
