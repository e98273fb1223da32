// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One HTTP request, by libcurl: the one file that includes it
 *
 * Redirects are not followed: what is signed is for one host. Certificates are verified, always.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_request {
	const char *method, *url;
	char *const *headers; /* "name: value", NULL-terminated; NULL: none */
	const char *body;     /* NULL: none */
	size_t body_len;
	size_t max;	      /* most bytes of the answer */
	int64_t timeout_msec; /* for all of it */
	bool direct;	      /* never through a proxy */
};

struct http_answer {
	long status;
	char *body; /* and a terminating NUL */
	size_t len;
	char *head; /* all header lines */
};

#define HTTP_WHY_SIZE 256

/*
 * HTTP_ANSWERED with @ret, whatever its status, to be cleared; else @why: there was no answer, or
 * one of more than `max` bytes, which would come again.
 */
enum http_end {
	HTTP_ANSWERED,
	HTTP_FAILED,
	HTTP_TOO_LARGE,
};

enum http_end http_send(const struct http_request *request, struct http_answer *ret,
			char why[HTTP_WHY_SIZE]);
void http_answer_clear(struct http_answer *answer);

/* The value of a header, to be freed, or NULL. */
char *http_header(const struct http_answer *answer, const char *name);
/* What the server's clock says, or INT64_MIN. */
int64_t http_date(const struct http_answer *answer);
